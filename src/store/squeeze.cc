#include "store/squeeze.h"

#include <zstd.h>

#include <memory>

namespace careen {
namespace {

struct FreeContext {
  void operator()(ZSTD_CCtx* c) const { ZSTD_freeCCtx(c); }
  void operator()(ZSTD_DCtx* c) const { ZSTD_freeDCtx(c); }
};

// One of each a thread: to make one takes longer than to fill a small body.
ZSTD_CCtx* compressor() {
  static thread_local std::unique_ptr<ZSTD_CCtx, FreeContext> context(ZSTD_createCCtx());
  return context.get();
}
ZSTD_DCtx* decompressor() {
  static thread_local std::unique_ptr<ZSTD_DCtx, FreeContext> context(ZSTD_createDCtx());
  return context.get();
}

}  // namespace

std::string squeeze(std::string_view raw) {
  std::string out(ZSTD_compressBound(raw.size()) + 10, '\0');
  size_t n = ZSTD_compressCCtx(compressor(), out.data(), out.size(), raw.data(), raw.size(), 1);
  out.resize(ZSTD_isError(n) != 0U ? 0 : n);
  return out;
}

std::optional<std::string> inflate(std::string_view packed, uint64_t limit) {
  unsigned long long size = ZSTD_getFrameContentSize(packed.data(), packed.size());
  if (size == ZSTD_CONTENTSIZE_ERROR || size == ZSTD_CONTENTSIZE_UNKNOWN || size > limit) return std::nullopt;
  std::string out(size, '\0');
  size_t n = ZSTD_decompressDCtx(decompressor(), out.data(), out.size(), packed.data(), packed.size());
  if (ZSTD_isError(n) != 0U || n != size) return std::nullopt;
  return out;
}

}  // namespace careen
