// Where a test keeps its inventory: in a file, or, with CAREEN_TEST_POSTGRES (a file whose first line is the address of a
// server's database), in a database of its own that goes with it.
#pragma once
#include <libpq-fe.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <string>

namespace careen::test {

inline std::string postgres_server() {
  std::string url;
  if (const char* file = std::getenv("CAREEN_TEST_POSTGRES"); file != nullptr) std::getline(std::ifstream(file) >> std::ws, url);
  return url;
}

// "" when it ran, else the message. In careen's schema.
inline std::string run_postgres(const std::string& url, const std::string& sql) {
  PGconn* c = PQconnectdb(url.c_str());
  std::string error = PQstatus(c) == CONNECTION_OK ? "" : PQerrorMessage(c);
  for (const char* text : {"SET client_min_messages=error; SET search_path=careen", sql.c_str()}) {
    if (!error.empty()) break;
    PGresult* r = PQexec(c, text);
    ExecStatusType s = PQresultStatus(r);
    if (s != PGRES_COMMAND_OK && s != PGRES_TUPLES_OK) error = PQerrorMessage(c);
    PQclear(r);
  }
  PQfinish(c);
  return error;
}

class StorePlace {
 public:
  explicit StorePlace(const std::string& file) : place_(file) {
    if (std::getenv("CAREEN_TEST_POSTGRES") == nullptr) return;
    static int count = 0;
    name_ = "careen_" + std::to_string(::getpid()) + "_" + std::to_string(++count);
    place_ = database("postgres");
    std::string error = run_postgres(place_, "CREATE DATABASE " + name_);
    place_ = error.empty() ? database(name_) : "postgresql://" + error;
  }
  ~StorePlace() {
    if (!name_.empty()) run_postgres(database("postgres"), "DROP DATABASE " + name_ + " WITH (FORCE)");
  }
  StorePlace(const StorePlace&) = delete;
  StorePlace& operator=(const StorePlace&) = delete;
  const std::string& text() const { return place_; }
  bool postgres() const { return !name_.empty(); }

 private:
  // The server's address names the database `postgres`; its name stands between the last slash before the parameters and these.
  static std::string database(const std::string& name) {
    std::string url = postgres_server();
    size_t parameters = std::min(url.find('?'), url.size()), slash = url.rfind('/', parameters);
    return url.substr(0, slash + 1) + name + url.substr(parameters);
  }
  std::string name_, place_;
};

}  // namespace careen::test
