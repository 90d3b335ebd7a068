/* Calls the leaf, in C: through the GOT with -fno-plt (or the PLT without), through a word of our own with SLOT_TABLE,
 * directly with DIRECT. The result is used, so that the call is no jump; with SLOT_JUMP it is one where optimised. */
#include "standin.h"

#ifdef SLOT_TABLE
typedef u32 leaf_function(u32 leaf, u64 *out);
static leaf_function *const volatile slot = standin_leaf;
#define LEAF slot
#else
#define LEAF standin_leaf
#endif

__attribute__((noinline)) u32 standin_relay(u32 leaf, u64 *out) {
#ifdef SLOT_JUMP
  return LEAF(leaf, out);
#else
  return LEAF(leaf, out) | 2;
#endif
}
