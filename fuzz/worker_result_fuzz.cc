// What a worker that was taken over might send as its result: a layer's, an archive's index, an error or a status.
#include "worker/protocol.h"

template <class T>
void take(careen::Bytes in) {
  T value, again;
  if (!careen::decode(in, &value)) return;
  if constexpr (std::is_same_v<T, careen::LayerResult>) value.elf_seconds = 0;  // a measure, which need not survive
  std::string bytes = careen::encode(value);
  if (!careen::decode(careen::as_bytes(bytes), &again) || careen::encode(again) != bytes) __builtin_trap();
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace careen;
  if (size < 1) return 0;
  Bytes in(data + 1, size - 1);
  switch (data[0] % 4) {
    case 0:
      take<LayerResult>(in);
      break;
    case 1:
      take<ArchiveIndex>(in);
      break;
    case 2:
      take<Error>(in);
      break;
    default:
      take<SandboxStatus>(in);
  }
  return 0;
}
