// One rpm header, as a database stores it and as a file holds it.
#include "formats/rpm_header.h"

using namespace careen;  // NOLINT

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Bytes all(data, size);
  if (auto p = parse_rpm_header(all)) {
    if (p->name.empty() || p->version.empty()) __builtin_trap();
    for (const OwnedFile& f : p->files)
      if (f.path.empty() || f.path != normal_path(f.path)) __builtin_trap();
  }
  uint64_t end = 0;
  if (rpm_header_at(all, 0, &end) && end > size) __builtin_trap();
  return 0;
}
