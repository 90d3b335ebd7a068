#include "detect/finding.h"

#include <algorithm>
#include <functional>
#include <tuple>

#include "base/text.h"
#include "digest/digest.h"

namespace careen {

std::string_view to_text(FindingKind k) {
  switch (k) {
    case FindingKind::backdoor:
      return "backdoor";
    case FindingKind::malware:
      return "malware";
    case FindingKind::vulnerability:
      return "vulnerability";
    case FindingKind::integrity:
      return "integrity";
    case FindingKind::secret:
      return "secret";
    case FindingKind::configuration:
      return "configuration";
    case FindingKind::provenance:
      return "provenance";
  }
  return "backdoor";
}

std::string_view to_text(Confidence c) {
  switch (c) {
    case Confidence::refuted:
      return "refuted";
    case Confidence::suspected:
      return "suspected";
    case Confidence::confirmed:
      return "confirmed";
  }
  return "suspected";
}

std::string_view to_text(ReachState s) {
  switch (s) {
    case ReachState::reachable:
      return "reachable";
    case ReachState::dormant:
      return "dormant";
    case ReachState::unknown:
      return "unknown";
  }
  return "unknown";
}

std::string_view to_text(EvidenceBy b) {
  switch (b) {
    case EvidenceBy::digest:
      return "digest";
    case EvidenceBy::version:
      return "version";
    case EvidenceBy::structure:
      return "structure";
    case EvidenceBy::pattern:
      return "pattern";
    case EvidenceBy::integrity:
      return "integrity";
    case EvidenceBy::ownership:
      return "ownership";
    case EvidenceBy::name:
      return "name";
    case EvidenceBy::advisory:
      return "advisory";
  }
  return "digest";
}

std::string finding_id(const Finding& f) {
  std::string s(to_text(f.kind));
  for (const std::string& part : {f.threat.value_or(f.rule), f.where.layer.value_or(""), f.where.path.value_or(""),
                                  f.where.package ? f.where.package->name + "=" + f.where.package->version : std::string{}}) {
    s += '\0';
    s += part;
  }
  Sha256 d = sha256_of(as_bytes(s));
  return to_hex(d.data(), 8);
}

void sort_findings(std::vector<Finding>& findings) {
  auto order = [](const Finding& f) {
    static const VulnerabilityDetail none;
    const VulnerabilityDetail& v = f.vulnerability ? *f.vulnerability : none;
    bool vulnerability = f.kind == FindingKind::vulnerability, used = !v.kev_added.empty() || v.ssvc.starts_with("active");
    int reach = !vulnerability ? 0 : f.reachability.state == ReachState::reachable ? 0 : f.reachability.state == ReachState::unknown ? 1 : 2;
    return std::make_tuple(vulnerability, !used, -static_cast<int>(f.severity), reach, -v.epss, v.fixed.empty(), std::cref(f.id));
  };
  std::sort(findings.begin(), findings.end(), [&](const Finding& a, const Finding& b) { return order(a) < order(b); });
}

}  // namespace careen
