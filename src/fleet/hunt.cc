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

struct Kind {
  std::string_view prefix;
  Indicator by;
};
constexpr std::array<Kind, 14> kKinds{{{"package:", Indicator::package},
                                       {"pkg:", Indicator::package},
                                       {"sha256:", Indicator::sha256},
                                       {"soname:", Indicator::soname},
                                       {"needed:", Indicator::needed},
                                       {"symbol:", Indicator::symbol},
                                       {"build-id:", Indicator::build_id},
                                       {"path:", Indicator::path},
                                       {"structure:", Indicator::structure},
                                       {"env:", Indicator::environment},
                                       {"label:", Indicator::label},
                                       {"entrypoint:", Indicator::entrypoint},
                                       {"threat:", Indicator::threat},
                                       {"layer:", Indicator::layer}}};

bool is_hex(std::string_view s, size_t size) {
  return s.size() == size && s.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

Result<void> read_bounds(HuntQuestion& q, std::string_view list) {
  for (std::string_view one : split(list, ',')) {
    one = trim(one);
    HuntQuestion::Bound b;
    for (std::string_view op : {">=", "<=", "!=", ">", "<", "="})
      if (b.op.empty() && one.starts_with(op)) b.op = op;
    b.version = trim(one.substr(b.op.size()));
    if (b.op.empty() || b.version.empty())
      return Error{Errc::usage, escape(q.text) + ": '" + escape(one) + "' is no bound; write as package:liblzma5>=5.6.0,<5.6.2"};
    q.bounds.push_back(std::move(b));
  }
  return {};
}

Result<void> read_package(HuntQuestion& q, std::string_view rest) {
  size_t op = rest.find_first_of("<>=!");
  q.value = trim(rest.substr(0, op));
  if (q.value.empty()) return Error{Errc::usage, escape(q.text) + ": expected the name of a package"};
  return op == std::string_view::npos ? Result<void>{} : read_bounds(q, rest.substr(op));
}

std::string percent_decoded(std::string_view s) {
  std::string out;
  for (size_t i = 0; i < s.size(); ++i) {
    auto byte = s[i] == '%' && i + 2 < s.size() ? from_hex(lower(s.substr(i + 1, 2))) : std::nullopt;
    if (byte && byte->size() == 1) {
      out += static_cast<char>((*byte)[0]);
      i += 2;
    } else {
      out += s[i];
    }
  }
  return out;
}

// pkg:deb/debian/xz-utils@5.6.1-1?arch=amd64: type, name and version count.
Result<void> read_purl(HuntQuestion& q, std::string_view rest) {
  rest = rest.substr(0, rest.find_first_of("?#"));
  std::string_view type = rest.substr(0, rest.find('/'));
  size_t at = rest.rfind('@');
  std::string_view path = rest.substr(0, at);
  q.type = type;
  q.value = percent_decoded(base_name(path));
  if (type.size() == rest.size() || q.value.empty()) return Error{Errc::usage, escape(q.text) + ": expected pkg:TYPE/NAME[@VERSION]"};
  if (at != std::string_view::npos && at + 1 == rest.size()) return Error{Errc::usage, escape(q.text) + ": a version must follow @"};
  if (at != std::string_view::npos) q.bounds.push_back({"=", percent_decoded(rest.substr(at + 1))});
  return {};
}

bool holds(const HuntQuestion& q, const StoredPackage& p) {
  if (!q.type.empty() && q.type != to_text(p.type)) return false;
  // A name of the source counts with the source's version.
  bool by_source = p.name != q.value;
  const std::string& version = by_source && !p.source_version.empty() ? p.source_version : p.version;
  return std::all_of(q.bounds.begin(), q.bounds.end(), [&](const HuntQuestion::Bound& b) {
    auto c = compare_versions(p.type, version, b.version);
    if (!c) return false;
    return (b.op == "=" && *c == 0) || (b.op == "!=" && *c != 0) || (b.op == "<" && *c < 0) || (b.op == "<=" && *c <= 0) || (b.op == ">" && *c > 0) ||
           (b.op == ">=" && *c >= 0);
  });
}

// A text as a glob that means itself.
std::string literal(const std::string& text) {
  std::string out;
  for (char c : text) out += c == '*' || c == '?' || c == '[' ? std::string("[") + c + "]" : std::string(1, c);
  return out;
}

class Hunter {
 public:
  explicit Hunter(Inventory& inventory) : inventory_(inventory) {}

  HuntAnswer run(const std::vector<HuntQuestion>& questions) {
    out_.searched = inventory_.counts();
    for (const HuntQuestion& q : questions) ask(q);
    by_files(questions);
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
        return;  // all of them together: by_files()
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
      it = images_.emplace(id, inventory_.image(id)).first;
      if (!it->second) out_.unjudged.emplace_back("image " + std::to_string(id), "its row in the inventory is damaged: careen store check");
    }
    return it->second ? &*it->second : nullptr;
  }

  HuntMatch match(const HuntQuestion& q, const StoredImage& i) {
    HuntMatch m;
    m.indicator = q.text;
    m.image = i.digest;
    m.platform = i.platform;
    auto [known, fresh] = names_.try_emplace(i.digest);
    if (fresh) known->second = {inventory_.tags_of(i.digest), inventory_.uses_of(i.digest)};
    m.tags = known->second.first;
    m.uses = known->second.second;
    m.first_seen = i.first_seen;
    m.last_seen = i.last_seen;
    for (const char* key : {"org.opencontainers.image.source", "org.opencontainers.image.revision"})
      if (auto it = i.labels.find(key); it != i.labels.end()) m.labels.insert(*it);
    return m;
  }

  void place(HuntMatch& m, const StoredImage& i, size_t layer) {
    m.layer = i.layers[layer].text();
    m.layer_index = layer;
    if (layer < i.steps.size()) m.created_by = i.steps[layer];
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
            m.visible = std::none_of(i->hidden.begin(), i->hidden.end(), [&](const HiddenFile& h) { return h.layer == ord && h.path == paths[k]; });
          }
          out_.matches.push_back(std::move(m));
        }
      }
    }
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
      if (const StoredImage* i = image(id)) out_.unjudged.emplace_back(i->digest, "the facts of a layer in the inventory are damaged: careen index --refresh");
  }

  // Each layer's files are walked once, however many digests are asked for.
  void by_files(const std::vector<HuntQuestion>& questions) {
    std::map<Sha256, std::vector<const HuntQuestion*>> wanted;
    for (const HuntQuestion& q : questions) {
      auto raw = q.by == Indicator::sha256 ? from_hex(q.value) : std::nullopt;
      Sha256 d{};
      if (!raw || raw->size() != d.size()) continue;
      std::copy(raw->begin(), raw->end(), d.begin());
      wanted[d].push_back(&q);
    }
    std::vector<Sha256> digests;
    for (const auto& [d, unused] : wanted) digests.push_back(d);
    std::map<Id, std::set<Sha256>> in_layers;
    for (const auto& [d, layers] : inventory_.layers_with_files(digests))
      for (Id l : layers) in_layers[l].insert(d);
    for (const auto& [layer, here] : in_layers) {
      auto files = inventory_.files_of(layer);
      if (!files) {
        not_judged(layer);
        continue;
      }
      for (const auto& [d, paths] : paths_of(*files, here))
        for (const HuntQuestion* q : wanted[d]) in_layer(*q, layer, paths);
    }
  }

  // Hard links follow what they link to, and are the same content.
  static std::map<Sha256, std::vector<std::string>> paths_of(const FileTable& files, const std::set<Sha256>& wanted) {
    std::map<Sha256, std::vector<std::string>> out;
    FileRecord r;
    for (FileCursor c(files); c.next(r);) {
      if (r.sha256 && wanted.contains(*r.sha256) && !base_name(r.path).starts_with(".wh.")) out[*r.sha256].push_back(r.path);
      if (r.type != FileType::hardlink) continue;
      for (auto& [d, paths] : out)
        if (std::find(paths.begin(), paths.end(), r.target) != paths.end()) {
          paths.push_back(r.path);
          break;
        }
    }
    return out;
  }

  template <class F>
  void by_elf(const HuntQuestion& q, TermKind kind, F fits) {
    for (Id layer : inventory_.layers_with_term(kind, q.value)) {
      auto f = facts(layer);
      std::vector<std::string> paths;
      if (f)
        for (const ElfFacts& e : f->elf)
          if (fits(e)) paths.push_back(e.path);
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
        for (const ElfFacts& e : f->elf) {
          auto rules = judge_structure(e).rules;
          if (std::find(rules.begin(), rules.end(), q.value) == rules.end()) continue;
          HuntMatch m = match(q, *i);
          place(m, *i, ord);
          m.path = "/" + e.path;
          m.visible = std::none_of(i->hidden.begin(), i->hidden.end(), [&](const HiddenFile& h) { return h.layer == ord && h.path == e.path; });
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
    std::set<Id> done;
    for (const auto& row : inventory_.packages_named(q.value)) {
      if (!holds(q, row.package)) continue;
      for (Id layer : row.layers)
        for (Id id : inventory_.images_of_layer(layer))
          if (done.insert(id).second) packages_of(q, id);
    }
  }

  // The layer names the candidates; which rows an image shows is what its own scan found.
  void packages_of(const HuntQuestion& q, Id id) {
    const StoredImage* i = image(id);
    if (i == nullptr) return;
    for (const StoredPackage& p : i->packages) {
      if ((p.name != q.value && p.source != q.value) || !holds(q, p)) continue;
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
    if (i == nullptr || !restore_judged(i->judged, r)) return;
    for (const Finding& f : r.findings) {
      if (f.confidence == Confidence::refuted || f.threat.value_or(f.rule) != q.value) continue;
      HuntMatch m = match(q, *i);
      if (f.where.layer_index && *f.where.layer_index < i->layers.size()) place(m, *i, *f.where.layer_index);
      m.path = f.where.path;
      m.visible = f.where.visible;
      if (f.where.package) m.package = f.where.package->name, m.version = f.where.package->version;
      m.confidence = to_text(f.confidence);
      m.severity = to_text(f.severity);
      m.reachability = to_text(f.reachability.state);
      out_.matches.push_back(std::move(m));
    }
  }

  Inventory& inventory_;
  std::unordered_map<Id, std::optional<StoredImage>> images_;
  std::map<std::string, std::pair<std::vector<Tag>, std::vector<StoredUse>>> names_;  // by image digest
  std::set<Id> lost_;
  HuntAnswer out_;
};

}  // namespace

Result<HuntQuestion> parse_question(const std::string& text) {
  HuntQuestion q;
  q.text = text;
  if (is_hex(text, 64)) {
    q.by = Indicator::sha256;
    q.value = text;
    return q;
  }
  if (text.starts_with("manifest:")) {
    q.by = Indicator::manifest;
    q.value = text.substr(9);
    if (auto d = Digest::parse(q.value); !d) return Error{Errc::usage, escape(text) + ": expected manifest:sha256:HEX"};
    return q;
  }
  for (const Kind& k : kKinds) {
    if (!text.starts_with(k.prefix)) continue;
    q.by = k.by;
    std::string rest = text.substr(k.prefix.size());
    if (rest.empty()) return Error{Errc::usage, escape(text) + ": nothing follows"};
    if (k.prefix == "pkg:") {
      CAREEN_TRY(read_purl(q, rest));
    } else if (k.by == Indicator::package) {
      CAREEN_TRY(read_package(q, rest));
    } else {
      q.value = rest;
      if (k.by == Indicator::sha256 && !is_hex(rest, 64)) return Error{Errc::usage, escape(text) + ": expected 64 lower-case hex digits"};
      if (k.by == Indicator::layer && !Digest::parse(rest)) return Error{Errc::usage, escape(text) + ": expected layer:sha256:HEX"};
      while (k.by == Indicator::path && q.value.starts_with('/')) q.value.erase(0, 1);
    }
    return q;
  }
  return Error{Errc::usage, "'" + escape(text) +
                                "' is no question; write package:NAME[>=V,<V], pkg:TYPE/NAME[@V], sha256:HEX, path:GLOB, soname:, needed:, symbol:, build-id:, "
                                "structure:, env:, label:, entrypoint:, layer:, manifest: or threat:"};
}

Result<std::vector<HuntQuestion>> parse_questions(const std::string& list, const std::string& file) {
  std::vector<HuntQuestion> out;
  std::optional<Error> wrong;
  int line_number = 0;
  each_line(list, [&](std::string_view line) {
    ++line_number;
    line = trim(line.substr(0, line.find('#')));
    if (line.empty()) return true;
    auto q = parse_question(std::string(line));
    if (q)
      out.push_back(std::move(*q));
    else
      wrong = Error{Errc::usage, escape(file) + ":" + std::to_string(line_number) + ": " + q.error().what};
    return !wrong;
  });
  if (wrong) return *wrong;
  return out;
}

bool is_running(const HuntMatch& m) {
  return !m.uses.empty() && m.uses.front().use.running;
}

HuntAnswer hunt(Inventory& inventory, const std::vector<HuntQuestion>& questions) {
  return Hunter(inventory).run(questions);
}

std::string name_of(const std::vector<Tag>& tags, const std::string& digest) {
  for (const Tag& t : tags)
    if (!t.vanished) return t.repository + (t.tag.empty() ? "@" + digest : ":" + t.tag);
  return tags.empty() ? digest : tags[0].repository + "@" + digest;
}

}  // namespace careen
