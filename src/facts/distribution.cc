// The distribution and release of an image, from os-release and what surrounds it.
//
// Debian testing and unstable have no VERSION_ID: a scanner that needs one sees no release at all, or takes the wrong one. The
// codename, etc/debian_version ("trixie/sid") and apt's sources are asked then, and what stays open is said, not guessed.
#include <set>

#include "base/text.h"
#include "facts/image_facts.h"
#include "facts/interest.h"
#include "formats/json_members.h"
#include "formats/os_release.h"

namespace careen {

Distribution find_distribution(const ImageFacts& image);

namespace {

// The suite that apt's sources name first: "sid", "testing", "trixie". "" when there is none.
std::string apt_suite(const ImageFacts& image) {
  std::string suite;
  auto look = [&](std::string_view text) {
    each_line(text, [&](std::string_view line) {
      auto w = words(line);
      if (!suite.empty() || w.empty() || w[0].starts_with('#')) return suite.empty();
      if (w[0] == "Suites:" && w.size() > 1) suite = w[1];
      if (w[0] == "deb") {
        size_t i = 1;
        if (i < w.size() && w[i].starts_with('['))
          while (i < w.size() && !w[i++].ends_with(']')) {
          }
        if (i + 1 < w.size()) suite = w[i + 1];
      }
      return suite.empty();
    });
  };
  look(image.text("etc/apt/sources.list"));
  NodeId dir = image.tree.find("etc/apt/sources.list.d");
  if (suite.empty() && dir != kNoNode)
    for (NodeId id : image.tree.sorted_children(dir))
      if (auto it = image.text_at.find(id); it != image.text_at.end() && suite.empty()) look(it->second->text);
  return suite.substr(0, suite.find_first_of("-/"));
}

// The content sets that the build of an image of Red Hat names, of all its layers together.
std::vector<std::string> content_sets(const ImageFacts& image) {
  constexpr int kMaxDepth = 20;
  constexpr size_t kMaxSets = 1000, kMaxName = 200;
  std::set<std::string> out;
  auto look = [&](std::string_view text) {
    const nlohmann::json j = parse_json_within(text, kMaxDepth);
    if (const nlohmann::json& sets = json_at(j, "content_sets"); sets.is_array())
      for (const nlohmann::json& s : sets)
        if (s.is_string() && out.size() < kMaxSets)
          if (auto name = s.get<std::string>(); !name.empty() && name.size() <= kMaxName && is_plain(name)) out.insert(std::move(name));
  };
  look(image.text(kContentSets));
  if (NodeId dir = image.tree.find(kContentManifests); dir != kNoNode)
    for (NodeId id : image.tree.sorted_children(dir))
      if (auto it = image.text_at.find(id); it != image.text_at.end()) look(it->second->text);
  return {out.begin(), out.end()};
}

}  // namespace

Distribution find_distribution(const ImageFacts& image) {
  Distribution d;
  std::string_view text = image.text("etc/os-release");
  if (text.empty()) text = image.text("usr/lib/os-release");
  auto os = parse_os_release(text);
  d.id = lower(os["ID"]);
  d.release = os["VERSION_ID"];
  d.pretty = os["PRETTY_NAME"];
  for (std::string_view w : words(os["ID_LIKE"])) d.like.emplace_back(w);
  std::string debian(trim(image.text("etc/debian_version")));
  if (d.id.empty() && !debian.empty()) d.id = "debian";
  if (d.id.empty() && !image.text("etc/alpine-release").empty()) {
    d.id = "alpine";
    d.release = trim(image.text("etc/alpine-release"));
  }
  if (d.release.empty() && d.id == "debian") {
    std::string suite = apt_suite(image);
    if (suite == "sid" || suite == "unstable")
      d.release = "sid";
    else if (suite == "testing")
      d.release = "testing";
    else if (!os["VERSION_CODENAME"].empty())
      d.release = os["VERSION_CODENAME"];
    else if (!suite.empty())
      d.release = suite;
    else
      d.release = debian;
  }
  d.codename = os["VERSION_CODENAME"];
  if (d.codename.empty() && d.id == "debian" && debian.find('/') != std::string::npos) d.codename = debian.substr(0, debian.find('/'));
  if (d.release.empty()) d.release = !os["VERSION_CODENAME"].empty() ? os["VERSION_CODENAME"] : os["BUILD_ID"];
  d.repositories = content_sets(image);
  return d;
}

}  // namespace careen
