#include <libpq-fe.h>

#include <chrono>
#include <cstring>
#include <map>
#include <thread>

#include "base/text.h"
#include "store/database.h"
#include "store/place.h"

namespace careen {
namespace {

constexpr int kReturnSeconds = 60;  // for a server that was restarted to take connections again

// Types by their numbers in pg_type, which never change.
constexpr Oid kBytea = 17, kInt8 = 20, kByteaArray = 1001, kInt8Array = 1016;

struct ClearResult {
  void operator()(PGresult* r) const { PQclear(r); }
};
using ResultPtr = std::unique_ptr<PGresult, ClearResult>;

// What SQLSTATE says of a failure that passes by itself (PostgreSQL's manual, appendix A).
bool passes(std::string_view state) {
  return state == "40001" || state == "40P01" || state == "55P03";  // serialization, deadlock, lock not available
}

void put_big_endian(std::string* out, uint64_t n, int bytes) {
  for (int i = bytes - 1; i >= 0; --i) out->push_back(static_cast<char>(n >> (8 * i)));
}

// An array of one dimension in the binary form that PostgreSQL reads (src/backend/utils/adt/arrayfuncs.c, array_recv).
std::string array_head(size_t count, Oid element) {
  std::string out;
  put_big_endian(&out, count == 0 ? 0 : 1, 4);
  put_big_endian(&out, 0, 4);  // no nulls
  put_big_endian(&out, element, 4);
  if (count != 0) put_big_endian(&out, count, 4), put_big_endian(&out, 1, 4);
  return out;
}

// `?` and `?N` become $N. Statements hold no question mark elsewhere.
std::string numbered(std::string_view sql) {
  std::string out;
  int next = 0;
  for (size_t i = 0; i < sql.size(); ++i) {
    out += sql[i] == '?' ? '$' : sql[i];
    if (sql[i] != '?') continue;
    if (i + 1 < sql.size() && sql[i + 1] >= '0' && sql[i + 1] <= '9') continue;
    out += std::to_string(++next);
  }
  return out;
}

class PostgresDatabase;

class PostgresPrepared final : public Database::Prepared {
 public:
  PostgresPrepared(PostgresDatabase& db, const char* sql) : db_(db), sql_(sql) {}
  void reset() override { result_.reset(), values_.clear(), row_ = -1; }
  void bind_text(int i, std::string_view t) override { set(i, kBytea, t); }
  void bind_bytes(int i, std::string_view b) override { set(i, kBytea, b); }
  void bind_number(int i, int64_t n) override {
    std::string own;
    put_big_endian(&own, static_cast<uint64_t>(n), 8);
    keep(i, kInt8, std::move(own));
  }
  void bind_null(int i) override { at(i) = {}; }
  void bind_numbers(int i, const std::vector<int64_t>& numbers) override {
    std::string own = array_head(numbers.size(), kInt8);
    for (int64_t n : numbers) put_big_endian(&own, 8, 4), put_big_endian(&own, static_cast<uint64_t>(n), 8);
    keep(i, kInt8Array, std::move(own));
  }
  void bind_texts(int i, const std::vector<std::string_view>& texts) override {
    std::string own = array_head(texts.size(), kBytea);
    for (std::string_view t : texts) put_big_endian(&own, t.size(), 4), own += t;
    keep(i, kByteaArray, std::move(own));
  }
  Step step() override;
  int64_t number(int column) const override {
    if (is_null(column)) return 0;
    std::string_view v = view(column);
    if (v.size() > 8 || v.empty()) return 0;
    bool negative = v.size() > 1 && (static_cast<uint8_t>(v[0]) & 0x80) != 0;
    uint64_t n = negative ? ~uint64_t{0} : 0;
    for (char c : v) n = n << 8 | static_cast<uint8_t>(c);
    return static_cast<int64_t>(n);
  }
  bool is_null(int column) const override { return PQgetisnull(result_.get(), row_, column) != 0; }
  std::string_view view(int column) const override {
    return {PQgetvalue(result_.get(), row_, column), static_cast<size_t>(PQgetlength(result_.get(), row_, column))};
  }

 private:
  friend class PostgresDatabase;
  struct Value {
    Oid type = 0;
    bool null = true;
    std::string_view bytes;
    std::string own;
    std::string_view shown() const { return own.empty() ? bytes : std::string_view(own); }
  };
  Value& at(int i) {
    if (values_.size() < static_cast<size_t>(i)) values_.resize(static_cast<size_t>(i));
    return values_[static_cast<size_t>(i) - 1];
  }
  void set(int i, Oid type, std::string_view bytes) {
    Value& v = at(i);
    v.type = type, v.null = false, v.bytes = bytes, v.own.clear();
  }
  void keep(int i, Oid type, std::string own) {
    Value& v = at(i);
    v.type = type, v.null = false, v.own = std::move(own);
  }

  PostgresDatabase& db_;
  std::string sql_;
  std::vector<Value> values_;
  ResultPtr result_;
  int row_ = -1;
};

class PostgresDatabase final : public Database {
 public:
  explicit PostgresDatabase(PGconn* c) : connection_(c) {}
  ~PostgresDatabase() override { PQfinish(connection_); }
  Kind kind() const override { return Kind::postgres; }
  std::unique_ptr<Prepared> prepare(const char* sql) override { return std::make_unique<PostgresPrepared>(*this, sql); }

  bool exec(const char* sql) override {
    bool ends = std::strcmp(sql, "COMMIT") == 0;
    ResultPtr r(PQexec(connection_, sql));
    if (ends) inside_ = false;
    if (!fine(r.get())) return false;
    // A transaction in which something failed answers COMMIT with a rollback, and calls that a success.
    return !ends || std::strcmp(PQcmdStatus(r.get()), "ROLLBACK") != 0;
  }
  bool begin() override {
    state_.clear();
    bool ok = exec("BEGIN") || (lost() && come_back() && exec("BEGIN"));
    inside_ = ok;
    return ok;
  }
  void rollback() override {
    inside_ = false;
    if (!lost()) ResultPtr(PQexec(connection_, "ROLLBACK"));
  }
  int64_t changes() const override { return changes_; }
  bool try_again() override { return lost() ? come_back() : passes(state_); }

  // Makes the connection as this careen uses it; false with last_sql_error().
  bool settle() {
    prepared_.clear();
    return exec("SET search_path=careen; SET lock_timeout='30s'; SET idle_in_transaction_session_timeout='10min'; SET bytea_output=hex");
  }

  ResultPtr run(const std::string& sql, const std::vector<PostgresPrepared::Value>& values) {
    ResultPtr r = run_once(sql, values);
    bool ok = fine(r.get());
    if (!ok && !inside_ && lost() && come_back()) ok = fine((r = run_once(sql, values)).get());
    if (!ok) return nullptr;
    changes_ = std::atoll(PQcmdTuples(r.get()));
    return r;
  }

 private:
  // libpq notices the end of a connection later than the message with which the server ends it.
  bool lost() const {
    return PQstatus(connection_) == CONNECTION_BAD || state_ == "57P01" || state_ == "57P02" || state_ == "57P03" || state_.starts_with("08");
  }

  bool come_back() {
    auto until = std::chrono::steady_clock::now() + std::chrono::seconds(kReturnSeconds);
    for (auto wait = std::chrono::milliseconds(100);; wait = std::min(wait * 2, std::chrono::milliseconds(2000))) {
      PQreset(connection_);
      state_.clear();
      if (!lost() && settle()) {
        last_sql_error().clear();
        return true;
      }
      if (std::chrono::steady_clock::now() + wait > until) return false;
      std::this_thread::sleep_for(wait);
    }
  }

  // Whether a statement ran; else why not is noted. The first failure of a transaction is the one that counts: all that follow
  // only say that there was one.
  bool fine(const PGresult* r) {
    ExecStatusType s = PQresultStatus(r);
    if (s != PGRES_COMMAND_OK && s != PGRES_TUPLES_OK) note(r);
    return s == PGRES_COMMAND_OK || s == PGRES_TUPLES_OK;
  }
  void note(const PGresult* r) {
    const char* state = r == nullptr ? nullptr : PQresultErrorField(r, PG_DIAG_SQLSTATE);
    if (state != nullptr && std::strcmp(state, "25P02") == 0) return;
    state_ = state == nullptr ? "" : state;
    const char* primary = r == nullptr ? nullptr : PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY);
    std::string text = primary != nullptr ? primary : PQerrorMessage(connection_);
    while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
    last_sql_error() = escape(text.empty() ? "the transaction was rolled back" : text);
  }

  ResultPtr run_once(const std::string& sql, const std::vector<PostgresPrepared::Value>& values) {
    std::vector<Oid> types;
    std::vector<const char*> data;
    std::vector<int> sizes, binary(values.size(), 1);
    std::string key = sql;
    for (const auto& v : values) {
      std::string_view bytes = v.shown();
      types.push_back(v.type);
      data.push_back(v.null ? nullptr : bytes.data() == nullptr ? "" : bytes.data());
      sizes.push_back(static_cast<int>(bytes.size()));
      key += '\0' + std::to_string(v.type);
    }
    int count = static_cast<int>(values.size());
    auto it = prepared_.find(key);
    if (it == prepared_.end()) {
      std::string name = "s" + std::to_string(prepared_.size());
      ResultPtr r(PQprepare(connection_, name.c_str(), numbered(sql).c_str(), count, types.data()));
      if (PQresultStatus(r.get()) != PGRES_COMMAND_OK) return r;
      it = prepared_.emplace(std::move(key), std::move(name)).first;
    }
    return ResultPtr(PQexecPrepared(connection_, it->second.c_str(), count, data.data(), sizes.data(), binary.data(), 1));
  }

  PGconn* connection_;
  std::map<std::string, std::string> prepared_;  // of this connection, by text and types
  std::string state_;                            // SQLSTATE of the last failure
  bool inside_ = false;                          // of a transaction
  int64_t changes_ = 0;
};

Database::Prepared::Step PostgresPrepared::step() {
  if (!result_) {
    for (const Value& v : values_)
      if (v.shown().size() > (size_t{1} << 30) - 64) {
        last_sql_error() = "a value is over PostgreSQL's limit of 1 GiB";
        return Step::failed;
      }
    result_ = db_.run(sql_, values_);
    row_ = -1;
    if (!result_) return Step::failed;
  }
  return ++row_ < PQntuples(result_.get()) ? Step::row : Step::end;
}

}  // namespace

Result<std::unique_ptr<Database>> connect_postgres(const std::string& url) {
  // What the address itself says counts more: it comes last.
  const char* names[] = {"connect_timeout", "tcp_user_timeout", "fallback_application_name", "dbname", nullptr};
  const char* values[] = {"15", "60000", "careen", url.c_str(), nullptr};
  PGconn* c = PQconnectdbParams(names, values, 1);
  auto db = std::make_unique<PostgresDatabase>(c);
  if (PQstatus(c) != CONNECTION_OK) {
    std::string why = c == nullptr ? "no memory" : PQerrorMessage(c);
    while (!why.empty() && why.back() == '\n') why.pop_back();
    return Error{Errc::io, escape(shown_store(url)) + " cannot be reached: " + escape(why)};
  }
  if (PQserverVersion(c) < 150000) return Error{Errc::unsupported, escape(shown_store(url)) + " is older than PostgreSQL 15, which careen needs"};
  PQsetNoticeProcessor(
      c, [](void*, const char*) {}, nullptr);
  if (!db->settle()) return Error{Errc::io, escape(shown_store(url)) + ": " + last_sql_error()};
  return std::unique_ptr<Database>(std::move(db));
}

}  // namespace careen
