/* Honest thread-local storage: a counter of this library's own, or with WEAK_EXTERN one that another library may define. */
#include "standin.h"

#ifdef WEAK_EXTERN
extern __thread u32 standin_thread_count __attribute__((weak));
#else
__thread u32 standin_thread_count = 3;
#endif

u32 standin_count(u32 more) {
#ifdef WEAK_EXTERN
  if (more == 0) return 0;
#endif
  standin_thread_count += more;
  return standin_thread_count;
}
