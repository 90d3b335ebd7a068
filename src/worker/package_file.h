// Reads a single file as if it were a layer: a .deb, .rpm or .apk by its content, any other file as itself.
#pragma once
#include "facts/collector.h"

namespace careen {

// `size` is the file's, for the choice between memory and spool. Damage becomes coverage in the facts; an Error only when
// nothing could be read.
Result<void> read_package_file(const std::string& name, uint64_t size, ByteSource& input, Collector& collector, LayerFacts& facts);

}  // namespace careen
