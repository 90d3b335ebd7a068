#include "base/text.h"

namespace careen {
namespace {

using testing::ElementsAre;

TEST(Escape, LeavesPlainTextAlone) {
  for (std::string_view s : {"", "usr/bin/x", "a b", "caf\xc3\xa9", "\xe6\xbc\xa2\xe5\xad\x97", "\xf0\x9f\x9a\xa2", "back\\slash", "\xf4\x8f\xbf\xbf"}) {
    EXPECT_EQ(escape(s), s);
    EXPECT_TRUE(is_plain(s));
  }
}

TEST(Escape, ShowsControlCharacters) {
  EXPECT_EQ(escape("a\nb\rc\td"), "a\\x0ab\\x0dc\\x09d");
  EXPECT_EQ(escape("\x1b[31mred"), "\\x1b[31mred");
  EXPECT_EQ(escape(std::string_view("\0", 1)), "\\x00");
  EXPECT_EQ(escape("\x7f"), "\\x7f");
  EXPECT_EQ(escape("\xc2\x9b"
                   "31m"),
            "\\xc2\\x9b31m")
      << "the C1 form of escape";
  EXPECT_FALSE(is_plain("\n"));
}

TEST(Escape, ShowsWhatTurnsTextAround) {
  for (std::string_view s :
       {"\xe2\x80\xae", "\xe2\x80\xaa", "\xe2\x81\xa6", "\xe2\x81\xa9", "\xe2\x80\x8f", "\xd8\x9c", "\xe2\x80\xa8", "\xe2\x80\xa9", "\xef\xbb\xbf"})
    EXPECT_FALSE(is_plain(s)) << escape(s);
}

TEST(Escape, ShowsBytesThatAreNotUtf8) {
  EXPECT_EQ(escape("\xff\xfe"), "\\xff\\xfe");
  EXPECT_EQ(escape("\xc3"), "\\xc3");
  EXPECT_EQ(escape("a\xc3(b"), "a\\xc3(b");
  EXPECT_EQ(escape("\xc0\xaf"), "\\xc0\\xaf") << "overlong";
  EXPECT_EQ(escape("\xe0\x80\x80"), "\\xe0\\x80\\x80") << "overlong";
  EXPECT_EQ(escape("\xed\xa0\x80"), "\\xed\\xa0\\x80") << "a surrogate";
  EXPECT_EQ(escape("\xf4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80") << "beyond Unicode";
  EXPECT_EQ(escape("\xe6\xbc"), "\\xe6\\xbc") << "cut";
}

TEST(Escape, EveryByteGivesPrintableTextThatIsPlainItself) {
  for (int a = 0; a < 256; ++a)
    for (int b = 0; b < 256; b += 5) {
      std::string s{static_cast<char>(a), static_cast<char>(b)};
      EXPECT_TRUE(is_plain(escape(s)));
    }
}

TEST(Hex, GoesBothWays) {
  const std::array<uint8_t, 4> b{0x00, 0x0f, 0xa5, 0xff};
  EXPECT_EQ(to_hex(b.data(), b.size()), "000fa5ff");
  EXPECT_THAT(*from_hex("000fA5FF"), ElementsAre(0x00, 0x0f, 0xa5, 0xff));
  EXPECT_TRUE(from_hex("")->empty());
  for (std::string_view bad : {"0", "0g", "0x00", " 00", "00 ", "-1"}) EXPECT_FALSE(from_hex(bad)) << bad;
}

TEST(Trim, TakesWhiteSpaceFromBothEnds) {
  EXPECT_EQ(trim("  a b\t\r\n"), "a b");
  EXPECT_EQ(trim(" \n "), "");
  EXPECT_EQ(trim(""), "");
  EXPECT_EQ(trim("a"), "a");
}

TEST(Split, KeepsEmptyParts) {
  EXPECT_THAT(split("a,b", ','), ElementsAre("a", "b"));
  EXPECT_THAT(split(",a,,", ','), ElementsAre("", "a", "", ""));
  EXPECT_THAT(split("", ','), ElementsAre(""));
}

TEST(Words, KeepsNoEmptyParts) {
  EXPECT_THAT(words("  a\tb \n c"), ElementsAre("a", "b", "c"));
  EXPECT_TRUE(words(" \n").empty());
  EXPECT_TRUE(words("").empty());
}

TEST(Lower, ChangesAsciiLettersAlone) {
  EXPECT_EQ(lower("AZaz09[\xc3\x89"), "azaz09[\xc3\x89");
}

TEST(Join, PutsTheSeparatorBetween) {
  EXPECT_EQ(join({}, ", "), "");
  EXPECT_EQ(join({"a"}, ", "), "a");
  EXPECT_EQ(join({"a", "", "b"}, ", "), "a, , b");
}

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> out;
  each_line(text, [&](std::string_view l) { return out.emplace_back(l), true; });
  return out;
}

TEST(EachLine, GivesLinesWithoutTheirEnds) {
  EXPECT_THAT(lines_of("a\nb\n"), ElementsAre("a", "b"));
  EXPECT_THAT(lines_of("a\r\n\nb"), ElementsAre("a", "", "b"));
  EXPECT_TRUE(lines_of("").empty());
  EXPECT_THAT(lines_of("\n"), ElementsAre(""));
  int seen = 0;
  each_line("a\nb\nc", [&](std::string_view) { return ++seen < 2; });
  EXPECT_EQ(seen, 2) << "false stops";
}

TEST(ToNumber, TakesDecimalDigitsOnly) {
  EXPECT_EQ(to_number("0"), 0U);
  EXPECT_EQ(to_number("0012"), 12U);
  EXPECT_EQ(to_number("18446744073709551615"), UINT64_MAX);
  for (std::string_view bad : {"", "-1", "+1", " 1", "1 ", "0x1", "1.0", "18446744073709551616", "99999999999999999999", "000000000000000000001"})
    EXPECT_FALSE(to_number(bad)) << bad;
}

TEST(ToSize, TakesUnitsOf1024) {
  EXPECT_EQ(to_size("12"), 12U);
  EXPECT_EQ(to_size("64K"), 65536U);
  EXPECT_EQ(to_size("16m"), 16U << 20);
  EXPECT_EQ(to_size("2G"), 2ULL << 30);
  EXPECT_EQ(to_size("1T"), 1ULL << 40);
  for (std::string_view bad : {"", "K", "1KB", "1 K", "-1K", "1.5G", "16777216T", "1P"}) EXPECT_FALSE(to_size(bad)) << bad;
}

TEST(HumanSize, RoundsToOneDigit) {
  EXPECT_EQ(human_size(0), "0 B");
  EXPECT_EQ(human_size(1023), "1023 B");
  EXPECT_EQ(human_size(1024), "1.0 KiB");
  EXPECT_EQ(human_size(1536 << 10), "1.5 MiB");
  EXPECT_EQ(human_size(1ULL << 40), "1.0 TiB");
  EXPECT_EQ(human_size(UINT64_MAX), "16777216.0 TiB");
}

TEST(Glob, MatchesWholeTextsOnly) {
  EXPECT_TRUE(glob_match("", ""));
  EXPECT_FALSE(glob_match("", "a"));
  EXPECT_FALSE(glob_match("a", ""));
  EXPECT_TRUE(glob_match("abc", "abc"));
  EXPECT_FALSE(glob_match("abc", "abcd"));
  EXPECT_TRUE(glob_match("*", ""));
  EXPECT_TRUE(glob_match("**", "a/b"));
}

TEST(Glob, AStarStopsAtASlashAndTwoDoNot) {
  EXPECT_TRUE(glob_match("usr/lib/*.so", "usr/lib/x.so"));
  EXPECT_FALSE(glob_match("usr/*.so", "usr/lib/x.so"));
  EXPECT_TRUE(glob_match("usr/**.so", "usr/lib/x.so"));
  EXPECT_TRUE(glob_match("*a*b*c", "xxaxxbxxbxxc"));
  EXPECT_FALSE(glob_match("a?c", "a/c"));
  EXPECT_TRUE(glob_match("a?c", "abc"));
  EXPECT_FALSE(glob_match("usr/*", "usr/a/b"));
}

TEST(Glob, AStarBehindTwoDoesNotHideAnotherWay) {
  EXPECT_TRUE(glob_match("**/*.so", "a/x.so"));
  EXPECT_TRUE(glob_match("**/*.so", "a/b/x.so")) << "two stars may take a/b as well";
  EXPECT_TRUE(glob_match("**/liblzma.so*", "usr/lib/x86_64-linux-gnu/liblzma.so.5"));
  EXPECT_TRUE(glob_match("**/lib*/liblzma.so.5", "usr/lib/x/lib64/liblzma.so.5"));
  EXPECT_FALSE(glob_match("**/lib*/y", "lib/x/y"));
}

TEST(Glob, BracketsHoldCharactersRangesAndTheirOpposite) {
  EXPECT_TRUE(glob_match("x[0-9a]", "x5"));
  EXPECT_TRUE(glob_match("x[0-9a]", "xa"));
  EXPECT_FALSE(glob_match("x[0-9a]", "xb"));
  EXPECT_TRUE(glob_match("x[!0-9]", "xb"));
  EXPECT_FALSE(glob_match("x[^0-9]", "x5"));
  EXPECT_FALSE(glob_match("x[!a]y", "x/y"));
  EXPECT_TRUE(glob_match("x[]a]", "x]"));
  EXPECT_TRUE(glob_match("x[", "x[")) << "without its end it is itself";
}

TEST(Glob, ManyStarsTakeNoExponentialTime) {
  std::string pattern, text(20'000, 'a');
  for (int i = 0; i < 30; ++i) pattern += "*a";
  EXPECT_FALSE(glob_match(pattern + "b", text));
  EXPECT_TRUE(glob_match(pattern, text));
}

TEST(Base64, GoesBothWays) {
  for (std::string_view s : {"", "f", "fo", "foo", "foob", "fooba", "foobar"}) EXPECT_EQ(from_base64(to_base64(s)), s);
  EXPECT_EQ(to_base64("foob"), "Zm9vYg==");
  EXPECT_EQ(to_base64(std::string("\xff\xfe\x00", 3)), "//4A");
  EXPECT_EQ(from_base64("Zm9vYg"), "foob") << "padding is optional";
}

TEST(Base64, OtherCharactersAreRefused) {
  for (std::string_view bad : {"Zm9v!", "Zm 9v", "Zm9v\n", "Zm=9"}) EXPECT_FALSE(from_base64(bad)) << bad;
}

TEST(Base64, OneCharacterHoldsNoByte) {
  EXPECT_FALSE(from_base64("Zm9vY")) << "no encoder leaves six bits";
}

TEST(Names, AreTakenApartAtTheLastSlash) {
  EXPECT_EQ(base_name("usr/lib/x"), "x");
  EXPECT_EQ(dir_name("usr/lib/x"), "usr/lib");
  EXPECT_EQ(base_name("x"), "x");
  EXPECT_EQ(dir_name("x"), "");
  EXPECT_EQ(base_name("x/"), "");
  EXPECT_EQ(dir_name("/x"), "");
}

}  // namespace
}  // namespace careen
