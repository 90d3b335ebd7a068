// What the limit program measures with: message digests by OpenSSL EVP, inflate by ISA-L igzip, zstd by libzstd.
// These are the libraries careen uses, called the cheapest way they offer: algorithms fetched once, contexts reused.
#pragma once

#include <fcntl.h>
#include <isa-l/igzip_lib.h>
#include <openssl/evp.h>
#include <unistd.h>
#include <zstd.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace limit {

using Bytes = std::span<const std::uint8_t>;

[[noreturn]] inline void fail(const std::string& what) {
  std::fprintf(stderr, "limit: %s\n", what.c_str());
  std::exit(4);
}

// One digest algorithm; the context is made once and started again for every message.
class Hasher {
 public:
  explicit Hasher(const char* name) : md_(EVP_MD_fetch(nullptr, name, nullptr)), context_(EVP_MD_CTX_new()) {
    if (md_ == nullptr || context_ == nullptr || EVP_DigestInit_ex2(context_, md_, nullptr) != 1) {
      fail("no digest " + std::string(name));
    }
  }
  Hasher(const Hasher&) = delete;
  Hasher& operator=(const Hasher&) = delete;
  ~Hasher() {
    EVP_MD_CTX_free(context_);
    EVP_MD_free(md_);
  }

  void start() { EVP_DigestInit_ex2(context_, nullptr, nullptr); }
  void update(Bytes bytes) { EVP_DigestUpdate(context_, bytes.data(), bytes.size()); }
  // The digest of all bytes since start(); the result's first size() bytes count.
  std::array<std::uint8_t, 32> finish() {
    std::array<std::uint8_t, 32> out{};
    unsigned length = 0;
    EVP_DigestFinal_ex(context_, out.data(), &length);
    return out;
  }

 private:
  EVP_MD* md_;
  EVP_MD_CTX* context_;
};

inline std::string hex(const std::array<std::uint8_t, 32>& digest) {
  std::string text = "sha256:";
  for (const std::uint8_t byte : digest) {
    constexpr const char* digits = "0123456789abcdef";
    text += digits[byte >> 4];
    text += digits[byte & 15];
  }
  return text;
}

// A blob read in pieces; every piece passes the SHA-256 of the compressed bytes.
class BlobReader {
 public:
  BlobReader(const std::string& path, std::size_t piece) : fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)), buffer_(piece) {
    if (fd_ < 0) {
      fail("cannot open " + path);
    }
    ::posix_fadvise(fd_, 0, 0, POSIX_FADV_SEQUENTIAL);
  }
  BlobReader(const BlobReader&) = delete;
  BlobReader& operator=(const BlobReader&) = delete;
  ~BlobReader() { ::close(fd_); }

  // The next piece; empty at the end. Valid until the next call.
  Bytes next() {
    const ssize_t got = ::read(fd_, buffer_.data(), buffer_.size());
    if (got < 0) {
      fail("read error");
    }
    const Bytes piece(buffer_.data(), static_cast<std::size_t>(got));
    sha256_.update(piece);
    total_ += piece.size();
    return piece;
  }
  std::string digest() { return hex(sha256_.finish()); }
  [[nodiscard]] std::uint64_t total() const { return total_; }

 private:
  int fd_;
  std::vector<std::uint8_t> buffer_;
  Hasher sha256_{"SHA256"};
  std::uint64_t total_ = 0;
};

// Compressed bytes to uncompressed ones. Source: anything with `Bytes next()`.
class Decoder {
 public:
  virtual ~Decoder() = default;
  // Fills `out` completely unless the stream ends; returns the number of bytes written, 0 at the end.
  virtual std::size_t fill(std::span<std::uint8_t> out) = 0;
};

template <typename Source>
class GzipDecoder final : public Decoder {
 public:
  explicit GzipDecoder(Source& source) : source_(source) { reset(); }

  std::size_t fill(std::span<std::uint8_t> out) override {
    state_->next_out = out.data();
    state_->avail_out = static_cast<std::uint32_t>(out.size());
    while (state_->avail_out > 0 && more_input()) {
      if (state_->block_state == ISAL_BLOCK_FINISH) {
        reset();  // the next member of the same stream
      }
      if (isal_inflate(state_.get()) != ISAL_DECOMP_OK) {
        fail("bad gzip stream");
      }
    }
    return out.size() - state_->avail_out;
  }

 private:
  void reset() {
    const auto input = Bytes(state_->next_in, state_->avail_in);
    const auto output = std::span<std::uint8_t>(state_->next_out, state_->avail_out);
    isal_inflate_init(state_.get());
    state_->crc_flag = ISAL_GZIP;
    state_->next_in = const_cast<std::uint8_t*>(input.data());
    state_->avail_in = static_cast<std::uint32_t>(input.size());
    state_->next_out = output.data();
    state_->avail_out = static_cast<std::uint32_t>(output.size());
  }
  // True while there is input, or decoded bytes that did not fit yet.
  bool more_input() {
    if (state_->avail_in == 0) {
      const Bytes piece = source_.next();
      state_->next_in = const_cast<std::uint8_t*>(piece.data());
      state_->avail_in = static_cast<std::uint32_t>(piece.size());
    }
    return state_->avail_in > 0 || state_->block_state != ISAL_BLOCK_FINISH;
  }

  Source& source_;
  std::unique_ptr<inflate_state> state_ = std::make_unique<inflate_state>();
};

template <typename Source>
class ZstdDecoder final : public Decoder {
 public:
  explicit ZstdDecoder(Source& source) : source_(source), context_(ZSTD_createDCtx()) {}
  ~ZstdDecoder() override { ZSTD_freeDCtx(context_); }
  ZstdDecoder(const ZstdDecoder&) = delete;
  ZstdDecoder& operator=(const ZstdDecoder&) = delete;

  std::size_t fill(std::span<std::uint8_t> out) override {
    ZSTD_outBuffer target{out.data(), out.size(), 0};
    while (target.pos < target.size) {
      if (input_.pos == input_.size && !pending_) {
        const Bytes piece = source_.next();
        if (piece.empty()) {
          break;
        }
        input_ = {piece.data(), piece.size(), 0};
      }
      if (ZSTD_isError(ZSTD_decompressStream(context_, &target, &input_)) != 0U) {
        fail("bad zstd stream");
      }
      pending_ = target.pos == target.size;
    }
    return target.pos;
  }

 private:
  Source& source_;
  ZSTD_DCtx* context_;
  ZSTD_inBuffer input_{nullptr, 0, 0};
  bool pending_ = false;  // decoded bytes may wait inside the context for room
};

template <typename Source>
class StoredDecoder final : public Decoder {
 public:
  explicit StoredDecoder(Source& source) : source_(source) {}
  std::size_t fill(std::span<std::uint8_t> out) override {
    std::size_t done = 0;
    while (done < out.size()) {
      if (rest_.empty() && (rest_ = source_.next()).empty()) {
        break;
      }
      const std::size_t take = std::min(rest_.size(), out.size() - done);
      std::copy_n(rest_.begin(), take, out.begin() + static_cast<std::ptrdiff_t>(done));
      rest_ = rest_.subspan(take);
      done += take;
    }
    return done;
  }

 private:
  Source& source_;
  Bytes rest_;
};

template <typename Source>
std::unique_ptr<Decoder> make_decoder(const std::string& media_type, Source& source) {
  if (media_type.ends_with("gzip")) {
    return std::make_unique<GzipDecoder<Source>>(source);
  }
  if (media_type.ends_with("zstd")) {
    return std::make_unique<ZstdDecoder<Source>>(source);
  }
  return std::make_unique<StoredDecoder<Source>>(source);
}

}  // namespace limit
