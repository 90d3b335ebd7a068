#include "worker/sandbox.h"

#include <linux/landlock.h>
#include <seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <initializer_list>

namespace careen {
namespace {

#ifndef CAREEN_SANITIZED
void add_reason(SandboxStatus& s, const std::string& why) {
  if (!s.why.empty()) s.why += "; ";
  s.why += why;
}

void set_limits(SandboxStatus& s) {
  auto limit = [](int what, rlim_t to) {
    rlimit r{to, to};
    return ::setrlimit(static_cast<__rlimit_resource_t>(what), &r) == 0;
  };
  s.limits = limit(RLIMIT_CORE, 0) && limit(RLIMIT_AS, kWorkerMemory) && limit(RLIMIT_NOFILE, 16);
  if (!s.limits) add_reason(s, "resource limits refused");
}

// An empty ruleset: every access to the file system that it handles is denied.
void enter_landlock(SandboxStatus& s) {
  long abi = ::syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION);
  if (abi < 1) {
    add_reason(s, "this kernel has no Landlock");
    return;
  }
  landlock_ruleset_attr attr{};
  attr.handled_access_fs = (1ULL << 13) - 1;  // the accesses of the first version
  long fd = ::syscall(SYS_landlock_create_ruleset, &attr, sizeof attr.handled_access_fs, 0);
  if (fd < 0 || ::syscall(SYS_landlock_restrict_self, fd, 0) != 0)
    add_reason(s, std::string("Landlock: ") + ::strerror(errno));
  else
    s.landlock = true;
  if (fd >= 0) ::close(static_cast<int>(fd));
}

void enter_seccomp(SandboxStatus& s) {
  scmp_filter_ctx f = seccomp_init(SCMP_ACT_ERRNO(EPERM));
  if (f == nullptr) return add_reason(s, "seccomp: out of memory");
  int rc = 0;
  auto allow = [&](std::initializer_list<int> calls) {
    for (int c : calls) rc |= seccomp_rule_add(f, SCMP_ACT_ALLOW, c, 0);
  };
  allow({SCMP_SYS(read),
         SCMP_SYS(readv),
         SCMP_SYS(write),
         SCMP_SYS(writev),
         SCMP_SYS(pread64),
         SCMP_SYS(lseek),
         SCMP_SYS(close),
         SCMP_SYS(fstat),
         SCMP_SYS(ftruncate),
         SCMP_SYS(poll),
         SCMP_SYS(ppoll),
         SCMP_SYS(munmap),
         SCMP_SYS(mremap),
         SCMP_SYS(madvise),
         SCMP_SYS(brk),
         SCMP_SYS(futex),
         SCMP_SYS(set_robust_list),
         SCMP_SYS(rseq),
         SCMP_SYS(exit),
         SCMP_SYS(exit_group),
         SCMP_SYS(rt_sigreturn),
         SCMP_SYS(rt_sigprocmask),
         SCMP_SYS(rt_sigaction),
         SCMP_SYS(sigaltstack),
         SCMP_SYS(getpid),
         SCMP_SYS(gettid),
         SCMP_SYS(sched_yield),
         SCMP_SYS(sched_getaffinity),
         SCMP_SYS(getrandom),
         SCMP_SYS(clock_gettime),
         SCMP_SYS(clock_nanosleep),
         SCMP_SYS(nanosleep),
         SCMP_SYS(restart_syscall)});
  rc |= seccomp_rule_add(f, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);  // its flags cannot be looked at; the C library then uses clone
  // Memory is never executable, a clone is a thread, a signal goes to this process.
  rc |= seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1, SCMP_A2(SCMP_CMP_MASKED_EQ, 4, 0));
  rc |= seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1, SCMP_A2(SCMP_CMP_MASKED_EQ, 4, 0));
  rc |= seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1, SCMP_A0(SCMP_CMP_MASKED_EQ, 0x00010000, 0x00010000));
  rc |= seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1, SCMP_A0(SCMP_CMP_EQ, static_cast<scmp_datum_t>(::getpid())));
  for (int c : {SCMP_SYS(execve), SCMP_SYS(execveat), SCMP_SYS(socket), SCMP_SYS(connect), SCMP_SYS(ptrace), SCMP_SYS(bpf), SCMP_SYS(process_vm_readv),
                SCMP_SYS(process_vm_writev), SCMP_SYS(fork), SCMP_SYS(vfork)})
    rc |= seccomp_rule_add(f, SCMP_ACT_KILL_PROCESS, c, 0);
  if (rc == 0) rc = seccomp_load(f);
  s.seccomp = rc == 0;
  if (rc != 0) add_reason(s, std::string("seccomp: ") + ::strerror(-rc));
  seccomp_release(f);
}
#endif

}  // namespace

SandboxStatus enter_sandbox() {
  SandboxStatus s;
#ifdef CAREEN_SANITIZED
  s.why = kNoSandboxHere;
#else
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) s.why = "no_new_privs refused";
  ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  ::prctl(PR_SET_PDEATHSIG, 9, 0, 0, 0);
  set_limits(s);
  enter_landlock(s);
  enter_seccomp(s);
#endif
  return s;
}

}  // namespace careen
