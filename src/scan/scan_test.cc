// Whole scans of images on disk: pipeline, cache and lies, each layer read by a real worker.
#include "scan/scan.h"

#include <gmock/gmock.h>

#include <filesystem>

#include "../../tests/support/image_text.h"
#include "../../tests/support/layout_maker.h"
#include "../../tests/support/scratch_folder.h"
#include "../../tests/support/sqlite_text.h"
#include "source/resolve.h"

namespace careen {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;

class Scan : public testing::Test {
 protected:
  Scan() {
    auto set = std::make_shared<ThreatSet>();
    Threat t;
    t.id = "T-1";
    t.title = "A stand-in";
    t.severity = Severity::critical;
    t.files = {{digest_of(as_bytes("bad")), "the stand-in", {}, std::nullopt}};
    PatternSpec p;
    p.id = "T-1/needle";
    for (char c : std::string("needle-text")) p.bytes.push_back(static_cast<uint8_t>(c));
    p.wild.assign(p.bytes.size(), 0);
    p.any_file = true;
    t.patterns = {p};
    set->threats = {t};
    set->patterns = {p};
    options_.threats = set;
    std::filesystem::create_directories(scratch_ / "spool");
    options_.spool_directory = scratch_ / "spool";
    options_.cache = LayerCache::open(scratch_ / "cache");
  }
  std::string layout(const test::LayoutSpec& spec) {
    std::string folder = scratch_ / ("image-" + std::to_string(++images_));
    test::LayoutMaker maker(folder, spec);
    return folder;
  }
  ScanResult scan_folder(const std::string& folder) {
    ResolveOptions o;
    o.index_archive = archive_indexer(options_);
    auto images = resolve_images("oci-dir:" + folder, o);
    EXPECT_TRUE(images) << images.error().what;
    if (!images) return {};
    return scan_image(images->at(0), options_);
  }
  ScanResult scan(const test::LayoutSpec& spec) { return scan_folder(layout(spec)); }
  static test::LayoutSpec text(std::string_view t) {
    test::LayoutSpec s;
    s.layers = test::ImageText(t).tars();
    return s;
  }
  static std::vector<std::string> rules(const ScanResult& r) {
    std::vector<std::string> out;
    for (const Finding& f : r.findings) out.push_back(f.threat.value_or(f.rule));
    return out;
  }

  test::ScratchFolder scratch_;
  ScanOptions options_;
  int images_ = 0;
};

TEST_F(Scan, ACleanImageIsClean) {
  ScanResult r = scan(text("file /app 0755 \"good\"\nlayer\nfile /b \"x\""));
  EXPECT_EQ(r.judgement.verdict, Verdict::clean) << join(r.judgement.reasons, "\n");
  ASSERT_EQ(r.layers.size(), 2U);
  EXPECT_EQ(r.layers[0].digest, r.layers[0].diff_id);
  EXPECT_EQ(r.layers[1].created_by, "step 1");
  EXPECT_EQ(r.platform, "linux/amd64");
  EXPECT_THAT(r.findings, IsEmpty());
}

TEST_F(Scan, AKnownFileFlags) {
  ScanResult r = scan(text("file /x \"bad\""));
  EXPECT_EQ(r.judgement.verdict, Verdict::flagged);
  EXPECT_THAT(rules(r), testing::ElementsAre("T-1"));
  EXPECT_EQ(r.findings[0].where.layer, r.layers[0].diff_id->text());
}

TEST_F(Scan, APatternFlagsThroughTheWorker) {
  EXPECT_EQ(scan(text("file /x \"..needle-text..\"")).judgement.verdict, Verdict::flagged);
}

TEST_F(Scan, AScratchImageWithOneProgramIsClean) {
  EXPECT_EQ(scan(text("elf /app static")).judgement.verdict, Verdict::clean);
}

TEST_F(Scan, ALayerWhoseDigestLiesFlagsAndIsNotRemembered) {
  auto spec = text("file /x \"good\"");
  spec.lying_blob = 0;
  // The blob's file holds the bytes of the layer under a name that is not its digest.
  std::string folder = layout(spec);
  std::string wrong(digest_of(as_bytes("another blob")).hex()), right(digest_of(as_bytes(spec.layers[0])).hex());
  std::filesystem::create_directories(folder + "/blobs/sha256");
  std::ofstream(folder + "/blobs/sha256/" + wrong, std::ios::binary) << spec.layers[0];
  for (int again = 0; again < 2; ++again) {
    ScanResult r = scan_folder(folder);
    EXPECT_EQ(r.judgement.verdict, Verdict::flagged);
    EXPECT_THAT(rules(r), Contains(std::string(kDigestMismatchRule)));
    EXPECT_EQ(options_.cache->status().layers, 0U);
  }
  (void)right;
}

TEST_F(Scan, ADiffIdThatLiesFlagsOnEveryScanCachedOrNot) {
  auto spec = text("file /x \"good\"");
  spec.lying_diff_id = 0;
  std::string folder = layout(spec);
  for (int again = 0; again < 2; ++again) {
    ScanResult r = scan_folder(folder);
    EXPECT_EQ(r.judgement.verdict, Verdict::flagged) << again;
    EXPECT_THAT(rules(r), Contains(std::string(kDigestMismatchRule)));
  }
  EXPECT_EQ(options_.cache->status().layers, 1U) << "the facts themselves are true";
}

TEST_F(Scan, MoreDiffIdsThanLayersFlag) {
  auto spec = text("file /x \"good\"");
  spec.extra_diff_id = true;
  EXPECT_THAT(rules(scan(spec)), Contains(std::string(kDigestMismatchRule)));
}

TEST_F(Scan, AMissingLayerLeavesItUndetermined) {
  auto spec = text("file /x \"good\"\nlayer\nfile /y \"good\"");
  spec.missing_blob = 1;
  ScanResult r = scan(spec);
  EXPECT_EQ(r.judgement.verdict, Verdict::undetermined);
  EXPECT_THAT(r.judgement.reasons, Contains(HasSubstr("layer 1")));
}

TEST_F(Scan, ACutLayerIsUndeterminedAndNotRemembered) {
  auto spec = text("file /x \"good\"\nfile /y \"0123456789\"");
  spec.layers[0].resize(1540);
  ScanResult r = scan(spec);
  EXPECT_EQ(r.judgement.verdict, Verdict::undetermined);
  EXPECT_EQ(options_.cache->status().layers, 0U);
  spec = text("file /x \"bad\"\nfile /y \"0123456789\"");
  spec.layers[0].resize(1540);
  EXPECT_EQ(scan(spec).judgement.verdict, Verdict::flagged) << "flagged wins over undetermined";
}

TEST_F(Scan, ALayerOfAnUnknownKindIsNotLookedAt) {
  auto spec = text("file /x \"good\"");
  spec.media_type = "application/vnd.example.wasm";
  EXPECT_EQ(scan(spec).judgement.verdict, Verdict::undetermined);
}

TEST_F(Scan, TheSecondScanReadsNoBlob) {
  std::string folder = layout(text("file /x \"bad\"\nlayer\nfile /y \"good\""));
  ScanResult first = scan_folder(folder);
  for (const auto& l : first.layers) std::filesystem::remove(folder + "/blobs/sha256/" + std::string(l.digest->hex()));
  ScanResult second = scan_folder(folder);
  EXPECT_EQ(second.judgement.verdict, Verdict::flagged);
  ASSERT_EQ(second.findings.size(), first.findings.size());
  EXPECT_EQ(second.findings[0].id, first.findings[0].id);
  EXPECT_EQ(second.coverage, first.coverage);
  EXPECT_EQ(second.layers[0].size, first.layers[0].size);
}

TEST_F(Scan, APoisonedCacheIsReadAnew) {
  std::string folder = layout(text("file /x \"bad\""));
  std::string good_text = "file /x \"good\"";
  scan_folder(folder);
  ScanResult good = scan(text(good_text));
  // The facts of a clean layer under the poisoned one's name, without and with its blob's row.
  ASSERT_EQ(test::run_sql(scratch_ / "cache/layers-v3.sqlite", "DELETE FROM layer WHERE diff_id<>'" + good.layers[0].diff_id->text() +
                                                                   "'; UPDATE blob SET diff_id='" + good.layers[0].diff_id->text() + "'"),
            "");
  EXPECT_EQ(scan_folder(folder).judgement.verdict, Verdict::flagged);
}

TEST_F(Scan, ANewPatternSetReadsTheLayerForThatAlone) {
  std::string folder = layout(text("file /x \"hay-needle\""));
  EXPECT_EQ(scan_folder(folder).judgement.verdict, Verdict::clean);
  auto set = std::make_shared<ThreatSet>(*options_.threats);
  PatternSpec p = set->patterns[0];
  p.id = "T-1/hay";
  p.bytes = {'h', 'a', 'y', '-', 'n', 'e', 'e', 'd', 'l', 'e'};
  p.wild.assign(10, 0);
  set->patterns.push_back(p);
  set->threats[0].patterns.push_back(p);
  set->sources = {{"a newer file", 1, digest_of(as_bytes("hay-needle")), ""}};
  options_.threats = set;
  EXPECT_EQ(scan_folder(folder).judgement.verdict, Verdict::flagged);
  EXPECT_EQ(scan_folder(folder).judgement.verdict, Verdict::flagged);
  EXPECT_EQ(options_.cache->status().layers, 1U);
}

// The same threats and one more pattern, which no file has.
std::shared_ptr<ThreatSet> with_a_new_pattern(const ThreatSet& old, const std::string& bytes = "never-there") {
  auto set = std::make_shared<ThreatSet>(old);
  PatternSpec p = set->patterns[0];
  p.id = "T-1/new";
  p.bytes.assign(bytes.begin(), bytes.end());
  p.wild.assign(bytes.size(), 0);
  set->patterns.push_back(p);
  set->threats[0].patterns.push_back(p);
  set->sources = {{"a newer file", 1, digest_of(as_bytes(bytes)), ""}};
  return set;
}

void remove_blob(const std::string& folder, const Digest& digest) {
  ASSERT_TRUE(std::filesystem::remove(folder + "/blobs/sha256/" + std::string(digest.hex())));
}

TEST_F(Scan, WhatIsRememberedStillFlagsWhenNewPatternsCannotBeSearched) {
  std::string folder = layout(text("file /x \"bad\"\nlayer\nfile /y \"good\""));
  ScanResult first = scan_folder(folder);
  ASSERT_EQ(first.judgement.verdict, Verdict::flagged);
  for (const auto& l : first.layers) remove_blob(folder, *l.digest);
  options_.threats = with_a_new_pattern(*options_.threats);
  for (int again = 0; again < 2; ++again) {
    ScanResult r = scan_folder(folder);
    EXPECT_EQ(r.judgement.verdict, Verdict::flagged) << again;
    ASSERT_EQ(r.findings.size(), 1U) << again;
    EXPECT_EQ(r.findings[0].id, first.findings[0].id);
    for (size_t i = 0; i < 2; ++i) {
      EXPECT_EQ(r.layers[i].diff_id, first.layers[i].diff_id);
      EXPECT_EQ(r.layers[i].digest, first.layers[i].digest);
      std::string name = "layer " + std::to_string(i);
      EXPECT_THAT(r.coverage,
                  Contains(testing::AllOf(testing::Field(&Coverage::question, Question::threats), testing::Field(&Coverage::state, CoverageState::not_looked),
                                          testing::Field(&Coverage::what, HasSubstr(name)))));
    }
  }
}

TEST_F(Scan, ACleanImageIsUndeterminedWhenNewPatternsCannotBeSearched) {
  std::string folder = layout(text("file /x \"good\""));
  ScanResult first = scan_folder(folder);
  ASSERT_EQ(first.judgement.verdict, Verdict::clean);
  remove_blob(folder, *first.layers[0].digest);
  auto old = options_.threats;
  options_.threats = with_a_new_pattern(*old);
  EXPECT_EQ(scan_folder(folder).judgement.verdict, Verdict::undetermined);
  options_.threats = old;
  EXPECT_EQ(scan_folder(folder).judgement.verdict, Verdict::clean) << "what was searched before still stands";
}

TEST_F(Scan, PatternsFoundBeforeStillCountWhenNewOnesCannotBeSearched) {
  std::string folder = layout(text("file /x \"..needle-text..\""));
  ScanResult first = scan_folder(folder);
  ASSERT_EQ(first.judgement.verdict, Verdict::flagged);
  remove_blob(folder, *first.layers[0].digest);
  options_.threats = with_a_new_pattern(*options_.threats);
  EXPECT_NE(scan_folder(folder).judgement.verdict, Verdict::clean);
}

// The bytes under the blob's name are others than those that were remembered: what they hold is read in full.
TEST_F(Scan, OtherBytesThanRememberedAreReadInFull) {
  options_.wants_facts = true;
  for (const char* now : {"file /x \"bad\"", "file /y \"fine\"\nfile /z \"bad\"", "file /x \"..needle-text..\"", "file /q \"fine\""}) {
    std::string folder = layout(text("file /x \"good\""));
    ScanResult first = scan_folder(folder);
    ASSERT_EQ(first.judgement.verdict, Verdict::clean);
    std::ofstream(folder + "/blobs/sha256/" + std::string(first.layers[0].digest->hex()), std::ios::binary) << test::ImageText(now).tars()[0];
    auto old = options_.threats;
    auto cache = options_.cache;
    options_.threats = with_a_new_pattern(*old);
    ScanResult cached = scan_folder(folder);
    options_.cache = LayerCache::open("");
    ScanResult fresh = scan_folder(folder);
    options_.threats = old;
    options_.cache = cache;
    EXPECT_THAT(rules(cached), Contains(std::string(kDigestMismatchRule))) << now;
    auto ids = [](const ScanResult& r) {
      std::string out;
      for (const Finding& f : r.findings) out += f.id + " ";
      return out;
    };
    EXPECT_EQ(ids(cached), ids(fresh)) << now;
    EXPECT_EQ(cached.coverage, fresh.coverage) << now;
    EXPECT_EQ(cached.judgement.verdict, Verdict::flagged) << now;
    EXPECT_EQ(cached.layers[0].diff_id, fresh.layers[0].diff_id) << now;
    EXPECT_EQ(cached.layers[0].digest, fresh.layers[0].digest) << now;
    EXPECT_EQ(cached.facts->layers[0]->files.size(), fresh.facts->layers[0]->files.size()) << now;
  }
}

TEST_F(Scan, AHiddenFileThatIsSuspectedFlags) {
  auto set = std::make_shared<ThreatSet>(*options_.threats);
  PatternRule r;
  r.id = "quoted", r.any = {"T-1/needle"}, r.severity = Severity::high, r.suspected = true;
  set->threats[0].rules = {r};
  options_.threats = set;
  ScanResult hidden = scan(text("file /x \"..needle-text..\"\nlayer\nwhiteout /x"));
  EXPECT_EQ(hidden.judgement.verdict, Verdict::flagged);
  ASSERT_EQ(hidden.findings.size(), 1U);
  EXPECT_EQ(hidden.findings[0].severity, Severity::high);
  EXPECT_EQ(hidden.findings[0].confidence, Confidence::suspected);
}

TEST_F(Scan, WithoutACacheTheResultIsTheSame) {
  std::string folder = layout(text("file /x \"bad\"\nlayer\nwhiteout /x"));
  ScanResult a = scan_folder(folder);
  options_.cache = LayerCache::open("");
  ScanResult b = scan_folder(folder);
  ASSERT_EQ(a.findings.size(), 1U);
  ASSERT_EQ(b.findings.size(), 1U);
  EXPECT_EQ(a.findings[0].id, b.findings[0].id);
  EXPECT_EQ(a.coverage, b.coverage);
}

TEST_F(Scan, TheSameLayerTwiceIsReadOnceAndStandsTwice) {
  auto spec = text("file /x \"bad\"");
  spec.layers.push_back(spec.layers[0]);
  ScanResult r = scan(spec);
  ASSERT_EQ(r.layers.size(), 2U);
  EXPECT_EQ(r.layers[0].diff_id, r.layers[1].diff_id);
  EXPECT_EQ(r.findings.size(), 2U);
}

TEST_F(Scan, AnyNumberOfJobsGivesTheSame) {
  std::string images = "file /x \"bad\"\n";
  for (int i = 0; i < 5; ++i) images += "layer\nfile /y" + std::to_string(i) + " \"bad\"\n";
  std::string folder = layout(text(images));
  options_.cache = LayerCache::open("");
  std::string first;
  for (unsigned jobs : {1U, 2U, 7U}) {
    options_.jobs = jobs;
    std::string ids;
    for (const Finding& f : scan_folder(folder).findings) ids += f.id + " ";
    if (first.empty()) first = ids;
    EXPECT_EQ(ids, first);
  }
  EXPECT_FALSE(first.empty());
}

TEST_F(Scan, AnImageWithoutLayersIsClean) {
  EXPECT_EQ(scan({}).judgement.verdict, Verdict::clean);
}

TEST_F(Scan, TheLimitOfALayerIsUndetermined) {
  options_.max_layer = 100;
  ScanResult r = scan(text("file /x \"good\"\nfile /big \"" + std::string(200, 'x') + "\""));
  EXPECT_EQ(r.judgement.verdict, Verdict::undetermined);
  EXPECT_THAT(r.judgement.reasons, Contains(HasSubstr("--max-layer-size")));
}

}  // namespace
}  // namespace careen
