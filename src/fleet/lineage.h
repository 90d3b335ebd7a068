// Which image was built on which, by what they share: an image whose layers are the first layers of another is its base. Content that
// stands in another layer, as a squash or a copy from a build stage leaves it, is told apart from that.
#pragma once
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "knowledge/threat_set.h"
#include "store/inventory.h"

namespace careen {

inline constexpr size_t kMaxCopied = 20;         // layers that content of one layer was copied from, or to
inline constexpr size_t kMaxContents = 50'000;   // of one layer that are looked for elsewhere
inline constexpr size_t kCommonContent = 5'000;  // layers; what stands in more tells nothing of where it came from

// A tag that names a base, or did.
struct BaseTag {
  std::string repository, tag;
  std::optional<bool> at_build;  // named it when the image was made; nullopt where the inventory was not there yet, or the image has no date
  bool current = false;          // still names it
  std::string now;               // what it names now; "" when it has vanished
  int64_t since = 0;             // since when it is known to name that
};

struct Relative {
  Inventory::Id id = 0;
  std::string digest, platform;
  std::vector<Tag> tags;
  size_t layers = 0;
  Inventory::Id base = 0;           // of a descendant: the nearest image that it is built on; 0 when that is the one asked about
  std::vector<BaseTag> named = {};  // of an ancestor
};

struct ClaimedBase {
  std::string name, digest;  // annotations of the image: org.opencontainers.image.base.name and .digest
  bool indexed = false;
};

// A base that no indexed image is, known by what others share with it or by a threat record.
struct UnindexedBase {
  size_t layers = 0;        // how many of the image's first layers
  std::string chain;        // their chain ID
  size_t images = 0;        // others that begin with them
  std::string record_says;  // the note of a record that knows the last of them; "" when none does
};

// Most of one layer's content, in a layer that the image does not have.
struct CopiedContent {
  size_t layer = 0;                                         // of the image
  std::string from;                                         // the other layer's diff ID
  size_t shared = 0, here = 0, there = 0;                   // distinct contents that are not empty
  std::vector<std::pair<std::string, std::string>> images;  // that have it: name and digest, at most kMaxCopied
  size_t images_in_all = 0;
};

struct Lineage {
  Relative self;
  std::vector<Relative> ancestors;        // the nearest first
  std::vector<Relative> descendants;      // with fewest layers first, then by digest
  std::vector<Attestation> attestations;  // of the image: claims that nothing has verified
  std::optional<ClaimedBase> claimed;
  std::optional<UnindexedBase> unindexed;  // below the nearest ancestor there is no more; without an ancestor what is known of the base
  std::vector<CopiedContent> copied;       // of the image's own layers, most shared first
};

// By digest, or by a reference whose tag is in the inventory. `threats` may name bases; null for none. Errc::not_found when there is no
// such image.
Result<std::vector<Lineage>> lineage_of(Inventory& inventory, const std::string& image, const ThreatSet* threats = nullptr);

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
