/* Honest resolvers that end in a call that never returns, with code behind them that would look tampered with.
 *
 * A walk that believes the call returns falls through the padding into behind(), which is no part of the resolver: it
 * calls through a slot and stores through a computed pointer. Functions must stay in this order (-fno-toplevel-reorder).
 * With STOP_BY_ABORT the call is abort(); else -fstack-protector-all puts __stack_chk_fail there. */
#include "standin.h"

extern void abort(void) __attribute__((noreturn));
static crc32_function *(*const volatile slot32)(void) = standin_choose32;
static u64 cache[16];
static const volatile long distance = 4 * sizeof(u64);

#ifdef STOP_BY_ABORT
#define CHECKED(word) if (__builtin_expect((word) == 0xfeedface, 0)) abort()
#else
#define CHECKED(word) (void)0
#endif

u32 standin_before(u32 leaf);
u32 standin_behind(u32 leaf);

RESOLVER crc32_function *resolve_crc32(void) {
  volatile u32 word = cpu_word(1);
  CHECKED(word);
  return (word & 1) != 0 ? standin_crc32_nibbles : standin_crc32_bits;
}

u32 standin_before(u32 leaf) {
  u64 *at = (u64 *)((char *)&cache[4] + distance);
  at[0] = leaf;
  crc32_function *chosen = slot32();
  at[1] = chosen((const u8 *)"abc", 3, leaf);
  return (u32)at[1];
}

RESOLVER crc64_function *resolve_crc64(void) {
  volatile u32 word = cpu_word(7);
  CHECKED(word);
  return (word & 1) != 0 ? standin_crc64_nibbles : standin_crc64_bits;
}

u32 standin_behind(u32 leaf) {
  u64 *at = (u64 *)((char *)&cache[2] + distance);
  at[0] = leaf;
  crc32_function *chosen = slot32();
  at[1] = chosen((const u8 *)"xyz", 3, leaf);
  return (u32)at[1] | 1;
}

#include "ifunc_pair.h"
