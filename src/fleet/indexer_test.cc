// Bringing images into the inventory: each layer once, each failure noted, and all of it judged again without reading.
#include "fleet/indexer.h"

#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>

#include "../../tests/support/fleet_images.h"
#include "../../tests/support/http_stub.h"
#include "../../tests/support/sqlite_text.h"
#include "fleet/hunt.h"
#include "fleet/renew.h"
#include "source/registry.h"

namespace careen {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;
using testing::SizeIs;

const std::string kBase = "file /usr/bin/tool 0755 \"bad\"\n";

class IndexTest : public testing::Test {
 protected:
  IndexSummary index(const std::vector<std::string>& sources, const std::function<void(IndexOptions&)>& change = {}) {
    IndexOptions o = fleet_.options();
    if (change) change(o);
    auto s = index_images(*fleet_.inventory, sources, o);
    EXPECT_TRUE(s) << (s ? "" : s.error().what);
    return s ? *s : IndexSummary{};
  }
  Inventory& inventory() { return *fleet_.inventory; }
  test::Fleet fleet_;
};

TEST_F(IndexTest, ALayoutOfSeveralImages) {
  std::string folder = fleet_.layout("l", {{"v1", kBase}, {"v2", kBase + "layer\nfile /b \"fine\""}, {"v3", "file /c \"fine\""}});
  std::vector<size_t> progress;
  uint64_t bytes = 0;
  IndexSummary s =
      index({folder}, [&](IndexOptions& o) { o.on_progress = [&](const IndexProgress& p) { progress.push_back(p.done), bytes = std::max(bytes, p.bytes); }; });
  EXPECT_EQ(s.references, 3U);
  EXPECT_EQ(s.images, 3U);
  EXPECT_EQ(s.new_layers, 3U) << "one of them is in two images";
  EXPECT_EQ(s.flagged, 2U);
  EXPECT_EQ(s.unchanged, 0U);
  EXPECT_EQ(s.undetermined, 0U);
  EXPECT_THAT(s.failures, IsEmpty());
  progress.erase(std::unique(progress.begin(), progress.end()), progress.end());
  EXPECT_THAT(progress, ElementsAre(0, 1, 2));
  EXPECT_GT(bytes, 3U * 512);
  auto c = inventory().counts();
  EXPECT_EQ(c.images, 3U);
  EXPECT_EQ(c.layers, 3U);
  EXPECT_EQ(c.tags, 3U);
  EXPECT_EQ(c.newest, 1000);
  auto tags = inventory().tags_named(folder, "v2");
  ASSERT_EQ(tags.size(), 1U);
  EXPECT_EQ(tags[0].digest, fleet_.digests["v2"]);
  StoredImage i = fleet_.stored("v2");
  EXPECT_EQ(i.verdict, "flagged");
  EXPECT_EQ(i.platform, "linux/amd64");
  EXPECT_EQ(i.created, "2024-03-29T00:00:00Z");
  EXPECT_THAT(i.steps, ElementsAre("step 0", "step 1"));
  EXPECT_EQ(i.knowledge, knowledge_digest(*fleet_.scan.threats));
  EXPECT_THAT(inventory().terms_of(i.digest), Contains(Pair(TermKind::threat, "T-1")));
  EXPECT_TRUE(inventory().check()->empty());
}

TEST_F(IndexTest, TheSecondRunReadsNothing) {
  std::string folder = fleet_.layout("l", {{"v1", kBase}, {"v2", "file /c \"fine\""}});
  index({folder});
  for (const auto& e : fs::directory_iterator(folder + "/blobs/sha256"))
    if (fs::file_size(e) >= 1024) fs::remove(e);  // the layers
  fleet_.now = 2000;
  IndexSummary s = index({folder});
  EXPECT_EQ(s.unchanged, 2U);
  EXPECT_EQ(s.images, 0U);
  EXPECT_EQ(s.new_layers, 0U);
  EXPECT_THAT(s.failures, IsEmpty());
  EXPECT_EQ(inventory().tags_named(folder, "v1").at(0).last_seen, 2000);
  EXPECT_EQ(inventory().tags_named(folder, "v1").at(0).first_seen, 1000);
  s = index({folder}, [](IndexOptions& o) { o.refresh = true; });
  EXPECT_EQ(s.images, 2U) << "judged anew";
  EXPECT_EQ(s.new_layers, 0U);
  EXPECT_EQ(s.undetermined, 0U) << "from what is known of their layers";
}

TEST_F(IndexTest, OtherKnowledgeJudgesAnew) {
  std::string folder = fleet_.layout("l", {{"v1", "file /x \"later bad\""}});
  EXPECT_EQ(index({folder}).flagged, 0U);
  fleet_.scan.threats = test::threats_of({{"T-2", "later bad"}});
  IndexSummary s = index({folder});
  EXPECT_EQ(s.images, 1U);
  EXPECT_EQ(s.flagged, 1U);
}

TEST_F(IndexTest, AnIndexOfPlatforms) {
  test::MemoryTree tree;
  json a = test::put_image(tree, {"", kBase}), b = test::put_image(tree, {"", "file /b \"fine\"", "arm64"});
  json statement = tree.put("{}", "application/vnd.in-toto+json"), other = statement;
  statement["annotations"] = {{"in-toto.io/predicate-type", "https://spdx.dev/Document"}};
  other["annotations"] = {{"in-toto.io/predicate-type", "https://slsa.dev/provenance/v0.2"}};
  json attestation =
      tree.put(json{{"schemaVersion", 2}, {"config", statement}, {"layers", {statement, other}}}.dump(), "application/vnd.oci.image.manifest.v1+json");
  attestation["platform"] = {{"os", "unknown"}, {"architecture", "unknown"}};
  attestation["annotations"] = {{"vnd.docker.reference.type", "attestation-manifest"}, {"vnd.docker.reference.digest", a["digest"]}};
  json all = test::named(tree.index({a, b, attestation}), "multi");
  tree.layout({all});
  test::write_tree(tree, fleet_.scratch / "l");
  IndexSummary s = index({fleet_.scratch / "l"});
  EXPECT_EQ(s.references, 1U);
  EXPECT_EQ(s.images, 2U) << "every platform, and no attestation";
  EXPECT_EQ(s.attestations, 1U);
  auto claims = inventory().attestations_of(a["digest"]);
  ASSERT_THAT(claims, SizeIs(1));
  EXPECT_EQ(claims[0].digest, attestation["digest"]);
  EXPECT_THAT(claims[0].predicates, ElementsAre("https://slsa.dev/provenance/v0.2", "https://spdx.dev/Document"));
  EXPECT_THAT(inventory().attestations_of(b["digest"]), IsEmpty());
  std::string digest = all["digest"];
  EXPECT_TRUE(inventory().has_index(digest));
  EXPECT_THAT(inventory().members_of(digest), testing::UnorderedElementsAre(a["digest"], b["digest"]));
  EXPECT_EQ(inventory().tags_named(fleet_.scratch / "l", "multi").at(0).digest, digest);
  EXPECT_THAT(inventory().tags_of(a["digest"]), SizeIs(1));
}

TEST_F(IndexTest, OneFailureEndsNothing) {
  std::string good = fleet_.layout("good", {{"v1", kBase}});
  fs::create_directories(fleet_.scratch / "bad");
  std::ofstream(fleet_.scratch / "bad/oci-layout") << "{}";
  std::ofstream(fleet_.scratch / "bad/index.json") << "{";
  std::ofstream(fleet_.scratch / "not.tar") << "no archive";
  IndexSummary s = index({fleet_.scratch / "bad", fleet_.scratch / "not.tar", good});
  EXPECT_EQ(s.images, 1U);
  EXPECT_EQ(s.failures.size(), 2U);
  EXPECT_THAT(inventory().failures(), SizeIs(2));
  EXPECT_EQ(inventory().failures()[0].at, 1000);
  auto crawls = inventory().crawls();
  ASSERT_EQ(crawls.size(), 1U) << "what could not be listed has not been crawled: no answer is as fresh as that";
  EXPECT_EQ(crawls[0].source, good);
  EXPECT_EQ(crawls[0].failed, 2U);
}

TEST_F(IndexTest, AFailureThatIsOverIsForgotten) {
  std::string folder = fleet_.layout("l", {{"v1", kBase}});
  std::string manifest = folder + "/blobs/sha256/" + fleet_.digests["v1"].substr(7);
  fs::rename(manifest, manifest + ".away");
  EXPECT_EQ(index({folder}).failures.size(), 1U);
  EXPECT_THAT(inventory().failures(), SizeIs(1));
  fs::rename(manifest + ".away", manifest);
  EXPECT_THAT(index({folder}).failures, IsEmpty());
  EXPECT_THAT(inventory().failures(), IsEmpty());
}

TEST_F(IndexTest, AnImageThatCouldNotBeReadWholeIsTriedAgain) {
  std::string folder = fleet_.layout("l", {{"v1", "file /a \"fine\"\nlayer\nfile /b \"fine\""}});
  std::string blob = folder + "/blobs/sha256/" + std::string(digest_of(as_bytes(test::ImageText("file /b \"fine\"").tars()[0])).hex());
  fs::rename(blob, blob + ".away");
  IndexSummary s = index({folder});
  EXPECT_EQ(s.undetermined, 1U);
  EXPECT_EQ(inventory().counts().unjudged, 1U);
  EXPECT_TRUE(fleet_.stored("v1").layers[1].empty());
  fs::rename(blob + ".away", blob);
  s = index({folder});
  EXPECT_EQ(s.images, 1U);
  EXPECT_EQ(s.new_layers, 1U);
  EXPECT_EQ(s.undetermined, 0U);
  EXPECT_EQ(inventory().counts().unjudged, 0U);
}

TEST_F(IndexTest, AnInventoryThatCannotBeWrittenEndsTheRun) {
  std::string folder = fleet_.layout("l", {{"v1", kBase}, {"v2", "file /b \"b\""}});
  if (fleet_.place.postgres()) GTEST_SKIP() << "a trigger of SQLite";
  ASSERT_EQ(test::run_sql(inventory().path(), "CREATE TRIGGER stop BEFORE INSERT ON inv_image BEGIN SELECT RAISE(ABORT, 'no room'); END"), "");
  auto s = fleet_.index({folder});
  ASSERT_FALSE(s);
  EXPECT_EQ(s.error().code, Errc::io);
}

TEST_F(IndexTest, AScanIsRecordedUnderItsName) {
  std::string folder = fleet_.layout("l", {{"v1", kBase}});
  auto images = resolve_images("oci-dir:" + folder, fleet_.options().resolve);
  ASSERT_TRUE(images);
  ScanOptions o = fleet_.scan;
  o.wants_facts = true;
  ASSERT_TRUE(record_scan(inventory(), images->at(0), scan_image(images->at(0), o), 50));
  ASSERT_EQ(inventory().counts().images, 1U);
  auto tags = inventory().tags_of(fleet_.digests["v1"]);
  ASSERT_EQ(tags.size(), 1U);
  EXPECT_EQ(tags[0].repository, folder);
  EXPECT_EQ(tags[0].tag, "v1");
  EXPECT_EQ(tags[0].first_seen, 50);
  auto fresh = record_image(inventory(), images->at(0), scan_image(images->at(0), o), 60);
  ASSERT_TRUE(fresh);
  EXPECT_EQ(*fresh, 0U);
}

class RegistryIndex : public IndexTest {
 protected:
  IndexSummary run(const std::function<void(IndexOptions&)>& change = {}, const std::string& what = "team/app") {
    return index({stub_.host() + "/" + what}, [&](IndexOptions& o) {
      o.resolve.registry = [](const std::string& r, const PlatformChoice& p) { return read_registry(r, p, {}); };
      if (change) change(o);
    });
  }
  Tag tag(const std::string& name, const std::string& digest = "") {
    for (const Tag& t : inventory().tags_named(stub_.host() + "/team/app", name))
      if (digest.empty() || t.digest == digest) return t;
    ADD_FAILURE() << "no tag " << name;
    return {};
  }
  test::HttpStub stub_;
  test::MemoryTree tree_;
  json one_ = test::put_image(tree_, {"", kBase}), two_ = test::put_image(tree_, {"", "file /b \"fine\""});
};

TEST_F(RegistryIndex, AnUnchangedTagCostsOneRequestWithoutABody) {
  stub_.repository("team/app", tree_, {{"v1", one_}, {"v2", two_}});
  IndexSummary s = run();
  EXPECT_EQ(s.images, 2U);
  EXPECT_EQ(s.flagged, 1U);
  EXPECT_THAT(s.failures, IsEmpty());
  stub_.take_log();
  fleet_.now = 2000;
  s = run();
  EXPECT_EQ(s.unchanged, 2U);
  EXPECT_EQ(s.images, 0U);
  for (const std::string& line : stub_.take_log())
    EXPECT_TRUE(line == "GET /v2/" || line == "GET /v2/team/app/tags/list" || line.starts_with("HEAD /v2/team/app/manifests/")) << line;
  EXPECT_EQ(tag("v1").last_seen, 2000);
  EXPECT_EQ(tag("v1").first_seen, 1000);
}

TEST_F(RegistryIndex, TagsMoveAndVanish) {
  stub_.repository("team/app", tree_, {{"v1", one_}, {"v2", two_}});
  run();
  fleet_.now = 2000;
  stub_.repository("team/app", tree_, {{"v1", two_}});
  IndexSummary s = run();
  EXPECT_EQ(s.vanished, 2U) << "v2, and what v1 was";
  EXPECT_FALSE(tag("v1", two_["digest"]).vanished);
  EXPECT_EQ(tag("v1", one_["digest"]).vanished, 2000);
  EXPECT_EQ(tag("v2").vanished, 2000);
  EXPECT_EQ(inventory().counts().images, 2U) << "images stay";
}

TEST_F(RegistryIndex, ATagThatFailsHasNotVanished) {
  stub_.repository("team/app", tree_, {{"v1", one_}, {"v2", two_}});
  run();
  fleet_.now = 2000;
  stub_.forget("/v2/team/app/manifests/v1");
  IndexSummary s = run();
  EXPECT_EQ(s.vanished, 0U);
  ASSERT_EQ(s.failures.size(), 1U);
  EXPECT_THAT(s.failures[0].first, HasSubstr("team/app:v1"));
  EXPECT_FALSE(tag("v1").vanished);
  EXPECT_THAT(inventory().failures(), SizeIs(1));
}

TEST_F(RegistryIndex, ARepositoryThatCannotBeListedHasNotVanished) {
  stub_.repository("team/app", tree_, {{"v1", one_}});
  run();
  fleet_.now = 2000;
  for (int status : {404, 503}) {
    stub_.answer("/v2/team/app/tags/list", {status, "<html>something between them</html>"});
    EXPECT_EQ(run().failures.size(), 1U);
    EXPECT_FALSE(tag("v1").vanished);
  }
}

TEST_F(RegistryIndex, ARepositoryThatItsRegistryDoesNotHaveHasVanished) {
  stub_.repository("team/app", tree_, {{"v1", one_}});
  run();
  ASSERT_TRUE(inventory().note_failure("registry:" + stub_.host() + "/team/app:old", "could not be read", 1500));
  fleet_.now = 2000;
  stub_.answer("/v2/team/app/tags/list", {404, R"({"errors":[{"code":"NAME_UNKNOWN","message":"repository name not known to registry"}]})"});
  IndexSummary s = run();
  EXPECT_THAT(s.failures, IsEmpty());
  EXPECT_EQ(s.vanished, 1U);
  EXPECT_TRUE(tag("v1").vanished);
  EXPECT_THAT(inventory().failures(), IsEmpty()) << "nor does what once failed there ask for attention";
  EXPECT_THAT(run().failures, IsEmpty()) << "and it stays so";
  s = index({stub_.host() + "/team/never"});
  EXPECT_EQ(s.failures.size(), 1U) << "a name that nobody knew is a mistake";
}

// Of a repository of which some tags are asked for, just those can be missed.
TEST_F(RegistryIndex, TagsOfAGlobVanishAlone) {
  stub_.repository("team/app", tree_, {{"v1.0", one_}, {"v1.1", one_}, {"v2.0", two_}});
  run();
  fleet_.now = 2000;
  stub_.repository("team/app", tree_, {{"v1.1", one_}});
  EXPECT_EQ(run({}, "team/app:v1.*").vanished, 1U);
  EXPECT_EQ(tag("v1.0").vanished, 2000);
  EXPECT_FALSE(tag("v1.1").vanished);
  EXPECT_FALSE(tag("v2.0").vanished) << "nobody looked";
  EXPECT_EQ(run([](IndexOptions& o) { o.targets.tags = "v2*"; }).vanished, 1U);
  EXPECT_TRUE(tag("v2.0").vanished);
  stub_.repository("team/app", tree_, {{"v1.0", one_}, {"v1.1", one_}});
  fleet_.now = 3000;
  EXPECT_EQ(run([](IndexOptions& o) { o.targets.most = 1; }, "team/app:v1.*").vanished, 0U) << "what lies behind the cut is not known to be gone";
}

TEST_F(RegistryIndex, WhatMaxCutsHasNotVanished) {
  stub_.repository("team/app", tree_, {{"v1", one_}, {"v2", two_}});
  run();
  fleet_.now = 2000;
  EXPECT_EQ(run([](IndexOptions& o) { o.targets.most = 1; }).vanished, 0U);
}

TEST_F(RegistryIndex, AClockThatGoesBackMakesNothingVanish) {
  stub_.repository("team/app", tree_, {{"v1", one_}, {"v2", two_}});
  int64_t at = 1000;
  IndexSummary s = run([&](IndexOptions& o) { o.clock = [&at] { return at -= 10; }; });
  EXPECT_EQ(s.vanished, 0U);
  EXPECT_FALSE(tag("v1").vanished);
}

}  // namespace
}  // namespace careen
