#include "formats/elf.h"

#include <algorithm>
#include <array>

#include "base/text.h"

namespace careen {
namespace {

constexpr uint64_t kNeeded = 1, kPltRelSize = 2, kHash = 4, kStrTab = 5, kSymTab = 6, kRela = 7, kRelaSize = 8, kStrSize = 10, kInit = 12, kSoname = 14,
                   kRpath = 15, kRel = 17, kRelSize = 18, kPltRel = 20, kJmpRel = 23, kBindNow = 24, kInitArray = 25, kInitArraySize = 27, kRunpath = 29,
                   kFlags = 30, kPreinitArray = 32, kPreinitArraySize = 33, kRelrSize = 35, kRelr = 36, kGnuHash = 0x6ffffef5, kFlags1 = 0x6ffffffb;
constexpr size_t kMaxConstructors = 4096;
constexpr size_t kMaxSections = 65'536;

class Parser {
 public:
  Parser(const FileView& file, ElfFile& out) : file_(file), f_(out) {}

  Result<void> run() {
    CAREEN_TRY(header());
    CAREEN_TRY(program_headers());
    f_.map_segments();
    notes_and_interpreter();
    dynamic();
    sections();
    return {};
  }

 private:
  struct Table {
    uint64_t address = 0, size = 0;
  };

  void problem(std::string what) {
    if (f_.problems.size() < 16) f_.problems.push_back(std::move(what));
  }
  void over_limit(std::string what) {
    f_.over_limit = true;
    problem(std::move(what));
  }

  FilePart at(uint64_t offset, uint64_t size) const { return {file_, offset, size}; }
  // A table by its address, cut to what the file holds of it.
  FilePart table(uint64_t address, uint64_t size, const char* what) {
    if (size == 0) return {};
    uint64_t follow = 0;
    auto offset = f_.offset_of(address, &follow);
    if (!offset) {
      problem(std::string(what) + " lies outside the file");
      return {};
    }
    if (size > follow) {
      problem(std::string(what) + " passes the end of its segment");
      size = follow;
    }
    uint64_t left = *offset < file_.size() ? file_.size() - *offset : 0;
    if (size > left) {
      problem(std::string(what) + " passes the end of the file");
      size = left;
    }
    return at(*offset, size);
  }

  // Relocations in pieces, so that their raw form is never held beside the parsed one.
  void relocation_table(uint64_t address, uint64_t size, const char* what, bool with_addend) {
    uint64_t each = (f_.is64 ? 8 : 4) * (with_addend ? 3 : 2), piece = each * 16'384;
    if (size > kMaxRelocations * each) {
      over_limit("more relocations than kMaxRelocations");
      size = kMaxRelocations * each;
    }
    uint64_t follow = 0;
    if (f_.offset_of(address, &follow))
      f_.relocations.reserve(static_cast<size_t>(std::min(kMaxRelocations, f_.relocations.size() + std::min({size, follow, file_.size()}) / each)));
    if (size != 0 && f_.relocations.size() >= kMaxRelocations) return over_limit("more relocations than kMaxRelocations");
    for (uint64_t done = 0; done < size; done += piece) {
      if (f_.relocations.size() >= kMaxRelocations) return over_limit("more relocations than kMaxRelocations");
      auto b = table(address + done, std::min(piece, size - done), what);
      relocations_in(b, with_addend);
      if (b.size() < std::min(piece, size - done)) break;
    }
  }
  uint64_t word(Reader& r) const { return f_.is64 ? r.u64() : r.u32(); }
  size_t word_size() const { return f_.is64 ? 8 : 4; }

  std::string_view string_at(uint64_t offset) const {
    if (offset >= strings_.size()) return {};
    std::string_view s = as_text(strings_).substr(offset, kMaxElfString);
    return s.substr(0, ::strnlen(s.data(), s.size()));
  }

  // Gives the string table to the file that its symbols' names point into.
  void keep_strings() {
    f_.string_tables.push_back(std::move(strings_));
    strings_ = {};
  }

  Result<void> header() {
    auto ident = at(0, 16);
    if (ident.empty() || !is_elf(ident)) return Error{Errc::corrupt, "not an ELF file"};
    if ((ident[4] != 1 && ident[4] != 2) || (ident[5] != 1 && ident[5] != 2)) return Error{Errc::corrupt, "ELF header has an unknown class or byte order"};
    f_.is64 = ident[4] == 2;
    f_.endian = ident[5] == 1 ? Endian::little : Endian::big;
    auto b = at(16, f_.is64 ? 48 : 36);
    if (b.empty()) return Error{Errc::truncated, "ELF header is cut"};
    Reader r(b, f_.endian);
    f_.type = r.u16();
    f_.machine = r.u16();
    r.u32();
    f_.entry = word(r);
    phoff_ = word(r);
    shoff_ = word(r);
    r.u32();
    r.u16();
    phentsize_ = r.u16();
    phnum_ = r.u16();
    shentsize_ = r.u16();
    shnum_ = r.u16();
    shstrndx_ = r.u16();
    return {};
  }

  Result<void> program_headers() {
    uint64_t count = phnum_;
    if (phnum_ == 0xffff) {  // PN_XNUM: the count is in the first section header
      auto b = at(shoff_, f_.is64 ? 64 : 40);
      if (!b.empty()) {
        Reader r(b, f_.endian);
        r.seek(f_.is64 ? 44 : 28);
        count = r.u32();
      }
    }
    uint16_t want = f_.is64 ? 56 : 32;
    if (count != 0 && phentsize_ != want) return Error{Errc::corrupt, "ELF program headers have an odd size"};
    if (count > kMaxSegments) {
      over_limit("more than 4096 program headers (kMaxSegments)");
      count = kMaxSegments;
    }
    for (uint64_t i = 0; i < count; ++i) {
      auto b = at(phoff_ + i * want, want);
      if (b.empty()) return Error{Errc::truncated, "ELF program headers pass the end of the file"};
      Reader r(b, f_.endian);
      ElfSegment s;
      s.type = r.u32();
      if (f_.is64) s.flags = r.u32();
      s.offset = word(r);
      s.address = word(r);
      word(r);
      s.file_size = word(r);
      s.memory_size = word(r);
      if (!f_.is64) s.flags = r.u32();
      if (s.type == elf::kTls) f_.has_tls = true;
      f_.segments.push_back(s);
    }
    return {};
  }

  void notes_and_interpreter() {
    for (const ElfSegment& s : f_.segments) {
      if (s.type == elf::kInterp && f_.interpreter.empty()) {
        auto b = at(s.offset, std::min(s.file_size, kMaxElfString));
        std::string_view t = as_text(b);
        f_.interpreter = t.substr(0, t.find('\0'));
      }
      if (s.type == elf::kNote) notes(at(s.offset, std::min(s.file_size, kMaxNoteSegment)));
    }
  }

  void notes(Bytes b) {
    Reader r(b, f_.endian);
    while (r.left() >= 12) {
      uint32_t name_size = r.u32(), size = r.u32(), type = r.u32();
      std::string_view name = as_text(r.bytes(name_size));
      r.seek(std::min<uint64_t>((r.position() + 3) / 4 * 4, b.size()));
      Bytes body = r.bytes(size);
      r.seek(std::min<uint64_t>((r.position() + 3) / 4 * 4, b.size()));
      if (r.failed()) return;
      if (name == std::string_view("GNU\0", 4) && type == 3 && size <= 64) f_.build_id = to_hex(body.data(), body.size());
      if (name == std::string_view("FDO\0", 4) && type == 0x407c0c0a && f_.dlopen_notes.size() < 64) {
        std::string_view t = as_text(body);
        f_.dlopen_notes.emplace_back(t.substr(0, t.find('\0')));
      }
    }
  }

  // .symtab for names of local functions, and the IRELATIVE relocations of a program without PT_DYNAMIC.
  void sections() {
    uint16_t want = f_.is64 ? 64 : 40;
    if (shoff_ == 0 || shentsize_ != want || shnum_ == 0) return;
    auto b = at(shoff_, static_cast<uint64_t>(shnum_) * want);
    if (b.empty()) return problem("section headers pass the end of the file");
    f_.has_sections = true;
    struct Section {
      uint32_t name, type, link;
      uint64_t offset, size;
    };
    std::vector<Section> all;
    for (size_t i = 0; i < shnum_ && i < kMaxSections; ++i) {
      Reader r(static_cast<Bytes>(b).subspan(i * want, want), f_.endian);
      Section s{};
      s.name = r.u32();
      s.type = r.u32();
      word(r);
      word(r);
      s.offset = word(r);
      s.size = word(r);
      s.link = r.u32();
      all.push_back(s);
    }
    bool is_static = std::none_of(f_.segments.begin(), f_.segments.end(), [](const ElfSegment& s) { return s.type == elf::kDynamic; });
    uint64_t relocation_bytes = 0;  // of all sections: many headers may name the same bytes
    for (const Section& s : all)
      if ((s.type == 4 || s.type == 9) && is_static && f_.type != elf::kTypeRelocatable && (relocation_bytes += s.size) <= kMaxRelocations * 24)
        relocations_in(at(s.offset, s.size), s.type == 4);
    if (shstrndx_ < all.size() && all[shstrndx_].size <= kMaxSectionNames) {
      auto names = at(all[shstrndx_].offset, all[shstrndx_].size);
      std::string_view text = as_text(names);
      for (const Section& s : all) {
        if (s.name >= text.size()) continue;
        std::string_view name = text.substr(s.name, 32);
        for (std::string_view wanted : {elf::kRustAuditSection, elf::kGoBuildSection})
          if (name.starts_with(wanted) && name.size() > wanted.size() && name[wanted.size()] == '\0' && f_.build_sections.size() < 8)
            f_.build_sections.push_back({std::string(wanted), s.offset, s.size});
      }
    }
    auto named = std::find_if(all.begin(), all.end(), [](const Section& s) { return s.type == 2; });
    if (named != all.end() && named->link < all.size()) local_functions(named->offset, named->size, all[named->link].offset, all[named->link].size);
  }

  // Functions of .symtab. Only the walk of IFUNC resolvers asks for them, so they are read where there is one.
  void local_functions(uint64_t offset, uint64_t size, uint64_t names_offset, uint64_t names_size) {
    if (names_size > kMaxStringTable || size > kMaxSymbols * 24) return;
    auto is_ifunc = [](const ElfSymbol& s) { return s.defined && s.type == elf::kSymbolIfunc; };
    auto raw = at(offset, size);
    bool wanted = std::any_of(f_.relocations.begin(), f_.relocations.end(), [](const ElfRelocation& r) { return r.type == elf::kRX64Irelative; }) ||
                  std::any_of(f_.symbols.begin(), f_.symbols.end(), is_ifunc);
    size_t each = f_.is64 ? 24 : 16, info = f_.is64 ? 4 : 12;
    for (size_t i = 0; !wanted && i + each <= raw.size(); i += each) wanted = (raw[i + info] & 15) == elf::kSymbolIfunc;
    if (!wanted) return;
    strings_ = at(names_offset, names_size);
    for (const ElfSymbol& s : symbols_in(raw))
      if (is_ifunc(s) || (s.defined && s.type == elf::kSymbolFunction)) f_.local_symbols.push_back(s);
    keep_strings();
  }

  std::vector<ElfSymbol> symbols_in(Bytes b) const {
    size_t each = f_.is64 ? 24 : 16;
    std::vector<ElfSymbol> out;
    out.reserve(b.size() / each);
    for (size_t i = 0; i + each <= b.size(); i += each) {
      const uint8_t* p = b.data() + i;
      ElfSymbol s;
      uint32_t name = load<uint32_t>(p, f_.endian);
      uint8_t info = f_.is64 ? p[4] : p[12], other = f_.is64 ? p[5] : p[13];
      uint16_t section = load<uint16_t>(p + (f_.is64 ? 6 : 14), f_.endian);
      s.value = f_.is64 ? load<uint64_t>(p + 8, f_.endian) : load<uint32_t>(p + 4, f_.endian);
      s.size = f_.is64 ? load<uint64_t>(p + 16, f_.endian) : load<uint32_t>(p + 8, f_.endian);
      s.type = info & 15;
      s.binding = info >> 4;
      s.visibility = other & 3;
      s.defined = section != 0;
      s.name = string_at(name);
      out.push_back(std::move(s));
    }
    return out;
  }

  void relocations_in(Bytes b, bool with_addend) {
    size_t each = (f_.is64 ? 8 : 4) * (with_addend ? 3 : 2);
    for (size_t i = 0; i + each <= b.size(); i += each) {
      if (f_.relocations.size() >= kMaxRelocations) return over_limit("more relocations than kMaxRelocations");
      const uint8_t* p = b.data() + i;
      ElfRelocation x;
      if (f_.is64) {
        uint64_t info = load<uint64_t>(p + 8, f_.endian);
        x.where = load<uint64_t>(p, f_.endian);
        x.type = static_cast<uint32_t>(info);
        x.symbol = static_cast<uint32_t>(info >> 32);
        if (with_addend) x.addend = static_cast<int64_t>(load<uint64_t>(p + 16, f_.endian));
      } else {
        uint32_t info = load<uint32_t>(p + 4, f_.endian);
        x.where = load<uint32_t>(p, f_.endian);
        x.type = info & 0xff;
        x.symbol = info >> 8;
        if (with_addend) x.addend = static_cast<int32_t>(load<uint32_t>(p + 8, f_.endian));
      }
      if (!with_addend) x.addend = in_place(x.where);
      f_.relocations.push_back(x);
    }
  }

  int64_t in_place(uint64_t address) const {
    uint64_t follow = 0;
    auto offset = f_.offset_of(address, &follow);
    if (!offset || follow < word_size()) return 0;
    std::array<uint8_t, 8> b{};
    if (!file_.read(*offset, std::span(b).first(word_size()))) return 0;
    return f_.is64 ? static_cast<int64_t>(load<uint64_t>(b.data(), f_.endian)) : static_cast<int32_t>(load<uint32_t>(b.data(), f_.endian));
  }

  // Packed relative relocations: an even word is an address, an odd one a bitmap of the words that follow it.
  void relr(Bytes b) {
    uint32_t type = f_.machine == elf::kMachineX86_64 ? elf::kRX64Relative : 0;
    Reader r(b, f_.endian);
    uint64_t where = 0;
    uint64_t step = word_size();
    auto add = [&](uint64_t address) {
      if (f_.relocations.size() < kMaxRelocations)
        f_.relocations.push_back({address, type, 0, in_place(address)});
      else
        over_limit("more relocations than kMaxRelocations");
    };
    while (r.left() >= step) {
      if (f_.relocations.size() >= kMaxRelocations) return over_limit("more relocations than kMaxRelocations");
      uint64_t w = word(r);
      if ((w & 1) == 0) {
        add(w);
        where = w + step;
      } else {
        for (uint64_t i = 0; (w >>= 1) != 0; ++i)
          if ((w & 1) != 0) add(where + i * step);
        where += (step * 8 - 1) * step;
      }
    }
  }

  size_t symbol_count(const std::map<uint64_t, uint64_t>& d) {
    uint64_t count = 0;
    for (const ElfRelocation& r : f_.relocations) count = std::max<uint64_t>(count, uint64_t{r.symbol} + 1);
    if (auto it = d.find(kHash); it != d.end()) {
      count = std::max(count, hash_count(it->second));
    }
    if (auto it = d.find(kGnuHash); it != d.end()) count = std::max(count, gnu_hash_count(it->second));
    if (count > kMaxSymbols) {
      over_limit("more dynamic symbols than kMaxSymbols");
      count = kMaxSymbols;
    }
    return static_cast<size_t>(count);
  }

  // The same for the old table. The loader follows buckets and chains and never asks how many there are said to be.
  uint64_t hash_count(uint64_t address) {
    auto head = table(address, 8, "hash table");
    if (head.size() != 8) return 0;
    uint64_t buckets = load<uint32_t>(head.data(), f_.endian), count = load<uint32_t>(head.data() + 4, f_.endian);
    if (buckets > kMaxSymbols) return over_limit("hash table is too large"), std::min<uint64_t>(count, kMaxSymbols);
    auto b = table(address + 8, buckets * 4, "hash buckets");
    uint64_t chains = address + 8 + buckets * 4, steps = 0;
    for (size_t i = 0; i + 4 <= b.size(); i += 4)
      for (uint32_t at = load<uint32_t>(b.data() + i, f_.endian); at != 0 && ++steps < kMaxSymbols;) {
        count = std::max<uint64_t>(count, uint64_t{at} + 1);
        uint64_t follow = 0;
        auto offset = f_.offset_of(chains + uint64_t{at} * 4, &follow);
        std::array<uint8_t, 4> w{};
        if (!offset || follow < 4 || !file_.read(*offset, w)) break;
        at = load<uint32_t>(w.data(), f_.endian);
      }
    return count;
  }

  // The highest symbol index that a chain of the table reaches.
  uint64_t gnu_hash_count(uint64_t address) {
    auto head = table(address, 16, "GNU hash table");
    if (head.size() != 16) return 0;
    Reader r(head, f_.endian);
    uint64_t buckets = r.u32(), first = r.u32(), bloom = r.u32();
    if (buckets > kMaxSymbols || bloom > kMaxSymbols) return over_limit("GNU hash table is too large"), 0;
    uint64_t at_buckets = address + 16 + bloom * word_size();
    auto b = table(at_buckets, buckets * 4, "GNU hash buckets");
    uint64_t highest = 0;
    for (size_t i = 0; i + 4 <= b.size(); i += 4) highest = std::max<uint64_t>(highest, load<uint32_t>(b.data() + i, f_.endian));
    if (highest < first) return first;
    uint64_t chain = at_buckets + buckets * 4 + (highest - first) * 4;
    uint64_t follow = 0;
    auto offset = f_.offset_of(chain, &follow);
    if (!offset) return problem("GNU hash chains lie outside the file"), highest + 1;
    for (; follow >= 4 && highest < kMaxSymbols; follow -= 4, *offset += 4, ++highest) {
      std::array<uint8_t, 4> w{};
      if (!file_.read(*offset, w) || (load<uint32_t>(w.data(), f_.endian) & 1) != 0) break;
    }
    return highest + 1;
  }

  void constructors(uint64_t address, uint64_t size) {
    auto b = table(address, std::min<uint64_t>(size, kMaxConstructors * word_size()), "constructor table");
    std::map<uint64_t, uint64_t> relocated;  // what the loader will write into the table
    if (f_.machine == elf::kMachineX86_64)
      for (const ElfRelocation& x : f_.relocations)
        if (x.type == elf::kRX64Relative && x.where >= address && x.where - address < b.size()) relocated[x.where] = static_cast<uint64_t>(x.addend);
    for (size_t i = 0; i + word_size() <= b.size(); i += word_size()) {
      Reader r(static_cast<Bytes>(b).subspan(i, word_size()), f_.endian);
      uint64_t v = word(r);
      if (auto it = relocated.find(address + i); it != relocated.end()) v = it->second;
      if (v != 0 && v != UINT64_MAX) f_.constructors.push_back(v);
    }
  }

  void dynamic() {
    const ElfSegment* seg = nullptr;
    for (const ElfSegment& s : f_.segments)
      if (s.type == elf::kDynamic) seg = &s;  // the loader takes the last
    if (seg == nullptr) return;
    // The loader finds it by address and reads to its null entry; p_offset and both sizes may lie.
    uint64_t follow = 0;
    auto offset = f_.offset_of(seg->address, &follow);
    if (!offset) offset = seg->offset, follow = seg->file_size;
    uint64_t held = *offset < file_.size() ? file_.size() - *offset : 0;
    auto b = at(*offset, std::min({follow, held, uint64_t{kMaxDynamicEntries} * 2 * word_size()}));
    if (b.empty()) return problem("the dynamic section lies outside the file");
    f_.has_dynamic = true;

    std::map<uint64_t, uint64_t> d;
    std::vector<uint64_t> needed;
    bool ended = false;
    Reader r(b, f_.endian);
    while (r.left() >= 2 * word_size()) {
      uint64_t tag = word(r), value = word(r);
      if (tag == 0) {
        ended = true;
        break;
      }
      if (tag == kNeeded)
        needed.push_back(value);
      else
        d[tag] = value;
    }
    if (!ended && b.size() / (2 * word_size()) >= kMaxDynamicEntries)
      over_limit("more than 16384 dynamic entries (kMaxDynamicEntries)");
    else if (!ended)
      problem("the dynamic section has no end");
    auto value = [&](uint64_t tag) {
      auto it = d.find(tag);
      return it == d.end() ? 0 : it->second;
    };
    if (d.contains(kStrTab)) {
      uint64_t n = value(kStrSize);
      if (n > kMaxStringTable)
        over_limit("string table larger than 256 MiB (kMaxStringTable)");
      else
        strings_ = table(value(kStrTab), n, "string table");
    }
    for (uint64_t n : needed) f_.needed.emplace_back(string_at(n));
    if (d.contains(kSoname)) f_.soname = string_at(value(kSoname));
    if (d.contains(kRpath)) f_.rpath = string_at(value(kRpath));
    if (d.contains(kRunpath)) f_.runpath = string_at(value(kRunpath));
    f_.bind_now = d.contains(kBindNow) || (value(kFlags) & 8) != 0 || (value(kFlags1) & 1) != 0;

    uint64_t cap = kMaxRelocations * 24;
    if (value(kRelrSize) > cap) over_limit("more relocations than kMaxRelocations");
    if (d.contains(kRelr)) relr(table(value(kRelr), std::min(value(kRelrSize), cap), "packed relocations"));
    if (d.contains(kRela)) relocation_table(value(kRela), value(kRelaSize), "relocations", true);
    if (d.contains(kRel)) relocation_table(value(kRel), value(kRelSize), "relocations", false);
    if (d.contains(kJmpRel)) relocation_table(value(kJmpRel), value(kPltRelSize), "PLT relocations", value(kPltRel) != kRel);
    if (d.contains(kSymTab)) {
      size_t each = f_.is64 ? 24 : 16;
      f_.symbols = symbols_in(table(value(kSymTab), symbol_count(d) * each, "symbol table"));
    }
    keep_strings();
    if (d.contains(kInit) && value(kInit) != 0) f_.constructors.push_back(value(kInit));
    if (d.contains(kPreinitArray)) constructors(value(kPreinitArray), value(kPreinitArraySize));
    if (d.contains(kInitArray)) constructors(value(kInitArray), value(kInitArraySize));
  }

  const FileView& file_;
  ElfFile& f_;
  uint64_t phoff_ = 0, shoff_ = 0;
  uint16_t phentsize_ = 0, phnum_ = 0, shentsize_ = 0, shnum_ = 0, shstrndx_ = 0;
  FilePart strings_;
};

}  // namespace

namespace elf {

std::string machine_name(uint16_t m) {
  static const std::map<uint16_t, const char*> names{{2, "sparc"},   {3, "i386"},        {8, "mips"},     {20, "powerpc"}, {21, "powerpc64"},
                                                     {22, "s390x"},  {40, "arm"},        {43, "sparc64"}, {62, "x86-64"},  {183, "aarch64"},
                                                     {243, "riscv"}, {258, "loongarch"}, {247, "bpf"}};
  auto it = names.find(m);
  return it == names.end() ? "machine " + std::to_string(m) : it->second;
}

std::string architecture_of(uint16_t m, bool is64, bool little) {
  switch (m) {
    case 3:
      return "386";
    case 8:
      return is64 ? (little ? "mips64le" : "mips64") : (little ? "mipsle" : "mips");
    case 21:
      return little ? "ppc64le" : "ppc64";
    case 22:
      return "s390x";
    case 40:
      return "arm";
    case 62:
      return is64 ? "amd64" : "x32";
    case 183:
      return "arm64";
    case 243:
      return is64 ? "riscv64" : "riscv32";
    case 258:
      return "loong64";
    default:
      return "";
  }
}

}  // namespace elf

// The loader maps whole pages: bytes of the file before and after a segment's own, in its first and last page, are there too,
// unless the rest of the last page is cleared for .bss.
void ElfFile::map_segments() {
  constexpr uint64_t kPage = 4096;
  std::map<uint64_t, Mapping> all;  // by begin
  for (const ElfSegment& s : segments) {
    if (s.type != elf::kLoad || s.file_size == 0 || s.address > UINT64_MAX - s.file_size || s.offset > UINT64_MAX - s.file_size) continue;
    Mapping m{s.address, s.address + s.file_size, s.offset, (s.flags & 1) != 0, (s.flags & 2) != 0};
    if (s.offset % kPage == s.address % kPage && m.end < UINT64_MAX - kPage) {
      m.begin -= s.address % kPage;
      m.offset -= s.offset % kPage;
      if (s.memory_size <= s.file_size) m.end = (m.end + kPage - 1) / kPage * kPage;
    }
    // Cut what lies under it, and under its .bss.
    uint64_t until = m.end;
    if (s.memory_size > s.file_size && s.memory_size < UINT64_MAX - s.address - kPage) until = (s.address + s.memory_size + kPage - 1) / kPage * kPage;
    auto it = all.lower_bound(m.begin);
    if (it != all.begin()) {
      Mapping& before = std::prev(it)->second;
      if (before.end > until) all[until] = {until, before.end, before.offset + (until - before.begin), before.executable, before.writable};
      if (before.end > m.begin) before.end = m.begin;
    }
    for (it = all.lower_bound(m.begin); it != all.end() && it->first < until;) {
      Mapping old = it->second;
      it = all.erase(it);
      if (old.end > until) it = all.emplace(until, Mapping{until, old.end, old.offset + (until - old.begin), old.executable, old.writable}).first;
    }
    all[m.begin] = m;
  }
  for (const auto& [unused, m] : all)
    if (m.end > m.begin) mappings.push_back(m);
}

std::optional<uint64_t> ElfFile::offset_of(uint64_t address, uint64_t* follow) const {
  auto it = std::upper_bound(mappings.begin(), mappings.end(), address, [](uint64_t a, const Mapping& m) { return a < m.begin; });
  if (it == mappings.begin() || address >= (--it)->end) return std::nullopt;
  if (follow != nullptr) *follow = it->end - address;
  return it->offset + (address - it->begin);
}

bool ElfFile::is_executable(uint64_t address) const {
  auto it = std::upper_bound(mappings.begin(), mappings.end(), address, [](uint64_t a, const Mapping& m) { return a < m.begin; });
  return it != mappings.begin() && address < (--it)->end && it->executable;
}

bool is_elf(Bytes first) {
  return as_text(first).starts_with(
      "\x7f"
      "ELF");
}

Result<ElfFile> parse_elf(const FileView& file) {
  ElfFile out;
  Parser p(file, out);
  CAREEN_TRY(p.run());
  return out;
}

}  // namespace careen
