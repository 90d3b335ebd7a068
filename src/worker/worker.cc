#include "worker/worker.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/auxv.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <mutex>

#include "base/log.h"
#include "base/text.h"
#include "worker/sandbox.h"

namespace careen {
namespace {

// This program's file; where /proc is not mounted, by the name it was started with.
const char* own_program() {
  constexpr const char* kByProc = "/proc/self/exe";
  if (::access(kByProc, X_OK) == 0) return kByProc;
  return reinterpret_cast<const char*>(::getauxval(AT_EXECFN));  // NOLINT(performance-no-int-to-ptr): the kernel gives a pointer
}

constexpr int kEndMilliseconds = 2000;

// A running worker; the destructor kills and reaps it.
class Process {
 public:
  static Result<Process> start(int input, int spool) {
    std::array<int, 2> pair{-1, -1};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair.data()) != 0) return os_error("socketpair", errno);
    Process p;
    p.socket_ = Fd(pair[0]);
    Fd theirs(pair[1]);
    // dup2 onto the same number would leave close-on-exec set, so the ends are moved out of the way first.
    Fd in(::fcntl(input >= 0 ? input : theirs.get(), F_DUPFD_CLOEXEC, 10));
    Fd sock(::fcntl(theirs.get(), F_DUPFD_CLOEXEC, 10));
    Fd spooled(spool >= 0 ? ::fcntl(spool, F_DUPFD_CLOEXEC, 10) : -1);
    if (!in || !sock || (spool >= 0 && !spooled)) return os_error("cannot start a worker", errno);

    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, in.get(), 0);
    posix_spawn_file_actions_adddup2(&actions, sock.get(), kWorkerSocket);
    if (spooled)
      posix_spawn_file_actions_adddup2(&actions, spooled.get(), kWorkerSpool);
    else
      posix_spawn_file_actions_addclose(&actions, kWorkerSpool);
    // Nothing else goes along: not our output, where it could forge lines, and no descriptor that we were started with.
    posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
#ifndef CAREEN_SANITIZED
    posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
#endif
    posix_spawn_file_actions_addclosefrom_np(&actions, kWorkerSpool + 1);

    // Nothing of the parent's environment goes along, but what sanitizers need.
    std::vector<std::string> environment{"LC_ALL=C.UTF-8", "MALLOC_ARENA_MAX=2"};
    for (const char* name : {"ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS", "LSAN_OPTIONS"})
      if (const char* v = std::getenv(name)) environment.push_back(std::string(name) + "=" + v);
    std::vector<char*> env;
    for (auto& e : environment) env.push_back(e.data());
    env.push_back(nullptr);
    std::string name = "careen", word = kWorkerArgument;
    std::array<char*, 3> argv{name.data(), word.data(), nullptr};
    int rc = ::posix_spawn(&p.pid_, own_program(), &actions, nullptr, argv.data(), env.data());
    posix_spawn_file_actions_destroy(&actions);
    if (rc != 0) return p.pid_ = -1, os_error("cannot start a worker", rc);
    return p;
  }
  Process(Process&& o) noexcept : socket_(std::move(o.socket_)), pid_(o.pid_) { o.pid_ = -1; }
  Process& operator=(Process&&) = delete;
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;
  ~Process() { stop(); }

  int socket() const { return socket_.get(); }

  // How it ended, in words; kills it when it still runs.
  std::string stop(bool kill_it = true) {
    if (pid_ < 0) return "";
    int status = 0;
    pid_t ended = 0;
    for (int waited = 0; !kill_it && ended == 0 && waited < kEndMilliseconds; ++waited) {  // it has said all; it ends at once or is ended
      ended = ::waitpid(pid_, &status, WNOHANG);
      if (ended == 0) ::usleep(1000);
    }
    if (ended == 0) {
      ::kill(pid_, SIGKILL);
      while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
      }
    }
    pid_ = -1;
    if (WIFSIGNALED(status)) return std::string("was killed by signal ") + std::to_string(WTERMSIG(status)) + " (" + ::strsignal(WTERMSIG(status)) + ")";
    return "ended with status " + std::to_string(WEXITSTATUS(status));
  }

 private:
  Process() = default;
  Fd socket_;
  pid_t pid_ = -1;
};

struct Frame {
  FrameType type;
  std::string body;
};

class Frames {
 public:
  Frames(int fd, const WorkerInput& input) : fd_(fd), input_(input) {}

  Result<Frame> next() {
    std::array<uint8_t, 5> head{};
    CAREEN_TRY(exactly(head));
    uint32_t size = load<uint32_t>(head.data() + 1, Endian::little);
    if (head[0] < 1 || head[0] > static_cast<uint8_t>(FrameType::error) || size > kMaxFrame || (total_ += size) > kMaxFacts)
      return Error{Errc::interrupted, "the worker sent a frame that it may not send"};
    Frame f{static_cast<FrameType>(head[0]), std::string(size, '\0')};
    CAREEN_TRY(exactly({reinterpret_cast<uint8_t*>(f.body.data()), f.body.size()}));
    return f;
  }

 private:
  Result<void> exactly(std::span<uint8_t> into) {
    while (!into.empty()) {
      CAREEN_TRY(wait());
      ssize_t n = ::read(fd_, into.data(), into.size());
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) return Error{Errc::interrupted, ""};
      into = into.subspan(static_cast<size_t>(n));
    }
    return {};
  }
  Result<void> wait() const {
    for (unsigned waited = 0;;) {
      pollfd p{fd_, POLLIN, 0};
      int rc = ::poll(&p, 1, 1000);
      if (rc > 0) return {};
      if (rc < 0 && errno != EINTR) return os_error("poll", errno);
      if (input_.input_alive && input_.input_alive()) {
        waited = 0;
        continue;
      }
      if (input_.stall_seconds != 0 && ++waited >= input_.stall_seconds)
        return Error{Errc::interrupted, "made no progress for " + std::to_string(waited) + " s (--timeout)"};
    }
  }
  int fd_;
  const WorkerInput& input_;
  uint64_t total_ = 0;
};

Result<void> ask(int fd, const WorkerRequest& request) {
  std::string body = encode(request);
  std::array<uint8_t, 4> head{};
  for (size_t i = 0; i < 4; ++i) head[i] = static_cast<uint8_t>(body.size() >> (8 * i));
  ssize_t n = ::send(fd, head.data(), head.size(), MSG_NOSIGNAL);
  if (n != 4) return os_error("cannot reach the worker", errno);
  for (Bytes rest = as_bytes(body); !rest.empty();) {
    n = ::send(fd, rest.data(), rest.size(), MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return os_error("cannot reach the worker", errno);
    rest = rest.subspan(static_cast<size_t>(n));
  }
  return {};
}

// Runs one worker to its result. `chunks` takes the file table where there is one.
template <class T>
Result<T> run(const WorkerRequest& request, const WorkerInput& input, FileTable* chunks) {
  CAREEN_ASSIGN(Process process, Process::start(input.fd, input.spool));
  CAREEN_TRY(ask(process.socket(), request));
  Frames frames(process.socket(), input);
  std::string parts;
  for (;;) {
    auto frame = frames.next();
    if (!frame) {
      bool told = !frame.error().what.empty();
      std::string ended = process.stop(told);
      return Error{Errc::interrupted, "the worker that read it " + (told ? frame.error().what : ended)};
    }
    Bytes body = as_bytes(frame->body);
    switch (frame->type) {
      case FrameType::status: {
        SandboxStatus s;
        static std::once_flag told;
        if (decode(body, &s) && (!s.seccomp || !s.limits) && s.why != kNoSandboxHere)
          std::call_once(told, [&] { warn("the workers that read hostile bytes are not fully confined here: " + s.why + " (careen --version -v)"); });
        break;
      }
      case FrameType::progress: {
        uint64_t v = 0;
        size_t at = 0;
        if (get_varint(body, &at, &v) && input.on_progress) input.on_progress(v);
        break;
      }
      case FrameType::chunk: {
        uint64_t records = 0;
        size_t at = 0;
        if (chunks == nullptr || !get_varint(body, &at, &records) || records > body.size())
          return Error{Errc::interrupted, "the worker that read it sent a damaged chunk"};
        chunks->add_chunk(frame->body.substr(at), static_cast<uint32_t>(records));
        break;
      }
      case FrameType::error: {
        Error e;
        if (!decode(body, &e)) e = {Errc::interrupted, "the worker that read it sent a damaged error"};
        return e;
      }
      case FrameType::more:
        parts += frame->body;
        break;
      case FrameType::result: {
        T out;
        if (!parts.empty()) body = as_bytes(parts += frame->body);
        if (!decode(body, &out)) return Error{Errc::interrupted, "the worker that read it sent a damaged result"};
        process.stop();
        return out;
      }
    }
  }
}

}  // namespace

Result<LayerResult> run_layer_worker(const WorkerRequest& request, const WorkerInput& input) {
  FileTable files;
  files.spill_in(input.table_directory);
  CAREEN_ASSIGN(LayerResult r, run<LayerResult>(request, input, &files));
  r.facts.files = std::move(files);
  for (FileCursor c(r.facts.files);;) {
    FileRecord record;
    if (c.next(record)) continue;
    if (c.damaged()) return Error{Errc::interrupted, "the worker that read it sent a damaged file table"};
    break;
  }
  return r;
}

Result<ArchiveIndex> run_index_worker(const WorkerRequest& request, const WorkerInput& input) {
  return run<ArchiveIndex>(request, input, nullptr);
}

Result<SandboxStatus> probe_sandbox() {
  CAREEN_ASSIGN(Process process, Process::start(-1, -1));
  WorkerRequest request;
  CAREEN_TRY(ask(process.socket(), request));
  WorkerInput input;
  input.stall_seconds = 20;
  CAREEN_ASSIGN(Frame f, Frames(process.socket(), input).next());
  SandboxStatus s;
  if (f.type != FrameType::status || !decode(as_bytes(f.body), &s)) return Error{Errc::interrupted, "no answer from a worker"};
  process.stop(false);
  return s;
}

}  // namespace careen
