// OSV records (ossf/osv-schema 1.7.5). One record may speak of several ecosystems: it goes to the source of each with what it says of it.
#include <map>

#include "base/text.h"
#include "feeds/readers.h"
#include "knowledge/cvss.h"
#include "knowledge/ecosystem.h"
#include "knowledge/match.h"

namespace careen {
namespace {

constexpr size_t kMaxVersions = 50'000;
constexpr size_t kMaxEvents = 2'000;

std::string source_of(std::string_view id, std::string_view family) {
  if (family.empty()) return "osv/cve";
  std::string name = escape(family.substr(0, 60));
  if (is_distribution(family)) return "osv/" + name;
  return lower(id.substr(0, std::min<size_t>(id.find('-'), 40))) + "/" + name;
}

std::string publisher(std::string_view id) {
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 8> kNames{{{"GHSA", "GitHub"},
                                                                                        {"PYSEC", "PyPA"},
                                                                                        {"RUSTSEC", "RustSec"},
                                                                                        {"GO", "Go"},
                                                                                        {"UBUNTU", "Ubuntu"},
                                                                                        {"ALSA", "AlmaLinux"},
                                                                                        {"RLSA", "Rocky Linux"},
                                                                                        {"MAL", "OSSF"}}};
  std::string_view prefix = id.substr(0, id.find('-'));
  for (const auto& [p, name] : kNames)
    if (p == prefix) return std::string(name);
  return std::string(prefix);
}

// severity[] of a record or of one package.
void read_severities(Json j, SeverityRank rank, const std::string& source, std::vector<SeverityClaim>& out) {
  (void)static_cast<bool>(json_each(j, "severity", [&](Json s) {
    std::string_view type = json_text(s, "type"), score = json_text(s, "score");
    SeverityClaim claim{rank, Severity::unknown, "", source};
    if (type.starts_with("CVSS_") && cvss_score(score))
      claim.vector = score;
    else if (type == "Ubuntu")
      claim.word = severity_word(score), claim.rank = SeverityRank::distribution, claim.source = "Ubuntu";
    else
      return;
    for (const SeverityClaim& c : out)
      if (c.vector == claim.vector && c.word == claim.word) return;
    out.push_back(std::move(claim));
  }));
}

// "" when the range can be used, else why not.
std::string read_range(Json r, VersionRange& out) {
  std::string problem;
  (void)static_cast<bool>(json_each(r, "events", [&](Json event) {
    static constexpr std::array<std::pair<std::string_view, EventKind>, 4> kKinds{
        {{"introduced", EventKind::introduced}, {"fixed", EventKind::fixed}, {"last_affected", EventKind::last_affected}, {"limit", EventKind::limit}}};
    for (const auto& [name, kind] : kKinds) {
      if (!json_has(event, name)) continue;
      std::string_view version = json_text(event, name);
      if (version.empty()) problem = "an event of a range that is no version";
      if (version.size() > kMaxVersion) problem = "a version of more than " + std::to_string(kMaxVersion) + " bytes";
      if (out.events.size() >= kMaxEvents) problem = "a range of more than " + std::to_string(kMaxEvents) + " events";
      if (problem.empty()) out.events.push_back({kind, std::string(version)});
    }
  }));
  bool introduced = std::any_of(out.events.begin(), out.events.end(), [](const VersionEvent& e) { return e.kind == EventKind::introduced; });
  if (problem.empty() && !introduced) problem = "a range without an introduced event";
  return problem;
}

struct Parsed {
  Advisory head;
  std::map<std::string, std::vector<AffectedPackage>> by_family;
  std::vector<std::string> problems;
  size_t rows = 0;
};

// AlmaLinux and Rocky Linux: a modular build says so in its version, and which module it is of in the title ("Important: nodejs:18 security
// update").
void set_module(const Advisory& a, AffectedPackage& row) {
  if (order_of_family(row.family) != VersionOrder::rpm) return;
  bool modular = std::any_of(row.ranges.begin(), row.ranges.end(), [](const VersionRange& r) {
    return std::any_of(r.events.begin(), r.events.end(), [](const VersionEvent& e) { return e.version.find(".module") != std::string::npos; });
  });
  if (!modular) return;
  row.module = "*";
  size_t colon = a.summary.find(": ");
  auto w = words(colon == std::string::npos ? std::string_view{} : std::string_view(a.summary).substr(colon + 2));
  if (!w.empty() && w[0].find(':') != std::string_view::npos && w[0].find(':') + 1 < w[0].size()) row.module = w[0];
}

// Go: what the vulnerable code is built for. Images are of Linux: a row of other systems alone is of none of their programs.
bool is_of_other_systems(Json specific) {
  bool any = false, linux = false;
  (void)static_cast<bool>(json_each(specific, "imports", [&](Json import) {
    bool named = false;
    (void)static_cast<bool>(json_each(import, "goos", [&](Json goos) { named = true, linux |= json_text(goos) == "linux"; }));
    any = true, linux |= !named;
  }));
  return any && !linux;
}

// Go: modules whose versions Go's own numbers do not follow are affected in every version of those; the versions that their users know stand beside.
std::string own_versions(Json specific) {
  std::string out;
  (void)static_cast<bool>(json_each(specific, "custom_ranges", [&](Json r) {
    (void)static_cast<bool>(json_each(r, "events", [&](Json e) {
      for (const char* kind : {"introduced", "fixed", "last_affected"})
        if (std::string_view v = json_text(e, kind); !v.empty() && v != "0" && v.size() <= kMaxVersion && out.size() < 200)
          out += (out.empty() ? "" : ", ") + std::string(std::string_view(kind) == "last_affected" ? "last affected" : kind) + " in " + std::string(v);
    }));
  }));
  return out.empty() ? out : "by the versions that its users know: " + out;
}

void read_package(Json affected, Parsed& p) {
  std::string ecosystem, name;
  json_member(affected, "package", [&](Json package) {
    if (!json_is_object(package)) p.problems.emplace_back("an affected package that is no object");
    ecosystem = json_text(package, "ecosystem");
    name = json_text(package, "name");
  });
  if (ecosystem.empty() || name.empty()) return;  // of a product that is no package
  Ecosystem eco = parse_ecosystem(ecosystem);
  AffectedPackage row;
  row.family = eco.family, row.release = eco.release, row.name = normal_name(eco.family, name);
  if (eco.subscription) row.fix_state = FixState::subscription;
  if (row.name.size() > kMaxVersion || row.family.size() > 200 || row.release.size() > 200)
    return p.problems.push_back("a package with a name of more than " + std::to_string(kMaxVersion) + " bytes");

  (void)static_cast<bool>(json_each(affected, "ranges", [&](Json r) {
    if (json_text(r, "type") == "GIT") {
      row.other_ranges = true;
      return;
    }
    VersionRange range;
    std::string problem = read_range(r, range);
    if (problem.empty())
      row.ranges.push_back(std::move(range));
    else
      row.other_ranges = true, p.problems.push_back(escape(name) + ": " + problem);
  }));
  bool too_many = false;
  json_member(affected, "versions", [&](Json list) {
    if (!list.is_array() && !list.is_null() && row.ranges.empty()) row.other_ranges = true, p.problems.push_back(escape(name) + ": versions that are no list");
  });
  (void)static_cast<bool>(json_each(affected, "versions", [&](Json v) {
    std::string_view version = json_text(v);
    if (version.empty() || version.size() > kMaxVersion) {
      row.other_ranges = true;
      p.problems.push_back(escape(name) + ": a version that cannot be read");
      return;
    }
    if (row.versions.size() < kMaxVersions)
      row.versions.emplace_back(version);
    else
      too_many = true;
  }));
  if (too_many) p.problems.push_back(escape(name) + ": more than " + std::to_string(kMaxVersions) + " versions");
  read_severities(affected, SeverityRank::database, publisher(p.head.id), row.severities);
  json_member(affected, "database_specific", [&](Json d) {
    if (std::string_view vector = json_text(d, "cvss"); cvss_score(vector))
      row.severities.push_back({SeverityRank::database, Severity::unknown, std::string(vector), publisher(p.head.id)});
    if (!json_text(d, "informational").empty()) {
      row.says = "informational: " + std::string(json_text(d, "informational"));
      row.severities.push_back({SeverityRank::database, Severity::info, "", publisher(p.head.id)});
    }
    (void)static_cast<bool>(json_each(d, "categories", [&](Json c) {
      if (json_text(c) == "malicious") p.head.kind = AdvisoryKind::malware;
    }));
  });
  bool elsewhere = false;
  json_member(affected, "ecosystem_specific", [&](Json e) {
    elsewhere = is_of_other_systems(e);
    if (std::string own = own_versions(e); !own.empty() && row.says.empty()) row.says = own;
    std::string_view urgency = json_text(e, "urgency");  // Debian
    if (urgency == "unimportant") row.unimportant = true;
    if (urgency == "end-of-life") row.fix_state = FixState::end_of_life;
  });
  if (row.ranges.empty() && row.versions.empty()) row.other_ranges = true;  // it names none, and so it decides nothing
  drop_told_versions(row, order_of_family(row.family));
  set_module(p.head, row);
  if (elsewhere) return void(p.by_family[row.family]);
  if (++p.rows > kMaxRowsOfAdvisory) return;
  p.by_family[row.family].push_back(std::move(row));
}

void read_head(Json j, Parsed& p) {
  Advisory& a = p.head;
  a.aliases = json_texts(j, "aliases");
  a.upstream = json_texts(j, "upstream");
  a.related = json_texts(j, "related");
  std::string_view summary = json_text(j, "summary");
  a.summary = short_summary(summary.empty() ? json_text(j, "details") : summary);
  a.published = date_of(json_text(j, "published"));
  a.modified = date_of(json_text(j, "modified"));
  if (a.modified.empty()) a.modified = a.published;
  if (a.id.starts_with("MAL-")) a.kind = AdvisoryKind::malware;
  for (bool telling : {true, false})
    (void)static_cast<bool>(json_each(j, "references", [&](Json r) {
      std::string_view type = json_text(r, "type"), url = json_text(r, "url");
      if ((type == "ADVISORY") == telling && !url.empty() && url.size() < 500 && a.references.size() < kMaxReferences) a.references.emplace_back(url);
    }));
  std::string by = publisher(a.id);
  json_member(j, "database_specific", [&](Json d) {
    Severity word = severity_word(json_text(d, "severity"));
    if (word != Severity::unknown) a.severities.push_back({SeverityRank::database, word, "", by});
  });
  // Red Hat and its rebuilds write the rating into the title.
  size_t colon = summary.find(':');
  if (colon != std::string_view::npos && (a.id.starts_with("ALSA") || a.id.starts_with("RLSA") || a.id.starts_with("RHSA") || a.id.starts_with("ELSA")))
    if (Severity word = severity_word(summary.substr(0, colon)); word != Severity::unknown) a.severities.push_back({SeverityRank::distribution, word, "", by});
  read_severities(j, a.id.starts_with("CVE-") ? SeverityRank::nvd : SeverityRank::database, a.id.starts_with("CVE-") ? "NVD" : by, a.severities);
}

Result<void> read_record(Json j, FeedSink& sink) {
  Parsed p;
  p.head.id = json_text(j, "id");
  if (p.head.id.empty() || p.head.id.size() > kMaxAdvisoryId || !is_plain(p.head.id))
    return sink.refused("osv/unnamed", "a record without an id that can be used");
  read_head(j, p);
  json_member(j, "affected", [&](Json list) {
    if (!list.is_array() && !list.is_null()) p.problems.emplace_back("affected that is no list");
  });
  CAREEN_TRY(json_each(j, "affected", [&](Json affected) { read_package(affected, p); }));
  if (p.rows > kMaxRowsOfAdvisory) p.problems.push_back("more than " + std::to_string(kMaxRowsOfAdvisory) + " affected packages");
  if (p.by_family.empty()) p.by_family[""];
  std::set<std::string> families;
  for (const auto& [family, rows] : p.by_family) families.insert(family);
  sink.begins(families);
  for (auto& [family, rows] : p.by_family) {
    if (!sink.wants(family)) continue;
    std::string source = source_of(p.head.id, family);
    if (!json_text(j, "withdrawn").empty()) {
      CAREEN_TRY(sink.withdrawn(source));
      continue;
    }
    Advisory a = p.head;
    a.affected = std::move(rows);
    CAREEN_TRY(sink.advisory(source, a));
    if (p.problems.size() > 20) p.problems.resize(20);
    for (const std::string& problem : p.problems) CAREEN_TRY(sink.refused(source, p.head.id + ": " + problem));
  }
  return {};
}

}  // namespace

Result<void> read_osv(Json document, FeedSink& sink) {
  if (document.is_array()) return json_each(document, [&](Json record) { return read_record(record, sink); });
  return read_record(document, sink);
}

}  // namespace careen
