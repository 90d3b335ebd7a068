#include "archive/cpio.h"

#include <array>
#include <cstdio>
#include <map>

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
  uint32_t inode = 1, links = 1, minor = 0;
};

std::string pad4(std::string s) {
  return s.append((4 - s.size() % 4) % 4, '\0');
}

std::string header(const Member& m, uint32_t size, uint32_t name_size) {
  std::string out = m.magic;
  std::array<uint32_t, 13> f{m.inode, m.mode, m.uid, m.gid, m.links, 0, size, 0, m.minor, 0, 0, name_size, 0};
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

// Every name as an unpacker would leave it: hard links take the content of the name before them that they point to.
std::map<std::string, std::string> unpacked(const Read& r) {
  std::map<std::string, std::string> out;
  for (size_t i = 0; i < r.entries.size(); ++i) {
    const TarEntry& e = r.entries[i];
    EXPECT_FALSE(out.contains(e.path)) << e.path << " twice";
    if (e.type == FileType::hardlink) {
      EXPECT_TRUE(out.contains(e.link)) << e.path << " links to " << e.link << ", which did not come before";
      EXPECT_EQ(r.contents[i], "") << "a link has no content of its own";
      EXPECT_EQ(e.size, 0U);
      out[e.path] = out[e.link];
    } else {
      out[e.path] = r.contents[i];
    }
  }
  return out;
}

using Files = std::map<std::string, std::string>;

Member linked(const std::string& name, uint32_t inode, uint32_t links, const std::string& data = "") {
  Member m;
  m.name = name;
  m.data = data;
  m.inode = inode;
  m.links = links;
  return m;
}

// rpm writes the content of a file with several names behind the last of them.
TEST(Cpio, EveryNameOfAFileHasTheContentThatComesWithTheLast) {
  std::string all = member(linked("./a", 7, 3)) + member(linked("./b", 7, 3)) + member(linked("./c", 7, 3, "shared")) + member({.name = "./after"}) + trailer();
  for (size_t chunk : {size_t{1}, size_t{110}, size_t{4096}}) {
    Read r = read_all(all, chunk);
    ASSERT_FALSE(r.error) << r.error->what;
    EXPECT_EQ(unpacked(r), (Files{{"./a", "shared"}, {"./b", "shared"}, {"./c", "shared"}, {"./after", ""}}));
    size_t regular = 0;
    for (const TarEntry& e : r.entries) regular += e.type == FileType::regular ? 1 : 0;
    EXPECT_EQ(regular, 2U) << "the content is there once";
  }
}

TEST(Cpio, FilesWithSeveralNamesMayStandAmongEachOther) {
  Member other_device = linked("y2", 7, 2, "other device");
  other_device.minor = 1;
  Member first_of_it = linked("y1", 7, 2);
  first_of_it.minor = 1;
  Read r = read_all(member(linked("x1", 7, 2)) + member(first_of_it) + member(linked("z1", 8, 2)) + member(other_device) +
                    member({.name = "plain", .data = "p"}) + member(linked("x2", 7, 2, "x")) + member(linked("z2", 8, 2, "z")) + trailer());
  ASSERT_FALSE(r.error) << r.error->what;
  EXPECT_EQ(unpacked(r), (Files{{"x1", "x"}, {"x2", "x"}, {"y1", "other device"}, {"y2", "other device"}, {"z1", "z"}, {"z2", "z"}, {"plain", "p"}}));
}

TEST(Cpio, NamesWhoseContentNeverComesAreEmptyFiles) {
  Read r = read_all(member(linked("a", 7, 2)) + member(linked("b", 7, 2)) + member(linked("c", 8, 5)) + member({.name = "d", .data = "d"}) + trailer());
  ASSERT_FALSE(r.error) << r.error->what;
  EXPECT_EQ(unpacked(r), (Files{{"a", ""}, {"b", ""}, {"c", ""}, {"d", "d"}}));
}

TEST(Cpio, ContentOfSeveralNamesThatIsNotAskedForIsSkipped) {
  std::string all = member(linked("a", 7, 2)) + member(linked("b", 7, 2, std::string(1001, 'x'))) + member({.name = "after", .data = "after"}) + trailer();
  for (size_t chunk : {size_t{64}, size_t{4096}}) {
    MemorySource bytes(as_bytes(all));
    Chunked chunks(bytes, chunk);
    CpioReader cpio(chunks);
    std::vector<std::string> order;
    TarEntry e;
    std::string last;
    for (;;) {
      auto more = cpio.next(e);
      ASSERT_TRUE(more) << more.error().what;
      if (!*more) break;
      order.push_back(e.path + (e.type == FileType::hardlink ? " -> " + e.link : ""));
      if (e.path != "after") continue;
      auto part = cpio.content();
      ASSERT_TRUE(part);
      last = as_text(*part);
    }
    EXPECT_THAT(order, ElementsAre("b", "a -> b", "after"));
    EXPECT_EQ(last, "after");
  }
}

TEST(Cpio, OnlyFilesAreHeldBackForTheirOtherNames) {
  Member folder = linked("d", 3, 2), link = linked("l", 4, 2, "to");
  folder.mode = 0040755;
  link.mode = 0120777;
  Read r = read_all(member(folder) + member(link) + member(linked("a", 3, 1)) + trailer());
  ASSERT_FALSE(r.error) << r.error->what;
  ASSERT_EQ(r.entries.size(), 3U);
  EXPECT_EQ(r.entries[0].type, FileType::directory);
  EXPECT_EQ(r.entries[1].type, FileType::symlink);
  EXPECT_EQ(r.entries[1].link, "to");
  EXPECT_EQ(r.entries[2].type, FileType::regular);
}

TEST(Cpio, ACutBehindNamesThatWaitIsStillTruncated) {
  std::string all = member(linked("a", 7, 2)) + member(linked("b", 7, 2, "shared"));
  for (size_t cut : {all.size(), all.size() - 3, all.size() / 2}) {
    Read r = read_all(all.substr(0, cut));
    ASSERT_TRUE(r.error) << cut;
    EXPECT_EQ(r.error->code, Errc::truncated) << cut;
  }
}

}  // namespace
}  // namespace careen
