// Scripts of an image: read in the parent, so they may neither hang it nor fill its memory.
#include "base/bytes.h"
#include "detect/shell.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace careen;
  if (size > 64 << 10) return 0;
  std::string_view text = as_text(Bytes(data, size));
  ScriptCommands s = read_script(text, {"serve", "-x"}, {{"PATH", "/bin"}, {"EMPTY", ""}});
  if (s.commands.size() > kMaxScriptCommands || s.complete != s.why.empty()) __builtin_trap();
  for (const auto& c : s.commands)
    if (c.empty() || c[0].empty()) __builtin_trap();  // a command has a name
  (void)split_words(text);
  return 0;
}
