// Several digests of the same bytes in one pass over them.
//
// MD5, SHA-1 and SHA-256 are each one long chain of dependent steps: a core computing one of them is mostly waiting. Run
// side by side over the same 64-byte block, all of them together take little longer than MD5 alone. In a tar the
// bytes of a file are also bytes of the tar, block for block, so the tar's SHA-256 (the diff ID) joins in and shares
// the file digest's message schedule.
//
// Needs the SHA instructions of x86; ask available() first and use OpenSSL where it says no.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace fused {

constexpr std::size_t block_size = 64;

// True where this processor can run it.
bool available();

// Chaining values, in the order the algorithms define them.
struct Md5State {
  std::array<std::uint32_t, 4> words{0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476};
};
struct Sha1State {
  std::array<std::uint32_t, 5> words{0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
};
struct Sha256State {
  std::array<std::uint32_t, 8> words{0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                     0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
};

// Whole 64-byte blocks through the digests given; null ones are left out. `stream` and `file` are both SHA-256.
struct States {
  Sha256State* stream = nullptr;
  Sha256State* file = nullptr;
  Md5State* md5 = nullptr;
  Sha1State* sha1 = nullptr;
};
void blocks(const States& states, const std::uint8_t* bytes, std::size_t count);

// The last bytes of a message (fewer than 64) with its padding; `total` is the length of the whole message.
void finish(Sha256State& state, const std::uint8_t* rest, std::uint64_t total, std::array<std::uint8_t, 32>& out);
// As finish(), for the digests of one file at once; those that are null are left out.
struct FileDigest {
  std::array<std::uint8_t, 32> sha256{};
  std::array<std::uint8_t, 16> md5{};
  std::array<std::uint8_t, 20> sha1{};
};
void finish_file(const States& states, const std::uint8_t* rest, std::uint64_t total, FileDigest& out);

// The digests of one message after the other, handed over in pieces of any size: SHA-256 always, the others as asked.
class FileHasher {
 public:
  void start(bool md5, bool sha1);
  void update(const std::uint8_t* bytes, std::size_t size);
  FileDigest finish();

 private:
  States states();

  Sha256State sha256_;
  Md5State md5_;
  Sha1State sha1_;
  bool with_md5_ = false;
  bool with_sha1_ = false;
  std::uint64_t total_ = 0;
  std::array<std::uint8_t, block_size> rest_{};  // total_ % block_size bytes wait for the rest of their block
};

}  // namespace fused
