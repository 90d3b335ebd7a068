// Brings an inventory that an older careen wrote to the schema of this one.
//
// Called inside a transaction that the caller begins and commits: a kill leaves the old schema whole.
#pragma once
#include <sqlite3.h>

namespace careen {

// What the second schema added to the first.
extern const char* const kSchema2Sql;
// What the third added, for SQLite and for PostgreSQL.
extern const char* const kSchema3Sql;
extern const char* const kPostgresSchema3Sql;
// What the fourth added.
extern const char* const kSchema4Sql;
extern const char* const kPostgresSchema4Sql;
// What the fifth added.
extern const char* const kSchema5Sql;
extern const char* const kPostgresSchema5Sql;

// From schema `from` (1 or later) to kInventorySchema. False with last_sql_error() set when a statement failed.
bool migrate_inventory(sqlite3* db, int from);

}  // namespace careen
