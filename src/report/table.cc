#include <fmt/format.h>

#include <functional>
#include <map>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "report/layout.h"
#include "report/report.h"

namespace careen {
namespace {

const char* color_of(Severity s) {
  switch (s) {
    case Severity::critical:
      return "1;31";
    case Severity::high:
      return "31";
    case Severity::medium:
      return "33";
    case Severity::low:
      return "36";
    default:
      return "2";
  }
}

const char* color_of(Verdict v) {
  return v == Verdict::clean ? "1;32" : v == Verdict::flagged ? "1;31" : "1;33";
}

std::string upper(std::string_view s) {
  std::string out(s);
  for (char& c : out)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 32);
  return out;
}

void finding_block(std::string& out, const ScanResult& r, const Finding& f, const TableOptions& o, const Paint& paint) {
  size_t w = o.width;
  std::string head = upper(to_text(f.severity)) + "  " + std::string(to_text(f.confidence)) + " " + std::string(to_text(f.kind)) +
                     (f.threat ? "  " + *f.threat : "") + "  [" + f.id + "]";
  out += paint(color_of(f.severity), head) + "\n";
  out += wrap(escape(f.title), "  ", "  ", w);
  auto row = [&](std::string_view name, const std::string& text) { out += wrap(text, fmt::format("  {:<9}", name), "           ", w); };
  if (f.where.path) row("file", escape(*f.where.path) + (f.where.visible ? "" : "  (hidden)"));
  if (f.where.package) row("package", escape(f.where.package->name) + " " + escape(f.where.package->version));
  if (f.where.layer_index) {
    size_t i = *f.where.layer_index;
    std::string id = i < r.layers.size() && r.layers[i].digest ? r.layers[i].digest->short_text() : f.where.layer ? f.where.layer->substr(7, 12) : "";
    row("layer", fmt::format("{}{}", i, id.empty() ? "" : "  " + id));
    if (!f.created_by.empty()) {
      std::string step = escape(f.created_by);
      if (!o.verbose && step.size() > 160) {
        size_t cut = 157;
        while (cut > 0 && (static_cast<uint8_t>(step[cut]) & 0xC0U) == 0x80U) --cut;  // not inside a character
        step = step.substr(0, cut) + "...";
      }
      row("step", step);
    }
  }
  bool first = true;
  for (const Evidence& e : f.evidence) {
    row(first ? "because" : "", std::string(to_text(e.by)) + ": " + escape(e.says));
    first = false;
  }
  if (f.kind != FindingKind::integrity) {
    row("reach", std::string(to_text(f.reachability.state)));
    for (const std::string& b : f.reachability.because) row("", escape(b));
  }
  if (!f.remediation.empty()) row("do", f.remediation);
  out += "\n";
}

}  // namespace

std::string counts_of(const ScanResult& r) {
  std::map<Severity, uint64_t, std::greater<>> n;
  uint64_t fixable = 0, used = 0;
  for (const Finding& f : r.findings)
    if (f.kind == FindingKind::vulnerability && f.vulnerability) {
      ++n[f.severity];
      fixable += f.vulnerability->fixed.empty() ? 0 : 1;
      used += f.vulnerability->kev_added.empty() ? 0 : 1;
    }
  if (n.empty()) return "no known vulnerability";
  uint64_t all = 0;
  std::string out;
  for (const auto& [severity, count] : n) {
    all += count;
    out += (out.empty() ? "" : ", ") + fmt::format("{} {}", count, severity == Severity::unknown ? "of unknown severity" : to_text(severity));
  }
  out = fmt::format("{} {}: {}", all, all == 1 ? "vulnerability" : "vulnerabilities", out);
  if (fixable != 0) out += fmt::format("; {} with a fix", fixable);
  if (used != 0) out += fmt::format("; {} known to be exploited", used);
  return out;
}

// How many of the vulnerabilities an image inherits; "" when nothing tells.
std::string base_line(const ScanResult& r) {
  if (!r.base || r.base->layers == 0) return "";
  uint64_t all = 0, inherited = 0, fixable = 0;
  for (const Finding& f : r.findings) {
    if (f.kind != FindingKind::vulnerability || !f.vulnerability) continue;
    ++all;
    inherited += f.of_base ? 1 : 0;
    fixable += f.of_base && !f.vulnerability->fixed.empty() ? 1 : 0;
  }
  if (inherited == 0) return "";
  return fmt::format("{} of {} {} from {}{}", inherited, all, inherited == 1 ? "comes" : "come", escape(to_text(*r.base)),
                     fixable == 0 ? "" : fmt::format("; {} with a fix: rebuild on a newer one", fixable));
}

// A line for each, the worst first.
void vulnerability_table(std::string& out, const ScanResult& r, const TableOptions& o, const Paint& paint) {
  std::vector<const Finding*> list;
  for (const Finding& f : r.findings)
    if (f.kind == FindingKind::vulnerability && f.vulnerability) list.push_back(&f);
  if (list.empty()) return;
  out += wrap(counts_of(r), "", "  ", o.width);
  if (std::string base = base_line(r); !base.empty()) out += wrap(base, "", "  ", o.width);
  constexpr size_t kFew = 20;
  size_t shown = o.verbose ? list.size() : std::min(list.size(), kFew), package = 7, version = 9;
  // Cut to a number of columns, not inside a character.
  auto within = [](const std::string& s, size_t most) {
    if (columns(s) <= most) return s;
    size_t end = s.size();
    while (end > 0 && (columns(std::string_view(s).substr(0, end)) > most - 1 || (static_cast<uint8_t>(s[end]) & 0xC0U) == 0x80U)) --end;
    return s.substr(0, end) + "~";
  };
  auto cell = within;
  for (size_t i = 0; i < shown; ++i) {
    package = std::max(
        package, std::min<size_t>(20, escape(list[i]->where.package->source.empty() ? list[i]->where.package->name : list[i]->where.package->source).size()));
    version = std::max(version, std::min<size_t>(18, escape(list[i]->where.package->version).size()));
  }
  out +=
      "  " + within(fmt::format("{:<9}{:<20} {:<{}}  {:<{}}  {}", "SEVERITY", "ID", "PACKAGE", package, "INSTALLED", version, "FIXED IN"), o.width - 2) + "\n";
  for (size_t i = 0; i < shown; ++i) {
    const Finding& f = *list[i];
    const VulnerabilityDetail& v = *f.vulnerability;
    std::string name = escape(f.where.package->source.empty() ? f.where.package->name : f.where.package->source);
    std::string marks = std::string(v.kev_added.empty() ? "" : "  EXPLOITED") + (f.reachability.state == ReachState::reachable ? "  loaded" : "") +
                        (v.epss >= 0.1 ? fmt::format("  EPSS {:.0f}%", v.epss * 100) : "") + (v.doubtful ? "  (sources differ)" : "");
    std::string line =
        fmt::format("{:<9}{:<20} {:<{}}  {:<{}}  {}{}", to_text(f.severity), escape(*f.threat), cell(name, package), package,
                    cell(escape(f.where.package->version), version), version, v.fixed.empty() ? "- (" + v.fix_state + ")" : escape(v.fixed), marks);
    out += "  " + paint(color_of(f.severity), within(line, o.width - 2)) + "\n";
  }
  if (shown < list.size()) out += fmt::format("  and {} more (--verbose lists all; careen explain ID tells one)\n", list.size() - shown);
  out += "\n";
}

void hidden_lines(std::string& out, const ScanResult& r, const TableOptions& o) {
  auto line = [&](uint64_t n, const std::string& what) {
    if (n != 0) out += wrap(fmt::format("{} {} {}", n, n == 1 ? "vulnerability" : "vulnerabilities", what), "", "  ", o.width);
  };
  line(r.hidden.unimportant, "that the distribution holds to be unimportant (--unimportant lists them)");
  line(r.hidden.unfixed, "without a fix, left out by --only-fixed");
  line(r.hidden.severity, "left out by --severity");
  line(r.suppressed.size(), "suppressed" + std::string(o.verbose ? ":" : " (--verbose lists them)"));
  if (o.verbose)
    for (const Suppressed& s : r.suppressed)
      out += wrap(escape(s.finding.threat.value_or("")) + " in " + escape(s.finding.where.package ? s.finding.where.package->name : "") + ": " + escape(s.by) +
                      (s.reason.empty() ? "" : ": " + escape(s.reason)),
                  "  ", "    ", o.width);
  if (r.hidden.unimportant + r.hidden.unfixed + r.hidden.severity + r.suppressed.size() != 0) out += "\n";
}

std::string verdict_sentence(const ScanResult& r) {
  std::string against = fmt::format("{} known {} (records of {})", r.threats_known, r.threats_known == 1 ? "threat" : "threats", r.threats_date);
  std::string vulnerabilities = r.vulnerabilities_checked ? counts_of(r) : "vulnerabilities not checked: no advisory database";
  switch (r.judgement.verdict) {
    case Verdict::clean:
      return "clean of " + against + "; " + vulnerabilities;
    case Verdict::flagged: {
      size_t n = r.judgement.reasons.size();
      bool of_threats = std::any_of(r.findings.begin(), r.findings.end(), [](const Finding& f) { return f.kind != FindingKind::vulnerability && flags(f); });
      if (!of_threats) return "flagged: " + join(r.judgement.reasons, ", ") + "; clean of " + against;
      return fmt::format("flagged: {} {} flag{} it, against {}; {}", n, n == 1 ? "finding" : "findings", n == 1 ? "s" : "", against, vulnerabilities);
    }
    case Verdict::undetermined:
      return "undetermined: nothing was found against " + against + ", but not everything could be looked at" +
             (r.vulnerabilities_checked ? "; " + vulnerabilities : "");
  }
  return "";
}

std::string table_report(const ScanResult& r, const TableOptions& o) {
  Paint paint(o.color);
  std::string out;
  out += wrap(r.source + ":" + escape(r.resolved) + (r.digest.empty() ? "" : "  " + r.digest), "", "  ", o.width);
  std::string what = r.platform.empty() ? "" : escape(r.platform) + "  ";
  what += r.distribution.pretty.empty() ? (r.distribution.id.empty() ? "distribution not recorded" : escape(r.distribution.id + " " + r.distribution.release))
                                        : escape(r.distribution.pretty);
  if (!r.distribution.pretty.empty() && !r.distribution.release.empty()) what += " (" + escape(r.distribution.id + " " + r.distribution.release) + ")";
  out += wrap(what + fmt::format("  {} {}, {} packages", r.layers.size(), r.layers.size() == 1 ? "layer" : "layers", r.packages.size()), "", "  ", o.width);
  for (const std::string& remark : r.remarks) out += wrap(escape(remark), "note: ", "  ", o.width);
  std::string sentence = wrap(verdict_sentence(r), "", "  ", o.width);
  size_t word = std::string(to_text(r.judgement.verdict)).size();
  out += "\n" + paint(color_of(r.judgement.verdict), upper(sentence.substr(0, word))) + sentence.substr(word) + "\n";
  if (o.quiet) return out;

  size_t quiet_rows = 0;
  for (const Finding& f : r.findings) {
    if (f.kind == FindingKind::vulnerability) continue;
    if (!o.verbose && f.severity <= Severity::info && f.kind == FindingKind::integrity) {
      ++quiet_rows;
      continue;
    }
    finding_block(out, r, f, o, paint);
  }
  if (quiet_rows != 0)
    out += wrap(fmt::format("{} {} of severity info about files changed after installation (--verbose shows them)", quiet_rows,
                            quiet_rows == 1 ? "finding" : "findings"),
                "", "  ", o.width) +
           "\n";

  vulnerability_table(out, r, o, paint);
  hidden_lines(out, r, o);

  out += "Coverage\n";
  for (const Coverage& c : r.coverage) {
    bool gap = c.state == CoverageState::partly || c.state == CoverageState::not_looked;
    std::string state = c.state == CoverageState::looked       ? "looked"
                        : c.state == CoverageState::partly     ? "partly"
                        : c.state == CoverageState::not_looked ? "not looked"
                                                               : "n/a";
    std::string row = fmt::format("  {:<16}{:<11}", to_text(c.question), state);
    std::string text = wrap((c.what.empty() ? "" : escape(c.what) + ": ") + escape(c.why), row, std::string(29, ' '), o.width);
    out += gap ? paint("33", text.substr(0, text.size() - 1)) + "\n" : text;
  }
  return out;
}

std::string packages_table(const ScanResult& r) {
  size_t name = 4, version = 7;
  for (const InstalledPackage& p : r.packages) {
    name = std::max(name, std::min<size_t>(40, columns(escape(p.package.name))));
    version = std::max(version, std::min<size_t>(36, columns(escape(p.package.version))));
  }
  std::string out = fmt::format("{:<{}}  {:<{}}  {:<5} {:<8} {}\n", "NAME", name, "VERSION", version, "TYPE", "ARCH", "SOURCE");
  for (const InstalledPackage& p : r.packages) {
    std::string source = p.package.source == p.package.name ? "" : escape(p.package.source);
    std::string line = fmt::format("{:<{}}  {:<{}}  {:<5} {:<8} {}", escape(p.package.name), name, escape(p.package.version), version, to_text(p.package.type),
                                   escape(p.package.architecture), source);
    while (line.ends_with(' ')) line.pop_back();
    out += line + (p.visible ? "" : "  (its database was deleted)") + "\n";
  }
  if (r.unowned.empty()) return out;
  out += fmt::format("\n{} {} to no package:\n", r.unowned_in_all, r.unowned_in_all == 1 ? "program or library belongs" : "programs and libraries belong");
  for (const UnownedBinary& u : r.unowned)
    out += "/" + escape(u.path) + (u.product.empty() ? "" : "  " + u.product + " " + u.version + ", by its own text") + "\n";
  if (r.unowned.size() < r.unowned_in_all) out += fmt::format("and {} more\n", r.unowned_in_all - r.unowned.size());
  return out;
}

std::string explain_threat(const Threat& t, const TableOptions& o) {
  size_t w = o.width;
  std::string out = Paint(o.color)("1", t.id) + "  " + t.title + "\n\n";
  auto row = [&](std::string_view name, const std::string& text) {
    if (!text.empty()) out += wrap(text, fmt::format("{:<13}", name), std::string(13, ' '), w);
  };
  row("aliases", join(t.aliases, ", "));
  row("kind", t.kind);
  row("severity", std::string(to_text(t.severity)) + (t.exploited ? "; exploitation is known" : "; no exploitation is known"));
  row("published", t.published + ", updated " + t.updated);
  row("what", t.description);
  row("impact", t.impact);
  row("what to do", t.mitigation);
  row("acts", t.conditions.says);
  out += "\nKnown by\n";
  row("  images", t.manifests.empty() ? "" : std::to_string(t.manifests.size()) + " manifest digests");
  row("  layers", t.layers.empty() ? "" : std::to_string(t.layers.size()) + " layer digests");
  row("  files", t.files.empty() ? "" : std::to_string(t.files.size()) + " file digests");
  row("  patterns", t.patterns.empty() ? "" : std::to_string(t.patterns.size()) + " byte patterns and windows in " + std::to_string(t.rules.size()) + " rules");
  row("  structure", join(t.structure, ", "));
  for (const VersionIndicator& v : t.versions)
    row("  versions", join(v.packages, ", ") + " (" + std::string(to_text(v.type)) + (v.distributions.empty() ? "" : "; " + join(v.distributions, ", ")) +
                          "): " + (v.from.empty() ? "" : "from " + v.from + " ") + (v.to.empty() ? "" : "to " + v.to + " ") +
                          (v.before.empty() ? "" : "before " + v.before + " ") + (v.except.empty() ? "" : "but not " + join(v.except, ", ")));
  out += "\nSources\n";
  for (const std::string& s : t.sources) out += "  " + s + "\n";
  return out;
}

std::string explain_finding(const nlohmann::json& report, const nlohmann::json& f, const TableOptions& o) {
  auto text = [](const nlohmann::json& j, const char* key) {
    return j.is_object() && j.contains(key) && j[key].is_string() ? escape(j[key].get<std::string>()) : std::string{};
  };
  std::string out = Paint(o.color)("1", upper(text(f, "severity")) + "  " + text(f, "confidence") + " " + text(f, "kind") + "  [" + text(f, "id") + "]") + "\n";
  out += wrap(text(f, "title"), "", "", o.width) + "\n";
  auto row = [&](std::string_view name, const std::string& s) {
    if (!s.empty()) out += wrap(s, fmt::format("{:<11}", name), std::string(11, ' '), o.width);
  };
  const auto& image = report.value("image", nlohmann::json::object());
  const auto& where = f.value("where", nlohmann::json::object());
  row("image", text(image, "reference") + "  " + text(image, "digest"));
  row("threat", text(f, "threat"));
  row("file", text(where, "path") + (where.value("visible", true) ? "" : "  (hidden: a container does not see it)"));
  if (where.contains("package") && where["package"].is_object())
    row("package", text(where["package"], "name") + " " + text(where["package"], "version") + " of source " + text(where["package"], "source"));
  if (where.contains("layer_index") && where["layer_index"].is_number_unsigned()) {
    auto i = where["layer_index"].get<size_t>();
    row("layer", std::to_string(i) + "  " + text(where, "layer"));
    if (image.contains("layers") && image["layers"].is_array() && i < image["layers"].size()) {
      row("blob", text(image["layers"][i], "digest"));
      row("build step", text(image["layers"][i], "created_by"));
    }
  }
  if (const auto& v = f.value("vulnerability", nlohmann::json()); v.is_object()) {
    auto list = [&](const char* key) {
      std::string all;
      if (v.contains(key) && v[key].is_array())
        for (const auto& item : v[key])
          if (item.is_string()) all += (all.empty() ? "" : ", ") + escape(item.get<std::string>());
      return all;
    };
    row("also", list("aliases"));
    row("packages", list("packages"));
    row("fixed in", text(v, "fixed_version").empty() ? "no version: " + text(v, "fix_state") : text(v, "fixed_version"));
    row("rated by", text(v, "severity_source"));
    if (const auto& c = v.value("cvss", nlohmann::json()); c.is_object() && c.contains("score") && c["score"].is_number())
      row("CVSS " + text(c, "version"), fmt::format("{:.1f}  {}", c["score"].get<double>(), text(c, "vector")));
    if (const auto& e = v.value("epss", nlohmann::json()); e.is_object() && e.contains("probability") && e["probability"].is_number())
      row("EPSS", fmt::format("{:.2f} % ({})", e["probability"].get<double>() * 100, text(e, "date")));
    if (const auto& k = v.value("kev", nlohmann::json()); k.is_object()) row("exploited", "known since " + text(k, "added"));
    row("SSVC", text(v, "ssvc"));
    row("published", text(v, "published"));
    row("see", text(v, "url"));
  }
  out += "\nEvidence\n";
  for (const auto& e : f.value("evidence", nlohmann::json::array())) out += wrap(text(e, "by") + ": " + text(e, "says"), "  - ", "    ", o.width);
  const auto& reach = f.value("reachability", nlohmann::json::object());
  out += "\nDoes it matter here? " + text(reach, "state") + "\n";
  for (const auto& b : reach.value("because", nlohmann::json::array()))
    if (b.is_string()) out += wrap(escape(b.get<std::string>()), "  - ", "    ", o.width);
  out += "\nWhat to do\n" + wrap(text(f, "remediation"), "  ", "  ", o.width);
  return out;
}

}  // namespace careen
