// Package URLs (ECMA-427; purl-spec): "pkg:deb/debian/curl@7.88.1-10?arch=amd64&distro=debian-12".
#pragma once
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace careen {

struct Purl {
  std::string type, name_space, name, version, subpath;  // decoded; type in lower case
  std::map<std::string, std::string> qualifiers;         // names in lower case
  std::string text() const;                              // in canonical form
};

inline constexpr size_t kMaxPurl = 4096;

// A part as it is meant: %41 is A; what is no such triplet stays.
std::string percent_decoded(std::string_view part);

// nullopt when it is none.
std::optional<Purl> parse_purl(std::string_view text);

// Whether `of` is meant by `pattern`: same type, namespace and name, and where the pattern has them version and the qualifiers arch and distro.
// A pattern of a distribution's package may leave the namespace out.
bool purl_covers(const Purl& pattern, const Purl& of);

}  // namespace careen
