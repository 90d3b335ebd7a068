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

// The parts of a path without those that mean nothing, or another folder.
std::string clean_path(std::string_view s) {
  std::string out;
  for (std::string_view part : split(s, '/')) {
    if (part.empty() || part == "." || part == "..") continue;
    out += (out.empty() ? "" : "/") + std::string(part);
  }
  return out;
}

bool is_key(std::string_view s, bool qualifier) {
  if (s.empty() || s[0] < 'a' || s[0] > 'z') return false;
  for (char c : s)
    if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || (qualifier && c == '_'))) return false;
  return true;
}

// Names that a type takes for the same.
void fold(Purl& p) {
  if (p.type == "pypi") {
    p.name = lower(p.name);
    for (char& c : p.name) c = c == '_' ? '-' : c;
  } else if (p.type == "github" || p.type == "bitbucket" || p.type == "deb" || p.type == "composer" || p.type == "apk") {
    p.name = lower(p.name), p.name_space = lower(p.name_space);
  }
}

}  // namespace

std::string percent_decoded(std::string_view s) {
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

std::string Purl::text() const {
  std::string out = "pkg:" + type + "/";
  if (!name_space.empty()) out += encoded(name_space, "/") + "/";
  out += encoded(name, "");
  if (!version.empty()) out += "@" + encoded(version, ":");
  char sep = '?';
  for (const auto& [key, value] : qualifiers) {
    if (value.empty()) continue;
    out += sep + key + "=" + encoded(value, ":");
    sep = '&';
  }
  if (!subpath.empty()) out += "#" + encoded(subpath, "/");
  return out;
}

std::optional<Purl> parse_purl(std::string_view s) {
  if (s.size() > kMaxPurl || lower(s.substr(0, 4)) != "pkg:") return std::nullopt;
  s.remove_prefix(4);
  while (s.starts_with('/')) s.remove_prefix(1);
  Purl p;
  if (size_t hash = s.rfind('#'); hash != std::string_view::npos) p.subpath = clean_path(percent_decoded(s.substr(hash + 1))), s = s.substr(0, hash);
  if (size_t q = s.rfind('?'); q != std::string_view::npos) {
    for (std::string_view pair : split(s.substr(q + 1), '&')) {
      if (pair.empty()) continue;
      size_t eq = pair.find('=');
      std::string key = lower(pair.substr(0, eq)), value = eq == std::string_view::npos ? "" : percent_decoded(pair.substr(eq + 1));
      if (!is_key(key, true)) return std::nullopt;
      if (!value.empty() && !p.qualifiers.emplace(key, value).second) return std::nullopt;
    }
    s = s.substr(0, q);
  }
  size_t slash = s.find('/');
  if (slash == 0 || slash == std::string_view::npos) return std::nullopt;
  p.type = lower(s.substr(0, slash));
  if (!is_key(p.type, false)) return std::nullopt;
  s.remove_prefix(slash + 1);
  while (s.ends_with('/')) s.remove_suffix(1);
  // An @ before the last slash is part of a scope that was not encoded.
  if (size_t at = s.rfind('@'); at != std::string_view::npos && (s.rfind('/') == std::string_view::npos || at > s.rfind('/')))
    p.version = percent_decoded(s.substr(at + 1)), s = s.substr(0, at);
  while (s.ends_with('/')) s.remove_suffix(1);
  size_t last = s.rfind('/');
  p.name = percent_decoded(last == std::string_view::npos ? s : s.substr(last + 1));
  if (last != std::string_view::npos) p.name_space = clean_path(percent_decoded(s.substr(0, last)));
  if (p.name.empty()) return std::nullopt;
  fold(p);
  return p;
}

bool purl_covers(const Purl& pattern, const Purl& of) {
  if (pattern.type != of.type || pattern.name != of.name) return false;
  // Distributions' packages are often written without theirs; a language's name is not whole without.
  bool system = of.type == "deb" || of.type == "rpm" || of.type == "apk" || of.type == "alpm";
  if (pattern.name_space != of.name_space && !(system && pattern.name_space.empty())) return false;
  if (!pattern.version.empty() && pattern.version != of.version) return false;
  auto differs = [&](const char* key) {
    auto want = pattern.qualifiers.find(key), have = of.qualifiers.find(key);
    return want != pattern.qualifiers.end() && have != of.qualifiers.end() && want->second != have->second;
  };
  if (differs("arch") && pattern.qualifiers.at("arch") != "all" && pattern.qualifiers.at("arch") != "noarch") return false;
  // "jammy" and "ubuntu-22.04" name one release in two ways: where they cannot be compared the version must say it.
  if (!differs("distro")) return true;
  bool comparable = pattern.qualifiers.at("distro").find('-') != std::string::npos && of.qualifiers.at("distro").find('-') != std::string::npos;
  return !comparable && !pattern.version.empty();
}

}  // namespace careen
