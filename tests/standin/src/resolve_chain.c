/* IFUNC resolvers that walk the chain before they choose: the shape of the tampered ones, six arguments and the
 * resolver's own frame among them. With LOCAL_IFUNC no exported symbol is an IFUNC and only IRELATIVE names a resolver. */
#include "standin.h"

RESOLVER crc32_function *resolve_crc32(void) {
  u32 a = 0, b = 0, c = 0, d = 0;
  u64 frame[2];
  frame[0] = frame[1] = 0; /* not an initialiser: clang would import memset */
  u32 seen = standin_features(1, &a, &b, &c, &d, frame);
  return (seen & d) != 0 ? standin_crc32_nibbles : standin_crc32_bits;
}

RESOLVER crc64_function *resolve_crc64(void) {
  u32 a = 0, b = 0, c = 0, d = 0;
  u64 frame[2];
  frame[0] = frame[1] = 0; /* not an initialiser: clang would import memset */
  u32 seen = standin_features(7, &a, &b, &c, &d, frame);
  return (seen & d) != 0 ? standin_crc64_nibbles : standin_crc64_bits;
}

#include "ifunc_pair.h"
