// Alpine's security database: for each source package the versions that fixed something. It tells of what is fixed alone.
#include <yaml-cpp/yaml.h>

#include <map>

#include "base/text.h"
#include "feeds/readers.h"
#include "knowledge/ecosystem.h"

namespace careen {
namespace {

struct Branch {
  std::string family, release, source;
};

Branch branch_of(std::string_view distribution, std::string_view repository, std::string_view prefix) {
  Branch b;
  b.family = prefix.find("wolfi") != std::string_view::npos                                                            ? "wolfi"
             : prefix.find("cgr.dev") != std::string_view::npos || prefix.find("chainguard") != std::string_view::npos ? "chainguard"
                                                                                                                       : "alpine";
  b.release = distribution.substr(0, 50);
  b.source = b.family + (b.release.empty() ? "" : "/" + escape(b.release)) + "/" + escape(repository.empty() ? "main" : repository.substr(0, 50));
  return b;
}

// "CVE-2017-2616 (+ regression fix)", "CVE-A CVE-B": the ids among the words.
bool is_id(std::string_view word) {
  size_t dash = word.find('-');
  return dash != std::string_view::npos && dash > 1 && dash + 1 < word.size() && word.size() <= kMaxAdvisoryId && word[0] >= 'A' && word[0] <= 'Z' &&
         word.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.:") == std::string_view::npos;
}

// id → the versions that fixed it.
using Fixes = std::map<std::string, std::vector<std::string>>;

void add_fixes(std::string_view version, std::string_view ids, Fixes& out) {
  if (version.empty() || version.size() > kMaxVersion) return;
  for (std::string_view id : words(ids)) {
    while (!id.empty() && std::string_view(",;()").find(id.back()) != std::string_view::npos) id.remove_suffix(1);
    if (!is_id(id)) continue;
    std::string name(id);
    if (std::string meant = "CVE-" + name.substr(std::min<size_t>(4, name.size())); name.starts_with("CVE_") && is_cve(meant))
      name = meant;  // a slip of the pen
    out[name].emplace_back(version);
  }
}

Result<void> put(const Branch& b, const std::string& name, const Fixes& fixes, FeedSink& sink) {
  for (const auto& [id, versions] : fixes) {
    std::string lowest, highest;
    bool ordered = true;
    for (const std::string& v : versions) {
      if (v == "0") continue;
      if (highest.empty()) {
        lowest = highest = v;
        continue;
      }
      auto up = compare_surely(VersionOrder::apk, v, highest), down = compare_surely(VersionOrder::apk, v, lowest);
      if (!up || !down) {
        ordered = false;
        continue;
      }
      if (*up > 0) highest = v;
      if (*down < 0) lowest = v;
    }
    Advisory a;
    a.id = id;
    AffectedPackage row = highest.empty() ? not_affected(b.family, b.release, name) : fixed_before(b.family, b.release, name, highest);
    if (!highest.empty() && lowest != highest) row.says = "fixed first in " + lowest + ", and again in " + highest;
    if (!ordered) row.standing = Standing::undetermined;
    if (is_cve(id)) a.references.push_back("https://security.alpinelinux.org/vuln/" + id);
    a.affected.push_back(std::move(row));
    CAREEN_TRY(sink.advisory(b.source, a));
  }
  return {};
}

}  // namespace

Result<void> read_secdb(Json document, FeedSink& sink) {
  Branch b = branch_of(json_text(document, "distroversion"), json_text(document, "reponame"), json_text(document, "urlprefix"));
  if (b.family != "alpine") b.release.clear();
  return json_each(document, "packages", [&](Json item) -> Result<void> {
    std::string name;
    Fixes fixes;
    json_member(item, "pkg", [&](Json pkg) {
      name = json_text(pkg, "name");
      json_member(pkg, "secfixes", [&](Json secfixes) {
        (void)static_cast<bool>(json_members(secfixes, [&](std::string_view version, Json ids) {
          (void)static_cast<bool>(json_each(ids, [&](Json id) { add_fixes(version, json_text(id), fixes); }));
        }));
      });
    });
    if (name.empty() || name.size() > kMaxVersion) return sink.refused(b.source, "a package without a name");
    return put(b, name, fixes, sink);
  });
}

Result<void> read_secdb_yaml(std::string_view text, FeedSink& sink) {
  for (size_t at = 0; (at = text.find('&', at)) != std::string_view::npos; ++at)
    if (at == 0 || text[at - 1] == ' ' || text[at - 1] == '\n') return Error{Errc::unsupported, "YAML with anchors, which no secdb has"};
  try {
    YAML::Node root = YAML::Load(std::string(text));
    auto word = [](const YAML::Node& n) { return n && n.IsScalar() ? n.Scalar() : std::string(); };
    Branch b = branch_of(word(root["distroversion"]), word(root["reponame"]), word(root["urlprefix"]));
    for (const YAML::Node& item : root["packages"]) {
      YAML::Node pkg = item["pkg"];
      std::string name = word(pkg["name"]);
      Fixes fixes;
      if (pkg["secfixes"] && pkg["secfixes"].IsMap())
        for (const auto& fix : pkg["secfixes"])
          for (const YAML::Node& id : fix.second) add_fixes(word(fix.first), word(id), fixes);
      if (name.empty() || name.size() > kMaxVersion) {
        CAREEN_TRY(sink.refused(b.source, "a package without a name"));
        continue;
      }
      CAREEN_TRY(put(b, name, fixes, sink));
    }
  } catch (const YAML::Exception& e) {
    return Error{Errc::corrupt, std::string("not YAML that careen reads: ") + e.what()};
  }
  return {};
}

}  // namespace careen
