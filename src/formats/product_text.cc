#include "formats/product_text.h"

#include <algorithm>
#include <array>

#include "base/text.h"

namespace careen {
namespace {

// In `mark`, the version follows. `by_name`: it begins with the numbers that the file's own name has behind its letters, as python3.11's does.
struct Known {
  std::string_view files, product, mark;
  bool by_name = false;
};

using namespace std::string_view_literals;

constexpr std::array<Known, 27> kKnown{{{"node", "node", "node.js/v"},
                                        {"python[23]*", "python", "\0"sv, true},
                                        {"libpython[23]*", "python", "\0"sv, true},
                                        {"nginx", "nginx", "nginx/"},
                                        {"httpd", "httpd", "Apache/"},
                                        {"apache2", "httpd", "Apache/"},
                                        {"php*", "php", "X-Powered-By: PHP/"},
                                        {"libphp*", "php", "X-Powered-By: PHP/"},
                                        {"postgres", "postgresql", "PostgreSQL "},
                                        {"psql", "postgresql", "(PostgreSQL) "},
                                        {"busybox*", "busybox", "BusyBox v"},
                                        {"bash", "bash", "@(#)Bash version "},
                                        {"curl", "curl", "curl "},
                                        {"libcurl*.so*", "curl", "libcurl/"},
                                        {"libssl.so*", "openssl", "OpenSSL "},
                                        {"libcrypto.so*", "openssl", "OpenSSL "},
                                        {"openssl", "openssl", "OpenSSL "},
                                        {"libz.so*", "zlib", "deflate "},
                                        {"libpng*.so*", "libpng", "libpng version "},
                                        {"libexpat.so*", "expat", "expat_"},
                                        {"perl*", "perl", "/perl5/"},
                                        {"libperl*", "perl", "/perl5/"},
                                        {"ruby*", "ruby", "ruby "},
                                        {"libruby*", "ruby", "ruby "},
                                        {"libjvm.so", "openjdk", "Server VM ("},
                                        {"git", "git", "git/"},
                                        {"redis-*", "redis", "redis_version:"}}};

// Libraries whose file is named by the product's version.
constexpr std::array<std::pair<std::string_view, std::string_view>, 4> kNamed{
    {{"liblzma.so.", "xz"}, {"libz.so.", "zlib"}, {"libzstd.so.", "zstd"}, {"liblz4.so.", "lz4"}}};

bool digit(char c) {
  return c >= '0' && c <= '9';
}

// 1.2.3, 3.0.11a, 17.0.9+9: digits, a dot, digits, and on; "" when it is none, or is cut off by the end of the text.
std::string_view version_at(std::string_view text) {
  size_t n = 0, dots = 0;
  auto plain = [](char c) { return digit(c) || (c >= 'a' && c <= 'z') || c == '.' || c == '+' || c == '-' || c == '_'; };
  while (n < text.size() && n < 40 && plain(text[n])) dots += text[n++] == '.';
  if (n == text.size() || n == 40 || n == 0 || !digit(text[0]) || dots == 0) return "";
  std::string_view v = text.substr(0, n);
  while (!v.empty() && !digit(v.back()) && !(v.back() >= 'a' && v.back() <= 'z')) v.remove_suffix(1);
  size_t dot = v.find('.');
  return dot == v.npos || dot + 1 >= v.size() || !digit(v[dot + 1]) ? "" : v;
}

// python3.11, libpython3.11.so.1.0: "3.11".
std::string_view version_in(std::string_view file_name) {
  size_t at = file_name.find_first_of("0123456789");
  if (at == file_name.npos) return "";
  size_t end = at;
  while (end < file_name.size() && (digit(file_name[end]) || (file_name[end] == '.' && end + 1 < file_name.size() && digit(file_name[end + 1])))) ++end;
  return file_name.substr(at, end - at);
}

std::string_view find_version(std::string_view text, const Known& k, std::string_view named) {
  for (size_t at = 0; (at = text.find(k.mark, at)) != text.npos; ++at) {
    std::string_view v = version_at(text.substr(at + k.mark.size()));
    if (v.empty()) continue;
    // Of what has no other mark, the whole of a string, and it goes on where the name ends.
    if (k.by_name &&
        (named.empty() || !v.starts_with(named) || v.size() < named.size() + 2 || v[named.size()] != '.' || text[at + k.mark.size() + v.size()] != '\0'))
      continue;
    return v;
  }
  return "";
}

}  // namespace

std::optional<Product> product_of(std::string_view file_name, const FileView& file, const std::vector<FileRange>& places) {
  for (const auto& [start, product] : kNamed)
    if (std::string_view v = file_name.starts_with(start) ? file_name.substr(start.size()) : ""; std::count(v.begin(), v.end(), '.') == 2)
      if (v.find_first_not_of("0123456789.") == v.npos && digit(v[0]) && digit(v.back()) && v.find("..") == v.npos)
        return Product{std::string(product), std::string(v)};
  auto known = std::find_if(kKnown.begin(), kKnown.end(), [&](const Known& k) { return glob_match(k.files, file_name); });
  if (known == kKnown.end()) return std::nullopt;
  constexpr size_t kWindow = 256 << 10, kOverlap = 128;
  uint64_t looked = 0;
  std::vector<uint8_t> window;
  for (const FileRange& place : places) {
    uint64_t held = place.offset < file.size() ? std::min(place.size, file.size() - place.offset) : 0;
    for (uint64_t at = 0; at < held && looked < kMaxProductText; at += kWindow, looked += kWindow) {
      window.resize(static_cast<size_t>(std::min<uint64_t>(kWindow + kOverlap, held - at)));
      if (!file.read(place.offset + at, window)) break;
      std::string_view v = find_version(as_text(window), *known, known->by_name ? version_in(file_name) : "");
      if (!v.empty()) return Product{std::string(known->product), std::string(v)};
    }
  }
  return std::nullopt;
}

}  // namespace careen
