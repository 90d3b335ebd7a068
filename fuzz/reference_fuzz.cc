// Any bytes as an image reference or a platform: what was taken must mean the same when it is written out and read again.
#include "oci/reference.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace careen;
  std::string_view text = as_text(Bytes(data, size));
  if (auto r = Reference::parse(text)) {
    auto again = Reference::parse(r->text());
    if (r->text().size() <= 1024 && (!again || again->text() != r->text())) __builtin_trap();
    if (r->identifier().empty()) __builtin_trap();
  }
  if (auto p = Platform::parse(text); p && !p->wants(*p)) __builtin_trap();
  return 0;
}
