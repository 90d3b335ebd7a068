// An index run over several machines. The one that was asked lists the targets, writes them as jobs into the inventory's
// PostgreSQL and puts their numbers into a queue; workers take numbers, ask the row whether the job is theirs, index the target
// into the same inventory, and say so in the row. What is done is decided in PostgreSQL alone: a queue that forgets or says
// things twice, and a worker that dies, cost time and nothing else.
#pragma once
#include <atomic>
#include <functional>
#include <string>

#include "fleet/indexer.h"
#include "net/queue.h"
#include "store/jobs.h"

namespace careen {

inline constexpr int kLeaseSeconds = 60;

struct DistributeOptions {
  std::string platform;  // of --platform; "" for all
  bool refresh = false;
  std::function<void(const Jobs::Progress&, size_t total)> on_progress;
};

// Until every job is done or set aside; failures are in the summary, by target.
Result<std::vector<TargetOutcome>> distribute(Jobs& jobs, Queue& queue, const std::vector<Target>& targets, const DistributeOptions& options);

struct IndexWorkerOptions {
  std::string store, queue;  // addresses
  int lease = kLeaseSeconds;
  int idle = 0;  // ends after so many seconds without a job; 0: never
  std::function<void(const std::string& what)> say;
  const std::atomic<bool>* stop = nullptr;  // set: the job in hand is finished, and no other begun
};

// The options of one job: its platform and the records that the inventory keeps change from one to the next.
using MakeOptions = std::function<Result<IndexOptions>(Inventory& inventory, const Job& job)>;

// Takes jobs until it is told to stop; gives how many it did.
Result<size_t> run_index_worker(const IndexWorkerOptions& options, const MakeOptions& make);

}  // namespace careen
