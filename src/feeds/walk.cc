#include "feeds/walk.h"

#include <sys/mman.h>
#include <unistd.h>

#include <utility>

#include "archive/decompress.h"
#include "archive/tar.h"
#include "archive/zip.h"
#include "base/fd.h"
#include "base/text.h"
#include "feeds/feed.h"

namespace careen {
namespace {

// A file that lies in memory as long as this lives.
class Mapping {
 public:
  static Result<Mapping> of(int fd) {
    Mapping m;
    CAREEN_ASSIGN(uint64_t size, file_size(fd));
    if (size == 0) return m;
    if (size > kMaxFeedFile) return Error{Errc::limit, "larger than " + human_size(kMaxFeedFile)};
    void* at = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (at == MAP_FAILED) return os_error("cannot map the file", errno);
    m.bytes_ = Bytes(static_cast<const uint8_t*>(at), size);
    return m;
  }
  Mapping() = default;
  Mapping(Mapping&& o) noexcept : bytes_(std::exchange(o.bytes_, {})) {}
  Mapping& operator=(Mapping&&) = delete;
  ~Mapping() {
    if (!bytes_.empty()) ::munmap(const_cast<uint8_t*>(bytes_.data()), bytes_.size());
  }
  Bytes bytes() const { return bytes_; }

 private:
  Bytes bytes_;
};

bool is_tar(Bytes head) {
  return head.size() >= 265 && as_text(head.subspan(257, 5)) == "ustar";
}

Result<std::vector<uint8_t>> take(ByteSource& from, size_t n) {
  std::vector<uint8_t> out(n);
  size_t got = 0;
  while (got < n) {
    CAREEN_ASSIGN(size_t more, from.read(std::span(out).subspan(got)));
    if (more == 0) break;
    got += more;
  }
  out.resize(got);
  return out;
}

Result<std::string> read_all(ByteSource& from, uint64_t limit) {
  std::string out;
  std::vector<uint8_t> buffer(1 << 20);
  for (;;) {
    CAREEN_ASSIGN(size_t n, from.read(buffer));
    if (n == 0) return out;
    if (out.size() + n > limit) return Error{Errc::limit, "larger than " + human_size(limit)};
    out.append(reinterpret_cast<const char*>(buffer.data()), n);
  }
}

Result<void> walk_zip(const std::string& name, int fd, const VisitDocument& visit) {
  CAREEN_ASSIGN(Mapping map, Mapping::of(fd));
  MemoryView view(map.bytes());
  auto zip = ZipReader::open(view);
  if (!zip) return std::move(zip).error().in(escape(name));
  Result<void> result;
  uint64_t unpacked = 0;
  auto walked = zip->each([&](const ZipEntry& e) {
    if (e.folder()) return true;
    auto text = zip->read(e, kMaxArchivedDocument);
    if (!text) {
      result = std::move(text).error().in(escape(name) + ": " + escape(e.name));
      return false;
    }
    if ((unpacked += text->size()) > kMaxFeedUnpacked) {
      result = Error{Errc::limit, escape(name) + ": more than " + human_size(kMaxFeedUnpacked) + " come out of it"};
      return false;
    }
    result = visit(e.name, *text, false);
    return static_cast<bool>(result);
  });
  CAREEN_TRY(result);
  if (!walked) return std::move(walked).error().in(escape(name));
  return {};
}

Result<void> walk_tar(const std::string& name, ByteSource& from, const VisitDocument& visit) {
  Chunked chunks(from);
  TarReader tar(chunks);
  uint64_t unpacked = 0;
  std::string text;
  for (TarEntry e;;) {
    auto more = tar.next(e);
    if (!more) return std::move(more).error().in(escape(name));
    if (!*more) return {};
    if (e.type != FileType::regular) continue;
    if (e.size > kMaxArchivedDocument || (unpacked += e.size) > kMaxFeedUnpacked)
      return Error{Errc::limit, escape(name) + ": " + escape(e.path) + ": " + human_size(e.size) + ", more than a feed may hold"};
    text.clear();
    for (;;) {
      auto part = tar.content();
      if (!part) return std::move(part).error().in(escape(name) + ": " + escape(e.path));
      if (part->empty()) break;
      text += as_text(*part);
    }
    if (!base_name(e.path).starts_with('.') && !text.empty()) CAREEN_TRY(visit(e.path, text, false));
  }
}

Result<void> walk_stream(const std::string& name, ByteSource& from, int depth, const VisitDocument& visit) {
  auto head = take(from, 512);
  if (!head) return std::move(head).error().in(escape(name));
  Compression c = recognise_compression(*head);
  bool tar_here = is_tar(*head);
  PrefixedSource all(std::move(*head), from);
  if (c != Compression::none && depth < 2) {
    auto inner = open_decompressor(c, all);
    return walk_stream(name, *inner, depth + 1, visit);
  }
  if (tar_here) return walk_tar(name, all, visit);
  auto text = read_all(all, kMaxFeedDocument);
  if (!text) return std::move(text).error().in(escape(name));
  return visit(name, *text, true);
}

}  // namespace

Result<bool> is_packed(int fd) {
  std::array<uint8_t, 512> first{};
  CAREEN_ASSIGN(size_t n, pread_full(fd, first, 0));
  Bytes head = Bytes(first).first(n);
  return is_zip(head) || is_tar(head) || recognise_compression(head) != Compression::none;
}

Result<void> walk_file(const std::string& name, int fd, const VisitDocument& visit) {
  std::array<uint8_t, 4> first{};
  CAREEN_ASSIGN(size_t n, pread_full(fd, first, 0));
  if (is_zip(Bytes(first).first(n))) return walk_zip(name, fd, visit);
  if (::lseek(fd, 0, SEEK_SET) != 0) return os_error("cannot read " + escape(name), errno);
  FdSource from(fd);
  return walk_stream(name, from, 0, visit);
}

}  // namespace careen
