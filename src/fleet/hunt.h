// Questions to the inventory: which images hold a package, a file, a name, a threat. Nothing is read and nothing is asked for.
//
// An answer says what it was searched in. An image with layers or databases that could not be read is *not judged*: it is never
// counted as holding nothing.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "scan/scan.h"
#include "store/inventory.h"

namespace careen {

enum class Indicator : uint8_t {
  package,
  sha256,
  soname,
  needed,
  symbol,
  build_id,
  path,
  structure,
  environment,
  label,
  entrypoint,
  layer,
  manifest,
  threat,
};

struct HuntQuestion {
  Indicator by = Indicator::package;
  std::string text;   // as it was asked
  std::string value;  // name, digest, glob
  std::string type;   // of a package: deb, rpm, apk, alpm; "" for any
  struct Bound {
    std::string op, version;  // op: = != < <= > >=
  };
  std::vector<Bound> bounds;  // of a package: all must hold
};

// package:NAME[>=V,<V] pkg:TYPE/NAME[@V] sha256:HEX soname:N needed:N symbol:N build-id:HEX path:GLOB structure:RULE env:NAME[=V]
// label:NAME[=V] entrypoint:TEXT layer:sha256:HEX manifest:sha256:HEX threat:ID. Errc::usage says what was expected.
Result<HuntQuestion> parse_question(const std::string& text);
// The same for a list: one a line, # begins a comment; a bare 64-digit hex is a file's SHA-256.
Result<std::vector<HuntQuestion>> parse_questions(const std::string& list, const std::string& file);

struct HuntMatch {
  std::string indicator;  // as asked
  std::string image;      // manifest digest
  std::string platform;
  std::vector<Tag> tags;
  std::vector<StoredUse> uses;  // running ones first
  std::optional<std::string> path, package, version;
  std::optional<std::string> layer;  // diff ID
  std::optional<size_t> layer_index;
  std::string created_by;
  bool visible = true;
  int64_t first_seen = 0, last_seen = 0;
  std::optional<std::string> confidence, severity, reachability;  // of a threat
  std::map<std::string, std::string> labels;                      // org.opencontainers.image.source and .revision
};

struct HuntAnswer {
  std::vector<HuntMatch> matches;
  InventoryCounts searched;
  std::vector<std::pair<std::string, std::string>> unjudged;  // image digest and why
};

bool is_running(const HuntMatch& m);

// Matches of running images come first, then by image, layer and path.
HuntAnswer hunt(Inventory& inventory, const std::vector<HuntQuestion>& questions);

// The name a person knows an image by: its first tag that is still there, else its digest.
std::string name_of(const std::vector<Tag>& tags, const std::string& digest);

}  // namespace careen
