#include "formats/patterns.h"

#include <hs/hs.h>

#include <algorithm>

#include "base/codec.h"
#include "base/text.h"

namespace careen {
namespace {

// A spec as an expression of Vectorscan: every byte as \xHH, wild ones as a dot.
std::string expression(const PatternSpec& p) {
  std::string e;
  e.reserve(p.bytes.size() * 4);
  for (size_t i = 0; i < p.bytes.size(); ++i) e += p.wild[i] != 0 ? std::string(".") : "\\x" + to_hex(&p.bytes[i], 1);
  return e;
}

Result<hs_database_t*> build(const std::vector<PatternSpec>& specs, bool any_file_only) {
  std::vector<std::string> texts;
  std::vector<unsigned> flags, ids;
  for (size_t i = 0; i < specs.size(); ++i) {
    if (any_file_only && !specs[i].any_file) continue;
    texts.push_back(expression(specs[i]));
    flags.push_back(HS_FLAG_DOTALL);
    ids.push_back(static_cast<unsigned>(i));
  }
  if (texts.empty()) return nullptr;
  std::vector<const char*> pointers;
  for (const auto& t : texts) pointers.push_back(t.c_str());
  hs_database_t* db = nullptr;
  hs_compile_error_t* error = nullptr;
  if (hs_compile_multi(pointers.data(), flags.data(), ids.data(), static_cast<unsigned>(pointers.size()), HS_MODE_STREAM, nullptr, &db, &error) != HS_SUCCESS) {
    std::string why = error != nullptr ? error->message : "unknown";
    std::string which = error != nullptr && error->expression >= 0 ? specs[ids[static_cast<size_t>(error->expression)]].id : "";
    hs_free_compile_error(error);
    return Error{Errc::corrupt, "pattern " + which + ": " + why};
  }
  return db;
}

}  // namespace

struct PatternSet::Impl {
  hs_database_t* all = nullptr;  // for ELF files
  hs_database_t* any = nullptr;  // for the others
  Impl() = default;
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
  ~Impl() {
    hs_free_database(all);
    hs_free_database(any);
  }
};

PatternSet::~PatternSet() = default;

Result<std::shared_ptr<const PatternSet>> PatternSet::compile(std::vector<PatternSpec> specs) {
  std::shared_ptr<PatternSet> set(new PatternSet);
  set->specs_ = std::move(specs);
  set->impl_ = std::make_unique<Impl>();
  if (set->specs_.size() > kMaxPatterns) return Error{Errc::limit, "more than 100000 patterns (kMaxPatterns)"};
  CAREEN_ASSIGN(set->impl_->all, build(set->specs_, false));
  CAREEN_ASSIGN(set->impl_->any, build(set->specs_, true));
  return std::shared_ptr<const PatternSet>(std::move(set));
}

Result<void> parse_pattern_text(std::string_view text, PatternSpec* into) {
  std::string digits;
  for (char c : text)
    if (c != ' ' && c != '\t' && c != '\n' && c != '\r') digits += c;
  if (digits.size() % 2 != 0) return Error{Errc::corrupt, "a pattern needs two hex digits or two question marks for each byte"};
  if (digits.empty() || digits.size() / 2 > kMaxPatternBytes) return Error{Errc::corrupt, "a pattern has 1 to 4000 bytes"};
  constexpr std::string_view kWild("\x3f\x3f");  // two question marks, which no literal may hold
  size_t run = 0, longest = 0;
  for (size_t i = 0; i < digits.size(); i += 2) {
    std::string_view two = std::string_view(digits).substr(i, 2);
    if (two == kWild) {
      into->bytes.push_back(0);
      into->wild.push_back(1);
      run = 0;
      continue;
    }
    auto b = from_hex(two);
    if (!b) return Error{Errc::corrupt, "'" + escape(two) + "' is neither a byte in hex nor two question marks"};
    into->bytes.push_back((*b)[0]);
    into->wild.push_back(0);
    longest = std::max(longest, ++run);
  }
  if (longest < kMinPatternBytes) return Error{Errc::corrupt, "a pattern needs 4 bytes in a row that are not wild, or it matches everywhere"};
  return {};
}

Sha256 digest_of_patterns(const std::vector<PatternSpec>& specs) {
  return sha256_of(as_bytes(encode(specs)));
}

struct PatternScanner::Impl {
  struct Window {
    size_t spec;
    uint64_t start, left;
    Hasher hasher{Algorithm::sha256};
  };
  std::shared_ptr<const PatternSet> set;
  hs_scratch_t* scratch = nullptr;
  hs_stream_t* stream = nullptr;
  const hs_database_t* database = nullptr;
  uint64_t fed = 0;
  size_t windows_begun = 0;
  bool capped = false;
  std::vector<std::pair<size_t, uint64_t>> hits;     // spec, offset
  std::vector<std::pair<size_t, uint64_t>> anchors;  // found in this chunk: spec, end of the anchor
  std::vector<Window> windows;

  static int on_match(unsigned id, unsigned long long, unsigned long long to, unsigned, void* context) {
    static_cast<Impl*>(context)->match(id, to);
    return 0;
  }

  void match(size_t id, uint64_t end) {
    const PatternSpec& s = set->specs()[id];
    uint64_t start = end - s.bytes.size();
    if (start % s.alignment != 0) return;
    if (s.window == 0) {
      keep(id, start);
    } else if (windows_begun >= kMaxWindowsPerFile || anchors.size() >= kMaxWindowsPerFile) {
      capped = true;
    } else {
      anchors.emplace_back(id, end);
      ++windows_begun;
    }
  }

  void keep(size_t id, uint64_t start) {
    auto same = std::count_if(hits.begin(), hits.end(), [&](const auto& h) { return h.first == id; });
    if (static_cast<size_t>(same) < kMaxHitsPerPattern) hits.emplace_back(id, start);
  }

  void feed_window(Window& w, Bytes data) {
    size_t n = static_cast<size_t>(std::min<uint64_t>(w.left, data.size()));
    w.hasher.update(data.first(n));
    w.left -= n;
    if (w.left == 0 && w.hasher.sha256() == set->specs()[w.spec].window_sha256) keep(w.spec, w.start);
  }

  void feed_windows(Bytes data, uint64_t chunk_at) {
    for (Window& w : windows) feed_window(w, data);
    std::erase_if(windows, [](const Window& w) { return w.left == 0; });
    for (const auto& [id, end] : anchors) {
      const PatternSpec& s = set->specs()[id];
      Window w{id, end - s.bytes.size(), s.window};
      feed_window(w, s.bytes);  // an anchor has no wild bytes, so these are the bytes of the file
      if (w.left != 0) feed_window(w, data.subspan(static_cast<size_t>(end - chunk_at)));
      if (w.left == 0) continue;
      if (windows.size() >= kMaxOpenWindows)
        capped = true;
      else
        windows.push_back(std::move(w));
    }
    anchors.clear();
  }
};

PatternScanner::PatternScanner(std::shared_ptr<const PatternSet> set) : impl_(std::make_unique<Impl>()) {
  impl_->set = std::move(set);
  for (hs_database_t* db : {impl_->set->impl_->all, impl_->set->impl_->any})
    if (db != nullptr) CAREEN_CHECK(hs_alloc_scratch(db, &impl_->scratch) == HS_SUCCESS);
}

PatternScanner::~PatternScanner() {
  if (impl_->stream != nullptr) hs_close_stream(impl_->stream, nullptr, nullptr, nullptr);
  hs_free_scratch(impl_->scratch);
}

void PatternScanner::begin(bool elf) {
  Impl& i = *impl_;
  const hs_database_t* db = elf ? i.set->impl_->all : i.set->impl_->any;
  i.fed = 0;
  i.windows_begun = 0;
  i.capped = false;
  i.hits.clear();
  i.windows.clear();
  if (db == i.database && i.stream != nullptr) {
    hs_reset_stream(i.stream, 0, nullptr, nullptr, nullptr);
    return;
  }
  if (i.stream != nullptr) hs_close_stream(i.stream, nullptr, nullptr, nullptr);
  i.stream = nullptr;
  i.database = db;
  if (db != nullptr) CAREEN_CHECK(hs_open_stream(db, 0, &i.stream) == HS_SUCCESS);
}

void PatternScanner::feed(Bytes data) {
  Impl& i = *impl_;
  if (i.stream == nullptr) return;
  uint64_t at = i.fed;
  // Vectorscan takes lengths of 32 bits.
  CAREEN_CHECK(data.size() < (1U << 31));
  hs_scan_stream(i.stream, as_text(data).data(), static_cast<unsigned>(data.size()), 0, i.scratch, Impl::on_match, &i);
  i.fed += data.size();
  if (!i.windows.empty() || !i.anchors.empty()) i.feed_windows(data, at);
}

std::vector<PatternHit> PatternScanner::finish(bool* capped) {
  Impl& i = *impl_;
  std::vector<PatternHit> out;
  for (const auto& [id, at] : i.hits) out.push_back({i.set->specs()[id].id, at});
  std::sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return std::tie(a.id, a.offset) < std::tie(b.id, b.offset); });
  *capped = i.capped;
  return out;
}

}  // namespace careen
