// The advisory database: one immutable file that is mapped, never read as a whole, by any number of processes at once.
//
// The file (format version 2, all numbers little-endian):
//   header     "careenDB" u32 version u32 zero u64 offset of the directory u64 its size, 32 bytes its SHA-256
//   segments   one for each source, in any order: data, then its index of packages, then its index of ids, then a u64 for each kSumBlock bytes of
//              what stands before, a sum that tells damage
//   directory  the sources (fields(SourceInfo)), with where each stands and the digest of its bytes
// A segment's data are rows and records in the form of base/codec.h. An index is a table of 2^bits + 1 u32 (where each bucket
// begins) and entries of a u64 hash and a u64 offset into the data, sorted; the bucket is the hash's highest bits. Hashes are the first
// eight bytes of SHA-256 over the key, so that nobody can choose keys that collide cheaply; what is found is compared as text.
//
// Opening reads the header and the directory alone. Everything else is checked where it is read, each block once: damage gives nothing and is told by
// damaged(), never a fault. An AdvisoryDb is safe from any thread.
#pragma once
#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "digest/digest.h"
#include "knowledge/advisory.h"

namespace careen {

enum class SegmentKind : uint8_t { advisories, scores, support, threats, artifacts, repositories };
// Whether the age of a segment is that of what is known of vulnerabilities; the others help to find packages, or are looked for in files.
inline bool is_of_vulnerabilities(SegmentKind k) {
  return k == SegmentKind::advisories || k == SegmentKind::scores || k == SegmentKind::support;
}

struct SourceInfo {
  std::string name;  // "debian", "ghsa/npm": what an import replaces
  SegmentKind kind = SegmentKind::advisories;
  std::string origin;     // the file or URL it came from
  uint64_t imported = 0;  // seconds since 1970
  std::string newest;     // date of the newest record, YYYY-MM-DD
  uint64_t records = 0, rows = 0;
  uint64_t withdrawn = 0, refused = 0;  // not kept: withdrawn by the source; not readable
  std::vector<std::string> families;    // that have rows
  std::vector<std::string> releases;    // "family:release" of them, "family:*" where a row is of every release; at most kMaxReleases
  std::vector<std::string> problems;    // the first few records that were refused, in words
  uint64_t offset = 0, size = 0;        // of the segment
  uint64_t data_size = 0;
  uint32_t package_bits = 0, id_bits = 0;
  uint64_t packages = 0, ids = 0;  // entries
  Sha256 digest{};                 // of the segment's bytes
};

template <class A>
void fields(A& a, SourceInfo& s) {
  a(s.name), a(s.kind), a(s.origin), a(s.imported), a(s.newest), a(s.records), a(s.rows), a(s.withdrawn), a(s.refused), a(s.families), a(s.releases),
      a(s.problems);
  a(s.offset), a(s.size), a(s.data_size), a(s.package_bits), a(s.id_bits), a(s.packages), a(s.ids), a(s.digest);
}

inline constexpr std::string_view kDatabaseMagic = "careenDB";
inline constexpr uint32_t kDatabaseVersion = 2;
inline constexpr size_t kMaxReleases = 5000;  // that are told of one source
inline constexpr size_t kDatabaseHeader = 64;
inline constexpr size_t kSumBlock = 4096;

// The sum of each block of a segment's bytes in turn, of its last part too.
inline uint64_t block_sum(std::string_view block) {
  return damage_sum(0x9e3779b97f4a7c15 ^ block.size(), block);
}

uint64_t advisory_key(std::string_view family, std::string_view name);  // of a package
uint64_t advisory_key(std::string_view id);                             // of an id, in any case

class AdvisoryDb {
 public:
  static Result<std::shared_ptr<const AdvisoryDb>> open(const std::string& path);
  ~AdvisoryDb();
  AdvisoryDb(const AdvisoryDb&) = delete;
  AdvisoryDb& operator=(const AdvisoryDb&) = delete;

  const std::vector<SourceInfo>& sources() const { return sources_; }
  const Digest& digest() const { return digest_; }  // of the directory, and so of all
  uint64_t size() const { return all_.size(); }
  const std::string& path() const { return path_; }
  bool has_family(std::string_view family) const;
  // The releases of a family that some source speaks of; "*" for one that speaks of every release.
  std::vector<std::string> releases_of(std::string_view family) const;

  struct Row {
    const SourceInfo* source = nullptr;
    AffectedPackage package;
    uint64_t record = 0;  // for record()
  };
  // Every row of a package, whatever its release, in the order of sources and of their data.
  void each_row(std::string_view family, std::string_view name, const std::function<void(Row&&)>& f) const;
  // The advisory of a row, without its packages; nullopt when it is damaged.
  std::optional<Advisory> record(const SourceInfo& source, uint64_t offset) const;

  // Every advisory with this id or alias, with its rows.
  void each_record(std::string_view id, const std::function<void(const SourceInfo&, Advisory&&)>& f) const;
  std::optional<ExploitScore> score(std::string_view id) const;  // of all sources together
  std::vector<SupportEnd> support(std::string_view family) const;

  std::vector<StoredThreat> threats() const;  // of all sources; of one id the last

  // What a repository's packages belong to; empty when no source knows it.
  std::vector<std::string> products_of(std::string_view repository) const;
  // The artifact with this SHA-1 (40 hexadecimal digits); nullopt when no source knows it, or several name different ones.
  std::optional<KnownArtifact> artifact(std::string_view sha1) const;

  // Every record of a source, in the order of its data; false from f stops.
  void each_of(const SourceInfo& source, const std::function<bool(const Advisory&)>& f) const;

  // Reads all of it: digests, and that every record and row can be read. The first damage is the error.
  Result<void> verify() const;
  // Whether some of what was read so far was not what it was when it was written: answers may lack something.
  bool damaged() const { return damaged_.load(std::memory_order_relaxed); }
  Result<void> sound() const;  // the same as an error
  Bytes bytes() const { return all_; }
  Bytes segment(const SourceInfo& s) const { return slice(all_, s.offset, s.size); }

 private:
  AdvisoryDb() = default;
  Result<void> read_directory();
  // Bytes of a segment, whose blocks are right; empty where they are not, or are not there.
  Bytes checked(const SourceInfo& s, uint64_t from, uint64_t size) const;
  // The bytes of the entry at `offset` of the data: behind its length. Moves `offset` past it; empty when there is none.
  Bytes entry_at(const SourceInfo& s, uint64_t* offset) const;
  void each_offset(const SourceInfo& s, bool of_ids, uint64_t key, const std::function<void(uint64_t)>& f) const;

  std::string path_;
  Bytes all_;
  Digest digest_;
  std::vector<SourceInfo> sources_;
  std::vector<uint64_t> first_block_;                       // of each source, among the bits of right_
  mutable std::unique_ptr<std::atomic<uint64_t>[]> right_;  // a bit for each block that was found right
  mutable std::atomic<bool> damaged_ = false;
};

// How things stand in a segment's data, each behind its length as a varint: a record, then its rows at once after it. A segment of scores
// holds ExploitScore, one of support SupportEnd, one of threats StoredThreat, and so on.
struct StoredRecord {
  Advisory advisory;
  uint64_t rows = 0;
};
template <class A>
void fields(A& a, StoredRecord& r) {
  a(r.advisory), a(r.rows);
}
struct StoredRow {
  uint64_t record = 0;  // its offset in the data
  AffectedPackage package;
};
template <class A>
void fields(A& a, StoredRow& r) {
  a(r.record), a(r.package);
}

}  // namespace careen
