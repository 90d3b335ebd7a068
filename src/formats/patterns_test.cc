#include "formats/patterns.h"

namespace careen {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

PatternSpec spec(const std::string& id, std::string_view text, bool any_file = true) {
  PatternSpec p;
  p.id = id;
  p.any_file = any_file;
  auto ok = parse_pattern_text(text, &p);
  EXPECT_TRUE(ok) << (ok ? "" : ok.error().what);
  return p;
}

PatternSpec window(const std::string& id, std::string_view anchor, std::string_view content, uint32_t alignment = 1) {
  PatternSpec p = spec(id, anchor);
  p.window = content.size();
  p.alignment = alignment;
  p.window_sha256 = sha256_of(as_bytes(content));
  return p;
}

std::shared_ptr<const PatternSet> compile(std::vector<PatternSpec> specs) {
  auto set = PatternSet::compile(std::move(specs));
  EXPECT_TRUE(set) << (set ? "" : set.error().what);
  return set ? *set : nullptr;
}

// "id@offset" of every hit, in chunks of the given size.
std::vector<std::string> search(PatternScanner& s, std::string_view text, size_t chunk, bool elf = false, bool* was_capped = nullptr) {
  s.begin(elf);
  for (size_t i = 0; i < text.size(); i += chunk) s.feed(as_bytes(text.substr(i, chunk)));
  bool capped = false;
  std::vector<std::string> out;
  for (const PatternHit& h : s.finish(&capped)) out.push_back(h.id + "@" + std::to_string(h.offset));
  if (was_capped != nullptr) *was_capped = capped;
  return out;
}
std::vector<std::string> search(const std::vector<PatternSpec>& specs, std::string_view text, size_t chunk = 4096, bool elf = false) {
  PatternScanner s(compile(specs));
  return search(s, text, chunk, elf);
}

TEST(PatternText, ReadsBytesAndWildOnes) {
  PatternSpec p = spec("p", "48 8d ?? FF\n00 01 02\t03");
  EXPECT_THAT(p.bytes, ElementsAre(0x48, 0x8d, 0, 0xff, 0, 1, 2, 3));
  EXPECT_THAT(p.wild, ElementsAre(0, 0, 1, 0, 0, 0, 0, 0));
}

TEST(PatternText, SaysWhatIsWrong) {
  auto wrong = [](std::string_view text) {
    PatternSpec p;
    auto ok = parse_pattern_text(text, &p);
    return ok ? std::string("accepted") : ok.error().what;
  };
  EXPECT_THAT(wrong(""), HasSubstr("1 to " + std::to_string(kMaxPatternBytes) + " bytes"));
  EXPECT_THAT(wrong("48 8"), HasSubstr("two hex digits"));
  EXPECT_THAT(wrong("48 8D xy 24"), HasSubstr("'xy'"));
  EXPECT_THAT(wrong("48 8D ?4 24"), HasSubstr("'?4'"));
  EXPECT_THAT(wrong("01 02 03"), HasSubstr("4 bytes in a row"));
  EXPECT_THAT(wrong("01 02 03 ?? 04 05 06 ?? 07"), HasSubstr("4 bytes in a row"));
  std::string large(2 * (kMaxPatternBytes + 1), 'a');
  EXPECT_THAT(wrong(large), HasSubstr(std::to_string(kMaxPatternBytes)));
}

TEST(PatternText, EveryPatternThatIsAcceptedCompiles) {
  for (size_t n : {kMinPatternBytes, size_t{1000}, kMaxPatternBytes - 1, kMaxPatternBytes}) {
    auto set = PatternSet::compile({spec("p", std::string(2 * n, 'a'))});
    EXPECT_TRUE(set) << n << " bytes: " << (set ? "" : set.error().what);
  }
}

TEST(Patterns, FindsBytesAtTheirOffset) {
  EXPECT_THAT(search({spec("p", "61 62 63 64")}, "xxabcdxabcd"), ElementsAre("p@2", "p@7"));
}

TEST(Patterns, WildBytesMatchAnyByteAlsoALineEnd) {
  EXPECT_THAT(search({spec("p", "61 62 63 64 ?? 65")}, "abcd\neabcdxeabcdxx"), ElementsAre("p@0", "p@6"));
  EXPECT_THAT(search({spec("p", "61 62 63 64 ?? 65")}, std::string_view("abcd\0e", 6)), ElementsAre("p@0"));
}

TEST(Patterns, BytesThatMeanSomethingInExpressionsAreJustBytes) {
  EXPECT_THAT(search({spec("p", "2e 2a 28 5b 5c 24 5e 00 0a")}, std::string_view("x.*([\\$^\0\n", 10)), ElementsAre("p@1"));
}

TEST(Patterns, FindsTheSameWhereverTheChunksEnd) {
  std::string text = "xxabcdabcdxx0123456789abcdef";
  std::vector<PatternSpec> specs{spec("p", "61 62 63 64"), window("w", "30 31 32 33", "0123456789abcdef")};
  auto whole = search(specs, text);
  EXPECT_THAT(whole, ElementsAre("p@2", "p@6", "p@22", "w@12"));
  for (size_t chunk = 1; chunk <= text.size(); ++chunk) EXPECT_EQ(search(specs, text, chunk), whole) << chunk;
}

TEST(Patterns, PatternsForElfFilesAreNotLookedForInOthers) {
  std::vector<PatternSpec> specs{spec("elf", "61 62 63 64", false), spec("any", "61 62 63 64", true)};
  EXPECT_THAT(search(specs, "abcd", 10, false), ElementsAre("any@0"));
  EXPECT_THAT(search(specs, "abcd", 10, true), ElementsAre("any@0", "elf@0"));
}

TEST(Patterns, KeepsTheFirstHitsOfEach) {
  std::string text;
  for (int i = 0; i < 20; ++i) text += "abcd";
  auto hits = search({spec("a", "61 62 63 64"), spec("b", "62 63 64 61")}, text);
  EXPECT_EQ(hits.size(), 2 * kMaxHitsPerPattern);
  EXPECT_EQ(hits.front(), "a@0");
}

TEST(Patterns, AScannerStartsAnewWithEveryFile) {
  PatternScanner s(compile({spec("p", "61 62 63 64"), window("w", "30 31 32 33", "0123456789")}));
  EXPECT_THAT(search(s, "xxab", 10), IsEmpty());
  EXPECT_THAT(search(s, "cdabcd", 10, true), ElementsAre("p@2"));
  EXPECT_THAT(search(s, "01234", 10), IsEmpty());
  EXPECT_THAT(search(s, "56789", 10), IsEmpty());
}

TEST(Patterns, AnEmptySetAndAnEmptyFileHaveNoHits) {
  EXPECT_THAT(search(std::vector<PatternSpec>{}, "abcd"), IsEmpty());
  EXPECT_THAT(search({spec("p", "61 62 63 64")}, ""), IsEmpty());
  EXPECT_THAT(search({spec("p", "61 62 63 64", false)}, "abcd"), IsEmpty());
}

TEST(Windows, HitWhenTheDigestFits) {
  auto w = window("w", "30 31 32 33", "0123456789");
  EXPECT_THAT(search({w}, "xx0123456789yy"), ElementsAre("w@2"));
  EXPECT_THAT(search({w}, "xx012345678Xyy"), IsEmpty());
  EXPECT_THAT(search({w}, "xx012345678"), IsEmpty()) << "the file ends too early";
  EXPECT_THAT(search({w}, "xx0123456789"), ElementsAre("w@2")) << "the file ends with the window";
}

TEST(Windows, AWindowMayBeNoLongerThanItsAnchor) {
  EXPECT_THAT(search({window("w", "30 31 32 33", "0123")}, "x0123x", 1), ElementsAre("w@1"));
}

TEST(Windows, BeginAtAlignedOffsetsAlone) {
  auto w = window("w", "30 31 32 33", "0123456789", 4);
  EXPECT_THAT(search({w}, "xx0123456789"), IsEmpty());
  EXPECT_THAT(search({w}, "xxxx0123456789"), ElementsAre("w@4"));
}

TEST(Windows, MayOverlap) {
  auto a = window("a", "61 61 61 61", "aaaaaaaa");
  EXPECT_THAT(search({a}, "aaaaaaaaaa"), ElementsAre("a@0", "a@1", "a@2"));
}

TEST(Windows, TooManyOpenOnesAreCutAndSaid) {
  PatternScanner s(compile({window("w", "61 61 61 61", std::string(4000, 'a') + "b")}));
  bool capped = false;
  search(s, std::string(3000, 'a'), 4096, false, &capped);
  EXPECT_TRUE(capped);
  search(s, std::string(1000, 'a'), 4096, false, &capped);
  EXPECT_FALSE(capped) << "the next file starts anew";
}

TEST(Windows, TooManyInAFileAreCutAndSaid) {
  PatternScanner s(compile({window("w", "61 61 61 61", "aaaab")}));
  bool capped = false;
  search(s, std::string(kMaxWindowsPerFile + 100, 'a'), 512, false, &capped);
  EXPECT_TRUE(capped);
  search(s, std::string(kMaxWindowsPerFile - 100, 'a'), 512, false, &capped);
  EXPECT_FALSE(capped);
}

TEST(PatternSet, TheIdentityChangesWithAnySpec) {
  auto base = std::vector<PatternSpec>{spec("p", "61 62 63 64 ??")};
  auto same = digest_of_patterns(base);
  EXPECT_EQ(digest_of_patterns(base), same);
  auto other = base;
  other[0].bytes[0] ^= 1;
  EXPECT_NE(digest_of_patterns(other), same);
  other = base, other[0].any_file = false;
  EXPECT_NE(digest_of_patterns(other), same);
  other = base, other[0].wild[4] = 0;
  EXPECT_NE(digest_of_patterns(other), same);
  other = base, other[0].window_sha256[31] = 1;
  EXPECT_NE(digest_of_patterns(other), same);
}

TEST(PatternSet, SharesOneSetAmongScanners) {
  auto set = compile({spec("p", "61 62 63 64")});
  PatternScanner a(set), b(set);
  a.begin(false);
  b.begin(false);
  a.feed(as_bytes("ab"));
  b.feed(as_bytes("xxxx"));
  a.feed(as_bytes("cd"));
  bool capped = false;
  EXPECT_EQ(a.finish(&capped).size(), 1U);
  EXPECT_EQ(b.finish(&capped).size(), 0U);
}

}  // namespace
}  // namespace careen
