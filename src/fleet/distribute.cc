#include "fleet/distribute.h"

#include <fmt/format.h>
#include <unistd.h>

#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>
#include <random>
#include <thread>

#include "base/text.h"

namespace careen {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr auto kLook = milliseconds(300);      // for progress
constexpr auto kPutAgain = seconds(15);        // numbers of jobs that nobody has
constexpr int kStanding = 20;                  // times kPutAgain
constexpr auto kAskAgain = milliseconds(200);  // whether another machine has read a layer
constexpr int kLongestWait = 60;               // seconds before a job is tried again

std::string random_name() {
  std::random_device device;
  char host[256] = "";
  ::gethostname(host, sizeof host - 1);
  return fmt::format("{}-{}-{:08x}{:08x}", host, ::getpid(), device(), device());
}

bool may_pass(const Error& e) {
  return e.code == Errc::network || e.code == Errc::io || e.code == Errc::auth;
}

class SharedClaims final : public LayerClaims {
 public:
  explicit SharedClaims(Jobs& jobs) : jobs_(jobs) {}

  Answer begin(const Digest& blob, const std::function<bool()>& is_known, std::string* why) override {
    for (;;) {
      if (is_known()) return Answer::known;
      auto c = jobs_.claim(blob, why);
      if (!c || *c == Jobs::Claim::set_aside) {
        *why = c ? "set aside after " + std::to_string(kMaxLayerTries) + " tries: " + *why : c.error().what;
        return Answer::refused;
      }
      if (*c == Jobs::Claim::mine) {
        if (!is_known()) return Answer::read;
        end(blob, nullptr);  // between the two questions
        return Answer::known;
      }
      std::this_thread::sleep_for(kAskAgain);
    }
  }
  // A claim that cannot be released ends with its lease.
  void end(const Digest& blob, const Error* failure) override {
    (void)jobs_.release(blob, failure == nullptr, failure != nullptr ? failure->what : "", failure != nullptr && failure->code == Errc::network);
  }

 private:
  Jobs& jobs_;
};

// Renews every lease while it lives, over a connection of its own.
class Heartbeat {
 public:
  Heartbeat(Jobs& jobs, int lease) : thread_([this, &jobs, lease] { beat(jobs, lease); }) {}
  ~Heartbeat() {
    {
      std::lock_guard lock(mutex_);
      ended_ = true;
    }
    ends_.notify_all();
    thread_.join();
  }
  // The message whose taker is at work; null for none.
  void of(Queue::Message* m) {
    std::lock_guard lock(mutex_);
    message_ = m;
  }

 private:
  void beat(Jobs& jobs, int lease) {
    std::unique_lock lock(mutex_);
    while (!ends_.wait_for(lock, milliseconds(lease * 1000 / 3), [&] { return ended_; })) {
      if (message_ == nullptr) continue;
      message_->working();
      lock.unlock();
      (void)jobs.renew();  // what cannot be renewed is another's when it ends, and written twice at worst
      lock.lock();
    }
  }
  std::mutex mutex_;
  std::condition_variable ends_;
  Queue::Message* message_ = nullptr;
  bool ended_ = false;
  std::thread thread_;
};

class IndexWorker {
 public:
  IndexWorker(const IndexWorkerOptions& o, Inventory& inventory, Jobs& jobs, Jobs& pulse, Queue& queue)
      : o_(o), inventory_(inventory), jobs_(jobs), queue_(queue), heart_(pulse, o.lease), claims_(std::make_shared<SharedClaims>(jobs)) {}

  Result<size_t> run(const MakeOptions& make) {
    auto last = Clock::now();
    while (o_.stop == nullptr || !*o_.stop) {
      CAREEN_ASSIGN(auto message, queue_.take(1000));
      if (message) {
        CAREEN_TRY(one(*message, make));
        last = Clock::now();
      } else if (o_.idle != 0 && Clock::now() - last > seconds(o_.idle)) {
        break;
      }
    }
    return done_;
  }

 private:
  Result<void> one(Queue::Message& message, const MakeOptions& make) {
    auto id = to_number(message.body());
    if (!id || *id > INT64_MAX) {  // not ours
      message.done();
      return {};
    }
    CAREEN_ASSIGN(auto job, jobs_.take(static_cast<int64_t>(*id)));
    if (!job) {  // done, or another's: should that one die, the number is put again
      message.done();
      return {};
    }
    heart_.of(&message);
    auto result = index(*job, make);
    heart_.of(nullptr);
    if (result) {
      CAREEN_TRY(jobs_.done(*job, *result));
      message.done();
      ++done_;
      say(fmt::format("{}: {} images, {} new layers", escape(job->argument), result->images + result->unchanged, result->new_layers));
      return {};
    }
    bool store_failed = result.error().what.starts_with(escape(inventory_.shown()));
    CAREEN_ASSIGN(bool aside, jobs_.failed(*job, result.error().what, !may_pass(result.error())));
    if (aside)
      message.done();
    else
      message.later(std::min(1 << std::min<int64_t>(job->tries, 10), kLongestWait));
    say(fmt::format("{}: {}{}", escape(job->argument), escape(result.error().what), aside ? ": set aside" : ": later again"));
    if (store_failed) return std::move(result).error();
    return {};
  }

  Result<JobCounts> index(const Job& job, const MakeOptions& make) {
    CAREEN_ASSIGN(IndexOptions o, make(inventory_, job));
    o.scan.claims = claims_;
    o.refresh = job.refresh;
    CAREEN_ASSIGN(IndexSummary s, index_target(inventory_, {job.argument, job.repository, job.tag, job.registry}, std::move(o)));
    return JobCounts{s.images, s.unchanged, s.new_layers, s.flagged, s.undetermined};
  }

  void say(const std::string& what) {
    if (o_.say) o_.say(what);
  }

  const IndexWorkerOptions& o_;
  Inventory& inventory_;
  Jobs& jobs_;
  Queue& queue_;
  Heartbeat heart_;
  std::shared_ptr<SharedClaims> claims_;
  size_t done_ = 0;
};

}  // namespace

Result<std::vector<TargetOutcome>> distribute(Jobs& jobs, Queue& queue, const std::vector<Target>& targets, const DistributeOptions& options) {
  std::string run = random_name();
  std::vector<Job> list;
  for (const Target& t : targets) list.push_back({0, 0, t.argument, t.repository, t.tag, options.platform, t.registry, options.refresh});
  CAREEN_ASSIGN(std::vector<int64_t> ids, jobs.add(run, list));
  size_t round = 0;
  auto put = [&](const std::vector<int64_t>& numbers) -> Result<void> {
    for (int64_t id : numbers) CAREEN_TRY(queue.put(fmt::format("{}/{}/{}", run, id, round), std::to_string(id)));
    ++round;
    return {};
  };
  CAREEN_TRY(put(ids));
  auto again = Clock::now() + kPutAgain;
  uint64_t left = 0;
  int standing = 0;  // how often nothing had changed
  for (;;) {
    CAREEN_ASSIGN(Jobs::Progress p, jobs.progress(run));
    if (options.on_progress) options.on_progress(p, targets.size());
    if (p.waiting == 0) break;
    if (p.waiting != left) left = p.waiting, standing = 0;
    if (Clock::now() > again) {  // what a queue forgot, and what the dead left
      auto held = queue.waiting();
      // Messages of other runs may hide that ours are lost: where nothing moves for long, all are put again.
      bool forgot = (held && *held < p.waiting) || ++standing >= kStanding;
      if (forgot) standing = 0;
      CAREEN_ASSIGN(std::vector<int64_t> idle, jobs.idle(run, forgot));
      CAREEN_TRY(put(idle));
      again = Clock::now() + kPutAgain;
    }
    std::this_thread::sleep_for(kLook);
  }
  CAREEN_ASSIGN(auto failures, jobs.set_aside(run));
  CAREEN_ASSIGN(Jobs::Progress p, jobs.progress(run));
  std::map<int64_t, std::string> why;
  for (Jobs::Failure& f : failures) why[f.id] = std::move(f.why);
  std::vector<TargetOutcome> out(targets.size());
  for (size_t i = 0; i < ids.size(); ++i)
    if (auto it = why.find(ids[i]); it != why.end()) out[i].failure = it->second;
  if (!out.empty()) out[0].counts = {p.counts.images, p.counts.unchanged, p.counts.new_layers, p.counts.flagged, p.counts.undetermined};
  CAREEN_TRY(jobs.forget(run));
  return out;
}

Result<size_t> run_index_worker(const IndexWorkerOptions& o, const MakeOptions& make) {
  std::string owner = random_name();
  CAREEN_ASSIGN(auto jobs, Jobs::connect(o.store));
  CAREEN_ASSIGN(auto inventory, Inventory::open(o.store, Inventory::Mode::write));
  CAREEN_ASSIGN(auto pulse, Jobs::connect(o.store));
  jobs->be(owner, o.lease);
  pulse->be(owner, o.lease);
  CAREEN_ASSIGN(auto queue, Queue::connect(o.queue, "careen"));
  return IndexWorker(o, *inventory, *jobs, *pulse, *queue).run(make);
}

}  // namespace careen
