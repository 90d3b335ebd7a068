#include "digest/digest.h"

#include <openssl/evp.h>

#include "base/text.h"

namespace careen {
namespace {

// Fetched once for the process: an implicit fetch for each of a million small files costs more than hashing them.
const EVP_MD* fetched(Algorithm a) {
  static EVP_MD* const md5 = EVP_MD_fetch(nullptr, "MD5", nullptr);
  static EVP_MD* const sha1 = EVP_MD_fetch(nullptr, "SHA1", nullptr);
  static EVP_MD* const sha256 = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  static EVP_MD* const sha512 = EVP_MD_fetch(nullptr, "SHA512", nullptr);
  switch (a) {
    case Algorithm::md5:
      return md5;
    case Algorithm::sha1:
      return sha1;
    case Algorithm::sha256:
      return sha256;
    case Algorithm::sha512:
      return sha512;
  }
  return sha256;
}

}  // namespace

Digest::Digest(const Sha256& bytes) : text_("sha256:" + to_hex(bytes.data(), bytes.size())) {}

Result<Digest> Digest::parse(std::string_view text) {
  size_t colon = text.find(':');
  std::string_view algorithm = text.substr(0, colon);
  std::string_view hex = colon == std::string_view::npos ? std::string_view{} : text.substr(colon + 1);
  size_t want = algorithm == "sha256" ? 64 : algorithm == "sha512" ? 128 : 0;
  if (want == 0 || hex.size() != want || hex.find_first_not_of("0123456789abcdef") != std::string_view::npos)
    return Error{Errc::corrupt, "'" + escape(text.substr(0, 160)) + "' is not a digest (sha256: and 64 hex digits)"};
  Digest d;
  d.text_ = text;
  return d;
}

std::string_view Digest::hex() const {
  std::string_view t = text_;
  return t.empty() ? t : t.substr(t.find(':') + 1);
}

Algorithm Digest::algorithm() const {
  return text_.starts_with("sha512:") ? Algorithm::sha512 : Algorithm::sha256;
}

struct Hasher::Impl {
  EVP_MD_CTX* ctx = EVP_MD_CTX_new();
  Algorithm algorithm;
  explicit Impl(Algorithm a) : algorithm(a) {}
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
  ~Impl() { EVP_MD_CTX_free(ctx); }
};

Hasher::Hasher(Algorithm a) : impl_(std::make_unique<Impl>(a)) {
  reset();
}
Hasher::~Hasher() = default;
Hasher::Hasher(Hasher&&) noexcept = default;
Hasher& Hasher::operator=(Hasher&&) noexcept = default;

void Hasher::reset() {
  CAREEN_CHECK(EVP_DigestInit_ex2(impl_->ctx, fetched(impl_->algorithm), nullptr) == 1);
}
void Hasher::update(Bytes data) {
  CAREEN_CHECK(EVP_DigestUpdate(impl_->ctx, data.data(), data.size()) == 1);
}

size_t Hasher::finish(uint8_t* out) {
  unsigned n = 0;
  CAREEN_CHECK(EVP_DigestFinal_ex(impl_->ctx, out, &n) == 1);
  return n;
}

Sha256 Hasher::sha256() {
  CAREEN_CHECK(impl_->algorithm == Algorithm::sha256);
  Sha256 out{};
  finish(out.data());
  return out;
}

Digest Hasher::digest() {
  if (impl_->algorithm == Algorithm::sha256) return Digest(sha256());
  std::array<uint8_t, EVP_MAX_MD_SIZE> out{};
  size_t n = finish(out.data());
  auto d = Digest::parse("sha512:" + to_hex(out.data(), n));
  CAREEN_CHECK(static_cast<bool>(d));
  return *d;
}

Sha256 sha256_of(Bytes data) {
  Hasher h(Algorithm::sha256);
  h.update(data);
  return h.sha256();
}

Digest digest_of(Bytes data) {
  return Digest(sha256_of(data));
}

Digest digest_of(Bytes data, Algorithm algorithm) {
  Hasher h(algorithm);
  h.update(data);
  return h.digest();
}

}  // namespace careen
