#include <fmt/format.h>

#include <map>

#include "base/text.h"
#include "report/fleet_report.h"
#include "report/fleet_text.h"

namespace careen {
namespace {

// Images by what they share: the layer that carries the threat, what to rebuild, the registry or the repository.
std::string group_of(const Exposed& x, const Exposure& e, const std::string& by) {
  std::string repository = x.tags.empty() ? "" : x.tags[0].repository;
  if (by == "layer") return x.finding.where.layer.value_or("(layer not known)");
  if (by == "base") return x.root && *x.root < e.rebuild.size() ? e.rebuild[*x.root].name : "(base not indexed)";
  if (by == "registry") return repository.substr(0, repository.find('/'));
  if (by == "namespace") return std::string(dir_name(repository));
  return repository;
}

}  // namespace

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

std::string exposure_json(const Exposure& e, int64_t at) {
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
  return dump({{"schema", "careen/exposure/v1"},
               {"threat", escape(e.threat)},
               {"title", escape(e.title)},
               {"rebuild_first", rebuild},
               {"images", images},
               {"rejudged", e.rejudged},
               {"searched", searched_json(e.searched, at)},
               {"coverage", coverage_of(e.unjudged)}});
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

std::string exposure_groups_text(const Exposure& e, const std::string& by, int64_t at) {
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

}  // namespace careen
