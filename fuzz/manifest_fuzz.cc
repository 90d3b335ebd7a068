// Any bytes as an image manifest or an index.
#include "oci/manifest.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace careen;
  auto m = parse_manifest(as_text(Bytes(data, size)));
  if (!m) return 0;
  if (m->is_index ? !m->layers.empty() || !m->config.digest.empty() : !m->entries.empty()) __builtin_trap();
  for (const auto* list : {&m->layers, &m->entries})
    for (const Descriptor& d : *list) {
      if (d.digest.empty()) __builtin_trap();
      (void)layer_kind(d.media_type);
      (void)is_attestation(d);
    }
  return 0;
}
