// Workers on honest, cut and hostile input, and workers that die: an Error or facts with coverage, never a crash or a hang.
#include "worker/worker.h"

#include <dirent.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../../tests/support/image_text.h"
#include "../../tests/support/scratch_folder.h"
#include "../../tests/support/worker_processes.h"

namespace careen {
namespace {

using test::workers;
using testing::HasSubstr;

// Bytes as a descriptor that stands at their beginning.
Fd memory_file(const std::string& bytes) {
  Fd fd(::memfd_create("input", MFD_CLOEXEC));
  EXPECT_TRUE(write_full(fd.get(), as_bytes(bytes)));
  ::lseek(fd.get(), 0, SEEK_SET);
  return fd;
}

WorkerRequest request(WorkerRole role) {
  WorkerRequest r;
  r.role = role;
  r.spool_limit = kDefaultSpoolLimit;
  r.max_layer = kDefaultMaxLayer;
  return r;
}

Result<LayerResult> read_layer(const std::string& bytes, WorkerRole role = WorkerRole::layer, const std::string& name = "") {
  Fd fd = memory_file(bytes);
  WorkerRequest r = request(role);
  r.file_name = name;
  r.region = true;
  r.length = bytes.size();
  WorkerInput in;
  in.fd = fd.get();
  in.stall_seconds = 60;
  return run_layer_worker(r, in);
}

std::vector<std::string> paths(const LayerFacts& f) {
  std::vector<std::string> out;
  FileRecord r;
  for (FileCursor c(f.files); c.next(r);) out.push_back(r.path);
  return out;
}

TEST(Worker, ReadsALayerAndComputesItsDigests) {
  std::string tar = test::TarMaker().file("a", "1").file("run.sh", "#!/bin/sh\n", 0755).file("b", test::make_elf({})).text();
  auto r = read_layer(tar);
  ASSERT_TRUE(r) << r.error().what;
  EXPECT_EQ(r->diff_id, digest_of(as_bytes(tar)).text());
  EXPECT_EQ(r->blob_digest, r->diff_id);
  EXPECT_EQ(r->size, tar.size());
  EXPECT_EQ(r->blob_size, tar.size());
  EXPECT_THAT(paths(r->facts), testing::ElementsAre("a", "run.sh", "b"));
  EXPECT_EQ(r->facts.elf.size(), 1U);
  EXPECT_EQ(r->facts.texts.size(), 1U);
}

TEST(Worker, SeesTheSameAsTheCollectorItself) {
  test::TarMaker tar;
  for (int i = 0; i < 3000; ++i) tar.file("dir/" + std::to_string(i), std::to_string(i));
  auto r = read_layer(tar.text());
  ASSERT_TRUE(r);
  EXPECT_EQ(paths(r->facts), paths(*test::collect_tar(tar.text())));
}

TEST(Worker, ReadsARegionOfAFileOrAStream) {
  std::string tar = test::TarMaker().file("a", "1").text(), all = "in front" + tar + "behind";
  Fd fd = memory_file(all);
  WorkerRequest r = request(WorkerRole::layer);
  r.region = true, r.offset = 8, r.length = tar.size();
  WorkerInput in;
  in.fd = fd.get();
  auto got = run_layer_worker(r, in);
  ASSERT_TRUE(got);
  EXPECT_EQ(got->diff_id, digest_of(as_bytes(tar)).text());
  Fd stream = memory_file(tar);
  in.fd = stream.get();
  got = run_layer_worker(request(WorkerRole::layer), in);
  ASSERT_TRUE(got);
  EXPECT_EQ(got->diff_id, digest_of(as_bytes(tar)).text());
}

TEST(Worker, AtEachCutTheRestIsToldAndTheBlobStillHasItsDigest) {
  std::string tar = test::TarMaker().file("a", std::string(600, 'a')).file("b", "2").open_text();
  for (size_t cut : {size_t{0}, size_t{1}, size_t{511}, size_t{512}, size_t{1000}, size_t{1536}, size_t{1537}, tar.size() - 1}) {
    auto r = read_layer(tar.substr(0, cut));
    ASSERT_TRUE(r) << cut;
    EXPECT_EQ(r->blob_digest, digest_of(as_bytes(tar.substr(0, cut))).text()) << cut;
    if (cut % 512 != 0 && cut < 2048) {
      ASSERT_FALSE(r->facts.coverage.empty()) << cut;
      EXPECT_EQ(r->facts.coverage[0].state, CoverageState::partly);
    }
  }
}

TEST(Worker, HostileBytesGiveCoverage) {
  std::string garbage;
  uint32_t x = 12345;
  for (int i = 0; i < 100'000; ++i) garbage += static_cast<char>((x = x * 1664525 + 1013904223) >> 24);
  for (const std::string& bytes : {garbage, "\x1f\x8b\x08" + garbage, std::string("\x28\xb5\x2f\xfd") + garbage,
                                   std::string("\xfd"
                                               "7zXZ\0",
                                               6) +
                                       garbage,
                                   "BZh9" + garbage,
                                   "\x7f"
                                   "ELF" +
                                       garbage}) {
    auto r = read_layer(bytes);
    ASSERT_TRUE(r) << escape(bytes.substr(0, 4)) << r.error().what;
    EXPECT_FALSE(r->facts.coverage.empty());
    EXPECT_EQ(r->blob_digest, digest_of(as_bytes(bytes)).text());
    for (const char* name : {"x.deb", "x.rpm", "x.apk"}) {
      EXPECT_TRUE(read_layer(bytes, WorkerRole::file, name));
      EXPECT_TRUE(read_layer("!<arch>\ndebian" + bytes, WorkerRole::file, name));
      EXPECT_TRUE(read_layer("\xed\xab\xee\xdb" + bytes, WorkerRole::file, name));
    }
  }
}

TEST(Worker, DataBehindTheArchiveIsTold) {
  auto r = read_layer(test::TarMaker().file("a", "1").text() + std::string(1024, 'x'));
  ASSERT_TRUE(r);
  ASSERT_EQ(r->facts.coverage.size(), 1U);
  EXPECT_EQ(r->facts.coverage[0].state, CoverageState::looked);
}

TEST(Worker, ASingleFileIsReadAsItself) {
  auto r = read_layer(test::make_elf({}), WorkerRole::file, "some/where/libx.so");
  ASSERT_TRUE(r);
  EXPECT_THAT(paths(r->facts), testing::ElementsAre("libx.so"));
  EXPECT_EQ(r->facts.elf.size(), 1U);
}

TEST(Worker, DigestsABlobAlone) {
  auto r = read_layer("any bytes", WorkerRole::digest);
  ASSERT_TRUE(r);
  EXPECT_EQ(r->blob_digest, digest_of(as_bytes("any bytes")).text());
  EXPECT_EQ(r->diff_id, "");
}

TEST(Worker, IndexesAnArchive) {
  std::string tar =
      test::TarMaker().file("./manifest.json", "[{}]").file("a/layer.tar", "not json").link("b/layer.tar", "../a/layer.tar").file("x.json", "no").text();
  Fd fd = memory_file(tar);
  WorkerRequest q = request(WorkerRole::index);
  q.region = true, q.length = tar.size();
  WorkerInput in;
  in.fd = fd.get();
  auto r = run_index_worker(q, in);
  ASSERT_TRUE(r) << r.error().what;
  EXPECT_FALSE(r->spooled);
  ASSERT_EQ(r->members.size(), 4U);
  EXPECT_EQ(r->members[2].link, "a/layer.tar");
  EXPECT_EQ(tar.substr(r->members[1].offset, r->members[1].size), "not json");
  EXPECT_EQ(r->texts.size(), 1U);
  EXPECT_EQ(r->texts["manifest.json"], "[{}]");
}

TEST(Worker, AMemberStoredAsASparseFileIsRefusedWithAWayOut) {
  std::string layer = test::TarMaker().file("big", std::string(5000, 'x')).text();
  for (bool lying : {false, true}) {
    test::TarMaker tar;
    tar.file("manifest.json", "[{}]");
    if (lying)
      tar.sparse("a/layer.tar", layer, {{0, 512}, {1024, layer.size() - 1024}});
    else
      tar.file("a/layer.tar", layer);
    std::string bytes = tar.text();
    Fd fd = memory_file(bytes);
    WorkerRequest q = request(WorkerRole::index);
    q.region = true, q.length = bytes.size();
    WorkerInput in;
    in.fd = fd.get();
    auto r = run_index_worker(q, in);
    if (!lying) {
      EXPECT_TRUE(r) << r.error().what;
      continue;
    }
    ASSERT_FALSE(r) << "offsets into such a member are not offsets into the archive";
    EXPECT_THAT(r.error().what, HasSubstr("a/layer.tar"));
    EXPECT_THAT(r.error().what, HasSubstr("--sparse"));
  }
}

TEST(Worker, AnArchiveFromAStreamNeedsASpool) {
  std::string tar = test::TarMaker().file("manifest.json", "[]").text();
  Fd fd = memory_file(tar);
  WorkerInput in;
  in.fd = fd.get();
  auto r = run_index_worker(request(WorkerRole::index), in);
  ASSERT_FALSE(r);
  EXPECT_EQ(r.error().code, Errc::io);
  test::ScratchFolder scratch;
  auto spool = open_unlinked(scratch.path());
  ASSERT_TRUE(spool);
  ::lseek(fd.get(), 0, SEEK_SET);
  in.spool = spool->get();
  r = run_index_worker(request(WorkerRole::index), in);
  ASSERT_TRUE(r) << r.error().what;
  EXPECT_TRUE(r->spooled);
  WorkerRequest small = request(WorkerRole::index);
  small.spool_limit = 512;
  ::lseek(fd.get(), 0, SEEK_SET);
  r = run_index_worker(small, in);
  EXPECT_TRUE(!r || !r->problem.empty());
}

TEST(Worker, OneThatWaitsForInputThatNeverComesIsStopped) {
  std::array<int, 2> pipe{};
  ASSERT_EQ(::pipe2(pipe.data(), O_CLOEXEC), 0);
  Fd read_end(pipe[0]), write_end(pipe[1]);
  WorkerInput in;
  in.fd = read_end.get();
  in.stall_seconds = 1;
  int asked = 0;
  in.input_alive = [&] { return ++asked < 2; };
  auto r = run_layer_worker(request(WorkerRole::layer), in);
  ASSERT_FALSE(r);
  EXPECT_EQ(r.error().code, Errc::interrupted);
  EXPECT_THAT(r.error().what, HasSubstr("--timeout"));
  EXPECT_GE(asked, 2);
}

TEST(Worker, OneThatIsKilledIsAnErrorThatSaysSo) {
  std::string tar = test::TarMaker().file("big", std::string(20 << 20, 'x')).text();
  for (int signal : {SIGKILL, SIGSEGV}) {
    Fd fd = memory_file(tar);
    WorkerInput in;
    in.fd = fd.get();
    bool killed = false;
    in.on_progress = [&](uint64_t) {
      for (pid_t p : workers()) killed = ::kill(p, signal) == 0;
    };
    auto r = run_layer_worker(request(WorkerRole::layer), in);
    ASSERT_TRUE(killed);
    if (r) continue;  // it was done before the signal came
    EXPECT_EQ(r.error().code, Errc::interrupted);
    EXPECT_THAT(r.error().what, testing::AnyOf(HasSubstr("signal"), HasSubstr("ended with status")));
  }
}

// The descriptors of a process and what they are; nothing where that may not be seen.
std::map<int, std::string> descriptors(pid_t pid) {
  std::map<int, std::string> out;
  std::string folder = "/proc/" + std::to_string(pid) + "/fd";
  DIR* dir = ::opendir(folder.c_str());
  while (dirent* e = dir != nullptr ? ::readdir(dir) : nullptr) {
    auto number = to_number(e->d_name);
    if (!number) continue;
    std::array<char, 256> target{};
    ssize_t n = ::readlink((folder + "/" + e->d_name).c_str(), target.data(), target.size());
    if (n > 0) out[static_cast<int>(*number)] = std::string(target.data(), static_cast<size_t>(n));
  }
  if (dir != nullptr) ::closedir(dir);
  return out;
}

TEST(Worker, HoldsNothingButItsInputItsSocketAndItsSpool) {
  std::string tar = test::TarMaker().file("big", std::string(40 << 20, 'x')).text();
  // What whoever started us left open: not closed by exec, and no business of a worker.
  std::array<int, 3> left{};
  for (int& fd : left) ASSERT_GE(fd = ::fcntl(STDIN_FILENO, F_DUPFD, 100), 0);
  test::ScratchFolder scratch;
  auto spool = open_unlinked(scratch.path());
  ASSERT_TRUE(spool);
  for (bool with_spool : {false, true}) {
    Fd fd = memory_file(tar);
    WorkerInput in;
    in.fd = fd.get();
    if (with_spool) in.spool = spool->get();
    std::map<int, std::string> held;
    in.on_progress = [&](uint64_t) {
      for (pid_t p : workers())
        if (held.empty()) {
          ::kill(p, SIGSTOP);  // so that it is still there when it is looked at
          held = descriptors(p);
          ::kill(p, SIGCONT);
        }
    };
    ASSERT_TRUE(run_layer_worker(request(WorkerRole::layer), in));
    if (held.empty()) break;
    std::vector<int> numbers;
    for (const auto& [number, what] : held) numbers.push_back(number);
    std::vector<int> expected{0, 1, 2, kWorkerSocket};
    if (with_spool) expected.push_back(kWorkerSpool);
    EXPECT_EQ(numbers, expected);
    EXPECT_EQ(held[1], "/dev/null") << "it could forge lines of our output";
#ifndef CAREEN_SANITIZED
    EXPECT_EQ(held[2], "/dev/null");
#endif
    EXPECT_THAT(held[0], HasSubstr("input"));
    EXPECT_THAT(held[kWorkerSocket], HasSubstr("socket"));
  }
  for (int fd : left) ::close(fd);
  if (::geteuid() != 0) GTEST_SKIP() << "only root sees the descriptors of a process that may not be traced";
}

TEST(Worker, OneThatStopsIsKilledHoweverMuchInputWaits) {
  std::string tar = test::TarMaker().file("big", std::string(40 << 20, 'x')).text();
  Fd fd = memory_file(tar);
  WorkerInput in;
  in.fd = fd.get();
  in.stall_seconds = 1;
  in.input_alive = [] { return false; };  // the input is there; it is the worker that is waited for
  pid_t stopped = -1;
  in.on_progress = [&](uint64_t) {
    for (pid_t p : workers())
      if (stopped < 0 && ::kill(p, SIGSTOP) == 0) stopped = p;
  };
  auto r = run_layer_worker(request(WorkerRole::layer), in);
  ASSERT_GT(stopped, 0);
  ASSERT_FALSE(r);
  EXPECT_EQ(r.error().code, Errc::interrupted);
  EXPECT_THAT(r.error().what, HasSubstr("--timeout"));
  EXPECT_TRUE(workers().empty());
}

TEST(Worker, NoneIsLeftBehind) {
  (void)read_layer("x");
  EXPECT_TRUE(workers().empty());
}

TEST(Worker, TheSandboxSaysWhatIsInForce) {
  auto s = probe_sandbox();
  ASSERT_TRUE(s) << s.error().what;
#ifdef CAREEN_SANITIZED
  EXPECT_FALSE(s->seccomp);
  EXPECT_FALSE(s->why.empty());
#else
  EXPECT_TRUE(s->seccomp);
  EXPECT_TRUE(s->limits);
  EXPECT_EQ(s->why.empty(), s->landlock);
#endif
}

TEST(Worker, APatternSetThatCannotBeCompiledIsAnError) {
  WorkerRequest q = request(WorkerRole::layer);
  q.patterns.resize(1);
  Fd fd = memory_file("");
  WorkerInput in;
  in.fd = fd.get();
  EXPECT_FALSE(run_layer_worker(q, in));
}

TEST(LayerResultCodec, GivesBackWhatItTookAndRefusesEveryCut) {
  LayerResult r;
  r.blob_digest = "sha256:x";
  r.elf_seconds = 0.25;
  r.facts = *test::collect_tar(test::TarMaker().file("e", test::make_elf({})).file("var/lib/dpkg/status", "Package: a\nVersion: 1\n").text());
  std::string bytes = encode(r);
  LayerResult back;
  ASSERT_TRUE(decode(as_bytes(bytes), &back));
  EXPECT_EQ(encode(back), bytes);
  EXPECT_EQ(back.elf_seconds, 0.25);
  for (size_t n = 0; n < bytes.size(); ++n) EXPECT_FALSE(decode(as_bytes(bytes).first(n), &back)) << n;
  EXPECT_FALSE(decode(as_bytes(bytes + "x"), &back));
}

}  // namespace
}  // namespace careen
