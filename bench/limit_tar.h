// The tar walk of the limit program: only what is needed to know where each regular file's bytes are, and the
// digests that careen keeps of each file.
#pragma once

#include <algorithm>
#include <cstring>
#include <string_view>
#include <utility>

#include "fused_digest.h"
#include "limit_codec.h"

namespace limit {

// Which digests of a file are kept. This must say what careen's own policy says, or the comparison is worth nothing.
struct Wanted {
  bool sha256 = true;
  bool md5 = true;
  bool sha1 = true;
};

constexpr std::uint64_t small_file = 64 * 1024;

// `head`: the file's first bytes, at least four where the file has them.
constexpr Wanted wanted(std::uint64_t size, unsigned mode, Bytes head) {
  const bool elf = head.size() >= 4 && head[0] == 0x7f && head[1] == 'E' && head[2] == 'L' && head[3] == 'F';
  const bool script = head.size() >= 2 && head[0] == '#' && head[1] == '!';
  return {.sha256 = true, .md5 = true, .sha1 = elf || script || (mode & 0111U) != 0 || size <= small_file};
}

// What the walk hands the bytes of the tar to: every byte once, in order.
class TarDigests {
 public:
  explicit TarDigests(Wanted mask) : mask_(mask) {}
  virtual ~TarDigests() = default;

  void begin(std::uint64_t size, unsigned mode, Bytes head) {
    want_ = wanted(size, mode, head);
    want_.sha256 &= mask_.sha256;
    want_.md5 &= mask_.md5;
    want_.sha1 &= mask_.sha1;
    ++files_;
    file_bytes_ += size;
    sha1_bytes_ += want_.sha1 ? size : 0;
    start();
  }
  // A piece of the file's data, and the tar's bytes from its begin to the end of its last block.
  virtual void body(Bytes data, Bytes padded) = 0;
  virtual void end() = 0;
  // Bytes of the tar that are no file's.
  virtual void other(Bytes bytes) = 0;
  // The diff ID, where these digests include it.
  virtual std::string stream_digest() { return {}; }

  [[nodiscard]] std::uint64_t files() const { return files_; }
  [[nodiscard]] std::uint64_t file_bytes() const { return file_bytes_; }
  [[nodiscard]] std::uint64_t sha1_bytes() const { return sha1_bytes_; }
  // All digests folded into one number: equal arrangements must print equal numbers.
  [[nodiscard]] std::uint64_t checksum() const { return checksum_; }

 protected:
  virtual void start() = 0;
  [[nodiscard]] Wanted want() const { return want_; }
  template <typename Digest>
  void mix(const Digest& digest) {
    std::uint64_t word = 0;
    std::memcpy(&word, digest.data(), sizeof word);
    checksum_ += word;
  }

 private:
  Wanted mask_;
  Wanted want_;
  std::uint64_t files_ = 0;
  std::uint64_t file_bytes_ = 0;
  std::uint64_t sha1_bytes_ = 0;
  std::uint64_t checksum_ = 0;
};

// File digests one after the other by OpenSSL, in short pieces, so that the second and third find the bytes in the
// first-level cache.
class EvpDigests final : public TarDigests {
 public:
  using TarDigests::TarDigests;
  void body(Bytes data, Bytes /*padded*/) override {
    constexpr std::size_t piece = 16 * 1024;
    while (!data.empty()) {
      const Bytes part = data.first(std::min(piece, data.size()));
      each([&](Hasher& hasher) { hasher.update(part); });
      data = data.subspan(part.size());
    }
  }
  void end() override {
    each([&](Hasher& hasher) { mix(hasher.finish()); });
  }
  void other(Bytes /*bytes*/) override {}

 private:
  void start() override {
    each([&](Hasher& hasher) { hasher.start(); });
  }
  template <typename Action>
  void each(Action action) {
    if (want().sha256) {
      action(sha256_);
    }
    if (want().md5) {
      action(md5_);
    }
    if (want().sha1) {
      action(sha1_);
    }
  }

  Hasher sha256_{"SHA256"};
  Hasher md5_{"MD5"};
  Hasher sha1_{"SHA1"};
};

// All digests of a block together (fused_digest.h), the diff ID among them if it is wanted here.
class FusedDigests final : public TarDigests {
 public:
  FusedDigests(Wanted mask, bool with_stream) : TarDigests(mask) {
    if (with_stream) {
      states_.stream = &stream_;
    }
  }
  void body(Bytes data, Bytes padded) override {
    const std::size_t whole = data.size() / fused::block_size * fused::block_size;
    fused::blocks(states_, data.data(), whole / fused::block_size);
    total_ += whole;
    other(padded.subspan(whole));
    rest_ = data.subspan(whole);
    size_ += data.size();
  }
  void end() override {
    fused::FileDigest digest;
    fused::finish_file(states_, rest_.data(), size_, digest);
    if (want().sha256) {
      mix(digest.sha256);
    }
    if (want().md5) {
      mix(digest.md5);
    }
    if (want().sha1) {
      mix(digest.sha1);
    }
    states_ = {.stream = states_.stream};
  }
  void other(Bytes bytes) override {
    total_ += bytes.size();
    if (states_.stream != nullptr) {
      fused::blocks({.stream = states_.stream}, bytes.data(), bytes.size() / fused::block_size);
    }
  }
  std::string stream_digest() override {
    std::array<std::uint8_t, 32> digest{};
    fused::finish(stream_, nullptr, total_, digest);
    return hex(digest);
  }

 private:
  void start() override {
    sha256_ = {};
    md5_ = {};
    sha1_ = {};
    size_ = 0;
    rest_ = {};
    states_ = {.stream = states_.stream,
               .file = want().sha256 ? &sha256_ : nullptr,
               .md5 = want().md5 ? &md5_ : nullptr,
               .sha1 = want().sha1 ? &sha1_ : nullptr};
  }

  fused::States states_;
  fused::Sha256State stream_;
  fused::Sha256State sha256_;
  fused::Md5State md5_;
  fused::Sha1State sha1_;
  Bytes rest_;
  std::uint64_t size_ = 0;
  std::uint64_t total_ = 0;  // of the tar
};

// Takes the tar in pieces; all but the last must be whole 512-byte blocks.
class TarWalk {
 public:
  explicit TarWalk(TarDigests& digests) : digests_(digests) {}

  void take(Bytes bytes) {
    while (bytes.size() >= block) {
      if (left_ == 0) {
        header(bytes.first(block));
        digests_.other(bytes.first(block));
        bytes = bytes.subspan(block);
        continue;
      }
      const auto data = static_cast<std::size_t>(std::min<std::uint64_t>(left_, bytes.size()));
      const Bytes padded = bytes.first(std::min(bytes.size(), (data + block - 1) / block * block));
      body(bytes.first(data), padded);
      left_ -= data;
      bytes = bytes.subspan(padded.size());
    }
  }

 private:
  static constexpr std::size_t block = 512;

  static std::uint64_t number(Bytes field) {
    std::uint64_t value = 0;
    if ((field[0] & 0x80U) != 0) {  // base-256, of large files
      for (const std::uint8_t byte : field.subspan(1)) {
        value = value << 8 | byte;
      }
      return value;
    }
    for (const std::uint8_t byte : field) {
      if (byte >= '0' && byte <= '7') {
        value = value * 8 + (byte - '0');
      }
    }
    return value;
  }
  void header(Bytes head) {
    if (head[0] == 0) {
      return;  // padding at the end
    }
    const std::uint8_t type = head[156];
    left_ = number(head.subspan(124, 12));
    regular_ = type == '0' || type == 0 || type == '7';
    pax_ = type == 'x';
    if (!regular_) {
      return;
    }
    if (pax_size_ != 0) {
      left_ = std::exchange(pax_size_, 0);
    }
    mode_ = static_cast<unsigned>(number(head.subspan(100, 8)));
    size_ = left_;
    if (size_ == 0) {
      digests_.begin(0, mode_, {});
      digests_.end();
    }
  }
  void body(Bytes data, Bytes padded) {
    if (pax_) {
      find_pax_size(data);
    }
    if (!regular_) {
      digests_.other(padded);
      return;
    }
    if (left_ == size_) {
      digests_.begin(size_, mode_, data);
    }
    digests_.body(data, padded);
    if (data.size() == left_) {
      digests_.end();
    }
  }
  void find_pax_size(Bytes data) {
    const std::string_view text(reinterpret_cast<const char*>(data.data()), data.size());
    const auto at = text.find(" size=");
    if (at != std::string_view::npos) {
      pax_size_ = std::strtoull(std::string(text.substr(at + 6, 20)).c_str(), nullptr, 10);
    }
  }

  TarDigests& digests_;
  std::uint64_t left_ = 0;  // bytes of the current entry's data still to come
  std::uint64_t size_ = 0;
  std::uint64_t pax_size_ = 0;
  unsigned mode_ = 0;
  bool regular_ = false;
  bool pax_ = false;
};

}  // namespace limit
