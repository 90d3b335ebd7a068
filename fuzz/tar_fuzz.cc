// Any bytes as a tar archive: reading ends, and content is never longer than the entry says.
#include "archive/tar.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace careen;
  if (size == 0) return 0;
  MemorySource from(Bytes(data, size).subspan(1));
  Chunked chunks(from, size_t{1} << (data[0] % 14));  // the first byte chooses where chunks end
  TarReader tar(chunks);
  TarEntry entry;
  for (;;) {
    auto more = tar.next(entry);
    if (!more || !*more) break;
    uint64_t seen = 0;
    while (seen < (1U << 20)) {  // a hole may be a tebibyte
      auto part = tar.content();
      if (!part || part->empty()) break;
      seen += part->size();
      if (seen > entry.size) __builtin_trap();
    }
  }
  (void)tar.drain_rest();
  return 0;
}
