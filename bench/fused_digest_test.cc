// The fused kernel says what OpenSSL says, for every set of digests and every length around the block borders.
#include "fused_digest.h"

#include <gtest/gtest.h>
#include <openssl/evp.h>

#include <algorithm>
#include <vector>

namespace fused {
namespace {

std::vector<std::uint8_t> message(std::size_t size) {
  std::vector<std::uint8_t> bytes(size);
  std::uint32_t state = 2024;
  for (std::uint8_t& byte : bytes) {
    state = state * 1664525 + 1013904223;
    byte = static_cast<std::uint8_t>(state >> 24);
  }
  return bytes;
}

std::vector<std::uint8_t> expected(const EVP_MD* algorithm, const std::vector<std::uint8_t>& bytes) {
  std::vector<std::uint8_t> digest(64);
  unsigned length = 0;
  EVP_Digest(bytes.data(), bytes.size(), digest.data(), &length, algorithm, nullptr);
  digest.resize(length);
  return digest;
}

template <typename Array>
std::vector<std::uint8_t> as_vector(const Array& array) {
  return {array.begin(), array.end()};
}

// All sixteen sets of digests over one message, handed over in two parts.
void compare(std::size_t size) {
  const std::vector<std::uint8_t> bytes = message(size);
  const std::size_t whole = size / block_size;
  const std::uint8_t* rest = bytes.data() + whole * block_size;
  for (unsigned set = 1; set < 16; ++set) {
    Sha256State stream;
    Sha256State file;
    Md5State md5;
    Sha1State sha1;
    const States states{.stream = (set & 1U) != 0 ? &stream : nullptr,
                        .file = (set & 2U) != 0 ? &file : nullptr,
                        .md5 = (set & 4U) != 0 ? &md5 : nullptr,
                        .sha1 = (set & 8U) != 0 ? &sha1 : nullptr};
    const std::size_t first = whole / 3;
    blocks(states, bytes.data(), first);
    blocks(states, bytes.data() + first * block_size, whole - first);
    FileDigest got;
    finish_file(states, rest, size, got);
    if (states.stream != nullptr) {
      std::array<std::uint8_t, 32> digest{};
      finish(stream, rest, size, digest);
      EXPECT_EQ(as_vector(digest), expected(EVP_sha256(), bytes)) << size << " bytes, set " << set;
    }
    if (states.file != nullptr) {
      EXPECT_EQ(as_vector(got.sha256), expected(EVP_sha256(), bytes)) << size << " bytes, set " << set;
    }
    if (states.md5 != nullptr) {
      EXPECT_EQ(as_vector(got.md5), expected(EVP_md5(), bytes)) << size << " bytes, set " << set;
    }
    if (states.sha1 != nullptr) {
      EXPECT_EQ(as_vector(got.sha1), expected(EVP_sha1(), bytes)) << size << " bytes, set " << set;
    }
  }
}

TEST(FusedDigest, EqualsOpenSslAtEveryLengthUpToSixBlocks) {
  if (!available()) {
    GTEST_SKIP() << "this processor has no SHA instructions";
  }
  for (std::size_t size = 0; size <= 6 * block_size; ++size) {
    compare(size);
  }
}

TEST(FusedDigest, EqualsOpenSslOnLongMessages) {
  if (!available()) {
    GTEST_SKIP() << "this processor has no SHA instructions";
  }
  for (const std::size_t size : {4095U, 4096U, 65536U, 1000003U}) {
    compare(size);
  }
}

TEST(FusedDigest, PiecesOfAnySizeGiveTheSameDigests) {
  if (!available()) {
    GTEST_SKIP() << "this processor has no SHA instructions";
  }
  const std::vector<std::uint8_t> bytes = message(5000);
  FileHasher hasher;
  for (const std::size_t piece : {1U, 7U, 63U, 64U, 65U, 1000U, 5000U}) {
    hasher.start(true, true);
    for (std::size_t at = 0; at < bytes.size(); at += piece) {
      hasher.update(bytes.data() + at, std::min(piece, bytes.size() - at));
    }
    const FileDigest got = hasher.finish();
    EXPECT_EQ(as_vector(got.sha256), expected(EVP_sha256(), bytes)) << piece;
    EXPECT_EQ(as_vector(got.md5), expected(EVP_md5(), bytes)) << piece;
    EXPECT_EQ(as_vector(got.sha1), expected(EVP_sha1(), bytes)) << piece;
  }
}

}  // namespace
}  // namespace fused
