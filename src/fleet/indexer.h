// Brings images into the inventory: each layer read once, each image judged, each name noted with its time.
//
// A target is done again from its beginning after any interruption; what is known already costs no request but its manifest's
// digest. One failure never ends the run: it is noted with the reference.
#pragma once
#include <atomic>
#include <functional>
#include <optional>
#include <string>

#include "fleet/targets.h"
#include "scan/scan.h"
#include "store/inventory.h"

namespace careen {

// What became of a target.
struct TargetOutcome {
  std::optional<std::string> failure;
  struct Counts {
    uint64_t images = 0, unchanged = 0, new_layers = 0, flagged = 0, undetermined = 0;
  } counts;
};

// How far a run is.
struct IndexProgress {
  size_t done = 0, total = 0;  // references
  std::string at;              // the one at hand
  uint64_t bytes = 0;          // of layers, read so far
  size_t failed = 0;           // references
};

struct IndexOptions {
  ScanOptions scan;  // its cache is the inventory's
  ResolveOptions resolve;
  TargetOptions targets;
  std::string cluster;                                    // that uses: sources speak of; "" without a name
  bool note_crawls = true;                                // the sources are listed as such, not references that were told
  const std::atomic<bool>* stop = nullptr;                // seen between targets: the run ends with Errc::interrupted, and what it did stays
  bool refresh = false;                                   // judge images anew, and read layers again whose facts an older careen collected
  std::function<void(const IndexProgress&)> on_progress;  // by one thread at a time
  std::function<int64_t()> clock;                         // seconds since 1970
  // Where others do the work: gives what became of each target.
  std::function<Result<std::vector<TargetOutcome>>(const std::vector<Target>&)> distribute;
};

struct IndexSummary {
  size_t references = 0, uses = 0, images = 0, unchanged = 0, new_layers = 0, vanished = 0, flagged = 0, undetermined = 0;
  size_t attestations = 0;        // kept as claims beside new images
  size_t rejudged = 0;            // of a refresh: from their facts
  size_t older = 0, undated = 0;  // tags that --since left out, and that it could not judge
  uint64_t bytes = 0;             // of layers that were read
  std::vector<std::pair<std::string, std::string>> failures;
};

// Without sources what the inventory has is brought up to this careen and its records: layers whose facts lack a collector or patterns are read
// again, and every image that this concerns is judged anew.
Result<IndexSummary> index_images(Inventory& inventory, const std::vector<std::string>& sources, IndexOptions options);

// One target alone, as a part of a run of another machine. A failure of the store begins with Inventory::shown().
Result<IndexSummary> index_target(Inventory& inventory, const Target& target, IndexOptions options);

// Records one scanned image, as `scan --store` does. `result` must have its facts.
Result<size_t> record_image(Inventory& inventory, const Image& image, const ScanResult& result, int64_t now);

// record_image, with the name under which the image was found.
Result<void> record_scan(Inventory& inventory, const Image& image, const ScanResult& result, int64_t now);

// Whether an image, or every image of an index, was indexed with no layer that could not be read.
bool is_indexed_whole(Inventory& inventory, const std::string& digest);

}  // namespace careen
