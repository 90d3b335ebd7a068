#include "source/oci_layout.h"

#include "../tests/support/blobs.h"
#include "base/text.h"

namespace careen {
namespace {

using nlohmann::json;
using test::blob_file;
using test::MemoryTree;
using test::named;
using testing::ElementsAre;
using testing::HasSubstr;

class Layout : public testing::Test {
 protected:
  Result<std::vector<Image>> read(const std::string& tag = "", const PlatformChoice& platforms = {}) {
    return read_layout(tree_, {.tag = tag, .digest = {}}, platforms, "oci-dir", "where");
  }
  static PlatformChoice only(const char* platform) { return {.platform = *Platform::parse(platform), .all = false}; }
  static PlatformChoice all() { return {.platform = {}, .all = true}; }
  static std::vector<std::string> platforms_of(const Result<std::vector<Image>>& images) {
    std::vector<std::string> out;
    if (!images) return {"! " + images.error().what};
    for (const Image& i : *images) out.push_back(i.platform.text());
    return out;
  }
  std::shared_ptr<MemoryTree> tree_ = std::make_shared<MemoryTree>();
  const Platform here_ = Platform::of_this_machine();
};

TEST_F(Layout, OneImageIsReadWhole) {
  json d = named(tree_->image("linux", "amd64", {"first", "second"}), "v1");
  tree_->layout({d});
  auto images = read();
  ASSERT_TRUE(images) << images.error().what;
  ASSERT_EQ(images->size(), 1U);
  const Image& i = images->front();
  EXPECT_EQ(i.digest.text(), d["digest"].get<std::string>());
  EXPECT_EQ(i.source, "oci-dir");
  EXPECT_EQ(i.resolved, "where:v1");
  EXPECT_EQ(i.platform.text(), "linux/amd64");
  EXPECT_TRUE(i.index_digest.empty());
  EXPECT_TRUE(i.mismatches.empty());
  ASSERT_EQ(i.layers.size(), 2U);
  EXPECT_EQ(i.layers[0].created_by, "made first");
  EXPECT_EQ(i.layers[1].claimed_diff_id, digest_of(as_bytes("second")));
  EXPECT_EQ(i.layers[1].kind, LayerKind::tar);
  auto opened = i.layers[1].open();
  ASSERT_TRUE(opened);
  EXPECT_EQ(opened->length, 6U);
  EXPECT_TRUE(i.layers[1].open()) << "any number of times";
}

TEST_F(Layout, ATagChooses) {
  tree_->layout({named(tree_->image("linux", "amd64", {"a"}), "one"), named(tree_->image("linux", "amd64", {"b"}), "docker.io/library/x:two")});
  auto none = read();
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, Errc::usage);
  EXPECT_THAT(none.error().what, HasSubstr("\n  one"));
  EXPECT_THAT(none.error().what, HasSubstr("library/x:two"));
  EXPECT_EQ(read("one")->front().layers[0].created_by, "made a");
  EXPECT_EQ(read("two")->front().layers[0].created_by, "made b") << "the end of a reference";
  EXPECT_EQ(read("x:two")->front().layers[0].created_by, "made b") << "a reference that means the same";
  auto wrong = read("three");
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().code, Errc::usage);
}

TEST_F(Layout, EveryImageIsReadWhereThatIsAskedFor) {
  json one = tree_->image("linux", "amd64", {"a"}), many = tree_->index({tree_->image("linux", "amd64", {"b"}), tree_->image("linux", "arm64", {"c"})});
  tree_->layout({named(one, "x:1"), named(many, "y:1"), named(one, "x:latest"), named(many, "y:latest"), tree_->image("linux", "amd64", {"d"})});
  auto images = read("", {.platform = {}, .all = true, .every = true});
  ASSERT_TRUE(images) << images.error().what;
  ASSERT_EQ(images->size(), 4U);
  EXPECT_THAT(images->at(0).names, ElementsAre("x:1", "x:latest"));
  EXPECT_EQ(images->at(0).resolved, "where:x:1");
  for (size_t i : {1, 2}) EXPECT_THAT(images->at(i).names, ElementsAre("y:1", "y:latest"));
  EXPECT_THAT(images->at(3).names, testing::IsEmpty());
  EXPECT_EQ(read("x:1", {.platform = {}, .all = true, .every = true})->size(), 1U) << "a tag still chooses";
}

TEST_F(Layout, OneOfSeveralThatCannotBeReadIsToldWithTheOthers) {
  json good = tree_->image("linux", "amd64", {"a"}), bad = tree_->image("linux", "amd64", {"b"});
  tree_->files[blob_file(bad)] = "no manifest";
  tree_->layout({named(bad, "bad"), named(good, "good")});
  auto images = read("", {.platform = {}, .all = true, .every = true});
  ASSERT_TRUE(images) << images.error().what;
  ASSERT_EQ(images->size(), 1U);
  EXPECT_FALSE(images->at(0).others_unread.empty());
  EXPECT_TRUE(images->at(0).gaps.empty()) << "it lacks nothing itself";
  tree_->layout({named(bad, "bad")});
  EXPECT_FALSE(read("", {.platform = {}, .all = true, .every = true}));
}

TEST_F(Layout, ADigestChoosesAlsoInsideAnIndex) {
  json inner = tree_->image("linux", "arm64", {"a"});
  tree_->layout({named(tree_->index({inner}), "x"), named(tree_->image("linux", "amd64", {"b"}), "y")});
  auto images = read_layout(tree_, {.tag = "", .digest = *Digest::parse(inner["digest"].get<std::string>())}, {}, "oci-dir", "where");
  ASSERT_TRUE(images) << images.error().what;
  EXPECT_EQ(images->front().layers[0].created_by, "made a");
  auto missing = read_layout(tree_, {.tag = "", .digest = digest_of(as_bytes("?"))}, {}, "oci-dir", "where");
  ASSERT_FALSE(missing);
}

TEST_F(Layout, APlatformIsChosenFromAnIndex) {
  json index = tree_->index({tree_->image("linux", "amd64", {"a"}), tree_->image("linux", "arm", {"b"}, "v7"), tree_->image("linux", "s390x", {"c"})});
  tree_->layout({index});
  EXPECT_THAT(platforms_of(read("", only("linux/arm"))), ElementsAre("linux/arm/v7"));
  EXPECT_EQ(read("", only("linux/s390x"))->front().index_digest.text(), index["digest"].get<std::string>());
  EXPECT_THAT(platforms_of(read("", all())), ElementsAre("linux/amd64", "linux/arm/v7", "linux/s390x"));
  auto none = read("", only("linux/riscv64"));
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, Errc::not_found);
  EXPECT_THAT(none.error().what, HasSubstr("linux/s390x"));
}

TEST_F(Layout, ThisMachinesPlatformIsTheDefault) {
  tree_->layout({tree_->index({tree_->image("linux", "other", {"a"}), tree_->image(here_.os, here_.architecture, {"b"}, here_.variant)})});
  auto images = read();
  ASSERT_TRUE(images) << images.error().what;
  ASSERT_EQ(images->size(), 1U);
  EXPECT_EQ(images->front().layers[0].created_by, "made b");
}

TEST_F(Layout, OnePlatformAloneIsTakenWhateverItIs) {
  tree_->layout({tree_->index({tree_->image("plan9", "mips", {"a"})})});
  EXPECT_THAT(platforms_of(read()), ElementsAre("plan9/mips"));
  tree_->layout({tree_->index({tree_->image("plan9", "mips", {"a"}), tree_->image("plan9", "sparc", {"b"})})});
  auto several = read();
  ASSERT_FALSE(several);
  EXPECT_EQ(several.error().code, Errc::usage);
}

TEST_F(Layout, PlatformsWithoutAnIndexBetweenAreOneImage) {
  tree_->layout({tree_->image("linux", "amd64", {"a"}), tree_->image("linux", "arm64", {"b"})});
  EXPECT_THAT(platforms_of(read("", all())), ElementsAre("linux/amd64", "linux/arm64"));
}

TEST_F(Layout, AttestationsAreNoImages) {
  json image = tree_->image("linux", "amd64", {"a"}), att = tree_->image("unknown", "unknown", {"b"});
  tree_->layout({tree_->index({image, att})});
  EXPECT_THAT(platforms_of(read("", all())), ElementsAre("linux/amd64"));
  tree_->layout({att});
  EXPECT_FALSE(read());
}

TEST_F(Layout, DocumentsThatLieAreToldNotRefused) {
  json d = tree_->image("linux", "amd64", {"a"});
  std::string manifest = tree_->files[blob_file(d)];
  tree_->files[blob_file(d)] = manifest + " ";
  std::string config = blob_file(json::parse(manifest)["config"]);
  tree_->files[config] += "\n";
  tree_->layout({d});
  auto images = read();
  ASSERT_TRUE(images) << images.error().what;
  ASSERT_EQ(images->front().mismatches.size(), 2U);
  EXPECT_EQ(images->front().mismatches[0].what, "manifest");
  EXPECT_EQ(images->front().mismatches[0].actual, digest_of(as_bytes(manifest + " ")));
  EXPECT_EQ(images->front().mismatches[1].what, "config");
}

TEST_F(Layout, ALyingIndexIsToldForEachOfItsImages) {
  json index = tree_->index({tree_->image("linux", "amd64", {"a"}), tree_->image("linux", "arm64", {"b"})});
  tree_->files[blob_file(index)] += " ";
  tree_->layout({index});
  auto images = read("", all());
  ASSERT_TRUE(images);
  for (const Image& i : *images) EXPECT_EQ(i.mismatches.size(), 1U);
}

TEST_F(Layout, AMissingManifestOrConfigIsAnError) {
  json d = tree_->image("linux", "amd64", {"a"});
  tree_->layout({d});
  std::string config = blob_file(json::parse(tree_->files[blob_file(d)])["config"]);
  tree_->files.erase(config);
  EXPECT_EQ(read().error().code, Errc::not_found);
  tree_->files.erase(blob_file(d));
  EXPECT_EQ(read().error().code, Errc::not_found);
}

TEST_F(Layout, AMissingLayerIsAnErrorWhenItIsOpened) {
  json d = tree_->image("linux", "amd64", {"a"});
  tree_->layout({d});
  tree_->files.erase(blob_file(json::parse(tree_->files[blob_file(d)])["layers"][0]));
  auto images = read();
  ASSERT_TRUE(images);
  EXPECT_EQ(images->front().layers[0].open().error().code, Errc::not_found);
}

TEST_F(Layout, APlatformThatCannotBeReadDoesNotVanishFromAllPlatforms) {
  json broken = tree_->image("linux", "arm64", {"b"});
  tree_->layout({tree_->index({tree_->image("linux", "amd64", {"a"}), broken})});
  tree_->files.erase(blob_file(broken));
  auto images = read("", all());
  ASSERT_TRUE(images) << images.error().what;
  EXPECT_THAT(platforms_of(images), ElementsAre("linux/amd64"));
  for (const Image& i : *images) EXPECT_FALSE(i.gaps.empty()) << "one of two platforms was not read and nothing says so";
  tree_->layout({tree_->index({tree_->image("linux", "amd64", {"a"}), tree_->image("linux", "arm64", {"c"})})});
  images = read("", all());
  ASSERT_TRUE(images);
  for (const Image& i : *images) EXPECT_TRUE(i.gaps.empty());
}

// Without a platform asked for, this machine's is meant: the verdict on another would mislead.
TEST_F(Layout, WhenThisMachinesImageIsMissingAnotherIsNotTakenForIt) {
  auto on = [](json d, const Platform& p) {
    d["platform"] = {{"os", p.os}, {"architecture", p.architecture}};
    if (!p.variant.empty()) d["platform"]["variant"] = p.variant;
    return d;
  };
  json own = on(tree_->image(here_.os, here_.architecture, {"own"}, here_.variant), here_);
  json other = on(tree_->image("linux", "s390x", {"other"}), *Platform::parse("linux/s390x"));
  if (here_.wants(*Platform::parse("linux/s390x"))) GTEST_SKIP() << "this machine is the other platform";
  std::string kept = tree_->files[blob_file(own)];
  for (const std::optional<std::string>& broken : {std::optional<std::string>{}, std::optional<std::string>("no manifest")}) {
    for (const auto& order : {std::vector<json>{own, other}, std::vector<json>{other, own}}) {
      tree_->files[blob_file(own)] = kept;
      tree_->layout({tree_->index(order)});
      tree_->files.erase(blob_file(own));
      if (broken) tree_->files[blob_file(own)] = *broken;
      auto images = read();
      ASSERT_FALSE(images) << "the image of " << images->front().platform.text();
      EXPECT_NE(images.error().code, Errc::usage);
      EXPECT_THAT(images.error().what, HasSubstr(own["digest"].get<std::string>().substr(7)));
      EXPECT_THAT(platforms_of(read("", only("linux/s390x"))), ElementsAre("linux/s390x")) << "asked for, it is what is meant";
    }
  }
  tree_->files[blob_file(own)] = kept;
  tree_->layout({tree_->index({other, own})});
  tree_->files.erase(blob_file(other));
  EXPECT_THAT(platforms_of(read()), ElementsAre(here_.text())) << "another's absence is none of this one's business";
}

TEST_F(Layout, CirclesAndDeepIndexesEnd) {
  json leaf = tree_->image("linux", "amd64", {"a"}), deep = leaf;
  for (int i = 0; i < kMaxIndexDepth; ++i) deep = tree_->index({deep});
  tree_->layout({deep});
  EXPECT_TRUE(read()) << "the limit itself is allowed";
  tree_->layout({tree_->index({deep})});
  auto over = read();
  ASSERT_FALSE(over);
  EXPECT_EQ(over.error().code, Errc::limit);
  EXPECT_THAT(over.error().what, HasSubstr("kMaxIndexDepth"));
  json circle = tree_->index({leaf});
  json body = json::parse(tree_->files[blob_file(circle)]);
  body["manifests"].push_back(circle);
  tree_->files[blob_file(circle)] = body.dump();
  tree_->layout({circle});
  EXPECT_TRUE(read());
}

TEST_F(Layout, DiffIdsThatDoNotFitTheLayersClaimNothing) {
  json d = tree_->image("linux", "amd64", {"a"});
  json manifest = json::parse(tree_->files[blob_file(d)]);
  manifest["layers"].push_back(manifest["layers"][0]);
  tree_->layout({tree_->put(manifest.dump(), "application/vnd.oci.image.manifest.v1+json")});
  auto images = read();
  ASSERT_TRUE(images);
  ASSERT_EQ(images->front().layers.size(), 2U);
  EXPECT_TRUE(images->front().layers[0].claimed_diff_id.empty());
  EXPECT_EQ(images->front().layers[0].created_by, "");
}

TEST_F(Layout, ForeignAndUnknownLayersAreTold) {
  json d = tree_->image("linux", "amd64", {"a", "b"});
  json manifest = json::parse(tree_->files[blob_file(d)]);
  manifest["layers"][0]["mediaType"] = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip";
  manifest["layers"][1]["mediaType"] = "application/x-something";
  tree_->layout({tree_->put(manifest.dump(), "application/vnd.oci.image.manifest.v1+json")});
  auto images = read();
  ASSERT_TRUE(images);
  EXPECT_EQ(images->front().layers[0].kind, LayerKind::foreign);
  EXPECT_EQ(images->front().layers[1].kind, LayerKind::unknown);
}

TEST_F(Layout, AnIndexJsonThatIsNoneIsAnError) {
  for (const char* text : {"", "{}", "[]", "{\"manifests\":7}"}) {
    tree_->files["index.json"] = text;
    EXPECT_FALSE(read()) << text;
  }
  tree_->layout({});
  EXPECT_EQ(read().error().code, Errc::not_found);
  tree_->files.erase("index.json");
  EXPECT_EQ(read().error().code, Errc::not_found);
}

TEST_F(Layout, NamesOfOthersAreEscapedInTheList) {
  tree_->layout({named(tree_->image("linux", "amd64", {"a"}), "evil\n\x1b[2Kclean"), named(tree_->image("linux", "amd64", {"b"}), "b")});
  auto r = read();
  ASSERT_FALSE(r);
  for (std::string_view line : split(r.error().what, '\n')) EXPECT_TRUE(is_plain(line));
  EXPECT_EQ(split(r.error().what, '\n').size(), 3U);
}

}  // namespace
}  // namespace careen
