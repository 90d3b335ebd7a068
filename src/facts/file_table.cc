#include "facts/file_table.h"

#include <unistd.h>

#include <algorithm>

#include "base/codec.h"

namespace careen {
namespace {

constexpr uint8_t kHasSha256 = 1, kHasMd5 = 2, kHasSha1 = 4, kIsEmpty = 8;

// The digests of no bytes at all, which an image of millions of empty files need not hold a million times.
struct EmptyDigests {
  Sha256 sha256{};
  Md5 md5{};
  Sha1 sha1{};
  EmptyDigests() {
    Hasher(Algorithm::sha256).finish(sha256.data());
    Hasher(Algorithm::md5).finish(md5.data());
    Hasher(Algorithm::sha1).finish(sha1.data());
  }
};
const EmptyDigests& empty_digests() {
  static const EmptyDigests e;
  return e;
}

bool is_empty(const FileRecord& r) {
  const EmptyDigests& e = empty_digests();
  return r.size == 0 && r.sha256 == e.sha256 && r.md5 == e.md5 && r.sha1 == e.sha1;
}

template <size_t N>
void put(std::string& out, const std::array<uint8_t, N>& b) {
  out.append(reinterpret_cast<const char*>(b.data()), N);
}

}  // namespace

void put_record(std::string& out, std::string_view path, std::string_view path_before, std::string_view tail) {
  auto shared = static_cast<size_t>(
      std::mismatch(path.begin(), path.begin() + static_cast<long>(std::min(path.size(), path_before.size())), path_before.begin()).first - path.begin());
  put_varint(out, shared);
  put_varint(out, path.size() - shared);
  out += path.substr(shared);
  out += tail;
}

void FileTable::add(const FileRecord& r) {
  if (chunks_.empty() || chunks_.back().bytes.size() >= kChunkBytes) {
    if (!chunks_.empty()) chunks_.back().bytes.shrink_to_fit();
    chunks_.emplace_back().bytes.reserve(kChunkBytes + 512);
    last_path_.clear();
  }
  Chunk& c = chunks_.back();
  std::string& out = c.bytes;
  put_record(out, r.path, last_path_, {});
  last_path_ = r.path;
  out += static_cast<char>(static_cast<uint8_t>(r.type) | static_cast<uint8_t>(r.kind) << 4);
  put_varint(out, r.mode);
  put_varint(out, r.uid);
  put_varint(out, r.gid);
  if (r.type == FileType::regular) {
    put_varint(out, r.size);
    if (is_empty(r)) {
      out += static_cast<char>(kIsEmpty);
    } else {
      out += static_cast<char>((r.sha256 ? kHasSha256 : 0) | (r.md5 ? kHasMd5 : 0) | (r.sha1 ? kHasSha1 : 0));
      if (r.sha256) put(out, *r.sha256);
      if (r.md5) put(out, *r.md5);
      if (r.sha1) put(out, *r.sha1);
    }
  } else if (r.type == FileType::symlink || r.type == FileType::hardlink) {
    put_varint(out, r.target.size());
    out += r.target;
  }
  ++c.records;
}

void FileTable::add_chunk(std::string chunk, uint32_t records) {
  Chunk c{std::move(chunk), records};
  if (directory_.empty() || in_memory_ < resident_ || !spill(c)) {
    c.bytes.shrink_to_fit();
    in_memory_ += c.bytes.size();
  }
  chunks_.push_back(std::move(c));
  last_path_.clear();
}

bool FileTable::spill(Chunk& c) {
  if (!file_) {
    auto fd = open_unlinked(directory_);
    if (!fd) return directory_.clear(), false;  // not tried again
    file_ = std::make_shared<Fd>(std::move(*fd));
  }
  for (size_t done = 0; done < c.bytes.size();) {
    ssize_t n = ::pwrite(file_->get(), c.bytes.data() + done, c.bytes.size() - done, static_cast<off_t>(file_size_ + done));
    if (n <= 0) return directory_.clear(), false;
    done += static_cast<size_t>(n);
  }
  c.spilled_at = file_size_;
  c.spilled_size = c.bytes.size();
  file_size_ += c.bytes.size();
  std::string().swap(c.bytes);
  return true;
}

std::optional<std::string_view> FileTable::bytes(const Chunk& c, std::string& buffer) const {
  if (c.spilled_size == 0) return c.bytes;
  buffer.resize(static_cast<size_t>(c.spilled_size));
  for (size_t done = 0; done < buffer.size();) {
    ssize_t n = ::pread(file_->get(), buffer.data() + done, buffer.size() - done, static_cast<off_t>(c.spilled_at + done));
    if (n <= 0) return std::nullopt;
    done += static_cast<size_t>(n);
  }
  return buffer;
}

std::vector<FileTable::Chunk> FileTable::take(bool all) {
  std::vector<Chunk> out;
  bool keep_last = !all && !chunks_.empty() && chunks_.back().bytes.size() < kChunkBytes;
  Chunk last;
  if (keep_last) {
    last = std::move(chunks_.back());
    chunks_.pop_back();
  }
  out = std::move(chunks_);
  chunks_.clear();
  if (keep_last)
    chunks_.push_back(std::move(last));
  else
    last_path_.clear();
  return out;
}

uint64_t FileTable::size() const {
  uint64_t n = 0;
  for (const Chunk& c : chunks_) n += c.records;
  return n;
}

bool FileCursor::enter() {
  for (; chunk_ < chunks_.size(); ++chunk_) {
    if (!entered_) {
      auto b = table_.bytes(chunks_[chunk_], buffer_);
      if (!b) return damaged_ = true, false;
      bytes_ = *b;
      at_ = in_chunk_ = 0;
      path_.clear();
      entered_ = true;
    }
    if (in_chunk_ < chunks_[chunk_].records) return true;
    entered_ = false;
    damaged_ |= at_ != bytes_.size();
    if (damaged_) return false;
  }
  return false;
}

bool FileCursor::next(FileRecord& r) {
  if (damaged_ || !enter()) return false;
  Bytes in = as_bytes(bytes_);
  bool ok = true;
  auto number = [&] {
    uint64_t v = 0;
    ok = ok && get_varint(in, &at_, &v);
    return ok ? v : 0;
  };
  auto text = [&](uint64_t n) {
    if (!ok || n > in.size() - at_) return ok = false, std::string_view{};
    std::string_view s = as_text(in.subspan(at_, static_cast<size_t>(n)));
    at_ += static_cast<size_t>(n);
    return s;
  };
  auto digest = [&](auto& into) {
    auto s = text(into.emplace().size());
    if (ok) std::memcpy(into->data(), s.data(), s.size());
  };
  uint64_t shared = number(), own = number();
  if (shared > path_.size()) ok = false;
  if (ok) path_.resize(static_cast<size_t>(shared));
  path_ += text(own);
  r.path = path_;
  tail_ = at_;
  auto tag = static_cast<uint8_t>(text(1).empty() ? 0 : in[at_ - 1]);
  if ((tag & 15) > static_cast<uint8_t>(FileType::fifo) || tag >> 4 > static_cast<uint8_t>(ContentKind::script)) ok = false;
  r.type = static_cast<FileType>(tag & 15);
  r.kind = static_cast<ContentKind>(tag >> 4);
  r.mode = static_cast<uint32_t>(number());
  r.uid = number();
  r.gid = number();
  r.size = 0;
  r.target.clear();
  r.sha256.reset();
  r.md5.reset();
  r.sha1.reset();
  if (ok && r.type == FileType::regular) {
    r.size = number();
    auto has = static_cast<uint8_t>(text(1).empty() ? 0 : in[at_ - 1]);
    if ((has & kIsEmpty) != 0) {
      r.sha256 = empty_digests().sha256;
      r.md5 = empty_digests().md5;
      r.sha1 = empty_digests().sha1;
    }
    if ((has & kHasSha256) != 0) digest(r.sha256);
    if ((has & kHasMd5) != 0) digest(r.md5);
    if ((has & kHasSha1) != 0) digest(r.sha1);
  } else if (ok && (r.type == FileType::symlink || r.type == FileType::hardlink)) {
    r.target = text(number());
  }
  damaged_ = !ok;
  ++in_chunk_;
  ++index_;
  return ok;
}

}  // namespace careen
