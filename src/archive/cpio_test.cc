#include "archive/cpio.h"

#include <array>
#include <cstdio>

namespace careen {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

struct Member {
  std::string name;
  uint32_t mode = 0100644;
  std::string data = {};
  const char* magic = "070701";
  uint32_t uid = 0, gid = 0;
};

std::string pad4(std::string s) {
  return s.append((4 - s.size() % 4) % 4, '\0');
}

std::string header(const Member& m, uint32_t size, uint32_t name_size) {
  std::string out = m.magic;
  std::array<uint32_t, 13> f{1, m.mode, m.uid, m.gid, 1, 0, size, 0, 0, 0, 0, name_size, 0};
  for (uint32_t v : f) {
    std::array<char, 9> hex{};
    std::snprintf(hex.data(), hex.size(), "%08X", v);
    out += hex.data();
  }
  return out;
}

std::string member(const Member& m) {
  return pad4(header(m, static_cast<uint32_t>(m.data.size()), static_cast<uint32_t>(m.name.size() + 1)) + m.name + '\0') + pad4(m.data);
}

std::string trailer() {
  return member({.name = "TRAILER!!!", .mode = 0});
}

struct Read {
  std::vector<TarEntry> entries;
  std::vector<std::string> contents;
  std::optional<Error> error;
};

Read read_all(const std::string& archive, size_t chunk = 1 << 16) {
  MemorySource bytes(as_bytes(archive));
  Chunked chunks(bytes, chunk);
  CpioReader cpio(chunks);
  Read out;
  for (;;) {
    TarEntry e;
    auto more = cpio.next(e);
    if (!more) return out.error = more.error(), out;
    if (!*more) return out;
    out.entries.push_back(e);
    std::string& text = out.contents.emplace_back();
    for (;;) {
      auto part = cpio.content();
      if (!part) return out.error = part.error(), out;
      if (part->empty()) break;
      text += as_text(*part);
    }
  }
}

TEST(Cpio, FilesComeWithModeOwnerAndContentForAnyChunkSize) {
  std::string all = member({.name = "./usr/bin/x", .mode = 0104755, .data = "hello", .uid = 1000, .gid = 7}) +
                    member({.name = "./crc", .data = std::string(777, 'c'), .magic = "070702"}) + trailer();
  for (size_t chunk : {size_t{1}, size_t{3}, size_t{110}, size_t{4096}}) {
    Read r = read_all(all, chunk);
    ASSERT_FALSE(r.error) << r.error->what;
    ASSERT_EQ(r.entries.size(), 2U);
    EXPECT_EQ(r.entries[0].path, "./usr/bin/x");
    EXPECT_EQ(r.entries[0].mode, 04755U);
    EXPECT_EQ(r.entries[0].uid, 1000U);
    EXPECT_EQ(r.entries[0].gid, 7U);
    EXPECT_EQ(r.entries[0].size, 5U);
    EXPECT_EQ(all.substr(r.entries[0].offset, 5), "hello");
    EXPECT_THAT(r.contents, ElementsAre("hello", std::string(777, 'c')));
  }
}

TEST(Cpio, EveryTypeIsTold) {
  std::string all;
  for (uint32_t mode : {0040755U, 0120777U, 0020600U, 0060600U, 0010600U, 0140600U, 0100600U})
    all += member({.name = "n", .mode = mode, .data = mode == 0120777U ? "target" : ""});
  Read r = read_all(all + trailer());
  ASSERT_FALSE(r.error) << r.error->what;
  std::vector<FileType> types;
  for (const TarEntry& e : r.entries) types.push_back(e.type);
  EXPECT_THAT(types,
              ElementsAre(FileType::directory, FileType::symlink, FileType::character, FileType::block, FileType::fifo, FileType::regular, FileType::regular));
  EXPECT_EQ(r.entries[1].link, "target");
  EXPECT_EQ(r.entries[1].size, 0U);
}

TEST(Cpio, NamesOfAnyLengthKeepTheAlignment) {
  for (size_t n = 1; n < 12; ++n) {
    Read r = read_all(member({.name = std::string(n, 'n'), .data = std::string(n, 'd')}) + member({.name = "after"}) + trailer());
    ASSERT_FALSE(r.error) << n << r.error->what;
    ASSERT_EQ(r.entries.size(), 2U);
    EXPECT_EQ(r.contents[0], std::string(n, 'd'));
    EXPECT_EQ(r.entries[1].path, "after");
  }
}

TEST(Cpio, ContentNotAskedForIsSkipped) {
  std::string all = member({.name = "a", .data = std::string(1001, 'a')}) + member({.name = "b", .data = "b"}) + trailer();
  MemorySource bytes(as_bytes(all));
  Chunked chunks(bytes, 64);
  CpioReader cpio(chunks);
  TarEntry e;
  ASSERT_TRUE(*cpio.next(e));
  ASSERT_TRUE(*cpio.next(e));
  EXPECT_EQ(e.path, "b");
  EXPECT_FALSE(*cpio.next(e));
}

TEST(Cpio, ADirectoryHasNoContent) {
  Read r = read_all(member({.name = "d", .mode = 0040755, .data = "12345678"}) + member({.name = "b"}) + trailer());
  ASSERT_FALSE(r.error) << r.error->what;
  EXPECT_EQ(r.entries[0].size, 0U) << "as TarEntry promises of all but regular files";
  EXPECT_EQ(r.entries[1].path, "b");
}

TEST(Cpio, ANameEndsAtItsFirstNul) {
  std::string name("real\0hidden", 11);
  Read r = read_all(member({.name = name}) + trailer());
  ASSERT_FALSE(r.error);
  EXPECT_EQ(r.entries[0].path, "real");
}

TEST(Cpio, OtherMagicsAndDigitsThatAreNoneAreCorrupt) {
  for (const char* magic : {"070707",
                            "\x71\xc7"
                            "0000",
                            "xxxxxx"}) {
    Read r = read_all(member({.name = "a", .magic = magic}) + trailer());
    ASSERT_TRUE(r.error);
    EXPECT_EQ(r.error->code, Errc::corrupt);
  }
  std::string bad = member({.name = "a"});
  bad[20] = 'g';
  Read r = read_all(bad);
  ASSERT_TRUE(r.error);
  EXPECT_EQ(r.error->code, Errc::corrupt);
}

TEST(Cpio, LongNamesAndTargetsAreRefusedByName) {
  Read name = read_all(header({.name = ""}, 0, kMaxTarName + 1));
  ASSERT_TRUE(name.error);
  EXPECT_EQ(name.error->code, Errc::limit);
  EXPECT_THAT(name.error->what, HasSubstr("kMaxTarName"));
  Read none = read_all(header({.name = ""}, 0, 0));
  ASSERT_TRUE(none.error);
  Read link = read_all(member({.name = "l", .mode = 0120777, .data = std::string(kMaxTarName + 1, 'l')}));
  ASSERT_TRUE(link.error);
  EXPECT_EQ(link.error->code, Errc::limit);
}

TEST(Cpio, EveryCutIsTruncated) {
  std::string all = member({.name = "a", .data = "hello"}) + member({.name = "l", .mode = 0120777, .data = "to"}) + trailer();
  for (size_t cut = 0; cut < all.size() - 1; ++cut) {
    Read r = read_all(all.substr(0, cut));
    ASSERT_TRUE(r.error) << cut;
    EXPECT_EQ(r.error->code, Errc::truncated) << cut;
  }
}

TEST(Cpio, AFileLargerThanTheArchiveIsTruncated) {
  std::string all = pad4(header({.name = "a"}, 0xFFFFFFFF, 2) + "a" + '\0') + "some";
  Read r = read_all(all);
  ASSERT_TRUE(r.error);
  EXPECT_EQ(r.error->code, Errc::truncated);
  EXPECT_EQ(r.contents.at(0), "some");
}

}  // namespace
}  // namespace careen
