// What continuous integration shows: GitLab's container scanning, JUnit, Markdown for job summaries, CSV.
#include <fmt/format.h>

#include <functional>
#include <map>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "policy/verdict.h"
#include "report/formats.h"
#include "report/report.h"
#include "report/version.h"

namespace careen {
namespace {

using Json = nlohmann::ordered_json;

std::string capital(std::string_view s) {
  std::string out(s);
  if (!out.empty() && out[0] >= 'a' && out[0] <= 'z') out[0] = static_cast<char>(out[0] - 32);
  return out;
}

std::string package_name(const Finding& f) {
  return f.where.package ? f.where.package->name : f.where.path ? std::string(base_name(*f.where.path)) : "image";
}
std::string package_version(const Finding& f) {
  return f.where.package ? f.where.package->version : "";
}
std::string name_of(const Finding& f) {
  return f.threat.value_or(f.rule);
}

Json identifier(const std::string& id) {
  if (id.starts_with("CVE-")) return {{"type", "cve"}, {"name", id}, {"value", id}, {"url", "https://www.cve.org/CVERecord?id=" + id}};
  if (id.starts_with("GHSA-")) return {{"type", "ghsa"}, {"name", id}, {"value", id}, {"url", "https://github.com/advisories/" + id}};
  return {{"type", "careen"}, {"name", escape(id)}, {"value", escape(id)}};
}

std::string because(const Finding& f) {
  std::string out;
  for (const Evidence& e : f.evidence) out += std::string(to_text(e.by)) + ": " + escape(e.says) + "\n";
  out += "reachability: " + std::string(to_text(f.reachability.state)) + "\n";
  for (const std::string& b : f.reachability.because) out += "  " + escape(b) + "\n";
  return out;
}

// Pipes and line breaks would end a cell; HTML and links are shown as they stand.
std::string cell(std::string_view s) {
  std::string out;
  for (char c : escape(s)) {
    if (std::string_view("|\\`*_<>[]&#").find(c) != std::string_view::npos) out += '\\';
    out += c;
  }
  return out;
}

// RFC 4180; a cell that a spreadsheet would take for a formula begins with an apostrophe.
std::string csv(std::string_view s) {
  std::string text = escape(s);
  if (!text.empty() && std::string_view("=+-@\t\r").find(text[0]) != std::string_view::npos) text.insert(0, 1, '\'');
  if (text.find_first_of(",\"\n") == std::string::npos) return text;
  std::string out = "\"";
  for (char c : text) {
    if (c == '"') out += '"';
    out += c;
  }
  return out + "\"";
}

}  // namespace

std::string gitlab_text(const std::vector<ScanResult>& results, const FormatContext& c) {
  Json list = Json::array();
  for (const ScanResult& r : results)
    for (const Finding& f : r.findings) {
      if (f.confidence == Confidence::refuted || f.kind == FindingKind::configuration) continue;
      Json identifiers = Json::array({identifier(name_of(f))});
      if (f.vulnerability)
        for (const std::string& a : f.vulnerability->aliases)
          if (identifiers.size() < 20) identifiers.push_back(identifier(a));
      Json links = Json::array();
      if (f.vulnerability && !f.vulnerability->url.empty()) links.push_back({{"url", escape(f.vulnerability->url)}});
      Json dependency = {{"package", {{"name", escape(package_name(f))}}}};
      if (!package_version(f).empty()) dependency["version"] = escape(package_version(f));
      std::string os = r.distribution.id.empty() ? "unknown" : escape(r.distribution.id + " " + r.distribution.release);
      list.push_back({{"id", uuid_of(f.id + r.reference + r.platform)},
                      {"name", escape(name_of(f))},
                      {"description", escape(f.title) + "\n" + because(f)},
                      {"severity", capital(to_text(f.severity))},
                      {"solution", escape(f.remediation)},
                      {"identifiers", identifiers},
                      {"links", links},
                      {"location", {{"dependency", dependency}, {"operating_system", os}, {"image", escape(r.reference)}}}});
    }
  std::string time = time_text(c.now).substr(0, 19);
  Json tool = {{"id", "careen"}, {"name", "careen"}, {"version", kVersion}, {"vendor", {{"name", "careen"}}}};
  bool whole = std::none_of(results.begin(), results.end(), [](const ScanResult& r) { return r.judgement.verdict == Verdict::undetermined; });
  Json out = {{"version", "15.2.1"},
              {"scan",
               {{"analyzer", tool},
                {"scanner", tool},
                {"type", "container_scanning"},
                {"start_time", time},
                {"end_time", time},
                {"status", whole ? "success" : "failure"}}},
              {"vulnerabilities", list},
              {"remediations", Json::array()}};
  return out.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string junit_text(const std::vector<ScanResult>& results) {
  std::string out = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"careen\">\n";
  for (const ScanResult& r : results) {
    size_t failures = 0, skipped = 0, tests = 1;
    std::string cases;
    bool flagged = r.judgement.verdict == Verdict::flagged;
    for (const Finding& f : r.findings) {
      if (f.confidence == Confidence::refuted) continue;
      ++tests;
      bool fails = flags(f, r.fail_on);
      failures += fails ? 1 : 0;
      cases += fmt::format("    <testcase classname=\"{}\" name=\"{} in {}\">\n", xml_escape(r.reference), xml_escape(name_of(f)),
                           xml_escape(package_name(f) + (package_version(f).empty() ? "" : " " + package_version(f))));
      std::string text = xml_escape(f.title);
      std::string details;
      each_line(because(f), [&](std::string_view line) {
        details += xml_escape(line) + "\n";
        return true;
      });
      if (fails)
        cases += fmt::format("      <failure type=\"{}\" message=\"{}\">{}</failure>\n", to_text(f.severity), text, details);
      else
        cases += fmt::format("      <system-out>{} {}\n{}</system-out>\n", to_text(f.severity), text, details);
      cases += "    </testcase>\n";
    }
    for (const Coverage& c : r.coverage) {
      if (c.state != CoverageState::partly && c.state != CoverageState::not_looked) continue;
      ++tests, ++skipped;
      cases += fmt::format("    <testcase classname=\"{}\" name=\"coverage: {}{}\">\n      <skipped message=\"{}\"/>\n    </testcase>\n",
                           xml_escape(r.reference), to_text(c.question), c.what.empty() ? "" : " of " + xml_escape(c.what), xml_escape(c.why));
    }
    std::string verdict = fmt::format("    <testcase classname=\"{}\" name=\"verdict\">\n", xml_escape(r.reference));
    if (flagged && failures == 0) ++failures, verdict += fmt::format("      <failure message=\"{}\"/>\n", xml_escape(verdict_sentence(r)));
    if (r.judgement.verdict == Verdict::undetermined)
      ++failures, verdict += fmt::format("      <failure type=\"undetermined\" message=\"{}\"/>\n", xml_escape(verdict_sentence(r)));
    out +=
        fmt::format("  <testsuite name=\"{}\" tests=\"{}\" failures=\"{}\" errors=\"0\" skipped=\"{}\">\n", xml_escape(r.reference), tests, failures, skipped);
    out += verdict + "    </testcase>\n" + cases + "  </testsuite>\n";
  }
  return out + "</testsuites>\n";
}

std::string markdown_text(const std::vector<ScanResult>& results) {
  constexpr size_t kMost = 200;  // job summaries have a limit of a megabyte
  std::string out;
  for (const ScanResult& r : results) {
    out += "## careen: " + cell(r.reference) + (r.platform.empty() ? "" : " (" + cell(r.platform) + ")") + "\n\n";
    out += "**" + capital(to_text(r.judgement.verdict)) + "**: " + cell(verdict_sentence(r)) + "\n\n";
    std::vector<const Finding*> told;
    for (const Finding& f : r.findings)
      if (f.confidence != Confidence::refuted && (f.severity > Severity::info || f.kind != FindingKind::integrity)) told.push_back(&f);
    if (!told.empty()) {
      out += "| Severity | Finding | Package | Installed | Fixed in | Reachable |\n|---|---|---|---|---|---|\n";
      for (size_t i = 0; i < std::min(told.size(), kMost); ++i) {
        const Finding& f = *told[i];
        std::string fixed = f.vulnerability ? (f.vulnerability->fixed.empty() ? "- (" + f.vulnerability->fix_state + ")" : f.vulnerability->fixed) : "";
        std::string name = cell(name_of(f));
        if (f.vulnerability && f.vulnerability->url.starts_with("https://") && f.vulnerability->url.find_first_of(" ()<>\"\\") == std::string::npos)
          name = "[" + name + "](" + escape(f.vulnerability->url) + ")";
        if (f.vulnerability && !f.vulnerability->kev_added.empty()) name += " **exploited**";
        out += fmt::format("| {} | {} | {} | {} | {} | {} |\n", to_text(f.severity), name, cell(package_name(f)), cell(package_version(f)), cell(fixed),
                           to_text(f.reachability.state));
      }
      if (told.size() > kMost) out += fmt::format("\nand {} more.\n", told.size() - kMost);
      out += "\n";
    }
    std::string gaps;
    for (const Coverage& c : r.coverage)
      if (c.state == CoverageState::partly || c.state == CoverageState::not_looked)
        gaps += fmt::format("- {}: {}{}\n", to_text(c.question), c.what.empty() ? "" : cell(c.what) + ": ", cell(c.why));
    if (!gaps.empty()) out += "Not looked at, or in part:\n\n" + gaps + "\n";
    if (!r.suppressed.empty()) out += fmt::format("{} suppressed by rules or VEX.\n\n", r.suppressed.size());
  }
  return out;
}

std::string csv_text(const std::vector<ScanResult>& results) {
  std::string out =
      "image,digest,platform,kind,id,severity,confidence,reachability,package,version,fixed_version,path,layer,cvss,epss,kev,suppressed_by,title\r\n";
  auto row = [&](const ScanResult& r, const Finding& f, const std::string& by) {
    const VulnerabilityDetail* v = f.vulnerability ? &*f.vulnerability : nullptr;
    out +=
        fmt::format("{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{}\r\n", csv(r.reference), csv(r.digest), csv(r.platform), to_text(f.kind),
                    csv(name_of(f)), to_text(f.severity), to_text(f.confidence), to_text(f.reachability.state), csv(package_name(f)), csv(package_version(f)),
                    csv(v != nullptr ? v->fixed : ""), csv(f.where.path.value_or("")), csv(f.where.layer.value_or("")),
                    v != nullptr && !v->vector.empty() ? fmt::format("{:.1f}", v->score) : "",
                    v != nullptr && !v->epss_date.empty() ? fmt::format("{:.5f}", v->epss) : "", v != nullptr ? csv(v->kev_added) : "", csv(by), csv(f.title));
  };
  for (const ScanResult& r : results) {
    for (const Finding& f : r.findings) row(r, f, "");
    for (const Suppressed& s : r.suppressed) row(r, s.finding, s.by);
  }
  return out;
}

}  // namespace careen
