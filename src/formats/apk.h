// Reads apk's database of installed packages (lib/apk/db/installed) and a package's own .PKGINFO.
// Format: the Alpine wiki's "Apk spec" and apk-tools' database.c.
#pragma once
#include <string_view>
#include <vector>

#include "formats/package.h"

namespace careen {

std::vector<Package> parse_apk_installed(std::string_view text, size_t* problems);
Package parse_apk_pkginfo(std::string_view text);

}  // namespace careen
