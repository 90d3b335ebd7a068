// What parsers of packages found, as text; and bytes for what they are given.
#pragma once
#include <gmock/gmock.h>

#include <string>
#include <vector>

#include "formats/language.h"

namespace careen::test {

inline std::vector<std::string> lines(const std::vector<Package>& packages) {
  std::vector<std::string> out;
  for (const Package& p : packages) out.push_back(std::string(to_text(p.type)) + " " + p.name + " " + p.version);
  return out;
}

// "type name version" of each package, for a file that has to be read without a problem.
inline std::vector<std::string> good(const LanguagePackages& found) {
  EXPECT_EQ(found.problem, "");
  return lines(found.packages);
}

inline std::string le(uint64_t value, int bytes) {
  std::string out;
  for (; bytes > 0; --bytes, value >>= 8) out += static_cast<char>(value & 255);
  return out;
}

inline std::string deep(size_t depth, std::string_view open = "[", std::string_view close = "]") {
  std::string out;
  for (size_t i = 0; i < depth; ++i) out += open;
  for (size_t i = 0; i < depth; ++i) out += close;
  return out;
}

}  // namespace careen::test
