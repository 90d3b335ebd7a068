// The commands of a shell script, as far as reading it tells.
//
// Not a shell: it splits a script into simple commands, expands variables that the script itself sets to plain text, and says
// when it met something whose command cannot be known by reading (a variable as the command, eval). Every branch counts.
#pragma once
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace careen {

inline constexpr size_t kMaxScriptCommands = 5000;
inline constexpr std::string_view kUnknownWord = "\x01?";  // an argument that only running shows

struct ScriptCommands {
  std::vector<std::vector<std::string>> commands;  // words of each; "$@" stays as one word
  bool complete = true;
  std::string why;  // the first thing that could not be followed
};

// `arguments` stand for "$@" and $1…; `variables` are known before the script begins (the image's environment).
ScriptCommands read_script(std::string_view text, const std::vector<std::string>& arguments, std::map<std::string, std::string> variables);

// One line as words, with quotes removed and nothing expanded.
std::vector<std::string> split_words(std::string_view line);

}  // namespace careen
