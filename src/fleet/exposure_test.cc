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

// A question does not see an image.
TEST_F(ExposureTest, AQuestionMovesNoTime) {
  fleet_.scan.threats = test::threats_of({{"T-2", "x"}});
  fleet_.now = 9000;
  of("T-2");
  EXPECT_EQ(fleet_.stored("base").last_seen, 1000);
}

}  // namespace
}  // namespace careen
