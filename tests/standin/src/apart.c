/* Reaches the chain from an ordinary exported function and from no resolver. */
#include "standin.h"

u32 standin_feature_bits(u32 leaf) {
  u32 a = 0, b = 0, c = 0, d = 0;
  u64 frame[2];
  frame[0] = frame[1] = 0; /* not an initialiser: clang would import memset */
  return standin_features(leaf, &a, &b, &c, &d, frame) & d;
}
