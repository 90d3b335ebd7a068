// Notifications of registries: anyone may send one. An event always names a repository.
#include "formats/registry_events.h"

using namespace careen;  // NOLINT

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  auto events = read_registry_events({reinterpret_cast<const char*>(data), size});
  if (!events) return 0;
  if (events->size() > kMaxEvents) __builtin_trap();
  for (const RegistryEvent& e : *events)
    if (e.repository.empty()) __builtin_trap();
  return 0;
}
