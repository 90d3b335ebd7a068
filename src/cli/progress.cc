#include "cli/progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include "base/log.h"
#include "base/text.h"
#include "report/fleet_report.h"

namespace careen {
namespace {
void clear_line(bool before) {
  if (before) std::fputs("\r\x1b[K", stderr);
}
}  // namespace

Progress::Progress(bool wanted)
    : on_(wanted && ::isatty(STDERR_FILENO) == 1 && std::getenv("CI") == nullptr), begin_(std::chrono::steady_clock::now()), last_(begin_) {
  if (on_) set_log_hook(clear_line);
}

Progress::~Progress() {
  if (drawn_) clear_line(true);
  if (on_) set_log_hook(nullptr);
}

void Progress::show(uint64_t done, uint64_t total, size_t left) {
  auto now = std::chrono::steady_clock::now();
  if (!on_ || now - last_ < std::chrono::milliseconds(100)) return;
  last_ = now;
  drawn_ = true;
  double seconds = std::chrono::duration<double>(now - begin_).count();
  std::string bar;
  if (total != 0) {
    size_t full = static_cast<size_t>(20.0 * static_cast<double>(std::min(done, total)) / static_cast<double>(total));
    bar = "[" + std::string(full, '#') + std::string(20 - full, ' ') + "] ";
  }
  std::string line = fmt::format("\r\x1b[K{}{}{} {}/s, {} layer{} left", bar, human_size(done), total != 0 ? " of " + human_size(total) : "",
                                 human_size(static_cast<uint64_t>(static_cast<double>(done) / std::max(seconds, 0.1))), left, left == 1 ? "" : "s");
  std::fwrite(line.data(), 1, line.size(), stderr);
}

FleetProgress::FleetProgress(bool wanted)
    : on_(wanted && ::isatty(STDERR_FILENO) == 1 && std::getenv("CI") == nullptr), begin_(std::chrono::steady_clock::now()), last_(begin_) {
  if (on_) set_log_hook(clear_line);
}

FleetProgress::~FleetProgress() {
  clear();
  if (on_) set_log_hook(nullptr);
}

void FleetProgress::clear() {
  if (drawn_) clear_line(true);
  drawn_ = false;
}

void FleetProgress::show(const IndexProgress& p) {
  auto now = std::chrono::steady_clock::now();
  if (!on_ || (drawn_ && now - last_ < std::chrono::milliseconds(100))) return;
  last_ = now;
  drawn_ = true;
  std::string line = "\r\x1b[K" + index_progress_text(p, std::chrono::duration<double>(now - begin_).count());
  std::fwrite(line.data(), 1, line.size(), stderr);
}

}  // namespace careen
