// A threat record: a mistake names the file and a line.
#include "knowledge/threat.h"

using namespace careen;  // NOLINT

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size > (64 << 10)) return 0;
  auto t = parse_threat(as_text(Bytes(data, size)), "f");
  if (!t && (!t.error().what.starts_with("f:") || t.error().what.starts_with("f:0"))) __builtin_trap();
  if (t && (t->id.empty() || t->updated.size() != 10)) __builtin_trap();
  return 0;
}
