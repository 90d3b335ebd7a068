// os-release: what is read stays within its bounds.
#include "base/bytes.h"
#include "formats/os_release.h"

using namespace careen;  // NOLINT

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  auto all = parse_os_release(as_text(Bytes(data, size)));
  if (all.size() > 300) __builtin_trap();
  for (const auto& [key, value] : all)
    if (key.size() > 64 || value.size() > 1024) __builtin_trap();
  return 0;
}
