/* The end of the chain: reads the processor's features and writes them down where its caller says. */
#include "standin.h"

#ifdef PROTECTED
__attribute__((visibility("protected")))
#endif
__attribute__((noinline)) u32 standin_leaf(u32 leaf, u64 *out) {
  u32 word = cpu_word(leaf);
  out[0] = word;
  out[1] = ~(u64)word;
  return word;
}
