// Which image was built on which, by what they share: an image whose layers are the first layers of another is its base.
#pragma once
#include <string>
#include <vector>

#include "store/inventory.h"

namespace careen {

struct Relative {
  Inventory::Id id = 0;
  std::string digest, platform;
  std::vector<Tag> tags;
  size_t layers = 0;
  Inventory::Id base = 0;  // of a descendant: the nearest image that it is built on; 0 when that is the one asked about
};

struct ClaimedBase {
  std::string name, digest;  // annotations of the image: org.opencontainers.image.base.name and .digest
  bool indexed = false;
};

struct Lineage {
  Relative self;
  std::vector<Relative> ancestors;    // the nearest first
  std::vector<Relative> descendants;  // with fewest layers first, then by digest
  std::optional<ClaimedBase> claimed;
};

// By digest, or by a reference whose tag is in the inventory. Errc::not_found when there is none.
Result<std::vector<Lineage>> lineage_of(Inventory& inventory, const std::string& image);

// Images that are built on nothing else of `ids`: what is to be rebuilt first. With how many of `ids` each carries.
struct Root {
  Inventory::Id id = 0;
  size_t carries = 0;                      // images of `ids` built on it
  std::vector<Inventory::Id> descendants;  // which
};
std::vector<Root> roots_of(Inventory& inventory, const std::vector<Inventory::Id>& ids);

// The images that a person means: a digest, an index's members, or host/path[:tag] as last seen.
std::vector<Inventory::Id> find_images(Inventory& inventory, const std::string& name);

}  // namespace careen
