#include "formats/pacman.h"

#include <functional>

#include "base/text.h"

namespace careen {
namespace {

// Calls f(section, line) for each line under a %SECTION%.
void each_section_line(std::string_view text, const std::function<void(std::string_view, std::string_view)>& f) {
  std::string_view section;
  each_line(text, [&](std::string_view line) {
    if (line.size() > 2 && line.front() == '%' && line.back() == '%')
      section = line.substr(1, line.size() - 2);
    else if (line.empty())
      section = {};
    else if (!section.empty())
      f(section, line);
    return true;
  });
}

// mtree writes odd characters as \ooo.
std::string unescape_octal(std::string_view s) {
  std::string out;
  for (size_t i = 0; i < s.size(); ++i) {
    auto octal = [&](size_t k) { return i + k < s.size() && s[i + k] >= '0' && s[i + k] <= '7'; };
    if (s[i] == '\\' && octal(1) && octal(2) && octal(3)) {
      out += static_cast<char>((s[i + 1] - '0') << 6 | (s[i + 2] - '0') << 3 | (s[i + 3] - '0'));
      i += 3;
    } else {
      out += s[i];
    }
  }
  return out;
}

}  // namespace

Package parse_pacman_desc(std::string_view text) {
  Package p;
  p.type = PackageType::alpm;
  each_section_line(text, [&](std::string_view section, std::string_view line) {
    if (section == "NAME") p.name = line;
    if (section == "VERSION") p.version = line;
    if (section == "BASE") p.source = line;
    if (section == "ARCH") p.architecture = line;
  });
  if (p.source.empty()) p.source = p.name;
  p.source_version = p.version;
  return p;
}

std::vector<OwnedFile> parse_pacman_files(std::string_view text) {
  std::vector<OwnedFile> out;
  each_section_line(text, [&](std::string_view section, std::string_view line) {
    OwnedFile f;
    f.config = section == "BACKUP";
    f.path = normal_path(f.config ? line.substr(0, line.find('\t')) : line);
    if ((f.config || section == "FILES") && !f.path.empty() && !line.ends_with('/')) out.push_back(std::move(f));
  });
  return out;
}

std::vector<OwnedFile> parse_pacman_mtree(std::string_view text) {
  std::vector<OwnedFile> out;
  std::string_view default_type = "file";
  each_line(text, [&](std::string_view line) {
    auto w = words(line);
    if (w.empty() || w[0].starts_with('#')) return true;
    std::string_view type = default_type, sha256;
    for (size_t i = 1; i < w.size(); ++i) {
      if (w[i].starts_with("type=")) type = w[i].substr(5);
      if (w[i].starts_with("sha256digest=")) sha256 = w[i].substr(13);
    }
    if (w[0] == "/set") {
      default_type = type;
      return true;
    }
    if (w[0] == "/unset" || type != "file") return true;
    OwnedFile f;
    f.path = normal_path(unescape_octal(w[0]));
    if (f.path.empty() || f.path.starts_with('.')) return true;  // .PKGINFO and the like are not installed
    if (auto raw = from_hex(sha256); raw && raw->size() == 32) {
      f.algorithm = RecordedDigest::sha256;
      f.digest.assign(raw->begin(), raw->end());
    }
    out.push_back(std::move(f));
    return true;
  });
  return out;
}

}  // namespace careen
