/* Resolvers that decide by themselves, in one way each: what compilers, checksum and media libraries really do, and
 * (BY_THREE_THAT_STORE) the least that counts as tampered with. */
#include "standin.h"

#if defined BY_CPUID /* in line */
static inline __attribute__((always_inline)) u32 decide(u32 leaf) { return cpu_word(leaf) & 1; }

#elif defined BY_GET_CPUID /* the compiler's header */
#include <cpuid.h>
static inline __attribute__((always_inline)) u32 decide(u32 leaf) {
  u32 a, b, c, d;
  return __get_cpuid(leaf, &a, &b, &c, &d) != 0 && (c & 1) != 0;
}

#elif defined BY_CPU_SUPPORTS /* libgcc's own detection, linked into the library */
static inline __attribute__((always_inline)) u32 decide(u32 leaf) {
  (void)leaf;
  __builtin_cpu_init();
  return __builtin_cpu_supports("pclmul") != 0;
}

#elif defined BY_HELPER
static APART u32 decide(u32 leaf) {
  u32 word = cpu_word(leaf);
  return (word >> 1 & 1) | (word & 1);
}

#elif defined BY_HELPER_THAT_STORES /* two functions and a computed store: one function short of rule B */
static u64 cache[16];
static const volatile long distance = 4 * sizeof(u64);
static APART u32 decide(u32 leaf) {
  u64 *at = (u64 *)((char *)&cache[4] + distance);
  *at = cpu_word(leaf);
  return *at & 1;
}

#elif defined BY_THREE /* three functions and no store: rule B without C */
static APART u32 low(u32 leaf) { return cpu_word(leaf) & 0xffff; }
static APART u32 decide(u32 leaf) { return (low(leaf) + low(leaf | 4)) & 1; }

#elif defined BY_THREE_THAT_STORE /* exactly three functions and a computed store: the least that B with C takes */
static u64 cache[16];
static const volatile long distance = 4 * sizeof(u64);
static APART u32 keep(u64 *at, u32 word) {
  *at = word;
  return *at & 3;
}
static APART u32 decide(u32 leaf) {
  u32 kept = keep((u64 *)((char *)&cache[4] + distance), cpu_word(leaf));
  __asm__ volatile("" : "+r"(kept)); /* so that the call is none at the end, which a compiler makes a jump */
  return kept | 1;
}

#elif defined BY_IMPORT /* through a slot that another library's function fills */
extern unsigned long getauxval(unsigned long);
static inline __attribute__((always_inline)) u32 decide(u32 leaf) { return (getauxval(16 + (leaf & 8)) & 1) != 0; }

#elif defined BY_SWITCH /* a jump table: an indirect jump, and no slot */
static inline __attribute__((always_inline)) u32 decide(u32 leaf) {
  switch (cpu_word(leaf) & 7) {
    case 0: return cpu_word(2) & 1;
    case 1: return cpu_word(3) & 2;
    case 2: return cpu_word(4) & 1;
    case 3: return cpu_word(5) & 4;
    case 4: return cpu_word(6) & 1;
    case 5: return cpu_word(7) & 8;
    case 6: return cpu_word(8) & 1;
    default: return cpu_word(9) & 16;
  }
}
#endif

#ifdef RETURNS_SLOT /* gives back what the GOT holds: a slot that is read and not called */
crc32_function standin_far32;
crc64_function standin_far64;
#define FAST32 standin_far32
#define FAST64 standin_far64
__attribute__((noinline)) u32 standin_far32(const u8 *p, u64 n, u32 c) { return standin_crc32_nibbles(p, n, c); }
__attribute__((noinline)) u64 standin_far64(const u8 *p, u64 n, u64 c) { return standin_crc64_nibbles(p, n, c); }
#else
#define FAST32 standin_crc32_nibbles
#define FAST64 standin_crc64_nibbles
#endif

RESOLVER crc32_function *resolve_crc32(void) { return decide(1) ? FAST32 : standin_crc32_bits; }
RESOLVER crc64_function *resolve_crc64(void) { return decide(7) ? FAST64 : standin_crc64_bits; }

#include "ifunc_pair.h"
