// Reads pacman's local database: for each package a folder with desc, files and a gzipped mtree.
// Formats: pacman's lib/libalpm/be_local.c; mtree(5).
#pragma once
#include <string_view>
#include <vector>

#include "formats/package.h"

namespace careen {

// Name, version, base and architecture; an empty name when the text is no description.
Package parse_pacman_desc(std::string_view text);
// The owned paths, and the configuration files of %BACKUP%.
std::vector<OwnedFile> parse_pacman_files(std::string_view text);
// Regular files with their SHA-256. The text is already decompressed.
std::vector<OwnedFile> parse_pacman_mtree(std::string_view text);

}  // namespace careen
