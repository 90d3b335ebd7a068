// Signatures over short texts with keys in PEM files: Ed25519, ECDSA (SHA-256) and RSA (PKCS #1, SHA-256), by OpenSSL.
#pragma once
#include <string>
#include <string_view>

#include "base/result.h"

namespace careen {

// Raw bytes of the signature. `pem`: a private key without a pass phrase.
Result<std::string> sign_text(std::string_view text, const std::string& pem);
// An Error when the signature is not that of the text by the key. `pem`: a public key, or a certificate.
Result<void> verify_text(std::string_view text, std::string_view signature, const std::string& pem);

}  // namespace careen
