// Messages for the person at the terminal, on standard error; results never go here. Thread-safe.
// warn() is always shown, note() with --verbose, neither with --quiet. A message is escaped before it is written.
#pragma once
#include <string_view>

namespace careen {

enum class LogLevel : unsigned char { quiet, normal, verbose };
void set_log_level(LogLevel level);
LogLevel log_level();
void warn(std::string_view message);
void note(std::string_view message);

// A name made safe for humans and a duration, as `timing: NAME SECONDS`, shown with --verbose.
void timing(std::string_view name, double seconds);

// How the log keeps out of a progress line's way: called with true before a message and false after it.
void set_log_hook(void (*hook)(bool before));

}  // namespace careen
