#include "policy/suppress.h"

#include <re2/re2.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <array>

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

// A day that there is, as YYYY-MM-DD.
bool is_date(std::string_view s) {
  if (s.size() != 10 || s[4] != '-' || s[7] != '-') return false;
  auto year = to_number(s.substr(0, 4)), month = to_number(s.substr(5, 2)), day = to_number(s.substr(8, 2));
  if (!year || !month || !day || *month < 1 || *month > 12 || *day < 1) return false;
  static constexpr std::array<uint64_t, 12> kDays{31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  bool leap = *year % 4 == 0 && (*year % 100 != 0 || *year % 400 == 0);
  return *day <= kDays[*month - 1] + (*month == 2 && leap ? 1 : 0);
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
        if (!is_date(r.expires)) error = mistake(name, number, "exp: needs a date as exp:2026-12-31");
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

size_t line_of(const YAML::Node& n) {
  return static_cast<size_t>(std::max(n.Mark().line, 0)) + 1;
}

// Members of a mapping. A condition of the wrong kind must not vanish: the rule would cover more than was meant.
class Members {
 public:
  Members(const std::string& name, const YAML::Node& n) : name_(name), node_(n) {}

  std::string text(const char* key) {
    YAML::Node n = node_[key];
    if (!n || n.IsNull()) return "";
    if (n.IsScalar()) return n.Scalar();
    wrong(n, key, "a text");
    return "";
  }
  std::vector<std::string> texts(const char* key) {
    std::vector<std::string> out;
    YAML::Node n = node_[key];
    if (!n || n.IsNull()) return out;
    if (!n.IsSequence()) wrong(n, key, "a list of texts");
    for (const YAML::Node& item : n) {
      if (item.IsScalar())
        out.push_back(item.Scalar());
      else
        wrong(n, key, "a list of texts");
    }
    return out;
  }
  std::optional<Error> error;

 private:
  void wrong(const YAML::Node& n, const char* key, const char* expected) {
    if (!error) error = mistake(name_, line_of(n), std::string(key) + ": expected " + expected);
  }
  const std::string& name_;
  const YAML::Node& node_;
};

// .trivyignore.yaml: vulnerabilities: [{id, paths, purls, expired_at, statement}].
Result<SuppressionRule> trivy_rule(const std::string& name, const YAML::Node& n) {
  SuppressionRule r;
  if (!n.IsMap()) return mistake(name, line_of(n), "a rule must be a mapping");
  Members m(name, n);
  r.vulnerability = m.text("id");
  r.paths = m.texts("paths");
  std::vector<std::string> purls = m.texts("purls");
  r.expires = m.text("expired_at");
  r.reason = m.text("statement");
  if (m.error) return *m.error;
  if (r.vulnerability.empty()) return mistake(name, line_of(n), "a rule without an id");
  for (const std::string& text : purls) {
    auto p = parse_purl(text);
    if (!p) return mistake(name, line_of(n["purls"]), escape(text) + " is no package URL");
    r.purls.push_back(std::move(*p));
  }
  if (!r.expires.empty() && !is_date(r.expires)) return mistake(name, line_of(n["expired_at"]), "expired_at needs a day as 2026-12-31");
  return r;
}

// Grype: {vulnerability, fix-state, package: {name, version, type, language, location, upstream-name}, reason}. Names are regular expressions.
Result<SuppressionRule> grype_rule(const std::string& name, const YAML::Node& n) {
  SuppressionRule r;
  if (!n.IsMap()) return mistake(name, line_of(n), "a rule must be a mapping");
  for (const char* key : {"namespace", "vex-status", "vex-justification", "match-type"})
    if (n[key]) return mistake(name, line_of(n[key]), std::string(key) + ": careen has nothing to go by there; write vulnerability, package or fix-state");
  Members m(name, n);
  r.vulnerability = m.text("vulnerability");
  r.fix_state = m.text("fix-state");
  r.reason = m.text("reason");
  if (m.error) return *m.error;
  if (YAML::Node p = n["package"]; p && !p.IsNull()) {
    if (!p.IsMap()) return mistake(name, line_of(p), "package: expected a mapping, as {name: curl}");
    Members of(name, p);
    r.package = of.text("name"), r.package_version = of.text("version"), r.package_type = of.text("type"), r.upstream = of.text("upstream-name");
    r.language = of.text("language");
    if (std::string location = of.text("location"); !location.empty()) r.paths.push_back(location);
    if (of.error) return *of.error;
  }
  for (const std::string* pattern : {&r.package, &r.upstream})
    if (!pattern->empty() && !RE2(*pattern, RE2::Quiet).ok()) return mistake(name, line_of(n), escape(*pattern) + " is no regular expression");
  if (r.vulnerability.empty() && r.package.empty() && r.package_version.empty() && r.package_type.empty() && r.fix_state.empty() && r.paths.empty() &&
      r.upstream.empty() && r.language.empty())
    return mistake(name, line_of(n), "a rule that names nothing would suppress everything");
  return r;
}

Result<std::vector<SuppressionRule>> parse_yaml(const std::string& name, std::string_view text) {
  std::vector<SuppressionRule> out;
  try {
    YAML::Node root = YAML::Load(std::string(text));
    if (!root.IsMap()) return mistake(name, 1, "a mapping was expected");
    auto each = [&](const YAML::Node& list, auto parse) -> Result<void> {
      if (!list || list.IsNull()) return {};
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
    bool known = false;  // what else such files hold is about other things
    for (const char* key : {"vulnerabilities", "ignore", "misconfigurations", "secrets", "licenses"}) known |= static_cast<bool>(root[key]);
    if (!known) return mistake(name, 1, "neither vulnerabilities: nor ignore: is there, so it suppresses nothing");
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

bool whole_match(const std::string& pattern, const std::string& text) {
  return pattern == text || RE2::FullMatch(text, RE2(pattern, RE2::Quiet));
}

// A finding joins what is built of one source: a rule takes it away only where it covers all of that.
bool every_name(const std::string& pattern, const std::vector<std::string>& names) {
  return !names.empty() && std::all_of(names.begin(), names.end(), [&](const std::string& n) { return whole_match(pattern, n); });
}

std::vector<Purl> purls_of(const VulnerabilityDetail& v, const Purl& package) {
  std::vector<Purl> out;
  bool system = package.type == "deb" || package.type == "rpm" || package.type == "apk" || package.type == "alpm";
  if (std::find(v.packages.begin(), v.packages.end(), package.name) == v.packages.end()) return {package};
  for (const std::string& name : v.packages) {
    Purl p = package;
    if (system) p.name = name;
    out.push_back(std::move(p));
  }
  if (out.empty()) out.push_back(package);
  return out;
}

bool every_purl(const std::vector<Purl>& patterns, const std::vector<Purl>& packages) {
  return std::all_of(packages.begin(), packages.end(), [&](const Purl& package) {
    return std::any_of(patterns.begin(), patterns.end(), [&](const Purl& p) { return purl_covers(p, package); });
  });
}

// Grype's names of types and languages.
bool is_type(const std::string& grype, const std::string& type) {
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 17> kSame{{{"python", "pypi"},
                                                                                        {"go-module", "golang"},
                                                                                        {"java-archive", "maven"},
                                                                                        {"jenkins-plugin", "maven"},
                                                                                        {"rust-crate", "cargo"},
                                                                                        {"php-composer", "composer"},
                                                                                        {"dotnet", "nuget"},
                                                                                        {"gem", "gem"},
                                                                                        {"npm", "npm"},
                                                                                        {"conda", "conda"},
                                                                                        {"go", "golang"},
                                                                                        {"java", "maven"},
                                                                                        {"rust", "cargo"},
                                                                                        {"php", "composer"},
                                                                                        {"ruby", "gem"},
                                                                                        {"javascript", "npm"},
                                                                                        {"alpm", "alpm"}}};
  if (grype == type) return true;
  return std::any_of(kSame.begin(), kSame.end(), [&](const auto& s) { return s.first == grype && s.second == type; });
}

bool covers(const SuppressionRule& r, const Finding& f, const Purl& package) {
  const VulnerabilityDetail& v = *f.vulnerability;
  if (!r.vulnerability.empty() && !names_it(r.vulnerability, f)) return false;
  if (!r.package.empty() && !every_name(r.package, v.packages)) return false;
  if (!r.upstream.empty() && (!f.where.package || !whole_match(r.upstream, f.where.package->source))) return false;
  if (!r.package_version.empty() && (!f.where.package || f.where.package->version != r.package_version)) return false;
  if (!r.package_type.empty() && !is_type(r.package_type, package.type)) return false;
  if (!r.language.empty() && !is_type(r.language, package.type)) return false;
  if (!r.fix_state.empty() && r.fix_state != fix_state_of(v)) return false;
  if (!r.purls.empty() && !every_purl(r.purls, purls_of(v, package))) return false;
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

// A digest says more than a name; a name of a registry more than one without.
bool is_this_image(const Purl& p, const ImageNames& image) {
  if (p.version.find(':') != std::string::npos) return p.version == image.digest;
  auto qualifier = [&](const char* key) {
    auto it = p.qualifiers.find(key);
    return it == p.qualifiers.end() ? std::string() : it->second;
  };
  std::string repository = qualifier("repository_url"), tag = p.version.empty() ? qualifier("tag") : p.version;
  if (image.name.empty() || p.name != image.name || (!tag.empty() && tag != image.tag)) return false;
  if (repository.starts_with("index.docker.io/")) repository.erase(0, 6);
  if (!repository.empty()) return repository == image.repository || repository + "/" + p.name == image.repository;
  // pkg:docker/owner/app: on Docker Hub.
  return p.name_space.empty() || image.repository == "docker.io/" + p.name_space + "/" + p.name;
}

// Whether the statement is about this package in this image.
bool speaks_of(const VexStatement& s, const Purl& package, const ImageNames& image) {
  return std::any_of(s.products.begin(), s.products.end(), [&](const VexStatement::Product& p) {
    bool product = is_image(p.product) ? is_this_image(p.product, image) : purl_covers(p.product, package);
    return product && (p.parts.empty() || every_purl(p.parts, {package}));
  });
}

}  // namespace

Result<std::vector<SuppressionRule>> parse_ignore_rules(const std::string& name, std::string_view text) {
  // YAML when the first line that says something is a key; else one id a line.
  bool yaml = false;
  each_line(text, [&](std::string_view line) {
    std::string_view t = trim(line.substr(0, line.find('#')));
    if (t.empty() || t == "---") return true;
    size_t colon = t.find(':');
    yaml = colon != std::string_view::npos && (colon + 1 == t.size() || t[colon + 1] == ' ') && t.find_first_of(" \t") >= colon;
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
  std::vector<const VexStatement*> about;
  for (const VexStatement& s : statements_)
    if (names_it(s.vulnerability, f) || std::any_of(s.aliases.begin(), s.aliases.end(), [&](const std::string& a) { return names_it(a, f); }))
      about.push_back(&s);
  // Of what documents say about each of the packages the latest counts, and all of them must be free of it.
  std::vector<const VexStatement*> by;
  for (const Purl& one : purls_of(*f.vulnerability, package)) {
    const VexStatement* last = nullptr;
    for (const VexStatement* s : about)
      if (speaks_of(*s, one, image) && (last == nullptr || s->time >= last->time)) last = s;
    if (last == nullptr || (last->status != "not_affected" && last->status != "fixed")) return std::nullopt;
    if (std::find(by.begin(), by.end(), last) == by.end()) by.push_back(last);
  }
  const VexStatement& first = *by.at(0);
  std::string more = by.size() == 1 ? "" : ", and " + std::to_string(by.size() - 1) + (by.size() == 2 ? " statement" : " statements") + " more";
  return By{first.origin, first.status + (first.justification.empty() ? "" : ": " + first.justification) + more};
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
