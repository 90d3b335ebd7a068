// A compact binary form for the values that careen itself writes: facts in the cache and messages of a worker.
//
// One function per type describes both directions:
//   template <class A> void fields(A& a, Thing& t) { a(t.name); a(t.count); a(t.parts); }
// Encoder writes, Decoder reads. The bytes read may be hostile (a worker that was taken over, a damaged cache), so Decoder
// never reads past the end, refuses counts that the bytes left cannot hold, and after a failure leaves values empty.
// Numbers are LEB128 varints; a string is its length and its bytes; a vector its count and its items.
#pragma once
#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include "base/bytes.h"

namespace careen {

void put_varint(std::string& out, uint64_t v);
// Reads a varint at *at and moves past it; false where there is none or it exceeds 64 bits.
bool get_long_varint(Bytes in, size_t* at, uint64_t* v);
inline bool get_varint(Bytes in, size_t* at, uint64_t* v) {
  if (*at >= in.size() || in[*at] >= 0x80) return get_long_varint(in, at, v);
  *v = in[(*at)++];  // most are of one byte
  return true;
}

class Encoder {
 public:
  static constexpr bool kReads = false;
  std::string take() { return std::move(out_); }

  template <class T>
  void operator()(const T& v);
  template <class T>
  void operator()(const std::vector<T>& v) {
    put_varint(out_, v.size());
    for (const T& item : v) (*this)(item);
  }
  template <class K, class V>
  void operator()(const std::map<K, V>& m) {
    put_varint(out_, m.size());
    for (const auto& [k, v] : m) (*this)(k), (*this)(v);
  }
  template <class T>
  void operator()(const std::optional<T>& v) {
    put_varint(out_, v ? 1 : 0);
    if (v) (*this)(*v);
  }
  template <size_t N>
  void operator()(const std::array<uint8_t, N>& v) {
    out_.append(reinterpret_cast<const char*>(v.data()), N);
  }
  void operator()(const std::string& v) {
    put_varint(out_, v.size());
    out_ += v;
  }

 private:
  std::string out_;
};

class Decoder {
 public:
  static constexpr bool kReads = true;
  static constexpr uint64_t kMostReserved = 256;  // items, whatever a count says
  explicit Decoder(Bytes in) : in_(in) {}
  bool ok() const { return ok_; }
  bool at_end() const { return at_ == in_.size(); }

  template <class T>
  void operator()(T& v);
  template <class T>
  void operator()(std::vector<T>& v) {
    uint64_t n = count();
    v.clear();
    v.reserve(static_cast<size_t>(std::min<uint64_t>(n, kMostReserved)));
    for (uint64_t i = 0; i < n && ok_; ++i) (*this)(v.emplace_back());
    if (!ok_) v.clear();
  }
  template <class K, class V>
  void operator()(std::map<K, V>& m) {
    uint64_t n = count();
    m.clear();
    for (uint64_t i = 0; i < n && ok_; ++i) {
      K k{};
      (*this)(k);
      (*this)(m[k]);
    }
    if (!ok_) m.clear();
  }
  template <class T>
  void operator()(std::optional<T>& v) {
    v.reset();
    if (number() != 0 && ok_) (*this)(v.emplace());
  }
  template <size_t N>
  void operator()(std::array<uint8_t, N>& v) {
    Bytes b = raw(N);
    if (b.size() == N) std::memcpy(v.data(), b.data(), N);
  }
  void operator()(std::string& v) {
    Bytes b = raw(number());
    v.assign(as_text(b));
  }

 private:
  uint64_t number() {
    uint64_t v = 0;
    if (!ok_ || !get_varint(in_, &at_, &v)) ok_ = false, v = 0;
    return v;
  }
  uint64_t count() {  // every item takes a byte at least
    uint64_t n = number();
    if (n > in_.size() - at_) ok_ = false, n = 0;
    return n;
  }
  Bytes raw(uint64_t n) {
    if (!ok_ || n > in_.size() - at_) return ok_ = false, Bytes{};
    Bytes b = in_.subspan(at_, static_cast<size_t>(n));
    at_ += static_cast<size_t>(n);
    return b;
  }
  Bytes in_;
  size_t at_ = 0;
  bool ok_ = true;
};

template <class T>
void Encoder::operator()(const T& v) {
  if constexpr (std::is_enum_v<T> || std::is_integral_v<T>)
    put_varint(out_, static_cast<uint64_t>(v));
  else
    fields(*this, const_cast<T&>(v));  // fields() only reads when the archive writes
}

template <class T>
void Decoder::operator()(T& v) {
  if constexpr (std::is_enum_v<T>) {
    v = static_cast<T>(number());
  } else if constexpr (std::is_integral_v<T>) {
    v = static_cast<T>(number());
  } else {
    fields(*this, v);
  }
}

template <class T>
std::string encode(const T& v) {
  Encoder e;
  e(v);
  return e.take();
}

// False when the bytes are not exactly one T.
template <class T>
bool decode(Bytes in, T* v) {
  Decoder d(in);
  d(*v);
  return d.ok() && d.at_end();
}

}  // namespace careen
