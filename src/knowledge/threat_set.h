// The threats that a run knows: the built-in records and those that the user adds.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "knowledge/threat.h"

namespace careen {

// One line of a report's `knowledge`.
struct KnowledgeSource {
  std::string name;
  uint64_t count = 0;
  Digest digest;
  std::string date;  // of the newest record, or of the data
};

// Immutable after load; shared by threads.
struct ThreatSet {
  std::vector<Threat> threats;
  std::vector<KnowledgeSource> sources;
  std::vector<PatternSpec> patterns;  // of all threats, in order
  std::string date;                   // of the newest record

  const Threat* find(std::string_view id_or_alias) const;
};

// A record that an inventory keeps (`careen threat add`).
struct KeptRecord {
  std::string id, text;
  bool replace = false;  // it stands in the place of a built-in one of the same id
};

struct ThreatOptions {
  std::vector<std::string> paths;  // files, or folders whose *.yaml and *.yml are taken in the order of their names
  bool replace = false;            // a record may take the place of a built-in or kept one of the same id
  std::vector<KeptRecord> kept = {};
  std::vector<KeptRecord> imported = {};  // of the advisory database; what is built in or kept goes before
};

Result<ThreatSet> load_threats(const ThreatOptions& options);

}  // namespace careen
