// Any text as a bill of materials.
#include "base/bytes.h"
#include "formats/language.h"

using namespace careen;  // NOLINT

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  LanguagePackages found = parse_sbom(as_text(Bytes(data, size)));
  if (found.packages.size() > kMaxLanguagePackages) __builtin_trap();
  if (!found.packages.empty() && found.packages.size() > size / 6) __builtin_trap();  // each has a package URL of its own
  for (const Package& p : found.packages)
    if (p.name.empty() || p.version.size() > kMaxPackageName) __builtin_trap();
  return 0;
}
