#include "digest/signature.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <memory>

namespace careen {
namespace {

using Bio = std::unique_ptr<BIO, decltype(&BIO_free)>;
using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
using Context = std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)>;

Bio memory(const std::string& pem) {
  return {BIO_new_mem_buf(pem.data(), static_cast<int>(std::min<size_t>(pem.size(), 1 << 20))), &BIO_free};
}

// A pass phrase is not asked for.
int no_phrase(char*, int, int, void*) {
  return -1;
}

bool hashes_itself(const EVP_PKEY* key) {
  return EVP_PKEY_id(key) == EVP_PKEY_ED25519 || EVP_PKEY_id(key) == EVP_PKEY_ED448;
}

const uint8_t* bytes(std::string_view s) {
  return reinterpret_cast<const uint8_t*>(s.data());
}

Key public_key(const std::string& pem) {
  if (pem.find("BEGIN CERTIFICATE") != std::string::npos) {
    std::unique_ptr<X509, decltype(&X509_free)> cert(PEM_read_bio_X509(memory(pem).get(), nullptr, no_phrase, nullptr), &X509_free);
    return {cert ? X509_get_pubkey(cert.get()) : nullptr, &EVP_PKEY_free};
  }
  return {PEM_read_bio_PUBKEY(memory(pem).get(), nullptr, no_phrase, nullptr), &EVP_PKEY_free};
}

}  // namespace

Result<std::string> sign_text(std::string_view text, const std::string& pem) {
  Key key(PEM_read_bio_PrivateKey(memory(pem).get(), nullptr, no_phrase, nullptr), &EVP_PKEY_free);
  if (!key) return Error{Errc::usage, "the key is no private key in PEM without a pass phrase"};
  Context ctx(EVP_MD_CTX_new(), &EVP_MD_CTX_free);
  size_t size = 0;
  if (!ctx || EVP_DigestSignInit(ctx.get(), nullptr, hashes_itself(key.get()) ? nullptr : EVP_sha256(), nullptr, key.get()) != 1 ||
      EVP_DigestSign(ctx.get(), nullptr, &size, bytes(text), text.size()) != 1)
    return Error{Errc::unsupported, "keys of this kind cannot sign"};
  std::string out(size, '\0');
  if (EVP_DigestSign(ctx.get(), reinterpret_cast<uint8_t*>(out.data()), &size, bytes(text), text.size()) != 1) return Error{Errc::io, "signing failed"};
  out.resize(size);
  return out;
}

Result<void> verify_text(std::string_view text, std::string_view signature, const std::string& pem) {
  Key key = public_key(pem);
  if (!key) return Error{Errc::usage, "the key is neither a public key nor a certificate in PEM"};
  Context ctx(EVP_MD_CTX_new(), &EVP_MD_CTX_free);
  if (!ctx || EVP_DigestVerifyInit(ctx.get(), nullptr, hashes_itself(key.get()) ? nullptr : EVP_sha256(), nullptr, key.get()) != 1)
    return Error{Errc::unsupported, "keys of this kind cannot verify"};
  if (EVP_DigestVerify(ctx.get(), bytes(signature), signature.size(), bytes(text), text.size()) != 1)
    return Error{Errc::mismatch, "the signature is not that of this content by this key"};
  return {};
}

}  // namespace careen
