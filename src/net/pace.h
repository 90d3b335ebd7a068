// How fast one server is asked, by all threads of the process together: at most so many requests a second, and none while it has asked for patience.
// Thread-safe.
#pragma once
#include <chrono>
#include <memory>
#include <mutex>
#include <string>

namespace careen {

class Pace {
 public:
  using Clock = std::chrono::steady_clock;

  // The one of a server, HOST:PORT. Never freed: there are few.
  static Pace& of(const std::string& server);

  // When the next request may go, which is then taken: not before now, not before hold() is over, 1/rate seconds after the one before. `rate` 0: no limit.
  Clock::time_point next(double rate, Clock::time_point now = Clock::now());
  // Sleeps until then.
  void wait(double rate);
  // None for so many seconds from `now` on; a shorter hold does not end a longer one.
  void hold(double seconds, Clock::time_point now = Clock::now());

 private:
  std::mutex mutex_;
  Clock::time_point next_{}, held_{};
};

}  // namespace careen
