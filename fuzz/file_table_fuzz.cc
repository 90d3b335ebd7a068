// A chunk of a file table as a worker that was taken over might send it.
#include "facts/file_table.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace careen;
  if (size < 1) return 0;
  FileTable table, again;
  table.add_chunk(std::string(reinterpret_cast<const char*>(data + 1), size - 1), data[0]);
  FileCursor cursor(table);
  FileRecord r;
  while (cursor.next(r)) again.add(r);
  if (cursor.damaged()) return 0;
  // What was read whole is the same when it is written again.
  FileCursor a(table), b(again);
  FileRecord s;
  while (a.next(r))
    if (!b.next(s) || r.path != s.path || r.size != s.size || r.target != s.target || r.sha256 != s.sha256) __builtin_trap();
  if (b.next(s)) __builtin_trap();
  return 0;
}
