// Package databases that are hard links, and what images of Red Hat say of their repositories: collected from real archives.
#include <gmock/gmock.h>
#include <sqlite3.h>

#include "../tests/support/image_text.h"
#include "../tests/support/scratch_folder.h"
#include "base/fd.h"
#include "base/text.h"
#include "facts/image_facts.h"
#include "facts/interest.h"

namespace careen {
namespace {

using test::facts_of_text;
using test::TarMaker;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using testing::UnorderedElementsAre;

const std::string kStored = "app/.pnpm-store/v3/files/1a/2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d5e6f708192";
const std::string kStatus = "Package: bash\nStatus: install ok installed\nArchitecture: amd64\nVersion: 5.2-1\n";

// The header of a package xz-5.2-1, as rpm keeps it: two numbers, an entry of 16 bytes for each tag, the data.
const std::string kHeader = std::string("\0\0\0\3\0\0\0\11", 8) + std::string("\0\0\3\350\0\0\0\6\0\0\0\0\0\0\0\1", 16) +
                            std::string("\0\0\3\351\0\0\0\6\0\0\0\3\0\0\0\1", 16) + std::string("\0\0\3\352\0\0\0\6\0\0\0\7\0\0\0\1", 16) +
                            std::string(
                                "xz\0"
                                "5.2\0"
                                "1\0",
                                9);

ImageFacts image(const TarMaker& tar) {
  return build_image_facts({test::collect_tar(tar.text())});
}
std::vector<std::string> packages(const ImageFacts& f) {
  std::vector<std::string> out;
  for (const InstalledPackage& p : f.packages) out.push_back(p.package.name + " " + p.package.version + " " + p.database);
  return out;
}
std::vector<Coverage> about(const LayerFacts& f, Question q) {
  std::vector<Coverage> out;
  for (const Coverage& c : f.coverage)
    if (c.question == q && c.state != CoverageState::looked) out.push_back(c);
  return out;
}

// ---- Hard links ----

TEST(HardLinks, PathsOfStoresAreToldByTheirForm) {
  EXPECT_TRUE(is_stored_by_digest(kStored));
  EXPECT_TRUE(is_stored_by_digest(kStored + "-exec"));
  for (std::string_view path : {"files/1a/2b", "files/1a/package.json", "store/1a/2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d5e6f708192",
                                "files/1ag/2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d5e6f708192", ""})
    EXPECT_FALSE(is_stored_by_digest(path)) << path;
}

// pnpm keeps files by their digests and links them into node_modules; the store may come first.
TEST(HardLinks, APackageWhoseManifestLiesInAStoreIsFound) {
  auto f = image(TarMaker()
                     .file(kStored, R"({"name":"left-pad","version":"1.3.0"})")
                     .hard("app/node_modules/.pnpm/left-pad@1.3.0/node_modules/left-pad/package.json", kStored));
  EXPECT_THAT(packages(f), ElementsAre("left-pad 1.3.0 app/node_modules/.pnpm/left-pad@1.3.0/node_modules/left-pad/package.json"));
}

// Of a path that an archive has twice the last counts, also where it is nothing that is remembered.
TEST(HardLinks, AStoredManifestThatIsReplacedIsForgotten) {
  std::string link = "app/node_modules/x/package.json";
  auto f = image(TarMaker().file(kStored, R"({"name":"left-pad","version":"1.3.0"})").file(kStored, "\n{\"name\":\"evil\"}").hard(link, kStored));
  EXPECT_THAT(packages(f), IsEmpty());
  EXPECT_THAT(about(*f.layers[0], Question::vulnerabilities), SizeIs(1));
}

TEST(HardLinks, AStoreThatNothingLinksToIsNotInstalled) {
  EXPECT_THAT(packages(image(TarMaker().file(kStored, R"({"name":"left-pad","version":"1.3.0"})"))), IsEmpty());
}

// The other way round the manifest stands first under its own name: one package.
TEST(HardLinks, ASecondNameOfAManifestIsNoSecondPackage) {
  std::string path = "app/node_modules/a/package.json";
  auto f = image(TarMaker().file(path, R"({"name":"a","version":"1"})").hard("srv/node_modules/a/package.json", path).hard(kStored, path));
  EXPECT_THAT(packages(f), ElementsAre("a 1 " + path));
}

// uv links what it installs to its cache. Who cleans the cache in a later layer removes no package.
TEST(HardLinks, APackageStaysWhenTheFirstNameOfItsManifestGoes) {
  const std::string cache = "root/.cache/uv/archive-v0/x/six-1.16.0.dist-info/METADATA", venv = "app/lib/python3/site-packages/six-1.16.0.dist-info/METADATA",
                    second = "srv/lib/python3/site-packages/six-1.16.0.dist-info/METADATA", six = "Metadata-Version: 2.1\nName: six\nVersion: 1.16.0\n";
  TarMaker linked;
  linked.file(cache, six).hard(venv, cache).hard(second, venv);
  auto of = [&](const TarMaker& later) { return build_image_facts({test::collect_tar(linked.text()), test::collect_tar(later.text())}); };
  EXPECT_THAT(packages(of(TarMaker().file("x", ""))), ElementsAre("six 1.16.0 " + cache));
  EXPECT_THAT(packages(of(TarMaker().file("root/.cache/.wh.uv", ""))), ElementsAre("six 1.16.0 " + venv));
  EXPECT_THAT(packages(of(TarMaker().file("root/.cache/.wh.uv", "").file("app/.wh.lib", ""))), ElementsAre("six 1.16.0 " + second));
  EXPECT_THAT(packages(of(TarMaker().file("root/.cache/.wh.uv", "").file("app/.wh.lib", "").file(".wh.srv", ""))), IsEmpty());
  // Another version takes the place of the first name alone.
  EXPECT_THAT(packages(of(TarMaker().file(cache, "Metadata-Version: 2.1\nName: six\nVersion: 1.17.0\n"))),
              UnorderedElementsAre("six 1.17.0 " + cache, "six 1.16.0 " + venv));
}

TEST(HardLinks, AManifestThatLinksToOneOfAnotherKindIsAGap) {
  auto f = test::collect_tar(TarMaker()
                                 .file("a/node_modules/a/package.json", R"({"name":"a","version":"1"})")
                                 .hard("b/x-1.dist-info/METADATA", "a/node_modules/a/package.json")
                                 .text());
  EXPECT_THAT(about(*f, Question::vulnerabilities), SizeIs(1));
}

// In a store of files by their digests Python's manifests are known by how they begin.
TEST(HardLinks, APackageOfPythonWhoseManifestLiesInAStoreIsFound) {
  std::string object = "sysroot/ostree/repo/objects/1a/2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d5e6f708192a3b4c5d6e7f809.file",
              path = "usr/lib/python3/site-packages/six-1.16.0.dist-info/METADATA";
  auto f = image(TarMaker().file(object, "Metadata-Version: 2.1\nName: six\nVersion: 1.16.0\n").hard(path, object));
  EXPECT_THAT(packages(f), ElementsAre("six 1.16.0 " + path));
  EXPECT_THAT(about(*f.layers[0], Question::vulnerabilities), IsEmpty());
}

// Whoever hides a package database behind another name is told on, at the least.
TEST(HardLinks, ADatabaseThatWasReadAsNoneIsAGap) {
  auto f = test::collect_tar(TarMaker().file("tmp/x", kStatus).hard("var/lib/dpkg/status", "tmp/x").text());
  auto gaps = about(*f, Question::packages);
  ASSERT_THAT(gaps, SizeIs(1));
  EXPECT_EQ(gaps[0].what, "var/lib/dpkg/status");
  EXPECT_EQ(gaps[0].state, CoverageState::not_looked);
  f = test::collect_tar(TarMaker().file("tmp/x", "not a jar").hard("app/a.jar", "tmp/x").hard("app/b.jar", "tmp/x").text());
  gaps = about(*f, Question::vulnerabilities);
  ASSERT_THAT(gaps, SizeIs(1));
  EXPECT_THAT(gaps[0].why, HasSubstr("and 1 more"));
}

TEST(HardLinks, ADatabaseUnderASecondNameIsReadThereToo) {
  auto f = image(TarMaker().file("opt/chroot/var/lib/dpkg/status", kStatus).hard("var/lib/dpkg/status", "opt/chroot/var/lib/dpkg/status"));
  EXPECT_THAT(packages(f), UnorderedElementsAre("bash 5.2-1 opt/chroot/var/lib/dpkg/status", "bash 5.2-1 var/lib/dpkg/status"));
}

// ostree keeps a whole system in a store, and what stands in /usr is links into it: rpm's database too, under two names.
TEST(HardLinks, TheDatabaseOfRpmInOstreesStoreIsRead) {
  test::ScratchFolder folder;
  std::string object = "sysroot/ostree/repo/objects/1a/2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d5e6f708192a3b4c5d6e7f809.file", path = folder / "rpmdb.sqlite";
  sqlite3* db = nullptr;
  ASSERT_EQ(sqlite3_open(path.c_str(), &db), SQLITE_OK);
  std::string header = to_hex(reinterpret_cast<const uint8_t*>(kHeader.data()), kHeader.size());
  ASSERT_EQ(
      sqlite3_exec(
          db,
          ("CREATE TABLE Packages(hnum INTEGER PRIMARY KEY AUTOINCREMENT, blob BLOB NOT NULL); INSERT INTO Packages(blob) VALUES(x'" + header + "')").c_str(),
          nullptr, nullptr, nullptr),
      SQLITE_OK);
  sqlite3_close(db);
  std::string bytes = *read_file(path, 1 << 20);
  auto f = image(TarMaker().file(object, bytes).hard("usr/share/rpm/rpmdb.sqlite", object).hard("usr/lib/sysimage/rpm/rpmdb.sqlite", object));
  EXPECT_THAT(packages(f), testing::Contains("xz 5.2-1 usr/lib/sysimage/rpm/rpmdb.sqlite"));
  for (const Coverage& c : f.layers[0]->coverage) EXPECT_EQ(c.state, CoverageState::looked) << c.what << c.why;
  // Without a link, or with another kind of file, it is nothing.
  EXPECT_THAT(packages(image(TarMaker().file(object, bytes))), IsEmpty());
  auto broken = test::collect_tar(TarMaker().file(object, bytes.substr(0, 100)).hard("usr/lib/sysimage/rpm/rpmdb.sqlite", object).text());
  EXPECT_THAT(about(*broken, Question::packages), SizeIs(1));
}

// A thousand names of one large database cost no thousand copies.
TEST(HardLinks, CopiesOfDatabasesAreBounded) {
  std::string status;
  for (int i = 0; i < 20'000; ++i) status += "Package: p" + std::to_string(i) + "\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1\n\n";
  TarMaker tar;
  tar.file("opt/0/var/lib/dpkg/status", status);
  for (int i = 1; i <= 200; ++i) tar.hard("opt/" + std::to_string(i) + "/var/lib/dpkg/status", "opt/0/var/lib/dpkg/status");
  auto f = test::collect_tar(tar.text());
  EXPECT_LT(f->databases.size(), 50U);
  EXPECT_GT(f->databases.size(), 2U);
  ASSERT_THAT(about(*f, Question::packages), SizeIs(1));
}

// ---- Content sets ----

std::string rhel(const std::string& more) {
  return "file /etc/os-release 0644 \"ID=rhel\\nVERSION_ID=9.2\\n\"\n" + more;
}
std::string sets(const std::string& names) {
  return "\"{\\\"content_sets\\\":[" + names + "]}\"\n";
}
std::vector<std::string> repositories(const std::string& text) {
  return facts_of_text(rhel(text)).distribution.repositories;
}

TEST(ContentSetsOfAnImage, AreThoseOfAllItsLayers) {
  EXPECT_THAT(repositories("file /" + std::string(kContentManifests) + "/base.json 0644 " + sets("\\\"b\\\",\\\"a\\\"") + "layer\n" + "file /" +
                           std::string(kContentManifests) + "/top.json 0644 " + sets("\\\"c\\\",7,\\\"a\\\"")),
              ElementsAre("a", "b", "c"));
  EXPECT_THAT(repositories("file /usr/share/buildinfo/content-sets.json 0644 " + sets("\\\"d\\\"")), ElementsAre("d"));
  EXPECT_THAT(repositories(""), IsEmpty());
}

TEST(ContentSetsOfAnImage, ThatAreNoneAreNothing) {
  for (const char* text : {"\"no JSON\"\n", "\"{}\"\n", "\"[]\"\n", "\"{\\\"content_sets\\\":7}\"\n"})
    EXPECT_THAT(repositories("file /" + std::string(kContentManifests) + "/x.json 0644 " + std::string(text)), IsEmpty()) << text;
  EXPECT_THAT(repositories("file /" + std::string(kContentManifests) + "/deep/x.json 0644 " + sets("\\\"a\\\"")), IsEmpty());
  EXPECT_THAT(repositories("file /" + std::string(kContentManifests) + "/x.txt 0644 " + sets("\\\"a\\\"")), IsEmpty());
}

TEST(ContentSetsOfAnImage, OverTheLimitAreAGap) {
  std::string path = std::string(kContentManifests) + "/x.json", list = R"({"image_contents":[")" + std::string(200 << 10, 'x') + R"("],"content_sets":["a"]})";
  auto f = test::collect_tar(TarMaker().file(path, list).text());
  EXPECT_THAT(f->texts, SizeIs(1));
  f = test::collect_tar(TarMaker().file(path, list + std::string(kMaxContentManifest, ' ')).text());
  EXPECT_THAT(f->texts, IsEmpty());
  ASSERT_THAT(about(*f, Question::vulnerabilities), SizeIs(1));
}

}  // namespace
}  // namespace careen
