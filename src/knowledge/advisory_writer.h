// Writes an advisory database: sources that are kept as they stand in the old file, and sources that are new.
//
// A writer holds the lock of its folder as long as it lives, so that two updates cannot undo each other; readers need no lock. The new
// file stands beside the old one under a name without one (an unlinked temporary), and takes its place at once in commit(). Whatever happens
// before that, the old file stays as it was. Memory is 16 bytes for each package and id; data go to disk as they come.
#pragma once
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/fd.h"
#include "knowledge/advisory_db.h"

namespace careen {

inline constexpr size_t kMaxSources = 1000;  // of one database
inline constexpr size_t kMaxProblems = 20;   // told of each source; all are counted

class SegmentWriter {
 public:
  static Result<std::unique_ptr<SegmentWriter>> create(const std::string& directory, SourceInfo info);

  Result<void> add(const Advisory& a);
  Result<void> add(const ExploitScore& s);
  Result<void> add(const SupportEnd& e);
  Result<void> add(const StoredThreat& t);
  Result<void> add(const RepositoryProducts& r);
  Result<void> add(const KnownArtifact& k);
  void refuse(const std::string& why);  // a record that could not be read
  void withdrawn() { ++info_.withdrawn; }
  SourceInfo& info() { return info_; }

 private:
  friend class AdvisoryWriter;
  struct IndexEntry {
    uint64_t key, offset;
    auto operator<=>(const IndexEntry&) const = default;
  };
  explicit SegmentWriter(SourceInfo info) : info_(std::move(info)) {}
  Result<void> put(const std::string& entry);
  Result<void> flush();
  struct Mark {
    SourceInfo info;
    uint64_t written;
    size_t packages, ids;
    std::set<std::string> families, releases;
  };
  Mark mark() const { return {info_, written_, packages_.size(), ids_.size(), families_, releases_}; }
  Result<void> rollback(const Mark& m);
  Result<void> put_index(std::vector<IndexEntry>& entries, uint32_t* bits);
  Result<void> finish();

  Fd file_;  // made when the first buffer is full: a feed may name very many sources
  SourceInfo info_;
  std::string buffer_;
  uint64_t written_ = 0;  // and what is in the buffer
  std::vector<IndexEntry> packages_, ids_;
  std::set<std::string> families_, releases_;
  std::string directory_;
};

class AdvisoryWriter {
 public:
  // Waits for nobody: an Error when another process writes. `path` is the database; its folder is made.
  static Result<std::unique_ptr<AdvisoryWriter>> begin(const std::string& path);

  // The segment that takes the place of the source of that name, made at the first call.
  Result<SegmentWriter*> segment(const std::string& name, SegmentKind kind, const std::string& origin);
  // The segment if it was made already; null else.
  SegmentWriter* begun(const std::string& name) {
    auto it = segments_.find(name);
    return it == segments_.end() ? nullptr : it->second.get();
  }
  // Every source of another database, as it stands, in the place of those of that name.
  void adopt(std::shared_ptr<const AdvisoryDb> other) { adopted_.push_back(std::move(other)); }
  void drop(const std::string& name) { dropped_.insert(name); }

  // What was written so far, to go back to.
  using Marks = std::map<std::string, SegmentWriter::Mark>;
  Marks mark() const;
  Result<void> rollback(const Marks& marks);
  // What stood there before; null at first.
  const AdvisoryDb* old() const { return old_.get(); }
  // Why what stood there could not be read; what is written takes its place.
  const std::string& old_problem() const { return old_problem_; }

  struct Change {
    SourceInfo now;
    uint64_t before = 0;  // records
  };
  Result<std::vector<Change>> commit();

 private:
  AdvisoryWriter() = default;
  std::string path_, directory_, old_problem_;
  Fd lock_;
  std::shared_ptr<const AdvisoryDb> old_;
  std::map<std::string, std::unique_ptr<SegmentWriter>> segments_;
  std::set<std::string> dropped_;
  std::vector<std::shared_ptr<const AdvisoryDb>> adopted_;
};

}  // namespace careen
