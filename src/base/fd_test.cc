#include "base/fd.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <thread>

#include "../tests/support/scratch.h"

namespace careen {
namespace {

using testing::HasSubstr;

bool is_open(int fd) {
  return ::fcntl(fd, F_GETFD) != -1;
}
bool closes_on_exec(int fd) {
  return (::fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0;
}

TEST(Fd, ClosesWhatItOwns) {
  int number = -1;
  {
    Fd fd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    ASSERT_TRUE(fd);
    number = fd.get();
    EXPECT_TRUE(is_open(number));
  }
  EXPECT_FALSE(is_open(number));
}

TEST(Fd, MovingHandsTheDescriptorOn) {
  Fd a(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  int number = a.get();
  Fd b(std::move(a));
  EXPECT_FALSE(a);  // NOLINT(bugprone-use-after-move)
  Fd c(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  int old = c.get();
  c = std::move(b);
  EXPECT_EQ(c.get(), number);
  EXPECT_FALSE(is_open(old));
  Fd& same = c;
  c = std::move(same);
  EXPECT_TRUE(is_open(number)) << "moved onto itself";
  int released = c.release();
  EXPECT_FALSE(c);
  EXPECT_TRUE(is_open(released));
  ::close(released);
}

TEST(Files, OpenForReadingIsCloseOnExecAndTellsWhatIsMissing) {
  test::Scratch s;
  auto fd = open_read(s.write("f", "12345"));
  ASSERT_TRUE(fd);
  EXPECT_TRUE(closes_on_exec(fd->get()));
  EXPECT_EQ(*file_size(fd->get()), 5U);
  auto missing = open_read(s / "no\nfile");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, Errc::not_found);
  EXPECT_THAT(missing.error().what, HasSubstr("no\\x0afile"));
  EXPECT_EQ(open_read(s / "f/x").error().code, Errc::not_found) << "a file as a folder";
}

TEST(Files, AnUnlinkedFileHasNoName) {
  test::Scratch s;
  auto fd = open_unlinked(s.path());
  ASSERT_TRUE(fd) << fd.error().what;
  EXPECT_TRUE(closes_on_exec(fd->get()));
  EXPECT_TRUE(std::filesystem::is_empty(s.path()));
  ASSERT_TRUE(write_full(fd->get(), as_bytes("kept")));
  std::array<uint8_t, 10> b{};
  EXPECT_EQ(*pread_full(fd->get(), b, 1), 3U);
  EXPECT_EQ(as_text(Bytes(b).first(3)), "ept");
  EXPECT_FALSE(open_unlinked(s / "missing"));
}

TEST(Files, ReadFullWaitsForAllOfAPipe) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
  Fd in(ends[0]);
  std::thread writer([out = Fd(ends[1])] {
    for (int i = 0; i < 100; ++i) EXPECT_TRUE(write_full(out.get(), as_bytes(std::string(1000, static_cast<char>('a' + i % 26)))));
  });
  std::vector<uint8_t> b(200'000);
  auto n = read_full(in.get(), b);
  writer.join();
  ASSERT_TRUE(n);
  EXPECT_EQ(*n, 100'000U);
  EXPECT_EQ(*read_some(in.get(), b), 0U) << "the end";
}

TEST(Files, WritingToAClosedPipeIsAnError) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
  Fd out(ends[1]);
  ::close(ends[0]);
  auto r = write_full(out.get(), as_bytes("x"));
  ASSERT_FALSE(r);
  EXPECT_EQ(r.error().code, Errc::io);
}

TEST(Files, AWholeFileIsReadUpToItsLimit) {
  test::Scratch s;
  std::string text(200'000, 't');
  std::string path = s.write("f", text);
  EXPECT_EQ(*read_file(path, 200'000), text);
  auto over = read_file(path, 199'999);
  ASSERT_FALSE(over);
  EXPECT_EQ(over.error().code, Errc::limit);
  EXPECT_EQ(*read_file(s.write("empty", ""), 0), "");
  EXPECT_FALSE(read_file(s.path(), 10)) << "a directory";
  auto endless = read_file("/dev/zero", 100'000);
  ASSERT_FALSE(endless) << "the limit holds where there is no size";
}

TEST(Files, AnAtomicWriteReplacesAndLeavesNothingBeside) {
  test::Scratch s;
  std::string path = s.write("f", "old");
  ASSERT_TRUE(write_file_atomic(path, "new text"));
  EXPECT_EQ(test::slurp(path), "new text");
  size_t files = static_cast<size_t>(std::distance(std::filesystem::directory_iterator(s.path()), {}));
  EXPECT_EQ(files, 1U);
  EXPECT_FALSE(write_file_atomic(s / "missing/f", "x"));
  std::filesystem::create_directory(s / "dir");
  EXPECT_FALSE(write_file_atomic(s / "dir", "x")) << "a directory is not replaced";
  files = static_cast<size_t>(std::distance(std::filesystem::directory_iterator(s.path()), {}));
  EXPECT_EQ(files, 2U) << "a failed write leaves nothing beside";
}

TEST(Files, AnAtomicWriteNeverReplacesADeviceAPipeOrALink) {
  test::Scratch s;
  std::string pipe = s / "pipe";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  Fd reader(::open(pipe.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  ASSERT_TRUE(write_file_atomic(pipe, "through"));
  std::array<uint8_t, 16> got{};
  auto n = read_full(reader.get(), got);
  ASSERT_TRUE(n);
  EXPECT_EQ(as_text(Bytes(got).first(*n)), "through");
  EXPECT_TRUE(std::filesystem::is_fifo(pipe));

  std::string file = s.write("file", "old"), link = s / "link";
  ::chmod(file.c_str(), 0600);
  std::filesystem::create_symlink("file", link);
  ASSERT_TRUE(write_file_atomic(link, "new"));
  EXPECT_TRUE(std::filesystem::is_symlink(link));
  EXPECT_EQ(test::slurp(file), "new");
  struct stat st {};
  ASSERT_EQ(::stat(file.c_str(), &st), 0);
  EXPECT_EQ(st.st_mode & 0777, 0600U) << "who could read it before can read it now, and nobody else";

  // A device of our own, where we may make one: as root the report must not take the place of /dev/null.
  std::string null = s / "null";
  if (::mknod(null.c_str(), S_IFCHR | 0666, 0x103) == 0 && Fd(::open(null.c_str(), O_WRONLY | O_CLOEXEC))) {
    EXPECT_TRUE(write_file_atomic(null, "nowhere"));
    EXPECT_TRUE(std::filesystem::is_character_file(null));
  }
}

TEST(Files, DirectoriesAreMadeAllTheWayAndPrivate) {
  test::Scratch s;
  ASSERT_TRUE(make_directories(s / "a/b//c/"));
  struct stat st {};
  ASSERT_EQ(::stat((s / "a/b/c").c_str(), &st), 0);
  EXPECT_EQ(st.st_mode & 0777, 0700U);
  EXPECT_TRUE(make_directories(s / "a/b/c")) << "again";
  s.write("file", "");
  EXPECT_FALSE(make_directories(s / "file/sub"));
}

TEST(OsError, TellsMissingFilesFromTheRest) {
  EXPECT_EQ(os_error("x", ENOENT).code, Errc::not_found);
  EXPECT_EQ(os_error("x", EACCES).code, Errc::io);
  EXPECT_THAT(os_error("x", EACCES).what, HasSubstr("x: "));
}

}  // namespace
}  // namespace careen
