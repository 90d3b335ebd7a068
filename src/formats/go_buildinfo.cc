// The build information of Go programs, in the forms of Go's debug/buildinfo: since Go 1.18 the texts stand behind the record, before that
// the record holds pointers to them.
#include "base/text.h"
#include "formats/language.h"

namespace careen {
namespace {

constexpr std::string_view kMagic = "\xff Go buildinf:";
constexpr uint64_t kAlign = 16, kHeader = 32, kSearched = 1 << 20, kWindow = 64 << 10;

std::optional<uint64_t> find_magic(const FileView& file, const FileRange& range) {
  std::vector<uint8_t> window(kWindow);
  uint64_t size = range.offset < file.size() ? std::min({range.size, file.size() - range.offset, kSearched}) : 0;
  for (uint64_t at = 0; at + kHeader <= size; at += kWindow - kAlign) {
    size_t n = static_cast<size_t>(std::min<uint64_t>(kWindow, size - at));
    Bytes part = file.in_place(range.offset + at, n);
    if (part.empty()) {
      if (!file.read(range.offset + at, std::span(window).first(n))) return std::nullopt;
      part = Bytes(window).first(n);
    }
    std::string_view text = as_text(part);
    for (size_t hit = 0; (hit = text.find(kMagic, hit)) != std::string_view::npos; ++hit)
      if ((range.offset + at + hit) % kAlign == 0) return range.offset + at + hit;
  }
  return std::nullopt;
}

// A string behind its length as a varint. Moves past it.
std::optional<std::string> read_string(const FileView& file, uint64_t* at, uint64_t limit) {
  uint64_t n = 0;
  for (unsigned shift = 0;; shift += 7) {
    std::array<uint8_t, 1> b{};
    if (shift > 56 || !file.read(*at, b)) return std::nullopt;
    ++*at;
    n |= static_cast<uint64_t>(b[0] & 0x7FU) << shift;
    if (b[0] < 0x80) break;
  }
  if (n > limit) return std::nullopt;
  std::string s(static_cast<size_t>(n), '\0');
  if (n != 0 && !file.read(*at, {reinterpret_cast<uint8_t*>(s.data()), s.size()})) return std::nullopt;
  *at += n;
  return s;
}

uint64_t load_pointer(Bytes b, size_t at, size_t size, Endian e) {
  if (at + size > b.size()) return 0;
  return size == 8 ? load<uint64_t>(b.data() + at, e) : size == 4 ? load<uint32_t>(b.data() + at, e) : 0;
}

// Go's strings by address: a pointer to a pointer and a length.
struct Pointers {
  const FileView& file;
  const std::function<std::optional<uint64_t>(uint64_t)>& offset_of;
  size_t size;
  Endian endian;

  std::optional<std::string> text(uint64_t address, uint64_t limit) const {
    std::array<uint8_t, 16> header{};
    auto at = (size == 4 || size == 8) && address != 0 ? offset_of(address) : std::nullopt;
    if (!at || !file.read(*at, std::span(header).first(2 * size))) return std::nullopt;
    uint64_t length = load_pointer(header, size, size, endian);
    auto data = offset_of(load_pointer(header, 0, size, endian));
    if (length == 0) return std::string();
    if (!data || length > limit) return std::nullopt;
    std::string s(static_cast<size_t>(length), '\0');
    if (!file.read(*data, {reinterpret_cast<uint8_t*>(s.data()), s.size()})) return std::nullopt;
    return s;
  }
};

// "go1.22.1 X:nocoverageredesign", "devel go1.23-abc", "go1.22rc1": what advisories call 1.22.1 and 1.22.0-rc1. "" for what has no number.
std::string stdlib_version(std::string_view v) {
  v = v.substr(0, v.find(' '));
  if (!v.starts_with("go")) return "";
  v.remove_prefix(2);
  size_t letters = v.find_first_not_of("0123456789.");
  std::string number(v.substr(0, letters));
  if (letters == std::string_view::npos) return number;
  if (v[letters] == '-' || v[letters] == '+') return number;
  if (std::count(number.begin(), number.end(), '.') < 2) number += ".0";
  return number + "-" + std::string(v.substr(letters));
}

// v1.2.3+incompatible is 1.2.3+incompatible; (devel) is no version.
std::string module_version(std::string_view v) {
  if (v.starts_with('v')) v.remove_prefix(1);
  return v == "(devel)" ? "" : std::string(v);
}

}  // namespace

std::vector<Package> parse_go_modules(std::string_view go_version, std::string_view text) {
  std::vector<Package> out;
  auto put = [&](std::string_view name, std::string_view version) {
    if (name.empty() || name.find('\0') != std::string_view::npos || name.size() > kMaxPackageName || version.size() > kMaxPackageName ||
        out.size() >= kMaxLanguagePackages)
      return;
    Package p;
    p.type = PackageType::golang;
    p.name = name;
    p.version = version;
    out.push_back(std::move(p));
  };
  if (std::string v = stdlib_version(go_version); !v.empty()) put("stdlib", v);
  bool follows = false;  // a module that the next line may replace
  each_line(text, [&](std::string_view line) {
    auto part = split(line, '\t');
    if (part.size() < 2) return true;
    if ((part[0] == "mod" || part[0] == "dep") && part.size() >= 3) {
      size_t before = out.size();
      put(part[1], module_version(part[2]));
      follows = out.size() > before;
    } else if (part[0] == "=>" && part.size() >= 3 && follows) {
      // A local folder that stands for a module is of no version.
      bool local = part[1].starts_with("./") || part[1].starts_with("../") || part[1].starts_with('/');
      bool usable = !part[1].empty() && part[1].size() <= kMaxPackageName && part[2].size() <= kMaxPackageName && part[1].find('\0') == std::string_view::npos;
      if (!local && usable) out.back().name = part[1];
      out.back().version = local || !usable ? "" : module_version(part[2]);
      follows = false;
    }
    return true;
  });
  return out;
}

LanguagePackages parse_go_build_info(const FileView& file, const std::vector<FileRange>& writable,
                                     const std::function<std::optional<uint64_t>(uint64_t)>& offset_of) {
  LanguagePackages out;
  std::optional<uint64_t> at;
  for (const FileRange& r : writable)
    if (!at) at = find_magic(file, r);
  if (!at) return out;
  std::array<uint8_t, kHeader> header{};
  if (!file.read(*at, header)) return out;
  std::optional<std::string> version, modules;
  if ((header[15] & 2U) != 0) {
    uint64_t p = *at + kHeader;
    version = read_string(file, &p, 1024);
    if (version) modules = read_string(file, &p, kMaxGoModules);
  } else {
    Pointers pointers{file, offset_of, header[14], (header[15] & 1U) != 0 ? Endian::big : Endian::little};
    version = pointers.text(load_pointer(header, 16, pointers.size, pointers.endian), 1024);
    modules = pointers.text(load_pointer(header, 16U + pointers.size, pointers.size, pointers.endian), kMaxGoModules);
    if (version && !modules) {
      if (load_pointer(header, 16U + pointers.size, pointers.size, pointers.endian) != 0)
        out.problem = "build information of Go whose modules are not where it says";
      modules = "";  // the version stands
    }
  }
  if (!version || !modules) {
    out.problem = "build information of Go that is cut, too long, or points nowhere";
    return out;
  }
  // Sixteen bytes before and after mark the text for the run time.
  bool framed = modules->size() >= 33 && (*modules)[modules->size() - 17] == '\n';
  modules = framed ? modules->substr(16, modules->size() - 32) : "";
  out.packages = parse_go_modules(*version, *modules);
  return out;
}

}  // namespace careen
