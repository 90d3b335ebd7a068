// What changed between two indexed images: packages, files, configuration and what their ELF files do, new risk first.
//
// Worked out from stored facts; no layer is read. What a layer's missing facts hide is told in `gaps`.
#pragma once
#include <string>
#include <vector>

#include "store/inventory.h"

namespace careen {

inline constexpr size_t kMaxDiffRows = 100'000;

enum class DiffKind : uint8_t { risk, package, file, configuration };

struct DiffRow {
  DiffKind kind = DiffKind::file;
  std::string what;  // path, package or setting
  std::string from;  // "" when it is new
  std::string to;    // "" when it is gone
  std::string says;  // for a risk: in words
};

struct ImageDiff {
  std::string a, b;           // digests
  std::vector<DiffRow> rows;  // risks, packages, configuration, files; each by name
  std::vector<std::string> gaps;
};

Result<ImageDiff> diff_images(Inventory& inventory, Inventory::Id a, Inventory::Id b);

}  // namespace careen
