// Views of bytes and the one bounds-checked reader that every parser of hostile input uses.
//
// Reader never reads past its view: a read that would sets failed() and yields zero or an empty view from then on, so a
// parser may read a whole record and check once. A view does not own: what it came from must outlive it.
#pragma once
#include <algorithm>
#include <bit>
#include <concepts>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

namespace careen {

using Bytes = std::span<const uint8_t>;

inline std::string_view as_text(Bytes b) {
  return {reinterpret_cast<const char*>(b.data()), b.size()};
}
inline Bytes as_bytes(std::string_view s) {
  return {reinterpret_cast<const uint8_t*>(s.data()), s.size()};
}

enum class Endian : uint8_t { little, big };

template <std::unsigned_integral T>
T load(const uint8_t* p, Endian e) {
  T v = 0;
  std::memcpy(&v, p, sizeof v);
  if ((e == Endian::little) == (std::endian::native == std::endian::little)) return v;
  if constexpr (sizeof(T) == 2) v = __builtin_bswap16(v);
  if constexpr (sizeof(T) == 4) v = __builtin_bswap32(v);
  if constexpr (sizeof(T) == 8) v = __builtin_bswap64(v);
  return v;
}

// The part of `all` from offset, at most len long, or empty where that is outside. Never overflows.
inline Bytes slice(Bytes all, uint64_t offset, uint64_t len) {
  if (offset > all.size() || len > all.size() - offset) return {};
  return all.subspan(static_cast<size_t>(offset), static_cast<size_t>(len));
}

class Reader {
 public:
  explicit Reader(Bytes all, Endian e = Endian::little) : all_(all), endian_(e) {}

  template <std::unsigned_integral T>
  T get() {
    Bytes b = bytes(sizeof(T));
    return b.size() == sizeof(T) ? load<T>(b.data(), endian_) : T{0};
  }
  uint8_t u8() { return get<uint8_t>(); }
  uint16_t u16() { return get<uint16_t>(); }
  uint32_t u32() { return get<uint32_t>(); }
  uint64_t u64() { return get<uint64_t>(); }

  Bytes bytes(uint64_t n) {
    if (failed_ || n > all_.size() - pos_) {
      failed_ = true;
      return {};
    }
    Bytes b = all_.subspan(pos_, static_cast<size_t>(n));
    pos_ += static_cast<size_t>(n);
    return b;
  }

  void seek(uint64_t to) {
    if (to > all_.size())
      failed_ = true;
    else
      pos_ = static_cast<size_t>(to);
  }
  void skip(uint64_t n) { (void)bytes(n); }
  uint64_t position() const { return pos_; }
  uint64_t left() const { return failed_ ? 0 : all_.size() - pos_; }
  bool failed() const { return failed_; }

 private:
  Bytes all_;
  size_t pos_ = 0;
  Endian endian_;
  bool failed_ = false;
};

// Goes on from `h` with a sum over bytes that tells damage apart, fast; whoever can write the bytes can make it say anything.
inline uint64_t damage_sum(uint64_t h, std::string_view bytes) {
  for (size_t i = 0; i < bytes.size(); i += 8) {
    uint64_t word = 0;
    std::memcpy(&word, bytes.data() + i, std::min<size_t>(8, bytes.size() - i));
    h = (h ^ word) * 0xff51afd7ed558ccd;
    h ^= h >> 32;
  }
  return h;
}

}  // namespace careen
