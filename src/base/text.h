// Small text work shared by all: escaping what an image says, hex, splitting, globs, numbers.
#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace careen {

// Text from an image made safe to print on one line: control characters, DEL, C1 controls, bidirectional overrides and
// bytes that are not UTF-8 become \xNN (a backslash stays as it is). Everything careen prints of an image passes here.
std::string escape(std::string_view s);

// Whether escape(s) == s.
bool is_plain(std::string_view s);

std::string to_hex(const uint8_t* data, size_t size);
// Lower- or upper-case hex of even length; nothing else.
std::optional<std::vector<uint8_t>> from_hex(std::string_view hex);

std::string_view trim(std::string_view s);
std::vector<std::string_view> split(std::string_view s, char sep);
std::vector<std::string_view> words(std::string_view s);  // split at white space, no empty words
std::string lower(std::string_view s);
std::string join(const std::vector<std::string>& parts, std::string_view sep);

// Calls f with each line, without its end; false from f stops.
void each_line(std::string_view text, const std::function<bool(std::string_view)>& f);

// Decimal digits only, no sign, no overflow.
std::optional<uint64_t> to_number(std::string_view s);
// 12, 64K, 16M, 2G, 1T (powers of 1024).
std::optional<uint64_t> to_size(std::string_view s);
std::string human_size(uint64_t bytes);

// Shell glob: * (not '/'), ** (also '/'), ?, [..]. At most the square of the text times the pattern.
bool glob_match(std::string_view pattern, std::string_view text);

// Standard base64, padding optional.
std::optional<std::string> from_base64(std::string_view s);
std::string to_base64(std::string_view s);

// The last part of a path, and what is before it without the slash.
std::string_view base_name(std::string_view path);
std::string_view dir_name(std::string_view path);

}  // namespace careen
