#include "knowledge/version.h"

#include <array>
#include <string>
#include <vector>

namespace careen {
namespace {

bool digit(char c) {
  return c >= '0' && c <= '9';
}
bool letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
int sign(int v) {
  return v < 0 ? -1 : v > 0 ? 1 : 0;
}

// Numbers of any length: without leading zeros the longer is the greater.
int compare_digits(std::string_view a, std::string_view b) {
  a.remove_prefix(std::min(a.find_first_not_of('0'), a.size()));
  b.remove_prefix(std::min(b.find_first_not_of('0'), b.size()));
  if (a.size() != b.size()) return a.size() < b.size() ? -1 : 1;
  return sign(a.compare(b));
}

std::string_view take(std::string_view& s, bool (*want)(char)) {
  size_t n = 0;
  while (n < s.size() && want(s[n])) ++n;
  std::string_view part = s.substr(0, n);
  s.remove_prefix(n);
  return part;
}

struct Parts {
  std::string_view epoch, version, release;
  bool has_release = false;
};

Parts parts_of(std::string_view s) {
  Parts p;
  size_t colon = s.find(':');
  if (colon != std::string_view::npos && s.substr(0, colon).find_first_not_of("0123456789") == std::string_view::npos) {
    p.epoch = s.substr(0, colon);
    s.remove_prefix(colon + 1);
  }
  size_t dash = s.rfind('-');
  p.has_release = dash != std::string_view::npos;
  p.version = s.substr(0, dash);
  if (p.has_release) p.release = s.substr(dash + 1);
  return p;
}

// In deb-version(7) a tilde sorts before all, even the end; letters before other characters.
int deb_weight(char c) {
  if (c == '~') return -1;
  if (letter(c)) return static_cast<unsigned char>(c);
  return static_cast<unsigned char>(c) + 256;
}

int compare_deb_part(std::string_view a, std::string_view b) {
  while (!a.empty() || !b.empty()) {
    while ((!a.empty() && !digit(a[0])) || (!b.empty() && !digit(b[0]))) {
      int x = a.empty() || digit(a[0]) ? 0 : deb_weight(a[0]);
      int y = b.empty() || digit(b[0]) ? 0 : deb_weight(b[0]);
      if (x != y) return x < y ? -1 : 1;
      if (!a.empty()) a.remove_prefix(1);
      if (!b.empty()) b.remove_prefix(1);
    }
    if (int c = compare_digits(take(a, digit), take(b, digit)); c != 0) return c;
  }
  return 0;
}

bool rpm_separator(char c) {
  return !digit(c) && !letter(c) && c != '~' && c != '^';
}

int compare_rpm_part(std::string_view a, std::string_view b) {
  while (!a.empty() || !b.empty()) {
    take(a, rpm_separator);
    take(b, rpm_separator);
    bool ta = a.starts_with('~'), tb = b.starts_with('~');
    if (ta || tb) {
      if (ta != tb) return ta ? -1 : 1;
      a.remove_prefix(1), b.remove_prefix(1);
      continue;
    }
    bool ca = a.starts_with('^'), cb = b.starts_with('^');
    if (ca || cb) {
      if (a.empty()) return -1;
      if (b.empty()) return 1;
      if (ca != cb) return ca ? -1 : 1;
      a.remove_prefix(1), b.remove_prefix(1);
      continue;
    }
    if (a.empty() || b.empty()) break;
    bool number = digit(a[0]);
    std::string_view x = take(a, number ? digit : letter), y = take(b, number ? digit : letter);
    if (y.empty()) return number ? 1 : -1;
    int c = number ? compare_digits(x, y) : sign(x.compare(y));
    if (c != 0) return c;
  }
  if (a.empty() && b.empty()) return 0;
  return a.empty() ? -1 : 1;
}

// pacman 4.1 and newer: as rpm without ~ and ^, and a longer separator is the greater.
int compare_alpm_part(std::string_view a, std::string_view b) {
  if (a == b) return 0;
  auto separator = +[](char c) { return !digit(c) && !letter(c); };
  while (!a.empty() && !b.empty()) {
    size_t sa = take(a, separator).size(), sb = take(b, separator).size();
    if (a.empty() || b.empty()) break;
    if (sa != sb) return sa < sb ? -1 : 1;
    bool number = digit(a[0]);
    std::string_view x = take(a, number ? digit : letter), y = take(b, number ? digit : letter);
    if (x.empty()) return -1;
    if (y.empty()) return number ? 1 : -1;
    int c = number ? compare_digits(x, y) : sign(x.compare(y));
    if (c != 0) return c;
  }
  if (a.empty() && b.empty()) return 0;
  // What is left over: letters make a version older (1.0rc before 1.0), anything else newer.
  if ((a.empty() && !letter(b[0])) || (!a.empty() && letter(a[0]))) return -1;
  return 1;
}

int compare_epochs(const Parts& a, const Parts& b) {
  return compare_digits(a.epoch, b.epoch);
}

// An apk version: digits{.digits}{letter}{_suffix{digits}}{~hash}{-rdigits}. Tokens are compared in this order; where one
// version ends, what follows in the other decides by its kind.
struct ApkToken {
  enum Kind : int8_t { first, number, letter_token, suffix, suffix_number, hash, revision, end } kind = end;
  std::string_view text;
  int suffix_weight = 0;
};

std::optional<std::vector<ApkToken>> apk_tokens(std::string_view s) {
  static constexpr std::array<std::pair<std::string_view, int>, 9> kSuffixes{
      {{"alpha", -4}, {"beta", -3}, {"pre", -2}, {"rc", -1}, {"cvs", 1}, {"svn", 2}, {"git", 3}, {"hg", 4}, {"p", 5}}};
  std::vector<ApkToken> out;
  std::string_view n = take(s, digit);
  if (n.empty()) return std::nullopt;
  out.push_back({ApkToken::first, n, 0});
  while (s.starts_with('.')) {
    s.remove_prefix(1);
    n = take(s, digit);
    if (n.empty()) return std::nullopt;
    out.push_back({ApkToken::number, n, 0});
  }
  if (!s.empty() && s[0] >= 'a' && s[0] <= 'z') {
    out.push_back({ApkToken::letter_token, s.substr(0, 1), 0});
    s.remove_prefix(1);
  }
  while (s.starts_with('_')) {
    s.remove_prefix(1);
    std::string_view word = take(s, letter);
    int weight = 0;
    for (const auto& [name, w] : kSuffixes)
      if (name == word) weight = w;
    if (weight == 0) return std::nullopt;
    out.push_back({ApkToken::suffix, word, weight});
    if (n = take(s, digit); !n.empty()) out.push_back({ApkToken::suffix_number, n, 0});
  }
  if (s.starts_with('~')) {
    s.remove_prefix(1);
    std::string_view h = take(
        s, +[](char c) { return digit(c) || (c >= 'a' && c <= 'f'); });
    if (h.empty()) return std::nullopt;
    out.push_back({ApkToken::hash, h, 0});
  }
  if (s.starts_with("-r")) {
    s.remove_prefix(2);
    n = take(s, digit);
    if (n.empty()) return std::nullopt;
    out.push_back({ApkToken::revision, n, 0});
  }
  if (!s.empty()) return std::nullopt;
  out.push_back({ApkToken::end, {}, 0});
  return out;
}

int compare_apk_token(const ApkToken& a, const ApkToken& b) {
  switch (a.kind) {
    case ApkToken::number:
      // A part with a leading zero is a fraction: 1.05 is before 1.5.
      if (a.text.starts_with('0') || b.text.starts_with('0')) return sign(a.text.compare(b.text));
      return compare_digits(a.text, b.text);
    case ApkToken::first:
    case ApkToken::suffix_number:
    case ApkToken::revision:
      return compare_digits(a.text, b.text);
    case ApkToken::suffix:
      return sign(a.suffix_weight - b.suffix_weight);
    case ApkToken::letter_token:
    case ApkToken::hash:
      return sign(a.text.compare(b.text));
    case ApkToken::end:
      return 0;
  }
  return 0;
}

}  // namespace

int compare_deb(std::string_view a, std::string_view b) {
  Parts x = parts_of(a), y = parts_of(b);
  if (int c = compare_epochs(x, y); c != 0) return c;
  if (int c = compare_deb_part(x.version, y.version); c != 0) return c;
  return compare_deb_part(x.release, y.release);
}

int compare_rpm(std::string_view a, std::string_view b) {
  Parts x = parts_of(a), y = parts_of(b);
  if (int c = compare_epochs(x, y); c != 0) return c;
  if (int c = compare_rpm_part(x.version, y.version); c != 0) return c;
  return x.has_release && y.has_release ? compare_rpm_part(x.release, y.release) : 0;
}

int compare_alpm(std::string_view a, std::string_view b) {
  Parts x = parts_of(a), y = parts_of(b);
  if (int c = compare_epochs(x, y); c != 0) return c;
  if (int c = compare_alpm_part(x.version, y.version); c != 0) return c;
  return x.has_release && y.has_release ? compare_alpm_part(x.release, y.release) : 0;
}

std::optional<int> compare_apk(std::string_view a, std::string_view b) {
  auto x = apk_tokens(a), y = apk_tokens(b);
  if (!x || !y) return std::nullopt;
  for (size_t i = 0;; ++i) {
    const ApkToken &s = (*x)[i], &t = (*y)[i];
    if (s.kind != t.kind) {
      // _alpha to _rc make a version older than the same without; all else makes it newer.
      if (s.kind == ApkToken::suffix && s.suffix_weight < 0) return -1;
      if (t.kind == ApkToken::suffix && t.suffix_weight < 0) return 1;
      return s.kind > t.kind ? -1 : 1;
    }
    if (int c = compare_apk_token(s, t); c != 0) return c;
    if (s.kind == ApkToken::end) return 0;
  }
}

std::optional<int> compare_versions(PackageType type, std::string_view a, std::string_view b) {
  switch (type) {
    case PackageType::deb:
      return compare_deb(a, b);
    case PackageType::rpm:
      return compare_rpm(a, b);
    case PackageType::alpm:
      return compare_alpm(a, b);
    case PackageType::apk:
      return compare_apk(a, b);
  }
  return std::nullopt;
}

}  // namespace careen
