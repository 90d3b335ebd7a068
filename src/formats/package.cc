#include "formats/package.h"

namespace careen {

std::string_view to_text(PackageType t) {
  switch (t) {
    case PackageType::deb:
      return "deb";
    case PackageType::apk:
      return "apk";
    case PackageType::rpm:
      return "rpm";
    case PackageType::alpm:
      return "alpm";
  }
  return "unknown";
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
