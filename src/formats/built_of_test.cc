// What programs and Java archives say that they were built of.
#include "formats/language.h"

#include "../tests/support/elf_maker.h"
#include "../tests/support/package_text.h"
#include "../tests/support/scratch.h"
#include "archive/zip.h"
#include "base/bytes.h"
#include "base/text.h"
#include "digest/digest.h"
#include "formats/elf.h"

namespace careen {
namespace {

using test::deep, test::good, test::le, test::lines;
using testing::ElementsAre;
using testing::ElementsAreArray;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using testing::UnorderedElementsAre;

bool has(const std::vector<std::string>& all, const std::string& one) {
  return std::find(all.begin(), all.end(), one) != all.end();
}

// --- which files

// --- Go

constexpr std::string_view kGoStart{"\x30\x77\xaf\x0c\x92\x74\x08\x02\x41\xe1\xc1\x07\xe6\xd6\x18\xe6", 16};  // cmd/go's infoStart and infoEnd
constexpr std::string_view kGoEnd{"\xf9\x32\x43\x31\x86\x18\x20\x72\x00\x82\x42\x10\x41\x16\xd8\xf2", 16};
constexpr std::string_view kGoMagic = "\xff Go buildinf:";
constexpr std::string_view kModules = "path\texample.com/app\nmod\texample.com/app\t(devel)\t\ndep\texample.com/a\tv1.2.3\th1:x=\nbuild\t-compiler=gc\n";

std::string framed(std::string_view text) {
  return std::string(kGoStart) + std::string(text) + std::string(kGoEnd);
}

std::string varint(uint64_t v) {
  std::string out;
  for (; v >= 128; v >>= 7) out += static_cast<char>(v | 128);
  return out + static_cast<char>(v);
}

std::string inline_info(std::string_view version, std::string_view modules) {
  return std::string(kGoMagic) + "\x08\x02" + std::string(16, '\0') + varint(version.size()) + std::string(version) + varint(modules.size()) +
         std::string(modules);
}

// The form before Go 1.18 in a file that begins at address kBase.
constexpr uint64_t kBase = 0x400000;

struct PointerInfo {
  size_t size = 8;
  bool big = false;
  std::string version = "go1.16.15", modules = framed(kModules);
  std::optional<uint64_t> version_at = {}, modules_at = {}, text_at = {}, length = {};  // in place of the truth
  std::optional<uint8_t> told_size = {};

  std::string word(uint64_t v) const {
    std::string out = le(v, static_cast<int>(size));
    if (big) std::reverse(out.begin(), out.end());
    return out;
  }
  std::string make() const {
    uint64_t headers = 64, texts = headers + 4 * size;
    std::string out = std::string(kGoMagic) + static_cast<char>(told_size.value_or(static_cast<uint8_t>(size))) + static_cast<char>(big ? 1 : 0);
    out += word(version_at.value_or(kBase + headers)) + word(modules_at.value_or(kBase + headers + 2 * size));
    out.resize(headers);
    out += word(text_at.value_or(kBase + texts)) + word(length.value_or(version.size()));
    out += word(kBase + texts + version.size()) + word(modules.size());
    return out + version + modules;
  }
};

LanguagePackages go_info(std::string_view file, const std::vector<FileRange>& places) {
  return parse_go_build_info(MemoryView(as_bytes(file)), places,
                             [&](uint64_t a) { return a >= kBase && a - kBase < file.size() ? std::optional(a - kBase) : std::nullopt; });
}
LanguagePackages go_info(std::string_view file) {
  return go_info(file, {{0, file.size()}});
}

TEST(GoBuildInfo, InlineSinceGo118) {
  EXPECT_THAT(good(go_info(inline_info("go1.22.1", framed(kModules)))),
              ElementsAre("golang stdlib 1.22.1", "golang example.com/app ", "golang example.com/a 1.2.3"));
}

TEST(GoBuildInfo, WithPointersOfBothSizesAndOrders) {
  for (size_t size : {4U, 8U})
    for (bool big : {false, true}) {
      PointerInfo info;
      info.size = size;
      info.big = big;
      EXPECT_THAT(good(go_info(info.make())), ElementsAre("golang stdlib 1.16.15", "golang example.com/app ", "golang example.com/a 1.2.3")) << size << big;
    }
}

TEST(GoBuildInfo, AProgramWithoutModulesHasItsLibrary) {
  EXPECT_THAT(good(go_info(inline_info("go1.22.1", ""))), ElementsAre("golang stdlib 1.22.1"));
  PointerInfo none;
  none.modules = "";
  EXPECT_THAT(good(go_info(none.make())), ElementsAre("golang stdlib 1.16.15"));
}

// debug/buildinfo: modules that cannot be read are none; what is said of Go's version stands.
TEST(GoBuildInfo, APointerToModulesThatLeadsNowhereLeavesTheVersion) {
  for (uint64_t nowhere : {uint64_t{0}, uint64_t{1}, kBase - 1, kBase + 100'000}) {
    PointerInfo info;
    info.modules_at = nowhere;
    EXPECT_THAT(lines(go_info(info.make()).packages), ElementsAre("golang stdlib 1.16.15")) << nowhere;
  }
}

TEST(GoBuildInfo, WhatPointsNowhereIsAProblem) {
  auto problem = [](const PointerInfo& info) {
    LanguagePackages found = go_info(info.make());
    EXPECT_THAT(lines(found.packages), IsEmpty());
    return !found.problem.empty();
  };
  PointerInfo info;
  info.version_at = 0;
  EXPECT_TRUE(problem(info));
  info.version_at = UINT64_MAX;
  EXPECT_TRUE(problem(info));
  info = {};
  info.text_at = kBase - 8;
  EXPECT_TRUE(problem(info));
  info = {};
  info.length = UINT64_MAX;
  EXPECT_TRUE(problem(info));
  info.length = 100'000;
  EXPECT_TRUE(problem(info));
  for (uint8_t size : {0, 1, 2, 3, 5, 16, 255}) {
    info = {};
    info.told_size = size;
    EXPECT_TRUE(problem(info)) << int{size};
  }
}

TEST(GoBuildInfo, CutAtEveryByte) {
  for (const std::string& whole : {inline_info("go1.22.1", framed(kModules)), PointerInfo{}.make()})
    for (size_t n = 0; n < whole.size(); ++n) {
      LanguagePackages found = go_info(whole.substr(0, n));
      EXPECT_FALSE(has(lines(found.packages), "golang example.com/a 1.2.3")) << n;
      EXPECT_TRUE(n < 32 || !found.problem.empty()) << n;
    }
}

TEST(GoBuildInfo, LengthsThatLie) {
  std::string head = std::string(kGoMagic) + "\x08\x02" + std::string(16, '\0');
  for (const std::string& rest : {std::string(40, '\xff'), std::string("\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01", 11), varint(UINT64_MAX) + "go1.22",
                                  varint(2000) + std::string(2000, 'g'), "\x08go1.22.1" + varint(kMaxGoModules + 1), "\x08go1.22.1" + varint(UINT64_MAX),
                                  std::string("\x08go1.22.1\x80", 10)}) {
    LanguagePackages found = go_info(head + rest);
    EXPECT_THAT(lines(found.packages), IsEmpty());
    EXPECT_NE(found.problem, "");
  }
  std::string most = "path\tx\n" + std::string(kMaxGoModules - 32 - 8, 'b') + "\n";
  EXPECT_THAT(good(go_info(inline_info("go1.22.1", framed(most)))), ElementsAre("golang stdlib 1.22.1"));
}

TEST(GoBuildInfo, IsFoundWhereItIsAlignedInAPlaceThatIsLoaded) {
  std::string info = inline_info("go1.22.1", framed(kModules));
  for (size_t before : {16U, 64U, 65'520U, 65'536U, 131'040U, 500'000U})
    EXPECT_TRUE(has(good(go_info(std::string(before, 'x') + std::string((16 - before % 16) % 16, 'x') + info)), "golang stdlib 1.22.1")) << before;
  // A decoy off the alignment, as in the text of a program that looks for others.
  std::string decoy = std::string(7, 'x') + std::string(kGoMagic) + std::string(11, '\0');
  EXPECT_TRUE(has(good(go_info(decoy + info)), "golang stdlib 1.22.1"));
  EXPECT_THAT(good(go_info("x" + info)), IsEmpty()) << "not aligned";
  EXPECT_THAT(good(go_info(std::string(32, 'x') + info, {{0, 32}})), IsEmpty()) << "not in the place";
  EXPECT_TRUE(has(good(go_info(std::string(32, 'x') + info, {{0, 16}, {32, info.size()}})), "golang stdlib 1.22.1"));
  EXPECT_TRUE(has(good(go_info(info, {{UINT64_MAX - 3, 8}, {info.size(), 5}, {0, UINT64_MAX}})), "golang stdlib 1.22.1")) << "places past the end";
}

TEST(GoBuildInfo, NoneIsNoProblem) {
  EXPECT_THAT(good(go_info("")), IsEmpty());
  EXPECT_THAT(good(go_info(std::string(200'000, '\0'))), IsEmpty());
  EXPECT_THAT(good(go_info(std::string(kGoMagic))), IsEmpty());
  EXPECT_THAT(good(go_info(inline_info("go1.22.1", ""), {})), IsEmpty());
}

TEST(GoModules, VersionsOfGo) {
  const std::pair<const char*, const char*> versions[] = {
      {"go1.22.1", "1.22.1"},     {"go1.22rc1", "1.22.0-rc1"}, {"go1.21beta2", "1.21.0-beta2"},     {"go1.22.1 X:nocoverageredesign", "1.22.1"},
      {"go1.21-bigcorp", "1.21"}, {"go1.19", "1.19"},          {"go1.20.5 (vendor 1-2)", "1.20.5"}, {"go1.9.2rc2", "1.9.2-rc2"}};
  for (const auto& [go, want] : versions) EXPECT_THAT(lines(parse_go_modules(go, "")), ElementsAre("golang stdlib " + std::string(want))) << go;
  for (std::string_view none : {"", "devel go1.23-abc Thu Mar 7 10:00:00 2024 +0000", "devel +abc", "unknown", "go", "1.22.1", "g"})
    EXPECT_THAT(lines(parse_go_modules(none, "")), IsEmpty()) << none;
}

TEST(GoModules, VersionsOfModules) {
  EXPECT_THAT(lines(parse_go_modules("",
                                     "path\tx/cmd\nmod\tx\tv0.0.0-20240101000000-abcdefabcdef+dirty\t\ndep\ta\tv2.0.0+incompatible\th1:=\n"
                                     "dep\tb\tv0.0.0-20190101000000-abcdefabcdef\th1:=\ndep\tc\tv1.0.0\nbuild\tvcs=git\nbuild\tdep\tz\tv1\n")),
              ElementsAre("golang x 0.0.0-20240101000000-abcdefabcdef+dirty", "golang a 2.0.0+incompatible", "golang b 0.0.0-20190101000000-abcdefabcdef",
                          "golang c 1.0.0"));
}

TEST(GoModules, Replacements) {
  EXPECT_THAT(
      lines(parse_go_modules(
          "",
          "dep\ta\tv1.0.0\n=>\tfork/a\tv1.0.1\th1:=\ndep\tb\tv2.0.0\n=>\t./b\t(devel)\t\ndep\tc\tv3.0.0\n=>\t../c\t\t\ndep\td\tv4.0.0\n=>\t/abs/d\t(devel)\t\n"
          "dep\te\tv5.0.0\th1:=\n")),
      ElementsAre("golang fork/a 1.0.1", "golang b ", "golang c ", "golang d ", "golang e 5.0.0"));
  EXPECT_THAT(lines(parse_go_modules("go1.22.1", "=>\tevil\tv6.6.6\th1:=\ndep\ta\tv1.0.0\n=>\tb\tv1.0.1\th1:=\n=>\tc\tv1.0.2\th1:=\n")),
              ElementsAre("golang stdlib 1.22.1", "golang b 1.0.1"))
      << "one replaces one";
}

TEST(GoModules, AReplacementIsHeldToTheLimitsOfNames) {
  std::string longer(kMaxPackageName + 1, 'b');
  for (const std::string& line : {std::string("=>\t\tv1.0.1\th1:=\n"), "=>\t" + longer + "\tv1.0.1\th1:=\n", "=>\tb\t" + longer + "\th1:=\n"})
    for (const Package& p : parse_go_modules("", "dep\ta\tv1.0.0\n" + line)) {
      EXPECT_NE(p.name, "");
      EXPECT_LE(p.name.size(), kMaxPackageName);
      EXPECT_LE(p.version.size(), kMaxPackageName);
    }
}

TEST(GoModules, LinesThatAreNone) {
  EXPECT_THAT(lines(parse_go_modules("", "\n\t\ndep\ndep\t\ndep\t\t\ndep\ta\nmod\nDEP\tb\tv1\n dep\tc\tv1\ndependency\td\tv1\ndep e v1\ndep\tf\tv1\r\n")),
              ElementsAre("golang f 1"));
}

// The frame of debug.BuildInfo: without it there are no modules (debug/buildinfo's readRawBuildInfo).
TEST(GoBuildInfo, ModulesOutsideTheirFrameAreNone) {
  EXPECT_THAT(good(go_info(inline_info("go1.22.1", kModules))), ElementsAre("golang stdlib 1.22.1"));
}

struct GoProgram {
  std::string bytes;
  std::vector<std::string> wanted;  // by `go version -m`
};

class GoTool : public testing::Test {
 protected:
  // A program of two modules and a replaced one for a machine; nullopt where the tool cannot make it.
  std::optional<GoProgram> build(const std::string& environment, const std::string& flags = "") {
    scratch_.write("go.mod",
                   "module example.com/app\n\ngo 1.16\n\nrequire (\n\texample.com/dep v1.2.3\n\texample.com/old v2.0.0+incompatible\n)\n\n"
                   "replace example.com/dep v1.2.3 => ./dep\n\nreplace example.com/old => ./old\n");
    scratch_.write("dep/go.mod", "module example.com/dep\n");
    scratch_.write("dep/d.go", "package dep\n\nfunc F() int { return 1 }\n");
    scratch_.write("old/o.go", "package old\n\nfunc F() int { return 2 }\n");
    scratch_.write("old/go.mod", "module example.com/old\n");
    scratch_.write("main.go", "package main\n\nimport (\n\t\"example.com/dep\"\n\t\"example.com/old\"\n)\n\nfunc main() { println(dep.F() + old.F()) }\n");
    std::string env = "cd '" + scratch_.path() + "' && GOFLAGS=-mod=mod GOPROXY=off GOSUMDB=off GOTOOLCHAIN=local GOWORK=off CGO_ENABLED=0 ";
    if (!test::output_of(env + environment + " go build " + flags + " -o app . 2>&1")) return std::nullopt;
    auto told = test::output_of("cd '" + scratch_.path() + "' && go version -m app");
    if (!told) return std::nullopt;
    GoProgram out{test::slurp(scratch_ / "app"), {}};
    each_line(*told, [&](std::string_view line) {
      auto part = split(line, '\t');
      auto version = [](std::string_view v) { return v == "(devel)" ? "" : std::string(v.substr(v.starts_with('v') ? 1 : 0)); };
      if (line.starts_with("app: go")) out.wanted.push_back("golang stdlib " + std::string(line.substr(7, line.find(' ', 7) - 7)));
      if (part.size() > 3 && (part[1] == "mod" || part[1] == "dep")) out.wanted.push_back("golang " + std::string(part[2]) + " " + version(part[3]));
      if (part.size() > 3 && part[1] == "=>") {
        std::string& last = out.wanted.back();
        last = "golang " + (part[2].starts_with('.') ? last.substr(7, last.find(' ', 7) - 7) : std::string(part[2])) + " " + version(part[3]);
      }
      return true;
    });
    return out;
  }
  test::Scratch scratch_;
};

LanguagePackages of_elf(const std::string& bytes, bool by_section) {
  MemoryView view(as_bytes(bytes));
  auto elf = parse_elf(view);
  if (!elf) return {.packages = {}, .problem = elf.error().what, .distribution = ""};
  std::vector<FileRange> places;
  for (const auto& s : elf->build_sections)
    if (by_section && s.name == elf::kGoBuildSection) places.push_back({s.offset, s.size});
  for (const ElfSegment& s : elf->segments)
    if (!by_section && s.type == elf::kLoad && (s.flags & 2U) != 0) places.push_back({s.offset, s.file_size});
  return parse_go_build_info(view, places, [&](uint64_t a) { return elf->offset_of(a); });
}

TEST_F(GoTool, ReadsTheSameOfProgramsForManyMachines) {
  if (!test::has_tool("go")) GTEST_SKIP() << "go is not there";
  size_t made = 0;
  const std::pair<const char*, const char*> kinds[] = {
      {"GOARCH=amd64", ""}, {"GOARCH=amd64", "-ldflags='-s -w'"}, {"GOOS=linux GOARCH=mips", ""}, {"GOOS=linux GOARCH=386", "-trimpath"}};
  for (const auto& [environment, flags] : kinds) {
    auto program = build(environment, flags);
    if (!program) continue;
    ++made;
    ASSERT_THAT(program->wanted, SizeIs(4)) << environment;
    for (bool by_section : {true, false})
      EXPECT_THAT(good(of_elf(program->bytes, by_section)), ElementsAreArray(program->wanted)) << environment << flags << by_section;
  }
  if (made == 0) GTEST_SKIP() << "go cannot build here";
}

// --- Rust

uint32_t adler32(std::string_view data) {
  uint32_t a = 1, b = 0;
  for (char c : data) a = (a + static_cast<uint8_t>(c)) % 65521, b = (b + a) % 65521;
  return b << 16 | a;
}

// RFC 1950 with the data stored.
std::string zlib_stored(std::string_view data) {
  std::string out = "\x78\x01", sum = le(adler32(data), 4);
  do {
    std::string_view part = data.substr(0, 65535);
    data.remove_prefix(part.size());
    out += (data.empty() ? '\1' : '\0') + le(part.size(), 2) + le(part.size() ^ 0xffff, 2) + std::string(part);
  } while (!data.empty());
  return out + std::string(sum.rbegin(), sum.rend());
}

// Deflate by the fixed code: `size` zero bytes, then `tail` of bytes below 144.
std::string deflated_zeros(uint64_t size, std::string_view tail) {
  std::string out;
  uint32_t bits = 0;
  int have = 0;
  auto put = [&](uint32_t value, int n) {
    bits |= value << have, have += n;
    for (; have >= 8; have -= 8, bits >>= 8) out += static_cast<char>(bits & 255);
  };
  auto code = [&](uint32_t value, int n) {  // Huffman codes stand with their first bit first
    for (int i = n - 1; i >= 0; --i) put(value >> i & 1, 1);
  };
  put(1, 1), put(1, 2);
  uint64_t left = size;
  if (left > 0) code(0x30, 8), --left;
  for (; left >= 258; left -= 258) code(0xc5, 8), code(0, 5);
  for (; left > 0; --left) code(0x30, 8);
  for (char c : tail) code(0x30 + static_cast<uint8_t>(c), 8);
  code(0, 7);
  put(0, 7);
  return out;
}

TEST(InflateZlib, StoredAndDeflated) {
  auto text = inflate_zlib(as_bytes(zlib_stored("")), 0);
  ASSERT_TRUE(text);
  EXPECT_EQ(*text, "");
  std::string big(200'000, 'x');
  text = inflate_zlib(as_bytes(zlib_stored(big)), big.size());
  ASSERT_TRUE(text);
  EXPECT_EQ(*text, big);
  std::string zeros(100'000, '\0'), sum = le(adler32(zeros), 4);
  text = inflate_zlib(as_bytes("\x78\x9c" + deflated_zeros(zeros.size(), "") + std::string(sum.rbegin(), sum.rend())), zeros.size());
  ASSERT_TRUE(text) << text.error().what;
  EXPECT_EQ(*text, zeros);
}

TEST(InflateZlib, OverTheLimitIsRefused) {
  std::string big(200'000, 'x');
  for (uint64_t limit : {uint64_t{0}, uint64_t{1}, uint64_t{65'536}, uint64_t{199'999}}) {
    auto text = inflate_zlib(as_bytes(zlib_stored(big)), limit);
    ASSERT_FALSE(text) << limit;
    EXPECT_EQ(text.error().code, Errc::limit) << limit;
  }
  auto bomb = inflate_zlib(as_bytes("\x78\x9c" + deflated_zeros(64 << 20, "")), 1 << 20);
  ASSERT_FALSE(bomb);
  EXPECT_EQ(bomb.error().code, Errc::limit);
}

TEST(InflateZlib, CutAtEveryByte) {
  std::string whole = zlib_stored("some text that is stored");
  for (size_t n = 0; n < whole.size(); ++n) EXPECT_FALSE(inflate_zlib(as_bytes(whole.substr(0, n)), 1000)) << n;
}

TEST(InflateZlib, EveryBitChanged) {
  std::string whole = zlib_stored("some text that is stored");
  for (size_t i = 0; i < whole.size() * 8; ++i) {
    std::string other = whole;
    other[i / 8] = static_cast<char>(other[i / 8] ^ (1 << i % 8));
    auto text = inflate_zlib(as_bytes(other), 1000);
    EXPECT_TRUE(!text || *text == "some text that is stored") << "bit " << i;
  }
}

TEST(InflateZlib, ADictionaryOrAnotherMethodIsRefused) {
  EXPECT_FALSE(inflate_zlib(as_bytes(std::string("\x78\xbb\0\0\0\1\3\0\0\0\0\1", 12)), 1000)) << "a preset dictionary";
  EXPECT_FALSE(inflate_zlib(as_bytes(std::string("\x79\x9c\3\0\0\0\0\1", 8)), 1000)) << "not deflate";
  EXPECT_FALSE(inflate_zlib(as_bytes(std::string("\x1f\x8b\x08\0\0\0\0\0\0\3\3\0\0\0\0\0\0\0\0\0", 20)), 1000)) << "gzip";
  EXPECT_FALSE(inflate_zlib(as_bytes(std::string("\x78\x9c\7", 3)), 1000)) << "a block of no kind";
}

TEST(InflateZlib, WhatPythonCompresses) {
  if (!test::has_tool("python3")) GTEST_SKIP() << "python3 is not there";
  test::Scratch scratch;
  for (int level : {0, 1, 6, 9}) {
    auto packed = test::output_of("python3 -c \"import sys,zlib; sys.stdout.buffer.write(zlib.compress(b''.join(b'%d,'%i for i in range(50000)), " +
                                  std::to_string(level) + "))\"");
    ASSERT_TRUE(packed);
    auto text = inflate_zlib(as_bytes(*packed), 1 << 20);
    ASSERT_TRUE(text) << level;
    EXPECT_TRUE(text->starts_with("0,1,2,") && text->ends_with("49999,")) << level;
  }
}

LanguagePackages rust(std::string_view json) {
  return parse_rust_audit(as_bytes(zlib_stored(json)));
}

TEST(RustAudit, TheCratesOfAProgram) {
  LanguagePackages found = rust(
      R"({"packages":[{"name":"app","version":"0.1.0","source":"local","dependencies":[1,2,3],"root":true},{"name":"time","version":"0.1.42","source":"crates.io"},
      {"name":"forked","version":"1.0.0","source":"git"},{"name":"elsewhere","version":"1.0.0-rc.1","source":"registry","kind":"runtime"},{"name":"cc","version":"1.0.0","source":"crates.io","kind":"build"},
      {"name":"dev","version":"1.0.0","source":"crates.io","kind":"dev"},{"name":"plain","version":"2.0.0"}]})");
  EXPECT_THAT(good(found), ElementsAre("cargo app 0.1.0", "cargo time 0.1.42", "cargo forked 1.0.0", "cargo elsewhere 1.0.0-rc.1", "cargo plain 2.0.0"));
  std::vector<std::string> sources;
  for (const Package& p : found.packages) sources.push_back(p.source);
  EXPECT_THAT(sources, ElementsAre("local", "", "git", "", ""));
}

TEST(RustAudit, WhatIsOfAnotherKindIsAsIfItWereNotThere) {
  EXPECT_THAT(good(rust(R"({"packages":[null,1,[],{},{"name":1},{"name":"a","version":"1","kind":1,"source":{}}],"format":8})")), ElementsAre("cargo a 1"));
  EXPECT_THAT(good(rust(R"({"packages":[]})")), IsEmpty());
}

TEST(RustAudit, WhatCannotBeReadIsAProblem) {
  for (const std::string& json : {std::string("{}"), std::string("[]"), std::string("not"), std::string(), "{\"packages\":[],\"x\":" + deep(100'000) + "}",
                                  std::string(1'000'000, '[')}) {
    LanguagePackages found = rust(json);
    EXPECT_THAT(found.packages, IsEmpty());
    EXPECT_NE(found.problem, "") << json.substr(0, 40);
  }
  EXPECT_NE(parse_rust_audit({}).problem, "");
  EXPECT_NE(parse_rust_audit(as_bytes("not zlib")).problem, "");
  LanguagePackages bomb = parse_rust_audit(as_bytes("\x78\x9c" + deflated_zeros(kMaxLanguageFile + 1, "")));
  EXPECT_THAT(bomb.problem, HasSubstr("16.0 MiB"));
}

// --- Java

uint32_t crc32(std::string_view data, uint32_t crc = 0) {
  static const std::array<uint32_t, 256> kTable = [] {
    std::array<uint32_t, 256> t{};
    for (uint32_t i = 0; i < 256; ++i) {
      uint32_t c = i;
      for (int k = 0; k < 8; ++k) c = (c & 1) != 0 ? 0xedb88320U ^ c >> 1 : c >> 1;
      t[i] = c;
    }
    return t;
  }();
  crc = ~crc;
  for (char c : data) crc = kTable[(crc ^ static_cast<uint8_t>(c)) & 255] ^ crc >> 8;
  return ~crc;
}

// An archive with its entries stored.
class Jar {
 public:
  Jar& add(const std::string& name, std::string_view data) { return entry(name, data, 0, data.size(), crc32(data)); }
  // `claimed`: the size that the directory tells in a zip64 field.
  Jar& entry(const std::string& name, std::string_view packed, uint16_t method, uint64_t claimed, uint32_t crc, bool zip64 = false) {
    std::string extra = zip64 ? le(1, 2) + le(8, 2) + le(claimed, 8) : "";
    std::string common = le(0, 2) + le(method, 2) + le(0, 4) + le(crc, 4) + le(packed.size(), 4) + le(zip64 ? UINT32_MAX : claimed, 4) + le(name.size(), 2);
    directory_ += le(0x02014b50, 4) + le(45, 2) + le(45, 2) + common + le(extra.size(), 2) + le(0, 10) + le(out_.size(), 4) + name + extra;
    out_ += le(0x04034b50, 4) + le(45, 2) + common + le(0, 2) + name + std::string(packed);
    ++count_;
    return *this;
  }
  Jar& pom(const std::string& group, const std::string& artifact, const std::string& version) {
    return add("META-INF/maven/" + group + "/" + artifact + "/pom.properties",
               "#Generated by Maven\n#Thu Jan 01 00:00:00 UTC 2024\nversion=" + version + "\ngroupId=" + group + "\nartifactId=" + artifact + "\n");
  }
  Jar& manifest(std::string_view text) { return add("META-INF/MANIFEST.MF", text); }
  std::string bytes() const {
    return out_ + directory_ + le(0x06054b50, 4) + le(0, 4) + le(count_, 2) + le(count_, 2) + le(directory_.size(), 4) + le(out_.size(), 4) + le(0, 2);
  }

 private:
  std::string out_, directory_;
  uint64_t count_ = 0;
};

LanguagePackages java(std::string_view path, const std::string& bytes) {
  return parse_java_archive(path, MemoryView(as_bytes(bytes)));
}

TEST(Java, MavensProperties) {
  EXPECT_THAT(good(java("x/a.jar", Jar().pom("org.apache.logging.log4j", "log4j-core", "2.14.1").manifest("Implementation-Version: 9\n").bytes())),
              ElementsAre("maven org.apache.logging.log4j:log4j-core 2.14.1"));
}

TEST(Java, AShadedArchiveHasTheOnesOfAll) {
  EXPECT_THAT(
      good(java("app-1.0.jar", Jar().pom("com.x", "app", "1.0").pom("com.google.guava", "guava", "19.0").pom("commons-io", "commons-io", "2.4").bytes())),
      ElementsAre("maven com.x:app 1.0", "maven com.google.guava:guava 19.0", "maven commons-io:commons-io 2.4"));
}

TEST(Java, PropertiesWithDosLinesSpacesAndColons) {
  EXPECT_THAT(good(java("a.jar", Jar().add("META-INF/maven/g/a/pom.properties", "! c\r\n  groupId : g.h \r\nartifactId= a\r\nversion =1.0\r\n\r\n").bytes())),
              ElementsAre("maven g.h:a 1.0"));
}

// java.util.Properties: what store() escapes, load() gives back.
TEST(Java, EscapesOfProperties) {
  EXPECT_THAT(good(java("a.jar", Jar().add("META-INF/maven/g/a/pom.properties", "groupId=g\nartifactId=a\\:b\nversion=1\\=2\n").bytes())),
              ElementsAre("maven g:a:b 1=2"));
}

TEST(Java, WithoutPropertiesTheManifestAndTheFilesName) {
  EXPECT_THAT(good(java("x/spring-core-5.3.20.jar",
                        Jar().manifest("Manifest-Version: 1.0\r\nImplementation-Vendor-Id: org.springframework\r\nImplementation-Version: 9\r\n\r\n").bytes())),
              ElementsAre("maven org.springframework:spring-core 5.3.20"));
  EXPECT_THAT(good(java("x/thing.jar", Jar().manifest("Bundle-SymbolicName: org.osgi.thing;singleton:=true\nBundle-Version: 1.2.3\n").bytes())),
              ElementsAre("maven org.osgi:thing 1.2.3"));
  EXPECT_THAT(good(java("x/commons-lang-2.6.jar", Jar().add("a/B.class", "x").bytes())), ElementsAre("maven :commons-lang 2.6"));
  EXPECT_THAT(good(java("x/thing.jar", Jar().manifest("Manifest-Version: 1.0\nImplementation-Version: 3.1\n").bytes())), ElementsAre("maven :thing 3.1"));
  EXPECT_THAT(good(java("x/nothing.jar", Jar().manifest("Manifest-Version: 1.0\n").bytes())), IsEmpty());
  EXPECT_THAT(good(java("x/nothing.jar", Jar().bytes())), IsEmpty());
}

// What does not say itself what it is, others may know by the digest of its bytes: the inner archive's own, not that of what it lies in.
TEST(Java, WithoutPropertiesTheDigestIsKept) {
  std::string inner = Jar().manifest("Manifest-Version: 1.0\n").add("A.class", "x").bytes(), named = Jar().pom("g", "a", "1").bytes();
  auto sha1 = [](const std::string& bytes) {
    Hasher h(Algorithm::sha1);
    h.update(as_bytes(bytes));
    Sha1 raw{};
    h.finish(raw.data());
    return to_hex(raw.data(), raw.size());
  };
  LanguagePackages one = java("x/tools.jar", inner);
  ASSERT_THAT(one.packages, SizeIs(1));
  EXPECT_EQ(one.packages[0].sha1, sha1(inner));
  EXPECT_EQ(one.packages[0].version, "");
  EXPECT_EQ(java("x/a.jar", named).packages.at(0).sha1, "");
  LanguagePackages two = java("x/big.jar", Jar().pom("g", "a", "1").add("lib/tools.jar", inner).bytes());
  ASSERT_THAT(two.packages, SizeIs(2));
  EXPECT_EQ(two.packages[1].sha1, sha1(inner));
}

TEST(Java, AFileNameWithANumberInTheNameOfTheArtifact) {
  EXPECT_THAT(good(java("x/log4j-1.2-api-2.17.1.jar", Jar().bytes())), ElementsAre("maven :log4j-1.2-api 2.17.1"));
}

TEST(Java, LinesOfAManifestThatGoOn) {
  std::string text =
      "Manifest-Version: 1.0\r\nBundle-SymbolicName: org.example.a.very.long.name.that.does.not.fit.in.on\r\n e.line.of.seventy.two.by\r\n "
      "tes;x=\"y\"\r\nImplementation-Version: 1.\r\n 2.\r\n 3\r\n"
      "\r\nName: a/b\r\nImplementation-Version: 9\r\n";
  EXPECT_THAT(good(java("x.jar", Jar().manifest(text).bytes())),
              ElementsAre("maven org.example.a.very.long.name.that.does.not.fit.in.one.line.of.seventy.two:bytes 1.2.3"));
}

TEST(Java, OnlyTheMainSectionOfAManifestCounts) {
  EXPECT_THAT(good(java("x.jar", Jar().manifest("Manifest-Version: 1.0\n\nName: a\nImplementation-Version: 9\n").bytes())), IsEmpty());
}

// The JAR File Specification: attribute names regardless of case; lines end with CR LF, LF or CR.
TEST(Java, ManifestsByTheLetterOfTheSpecification) {
  EXPECT_THAT(good(java("x.jar", Jar().manifest("Manifest-Version: 1.0\nimplementation-VERSION: 1.2\n").bytes())), ElementsAre("maven :x 1.2"));
  EXPECT_THAT(good(java("x.jar", Jar().manifest("Manifest-Version: 1.0\rImplementation-Version: 1.2\r").bytes())), ElementsAre("maven :x 1.2"));
}

TEST(Java, AVersionThatWasNotFilledInIsNone) {
  for (const std::string& bytes : {Jar().manifest("Implementation-Version: ${project.version}\nBundle-Version: 1.5\n").bytes(),
                                   Jar().manifest("Implementation-Version: \nBundle-Version: 1.5\n").bytes()})
    EXPECT_THAT(good(java("thing.jar", bytes)), ElementsAre("maven :thing 1.5"));
  LanguagePackages found = java("thing-1.5.jar", Jar().pom("g", "thing", "${project.version}").bytes());
  EXPECT_THAT(lines(found.packages), ElementsAre("maven g:thing 1.5")) << "by the file's name, where the properties tell none";
}

TEST(Java, WhereThePropertiesTellNoVersionOrNameTheRestCounts) {
  EXPECT_THAT(lines(java("thing-1.5.jar", Jar().add("META-INF/maven/g/thing/pom.properties", "groupId=g\nartifactId=thing\n").bytes()).packages),
              ElementsAre("maven g:thing 1.5"));
  EXPECT_THAT(good(java("thing-1.5.jar", Jar().add("META-INF/maven/g/thing/pom.properties", "nothing\n").bytes())), ElementsAre("maven :thing 1.5"));
}

TEST(Java, ArchivesInArchives) {
  std::string lib = Jar().pom("g", "lib", "1.0").bytes();
  std::string war = Jar().add("WEB-INF/lib/lib-1.0.jar", lib).add("WEB-INF/lib/plain-2.0.JAR", Jar().bytes()).pom("g", "web", "3.0").bytes();
  std::string ear = Jar().add("web.war", war).add("META-INF/application.xml", "<x/>").pom("g", "all", "4.0").bytes();
  EXPECT_THAT(good(java("all.ear", ear)), ElementsAre("maven g:all 4.0", "maven g:web 3.0", "maven g:lib 1.0", "maven :plain 2.0"));
}

TEST(Java, AnArchiveAtTheRootOfAnotherIsNamedByItsOwnName) {
  EXPECT_THAT(good(java("app-9.0.ear", Jar().pom("g", "all", "4.0").add("lib-1.2.jar", Jar().bytes()).bytes())),
              ElementsAre("maven g:all 4.0", "maven :lib 1.2"));
}

TEST(Java, AnExecutableArchiveWithAScriptInFront) {
  EXPECT_THAT(good(java("app.jar", "#!/bin/bash\nexec java -jar \"$0\"\nexit 0\n" + Jar().pom("g", "a", "1").bytes())), ElementsAre("maven g:a 1"));
}

std::string nested(int depth) {
  std::string inner = Jar().pom("g", "d0", "1").bytes();
  for (int i = 1; i <= depth; ++i) inner = Jar().pom("g", "d" + std::to_string(i), "1").add("BOOT-INF/lib/x.jar", inner).bytes();
  return inner;
}

TEST(Java, NestedFiveDeepIsReadToTheLimitAndTold) {
  EXPECT_THAT(good(java("x.jar", nested(kMaxNestedArchives))), SizeIs(kMaxNestedArchives + 1));
  LanguagePackages found = java("x.jar", nested(kMaxNestedArchives + 1));
  EXPECT_THAT(found.packages, SizeIs(kMaxNestedArchives + 1));
  EXPECT_NE(found.problem, "");
  EXPECT_NE(java("x.jar", nested(100)).problem, "");
}

TEST(Java, WhatIsNoArchiveIsAProblemAndHidesNoOther) {
  for (const std::string& bytes : {std::string(), std::string("PK"), std::string(1000, 'x'), Jar().pom("g", "a", "1").bytes().substr(0, 50)}) {
    LanguagePackages found = java("x-1.0.jar", bytes);
    EXPECT_THAT(lines(found.packages), IsEmpty());
    EXPECT_THAT(found.problem, HasSubstr("x-1.0.jar"));
  }
  LanguagePackages found =
      java("x.ear", Jar().add("a.jar", "not one").add("b.jar", Jar().pom("g", "b", "1").bytes()).add("c.jar/", "").pom("g", "x", "1").bytes());
  EXPECT_THAT(lines(found.packages), ElementsAre("maven g:x 1", "maven g:b 1"));
  EXPECT_THAT(found.problem, HasSubstr("a.jar"));
}

TEST(Java, ABrokenEntryHidesNoOther) {
  std::string pom = "groupId=g\nartifactId=a\nversion=1\n";
  LanguagePackages found = java("x.jar", Jar()
                                             .entry("META-INF/maven/g/bad/pom.properties", pom, 0, pom.size(), 1)
                                             .entry("META-INF/maven/g/large/pom.properties", pom, 8, 900 << 20, 1)
                                             .pom("g", "b", "1")
                                             .bytes());
  EXPECT_THAT(lines(found.packages), ElementsAre("maven g:b 1"));
  EXPECT_NE(found.problem, "");
}

// --- bombs

// 64 MiB of zeros before an empty archive, deflated to some hundred KiB.
struct Bomb {
  uint64_t size = kMaxNestedArchive;
  std::string tail = Jar().bytes(), packed = deflated_zeros(size - tail.size(), tail);
  uint32_t crc = 0;
  Bomb() {
    std::string zeros(1 << 20, '\0');
    uint64_t left = size - tail.size();
    for (; left >= zeros.size(); left -= zeros.size()) crc = crc32(zeros, crc);
    crc = crc32(tail, crc32(std::string_view(zeros).substr(0, left), crc));
  }
};

TEST(JavaBombs, AnInnerArchiveOverItsLimitIsRefusedAndHidesNoOther) {
  Bomb bomb;
  LanguagePackages found =
      java("x.jar", Jar().entry("a.jar", bomb.packed, 8, kMaxNestedArchive + 1, bomb.crc).add("lib/b.jar", Jar().pom("g", "b", "1").bytes()).bytes());
  EXPECT_THAT(lines(found.packages), ElementsAre("maven g:b 1"));
  EXPECT_THAT(found.problem, HasSubstr("64.0 MiB"));
}

// What is refused unread costs nothing of what all may hold together.
TEST(JavaBombs, ASizeThatLiesHidesNoOther) {
  for (uint64_t lie : {kMaxNestedBytes + 1, UINT64_MAX, UINT64_MAX - kMaxNestedBytes}) {
    LanguagePackages found = java("x.jar", Jar().entry("a.jar", "x", 0, lie, 1, true).add("lib/b.jar", Jar().pom("g", "b", "1").bytes()).bytes());
    EXPECT_THAT(lines(found.packages), ElementsAre("maven g:b 1")) << lie;
    EXPECT_NE(found.problem, "") << lie;
  }
}

TEST(JavaBombs, AllTogetherAreHeldToTheirLimit) {
  Bomb bomb;
  Jar jar;
  for (uint64_t i = 0; i < kMaxNestedBytes / kMaxNestedArchive; ++i) jar.entry(std::to_string(i) + ".jar", bomb.packed, 8, bomb.size, bomb.crc);
  LanguagePackages whole = java("x.jar", jar.bytes());
  EXPECT_EQ(whole.problem, "") << "as much as is allowed";
  std::string last = Jar().pom("g", "b", "1").bytes();
  LanguagePackages found = java("x.jar", Jar(jar).add("lib/b.jar", last).bytes());
  EXPECT_THAT(lines(found.packages), IsEmpty());
  EXPECT_THAT(found.problem, HasSubstr("512.0 MiB"));
  // A size that brings the sum round to nothing.
  found = java("x.jar", Jar(jar).entry("lie.jar", "x", 0, UINT64_MAX - kMaxNestedBytes + 1, 1, true).add("lib/b.jar", last).bytes());
  EXPECT_THAT(lines(found.packages), IsEmpty()) << "more than kMaxNestedBytes were unpacked";
}

TEST(JavaBombs, APropertiesFileOfManyMegabytesIsRefused) {
  Bomb bomb;
  LanguagePackages found = java("x-1.0.jar", Jar().entry("META-INF/maven/g/a/pom.properties", bomb.packed, 8, bomb.size, bomb.crc).bytes());
  EXPECT_THAT(lines(found.packages), ElementsAre("maven :x 1.0"));
  EXPECT_NE(found.problem, "");
}

TEST(JavaBombs, MorePackagesThanAllowedAreCutAndTold) {
  std::string inner;
  Jar jar;
  for (int i = 0; i < 1000; ++i) jar.pom("g", "a" + std::to_string(i), "1");
  inner = jar.bytes();
  Jar outer;
  for (size_t i = 0; i <= kMaxLanguagePackages / 1000; ++i) outer.add("lib/" + std::to_string(i) + ".jar", inner);
  LanguagePackages found = java("x.jar", outer.bytes());
  EXPECT_THAT(found.packages, SizeIs(kMaxLanguagePackages));
  EXPECT_NE(found.problem, "");
}

TEST(Java, WhatTheJarToolMakes) {
  if (!test::has_tool("jar")) GTEST_SKIP() << "jar is not there";
  test::Scratch scratch;
  scratch.write("in/META-INF/maven/g/a/pom.properties", "groupId=g\nartifactId=a\nversion=1.0\n");
  scratch.write("m.txt", "Implementation-Vendor-Id: org.example\nImplementation-Title: " + std::string(100, 't') + "\nBundle-SymbolicName: org.example." +
                             std::string(100, 'n') + "\nImplementation-Version: 2.0\n");
  std::string at = "cd '" + scratch.path() + "' && ";
  if (!test::output_of(
          at +
          "jar cfm plain.jar m.txt -C in META-INF/maven/g/a/pom.properties && mkdir -p o/lib && mv plain.jar o/lib/ && jar cfm outer.jar m.txt -C o . 2>&1"))
    GTEST_SKIP() << "jar fails";
  EXPECT_THAT(good(java("outer.jar", test::slurp(scratch / "outer.jar"))), ElementsAre("maven org.example:" + std::string(100, 'n') + " 2.0", "maven g:a 1.0"));
}

TEST(Java, ArchivesOfPython) {
  if (!test::has_tool("python3")) GTEST_SKIP() << "python3 is not there";
  test::Scratch scratch;
  std::string file = scratch / "x.jar";
  ASSERT_TRUE(
      test::output_of("python3 -c \"import zipfile,io,sys\nb=io.BytesIO()\nz=zipfile.ZipFile(b,'w',zipfile.ZIP_DEFLATED)\n"
                      "z.writestr('META-INF/maven/g/a/pom.properties','groupId=g'+chr(10)+'artifactId=a'+chr(10)+'version=1'+chr(10))\nz.close()\n"
                      "y=zipfile.ZipFile(sys.argv[1],'w',zipfile.ZIP_DEFLATED)\ny.writestr('WEB-INF/lib/a.jar',b.getvalue())\ny.close()\" '" +
                      file + "'"));
  EXPECT_THAT(good(java("x.war", test::slurp(file))), ElementsAre("maven g:a 1"));
}

}  // namespace
}  // namespace careen
