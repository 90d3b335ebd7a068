// Where advisories are published, and bringing a database up to date from there.
//
// Every address is asked for conditionally. What fails is told and kept in mind, and the last good data of it stay. The lock of the database
// is held from the first request to the switch, so that two updates cannot undo each other.
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "feeds/import.h"
#include "net/http.h"

namespace careen {

struct FeedAddress {
  std::string source;  // as the user names it: "debian", "osv/npm", "alpine"
  std::string url;
  bool usual = true;  // is brought by an update without a name
};

// Every address that careen knows, sources in the order of their names.
std::vector<FeedAddress> feed_addresses();

struct UpdateOptions {
  std::string database;              // path
  std::vector<std::string> sources;  // names, or what stands before the slash of them; empty: the usual ones
  std::string mirror;                // base URL under which HOST/PATH of every address is found; "" for the addresses themselves
  HttpOptions http;
  std::function<void(const std::string& what)> progress;  // a line for people
};

struct UpdateResult {
  ImportResult import;
  uint64_t unchanged = 0, fetched = 0, bytes = 0;  // addresses; bytes over the network
  std::vector<std::string> failures;               // in words, one for each address that failed
  bool switched = false;                           // a new database is in place
};

Result<UpdateResult> update_feeds(const UpdateOptions& options);

// What is remembered of an address: when it was last asked, and its last error.
struct FeedState {
  std::string source, url, error;
  uint64_t checked = 0, fetched = 0;  // seconds since 1970
};
std::vector<FeedState> feed_states(const std::string& database);

}  // namespace careen
