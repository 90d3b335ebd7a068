// Text laid out for a terminal.
#pragma once
#include <string>
#include <string_view>

namespace careen {

// Columns that UTF-8 text takes, one for each code point.
size_t columns(std::string_view s);

// Words wrapped to a width; the first line after `first`, the others after `rest`. Words longer than a line are cut into pieces.
std::string wrap(std::string_view text, std::string_view first, std::string_view rest, size_t width);

class Paint {
 public:
  explicit Paint(bool on) : on_(on) {}
  std::string operator()(std::string_view code, std::string_view text) const {
    return on_ ? "\x1b[" + std::string(code) + "m" + std::string(text) + "\x1b[0m" : std::string(text);
  }

 private:
  bool on_;
};

}  // namespace careen
