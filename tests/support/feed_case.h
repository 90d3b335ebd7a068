// A sink that keeps all that it is given, and what tests of readers do with it.
#pragma once
#include <gmock/gmock.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "base/text.h"
#include "feeds/feed.h"

namespace careen::test {

// Keeps all that it is given.
struct Kept : FeedSink {
  std::map<std::string, std::vector<Advisory>> advisories;
  std::map<std::string, std::vector<ExploitScore>> scores;
  std::map<std::string, std::vector<SupportEnd>> supports;
  std::map<std::string, std::vector<RepositoryProducts>> repositories;
  std::map<std::string, std::vector<KnownArtifact>> artifacts;
  std::map<std::string, std::vector<std::string>> problems;
  std::map<std::string, uint64_t> withdrawals;

  Result<void> advisory(const std::string& source, const Advisory& a) override {
    EXPECT_FALSE(a.id.empty());
    advisories[source].push_back(a);
    return {};
  }
  Result<void> score(const std::string& source, const ExploitScore& s) override {
    scores[source].push_back(s);
    return {};
  }
  Result<void> support(const std::string& source, const SupportEnd& e) override {
    supports[source].push_back(e);
    return {};
  }
  Result<void> repository(const std::string& source, const RepositoryProducts& r) override {
    repositories[source].push_back(r);
    return {};
  }
  Result<void> artifact(const std::string& source, const KnownArtifact& k) override {
    artifacts[source].push_back(k);
    return {};
  }
  Result<void> refused(const std::string& source, const std::string& why) override {
    EXPECT_FALSE(why.empty());
    problems[source].push_back(why);
    return {};
  }
  Result<void> withdrawn(const std::string& source) override {
    ++withdrawals[source];
    return {};
  }
  bool nothing() const { return advisories.empty() && scores.empty() && supports.empty(); }
};

// The one advisory with one package that a document is expected to give.
struct OneRow {
  std::string source;
  Advisory advisory;
  AffectedPackage row;
};

class FeedCase : public testing::Test {
 protected:
  Result<void> read(std::string_view text, const std::string& name = "feed") { return FeedReader(kept_).read(name, text); }
  void take(std::string_view text, const std::string& name = "feed") {
    auto r = read(text, name);
    EXPECT_TRUE(r) << (r ? "" : r.error().what);
  }
  OneRow one(std::string_view text) {
    kept_ = {};
    take(text);
    EXPECT_THAT(kept_.advisories, testing::SizeIs(1));
    if (kept_.advisories.size() != 1) return {};
    const auto& [source, list] = *kept_.advisories.begin();
    EXPECT_THAT(list, testing::SizeIs(1));
    EXPECT_THAT(list[0].affected, testing::SizeIs(1));
    return {source, list[0], list[0].affected.empty() ? AffectedPackage{} : list[0].affected[0]};
  }
  const Advisory& advisory(const std::string& source, size_t i = 0) {
    static const Advisory kNone;
    auto it = kept_.advisories.find(source);
    EXPECT_TRUE(it != kept_.advisories.end() && it->second.size() > i) << source;
    return it != kept_.advisories.end() && it->second.size() > i ? it->second[i] : kNone;
  }
  Kept kept_;
};

// "introduced 0, fixed 1.2; listed: 1, 2"
inline std::string ranges(const AffectedPackage& p) {
  static constexpr std::array<std::string_view, 4> kNames{"introduced", "fixed", "last_affected", "limit"};
  std::vector<std::string> out;
  for (const VersionRange& r : p.ranges) {
    std::vector<std::string> events;
    for (const VersionEvent& e : r.events) events.push_back(std::string(kNames.at(static_cast<size_t>(e.kind))) + " " + e.version);
    out.push_back(join(events, ", "));
  }
  if (!p.versions.empty()) out.push_back("listed: " + join(p.versions, ", "));
  return join(out, "; ");
}

}  // namespace careen::test
