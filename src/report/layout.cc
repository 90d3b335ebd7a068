#include "report/layout.h"

#include "base/text.h"

namespace careen {

size_t columns(std::string_view s) {
  size_t n = 0;
  for (char c : s) n += (static_cast<uint8_t>(c) & 0xC0U) != 0x80U ? 1 : 0;
  return n;
}

std::string wrap(std::string_view text, std::string_view first, std::string_view rest, size_t width) {
  std::string out(first);
  size_t at = columns(first), begin = at;
  auto line = [&] {
    while (!out.empty() && out.back() == ' ') out.pop_back();
    out += '\n';
    out += rest;
    begin = at = columns(rest);
  };
  for (std::string_view w : words(text)) {
    size_t n = columns(w);
    if (at > begin && at + 1 + n > width)
      line();
    else if (at > begin)
      out += ' ', ++at;
    while (at + n > width && width > begin + 8) {  // a long path or digest
      size_t room = width - at, bytes = 0;
      for (size_t seen = 0; bytes < w.size(); ++bytes)
        if ((static_cast<uint8_t>(w[bytes]) & 0xC0U) != 0x80U && seen++ == room) break;
      out += w.substr(0, bytes);
      w.remove_prefix(bytes);
      n = columns(w);
      line();
    }
    out += w;
    at += n;
  }
  while (!out.empty() && out.back() == ' ') out.pop_back();
  out += '\n';
  return out;
}

}  // namespace careen
