#include <sys/stat.h>

#include "base/fd.h"
#include "store/inventory_impl.h"
#include "store/migrations.h"
#include "store/squeeze.h"

namespace careen {
namespace {

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
CREATE TABLE IF NOT EXISTS inv_term(id INTEGER PRIMARY KEY, kind INTEGER NOT NULL, text TEXT NOT NULL, UNIQUE(kind, text));
CREATE TABLE IF NOT EXISTS inv_term_image(term INTEGER NOT NULL, image INTEGER NOT NULL, PRIMARY KEY(term, image)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS inv_term_of_image ON inv_term_image(image);
CREATE TABLE IF NOT EXISTS inv_package(id INTEGER PRIMARY KEY, type INTEGER NOT NULL, name TEXT NOT NULL, version TEXT NOT NULL, architecture TEXT NOT NULL,
                                       source TEXT NOT NULL, source_version TEXT NOT NULL, UNIQUE(name, type, version, architecture, source, source_version));
CREATE INDEX IF NOT EXISTS inv_package_source ON inv_package(source);
CREATE TABLE IF NOT EXISTS inv_crawl(source TEXT PRIMARY KEY, at INTEGER NOT NULL, indexed INTEGER NOT NULL, failed INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS inv_failure(reference TEXT PRIMARY KEY, why TEXT NOT NULL, at INTEGER NOT NULL) WITHOUT ROWID;
)";

}  // namespace

std::string chain_id(const std::vector<Digest>& diff_ids, size_t count) {
  std::string chain;
  for (size_t i = 0; i < count && i < diff_ids.size(); ++i) {
    if (diff_ids[i].empty()) return "";
    chain = i == 0 ? diff_ids[0].text() : digest_of(as_bytes(chain + " " + diff_ids[i].text())).text();
  }
  return chain;
}

// Whether the file is an inventory; false when it is not there or empty. Looks without writing: another program's file stays as it is.
Result<bool> Inventory::Impl::is_ours() {
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

Result<void> Inventory::Impl::open(Mode mode) {
  CAREEN_ASSIGN(bool begun, is_ours());
  if (!begun && mode == Mode::read) return Error{Errc::not_found, "the inventory " + escape(path) + " is empty: run careen index"};
  int flags = SQLITE_OPEN_NOMUTEX | (mode == Mode::write ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE : SQLITE_OPEN_READWRITE);
  if (sqlite3_open_v2(path.c_str(), &db, flags, nullptr) != SQLITE_OK) return failed("cannot be opened");
  sqlite3_busy_timeout(db, kWait);
  if (!begun && !exec("PRAGMA page_size=16384")) return failed("cannot be begun");  // blocks of the reverse index fill such pages
  if (exec_patiently(db, "PRAGMA journal_mode=WAL", kWait / 1000) != SQLITE_OK ||
      !exec("PRAGMA synchronous=NORMAL; PRAGMA trusted_schema=OFF; PRAGMA cache_size=-65536;"))
    return failed("is not an inventory");
  if (!begun)
    return transaction("cannot be begun", [&] {
      return exec(kSchemaSql) && exec(kRunSchemaSql) && exec(kSchema2Sql) &&
             sql("INSERT OR IGNORE INTO meta VALUES('schema', ?)").with(std::to_string(kInventorySchema)).done();
    });
  auto schema = [&] {  // its statement ends here: tables that one still reads cannot be dropped
    SqlStatement version = sql("SELECT value FROM meta WHERE key='schema'");
    return version.row() ? to_number(version.view(0)) : std::nullopt;
  };
  auto have = schema();
  if (!have || *have == 0) return Error{Errc::corrupt, escape(path) + " is not an inventory of careen"};
  if (*have > kInventorySchema)
    return Error{Errc::unsupported, "the inventory " + escape(path) + " was written by a newer careen (schema " + std::to_string(*have) + ")"};
  if (*have < kInventorySchema) {
    auto migrated = transaction("cannot be brought to this careen's schema", [&] {
      auto from = schema();  // another process may have done it
      return from && migrate_inventory(db, static_cast<int>(*from));
    });
    if (!migrated && mode == Mode::read && sqlite3_db_readonly(db, "main") == 1)
      return Error{Errc::unsupported,
                   "the inventory " + escape(path) + " was written by an older careen and cannot be changed here: run careen status where it can"};
    CAREEN_TRY(std::move(migrated));
  }
  return {};
}

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
  std::vector<Posting> files, names;
  std::vector<std::string> paths;
  std::vector<Sha256> path_digests;
  FileRecord r;
  for (FileCursor c(f.files); c.next(r);) {
    if (base_name(r.path).starts_with(".wh.")) continue;  // a whiteout is no file
    if (r.sha256) files.push_back({file_key(*r.sha256), 0});
    if (r.type == FileType::directory) continue;
    Sha256 digest = name_digest(kPathKey, r.path);
    names.push_back({file_key(digest), 0});
    if (m.recent_paths.has(file_key(digest), digest)) continue;
    path_digests.push_back(digest);
    paths.push_back(r.path);
  }
  auto term = [&](TermKind kind, std::string_view text) { names.push_back({name_key(static_cast<uint8_t>(kind), text), 0}); };
  for (const ElfFacts& e : f.elf) {
    if (!e.soname.empty()) term(TermKind::soname, e.soname);
    if (!e.build_id.empty()) term(TermKind::build_id, e.build_id);
    for (const std::string& n : e.needed) term(TermKind::needed, n);
  }
  auto each_name = [&](const std::string& list, TermKind kind) {
    for (std::string_view rest = list; !rest.empty();) {
      std::string_view one = rest.substr(0, rest.find('\0'));
      term(kind, one);
      rest.remove_prefix(std::min(rest.size(), one.size() + 1));
    }
  };
  for (const ElfSymbols& s : symbols) each_name(s.imports, TermKind::symbol_import), each_name(s.exports, TermKind::symbol_export);
  make_distinct(files), make_distinct(names), make_distinct(paths);
  CAREEN_TRY(m.transaction("a layer cannot be kept", [&] {
    auto layer = m.new_layer(f, now);
    if (!layer) return false;
    for (Posting& p : files) p.value = *layer;
    for (Posting& p : names) p.value = *layer;
    return m.runs().add(RunSet::Family::files, files) && m.runs().add(RunSet::Family::names, names) && m.runs().add(paths);
  }));
  for (const Sha256& d : path_digests) m.recent_paths.note(file_key(d), d);
  m.merge_runs();
  return {};
}

bool Inventory::has_image(const std::string& digest) {
  return impl_->sql("SELECT 1 FROM inv_image WHERE digest=?").with(digest).row();
}

Result<void> Inventory::add_image(const StoredImage& image, int64_t now) {
  Impl& m = *impl_;
  ImageBody body{const_cast<StoredImage*>(&image), {}};  // Encoder only reads
  for (const Digest& d : image.layers) body.layers.push_back(d.text());
  std::string bytes = squeeze(encode(body)), chain = chain_id(image.layers, image.layers.size());
  std::vector<Posting> postings;
  CAREEN_TRY(m.transaction("an image cannot be kept", [&] {
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
                 new_package = m.sql("INSERT INTO inv_package(type, name, version, architecture, source, source_version) VALUES(?,?,?,?,?,?)");
    for (const StoredPackage& p : image.packages) {
      if (p.layer >= layers.size() || layers[p.layer] == 0) continue;
      auto package = m.number_of(find_package, new_package, static_cast<int>(p.type), p.name, p.version, p.architecture, p.source, p.source_version);
      if (!package) return false;
      Posting at{name_key(kPackageKey, std::to_string(*package)), layers[p.layer]};
      if (!m.recent_packages.has(at.key ^ static_cast<uint64_t>(at.value), at)) postings.push_back(at);
    }
    make_distinct(postings);
    if (!m.runs().add(RunSet::Family::names, postings)) return false;
    if (!m.sql("DELETE FROM inv_term_image WHERE image=?").with(id).done()) return false;  // what it was judged to be before
    SqlStatement find_term = m.sql("SELECT id FROM inv_term WHERE kind=? AND text=?"), new_term = m.sql("INSERT INTO inv_term(kind, text) VALUES(?,?)"),
                 at_term = m.sql("INSERT OR IGNORE INTO inv_term_image VALUES(?,?)");
    for (const auto& [kind, text] : image.terms) {
      auto term = m.number_of(find_term, new_term, static_cast<int>(kind), text);
      if (!term || !at_term.with(*term, id).done()) return false;
    }
    return true;
  }));
  for (const Posting& p : postings) m.recent_packages.note(p.key ^ static_cast<uint64_t>(p.value), p);
  m.merge_runs();
  return {};
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

Result<void> Inventory::backup(const std::string& file) {
  SqlStatement s = impl_->sql("VACUUM INTO ?");
  if (!s.with(file).done()) return impl_->failed("cannot be copied");
  return {};
}

Result<void> Inventory::compact() {
  CAREEN_TRY(impl_->transaction("reverse indexes cannot be merged", [&] { return impl_->runs().merge_all(); }));
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
  for (std::string& p : impl_->runs().problems()) wrong.push_back(std::move(p));
  for (Id id : all_images())
    if (!image(id)) wrong.push_back("image " + std::to_string(id) + " cannot be read");
  return wrong;
}

}  // namespace careen
