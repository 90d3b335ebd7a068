// A pattern (the first line) searched in the rest: the same hits in one piece as byte by byte.
#include <algorithm>

#include "formats/patterns.h"

using namespace careen;  // NOLINT

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view all = as_text(Bytes(data, size)), first = all.substr(0, std::min<size_t>(all.find('\n'), 400));
  std::string_view rest = all.substr(std::min(first.size() + 1, all.size()));
  PatternSpec p;
  p.id = "p";
  p.any_file = true;
  if (!parse_pattern_text(first, &p)) return 0;
  PatternSpec w{"w", p.bytes, p.wild, true, p.bytes.size() + 3, 2, {}};
  bool plain = std::find(p.wild.begin(), p.wild.end(), 1) == p.wild.end();
  auto set = PatternSet::compile(plain ? std::vector{p, w} : std::vector{p});
  if (!set) __builtin_trap();
  std::vector<uint64_t> offsets[2];
  for (size_t step : {size_t{1}, rest.size() + 1}) {
    PatternScanner s(*set);
    s.begin(false);
    for (size_t i = 0; i < rest.size(); i += step) s.feed(as_bytes(rest.substr(i, step)));
    bool capped = false;
    for (const PatternHit& h : s.finish(&capped)) offsets[step == 1].push_back(h.offset);
  }
  if (offsets[0] != offsets[1]) __builtin_trap();
  return 0;
}
