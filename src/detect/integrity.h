// Files that differ from what their own package recorded of them.
//
// Honest images do change files, so this never flags; it tells. Configuration files, byte-code caches and diverted files are
// meant to change. Each package and layer gives one finding.
#pragma once
#include "detect/finding.h"
#include "facts/image_facts.h"

namespace careen {

class IntegrityCheck {
 public:
  explicit IntegrityCheck(const ImageFacts& facts) : facts_(facts) {}
  // One visible regular file.
  void look(size_t layer, uint32_t record, const FileRecord& r);
  std::vector<Finding> findings();

 private:
  struct Changed {
    std::vector<std::string> paths;
    bool code = false;
  };
  const ImageFacts& facts_;
  std::map<std::pair<uint32_t, size_t>, Changed> changed_;  // by package and layer
};

}  // namespace careen
