// careen hunt: asks the inventory.
#include <algorithm>
#include <iterator>
#include <set>

#include "base/fd.h"
#include "base/text.h"
#include "cli/common.h"
#include "cli/inventory_options.h"
#include "cli/reading_options.h"
#include "fleet/advisories.h"
#include "fleet/conditions.h"
#include "fleet/exposure.h"
#include "fleet/hunt.h"
#include "report/fleet_report.h"
#include "scan/judged.h"

namespace careen {
namespace {

struct HuntCommand {
  StoreOptions store;
  ReadingOptions reading;
  std::vector<std::string> questions;
  bool show_unjudged = false, vanished = false, visible = false, running = false;
  Page page;
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
    if (text[0] != '@' && !yaml && is_advisory_id(text)) {
      all.push_back({Indicator::threat, text, text, "", {}, {}});
      continue;
    }
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
  to.to_read.layers += from.to_read.layers, to.to_read.bytes += from.to_read.bytes;
  to.to_read.lost.insert(to.to_read.lost.end(), from.to_read.lost.begin(), from.to_read.lost.end());
  std::stable_partition(to.matches.begin(), to.matches.end(), [](const HuntMatch& m) { return is_running(m); });
}

// A record that the inventory does not keep is judged for this question alone.
Result<HuntAnswer> hunt_record(Inventory& inventory, const HuntQuestion& q, const ReadingOptions& reading) {
  auto text = read_file(q.value, 8 << 20);
  if (!text) return Error{Errc::usage, text.error().what};
  CAREEN_ASSIGN(Threat threat, parse_threat(*text, q.value));
  ImageOptions image = reading.image;
  image.threats = {q.value};
  image.replace = true;  // what is asked for is this file
  image.kept = inventory.kept_threats();
  std::erase_if(image.kept, [&](const KeptRecord& k) { return k.id == threat.id; });
  ScanOptions scan;
  ResolveOptions resolve;
  CAREEN_TRY(scan_options(image, inventory.layers(), scan, resolve));
  ExposureOptions how;
  how.keep = false;
  Reading read;
  if (reading.read) {
    CAREEN_ASSIGN(read, read_for_answer(inventory, plan_reading(inventory, scan.threats->patterns), scan, resolve, image));
  }
  CAREEN_ASSIGN(Exposure e, exposure_of(inventory, threat.id, scan, how));
  e.to_read.lost.insert(e.to_read.lost.end(), read.failures.begin(), read.failures.end());
  return as_answer(inventory, e, q.text);
}

// A threat by its id or alias, as the records of today say it; nullopt when no record has it.
Result<std::optional<HuntAnswer>> hunt_threat(Inventory& inventory, const HuntQuestion& q, const ScanOptions& scan) {
  const Threat* threat = scan.threats->find(q.value);
  if (threat == nullptr) return std::optional<HuntAnswer>();
  CAREEN_ASSIGN(Exposure e, exposure_of(inventory, threat->id, scan));
  return std::optional(as_answer(inventory, e, q.text));
}

// Byte patterns: what was searched before answers, and with --read the rest is read first.
Result<ToRead> read_for_patterns(Inventory& inventory, const std::vector<HuntQuestion>& questions, const ReadingOptions& reading) {
  std::vector<PatternSpec> specs = patterns_of(questions);
  if (specs.empty()) return ToRead{};
  ReadingPlan plan = plan_reading(inventory, specs);
  Reading read;
  if (reading.read && !plan.layers.empty()) {
    ScanOptions scan;
    ResolveOptions resolve;
    CAREEN_TRY(scan_options(reading.image, inventory.layers(), scan, resolve));
    ThreatSet set;
    set.patterns = specs;
    scan.threats = std::make_shared<const ThreatSet>(std::move(set));
    CAREEN_ASSIGN(read, read_for_answer(inventory, plan, scan, resolve, reading.image));
    plan = plan_reading(inventory, specs);
  }
  ToRead out{plan.layers.size(), plan.bytes, plan.lost};
  out.lost.insert(out.lost.end(), read.failures.begin(), read.failures.end());
  return out;
}

// Threats in what runs, as each workload starts it.
Result<void> judge_as_run(Inventory& inventory, HuntAnswer& a) {
  auto wants = [](const HuntMatch& m) {
    return m.confidence && m.as_run.empty() &&
           std::any_of(m.uses.begin(), m.uses.end(), [](const StoredUse& u) { return u.use.running && !(u.use.command.empty() && u.use.arguments.empty()); });
  };
  if (std::none_of(a.matches.begin(), a.matches.end(), wants)) return {};
  ImageOptions image;
  image.kept = inventory.kept_threats();
  ScanOptions scan;
  ResolveOptions unused;
  CAREEN_TRY(scan_options(image, inventory.layers(), scan, unused));
  for (HuntMatch& m : a.matches) {
    auto id = wants(m) ? inventory.image_id(m.image) : std::nullopt;
    auto stored = id ? inventory.image(*id) : std::nullopt;
    ScanResult r;
    if (!stored || !restore_judged(stored->judged, r)) continue;
    auto f = std::find_if(r.findings.begin(), r.findings.end(), [&](const Finding& x) { return x.id == m.finding; });
    if (f != r.findings.end()) m.as_run = reachability_as_run(inventory, *stored, m.uses, *f, scan);
  }
  return {};
}

Result<HuntAnswer> answer(Inventory& inventory, const Asked& asked, const ReadingOptions& reading) {
  CAREEN_ASSIGN(ToRead to_read, read_for_patterns(inventory, asked.questions, reading));
  std::vector<HuntQuestion> questions;
  std::vector<HuntAnswer> threats;
  ScanOptions scan;
  auto names_threat = [](const std::vector<HuntQuestion>& list) {
    return std::any_of(list.begin(), list.end(), [](const HuntQuestion& q) { return q.by == Indicator::threat; });
  };
  bool in_conditions = std::any_of(asked.conditions.begin(), asked.conditions.end(), [&](const Condition& one) { return names_threat(questions_in(one)); });
  if (names_threat(asked.questions) || in_conditions) {
    ImageOptions image = reading.image;
    image.kept = inventory.kept_threats();
    ResolveOptions unused;
    CAREEN_TRY(scan_options(image, inventory.layers(), scan, unused));
  }
  std::shared_ptr<const AdvisoryDb> advisories;
  if (names_threat(asked.questions)) {
    CAREEN_ASSIGN(advisories, open_advisories(reading.image.cache_dir));
  }
  for (const HuntQuestion& q : asked.questions) {
    std::optional<HuntAnswer> one;
    if (q.by == Indicator::threat) {
      CAREEN_ASSIGN(one, hunt_threat(inventory, q, scan));
    }
    if (q.by == Indicator::threat && advisories) {
      CAREEN_ASSIGN(auto known, exposure_of_advisory(inventory, *advisories, q.value));
      if (known) {
        HuntAnswer vulnerable = as_answer(inventory, *known, q.text);
        if (one)
          add_answer(*one, std::move(vulnerable));
        else
          one = std::move(vulnerable);
      }
    }
    if (q.by == Indicator::threat && !one && inventory.images_with_term(TermKind::threat, q.value, false).empty())  // a rule without a record has images alone
      return Error{Errc::usage, unknown_id(q.value, advisories != nullptr)};
    one ? threats.push_back(std::move(*one)) : questions.push_back(q);
  }
  // A condition is answered from what images were last judged to be: that must be of today, and of an id that is known as it stands.
  for (const Condition& condition : asked.conditions)
    for (const HuntQuestion& q : questions_in(condition)) {
      if (q.by != Indicator::threat || names_record(q)) continue;
      const Threat* threat = scan.threats->find(q.value);
      if (threat != nullptr && threat->id != q.value)
        return Error{Errc::usage, escape(q.value) + " is an alias: in a file of conditions write threat:" + threat->id};
      if (threat != nullptr) {
        CAREEN_TRY(exposure_of(inventory, threat->id, scan));
      } else if (inventory.images_with_term(TermKind::threat, q.value, false).empty()) {
        return Error{Errc::usage, "no threat " + escape(q.value) + " is known: careen threat list shows which are"};
      }
    }
  HuntAnswer a = hunt(inventory, questions);
  a.to_read = std::move(to_read);
  for (HuntAnswer& one : threats) add_answer(a, std::move(one));
  for (const Condition& condition : asked.conditions) {
    CAREEN_ASSIGN(ToRead more, read_for_patterns(inventory, questions_in(condition), reading));
    HuntAnswer one = hunt(inventory, condition);
    one.to_read = std::move(more);
    add_answer(a, std::move(one));
  }
  for (const HuntQuestion& q : asked.records) {
    CAREEN_ASSIGN(HuntAnswer one, hunt_record(inventory, q, reading));
    add_answer(a, std::move(one));
  }
  CAREEN_TRY(judge_as_run(inventory, a));
  return a;
}

int run_hunt(const HuntCommand& c) {
  auto asked = read_questions(c.questions);
  if (!asked) return complain(asked.error());
  auto inventory = open_store(c.store.store, Inventory::Mode::read);
  if (!inventory) return complain(inventory.error());
  auto answered = answer(**inventory, *asked, c.reading);
  if (!answered) return complain(answered.error());
  HuntAnswer a = std::move(*answered);
  if (a.searched.images == 0) return complain({Errc::not_found, "the inventory has no images: run careen index"});
  if (c.vanished) std::erase_if(a.matches, [](const HuntMatch& m) { return !has_vanished(m.tags); });
  if (c.running) {
    std::erase_if(a.matches, [](const HuntMatch& m) { return !is_running(m); });
    add_unseen(**inventory, a.unjudged);
  }
  if (c.visible) std::erase_if(a.matches, [](const HuntMatch& m) { return !m.visible; });
  int status = !a.matches.empty() ? 1 : a.unjudged.empty() ? 0 : 3;
  int64_t at = seconds_now();
  size_t total = a.matches.size();
  cut(a.matches, c.page);
  std::string out = c.store.format == "json"     ? hunt_json(a, total, at)
                    : c.store.format == "ndjson" ? hunt_ndjson(a)
                    : c.store.format == "csv"    ? hunt_csv(a)
                                                 : hunt_text(a, {total, c.page.offset}, at, c.show_unjudged);
  return print(out) ? status : 4;
}

}  // namespace

Command add_hunt(CLI::App& app) {
  auto c = std::make_shared<HuntCommand>();
  app.add_option("WHAT", c->questions,
                 "package:NAME[>=V,<V] pkg:TYPE/NAME[@V] sha256:HEX sha1:HEX md5:HEX path:GLOB soname:N needed:N symbol:N build-id:HEX structure:RULE "
                 "env:NAME[=V] label:NAME[=V] "
                 "entrypoint:TEXT layer:sha256:HEX manifest:sha256:HEX threat:ID|FILE pattern:HEX, CVE-… GHSA-… MAL-… or any id of an advisory, @FILE with one "
                 "a line, or FILE.yaml with conditions")
      ->required();
  add_store_options(app, c->store, {"table", "json", "csv", "ndjson"});
  app.add_flag("--show-unjudged", c->show_unjudged, "List images that could not be judged whole, and why");
  app.add_flag("--vanished", c->vanished, "Only images whose every tag has vanished");
  app.add_flag("--running", c->running, "Only images that were running when careen index uses:… was told");
  app.add_flag("--visible", c->visible, "Only what a container sees");
  add_page_options(app, c->page, "matches");
  add_reading_options(app, c->reading);
  app.footer(
      "Nothing is read and no network is used, unless --read is given for patterns that were not searched before.\n\nExamples:\n  careen hunt "
      "'package:liblzma5>=5.6.0,<5.6.2'\n  careen hunt path:'**/.ssh/authorized_keys'\n"
      "  careen hunt @indicators.txt --format csv\n  careen hunt 'pattern:48 8d 3d ?? ?? ?? ?? e8' --read\n\nExit status: 1 found, 0 not found, 3 not found "
      "and some images were not judged, 4 no inventory.");
  return [c] { return run_hunt(*c); };
}

}  // namespace careen
