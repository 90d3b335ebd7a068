// Keys of the inventory's reverse indexes.
#pragma once
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "digest/digest.h"

namespace careen {

inline constexpr int kKeyBits = 56;

// 56 bits of a digest: the index stays small, and the layer's facts decide. (Those that the first schema kept as well.)
inline uint64_t file_key(const Sha256& d) {
  return load<uint64_t>(d.data(), Endian::big) & ((uint64_t{1} << kKeyBits) - 1);
}

// Of a name: as many bits of a digest, so that nobody finds another name with the same key cheaply.
inline constexpr uint8_t kPathKey = 100, kPackageKey = 101, kLinkKey = 102, kContentKey = 103;  // kinds of names beside TermKind's
inline Sha256 name_digest(uint8_t kind, std::string_view text) {
  std::string bytes(1, static_cast<char>(kind));
  bytes += text;
  return sha256_of(as_bytes(bytes));
}
inline uint64_t name_key(uint8_t kind, std::string_view text) {
  return file_key(name_digest(kind, text));
}

// Of a content, among the names: no content's own digest is that of a name.
inline uint64_t content_key(const Sha256& d) {
  return name_key(kContentKey, {reinterpret_cast<const char*>(d.data()), d.size()});
}

// What the layers with hard links are found by.
inline uint64_t hard_links_key() {
  return name_key(kLinkKey, "");
}

// Of a piece: numbers that follow each other stay together, in one of sixteen parts of the index (runs.h, kShards).
inline uint64_t piece_key(int64_t number) {
  auto n = static_cast<uint64_t>(number);
  return (n & 15) << (kKeyBits - 4) | n >> 4;
}
inline int64_t piece_of_key(uint64_t key) {
  return static_cast<int64_t>((key & ((uint64_t{1} << (kKeyBits - 4)) - 1)) << 4 | key >> (kKeyBits - 4));
}

}  // namespace careen
