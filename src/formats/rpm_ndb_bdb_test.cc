#include "../../tests/support/rpm_builder.h"
#include "formats/rpm_database.h"
#include "formats/rpm_header.h"

namespace careen {
namespace {

using test::bdb_file;
using test::ndb_file;
using test::RpmHeader;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::string header(const std::string& name, size_t padding = 0) {
  return RpmHeader().package(name).text(1004, std::string(padding, 's')).blob();
}

struct Read {
  bool ok = false;
  std::string error;
  DatabaseOutcome outcome;
  std::vector<std::string> names;
  uint64_t bytes = 0;
};

Read read(const std::string& file, Result<DatabaseOutcome> (*how)(const FileView&, const HeaderSink&) = read_rpm_database) {
  Read r;
  auto o = how(MemoryView(as_bytes(file)), [&](Bytes h) {
    r.bytes += h.size();
    auto p = parse_rpm_header(h);
    r.names.push_back(p ? p->name : "damaged");
  });
  r.ok = static_cast<bool>(o);
  if (o)
    r.outcome = *o;
  else
    r.error = o.error().what;
  return r;
}

TEST(RpmDatabase, KnowsItsFormatByTheFirstBytes) {
  EXPECT_THAT(read(ndb_file({header("a")})).names, ElementsAre("a"));
  EXPECT_THAT(read(bdb_file({header("a")})).names, ElementsAre("a"));
  EXPECT_FALSE(read("").ok);
  EXPECT_FALSE(read("RpmP").ok);
  EXPECT_FALSE(read(std::string(4096, 'x')).ok);
}

TEST(RpmNdb, HandsOutEveryHeader) {
  Read r = read(ndb_file({header("a"), header("b", 1000), header("c", 77)}));
  EXPECT_THAT(r.names, ElementsAre("a", "b", "c"));
  EXPECT_EQ(r.outcome.headers, 3U);
  EXPECT_EQ(r.outcome.problems, 0U);
}

TEST(RpmNdb, AnEmptyDatabaseHasNoHeaders) {
  Read r = read(ndb_file({}));
  EXPECT_TRUE(r.ok);
  EXPECT_THAT(r.names, IsEmpty());
  EXPECT_EQ(r.outcome.problems, 0U);
}

TEST(RpmNdb, AChecksumThatDoesNotFitIsAProblemAndTheHeaderStands) {
  std::string file = ndb_file({header("a"), header("b")});
  file[file.size() - 12] ^= 1;
  Read r = read(file);
  EXPECT_THAT(r.names, ElementsAre("a", "b"));
  EXPECT_EQ(r.outcome.problems, 1U);
  EXPECT_THAT(r.outcome.first_problem, HasSubstr("checksum"));
}

TEST(RpmNdb, OneDamagedPackageLeavesTheOthers) {
  auto damaged = [](size_t at, char value) {
    std::string file = ndb_file({header("a"), header("b")});
    file[at] = value;
    return read(file);
  };
  for (auto [at, what] : {std::pair<size_t, const char*>{32, "slot has no magic"},
                          {4096, "record is damaged"},
                          {4100, "record is damaged"},
                          {4108 + 3, "record is damaged"},
                          {32 + 10, "outside the file"}}) {
    Read r = damaged(at, '\x7f');
    EXPECT_THAT(r.names, ElementsAre("b")) << at;
    EXPECT_EQ(r.outcome.problems, 1U) << at;
    EXPECT_THAT(r.outcome.first_problem, HasSubstr(what)) << at;
  }
}

TEST(RpmNdb, ACutFileIsAProblem) {
  std::string file = ndb_file({header("a"), header("b")});
  for (size_t n : {file.size() - 1, file.size() - 100, size_t{4096}, size_t{100}}) {
    Read r = read(file.substr(0, n));
    EXPECT_TRUE(!r.ok || r.outcome.problems != 0) << n;
  }
}

TEST(RpmNdb, RefusesAnOddNumberOfSlotPages) {
  std::string file = ndb_file({header("a")});
  file[12] = 0;
  EXPECT_FALSE(read(file).ok);
  file[15] = 1;
  EXPECT_FALSE(read(file).ok);
}

// All slots may name one blob: 4 kB of slots would hand out 253 copies of it, a whole table of them far more.
TEST(RpmNdb, HandsOutNoMoreBytesThanTwiceTheFile) {
  std::string file = ndb_file({header("a", 20'000)}), slot = file.substr(32, 16);
  for (size_t at = 48; at + 16 <= 4096; at += 16) file.replace(at, 16, slot);
  Read r = read(file);
  EXPECT_LE(r.bytes, 2 * file.size());
  EXPECT_NE(r.outcome.problems, 0U);
}

TEST(RpmNdb, AnEmptyRecordIsHandedOutOrCounted) {
  Read r = read(ndb_file({"", header("b")}));
  EXPECT_TRUE(r.names == std::vector<std::string>({"damaged", "b"}) || r.outcome.problems != 0);
}

TEST(RpmBdb, HandsOutEveryHeader) {
  for (Endian e : {Endian::little, Endian::big}) {
    Read r = read(bdb_file({header("a"), header("b", 2000), header("c", 460)}, e));
    EXPECT_THAT(r.names, ElementsAre("a", "b", "c"));
    EXPECT_EQ(r.outcome.headers, 3U);
    EXPECT_EQ(r.outcome.problems, 0U);
  }
}

TEST(RpmBdb, PassesOverTheCounterUnderKeyZero) {
  std::string file = bdb_file({std::string("\x01\0\0\0", 4), header("a")});
  size_t key = file.rfind(std::string("\x01\x01\0\0\0", 5));  // items lie from the end of the page on
  ASSERT_NE(key, std::string::npos);
  file[key + 1] = 0;
  EXPECT_THAT(read(file).names, ElementsAre("a"));
}

TEST(RpmBdb, RefusesWhatItCannotRead) {
  std::string file = bdb_file({header("a")});
  EXPECT_FALSE(read(file.substr(0, 60), read_rpm_bdb).ok);
  std::string odd = file;
  odd[20] = 1;
  EXPECT_THAT(read(odd).error, HasSubstr("page size"));
  std::string secret = file;
  secret[24] = 1;
  EXPECT_THAT(read(secret).error, HasSubstr("encrypted"));
}

TEST(RpmBdb, ACutFileIsAProblem) {
  std::string file = bdb_file({header("a"), header("b", 3000)});
  for (size_t n = 512; n < file.size(); n += 100) EXPECT_NE(read(file.substr(0, n)).outcome.problems, 0U) << n;
}

TEST(RpmBdb, ADamagedOverflowChainIsAProblem) {
  std::string file = bdb_file({header("a", 3000), header("b")});
  auto damaged = [&](size_t at, std::string_view bytes) {
    std::string f = file;
    f.replace(at, bytes.size(), bytes);
    Read r = read(f);
    EXPECT_THAT(r.names, ElementsAre("b")) << at;
    EXPECT_EQ(r.outcome.problems, 1U) << at;
    return r.outcome.first_problem;
  };
  EXPECT_THAT(damaged(1024 + 16, std::string_view("\x02\0\0\0", 4)), HasSubstr("circle"));
  EXPECT_THAT(damaged(1024 + 16, std::string_view("\0\0\0\0", 4)), HasSubstr("too early"));
  EXPECT_THAT(damaged(1024 + 16, std::string_view("\xff\xff\xff\x7f", 4)), HasSubstr("outside the file"));
  EXPECT_THAT(damaged(1024 + 16, std::string_view("\x01\0\0\0", 4)), HasSubstr("is none"));
}

TEST(RpmBdb, OffsetsOfItemsThatLieAreHarmless) {
  std::string file = bdb_file({header("a"), header("b")});
  for (size_t i = 0; i < 4; ++i)
    for (int v : {0, 1, 25, 26, 255}) {
      std::string f = file;
      f[512 + 26 + 2 * i + 1] = static_cast<char>(v), f[512 + 26 + 2 * i] = static_cast<char>(v);
      Read r = read(f);
      EXPECT_TRUE(r.ok);
    }
  std::string many = file;
  many[512 + 20] = '\xff', many[512 + 21] = '\xff';
  EXPECT_THAT(read(many).outcome.first_problem, HasSubstr("more entries"));
}

// All items may name one chain of overflow pages.
TEST(RpmBdb, HandsOutNoMoreBytesThanTwiceTheFile) {
  std::string file = bdb_file({header("a", 9000)});
  // A page whose items all name the chain that begins at page 2.
  std::string page(512, '\0');
  page[20] = 60, page[25] = 13;
  size_t end = 512;
  for (size_t i = 0; i < 60; ++i) {
    std::string item = i % 2 == 0 ? std::string("\x01") : std::string("\x03\0\0\0\x02\0\0\0", 8);
    if (i % 2 == 1) test::append(item, header("a", 9000).size(), 4, Endian::little);
    end -= item.size();
    page.replace(end, item.size(), item);
    page[26 + 2 * i] = static_cast<char>(end), page[27 + 2 * i] = static_cast<char>(end >> 8);
  }
  file.replace(512, 512, page);
  Read r = read(file);
  EXPECT_LE(r.bytes, 2 * file.size());
  EXPECT_NE(r.outcome.problems, 0U);
}

}  // namespace
}  // namespace careen
