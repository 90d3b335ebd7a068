#include "fleet/exposure.h"

#include <algorithm>
#include <map>
#include <set>

#include "base/text.h"
#include "fleet/indexer.h"
#include "fleet/lineage.h"
#include "fleet/reading.h"
#include "fleet/renew.h"
#include "scan/judged.h"

namespace careen {
namespace {

using Id = Inventory::Id;

int rank_of(ReachState s) {
  return s == ReachState::reachable ? 0 : s == ReachState::unknown ? 1 : 2;
}

int order_of(const Exposed& e) {
  return (is_running(e) ? 0 : 100) + rank_of(effective_reach(e.finding.reachability, e.as_run)) * 10 - static_cast<int>(e.finding.severity);
}

// Until when a tag named what it did in `row`; nullopt when it still does. `rows`: all of that tag.
std::optional<int64_t> end_of(const std::vector<Tag>& rows, const Tag& row) {
  std::optional<int64_t> end = row.vanished;
  for (const Tag& r : rows)
    if (r.digest != row.digest && r.last_seen > row.last_seen) {
      int64_t moved = r.first_seen > row.last_seen ? r.first_seen : row.last_seen + 1;
      end = std::min(end.value_or(moved), moved);
    }
  return end;
}

// By the days on which tags began or ceased to name affected images.
std::vector<ExposurePoint> history_of(Inventory& inventory, const std::vector<Exposed>& images) {
  constexpr int64_t kDay = 86'400;
  struct Change {
    int tags = 0;
    std::map<Id, int> images;
  };
  std::map<int64_t, Change> changes;
  std::map<std::string, std::map<std::string, std::vector<Tag>>> repositories;  // by name, by tag
  for (const Exposed& x : images)
    for (const Tag& t : x.tags) {
      auto [it, fresh] = repositories.try_emplace(t.repository);
      if (fresh)
        for (Tag& row : inventory.tags_named(t.repository, "")) it->second[row.tag].push_back(std::move(row));
      auto note = [&](int64_t at, int by) {
        Change& c = changes[at / kDay * kDay];
        c.tags += by, c.images[x.id] += by;
      };
      note(t.first_seen, 1);
      if (auto end = end_of(it->second[t.tag], t)) note(*end, -1);
    }
  std::vector<ExposurePoint> out;
  std::map<Id, int> named;  // by how many tags
  int tags = 0;
  size_t count = 0;
  for (const auto& [day, change] : changes) {
    tags += change.tags;
    for (const auto& [id, by] : change.images) {
      int& n = named[id];
      count -= n > 0;
      n += by;
      count += n > 0;
    }
    ExposurePoint p{day, count, static_cast<size_t>(std::max(tags, 0))};
    if (out.empty() || out.back().images != p.images || out.back().tags != p.tags) out.push_back(p);
  }
  return out;
}

// The images as today's knowledge judges them.
class Judged {
 public:
  Judged(Inventory& inventory, const ScanOptions& options, const ExposureOptions& how) : inventory_(inventory), options_(options), how_(how) {}

  // Judges every image anew whose conclusion rests on other knowledge, or whose layers were read since.
  Result<size_t> bring_up_to_date() {
    size_t count = 0;
    std::set<Id> todo(how_.anew.begin(), how_.anew.end());
    for (Id id : inventory_.images_judged_otherwise(knowledge_digest(*options_.threats))) todo.insert(id);
    for (Id id : todo) {
      auto image = inventory_.image(id);
      if (!image) continue;
      CAREEN_ASSIGN(ScanResult result, rejudge(inventory_, *image, options_));
      ++count;
      if (how_.keep) {
        CAREEN_TRY(keep_judgement(inventory_, *image, result));
        continue;
      }
      StoredImage& kept = anew_.emplace(id, with_judgement(inventory_, *image, result)).first->second;
      kept.packages = {}, kept.hidden = {};  // many images at once, and nothing here asks for them
    }
    return count;
  }

  std::vector<Id> with_threat(const std::string& threat) {
    std::vector<Id> out = inventory_.images_with_term(TermKind::threat, threat, false);
    std::erase_if(out, [&](Id id) { return anew_.contains(id); });
    for (const auto& [id, image] : anew_)
      if (std::find(image.terms.begin(), image.terms.end(), std::pair(TermKind::threat, threat)) != image.terms.end()) out.push_back(id);
    std::sort(out.begin(), out.end());
    return out;
  }
  std::optional<StoredImage> image(Id id) {
    auto it = anew_.find(id);
    return it == anew_.end() ? inventory_.image(id) : std::optional(it->second);
  }
  // Images that could not be judged whole, as they are judged now.
  std::vector<Id> with_gaps() {
    std::set<Id> out;
    for (Id id : inventory_.images_with_gaps())
      if (!anew_.contains(id)) out.insert(id);
    for (const auto& [id, image] : anew_)
      if (!image.gaps.empty()) out.insert(id);
    return {out.begin(), out.end()};
  }

 private:
  Inventory& inventory_;
  const ScanOptions& options_;
  const ExposureOptions& how_;
  std::map<Id, StoredImage> anew_;
};

}  // namespace

std::vector<Reachability> reachability_as_run(Inventory& inventory, const StoredImage& image, const std::vector<StoredUse>& uses, const Finding& found,
                                              const ScanOptions& options) {
  std::vector<Reachability> out;
  std::map<std::pair<std::vector<std::string>, std::vector<std::string>>, Reachability> known;
  for (const StoredUse& u : uses) {
    if (!u.use.running) break;
    bool own = u.use.command.empty() && u.use.arguments.empty();
    auto [it, fresh] = known.try_emplace({u.use.command, u.use.arguments}, found.reachability);
    if (fresh && !own) {
      auto result = rejudge(inventory, image, options, &u.use);
      if (!result) {
        it->second = {ReachState::unknown, {"as this workload starts it the image could not be judged: " + result.error().what}};
      } else {
        auto f = std::find_if(result->findings.begin(), result->findings.end(), [&](const Finding& x) { return x.id == found.id; });
        if (f != result->findings.end()) it->second = f->reachability;
      }
    }
    out.push_back(it->second);
  }
  return out;
}

ReachState effective_reach(const Reachability& found, const std::vector<Reachability>& as_run) {
  if (as_run.empty()) return found.state;
  return std::min_element(as_run.begin(), as_run.end(), [](const auto& a, const auto& b) { return rank_of(a.state) < rank_of(b.state); })->state;
}

bool is_running(const Exposed& x) {
  return !x.uses.empty() && x.uses.front().use.running;
}

namespace {

// What careen knows of one affected image; nothing when it is not affected after all.
std::optional<Exposed> exposed(Inventory& inventory, Judged& judged, Id id, const std::string& threat, const ScanOptions& options, Exposure& out) {
  auto i = judged.image(id);
  ScanResult r;
  if (!i || !restore_judged(i->judged, r)) {
    out.unjudged.emplace_back(i ? i->digest : "image " + std::to_string(id), "what it was judged to be cannot be read: careen store check");
    return std::nullopt;
  }
  auto it = std::find_if(r.findings.begin(), r.findings.end(), [&](const Finding& f) { return f.threat == threat && f.confidence != Confidence::refuted; });
  if (it == r.findings.end()) return std::nullopt;
  Exposed x;
  x.id = id, x.digest = i->digest, x.platform = i->platform;
  x.tags = inventory.tags_of(i->digest);
  x.labels = i->labels;
  x.uses = inventory.uses_of(i->digest);
  x.finding = std::move(*it);
  x.as_run = reachability_as_run(inventory, *i, x.uses, x.finding, options);
  return x;
}

// The images that carry all others, with how many of those that are shown each fixes.
void find_roots(Inventory& inventory, const std::vector<Exposed>& affected, const std::vector<Id>& ids, Exposure& out) {
  std::map<Id, size_t> root_at;
  std::map<Id, const Exposed*> by_id;
  for (const Exposed& x : affected) by_id[x.id] = &x;
  std::set<Id> shown;
  for (const Exposed& x : out.images) shown.insert(x.id);
  for (const Root& root : roots_of(inventory, ids)) {
    auto it = by_id.find(root.id);
    if (it == by_id.end()) continue;
    const Exposed* e = it->second;
    auto fixes = static_cast<size_t>(std::count_if(root.descendants.begin(), root.descendants.end(), [&](Id d) { return shown.contains(d); }));
    if (fixes == 0 && !shown.contains(root.id)) continue;
    root_at[root.id] = out.rebuild.size();
    for (Id d : root.descendants) root_at[d] = out.rebuild.size();
    out.rebuild.push_back({e->digest, name_of(e->tags, e->digest), e->finding.where.layer.value_or(""), e->finding.created_by, fixes});
  }
  for (Exposed& x : out.images)
    if (auto it = root_at.find(x.id); it != root_at.end()) x.root = it->second;
}

}  // namespace

void finish_exposure(Inventory& inventory, std::vector<Exposed> affected, const std::vector<Id>& ids, const ExposureOptions& how, Exposure& out) {
  out.history = history_of(inventory, affected);
  for (const Exposed& x : affected)
    if ((!how.running || is_running(x)) && (!how.vanished || has_vanished(x.tags))) out.images.push_back(x);
  find_roots(inventory, affected, ids, out);
  std::stable_sort(out.images.begin(), out.images.end(), [](const Exposed& a, const Exposed& b) {
    return std::pair(order_of(a), name_of(a.tags, a.digest)) < std::pair(order_of(b), name_of(b.tags, b.digest));
  });
  if (how.running) add_unseen(inventory, out.unjudged);
  if (auto why = inventory.trouble()) out.unjudged.emplace_back("the inventory", *why);
}

Result<Exposure> exposure_of(Inventory& inventory, const std::string& name, const ScanOptions& options, const ExposureOptions& how) {
  const Threat* threat = options.threats->find(name);
  if (threat == nullptr) return Error{Errc::usage, "no threat " + escape(name) + " is known: careen threat list shows which are, --threats adds more"};
  Exposure out;
  out.threat = threat->id;
  out.title = threat->title;
  Judged judged(inventory, options, how);
  CAREEN_ASSIGN(out.rejudged, judged.bring_up_to_date());
  out.searched = inventory.counts();
  std::vector<Id> ids = judged.with_threat(threat->id);
  std::vector<Exposed> affected;
  for (Id id : ids)
    if (auto x = exposed(inventory, judged, id, threat->id, options, out)) affected.push_back(std::move(*x));
  finish_exposure(inventory, std::move(affected), ids, how, out);
  std::vector<Id> gaps = judged.with_gaps();
  out.searched.unjudged = gaps.size();
  for (Id id : gaps)
    if (auto i = judged.image(id); i && !i->gaps.empty()) out.unjudged.emplace_back(i->digest, i->gaps[0]);
  if (gaps.empty()) return out;
  ReadingPlan plan = plan_reading(inventory, options.threats->patterns, &gaps);
  out.to_read = {plan.layers.size(), plan.bytes, plan.lost};
  return out;
}

HuntAnswer as_answer(Inventory& inventory, const Exposure& e, const std::string& asked) {
  HuntAnswer out;
  out.searched = e.searched;
  out.unjudged = e.unjudged;
  out.to_read = e.to_read;
  for (const Exposed& x : e.images) {
    auto i = inventory.image(x.id);
    if (!i) continue;  // told by exposure_of()
    HuntMatch m = match_of(asked, *i);
    m.tags = x.tags;
    m.uses = x.uses;
    tell_finding(m, *i, x.finding);
    m.as_run = x.as_run;
    out.matches.push_back(std::move(m));
  }
  return out;
}

}  // namespace careen
