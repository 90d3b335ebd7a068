#include "archive/cpio.h"

#include <sys/stat.h>

namespace careen {
namespace {

constexpr size_t kHeader = 110;
constexpr size_t kMaxHeldNames = 1'000'000;

// The names of one file behind the first: hard links to it.
void link_to(const TarEntry& first, const std::vector<TarEntry>& names, size_t from, std::deque<TarEntry>& out) {
  if (from == 1) out.push_back(first);
  for (size_t i = from; i < names.size(); ++i) {
    TarEntry e = names[i];
    e.type = FileType::hardlink;
    e.link = first.path;
    e.size = e.stored = 0;
    out.push_back(std::move(e));
  }
}

std::optional<uint32_t> hex8(std::string_view s) {
  uint32_t v = 0;
  for (char c : s) {
    int d = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
    if (d < 0) return std::nullopt;
    v = v << 4 | static_cast<uint32_t>(d);
  }
  return v;
}

FileType type_of(uint32_t mode) {
  switch (mode & S_IFMT) {
    case S_IFDIR:
      return FileType::directory;
    case S_IFLNK:
      return FileType::symlink;
    case S_IFCHR:
      return FileType::character;
    case S_IFBLK:
      return FileType::block;
    case S_IFIFO:
      return FileType::fifo;
    default:
      return FileType::regular;
  }
}

}  // namespace

Result<Bytes> CpioReader::take(uint64_t at_most) {
  if (chunk_.empty()) {
    CAREEN_ASSIGN(chunk_, from_.next());
  }
  Bytes part = chunk_.first(static_cast<size_t>(std::min<uint64_t>(at_most, chunk_.size())));
  chunk_ = chunk_.subspan(part.size());
  position_ += part.size();
  return part;
}

Result<std::string> CpioReader::exactly(uint64_t n, const char* what) {
  std::string out;
  while (out.size() < n) {
    CAREEN_ASSIGN(Bytes part, take(n - out.size()));
    if (part.empty()) return Error{Errc::truncated, std::string("cpio: ends inside ") + what};
    out += as_text(part);
  }
  return out;
}

Result<bool> CpioReader::next(TarEntry& entry) {
  for (;;) {
    while (left_ != 0) CAREEN_TRY(stored());
    if (!ready_.empty()) {
      entry = std::move(ready_.front());
      ready_.pop_front();
      is_file_ = false;
      return true;
    }
    if (ended_) return false;
    FileId id{};
    uint32_t names = 1;
    CAREEN_ASSIGN(bool more, record(entry, &id, &names));
    if (!more) {  // names whose content never came: empty files
      ended_ = true;
      for (auto& [unused, list] : waiting_) link_to(list[0], list, 1, ready_);
      waiting_.clear();
      continue;
    }
    if (!is_file_ || names < 2) return true;
    auto it = waiting_.find(id);
    if (left_ == 0) {
      if (++held_ > kMaxHeldNames) return Error{Errc::limit, "cpio: more than 1000000 names of hard links (kMaxHeldNames)"};
      if (it == waiting_.end()) it = waiting_.try_emplace(id).first;
      it->second.push_back(entry);
      continue;
    }
    if (it != waiting_.end()) {
      link_to(entry, it->second, 0, ready_);
      waiting_.erase(it);
    }
    return true;
  }
}

// One record of the archive as it stands.
Result<bool> CpioReader::record(TarEntry& entry, FileId* id, uint32_t* names) {
  CAREEN_TRY(exactly((4 - position_ % 4) % 4, "padding"));
  CAREEN_ASSIGN(std::string header, exactly(kHeader, "a header"));
  if (!header.starts_with("070701") && !header.starts_with("070702"))
    return Error{Errc::corrupt, "cpio: not a header (offset " + std::to_string(position_ - kHeader) + ")"};
  std::array<uint32_t, 13> f{};
  for (size_t i = 0; i < f.size(); ++i) {
    auto v = hex8(std::string_view(header).substr(6 + 8 * i, 8));
    if (!v) return Error{Errc::corrupt, "cpio: malformed header"};
    f[i] = *v;
  }
  uint32_t name_size = f[11];
  if (name_size == 0 || name_size > kMaxTarName) return Error{Errc::limit, "cpio: name longer than 64 KiB (kMaxTarName)"};
  CAREEN_ASSIGN(std::string name, exactly(name_size, "a name"));
  name.resize(std::min(name.size(), name.find('\0')));
  CAREEN_TRY(exactly((4 - position_ % 4) % 4, "padding"));
  if (name == "TRAILER!!!") return false;
  entry = {};
  entry.path = std::move(name);
  entry.type = type_of(f[1]);
  *id = {f[0], f[7], f[8]};
  *names = f[4];
  entry.mode = f[1] & 07777;
  entry.uid = f[2];
  entry.gid = f[3];
  left_ = f[6];
  if (entry.type == FileType::symlink) {
    if (left_ > kMaxTarName) return Error{Errc::limit, "cpio: link target longer than 64 KiB (kMaxTarName)"};
    CAREEN_ASSIGN(entry.link, exactly(left_, "a link target"));
    left_ = 0;
  }
  entry.offset = position_;
  entry.stored = left_;
  is_file_ = entry.type == FileType::regular;
  entry.size = entry.type == FileType::regular ? left_ : 0;
  return true;
}

Result<Bytes> CpioReader::content() {
  if (!is_file_) return Bytes{};
  return stored();
}

Result<Bytes> CpioReader::stored() {
  if (left_ == 0) return Bytes{};
  CAREEN_ASSIGN(Bytes part, take(left_));
  if (part.empty()) return Error{Errc::truncated, "cpio: ends inside a file"};
  left_ -= part.size();
  return part;
}

}  // namespace careen
