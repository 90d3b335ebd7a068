#include "report/formats.h"

#include <ctime>

#include "base/text.h"
#include "scan/advise.h"

namespace careen {

std::string xml_escape(std::string_view s) {
  std::string out;
  for (char c : escape(s)) switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out += c;
    }
  return out;
}

std::string time_text(uint64_t seconds) {
  auto t = static_cast<time_t>(seconds);
  tm parts{};
  ::gmtime_r(&t, &parts);
  std::array<char, 32> text{};
  std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text.data();
}

std::string uuid_of(std::string_view text) {
  Sha256 d = sha256_of(as_bytes(text));
  d[6] = static_cast<uint8_t>((d[6] & 0x0FU) | 0x80U);
  d[8] = static_cast<uint8_t>((d[8] & 0x3FU) | 0x80U);
  std::string hex = to_hex(d.data(), 16);
  return hex.substr(0, 8) + "-" + hex.substr(8, 4) + "-" + hex.substr(12, 4) + "-" + hex.substr(16, 4) + "-" + hex.substr(20);
}

std::string finding_purl(const ScanResult& r, const Finding& f) {
  if (!f.where.package) return "";
  // Packages stand in no order; reports that ask for each finding's have few.
  for (const InstalledPackage& p : r.packages)
    if (p.package.name == f.where.package->name && p.package.version == f.where.package->version) return purl_of(p.package, r.distribution).text();
  return "";
}

std::string image_purl(const ScanResult& r) {
  Purl p;
  p.type = "oci";
  std::string name = r.resolved.empty() ? r.reference : r.resolved;
  name = name.substr(0, name.find('@'));
  size_t slash = name.rfind('/'), colon = name.rfind(':');
  std::string tag;
  if (colon != std::string::npos && (slash == std::string::npos || colon > slash)) tag = name.substr(colon + 1), name = name.substr(0, colon);
  p.name = lower(base_name(name));
  if (p.name.empty()) p.name = "image";
  p.version = r.digest;
  if (r.source == "registry" && !name.empty()) p.qualifiers["repository_url"] = name;
  if (!tag.empty()) p.qualifiers["tag"] = tag;
  if (size_t arch = r.platform.find('/'); arch != std::string::npos) p.qualifiers["arch"] = r.platform.substr(arch + 1);
  return p.text();
}

}  // namespace careen
