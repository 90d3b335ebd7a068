#include "net/http.h"

#include <curl/curl.h>

#include <mutex>

#include "base/text.h"

namespace careen {
namespace {

constexpr long kSlowBytesPerSecond = 512;  // slower than this for the whole of a time-out is no progress

struct Free {
  void operator()(CURL* c) const { curl_easy_cleanup(c); }
  void operator()(CURLU* u) const { curl_url_cleanup(u); }
  void operator()(curl_slist* l) const { curl_slist_free_all(l); }
};

struct Transfer {
  const HttpRequest* request;
  HttpResponse response;
  size_t header_bytes = 0;
  bool too_long = false, stopped = false;
};

size_t on_header(char* data, size_t size, size_t n, void* context) {
  auto& t = *static_cast<Transfer*>(context);
  std::string_view line = trim({data, size * n});
  if ((t.header_bytes += size * n) > kMaxHeaderBytes) return t.too_long = true, 0;
  if (line.starts_with("HTTP/")) {
    t.response.headers.clear();
    auto w = words(line);
    if (w.size() >= 2) t.response.status = static_cast<int>(to_number(w[1]).value_or(0));
  } else if (size_t colon = line.find(':'); colon != std::string_view::npos) {
    t.response.headers[lower(line.substr(0, colon))] = trim(line.substr(colon + 1));
  }
  return size * n;
}

size_t on_data(char* data, size_t size, size_t n, void* context) {
  auto& t = *static_cast<Transfer*>(context);
  std::string_view part(data, size * n);
  if (t.request->on_body && t.response.status < 300) {
    if (!t.request->on_body(t.response, as_bytes(part))) return t.stopped = true, 0;
    return part.size();
  }
  if (t.response.body.size() + part.size() > t.request->max_body) return t.too_long = true, 0;
  t.response.body += part;
  return part.size();
}

std::string part_of(CURLU* u, CURLUPart part, unsigned flags = 0) {
  char* s = nullptr;
  if (curl_url_get(u, part, &s, flags) != CURLUE_OK) return {};
  std::string out = s;
  curl_free(s);
  return out;
}

Result<std::string> resolve(const std::string& base, const std::string& location) {
  std::unique_ptr<CURLU, Free> u(curl_url());
  if (curl_url_set(u.get(), CURLUPART_URL, base.c_str(), 0) != CURLUE_OK || curl_url_set(u.get(), CURLUPART_URL, location.c_str(), 0) != CURLUE_OK)
    return Error{Errc::network, "redirected to '" + escape(location.substr(0, 200)) + "', which is no address"};
  return part_of(u.get(), CURLUPART_URL);
}

}  // namespace

Result<Url> Url::parse(const std::string& text) {
  std::unique_ptr<CURLU, Free> u(curl_url());
  if (curl_url_set(u.get(), CURLUPART_URL, text.c_str(), 0) != CURLUE_OK) return Error{Errc::network, "'" + escape(text.substr(0, 200)) + "' is no address"};
  Url out;
  out.scheme = lower(part_of(u.get(), CURLUPART_SCHEME));
  out.host = lower(part_of(u.get(), CURLUPART_HOST));
  if (out.host.starts_with('[') && out.host.ends_with(']')) out.host = out.host.substr(1, out.host.size() - 2);
  out.port = part_of(u.get(), CURLUPART_PORT, CURLU_DEFAULT_PORT);
  out.path = part_of(u.get(), CURLUPART_PATH);
  return out;
}

bool is_loopback(std::string_view host) {
  if (host.starts_with('['))
    host = host.substr(1, host.find(']') - 1);
  else if (std::count(host.begin(), host.end(), ':') == 1)
    host = host.substr(0, host.find(':'));
  if (host == "localhost" || host == "::1") return true;
  auto parts = split(host, '.');
  if (parts.size() != 4 || parts[0] != "127") return false;
  return std::all_of(parts.begin(), parts.end(), [](std::string_view p) {
    auto n = to_number(p);
    return n && *n < 256;
  });
}

std::string url_encode(std::string_view s) {
  static constexpr char kDigits[] = "0123456789ABCDEF";
  std::string out;
  for (char c : s) {
    bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || std::string_view("-._~").find(c) != std::string_view::npos;
    auto b = static_cast<uint8_t>(c);
    if (plain)
      out += c;
    else
      out += {'%', kDigits[b >> 4], kDigits[b & 15]};
  }
  return out;
}

std::optional<uint64_t> retry_after(const HttpResponse& response, int64_t now) {
  std::string text = response.header("retry-after");
  if (auto n = to_number(text)) return n;
  if (text.size() < 20) return std::nullopt;  // curl_getdate takes much that is no date of HTTP
  time_t at = curl_getdate(text.c_str(), nullptr);
  if (at == -1) return std::nullopt;
  return static_cast<uint64_t>(std::max<int64_t>(at - now, 0));
}

// Loopback is this machine: nobody else is kept waiting.
Pace* HttpClient::pace_for(const std::string& url) const {
  auto u = Url::parse(url);
  if (!u || !options_.unix_socket.empty() || (is_loopback(u->host) && !options_.paces_loopback)) return nullptr;
  return &Pace::of(u->host + ":" + u->port);
}

HttpClient::HttpClient(HttpOptions options) : options_(std::move(options)) {
  static std::once_flag once;
  std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
}
HttpClient::~HttpClient() = default;

Result<HttpResponse> HttpClient::once(const HttpRequest& request, const std::string& url, bool with_authorization) const {
  std::unique_ptr<CURL, Free> handle(curl_easy_init());
  CURL* c = handle.get();
  if (c == nullptr) return Error{Errc::network, "no memory for a request"};
  Transfer t;
  t.request = &request;
  curl_slist* list = nullptr;
  for (const auto& [name, value] : request.headers) list = curl_slist_append(list, (name + ": " + value).c_str());
  if (with_authorization && !request.authorization.empty()) list = curl_slist_append(list, ("Authorization: " + request.authorization).c_str());
  std::unique_ptr<curl_slist, Free> headers(list);
  char why[CURL_ERROR_SIZE] = "";
  auto timeout = static_cast<long>(options_.timeout);
  curl_easy_setopt(c, CURLOPT_URL, url.c_str());
  curl_easy_setopt(c, CURLOPT_HTTPHEADER, list);
  curl_easy_setopt(c, CURLOPT_USERAGENT, "careen");
  curl_easy_setopt(c, CURLOPT_ERRORBUFFER, why);
  curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(c, CURLOPT_NOPROGRESS, 1L);
  curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT, timeout);
  curl_easy_setopt(c, CURLOPT_LOW_SPEED_LIMIT, kSlowBytesPerSecond);
  curl_easy_setopt(c, CURLOPT_LOW_SPEED_TIME, timeout);
  if (!request.on_body) curl_easy_setopt(c, CURLOPT_TIMEOUT, timeout * 2);
  curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, on_header);
  curl_easy_setopt(c, CURLOPT_HEADERDATA, &t);
  curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_data);
  curl_easy_setopt(c, CURLOPT_WRITEDATA, &t);
  curl_easy_setopt(c, CURLOPT_BUFFERSIZE, 256L << 10);
#if LIBCURL_VERSION_NUM >= 0x075500
  curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
#else
  curl_easy_setopt(c, CURLOPT_PROTOCOLS, CURLPROTO_HTTP | CURLPROTO_HTTPS);
#endif
  if (!options_.unix_socket.empty()) {
    curl_easy_setopt(c, CURLOPT_UNIX_SOCKET_PATH, options_.unix_socket.c_str());
    curl_easy_setopt(c, CURLOPT_PROXY, "");
  }
  if (!options_.ca_file.empty()) curl_easy_setopt(c, CURLOPT_CAINFO, options_.ca_file.c_str());
  if (options_.insecure) {
    curl_easy_setopt(c, CURLOPT_SSL_VERIFYPEER, 0L);
    curl_easy_setopt(c, CURLOPT_SSL_VERIFYHOST, 0L);
  }
  if (request.head) curl_easy_setopt(c, CURLOPT_NOBODY, 1L);
  if (!request.post_form.empty()) curl_easy_setopt(c, CURLOPT_COPYPOSTFIELDS, request.post_form.c_str());

  CURLcode rc = curl_easy_perform(c);
  t.response.url = url;
  if (t.stopped) return t.response;  // the caller had enough
  if (t.too_long) return Error{Errc::limit, "the answer is longer than " + human_size(request.max_body)};
  if (rc == CURLE_OK) return std::move(t.response);
  std::string text = why[0] != '\0' ? why : curl_easy_strerror(rc);
  if (rc == CURLE_OPERATION_TIMEDOUT) text += " (--timeout)";
  if (rc == CURLE_PEER_FAILED_VERIFICATION) text += " (the certificate of a private authority is given with --cacert)";
  if (rc == CURLE_SSL_CACERT_BADFILE) text = "the file of --cacert, " + options_.ca_file + ", cannot be used: " + text;
  if (rc == CURLE_SSL_CONNECT_ERROR) text += " (if it speaks plain HTTP, --insecure allows that)";
  return Error{Errc::network, escape(text)};
}

Result<HttpResponse> HttpClient::send(const HttpRequest& request) const {
  CAREEN_ASSIGN(Url first, Url::parse(request.url));
  std::string url = request.url;
  bool trusted = true;  // still where the credentials belong
  for (int hop = 0; hop <= kMaxRedirects; ++hop) {
    Pace* pace = pace_for(url);
    if (pace != nullptr) pace->wait(options_.rate);
    CAREEN_ASSIGN(HttpResponse r, once(request, url, trusted));
    if (pace != nullptr && (r.status == 429 || r.status == 503))
      if (auto wait = retry_after(r, ::time(nullptr)); wait && *wait <= patience()) pace->hold(static_cast<double>(*wait));
    bool redirect = (r.status >= 301 && r.status <= 303) || r.status == 307 || r.status == 308;
    std::string location = r.header("location");
    if (!redirect || location.empty()) return r;
    CAREEN_ASSIGN(url, resolve(url, location));
    CAREEN_ASSIGN(Url to, Url::parse(url));
    if (to.scheme != "https" && to.scheme != "http") return Error{Errc::network, "redirected to " + escape(to.scheme) + ", which is not followed"};
    if (to.scheme == "http" && first.scheme == "https" && !options_.insecure)
      return Error{Errc::network, "redirected from HTTPS to plain HTTP at " + escape(to.host) + ": refused without --insecure"};
    if (to.scheme == "http" && !options_.insecure && options_.unix_socket.empty() && !is_loopback(to.host))
      return Error{Errc::network, "redirected to plain HTTP at " + escape(to.host) + ": refused without --insecure"};
    trusted = trusted && to.same_origin(first);
    if (!trusted && !request.post_form.empty())  // it holds a refresh token
      return Error{Errc::auth, "redirected to another host, " + escape(to.host) + ", which the credentials are not for"};
  }
  return Error{Errc::network, "more than 8 redirects (kMaxRedirects)"};
}

}  // namespace careen
