// The order of versions, as each packaging system itself defines it.
//
// Sources: deb-version(7); rpm's rpmvercmp (rpmio/rpmvercmp.cc) with epochs; apk-tools' version rules; pacman's vercmp(8); Semantic
// Versioning 2.0.0; PEP 440, and what the packaging library made of older versions; Maven's version order as its POM
// reference has it; RubyGems'
// Gem::Version; NuGet's version reference; PHP's version_compare, which Composer follows; Dart's pub; Haskell's PVP; R's package_version.
//
// Pure functions, safe from any thread, linear in the length of their input. Each is total over what it accepts but for pacman's and PHP's, which are not
// transitive themselves.
#pragma once
#include <optional>
#include <string_view>

#include "formats/package.h"

namespace careen {

enum class VersionOrder : uint8_t { none, deb, rpm, apk, alpm, semver, pep440, maven, rubygems, nuget, composer, pub, hackage, cran, conda };
std::string_view to_text(VersionOrder o);

// A longer version is not compared: no packaging system has one, and advisories are hostile.
inline constexpr size_t kMaxVersion = 4096;

// Negative, zero or positive, as a is before, equal to or after b; nullopt when one of them is no version of that order.
std::optional<int> compare_versions(VersionOrder order, std::string_view a, std::string_view b);
// The same for whoever acts on it: nullopt also where apk's order rests on what is no version any more, about which apk 2 and apk 3 do not agree
// ("2.7.16-33" and "2.7.16-r0").
std::optional<int> compare_surely(VersionOrder order, std::string_view a, std::string_view b);
// As people write versions in conditions: an rpm version without a release is any release of it, and what apk would not take for a
// version has no order.
std::optional<int> compare_versions(PackageType type, std::string_view a, std::string_view b);

VersionOrder order_of(PackageType type);

// The orders one by one. Those that return an int accept any text.
int compare_deb(std::string_view a, std::string_view b);
int compare_rpm(std::string_view a, std::string_view b);      // [epoch:]version[-release]; a missing release matches any
int compare_alpm(std::string_view a, std::string_view b);     // the same order by other rules for separators
int compare_rpm_evr(std::string_view a, std::string_view b);  // as rpm sorts packages: a missing release is before any
std::optional<int> compare_apk(std::string_view a, std::string_view b);
std::optional<int> compare_apk_any(std::string_view a, std::string_view b);  // as apk itself, which orders broken versions too
std::optional<int> compare_semver(std::string_view a, std::string_view b);   // a leading v, and fewer or more than three numbers, are let pass
std::optional<int> compare_pub(std::string_view a, std::string_view b);      // semver in which build metadata counts
std::optional<int> compare_nuget(std::string_view a, std::string_view b);
std::optional<int> compare_pep440(std::string_view a, std::string_view b);  // what is no PEP 440 version is before all that are
std::optional<int> compare_maven(std::string_view a, std::string_view b);
std::optional<int> compare_rubygems(std::string_view a, std::string_view b);
std::optional<int> compare_composer(std::string_view a, std::string_view b);
std::optional<int> compare_dotted(std::string_view a, std::string_view b);  // numbers between dots and dashes, the longer the later: Haskell, R
std::optional<int> compare_conda(std::string_view a, std::string_view b);

}  // namespace careen
