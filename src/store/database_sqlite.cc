#include <algorithm>
#include <unordered_map>

#include "store/database.h"

namespace careen {
namespace {

constexpr int kWaitSeconds = 30;  // for another process to end its transaction

// Statements that are not in use, by their text: to prepare one takes longer than to run it.
class StatementPool {
 public:
  using Owned = std::unique_ptr<sqlite3_stmt, FinalizeStatement>;
  Owned take(const std::string& sql) {
    auto it = idle_.find(sql);
    if (it == idle_.end() || it->second.empty()) return nullptr;
    Owned s = std::move(it->second.back());
    it->second.pop_back();
    return s;
  }
  void give_back(const std::string& sql, Owned s) {
    sqlite3_reset(s.get());
    sqlite3_clear_bindings(s.get());
    if (closed_ || (idle_.size() >= kTexts && !idle_.contains(sql))) return;
    auto& list = idle_[sql];
    if (list.size() < kOfOneText) list.push_back(std::move(s));
  }
  void close() {
    closed_ = true;
    idle_.clear();
  }

 private:
  static constexpr size_t kTexts = 256, kOfOneText = 4;
  std::unordered_map<std::string, std::vector<Owned>> idle_;
  bool closed_ = false;
};

class SqlitePrepared final : public Database::Prepared {
 public:
  SqlitePrepared(StatementPool::Owned s, std::string sql, std::shared_ptr<StatementPool> pool)
      : s_(std::move(s)), sql_(std::move(sql)), pool_(std::move(pool)) {}
  ~SqlitePrepared() override { pool_->give_back(sql_, std::move(s_)); }
  void reset() override { sqlite3_reset(s_.get()); }
  void bind_text(int i, std::string_view t) override {
    sqlite3_bind_text64(s_.get(), i, t.data() == nullptr ? "" : t.data(), t.size(), SQLITE_STATIC, SQLITE_UTF8);
  }
  void bind_bytes(int i, std::string_view b) override { sqlite3_bind_blob64(s_.get(), i, b.data() == nullptr ? "" : b.data(), b.size(), SQLITE_STATIC); }
  void bind_number(int i, int64_t n) override { sqlite3_bind_int64(s_.get(), i, n); }
  void bind_null(int i) override { sqlite3_bind_null(s_.get(), i); }
  Step step() override {
    int rc = sqlite3_step(s_.get());
    if (rc == SQLITE_ROW) return Step::row;
    if (rc == SQLITE_DONE) return Step::end;
    last_sql_error() = sqlite3_errmsg(sqlite3_db_handle(s_.get()));
    return Step::failed;
  }
  int64_t number(int column) const override { return sqlite3_column_int64(s_.get(), column); }
  bool is_null(int column) const override { return sqlite3_column_type(s_.get(), column) == SQLITE_NULL; }
  std::string_view view(int column) const override {
    const void* p = sqlite3_column_blob(s_.get(), column);
    return p == nullptr ? std::string_view{} : std::string_view(static_cast<const char*>(p), static_cast<size_t>(sqlite3_column_bytes(s_.get(), column)));
  }

 private:
  StatementPool::Owned s_;
  std::string sql_;
  std::shared_ptr<StatementPool> pool_;
};

// SQLite has it as max() of several values, which in PostgreSQL is an aggregate alone.
void greatest(sqlite3_context* context, int count, sqlite3_value** values) {
  int64_t best = sqlite3_value_int64(values[0]);
  for (int i = 1; i < count; ++i) best = std::max(best, static_cast<int64_t>(sqlite3_value_int64(values[i])));
  sqlite3_result_int64(context, best);
}

class SqliteDatabase final : public Database {
 public:
  explicit SqliteDatabase(sqlite3* db) : db_(db) {
    sqlite3_create_function(db, "greatest", 2, SQLITE_UTF8 | SQLITE_DETERMINISTIC, nullptr, greatest, nullptr, nullptr);
  }
  ~SqliteDatabase() override { pool_->close(); }
  SqliteDatabase(const SqliteDatabase&) = delete;
  SqliteDatabase& operator=(const SqliteDatabase&) = delete;
  Kind kind() const override { return Kind::sqlite; }
  std::unique_ptr<Prepared> prepare(const char* sql) override {
    StatementPool::Owned s = pool_->take(sql);
    if (sqlite3_stmt* fresh = nullptr; s == nullptr && sqlite3_prepare_v3(db_, sql, -1, SQLITE_PREPARE_PERSISTENT, &fresh, nullptr) == SQLITE_OK)
      s.reset(fresh);
    if (s != nullptr) return std::make_unique<SqlitePrepared>(std::move(s), sql, pool_);
    last_sql_error() = sqlite3_errmsg(db_);
    return nullptr;
  }
  bool exec(const char* sql) override { return noted(sqlite3_exec(db_, sql, nullptr, nullptr, nullptr)); }
  bool begin() override { return noted(exec_patiently(db_, "BEGIN IMMEDIATE", kWaitSeconds)); }
  void rollback() override { sqlite3_exec(db_, "ROLLBACK", nullptr, nullptr, nullptr); }
  int64_t changes() const override { return sqlite3_changes(db_); }
  sqlite3* sqlite() override { return db_; }

 private:
  bool noted(int rc) {
    if (rc != SQLITE_OK) last_sql_error() = sqlite3_errmsg(db_);
    return rc == SQLITE_OK;
  }
  sqlite3* db_;
  std::shared_ptr<StatementPool> pool_ = std::make_shared<StatementPool>();
};

}  // namespace

void Database::Prepared::bind_numbers(int i, const std::vector<int64_t>&) {
  bind_null(i);
}
void Database::Prepared::bind_texts(int i, const std::vector<std::string_view>&) {
  bind_null(i);
}

std::unique_ptr<Database> use_sqlite(sqlite3* db) {
  return std::make_unique<SqliteDatabase>(db);
}

}  // namespace careen
