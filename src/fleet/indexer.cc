#include "fleet/indexer.h"

#include <algorithm>
#include <set>

#include "base/codec.h"
#include "base/text.h"
#include "detect/structure.h"
#include "fleet/reading.h"
#include "oci/reference.h"
#include "scan/judged.h"
#include "source/registry.h"

namespace careen {
namespace {

constexpr size_t kMaxHidden = 5'000'000;

std::vector<std::string> gaps_of(const std::vector<Coverage>& rows) {
  std::vector<std::string> out;
  for (const Coverage& c : rows) {
    bool counts = c.question == Question::content || c.question == Question::packages || c.question == Question::threats;
    if (counts && (c.state == CoverageState::partly || c.state == CoverageState::not_looked))
      out.push_back(std::string(to_text(c.question)) + ": " + (c.what.empty() ? "" : c.what + ": ") + c.why);
  }
  return out;
}

// Names that a container does not see, by name: a hard link may keep the content of one that is gone.
std::vector<HiddenFile> hidden_files(const ImageFacts& facts, std::vector<std::string>& gaps) {
  std::vector<HiddenFile> out;
  FileRecord r;
  for (size_t i = 0; i < facts.layers.size(); ++i) {
    if (!facts.layers[i]) continue;
    for (FileCursor c(facts.layers[i]->files); c.next(r);) {
      if (r.type == FileType::directory || base_name(r.path).starts_with(".wh.")) continue;
      NodeId id = facts.tree.find(r.path, ImageTree::Last::keep);
      bool seen = id != kNoNode && facts.tree.node(id).type != FileType::directory;
      if (seen && r.type == FileType::hardlink) seen = facts.tree.origins().contains(id);
      if (seen && r.type != FileType::hardlink) seen = facts.tree.node(id).layer == i && facts.tree.node(id).record == c.index();
      if (seen) continue;
      if (out.size() == kMaxHidden) {
        gaps.emplace_back("content: more than 5000000 hidden files (kMaxHidden): some are told as visible");
        return out;
      }
      out.push_back({i, r.path});
    }
  }
  return out;
}

// The threats that a result tells of, refuted ones apart; the rule where no record claims a finding.
std::set<std::string> threats_in(const ScanResult& result) {
  std::set<std::string> out;
  for (const Finding& f : result.findings)
    if (f.confidence != Confidence::refuted && (f.kind == FindingKind::backdoor || f.kind == FindingKind::malware)) out.insert(f.threat.value_or(f.rule));
  return out;
}

// Names that lead to the image itself, not to one of its layers.
std::vector<std::pair<TermKind, std::string>> terms_of(const Image& image, const ScanResult& result) {
  std::vector<std::pair<TermKind, std::string>> out;
  for (const auto& [key, value] : image.config.labels) out.emplace_back(TermKind::label, key + "=" + value);
  for (const std::string& e : image.config.environment) out.emplace_back(TermKind::environment, e);
  for (const auto* list : {&image.config.entrypoint, &image.config.command})
    for (const std::string& w : *list) out.emplace_back(TermKind::entrypoint, w);
  for (const std::string& t : threats_in(result)) out.emplace_back(TermKind::threat, t);
  if (!result.facts) return out;
  std::set<std::string> rules;
  for (const auto& layer : result.facts->layers)
    if (layer)
      for (const ElfFacts& e : layer->elf)
        for (const std::string& rule : judge_structure(e).rules) rules.insert(rule);
  for (const std::string& r : rules) out.emplace_back(TermKind::structure, r);
  return out;
}

StoredImage stored(const Image& image, const ScanResult& result) {
  StoredImage s;
  s.digest = !image.digest.empty() ? image.digest.text() : image.config_digest.text();
  s.config_digest = image.config_digest.text();
  s.platform = result.platform;
  for (const ScannedLayer& l : result.layers) {
    s.layers.push_back(l.diff_id.value_or(Digest{}));
    s.blobs.push_back(l.digest ? l.digest->text() : "");
    s.steps.push_back(l.created_by);
  }
  for (const InstalledPackage& p : result.packages)
    s.packages.push_back(
        {p.package.type, p.package.name, p.package.version, p.package.architecture, p.package.source, p.package.source_version, p.layer, p.visible});
  s.terms = terms_of(image, result);
  s.labels = image.config.labels;
  // Labels come along from the base's own configuration; what the manifest says is of this image.
  for (const char* key :
       {"org.opencontainers.image.base.name", "org.opencontainers.image.base.digest", "org.opencontainers.image.source", "org.opencontainers.image.revision"})
    if (auto it = image.annotations.find(key); it != image.annotations.end()) s.labels[key] = it->second;
  s.judged = store_judged(result);
  Encoder e;
  for (const KnowledgeSource& k : result.knowledge) e(k.name), e(k.digest.text());
  s.knowledge = Digest(sha256_of(as_bytes(e.take()))).text();
  s.verdict = to_text(result.judgement.verdict);
  s.gaps = gaps_of(result.coverage);
  if (result.facts) s.hidden = hidden_files(*result.facts, s.gaps);
  s.created = image.config.created;
  return s;
}

// The image as the inventory remembers it: its layers can be had by their facts alone.
Result<Image> image_from(Inventory& inventory, const StoredImage& s, const ImageUse* as) {
  Image image;
  image.source = "inventory";
  image.reference = image.resolved = s.digest;
  CAREEN_ASSIGN(image.digest, Digest::parse(s.digest));
  if (!s.config_digest.empty()) {
    CAREEN_ASSIGN(image.config_digest, Digest::parse(s.config_digest));
    auto text = inventory.layers()->document(image.config_digest);
    if (text && digest_of(as_bytes(*text), image.config_digest.algorithm()) == image.config_digest) {
      CAREEN_ASSIGN(image.config, parse_config(*text));
    } else {
      image.gaps.push_back("the image's configuration is not in the inventory");
    }
  }
  if (as != nullptr) {
    if (!as->command.empty()) image.config.entrypoint = as->command, image.config.command.clear();
    if (!as->arguments.empty()) image.config.command = as->arguments;
    image.config_digest = {};  // what is concluded is of this workload, and never remembered as of the image
  }
  image.platform = image.config.platform;
  for (size_t i = 0; i < s.layers.size(); ++i) {
    Layer l;
    if (auto d = Digest::parse(i < s.blobs.size() ? s.blobs[i] : "")) l.descriptor.digest = *d;
    l.claimed_diff_id = s.layers[i];
    l.created_by = i < s.steps.size() ? s.steps[i] : "";
    l.open = []() -> Result<BlobInput> { return Error{Errc::not_found, "its facts are not in the inventory, and it is not read here"}; };
    image.layers.push_back(std::move(l));
  }
  return image;
}

class Indexer {
 public:
  Indexer(Inventory& inventory, IndexOptions options) : inventory_(inventory), o_(std::move(options)) {
    o_.scan.cache = inventory.layers();
    o_.scan.wants_facts = true;
    if (!o_.resolve.platforms.platform) o_.resolve.platforms.all = true;
  }

  Result<IndexSummary> run(const std::vector<std::string>& sources) {
    int64_t begun = now();
    Targets targets = sources.empty() ? to_read_again() : find_targets(sources, o_.targets);
    CAREEN_TRY(keep_pulls(targets));  // before reading anything counts as a pull itself
    for (const auto& [source, why] : targets.failures) CAREEN_TRY(failed(source, why));
    out_.older = targets.older, out_.undated = targets.undated;
    CAREEN_TRY(o_.distribute ? let_others_index(targets.list) : index_all(targets.list));
    for (const auto& [source, uses] : targets.uses) CAREEN_TRY(keep_uses(source, uses));
    auto failed_to_list = [&](const std::string& name) {
      return std::any_of(out_.failures.begin(), out_.failures.end(), [&](const auto& f) { return f.first == name; });
    };
    for (const std::string& s : sources)
      if (!failed_to_list(s)) CAREEN_TRY(inventory_.forget_failure(s));
    for (const std::string& r : targets.repositories)
      if (!failed_to_list(r)) CAREEN_TRY(inventory_.forget_failure(r));
    std::vector<std::string> listed = targets.repositories;
    for (const std::string& host : targets.hosts)  // a repository that its registry does not name any more
      for (const std::string& r : inventory_.repositories())
        if (r.starts_with(host + "/") && std::find(targets.catalog.begin(), targets.catalog.end(), r) == targets.catalog.end()) listed.push_back(r);
    for (const std::string& r : listed) {
      CAREEN_ASSIGN(uint64_t gone, inventory_.vanish(r, begun, now()));
      out_.vanished += gone;
    }
    for (const std::string& s : o_.note_crawls ? sources : std::vector<std::string>{})
      CAREEN_TRY(inventory_.note_crawl({s, now(), out_.images + out_.unchanged, out_.failures.size()}));
    if (sources.empty()) CAREEN_TRY(renew_others());
    return std::move(out_);
  }

  Result<IndexSummary> only(const Target& t) {
    CAREEN_TRY(one(t));
    return std::move(out_);
  }

 private:
  // No source is named: what the inventory has is brought up to this careen and its records.
  Targets to_read_again() {
    ReadingPlan plan = plan_reading(inventory_, o_.scan.threats->patterns);
    Targets out;
    out.list = std::move(plan.from);
    for (const auto& [layer, why] : plan.lost) out.failures.emplace_back("layer " + layer, "can no longer be had: " + why);
    for (const ReadingPlan::Row& r : plan.layers)
      for (Inventory::Id id : inventory_.images_of_layer(r.layer)) stale_.insert(id);
    return out;
  }

  // Images that share a layer with one that was read, and those judged with other records.
  Result<void> renew_others() {
    for (Inventory::Id id : inventory_.images_judged_otherwise(knowledge_digest(*o_.scan.threats))) stale_.insert(id);
    for (Inventory::Id id : inventory_.images_with_gaps()) stale_.insert(id);
    for (Inventory::Id id : stale_) {
      auto image = inventory_.image(id);
      if (!image) continue;
      CAREEN_TRY(renew_image(inventory_, *image, o_.scan));
      ++out_.rejudged;
    }
    return {};
  }

  Result<void> index_all(const std::vector<Target>& targets) {
    for (size_t i = 0; i < targets.size(); ++i) {
      if (o_.on_progress) o_.on_progress(i, targets.size(), targets[i].argument);
      auto ok = one(targets[i]);
      if (!ok && ok.error().code == Errc::io && ok.error().what.starts_with(escape(inventory_.shown()))) return ok;  // the store itself
      CAREEN_TRY(note(targets[i], ok ? std::nullopt : std::optional(ok.error().what)));
    }
    return {};
  }

  Result<void> let_others_index(const std::vector<Target>& targets) {
    CAREEN_ASSIGN(std::vector<TargetOutcome> outcomes, o_.distribute(targets));
    for (size_t i = 0; i < targets.size(); ++i) {
      const TargetOutcome::Counts& c = outcomes[i].counts;
      out_.images += c.images, out_.unchanged += c.unchanged, out_.new_layers += c.new_layers;
      out_.flagged += c.flagged, out_.undetermined += c.undetermined;
      CAREEN_TRY(note(targets[i], outcomes[i].failure));
    }
    return {};
  }

  Result<void> note(const Target& t, const std::optional<std::string>& failure) {
    ++out_.references;
    if (!failure) return inventory_.forget_failure(t.argument);
    CAREEN_TRY(failed(t.argument, *failure));
    return t.repository.empty() ? Result<void>{} : inventory_.still_listed(t.repository, t.tag, now());
  }

  // Never back: a clock that is set back in mid-run makes nothing vanish that was just seen.
  int64_t now() { return latest_ = std::max(latest_, o_.clock()); }

  Result<void> failed(const std::string& what, const std::string& why) {
    out_.failures.emplace_back(what, why);
    return inventory_.note_failure(what, why, now());
  }

  Result<void> keep_pulls(const Targets& targets) {
    std::vector<StoredPulls> list;
    for (const CatalogRepository& r : targets.pulls)
      for (const CatalogTag& t : r.tags)
        if (!t.tag.empty() && (t.pushed || t.pulled || r.pulls)) list.push_back({r.name, t.tag, t.pushed, t.pulled, r.pulls, now()});
    return list.empty() ? Result<void>{} : inventory_.note_pulls(list);
  }

  Result<void> keep_uses(const std::string& source, const std::vector<ImageUse>& uses) {
    std::vector<StoredUse> list;
    for (const ImageUse& u : uses) {
      StoredUse s{u, o_.cluster, "", now()};
      if (auto ref = Reference::parse(u.reference)) {
        s.name = ref->host + "/" + ref->repository + ":" + ref->tag;
        if (s.use.digest.empty() && !ref->digest.empty()) s.use.digest = ref->digest.text();
      }
      list.push_back(std::move(s));
    }
    out_.uses += list.size();
    return inventory_.replace_uses(source + (o_.cluster.empty() ? "" : " of " + o_.cluster), list);
  }

  // A tag whose manifest is the one that was indexed before costs one request without a body.
  Result<bool> unchanged(const Target& t) {
    if (!t.registry || o_.refresh) return false;
    auto digest = head_manifest(t.argument.substr(9), o_.targets.http);
    if (!digest || digest->empty()) return false;  // asked for in full, which tells why
    if (!is_indexed_whole(inventory_, digest->text())) return false;
    CAREEN_TRY(inventory_.see(t.repository, t.tag, digest->text(), now()));
    CAREEN_TRY(inventory_.seen_again(digest->text(), now()));
    ++out_.unchanged;
    return true;
  }

  Result<void> one(const Target& t) {
    CAREEN_ASSIGN(bool same, unchanged(t));
    if (same) return {};
    CAREEN_ASSIGN(std::vector<Image> images, resolve_images(t.argument, o_.resolve));
    std::map<std::string, std::vector<std::string>> members;
    std::string unread;
    for (const Image& image : images) {
      CAREEN_TRY(add(image, &unread));
      std::string digest = !image.digest.empty() ? image.digest.text() : image.config_digest.text();
      if (!image.index_digest.empty()) members[image.index_digest.text()].push_back(digest);
      if (image.index_digest.empty()) CAREEN_TRY(see(t, digest));
    }
    for (const auto& [index, list] : members) {
      CAREEN_TRY(inventory_.add_index(index, list, !o_.resolve.platforms.platform && images[0].gaps.empty()));
      CAREEN_TRY(see(t, index));
    }
    if (!unread.empty()) return Error{Errc::io, unread};
    if (!images.empty() && !images[0].gaps.empty()) return Error{Errc::io, images[0].gaps[0]};
    return {};
  }

  Result<void> see(const Target& t, const std::string& digest) {
    return t.repository.empty() ? Result<void>{} : inventory_.see(t.repository, t.tag, digest, now());
  }

  // `unread`: why a layer could not be read, when one could not.
  Result<void> add(const Image& image, std::string* unread) {
    std::string digest = !image.digest.empty() ? image.digest.text() : image.config_digest.text();
    if (auto id = inventory_.image_id(digest); id && !o_.refresh) {
      auto known = inventory_.image(*id);
      if (known && known->gaps.empty() && known->knowledge == knowledge_digest(*o_.scan.threats)) {
        ++out_.unchanged;
        return inventory_.seen_again(digest, now());
      }
    }
    ScanResult result = scan_image(image, o_.scan);
    for (size_t i = 0; i < result.layers.size(); ++i)
      if (!result.layers[i].diff_id && image.layers[i].kind == LayerKind::tar)
        for (const Coverage& c : result.coverage)
          if (unread->empty() && c.what.starts_with("layer " + std::to_string(i))) *unread = c.what + ": " + c.why;
    CAREEN_ASSIGN(size_t fresh, record_image(inventory_, image, result, now()));
    out_.new_layers += fresh;
    ++out_.images;
    if (result.judgement.verdict == Verdict::flagged) ++out_.flagged;
    if (result.judgement.verdict == Verdict::undetermined) ++out_.undetermined;
    return {};
  }

  Inventory& inventory_;
  IndexOptions o_;
  IndexSummary out_;
  std::set<Inventory::Id> stale_;
  int64_t latest_ = 0;
};

}  // namespace

bool is_indexed_whole(Inventory& inventory, const std::string& digest) {
  std::vector<std::string> images{digest};
  if (inventory.has_index(digest)) images = inventory.members_of(digest);
  return std::all_of(images.begin(), images.end(), [&](const std::string& d) {
    auto id = inventory.image_id(d);
    auto image = id ? inventory.image(*id) : std::nullopt;
    return image && std::none_of(image->layers.begin(), image->layers.end(), [](const Digest& l) { return l.empty(); });
  });
}

std::string knowledge_digest(const ThreatSet& threats) {
  Encoder e;
  for (const KnowledgeSource& k : threats.sources) e(k.name), e(k.digest.text());
  return Digest(sha256_of(as_bytes(e.take()))).text();
}

Result<size_t> record_image(Inventory& inventory, const Image& image, const ScanResult& result, int64_t now) {
  size_t fresh = 0;
  if (result.facts)
    for (const auto& layer : result.facts->layers) {
      if (!layer || layer->diff_id.empty() || inventory.has_layer(layer->diff_id)) continue;
      // Facts that are not whole are not kept; that others could not be is an error, or questions would miss the layer.
      if (auto why = inventory.layers()->trouble(); why && !inventory.layers()->holds(layer->diff_id))
        return Error{Errc::io, escape(inventory.shown()) + ": the facts of layer " + layer->diff_id.text() + " could not be kept: " + *why};
      CAREEN_TRY(inventory.add_layer(*layer, inventory.layers()->symbols(layer->diff_id), now));
      ++fresh;
    }
  CAREEN_TRY(inventory.add_image(stored(image, result), now));
  return fresh;
}

Result<void> record_scan(Inventory& inventory, const Image& image, const ScanResult& result, int64_t now) {
  CAREEN_TRY(record_image(inventory, image, result, now));
  std::string digest = !image.digest.empty() ? image.digest.text() : image.config_digest.text();
  std::string repository = image.resolved, tag;
  if (auto ref = Reference::parse(image.resolved); ref && image.source == "registry") {
    repository = ref->host + "/" + ref->repository;
    tag = ref->tag;
  }
  if (!image.index_digest.empty()) CAREEN_TRY(inventory.add_index(image.index_digest.text(), {digest}, false));
  return inventory.see(repository, tag, image.index_digest.empty() ? digest : image.index_digest.text(), now);
}

Result<ScanResult> rejudge(Inventory& inventory, const StoredImage& s, const ScanOptions& options, const ImageUse* as) {
  CAREEN_ASSIGN(Image image, image_from(inventory, s, as));
  ScanOptions o = options;
  o.cache = inventory.layers();
  return scan_image(image, o);
}

Result<void> renew_image(Inventory& inventory, const StoredImage& s, const ScanOptions& options) {
  CAREEN_ASSIGN(Image image, image_from(inventory, s, nullptr));
  if (!image.gaps.empty()) {  // without its configuration, what was known of that stays
    CAREEN_ASSIGN(ScanResult result, rejudge(inventory, s, options));
    return keep_judgement(inventory, s, result);
  }
  ScanOptions o = options;
  o.cache = inventory.layers();
  o.wants_facts = true;
  StoredImage anew = stored(image, scan_image(image, o));
  anew.platform = s.platform;
  anew.labels = s.labels;  // the manifest's annotations among them
  anew.blobs = s.blobs;
  for (size_t i = 0; i < anew.layers.size() && i < s.layers.size(); ++i)
    if (anew.layers[i].empty()) anew.layers[i] = s.layers[i];  // it could not be read now: its facts are told as not there
  return inventory.add_image(anew, s.last_seen);
}

StoredImage with_judgement(Inventory& inventory, const StoredImage& image, const ScanResult& result) {
  StoredImage s = image;
  s.judged = store_judged(result);
  s.verdict = to_text(result.judgement.verdict);
  s.gaps = gaps_of(result.coverage);
  Encoder e;
  for (const KnowledgeSource& k : result.knowledge) e(k.name), e(k.digest.text());
  s.knowledge = Digest(sha256_of(as_bytes(e.take()))).text();
  s.terms = inventory.terms_of(image.digest);
  std::erase_if(s.terms, [](const auto& t) { return t.first == TermKind::threat; });
  for (const std::string& t : threats_in(result)) s.terms.emplace_back(TermKind::threat, t);
  return s;
}

Result<void> keep_judgement(Inventory& inventory, const StoredImage& image, const ScanResult& result) {
  return inventory.add_image(with_judgement(inventory, image, result), image.last_seen);
}

Result<IndexSummary> index_target(Inventory& inventory, const Target& target, IndexOptions options) {
  return Indexer(inventory, std::move(options)).only(target);
}

Result<IndexSummary> index_images(Inventory& inventory, const std::vector<std::string>& sources, IndexOptions options) {
  return Indexer(inventory, std::move(options)).run(sources);
}

}  // namespace careen
