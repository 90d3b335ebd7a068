// careen store and careen status: keeping the inventory.
#include <fmt/format.h>

#include <unistd.h>

#include "base/fd.h"
#include "base/text.h"
#include "cli/common.h"
#include "cli/inventory_options.h"
#include "report/fleet_report.h"
#include "store/jobs.h"
#include "store/place.h"

namespace careen {
namespace {

struct KeepCommand {
  StoreOptions store;
  std::string file;
};

int run_check(const KeepCommand& c) {
  auto inventory = open_store(c.store.store, Inventory::Mode::read);
  if (!inventory) return complain(inventory.error());
  auto wrong = (*inventory)->check();
  if (!wrong) return complain(wrong.error());
  for (const std::string& w : *wrong) print(escape(w) + "\n");
  if (wrong->empty()) print("whole: " + escape((*inventory)->shown()) + "\n");
  return wrong->empty() ? 0 : 3;
}

int run_backup(const KeepCommand& c) {
  auto inventory = open_store(c.store.store, Inventory::Mode::read);
  if (!inventory) return complain(inventory.error());
  auto ok = (*inventory)->backup(c.file);
  return ok ? 0 : complain(ok.error());
}

int run_compact(const KeepCommand& c) {
  auto inventory = open_store(c.store.store, Inventory::Mode::read);
  if (!inventory) return complain(inventory.error());
  auto ok = (*inventory)->compact();
  return ok ? 0 : complain(ok.error());
}

int run_import(const KeepCommand& c) {
  auto from = Inventory::open(c.file, Inventory::Mode::read);
  if (!from) return complain(from.error());
  auto to = open_store(c.store.store, Inventory::Mode::write);
  if (!to) return complain(to.error());
  Inventory::Imported last;
  last.at = seconds_now();
  auto ok = (*to)->import_from(**from, [&](const Inventory::Imported& done) { last = done; });
  if (!ok) return complain(ok.error());
  return print(fmt::format("{}: {} new layers, {} images and {} tags of {}\n", escape((*to)->shown()), last.layers, last.images, last.tags,
                           escape((*from)->shown())))
             ? 0
             : 4;
}

// The backup is looked at before it takes the inventory's place, and never takes the place of one that is there.
int run_restore(const KeepCommand& c) {
  std::string path = c.store.store.empty() ? default_store() : c.store.store;
  if (path.empty()) return complain({Errc::usage, "no place for the inventory: give --store FILE or set CAREEN_STORE"});
  bool server = is_postgres(path);
  bool there = server ? bool(Inventory::open(path, Inventory::Mode::read)) : ::access(path.c_str(), F_OK) == 0;
  if (there) return complain({Errc::usage, escape(shown_store(path)) + " is there already: move it away, give another --store, or use careen store import"});
  auto from = Inventory::open(c.file, Inventory::Mode::read);
  if (!from) return complain(from.error());
  auto wrong = (*from)->check();
  if (!wrong) return complain(wrong.error());
  if (!wrong->empty()) return complain({Errc::corrupt, escape(c.file) + " is damaged: " + escape((*wrong)[0])});
  if (server) return run_import(c);
  if (auto ok = make_directories(std::string(dir_name(path).empty() ? "." : dir_name(path))); !ok) return complain(ok.error());
  auto ok = (*from)->backup(path);
  return ok ? 0 : complain(ok.error());
}

int run_status(const StoreOptions& o) {
  std::string out;
  bool attention = false;
  auto cache = LayerCache::open(default_cache_directory());
  auto s = cache->status();
  out += s.usable ? fmt::format("cache      {}  {} layers, {}\n", escape(s.path), s.layers, human_size(s.bytes)) : "cache      none\n";
  auto threats = load_threats({});
  if (threats) out += fmt::format("threats    {} known, records of {}\n", threats->threats.size(), threats->date);
  auto inventory = open_store(o.store, Inventory::Mode::read);
  if (!inventory && inventory.error().code == Errc::not_found) {
    out += "inventory  none: run careen index\n";
  } else if (!inventory) {
    attention = true;
    out += "attention  the inventory cannot be used: " + inventory.error().what + "\n";
  } else {
    InventoryCounts c = (*inventory)->counts();
    uint64_t size = (*inventory)->size();
    out += fmt::format("inventory  {}  {}\n           {} images, {} layers, {} repositories, {} tags\n", escape((*inventory)->shown()), human_size(size),
                       c.images, c.layers, c.repositories, c.tags);
    for (const Crawl& crawl : (*inventory)->crawls())
      out +=
          fmt::format("           {}  {} ago, {} images, {} failed\n", escape(crawl.source), age_text(seconds_now() - crawl.at), crawl.indexed, crawl.failed);
    if (c.unjudged != 0)
      attention = true, out += fmt::format("attention  {} images are not judged whole: careen hunt … --show-unjudged says why\n", c.unjudged);
    for (const IndexFailure& f : (*inventory)->failures()) {
      attention = true;
      out += "attention  not indexed: " + escape(f.reference) + ": " + escape(f.why) + "\n";
    }
    if (auto why = (*inventory)->trouble()) attention = true, out += "attention  what stands here of the inventory is not whole: " + *why + "\n";
    if (is_postgres((*inventory)->path())) {
      auto jobs = Jobs::connect((*inventory)->path());
      auto aside = jobs ? (*jobs)->layers_set_aside() : Result<std::vector<Jobs::SetAside>>(jobs.error());
      if (!aside) attention = true, out += "attention  " + aside.error().what + "\n";
      for (const Jobs::SetAside& a : aside ? *aside : std::vector<Jobs::SetAside>{})
        attention = true, out += "attention  layer " + escape(a.blob) + " is set aside for a day: " + escape(a.why) + "\n";
    }
  }
  return print(out) ? (attention ? 3 : 0) : 4;
}

}  // namespace

Command add_store(CLI::App& app) {
  auto c = std::make_shared<KeepCommand>();
  app.require_subcommand(1);
  struct Verb {
    const char *name, *what, *file;
    int (*run)(const KeepCommand&);
  };
  static const Verb kVerbs[] = {{"check", "Check the file, and that what it names is there", nullptr, run_check},
                                {"backup", "Write a copy, while others go on reading and writing", "The file to write", run_backup},
                                {"restore", "Make the inventory from a backup", "A backup", run_restore},
                                {"import", "Add everything of another inventory or backup", "The other: a file or postgresql://...", run_import},
                                {"compact", "Give back the room of what was replaced", nullptr, run_compact}};
  std::vector<std::pair<CLI::App*, int (*)(const KeepCommand&)>> verbs;
  for (const Verb& v : kVerbs) {
    CLI::App* sub = app.add_subcommand(v.name, v.what);
    add_store_options(*sub, c->store, {});
    if (v.file != nullptr) sub->add_option("FILE", c->file, v.file)->required();
    verbs.emplace_back(sub, v.run);
  }
  return [c, verbs] {
    for (const auto& [sub, run] : verbs)
      if (sub->parsed()) return run(*c);
    return 2;
  };
}

Command add_status(CLI::App& app) {
  auto o = std::make_shared<StoreOptions>();
  add_store_options(app, *o, {});
  app.footer("Exit status: 0, or 3 when something needs attention.");
  return [o] { return run_status(*o); };
}

}  // namespace careen
