// Programs and libraries that belong to no package: nobody's advisories are about them.
#pragma once
#include <string>
#include <vector>

#include "facts/image_facts.h"

namespace careen {

struct UnownedBinary {
  std::string path;  // without the first slash
  size_t layer = 0;
  std::string product, version;  // what its own text says (formats/product_text.h); "" unknown
};

inline constexpr size_t kMaxUnowned = 2000;  // that are listed

// Visible ELF programs and libraries that no package of the distribution or of a language brings, by path; `all`: how many there are.
std::vector<UnownedBinary> unowned_binaries(const ImageFacts& facts, uint64_t* all);

}  // namespace careen
