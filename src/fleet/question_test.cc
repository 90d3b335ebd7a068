// Every form of question, and what each mistake says.
#include "fleet/question.h"

#include <gmock/gmock.h>

namespace careen {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const std::string kHex(64, 'a');

HuntQuestion question(const std::string& text) {
  auto q = parse_question(text);
  EXPECT_TRUE(q) << text << ": " << (q ? "" : q.error().what);
  return q ? *q : HuntQuestion{};
}
std::string why(const std::string& text) {
  auto q = parse_question(text);
  EXPECT_FALSE(q) << text;
  EXPECT_TRUE(q || q.error().code == Errc::usage) << text;
  return q ? "" : q.error().what;
}

TEST(ParseQuestion, PatternsThatMatchEverywhereAreRefused) {
  EXPECT_THAT(why("pattern:48 8d"), HasSubstr("4 bytes in a row"));
  EXPECT_THAT(why("pattern:48 8d 2"), HasSubstr("two hex digits"));
  EXPECT_THAT(why("pattern:zz zz zz zz"), HasSubstr("hex"));
  EXPECT_THAT(why("pattern:"), HasSubstr("nothing follows"));
}

TEST(ParseQuestion, EveryForm) {
  struct Case {
    std::string text;
    Indicator by;
    std::string value;
  };
  for (const Case& c : std::vector<Case>{{"package:xz-utils", Indicator::package, "xz-utils"},
                                         {"package: libstdc++6 ", Indicator::package, "libstdc++6"},
                                         {"pkg:deb/xz-utils", Indicator::package, "xz-utils"},
                                         {"sha256:" + kHex, Indicator::sha256, kHex},
                                         {kHex, Indicator::sha256, kHex},
                                         {"pattern:48 8d ?? 24 01 02 03 04", Indicator::pattern, "48 8d ?? 24 01 02 03 04"},
                                         {"soname:libx.so.1", Indicator::soname, "libx.so.1"},
                                         {"needed:libc.so.6", Indicator::needed, "libc.so.6"},
                                         {"symbol:do_it", Indicator::symbol, "do_it"},
                                         {"build-id:cafe", Indicator::build_id, "cafe"},
                                         {"path:///usr/bin/x*", Indicator::path, "usr/bin/x*"},
                                         {"path:**/x", Indicator::path, "**/x"},
                                         {"structure:tls-import", Indicator::structure, "tls-import"},
                                         {"env:A=b=c", Indicator::environment, "A=b=c"},
                                         {"label:a", Indicator::label, "a"},
                                         {"entrypoint:a b", Indicator::entrypoint, "a b"},
                                         {"layer:sha256:" + kHex, Indicator::layer, "sha256:" + kHex},
                                         {"manifest:sha256:" + kHex, Indicator::manifest, "sha256:" + kHex},
                                         {"threat:CVE-2024-3094", Indicator::threat, "CVE-2024-3094"}}) {
    HuntQuestion q = question(c.text);
    EXPECT_EQ(q.by, c.by) << c.text;
    EXPECT_EQ(q.value, c.value) << c.text;
    EXPECT_EQ(q.text, c.text);
    EXPECT_EQ(q.type, c.text.starts_with("pkg:") ? "deb" : "");
    EXPECT_THAT(q.bounds, IsEmpty());
  }
}

std::vector<std::string> bounds(const std::string& text) {
  std::vector<std::string> out;
  for (const auto& b : question(text).bounds) out.push_back(b.op + b.version);
  return out;
}

TEST(ParseQuestion, Bounds) {
  EXPECT_THAT(bounds("package:x>=5.6.0,<5.6.2"), ElementsAre(">=5.6.0", "<5.6.2"));
  EXPECT_THAT(bounds("package:x = 1:2.3-4~a+b , != 7"), ElementsAre("=1:2.3-4~a+b", "!=7"));
  EXPECT_THAT(bounds("package:x>1,<=2"), ElementsAre(">1", "<=2"));
  EXPECT_EQ(question("package:x >= 1").value, "x");
  for (const char* t : {"package:x>", "package:x>=1,", "package:x>=1,2", "package:x!1", "package:x>=1,,<2"}) EXPECT_THAT(why(t), HasSubstr("is no bound")) << t;
  EXPECT_THAT(why("package:>=1"), HasSubstr("name of a package"));
}

TEST(ParseQuestion, PackageAddresses) {
  HuntQuestion q = question("pkg:deb/debian/xz-utils@5.6.1-1?arch=amd64&distro=sid#x");
  EXPECT_EQ(q.type, "deb");
  EXPECT_EQ(q.value, "xz-utils");
  EXPECT_THAT(bounds(q.text), ElementsAre("=5.6.1-1"));
  EXPECT_EQ(question("pkg:rpm/fedora/xz-libs").value, "xz-libs");
  for (const char* t : {"pkg:deb", "pkg:deb/", "pkg:deb/@1", "pkg:xz-utils@1"}) EXPECT_THAT(why(t), HasSubstr("pkg:TYPE/NAME")) << t;
}

// An epoch of rpm stands beside the version in a package address, and before it in what rpm compares.
TEST(ParseQuestion, PackageAddressesTellEpochsOfRpm) {
  EXPECT_THAT(bounds("pkg:rpm/redhat/bind@9.11.36-8.el8?arch=x86_64&epoch=32"), ElementsAre("=32:9.11.36-8.el8"));
  EXPECT_THAT(bounds("pkg:rpm/redhat/bind@9.11.36-8.el8?epoch=0&arch=x86_64#sub"), ElementsAre("=9.11.36-8.el8"));
  EXPECT_THAT(bounds("pkg:deb/debian/bind9@1-2?epoch=32"), ElementsAre("=1-2")) << "other kinds have theirs in the version";
}

// Names in a package address are percent-encoded, as `dpkg` bills of materials write them.
TEST(ParseQuestion, PackageAddressesAreDecoded) {
  EXPECT_EQ(question("pkg:deb/debian/libstdc%2B%2B6@12.2.0-14%2Bdeb12u1").value, "libstdc++6");
  EXPECT_THAT(bounds("pkg:deb/debian/libstdc%2B%2B6@12.2.0-14%2Bdeb12u1"), ElementsAre("=12.2.0-14+deb12u1"));
}

TEST(ParseQuestion, AnAddressWithoutItsVersionIsWrong) {
  why("pkg:deb/debian/xz-utils@");
}

TEST(ParseQuestion, WrongOnesSayWhatWasExpected) {
  for (const char* t : {"", "x", "xz-utils", "SHA256:aa", "sha512:aa", "http://x"}) EXPECT_THAT(why(t), HasSubstr("is no question; write package:NAME")) << t;
  for (const char* t : {"package:", "pkg:", "sha256:", "soname:", "needed:", "symbol:", "build-id:", "path:", "structure:", "env:", "label:", "entrypoint:",
                        "threat:", "layer:"})
    EXPECT_THAT(why(t), HasSubstr("nothing follows")) << t;
  EXPECT_THAT(why("sha256:abc"), HasSubstr("64 lower-case hex"));
  EXPECT_THAT(why("sha256:" + std::string(64, 'A')), HasSubstr("64 lower-case hex"));
  EXPECT_THAT(why("layer:" + kHex), HasSubstr("layer:sha256:HEX"));
  EXPECT_THAT(why("manifest:" + kHex), HasSubstr("manifest:sha256:HEX"));
  EXPECT_THAT(why("manifest:"), HasSubstr("manifest:sha256:HEX"));
  EXPECT_THAT(why(std::string(63, 'a')), HasSubstr("is no question"));
  EXPECT_THAT(why("\x1b[31m"), testing::Not(HasSubstr("\x1b"))) << "escaped";
}

TEST(ParseQuestions, AListByLines) {
  auto q = parse_questions("# ours\n\n" + kHex + "\r\n  soname:libx.so # why\n\tpath:/a\n", "list.txt");
  ASSERT_TRUE(q) << q.error().what;
  ASSERT_EQ(q->size(), 3U);
  EXPECT_EQ(q->at(0).by, Indicator::sha256);
  EXPECT_EQ(q->at(1).value, "libx.so");
  EXPECT_EQ(q->at(2).by, Indicator::path);
  EXPECT_TRUE(parse_questions("", "x")->empty());
  auto wrong = parse_questions("soname:a\n# b\n\nnonsense\nmore", "dir/list.txt");
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().code, Errc::usage);
  EXPECT_THAT(wrong.error().what, testing::StartsWith("dir/list.txt:4: 'nonsense'"));
}

std::vector<std::string> ranges(const std::string& text) {
  std::vector<std::string> out;
  for (const auto& all : question(text).alternatives) {
    out.emplace_back();
    for (const auto& b : all) out.back() += b.op + b.version + " ";
  }
  return out;
}

TEST(ParseQuestion, RangesOfVersions) {
  EXPECT_THAT(ranges("pkg:deb/debian/xz-utils@vers:deb/>=5.6.0|<5.6.2"), ElementsAre(">=5.6.0 <5.6.2 "));
  EXPECT_THAT(ranges("pkg:deb/xz@vers:deb/<1|>=2|<3|4|>5"), ElementsAre("<1 ", ">=2 <3 ", "=4 ", ">5 "));
  EXPECT_THAT(ranges("pkg:rpm/xz@vers:rpm/1%3A2.0"), ElementsAre("=1:2.0 "));
  EXPECT_THAT(ranges("pkg:apk/alpine/xz@vers:apk/*"), IsEmpty());
  EXPECT_THAT(ranges("pkg:deb/xz@vers:deb/!=2"), IsEmpty());
  EXPECT_THAT(bounds("pkg:deb/xz@vers:deb/!=2"), ElementsAre("!=2"));
  EXPECT_EQ(question("pkg:deb/debian/xz@vers:deb/>=1|<2").value, "xz");
}

TEST(ParseQuestion, WrongRangesSayWhatIsWrong) {
  EXPECT_THAT(why("pkg:deb/xz@vers:deb/<2|>=1"), HasSubstr("ascend"));
  EXPECT_THAT(why("pkg:deb/xz@vers:deb/>=1|<1"), HasSubstr("ascend"));
  EXPECT_THAT(why("pkg:deb/xz@vers:deb/>=1|>=2"), HasSubstr("two lower ends"));
  EXPECT_THAT(why("pkg:deb/xz@vers:deb/>=1|2|<3"), HasSubstr("inside a range"));
  EXPECT_THAT(why("pkg:deb/xz@vers:deb/1|<3"), HasSubstr("without a lower one"));
  EXPECT_THAT(why("pkg:deb/xz@vers:deb/>="), HasSubstr("expected a version"));
  EXPECT_THAT(why("pkg:deb/xz@vers:deb/"), HasSubstr("expected a version"));
  EXPECT_THAT(why("pkg:deb/xz@vers:rpm/>=1"), HasSubstr("same type"));
  EXPECT_THAT(why("pkg:deb/xz@vers:deb"), HasSubstr("same type"));
}

// A kind of package that no image's facts hold is no zero.
TEST(ParseQuestion, KindsThatTheInventoryDoesNotHave) {
  EXPECT_THAT(why("pkg:swift/left-pad@1.3.0"), HasSubstr("no packages of 'swift'"));
  EXPECT_THAT(why("pkg:oci/app"), HasSubstr("no packages of 'oci'"));
}

TEST(ParseQuestion, NamesOfLanguagesHaveTheirNamespace) {
  EXPECT_EQ(question("pkg:npm/%40angular/core@1.3.0").value, "@angular/core");
  EXPECT_EQ(question("pkg:maven/org.apache.commons/commons-lang3@3.12.0").value, "org.apache.commons:commons-lang3");
  HuntQuestion go = question("pkg:golang/golang.org/x/net@v0.1.0");
  EXPECT_EQ(go.value, "golang.org/x/net");
  EXPECT_EQ(go.bounds[0].version, "0.1.0");
}

TEST(ParseQuestion, OtherDigests) {
  EXPECT_EQ(question("md5:" + std::string(32, 'b')).by, Indicator::md5);
  EXPECT_EQ(question("sha1:" + std::string(40, 'b')).by, Indicator::sha1);
  EXPECT_THAT(why("md5:" + std::string(40, 'b')), HasSubstr("32 lower-case"));
  EXPECT_THAT(why("sha1:" + std::string(32, 'b')), HasSubstr("40 lower-case"));
  EXPECT_THAT(why("sha1:" + std::string(40, 'B')), HasSubstr("40 lower-case"));
}

TEST(ParseQuestion, ARecordOfAFileIsToldFromAnId) {
  EXPECT_TRUE(names_record(question("threat:./mine.yaml")));
  EXPECT_TRUE(names_record(question("threat:dir/mine")));
  EXPECT_TRUE(names_record(question("threat:mine.yml")));
  EXPECT_FALSE(names_record(question("threat:CVE-2024-3094")));
  EXPECT_FALSE(names_record(question("path:a/b.yaml")));
}

}  // namespace
}  // namespace careen
