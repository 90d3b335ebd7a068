// Gives up everything that reading hostile bytes does not need: after enter_sandbox() the process can read and write the
// descriptors it has, use memory and threads, and end. No file can be opened, no socket made, no program started.
//
// seccomp(2) filters the system calls (killing the process on those that only an attack makes, refusing the others), Landlock,
// where the kernel has it, closes the file system a second time, and resource limits bound memory. Not for sanitizer builds,
// whose run time opens files of its own.
#pragma once
#include <cstdint>
#include <string>

namespace careen {

inline constexpr uint64_t kWorkerMemory = 4ULL << 30;  // address space

// Why there is none in a build with sanitizers, whose run-time needs more than it would allow.
inline constexpr const char* kNoSandboxHere = "off in a sanitizer build";

struct SandboxStatus {
  bool seccomp = false, landlock = false, limits = false;
  std::string why;  // what is missing and the reason, "" when nothing is
};

template <class A>
void fields(A& a, SandboxStatus& s) {
  a(s.seccomp), a(s.landlock), a(s.limits), a(s.why);
}

SandboxStatus enter_sandbox();

}  // namespace careen
