#include "archive/decompress.h"

#include <bzlib.h>
#include <isa-l/igzip_lib.h>
#include <lzma.h>
#include <zstd.h>

#include <array>

namespace careen {
namespace {

constexpr size_t kInputBuffer = 256 << 10;

// What all decoders share: a buffer of compressed input and where it stands.
class Decoder : public Decompressor {
 public:
  explicit Decoder(ByteSource& from) : from_(from), input_(kInputBuffer) {}
  uint64_t trailing() const override { return trailing_; }

 protected:
  // Reads more input when there is none; false at the end of the source.
  Result<bool> refill() {
    if (begin_ != end_) return true;
    CAREEN_ASSIGN(size_t n, from_.read(input_));
    begin_ = 0;
    end_ = n;
    return n != 0;
  }
  Bytes unread() const { return {input_.data() + begin_, end_ - begin_}; }
  void use(size_t n) { begin_ += n; }

  // Looks at the next n bytes without using them; fewer at the end.
  Result<Bytes> peek(size_t n) {
    if (end_ - begin_ < n) {
      std::memmove(input_.data(), input_.data() + begin_, end_ - begin_);
      end_ -= begin_;
      begin_ = 0;
      while (end_ < n) {
        CAREEN_ASSIGN(size_t got, from_.read(std::span(input_).subspan(end_)));
        if (got == 0) break;
        end_ += got;
      }
    }
    return unread().first(std::min(n, end_ - begin_));
  }

  // Counts what is left as trailing data.
  Result<void> skip_rest() {
    for (;;) {
      trailing_ += end_ - begin_;
      begin_ = end_;
      CAREEN_ASSIGN(bool more, refill());
      if (!more) return {};
    }
  }

  ByteSource& from_;
  std::vector<uint8_t> input_;
  size_t begin_ = 0, end_ = 0;
  uint64_t trailing_ = 0;
  bool done_ = false;
};

class Plain : public Decoder {
 public:
  using Decoder::Decoder;
  Result<size_t> read(std::span<uint8_t> into) override { return from_.read(into); }
};

// ISA-L keeps the whole inflate state in inflate_state; the members of a file are decoded one after the other.
class Gzip : public Decoder {
 public:
  explicit Gzip(ByteSource& from) : Decoder(from), state_(std::make_unique<inflate_state>()) { start(); }

  Result<size_t> read(std::span<uint8_t> into) override {
    if (done_ || into.empty()) return size_t{0};
    if (!in_member_) CAREEN_TRY(header());
    state_->next_out = into.data();
    state_->avail_out = static_cast<uint32_t>(std::min<size_t>(into.size(), 1U << 30));
    uint32_t wanted = state_->avail_out;
    while (state_->avail_out == wanted) {
      CAREEN_ASSIGN(bool more, refill());
      if (!more && state_->block_state != ISAL_BLOCK_FINISH) return Error{Errc::truncated, "gzip data ends too early"};
      Bytes in = unread();
      state_->next_in = const_cast<uint8_t*>(in.data());  // ISA-L only reads
      state_->avail_in = static_cast<uint32_t>(in.size());
      int rc = isal_inflate(state_.get());
      if (rc != ISAL_DECOMP_OK && rc != ISAL_END_INPUT) return Error{Errc::corrupt, why(rc)};
      size_t used = in.size() - state_->avail_in;
      use(used);
      if (state_->block_state == ISAL_BLOCK_FINISH) {
        CAREEN_ASSIGN(Bytes next, peek(2));
        if (next.size() == 2 && next[0] == 0x1f && next[1] == 0x8b) {
          CAREEN_TRY(header());
          restart();
          continue;
        }
        done_ = true;
        CAREEN_TRY(skip_rest());
        break;
      }
      if (used == 0 && state_->avail_out == wanted && !in.empty() && rc == ISAL_DECOMP_OK && ++idle_ > 64)
        return Error{Errc::corrupt, "gzip data makes no progress"};
    }
    idle_ = 0;
    return static_cast<size_t>(wanted - state_->avail_out);
  }

 private:
  void start() {
    isal_inflate_init(state_.get());
    state_->crc_flag = ISAL_GZIP_NO_HDR_VER;
  }

  // A member's header (RFC 1952), read here because ISA-L refuses one with a checksum of its own. Its fields say nothing that
  // is needed; they are passed over.
  Result<void> header() {
    auto byte = [&]() -> Result<uint8_t> {
      CAREEN_ASSIGN(bool more, refill());
      if (!more) return Error{Errc::truncated, "gzip data ends inside a header"};
      uint8_t b = unread()[0];
      use(1);
      return b;
    };
    std::array<uint8_t, 10> fixed{};
    for (uint8_t& b : fixed) {
      CAREEN_ASSIGN(b, byte());
    }
    if (fixed[0] != 0x1f || fixed[1] != 0x8b) return Error{Errc::corrupt, "not a gzip header"};
    if (fixed[2] != 8 || (fixed[3] & 0xe0U) != 0) return Error{Errc::corrupt, "gzip member with an unknown method or flag"};
    if ((fixed[3] & 4U) != 0) {
      CAREEN_ASSIGN(unsigned low, byte());
      CAREEN_ASSIGN(unsigned high, byte());
      for (unsigned n = low | high << 8; n != 0; --n) CAREEN_TRY(byte());
    }
    for (unsigned flag : {8U, 16U})  // name, comment
      for (size_t n = 0; (fixed[3] & flag) != 0; ++n) {
        CAREEN_ASSIGN(uint8_t b, byte());
        if (b == 0) break;
        if (n > kMaxGzipText) return Error{Errc::limit, "gzip header with a text longer than 64 KiB (kMaxGzipText)"};
      }
    if ((fixed[3] & 2U) != 0) CAREEN_TRY(byte());
    if ((fixed[3] & 2U) != 0) CAREEN_TRY(byte());
    in_member_ = true;
    return {};
  }
  void restart() {
    uint8_t* out = state_->next_out;
    uint32_t room = state_->avail_out;
    isal_inflate_reset(state_.get());
    state_->crc_flag = ISAL_GZIP_NO_HDR_VER;
    state_->next_out = out;
    state_->avail_out = room;
  }
  static std::string why(int rc) {
    switch (rc) {
      case ISAL_INCORRECT_CHECKSUM:
        return "gzip checksum does not fit the data";
      case ISAL_UNSUPPORTED_METHOD:
        return "gzip member with an unknown method";
      case ISAL_INVALID_WRAPPER:
        return "not a gzip header";
      default:
        return "gzip data is corrupt";
    }
  }
  static constexpr size_t kMaxGzipText = 64 << 10;
  std::unique_ptr<inflate_state> state_;
  int idle_ = 0;
  bool in_member_ = false;
};

class Zstd : public Decoder {
 public:
  explicit Zstd(ByteSource& from) : Decoder(from), stream_(ZSTD_createDStream()) { ZSTD_DCtx_setParameter(stream_, ZSTD_d_windowLogMax, kMaxZstdWindowLog); }
  ~Zstd() override { ZSTD_freeDStream(stream_); }
  Zstd(const Zstd&) = delete;
  Zstd& operator=(const Zstd&) = delete;

  Result<size_t> read(std::span<uint8_t> into) override {
    if (done_ || into.empty()) return size_t{0};
    ZSTD_outBuffer out{into.data(), into.size(), 0};
    while (out.pos == 0) {
      CAREEN_ASSIGN(bool more, refill());
      if (!more && !flushing_) {
        if (inside_) return Error{Errc::truncated, "zstd data ends too early"};
        done_ = true;
        return size_t{0};
      }
      if (!inside_ && !flushing_) {  // between frames: only another frame may follow
        CAREEN_ASSIGN(Bytes magic, peek(4));
        bool frame = magic.size() == 4 && recognise_compression(magic) == Compression::zstd;
        if (!frame && started_) {
          done_ = true;
          CAREEN_TRY(skip_rest());
          return size_t{0};
        }
      }
      ZSTD_inBuffer in{unread().data(), unread().size(), 0};
      size_t rc = ZSTD_decompressStream(stream_, &out, &in);
      if (ZSTD_isError(rc) != 0U) {
        Errc code = ZSTD_getErrorCode_(rc) ? Errc::limit : Errc::corrupt;
        return Error{code, code == Errc::limit ? "zstd window is larger than 128 MiB (kMaxZstdWindowLog)"
                                               : std::string("zstd data is corrupt: ") + ZSTD_getErrorName(rc)};
      }
      started_ = true;
      use(in.pos);
      inside_ = rc != 0;
      flushing_ = rc != 0 && out.pos == out.size;
    }
    return out.pos;
  }

 private:
  static bool ZSTD_getErrorCode_(size_t rc) {  // the numeric codes are in a header that Debian ships only for static use
    return std::string_view(ZSTD_getErrorName(rc)).find("Frame requires too much memory") != std::string_view::npos;
  }
  ZSTD_DStream* stream_;
  bool inside_ = false, started_ = false, flushing_ = false;
};

class Xz : public Decoder {
 public:
  explicit Xz(ByteSource& from) : Decoder(from) { ok_ = lzma_stream_decoder(&stream_, kMaxXzMemory, 0) == LZMA_OK; }
  ~Xz() override { lzma_end(&stream_); }
  Xz(const Xz&) = delete;
  Xz& operator=(const Xz&) = delete;

  Result<size_t> read(std::span<uint8_t> into) override {
    if (!ok_) return Error{Errc::limit, "no memory for an xz decoder"};
    if (done_ || into.empty()) return size_t{0};
    stream_.next_out = into.data();
    stream_.avail_out = into.size();
    while (stream_.avail_out == into.size()) {
      CAREEN_ASSIGN(bool more, refill());
      Bytes in = unread();
      stream_.next_in = in.data();
      stream_.avail_in = in.size();
      lzma_ret rc = lzma_code(&stream_, more ? LZMA_RUN : LZMA_FINISH);
      use(in.size() - stream_.avail_in);
      if (rc == LZMA_STREAM_END) {  // padding of zeros in fours and another stream may follow
        CAREEN_ASSIGN(Bytes next, peek(kMagicBytes));
        while (next.size() >= 4 && load<uint32_t>(next.data(), Endian::little) == 0) {
          use(4);
          CAREEN_ASSIGN(next, peek(kMagicBytes));
        }
        if (recognise_compression(next) != Compression::xz) {
          done_ = true;
          CAREEN_TRY(skip_rest());
          break;
        }
        ok_ = lzma_stream_decoder(&stream_, kMaxXzMemory, 0) == LZMA_OK;  // keeps next_out and avail_out
        if (!ok_) return Error{Errc::limit, "no memory for an xz decoder"};
        continue;
      }
      if (rc == LZMA_MEMLIMIT_ERROR) return Error{Errc::limit, "xz data needs more than 256 MiB (kMaxXzMemory)"};
      if (rc == LZMA_BUF_ERROR) return Error{Errc::truncated, "xz data ends too early"};
      if (rc != LZMA_OK) return Error{Errc::corrupt, "xz data is corrupt"};
    }
    return into.size() - stream_.avail_out;
  }

 private:
  lzma_stream stream_ = LZMA_STREAM_INIT;
  bool ok_;
};

class Bzip2 : public Decoder {
 public:
  explicit Bzip2(ByteSource& from) : Decoder(from) { BZ2_bzDecompressInit(&stream_, 0, 0); }
  ~Bzip2() override { BZ2_bzDecompressEnd(&stream_); }
  Bzip2(const Bzip2&) = delete;
  Bzip2& operator=(const Bzip2&) = delete;

  Result<size_t> read(std::span<uint8_t> into) override {
    if (done_ || into.empty()) return size_t{0};
    size_t room = std::min<size_t>(into.size(), 1U << 30);
    stream_.next_out = reinterpret_cast<char*>(into.data());
    stream_.avail_out = static_cast<unsigned>(room);
    while (stream_.avail_out == room) {
      CAREEN_ASSIGN(bool more, refill());
      if (!more) return Error{Errc::truncated, "bzip2 data ends too early"};
      Bytes in = unread();
      stream_.next_in = const_cast<char*>(as_text(in).data());
      stream_.avail_in = static_cast<unsigned>(in.size());
      int rc = BZ2_bzDecompress(&stream_);
      use(in.size() - stream_.avail_in);
      if (rc == BZ_STREAM_END) {
        CAREEN_ASSIGN(Bytes next, peek(3));
        if (as_text(next) != "BZh") {
          done_ = true;
          CAREEN_TRY(skip_rest());
          break;
        }
        char* out = stream_.next_out;
        unsigned left = stream_.avail_out;
        BZ2_bzDecompressEnd(&stream_);
        stream_ = {};
        BZ2_bzDecompressInit(&stream_, 0, 0);
        stream_.next_out = out;
        stream_.avail_out = left;
        continue;
      }
      if (rc != BZ_OK) return Error{Errc::corrupt, "bzip2 data is corrupt"};
    }
    return room - stream_.avail_out;
  }

 private:
  bz_stream stream_{};
};

}  // namespace

std::string_view to_text(Compression c) {
  switch (c) {
    case Compression::none:
      return "none";
    case Compression::gzip:
      return "gzip";
    case Compression::zstd:
      return "zstd";
    case Compression::xz:
      return "xz";
    case Compression::bzip2:
      return "bzip2";
  }
  return "unknown";
}

Compression recognise_compression(Bytes b) {
  std::string_view t = as_text(b);
  if (t.starts_with("\x1f\x8b")) return Compression::gzip;
  if (t.starts_with("\x28\xb5\x2f\xfd")) return Compression::zstd;
  if (t.size() >= 4 && (b[0] & 0xF0U) == 0x50 && t.substr(1, 3) == "\x2a\x4d\x18") return Compression::zstd;  // skippable
  if (t.starts_with(std::string_view("\xfd\x37zXZ\0", 6))) return Compression::xz;
  if (t.size() >= 4 && t.starts_with("BZh") && t[3] >= '1' && t[3] <= '9') return Compression::bzip2;
  return Compression::none;
}

std::unique_ptr<Decompressor> open_decompressor(Compression c, ByteSource& from) {
  switch (c) {
    case Compression::gzip:
      return std::make_unique<Gzip>(from);
    case Compression::zstd:
      return std::make_unique<Zstd>(from);
    case Compression::xz:
      return std::make_unique<Xz>(from);
    case Compression::bzip2:
      return std::make_unique<Bzip2>(from);
    case Compression::none:
      break;
  }
  return std::make_unique<Plain>(from);
}

}  // namespace careen
