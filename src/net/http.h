// An HTTP client over libcurl: the one place where careen speaks to a network.
//
// Each request has limits on time (connecting, and no progress) and on size. Redirects are followed here, at most
// kMaxRedirects, and an Authorization header goes along only to the same scheme, host and port. Proxies are taken from the
// usual variables (https_proxy, http_proxy, no_proxy). A Client may be used by several threads at once. Statuses of 400 and above
// are answers, not errors.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "net/pace.h"

namespace careen {

inline constexpr int kMaxRedirects = 8;
inline constexpr size_t kMaxHeaderBytes = 64 << 10;

struct HttpOptions {
  bool insecure = false;    // certificates are not checked, plain HTTP is allowed everywhere
  std::string ca_file;      // PEM; "" for the system's
  unsigned timeout = 60;    // seconds to connect, and without progress
  std::string unix_socket;  // "" for TCP
  double rate = 0;          // requests a second that one server gets from this process; 0: no limit
  bool paces_loopback = false;
  unsigned patience = 0;  // seconds that a server may ask to wait; 0: `timeout`
};

struct HttpResponse {
  int status = 0;
  std::map<std::string, std::string> headers;  // names in lower case; the last of a name
  std::string body;
  std::string url;  // after redirects
  std::string header(const std::string& name) const {
    auto it = headers.find(name);
    return it == headers.end() ? std::string{} : it->second;
  }
};

struct HttpRequest {
  std::string url;
  std::map<std::string, std::string> headers;
  std::string authorization;  // of the first host alone
  std::string post_form;      // makes it a POST
  bool head = false;          // no body is asked for
  uint64_t max_body = 4 << 20;
  // For a body that is not kept: called with its parts once the status is below 300; false ends the request early.
  std::function<bool(const HttpResponse& head, Bytes part)> on_body;
};

// What Retry-After says, in seconds from `now` (since 1970) on: a number, or a date as RFC 9110 has it. nullopt when it says neither.
std::optional<uint64_t> retry_after(const HttpResponse& response, int64_t now);

class HttpClient {
 public:
  explicit HttpClient(HttpOptions options);
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;
  Result<HttpResponse> send(const HttpRequest& request) const;
  const HttpOptions& options() const { return options_; }
  // Seconds that a server may ask to wait before its answer is a failure.
  unsigned patience() const { return options_.patience != 0 ? options_.patience : options_.timeout; }

 private:
  Pace* pace_for(const std::string& url) const;
  Result<HttpResponse> once(const HttpRequest& request, const std::string& url, bool with_authorization) const;
  HttpOptions options_;
};

struct Url {
  std::string scheme, host, port, path;  // host without brackets, port filled in, path with the query
  static Result<Url> parse(const std::string& text);
  bool same_origin(const Url& o) const { return scheme == o.scheme && host == o.host && port == o.port; }
};
bool is_loopback(std::string_view host);  // localhost, 127.0.0.0/8, ::1
std::string url_encode(std::string_view s);

}  // namespace careen
