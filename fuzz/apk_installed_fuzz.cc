// apk's database of installed packages, and a package's own .PKGINFO.
#include "base/bytes.h"
#include "formats//apk.h"

using namespace careen;  // NOLINT

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view text = as_text(Bytes(data, size));
  size_t problems = 0;
  for (const Package& p : parse_apk_installed(text, &problems)) {
    if (p.name.empty() || p.version.empty()) __builtin_trap();
    for (const OwnedFile& f : p.files)
      if (f.path.empty() || f.path != normal_path(f.path) || (f.algorithm == RecordedDigest::none) != f.digest.empty()) __builtin_trap();
  }
  parse_apk_pkginfo(text);
  return 0;
}
