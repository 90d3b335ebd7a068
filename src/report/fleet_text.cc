#include "report/fleet_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <map>
#include <optional>

#include "base/text.h"
#include "report/fleet_report.h"

namespace careen {

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

std::string dump(const Json& j) {
  return j.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

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
                   {"vanished", t.vanished ? Json(time_text(*t.vanished)) : Json(nullptr)},
                   {"pushed", t.pushed ? Json(time_text(*t.pushed)) : Json(nullptr)},
                   {"last_pulled", t.pulled ? Json(time_text(*t.pulled)) : Json(nullptr)},
                   {"pulls", t.pulls ? Json(*t.pulls) : Json(nullptr)}});
  return out;
}

std::string pulls_text(const std::vector<Tag>& tags) {
  std::optional<int64_t> last;
  std::map<std::string, uint64_t> of_repositories;
  for (const Tag& t : tags) {
    if (t.pulled && (!last || *last < *t.pulled)) last = t.pulled;
    if (t.pulls) of_repositories[t.repository] = *t.pulls;
  }
  uint64_t pulls = 0;
  for (const auto& [unused, n] : of_repositories) pulls += n;
  std::string out = last ? "last pulled " + time_text(*last) : "";
  if (!of_repositories.empty())
    out += (out.empty() ? "" : "; ") + std::to_string(pulls) + (of_repositories.size() == 1 ? " pulls of its repository" : " pulls of its repositories");
  return out;
}

std::string json_line(const Json& j) {
  return j.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

Json reachability_json(const Reachability& r) {
  Json because = Json::array();
  for (const std::string& b : r.because) because.push_back(escape(b));
  return {{"state", to_text(r.state)}, {"because", because}};
}

std::string to_read_text(const ToRead& t) {
  std::string out;
  if (t.layers != 0)
    out += fmt::format("not searched yet: {} {}, {} to read: add --read\n", t.layers, t.layers == 1 ? "layer" : "layers",
                       t.bytes == 0 ? "of a size not known," : human_size(t.bytes));
  for (const auto& [what, why] : t.lost) out += "could not be read: " + escape(what) + ": " + escape(why) + "\n";
  return out;
}

Json to_read_json(const ToRead& t) {
  if (t.layers == 0 && t.lost.empty()) return nullptr;
  Json lost = Json::array();
  for (const auto& [what, why] : t.lost) lost.push_back({{"what", escape(what)}, {"why", escape(why)}});
  return {{"layers", t.layers}, {"bytes", t.bytes}, {"lost", lost}};
}

std::string more_text(const Shown& s, size_t shown) {
  size_t end = s.offset + shown;
  return s.total > end ? fmt::format("and {} more (--offset {})\n", s.total - end, end) : "";
}

Json uses_json(const std::vector<StoredUse>& uses, bool running, const std::vector<Reachability>* as_run) {
  Json out = Json::array();
  size_t at = 0;
  for (const StoredUse& u : uses) {
    if (u.use.running != running) continue;
    Json command = Json::array();
    for (const auto* list : {&u.use.command, &u.use.arguments})
      for (const std::string& c : *list) command.push_back(escape(c));
    out.push_back({{"cluster", safe(u.cluster)},
                   {"namespace", safe(u.use.space)},
                   {"workload", safe(u.use.workload)},
                   {"container", safe(u.use.container)},
                   {"command", command},
                   {"file", safe(u.use.file)},
                   {"line", u.use.line == 0 ? Json(nullptr) : Json(u.use.line)},
                   {"as_of", time_text(u.at)}});
    if (as_run != nullptr) out.back()["reachability"] = at < as_run->size() ? reachability_json((*as_run)[at]) : Json(nullptr);
    ++at;
  }
  return out;
}

std::string use_text(const StoredUse& u) {
  if (u.use.line != 0) return escape(u.use.file) + ":" + std::to_string(u.use.line) + (u.use.workload.empty() ? "" : " (" + escape(u.use.workload) + ")");
  std::string out = u.cluster.empty() ? "" : escape(u.cluster) + " ";
  if (!u.use.space.empty()) out += escape(u.use.space) + "/";
  out += escape(u.use.workload);
  return u.use.container.empty() ? out : out + " (" + escape(u.use.container) + ")";
}

Json searched_json(const InventoryCounts& c, int64_t at) {
  return {{"images", c.images}, {"layers", c.layers}, {"as_of", time_text(at)}, {"oldest_crawl", safe(time_text(c.oldest))}, {"unjudged", c.unjudged}};
}

Json coverage_of(const std::vector<std::pair<std::string, std::string>>& unjudged) {
  Json out = Json::array();
  for (const auto& [digest, why] : unjudged) out.push_back({{"image", digest}, {"question", "content"}, {"state", "not_judged"}, {"why", escape(why)}});
  return out;
}

std::string proof(const InventoryCounts& c, int64_t at) {
  std::string s =
      fmt::format("in {} {} ({} {}) as of {}", c.images, c.images == 1 ? "image" : "images", c.layers, c.layers == 1 ? "layer" : "layers", time_text(at));
  if (c.oldest != 0) s += "; oldest crawl " + age_text(at - c.oldest) + " ago";
  if (c.unjudged != 0) s += fmt::format("; {} {} not judged whole (--show-unjudged)", c.unjudged, c.unjudged == 1 ? "image" : "images");
  return s;
}

}  // namespace careen
