#include "fleet/lineage.h"

#include <algorithm>
#include <map>
#include <set>

#include "base/text.h"
#include "oci/reference.h"

namespace careen {
namespace {

using Id = Inventory::Id;

Relative relative(Inventory& inventory, Id id, const StoredImage& i) {
  return {id, i.digest, i.platform, inventory.tags_of(i.digest), i.layers.size(), 0};
}

// Images whose layers are the first `count` of these, not all of them.
std::vector<Id> bases(Inventory& inventory, const StoredImage& image, size_t count) {
  return inventory.images_with_chain(chain_id(image.layers, count));
}

bool is_base(const StoredImage& base, const StoredImage& of) {
  return !base.layers.empty() && base.layers.size() < of.layers.size() && std::equal(base.layers.begin(), base.layers.end(), of.layers.begin());
}

Lineage lineage_of_one(Inventory& inventory, Id id, const StoredImage& image) {
  Lineage out;
  out.self = relative(inventory, id, image);
  for (size_t n = image.layers.size(); n-- > 1;)
    for (Id b : bases(inventory, image, n))
      if (auto i = inventory.image(b)) out.ancestors.push_back(relative(inventory, b, *i));
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
    for (const Tag& t : inventory.tags_named(name, "")) by_digest(t.digest);  // a file or folder
  }
  return {out.begin(), out.end()};
}

Result<std::vector<Lineage>> lineage_of(Inventory& inventory, const std::string& name) {
  std::vector<Lineage> out;
  for (Id id : find_images(inventory, name))
    if (auto i = inventory.image(id)) out.push_back(lineage_of_one(inventory, id, *i));
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
