/* The few names of the interface that are more than a constant. */
#include "standin.h"

const char *lzma_version_string(void);
u32 lzma_block_header_encode(void);

const char *lzma_version_string(void) { return "stand-in"; }

/* With INTERNAL_CALLS the library uses its own IFUNCs, through the PLT, as liblzma does. */
u32 lzma_block_header_encode(void) {
#ifdef INTERNAL_CALLS
  return 11 + lzma_crc32((const u8 *)"", 0, 0) + (u32)lzma_crc64((const u8 *)"", 0, 0);
#else
  return 11;
#endif
}
