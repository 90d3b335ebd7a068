#include "store/squeeze.h"

#include <zstd.h>

namespace careen {

std::string squeeze(std::string_view raw) {
  std::string out(ZSTD_compressBound(raw.size()) + 10, '\0');
  size_t n = ZSTD_compress(out.data(), out.size(), raw.data(), raw.size(), 1);
  out.resize(ZSTD_isError(n) != 0U ? 0 : n);
  return out;
}

std::optional<std::string> inflate(std::string_view packed, uint64_t limit) {
  unsigned long long size = ZSTD_getFrameContentSize(packed.data(), packed.size());
  if (size == ZSTD_CONTENTSIZE_ERROR || size == ZSTD_CONTENTSIZE_UNKNOWN || size > limit) return std::nullopt;
  std::string out(size, '\0');
  size_t n = ZSTD_decompress(out.data(), out.size(), packed.data(), packed.size());
  if (ZSTD_isError(n) != 0U || n != size) return std::nullopt;
  return out;
}

}  // namespace careen
