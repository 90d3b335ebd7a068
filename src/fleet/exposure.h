// Every image of the inventory that a threat affects, what carries it, and what to rebuild first.
//
// Images that were judged with other knowledge are judged anew from their stored facts; no layer is read. What that concludes is kept
// where `keep` is set; records that are given for one question alone leave the inventory as it is.
#pragma once
#include <string>
#include <vector>

#include "fleet/hunt.h"
#include "scan/scan.h"
#include "store/inventory.h"

namespace careen {

struct Exposed {
  Inventory::Id id = 0;
  std::string digest, platform;
  std::vector<Tag> tags;
  Finding finding;             // the gravest of the image for this threat
  std::optional<size_t> root;  // index into Exposure::rebuild: what it is built on, or itself
};

struct RebuildFirst {
  std::string digest, name;
  std::string layer, created_by;  // that carries the threat
  size_t also_fixes = 0;          // affected images that are built on it
};

struct Exposure {
  std::string threat, title;
  std::vector<Exposed> images;        // reachable first, then by severity, then by name
  std::vector<RebuildFirst> rebuild;  // that fixes most others first; together they carry every affected image
  size_t rejudged = 0;
  InventoryCounts searched;
  std::vector<std::pair<std::string, std::string>> unjudged;
};

Result<Exposure> exposure_of(Inventory& inventory, const std::string& threat, const ScanOptions& options, bool keep = true);

// The affected images as the answer to a question: threat:FILE.
HuntAnswer as_answer(Inventory& inventory, const Exposure& exposure, const std::string& asked);

}  // namespace careen
