// SQLite databases that somebody else made, read through a FileView: no path is opened, nothing beside the file is looked for, nothing is written.
//
// The schema is not trusted: it can change nothing and call no function that has effects. Views, generated columns and long queries are the
// caller's to mind. A database in WAL mode is read as it stands in its file.
#pragma once
#include <sqlite3.h>

#include <memory>

#include "base/file_view.h"
#include "base/result.h"

namespace careen {

struct EndSqlite {
  void operator()(sqlite3* db) const { sqlite3_close(db); }
  void operator()(sqlite3_stmt* s) const { sqlite3_finalize(s); }
};

// `file` outlives what is returned. From any thread; what is returned is for one at a time. Errc::corrupt when SQLite takes it for none.
Result<std::unique_ptr<sqlite3, EndSqlite>> open_sqlite_view(const FileView& file);

}  // namespace careen
