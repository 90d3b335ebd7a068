// The order of package versions, as each packaging system itself defines it.
// Sources: deb-version(7); rpm's rpmvercmp (rpmio/rpmvercmp.cc) with epochs; apk-tools' version rules; pacman's vercmp(8).
#pragma once
#include <optional>
#include <string_view>

#include "formats/package.h"

namespace careen {

// Negative, zero or positive, as a is before, equal to or after b.
int compare_deb(std::string_view a, std::string_view b);
int compare_rpm(std::string_view a, std::string_view b);                 // [epoch:]version[-release]; a missing release matches any
int compare_alpm(std::string_view a, std::string_view b);                // the same order by other rules for separators
std::optional<int> compare_apk(std::string_view a, std::string_view b);  // nullopt when one is no apk version

std::optional<int> compare_versions(PackageType type, std::string_view a, std::string_view b);

}  // namespace careen
