// What the parts of the inventory share. Nobody but src/store/inventory*.cc includes it.
#pragma once
#include <algorithm>
#include <map>

#include "base/codec.h"
#include "base/text.h"
#include "store/inventory.h"
#include "store/keys.h"
#include "store/runs.h"
#include "store/sqlite.h"

namespace careen {

template <class A>
void fields(A& a, StoredPackage& p) {
  a(p.type), a(p.name), a(p.version), a(p.architecture), a(p.source), a(p.source_version), a(p.layer), a(p.visible);
}
template <class A>
void fields(A& a, HiddenFile& h) {
  a(h.layer), a(h.path);
}

// What of an image is only ever read with it.
struct ImageBody {
  StoredImage* i;
  std::vector<std::string> layers;
};
template <class A>
void fields(A& a, ImageBody& b) {
  a(b.layers), a(b.i->blobs), a(b.i->steps), a(b.i->packages), a(b.i->hidden), a(b.i->labels), a(b.i->judged), a(b.i->gaps);
}

inline constexpr uint64_t kMaxImageBody = 1ULL << 30;
inline constexpr int kWait = 30'000;  // milliseconds for another process to end its transaction

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

struct Inventory::Impl {
  std::string path;
  sqlite3* db = nullptr;
  std::shared_ptr<LayerCache> cache;
  Recent<Sha256> recent_paths;  // by their name_digest()
  Recent<Posting> recent_packages;
  std::string trouble;

  ~Impl() { sqlite3_close(db); }

  RunSet runs() const { return RunSet(db); }

  // After a layer or an image. What fails here is done another time: nothing is lost.
  void merge_runs() {
    while (runs().merge_due())
      if (!transaction("reverse indexes cannot be merged", [&] { return runs().merge(); })) return;
  }

  // The layers of each key; `keys` ascending.
  void find(RunSet::Family family, const std::vector<uint64_t>& keys, const std::function<void(uint64_t, const std::vector<int64_t>&)>& f) {
    auto former = former_numbers();
    note_reading(runs().find(family, keys, [&](uint64_t key, std::vector<int64_t> layers) {
      if (!former.empty()) std::erase_if(layers, [&](int64_t l) { return former.contains(l); });
      if (!layers.empty()) f(key, layers);
    }));
  }
  std::vector<int64_t> layers_of_key(RunSet::Family family, uint64_t key) {
    std::vector<int64_t> out;
    find(family, {key}, [&](uint64_t, const std::vector<int64_t>& layers) { out = layers; });
    return out;
  }
  std::vector<int64_t> layers_of_package(std::string_view id) {
    std::vector<int64_t> out;
    note_reading(runs().find(RunSet::Family::names, {name_key(kPackageKey, id)}, [&](uint64_t, const std::vector<int64_t>& layers) { out = layers; }));
    auto former = former_numbers();
    for (int64_t& l : out)
      if (auto it = former.find(l); it != former.end()) l = it->second;
    make_distinct(out);
    return out;
  }
  void note_reading(bool whole) {
    if (!whole) trouble = "part of the reverse index cannot be read: careen store check";
  }

  SqlStatement sql(const char* text) const { return {db, text}; }
  bool exec(const char* text) const { return sqlite3_exec(db, text, nullptr, nullptr, nullptr) == SQLITE_OK; }
  Error failed(const char* doing) const { return {Errc::io, escape(path) + ": " + doing + ": " + sqlite3_errmsg(db)}; }

  // All of `f`'s writes or none of them.
  template <class F>
  Result<void> transaction(const char* doing, F f) {
    if (exec_patiently(db, "BEGIN IMMEDIATE", kWait / 1000) != SQLITE_OK) return failed(doing);
    last_sql_error().clear();
    if (f() && exec("COMMIT")) return {};
    Error e = failed(doing);
    if (!last_sql_error().empty()) e.what = escape(path) + ": " + doing + ": " + last_sql_error();
    exec("ROLLBACK");
    return e;
  }

  int64_t last() const { return sqlite3_last_insert_rowid(db); }

  // Numbers that layers had before they were collected anew, and what they have now.
  std::map<int64_t, int64_t> former_numbers() const {
    std::map<int64_t, int64_t> out;
    for (SqlStatement s = sql("SELECT id, layer FROM inv_former"); s.row();) out[s.number(0)] = s.number(1);
    return out;
  }

  // The row of a layer. One that was collected before takes a new number: what its old postings say of files and names counts
  // no more, what images said of its packages still does.
  std::optional<int64_t> new_layer(const LayerFacts& f, int64_t now) {
    SqlStatement find = sql("SELECT id FROM inv_layer WHERE diff_id=?");
    std::optional<int64_t> old;
    if (find.with(f.diff_id.text()).row()) old = find.number(0);
    if (old && !sql("DELETE FROM inv_layer WHERE id=?").with(*old).done()) return std::nullopt;
    int64_t id = 1;
    if (SqlStatement top = sql("SELECT value FROM meta WHERE key='next_layer'"); top.row()) id = static_cast<int64_t>(to_number(top.view(0)).value_or(1));
    if (!sql("INSERT OR REPLACE INTO meta VALUES('next_layer', ?)").with(std::to_string(id + 1)).done() ||
        !sql("INSERT INTO inv_layer(id, diff_id, entries, size, collectors, indexed) VALUES(?,?,?,?,?,?)")
             .with(id, f.diff_id.text(), f.files.size(), f.size, uint64_t{kCollectors}, now)
             .done())
      return std::nullopt;
    for (const char* text : {"UPDATE inv_image_layer SET layer=? WHERE layer=?", "UPDATE inv_blob SET layer=? WHERE layer=?",
                             "UPDATE inv_former SET layer=? WHERE layer=?", "INSERT INTO inv_former(layer, id) VALUES(?,?)"})
      if (old && !sql(text).with(id, *old).done()) return std::nullopt;
    return id;
  }

  // The number of a row that is unique by its values; made when it is not there.
  template <class... T>
  std::optional<int64_t> number_of(SqlStatement& find, SqlStatement& insert, const T&... values) {
    if (find.with(values...).row()) return find.number(0);
    if (!insert.with(values...).done()) return std::nullopt;
    return last();
  }

  std::vector<int64_t> numbers(SqlStatement& s) const {
    std::vector<int64_t> out;
    while (s.row()) out.push_back(s.number(0));
    return out;
  }

  Result<bool> is_ours();
  Result<void> open(Mode mode);
};

}  // namespace careen
