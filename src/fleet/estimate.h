// What an index run would cost, without reading a layer: references, images, bytes and requests.
//
// Manifests and configurations are asked for where they are not known, as they tell the sizes; a tag whose manifest is in the
// inventory costs one request without a body here as there.
#pragma once
#include "fleet/indexer.h"

namespace careen {

struct Estimate {
  struct Row {
    std::string reference;
    size_t images = 0, new_layers = 0;
    uint64_t bytes = 0;  // of layers that no reference before it brings, as they are sent
    bool known = false;  // nothing would be read
  };
  std::vector<Row> rows;
  size_t images = 0, known = 0, new_layers = 0, older = 0, undated = 0;
  uint64_t bytes = 0, requests = 0;                           // of the run itself
  std::vector<std::pair<std::string, std::string>> failures;  // a reference and why nothing is known of it
};

// `inventory`: null where there is none yet.
// Without sources: of what the inventory lacks.
Estimate estimate(Inventory* inventory, const std::vector<std::string>& sources, const IndexOptions& options);

}  // namespace careen
