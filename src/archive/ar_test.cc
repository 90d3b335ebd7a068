#include "archive/ar.h"

#include "../tests/support/scratch.h"

namespace careen {
namespace {

using testing::ElementsAre;
using testing::Pair;

std::string member(const std::string& name, const std::string& data, const std::string& size = "") {
  auto field = [](std::string s, size_t n) { return s.append(n - s.size(), ' '); };
  std::string out = field(name, 16) + field("0", 12) + field("0", 6) + field("0", 6) + field("100644", 8) +
                    field(size.empty() ? std::to_string(data.size()) : size, 10) + "`\n" + data;
  return data.size() % 2 == 0 ? out : out + "\n";
}

struct Read {
  std::vector<std::pair<std::string, std::string>> members;
  std::optional<Error> error;
};

Read read_all(const std::string& archive, size_t buffer = 1000) {
  MemorySource from(as_bytes(archive));
  ArReader ar(from);
  Read out;
  for (;;) {
    std::string name;
    uint64_t size = 0;
    auto more = ar.next(&name, &size);
    if (!more) return out.error = more.error(), out;
    if (!*more) return out;
    std::string text;
    std::vector<uint8_t> part(buffer);
    for (;;) {
      auto n = ar.member().read(part);
      if (!n) return out.error = n.error(), out;
      if (*n == 0) break;
      text += as_text(Bytes(part).first(*n));
    }
    EXPECT_EQ(text.size(), size);
    out.members.emplace_back(name, text);
  }
}

TEST(Ar, MembersComeInOrderForReadsOfAnySize) {
  std::string all = "!<arch>\n" + member("debian-binary", "2.0\n") + member("odd", "123") + member("data.tar.xz/", "data");
  for (size_t buffer : {size_t{1}, size_t{2}, size_t{1000}}) {
    Read r = read_all(all, buffer);
    ASSERT_FALSE(r.error) << r.error->what;
    EXPECT_THAT(r.members, ElementsAre(Pair("debian-binary", "2.0\n"), Pair("odd", "123"), Pair("data.tar.xz", "data")));
  }
}

TEST(Ar, AnArchiveMayBeEmpty) {
  Read r = read_all("!<arch>\n");
  EXPECT_FALSE(r.error);
  EXPECT_TRUE(r.members.empty());
}

TEST(Ar, ContentNotAskedForIsSkipped) {
  std::string all = "!<arch>\n" + member("a", std::string(5001, 'a')) + member("b", "b");
  MemorySource from(as_bytes(all));
  ArReader ar(from);
  std::string name;
  uint64_t size = 0;
  ASSERT_TRUE(*ar.next(&name, &size));
  EXPECT_EQ(size, 5001U);
  ASSERT_TRUE(*ar.next(&name, &size));
  EXPECT_EQ(name, "b");
  EXPECT_FALSE(*ar.next(&name, &size));
  EXPECT_FALSE(*ar.next(&name, &size)) << "the end stays the end";
}

TEST(Ar, TheLastPaddingMayBeMissing) {
  std::string all = "!<arch>\n" + member("a", "1");
  all.pop_back();
  Read r = read_all(all);
  EXPECT_FALSE(r.error);
  EXPECT_THAT(r.members, ElementsAre(Pair("a", "1")));
}

TEST(Ar, SomethingElseIsCorrupt) {
  for (const char* text : {"", "!<arch>", "!<thin>\n", "debian",
                           "\x7f"
                           "ELF...."}) {
    Read r = read_all(text);
    ASSERT_TRUE(r.error) << text;
    EXPECT_TRUE(r.error->code == Errc::corrupt || r.error->code == Errc::truncated);
  }
}

TEST(Ar, MalformedHeadersAreCorrupt) {
  for (const char* size : {"x", "-1", "0x10", "1 2"}) {
    Read r = read_all("!<arch>\n" + member("a", "data", size));
    ASSERT_TRUE(r.error) << size;
    EXPECT_EQ(r.error->code, Errc::corrupt);
  }
  std::string no_end = "!<arch>\n" + member("a", "data");
  no_end[8 + 58] = 'x';
  EXPECT_TRUE(read_all(no_end).error);
}

TEST(Ar, EveryCutIsTruncated) {
  std::string all = "!<arch>\n" + member("a", "data");
  for (size_t cut = 9; cut < all.size(); ++cut) {
    Read r = read_all(all.substr(0, cut));
    ASSERT_TRUE(r.error) << cut;
    EXPECT_EQ(r.error->code, Errc::truncated) << cut;
  }
  EXPECT_TRUE(read_all("!<arch>\n" + member("a", "data", "9999999999")).error);
}

TEST(Ar, ReadsWhatTheToolWrites) {
  if (!test::has_tool("ar")) GTEST_SKIP() << "ar is not installed";
  test::Scratch s;
  s.write("one", "first");
  s.write("two", std::string(1000, '2'));
  ASSERT_TRUE(test::output_of("cd " + s.path() + " && ar qcSD x.a one two 2>&1"));
  Read r = read_all(test::slurp(s / "x.a"));
  ASSERT_FALSE(r.error) << r.error->what;
  EXPECT_THAT(r.members, ElementsAre(Pair("one", "first"), Pair("two", std::string(1000, '2'))));
}

}  // namespace
}  // namespace careen
