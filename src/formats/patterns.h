// Byte patterns and windows, searched in a file while it streams past.
//
// A pattern is a fixed length of bytes, some of them wild. A window is an anchor (a fixed run of bytes, at an aligned offset)
// after which, counted from the anchor's start, a given length has a given SHA-256: it names a large table by a short text
// without carrying the table. Patterns reach this point as text and are compiled in memory with Vectorscan, so that careen's
// own files contain none of them.
//
// PatternSet is immutable and shared by threads; a PatternScanner belongs to one thread and one file at a time.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "digest/digest.h"

namespace careen {

inline constexpr size_t kMaxPatterns = 100'000;
inline constexpr size_t kMinPatternBytes = 4;     // that are not wild, in one run
inline constexpr size_t kMaxPatternBytes = 4000;  // Vectorscan takes expressions of 16000 characters
inline constexpr size_t kMaxHitsPerPattern = 4;   // kept of one file
inline constexpr size_t kMaxOpenWindows = 1024;
inline constexpr size_t kMaxWindowsPerFile = 100'000;

struct PatternSpec {
  std::string id;  // unique in a set
  std::vector<uint8_t> bytes;
  std::vector<uint8_t> wild;  // as long as bytes; 1 where any byte will do
  bool any_file = false;      // else ELF files alone
  uint64_t window = 0;        // length; 0 for a plain pattern
  uint32_t alignment = 1;
  Sha256 window_sha256{};
};

template <class A>
void fields(A& a, PatternSpec& p) {
  a(p.id), a(p.bytes), a(p.wild), a(p.any_file), a(p.window), a(p.alignment), a(p.window_sha256);
}

// "48 8D ? ? 24", a wild byte written as two question marks, to bytes and wild; an Error says what is wrong where.
Result<void> parse_pattern_text(std::string_view text, PatternSpec* into);

struct PatternHit {
  std::string id;
  uint64_t offset = 0;
};

class PatternSet {
 public:
  static Result<std::shared_ptr<const PatternSet>> compile(std::vector<PatternSpec> specs);
  ~PatternSet();
  PatternSet(const PatternSet&) = delete;
  PatternSet& operator=(const PatternSet&) = delete;
  const std::vector<PatternSpec>& specs() const { return specs_; }

 private:
  PatternSet() = default;
  friend class PatternScanner;
  struct Impl;
  std::vector<PatternSpec> specs_;
  std::unique_ptr<Impl> impl_;
};

// The identity of a set: the SHA-256 of its specs.
Sha256 digest_of_patterns(const std::vector<PatternSpec>& specs);

class PatternScanner {
 public:
  explicit PatternScanner(std::shared_ptr<const PatternSet> set);
  ~PatternScanner();
  PatternScanner(const PatternScanner&) = delete;
  PatternScanner& operator=(const PatternScanner&) = delete;

  void begin(bool elf);
  void feed(Bytes data);
  // The hits by id and offset; *capped when kMaxWindowsPerFile or kMaxOpenWindows cut the search.
  std::vector<PatternHit> finish(bool* capped);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace careen
