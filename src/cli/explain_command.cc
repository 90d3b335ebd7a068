#include <unistd.h>

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "cli/common.h"
#include "formats/json_members.h"

namespace careen {
namespace {

constexpr uint64_t kMaxReport = 256ULL << 20;

TableOptions look() {
  TableOptions o;
  o.color = wants_color(STDOUT_FILENO);
  o.width = terminal_width(STDOUT_FILENO);
  return o;
}

struct ExplainCommand {
  std::string what, report;
  std::vector<std::string> threats;
  bool replace = false;
};

// A finding by its id, or by the vulnerability that it is about, under any of its names.
bool is_meant(const nlohmann::json& f, const std::string& what) {
  if (!f.is_object()) return false;
  if (json_text_at(f, "id") == what || json_text_at(f, "threat") == what) return true;
  const auto& aliases = json_at(json_at(f, "vulnerability"), "aliases");
  return aliases.is_array() &&
         std::any_of(aliases.begin(), aliases.end(), [&](const auto& a) { return a.is_string() && a.template get<std::string>() == what; });
}

Result<std::string> explain(const ExplainCommand& c) {
  CAREEN_ASSIGN(ThreatSet set, load_threats({c.threats, c.replace, {}, imported_threats("")}));
  if (const Threat* t = set.find(c.what)) return explain_threat(*t, look());
  std::string path = c.report.empty() ? state_directory() + "/last-report.json" : c.report;
  auto text = read_file(path, kMaxReport);
  if (!text) {
    if (c.report.empty())
      return Error{Errc::usage, "'" + escape(c.what) +
                                    "' is no threat that careen knows, and there is no last report to look for a finding in: "
                                    "scan an image first, or give --report FILE"};
    return std::move(text).error();
  }
  CAREEN_ASSIGN(auto j, parse_json(*text, "the report"));
  auto reports = j.is_object() && j.contains("reports") ? j["reports"] : nlohmann::json::array({j});
  std::string out;
  if (reports.is_array())
    for (const auto& r : reports)
      if (r.is_object() && r.contains("findings") && r["findings"].is_array())
        for (const auto& f : r["findings"])
          if (is_meant(f, c.what)) out += (out.empty() ? "" : "\n") + explain_finding(r, f, look());
  if (!out.empty()) return (c.report.empty() ? "From the last report (" + escape(path) + ")\n\n" : std::string{}) + out;
  return Error{Errc::usage, "no finding '" + escape(c.what) + "' in " + escape(path) + ", and no threat of that name"};
}

struct ThreatCommand {
  std::string id, file, store;
  std::vector<std::string> threats;
  bool replace = false;
};

std::string list(const ThreatSet& set) {
  std::string out;
  for (const Threat& t : set.threats) out += t.id + "  " + std::string(to_text(t.severity)) + "  " + t.updated + "  " + t.title + "\n";
  return out;
}

template <class F>
int told(F f) {
  Result<std::string> r = f();
  if (!r) return complain(r.error());
  return print(*r) ? 0 : 4;
}

int check(const ThreatCommand& c) {
  auto text = read_file(c.file, 8 << 20);
  if (!text) return complain(text.error());
  auto t = parse_threat(*text, c.file);
  if (!t) {
    complain(t.error());
    return 2;
  }
  auto patterns = PatternSet::compile(t->patterns);
  if (!patterns) return complain({Errc::usage, escape(c.file) + ": " + patterns.error().what});
  return print(escape(c.file) + ": " + t->id + " is well formed: " + std::to_string(t->manifests.size()) + " manifests, " + std::to_string(t->layers.size()) +
               " layers, " + std::to_string(t->files.size()) + " files, " + std::to_string(t->versions.size()) + " version ranges, " +
               std::to_string(t->patterns.size()) + " patterns\n")
             ? 0
             : 4;
}

}  // namespace

Command add_explain(CLI::App& app) {
  auto c = std::make_shared<ExplainCommand>();
  app.add_option("WHAT", c->what, "A finding's id, a threat's, or a vulnerability's")->required();
  app.add_option("--report", c->report, "The JSON report that holds the finding (default: the last scan's)");
  app.add_option("--threats", c->threats, "More threat records");
  app.add_flag("--replace", c->replace, "A record of --threats may take the place of a built-in one");
  app.footer("Examples:\n  careen explain CVE-2024-3094\n  careen explain 3f2a9c41d07be655 --report app.json\n");
  return [c] { return told([&] { return explain(*c); }); };
}

Command add_threat(CLI::App& app) {
  auto c = std::make_shared<ThreatCommand>();
  app.require_subcommand(1);
  auto* fresh = app.add_subcommand("new", "Write a commented skeleton of a record to standard output");
  fresh->add_option("ID", c->id, "The threat's id, as CVE-2026-1234")->required();
  auto* checked = app.add_subcommand("check", "Check a record; mistakes are told with file and line");
  checked->add_option("FILE", c->file, "The record")->required();
  auto* added = app.add_subcommand("add", "Keep records in the inventory, and tell at once which images they concern");
  Command run_add = add_threat_add(*added);
  auto* removed = app.add_subcommand("remove", "Take a kept record out of the inventory");
  Command run_remove = add_threat_remove(*removed);
  auto* listed = app.add_subcommand("list", "List the threats that careen knows");
  auto* shown = app.add_subcommand("show", "Tell about one threat");
  shown->add_option("ID", c->id, "Its id or an alias")->required();
  for (auto* s : {listed, shown}) {
    s->add_option("--threats", c->threats, "More threat records");
    s->add_flag("--replace", c->replace, "A record of --threats may take the place of a built-in one");
    s->add_option("--store", c->store, "Also those that this inventory keeps");
  }
  app.footer("Example:\n  careen threat new CVE-2026-1234 > mine.yaml && careen threat check mine.yaml\n  careen threat add mine.yaml\n");
  return [=] {
    if (fresh->parsed()) {
      auto skeleton = threat_skeleton(c->id);
      return told([&]() -> Result<std::string> {
        auto ok = parse_threat(skeleton, "ID");
        if (!ok) return Error{Errc::usage, "'" + escape(c->id) + "' is no id: letters, digits, - _ and ."};
        return skeleton;
      });
    }
    if (checked->parsed()) return check(*c);
    if (added->parsed()) return run_add();
    if (removed->parsed()) return run_remove();
    auto kept = c->store.empty() ? Result<std::vector<KeptRecord>>(std::vector<KeptRecord>{}) : kept_in_store(c->store);
    if (!kept) return complain(kept.error());
    auto set = load_threats({c->threats, c->replace, *kept, imported_threats("")});
    if (!set) return complain(set.error());
    if (listed->parsed()) return told([&]() -> Result<std::string> { return list(*set); });
    return told([&]() -> Result<std::string> {
      const Threat* t = set->find(c->id);
      if (t == nullptr) return Error{Errc::usage, "no threat '" + escape(c->id) + "'; careen threat list names them"};
      return explain_threat(*t, look());
    });
  };
}

Command add_cache(CLI::App& app) {
  auto dir = std::make_shared<std::string>();
  auto limit = std::make_shared<std::string>("4G");
  app.require_subcommand(1);
  auto* status = app.add_subcommand("status", "Where the cache is and what it holds");
  auto* prune = app.add_subcommand("prune", "Drop the layers that were used longest ago");
  prune->add_option("--keep", *limit, "What may stay, as 500M; 0 drops all (default 4G)");
  for (auto* s : {status, prune}) s->add_option("--cache-dir", *dir, "The cache (default: $XDG_CACHE_HOME/careen)");
  app.footer("Example:\n  careen cache prune --keep 500M\n");
  return [=] {
    auto keep = to_size(*limit);
    if (!keep) return complain({Errc::usage, "--keep: '" + escape(*limit) + "' is not a size; write 500M or 0"});
    auto cache = LayerCache::open(dir->empty() ? default_cache_directory() : *dir);
    if (!cache->status().usable) return complain({Errc::io, "the cache cannot be used; scans go on without it"});
    std::string out;
    if (prune->parsed()) {
      uint64_t n = cache->prune(*keep);
      out = std::to_string(n) + (n == 1 ? " layer" : " layers") + " dropped\n";
    }
    auto s = cache->status();
    out += escape(s.path) + ": " + std::to_string(s.layers) + (s.layers == 1 ? " layer, " : " layers, ") + human_size(s.bytes) + "\n";
    return print(out) ? 0 : 4;
  };
}

}  // namespace careen
