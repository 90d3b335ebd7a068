#include "store/runs.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <map>
#include <memory>

#include "base/bytes.h"
#include "base/codec.h"

namespace careen {

const char* const kRunSchemaSql = R"(
CREATE TABLE IF NOT EXISTS inv_run(id INTEGER PRIMARY KEY, family INTEGER NOT NULL, level INTEGER NOT NULL, shard INTEGER NOT NULL, entries INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS inv_block(id INTEGER PRIMARY KEY, run INTEGER NOT NULL, first BLOB NOT NULL, body BLOB NOT NULL, sum INTEGER NOT NULL);
CREATE UNIQUE INDEX IF NOT EXISTS inv_block_first ON inv_block(run, first);
)";

namespace {

using Family = RunSet::Family;

constexpr int kWaitMilliseconds = 10'000;  // for another process that holds the file

std::string key_bytes(uint64_t key) {
  std::string out(8, '\0');
  for (size_t i = 0; i < 8; ++i) out[i] = static_cast<char>(key >> (56 - 8 * i));
  return out;
}

uint32_t shard_of(uint64_t key) {
  return static_cast<uint32_t>(key >> (kKeyBits - 4)) % kShards;
}
uint32_t shard_of(std::string_view path) {  // FNV-1a
  uint64_t h = 0xcbf29ce484222325;
  for (char c : path) h = (h ^ static_cast<uint8_t>(c)) * 0x100000001b3;
  return static_cast<uint32_t>(h >> 60) % kShards;
}

int64_t sum_of(std::string_view first, std::string_view body) {
  return static_cast<int64_t>(damage_sum(damage_sum(0x9e3779b97f4a7c15 ^ body.size(), first), body));
}

struct Block {
  std::string first, body;
};

enum class Read : uint8_t { block, none, damaged };

Read read_block(sqlite3* db, SqlStatement& s, Block* out) {
  if (!s.row()) {
    int rc = sqlite3_errcode(db) & 0xff;
    return rc == SQLITE_DONE || rc == SQLITE_OK || rc == SQLITE_ROW ? Read::none : Read::damaged;
  }
  out->first = s.view(0);
  out->body = s.view(1);
  return s.number(2) == sum_of(out->first, out->body) ? Read::block : Read::damaged;
}

// The one block of a run that may hold a key. One statement for all runs: preparing costs more than looking.
class BlockFinder {
 public:
  explicit BlockFinder(sqlite3* db)
      : db_(db),
        s_(db,
           "SELECT first, body, sum, (SELECT min(first) FROM inv_block WHERE run=?1 AND first>?2) FROM inv_block WHERE run=?1 AND first<=?2 "
           "ORDER BY first DESC LIMIT 1"),
        first_(db, "SELECT min(first) FROM inv_block WHERE run=?") {}
  // `bound`: below which key that block, or none, is the one to look into.
  Read find(int64_t run, uint64_t key, Block* out, std::string* bound) {
    std::string bytes = key_bytes(key);
    *bound = std::string(9, '\xff');
    if (!s_ || !first_) return Read::damaged;
    Read read = read_block(db_, s_.with(run, SqlBlob{bytes}), out);
    if (read == Read::block && !s_.is_null(3)) *bound = s_.text(3);
    if (read == Read::none && first_.with(run).row() && !first_.is_null(0)) *bound = first_.text(0);
    return read;
  }

 private:
  sqlite3* db_;
  SqlStatement s_, first_;
};

// The blocks of one run in order, from the one that may hold `from`.
class BlockCursor {
 public:
  BlockCursor(sqlite3* db, int64_t run, std::string from)
      : db_(db),
        from_(std::move(from)),
        s_(db,
           "SELECT first, body, sum FROM inv_block WHERE run=?1 AND first>=coalesce((SELECT max(first) FROM inv_block WHERE run=?1 AND first<=?2), x'') "
           "ORDER BY first"),
        damaged_(!s_) {
    if (s_) s_.with(run, SqlBlob{from_});
  }
  bool next() {
    if (damaged_) return false;
    Read r = read_block(db_, s_, &block_);
    damaged_ = r == Read::damaged;
    return r == Read::block;
  }
  bool damaged() const { return damaged_; }
  const Block& block() const { return block_; }

 private:
  sqlite3* db_;
  std::string from_;
  SqlStatement s_;
  Block block_;
  bool damaged_;
};

bool decode(std::string_view block, std::vector<Posting>* out) {
  return decode_postings(block, out);
}
bool decode(std::string_view block, std::vector<std::string>* out) {
  return decode_strings(block, out);
}

// The entries of one run in order.
template <class Entry>
class EntryCursor {
 public:
  EntryCursor(sqlite3* db, int64_t run) : blocks_(db, run, "") {}
  bool next() {
    if (++at_ < entries_.size()) return true;
    entries_.clear();
    at_ = 0;
    if (!blocks_.next()) return false;
    damaged_ = !decode(blocks_.block().body, &entries_) || entries_.empty();
    return !damaged_;
  }
  bool damaged() const { return damaged_ || blocks_.damaged(); }
  Entry& entry() { return entries_[at_]; }

 private:
  BlockCursor blocks_;
  std::vector<Entry> entries_;
  size_t at_ = 0;
  bool damaged_ = false;
};

// All entries of several runs in one order; an entry that stands in several comes several times. `f` may move from what it is given. False when a run
// is damaged or `f` says so.
template <class Entry, class F>
bool merged(sqlite3* db, const std::vector<int64_t>& runs, F f) {
  std::vector<std::unique_ptr<EntryCursor<Entry>>> cursors;
  for (int64_t r : runs) cursors.push_back(std::make_unique<EntryCursor<Entry>>(db, r));
  // A heap whose top is replaced in place: most entries take one way down it.
  std::vector<EntryCursor<Entry>*> heap;
  auto sift = [&](size_t at) {
    EntryCursor<Entry>* one = heap[at];
    for (size_t child = 0; (child = 2 * at + 1) < heap.size(); at = child) {
      if (child + 1 < heap.size() && heap[child + 1]->entry() < heap[child]->entry()) ++child;
      if (!(heap[child]->entry() < one->entry())) break;
      heap[at] = heap[child];
    }
    heap[at] = one;
  };
  for (auto& c : cursors) {
    if (c->next()) heap.push_back(c.get());
    if (c->damaged()) return false;
  }
  for (size_t i = heap.size() / 2; i-- > 0;) sift(i);
  while (!heap.empty()) {
    EntryCursor<Entry>* top = heap[0];
    if (!f(top->entry())) return false;
    if (!top->next()) {
      if (top->damaged()) return false;
      heap[0] = heap.back();
      heap.pop_back();
    }
    if (!heap.empty()) sift(0);
  }
  return true;
}

// One state of the file for all statements of a question: between two of them another process may have merged runs.
class Snapshot {
 public:
  explicit Snapshot(sqlite3* db) : db_(sqlite3_get_autocommit(db) != 0 ? db : nullptr) {
    if (db_ != nullptr) sqlite3_exec(db_, "BEGIN", nullptr, nullptr, nullptr);
  }
  ~Snapshot() {
    if (db_ != nullptr) sqlite3_exec(db_, "COMMIT", nullptr, nullptr, nullptr);
  }
  Snapshot(const Snapshot&) = delete;
  Snapshot& operator=(const Snapshot&) = delete;

 private:
  sqlite3* db_;
};

}  // namespace

std::string encode_postings(const Posting* first, size_t count) {
  constexpr size_t kMost = 10;  // bytes of a varint
  std::string out(kMost * (1 + 3 * count), '\0');
  char* at = out.data();
  auto put = [&](uint64_t v) {
    for (; v >= 0x80; v >>= 7) *at++ = static_cast<char>(v | 0x80);
    *at++ = static_cast<char>(v);
  };
  put(count);
  uint64_t key = 0;
  for (size_t i = 0; i < count;) {
    size_t end = i;
    while (end < count && first[end].key == first[i].key) ++end;
    put(first[i].key - key);
    put(end - i - 1);
    key = first[i].key;
    int64_t value = 0;
    for (; i < end; ++i) {
      put(static_cast<uint64_t>(first[i].value - value));
      value = first[i].value;
    }
  }
  out.resize(static_cast<size_t>(at - out.data()));
  return out;
}

bool decode_postings(std::string_view block, std::vector<Posting>* out) {
  Bytes b = as_bytes(block);
  size_t at = 0;
  uint64_t count = 0, key = 0;
  if (!get_varint(b, &at, &count) || count > b.size()) return false;
  out->reserve(out->size() + static_cast<size_t>(count));
  for (bool begun = false; count != 0; begun = true) {
    uint64_t step = 0, more = 0;
    if (!get_varint(b, &at, &step) || !get_varint(b, &at, &more) || more >= count || step > UINT64_MAX - key || (begun && step == 0)) return false;
    key += step;
    uint64_t value = 0;
    for (uint64_t i = 0; i <= more; ++i, --count) {
      uint64_t delta = 0;
      if (!get_varint(b, &at, &delta) || delta > static_cast<uint64_t>(INT64_MAX) - value || (i != 0 && delta == 0)) return false;
      value += delta;
      out->push_back({key, static_cast<int64_t>(value)});
    }
  }
  return at == b.size();
}

std::string encode_strings(const std::vector<std::string>& sorted) {
  std::string out;
  put_varint(out, sorted.size());
  std::string_view before;
  for (const std::string& s : sorted) {
    size_t same =
        static_cast<size_t>(std::mismatch(before.begin(), before.begin() + static_cast<long>(std::min(before.size(), s.size())), s.begin()).second - s.begin());
    put_varint(out, same);
    put_varint(out, s.size() - same);
    out.append(s, same);
    before = s;
  }
  return out;
}

bool decode_strings(std::string_view block, std::vector<std::string>* out) {
  Bytes b = as_bytes(block);
  size_t at = 0;
  uint64_t count = 0;
  if (!get_varint(b, &at, &count) || count > b.size()) return false;
  size_t begin = out->size(), total = 0;
  for (uint64_t i = 0; i < count; ++i) {
    uint64_t same = 0, rest = 0;
    if (!get_varint(b, &at, &same) || !get_varint(b, &at, &rest) || rest > b.size() - at) return false;
    if (same > (i == 0 ? 0 : out->back().size()) || (total += same + rest) > (size_t{64} << 20)) return false;
    std::string s;
    s.reserve(same + rest);
    if (i != 0) s.append(out->back(), 0, same);
    s.append(block.substr(at, rest));
    at += rest;
    if (out->size() > begin && s <= out->back()) return false;
    out->push_back(std::move(s));
  }
  return at == b.size();
}

int64_t RunSet::begin_run(Family family, uint32_t level, uint32_t shard, uint64_t entries) {
  ++unlooked_;
  SqlStatement s(db_, "INSERT INTO inv_run(family, level, shard, entries) VALUES(?,?,?,?)");
  return s.with(static_cast<int>(family), uint64_t{level}, uint64_t{shard}, entries).done() ? sqlite3_last_insert_rowid(db_) : 0;
}

bool RunSet::add_block(int64_t run, std::string_view first, const std::string& body) {
  if (!insert_block_) insert_block_ = SqlStatement(db_, "INSERT INTO inv_block(run, first, body, sum) VALUES(?,?,?,?)");
  return insert_block_.with(run, SqlBlob{first}, SqlBlob{body}, sum_of(first, body)).done();
}

bool RunSet::write_postings(Family family, uint32_t level, uint32_t shard, const std::vector<Posting>& postings) {
  if (postings.empty()) return true;
  int64_t run = begin_run(family, level, shard, postings.size());
  for (size_t i = 0; run != 0 && i < postings.size();) {
    size_t end = std::min(i + kBlockEntries, postings.size());
    while (end < postings.size() && postings[end].key == postings[end - 1].key) ++end;  // a key is in one block
    if (!add_block(run, key_bytes(postings[i].key), encode_postings(postings.data() + i, end - i))) return false;
    i = end;
  }
  return run != 0;
}

bool RunSet::add(Family family, const std::vector<Posting>& postings) {
  return write_postings(family, 0, 0, postings);
}

bool RunSet::add(const std::vector<std::string>& paths) {
  if (paths.empty()) return true;
  int64_t run = begin_run(Family::paths, 0, 0, paths.size());
  for (size_t i = 0; run != 0 && i < paths.size(); i += kBlockEntries) {
    std::vector<std::string> part(paths.begin() + static_cast<long>(i), paths.begin() + static_cast<long>(std::min(i + kBlockEntries, paths.size())));
    if (!add_block(run, part[0], encode_strings(part))) return false;
  }
  return run != 0;
}

std::vector<RunSet::Run> RunSet::runs(const char* where) const {
  std::vector<Run> out;
  SqlStatement s(db_, (std::string("SELECT id, family, level, shard, entries FROM inv_run ") + where).c_str());
  while (s.row())
    out.push_back({s.number(0), static_cast<Family>(s.number(1)), static_cast<uint32_t>(s.number(2)), static_cast<uint32_t>(s.number(3)),
                   static_cast<uint64_t>(s.number(4))});
  return out;
}

// The oldest runs of a level and shard that has gathered enough, lowest level first.
std::vector<RunSet::Run> RunSet::due() const {
  static const std::string kFull = "SELECT family, level, shard FROM inv_run GROUP BY level, family, shard HAVING count(*)>=CASE level WHEN 0 THEN " +
                                   std::to_string(kFanInFirst) + " ELSE " + std::to_string(kFanIn) + " END ORDER BY level, family, shard LIMIT 1";
  SqlStatement full(db_, kFull.c_str());
  if (!full.row()) return {};
  return runs(("WHERE family=" + full.text(0) + " AND level=" + full.text(1) + " AND shard=" + full.text(2) + " ORDER BY id LIMIT " +
               std::to_string(full.number(1) == 0 ? kFanInFirst : kFanIn))
                  .c_str());
}

bool RunSet::merge_due() const {
  if (!building_.valid() || unlooked_ >= kMostUnlooked) return unlooked_ >= kLookEvery;
  return building_.wait_for(std::chrono::seconds(0)) == std::future_status::ready;
}

bool RunSet::merge() {
  if (building_.valid()) return put_in_place(building_.get());
  auto group = due();
  if (group.empty()) unlooked_ = 0;
  if (group.empty()) return true;
  uint64_t entries = 0;
  for (const Run& r : group) entries += r.entries;
  if (file_.empty() || entries > kMostBesides) return merge_group(group) && drop(group);
  building_ = std::async(std::launch::async, build, file_, std::move(group));
  return true;
}

bool RunSet::merge_all() {
  if (building_.valid()) building_.get();  // all runs are merged anew
  for (Family family : kFamilies) {
    std::string where = "WHERE family=" + std::to_string(static_cast<int>(family));
    if (auto fresh = runs((where + " AND level=0").c_str()); !fresh.empty() && (!merge_group(fresh) || !drop(fresh))) return false;
    for (uint32_t shard = 0; shard < kShards; ++shard) {
      auto group = runs((where + " AND level>0 AND shard=" + std::to_string(shard) + " ORDER BY level").c_str());
      if (group.size() > 1 && (!merge_group(group) || !drop(group))) return false;
    }
  }
  return true;
}

namespace {

// Takes entries in order and writes them as blocks.
template <class Entry>
struct Blocks {
  std::vector<Entry> waiting;
};
bool may_cut(const Blocks<Posting>& b, const Posting& next) {
  return b.waiting.size() >= kBlockEntries && b.waiting.back().key != next.key;
}
bool may_cut(const Blocks<std::string>& b, const std::string&) {
  return b.waiting.size() >= kBlockEntries;
}
std::string first_of(const Blocks<Posting>& b) {
  return key_bytes(b.waiting[0].key);
}
std::string first_of(const Blocks<std::string>& b) {
  return b.waiting[0];
}
std::string encoded(const Blocks<Posting>& b) {
  return encode_postings(b.waiting.data(), b.waiting.size());
}
std::string encoded(const Blocks<std::string>& b) {
  return encode_strings(b.waiting);
}
uint32_t shard_of_entry(const Posting& p) {
  return shard_of(p.key);
}
uint32_t shard_of_entry(const std::string& s) {
  return shard_of(s);
}

}  // namespace

namespace {

// The entries of several runs in order, cut into the blocks of each shard: sink(shard, first key, body, entries). False when a run is damaged or the
// sink says so.
template <class Entry, class Sink>
bool merge_into(sqlite3* db, const std::vector<int64_t>& runs, Sink sink) {
  std::array<Blocks<Entry>, kShards> shards;
  auto flush = [&](uint32_t shard) {
    Blocks<Entry>& b = shards[shard];
    bool ok = b.waiting.empty() || sink(shard, first_of(b), encoded(b), b.waiting.size());
    b.waiting.clear();
    return ok;
  };
  bool ok = merged<Entry>(db, runs, [&](Entry& e) {
    uint32_t shard = shard_of_entry(e);
    Blocks<Entry>& b = shards[shard];
    if (!b.waiting.empty() && b.waiting.back() == e) return true;
    if (may_cut(b, e) && !flush(shard)) return false;
    b.waiting.push_back(std::move(e));
    return true;
  });
  for (uint32_t shard = 0; shard < kShards; ++shard) ok = ok && flush(shard);
  return ok;
}

template <class Sink>
bool merge_into(sqlite3* db, Family family, const std::vector<int64_t>& runs, Sink sink) {
  return family == Family::paths ? merge_into<std::string>(db, runs, sink) : merge_into<Posting>(db, runs, sink);
}

template <class Run>
std::vector<int64_t> numbers_of(const std::vector<Run>& group) {
  std::vector<int64_t> out;
  for (const Run& r : group) out.push_back(r.id);
  return out;
}

template <class Run>
uint32_t level_above(const std::vector<Run>& group) {
  uint32_t level = 0;
  for (const Run& r : group) level = std::max(level, r.level + 1);
  return level;
}

}  // namespace

bool RunSet::merge_group(const std::vector<Run>& group) {
  std::array<int64_t, kShards> runs{};
  std::array<uint64_t, kShards> entries{};
  uint32_t level = level_above(group);
  bool ok = merge_into(db_, group[0].family, numbers_of(group), [&](uint32_t shard, const std::string& first, const std::string& body, size_t count) {
    if (runs[shard] == 0 && (runs[shard] = begin_run(group[0].family, level, shard, 0)) == 0) return false;
    entries[shard] += count;
    return add_block(runs[shard], first, body);
  });
  SqlStatement count(db_, "UPDATE inv_run SET entries=? WHERE id=?");
  for (uint32_t shard = 0; shard < kShards; ++shard)
    if (runs[shard] != 0) ok = ok && count.with(entries[shard], runs[shard]).done();
  return ok;
}

RunSet::Built RunSet::build(const std::string& file, std::vector<Run> group) {
  Built out;
  sqlite3* db = nullptr;
  int rc = sqlite3_open_v2(file.c_str(), &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, nullptr);
  std::unique_ptr<sqlite3, int (*)(sqlite3*)> closes(db, sqlite3_close);
  sqlite3_busy_timeout(db, kWaitMilliseconds);
  if (rc == SQLITE_OK) {
    Snapshot snapshot(db);
    out.whole = merge_into(db, group[0].family, numbers_of(group), [&](uint32_t shard, std::string first, std::string body, size_t count) {
      out.shards[shard].entries += count;
      out.shards[shard].blocks.emplace_back(std::move(first), std::move(body));
      return true;
    });
  }
  // What was written goes from the log into the file here too, while others go on: else every so often a writer does all of it at once.
  if (rc == SQLITE_OK) sqlite3_exec(db, "PRAGMA wal_checkpoint(PASSIVE)", nullptr, nullptr, nullptr);
  out.group = std::move(group);
  return out;
}

bool RunSet::put_in_place(const Built& built) {
  if (!built.whole) return merge_group(built.group) && drop(built.group);  // which says what is wrong
  SqlStatement there(db_, "SELECT 1 FROM inv_run WHERE id=?");
  for (const Run& r : built.group)
    if (!there.with(r.id).row()) return true;  // another process merged them
  uint32_t level = level_above(built.group);
  for (uint32_t shard = 0; shard < kShards; ++shard) {
    const Built::Shard& s = built.shards[shard];
    if (s.entries == 0) continue;
    int64_t run = begin_run(built.group[0].family, level, shard, s.entries);
    if (run == 0 || !std::all_of(s.blocks.begin(), s.blocks.end(), [&](const auto& b) { return add_block(run, b.first, b.second); })) return false;
  }
  return drop(built.group);
}

bool RunSet::drop(const std::vector<Run>& group) {
  SqlStatement blocks(db_, "DELETE FROM inv_block WHERE run=?"), run(db_, "DELETE FROM inv_run WHERE id=?");
  return std::all_of(group.begin(), group.end(), [&](const Run& r) { return blocks.with(r.id).done() && run.with(r.id).done(); });
}

namespace {

// The postings of the wanted keys in a block, without unpacking what stands behind the last of them. False when the bytes are damaged.
bool pick_postings(std::string_view block, const uint64_t* wanted, const uint64_t* end, std::vector<Posting>* out) {
  Bytes b = as_bytes(block);
  size_t at = 0;
  uint64_t count = 0, key = 0;
  if (!get_varint(b, &at, &count) || count > b.size()) return false;
  while (count != 0) {
    uint64_t step = 0, more = 0;
    if (!get_varint(b, &at, &step) || !get_varint(b, &at, &more) || more >= count || step > UINT64_MAX - key) return false;
    key += step;
    while (wanted != end && *wanted < key) ++wanted;
    if (wanted == end) return true;
    uint64_t value = 0;
    for (uint64_t i = 0; i <= more; ++i, --count) {
      uint64_t delta = 0;
      if (!get_varint(b, &at, &delta) || delta > static_cast<uint64_t>(INT64_MAX) - value) return false;
      value += delta;
      if (*wanted == key) out->push_back({key, static_cast<int64_t>(value)});
    }
  }
  return true;
}

}  // namespace

bool RunSet::find(Family family, const std::vector<uint64_t>& keys, const std::function<void(uint64_t, const std::vector<int64_t>&)>& f) {
  Snapshot snapshot(db_);
  bool whole = true;
  std::vector<Posting> hits;
  BlockFinder finder(db_);
  Block block;
  auto below = [](uint64_t key, const std::string& bytes) { return key_bytes(key) < bytes; };
  for (const Run& r : runs(("WHERE family=" + std::to_string(static_cast<int>(family))).c_str())) {
    // Keys of one shard follow each other: a shard is the highest bits of a key.
    auto first = keys.begin(), end = keys.end();
    if (r.level != 0) {
      first = std::partition_point(first, end, [&](uint64_t k) { return shard_of(k) < r.shard; });
      end = std::partition_point(first, end, [&](uint64_t k) { return shard_of(k) == r.shard; });
    }
    std::string bound;  // keys below it are in the block at hand, or in none
    for (auto next = first; first != end; first = next) {
      Read read = finder.find(r.id, *first, &block, &bound);
      next = std::lower_bound(std::next(first), end, bound, below);
      whole &= read != Read::damaged && (read == Read::none || pick_postings(block.body, &*first, &*first + (next - first), &hits));
    }
  }
  std::sort(hits.begin(), hits.end());
  hits.erase(std::unique(hits.begin(), hits.end()), hits.end());
  std::vector<int64_t> values;
  for (size_t i = 0; i < hits.size(); ++i) {
    values.push_back(hits[i].value);
    if (i + 1 < hits.size() && hits[i + 1].key == hits[i].key) continue;
    f(hits[i].key, values);
    values.clear();
  }
  return whole;
}

bool RunSet::scan_paths(const std::string& from, const std::string& to, const std::string& part, const std::function<bool(const std::string&)>& f) {
  Snapshot snapshot(db_);
  bool whole = true;
  std::vector<std::string> block;
  for (const Run& r : runs(("WHERE family=" + std::to_string(static_cast<int>(Family::paths))).c_str())) {
    BlockCursor cursor(db_, r.id, from);
    while (cursor.next() && (to.empty() || cursor.block().first < to)) {
      block.clear();
      whole &= decode_strings(cursor.block().body, &block);
      for (const std::string& path : block)
        if (path >= from && (to.empty() || path < to) && path.find(part) != std::string::npos && !f(path)) return whole;
    }
    whole &= !cursor.damaged();
  }
  return whole;
}

std::vector<std::string> RunSet::problems() {
  Snapshot snapshot(db_);
  std::vector<std::string> out;
  auto wrong = [&](const Run& r, const char* what) {
    if (out.size() < 20) out.push_back("run " + std::to_string(r.id) + " of the reverse index " + what);
  };
  for (const Run& r : runs("ORDER BY id")) {
    uint64_t count = 0;
    auto walk = [&]<class Entry>(Entry last) {
      EntryCursor<Entry> c(db_, r.id);
      for (; c.next(); last = c.entry(), ++count) {
        if (count != 0 && !(last < c.entry())) return wrong(r, "is out of order");
        if (r.level != 0 && shard_of_entry(c.entry()) != r.shard) return wrong(r, "has entries of another shard");
      }
      if (c.damaged()) return wrong(r, "is damaged");
      if (count != r.entries) wrong(r, "lacks entries");
    };
    r.family == Family::paths ? walk(std::string()) : walk(Posting{});
  }
  if (SqlStatement s(db_, "SELECT count(*) FROM inv_block WHERE run NOT IN (SELECT id FROM inv_run)"); s.row() && s.number(0) != 0)
    out.push_back("blocks of the reverse index belong to no run");
  return out;
}

}  // namespace careen
