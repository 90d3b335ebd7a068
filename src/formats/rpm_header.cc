#include "formats/rpm_header.h"

#include <map>

#include "base/text.h"

namespace careen {
namespace {

constexpr uint32_t kName = 1000, kVersion = 1001, kRelease = 1002, kEpoch = 1003, kArch = 1022, kOldFileNames = 1027, kFileModes = 1030, kFileDigests = 1035,
                   kFileFlags = 1037, kSourceRpm = 1044, kDirIndexes = 1116, kBaseNames = 1117, kDirNames = 1118, kFileDigestAlgo = 5011,
                   kModularityLabel = 5096;
constexpr uint32_t kTypeInt16 = 3, kTypeInt32 = 4, kTypeString = 6, kTypeStringArray = 8, kTypeI18n = 9;
constexpr uint32_t kFlagConfig = 1, kFlagGhost = 64;

struct Entry {
  uint32_t type, offset, count;
};

class Header {
 public:
  static Result<Header> open(Bytes blob) {
    Reader r(blob, Endian::big);
    uint32_t entries = r.u32(), bytes = r.u32();
    if (r.failed()) return Error{Errc::truncated, "rpm header is cut"};
    if (entries > kMaxRpmHeaderEntries || bytes > kMaxRpmHeaderBytes) return Error{Errc::corrupt, "rpm header is too large"};
    Header h;
    Bytes index = r.bytes(uint64_t{entries} * 16);
    h.data_ = r.bytes(bytes);
    if (r.failed()) return Error{Errc::truncated, "rpm header is shorter than its counts say"};
    Reader e(index, Endian::big);
    for (uint32_t i = 0; i < entries; ++i) {
      uint32_t tag = e.u32();
      Entry x{e.u32(), e.u32(), e.u32()};
      if (x.offset <= bytes) h.entries_[tag] = x;
    }
    return h;
  }

  std::string text(uint32_t tag) const {
    auto all = texts(tag, 1);
    return all.empty() ? std::string{} : std::string(all[0]);
  }
  std::vector<std::string_view> texts(uint32_t tag, uint32_t limit = kMaxRpmFiles) const {
    std::vector<std::string_view> out;
    auto it = entries_.find(tag);
    if (it == entries_.end()) return out;
    const Entry& e = it->second;
    if (e.type != kTypeString && e.type != kTypeStringArray && e.type != kTypeI18n) return out;
    uint32_t count = e.type == kTypeString ? 1 : std::min(e.count, limit);
    std::string_view rest = as_text(data_).substr(e.offset);
    for (uint32_t i = 0; i < count && !rest.empty(); ++i) {
      size_t end = rest.find('\0');
      if (end == std::string_view::npos) break;
      out.push_back(rest.substr(0, end));
      rest.remove_prefix(end + 1);
    }
    return out;
  }
  std::vector<uint32_t> numbers(uint32_t tag) const {
    std::vector<uint32_t> out;
    auto it = entries_.find(tag);
    if (it == entries_.end()) return out;
    const Entry& e = it->second;
    if (e.type != kTypeInt16 && e.type != kTypeInt32) return out;
    Reader r(data_.subspan(e.offset), Endian::big);
    for (uint32_t i = 0; i < std::min(e.count, kMaxRpmFiles); ++i) {
      uint32_t v = e.type == kTypeInt16 ? r.u16() : r.u32();
      if (r.failed()) break;
      out.push_back(v);
    }
    return out;
  }

 private:
  std::map<uint32_t, Entry> entries_;
  Bytes data_;
};

// xz-5.4.1-1.fc38.src.rpm: name, then version and release after the last two dashes.
void set_source(Package& p, std::string_view file) {
  if (file.empty() || file == "(none)") return;  // a key, or a source package
  for (std::string_view end : {".src.rpm", ".nosrc.rpm"})
    if (file.ends_with(end)) file.remove_suffix(end.size());
  size_t release = file.rfind('-');
  size_t version = release == std::string_view::npos || release == 0 ? release : file.rfind('-', release - 1);
  if (version == std::string_view::npos) {
    p.source = p.name;
    p.source_version = p.version;
    return;
  }
  p.source = file.substr(0, version);
  p.source_version = file.substr(version + 1);
}

RecordedDigest algorithm_of(uint32_t pgp, size_t bytes) {
  if (bytes == 0) return RecordedDigest::none;
  if (pgp == 1 && bytes == 16) return RecordedDigest::md5;
  if (pgp == 2 && bytes == 20) return RecordedDigest::sha1;
  if (pgp == 8 && bytes == 32) return RecordedDigest::sha256;
  return RecordedDigest::other;
}

Result<void> add_files(const Header& h, Package& p) {
  auto bases = h.texts(kBaseNames), dirs = h.texts(kDirNames), old = h.texts(kOldFileNames);
  auto dir_of = h.numbers(kDirIndexes), flags = h.numbers(kFileFlags), modes = h.numbers(kFileModes);
  auto digests = h.texts(kFileDigests);
  auto algo = h.numbers(kFileDigestAlgo);
  size_t n = bases.empty() ? old.size() : bases.size();
  size_t path_bytes = 0;
  for (size_t i = 0; i < n; ++i) {
    OwnedFile f;
    std::string path;
    if (bases.empty())
      path = old[i];
    else if (i < dir_of.size() && dir_of[i] < dirs.size())
      path = std::string(dirs[dir_of[i]]) + std::string(bases[i]);
    if ((path_bytes += path.size()) > kMaxRpmPathBytes)  // many files may share one long directory
      return Error{Errc::limit, "rpm header with paths longer than 64 MiB together (kMaxRpmPathBytes)"};
    f.path = normal_path(path);
    if (f.path.empty()) continue;
    if (i < digests.size())
      if (auto raw = from_hex(digests[i])) f.digest.assign(raw->begin(), raw->end());
    f.algorithm = algorithm_of(algo.empty() ? 1 : algo[0], f.digest.size());
    f.config = i < flags.size() && (flags[i] & kFlagConfig) != 0;
    f.ghost = (i < flags.size() && (flags[i] & kFlagGhost) != 0) || (i < modes.size() && (modes[i] & 0170000U) != 0100000U);
    p.files.push_back(std::move(f));
  }
  return {};
}

}  // namespace

Result<Package> parse_rpm_header(Bytes blob) {
  CAREEN_ASSIGN(Header h, Header::open(blob));
  Package p;
  p.type = PackageType::rpm;
  p.name = h.text(kName);
  p.architecture = h.text(kArch);
  std::string version = h.text(kVersion), release = h.text(kRelease);
  if (p.name.empty() || version.empty()) return Error{Errc::corrupt, "rpm header names no package"};
  p.version = release.empty() ? version : version + "-" + release;
  if (auto epoch = h.numbers(kEpoch); !epoch.empty() && epoch[0] != 0) p.version = std::to_string(epoch[0]) + ":" + p.version;
  set_source(p, h.text(kSourceRpm));
  std::string label = h.text(kModularityLabel);  // name:stream:version:context:architecture
  p.module = label.substr(0, label.find(':', label.find(':') + 1));
  CAREEN_TRY(add_files(h, p));
  return p;
}

Result<Bytes> rpm_header_at(Bytes bytes, uint64_t offset, uint64_t* end) {
  Bytes head = slice(bytes, offset, 16);
  if (head.size() != 16 || load<uint32_t>(head.data(), Endian::big) >> 8 != 0x8eade8) return Error{Errc::corrupt, "rpm: no header where one should be"};
  uint64_t size = 8 + uint64_t{load<uint32_t>(head.data() + 8, Endian::big)} * 16 + load<uint32_t>(head.data() + 12, Endian::big);
  Bytes h = slice(bytes, offset + 8, size);
  if (h.size() != size) return Error{Errc::truncated, "rpm: header is cut"};
  *end = offset + 8 + size;
  return h;
}

}  // namespace careen
