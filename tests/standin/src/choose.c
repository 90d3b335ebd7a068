/* What a lean resolver reaches through its slot: the choice itself. It writes nothing but its own frame. */
#include "standin.h"

__attribute__((noinline)) crc32_function *standin_choose32(void) {
  return (cpu_word(1) & 1) != 0 ? standin_crc32_nibbles : standin_crc32_bits;
}

__attribute__((noinline)) crc64_function *standin_choose64(void) {
  return (cpu_word(1) & 1) != 0 ? standin_crc64_nibbles : standin_crc64_bits;
}
