#include "policy/suppress.h"

#include <yaml-cpp/yaml.h>

#include <algorithm>

#include "base/fd.h"
#include "base/text.h"
#include "knowledge/threat.h"

namespace careen {
namespace {

constexpr uint64_t kMaxSuppressionFile = 64 << 20;
constexpr size_t kMaxRules = 100'000;

Error mistake(const std::string& name, size_t line, const std::string& what) {
  return {Errc::usage, escape(name) + ":" + std::to_string(line) + ": " + what};
}

bool is_date(std::string_view s) {
  if (s.size() < 10 || s[4] != '-' || s[7] != '-') return false;
  for (size_t i : {0, 1, 2, 3, 5, 6, 8, 9})
    if (s[i] < '0' || s[i] > '9') return false;
  return true;
}

// "CVE-2022-40897 exp:2026-12-31 reason in words"; a # begins a comment.
Result<std::vector<SuppressionRule>> parse_lines(const std::string& name, std::string_view text) {
  std::vector<SuppressionRule> out;
  std::optional<Error> error;
  size_t number = 0;
  each_line(text, [&](std::string_view line) {
    ++number;
    line = trim(line.substr(0, line.find('#')));
    if (line.empty()) return true;
    SuppressionRule r;
    auto w = words(line);
    r.vulnerability = w[0];
    r.origin = name + ":" + std::to_string(number);
    for (size_t i = 1; i < w.size(); ++i) {
      if (w[i].starts_with("exp:")) {
        r.expires = w[i].substr(4);
        if (!is_date(r.expires) || r.expires.size() != 10) error = mistake(name, number, "exp: needs a date as exp:2026-12-31");
      } else {
        r.reason += (r.reason.empty() ? "" : " ") + std::string(w[i]);
      }
    }
    if (!is_plain(r.vulnerability) || r.vulnerability.size() > 200) error = mistake(name, number, "this is no id of a vulnerability");
    if (out.size() >= kMaxRules) error = mistake(name, number, "more than " + std::to_string(kMaxRules) + " rules");
    out.push_back(std::move(r));
    return !error;
  });
  if (error) return *error;
  return out;
}

std::string text_of(const YAML::Node& n) {
  return n && n.IsScalar() ? n.Scalar() : std::string();
}
size_t line_of(const YAML::Node& n) {
  return static_cast<size_t>(std::max(n.Mark().line, 0)) + 1;
}
std::vector<std::string> texts_of(const YAML::Node& n) {
  std::vector<std::string> out;
  if (n && n.IsSequence())
    for (const YAML::Node& item : n)
      if (item.IsScalar()) out.push_back(item.Scalar());
  return out;
}

// .trivyignore.yaml: vulnerabilities: [{id, paths, purls, expired_at, statement}].
Result<SuppressionRule> trivy_rule(const std::string& name, const YAML::Node& n) {
  SuppressionRule r;
  r.vulnerability = text_of(n["id"]);
  if (r.vulnerability.empty()) return mistake(name, line_of(n), "a rule without an id");
  r.paths = texts_of(n["paths"]);
  for (const std::string& text : texts_of(n["purls"])) {
    auto p = parse_purl(text);
    if (!p) return mistake(name, line_of(n["purls"]), escape(text) + " is no package URL");
    r.purls.push_back(std::move(*p));
  }
  r.expires = text_of(n["expired_at"]);
  if (!r.expires.empty() && !is_date(r.expires)) return mistake(name, line_of(n["expired_at"]), "expired_at needs a date as 2026-12-31");
  r.expires = r.expires.substr(0, 10);
  r.reason = text_of(n["statement"]);
  return r;
}

// Grype: {vulnerability, fix-state, package: {name, version, type, location, upstream-name}, reason}.
Result<SuppressionRule> grype_rule(const std::string& name, const YAML::Node& n) {
  SuppressionRule r;
  if (!n.IsMap()) return mistake(name, line_of(n), "a rule must be a mapping");
  for (const char* key : {"namespace", "vex-status", "vex-justification", "match-type"})
    if (n[key]) return mistake(name, line_of(n[key]), std::string(key) + ": careen has nothing to go by there; write vulnerability, package or fix-state");
  r.vulnerability = text_of(n["vulnerability"]);
  r.fix_state = text_of(n["fix-state"]);
  r.reason = text_of(n["reason"]);
  if (YAML::Node p = n["package"]; p && p.IsMap()) {
    r.package = text_of(p["name"]), r.package_version = text_of(p["version"]), r.package_type = text_of(p["type"]), r.upstream = text_of(p["upstream-name"]);
    if (std::string location = text_of(p["location"]); !location.empty()) r.paths.push_back(location);
  }
  if (r.vulnerability.empty() && r.package.empty() && r.package_type.empty() && r.fix_state.empty() && r.paths.empty() && r.upstream.empty())
    return mistake(name, line_of(n), "a rule that names nothing would suppress everything");
  return r;
}

Result<std::vector<SuppressionRule>> parse_yaml(const std::string& name, std::string_view text) {
  std::vector<SuppressionRule> out;
  try {
    YAML::Node root = YAML::Load(std::string(text));
    if (!root.IsMap()) return mistake(name, 1, "a mapping was expected");
    auto each = [&](const YAML::Node& list, auto parse) -> Result<void> {
      if (!list) return {};
      if (!list.IsSequence()) return mistake(name, line_of(list), "a list was expected");
      for (const YAML::Node& n : list) {
        CAREEN_ASSIGN(SuppressionRule r, parse(name, n));
        r.origin = name + ":" + std::to_string(line_of(n));
        if (out.size() >= kMaxRules) return mistake(name, line_of(n), "more than " + std::to_string(kMaxRules) + " rules");
        out.push_back(std::move(r));
      }
      return {};
    };
    CAREEN_TRY(each(root["vulnerabilities"], trivy_rule));
    CAREEN_TRY(each(root["ignore"], grype_rule));
    if (!root["vulnerabilities"] && !root["ignore"]) return mistake(name, 1, "neither vulnerabilities: nor ignore: is there, so it suppresses nothing");
  } catch (const YAML::Exception& e) {
    return mistake(name, static_cast<size_t>(std::max(e.mark.line, 0)) + 1, "not YAML: " + e.msg);
  }
  return out;
}

bool names_it(const std::string& id, const Finding& f) {
  std::string want = lower(id);
  if (f.threat && lower(*f.threat) == want) return true;
  return f.vulnerability &&
         std::any_of(f.vulnerability->aliases.begin(), f.vulnerability->aliases.end(), [&](const std::string& a) { return lower(a) == want; });
}

std::string fix_state_of(const VulnerabilityDetail& v) {
  if (!v.fixed.empty()) return "fixed";
  if (v.fix_state == "will not be fixed" || v.fix_state == "end of life") return "wont-fix";
  return v.fix_state == "unknown" ? "unknown" : "not-fixed";
}

// Grype takes names as regular expressions only where they are; most people write names. A glob covers both that are plain.
bool any_name(const std::string& pattern, const std::vector<std::string>& names) {
  return std::any_of(names.begin(), names.end(), [&](const std::string& n) { return n == pattern || glob_match(pattern, n); });
}

bool covers(const SuppressionRule& r, const Finding& f, const Purl& package) {
  const VulnerabilityDetail& v = *f.vulnerability;
  if (!r.vulnerability.empty() && !names_it(r.vulnerability, f)) return false;
  if (!r.package.empty() && !any_name(r.package, v.packages)) return false;
  if (!r.upstream.empty() && (!f.where.package || f.where.package->source != r.upstream)) return false;
  if (!r.package_version.empty() && (!f.where.package || f.where.package->version != r.package_version)) return false;
  if (!r.package_type.empty() && r.package_type != package.type && !(r.package_type == "python" && package.type == "pypi") &&
      !(r.package_type == "go-module" && package.type == "golang") && !(r.package_type == "java-archive" && package.type == "maven") &&
      !(r.package_type == "rust-crate" && package.type == "cargo") && !(r.package_type == "php-composer" && package.type == "composer") &&
      !(r.package_type == "dotnet" && package.type == "nuget"))
    return false;
  if (!r.fix_state.empty() && r.fix_state != fix_state_of(v)) return false;
  if (!r.purls.empty() && std::none_of(r.purls.begin(), r.purls.end(), [&](const Purl& p) { return purl_covers(p, package); })) return false;
  if (!r.paths.empty()) {
    std::string path = f.where.path.value_or("");
    if (path.starts_with('/')) path.erase(0, 1);
    bool there = std::any_of(r.paths.begin(), r.paths.end(), [&](std::string p) {
      if (p.starts_with('/')) p.erase(0, 1);
      return p == path || glob_match(p, path);
    });
    if (path.empty() || !there) return false;
  }
  return true;
}

bool is_image(const Purl& p) {
  return p.type == "oci" || p.type == "docker";
}

bool is_this_image(const Purl& p, const ImageNames& image) {
  if (p.version.starts_with("sha256:")) return p.version == image.digest;  // a digest says more than a name
  std::string name = image.name.substr(image.name.rfind('/') + 1);
  return !name.empty() && p.name == name;
}

// Whether the statement is about this package in this image.
bool speaks_of(const VexStatement& s, const Purl& package, const ImageNames& image) {
  return std::any_of(s.products.begin(), s.products.end(), [&](const VexStatement::Product& p) {
    bool product = is_image(p.product) ? is_this_image(p.product, image) : purl_covers(p.product, package);
    if (!product) return false;
    if (p.parts.empty()) return true;
    return std::any_of(p.parts.begin(), p.parts.end(), [&](const Purl& part) { return purl_covers(part, package); });
  });
}

}  // namespace

Result<std::vector<SuppressionRule>> parse_ignore_rules(const std::string& name, std::string_view text) {
  // YAML when a line begins with a key; else one id a line.
  bool yaml = false;
  each_line(text, [&](std::string_view line) {
    std::string_view t = trim(line.substr(0, line.find('#')));
    if (t.empty() || t == "---") return true;
    yaml = t.ends_with(':') || t.find(": ") != std::string_view::npos;
    return false;
  });
  return yaml ? parse_yaml(name, text) : parse_lines(name, text);
}

Result<void> Suppressions::add_ignore_text(const std::string& name, std::string_view text) {
  CAREEN_ASSIGN(auto rules, parse_ignore_rules(name, text));
  rules_.insert(rules_.end(), rules.begin(), rules.end());
  return {};
}

Result<void> Suppressions::add_vex_text(const std::string& name, std::string_view text) {
  CAREEN_ASSIGN(auto statements, parse_vex(name, text));
  statements_.insert(statements_.end(), statements.begin(), statements.end());
  return {};
}

Result<void> Suppressions::add_ignore_file(const std::string& path) {
  auto text = read_file(path, kMaxSuppressionFile);
  if (!text) return Error{Errc::usage, "--ignore-file: " + text.error().what};
  return add_ignore_text(path, *text);
}

Result<void> Suppressions::add_vex_file(const std::string& path) {
  auto text = read_file(path, kMaxSuppressionFile);
  if (!text) return Error{Errc::usage, "--vex: " + text.error().what};
  return add_vex_text(path, *text);
}

std::optional<Suppressions::By> Suppressions::find(const Finding& f, const Purl& package, const ImageNames& image, const std::string& today) const {
  if (f.kind != FindingKind::vulnerability || !f.vulnerability) return std::nullopt;
  for (const SuppressionRule& r : rules_)
    if ((r.expires.empty() || today <= r.expires) && covers(r, f, package)) return By{r.origin, r.reason};
  // Of what documents say about it the latest counts.
  const VexStatement* last = nullptr;
  for (const VexStatement& s : statements_) {
    bool about = names_it(s.vulnerability, f) || std::any_of(s.aliases.begin(), s.aliases.end(), [&](const std::string& a) { return names_it(a, f); });
    if (about && speaks_of(s, package, image) && (last == nullptr || s.timestamp >= last->timestamp)) last = &s;
  }
  if (last == nullptr || (last->status != "not_affected" && last->status != "fixed")) return std::nullopt;
  return By{last->origin, last->status + (last->justification.empty() ? "" : ": " + last->justification)};
}

void sort_suppressed(std::vector<Suppressed>& list) {
  std::sort(list.begin(), list.end(), [](const Suppressed& a, const Suppressed& b) {
    return std::tie(a.finding.threat, a.finding.id, a.by) < std::tie(b.finding.threat, b.finding.id, b.by);
  });
}

std::vector<std::string> Suppressions::expired(const std::string& today) const {
  std::vector<std::string> out;
  for (const SuppressionRule& r : rules_)
    if (!r.expires.empty() && today > r.expires) out.push_back(r.origin + ": " + r.vulnerability + " expired on " + r.expires);
  return out;
}

}  // namespace careen
