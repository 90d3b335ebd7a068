/* What the stand-in's sources share.
 *
 * The stand-in is a small library with the names of liblzma and the *structure* of a library whose IFUNC resolvers were
 * tampered with. It does nothing but compute checksums and write into its own arrays; no byte of real malware is in it. */
#pragma once

typedef unsigned char u8;
typedef unsigned int u32;
typedef unsigned long u64; /* LP64 machines only */

#define HIDDEN __attribute__((visibility("hidden")))
#define APART __attribute__((noinline))

/* clang up to 16, at least, does not inline anything into a resolver that is static: hidden ones it treats as any function. */
#ifdef STATIC_RESOLVERS
#define RESOLVER static
#else
#define RESOLVER HIDDEN
#endif

typedef u32 crc32_function(const u8* data, u64 size, u32 crc);
typedef u64 crc64_function(const u8* data, u64 size, u64 crc);

/* Checksums, each in two forms so that a resolver has something to choose (crc.c). */
HIDDEN crc32_function standin_crc32_bits, standin_crc32_nibbles;
HIDDEN crc64_function standin_crc64_bits, standin_crc64_nibbles;

/* The chain (chain.c): resolver > features > gate > stage > relay > leaf, with pick and mark beside it. */
HIDDEN u32 standin_features(u32 leaf, u32* a, u32* b, u32* c, u32* d, u64* frame);
HIDDEN u32 standin_relay(u32 leaf, u64* out); /* relay.c or slot.S: the only one that goes through a slot */
HIDDEN u64* standin_pick(u32 n);
HIDDEN u32 standin_mark(u64* at, u64 what);

/* What a slot points to. Not hidden: the version script makes them local or exports them, and so chooses the
 * relocation (leaf.c, choose.c). With DIRECT there is no slot and the call is direct. */
#ifdef DIRECT
HIDDEN
#endif
u32 standin_leaf(u32 leaf, u64* out);
#ifdef DIRECT
HIDDEN
#endif
crc32_function* standin_choose32(void);
#ifdef DIRECT
HIDDEN
#endif
crc64_function* standin_choose64(void);

/* The exported checksums. */
u32 lzma_crc32(const u8* data, u64 size, u32 crc);
u64 lzma_crc64(const u8* data, u64 size, u64 crc);

/* Register ECX of CPUID leaf 1 and the like; always in line. */
static inline __attribute__((always_inline)) u32 cpu_word(u32 leaf) {
#if defined __x86_64__
  u32 a = leaf, b, c = 0, d;
  __asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
  return c ^ d;
#else
  return leaf;
#endif
}
