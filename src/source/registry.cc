#include "source/registry.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <mutex>
#include <nlohmann/json.hpp>
#include <random>
#include <set>
#include <thread>

#include "base/log.h"
#include "base/text.h"
#include "source/credentials.h"
#include "source/oci_layout.h"

namespace careen {
namespace {

constexpr double kLongestPause = 30;  // seconds, where a server does not say how long

constexpr const char* kAccept =
    "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, "
    "application/vnd.docker.distribution.manifest.list.v2+json, application/vnd.docker.distribution.manifest.v2+json";

struct Challenge {
  bool bearer = false, basic = false;
  std::string realm, service, scope;
};

Challenge parse_challenge(std::string_view header) {
  Challenge c;
  std::string scheme = lower(header.substr(0, header.find(' ')));
  c.bearer = scheme == "bearer";
  c.basic = scheme == "basic";
  auto value = [&](std::string_view key) -> std::string {
    std::string want = std::string(key) + "=\"";
    size_t at = header.find(want);
    if (at == std::string_view::npos) return {};
    std::string_view rest = header.substr(at + want.size());
    return std::string(rest.substr(0, rest.find('"')));
  };
  c.realm = value("realm");
  c.service = value("service");
  c.scope = value("scope");
  return c;
}

class Registry : public std::enable_shared_from_this<Registry> {
 public:
  Registry(Reference r, HttpOptions options) : ref_(std::move(r)), client_(std::move(options)) {
    server_ = ref_.host == "docker.io" ? "registry-1.docker.io" : ref_.host;
  }

  // Finds out whether the registry speaks HTTPS; plain HTTP only where that is allowed.
  Result<void> connect() {
    base_ = "https://" + server_;
    bool plain = client_.options().insecure || is_loopback(server_);
    HttpRequest probe;
    probe.url = base_ + "/v2/";
    auto r = plain ? client_.send(probe) : Result<HttpResponse>(HttpResponse{});
    // A certificate that does not fit is no reason to speak in the clear.
    if (r || r.error().what.find("--cacert") != std::string::npos) return {};
    base_ = "http://" + server_;
    return {};
  }

  Result<HttpResponse> get(const std::string& path, const std::string& accept, uint64_t limit) {
    HttpRequest q;
    q.url = base_ + "/v2/" + ref_.repository + path;
    if (!accept.empty()) q.headers["Accept"] = accept;
    q.max_body = limit;
    return with_retries(q);
  }

  Result<HttpResponse> manifest(const std::string& identifier) {
    CAREEN_ASSIGN(HttpResponse r, get("/manifests/" + identifier, kAccept, kMaxManifestBytes));
    if (r.status == 404) return Error{Errc::not_found, "no image " + escape(ref_.text()) + " in the registry"};
    CAREEN_TRY(expect_ok(r, "manifest"));
    return r;
  }

  Result<Digest> head(const std::string& identifier) {
    HttpRequest q;
    q.url = base_ + "/v2/" + ref_.repository + "/manifests/" + identifier;
    q.headers["Accept"] = kAccept;
    q.head = true;
    CAREEN_ASSIGN(HttpResponse r, with_retries(q));
    if (r.status == 404) return Error{Errc::not_found, "no image " + escape(ref_.text()) + " in the registry"};
    CAREEN_TRY(expect_ok(r, "manifest"));
    auto d = Digest::parse(r.header("docker-content-digest"));
    return d ? *d : Digest{};
  }

  // A list in pages, as the distribution specification has it: an array under `key`, the next page by a Link header.
  Result<std::vector<std::string>> list(const std::string& first, const char* key) {
    std::vector<std::string> out;
    std::set<std::string> seen;
    for (std::string path = first; !path.empty();) {
      if (!seen.insert(path).second) return Error{Errc::network, escape(server_) + ": the pages of its list go round in a circle"};
      HttpRequest q;
      q.url = base_ + path;
      q.max_body = 64 << 20;
      CAREEN_ASSIGN(HttpResponse r, with_retries(q));
      CAREEN_TRY(expect_ok(r, key));
      CAREEN_ASSIGN(auto j, parse_json(r.body, "the registry's list"));
      if (!j.is_object()) return Error{Errc::network, escape(server_) + ": its list is no object"};
      size_t before = out.size();
      if (j.contains(key) && j[key].is_array())
        for (const auto& name : j[key])
          if (name.is_string()) out.push_back(name.get<std::string>());
      if (out.size() > kMaxListed) return Error{Errc::limit, escape(server_) + " lists more than 2000000 names (kMaxListed)"};
      path = next_page(r.header("link"), path);
      if (!path.empty() && seen.size() >= kMaxPages) return Error{Errc::limit, escape(server_) + ": its list has more than 5000 pages (kMaxPages)"};
      if (!path.empty() && out.size() == before && seen.size() > 100) return Error{Errc::network, escape(server_) + ": its list goes on without names"};
    }
    std::sort(out.begin(), out.end());
    out.erase(std::unique(out.begin(), out.end()), out.end());
    return out;
  }

  Result<std::string> blob(const Descriptor& d, uint64_t limit) {
    CAREEN_ASSIGN(HttpResponse r, get("/blobs/" + d.digest.text(), "", limit));
    CAREEN_TRY(expect_ok(r, "config"));
    return std::move(r.body);
  }

  // A blob as a stream: a thread writes what arrives into a pipe.
  Result<BlobInput> open(const Descriptor& d) {
    std::array<int, 2> ends{-1, -1};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) return os_error("pipe", errno);
    ::fcntl(ends[1], F_SETPIPE_SZ, 1 << 20);
    auto state = std::make_shared<Stream>();
    state->thread = std::thread([self = shared_from_this(), d, out = Fd(ends[1]), s = state.get()]() mutable {
      s->outcome = self->pump(d, out.get(), s->writing);
      out.reset();
      s->running = false;
    });
    BlobInput in;
    in.fd = Fd(ends[0]);
    in.finish = [state] {
      if (state->thread.joinable()) state->thread.join();
      return state->outcome;
    };
    in.alive = [state] { return state->running && !state->writing; };
    return in;
  }

 private:
  struct Stream {
    std::thread thread;
    Result<void> outcome;
    std::atomic<bool> running{true}, writing{false};  // writing: it is the reader that is waited for
    ~Stream() {
      if (thread.joinable()) thread.join();
    }
  };

  Result<void> expect_ok(const HttpResponse& r, const char* what) const {
    if (r.status >= 200 && r.status < 300) return {};
    std::string says;
    // That a repository is gone is what the registry itself says: a 404 alone may be of something between.
    bool says_gone = std::string_view(what) != "tags";
    if (auto j = parse_json(r.body, "answer"); j && j->is_object() && j->contains("errors") && (*j)["errors"].is_array() && !(*j)["errors"].empty()) {
      const auto& e = (*j)["errors"][0];
      if (e.is_object() && e.contains("message") && e["message"].is_string()) says = ": " + escape(e["message"].get<std::string>().substr(0, 200));
      if (e.is_object() && e.contains("code")) says_gone |= e["code"] == "NAME_UNKNOWN" || e["code"] == "NOT_FOUND";  // the latter is Harbor's
    }
    if (r.status == 401 || r.status == 403) {
      std::string hint =
          had_credentials_ ? "the credentials were refused" : "it wants credentials and none are configured: log in with docker login or podman login";
      return Error{Errc::auth, escape(server_) + " answered " + std::to_string(r.status) + says + "; " + hint};
    }
    return Error{r.status == 404 && says_gone ? Errc::not_found : Errc::network,
                 escape(server_) + " answered " + std::to_string(r.status) + " for the " + what + says};
  }

  // The path of the next page: </v2/…?last=x>; rel="next". Only its path and query count, so it never leads to another host.
  static std::string next_page(std::string_view link, std::string_view current) {
    size_t open = link.find('<'), close = link.find('>');
    if (open == std::string_view::npos || close == std::string_view::npos || close < open || link.find("next") == std::string_view::npos) return {};
    std::string_view target = link.substr(open + 1, close - open - 1);
    if (size_t scheme = target.find("://"); scheme != std::string_view::npos) {
      size_t slash = target.find('/', scheme + 3);
      target = slash == std::string_view::npos ? std::string_view{} : target.substr(slash);
    }
    if (target.starts_with('/')) return std::string(target);
    if (target.starts_with('?')) return std::string(current.substr(0, current.find('?'))) + std::string(target);
    return {};
  }

  // The token in force was taken: one that runs out later is fetched anew, however often that happens.
  void token_works() {
    std::lock_guard lock(mutex_);
    tokens_ = 0;
  }

  // The Authorization header in force.
  std::string authorization() {
    std::lock_guard lock(mutex_);
    return authorization_;
  }

  // Answers a challenge: basic, or a token of the server it names. False when it was answered before with no better luck.
  Result<bool> authenticate(const std::string& header, const std::string& used) {
    std::lock_guard lock(mutex_);
    if (authorization_ != used) return true;  // another thread has just done it
    Challenge c = parse_challenge(header);
    if (!looked_for_credentials_) {
      credentials_ = find_credentials(ref_.host, ref_.repository);
      looked_for_credentials_ = true;
      had_credentials_ = credentials_.has_value();
    }
    std::string basic = credentials_ && !credentials_->user.empty() ? "Basic " + to_base64(credentials_->user + ":" + credentials_->password) : "";
    if (c.basic) {
      if (basic.empty() || authorization_ == basic) return false;
      authorization_ = basic;
      return true;
    }
    if (!c.bearer || c.realm.empty() || ++tokens_ > 4) return false;
    CAREEN_ASSIGN(std::string token, fetch_token(c, basic));
    authorization_ = "Bearer " + token;
    return true;
  }

  Result<std::string> fetch_token(const Challenge& c, const std::string& basic) {
    CAREEN_ASSIGN(Url realm, Url::parse(c.realm));
    CAREEN_ASSIGN(Url own, Url::parse(base_));
    if (realm.scheme != "https" && realm.scheme != "http") return Error{Errc::auth, "the registry names a token server that is no web address"};
    if (realm.scheme == "http" && !client_.options().insecure && !is_loopback(realm.host))
      return Error{Errc::auth, "the registry names a token server over plain HTTP at " + escape(realm.host) + ": refused without --insecure"};
    // Over plain HTTP credentials stay with the host they are for.
    bool may_send = realm.scheme == "https" || realm.host == own.host;
    std::string scope = c.scope.empty() ? "repository:" + ref_.repository + ":pull" : c.scope;
    HttpRequest q;
    if (credentials_ && !credentials_->identity_token.empty() && may_send) {
      q.url = c.realm;
      q.post_form = "grant_type=refresh_token&client_id=careen&service=" + url_encode(c.service) + "&scope=" + url_encode(scope) +
                    "&refresh_token=" + url_encode(credentials_->identity_token);
    } else {
      q.url = c.realm + (c.realm.find('?') == std::string::npos ? "?" : "&") + "scope=" + url_encode(scope);
      if (!c.service.empty()) q.url += "&service=" + url_encode(c.service);
      if (may_send) q.authorization = basic;
    }
    q.max_body = 1 << 20;
    auto r = client_.send(q);
    if (!r) return std::move(r).error().in("token server " + escape(realm.host));
    if (r->status != 200)
      return Error{Errc::auth, "the token server " + escape(realm.host) + " answered " + std::to_string(r->status) +
                                   (had_credentials_ ? "; the credentials were refused" : "; no credentials are configured")};
    CAREEN_ASSIGN(auto j, parse_json(r->body, "the token server's answer"));
    for (const char* key : {"token", "access_token"})
      if (j.is_object() && j.contains(key) && j[key].is_string() && !j[key].get<std::string>().empty()) {
        std::string token = j[key].get<std::string>();
        bool plain = std::all_of(token.begin(), token.end(), [](char ch) { return ch > 0x20 && ch < 0x7f; });
        if (!plain) return Error{Errc::auth, "the token server " + escape(realm.host) + " gave a token with characters that no header may hold"};
        return token;
      }
    return Error{Errc::auth, "the token server " + escape(realm.host) + " gave no token"};
  }

  // Waits before attempt n: what Retry-After says, else 0.25 s doubled each time with jitter.
  void pause(int attempt, const Result<HttpResponse>& answer, double* waited) const {
    static thread_local std::minstd_rand random(std::random_device{}());
    double seconds = std::min(0.25 * (1 << std::min(attempt, 7)), kLongestPause) * std::uniform_real_distribution<double>(0.5, 1.5)(random);
    if (auto n = answer ? retry_after(*answer, ::time(nullptr)) : std::nullopt)
      seconds = std::max(seconds * 0.1, static_cast<double>(std::min<uint64_t>(*n, client_.patience())));
    std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
    *waited += seconds;
  }

  // Whether the server asks for more patience than there is.
  bool asks_too_long(const HttpResponse& answer) const {
    auto n = retry_after(answer, ::time(nullptr));
    return n && *n > client_.patience();
  }

  // A server that is asked too much is no broken one: as long as there is patience its answers are not counted.
  bool only_busy(const Result<HttpResponse>& answer, double waited) const {
    return answer && answer->status == 429 && client_.options().patience != 0 && waited < client_.options().patience;
  }

  static bool passing(int status) { return status == 429 || status == 408 || (status >= 500 && status <= 504); }

  Result<HttpResponse> with_retries(HttpRequest& q) {
    Result<HttpResponse> last = Error{Errc::network, "not tried"};
    double waited = 0;
    for (int attempt = 0, refused = 0, busy = 0; attempt < kMaxAttempts; ++attempt) {
      std::string used = authorization();
      q.authorization = used;
      last = client_.send(q);
      if (last && last->status == 401 && refused < 3) {
        ++refused;
        CAREEN_ASSIGN(bool again, authenticate(last->header("www-authenticate"), used));
        if (!again) return last;
        --attempt;
        continue;
      }
      if (last && last->status < 300) token_works();
      if (last && !passing(last->status)) return last;
      if (!last && last.error().code != Errc::network) return last;
      bool lasting = !last && (last.error().what.find("--cacert") != std::string::npos || last.error().what.find("--insecure") != std::string::npos);
      if (lasting) return std::move(last).error().in(escape(server_));
      if (last && asks_too_long(*last)) break;
      if (only_busy(last, waited)) {
        pause(busy++, last, &waited);
        --attempt;
      } else if (attempt + 1 < kMaxAttempts) {
        pause(attempt, last, &waited);
      }
    }
    if (!last) return std::move(last).error().in(escape(server_));
    return last;
  }

  // Writes a blob to a descriptor; continues where a connection broke off.
  Result<void> pump(const Descriptor& d, int out, std::atomic<bool>& writing) {
    uint64_t written = 0;
    bool reader_gone = false, too_much = false;
    std::string why;
    double waited = 0;
    for (int attempt = 0, refused = 0, busy = 0; attempt < kMaxAttempts; ++attempt) {
      std::string used = authorization();
      uint64_t start = written, skip = 0;
      bool began = false;
      HttpRequest q;
      q.url = base_ + "/v2/" + ref_.repository + "/blobs/" + d.digest.text();
      q.authorization = used;
      if (start != 0) q.headers["Range"] = "bytes=" + std::to_string(start) + "-";
      q.on_body = [&](const HttpResponse& head, Bytes part) {
        if (!began) skip = head.status == 206 ? 0 : start;  // a server may ignore Range
        began = true;
        size_t drop = static_cast<size_t>(std::min<uint64_t>(skip, part.size()));
        skip -= drop;
        part = part.subspan(drop);
        if (written + part.size() > d.size) {
          too_much = true;
          return false;
        }
        writing = true;
        bool ok = static_cast<bool>(write_full(out, part));
        writing = false;
        if (!ok) {
          reader_gone = true;
          return false;
        }
        written += part.size();
        if (written == part.size()) token_works();
        return true;
      };
      auto r = client_.send(q);
      if (reader_gone) return {};
      if (too_much) return Error{Errc::limit, escape(server_) + " sends more of layer " + d.digest.short_text() + " than its size of " + human_size(d.size)};
      if (written == d.size) return {};
      if (r && r->status == 401 && refused < 3) {
        ++refused;
        CAREEN_ASSIGN(bool again, authenticate(r->header("www-authenticate"), used));
        if (!again) return expect_ok(*r, "layer");
        --attempt;
        continue;
      }
      if (r && r->status == 416)
        return Error{Errc::truncated, escape(server_) + " has less of layer " + d.digest.short_text() + " than its size of " + human_size(d.size)};
      if (r && r->status >= 300 && !passing(r->status)) return expect_ok(*r, "layer");
      why = r ? (r->status >= 300 ? "answered " + std::to_string(r->status) : "broke off after " + human_size(written)) : r.error().what;
      if (r && asks_too_long(*r)) break;
      if (written > start) attempt = std::min(attempt, 1);  // it goes on, if slowly: more patience, not endless
      if (written > start && ++resumes_ > 100) break;
      if (only_busy(r, waited)) {
        pause(busy++, r, &waited);
        --attempt;
      } else if (attempt + 1 < kMaxAttempts) {
        pause(attempt, r, &waited);
      }
    }
    return Error{Errc::network, escape(server_) + ": layer " + d.digest.short_text() + ": " + why};
  }

  Reference ref_;
  HttpClient client_;
  std::string server_, base_;
  std::mutex mutex_;  // guards what follows
  std::string authorization_;
  std::optional<Credentials> credentials_;
  bool looked_for_credentials_ = false;
  std::atomic<bool> had_credentials_{false};
  std::atomic<int> resumes_{0};
  int tokens_ = 0;
};

class RegistryStore : public ManifestStore {
 public:
  RegistryStore(std::shared_ptr<Registry> r, Digest first, std::string text) : registry_(std::move(r)), first_(std::move(first)), text_(std::move(text)) {}

  Result<std::string> manifest(const Descriptor& d) override {
    if (d.digest == first_) return text_;
    std::string body;
    for (int attempt = 0; attempt < 2; ++attempt) {  // a second time when the digest is wrong: perhaps damaged on the way
      CAREEN_ASSIGN(HttpResponse r, registry_->manifest(d.digest.text()));
      body = std::move(r.body);
      if (digest_of(as_bytes(body), d.digest.algorithm()) == d.digest) break;
    }
    return body;
  }
  Result<std::string> config(const Descriptor& d) override {
    std::string body;
    for (int attempt = 0; attempt < 2; ++attempt) {
      CAREEN_ASSIGN(body, registry_->blob(d, kMaxConfigBytes));
      if (digest_of(as_bytes(body), d.digest.algorithm()) == d.digest) break;
    }
    return body;
  }
  std::function<Result<BlobInput>()> layer(const Descriptor& d) override {
    return [r = registry_, d] { return r->open(d); };
  }

 private:
  std::shared_ptr<Registry> registry_;
  Digest first_;
  std::string text_;
};

Result<std::shared_ptr<Registry>> connected(const Reference& ref, const HttpOptions& options) {
  auto registry = std::make_shared<Registry>(ref, options);
  CAREEN_TRY(registry->connect());
  return registry;
}

}  // namespace

Result<std::vector<std::string>> list_repositories(const std::string& host, const HttpOptions& options) {
  Reference ref;
  ref.host = host;
  CAREEN_ASSIGN(auto registry, connected(ref, options));
  return registry->list("/v2/_catalog?n=1000", "repositories");
}

Result<std::vector<std::string>> list_tags(const std::string& repository, const HttpOptions& options) {
  CAREEN_ASSIGN(Reference ref, Reference::parse(repository));
  CAREEN_ASSIGN(auto registry, connected(ref, options));
  return registry->list("/v2/" + ref.repository + "/tags/list?n=1000", "tags");
}

Result<Digest> head_manifest(const std::string& reference, const HttpOptions& options) {
  CAREEN_ASSIGN(Reference ref, Reference::parse(reference));
  CAREEN_ASSIGN(auto registry, connected(ref, options));
  return registry->head(ref.identifier());
}

Result<std::vector<Image>> read_registry(const std::string& text, const PlatformChoice& platforms, const HttpOptions& options) {
  CAREEN_ASSIGN(Reference ref, Reference::parse(text));
  auto registry = std::make_shared<Registry>(ref, options);
  CAREEN_TRY(registry->connect());
  CAREEN_ASSIGN(HttpResponse first, registry->manifest(ref.identifier()));
  // What a tag names is known by its bytes; a digest in the reference is checked against them.
  Descriptor root;
  root.digest = ref.digest.empty() ? digest_of(as_bytes(first.body)) : ref.digest;
  for (int attempt = 0; attempt < 1 && !ref.digest.empty() && digest_of(as_bytes(first.body), ref.digest.algorithm()) != ref.digest; ++attempt) {
    CAREEN_ASSIGN(first, registry->manifest(ref.identifier()));
  }
  RegistryStore store(registry, root.digest, first.body);
  CAREEN_ASSIGN(std::vector<Image> images, choose_images(store, {root}, platforms));
  for (Image& i : images) {
    i.source = "registry";
    i.resolved = ref.text();
  }
  return images;
}

}  // namespace careen
