// Single-stage loops: each library alone, on memory buffers that hold this image's bytes, one thread. They say what
// the limit program could reach at best, and so whether the limit itself is an honest one.
#pragma once

#include <ctime>
#include <vector>

#include "limit_tar.h"

namespace limit {

struct Stage {
  double seconds = 0;
  double bytes = 0;  // uncompressed bytes, or compressed ones for the compressed digest
};

struct Stages {
  Stage read;
  Stage decode;
  Stage sha256;
  Stage sha1;
  Stage md5;
  Stage fused_all;           // diff ID, SHA-256, MD5 and SHA-1 of the same bytes in one pass
  Stage fused_without_sha1;  // diff ID, SHA-256 and MD5
};

inline double thread_seconds() {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

// A blob already in memory.
class MemorySource {
 public:
  explicit MemorySource(Bytes bytes) : rest_(bytes) {}
  Bytes next() {
    const Bytes piece = rest_.first(std::min<std::size_t>(rest_.size(), 256 * 1024));
    rest_ = rest_.subspan(piece.size());
    return piece;
  }

 private:
  Bytes rest_;
};

inline void time_digest(Stage& stage, Hasher& hasher, Bytes bytes) {
  const double start = thread_seconds();
  hasher.start();
  hasher.update(bytes);
  hasher.finish();
  stage.seconds += thread_seconds() - start;
  stage.bytes += static_cast<double>(bytes.size());
}

inline void time_fused(Stage& stage, bool with_sha1, Wanted mask, Bytes bytes) {
  fused::Sha256State stream;
  fused::Sha256State file;
  fused::Md5State md5;
  fused::Sha1State sha1;
  const fused::States states{.stream = &stream,
                             .file = mask.sha256 ? &file : nullptr,
                             .md5 = mask.md5 ? &md5 : nullptr,
                             .sha1 = mask.sha1 && with_sha1 ? &sha1 : nullptr};
  const double start = thread_seconds();
  fused::blocks(states, bytes.data(), bytes.size() / fused::block_size);
  stage.seconds += thread_seconds() - start;
  stage.bytes += static_cast<double>(bytes.size());
}

// One layer through all loops. Digests run over every fourth megabyte: their rate does not depend on the content.
inline void time_layer(Stages& stages, const std::string& path, const std::string& media_type, Wanted mask) {
  std::vector<std::uint8_t> blob;
  {
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    const auto size = static_cast<std::size_t>(::lseek(fd, 0, SEEK_END));
    ::lseek(fd, 0, SEEK_SET);
    blob.resize(size);
    std::size_t done = 0;
    const double start = thread_seconds();
    while (done < size) {
      const ssize_t got = ::read(fd, blob.data() + done, std::min<std::size_t>(size - done, 256 * 1024));
      if (got <= 0) {
        fail("cannot read " + path);
      }
      done += static_cast<std::size_t>(got);
    }
    stages.read.seconds += thread_seconds() - start;
    stages.read.bytes += static_cast<double>(size);
    ::close(fd);
  }
  Hasher sha256("SHA256");
  Hasher sha1("SHA1");
  Hasher md5("MD5");
  MemorySource source(blob);
  const auto decoder = make_decoder(media_type, source);
  std::vector<std::uint8_t> buffer(1024 * 1024);
  for (int round = 0;; ++round) {
    const double start = thread_seconds();
    const std::size_t got = decoder->fill(buffer);
    stages.decode.seconds += thread_seconds() - start;
    stages.decode.bytes += static_cast<double>(got);
    if (got == 0) {
      break;
    }
    if (round % 4 == 0) {
      const Bytes bytes(buffer.data(), got);
      time_digest(stages.sha256, sha256, bytes);
      time_digest(stages.sha1, sha1, bytes);
      time_digest(stages.md5, md5, bytes);
      if (fused::available()) {
        time_fused(stages.fused_all, true, mask, bytes);
        time_fused(stages.fused_without_sha1, false, mask, bytes);
      }
    }
  }
}

}  // namespace limit
