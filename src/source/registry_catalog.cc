#include "source/registry_catalog.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <ctime>
#include <nlohmann/json.hpp>
#include <set>
#include <thread>

#include "base/log.h"
#include "base/text.h"
#include "oci/manifest.h"
#include "source/credentials.h"
#include "source/registry.h"

namespace careen {
namespace {

using Json = nlohmann::json;
constexpr uint64_t kMaxAnswer = 16 << 20;
constexpr int kPageSize = 100;  // the most that both give

std::string text_of(const Json& j, const char* key) {
  auto it = j.find(key);
  return it != j.end() && it->is_string() ? it->get<std::string>() : std::string();
}

std::optional<uint64_t> number_of(const Json& j, const char* key) {
  auto it = j.find(key);
  return it != j.end() && it->is_number_unsigned() ? std::optional<uint64_t>(it->get<uint64_t>()) : std::nullopt;
}

// [a-z0-9._/-], as repositories and projects are named; nothing that could leave its place in an address.
bool is_name(std::string_view s) {
  return !s.empty() && s.size() <= 255 && s.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789._-/") == std::string_view::npos &&
         s.find("..") == std::string_view::npos && s.find("//") == std::string_view::npos && s[0] != '/' && s.back() != '/';
}

// One account's way to an API: its address, its authorization, and its patience.
class Api {
 public:
  Api(std::string base, const HttpOptions& options) : base_(std::move(base)), client_(options) {}
  void authorize(std::string header) { authorization_ = std::move(header); }
  const std::string& base() const { return base_; }

  Result<HttpResponse> send(HttpRequest q) {
    q.authorization = authorization_;
    q.max_body = kMaxAnswer;
    Result<HttpResponse> r = Error{Errc::network, "not tried"};
    for (int attempt = 0; attempt < kMaxAttempts; ++attempt) {
      r = client_.send(q);
      if (r && r->status < 300) return wait_if_spent(*r), r;
      bool passing = !r || r->status == 429 || (r->status >= 500 && r->status <= 504);
      if (!passing || attempt + 1 == kMaxAttempts) break;
      CAREEN_TRY(pause(attempt, r ? &*r : nullptr));
    }
    if (!r) return std::move(r).error().in(escape(base_));
    bool denied = r->status == 401 || r->status == 403;
    return Error{denied             ? Errc::auth
                 : r->status == 404 ? Errc::not_found
                                    : Errc::network,
                 escape(q.url) + " answered " + std::to_string(r->status) +
                     (denied ? (authorization_.empty() ? "; no credentials are configured: log in with docker login" : "; the credentials were refused") : "")};
  }

  Result<Json> get(const std::string& url) {
    HttpRequest q;
    q.url = url;
    CAREEN_ASSIGN(HttpResponse r, send(std::move(q)));
    link_ = r.header("link");
    CAREEN_ASSIGN(Json j, parse_json(r.body, "the answer of " + escape(base_)));
    return j;
  }
  const std::string& link() const { return link_; }

 private:
  // Until when a limit holds: seconds to wait (Retry-After), or a moment (X-Retry-After, X-RateLimit-Reset).
  static std::optional<int64_t> wait_of(const HttpResponse& r) {
    if (auto n = to_number(r.header("retry-after"))) return static_cast<int64_t>(std::min<uint64_t>(*n, INT32_MAX));
    for (const char* name : {"x-retry-after", "x-ratelimit-reset"})
      if (auto n = to_number(r.header(name)); n && *n < INT32_MAX * uint64_t{16}) return std::max<int64_t>(static_cast<int64_t>(*n) - ::time(nullptr), 0);
    return std::nullopt;
  }

  Result<void> pause(int attempt, const HttpResponse* r) const {
    auto wait = r != nullptr && r->status == 429 ? wait_of(*r) : std::nullopt;
    if (wait && *wait > kMaxApiWait)
      return Error{Errc::network, escape(base_) + " takes no more requests for " + std::to_string(*wait / 60 + 1) + " minutes: try again then"};
    auto milliseconds = wait ? *wait * 1000 + 100 : int64_t{250} << attempt;
    if (wait && *wait > 2) note(escape(base_) + ": waiting " + std::to_string(*wait) + " s for its limit of requests");
    std::this_thread::sleep_for(std::chrono::milliseconds(milliseconds));
    return {};
  }

  // An account whose last request was this one need not run into a refusal.
  void wait_if_spent(const HttpResponse& r) const {
    auto left = to_number(r.header("x-ratelimit-remaining"));
    auto wait = wait_of(r);
    if (!left || *left > 1 || !wait || *wait > kMaxApiWait) return;
    std::this_thread::sleep_for(std::chrono::seconds(*wait));
  }

  std::string base_;
  HttpClient client_;
  std::string authorization_, link_;
};

// Calls `take` with each entry of a list that comes in pages.
template <class Next, class Take>
Result<void> pages(Api& api, std::string url, Next next, Take take) {
  CAREEN_ASSIGN(Url own, Url::parse(url));
  std::set<std::string> seen;
  for (size_t entries = 0; !url.empty();) {
    if (!seen.insert(url).second) return Error{Errc::network, escape(api.base()) + ": the pages of its list go round in a circle"};
    if (seen.size() > kMaxPages) return Error{Errc::limit, escape(api.base()) + ": its list has more than 5000 pages (kMaxPages)"};
    CAREEN_ASSIGN(Json j, api.get(url));
    const Json* list = j.is_array() ? &j : j.is_object() && j.contains("results") ? &j["results"] : nullptr;
    if (list == nullptr || !list->is_array()) return Error{Errc::network, escape(url) + ": its answer is no list"};
    for (const Json& one : *list)
      if (one.is_object()) take(one);
    entries += list->size();
    if (entries > kMaxListed) return Error{Errc::limit, escape(api.base()) + " lists more than 2000000 names (kMaxListed)"};
    url = next(j, url);
    if (url.empty()) break;
    CAREEN_ASSIGN(Url to, Url::parse(url));
    if (!to.same_origin(own))
      return Error{Errc::network, escape(api.base()) + ": its list goes on at another host, " + escape(to.host) + ", which is not followed"};
  }
  return {};
}

std::string hub_next(const Json& j, const std::string&) {
  return j.is_object() ? text_of(j, "next") : "";
}

// A token for the account of `docker login`; without one the public part is listed.
Result<void> log_in_to_hub(Api& api) {
  auto known = find_credentials("docker.io", "");
  if (!known || known->user.empty()) return {};
  HttpRequest q;
  q.url = api.base() + "/v2/auth/token";
  q.headers["Content-Type"] = "application/json";
  q.post_form = Json{{"identifier", known->user}, {"secret", known->password}}.dump(-1, ' ', false, Json::error_handler_t::replace);
  CAREEN_ASSIGN(HttpResponse r, api.send(std::move(q)));
  CAREEN_ASSIGN(Json j, parse_json(r.body, "Docker Hub's answer"));
  std::string token = j.is_object() ? text_of(j, "access_token") : "";
  bool plain = !token.empty() && std::all_of(token.begin(), token.end(), [](char ch) { return ch > 0x20 && ch < 0x7f; });
  if (!plain) return Error{Errc::auth, "Docker Hub gave no token for the configured account"};
  api.authorize("Bearer " + token);
  return {};
}

CatalogTag hub_tag(const Json& j) {
  CatalogTag t;
  t.tag = text_of(j, "name");
  t.digest = text_of(j, "digest");
  t.pushed = parse_moment(text_of(j, "tag_last_pushed"));
  if (!t.pushed) t.pushed = parse_moment(text_of(j, "last_updated"));
  t.pulled = parse_moment(text_of(j, "tag_last_pulled"));
  t.size = number_of(j, "full_size");
  if (auto it = j.find("images"); it != j.end() && it->is_array() && !it->empty()) {
    uint64_t sum = 0;
    for (const Json& image : *it) sum += image.is_object() ? number_of(image, "size").value_or(0) : 0;
    t.size = sum;  // of every platform; full_size is of one
  }
  return t;
}

std::string harbor_next(Api& api, const std::string& url) {
  std::string_view link = api.link();
  for (std::string_view part : split(link, ',')) {
    size_t open = part.find('<'), close = part.find('>');
    if (part.find("rel=\"next\"") == std::string_view::npos || open == std::string_view::npos || close == std::string_view::npos || close < open) continue;
    std::string target(part.substr(open + 1, close - open - 1));
    if (target.starts_with('/')) {
      auto own = Url::parse(url);
      size_t path = url.find('/', url.find("://") + 3);
      return own ? url.substr(0, path) + target : "";
    }
    return target;
  }
  return "";
}

void add_harbor_artifact(const Json& j, CatalogRepository& out) {
  CatalogTag t;
  t.digest = text_of(j, "digest");
  t.pushed = parse_moment(text_of(j, "push_time"));
  t.pulled = parse_moment(text_of(j, "pull_time"));
  t.size = number_of(j, "size");
  if (std::string type = text_of(j, "type"); !type.empty() && type != "IMAGE") return;  // charts, models and the like
  auto tags = j.find("tags");
  if (tags == j.end() || !tags->is_array() || tags->empty()) {
    out.tags.push_back(std::move(t));  // without a tag, by its digest
    return;
  }
  for (const Json& one : *tags) {
    if (!one.is_object()) continue;
    CatalogTag named = t;
    named.tag = text_of(one, "name");
    if (auto at = parse_moment(text_of(one, "push_time"))) named.pushed = at;
    if (auto at = parse_moment(text_of(one, "pull_time"))) named.pulled = at;
    out.tags.push_back(std::move(named));
  }
}

Result<void> list_harbor_project(Api& api, const std::string& host, const std::string& project, Catalog& out) {
  auto next = [&](const Json&, const std::string& url) { return harbor_next(api, url); };
  std::string page = "page=1&page_size=" + std::to_string(kPageSize);
  std::vector<CatalogRepository> found;
  CAREEN_TRY(pages(api, api.base() + "/projects/" + url_encode(project) + "/repositories?" + page, next, [&](const Json& j) {
    CatalogRepository r;
    r.name = text_of(j, "name");
    r.pulls = number_of(j, "pull_count");
    if (is_name(r.name) && r.name.starts_with(project + "/")) found.push_back(std::move(r));
  }));
  for (CatalogRepository& r : found) {
    // A slash in the repository's name is encoded twice, as Harbor's routes want it.
    std::string path = url_encode(url_encode(r.name.substr(project.size() + 1)));
    auto ok = pages(api, api.base() + "/projects/" + url_encode(project) + "/repositories/" + path + "/artifacts?with_tag=true&" + page, next,
                    [&](const Json& j) { add_harbor_artifact(j, r); });
    r.name = host + "/" + r.name;
    if (ok)
      out.repositories.push_back(std::move(r));
    else
      out.failures.emplace_back(r.name, ok.error().what);
  }
  return {};
}

}  // namespace

std::optional<int64_t> parse_moment(std::string_view s) {
  auto digits = [&](size_t at, size_t n) -> int {
    if (at + n > s.size()) return -1;
    auto v = to_number(s.substr(at, n));
    return v ? static_cast<int>(*v) : -1;
  };
  if (s.size() < 20 || s[4] != '-' || s[7] != '-' || (s[10] != 'T' && s[10] != ' ') || s[13] != ':' || s[16] != ':') return std::nullopt;
  std::tm t{};
  int year = digits(0, 4), month = digits(5, 2), day = digits(8, 2), hour = digits(11, 2), minute = digits(14, 2), second = digits(17, 2);
  if (year < 1970 || month < 1 || month > 12 || day < 1 || day > 31 || hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 60)
    return std::nullopt;
  t.tm_year = year - 1900, t.tm_mon = month - 1, t.tm_mday = day, t.tm_hour = hour, t.tm_min = minute, t.tm_sec = second;
  int64_t out = ::timegm(&t);
  std::string_view zone = s.substr(19);
  if (zone[0] == '.') zone = zone.substr(std::min(zone.find_first_not_of("0123456789", 1), zone.size()));
  if (zone == "Z") return out;
  if (zone.size() != 6 || (zone[0] != '+' && zone[0] != '-') || zone[3] != ':') return std::nullopt;
  auto hours = to_number(zone.substr(1, 2)), minutes = to_number(zone.substr(4, 2));
  if (!hours || !minutes || *hours > 23 || *minutes > 59) return std::nullopt;
  auto offset = static_cast<int64_t>(*hours * 3600 + *minutes * 60);
  return zone[0] == '+' ? out - offset : out + offset;
}

Result<Catalog> list_hub(const std::string& name, const HttpOptions& options) {
  if (!is_name(name) || name.find('/') != std::string::npos)
    return Error{Errc::usage, "hub:" + escape(name) + ": expected hub:NAMESPACE, as hub:library or hub:mycompany"};
  const char* other = std::getenv("CAREEN_HUB_API");
  std::string base = other != nullptr && *other != '\0' ? other : "https://hub.docker.com";
  CAREEN_ASSIGN(Url address, Url::parse(base));
  if (address.scheme != "https" && !options.insecure && !is_loopback(address.host))
    return Error{Errc::usage, "CAREEN_HUB_API is plain HTTP: the account's password would be sent in the clear (--insecure allows it)"};
  Api api(base, options);
  CAREEN_TRY(log_in_to_hub(api));
  std::string root = api.base() + "/v2/namespaces/" + name + "/repositories", page = "?page_size=" + std::to_string(kPageSize);
  Catalog out;
  std::vector<CatalogRepository> found;
  CAREEN_TRY(pages(api, root + page, hub_next, [&](const Json& j) {
    CatalogRepository r;
    r.name = text_of(j, "name");
    r.pulls = number_of(j, "pull_count");
    if (is_name(r.name) && text_of(j, "repository_type") != "plugin") found.push_back(std::move(r));
  }));
  for (CatalogRepository& r : found) {
    auto ok = pages(api, root + "/" + r.name + "/tags" + page, hub_next, [&](const Json& j) { r.tags.push_back(hub_tag(j)); });
    r.name = "docker.io/" + name + "/" + r.name;
    if (ok)
      out.repositories.push_back(std::move(r));
    else
      out.failures.emplace_back(r.name, ok.error().what);
  }
  return out;
}

Result<Catalog> list_harbor(const std::string& host, const std::string& project, const HttpOptions& options) {
  if (host.empty() || (!project.empty() && (!is_name(project) || project.find('/') != std::string::npos)))
    return Error{Errc::usage, "harbor:" + escape(host) + (project.empty() ? "" : "/" + escape(project)) + ": expected harbor:HOST or harbor:HOST/PROJECT"};
  bool plain = is_loopback(host.substr(0, host.find(':')));
  Api api((plain ? "http://" : "https://") + host + "/api/v2.0", options);
  if (auto known = find_credentials(host, project); known && !known->user.empty()) api.authorize("Basic " + to_base64(known->user + ":" + known->password));
  Catalog out;
  std::vector<std::string> projects{project};
  if (project.empty()) {
    projects.clear();
    auto next = [&](const Json&, const std::string& url) { return harbor_next(api, url); };
    CAREEN_TRY(pages(api, api.base() + "/projects?page=1&page_size=" + std::to_string(kPageSize), next, [&](const Json& j) {
      if (std::string p = text_of(j, "name"); is_name(p)) projects.push_back(p);
    }));
  }
  for (const std::string& p : projects) {
    auto ok = list_harbor_project(api, host, p, out);
    if (!ok && !project.empty()) return std::move(ok).error();
    if (!ok) out.failures.emplace_back("harbor:" + host + "/" + p, ok.error().what);
  }
  return out;
}

}  // namespace careen
