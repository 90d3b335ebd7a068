/* Function multi-versioning: the compiler writes the resolvers, and libgcc's detection comes with them. */
#include "standin.h"

#define CLONES __attribute__((target_clones("avx2", "default")))

CLONES u32 lzma_crc32(const u8 *data, u64 size, u32 crc) {
  crc = ~crc;
  for (u64 i = 0; i < size; ++i) {
    crc ^= data[i];
    for (int k = 0; k < 8; ++k) crc = (crc >> 1) ^ (0xEDB88320u & -(crc & 1));
  }
  return ~crc;
}

CLONES u64 lzma_crc64(const u8 *data, u64 size, u64 crc) {
  crc = ~crc;
  for (u64 i = 0; i < size; ++i) {
    crc ^= data[i];
    for (int k = 0; k < 8; ++k) crc = (crc >> 1) ^ (0xC96C5795D7870F42ul & -(crc & 1));
  }
  return ~crc;
}
