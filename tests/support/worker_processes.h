// The worker processes that a test has started, as /proc shows them.
#pragma once
#include <dirent.h>
#include <unistd.h>

#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "base/text.h"
#include "worker/protocol.h"

namespace careen::test {

inline std::vector<pid_t> workers() {
  std::vector<pid_t> out;
  DIR* proc = ::opendir("/proc");
  while (dirent* e = proc != nullptr ? ::readdir(proc) : nullptr) {
    auto pid = to_number(e->d_name);
    if (!pid) continue;
    std::ifstream stat("/proc/" + std::string(e->d_name) + "/stat"), cmdline("/proc/" + std::string(e->d_name) + "/cmdline");
    std::string line, command((std::istreambuf_iterator<char>(cmdline)), {});
    std::getline(stat, line);
    size_t close = line.rfind(") ");
    if (close == std::string::npos || words(line.substr(close + 2)).size() < 2) continue;
    bool mine = words(line.substr(close + 2))[1] == std::to_string(::getpid());
    if (mine && command.find(kWorkerArgument) != std::string::npos) out.push_back(static_cast<pid_t>(*pid));
  }
  if (proc != nullptr) ::closedir(proc);
  return out;
}

}  // namespace careen::test
