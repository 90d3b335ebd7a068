// The packages of rpm's SQLite database: a header for each row of the table Packages.
#include "formats/rpm_database.h"
#include "formats/rpm_header.h"
#include "formats/sqlite_view.h"

namespace careen {

Result<DatabaseOutcome> read_rpm_sqlite(const FileView& file, const HeaderSink& each) {
  auto db = open_sqlite_view(file);
  if (!db) return std::move(db).error().in("rpm sqlite database");
  sqlite3* raw = db->get();
  sqlite3_limit(raw, SQLITE_LIMIT_LENGTH, static_cast<int>(kMaxRpmHeaderBytes));
  // A hostile schema may make a query run for ever.
  static constexpr int kSteps = 100'000;
  struct Budget {
    int calls = 0;
  } budget;
  sqlite3_progress_handler(
      raw, kSteps, [](void* b) { return ++static_cast<Budget*>(b)->calls > 2'000 ? 1 : 0; }, &budget);
  // A view of that name could compute for ever.
  sqlite3_stmt* s = nullptr;
  int rc = sqlite3_prepare_v2(raw,
                              "SELECT 1 FROM sqlite_master WHERE name='Packages' AND type='table' AND rootpage>0 "
                              "AND NOT EXISTS (SELECT 1 FROM pragma_table_xinfo('Packages') WHERE hidden<>0)",
                              -1, &s, nullptr);
  if (rc == SQLITE_OK) rc = sqlite3_step(s);
  sqlite3_finalize(s);
  if (rc != SQLITE_ROW)
    return Error{Errc::corrupt, std::string("rpm sqlite database: ") + (rc == SQLITE_DONE ? "it has no table Packages" : sqlite3_errmsg(raw))};
  rc = sqlite3_prepare_v2(raw, "SELECT blob FROM Packages ORDER BY hnum", -1, &s, nullptr);
  std::unique_ptr<sqlite3_stmt, EndSqlite> stmt(s);
  if (rc != SQLITE_OK) return Error{Errc::corrupt, std::string("rpm sqlite database: ") + sqlite3_errmsg(raw)};
  DatabaseOutcome o;
  uint64_t handed_out = 0;
  while ((rc = sqlite3_step(s)) == SQLITE_ROW) {
    const void* blob = sqlite3_column_blob(s, 0);
    int n = sqlite3_column_bytes(s, 0);
    if (blob == nullptr || n <= 0) {
      if (o.problems++ == 0) o.first_problem = "rpm sqlite database: a row without a header";
      continue;
    }
    if (++o.headers > kMaxRpmPackages) break;
    if ((handed_out += static_cast<uint64_t>(n)) > file.size()) {  // rows may share overflow pages
      if (o.problems++ == 0) o.first_problem = "rpm sqlite database: rows share pages";
      return o;
    }
    each({static_cast<const uint8_t*>(blob), static_cast<size_t>(n)});
  }
  if (rc != SQLITE_DONE) {
    ++o.problems;
    o.first_problem = std::string("rpm sqlite database: ") + sqlite3_errmsg(raw);
  }
  return o;
}

}  // namespace careen
