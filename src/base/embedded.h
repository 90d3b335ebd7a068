// A text file that the build put into the program (cmake/Embed.cmake).
#pragma once
#include <cstddef>
#include <string_view>

namespace careen {
struct EmbeddedFile {
  std::string_view name;  // file name without its folder
  std::string_view text;
};
}  // namespace careen
