// index, hunt, exposure, lineage and status: what careen knows about all images that it was shown.
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>

#include "base/fd.h"
#include "base/log.h"
#include "base/text.h"
#include "cli/common.h"
#include "cli/progress.h"
#include "cli/sources.h"
#include "fleet/admission.h"
#include "fleet/diff.h"
#include "fleet/exposure.h"
#include "fleet/hunt.h"
#include "fleet/indexer.h"
#include "fleet/lineage.h"

namespace careen {
namespace {

using Json = nlohmann::ordered_json;

int64_t now() {
  return ::time(nullptr);
}

std::string time_text(int64_t t) {
  if (t == 0) return "";
  std::tm tm{};
  time_t seconds = t;
  ::gmtime_r(&seconds, &tm);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

std::string age_text(int64_t seconds) {
  if (seconds < 120) return std::to_string(std::max<int64_t>(seconds, 0)) + " s";
  if (seconds < 7200) return std::to_string(seconds / 60) + " min";
  return seconds < 172'800 ? std::to_string(seconds / 3600) + " h" : std::to_string(seconds / 86'400) + " d";
}

Json safe(const std::string& s) {
  return s.empty() ? Json(nullptr) : Json(escape(s));
}
Json safe(const std::optional<std::string>& s) {
  return s ? safe(*s) : Json(nullptr);
}

std::string lines(const std::vector<std::string>& all) {
  return all.empty() ? "" : join(all, "\n") + "\n";
}

std::string dump(const Json& j) {
  return j.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

// One field of a CSV file (RFC 4180); a formula that a spreadsheet would run is made text.
std::string csv(const std::string& field) {
  std::string s = escape(field);
  if (!s.empty() && std::string_view("=+-@").find(s[0]) != std::string_view::npos) s.insert(0, "'");
  if (s.find_first_of(",\"\n") == std::string::npos) return s;
  std::string out = "\"";
  for (char c : s) out += c == '"' ? std::string("\"\"") : std::string(1, c);
  return out + "\"";
}

Json tags_json(const std::vector<Tag>& tags) {
  Json out = Json::array();
  for (const Tag& t : tags)
    out.push_back({{"repository", escape(t.repository)},
                   {"tag", safe(t.tag)},
                   {"digest", t.digest},
                   {"first_seen", time_text(t.first_seen)},
                   {"last_seen", time_text(t.last_seen)},
                   {"vanished", t.vanished ? Json(time_text(*t.vanished)) : Json(nullptr)}});
  return out;
}

Json searched_json(const InventoryCounts& c, int64_t at) {
  return {{"images", c.images}, {"layers", c.layers}, {"as_of", time_text(at)}, {"oldest_crawl", safe(time_text(c.oldest))}, {"unjudged", c.unjudged}};
}

Json coverage_of(const std::vector<std::pair<std::string, std::string>>& unjudged) {
  Json out = Json::array();
  for (const auto& [digest, why] : unjudged) out.push_back({{"image", digest}, {"question", "content"}, {"state", "not_judged"}, {"why", escape(why)}});
  return out;
}

// What every answer ends with, so that a zero is known for what it is.
std::string proof(const InventoryCounts& c, int64_t at) {
  std::string s =
      fmt::format("in {} {} ({} {}) as of {}", c.images, c.images == 1 ? "image" : "images", c.layers, c.layers == 1 ? "layer" : "layers", time_text(at));
  if (c.oldest != 0) s += "; oldest crawl " + age_text(at - c.oldest) + " ago";
  if (c.unjudged != 0) s += fmt::format("; {} {} not judged whole (--show-unjudged)", c.unjudged, c.unjudged == 1 ? "image" : "images");
  return s;
}

std::string default_store() {
  if (const char* named = std::getenv("CAREEN_STORE"); named != nullptr && *named != '\0') return named;
  std::string dir = data_directory();
  return dir.empty() ? "" : dir + "/inventory.sqlite";
}

Result<std::unique_ptr<Inventory>> open_store(const std::string& given, Inventory::Mode mode) {
  std::string path = given.empty() ? default_store() : given;
  if (path.empty()) return Error{Errc::usage, "no place for the inventory: give --store FILE or set CAREEN_STORE"};
  if (path.find("://") != std::string::npos) return Error{Errc::usage, "--store " + escape(path) + ": this build keeps inventories in a file"};
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
  std::string tags;
  size_t most = 0;
  bool dry_run = false, refresh = false;
};

std::string summary_text(const IndexSummary& s) {
  std::string out = fmt::format("{} {} indexed, {} unchanged, {} new {}; {} flagged, {} undetermined", s.images, s.images == 1 ? "image" : "images",
                                s.unchanged, s.new_layers, s.new_layers == 1 ? "layer" : "layers", s.flagged, s.undetermined);
  if (s.vanished != 0) out += fmt::format("; {} {} vanished", s.vanished, s.vanished == 1 ? "tag has" : "tags have");
  out += "\n";
  for (const auto& [what, why] : s.failures) out += "not indexed: " + escape(what) + ": " + escape(why) + "\n";
  return out;
}

Json summary_json(const IndexSummary& s) {
  Json failures = Json::array();
  for (const auto& [what, why] : s.failures) failures.push_back({{"reference", escape(what)}, {"why", escape(why)}});
  return {{"schema", "careen/index/v1"}, {"references", s.references},     {"images", s.images},
          {"unchanged", s.unchanged},    {"new_layers", s.new_layers},     {"vanished", s.vanished},
          {"flagged", s.flagged},        {"undetermined", s.undetermined}, {"failures", std::move(failures)}};
}

int run_index(const IndexCommand& c) {
  set_log_level(c.image.quiet ? LogLevel::quiet : c.image.verbose ? LogLevel::verbose : LogLevel::normal);
  if (c.sources.empty())
    return complain({Errc::usage, "nothing to index: give a registry's HOST/, HOST/REPO, a folder, @FILE or an image\nTry: careen index --help"});
  IndexOptions o;
  o.targets.http = {c.image.insecure, c.image.ca_file, c.image.timeout, ""};
  o.targets.tags = c.tags;
  o.targets.most = c.most;
  o.refresh = c.refresh;
  o.clock = now;
  if (c.dry_run) {
    Targets t = find_targets(c.sources, o.targets);
    for (const Target& target : t.list) print(escape(target.argument) + "\n");
    for (const auto& [what, why] : t.failures) warn(escape(what) + ": " + escape(why));
    return t.failures.empty() ? 0 : 3;
  }
  auto inventory = open_store(c.store.store, Inventory::Mode::write);
  if (!inventory) return complain(inventory.error());
  if (auto ok = scan_options(c.image, (*inventory)->layers(), o.scan, o.resolve); !ok) return complain(ok.error());
  FleetProgress progress(!c.image.quiet && !c.image.no_progress);
  o.on_progress = [&](size_t done, size_t total, const std::string& at) { progress.show(done, total, escape(at)); };
  auto s = index_images(**inventory, c.sources, std::move(o));
  progress.clear();
  if (!s) return complain(s.error());
  if (!print(c.store.format == "json" ? dump(summary_json(*s)) : summary_text(*s))) return 4;
  return s->failures.empty() ? 0 : 3;
}

struct HuntCommand {
  StoreOptions store;
  std::vector<std::string> questions;
  bool show_unjudged = false, vanished = false, visible = false;
  size_t limit = 0;
};

Json match_json(const HuntMatch& m) {
  Json package = m.package ? Json{{"name", safe(m.package)}, {"version", safe(m.version)}} : Json(nullptr);
  return {{"indicator", escape(m.indicator)},
          {"image", {{"reference", escape(name_of(m.tags, m.image))}, {"digest", m.image}, {"platform", safe(m.platform)}}},
          {"tags", tags_json(m.tags)},
          {"where",
           {{"path", safe(m.path)},
            {"layer", safe(m.layer)},
            {"layer_index", m.layer_index ? Json(*m.layer_index) : Json(nullptr)},
            {"created_by", safe(m.created_by)},
            {"visible", m.visible},
            {"package", package}}},
          {"first_seen", time_text(m.first_seen)},
          {"last_seen", time_text(m.last_seen)},
          {"running", Json::array()},
          {"reachability", safe(m.reachability)},
          {"confidence", safe(m.confidence)},
          {"severity", safe(m.severity)}};
}

std::string match_text(const HuntMatch& m) {
  std::string out = escape(name_of(m.tags, m.image)) + "  " + m.image + (m.platform.empty() ? "" : "  " + escape(m.platform)) + "\n";
  std::string what = m.package ? escape(*m.package) + " " + escape(m.version.value_or("")) : m.path ? escape(*m.path) : escape(m.indicator);
  if (m.confidence) what += "  " + *m.severity + " " + *m.confidence + ", " + m.reachability.value_or("unknown");
  out += "    " + what + (m.visible ? "" : "  (hidden)");
  if (m.layer_index) out += fmt::format("  layer {}{}", *m.layer_index, m.created_by.empty() ? "" : ": " + escape(m.created_by.substr(0, 100)));
  out += "\n";
  size_t others = 0;
  for (const Tag& t : m.tags) others += t.vanished ? 0 : 1;
  if (others > 1) out += fmt::format("    {} tags\n", others);
  return out;
}

std::string matches_csv(const HuntAnswer& a) {
  std::string out = "indicator,reference,digest,platform,path,package,version,layer_index,layer,visible,first_seen,last_seen\n";
  for (const HuntMatch& m : a.matches) {
    std::vector<std::string> f{csv(m.indicator),
                               csv(name_of(m.tags, m.image)),
                               csv(m.image),
                               csv(m.platform),
                               csv(m.path.value_or("")),
                               csv(m.package.value_or("")),
                               csv(m.version.value_or("")),
                               m.layer_index ? std::to_string(*m.layer_index) : "",
                               csv(m.layer.value_or("")),
                               m.visible ? "true" : "false",
                               time_text(m.first_seen),
                               time_text(m.last_seen)};
    out += join(f, ",") + "\n";
  }
  return out;
}

int run_hunt(const HuntCommand& c) {
  std::vector<HuntQuestion> questions;
  for (const std::string& text : c.questions) {
    if (text[0] != '@') {
      auto q = parse_question(text);
      if (!q) return complain(q.error());
      questions.push_back(std::move(*q));
      continue;
    }
    auto list = read_file(text.substr(1), 256 << 20);
    if (!list) return complain({Errc::usage, escape(text) + ": " + list.error().what});
    auto some = parse_questions(*list, text.substr(1));
    if (!some) return complain(some.error());
    questions.insert(questions.end(), some->begin(), some->end());
  }
  auto inventory = open_store(c.store.store, Inventory::Mode::read);
  if (!inventory) return complain(inventory.error());
  HuntAnswer a = hunt(**inventory, questions);
  if (a.searched.images == 0) return complain({Errc::not_found, "the inventory has no images: run careen index"});
  auto gone = [](const HuntMatch& m) {
    return !m.tags.empty() && std::all_of(m.tags.begin(), m.tags.end(), [](const Tag& t) { return t.vanished.has_value(); });
  };
  if (c.vanished) std::erase_if(a.matches, [&](const HuntMatch& m) { return !gone(m); });
  if (c.visible) std::erase_if(a.matches, [](const HuntMatch& m) { return !m.visible; });
  int status = !a.matches.empty() ? 1 : a.unjudged.empty() ? 0 : 3;
  int64_t at = now();
  size_t total = a.matches.size();
  if (c.limit != 0 && a.matches.size() > c.limit) a.matches.resize(c.limit);
  std::string out;
  if (c.store.format == "json") {
    Json matches = Json::array();
    for (const HuntMatch& m : a.matches) matches.push_back(match_json(m));
    out = dump({{"schema", "careen/hunt/v1"},
                {"matches", std::move(matches)},
                {"total", total},
                {"searched", searched_json(a.searched, at)},
                {"coverage", coverage_of(a.unjudged)}});
  } else if (c.store.format == "ndjson") {
    for (const HuntMatch& m : a.matches) out += match_json(m).dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
  } else if (c.store.format == "csv") {
    out = matches_csv(a);
  } else {
    for (const HuntMatch& m : a.matches) out += match_text(m);
    if (total > a.matches.size()) out += fmt::format("and {} more (--limit {})\n", total - a.matches.size(), c.limit);
    out += fmt::format("{} {} {}\n", total, total == 1 ? "match" : "matches", proof(a.searched, at));
    if (c.show_unjudged)
      for (const auto& [digest, why] : a.unjudged) out += "not judged whole: " + digest + ": " + escape(why) + "\n";
  }
  return print(out) ? status : 4;
}

struct ExposureCommand {
  StoreOptions store;
  ImageOptions image;
  std::string threat, group_by;
  bool show_unjudged = false, enforce = false;
};

std::string exposure_text(const Exposure& e, int64_t at, bool show_unjudged) {
  std::string out = fmt::format("{}: {} of {} images affected\n", escape(e.threat), e.images.size(), e.searched.images);
  if (!e.rebuild.empty()) out += "\nrebuild first\n";
  for (const RebuildFirst& r : e.rebuild) {
    out += "  " + escape(r.name) + "  " + r.digest + "\n";
    out += fmt::format("      {}carried by layer {}{}\n",
                       r.also_fixes == 0 ? "" : fmt::format("{} affected {} built on it; ", r.also_fixes, r.also_fixes == 1 ? "image is" : "images are"),
                       r.layer.empty() ? "not known" : r.layer, r.created_by.empty() ? "" : ": " + escape(r.created_by.substr(0, 100)));
  }
  if (!e.images.empty()) out += "\naffected\n";
  for (const Exposed& x : e.images) {
    out += "  " + escape(name_of(x.tags, x.digest)) + "  " + x.digest + "\n";
    out += fmt::format("      {} {}, {}{}{}\n", to_text(x.finding.severity), to_text(x.finding.confidence), to_text(x.finding.reachability.state),
                       x.finding.where.path ? ", " + escape(*x.finding.where.path) : "", x.finding.where.visible ? "" : " (hidden)");
  }
  out += fmt::format("\n{} {} {}{}\n", e.images.size(), e.images.size() == 1 ? "image" : "images", proof(e.searched, at),
                     e.rejudged == 0 ? "" : fmt::format("; {} judged anew from their facts", e.rejudged));
  if (show_unjudged)
    for (const auto& [digest, why] : e.unjudged) out += "not judged whole: " + digest + ": " + escape(why) + "\n";
  return out;
}

Json exposure_json(const Exposure& e, int64_t at) {
  Json images = Json::array(), rebuild = Json::array();
  for (const Exposed& x : e.images) {
    Json because = Json::array();
    for (const std::string& b : x.finding.reachability.because) because.push_back(escape(b));
    images.push_back({{"image", {{"reference", escape(name_of(x.tags, x.digest))}, {"digest", x.digest}, {"platform", safe(x.platform)}}},
                      {"tags", tags_json(x.tags)},
                      {"finding", x.finding.id},
                      {"severity", to_text(x.finding.severity)},
                      {"confidence", to_text(x.finding.confidence)},
                      {"reachability", {{"state", to_text(x.finding.reachability.state)}, {"because", because}}},
                      {"where",
                       {{"path", safe(x.finding.where.path)},
                        {"layer", safe(x.finding.where.layer)},
                        {"layer_index", x.finding.where.layer_index ? Json(*x.finding.where.layer_index) : Json(nullptr)},
                        {"visible", x.finding.where.visible}}}});
  }
  for (const RebuildFirst& r : e.rebuild)
    rebuild.push_back(
        {{"reference", escape(r.name)}, {"digest", r.digest}, {"layer", safe(r.layer)}, {"created_by", safe(r.created_by)}, {"also_fixes", r.also_fixes}});
  return {{"schema", "careen/exposure/v1"},
          {"threat", escape(e.threat)},
          {"title", escape(e.title)},
          {"rebuild_first", rebuild},
          {"images", images},
          {"rejudged", e.rejudged},
          {"searched", searched_json(e.searched, at)},
          {"coverage", coverage_of(e.unjudged)}};
}

std::string exposure_csv(const Exposure& e) {
  std::string out = "reference,digest,platform,severity,confidence,reachability,path,layer,visible\n";
  for (const Exposed& x : e.images)
    out += join({csv(name_of(x.tags, x.digest)), csv(x.digest), csv(x.platform), std::string(to_text(x.finding.severity)),
                 std::string(to_text(x.finding.confidence)), std::string(to_text(x.finding.reachability.state)), csv(x.finding.where.path.value_or("")),
                 csv(x.finding.where.layer.value_or("")), x.finding.where.visible ? "true" : "false"},
                ",") +
           "\n";
  return out;
}

// Images by what they share: the layer that carries the threat, what to rebuild, the registry or the repository.
std::string group_of(const Exposed& x, const Exposure& e, const std::string& by) {
  std::string repository = x.tags.empty() ? "" : x.tags[0].repository;
  if (by == "layer") return x.finding.where.layer.value_or("(layer not known)");
  if (by == "base") return x.root && *x.root < e.rebuild.size() ? e.rebuild[*x.root].name : "(base not indexed)";
  if (by == "registry") return repository.substr(0, repository.find('/'));
  if (by == "namespace") return std::string(dir_name(repository));
  return repository;
}

std::string grouped_text(const Exposure& e, const std::string& by, int64_t at) {
  std::map<std::string, std::vector<const Exposed*>> groups;
  for (const Exposed& x : e.images) groups[group_of(x, e, by)].push_back(&x);
  std::string out;
  for (const auto& [name, images] : groups) {
    out += fmt::format("{}  {} {}\n", escape(name), images.size(), images.size() == 1 ? "image" : "images");
    for (const Exposed* x : images)
      out += fmt::format("    {}  {} {}, {}\n", escape(name_of(x->tags, x->digest)), to_text(x->finding.severity), to_text(x->finding.confidence),
                         to_text(x->finding.reachability.state));
  }
  return out + fmt::format("{} {} {}\n", e.images.size(), e.images.size() == 1 ? "image" : "images", proof(e.searched, at));
}

int run_exposure(const ExposureCommand& c) {
  auto inventory = open_store(c.store.store, Inventory::Mode::read);
  if (!inventory) return complain(inventory.error());
  ScanOptions scan;
  ResolveOptions unused;
  if (auto ok = scan_options(c.image, (*inventory)->layers(), scan, unused); !ok) return complain(ok.error());
  int64_t at = now();
  auto e = exposure_of(**inventory, c.threat, scan);
  if (!e) return complain(e.error());
  if (e->searched.images == 0) return complain({Errc::not_found, "the inventory has no images: run careen index"});
  std::string out = c.store.format == "json"      ? dump(exposure_json(*e, at))
                    : c.store.format == "csv"     ? exposure_csv(*e)
                    : c.store.format == "digests" ? lines(affected_references(*e))
                    : c.store.format == "kyverno" ? kyverno_policy(*e, c.enforce)
                    : c.store.format == "vap"     ? admission_policy(*e, c.enforce)
                    : !c.group_by.empty()         ? grouped_text(*e, c.group_by, at)
                                                  : exposure_text(*e, at, c.show_unjudged);
  int status = !e->images.empty() ? 1 : e->unjudged.empty() ? 0 : 3;
  return print(out) ? status : 4;
}

struct LineageCommand {
  StoreOptions store;
  std::string image;
};

std::string relative_text(const Relative& r) {
  return escape(name_of(r.tags, r.digest)) + "  " + r.digest + (r.platform.empty() ? "" : "  " + escape(r.platform)) +
         fmt::format("  {} {}", r.layers, r.layers == 1 ? "layer" : "layers");
}

std::string lineage_text(const Lineage& l) {
  std::string out;
  size_t depth = 0;
  for (size_t i = l.ancestors.size(); i-- > 0; ++depth) out += std::string(depth * 2, ' ') + relative_text(l.ancestors[i]) + "\n";
  if (l.claimed) {
    std::string base = l.claimed->name.empty() ? l.claimed->digest : l.claimed->name;
    out += "claims to be built on " + escape(base) + (l.claimed->indexed ? "" : " (base not indexed)") + "\n";
  } else if (l.ancestors.empty()) {
    out += "base not indexed\n";
  }
  out += std::string(depth * 2, ' ') + "* " + relative_text(l.self) + "\n";
  std::function<void(Inventory::Id, size_t)> below = [&](Inventory::Id base, size_t at) {
    if (at > 64) return;
    for (const Relative& d : l.descendants)
      if (d.base == base) out += std::string(at * 2, ' ') + relative_text(d) + "\n", below(d.id, at + 1);
  };
  below(0, depth + 1);
  return out;
}

Json relative_json(const Relative& r) {
  return {{"reference", escape(name_of(r.tags, r.digest))}, {"digest", r.digest}, {"platform", safe(r.platform)}, {"layers", r.layers}};
}

Json lineage_json(const std::vector<Lineage>& all) {
  Json images = Json::array();
  for (const Lineage& l : all) {
    Json up = Json::array(), down = Json::array();
    for (const Relative& r : l.ancestors) up.push_back(relative_json(r));
    for (const Relative& r : l.descendants) {
      Json j = relative_json(r);
      auto base = std::find_if(l.descendants.begin(), l.descendants.end(), [&](const Relative& d) { return d.id == r.base; });
      j["base"] = base == l.descendants.end() ? l.self.digest : base->digest;
      down.push_back(std::move(j));
    }
    Json claimed = l.claimed ? Json{{"name", safe(l.claimed->name)}, {"digest", safe(l.claimed->digest)}, {"indexed", l.claimed->indexed}} : Json(nullptr);
    images.push_back({{"image", relative_json(l.self)}, {"bases", up}, {"derived", down}, {"claimed_base", claimed}});
  }
  return {{"schema", "careen/lineage/v1"}, {"images", images}};
}

// Edges from a base to what is built on it, for Graphviz and Mermaid. Names are escaped and quoted.
std::string lineage_graph(const std::vector<Lineage>& all, bool mermaid) {
  std::string out = mermaid ? "graph TD\n" : "digraph lineage {\n  rankdir=LR;\n";
  auto quoted = [](const Relative& r) {
    std::string s = escape(name_of(r.tags, r.digest));
    std::replace(s.begin(), s.end(), '"', '\'');
    std::replace(s.begin(), s.end(), '\\', '/');
    return "\"" + s + "\"";
  };
  auto node = [](const Relative& r) { return "i" + std::to_string(r.id); };
  auto edge = [&](const Relative& a, const Relative& b) {
    out += mermaid ? "  " + node(a) + "[" + quoted(a) + "] --> " + node(b) + "[" + quoted(b) + "]\n"
                   : "  " + node(a) + " [label=" + quoted(a) + "];\n  " + node(b) + " [label=" + quoted(b) + "];\n  " + node(a) + " -> " + node(b) + ";\n";
  };
  for (const Lineage& l : all) {
    const Relative* below = &l.self;
    for (const Relative& r : l.ancestors) edge(r, *below), below = &r;
    for (const Relative& d : l.descendants) {
      auto base = std::find_if(l.descendants.begin(), l.descendants.end(), [&](const Relative& o) { return o.id == d.base; });
      edge(base == l.descendants.end() ? l.self : *base, d);
    }
  }
  return out + (mermaid ? "" : "}\n");
}

int run_lineage(const LineageCommand& c) {
  auto inventory = open_store(c.store.store, Inventory::Mode::read);
  if (!inventory) return complain(inventory.error());
  auto all = lineage_of(**inventory, c.image);
  if (!all) return complain(all.error());
  std::string out;
  if (c.store.format == "json") out = dump(lineage_json(*all));
  if (c.store.format == "dot" || c.store.format == "mermaid") out = lineage_graph(*all, c.store.format == "mermaid");
  if (c.store.format == "table")
    for (const Lineage& l : *all) out += (out.empty() ? "" : "\n") + lineage_text(l);
  return print(out) ? 0 : 4;
}

struct DiffCommand {
  StoreOptions store;
  std::string a, b;
  bool files = false;
};

std::string_view to_text(DiffKind k) {
  switch (k) {
    case DiffKind::risk:
      return "risk";
    case DiffKind::package:
      return "package";
    case DiffKind::file:
      return "file";
    case DiffKind::configuration:
      return "configuration";
  }
  return "file";
}

std::string diff_text(const ImageDiff& d, bool files) {
  std::string out = d.a + " → " + d.b + "\n";
  size_t hidden = 0;
  for (const DiffRow& r : d.rows) {
    if (r.kind == DiffKind::file && !files) {
      ++hidden;
      continue;
    }
    std::string change = r.from.empty() && r.to.empty() ? ""
                         : r.from.empty()               ? "+ " + escape(r.to)
                         : r.to.empty()                 ? "- " + escape(r.from)
                                                        : escape(r.from) + " → " + escape(r.to);
    out += fmt::format("{:<14} {}{}{}\n", to_text(r.kind), escape(r.what), r.says.empty() ? "" : ": " + r.says, change.empty() ? "" : "  " + change);
  }
  if (hidden != 0) out += fmt::format("{} {} changed (--files lists them)\n", hidden, hidden == 1 ? "file" : "files");
  if (d.rows.empty()) out += "no difference\n";
  for (const std::string& g : d.gaps) out += "not compared: " + escape(g) + "\n";
  return out;
}

Json diff_json(const ImageDiff& d) {
  Json rows = Json::array(), gaps = Json::array();
  for (const DiffRow& r : d.rows)
    rows.push_back({{"kind", to_text(r.kind)}, {"what", escape(r.what)}, {"from", safe(r.from)}, {"to", safe(r.to)}, {"says", safe(r.says)}});
  for (const std::string& g : d.gaps) gaps.push_back(escape(g));
  return {{"schema", "careen/diff/v1"}, {"from", d.a}, {"to", d.b}, {"changes", rows}, {"coverage", gaps}};
}

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
  return print(c.store.format == "json" ? dump(diff_json(*d)) : diff_text(*d, c.files)) ? 0 : 4;
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
  if (wrong->empty()) print("whole: " + escape((*inventory)->path()) + "\n");
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

// The backup is looked at before it takes the inventory's place, and never takes the place of one that is there.
int run_restore(const KeepCommand& c) {
  std::string path = c.store.store.empty() ? default_store() : c.store.store;
  if (path.empty()) return complain({Errc::usage, "no place for the inventory: give --store FILE or set CAREEN_STORE"});
  if (::access(path.c_str(), F_OK) == 0) return complain({Errc::usage, escape(path) + " is there already: move it away, or give another --store"});
  auto from = Inventory::open(c.file, Inventory::Mode::read);
  if (!from) return complain(from.error());
  auto wrong = (*from)->check();
  if (!wrong) return complain(wrong.error());
  if (!wrong->empty()) return complain({Errc::corrupt, escape(c.file) + " is damaged: " + escape((*wrong)[0])});
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
  if (!inventory) {
    out += "inventory  none: run careen index\n";
  } else {
    InventoryCounts c = (*inventory)->counts();
    struct stat st {};
    uint64_t size = ::stat((*inventory)->path().c_str(), &st) == 0 ? static_cast<uint64_t>(st.st_size) : 0;
    out += fmt::format("inventory  {}  {}\n           {} images, {} layers, {} repositories, {} tags\n", escape((*inventory)->path()), human_size(size),
                       c.images, c.layers, c.repositories, c.tags);
    for (const Crawl& crawl : (*inventory)->crawls())
      out += fmt::format("           {}  {} ago, {} images, {} failed\n", escape(crawl.source), age_text(now() - crawl.at), crawl.indexed, crawl.failed);
    if (c.unjudged != 0)
      attention = true, out += fmt::format("attention  {} images are not judged whole: careen hunt … --show-unjudged says why\n", c.unjudged);
    for (const IndexFailure& f : (*inventory)->failures()) {
      attention = true;
      out += "attention  not indexed: " + escape(f.reference) + ": " + escape(f.why) + "\n";
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
  app.add_flag("--dry-run", c->dry_run, "List the references that would be indexed");
  app.add_flag("--refresh", c->refresh, "Judge anew what is known, and read again layers whose facts an older careen collected");
  app.footer(
      "Each layer is read once, whatever the number of images that have it.\n\nExamples:\n"
      "  careen index registry.example.com/\n  careen index registry.example.com/team/app:v1.*\n  careen index /srv/images\n  careen index @images.txt\n\n"
      "Exit status: 0 every reference was indexed, 3 some were not, 4 the inventory cannot be used.");
  return [c] { return run_index(*c); };
}

Command add_hunt(CLI::App& app) {
  auto c = std::make_shared<HuntCommand>();
  app.add_option(
         "WHAT", c->questions,
         "package:NAME[>=V,<V] pkg:TYPE/NAME[@V] sha256:HEX path:GLOB soname:N needed:N symbol:N build-id:HEX structure:RULE env:NAME[=V] label:NAME[=V] "
         "entrypoint:TEXT layer:sha256:HEX manifest:sha256:HEX threat:ID, or @FILE with one a line")
      ->required();
  add_store_options(app, c->store, {"table", "json", "csv", "ndjson"});
  app.add_flag("--show-unjudged", c->show_unjudged, "List images that could not be judged whole, and why");
  app.add_flag("--vanished", c->vanished, "Only images whose every tag has vanished");
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
