#include "knowledge/advisory_db.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <algorithm>
#include <set>

#include "base/codec.h"
#include "base/fd.h"
#include "base/text.h"

namespace careen {
namespace {

constexpr uint64_t kMaxDirectory = 64ULL << 20;
constexpr uint32_t kMaxBits = 28;

uint64_t key_of(std::string_view text) {
  Sha256 d = sha256_of(as_bytes(text));
  return load<uint64_t>(d.data(), Endian::little);
}

uint64_t index_size(uint32_t bits, uint64_t entries) {
  return bits > kMaxBits || entries > (1ULL << 40) ? UINT64_MAX : (((1ULL << bits) + 1) * 4 + 7) / 8 * 8 + entries * 16;
}

uint64_t blocks_in(uint64_t bytes) {
  return (bytes + kSumBlock - 1) / kSumBlock;
}

// What of a segment stands before its sums.
uint64_t summed(const SourceInfo& s) {
  return s.data_size + index_size(s.package_bits, s.packages) + index_size(s.id_bits, s.ids);
}

Error damage(const std::string& path, const std::string& what) {
  return {Errc::corrupt, escape(path) + ": " + what + "; import or update the advisories again, or remove the file"};
}

}  // namespace

std::string_view to_text(FixState s) {
  switch (s) {
    case FixState::unknown:
      return "unknown";
    case FixState::none:
      return "not fixed";
    case FixState::will_not_fix:
      return "will not be fixed";
    case FixState::postponed:
      return "fix postponed";
    case FixState::no_advisory:
      return "minor, no advisory of its own";
    case FixState::end_of_life:
      return "end of life";
    case FixState::subscription:
      return "fixed for subscribers";
    case FixState::source_only:
      return "fixed in a later release";
  }
  return "unknown";
}

uint64_t advisory_key(std::string_view family, std::string_view name) {
  std::string text(family);
  text += '\0';
  text += name;
  return key_of(text);
}

uint64_t advisory_key(std::string_view id) {
  return key_of(lower(id));
}

AdvisoryDb::~AdvisoryDb() {
  if (!all_.empty()) ::munmap(const_cast<uint8_t*>(all_.data()), all_.size());
}

Result<std::shared_ptr<const AdvisoryDb>> AdvisoryDb::open(const std::string& path) {
  Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd && errno == ENOENT)
    return Error{Errc::not_found, "there is no advisory database at " + escape(path) + "; make one with careen db import or careen db update"};
  if (!fd) return os_error("cannot open " + escape(path), errno);
  CAREEN_ASSIGN(uint64_t size, file_size(fd.get()));
  if (size < kDatabaseHeader) return damage(path, "the advisory database is cut short");
  void* at = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, fd.get(), 0);
  if (at == MAP_FAILED) return os_error("cannot map " + escape(path), errno);
  std::shared_ptr<AdvisoryDb> db(new AdvisoryDb);
  db->path_ = path;
  db->all_ = Bytes(static_cast<const uint8_t*>(at), size);
  CAREEN_TRY(db->read_directory());
  return std::shared_ptr<const AdvisoryDb>(std::move(db));
}

Result<void> AdvisoryDb::read_directory() {
  Reader r(all_);
  if (as_text(r.bytes(8)) != kDatabaseMagic) return damage(path_, "this is no advisory database");
  uint32_t version = r.u32();
  if (version != kDatabaseVersion)
    return Error{Errc::unsupported, escape(path_) + " is an advisory database of format " + std::to_string(version) + ", this careen reads " +
                                        std::to_string(kDatabaseVersion) + "; import or update the advisories again"};
  r.skip(4);
  uint64_t offset = r.u64(), size = r.u64();
  Bytes promised = r.bytes(32), directory = slice(all_, offset, size);
  if (directory.size() != size || size > kMaxDirectory || offset + size != all_.size()) return damage(path_, "the advisory database is cut short");
  Sha256 digest = sha256_of(directory);
  if (!std::equal(digest.begin(), digest.end(), promised.begin())) return damage(path_, "the directory of the advisory database is damaged");
  digest_ = Digest(digest);
  if (!decode(directory, &sources_)) return damage(path_, "the directory of the advisory database cannot be read");
  uint64_t blocks = 0;
  for (const SourceInfo& s : sources_) {
    uint64_t a = index_size(s.package_bits, s.packages), b = index_size(s.id_bits, s.ids);
    bool fits = s.offset <= offset && s.size <= offset - s.offset && s.data_size <= s.size && a <= s.size && b <= s.size && s.data_size % 8 == 0;
    if (!fits || summed(s) + blocks_in(summed(s)) * 8 != s.size)
      return damage(path_, "source " + escape(s.name) + " of the advisory database does not fit into it");
    first_block_.push_back(blocks);
    blocks += blocks_in(summed(s));
  }
  right_ = std::make_unique<std::atomic<uint64_t>[]>(blocks / 64 + 1);
  return {};
}

Bytes AdvisoryDb::checked(const SourceInfo& s, uint64_t from, uint64_t size) const {
  auto at = static_cast<size_t>(&s - sources_.data());
  CAREEN_CHECK(at < sources_.size());  // one of sources(), not a copy
  uint64_t all = summed(s);
  if (from > all || size > all - from) return {};
  Bytes bytes = slice(all_, s.offset, all), sums = slice(all_, s.offset + all, blocks_in(all) * 8);
  for (uint64_t b = from / kSumBlock; b * kSumBlock < from + size; ++b) {
    uint64_t bit = first_block_[at] + b;
    std::atomic<uint64_t>& word = right_[bit / 64];
    if ((word.load(std::memory_order_relaxed) >> bit % 64 & 1) != 0) continue;
    auto block = as_text(bytes.subspan(b * kSumBlock, std::min<uint64_t>(kSumBlock, all - b * kSumBlock)));
    if (block_sum(block) != load<uint64_t>(sums.data() + b * 8, Endian::little)) return damaged_.store(true, std::memory_order_relaxed), Bytes{};
    word.fetch_or(uint64_t{1} << bit % 64, std::memory_order_relaxed);
  }
  return bytes.subspan(from, size);
}

Bytes AdvisoryDb::entry_at(const SourceInfo& s, uint64_t* offset) const {
  constexpr uint64_t kMostOfLength = 10;
  if (*offset >= s.data_size) return {};
  Bytes head = checked(s, *offset, std::min(kMostOfLength, s.data_size - *offset));
  size_t at = 0;
  uint64_t n = 0;
  if (!get_varint(head, &at, &n) || n > s.data_size - *offset - at) return {};
  Bytes entry = checked(s, *offset + at, n);
  *offset += at + n;
  return entry;
}

bool AdvisoryDb::has_family(std::string_view family) const {
  return std::any_of(sources_.begin(), sources_.end(), [&](const SourceInfo& s) {
    return s.kind == SegmentKind::advisories && std::find(s.families.begin(), s.families.end(), family) != s.families.end();
  });
}

std::vector<std::string> AdvisoryDb::releases_of(std::string_view family) const {
  std::vector<std::string> out;
  std::string prefix = std::string(family) + ":";
  for (const SourceInfo& s : sources_)
    if (s.kind == SegmentKind::advisories)
      for (const std::string& r : s.releases)
        if (r.starts_with(prefix)) out.push_back(r.substr(prefix.size()));
  return out;
}

void AdvisoryDb::each_offset(const SourceInfo& s, bool of_ids, uint64_t key, const std::function<void(uint64_t)>& f) const {
  uint64_t start = s.data_size + (of_ids ? index_size(s.package_bits, s.packages) : 0);
  uint32_t bits = of_ids ? s.id_bits : s.package_bits;
  uint64_t count = of_ids ? s.ids : s.packages, bucket = bits == 0 ? 0 : key >> (64 - bits);
  Bytes bounds = checked(s, start + bucket * 4, 8);
  if (bounds.empty()) return;
  uint64_t from = std::min<uint64_t>(load<uint32_t>(bounds.data(), Endian::little), count),
           to = std::min<uint64_t>(load<uint32_t>(bounds.data() + 4, Endian::little), count);
  Bytes entries = from < to ? checked(s, start + index_size(bits, 0) + from * 16, (to - from) * 16) : Bytes{};
  for (size_t at = 0; at < entries.size(); at += 16) {
    auto hash = load<uint64_t>(entries.data() + at, Endian::little);
    if (hash > key) break;
    if (hash == key) f(load<uint64_t>(entries.data() + at + 8, Endian::little));
  }
}

void AdvisoryDb::each_row(std::string_view family, std::string_view name, const std::function<void(Row&&)>& f) const {
  uint64_t key = advisory_key(family, name);
  for (const SourceInfo& s : sources_) {
    if (s.kind != SegmentKind::advisories || std::find(s.families.begin(), s.families.end(), family) == s.families.end()) continue;
    each_offset(s, false, key, [&](uint64_t offset) {
      StoredRow row;
      if (!decode(entry_at(s, &offset), &row) || row.package.name != name || row.package.family != family) return;
      f({&s, std::move(row.package), row.record});
    });
  }
}

std::optional<Advisory> AdvisoryDb::record(const SourceInfo& source, uint64_t offset) const {
  StoredRecord r;
  if (!decode(entry_at(source, &offset), &r)) return std::nullopt;
  return std::move(r.advisory);
}

void AdvisoryDb::each_record(std::string_view id, const std::function<void(const SourceInfo&, Advisory&&)>& f) const {
  uint64_t key = advisory_key(id);
  std::string wanted = lower(id);
  for (const SourceInfo& s : sources_) {
    if (s.kind != SegmentKind::advisories) continue;
    each_offset(s, true, key, [&](uint64_t offset) {
      StoredRecord r;
      if (!decode(entry_at(s, &offset), &r)) return;
      auto same = [&](const std::string& other) { return lower(other) == wanted; };
      if (!same(r.advisory.id) && std::none_of(r.advisory.aliases.begin(), r.advisory.aliases.end(), same) &&
          std::none_of(r.advisory.upstream.begin(), r.advisory.upstream.end(), same))
        return;
      for (uint64_t i = 0; i < r.rows; ++i) {
        StoredRow row;
        if (!decode(entry_at(s, &offset), &row)) break;
        r.advisory.affected.push_back(std::move(row.package));
      }
      f(s, std::move(r.advisory));
    });
  }
}

std::optional<ExploitScore> AdvisoryDb::score(std::string_view id) const {
  std::optional<ExploitScore> out;
  uint64_t key = advisory_key(id);
  for (const SourceInfo& s : sources_) {
    if (s.kind != SegmentKind::scores) continue;
    each_offset(s, true, key, [&](uint64_t offset) {
      ExploitScore e;
      if (!decode(entry_at(s, &offset), &e) || lower(e.id) != lower(id)) return;
      if (!out) out = ExploitScore{e.id, 0, 0, "", "", "", false, "", "", ""};
      if (!e.epss_date.empty()) out->epss = e.epss, out->percentile = e.percentile, out->epss_date = e.epss_date;
      if (!e.kev_added.empty()) out->kev_added = e.kev_added, out->kev_due = e.kev_due;
      out->ransomware |= e.ransomware;
      if (!e.ssvc_exploitation.empty())
        out->ssvc_exploitation = e.ssvc_exploitation, out->ssvc_automatable = e.ssvc_automatable, out->ssvc_impact = e.ssvc_impact;
    });
  }
  return out;
}

std::vector<SupportEnd> AdvisoryDb::support(std::string_view family) const {
  std::vector<SupportEnd> out;
  for (const SourceInfo& s : sources_) {
    if (s.kind != SegmentKind::support) continue;
    for (uint64_t at = 0, n = 0; n < s.records; ++n) {
      SupportEnd e;
      if (!decode(entry_at(s, &at), &e)) break;
      if (e.family == family) out.push_back(std::move(e));
    }
  }
  return out;
}

std::vector<StoredThreat> AdvisoryDb::threats() const {
  std::vector<StoredThreat> out;
  for (const SourceInfo& s : sources_) {
    if (s.kind != SegmentKind::threats) continue;
    for (uint64_t at = 0, n = 0; n < s.records; ++n) {
      StoredThreat t;
      if (!decode(entry_at(s, &at), &t)) break;
      auto same = std::find_if(out.begin(), out.end(), [&](const StoredThreat& o) { return o.id == t.id; });
      if (same == out.end())
        out.push_back(std::move(t));
      else
        *same = std::move(t);
    }
  }
  return out;
}

std::vector<std::string> AdvisoryDb::products_of(std::string_view repository) const {
  std::set<std::string> out;
  uint64_t key = advisory_key(repository);
  for (const SourceInfo& s : sources_) {
    if (s.kind != SegmentKind::repositories) continue;
    each_offset(s, true, key, [&](uint64_t offset) {
      RepositoryProducts r;
      if (decode(entry_at(s, &offset), &r) && r.repository == repository) out.insert(r.products.begin(), r.products.end());
    });
  }
  return {out.begin(), out.end()};
}

std::optional<KnownArtifact> AdvisoryDb::artifact(std::string_view sha1) const {
  std::optional<KnownArtifact> out;
  bool one = true;
  uint64_t key = advisory_key(sha1);
  for (const SourceInfo& s : sources_) {
    if (s.kind != SegmentKind::artifacts) continue;
    each_offset(s, true, key, [&](uint64_t offset) {
      KnownArtifact k;
      if (!decode(entry_at(s, &offset), &k) || k.sha1 != sha1) return;
      one = one && (!out || (out->name == k.name && out->version == k.version));
      out = std::move(k);
    });
  }
  return one ? out : std::nullopt;
}

void AdvisoryDb::each_of(const SourceInfo& source, const std::function<bool(const Advisory&)>& f) const {
  if (source.kind != SegmentKind::advisories) return;
  for (uint64_t at = 0, n = 0; n < source.records; ++n) {
    StoredRecord r;
    if (!decode(entry_at(source, &at), &r)) return;
    for (uint64_t i = 0; i < r.rows; ++i) {
      StoredRow row;
      if (!decode(entry_at(source, &at), &row)) return;
      r.advisory.affected.push_back(std::move(row.package));
    }
    if (!f(r.advisory)) return;
  }
}

Result<void> AdvisoryDb::sound() const {
  if (damaged()) return damage(path_, "part of the advisory database is not what it was when it was written");
  return {};
}

Result<void> AdvisoryDb::verify() const {
  for (const SourceInfo& s : sources_) {
    Bytes bytes = segment(s);
    if (bytes.size() != s.size || sha256_of(bytes) != s.digest) return damage(path_, "source " + escape(s.name) + " is not what it was when it was written");
    uint64_t records = 0, rows = 0;
    if (s.kind == SegmentKind::advisories) {
      each_of(s, [&](const Advisory& a) {
        ++records;
        rows += a.affected.size();
        return true;
      });
      if (records != s.records || rows != s.rows) return damage(path_, "source " + escape(s.name) + " holds records that cannot be read");
    }
  }
  return {};
}

}  // namespace careen
