#include "store/inventory.h"

#include <sys/stat.h>

#include <algorithm>
#include <set>

#include "base/codec.h"
#include "base/fd.h"
#include "base/text.h"
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

namespace {

// What of an image is only ever read with it.
struct ImageBody {
  StoredImage* i;
  std::vector<std::string> layers;
};
template <class A>
void fields(A& a, ImageBody& b) {
  a(b.layers), a(b.i->blobs), a(b.i->steps), a(b.i->packages), a(b.i->hidden), a(b.i->labels), a(b.i->judged), a(b.i->gaps);
}

constexpr int kWait = 30'000;  // milliseconds for another process to end its transaction

constexpr const char* kSchemaSql = R"(
CREATE TABLE IF NOT EXISTS meta(key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS inv_layer(id INTEGER PRIMARY KEY, diff_id TEXT NOT NULL UNIQUE, entries INTEGER NOT NULL, size INTEGER NOT NULL,
                                     collectors INTEGER NOT NULL, indexed INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS inv_blob(digest TEXT PRIMARY KEY, layer INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS inv_image(id INTEGER PRIMARY KEY, digest TEXT NOT NULL UNIQUE, config TEXT NOT NULL, platform TEXT NOT NULL, verdict TEXT NOT NULL,
                                     knowledge TEXT NOT NULL, gaps INTEGER NOT NULL, created TEXT NOT NULL, chain TEXT NOT NULL, first_seen INTEGER NOT NULL,
                                     last_seen INTEGER NOT NULL, body BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS inv_image_chain ON inv_image(chain);
CREATE TABLE IF NOT EXISTS inv_image_layer(layer INTEGER NOT NULL, image INTEGER NOT NULL, ord INTEGER NOT NULL, PRIMARY KEY(layer, image, ord)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS inv_member(child TEXT NOT NULL, parent TEXT NOT NULL, PRIMARY KEY(child, parent)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS inv_index(digest TEXT PRIMARY KEY, whole INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS inv_member_parent ON inv_member(parent);
CREATE TABLE IF NOT EXISTS inv_tag(id INTEGER PRIMARY KEY, repository TEXT NOT NULL, tag TEXT NOT NULL, digest TEXT NOT NULL, first_seen INTEGER NOT NULL,
                                   last_seen INTEGER NOT NULL, vanished INTEGER, UNIQUE(repository, tag, digest));
CREATE INDEX IF NOT EXISTS inv_tag_digest ON inv_tag(digest);
CREATE TABLE IF NOT EXISTS inv_file(prefix INTEGER NOT NULL, layer INTEGER NOT NULL, PRIMARY KEY(prefix, layer)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS inv_path(id INTEGER PRIMARY KEY, path TEXT NOT NULL UNIQUE);
CREATE TABLE IF NOT EXISTS inv_path_layer(path INTEGER NOT NULL, layer INTEGER NOT NULL, PRIMARY KEY(path, layer)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS inv_term(id INTEGER PRIMARY KEY, kind INTEGER NOT NULL, text TEXT NOT NULL, UNIQUE(kind, text));
CREATE TABLE IF NOT EXISTS inv_term_layer(term INTEGER NOT NULL, layer INTEGER NOT NULL, PRIMARY KEY(term, layer)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS inv_term_image(term INTEGER NOT NULL, image INTEGER NOT NULL, PRIMARY KEY(term, image)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS inv_term_of_image ON inv_term_image(image);
CREATE TABLE IF NOT EXISTS inv_package(id INTEGER PRIMARY KEY, type INTEGER NOT NULL, name TEXT NOT NULL, version TEXT NOT NULL, architecture TEXT NOT NULL,
                                       source TEXT NOT NULL, source_version TEXT NOT NULL, UNIQUE(name, type, version, architecture, source, source_version));
CREATE INDEX IF NOT EXISTS inv_package_source ON inv_package(source);
CREATE TABLE IF NOT EXISTS inv_package_layer(package INTEGER NOT NULL, layer INTEGER NOT NULL, PRIMARY KEY(package, layer)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS inv_crawl(source TEXT PRIMARY KEY, at INTEGER NOT NULL, indexed INTEGER NOT NULL, failed INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS inv_failure(reference TEXT PRIMARY KEY, why TEXT NOT NULL, at INTEGER NOT NULL) WITHOUT ROWID;
)";

// 63 bits of a digest: the index stays small, and the layer's facts decide.
int64_t prefix_of(const Sha256& d) {
  uint64_t v = 0;
  std::memcpy(&v, d.data(), sizeof v);
  return static_cast<int64_t>(v >> 1);
}

}  // namespace

std::string chain_id(const std::vector<Digest>& diff_ids, size_t count) {
  std::string chain;
  for (size_t i = 0; i < count && i < diff_ids.size(); ++i) {
    if (diff_ids[i].empty()) return "";
    chain = i == 0 ? diff_ids[0].text() : digest_of(as_bytes(chain + " " + diff_ids[i].text())).text();
  }
  return chain;
}

struct Inventory::Impl {
  std::string path;
  sqlite3* db = nullptr;
  std::shared_ptr<LayerCache> cache;

  ~Impl() { sqlite3_close(db); }

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

  // Whether the file is an inventory; false when it is not there or empty. Looks without writing: another program's file stays as it is.
  Result<bool> is_ours() {
    struct stat st {};
    if (::stat(path.c_str(), &st) != 0 || st.st_size == 0) return false;
    sqlite3* look = nullptr;
    int rc = sqlite3_open_v2(path.c_str(), &look, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, nullptr);
    std::unique_ptr<sqlite3, int (*)(sqlite3*)> closes(look, sqlite3_close);
    sqlite3_busy_timeout(look, kWait);
    SqlStatement tables(look, "SELECT count(*), coalesce(sum(name IN ('meta','inv_layer')),0) FROM sqlite_master WHERE type='table'");
    if (rc != SQLITE_OK || !tables.row()) return Error{Errc::corrupt, escape(path) + " is not an inventory of careen: " + sqlite3_errmsg(look)};
    if (tables.number(0) == 0) return false;
    if (tables.number(1) != 2) return Error{Errc::corrupt, escape(path) + " is not an inventory of careen: it holds something else, and was left as it is"};
    return true;
  }

  Result<void> open(Mode mode) {
    CAREEN_ASSIGN(bool begun, is_ours());
    if (!begun && mode == Mode::read) return Error{Errc::not_found, "the inventory " + escape(path) + " is empty: run careen index"};
    int flags = SQLITE_OPEN_NOMUTEX | (mode == Mode::write ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE : SQLITE_OPEN_READWRITE);
    if (sqlite3_open_v2(path.c_str(), &db, flags, nullptr) != SQLITE_OK) return failed("cannot be opened");
    sqlite3_busy_timeout(db, kWait);
    if (exec_patiently(db, "PRAGMA journal_mode=WAL", kWait / 1000) != SQLITE_OK ||
        !exec("PRAGMA synchronous=NORMAL; PRAGMA trusted_schema=OFF; PRAGMA cache_size=-65536;"))
      return failed("is not an inventory");
    if (!begun)
      return transaction("cannot be begun", [&] {
        return exec(kSchemaSql) && sql("INSERT OR IGNORE INTO meta VALUES('schema', ?)").with(std::to_string(kInventorySchema)).done();
      });
    SqlStatement version = sql("SELECT value FROM meta WHERE key='schema'");
    auto have = version.row() ? to_number(version.view(0)) : std::nullopt;
    if (!have || *have == 0) return Error{Errc::corrupt, escape(path) + " is not an inventory of careen"};
    if (*have > kInventorySchema)
      return Error{Errc::unsupported, "the inventory " + escape(path) + " was written by a newer careen (schema " + std::to_string(*have) + ")"};
    return {};
  }
};

Inventory::Inventory() : impl_(std::make_unique<Impl>()) {}
Inventory::~Inventory() = default;

Result<std::unique_ptr<Inventory>> Inventory::open(const std::string& path, Mode mode) {
  struct stat st {};
  if (mode == Mode::read && ::stat(path.c_str(), &st) != 0) return Error{Errc::not_found, "there is no inventory at " + escape(path) + ": run careen index"};
  if (mode == Mode::write) CAREEN_TRY(make_directories(std::string(dir_name(path).empty() ? "." : dir_name(path))));
  std::unique_ptr<Inventory> inventory(new Inventory);
  inventory->impl_->path = path;
  CAREEN_TRY(inventory->impl_->open(mode));
  CAREEN_ASSIGN(inventory->impl_->cache, LayerCache::open_in(path));
  return inventory;
}

const std::string& Inventory::path() const {
  return impl_->path;
}
const std::shared_ptr<LayerCache>& Inventory::layers() const {
  return impl_->cache;
}

bool Inventory::has_layer(const Digest& diff_id) {
  return impl_->sql("SELECT 1 FROM inv_layer WHERE diff_id=? AND collectors=?").with(diff_id.text(), uint64_t{kCollectors}).row();
}

Result<void> Inventory::add_layer(const LayerFacts& f, const std::vector<ElfSymbols>& symbols, int64_t now) {
  Impl& m = *impl_;
  // Sorted, so that each table is written along its key.
  std::vector<int64_t> digests;
  std::vector<std::string> paths;
  FileRecord r;
  for (FileCursor c(f.files); c.next(r);) {
    if (base_name(r.path).starts_with(".wh.")) continue;  // a whiteout is no file
    if (r.sha256) digests.push_back(prefix_of(*r.sha256));
    if (r.type != FileType::directory) paths.push_back(r.path);
  }
  auto distinct = [](auto& v) {
    std::sort(v.begin(), v.end());
    v.erase(std::unique(v.begin(), v.end()), v.end());
  };
  std::vector<std::pair<TermKind, std::string>> terms;
  for (const ElfFacts& e : f.elf) {
    if (!e.soname.empty()) terms.emplace_back(TermKind::soname, e.soname);
    if (!e.build_id.empty()) terms.emplace_back(TermKind::build_id, e.build_id);
    for (const std::string& n : e.needed) terms.emplace_back(TermKind::needed, n);
  }
  auto names = [&](const std::string& list, TermKind kind) {
    for (std::string_view rest = list; !rest.empty();) {
      std::string_view one = rest.substr(0, rest.find('\0'));
      terms.emplace_back(kind, one);
      rest.remove_prefix(std::min(rest.size(), one.size() + 1));
    }
  };
  for (const ElfSymbols& s : symbols) names(s.imports, TermKind::symbol_import), names(s.exports, TermKind::symbol_export);
  distinct(digests), distinct(paths), distinct(terms);
  return m.transaction("a layer cannot be kept", [&] {
    SqlStatement find = m.sql("SELECT id FROM inv_layer WHERE diff_id=?");
    if (find.with(f.diff_id.text()).row()) {  // collected anew
      int64_t old = find.number(0);
      for (const char* t : {"DELETE FROM inv_file WHERE layer=?", "DELETE FROM inv_path_layer WHERE layer=?", "DELETE FROM inv_term_layer WHERE layer=?"})
        if (!m.sql(t).with(old).done()) return false;
      if (!m.sql("UPDATE inv_layer SET entries=?, size=?, collectors=?, indexed=? WHERE id=?")
               .with(f.files.size(), f.size, uint64_t{kCollectors}, now, old)
               .done())
        return false;
    } else if (!m.sql("INSERT INTO inv_layer(diff_id, entries, size, collectors, indexed) VALUES(?,?,?,?,?)")
                    .with(f.diff_id.text(), f.files.size(), f.size, uint64_t{kCollectors}, now)
                    .done()) {
      return false;
    }
    find.with(f.diff_id.text());
    if (!find.row()) return false;
    int64_t layer = find.number(0);
    SqlStatement file = m.sql("INSERT OR IGNORE INTO inv_file VALUES(?,?)");
    for (int64_t d : digests)
      if (!file.with(d, layer).done()) return false;
    SqlStatement find_path = m.sql("SELECT id FROM inv_path WHERE path=?"), new_path = m.sql("INSERT INTO inv_path(path) VALUES(?)"),
                 at_path = m.sql("INSERT OR IGNORE INTO inv_path_layer VALUES(?,?)");
    for (const std::string& p : paths) {
      auto id = m.number_of(find_path, new_path, p);
      if (!id || !at_path.with(*id, layer).done()) return false;
    }
    SqlStatement find_term = m.sql("SELECT id FROM inv_term WHERE kind=? AND text=?"), new_term = m.sql("INSERT INTO inv_term(kind, text) VALUES(?,?)"),
                 at_term = m.sql("INSERT OR IGNORE INTO inv_term_layer VALUES(?,?)");
    for (const auto& [kind, text] : terms) {
      auto id = m.number_of(find_term, new_term, static_cast<int>(kind), text);
      if (!id || !at_term.with(*id, layer).done()) return false;
    }
    return true;
  });
}

bool Inventory::has_image(const std::string& digest) {
  return impl_->sql("SELECT 1 FROM inv_image WHERE digest=?").with(digest).row();
}

Result<void> Inventory::add_image(const StoredImage& image, int64_t now) {
  Impl& m = *impl_;
  ImageBody body{const_cast<StoredImage*>(&image), {}};  // Encoder only reads
  for (const Digest& d : image.layers) body.layers.push_back(d.text());
  std::string bytes = encode(body), chain = chain_id(image.layers, image.layers.size());
  return m.transaction("an image cannot be kept", [&] {
    if (!m.sql("INSERT INTO inv_image(digest, config, platform, verdict, knowledge, gaps, created, chain, first_seen, last_seen, body) "
               "VALUES(?,?,?,?,?,?,?,?,?,?,?) "
               "ON CONFLICT(digest) DO UPDATE SET config=excluded.config, platform=excluded.platform, verdict=excluded.verdict, "
               "knowledge=excluded.knowledge, gaps=excluded.gaps, created=excluded.created, chain=excluded.chain, last_seen=max(last_seen, "
               "excluded.last_seen), body=excluded.body")
             .with(image.digest, image.config_digest, image.platform, image.verdict, image.knowledge, uint64_t{image.gaps.size()}, image.created, chain, now,
                   now, SqlBlob{bytes})
             .done())
      return false;
    SqlStatement find = m.sql("SELECT id FROM inv_image WHERE digest=?");
    if (!find.with(image.digest).row()) return false;
    int64_t id = find.number(0);
    SqlStatement layer_of = m.sql("SELECT id FROM inv_layer WHERE diff_id=?"), at_layer = m.sql("INSERT OR IGNORE INTO inv_image_layer VALUES(?,?,?)"),
                 blob = m.sql("INSERT OR IGNORE INTO inv_blob VALUES(?,?)");
    std::vector<int64_t> layers;
    for (size_t i = 0; i < image.layers.size(); ++i) {
      layers.push_back(0);
      if (image.layers[i].empty() || !layer_of.with(image.layers[i].text()).row()) continue;
      layers.back() = layer_of.number(0);
      if (!at_layer.with(layers.back(), id, uint64_t{i}).done()) return false;
      if (i < image.blobs.size() && !image.blobs[i].empty() && !blob.with(image.blobs[i], layers.back()).done()) return false;
    }
    SqlStatement find_package = m.sql("SELECT id FROM inv_package WHERE type=? AND name=? AND version=? AND architecture=? AND source=? AND source_version=?"),
                 new_package = m.sql("INSERT INTO inv_package(type, name, version, architecture, source, source_version) VALUES(?,?,?,?,?,?)"),
                 at_package = m.sql("INSERT OR IGNORE INTO inv_package_layer VALUES(?,?)");
    for (const StoredPackage& p : image.packages) {
      if (p.layer >= layers.size() || layers[p.layer] == 0) continue;
      auto package = m.number_of(find_package, new_package, static_cast<int>(p.type), p.name, p.version, p.architecture, p.source, p.source_version);
      if (!package || !at_package.with(*package, layers[p.layer]).done()) return false;
    }
    if (!m.sql("DELETE FROM inv_term_image WHERE image=?").with(id).done()) return false;  // what it was judged to be before
    SqlStatement find_term = m.sql("SELECT id FROM inv_term WHERE kind=? AND text=?"), new_term = m.sql("INSERT INTO inv_term(kind, text) VALUES(?,?)"),
                 at_term = m.sql("INSERT OR IGNORE INTO inv_term_image VALUES(?,?)");
    for (const auto& [kind, text] : image.terms) {
      auto term = m.number_of(find_term, new_term, static_cast<int>(kind), text);
      if (!term || !at_term.with(*term, id).done()) return false;
    }
    return true;
  });
}

bool Inventory::has_index(const std::string& digest) {
  return impl_->sql("SELECT 1 FROM inv_index WHERE digest=? AND whole=1").with(digest).row();
}

Result<void> Inventory::seen_again(const std::string& digest, int64_t now) {
  return impl_->transaction("an image cannot be kept", [&] {
    return impl_->sql("UPDATE inv_image SET last_seen=max(last_seen, ?1) WHERE digest=?2 OR digest IN (SELECT child FROM inv_member WHERE parent=?2)")
        .with(now, digest)
        .done();
  });
}

Result<void> Inventory::add_index(const std::string& index, const std::vector<std::string>& images, bool whole) {
  return impl_->transaction("an index cannot be kept", [&] {
    if (!impl_->sql("INSERT INTO inv_index VALUES(?,?) ON CONFLICT(digest) DO UPDATE SET whole=max(whole, excluded.whole)").with(index, whole ? 1 : 0).done())
      return false;
    SqlStatement s = impl_->sql("INSERT OR IGNORE INTO inv_member VALUES(?,?)");
    return std::all_of(images.begin(), images.end(), [&](const std::string& i) { return s.with(i, index).done(); });
  });
}

Result<void> Inventory::see(const std::string& repository, const std::string& tag, const std::string& digest, int64_t now) {
  return impl_->transaction("a tag cannot be kept", [&] {
    return impl_
        ->sql(
            "INSERT INTO inv_tag(repository, tag, digest, first_seen, last_seen) VALUES(?,?,?,?,?) "
            "ON CONFLICT(repository, tag, digest) DO UPDATE SET last_seen=max(last_seen, excluded.last_seen), vanished=NULL")
        .with(repository, tag, digest, now, now)
        .done();
  });
}

Result<void> Inventory::still_listed(const std::string& repository, const std::string& tag, int64_t now) {
  return impl_->transaction("a tag cannot be kept", [&] {
    return impl_
        ->sql(
            "UPDATE inv_tag SET last_seen=max(last_seen, ?1) WHERE repository=?2 AND tag=?3 AND vanished IS NULL "
            "AND last_seen=(SELECT max(last_seen) FROM inv_tag WHERE repository=?2 AND tag=?3 AND vanished IS NULL)")
        .with(now, repository, tag)
        .done();
  });
}

Result<uint64_t> Inventory::vanish(const std::string& repository, int64_t since, int64_t now) {
  uint64_t changed = 0;
  CAREEN_TRY(impl_->transaction("tags cannot be kept", [&] {
    bool ok = impl_->sql("UPDATE inv_tag SET vanished=? WHERE repository=? AND last_seen<? AND vanished IS NULL").with(now, repository, since).done();
    changed = static_cast<uint64_t>(sqlite3_changes(impl_->db));
    return ok;
  }));
  return changed;
}

Result<void> Inventory::note_crawl(const Crawl& c) {
  return impl_->transaction("a crawl cannot be noted", [&] {
    return impl_
        ->sql(
            "INSERT INTO inv_crawl VALUES(?,?,?,?) ON CONFLICT(source) DO UPDATE SET at=max(at, excluded.at), indexed=excluded.indexed, failed=excluded.failed")
        .with(c.source, c.at, c.indexed, c.failed)
        .done();
  });
}

Result<void> Inventory::note_failure(const std::string& reference, const std::string& why, int64_t now) {
  return impl_->transaction("a failure cannot be noted",
                            [&] { return impl_->sql("INSERT OR REPLACE INTO inv_failure VALUES(?,?,?)").with(reference, why, now).done(); });
}

Result<void> Inventory::forget_failure(const std::string& reference) {
  if (!impl_->sql("SELECT 1 FROM inv_failure WHERE reference=?").with(reference).row()) return {};
  return impl_->transaction("a failure cannot be dropped", [&] { return impl_->sql("DELETE FROM inv_failure WHERE reference=?").with(reference).done(); });
}

InventoryCounts Inventory::counts() {
  InventoryCounts c;
  auto one = [&](const char* text) {
    SqlStatement s = impl_->sql(text);
    return s.row() ? s.number(0) : 0;
  };
  c.images = static_cast<uint64_t>(one("SELECT count(*) FROM inv_image"));
  c.layers = static_cast<uint64_t>(one("SELECT count(*) FROM inv_layer"));
  c.tags = static_cast<uint64_t>(one("SELECT count(*) FROM inv_tag WHERE vanished IS NULL"));
  c.repositories = static_cast<uint64_t>(one("SELECT count(DISTINCT repository) FROM inv_tag"));
  c.unjudged = static_cast<uint64_t>(one("SELECT count(*) FROM inv_image WHERE gaps>0"));
  c.newest = one("SELECT coalesce(max(at),0) FROM inv_crawl");
  c.oldest = one("SELECT coalesce(min(at),0) FROM inv_crawl");
  return c;
}

std::vector<Crawl> Inventory::crawls() {
  std::vector<Crawl> out;
  SqlStatement s = impl_->sql("SELECT source, at, indexed, failed FROM inv_crawl ORDER BY source");
  while (s.row()) out.push_back({s.text(0), s.number(1), static_cast<uint64_t>(s.number(2)), static_cast<uint64_t>(s.number(3))});
  return out;
}

std::vector<IndexFailure> Inventory::failures() {
  std::vector<IndexFailure> out;
  SqlStatement s = impl_->sql("SELECT reference, why, at FROM inv_failure ORDER BY reference");
  while (s.row()) out.push_back({s.text(0), s.text(1), s.number(2)});
  return out;
}

std::vector<Inventory::Id> Inventory::layers_with_file(const Sha256& digest) {
  SqlStatement s = impl_->sql("SELECT layer FROM inv_file WHERE prefix=? ORDER BY layer");
  return impl_->numbers(s.with(prefix_of(digest)));
}

std::vector<Inventory::Id> Inventory::layers_with_term(TermKind kind, const std::string& text) {
  SqlStatement s = impl_->sql("SELECT layer FROM inv_term JOIN inv_term_layer ON term=id WHERE kind=? AND text=? ORDER BY layer");
  return impl_->numbers(s.with(static_cast<int>(kind), text));
}

std::vector<Inventory::Id> Inventory::images_with_term(TermKind kind, const std::string& text, bool glob) {
  std::set<Id> out;
  SqlStatement terms = impl_->sql("SELECT id, text FROM inv_term WHERE kind=?"), exact = impl_->sql("SELECT id, text FROM inv_term WHERE kind=? AND text=?"),
               images = impl_->sql("SELECT image FROM inv_term_image WHERE term=?");
  SqlStatement& found = glob ? terms.with(static_cast<int>(kind)) : exact.with(static_cast<int>(kind), text);
  while (found.row()) {
    if (glob && !glob_match(text, found.view(1))) continue;
    for (Id i : impl_->numbers(images.with(found.number(0)))) out.insert(i);
  }
  return {out.begin(), out.end()};
}

void Inventory::paths_like(const std::string& glob, const std::function<bool(const std::string&, const std::vector<Id>&)>& f) {
  size_t wild = glob.find_first_of("*?[");
  SqlStatement s = wild == std::string::npos ? impl_->sql("SELECT id, path FROM inv_path WHERE path=?")
                                             : impl_->sql("SELECT id, path FROM inv_path WHERE path>=? AND path<?");
  SqlStatement layers = impl_->sql("SELECT layer FROM inv_path_layer WHERE path=? ORDER BY layer");
  // What stands before the first wild card bounds the search: from it to the next prefix of its length.
  std::string from = glob.substr(0, wild), to = from;
  while (to.ends_with('\xff')) to.pop_back();
  if (!to.empty()) to.back() = static_cast<char>(static_cast<uint8_t>(to.back()) + 1);
  if (wild == std::string::npos)
    s.with(glob);
  else if (to.empty())
    s = impl_->sql("SELECT id, path FROM inv_path");
  else
    s.with(from, to);
  while (s.row())
    if (glob_match(glob, s.view(1)) && !f(s.text(1), impl_->numbers(layers.with(s.number(0))))) return;
}

std::vector<Inventory::PackageRow> Inventory::packages_named(const std::string& name) {
  std::vector<PackageRow> out;
  SqlStatement
      s = impl_->sql(
          "SELECT id, type, name, version, architecture, source, source_version FROM inv_package WHERE name=?1 OR source=?1 ORDER BY name, version, id"),
      layers = impl_->sql("SELECT layer FROM inv_package_layer WHERE package=? ORDER BY layer");
  s.with(name);
  while (s.row()) {
    PackageRow row;
    row.package.type = static_cast<PackageType>(s.number(1));
    row.package.name = s.text(2), row.package.version = s.text(3), row.package.architecture = s.text(4);
    row.package.source = s.text(5), row.package.source_version = s.text(6);
    row.layers = impl_->numbers(layers.with(s.number(0)));
    out.push_back(std::move(row));
  }
  return out;
}

std::optional<Inventory::Id> Inventory::layer_id(const std::string& digest) {
  for (const char* text : {"SELECT id FROM inv_layer WHERE diff_id=?", "SELECT layer FROM inv_blob WHERE digest=?"})
    if (SqlStatement s = impl_->sql(text); s.with(digest).row()) return s.number(0);
  return std::nullopt;
}

std::optional<Digest> Inventory::layer_digest(Id layer) {
  SqlStatement s = impl_->sql("SELECT diff_id FROM inv_layer WHERE id=?");
  if (!s.with(layer).row()) return std::nullopt;
  auto d = Digest::parse(s.view(0));
  return d ? std::optional(*d) : std::nullopt;
}

std::vector<Inventory::Id> Inventory::images_of_layer(Id layer) {
  SqlStatement s = impl_->sql("SELECT DISTINCT image FROM inv_image_layer WHERE layer=? ORDER BY image");
  return impl_->numbers(s.with(layer));
}

std::vector<Inventory::Id> Inventory::all_images() {
  SqlStatement s = impl_->sql("SELECT id FROM inv_image ORDER BY id");
  return impl_->numbers(s);
}

std::vector<Inventory::Id> Inventory::images_with_chain(const std::string& chain) {
  SqlStatement s = impl_->sql("SELECT id FROM inv_image WHERE chain=? ORDER BY id");
  return chain.empty() ? std::vector<Id>{} : impl_->numbers(s.with(chain));
}

std::vector<std::pair<TermKind, std::string>> Inventory::terms_of(const std::string& image_digest) {
  std::vector<std::pair<TermKind, std::string>> out;
  SqlStatement s = impl_->sql(
      "SELECT kind, text FROM inv_term_image JOIN inv_term ON term=inv_term.id WHERE image=(SELECT id FROM inv_image WHERE digest=?) ORDER BY kind, text");
  s.with(image_digest);
  while (s.row()) out.emplace_back(static_cast<TermKind>(s.number(0)), s.text(1));
  return out;
}

std::vector<std::string> Inventory::members_of(const std::string& index) {
  std::vector<std::string> out;
  SqlStatement s = impl_->sql("SELECT child FROM inv_member WHERE parent=? ORDER BY child");
  s.with(index);
  while (s.row()) out.push_back(s.text(0));
  return out;
}

std::optional<Inventory::Id> Inventory::image_id(const std::string& digest) {
  SqlStatement s = impl_->sql("SELECT id FROM inv_image WHERE digest=?");
  return s.with(digest).row() ? std::optional(s.number(0)) : std::nullopt;
}

std::optional<StoredImage> Inventory::image(Id id) {
  SqlStatement s = impl_->sql("SELECT digest, config, platform, verdict, knowledge, created, first_seen, last_seen, body FROM inv_image WHERE id=?");
  if (!s.with(id).row()) return std::nullopt;
  StoredImage i;
  i.digest = s.text(0), i.config_digest = s.text(1), i.platform = s.text(2), i.verdict = s.text(3), i.knowledge = s.text(4), i.created = s.text(5);
  i.first_seen = s.number(6), i.last_seen = s.number(7);
  ImageBody body{&i, {}};
  if (!decode(as_bytes(s.view(8)), &body)) return std::nullopt;
  for (const std::string& l : body.layers) {
    auto d = Digest::parse(l);
    i.layers.push_back(d ? *d : Digest{});
  }
  return i;
}

namespace {
std::vector<Tag> read_tags(SqlStatement& s) {
  std::vector<Tag> out;
  while (s.row()) {
    Tag t{s.text(0), s.text(1), s.text(2), s.number(3), s.number(4), std::nullopt};
    if (!s.is_null(5)) t.vanished = s.number(5);
    out.push_back(std::move(t));
  }
  return out;
}
}  // namespace

std::vector<Tag> Inventory::tags_of(const std::string& image_digest) {
  SqlStatement s = impl_->sql(
      "SELECT repository, tag, digest, first_seen, last_seen, vanished FROM inv_tag WHERE digest=?1 OR digest IN (SELECT parent FROM inv_member WHERE "
      "child=?1) "
      "ORDER BY repository, tag, first_seen, digest");
  return read_tags(s.with(image_digest));
}

std::vector<Tag> Inventory::tags_named(const std::string& repository, const std::string& tag) {
  SqlStatement s = impl_->sql(
      "SELECT repository, tag, digest, first_seen, last_seen, vanished FROM inv_tag WHERE repository=?1 AND (?2='' OR tag=?2) ORDER BY tag, first_seen, "
      "digest");
  return read_tags(s.with(repository, tag));
}

std::vector<std::string> Inventory::repositories() {
  std::vector<std::string> out;
  SqlStatement s = impl_->sql("SELECT DISTINCT repository FROM inv_tag ORDER BY repository");
  while (s.row()) out.push_back(s.text(0));
  return out;
}

Result<void> Inventory::backup(const std::string& file) {
  SqlStatement s = impl_->sql("VACUUM INTO ?");
  if (!s.with(file).done()) return impl_->failed("cannot be copied");
  return {};
}

Result<void> Inventory::compact() {
  if (!impl_->exec("VACUUM")) return impl_->failed("cannot be compacted");
  return {};
}

Result<std::vector<std::string>> Inventory::check() {
  std::vector<std::string> wrong;
  SqlStatement s = impl_->sql("PRAGMA integrity_check(20)");
  while (s.row())
    if (s.view(0) != "ok") wrong.push_back(s.text(0));
  SqlStatement layers = impl_->sql("SELECT DISTINCT diff_id FROM layer WHERE part='core' AND collectors=?");
  layers.with(uint64_t{kCollectors});
  while (layers.row()) {
    auto d = Digest::parse(layers.view(0));
    bool unused = false;
    if (!d || !impl_->cache->facts(*d, {}, &unused)) wrong.push_back("the facts of layer " + layers.text(0) + " cannot be read");
  }
  SqlStatement loose =
      impl_->sql("SELECT count(*) FROM inv_image_layer WHERE layer NOT IN (SELECT id FROM inv_layer) OR image NOT IN (SELECT id FROM inv_image)");
  if (loose.row() && loose.number(0) != 0) wrong.push_back(std::to_string(loose.number(0)) + " rows name a layer or an image that is not there");
  for (Id id : all_images())
    if (!image(id)) wrong.push_back("image " + std::to_string(id) + " cannot be read");
  return wrong;
}

}  // namespace careen
