/* Many IFUNCs in one library, as media and vector libraries have them: forty resolvers, each with its own choice. */
#include "standin.h"

#define TOGETHER(a, b) a##b
#define NAME(a, b) TOGETHER(a, b)
#define ONE(n)                                                                                   \
  static u32 NAME(slow_, n)(u32 x) { return x + n; }                                             \
  static u32 NAME(fast_, n)(u32 x) { return n + x; }                                             \
  static u32 (*NAME(resolve_, n)(void))(u32) { return cpu_word(n & 7) & 1 ? NAME(fast_, n) : NAME(slow_, n); } \
  u32 NAME(standin_many_, n)(u32) __attribute__((ifunc("resolve_" #n)));
#define TEN(n) ONE(n##0) ONE(n##1) ONE(n##2) ONE(n##3) ONE(n##4) ONE(n##5) ONE(n##6) ONE(n##7) ONE(n##8) ONE(n##9)

TEN(1) TEN(2) TEN(3) TEN(4)
