#include "formats/dpkg.h"

#include "base/bytes.h"
#include "base/text.h"

namespace careen {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

std::vector<Package> status(std::string_view text, size_t expected_problems = 0) {
  size_t problems = 0;
  auto out = parse_dpkg_status(text, &problems);
  EXPECT_EQ(problems, expected_problems) << text;
  return out;
}

std::string hex(const OwnedFile& f) {
  return to_hex(as_bytes(f.digest).data(), f.digest.size());
}

TEST(DpkgStatus, ReadsAPackage) {
  auto all = status(
      "Package: liblzma5\nStatus: install ok installed\nPriority: required\nArchitecture: amd64\nMulti-Arch: same\n"
      "Source: xz-utils (5.6.0-0.2)\nVersion: 1:5.6.0-0.2+b1\nDescription: library\n two lines\n .\n more: here\n\n");
  ASSERT_THAT(all, SizeIs(1));
  EXPECT_EQ(all[0].type, PackageType::deb);
  EXPECT_EQ(all[0].name, "liblzma5");
  EXPECT_EQ(all[0].version, "1:5.6.0-0.2+b1");
  EXPECT_EQ(all[0].architecture, "amd64");
  EXPECT_EQ(all[0].source, "xz-utils");
  EXPECT_EQ(all[0].source_version, "5.6.0-0.2");
}

TEST(DpkgStatus, ASourceWithoutAVersionHasThePackagesOwn) {
  auto all = status("Package: a\nVersion: 2\nSource: b\n\nPackage: c\nVersion: 3\n");
  ASSERT_THAT(all, SizeIs(2));
  EXPECT_EQ(all[0].source, "b");
  EXPECT_EQ(all[0].source_version, "2");
  EXPECT_EQ(all[1].source, "c");
  EXPECT_EQ(all[1].source_version, "3");
}

TEST(DpkgStatus, TakesThePackagesWhoseFilesAreThere) {
  for (const char* state : {"installed", "unpacked", "half-configured", "half-installed", "triggers-awaited", "triggers-pending"})
    EXPECT_THAT(status("Package: a\nVersion: 1\nStatus: hold reinstreq " + std::string(state) + "\n"), SizeIs(1)) << state;
  for (const char* state : {"not-installed", "config-files"})
    EXPECT_THAT(status("Package: a\nVersion: 1\nStatus: deinstall ok " + std::string(state) + "\n"), IsEmpty()) << state;
}

TEST(DpkgStatus, AParagraphWithoutStatusCountsAsInstalled) {
  EXPECT_THAT(status("Package: base-files\nVersion: 12\n"), SizeIs(1));
}

TEST(DpkgStatus, APackageThatIsNotInstalledMayHaveNoVersion) {
  EXPECT_THAT(status("Package: gone\nStatus: purge ok not-installed\nArchitecture: amd64\n\n"), IsEmpty());
}

TEST(DpkgStatus, CountsParagraphsThatNameNoPackageOrNoVersion) {
  EXPECT_THAT(status("Version: 1\n\nPackage: a\n\nFoo: bar\n\nno field at all\n\nPackage: \nVersion: 1\n\nPackage: b\nVersion: 1\n", 5), SizeIs(1));
}

TEST(DpkgStatus, FieldNamesAreReadWithoutCase) {
  auto all = status("PACKAGE: a\nversion: 1\nStAtUs: install ok installed\n");
  ASSERT_THAT(all, SizeIs(1));
  EXPECT_EQ(all[0].version, "1");
}

TEST(DpkgStatus, ReadsConfigurationFilesWithTheirSums) {
  auto all = status(
      "Package: a\nVersion: 1\nConffiles:\n /etc/a.conf d41d8cd98f00b204e9800998ecf8427e\n"
      " /etc/old d41d8cd98f00b204e9800998ecf8427e obsolete\n /etc/new newconffile\n odd\nDescription: x\n /etc/no "
      "d41d8cd98f00b204e9800998ecf8427e\n");
  ASSERT_THAT(all, SizeIs(1));
  ASSERT_THAT(all[0].files, SizeIs(3));
  EXPECT_EQ(all[0].files[0].path, "etc/a.conf");
  EXPECT_TRUE(all[0].files[0].config);
  EXPECT_EQ(all[0].files[0].algorithm, RecordedDigest::md5);
  EXPECT_EQ(hex(all[0].files[0]), "d41d8cd98f00b204e9800998ecf8427e");
  EXPECT_EQ(all[0].files[2].path, "etc/new");
  EXPECT_EQ(all[0].files[2].algorithm, RecordedDigest::none);
}

TEST(DpkgStatus, ReadsDosLinesAndALastLineWithoutEnd) {
  auto all = status("Package: a\r\nVersion: 1\r\n\r\nPackage: b\r\nVersion: 2");
  ASSERT_THAT(all, SizeIs(2));
  EXPECT_EQ(all[0].version, "1");
  EXPECT_EQ(all[1].version, "2");
}

TEST(DpkgStatus, AnEmptyFileHoldsNothing) {
  EXPECT_THAT(status(""), IsEmpty());
  EXPECT_THAT(status("\n\n \n"), IsEmpty());
}

TEST(DpkgStatus, AFieldThatStandsTwiceDoesNotMixParagraphs) {
  auto all = status("Package: a\nVersion: 1\n\nPackage: b\nVersion: 2\nVersion: 3\n");
  ASSERT_THAT(all, SizeIs(2));
  EXPECT_EQ(all[0].name, "a");
  EXPECT_EQ(all[1].version, "3");
}

TEST(DpkgStatus, BytesThatAreNoTextAreTakenAsTheyStand) {
  std::string text("Package: a\0b\nVersion: \xff\xfe\n", 24);
  size_t problems = 0;
  auto all = parse_dpkg_status(text, &problems);
  ASSERT_THAT(all, SizeIs(1));
  EXPECT_EQ(all[0].name, std::string("a\0b", 3));
}

TEST(DpkgList, ReadsPathsWithoutTheRoot) {
  auto files = parse_dpkg_list("/.\n/usr\n/usr/bin\n/usr/bin/a b\n");
  ASSERT_THAT(files, SizeIs(3));
  EXPECT_EQ(files[2].path, "usr/bin/a b");
  EXPECT_EQ(files[2].algorithm, RecordedDigest::none);
}

TEST(DpkgMd5sums, ReadsSumsAndPaths) {
  auto files = parse_dpkg_md5sums(
      "d41d8cd98f00b204e9800998ecf8427e  usr/bin/a b\n"
      "D41D8CD98F00B204E9800998ECF8427E *usr/bin/c\n"
      "d41d8cd98f00b204e9800998ecf8427e  x\n"
      "not hex and long enough to be a sum  y\nshort\n\n");
  ASSERT_THAT(files, SizeIs(3));
  EXPECT_EQ(files[0].path, "usr/bin/a b");
  EXPECT_EQ(files[0].algorithm, RecordedDigest::md5);
  EXPECT_EQ(files[1].path, "usr/bin/c");
  EXPECT_EQ(hex(files[1]), "d41d8cd98f00b204e9800998ecf8427e");
  EXPECT_EQ(files[2].path, "x");
}

TEST(DpkgDiversions, ReadsBothPathsOfEach) {
  EXPECT_THAT(parse_dpkg_diversions("/bin/sh\n/bin/sh.distrib\ndash\n/usr/bin/a\n/usr/bin/b\n:\n"),
              ElementsAre("bin/sh", "bin/sh.distrib", "usr/bin/a", "usr/bin/b"));
  EXPECT_THAT(parse_dpkg_diversions(""), IsEmpty());
}

}  // namespace
}  // namespace careen
