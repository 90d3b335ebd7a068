// What a user types, and which source it reaches. The network sources are functions that tell what they were asked.
#include "source/resolve.h"

#include "../tests/support/blobs.h"
#include "../tests/support/scratch.h"
#include "base/text.h"

namespace careen {
namespace {

using nlohmann::json;
using test::MemoryTree;
using test::named;
using testing::ElementsAre;
using testing::HasSubstr;

class Resolve : public testing::Test {
 protected:
  void SetUp() override {
    options_.registry = network("registry", false);
    options_.docker = network("docker", true);
    options_.podman = network("podman", true);
    // Every archive is taken for one that holds the layout in tree_.
    options_.index_archive = [this](Fd fd) -> Result<IndexedArchive> {
      ++indexed_;
      IndexedArchive a;
      a.fd = std::move(fd);
      for (const auto& [name, text] : tree_.files) {
        a.members.push_back({name, FileType::regular, "", 0, text.size()});
        a.texts[name] = text;
      }
      return a;
    };
    tree_.layout({named(tree_.image("linux", "amd64", {"a"}), "one"), named(tree_.image("linux", "amd64", {"b"}), "two")});
  }
  ResolveOptions::Fetch network(const std::string& name, bool missing) {
    return [this, name, missing](const std::string& reference, const PlatformChoice&) -> Result<std::vector<Image>> {
      asked_.push_back(name + " " + reference);
      if (missing) return Error{Errc::not_found, "not there"};
      Image i;
      i.source = name;
      return std::vector<Image>{i};
    };
  }
  std::string layout_on_disk(const std::string& name) {
    for (const auto& [file, text] : tree_.files) scratch_.write(name + "/" + file, text);
    return scratch_ / name;
  }
  std::string source_of(const std::string& argument) {
    auto r = resolve_images(argument, options_);
    if (!r) return "! " + std::string(to_text(r.error().code)) + " " + r.error().what;
    EXPECT_EQ(r->at(0).reference, argument);
    return r->at(0).source;
  }
  static std::string archive_bytes() {
    std::string b(512, '\0');
    return b.replace(257, 5, "ustar");
  }
  MemoryTree tree_;
  test::Scratch scratch_;
  ResolveOptions options_;
  std::vector<std::string> asked_;
  int indexed_ = 0;
};

TEST_F(Resolve, AWordInFrontNamesTheSource) {
  EXPECT_EQ(source_of("registry:debian:12"), "registry");
  options_.docker = network("docker", false);
  options_.podman = network("podman", false);
  EXPECT_EQ(source_of("docker:x"), "docker");
  EXPECT_EQ(source_of("podman:x:1"), "podman");
  EXPECT_THAT(asked_, ElementsAre("registry debian:12", "docker x", "podman x:1"));
  EXPECT_EQ(source_of("dir:" + scratch_.path()), "dir");
  EXPECT_EQ(source_of("file:" + scratch_.write("f", "x")), "file");
  EXPECT_EQ(source_of("oci-dir:" + layout_on_disk("l") + ":one"), "oci-dir");
  EXPECT_EQ(source_of("oci-archive:" + scratch_.write("a.tar", archive_bytes()) + ":two"), "oci-archive");
}

TEST_F(Resolve, AWordWithNothingBehindItIsWrongUsage) {
  for (const char* s : {"docker:", "podman:", "registry:", "docker-archive:", "oci-archive:", "oci-dir:", "dir:", "file:"})
    EXPECT_THAT(source_of(s), HasSubstr("! usage")) << s;
}

TEST_F(Resolve, ABareReferenceTriesEachInTurn) {
  EXPECT_EQ(source_of("debian:12"), "registry");
  EXPECT_THAT(asked_, ElementsAre("docker debian:12", "podman debian:12", "registry debian:12"));
  asked_.clear();
  options_.podman = network("podman", false);
  EXPECT_EQ(source_of("localhost:5000/x"), "podman");
  EXPECT_THAT(asked_, ElementsAre("docker localhost:5000/x", "podman localhost:5000/x"));
}

TEST_F(Resolve, WhenNoneHasItEachSaysWhy) {
  options_.registry = network("registry", true);
  std::string why = source_of("debian");
  EXPECT_THAT(why, HasSubstr("! not found"));
  EXPECT_THAT(why, HasSubstr("registry: not there"));
  EXPECT_THAT(why, HasSubstr("docker: not there"));
  EXPECT_THAT(why, HasSubstr("podman: not there"));
  options_.registry = options_.docker = options_.podman = nullptr;
  EXPECT_THAT(source_of("debian"), HasSubstr("! not found"));
  EXPECT_THAT(source_of("docker:debian"), HasSubstr("! usage"));
}

TEST_F(Resolve, APathIsRecognisedByItsContent) {
  EXPECT_EQ(source_of(layout_on_disk("l") + ":one"), "oci-dir");
  EXPECT_EQ(source_of(scratch_.write("tar", archive_bytes()) + ":one"), "oci-archive");
  EXPECT_EQ(source_of(scratch_.write("gz", "\x1f\x8b\x08 rest") + ":one"), "oci-archive");
  EXPECT_EQ(source_of(scratch_.write("x.deb", "!<arch>\nrest")), "file");
  EXPECT_EQ(source_of(scratch_.write("x.rpm", "\xed\xab\xee\xdb rest")), "file");
  EXPECT_EQ(source_of(scratch_.write("prog",
                                     "\x7f"
                                     "ELF rest")),
            "file");
  EXPECT_EQ(source_of(scratch_.write("x.apk", "\x1f\x8b\x08 rest")), "file");
  std::filesystem::create_directories(scratch_ / "root/usr");
  EXPECT_EQ(source_of(scratch_ / "root"), "dir");
  EXPECT_THAT(source_of(scratch_.write("note.txt", "hello")), HasSubstr("! corrupt"));
  EXPECT_THAT(source_of(scratch_.write("empty", "")), HasSubstr("! corrupt"));
}

TEST_F(Resolve, APathThatIsNotThereIsNotAReference) {
  for (const std::string& s : {scratch_ / "missing", std::string("./missing.tar"), std::string("../missing")})
    EXPECT_THAT(source_of(s), HasSubstr("! not found")) << s;
  EXPECT_THAT(asked_, ElementsAre());
}

TEST_F(Resolve, ColonsInAFilesNameAreItsOwn) {
  std::string path = scratch_.write("a:b@c.tar", archive_bytes());
  EXPECT_EQ(source_of("oci-archive:" + path + ":one"), "oci-archive");
  EXPECT_EQ(source_of(path + ":two"), "oci-archive");
  auto r = resolve_images(path + ":two", options_);
  ASSERT_TRUE(r);
  EXPECT_EQ(r->at(0).layers[0].created_by, "made b");
}

TEST_F(Resolve, ADigestChoosesInALayout) {
  std::string digest = json::parse(tree_.files["index.json"])["manifests"][1]["digest"];
  for (const std::string& s : {"oci-dir:" + layout_on_disk("l") + "@" + digest, scratch_.write("x.tar", archive_bytes()) + "@" + digest}) {
    auto r = resolve_images(s, options_);
    ASSERT_TRUE(r) << s << r.error().what;
    EXPECT_EQ(r->at(0).layers[0].created_by, "made b");
  }
  EXPECT_THAT(source_of("oci-dir:" + (scratch_ / "l") + "@sha256:12"), HasSubstr("! usage"));
}

TEST_F(Resolve, FromForcesASource) {
  options_.from = "registry";
  EXPECT_EQ(source_of("docker"), "registry");
  options_.from = "dir";
  EXPECT_EQ(source_of(layout_on_disk("l")), "dir") << "though it is a layout";
  options_.from = "floppy";
  EXPECT_THAT(source_of("x"), HasSubstr("! usage"));
}

TEST_F(Resolve, ALayoutThatIsNoneSaysWhatIsMissing) {
  EXPECT_THAT(source_of("oci-dir:" + scratch_.path()), HasSubstr("index.json"));
  EXPECT_THAT(source_of("oci-dir:" + (scratch_ / "missing")), HasSubstr("! not found"));
  EXPECT_THAT(source_of("dir:" + (scratch_ / "missing")), HasSubstr("! not found"));
  EXPECT_THAT(source_of("docker-archive:" + (scratch_ / "missing")), HasSubstr("! not found"));
}

TEST_F(Resolve, AnArchiveThatCannotBeIndexedSaysWhichItWas) {
  options_.index_archive = [](Fd) -> Result<IndexedArchive> { return Error{Errc::corrupt, "broken"}; };
  EXPECT_THAT(source_of(scratch_.write("x.tar", archive_bytes())), HasSubstr("x.tar: broken"));
}

TEST_F(Resolve, ADashIsStandardInput) {
  tree_.layout({tree_.image("linux", "amd64", {"a"})});
  EXPECT_EQ(source_of("-"), "oci-archive");
  EXPECT_EQ(source_of("docker-archive:-"), "oci-archive");
  EXPECT_EQ(indexed_, 2);
}

TEST_F(Resolve, NonsenseIsWrongUsageOnOneLine) {
  for (const char* s : {"", "a b", "Debian", "x\ny", "\x1b[31m"}) {
    auto r = resolve_images(s, options_);
    ASSERT_FALSE(r);
    EXPECT_EQ(r.error().code, Errc::usage) << s;
    EXPECT_TRUE(is_plain(r.error().what)) << r.error().what;
  }
}

}  // namespace
}  // namespace careen
