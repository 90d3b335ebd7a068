#include "cli/follow_command.h"

#include <csignal>

#include "base/fd.h"
#include "base/log.h"
#include "base/text.h"
#include "cli/common.h"
#include "net/http_server.h"

namespace careen {
namespace {

std::atomic<bool> told_to_stop{false};

// 127.0.0.1:8484, [::1]:8484 or :8484 for loopback.
Result<ServerOptions> server_options(const std::string& listen) {
  ServerOptions o;
  size_t colon = listen.rfind(':');
  auto port = colon == std::string::npos ? std::nullopt : to_number(listen.substr(colon + 1));
  if (!port || *port > 65'535) return Error{Errc::usage, "--listen " + escape(listen) + ": expected ADDRESS:PORT, as 127.0.0.1:8484"};
  o.port = static_cast<uint16_t>(*port);
  std::string address = listen.substr(0, colon);
  if (address.starts_with('[') && address.ends_with(']')) address = address.substr(1, address.size() - 2);
  if (!address.empty()) o.address = address;
  o.max_body = kMaxEventsBody;
  return o;
}

// What the Authorization header must be; "" when anyone may tell.
Result<std::string> secret_of(const FollowCommand& c, const ServerOptions& o) {
  if (c.token_file.empty()) {
    if (is_loopback(o.address)) return std::string();
    return Error{Errc::usage, "--listen at an address that is not loopback needs --listen-token FILE: else anyone could have careen ask its registries"};
  }
  CAREEN_ASSIGN(std::string text, read_file(c.token_file, 4096));
  std::string token(trim(text));
  if (token.size() < 16) return Error{Errc::usage, escape(c.token_file) + ": a token has at least 16 characters"};
  return "Bearer " + token;
}

ServedResponse on_request(const ServedRequest& r, const std::string& secret, PendingEvents& pending) {
  std::string path = r.target.substr(0, r.target.find('?'));
  if (path == "/healthz") return {200, "ok\n"};
  if (path != "/events") return {404, "notifications go to /events\n"};
  if (r.method != "POST") return {405, "notifications are sent by POST\n"};
  auto given = r.headers.find("authorization");
  if (!secret.empty() && !same_secret(given == r.headers.end() ? "" : given->second, secret)) return {401, "the token of --listen-token is expected\n"};
  auto events = read_registry_events(r.body);
  if (!events) return {400, events.error().what + "\n"};
  size_t taken = pending.add(*events);
  return {202, std::to_string(taken) + " of " + std::to_string(events->size()) + " are of what is followed\n"};
}

}  // namespace

void add_follow_options(CLI::App& app, FollowCommand& o) {
  app.add_flag("--follow", o.wanted, "Go on: list the sources again every so often, and index at once what registries tell of");
  app.add_option("--every", o.every, "With --follow: seconds between listings (default 900)")->check(CLI::Range(1U, 86'400U * 7));
  app.add_option("--listen", o.listen, "With --follow: take notifications of registries by HTTP at ADDRESS:PORT, under /events");
  app.add_option("--listen-token", o.token_file, "A file with the token that senders give as Authorization: Bearer TOKEN");
}

int run_follow(const FollowCommand& c, Inventory& inventory, const std::vector<std::string>& sources, const IndexOptions& options,
               const std::function<void(const std::string& what, const IndexSummary&)>& on_run) {
  PendingEvents pending(sources);
  std::unique_ptr<HttpServer> server;
  if (!c.listen.empty()) {
    auto at = server_options(c.listen);
    if (!at) return complain(at.error());
    auto secret = secret_of(c, *at);
    if (!secret) return complain(secret.error());
    auto s = HttpServer::listen(*at, [&pending, secret = *secret](const ServedRequest& r) { return on_request(r, secret, pending); });
    if (!s) return complain(s.error());
    server = std::move(*s);
    note("notifications are taken at " + escape(at->address) + ":" + std::to_string(server->port()) + "/events");
  }
  for (int signal : {SIGTERM, SIGINT}) std::signal(signal, [](int) { told_to_stop = true; });
  FollowOptions o;
  o.sources = sources;
  o.every = std::chrono::seconds(c.every);
  o.options = [&] { return options; };
  o.on_run = on_run;
  o.stop = &told_to_stop;
  auto ok = follow(inventory, pending, o);
  return ok ? 0 : complain(ok.error());
}

}  // namespace careen
