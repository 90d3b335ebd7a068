#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "report/report.h"
#include "report/version.h"

namespace careen {
namespace {

using Json = nlohmann::ordered_json;

// Image text as a JSON string: escaped, so that it is UTF-8 without control characters. Empty is null.
Json text(const std::string& s) {
  return s.empty() ? Json(nullptr) : Json(escape(s));
}
Json text(const std::optional<std::string>& s) {
  return s ? text(*s) : Json(nullptr);
}
Json digest(const std::optional<Digest>& d) {
  return d && !d->empty() ? Json(d->text()) : Json(nullptr);
}

Json texts(const std::vector<std::string>& list) {
  Json out = Json::array();
  for (const std::string& s : list) out.push_back(escape(s));
  return out;
}

Json image_json(const ScanResult& r) {
  Json layers = Json::array();
  for (const ScannedLayer& l : r.layers)
    layers.push_back({{"digest", digest(l.digest)},
                      {"diff_id", digest(l.diff_id)},
                      {"size", l.size ? Json(*l.size) : Json(nullptr)},
                      {"media_type", text(l.media_type)},
                      {"created_by", text(l.created_by)}});
  Json base = nullptr;
  if (r.base) base = {{"name", text(r.base->name)}, {"digest", text(r.base->digest)}, {"layers", r.base->layers}};
  return {{"reference", escape(r.reference)},
          {"digest", text(r.digest)},
          {"platform", text(r.platform)},
          {"distribution", {{"id", text(r.distribution.id)}, {"release", text(r.distribution.release)}}},
          {"base", base},
          {"layers", layers}};
}

Json vulnerability_json(const VulnerabilityDetail& v) {
  Json cvss = nullptr, epss = nullptr, kev = nullptr;
  if (!v.vector.empty()) cvss = {{"version", v.cvss_version}, {"vector", escape(v.vector)}, {"score", v.score}};
  if (!v.epss_date.empty()) epss = {{"probability", v.epss}, {"percentile", v.percentile}, {"date", text(v.epss_date)}};
  if (!v.kev_added.empty()) kev = {{"added", v.kev_added}, {"due", text(v.kev_due)}, {"ransomware", v.ransomware}};
  return {{"aliases", texts(v.aliases)},
          {"packages", texts(v.packages)},
          {"ecosystem", escape(v.ecosystem)},
          {"release", text(v.release)},
          {"sources", texts(v.sources)},
          {"fixed_version", text(v.fixed)},
          {"fix_state", text(v.fix_state)},
          {"severity_source", text(v.severity_source)},
          {"cvss", cvss},
          {"epss", epss},
          {"kev", kev},
          {"ssvc", text(v.ssvc)},
          {"published", text(v.published)},
          {"url", text(v.url)}};
}

Json finding_json(const Finding& f) {
  Json package = nullptr;
  if (f.where.package)
    package = {{"name", escape(f.where.package->name)}, {"version", text(f.where.package->version)}, {"source", text(f.where.package->source)}};
  Json evidence = Json::array();
  for (const Evidence& e : f.evidence) evidence.push_back({{"by", to_text(e.by)}, {"says", escape(e.says)}});
  Json out = {{"id", f.id},
              {"kind", to_text(f.kind)},
              {"threat", f.threat ? Json(*f.threat) : Json(nullptr)},
              {"title", escape(f.title)},
              {"severity", to_text(f.severity)},
              {"confidence", to_text(f.confidence)},
              {"reachability", {{"state", to_text(f.reachability.state)}, {"because", texts(f.reachability.because)}}},
              {"where",
               {{"path", text(f.where.path)},
                {"layer", text(f.where.layer)},
                {"layer_index", f.where.layer_index ? Json(*f.where.layer_index) : Json(nullptr)},
                {"visible", f.where.visible},
                {"of_base", f.of_base},
                {"package", package}}},
              {"evidence", evidence},
              {"remediation", text(f.remediation)}};
  if (f.vulnerability) out["vulnerability"] = vulnerability_json(*f.vulnerability);
  return out;
}

Json suppressed_json(const ScanResult& r) {
  Json out = Json::array();
  for (const Suppressed& s : r.suppressed) out.push_back({{"by", escape(s.by)}, {"reason", text(s.reason)}, {"finding", finding_json(s.finding)}});
  return out;
}

Json coverage_json(const ScanResult& r) {
  Json out = Json::array();
  for (const Coverage& c : r.coverage)
    out.push_back({{"question", to_text(c.question)}, {"state", to_text(c.state)}, {"what", text(c.what)}, {"why", text(c.why)}});
  return out;
}

std::vector<const InstalledPackage*> sorted_packages(const ScanResult& r) {
  std::vector<const InstalledPackage*> all;
  for (const InstalledPackage& p : r.packages) all.push_back(&p);
  std::sort(all.begin(), all.end(), [](const auto* a, const auto* b) {
    return std::tie(a->package.name, a->package.version, a->package.architecture, a->database, a->layer) <
           std::tie(b->package.name, b->package.version, b->package.architecture, b->database, b->layer);
  });
  return all;
}

Json packages_list(const ScanResult& r) {
  Json out = Json::array();
  for (const InstalledPackage* p : sorted_packages(r)) {
    Json layer = p->layer < r.layers.size() ? digest(r.layers[p->layer].diff_id) : Json(nullptr);
    out.push_back({{"type", to_text(p->package.type)},
                   {"name", escape(p->package.name)},
                   {"version", text(p->package.version)},
                   {"architecture", text(p->package.architecture)},
                   {"source", text(p->package.source)},
                   {"source_version", text(p->package.source_version)},
                   {"database", "/" + escape(p->database)},
                   {"layer", layer},
                   {"layer_index", p->layer},
                   {"visible", p->visible},
                   {"files", p->owned_files}});
  }
  return out;
}

std::string dump(const Json& j) {
  return j.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

const char* type_name(FileType t) {
  switch (t) {
    case FileType::directory:
      return "dir";
    case FileType::symlink:
      return "symlink";
    case FileType::character:
      return "char";
    case FileType::block:
      return "block";
    case FileType::fifo:
      return "fifo";
    default:
      return "file";
  }
}

Json file_json(const std::string& path, const FileRecord& r, FileType type, std::string_view target, size_t layer) {
  return {{"path", "/" + escape(path)},
          {"type", type_name(type)},
          {"mode", fmt::format("{:04o}", r.mode)},
          {"uid", r.uid},
          {"gid", r.gid},
          {"size", r.size},
          {"sha256", r.sha256 ? Json(to_hex(r.sha256->data(), 32)) : Json(nullptr)},
          {"target", type == FileType::symlink ? Json(escape(target)) : Json(nullptr)},
          {"layer_index", layer}};
}

}  // namespace

Json unowned_list(const ScanResult& r) {
  Json out = Json::array();
  for (const UnownedBinary& u : r.unowned)
    out.push_back({{"path", "/" + escape(u.path)}, {"layer_index", u.layer}, {"product", text(u.product)}, {"version", text(u.version)}});
  return out;
}

Json json_report(const ScanResult& r, bool with_packages) {
  Json knowledge = Json::array();
  for (const KnowledgeSource& k : r.knowledge)
    knowledge.push_back({{"name", k.name}, {"count", k.count}, {"digest", text(k.digest.text())}, {"date", text(k.date)}});
  Json findings = Json::array();
  for (const Finding& f : r.findings) findings.push_back(finding_json(f));
  Json out = {{"schema", "careen/report/v1"},
              {"image", image_json(r)},
              {"tool", {{"name", "careen"}, {"version", kVersion}}},
              {"knowledge", knowledge},
              {"verdict", to_text(r.judgement.verdict)},
              {"reasons", texts(r.judgement.reasons)},
              {"findings", findings},
              {"coverage", coverage_json(r)}};
  if (!r.suppressed.empty()) out["suppressed"] = suppressed_json(r);
  if (with_packages) out["packages"] = packages_list(r), out["unowned"] = unowned_list(r);
  return out;
}

std::string json_text(const std::vector<ScanResult>& results, bool several, bool with_packages) {
  if (!several && results.size() == 1) return dump(json_report(results[0], with_packages));
  Json all = Json::array();
  for (const ScanResult& r : results) all.push_back(json_report(r, with_packages));
  return dump({{"schema", "careen/reports/v1"}, {"reports", all}});
}

std::string packages_json(const ScanResult& r) {
  return dump({{"schema", "careen/packages/v1"},
               {"image", image_json(r)},
               {"packages", packages_list(r)},
               {"unowned", unowned_list(r)},
               {"coverage", coverage_json(r)}});
}

std::string files_json(const ScanResult& r) {
  const ImageFacts& facts = *r.facts;
  // Entries are stored in order, so they are walked once and the tree's nodes looked up by (layer, entry).
  std::map<std::pair<size_t, uint32_t>, FileRecord> records;
  Json hidden = Json::array();
  std::vector<std::pair<std::string, Json>> hidden_rows;
  FileRecord rec;
  for (size_t l = 0; l < facts.layers.size(); ++l) {
    if (!facts.layers[l]) continue;
    for (FileCursor c(facts.layers[l]->files); c.next(rec);) {
      if (facts.tree.visible(l, c.index()))
        records[{l, c.index()}] = rec;
      else if (rec.type != FileType::hardlink && rec.type != FileType::directory && !base_name(rec.path).starts_with(".wh."))
        hidden_rows.emplace_back(rec.path, file_json(rec.path, rec, rec.type, rec.target, l));
    }
  }
  std::stable_sort(hidden_rows.begin(), hidden_rows.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  for (auto& [unused, row] : hidden_rows) hidden.push_back(std::move(row));
  std::vector<std::pair<std::string, Json>> rows;
  facts.tree.walk([&](NodeId id) {
    const Node& n = facts.tree.node(id);
    FileRecord made;
    made.mode = 0755;  // a directory that no entry names
    auto it = n.record == UINT32_MAX ? records.end() : records.find({n.layer, n.record});
    std::string path = facts.tree.path(id);
    rows.emplace_back(path, file_json(path, it == records.end() ? made : it->second, n.type, facts.tree.target(id), n.layer));
  });
  std::sort(rows.begin(), rows.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  Json files = Json::array();
  for (auto& [unused, row] : rows) files.push_back(std::move(row));
  return dump({{"schema", "careen/files/v1"}, {"image", image_json(r)}, {"files", files}, {"hidden", hidden}, {"coverage", coverage_json(r)}});
}

std::string files_table(const ScanResult& r) {
  std::string out;
  Json j = Json::parse(files_json(r));
  auto add = [&](const Json& f, const char* end) {
    out += fmt::format("{:<8} {} {:>12}  {}{}{}\n", f["type"].get<std::string>(), f["mode"].get<std::string>(), f["size"].get<uint64_t>(),
                       f["path"].get<std::string>(), f["target"].is_null() ? "" : " -> " + f["target"].get<std::string>(), end);
  };
  for (const Json& f : j["files"]) add(f, "");
  for (const Json& f : j["hidden"]) add(f, "  (hidden)");
  return out;
}

}  // namespace careen
