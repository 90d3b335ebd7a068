// Distribution, packages and ownership: what build_image_facts makes of layers.
#include "facts/image_facts.h"

#include <gmock/gmock.h>

#include "../../tests/support/image_text.h"

namespace careen {
namespace {

using test::facts_of_text;
using testing::ElementsAre;

Distribution distribution(std::string_view text) {
  return facts_of_text(text).distribution;
}

TEST(Distribution, ComesFromOsRelease) {
  auto d = distribution(
      "file /usr/lib/os-release 0644 \"ID=debian\\nVERSION_ID=\\\"12\\\"\\nPRETTY_NAME='Debian 12'\\n\"\nlink /etc/os-release -> ../usr/lib/os-release");
  EXPECT_EQ(d.id, "debian");
  EXPECT_EQ(d.release, "12");
  EXPECT_EQ(d.pretty, "Debian 12");
}

TEST(Distribution, IsReadWhereOnlyTheVendorsFileIsThere) {
  EXPECT_EQ(distribution("file /usr/lib/os-release 0644 \"ID=wolfi\\nVERSION_ID=2023\\nID_LIKE=\\\"alpine busy\\\"\\n\"").like,
            (std::vector<std::string>{"alpine", "busy"}));
}

std::string debian(const std::string& os, const std::string& more) {
  return "file /etc/os-release 0644 \"ID=debian\\n" + os + "\"\nfile /etc/debian_version 0644 \"trixie/sid\\n\"\n" + more;
}

TEST(Distribution, DebianTestingAndSidAreToldApartByAptsSources) {
  EXPECT_EQ(distribution(debian("VERSION_CODENAME=trixie\\n", "file /etc/apt/sources.list 0644 \"# x\\ndeb [a=b c=d] http://x/ sid main\\n\"")).release, "sid");
  EXPECT_EQ(distribution(debian("", "file /etc/apt/sources.list 0644 \"deb http://x/ unstable main\\n\"")).release, "sid");
  EXPECT_EQ(distribution(debian("", "file /etc/apt/sources.list.d/d.sources 0644 \"Types: deb\\nSuites: testing testing-updates\\n\"")).release, "testing");
  EXPECT_EQ(distribution(debian("VERSION_CODENAME=trixie\\n", "")).release, "trixie");
  EXPECT_EQ(distribution(debian("", "")).release, "trixie/sid");
  EXPECT_EQ(distribution(debian("", "file /etc/apt/sources.list 0644 \"deb http://x/ bookworm-updates main\\n\"")).release, "bookworm");
}

TEST(Distribution, WithoutOsReleaseTheOldFilesCount) {
  EXPECT_EQ(distribution("file /etc/debian_version 0644 \"7.11\\n\"").id, "debian");
  EXPECT_EQ(distribution("file /etc/debian_version 0644 \"7.11\\n\"").release, "7.11");
  auto a = distribution("file /etc/alpine-release 0644 \"3.4.6\\n\"");
  EXPECT_EQ(a.id, "alpine");
  EXPECT_EQ(a.release, "3.4.6");
}

TEST(Distribution, RollingReleasesAndNone) {
  auto arch = distribution("file /etc/os-release 0644 \"ID=arch\\nBUILD_ID=rolling\\n\"");
  EXPECT_EQ(arch.release, "rolling");
  EXPECT_EQ(distribution("file /app").id, "");
  EXPECT_EQ(distribution("file /app").release, "");
}

TEST(Distribution, TheTopmostFileCounts) {
  EXPECT_EQ(
      distribution("file /etc/os-release 0644 \"ID=debian\\nVERSION_ID=11\\n\"\nlayer\nfile /etc/os-release 0644 \"ID=debian\\nVERSION_ID=12\\n\"").release,
      "12");
  EXPECT_EQ(distribution("file /etc/os-release 0644 \"ID=debian\\n\"\nlayer\nwhiteout /etc/os-release").id, "");
}

const char* const kDpkg =
    "file /var/lib/dpkg/status |\n"
    "  Package: tool\n"
    "  Status: install ok installed\n"
    "  Architecture: amd64\n"
    "  Source: toolsrc (1.0)\n"
    "  Version: 1.0-1\n"
    "  Conffiles:\n"
    "   /etc/tool.conf 900150983cd24fb0d6963f7d28e17f72\n"
    "  \n"
    "file /var/lib/dpkg/info/tool.list |\n"
    "  /.\n"
    "  /bin\n"
    "  /bin/tool\n"
    "  /etc/tool.conf\n"
    "  /usr/share/doc/tool/gone\n"
    "file /var/lib/dpkg/info/tool.md5sums |\n"
    "  900150983cd24fb0d6963f7d28e17f72  bin/tool\n"
    "  d41d8cd98f00b204e9800998ecf8427e  usr/share/doc/tool/gone\n"
    "file /usr/bin/tool 0755 \"abc\"\n"
    "link /bin -> usr/bin\n"
    "file /etc/tool.conf 0644 \"changed\"\n";

TEST(Packages, OfDpkgWithTheirFilesThroughTheImagesLinks) {
  ImageFacts f = facts_of_text(kDpkg);
  ASSERT_EQ(f.packages.size(), 1U);
  EXPECT_EQ(f.packages[0].package.source, "toolsrc");
  EXPECT_EQ(f.packages[0].database, "var/lib/dpkg/status");
  EXPECT_TRUE(f.packages[0].visible);
  const InstalledPackage* p = f.owner_of("/usr/bin/tool");
  ASSERT_NE(p, nullptr);
  EXPECT_EQ(p->package.name, "tool");
  EXPECT_EQ(f.owner_of("/bin/tool"), p);
  EXPECT_EQ(f.owner_of("/usr/share/doc/tool/gone"), nullptr);
  EXPECT_EQ(f.owner(99, 0), nullptr);
  EXPECT_EQ(f.owner(0, 99), nullptr);
  NodeId id = f.tree.find("usr/bin/tool");
  const Owner& o = f.owners[f.tree.node(id).layer][f.tree.node(id).record];
  EXPECT_EQ(o.algorithm, RecordedDigest::md5);
  EXPECT_EQ(to_hex(o.digest.data(), 16), "900150983cd24fb0d6963f7d28e17f72");
  EXPECT_FALSE(o.config);
  id = f.tree.find("etc/tool.conf");
  EXPECT_TRUE(f.owners[f.tree.node(id).layer][f.tree.node(id).record].config);
}

TEST(Packages, CountEachOwnedFileOnce) {
  EXPECT_EQ(facts_of_text(kDpkg).packages.at(0).owned_files, 2U);
}

TEST(Packages, ADatabaseThatALaterLayerReplacedGivesNoRows) {
  ImageFacts f = facts_of_text(std::string(kDpkg) + "layer\nfile /var/lib/dpkg/status |\n  Package: other\n  Status: install ok installed\n  Version: 2\n");
  ASSERT_EQ(f.packages.size(), 1U);
  EXPECT_EQ(f.packages[0].package.name, "other");
  EXPECT_EQ(f.packages[0].layer, 1U);
}

TEST(Packages, RowsOfADeletedDatabaseStayWhereTheirFilesDo) {
  ImageFacts f = facts_of_text(std::string(kDpkg) + "layer\nwhiteout /var/lib/dpkg");
  ASSERT_EQ(f.packages.size(), 1U);
  EXPECT_FALSE(f.packages[0].visible);
  ASSERT_EQ(f.coverage.size(), 1U);
  EXPECT_EQ(f.coverage[0].state, CoverageState::looked);
  f = facts_of_text(std::string(kDpkg) + "layer\nwhiteout /var\nwhiteout /usr\nwhiteout /etc");
  EXPECT_TRUE(f.packages.empty());
}

TEST(Packages, EveryDatabaseOfTheImageIsRead) {
  ImageFacts f = facts_of_text(std::string(kDpkg) +
                               "file /lib/apk/db/installed |\n  P:busybox\n  V:1.36-r0\n  A:x86_64\n  F:sbin\n  R:bb\n  \n"
                               "file /sbin/bb 0755 \"x\"\n"
                               "file /srv/inner/var/lib/dpkg/status |\n  Package: inner\n  Status: install ok installed\n  Version: 3\n"
                               "file /srv/inner/var/lib/dpkg/info/inner.list |\n  /bin/inner\nfile /srv/inner/bin/inner 0755 \"y\"\nfile /bin/inner2 \"\"\n"
                               "file /var/lib/pacman/local/p-1-1/desc |\n  %NAME%\n  p\n  \n  %VERSION%\n  1-1\n  \n"
                               "file /var/lib/pacman/local/p-1-1/files |\n  %FILES%\n  opt/\n  opt/p\nfile /opt/p \"z\"\n");
  std::vector<std::string> names;
  for (const auto& p : f.packages) names.push_back(p.package.name + "@" + p.root);
  EXPECT_THAT(names, testing::UnorderedElementsAre("tool@", "busybox@", "inner@srv/inner/", "p@"));
  ASSERT_NE(f.owner_of("sbin/bb"), nullptr);
  EXPECT_EQ(f.owner_of("sbin/bb")->package.name, "busybox");
  ASSERT_NE(f.owner_of("srv/inner/bin/inner"), nullptr);
  EXPECT_EQ(f.owner_of("srv/inner/bin/inner")->package.name, "inner");
  ASSERT_NE(f.owner_of("opt/p"), nullptr);
  EXPECT_EQ(f.owner_of("opt/p")->package.type, PackageType::alpm);
}

TEST(Packages, OfDistrolessStatusFiles) {
  ImageFacts f = facts_of_text(
      "file /var/lib/dpkg/status.d/base |\n  Package: base\n  Version: 1\n  Architecture: amd64\n"
      "file /var/lib/dpkg/status.d/base.md5sums |\n  900150983cd24fb0d6963f7d28e17f72  etc/x\n"
      "file /etc/x \"abc\"\n");
  ASSERT_EQ(f.packages.size(), 1U);
  ASSERT_NE(f.owner_of("etc/x"), nullptr);
  EXPECT_EQ(f.owner_of("etc/x")->package.name, "base");
}

TEST(Packages, DivertedFilesHaveNoOwner) {
  ImageFacts f = facts_of_text(std::string(kDpkg) + "file /var/lib/dpkg/diversions |\n  /bin/tool\n  /bin/tool.distrib\n  other\n");
  EXPECT_EQ(f.owner_of("usr/bin/tool"), nullptr);
}

TEST(Packages, AFileOfTwoPackagesIsKeptForBoth) {
  ImageFacts f = facts_of_text(
      "file /var/lib/dpkg/status |\n  Package: a\n  Status: install ok installed\n  Version: 1\n  \n  Package: b\n  Status: install ok installed\n  Version: "
      "1\n"
      "file /var/lib/dpkg/info/a.list |\n  /x\nfile /var/lib/dpkg/info/b.list |\n  /x\nfile /x \"\"\n");
  ASSERT_NE(f.owner_of("x"), nullptr);
  EXPECT_EQ(f.owner_of("x")->package.name, "a");
  EXPECT_EQ(f.other_owners.size(), 1U);
}

TEST(Packages, AListIsReadOnceHoweverManyRowsHaveItsName) {
  std::string status, list = "  /.\n", files;
  for (int i = 0; i < 2000; ++i) status += "  Package: same\n  Status: install ok installed\n  Architecture: amd64\n  Version: " + std::to_string(i) + "\n  \n";
  for (int i = 0; i < 2000; ++i) {
    list += "  /d/" + std::to_string(i) + "\n";
    files += "file /d/" + std::to_string(i) + " \"\"\n";
  }
  ImageFacts f = facts_of_text("file /var/lib/dpkg/status |\n" + status + "file /var/lib/dpkg/info/same.list |\n" + list + files);
  uint64_t owned = 0;
  for (const InstalledPackage& p : f.packages) owned += p.owned_files;
  EXPECT_FALSE(f.packages.empty());
  EXPECT_EQ(owned, 2000U) << "each file has one owner";
  EXPECT_TRUE(f.other_owners.empty());
  ASSERT_NE(f.owner_of("d/1999"), nullptr);
  EXPECT_EQ(f.owner_of("d/1999")->package.name, "same");
}

TEST(Packages, OfTwoArchitecturesEachHaveTheirOwnList) {
  ImageFacts f = facts_of_text(
      "file /var/lib/dpkg/status |\n  Package: lib\n  Status: install ok installed\n  Architecture: amd64\n  Version: 1\n  \n"
      "  Package: lib\n  Status: install ok installed\n  Architecture: i386\n  Version: 1\n"
      "file /var/lib/dpkg/info/lib:amd64.list |\n  /a\nfile /var/lib/dpkg/info/lib:i386.list |\n  /b\nfile /a \"\"\nfile /b \"\"\n");
  ASSERT_EQ(f.packages.size(), 2U);
  ASSERT_NE(f.owner_of("a"), nullptr);
  ASSERT_NE(f.owner_of("b"), nullptr);
  EXPECT_EQ(f.owner_of("a")->package.architecture, "amd64");
  EXPECT_EQ(f.owner_of("b")->package.architecture, "i386");
}

TEST(Packages, AnImageWithoutADatabaseSaysSo) {
  ImageFacts f = facts_of_text("file /app");
  ASSERT_EQ(f.coverage.size(), 1U);
  EXPECT_EQ(f.coverage[0].question, Question::packages);
  EXPECT_EQ(f.coverage[0].state, CoverageState::not_applicable);
}

TEST(ImageFacts, KeepsTextsAndElfFactsOfVisibleFilesAlone) {
  ImageFacts f = facts_of_text(
      "file /run.sh 0755 \"#!/bin/sh\\nold\\n\"\nelf /lib/l.so soname=old\nlayer\nfile /run.sh 0755 \"#!/bin/sh\\nnew\\n\"\nelf /lib/l.so soname=new");
  EXPECT_EQ(f.text("run.sh"), "#!/bin/sh\nnew\n");
  ASSERT_NE(f.elf(f.tree.find("lib/l.so")), nullptr);
  EXPECT_EQ(f.elf(f.tree.find("lib/l.so"))->soname, "new");
  EXPECT_EQ(f.elf_at.size(), 1U);
  EXPECT_EQ(f.text("no"), "");
  EXPECT_EQ(f.elf(kNoNode), nullptr);
}

TEST(ImageFacts, TellsAFileWithoutATextFromOneThatIsNotThere) {
  ImageFacts f = facts_of_text("file /small.sh 0755 \"#!/bin/sh\\nx\\n\"\nfile /data \"x\"\nlink /l -> data\ndir /d\n");
  EXPECT_FALSE(f.unread("small.sh"));
  EXPECT_TRUE(f.unread("data"));
  EXPECT_TRUE(f.unread("l"));
  EXPECT_FALSE(f.unread("d"));
  EXPECT_FALSE(f.unread("none"));
}

TEST(ImageFacts, HardLinksOfEachLayerHaveTheFactsOfThatLayer) {
  ImageFacts f = facts_of_text(
      "elf /a.so soname=low\nhard /a2.so -> /a.so\nlayer\nelf /b.so soname=high\nhard /b2.so -> /b.so\nhard /a3.so -> /a.so\n"
      "layer\nelf /a.so soname=new\nhard /a4.so -> /a.so");
  for (const auto& [path, soname] :
       std::map<std::string, std::string>{{"a.so", "new"}, {"a4.so", "new"}, {"a2.so", "low"}, {"a3.so", "low"}, {"b.so", "high"}, {"b2.so", "high"}}) {
    ASSERT_NE(f.elf(f.tree.find(path)), nullptr) << path;
    EXPECT_EQ(f.elf(f.tree.find(path))->soname, soname) << path;
  }
}

// A hard link is the file as much as its first name is.
TEST(ImageFacts, HardLinkedNamesHaveTheSameFacts) {
  ImageFacts f =
      facts_of_text("elf /lib/a.so soname=a\nhard /lib/b.so -> /lib/a.so\nfile /a.sh 0755 \"#!/bin/sh\\nx\\n\"\nhard /b.sh -> /a.sh\nlayer\nwhiteout /a.sh");
  ASSERT_NE(f.elf(f.tree.find("lib/a.so")), nullptr);
  ASSERT_NE(f.elf(f.tree.find("lib/b.so")), nullptr);
  EXPECT_EQ(f.elf(f.tree.find("lib/b.so"))->soname, "a");
  EXPECT_EQ(f.text("b.sh"), "#!/bin/sh\nx\n");
}

TEST(ImageFacts, AFileTwiceInOneLayerHasTheFactsOfTheLast) {
  ImageFacts f = facts_of_text("elf /l.so soname=first\nelf /l.so soname=second");
  ASSERT_NE(f.elf(f.tree.find("l.so")), nullptr);
  EXPECT_EQ(f.elf(f.tree.find("l.so"))->soname, "second");
}

TEST(ImageFacts, ALayerThatCouldNotBeReadIsLeftOut) {
  auto layers = test::layers_of_text("file /a\nlayer\nfile /b");
  layers.insert(layers.begin() + 1, nullptr);
  ImageFacts f = build_image_facts(layers);
  EXPECT_THAT(test::tree_lines(f.tree), ElementsAre("a", "b"));
  EXPECT_EQ(f.tree.node(f.tree.find("b")).layer, 2);
}

}  // namespace
}  // namespace careen
