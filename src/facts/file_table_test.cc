#include "facts/file_table.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>
#include <filesystem>

#include "../../tests/support/scratch_folder.h"
#include "base/codec.h"

namespace careen {
namespace {

FileRecord regular(const std::string& path, uint64_t size = 5) {
  FileRecord r;
  r.path = path;
  r.kind = ContentKind::script;
  r.mode = 04755;
  r.uid = 1000;
  r.gid = UINT64_MAX;
  r.size = size;
  r.sha256 = sha256_of(as_bytes(path));
  r.md5.emplace().fill(7);
  r.sha1.emplace().fill(9);
  return r;
}

FileRecord link(FileType type, const std::string& path, const std::string& target) {
  FileRecord r;
  r.path = path;
  r.type = type;
  r.target = target;
  return r;
}

std::vector<FileRecord> all(const FileTable& t, bool* damaged = nullptr) {
  std::vector<FileRecord> out;
  FileCursor c(t);
  FileRecord r;
  while (c.next(r)) {
    EXPECT_EQ(c.index(), out.size());
    out.push_back(r);
  }
  if (damaged != nullptr)
    *damaged = c.damaged();
  else
    EXPECT_FALSE(c.damaged());
  return out;
}

void expect_same(const FileRecord& a, const FileRecord& b) {
  EXPECT_EQ(a.path, b.path);
  EXPECT_EQ(a.type, b.type);
  EXPECT_EQ(a.kind, b.kind);
  EXPECT_EQ(a.mode, b.mode);
  EXPECT_EQ(a.uid, b.uid);
  EXPECT_EQ(a.gid, b.gid);
  EXPECT_EQ(a.size, b.size);
  EXPECT_EQ(a.target, b.target);
  EXPECT_EQ(a.sha256, b.sha256);
  EXPECT_EQ(a.md5, b.md5);
  EXPECT_EQ(a.sha1, b.sha1);
}

TEST(FileTable, GivesBackEveryKindOfRecord) {
  std::vector<FileRecord> in{regular("usr/bin/x"),
                             link(FileType::symlink, "usr/bin/y", "x"),
                             link(FileType::hardlink, "usr/bin/z", "usr/bin/x"),
                             link(FileType::directory, "usr/lib", ""),
                             link(FileType::fifo, "run/p", ""),
                             link(FileType::block, "dev/sda", ""),
                             link(FileType::character, "dev/null", "")};
  FileRecord bare;
  bare.path = "no/digests";
  in.push_back(bare);
  FileRecord odd = regular(std::string("n\0ame\xff\n", 7), UINT64_MAX);
  odd.sha1.reset();
  in.push_back(odd);
  FileTable t;
  for (const auto& r : in) t.add(r);
  EXPECT_EQ(t.size(), in.size());
  auto out = all(t);
  ASSERT_EQ(out.size(), in.size());
  for (size_t i = 0; i < in.size(); ++i) expect_same(in[i], out[i]);
}

TEST(FileTable, AnEmptyTableHasNoRecords) {
  FileTable t;
  EXPECT_EQ(t.size(), 0U);
  EXPECT_TRUE(all(t).empty());
  EXPECT_TRUE(t.take(true).empty());
}

TEST(FileTable, ARecordAfterALongerPathOfTheSameBeginning) {
  FileTable t;
  for (const char* p : {"a/b/c/d", "a/b", "a/bb", "", "a", "a/b/c/d"}) t.add(link(FileType::directory, p, ""));
  auto out = all(t);
  ASSERT_EQ(out.size(), 6U);
  EXPECT_EQ(out[1].path, "a/b");
  EXPECT_EQ(out[2].path, "a/bb");
  EXPECT_EQ(out[3].path, "");
  EXPECT_EQ(out[5].path, "a/b/c/d");
}

FileTable many(size_t n) {
  FileTable t;
  for (size_t i = 0; i < n; ++i) t.add(regular("usr/share/doc/package-" + std::to_string(i / 7) + "/file-" + std::to_string(i)));
  return t;
}

TEST(FileTable, ChunksStandForThemselvesAndStaySmall) {
  FileTable t = many(5000);
  ASSERT_GT(t.chunks().size(), 3U);
  size_t bytes = 0;
  for (const auto& c : t.chunks()) {
    EXPECT_LT(c.bytes.size(), FileTable::kChunkBytes + 4096);
    bytes += c.bytes.size();
    FileTable alone;
    alone.add_chunk(c.bytes, c.records);
    EXPECT_EQ(all(alone).size(), c.records);
  }
  EXPECT_LT(bytes / 5000, 110U);  // three digests are 68 of them
}

TEST(FileTable, ChunksThatWereTakenMakeTheSameTableElsewhere) {
  FileTable from, to;
  size_t sent = 0;
  for (size_t i = 0; i < 4000; ++i) {
    from.add(regular("f" + std::to_string(i)));
    for (auto& c : from.take(false)) ++sent, to.add_chunk(std::move(c.bytes), c.records);
  }
  EXPECT_GT(sent, 1U);
  for (auto& c : from.take(true)) to.add_chunk(std::move(c.bytes), c.records);
  EXPECT_EQ(from.size(), 0U);
  auto out = all(to);
  ASSERT_EQ(out.size(), 4000U);
  EXPECT_EQ(out[3999].path, "f3999");
}

TEST(FileTable, TakesFullChunksThoughTheLastIsNotFull) {
  FileTable t = many(2000);
  ASSERT_GT(t.chunks().size(), 1U);
  ASSERT_LT(t.chunks().back().bytes.size(), FileTable::kChunkBytes);
  size_t full = t.chunks().size() - 1;
  EXPECT_EQ(t.take(false).size(), full);
}

TEST(FileTable, RecordsMayFollowAChunkOfAnotherTable) {
  FileTable a = many(3), b;
  b.add_chunk(a.chunks()[0].bytes, a.chunks()[0].records);
  b.add(regular("usr/share/doc/last"));
  auto out = all(b);
  ASSERT_EQ(out.size(), 4U);
  EXPECT_EQ(out[3].path, "usr/share/doc/last");
}

TEST(FileCursor, StopsAtEveryCutOfAChunk) {
  FileTable t = many(4);
  const std::string& whole = t.chunks()[0].bytes;
  for (size_t n = 0; n < whole.size(); ++n) {
    FileTable cut;
    cut.add_chunk(whole.substr(0, n), 4);
    bool damaged = false;
    EXPECT_LT(all(cut, &damaged).size(), 4U);
    EXPECT_TRUE(damaged) << n;
  }
}

TEST(FileCursor, TooFewOrTooManyRecordsAreDamage) {
  FileTable t = many(4);
  for (uint32_t records : {0U, 3U, 5U, UINT32_MAX}) {
    FileTable wrong;
    wrong.add_chunk(t.chunks()[0].bytes, records);
    bool damaged = false;
    all(wrong, &damaged);
    EXPECT_TRUE(damaged) << records;
  }
}

TEST(FileCursor, RefusesWhatNoTableWrites) {
  auto damaged = [](std::string bytes) {
    FileTable t;
    t.add_chunk(std::move(bytes), 1);
    bool d = false;
    all(t, &d);
    return d;
  };
  EXPECT_TRUE(
      damaged(std::string("\x05\x01"
                          "a\x01\0\0\0",
                          7)));  // shares five bytes with nothing
  EXPECT_TRUE(
      damaged(std::string("\0\x01"
                          "a\x07\0\0\0",
                          7)));  // a type that is none
  EXPECT_TRUE(
      damaged(std::string("\0\x01"
                          "a\x31\0\0\0",
                          7)));  // a kind that is none
  EXPECT_TRUE(
      damaged(std::string("\0\x01"
                          "a\x02\0\0\0\xff\xff\x03",
                          10)));  // a target past the end
  EXPECT_TRUE(damaged(std::string("\0\xff\xff\xff\xff\xff\xff\xff\xff\x7f", 10)));
  EXPECT_FALSE(
      damaged(std::string("\0\x01"
                          "a\x01\0\0\0",
                          7)));
}

TEST(FileCursor, DamageInAMiddleChunkHidesWhatFollows) {
  FileTable t;
  FileTable good = many(2);
  t.add_chunk(good.chunks()[0].bytes, 2);
  t.add_chunk("\xff", 1);
  t.add_chunk(good.chunks()[0].bytes, 2);
  bool damaged = false;
  EXPECT_EQ(all(t, &damaged).size(), 2U);
  EXPECT_TRUE(damaged);
}

// An image of millions of empty files need not hold their digests a million times, but gives them all the same.
TEST(FileTable, AnEmptyFileTakesNoRoomForItsDigests) {
  FileRecord r;
  r.path = "empty";
  r.sha256 = sha256_of({});
  Hasher(Algorithm::md5).finish(r.md5.emplace().data());
  Hasher(Algorithm::sha1).finish(r.sha1.emplace().data());
  FileTable t;
  t.add(r);
  EXPECT_LT(t.chunks().at(0).bytes.size(), 20U);
  FileRecord back;
  FileCursor c(t);
  ASSERT_TRUE(c.next(back));
  EXPECT_EQ(back.sha256, r.sha256);
  EXPECT_EQ(back.md5, r.md5);
  EXPECT_EQ(back.sha1, r.sha1);
  r.md5->at(0) ^= 1;  // a record that says otherwise keeps what it says
  FileTable odd;
  odd.add(r);
  FileCursor d(odd);
  ASSERT_TRUE(d.next(back));
  EXPECT_EQ(back.md5, r.md5);
}

// The chunks of `from`, in a table that keeps `resident` bytes in memory.
FileTable spilled(FileTable from, const std::string& directory, size_t resident) {
  FileTable t;
  t.spill_in(directory, resident);
  for (auto& c : from.take(true)) t.add_chunk(std::move(c.bytes), c.records);
  return t;
}

size_t in_file(const FileTable& t) {
  size_t n = 0;
  for (const auto& c : t.chunks()) n += c.spilled_size != 0;
  return n;
}

TEST(FileTable, WhatIsTooLongForMemoryIsReadBackFromAFile) {
  test::ScratchFolder scratch;
  for (size_t resident : {size_t{0}, size_t{1}, FileTable::kChunkBytes * 2, size_t{1} << 30}) {
    FileTable t = spilled(many(9000), scratch.path(), resident);
    EXPECT_EQ(in_file(t) == 0, resident == size_t{1} << 30) << resident;
    EXPECT_EQ(in_file(t) == t.chunks().size(), resident == 0) << resident;
    EXPECT_EQ(t.size(), 9000U);
    bool damaged = true;
    auto got = all(t, &damaged), want = all(many(9000));
    EXPECT_FALSE(damaged);
    ASSERT_EQ(got.size(), want.size());
    for (size_t i = 0; i < want.size(); ++i) {
      ASSERT_EQ(got[i].path, want[i].path);
      ASSERT_EQ(got[i].sha256, want[i].sha256);
    }
  }
  EXPECT_TRUE(std::filesystem::is_empty(scratch.path())) << "the file has no name";
}

TEST(FileTable, CopiesOfASpilledTableOutliveIt) {
  test::ScratchFolder scratch;
  std::optional<FileTable> t = spilled(many(5000), scratch.path(), 0);
  FileTable copy = *t;
  t.reset();
  EXPECT_EQ(all(copy).size(), 5000U);
}

TEST(FileTable, StaysInMemoryWhereNoFileCanBeMade) {
  FileTable t = spilled(many(5000), "/nonexistent/folder", 0);
  EXPECT_EQ(in_file(t), 0U);
  EXPECT_EQ(all(t).size(), 5000U);
}

// As on a full disk: what was written counts, the rest stays in memory.
TEST(FileTable, StaysInMemoryWhereTheFileCannotGrow) {
  test::ScratchFolder scratch;
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  auto handler = std::signal(SIGXFSZ, SIG_IGN);
  rlimit small{FileTable::kChunkBytes * 2, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  FileTable t = spilled(many(9000), scratch.path(), 0);
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  std::signal(SIGXFSZ, handler);
  EXPECT_GT(in_file(t), 0U);
  EXPECT_LT(in_file(t), t.chunks().size());
  bool damaged = true;
  EXPECT_EQ(all(t, &damaged).size(), 9000U);
  EXPECT_FALSE(damaged);
}

}  // namespace
}  // namespace careen
