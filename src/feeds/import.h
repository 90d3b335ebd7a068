// Files, folders and archives of feeds into an advisory database.
//
// Every source that a record belongs to is replaced as a whole; the others stay. Where all records of an archive or folder of OSV speak of one
// ecosystem (npm.zip), it is taken for that ecosystem's alone: what its records say of others is left to those' own archives. On an
// Error nothing of it is kept.
#pragma once
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "feeds/feed.h"
#include "feeds/walk.h"
#include "knowledge/advisory_writer.h"

namespace careen {

struct ImportResult {
  std::vector<AdvisoryWriter::Change> changes;
  uint64_t documents = 0, unknown = 0, bytes = 0;  // unknown: documents and records that belong to no source; bytes: uncompressed
  std::vector<std::string> problems;               // the first of them, in words
};

// Reads into a writer; commit() is the caller's. Each call is a unit: on an Error what it wrote is taken back.
class FeedImporter : private FeedSink {
 public:
  FeedImporter(AdvisoryWriter& writer, std::function<void(uint64_t bytes)> progress = {});
  ~FeedImporter() override;
  Result<void> path(const std::string& path);  // a file or a folder
  // An open file from its beginning; `origin` is told as where it came from.
  Result<void> content(const std::string& name, int fd, const std::string& origin);
  const ImportResult& result() const { return result_; }
  // The sources that were written to since the last call.
  std::set<std::string> take_touched() { return std::exchange(touched_, {}); }

 private:
  Result<void> advisory(const std::string& source, const Advisory& a) override;
  Result<void> score(const std::string& source, const ExploitScore& s) override;
  Result<void> support(const std::string& source, const SupportEnd& e) override;
  Result<void> threat(const std::string& source, const StoredThreat& t) override;
  Result<void> repository(const std::string& source, const RepositoryProducts& r) override;
  Result<void> artifact(const std::string& source, const KnownArtifact& k) override;
  Result<void> refused(const std::string& source, const std::string& why) override;
  Result<void> withdrawn(const std::string& source) override;
  bool wants(const std::string& family) override { return !only_ || only_->count(family) != 0; }
  void begins(const std::set<std::string>&) override {}

  Result<SegmentWriter*> segment(const std::string& source, SegmentKind kind);
  std::string first_seen(const std::string& source, const std::string& id) const;
  Result<void> one(const std::string& name, std::string_view text, bool alone);
  Result<void> unit(const std::function<Result<void>(const VisitDocument&)>& walk);
  Result<void> artifacts(const std::string& name, int fd);
  Result<void> folder(const std::string& path, int depth);
  void problem(const std::string& why);

  AdvisoryWriter& writer_;
  std::function<void(uint64_t)> progress_;
  FeedReader reader_;
  std::string origin_;
  std::optional<std::set<std::string>> only_;  // families of OSV records; nullopt: all
  bool alone_ = false;                         // the document that is read is all of its file
  std::set<std::string> touched_;
  uint64_t accepted_ = 0;  // documents
  // Refused before the first record of the source that could be read; they are the source's once there is one.
  static constexpr size_t kMaxEarly = 10'000;
  std::map<std::string, std::vector<std::string>> early_;
  ImportResult result_;
};

// All of it: begin, read, commit.
Result<ImportResult> import_feeds(const std::string& database, const std::vector<std::string>& paths, const std::function<void(uint64_t bytes)>& progress = {});

// An exported database: each of its sources replaces the one of that name.
bool is_database(int fd);
Result<ImportResult> import_database(AdvisoryWriter& writer, const std::string& file);

}  // namespace careen
