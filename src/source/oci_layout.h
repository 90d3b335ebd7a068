// Images in an OCI image layout, whether a directory, an archive or a docker archive that holds one.
#pragma once
#include "source/blob_tree.h"

namespace careen {

inline constexpr int kMaxIndexDepth = 8;

struct LayoutSelector {
  std::string tag;  // org.opencontainers.image.ref.name, or a reference that ends in it
  Digest digest;
};

// The chosen images: one, or with PlatformChoice::all every platform of the chosen reference. When the layout holds several
// references and none is chosen the Error is Errc::usage and lists them; PlatformChoice::every takes all of them. `source` and `where` go into the images.
Result<std::vector<Image>> read_layout(const std::shared_ptr<BlobTree>& tree, const LayoutSelector& selector, const PlatformChoice& platforms,
                                       const std::string& source, const std::string& where);

// How an image's documents are fetched by digest: the seam between choosing a platform and where documents come from.
class ManifestStore {
 public:
  virtual ~ManifestStore() = default;
  virtual Result<std::string> manifest(const Descriptor& d) = 0;  // the bytes, whatever their digest
  virtual Result<std::string> config(const Descriptor& d) = 0;
  virtual std::function<Result<BlobInput>()> layer(const Descriptor& d) = 0;
};

// Documents remembered by digest. What comes from it is checked against the digest, so it need not be trusted.
struct DocumentMemory {
  std::function<std::optional<std::string>(const Digest&)> find;
  std::function<void(const Digest&, const std::string&)> keep;
};
void set_document_memory(DocumentMemory memory);  // once, before images are read; none is remembered without

// Follows indexes from `roots` and builds the chosen images.
Result<std::vector<Image>> choose_images(ManifestStore& store, const std::vector<Descriptor>& roots, const PlatformChoice& platforms);

}  // namespace careen
