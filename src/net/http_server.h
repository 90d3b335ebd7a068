// A small HTTP/1.1 server over Boost.Beast: the one place where careen is spoken to. Plain HTTP; where others must not listen in, a proxy in front of
// it adds TLS.
//
// Requests come from strangers: header, body, connections and time are bounded, and what is too much is refused with 4xx or by closing. One thread
// serves all connections; the handler runs on it and must be quick.
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "base/result.h"

namespace careen {

inline constexpr size_t kMaxServedHeader = 16 << 10;
inline constexpr size_t kMaxServedConnections = 256;

struct ServedRequest {
  std::string method, target;                  // GET, /path?query
  std::map<std::string, std::string> headers;  // names in lower case; the last of a name
  std::string body;
};

struct ServedResponse {
  int status = 200;
  std::string body;
  std::string content_type = "text/plain; charset=utf-8";
  std::map<std::string, std::string> headers = {};
};

struct ServerOptions {
  std::string address = "127.0.0.1";  // an IP address
  uint16_t port = 0;                  // 0: one that is free
  size_t max_body = 1 << 20;
  unsigned timeout = 10;  // seconds for a request to come whole, and for its answer to be taken
};

class HttpServer {
 public:
  using Handler = std::function<ServedResponse(const ServedRequest&)>;
  // Listens at once. Errc::usage when the address is none, Errc::io when it cannot be had.
  static Result<std::unique_ptr<HttpServer>> listen(const ServerOptions& options, Handler handler);
  ~HttpServer();  // closes every connection
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;
  uint16_t port() const;

 private:
  HttpServer();
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// Whether two texts are the same, in a time that does not tell where they differ.
bool same_secret(std::string_view a, std::string_view b);

}  // namespace careen
