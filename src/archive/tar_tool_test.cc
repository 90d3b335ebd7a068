// TarReader against GNU tar: what the tool packs from real files must come out as it was, in every form it writes.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../tests/support/scratch.h"
#include "archive/tar.h"
#include "base/fd.h"

namespace careen {
namespace {

// The logical content of an archive: a line for each entry, sorted by path.
std::map<std::string, std::string> contents_of(std::string_view archive) {
  MemorySource bytes(as_bytes(archive));
  Chunked chunks(bytes, 4096);
  TarReader tar(chunks);
  std::map<std::string, std::string> out;
  for (;;) {
    TarEntry e;
    auto more = tar.next(e);
    EXPECT_TRUE(more) << more.error().what;
    if (!more || !*more) break;
    Hasher hash(Algorithm::sha256);
    uint64_t size = 0;
    for (;;) {
      auto part = tar.content();
      EXPECT_TRUE(part) << part.error().what;
      if (!part || part->empty()) break;
      hash.update(*part);
      size += part->size();
    }
    EXPECT_EQ(size, e.size) << e.path;
    out[e.path] = std::to_string(static_cast<int>(e.type)) + " " + std::to_string(e.mode) + " " + std::to_string(e.size) + " " + e.link + " " +
                  (e.type == FileType::regular ? hash.digest().text() : "");
  }
  auto rest = tar.drain_rest();
  EXPECT_TRUE(rest && *rest == 0);
  return out;
}

// Files of the kinds that forms differ in: long names and links, holes at every place, odd sizes, a hard link, bytes that are not UTF-8.
class TarTool : public testing::Test {
 protected:
  void SetUp() override {
    if (!test::has_tool("tar") || !test::output_of("tar --version").value_or("").starts_with("tar (GNU tar)")) GTEST_SKIP() << "GNU tar is not installed";
    scratch_.write("t/empty", "");
    scratch_.write("t/one", "1");
    scratch_.write("t/block", std::string(512, 'b'));
    scratch_.write("t/odd", std::string(100'001, 'o'));
    scratch_.write("t/name with space\nand line", "x");
    scratch_.write("t/\xff\xfe", "not text");
    ASSERT_EQ(::symlink("one", (scratch_ / "t/link").c_str()), 0);
    ASSERT_EQ(::mkfifo((scratch_ / "t/fifo").c_str(), 0600), 0);
    ASSERT_EQ(::chmod((scratch_ / "t/one").c_str(), 04711), 0);
    sparse("t/hole-first", {{200'000, "end"}}, 200'003);
    sparse("t/hole-last", {{0, "start"}}, 300'000);
    sparse("t/hole-only", {}, 500'000);
    std::vector<std::pair<off_t, std::string>> many;
    for (int i = 0; i < 40; ++i) many.emplace_back(i * 65536, std::string(5000, static_cast<char>('a' + i % 26)));
    sparse("t/hole-many", many, 40 * 65536);
  }
  void long_names() {
    std::string dir(90, 'd');
    scratch_.write("t/" + dir + "/" + std::string(120, 'f'), "long name");
    std::filesystem::create_symlink(std::string(180, 'l'), scratch_ / ("t/" + dir + "/link"));
    sparse("t/" + dir + "/" + std::string(130, 's'), {{100'000, "x"}}, 200'000);
  }
  void sparse(const std::string& name, const std::vector<std::pair<off_t, std::string>>& parts, off_t size) {
    std::string path = scratch_ / name;
    Fd fd(::open(path.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0644));
    ASSERT_TRUE(fd) << path;
    for (const auto& [at, text] : parts) ASSERT_EQ(::pwrite(fd.get(), text.data(), text.size(), at), static_cast<ssize_t>(text.size()));
    ASSERT_EQ(::ftruncate(fd.get(), size), 0);
  }
  // What lies on the disk, in the same words.
  std::map<std::string, std::string> on_disk() {
    std::map<std::string, std::string> out;
    auto add = [&](const std::filesystem::path& p) {
      struct stat st {};
      ASSERT_EQ(::lstat(p.c_str(), &st), 0);
      FileType type = S_ISDIR(st.st_mode)    ? FileType::directory
                      : S_ISLNK(st.st_mode)  ? FileType::symlink
                      : S_ISFIFO(st.st_mode) ? FileType::fifo
                                             : FileType::regular;
      std::string name = p.string().substr(scratch_.path().size() + 1) + (type == FileType::directory ? "/" : "");
      bool file = type == FileType::regular;
      out[name] = std::to_string(static_cast<int>(type)) + " " + std::to_string(st.st_mode & 07777) + " " + std::to_string(file ? st.st_size : 0) + " " +
                  (type == FileType::symlink ? std::filesystem::read_symlink(p).string() : "") + " " + (file ? digest_of(as_bytes(test::slurp(p))).text() : "");
    };
    add(scratch_ / "t");
    for (const auto& e : std::filesystem::recursive_directory_iterator(scratch_ / "t")) add(e.path());
    return out;
  }
  void expect_same(const std::string& options) {
    auto archive = test::output_of("LC_ALL=C tar -C '" + scratch_.path() + "' " + options + " -cf - t 2>/dev/null");
    ASSERT_TRUE(archive) << options;
    EXPECT_EQ(contents_of(*archive), on_disk()) << options;
  }
  test::Scratch scratch_;
};

TEST_F(TarTool, EveryFormGivesWhatIsOnDisk) {
  for (const char* form : {"ustar", "oldgnu", "gnu", "pax"}) expect_same(std::string("--format=") + form);
  std::filesystem::remove(scratch_ / "t/fifo");  // which the oldest form cannot hold
  expect_same("--format=v7");
}

TEST_F(TarTool, LongNamesGiveWhatIsOnDisk) {
  long_names();
  for (const char* form : {"oldgnu", "gnu", "pax"}) expect_same(std::string("--format=") + form);
}

TEST_F(TarTool, EverySparseFormGivesWhatIsOnDisk) {
  for (const char* form :
       {"--format=oldgnu", "--format=gnu", "--format=pax --sparse-version=0.0", "--format=pax --sparse-version=0.1", "--format=pax --sparse-version=1.0"})
    for (const char* detection : {"raw", "seek"}) expect_same(std::string("--sparse --hole-detection=") + detection + " " + form);
}

TEST_F(TarTool, SparseFilesWithLongNamesGiveWhatIsOnDisk) {
  long_names();
  for (const char* form : {"--format=gnu", "--format=pax --sparse-version=0.0", "--format=pax --sparse-version=0.1", "--format=pax --sparse-version=1.0"})
    expect_same(std::string("--sparse --hole-detection=raw ") + form);
}

TEST_F(TarTool, OwnersBeyondOctalAreRead) {
  for (const char* form : {"gnu", "pax"}) {
    auto archive = test::output_of("tar -C '" + scratch_.path() + "' --owner=x:4000000000 --group=y:3000000000 --format=" + form + " -cf - t/one");
    ASSERT_TRUE(archive);
    MemorySource bytes(as_bytes(*archive));
    Chunked chunks(bytes);
    TarReader tar(chunks);
    TarEntry e;
    ASSERT_TRUE(*tar.next(e));
    EXPECT_EQ(e.uid, 4000000000U) << form;
    EXPECT_EQ(e.gid, 3000000000U) << form;
  }
}

TEST_F(TarTool, AHardLinkNamesTheFirst) {
  ASSERT_EQ(::link((scratch_ / "t/one").c_str(), (scratch_ / "t/two").c_str()), 0);
  for (const char* form : {"v7", "ustar", "gnu", "pax"}) {
    auto archive = test::output_of("tar -C '" + scratch_.path() + "' --sort=name --format=" + form + " -cf - t/one t/two");
    ASSERT_TRUE(archive);
    auto got = contents_of(*archive);
    EXPECT_TRUE(got["t/two"].starts_with("3 ") && got["t/two"].find("t/one") != std::string::npos) << form << got["t/two"];
  }
}

TEST_F(TarTool, ArchivesPutBehindEachOtherEndAtTheFirst) {
  auto archive = test::output_of("tar -C '" + scratch_.path() + "' -cf - t/one; tar -C '" + scratch_.path() + "' -cf - t/block");
  ASSERT_TRUE(archive);
  MemorySource bytes(as_bytes(*archive));
  Chunked chunks(bytes);
  TarReader tar(chunks);
  TarEntry e;
  ASSERT_TRUE(*tar.next(e));
  ASSERT_FALSE(*tar.next(e));
  EXPECT_GT(*tar.drain_rest(), 512U);
}

}  // namespace
}  // namespace careen
