// The orders of RubyGems, Composer, Conda, Haskell and R.
#include <array>
#include <string>
#include <vector>

#include "base/text.h"
#include "knowledge/version.h"
#include "knowledge/version_text.h"

namespace careen {
namespace {

using namespace version_text;

bool zero(std::string_view s) {
  return number(s) && s.find_first_not_of('0') == std::string_view::npos;
}

// Runs of digits and of letters. Zeros at the end of the release, and at the end of all, say nothing.
std::vector<std::string_view> gem_segments(std::string_view s) {
  std::vector<std::string_view> numbers, rest;
  while (!s.empty()) {
    std::string_view part = digit(s[0]) ? take(s, digit) : letter(s[0]) ? take(s, letter) : std::string_view{};
    if (part.empty()) {
      s.remove_prefix(1);
      continue;
    }
    (rest.empty() && digit(part[0]) ? numbers : rest).push_back(part);
  }
  while (!numbers.empty() && zero(numbers.back())) numbers.pop_back();
  while (!rest.empty() && zero(rest.back())) rest.pop_back();
  numbers.insert(numbers.end(), rest.begin(), rest.end());
  return numbers;
}

// [0-9]+(\.[0-9a-zA-Z]+)*(-[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?, and nothing at all, which is 0.
bool is_gem(std::string_view s) {
  s = trim(s);
  if (s.empty()) return true;
  if (!digit(s[0])) return false;
  bool empty = false, pre = false;
  for (char c : s) {
    if (c == '-' && !pre && !empty) {
      pre = empty = true;
      continue;
    }
    if (c == '.') {
      if (empty) return false;
      empty = true;
      continue;
    }
    if (!digit(c) && !letter(c) && !(pre && c == '-')) return false;
    empty = false;
  }
  return !empty;
}

// A dash stands for ".pre.".
std::string gem_text(std::string_view s) {
  std::string out;
  for (char c : trim(s))
    if (c == '-')
      out += ".pre.";
    else
      out += c;
  return out;
}

// PHP: a dot between digits and all else, and in the place of "-", "_" and "+".
std::vector<std::string> php_parts(std::string_view s) {
  std::vector<std::string> parts(1);
  if (s.starts_with('v') || s.starts_with('V')) s.remove_prefix(1);
  for (char c : s) {
    bool dot = c == '.' || c == '-' || c == '_' || c == '+';
    bool change = !parts.back().empty() && !dot && digit(c) != digit(parts.back().back());
    if ((dot || change) && !parts.back().empty()) parts.emplace_back();
    if (!dot) parts.back() += c;
  }
  if (parts.back().empty()) parts.pop_back();
  return parts;
}

constexpr std::string_view kPhpNumber = "#N#";

// The first name that the form begins with; a form without one is before them all.
int php_form(std::string_view form) {
  static constexpr std::array<std::pair<std::string_view, int>, 10> kForms{
      {{"dev", 0}, {"alpha", 1}, {"a", 1}, {"beta", 2}, {"b", 2}, {"RC", 3}, {"rc", 3}, {"#", 4}, {"pl", 5}, {"p", 5}}};
  for (const auto& [name, weight] : kForms)
    if (form.starts_with(name)) return weight;
  return -1;
}

int php_compare(std::string_view x, std::string_view y) {
  bool nx = digit(x[0]), ny = digit(y[0]);
  if (nx && ny) return compare_digits(x, y);
  return sign(php_form(nx ? kPhpNumber : x) - php_form(ny ? kPhpNumber : y));
}

// What stands after the end of the other version.
int php_left(const std::vector<std::string>& parts, size_t from) {
  for (size_t i = from; i < parts.size(); ++i) {
    if (digit(parts[i][0])) return 1;
    if (int c = php_compare(parts[i], kPhpNumber); c != 0) return c;
  }
  return 0;
}

bool dotted(std::string_view s) {
  bool empty = true;
  for (char c : s) {
    if (!digit(c) && ((c != '.' && c != '-') || empty)) return false;
    empty = !digit(c);
  }
  return !empty;
}

// Conda: epoch!version+local; parts between dots and dashes, each a list of numbers and words; a word is before a number, "dev" before
// all, "post" after all.
struct CondaPart {
  std::vector<std::string_view> atoms;
};

std::vector<CondaPart> conda_parts(std::string_view s) {
  std::vector<CondaPart> out;
  while (!s.empty()) {
    std::string_view whole = s, part = take(
                                    s, +[](char c) { return c != '.' && c != '-' && c != '_'; });
    // A dash or an underscore at the very end belongs to the last part.
    if (s.size() == 1 && s[0] != '.') part = whole, s = {};
    if (!s.empty()) s.remove_prefix(1);
    CondaPart p;
    if (!part.empty() && !digit(part[0])) p.atoms.emplace_back("0");
    while (!part.empty()) {
      bool n = digit(part[0]);
      p.atoms.push_back(take(
          part, n ? digit : +[](char c) { return !digit(c); }));
    }
    out.push_back(std::move(p));
  }
  return out;
}

// What conda takes for one part of a version: no empty component.
bool is_conda_part(std::string_view t) {
  if (t.empty() || t.back() == '.') return false;
  bool empty = true;
  for (char c : t) {
    bool sep = c == '.' || c == '-' || c == '_';
    if (!sep && !digit(c) && !letter(c) && c != '*') return false;
    if (sep && empty) return false;
    empty = sep;
  }
  return true;
}

struct CondaVersion {
  std::string_view epoch = "0", version, local;
};

std::optional<CondaVersion> parse_conda(std::string_view s) {
  CondaVersion v;
  if (size_t bang = s.find('!'); bang != std::string_view::npos) {
    v.epoch = s.substr(0, bang);
    s.remove_prefix(bang + 1);
    if (!number(v.epoch)) return std::nullopt;
  }
  size_t plus = s.find('+');
  v.version = s.substr(0, plus);
  if (plus != std::string_view::npos) v.local = s.substr(plus + 1);
  if (!is_conda_part(v.version) || (plus != std::string_view::npos && !is_conda_part(v.local))) return std::nullopt;
  return v;
}

int conda_rank(std::string_view atom) {
  return atom == "dev" ? 0 : number(atom) ? 2 : atom == "post" ? 3 : 1;
}

int compare_conda_text(std::string_view a, std::string_view b) {
  auto x = conda_parts(a), y = conda_parts(b);
  static const CondaPart kZero{{"0"}};
  for (size_t i = 0; i < std::max(x.size(), y.size()); ++i) {
    const CondaPart &p = i < x.size() ? x[i] : kZero, &q = i < y.size() ? y[i] : kZero;
    for (size_t j = 0; j < std::max(p.atoms.size(), q.atoms.size()); ++j) {
      std::string_view s = j < p.atoms.size() ? p.atoms[j] : "0", t = j < q.atoms.size() ? q.atoms[j] : "0";
      int r = conda_rank(s), u = conda_rank(t);
      int c = r != u ? sign(r - u) : r == 2 ? compare_digits(s, t) : sign(s.compare(t));
      if (c != 0) return c;
    }
  }
  return 0;
}

}  // namespace

std::optional<int> compare_rubygems(std::string_view a, std::string_view b) {
  if (!is_gem(a) || !is_gem(b)) return std::nullopt;
  std::string ta = gem_text(a), tb = gem_text(b);
  auto x = gem_segments(ta), y = gem_segments(tb);
  for (size_t i = 0; i < std::max(x.size(), y.size()); ++i) {
    std::string_view s = i < x.size() ? x[i] : "0", t = i < y.size() ? y[i] : "0";
    bool ns = digit(s[0]), nt = digit(t[0]);
    int c = ns && nt ? compare_digits(s, t) : ns != nt ? (ns ? 1 : -1) : sign(s.compare(t));
    if (c != 0) return c;
  }
  return 0;
}

std::optional<int> compare_composer(std::string_view a, std::string_view b) {
  auto x = php_parts(a), y = php_parts(b);
  if (x.empty() || y.empty()) return std::nullopt;
  size_t both = std::min(x.size(), y.size());
  for (size_t i = 0; i < both; ++i)
    if (int c = php_compare(x[i], y[i]); c != 0) return c;
  return x.size() > both ? php_left(x, both) : -php_left(y, both);
}

std::optional<int> compare_dotted(std::string_view a, std::string_view b) {
  if (!dotted(a) || !dotted(b)) return std::nullopt;
  auto part = [](std::string_view& s) {
    std::string_view p = take(s, digit);
    if (!s.empty()) s.remove_prefix(1);
    return p;
  };
  while (!a.empty() && !b.empty())
    if (int c = compare_digits(part(a), part(b)); c != 0) return c;
  return a.empty() ? (b.empty() ? 0 : -1) : 1;
}

std::optional<int> compare_conda(std::string_view a, std::string_view b) {
  std::string la = lower(trim(a)), lb = lower(trim(b));
  // Both stand between components; one version has one of them.
  for (std::string* s : {&la, &lb}) {
    if (s->find('-') != std::string::npos && s->find('_') != std::string::npos) return std::nullopt;
    std::replace(s->begin(), s->end(), '-', '_');
  }
  auto x = parse_conda(la), y = parse_conda(lb);
  if (!x || !y) return std::nullopt;
  if (int c = compare_digits(x->epoch, y->epoch); c != 0) return c;
  if (int c = compare_conda_text(x->version, y->version); c != 0) return c;
  return compare_conda_text(x->local, y->local);
}

}  // namespace careen
