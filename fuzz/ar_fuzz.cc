// Any bytes as an ar archive.
#include "archive/ar.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace careen;
  MemorySource from(Bytes(data, size));
  ArReader ar(from);
  std::string name;
  std::vector<uint8_t> part(100);
  for (;;) {
    uint64_t length = 0, seen = 0;
    auto more = ar.next(&name, &length);
    if (!more || !*more) break;
    if (name.size() > 16) __builtin_trap();
    for (;;) {
      auto n = ar.member().read(part);
      if (!n || *n == 0) break;
      seen += *n;
      if (seen > length) __builtin_trap();
    }
  }
  return 0;
}
