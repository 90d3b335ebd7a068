#include "fleet/lineage.h"

#include <algorithm>
#include <map>
#include <set>

#include "base/text.h"
#include "fleet/hunt.h"
#include "oci/reference.h"
#include "source/registry_catalog.h"

namespace careen {
namespace {

using Id = Inventory::Id;

Relative relative(Inventory& inventory, Id id, const StoredImage& i) {
  return {id, i.digest, i.platform, inventory.tags_of(i.digest), i.layers.size()};
}

// Images whose layers are the first `count` of these, not all of them.
std::vector<Id> bases(Inventory& inventory, const StoredImage& image, size_t count) {
  return inventory.images_with_chain(chain_id(image.layers, count));
}

bool is_base(const StoredImage& base, const StoredImage& of) {
  return !base.layers.empty() && base.layers.size() < of.layers.size() && std::equal(base.layers.begin(), base.layers.end(), of.layers.begin());
}

// Whether a tag's digest is the image or an index that it is in.
bool names(Inventory& inventory, const std::string& digest, const std::string& image) {
  if (digest == image) return true;
  auto members = inventory.members_of(digest);
  return std::find(members.begin(), members.end(), image) != members.end();
}

// Every tag that names the base or did: whether it was so when the image was made, and whether it still is.
std::vector<BaseTag> tags_of_base(Inventory& inventory, const Relative& base, const StoredImage& image) {
  std::vector<BaseTag> out;
  std::set<std::pair<std::string, std::string>> seen;
  auto created = parse_moment(image.created);
  for (const Tag& t : base.tags) {
    if (t.tag.empty() || !seen.emplace(t.repository, t.tag).second) continue;
    BaseTag b;
    b.repository = t.repository, b.tag = t.tag;
    std::vector<Tag> rows = inventory.tags_named(t.repository, t.tag);
    std::sort(rows.begin(), rows.end(), [](const Tag& x, const Tag& y) { return std::tie(x.last_seen, x.first_seen) < std::tie(y.last_seen, y.first_seen); });
    const Tag& last = rows.back();
    if (!last.vanished) b.now = last.digest, b.since = last.first_seen;
    b.current = !last.vanished && names(inventory, last.digest, base.digest);
    const Tag* then = nullptr;
    for (const Tag& row : rows)
      if (created && row.first_seen <= *created && (then == nullptr || row.first_seen > then->first_seen)) then = &row;
    if (then != nullptr) b.at_build = names(inventory, then->digest, base.digest);
    out.push_back(std::move(b));
  }
  return out;
}

// What an image without an indexed base begins with: layers that other images begin with too, or that a record knows.
std::optional<UnindexedBase> unindexed_base(Inventory& inventory, Id self, const StoredImage& image, const ThreatSet* threats) {
  UnindexedBase out;
  auto first = image.layers.empty() || image.layers[0].empty() ? std::nullopt : inventory.layer_id(image.layers[0].text());
  std::map<size_t, size_t> shared;  // so many first layers → images
  if (first)
    for (Id other : inventory.images_of_layer(*first)) {
      auto i = other == self ? std::nullopt : inventory.image(other);
      size_t n = 0;
      while (i && n < i->layers.size() && n < image.layers.size() && i->layers[n] == image.layers[n]) ++n;
      if (n != 0 && n < image.layers.size()) ++shared[n];
    }
  if (!shared.empty()) {
    out.layers = shared.rbegin()->first;
    out.images = shared.rbegin()->second;
  }
  for (size_t n = image.layers.size(); threats != nullptr && n-- > 0 && out.record_says.empty();)
    for (const Threat& t : threats->threats)
      for (const DigestIndicator& d : t.layers)
        if (d.digest == image.layers[n] || (n < image.blobs.size() && d.digest.text() == image.blobs[n])) {
          out.record_says = t.id + (d.note.empty() ? "" : ": " + d.note);
          out.layers = std::max(out.layers, n + 1);
        }
  if (out.layers == 0) return std::nullopt;
  out.chain = chain_id(image.layers, out.layers);
  return out;
}

std::set<Sha256> contents_of(const FileTable& files) {
  std::set<Sha256> out;
  FileRecord r;
  for (FileCursor c(files); out.size() < kMaxContents && c.next(r);)
    if (r.type == FileType::regular && r.size != 0 && r.sha256) out.insert(*r.sha256);
  return out;
}

// Layers that the image does not have and that share at least half of the smaller one's content with one of its own.
void find_copies(Inventory& inventory, const StoredImage& image, size_t own_from, std::vector<CopiedContent>& out) {
  std::set<Id> mine;
  for (const Digest& d : image.layers)
    if (auto id = inventory.layer_id(d.text())) mine.insert(*id);
  for (size_t n = own_from; n < image.layers.size(); ++n) {
    auto id = inventory.layer_id(image.layers[n].text());
    auto files = id ? inventory.files_of(*id) : std::nullopt;
    if (!files) continue;
    std::set<Sha256> here = contents_of(*files);
    std::map<Id, size_t> counts;
    for (const auto& [digest, layers] : inventory.layers_with_files({here.begin(), here.end()}))
      if (layers.size() <= kCommonContent)
        for (Id l : layers)
          if (!mine.contains(l)) ++counts[l];
    std::vector<std::pair<size_t, Id>> most;
    for (const auto& [layer, count] : counts) most.emplace_back(count, layer);
    std::sort(most.begin(), most.end(), [](const auto& a, const auto& b) { return a.first != b.first ? a.first > b.first : a.second < b.second; });
    if (most.size() > kMaxCopied) most.resize(kMaxCopied);
    for (const auto& [unused, layer] : most) {
      auto theirs = inventory.files_of(layer);
      auto digest = inventory.layer_digest(layer);
      if (!theirs || !digest) continue;
      std::set<Sha256> there = contents_of(*theirs);
      CopiedContent c;
      c.layer = n, c.from = digest->text(), c.here = here.size(), c.there = there.size();
      c.shared = static_cast<size_t>(std::count_if(here.begin(), here.end(), [&](const Sha256& d) { return there.contains(d); }));
      if (c.shared == 0 || c.shared * 2 < std::min(c.here, c.there)) continue;
      for (Id other : inventory.images_of_layer(layer)) {
        ++c.images_in_all;
        auto i = c.images.size() < kMaxCopied ? inventory.image(other) : std::nullopt;
        if (i) c.images.emplace_back(name_of(inventory.tags_of(i->digest), i->digest), i->digest);
      }
      out.push_back(std::move(c));
    }
  }
  std::stable_sort(out.begin(), out.end(), [](const CopiedContent& a, const CopiedContent& b) { return a.shared > b.shared; });
}

Lineage lineage_of_one(Inventory& inventory, Id id, const StoredImage& image, const ThreatSet* threats) {
  Lineage out;
  out.self = relative(inventory, id, image);
  out.attestations = inventory.attestations_of(image.digest);
  for (size_t n = image.layers.size(); n-- > 1;)
    for (Id b : bases(inventory, image, n))
      if (auto i = inventory.image(b)) out.ancestors.push_back(relative(inventory, b, *i));
  for (Relative& a : out.ancestors) a.named = tags_of_base(inventory, a, image);
  if (out.ancestors.empty()) out.unindexed = unindexed_base(inventory, id, image, threats);
  find_copies(inventory, image, out.ancestors.empty() ? 0 : out.ancestors[0].layers, out.copied);
  if (image.layers.empty()) return out;
  auto last = inventory.layer_id(image.layers.back().text());
  std::map<Id, StoredImage> below;
  if (last)
    for (Id d : inventory.images_of_layer(*last))
      if (auto i = inventory.image(d); i && is_base(image, *i)) below.emplace(d, std::move(*i));
  for (const auto& [d, i] : below) {
    Relative r = relative(inventory, d, i);
    for (size_t n = i.layers.size() - 1; n > image.layers.size() && r.base == 0; --n)  // the nearest that is indexed
      if (auto nearest = bases(inventory, i, n); !nearest.empty()) r.base = nearest[0];
    out.descendants.push_back(std::move(r));
  }
  std::sort(out.descendants.begin(), out.descendants.end(),
            [](const Relative& a, const Relative& b) { return std::tie(a.layers, a.digest) < std::tie(b.layers, b.digest); });
  auto label = [&](const char* key) {
    auto it = image.labels.find(key);
    return it == image.labels.end() ? std::string{} : it->second;
  };
  ClaimedBase claimed{label("org.opencontainers.image.base.name"), label("org.opencontainers.image.base.digest"), false};
  if (!claimed.name.empty() || !claimed.digest.empty()) {
    claimed.indexed = !claimed.digest.empty() && !find_images(inventory, claimed.digest).empty();
    out.claimed = claimed;
  }
  return out;
}

}  // namespace

std::vector<Id> find_images(Inventory& inventory, const std::string& name) {
  std::set<Id> out;
  auto by_digest = [&](const std::string& digest) {
    if (auto id = inventory.image_id(digest)) out.insert(*id);
    for (const std::string& m : inventory.members_of(digest))
      if (auto id = inventory.image_id(m)) out.insert(*id);
  };
  if (Digest::parse(name)) {
    by_digest(name);
  } else {
    if (auto ref = Reference::parse(name)) {
      if (!ref->digest.empty()) by_digest(ref->digest.text());
      auto tags = ref->digest.empty() ? inventory.tags_named(ref->host + "/" + ref->repository, ref->tag) : std::vector<Tag>{};
      for (const Tag& t : tags)
        if (!t.vanished && (tags.size() == 1 || t.last_seen == std::max_element(tags.begin(), tags.end(), [](const Tag& a, const Tag& b) {
                                                                 return a.last_seen < b.last_seen;
                                                               })->last_seen))
          by_digest(t.digest);
    }
    for (const Tag& t : out.empty() ? inventory.tags_named(name, "") : std::vector<Tag>{}) by_digest(t.digest);  // a file or folder
  }
  return {out.begin(), out.end()};
}

Result<std::vector<Lineage>> lineage_of(Inventory& inventory, const std::string& name, const ThreatSet* threats) {
  std::vector<Lineage> out;
  for (Id id : find_images(inventory, name))
    if (auto i = inventory.image(id)) out.push_back(lineage_of_one(inventory, id, *i, threats));
  if (out.empty() && inventory.counts().images == 0) return Error{Errc::not_found, "the inventory has no images: run careen index"};
  if (out.empty()) return Error{Errc::not_found, "the inventory has no image " + escape(name) + ": index it, or give the digest of one that it has"};
  return out;
}

std::vector<Root> roots_of(Inventory& inventory, const std::vector<Id>& ids) {
  std::set<Id> affected(ids.begin(), ids.end());
  std::map<Id, std::vector<Id>> carries;
  for (Id id : ids) {
    auto i = inventory.image(id);
    if (!i) continue;
    Id root = id;  // the lowest affected image that it is built on
    for (size_t n = 1; n < i->layers.size() && root == id; ++n)
      for (Id b : bases(inventory, *i, n))
        if (b != id && affected.contains(b)) {
          root = b;
          break;
        }
    auto& list = carries[root];
    if (root != id) list.push_back(id);
  }
  std::vector<Root> out;
  for (auto& [id, list] : carries) out.push_back({id, list.size(), std::move(list)});
  std::stable_sort(out.begin(), out.end(), [](const Root& a, const Root& b) { return a.carries > b.carries; });
  return out;
}

}  // namespace careen
