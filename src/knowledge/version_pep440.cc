// PEP 440, and the order that setuptools and packaging gave to what is no PEP 440 version.
#include <string>
#include <tuple>
#include <vector>

#include "base/text.h"
#include "knowledge/version.h"
#include "knowledge/version_text.h"

namespace careen {
namespace {

using namespace version_text;

struct PyVersion {
  std::string_view epoch = "0";
  std::vector<std::string_view> release;
  int pre = 3;  // a 0, b 1, rc 2, none 3; a development release of no pre-release -1
  std::string_view pre_number = "0";
  bool post = false, dev = false, local = false;
  std::string_view post_number = "0", dev_number = "0", local_text;
};

bool separator(char c) {
  return c == '-' || c == '_' || c == '.';
}

// One of `words` after an optional separator, with the number behind it. Takes nothing when none is there.
std::optional<size_t> take_word(std::string_view& s, std::initializer_list<std::string_view> words, std::string_view* number_out) {
  std::string_view rest = s;
  if (!rest.empty() && separator(rest[0])) rest.remove_prefix(1);
  size_t i = 0;
  for (std::string_view w : words) {
    if (rest.starts_with(w)) {
      rest.remove_prefix(w.size());
      std::string_view after = rest;
      if (!after.empty() && separator(after[0])) after.remove_prefix(1);
      std::string_view n = take(after, digit);
      // A separator behind the word is the word's own, unless it begins what comes next.
      if (!n.empty() || after.empty()) rest = after;
      *number_out = n.empty() ? "0" : n;
      s = rest;
      return i;
    }
    ++i;
  }
  return std::nullopt;
}

// `s` is lower-case and trimmed.
std::optional<PyVersion> parse(std::string_view s) {
  PyVersion v;
  if (s.starts_with('v')) s.remove_prefix(1);
  if (size_t plus = s.find('+'); plus != std::string_view::npos) {
    v.local = true;
    v.local_text = s.substr(plus + 1);
    s = s.substr(0, plus);
    bool part = false;  // letters and digits, each part of one at least
    for (char c : v.local_text) {
      if (!digit(c) && !letter(c) && !(separator(c) && part)) return std::nullopt;
      part = !separator(c);
    }
    if (!part) return std::nullopt;
  }
  if (size_t bang = s.find('!'); bang != std::string_view::npos) {
    v.epoch = s.substr(0, bang);
    if (!number(v.epoch)) return std::nullopt;
    s.remove_prefix(bang + 1);
  }
  while (!s.empty() && digit(s[0])) {
    v.release.push_back(take(s, digit));
    if (s.size() < 2 || s[0] != '.' || !digit(s[1])) break;
    s.remove_prefix(1);
  }
  if (v.release.empty()) return std::nullopt;
  while (v.release.size() > 1 && v.release.back().find_first_not_of('0') == std::string_view::npos) v.release.pop_back();
  if (auto w = take_word(s, {"alpha", "a", "beta", "b", "preview", "pre", "rc", "c"}, &v.pre_number)) v.pre = *w < 2 ? 0 : *w < 4 ? 1 : 2;
  if (s.size() > 1 && s[0] == '-' && digit(s[1])) {
    s.remove_prefix(1);
    v.post = true;
    v.post_number = take(s, digit);
  } else {
    v.post = take_word(s, {"post", "rev", "r"}, &v.post_number).has_value();
  }
  v.dev = take_word(s, {"dev"}, &v.dev_number).has_value();
  if (!s.empty()) return std::nullopt;
  if (v.pre == 3 && !v.post && v.dev) v.pre = -1;
  return v;
}

int compare_local(std::string_view a, std::string_view b) {
  auto part = [](std::string_view& s) {
    std::string_view p = take(
        s, +[](char c) { return !separator(c); });
    if (!s.empty()) s.remove_prefix(1);
    return p;
  };
  while (!a.empty() && !b.empty()) {
    std::string_view x = part(a), y = part(b);
    bool nx = number(x), ny = number(y);
    int c = nx && ny ? compare_digits(x, y) : nx != ny ? (nx ? 1 : -1) : sign(x.compare(y));
    if (c != 0) return c;
  }
  return a.empty() ? (b.empty() ? 0 : -1) : 1;
}

int compare_parsed(const PyVersion& a, const PyVersion& b) {
  if (int c = compare_digits(a.epoch, b.epoch); c != 0) return c;
  for (size_t i = 0; i < std::max(a.release.size(), b.release.size()); ++i) {
    std::string_view x = i < a.release.size() ? a.release[i] : "0", y = i < b.release.size() ? b.release[i] : "0";
    if (int c = compare_digits(x, y); c != 0) return c;
  }
  if (a.pre != b.pre) return a.pre < b.pre ? -1 : 1;
  if (int c = compare_digits(a.pre_number, b.pre_number); c != 0) return c;
  if (a.post != b.post) return a.post ? 1 : -1;
  if (int c = compare_digits(a.post_number, b.post_number); c != 0) return c;
  if (a.dev != b.dev) return a.dev ? -1 : 1;
  if (int c = compare_digits(a.dev_number, b.dev_number); c != 0) return c;
  if (a.local != b.local) return a.local ? 1 : -1;
  return compare_local(a.local_text, b.local_text);
}

// pkg_resources' old key: digits padded, words marked with a star, "-" and the end of the release told by words.
std::vector<std::string> legacy_key(std::string_view s) {
  std::vector<std::string> parts;
  auto add = [&](std::string part) {
    if (part.starts_with('*')) {
      if (part < "*final")
        while (!parts.empty() && parts.back() == "*final-") parts.pop_back();
      while (!parts.empty() && parts.back().find_first_not_of('0') == std::string::npos) parts.pop_back();
    }
    parts.push_back(std::move(part));
  };
  while (!s.empty()) {
    if (digit(s[0])) {
      std::string n(take(s, digit));
      add(std::string(n.size() < 8 ? 8 - n.size() : 0, '0') + n);
      continue;
    }
    std::string_view w = letter(s[0]) ? take(s, letter) : s.substr(0, 1);
    if (!letter(w[0])) s.remove_prefix(1);
    if (w == ".") continue;
    std::string_view other = w == "pre" || w == "preview" || w == "rc" ? "c" : w == "-" ? "final-" : w == "dev" ? "@" : w;
    add("*" + std::string(other));
  }
  add("*final");
  return parts;
}

}  // namespace

std::optional<int> compare_pep440(std::string_view a, std::string_view b) {
  std::string la = lower(trim(a)), lb = lower(trim(b));
  if (la.empty() || lb.empty()) return std::nullopt;
  auto x = parse(la), y = parse(lb);
  if (x && y) return compare_parsed(*x, *y);
  if (x || y) return x ? 1 : -1;
  auto kx = legacy_key(la), ky = legacy_key(lb);
  return kx < ky ? -1 : kx == ky ? 0 : 1;
}

}  // namespace careen
