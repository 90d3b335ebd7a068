// Streams of bytes: where every archive and compression reader gets its input from.
//
// ByteSource is pulled: read() fills what it can and returns how much, 0 at the end; after an error it is not read again.
// ChunkSource hands out views of its own buffers instead, so that large data is looked at where it lies; a view is valid
// until the next call. Neither is thread-safe; Prefetch moves a ByteSource to a thread of its own.
#pragma once
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "digest/digest.h"

namespace careen {

class ByteSource {
 public:
  virtual ~ByteSource() = default;
  virtual Result<size_t> read(std::span<uint8_t> into) = 0;
};

class ChunkSource {
 public:
  virtual ~ChunkSource() = default;
  virtual Result<Bytes> next() = 0;  // empty at the end
};

// A descriptor: from the current position, or a region of a file by pread (the descriptor's position is not used).
class FdSource : public ByteSource {
 public:
  explicit FdSource(int fd) : fd_(fd), whole_(true) {}
  FdSource(int fd, uint64_t offset, uint64_t length) : fd_(fd), offset_(offset), left_(length) {}
  Result<size_t> read(std::span<uint8_t> into) override;

 private:
  int fd_;
  bool whole_ = false;
  uint64_t offset_ = 0, left_ = 0;
};

class MemorySource : public ByteSource {
 public:
  explicit MemorySource(Bytes data) : data_(data) {}
  Result<size_t> read(std::span<uint8_t> into) override;

 private:
  Bytes data_;
};

// Passes bytes on, hashing and counting them.
class HashingSource : public ByteSource {
 public:
  HashingSource(ByteSource& from, Algorithm a) : from_(from), hasher_(a) {}
  Result<size_t> read(std::span<uint8_t> into) override;
  uint64_t count() const { return count_; }
  Digest digest() { return hasher_.digest(); }  // once, at the end

 private:
  ByteSource& from_;
  Hasher hasher_;
  uint64_t count_ = 0;
};

// First hands out bytes that were read already (to recognise a format), then the rest.
class PrefixedSource : public ByteSource {
 public:
  PrefixedSource(std::vector<uint8_t> first, ByteSource& rest) : first_(std::move(first)), rest_(rest) {}
  Result<size_t> read(std::span<uint8_t> into) override;

 private:
  std::vector<uint8_t> first_;
  size_t used_ = 0;
  ByteSource& rest_;
};

// One buffer, same thread.
class Chunked : public ChunkSource {
 public:
  explicit Chunked(ByteSource& from, size_t chunk = 256 << 10) : from_(from), buffer_(chunk) {}
  Result<Bytes> next() override;

 private:
  ByteSource& from_;
  std::vector<uint8_t> buffer_;
  std::optional<Error> error_;
};

// Reads ahead on a thread of its own into a ring of buffers. The source is touched by that thread alone until finish(),
// which the destructor calls: it stops the thread after the read it is in.
class Prefetch : public ChunkSource {
 public:
  explicit Prefetch(ByteSource& from, size_t chunk = 512 << 10, size_t buffers = 4);
  ~Prefetch() override { finish(); }
  Result<Bytes> next() override;
  void finish();

 private:
  struct Slot {
    std::vector<uint8_t> data;
    size_t used = 0;
  };
  void run();

  ByteSource& from_;
  std::vector<Slot> slots_;
  std::mutex mutex_;
  std::condition_variable changed_;
  size_t filled_ = 0, taken_ = 0;  // guarded by mutex_: numbers of slots filled and given back
  bool holding_ = false, ended_ = false, stop_ = false;
  std::optional<Error> error_;
  std::thread thread_;
};

// Reads to the end and throws it away, at most `limit` bytes.
Result<void> drain(ByteSource& from, uint64_t limit);

}  // namespace careen
