#include "knowledge/version.h"

#include <array>
#include <string>
#include <vector>

#include "knowledge/version_text.h"

namespace careen {
namespace {

using namespace version_text;

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
// version ends, what follows in the other decides by its kind. What breaks the grammar is a token too, so that such versions are
// ordered as apk orders them: `nothing` is a dot without a number, `invalid` all that cannot be read, and after it nothing is read.
struct ApkToken {
  enum Kind : int8_t { first, number, letter_token, letter_number, nothing, suffix, suffix_number, hash, revision, end, invalid } kind = end;
  std::string_view text;
  int suffix_weight = 0;
};

int apk_suffix_weight(std::string_view word) {
  static constexpr std::array<std::pair<std::string_view, int>, 9> kSuffixes{
      {{"alpha", -4}, {"beta", -3}, {"pre", -2}, {"rc", -1}, {"cvs", 1}, {"svn", 2}, {"git", 3}, {"hg", 4}, {"p", 5}}};
  for (const auto& [name, weight] : kSuffixes)
    if (name == word) return weight;
  return 0;
}

// The last token is `end` or `invalid`. `valid` is whether apk would take the version for one.
std::vector<ApkToken> apk_tokens(std::string_view s, bool* valid) {
  std::vector<ApkToken> out;
  *valid = true;
  auto odd = [&] { *valid = false; };
  std::string_view n = take(s, digit);
  if (n.empty()) odd();
  out.push_back({ApkToken::first, n, 0});
  while (s.starts_with('.')) {
    s.remove_prefix(1);
    n = take(s, digit);
    if (n.empty()) odd();
    out.push_back({n.empty() ? ApkToken::nothing : ApkToken::number, n, 0});
  }
  if (!s.empty() && letter(s[0])) {
    if (s[0] < 'a') odd();
    out.push_back({ApkToken::letter_token, s.substr(0, 1), 0});
    s.remove_prefix(1);
    if (n = take(s, digit); !n.empty()) odd(), out.push_back({ApkToken::letter_number, n, 0});
  }
  auto invalid = [&] {
    odd();
    out.push_back({ApkToken::invalid, {}, 0});
    return out;
  };
  while (s.starts_with('_')) {
    s.remove_prefix(1);
    std::string_view word = take(s, letter);
    int weight = apk_suffix_weight(word);
    if (weight == 0) return invalid();
    out.push_back({ApkToken::suffix, word, weight});
    if (n = take(s, digit); !n.empty()) out.push_back({ApkToken::suffix_number, n, 0});
  }
  if (s.starts_with('~')) {
    s.remove_prefix(1);
    std::string_view h = take(
        s, +[](char c) { return digit(c) || (c >= 'a' && c <= 'f'); });
    if (h.empty()) return invalid();
    out.push_back({ApkToken::hash, h, 0});
  }
  if (s.starts_with("-r")) {
    s.remove_prefix(2);
    n = take(s, digit);
    if (!s.empty()) return invalid();
    if (n.empty()) odd();
    out.push_back({ApkToken::revision, n, 0});
  }
  if (!s.empty()) return invalid();
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
    case ApkToken::letter_number:
    case ApkToken::revision:
      return compare_digits(a.text, b.text);
    case ApkToken::suffix:
      return sign(a.suffix_weight - b.suffix_weight);
    case ApkToken::letter_token:
    case ApkToken::hash:
      return sign(a.text.compare(b.text));
    case ApkToken::nothing:
    case ApkToken::end:
    case ApkToken::invalid:
      return 0;
  }
  return 0;
}

// `broken`: what is no version any more told the two apart, or may.
int compare_apk_tokens(const std::vector<ApkToken>& x, const std::vector<ApkToken>& y, bool* broken = nullptr) {
  for (size_t i = 0;; ++i) {
    const ApkToken &s = x[i], &t = y[i];
    if (broken != nullptr) *broken = s.kind == ApkToken::invalid || t.kind == ApkToken::invalid;
    if (s.kind != t.kind) {
      // _alpha to _rc make a version older than the same without; all else makes it newer.
      if (s.kind == ApkToken::suffix && s.suffix_weight < 0) return -1;
      if (t.kind == ApkToken::suffix && t.suffix_weight < 0) return 1;
      return s.kind > t.kind ? -1 : 1;
    }
    if (int c = compare_apk_token(s, t); c != 0) return c;
    if (s.kind == ApkToken::end || s.kind == ApkToken::invalid) return 0;
  }
}

int compare_rpm_as(std::string_view a, std::string_view b, bool any_release) {
  Parts x = parts_of(a), y = parts_of(b);
  if (int c = compare_epochs(x, y); c != 0) return c;
  if (int c = compare_rpm_part(x.version, y.version); c != 0) return c;
  if (x.has_release && y.has_release) return compare_rpm_part(x.release, y.release);
  return any_release || x.has_release == y.has_release ? 0 : x.has_release ? 1 : -1;
}

}  // namespace

int compare_deb(std::string_view a, std::string_view b) {
  Parts x = parts_of(a), y = parts_of(b);
  if (int c = compare_epochs(x, y); c != 0) return c;
  if (int c = compare_deb_part(x.version, y.version); c != 0) return c;
  return compare_deb_part(x.release, y.release);
}

int compare_rpm(std::string_view a, std::string_view b) {
  return compare_rpm_as(a, b, true);
}

int compare_rpm_evr(std::string_view a, std::string_view b) {
  return compare_rpm_as(a, b, false);
}

int compare_alpm(std::string_view a, std::string_view b) {
  Parts x = parts_of(a), y = parts_of(b);
  if (int c = compare_epochs(x, y); c != 0) return c;
  if (int c = compare_alpm_part(x.version, y.version); c != 0) return c;
  return x.has_release && y.has_release ? compare_alpm_part(x.release, y.release) : 0;
}

std::optional<int> compare_apk(std::string_view a, std::string_view b) {
  bool valid_a = false, valid_b = false;
  auto x = apk_tokens(a, &valid_a), y = apk_tokens(b, &valid_b);
  if (!valid_a || !valid_b) return std::nullopt;
  return compare_apk_tokens(x, y);
}

std::optional<int> compare_apk_any(std::string_view a, std::string_view b) {
  if (a.empty() || b.empty()) return std::nullopt;
  bool valid = false;
  auto x = apk_tokens(a, &valid), y = apk_tokens(b, &valid);
  return compare_apk_tokens(x, y);
}

std::optional<int> compare_surely(VersionOrder order, std::string_view a, std::string_view b) {
  auto c = compare_versions(order, a, b);
  if (!c || order != VersionOrder::apk || a == b) return c;
  bool valid = false, broken = false;
  auto x = apk_tokens(a, &valid), y = apk_tokens(b, &valid);
  compare_apk_tokens(x, y, &broken);
  return broken ? std::nullopt : c;
}

VersionOrder order_of(PackageType type) {
  switch (type) {
    case PackageType::deb:
      return VersionOrder::deb;
    case PackageType::rpm:
      return VersionOrder::rpm;
    case PackageType::alpm:
      return VersionOrder::alpm;
    case PackageType::apk:
      return VersionOrder::apk;
    case PackageType::npm:
    case PackageType::golang:
    case PackageType::cargo:
      return VersionOrder::semver;
    case PackageType::pypi:
      return VersionOrder::pep440;
    case PackageType::maven:
      return VersionOrder::maven;
    case PackageType::gem:
      return VersionOrder::rubygems;
    case PackageType::composer:
      return VersionOrder::composer;
    case PackageType::nuget:
      return VersionOrder::nuget;
    case PackageType::conda:
      return VersionOrder::conda;
  }
  return VersionOrder::none;
}

std::optional<int> compare_versions(VersionOrder order, std::string_view a, std::string_view b) {
  if (a.size() > kMaxVersion || b.size() > kMaxVersion) return std::nullopt;
  switch (order) {
    case VersionOrder::none:
      return std::nullopt;
    case VersionOrder::deb:
      return compare_deb(a, b);
    case VersionOrder::rpm:
      return compare_rpm_evr(a, b);
    case VersionOrder::apk:
      return compare_apk_any(a, b);
    case VersionOrder::alpm:
      return compare_alpm(a, b);
    case VersionOrder::semver:
      return compare_semver(a, b);
    case VersionOrder::pep440:
      return compare_pep440(a, b);
    case VersionOrder::maven:
      return compare_maven(a, b);
    case VersionOrder::rubygems:
      return compare_rubygems(a, b);
    case VersionOrder::nuget:
      return compare_nuget(a, b);
    case VersionOrder::composer:
      return compare_composer(a, b);
    case VersionOrder::pub:
      return compare_pub(a, b);
    case VersionOrder::hackage:
    case VersionOrder::cran:
      return compare_dotted(a, b);
    case VersionOrder::conda:
      return compare_conda(a, b);
  }
  return std::nullopt;
}

std::optional<int> compare_versions(PackageType type, std::string_view a, std::string_view b) {
  if (a.size() > kMaxVersion || b.size() > kMaxVersion) return std::nullopt;
  if (type == PackageType::rpm) return compare_rpm(a, b);
  if (type == PackageType::apk) return compare_apk(a, b);
  return compare_versions(order_of(type), a, b);
}

std::string_view to_text(VersionOrder o) {
  static constexpr std::array<std::string_view, 15> kNames{"none",     "deb",   "rpm",      "apk", "alpm",    "semver", "pep440", "maven",
                                                           "rubygems", "nuget", "composer", "pub", "hackage", "cran",   "conda"};
  return kNames[static_cast<size_t>(o)];
}

}  // namespace careen
