// --read: an answer about the inventory that may read layers again.
#pragma once
#include "cli/common.h"
#include "fleet/reading.h"

namespace careen {

struct ReadingOptions {
  bool read = false;
  ImageOptions image;  // how it reaches registries
};

void add_reading_options(CLI::App& app, ReadingOptions& o);

// Reads what `plan` names, for the patterns of `scan`; an Error is of the store itself. What could not be read is told in the result.
Result<Reading> read_for_answer(Inventory& inventory, const ReadingPlan& plan, const ScanOptions& scan, const ResolveOptions& resolve,
                                const ImageOptions& image);

}  // namespace careen
