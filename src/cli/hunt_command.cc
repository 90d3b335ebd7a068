// careen hunt: asks the inventory.
#include <algorithm>
#include <iterator>
#include <set>

#include "base/fd.h"
#include "base/text.h"
#include "cli/common.h"
#include "cli/inventory_options.h"
#include "fleet/conditions.h"
#include "fleet/exposure.h"
#include "fleet/hunt.h"
#include "report/fleet_report.h"

namespace careen {
namespace {

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
  int64_t at = seconds_now();
  size_t total = a.matches.size();
  if (c.limit != 0 && a.matches.size() > c.limit) a.matches.resize(c.limit);
  std::string out = c.store.format == "json"     ? hunt_json(a, total, at)
                    : c.store.format == "ndjson" ? hunt_ndjson(a)
                    : c.store.format == "csv"    ? hunt_csv(a)
                                                 : hunt_text(a, total, at, c.show_unjudged);
  return print(out) ? status : 4;
}

}  // namespace

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

}  // namespace careen
