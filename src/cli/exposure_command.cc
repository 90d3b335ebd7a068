// careen exposure, and careen threat add and remove: what a threat concerns, and records that the inventory keeps.
#include <algorithm>
#include <array>

#include "base/fd.h"
#include "base/text.h"
#include "cli/common.h"
#include "cli/inventory_options.h"
#include "cli/reading_options.h"
#include "fleet/admission.h"
#include "fleet/advisories.h"
#include "fleet/exposure.h"
#include "report/fleet_report.h"

namespace careen {
namespace {

std::string lines(const std::vector<std::string>& all) {
  return all.empty() ? "" : join(all, "\n") + "\n";
}

struct ExposureCommand {
  StoreOptions store;
  ReadingOptions reading;
  Page page;
  std::string threat, group_by;
  bool show_unjudged = false, enforce = false, running = false, vanished = false;
};

constexpr std::array<const char*, 5> kGroups{"layer", "base", "registry", "repository", "namespace"};

struct ThreatAddCommand {
  std::string store;
  std::vector<std::string> files;
  bool replace = false;
};

// With --read the layers that lack patterns are read first, and the images that have them are judged anew.
Result<Exposure> answer(Inventory& inventory, const ExposureCommand& c) {
  ImageOptions image = c.reading.image;
  image.kept = inventory.kept_threats();
  ScanOptions scan;
  ResolveOptions resolve;
  CAREEN_TRY(scan_options(image, inventory.layers(), scan, resolve));
  ExposureOptions how;
  how.keep = image.threats.empty();
  how.running = c.running, how.vanished = c.vanished;
  if (scan.threats->find(c.threat) == nullptr) {  // an advisory's id, where it is no threat's
    CAREEN_ASSIGN(auto advisories, open_advisories(image.cache_dir));
    std::optional<Exposure> known;
    if (advisories) {
      CAREEN_ASSIGN(known, exposure_of_advisory(inventory, *advisories, c.threat, how));
    }
    if (known) return std::move(*known);
    if (is_advisory_id(c.threat)) return Error{Errc::usage, unknown_id(c.threat, advisories != nullptr)};
  }
  Reading read;
  if (c.reading.read) {
    CAREEN_ASSIGN(read, read_for_answer(inventory, plan_reading(inventory, scan.threats->patterns), scan, resolve, image));
    how.anew = read.images;
  }
  CAREEN_ASSIGN(Exposure e, exposure_of(inventory, c.threat, scan, how));
  e.to_read.lost.insert(e.to_read.lost.end(), read.failures.begin(), read.failures.end());
  return e;
}

int run_exposure(const ExposureCommand& c) {
  auto inventory = open_store(c.store.store, Inventory::Mode::read);
  if (!inventory) return complain(inventory.error());
  int64_t at = seconds_now();
  auto e = answer(**inventory, c);
  if (!e) return complain(e.error());
  if (e->searched.images == 0) return complain({Errc::not_found, "the inventory has no images: run careen index"});
  int status = !e->images.empty() ? 1 : e->unjudged.empty() ? 0 : 3;
  size_t total = e->images.size();
  bool policy = c.store.format == "digests" || c.store.format == "kyverno" || c.store.format == "vap";
  if (!policy) cut(e->images, c.page);  // a policy that denies a part of them would deceive
  std::string out = c.store.format == "json"      ? exposure_json(*e, total, at)
                    : c.store.format == "csv"     ? exposure_csv(*e)
                    : c.store.format == "ndjson"  ? exposure_ndjson(*e)
                    : c.store.format == "digests" ? lines(affected_references(*e))
                    : c.store.format == "kyverno" ? kyverno_policy(*e, c.enforce)
                    : c.store.format == "vap"     ? admission_policy(*e, c.enforce)
                    : !c.group_by.empty()         ? exposure_groups_text(*e, c.group_by, {total, c.page.offset}, at)
                                                  : exposure_text(*e, {total, c.page.offset}, at, c.show_unjudged);
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
    if (auto ok = (*inventory)->keep_threat(r, seconds_now()); !ok) return complain(ok.error());
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

}  // namespace

Command add_exposure(CLI::App& app) {
  auto c = std::make_shared<ExposureCommand>();
  app.add_option("THREAT", c->threat, "A threat's id or alias")->required();
  add_store_options(app, c->store, {"table", "json", "csv", "ndjson", "digests", "kyverno", "vap"});
  app.add_option("--group-by", c->group_by, "layer, base, registry, repository, namespace, or label:NAME")->check([](const std::string& by) {
    bool known = std::find(kGroups.begin(), kGroups.end(), by) != kGroups.end() || (by.starts_with("label:") && by.size() > 6);
    return known ? std::string() : "expected layer, base, registry, repository, namespace or label:NAME";
  });
  app.add_flag("--running", c->running, "Only images that were running when careen index uses:… was told");
  app.add_flag("--vanished", c->vanished, "Only images whose every tag has vanished");
  app.add_flag("--enforce", c->enforce, "Policies deny; without it they only audit");
  app.add_option("--threats", c->reading.image.threats, "More threat records: a file, or a folder of them (repeatable)");
  app.add_flag("--replace", c->reading.image.replace, "A record of --threats may take the place of a built-in one");
  app.add_flag("--show-unjudged", c->show_unjudged, "List images that could not be judged whole, and why");
  add_page_options(app, c->page, "images");
  add_reading_options(app, c->reading);
  app.footer(
      "Images judged with other records are judged anew from their stored facts; no layer is read unless --read is given.\n\nExamples:\n  careen exposure "
      "CVE-2024-3094\n"
      "  careen exposure CVE-2024-3094 --format digests\n  careen exposure CVE-2024-3094 --format vap --enforce | kubectl apply --server-side -f -\n\nExit "
      "status: 1 images "
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

}  // namespace careen
