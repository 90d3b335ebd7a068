#include <fmt/format.h>

#include <algorithm>
#include <functional>

#include "base/text.h"
#include "report/fleet_report.h"
#include "report/fleet_text.h"

namespace careen {
namespace {

std::string relative_text(const Relative& r) {
  return escape(name_of(r.tags, r.digest)) + "  " + r.digest + (r.platform.empty() ? "" : "  " + escape(r.platform)) +
         fmt::format("  {} {}", r.layers, r.layers == 1 ? "layer" : "layers");
}

std::string one_text(const Lineage& l) {
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

}  // namespace

std::string lineage_text(const std::vector<Lineage>& all) {
  std::string out;
  for (const Lineage& l : all) out += (out.empty() ? "" : "\n") + one_text(l);
  return out;
}

std::string lineage_json(const std::vector<Lineage>& all) {
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
  return dump({{"schema", "careen/lineage/v1"}, {"images", images}});
}

// Edges from a base to what is built on it. Names are escaped and quoted.
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

}  // namespace careen
