// Work that several machines share, in the inventory's PostgreSQL: jobs (one target of an index run each), and claims on the
// blobs that are being read, so that one machine reads a layer and the others wait for what it found.
//
// A job or a claim belongs to its owner until its lease is over; then it is anybody's. So a machine that dies loses nothing: its
// jobs are done again by another, and what it had written stays. The row decides, whoever asks: messages of a queue only say
// that it is worth asking. Times are the server's. Thread-safe.
#pragma once
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "digest/digest.h"
#include "store/database.h"

namespace careen {

extern const char* const kJobsSql;

inline constexpr int kMaxTries = 5;       // of a job
inline constexpr int kMaxLayerTries = 3;  // of a layer whose readers do not come back: before the job that has it is given up

struct Job {
  int64_t id = 0, tries = 0;
  std::string argument, repository, tag, platform;
  bool registry = false, refresh = false;
};

struct JobCounts {
  uint64_t images = 0, unchanged = 0, new_layers = 0, flagged = 0, undetermined = 0;
};

class Jobs {
 public:
  static Result<std::unique_ptr<Jobs>> connect(const std::string& url);

  // Names this machine's work: leases of `seconds`.
  void be(std::string owner, int seconds) { owner_ = std::move(owner), lease_ = seconds; }

  Result<std::vector<int64_t>> add(const std::string& run, const std::vector<Job>& jobs);
  // Takes a job; nothing when it is done, set aside or another's. One that was taken kMaxTries times and never came back is set aside.
  Result<std::optional<Job>> take(int64_t id);
  Result<void> done(const Job& job, const JobCounts& counts);
  // True when it is set aside: `for_good`, or after kMaxTries.
  Result<bool> failed(const Job& job, const std::string& why, bool for_good);
  // Every lease of this owner begins anew.
  Result<void> renew();

  struct Progress {
    uint64_t waiting = 0, done = 0, set_aside = 0;
    JobCounts counts;
  };
  Result<Progress> progress(const std::string& run);
  // Waiting, and nobody's: what somebody took and did not come back from; with `never_taken` also what nobody took yet.
  Result<std::vector<int64_t>> idle(const std::string& run, bool never_taken);
  struct Failure {
    int64_t id = 0;
    std::string why;
  };
  Result<std::vector<Failure>> set_aside(const std::string& run);
  Result<void> forget(const std::string& run);

  enum class Claim : uint8_t { mine, theirs, set_aside };
  // `why` of a layer that was set aside: its last error.
  Result<Claim> claim(const Digest& blob, std::string* why);
  // The blob was read, or `why` it was not; a failure that may pass is no try.
  Result<void> release(const Digest& blob, bool read, const std::string& why, bool may_pass);
  struct SetAside {
    std::string blob, why;
  };
  Result<std::vector<SetAside>> layers_set_aside();

 private:
  explicit Jobs(std::unique_ptr<Database> db) : db_(std::move(db)) {}
  template <class F>
  Result<void> transaction(F f);
  Error failed_store(const char* doing) const;

  std::mutex mutex_;
  std::unique_ptr<Database> db_;
  std::string shown_, owner_;
  int lease_ = 60;
};

}  // namespace careen
