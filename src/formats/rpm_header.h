// Reads an rpm header: the record of one package in every rpm database, and the metadata of an .rpm file.
// Format: the rpm reference manual, "RPM V4 Package format" and "Header format".
#pragma once
#include "base/bytes.h"
#include "base/result.h"
#include "formats/package.h"

namespace careen {

inline constexpr uint32_t kMaxRpmHeaderEntries = 65'536;
inline constexpr uint32_t kMaxRpmHeaderBytes = 256U << 20;
inline constexpr uint32_t kMaxRpmFiles = 2'000'000;
inline constexpr size_t kMaxRpmPathBytes = 64 << 20;  // of one package

// `blob` begins with the two counts (no magic), as databases store it.
Result<Package> parse_rpm_header(Bytes blob);

// How many bytes a header with its magic takes from the front of `bytes`, and the header itself without the magic.
Result<Bytes> rpm_header_at(Bytes bytes, uint64_t offset, uint64_t* end);

// The compressor that an .rpm's payload names (gzip, xz, zstd, …) is recognised by its bytes, not from here.

}  // namespace careen
