// Reads an ELF file as the dynamic loader does: from the program headers and PT_DYNAMIC, so that missing or lying section
// headers change nothing. Sections serve for extra names alone, and for static programs, which have no PT_DYNAMIC.
// Format: System V ABI, generic and processor supplements; GNU extensions (GNU_HASH, IFUNC, RELR, .note.dlopen).
//
// Everything in the file is hostile: tables are bounded by the named limits and by the size of the file, addresses are
// translated through PT_LOAD only. What could not be read is named in `problems`, and the rest stands.
#pragma once
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/file_view.h"
#include "base/result.h"

namespace careen {

inline constexpr size_t kMaxSegments = 4096;
inline constexpr size_t kMaxDynamicEntries = 16'384;
inline constexpr size_t kMaxSymbols = 2'000'000;
inline constexpr size_t kMaxRelocations = 4'000'000;
inline constexpr uint64_t kMaxStringTable = 256ULL << 20;
inline constexpr uint64_t kMaxElfString = 4096;
inline constexpr uint64_t kMaxNoteSegment = 1 << 20;
inline constexpr uint64_t kMaxSectionNames = 1 << 20;

namespace elf {
inline constexpr uint16_t kTypeRelocatable = 1, kTypeExecutable = 2, kTypeDynamic = 3;
inline constexpr uint16_t kMachine386 = 3, kMachineArm = 40, kMachineX86_64 = 62, kMachineAarch64 = 183;
inline constexpr uint32_t kLoad = 1, kDynamic = 2, kInterp = 3, kNote = 4, kTls = 7;
inline constexpr uint8_t kSymbolFunction = 2, kSymbolIfunc = 10;
inline constexpr uint32_t kRX64_64 = 1, kRX64GlobDat = 6, kRX64JumpSlot = 7, kRX64Relative = 8, kRX64Dtpmod = 16, kRX64Dtpoff = 17, kRX64Tpoff = 18,
                          kRX64Tlsdesc = 36, kRX64Irelative = 37;
inline constexpr std::string_view kRustAuditSection = ".dep-v0", kGoBuildSection = ".go.buildinfo";
std::string machine_name(uint16_t machine);                             // x86-64, aarch64, … or "machine 1234"
std::string architecture_of(uint16_t machine, bool is64, bool little);  // as in a platform: amd64, arm64, …; "" unknown
}  // namespace elf

struct ElfSegment {
  uint32_t type = 0, flags = 0;  // flags: 1 execute, 2 write, 4 read
  uint64_t offset = 0, address = 0, file_size = 0, memory_size = 0;
};

struct ElfSymbol {
  std::string_view name;  // into ElfFile::string_tables
  uint64_t value = 0, size = 0;
  uint8_t type = 0, binding = 0, visibility = 0;
  bool defined = false;
};

struct ElfRelocation {
  uint64_t where = 0;  // address
  uint32_t type = 0;
  uint32_t symbol = 0;  // index in symbols
  int64_t addend = 0;
};

struct ElfFile {
  bool is64 = true;
  Endian endian = Endian::little;
  uint16_t type = 0, machine = 0;
  uint64_t entry = 0;
  std::string build_id, interpreter, soname, rpath, runpath;
  std::vector<std::string> needed;
  std::vector<std::string> dlopen_notes;  // the JSON texts of .note.dlopen
  std::vector<ElfSegment> segments;
  std::vector<ElfSymbol> symbols;        // dynamic
  bool over_limit = false;               // a table passed a named limit of this reader: what lies behind it was not seen
  std::vector<ElfSymbol> local_symbols;  // functions of .symtab, in files with an IFUNC
  std::vector<ElfRelocation> relocations;
  std::vector<uint64_t> constructors;  // DT_INIT and the entries of DT_PREINIT_ARRAY and DT_INIT_ARRAY
  bool has_dynamic = false, has_tls = false, has_sections = false, bind_now = false;
  // Sections that tell what a program was built of; where they are there.
  struct BuildSection {
    std::string name;
    uint64_t offset = 0, size = 0;
  };
  std::vector<BuildSection> build_sections;
  std::vector<std::string> problems;
  std::vector<FilePart> string_tables;  // what the symbols' names are views of; moves keep them valid

  // What the loader maps, whole pages, later segments over earlier ones: ascending and disjoint. Made by map_segments().
  struct Mapping {
    uint64_t begin = 0, end = 0, offset = 0;
    bool executable = false, writable = false;
  };
  std::vector<Mapping> mappings;
  void map_segments();

  ElfFile() = default;
  ElfFile(ElfFile&&) = default;
  ElfFile& operator=(ElfFile&&) = default;

  // Where the byte at an address lies in the file, and how many follow it there; nullopt for .bss and beyond.
  std::optional<uint64_t> offset_of(uint64_t address, uint64_t* follow = nullptr) const;
  bool is_executable(uint64_t address) const;
};

bool is_elf(Bytes first);  // by the first four bytes

// An Error when not even the header and the program headers can be read. A file that lies in memory must outlive the result:
// names of symbols are views of it.
Result<ElfFile> parse_elf(const FileView& file);

}  // namespace careen
