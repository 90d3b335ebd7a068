// Reads os-release: shell-like KEY=VALUE lines. Format: os-release(5).
#pragma once
#include <map>
#include <string>
#include <string_view>

namespace careen {

// Keys as they stand, values without quotes and escapes. Lines that are no assignment are passed over.
std::map<std::string, std::string> parse_os_release(std::string_view text);

}  // namespace careen
