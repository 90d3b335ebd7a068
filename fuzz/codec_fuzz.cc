// Any bytes as the messages of a worker and as remembered facts. What decodes must encode to something that decodes to the same.
#include "worker/protocol.h"

namespace {

template <class T>
void check(careen::Bytes in) {
  T value{};
  if (!careen::decode(in, &value)) return;
  std::string once = careen::encode(value);
  T again{};
  if (!careen::decode(careen::as_bytes(once), &again) || careen::encode(again) != once) __builtin_trap();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace careen;
  if (size == 0) return 0;
  Bytes in = Bytes(data, size).subspan(1);
  switch (data[0] % 8) {
    case 0:
      check<LayerResult>(in);
      break;
    case 1:
      check<ArchiveIndex>(in);
      break;
    case 2:
      check<std::vector<ElfFacts>>(in);
      break;
    case 3:
      check<std::vector<PackageFile>>(in);
      break;
    case 4:
      check<std::vector<Coverage>>(in);
      break;
    case 5:
      check<Error>(in);
      break;
    case 6:
      check<std::vector<FileHit>>(in);
      break;
    default:
      check<WorkerRequest>(in);
      break;
  }
  return 0;
}
