// index, hunt, exposure, lineage and status: what careen knows about all images that it was shown.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <functional>
#include <iterator>
#include <map>
#include <set>

#include "base/fd.h"
#include "base/log.h"
#include "base/text.h"
#include "cli/common.h"
#include "cli/progress.h"
#include "cli/sources.h"
#include "fleet/admission.h"
#include "fleet/conditions.h"
#include "fleet/diff.h"
#include "fleet/distribute.h"
#include "fleet/estimate.h"
#include "fleet/exposure.h"
#include "fleet/hunt.h"
#include "fleet/indexer.h"
#include "fleet/lineage.h"
#include "report/fleet_report.h"
#include "store/place.h"

namespace careen {
namespace {

int64_t now() {
  return ::time(nullptr);
}

std::string lines(const std::vector<std::string>& all) {
  return all.empty() ? "" : join(all, "\n") + "\n";
}

std::string default_store() {
  if (const char* named = std::getenv("CAREEN_STORE"); named != nullptr && *named != '\0') return named;
  std::string dir = data_directory();
  return dir.empty() ? "" : dir + "/inventory.sqlite";
}

Result<std::unique_ptr<Inventory>> open_store(const std::string& given, Inventory::Mode mode) {
  std::string path = given.empty() ? default_store() : given;
  if (path.empty()) return Error{Errc::usage, "no place for the inventory: give --store FILE or set CAREEN_STORE"};
  if (path.find("://") != std::string::npos && !is_postgres(path))
    return Error{Errc::usage, "--store " + escape(path) + ": give a file, or postgresql://[USER@]HOST[:PORT]/DATABASE"};
  return Inventory::open(path, mode);
}

struct StoreOptions {
  std::string store, format = "table";
};

void add_store_options(CLI::App& app, StoreOptions& o, const std::vector<std::string>& formats) {
  app.add_option("--store", o.store, "The inventory (default: $CAREEN_STORE, then $XDG_DATA_HOME/careen/inventory.sqlite)");
  if (!formats.empty()) app.add_option("--format", o.format, join(formats, ", "))->check(CLI::IsMember(formats));
}

struct IndexCommand {
  StoreOptions store;
  ImageOptions image;
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
  if (auto ok = scan_options(c.image, LayerCache::open(""), o.scan, o.resolve); !ok) return complain(ok.error());
  FleetProgress progress(!c.image.quiet && !c.image.no_progress);
  o.on_progress = [&](size_t done, size_t total, const std::string& at) { progress.show(done, total, escape(at)); };
  Estimate e = estimate(inventory.get(), c.sources, o);
  progress.clear();
  if (!print(c.store.format == "json" ? estimate_json(e) : estimate_text(e))) return 4;
  return e.failures.empty() ? 0 : 3;
}

int run_index(IndexCommand c) {
  set_log_level(c.image.quiet ? LogLevel::quiet : c.image.verbose ? LogLevel::verbose : LogLevel::normal);
  if (c.sources.empty())
    return complain({Errc::usage, "nothing to index: give a registry's HOST/, HOST/REPO, a folder, @FILE or an image\nTry: careen index --help"});
  IndexOptions o;
  o.targets.http = {c.image.insecure, c.image.ca_file, c.image.timeout, ""};
  o.targets.tags = c.tags;
  o.targets.most = c.most;
  o.refresh = c.refresh;
  o.cluster = c.cluster;
  if (!c.since.empty()) {
    auto since = parse_moment(c.since.size() == 10 ? c.since + "T00:00:00Z" : c.since);
    if (!since) return complain({Errc::usage, "--since " + escape(c.since) + ": expected a day, as 2026-11-01, or a moment, as 2026-11-01T12:00:00Z"});
    o.targets.since = *since;
  }
  if (c.dry_run) return run_estimate(c, std::move(o));
  if (std::string store = c.store.store.empty() ? default_store() : c.store.store; !c.queue.empty() && !is_postgres(store))
    return complain({Errc::usage, "work is shared through PostgreSQL: give --store postgresql://HOST/DATABASE with --nats"});
  auto inventory = open_store(c.store.store, Inventory::Mode::write);
  if (!inventory) return complain(inventory.error());
  c.image.kept = (*inventory)->kept_threats();
  if (auto why = (*inventory)->trouble()) return complain({Errc::io, *why});
  o.clock = [&] { return (*inventory)->clock(); };
  if (auto ok = scan_options(c.image, (*inventory)->layers(), o.scan, o.resolve); !ok) return complain(ok.error());
  FleetProgress progress(!c.image.quiet && !c.image.no_progress);
  o.on_progress = [&](size_t done, size_t total, const std::string& at) { progress.show(done, total, escape(at)); };
  std::unique_ptr<Jobs> jobs;
  std::unique_ptr<Queue> queue;
  if (!c.queue.empty()) {
    auto shared = Jobs::connect((*inventory)->path());
    if (!shared) return complain(shared.error());
    auto line = Queue::connect(c.queue, "careen");
    if (!line) return complain(line.error());
    jobs = std::move(*shared), queue = std::move(*line);
    DistributeOptions d{c.image.platform, c.refresh, [&](const Jobs::Progress& p, size_t total) {
                          progress.show(p.done + p.set_aside, total, fmt::format("{} images, {} set aside", p.counts.images, p.set_aside));
                        }};
    o.distribute = [&, d](const std::vector<Target>& targets) { return distribute(*jobs, *queue, targets, d); };
  }
  auto s = index_images(**inventory, c.sources, std::move(o));
  progress.clear();
  if (!s) return complain(s.error());
  if (!print(c.store.format == "json" ? index_json(*s) : index_text(*s))) return 4;
  return s->failures.empty() ? 0 : 3;
}

struct HuntCommand {
  StoreOptions store;
  std::vector<std::string> questions;
  bool show_unjudged = false, vanished = false, visible = false, running = false;
  size_t limit = 0;
};

// What the words of the command ask for, sorted by who answers it.
struct Asked {
  std::vector<HuntQuestion> questions, records;
  std::vector<Condition> conditions;
};

Result<Asked> read_questions(const std::vector<std::string>& words) {
  Asked out;
  std::vector<HuntQuestion> all;
  for (const std::string& text : words) {
    std::string file = text[0] == '@' ? text.substr(1) : text;
    bool yaml = (file.ends_with(".yaml") || file.ends_with(".yml")) && file.find(':') == std::string::npos;
    if (text[0] != '@' && !yaml) {
      CAREEN_ASSIGN(HuntQuestion q, parse_question(text));
      all.push_back(std::move(q));
      continue;
    }
    auto list = read_file(file, 256 << 20);
    if (!list) return Error{Errc::usage, escape(text) + ": " + list.error().what};
    if (yaml) {
      CAREEN_ASSIGN(Condition condition, parse_conditions(*list, file));
      out.conditions.push_back(std::move(condition));
    } else {
      CAREEN_ASSIGN(auto some, parse_questions(*list, file));
      all.insert(all.end(), some.begin(), some.end());
    }
  }
  for (HuntQuestion& q : all) (names_record(q) ? out.records : out.questions).push_back(std::move(q));
  return out;
}

// Adds another answer about the same inventory.
void add_answer(HuntAnswer& to, HuntAnswer from) {
  to.matches.insert(to.matches.end(), std::make_move_iterator(from.matches.begin()), std::make_move_iterator(from.matches.end()));
  std::set<std::pair<std::string, std::string>> known(to.unjudged.begin(), to.unjudged.end());
  for (auto& u : from.unjudged)
    if (!known.contains(u)) to.unjudged.push_back(std::move(u));
  std::stable_partition(to.matches.begin(), to.matches.end(), is_running);
}

// A record that the inventory does not keep is judged for this question alone.
Result<HuntAnswer> hunt_record(Inventory& inventory, const HuntQuestion& q) {
  auto text = read_file(q.value, 8 << 20);
  if (!text) return Error{Errc::usage, text.error().what};
  CAREEN_ASSIGN(Threat threat, parse_threat(*text, q.value));
  ImageOptions image;
  image.threats = {q.value};
  image.replace = true;  // what is asked for is this file
  image.kept = inventory.kept_threats();
  std::erase_if(image.kept, [&](const KeptRecord& k) { return k.id == threat.id; });
  ScanOptions scan;
  ResolveOptions unused;
  CAREEN_TRY(scan_options(image, inventory.layers(), scan, unused));
  CAREEN_ASSIGN(Exposure e, exposure_of(inventory, threat.id, scan, false));
  return as_answer(inventory, e, q.text);
}

int run_hunt(const HuntCommand& c) {
  auto asked = read_questions(c.questions);
  if (!asked) return complain(asked.error());
  auto inventory = open_store(c.store.store, Inventory::Mode::read);
  if (!inventory) return complain(inventory.error());
  HuntAnswer a = hunt(**inventory, asked->questions);
  for (const Condition& condition : asked->conditions) add_answer(a, hunt(**inventory, condition));
  for (const HuntQuestion& q : asked->records) {
    auto one = hunt_record(**inventory, q);
    if (!one) return complain(one.error());
    add_answer(a, std::move(*one));
  }
  if (a.searched.images == 0) return complain({Errc::not_found, "the inventory has no images: run careen index"});
  auto gone = [](const HuntMatch& m) {
    return !m.tags.empty() && std::all_of(m.tags.begin(), m.tags.end(), [](const Tag& t) { return t.vanished.has_value(); });
  };
  if (c.vanished) std::erase_if(a.matches, [&](const HuntMatch& m) { return !gone(m); });
  if (c.running) std::erase_if(a.matches, [](const HuntMatch& m) { return !is_running(m); });
  if (c.visible) std::erase_if(a.matches, [](const HuntMatch& m) { return !m.visible; });
  int status = !a.matches.empty() ? 1 : a.unjudged.empty() ? 0 : 3;
  int64_t at = now();
  size_t total = a.matches.size();
  if (c.limit != 0 && a.matches.size() > c.limit) a.matches.resize(c.limit);
  std::string out = c.store.format == "json"     ? hunt_json(a, total, at)
                    : c.store.format == "ndjson" ? hunt_ndjson(a)
                    : c.store.format == "csv"    ? hunt_csv(a)
                                                 : hunt_text(a, total, at, c.show_unjudged);
  return print(out) ? status : 4;
}

struct ExposureCommand {
  StoreOptions store;
  ImageOptions image;
  std::string threat, group_by;
  bool show_unjudged = false, enforce = false;
};

struct ThreatAddCommand {
  std::string store;
  std::vector<std::string> files;
  bool replace = false;
};

int run_exposure(ExposureCommand c) {
  auto inventory = open_store(c.store.store, Inventory::Mode::read);
  if (!inventory) return complain(inventory.error());
  ScanOptions scan;
  ResolveOptions unused;
  c.image.kept = (*inventory)->kept_threats();
  if (auto ok = scan_options(c.image, (*inventory)->layers(), scan, unused); !ok) return complain(ok.error());
  int64_t at = now();
  auto e = exposure_of(**inventory, c.threat, scan, c.image.threats.empty());
  if (!e) return complain(e.error());
  if (e->searched.images == 0) return complain({Errc::not_found, "the inventory has no images: run careen index"});
  std::string out = c.store.format == "json"      ? exposure_json(*e, at)
                    : c.store.format == "csv"     ? exposure_csv(*e)
                    : c.store.format == "digests" ? lines(affected_references(*e))
                    : c.store.format == "kyverno" ? kyverno_policy(*e, c.enforce)
                    : c.store.format == "vap"     ? admission_policy(*e, c.enforce)
                    : !c.group_by.empty()         ? exposure_groups_text(*e, c.group_by, at)
                                                  : exposure_text(*e, at, c.show_unjudged);
  int status = !e->images.empty() ? 1 : e->unjudged.empty() ? 0 : 3;
  return print(out) ? status : 4;
}

// Keeps records in the inventory and says at once whom they concern.
int run_threat_add(const ThreatAddCommand& c) {
  std::vector<KeptRecord> records;
  for (const std::string& file : c.files) {
    auto text = read_file(file, 8 << 20);
    if (!text) return complain({Errc::usage, text.error().what});
    auto t = parse_threat(*text, file);
    if (!t) return complain(t.error());
    records.push_back({t->id, *text, c.replace});
  }
  auto inventory = open_store(c.store, Inventory::Mode::read);
  if (!inventory) return complain(inventory.error());
  std::vector<KeptRecord> all = (*inventory)->kept_threats();
  for (const KeptRecord& r : records) {
    std::erase_if(all, [&](const KeptRecord& k) { return k.id == r.id; });
    all.push_back(r);
  }
  if (auto set = load_threats({{}, false, all}); !set)  // before anything is kept: a built-in record is not replaced by accident
    return complain({Errc::usage, "a record of this id is built in; give --replace to have yours stand in its place"});
  for (const KeptRecord& r : records)
    if (auto ok = (*inventory)->keep_threat(r, now()); !ok) return complain(ok.error());
  inventory->reset();
  int status = 0;
  for (const KeptRecord& r : records) {
    ExposureCommand e;
    e.store.store = c.store;
    e.threat = r.id;
    int one = run_exposure(e);
    for (int worse : {1, 4, 3, 0})  // the first that applies
      if (status == worse || one == worse) {
        status = worse;
        break;
      }
  }
  return status;
}

int run_threat_remove(const std::string& store, const std::string& id) {
  auto inventory = open_store(store, Inventory::Mode::read);
  if (!inventory) return complain(inventory.error());
  auto was = (*inventory)->drop_threat(id);
  if (!was) return complain(was.error());
  return *was ? 0 : complain({Errc::usage, "the inventory keeps no record " + escape(id) + ": careen threat list --store … names them"});
}

struct LineageCommand {
  StoreOptions store;
  std::string image;
};

int run_lineage(const LineageCommand& c) {
  auto inventory = open_store(c.store.store, Inventory::Mode::read);
  if (!inventory) return complain(inventory.error());
  auto all = lineage_of(**inventory, c.image);
  if (!all) return complain(all.error());
  std::string out = c.store.format == "json"    ? lineage_json(*all)
                    : c.store.format == "table" ? lineage_text(*all)
                                                : lineage_graph(*all, c.store.format == "mermaid");
  return print(out) ? 0 : 4;
}

struct DiffCommand {
  StoreOptions store;
  std::string a, b;
  bool files = false;
};

// One image for one name; of several platforms this machine's.
Result<Inventory::Id> one_image(Inventory& inventory, const std::string& name) {
  auto ids = find_images(inventory, name);
  if (ids.empty()) return Error{Errc::not_found, "the inventory has no image " + escape(name)};
  if (ids.size() == 1) return ids[0];
  for (Inventory::Id id : ids)
    if (auto i = inventory.image(id); i && i->platform == Platform::of_this_machine().text()) return id;
  return Error{Errc::usage, escape(name) + " has several platforms in the inventory: give the digest of one"};
}

int run_diff(const DiffCommand& c) {
  auto inventory = open_store(c.store.store, Inventory::Mode::read);
  if (!inventory) return complain(inventory.error());
  auto a = one_image(**inventory, c.a), b = one_image(**inventory, c.b);
  if (!a) return complain(a.error());
  if (!b) return complain(b.error());
  auto d = diff_images(**inventory, *a, *b);
  if (!d) return complain(d.error());
  return print(c.store.format == "json" ? diff_json(*d) : diff_text(*d, c.files)) ? 0 : 4;
}

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
  last.at = now();
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
      out += fmt::format("           {}  {} ago, {} images, {} failed\n", escape(crawl.source), age_text(now() - crawl.at), crawl.indexed, crawl.failed);
    if (c.unjudged != 0)
      attention = true, out += fmt::format("attention  {} images are not judged whole: careen hunt … --show-unjudged says why\n", c.unjudged);
    for (const IndexFailure& f : (*inventory)->failures()) {
      attention = true;
      out += "attention  not indexed: " + escape(f.reference) + ": " + escape(f.why) + "\n";
    }
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

Command add_index(CLI::App& app) {
  auto c = std::make_shared<IndexCommand>();
  app.add_option("SOURCE", c->sources,
                 "HOST/ (a registry's catalog), HOST/REPO, HOST/REPO:GLOB, a folder of layouts and archives, @FILE, -, or any image that scan takes");
  add_store_options(app, c->store, {"table", "json"});
  add_scan_options(app, c->image);
  app.add_option("--tags", c->tags, "Only tags that fit this glob");
  app.add_option("--max", c->most, "At most so many references");
  app.add_option("--cluster", c->cluster, "The name of the cluster or machine that uses: sources speak of");
  app.add_flag("--dry-run", c->dry_run, "List what would be indexed, with an estimate of bytes and requests; nothing is written");
  app.add_option("--since", c->since, "Only tags pushed since this day or moment, where the registry tells (hub:, harbor:)");
  app.add_flag("--refresh", c->refresh, "Judge anew what is known, and read again layers whose facts an older careen collected");
  app.add_option("--nats", c->queue, "Let careen workers do it, told through this queue: nats://HOST:4222; needs --store postgresql://...");
  app.footer(
      "Each layer is read once, whatever the number of images that have it.\n\nExamples:\n"
      "  careen index registry.example.com/\n  careen index registry.example.com/team/app:v1.*\n  careen index hub:mycompany --since 2026-11-01 --dry-run\n  "
      "careen index harbor:harbor.example.com/shop\n  careen index /srv/images\n  careen index @images.txt\n\n"
      "Exit status: 0 every reference was indexed, 3 some were not, 4 the inventory cannot be used.");
  return [c] { return run_index(*c); };
}

Command add_hunt(CLI::App& app) {
  auto c = std::make_shared<HuntCommand>();
  app.add_option("WHAT", c->questions,
                 "package:NAME[>=V,<V] pkg:TYPE/NAME[@V] sha256:HEX sha1:HEX md5:HEX path:GLOB soname:N needed:N symbol:N build-id:HEX structure:RULE "
                 "env:NAME[=V] label:NAME[=V] "
                 "entrypoint:TEXT layer:sha256:HEX manifest:sha256:HEX threat:ID|FILE, @FILE with one a line, or FILE.yaml with conditions")
      ->required();
  add_store_options(app, c->store, {"table", "json", "csv", "ndjson"});
  app.add_flag("--show-unjudged", c->show_unjudged, "List images that could not be judged whole, and why");
  app.add_flag("--vanished", c->vanished, "Only images whose every tag has vanished");
  app.add_flag("--running", c->running, "Only images that were running when careen index uses:… was told");
  app.add_flag("--visible", c->visible, "Only what a container sees");
  app.add_option("--limit", c->limit, "At most so many matches");
  app.footer(
      "Nothing is read and no network is used.\n\nExamples:\n  careen hunt 'package:liblzma5>=5.6.0,<5.6.2'\n  careen hunt path:'**/.ssh/authorized_keys'\n"
      "  careen hunt @indicators.txt --format csv\n\nExit status: 1 found, 0 not found, 3 not found and some images were not judged, 4 no inventory.");
  return [c] { return run_hunt(*c); };
}

Command add_exposure(CLI::App& app) {
  auto c = std::make_shared<ExposureCommand>();
  app.add_option("THREAT", c->threat, "A threat's id or alias")->required();
  add_store_options(app, c->store, {"table", "json", "csv", "digests", "kyverno", "vap"});
  app.add_option("--group-by", c->group_by, "layer, base, registry, repository or namespace")
      ->check(CLI::IsMember({"layer", "base", "registry", "repository", "namespace"}));
  app.add_flag("--enforce", c->enforce, "Policies deny; without it they only audit");
  app.add_option("--threats", c->image.threats, "More threat records: a file, or a folder of them (repeatable)");
  app.add_flag("--replace", c->image.replace, "A record of --threats may take the place of a built-in one");
  app.add_flag("--show-unjudged", c->show_unjudged, "List images that could not be judged whole, and why");
  app.footer(
      "Images judged with other records are judged anew from their stored facts; no layer is read.\n\nExamples:\n  careen exposure CVE-2024-3094\n"
      "  careen exposure CVE-2024-3094 --format digests\n  careen exposure CVE-2024-3094 --format vap --enforce | kubectl apply -f -\n\nExit status: 1 images "
      "are affected, 0 none is, 3 none is and some were not judged, 4 no inventory.");
  return [c] { return run_exposure(*c); };
}

Command add_threat_add(CLI::App& app) {
  auto c = std::make_shared<ThreatAddCommand>();
  app.add_option("FILE", c->files, "Threat records")->required();
  app.add_option("--store", c->store, "The inventory (default: $CAREEN_STORE, then $XDG_DATA_HOME/careen/inventory.sqlite)");
  app.add_flag("--replace", c->replace, "A record may take the place of a built-in one");
  app.footer(
      "The records are kept in the inventory, where index, scan --store and exposure use them; every image is judged anew from its facts,\nand its "
      "exposure is told at once.\n\nExit status: that of careen exposure.");
  return [c] { return run_threat_add(*c); };
}

Command add_threat_remove(CLI::App& app) {
  auto store = std::make_shared<std::string>(), id = std::make_shared<std::string>();
  app.add_option("ID", *id, "The record's id")->required();
  app.add_option("--store", *store, "The inventory");
  return [store, id] { return run_threat_remove(*store, *id); };
}

Result<std::vector<KeptRecord>> kept_in_store(const std::string& store) {
  CAREEN_ASSIGN(auto inventory, open_store(store, Inventory::Mode::read));
  return inventory->kept_threats();
}

Command add_lineage(CLI::App& app) {
  auto c = std::make_shared<LineageCommand>();
  app.add_option("IMAGE", c->image, "A digest, or a reference in the inventory")->required();
  add_store_options(app, c->store, {"table", "json", "dot", "mermaid"});
  app.footer("Example:\n  careen lineage registry.example.com/team/app:v1\n");
  return [c] { return run_lineage(*c); };
}

Command add_diff(CLI::App& app) {
  auto c = std::make_shared<DiffCommand>();
  app.add_option("A", c->a, "A digest, or a reference in the inventory")->required();
  app.add_option("B", c->b, "Another")->required();
  add_store_options(app, c->store, {"table", "json"});
  app.add_flag("--files", c->files, "List every file that changed");
  app.footer("Example:\n  careen diff registry.example.com/team/app:v1 registry.example.com/team/app:v2\n");
  return [c] { return run_diff(*c); };
}

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
