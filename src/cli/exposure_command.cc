// careen exposure, and careen threat add and remove: what a threat concerns, and records that the inventory keeps.
#include "base/fd.h"
#include "base/text.h"
#include "cli/common.h"
#include "cli/inventory_options.h"
#include "fleet/admission.h"
#include "fleet/exposure.h"
#include "report/fleet_report.h"

namespace careen {
namespace {

std::string lines(const std::vector<std::string>& all) {
  return all.empty() ? "" : join(all, "\n") + "\n";
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
  int64_t at = seconds_now();
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

}  // namespace careen
