// Compression of what the stores keep. zstd, level 1: writing must not wait for it.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace careen {

std::string squeeze(std::string_view raw);
// Nothing where the bytes are damaged or would inflate to more than `limit`.
std::optional<std::string> inflate(std::string_view packed, uint64_t limit);

}  // namespace careen
