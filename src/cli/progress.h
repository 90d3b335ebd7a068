// One line on standard error that tells how far the reading of layers is. Shown on a terminal only.
#pragma once
#include <chrono>
#include <cstdint>

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

}  // namespace careen
