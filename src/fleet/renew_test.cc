// Judging anew from stored facts: what today's records say of images that nobody reads again.
#include "fleet/renew.h"

#include <gmock/gmock.h>

#include "../../tests/support/fleet_images.h"
#include "../../tests/support/sqlite_text.h"
#include "fleet/exposure.h"
#include "policy/verdict.h"
#include "scan/judged.h"
#include "store/sqlite.h"

namespace careen {
namespace {

using testing::Contains;
using testing::IsEmpty;
using testing::Not;
using testing::Pair;
using testing::SizeIs;

const std::string kBase = "file /usr/bin/tool 0755 \"bad\"\n";

class RenewTest : public testing::Test {
 protected:
  Inventory& inventory() { return *fleet_.inventory; }
  ScanResult judged(const std::string& name) {
    ScanResult r;
    EXPECT_TRUE(restore_judged(fleet_.stored(name).judged, r));
    return r;
  }
  // Of one layer of an image, as if it had never been read whole.
  void lose_facts(const std::string& name, size_t layer) {
    ASSERT_EQ(test::run_sql(inventory().path(), "DELETE FROM layer WHERE diff_id='" + fleet_.stored(name).layers[layer].text() + "'"), "");
  }
  test::Fleet fleet_;
};

TEST_F(RenewTest, JudgedAnewWithoutReading) {
  fleet_.take({{"x", kBase + "layer\nfile /etc/y \"later bad\""}});
  StoredImage s = fleet_.stored("x");
  ScanOptions o = fleet_.scan;
  auto same = rejudge(inventory(), s, o);
  ASSERT_TRUE(same);
  EXPECT_EQ(same->judgement.verdict, Verdict::flagged);
  o.threats = test::threats_of({{"T-2", "later bad"}});
  auto r = rejudge(inventory(), s, o);
  ASSERT_TRUE(r) << r.error().what;
  ASSERT_EQ(r->findings.size(), 1U);
  EXPECT_EQ(r->findings[0].threat, "T-2");
  EXPECT_EQ(r->findings[0].where.path, "/etc/y");
  EXPECT_EQ(r->findings[0].where.layer_index, 1U);
  EXPECT_EQ(r->findings[0].created_by, "step 1");
  EXPECT_EQ(r->platform, "linux/amd64");
  ASSERT_TRUE(keep_judgement(inventory(), s, *r));
  StoredImage after = fleet_.stored("x");
  EXPECT_EQ(after.knowledge, knowledge_digest(*o.threats));
  EXPECT_EQ(after.layers, s.layers);
  EXPECT_EQ(after.first_seen, s.first_seen);
  auto terms = inventory().terms_of(s.digest);
  EXPECT_THAT(terms, Contains(Pair(TermKind::threat, "T-2")));
  EXPECT_THAT(terms, testing::Not(Contains(Pair(TermKind::threat, "T-1"))));
}

TEST_F(RenewTest, PatternsThatWereNeverSearchedLeaveAGap) {
  fleet_.take({{"x", "file /x \"..needle-text..\""}});
  auto set = test::threats_of({{"T-3", "-"}});
  set->patterns = {test::pattern("T-3/p", "needle-text")};
  set->threats[0].patterns = set->patterns;
  ScanOptions o = fleet_.scan;
  o.threats = set;
  auto r = rejudge(inventory(), fleet_.stored("x"), o);
  ASSERT_TRUE(r);
  EXPECT_EQ(r->judgement.verdict, Verdict::undetermined) << "never clean by what was not looked at";
}

TEST_F(RenewTest, WithoutItsConfigurationAnImageIsNotJudged) {
  fleet_.take({{"x", "file /x \"fine\""}});
  ASSERT_EQ(test::run_sql(inventory().path(), "UPDATE document SET body=substr(body, 1, 1)"), "");
  fleet_.scan.threats = test::threats_of({{"T-2", "other"}});
  auto r = rejudge(inventory(), fleet_.stored("x"), fleet_.scan);
  EXPECT_TRUE(!r || r->judgement.verdict == Verdict::undetermined);
}

TEST_F(RenewTest, KnowledgeHasADigest) {
  auto a = test::threats_of({{"T", "1"}}), b = test::threats_of({{"T", "2"}});
  EXPECT_NE(knowledge_digest(*a), knowledge_digest(*b));
  EXPECT_EQ(knowledge_digest(*a), knowledge_digest(*test::threats_of({{"T", "1"}})));
  EXPECT_TRUE(Digest::parse(knowledge_digest({})));
}

// A conclusion about a layer outlives its facts: what was found there is not taken back by a look that could not see it.
TEST_F(RenewTest, LostFactsTakeNoFindingWithThem) {
  fleet_.take({{"x", kBase + "layer\nfile /etc/y \"later bad\""}});
  ASSERT_THAT(judged("x").findings, SizeIs(1));
  lose_facts("x", 0);
  fleet_.scan.threats = test::threats_of({{"T-2", "later bad"}});
  for (bool whole : {false, true}) {
    StoredImage before = fleet_.stored("x");
    if (whole) {
      ASSERT_TRUE(renew_image(inventory(), before, fleet_.scan));
    } else {
      auto r = rejudge(inventory(), before, fleet_.scan);
      ASSERT_TRUE(r);
      ASSERT_TRUE(keep_judgement(inventory(), before, *r));
    }
    ScanResult now = judged("x");
    ASSERT_THAT(now.findings, SizeIs(2)) << "the old one stays, and the new record is judged where facts are";
    EXPECT_EQ(now.judgement.verdict, Verdict::flagged);
    auto terms = inventory().terms_of(before.digest);
    EXPECT_THAT(terms, Contains(Pair(TermKind::threat, "T-1")));
    EXPECT_THAT(terms, Contains(Pair(TermKind::threat, "T-2")));
    EXPECT_THAT(fleet_.stored("x").gaps, Not(IsEmpty())) << "and what was not looked at is told";
    EXPECT_EQ(fleet_.stored("x").layers, before.layers);
  }
  auto e = exposure_of(inventory(), "T-2", fleet_.scan);
  ASSERT_TRUE(e);
  EXPECT_THAT(e->images, SizeIs(1));
}

TEST_F(RenewTest, WhatIsLookedAtAgainCanBeTakenBack) {
  fleet_.take({{"x", kBase}});
  fleet_.scan.threats = test::threats_of({{"T-2", "other"}});
  ASSERT_TRUE(renew_image(inventory(), fleet_.stored("x"), fleet_.scan));
  EXPECT_THAT(judged("x").findings, IsEmpty());
  EXPECT_EQ(fleet_.stored("x").verdict, "clean");
  EXPECT_THAT(fleet_.stored("x").gaps, IsEmpty());
}

// Digests that lie are seen when bytes are read; facts do not tell it again.
TEST_F(RenewTest, ALieThatWasSeenStays) {
  fleet_.take({{"x", "file /a \"fine\""}});
  StoredImage s = fleet_.stored("x");
  ScanResult r = judged("x");
  Finding lie;
  lie.kind = FindingKind::integrity;
  lie.rule = std::string(kDigestMismatchRule);
  lie.severity = Severity::critical, lie.confidence = Confidence::confirmed;
  lie.id = finding_id(lie);
  r.findings.push_back(lie);
  r.judgement = judge(r.findings, r.coverage, std::nullopt);
  r.knowledge = {{"test", 1, digest_of(as_bytes("old")), ""}};
  ASSERT_TRUE(keep_judgement(inventory(), s, r));
  for (int again = 0; again < 2; ++again) {
    ASSERT_TRUE(renew_image(inventory(), fleet_.stored("x"), fleet_.scan));
    ASSERT_THAT(judged("x").findings, SizeIs(1));
    EXPECT_EQ(judged("x").findings[0].rule, kDigestMismatchRule);
    EXPECT_EQ(fleet_.stored("x").verdict, "flagged");
  }
}

// The conclusion stands with the image: an inventory does not keep it a second time.
TEST_F(RenewTest, ConclusionsAreNotKeptTwice) {
  fleet_.take({{"x", kBase}});
  for (const char* content : {"1", "2", "3"}) {
    fleet_.scan.threats = test::threats_of({{"T-9", content}});
    ASSERT_TRUE(renew_image(inventory(), fleet_.stored("x"), fleet_.scan));
    ASSERT_TRUE(rejudge(inventory(), fleet_.stored("x"), fleet_.scan));
  }
  if (inventory().path().starts_with("postgresql://")) GTEST_SKIP() << "seen in the file";
  sqlite3* db = nullptr;
  ASSERT_EQ(sqlite3_open(inventory().path().c_str(), &db), SQLITE_OK);
  {
    SqlStatement s(db, "SELECT count(*) FROM judged");
    ASSERT_TRUE(s.row());
    EXPECT_EQ(s.number(0), 0);
  }
  sqlite3_close(db);
}

}  // namespace
}  // namespace careen
