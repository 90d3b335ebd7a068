// What a program or a library says in its own text that it is: well-known ones, by the marks that they carry.
//
// A lower confidence than a package database: a mark is text, and whoever builds a program may write any. Looked for only in files that bear the
// name of the product, so that a program that merely speaks of another is not taken for it.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/file_view.h"
#include "formats/language.h"

namespace careen {

struct Product {
  std::string name, version;
};

inline constexpr uint64_t kMaxProductText = 64ULL << 20;  // bytes looked through

// `places`: where the text lies that is loaded and not written.
std::optional<Product> product_of(std::string_view file_name, const FileView& file, const std::vector<FileRange>& places);

}  // namespace careen
