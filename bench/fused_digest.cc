// The kernel behind fused_digest.h: one block through MD5 (RFC 1321), SHA-1 and SHA-256 (FIPS 180-4), their steps laid
// alternately so that the processor always has an independent one to work on.
#include "fused_digest.h"

#include <algorithm>
#include <cstring>

#if defined(__x86_64__)

#include <cpuid.h>
#include <immintrin.h>

#include <bit>
#include <utility>

// Every function of the kernel must be compiled for the same instruction set and end up in one loop body.
#define FUSED_STEP __attribute__((target("sha,sse4.1"), always_inline)) inline

namespace fused {
namespace {

constexpr std::array<std::uint32_t, 64> md5_constants = {
    0xd76aa478, 0xe8c7b756, 0x242070db, 0xc1bdceee, 0xf57c0faf, 0x4787c62a, 0xa8304613, 0xfd469501, 0x698098d8, 0x8b44f7af,
    0xffff5bb1, 0x895cd7be, 0x6b901122, 0xfd987193, 0xa679438e, 0x49b40821, 0xf61e2562, 0xc040b340, 0x265e5a51, 0xe9b6c7aa,
    0xd62f105d, 0x02441453, 0xd8a1e681, 0xe7d3fbc8, 0x21e1cde6, 0xc33707d6, 0xf4d50d87, 0x455a14ed, 0xa9e3e905, 0xfcefa3f8,
    0x676f02d9, 0x8d2a4c8a, 0xfffa3942, 0x8771f681, 0x6d9d6122, 0xfde5380c, 0xa4beea44, 0x4bdecfa9, 0xf6bb4b60, 0xbebfbc70,
    0x289b7ec6, 0xeaa127fa, 0xd4ef3085, 0x04881d05, 0xd9d4d039, 0xe6db99e5, 0x1fa27cf8, 0xc4ac5665, 0xf4292244, 0x432aff97,
    0xab9423a7, 0xfc93a039, 0x655b59c3, 0x8f0ccc92, 0xffeff47d, 0x85845dd1, 0x6fa87e4f, 0xfe2ce6e0, 0xa3014314, 0x4e0811a1,
    0xf7537e82, 0xbd3af235, 0x2ad7d2bb, 0xeb86d391};
constexpr std::array<std::array<int, 4>, 4> md5_rotations = {
    {{7, 12, 17, 22}, {5, 9, 14, 20}, {4, 11, 16, 23}, {6, 10, 15, 21}}};

alignas(16) constexpr std::array<std::uint32_t, 64> sha256_constants = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5, 0xd807aa98, 0x12835b01,
    0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc,
    0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147,
    0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116, 0x1e376c08,
    0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208,
    0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

// One block's message words and the running values of every digest, by the register layout of the SHA instructions.
struct Work {
  const std::uint8_t* bytes;
  std::uint32_t md5[4];
  __m128i abef[2], cdgh[2];  // SHA-256 of the stream or the file, and of the other one
  __m128i words256[4];
  __m128i abcd, e[2];  // SHA-1
  __m128i words1[4];
};

template <int Step>
FUSED_STEP void md5_step(Work& w) {
  constexpr int round = Step / 16;
  constexpr int word = (round == 0 ? Step : round == 1 ? 5 * Step + 1 : round == 2 ? 3 * Step + 5 : 7 * Step) % 16;
  constexpr int rotation = md5_rotations[round][Step % 4];
  std::uint32_t& a = w.md5[(64 - Step) % 4];
  const std::uint32_t b = w.md5[(65 - Step) % 4];
  const std::uint32_t c = w.md5[(66 - Step) % 4];
  const std::uint32_t d = w.md5[(67 - Step) % 4];
  std::uint32_t message;
  std::memcpy(&message, w.bytes + 4 * word, sizeof message);
  a += message + md5_constants[Step];
  if constexpr (round == 0) {
    a += d ^ (b & (c ^ d));
  } else if constexpr (round == 1) {  // two sums, as the second half waits for b alone
    a += c & ~d;
    a += b & d;
  } else if constexpr (round == 2) {
    a += b ^ c ^ d;
  } else {
    a += c ^ (b | ~d);
  }
  a = std::rotl(a, rotation) + b;
}

// Four rounds of SHA-256 for `Chains` digests that share the message schedule.
template <int Group, int Chains>
FUSED_STEP void sha256_group(Work& w) {
  const __m128i big_endian = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
  __m128i& words = w.words256[Group % 4];
  if constexpr (Group < 4) {
    words = _mm_shuffle_epi8(_mm_loadu_si128(reinterpret_cast<const __m128i*>(w.bytes + 16 * Group)), big_endian);
  }
  __m128i input = _mm_add_epi32(words, _mm_load_si128(reinterpret_cast<const __m128i*>(&sha256_constants[4 * Group])));
  w.cdgh[0] = _mm_sha256rnds2_epu32(w.cdgh[0], w.abef[0], input);
  if constexpr (Chains > 1) {
    w.cdgh[1] = _mm_sha256rnds2_epu32(w.cdgh[1], w.abef[1], input);
  }
  if constexpr (Group >= 3 && Group < 15) {
    __m128i& next = w.words256[(Group + 1) % 4];
    next = _mm_add_epi32(next, _mm_alignr_epi8(words, w.words256[(Group + 3) % 4], 4));
    next = _mm_sha256msg2_epu32(next, words);
  }
  input = _mm_shuffle_epi32(input, 0x0e);
  w.abef[0] = _mm_sha256rnds2_epu32(w.abef[0], w.cdgh[0], input);
  if constexpr (Chains > 1) {
    w.abef[1] = _mm_sha256rnds2_epu32(w.abef[1], w.cdgh[1], input);
  }
  if constexpr (Group >= 1 && Group < 13) {
    __m128i& last = w.words256[(Group + 3) % 4];
    last = _mm_sha256msg1_epu32(last, words);
  }
}

// Four rounds of SHA-1.
template <int Group>
FUSED_STEP void sha1_group(Work& w) {
  const __m128i big_endian = _mm_set_epi64x(0x0001020304050607, 0x08090a0b0c0d0e0f);
  __m128i& words = w.words1[Group % 4];
  __m128i& e = w.e[Group % 2];
  if constexpr (Group < 4) {
    words = _mm_shuffle_epi8(_mm_loadu_si128(reinterpret_cast<const __m128i*>(w.bytes + 16 * Group)), big_endian);
  }
  if constexpr (Group == 0) {
    e = _mm_add_epi32(e, words);
  } else {
    e = _mm_sha1nexte_epu32(e, words);
  }
  w.e[(Group + 1) % 2] = w.abcd;
  if constexpr (Group >= 3 && Group < 19) {
    __m128i& next = w.words1[(Group + 1) % 4];
    next = _mm_sha1msg2_epu32(next, words);
  }
  w.abcd = _mm_sha1rnds4_epu32(w.abcd, e, Group / 5);
  if constexpr (Group >= 1 && Group < 17) {
    __m128i& last = w.words1[(Group + 3) % 4];
    last = _mm_sha1msg1_epu32(last, words);
  }
  if constexpr (Group >= 2 && Group < 18) {
    __m128i& before = w.words1[(Group + 2) % 4];
    before = _mm_xor_si128(before, words);
  }
}

template <int First, int... Offset>
FUSED_STEP void sha1_groups(Work& w, std::integer_sequence<int, Offset...>) {
  (sha1_group<First + Offset>(w), ...);
}

// A sixteenth of the block: 4 steps of MD5, 4 rounds of SHA-256, 4 or 8 rounds of SHA-1.
template <int Part, int Chains, bool Md5, bool Sha1>
FUSED_STEP void part(Work& w) {
  if constexpr (Chains > 0) {
    sha256_group<Part, Chains>(w);
  }
  if constexpr (Md5) {
    md5_step<4 * Part>(w);
    md5_step<4 * Part + 1>(w);
    md5_step<4 * Part + 2>(w);
    md5_step<4 * Part + 3>(w);
  }
  if constexpr (Sha1) {
    constexpr int first = Part * 20 / 16;
    sha1_groups<first>(w, std::make_integer_sequence<int, (Part + 1) * 20 / 16 - first>());
  }
}

template <int Chains, bool Md5, bool Sha1, int... Part>
FUSED_STEP void block(Work& w, std::integer_sequence<int, Part...>) {
  (part<Part, Chains, Md5, Sha1>(w), ...);
}

FUSED_STEP void load256(Work& w, int chain, const Sha256State& state) {
  const auto& h = state.words;
  const auto lane = [](std::uint32_t word) { return static_cast<int>(word); };
  w.abef[chain] = _mm_set_epi32(lane(h[0]), lane(h[1]), lane(h[4]), lane(h[5]));
  w.cdgh[chain] = _mm_set_epi32(lane(h[2]), lane(h[3]), lane(h[6]), lane(h[7]));
}

FUSED_STEP void store256(const Work& w, int chain, Sha256State& state) {
  alignas(16) std::uint32_t abef[4];
  alignas(16) std::uint32_t cdgh[4];
  _mm_store_si128(reinterpret_cast<__m128i*>(abef), w.abef[chain]);
  _mm_store_si128(reinterpret_cast<__m128i*>(cdgh), w.cdgh[chain]);
  state.words = {abef[3], abef[2], cdgh[3], cdgh[2], abef[1], abef[0], cdgh[1], cdgh[0]};
}

template <int Chains, bool Md5, bool Sha1>
__attribute__((target("sha,sse4.1"), noinline)) void run(Sha256State* first, Sha256State* second, Md5State* md5,
                                                         Sha1State* sha1, const std::uint8_t* bytes, std::size_t count) {
  // Other libraries may leave the upper halves of the vector registers in use, which makes every SHA instruction many times
  // slower.
  if (__builtin_cpu_supports("avx")) {
    asm volatile("vzeroupper" ::: "memory");
  }
  Work w{};
  if constexpr (Chains > 0) {
    load256(w, 0, *first);
  }
  if constexpr (Chains > 1) {
    load256(w, 1, *second);
  }
  if constexpr (Md5) {
    std::memcpy(w.md5, md5->words.data(), sizeof w.md5);
  }
  if constexpr (Sha1) {
    w.abcd = _mm_shuffle_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(sha1->words.data())), 0x1b);
    w.e[0] = _mm_set_epi32(static_cast<int>(sha1->words[4]), 0, 0, 0);
  }
  for (; count != 0; --count, bytes += block_size) {
    const Work before = w;
    w.bytes = bytes;
    block<Chains, Md5, Sha1>(w, std::make_integer_sequence<int, 16>());
    if constexpr (Chains > 0) {
      w.abef[0] = _mm_add_epi32(w.abef[0], before.abef[0]);
      w.cdgh[0] = _mm_add_epi32(w.cdgh[0], before.cdgh[0]);
    }
    if constexpr (Chains > 1) {
      w.abef[1] = _mm_add_epi32(w.abef[1], before.abef[1]);
      w.cdgh[1] = _mm_add_epi32(w.cdgh[1], before.cdgh[1]);
    }
    if constexpr (Md5) {
      w.md5[0] += before.md5[0];
      w.md5[1] += before.md5[1];
      w.md5[2] += before.md5[2];
      w.md5[3] += before.md5[3];
    }
    if constexpr (Sha1) {
      w.e[0] = _mm_sha1nexte_epu32(w.e[0], before.e[0]);
      w.abcd = _mm_add_epi32(w.abcd, before.abcd);
    }
  }
  if constexpr (Chains > 0) {
    store256(w, 0, *first);
  }
  if constexpr (Chains > 1) {
    store256(w, 1, *second);
  }
  if constexpr (Md5) {
    std::memcpy(md5->words.data(), w.md5, sizeof w.md5);
  }
  if constexpr (Sha1) {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(sha1->words.data()), _mm_shuffle_epi32(w.abcd, 0x1b));
    sha1->words[4] = static_cast<std::uint32_t>(_mm_extract_epi32(w.e[0], 3));
  }
}

// The padding that ends a message: one block, or two where the length does not fit into the first.
struct Padding {
  std::array<std::uint8_t, 2 * block_size> bytes{};
  std::size_t count = 0;
};

Padding pad(const std::uint8_t* rest, std::uint64_t total, bool big_endian) {
  Padding result;
  const std::size_t left = total % block_size;
  if (left != 0) {
    std::memcpy(result.bytes.data(), rest, left);
  }
  result.bytes[left] = 0x80;
  result.count = left + 9 <= block_size ? 1 : 2;
  for (unsigned i = 0; i < 8; ++i) {
    result.bytes[result.count * block_size - 8 + (big_endian ? 7 - i : i)] = static_cast<std::uint8_t>((total * 8) >> (8 * i));
  }
  return result;
}

template <std::size_t Words, std::size_t Size>
void write_big_endian(const std::array<std::uint32_t, Words>& words, std::array<std::uint8_t, Size>& out) {
  static_assert(Size == Words * 4);
  for (std::size_t i = 0; i < Size; ++i) {
    out[i] = static_cast<std::uint8_t>(words[i / 4] >> (24 - 8 * (i % 4)));
  }
}

template <int Chains>
void choose(Sha256State* first, Sha256State* second, const States& states, const std::uint8_t* bytes, std::size_t count) {
  if (states.md5 != nullptr && states.sha1 != nullptr) {
    run<Chains, true, true>(first, second, states.md5, states.sha1, bytes, count);
  } else if (states.md5 != nullptr) {
    run<Chains, true, false>(first, second, states.md5, nullptr, bytes, count);
  } else if (states.sha1 != nullptr) {
    run<Chains, false, true>(first, second, nullptr, states.sha1, bytes, count);
  } else if constexpr (Chains > 0) {
    run<Chains, false, false>(first, second, nullptr, nullptr, bytes, count);
  }
}

}  // namespace

bool available() {
  // GCC 12's __builtin_cpu_supports has no name for the SHA instructions.
  unsigned a = 0;
  unsigned b = 0;
  unsigned c = 0;
  unsigned d = 0;
  static const bool sha = __get_cpuid_count(7, 0, &a, &b, &c, &d) != 0 && (b & bit_SHA) != 0;
  return sha && __builtin_cpu_supports("sse4.1");
}

void blocks(const States& states, const std::uint8_t* bytes, std::size_t count) {
  if (states.stream != nullptr && states.file != nullptr) {
    choose<2>(states.stream, states.file, states, bytes, count);
  } else if (states.stream != nullptr || states.file != nullptr) {
    choose<1>(states.stream != nullptr ? states.stream : states.file, nullptr, states, bytes, count);
  } else {
    choose<0>(nullptr, nullptr, states, bytes, count);
  }
}

void finish(Sha256State& state, const std::uint8_t* rest, std::uint64_t total, std::array<std::uint8_t, 32>& out) {
  const Padding padding = pad(rest, total, true);
  blocks({.file = &state}, padding.bytes.data(), padding.count);
  write_big_endian(state.words, out);
}

void finish_file(const States& states, const std::uint8_t* rest, std::uint64_t total, FileDigest& out) {
  const Padding sha = pad(rest, total, true);
  blocks({.file = states.file, .sha1 = states.sha1}, sha.bytes.data(), sha.count);
  if (states.file != nullptr) {
    write_big_endian(states.file->words, out.sha256);
  }
  if (states.sha1 != nullptr) {
    write_big_endian(states.sha1->words, out.sha1);
  }
  if (states.md5 != nullptr) {
    const Padding md5 = pad(rest, total, false);
    blocks({.md5 = states.md5}, md5.bytes.data(), md5.count);
    std::memcpy(out.md5.data(), states.md5->words.data(), out.md5.size());
  }
}

}  // namespace fused

#else  // other processors: available() says no, and nobody calls the rest

#include <cstdlib>

namespace fused {

bool available() { return false; }
void blocks(const States& /*states*/, const std::uint8_t* /*bytes*/, std::size_t /*count*/) { std::abort(); }
void finish(Sha256State& /*state*/, const std::uint8_t* /*rest*/, std::uint64_t /*total*/,
            std::array<std::uint8_t, 32>& /*out*/) {
  std::abort();
}
void finish_file(const States& /*states*/, const std::uint8_t* /*rest*/, std::uint64_t /*total*/, FileDigest& /*out*/) {
  std::abort();
}

}  // namespace fused

#endif

namespace fused {

States FileHasher::states() {
  return {.stream = nullptr, .file = &sha256_, .md5 = with_md5_ ? &md5_ : nullptr, .sha1 = with_sha1_ ? &sha1_ : nullptr};
}

void FileHasher::start(bool md5, bool sha1) {
  sha256_ = {};
  md5_ = {};
  sha1_ = {};
  with_md5_ = md5;
  with_sha1_ = sha1;
  total_ = 0;
}

void FileHasher::update(const std::uint8_t* bytes, std::size_t size) {
  if (size == 0) {
    return;
  }
  const std::size_t waiting = total_ % block_size;
  total_ += size;
  if (waiting != 0) {
    const std::size_t take = std::min(size, block_size - waiting);
    std::memcpy(rest_.data() + waiting, bytes, take);
    if (waiting + take < block_size) {
      return;
    }
    blocks(states(), rest_.data(), 1);
    bytes += take;
    size -= take;
  }
  blocks(states(), bytes, size / block_size);
  std::memcpy(rest_.data(), bytes + size / block_size * block_size, size % block_size);
}

FileDigest FileHasher::finish() {
  FileDigest out;
  finish_file(states(), rest_.data(), total_, out);
  return out;
}

}  // namespace fused
