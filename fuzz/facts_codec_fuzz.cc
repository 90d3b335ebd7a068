// The facts of a layer as a damaged cache might give them: decoded whole or refused, and the same when encoded again.
#include "base/codec.h"
#include "facts/layer_facts.h"

namespace careen {
struct Parts {
  LayerFacts f;
};
template <class A>
void fields(A& a, Parts& p) {
  a(p.f.size), a(p.f.databases), a(p.f.elf), a(p.f.symbols), a(p.f.texts), a(p.f.coverage), a(p.f.hits), a(p.f.hit_coverage);
}
}  // namespace careen

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace careen;
  Parts parts, again;
  if (!decode(Bytes(data, size), &parts)) return 0;
  std::string bytes = encode(parts);
  if (!decode(as_bytes(bytes), &again) || encode(again) != bytes) __builtin_trap();
  return 0;
}
