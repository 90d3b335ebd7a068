#include "store/cache.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <ctime>
#include <mutex>
#include <set>
#include <utility>

#include "base/codec.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/text.h"
#include "store/database.h"
#include "store/pieces.h"
#include "store/place.h"
#include "store/squeeze.h"

namespace careen {
namespace {

constexpr int kSchema = 3;
constexpr int kBusyMilliseconds = 10'000;
constexpr uint64_t kMaxPart = 1ULL << 30;  // one part of a layer's facts, inflated

constexpr const char* kTables = R"(
CREATE TABLE IF NOT EXISTS blob(digest TEXT PRIMARY KEY, diff_id TEXT NOT NULL, size INTEGER NOT NULL, sum BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS layer(diff_id TEXT NOT NULL, part TEXT NOT NULL, collectors INTEGER NOT NULL, used INTEGER NOT NULL,
                                 body BLOB NOT NULL, sum BLOB NOT NULL, PRIMARY KEY(diff_id, part));
CREATE TABLE IF NOT EXISTS document(digest TEXT PRIMARY KEY, body BLOB NOT NULL, used INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS judged(key TEXT PRIMARY KEY, body BLOB NOT NULL, used INTEGER NOT NULL, sum BLOB NOT NULL);
)";

constexpr uint64_t kMaxDocument = 16ULL << 20;
constexpr uint64_t kMaxJudged = 16ULL << 20;
constexpr int kMaxDocuments = 20'000;

constexpr const char* kPutPart =
    "INSERT INTO layer VALUES(?,?,?,?,?,?) ON CONFLICT(diff_id, part) DO UPDATE SET collectors=excluded.collectors, used=excluded.used, "
    "body=excluded.body, sum=excluded.sum";
constexpr const char* kPutBlob =
    "INSERT INTO blob VALUES(?,?,?,?) ON CONFLICT(digest) DO UPDATE SET diff_id=excluded.diff_id, size=excluded.size, sum=excluded.sum";

// A checksum over a row and its key, so that damage and rows under a wrong key are noticed.
std::string sum_of(std::initializer_list<std::string_view> parts) {
  Hasher h(Algorithm::sha256);
  for (std::string_view p : parts) {
    std::string size = std::to_string(p.size()) + ":";
    h.update(as_bytes(size));
    h.update(as_bytes(p));
  }
  Sha256 d = h.sha256();
  return {reinterpret_cast<const char*>(d.data()), 16};
}

struct Core {  // what every run needs
  LayerFacts* f;
};
template <class A>
void fields(A& a, Core& c) {
  LayerFacts& f = *c.f;
  a(f.size), a(f.databases), a(f.elf), a(f.texts), a(f.coverage);
}

struct Hits {
  LayerFacts* f;
};
template <class A>
void fields(A& a, Hits& h) {
  a(h.f->hits), a(h.f->hit_coverage);
}

constexpr const char* kFilesPart = "files";  // the list of the pieces of the file table (pieces.h)
constexpr size_t kLongTable = 8 << 20;       // bytes of a file table that is never held twice
constexpr size_t kPiecesAtOnce = 4096;

std::string hits_part(const Sha256& patterns) {
  return "hits:" + to_hex(patterns.data(), patterns.size());
}

}  // namespace

// Bodies are compressed before they come: PostgreSQL need not try again.
const char* const kPostgresLayerSql = R"(
CREATE TABLE blob(digest BYTEA PRIMARY KEY, diff_id BYTEA NOT NULL, size BIGINT NOT NULL, sum BYTEA NOT NULL);
CREATE INDEX blob_diff_id ON blob(diff_id);
CREATE TABLE layer(diff_id BYTEA NOT NULL, part BYTEA NOT NULL, collectors BIGINT NOT NULL, used BIGINT NOT NULL, body BYTEA NOT NULL, sum BYTEA NOT NULL,
                   PRIMARY KEY(diff_id, part));
CREATE TABLE document(digest BYTEA PRIMARY KEY, body BYTEA NOT NULL, used BIGINT NOT NULL);
CREATE TABLE judged(key BYTEA PRIMARY KEY, body BYTEA NOT NULL, used BIGINT NOT NULL, sum BYTEA NOT NULL);
ALTER TABLE layer ALTER COLUMN body SET STORAGE EXTERNAL;
ALTER TABLE document ALTER COLUMN body SET STORAGE EXTERNAL;
ALTER TABLE judged ALTER COLUMN body SET STORAGE EXTERNAL;
)";

struct LayerCache::Impl {
  std::string path;
  sqlite3* file = nullptr;
  std::unique_ptr<Database> db;  // none: it remembers nothing
  std::unique_ptr<PieceTable> pieces;
  bool precious = false;
  std::optional<std::string> trouble;
  int inside = 0, damage = 0;  // of a transaction, and what was met there
  std::mutex mutex;

  // While it lives nothing is closed; after it what was met is dealt with.
  class Inside {
   public:
    explicit Inside(Impl& i) : impl_(i) { ++impl_.inside; }
    ~Inside() {
      if (--impl_.inside != 0) return;
      int rc = std::exchange(impl_.damage, 0);
      if (rc != 0) impl_.check(rc);
    }
    Inside(const Inside&) = delete;
    Inside& operator=(const Inside&) = delete;

   private:
    Impl& impl_;
  };

  ~Impl() { close(); }
  void close() {
    pieces.reset();
    db.reset();
    sqlite3_close(file);
    file = nullptr;
  }

  Statement sql(const char* text) const { return {*db, text}; }

  // Where the long tables of layers lie that are too long for memory: beside the file; nowhere for a server's.
  std::string spill_directory() const {
    if (file == nullptr) return "";
    std::string_view directory = dir_name(path);
    return directory.empty() ? "." : std::string(directory);
  }

  // SQLITE_OK, or why the file cannot be used.
  int open_file() {
    close();
    int rc = sqlite3_open_v2(path.c_str(), &file, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, nullptr);
    if (rc != SQLITE_OK) return rc;
    sqlite3_busy_timeout(file, kBusyMilliseconds);
    db = use_sqlite(file);
    pieces = std::make_unique<PieceTable>(*db);
    rc = exec_patiently(
        file, "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA trusted_schema=OFF; PRAGMA wal_autocheckpoint=16384; PRAGMA cache_size=-16384;",
        kBusyMilliseconds / 1000);
    if (rc != SQLITE_OK) return rc;
    int version = 0;
    if (Statement s = sql("PRAGMA user_version"); s.row())
      version = static_cast<int>(s.number(0));
    else
      return SQLITE_CORRUPT;
    if (version == kSchema) return SQLITE_OK;
    if (version != 0) return SQLITE_CORRUPT;  // of another careen: begun anew
    rc = exec_patiently(file, "BEGIN IMMEDIATE", kBusyMilliseconds / 1000);
    if (rc != SQLITE_OK) return rc;
    for (const char* tables : {kTables, kPieceSql})
      if (rc == SQLITE_OK) rc = sqlite3_exec(file, tables, nullptr, nullptr, nullptr);
    if (rc == SQLITE_OK) rc = sqlite3_exec(file, "PRAGMA user_version=3; COMMIT", nullptr, nullptr, nullptr);
    return rc;
  }

  static bool is_damage(int rc) { return rc == SQLITE_CORRUPT || rc == SQLITE_NOTADB || rc == SQLITE_FORMAT; }

  void set_aside() {
    if (precious) {
      warn(path + " is damaged; careen store check says how");
      trouble = "the file is damaged";
      close();
      return;
    }
    close();
    std::string aside = path + ".damaged-" + std::to_string(::time(nullptr)) + "-" + std::to_string(::getpid());
    ::rename(path.c_str(), aside.c_str());
    ::unlink((path + "-wal").c_str());
    ::unlink((path + "-shm").c_str());
    warn("the cache was damaged and is begun anew; the old file is " + aside);
  }

  void open() {
    int rc = open_file();
    if (is_damage(rc)) {
      set_aside();
      rc = open_file();
    }
    if (rc != SQLITE_OK) {
      note("the cache " + path + " cannot be used (" + (file != nullptr ? sqlite3_errmsg(file) : "no memory") + "); going on without");
      close();
    }
  }

  // After an operation: a damaged file is set aside once.
  void check(int rc) {
    if (file == nullptr || !is_damage(rc & 0xff)) return;  // a server mends itself
    if (inside != 0) return void(damage = rc);             // what is in use is not closed: ~Inside() does

    set_aside();
    if (!precious) open();
  }

  // The statement's first row; where there is none because the file is damaged, that is dealt with.
  template <class... T>
  bool one_row(Statement& s, const T&... values) {
    if (s && s.with(values...).row()) return true;
    int rc = file != nullptr ? sqlite3_errcode(file) : SQLITE_OK;
    s = {};
    check(rc);
    return false;
  }

  std::optional<std::string> part(const Digest& diff_id, const std::string& name) {
    Statement s = sql("SELECT body, sum FROM layer WHERE diff_id=? AND part=? AND collectors=?");
    if (!one_row(s, diff_id.text(), name, uint64_t{kCollectors})) return std::nullopt;
    if (sum_of({diff_id.text(), name, std::to_string(kCollectors), s.view(0)}) != s.view(1)) return std::nullopt;
    return inflate(s.view(0), kMaxPart);
  }

  std::optional<PieceList> piece_list(const Digest& diff_id) {
    auto text = part(diff_id, kFilesPart);
    PieceList list;
    return text && decode_piece_list(*text, &list) ? std::optional(std::move(list)) : std::nullopt;
  }

  // The file table of a layer, whole or not at all.
  bool files(const Digest& diff_id, FileTable* out) {
    auto list = piece_list(diff_id);
    if (!list) return false;
    PieceSum sum;
    return pieces->read(
               list->numbers, [&](int64_t, Piece p) { return sum.add(p), out->add_chunk(std::move(p.bytes), p.records), true; }, inside == 0) &&
           sum.take() == list->sum;
  }

  // Notes the use of a layer for prune(), once an hour at most: most runs write nothing.
  void touch(const Digest& diff_id) { sql("UPDATE layer SET used=?1 WHERE diff_id=?2 AND used<?1-3600").with(int64_t{::time(nullptr)}, diff_id.text()).done(); }

  bool put_part(const Digest& diff_id, const std::string& name, const std::string& raw) { return put_body(diff_id, name, squeeze(raw)); }

  bool put_body(const Digest& diff_id, const std::string& name, const std::string& body) {
    std::string sum = sum_of({diff_id.text(), name, std::to_string(kCollectors), body});
    return sql(kPutPart).with(diff_id.text(), name, uint64_t{kCollectors}, int64_t{::time(nullptr)}, SqlBlob{body}, SqlBlob{sum}).done();
  }

  // Pieces have other numbers there.
  bool copy_files(Impl& from, const Digest& diff_id) {
    auto theirs = from.piece_list(diff_id);
    if (!theirs) return false;
    PieceTable& table = *pieces;
    PieceList mine{{}, theirs->sum};
    std::vector<Piece> some;
    auto write = [&] {
      bool ok = table.add(some, &mine.numbers);
      return some.clear(), ok;
    };
    bool ok = from.pieces->read(theirs->numbers, [&](int64_t, Piece p) { return some.push_back(std::move(p)), some.size() < kPiecesAtOnce || write(); });
    return ok && write() && put_part(diff_id, kFilesPart, encode_piece_list(mine));
  }

  // What leads from the blob to its layer; nothing for a layer that no blob is known of.
  bool put_blob(const Digest& blob, uint64_t size, const Digest& diff_id) {
    if (blob.empty()) return true;
    std::string sum = sum_of({blob.text(), diff_id.text(), std::to_string(size)});
    return sql(kPutBlob).with(blob.text(), diff_id.text(), size, SqlBlob{sum}).done();
  }

  // Those used longest ago, beyond `limit` bytes of all that are kept with the pieces that they share.
  bool drop_layers(uint64_t limit, std::vector<std::string>* drop) {
    Statement s = sql("SELECT diff_id, sum(length(body)), max(used) u FROM layer GROUP BY diff_id ORDER BY u DESC, diff_id");
    Statement length = sql("SELECT length(body) FROM piece WHERE id=?");
    if (!s || !length) return false;
    uint64_t kept = 0;
    std::set<int64_t> used;
    while (s.row()) {
      auto size = static_cast<uint64_t>(s.number(1));
      auto d = Digest::parse(s.view(0));
      auto list = d ? piece_list(*d) : std::nullopt;
      std::set<int64_t> own;
      for (int64_t n : list ? list->numbers : std::vector<int64_t>{})
        if (!used.contains(n) && own.insert(n).second && length.with(n).row()) size += static_cast<uint64_t>(length.number(0));
      if (kept + size > limit) {
        drop->push_back(s.text(0));
        continue;
      }
      kept += size;
      used.insert(own.begin(), own.end());
    }
    for (const std::string& d : *drop)
      for (const char* text : {"DELETE FROM layer WHERE diff_id=?", "DELETE FROM blob WHERE diff_id=?"})
        if (!sql(text).with(d).done()) return false;
    return pieces->keep_only({used.begin(), used.end()});
  }

  template <class F>
  void transaction(F f) {
    Inside here(*this);
    if (db->transact(f)) return;
    int rc = file != nullptr ? sqlite3_errcode(file) : SQLITE_OK;
    pieces->forget();
    trouble = last_sql_error();
    note("the cache could not be written: " + *trouble);
    check(rc);
  }
};

LayerCache::LayerCache() : impl_(std::make_unique<Impl>()) {}
LayerCache::~LayerCache() = default;

std::shared_ptr<LayerCache> LayerCache::open(const std::string& directory) {
  std::shared_ptr<LayerCache> c(new LayerCache);
  if (directory.empty()) return c;
  if (auto ok = make_directories(directory); !ok) {
    note("no cache: " + ok.error().what);
    return c;
  }
  c->impl_->path = directory + "/layers-v3.sqlite";
  c->impl_->open();
  return c;
}

Result<std::shared_ptr<LayerCache>> LayerCache::open_in(const std::string& file) {
  std::shared_ptr<LayerCache> c(new LayerCache);
  c->impl_->path = file;
  c->impl_->precious = true;
  int rc = c->impl_->open_file();
  if (rc == SQLITE_OK) return c;
  return Error{Errc::io, escape(file) + ": the facts of layers cannot be used: " + (c->impl_->file != nullptr ? sqlite3_errmsg(c->impl_->file) : "no memory")};
}

Result<std::shared_ptr<LayerCache>> LayerCache::connect(const std::string& url) {
  std::shared_ptr<LayerCache> c(new LayerCache);
  c->impl_->path = shown_store(url);
  c->impl_->precious = true;
  CAREEN_ASSIGN(c->impl_->db, connect_postgres(url));
  c->impl_->pieces = std::make_unique<PieceTable>(*c->impl_->db);
  return c;
}

std::vector<ElfSymbols> LayerCache::symbols(const Digest& diff_id) {
  std::lock_guard lock(impl_->mutex);
  std::vector<ElfSymbols> out;
  if (impl_->db == nullptr) return out;
  auto part = impl_->part(diff_id, "symbols");
  if (!part || !decode(as_bytes(*part), &out)) out.clear();
  return out;
}

std::optional<LayerCache::Blob> LayerCache::blob(const Digest& digest) {
  std::lock_guard lock(impl_->mutex);
  if (impl_->db == nullptr || digest.empty()) return std::nullopt;
  Statement s = impl_->sql("SELECT diff_id, size, sum FROM blob WHERE digest=?");
  if (!impl_->one_row(s, digest.text())) return std::nullopt;
  std::string diff = s.text(0);
  auto size = static_cast<uint64_t>(s.number(1));
  if (sum_of({digest.text(), diff, std::to_string(size)}) != s.view(2)) return std::nullopt;
  auto d = Digest::parse(diff);
  if (!d) return std::nullopt;
  return Blob{*d, size};
}

std::shared_ptr<LayerFacts> LayerCache::facts(const Digest& diff_id, const Sha256& patterns, bool* needs_patterns) {
  std::lock_guard lock(impl_->mutex);
  *needs_patterns = false;
  if (impl_->db == nullptr || diff_id.empty()) return nullptr;
  auto f = std::make_shared<LayerFacts>();
  f->diff_id = diff_id;
  f->files.spill_in(impl_->spill_directory());
  Core core{f.get()};
  Hits hits{f.get()};
  auto core_part = impl_->part(diff_id, "core");
  if (!core_part || !decode(as_bytes(*core_part), &core)) return nullptr;
  if (!impl_->files(diff_id, &f->files)) return nullptr;
  f->pattern_set = patterns;
  auto hit_part = impl_->part(diff_id, hits_part(patterns));
  *needs_patterns = !hit_part || !decode(as_bytes(*hit_part), &hits);
  impl_->touch(diff_id);
  return f;
}

std::optional<std::vector<FileHit>> LayerCache::hits(const Digest& diff_id, const Sha256& patterns) {
  std::lock_guard lock(impl_->mutex);
  if (impl_->db == nullptr || diff_id.empty()) return std::nullopt;
  auto part = impl_->part(diff_id, hits_part(patterns));
  LayerFacts f;
  Hits hits{&f};
  if (!part || !decode(as_bytes(*part), &hits)) return std::nullopt;
  return std::move(f.hits);
}

std::optional<std::string> LayerCache::trouble() {
  std::lock_guard lock(impl_->mutex);
  return impl_->trouble;
}

bool LayerCache::holds(const Digest& diff_id) {
  std::lock_guard lock(impl_->mutex);
  return impl_->db && impl_->sql("SELECT 1 FROM layer WHERE diff_id=? AND part='core' AND collectors=?").with(diff_id.text(), uint64_t{kCollectors}).row();
}

std::optional<FileTable> LayerCache::files(const Digest& diff_id) {
  std::lock_guard lock(impl_->mutex);
  if (impl_->db == nullptr) return std::nullopt;
  FileTable out;
  out.spill_in(impl_->spill_directory());
  return impl_->files(diff_id, &out) ? std::optional(std::move(out)) : std::nullopt;
}

std::optional<PieceList> LayerCache::pieces(const Digest& diff_id) {
  std::lock_guard lock(impl_->mutex);
  return impl_->db != nullptr ? impl_->piece_list(diff_id) : std::nullopt;
}

bool LayerCache::piece(int64_t number, const std::function<void(const FileTable&)>& f) {
  std::lock_guard lock(impl_->mutex);
  return impl_->db != nullptr && impl_->pieces->read({number}, [&](int64_t, Piece p) {
    FileTable t;
    t.add_chunk(std::move(p.bytes), p.records);
    f(t);
    return true;
  });
}

namespace {

// The parts of a layer but for its files: names and raw bytes.
std::vector<std::pair<std::string, std::string>> parts_of(const LayerFacts& facts) {
  auto* writable = const_cast<LayerFacts*>(&facts);  // Encoder only reads
  Core core{writable};
  Hits hits{writable};
  return {{"core", encode(core)}, {"symbols", encode(facts.symbols)}, {hits_part(facts.pattern_set), encode(hits)}};
}

}  // namespace

LayerCache::Rows LayerCache::rows_of(const LayerFacts& facts) {
  Rows out;
  out.diff_id = facts.diff_id;
  PieceCutter cutter(facts.files);
  PieceSum sum;
  for (Piece p; cutter.next(&p);) sum.add(p), out.pieces.push_back(std::move(p));
  out.whole = !cutter.damaged();
  out.sum = sum.take();
  for (auto& [name, raw] : parts_of(facts)) out.parts.emplace_back(std::move(name), squeeze(raw));
  return out;
}

void LayerCache::put(const Digest& blob, uint64_t blob_size, const LayerFacts& facts) {
  // A long layer's pieces are made as they are written, so that they are never in memory together; of others the file is locked for the writing alone.
  if (facts.files.chunks().size() * FileTable::kChunkBytes <= kLongTable) return put(blob, blob_size, rows_of(facts));
  std::lock_guard lock(impl_->mutex);
  if (impl_->db == nullptr || facts.diff_id.empty()) return;
  impl_->transaction([&] {
    PieceCutter cutter(facts.files);
    PieceTable& table = *impl_->pieces;
    PieceList list;
    PieceSum sum;
    std::vector<Piece> some;
    for (Piece p; cutter.next(&p);) {
      sum.add(p), some.push_back(std::move(p));
      if (some.size() >= kPiecesAtOnce && !table.add(some, &list.numbers)) return false;
      if (some.size() >= kPiecesAtOnce) some.clear();
    }
    if (cutter.damaged() || !table.add(some, &list.numbers)) return false;
    list.sum = sum.take();
    for (const auto& [name, raw] : parts_of(facts))
      if (!impl_->put_part(facts.diff_id, name, raw)) return false;
    return impl_->put_part(facts.diff_id, kFilesPart, encode_piece_list(list)) && impl_->put_blob(blob, blob_size, facts.diff_id);
  });
}

void LayerCache::put(const Digest& blob, uint64_t blob_size, const Rows& rows) {
  std::lock_guard lock(impl_->mutex);
  if (impl_->db == nullptr || rows.diff_id.empty() || !rows.whole) return;
  impl_->transaction([&] {
    PieceList list{{}, rows.sum};
    return impl_->pieces->add(rows.pieces, &list.numbers) && impl_->put_part(rows.diff_id, kFilesPart, encode_piece_list(list)) &&
           std::all_of(rows.parts.begin(), rows.parts.end(), [&](const auto& p) { return impl_->put_body(rows.diff_id, p.first, p.second); }) &&
           impl_->put_blob(blob, blob_size, rows.diff_id);
  });
}

bool LayerCache::copy_layer(LayerCache& from, const Digest& diff_id) {
  std::scoped_lock lock(impl_->mutex, from.impl_->mutex);
  if (!impl_->db || !from.impl_->db) return false;
  const std::string id = diff_id.text();
  Impl::Inside here(*impl_), there(*from.impl_);
  return impl_->db->transact([&] {
    Statement put_part = impl_->sql(kPutPart), put_blob = impl_->sql(kPutBlob);
    Statement parts = from.impl_->sql("SELECT part, collectors, used, body, sum FROM layer WHERE diff_id=?");
    for (parts.with(id); parts.row();)
      if (parts.view(0) != kFilesPart &&
          !put_part.with(id, parts.view(0), parts.number(1), parts.number(2), SqlBlob{parts.view(3)}, SqlBlob{parts.view(4)}).done())
        return false;
    if (!impl_->copy_files(*from.impl_, diff_id)) return false;
    Statement blobs = from.impl_->sql("SELECT digest, size, sum FROM blob WHERE diff_id=?");
    for (blobs.with(id); blobs.row();)
      if (!put_blob.with(blobs.view(0), id, blobs.number(1), SqlBlob{blobs.view(2)}).done()) return false;
    return true;
  });
}

void LayerCache::put_hits(const LayerFacts& facts) {
  std::lock_guard lock(impl_->mutex);
  if (impl_->db == nullptr || facts.diff_id.empty()) return;
  Hits hits{const_cast<LayerFacts*>(&facts)};
  impl_->transaction([&] { return impl_->put_part(facts.diff_id, hits_part(facts.pattern_set), encode(hits)); });
}

std::optional<std::string> LayerCache::judged(const std::string& key, const std::vector<Digest>& layers) {
  std::lock_guard lock(impl_->mutex);
  if (impl_->db == nullptr) return std::nullopt;
  Statement s = impl_->sql("SELECT body, sum FROM judged WHERE key=?");
  if (!impl_->one_row(s, key) || sum_of({"judged", key, s.view(0)}) != s.view(1)) return std::nullopt;
  auto text = inflate(s.view(0), kMaxJudged);
  s = {};
  if (!text) return std::nullopt;
  for (const Digest& d : layers) impl_->touch(d);
  return text;
}

void LayerCache::put_judged(const std::string& key, const std::string& body) {
  std::lock_guard lock(impl_->mutex);
  if (impl_->db == nullptr || impl_->precious || body.size() > kMaxJudged) return;  // an inventory has the conclusion with the image
  impl_->transaction([&] {
    std::string packed = squeeze(body), sum = sum_of({"judged", key, packed});
    return impl_->sql("INSERT INTO judged VALUES(?,?,?,?) ON CONFLICT(key) DO UPDATE SET body=excluded.body, used=excluded.used, sum=excluded.sum")
        .with(key, SqlBlob{packed}, int64_t{::time(nullptr)}, SqlBlob{sum})
        .done();
  });
}

std::optional<std::string> LayerCache::document(const Digest& digest) {
  std::lock_guard lock(impl_->mutex);
  if (impl_->db == nullptr) return std::nullopt;
  Statement s = impl_->sql("SELECT body FROM document WHERE digest=?");
  return impl_->one_row(s, digest.text()) ? inflate(s.view(0), kMaxDocument) : std::nullopt;
}

void LayerCache::put_document(const Digest& digest, const std::string& text) {
  std::lock_guard lock(impl_->mutex);
  if (impl_->db == nullptr || text.size() > kMaxDocument) return;
  impl_->transaction([&] {
    std::string body = squeeze(text);
    return impl_->sql("INSERT INTO document VALUES(?,?,?) ON CONFLICT(digest) DO UPDATE SET body=excluded.body, used=excluded.used")
        .with(digest.text(), SqlBlob{body}, int64_t{::time(nullptr)})
        .done();
  });
}

LayerCache::Status LayerCache::status() {
  std::lock_guard lock(impl_->mutex);
  Status out;
  out.path = impl_->path;
  out.usable = impl_->db != nullptr;
  if (!out.usable) return out;
  auto count = [&](const char* text) -> uint64_t {
    Statement s = impl_->sql(text);
    return s.row() ? static_cast<uint64_t>(s.number(0)) : 0;
  };
  out.layers = count("SELECT count(DISTINCT diff_id) FROM layer");
  out.blobs = count("SELECT count(*) FROM blob");
  out.bytes = count("SELECT coalesce(sum(length(body)),0) FROM layer") + count("SELECT coalesce(sum(length(body)),0) FROM piece");
  return out;
}

bool LayerCache::drop_unused_pieces() {
  std::lock_guard lock(impl_->mutex);
  if (impl_->db == nullptr || impl_->file == nullptr) return true;
  Impl::Inside here(*impl_);
  return impl_->db->transact([&] {
    std::set<int64_t> used;
    Statement s = impl_->sql("SELECT DISTINCT diff_id FROM layer WHERE part='files' AND collectors=?");
    for (s.with(uint64_t{kCollectors}); s.row();) {
      auto d = Digest::parse(s.view(0));
      auto list = d ? impl_->piece_list(*d) : std::nullopt;
      if (!list) return last_sql_error() = "the files of layer " + s.text(0) + " cannot be read: careen store check", false;
      used.insert(list->numbers.begin(), list->numbers.end());
    }
    return impl_->pieces->keep_only({used.begin(), used.end()});
  });
}

uint64_t LayerCache::prune(uint64_t limit) {
  std::lock_guard lock(impl_->mutex);
  if (impl_->db == nullptr || impl_->precious) return 0;
  uint64_t dropped = 0;
  impl_->transaction([&] {
    std::vector<std::string> drop;
    if (!impl_->drop_layers(limit, &drop)) return false;
    for (const char* table : {"document", "judged"}) {
      std::string key = std::string(table) == "document" ? "digest" : "key";
      std::string trim = "DELETE FROM " + std::string(table);
      if (limit != 0)
        trim += " WHERE " + key + " NOT IN (SELECT " + key + " FROM " + table + " ORDER BY used DESC LIMIT " + std::to_string(kMaxDocuments) + ")";
      if (!impl_->db->exec(trim.c_str())) return false;
    }
    dropped = drop.size();
    return true;
  });
  if (dropped != 0 && impl_->db != nullptr) impl_->db->exec("VACUUM");
  return dropped;
}

}  // namespace careen
