// Content digests as values, and incremental hashing over OpenSSL.
//
// A Digest is either empty (default) or a well-formed sha256 or sha512 with all its bytes. Sha256 is the plain 32 bytes
// that careen keeps of each file. A Hasher is not thread-safe; make one for each thread and reuse it: reset() is cheap.
#pragma once
#include <array>
#include <compare>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"

namespace careen {

using Sha256 = std::array<uint8_t, 32>;
using Sha1 = std::array<uint8_t, 20>;
using Md5 = std::array<uint8_t, 16>;

enum class Algorithm : uint8_t { md5, sha1, sha256, sha512 };

class Digest {
 public:
  Digest() = default;
  explicit Digest(const Sha256& bytes);

  // "sha256:" and 64 lower-case hex digits, or "sha512:" and 128, as in the OCI image specification.
  static Result<Digest> parse(std::string_view text);

  bool empty() const { return text_.empty(); }
  const std::string& text() const { return text_; }  // "sha256:…", "" when empty
  std::string_view hex() const;                      // without the algorithm
  Algorithm algorithm() const;
  std::string short_text() const { return std::string(hex().substr(0, 12)); }
  auto operator<=>(const Digest&) const = default;

 private:
  std::string text_;
};

class Hasher {
 public:
  explicit Hasher(Algorithm a);
  ~Hasher();
  Hasher(Hasher&&) noexcept;
  Hasher& operator=(Hasher&&) noexcept;

  void reset();
  void update(Bytes data);
  size_t finish(uint8_t* out);  // writes the digest (16 to 64 bytes), returns its size; reset() before the next use
  Sha256 sha256();              // finish() for Algorithm::sha256
  Digest digest();              // finish() for sha256 and sha512

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

Sha256 sha256_of(Bytes data);
Digest digest_of(Bytes data);                       // sha256
Digest digest_of(Bytes data, Algorithm algorithm);  // sha256 or sha512

}  // namespace careen
