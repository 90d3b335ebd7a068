// Makes small ELF files that the product's own reader takes: one segment, a dynamic section, names as they are asked for.
// They hold no code; they are there to be named, linked and looked for.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace careen::test {

struct ElfSpec {
  bool is64 = true, big = false;
  uint16_t type = 3, machine = 62;  // a shared object for x86-64
  uint64_t entry = 0;
  std::string interpreter, soname, rpath, runpath;
  std::vector<std::string> needed;
  std::vector<std::string> imports, exports;  // names of dynamic symbols
  std::vector<std::string> strings;           // text in the read-only data
  std::string dlopen_note;                    // the JSON of .note.dlopen
  bool dynamic = true;
};

class ElfMaker {
 public:
  explicit ElfMaker(const ElfSpec& s) : s_(s) {}

  std::string make() {
    uint64_t header = s_.is64 ? 64 : 52, entry = s_.is64 ? 56 : 32;
    uint64_t segments = 1 + (s_.dynamic ? 1 : 0) + (s_.interpreter.empty() ? 0 : 1) + (s_.dlopen_note.empty() ? 0 : 1);
    out_.assign(header + segments * entry, '\0');
    uint64_t interp_at = text(s_.interpreter);
    for (const std::string& t : s_.strings) text(t);
    align(8);
    uint64_t note_at = out_.size();
    if (!s_.dlopen_note.empty()) note();
    uint64_t note_end = out_.size();
    uint64_t dynamic_at = 0, dynamic_end = 0;
    if (s_.dynamic) make_dynamic(&dynamic_at, &dynamic_end);
    write_header(header, segments);
    at_ = header;
    segment(1, 4, 0, out_.size());
    if (s_.dynamic) segment(2, 6, dynamic_at, dynamic_end - dynamic_at);
    if (!s_.interpreter.empty()) segment(3, 4, interp_at, s_.interpreter.size() + 1);
    if (!s_.dlopen_note.empty()) segment(4, 4, note_at, note_end - note_at);
    return out_;
  }

 private:
  void put(std::string& to, uint64_t v, size_t n) const {
    for (size_t i = 0; i < n; ++i) to += static_cast<char>(v >> (8 * (s_.big ? n - 1 - i : i)));
  }
  void word(std::string& to, uint64_t v) const { put(to, v, s_.is64 ? 8 : 4); }
  void align(size_t n) { out_.resize((out_.size() + n - 1) / n * n); }
  uint64_t text(const std::string& t) {
    uint64_t at = out_.size();
    if (!t.empty()) out_ += t, out_ += '\0';
    return at;
  }

  void note() {
    put(out_, 4, 4);
    put(out_, s_.dlopen_note.size() + 1, 4);
    put(out_, 0x407c0c0a, 4);
    out_ += std::string("FDO\0", 4) + s_.dlopen_note + '\0';
    align(4);
  }

  uint64_t name(const std::string& n) {
    if (n.empty()) return 0;
    uint64_t at = names_.size();
    names_ += n;
    names_ += '\0';
    return at;
  }

  void symbol(std::string& to, uint64_t name_at, bool defined) {
    if (s_.is64) {
      put(to, name_at, 4), put(to, 0x12, 1), put(to, 0, 1), put(to, defined ? 1 : 0, 2), put(to, defined ? 0x10 : 0, 8), put(to, 0, 8);
    } else {
      put(to, name_at, 4), put(to, defined ? 0x10 : 0, 4), put(to, 0, 4), put(to, 0x12, 1), put(to, 0, 1), put(to, defined ? 1 : 0, 2);
    }
  }

  void make_dynamic(uint64_t* begin, uint64_t* end) {
    names_.assign(1, '\0');
    std::vector<std::pair<uint64_t, uint64_t>> tags;
    for (const std::string& n : s_.needed) tags.emplace_back(1, name(n));
    if (!s_.soname.empty()) tags.emplace_back(14, name(s_.soname));
    if (!s_.rpath.empty()) tags.emplace_back(15, name(s_.rpath));
    if (!s_.runpath.empty()) tags.emplace_back(29, name(s_.runpath));
    std::string symbols(s_.is64 ? 24 : 16, '\0');
    for (const std::string& n : s_.imports) symbol(symbols, name(n), false);
    for (const std::string& n : s_.exports) symbol(symbols, name(n), true);
    size_t count = 1 + s_.imports.size() + s_.exports.size();
    align(8);
    uint64_t strings_at = out_.size();
    out_ += names_;
    align(8);
    uint64_t symbols_at = out_.size();
    out_ += symbols;
    align(8);
    uint64_t hash_at = out_.size();
    put(out_, 1, 4), put(out_, count, 4), put(out_, count > 1 ? 1 : 0, 4);
    for (size_t i = 0; i < count; ++i) put(out_, i > 0 && i + 1 < count ? i + 1 : 0, 4);
    align(8);
    *begin = out_.size();
    tags.emplace_back(5, strings_at), tags.emplace_back(10, names_.size()), tags.emplace_back(6, symbols_at);
    tags.emplace_back(11, s_.is64 ? 24 : 16), tags.emplace_back(4, hash_at), tags.emplace_back(0, 0);
    for (const auto& [tag, value] : tags) word(out_, tag), word(out_, value);
    *end = out_.size();
  }

  void write_header(uint64_t header, uint64_t segments) {
    std::string h =
        "\x7f"
        "ELF";
    h += static_cast<char>(s_.is64 ? 2 : 1);
    h += static_cast<char>(s_.big ? 2 : 1);
    h += '\1';
    h.resize(16);
    put(h, s_.type, 2), put(h, s_.machine, 2), put(h, 1, 4);
    word(h, s_.entry), word(h, header), word(h, 0);
    put(h, 0, 4), put(h, header, 2), put(h, s_.is64 ? 56 : 32, 2), put(h, segments, 2);
    put(h, s_.is64 ? 64 : 40, 2), put(h, 0, 2), put(h, 0, 2);
    out_.replace(0, h.size(), h);
  }

  void segment(uint64_t type, uint64_t flags, uint64_t at, uint64_t size) {
    std::string p;
    if (s_.is64) {
      put(p, type, 4), put(p, flags, 4), word(p, at), word(p, at), word(p, at), word(p, size), word(p, size), word(p, 1);
    } else {
      put(p, type, 4), word(p, at), word(p, at), word(p, at), word(p, size), word(p, size), put(p, flags, 4), word(p, 1);
    }
    out_.replace(at_, p.size(), p);
    at_ += p.size();
  }

  const ElfSpec& s_;
  std::string out_, names_;
  uint64_t at_ = 0;
};

inline std::string make_elf(const ElfSpec& s) {
  return ElfMaker(s).make();
}

}  // namespace careen::test
