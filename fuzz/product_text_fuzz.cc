// What the text of a program says that it is. The first line is the file's name.
#include "formats/product_text.h"

using namespace careen;  // NOLINT

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view all(reinterpret_cast<const char*>(data), size);
  std::string_view name = all.substr(0, all.find('\n'));
  MemoryView view(Bytes(data, size));
  auto p = product_of(name, view, {{name.size(), size}, {0, UINT64_MAX}});
  if (p && (p->name.empty() || p->version.empty() || p->version.find_first_not_of("0123456789abcdefghijklmnopqrstuvwxyz.+-_") != std::string::npos))
    __builtin_trap();
  return 0;
}
