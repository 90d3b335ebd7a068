// Any bytes as an image configuration.
#include "oci/manifest.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace careen;
  auto c = parse_config(as_text(Bytes(data, size)));
  if (!c) return 0;
  for (size_t layers : {size_t{0}, c->diff_ids.size(), c->history.size()})
    if (c->created_by(layers).size() != layers) __builtin_trap();
  return 0;
}
