// Runs SQL on a database, as someone who tampers with it would.
#pragma once
#include <sqlite3.h>

#include <string>

#include "store_place.h"

namespace careen::test {

// "" when all statements ran, else the message.
inline std::string run_sql(const std::string& file, const std::string& sql) {
  if (file.starts_with("postgresql://")) return run_postgres(file, sql);
  sqlite3* db = nullptr;
  std::string error;
  if (sqlite3_open(file.c_str(), &db) != SQLITE_OK) error = "cannot open " + file;
  char* message = nullptr;
  if (error.empty() && sqlite3_exec(db, sql.c_str(), nullptr, nullptr, &message) != SQLITE_OK) error = message != nullptr ? message : "failed";
  sqlite3_free(message);
  sqlite3_close(db);
  return error;
}

}  // namespace careen::test
