#include "source/rootfs.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <map>
#include <thread>

#include "base/text.h"

namespace careen {
namespace {

constexpr size_t kMaxDepth = 512;  // of directories; each takes a descriptor while it is walked

class TarWriter {
 public:
  TarWriter(int fd, std::atomic<bool>& writing) : fd_(fd), writing_(writing) { buffer_.reserve(kBuffer); }

  bool header(char type, const std::string& path, const struct stat& st, uint64_t size, const std::string& link) {
    std::string pax;
    auto record = [&](const std::string& key, const std::string& value) {
      std::string body = " " + key + "=" + value + "\n";
      size_t n = body.size() + 1;
      while (std::to_string(n).size() + body.size() != n) n = std::to_string(n).size() + body.size();
      pax += std::to_string(n) + body;
    };
    if (path.size() > 99) record("path", path);
    if (link.size() > 99) record("linkpath", link);
    if (size >> 33 != 0) record("size", std::to_string(size));
    if (st.st_uid > 07777777) record("uid", std::to_string(st.st_uid));
    if (st.st_gid > 07777777) record("gid", std::to_string(st.st_gid));
    if (!pax.empty()) {
      struct stat plain {};
      if (!block('x', "pax", plain, pax.size(), "") || !bytes(as_bytes(pax)) || !pad(pax.size())) return false;
    }
    return block(type, path, st, size, link);
  }
  bool bytes(Bytes data) {
    if (buffer_.size() + data.size() > kBuffer && !flush()) return false;
    if (data.size() > kBuffer) return write(data);
    buffer_.insert(buffer_.end(), data.begin(), data.end());
    return true;
  }
  bool write(Bytes data) {
    writing_ = true;
    bool ok = static_cast<bool>(write_full(fd_, data));
    writing_ = false;
    return ok;
  }
  bool pad(uint64_t size) {
    static constexpr std::array<uint8_t, 512> zeros{};
    return bytes(Bytes(zeros).first(static_cast<size_t>((512 - size % 512) % 512)));
  }
  bool flush() {
    bool ok = write(buffer_);
    buffer_.clear();
    return ok;
  }
  bool end() {
    static constexpr std::array<uint8_t, 1024> zeros{};
    return bytes(zeros) && flush();
  }

 private:
  static constexpr size_t kBuffer = 128 << 10;

  bool block(char type, const std::string& path, const struct stat& st, uint64_t size, const std::string& link) {
    std::array<uint8_t, 512> b{};
    auto put = [&](size_t at, const std::string& s, size_t room) { std::memcpy(b.data() + at, s.data(), std::min(s.size(), room)); };
    auto octal = [&](size_t at, uint64_t v, int digits) {
      char text[24];
      std::snprintf(text, sizeof text, "%0*llo", digits, static_cast<unsigned long long>(v & ((1ULL << (3 * digits)) - 1)));
      put(at, text, static_cast<size_t>(digits));
    };
    put(0, path, 99);
    octal(100, st.st_mode & 07777, 7);
    octal(108, st.st_uid, 7);
    octal(116, st.st_gid, 7);
    octal(124, size, 11);
    octal(136, 0, 11);
    b[156] = static_cast<uint8_t>(type);
    put(157, link, 99);
    put(257,
        std::string("ustar\0"
                    "00",
                    8),
        8);
    octal(329, major(st.st_rdev), 7);
    octal(337, minor(st.st_rdev), 7);
    std::memset(b.data() + 148, ' ', 8);
    unsigned sum = 0;
    for (uint8_t c : b) sum += c;
    octal(148, sum, 6);
    b[154] = 0;
    return bytes(b);
  }
  int fd_;
  std::atomic<bool>& writing_;
  std::vector<uint8_t> buffer_;
};

constexpr std::array<uint32_t, 20> kPseudo{0x9fa0 /* proc */,           0x62656572 /* sysfs */,    0x27e0eb /* cgroup */,        0x63677270 /* cgroup2 */,
                                           0x1cd1 /* devpts */,         0x64626720 /* debugfs */,  0x74726163 /* tracefs */,     0x73636673 /* securityfs */,
                                           0xcafe4a11 /* bpf */,        0x6165676c /* pstore */,   0x958458f6 /* hugetlbfs */,   0x62656570 /* configfs */,
                                           0x65735543 /* fusectl */,    0xde5e81e4 /* efivarfs */, 0x42494e4d /* binfmt_misc */, 0x187 /* autofs */,
                                           0x67596969 /* rpc_pipefs */, 0x6e736673 /* nsfs */,     0xf97cff8c /* selinuxfs */,   0x19800202 /* mqueue */};

class Walker {
 public:
  Walker(Fd root, int out, std::vector<Unread>& unreadable, std::atomic<bool>& writing) : root_(std::move(root)), tar_(out, writing), unreadable_(unreadable) {}

  Result<void> run() {
    struct stat st {};
    if (::fstat(root_.get(), &st) != 0) return os_error("stat", errno);
    device_ = st.st_dev;
    if (!directory(root_.get(), "", 0) || !tar_.end()) return Error{Errc::io, "the reader of the file system ended early"};
    return {};
  }

 private:
  void unreadable(const std::string& path, std::string why = "could not be read", bool matters = true) {
    if (unreadable_.size() < 10'000) unreadable_.push_back({path, std::move(why), matters});
  }

  // The walk stays on one file system. Pseudo file systems hold no files of the system's own; any other is told.
  void other_file_system(int fd, const std::string& path) {
    struct statfs s {};
    if (::fstatfs(fd, &s) != 0) return unreadable(path);
    auto type = static_cast<uint32_t>(s.f_type);
    if (std::find(kPseudo.begin(), kPseudo.end(), type) != kPseudo.end()) return;
    bool volatile_place = type == TMPFS_MAGIC && (path == "run" || path == "tmp" || path == "dev" || path.starts_with("run/") || path.starts_with("dev/"));
    unreadable(path,
               volatile_place ? "a file system in memory that begins empty: not followed" : "another file system: not followed; give it to careen by itself",
               !volatile_place);
  }

  // False when the reading end is gone.
  bool directory(int fd, const std::string& prefix, size_t depth) {
    if (depth > kMaxDepth) return unreadable(prefix), true;
    int copy = ::openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR* dir = copy < 0 ? nullptr : ::fdopendir(copy);
    if (dir == nullptr) {
      if (copy >= 0) ::close(copy);
      return unreadable(prefix), true;
    }
    std::vector<std::string> names;
    for (;;) {
      errno = 0;
      dirent* e = ::readdir(dir);
      if (e == nullptr) break;
      if (std::string_view n = e->d_name; n != "." && n != "..") names.emplace_back(n);
    }
    if (errno != 0) unreadable(prefix);
    ::closedir(dir);
    std::sort(names.begin(), names.end());
    for (const std::string& name : names)
      if (!entry(fd, name, prefix + name, depth)) return false;
    return true;
  }

  bool entry(int dir, const std::string& name, const std::string& path, size_t depth) {
    struct stat st {};
    if (::fstatat(dir, name.c_str(), &st, AT_SYMLINK_NOFOLLOW) != 0) return unreadable(path), true;
    switch (st.st_mode & S_IFMT) {
      case S_IFDIR: {
        if (!tar_.header('5', path + "/", st, 0, "")) return false;
        Fd fd(::openat(dir, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
        if (!fd) return unreadable(path), true;
        if (st.st_dev != device_) return other_file_system(fd.get(), path), true;
        return directory(fd.get(), path + "/", depth + 1);
      }
      case S_IFLNK: {
        std::string target(4096, '\0');
        ssize_t n = ::readlinkat(dir, name.c_str(), target.data(), target.size());
        if (n < 0) return unreadable(path), true;
        target.resize(static_cast<size_t>(n));
        return tar_.header('2', path, st, 0, target);
      }
      case S_IFREG:
        return file(dir, name, path, st);  // on an overlay its device may differ from its folder's
      case S_IFCHR:
        return tar_.header('3', path, st, 0, "");
      case S_IFBLK:
        return tar_.header('4', path, st, 0, "");
      case S_IFIFO:
        return tar_.header('6', path, st, 0, "");
      default:
        return true;  // a socket has no content and no place in an archive
    }
  }

  bool file(int dir, const std::string& name, const std::string& path, const struct stat& st) {
    if (st.st_nlink > 1) {
      auto [it, fresh] = linked_.try_emplace({st.st_dev, st.st_ino}, path);
      if (!fresh) return tar_.header('1', path, st, 0, it->second);
    }
    Fd fd(::openat(dir, name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY));
    if (!fd) return unreadable(path), true;
    auto size = static_cast<uint64_t>(st.st_size);
    if (!tar_.header('0', path, st, size, "")) return false;
    std::vector<uint8_t> buffer(64 << 10);
    uint64_t left = size;
    bool cut = false;
    while (left != 0) {
      std::span<uint8_t> part(buffer.data(), static_cast<size_t>(std::min<uint64_t>(left, buffer.size())));
      auto n = cut ? Result<size_t>(size_t{0}) : read_some(fd.get(), part);
      if (!n || *n == 0) {  // it shrank, or cannot be read: the header promised its size
        if (!cut) unreadable(path);
        cut = true;
        std::fill(part.begin(), part.end(), uint8_t{0});
        n = part.size();
      }
      if (!tar_.bytes(Bytes(part).first(*n))) return false;
      left -= *n;
    }
    return tar_.pad(size);
  }

  Fd root_;
  TarWriter tar_;
  std::vector<Unread>& unreadable_;
  dev_t device_ = 0;
  std::map<std::pair<dev_t, ino_t>, std::string> linked_;
};

struct Walk {
  std::thread thread;
  std::atomic<bool> writing{false};  // it is the reader that is waited for
  Result<void> outcome;
  std::atomic<bool> running{true};
  ~Walk() {
    if (thread.joinable()) thread.join();
  }
};

}  // namespace

Result<Image> read_rootfs(const std::string& path) {
  Fd probe(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!probe) return os_error(escape(path), errno);
  Image image;
  image.source = "dir";
  image.resolved = path;
  image.is_rootfs = true;
  image.platform = {};
  image.unreadable = std::make_shared<std::vector<Unread>>();
  Layer layer;
  layer.open = [path, unreadable = image.unreadable]() -> Result<BlobInput> {
    Fd root(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!root) return os_error(escape(path), errno);
    std::array<int, 2> ends{-1, -1};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) return os_error("pipe", errno);
    ::fcntl(ends[1], F_SETPIPE_SZ, 1 << 20);
    BlobInput in;
    in.fd = Fd(ends[0]);
    auto walk = std::make_shared<Walk>();
    walk->thread = std::thread([walk_state = walk.get(), out = Fd(ends[1]), root = std::move(root), unreadable]() mutable {
      walk_state->outcome = Walker(std::move(root), out.get(), *unreadable, walk_state->writing).run();
      out.reset();
      walk_state->running = false;
    });
    in.finish = [walk] {
      if (walk->thread.joinable()) walk->thread.join();
      return walk->outcome;
    };
    in.alive = [walk] { return walk->running && !walk->writing; };
    return in;
  };
  image.layers.push_back(std::move(layer));
  return image;
}

Result<Image> read_single_file(const std::string& path) {
  CAREEN_ASSIGN(Fd probe, open_read(path));
  struct stat st {};
  if (::fstat(probe.get(), &st) != 0 || !S_ISREG(st.st_mode)) return Error{Errc::corrupt, escape(path) + " is not a regular file"};
  Image image;
  image.source = "file";
  image.resolved = path;
  image.is_single_file = true;
  Layer layer;
  layer.single_file = true;
  layer.file_name = base_name(path);
  layer.descriptor.size = static_cast<uint64_t>(st.st_size);
  layer.open = [path]() -> Result<BlobInput> {
    BlobInput in;
    CAREEN_ASSIGN(in.fd, open_read(path));
    in.region = true;
    CAREEN_ASSIGN(in.length, file_size(in.fd.get()));
    return in;
  };
  image.layers.push_back(std::move(layer));
  return image;
}

}  // namespace careen
