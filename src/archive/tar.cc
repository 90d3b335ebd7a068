#include "archive/tar.h"

#include "base/text.h"

namespace careen {
namespace {

using Block = std::array<uint8_t, 512>;

Error bad(uint64_t at, std::string what) {
  return {Errc::corrupt, "tar: " + std::move(what) + " (offset " + std::to_string(at) + ")"};
}

std::string_view field(const Block& b, size_t at, size_t size) {
  std::string_view s = as_text(Bytes(b).subspan(at, size));
  return s.substr(0, s.find('\0'));
}

// Octal with spaces and NULs around it, or base 256 when the first bit is set. Negative numbers are refused.
std::optional<uint64_t> number(const Block& b, size_t at, size_t size) {
  Bytes raw = Bytes(b).subspan(at, size);
  if ((raw[0] & 0x80U) != 0) {
    if (raw[0] == 0xFF) return std::nullopt;
    uint64_t v = raw[0] & 0x7FU;
    for (size_t i = 1; i < size; ++i) {
      if (v >> 56 != 0) return std::nullopt;
      v = v << 8 | raw[i];
    }
    return v >> 63 != 0 ? std::nullopt : std::optional(v);
  }
  std::string_view s = as_text(raw);
  while (!s.empty() && (s.front() == ' ' || s.front() == '\0')) s.remove_prefix(1);
  s = s.substr(0, s.find('\0'));
  while (!s.empty() && s.back() == ' ') s.remove_suffix(1);
  uint64_t v = 0;
  for (char c : s) {
    if (c < '0' || c > '7' || v >> 60 != 0) return std::nullopt;
    v = v << 3 | static_cast<uint64_t>(c - '0');
  }
  return v;
}

bool is_number(const Block& b, size_t at, size_t size) {
  return (b[at] & 0xC0U) == 0xC0U || number(b, at, size).has_value();
}

// The sum of the header's bytes with the sum field as blanks; old writers summed signed characters.
bool checksum_fits(const Block& b) {
  auto want = number(b, 148, 8);
  if (!want) return false;
  uint64_t plain = 0;
  int64_t with_sign = 0;
  for (size_t i = 0; i < b.size(); ++i) {
    uint8_t c = i >= 148 && i < 156 ? ' ' : b[i];
    plain += c;
    with_sign += static_cast<int8_t>(c);
  }
  return *want == plain || (with_sign >= 0 && *want == static_cast<uint64_t>(with_sign));
}

bool is_zero(const Block& b) {
  return std::all_of(b.begin(), b.end(), [](uint8_t c) { return c == 0; });
}

// The part of a name that stands in the header's tail, by the header's form, as Go tells the forms apart: the magic counts to
// its last byte; star's prefix is shorter; and a GNU header whose times are no numbers is one that Go before 1.8 wrote.
std::string_view prefix_of(const Block& b) {
  std::string_view magic = as_text(Bytes(b).subspan(257, 8));
  if (magic.starts_with(std::string_view("ustar\0", 6)))
    return as_text(Bytes(b).subspan(508, 4)) == std::string_view("tar\0", 4) ? field(b, 345, 131) : field(b, 345, 155);
  if (magic != std::string_view("ustar  \0", 8)) return {};
  bool times = (b[345] == 0 || is_number(b, 345, 12)) && (b[357] == 0 || is_number(b, 357, 12));
  std::string_view prefix = field(b, 345, 155);
  bool ascii = std::all_of(prefix.begin(), prefix.end(), [](char c) { return (c & 0x80) == 0; });
  return times || !ascii ? std::string_view{} : prefix;
}

uint64_t round_up(uint64_t n) {
  return (n + 511) / 512 * 512;
}

}  // namespace

Result<Bytes> TarReader::take(uint64_t at_most) {
  if (chunk_.empty()) {
    CAREEN_ASSIGN(chunk_, from_.next());
  }
  Bytes part = chunk_.first(static_cast<size_t>(std::min<uint64_t>(at_most, chunk_.size())));
  chunk_ = chunk_.subspan(part.size());
  position_ += part.size();
  return part;
}

Result<bool> TarReader::block(Block& b) {
  size_t have = 0;
  while (have < b.size()) {
    CAREEN_ASSIGN(Bytes part, take(b.size() - have));
    if (part.empty()) {
      if (have == 0) return false;
      return Error{Errc::truncated, "tar: ends inside a header (offset " + std::to_string(position_) + ")"};
    }
    std::memcpy(b.data() + have, part.data(), part.size());
    have += part.size();
  }
  return true;
}

Result<std::string> TarReader::body(uint64_t size, uint64_t limit, const char* what) {
  if (size > limit)
    return Error{Errc::limit, std::string("tar: ") + what + " of " + std::to_string(size) + " bytes (offset " + std::to_string(position_) + ")"};
  std::string out;
  out.reserve(size);
  while (out.size() < size) {
    CAREEN_ASSIGN(Bytes part, take(size - out.size()));
    if (part.empty()) return Error{Errc::truncated, std::string("tar: ends inside ") + what};
    out += as_text(part);
  }
  CAREEN_TRY(skip(round_up(size) - size));
  return out;
}

Result<void> TarReader::skip(uint64_t n) {
  while (n != 0) {
    CAREEN_ASSIGN(Bytes part, take(n));
    if (part.empty()) return Error{Errc::truncated, "tar: ends inside an entry (offset " + std::to_string(position_) + ")"};
    n -= part.size();
  }
  return {};
}

// The zeros after an entry's content may be missing at the very end of a stream.
Result<void> TarReader::skip_padding() {
  while (padding_ != 0) {
    CAREEN_ASSIGN(Bytes part, take(padding_));
    if (part.empty()) break;
    padding_ -= part.size();
  }
  padding_ = 0;
  return {};
}

Result<void> TarReader::read_pax(std::string_view records, Extended& x) {
  while (!records.empty() && records.find_first_not_of('\0') != std::string_view::npos) {
    size_t space = records.find(' ');
    auto length = to_number(records.substr(0, space));
    if (space == std::string_view::npos || !length || *length < space + 3 || *length > records.size() || records[*length - 1] != '\n')
      return bad(position_, "malformed pax record");
    std::string_view record = records.substr(space + 1, *length - space - 2);
    records.remove_prefix(*length);
    size_t eq = record.find('=');
    if (eq == std::string_view::npos || eq == 0) return bad(position_, "pax record without a key");
    std::string_view key = record.substr(0, eq), value = record.substr(eq + 1);

    auto text = [&](std::optional<std::string>& into) -> Result<void> {
      if (value.size() > kMaxTarName) return Error{Errc::limit, "tar: name longer than 64 KiB (kMaxTarName)"};
      if (value.find('\0') != std::string_view::npos) return bad(position_, "NUL byte in a pax name");
      if (value.empty())
        into.reset();
      else
        into = std::string(value);
      return {};
    };
    auto count = [&](std::optional<uint64_t>& into) -> Result<void> {
      if (value.empty()) return into.reset(), Result<void>{};
      into = to_number(value);
      return into ? Result<void>{} : bad(position_, "pax " + escape(key) + " is not a number");
    };
    if (key == "path")
      CAREEN_TRY(text(x.path));
    else if (key == "GNU.sparse.name")
      CAREEN_TRY(text(x.sparse_name));
    else if (key == "linkpath")
      CAREEN_TRY(text(x.link));
    else if (key == "size")
      CAREEN_TRY(count(x.size));
    else if (key == "uid")
      CAREEN_TRY(count(x.uid));
    else if (key == "gid")
      CAREEN_TRY(count(x.gid));
    else if (key == "GNU.sparse.size") {
      CAREEN_TRY(count(x.sparse_size));
    } else if (key == "GNU.sparse.realsize") {
      CAREEN_TRY(count(x.real_size));
    } else if (key == "GNU.sparse.major" || key == "GNU.sparse.minor") {
      auto v = to_number(value);
      if (!v || *v > 9) return bad(position_, "unknown sparse format");
      (key.ends_with("major") ? x.sparse_major : x.sparse_minor) = static_cast<int>(*v);
    } else if (key == "GNU.sparse.offset") {
      CAREEN_TRY(count(x.hole_start));
    } else if (key == "GNU.sparse.numbytes") {
      auto v = to_number(value);
      if (!v || !x.hole_start || x.sparse.size() >= kMaxSparseFragments) return bad(position_, "malformed sparse map");
      x.sparse.push_back({*x.hole_start, *v});
      x.hole_start.reset();
    } else if (key == "GNU.sparse.map") {
      auto parts = split(value, ',');
      if (parts.size() % 2 != 0 || parts.size() / 2 > kMaxSparseFragments) return bad(position_, "malformed sparse map");
      for (size_t i = 0; i < parts.size(); i += 2) {
        auto a = to_number(parts[i]), b = to_number(parts[i + 1]);
        if (!a || !b) return bad(position_, "malformed sparse map");
        x.sparse.push_back({*a, *b});
      }
    }
  }
  return {};
}

// The old GNU form: four fragments in the header, then blocks of 21.
Result<void> TarReader::read_gnu_sparse(const Block& header, Extended& x) {
  auto add = [&](const Block& b, size_t at, size_t n) -> Result<bool> {
    for (size_t i = 0; i < n; ++i, at += 24) {
      if (b[at] == 0) return false;
      auto offset = number(b, at, 12), length = number(b, at + 12, 12);
      if (!offset || !length) return bad(position_, "malformed sparse map");
      if (x.sparse.size() >= kMaxSparseFragments) return Error{Errc::limit, "tar: more than 65536 sparse fragments (kMaxSparseFragments)"};
      x.sparse.push_back({*offset, *length});
    }
    return true;
  };
  CAREEN_TRY(add(header, 386, 4));
  x.real_size = number(header, 483, 12);
  if (!x.real_size) return bad(position_, "malformed sparse size");
  bool more = header[482] != 0;
  while (more) {
    Block b;
    CAREEN_ASSIGN(bool ok, block(b));
    if (!ok) return Error{Errc::truncated, "tar: ends inside a sparse map"};
    CAREEN_TRY(add(b, 0, 21));
    more = b[504] != 0;
  }
  return {};
}

// Sparse format 1.0: the map stands before the data, as decimal lines filled up to a block.
Result<void> TarReader::read_sparse_map(Extended& x) {
  std::string text;
  auto more = [&]() -> Result<void> {
    Block b;
    if (left_ < b.size()) return bad(position_, "sparse map longer than the entry");
    CAREEN_ASSIGN(bool ok, block(b));
    if (!ok) return Error{Errc::truncated, "tar: ends inside a sparse map"};
    left_ -= b.size();
    text += as_text(b);
    return {};
  };
  size_t at = 0;
  auto line = [&]() -> Result<uint64_t> {
    size_t end;
    while ((end = text.find('\n', at)) == std::string::npos) {
      if (text.size() > at + 512) return bad(position_, "malformed sparse map");
      CAREEN_TRY(more());
    }
    auto v = to_number(std::string_view(text).substr(at, end - at));
    at = end + 1;
    if (!v) return bad(position_, "malformed sparse map");
    return *v;
  };
  CAREEN_ASSIGN(uint64_t n, line());
  if (n > kMaxSparseFragments) return Error{Errc::limit, "tar: more than 65536 sparse fragments (kMaxSparseFragments)"};
  for (uint64_t i = 0; i < n; ++i) {
    CAREEN_ASSIGN(uint64_t offset, line());
    CAREEN_ASSIGN(uint64_t length, line());
    x.sparse.push_back({offset, length});
  }
  return {};
}

Result<void> TarReader::start_sparse(const Extended& x, TarEntry& entry) {
  if (!x.real_size) return bad(position_, "sparse file without its size");
  if (*x.real_size > kMaxTarEntry) return Error{Errc::limit, "tar: sparse file larger than 1 TiB (kMaxTarEntry)"};
  uint64_t end = 0, sum = 0;
  for (const Fragment& f : x.sparse) {
    if (f.offset < end || f.length > *x.real_size || f.offset > *x.real_size - f.length) return bad(position_, "sparse fragments overlap or pass the end");
    end = f.offset + f.length;
    sum += f.length;
  }
  if (sum != left_) return bad(position_, "sparse map does not fit the stored size");
  fragments_ = x.sparse;
  std::erase_if(fragments_, [](const Fragment& f) { return f.length == 0; });
  sparse_ = true;
  logical_size_ = entry.size = *x.real_size;
  return {};
}

Result<bool> TarReader::next(TarEntry& entry) {
  if (ended_) return false;
  CAREEN_TRY(skip(left_));
  left_ = 0;
  CAREEN_TRY(skip_padding());
  sparse_ = false;
  fragment_ = 0;
  logical_ = logical_size_ = 0;

  struct LongNames {
    std::string path, link;
  } long_names;  // GNU's, stronger than pax records wherever they stand
  Extended x;
  bool announced = false;  // an extended header was read, and its entry must follow
  for (;;) {
    Block b;
    uint64_t at = position_;
    CAREEN_ASSIGN(bool ok, block(b));
    if (announced && (!ok || is_zero(b))) return Error{Errc::truncated, "tar: ends after an extended header (offset " + std::to_string(at) + ")"};
    if (!ok) return ended_ = true, false;
    if (is_zero(b)) {
      CAREEN_ASSIGN(bool second, block(b));
      if (second && !is_zero(b)) return bad(at, "a header after a single zero block");
      return ended_ = true, false;
    }
    if (!checksum_fits(b)) return bad(at, "header checksum is wrong");
    auto size = number(b, 124, 12);
    if (!size) return bad(at, "malformed size");
    char flag = static_cast<char>(b[156]);

    if (flag == 'x' || flag == 'g') {
      CAREEN_ASSIGN(std::string records, body(*size, kMaxPaxBytes, "pax header"));
      if (flag == 'g') long_names = {};
      x = {};  // the last header alone counts; one for all entries ends what was said of the next
      CAREEN_TRY(read_pax(records, x));
      if (flag == 'g') x = {};  // and carries nothing that matters here
      announced = flag == 'x';
      continue;
    }
    if (flag == 'L' || flag == 'K') {
      CAREEN_ASSIGN(std::string name, body(*size, kMaxTarName, "long name"));
      name.resize(std::min(name.size(), name.find('\0')));
      (flag == 'L' ? long_names.path : long_names.link) = std::move(name);
      announced = true;
      continue;
    }

    entry = {};
    entry.path = field(b, 0, 100);
    if (std::string_view prefix = prefix_of(b); !prefix.empty()) entry.path = std::string(prefix) + "/" + entry.path;
    entry.link = field(b, 157, 100);
    entry.mode = static_cast<uint32_t>(number(b, 100, 8).value_or(0) & 07777);
    entry.uid = x.uid.value_or(number(b, 108, 8).value_or(0));
    entry.gid = x.gid.value_or(number(b, 116, 8).value_or(0));
    if (x.path) entry.path = *x.path;
    if (x.link) entry.link = *x.link;
    if (!long_names.path.empty()) entry.path = long_names.path;
    if (!long_names.link.empty()) entry.link = long_names.link;
    // A version that is not known says nothing, and the records of a file that is not sparse change nothing.
    bool versioned = x.sparse_major >= 0 || x.sparse_minor >= 0;
    bool pax_sparse =
        versioned ? (x.sparse_major == 0 && (x.sparse_minor == 0 || x.sparse_minor == 1)) || (x.sparse_major == 1 && x.sparse_minor == 0) : !x.sparse.empty();
    if (flag == 'S') pax_sparse = false;
    if (pax_sparse && x.sparse_name) entry.path = *x.sparse_name;
    uint64_t stored = x.size.value_or(*size);
    if (stored > kMaxTarEntry) return Error{Errc::limit, "tar: entry larger than 1 TiB (kMaxTarEntry)"};

    switch (flag) {
      case '1':
        entry.type = FileType::hardlink;
        break;
      case '2':
        entry.type = FileType::symlink;
        break;
      case '3':
        entry.type = FileType::character;
        break;
      case '4':
        entry.type = FileType::block;
        break;
      case '5':
      case 'D':
        entry.type = FileType::directory;
        break;
      case '6':
        entry.type = FileType::fifo;
        break;
      default:
        entry.type = FileType::regular;
    }
    bool old_directory = flag == '\0' && entry.path.ends_with('/');  // for '0' the slash means nothing: the data is a file's
    if (old_directory) entry.type = FileType::directory;
    if (old_directory || (flag >= '1' && flag <= '6')) stored = 0;  // such an entry has no data, whatever its size says
    if (x.sparse_size) x.real_size = x.sparse_size;
    if (flag == 'S') {
      x.sparse.clear();
      CAREEN_TRY(read_gnu_sparse(b, x));
    }
    left_ = stored;
    padding_ = round_up(stored) - stored;
    entry.offset = position_;
    if (flag == 'V' || flag == 'M' || flag == 'N') {  // volume labels and the like are no files
      CAREEN_TRY(skip(left_));
      left_ = 0;
      CAREEN_TRY(skip_padding());
      x = {};
      long_names = {};
      announced = false;
      continue;
    }
    if (entry.type == FileType::regular) {
      entry.size = stored;
      if (flag == 'S' || pax_sparse) {
        if (pax_sparse && x.sparse_major == 1) {
          x.sparse.clear();
          CAREEN_TRY(read_sparse_map(x));
        }
        entry.offset = position_;
        CAREEN_TRY(start_sparse(x, entry));
      }
      entry.stored = left_;
    }
    return true;
  }
}

Result<Bytes> TarReader::content() {
  static const std::vector<uint8_t> zeros(256 << 10);
  if (sparse_) {
    if (logical_ == logical_size_) return Bytes{};
    uint64_t data_at = fragment_ < fragments_.size() ? fragments_[fragment_].offset : logical_size_;
    if (logical_ < data_at) {
      uint64_t n = std::min<uint64_t>(data_at - logical_, zeros.size());
      if ((holes_ += n) > kMaxHoleBytes) return Error{Errc::limit, "tar: holes of sparse files larger than 4 GiB together (kMaxHoleBytes)"};
      logical_ += n;
      return Bytes(zeros.data(), static_cast<size_t>(n));
    }
    const Fragment& f = fragments_[fragment_];
    CAREEN_ASSIGN(Bytes part, take(f.offset + f.length - logical_));
    if (part.empty()) return Error{Errc::truncated, "tar: ends inside a file"};
    logical_ += part.size();
    left_ -= part.size();
    if (logical_ == f.offset + f.length) ++fragment_;
    return part;
  }
  if (left_ == 0) return Bytes{};
  CAREEN_ASSIGN(Bytes part, take(left_));
  if (part.empty()) return Error{Errc::truncated, "tar: ends inside a file (offset " + std::to_string(position_) + ")"};
  left_ -= part.size();
  return part;
}

Result<uint64_t> TarReader::drain_rest() {
  uint64_t count = 0;
  for (;;) {
    CAREEN_ASSIGN(Bytes part, take(UINT64_MAX));
    if (part.empty()) return count;
    count += static_cast<uint64_t>(std::count_if(part.begin(), part.end(), [](uint8_t c) { return c != 0; }));
  }
}

}  // namespace careen
