#include "base/log.h"

#include <atomic>
#include <cstdio>
#include <mutex>
#include <string>

#include "base/text.h"

namespace careen {
namespace {

std::atomic<LogLevel> g_level{LogLevel::normal};
std::atomic<void (*)(bool)> g_hook{nullptr};
std::mutex g_mutex;

void say(std::string_view kind, std::string_view message) {
  std::lock_guard lock(g_mutex);
  auto* hook = g_hook.load();
  if (hook != nullptr) hook(true);
  std::string line = "careen: " + std::string(kind) + escape(message) + "\n";
  std::fwrite(line.data(), 1, line.size(), stderr);
  if (hook != nullptr) hook(false);
}

}  // namespace

void set_log_level(LogLevel level) {
  g_level = level;
}
LogLevel log_level() {
  return g_level;
}
void set_log_hook(void (*hook)(bool)) {
  g_hook = hook;
}

void warn(std::string_view message) {
  if (g_level.load() != LogLevel::quiet) say("warning: ", message);
}

void note(std::string_view message) {
  if (g_level.load() == LogLevel::verbose) say("", message);
}

void timing(std::string_view name, double seconds) {
  if (g_level.load() != LogLevel::verbose) return;
  std::lock_guard lock(g_mutex);
  auto* hook = g_hook.load();
  if (hook != nullptr) hook(true);
  std::fprintf(stderr, "timing: %s %.4f\n", escape(name).c_str(), seconds);
  if (hook != nullptr) hook(false);
}

}  // namespace careen
