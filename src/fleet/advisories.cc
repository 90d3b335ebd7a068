#include "fleet/advisories.h"

#include <algorithm>
#include <set>

#include "base/text.h"
#include "detect/vulnerability.h"
#include "knowledge/ecosystem.h"
#include "scan/judged.h"

namespace careen {
namespace {

using Id = Inventory::Id;

bool names_it(const Finding& f, const std::string& id) {
  std::string want = lower(id);
  if (f.threat && lower(*f.threat) == want) return true;
  return f.vulnerability &&
         std::any_of(f.vulnerability->aliases.begin(), f.vulnerability->aliases.end(), [&](const std::string& a) { return lower(a) == want; });
}

// The packages of an image that go by one of the names, matched.
std::vector<Finding> match(const AdvisoryDb& advisories, const ScanResult& r, const std::set<std::string>& names) {
  std::vector<InstalledPackage> some;
  for (const InstalledPackage& p : r.packages)
    if (names.contains(p.package.name) || names.contains(p.package.source)) some.push_back(p);
  VulnerabilityInput in;
  in.packages = &some;
  in.distribution = &r.distribution;
  in.advisories = &advisories;
  for (const ScannedLayer& l : r.layers) in.layers.push_back(l.diff_id ? l.diff_id->text() : ""), in.steps.push_back(l.created_by);
  return detect_vulnerabilities(in).findings;
}

// Images that have a package, or something built of a source, of one of the names.
std::vector<Id> images_with(Inventory& inventory, const std::set<std::string>& names) {
  std::vector<HuntQuestion> questions;
  for (const std::string& name : names) {
    HuntQuestion q;
    q.by = Indicator::package;
    q.text = "package:" + name;
    q.value = name;
    questions.push_back(std::move(q));
  }
  std::set<Id> ids;
  for (const HuntMatch& m : hunt(inventory, questions).matches)
    if (auto id = inventory.image_id(m.image)) ids.insert(*id);
  return {ids.begin(), ids.end()};
}

void tell_gaps(Inventory& inventory, Exposure& out) {
  std::vector<Id> gaps = inventory.images_with_gaps();
  out.searched.unjudged = gaps.size();
  for (Id id : gaps)
    if (auto i = inventory.image(id); i && !i->gaps.empty()) out.unjudged.emplace_back(i->digest, i->gaps[0]);
}

}  // namespace

bool is_advisory_id(std::string_view text) {
  size_t dash = text.find('-');
  if (dash == std::string_view::npos || dash < 2 || dash + 1 >= text.size() || text.size() > 200) return false;
  auto upper = [](char c) { return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); };
  if (!(text[0] >= 'A' && text[0] <= 'Z') || !std::all_of(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(dash), upper)) return false;
  return text.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-:_.") == std::string_view::npos &&
         (text.starts_with("GHSA-") || text.find_first_of("0123456789") != std::string_view::npos);
}

Result<std::optional<Exposure>> exposure_of_advisory(Inventory& inventory, const AdvisoryDb& advisories, const std::string& id, const ExposureOptions& how) {
  // The names of what it is about, here and where the same thing goes by another id: a GHSA is a CVE, and a distribution speaks of that.
  std::set<std::string> names, ids_of_it{id};
  std::string title;
  bool known = false;
  for (std::set<std::string> todo{id}; !todo.empty();) {
    std::set<std::string> more;
    for (const std::string& one : todo)
      advisories.each_record(one, [&](const SourceInfo&, Advisory&& a) {
        known = true;
        if (title.empty()) title = a.summary;
        for (const AffectedPackage& p : a.affected)
          if (p.standing != Standing::not_affected) names.insert(p.name);
        // An advisory about several vulnerabilities is another name of none of them.
        auto cves = std::count_if(a.aliases.begin(), a.aliases.end(), [](const std::string& x) { return x.starts_with("CVE-"); });
        if (cves <= 1 && (a.id == one || cves == 1))
          for (const std::string& alias : a.aliases)
            if (ids_of_it.size() < 64 && ids_of_it.insert(alias).second) more.insert(alias);
      });
    todo = std::move(more);
  }
  if (!known) return std::optional<Exposure>();
  Exposure out;
  out.threat = id;
  out.title = title.empty() ? id : title;
  out.searched = inventory.counts();
  std::vector<Exposed> affected;
  std::vector<Id> ids;
  for (Id image : images_with(inventory, names)) {
    auto stored = inventory.image(image);
    ScanResult r;
    if (!stored || !restore_judged(stored->judged, r)) {
      out.unjudged.emplace_back(stored ? stored->digest : "image " + std::to_string(image), "what it was judged to be cannot be read: careen store check");
      continue;
    }
    std::vector<Finding> found = match(advisories, r, names);
    std::erase_if(found,
                  [&](const Finding& f) { return std::none_of(ids_of_it.begin(), ids_of_it.end(), [&](const std::string& one) { return names_it(f, one); }); });
    if (found.empty()) continue;
    sort_findings(found);
    Exposed x;
    x.id = image, x.digest = stored->digest, x.platform = stored->platform;
    x.tags = inventory.tags_of(stored->digest);
    x.labels = stored->labels;
    x.uses = inventory.uses_of(stored->digest);
    x.finding = std::move(found[0]);
    for (const StoredUse& u : x.uses)
      if (u.use.running) x.as_run.push_back(x.finding.reachability);
    ids.push_back(image);
    affected.push_back(std::move(x));
  }
  finish_exposure(inventory, std::move(affected), ids, how, out);
  tell_gaps(inventory, out);
  CAREEN_TRY(advisories.sound());
  return std::optional(std::move(out));
}

std::vector<AdvisoryNews> advisory_news(Inventory& inventory, const AdvisoryDb& advisories, const std::string& since) {
  std::set<std::string> fresh;                                      // ids
  std::map<std::string, std::pair<std::string, std::string>> told;  // id → published or modified, source
  for (const SourceInfo& s : advisories.sources())
    advisories.each_of(s, [&](const Advisory& a) {
      const std::string& day = !a.published.empty() ? a.published : !a.modified.empty() ? a.modified : a.seen;
      if (!day.empty() && day >= since && !a.affected.empty()) {
        fresh.insert(a.id);
        for (const auto* list : {&a.aliases, &a.upstream}) fresh.insert(list->begin(), list->end());
        told.try_emplace(a.id, day, s.name);
      }
      return true;
    });
  std::map<std::string, AdvisoryNews> news;
  for (Id id : inventory.all_images()) {
    auto stored = inventory.image(id);
    ScanResult r;
    if (!stored || !restore_judged(stored->judged, r)) continue;
    VulnerabilityInput in;
    in.packages = &r.packages;
    in.distribution = &r.distribution;
    in.advisories = &advisories;
    auto tags = inventory.tags_of(stored->digest);
    auto uses = inventory.uses_of(stored->digest);
    std::set<std::string> counted;
    for (const Finding& f : detect_vulnerabilities(in).findings) {
      bool is_new = f.threat && fresh.contains(*f.threat);
      for (const std::string& a : f.vulnerability->aliases) is_new |= told.contains(a);
      if (!is_new) continue;
      AdvisoryNews& n = news[*f.threat];
      n.id = *f.threat, n.title = f.title, n.severity = std::max(n.severity, f.severity);
      n.published = f.vulnerability->published, n.source = f.vulnerability->sources.empty() ? "" : f.vulnerability->sources[0];
      n.exploited = !f.vulnerability->kev_added.empty();
      std::string package = f.where.package->name + " " + f.where.package->version;
      if (n.packages.size() < 10 && std::find(n.packages.begin(), n.packages.end(), package) == n.packages.end()) n.packages.push_back(package);
      if (!counted.insert(n.id).second) continue;
      ++n.images;
      n.running += !uses.empty() && uses.front().use.running ? 1 : 0;
      if (n.names.size() < 10) n.names.push_back(name_of(tags, stored->digest));
    }
  }
  std::vector<AdvisoryNews> out;
  for (auto& [id, n] : news) out.push_back(std::move(n));
  std::stable_sort(out.begin(), out.end(), [](const AdvisoryNews& a, const AdvisoryNews& b) {
    auto order = [](const AdvisoryNews& n) {
      return std::make_tuple(!n.exploited, -static_cast<int>(n.severity), n.running == 0, -static_cast<int64_t>(n.images), n.id);
    };
    return order(a) < order(b);
  });
  return out;
}

}  // namespace careen
