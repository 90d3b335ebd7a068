#include "fleet/hunt.h"

#include <algorithm>
#include <set>
#include <unordered_map>

#include "base/text.h"
#include "detect/structure.h"
#include "knowledge/version.h"
#include "scan/judged.h"

namespace careen {
namespace {

using Id = Inventory::Id;

// nullopt: a version that its packaging system could not compare either.
std::optional<bool> holds(const HuntQuestion& q, const StoredPackage& p) {
  if (!q.type.empty() && q.type != to_text(p.type)) return false;
  // A name of the source counts with the source's version.
  bool by_source = p.name != q.value;
  const std::string& version = by_source && !p.source_version.empty() ? p.source_version : p.version;
  bool compared = true;
  auto fits = [&](const HuntQuestion::Bound& b) {
    auto c = compare_versions(p.type, version, b.version);
    if (!c) return compared = false;
    return (b.op == "=" && *c == 0) || (b.op == "!=" && *c != 0) || (b.op == "<" && *c < 0) || (b.op == "<=" && *c <= 0) || (b.op == ">" && *c > 0) ||
           (b.op == ">=" && *c >= 0);
  };
  auto all = [&](const std::vector<HuntQuestion::Bound>& list) { return std::all_of(list.begin(), list.end(), fits); };
  bool fit = all(q.bounds) && (q.alternatives.empty() || std::any_of(q.alternatives.begin(), q.alternatives.end(), all));
  return compared ? std::optional<bool>(fit) : std::nullopt;
}

void place(HuntMatch& m, const StoredImage& i, size_t layer) {
  m.layer = i.layers[layer].text();
  m.layer_index = layer;
  if (layer < i.steps.size()) m.created_by = i.steps[layer];
}

// A text as a glob that means itself.
std::string literal(const std::string& text) {
  std::string out;
  for (char c : text) out += c == '*' || c == '?' || c == '[' ? std::string("[") + c + "]" : std::string(1, c);
  return out;
}

class Hunter {
 public:
  explicit Hunter(Inventory& inventory) : inventory_(inventory), steady_(inventory), knows_uses_(inventory.knows_uses()) {}

  HuntAnswer run(const std::vector<HuntQuestion>& questions) {
    out_.searched = inventory_.counts();
    for (const HuntQuestion& q : questions) {
      if (q.by == Indicator::package) packages_.insert(q.value);
      findings_ |= q.by == Indicator::threat;
    }
    for (const HuntQuestion& q : questions) ask(q);
    by_files(questions);
    by_other_digests(questions);
    by_patterns(questions);
    if (auto why = inventory_.trouble()) out_.unjudged.emplace_back("the inventory", *why);
    std::stable_sort(out_.matches.begin(), out_.matches.end(), [](const HuntMatch& a, const HuntMatch& b) {
      if (is_running(a) != is_running(b)) return is_running(a);
      return std::tie(a.image, a.layer_index, a.path, a.package, a.indicator) < std::tie(b.image, b.layer_index, b.path, b.package, b.indicator);
    });
    for (Id id : inventory_.images_with_gaps())
      if (const StoredImage* i = image(id); i != nullptr && !i->gaps.empty()) out_.unjudged.emplace_back(i->digest, i->gaps[0]);
    return std::move(out_);
  }

 private:
  void ask(const HuntQuestion& q) {
    switch (q.by) {
      case Indicator::package:
        return by_package(q);
      case Indicator::sha256:
      case Indicator::sha1:
      case Indicator::md5:
      case Indicator::pattern:
        return;  // all of them together: by_files(), by_patterns()
      case Indicator::path:
        inventory_.paths_like(q.value, [&](const std::string& path, const std::vector<Id>& layers) {
          for (Id l : layers) in_layer(q, l, {path});
          return true;
        });
        return;
      case Indicator::soname:
        return by_elf(q, TermKind::soname, [&](const ElfFacts& e) { return e.soname == q.value; });
      case Indicator::build_id:
        return by_elf(q, TermKind::build_id, [&](const ElfFacts& e) { return e.build_id == q.value; });
      case Indicator::needed:
        return by_elf(q, TermKind::needed, [&](const ElfFacts& e) { return std::find(e.needed.begin(), e.needed.end(), q.value) != e.needed.end(); });
      case Indicator::symbol:
        return by_symbol(q);
      case Indicator::layer:
        if (auto l = inventory_.layer_id(q.value)) in_layer(q, *l, {});
        return;
      case Indicator::manifest:
        if (auto id = inventory_.image_id(q.value)) whole_image(q, *id);
        for (const std::string& child : inventory_.members_of(q.value))
          if (auto id = inventory_.image_id(child)) whole_image(q, *id);
        return;
      case Indicator::environment:
        return by_image_term(q, TermKind::environment);
      case Indicator::label:
        return by_image_term(q, TermKind::label);
      case Indicator::entrypoint:
        for (Id id : inventory_.images_with_term(TermKind::entrypoint, "**" + literal(q.value) + "**", true)) whole_image(q, id);
        return;
      case Indicator::structure:
        return by_structure(q);
      case Indicator::threat:
        for (Id id : inventory_.images_with_term(TermKind::threat, q.value, false)) by_findings(q, id);
        return;
    }
  }

  const StoredImage* image(Id id) {
    auto it = images_.find(id);
    if (it == images_.end()) {
      it = images_.emplace(id, inventory_.image(id, &packages_)).first;  // packages are the larger part of an image, and many may be in hand at once
      if (it->second && !findings_) it->second->judged = {};
      if (!it->second) out_.unjudged.emplace_back("image " + std::to_string(id), "its row in the inventory is damaged: careen store check");
    }
    return it->second ? &*it->second : nullptr;
  }

  HuntMatch match(const HuntQuestion& q, const StoredImage& i) {
    HuntMatch m = match_of(q.text, i);
    auto [known, fresh] = names_.try_emplace(i.digest);
    if (fresh) known->second = {inventory_.tags_of(i.digest), knows_uses_ ? inventory_.uses_of(i.digest) : std::vector<StoredUse>{}};
    m.tags = known->second.first;
    m.uses = known->second.second;
    return m;
  }

  void whole_image(const HuntQuestion& q, Id id) {
    if (const StoredImage* i = image(id)) out_.matches.push_back(match(q, *i));
  }

  // Files of a layer, in every image that has the layer; without a path the layer itself.
  void in_layer(const HuntQuestion& q, Id layer, const std::vector<std::string>& paths) {
    auto digest = inventory_.layer_digest(layer);
    if (!digest) return;
    for (Id id : inventory_.images_of_layer(layer)) {
      const StoredImage* i = image(id);
      if (i == nullptr) continue;
      for (size_t ord = 0; ord < i->layers.size(); ++ord) {
        if (i->layers[ord] != *digest) continue;
        for (size_t k = 0; k < std::max<size_t>(paths.size(), 1); ++k) {
          HuntMatch m = match(q, *i);
          place(m, *i, ord);
          if (!paths.empty()) {
            m.path = "/" + paths[k];
            m.visible = is_visible(*i, ord, paths[k]);
          }
          out_.matches.push_back(std::move(m));
        }
      }
    }
  }

  // Of the image asked last the hidden files are remembered: one with millions may have as many matches.
  bool is_visible(const StoredImage& i, size_t layer, const std::string& path) {
    if (hidden_of_ != &i) {
      hidden_.clear();
      for (const HiddenFile& h : i.hidden) hidden_.insert({h.layer, h.path});
      hidden_of_ = &i;
    }
    return hidden_.empty() || !hidden_.contains({layer, path});
  }

  std::shared_ptr<LayerFacts> facts(Id layer) {
    auto digest = inventory_.layer_digest(layer);
    bool unused = false;
    auto f = digest ? inventory_.layers()->facts(*digest, {}, &unused) : nullptr;
    if (!f) not_judged(layer);
    return f;
  }

  // A layer whose facts cannot be read may hold what was asked for.
  void not_judged(Id layer) {
    if (!lost_.insert(layer).second) return;
    for (Id id : inventory_.images_of_layer(layer))
      if (const StoredImage* i = image(id))
        out_.unjudged.emplace_back(i->digest, "the facts of a layer in the inventory are not whole: careen index --refresh");
  }

  // All digests at once, however many are asked for.
  void by_files(const std::vector<HuntQuestion>& questions) {
    std::map<Sha256, std::vector<const HuntQuestion*>> wanted;
    for (const HuntQuestion& q : questions) {
      auto raw = q.by == Indicator::sha256 ? from_hex(q.value) : std::nullopt;
      Sha256 d{};
      if (!raw || raw->size() != d.size()) continue;
      std::copy(raw->begin(), raw->end(), d.begin());
      wanted[d].push_back(&q);
    }
    std::set<Sha256> digests;
    for (const auto& [d, unused] : wanted) digests.insert(d);
    inventory_.find_files(digests, [&](Id layer, const std::optional<Inventory::PathsOf>& found) {
      if (!found) not_judged(layer);
      for (const auto& [d, paths] : found.value_or(Inventory::PathsOf{}))
        for (const HuntQuestion* q : wanted[d]) in_layer(*q, layer, paths);
    });
  }

  // There is no index of MD5 and SHA-1: the files of every layer are walked, once for all that is asked.
  void by_other_digests(const std::vector<HuntQuestion>& questions) {
    std::map<Md5, std::vector<const HuntQuestion*>> by_md5;
    std::map<Sha1, std::vector<const HuntQuestion*>> by_sha1;
    auto want = [](const HuntQuestion& q, auto& map) {
      auto raw = from_hex(q.value);
      typename std::decay_t<decltype(map)>::key_type d{};
      if (!raw || raw->size() != d.size()) return;
      std::copy(raw->begin(), raw->end(), d.begin());
      map[d].push_back(&q);
    };
    for (const HuntQuestion& q : questions) {
      if (q.by == Indicator::md5) want(q, by_md5);
      if (q.by == Indicator::sha1) want(q, by_sha1);
    }
    if (by_md5.empty() && by_sha1.empty()) return;
    uint64_t without = 0;
    for (Id layer : inventory_.all_layers()) {
      auto files = inventory_.files_of(layer);
      if (!files) {
        not_judged(layer);
        continue;
      }
      std::map<const HuntQuestion*, std::set<Sha256>> here;  // by content, so that hard links are found as well
      FileRecord r;
      FileCursor c(*files);
      while (c.next(r)) {
        if (r.type != FileType::regular || !r.sha256) continue;
        if (auto it = r.md5 ? by_md5.find(*r.md5) : by_md5.end(); it != by_md5.end())
          for (const HuntQuestion* q : it->second) here[q].insert(*r.sha256);
        if (auto it = r.sha1 ? by_sha1.find(*r.sha1) : by_sha1.end(); it != by_sha1.end())
          for (const HuntQuestion* q : it->second) here[q].insert(*r.sha256);
        without += !r.sha1;
      }
      if (c.damaged()) not_judged(layer);
      for (const auto& [q, contents] : here) {
        auto found = paths_of(*files, contents);
        for (const auto& [d, paths] : found.value_or(Inventory::PathsOf{})) in_layer(*q, layer, paths);
      }
    }
    if (without != 0 && !by_sha1.empty())
      out_.unjudged.emplace_back("sha1", std::to_string(without) + " larger files that are no code were indexed without a SHA-1: ask by sha256 or md5");
  }

  // Layers that were not searched for these patterns are not judged.
  void by_patterns(const std::vector<HuntQuestion>& questions) {
    std::vector<PatternSpec> specs = patterns_of(questions);
    if (specs.empty()) return;
    Sha256 set = digest_of_patterns(specs);
    std::set<Id> unsearched;  // images
    for (Id layer : inventory_.all_layers()) {
      auto digest = inventory_.layer_digest(layer);
      auto hits = digest ? inventory_.layers()->hits(*digest, set) : std::nullopt;
      if (!hits) {
        for (Id id : inventory_.images_of_layer(layer)) unsearched.insert(id);
        continue;
      }
      std::map<std::string, std::set<std::string>> paths;  // by pattern
      for (const FileHit& h : *hits) paths[h.hit.id].insert(h.path);
      for (const HuntQuestion& q : questions)
        if (auto it = q.by == Indicator::pattern ? paths.find(q.value) : paths.end(); it != paths.end()) {
          std::vector<std::string> here(it->second.begin(), it->second.end());
          with_links(layer, here);
          in_layer(q, layer, here);
        }
    }
    for (Id id : unsearched)
      if (const StoredImage* i = image(id)) out_.unjudged.emplace_back(i->digest, "layers of it were not searched for the pattern: add --read");
  }

  // The same files under the names of hard links, which follow what they link to.
  static void add_links(const FileTable& files, std::vector<std::string>& paths) {
    if (paths.empty()) return;
    std::set<std::string> known(paths.begin(), paths.end());
    FileRecord r;
    for (FileCursor c(files); c.next(r);)
      if (r.type == FileType::hardlink && known.contains(r.target) && known.insert(r.path).second) paths.push_back(r.path);
  }
  void with_links(Id layer, std::vector<std::string>& paths) {
    auto files = paths.empty() ? std::nullopt : inventory_.files_of(layer);
    if (files) return add_links(*files, paths);
    if (!paths.empty()) not_judged(layer);
  }

  template <class F>
  void by_elf(const HuntQuestion& q, TermKind kind, F fits) {
    for (Id layer : inventory_.layers_with_term(kind, q.value)) {
      auto f = facts(layer);
      std::vector<std::string> paths;
      if (f)
        for (const ElfFacts& e : f->elf)
          if (fits(e)) paths.push_back(e.path);
      if (f) add_links(f->files, paths);
      if (!paths.empty()) in_layer(q, layer, paths);
    }
  }

  void by_symbol(const HuntQuestion& q) {
    std::set<Id> layers;
    for (TermKind k : {TermKind::symbol_export, TermKind::symbol_import})
      for (Id l : inventory_.layers_with_term(k, q.value)) layers.insert(l);
    for (Id layer : layers) {
      auto digest = inventory_.layer_digest(layer);
      if (!digest) continue;
      std::vector<std::string> paths;
      std::string wanted = '\0' + q.value + '\0';
      auto symbols = inventory_.layers()->symbols(*digest);
      if (symbols.empty()) not_judged(layer);
      for (const ElfSymbols& s : symbols)
        if (('\0' + s.exports).find(wanted) != std::string::npos || ('\0' + s.imports).find(wanted) != std::string::npos) paths.push_back(s.path);
      with_links(layer, paths);
      if (!paths.empty()) in_layer(q, layer, paths);
    }
  }

  void by_structure(const HuntQuestion& q) {
    for (Id id : inventory_.images_with_term(TermKind::structure, q.value, false)) {
      const StoredImage* i = image(id);
      for (size_t ord = 0; i != nullptr && ord < i->layers.size(); ++ord) {
        bool unused = false;
        auto f = inventory_.layers()->facts(i->layers[ord], {}, &unused);
        if (!f) {
          if (auto l = inventory_.layer_id(i->layers[ord].text())) not_judged(*l);
          continue;
        }
        std::vector<std::string> paths;
        for (const ElfFacts& e : f->elf) {
          auto rules = judge_structure(e).rules;
          if (std::find(rules.begin(), rules.end(), q.value) != rules.end()) paths.push_back(e.path);
        }
        add_links(f->files, paths);
        for (const std::string& path : paths) {
          HuntMatch m = match(q, *i);
          place(m, *i, ord);
          m.path = "/" + path;
          m.visible = is_visible(*i, ord, path);
          out_.matches.push_back(std::move(m));
        }
      }
    }
  }

  void by_image_term(const HuntQuestion& q, TermKind kind) {
    bool exact = q.value.find('=') != std::string::npos;
    for (Id id : inventory_.images_with_term(kind, exact ? q.value : literal(q.value) + "=**", !exact)) whole_image(q, id);
  }

  void by_package(const HuntQuestion& q) {
    std::vector<Id> images;  // in the order in which they stand in the file
    for (const auto& row : inventory_.packages_named(q.value)) {
      if (holds(q, row.package) == false) continue;
      for (Id layer : row.layers)
        for (Id id : inventory_.images_of_layer(layer)) images.push_back(id);
    }
    std::sort(images.begin(), images.end());
    images.erase(std::unique(images.begin(), images.end()), images.end());
    for (Id id : images) packages_of(q, id);
  }

  // The layer names the candidates; which rows an image shows is what its own scan found.
  void packages_of(const HuntQuestion& q, Id id) {
    const StoredImage* i = image(id);
    if (i == nullptr) return;
    for (const StoredPackage& p : i->packages) {
      if (p.name != q.value && p.source != q.value) continue;
      auto fits = holds(q, p);
      if (!fits) out_.unjudged.emplace_back(i->digest, "the version " + p.version + " of " + p.name + " cannot be compared with that of " + q.text);
      if (!fits || !*fits) continue;
      HuntMatch m = match(q, *i);
      if (p.layer < i->layers.size()) place(m, *i, p.layer);
      m.package = p.name;
      m.version = p.version;
      m.visible = p.visible;
      out_.matches.push_back(std::move(m));
    }
  }

  void by_findings(const HuntQuestion& q, Id id) {
    const StoredImage* i = image(id);
    ScanResult r;
    if (i == nullptr) return;
    if (!restore_judged(i->judged, r)) return void(out_.unjudged.emplace_back(i->digest, "what it was judged to be cannot be read: careen store check"));
    for (const Finding& f : r.findings) {
      if (f.confidence == Confidence::refuted || f.threat.value_or(f.rule) != q.value) continue;
      HuntMatch m = match(q, *i);
      tell_finding(m, *i, f);
      out_.matches.push_back(std::move(m));
    }
  }

  Inventory& inventory_;
  Inventory::Steady steady_;
  bool knows_uses_, findings_ = false;  // whether findings are asked for
  std::set<std::string> packages_;      // those that are asked for
  std::unordered_map<Id, std::optional<StoredImage>> images_;
  std::map<std::string, std::pair<std::vector<Tag>, std::vector<StoredUse>>> names_;  // by image digest
  std::set<Id> lost_;
  const StoredImage* hidden_of_ = nullptr;
  std::set<std::pair<size_t, std::string_view>> hidden_;
  HuntAnswer out_;
};

}  // namespace

bool is_running(const HuntMatch& m) {
  return !m.uses.empty() && m.uses.front().use.running;
}

HuntMatch match_of(const std::string& asked, const StoredImage& i) {
  HuntMatch m;
  m.indicator = asked;
  m.image = i.digest;
  m.platform = i.platform;
  m.first_seen = i.first_seen;
  m.last_seen = i.last_seen;
  for (const char* key : {"org.opencontainers.image.source", "org.opencontainers.image.revision"})
    if (auto it = i.labels.find(key); it != i.labels.end()) m.labels.insert(*it);
  return m;
}

void tell_finding(HuntMatch& m, const StoredImage& i, const Finding& f) {
  if (f.where.layer_index && *f.where.layer_index < i.layers.size()) place(m, i, *f.where.layer_index);
  m.path = f.where.path;
  m.visible = f.where.visible;
  if (f.where.package) m.package = f.where.package->name, m.version = f.where.package->version;
  m.finding = f.id;
  m.confidence = to_text(f.confidence);
  m.severity = to_text(f.severity);
  m.reachability = to_text(f.reachability.state);
}

std::vector<PatternSpec> patterns_of(const std::vector<HuntQuestion>& questions) {
  std::map<std::string, PatternSpec> sorted;
  for (const HuntQuestion& q : questions) {
    PatternSpec p;
    if (q.by != Indicator::pattern || !parse_pattern_text(q.value, &p)) continue;
    p.id = q.value;
    p.any_file = true;
    sorted.emplace(q.value, std::move(p));
  }
  std::vector<PatternSpec> out;
  for (auto& [unused, p] : sorted) out.push_back(std::move(p));
  return out;
}

HuntAnswer hunt(Inventory& inventory, const std::vector<HuntQuestion>& questions) {
  return Hunter(inventory).run(questions);
}

void add_unseen(Inventory& inventory, std::vector<std::pair<std::string, std::string>>& unjudged) {
  for (const StoredUse& u : inventory.uses_not_indexed())
    if (u.use.running)
      unjudged.emplace_back(u.use.digest.empty() ? u.use.reference : u.use.digest, u.use.reference + " runs as " + u.use.workload + " and is not indexed");
}

bool has_vanished(const std::vector<Tag>& tags) {
  return !tags.empty() && std::all_of(tags.begin(), tags.end(), [](const Tag& t) { return t.vanished.has_value(); });
}

std::string name_of(const std::vector<Tag>& tags, const std::string& digest) {
  for (const Tag& t : tags)
    if (!t.vanished) return t.repository + (t.tag.empty() ? "@" + digest : ":" + t.tag);
  return tags.empty() ? digest : tags[0].repository + "@" + digest;
}

}  // namespace careen
