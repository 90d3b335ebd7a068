#include "formats/pacman.h"

#include "base/bytes.h"
#include "base/text.h"

namespace careen {
namespace {

using testing::IsEmpty;
using testing::SizeIs;

const std::string kSum(64, 'a');

TEST(PacmanDesc, ReadsItsSections) {
  Package p = parse_pacman_desc("%NAME%\nxz\n\n%VERSION%\n1:5.6.1-2\n\n%BASE%\nxz-base\n\n%DESC%\n%NAME% in a text\n\n%ARCH%\nx86_64\n\n");
  EXPECT_EQ(p.type, PackageType::alpm);
  EXPECT_EQ(p.name, "xz");
  EXPECT_EQ(p.version, "1:5.6.1-2");
  EXPECT_EQ(p.source, "xz-base");
  EXPECT_EQ(p.source_version, "1:5.6.1-2");
  EXPECT_EQ(p.architecture, "x86_64");
}

TEST(PacmanDesc, WithoutABaseThePackageIsItsOwnSource) {
  EXPECT_EQ(parse_pacman_desc("%NAME%\nxz\n").source, "xz");
}

TEST(PacmanDesc, WhatIsNoDescriptionHasNoName) {
  EXPECT_EQ(parse_pacman_desc("").name, "");
  EXPECT_EQ(parse_pacman_desc("xz\n%%\nxz\n").name, "");
  EXPECT_EQ(parse_pacman_desc("%NAME%\n\nxz\n").name, "") << "an empty line ends a section";
}

TEST(PacmanFiles, ReadsFilesAndBackups) {
  auto files = parse_pacman_files("%FILES%\netc/\netc/a.conf\nusr/bin/a b\n\n%BACKUP%\netc/a.conf\td41d8cd98f00b204e9800998ecf8427e\n");
  ASSERT_THAT(files, SizeIs(3));
  EXPECT_EQ(files[0].path, "etc/a.conf");
  EXPECT_FALSE(files[0].config);
  EXPECT_EQ(files[1].path, "usr/bin/a b");
  EXPECT_EQ(files[2].path, "etc/a.conf");
  EXPECT_TRUE(files[2].config);
}

TEST(PacmanFiles, OtherSectionsAndLinesOutsideAreNoFiles) {
  EXPECT_THAT(parse_pacman_files("usr/bin/a\n%OTHER%\nusr/bin/b\n"), IsEmpty());
}

TEST(PacmanMtree, ReadsRegularFilesWithTheirSha256) {
  auto files = parse_pacman_mtree("#mtree\n/set type=file uid=0 gid=0 mode=644\n./.PKGINFO time=1 size=2 sha256digest=" + kSum +
                                  "\n./usr time=1.0 mode=755 type=dir\n./usr/bin/a time=1 size=1 md5digest=00 sha256digest=" + kSum +
                                  "\n./usr/bin/link type=link link=a\n./usr/bin/none size=3\n");
  ASSERT_THAT(files, SizeIs(2));
  EXPECT_EQ(files[0].path, "usr/bin/a");
  EXPECT_EQ(files[0].algorithm, RecordedDigest::sha256);
  EXPECT_EQ(files[0].digest, std::string(32, '\xaa'));
  EXPECT_EQ(files[1].path, "usr/bin/none");
  EXPECT_EQ(files[1].algorithm, RecordedDigest::none);
}

TEST(PacmanMtree, TheDefaultTypeIsWhatSetSays) {
  auto files = parse_pacman_mtree("/set type=dir\n./usr mode=755\n./usr/bin/a type=file\n/set type=file\n./b\n");
  ASSERT_THAT(files, SizeIs(2));
  EXPECT_EQ(files[0].path, "usr/bin/a");
  EXPECT_EQ(files[1].path, "b");
}

TEST(PacmanMtree, OddCharactersAreWrittenInOctal) {
  auto files = parse_pacman_mtree("./usr/a\\040b\\303\\244 type=file\n./c\\08 type=file\n./d\\\n");
  ASSERT_THAT(files, SizeIs(3));
  EXPECT_EQ(files[0].path, "usr/a b\xc3\xa4");
  EXPECT_EQ(files[1].path, "c\\08");
  EXPECT_EQ(files[2].path, "d\\");
}

TEST(PacmanMtree, ADigestOfAnotherLengthIsNone) {
  auto files = parse_pacman_mtree("./a sha256digest=abcd\n./b sha256digest=" + std::string(64, 'z') + "\n");
  ASSERT_THAT(files, SizeIs(2));
  EXPECT_EQ(files[0].algorithm, RecordedDigest::none);
  EXPECT_EQ(files[1].algorithm, RecordedDigest::none);
}

TEST(PacmanMtree, AnEmptyTextHoldsNothing) {
  EXPECT_THAT(parse_pacman_mtree(""), IsEmpty());
  EXPECT_THAT(parse_pacman_mtree("#mtree\n\n   \n/unset type\n"), IsEmpty());
}

}  // namespace
}  // namespace careen
