// SARIF 2.1.0, in the subset that code hosts show: a rule for each threat or check, a result for each finding that is not
// refuted, the layer as a logical location.
#include <nlohmann/json.hpp>
#include <set>

#include "base/text.h"
#include "report/report.h"
#include "report/version.h"

namespace careen {
namespace {

using Json = nlohmann::ordered_json;

const char* level(Severity s) {
  return s >= Severity::high ? "error" : s == Severity::medium ? "warning" : "note";
}

const char* score(Severity s) {  // what hosts sort by
  switch (s) {
    case Severity::critical:
      return "9.5";
    case Severity::high:
      return "8.0";
    case Severity::medium:
      return "5.5";
    case Severity::low:
      return "3.0";
    default:
      return "0.0";
  }
}

constexpr size_t kMaxResults = 25'000;  // what code hosts take

// CVSS where there is one, as long as it says what the severity does.
std::string score_of(const Finding& f) {
  if (f.vulnerability && !f.vulnerability->vector.empty() && f.vulnerability->score > 0 && f.severity != Severity::unknown) {
    std::string s = std::to_string(f.vulnerability->score);
    return s.substr(0, s.find('.') + 2);
  }
  return score(f.severity);
}

std::string rule_of(const Finding& f) {
  return f.threat.value_or("careen/" + f.rule);
}

// A path as a relative URI.
std::string uri(std::string_view path) {
  static constexpr char kDigits[] = "0123456789ABCDEF";
  std::string out;
  while (path.starts_with('/')) path.remove_prefix(1);
  for (char c : path) {
    bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || std::string_view("-._~/+").find(c) != std::string_view::npos;
    auto b = static_cast<uint8_t>(c);
    if (plain)
      out += c;
    else
      out += {'%', kDigits[b >> 4], kDigits[b & 15]};
  }
  return out.empty() ? "." : out;
}

// The same when an image is built anew with the same package in another version, so that a code host knows the alert again.
std::string stable_id(const Finding& f) {
  std::string s = std::string(to_text(f.kind)) + '\0' + rule_of(f) + '\0' + f.where.path.value_or("") + '\0' + (f.where.package ? f.where.package->name : "");
  Sha256 d = sha256_of(as_bytes(s));
  return to_hex(d.data(), 8);
}

Json result_of(const Finding& f) {
  // Each part by itself: a name in the image may hold a line break, and must not begin a line of ours.
  std::string safe = escape(f.title);
  for (const Evidence& e : f.evidence) safe += "\n" + std::string(to_text(e.by)) + ": " + escape(e.says);
  safe += "\nReachability: " + std::string(to_text(f.reachability.state));
  for (const std::string& b : f.reachability.because) safe += "\n  " + escape(b);
  Json location = {{"physicalLocation", {{"artifactLocation", {{"uri", uri(f.where.path.value_or(""))}}}, {"region", {{"startLine", 1}}}}}};
  if (f.where.layer_index) location["logicalLocations"] = Json::array({{{"name", "layer " + std::to_string(*f.where.layer_index)}, {"kind", "namespace"}}});
  return {{"ruleId", rule_of(f)},
          {"level", level(f.severity)},
          {"message", {{"text", safe}}},
          {"locations", Json::array({location})},
          {"partialFingerprints", {{"careenFindingId/v1", f.id}, {"primaryLocationLineHash", stable_id(f) + ":1"}}},
          {"properties",
           {{"confidence", to_text(f.confidence)},
            {"reachability", to_text(f.reachability.state)},
            {"severity", to_text(f.severity)},
            {"visible", f.where.visible}}}};
}

Json run_of(const ScanResult& r) {
  Json rules = Json::array(), results = Json::array();
  std::set<std::string> seen;
  size_t left_out = 0;  // findings stand the worst first
  for (const Finding& f : r.findings) {
    if (f.confidence == Confidence::refuted) continue;
    if (results.size() >= kMaxResults) {
      ++left_out;
      continue;
    }
    if (seen.insert(rule_of(f)).second)
      rules.push_back({{"id", rule_of(f)},
                       {"shortDescription", {{"text", escape(f.title)}}},
                       {"help", {{"text", escape(f.remediation.empty() ? f.title : f.remediation)}}},
                       {"properties", {{"security-severity", score_of(f)}, {"tags", Json::array({"security", to_text(f.kind)})}}}});
    results.push_back(result_of(f));
  }
  Json notes = Json::array();
  if (left_out != 0)
    notes.push_back(
        {{"level", "warning"}, {"message", {{"text", std::to_string(left_out) + " milder findings are left out: code hosts take 25,000 of a run"}}}});
  for (const Coverage& c : r.coverage)
    if (c.state == CoverageState::partly || c.state == CoverageState::not_looked)
      notes.push_back(
          {{"level", "warning"},
           {"message", {{"text", std::string(to_text(c.question)) + " " + std::string(to_text(c.state)) + ": " + escape(c.what) + ": " + escape(c.why)}}}});
  return {{"tool", {{"driver", {{"name", "careen"}, {"version", kVersion}, {"rules", rules}}}}},
          {"invocations", Json::array({{{"executionSuccessful", r.judgement.verdict != Verdict::undetermined}, {"toolExecutionNotifications", notes}}})},
          {"results", results},
          {"properties",
           {{"reference", escape(r.reference)}, {"digest", r.digest.empty() ? Json(nullptr) : Json(r.digest)}, {"verdict", to_text(r.judgement.verdict)}}}};
}

}  // namespace

std::string sarif_text(const std::vector<ScanResult>& results) {
  Json runs = Json::array();
  for (const ScanResult& r : results) runs.push_back(run_of(r));
  Json doc = {{"$schema", "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"}, {"version", "2.1.0"}, {"runs", runs}};
  return doc.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace careen
