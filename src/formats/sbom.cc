// CycloneDX 1.2 to 1.7 and SPDX 2.2, 2.3 in JSON, and SPDX 3.0's JSON-LD graph: names, versions and package URLs alone.
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "formats/json_members.h"
#include "formats/language.h"
#include "formats/purl.h"

namespace careen {
namespace {

using nlohmann::json;

// Trivy tells the source package in properties of its own.
struct SourcePackage {
  std::string name, version;
};

SourcePackage source_of(const json& component) {
  SourcePackage s;
  std::string release, epoch;
  if (const json& properties = json_at(component, "properties"); properties.is_array())
    for (const json& p : properties) {
      std::string key = json_text_at(p, "name"), value = json_text_at(p, "value");
      if (key == "aquasecurity:trivy:SrcName") s.name = value;
      if (key == "aquasecurity:trivy:SrcVersion") s.version = value;
      if (key == "aquasecurity:trivy:SrcRelease") release = value;
      if (key == "aquasecurity:trivy:SrcEpoch") epoch = value;
    }
  if (!s.version.empty() && !release.empty()) s.version += "-" + release;
  if (!s.version.empty() && !epoch.empty() && epoch != "0") s.version = epoch + ":" + s.version;
  return s;
}

void add(LanguagePackages& out, const std::string& purl, const SourcePackage& source = {}) {
  auto u = parse_purl(purl);
  auto type = u ? package_type(u->type) : std::nullopt;
  if (out.packages.size() >= kMaxLanguagePackages) out.problem = "more than " + std::to_string(kMaxLanguagePackages) + " packages (kMaxLanguagePackages)";
  if (!type || out.packages.size() >= kMaxLanguagePackages || u->name.size() > kMaxPackageName || u->version.size() > kMaxPackageName) return;
  Package p;
  p.type = *type;
  p.name = u->name;
  switch (*type) {
    case PackageType::maven:
      p.name = u->name_space + ":" + u->name;
      break;
    case PackageType::npm:
    case PackageType::golang:
    case PackageType::composer:
      if (!u->name_space.empty()) p.name = u->name_space + "/" + u->name;
      break;
    default:
      break;
  }
  p.version = u->version;
  auto qualifier = [&](const char* key) {
    auto it = u->qualifiers.find(key);
    return it == u->qualifiers.end() ? std::string() : it->second;
  };
  p.architecture = qualifier("arch");
  if (std::string epoch = qualifier("epoch"); !epoch.empty() && epoch != "0" && *type == PackageType::rpm) p.version = epoch + ":" + p.version;
  // pkg:deb/debian/libssl3@3.0.11?upstream=openssl@3.0.11
  std::string upstream = qualifier("upstream");
  size_t at = upstream.find('@');
  p.source = upstream.substr(0, at);
  if (at != std::string::npos) p.source_version = upstream.substr(at + 1);
  if (p.source.empty()) p.source = source.name, p.source_version = source.version;
  if (*type == PackageType::rpm) p.source.clear(), p.source_version.clear();
  auto plain = [](const std::string& text) {
    return text.size() <= kMaxPackageName && text.find('\0') == std::string::npos && text.find('\n') == std::string::npos;
  };
  if (!plain(p.name) || !plain(p.version)) return;
  if (std::string distro = qualifier("distro"); !distro.empty() && out.distribution.empty()) out.distribution = distro;
  out.packages.push_back(std::move(p));
}

void cyclonedx(const json& components, LanguagePackages& out, int depth) {
  if (!components.is_array()) return;
  if (depth > kMaxLanguageDepth) return;  // the document is no deeper
  for (const json& c : components) {
    add(out, json_text_at(c, "purl"), source_of(c));
    if (json_text_at(c, "type") == "operating-system" && out.distribution.empty())
      out.distribution = json_text_at(c, "name") + "-" + json_text_at(c, "version");
    cyclonedx(json_at(c, "components"), out, depth + 1);
  }
}

void spdx(const json& packages, LanguagePackages& out) {
  if (!packages.is_array()) return;
  for (const json& p : packages)
    if (const json& refs = json_at(p, "externalRefs"); refs.is_array())
      for (const json& r : refs)
        if (json_text_at(r, "referenceType") == "purl") add(out, json_text_at(r, "referenceLocator"));
}

void spdx3(const json& graph, LanguagePackages& out) {
  if (!graph.is_array()) return;
  for (const json& e : graph)
    if (std::string type = json_text_at(e, "type"); type == "software_Package") {
      add(out, json_text_at(e, "software_packageUrl"));
      if (const json& ids = json_at(e, "externalIdentifier"); ids.is_array() && json_text_at(e, "software_packageUrl").empty())
        for (const json& id : ids)
          if (json_text_at(id, "externalIdentifierType") == "packageUrl" || json_text_at(id, "externalIdentifierType") == "purl")
            add(out, json_text_at(id, "identifier"));
    }
}

// SPDX's tag-value form, which Bitnami's images have had.
void spdx_tags(std::string_view text, LanguagePackages& out) {
  each_line(text, [&](std::string_view line) {
    if (line.starts_with("ExternalRef: PACKAGE-MANAGER purl ")) add(out, std::string(trim(line.substr(34))));
    return true;
  });
}

}  // namespace

LanguagePackages parse_sbom(std::string_view text) {
  LanguagePackages out;
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  if (std::string_view t = trim(text.substr(0, 2000));
      t.starts_with("SPDXVersion:") || (t.starts_with('#') && t.find("\nSPDXVersion:") != std::string_view::npos)) {
    spdx_tags(text, out);
    return out;
  }
  json j = parse_json_within(text, kMaxLanguageDepth);
  if (j.is_discarded()) {
    out.problem = "not JSON, or deeper than kMaxLanguageDepth";
    return out;
  }
  if (json_text_at(j, "bomFormat") == "CycloneDX")
    cyclonedx(json_at(j, "components"), out, 0);
  else if (!json_text_at(j, "spdxVersion").empty())
    spdx(json_at(j, "packages"), out);
  else if (json_at(j, "@graph").is_array())
    spdx3(json_at(j, "@graph"), out);
  else
    out.problem = "neither CycloneDX nor SPDX";
  return out;
}

}  // namespace careen
