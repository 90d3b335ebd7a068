#include "fleet/estimate.h"

#include <set>

#include "fleet/reading.h"
#include "source/registry.h"

namespace careen {
namespace {

class Estimator {
 public:
  Estimator(Inventory* inventory, const IndexOptions& options) : inventory_(inventory), o_(options), resolve_(options.resolve) {
    if (!resolve_.platforms.platform) resolve_.platforms.all = true;
    resolve_.platforms.every = true;
  }

  Estimate run(const std::vector<std::string>& sources) {
    if (sources.empty()) return refresh();
    Targets targets = find_targets(sources, o_.targets);
    out_.failures = targets.failures;
    out_.older = targets.older, out_.undated = targets.undated;
    for (size_t i = 0; i < targets.list.size(); ++i) {
      if (o_.on_progress) o_.on_progress({i, targets.list.size(), targets.list[i].argument, 0, 0});
      one(targets.list[i]);
    }
    return std::move(out_);
  }

 private:
  Estimate refresh() {
    if (inventory_ == nullptr) return std::move(out_);
    ReadingPlan plan = plan_reading(*inventory_, o_.scan.threats->patterns);
    out_.rows.resize(plan.from.size());
    for (size_t i = 0; i < plan.from.size(); ++i) {
      out_.rows[i].reference = plan.from[i].argument;
      out_.rows[i].images = 1;
      if (plan.from[i].registry) out_.requests += 2;  // manifest and configuration
    }
    for (const ReadingPlan::Row& r : plan.layers) {
      ++out_.rows[r.from].new_layers;
      out_.rows[r.from].bytes += r.bytes;
      if (plan.from[r.from].registry) ++out_.requests;
    }
    out_.images = plan.from.size();
    out_.new_layers = plan.layers.size();
    out_.bytes = plan.bytes;
    for (const auto& [layer, why] : plan.lost) out_.failures.emplace_back("layer " + layer, "can no longer be had: " + why);
    return std::move(out_);
  }

  bool unchanged(const Target& t) const {
    if (inventory_ == nullptr || !t.registry || o_.refresh) return false;
    auto digest = head_manifest(t.argument.substr(9), o_.targets.http);
    return digest && !digest->empty() && is_indexed_whole(*inventory_, digest->text());
  }

  void one(const Target& t) {
    Estimate::Row row;
    row.reference = t.argument;
    if (t.registry) ++out_.requests;
    if (unchanged(t)) {
      row.known = true;
      ++out_.known;
      out_.rows.push_back(std::move(row));
      return;
    }
    auto images = resolve_images(t.argument, resolve_);
    if (!images) {
      out_.failures.emplace_back(t.argument, images.error().what);
      return;
    }
    if (t.registry) out_.requests += 1 + 2 * images->size() - (images->size() == 1 && (*images)[0].index_digest.empty() ? 1 : 0);
    row.images = images->size();
    for (const Image& image : *images)
      for (const Layer& l : image.layers) layer(l, t.registry, row);
    row.known = row.new_layers == 0 && inventory_ != nullptr;
    out_.images += row.images;
    out_.new_layers += row.new_layers;
    out_.bytes += row.bytes;
    out_.rows.push_back(std::move(row));
  }

  // A refresh reads what is known where its facts lack a collector or patterns.
  bool known(const std::string& digest) {
    auto id = inventory_ == nullptr ? std::nullopt : inventory_->layer_id(digest);
    auto diff = id ? inventory_->layer_digest(*id) : std::nullopt;
    if (!diff || !o_.refresh) return diff.has_value();
    return inventory_->layers()->holds(*diff) && inventory_->layers()->hits(*diff, digest_of_patterns(o_.scan.threats->patterns));
  }

  void layer(const Layer& l, bool registry, Estimate::Row& row) {
    if (l.kind != LayerKind::tar) return;
    std::string digest = !l.descriptor.digest.empty() ? l.descriptor.digest.text() : l.claimed_diff_id.text();
    if (!digest.empty() && !seen_.insert(digest).second) return;
    if (!digest.empty() && known(digest)) return;
    ++row.new_layers;
    row.bytes += l.descriptor.size;
    if (registry) ++out_.requests;
  }

  Inventory* inventory_;
  const IndexOptions& o_;
  ResolveOptions resolve_;
  std::set<std::string> seen_;
  Estimate out_;
};

}  // namespace

Estimate estimate(Inventory* inventory, const std::vector<std::string>& sources, const IndexOptions& options) {
  return Estimator(inventory, options).run(sources);
}

}  // namespace careen
