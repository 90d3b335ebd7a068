// careen worker: takes its share of an index run of several machines.
#include <fmt/format.h>

#include <atomic>
#include <csignal>
#include <cstdlib>

#include "base/log.h"
#include "base/text.h"
#include "cli/common.h"
#include "fleet/distribute.h"

namespace careen {
namespace {

std::atomic<bool> told_to_stop{false};

struct WorkerCommand {
  ImageOptions image;
  std::string queue;
  int lease = kLeaseSeconds, idle = 0;
};

int run_worker(const WorkerCommand& c) {
  set_log_level(c.image.quiet ? LogLevel::quiet : c.image.verbose ? LogLevel::verbose : LogLevel::normal);
  IndexWorkerOptions o;
  const char *store = std::getenv("CAREEN_STORE"), *queue = std::getenv("CAREEN_NATS");
  o.store = !c.image.store.empty() ? c.image.store : store != nullptr ? store : "";
  o.queue = !c.queue.empty() ? c.queue : queue != nullptr ? queue : "";
  if (o.store.empty()) return complain({Errc::usage, "no inventory to share work through: give --store postgresql://HOST/DATABASE or set CAREEN_STORE"});
  if (o.queue.empty()) return complain({Errc::usage, "no queue to take work from: give --nats nats://HOST:4222 or set CAREEN_NATS"});
  o.lease = c.lease, o.idle = c.idle;
  o.stop = &told_to_stop;
  if (!c.image.quiet) o.say = [](const std::string& what) { print(what + "\n"); };
  for (int signal : {SIGTERM, SIGINT}) std::signal(signal, [](int) { told_to_stop = true; });
  auto done = run_index_worker(o, [&](Inventory& inventory, const Job& job) -> Result<IndexOptions> {
    ImageOptions image = c.image;
    image.platform = job.platform;
    image.kept = inventory.kept_threats();
    if (auto why = inventory.trouble()) return Error{Errc::io, *why};
    IndexOptions index;
    CAREEN_TRY(scan_options(image, inventory.layers(), index.scan, index.resolve));
    index.targets.http = http_options(image);
    index.clock = [&inventory] { return inventory.clock(); };
    return index;
  });
  if (!done) return complain(done.error());
  return c.image.quiet || print(fmt::format("{} jobs done\n", *done)) ? 0 : 4;
}

}  // namespace

Command add_worker(CLI::App& app) {
  auto c = std::make_shared<WorkerCommand>();
  add_scan_options(app, c->image);
  add_polite_options(app, c->image);
  app.add_option("--store", c->image.store, "The inventory to share work through (default: $CAREEN_STORE)");
  app.add_option("--nats", c->queue, "The queue: nats://HOST:4222 (default: $CAREEN_NATS)");
  app.add_option("--lease", c->lease, "Seconds after which the work of a machine that died is another's")->check(CLI::Range(1, 86'400));
  app.add_option("--idle", c->idle, "End after so many seconds without work (0: never)")->check(CLI::Range(0, 86'400 * 365));
  app.footer(
      "Any number of workers, on any number of machines, take the jobs of `careen index ... --nats`. SIGTERM lets one end its job; any may be\n"
      "killed at any time. Credentials of registries are each worker's own.\n\n"
      "Example:\n  careen worker --nats nats://queue:4222 --store postgresql://careen@db/careen\n\n"
      "Exit status: 0 told to stop or idle, 2 wrong usage, 4 the inventory or the queue cannot be used.");
  return [c] { return run_worker(*c); };
}

}  // namespace careen
