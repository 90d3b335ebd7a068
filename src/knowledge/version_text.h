// What the orders of versions share: taking a version's text apart.
#pragma once
#include <algorithm>
#include <string_view>

namespace careen::version_text {

inline bool digit(char c) {
  return c >= '0' && c <= '9';
}
inline bool letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
inline int sign(int v) {
  return v < 0 ? -1 : v > 0 ? 1 : 0;
}
inline bool number(std::string_view s) {
  return !s.empty() && std::all_of(s.begin(), s.end(), digit);
}

// Numbers of any length: without leading zeros the longer is the greater.
inline int compare_digits(std::string_view a, std::string_view b) {
  a.remove_prefix(std::min(a.find_first_not_of('0'), a.size()));
  b.remove_prefix(std::min(b.find_first_not_of('0'), b.size()));
  if (a.size() != b.size()) return a.size() < b.size() ? -1 : 1;
  return sign(a.compare(b));
}

inline std::string_view take(std::string_view& s, bool (*want)(char)) {
  size_t n = 0;
  while (n < s.size() && want(s[n])) ++n;
  std::string_view part = s.substr(0, n);
  s.remove_prefix(n);
  return part;
}

// Up to `sep`, which is taken too; all when there is none.
inline std::string_view until(std::string_view& s, char sep) {
  size_t n = std::min(s.find(sep), s.size());
  std::string_view part = s.substr(0, n);
  s.remove_prefix(std::min(n + 1, s.size()));
  return part;
}

}  // namespace careen::version_text
