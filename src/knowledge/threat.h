// A threat: a named danger, the signs by which it is known, and the conditions under which it is dangerous.
//
// Threats are reviewed YAML files; docs/threat-record.md describes them and docs/schemas/threat-v1.schema.json checks them. Nothing
// about one threat is in code.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "digest/digest.h"
#include "formats/package.h"
#include "formats/patterns.h"

namespace careen {

enum class Severity : uint8_t { unknown, info, low, medium, high, critical };
std::string_view to_text(Severity s);
std::optional<Severity> parse_severity(std::string_view s);

struct DigestIndicator {
  Digest digest;
  std::string note;
  std::vector<std::string> files;    // layers: the paths in it that carry the threat
  std::optional<Severity> severity;  // files: instead of the threat's
};

struct VersionIndicator {
  std::vector<std::string> packages;  // binary package names
  PackageType type = PackageType::deb;
  std::vector<std::string> distributions;  // IDs of os-release; empty: every one
  std::vector<std::string> architectures;  // as the package says; empty: every one
  std::string from, to, before;            // from and to are inclusive; "" is open
  std::vector<std::string> except;         // globs over the version
  std::vector<std::string> content;        // globs: the package's files that would carry it
  std::string note;
};

// Byte patterns and windows that say it together: every one of `all`, or where that is empty any of `any`.
struct PatternRule {
  std::string id;
  std::vector<std::string> all, any;  // ids of patterns and windows, with the threat's id in front as in PatternSpec
  std::string note;
  std::optional<Severity> severity;  // instead of the threat's
  bool suspected = false;            // a hit alone does not confirm: text that quotes the bytes matches too
};

struct PathIndicator {
  std::string glob, note;
};

struct Conditions {
  std::vector<std::string> architectures;  // of the file, as in a platform; empty: every one
  std::vector<std::string> programs;       // globs over program paths in which it acts; empty: whatever loads it
  std::string says;                        // in words
};

struct Threat {
  std::string id, title, kind = "backdoor";  // backdoor or malware
  std::vector<std::string> aliases, sources;
  Severity severity = Severity::high;
  bool exploited = false;
  std::string published, updated;  // YYYY-MM-DD
  std::string description, impact, mitigation;
  std::vector<DigestIndicator> manifests, layers, files;
  std::vector<VersionIndicator> versions;
  std::vector<PatternSpec> patterns;   // and windows
  std::vector<PatternRule> rules;      // each pattern that no rule names stands for itself
  std::vector<std::string> structure;  // structure rules that this threat shows beside another sign
  std::vector<PathIndicator> paths;
  Conditions conditions;
};

// Reads one record. A mistake is an Error that says file, line and what was expected.
Result<Threat> parse_threat(std::string_view yaml, const std::string& file);

// A commented skeleton that parse_threat accepts.
std::string threat_skeleton(const std::string& id);

}  // namespace careen
