#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <unordered_map>

#include "base/text.h"
#include "detect/input.h"
#include "detect/integrity.h"
#include "detect/linker_check.h"
#include "detect/reach.h"
#include "detect/structure.h"
#include "knowledge/version.h"

namespace careen {
namespace {

// A file with signs of one threat, before it becomes a finding.
struct Draft {
  std::vector<Evidence> evidence;
  Severity severity = Severity::unknown;
  bool confirmed = false;
  std::optional<uint32_t> record;
};

struct Place {
  const Threat* threat;  // null: by structure alone
  size_t layer;
  std::string path;  // as the layer names it; "" for the layer itself
  auto operator<=>(const Place&) const = default;
};

// A package whose version is in a threat's range, and its files that could carry it.
struct InRange {
  const Threat* threat;
  const VersionIndicator* indicator;
  uint32_t package;
  bool found = false, clean_file = false;
  std::vector<std::pair<size_t, std::string>> files;  // layer and path
};

class Detector {
 public:
  explicit Detector(const DetectInput& in) : in_(in), facts_(*in.facts), linker_(*in.facts) {}

  Detected run() {
    find_versions();
    find_known_digests_and_changes();
    find_patterns();
    find_structure();
    find_layers();
    find_manifest();
    find_paths();
    join_versions();
    make_findings();
    for (Finding& f : out_.findings) f.id = finding_id(f);
    sort_findings(out_.findings);
    return std::move(out_);
  }

 private:
  Draft& draft(const Threat* t, size_t layer, const std::string& path, Severity severity, bool confirmed) {
    Draft& d = drafts_[{t, layer, path}];
    d.severity = std::max(d.severity, severity);
    d.confirmed |= confirmed;
    return d;
  }

  bool distribution_fits(const VersionIndicator& v) const {
    const Distribution& d = facts_.distribution;
    if (v.distributions.empty() || d.id.empty()) return true;
    auto named = [&](const std::string& id) { return std::find(v.distributions.begin(), v.distributions.end(), id) != v.distributions.end(); };
    return named(d.id) || std::any_of(d.like.begin(), d.like.end(), named);
  }

  static bool version_fits(const VersionIndicator& v, const Package& p) {
    for (const std::string& glob : v.except)
      if (glob_match(glob, p.version)) return false;
    auto order = [&](const std::string& bound) { return compare_versions(p.type, p.version, bound); };
    auto after = [&](const std::string& bound) {
      auto c = order(bound);
      return c && *c >= 0;
    };
    if (!v.from.empty() && !after(v.from)) return false;
    if (!v.to.empty()) {
      auto c = order(v.to);
      if (!c || *c > 0) return false;
    }
    if (!v.before.empty()) {
      auto c = order(v.before);
      if (!c || *c >= 0) return false;
    }
    return true;
  }

  void find_versions() {
    for (const Threat& t : in_.threats->threats)
      for (const VersionIndicator& v : t.versions) {
        if (!distribution_fits(v)) continue;
        for (uint32_t i = 0; i < facts_.packages.size(); ++i) {
          const Package& p = facts_.packages[i].package;
          if (p.type != v.type || std::find(v.packages.begin(), v.packages.end(), p.name) == v.packages.end()) continue;
          if (!v.architectures.empty() && !p.architecture.empty() &&
              std::find(v.architectures.begin(), v.architectures.end(), p.architecture) == v.architectures.end())
            continue;
          if (version_fits(v, p)) in_range_.push_back({&t, &v, i, false, false, {}});
        }
      }
  }

  // One pass over every entry of every layer: digests that a threat names, owned files that changed, files of packages in range.
  void find_known_digests_and_changes() {
    std::map<Sha256, std::vector<std::pair<const Threat*, const DigestIndicator*>>> known;
    for (const Threat& t : in_.threats->threats)
      for (const DigestIndicator& d : t.files)
        if (auto raw = from_hex(d.digest.hex()); raw && raw->size() == 32) {
          Sha256 key{};
          std::copy(raw->begin(), raw->end(), key.begin());
          known[key].emplace_back(&t, &d);
        }
    std::vector<bool> first(256);
    for (const auto& [digest, unused] : known) first[digest[0]] = true;
    IntegrityCheck integrity(facts_);
    FileRecord r;
    for (size_t layer = 0; layer < facts_.layers.size(); ++layer) {
      if (!facts_.layers[layer]) continue;
      for (FileCursor c(facts_.layers[layer]->files); c.next(r);) {
        if (r.type != FileType::regular || !r.sha256) continue;
        if (first[(*r.sha256)[0]])
          if (auto it = known.find(*r.sha256); it != known.end())
            for (const auto& [t, d] : it->second) {
              Draft& x = draft(t, layer, r.path, d->severity.value_or(t->severity), true);
              x.record = c.index();
              x.evidence.push_back({EvidenceBy::digest, "its SHA-256 is that of " + (d->note.empty() ? std::string("a file known to carry it") : d->note)});
            }
        if (facts_.tree.visible(layer, c.index())) {
          integrity.look(layer, c.index(), r);
          note_content(layer, c.index(), r);
        }
      }
    }
    for (Finding& f : integrity.findings()) {
      fill_layer(f, *f.where.layer_index);
      out_.findings.push_back(std::move(f));
    }
  }

  void note_content(size_t layer, uint32_t record, const FileRecord& r) {
    for (InRange& x : in_range_) {
      const Owner o = facts_.owners[layer].empty() ? Owner{} : facts_.owners[layer][record];
      bool unlisted = facts_.packages[x.package].owned_files == 0;
      if (o.package != x.package && !(unlisted && o.package == UINT32_MAX)) continue;
      for (const std::string& glob : x.indicator->content)
        if (glob_match(glob, r.path) && r.kind == ContentKind::elf) {
          x.files.emplace_back(layer, r.path);
          x.clean_file = true;
          break;
        }
    }
  }

  void find_patterns() {
    for (size_t layer = 0; layer < facts_.layers.size(); ++layer) {
      if (!facts_.layers[layer]) continue;
      std::map<std::string, std::map<std::string, uint64_t>> by_file;
      for (const FileHit& h : facts_.layers[layer]->hits) by_file[h.path].try_emplace(h.hit.id, h.hit.offset);
      for (const auto& [path, hits] : by_file)
        for (const Threat& t : in_.threats->threats) judge_patterns(t, layer, path, hits);
    }
  }

  void judge_patterns(const Threat& t, size_t layer, const std::string& path, const std::map<std::string, uint64_t>& hits) {
    auto say = [&](const std::string& name, const std::string& note, const std::vector<std::string>& ids) {
      std::string at;
      for (const std::string& id : ids)
        if (auto it = hits.find(id); it != hits.end()) at += fmt::format("{}{:#x}", at.empty() ? "" : ", ", it->second);
      return fmt::format("it holds the bytes of {} ({}) at offset {}", name, note.empty() ? "pattern" : note, at);
    };
    std::set<std::string> in_rules;
    for (const PatternRule& r : t.rules) {
      in_rules.insert(r.all.begin(), r.all.end());
      in_rules.insert(r.any.begin(), r.any.end());
      auto hit = [&](const std::string& id) { return hits.contains(id); };
      bool holds = r.all.empty() ? std::any_of(r.any.begin(), r.any.end(), hit) : std::all_of(r.all.begin(), r.all.end(), hit);
      if (!holds) continue;
      draft(&t, layer, path, r.severity.value_or(t.severity), !r.suspected)
          .evidence.push_back({EvidenceBy::pattern, say(r.id, r.note, r.all.empty() ? r.any : r.all)});
    }
    for (const PatternSpec& p : t.patterns)
      if (!in_rules.contains(p.id) && hits.contains(p.id))
        draft(&t, layer, path, t.severity, true).evidence.push_back({EvidenceBy::pattern, say(p.id.substr(t.id.size() + 1), "", {p.id})});
  }

  void find_structure() {
    for (size_t layer = 0; layer < facts_.layers.size(); ++layer) {
      if (!facts_.layers[layer]) continue;
      for (const ElfFacts& f : facts_.layers[layer]->elf) {
        StructureSigns s = judge_structure(f, linker_.is_one(layer, f));
        if (s.rules.empty()) continue;
        std::vector<Evidence> evidence;
        for (std::string& e : s.evidence) evidence.push_back({EvidenceBy::structure, std::move(e)});
        bool claimed = false;
        for (const Threat& t : in_.threats->threats) {
          auto it = drafts_.find({&t, layer, f.path});
          bool shows = std::any_of(s.rules.begin(), s.rules.end(),
                                   [&](const std::string& r) { return std::find(t.structure.begin(), t.structure.end(), r) != t.structure.end(); });
          if (it == drafts_.end() || !shows) continue;
          it->second.evidence.insert(it->second.evidence.end(), evidence.begin(), evidence.end());
          claimed = true;
        }
        if (claimed) continue;
        Draft& d = draft(nullptr, layer, f.path, s.tampered ? Severity::high : Severity::medium, s.tampered);
        d.evidence = std::move(evidence);
      }
    }
  }

  void find_layers() {
    for (size_t layer = 0; layer < in_.layers.size(); ++layer)
      for (const Threat& t : in_.threats->threats)
        for (const DigestIndicator& d : t.layers) {
          if (d.digest != in_.layers[layer].blob && d.digest != in_.layers[layer].diff_id) continue;
          Evidence e{EvidenceBy::digest, "the layer's digest is that of a layer known to carry it" + (d.note.empty() ? "" : " (" + d.note + ")")};
          if (d.files.empty()) draft(&t, layer, "", t.severity, true).evidence.push_back(e);
          for (const std::string& f : d.files) draft(&t, layer, f, t.severity, true).evidence.push_back(e);
        }
  }

  void find_manifest() {
    for (const Threat& t : in_.threats->threats)
      for (const DigestIndicator& d : t.manifests) {
        if (d.digest.empty() || (d.digest != in_.manifest && d.digest != in_.index)) continue;
        Evidence e{EvidenceBy::digest, "the manifest's digest is that of an image known to carry it" + (d.note.empty() ? "" : " (" + d.note + ")")};
        auto it = std::find_if(drafts_.begin(), drafts_.end(), [&](const auto& x) { return x.first.threat == &t && x.second.confirmed; });
        if (it != drafts_.end()) {
          it->second.evidence.push_back(e);
          continue;
        }
        Finding f = of_threat(t);
        f.severity = t.severity;
        f.confidence = Confidence::confirmed;
        f.evidence = {e};
        f.reachability = {ReachState::unknown, {"known by the manifest's digest alone; no file that carries it was found in the layers that were read"}};
        out_.findings.push_back(std::move(f));
      }
  }

  void find_paths() {
    std::vector<std::pair<const Threat*, const PathIndicator*>> all;
    for (const Threat& t : in_.threats->threats)
      for (const PathIndicator& p : t.paths) all.emplace_back(&t, &p);
    if (all.empty()) return;
    auto match = [&](size_t layer, const std::string& path) {
      for (const auto& [t, p] : all)
        if (glob_match(p->glob, path))
          draft(t, layer, path, t->severity, false)
              .evidence.push_back({EvidenceBy::name, "its path is one that it uses" + (p->note.empty() ? "" : ": " + p->note)});
    };
    facts_.tree.walk([&](NodeId id) {
      const Node& n = facts_.tree.node(id);
      if (n.type != FileType::directory && n.record != UINT32_MAX) match(n.layer, facts_.tree.path(id));
    });
    FileRecord r;
    for (size_t layer = 0; layer < facts_.layers.size(); ++layer)
      if (facts_.layers[layer])
        for (FileCursor c(facts_.layers[layer]->files); c.next(r);)
          if (r.type != FileType::directory && !facts_.tree.visible(layer, c.index()) && (in_.is_rootfs || !base_name(r.path).starts_with(".wh.")))
            match(layer, r.path);
  }

  // A version in range is evidence for a file that carries the threat, is refuted by clean content, or stands alone.
  void join_versions() {
    for (InRange& x : in_range_) {
      const InstalledPackage& ip = facts_.packages[x.package];
      const Package& p = ip.package;
      Evidence e{EvidenceBy::version, "package " + p.name + " " + p.version + " is in the range " + range_text(*x.indicator) +
                                          (facts_.distribution.id.empty() ? " (the distribution is not known)" : "")};
      claim_structure(x);
      for (auto& [place, d] : drafts_) {
        if (place.threat != x.threat || !d.confirmed) continue;
        bool same = std::find(x.files.begin(), x.files.end(), std::pair(place.layer, place.path)) != x.files.end();
        if (same) d.evidence.push_back(e), x.found = true;
      }
      if (x.found) continue;
      Finding f = of_threat(*x.threat);
      f.where.layer_index = ip.layer;
      f.where.visible = ip.visible;
      f.where.package = PackageRef{p.name, p.version, p.source};
      f.where.path = "/" + ip.database;
      f.evidence = {e};
      if (!ip.visible) f.evidence.push_back({EvidenceBy::name, "the package database was deleted in a later layer; the row was read from below"});
      if (x.clean_file) {
        f.confidence = Confidence::refuted;
        f.severity = Severity::info;
        f.where.path = "/" + x.files[0].second;
        f.evidence.push_back({EvidenceBy::pattern, "its content was examined and carries none of the threat's signs: " + join(slashed(x.files), ", ")});
        f.reachability = {ReachState::dormant, {"the version is in range, the content is clean"}};
        f.remediation = "Nothing is needed; a rebuild with a version outside the range ends the question.";
      } else {
        f.confidence = Confidence::suspected;
        f.severity = x.threat->severity;
        f.evidence.push_back({EvidenceBy::ownership, "no file of the package that could carry it was found, so the content could not decide"});
        f.reachability = {ReachState::unknown, {"the file that would carry it is not there to be judged"}};
      }
      fill_layer(f, ip.layer);
      out_.findings.push_back(std::move(f));
    }
  }

  // A tampered file of a package in range is what the threat's record describes, when that lists rules of structure.
  void claim_structure(const InRange& x) {
    if (x.threat->structure.empty()) return;
    for (const auto& [layer, path] : x.files) {
      auto it = drafts_.find({nullptr, layer, path});
      if (it == drafts_.end() || !it->second.confirmed) continue;
      Draft moved = std::move(it->second);
      drafts_.erase(it);
      Draft& d = draft(x.threat, layer, path, x.threat->severity, true);
      d.evidence.insert(d.evidence.end(), moved.evidence.begin(), moved.evidence.end());
    }
  }

  static std::vector<std::string> slashed(const std::vector<std::pair<size_t, std::string>>& files) {
    std::vector<std::string> out;
    for (const auto& [unused, path] : files) out.push_back("/" + path);
    return out;
  }

  static std::string range_text(const VersionIndicator& v) {
    std::string s = v.from.empty() ? "up to" : v.from + " to";
    s += v.to.empty() ? (v.before.empty() ? " the newest" : " before " + v.before) : " " + v.to;
    return s;
  }

  static Finding of_threat(const Threat& t) {
    Finding f;
    f.kind = t.kind == "malware" ? FindingKind::malware : FindingKind::backdoor;
    f.threat = t.id;
    f.title = t.title;
    f.remediation = t.mitigation;
    return f;
  }

  void fill_layer(Finding& f, size_t layer) const {
    f.where.layer_index = layer;
    if (layer >= in_.layers.size()) return;
    if (!in_.layers[layer].diff_id.empty()) f.where.layer = in_.layers[layer].diff_id.text();
    f.blob = in_.layers[layer].blob.text();
    f.created_by = in_.layers[layer].created_by;
  }

  void make_findings() {
    ReachJudge reach(in_);
    for (auto& [place, d] : drafts_) {
      Finding f;
      if (place.threat != nullptr) {
        f = of_threat(*place.threat);
      } else {
        f.kind = FindingKind::backdoor;
        f.rule = d.confirmed ? "ifunc-tampering" : "tls-import";
        f.title = d.confirmed ? "Tampered IFUNC resolver: code runs while the program is being linked"
                              : "Thread-local storage is imported and not used, as planted code does";
        f.remediation = "Compare the file with the one its package or vendor published; rebuild the image from a trusted base.";
      }
      f.severity = d.severity;
      f.confidence = d.confirmed ? Confidence::confirmed : Confidence::suspected;
      std::sort(d.evidence.begin(), d.evidence.end());
      d.evidence.erase(std::unique(d.evidence.begin(), d.evidence.end()), d.evidence.end());
      f.evidence = std::move(d.evidence);
      fill_layer(f, place.layer);
      locate(f, place, d.record);
      if (!f.where.visible) {
        if (d.confirmed && f.severity > Severity::info) f.severity = static_cast<Severity>(static_cast<uint8_t>(f.severity) - 1);
        auto by = facts_.tree.hidden_by(place.layer, place.path);
        f.reachability = {
            ReachState::dormant,
            {by ? fmt::format("hidden by layer {}: a container does not see it, but it is in the image's layers and in every image built on them", *by)
                : "hidden: a later entry of the same layer replaces it"}};
      } else if (f.where.path) {
        f.reachability = reach.judge(place.path, place.layer, place.threat);
      } else {
        f.reachability = {ReachState::unknown, {"the layer is known by its digest; no file of it was judged"}};
      }
      out_.findings.push_back(std::move(f));
    }
    for (Coverage& c : reach.coverage()) out_.coverage.push_back(std::move(c));
    if (!facts_.packages.empty()) out_.uses = reach.packages();
  }

  // Path, visibility and owner of a draft.
  void locate(Finding& f, const Place& place, std::optional<uint32_t> record) const {
    if (place.path.empty()) return;
    f.where.path = "/" + place.path;
    if (place.layer < in_.layers.size() && !in_.layers[place.layer].read) {
      f.where.visible = true;  // known by the layer's digest alone
      return;
    }
    NodeId id = facts_.tree.find(place.path, ImageTree::Last::keep);
    f.where.visible = id != kNoNode && facts_.tree.node(id).layer == place.layer && facts_.tree.node(id).type != FileType::directory &&
                      (!record || facts_.tree.node(id).record == *record);  // else a later entry of the same layer took its place
    if (!f.where.visible) f.where.visible = visible_by_another_name(place, record);
    if (!f.where.visible) return;
    if (const InstalledPackage* p = facts_.owner_of(place.path))
      f.where.package = PackageRef{p->package.name, p->package.version, p->package.source};
    else if (!facts_.packages.empty() && in_.layers[place.layer].read)
      f.evidence.push_back({EvidenceBy::ownership, "no package owns the file"});
  }

  // A hard link keeps content in sight when its first name is gone.
  bool visible_by_another_name(const Place& place, std::optional<uint32_t> record) const {
    if (!facts_.layers[place.layer]) return false;
    FileRecord r;
    for (FileCursor c(facts_.layers[place.layer]->files); c.next(r);)
      if (r.path == place.path && r.type == FileType::regular && (!record || c.index() == *record) && facts_.tree.visible(place.layer, c.index())) return true;
    return false;
  }

  const DetectInput& in_;
  const ImageFacts& facts_;
  std::map<Place, Draft> drafts_;
  std::vector<InRange> in_range_;
  LinkerCheck linker_;
  Detected out_;
};

}  // namespace

Detected detect(const DetectInput& in) {
  return Detector(in).run();
}

}  // namespace careen
