#include "knowledge/advisory_writer.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <ctime>

#include "base/codec.h"
#include "base/text.h"

namespace careen {
namespace {

constexpr size_t kBuffer = 1 << 20;

void put_u32(std::string& out, uint32_t v) {
  for (unsigned shift = 0; shift < 32; shift += 8) out += static_cast<char>(v >> shift);
}
void put_u64(std::string& out, uint64_t v) {
  for (unsigned shift = 0; shift < 64; shift += 8) out += static_cast<char>(v >> shift);
}

std::string entry_of(const std::string& body) {
  std::string out;
  put_varint(out, body.size());
  return out + body;
}

// A new file beside the database. It has a name until it is put in place: not every file system has files without one.
Result<Fd> open_new(const std::string& path) {
  Fd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  if (!fd) return os_error("cannot write " + escape(path), errno);
  return fd;
}

// Takes the bytes of a segment in order, hashes them and sums their blocks up.
class SegmentEnd {
 public:
  void take(std::string_view bytes) {
    hasher_.update(as_bytes(bytes));
    while (!bytes.empty()) {
      size_t n = std::min(bytes.size(), kSumBlock - block_.size());
      block_ += bytes.substr(0, n);
      bytes.remove_prefix(n);
      if (block_.size() == kSumBlock) end_block();
    }
  }
  // What follows the bytes: their sums. Once, at their end.
  std::string sums() {
    if (!block_.empty()) end_block();
    hasher_.update(as_bytes(sums_));
    return std::move(sums_);
  }
  Sha256 digest() { return hasher_.sha256(); }

 private:
  void end_block() { put_u64(sums_, block_sum(block_)), block_.clear(); }

  Hasher hasher_{Algorithm::sha256};
  std::string block_, sums_;
};

// Copies `size` bytes of `from` to the end of `to`.
Result<void> copy(int from, uint64_t size, int to, SegmentEnd& end) {
  std::vector<uint8_t> buffer(kBuffer);
  for (uint64_t at = 0; at < size;) {
    size_t n = std::min<uint64_t>(buffer.size(), size - at);
    CAREEN_ASSIGN(size_t got, pread_full(from, {buffer.data(), n}, at));
    if (got != n) return Error{Errc::io, "the temporary file is shorter than what was written to it"};
    end.take(as_text(Bytes{buffer.data(), n}));
    CAREEN_TRY(write_full(to, {buffer.data(), n}));
    at += n;
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<SegmentWriter>> SegmentWriter::create(const std::string& directory, SourceInfo info) {
  std::unique_ptr<SegmentWriter> w(new SegmentWriter(std::move(info)));
  w->directory_ = directory;
  w->info_.imported = static_cast<uint64_t>(std::max<time_t>(::time(nullptr), 0));
  return w;
}

Result<void> SegmentWriter::flush() {
  if (!file_) {
    CAREEN_ASSIGN(file_, open_unlinked(directory_));
  }
  CAREEN_TRY(write_full(file_.get(), as_bytes(buffer_)));
  buffer_.clear();
  return {};
}

Result<void> SegmentWriter::put(const std::string& entry) {
  buffer_ += entry;
  written_ += entry.size();
  return buffer_.size() >= kBuffer ? flush() : Result<void>{};
}

Result<void> SegmentWriter::add(const Advisory& a) {
  uint64_t record = written_;
  StoredRecord stored{a, a.affected.size()};
  stored.advisory.affected.clear();
  CAREEN_TRY(put(entry_of(encode(stored))));
  for (const AffectedPackage& p : a.affected) {
    packages_.push_back({advisory_key(p.family, p.name), written_});
    families_.insert(p.family);
    if (releases_.size() < kMaxReleases) releases_.insert(p.family + ":" + (p.release.empty() ? "*" : p.release));
    CAREEN_TRY(put(entry_of(encode(StoredRow{record, p}))));
  }
  std::set<std::string> ids{lower(a.id)};
  for (const auto* list : {&a.aliases, &a.upstream})
    for (const std::string& id : *list) ids.insert(lower(id));
  for (const std::string& id : ids) ids_.push_back({advisory_key(id), record});
  ++info_.records;
  info_.rows += a.affected.size();
  info_.newest = std::max(info_.newest, a.modified.empty() ? a.published : a.modified);
  return {};
}

Result<void> SegmentWriter::add(const ExploitScore& s) {
  ids_.push_back({advisory_key(s.id), written_});
  ++info_.records;
  info_.newest = std::max({info_.newest, s.epss_date, s.kev_added});
  return put(entry_of(encode(s)));
}

Result<void> SegmentWriter::add(const SupportEnd& e) {
  families_.insert(e.family);
  ++info_.records;
  return put(entry_of(encode(e)));
}

Result<void> SegmentWriter::add(const StoredThreat& t) {
  ++info_.records;
  info_.newest = std::max(info_.newest, t.updated);
  return put(entry_of(encode(t)));
}

Result<void> SegmentWriter::add(const RepositoryProducts& r) {
  ids_.push_back({advisory_key(r.repository), written_});
  ++info_.records;
  return put(entry_of(encode(r)));
}

Result<void> SegmentWriter::add(const KnownArtifact& k) {
  ids_.push_back({advisory_key(k.sha1), written_});
  ++info_.records;
  return put(entry_of(encode(k)));
}

void SegmentWriter::refuse(const std::string& why) {
  if (++info_.refused <= kMaxProblems) info_.problems.push_back(why);
}

Result<void> SegmentWriter::put_index(std::vector<IndexEntry>& entries, uint32_t* bits) {
  std::sort(entries.begin(), entries.end());
  entries.erase(std::unique(entries.begin(), entries.end()), entries.end());
  // About four entries in a bucket.
  *bits = entries.size() < 8 ? 0 : std::min<uint32_t>(24, static_cast<uint32_t>(std::bit_width(entries.size() / 4)));
  std::string text;
  uint64_t buckets = 1ULL << *bits;
  size_t at = 0;
  for (uint64_t b = 0; b <= buckets; ++b) {
    while (at < entries.size() && b < buckets && *bits != 0 && entries[at].key >> (64 - *bits) < b) ++at;
    put_u32(text, static_cast<uint32_t>(b == buckets ? entries.size() : at));
  }
  while (text.size() % 8 != 0) text += '\0';
  CAREEN_TRY(put(text));
  for (const IndexEntry& e : entries) {
    text.clear();
    put_u64(text, e.key), put_u64(text, e.offset);
    CAREEN_TRY(put(text));
  }
  return {};
}

Result<void> SegmentWriter::finish() {
  while (written_ % 8 != 0) CAREEN_TRY(put(std::string(1, '\0')));
  info_.data_size = written_;
  CAREEN_TRY(put_index(packages_, &info_.package_bits));
  CAREEN_TRY(put_index(ids_, &info_.id_bits));
  if (file_) CAREEN_TRY(flush());
  info_.packages = packages_.size(), info_.ids = ids_.size();
  info_.size = written_;
  info_.families.assign(families_.begin(), families_.end());
  info_.releases.assign(releases_.begin(), releases_.end());
  return {};
}

Result<std::unique_ptr<AdvisoryWriter>> AdvisoryWriter::begin(const std::string& path) {
  std::unique_ptr<AdvisoryWriter> w(new AdvisoryWriter);
  w->path_ = path;
  w->directory_ = std::string(dir_name(path));
  CAREEN_TRY(make_directories(w->directory_));
  std::string lock = path + ".lock";
  w->lock_ = Fd(::open(lock.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
  if (!w->lock_) return os_error("cannot open " + escape(lock), errno);
  if (::flock(w->lock_.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return os_error("cannot lock " + escape(lock), errno);
    return Error{Errc::io, "another careen is writing the advisory database " + escape(path) + "; scans go on with the old one, try again when it is done"};
  }
  auto old = AdvisoryDb::open(path);
  if (old)
    w->old_ = *std::move(old);
  else if (old.error().code != Errc::not_found)
    w->old_problem_ = old.error().what;
  return w;
}

Result<SegmentWriter*> AdvisoryWriter::segment(const std::string& name, SegmentKind kind, const std::string& origin) {
  if (segments_.size() >= kMaxSources && segments_.count(name) == 0)
    return Error{Errc::limit, "more than " + std::to_string(kMaxSources) + " sources (kMaxSources)"};
  auto& s = segments_[name];
  if (!s) {
    SourceInfo info;
    info.name = name;
    info.kind = kind;
    info.origin = origin;
    CAREEN_ASSIGN(s, SegmentWriter::create(directory_, std::move(info)));
  }
  return s.get();
}

Result<void> SegmentWriter::rollback(const Mark& m) {
  if (file_) CAREEN_TRY(flush());
  auto at = static_cast<off_t>(m.written);
  if (!file_)
    buffer_.resize(m.written);
  else if (::ftruncate(file_.get(), at) != 0 || ::lseek(file_.get(), at, SEEK_SET) != at)
    return os_error("cannot take back what was written", errno);
  info_ = m.info;
  written_ = m.written;
  packages_.resize(m.packages);
  ids_.resize(m.ids);
  families_ = m.families;
  releases_ = m.releases;
  return {};
}

AdvisoryWriter::Marks AdvisoryWriter::mark() const {
  Marks marks;
  for (const auto& [name, segment] : segments_) marks.emplace(name, segment->mark());
  return marks;
}

Result<void> AdvisoryWriter::rollback(const Marks& marks) {
  for (auto it = segments_.begin(); it != segments_.end();) {
    auto m = marks.find(it->first);
    if (m == marks.end()) {
      it = segments_.erase(it);
      continue;
    }
    CAREEN_TRY(it->second->rollback(m->second));
    ++it;
  }
  return {};
}

Result<std::vector<AdvisoryWriter::Change>> AdvisoryWriter::commit() {
  std::string temporary = path_ + ".new";
  CAREEN_ASSIGN(Fd out, open_new(temporary));
  auto write = [&]() -> Result<std::vector<Change>> {
    std::vector<Change> changes;
    std::vector<SourceInfo> sources;
    CAREEN_TRY(write_full(out.get(), as_bytes(std::string(kDatabaseHeader, '\0'))));
    uint64_t at = kDatabaseHeader;
    auto before = [&](const std::string& name) -> uint64_t {
      if (old_)
        for (const SourceInfo& s : old_->sources())
          if (s.name == name) return s.records;
      return 0;
    };
    // The databases from which sources are taken as they stand, the last adopted first, the old one last.
    std::vector<std::shared_ptr<const AdvisoryDb>> others(adopted_.rbegin(), adopted_.rend());
    if (old_) others.push_back(old_);
    std::set<std::string> taken;
    for (const auto& other : others)
      for (SourceInfo s : other->sources()) {
        if (segments_.count(s.name) != 0 || (other == old_ && dropped_.count(s.name) != 0) || !taken.insert(s.name).second) continue;
        Bytes bytes = other->segment(s);
        if (sha256_of(bytes) != s.digest)
          return Error{Errc::corrupt,
                       "source " + escape(s.name) + " of " + escape(other->path()) + " is damaged; import it again, or remove the file and begin anew"};
        if (other != old_) changes.push_back({s, before(s.name)});
        CAREEN_TRY(write_full(out.get(), bytes));
        s.offset = at;
        at += s.size;
        sources.push_back(std::move(s));
      }
    for (auto& [name, segment] : segments_) {
      CAREEN_TRY(segment->finish());
      SourceInfo& info = segment->info_;
      SegmentEnd end;
      if (segment->file_) {
        CAREEN_TRY(copy(segment->file_.get(), info.size, out.get(), end));
      } else {
        end.take(segment->buffer_);
        CAREEN_TRY(write_full(out.get(), as_bytes(segment->buffer_)));
      }
      std::string sums = end.sums();
      CAREEN_TRY(write_full(out.get(), as_bytes(sums)));
      info.size += sums.size();
      info.digest = end.digest();
      info.offset = at;
      at += info.size;
      sources.push_back(info);
      changes.push_back({info, before(name)});
    }
    std::sort(sources.begin(), sources.end(), [](const SourceInfo& a, const SourceInfo& b) { return a.name < b.name; });
    std::string directory = encode(sources), header(kDatabaseMagic);
    CAREEN_TRY(write_full(out.get(), as_bytes(directory)));
    put_u32(header, kDatabaseVersion), put_u32(header, 0), put_u64(header, at), put_u64(header, directory.size());
    Sha256 digest = sha256_of(as_bytes(directory));
    header.append(reinterpret_cast<const char*>(digest.data()), digest.size());
    if (::lseek(out.get(), 0, SEEK_SET) != 0) return os_error("cannot write " + escape(temporary), errno);
    CAREEN_TRY(write_full(out.get(), as_bytes(header)));
    if (::fsync(out.get()) != 0) return os_error("cannot write " + escape(temporary), errno);
    if (::rename(temporary.c_str(), path_.c_str()) != 0) return os_error("cannot put " + escape(path_) + " in place", errno);
    return changes;
  };
  auto result = write();
  if (!result) ::unlink(temporary.c_str());
  return result;
}

}  // namespace careen
