#include "formats/elf.h"

#include <deque>

#include "../../tests/support/elf_builder.h"

namespace careen {
namespace {

using test::ElfBuilder;
using testing::ElementsAre;
using testing::Field;
using testing::HasSubstr;
using testing::IsEmpty;

// Names of symbols are views of the file, so the bytes of every parse are kept.
ElfFile parse(std::vector<uint8_t> bytes) {
  static std::deque<std::vector<uint8_t>> kept;
  auto r = parse_elf(MemoryView(kept.emplace_back(std::move(bytes))));
  EXPECT_TRUE(r) << (r ? "" : r.error().what);
  return r ? *std::move(r) : ElfFile{};
}
ElfFile parse(std::string_view text) {
  return parse(ElfBuilder(text).bytes());
}

void put(std::vector<uint8_t>& b, size_t at, uint64_t v, size_t size) {
  for (size_t i = 0; i < size; ++i) b[at + i] = static_cast<uint8_t>(v >> (8 * i));
}
size_t program_header(size_t i) {
  return 64 + 56 * i;
}  // with kLibrary: two loads, the dynamic section, the tables

constexpr const char* kLibrary =
    "load 1000 1000 rx\n"
    "load 3000 1000 rw\n"
    "needed libc.so.6\n"
    "needed libz.so.1\n"
    "soname libx.so.1\n"
    "rpath /opt/rpath\n"
    "runpath $ORIGIN/lib\n"
    "symbol work func 1000 20\n"
    "symbol pick ifunc 1100 30\n"
    "symbol malloc import 0\n"
    "symbol table object 3000 8\n"
    "rela 3000 relative - 1000\n"
    "rela 3008 glob_dat work 0\n"
    "plt 3010 jump_slot malloc 0\n";

TEST(Elf, KnowsAnElfFileByItsFirstFourBytes) {
  EXPECT_TRUE(
      is_elf(as_bytes("\x7f"
                      "ELF and more")));
  EXPECT_FALSE(
      is_elf(as_bytes("\x7f"
                      "EL")));
  EXPECT_FALSE(is_elf(as_bytes("")));
  EXPECT_FALSE(is_elf(as_bytes("#!/bin/sh")));
}

TEST(Elf, ReadsNamesFromTheDynamicSection) {
  ElfFile f = parse(kLibrary);
  EXPECT_TRUE(f.is64);
  EXPECT_EQ(f.endian, Endian::little);
  EXPECT_EQ(f.machine, elf::kMachineX86_64);
  EXPECT_EQ(f.type, elf::kTypeDynamic);
  EXPECT_TRUE(f.has_dynamic);
  EXPECT_FALSE(f.has_sections);
  EXPECT_THAT(f.needed, ElementsAre("libc.so.6", "libz.so.1"));
  EXPECT_EQ(f.soname, "libx.so.1");
  EXPECT_EQ(f.rpath, "/opt/rpath");
  EXPECT_EQ(f.runpath, "$ORIGIN/lib");
  EXPECT_THAT(f.problems, IsEmpty());
}

TEST(Elf, ReadsDynamicSymbols) {
  ElfFile f = parse(kLibrary);
  ASSERT_EQ(f.symbols.size(), 5U);
  EXPECT_EQ(f.symbols[1].name, "work");
  EXPECT_EQ(f.symbols[1].value, 0x1000U);
  EXPECT_EQ(f.symbols[1].size, 0x20U);
  EXPECT_EQ(f.symbols[1].type, elf::kSymbolFunction);
  EXPECT_EQ(f.symbols[1].binding, 1);
  EXPECT_TRUE(f.symbols[1].defined);
  EXPECT_EQ(f.symbols[2].type, elf::kSymbolIfunc);
  EXPECT_EQ(f.symbols[3].name, "malloc");
  EXPECT_FALSE(f.symbols[3].defined);
}

TEST(Elf, ReadsRelocationsOfBothTables) {
  ElfFile f = parse(kLibrary);
  ASSERT_EQ(f.relocations.size(), 3U);
  EXPECT_EQ(f.relocations[0].type, elf::kRX64Relative);
  EXPECT_EQ(f.relocations[0].addend, 0x1000);
  EXPECT_EQ(f.relocations[1].type, elf::kRX64GlobDat);
  EXPECT_EQ(f.relocations[1].symbol, 1U);
  EXPECT_EQ(f.relocations[2].where, 0x3010U);
  EXPECT_EQ(f.relocations[2].symbol, 3U);
}

TEST(Elf, NamesStayValidWhenTheFileIsMoved) {
  ElfFile a = parse(kLibrary);
  ElfFile b = std::move(a);
  EXPECT_EQ(b.symbols.at(2).name, "pick");
}

TEST(Elf, UnpacksPackedRelativeRelocations) {
  // 0x3000 itself, then of the words after it the first and the third.
  ElfFile f = parse("load 1000 100 rx\nload 3000 1000 rw\nquad 3000 1000\nquad 3008 1010\nquad 3018 1020\nrelr 3000 b\n");
  EXPECT_THAT(f.relocations, ElementsAre(Field(&ElfRelocation::where, 0x3000U), Field(&ElfRelocation::where, 0x3008U), Field(&ElfRelocation::where, 0x3018U)));
  EXPECT_EQ(f.relocations[2].addend, 0x1020);
  EXPECT_EQ(f.relocations[0].type, elf::kRX64Relative);
}

TEST(Elf, CountsSymbolsByTheGnuHashTable) {
  // One bucket that begins with symbol 1; chain of two words, the second ends it.
  ElfFile f = parse(
      "load 2000 100 r\nno-hash\nsymbol a func 2000\nsymbol b func 2001\nsymbol c func 2002\ndyn 6ffffef5 2000\n"
      "quad 2000 0000000100000001\nquad 2008 0000000000000001\nquad 2010 0\nquad 2018 0000000200000001\nquad 2020 0000000700000004\n");
  ASSERT_EQ(f.symbols.size(), 4U);
  EXPECT_EQ(f.symbols[3].name, "c");
}

TEST(Elf, CountsSymbolsByRelocationsWhenThereIsNoHashTable) {
  ElfFile f = parse("no-hash\nload 3000 100 rw\nsymbol a import 0\nsymbol b import 0\nrela 3000 glob_dat b 0\n");
  ASSERT_EQ(f.symbols.size(), 3U);
  EXPECT_EQ(f.symbols[2].name, "b");
}

TEST(Elf, ListsConstructorsInTheOrderTheyRun) {
  ElfFile f = parse(
      "load 1000 100 rx\nload 3000 100 rw\ndyn c 1000\ndyn 20 3000\ndyn 21 8\ndyn 19 3010\ndyn 1b 10\nquad 3000 1010\nquad 3010 "
      "ffffffffffffffff\n"
      "rela 3018 relative - 1030\n");
  EXPECT_THAT(f.constructors, ElementsAre(0x1000U, 0x1010U, 0x1030U));
}

TEST(Elf, AConstructorIsWhatTheLoaderWritesIntoItsSlot) {
  const std::string load = "load 1000 100 rx\nload 3000 1000 rw\ndyn 19 3000\ndyn 1b 20\nquad 3000 1010\nquad 3008 1020\n";
  // The addend counts, whatever the file has there; of two the last; other types and other places change nothing.
  EXPECT_THAT(parse(load + "rela 3000 relative - 1030\n").constructors, ElementsAre(0x1030U, 0x1020U));
  EXPECT_THAT(parse(load + "rela 3000 relative - 1030\nrela 3000 relative - 1040\n").constructors, ElementsAre(0x1040U, 0x1020U));
  EXPECT_THAT(parse(load + "rela 3018 relative - 1050\n").constructors, ElementsAre(0x1010U, 0x1020U, 0x1050U));
  EXPECT_THAT(parse(load + "rela 3020 relative - 1030\nrela 2ff8 relative - 1030\n").constructors, ElementsAre(0x1010U, 0x1020U));
  EXPECT_THAT(parse(load + "rela 3000 glob_dat - 1030\n").constructors, ElementsAre(0x1010U, 0x1020U));
  EXPECT_THAT(parse(load + "relr 3000 3\n").constructors, ElementsAre(0x1010U, 0x1020U));
  EXPECT_THAT(parse("load 1000 100 rx\nload 3000 100 rw\ndyn 20 3000\ndyn 21 8\nrela 3000 relative - 1030\n").constructors, ElementsAre(0x1030U));
}

TEST(Elf, KnowsWhereAProgramBegins) {
  EXPECT_EQ(parse("type 2\nload 1000 100 rx\nentry 1040\n").entry, 0x1040U);
}

// The library with so many unknown tags in front of those that it has.
std::vector<uint8_t> with_tags_in_front(size_t count) {
  std::vector<uint8_t> b = ElfBuilder(kLibrary).bytes();
  size_t at_old = program_header(2), at_load = program_header(3);
  uint64_t old = load<uint64_t>(b.data() + at_old + 16, Endian::little), size = load<uint64_t>(b.data() + at_old + 32, Endian::little);
  std::vector<uint8_t> entries(b.begin() + static_cast<long>(old), b.begin() + static_cast<long>(old + size));
  b.resize((b.size() + 15) / 16 * 16);
  uint64_t at = b.size();
  b.resize(at + 16 * count);
  for (size_t i = 0; i < count; ++i) put(b, at + 16 * i, 0x60000001, 8);
  b.insert(b.end(), entries.begin(), entries.end());
  for (size_t field : {8U, 16U, 24U}) put(b, at_old + field, at, 8);
  for (size_t field : {32U, 40U}) put(b, at_old + field, b.size() - at, 8), put(b, at_load + field, b.size() - ElfBuilder::kTables, 8);
  return b;
}

TEST(Elf, MoreDynamicEntriesThanTheLimitAreNamed) {
  ElfFile within = parse(with_tags_in_front(kMaxDynamicEntries - 100));
  EXPECT_EQ(within.soname, "libx.so.1");
  EXPECT_FALSE(within.over_limit);
  EXPECT_THAT(within.problems, IsEmpty());
  ElfFile beyond = parse(with_tags_in_front(kMaxDynamicEntries + 116));
  EXPECT_TRUE(beyond.over_limit) << "the loader reads on: what it finds was not seen";
  EXPECT_THAT(beyond.problems, testing::Contains(HasSubstr("kMaxDynamicEntries")));
}

TEST(Elf, AnOrdinaryFileIsWithinTheLimits) {
  EXPECT_FALSE(parse(kLibrary).over_limit);
  EXPECT_FALSE(parse("needed a\ndyn 7 999999\ndyn 8 30\n").over_limit) << "a table that is nowhere is broken, not too large";
}

TEST(Elf, MoreRelocationsThanTheLimitAreNamed) {
  // Packed: 63 for each word of ones. The last word passes the limit, or is the first behind it.
  std::string words = "relr 3000";
  for (size_t i = 0; i < kMaxRelocations / 63; ++i) words += " ffffffffffffffff";
  for (const char* more : {" ffffffffffffffff", " ffffffffffffffff 3", " ffffffffffffffff 8"}) {
    ElfFile packed = parse("load 3000 1000 rw\n" + words + more + "\n");
    EXPECT_TRUE(packed.over_limit) << more;
    EXPECT_LE(packed.relocations.size(), kMaxRelocations);
    EXPECT_THAT(packed.problems, testing::Contains(HasSubstr("kMaxRelocations"))) << more;
  }
}

TEST(Elf, ATableBehindAsManyRelocationsAsTheLimitIsNamed) {
  // Packed ones to exactly the limit: whatever another table says is not seen.
  std::string words = "relr 3000";
  for (size_t i = 0; i < kMaxRelocations / 63; ++i) words += " ffffffffffffffff";
  char rest[32];
  std::snprintf(rest, sizeof rest, " %llx\n", (1ULL << (kMaxRelocations - 1 - kMaxRelocations / 63 * 63 + 1)) - 1);
  const std::string full = "load 1000 100 rx\nload 3000 1000 rw\n" + words + (kMaxRelocations % 63 == 1 ? "\n" : rest);
  ElfFile exact = parse(full);
  EXPECT_EQ(exact.relocations.size(), kMaxRelocations);
  EXPECT_FALSE(exact.over_limit);
  for (const char* more : {"rela 3000 irelative - 1000\n", "plt 3000 irelative - 1000\n"}) EXPECT_TRUE(parse(full + more).over_limit) << more;
}

// A file of 100 MB of which all but the beginning is zeros, and never held.
class LongView : public FileView {
 public:
  LongView(std::vector<uint8_t> head, uint64_t size) : head_(std::move(head)), size_(size) {}
  uint64_t size() const override { return size_; }
  bool read(uint64_t offset, std::span<uint8_t> into) const override {
    if (offset > size_ || into.size() > size_ - offset) return false;
    for (size_t i = 0; i < into.size(); ++i) into[i] = offset + i < head_.size() ? head_[offset + i] : 0;
    return true;
  }

 private:
  std::vector<uint8_t> head_;
  uint64_t size_;
};

TEST(Elf, ATableOfMoreRelocationsThanTheLimitIsNamed) {
  for (uint64_t more : {uint64_t{0}, uint64_t{1}}) {
    uint64_t bytes = 24 * (kMaxRelocations + more);
    char text[64];
    std::snprintf(text, sizeof text, "load 1000 1000 r\ndyn 7 200000\ndyn 8 %llx\n", static_cast<unsigned long long>(bytes));
    std::vector<uint8_t> b = ElfBuilder(text).bytes();
    for (size_t field : {8U, 16U, 24U}) put(b, program_header(0) + field, 0x200000, 8);
    for (size_t field : {32U, 40U}) put(b, program_header(0) + field, bytes, 8);
    auto r = parse_elf(LongView(std::move(b), 0x200000 + bytes));
    ASSERT_TRUE(r) << r.error().what;
    EXPECT_EQ(r->over_limit, more != 0);
    EXPECT_EQ(r->relocations.size(), kMaxRelocations);
  }
}

TEST(Elf, TellsWhenAllSlotsAreBoundAtStart) {
  EXPECT_FALSE(parse("needed a\n").bind_now);
  EXPECT_TRUE(parse("needed a\ndyn 18 0\n").bind_now);
  EXPECT_TRUE(parse("needed a\ndyn 1e 8\n").bind_now);
  EXPECT_TRUE(parse("needed a\ndyn 6ffffffb 1\n").bind_now);
}

TEST(Elf, ReadsInterpreterThreadStorageAndNotes) {
  ElfFile f = parse(
      "load 1000 1000 r\nsegment 3 1000 20\ntext 1000 /lib64/ld.so\nsegment 7 1100 10\nsegment 4 1200 14\n"
      "quad 1200 0000000400000004\nquad 1208 00554e4700000003\nquad 1210 ddccbbaa\nneeded x\n");
  EXPECT_EQ(f.interpreter, "/lib64/ld.so");
  EXPECT_TRUE(f.has_tls);
  EXPECT_EQ(f.build_id, "aabbccdd");
}

TEST(Elf, ReadsTheJsonOfDlopenNotes) {
  ElfFile f = parse("load 1000 1000 r\nsegment 4 1200 20\nquad 1200 0000000600000004\nquad 1208 004f4446407c0c0a\ntext 1210 [{}]\n");
  EXPECT_THAT(f.dlopen_notes, ElementsAre("[{}]"));
}

TEST(Elf, NotesThatPassTheirEndAreLeftOut) {
  ElfFile f = parse("load 1000 1000 r\nsegment 4 1200 14\nquad 1200 00000fff00000004\nquad 1208 00554e4700000003\n");
  EXPECT_EQ(f.build_id, "");
}

// Only the walk of IFUNC resolvers asks for local functions.
TEST(Elf, ReadsLocalFunctionsWhereThereIsAnIfunc) {
  const std::string locals = "load 1000 100 rx\nload 3000 100 rw\nlocal hidden func 1000 10\nlocal data object 1010 8\nlocal missing import 0\n";
  for (const char* ifunc : {"rela 3000 irelative - 1000\n", "plt 3000 irelative - 1000\n", "symbol pick ifunc 1000 10\n", "local pick ifunc 1000 10\n"}) {
    ElfFile f = parse(locals + ifunc);
    EXPECT_TRUE(f.has_sections);
    ASSERT_FALSE(f.local_symbols.empty()) << ifunc;
    EXPECT_EQ(f.local_symbols[0].name, "hidden") << ifunc;
    for (const ElfSymbol& s : f.local_symbols) EXPECT_TRUE(s.name == "hidden" || s.name == "pick") << s.name;
  }
  for (const char* none : {"", "symbol work func 1000 10\n", "rela 3000 relative - 1000\n", "symbol pick import 0\nplt 3000 jump_slot pick 0\n"}) {
    ElfFile f = parse(locals + none);
    EXPECT_TRUE(f.has_sections);
    EXPECT_THAT(f.local_symbols, IsEmpty()) << none;
    EXPECT_THAT(f.problems, IsEmpty()) << none;
  }
}

TEST(Elf, ReadsLocalFunctionsOfAStaticProgramWithAnIfunc) {
  ElfFile f = parse("type 2\nload 1000 100 rx\nlocal hidden func 1000 10\nrela 3000 irelative - 1000\nno-dynamic\n");
  ASSERT_EQ(f.local_symbols.size(), 1U);
  EXPECT_EQ(f.local_symbols[0].name, "hidden");
}

TEST(Elf, ReadsRelocationsOfAStaticProgramFromItsSections) {
  ElfFile f = parse("type 2\nload 1000 100 rx\nlocal pick ifunc 1000 10\nrela 3000 irelative - 1000\nno-dynamic\n");
  EXPECT_FALSE(f.has_dynamic);
  ASSERT_EQ(f.relocations.size(), 1U);
  EXPECT_EQ(f.relocations[0].type, elf::kRX64Irelative);
}

TEST(Elf, LyingSectionHeadersChangeNothing) {
  std::vector<uint8_t> b = ElfBuilder(kLibrary).bytes();
  put(b, 40, b.size() - 8, 8);  // e_shoff
  put(b, 60, 500, 2);           // e_shnum
  ElfFile f = parse(b);
  EXPECT_EQ(f.symbols.size(), 5U);
  EXPECT_THAT(f.problems, ElementsAre(HasSubstr("section headers")));
}

TEST(Elf, ASymbolNamesAtMostKMaxElfStringBytes) {
  ElfFile f = parse("symbol " + std::string(kMaxElfString + 100, 'n') + " import 0\n");
  EXPECT_EQ(f.symbols.at(1).name.size(), kMaxElfString);
}

TEST(Elf, LaterSegmentsAreMappedOverEarlierOnes) {
  ElfFile f;
  f.segments = {{elf::kLoad, 5, 0x1000, 0x1000, 0x2000, 0x2000}, {elf::kLoad, 6, 0x9000, 0x2000, 0x1000, 0x1000}};
  f.map_segments();
  uint64_t follow = 0;
  EXPECT_EQ(f.offset_of(0x1010, &follow), 0x1010U);
  EXPECT_EQ(follow, 0xff0U);
  EXPECT_EQ(f.offset_of(0x2010, &follow), 0x9010U);
  EXPECT_EQ(follow, 0xff0U);
  EXPECT_FALSE(f.offset_of(0x3000));
  EXPECT_FALSE(f.is_executable(0x2010));
  EXPECT_TRUE(f.is_executable(0x1010));
}

TEST(Elf, MappingsNeverOverlapHoweverSegmentsDo) {
  ElfFile f;
  for (uint64_t i = 0; i < 60; ++i) f.segments.push_back({elf::kLoad, i % 2 == 0 ? 4U : 6U, 0x1000, 0x1000 + 0x1000 * (i % 7), 0x4000, 0x4000});
  f.map_segments();
  uint64_t covered = 0, end = 0;
  for (const ElfFile::Mapping& m : f.mappings) {
    EXPECT_LE(end, m.begin);
    EXPECT_LT(m.begin, m.end);
    end = m.end;
    covered += m.end - m.begin;
  }
  EXPECT_EQ(covered, 0xa000U) << "each address once";
}

TEST(Elf, AMappingIsWritableAsItsOwnSegmentIs) {
  ElfFile f;
  f.segments = {{elf::kLoad, 4, 0x1000, 0x1000, 0x3000, 0x3000}, {elf::kLoad, 6, 0x9000, 0x2000, 0x1000, 0x1000}};
  f.map_segments();
  ASSERT_EQ(f.mappings.size(), 3U);
  EXPECT_FALSE(f.mappings[0].writable);
  EXPECT_TRUE(f.mappings[1].writable);
  EXPECT_FALSE(f.mappings[2].writable);
  EXPECT_EQ(f.mappings[2].offset, 0x3000U);
}

TEST(Elf, ZeroedMemoryOfALaterSegmentHidesWhatLiesUnderIt) {
  ElfFile f;
  f.segments = {{elf::kLoad, 5, 0x1000, 0x1000, 0x2000, 0x2000}, {elf::kLoad, 6, 0x9000, 0x2000, 0x100, 0x1000}};
  f.map_segments();
  EXPECT_EQ(f.offset_of(0x2010), 0x9010U);
  EXPECT_FALSE(f.offset_of(0x2200));
  EXPECT_FALSE(f.is_executable(0x2200));
}

TEST(Elf, SegmentsThatWouldOverflowAreNotMapped) {
  ElfFile f;
  f.segments = {{elf::kLoad, 5, UINT64_MAX - 4, 0x1000, 0x1000, 0x1000}, {elf::kLoad, 5, 0x1000, UINT64_MAX - 4, 0x1000, 0x1000}};
  f.map_segments();
  EXPECT_FALSE(f.offset_of(0x1001));
  EXPECT_FALSE(f.offset_of(UINT64_MAX - 1));
}

TEST(Elf, RefusesWhatHasNoWholeHeader) {
  std::vector<uint8_t> b = ElfBuilder(kLibrary).bytes();
  for (size_t n : {0U, 3U, 15U, 16U, 63U, 64U, 100U}) {
    auto r = parse_elf(MemoryView(Bytes(b).first(n)));
    EXPECT_FALSE(r) << n;
  }
  b[4] = 9;
  EXPECT_FALSE(parse_elf(MemoryView(b)));
}

TEST(Elf, RefusesProgramHeadersOfAnOddSize) {
  std::vector<uint8_t> b = ElfBuilder(kLibrary).bytes();
  put(b, 54, 57, 2);
  EXPECT_FALSE(parse_elf(MemoryView(b)));
}

TEST(Elf, ACutFileIsReadAsFarAsItGoes) {
  std::vector<uint8_t> b = ElfBuilder(kLibrary).bytes();
  for (size_t n = 64 + 56 * 4; n < b.size(); n += 97) {
    auto r = parse_elf(MemoryView(Bytes(b).first(n)));
    ASSERT_TRUE(r) << n;
    EXPECT_EQ(r->problems.empty(), n > b.size() - 16) << n;
  }
}

TEST(Elf, ATableThatPassesTheEndOfTheFileIsReadAsFarAsItGoesAndNamed) {
  // The loader maps zeros behind the file's last byte, so such a file loads and runs.
  std::vector<uint8_t> b = ElfBuilder(kLibrary).bytes();
  put(b, program_header(3) + 32, 0x2000, 8);  // p_filesz of the segment of the tables
  size_t strsz = b.size();
  for (size_t i = ElfBuilder::kTables; i + 16 <= b.size(); i += 16)
    if (b[i] == 10 && std::all_of(b.begin() + static_cast<long>(i) + 1, b.begin() + static_cast<long>(i) + 8, [](uint8_t c) { return c == 0; })) strsz = i;
  ASSERT_LT(strsz, b.size());
  put(b, strsz + 8, 0x1800, 8);
  ElfFile f = parse(b);
  EXPECT_EQ(f.soname, "libx.so.1");
  EXPECT_EQ(f.symbols.at(1).name, "work");
  EXPECT_FALSE(f.problems.empty());
}

TEST(Elf, TheDynamicSectionEndsAtItsNullEntryWhateverItsSizeSays) {
  // The loader never looks at the size of PT_DYNAMIC.
  std::vector<uint8_t> b = ElfBuilder(kLibrary).bytes();
  size_t dynamic = program_header(2);
  ASSERT_EQ(b[dynamic], 2);
  put(b, dynamic + 32, 16, 8);
  put(b, dynamic + 40, 16, 8);
  ElfFile f = parse(b);
  EXPECT_EQ(f.needed.size(), 2U);
  EXPECT_EQ(f.symbols.size(), 5U);
}

TEST(Elf, TheOffsetOfTheDynamicSectionMayLie) {
  std::vector<uint8_t> b = ElfBuilder(kLibrary).bytes();
  put(b, program_header(2) + 8, 0x10, 8);
  EXPECT_EQ(parse(b).soname, "libx.so.1");
}

TEST(Elf, MoreSymbolsThanTheLimitAreCutAndNamed) {
  // A hash table that claims four billion symbols.
  ElfFile f = parse("no-hash\nload 2000 100 r\nsymbol a import 0\ndyn 4 2000\nquad 2000 ffffffff00000001\n");
  EXPECT_LE(f.symbols.size(), kMaxSymbols);
  EXPECT_THAT(f.problems, testing::Contains(HasSubstr("kMaxSymbols")));
  EXPECT_TRUE(f.over_limit);
}

TEST(Elf, MoreProgramHeadersThanTheLimitAreCutAndNamed) {
  std::vector<uint8_t> b(64 + 56 * 5000);
  std::vector<uint8_t> small = ElfBuilder("needed x\n").bytes();
  std::copy_n(small.begin(), 64, b.begin());
  put(b, 56, 5000, 2);
  auto r = parse_elf(MemoryView(b));
  ASSERT_TRUE(r);
  EXPECT_EQ(r->segments.size(), kMaxSegments);
  EXPECT_THAT(r->problems, testing::Contains(HasSubstr("kMaxSegments")));
  EXPECT_TRUE(r->over_limit);
}

TEST(Elf, ManySymbolSectionsOverTheSameBytesDoNotMultiply) {
  // 2000 section headers of 64 bytes that all name one table: what is kept stays near the size of the file.
  ElfBuilder one("load 1000 100 rx\nlocal " + std::string(4000, 'f') + " ifunc 1000 10\n");
  std::vector<uint8_t> b = one.bytes();
  uint64_t sections = load<uint64_t>(b.data() + 40, Endian::little);
  std::vector<uint8_t> header(b.begin() + static_cast<long>(sections), b.end());
  uint64_t at = b.size();
  b.insert(b.end(), header.begin(), header.end());
  for (int i = 0; i < 2000; ++i) b.insert(b.end(), header.begin() + 64, header.begin() + 128);
  put(b, 40, at, 8);
  put(b, 60, 2003, 2);
  ElfFile f = parse(b);
  size_t kept = 0;
  for (const auto& t : f.string_tables) kept += t.size();
  EXPECT_LE(kept, 2 * b.size());
  EXPECT_EQ(f.local_symbols.size(), 1U);
}

TEST(Elf, AFullTableOfPackedRelocationsIsNamed) {
  // Every bitmap of ones gives 63 relocations; the table of 128000 bytes stands for more than a million.
  std::string words = "relr 3000";
  for (int i = 0; i < 16000; ++i) words += " ffffffffffffffff";
  ElfFile f = parse("load 3000 1000 rw\n" + words + "\n");
  EXPECT_EQ(f.relocations.size(), 1U + 16000U * 63);
  EXPECT_LE(f.relocations.size(), kMaxRelocations);
}

TEST(Elf, ReadsA32BitBigEndianFile) {
  std::vector<uint8_t> b(52 + 32 * 2);
  auto put_big = [&](size_t at, uint64_t v, size_t n) {
    for (size_t i = 0; i < n; ++i) b[at + i] = static_cast<uint8_t>(v >> (8 * (n - 1 - i)));
  };
  for (size_t i = 0; i < 4; ++i)
    b[i] = static_cast<uint8_t>(
        "\x7f"
        "ELF"[i]);
  b[4] = 1, b[5] = 2;
  put_big(16, 2, 2), put_big(18, 8, 2), put_big(24, 0x400010, 4), put_big(28, 52, 4), put_big(42, 32, 2), put_big(44, 2, 2);
  put_big(52, 1, 4), put_big(56, 0, 4), put_big(60, 0x400000, 4), put_big(68, 116, 4), put_big(72, 116, 4), put_big(76, 5, 4);
  put_big(84, 7, 4);
  ElfFile f = parse(b);
  EXPECT_FALSE(f.is64);
  EXPECT_EQ(f.endian, Endian::big);
  EXPECT_EQ(f.entry, 0x400010U);
  EXPECT_TRUE(f.is_executable(f.entry));
  EXPECT_TRUE(f.has_tls);
  EXPECT_EQ(elf::architecture_of(f.machine, f.is64, false), "mips");
}

TEST(Elf, NamesMachinesAndArchitectures) {
  EXPECT_EQ(elf::machine_name(62), "x86-64");
  EXPECT_EQ(elf::machine_name(1234), "machine 1234");
  EXPECT_EQ(elf::architecture_of(62, true, true), "amd64");
  EXPECT_EQ(elf::architecture_of(183, true, true), "arm64");
  EXPECT_EQ(elf::architecture_of(21, true, true), "ppc64le");
  EXPECT_EQ(elf::architecture_of(8, true, true), "mips64le");
  EXPECT_EQ(elf::architecture_of(243, true, true), "riscv64");
  EXPECT_EQ(elf::architecture_of(1234, true, true), "");
}

}  // namespace
}  // namespace careen
