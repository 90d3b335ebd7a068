#include "fleet/indexer.h"

#include <algorithm>
#include <future>
#include <set>

#include "base/text.h"
#include "fleet/reading.h"
#include "fleet/renew.h"
#include "oci/reference.h"
#include "source/registry.h"

namespace careen {
namespace {

constexpr size_t kMaxName = 512;  // that an archive gives an image
constexpr size_t kMaxTag = 128;   // of the distribution specification; a longer one is told as no tag

// Under each name that a file gives an image; under none where it gives none.
Result<void> see_names(Inventory& inventory, const std::string& file, const Image& image, const std::string& digest, int64_t now) {
  bool any = false;
  for (const std::string& name : image.names) {
    if (name.empty() || name.size() > kMaxName) continue;
    any = true;
    CAREEN_TRY(inventory.see(file, name, digest, now));
  }
  return any ? Result<void>{} : inventory.see(file, "", digest, now);
}

class Indexer {
 public:
  Indexer(Inventory& inventory, IndexOptions options) : inventory_(inventory), o_(std::move(options)) {
    o_.scan.cache = inventory.layers();
    o_.scan.wants_facts = true;
    o_.scan.recent = std::make_shared<RecentLayers>();
    if (!o_.resolve.platforms.platform) o_.resolve.platforms.all = true;
    o_.resolve.platforms.attestations = o_.resolve.platforms.every = true;
  }

  Result<IndexSummary> run(const std::vector<std::string>& sources) {
    int64_t begun = now();
    Targets targets = sources.empty() ? to_read_again() : find_targets(sources, o_.targets);
    CAREEN_TRY(keep_pulls(targets));  // before reading anything counts as a pull itself
    CAREEN_TRY(look_for_the_deleted(targets));
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
    std::set<std::string> catalog(targets.catalog.begin(), targets.catalog.end());
    for (const std::string& r : targets.hosts.empty() ? std::vector<std::string>{} : inventory_.repositories())
      for (const std::string& host : targets.hosts)  // a repository that its registry does not name any more
        if (r.starts_with(host + "/") && !catalog.contains(r)) listed.push_back(r);
    for (const std::string& r : listed) {
      CAREEN_ASSIGN(uint64_t gone, inventory_.vanish(r, begun, now(), targets.untagged.contains(r)));
      out_.vanished += gone;
    }
    for (const auto& [repository, glob] : targets.parts) CAREEN_TRY(vanish_part(repository, glob, begun));
    CAREEN_TRY(tell_what_runs_unseen(targets));
    CAREEN_TRY(forget_what_is_gone(sources, targets, listed));
    for (const std::string& s : o_.note_crawls ? sources : std::vector<std::string>{})  // one that could not be listed keeps its age
      if (!failed_to_list(s) && !failed_to_list(s.substr(0, s.rfind(':'))))
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

  // A repository that its registry does not have, and that the inventory has images of, was deleted: all of its tags have vanished.
  Result<void> look_for_the_deleted(Targets& targets) {
    for (const std::string& r : targets.absent) {
      if (inventory_.tags_named(r, "").empty()) continue;
      std::erase_if(targets.failures, [&](const auto& f) { return f.first == r; });
      targets.repositories.push_back(r);
      targets.untagged.insert(r);
    }
    return {};
  }

  // Of a repository of which only some tags were asked for, those that would have been listed.
  Result<void> vanish_part(const std::string& repository, const std::string& glob, int64_t begun) {
    std::set<std::string> gone;
    for (const Tag& t : inventory_.tags_named(repository, ""))
      if (!t.vanished && !t.tag.empty() && t.last_seen < begun && glob_match(glob, t.tag)) gone.insert(t.tag);
    for (const std::string& tag : gone) {
      CAREEN_ASSIGN(uint64_t rows, inventory_.vanish_tag(repository, tag, begun, now()));
      out_.vanished += rows;
    }
    return {};
  }

  // What runs, and is not what its name gave when it was indexed.
  Result<void> tell_what_runs_unseen(const Targets& targets) {
    std::set<std::string> told;
    for (const auto& [unused, uses] : targets.uses)
      for (const ImageUse& u : uses)
        if (u.running && !u.digest.empty()) told.insert(u.reference + " " + u.digest);
    for (const StoredUse& u : told.empty() ? std::vector<StoredUse>{} : inventory_.uses_not_indexed()) {
      if (!u.use.running || !told.contains(u.use.reference + " " + u.use.digest)) continue;
      bool known = std::any_of(out_.failures.begin(), out_.failures.end(), [&](const auto& f) { return f.first.find(u.use.reference) != std::string::npos; });
      if (!known)
        CAREEN_TRY(failed(u.use.reference + " as " + u.use.workload,
                          "runs as " + u.use.digest + ", which the name does not lead to any more: that image is not indexed"));
    }
    return {};
  }

  // Failures of what this run saw the whole of, and that did not fail again: a tag that was deleted, a file that was mended.
  Result<void> forget_what_is_gone(const std::vector<std::string>& sources, const Targets& targets, const std::vector<std::string>& listed) {
    std::set<std::string> again;
    for (const auto& [reference, unused] : out_.failures) again.insert(reference);
    std::vector<std::string> covered;
    for (const std::string& r : listed) covered.insert(covered.end(), {"registry:" + r + ":", "registry:" + r + "@", r + ":", r + "@"});
    for (const auto& [source, unused] : targets.uses) covered.push_back(source.substr(5));
    if (sources.empty()) covered.emplace_back("layer ");
    for (const IndexFailure& f : covered.empty() ? std::vector<IndexFailure>{} : inventory_.failures())
      if (!again.contains(f.reference) && std::any_of(covered.begin(), covered.end(), [&](const std::string& c) { return f.reference.starts_with(c); }))
        CAREEN_TRY(inventory_.forget_failure(f.reference));
    return {};
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
      if (o_.stop != nullptr && *o_.stop) return Error{Errc::interrupted, "stopped"};
      tell(i, targets.size(), targets[i].argument);
      auto ok = one(targets[i]);
      if (!ok && ok.error().code == Errc::io && ok.error().what.starts_with(escape(inventory_.shown()))) return ok;  // the store itself
      CAREEN_TRY(note(targets[i], ok ? std::nullopt : std::optional(ok.error().what)));
    }
    return {};
  }

  // Bytes are told while the layers of an image are read, too.
  void tell(size_t done, size_t total, const std::string& at) {
    if (!o_.on_progress) return;
    before_ = bytes_, last_ = 0;
    IndexProgress p{done, total, at, bytes_, out_.failures.size()};
    o_.on_progress(p);
    o_.scan.on_progress = [this, p](uint64_t read, uint64_t, size_t) mutable {
      if (read < last_) before_ += last_;  // the next image of an index
      last_ = read;
      p.bytes = bytes_ = before_ + read;
      o_.on_progress(p);
    };
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
        if (!t.tag.empty() && t.tag.size() <= kMaxTag && (t.pushed || t.pulled || r.pulls)) list.push_back({r.name, t.tag, t.pushed, t.pulled, r.pulls, now()});
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
    std::string unread, gap;
    std::map<std::string, const Image*> named;  // by index
    std::set<std::string> partial;              // indexes
    const int64_t begun = now();
    for (const Image& image : images) {
      if (!image.others_unread.empty()) gap = "another image of the archive could not be read: " + image.others_unread;
      if (!is_wanted(image)) continue;
      if (!image.gaps.empty()) gap = image.gaps[0], partial.insert(image.index_digest.text());
      CAREEN_TRY(add(image, &unread));
      std::string digest = !image.digest.empty() ? image.digest.text() : image.config_digest.text();
      if (!image.index_digest.empty()) members[image.index_digest.text()].push_back(digest), named[image.index_digest.text()] = &image;
      if (image.index_digest.empty()) CAREEN_TRY(see(t, image, digest));
    }
    for (const auto& [index, list] : members) {
      CAREEN_TRY(inventory_.add_index(index, list, !o_.resolve.platforms.platform && !partial.contains(index)));
      CAREEN_TRY(see(t, *named[index], index));
    }
    if (!unread.empty()) return Error{Errc::io, unread};
    if (!gap.empty()) return Error{Errc::io, gap};
    // An archive that was read whole has no other images than these.
    if (!images.empty() && is_archive(images[0]) && !t.repository.empty() && o_.targets.tags.empty() && !o_.resolve.platforms.platform) {
      CAREEN_ASSIGN(uint64_t gone, inventory_.vanish(t.repository, begun, now(), true));
      out_.vanished += gone;
    }
    return {};
  }

  // Of an archive the names are known once it was read.
  bool is_wanted(const Image& image) const {
    const std::string& glob = o_.targets.tags;
    return glob.empty() || !is_archive(image) || image.names.empty() || std::any_of(image.names.begin(), image.names.end(), [&](const std::string& n) {
             return glob_match(glob, n) || glob_match(glob, n.substr(n.rfind(':') + 1));
           });
  }
  static bool is_archive(const Image& image) { return image.source.ends_with("-archive"); }

  Result<void> see(const Target& t, const Image& image, const std::string& digest) {
    if (t.repository.empty()) return {};
    if (!is_archive(image)) return inventory_.see(t.repository, t.tag, digest, now());
    return see_names(inventory_, t.repository, image, digest, now());
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
    out_.attestations += image.attestations.size();
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
  uint64_t bytes_ = 0, before_ = 0, last_ = 0;  // read in all, by earlier images, by the image at hand
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

Result<size_t> record_image(Inventory& inventory, const Image& image, const ScanResult& result, int64_t now) {
  size_t fresh = 0;
  std::future<Inventory::LayerKeys> next;  // made while the layer before is written
  std::set<Digest> done;
  for (std::shared_ptr<const LayerFacts> layer : result.facts ? result.facts->layers : decltype(result.facts->layers){}) {
    if (!layer || layer->diff_id.empty() || !done.insert(layer->diff_id).second || inventory.has_layer(layer->diff_id)) continue;
    // Facts that are not whole are not kept; that others could not be is an error, or questions would miss the layer.
    if (auto why = inventory.layers()->trouble(); why && !inventory.layers()->holds(layer->diff_id))
      return Error{Errc::io, escape(inventory.shown()) + ": the facts of layer " + layer->diff_id.text() + " could not be kept: " + *why};
    auto keys = std::async(std::launch::async, [layer, cache = inventory.layers()] { return Inventory::keys_of(*layer, cache->symbols(layer->diff_id)); });
    if (next.valid()) CAREEN_TRY(inventory.add_layer(next.get(), now));
    next = std::move(keys);
    ++fresh;
  }
  if (next.valid()) CAREEN_TRY(inventory.add_layer(next.get(), now));
  StoredImage stored = stored_image(image, result);
  // Of a layer that was not read whole, or is not what its digest promises, nothing is kept: a question may miss what it has.
  for (const Digest& layer : done)
    if (!inventory.layers()->holds(layer)) stored.gaps.push_back("content: layer " + layer.text() + ": not read whole, or not what its digest promises");
  CAREEN_TRY(inventory.add_image(stored, now));
  return fresh;
}

Result<void> record_scan(Inventory& inventory, const Image& image, const ScanResult& result, int64_t now) {
  CAREEN_TRY(record_image(inventory, image, result, now));
  std::string digest = !image.digest.empty() ? image.digest.text() : image.config_digest.text();
  if (!image.index_digest.empty()) CAREEN_TRY(inventory.add_index(image.index_digest.text(), {digest}, false));
  const std::string named = image.index_digest.empty() ? digest : image.index_digest.text();
  if (auto ref = Reference::parse(image.resolved); ref && image.source == "registry")
    return inventory.see(ref->host + "/" + ref->repository, ref->tag, named, now);
  return see_names(inventory, image.file.empty() ? image.resolved : image.file, image, named, now);
}

Result<IndexSummary> index_target(Inventory& inventory, const Target& target, IndexOptions options) {
  return Indexer(inventory, std::move(options)).only(target);
}

Result<IndexSummary> index_images(Inventory& inventory, const std::vector<std::string>& sources, IndexOptions options) {
  return Indexer(inventory, std::move(options)).run(sources);
}

}  // namespace careen
