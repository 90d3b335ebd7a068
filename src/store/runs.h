// Reverse indexes of an inventory (reverse_index.h) as sorted runs in SQLite.
//
// What a layer brings is written once as a small sorted run. When kFanInFirst runs of the lowest level have gathered they are
// merged and cut by key into kShards shards; from there on, kFanIn runs of one level and shard make one of the next. So each
// entry is written a few times, always in order, each merge is small, and a question looks into a few dozen runs. This is the
// size-tiered form of the log-structured merge tree (O'Neil and others, 1996).
//
// A run is a row of `inv_run`, its blocks are rows of `inv_block` ordered by their first key. Blocks carry a checksum; a
// damaged one makes its run unreadable, which problems() tells.
//
// Runs are never changed, so a merge is made by a thread and a connection of its own while layers are written, and put in place by a later merge().
#pragma once
#include <array>
#include <cstdint>
#include <functional>
#include <future>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "store/keys.h"
#include "store/reverse_index.h"
#include "store/sqlite.h"

namespace careen {

inline constexpr size_t kFanInFirst = 64, kFanIn = 16;
inline constexpr uint32_t kShards = 16;
inline constexpr size_t kBlockEntries = 448;  // postings of one block: two fill a page of 8 KiB

extern const char* const kRunSchemaSql;  // the tables

// The bytes of one block. Decoders take any bytes: false, and nothing appended that is out of order, where they are damaged.
std::string encode_postings(const Posting* first, size_t count);
bool decode_postings(std::string_view block, std::vector<Posting>* out);
std::string encode_strings(const std::vector<std::string>& sorted);
bool decode_strings(std::string_view block, std::vector<std::string>* out);

class RunSet final : public ReverseIndex {
 public:
  // `file`: what db is a connection to, for a second one that only reads; "" merges in place.
  explicit RunSet(sqlite3* db, std::string file = "") : db_(db), file_(std::move(file)) {}

  bool add(Family family, const std::vector<Posting>& postings) override;
  bool add(const std::vector<std::string>& paths) override;
  // Merges one group of runs where enough have gathered, or begins to, or puts in place what was begun before.
  bool merge() override;
  bool merge_due() const override;
  bool merge_begun() const override { return building_.valid(); }
  // All runs of each shard into one.
  bool merge_all() override;
  bool find(Family family, const std::vector<uint64_t>& keys, const std::function<void(uint64_t key, const std::vector<int64_t>& values)>& f) override;
  bool scan_paths(const std::string& from, const std::string& to, const std::string& part, const std::function<bool(const std::string& path)>& f) override;
  std::vector<std::string> problems() override;

 private:
  struct Run {
    int64_t id = 0;
    Family family = Family::files;
    uint32_t level = 0, shard = 0;
    uint64_t entries = 0;
  };
  std::vector<Run> runs(const char* where) const;
  std::vector<Run> due() const;
  int64_t begin_run(Family family, uint32_t level, uint32_t shard, uint64_t entries);
  bool add_block(int64_t run, std::string_view first, const std::string& body);
  bool write_postings(Family family, uint32_t level, uint32_t shard, const std::vector<Posting>& postings);
  // One group's entries in order, as the blocks of each shard.
  struct Built {
    struct Shard {
      uint64_t entries = 0;
      std::vector<std::pair<std::string, std::string>> blocks;  // first keys and bodies
    };
    std::vector<Run> group;
    std::array<Shard, kShards> shards;
    bool whole = false;
  };
  static Built build(const std::string& file, std::vector<Run> group);
  bool put_in_place(const Built& built);
  bool merge_group(const std::vector<Run>& group);
  bool drop(const std::vector<Run>& group);

  static constexpr size_t kLookEvery = kFanInFirst;
  static constexpr size_t kMostUnlooked = 8 * kLookEvery;      // then writing waits for the merge that is being made
  static constexpr uint64_t kMostBesides = uint64_t{4} << 20;  // entries of a merge that is made in memory
  sqlite3* db_;
  std::string file_;
  std::future<Built> building_;
  SqlStatement insert_block_;
  mutable size_t unlooked_ = kLookEvery;  // runs written since nothing was due: fewer than this and nothing can be
};

}  // namespace careen
