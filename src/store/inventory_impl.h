// What the parts of the inventory share. Nobody but src/store/inventory*.cc includes it.
#pragma once
#include <algorithm>
#include <chrono>
#include <map>
#include <set>
#include <unordered_map>

#include "base/codec.h"
#include "base/text.h"
#include "store/database.h"
#include "store/inventory.h"
#include "store/keys.h"
#include "store/reverse_index.h"

namespace careen {

template <class A>
void fields(A& a, StoredPackage& p) {
  a(p.type), a(p.name), a(p.version), a(p.architecture), a(p.source), a(p.source_version), a(p.layer), a(p.visible);
}
template <class A>
void fields(A& a, HiddenFile& h) {
  a(h.layer), a(h.path);
}

// The packages of an image, of which a reader may want few: the others take no room. As a(*all) writes and reads them.
struct ImagePackages {
  std::vector<StoredPackage>* all;
  const std::set<std::string>* wanted;  // names of packages or sources; null for all
};
template <class A>
void fields(A& a, ImagePackages& p) {
  if constexpr (A::kReads) {
    if (p.wanted == nullptr) return a(*p.all);
    uint64_t n = 0;
    StoredPackage one;
    for (a(n); n != 0 && a.ok(); --n) {
      a(one);
      if (a.ok() && (p.wanted->contains(one.name) || p.wanted->contains(one.source))) p.all->push_back(one);
    }
  } else {
    a(*p.all);
  }
}

// What of an image is only ever read with it.
struct ImageBody {
  StoredImage* i;
  std::vector<std::string> layers;
  const std::set<std::string>* packages = nullptr;  // that are wanted
};
template <class A>
void fields(A& a, ImageBody& b) {
  ImagePackages packages{&b.i->packages, b.packages};
  a(b.layers), a(b.i->blobs), a(b.i->steps), a(packages), a(b.i->hidden), a(b.i->labels), a(b.i->judged), a(b.i->gaps);
}

inline constexpr uint64_t kMaxImageBody = 1ULL << 30;
inline constexpr size_t kMaxName = 2000;  // of a repository with its tag, and of what a failure is noted of

template <class T>
void make_distinct(std::vector<T>& v) {
  std::sort(v.begin(), v.end());
  v.erase(std::unique(v.begin(), v.end()), v.end());
}

// What was written of late and so need not be written again: most layers of a fleet bring the same paths. Forgets freely. Things are
// compared whole: of two paths whose keys an attacker made equal, neither may hide the other.
template <class T>
class Recent {
 public:
  bool has(uint64_t key, const T& thing) const { return !things_.empty() && things_[slot(key)] == thing; }
  void note(uint64_t key, const T& thing) {
    if (things_.empty()) things_.resize(kSlots);
    things_[slot(key)] = thing;
  }

 private:
  static constexpr size_t kSlots = size_t{1} << 18;
  static size_t slot(uint64_t key) { return static_cast<size_t>(key * 0x9e3779b97f4a7c15 >> 46); }
  std::vector<T> things_;
};

struct SqliteFile {
  sqlite3* db = nullptr;
  ~SqliteFile() { sqlite3_close(db); }
};

struct Inventory::Impl {
  std::string path;   // of the file, or the address of the server
  std::string shown;  // the same for messages
  SqliteFile file;
  std::unique_ptr<Database> db;
  std::unique_ptr<ReverseIndex> index;
  std::shared_ptr<LayerCache> cache;
  Recent<Sha256> recent_paths;  // by their name_digest()
  Recent<Posting> recent_packages;
  Recent<int64_t> recent_pieces;                             // numbers of pieces that are indexed
  std::unordered_map<std::string, int64_t> package_numbers;  // of committed rows, which are never dropped, by their encoded columns; forgets freely
  std::string trouble;
  int64_t clock_ahead = 0;  // of the server, in milliseconds

  static int64_t milliseconds() { return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch()).count(); }
  bool postgres() const { return db->kind() == Database::Kind::postgres; }

  // After a layer or an image. What fails here is done another time: nothing is lost.
  void merge_runs() {
    while (index->merge_due())
      if (!transaction("reverse indexes cannot be merged", [&] { return index->merge(); })) return;
  }

  // At the end: what was begun is worth keeping.
  void end_merging() {
    if (index && index->merge_begun()) (void)transaction("reverse indexes cannot be merged", [&] { return index->merge(); });
  }

  // The layers of each key; `keys` ascending.
  void find(ReverseIndex::Family family, const std::vector<uint64_t>& keys, const std::function<void(uint64_t, const std::vector<int64_t>&)>& f) {
    auto former = former_numbers();
    note_reading(index->find(family, keys, [&](uint64_t key, std::vector<int64_t> layers) {
      if (!former.empty()) std::erase_if(layers, [&](int64_t l) { return former.contains(l); });
      if (!layers.empty()) f(key, layers);
    }));
  }
  std::vector<int64_t> layers_of_name(uint64_t key) {
    std::vector<int64_t> out;
    find(ReverseIndex::Family::names, {key}, [&](uint64_t, const std::vector<int64_t>& layers) { out = layers; });
    return out;
  }

  // The pieces that each key leads to, and the layers of each of those.
  struct Pieces {
    std::map<uint64_t, std::vector<int64_t>> of_key, layers;
  };
  Pieces pieces_with(const std::vector<uint64_t>& keys) {
    Pieces out;
    std::vector<uint64_t> all;
    note_reading(index->find(ReverseIndex::Family::contents, keys, [&](uint64_t key, const std::vector<int64_t>& pieces) {
      for (int64_t n : pieces) all.push_back(piece_key(n));
      out.of_key.emplace(key, pieces);
    }));
    make_distinct(all);
    find(ReverseIndex::Family::pieces, all,
         [&](uint64_t key, const std::vector<int64_t>& layers) { out.layers.emplace(static_cast<uint64_t>(piece_of_key(key)), layers); });
    return out;
  }
  // The layers of each key of a content or a path, by pieces.
  void find_by_pieces(const std::vector<uint64_t>& keys, const std::function<void(uint64_t, const std::vector<int64_t>&)>& f) {
    Pieces p = pieces_with(keys);
    for (const auto& [key, pieces] : p.of_key) {
      std::vector<int64_t> layers;
      for (int64_t n : pieces)
        if (auto it = p.layers.find(static_cast<uint64_t>(n)); it != p.layers.end()) layers.insert(layers.end(), it->second.begin(), it->second.end());
      make_distinct(layers);
      if (!layers.empty()) f(key, layers);
    }
  }

  // Whether all of them are in the index.
  bool indexed(const std::vector<int64_t>& numbers) const {
    Statement s = sql("SELECT 1 FROM inv_piece WHERE id=?");
    return std::all_of(numbers.begin(), numbers.end(), [&](int64_t n) { return recent_pieces.has(static_cast<uint64_t>(n), n) || s.with(n).row(); });
  }

  // Those that are not in the index yet; from here on they are. `numbers` ascending.
  std::optional<std::vector<int64_t>> new_pieces(const std::vector<int64_t>& numbers) {
    std::vector<int64_t> out, asked;
    for (int64_t n : numbers)
      if (!recent_pieces.has(static_cast<uint64_t>(n), n)) asked.push_back(n);
    if (asked.empty()) return out;
    if (postgres()) {
      Statement s = sql("INSERT INTO inv_piece SELECT n FROM unnest(?) AS given(n) ON CONFLICT DO NOTHING RETURNING id");
      for (s.with(asked); s.row();) out.push_back(s.number(0));
      std::sort(out.begin(), out.end());
      return last_sql_error().empty() ? std::optional(std::move(out)) : std::nullopt;
    }
    Statement s = sql("INSERT INTO inv_piece VALUES(?) ON CONFLICT DO NOTHING");
    for (int64_t n : asked) {
      if (!s.with(n).done()) return std::nullopt;
      if (db->changes() != 0) out.push_back(n);
    }
    return out;
  }

  std::vector<int64_t> layers_of_package(std::string_view id) {
    std::vector<int64_t> out;
    note_reading(index->find(ReverseIndex::Family::names, {name_key(kPackageKey, id)}, [&](uint64_t, const std::vector<int64_t>& layers) { out = layers; }));
    auto former = former_numbers();
    for (int64_t& l : out)
      if (auto it = former.find(l); it != former.end()) l = it->second;
    make_distinct(out);
    return out;
  }
  void note_reading(bool whole) {
    if (!whole) trouble = "part of the reverse index cannot be read: careen store check";
  }

  Statement sql(const char* text) const { return {*db, text}; }
  bool exec(const char* text) const { return db->exec(text); }
  Error failed(const char* doing) const { return {Errc::io, escape(shown) + ": " + doing + ": " + last_sql_error()}; }

  // All of `f`'s writes or none of them; f may be called again (database.h).
  template <class F>
  Result<void> transaction(const char* doing, F f) {
    if (!db->transact(f)) return failed(doing);
    return {};
  }

  // Numbers that layers had before they were collected anew, and what they have now.
  std::map<int64_t, int64_t> former_numbers() const {
    std::map<int64_t, int64_t> out;
    for (Statement s = sql("SELECT id, layer FROM inv_former"); s.row();) out[s.number(0)] = s.number(1);
    return out;
  }

  // The row of a layer. One that was collected before takes a new number: what its old postings say of files and names counts
  // no more, what images said of its packages still does. 0: another process wrote the layer in the same moment.
  std::optional<int64_t> new_layer(const LayerKeys& f, int64_t now) {
    Statement find = sql("SELECT id FROM inv_layer WHERE diff_id=?");
    std::optional<int64_t> old;
    std::string diff_id = f.diff_id.text();
    if (find.with(diff_id).row()) old = find.number(0);
    if (old && !sql("DELETE FROM inv_layer WHERE id=?").with(*old).done()) return std::nullopt;
    auto id = next_layer();
    if (!id) return std::nullopt;
    // Of several at once this row decides who writes the layer: the others wait here for the end of the first.
    Statement row = sql("INSERT INTO inv_layer(id, diff_id, entries, size, collectors, indexed) VALUES(?,?,?,?,?,?) ON CONFLICT DO NOTHING");
    if (!row.with(*id, diff_id, f.entries, f.size, uint64_t{kCollectors}, now).done()) return std::nullopt;
    if (db->changes() == 0) return 0;
    for (const char* text : {"UPDATE inv_image_layer SET layer=? WHERE layer=?", "UPDATE inv_blob SET layer=? WHERE layer=?",
                             "UPDATE inv_former SET layer=? WHERE layer=?", "INSERT INTO inv_former(layer, id) VALUES(?,?)"})
      if (old && !sql(text).with(*id, *old).done()) return std::nullopt;
    return id;
  }
  // Never one that was given before: postings of it may be left.
  std::optional<int64_t> next_layer() {
    if (postgres()) {
      Statement s = sql("SELECT nextval('inv_layer_number')");
      return s.row() ? std::optional(s.number(0)) : std::nullopt;
    }
    int64_t id = 1;
    if (Statement top = sql("SELECT value FROM meta WHERE key='next_layer'"); top.row()) id = static_cast<int64_t>(to_number(top.view(0)).value_or(1));
    std::string next = std::to_string(id + 1);
    if (!sql("INSERT INTO meta VALUES('next_layer', ?) ON CONFLICT(key) DO UPDATE SET value=excluded.value").with(next).done()) return std::nullopt;
    return id;
  }

  // The number of a row that is unique by its values; made when it is not there. `insert` returns it, and nothing where another
  // process made the row in the same moment.
  template <class... T>
  std::optional<int64_t> number_of(Statement& find, Statement& insert, const T&... values) {
    if (find.with(values...).row()) return find.number(0);
    if (insert.with(values...).row()) {
      int64_t id = insert.number(0);
      insert.row();  // its end
      return id;
    }
    if (find.with(values...).row()) return find.number(0);
    return std::nullopt;
  }

  std::vector<int64_t> numbers(Statement& s) const {
    std::vector<int64_t> out;
    while (s.row()) out.push_back(s.number(0));
    return out;
  }

  Result<void> open(Mode mode);  // the file at `path`
  Result<bool> is_ours();
  Result<void> connect(Mode mode);  // the server at `path`
  Result<int> schema();             // of what is there
};

}  // namespace careen
