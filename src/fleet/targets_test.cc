// What a run is asked for becomes single images: folders, layouts, lists and registries, none of which is trusted.
#include "fleet/targets.h"

#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>

#include "../../tests/support/fleet_images.h"
#include "../../tests/support/http_stub.h"
#include "../../tests/support/scratch.h"

namespace careen {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;
using testing::SizeIs;

class TargetsTest : public testing::Test {
 protected:
  Targets find(const std::vector<std::string>& sources) { return find_targets(sources, options_); }
  std::vector<std::string> arguments(const std::vector<std::string>& sources) {
    std::vector<std::string> out;
    for (const Target& t : find(sources).list) {
      std::string a = t.argument;
      if (size_t at = a.find(scratch_.path()); at != std::string::npos) a.erase(at, scratch_.path().size() + 1);
      out.push_back(a);
    }
    return out;
  }
  // A layout whose manifests have these names; their blobs are not asked for.
  std::string layout(const std::string& folder, const std::vector<std::string>& names) {
    test::MemoryTree tree;
    std::vector<json> entries;
    for (const std::string& n : names) entries.push_back(test::named(tree.image("linux", "amd64", {folder + n}), n));
    tree.layout(entries);
    test::write_tree(tree, scratch_ / folder);
    return scratch_ / folder;
  }

  test::Scratch scratch_;
  TargetOptions options_;
};

TEST_F(TargetsTest, NothingIsNothing) {
  Targets t = find({});
  EXPECT_THAT(t.list, IsEmpty());
  EXPECT_THAT(t.failures, IsEmpty());
  EXPECT_THAT(find({""}).list, IsEmpty());
}

TEST_F(TargetsTest, AFolderIsSearchedForArchivesAndLayouts) {
  for (const char* name : {"b.tar", "a.tar.gz", "c.tgz", "d.tar.zst", "e.tar.xz", "f.tar.bz2", "g.oci", "sub/h.tar", "notes.txt", "x.tar.asc", "tar"})
    scratch_.write(name, "x");
  layout("z", {"v1"});
  auto found = arguments({scratch_.path()});
  ASSERT_EQ(found.size(), 9U);
  EXPECT_THAT(std::vector(found.begin(), found.end() - 1),
              ElementsAre("a.tar.gz", "b.tar", "c.tgz", "d.tar.zst", "e.tar.xz", "f.tar.bz2", "g.oci", "sub/h.tar"))
      << "in the order of their names";
  EXPECT_THAT(found.back(), HasSubstr("oci-dir:z@sha256:"));
  EXPECT_THAT(find({scratch_ / "notes.txt"}).list, SizeIs(1)) << "a file that is named is taken as it is";
}

TEST_F(TargetsTest, AFolderIsSearchedToItsDepth) {
  std::string path;
  for (int i = 1; i <= kMaxFolderDepth; ++i) path += std::to_string(i) + "/";
  scratch_.write(path + "in.tar", "x");
  scratch_.write(path + "9/out.tar", "x");
  layout(path + "layout", {"v1"});
  Targets t = find({scratch_.path()});
  ASSERT_EQ(t.list.size(), 2U);
  EXPECT_THAT(t.list[0].argument, testing::EndsWith("8/in.tar"));
  EXPECT_THAT(t.list[1].argument, HasSubstr("/layout@sha256:"));
  EXPECT_THAT(t.failures, ElementsAre(Pair(testing::EndsWith("8/9"), HasSubstr("deeper than 8"))));
}

TEST_F(TargetsTest, LinksAreNotFollowed) {
  scratch_.write("real/a.tar", "x");
  layout("images/l", {"v1"});
  fs::create_directory(scratch_ / "in");
  fs::create_symlink(scratch_ / "real", scratch_ / "in/folder");
  fs::create_symlink(scratch_ / "real/a.tar", scratch_ / "in/file.tar");
  fs::create_symlink(scratch_ / "images/l", scratch_ / "in/layout");
  fs::create_symlink("..", scratch_ / "in/loop");
  fs::create_symlink("nowhere", scratch_ / "in/broken.tar");
  Targets t = find({scratch_ / "in"});
  EXPECT_THAT(t.list, IsEmpty());
  EXPECT_THAT(t.failures, IsEmpty());
}

TEST_F(TargetsTest, ALayoutHasOneTargetForEachManifest) {
  test::MemoryTree tree;
  json attestation = tree.image("unknown", "unknown", {"x"}), one = test::named(tree.image("linux", "amd64", {"1"}), "v1");
  json two = tree.image("linux", "arm64", {"2"}), three = test::named(tree.index({two}), "v3");
  three["annotations"]["io.containerd.image.name"] = "docker.io/library/x:v3";
  tree.layout({one, attestation, two, three});
  test::write_tree(tree, scratch_ / "l");
  for (const std::string& source : {scratch_ / "l", "oci-dir:" + (scratch_ / "l"), scratch_.path()}) {
    Targets t = find({source});
    ASSERT_EQ(t.list.size(), 3U) << source;
    EXPECT_EQ(t.list[0].argument, "oci-dir:" + (scratch_ / "l") + "@" + one["digest"].get<std::string>());
    EXPECT_EQ(t.list[0].repository, scratch_ / "l");
    EXPECT_EQ(t.list[0].tag, "v1");
    EXPECT_FALSE(t.list[0].registry);
    EXPECT_EQ(t.list[1].tag, "");
    EXPECT_EQ(t.list[2].tag, "docker.io/library/x:v3");
    EXPECT_THAT(t.repositories, IsEmpty());
  }
  EXPECT_THAT(arguments({"oci-dir:" + (scratch_ / "l") + ":v1"}), ElementsAre("oci-dir:l:v1")) << "one that is named is that one";
}

TEST_F(TargetsTest, ABrokenLayoutIsAFailure) {
  scratch_.write("a/oci-layout", "{}");
  scratch_.write("b/oci-layout", "{}");
  scratch_.write("b/index.json", "{\"manifests\":");
  scratch_.write("c.tar", "x");
  Targets t = find({scratch_.path()});
  EXPECT_THAT(t.list, SizeIs(1)) << "the others go on";
  EXPECT_THAT(t.failures, ElementsAre(Pair(scratch_ / "a", testing::_), Pair(scratch_ / "b", testing::_)));
}

TEST_F(TargetsTest, AListIsReadByLines) {
  std::string list = scratch_.write("list", "# a comment\n\n  docker:one  \r\npodman:two # and why\n#docker:three\ndocker-archive:/x.tar\ndir:/y");
  Targets t = find({"@" + list});
  EXPECT_THAT(arguments({"@" + list}), ElementsAre("docker:one", "podman:two", "docker-archive:/x.tar", "dir:/y"));
  EXPECT_THAT(t.failures, IsEmpty());
  EXPECT_EQ(t.list[0].repository, "docker:one");
  t = find({"@" + (scratch_ / "none")});
  EXPECT_THAT(t.failures, ElementsAre(Pair("@" + (scratch_ / "none"), testing::_)));
}

TEST_F(TargetsTest, ListsInListsHaveADepth) {
  for (int i = 0; i <= 5; ++i)
    scratch_.write("l" + std::to_string(i),
                   "docker:d" + std::to_string(i) + "\n@" + (scratch_ / ("l" + std::to_string(i + 1))) + "\ndocker:after" + std::to_string(i) + "\n");
  Targets t = find({"@" + (scratch_ / "l0")});
  EXPECT_THAT(arguments({"@" + (scratch_ / "l0")}), ElementsAre("docker:d0", "docker:d1", "docker:d2", "docker:d3", "docker:d4", "docker:after4",
                                                                "docker:after3", "docker:after2", "docker:after1", "docker:after0"));
  EXPECT_THAT(t.failures, ElementsAre(Pair("@" + (scratch_ / "l5"), HasSubstr("deeper than 4"))));
  std::string self = scratch_ / "self";
  scratch_.write("self", "docker:x\n@" + self + "\n");
  EXPECT_THAT(find({"@" + self}).list, SizeIs(5)) << "a list that names itself ends";
}

TEST_F(TargetsTest, MostAreTaken) {
  options_.most = 3;
  std::string lines;
  for (int i = 0; i < 10; ++i) lines += "docker:i" + std::to_string(i) + "\n";
  std::string list = scratch_.write("list", lines);
  EXPECT_THAT(arguments({"@" + list}), ElementsAre("docker:i0", "docker:i1", "docker:i2"));
  EXPECT_THAT(arguments({"docker:a", "docker:b", "@" + list}), ElementsAre("docker:a", "docker:b", "docker:i0"));
  for (int i = 0; i < 5; ++i) scratch_.write("f/" + std::to_string(i) + ".tar", "x");
  EXPECT_THAT(find({scratch_ / "f"}).list, SizeIs(3));
}

TEST_F(TargetsTest, TagsAreChosenByGlob) {
  std::string l = layout("l", {"v1.0", "v1.1", "latest", ""});
  options_.tags = "v1.*";
  Targets t = find({l, "docker:x"});
  ASSERT_EQ(t.list.size(), 4U);
  EXPECT_EQ(t.list[0].tag, "v1.0");
  EXPECT_EQ(t.list[1].tag, "v1.1");
  EXPECT_EQ(t.list[2].tag, "") << "what has no tag is not left out by one";
  EXPECT_EQ(t.list[3].argument, "docker:x");
}

class RegistryTargets : public TargetsTest {
 protected:
  RegistryTargets() {
    json a = tree_.image("linux", "amd64", {"a"}), b = tree_.image("linux", "amd64", {"b"});
    stub_.repository("team/app", tree_, {{"v1", a}, {"v2", b}, {"latest", b}});
    stub_.repository("base", tree_, {{"v1", a}});
    stub_.answer("/v2/_catalog", {200, R"({"repositories":["team/app","base"]})", "application/json", ""});
  }
  std::string name(const std::string& rest) const { return stub_.host() + "/" + rest; }
  std::vector<std::string> tags(const std::string& source) {
    std::vector<std::string> out;
    for (const Target& t : find({source}).list) {
      EXPECT_TRUE(t.registry);
      EXPECT_EQ(t.argument, "registry:" + t.repository + ":" + t.tag);
      out.push_back(t.repository.substr(stub_.host().size() + 1) + ":" + t.tag);
    }
    std::sort(out.begin(), out.end());
    return out;
  }
  test::MemoryTree tree_;
  test::HttpStub stub_;
};

TEST_F(RegistryTargets, AHostARepositoryAGlobATag) {
  EXPECT_THAT(tags(name("")), ElementsAre("base:v1", "team/app:latest", "team/app:v1", "team/app:v2"));
  EXPECT_THAT(find({name("")}).repositories, testing::UnorderedElementsAre(name("base"), name("team/app")));
  EXPECT_THAT(tags(name("team/app")), ElementsAre("team/app:latest", "team/app:v1", "team/app:v2"));
  EXPECT_THAT(find({name("team/app")}).repositories, ElementsAre(name("team/app")));
  EXPECT_THAT(tags(name("team/app:v*")), ElementsAre("team/app:v1", "team/app:v2"));
  EXPECT_THAT(find({name("team/app:v*")}).repositories, IsEmpty()) << "not listed whole";
  stub_.take_log();
  EXPECT_THAT(tags(name("team/app:v1")), ElementsAre("team/app:v1"));
  EXPECT_THAT(tags("registry:" + name("team/app:v1")), ElementsAre("team/app:v1"));
  EXPECT_THAT(stub_.take_log(), IsEmpty()) << "one tag is not asked for here";
}

TEST_F(RegistryTargets, ADigestIsTakenAsItIs) {
  std::string d = digest_of(as_bytes("x")).text();
  Targets t = find({name("team/app@" + d)});
  ASSERT_EQ(t.list.size(), 1U);
  EXPECT_EQ(t.list[0].argument, "registry:" + name("team/app@" + d));
  EXPECT_EQ(t.list[0].tag, "");
}

TEST_F(RegistryTargets, WhatTagsChooseIsNotListedWhole) {
  options_.tags = "v2";
  EXPECT_THAT(tags(name("team/app")), ElementsAre("team/app:v2"));
  EXPECT_THAT(find({name("team/app")}).repositories, IsEmpty());
}

// What lies behind --max was never looked at: it has not vanished.
TEST_F(RegistryTargets, WhatMostCutsIsNotListedWhole) {
  options_.most = 2;
  EXPECT_THAT(tags(name("team/app")), SizeIs(2));
  EXPECT_THAT(find({name("team/app")}).repositories, IsEmpty());
}

TEST_F(RegistryTargets, WhatCannotBeListedIsAFailure) {
  Targets t = find({name("nothing"), "not a reference", name("base")});
  EXPECT_THAT(t.list, SizeIs(1));
  EXPECT_THAT(t.failures, ElementsAre(Pair(name("nothing"), testing::_), Pair("not a reference", testing::_)));
}

}  // namespace
}  // namespace careen
