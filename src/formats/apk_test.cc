#include "formats/apk.h"

#include "base/bytes.h"
#include "base/text.h"

namespace careen {
namespace {

using testing::IsEmpty;
using testing::SizeIs;

std::vector<Package> installed(std::string_view text, size_t expected_problems = 0) {
  size_t problems = 0;
  auto out = parse_apk_installed(text, &problems);
  EXPECT_EQ(problems, expected_problems);
  return out;
}

std::string checksum(char kind, size_t bytes) {
  return std::string("Z:Q") + kind + to_base64(std::string(bytes, 'x')) + "\n";
}

TEST(ApkInstalled, ReadsPackagesWithTheirFiles) {
  auto all = installed("C:Q1abc=\nP:xz-libs\nV:5.6.1-r3\nA:x86_64\no:xz\nF:usr/lib\nR:liblzma.so.5\na:0:0:755\n" + checksum('1', 20) + "F:etc\nR:xz.conf\n" +
                       checksum('1', 20) + "\nP:musl\nV:1.2.5-r0\nA:x86_64\n\n");
  ASSERT_THAT(all, SizeIs(2));
  EXPECT_EQ(all[0].type, PackageType::apk);
  EXPECT_EQ(all[0].name, "xz-libs");
  EXPECT_EQ(all[0].version, "5.6.1-r3");
  EXPECT_EQ(all[0].architecture, "x86_64");
  EXPECT_EQ(all[0].source, "xz");
  EXPECT_EQ(all[0].source_version, "5.6.1-r3");
  ASSERT_THAT(all[0].files, SizeIs(2));
  EXPECT_EQ(all[0].files[0].path, "usr/lib/liblzma.so.5");
  EXPECT_EQ(all[0].files[0].algorithm, RecordedDigest::sha1);
  EXPECT_EQ(all[0].files[0].digest, std::string(20, 'x'));
  EXPECT_FALSE(all[0].files[0].config);
  EXPECT_EQ(all[0].files[1].path, "etc/xz.conf");
  EXPECT_TRUE(all[0].files[1].config);
  EXPECT_EQ(all[1].source, "musl");
  EXPECT_THAT(all[1].files, IsEmpty());
}

TEST(ApkInstalled, FilesOfTheRootHaveNoFolder) {
  auto all = installed("P:a\nV:1\nF:\nR:init\n\n");
  ASSERT_THAT(all.at(0).files, SizeIs(1));
  EXPECT_EQ(all[0].files[0].path, "init");
}

TEST(ApkInstalled, AFolderDoesNotReachIntoTheNextPackage) {
  auto all = installed("P:a\nV:1\nF:usr/lib\nR:x\n\nP:b\nV:1\nR:y\n\n");
  EXPECT_EQ(all.at(1).files.at(0).path, "y");
}

TEST(ApkInstalled, TakesAChecksumOfTheRightLengthAlone) {
  auto all = installed("P:a\nV:1\nF:d\nR:1\n" + checksum('1', 20) + "R:2\n" + checksum('2', 32) + "R:3\n" + checksum('1', 19) + "R:4\n" + checksum('2', 20) +
                       "R:5\n" + checksum('3', 20) + "R:6\nZ:Q1***\nR:7\nZ:\nR:8\n\n");
  const auto& f = all.at(0).files;
  ASSERT_THAT(f, SizeIs(8));
  EXPECT_EQ(f[0].algorithm, RecordedDigest::sha1);
  EXPECT_EQ(f[1].algorithm, RecordedDigest::sha256);
  for (size_t i = 2; i < 8; ++i) EXPECT_EQ(f[i].algorithm, RecordedDigest::none) << i + 1;
}

// apk 3 installs packages of its own format with SHA-256 sums cut to 20 bytes, writes them as Q1 and says so in f:.
TEST(ApkInstalled, ACutSha256IsNoSha1) {
  auto all = installed("P:a\nV:1\nf:S\nF:d\nR:1\n" + checksum('1', 20) + "\nP:b\nV:1\nF:d\nR:1\n" + checksum('1', 20) + "\n");
  EXPECT_NE(all.at(0).files.at(0).algorithm, RecordedDigest::sha1);
  EXPECT_EQ(all.at(1).files.at(0).algorithm, RecordedDigest::sha1) << "the flag ends with its package";
  EXPECT_EQ(installed("P:a\nV:1\nf:fx\nF:d\nR:1\n" + checksum('1', 20) + "\n").at(0).files.at(0).algorithm, RecordedDigest::sha1);
}

TEST(ApkInstalled, CountsWhatIsDamaged) {
  EXPECT_THAT(installed("P:a\nV:1\ngarbage\n\n", 1), SizeIs(1));
  EXPECT_THAT(installed("V:1\n\nP:a\n\nP:b\nV:2\n\n", 2), SizeIs(1));
  EXPECT_THAT(installed(std::string_view("P:a\nV:1\n\0\0\n\n", 12), 1), SizeIs(1));
}

TEST(ApkInstalled, AnEmptyFileHoldsNothing) {
  EXPECT_THAT(installed(""), IsEmpty());
  EXPECT_THAT(installed("\n\n\n"), IsEmpty());
}

TEST(ApkInstalled, AChecksumBeforeAnyFileIsPassedOver) {
  EXPECT_THAT(installed("P:a\nV:1\n" + checksum('1', 20) + "\n").at(0).files, IsEmpty());
}

TEST(ApkInstalled, APathCannotLeaveTheRoot) {
  EXPECT_EQ(installed("P:a\nV:1\nF:../../etc\nR:../passwd\n\n").at(0).files.at(0).path, "passwd");
}

TEST(ApkPkginfo, ReadsItsFields) {
  Package p = parse_apk_pkginfo("# Generated\npkgname = xz\npkgver = 5.6.1-r3\narch = x86_64\norigin = xz-utils\nurl = https://x = y\n");
  EXPECT_EQ(p.type, PackageType::apk);
  EXPECT_EQ(p.name, "xz");
  EXPECT_EQ(p.version, "5.6.1-r3");
  EXPECT_EQ(p.architecture, "x86_64");
  EXPECT_EQ(p.source, "xz-utils");
  EXPECT_EQ(p.source_version, "5.6.1-r3");
}

TEST(ApkPkginfo, WithoutAnOriginThePackageIsItsOwnSource) {
  EXPECT_EQ(parse_apk_pkginfo("pkgname = a\npkgver = 1\n#origin = b\n").source, "a");
  EXPECT_EQ(parse_apk_pkginfo("").name, "");
}

}  // namespace
}  // namespace careen
