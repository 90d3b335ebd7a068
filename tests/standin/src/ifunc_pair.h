/* Makes lzma_crc32 and lzma_crc64 of the two resolvers above the line that includes this: exported IFUNCs, or with
 * LOCAL_IFUNC ordinary functions that call local IFUNCs. */
#ifdef LOCAL_IFUNC
static crc32_function best_crc32 __attribute__((ifunc("resolve_crc32")));
static crc64_function best_crc64 __attribute__((ifunc("resolve_crc64")));
u32 lzma_crc32(const u8* data, u64 size, u32 crc) {
  return best_crc32(data, size, crc);
}
u64 lzma_crc64(const u8* data, u64 size, u64 crc) {
  return best_crc64(data, size, crc);
}
#else
u32 lzma_crc32(const u8* data, u64 size, u32 crc) __attribute__((ifunc("resolve_crc32")));
u64 lzma_crc64(const u8* data, u64 size, u64 crc) __attribute__((ifunc("resolve_crc64")));
#endif
