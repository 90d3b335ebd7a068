// A directory handed on as a tar stream, read back with the reader that the worker uses.
#include "source/rootfs.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <thread>

#include "../tests/support/scratch.h"
#include "../tests/support/worker_processes.h"
#include "archive/tar.h"
#include "worker/worker.h"

namespace careen {
namespace {

using testing::ElementsAre;
using testing::Field;
using testing::IsEmpty;

struct Entry {
  TarEntry entry;
  std::string content;
};

std::map<std::string, Entry> walk(const Image& image, std::vector<std::string>* order = nullptr) {
  std::map<std::string, Entry> out;
  auto in = image.layers.at(0).open();
  EXPECT_TRUE(in);
  if (!in) return out;
  EXPECT_FALSE(in->region) << "a stream";
  FdSource bytes(in->fd.get());
  Chunked chunks(bytes);
  TarReader tar(chunks);
  for (;;) {
    Entry e;
    auto more = tar.next(e.entry);
    EXPECT_TRUE(more) << more.error().what;
    if (!more || !*more) break;
    for (;;) {
      auto part = tar.content();
      EXPECT_TRUE(part);
      if (!part || part->empty()) break;
      e.content += as_text(*part);
    }
    if (order != nullptr) order->push_back(e.entry.path);
    out[e.entry.path] = e;
  }
  EXPECT_EQ(*tar.drain_rest(), 0U);
  in->fd.reset();
  EXPECT_TRUE(in->finish());
  EXPECT_FALSE(in->alive());
  return out;
}

TEST(Rootfs, FilesComeAsTheyAreInAFixedOrder) {
  test::Scratch s;
  s.write("usr/bin/x", "program");
  s.write("usr/bin/big", std::string(300'000, 'b'));
  s.write("etc/empty", "");
  s.write("a\nb", "odd name");
  ASSERT_EQ(::chmod((s / "usr/bin/x").c_str(), 04755), 0);
  std::filesystem::create_symlink("../bin/x", s / "usr/link");
  std::filesystem::create_symlink("/etc/passwd", s / "absolute");
  ASSERT_EQ(::mkfifo((s / "fifo").c_str(), 0640), 0);
  auto image = read_rootfs(s.path());
  ASSERT_TRUE(image) << image.error().what;
  EXPECT_TRUE(image->is_rootfs);
  EXPECT_EQ(image->source, "dir");
  std::vector<std::string> order, again;
  auto files = walk(*image, &order);
  EXPECT_THAT(order, ElementsAre("a\nb", "absolute", "etc/", "etc/empty", "fifo", "usr/", "usr/bin/", "usr/bin/big", "usr/bin/x", "usr/link"));
  EXPECT_EQ(files["usr/bin/x"].content, "program");
  EXPECT_EQ(files["usr/bin/x"].entry.mode, 04755U);
  EXPECT_EQ(files["usr/bin/x"].entry.uid, ::getuid());
  EXPECT_EQ(files["usr/bin/big"].content, std::string(300'000, 'b'));
  EXPECT_EQ(files["usr/link"].entry.link, "../bin/x");
  EXPECT_EQ(files["absolute"].entry.type, FileType::symlink) << "a link is told, never followed";
  EXPECT_EQ(files["fifo"].entry.type, FileType::fifo);
  EXPECT_EQ(files["etc/"].entry.type, FileType::directory);
  EXPECT_THAT(*image->unreadable, IsEmpty());
  walk(*image, &again);
  EXPECT_EQ(again, order) << "a layer may be opened again";
}

TEST(Rootfs, HardLinksNameTheFirst) {
  test::Scratch s;
  s.write("b", "same");
  std::filesystem::create_hard_link(s / "b", s / "a");
  auto files = walk(*read_rootfs(s.path()));
  EXPECT_EQ(files["a"].entry.type, FileType::regular);
  EXPECT_EQ(files["a"].content, "same");
  EXPECT_EQ(files["b"].entry.type, FileType::hardlink);
  EXPECT_EQ(files["b"].entry.link, "a");
}

TEST(Rootfs, LongNamesAndTargetsAreWhole) {
  test::Scratch s;
  for (size_t n : {size_t{98}, size_t{99}, size_t{100}, size_t{101}, size_t{255}}) {
    std::string name(n, 'n');
    s.write(name, std::to_string(n));
    std::filesystem::create_symlink(std::string(n, 't'), s / ("link" + std::to_string(n)));
  }
  std::string deep;
  for (int i = 0; i < 10; ++i) deep += std::string(200, 'd') + "/";
  s.write(deep + "file", "deep");
  auto files = walk(*read_rootfs(s.path()));
  for (size_t n : {size_t{98}, size_t{99}, size_t{100}, size_t{101}, size_t{255}}) {
    EXPECT_EQ(files[std::string(n, 'n')].content, std::to_string(n));
    EXPECT_EQ(files["link" + std::to_string(n)].entry.link, std::string(n, 't'));
  }
  EXPECT_EQ(files[deep + "file"].content, "deep");
}

TEST(Rootfs, NestingBeyondTheLimitIsNotedNotFollowed) {
  test::Scratch s;
  Fd at(::open(s.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  for (int i = 0; i < 600; ++i) {
    ASSERT_EQ(::mkdirat(at.get(), "d", 0755), 0);
    at = Fd(::openat(at.get(), "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    ASSERT_TRUE(at);
  }
  auto image = read_rootfs(s.path());
  ASSERT_TRUE(image);
  auto files = walk(*image);
  EXPECT_LT(files.size(), 600U);
  EXPECT_EQ(image->unreadable->size(), 1U);
}

TEST(Rootfs, WhatMayNotBeReadIsNoted) {
  if (::geteuid() == 0) GTEST_SKIP() << "root may read everything";
  test::Scratch s;
  s.write("secret", "x");
  s.write("closed/inner", "x");
  ASSERT_EQ(::chmod((s / "secret").c_str(), 0), 0);
  ASSERT_EQ(::chmod((s / "closed").c_str(), 0), 0);
  auto image = read_rootfs(s.path());
  auto files = walk(*image);
  EXPECT_THAT(*image->unreadable, ElementsAre(Field(&Unread::path, "closed"), Field(&Unread::path, "secret")));
  EXPECT_TRUE(files.contains("closed/"));
  ASSERT_EQ(::chmod((s / "closed").c_str(), 0700), 0);
}

// A mount for one test; `why` says what keeps this process from making one.
class Mount {
 public:
  Mount(const std::string& what, const std::string& where, const char* type, unsigned long flags = 0) : where_(where) {
    std::error_code ignored;
    if ((flags & MS_BIND) == 0) std::filesystem::create_directories(where, ignored);
    if (::geteuid() != 0)
      why = "only root may mount";
    else if (::mount(what.c_str(), where.c_str(), type, flags, "") != 0)
      why = std::string("mounting is refused here: ") + std::strerror(errno);
    mounted_ = why.empty();
  }
  ~Mount() {
    if (mounted_) ::umount2(where_.c_str(), MNT_DETACH);
  }
  Mount(const Mount&) = delete;
  Mount& operator=(const Mount&) = delete;
  std::string why;

 private:
  std::string where_;
  bool mounted_ = false;
};

std::map<std::string, bool> told(const Image& image) {
  std::map<std::string, bool> out;
  for (const Unread& u : *image.unreadable) out[u.path] = u.matters;
  return out;
}

TEST(Rootfs, AFileSystemMountedBelowIsToldUnlessItIsNoneOfTheSystem) {
  test::Scratch s;
  s.write("etc/motd", "here");
  Mount lib("tmpfs", s / "usr/lib", "tmpfs"), run("tmpfs", s / "run", "tmpfs"), tmp("tmpfs", s / "tmp", "tmpfs"), proc("proc", s / "proc", "proc");
  if (!lib.why.empty()) GTEST_SKIP() << lib.why;
  ASSERT_EQ(run.why + tmp.why, "");
  s.write("usr/lib/libx.so", "elsewhere");
  s.write("run/pid", "1");
  auto image = read_rootfs(s.path());
  ASSERT_TRUE(image);
  auto files = walk(*image);
  EXPECT_EQ(files["etc/motd"].content, "here");
  EXPECT_TRUE(files.contains("usr/lib/")) << "the place itself is there";
  EXPECT_FALSE(files.contains("usr/lib/libx.so"));
  EXPECT_EQ(told(*image), (std::map<std::string, bool>{{"run", false}, {"tmp", false}, {"usr/lib", true}}))
      << "what could hold the system's own files is a gap; proc holds none";
  EXPECT_TRUE(!proc.why.empty() || files.contains("proc/"));
}

TEST(Rootfs, AFileMountedOverAFileIsRead) {
  test::Scratch s, elsewhere;
  Mount memory("tmpfs", elsewhere / "m", "tmpfs");
  if (!memory.why.empty()) GTEST_SKIP() << memory.why;
  elsewhere.write("m/libx.so", "from the other file system");
  s.write("usr/lib/libx.so", "covered");
  Mount over(elsewhere / "m/libx.so", s / "usr/lib/libx.so", nullptr, MS_BIND);
  ASSERT_EQ(over.why, "");
  auto image = read_rootfs(s.path());
  auto files = walk(*image);
  EXPECT_EQ(files["usr/lib/libx.so"].content, "from the other file system");
  EXPECT_THAT(*image->unreadable, IsEmpty());
}

TEST(Rootfs, FilesOfTwoFileSystemsAreNoHardLinksOfEachOther) {
  test::Scratch s, elsewhere;
  Mount a("tmpfs", elsewhere / "a", "tmpfs"), b("tmpfs", elsewhere / "b", "tmpfs");
  if (!a.why.empty()) GTEST_SKIP() << a.why;
  ASSERT_EQ(b.why, "");
  for (const char* m : {"a", "b"}) {
    elsewhere.write(std::string(m) + "/f", std::string("of ") + m);
    std::filesystem::create_hard_link(elsewhere / (std::string(m) + "/f"), elsewhere / (std::string(m) + "/g"));
  }
  struct stat in_a {
  }, in_b{};
  ASSERT_EQ(::stat((elsewhere / "a/f").c_str(), &in_a), 0);
  ASSERT_EQ(::stat((elsewhere / "b/f").c_str(), &in_b), 0);
  if (in_a.st_ino != in_b.st_ino) GTEST_SKIP() << "the file systems do not number their files alike";
  s.write("x", "");
  s.write("y", "");
  Mount x(elsewhere / "a/f", s / "x", nullptr, MS_BIND), y(elsewhere / "b/f", s / "y", nullptr, MS_BIND);
  ASSERT_EQ(x.why + y.why, "");
  auto files = walk(*read_rootfs(s.path()));
  for (const auto& [name, content] : std::map<std::string, std::string>{{"x", "of a"}, {"y", "of b"}}) {
    EXPECT_EQ(files[name].entry.type, FileType::regular) << name;
    EXPECT_EQ(files[name].content, content);
  }
}

// While the pipe is full it is the reader that is waited for, and a reader that stops is one that stalls.
TEST(Rootfs, AWalkThatWaitsForItsReaderIsNotWhatIsWaitedFor) {
  test::Scratch s;
  s.write("big", std::string(20'000'000, 'b'));
  auto image = read_rootfs(s.path());
  auto in = image->layers.at(0).open();
  ASSERT_TRUE(in);
  bool waits = false;
  for (int i = 0; i < 20'000 && !waits; ++i) {  // until the pipe is full
    waits = !in->alive();
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  EXPECT_TRUE(waits);
  in->fd.reset();
  EXPECT_FALSE(in->finish());
}

TEST(Rootfs, AWorkerThatStopsWhileItReadsOneIsEnded) {
  test::Scratch s;
  std::string path = s.write("hole", "");
  ASSERT_EQ(::truncate(path.c_str(), 1 << 30), 0);
  auto image = read_rootfs(s.path());
  auto in = image->layers.at(0).open();
  ASSERT_TRUE(in);
  WorkerRequest request;
  request.role = WorkerRole::layer;
  request.spool_limit = request.max_layer = UINT64_MAX;
  WorkerInput input;
  input.fd = in->fd.get();
  input.stall_seconds = 1;
  input.input_alive = in->alive;
  pid_t stopped = -1;
  input.on_progress = [&](uint64_t) {
    for (pid_t p : test::workers())
      if (stopped < 0 && ::kill(p, SIGSTOP) == 0) stopped = p;
  };
  auto r = run_layer_worker(request, input);
  ASSERT_GT(stopped, 0);
  ASSERT_FALSE(r) << "it waits for ever, or was read all the same";
  EXPECT_EQ(r.error().code, Errc::interrupted);
  EXPECT_THAT(r.error().what, testing::HasSubstr("--timeout"));
  EXPECT_TRUE(test::workers().empty());
  in->fd.reset();
  EXPECT_FALSE(in->finish());
}

TEST(Rootfs, ASocketHasNoPlaceInAnArchive) {
  test::Scratch s;
  Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::string path = s / "s";
  if (path.size() >= sizeof address.sun_path) GTEST_SKIP() << "the temporary directory's name is too long for a socket";
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  ASSERT_EQ(::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  EXPECT_TRUE(walk(*read_rootfs(s.path())).empty());
}

TEST(Rootfs, SparseFilesAreReadWithTheirZeros) {
  test::Scratch s;
  std::string path = s.write("f", "start");
  ASSERT_EQ(::truncate(path.c_str(), 1 << 20), 0);
  auto files = walk(*read_rootfs(s.path()));
  EXPECT_EQ(files["f"].content, "start" + std::string((1 << 20) - 5, '\0'));
}

TEST(Rootfs, AReaderThatLeavesEarlyEndsTheWalkWithAnError) {
  test::Scratch s;
  s.write("big", std::string(5'000'000, 'b'));
  auto image = read_rootfs(s.path());
  auto in = image->layers[0].open();
  ASSERT_TRUE(in);
  in->fd.reset();
  auto ended = in->finish();
  ASSERT_FALSE(ended);
  EXPECT_EQ(ended.error().code, Errc::io);
}

TEST(RootfsDeathTest, AnInputThatIsThrownAwayUnreadDoesNotHang) {
  auto throw_away = [] {
    ::alarm(20);  // a hang would be for ever; this only ends the child process
    test::Scratch s;
    s.write("big", std::string(5'000'000, 'b'));
    auto image = read_rootfs(s.path());
    { auto in = image->layers[0].open(); }
    ::_exit(0);
  };
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(throw_away(), testing::ExitedWithCode(0), "");
}

TEST(Rootfs, WhatIsNoDirectoryIsAnError) {
  test::Scratch s;
  EXPECT_EQ(read_rootfs(s / "missing").error().code, Errc::not_found);
  EXPECT_EQ(read_rootfs(s.write("file", "")).error().code, Errc::not_found);
}

TEST(SingleFile, IsAnImageOfOneLayer) {
  test::Scratch s;
  auto image = read_single_file(s.write("liblzma.so.5",
                                        "\x7f"
                                        "ELF"));
  ASSERT_TRUE(image);
  EXPECT_TRUE(image->is_single_file);
  const Layer& l = image->layers.at(0);
  EXPECT_TRUE(l.single_file);
  EXPECT_EQ(l.file_name, "liblzma.so.5");
  EXPECT_EQ(l.descriptor.size, 4U);
  auto in = l.open();
  ASSERT_TRUE(in);
  EXPECT_TRUE(in->region);
  EXPECT_EQ(in->length, 4U);
}

TEST(SingleFile, WhatIsNoRegularFileIsAnError) {
  test::Scratch s;
  EXPECT_EQ(read_single_file(s / "missing").error().code, Errc::not_found);
  EXPECT_EQ(read_single_file(s.path()).error().code, Errc::corrupt);
  EXPECT_EQ(read_single_file("/dev/null").error().code, Errc::corrupt);
}

}  // namespace
}  // namespace careen
