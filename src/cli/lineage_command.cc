// careen lineage and careen diff: how images of the inventory descend from each other and differ.
#include "base/text.h"
#include "cli/common.h"
#include "cli/inventory_options.h"
#include "fleet/diff.h"
#include "fleet/lineage.h"
#include "report/fleet_report.h"

namespace careen {
namespace {

struct LineageCommand {
  StoreOptions store;
  std::string image;
  Page page;
};

int run_lineage(const LineageCommand& c) {
  auto inventory = open_store(c.store.store, Inventory::Mode::read);
  if (!inventory) return complain(inventory.error());
  auto threats = load_threats({{}, false, (*inventory)->kept_threats()});
  if (!threats) return complain(threats.error());
  auto all = lineage_of(**inventory, c.image, &*threats);
  if (!all) return complain(all.error());
  if (auto why = (*inventory)->trouble()) return complain({Errc::io, *why});
  std::string out = c.store.format == "json"     ? lineage_json(*all)
                    : c.store.format == "csv"    ? cut_lines(lineage_csv(*all), 1, c.page)
                    : c.store.format == "ndjson" ? cut_lines(lineage_ndjson(*all), 0, c.page)
                    : c.store.format == "table"  ? lineage_text(*all)
                                                 : lineage_graph(*all, c.store.format == "mermaid");
  return print(out) ? 0 : 4;
}

struct DiffCommand {
  StoreOptions store;
  std::string a, b;
  bool files = false;
  Page page;
};

// One image for one name; of several platforms this machine's.
Result<Inventory::Id> one_image(Inventory& inventory, const std::string& name) {
  auto ids = find_images(inventory, name);
  if (ids.empty()) return Error{Errc::not_found, "the inventory has no image " + escape(name)};
  if (ids.size() == 1) return ids[0];
  std::vector<Inventory::Id> own;
  for (Inventory::Id id : ids)
    if (auto i = inventory.image(id); i && i->platform == Platform::of_this_machine().text()) own.push_back(id);
  if (own.size() == 1) return own[0];
  return Error{Errc::usage, escape(name) + " has " + std::to_string(ids.size()) + " images in the inventory" + (own.empty() ? ", none of this platform" : "") +
                                ": give a tag, or the digest of one"};
}

int run_diff(const DiffCommand& c) {
  auto inventory = open_store(c.store.store, Inventory::Mode::read);
  if (!inventory) return complain(inventory.error());
  auto a = one_image(**inventory, c.a), b = one_image(**inventory, c.b);
  if (!a) return complain(a.error());
  if (!b) return complain(b.error());
  auto d = diff_images(**inventory, *a, *b);
  if (!d) return complain(d.error());
  if (auto why = (*inventory)->trouble()) return complain({Errc::io, *why});
  cut(d->rows, c.page);
  std::string out = c.store.format == "json"     ? diff_json(*d)
                    : c.store.format == "csv"    ? diff_csv(*d)
                    : c.store.format == "ndjson" ? diff_ndjson(*d)
                                                 : diff_text(*d, c.files);
  return print(out) ? 0 : 4;
}

}  // namespace

Command add_lineage(CLI::App& app) {
  auto c = std::make_shared<LineageCommand>();
  app.add_option("IMAGE", c->image, "A digest, or a reference in the inventory")->required();
  add_store_options(app, c->store, {"table", "json", "csv", "ndjson", "dot", "mermaid"});
  add_page_options(app, c->page, "rows of CSV and JSON lines");
  app.footer("Example:\n  careen lineage registry.example.com/team/app:v1\n");
  return [c] { return run_lineage(*c); };
}

Command add_diff(CLI::App& app) {
  auto c = std::make_shared<DiffCommand>();
  app.add_option("A", c->a, "A digest, or a reference in the inventory")->required();
  app.add_option("B", c->b, "Another")->required();
  add_store_options(app, c->store, {"table", "json", "csv", "ndjson"});
  add_page_options(app, c->page, "rows, new risk first");
  app.add_flag("--files", c->files, "List every file that changed");
  app.footer("Example:\n  careen diff registry.example.com/team/app:v1 registry.example.com/team/app:v2\n");
  return [c] { return run_diff(*c); };
}

}  // namespace careen
