#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "report/fleet_report.h"
#include "report/fleet_text.h"

namespace careen {
namespace {

Json match_json(const HuntMatch& m) {
  Json package = m.package ? Json{{"name", safe(m.package)}, {"version", safe(m.version)}} : Json(nullptr);
  Json labels = Json::object();
  for (const auto& [key, value] : m.labels) labels[escape(key)] = escape(value);
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
          {"running", uses_json(m.uses, true, &m.as_run)},
          {"used_in", uses_json(m.uses, false)},
          {"labels", std::move(labels)},
          {"reachability", safe(m.reachability)},
          {"confidence", safe(m.confidence)},
          {"severity", safe(m.severity)}};
}

constexpr size_t kShownUses = 3;

std::string image_text(const HuntMatch& m) {
  std::string out = escape(name_of(m.tags, m.image)) + "  " + m.image + (m.platform.empty() ? "" : "  " + escape(m.platform)) + "\n";
  auto tags = std::count_if(m.tags.begin(), m.tags.end(), [](const Tag& t) { return !t.vanished; });
  if (tags > 1) out += fmt::format("    {} tags\n", tags);
  if (std::string pulls = pulls_text(m.tags); !pulls.empty()) out += "    " + pulls + "\n";
  for (size_t i = 0; i < m.uses.size() && i < kShownUses; ++i) {
    out += std::string("    ") + (m.uses[i].use.running ? "running: " : "used: ") + use_text(m.uses[i]);
    out += (i < m.as_run.size() ? ", " + std::string(to_text(m.as_run[i].state)) + " as it is started" : "") + "\n";
  }
  if (m.uses.size() > kShownUses) out += fmt::format("    and {} more uses\n", m.uses.size() - kShownUses);
  for (const auto& [key, value] : m.labels) out += "    " + escape(key.substr(key.rfind('.') + 1)) + ": " + escape(value) + "\n";
  return out;
}

// `asked`: which of several questions it answers.
std::string where_text(const HuntMatch& m, bool asked) {
  std::string what = m.package ? escape(*m.package) + " " + escape(m.version.value_or("")) : m.path ? escape(*m.path) : escape(m.indicator);
  if (m.confidence) what += "  " + *m.severity + " " + *m.confidence + ", " + m.reachability.value_or("unknown");
  std::string out = "    " + what + (m.visible ? "" : "  (hidden)");
  if (m.layer_index) out += fmt::format("  layer {}{}", *m.layer_index, m.created_by.empty() ? "" : ": " + escape(m.created_by.substr(0, 100)));
  return out + (asked && (m.package || m.path) ? "  [" + escape(m.indicator) + "]" : "") + "\n";
}

}  // namespace

std::string hunt_text(const HuntAnswer& a, const Shown& shown, int64_t at, bool show_unjudged) {
  bool several = std::any_of(a.matches.begin(), a.matches.end(), [&](const HuntMatch& m) { return m.indicator != a.matches[0].indicator; });
  std::string out;
  for (size_t i = 0; i < a.matches.size(); ++i) {
    if (i == 0 || a.matches[i].image != a.matches[i - 1].image) out += image_text(a.matches[i]);
    out += where_text(a.matches[i], several);
  }
  out += more_text(shown, a.matches.size());
  out += to_read_text(a.to_read);
  out += fmt::format("{} {} {}\n", shown.total, shown.total == 1 ? "match" : "matches", proof(a.searched, at));
  if (show_unjudged)
    for (const auto& [digest, why] : a.unjudged) out += "not judged whole: " + digest + ": " + escape(why) + "\n";
  return out;
}

std::string hunt_json(const HuntAnswer& a, size_t total, int64_t at) {
  Json matches = Json::array();
  for (const HuntMatch& m : a.matches) matches.push_back(match_json(m));
  return dump({{"schema", "careen/hunt/v1"},
               {"matches", std::move(matches)},
               {"total", total},
               {"to_read", to_read_json(a.to_read)},
               {"searched", searched_json(a.searched, at)},
               {"coverage", coverage_of(a.unjudged)}});
}

std::string hunt_ndjson(const HuntAnswer& a) {
  std::string out;
  for (const HuntMatch& m : a.matches) out += json_line(match_json(m));
  return out;
}

std::string hunt_csv(const HuntAnswer& a) {
  std::string out = "indicator,reference,digest,platform,path,package,version,layer_index,layer,visible,first_seen,last_seen,running\n";
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
                               time_text(m.last_seen),
                               is_running(m) ? "true" : "false"};
    out += join(f, ",") + "\n";
  }
  return out;
}

}  // namespace careen
