#include "net/pace.h"

#include <algorithm>
#include <map>
#include <thread>

namespace careen {

Pace& Pace::of(const std::string& server) {
  static std::mutex mutex;
  static std::map<std::string, std::unique_ptr<Pace>> all;
  std::lock_guard lock(mutex);
  auto& one = all[server];
  if (!one) one = std::make_unique<Pace>();
  return *one;
}

Pace::Clock::time_point Pace::next(double rate, Clock::time_point now) {
  std::lock_guard lock(mutex_);
  Clock::time_point at = std::max({now, held_, rate > 0 ? next_ : now});
  if (rate > 0) next_ = at + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(1 / rate));
  return at;
}

void Pace::wait(double rate) {
  std::this_thread::sleep_until(next(rate));
}

void Pace::hold(double seconds, Clock::time_point now) {
  std::lock_guard lock(mutex_);
  held_ = std::max(held_, now + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds)));
}

}  // namespace careen
