// A stored conclusion is the same when it is taken again, damage is noticed, and its key hangs on everything that it depends on.
#include "scan/judged.h"

#include <gmock/gmock.h>

#include <filesystem>
#include <random>
#include <set>

#include "../../tests/support/image_text.h"
#include "../../tests/support/layout_maker.h"
#include "../../tests/support/scratch_folder.h"
#include "source/resolve.h"

namespace careen {
namespace {

ScanResult full_result() {
  ScanResult r;
  r.distribution = {"debian", "12", "Debian 12", {"x", "y"}};
  r.judgement = {Verdict::flagged, {"because"}};
  Finding f;
  f.id = "F", f.kind = FindingKind::malware, f.threat = "T-1", f.rule = "rule", f.title = "title", f.severity = Severity::critical;
  f.confidence = Confidence::confirmed;
  f.reachability = {ReachState::dormant, {"nothing runs it"}};
  f.where.path = "/x", f.where.layer = "sha256:00", f.where.layer_index = 3, f.where.visible = false;
  f.where.package = PackageRef{"p", "1", "s"};
  f.evidence = {{EvidenceBy::pattern, "says"}, {EvidenceBy::version, "more"}};
  f.remediation = "do", f.blob = "b", f.created_by = "step";
  r.findings = {f, Finding{}};
  r.coverage = {{Question::packages, CoverageState::partly, "what", "why"}};
  InstalledPackage p;
  p.package.type = PackageType::rpm, p.package.name = "n", p.package.version = "v";
  p.owned_files = 7, p.database = "db", p.root = "opt/", p.layer = 2, p.visible = false;
  r.packages = {p};
  r.unowned = {{"usr/local/bin/node", 1, "node", "18.19.0"}};
  r.unowned_in_all = 3;
  ScannedLayer known, unknown;
  known.digest = digest_of(as_bytes("blob")), known.diff_id = digest_of(as_bytes("diff")), known.size = 5, known.media_type = "m", known.created_by = "c";
  r.layers = {known, unknown};
  return r;
}

TEST(Judged, ComesBackAsItWasStored) {
  ScanResult r = full_result(), g;
  std::string stored = store_judged(r);
  ASSERT_TRUE(restore_judged(stored, g));
  EXPECT_EQ(store_judged(g), stored);
  EXPECT_EQ(g.distribution.like, r.distribution.like);
  EXPECT_EQ(g.judgement.verdict, Verdict::flagged);
  EXPECT_EQ(g.judgement.reasons, r.judgement.reasons);
  ASSERT_EQ(g.unowned.size(), 1U);
  EXPECT_EQ(g.unowned[0].version, "18.19.0");
  EXPECT_EQ(g.unowned_in_all, 3U);
  ASSERT_EQ(g.findings.size(), 2U);
  const Finding &a = g.findings[0], &b = r.findings[0];
  EXPECT_EQ(std::tie(a.id, a.kind, a.threat, a.rule, a.title, a.severity, a.confidence, a.remediation, a.blob, a.created_by),
            std::tie(b.id, b.kind, b.threat, b.rule, b.title, b.severity, b.confidence, b.remediation, b.blob, b.created_by));
  EXPECT_EQ(a.reachability.state, ReachState::dormant);
  EXPECT_EQ(a.reachability.because, b.reachability.because);
  EXPECT_EQ(std::tie(a.where.path, a.where.layer, a.where.layer_index, a.where.visible),
            std::tie(b.where.path, b.where.layer, b.where.layer_index, b.where.visible));
  ASSERT_TRUE(a.where.package);
  EXPECT_EQ(a.where.package->source, "s");
  EXPECT_EQ(a.evidence, b.evidence);
  EXPECT_FALSE(g.findings[1].threat);
  EXPECT_FALSE(g.findings[1].where.layer_index);
  EXPECT_EQ(g.coverage, r.coverage);
  ASSERT_EQ(g.packages.size(), 1U);
  EXPECT_EQ(g.packages[0].package.name, "n");
  EXPECT_EQ(g.packages[0].owned_files, 7U);
  EXPECT_FALSE(g.packages[0].visible);
  ASSERT_EQ(g.layers.size(), 2U);
  EXPECT_EQ(g.layers[0].digest, r.layers[0].digest);
  EXPECT_EQ(g.layers[0].diff_id, r.layers[0].diff_id);
  EXPECT_EQ(g.layers[0].size, 5U);
  EXPECT_EQ(g.layers[0].created_by, "c");
  EXPECT_FALSE(g.layers[1].digest);
  EXPECT_FALSE(g.layers[1].size);
}

TEST(Judged, AnEmptyResultToo) {
  ScanResult g;
  ASSERT_TRUE(restore_judged(store_judged({}), g));
  EXPECT_TRUE(g.findings.empty());
  EXPECT_TRUE(g.layers.empty());
}

TEST(Judged, CutOrLongerBytesAreNoResult) {
  std::string stored = store_judged(full_result());
  for (size_t n = 0; n < stored.size(); ++n) {
    ScanResult g;
    EXPECT_FALSE(restore_judged(stored.substr(0, n), g)) << n;
  }
  ScanResult g;
  EXPECT_FALSE(restore_judged(stored + '\0', g));
}

TEST(Judged, RandomBytesAreNoResult) {
  std::mt19937 random(7);
  for (int i = 0; i < 20'000; ++i) {
    std::string bytes(random() % 300, '\0');
    for (char& c : bytes) c = static_cast<char>(random());
    ScanResult g;
    EXPECT_FALSE(restore_judged(bytes, g)) << i;
  }
}

TEST(Judged, ADamagedByteNeverCrashes) {
  std::string stored = store_judged(full_result());
  for (size_t at = 0; at < stored.size(); ++at)
    for (int value : {0, 1, 0x7f, 0x80, 0xff}) {
      std::string damaged = stored;
      damaged[at] = static_cast<char>(value);
      ScanResult g;
      if (!restore_judged(damaged, g)) continue;
      for (const Finding& f : g.findings) EXPECT_FALSE(to_text(f.confidence).empty() || to_text(f.kind).empty() || to_text(f.reachability.state).empty());
      EXPECT_FALSE(to_text(g.judgement.verdict).empty());
    }
}

TEST(Judged, ListsOfLayersThatDisagreeAreNoResult) {
  ScanResult one;
  one.layers.resize(1);
  std::string stored = store_judged(one), none = store_judged({});
  // The five lists of an image without layers are five zeros at the end; each as one empty item too many.
  for (size_t i = 1; i <= 5; ++i) {
    std::string odd = none;
    ASSERT_EQ(odd[odd.size() - i], '\0');
    odd.replace(odd.size() - i, 1, std::string("\1\0", 2));
    ScanResult g;
    EXPECT_FALSE(restore_judged(odd, g)) << i;
  }
  ScanResult g;
  EXPECT_TRUE(restore_judged(stored, g));
}

class JudgedKeyTest : public testing::Test {
 protected:
  JudgedKeyTest() {
    auto set = std::make_shared<ThreatSet>();
    set->sources = {{"built in", 1, digest_of(as_bytes("knowledge")), "2024-03-29"}};
    options_.threats = set;
    std::filesystem::create_directories(scratch_ / "spool");
    options_.spool_directory = scratch_ / "spool";
    options_.cache = LayerCache::open(scratch_ / "cache");
    test::LayoutSpec spec;
    spec.layers = test::ImageText("file /a \"1\"\nlayer\nfile /b \"2\"").tars();
    test::LayoutMaker maker(scratch_ / "image", spec);
    auto images = resolve_images("oci-dir:" + (scratch_ / "image"), {});
    if (images) image_ = images->at(0);
  }
  std::string key(const Image& image) {
    auto k = judged_key(image, options_);
    return k ? k->key : "";
  }
  std::string key_with(const std::function<void(ThreatSet&)>& change) {
    auto set = std::make_shared<ThreatSet>(*options_.threats);
    change(*set);
    ScanOptions o = options_;
    o.threats = set;
    auto k = judged_key(image_, o);
    return k ? k->key : "";
  }
  std::string key_of(const std::function<void(Image&)>& change) {
    Image i = image_;
    change(i);
    return key(i);
  }
  static Digest other() { return digest_of(as_bytes("other")); }

  test::ScratchFolder scratch_;
  ScanOptions options_;
  Image image_;
};

TEST_F(JudgedKeyTest, LayersThatWereNeverReadHaveNone) {
  EXPECT_FALSE(judged_key(image_, options_));
  scan_image(image_, options_);
  auto k = judged_key(image_, options_);
  ASSERT_TRUE(k);
  EXPECT_EQ(k->key, key(image_)) << "the same each time";
  ASSERT_EQ(k->diff_ids.size(), 2U);
  EXPECT_EQ(k->diff_ids[0], image_.layers[0].claimed_diff_id);
  EXPECT_EQ(key_of([](Image& i) { i.layers[1].descriptor.digest = other(); }), "") << "one is not known";
  options_.cache = LayerCache::open("");
  EXPECT_FALSE(judged_key(image_, options_));
}

TEST_F(JudgedKeyTest, EveryInputChangesIt) {
  scan_image(image_, options_);
  // Another blob that is known, with another content.
  LayerFacts third = *test::collect_tar(test::TarMaker().file("c", "3").text());
  options_.cache->put(other(), 5, third);
  std::vector<std::string> keys{
      key(image_),
      key_of([](Image& i) { i.digest = other(); }),
      key_of([](Image& i) { i.index_digest = other(); }),
      key_of([](Image& i) { i.config_digest = other(); }),
      key_of([](Image& i) { i.layers[1].descriptor.digest = other(); }),
      key_of([](Image& i) { i.layers[0].descriptor.digest = other(); }),
      key_of([](Image& i) { i.layers[1].claimed_diff_id = other(); }),
      key_of([](Image& i) { i.layers[1].descriptor.media_type = "application/x"; }),
      key_of([](Image& i) { i.layers.pop_back(); }),
      key_of([](Image& i) { std::swap(i.layers[0], i.layers[1]); }),
      key_of([](Image& i) { i.layers.push_back(i.layers[0]); }),
      key_with([](ThreatSet& t) { t.sources[0].digest = other(); }),
      key_with([](ThreatSet& t) { t.sources[0].name = "x"; }),
      key_with([](ThreatSet& t) { t.sources[0].date = "2025"; }),
      key_with([](ThreatSet& t) { t.sources[0].count = 2; }),
      key_with([](ThreatSet& t) { t.sources.push_back(t.sources[0]); }),
      key_with([](ThreatSet& t) { t.sources.clear(); }),
      key_with([](ThreatSet& t) {
        PatternSpec p;
        p.id = "T/p";
        p.bytes = {1, 2, 3, 4};
        p.wild.assign(4, 0);
        t.patterns = {p};
      }),
  };
  for (size_t i = 0; i < keys.size(); ++i) EXPECT_NE(keys[i], "") << i;
  EXPECT_EQ(std::set<std::string>(keys.begin(), keys.end()).size(), keys.size());
}

// What the blob was read to hold is part of it, not the blob's name alone.
TEST_F(JudgedKeyTest, TheComputedDiffIdChangesIt) {
  scan_image(image_, options_);
  std::string before = key(image_);
  LayerFacts third = *test::collect_tar(test::TarMaker().file("c", "3").text());
  options_.cache->put(image_.layers[0].descriptor.digest, 5, third);
  EXPECT_NE(key(image_), before);
  EXPECT_NE(key(image_), "");
}

TEST_F(JudgedKeyTest, WhatDigestsDoNotTellHasNone) {
  scan_image(image_, options_);
  ASSERT_NE(key(image_), "");
  EXPECT_EQ(key_of([](Image& i) { i.is_rootfs = true; }), "");
  EXPECT_EQ(key_of([](Image& i) { i.is_single_file = true; }), "");
  EXPECT_EQ(key_of([](Image& i) { i.mismatches = {{"manifest", other(), other()}}; }), "");
  EXPECT_EQ(key_of([](Image& i) { i.gaps = {"x"}; }), "");
  EXPECT_EQ(key_of([](Image& i) { i.config_digest = {}; }), "");
  EXPECT_EQ(key_of([](Image& i) { i.layers.clear(); }), "");
  EXPECT_EQ(key_of([](Image& i) { i.layers[0].kind = LayerKind::foreign; }), "");
  EXPECT_EQ(key_of([](Image& i) { i.layers[0].kind = LayerKind::unknown; }), "");
  EXPECT_EQ(key_of([](Image& i) { i.layers[0].descriptor.digest = {}; }), "");
}

TEST_F(JudgedKeyTest, HowItWasFoundDoesNotChangeIt) {
  scan_image(image_, options_);
  EXPECT_EQ(key_of([](Image& i) { i.reference = "x", i.source = "registry", i.resolved = "y", i.remarks = {"z"}; }), key(image_));
}

TEST_F(JudgedKeyTest, AConclusionIsTakenAgain) {
  ScanResult first = scan_image(image_, options_);
  ASSERT_NE(first.facts, nullptr);
  ScanResult second = scan_image(image_, options_);
  EXPECT_EQ(second.facts, nullptr) << "it was remembered";
  EXPECT_EQ(store_judged(second), store_judged(first));
  options_.wants_facts = true;
  EXPECT_NE(scan_image(image_, options_).facts, nullptr);
}

}  // namespace
}  // namespace careen
