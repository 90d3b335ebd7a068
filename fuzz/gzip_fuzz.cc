// Any bytes as gzip data; the first two choose how it is cut.
#include "decompress.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  return careen::fuzz_decoder(careen::Compression::gzip, data, size);
}
