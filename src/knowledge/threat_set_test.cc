#include "knowledge/threat_set.h"

#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

namespace careen {
namespace {

using testing::HasSubstr;
using testing::SizeIs;

// A folder of records that goes away with the test.
class ThreatSetTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "careen-threats-XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    dir_ = pattern;
  }
  void TearDown() override {
    for (const std::string& f : files_) ::unlink(f.c_str());
    ::rmdir(dir_.c_str());
  }
  std::string write(const std::string& name, const std::string& text) {
    files_.push_back(dir_ + "/" + name);
    std::ofstream(files_.back()) << text;
    return files_.back();
  }
  static std::string error(const ThreatOptions& o) {
    auto set = load_threats(o);
    return set ? "accepted" : set.error().what;
  }
  static ThreatSet good(const ThreatOptions& o) {
    auto set = load_threats(o);
    EXPECT_TRUE(set) << (set ? "" : set.error().what);
    return set ? *std::move(set) : ThreatSet{};
  }
  std::string dir_;
  std::vector<std::string> files_;
};

std::string record(const std::string& id) {
  return threat_skeleton(id);
}

TEST_F(ThreatSetTest, HoldsTheBuiltInRecords) {
  ThreatSet set = good({});
  ASSERT_THAT(set.threats, SizeIs(1));
  ASSERT_THAT(set.sources, SizeIs(1));
  EXPECT_EQ(set.sources[0].count, 1U);
  EXPECT_EQ(set.sources[0].date, set.threats[0].updated);
  EXPECT_EQ(set.date, set.threats[0].updated);
  EXPECT_FALSE(set.sources[0].digest.empty());
  EXPECT_EQ(set.patterns.size(), set.threats[0].patterns.size());
}

TEST_F(ThreatSetTest, FindsAThreatByIdOrAlias) {
  ThreatSet set = good({});
  ASSERT_NE(set.find("CVE-2024-3094"), nullptr);
  EXPECT_EQ(set.find("GHSA-rxwq-x6h5-x525"), set.find("CVE-2024-3094"));
  EXPECT_EQ(set.find("CVE-2024-3095"), nullptr);
  EXPECT_EQ(set.find(""), nullptr);
}

TEST_F(ThreatSetTest, TakesTheRecordsOfAFolderInTheOrderOfTheirNames) {
  write("b.yaml", record("B"));
  write("a.yml", record("A"));
  write("c.txt", "not a record");
  ThreatSet set = good({{dir_}, false});
  ASSERT_THAT(set.threats, SizeIs(3));
  EXPECT_EQ(set.threats[1].id, "A");
  EXPECT_EQ(set.threats[2].id, "B");
  ASSERT_THAT(set.sources, SizeIs(2));
  EXPECT_EQ(set.sources[1].count, 2U);
  EXPECT_EQ(set.sources[1].date, "2026-01-01");
}

TEST_F(ThreatSetTest, TheDigestOfAddedRecordsIsThatOfTheirTexts) {
  std::string f = write("a.yaml", record("A"));
  EXPECT_EQ(good({{f}, false}).sources.at(1).digest, digest_of(as_bytes(record("A"))));
}

TEST_F(ThreatSetTest, ARecordGivenTwiceIsAMistake) {
  std::string a = write("a.yaml", record("A")), b = write("b.yaml", record("A"));
  EXPECT_THAT(error({{a, b}, false}), HasSubstr("b.yaml:1: threat A is given twice"));
  EXPECT_THAT(error({{a, b}, true}), HasSubstr("given twice"));
}

TEST_F(ThreatSetTest, ABuiltInRecordIsReplacedOnlyWhenAskedFor) {
  std::string f = write("xz.yaml", record("CVE-2024-3094"));
  EXPECT_THAT(error({{f}, false}), HasSubstr("--replace"));
  ThreatSet set = good({{f}, true});
  ASSERT_THAT(set.threats, SizeIs(1));
  EXPECT_EQ(set.threats[0].title, "One line that says what it is");
  bool said = false;
  for (const KnowledgeSource& s : set.sources) said |= s.name.find("CVE-2024-3094 replaced") != std::string::npos;
  EXPECT_TRUE(said);
}

TEST_F(ThreatSetTest, KeptRecordsCountBesideTheBuiltInOnes) {
  ThreatSet set = good({{}, false, {{"K", record("K")}}});
  ASSERT_NE(set.find("K"), nullptr);
  ASSERT_THAT(set.sources, SizeIs(2));
  EXPECT_THAT(set.sources[1].name, HasSubstr("inventory"));
  EXPECT_EQ(set.sources[1].digest, digest_of(as_bytes(record("K"))));
  EXPECT_THAT(error({{}, false, {{"CVE-2024-3094", record("CVE-2024-3094")}}}), HasSubstr("careen threat remove"));
  EXPECT_THAT(good({{}, false, {{"CVE-2024-3094", record("CVE-2024-3094"), true}}}).threats, SizeIs(1));
  EXPECT_THAT(error({{}, false, {{"K", "schema: other\n"}}}), HasSubstr("record K"));
  std::string f = write("k.yaml", record("K"));
  EXPECT_THAT(error({{f}, false, {{"K", record("K")}}}), HasSubstr("--replace"));
  EXPECT_THAT(good({{f}, true, {{"K", record("K")}}}).threats, SizeIs(2));
}

TEST_F(ThreatSetTest, ReplacingABuiltInRecordTwiceIsAMistake) {
  std::string a = write("a.yaml", record("CVE-2024-3094")), b = write("b.yaml", record("CVE-2024-3094"));
  EXPECT_THAT(error({{a, b}, true}), HasSubstr("given twice"));
}

TEST_F(ThreatSetTest, WhatCannotBeReadIsAMistakeThatNamesIt) {
  EXPECT_THAT(error({{dir_ + "/none.yaml"}, false}), HasSubstr("none.yaml does not exist"));
  EXPECT_THAT(error({{dir_}, false}), HasSubstr("holds no .yaml file"));
  std::string f = write("bad.yaml", "schema: other\n");
  EXPECT_THAT(error({{f}, false}), HasSubstr("bad.yaml:1:"));
}

TEST_F(ThreatSetTest, OneBadRecordOfAFolderFailsAll) {
  write("a.yaml", record("A"));
  write("b.yaml", record("B") + "unknown: 1\n");
  EXPECT_THAT(error({{dir_}, false}), HasSubstr("b.yaml:"));
}

}  // namespace
}  // namespace careen
