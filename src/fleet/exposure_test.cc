// What a threat reaches in a fleet: every image that carries it, and the few to rebuild first.
#include "fleet/exposure.h"

#include <gmock/gmock.h>

#include "../../tests/support/fleet_images.h"
#include "../../tests/support/sqlite_text.h"

namespace careen {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using testing::UnorderedElementsAre;

class ExposureTest : public testing::Test {
 protected:
  ExposureTest() {
    std::string base = "file /usr/bin/tool 0755 \"bad\"";
    fleet_.take({{"base", base},
                 {"child", base + "\nlayer\nfile /child \"1\""},
                 {"grandchild", base + "\nlayer\nfile /child \"1\"\nlayer\nfile /more \"2\""},
                 {"deleted", base + "\nlayer\nwhiteout /usr/bin/tool"},
                 {"apart", "file /own \"x\"\nlayer\nfile /opt/tool \"bad\""},
                 {"clean", "file /own \"x\""}});
  }
  Exposure of(const std::string& threat) {
    auto e = exposure_of(*fleet_.inventory, threat, fleet_.scan);
    EXPECT_TRUE(e) << (e ? "" : e.error().what);
    return e ? *e : Exposure{};
  }
  std::string name(const std::string& digest) {
    for (const auto& [n, d] : fleet_.digests)
      if (d == digest) return n;
    return digest;
  }
  std::vector<std::string> names(const Exposure& e) {
    std::vector<std::string> out;
    for (const Exposed& x : e.images) out.push_back(name(x.digest));
    return out;
  }
  test::Fleet fleet_;
};

TEST_F(ExposureTest, EveryImageThatCarriesIt) {
  Exposure e = of("T-1");
  EXPECT_EQ(e.threat, "T-1");
  EXPECT_EQ(e.title, "About T-1");
  EXPECT_THAT(names(e), UnorderedElementsAre("base", "child", "grandchild", "deleted", "apart"));
  EXPECT_EQ(e.rejudged, 0U) << "judged with this knowledge before";
  EXPECT_EQ(e.searched.images, 6U);
  EXPECT_THAT(e.unjudged, IsEmpty());
  for (const Exposed& x : e.images) {
    EXPECT_EQ(x.finding.threat, "T-1");
    EXPECT_EQ(x.platform, "linux/amd64");
    EXPECT_THAT(x.tags, SizeIs(1));
    EXPECT_EQ(x.finding.where.visible, name(x.digest) != "deleted");
  }
}

TEST_F(ExposureTest, WhatToRebuildFirst) {
  Exposure e = of("T-1");
  ASSERT_EQ(e.rebuild.size(), 2U);
  EXPECT_EQ(name(e.rebuild[0].digest), "base");
  EXPECT_EQ(e.rebuild[0].also_fixes, 3U);
  EXPECT_THAT(e.rebuild[0].name, testing::EndsWith(":base"));
  EXPECT_EQ(e.rebuild[0].layer, fleet_.stored("base").layers[0].text());
  EXPECT_EQ(e.rebuild[0].created_by, "step 0");
  EXPECT_EQ(name(e.rebuild[1].digest), "apart");
  EXPECT_EQ(e.rebuild[1].also_fixes, 0U);
  EXPECT_EQ(e.rebuild[1].created_by, "step 1");
}

TEST_F(ExposureTest, EachImageNamesItsRoot) {
  Exposure e = of("T-1");
  for (const Exposed& x : e.images) {
    ASSERT_TRUE(x.root) << name(x.digest);
    ASSERT_LT(*x.root, e.rebuild.size());
    EXPECT_EQ(name(e.rebuild[*x.root].digest), name(x.digest) == "apart" ? "apart" : "base");
  }
}

TEST_F(ExposureTest, ByAnAlias) {
  EXPECT_EQ(of("ALIAS-T-1").images.size(), 5U);
}

TEST_F(ExposureTest, AnUnknownThreatIsUsage) {
  auto e = exposure_of(*fleet_.inventory, "T-2", fleet_.scan);
  ASSERT_FALSE(e);
  EXPECT_EQ(e.error().code, Errc::usage);
  EXPECT_THAT(e.error().what, HasSubstr("T-2"));
}

TEST_F(ExposureTest, NewKnowledgeFindsWithoutReading) {
  fleet_.scan.threats = test::threats_of({{"T-2", "x"}});
  Exposure e = of("T-2");
  EXPECT_EQ(e.rejudged, 6U);
  EXPECT_THAT(names(e), UnorderedElementsAre("apart", "clean"));
  ASSERT_EQ(e.rebuild.size(), 1U);
  EXPECT_EQ(name(e.rebuild[0].digest), "clean");
  EXPECT_EQ(e.rebuild[0].also_fixes, 1U);
  EXPECT_EQ(of("T-2").rejudged, 0U) << "it was kept";
  EXPECT_THAT(fleet_.inventory->images_with_term(TermKind::threat, "T-1", false), IsEmpty()) << "what is not known any more";
}

TEST_F(ExposureTest, WhatCannotBeJudgedIsTold) {
  fleet_.scan.threats = test::threats_of({{"T-2", "never there"}});
  ASSERT_EQ(test::run_sql(fleet_.inventory->path(), "DELETE FROM layer WHERE diff_id='" + fleet_.stored("base").layers[0].text() + "'"), "");
  Exposure e = of("T-2");
  EXPECT_THAT(e.images, IsEmpty());
  EXPECT_THAT(e.unjudged, SizeIs(4)) << "images whose layer is not known any more are no zeros";
  EXPECT_EQ(e.searched.unjudged, 4U);
}

StoredUse running(const std::string& digest, const std::string& workload, std::vector<std::string> command = {}, std::vector<std::string> arguments = {}) {
  StoredUse u;
  u.use.digest = digest;
  u.use.running = true;
  u.use.workload = workload;
  u.use.command = std::move(command);
  u.use.arguments = std::move(arguments);
  u.at = 1000;
  return u;
}

TEST_F(ExposureTest, WhatRunsComesFirst) {
  StoredUse file;
  file.use.digest = fleet_.digests["base"], file.use.file = "Dockerfile", file.use.line = 1;
  ASSERT_TRUE(fleet_.inventory->replace_uses("pods", {running(fleet_.digests["deleted"], "Deployment/web"), file}));
  Exposure e = of("T-1");
  ASSERT_THAT(e.images, SizeIs(5));
  EXPECT_EQ(name(e.images[0].digest), "deleted") << "although what it has is hidden";
  ASSERT_THAT(e.images[0].uses, SizeIs(1));
  ASSERT_THAT(e.images[0].as_run, SizeIs(1));
  EXPECT_EQ(e.images[0].as_run[0].state, e.images[0].finding.reachability.state) << "a workload without a command of its own";
  for (size_t i = 1; i < e.images.size(); ++i) EXPECT_FALSE(is_running(e.images[i]));
}

TEST_F(ExposureTest, OnlyWhatRunsOrHasVanished) {
  ASSERT_TRUE(fleet_.inventory->replace_uses("pods", {running(fleet_.digests["child"], "a"), running(fleet_.digests["clean"], "b")}));
  ExposureOptions how;
  how.running = true;
  auto e = exposure_of(*fleet_.inventory, "T-1", fleet_.scan, how);
  ASSERT_TRUE(e);
  EXPECT_THAT(names(*e), testing::ElementsAre("child"));
  ASSERT_THAT(e->rebuild, SizeIs(1)) << "its base is what must be rebuilt";
  EXPECT_EQ(name(e->rebuild[0].digest), "base");
  EXPECT_EQ(e->rebuild[0].also_fixes, 1U) << "of what is shown";
  ASSERT_TRUE(e->images[0].root);
  how = {};
  how.vanished = true;
  EXPECT_THAT(exposure_of(*fleet_.inventory, "T-1", fleet_.scan, how)->images, IsEmpty());
  Tag t = fleet_.inventory->tags_of(fleet_.digests["apart"]).at(0);
  ASSERT_TRUE(fleet_.inventory->vanish(t.repository, 2000, 2000));
  EXPECT_THAT(exposure_of(*fleet_.inventory, "T-1", fleet_.scan, how)->images, SizeIs(5)) << "all of one folder";
}

TEST_F(ExposureTest, HistoryIsOfTheDaysOnWhichItChanged) {
  constexpr int64_t kDay = 86'400;
  Inventory& i = *fleet_.inventory;
  ASSERT_TRUE(i.vanish(i.tags_of(fleet_.digests["base"]).at(0).repository, 1001, 2000));  // all on the first day
  ASSERT_TRUE(i.see("reg/a", "1", fleet_.digests["base"], 10 * kDay + 5));
  ASSERT_TRUE(i.see("reg/b", "1", fleet_.digests["child"], 10 * kDay + 6));
  ASSERT_TRUE(i.see("reg/b", "2", fleet_.digests["child"], 11 * kDay));
  ASSERT_TRUE(i.see("reg/b", "1", fleet_.digests["clean"], 12 * kDay));  // it moved
  ASSERT_TRUE(i.vanish("reg/a", 13 * kDay, 13 * kDay));
  std::vector<std::string> points;
  for (const ExposurePoint& p : of("T-1").history)
    points.push_back(std::to_string(p.at / kDay) + ": " + std::to_string(p.images) + " under " + std::to_string(p.tags));
  EXPECT_THAT(points, testing::ElementsAre("0: 0 under 0", "10: 2 under 2", "11: 2 under 3", "12: 2 under 2", "13: 1 under 1"));
}

// A library that only one program loads: what a workload starts decides.
class AsRunTest : public testing::Test {
 protected:
  AsRunTest() {
    test::FleetImage image{"job",
                           "file /etc/os-release \"ID=debian\\n\"\n"
                           "elf /lib64/ld-linux-x86-64.so.2 soname=ld-linux-x86-64.so.2\n"
                           "elf /lib/x86_64-linux-gnu/libc.so.6 soname=libc.so.6\n"
                           "elf /lib/x86_64-linux-gnu/libbad.so.1 soname=libbad.so.1 needed=libc.so.6\n"
                           "elf /usr/bin/victim interp=/lib64/ld-linux-x86-64.so.2 needed=libbad.so.1,libc.so.6\n"
                           "elf /usr/bin/other interp=/lib64/ld-linux-x86-64.so.2 needed=libc.so.6\n"};
    image.entrypoint = {"/usr/bin/other"};
    fleet_.take({image});
    auto set = test::threats_of({{"T-L", "-"}});
    FileRecord r;
    for (const Digest& d : fleet_.stored("job").layers) {
      auto files = fleet_.inventory->files_of(*fleet_.inventory->layer_id(d.text()));
      for (FileCursor c(*files); c.next(r);)
        if (r.path.ends_with("libbad.so.1") && r.sha256) set->threats[0].files[0].digest = Digest(*r.sha256);
    }
    fleet_.scan.threats = set;
  }
  std::vector<ReachState> as_run(const std::vector<StoredUse>& uses) {
    EXPECT_TRUE(fleet_.inventory->replace_uses("pods", uses));
    auto e = exposure_of(*fleet_.inventory, "T-L", fleet_.scan);
    EXPECT_TRUE(e && e->images.size() == 1);
    std::vector<ReachState> out;
    if (!e || e->images.empty()) return out;
    found_ = e->images[0].finding.reachability.state;
    for (const Reachability& r : e->images[0].as_run) out.push_back(r.state);
    effective_ = effective_reach(e->images[0].finding.reachability, e->images[0].as_run);
    return out;
  }
  std::string digest() { return fleet_.digests["job"]; }
  test::Fleet fleet_;
  ReachState found_ = ReachState::unknown, effective_ = ReachState::unknown;
};

TEST_F(AsRunTest, AWorkloadThatStartsTheVictim) {
  auto states = as_run({running(digest(), "a", {"/usr/bin/victim"}), running(digest(), "b")});
  EXPECT_THAT(states, testing::ElementsAre(ReachState::reachable, found_));
  EXPECT_NE(found_, ReachState::reachable) << "the image itself starts another program";
  EXPECT_EQ(effective_, ReachState::reachable);
}

TEST_F(AsRunTest, ArgumentsGoToTheImagesOwnEntryPoint) {
  EXPECT_THAT(as_run({running(digest(), "a", {}, {"/usr/bin/victim-is-only-a-word"})}), SizeIs(1));
  auto states = as_run({running(digest(), "a", {"/usr/bin/other"}, {"--fast"})});
  EXPECT_THAT(states, testing::ElementsAre(found_));
}

TEST_F(AsRunTest, WhatIsJudgedOfAWorkloadIsNotRememberedOfTheImage) {
  as_run({running(digest(), "a", {"/usr/bin/victim"})});
  as_run({});
  EXPECT_NE(found_, ReachState::reachable);
  EXPECT_EQ(effective_, found_);
}

TEST_F(AsRunTest, AsAnAnswerToAQuestion) {
  ASSERT_TRUE(fleet_.inventory->replace_uses("pods", {running(digest(), "a", {"/usr/bin/victim"})}));
  auto e = exposure_of(*fleet_.inventory, "T-L", fleet_.scan);
  ASSERT_TRUE(e);
  HuntAnswer a = as_answer(*fleet_.inventory, *e, "threat:x.yaml");
  ASSERT_THAT(a.matches, SizeIs(1));
  ASSERT_THAT(a.matches[0].as_run, SizeIs(1));
  EXPECT_EQ(a.matches[0].as_run[0].state, ReachState::reachable);
  EXPECT_NE(a.matches[0].reachability, "reachable");
}

// A question does not see an image.
TEST_F(ExposureTest, AQuestionMovesNoTime) {
  fleet_.scan.threats = test::threats_of({{"T-2", "x"}});
  fleet_.now = 9000;
  of("T-2");
  EXPECT_EQ(fleet_.stored("base").last_seen, 1000);
}

}  // namespace
}  // namespace careen
