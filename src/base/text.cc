#include "base/text.h"

#include <array>
#include <cstring>

namespace careen {
namespace {

// Length of the well-formed UTF-8 sequence at s, 0 where there is none (overlong, surrogates, beyond U+10FFFF).
size_t utf8_length(std::string_view s, uint32_t* code) {
  auto at = [&](size_t i) { return i < s.size() ? static_cast<uint8_t>(s[i]) : 0U; };
  uint32_t a = at(0);
  auto tail = [&](size_t i) { return (at(i) & 0xC0U) == 0x80U; };
  if (a < 0x80) return *code = a, 1;
  if (a >= 0xC2 && a <= 0xDF && tail(1)) return *code = (a & 0x1F) << 6 | (at(1) & 0x3F), 2;
  if (a >= 0xE0 && a <= 0xEF && tail(1) && tail(2)) {
    *code = (a & 0x0F) << 12 | (at(1) & 0x3F) << 6 | (at(2) & 0x3F);
    return *code >= 0x800 && (*code < 0xD800 || *code > 0xDFFF) ? 3 : 0;
  }
  if (a >= 0xF0 && a <= 0xF4 && tail(1) && tail(2) && tail(3)) {
    *code = (a & 0x07) << 18 | (at(1) & 0x3F) << 12 | (at(2) & 0x3F) << 6 | (at(3) & 0x3F);
    return *code >= 0x10000 && *code <= 0x10FFFF ? 4 : 0;
  }
  return 0;
}

// Characters that change how the rest of a line is shown.
bool is_trick(uint32_t c) {
  return c < 0x20 || c == 0x7F || (c >= 0x80 && c <= 0x9F) || c == 0x061C || c == 0x200E || c == 0x200F || (c >= 0x2028 && c <= 0x202E) ||
         (c >= 0x2066 && c <= 0x2069) || c == 0xFEFF;
}

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

std::string escape(std::string_view s) {
  std::string out;
  out.reserve(s.size());
  for (size_t i = 0; i < s.size();) {
    uint32_t code = 0;
    size_t n = utf8_length(s.substr(i), &code);
    if (n != 0 && !is_trick(code)) {
      out.append(s.substr(i, n));
      i += n;
      continue;
    }
    for (size_t k = 0; k < (n == 0 ? 1 : n); ++k) {
      static constexpr char kDigits[] = "0123456789abcdef";
      auto b = static_cast<uint8_t>(s[i + k]);
      out += {'\\', 'x', kDigits[b >> 4], kDigits[b & 15]};
    }
    i += n == 0 ? 1 : n;
  }
  return out;
}

bool is_plain(std::string_view s) {
  return escape(s) == s;
}

std::string to_hex(const uint8_t* data, size_t size) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string out(size * 2, '0');
  for (size_t i = 0; i < size; ++i) {
    out[2 * i] = kDigits[data[i] >> 4];
    out[2 * i + 1] = kDigits[data[i] & 15];
  }
  return out;
}

std::optional<std::vector<uint8_t>> from_hex(std::string_view hex) {
  if (hex.size() % 2 != 0) return std::nullopt;
  std::vector<uint8_t> out(hex.size() / 2);
  for (size_t i = 0; i < out.size(); ++i) {
    int a = hex_value(hex[2 * i]), b = hex_value(hex[2 * i + 1]);
    if (a < 0 || b < 0) return std::nullopt;
    out[i] = static_cast<uint8_t>(a << 4 | b);
  }
  return out;
}

std::string_view trim(std::string_view s) {
  constexpr std::string_view kSpace = " \t\r\n\f\v";
  size_t a = s.find_first_not_of(kSpace);
  if (a == std::string_view::npos) return {};
  return s.substr(a, s.find_last_not_of(kSpace) - a + 1);
}

std::vector<std::string_view> split(std::string_view s, char sep) {
  std::vector<std::string_view> out;
  for (;;) {
    size_t at = s.find(sep);
    out.push_back(s.substr(0, at));
    if (at == std::string_view::npos) return out;
    s.remove_prefix(at + 1);
  }
}

std::vector<std::string_view> words(std::string_view s) {
  std::vector<std::string_view> out;
  constexpr std::string_view kSpace = " \t\r\n\f\v";
  while (true) {
    size_t a = s.find_first_not_of(kSpace);
    if (a == std::string_view::npos) return out;
    size_t b = s.find_first_of(kSpace, a);
    out.push_back(s.substr(a, b == std::string_view::npos ? b : b - a));
    if (b == std::string_view::npos) return out;
    s.remove_prefix(b);
  }
}

std::string lower(std::string_view s) {
  std::string out(s);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

std::string join(const std::vector<std::string>& parts, std::string_view sep) {
  std::string out;
  for (size_t i = 0; i < parts.size(); ++i) {
    if (i != 0) out += sep;
    out += parts[i];
  }
  return out;
}

void each_line(std::string_view text, const std::function<bool(std::string_view)>& f) {
  while (!text.empty()) {
    size_t at = text.find('\n');
    std::string_view line = text.substr(0, at);
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    if (!f(line) || at == std::string_view::npos) return;
    text.remove_prefix(at + 1);
  }
}

std::optional<uint64_t> to_number(std::string_view s) {
  if (s.empty() || s.size() > 20) return std::nullopt;
  uint64_t v = 0;
  for (char c : s) {
    if (c < '0' || c > '9') return std::nullopt;
    if (__builtin_mul_overflow(v, 10U, &v) || __builtin_add_overflow(v, static_cast<uint64_t>(c - '0'), &v)) return std::nullopt;
  }
  return v;
}

std::optional<uint64_t> to_size(std::string_view s) {
  if (s.empty()) return std::nullopt;
  uint64_t unit = 1;
  constexpr std::string_view kUnits = "KMGT";
  if (size_t at = kUnits.find(static_cast<char>(s.back() & ~0x20)); at != std::string_view::npos) {
    unit = uint64_t{1} << (10 * (at + 1));
    s.remove_suffix(1);
  }
  auto n = to_number(s);
  uint64_t out = 0;
  if (!n || __builtin_mul_overflow(*n, unit, &out)) return std::nullopt;
  return out;
}

std::string human_size(uint64_t bytes) {
  static constexpr std::array<const char*, 5> kNames{"B", "KiB", "MiB", "GiB", "TiB"};
  double v = static_cast<double>(bytes);
  size_t i = 0;
  while (v >= 1024 && i + 1 < kNames.size()) v /= 1024, ++i;
  char buf[32];
  std::snprintf(buf, sizeof buf, i == 0 ? "%.0f %s" : "%.1f %s", v, kNames[i]);
  return buf;
}

bool glob_match(std::string_view pattern, std::string_view text) {
  size_t p = 0, t = 0;
  constexpr size_t kNone = std::string_view::npos;
  size_t star_p = kNone, star_t = 0;  // where the last * may take one more character
  size_t deep_p = kNone, deep_t = 0;  // the same for the last **
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      bool deep = p + 1 < pattern.size() && pattern[p + 1] == '*';
      p += deep ? 2 : 1;
      (deep ? deep_p : star_p) = p;
      (deep ? deep_t : star_t) = t;
      if (deep) star_p = kNone;  // what stands before a ** that matched need not be tried again
      continue;
    }
    bool ok = false;
    size_t next = p + 1;
    if (p < pattern.size()) {
      if (pattern[p] == '?') {
        ok = text[t] != '/';
      } else if (pattern[p] == '[') {
        size_t end = pattern.find(']', p + 2);
        if (end == std::string_view::npos) {
          ok = text[t] == '[';
        } else {
          bool negate = pattern[p + 1] == '!' || pattern[p + 1] == '^';
          for (size_t i = p + 1 + (negate ? 1 : 0); i < end; ++i) {
            if (i + 2 < end && pattern[i + 1] == '-') {
              ok |= text[t] >= pattern[i] && text[t] <= pattern[i + 2];
              i += 2;
            } else {
              ok |= text[t] == pattern[i];
            }
          }
          ok = ok != negate && text[t] != '/';
          next = end + 1;
        }
      } else {
        ok = pattern[p] == text[t];
      }
    }
    if (ok) {
      p = next;
      ++t;
    } else if (star_p != kNone && text[star_t] != '/') {
      p = star_p;
      t = ++star_t;
    } else if (deep_p != kNone) {
      star_p = kNone;
      p = deep_p;
      t = ++deep_t;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

std::optional<std::string> from_base64(std::string_view s) {
  while (!s.empty() && s.back() == '=') s.remove_suffix(1);
  if (s.size() % 4 == 1) return std::nullopt;
  std::string out;
  uint32_t bits = 0;
  int have = 0;
  for (char c : s) {
    int v = c >= 'A' && c <= 'Z'   ? c - 'A'
            : c >= 'a' && c <= 'z' ? c - 'a' + 26
            : c >= '0' && c <= '9' ? c - '0' + 52
            : c == '+' || c == '-' ? 62
            : c == '/' || c == '_' ? 63
                                   : -1;
    if (v < 0) return std::nullopt;
    bits = bits << 6 | static_cast<uint32_t>(v);
    have += 6;
    if (have >= 8) {
      have -= 8;
      out += static_cast<char>(bits >> have & 0xFF);
    }
  }
  return out;
}

std::string to_base64(std::string_view s) {
  static constexpr char kAlphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (size_t i = 0; i < s.size(); i += 3) {
    uint32_t v = 0;
    for (size_t k = 0; k < 3; ++k) v = v << 8 | (i + k < s.size() ? static_cast<uint8_t>(s[i + k]) : 0U);
    for (size_t k = 0; k < 4; ++k) out += i + k > s.size() ? '=' : kAlphabet[v >> (18 - 6 * k) & 63];
  }
  return out;
}

std::string_view base_name(std::string_view path) {
  size_t at = path.rfind('/');
  return at == std::string_view::npos ? path : path.substr(at + 1);
}

std::string_view dir_name(std::string_view path) {
  size_t at = path.rfind('/');
  return at == std::string_view::npos ? std::string_view{} : path.substr(0, at);
}

}  // namespace careen
