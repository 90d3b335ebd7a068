// From a key (part of a digest, or a hash of a name) to the numbers of what has it, and a dictionary of distinct paths: how an
// inventory answers without reading an image. Contents and paths of files lead to pieces of file tables (pieces.h), and those to layers; other names
// lead to layers at once. In SQLite as sorted runs (runs.h), in PostgreSQL as plain tables
// (posting_table.h).
//
// Nothing here begins a transaction: what writes is called inside the caller's, so that a kill leaves either all of a layer or
// nothing of it. Used by one thread at a time.
#pragma once
#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace careen {

struct Posting {
  uint64_t key = 0;
  int64_t value = 0;  // not negative
  auto operator<=>(const Posting&) const = default;
};

class ReverseIndex {
 public:
  // files: contents to layers, as inventories before schema 5 had them; names: to layers; paths: the dictionary; contents: contents and paths to
  // pieces; pieces: to layers.
  enum class Family : uint8_t { files = 1, names, paths, contents, pieces };
  static constexpr std::array kFamilies = {Family::files, Family::names, Family::paths, Family::contents, Family::pieces};

  virtual ~ReverseIndex() = default;

  // `postings` ascending and distinct; keys of kKeyBits bits at most.
  virtual bool add(Family family, const std::vector<Posting>& postings) = 0;
  virtual bool add(const std::vector<std::string>& paths) = 0;  // ascending and distinct

  // Puts a part of what was added into better order; false when a write failed (last_sql_error()). merge_due(): whether there may be something to
  // do, until merge() has found that there is not.
  virtual bool merge() { return true; }
  virtual bool merge_due() const { return false; }
  virtual bool merge_begun() const { return false; }  // a merge() waits for another, which puts its work in place
  virtual bool merge_all() { return true; }

  // The values of each key, ascending; `keys` ascending. f is called for keys that have any.
  // False when part of the index could not be read: the answer is not whole.
  virtual bool find(Family family, const std::vector<uint64_t>& keys, const std::function<void(uint64_t key, const std::vector<int64_t>& values)>& f) = 0;
  // Every path from `from` on and before `to` ("" for no end) that holds `part`, maybe several times, in no order; false from f stops.
  virtual bool scan_paths(const std::string& from, const std::string& to, const std::string& part, const std::function<bool(const std::string& path)>& f) = 0;

  // Walks everything; what is wrong in words.
  virtual std::vector<std::string> problems() = 0;
};

}  // namespace careen
