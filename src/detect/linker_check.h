// Tells whether a file that looks like a dynamic linker is one in this image.
//
// A file's own word is not enough: whoever can plant code can write a SONAME. A dynamic linker needs no library, provides what
// others import from it, has an entry point, carries a linker's name, is what the programs of the image name as their
// interpreter, and no link of another name leads to it.
#pragma once
#include <optional>
#include <set>
#include <string>

#include "facts/image_facts.h"

namespace careen {

class LinkerCheck {
 public:
  explicit LinkerCheck(const ImageFacts& image) : image_(image) {}
  bool is_one(size_t layer, const ElfFacts& f);

 private:
  static bool is_linker_name(std::string_view name);
  void read_interpreters();
  bool has_other_names(size_t layer, const ElfFacts& f) const;

  const ImageFacts& image_;
  std::optional<std::set<std::string>> interpreters_;  // names, without their folders
};

}  // namespace careen
