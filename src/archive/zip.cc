#include "archive/zip.h"

#include <isa-l/crc.h>
#include <isa-l/igzip_lib.h>

#include <memory>
#include <optional>
#include <vector>

#include "base/text.h"

namespace careen {
namespace {

constexpr uint64_t kEndSize = 22, kMaxComment = 65535, kLocatorSize = 20, kEnd64Size = 56, kCentralSize = 46, kLocalSize = 30;
constexpr uint64_t kMaxRatio = 1032;  // of deflate
constexpr uint32_t kEndMagic = 0x06054b50, kLocatorMagic = 0x07064b50, kEnd64Magic = 0x06064b50, kCentralMagic = 0x02014b50, kLocalMagic = 0x04034b50;

Error broken(const std::string& what) {
  return {Errc::corrupt, "zip archive: " + what};
}

// The 64-bit values of an extra field stand there for those that are all ones, in this order.
bool read_zip64(Bytes extra, ZipEntry& e) {
  Reader r(extra);
  while (r.left() >= 4) {
    uint16_t id = r.u16(), size = r.u16();
    Reader field(r.bytes(size));
    if (id != 1) continue;
    for (uint64_t* v : {&e.size, &e.packed, &e.offset})
      if (*v == UINT32_MAX) *v = field.u64();
    return !field.failed();
  }
  return true;
}

Result<std::string> inflate(Bytes packed, uint64_t size) {
  if (size / kMaxRatio > packed.size() + 1) return broken("an entry promises more than its data can hold");
  std::string out;
  out.resize(size + 1);  // one more, so that more than was promised shows
  auto owned = std::make_unique<inflate_state>();
  inflate_state& state = *owned;
  isal_inflate_init(&state);
  state.crc_flag = ISAL_DEFLATE;
  state.next_in = const_cast<uint8_t*>(packed.data());
  uint64_t in = 0, done = 0;
  while (state.block_state != ISAL_BLOCK_FINISH) {
    if (state.avail_in == 0) {
      uint64_t n = std::min<uint64_t>(packed.size() - in, 1U << 30);
      state.next_in = const_cast<uint8_t*>(packed.data()) + in;
      state.avail_in = static_cast<uint32_t>(n);
      in += n;
    }
    uint64_t room = std::min<uint64_t>(out.size() - done, 1U << 30);
    state.next_out = reinterpret_cast<uint8_t*>(out.data()) + done;
    state.avail_out = static_cast<uint32_t>(room);
    uint32_t had = state.avail_in;
    if (int rc = isal_inflate(&state); rc != ISAL_DECOMP_OK && rc != ISAL_END_INPUT) return broken("the deflated data are damaged");
    uint64_t made = room - state.avail_out;
    done += made;
    if (done > size) return broken("an entry is larger than the directory promises");
    if (made == 0 && state.avail_in == had && in == packed.size() && state.block_state != ISAL_BLOCK_FINISH) return broken("an entry ends early");
  }
  if (done != size) return broken("an entry is smaller than the directory promises");
  out.resize(size);
  return out;
}

}  // namespace

Result<std::string> inflate_zlib(Bytes data, uint64_t limit) {
  auto state = std::make_unique<inflate_state>();
  isal_inflate_init(state.get());
  state->crc_flag = ISAL_ZLIB;
  state->next_in = const_cast<uint8_t*>(data.data());
  state->avail_in = static_cast<uint32_t>(std::min<size_t>(data.size(), 1U << 30));
  std::string out;
  std::vector<uint8_t> buffer(64 << 10);
  while (state->block_state != ISAL_BLOCK_FINISH) {
    state->next_out = buffer.data();
    state->avail_out = static_cast<uint32_t>(buffer.size());
    int rc = isal_inflate(state.get());
    if (rc != ISAL_DECOMP_OK && rc != ISAL_END_INPUT) return Error{Errc::corrupt, "zlib data are damaged"};
    size_t made = buffer.size() - state->avail_out;
    if (out.size() + made > limit) return Error{Errc::limit, "zlib data of more than " + human_size(limit)};
    out.append(reinterpret_cast<const char*>(buffer.data()), made);
    if (made == 0 && state->avail_in == 0 && state->block_state != ISAL_BLOCK_FINISH) return Error{Errc::truncated, "zlib data end early"};
  }
  return out;
}

bool is_zip(Bytes first) {
  if (first.size() < 4) return false;
  auto magic = load<uint32_t>(first.data(), Endian::little);
  return magic == kLocalMagic || magic == kEndMagic;
}

Result<ZipReader> ZipReader::open(const FileView& file) {
  ZipReader z(file);
  uint64_t size = file.size(), tail = std::min(size, kEndSize + kMaxComment);
  if (size < kEndSize) return broken("too short");
  FilePart end(file, size - tail, tail);
  if (end.empty()) return Error{Errc::io, "zip archive: its end cannot be read"};
  // The record whose comment reaches to the end of the file; a comment may hold what looks like another.
  std::optional<uint64_t> found, odd;
  for (uint64_t i = tail - kEndSize + 1; i-- > 0 && !found;) {
    if (load<uint32_t>(end.data() + i, Endian::little) != kEndMagic) continue;
    if (i + kEndSize + load<uint16_t>(end.data() + i + 20, Endian::little) == tail)
      found = i;
    else if (!odd)
      odd = i;
  }
  if (!found) found = odd;  // bytes behind the archive
  if (!found) return broken("no end of a central directory; it is cut short, or no zip archive");
  uint64_t at = *found;
  Reader r(slice(end, at, kEndSize));
  r.skip(4);
  uint16_t disk = r.u16(), first_disk = r.u16(), here = r.u16();
  z.count_ = r.u16();
  z.directory_size_ = r.u32();
  z.directory_ = r.u32();
  uint64_t end_offset = size - tail + at, directory_end = end_offset;
  if (z.count_ == UINT16_MAX || z.directory_size_ == UINT32_MAX || z.directory_ == UINT32_MAX) {
    FilePart locator(file, end_offset >= kLocatorSize ? end_offset - kLocatorSize : UINT64_MAX, kLocatorSize);
    Reader l(locator);
    if (!locator.empty() && l.u32() == kLocatorMagic) {
      l.skip(4);
      // Where the locator says, or at once before it: a program in front of the archive moves everything.
      uint64_t told = l.u64(), before = end_offset - kLocatorSize >= kEnd64Size ? end_offset - kLocatorSize - kEnd64Size : 0;
      std::optional<uint64_t> there;
      for (uint64_t offset : {told, before}) {
        FilePart end64(file, offset, kEnd64Size);
        Reader e(end64);
        if (there || end64.empty() || e.u32() != kEnd64Magic) continue;
        there = offset;
        e.skip(28);
        z.count_ = e.u64(), z.directory_size_ = e.u64(), z.directory_ = e.u64();
      }
      if (!there) return broken("no zip64 end of a central directory where one is promised");
      directory_end = *there;
    }
  } else if (disk != 0 || first_disk != 0 || here != z.count_) {
    return Error{Errc::unsupported, "zip archive: it is split over several files"};
  }
  if (z.count_ > kMaxZipEntries) return Error{Errc::limit, "zip archive: " + std::to_string(z.count_) + " entries, at most " + std::to_string(kMaxZipEntries)};
  if (z.directory_size_ > kMaxZipDirectory) return Error{Errc::limit, "zip archive: its directory is larger than " + human_size(kMaxZipDirectory)};
  if (z.directory_size_ > size || z.directory_ > size - z.directory_size_) return broken("the central directory lies outside of it");
  if (z.directory_ + z.directory_size_ > directory_end) return broken("the central directory does not end before its end record");
  // A program may stand in front of an archive; all offsets count from the archive's own beginning then.
  if (z.directory_ + z.directory_size_ < directory_end) z.shift_ = directory_end - z.directory_ - z.directory_size_;
  return z;
}

Result<void> ZipReader::each(const std::function<bool(const ZipEntry&)>& f) const {
  FilePart directory(*file_, directory_ + shift_, directory_size_);
  if (directory.size() != directory_size_) return broken("the central directory cannot be read");
  Reader r(directory);
  uint64_t i = 0;
  for (; i < count_ || r.left() >= kCentralSize; ++i) {
    if (i >= count_) return broken("the central directory holds more than the " + std::to_string(count_) + " entries that it counts");
    ZipEntry e;
    if (r.left() < kCentralSize || r.u32() != kCentralMagic)
      return broken("the central directory ends after " + std::to_string(i) + " of " + std::to_string(count_) + " entries");
    r.skip(4);
    e.flags = r.u16(), e.method = r.u16();
    r.skip(4);
    e.crc = r.u32(), e.packed = r.u32(), e.size = r.u32();
    uint16_t name = r.u16(), extra = r.u16(), comment = r.u16();
    r.skip(8);
    e.offset = r.u32();
    e.name = as_text(r.bytes(name));
    bool whole = read_zip64(r.bytes(extra), e);
    r.skip(comment);
    if (r.failed() || !whole) return broken("the central directory is damaged");
    if (!f(e)) return {};
  }
  return {};
}

Result<std::string> ZipReader::read(const ZipEntry& e, uint64_t limit) const {
  if (e.size > limit) return Error{Errc::limit, "zip archive: an entry of " + human_size(e.size) + ", at most " + human_size(limit)};
  if ((e.flags & 1U) != 0) return Error{Errc::unsupported, "zip archive: an entry is encrypted"};
  FilePart local(*file_, e.offset + shift_, kLocalSize);
  Reader r(local);
  if (local.empty() || r.u32() != kLocalMagic) return broken("an entry is not where the directory says");
  r.skip(22);
  uint64_t name = r.u16(), extra = r.u16(), start = e.offset + shift_ + kLocalSize + name + extra;
  if (start > file_->size() || e.packed > file_->size() - start) return broken("an entry ends after the archive");
  FilePart packed(*file_, start, e.packed);
  if (packed.size() != e.packed) return Error{Errc::io, "zip archive: an entry cannot be read"};
  std::string out;
  if (e.method == 0) {
    if (e.packed != e.size) return broken("a stored entry has two sizes");
    out = as_text(packed);
  } else if (e.method == 8) {
    CAREEN_ASSIGN(out, inflate(packed, e.size));
  } else {
    return Error{Errc::unsupported, "zip archive: compression method " + std::to_string(e.method)};
  }
  if (crc32_gzip_refl(0, reinterpret_cast<const uint8_t*>(out.data()), out.size()) != e.crc)
    return Error{Errc::mismatch, "zip archive: the checksum of an entry is wrong"};
  return out;
}

}  // namespace careen
