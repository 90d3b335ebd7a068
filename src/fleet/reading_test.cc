// What must be read again: exactly the layers that lack patterns or a collector, from where they can still be had.
#include "fleet/reading.h"

#include <gmock/gmock.h>

#include <filesystem>

#include "../../tests/support/fleet_images.h"
#include "../../tests/support/sqlite_text.h"
#include "fleet/estimate.h"
#include "fleet/exposure.h"
#include "fleet/hunt.h"
#include "fleet/renew.h"

namespace careen {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using testing::UnorderedElementsAre;

const std::string kNeedle = "6e 65 65 64 6c 65 2d 74 65 78 74";  // needle-text

class ReadingTest : public testing::Test {
 protected:
  ReadingTest() {
    base_ = "file /etc/base \"the needle-text of the base\"";
    folder_ = fleet_.layout("images", {{"base", base_},
                                       {"child", base_ + "\nlayer\nfile /child \"without any of it\""},
                                       {"hides", base_ + "\nlayer\nwhiteout /etc/base\nfile /tiny \"x\""},
                                       {"apart", "file /own \"another needle-text here\"\nlayer\nelf /lib/x.so soname=x.so"}});
    EXPECT_TRUE(fleet_.index({folder_}));
  }
  Inventory& inventory() { return *fleet_.inventory; }
  std::string layer(const std::string& image, size_t n) { return fleet_.stored(image).layers.at(n).text(); }
  static std::vector<std::string> names(const ReadingPlan& plan) {
    std::vector<std::string> out;
    for (const ReadingPlan::Row& r : plan.layers) out.push_back(r.diff_id.text());
    return out;
  }
  static std::vector<HuntQuestion> ask(const std::string& hex) {
    auto q = parse_question("pattern:" + hex);
    EXPECT_TRUE(q);
    return {*q};
  }
  ReadingPlan plan(const std::string& hex) { return plan_reading(inventory(), patterns_of(ask(hex))); }
  Reading read(const std::string& hex) {
    IndexOptions o = fleet_.options();
    auto set = std::make_shared<ThreatSet>();
    set->patterns = patterns_of(ask(hex));
    o.scan.threats = set;
    auto r = read_again(inventory(), plan(hex), o);
    EXPECT_TRUE(r) << (r ? "" : r.error().what);
    return r ? *r : Reading{};
  }
  // As "image path visible".
  std::vector<std::string> found(const HuntAnswer& a) {
    std::vector<std::string> out;
    for (const HuntMatch& m : a.matches)
      for (const auto& [name, digest] : fleet_.digests)
        if (digest == m.image) out.push_back(name + " " + m.path.value_or("") + (m.visible ? "" : " hidden"));
    return out;
  }
  // A record that the inventory was not indexed with: one pattern, in any file.
  void new_record(const std::string& text) {
    auto set = test::threats_of({{"T-P", "no file has this"}});
    set->patterns = {test::pattern("T-P/p", text)};
    set->threats[0].patterns = set->patterns;
    PatternRule rule;
    rule.id = "r";
    rule.all = {"T-P/p"};
    set->threats[0].rules = {rule};
    fleet_.scan.threats = set;
  }

  test::Fleet fleet_;
  std::string base_, folder_;
};

TEST_F(ReadingTest, NothingWhereEverythingWasSearched) {
  ReadingPlan p = plan_reading(inventory(), fleet_.scan.threats->patterns);
  EXPECT_THAT(p.layers, IsEmpty());
  EXPECT_THAT(p.from, IsEmpty());
  EXPECT_THAT(p.lost, IsEmpty());
}

TEST_F(ReadingTest, EachLayerOnceFromImagesThatTogetherHaveThem) {
  ReadingPlan p = plan(kNeedle);
  EXPECT_THAT(names(p), UnorderedElementsAre(layer("base", 0), layer("child", 1), layer("apart", 0), layer("apart", 1)))
      << "the layer of a whiteout and a file of one byte cannot hold it";
  EXPECT_LE(p.from.size(), 3U);
  uint64_t bytes = 0;
  for (const ReadingPlan::Row& r : p.layers) {
    EXPECT_GT(r.bytes, 0U);
    ASSERT_LT(r.from, p.from.size());
    bytes += r.bytes;
  }
  EXPECT_EQ(p.bytes, bytes);
  for (const Target& t : p.from) {
    EXPECT_THAT(t.argument, testing::StartsWith("oci-dir:" + folder_ + "@sha256:"));
    EXPECT_EQ(t.repository, "") << "no tag is noted by reading again";
  }
}

TEST_F(ReadingTest, APatternOfElfFilesNeedsLayersWithElfFiles) {
  PatternSpec p = test::pattern("p", "needle-text");
  p.any_file = false;
  EXPECT_THAT(names(plan_reading(inventory(), {p})), ElementsAre(layer("apart", 1)));
}

TEST_F(ReadingTest, AFileThatOnlyBeginsLikeElfIsSearchedAsOne) {
  std::string more = fleet_.layout("more", {{"odd", "file /odd \"\\x7fELF and needle-text behind it\""}});
  ASSERT_TRUE(fleet_.index({more}));
  PatternSpec p = test::pattern("p", "needle-text");
  p.any_file = false;
  EXPECT_THAT(names(plan_reading(inventory(), {p})), UnorderedElementsAre(layer("apart", 1), layer("odd", 0)));
}

TEST_F(ReadingTest, OnlyTheImagesThatCount) {
  std::vector<Inventory::Id> of{fleet_.id("child")};
  EXPECT_THAT(names(plan_reading(inventory(), patterns_of(ask(kNeedle)), &of)), UnorderedElementsAre(layer("base", 0), layer("child", 1)));
}

TEST_F(ReadingTest, AnUnsearchedPatternIsNoZero) {
  HuntAnswer a = hunt(inventory(), ask(kNeedle));
  EXPECT_THAT(a.matches, IsEmpty());
  EXPECT_THAT(a.unjudged, SizeIs(4));
  for (const auto& [unused, why] : a.unjudged) EXPECT_THAT(why, HasSubstr("--read"));
}

TEST_F(ReadingTest, WhatWasReadAnswersAndIsNotReadAgain) {
  Reading r = read(kNeedle);
  EXPECT_EQ(r.layers, 4U);
  EXPECT_GT(r.bytes, 0U);
  EXPECT_THAT(r.failures, IsEmpty());
  EXPECT_THAT(r.images, SizeIs(4));
  std::filesystem::rename(folder_, folder_ + ".gone");
  HuntAnswer a = hunt(inventory(), ask(kNeedle));
  EXPECT_THAT(found(a), UnorderedElementsAre("base /etc/base", "child /etc/base", "hides /etc/base hidden", "apart /own"));
  EXPECT_THAT(a.unjudged, IsEmpty());
  EXPECT_THAT(plan(kNeedle).layers, IsEmpty());
  EXPECT_THAT(hunt(inventory(), ask("6e 65 65 64 6c 65 ?? 74 65 78 74")).unjudged, SizeIs(4)) << "another pattern was not searched";
}

TEST_F(ReadingTest, SeveralPatternsAtOnce) {
  auto both = ask(kNeedle), more = ask("61 6e 6f 74 68 65 72");  // another
  both.push_back(more[0]);
  both.push_back(both[0]);
  EXPECT_THAT(patterns_of(both), SizeIs(2));
  IndexOptions o = fleet_.options();
  auto set = std::make_shared<ThreatSet>();
  set->patterns = patterns_of(both);
  o.scan.threats = set;
  ASSERT_TRUE(read_again(inventory(), plan_reading(inventory(), set->patterns), o));
  HuntAnswer a = hunt(inventory(), {both[0], both[1]});
  EXPECT_THAT(found(a), SizeIs(5)) << "apart holds both";
  EXPECT_THAT(a.unjudged, IsEmpty());
}

TEST_F(ReadingTest, KnowledgeOfTheInventoryStays) {
  std::string before = fleet_.stored("base").knowledge;
  read(kNeedle);
  EXPECT_EQ(fleet_.stored("base").knowledge, before);
  EXPECT_THAT(plan_reading(inventory(), fleet_.scan.threats->patterns).layers, IsEmpty()) << "what was searched before is not forgotten";
}

TEST_F(ReadingTest, ContentThatIsGoneIsTold) {
  std::filesystem::rename(folder_, folder_ + ".gone");
  Reading r = read(kNeedle);
  EXPECT_EQ(r.layers, 0U);
  EXPECT_THAT(r.failures, testing::SizeIs(testing::Ge(4U)));
  EXPECT_THAT(hunt(inventory(), ask(kNeedle)).unjudged, SizeIs(4));
}

TEST_F(ReadingTest, AReadingThatEndedEarlyGoesOn) {
  std::string other = fleet_.layout("more", {{"more", "file /more \"needle-text again\""}});
  ASSERT_TRUE(fleet_.index({other}));
  std::filesystem::rename(other, other + ".away");
  Reading r = read(kNeedle);
  EXPECT_EQ(r.layers, 4U);
  EXPECT_THAT(r.failures, testing::Not(IsEmpty()));
  std::filesystem::rename(other + ".away", other);
  EXPECT_THAT(names(plan(kNeedle)), ElementsAre(layer("more", 0)));
  EXPECT_EQ(read(kNeedle).layers, 1U);
  EXPECT_THAT(found(hunt(inventory(), ask(kNeedle))), Contains("more /more"));
}

TEST_F(ReadingTest, LayersWhoseEveryTagHasVanishedAreLost) {
  ASSERT_TRUE(inventory().vanish(folder_, 5000, 5000));
  ReadingPlan p = plan(kNeedle);
  EXPECT_THAT(p.layers, IsEmpty());
  ASSERT_THAT(p.lost, SizeIs(4));
  EXPECT_THAT(p.lost[0].second, HasSubstr("vanished"));
}

TEST_F(ReadingTest, ARegistryImageIsHadByItsDigest) {
  StoredImage s = fleet_.stored("base");
  ASSERT_TRUE(inventory().vanish(folder_, 5000, 5000));
  ASSERT_TRUE(inventory().see("reg.example:5000/team/base", "v1", s.digest, 6000));
  ReadingPlan p = plan(kNeedle);
  ASSERT_THAT(p.from, SizeIs(1));
  EXPECT_EQ(p.from[0].argument, "registry:reg.example:5000/team/base@" + s.digest);
  EXPECT_TRUE(p.from[0].registry);
}

// A record with new patterns answers from facts, says what is to be read, and finds it when it was.
TEST_F(ReadingTest, ExposureOfANewPattern) {
  new_record("needle-text");
  for (bool keep : {false, true}) {
    ExposureOptions how;
    how.keep = keep;
    auto e = exposure_of(inventory(), "T-P", fleet_.scan, how);
    ASSERT_TRUE(e);
    EXPECT_THAT(e->images, IsEmpty()) << keep;
    EXPECT_THAT(e->unjudged, SizeIs(4)) << "never a zero by what was not searched, kept or not: " << keep;
    EXPECT_EQ(e->searched.unjudged, 4U) << keep;
    EXPECT_EQ(e->to_read.layers, 4U) << keep;
    EXPECT_GT(e->to_read.bytes, 0U) << keep;
  }
  auto r = read_again(inventory(), plan_reading(inventory(), fleet_.scan.threats->patterns), fleet_.options());
  ASSERT_TRUE(r);
  ExposureOptions how;
  how.anew = r->images;
  auto e = exposure_of(inventory(), "T-P", fleet_.scan, how);
  ASSERT_TRUE(e);
  EXPECT_THAT(e->images, SizeIs(4));
  EXPECT_THAT(e->unjudged, IsEmpty());
  EXPECT_EQ(e->to_read.layers, 0U);
}

TEST_F(ReadingTest, ARefreshBringsTheInventoryUpToItsRecords) {
  new_record("needle-text");
  Estimate estimated = estimate(fleet_.inventory.get(), {}, fleet_.options());
  EXPECT_EQ(estimated.new_layers, 4U);
  EXPECT_THAT(estimated.failures, IsEmpty());
  IndexOptions o = fleet_.options();
  o.refresh = true;
  auto tags = inventory().tags_named(folder_, "");
  fleet_.now = 7000;
  o.clock = [this] { return fleet_.now; };
  auto s = index_images(inventory(), {}, o);
  ASSERT_TRUE(s) << s.error().what;
  EXPECT_THAT(s->failures, IsEmpty());
  auto threat = inventory().images_with_term(TermKind::threat, "T-P", false);
  EXPECT_THAT(threat, SizeIs(4)) << "also in images that were not read for it";
  EXPECT_EQ(fleet_.stored("hides").knowledge, knowledge_digest(*fleet_.scan.threats));
  EXPECT_THAT(inventory().images_with_gaps(), IsEmpty());
  auto after = inventory().tags_named(folder_, "");
  ASSERT_EQ(after.size(), tags.size());
  for (size_t i = 0; i < tags.size(); ++i) EXPECT_EQ(after[i].last_seen, tags[i].last_seen) << "reading again is no sighting of a tag";
  EXPECT_EQ(estimate(fleet_.inventory.get(), {}, fleet_.options()).new_layers, 0U);
}

TEST_F(ReadingTest, FactsOfAnOlderCareenAreReadAgain) {
  StoredImage before = fleet_.stored("child");
  ASSERT_EQ(test::run_sql(inventory().path(), "UPDATE layer SET collectors=collectors-1; UPDATE inv_layer SET collectors=collectors-1"), "");
  EXPECT_THAT(plan_reading(inventory(), fleet_.scan.threats->patterns).layers, SizeIs(5));
  IndexOptions o = fleet_.options();
  o.refresh = true;
  auto s = index_images(inventory(), {}, o);
  ASSERT_TRUE(s);
  EXPECT_THAT(s->failures, IsEmpty());
  EXPECT_THAT(plan_reading(inventory(), fleet_.scan.threats->patterns).layers, IsEmpty());
  StoredImage after = fleet_.stored("child");
  EXPECT_EQ(after.layers, before.layers);
  EXPECT_EQ(after.blobs, before.blobs);
  EXPECT_EQ(after.steps, before.steps);
  EXPECT_EQ(after.platform, before.platform);
  EXPECT_EQ(after.labels, before.labels);
  EXPECT_EQ(after.verdict, before.verdict);
  EXPECT_EQ(after.first_seen, before.first_seen);
  EXPECT_EQ(after.hidden.size(), before.hidden.size());
}

TEST_F(ReadingTest, ARefreshTellsWhatIsLost) {
  new_record("needle-text");
  ASSERT_TRUE(inventory().vanish(folder_, 5000, 5000));
  IndexOptions o = fleet_.options();
  o.refresh = true;
  auto s = index_images(inventory(), {}, o);
  ASSERT_TRUE(s);
  ASSERT_THAT(s->failures, SizeIs(4));
  EXPECT_THAT(s->failures[0].second, HasSubstr("can no longer be had"));
  EXPECT_THAT(inventory().images_with_gaps(), SizeIs(4));
}

}  // namespace
}  // namespace careen
