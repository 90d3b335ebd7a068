// Semantic Versioning 2.0.0 and the two orders that are nearly it: NuGet's and pub's.
#include <vector>

#include "base/text.h"
#include "knowledge/version.h"
#include "knowledge/version_text.h"

namespace careen {
namespace {

using namespace version_text;

struct SemVersion {
  std::vector<std::string_view> numbers;
  std::string_view pre, build;
};

std::optional<SemVersion> parse(std::string_view s) {
  SemVersion v;
  if (s.starts_with('v') || s.starts_with('V')) s.remove_prefix(1);
  while (!s.empty() && digit(s[0])) {
    v.numbers.push_back(take(s, digit));
    if (s.size() < 2 || s[0] != '.' || !digit(s[1])) break;
    s.remove_prefix(1);
  }
  if (v.numbers.empty()) return std::nullopt;
  for (char c : s)
    if (!digit(c) && !letter(c) && c != '-' && c != '.' && c != '+') return std::nullopt;
  size_t plus = s.find('+');
  if (plus != std::string_view::npos) v.build = s.substr(plus + 1);
  v.pre = s.substr(0, plus);
  if (v.pre.starts_with('-') || v.pre.starts_with('.')) v.pre.remove_prefix(1);  // "1.2rc1" is let pass as 1.2-rc1
  return v;
}

int compare_numbers(const SemVersion& a, const SemVersion& b) {
  for (size_t i = 0; i < std::max(a.numbers.size(), b.numbers.size()); ++i) {
    std::string_view x = i < a.numbers.size() ? a.numbers[i] : "0", y = i < b.numbers.size() ? b.numbers[i] : "0";
    if (int c = compare_digits(x, y); c != 0) return c;
  }
  return 0;
}

// Identifiers between dots: numbers before words, numbers by value, words by their bytes, the longer list later.
int compare_identifiers(std::string_view a, std::string_view b) {
  while (!a.empty() && !b.empty()) {
    std::string_view x = until(a, '.'), y = until(b, '.');
    bool nx = number(x), ny = number(y);
    int c = nx && ny ? compare_digits(x, y) : nx != ny ? (nx ? -1 : 1) : sign(x.compare(y));
    if (c != 0) return c;
  }
  return a.empty() ? (b.empty() ? 0 : -1) : 1;
}

// The release is after all that lead to it.
int compare_pre(std::string_view a, std::string_view b) {
  if (a.empty() || b.empty()) return a.empty() ? (b.empty() ? 0 : 1) : -1;
  return compare_identifiers(a, b);
}

}  // namespace

std::optional<int> compare_semver(std::string_view a, std::string_view b) {
  auto x = parse(a), y = parse(b);
  if (!x || !y) return std::nullopt;
  if (int c = compare_numbers(*x, *y); c != 0) return c;
  return compare_pre(x->pre, y->pre);
}

std::optional<int> compare_nuget(std::string_view a, std::string_view b) {
  std::string la = lower(a), lb = lower(b);
  return compare_semver(la, lb);
}

std::optional<int> compare_pub(std::string_view a, std::string_view b) {
  auto x = parse(a), y = parse(b);
  if (!x || !y) return std::nullopt;
  if (int c = compare_numbers(*x, *y); c != 0) return c;
  if (int c = compare_pre(x->pre, y->pre); c != 0) return c;
  return compare_identifiers(x->build, y->build);
}

}  // namespace careen
