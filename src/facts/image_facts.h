// What an image contains: its layers' facts laid over each other.
//
// Built once from the layers' facts, then immutable and shared by threads. A layer that could not be read is a null pointer; the
// caller says so in coverage. Concludes nothing: what is bad is judged in detect/.
#pragma once
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "facts/image_tree.h"
#include "facts/layer_facts.h"

namespace careen {

struct Distribution {
  std::string id, release;                     // os-release's ID; VERSION_ID, a codename, or "testing/sid" and the like; "" unknown
  std::string pretty;                          // for people
  std::vector<std::string> like;               // ID_LIKE
  std::vector<std::string> repositories = {};  // Red Hat's content sets that the image says it was built from
  std::string codename = {};                   // "bookworm", "jammy"; of Debian testing and unstable that of the next release; "" unknown
};

// Whether anything that the image starts loads a file of a package, as far as that was followed; filled in by detect/.
enum class PackageUse : uint8_t { unknown, loaded, not_loaded };

struct InstalledPackage {
  Package package;             // without its files: see ImageFacts::owners
  size_t owned_files = 0;      // that are there
  std::string database, root;  // root: "" or "opt/chroot/"
  size_t layer = 0;
  size_t introduced = 0;  // the layer since which the package stands in the database in this version
  bool visible = true;    // false: the database was deleted in a later layer
  PackageUse use = PackageUse::unknown;
  std::string used_by;  // the chain by which it is loaded, in words
};

// What the package's own record says of one file that is there.
struct Owner {
  uint32_t package = UINT32_MAX;
  RecordedDigest algorithm = RecordedDigest::none;
  bool config = false;
  std::array<uint8_t, 32> digest{};
};

struct ImageFacts {
  std::vector<std::shared_ptr<const LayerFacts>> layers;
  ImageTree tree;
  Distribution distribution;
  std::vector<InstalledPackage> packages;
  // By layer and number of entry: the package that owns a visible regular file. Empty for a layer without an owned file.
  std::vector<std::vector<Owner>> owners;
  std::multimap<std::pair<size_t, uint32_t>, Owner> other_owners;  // of files that several packages claim
  std::vector<Coverage> coverage;

  // The owner of an entry; null when no package owns it.
  const InstalledPackage* owner(size_t layer, uint32_t record) const;
  // The owner of a path; null when no package owns it.
  const InstalledPackage* owner_of(std::string_view path) const;
  // The text of a small file as the image shows it; "" when it was not kept or is not there. Follows links.
  std::string_view text(std::string_view path) const;
  // A file that is there and whose text was not kept: too large, or where no text is expected.
  bool unread(std::string_view path) const;
  const ElfFacts* elf(NodeId node) const;

  // Filled by build_image_facts: the node of what was kept of a visible file, and back.
  std::unordered_map<NodeId, const ElfFacts*> elf_at;
  std::unordered_map<NodeId, const StoredText*> text_at;
};

ImageFacts build_image_facts(std::vector<std::shared_ptr<const LayerFacts>> layers, ImageTree::Whiteouts whiteouts = ImageTree::Whiteouts::apply);

}  // namespace careen
