#include "scan/recent_layers.h"

#include <algorithm>

namespace careen {
namespace {

constexpr size_t kLeast = 1000, kBytesOfFile = 200;

// In files: what else a layer has is counted by its bytes.
size_t weight(const LayerFacts& f) {
  size_t bytes = 0;
  for (const PackageFile& p : f.databases) bytes += p.text.size() + p.packages.size() * sizeof(Package) + p.files.size() * sizeof(OwnedFile);
  for (const PackageFile& p : f.databases)
    for (const Package& package : p.packages) bytes += package.files.size() * sizeof(OwnedFile);
  for (const StoredText& t : f.texts) bytes += t.text.size();
  bytes += f.elf.size() * sizeof(ElfFacts) * 2;
  return std::max(kLeast, f.files.size() + bytes / kBytesOfFile);
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
