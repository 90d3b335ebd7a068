#include "store/migrations.h"

#include <algorithm>
#include <vector>

#include "store/keys.h"
#include "store/pieces.h"
#include "store/runs.h"
#include "store/sqlite.h"
#include "store/squeeze.h"

namespace careen {

const char* const kSchema2Sql = R"(
CREATE TABLE IF NOT EXISTS inv_former(id INTEGER PRIMARY KEY, layer INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS inv_use(id INTEGER PRIMARY KEY, source TEXT NOT NULL, cluster TEXT NOT NULL, name TEXT NOT NULL, reference TEXT NOT NULL,
                                   digest TEXT NOT NULL, file TEXT NOT NULL, line INTEGER NOT NULL, running INTEGER NOT NULL, space TEXT NOT NULL,
                                   workload TEXT NOT NULL, container TEXT NOT NULL, command BLOB NOT NULL, at INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS inv_use_source ON inv_use(source);
CREATE INDEX IF NOT EXISTS inv_use_digest ON inv_use(digest);
CREATE TABLE IF NOT EXISTS inv_threat(id TEXT PRIMARY KEY, body TEXT NOT NULL, takes_place INTEGER NOT NULL, at INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS inv_use_name ON inv_use(name);
)";

const char* const kSchema3Sql = R"(
CREATE TABLE IF NOT EXISTS inv_pull(repository TEXT NOT NULL, tag TEXT NOT NULL, pushed INTEGER, pulled INTEGER, pulls INTEGER, at INTEGER NOT NULL,
                                    PRIMARY KEY(repository, tag)) WITHOUT ROWID;
)";

const char* const kPostgresSchema3Sql = R"(
CREATE TABLE IF NOT EXISTS inv_pull(repository BYTEA NOT NULL, tag BYTEA NOT NULL, pushed BIGINT, pulled BIGINT, pulls BIGINT, at BIGINT NOT NULL,
                                    PRIMARY KEY(repository, tag));
)";

// Attestations, and counts that stand beside every answer, kept by what writes: counting anew takes longer than the question. `check` compares them.
const char* const kSchema4Sql = R"(
CREATE INDEX IF NOT EXISTS inv_image_gaps ON inv_image(gaps) WHERE gaps>0;
CREATE TABLE IF NOT EXISTS inv_attestation(subject TEXT NOT NULL, digest TEXT NOT NULL, predicate TEXT NOT NULL, first_seen INTEGER NOT NULL,
                                           PRIMARY KEY(subject, digest, predicate)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS inv_count(what TEXT PRIMARY KEY, n INTEGER NOT NULL) WITHOUT ROWID;
INSERT OR REPLACE INTO inv_count SELECT 'images', count(*) FROM inv_image;
INSERT OR REPLACE INTO inv_count SELECT 'layers', count(*) FROM inv_layer;
INSERT OR REPLACE INTO inv_count SELECT 'tags', count(*) FROM inv_tag WHERE vanished IS NULL;
INSERT OR REPLACE INTO inv_count SELECT 'repositories', count(DISTINCT repository) FROM inv_tag;
CREATE TRIGGER IF NOT EXISTS inv_image_more AFTER INSERT ON inv_image BEGIN UPDATE inv_count SET n=n+1 WHERE what='images'; END;
CREATE TRIGGER IF NOT EXISTS inv_image_less AFTER DELETE ON inv_image BEGIN UPDATE inv_count SET n=n-1 WHERE what='images'; END;
CREATE TRIGGER IF NOT EXISTS inv_layer_more AFTER INSERT ON inv_layer BEGIN UPDATE inv_count SET n=n+1 WHERE what='layers'; END;
CREATE TRIGGER IF NOT EXISTS inv_layer_less AFTER DELETE ON inv_layer BEGIN UPDATE inv_count SET n=n-1 WHERE what='layers'; END;
CREATE TRIGGER IF NOT EXISTS inv_tag_more AFTER INSERT ON inv_tag BEGIN
  UPDATE inv_count SET n=n+1 WHERE what='tags' AND NEW.vanished IS NULL;
  UPDATE inv_count SET n=n+1 WHERE what='repositories' AND NOT EXISTS(SELECT 1 FROM inv_tag WHERE repository=NEW.repository AND id<>NEW.id);
END;
CREATE TRIGGER IF NOT EXISTS inv_tag_less AFTER DELETE ON inv_tag BEGIN
  UPDATE inv_count SET n=n-1 WHERE what='tags' AND OLD.vanished IS NULL;
  UPDATE inv_count SET n=n-1 WHERE what='repositories' AND NOT EXISTS(SELECT 1 FROM inv_tag WHERE repository=OLD.repository);
END;
CREATE TRIGGER IF NOT EXISTS inv_tag_turn AFTER UPDATE OF vanished ON inv_tag WHEN (NEW.vanished IS NULL)<>(OLD.vanished IS NULL) BEGIN
  UPDATE inv_count SET n=n+CASE WHEN NEW.vanished IS NULL THEN 1 ELSE -1 END WHERE what='tags';
END;
)";

// There a row that every writer changes would make them wait for each other, so it counts anew.
const char* const kPostgresSchema4Sql = R"(
CREATE INDEX IF NOT EXISTS inv_image_gaps ON inv_image(gaps) WHERE gaps>0;
CREATE TABLE IF NOT EXISTS inv_attestation(subject BYTEA NOT NULL, digest BYTEA NOT NULL, predicate BYTEA NOT NULL, first_seen BIGINT NOT NULL,
                                           PRIMARY KEY(subject, digest, predicate));
CREATE OR REPLACE VIEW inv_count(what, n) AS SELECT 'images'::text, count(*) FROM inv_image UNION ALL SELECT 'layers', count(*) FROM inv_layer
  UNION ALL SELECT 'tags', count(*) FROM inv_tag WHERE vanished IS NULL UNION ALL SELECT 'repositories', count(DISTINCT repository) FROM inv_tag;
)";

// Pieces of file tables (pieces.h) and which of them the index knows. Layers of older inventories keep the entries that they have.
const char* const kSchema5Sql = R"(
CREATE TABLE IF NOT EXISTS inv_piece(id INTEGER PRIMARY KEY);
)";
const char* const kPostgresSchema5Sql = R"(
CREATE TABLE IF NOT EXISTS inv_piece(id BIGINT PRIMARY KEY);
)";

namespace {

bool exec(sqlite3* db, const char* sql) {
  if (sqlite3_exec(db, sql, nullptr, nullptr, nullptr) == SQLITE_OK) return true;
  last_sql_error() = sqlite3_errmsg(db);
  return false;
}

// Rows (layer, key), by layer, become one run a layer.
template <class F>
bool to_runs(sqlite3* db, RunSet::Family family, const char* select, F key_of) {
  RunSet runs(db);
  SqlStatement rows(db, select);
  std::vector<Posting> one;
  int64_t layer = -1;
  auto flush = [&] {
    std::sort(one.begin(), one.end());
    one.erase(std::unique(one.begin(), one.end()), one.end());
    bool ok = runs.add(family, one);
    one.clear();
    return ok;
  };
  while (rows.row()) {
    if (rows.number(0) != layer && !flush()) return false;
    layer = rows.number(0);
    one.push_back({key_of(rows), layer});
  }
  return flush();
}

bool indexes_to_runs(sqlite3* db) {
  RunSet runs(db);
  using Family = RunSet::Family;
  // A prefix is the first eight bytes of the digest, little-endian, without their lowest bit.
  auto of_prefix = [](const SqlStatement& s) { return __builtin_bswap64(static_cast<uint64_t>(s.number(1)) << 1) & ((uint64_t{1} << kKeyBits) - 1); };
  auto of_path = [](const SqlStatement& s) { return name_key(kPathKey, s.view(1)); };
  auto of_term = [](const SqlStatement& s) { return name_key(static_cast<uint8_t>(s.number(1)), s.view(2)); };
  auto of_package = [](const SqlStatement& s) { return name_key(kPackageKey, s.view(1)); };
  if (!to_runs(db, Family::files, "SELECT layer, prefix FROM inv_file ORDER BY layer", of_prefix) ||
      !to_runs(db, Family::names, "SELECT layer, p.path FROM inv_path_layer a JOIN inv_path p ON a.path=p.id ORDER BY layer", of_path) ||
      !to_runs(db, Family::names, "SELECT layer, kind, text FROM inv_term_layer JOIN inv_term ON term=id ORDER BY layer", of_term) ||
      !to_runs(db, Family::names, "SELECT layer, package FROM inv_package_layer ORDER BY layer", of_package))
    return false;
  {
    SqlStatement rows(db, "SELECT path FROM inv_path ORDER BY path");
    std::vector<std::string> paths;
    for (bool more = true; more;) {
      more = rows.row();
      if (more) paths.push_back(rows.text(0));
      if ((!more || paths.size() == 64 * kBlockEntries) && !runs.add(paths)) return false;
      if (paths.size() == 64 * kBlockEntries) paths.clear();
    }
  }
  while (runs.merge_due())
    if (!runs.merge()) return false;
  return true;
}

bool compress_images(sqlite3* db) {
  SqlStatement images(db, "SELECT id FROM inv_image"), body(db, "SELECT body FROM inv_image WHERE id=?"), keep(db, "UPDATE inv_image SET body=? WHERE id=?");
  std::vector<int64_t> ids;
  while (images.row()) ids.push_back(images.number(0));
  for (int64_t id : ids) {
    if (!body.with(id).row()) return false;
    std::string packed = squeeze(body.view(0));
    if (!keep.with(SqlBlob{packed}, id).done()) return false;
  }
  return true;
}

// 1 → 2: reverse indexes were plain tables with a row an entry; now they are sorted runs. Images' bodies are compressed.
bool to_2(sqlite3* db) {
  return exec(db, kRunSchemaSql) && exec(db, kSchema2Sql) && indexes_to_runs(db) && compress_images(db) &&
         exec(db,
              "DROP TABLE inv_file; DROP TABLE inv_path_layer; DROP TABLE inv_path; DROP TABLE inv_term_layer; DROP TABLE inv_package_layer;"
              "DELETE FROM inv_term WHERE id NOT IN (SELECT term FROM inv_term_image);"
              "INSERT OR REPLACE INTO meta SELECT 'next_layer', coalesce(max(id),0)+1 FROM inv_layer;");
}

// 2 → 3: what registries tell of pulls.
bool to_3(sqlite3* db) {
  return exec(db, kSchema3Sql);
}

// 3 → 4: counts that are kept, and an index of the images that are not judged whole.
bool to_4(sqlite3* db) {
  return exec(db, kSchema4Sql);
}

// 4 → 5: layers share the pieces of their file tables.
bool to_5(sqlite3* db) {
  return exec(db, kSchema5Sql) && exec(db, kPieceSql) && exec(db, "PRAGMA user_version=3");  // of the cache in it
}

}  // namespace

bool migrate_inventory(sqlite3* db, int from) {
  return (from >= 2 || to_2(db)) && (from >= 3 || to_3(db)) && (from >= 4 || to_4(db)) && (from >= 5 || to_5(db)) &&
         exec(db, "UPDATE meta SET value='5' WHERE key='schema'");
}

}  // namespace careen
