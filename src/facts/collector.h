// Collects the facts of one layer while its archive streams past.
//
// The collector reads entries from a TarReader or any reader of the same shape, hashes every regular file, searches
// patterns, and keeps for a closer look what facts/interest.h names. It runs in the worker process: it opens nothing, and the
// only descriptor that it writes to is the spool it was given. Files that need random access stay in memory up to
// kMaxInMemory and go to the spool beyond.
#pragma once
#include <functional>
#include <memory>

#include "archive/cpio.h"
#include "archive/tar.h"
#include "facts/layer_facts.h"

namespace careen {

inline constexpr uint64_t kMaxInMemory = 16ULL << 20;
inline constexpr uint64_t kDefaultSpoolLimit = 8ULL << 30;
inline constexpr uint64_t kDefaultMaxLayer = 64ULL << 30;
inline constexpr uint64_t kMaxLayerEntries = 50'000'000;

struct CollectOptions {
  std::shared_ptr<const PatternSet> patterns;
  int spool = -1;  // a descriptor of an unlinked file, or -1
  uint64_t spool_limit = kDefaultSpoolLimit;
  uint64_t max_layer = kDefaultMaxLayer;           // uncompressed bytes
  bool patterns_only = false;                      // the facts are known, a new pattern set is not
  std::function<void(FileTable::Chunk)> on_chunk;  // takes full chunks of the file table; else they stay in the facts
};

class Collector {
 public:
  Collector(CollectOptions options, LayerFacts& facts);
  ~Collector();
  Collector(const Collector&) = delete;
  Collector& operator=(const Collector&) = delete;

  // All entries to the end of the archive. An Error in the archive becomes a coverage row; what was read stands. Returns
  // false then.
  bool collect(TarReader& tar);
  bool collect(CpioReader& cpio);

  // One file without an archive, under this path. `size` may be a guess; it decides between memory and spool.
  Result<void> collect_file(const std::string& path, uint32_t mode, uint64_t size, ChunkSource& content);

  bool hit_limit() const;      // a named limit ended the reading, so the rest is not worth inflating
  double elf_seconds() const;  // spent on ELF structure so far

  // The package that an archive being read describes (.deb, .rpm, .apk): kept as a database of its own.
  void add_package(Package p, const std::string& database);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace careen
