// Any bytes as a Java archive with the archives in it.
#include "base/bytes.h"
#include "formats/language.h"

using namespace careen;  // NOLINT

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  MemoryView view(Bytes(data, size));
  LanguagePackages found = parse_java_archive("opt/app/name-1.2.jar", view);
  if (found.packages.size() > kMaxLanguagePackages) __builtin_trap();
  for (const Package& p : found.packages) {
    if (p.type != PackageType::maven || p.name.find(':') == std::string::npos) __builtin_trap();
    if (p.name.size() > kMaxPackageName + 1 || p.version.size() > kMaxPackageName) __builtin_trap();
  }
  return 0;
}
