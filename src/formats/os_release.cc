#include "formats/os_release.h"

#include "base/text.h"

namespace careen {

std::map<std::string, std::string> parse_os_release(std::string_view text) {
  std::map<std::string, std::string> out;
  each_line(text, [&](std::string_view line) {
    line = trim(line);
    size_t eq = line.find('=');
    if (line.empty() || line.front() == '#' || eq == std::string_view::npos || eq > 64 || out.size() > 256) return true;
    std::string_view raw = line.substr(eq + 1).substr(0, 1024);
    char quote = !raw.empty() && (raw.front() == '"' || raw.front() == '\'') ? raw.front() : '\0';
    std::string value;
    for (size_t i = quote != '\0' ? 1 : 0; i < raw.size() && raw[i] != quote; ++i) {
      if (raw[i] == '\\' && quote != '\'' && i + 1 < raw.size()) ++i;
      value += raw[i];
    }
    out[std::string(line.substr(0, eq))] = std::move(value);
    return true;
  });
  return out;
}

}  // namespace careen
