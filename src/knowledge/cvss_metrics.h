// The metrics of a CVSS vector, and the score of version 4.0, which has a file of its own.
#pragma once
#include <algorithm>
#include <span>
#include <string_view>
#include <vector>

#include "knowledge/cvss.h"

namespace careen {

// Views of the text that was parsed.
class CvssMetrics {
 public:
  // "AV:N/AC:L/…" of these names only, each at most once, each with a value.
  static std::optional<CvssMetrics> parse(std::string_view text, std::span<const std::string_view> names);

  std::string_view get(std::string_view name) const {
    for (const auto& [n, v] : all_)
      if (n == name) return v;
    return {};
  }
  bool any(std::initializer_list<std::string_view> names) const {
    return std::any_of(names.begin(), names.end(), [&](std::string_view n) { return !get(n).empty(); });
  }

 private:
  std::vector<std::pair<std::string_view, std::string_view>> all_;
};

std::optional<CvssScore> score_v4(std::string_view metrics);

}  // namespace careen
