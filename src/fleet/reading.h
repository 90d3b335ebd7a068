// Which layers of the inventory must be read again before it can be judged by something, and where they can be had: layers whose facts an
// older careen collected, and layers in which patterns were never searched.
#pragma once
#include <string>
#include <utility>
#include <vector>

#include "fleet/indexer.h"
#include "fleet/targets.h"
#include "store/inventory.h"

namespace careen {

struct ReadingPlan {
  struct Row {
    Inventory::Id layer = 0;
    Digest diff_id;
    uint64_t bytes = 0;  // of its blob; 0 when that is not known
    size_t from = 0;     // index into `from`
  };
  std::vector<Row> layers;
  uint64_t bytes = 0;                                     // of those
  std::vector<Target> from;                               // images that together have them
  std::vector<std::pair<std::string, std::string>> lost;  // diff IDs of layers that no tag leads to any more, and why
};

// Layers that cannot hold a match by their facts (no ELF file for patterns of ELF files, no file that is large enough) are noted as searched and
// left out. `of`: the images that count; null for all.
ReadingPlan plan_reading(Inventory& inventory, const std::vector<PatternSpec>& patterns, const std::vector<Inventory::Id>* of = nullptr);

struct Reading {
  size_t layers = 0;  // of the plan, that were read
  uint64_t bytes = 0;
  std::vector<Inventory::Id> images;                          // that have them: to be judged anew
  std::vector<std::pair<std::string, std::string>> failures;  // what could not be read, and why
};

// Reads them, and searches them for the patterns of options.scan.threats. What a layer holds is kept at once, so that a reading that ends early
// goes on where it was. No image is judged and no tag is noted.
Result<Reading> read_again(Inventory& inventory, const ReadingPlan& plan, const IndexOptions& options);

}  // namespace careen
