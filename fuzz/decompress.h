// What the targets of the decoders share: the same text must come out however the input is cut and however much is asked for.
#pragma once
#include <algorithm>
#include <string>

#include "archive/decompress.h"

namespace careen {

class Trickle : public ByteSource {
 public:
  Trickle(Bytes all, size_t step) : all_(all), step_(step) {}
  Result<size_t> read(std::span<uint8_t> into) override {
    size_t n = std::min({step_, into.size(), all_.size()});
    std::copy_n(all_.begin(), n, into.begin());
    all_ = all_.subspan(n);
    return n;
  }

 private:
  Bytes all_;
  size_t step_;
};

inline bool inflate(Compression c, Bytes packed, size_t in, size_t out, std::string& text) {
  Trickle from(packed, in);
  auto d = open_decompressor(c, from);
  std::vector<uint8_t> part(out);
  while (text.size() < (1U << 20)) {
    auto n = d->read(part);
    if (!n) return false;
    if (*n == 0) return true;
    text += as_text(Bytes(part).first(*n));
  }
  return false;
}

inline int fuzz_decoder(Compression c, const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  Bytes packed = Bytes(data, size).subspan(2);
  std::string whole, pieces;
  bool a = inflate(c, packed, packed.size() + 1, 1 << 16, whole);
  bool b = inflate(c, packed, 1 + data[0], 1 + data[1], pieces);
  if (a && (!b || whole != pieces) && whole.size() < (1U << 20)) __builtin_trap();
  return 0;
}

}  // namespace careen
