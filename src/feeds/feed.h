// Where the readers of feeds put what they read, and the one way in for a document of any kind.
//
// A feed is hostile: a record that cannot be read is refused with a reason and counted, and the rest goes on; a document that is
// nothing careen knows is an Error. Only the sink's own errors (a full disk) end an import.
#pragma once
#include <memory>
#include <set>
#include <string>
#include <string_view>

#include "base/result.h"
#include "knowledge/advisory.h"

namespace careen {

class FeedSink {
 public:
  virtual ~FeedSink() = default;
  // `source` names what an import replaces: "debian", "ghsa/npm".
  virtual Result<void> advisory(const std::string& source, const Advisory& a) = 0;
  virtual Result<void> score(const std::string& source, const ExploitScore& s) = 0;
  virtual Result<void> support(const std::string& source, const SupportEnd& e) = 0;
  virtual Result<void> threat(const std::string& source, const StoredThreat& t) {
    (void)source, (void)t;
    return {};
  }
  virtual Result<void> repository(const std::string& source, const RepositoryProducts& r) {
    (void)source, (void)r;
    return {};
  }
  virtual Result<void> artifact(const std::string& source, const KnownArtifact& k) {
    (void)source, (void)k;
    return {};
  }
  virtual Result<void> refused(const std::string& source, const std::string& why) = 0;
  virtual Result<void> withdrawn(const std::string& source) = 0;
  // A record of OSV begins that speaks of these families; and whether what it says of one is wanted.
  virtual void begins(const std::set<std::string>& families) { (void)families; }
  virtual bool wants(const std::string& family) {
    (void)family;
    return true;
  }
};

inline constexpr uint64_t kMaxFeedDocument = 512ULL << 20;  // one document, uncompressed
inline constexpr size_t kMaxAdvisoryId = 200;
inline constexpr size_t kMaxRowsOfAdvisory = 100'000;

// Recognises a document by its content and reads it. Not thread-safe; reuse it, it keeps its buffers.
class FeedReader {
 public:
  explicit FeedReader(FeedSink& sink);
  ~FeedReader();
  FeedReader(const FeedReader&) = delete;
  FeedReader& operator=(const FeedReader&) = delete;
  // `name` is that of the file, for messages and for what a format leaves to it.
  Result<void> read(const std::string& name, std::string_view text);
  uint64_t documents() const { return documents_; }

 private:
  struct Impl;
  FeedSink& sink_;
  std::unique_ptr<Impl> impl_;
  uint64_t documents_ = 0;
};

}  // namespace careen
