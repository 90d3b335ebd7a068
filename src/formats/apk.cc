#include "formats/apk.h"

#include "base/text.h"

namespace careen {
namespace {

// Q1 and base64 of a SHA-1 (of a package of apk 3, which says f:S, of the first 20 bytes of a SHA-256), Q2 of a SHA-256.
void set_checksum(OwnedFile& f, std::string_view value, bool cut) {
  if (value.size() < 3 || value[0] != 'Q') return;
  auto raw = from_base64(value.substr(2));
  if (!raw) return;
  if (value[1] == '1' && raw->size() == 20)
    f.algorithm = cut ? RecordedDigest::sha256_cut : RecordedDigest::sha1;
  else if (value[1] == '2' && raw->size() == 32)
    f.algorithm = RecordedDigest::sha256;
  else
    return;
  f.digest = std::move(*raw);
}

void finish(std::vector<Package>& out, Package& p, bool& any, size_t* problems) {
  if (any) {
    if (p.source.empty()) p.source = p.name;
    p.source_version = p.version;
    if (p.name.empty() || p.version.empty())
      ++*problems;
    else
      out.push_back(std::move(p));
  }
  p = {};
  p.type = PackageType::apk;
  any = false;
}

}  // namespace

std::vector<Package> parse_apk_installed(std::string_view text, size_t* problems) {
  std::vector<Package> out;
  Package p;
  p.type = PackageType::apk;
  bool any = false, cut = false;
  std::string dir;
  each_line(text, [&](std::string_view line) {
    if (line.empty()) {
      finish(out, p, any, problems);
      dir.clear();
      cut = false;
      return true;
    }
    any = true;
    if (line.size() < 2 || line[1] != ':') {
      ++*problems;
      return true;
    }
    std::string_view value = line.substr(2);
    switch (line[0]) {
      case 'P':
        p.name = value;
        break;
      case 'V':
        p.version = value;
        break;
      case 'A':
        p.architecture = value;
        break;
      case 'o':
        p.source = value;
        break;
      case 'F':
        dir = value;
        break;
      case 'f':
        cut = value.find('S') != std::string_view::npos;
        break;
      case 'R': {
        OwnedFile f;
        f.path = normal_path(dir + "/" + std::string(value));
        f.config = f.path.starts_with("etc/");  // apk protects what is under /etc
        if (!f.path.empty()) p.files.push_back(std::move(f));
        break;
      }
      case 'Z':
        if (!p.files.empty()) set_checksum(p.files.back(), value, cut);
        break;
      default:
        break;
    }
    return true;
  });
  finish(out, p, any, problems);
  return out;
}

Package parse_apk_pkginfo(std::string_view text) {
  Package p;
  p.type = PackageType::apk;
  each_line(text, [&](std::string_view line) {
    size_t eq = line.find(" = ");
    if (line.starts_with('#') || eq == std::string_view::npos) return true;
    std::string_view key = line.substr(0, eq), value = line.substr(eq + 3);
    if (key == "pkgname") p.name = value;
    if (key == "pkgver") p.version = value;
    if (key == "arch") p.architecture = value;
    if (key == "origin") p.source = value;
    return true;
  });
  if (p.source.empty()) p.source = p.name;
  p.source_version = p.version;
  return p;
}

}  // namespace careen
