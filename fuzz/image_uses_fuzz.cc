// References where they are used: JSON, YAML, Dockerfiles. Every use names its file and a line of it.
#include <algorithm>

#include "formats/image_uses.h"

using namespace careen;  // NOLINT

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  auto lines = std::count(text.begin(), text.end(), '\n') + 2;  // a carriage return ends a line of YAML as well
  lines += std::count(text.begin(), text.end(), '\r');
  for (const char* file : {"x", "Dockerfile", "compose.yaml", ".gitlab-ci.yml"}) {
    auto read = read_image_uses(text, file);
    if (!read) continue;
    for (const ImageUse& u : read->uses)
      if (u.file != file || u.line < 0 || u.line > lines || (u.reference.empty() && u.digest.empty())) __builtin_trap();
  }
  return 0;
}
