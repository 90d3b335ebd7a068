// dpkg's own files: the status, and the lists and sums beside it.
#include "base/bytes.h"
#include "formats//dpkg.h"

using namespace careen;  // NOLINT

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view text = as_text(Bytes(data, size));
  size_t problems = 0;
  for (const Package& p : parse_dpkg_status(text, &problems))
    if (p.name.empty() || p.version.empty()) __builtin_trap();
  for (const auto& files : {parse_dpkg_list(text), parse_dpkg_md5sums(text)})
    for (const OwnedFile& f : files)
      if (f.path.empty() || f.path != normal_path(f.path)) __builtin_trap();
  parse_dpkg_diversions(text);
  return 0;
}
