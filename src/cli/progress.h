// One line on standard error that tells how far the reading of layers is. Shown on a terminal only.
#pragma once
#include <chrono>
#include <cstdint>
#include <string>

#include "fleet/indexer.h"

namespace careen {

class Progress {
 public:
  explicit Progress(bool wanted);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  void show(uint64_t done, uint64_t total, size_t layers_left);

 private:
  bool on_;
  bool drawn_ = false;
  std::chrono::steady_clock::time_point begin_, last_;
};

// The same for an index run: how many references are done, and the one at hand.
class FleetProgress {
 public:
  explicit FleetProgress(bool wanted);
  ~FleetProgress();
  FleetProgress(const FleetProgress&) = delete;
  FleetProgress& operator=(const FleetProgress&) = delete;
  void show(const IndexProgress& p);
  void clear();

 private:
  bool on_;
  bool drawn_ = false;
  std::chrono::steady_clock::time_point begin_, last_;
};

}  // namespace careen
