// pacman's local database: mtree, desc and files.
#include "base/bytes.h"
#include "formats//pacman.h"

using namespace careen;  // NOLINT

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view text = as_text(Bytes(data, size));
  for (const auto& files : {parse_pacman_mtree(text), parse_pacman_files(text)})
    for (const OwnedFile& f : files)
      if (f.path.empty() || f.path != normal_path(f.path)) __builtin_trap();
  parse_pacman_desc(text);
  return 0;
}
