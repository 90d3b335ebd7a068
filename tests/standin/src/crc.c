/* CRC-32 (IEEE) and CRC-64 (ECMA-182), bit by bit and by half bytes, with zlib's way of chaining. */
#include "standin.h"

#define POLY32 0xEDB88320u
#define POLY64 0xC96C5795D7870F42ul

u32 standin_crc32_bits(const u8 *data, u64 size, u32 crc) {
  crc = ~crc;
  while (size-- != 0) {
    crc ^= *data++;
    for (int k = 0; k < 8; ++k) crc = (crc >> 1) ^ (POLY32 & -(crc & 1));
  }
  return ~crc;
}

u64 standin_crc64_bits(const u8 *data, u64 size, u64 crc) {
  crc = ~crc;
  while (size-- != 0) {
    crc ^= *data++;
    for (int k = 0; k < 8; ++k) crc = (crc >> 1) ^ (POLY64 & -(crc & 1));
  }
  return ~crc;
}

u32 standin_crc32_nibbles(const u8 *data, u64 size, u32 crc) {
  crc = ~crc;
  while (size-- != 0) {
    crc ^= *data++;
    for (int half = 0; half < 2; ++half) {
      u32 row = crc & 15;
      for (int k = 0; k < 4; ++k) row = (row >> 1) ^ (POLY32 & -(row & 1));
      crc = (crc >> 4) ^ row;
    }
  }
  return ~crc;
}

u64 standin_crc64_nibbles(const u8 *data, u64 size, u64 crc) {
  crc = ~crc;
  while (size-- != 0) {
    crc ^= *data++;
    for (int half = 0; half < 2; ++half) {
      u64 row = crc & 15;
      for (int k = 0; k < 4; ++k) row = (row >> 1) ^ (POLY64 & -(row & 1));
      crc = (crc >> 4) ^ row;
    }
  }
  return ~crc;
}
