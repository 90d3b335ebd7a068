#include <sqlite3.h>

#include "../../tests/support/rpm_builder.h"
#include "formats/rpm_database.h"
#include "formats/rpm_header.h"

namespace careen {
namespace {

using test::RpmHeader;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr const char* kPackages = "CREATE TABLE Packages (hnum INTEGER PRIMARY KEY AUTOINCREMENT, blob BLOB NOT NULL);";

std::string header(const std::string& name, size_t padding = 0) {
  return RpmHeader().package(name).text(1004, std::string(padding, 's')).blob();
}
std::string insert(const std::string& blob) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string hex;
  for (char c : blob) hex += {kDigits[static_cast<uint8_t>(c) >> 4], kDigits[c & 15]};
  return "INSERT INTO Packages(blob) VALUES (x'" + hex + "');";
}

// The bytes of a database file that these statements make.
std::string database(const std::string& statements) {
  sqlite3* db = nullptr;
  sqlite3_open(":memory:", &db);
  char* error = nullptr;
  sqlite3_exec(db, statements.c_str(), nullptr, nullptr, &error);
  EXPECT_EQ(error, nullptr) << error;
  sqlite3_free(error);
  sqlite3_int64 size = 0;
  unsigned char* data = sqlite3_serialize(db, "main", &size, 0);
  std::string out = data == nullptr ? std::string{} : std::string(reinterpret_cast<char*>(data), static_cast<size_t>(size));
  sqlite3_free(data);
  sqlite3_close(db);
  return out;
}

struct Read {
  bool ok = false;
  DatabaseOutcome outcome;
  std::vector<std::string> names;
  uint64_t bytes = 0;
};
Read read(const std::string& file) {
  Read r;
  auto o = read_rpm_sqlite(MemoryView(as_bytes(file)), [&](Bytes h) {
    r.bytes += h.size();
    auto p = parse_rpm_header(h);
    r.names.push_back(p ? p->name : "damaged");
  });
  r.ok = static_cast<bool>(o);
  if (o) r.outcome = *o;
  return r;
}
// Nothing came of it, and it was said.
void expect_refused(const std::string& statements) {
  Read r = read(database(statements));
  EXPECT_TRUE(!r.ok || r.outcome.problems != 0) << statements;
  EXPECT_THAT(r.names, IsEmpty()) << statements;
}

TEST(RpmSqlite, HandsOutEveryHeaderInOrder) {
  Read r = read(database(kPackages + insert(header("a")) + insert(header("b", 20'000)) + insert(header("c"))));
  EXPECT_THAT(r.names, ElementsAre("a", "b", "c"));
  EXPECT_EQ(r.outcome.headers, 3U);
  EXPECT_EQ(r.outcome.problems, 0U);
}

TEST(RpmSqlite, AnEmptyTableHasNoHeaders) {
  Read r = read(database(kPackages));
  EXPECT_TRUE(r.ok);
  EXPECT_EQ(r.outcome.problems, 0U);
  EXPECT_THAT(r.names, IsEmpty());
}

TEST(RpmSqlite, ReadsADatabaseInWriteAheadMode) {
  std::string file = database(kPackages + insert(header("a")));
  file[18] = file[19] = 2;
  EXPECT_THAT(read(file).names, ElementsAre("a"));
}

TEST(RpmSqlite, RefusesAFileWithoutPackages) {
  expect_refused("CREATE TABLE Other (x);");
  EXPECT_FALSE(read("SQLite format 3").ok);
  EXPECT_FALSE(read(std::string(4096, 'x')).ok);
}

TEST(RpmSqlite, RefusesAViewInPlaceOfTheTable) {
  std::string rows = "CREATE TABLE t(x); INSERT INTO t VALUES (1),(2),(3),(4),(5),(6),(7),(8),(9),(10);";
  expect_refused(rows + "CREATE VIEW Packages AS SELECT a.x AS hnum, x'0000' AS blob FROM t a, t b;");
  expect_refused(
      "CREATE VIEW Packages AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n LIMIT 1000) SELECT i AS hnum, x'00' AS blob "
      "FROM n;");
}

TEST(RpmSqlite, RefusesAViewWhoseRowInTheSchemaSaysTable) {
  // The library goes by the statement alone, so the word in the first column proves nothing.
  expect_refused(
      "CREATE TABLE t(x); INSERT INTO t VALUES (1),(2); CREATE VIEW Packages AS SELECT x AS hnum, x'0000' AS blob FROM t;"
      "PRAGMA writable_schema=ON; UPDATE sqlite_master SET type='table', rootpage=2 WHERE name='Packages'; PRAGMA writable_schema=OFF;");
}

TEST(RpmSqlite, RefusesColumnsThatAreComputed) {
  expect_refused("CREATE TABLE Packages (hnum INTEGER PRIMARY KEY, blob AS (zeroblob(1000))); INSERT INTO Packages(hnum) VALUES (1),(2),(3);");
}

TEST(RpmSqlite, RowsWithoutAHeaderAreProblems) {
  std::string table = "CREATE TABLE Packages (hnum INTEGER PRIMARY KEY, blob BLOB);";
  Read r = read(database(table + "INSERT INTO Packages(blob) VALUES (NULL), (x'');" + insert(header("a"))));
  EXPECT_THAT(r.names, ElementsAre("a"));
  EXPECT_EQ(r.outcome.problems, 2U);
  EXPECT_NE(r.outcome.first_problem, "");
}

TEST(RpmSqlite, ADamagedPageIsAProblemAndWhatWasReadStands) {
  std::string rows;
  for (int i = 0; i < 40; ++i) rows += insert(header("p", 2000));
  std::string file = database(kPackages + rows);
  std::string cut = file.substr(0, file.size() / 2);
  Read r = read(cut);
  EXPECT_TRUE(!r.ok || r.outcome.problems != 0);
  std::string overwritten = file;
  overwritten.replace(file.size() - 30'000, 20'000, std::string(20'000, '\xff'));
  r = read(overwritten);
  EXPECT_TRUE(!r.ok || r.outcome.problems != 0);
  EXPECT_GT(r.names.size(), 0U);
}

// Cells of many rows may name one chain of overflow pages; the file is then cut behind the chain of the first.
TEST(RpmSqlite, HandsOutNoMoreBytesThanTwiceTheFile) {
  // Seven rows of a size that leaves the fewest bytes in the page, so that one page, in front of all chains, holds them.
  std::string rows, row = header("p", 61'864 - header("p").size());
  for (int i = 0; i < 7; ++i) rows += insert(row);
  std::string file = database(std::string("PRAGMA page_size=4096;") + kPackages + rows);
  auto big = [&](size_t at, size_t n) {
    uint64_t v = 0;
    for (size_t i = 0; i < n; ++i) v = v << 8 | static_cast<uint8_t>(file[at + i]);
    return v;
  };
  size_t patched = 0, first_end = 0;
  std::string chain;
  for (size_t page = 4096; page < file.size(); page += 4096) {
    if (file[page] != 13) continue;
    size_t cells = big(page + 3, 2);
    for (size_t c = 0; c < cells; ++c) {
      size_t cell = page + big(page + 8 + 2 * c, 2);
      if (static_cast<uint8_t>(file[cell]) < 0x80) continue;  // a small row
      size_t payload = (big(cell, 1) & 0x7f) << 14 | (big(cell + 1, 1) & 0x7f) << 7 | big(cell + 2, 1);
      size_t least = (4096 - 12) * 32 / 255 - 23, kept = least + (payload - least) % (4096 - 4);
      if (kept > 4096 - 35) kept = least;
      size_t pointer = cell + 4 + kept;  // behind the length, the row's number and what is kept here
      if (chain.empty()) chain = file.substr(pointer, 4);
      if (chain == file.substr(pointer, 4)) first_end = big(pointer, 4) + 15;
      file.replace(pointer, 4, chain);
      ++patched;
    }
  }
  ASSERT_EQ(patched, 7U);
  file.resize(std::min(file.size(), first_end * 4096));
  for (size_t i = 0; i < 4; ++i) file[28 + i] = static_cast<char>(file.size() / 4096 >> (24 - 8 * i));
  Read r = read(file);
  EXPECT_LE(r.bytes, 2 * file.size());
  EXPECT_TRUE(!r.ok || r.outcome.problems != 0);
  EXPECT_GT(r.names.size(), 0U);
}

}  // namespace
}  // namespace careen
