#include "facts/elf_collector.h"

#include <algorithm>

#include "base/text.h"
#include "formats/product_text.h"

namespace careen {
namespace {

bool is_name_char(uint8_t c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '+' || c == '.' || c == '-' || c == '/' || c == '$' ||
         c == '{' || c == '}';
}

// libfoo.so.1, /usr/lib/foo.so, libfoo.so: what a program may hand to dlopen.
bool is_library_name(std::string_view s) {
  size_t so = s.find(".so");
  if (so == std::string_view::npos || so == 0 || s.size() > 256) return false;
  std::string_view rest = s.substr(so + 3);
  if (!rest.empty() && (rest[0] != '.' || rest.find_first_not_of(".0123456789") != std::string_view::npos)) return false;
  return s.find('/') != std::string_view::npos || s.starts_with("lib") || s.starts_with("ld-");
}

// The NUL-terminated strings of what is loaded and not written, found by their ".so".
void find_library_names(const ElfFile& elf, const FileView& file, std::vector<std::string>* out) {
  constexpr size_t kLongest = 256, kWindow = 64 << 10;
  std::vector<uint8_t> window(kWindow + 2 * kLongest);
  for (const ElfFile::Mapping& m : elf.mappings) {  // these do not overlap, however segments do
    uint64_t held = m.offset < file.size() ? std::min(m.end - m.begin, file.size() - m.offset) : 0;
    for (uint64_t at = 0; !m.writable && at < held && out->size() < kMaxLibraryNames; at += kWindow) {
      size_t n = static_cast<size_t>(std::min<uint64_t>(window.size(), held - at));
      if (!file.read(m.offset + at, std::span(window).first(n))) break;
      std::string_view text = as_text(Bytes(window).first(n));
      for (size_t so = 0; (so = text.find(".so", so)) != std::string_view::npos;) {
        size_t begin = so, end = so;
        while (begin > 0 && so - begin < kLongest && is_name_char(window[begin - 1])) --begin;
        while (end < n && end - so < kLongest && is_name_char(window[end])) ++end;
        std::string_view name = text.substr(begin, end - begin);
        if (end < n && window[end] == 0 && is_library_name(name) && out->size() < kMaxLibraryNames) out->emplace_back(name);
        so = std::max(end, so + 3);
      }
    }
  }
  std::sort(out->begin(), out->end());
  out->erase(std::unique(out->begin(), out->end()), out->end());
}

// The names that a file imports and defines, in two lists that are made once at their full size: growing them step by step
// would cost more than reading the symbols did.
void keep_names(const ElfFile& elf, ElfFacts* f, ElfSymbols* names) {
  size_t kept = 0, bytes = 0, of_exports = 0, end = 0;
  for (; end < elf.symbols.size() && kept < kMaxSymbolNames; ++end) {
    const ElfSymbol& s = elf.symbols[end];
    if (s.name.empty()) continue;
    if (bytes + s.name.size() > kMaxSymbolNameBytes) break;
    ++kept;
    bytes += s.name.size() + 1;
    if (s.defined) of_exports += s.name.size() + 1;
  }
  names->exports.reserve(of_exports);
  names->imports.reserve(bytes - of_exports);
  for (size_t i = 0; i < elf.symbols.size(); ++i) {
    const ElfSymbol& s = elf.symbols[i];
    if (s.name.empty()) continue;
    if (s.name == "__tls_get_addr") (s.defined ? f->defines_tls_get_addr : f->imports_tls_get_addr) = true;
    if (!s.defined && (s.name == "dlopen" || s.name == "dlmopen")) f->imports_dlopen = true;
    if (i < end) (s.defined ? names->exports : names->imports).append(s.name).push_back('\0');
  }
}

// What the program says of itself that it was built of.
LanguagePackages built_of(const ElfFile& elf, const FileView& file) {
  LanguagePackages out;
  std::vector<FileRange> places;
  for (const ElfFile::BuildSection& s : elf.build_sections) {
    if (s.name == elf::kGoBuildSection) places.push_back({s.offset, s.size});
    if (s.name == elf::kRustAuditSection && s.size <= kMaxLanguageFile) {
      FilePart section(file, s.offset, s.size);
      if (!section.empty()) out = parse_rust_audit(section);
    }
  }
  for (const ElfSegment& s : elf.segments)
    if (s.type == elf::kLoad && (s.flags & 2U) != 0) places.push_back({s.offset, s.file_size});
  LanguagePackages go = parse_go_build_info(file, places, [&](uint64_t address) { return elf.offset_of(address); });
  out.packages.insert(out.packages.end(), std::make_move_iterator(go.packages.begin()), std::make_move_iterator(go.packages.end()));
  if (out.problem.empty()) out.problem = go.problem;
  return out;
}

}  // namespace

void collect_elf(const std::string& path, const FileView& file, ElfFacts* f, ElfSymbols* names, LanguagePackages* packages) {
  f->path = names->path = path;
  auto parsed = parse_elf(file);
  if (!parsed) {
    f->problems.push_back(parsed.error().what);
    return;
  }
  ElfFile& elf = *parsed;
  f->is64 = elf.is64;
  f->little = elf.endian == Endian::little;
  f->type = elf.type;
  f->machine = elf.machine;
  f->entry = elf.entry;
  *packages = built_of(elf, file);
  f->build_id = std::move(elf.build_id);
  f->interpreter = std::move(elf.interpreter);
  f->soname = std::move(elf.soname);
  f->rpath = std::move(elf.rpath);
  f->runpath = std::move(elf.runpath);
  f->needed = std::move(elf.needed);
  f->dlopen_notes = std::move(elf.dlopen_notes);
  f->segments = elf.segments;
  if (f->segments.size() > 64) f->segments.resize(64);
  f->symbols = elf.symbols.size();
  f->constructors = elf.constructors.size();
  f->has_dynamic = elf.has_dynamic;
  f->has_tls = elf.has_tls;
  f->bind_now = elf.bind_now;
  f->has_sections = elf.has_sections;
  uint64_t run = 0;  // relocations of one type mostly follow each other
  for (size_t i = 0; i < elf.relocations.size(); ++i) {
    ++run;
    if (i + 1 < elf.relocations.size() && elf.relocations[i + 1].type == elf.relocations[i].type) continue;
    f->relocations[elf.relocations[i].type] += run;
    run = 0;
  }
  keep_names(elf, f, names);
  f->ifunc = walk_resolvers(elf, file);
  f->ifunc.capped |= elf.over_limit;
  if (f->imports_dlopen) find_library_names(elf, file, &f->library_names);
  std::vector<FileRange> texts;
  for (const ElfFile::Mapping& m : elf.mappings)
    if (!m.writable) texts.push_back({m.offset, m.end - m.begin});
  if (auto product = product_of(base_name(path), file, texts)) f->product = std::move(product->name), f->version = std::move(product->version);
  f->problems = std::move(elf.problems);
}

}  // namespace careen
