// rpm's database in SQLite, with the headers that it hands out.
#include "formats/rpm_database.h"
#include "formats/rpm_header.h"

using namespace careen;  // NOLINT

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size > (1 << 20)) return 0;
  uint64_t handed_out = 0;
  auto each = [&](Bytes header) {
    handed_out += header.size();
    (void)parse_rpm_header(header);
  };
  auto o = read_rpm_sqlite(MemoryView(Bytes(data, size)), each);
  if (handed_out > 2 * size + 4096) __builtin_trap();
  if (o && o->problems != 0 && o->first_problem.empty()) __builtin_trap();
  return 0;
}
