#include "base/fd.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "base/text.h"

namespace careen {

void Fd::reset(int fd) {
  if (fd_ >= 0) ::close(fd_);
  fd_ = fd;
}

Error os_error(std::string_view what, int err) {
  Errc code = err == ENOENT || err == ENOTDIR ? Errc::not_found : Errc::io;
  return {code, std::string(what) + ": " + ::strerror(err)};
}

Result<Fd> open_read(const std::string& path) {
  Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
  if (!fd) return os_error(escape(path), errno);
  return fd;
}

Result<Fd> open_unlinked(const std::string& directory) {
  Fd fd(::open(directory.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  if (fd) return fd;
  std::string name = directory + "/spool-XXXXXX";  // file systems without O_TMPFILE
  fd.reset(::mkostemp(name.data(), O_CLOEXEC));
  if (!fd) return os_error("cannot make a temporary file in " + escape(directory), errno);
  ::unlink(name.c_str());
  return fd;
}

Result<uint64_t> file_size(int fd) {
  struct stat st {};
  if (::fstat(fd, &st) != 0) return os_error("fstat", errno);
  return static_cast<uint64_t>(st.st_size);
}

Result<size_t> read_some(int fd, std::span<uint8_t> into) {
  for (;;) {
    ssize_t n = ::read(fd, into.data(), into.size());
    if (n >= 0) return static_cast<size_t>(n);
    if (errno != EINTR) return os_error("read", errno);
  }
}

Result<size_t> read_full(int fd, std::span<uint8_t> into) {
  size_t have = 0;
  while (have < into.size()) {
    CAREEN_ASSIGN(size_t n, read_some(fd, into.subspan(have)));
    if (n == 0) break;
    have += n;
  }
  return have;
}

Result<size_t> pread_full(int fd, std::span<uint8_t> into, uint64_t offset) {
  size_t have = 0;
  while (have < into.size()) {
    ssize_t n = ::pread(fd, into.data() + have, into.size() - have, static_cast<off_t>(offset + have));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return os_error("pread", errno);
    if (n == 0) break;
    have += static_cast<size_t>(n);
  }
  return have;
}

Result<void> write_full(int fd, Bytes data) {
  while (!data.empty()) {
    ssize_t n = ::write(fd, data.data(), data.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return os_error("write", errno);
    data = data.subspan(static_cast<size_t>(n));
  }
  return {};
}

Result<std::string> read_file(const std::string& path, uint64_t limit) {
  CAREEN_ASSIGN(Fd fd, open_read(path));
  std::string out;
  std::string chunk(1 << 16, '\0');
  for (;;) {
    auto n = read_some(fd.get(), {reinterpret_cast<uint8_t*>(chunk.data()), chunk.size()});
    if (!n) return std::move(n).error().in(escape(path));
    if (*n == 0) return out;
    if (out.size() + *n > limit) return Error{Errc::limit, escape(path) + " is larger than " + human_size(limit)};
    out.append(chunk, 0, *n);
  }
}

Result<void> write_file_atomic(const std::string& name, std::string_view text) {
  struct stat st {};
  bool there = ::stat(name.c_str(), &st) == 0;
  if (there && S_ISDIR(st.st_mode)) return os_error("cannot write " + escape(name), EISDIR);
  // A device or a pipe is written to, never replaced; so is /dev/stdout, whatever it leads to.
  if (there && (!S_ISREG(st.st_mode) || name.starts_with("/dev/") || name.starts_with("/proc/"))) {
    Fd device(::open(name.c_str(), O_WRONLY | O_CLOEXEC | O_NOCTTY));
    if (!device) return os_error("cannot write " + escape(name), errno);
    return write_full(device.get(), as_bytes(text));
  }
  // A link stays, and what it leads to is written.
  std::unique_ptr<char, decltype(&::free)> real(there ? ::realpath(name.c_str(), nullptr) : nullptr, &::free);
  std::string path = real ? real.get() : name, tmp = path + ".XXXXXX";
  Fd fd(::mkostemp(tmp.data(), O_CLOEXEC));
  if (!fd) return os_error("cannot write " + escape(path), errno);
  ::fchmod(fd.get(), there ? st.st_mode & 0777 : 0644);
  auto written = write_full(fd.get(), as_bytes(text));
  if (!written || ::rename(tmp.c_str(), path.c_str()) != 0) {
    int err = errno;
    ::unlink(tmp.c_str());
    return os_error("cannot write " + escape(path), err);
  }
  return {};
}

Result<void> make_directories(const std::string& path) {
  for (size_t at = 1; at <= path.size(); ++at) {
    if (at != path.size() && path[at] != '/') continue;
    std::string part = path.substr(0, at);
    if (::mkdir(part.c_str(), 0700) != 0 && errno != EEXIST && !(errno == EROFS || errno == EACCES))
      return os_error("cannot make directory " + escape(part), errno);
  }
  struct stat st {};
  if (::stat(path.c_str(), &st) != 0) return os_error(escape(path), errno);
  return {};
}

}  // namespace careen
