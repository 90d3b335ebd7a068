#include "formats/purl.h"

#include "base/text.h"

namespace careen {
namespace {

std::string encoded(std::string_view s, std::string_view also) {
  static constexpr char kDigits[] = "0123456789ABCDEF";
  std::string out;
  for (char c : s) {
    bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || std::string_view(".-_~").find(c) != std::string_view::npos ||
                 also.find(c) != std::string_view::npos;
    auto b = static_cast<uint8_t>(c);
    if (plain)
      out += c;
    else
      out += {'%', kDigits[b >> 4], kDigits[b & 15]};
  }
  return out;
}

std::string decoded(std::string_view s) {
  std::string out;
  for (size_t i = 0; i < s.size(); ++i) {
    auto byte = s[i] == '%' && s.size() - i > 2 ? from_hex(s.substr(i + 1, 2)) : std::nullopt;
    if (byte) {
      out += static_cast<char>((*byte)[0]);
      i += 2;
    } else {
      out += s[i];
    }
  }
  return out;
}

}  // namespace

std::string Purl::text() const {
  std::string out = "pkg:" + type + "/";
  if (!name_space.empty()) out += encoded(name_space, "/") + "/";
  out += encoded(name, "");
  if (!version.empty()) out += "@" + encoded(version, ":+");
  char sep = '?';
  for (const auto& [key, value] : qualifiers) {
    if (value.empty()) continue;
    out += sep + key + "=" + encoded(value, ":/");
    sep = '&';
  }
  if (!subpath.empty()) out += "#" + encoded(subpath, "/");
  return out;
}

std::optional<Purl> parse_purl(std::string_view s) {
  if (!s.starts_with("pkg:") || s.size() > kMaxPurl) return std::nullopt;
  s.remove_prefix(4);
  while (s.starts_with('/')) s.remove_prefix(1);
  Purl p;
  if (size_t hash = s.rfind('#'); hash != std::string_view::npos) p.subpath = decoded(s.substr(hash + 1)), s = s.substr(0, hash);
  if (size_t q = s.rfind('?'); q != std::string_view::npos) {
    for (std::string_view pair : split(s.substr(q + 1), '&'))
      if (size_t eq = pair.find('='); eq != std::string_view::npos && eq != 0) p.qualifiers[lower(pair.substr(0, eq))] = decoded(pair.substr(eq + 1));
    s = s.substr(0, q);
  }
  size_t slash = s.find('/');
  if (slash == 0 || slash == std::string_view::npos) return std::nullopt;
  p.type = lower(s.substr(0, slash));
  s.remove_prefix(slash + 1);
  // An @ that stands before the last slash is part of a scope that was not encoded.
  if (size_t at = s.rfind('@'); at != std::string_view::npos && at != 0 && (s.rfind('/') == std::string_view::npos || at > s.rfind('/')))
    p.version = decoded(s.substr(at + 1)), s = s.substr(0, at);
  while (s.ends_with('/')) s.remove_suffix(1);
  size_t last = s.rfind('/');
  p.name = decoded(last == std::string_view::npos ? s : s.substr(last + 1));
  if (last != std::string_view::npos) p.name_space = decoded(s.substr(0, last));
  if (p.name.empty()) return std::nullopt;
  return p;
}

bool purl_covers(const Purl& pattern, const Purl& of) {
  if (pattern.type != of.type || pattern.name != of.name) return false;
  if (!pattern.name_space.empty() && pattern.name_space != of.name_space) return false;
  if (!pattern.version.empty() && pattern.version != of.version) return false;
  for (const char* key : {"arch", "distro"}) {
    auto want = pattern.qualifiers.find(key), have = of.qualifiers.find(key);
    if (want != pattern.qualifiers.end() && have != of.qualifiers.end() && want->second != have->second) return false;
  }
  return true;
}

}  // namespace careen
