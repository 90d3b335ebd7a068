// File descriptors that close themselves, and the few system calls that careen makes on files.
// All files are opened close-on-exec. No call here follows a name from an image.
#pragma once
#include <sys/types.h>

#include <cstdint>
#include <span>
#include <string>

#include "base/bytes.h"
#include "base/result.h"

namespace careen {

class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_(fd) {}
  Fd(Fd&& o) noexcept : fd_(o.release()) {}
  Fd& operator=(Fd&& o) noexcept {
    if (this != &o) reset(o.release());
    return *this;
  }
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;
  ~Fd() { reset(); }

  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  int release() {
    int f = fd_;
    fd_ = -1;
    return f;
  }
  void reset(int fd = -1);

 private:
  int fd_ = -1;
};

Result<Fd> open_read(const std::string& path);
// An unlinked file in a directory: gone when its last descriptor is closed, whatever happens.
Result<Fd> open_unlinked(const std::string& directory);
Result<uint64_t> file_size(int fd);

// Reads until the span is full or the end; returns the number of bytes.
Result<size_t> read_some(int fd, std::span<uint8_t> into);  // one read(2), 0 at the end
Result<size_t> read_full(int fd, std::span<uint8_t> into);
Result<size_t> pread_full(int fd, std::span<uint8_t> into, uint64_t offset);
Result<void> write_full(int fd, Bytes data);

// A whole file, refused over `limit` bytes.
Result<std::string> read_file(const std::string& path, uint64_t limit);
// Writes beside and renames, so that a reader sees the old file or the new one. Links are followed; a device or a pipe is
// written to as it stands.
Result<void> write_file_atomic(const std::string& name, std::string_view text);
Result<void> make_directories(const std::string& path);

Error os_error(std::string_view what, int err);

}  // namespace careen
