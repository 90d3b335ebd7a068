// careen index: brings images into the inventory.
#include <fmt/format.h>

#include "base/log.h"
#include "base/text.h"
#include "cli/common.h"
#include "cli/follow_command.h"
#include "cli/inventory_options.h"
#include "cli/progress.h"
#include "fleet/distribute.h"
#include "fleet/estimate.h"
#include "fleet/indexer.h"
#include "report/fleet_report.h"
#include "source/registry_catalog.h"
#include "store/place.h"

namespace careen {
namespace {

struct IndexCommand {
  StoreOptions store;
  ImageOptions image;
  FollowCommand follow;
  std::vector<std::string> sources;
  std::string tags, cluster, queue, since;
  size_t most = 0;
  bool dry_run = false, refresh = false;
};

// What the run would cost; nothing is written, and an inventory need not be there.
int run_estimate(const IndexCommand& c, IndexOptions o) {
  std::unique_ptr<Inventory> inventory;
  if (auto known = open_store(c.store.store, Inventory::Mode::read))
    inventory = std::move(*known);
  else if (known.error().code != Errc::not_found)
    return complain(known.error());
  ImageOptions image = c.image;
  if (inventory) image.kept = inventory->kept_threats();
  if (auto ok = scan_options(image, inventory ? inventory->layers() : LayerCache::open(""), o.scan, o.resolve); !ok) return complain(ok.error());
  if (!inventory && c.sources.empty()) return complain({Errc::not_found, "there is no inventory to refresh: run careen index"});
  FleetProgress progress(!c.image.quiet && !c.image.no_progress);
  o.on_progress = [&](const IndexProgress& p) { progress.show(p); };
  Estimate e = estimate(inventory.get(), c.sources, o);
  progress.clear();
  if (!print(c.store.format == "json" ? estimate_json(e) : estimate_text(e))) return 4;
  return e.failures.empty() ? 0 : 3;
}

int run_index(IndexCommand c) {
  set_log_level(c.image.quiet ? LogLevel::quiet : c.image.verbose ? LogLevel::verbose : LogLevel::normal);
  if (c.sources.empty() && !c.refresh)
    return complain({Errc::usage,
                     "nothing to index: give a registry's HOST/, HOST/REPO, a folder, @FILE or an image, or --refresh for what the inventory has\nTry: careen "
                     "index --help"});
  IndexOptions o;
  o.targets.http = http_options(c.image);
  o.targets.tags = c.tags;
  o.targets.most = c.most;
  o.refresh = c.refresh;
  o.cluster = c.cluster;
  if (!c.since.empty()) {
    auto since = parse_moment(c.since.size() == 10 ? c.since + "T00:00:00Z" : c.since);
    if (!since) return complain({Errc::usage, "--since " + escape(c.since) + ": expected a day, as 2026-11-01, or a moment, as 2026-11-01T12:00:00Z"});
    o.targets.since = *since;
  }
  if (c.follow.wanted && (c.sources.empty() || c.dry_run)) return complain({Errc::usage, "--follow keeps sources current: name them, and leave out --dry-run"});
  if (!c.follow.wanted && !c.follow.listen.empty()) return complain({Errc::usage, "--listen is for --follow"});
  if (c.dry_run) return run_estimate(c, std::move(o));
  if (std::string store = c.store.store.empty() ? default_store() : c.store.store; !c.queue.empty() && !is_postgres(store))
    return complain({Errc::usage, "work is shared through PostgreSQL: give --store postgresql://HOST/DATABASE with --nats"});
  auto inventory = open_store(c.store.store, c.sources.empty() ? Inventory::Mode::read : Inventory::Mode::write);
  if (!inventory) return complain(inventory.error());
  c.image.kept = (*inventory)->kept_threats();
  if (auto why = (*inventory)->trouble()) return complain({Errc::io, *why});
  o.clock = [&] { return (*inventory)->clock(); };
  if (auto ok = scan_options(c.image, (*inventory)->layers(), o.scan, o.resolve); !ok) return complain(ok.error());
  FleetProgress progress(!c.image.quiet && !c.image.no_progress);
  o.on_progress = [&](const IndexProgress& p) { progress.show(p); };
  std::unique_ptr<Jobs> jobs;
  std::unique_ptr<Queue> queue;
  if (!c.queue.empty()) {
    auto shared = Jobs::connect((*inventory)->path());
    if (!shared) return complain(shared.error());
    auto line = Queue::connect(c.queue, "careen");
    if (!line) return complain(line.error());
    jobs = std::move(*shared), queue = std::move(*line);
    DistributeOptions d{c.image.platform, c.refresh, [&](const Jobs::Progress& p, size_t total) {
                          progress.show({p.done + p.set_aside, total, fmt::format("{} images, by workers", p.counts.images), 0, p.set_aside});
                        }};
    o.distribute = [&, d](const std::vector<Target>& targets) { return distribute(*jobs, *queue, targets, d); };
  }
  bool json = c.store.format == "json";
  if (c.follow.wanted)
    return run_follow(c.follow, **inventory, c.sources, o, [&](const std::string& what, const IndexSummary& s) {
      progress.clear();
      print(json ? index_line(s, what, seconds_now()) : time_text(seconds_now()) + " " + what + ": " + index_text(s));
    });
  auto s = index_images(**inventory, c.sources, std::move(o));
  progress.clear();
  if (!s) return complain(s.error());
  if (!print(json ? index_json(*s) : index_text(*s))) return 4;
  return s->failures.empty() ? 0 : 3;
}

}  // namespace

Command add_index(CLI::App& app) {
  auto c = std::make_shared<IndexCommand>();
  app.add_option("SOURCE", c->sources,
                 "HOST/ (a registry's catalog), HOST/REPO, HOST/REPO:GLOB, a folder of layouts and archives, @FILE, -, or any image that scan takes");
  add_store_options(app, c->store, {"table", "json"});
  add_scan_options(app, c->image);
  add_polite_options(app, c->image);
  app.add_option("--tags", c->tags, "Only tags that fit this glob");
  app.add_option("--max", c->most, "At most so many references");
  app.add_option("--cluster", c->cluster, "The name of the cluster or machine that uses: sources speak of");
  app.add_flag("--dry-run", c->dry_run, "List what would be indexed, with an estimate of bytes and requests; nothing is written");
  app.add_option("--since", c->since, "Only tags pushed since this day or moment, where the registry tells (hub:, harbor:)");
  app.add_flag("--refresh", c->refresh,
               "Judge anew what is known, and read again layers whose facts lack what this careen collects or the patterns of new records; without SOURCE all "
               "that the inventory has");
  add_follow_options(app, c->follow);
  app.add_option("--nats", c->queue, "Let careen workers do it, told through this queue: nats://HOST:4222; needs --store postgresql://...");
  app.footer(
      "Each layer is read once, whatever the number of images that have it.\n\nExamples:\n"
      "  careen index registry.example.com/\n  careen index registry.example.com/team/app:v1.*\n  careen index hub:mycompany --since 2026-11-01 --dry-run\n  "
      "careen index harbor:harbor.example.com/shop\n  careen index /srv/images\n  careen index @images.txt\n  careen index --refresh --dry-run\n  careen index "
      "registry.example.com/ --follow --listen 127.0.0.1:8484\n\n"
      "Exit status: 0 every reference was indexed (with --follow: told to stop), 3 some were not, 4 the inventory cannot be used.");
  return [c] { return run_index(*c); };
}

}  // namespace careen
