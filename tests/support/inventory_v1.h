// Turns an inventory of the present schema into one of the first, as the first careen wrote it: reverse indexes as plain tables with a
// row an entry. Written apart from src/store/migrations.cc, from the facts of the layers and the bodies of the images.
#pragma once
#include "inventory_fixture.h"

#include "base/codec.h"
#include "store/sqlite.h"
#include "store/squeeze.h"

namespace careen::inventory_test {

inline const char* const kFirstTables = R"(
CREATE TABLE inv_file(prefix INTEGER NOT NULL, layer INTEGER NOT NULL, PRIMARY KEY(prefix, layer)) WITHOUT ROWID;
CREATE TABLE inv_path(id INTEGER PRIMARY KEY, path TEXT NOT NULL UNIQUE);
CREATE TABLE inv_path_layer(path INTEGER NOT NULL, layer INTEGER NOT NULL, PRIMARY KEY(path, layer)) WITHOUT ROWID;
CREATE TABLE inv_term_layer(term INTEGER NOT NULL, layer INTEGER NOT NULL, PRIMARY KEY(term, layer)) WITHOUT ROWID;
CREATE TABLE inv_package_layer(package INTEGER NOT NULL, layer INTEGER NOT NULL, PRIMARY KEY(package, layer)) WITHOUT ROWID;
DROP TABLE inv_run; DROP TABLE inv_block; DROP TABLE inv_former; DROP TABLE inv_use; DROP TABLE inv_pull; DROP TABLE inv_attestation;
DROP INDEX inv_image_gaps; DROP TABLE inv_count; DROP TRIGGER inv_image_more; DROP TRIGGER inv_image_less; DROP TRIGGER inv_layer_more;
DROP TRIGGER inv_layer_less; DROP TRIGGER inv_tag_more; DROP TRIGGER inv_tag_less; DROP TRIGGER inv_tag_turn;
DELETE FROM meta WHERE key='next_layer';
UPDATE meta SET value='1' WHERE key='schema';
)";

inline std::string sql_text(std::string_view s) {
  std::string out = "'";
  for (char c : s) out += c == '\'' ? std::string("''") : std::string(1, c);
  return out + "'";
}

inline void make_first_schema(const std::string& file, const std::vector<LayerFacts>& layers, const std::vector<StoredImage>& images) {
  std::string sql = kFirstTables;
  auto layer_of = [](const Digest& d) { return "(SELECT id FROM inv_layer WHERE diff_id=" + sql_text(d.text()) + ")"; };
  for (const LayerFacts& f : layers) {
    std::string layer = layer_of(f.diff_id);
    auto term = [&](TermKind kind, std::string_view text) {
      std::string k = std::to_string(static_cast<int>(kind));
      sql += "INSERT OR IGNORE INTO inv_term(kind, text) VALUES(" + k + "," + sql_text(text) + ");";
      sql += "INSERT OR IGNORE INTO inv_term_layer SELECT id, " + layer + " FROM inv_term WHERE kind=" + k + " AND text=" + sql_text(text) + ";";
    };
    FileRecord r;
    for (FileCursor c(f.files); c.next(r);) {
      if (r.sha256) {  // eight bytes, the first is the lowest, and the lowest bit is lost
        uint64_t v = 0;
        for (size_t i = 0; i < 8; ++i) v += static_cast<uint64_t>((*r.sha256)[i]) << (8 * i);
        sql += "INSERT OR IGNORE INTO inv_file VALUES(" + std::to_string(v / 2) + "," + layer + ");";
      }
      sql += "INSERT OR IGNORE INTO inv_path(path) VALUES(" + sql_text(r.path) + ");";
      sql += "INSERT OR IGNORE INTO inv_path_layer SELECT id, " + layer + " FROM inv_path WHERE path=" + sql_text(r.path) + ";";
    }
    for (const ElfFacts& e : f.elf) {
      if (!e.soname.empty()) term(TermKind::soname, e.soname);
      if (!e.build_id.empty()) term(TermKind::build_id, e.build_id);
      for (const std::string& n : e.needed) term(TermKind::needed, n);
    }
    for (const ElfSymbols& s : f.symbols)
      for (auto [list, kind] : {std::pair(&s.imports, TermKind::symbol_import), std::pair(&s.exports, TermKind::symbol_export)})
        for (size_t at = 0; at < list->size(); at = list->find('\0', at) + 1) term(kind, list->substr(at, list->find('\0', at) - at));
  }
  for (const StoredImage& i : images)
    for (const StoredPackage& p : i.packages)
      sql += "INSERT OR IGNORE INTO inv_package_layer SELECT id, " + layer_of(i.layers[p.layer]) + " FROM inv_package WHERE name=" + sql_text(p.name) +
             " AND version=" + sql_text(p.version) + ";";
  ASSERT_EQ(test::run_sql(file, sql), "");
  // Bodies were not compressed.
  sqlite3* db = nullptr;
  ASSERT_EQ(sqlite3_open(file.c_str(), &db), SQLITE_OK);
  std::map<int64_t, std::string> bodies;
  {
    SqlStatement all(db, "SELECT id, body FROM inv_image"), put(db, "UPDATE inv_image SET body=? WHERE id=?");
    while (all.row()) bodies[all.number(0)] = inflate(all.view(1), 1 << 20).value_or("damaged");
    for (const auto& [id, body] : bodies) ASSERT_TRUE(put.with(SqlBlob{body}, id).done());
  }
  sqlite3_close(db);
}

}  // namespace careen::inventory_test
