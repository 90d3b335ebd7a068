/* The checksums without any IFUNC. */
#include "standin.h"

u32 lzma_crc32(const u8 *data, u64 size, u32 crc) { return standin_crc32_nibbles(data, size, crc); }
u64 lzma_crc64(const u8 *data, u64 size, u64 crc) { return standin_crc64_nibbles(data, size, crc); }
