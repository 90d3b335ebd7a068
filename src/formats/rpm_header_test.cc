#include "formats/rpm_header.h"

#include "../../tests/support/rpm_builder.h"
#include "base/text.h"

namespace careen {
namespace {

using test::RpmHeader;
using testing::IsEmpty;
using testing::SizeIs;

Package read(const RpmHeader& h) {
  std::string blob = h.blob();
  auto p = parse_rpm_header(as_bytes(blob));
  EXPECT_TRUE(p) << (p ? "" : p.error().what);
  return p ? *std::move(p) : Package{};
}
bool reads(const std::string& blob) {
  return static_cast<bool>(parse_rpm_header(as_bytes(blob)));
}

TEST(RpmHeader, ReadsNameVersionArchitectureAndSource) {
  Package p = read(RpmHeader().package("xz-libs", "5.6.1", "1.fc40").numbers(1003, {2}).text(1044, "xz-5.6.1-1.fc40.src.rpm"));
  EXPECT_EQ(p.type, PackageType::rpm);
  EXPECT_EQ(p.name, "xz-libs");
  EXPECT_EQ(p.version, "2:5.6.1-1.fc40");
  EXPECT_EQ(p.architecture, "x86_64");
  EXPECT_EQ(p.source, "xz");
  EXPECT_EQ(p.source_version, "5.6.1-1.fc40");
}

TEST(RpmHeader, AnEpochOfZeroIsNotShown) {
  EXPECT_EQ(read(RpmHeader().package("a").numbers(1003, {0})).version, "1-1");
  EXPECT_EQ(read(RpmHeader().text(1000, "a").text(1001, "3")).version, "3");
}

TEST(RpmHeader, ASourceNameMayHaveDashes) {
  Package p = read(RpmHeader().package("a").text(1044, "a-b-c-1.2-3.nosrc.rpm"));
  EXPECT_EQ(p.source, "a-b-c");
  EXPECT_EQ(p.source_version, "1.2-3");
}

// gpg-pubkey rows and packages made by other tools name no source; a made-up one would match rules about sources.
TEST(RpmHeader, APackageThatNamesNoSourceHasNone) {
  for (const Package& p : {read(RpmHeader().package("gpg-pubkey", "d651ff2e", "5dadbbc1")),
                           read(RpmHeader().package("gpg-pubkey", "d651ff2e", "5dadbbc1").text(1044, "(none)"))}) {
    EXPECT_EQ(p.name, "gpg-pubkey");
    EXPECT_EQ(p.source, "");
    EXPECT_EQ(p.source_version, "");
  }
}

TEST(RpmHeader, ReadsFilesByFolderAndName) {
  Package p = read(RpmHeader()
                       .package("a")
                       .texts(1118, {"/usr/bin/", "/etc/"})
                       .texts(1117, {"xz", "xz.conf", "log"})
                       .numbers(1116, {0, 1, 1})
                       .numbers(1030, {0100755, 0100644, 0100644}, 3)
                       .numbers(1037, {0, 1, 64})
                       .numbers(5011, {8})
                       .texts(1035, {std::string(64, 'a'), std::string(64, 'b'), ""}));
  ASSERT_THAT(p.files, SizeIs(3));
  EXPECT_EQ(p.files[0].path, "usr/bin/xz");
  EXPECT_EQ(p.files[0].algorithm, RecordedDigest::sha256);
  EXPECT_EQ(p.files[0].digest, std::string(32, '\xaa'));
  EXPECT_FALSE(p.files[0].config);
  EXPECT_FALSE(p.files[0].ghost);
  EXPECT_TRUE(p.files[1].config);
  EXPECT_TRUE(p.files[2].ghost);
  EXPECT_EQ(p.files[2].algorithm, RecordedDigest::none);
}

TEST(RpmHeader, WhatIsNoRegularFileIsAGhost) {
  Package p = read(RpmHeader().package("a").texts(1118, {"/"}).texts(1117, {"dir", "link"}).numbers(1116, {0, 0}).numbers(1030, {040755, 0120777}, 3));
  ASSERT_THAT(p.files, SizeIs(2));
  EXPECT_TRUE(p.files[0].ghost);
  EXPECT_TRUE(p.files[1].ghost);
}

TEST(RpmHeader, ReadsTheOldListOfWholePaths) {
  Package p = read(RpmHeader().package("a").texts(1027, {"/usr/bin/a", "/b"}));
  ASSERT_THAT(p.files, SizeIs(2));
  EXPECT_EQ(p.files[0].path, "usr/bin/a");
}

TEST(RpmHeader, KnowsDigestsByAlgorithmAndLength) {
  auto algorithm = [](const std::vector<uint32_t>& algo, size_t hex_digits) {
    RpmHeader h;
    h.package("a").texts(1118, {"/"}).texts(1117, {"f"}).numbers(1116, {0}).texts(1035, {std::string(hex_digits, '1')});
    if (!algo.empty()) h.numbers(5011, algo);
    Package p = read(h);
    return p.files.empty() ? RecordedDigest::none : p.files[0].algorithm;
  };
  EXPECT_EQ(algorithm({}, 32), RecordedDigest::md5);
  EXPECT_EQ(algorithm({1}, 32), RecordedDigest::md5);
  EXPECT_EQ(algorithm({2}, 40), RecordedDigest::sha1);
  EXPECT_EQ(algorithm({8}, 64), RecordedDigest::sha256);
  EXPECT_EQ(algorithm({8}, 32), RecordedDigest::other);
  EXPECT_EQ(algorithm({10}, 128), RecordedDigest::other);
  EXPECT_EQ(algorithm({8}, 63), RecordedDigest::none) << "odd hex is no digest";
}

TEST(RpmHeader, AFolderIndexOutsideTheFoldersNamesNoFile) {
  EXPECT_THAT(read(RpmHeader().package("a").texts(1118, {"/a/"}).texts(1117, {"f", "g"}).numbers(1116, {7})).files, IsEmpty());
}

TEST(RpmHeader, RefusesAHeaderWithoutNameOrVersion) {
  EXPECT_FALSE(reads(RpmHeader().text(1001, "1").blob()));
  EXPECT_FALSE(reads(RpmHeader().text(1000, "a").blob()));
  EXPECT_FALSE(reads(RpmHeader().blob()));
  EXPECT_FALSE(reads(RpmHeader().numbers(1000, {1}).text(1001, "1").blob())) << "a name that is a number";
}

TEST(RpmHeader, RefusesAHeaderThatIsCut) {
  std::string blob = RpmHeader().package("a").blob();
  for (size_t n = 0; n < blob.size(); ++n) EXPECT_FALSE(reads(blob.substr(0, n))) << n;
  EXPECT_TRUE(reads(blob));
  EXPECT_TRUE(reads(blob + "more")) << "what follows is not looked at";
}

TEST(RpmHeader, RefusesCountsBeyondItsLimits) {
  std::string blob = RpmHeader().package("a").blob(), many = blob, large = blob;
  many.replace(0, 4, std::string("\x00\x01\x00\x01", 4));
  large.replace(4, 4, std::string("\x10\x00\x00\x01", 4));
  EXPECT_FALSE(reads(many));
  EXPECT_FALSE(reads(large));
}

TEST(RpmHeader, OffsetsAndCountsThatLieAreHarmless) {
  std::string huge_count = RpmHeader().package("a").add(1117, 8, 0xffffffff, std::string("f\0g\0", 4)).add(1116, 4, 0xffffffff, "").blob();
  EXPECT_TRUE(reads(huge_count));
  std::string blob = RpmHeader().package("a").text(1044, "s-1-1.src.rpm").blob();
  blob.replace(8 + 4 * 16 + 8, 4, std::string("\x7f\xff\xff\xff", 4));  // the offset of the source
  EXPECT_TRUE(reads(blob));
  EXPECT_FALSE(reads(RpmHeader().text(1001, "1").add(1000, 6, 1, "no end").blob())) << "a text without its zero";
}

// Every file name of a header may point at one long folder name: 300 kB would stand for 240 MB of paths.
TEST(RpmHeader, TheSumOfItsPathsIsBounded) {
  std::vector<std::string> names(60'000, "f");
  std::string blob = RpmHeader()
                         .package("a")
                         .texts(1118, {"/" + std::string(4000, 'd') + "/"})
                         .texts(1117, names)
                         .numbers(1116, std::vector<uint32_t>(names.size(), 0))
                         .blob();
  auto p = parse_rpm_header(as_bytes(blob));
  if (!p) return;  // refused
  uint64_t sum = 0;
  for (const OwnedFile& f : p->files) sum += f.path.size();
  EXPECT_LE(sum, 128U << 20);
}

TEST(RpmHeaderAt, FindsAHeaderBehindItsMagic) {
  std::string blob = RpmHeader().package("a").blob();
  std::string file = "xx" + std::string("\x8e\xad\xe8\x01\0\0\0\0", 8) + blob + "rest";
  uint64_t end = 0;
  auto h = rpm_header_at(as_bytes(file), 2, &end);
  ASSERT_TRUE(h);
  EXPECT_EQ(as_text(*h), blob);
  EXPECT_EQ(end, 2 + 8 + blob.size());
  EXPECT_FALSE(rpm_header_at(as_bytes(file), 0, &end));
  EXPECT_FALSE(rpm_header_at(as_bytes(file).first(file.size() - 5), 2, &end));
  EXPECT_FALSE(rpm_header_at(as_bytes(file), 1 << 20, &end));
}

}  // namespace
}  // namespace careen
