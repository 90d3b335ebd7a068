// The facts of one ELF file.
#pragma once
#include "base/file_view.h"
#include "facts/layer_facts.h"
#include "formats/language.h"

namespace careen {

inline constexpr size_t kMaxLibraryNames = 256;
inline constexpr size_t kMaxSymbolNames = 200'000;
inline constexpr size_t kMaxSymbolNameBytes = 16 << 20;  // of one file; many symbols may share one long name

// Facts and symbols get the path. A file that is not readable as ELF gives facts with a problem, nothing else. `packages`: what a Go or Rust
// program says that it was built of.
void collect_elf(const std::string& path, const FileView& file, ElfFacts* facts, ElfSymbols* symbols, LanguagePackages* packages);

}  // namespace careen
