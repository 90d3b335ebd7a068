/* An executable around the checksums: exit status 0 when they are right. With TLS it has thread-local storage too. */
#include "standin.h"

#ifdef TLS
__thread u32 standin_main_count = 1;
#endif

int main(void) {
#ifdef TLS
  standin_main_count += 1;
  if (standin_main_count != 2) return 2;
#endif
  return lzma_crc32((const u8 *)"123456789", 9, 0) == 0xCBF43926u ? 0 : 1;
}
