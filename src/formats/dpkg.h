// Reads dpkg's own database: the status file (or one file of status.d, as distroless images have it), and the lists of
// owned files and of their MD5 sums beside it. Formats: deb-control(5), dpkg-query(1), deb-md5sums(5).
#pragma once
#include <string>
#include <vector>

#include "base/result.h"
#include "formats/package.h"

namespace careen {

// The packages whose files are there: states installed, unpacked, half-configured, half-installed and triggers-*. A paragraph
// without a Status field, as in status.d, counts as installed. Configuration files come with their MD5 sums as files.
// `problems` counts paragraphs that name no package or no version.
std::vector<Package> parse_dpkg_status(std::string_view text, size_t* problems);

std::vector<OwnedFile> parse_dpkg_list(std::string_view text);          // info/NAME.list
std::vector<OwnedFile> parse_dpkg_md5sums(std::string_view text);       // info/NAME.md5sums
std::vector<std::string> parse_dpkg_diversions(std::string_view text);  // the diverted-from and diverted-to paths

}  // namespace careen
