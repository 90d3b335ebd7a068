// The facts of the layers that were read last, for images that share them: a base is decoded once, not for each image upon it.
//
// Bounded by the number of files that the tables list. Thread-safe; what it hands out is never changed.
#pragma once
#include <list>
#include <memory>
#include <mutex>

#include "facts/layer_facts.h"

namespace careen {

inline constexpr size_t kRecentFiles = 200'000;  // some 40 MiB of tables

class RecentLayers {
 public:
  // Null when the layer is not there, or was searched for other patterns.
  std::shared_ptr<const LayerFacts> find(const Digest& diff_id, const Sha256& patterns);
  // A layer of more files than all may have together is not kept.
  void keep(std::shared_ptr<const LayerFacts> facts);

 private:
  std::mutex mutex_;
  std::list<std::shared_ptr<const LayerFacts>> layers_;  // used last first
  size_t files_ = 0;
};

}  // namespace careen
