#include "scan/advise.h"

#include <algorithm>
#include <ctime>
#include <map>

#include "base/text.h"
#include "detect/vulnerability.h"
#include "knowledge/ecosystem.h"
#include "oci/reference.h"

namespace careen {
namespace {

constexpr uint64_t kDay = 86'400;

// What stands in the report of the image alone: the question was not asked yet.
void drop_rows(ScanResult& r) {
  auto gone = [](const Coverage& c) { return c.question == Question::vulnerabilities && c.state == CoverageState::not_applicable; };
  r.coverage.erase(std::remove_if(r.coverage.begin(), r.coverage.end(), gone), r.coverage.end());
}

ImageNames names_of(const ScanResult& r) {
  ImageNames n;
  n.digest = r.digest;
  auto reference = Reference::parse(r.resolved.empty() ? r.reference : r.resolved);
  if (!reference) return n;
  n.name = base_name(reference->repository);
  n.tag = reference->tag;
  n.repository = reference->host + "/" + reference->repository;
  return n;
}

// The packages by name and version, for what must be known of one that a finding is about.
using PackageIndex = std::map<std::pair<std::string_view, std::string_view>, const InstalledPackage*>;

PackageIndex index_of(const ScanResult& r) {
  PackageIndex out;
  for (const InstalledPackage& p : r.packages) out.emplace(std::pair(std::string_view(p.package.name), std::string_view(p.package.version)), &p);
  return out;
}

// Java archives that do not say what they are, where their digest is known.
void name_by_digest(const AdvisoryDb& db, std::vector<InstalledPackage>& packages) {
  if (std::none_of(db.sources().begin(), db.sources().end(), [](const SourceInfo& s) { return s.kind == SegmentKind::artifacts; })) return;
  for (InstalledPackage& p : packages)
    if (!p.package.sha1.empty())
      if (auto known = db.artifact(p.package.sha1)) p.package.name = known->name, p.package.version = known->version;
}

// The age of the data that spoke: every source with a family that the image has.
// Whether one of them is older than is allowed.
bool tell_sources(ScanResult& r, const AdviceOptions& o, const std::set<std::string>& families) {
  uint64_t oldest = UINT64_MAX, records = 0, sources = 0;
  std::string oldest_name;
  for (const SourceInfo& s : o.advisories->sources()) {
    if (!is_of_vulnerabilities(s.kind)) continue;
    bool asked = s.families.empty() || std::any_of(s.families.begin(), s.families.end(), [&](const std::string& f) { return families.count(f) != 0; });
    if (!asked) continue;
    r.knowledge.push_back({"advisories: " + s.name, s.records, Digest(s.digest), s.newest.size() == 10 ? s.newest : ""});
    ++sources, records += s.records;
    if (s.imported < oldest) oldest = s.imported, oldest_name = s.name;
  }
  if (sources == 0) return false;
  uint64_t age = o.now > oldest ? o.now - oldest : 0;
  std::string old = age < 2 * kDay ? std::to_string(age / 3600) + " h" : std::to_string(age / kDay) + " days";
  bool stale = o.max_age != 0 && age > o.max_age;
  r.coverage.push_back({Question::vulnerabilities, stale ? CoverageState::partly : CoverageState::looked, "",
                        std::to_string(records) + " advisories of " + std::to_string(sources) + (sources == 1 ? " source" : " sources") + ", the oldest (" +
                            oldest_name + ") imported " + old + " ago" + (stale ? ", which is more than --max-db-age allows" : "")});
  return stale;
}

// Nobody's advisories are about what belongs to no package.
void tell_unowned(ScanResult& r) {
  if (r.unowned_in_all == 0) return;
  auto known = std::count_if(r.unowned.begin(), r.unowned.end(), [](const UnownedBinary& u) { return !u.product.empty(); });
  std::string some = known == 0 ? "" : " (" + std::to_string(known) + " say what they are: careen packages)";
  r.coverage.push_back({Question::vulnerabilities, CoverageState::not_applicable,
                        std::to_string(r.unowned_in_all) + (r.unowned_in_all == 1 ? " program or library" : " programs and libraries"),
                        "belong to no package, and no advisories are about them" + some});
}

// What an image inherits is best mended where it comes from.
void tell_base(const BaseImage& base, std::vector<Finding>& findings) {
  for (Finding& f : findings) {
    f.of_base = f.where.layer_index && *f.where.layer_index < base.layers;
    if (!f.of_base || f.kind == FindingKind::integrity) continue;
    f.remediation += std::string(f.remediation.empty() ? "" : " ") + "By the image's history it comes from the base image" +
                     (base.name.empty() ? "" : " " + escape(base.name)) + ": rebuild on one without it.";
  }
}

}  // namespace

std::string day_of(uint64_t seconds) {
  auto t = static_cast<time_t>(seconds);
  tm parts{};
  ::gmtime_r(&t, &parts);
  std::array<char, 16> text{};
  std::strftime(text.data(), text.size(), "%Y-%m-%d", &parts);
  return text.data();
}

Purl purl_of(const Package& p, const Distribution& d) {
  Purl u;
  u.type = std::string(to_text(p.type));
  u.name = p.name, u.version = p.version;
  if (!is_system(p.type)) {
    char separator = p.type == PackageType::maven ? ':' : '/';
    if (size_t at = p.name.rfind(separator); at != std::string::npos && p.type != PackageType::nuget && p.type != PackageType::gem)
      u.name_space = p.name.substr(0, at), u.name = p.name.substr(at + 1);
    if (p.type == PackageType::pypi) u.name = normal_name("pypi", p.name);
    if (p.type == PackageType::golang && p.name != "stdlib" && !u.version.empty()) u.version = "v" + u.version;
    return u;
  }
  u.name_space = d.id == "rhel" ? "redhat" : d.id;
  if (!p.architecture.empty()) u.qualifiers["arch"] = p.architecture;
  if (!d.id.empty()) u.qualifiers["distro"] = d.id + (d.release.empty() ? "" : "-" + d.release);
  if (p.type == PackageType::rpm) {
    size_t colon = u.version.find(':');
    if (colon != std::string::npos) u.qualifiers["epoch"] = u.version.substr(0, colon), u.version = u.version.substr(colon + 1);
  }
  // As others write it: the source package's name, and its version where that is another.
  std::string source_version = p.source_version.empty() || p.source_version == p.version ? "" : "@" + p.source_version;
  if ((!p.source.empty() && p.source != p.name) || !source_version.empty()) u.qualifiers["upstream"] = (p.source.empty() ? p.name : p.source) + source_version;
  return u;
}

void advise(ScanResult& r, const AdviceOptions& o) {
  bool stale = false;
  drop_rows(r);
  r.fail_on = o.fail_on;
  bool there = o.advisories &&
               std::any_of(o.advisories->sources().begin(), o.advisories->sources().end(), [](const SourceInfo& s) { return is_of_vulnerabilities(s.kind); });
  if (!there) {
    std::string why = o.advisories       ? "the database has no advisories; careen db update brings them"
                      : o.absent.empty() ? "no advisory database; careen db update makes one"
                                         : o.absent;
    r.coverage.push_back({Question::vulnerabilities, o.damaged ? CoverageState::not_looked : CoverageState::not_applicable, "", why});
  } else {
    name_by_digest(*o.advisories, r.packages);
    VulnerabilityInput in;
    in.packages = &r.packages;
    in.distribution = &r.distribution;
    in.advisories = o.advisories.get();
    for (const ScannedLayer& l : r.layers) in.layers.push_back(l.diff_id ? l.diff_id->text() : ""), in.steps.push_back(l.created_by);
    VulnerabilityAnswer answer = detect_vulnerabilities(in);
    r.vulnerabilities_checked = true;
    r.coverage.insert(r.coverage.end(), answer.coverage.begin(), answer.coverage.end());
    stale = tell_sources(r, o, answer.families);
    tell_unowned(r);
    (void)o.advisories->threats();  // threats that were searched for before this; damage among them is told here
    if (auto sound = o.advisories->sound(); !sound) r.coverage.push_back({Question::vulnerabilities, CoverageState::not_looked, "", sound.error().what});
    std::string today = day_of(o.now);
    ImageNames image = names_of(r);
    uint64_t unknown = 0;
    PackageIndex packages = o.suppressions ? index_of(r) : PackageIndex{};
    for (Finding& f : answer.findings) {
      if (f.kind != FindingKind::malware && o.suppressions) {
        auto p = packages.find({f.where.package->name, f.where.package->version});
        if (auto by = o.suppressions->find(f, p != packages.end() ? purl_of(p->second->package, r.distribution) : Purl{}, image, today)) {
          r.suppressed.push_back({std::move(f), by->who, by->reason});
          continue;
        }
      }
      if (f.kind == FindingKind::vulnerability) {
        if (f.severity == Severity::unknown && o.unknown_as != Severity::unknown) {
          f.severity = o.unknown_as;
          f.vulnerability->severity_source = "--unknown-as";
        }
        const VulnerabilityDetail& v = *f.vulnerability;
        bool listed = o.severities.empty() || std::find(o.severities.begin(), o.severities.end(), f.severity) != o.severities.end();
        if ((v.unimportant && !o.unimportant) || (o.only_fixed && v.fixed.empty()) || !listed) {
          ++(v.unimportant && !o.unimportant ? r.hidden.unimportant : o.only_fixed && v.fixed.empty() ? r.hidden.unfixed : r.hidden.severity);
          continue;
        }
        unknown += f.severity == Severity::unknown ? 1 : 0;
      }
      r.findings.push_back(std::move(f));
    }
    if (o.fail_on && unknown != 0)
      r.coverage.push_back({Question::vulnerabilities, CoverageState::partly, std::to_string(unknown) + (unknown == 1 ? " vulnerability" : " vulnerabilities"),
                            "no source states a severity, so no threshold is reached (--unknown-as SEVERITY sets one)"});
    if (o.suppressions)
      for (const std::string& e : o.suppressions->expired(today))
        r.coverage.push_back({Question::vulnerabilities, CoverageState::looked, "", "a rule that suppresses no more: " + e});
    sort_findings(r.findings);
    sort_suppressed(r.suppressed);
  }
  if (r.base) tell_base(*r.base, r.findings);
  std::sort(r.coverage.begin(), r.coverage.end());
  r.coverage.erase(std::unique(r.coverage.begin(), r.coverage.end()), r.coverage.end());
  r.judgement = judge(r.findings, r.coverage, o.fail_on);
  // A gate that nothing was looked up for is not passed.
  auto open = [&](const std::string& why) {
    if (r.judgement.verdict == Verdict::flagged) return;
    r.judgement.verdict = Verdict::undetermined;
    if (std::find(r.judgement.reasons.begin(), r.judgement.reasons.end(), why) == r.judgement.reasons.end()) r.judgement.reasons.push_back(why);
  };
  if (!there && (o.fail_on || o.max_age != 0)) open("vulnerabilities not looked up: no advisory database that can be read");
  bool of_threats = o.advisories && std::any_of(o.advisories->sources().begin(), o.advisories->sources().end(),
                                                [](const SourceInfo& s) { return s.kind == SegmentKind::threats; });
  if (o.advisories && o.advisories->damaged() && (o.fail_on || o.max_age != 0 || of_threats)) open("vulnerabilities looked up in a database that is damaged");
  if (stale) open("vulnerabilities looked up in data older than --max-db-age allows");
}

}  // namespace careen
