// cargo-auditable's list of crates (its PARSING.md, format v0).
#include <nlohmann/json.hpp>

#include "archive/zip.h"
#include "base/text.h"
#include "formats/json_members.h"
#include "formats/language.h"

namespace careen {

LanguagePackages parse_rust_audit(Bytes section) {
  using nlohmann::json;
  LanguagePackages out;
  auto text = inflate_zlib(section, kMaxLanguageFile);
  if (!text) {
    out.problem = "crates that cannot be inflated: " + text.error().what;
    return out;
  }
  json j = parse_json_within(*text, kMaxLanguageDepth);
  const json& packages = json_at(j, "packages");
  if (!packages.is_array()) {
    out.problem = "a list of crates that cannot be read";
    return out;
  }
  for (const json& p : packages) {
    // What only builds the program is not in it.
    if (std::string kind = json_text_at(p, "kind"); kind == "build" || kind == "dev") continue;
    std::string name = json_text_at(p, "name"), version = json_text_at(p, "version");
    if (name.empty() || name.find_first_of(std::string_view("\0\n", 2)) != std::string::npos || name.size() > kMaxPackageName ||
        version.size() > kMaxPackageName || out.packages.size() >= kMaxLanguagePackages)
      continue;
    Package c;
    c.type = PackageType::cargo;
    c.name = name;
    c.version = version;
    // Only what is from the registry is what advisories are about.
    if (std::string source = json_text_at(p, "source"); source == "local" || source == "git") c.source = source;
    out.packages.push_back(std::move(c));
  }
  return out;
}

}  // namespace careen
