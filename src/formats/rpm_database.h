// Finds the package headers in rpm's three database formats: SQLite, ndb and Berkeley DB (hash).
// Formats: rpm's lib/backend (ndb/rpmpkg.c, sqlite.c) and Berkeley DB's dbinc/db_page.h. SQLite files are read with SQLite
// itself over a read-only file system that sees nothing but the given file.
//
// Each header is handed to `each` as bytes that are valid during the call. What is damaged is counted in problems; what was
// read before it stands. Memory: one header (kMaxRpmHeaderBytes) and a page.
#pragma once
#include <functional>

#include "base/file_view.h"
#include "base/result.h"

namespace careen {

inline constexpr uint32_t kMaxRpmPackages = 200'000;

using HeaderSink = std::function<void(Bytes header)>;

struct DatabaseOutcome {
  uint64_t headers = 0;
  uint64_t problems = 0;
  std::string first_problem;
};

// The format is recognised by the file's first bytes; an Error when it is none of the three.
Result<DatabaseOutcome> read_rpm_database(const FileView& file, const HeaderSink& each);

Result<DatabaseOutcome> read_rpm_ndb(const FileView& file, const HeaderSink& each);
Result<DatabaseOutcome> read_rpm_bdb(const FileView& file, const HeaderSink& each);
Result<DatabaseOutcome> read_rpm_sqlite(const FileView& file, const HeaderSink& each);

}  // namespace careen
