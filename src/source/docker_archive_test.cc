#include "source/docker_archive.h"

#include "../tests/support/blobs.h"
#include "../tests/support/scratch.h"
#include "base/text.h"

namespace careen {
namespace {

using nlohmann::json;
using test::blob_file;
using test::MemoryTree;
using testing::HasSubstr;

std::string config_of(const std::string& os, const std::string& architecture, const std::vector<std::string>& layers) {
  json c{{"os", os}, {"architecture", architecture}};
  for (const std::string& l : layers) c["rootfs"]["diff_ids"].push_back(digest_of(as_bytes(l)).text());
  return c.dump();
}

json entry(const std::string& config, const std::vector<std::string>& tags, const std::vector<std::string>& layers) {
  return {{"Config", config}, {"RepoTags", tags}, {"Layers", layers}};
}

class DockerArchive : public testing::Test {
 protected:
  // The old form: HEX.json and ID/layer.tar.
  json add(const std::string& architecture, const std::vector<std::string>& tags, const std::string& layer) {
    std::string config = config_of("linux", architecture, {layer});
    std::string name = std::string(digest_of(as_bytes(config)).hex()) + ".json";
    tree_->files[name] = config;
    tree_->files[layer + "/layer.tar"] = layer;
    return entry(name, tags, {layer + "/layer.tar"});
  }
  void manifest(const std::vector<json>& entries) { tree_->files["manifest.json"] = json(entries).dump(); }
  Result<std::vector<Image>> read(const std::string& selector = "", const PlatformChoice& platforms = {}) {
    return read_docker_archive(tree_, selector, platforms, "docker-archive", "x.tar");
  }
  std::shared_ptr<MemoryTree> tree_ = std::make_shared<MemoryTree>();
};

TEST_F(DockerArchive, TheOldFormIsRead) {
  manifest({add("amd64", {"debian:12"}, "a")});
  auto images = read();
  ASSERT_TRUE(images) << images.error().what;
  const Image& i = images->at(0);
  EXPECT_EQ(i.source, "docker-archive");
  EXPECT_EQ(i.resolved, "x.tar:debian:12");
  EXPECT_TRUE(i.digest.empty()) << "such an archive has no manifest";
  EXPECT_EQ(i.config_digest.hex(), json::parse(tree_->files["manifest.json"])[0]["Config"].get<std::string>().substr(0, 64));
  ASSERT_EQ(i.layers.size(), 1U);
  EXPECT_TRUE(i.layers[0].descriptor.digest.empty());
  EXPECT_EQ(i.layers[0].claimed_diff_id, digest_of(as_bytes("a")));
  EXPECT_TRUE(i.layers[0].open());
  EXPECT_TRUE(i.mismatches.empty());
}

TEST_F(DockerArchive, EveryImageIsReadWhereThatIsAskedFor) {
  manifest({add("amd64", {"a:1", "a:latest"}, "a"), add("arm64", {"b:1"}, "b"), add("amd64", {}, "c")});
  EXPECT_EQ(read().error().code, Errc::usage);
  auto images = read("", {.platform = {}, .all = true, .every = true});
  ASSERT_TRUE(images) << images.error().what;
  ASSERT_EQ(images->size(), 3U);
  EXPECT_THAT(images->at(0).names, testing::ElementsAre("a:1", "a:latest"));
  EXPECT_EQ(images->at(0).resolved, "x.tar:a:1");
  EXPECT_THAT(images->at(2).names, testing::IsEmpty());
  EXPECT_EQ(read("b:1", {.platform = {}, .all = true, .every = true})->size(), 1U) << "a name still chooses";
  EXPECT_EQ(read("", {.platform = *Platform::parse("linux/arm64"), .every = true})->size(), 1U);
  EXPECT_EQ(read("", {.platform = *Platform::parse("linux/s390x"), .every = true}).error().code, Errc::not_found);
}

TEST_F(DockerArchive, OneOfSeveralThatCannotBeReadIsToldWithTheOthers) {
  manifest({add("amd64", {"a:1"}, "a"), entry("missing.json", {"b:1"}, {})});
  auto images = read("", {.platform = {}, .all = true, .every = true});
  ASSERT_TRUE(images) << images.error().what;
  ASSERT_EQ(images->size(), 1U);
  EXPECT_THAT(images->at(0).others_unread, HasSubstr("b:1"));
  EXPECT_TRUE(images->at(0).gaps.empty()) << "it lacks nothing itself";
  EXPECT_FALSE(read("", {.platform = *Platform::parse("linux/amd64"), .every = true})->at(0).others_unread.empty());
  manifest({entry("missing.json", {"b:1"}, {})});
  EXPECT_FALSE(read("", {.platform = {}, .all = true, .every = true}));
}

TEST_F(DockerArchive, TheNewFormTakesItsManifestFromTheIndex) {
  json d = tree_->image("linux", "amd64", {"a", "b"});
  json m = json::parse(tree_->files[blob_file(d)]);
  tree_->layout({d});
  manifest({entry(blob_file(m["config"]), {"x:1"}, {blob_file(m["layers"][0]), blob_file(m["layers"][1])})});
  auto images = read();
  ASSERT_TRUE(images) << images.error().what;
  EXPECT_EQ(images->at(0).digest.text(), d["digest"].get<std::string>());
  EXPECT_EQ(images->at(0).layers[1].descriptor.digest.text(), m["layers"][1]["digest"].get<std::string>());
  EXPECT_EQ(images->at(0).layers[1].descriptor.size, 1U);
}

TEST_F(DockerArchive, AConfigThatIsNotItsNameIsTold) {
  json e = add("amd64", {"x:1"}, "a");
  tree_->files[e["Config"]] += " ";
  manifest({e});
  auto images = read();
  ASSERT_TRUE(images);
  ASSERT_EQ(images->at(0).mismatches.size(), 1U);
  EXPECT_EQ(images->at(0).mismatches[0].what, "config");
}

TEST_F(DockerArchive, AManifestThatIsNotItsNameIsTold) {
  json d = tree_->image("linux", "amd64", {"a"});
  json m = json::parse(tree_->files[blob_file(d)]);
  tree_->files[blob_file(d)] += " ";
  tree_->layout({d});
  manifest({entry(blob_file(m["config"]), {"x:1"}, {blob_file(m["layers"][0])})});
  auto images = read();
  ASSERT_TRUE(images);
  ASSERT_EQ(images->at(0).mismatches.size(), 1U);
  EXPECT_EQ(images->at(0).mismatches[0].what, "manifest");
}

TEST_F(DockerArchive, OneOfSeveralIsChosenByTagOrNumber) {
  manifest({add("amd64", {"debian:12", "debian:bookworm"}, "a"), add("amd64", {"h.x:1/app:2"}, "b"), add("amd64", {}, "c")});
  auto several = read();
  ASSERT_FALSE(several);
  EXPECT_EQ(several.error().code, Errc::usage);
  EXPECT_THAT(several.error().what, HasSubstr("@1 h.x:1/app:2"));
  for (const auto& [selector, layer] : std::vector<std::pair<std::string, std::string>>{{"@0", "a"},
                                                                                        {"@1", "b"},
                                                                                        {"@2", "c"},
                                                                                        {"debian:12", "a"},
                                                                                        {"bookworm", "a"},
                                                                                        {"docker.io/library/debian:12", "a"},
                                                                                        {"2", "b"},
                                                                                        {"h.x:1/app:2", "b"}}) {
    auto r = read(selector);
    ASSERT_TRUE(r) << selector << r.error().what;
    EXPECT_EQ(r->at(0).layers[0].claimed_diff_id, digest_of(as_bytes(layer))) << selector;
  }
}

TEST_F(DockerArchive, WrongChoicesListWhatThereIs) {
  manifest({add("amd64", {"debian:12"}, "a")});
  for (const char* selector : {"@1", "@", "@-1", "@99999999999999999999", "fedora:1", "12x"}) {
    auto r = read(selector);
    ASSERT_FALSE(r) << selector;
    EXPECT_EQ(r.error().code, Errc::usage);
    EXPECT_THAT(r.error().what, HasSubstr("debian:12"));
  }
}

TEST_F(DockerArchive, OneTagForSeveralPlatformsIsOneImage) {
  manifest({add("amd64", {"x:1"}, "a"), add("s390x", {"x:1"}, "b")});
  auto s390x = read("", {.platform = Platform{"linux", "s390x", ""}, .all = false});
  ASSERT_TRUE(s390x) << s390x.error().what;
  EXPECT_EQ(s390x->at(0).layers[0].claimed_diff_id, digest_of(as_bytes("b")));
  EXPECT_EQ(read("", {.platform = {}, .all = true})->size(), 2U);
  auto none = read("", {.platform = Platform{"linux", "riscv64", ""}, .all = false});
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, Errc::not_found);
}

TEST_F(DockerArchive, APlatformThatTheOnlyImageLacksIsNotFound) {
  manifest({add("amd64", {"x:1"}, "a")});
  auto r = read("", {.platform = Platform{"linux", "arm64", ""}, .all = false});
  ASSERT_FALSE(r);
  EXPECT_EQ(r.error().code, Errc::not_found);
}

TEST_F(DockerArchive, ManifestsThatAreNoneAreCorrupt) {
  for (const char* text : {"", "{}", "[]", "[7]", "[{}]", "[{\"Config\":7}]", "null"}) {
    tree_->files["manifest.json"] = text;
    auto r = read();
    ASSERT_FALSE(r) << text;
    EXPECT_EQ(r.error().code, Errc::corrupt) << text;
  }
  std::vector<std::string> many(kMaxLayers + 1, "l");
  manifest({entry("c", {}, many)});
  EXPECT_EQ(read().error().code, Errc::limit);
}

TEST_F(DockerArchive, AnArchiveIsRecognisedByWhatItHolds) {
  auto archive = [&] { return read_archive(tree_, "", {}, "archive", "x.tar"); };
  EXPECT_EQ(archive().error().code, Errc::corrupt);
  tree_->layout({tree_->image("linux", "amd64", {"a"})});
  EXPECT_EQ(archive()->at(0).source, "oci-archive");
  manifest({add("amd64", {"x:1"}, "a")});
  EXPECT_EQ(archive()->at(0).source, "docker-archive");
}

// --- the tree of an indexed archive ---

class ArchiveTree : public testing::Test {
 protected:
  std::shared_ptr<BlobTree> tree(std::vector<ArchiveEntry> members, const std::string& problem = "") {
    auto fd = open_read(scratch_.write("archive", "0123456789"));
    EXPECT_TRUE(fd);
    IndexedArchive a;
    a.fd = std::move(*fd);
    a.members = std::move(members);
    a.texts = {{"kept.json", "{}"}};
    a.problem = problem;
    return open_archive_tree(std::move(a));
  }
  static ArchiveEntry file(const std::string& name, uint64_t offset, uint64_t size) { return {name, FileType::regular, "", offset, size}; }
  static ArchiveEntry link(const std::string& name, const std::string& to, FileType type = FileType::symlink) { return {name, type, to, 0, 0}; }
  test::Scratch scratch_;
};

TEST_F(ArchiveTree, MembersAreReadByTheirOffset) {
  auto t = tree({file("a", 2, 3), file("kept.json", 0, 2)});
  EXPECT_EQ(*t->text("a", 3), "234");
  EXPECT_EQ(*t->text("./a", 3), "234");
  EXPECT_EQ(*t->text("/a", 3), "234");
  EXPECT_EQ(*t->text("kept.json", 10), "{}");
  EXPECT_EQ(t->text("a", 2).error().code, Errc::limit);
  auto in = t->open("a");
  ASSERT_TRUE(in);
  EXPECT_TRUE(in->region);
  EXPECT_EQ(in->offset, 2U);
  EXPECT_EQ(in->length, 3U);
  EXPECT_TRUE(in->fd);
  EXPECT_EQ(t->open("b").error().code, Errc::not_found);
}

TEST_F(ArchiveTree, TheLastOfANameWins) {
  auto t = tree({file("a", 0, 1), file("a", 5, 2)});
  EXPECT_EQ(*t->text("a", 10), "56");
}

TEST_F(ArchiveTree, LinksAreFollowedInsideTheArchiveAlone) {
  auto t = tree({file("a/layer.tar", 1, 1),
                 link("b/layer.tar", "a/layer.tar"),
                 link("c", "b/layer.tar", FileType::hardlink),
                 link("out", "etc/passwd"),
                 link("x", "y"),
                 link("y", "x"),
                 {"dir", FileType::directory, "", 0, 0}});
  EXPECT_EQ(*t->text("b/layer.tar", 10), "1");
  EXPECT_EQ(*t->text("c", 10), "1");
  EXPECT_EQ(t->text("out", 10).error().code, Errc::not_found);
  EXPECT_EQ(t->text("x", 10).error().code, Errc::corrupt);
  EXPECT_EQ(t->text("dir", 10).error().code, Errc::corrupt);
  EXPECT_FALSE(t->has("x"));
}

TEST_F(ArchiveTree, AMemberPastTheEndIsTruncated) {
  auto t = tree({file("a", 8, 5), file("b", 1ULL << 40, 5)});
  EXPECT_EQ(t->text("a", 10).error().code, Errc::truncated);
  EXPECT_EQ(t->text("b", 10).error().code, Errc::truncated);
}

TEST_F(ArchiveTree, WhyAMemberIsMissingIsTold) {
  auto t = tree({}, "ends inside a header");
  EXPECT_THAT(t->text("manifest.json", 10).error().what, HasSubstr("ends inside a header"));
  auto r = read_archive(t, "", {}, "archive", "x.tar");
  ASSERT_FALSE(r);
  EXPECT_THAT(r.error().what, HasSubstr("ends inside a header"));
}

}  // namespace
}  // namespace careen
