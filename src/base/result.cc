#include "base/result.h"

#include <cstdio>
#include <cstdlib>

namespace careen {

std::string_view to_text(Errc code) {
  switch (code) {
    case Errc::usage:
      return "usage";
    case Errc::not_found:
      return "not found";
    case Errc::io:
      return "input/output";
    case Errc::network:
      return "network";
    case Errc::auth:
      return "authentication";
    case Errc::corrupt:
      return "corrupt";
    case Errc::truncated:
      return "truncated";
    case Errc::limit:
      return "limit";
    case Errc::unsupported:
      return "unsupported";
    case Errc::mismatch:
      return "mismatch";
    case Errc::interrupted:
      return "interrupted";
  }
  return "unknown";
}

void check_failed(const char* condition, const char* file, int line) {
  std::fprintf(stderr, "careen: internal error: %s is false at %s:%d; please report this\n", condition, file, line);
  std::abort();
}

}  // namespace careen
