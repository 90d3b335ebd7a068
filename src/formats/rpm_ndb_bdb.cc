#include <set>
#include <vector>

#include "base/text.h"
#include "formats/rpm_database.h"
#include "formats/rpm_header.h"

namespace careen {
namespace {

void problem(DatabaseOutcome& o, std::string what) {
  if (o.problems++ == 0) o.first_problem = std::move(what);
}

std::vector<uint8_t> copy(const FileView& file, uint64_t offset, uint64_t size) {
  if (offset > file.size() || size > file.size() - offset) return {};
  std::vector<uint8_t> b(size);
  if (!file.read(offset, b)) b.clear();
  return b;
}

constexpr uint32_t magic(const char (&s)[5]) {
  return static_cast<uint32_t>(s[0]) | static_cast<uint32_t>(s[1]) << 8 | static_cast<uint32_t>(s[2]) << 16 | static_cast<uint32_t>(s[3]) << 24;
}

uint32_t adler32(Bytes data) {
  uint32_t a = 1, b = 0;
  while (!data.empty()) {
    Bytes part = data.first(std::min<size_t>(data.size(), 5552));
    for (uint8_t c : part) a += c, b += a;
    a %= 65521;
    b %= 65521;
    data = data.subspan(part.size());
  }
  return b << 16 | a;
}

constexpr uint32_t kBdbHashMagic = 0x00061561;
constexpr size_t kBdbPageHeader = 26;
constexpr uint8_t kBdbHashUnsorted = 2, kBdbOverflow = 7, kBdbHashPage = 13;
constexpr uint8_t kBdbKeyData = 1, kBdbOffPage = 3;

// Berkeley DB pages, each with its header.
class BdbFile {
 public:
  static Result<BdbFile> open(const FileView& file) {
    auto b = copy(file, 0, 72);
    if (b.empty()) return Error{Errc::truncated, "Berkeley DB file is cut"};
    BdbFile db(file);
    if (load<uint32_t>(b.data() + 12, Endian::little) == kBdbHashMagic)
      db.endian_ = Endian::little;
    else if (load<uint32_t>(b.data() + 12, Endian::big) == kBdbHashMagic)
      db.endian_ = Endian::big;
    else
      return Error{Errc::corrupt, "not a Berkeley DB hash file"};
    db.page_size_ = load<uint32_t>(b.data() + 20, db.endian_);
    db.last_page_ = load<uint32_t>(b.data() + 32, db.endian_);
    if (db.page_size_ < 512 || db.page_size_ > 65536 || (db.page_size_ & (db.page_size_ - 1)) != 0)
      return Error{Errc::corrupt, "Berkeley DB page size is not a power of two from 512 to 65536"};
    if (b[24] != 0) return Error{Errc::unsupported, "Berkeley DB file is encrypted"};
    return db;
  }

  std::vector<uint8_t> page(uint32_t n) const { return copy(file_, uint64_t{n} * page_size_, page_size_); }
  uint16_t half(const std::vector<uint8_t>& p, size_t at) const { return load<uint16_t>(p.data() + at, endian_); }
  uint32_t word(const uint8_t* p) const { return load<uint32_t>(p, endian_); }
  uint32_t page_size() const { return page_size_; }
  uint32_t last_page() const { return last_page_; }

  // The bytes of a chain of overflow pages. Several items may name one chain, so what is handed out is bounded by the file.
  Result<std::vector<uint8_t>> overflow(uint32_t n, uint32_t size) {
    if (size > kMaxRpmHeaderBytes || size > file_.size()) return Error{Errc::corrupt, "item is larger than the file"};
    if ((handed_out_ += size) > file_.size() * 2) return Error{Errc::corrupt, "items share overflow pages"};
    std::vector<uint8_t> out;
    out.reserve(size);
    std::set<uint32_t> seen;
    while (n != 0 && out.size() < size) {
      if (!seen.insert(n).second) return Error{Errc::corrupt, "overflow pages form a circle"};
      auto p = page(n);
      if (p.empty()) return Error{Errc::truncated, "an overflow page lies outside the file"};
      if (p[25] != kBdbOverflow) return Error{Errc::corrupt, "a page in an overflow chain is none"};
      size_t used = std::min<size_t>(half(p, 22), p.size() - kBdbPageHeader);
      out.insert(out.end(), p.begin() + kBdbPageHeader, p.begin() + static_cast<std::ptrdiff_t>(kBdbPageHeader + used));
      n = word(p.data() + 16);
    }
    if (out.size() < size) return Error{Errc::truncated, "an overflow chain ends too early"};
    out.resize(size);
    return out;
  }

 private:
  explicit BdbFile(const FileView& file) : file_(file) {}
  const FileView& file_;
  Endian endian_ = Endian::little;
  uint32_t page_size_ = 0, last_page_ = 0;
  uint64_t handed_out_ = 0;
};

// The data items of one hash page; keys and the counter under key 0 are passed over.
void read_bdb_page(BdbFile& db, const std::vector<uint8_t>& p, const HeaderSink& each, DatabaseOutcome& o) {
  size_t entries = db.half(p, 20);
  if (kBdbPageHeader + entries * 2 > p.size()) return problem(o, "a hash page holds more entries than fit");
  auto item = [&](size_t i) -> Bytes {  // items grow down from the end of the page
    size_t begin = db.half(p, kBdbPageHeader + i * 2);
    size_t end = i == 0 ? p.size() : db.half(p, kBdbPageHeader + (i - 1) * 2);
    return begin >= kBdbPageHeader && begin < end && end <= p.size() ? Bytes(p).subspan(begin, end - begin) : Bytes{};
  };
  for (size_t i = 0; i + 1 < entries; i += 2) {
    Bytes key = item(i), data = item(i + 1);
    if (key.empty() || data.empty()) {
      problem(o, "an item of a hash page lies outside it");
      continue;
    }
    if (key[0] == kBdbKeyData && key.size() == 5 && load<uint32_t>(key.data() + 1, Endian::little) == 0) continue;
    if (data[0] == kBdbKeyData) {
      if (o.headers++ < kMaxRpmPackages)
        each(data.subspan(1));
      else
        problem(o, "more packages than kMaxRpmPackages");
    } else if (data[0] == kBdbOffPage && data.size() >= 12) {
      auto whole = db.overflow(db.word(data.data() + 4), db.word(data.data() + 8));
      if (!whole)
        problem(o, whole.error().what);
      else if (o.headers++ < kMaxRpmPackages)
        each(*whole);
      else
        problem(o, "more packages than kMaxRpmPackages");
    } else {
      problem(o, "an item of a hash page has an unknown type");
    }
  }
}

}  // namespace

Result<DatabaseOutcome> read_rpm_bdb(const FileView& file, const HeaderSink& each) {
  CAREEN_ASSIGN(BdbFile db, BdbFile::open(file));
  DatabaseOutcome o;
  uint64_t pages = file.size() / db.page_size();
  if (uint64_t{db.last_page()} + 1 > pages || file.size() % db.page_size() != 0) problem(o, "the file is shorter than its page count says");
  for (uint64_t n = 1; n < pages && n <= db.last_page(); ++n) {
    auto p = db.page(static_cast<uint32_t>(n));
    if (p.empty()) break;
    if (p[25] == kBdbHashPage || p[25] == kBdbHashUnsorted) read_bdb_page(db, p, each, o);
  }
  return o;
}

Result<DatabaseOutcome> read_rpm_ndb(const FileView& file, const HeaderSink& each) {
  constexpr uint64_t kPage = 4096, kBlock = 16;
  auto head = copy(file, 0, 32);
  if (head.empty() || load<uint32_t>(head.data(), Endian::little) != magic("RpmP")) return Error{Errc::corrupt, "not an rpm ndb file"};
  uint64_t slot_pages = load<uint32_t>(head.data() + 12, Endian::little);
  DatabaseOutcome o;
  if (slot_pages == 0 || slot_pages > 65536) return Error{Errc::corrupt, "rpm ndb file has an odd number of slot pages"};
  auto slots = copy(file, 0, std::min(slot_pages * kPage, file.size()));
  if (slots.size() < slot_pages * kPage) problem(o, "the slots pass the end of the file");
  uint64_t handed_out = 0;  // many slots may name one blob
  for (size_t at = 32; at + 16 <= slots.size(); at += 16) {
    Reader r(Bytes(slots).subspan(at, 16));
    uint32_t tag = r.u32(), index = r.u32(), offset = r.u32(), count = r.u32();
    if (tag != magic("Slot")) {
      problem(o, "a slot has no magic");
      continue;
    }
    if (index == 0 || offset == 0) continue;  // free
    if (++o.headers > kMaxRpmPackages) {
      problem(o, "more packages than kMaxRpmPackages");
      break;
    }
    if ((handed_out += count * kBlock) > file.size()) {
      problem(o, "slots share a package");
      break;
    }
    auto blob = uint64_t{count} * kBlock <= kMaxRpmHeaderBytes ? copy(file, offset * kBlock, uint64_t{count} * kBlock) : std::vector<uint8_t>{};
    if (blob.size() < 28) {
      problem(o, "a package lies outside the file");
      continue;
    }
    Reader b(blob);
    uint32_t blob_tag = b.u32(), blob_index = b.u32();
    b.u32();
    uint32_t size = b.u32();
    Bytes body = b.bytes(size);
    if (blob_tag != magic("BlbS") || blob_index != index || b.failed() || blob.size() < 28 + uint64_t{size}) {
      problem(o, "a package's record is damaged");
      continue;
    }
    const uint8_t* tail = blob.data() + blob.size() - 12;
    if (load<uint32_t>(tail + 8, Endian::little) != magic("BlbE") || load<uint32_t>(tail, Endian::little) != adler32(Bytes(blob).first(blob.size() - 12)))
      problem(o, "a package's checksum does not fit");
    each(body);
  }
  return o;
}

Result<DatabaseOutcome> read_rpm_database(const FileView& file, const HeaderSink& each) {
  auto head = copy(file, 0, 16);
  if (head.empty()) return Error{Errc::truncated, "rpm database is empty or cut"};
  if (as_text(head).starts_with("SQLite format 3")) return read_rpm_sqlite(file, each);
  if (load<uint32_t>(head.data(), Endian::little) == magic("RpmP")) return read_rpm_ndb(file, each);
  return read_rpm_bdb(file, each);
}

}  // namespace careen
