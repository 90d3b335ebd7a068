// Decompression of gzip (several members), zstd, xz and bzip2 as a ByteSource, told apart by their first bytes.
//
// Every decoder is bounded in memory: zstd refuses windows over kMaxZstdWindowLog, xz refuses more than kMaxXzMemory.
// What stands after the last member or frame is no error: it is counted as trailing() for the caller to report.
#pragma once
#include <memory>
#include <string_view>

#include "archive/stream.h"

namespace careen {

enum class Compression : uint8_t { none, gzip, zstd, xz, bzip2 };
std::string_view to_text(Compression c);

inline constexpr int kMaxZstdWindowLog = 27;            // 128 MiB, what `zstd --long` writes
inline constexpr uint64_t kMaxXzMemory = 256ULL << 20;  // xz -9e needs 65 MiB
inline constexpr size_t kMagicBytes = 6;                // enough for recognise_compression

Compression recognise_compression(Bytes first);

class Decompressor : public ByteSource {
 public:
  virtual uint64_t trailing() const = 0;  // bytes after the end of the compressed data, known at the end
};

// `from` must outlive the decompressor. For Compression::none it passes bytes through.
std::unique_ptr<Decompressor> open_decompressor(Compression c, ByteSource& from);

}  // namespace careen
