#include "cli/reading_options.h"

#include "base/text.h"
#include "cli/progress.h"

namespace careen {

void add_reading_options(CLI::App& app, ReadingOptions& o) {
  app.add_flag("--read", o.read, "Read layers again, from where they were indexed, that were not searched for the patterns asked for");
  app.add_option("--timeout", o.image.timeout, "With --read: seconds that a step over the network may take (default 60)")->check(CLI::Range(1U, 86'400U));
  app.add_option("--jobs", o.image.jobs, "With --read: layers read at once (default: one per processor)")->check(CLI::Range(1U, 64U));
  app.add_flag("--insecure", o.image.insecure, "With --read: allow plain HTTP and unknown certificates; for loopback plain HTTP needs no permission");
  app.add_option("--cacert", o.image.ca_file, "With --read: a PEM file with the certificate of a private authority");
  app.add_flag("--no-progress", o.image.no_progress, "No progress line");
}

Result<Reading> read_for_answer(Inventory& inventory, const ReadingPlan& plan, const ScanOptions& scan, const ResolveOptions& resolve,
                                const ImageOptions& image) {
  IndexOptions o;
  o.scan = scan;
  o.resolve = resolve;
  o.clock = [&] { return inventory.clock(); };
  FleetProgress progress(!image.no_progress);
  o.on_progress = [&](const IndexProgress& p) { progress.show(p); };
  auto out = read_again(inventory, plan, o);
  progress.clear();
  return out;
}

}  // namespace careen
