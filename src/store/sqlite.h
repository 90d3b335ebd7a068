// The few things that everything over SQLite needs: a statement that ends itself, binding and reading of values.
//
// The connection is owned by whoever opened it. Views of columns live until the next step of their statement.
#pragma once
#include <sqlite3.h>

#include <memory>
#include <string>
#include <string_view>

namespace careen {

struct FinalizeStatement {
  void operator()(sqlite3_stmt* s) const { sqlite3_finalize(s); }
};

// Bytes that are no text.
struct SqlBlob {
  std::string_view bytes;
};

// Runs statements; waits up to `seconds` where another process holds the file, which SQLite's own waiting does not do for all of them.
inline int exec_patiently(sqlite3* db, const char* sql, int seconds) {
  int rc = SQLITE_OK;
  for (int waited = 0; waited <= seconds * 100; ++waited) {
    rc = sqlite3_exec(db, sql, nullptr, nullptr, nullptr);
    if ((rc & 0xff) != SQLITE_BUSY && (rc & 0xff) != SQLITE_LOCKED) break;
    sqlite3_sleep(10);
  }
  return rc;
}

// The last failure of SqlStatement::done() on this thread.
inline std::string& last_sql_error() {
  static thread_local std::string text;
  return text;
}

class SqlStatement {
 public:
  SqlStatement() = default;
  SqlStatement(sqlite3* db, const char* sql) {
    sqlite3_stmt* s = nullptr;
    if (sqlite3_prepare_v2(db, sql, -1, &s, nullptr) == SQLITE_OK) statement_.reset(s);
  }
  explicit operator bool() const { return statement_ != nullptr; }

  // Values for the next run, in the order of the question marks. Text and bytes must outlive the run.
  template <class... T>
  SqlStatement& with(const T&... values) {
    sqlite3_reset(statement_.get());
    int i = 0;
    (bind(++i, values), ...);
    return *this;
  }
  bool row() { return statement_ && sqlite3_step(statement_.get()) == SQLITE_ROW; }
  // For a statement that writes. Why it failed stays in last_sql_error(): a later statement would overwrite it.
  bool done() {
    if (statement_ && sqlite3_step(statement_.get()) == SQLITE_DONE) return true;
    last_sql_error() = statement_ ? sqlite3_errmsg(sqlite3_db_handle(statement_.get())) : "a statement could not be prepared";
    return false;
  }

  int64_t number(int column) const { return sqlite3_column_int64(statement_.get(), column); }
  bool is_null(int column) const { return sqlite3_column_type(statement_.get(), column) == SQLITE_NULL; }
  std::string_view view(int column) const {
    const void* p = sqlite3_column_blob(statement_.get(), column);
    return p == nullptr ? std::string_view{}
                        : std::string_view(static_cast<const char*>(p), static_cast<size_t>(sqlite3_column_bytes(statement_.get(), column)));
  }
  std::string text(int column) const { return std::string(view(column)); }

 private:
  void bind(int i, std::string_view text) { sqlite3_bind_text64(statement_.get(), i, text.data(), text.size(), SQLITE_STATIC, SQLITE_UTF8); }
  void bind(int i, const std::string& text) { bind(i, std::string_view(text)); }
  void bind(int i, const SqlBlob& b) { sqlite3_bind_blob64(statement_.get(), i, b.bytes.data(), b.bytes.size(), SQLITE_STATIC); }
  void bind(int i, int64_t n) { sqlite3_bind_int64(statement_.get(), i, n); }
  void bind(int i, uint64_t n) { sqlite3_bind_int64(statement_.get(), i, static_cast<int64_t>(n)); }
  void bind(int i, int n) { sqlite3_bind_int64(statement_.get(), i, n); }
  void bind(int i, std::nullptr_t) { sqlite3_bind_null(statement_.get(), i); }

  std::unique_ptr<sqlite3_stmt, FinalizeStatement> statement_;
};

}  // namespace careen
