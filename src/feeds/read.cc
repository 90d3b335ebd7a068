#include "base/text.h"
#include "feeds/feed.h"
#include "feeds/readers.h"

namespace careen {

Severity severity_word(std::string_view word) {
  static constexpr std::array<std::pair<std::string_view, Severity>, 12> kWords{{{"critical", Severity::critical},
                                                                                 {"important", Severity::high},
                                                                                 {"high", Severity::high},
                                                                                 {"moderate", Severity::medium},
                                                                                 {"medium", Severity::medium},
                                                                                 {"low", Severity::low},
                                                                                 {"minor", Severity::low},
                                                                                 {"negligible", Severity::info},
                                                                                 {"none", Severity::info},
                                                                                 {"informational", Severity::info},
                                                                                 {"info", Severity::info},
                                                                                 {"unimportant", Severity::info}}};
  std::string w = lower(trim(word.substr(0, 40)));
  for (const auto& [name, severity] : kWords)
    if (name == w) return severity;
  return Severity::unknown;
}

std::string date_of(std::string_view time) {
  if (time.size() < 10 || time[4] != '-' || time[7] != '-') return "";
  for (size_t i : {0, 1, 2, 3, 5, 6, 8, 9})
    if (time[i] < '0' || time[i] > '9') return "";
  return time.starts_with("0001") ? "" : std::string(time.substr(0, 10));  // what Go writes for no time at all
}

std::string short_summary(std::string_view text) {
  text = trim(text);
  text = text.substr(0, text.find('\n'));
  if (text.size() > kMaxSummary) {
    size_t end = text.substr(0, kMaxSummary).rfind(". ");
    if (end == std::string_view::npos || end < 40) end = kMaxSummary - 1;
    while (end > 0 && (static_cast<uint8_t>(text[end]) & 0xC0U) == 0x80U) --end;
    return std::string(text.substr(0, end)) + "…";
  }
  return std::string(text);
}

AffectedPackage fixed_before(std::string family, std::string release, std::string name, std::string version) {
  AffectedPackage p;
  p.family = std::move(family), p.release = std::move(release), p.name = std::move(name);
  p.ranges.push_back({{{EventKind::introduced, "0"}}});
  if (!version.empty()) p.ranges[0].events.push_back({EventKind::fixed, std::move(version)});
  return p;
}

AffectedPackage not_affected(std::string family, std::string release, std::string name) {
  AffectedPackage p;
  p.family = std::move(family), p.release = std::move(release), p.name = std::move(name);
  p.standing = Standing::not_affected;
  return p;
}

namespace {

// The tracker's data/json: packages, of these CVEs, of these releases.
bool is_debian_tracker(Json document) {
  bool is = false, first = true;
  (void)static_cast<bool>(json_members(document, [&](std::string_view, Json package) {
    if (!first) return;
    first = false;
    (void)static_cast<bool>(json_members(package, [&](std::string_view, Json cve) { is = is || json_has(cve, "releases"); }));
  }));
  return is;
}

// Red Hat's repository-to-cpe.json: {"data": {CONTENT SET: {"cpes": […]}}}.
bool is_repository_map(Json document) {
  bool is = false;
  json_member(document, "data", [&](Json data) {
    bool first = true;
    (void)static_cast<bool>(json_members(data, [&](std::string_view, Json r) { is = is || (std::exchange(first, false) && json_has(r, "cpes")); }));
  });
  return is;
}

Result<void> read_json(Json d, FeedSink& sink) {
  if (d.is_array()) return read_osv(d, sink);
  if (!json_is_object(d)) return Error{Errc::unsupported, "JSON that is neither an object nor an array"};
  if (json_has(d, "packages") && json_has(d, "apkurl")) return read_secdb(d, sink);
  if (json_has(d, "catalogVersion") && json_has(d, "vulnerabilities")) return read_kev(d, sink);
  if (json_text(d, "dataType") == "CVE_RECORD") return read_cve5(d, sink);
  if (json_has(d, "document") && (json_has(d, "vulnerabilities") || json_has(d, "product_tree"))) return read_csaf(d, sink);
  if (is_repository_map(d)) return read_redhat_repositories(d, sink);
  if (json_text(d, "@context").find("openvex.dev") != std::string_view::npos) return read_ubuntu_vex(d, sink);
  if (json_has(d, "Annotations") && json_has(d, "Header")) return read_debian_annotations(d, sink);
  if (json_has(d, "id") && (json_has(d, "modified") || json_has(d, "affected") || json_has(d, "withdrawn"))) return read_osv(d, sink);
  if (is_debian_tracker(d)) return read_debian_json(d, sink);
  return Error{Errc::unsupported, "JSON of no kind of advisory that careen reads; docs/advisories.md lists them"};
}

// The first line that is neither empty nor a comment.
std::string_view first_line(std::string_view text) {
  std::string_view found;
  each_line(text.substr(0, 1 << 16), [&](std::string_view line) {
    if (trim(line).empty() || line.starts_with('#') || line == "---") return true;
    found = line;
    return false;
  });
  return found;
}

}  // namespace

struct FeedReader::Impl {
  JsonReader json;
};

FeedReader::FeedReader(FeedSink& sink) : sink_(sink), impl_(std::make_unique<Impl>()) {}
FeedReader::~FeedReader() = default;

Result<void> FeedReader::read(const std::string& name, std::string_view text) {
  ++documents_;
  if (text.size() > kMaxFeedDocument) return Error{Errc::limit, "larger than " + human_size(kMaxFeedDocument)};
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  std::string_view head = trim(text.substr(0, 4096));
  if (head.empty()) return Error{Errc::truncated, "empty"};
  if (head[0] == '{' || head[0] == '[') {
    // Debian's lists of advisories begin with a bracket as well: "[29 Mar 2023] DSA-5380-1".
    for (std::string_view kind : {"DSA", "DLA"})
      if (head[0] == '[' && head.substr(0, 40).find("] " + std::string(kind) + "-") != std::string_view::npos)
        return read_debian_advisory_list(text, kind, sink_);
    CAREEN_ASSIGN(Json document, impl_->json.parse(text));
    if (json_is_object(document) && json_text(document, "schema").starts_with("careen/threat/")) return read_threat_record(name, text, sink_);
    return read_json(document, sink_);
  }
  if (head[0] == '<') return head.find("oval_definitions") != std::string_view::npos ? read_oval(text, sink_) : read_updateinfo(text, sink_);
  std::string_view line = first_line(text);
  if (line.starts_with("sha1,name,version")) return read_artifact_list(name, text, sink_);
  if (line.starts_with("cve,epss")) return read_epss(text, sink_);
  if (line.starts_with("CVE-") || line.starts_with("TEMP-")) return read_debian_cve_list(text, sink_);
  if (line.starts_with("schema: careen/threat/")) return read_threat_record(name, text, sink_);
  if (line.starts_with("version,codename,series")) return read_distro_info(name, text, sink_);
  if (line.starts_with("distroversion:") || line.starts_with("reponame:") || line.starts_with("packages:") || line.starts_with("apkurl:"))
    return read_secdb_yaml(text, sink_);
  if (head.find("security support ends") != std::string_view::npos || head.find("security support is limited") != std::string_view::npos)
    return read_security_support(name, text, sink_);
  return Error{Errc::unsupported, "no kind of advisory that careen reads; docs/advisories.md lists them"};
}

}  // namespace careen
