#include "store/pieces.h"

#include <gmock/gmock.h>

#include <algorithm>

#include "base/text.h"

#include "../../tests/support/scratch_folder.h"
#include "../../tests/support/sqlite_text.h"
#include "../../tests/support/store_place.h"

namespace careen {
namespace {

using testing::ElementsAre;
using testing::Gt;
using testing::IsEmpty;
using testing::Lt;
using testing::SizeIs;

FileRecord file(const std::string& path, const std::string& content) {
  FileRecord r;
  r.path = path;
  r.size = content.size();
  r.sha256 = sha256_of(as_bytes(content));
  return r;
}

// Folders `from` to `to` of a made-up tree, each with some files.
std::vector<FileRecord> folders(int from, int to, int files = 20) {
  std::vector<FileRecord> out;
  for (int d = from; d < to; ++d)
    for (int i = 0; i < files; ++i) out.push_back(file("app/folder-" + std::to_string(d) + "/file-" + std::to_string(i), std::to_string(d * 1000 + i)));
  return out;
}

FileTable table(const std::vector<FileRecord>& records) {
  FileTable t;
  for (const FileRecord& r : records) t.add(r);
  return t;
}

std::vector<Piece> pieces_of(const FileTable& t) {
  std::vector<Piece> out;
  PieceCutter c(t);
  for (Piece p; c.next(&p);) out.push_back(p);
  EXPECT_FALSE(c.damaged());
  return out;
}

std::vector<std::string> names_of(const std::vector<Piece>& pieces) {
  std::vector<std::string> out;
  for (const Piece& p : pieces) out.push_back(p.name);
  return out;
}

size_t shared(const std::vector<FileRecord>& a, const std::vector<FileRecord>& b) {
  auto x = names_of(pieces_of(table(a))), y = names_of(pieces_of(table(b)));
  std::sort(x.begin(), x.end()), std::sort(y.begin(), y.end());
  std::vector<std::string> both;
  std::set_intersection(x.begin(), x.end(), y.begin(), y.end(), std::back_inserter(both));
  return both.size();
}

std::vector<std::string> lines(const FileTable& t) {
  std::vector<std::string> out;
  FileRecord r;
  FileCursor c(t);
  while (c.next(r)) out.push_back(r.path + " " + r.target + " " + std::to_string(r.size) + " " + (r.sha256 ? to_hex(r.sha256->data(), 32) : "-"));
  EXPECT_FALSE(c.damaged());
  return out;
}

TEST(PieceCutterTest, PiecesTogetherAreTheTable) {
  auto records = folders(0, 40);
  FileRecord link;
  link.path = "app/link", link.type = FileType::symlink, link.target = "somewhere";
  records.push_back(link);
  FileTable t = table(records), again;
  auto pieces = pieces_of(t);
  EXPECT_THAT(pieces, SizeIs(Gt(20U)));
  for (const Piece& p : pieces) again.add_chunk(p.bytes, p.records);
  EXPECT_EQ(lines(again), lines(t));
}

TEST(PieceCutterTest, ATableOfNothingHasNone) {
  EXPECT_THAT(pieces_of({}), IsEmpty());
  EXPECT_THAT(pieces_of(table({file("one", "1")})), SizeIs(1));
}

TEST(PieceCutterTest, APieceIsAsATableOfItsRecordsWouldBe) {
  auto records = folders(0, 1, 9);
  FileRecord link;
  link.path = "app/folder-0/hard", link.type = FileType::hardlink, link.target = "app/folder-0/file-1";
  records.push_back(link);
  FileTable t = table(records);
  auto pieces = pieces_of(t);
  ASSERT_THAT(pieces, SizeIs(1));
  EXPECT_EQ(pieces[0].bytes, t.chunks()[0].bytes);
  EXPECT_EQ(pieces[0].records, 10U);
}

TEST(PieceCutterTest, ChunksDoNotMatter) {
  auto records = folders(0, 100);
  FileTable one = table(records), many;
  for (size_t i = 0; i < records.size(); i += 7) {
    FileTable part = table({records.begin() + static_cast<long>(i), records.begin() + static_cast<long>(std::min(i + 7, records.size()))});
    for (FileTable::Chunk& c : part.take(true)) many.add_chunk(c.bytes, c.records);
  }
  EXPECT_EQ(names_of(pieces_of(one)), names_of(pieces_of(many)));
}

TEST(PieceCutterTest, TheSameFoldersInOtherCompanyAreTheSamePieces) {
  auto of_one = folders(0, 100);
  EXPECT_THAT(shared(of_one, folders(50, 150)), Gt(45U)) << "half of them are common";
  auto with_more = of_one;
  with_more.insert(with_more.begin() + 500, file("app/folder-25/added", "x"));
  EXPECT_THAT(shared(of_one, with_more), Gt(95U));
  auto changed = of_one;
  changed[1234].sha256 = sha256_of(as_bytes("changed"));
  EXPECT_EQ(shared(of_one, changed), pieces_of(table(of_one)).size() - 1);
}

TEST(PieceCutterTest, SmallFoldersFallIntoStepAgain) {
  for (int files : {1, 2, 3, 5}) {
    auto of_one = folders(0, 600, files), other = folders(3, 600, files);
    size_t all = pieces_of(table(of_one)).size();
    EXPECT_THAT(shared(of_one, other) * 10, Gt(all * 8)) << files << " files a folder, " << all << " pieces";
  }
}

TEST(PieceCutterTest, ALongFolderIsCutByItsOwnPaths) {
  std::vector<FileRecord> of_one, other;
  for (int i = 0; i < 5000; ++i) of_one.push_back(file("lib/file-" + std::to_string(i), std::to_string(i)));
  other.assign(of_one.begin() + 40, of_one.end());
  auto pieces = pieces_of(table(of_one));
  EXPECT_THAT(pieces, SizeIs(testing::AllOf(Gt(40U), Lt(200U))));
  for (const Piece& p : pieces) EXPECT_LE(p.records, kPieceMost);
  EXPECT_THAT(shared(of_one, other) * 10, Gt(pieces.size() * 9));
}

TEST(PieceCutterTest, LongPathsDoNotMakeLongPieces) {
  std::vector<FileRecord> records;
  for (int i = 0; i < 200; ++i) records.push_back(file(std::string(4000, static_cast<char>('a' + i % 26)) + std::to_string(i), ""));
  records.push_back(file(std::string(200'000, 'x'), "long"));
  records.push_back(file("y", "short"));
  for (const Piece& p : pieces_of(table(records))) EXPECT_LE(p.bytes.size(), kPieceBytes + 200'100) << p.records;
  FileTable again;
  for (const Piece& p : pieces_of(table(records))) again.add_chunk(p.bytes, p.records);
  EXPECT_EQ(lines(again), lines(table(records)));
}

TEST(PieceCutterTest, ADamagedTableIsTold) {
  FileTable t = table(folders(0, 2)), damaged;
  auto chunk = t.take(true)[0];
  damaged.add_chunk(chunk.bytes.substr(0, chunk.bytes.size() / 2), chunk.records);
  PieceCutter c(damaged);
  Piece p;
  while (c.next(&p)) {
  }
  EXPECT_TRUE(c.damaged());
}

TEST(PieceListTest, ComesBackAsItWas) {
  PieceList list{{1, 2, 3, 1'000'000, 4, 4, 0, INT64_MAX}, sha256_of(as_bytes("x"))}, back;
  ASSERT_TRUE(decode_piece_list(encode_piece_list(list), &back));
  EXPECT_EQ(back.numbers, list.numbers);
  EXPECT_EQ(back.sum, list.sum);
}

TEST(PieceListTest, DamageIsRefused) {
  std::string text = encode_piece_list({{1, 2, 300}, {}});
  PieceList back;
  for (size_t n = 0; n < text.size(); ++n) EXPECT_FALSE(decode_piece_list(text.substr(0, n), &back)) << n;
  EXPECT_FALSE(decode_piece_list(text + "x", &back));
  EXPECT_FALSE(decode_piece_list(std::string(10, '\xff'), &back));
}

std::string name(int n) {
  Sha256 d = sha256_of(as_bytes(std::to_string(n)));
  return {reinterpret_cast<const char*>(d.data()), kPieceName};
}

TEST(KnownPiecesTest, FindsWhatItMet) {
  KnownPieces k;
  EXPECT_FALSE(k.find(name(1)));
  for (int i = 1; i <= 10'000; ++i) k.note(name(i), i);
  int found = 0;
  for (int i = 1; i <= 10'000; ++i) {
    auto n = k.find(name(i));
    EXPECT_TRUE(!n || *n == i);
    found += n.has_value();
  }
  EXPECT_THAT(found, Gt(9'000));
  EXPECT_FALSE(k.find(name(0)));
  k.clear();
  EXPECT_FALSE(k.find(name(1)));
}

TEST(KnownPiecesTest, TheNewestNumberOfANameCounts) {
  KnownPieces k;
  k.note(name(1), 7), k.note(name(1), 8);
  EXPECT_EQ(k.find(name(1)), 8);
}

TEST(KnownPiecesTest, AFullOneForgetsWhatWasMetLongestAgo) {
  KnownPieces k(size_t{1} << 12);
  int found = 0;
  for (int i = 1; i <= 100'000; ++i) {
    k.note(name(i), i);
    if (i > 50) found += k.find(name(50)).has_value();
  }
  EXPECT_EQ(found, 100'000 - 50) << "it is met all the time";
  EXPECT_FALSE(k.find(name(49)));
}

class PieceTableTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(sqlite3_open((folder_ / "pieces.sqlite").c_str(), &file_), SQLITE_OK);
    ASSERT_EQ(sqlite3_exec(file_, kPieceSql, nullptr, nullptr, nullptr), SQLITE_OK);
    db_ = use_sqlite(file_);
    table_ = std::make_unique<PieceTable>(*db_);
  }
  void TearDown() override {
    table_.reset();
    db_.reset();
    sqlite3_close(file_);
  }
  std::vector<int64_t> add(const std::vector<Piece>& pieces) {
    std::vector<int64_t> out;
    EXPECT_TRUE(table_->add(pieces, &out));
    return out;
  }
  bool read(const std::vector<int64_t>& numbers, std::vector<Piece>* out) {
    return table_->read(numbers, [&](int64_t, Piece p) { return out->push_back(std::move(p)), true; });
  }

  test::ScratchFolder folder_;
  sqlite3* file_ = nullptr;
  std::unique_ptr<Database> db_;
  std::unique_ptr<PieceTable> table_;
};

TEST_F(PieceTableTest, WhatAnotherWroteIsKnown) {
  auto pieces = pieces_of(table(folders(0, 5)));
  auto numbers = add(pieces);
  table_ = std::make_unique<PieceTable>(*db_);
  EXPECT_EQ(add(pieces), numbers);
}

TEST_F(PieceTableTest, WhatIsTakenBackIsWrittenAnew) {
  auto pieces = pieces_of(table(folders(0, 5)));
  ASSERT_EQ(sqlite3_exec(file_, "BEGIN", nullptr, nullptr, nullptr), SQLITE_OK);
  add(pieces);
  ASSERT_EQ(sqlite3_exec(file_, "ROLLBACK", nullptr, nullptr, nullptr), SQLITE_OK);
  auto numbers = add(pieces);
  std::vector<Piece> back;
  EXPECT_TRUE(read(numbers, &back));
}

TEST_F(PieceTableTest, WhatAnotherDroppedIsWrittenAnew) {
  auto pieces = pieces_of(table(folders(0, 5)));
  add(pieces), add(pieces);
  ASSERT_EQ(sqlite3_exec(file_, "DELETE FROM piece; DELETE FROM piece_name", nullptr, nullptr, nullptr), SQLITE_OK);
  auto numbers = add(pieces);
  std::vector<Piece> back;
  EXPECT_TRUE(read(numbers, &back));
}

TEST_F(PieceTableTest, EachPieceIsKeptOnce) {
  auto pieces = pieces_of(table(folders(0, 5)));
  auto numbers = add(pieces);
  EXPECT_EQ(add(pieces), numbers);
  auto twice = pieces;
  twice.insert(twice.end(), pieces.begin(), pieces.end());
  EXPECT_THAT(add(twice), SizeIs(2 * pieces.size()));
  SqlStatement count(file_, "SELECT count(*) FROM piece");
  ASSERT_TRUE(count.row());
  EXPECT_EQ(static_cast<size_t>(count.number(0)), pieces.size());
}

TEST_F(PieceTableTest, WhatIsReadIsWhatWasWritten) {
  auto pieces = pieces_of(table(folders(0, 5)));
  auto numbers = add(pieces);
  std::reverse(numbers.begin(), numbers.end());
  std::vector<Piece> back;
  ASSERT_TRUE(read(numbers, &back));
  std::reverse(back.begin(), back.end());
  EXPECT_EQ(names_of(back), names_of(pieces));
  for (size_t i = 0; i < pieces.size(); ++i) EXPECT_EQ(back[i].records, pieces[i].records);
}

TEST_F(PieceTableTest, WhatIsNotThereIsNoPiece) {
  std::vector<Piece> back;
  EXPECT_FALSE(read({7}, &back));
  auto numbers = add(pieces_of(table(folders(0, 1))));
  EXPECT_FALSE(read({numbers[0], 99}, &back));
}

TEST_F(PieceTableTest, ADamagedBodyHasAnotherNameOrNone) {
  auto pieces = pieces_of(table(folders(0, 1)));
  auto numbers = add(pieces);
  SqlStatement look(file_, "SELECT body FROM piece"), put(file_, "UPDATE piece SET body=?");
  ASSERT_TRUE(look.row());
  std::string whole = look.text(0);
  look = {};
  for (size_t i = 0; i < whole.size(); ++i) {
    std::string bad = whole;
    bad[i] = static_cast<char>(bad[i] ^ 0x10);
    ASSERT_EQ(sqlite3_exec(file_, "SAVEPOINT whole", nullptr, nullptr, nullptr), SQLITE_OK);
    ASSERT_TRUE(put.with(SqlBlob{bad}).done());
    std::vector<Piece> back;
    bool same = read(numbers, &back) && back[0].name == pieces[0].name && back[0].records == pieces[0].records;
    // A flipped bit of the frame's own head may mean the same.
    if (same) {
      EXPECT_EQ(back[0].bytes, pieces[0].bytes) << i;
    }
    ASSERT_EQ(sqlite3_exec(file_, "ROLLBACK TO whole; RELEASE whole", nullptr, nullptr, nullptr), SQLITE_OK);
  }
}

TEST_F(PieceTableTest, NumbersOfDroppedPiecesAreNotGivenAgain) {
  auto first = add(pieces_of(table(folders(0, 3))));
  ASSERT_TRUE(table_->keep_only({first[0]}));
  std::vector<Piece> back;
  EXPECT_TRUE(read({first[0]}, &back));
  EXPECT_FALSE(read({first[1]}, &back));
  for (int64_t n : add(pieces_of(table(folders(5, 9))))) EXPECT_THAT(n, Gt(first.back()));
}

}  // namespace
}  // namespace careen
