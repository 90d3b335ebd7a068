// A database of a few advisories that a test puts together, asked what it says of a package.
#pragma once
#include <gmock/gmock.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "knowledge/advisory_writer.h"
#include "knowledge/match.h"
#include "scratch_folder.h"

namespace careen::test {

inline AffectedPackage row(std::string family, std::string release, std::string name, std::string fixed) {
  AffectedPackage p;
  p.family = std::move(family), p.release = std::move(release), p.name = std::move(name);
  p.ranges.push_back({{{EventKind::introduced, "0"}}});
  if (!fixed.empty()) p.ranges[0].events.push_back({EventKind::fixed, std::move(fixed)});
  return p;
}
inline AffectedPackage general(AffectedPackage p) {
  p.general = true;
  return p;
}
inline AffectedPackage standing(AffectedPackage p, Standing s) {
  p.standing = s;
  return p;
}
inline AffectedPackage state(AffectedPackage p, FixState s, std::string says = "") {
  p.fix_state = s, p.says = std::move(says);
  return p;
}
inline AffectedPackage of_module(AffectedPackage p, std::string module) {
  p.module = std::move(module);
  return p;
}
inline AffectedPackage built_for(AffectedPackage p, std::vector<std::string> architectures) {
  p.architectures = std::move(architectures);
  return p;
}
inline Advisory about(std::string id, std::vector<AffectedPackage> rows, std::vector<std::string> aliases = {}) {
  Advisory a;
  a.id = std::move(id);
  a.affected = std::move(rows);
  a.aliases = std::move(aliases);
  return a;
}

class MatchCase : public testing::Test {
 protected:
  void put(const std::string& source, const Advisory& a) { advisories_.emplace_back(source, a); }
  void put(const ExploitScore& s) { scores_.push_back(s); }

  const AdvisoryDb& db() {
    if (!db_) {
      std::string path = folder_ / "advisories.db";
      auto w = AdvisoryWriter::begin(path);
      EXPECT_TRUE(w) << (w ? "" : w.error().what);
      for (const auto& [source, a] : advisories_) EXPECT_TRUE((*(*w)->segment(source, SegmentKind::advisories, "test"))->add(a));
      for (const ExploitScore& s : scores_) EXPECT_TRUE((*(*w)->segment("scores", SegmentKind::scores, "test"))->add(s));
      EXPECT_TRUE((*w)->commit());
      db_ = *AdvisoryDb::open(path);
    }
    return *db_;
  }
  PackageMatches ask(const PackageQuery& q) { return match_package(db(), q); }
  PackageMatches ask(const std::string& family, std::vector<std::string> releases, const std::string& name, const std::string& version) {
    PackageQuery q;
    q.family = family, q.releases = std::move(releases), q.names = {name}, q.version = version;
    return ask(q);
  }
  PackageMatches bookworm(const std::string& name, const std::string& version) { return ask("debian", {"bookworm"}, name, version); }

  static std::vector<std::string> ids(const PackageMatches& m) {
    std::vector<std::string> out;
    for (const AdvisoryMatch& a : m.affected) out.push_back(a.id);
    return out;
  }
  static std::vector<std::string> undecided(const PackageMatches& m) {
    std::vector<std::string> out;
    for (const Undecided& u : m.undecided) {
      EXPECT_FALSE(u.why.empty());
      out.push_back(u.id);
    }
    return out;
  }
  static AdvisoryMatch one(const PackageMatches& m) {
    EXPECT_THAT(ids(m), testing::SizeIs(1));
    return m.affected.size() == 1 ? m.affected[0] : AdvisoryMatch{};
  }

 private:
  ScratchFolder folder_;
  std::vector<std::pair<std::string, Advisory>> advisories_;
  std::vector<ExploitScore> scores_;
  std::shared_ptr<const AdvisoryDb> db_;
};

}  // namespace careen::test
