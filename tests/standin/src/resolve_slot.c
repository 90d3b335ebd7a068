/* The leanest tampered resolver, in C: two functions, no store, one call through a slot. */
#include "standin.h"

#ifdef SLOT_TABLE
static crc32_function *(*const volatile slot32)(void) = standin_choose32;
static crc64_function *(*const volatile slot64)(void) = standin_choose64;
#define CHOOSE32 slot32
#define CHOOSE64 slot64
#else
#define CHOOSE32 standin_choose32
#define CHOOSE64 standin_choose64
#endif

RESOLVER crc32_function *resolve_crc32(void) { return CHOOSE32(); }
RESOLVER crc64_function *resolve_crc64(void) { return CHOOSE64(); }

#include "ifunc_pair.h"
