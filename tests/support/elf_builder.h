// Builds small ELF files for tests from a description in lines, so that a hostile file can be read in the test itself.
//
// Addresses and file offsets are the same. All numbers are hexadecimal.
//   load A SIZE FLAGS           a PT_LOAD; FLAGS of r, w, x
//   segment TYPE A SIZE [MEM]   any other program header
//   code A: BYTES               bytes at A; "@B" is a 32-bit displacement to B from its end, "%B" an 8-bit one
//   quad A VALUE / text A WORD  eight bytes, or a word and a zero
//   symbol NAME KIND VALUE [SIZE]  a dynamic symbol; KIND is func, ifunc, object or import
//   local NAME KIND VALUE [SIZE]   the same in .symtab
//   rela|plt WHERE TYPE NAME|- ADDEND   TYPE: relative, glob_dat, jump_slot, 64, irelative, or a number
//   relr WORDS                  packed relative relocations
//   needed|soname|rpath|runpath NAME
//   dyn TAG VALUE               any other dynamic entry
//   type|machine|entry VALUE, no-dynamic, no-hash
// Tables lie in a load segment of their own, at 0x10000 or behind all else; without PT_DYNAMIC, rela goes into a section.
#pragma once
#include <cstdint>
#include <map>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace careen::test {

class ElfBuilder {
 public:
  explicit ElfBuilder(std::string_view text) {
    std::istringstream lines{std::string(text)};
    for (std::string line; std::getline(lines, line);) read(line);
    lay_out();
  }
  const std::vector<uint8_t>& bytes() const { return image_; }

  static constexpr uint64_t kTables = 0x10000;

 private:
  struct Segment {
    uint32_t type, flags;
    uint64_t at, size, memory;
  };
  struct Symbol {
    std::string name, kind;
    uint64_t value, size;
  };
  struct Relocation {
    uint64_t where, type;
    std::string name;
    uint64_t addend;
  };

  static uint64_t hex(const std::string& s) { return std::stoull(s, nullptr, 16); }
  void put(uint64_t at, uint64_t value, size_t size) {
    if (image_.size() < at + size) image_.resize(at + size);
    for (size_t i = 0; i < size; ++i) image_[at + i] = static_cast<uint8_t>(value >> (8 * i));
  }

  void code(uint64_t at, std::istringstream& in) {
    for (std::string t; in >> t;) {
      if (t[0] == '@')
        put(at, hex(t.substr(1)) - (at + 4), 4), at += 4;
      else if (t[0] == '%')
        put(at, hex(t.substr(1)) - (at + 1), 1), at += 1;
      else
        put(at, hex(t), 1), at += 1;
    }
  }

  void read(const std::string& line) {
    std::istringstream in(line);
    std::string what, a, b, c, d;
    if (!(in >> what) || what[0] == '#') return;
    if (what == "code") {
      in >> a;
      return code(hex(a), in);
    }
    if (what == "relr") {
      while (in >> a) relr_.push_back(hex(a));
      return;
    }
    in >> a >> b >> c >> d;
    if (what == "load") {
      uint32_t flags = 0;
      for (char f : c) flags |= f == 'r' ? 4U : f == 'w' ? 2U : 1U;
      segments_.push_back({1, flags, hex(a), hex(b), hex(b)});
      put(hex(a) + hex(b) - 1, 0, 1);
    } else if (what == "segment") {
      segments_.push_back({static_cast<uint32_t>(hex(a)), 4, hex(b), hex(c), d.empty() ? hex(c) : hex(d)});
    } else if (what == "quad") {
      put(hex(a), hex(b), 8);
    } else if (what == "text") {
      for (size_t i = 0; i <= b.size(); ++i) put(hex(a) + i, i < b.size() ? static_cast<uint8_t>(b[i]) : 0, 1);
    } else if (what == "symbol" || what == "local") {
      (what == "local" ? locals_ : symbols_).push_back({a, b, hex(c), d.empty() ? 0 : hex(d)});
    } else if (what == "rela" || what == "plt") {
      static const std::map<std::string, uint64_t> types{{"64", 1}, {"glob_dat", 6}, {"jump_slot", 7}, {"relative", 8}, {"irelative", 37}};
      auto it = types.find(b);
      (what == "plt" ? plt_ : rela_).push_back({hex(a), it == types.end() ? hex(b) : it->second, c, hex(d)});
    } else if (what == "needed" || what == "soname" || what == "rpath" || what == "runpath") {
      names_.emplace_back(what == "needed" ? 1 : what == "soname" ? 14 : what == "rpath" ? 15 : 29, a);
    } else if (what == "dyn") {
      extra_.emplace_back(hex(a), hex(b));
    } else if (what == "type") {
      type_ = hex(a);
    } else if (what == "machine") {
      machine_ = hex(a);
    } else if (what == "entry") {
      entry_ = hex(a);
    } else if (what == "no-dynamic") {
      dynamic_ = false;
    } else if (what == "no-hash") {
      hash_ = false;
    } else {
      throw std::invalid_argument("elf_builder: " + line);
    }
  }

  static uint64_t add_string(std::string& table, const std::string& s) {
    uint64_t at = table.size();
    table += s + '\0';
    return at;
  }
  uint64_t append(const std::string& s) {
    image_.resize((image_.size() + 15) / 16 * 16);
    uint64_t at = image_.size();
    image_.insert(image_.end(), s.begin(), s.end());
    return at;
  }
  static void word(std::string& out, uint64_t v, size_t n) {
    for (size_t i = 0; i < n; ++i) out += static_cast<char>(i < 8 ? v >> (8 * i) : 0);
  }

  static std::string symbol_table(const std::vector<Symbol>& symbols, std::string& strings) {
    std::string out(24, '\0');
    for (const Symbol& s : symbols) {
      word(out, add_string(strings, s.name), 4);
      uint64_t kind = s.kind == "func" || s.kind == "import" ? 2 : s.kind == "ifunc" ? 10 : 1;
      word(out, 0x10 | kind, 1);
      word(out, 0, 1);
      word(out, s.kind == "import" ? 0 : 1, 2);
      word(out, s.value, 8);
      word(out, s.size, 8);
    }
    return out;
  }
  std::string relocation_table(const std::vector<Relocation>& list) const {
    std::string out;
    for (const Relocation& r : list) {
      uint64_t index = 0;
      for (size_t i = 0; i < symbols_.size(); ++i)
        if (symbols_[i].name == r.name) index = i + 1;
      word(out, r.where, 8);
      word(out, index << 32 | r.type, 8);
      word(out, r.addend, 8);
    }
    return out;
  }

  void lay_out() {
    uint64_t tables = image_.size() <= kTables ? kTables : (image_.size() + 0xfff) / 0x1000 * 0x1000;
    image_.resize(tables);
    std::string strings(1, '\0'), dyn;
    auto entry = [&](uint64_t tag, uint64_t value) { word(dyn, tag, 8), word(dyn, value, 8); };
    for (const auto& [tag, name] : names_) entry(tag, add_string(strings, name));
    std::string symbols = symbol_table(symbols_, strings);
    if (dynamic_) {
      entry(6, append(symbols)), entry(11, 24);
      if (hash_) {
        std::string h;
        for (uint64_t v : {uint64_t{1}, uint64_t{symbols_.size() + 1}, uint64_t{0}}) word(h, v, 4);
        h.resize(h.size() + 4 * (symbols_.size() + 1));
        entry(4, append(h));
      }
      entry(5, append(strings)), entry(10, strings.size());
      if (!rela_.empty()) entry(7, append(relocation_table(rela_))), entry(8, rela_.size() * 24);
      if (!plt_.empty()) entry(23, append(relocation_table(plt_))), entry(2, plt_.size() * 24), entry(20, 7);
      if (!relr_.empty()) {
        std::string words;
        for (uint64_t v : relr_) word(words, v, 8);
        entry(36, append(words)), entry(35, words.size());
      }
      for (const auto& [tag, value] : extra_) entry(tag, value);
      entry(0, 0);
      uint64_t at = append(dyn);
      segments_.push_back({2, 6, at, dyn.size(), dyn.size()});
    }
    uint64_t end = image_.size() < tables + 16 ? tables + 16 : image_.size();
    image_.resize(end);
    segments_.push_back({1, 6, tables, end - tables, end - tables});
    uint64_t sections = 0, count = 0;
    if (!locals_.empty() || (!dynamic_ && !rela_.empty())) {
      std::string names(1, '\0'), table = symbol_table(locals_, names), rela = relocation_table(rela_);
      uint64_t at_table = append(table), at_names = append(names), at_rela = append(rela);
      std::string headers(64, '\0');
      auto section = [&](uint64_t type, uint64_t at, uint64_t size, uint64_t link) {
        word(headers, 0, 4), word(headers, type, 4), word(headers, 0, 16), word(headers, at, 8), word(headers, size, 8);
        word(headers, link, 4), word(headers, 0, 20);
      };
      section(2, at_table, table.size(), 2);
      section(3, at_names, names.size(), 0);
      if (!dynamic_) section(4, at_rela, rela.size(), 1);
      sections = append(headers);
      count = headers.size() / 64;
    }
    headers(sections, count);
  }

  void headers(uint64_t sections, uint64_t section_count) {
    std::string h(
        "\x7f"
        "ELF\x02\x01\x01",
        7);
    h.resize(16);
    word(h, type_, 2), word(h, machine_, 2), word(h, 1, 4), word(h, entry_, 8), word(h, 64, 8), word(h, sections, 8), word(h, 0, 4);
    word(h, 64, 2), word(h, 56, 2), word(h, segments_.size(), 2), word(h, 64, 2), word(h, section_count, 2), word(h, 0, 2);
    for (const Segment& s : segments_) {
      word(h, s.type, 4), word(h, s.flags, 4), word(h, s.at, 8), word(h, s.at, 8), word(h, s.at, 8), word(h, s.size, 8);
      word(h, s.memory, 8), word(h, 0x1000, 8);
    }
    for (size_t i = 0; i < h.size(); ++i) image_[i] = static_cast<uint8_t>(h[i]);
  }

  std::vector<uint8_t> image_ = std::vector<uint8_t>(0x1000);
  std::vector<Segment> segments_;
  std::vector<Symbol> symbols_, locals_;
  std::vector<Relocation> rela_, plt_;
  std::vector<uint64_t> relr_;
  std::vector<std::pair<uint64_t, std::string>> names_;
  std::vector<std::pair<uint64_t, uint64_t>> extra_;
  uint64_t type_ = 3, machine_ = 62, entry_ = 0;
  bool dynamic_ = true, hash_ = true;
};

}  // namespace careen::test
