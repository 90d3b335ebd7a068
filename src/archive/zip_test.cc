// ZipReader against archives made by hand, and against what other makers of archives write. A contradiction must not hide an entry.
#include "archive/zip.h"

#include <isa-l/crc.h>
#include <isa-l/igzip_lib.h>

#include "../tests/support/scratch.h"
#include "base/bytes.h"
#include "base/text.h"

namespace careen {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::string le(uint64_t value, int bytes) {
  std::string out;
  for (; bytes > 0; --bytes, value >>= 8) out += static_cast<char>(value & 255);
  return out;
}

std::string deflated(std::string_view data) {
  std::string out(data.size() + data.size() / 8 + 1024, '\0');
  isal_zstream z;
  isal_deflate_stateless_init(&z);
  z.end_of_stream = 1, z.flush = NO_FLUSH;
  z.next_in = reinterpret_cast<uint8_t*>(const_cast<char*>(data.data()));
  z.avail_in = static_cast<uint32_t>(data.size());
  z.next_out = reinterpret_cast<uint8_t*>(out.data());
  z.avail_out = static_cast<uint32_t>(out.size());
  EXPECT_EQ(isal_deflate_stateless(&z), COMP_OK);
  out.resize(z.total_out);
  return out;
}

uint32_t crc_of(std::string_view data) {
  return crc32_gzip_refl(0, reinterpret_cast<const uint8_t*>(data.data()), data.size());
}

// What an entry says; nullopt: the truth.
struct Entry {
  std::string name, data = {};
  bool deflate = false, zip64 = false, descriptor = false;
  uint16_t flags = 0;
  std::optional<uint16_t> method = {};
  std::optional<uint32_t> crc = {};
  std::optional<uint64_t> packed = {}, size = {}, offset = {};
  std::optional<std::string> local_name = {}, extra = {};
  std::string comment = {};
};

struct End {
  std::string comment = {}, extensible = {};
  bool zip64 = false;
  std::optional<uint64_t> count = {}, directory_size = {}, directory = {};
  std::optional<uint16_t> comment_size = {};
  std::optional<uint64_t> end64 = {};  // where the locator says it is
};

// Writes an archive; all offsets count from `front`, the size of what stands before it.
class ZipBytes {
 public:
  explicit ZipBytes(std::string front = {}, bool offsets_know_of_it = false) : out_(std::move(front)), front_(offsets_know_of_it ? 0 : out_.size()) {}

  ZipBytes& add(const Entry& e) {
    std::string packed = e.deflate ? deflated(e.data) : e.data;
    uint64_t offset = e.offset.value_or(out_.size() - front_), packed_size = e.packed.value_or(packed.size()), size = e.size.value_or(e.data.size());
    uint32_t crc = e.crc.value_or(crc_of(e.data));
    auto flags = static_cast<uint16_t>(e.flags | (e.descriptor ? 8 : 0));
    uint16_t method = e.method.value_or(e.deflate ? 8 : 0);
    std::string local = e.local_name.value_or(e.name), extra64;
    if (e.zip64) extra64 = le(1, 2) + le(24, 2) + le(size, 8) + le(packed_size, 8) + le(offset, 8);
    std::string local_extra = e.zip64 ? le(1, 2) + le(16, 2) + le(size, 8) + le(packed_size, 8) : "";
    uint64_t ones = UINT32_MAX;
    out_ += le(0x04034b50, 4) + le(45, 2) + le(flags, 2) + le(method, 2) + le(0, 4) + le(e.descriptor ? 0 : crc, 4) +
            le(e.descriptor ? 0
               : e.zip64    ? ones
                            : packed_size,
               4) +
            le(e.descriptor ? 0
               : e.zip64    ? ones
                            : size,
               4) +
            le(local.size(), 2) + le(local_extra.size(), 2) + local + local_extra + packed;
    if (e.descriptor) out_ += le(0x08074b50, 4) + le(crc, 4) + le(packed.size(), 4) + le(e.data.size(), 4);
    std::string extra = e.extra.value_or(extra64);
    bool all_ones = e.zip64 || e.extra;
    directory_ += le(0x02014b50, 4) + le(45, 2) + le(45, 2) + le(flags, 2) + le(method, 2) + le(0, 4) + le(crc, 4) + le(all_ones ? ones : packed_size, 4) +
                  le(all_ones ? ones : size, 4) + le(e.name.size(), 2) + le(extra.size(), 2) + le(e.comment.size(), 2) + le(0, 8) +
                  le(e.zip64 ? ones : offset, 4) + e.name + extra + e.comment;
    ++count_;
    return *this;
  }
  ZipBytes& raw(std::string_view s) { return out_ += s, *this; }
  size_t size() const { return out_.size(); }
  const std::string& directory() const { return directory_; }

  std::string end(const End& e = {}) const {
    uint64_t count = e.count.value_or(count_), size = e.directory_size.value_or(directory_.size()), at = e.directory.value_or(out_.size() - front_);
    std::string all = out_ + directory_;
    if (e.zip64) {
      uint64_t end64 = e.end64.value_or(all.size() - front_);
      all += le(0x06064b50, 4) + le(44 + e.extensible.size(), 8) + le(45, 2) + le(45, 2) + le(0, 8) + le(count, 8) + le(count, 8) + le(size, 8) + le(at, 8) +
             e.extensible;
      all += le(0x07064b50, 4) + le(0, 4) + le(end64, 8) + le(1, 4);
      count = UINT16_MAX, size = at = UINT32_MAX;
    }
    return all + le(0x06054b50, 4) + le(0, 4) + le(count, 2) + le(count, 2) + le(size, 4) + le(at, 4) + le(e.comment_size.value_or(e.comment.size()), 2) +
           e.comment;
  }

 private:
  std::string out_, directory_;
  uint64_t front_ = 0;
  size_t count_ = 0;
};

struct Read {
  std::vector<std::string> names = {}, contents = {};
  std::optional<Error> error = {};  // the first there was
};

Read read_all(std::string_view archive, uint64_t limit = 1 << 20) {
  MemoryView view(as_bytes(archive));
  Read out;
  auto zip = ZipReader::open(view);
  if (!zip) return out.error = zip.error(), out;
  std::vector<ZipEntry> entries;
  auto each = zip->each([&](const ZipEntry& e) { return entries.push_back(e), true; });
  if (!each) out.error = each.error();
  for (const ZipEntry& e : entries) {
    out.names.push_back(e.name);
    auto content = zip->read(e, limit);
    if (content)
      out.contents.push_back(*content);
    else if (!out.error)
      out.error = content.error();
  }
  return out;
}

// What must be so of anything that claims to be an archive: an error, or all of these names.
void expect_error_or(const Read& r, const std::vector<std::string>& names) {
  if (r.error) return;
  EXPECT_EQ(r.names, names);
}

std::string two() {
  return ZipBytes().add({.name = "a", .data = "first"}).add({.name = "b/c", .data = std::string(3000, 'x'), .deflate = true}).end();
}

TEST(Zip, AnEmptyArchiveHasNoEntries) {
  Read r = read_all(ZipBytes().end());
  EXPECT_FALSE(r.error) << r.error->what;
  EXPECT_THAT(r.names, IsEmpty());
}

TEST(Zip, StoredAndDeflatedEntriesInTheOrderOfTheDirectory) {
  Read r = read_all(two());
  ASSERT_FALSE(r.error) << r.error->what;
  EXPECT_THAT(r.names, ElementsAre("a", "b/c"));
  EXPECT_THAT(r.contents, ElementsAre("first", std::string(3000, 'x')));
}

TEST(Zip, AnEntrySaysWhatTheDirectorySays) {
  std::string all = ZipBytes().add({.name = "x/", .data = ""}).add({.name = "y", .data = "data", .deflate = true, .flags = 0x800}).end();
  MemoryView view(as_bytes(all));
  auto zip = ZipReader::open(view);
  ASSERT_TRUE(zip);
  std::vector<ZipEntry> e;
  ASSERT_TRUE(zip->each([&](const ZipEntry& one) { return e.push_back(one), true; }));
  ASSERT_EQ(e.size(), 2U);
  EXPECT_TRUE(e[0].folder());
  EXPECT_FALSE(e[1].folder());
  EXPECT_EQ(e[1].method, 8);
  EXPECT_EQ(e[1].flags, 0x800);
  EXPECT_EQ(e[1].crc, crc_of("data"));
  EXPECT_EQ(e[1].size, 4U);
  EXPECT_EQ(e[1].packed, deflated("data").size());
  EXPECT_EQ(e[1].offset, 32U);
}

TEST(Zip, EmptyContent) {
  Read r = read_all(ZipBytes().add({.name = "s"}).add({.name = "d", .deflate = true}).end());
  ASSERT_FALSE(r.error) << r.error->what;
  EXPECT_THAT(r.contents, ElementsAre("", ""));
}

TEST(Zip, FalseStopsTheWalk) {
  std::string all = two();
  MemoryView view(as_bytes(all));
  auto zip = ZipReader::open(view);
  ASSERT_TRUE(zip);
  size_t seen = 0;
  EXPECT_TRUE(zip->each([&](const ZipEntry&) { return ++seen, false; }));
  EXPECT_EQ(seen, 1U);
}

TEST(Zip, TheFirstBytesTell) {
  EXPECT_TRUE(is_zip(as_bytes(two())));
  EXPECT_TRUE(is_zip(as_bytes(ZipBytes().end())));
  EXPECT_FALSE(is_zip(as_bytes(std::string_view("PK\3"))));
  EXPECT_FALSE(is_zip(as_bytes(std::string_view("PK\1\2aaaa"))));
  EXPECT_FALSE(is_zip({}));
}

TEST(Zip, CommentsOfTheArchiveAndOfEntries) {
  for (size_t n : {size_t{1}, size_t{21}, size_t{22}, size_t{65535}}) {
    Read r = read_all(
        ZipBytes().add({.name = "a", .data = "1", .comment = std::string(n, 'c')}).add({.name = "b", .data = "2"}).end({.comment = std::string(n, 'z')}));
    ASSERT_FALSE(r.error) << n << r.error->what;
    EXPECT_THAT(r.contents, ElementsAre("1", "2")) << n;
  }
}

TEST(Zip, DataDescriptors) {
  Read r = read_all(
      ZipBytes().add({.name = "a", .data = "one", .descriptor = true}).add({.name = "b", .data = "two two", .deflate = true, .descriptor = true}).end());
  ASSERT_FALSE(r.error) << r.error->what;
  EXPECT_THAT(r.contents, ElementsAre("one", "two two"));
}

TEST(Zip, Zip64) {
  for (bool entry : {false, true})
    for (bool end : {false, true}) {
      Read r = read_all(
          ZipBytes().add({.name = "a", .data = "one", .zip64 = entry}).add({.name = "b", .data = "22", .deflate = true, .zip64 = entry}).end({.zip64 = end}));
      ASSERT_FALSE(r.error) << entry << end << r.error->what;
      EXPECT_THAT(r.contents, ElementsAre("one", "22"));
    }
}

// APPNOTE 4.3.14.3: an extensible data sector may follow what is fixed of the zip64 end record.
TEST(Zip, Zip64EndWithAnExtensibleSector) {
  Read r = read_all(ZipBytes().add({.name = "a", .data = "one"}).end({.extensible = std::string(30, 'e'), .zip64 = true}));
  ASSERT_FALSE(r.error) << r.error->what;
  EXPECT_THAT(r.contents, ElementsAre("one"));
}

TEST(Zip, AProgramInFront) {
  for (bool known : {false, true}) {
    Read r = read_all(ZipBytes("#!/bin/sh\nexec java -jar $0\n", known)
                          .add({.name = "a", .data = "one"})
                          .add({.name = "b", .data = "2", .deflate = true})
                          .end({.comment = "c"}));
    ASSERT_FALSE(r.error) << known << r.error->what;
    EXPECT_THAT(r.contents, ElementsAre("one", "2"));
  }
}

TEST(Zip, AProgramInFrontOfZip64) {
  for (bool known : {false, true}) {
    Read r = read_all(ZipBytes(std::string(100, '#'), known).add({.name = "a", .data = "one", .zip64 = true}).end({.zip64 = true}));
    ASSERT_FALSE(r.error) << (known ? "offsets know of it: " : "offsets do not know of it: ") << r.error->what;
    EXPECT_THAT(r.contents, ElementsAre("one"));
  }
}

TEST(Zip, OfTwoArchivesTheLastCounts) {
  std::string first = ZipBytes().add({.name = "old", .data = "old"}).end();
  Read r = read_all(ZipBytes(first).add({.name = "new", .data = "new"}).end());
  ASSERT_FALSE(r.error) << r.error->what;
  EXPECT_THAT(r.names, ElementsAre("new"));
  EXPECT_THAT(r.contents, ElementsAre("new"));
}

// The comment's length says where the end record is: readers that heed it (Java's) run what others do not see.
TEST(Zip, TheMagicOfAnEndInTheCommentIsNoEnd) {
  for (const std::string& comment : {le(0x06054b50, 4), "see " + le(0x06054b50, 4) + " there", le(0x06054b50, 4) + std::string(17, 'a'),
                                     std::string(30, 'b') + le(0x06054b50, 4) + std::string(60, '\xff')}) {
    Read r = read_all(ZipBytes().add({.name = "real", .data = "real"}).end({.comment = comment}));
    ASSERT_FALSE(r.error) << escape(comment) << ": " << r.error->what;
    EXPECT_THAT(r.names, ElementsAre("real"));
  }
}

TEST(Zip, AnEndRecordInsideTheCommentHidesNothing) {
  // The record in the comment is of no archive: its own comment does not reach the end of the file.
  std::string empty = ZipBytes().end();
  expect_error_or(read_all(ZipBytes().add({.name = "real", .data = "real"}).end({.comment = empty + "tail"})), {"real"});
  // Where it fits, all readers that look from the end take it.
  std::string fitting = ZipBytes().end({.comment = "tail"});
  expect_error_or(read_all(ZipBytes().add({.name = "real", .data = "real"}).end({.comment = fitting})), {});
}

TEST(Zip, ADirectoryThatIsNotWhereItsEndSaysHidesNothing) {
  ZipBytes other;
  other.add({.name = "fake", .data = "real"});
  // Truth is the directory in front of the end record; a second one lies in the comment, and the offset points there.
  ZipBytes z;
  z.add({.name = "real", .data = "real"});
  uint64_t behind = z.size() + z.directory().size() + 22;
  ASSERT_EQ(other.directory().size(), z.directory().size());
  expect_error_or(read_all(z.end({.comment = other.directory(), .directory = behind})), {"real"});
  // A second one in front: all readers go by the end of the file and its size, or refuse.
  ZipBytes front(other.directory());
  front.add({.name = "real", .data = "real"});
  expect_error_or(read_all(front.end({.directory = 0})), {"real"});
  for (uint64_t lie : {uint64_t{1}, uint64_t{35}, uint64_t{36}, uint64_t{1000}, uint64_t{UINT32_MAX - 1}})
    expect_error_or(read_all(ZipBytes().add({.name = "real", .data = "real"}).end({.directory = lie})), {"real"});
}

TEST(Zip, ADirectoryOfAnotherSizeThanItsEndSaysHidesNothing) {
  for (int lie : {-47, -46, -1, 1, 40, 100000}) {
    ZipBytes z;
    z.add({.name = "a", .data = "a"}).add({.name = "b", .data = "b"});
    expect_error_or(read_all(z.end({.directory_size = static_cast<uint64_t>(static_cast<int>(z.directory().size()) + lie)})), {"a", "b"});
  }
}

// Others go by the directory's size: what a small count left out would be seen and run by them alone.
TEST(Zip, ACountThatIsTooSmallHidesNothing) {
  for (bool zip64 : {false, true})
    for (uint64_t count : {0, 1, 2})
      expect_error_or(
          read_all(
              ZipBytes().add({.name = "a", .data = "a"}).add({.name = "b", .data = "b"}).add({.name = "c", .data = "c"}).end({.zip64 = zip64, .count = count})),
          {"a", "b", "c"});
}

TEST(Zip, ACountThatIsTooLargeIsAnError) {
  for (uint64_t count : {uint64_t{2}, uint64_t{65534}, uint64_t{65535}}) {
    Read r = read_all(ZipBytes().add({.name = "a", .data = "a"}).end({.count = count}));
    ASSERT_TRUE(r.error) << count;
    EXPECT_EQ(r.error->code, Errc::corrupt);
  }
}

TEST(Zip, AMillionEntriesClaimed) {
  Read r = read_all(ZipBytes().add({.name = "a", .data = "a"}).end({.zip64 = true, .count = 1'000'000}));
  ASSERT_TRUE(r.error);
  EXPECT_EQ(r.error->code, Errc::corrupt);
  r = read_all(ZipBytes().add({.name = "a", .data = "a"}).end({.zip64 = true, .count = kMaxZipEntries + 1}));
  ASSERT_TRUE(r.error);
  EXPECT_EQ(r.error->code, Errc::limit);
  r = read_all(ZipBytes().add({.name = "a", .data = "a"}).end({.zip64 = true, .count = UINT64_MAX}));
  ASSERT_TRUE(r.error);
  EXPECT_EQ(r.error->code, Errc::limit);
}

TEST(Zip, SeventyThousandEntriesOfZip64) {
  ZipBytes z;
  for (int i = 0; i < 70'000; ++i) z.add({.name = std::to_string(i)});
  Read r = read_all(z.end({.zip64 = true}));
  ASSERT_FALSE(r.error) << r.error->what;
  EXPECT_EQ(r.names.size(), 70'000U);
}

TEST(Zip, ADirectoryLargerThanTheLimitOrTheFile) {
  Read r = read_all(ZipBytes().end({.zip64 = true, .directory_size = kMaxZipDirectory + 1}));
  ASSERT_TRUE(r.error);
  EXPECT_EQ(r.error->code, Errc::limit);
  for (uint64_t at : {uint64_t{0}, uint64_t{1} << 40, UINT64_MAX, UINT64_MAX - 100}) {
    r = read_all(ZipBytes().end({.zip64 = true, .directory_size = 1000, .directory = at}));
    ASSERT_TRUE(r.error) << at;
    EXPECT_EQ(r.error->code, Errc::corrupt);
  }
}

TEST(Zip, AZip64EndThatIsElsewhere) {
  for (uint64_t at : {uint64_t{0}, uint64_t{1}, uint64_t{1} << 33, UINT64_MAX, UINT64_MAX - 55}) {
    Read r = read_all(ZipBytes().add({.name = "a", .data = "a"}).end({.zip64 = true, .end64 = at}));
    expect_error_or(r, {"a"});
  }
}

TEST(Zip, OverlappingEntriesGiveWhatTheDirectorySaysAndNoMore) {
  ZipBytes z;
  z.add({.name = "a", .data = "same"}).add({.name = "b", .data = "same", .offset = 0});
  Read r = read_all(z.end());
  if (!r.error) {
    EXPECT_THAT(r.contents, ElementsAre("same", "same"));
  }
  // One whose data are the whole of the next, header and all.
  std::string inner = ZipBytes().add({.name = "in", .data = "payload"}).end();
  inner = inner.substr(0, 30 + 2 + 7);
  ZipBytes quoted;
  quoted.add({.name = "out", .data = inner}).add({.name = "in", .data = "payload", .offset = 30 + 3});
  r = read_all(quoted.end());
  if (!r.error) {
    EXPECT_THAT(r.contents, ElementsAre(inner, "payload"));
  }
}

TEST(Zip, AnOffsetThatIsNoEntry) {
  for (bool zip64 : {false, true})
    for (uint64_t at : {uint64_t{1}, uint64_t{36}, uint64_t{5000}, uint64_t{UINT32_MAX - 1}, UINT64_MAX - 1, UINT64_MAX - 30, uint64_t{1} << 63}) {
      if (!zip64 && at > UINT32_MAX) continue;
      Read r = read_all(ZipBytes().add({.name = "a", .data = "a", .zip64 = zip64, .offset = at}).end());
      ASSERT_TRUE(r.error) << at;
      EXPECT_EQ(r.error->code, Errc::corrupt) << r.error->what;
    }
}

TEST(Zip, SizesThatLieOfStoredEntries) {
  struct Lie {
    std::optional<uint64_t> packed, size;
  };
  for (const Lie& lie : {Lie{{}, 3}, Lie{{}, 5}, Lie{3, {}}, Lie{5, {}}, Lie{{}, 0}, Lie{0, {}}, Lie{UINT64_MAX - 1, UINT64_MAX - 1}, Lie{100'000, 100'000}}) {
    Read r = read_all(ZipBytes().add({.name = "a", .data = "abcd", .zip64 = true, .packed = lie.packed, .size = lie.size}).end(), UINT64_MAX);
    EXPECT_TRUE(r.error) << lie.packed.value_or(4) << " " << lie.size.value_or(4);
  }
  Read r = read_all(ZipBytes().add({.name = "a", .data = "abcd", .packed = 3, .size = 3}).end());
  ASSERT_TRUE(r.error) << "cut, so its checksum is another";
  EXPECT_EQ(r.error->code, Errc::mismatch);
}

TEST(Zip, SizesThatLieOfDeflatedEntries) {
  std::string data(5000, 'd');
  uint64_t packed = deflated(data).size();
  for (uint64_t size : {uint64_t{0}, uint64_t{1}, uint64_t{4999}, uint64_t{5001}, uint64_t{6000}}) {
    Read r = read_all(ZipBytes().add({.name = "a", .data = data, .deflate = true, .size = size}).end());
    ASSERT_TRUE(r.error) << size;
    EXPECT_EQ(r.error->code, Errc::corrupt) << size << r.error->what;
    EXPECT_THAT(r.error->what, HasSubstr(size < 5000 ? "larger" : "smaller"));
  }
  for (uint64_t less = 0; less < packed; ++less) {
    Read r = read_all(ZipBytes().add({.name = "a", .data = data, .deflate = true, .packed = less}).end());
    EXPECT_TRUE(r.error) << less;
  }
}

TEST(Zip, DataThatAreNotDeflated) {
  for (std::string_view data : {"\xff\xff\xff\xff", "\x07", "garbage that nobody deflated", "\x01\x05\x00\xfa\xffhell"}) {
    Read r = read_all(ZipBytes().add({.name = "a", .data = std::string(data), .method = 8, .size = 100}).end());
    ASSERT_TRUE(r.error) << escape(data);
    EXPECT_EQ(r.error->code, Errc::corrupt);
  }
}

TEST(Zip, AWrongChecksum) {
  for (bool deflate : {false, true}) {
    Read r = read_all(ZipBytes().add({.name = "a", .data = "abcd", .deflate = deflate, .crc = 1}).end());
    ASSERT_TRUE(r.error);
    EXPECT_EQ(r.error->code, Errc::mismatch);
  }
}

TEST(Zip, EncryptedOrOfAnUnknownMethodIsUnsupported) {
  Read r = read_all(ZipBytes().add({.name = "a", .data = "abcd", .flags = 1}).end());
  ASSERT_TRUE(r.error);
  EXPECT_EQ(r.error->code, Errc::unsupported);
  EXPECT_THAT(r.error->what, HasSubstr("encrypted"));
  for (uint16_t method : {1, 6, 9, 12, 14, 93, 99, 65535}) {
    r = read_all(ZipBytes().add({.name = "a", .data = "abcd", .method = method}).end());
    ASSERT_TRUE(r.error);
    EXPECT_EQ(r.error->code, Errc::unsupported);
    EXPECT_THAT(r.error->what, HasSubstr(std::to_string(method)));
  }
}

TEST(Zip, ABombIsRefusedByWhatItPromises) {
  std::string small = "tiny";
  for (uint64_t size : {uint64_t{1} << 31, uint64_t{1} << 40, UINT64_MAX - 1}) {
    Read r = read_all(ZipBytes().add({.name = "a", .data = small, .deflate = true, .zip64 = true, .size = size}).end(), UINT64_MAX);
    ASSERT_TRUE(r.error) << size;
    EXPECT_EQ(r.error->code, Errc::corrupt) << "deflate holds no such ratio";
  }
  Read r = read_all(ZipBytes().add({.name = "a", .data = std::string(10 << 20, '\0'), .deflate = true}).end(), 1 << 20);
  ASSERT_TRUE(r.error);
  EXPECT_EQ(r.error->code, Errc::limit);
  r = read_all(ZipBytes().add({.name = "a", .data = std::string(10 << 20, '\0'), .deflate = true}).end(), 10 << 20);
  EXPECT_FALSE(r.error) << "what deflate can hold, it may";
}

TEST(Zip, TheLimitIsOnWhatComesOut) {
  for (bool deflate : {false, true})
    for (uint64_t limit : {uint64_t{0}, uint64_t{3}, uint64_t{4}}) {
      Read r = read_all(ZipBytes().add({.name = "a", .data = "abcd", .deflate = deflate}).end(), limit);
      EXPECT_EQ(!r.error, limit == 4) << limit;
      if (r.error) {
        EXPECT_EQ(r.error->code, Errc::limit);
      }
    }
}

TEST(Zip, NamesAsTheyStand) {
  std::vector<std::string> names = {std::string("a\0.class", 8), "../../etc/passwd", "/abs", "", "C:\\x", "a//b/", "\xff\xfe", std::string(65535, 'n')};
  ZipBytes z;
  for (const std::string& n : names) z.add({.name = n, .data = "x"});
  Read r = read_all(z.end());
  ASSERT_FALSE(r.error) << r.error->what;
  EXPECT_EQ(r.names, names);
  EXPECT_EQ(r.contents.size(), names.size());
}

TEST(Zip, TheNameOfTheLocalHeaderIsIgnored) {
  Read r =
      read_all(ZipBytes().add({.name = "directory", .data = "x", .local_name = "other/longer-name"}).add({.name = "y", .data = "z", .local_name = ""}).end());
  ASSERT_FALSE(r.error) << r.error->what;
  EXPECT_THAT(r.names, ElementsAre("directory", "y"));
  EXPECT_THAT(r.contents, ElementsAre("x", "z"));
}

TEST(Zip, OneNameTwiceIsToldTwice) {
  Read r = read_all(ZipBytes().add({.name = "a", .data = "1"}).add({.name = "a", .data = "2"}).end());
  ASSERT_FALSE(r.error) << r.error->what;
  EXPECT_THAT(r.names, ElementsAre("a", "a"));
  EXPECT_THAT(r.contents, ElementsAre("1", "2"));
}

// Sizes that are all ones stand in the extra field; where it is cut or missing, nobody knows them, and nothing is empty for it.
TEST(Zip, AZip64FieldThatIsCutIsNoEmptyEntry) {
  for (const std::string& extra :
       {std::string(), le(1, 2) + le(0, 2), le(1, 2) + le(4, 2) + "abcd", le(1, 2) + le(8, 2) + le(0, 8), le(1, 2) + le(24, 2), le(2, 2) + le(0, 2)}) {
    Read r = read_all(ZipBytes().add({.name = "a", .data = "abcd", .crc = 0, .extra = extra}).end(), UINT64_MAX);
    EXPECT_TRUE(r.error) << escape(extra) << " read as " << (r.contents.empty() ? "nothing" : std::to_string(r.contents[0].size()) + " bytes");
  }
}

TEST(Zip, ExtraFieldsThatAreCutDoNotMatter) {
  std::string all = two();
  size_t at = all.find(le(0x02014b50, 4));
  ASSERT_NE(at, std::string::npos);
  all[at + 30] = '\xff', all[at + 31] = '\xff';  // an extra field longer than the directory
  Read r = read_all(all);
  ASSERT_TRUE(r.error);
  EXPECT_EQ(r.error->code, Errc::corrupt);
}

TEST(Zip, SplitOverSeveralFilesIsUnsupported) {
  std::string all = two();
  size_t end = all.size() - 22;
  for (size_t at : {end + 4, end + 6}) {
    std::string split = all;
    split[at] = 1;
    Read r = read_all(split);
    ASSERT_TRUE(r.error);
    EXPECT_EQ(r.error->code, Errc::unsupported);
  }
}

TEST(Zip, TruncatedAtEveryByte) {
  for (bool zip64 : {false, true}) {
    std::string all = ZipBytes()
                          .add({.name = "a", .data = "first", .zip64 = zip64})
                          .add({.name = "b", .data = std::string(300, 'x'), .deflate = true})
                          .end({.comment = "said", .zip64 = zip64});
    for (size_t n = 0; n + 4 < all.size(); ++n) {
      Read r = read_all(all.substr(0, n));
      EXPECT_TRUE(r.error) << n;
    }
    for (size_t n = all.size() - 4; n < all.size(); ++n) expect_error_or(read_all(all.substr(0, n)), {"a", "b"});
  }
}

TEST(Zip, EveryByteChangedEndsAndNamesNoLessInSilence) {
  std::string all = two();
  for (size_t i = 0; i < all.size(); ++i)
    for (char c : {'\0', '\xff', static_cast<char>(all[i] ^ 1)}) {
      std::string changed = all;
      changed[i] = c;
      Read r = read_all(changed);
      if (!r.error) {
        EXPECT_EQ(r.names.size(), 2U) << i << " became " << static_cast<int>(c);
      }
    }
}

TEST(Zip, NoArchiveAtAll) {
  for (const std::string& s : {std::string(), std::string("PK"), std::string(21, 'P'), std::string(22, '\0'), std::string(200'000, 'P'),
                               std::string("PK\3\4") + std::string(70'000, 'a')}) {
    Read r = read_all(s);
    ASSERT_TRUE(r.error) << s.size();
    EXPECT_EQ(r.error->code, Errc::corrupt);
  }
}

// A view that reads, but keeps nothing in memory; and one that fails.
class Slow : public FileView {
 public:
  explicit Slow(std::string_view all, bool fails = false) : all_(as_bytes(all)), fails_(fails) {}
  uint64_t size() const override { return all_.size(); }
  bool read(uint64_t offset, std::span<uint8_t> into) const override { return !fails_ && MemoryView(all_).read(offset, into); }

 private:
  Bytes all_;
  bool fails_;
};

TEST(Zip, FromAFileThatIsNotInMemory) {
  std::string all = two();
  Slow slow(all);
  auto zip = ZipReader::open(slow);
  ASSERT_TRUE(zip);
  std::vector<std::string> contents;
  ASSERT_TRUE(zip->each([&](const ZipEntry& e) {
    auto content = zip->read(e, 1 << 20);
    return content && (contents.push_back(*content), true);
  }));
  EXPECT_THAT(contents, ElementsAre("first", std::string(3000, 'x')));
  Slow failing(all, true);
  auto none = ZipReader::open(failing);
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, Errc::io);
}

// What other makers write.
class ZipMakers : public testing::Test {
 protected:
  // Runs a line of Python with z open for writing to `file`, and reads what came of it.
  Read python(const std::string& open, const std::string& write, const std::string& after = "") {
    std::string file = scratch_ / "made.zip";
    std::string script = "import zipfile,sys,io\nfile='" + file + "'\nz=zipfile.ZipFile(" + open + ")\n" + write + "\nz.close()\n" + after + "\n";
    std::string path = scratch_.write("make.py", script);
    if (!test::output_of("python3 '" + path + "'")) return Read{.error = Error{Errc::usage, "python3 failed"}};
    return read_all(test::slurp(file), 64 << 20);
  }
  test::Scratch scratch_;
};

TEST_F(ZipMakers, Python) {
  if (!test::has_tool("python3")) GTEST_SKIP() << "python3 is not there";
  const std::string write = "z.writestr('a', 'one'); z.writestr('d/', ''); z.writestr('d/b', b'two' * 5000); z.writestr('\\u00e9', 'three')";
  std::string twos;
  for (int i = 0; i < 5000; ++i) twos += "two";
  for (const char* open : {"file,'w'", "file,'w',zipfile.ZIP_DEFLATED", "file,'w',zipfile.ZIP_DEFLATED,compresslevel=9"}) {
    Read r = python(open, write);
    ASSERT_FALSE(r.error) << open << r.error->what;
    EXPECT_THAT(r.names, ElementsAre("a", "d/", "d/b", "\xc3\xa9"));
    EXPECT_THAT(r.contents, ElementsAre("one", "", twos, "three"));
  }
  Read forced = python("file,'w',zipfile.ZIP_DEFLATED", "w=z.open('a','w',force_zip64=True); w.write(b'one'); w.close()");
  ASSERT_FALSE(forced.error) << forced.error->what;
  EXPECT_THAT(forced.contents, ElementsAre("one"));
  // To where it cannot seek back: sizes behind the data.
  Read piped = python(
      "type('P',(io.RawIOBase,),{'writable':lambda s:True,'write':lambda s,b:out.write(b)})() if not globals().update(out=open(file,'wb')) else "
      "0,'w',zipfile.ZIP_DEFLATED",
      "z.writestr('a', 'one'); z.writestr('b', b'two' * 5000)", "out.close()");
  ASSERT_FALSE(piped.error) << piped.error->what;
  EXPECT_THAT(piped.contents, ElementsAre("one", twos));
  Read commented = python("file,'w'", "z.comment=b'c'*65535; z.writestr('a', 'one')");
  ASSERT_FALSE(commented.error) << commented.error->what;
  EXPECT_THAT(commented.contents, ElementsAre("one"));
  Read many = python("file,'w'", "[z.writestr(str(i), '') for i in range(66000)]");
  ASSERT_FALSE(many.error) << many.error->what;
  EXPECT_EQ(many.names.size(), 66000U);
  Read in_front =
      python("file,'w'", "[z.writestr(str(i), 'x') for i in range(66000)]", "d=open(file,'rb').read(); open(file,'wb').write(b'#!/bin/sh\\n'*10+d)");
  ASSERT_FALSE(in_front.error) << "zip64 with a program in front, which Python itself reads: " << in_front.error->what;
  EXPECT_EQ(in_front.contents.size(), 66000U);
  Read bzip2 = python("file,'w',zipfile.ZIP_BZIP2", "z.writestr('a', 'one')");
  ASSERT_TRUE(bzip2.error);
  EXPECT_EQ(bzip2.error->code, Errc::unsupported);
}

TEST_F(ZipMakers, InfoZip) {
  if (!test::has_tool("zip")) GTEST_SKIP() << "zip is not there";
  scratch_.write("in/a", "one");
  scratch_.write("in/d/b", std::string(10000, 'b'));
  std::string in = "cd '" + scratch_ / "in" + "' && ";
  auto made = [&](const std::string& command) {
    std::string file = scratch_ / "made.zip";
    test::output_of("rm -f '" + file + "'");
    if (!test::output_of(in + command)) return Read{.error = Error{Errc::usage, "zip failed"}};
    return read_all(test::slurp(file));
  };
  for (const char* command :
       {"zip -q ../made.zip a d/b", "zip -q -0 ../made.zip a d/b", "zip -q -fz ../made.zip a d/b", "zip -q - a d/b | cat >../made.zip",
        "zip -q -fd ../made.zip a d/b", "zip -q ../made.zip a d/b && printf said | zip -q -z ../made.zip",
        "zip -q ../x.zip a d/b && cat a ../x.zip >../made.zip", "zip -q ../y.zip a d/b && cat a ../y.zip >../made.zip && zip -q -A ../made.zip"}) {
    Read r = made(command);
    ASSERT_FALSE(r.error) << command << ": " << r.error->what;
    EXPECT_THAT(r.names, ElementsAre("a", "d/b")) << command;
    EXPECT_THAT(r.contents, ElementsAre("one", std::string(10000, 'b'))) << command;
  }
  Read secret = made("zip -q -P word ../made.zip a");
  ASSERT_TRUE(secret.error);
  EXPECT_EQ(secret.error->code, Errc::unsupported);
}

// What Python reads of what we write: the builder of this test tells no lies of its own.
TEST_F(ZipMakers, PythonReadsWhatIsBuiltHere) {
  if (!test::has_tool("python3")) GTEST_SKIP() << "python3 is not there";
  std::string old = ZipBytes().add({.name = "old", .data = "old"}).end();
  for (const std::string& bytes :
       {two(),
        ZipBytes()
            .add({.name = "a", .data = "first", .zip64 = true})
            .add({.name = "b/c", .data = std::string(3000, 'x'), .descriptor = true})
            .end({.zip64 = true}),
        ZipBytes(old).add({.name = "a", .data = "first"}).add({.name = "b/c", .data = std::string(3000, 'x')}).end({.comment = "c"})}) {
    std::string file = scratch_.write("x.zip", bytes);
    auto out = test::output_of("python3 -c \"import zipfile; z=zipfile.ZipFile('" + file + "'); print(z.testzip(), *z.namelist())\"");
    ASSERT_TRUE(out);
    EXPECT_EQ(*out, "None a b/c\n");
    EXPECT_THAT(read_all(bytes).names, ElementsAre("a", "b/c"));
  }
}

}  // namespace
}  // namespace careen
