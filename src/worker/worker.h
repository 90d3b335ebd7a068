// The parent's side: starts a worker process for one piece of hostile input and takes its answer.
//
// Each call of run() is one process; calls from several threads run at once. A worker that crashes, is killed or stalls is an
// Error (Errc::interrupted), never more. The parent's own state is touched by decoded values alone, whose sizes are bounded by
// kMaxFrame and kMaxFacts.
#pragma once
#include <atomic>
#include <functional>

#include "base/fd.h"
#include "worker/protocol.h"

namespace careen {

struct WorkerInput {
  int fd = -1;                                // becomes the worker's standard input; stays the caller's
  int spool = -1;                             // or -1
  std::string table_directory;                // for a file table too long for memory; "" keeps it in memory
  unsigned stall_seconds = 300;               // without a frame; 0 waits for ever
  std::function<void(uint64_t)> on_progress;  // bytes of input read
  std::function<bool()> input_alive;          // a stall does not count while this says that input is still to come
};

Result<LayerResult> run_layer_worker(const WorkerRequest& request, const WorkerInput& input);
Result<ArchiveIndex> run_index_worker(const WorkerRequest& request, const WorkerInput& input);
Result<SandboxStatus> probe_sandbox();

}  // namespace careen
