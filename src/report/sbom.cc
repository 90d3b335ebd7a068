// Bills of materials: CycloneDX 1.6 and 1.7 with vulnerabilities, SPDX 2.3. The same image and knowledge give the same document but for its
// time (SPDX must tell one).
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "base/text.h"
#include "report/formats.h"
#include "report/version.h"
#include "scan/advise.h"

namespace careen {
namespace {

using Json = nlohmann::ordered_json;

std::string dump(const Json& j) {
  return j.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

struct Component {
  const InstalledPackage* package;
  std::string purl, ref;
};

// Sorted by package URL; several copies of one package are told apart by where they are.
std::vector<Component> components_of(const ScanResult& r) {
  std::vector<Component> all;
  for (const InstalledPackage& p : r.packages) all.push_back({&p, purl_of(p.package, r.distribution).text(), ""});
  std::sort(all.begin(), all.end(),
            [](const Component& a, const Component& b) { return std::tie(a.purl, a.package->database) < std::tie(b.purl, b.package->database); });
  for (Component& c : all) c.ref = c.purl + "#" + uuid_of(c.purl + '\0' + c.package->database + '\0' + c.package->root).substr(0, 8);
  return all;
}

// Of what belongs to no package and says what it is.
std::string generic_purl(const UnownedBinary& u) {
  Purl p;
  p.type = "generic", p.name = u.product, p.version = u.version;
  return p.text();
}

Json hashes_of(const std::string& digest) {
  return digest.starts_with("sha256:") ? Json::array({{{"alg", "SHA-256"}, {"content", digest.substr(7)}}}) : Json::array();
}

Json rating_of(const Finding& f) {
  const VulnerabilityDetail& v = *f.vulnerability;
  Json r = {{"source", {{"name", escape(v.severity_source.empty() ? "unknown" : v.severity_source)}}}};
  if (!v.vector.empty()) r["score"] = v.score;
  r["severity"] = to_text(f.severity);
  if (!v.vector.empty()) {
    r["method"] = v.cvss_version == "2.0" ? "CVSSv2" : v.cvss_version == "3.0" ? "CVSSv3" : v.cvss_version == "3.1" ? "CVSSv31" : "CVSSv4";
    r["vector"] = escape(v.vector);
  }
  return r;
}

bool is_of(const Component& c, const Finding& f) {
  const VulnerabilityDetail& v = *f.vulnerability;
  return f.where.package && std::find(v.packages.begin(), v.packages.end(), c.package->package.name) != v.packages.end() &&
         (c.package->package.version == f.where.package->version ||
          (!c.package->package.source.empty() && c.package->package.source == f.where.package->source && is_system(c.package->package.type)));
}

using ByName = std::multimap<std::string_view, const Component*>;

Json vulnerability_json(const Finding& f, const ByName& components, const Suppressed* by) {
  const VulnerabilityDetail& v = *f.vulnerability;
  Json affects = Json::array(), advisories = Json::array(), references = Json::array();
  std::set<const Component*> affected;  // in the order of the list that they stand in
  for (const std::string& name : v.packages)
    for (auto [it, end] = components.equal_range(name); it != end; ++it)
      if (is_of(*it->second, f)) affected.insert(it->second);
  for (const Component* c : affected)
    affects.push_back({{"ref", c->ref}, {"versions", Json::array({{{"version", escape(c->package->package.version)}, {"status", "affected"}}})}});
  if (!v.url.empty()) advisories.push_back({{"url", escape(v.url)}});
  for (const std::string& a : v.aliases) references.push_back({{"id", escape(a)}, {"source", {{"name", "alias"}}}});
  Json out = {{"bom-ref", f.id},
              {"id", escape(f.threat.value_or(""))},
              {"source", {{"name", escape(v.sources.empty() ? "careen" : v.sources[0])}}},
              {"references", references},
              {"ratings", Json::array({rating_of(f)})},
              {"description", escape(f.title)},
              {"recommendation", escape(f.remediation)},
              {"advisories", advisories},
              {"affects", affects}};
  if (!v.published.empty()) out["published"] = v.published + "T00:00:00Z";
  if (by != nullptr)
    out["analysis"] = {{"state", "not_affected"}, {"detail", escape(by->by + (by->reason.empty() ? "" : ": " + by->reason))}};
  else
    out["analysis"] = {{"state", f.kind == FindingKind::malware ? "exploitable" : "in_triage"},
                       {"detail", "reachability: " + std::string(to_text(f.reachability.state)) +
                                      (f.reachability.because.empty() ? "" : "; " + escape(f.reachability.because[0]))}};
  return out;
}

Json cyclonedx(const ScanResult& r, const std::string& version) {
  auto components = components_of(r);
  Json list = Json::array(), vulnerabilities = Json::array();
  if (!r.distribution.id.empty()) {
    Json os = {{"bom-ref", "os"}, {"type", "operating-system"}, {"name", escape(r.distribution.id)}};
    if (!r.distribution.release.empty()) os["version"] = escape(r.distribution.release);
    list.push_back(std::move(os));
  }
  for (const Component& c : components) {
    const Package& p = c.package->package;
    Json j = {{"bom-ref", c.ref}, {"type", "library"}};
    Purl u = purl_of(p, r.distribution);
    if (!is_system(p.type) && !u.name_space.empty()) j["group"] = escape(u.name_space);
    j["name"] = escape(is_system(p.type) ? p.name : u.name);
    j["version"] = escape(p.version);
    j["purl"] = c.purl;
    Json properties = Json::array({{{"name", "careen:database"}, {"value", "/" + escape(c.package->database)}}});
    if (c.package->introduced < r.layers.size() && r.layers[c.package->introduced].diff_id)
      properties.push_back({{"name", "careen:layer"}, {"value", r.layers[c.package->introduced].diff_id->text()}});
    if (!p.source.empty() && p.source != p.name) properties.push_back({{"name", "careen:source"}, {"value", escape(p.source + " " + p.source_version)}});
    j["properties"] = std::move(properties);
    list.push_back(std::move(j));
  }
  for (const UnownedBinary& u : r.unowned)
    if (!u.product.empty())
      list.push_back({{"bom-ref", generic_purl(u) + "#" + uuid_of(u.path).substr(0, 8)},
                      {"type", "application"},
                      {"name", u.product},
                      {"version", u.version},
                      {"purl", generic_purl(u)},
                      {"properties", Json::array({{{"name", "careen:path"}, {"value", "/" + escape(u.path)}}})}});
  ByName by_name;
  for (const Component& c : components) by_name.emplace(c.package->package.name, &c);
  for (const Finding& f : r.findings)
    if (f.vulnerability) vulnerabilities.push_back(vulnerability_json(f, by_name, nullptr));
  for (const Suppressed& s : r.suppressed)
    if (s.finding.vulnerability) vulnerabilities.push_back(vulnerability_json(s.finding, by_name, &s));
  Json image = {{"bom-ref", "image"}, {"type", "container"}, {"name", escape(r.reference)}};
  if (!r.digest.empty()) image["version"] = r.digest, image["hashes"] = hashes_of(r.digest);
  if (!r.digest.empty()) image["purl"] = image_purl(r);
  Json out = {
      {"$schema", "http://cyclonedx.org/schema/bom-" + version + ".schema.json"},
      {"bomFormat", "CycloneDX"},
      {"specVersion", version},
      {"version", 1},
      {"metadata", {{"tools", {{"components", Json::array({{{"type", "application"}, {"name", "careen"}, {"version", kVersion}}})}}}, {"component", image}}},
      {"components", list}};
  if (r.vulnerabilities_checked) out["vulnerabilities"] = vulnerabilities;
  std::string serial = "urn:uuid:" + uuid_of(out.dump());
  Json with_serial = Json::object();
  for (auto& [key, value] : out.items()) {
    with_serial[key] = value;
    if (key == "specVersion") with_serial["serialNumber"] = serial;
  }
  return with_serial;
}

// Letters, digits, dots and dashes, as SPDX ids must be.
std::string spdx_id(const std::string& text) {
  return "SPDXRef-" + uuid_of(text);
}

Json spdx(const ScanResult& r, const FormatContext& c) {
  auto components = components_of(r);
  Json packages = Json::array(), relationships = Json::array();
  Json image = {{"SPDXID", "SPDXRef-image"},
                {"name", escape(r.reference)},
                {"downloadLocation", "NOASSERTION"},
                {"filesAnalyzed", false},
                {"primaryPackagePurpose", "CONTAINER"}};
  if (!r.digest.empty()) {
    image["versionInfo"] = r.digest;
    image["externalRefs"] = Json::array({{{"referenceCategory", "PACKAGE-MANAGER"}, {"referenceType", "purl"}, {"referenceLocator", image_purl(r)}}});
    if (r.digest.starts_with("sha256:")) image["checksums"] = Json::array({{{"algorithm", "SHA256"}, {"checksumValue", r.digest.substr(7)}}});
  }
  packages.push_back(std::move(image));
  relationships.push_back({{"spdxElementId", "SPDXRef-DOCUMENT"}, {"relationshipType", "DESCRIBES"}, {"relatedSpdxElement", "SPDXRef-image"}});
  for (const Component& component : components) {
    const Package& p = component.package->package;
    std::string id = spdx_id(component.ref);
    packages.push_back(
        {{"SPDXID", id},
         {"name", escape(p.name)},
         {"versionInfo", escape(p.version)},
         {"downloadLocation", "NOASSERTION"},
         {"filesAnalyzed", false},
         {"sourceInfo", "from /" + escape(component.package->database)},
         {"licenseConcluded", "NOASSERTION"},
         {"licenseDeclared", "NOASSERTION"},
         {"copyrightText", "NOASSERTION"},
         {"externalRefs", Json::array({{{"referenceCategory", "PACKAGE-MANAGER"}, {"referenceType", "purl"}, {"referenceLocator", component.purl}}})}});
    relationships.push_back({{"spdxElementId", "SPDXRef-image"}, {"relationshipType", "CONTAINS"}, {"relatedSpdxElement", id}});
  }
  for (const UnownedBinary& u : r.unowned) {
    if (u.product.empty()) continue;
    std::string id = spdx_id(generic_purl(u) + u.path);
    packages.push_back(
        {{"SPDXID", id},
         {"name", u.product},
         {"versionInfo", u.version},
         {"downloadLocation", "NOASSERTION"},
         {"filesAnalyzed", false},
         {"sourceInfo", "by the text of /" + escape(u.path)},
         {"licenseConcluded", "NOASSERTION"},
         {"licenseDeclared", "NOASSERTION"},
         {"copyrightText", "NOASSERTION"},
         {"externalRefs", Json::array({{{"referenceCategory", "PACKAGE-MANAGER"}, {"referenceType", "purl"}, {"referenceLocator", generic_purl(u)}}})}});
    relationships.push_back({{"spdxElementId", "SPDXRef-image"}, {"relationshipType", "CONTAINS"}, {"relatedSpdxElement", id}});
  }
  std::string seed = r.digest;
  for (const Component& component : components) seed += component.ref;
  return {{"spdxVersion", "SPDX-2.3"},
          {"dataLicense", "CC0-1.0"},
          {"SPDXID", "SPDXRef-DOCUMENT"},
          {"name", escape(r.reference)},
          {"documentNamespace", "https://careen.invalid/spdx/" + uuid_of(seed + r.reference)},
          {"creationInfo", {{"created", time_text(c.now)}, {"creators", Json::array({std::string("Tool: careen-") + kVersion})}}},
          {"packages", packages},
          {"relationships", relationships}};
}

// One document for one image, a list for several.
template <class Make>
std::string documents(const std::vector<ScanResult>& results, Make make) {
  if (results.size() == 1) return dump(make(results[0]));
  Json all = Json::array();
  for (const ScanResult& r : results) all.push_back(make(r));
  return dump(all);
}

}  // namespace

std::string cyclonedx_text(const std::vector<ScanResult>& results, const std::string& version, const FormatContext&) {
  return documents(results, [&](const ScanResult& r) { return cyclonedx(r, version); });
}

std::string spdx_text(const std::vector<ScanResult>& results, const FormatContext& c) {
  return documents(results, [&](const ScanResult& r) { return spdx(r, c); });
}

std::string openvex_text(const std::vector<ScanResult>& results, const FormatContext& c) {
  return documents(results, [&](const ScanResult& r) {
    Json statements = Json::array();
    auto add = [&](const Finding& f, const Suppressed* by) {
      if (!f.vulnerability) return;
      Json product = {{"@id", image_purl(r)}};
      if (std::string purl = finding_purl(r, f); !purl.empty()) product["subcomponents"] = Json::array({{{"@id", purl}}});
      Json aliases = Json::array();
      for (const std::string& a : f.vulnerability->aliases) aliases.push_back(escape(a));
      Json vulnerability = {{"name", escape(f.threat.value_or(""))}};
      if (!aliases.empty()) vulnerability["aliases"] = aliases;
      Json s = {{"vulnerability", vulnerability}, {"products", Json::array({product})}};
      if (by != nullptr) {
        s["status"] = "not_affected";
        s["impact_statement"] = escape(by->by + (by->reason.empty() ? "" : ": " + by->reason));
      } else {
        s["status"] = "affected";
        s["action_statement"] = escape(f.remediation);
      }
      statements.push_back(std::move(s));
    };
    for (const Finding& f : r.findings) add(f, nullptr);
    for (const Suppressed& s : r.suppressed) add(s.finding, &s);
    std::string id = uuid_of(statements.dump() + r.digest);
    return Json{{"@context", "https://openvex.dev/ns/v0.2.0"},
                {"@id", "https://careen.invalid/vex/" + id},
                {"author", "careen"},
                {"timestamp", time_text(c.now)},
                {"version", 1},
                {"statements", statements}};
  });
}

}  // namespace careen
