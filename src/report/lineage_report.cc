#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <map>

#include "base/text.h"
#include "report/fleet_report.h"
#include "report/fleet_text.h"

namespace careen {
namespace {

std::string relative_text(const Relative& r) {
  return escape(name_of(r.tags, r.digest)) + "  " + r.digest + (r.platform.empty() ? "" : "  " + escape(r.platform)) +
         fmt::format("  {} {}", r.layers, r.layers == 1 ? "layer" : "layers");
}

// base/os:gen2 named it when this image was built, and names sha256:… now, first seen on …
std::string base_tag_text(const BaseTag& t) {
  std::string out = escape(t.repository + ":" + t.tag);
  if (t.at_build) out += *t.at_build ? " named it when the image was built" : " did not name it when the image was built";
  if (t.current) return out + (t.at_build ? "; still current" : " is current");
  if (t.now.empty()) return out + (t.at_build ? "; the tag has vanished" : " named it, and has vanished");
  return out + (t.at_build ? "; not current: it names " : " named it; not current: it names ") + t.now + " since " + time_text(t.since);
}

std::string unindexed_text(const UnindexedBase& b) {
  std::string out = fmt::format("base not indexed: the first {} {}, chain {}", b.layers, b.layers == 1 ? "layer" : "layers", b.chain);
  if (b.images != 0) out += fmt::format(", with which {} other {} too", b.images, b.images == 1 ? "image begins" : "images begin");
  if (!b.record_says.empty()) out += "; known by a threat record, " + escape(b.record_says);
  return out + "\n";
}

std::string copied_text(const CopiedContent& c) {
  std::string out = fmt::format("copied content: layer {} has {} of the {} contents of layer {}", c.layer, c.shared, c.there, c.from);
  if (!c.images.empty()) out += " of " + escape(c.images[0].first);
  if (c.images_in_all > 1) out += fmt::format(" and {} more", c.images_in_all - 1);
  return out + "\n";
}

std::string one_text(const Lineage& l) {
  std::string out;
  size_t depth = 0;
  for (size_t i = l.ancestors.size(); i-- > 0; ++depth) {
    out += std::string(depth * 2, ' ') + relative_text(l.ancestors[i]) + "\n";
    for (const BaseTag& t : l.ancestors[i].named) out += std::string(depth * 2 + 4, ' ') + base_tag_text(t) + "\n";
  }
  if (l.claimed) {
    std::string base = l.claimed->name.empty() ? l.claimed->digest : l.claimed->name;
    out += "claims to be built on " + escape(base) + (l.claimed->indexed ? "" : " (base not indexed)") + "\n";
  }
  if (l.unindexed)
    out += unindexed_text(*l.unindexed);
  else if (!l.claimed && l.ancestors.empty())
    out += "base not indexed\n";
  out += std::string(depth * 2, ' ') + "* " + relative_text(l.self) + "\n";
  for (const Attestation& a : l.attestations)
    out += std::string(depth * 2 + 4, ' ') + "attested, not verified: " + (a.predicates.empty() ? escape(a.digest) : escape(join(a.predicates, ", "))) + "\n";
  std::multimap<Inventory::Id, const Relative*> on;  // by base, in their order
  for (const Relative& d : l.descendants) on.emplace(d.base, &d);
  std::function<void(Inventory::Id, size_t)> below = [&](Inventory::Id base, size_t at) {
    if (at > 64) return;
    for (auto [it, end] = on.equal_range(base); it != end; ++it)
      out += std::string(at * 2, ' ') + relative_text(*it->second) + "\n", below(it->second->id, at + 1);
  };
  below(0, depth + 1);
  for (const CopiedContent& c : l.copied) out += copied_text(c);
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
    for (const Relative& r : l.ancestors) {
      Json j = relative_json(r), tags = Json::array();
      for (const BaseTag& t : r.named)
        tags.push_back({{"reference", escape(t.repository + ":" + t.tag)},
                        {"at_build", t.at_build ? Json(*t.at_build) : Json(nullptr)},
                        {"current", t.current},
                        {"now", safe(t.now)},
                        {"since", t.since != 0 ? Json(time_text(t.since)) : Json(nullptr)}});
      j["tags"] = std::move(tags);
      up.push_back(std::move(j));
    }
    std::map<Inventory::Id, const Relative*> by_id;
    for (const Relative& r : l.descendants) by_id.emplace(r.id, &r);
    for (const Relative& r : l.descendants) {
      Json j = relative_json(r);
      auto base = by_id.find(r.base);
      j["base"] = base == by_id.end() ? l.self.digest : base->second->digest;
      down.push_back(std::move(j));
    }
    Json claimed = l.claimed ? Json{{"name", safe(l.claimed->name)}, {"digest", safe(l.claimed->digest)}, {"indexed", l.claimed->indexed}} : Json(nullptr);
    Json unindexed = l.unindexed ? Json{{"layers", l.unindexed->layers},
                                        {"chain_id", l.unindexed->chain},
                                        {"images", l.unindexed->images},
                                        {"record", safe(l.unindexed->record_says)}}
                                 : Json(nullptr);
    Json copied = Json::array();
    for (const CopiedContent& c : l.copied) {
      Json of = Json::array();
      for (const auto& [name, digest] : c.images) of.push_back({{"reference", escape(name)}, {"digest", digest}});
      copied.push_back({{"layer_index", c.layer},
                        {"from", c.from},
                        {"shared", c.shared},
                        {"here", c.here},
                        {"there", c.there},
                        {"images", of},
                        {"images_in_all", c.images_in_all}});
    }
    Json attested = Json::array();
    for (const Attestation& a : l.attestations) {
      Json types = Json::array();
      for (const std::string& p : a.predicates) types.push_back(escape(p));
      attested.push_back({{"digest", a.digest}, {"predicate_types", types}, {"verified", false}});
    }
    images.push_back({{"image", relative_json(l.self)},
                      {"bases", up},
                      {"derived", down},
                      {"claimed_base", claimed},
                      {"base_not_indexed", unindexed},
                      {"copied", copied},
                      {"attestations", attested}});
  }
  return dump({{"schema", "careen/lineage/v1"}, {"images", images}});
}

namespace {

struct Row {
  std::string relation;
  const Relative* other;
  std::string base;  // digest of what it is built on; "" for an ancestor
};

std::vector<Row> rows_of(const Lineage& l) {
  std::vector<Row> out;
  for (const Relative& r : l.ancestors) out.push_back({"base", &r, ""});
  std::map<Inventory::Id, const Relative*> by_id;
  for (const Relative& r : l.descendants) by_id.emplace(r.id, &r);
  for (const Relative& r : l.descendants) {
    auto base = by_id.find(r.base);
    out.push_back({"derived", &r, base == by_id.end() ? l.self.digest : base->second->digest});
  }
  return out;
}

}  // namespace

std::string lineage_ndjson(const std::vector<Lineage>& all) {
  std::string out;
  for (const Lineage& l : all)
    for (const Row& r : rows_of(l)) {
      Json j{{"image", l.self.digest}, {"relation", r.relation}};
      j.update(relative_json(*r.other));
      j["base"] = safe(r.base);
      out += json_line(j);
    }
  return out;
}

std::string lineage_csv(const std::vector<Lineage>& all) {
  std::string out = "image,relation,reference,digest,platform,layers,base\n";
  for (const Lineage& l : all)
    for (const Row& r : rows_of(l))
      out += join({csv(l.self.digest), r.relation, csv(name_of(r.other->tags, r.other->digest)), csv(r.other->digest), csv(r.other->platform),
                   std::to_string(r.other->layers), csv(r.base)},
                  ",") +
             "\n";
  return out;
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
    std::map<Inventory::Id, const Relative*> by_id;
    for (const Relative& r : l.descendants) by_id.emplace(r.id, &r);
    for (const Relative& d : l.descendants) {
      auto base = by_id.find(d.base);
      edge(base == by_id.end() ? l.self : *base->second, d);
    }
  }
  return out + (mermaid ? "" : "}\n");
}

}  // namespace careen
