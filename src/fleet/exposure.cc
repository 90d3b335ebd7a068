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

// Judges every image anew whose conclusion rests on other knowledge, and keeps it.
Result<size_t> bring_up_to_date(Inventory& inventory, const ScanOptions& options) {
  std::string knowledge = knowledge_digest(*options.threats);
  size_t count = 0;
  for (Id id : inventory.images_judged_otherwise(knowledge)) {
    auto image = inventory.image(id);
    if (!image) continue;
    CAREEN_ASSIGN(ScanResult result, rejudge(inventory, *image, options));
    CAREEN_TRY(keep_judgement(inventory, *image, result));
    ++count;
  }
  return count;
}

}  // namespace

Result<Exposure> exposure_of(Inventory& inventory, const std::string& name, const ScanOptions& options) {
  const Threat* threat = options.threats->find(name);
  if (threat == nullptr) return Error{Errc::usage, "no threat " + escape(name) + " is known: careen threat list shows which are, --threats adds more"};
  Exposure out;
  out.threat = threat->id;
  out.title = threat->title;
  CAREEN_ASSIGN(out.rejudged, bring_up_to_date(inventory, options));
  out.searched = inventory.counts();
  std::vector<Id> ids = inventory.images_with_term(TermKind::threat, threat->id, false);
  for (Id id : ids) {
    auto i = inventory.image(id);
    ScanResult r;
    if (!i || !restore_judged(i->judged, r)) continue;
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
  for (Id id : inventory.images_with_gaps())
    if (auto i = inventory.image(id); i && !i->gaps.empty()) out.unjudged.emplace_back(i->digest, i->gaps[0]);
  return out;
}

}  // namespace careen
