#include <fmt/format.h>

#include <map>

#include "base/text.h"
#include "report/fleet_report.h"
#include "report/fleet_text.h"

namespace careen {
namespace {

// Images by what they share: the layer that carries the threat, what to rebuild, the registry or the repository, a label's value.
std::string group_of(const Exposed& x, const Exposure& e, const std::string& by) {
  std::string repository = x.tags.empty() ? "" : x.tags[0].repository;
  if (by == "layer") return x.finding.where.layer.value_or("(layer not known)");
  if (by == "base") return x.root && *x.root < e.rebuild.size() ? e.rebuild[*x.root].name : "(base not indexed)";
  if (by == "registry") return repository.substr(0, repository.find('/'));
  if (by == "namespace") return std::string(dir_name(repository));
  if (by.starts_with("label:")) {
    auto it = x.labels.find(by.substr(6));
    return it == x.labels.end() ? "(without the label)" : it->second;
  }
  return repository;
}

constexpr size_t kShownUses = 3, kShownHistory = 10;

std::string image_text(const Exposed& x) {
  std::string out = "  " + escape(name_of(x.tags, x.digest)) + "  " + x.digest + "\n";
  out += fmt::format("      {} {}, {}{}{}\n", to_text(x.finding.severity), to_text(x.finding.confidence), to_text(x.finding.reachability.state),
                     x.finding.where.path ? ", " + escape(*x.finding.where.path) : "", x.finding.where.visible ? "" : " (hidden)");
  for (size_t i = 0; i < x.as_run.size() && i < kShownUses; ++i)
    out += fmt::format("      running: {}, {} as it is started\n", use_text(x.uses[i]), to_text(x.as_run[i].state));
  if (x.as_run.size() > kShownUses) out += fmt::format("      and {} more that run it\n", x.as_run.size() - kShownUses);
  if (std::string pulls = pulls_text(x.tags); !pulls.empty()) out += "      " + pulls + "\n";
  return out;
}

std::string history_text(const std::vector<ExposurePoint>& all) {
  if (all.size() < 2) return "";
  std::string out = "\nhistory\n";
  for (size_t i = all.size() > kShownHistory ? all.size() - kShownHistory : 0; i < all.size(); ++i)
    out += fmt::format("  {}  {} {} under {} {}\n", time_text(all[i].at).substr(0, 10), all[i].images, all[i].images == 1 ? "image" : "images", all[i].tags,
                       all[i].tags == 1 ? "tag" : "tags");
  return out;
}

Json image_json(const Exposed& x) {
  Json labels = Json::object();
  for (const auto& [key, value] : x.labels) labels[escape(key)] = escape(value);
  return {{"image", {{"reference", escape(name_of(x.tags, x.digest))}, {"digest", x.digest}, {"platform", safe(x.platform)}}},
          {"tags", tags_json(x.tags)},
          {"labels", labels},
          {"finding", x.finding.id},
          {"severity", to_text(x.finding.severity)},
          {"confidence", to_text(x.finding.confidence)},
          {"reachability", reachability_json(x.finding.reachability)},
          {"running", uses_json(x.uses, true, &x.as_run)},
          {"used_in", uses_json(x.uses, false)},
          {"where",
           {{"path", safe(x.finding.where.path)},
            {"layer", safe(x.finding.where.layer)},
            {"layer_index", x.finding.where.layer_index ? Json(*x.finding.where.layer_index) : Json(nullptr)},
            {"visible", x.finding.where.visible}}}};
}

}  // namespace

std::string exposure_text(const Exposure& e, const Shown& shown, int64_t at, bool show_unjudged) {
  std::string out = fmt::format("{}: {} of {} images affected\n", escape(e.threat), shown.total, e.searched.images);
  if (!e.rebuild.empty()) out += "\nrebuild first\n";
  for (const RebuildFirst& r : e.rebuild) {
    out += "  " + escape(r.name) + "  " + r.digest + "\n";
    out += fmt::format("      {}carried by layer {}{}\n",
                       r.also_fixes == 0 ? "" : fmt::format("{} affected {} built on it; ", r.also_fixes, r.also_fixes == 1 ? "image is" : "images are"),
                       r.layer.empty() ? "not known" : r.layer, r.created_by.empty() ? "" : ": " + escape(r.created_by.substr(0, 100)));
  }
  if (!e.images.empty()) out += "\naffected\n";
  for (const Exposed& x : e.images) out += image_text(x);
  out += more_text(shown, e.images.size());
  out += history_text(e.history);
  out += "\n" + to_read_text(e.to_read);
  out += fmt::format("{} {} {}{}\n", shown.total, shown.total == 1 ? "image" : "images", proof(e.searched, at),
                     e.rejudged == 0 ? "" : fmt::format("; {} judged anew from their facts", e.rejudged));
  if (show_unjudged)
    for (const auto& [digest, why] : e.unjudged) out += "not judged whole: " + digest + ": " + escape(why) + "\n";
  return out;
}

std::string exposure_json(const Exposure& e, size_t total, int64_t at) {
  Json images = Json::array(), rebuild = Json::array(), history = Json::array();
  for (const Exposed& x : e.images) images.push_back(image_json(x));
  for (const ExposurePoint& p : e.history) history.push_back({{"at", time_text(p.at)}, {"images", p.images}, {"tags", p.tags}});
  for (const RebuildFirst& r : e.rebuild)
    rebuild.push_back(
        {{"reference", escape(r.name)}, {"digest", r.digest}, {"layer", safe(r.layer)}, {"created_by", safe(r.created_by)}, {"also_fixes", r.also_fixes}});
  return dump({{"schema", "careen/exposure/v1"},
               {"threat", escape(e.threat)},
               {"title", escape(e.title)},
               {"rebuild_first", rebuild},
               {"images", images},
               {"total", total},
               {"history", history},
               {"rejudged", e.rejudged},
               {"to_read", to_read_json(e.to_read)},
               {"searched", searched_json(e.searched, at)},
               {"coverage", coverage_of(e.unjudged)}});
}

std::string exposure_ndjson(const Exposure& e) {
  std::string out;
  for (const Exposed& x : e.images) out += json_line(image_json(x));
  return out;
}

std::string exposure_csv(const Exposure& e) {
  std::string out = "reference,digest,platform,severity,confidence,reachability,path,layer,visible,running\n";
  for (const Exposed& x : e.images)
    out += join({csv(name_of(x.tags, x.digest)), csv(x.digest), csv(x.platform), std::string(to_text(x.finding.severity)),
                 std::string(to_text(x.finding.confidence)), std::string(to_text(x.finding.reachability.state)), csv(x.finding.where.path.value_or("")),
                 csv(x.finding.where.layer.value_or("")), x.finding.where.visible ? "true" : "false", is_running(x) ? "true" : "false"},
                ",") +
           "\n";
  return out;
}

std::string exposure_groups_text(const Exposure& e, const std::string& by, const Shown& shown, int64_t at) {
  std::map<std::string, std::vector<const Exposed*>> groups;
  for (const Exposed& x : e.images) groups[group_of(x, e, by)].push_back(&x);
  std::string out;
  for (const auto& [name, images] : groups) {
    out += fmt::format("{}  {} {}\n", escape(name), images.size(), images.size() == 1 ? "image" : "images");
    for (const Exposed* x : images)
      out += fmt::format("    {}  {} {}, {}\n", escape(name_of(x->tags, x->digest)), to_text(x->finding.severity), to_text(x->finding.confidence),
                         to_text(x->finding.reachability.state));
  }
  out += more_text(shown, e.images.size()) + to_read_text(e.to_read);
  return out + fmt::format("{} {} {}\n", shown.total, shown.total == 1 ? "image" : "images", proof(e.searched, at));
}

}  // namespace careen
