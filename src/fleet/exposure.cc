#include "fleet/exposure.h"

#include <algorithm>
#include <map>

#include "base/text.h"
#include "fleet/indexer.h"
#include "fleet/lineage.h"
#include "scan/judged.h"

namespace careen {
namespace {

using Id = Inventory::Id;

int order_of(const Exposed& e) {
  int reach = e.finding.reachability.state == ReachState::reachable ? 0 : e.finding.reachability.state == ReachState::unknown ? 1 : 2;
  return reach * 10 - static_cast<int>(e.finding.severity);
}

// The images as today's knowledge judges them.
class Judged {
 public:
  Judged(Inventory& inventory, const ScanOptions& options, bool keep) : inventory_(inventory), options_(options), keep_(keep) {}

  // Judges every image anew whose conclusion rests on other knowledge.
  Result<size_t> bring_up_to_date() {
    size_t count = 0;
    for (Id id : inventory_.images_judged_otherwise(knowledge_digest(*options_.threats))) {
      auto image = inventory_.image(id);
      if (!image) continue;
      CAREEN_ASSIGN(ScanResult result, rejudge(inventory_, *image, options_));
      if (keep_)
        CAREEN_TRY(keep_judgement(inventory_, *image, result));
      else
        anew_.emplace(id, with_judgement(inventory_, *image, result));
      ++count;
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

 private:
  Inventory& inventory_;
  const ScanOptions& options_;
  bool keep_;
  std::map<Id, StoredImage> anew_;
};

}  // namespace

Result<Exposure> exposure_of(Inventory& inventory, const std::string& name, const ScanOptions& options, bool keep) {
  const Threat* threat = options.threats->find(name);
  if (threat == nullptr) return Error{Errc::usage, "no threat " + escape(name) + " is known: careen threat list shows which are, --threats adds more"};
  Exposure out;
  out.threat = threat->id;
  out.title = threat->title;
  Judged judged(inventory, options, keep);
  CAREEN_ASSIGN(out.rejudged, judged.bring_up_to_date());
  out.searched = inventory.counts();
  std::vector<Id> ids = judged.with_threat(threat->id);
  for (Id id : ids) {
    auto i = judged.image(id);
    ScanResult r;
    if (!i || !restore_judged(i->judged, r)) {
      out.unjudged.emplace_back(i ? i->digest : "image " + std::to_string(id), "what it was judged to be cannot be read: careen store check");
      continue;
    }
    auto it =
        std::find_if(r.findings.begin(), r.findings.end(), [&](const Finding& f) { return f.threat == threat->id && f.confidence != Confidence::refuted; });
    if (it != r.findings.end()) out.images.push_back({id, i->digest, i->platform, inventory.tags_of(i->digest), *it, std::nullopt});
  }
  std::map<Id, size_t> root_at;
  for (const Root& root : roots_of(inventory, ids)) {
    auto i = inventory.image(root.id);
    auto e = std::find_if(out.images.begin(), out.images.end(), [&](const Exposed& x) { return x.id == root.id; });
    if (!i || e == out.images.end()) continue;
    root_at[root.id] = out.rebuild.size();
    for (Id d : root.descendants) root_at[d] = out.rebuild.size();
    RebuildFirst first{i->digest, name_of(e->tags, i->digest), e->finding.where.layer.value_or(""), e->finding.created_by, root.carries};
    out.rebuild.push_back(std::move(first));
  }
  for (Exposed& x : out.images)
    if (auto it = root_at.find(x.id); it != root_at.end()) x.root = it->second;
  std::stable_sort(out.images.begin(), out.images.end(), [](const Exposed& a, const Exposed& b) {
    return std::pair(order_of(a), name_of(a.tags, a.digest)) < std::pair(order_of(b), name_of(b.tags, b.digest));
  });
  if (auto why = inventory.trouble()) out.unjudged.emplace_back("the inventory", *why);
  for (Id id : inventory.images_with_gaps())
    if (auto i = inventory.image(id); i && !i->gaps.empty()) out.unjudged.emplace_back(i->digest, i->gaps[0]);
  return out;
}

HuntAnswer as_answer(Inventory& inventory, const Exposure& e, const std::string& asked) {
  HuntAnswer out;
  out.searched = e.searched;
  out.unjudged = e.unjudged;
  for (const Exposed& x : e.images) {
    auto i = inventory.image(x.id);
    if (!i) continue;  // told by exposure_of()
    HuntMatch m = match_of(asked, *i);
    m.tags = x.tags;
    m.uses = inventory.uses_of(i->digest);
    tell_finding(m, *i, x.finding);
    out.matches.push_back(std::move(m));
  }
  return out;
}

}  // namespace careen
