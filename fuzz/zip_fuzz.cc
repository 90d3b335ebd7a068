// Any bytes as a zip archive: reading ends, and content is as large as its entry says and within the limit.
#include "archive/zip.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace careen;
  constexpr uint64_t kLimit = 1 << 20;
  Bytes all(data, size);
  (void)is_zip(all);
  MemoryView view(all);
  auto zip = ZipReader::open(view);
  if (!zip) return 0;
  size_t entries = 0;
  (void)zip->each([&](const ZipEntry& e) {
    auto content = zip->read(e, kLimit);
    if (content && (content->size() != e.size || e.size > kLimit || (e.method != 0 && e.method != 8))) __builtin_trap();
    return ++entries < 64;
  });
  if (entries > size / 46) __builtin_trap();  // each has a header of its own
  return 0;
}
