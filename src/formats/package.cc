#include "formats/package.h"

namespace careen {

std::string_view to_text(PackageType t) {
  static constexpr std::array<std::string_view, 13> kNames{"deb",   "apk",   "rpm", "alpm",     "npm",   "pypi", "golang",
                                                           "cargo", "maven", "gem", "composer", "nuget", "conda"};
  auto i = static_cast<size_t>(t);
  return i < kNames.size() ? kNames[i] : "unknown";
}

std::string normal_path(std::string_view path, bool* had_dotdot) {
  std::string out;
  out.reserve(path.size());
  while (!path.empty()) {
    size_t slash = path.find('/');
    std::string_view part = path.substr(0, slash);
    path.remove_prefix(slash == std::string_view::npos ? path.size() : slash + 1);
    if (part.empty() || part == ".") continue;
    if (part == "..") {
      if (had_dotdot != nullptr) *had_dotdot = true;
      size_t up = out.rfind('/');
      out.resize(up == std::string::npos ? 0 : up);
      continue;
    }
    if (!out.empty()) out += '/';
    out += part;
  }
  return out;
}

}  // namespace careen
