// Reads the layers of one image: from the cache where they are known, else in workers.
#pragma once
#include "scan/scan.h"

namespace careen {

struct LayerOutcome {
  std::shared_ptr<const LayerFacts> facts;  // null when nothing could be read
  Digest blob;                              // computed, or as trusted when the facts came from the cache
  uint64_t blob_size = 0;
  bool verified = false;                   // read to the end, or known from such a read
  std::optional<DigestMismatch> mismatch;  // of the blob
  std::vector<Coverage> coverage;          // without the layer's number in `what`
  double elf_seconds = 0;
};

std::vector<LayerOutcome> read_layers(const Image& image, const ScanOptions& options);

// Whether something that counts for the verdict is missing, so that the facts may not be remembered as the layer's.
bool incomplete(const std::vector<Coverage>& rows);

}  // namespace careen
