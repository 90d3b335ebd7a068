// CSAF 2.0 VEX documents of Red Hat and SUSE: per vulnerability, what of which product is fixed, affected or not.
//
// A product is a component (an rpm, by its package URL) as part of a platform (by its CPE, or SUSE's name). Of several fixed versions of one
// component in one platform the highest counts; of Red Hat's, whose platform is a major release, the highest of each minor one that is built for. Containers,
// operators and other components that are no rpm are left out.
#include <map>
#include <set>
#include <unordered_map>

#include "base/text.h"
#include "feeds/readers.h"
#include "formats/purl.h"
#include "knowledge/cvss.h"
#include "knowledge/ecosystem.h"
#include "knowledge/red_hat.h"

namespace careen {
namespace {

constexpr int kMaxBranches = 40;  // of depth

struct Component {
  std::string name, version, architecture, module;
  bool rpm = false;
};

struct Tree {
  std::unordered_map<std::string, std::string> platforms;                      // product id → release
  std::unordered_map<std::string, Component> components;                       // product id → what it is
  std::unordered_map<std::string, std::pair<std::string, std::string>> parts;  // product id → component's, platform's
  std::string family;
  uint64_t unread = 0;  // package URLs that are none
};

// pkg:rpm/redhat/curl@7.76.1-26.el9_3.2?arch=x86_64&epoch=1&rpmmod=nodejs:18
Component component_of(std::string_view text) {
  Component c;
  auto purl = parse_purl(text);
  if (!purl || purl->type != "rpm") return c;
  auto qualifier = [&](const char* key) { return purl->qualifiers.contains(key) ? purl->qualifiers.at(key) : std::string(); };
  c.rpm = true;
  c.name = purl->name;
  c.architecture = qualifier("arch");
  std::string module = qualifier("rpmmod"), epoch = qualifier("epoch");
  size_t first = module.find(':'), second = first == std::string::npos ? first : module.find(':', first + 1);
  c.module = module.substr(0, second);
  c.version = purl->version;
  if (!c.version.empty() && !epoch.empty() && epoch != "0") c.version = epoch + ":" + c.version;
  return c;
}

// SUSE names its components NAME-VERSION-RELEASE.ARCH where there is no package URL.
Component component_of_name(std::string_view nevra) {
  Component c;
  size_t dot = nevra.rfind('.'), release = nevra.rfind('-', dot),
         version = release == std::string_view::npos || release == 0 ? std::string_view::npos : nevra.rfind('-', release - 1);
  static constexpr std::array<std::string_view, 8> kArchitectures{"x86_64", "aarch64", "ppc64le", "s390x", "i586", "i686", "noarch", "src"};
  if (dot == std::string_view::npos || version == std::string_view::npos) return c;
  std::string_view arch = nevra.substr(dot + 1);
  if (std::find(kArchitectures.begin(), kArchitectures.end(), arch) == kArchitectures.end()) return c;
  c.rpm = true;
  c.name = nevra.substr(0, version);
  c.version = nevra.substr(version + 1, dot - version - 1);
  c.architecture = arch;
  return c;
}

// The release as rows have it: Red Hat's CPE without "cpe:/o:redhat:", as OSV has it; SUSE's name without "SUSE ".
std::string release_of(const Tree& t, std::string_view name, std::string_view cpe) {
  if (t.family == "red hat") return cpe.starts_with("cpe:/o:redhat:") || cpe.starts_with("cpe:/a:redhat:") ? std::string(cpe.substr(14)) : "";
  if (name.starts_with("SUSE ")) name.remove_prefix(5);
  return std::string(name);
}

void read_product(Json product, Tree& t) {
  std::string id(json_text(product, "product_id")), name(json_text(product, "name"));
  if (id.empty() || id.size() > 1000) return;
  std::string_view cpe, purl;
  json_member(product, "product_identification_helper", [&](Json helper) {
    cpe = json_text(helper, "cpe");
    purl = json_text(helper, "purl");
  });
  if (!purl.empty() && !parse_purl(purl)) ++t.unread;
  Component c = component_of(purl);
  if (c.rpm) {
    t.components[id] = std::move(c);
  } else if (!cpe.empty() && purl.empty()) {
    if (std::string release = release_of(t, name, cpe); !release.empty()) t.platforms[id] = release;
  } else if (t.family != "red hat" && purl.empty()) {
    if (c = component_of_name(name); c.rpm) t.components[id] = std::move(c);
  }
}

void read_branches(Json branches, Tree& t, int depth) {
  if (depth > kMaxBranches) return;
  (void)static_cast<bool>(json_each(branches, [&](Json b) {
    json_member(b, "product", [&](Json p) { read_product(p, t); });
    json_member(b, "branches", [&](Json inner) { read_branches(inner, t, depth + 1); });
  }));
}

Tree read_tree(Json document) {
  Tree t;
  json_member(document, "document", [&](Json d) {
    json_member(d, "publisher", [&](Json p) {
      std::string who = lower(std::string(json_text(p, "name")));
      t.family = who.find("red hat") != std::string::npos ? "red hat" : who.find("suse") != std::string::npos ? "suse" : "";
    });
  });
  json_member(document, "product_tree", [&](Json tree) {
    json_member(tree, "branches", [&](Json branches) { read_branches(branches, t, 0); });
    (void)static_cast<bool>(json_each(tree, "relationships", [&](Json r) {
      std::string id;
      json_member(r, "full_product_name", [&](Json n) { id = json_text(n, "product_id"); });
      if (!id.empty()) t.parts[id] = {std::string(json_text(r, "product_reference")), std::string(json_text(r, "relates_to_product_reference"))};
    }));
  });
  return t;
}

struct Key {
  std::string family, release, name, module;
  bool of_source = false;
  std::string built_for = {};  // of a fix
  auto operator<=>(const Key&) const = default;
};
struct Rows {
  std::map<Key, AffectedPackage> all;
  std::set<Key> fixed;  // without what they are built for
};

// openSUSE has its own family beside SUSE's.
std::string family_of(const Tree& t, std::string& release) {
  if (t.family == "suse" && release.starts_with("openSUSE ")) {
    release = release.substr(9);
    return "opensuse";
  }
  return t.family;
}

// Sources stand for what is built of them only where nothing else is told.
bool usable(const Component& c) {
  return c.rpm && !c.name.empty() && c.name.size() <= kMaxVersion && c.version.size() <= kMaxVersion && (c.version.empty() || c.architecture != "src");
}

void put(const Tree& t, std::string_view product, std::string_view status, FixState state, const std::string& says, Rows& rows) {
  auto part = t.parts.find(std::string(product));
  if (part == t.parts.end()) return;
  auto component = t.components.find(part->second.first);
  auto platform = t.platforms.find(part->second.second);
  if (component == t.components.end() || platform == t.platforms.end() || !usable(component->second) || rows.all.size() >= kMaxRowsOfAdvisory) return;
  std::string release = platform->second;
  std::string family = family_of(t, release);
  const Component& c = component->second;
  bool of_source = c.architecture == "src";
  Key key{family, release, c.name, c.module, of_source};
  bool is_fix = status == "fixed" || status == "first_fixed" || status == "recommended";
  if (is_fix) {
    if (c.version.empty()) return;
    rows.fixed.insert(key);
    if (family == "red hat") key.built_for = red_hat_built_for(c.version);
    auto [it, fresh] = rows.all.try_emplace(key);
    if (!fresh && compare_rpm_evr(c.version, it->second.ranges[0].events[1].version) <= 0) return;
    it->second = fixed_before(family, release, c.name, c.version);
    it->second.module = c.module;
    it->second.of_source = of_source;
    return;
  }
  if (rows.fixed.contains(key)) return;  // a fix says more
  auto [it, fresh] = rows.all.try_emplace(key);
  AffectedPackage& row = it->second;
  if (status == "known_not_affected") {
    if (fresh) row = not_affected(family, release, c.name);
  } else {
    row = fixed_before(family, release, c.name, "");
    row.fix_state = state;
    row.says = says;
    if (status == "under_investigation") row.standing = Standing::undetermined;
  }
  row.module = c.module;
  row.of_source = of_source;
}

std::string source_of(const Tree& t) {
  return t.family == "suse" ? "suse-csaf" : "redhat-vex";
}

Result<void> read_vulnerability(Json v, const Tree& t, Json document, FeedSink& sink) {
  std::string source = source_of(t);
  Advisory a;
  a.id = json_text(v, "cve");
  if (a.id.empty() || a.id.size() > kMaxAdvisoryId || !is_plain(a.id)) return sink.refused(source, "a vulnerability without a CVE");
  a.summary = short_summary(json_text(v, "title"));
  json_member(document, "document", [&](Json d) {
    json_member(d, "tracking", [&](Json tracking) {
      a.modified = date_of(json_text(tracking, "current_release_date"));
      a.published = date_of(json_text(tracking, "initial_release_date"));
    });
    json_member(d, "aggregate_severity", [&](Json s) {
      if (Severity word = severity_word(json_text(s, "text")); word != Severity::unknown)
        a.severities.push_back({SeverityRank::distribution, word, "", t.family == "suse" ? "SUSE" : "Red Hat"});
    });
  });
  if (t.family == "red hat") a.references.push_back("https://access.redhat.com/security/cve/" + a.id);
  (void)static_cast<bool>(json_each(v, "scores", [&](Json s) {
    for (std::string_view key : {"cvss_v4", "cvss_v3", "cvss_v2"})
      json_member(s, key, [&](Json c) {
        std::string_view vector = json_text(c, "vectorString");
        bool known = std::any_of(a.severities.begin(), a.severities.end(), [&](const SeverityClaim& claim) { return claim.vector == vector; });
        if (!known && cvss_score(vector))
          a.severities.push_back({SeverityRank::distribution, Severity::unknown, std::string(vector), t.family == "suse" ? "SUSE" : "Red Hat"});
      });
  }));
  // What is said of single products about a fix that does not come.
  std::unordered_map<std::string_view, std::pair<FixState, std::string_view>> states;
  (void)static_cast<bool>(json_each(v, "remediations", [&](Json r) {
    std::string_view category = json_text(r, "category"), details = json_text(r, "details");
    if (category != "no_fix_planned" && category != "none_available") return;
    FixState state = category == "none_available"                              ? FixState::none
                     : details.find("support scope") != std::string_view::npos ? FixState::end_of_life
                     : details.find("deferred") != std::string_view::npos      ? FixState::postponed
                                                                               : FixState::will_not_fix;
    (void)static_cast<bool>(json_each(r, "product_ids", [&](Json id) { states[json_text(id)] = {state, details}; }));
  }));
  Rows rows;
  json_member(v, "product_status", [&](Json status) {
    for (std::string_view name : {"fixed", "first_fixed", "recommended", "known_affected", "under_investigation", "known_not_affected"})
      (void)static_cast<bool>(json_each(status, name, [&](Json id) {
        auto state = states.find(json_text(id));
        bool said = state != states.end();
        put(t, json_text(id), name, said ? state->second.first : FixState::none, said ? std::string(state->second.second.substr(0, 100)) : "", rows);
      }));
  });
  for (auto& [key, row] : rows.all) a.affected.push_back(std::move(row));
  return sink.advisory(source, a);
}

}  // namespace

Result<void> read_csaf(Json document, FeedSink& sink) {
  Tree t = read_tree(document);
  if (t.family.empty()) return Error{Errc::unsupported, "a CSAF document of a publisher whose products careen does not know"};
  CAREEN_TRY(json_each(document, "vulnerabilities", [&](Json v) { return read_vulnerability(v, t, document, sink); }));
  if (t.unread != 0)
    return sink.refused(source_of(t),
                        std::to_string(t.unread) + (t.unread == 1 ? " product whose package URL is none" : " products whose package URLs are none"));
  return {};
}

}  // namespace careen
