#include "scan/recent_layers.h"

#include <algorithm>

namespace careen {
namespace {

// What a layer without files takes of the bound: its packages and names are not nothing.
constexpr size_t kLeast = 1000;

size_t weight(const LayerFacts& f) {
  return std::max(kLeast, f.files.size());
}

}  // namespace

std::shared_ptr<const LayerFacts> RecentLayers::find(const Digest& diff_id, const Sha256& patterns) {
  std::lock_guard lock(mutex_);
  auto it = std::find_if(layers_.begin(), layers_.end(), [&](const auto& f) { return f->diff_id == diff_id && f->pattern_set == patterns; });
  if (it == layers_.end()) return nullptr;
  layers_.splice(layers_.begin(), layers_, it);
  return layers_.front();
}

void RecentLayers::keep(std::shared_ptr<const LayerFacts> facts) {
  if (weight(*facts) > kRecentFiles) return;
  std::lock_guard lock(mutex_);
  layers_.remove_if([&](const auto& f) {
    bool same = f->diff_id == facts->diff_id;
    if (same) files_ -= weight(*f);
    return same;
  });
  files_ += weight(*facts);
  layers_.push_front(std::move(facts));
  for (; files_ > kRecentFiles; layers_.pop_back()) files_ -= weight(*layers_.back());
}

}  // namespace careen
