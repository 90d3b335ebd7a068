// What detectors conclude: values that reports print and policy judges.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "facts/coverage.h"
#include "knowledge/threat.h"

namespace careen {

enum class FindingKind : uint8_t { backdoor, malware, vulnerability, integrity, secret, configuration, provenance };
enum class Confidence : uint8_t { refuted, suspected, confirmed };
enum class ReachState : uint8_t { reachable, dormant, unknown };
enum class EvidenceBy : uint8_t { digest, version, structure, pattern, integrity, ownership, name, advisory };

std::string_view to_text(FindingKind k);
std::string_view to_text(Confidence c);
std::string_view to_text(ReachState s);
std::string_view to_text(EvidenceBy b);

struct Evidence {
  EvidenceBy by = EvidenceBy::digest;
  std::string says;
  auto operator<=>(const Evidence&) const = default;
};

struct Reachability {
  ReachState state = ReachState::unknown;
  std::vector<std::string> because;
};

struct PackageRef {
  std::string name, version, source;
};

struct Where {
  std::optional<std::string> path;   // with a leading slash
  std::optional<std::string> layer;  // the computed diff ID
  std::optional<size_t> layer_index;
  bool visible = true;
  std::optional<PackageRef> package;
};

// What is known of a vulnerability, or of a malicious package, beyond what every finding has.
struct VulnerabilityDetail {
  std::vector<std::string> aliases, sources;
  std::vector<std::string> packages;  // of one source package, all that are installed
  std::string ecosystem, release;     // of the advisory that decided
  std::string fixed;                  // version; "" none is known
  std::string fix_state;              // in words, where there is none
  std::string severity_source, vector, published, url;
  double score = 0;  // CVSS; 0 with an empty vector: none
  std::string cvss_version;
  double epss = 0, percentile = 0;  // probabilities; with an empty date: not told
  std::string epss_date, kev_added, kev_due, ssvc;
  bool ransomware = false, doubtful = false, unimportant = false;
};

struct Finding {
  std::string id;
  FindingKind kind = FindingKind::backdoor;
  std::optional<std::string> threat;
  std::string rule;  // what found it where no threat is named; part of the id
  std::string title;
  Severity severity = Severity::unknown;
  Confidence confidence = Confidence::suspected;
  Reachability reachability;
  Where where;
  std::vector<Evidence> evidence;
  std::string remediation;
  std::string blob;        // the layer's blob digest, for people; "" unknown
  std::string created_by;  // the build step of the layer
  bool of_base = false;    // the layer is the base image's, as far as the image tells
  std::optional<VulnerabilityDetail> vulnerability;
};

// The same on every machine: of kind, threat or rule, diff ID, path and package.
std::string finding_id(const Finding& f);

// What a person should look at first: backdoors and malware, then vulnerabilities that are known to be used, then by severity, whether it is
// loaded here, how likely it is to be used, whether there is a fix, and the id.
void sort_findings(std::vector<Finding>& findings);

}  // namespace careen
