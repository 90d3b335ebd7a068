// One HTML file that works without a network: no script or style from elsewhere, a policy that allows none, everything of the image escaped.
#include <fmt/format.h>

#include <functional>
#include <map>

#include "base/text.h"
#include "report/formats.h"
#include "report/report.h"
#include "report/version.h"

namespace careen {
namespace {

constexpr std::string_view kStyle = R"(
:root{color-scheme:light;--fg:#1a1d21;--bg:#fff;--soft:#f4f5f7;--line:#d9dce1;--dim:#5b6470;--critical:#a4001d;--high:#c2410c;--medium:#a16207;--low:#1d6fa5;--clean:#137333}
@media screen and (prefers-color-scheme:dark){:root{color-scheme:dark;--fg:#e6e8eb;--bg:#15181c;--soft:#1e2227;--line:#343a41;--dim:#9aa4b0;--critical:#ff6b81;--high:#ff9457;--medium:#e8b94a;--low:#6cb8ea;--clean:#5fd07f}}
*{box-sizing:border-box}body{margin:0;font:15px/1.5 system-ui,sans-serif;color:var(--fg);background:var(--bg)}
main{max-width:76rem;margin:0 auto;padding:1.5rem}h1{font-size:1.3rem;margin:0 0 .2rem;overflow-wrap:anywhere}h2{font-size:1.05rem;margin:2rem 0 .6rem}
.dim{color:var(--dim);overflow-wrap:anywhere}.verdict{padding:.8rem 1rem;border-left:6px solid;background:var(--soft);margin:1rem 0}
.flagged{border-color:var(--critical)}.clean{border-color:var(--clean)}.undetermined{border-color:var(--medium)}
.verdict b{text-transform:uppercase}.counts span{display:inline-block;margin:0 1rem .4rem 0}
input{font:inherit;padding:.4rem .6rem;width:100%;max-width:30rem;border:1px solid var(--line);border-radius:4px;background:var(--bg);color:var(--fg)}::placeholder{color:var(--dim);opacity:1}a{color:var(--low)}
table{border-collapse:collapse;width:100%;margin-top:.6rem}th,td{text-align:left;padding:.35rem .6rem;border-bottom:1px solid var(--line);vertical-align:top;overflow-wrap:anywhere}
th{font-weight:600;background:var(--soft);position:sticky;top:0}th,.w,td.s{white-space:nowrap}td.s{font-weight:600}td.i{min-width:11.5rem}
.critical{color:var(--critical)}.high{color:var(--high)}.medium{color:var(--medium)}.low{color:var(--low)}.info,.unknown{color:var(--dim)}
details summary{cursor:pointer}details p{margin:.3rem 0}code{font:13px ui-monospace,monospace;overflow-wrap:anywhere}
.tag{border:1px solid;border-radius:3px;padding:0 .3rem;font-size:.8rem}
@media(max-width:56rem){table,tbody,tr,td{display:block}thead,tr[hidden],td:empty{display:none}tr{border-bottom:1px solid var(--line);padding:.3rem 0}
td{border:0;padding:.05rem 0}td.s,td.i,td.w{display:inline-block;margin-right:.5rem;min-width:0;max-width:100%}td[data-is]::before{content:attr(data-is);margin-right:.4rem;color:var(--dim)}}
@media print{label{display:none}summary{list-style:none}th{position:static}tr{break-inside:avoid}}
@media print{details::details-content{content-visibility:visible}}
)";

constexpr std::string_view kScript = R"(
for(const box of document.querySelectorAll('input[data-for]')){box.parentNode.hidden=false;const rows=document.getElementById(box.dataset.for).tBodies[0].rows;
box.addEventListener('input',()=>{const q=box.value.toLowerCase();for(const r of rows)r.hidden=!r.textContent.toLowerCase().includes(q)})}
)";

std::string name_of(const Finding& f) {
  return f.threat.value_or(f.rule);
}

std::string details_of(const Finding& f, const ScanResult& r) {
  std::string out = "<details><summary>" + xml_escape(f.title) + "</summary>";
  auto line = [&](std::string_view name, const std::string& text) {
    if (!text.empty()) out += fmt::format("<p><b>{}</b> {}</p>", name, xml_escape(text));
  };
  for (const Evidence& e : f.evidence) line(to_text(e.by), e.says);
  std::string reach(to_text(f.reachability.state));
  for (const std::string& b : f.reachability.because) reach += "; " + b;
  line("reachability", reach);
  if (f.where.layer_index) {
    size_t i = *f.where.layer_index;
    line("layer", std::to_string(i) + (i < r.layers.size() ? "  " + r.layers[i].created_by : ""));
  }
  line("file", f.where.path.value_or(""));
  if (f.vulnerability) {
    const VulnerabilityDetail& v = *f.vulnerability;
    line("packages", join(v.packages, ", "));
    line("also", join(v.aliases, ", "));
    if (!v.vector.empty()) line("CVSS", fmt::format("{:.1f}  {}", v.score, v.vector));
    if (!v.epss_date.empty()) line("EPSS", fmt::format("{:.2f} % ({})", v.epss * 100, v.epss_date));
    line("severity by", v.severity_source);
    if (v.url.starts_with("https://")) out += "<p><a href=\"" + xml_escape(v.url) + "\" rel=\"noreferrer\">" + xml_escape(v.url) + "</a></p>";
  }
  line("do", f.remediation);
  return out + "</details>";
}

std::string image_html(const ScanResult& r, size_t number) {
  std::string verdict(to_text(r.judgement.verdict));
  std::string out = "<section><h1>" + xml_escape(r.reference) + "</h1>";
  std::string what = r.digest + (r.platform.empty() ? "" : "  " + r.platform) + (r.distribution.pretty.empty() ? "" : "  " + r.distribution.pretty);
  out += "<p class=\"dim\">" + xml_escape(what) + fmt::format(", {} layers, {} packages</p>", r.layers.size(), r.packages.size());
  out += "<div class=\"verdict " + verdict + "\"><b>" + verdict + "</b>" + xml_escape(verdict_sentence(r).substr(verdict.size())) + "</div>";
  std::map<Severity, size_t, std::greater<>> counts;
  for (const Finding& f : r.findings) ++counts[f.severity];
  out += "<p class=\"counts\">";
  for (const auto& [s, n] : counts) out += fmt::format("<span class=\"{0}\"><b>{1}</b> {0}</span>", to_text(s), n);
  out += "</p>";
  if (!r.findings.empty()) {
    out += fmt::format(
        "<h2>Findings</h2><label hidden>Filter <input data-for=\"f{0}\" placeholder=\"CVE, package, path…\"></label><table id=\"f{0}\"><thead><tr>", number);
    for (const char* head : {"Severity", "Id", "Package", "Installed", "Fixed in", "What"}) out += std::string("<th scope=\"col\">") + head + "</th>";
    out += "</tr></thead><tbody>";
    for (const Finding& f : r.findings) {
      std::string tags;
      if (f.vulnerability && !f.vulnerability->kev_added.empty()) tags += " <span class=\"tag critical\">exploited</span>";
      if (f.reachability.state == ReachState::reachable) tags += " <span class=\"tag\">loaded</span>";
      std::string fixed = f.vulnerability ? (f.vulnerability->fixed.empty() ? "– (" + f.vulnerability->fix_state + ")" : f.vulnerability->fixed) : "";
      out += fmt::format(
          "<tr><td class=\"s {0}\">{0}</td><td class=\"i\">{1}{2}</td><td>{3}</td><td data-is=\"installed\">{4}</td><td data-is=\"fixed "
          "in\">{5}</td><td>{6}</td></tr>",
          to_text(f.severity), xml_escape(name_of(f)), tags, xml_escape(f.where.package ? f.where.package->name : ""),
          xml_escape(f.where.package ? f.where.package->version : ""), xml_escape(fixed), details_of(f, r));
    }
    out += "</tbody></table>";
  }
  if (!r.suppressed.empty()) {
    out +=
        "<h2>Suppressed</h2><table><thead><tr><th scope=\"col\">Id</th><th scope=\"col\">Package</th><th scope=\"col\">By</th><th "
        "scope=\"col\">Reason</th></tr></thead><tbody>";
    for (const Suppressed& s : r.suppressed)
      out += fmt::format("<tr><td class=\"i\">{}</td><td>{}</td><td data-is=\"by\">{}</td><td data-is=\"because\">{}</td></tr>", xml_escape(name_of(s.finding)),
                         xml_escape(s.finding.where.package ? s.finding.where.package->name : ""), xml_escape(s.by), xml_escape(s.reason));
    out += "</tbody></table>";
  }
  out +=
      "<h2>What was looked at</h2><table><thead><tr><th scope=\"col\">Question</th><th scope=\"col\">State</th><th scope=\"col\">What and "
      "why</th></tr></thead><tbody>";
  for (const Coverage& c : r.coverage) {
    bool gap = c.state == CoverageState::partly || c.state == CoverageState::not_looked;
    out += fmt::format("<tr><td class=\"w\"><b>{}</b></td><td class=\"w{}\">{}</td><td>{}</td></tr>", to_text(c.question), gap ? " medium" : "",
                       to_text(c.state), xml_escape((c.what.empty() ? "" : c.what + ": ") + c.why));
  }
  out +=
      "</tbody></table><h2>Layers</h2><table><thead><tr><th scope=\"col\">#</th><th scope=\"col\">Digest</th><th scope=\"col\">Build "
      "step</th></tr></thead><tbody>";
  for (size_t i = 0; i < r.layers.size(); ++i)
    out += fmt::format("<tr><td>{}</td><td><code>{}</code></td><td><code>{}</code></td></tr>", i,
                       xml_escape(r.layers[i].digest ? r.layers[i].digest->text() : ""), xml_escape(r.layers[i].created_by));
  return out + "</tbody></table></section>";
}

}  // namespace

std::string html_text(const std::vector<ScanResult>& results, const FormatContext& c) {
  std::string title = results.size() == 1 ? results[0].reference : std::to_string(results.size()) + " images";
  std::string script(kScript), digest = to_base64(as_text(sha256_of(as_bytes(script))));
  std::string out = "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">";
  out +=
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none';base-uri 'none';form-action 'none';style-src 'unsafe-inline';script-src "
      "'sha256-" +
      digest + "'\">";
  out += "<title>careen: " + xml_escape(title) + "</title><style>" + std::string(kStyle) + "</style></head>\n<body><main>\n";
  for (size_t i = 0; i < results.size(); ++i) out += image_html(results[i], i) + "\n";
  out += "<p class=\"dim\">careen " + std::string(kVersion) + ", " + time_text(c.now) + "</p></main><script>" + script + "</script></body></html>\n";
  return out;
}

}  // namespace careen
