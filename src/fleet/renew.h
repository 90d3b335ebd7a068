// Images of the inventory as today's knowledge judges them, from the facts that are stored: no layer is read.
//
// A judgement that can look at less than an earlier one (a layer's facts are gone, or were never whole) never takes back what that one found there: it
// stays, and the gap is told beside it.
#pragma once
#include <string>

#include "formats/image_uses.h"
#include "scan/scan.h"
#include "store/inventory.h"

namespace careen {

// A scanned image as the inventory keeps it. `result` must have its facts.
StoredImage stored_image(const Image& image, const ScanResult& result);

// A digest over all knowledge that images are judged with.
std::string knowledge_digest(const ThreatSet& threats);

// Judges an image of the inventory anew from its stored facts, without reading a layer. `as`: a workload whose own command counts instead of the
// image's; null for the image as it is.
Result<ScanResult> rejudge(Inventory& inventory, const StoredImage& image, const ScanOptions& options, const ImageUse* as = nullptr);

// The same, with everything that is derived from the facts: packages, names, hidden files.
Result<void> renew_image(Inventory& inventory, const StoredImage& image, const ScanOptions& options);

// The image as such a judgement has it.
StoredImage with_judgement(Inventory& inventory, const StoredImage& image, const ScanResult& result);

// Keeps what such a judgement concluded.
Result<void> keep_judgement(Inventory& inventory, const StoredImage& image, const ScanResult& result);

}  // namespace careen
