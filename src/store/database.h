// One connection to a database of either kind, behind the little that the store needs: statements with values, transactions,
// and errors in words. What is written in SQL above it is the part that SQLite and PostgreSQL share: values as `?` or `?1`,
// `ON CONFLICT`, `RETURNING`, `greatest()`. Where the two differ, kind() tells.
//
// Text is bytes: names that an image brings may hold anything. In PostgreSQL every column of text is BYTEA, so that both
// compare and order it by its bytes, and neither refuses any.
//
// A connection and its statements are used by one thread at a time. Views of columns live until the statement's next row.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "store/sqlite.h"

namespace careen {

class Database {
 public:
  enum class Kind : uint8_t { sqlite, postgres };

  class Prepared {
   public:
    virtual ~Prepared() = default;
    virtual void reset() = 0;
    // Positions count from 1. Bytes must outlive the run.
    virtual void bind_text(int i, std::string_view text) = 0;
    virtual void bind_bytes(int i, std::string_view bytes) = 0;
    virtual void bind_number(int i, int64_t n) = 0;
    virtual void bind_null(int i) = 0;
    virtual void bind_numbers(int i, const std::vector<int64_t>& numbers);       // an array: PostgreSQL alone has them
    virtual void bind_texts(int i, const std::vector<std::string_view>& texts);  // likewise
    enum class Step : uint8_t { row, end, failed };
    virtual Step step() = 0;  // why it failed is in last_sql_error()
    virtual int64_t number(int column) const = 0;
    virtual bool is_null(int column) const = 0;
    virtual std::string_view view(int column) const = 0;
  };

  virtual ~Database() = default;
  virtual Kind kind() const = 0;
  virtual std::unique_ptr<Prepared> prepare(const char* sql) = 0;  // null where it cannot be; `sql` must outlive it
  virtual bool exec(const char* sql) = 0;                          // statements without values
  virtual bool begin() = 0;                                        // of a transaction that writes
  virtual void rollback() = 0;
  virtual int64_t changes() const = 0;  // rows that the last statement changed
  // After a transaction failed and was rolled back: whether what failed it has passed (a deadlock, a server that came back).
  virtual bool try_again() { return false; }
  virtual sqlite3* sqlite() { return nullptr; }

  // All of `f`'s writes or none of them, also where f did not mind that one failed; f is called again where try_again() says so, and may not keep anything of
  // the first try.
  template <class F>
  bool transact(F f) {
    for (int tries = 1;; ++tries) {
      last_sql_error().clear();
      if (begin() && f() && last_sql_error().empty() && exec("COMMIT")) return true;
      std::string why = last_sql_error();
      rollback();
      bool again = tries < kTries && try_again();
      last_sql_error() = std::move(why);
      if (!again) return false;
    }
  }

  // Why a statement that reads failed, since the connection was opened: answers may lack rows. "" when none did.
  const std::string& read_failure() const { return read_failure_; }
  void note_read_failure(const std::string& why) {
    if (read_failure_.empty()) read_failure_ = why.empty() ? "it could not be read" : why;
  }

 private:
  static constexpr int kTries = 5;
  std::string read_failure_;
};

// A statement, its values and its rows.
class Statement {
 public:
  Statement() = default;
  Statement(Database& db, const char* sql) : db_(&db), prepared_(db.prepare(sql)) {}
  explicit operator bool() const { return prepared_ != nullptr; }

  // Values for the next run, in the order of the question marks. Text and bytes must outlive the run.
  template <class... T>
  Statement& with(const T&... values) {
    if (prepared_ == nullptr) return *this;
    prepared_->reset();
    int i = 0;
    (bind(++i, values), ...);
    return *this;
  }
  // False at the end, and when the statement failed, which read_failure() then tells.
  bool row() {
    using Step = Database::Prepared::Step;
    Step s = prepared_ ? prepared_->step() : Step::failed;
    if (s == Step::failed && db_ != nullptr) db_->note_read_failure(last_sql_error());
    return s == Step::row;
  }
  // For a statement that writes.
  bool done() {
    if (prepared_ == nullptr) return false;
    return prepared_->step() == Database::Prepared::Step::end;
  }

  int64_t number(int column) const { return prepared_->number(column); }
  bool is_null(int column) const { return prepared_->is_null(column); }
  std::string_view view(int column) const { return prepared_->view(column); }
  std::string text(int column) const { return std::string(view(column)); }

 private:
  void bind(int i, std::string_view text) { prepared_->bind_text(i, text); }
  void bind(int i, const std::string& text) { prepared_->bind_text(i, text); }
  void bind(int i, const char* text) { prepared_->bind_text(i, text); }
  void bind(int i, const SqlBlob& b) { prepared_->bind_bytes(i, b.bytes); }
  void bind(int i, int64_t n) { prepared_->bind_number(i, n); }
  void bind(int i, uint64_t n) { prepared_->bind_number(i, static_cast<int64_t>(n)); }
  void bind(int i, int n) { prepared_->bind_number(i, n); }
  template <class T>
  void bind(int i, const std::optional<T>& value) {
    if (value)
      bind(i, *value);
    else
      prepared_->bind_null(i);
  }
  void bind(int i, const std::vector<int64_t>& n) { prepared_->bind_numbers(i, n); }
  void bind(int i, const std::vector<std::string_view>& t) { prepared_->bind_texts(i, t); }

  Database* db_ = nullptr;
  std::unique_ptr<Database::Prepared> prepared_;
};

// Over a connection that the caller opened and closes after this.
std::unique_ptr<Database> use_sqlite(sqlite3* db);

// Connects, with the tables of careen's own schema (`careen`) in reach. Errc::io says why it cannot be.
Result<std::unique_ptr<Database>> connect_postgres(const std::string& url);

}  // namespace careen
