// Any bytes as a cpio archive.
#include "archive/cpio.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace careen;
  if (size == 0) return 0;
  MemorySource from(Bytes(data, size).subspan(1));
  Chunked chunks(from, size_t{1} << (data[0] % 14));
  CpioReader cpio(chunks);
  TarEntry entry;
  for (;;) {
    auto more = cpio.next(entry);
    if (!more || !*more) break;
    for (uint64_t seen = 0;;) {
      auto part = cpio.content();
      if (!part || part->empty()) break;
      seen += part->size();
      if (seen > entry.size) __builtin_trap();
    }
  }
  return 0;
}
