// Named documents and blobs: what an OCI layout, a docker archive and a registry's cache have in common.
#pragma once
#include <string>
#include <vector>

#include "source/image.h"

namespace careen {

class BlobTree {
 public:
  virtual ~BlobTree() = default;
  // A document in full; Errc::not_found when there is none, Errc::limit when it is larger.
  virtual Result<std::string> text(const std::string& name, uint64_t limit) const = 0;
  virtual Result<BlobInput> open(const std::string& name) const = 0;
  virtual bool has(const std::string& name) const = 0;
};

// A directory. Only regular files are opened.
std::shared_ptr<BlobTree> open_directory_tree(const std::string& path);

}  // namespace careen
