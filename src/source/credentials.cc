#include "source/credentials.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "base/fd.h"
#include "base/log.h"
#include "base/text.h"
#include "oci/manifest.h"

extern char** environ;

namespace careen {
namespace {

using nlohmann::json;
constexpr uint64_t kMaxConfigFile = 4 << 20;
constexpr int kHelperMilliseconds = 30'000;

std::string environment(const char* name) {
  const char* v = std::getenv(name);
  return v == nullptr ? "" : v;
}

// Runs docker-credential-NAME get; the server's name on its standard input, a JSON document on its output.
std::optional<Credentials> ask_helper(const std::string& helper, const std::string& server) {
  if (helper.find('/') != std::string::npos) return std::nullopt;
  std::array<int, 2> in{}, out{};
  if (::pipe2(in.data(), O_CLOEXEC) != 0) return std::nullopt;
  Fd in_read(in[0]), in_write(in[1]);
  if (::pipe2(out.data(), O_CLOEXEC) != 0) return std::nullopt;
  Fd out_read(out[0]), out_write(out[1]);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, in_read.get(), 0);
  posix_spawn_file_actions_adddup2(&actions, out_write.get(), 1);
  std::string program = "docker-credential-" + helper, verb = "get";
  std::array<char*, 3> argv{program.data(), verb.data(), nullptr};
  pid_t pid = -1;
  int rc = ::posix_spawnp(&pid, program.c_str(), &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (rc != 0) {
    warn("the credential helper " + program + " could not be started");
    return std::nullopt;
  }
  in_read.reset();
  out_write.reset();
  (void)static_cast<bool>(write_full(in_write.get(), as_bytes(server)));
  in_write.reset();
  std::string text;
  std::array<uint8_t, 4096> buffer{};
  for (;;) {
    pollfd p{out_read.get(), POLLIN, 0};
    if (::poll(&p, 1, kHelperMilliseconds) <= 0) {
      ::kill(pid, SIGKILL);
      break;
    }
    auto n = read_some(out_read.get(), buffer);
    if (text.size() > kMaxConfigFile) ::kill(pid, SIGKILL);
    if (!n || *n == 0 || text.size() > kMaxConfigFile) break;
    text += as_text(Bytes(buffer).first(*n));
  }
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  auto j = parse_json(text, "the credential helper's answer");
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0 || !j || !j->is_object()) return std::nullopt;
  auto field = [&](const char* key) { return j->contains(key) && (*j)[key].is_string() ? (*j)[key].get<std::string>() : std::string{}; };
  Credentials c{field("Username"), field("Secret"), ""};
  if (c.user == "<token>") c.identity_token = c.password;
  if (c.password.empty()) return std::nullopt;
  return c;
}

std::optional<Credentials> from_entry(const json& e) {
  if (!e.is_object()) return std::nullopt;
  auto text = [&](const char* key) { return e.contains(key) && e[key].is_string() ? e[key].get<std::string>() : std::string{}; };
  Credentials c;
  c.identity_token = text("identitytoken");
  c.user = text("username");
  c.password = text("password");
  if (auto raw = from_base64(text("auth")); raw && !raw->empty()) {
    size_t colon = raw->find(':');
    if (colon != std::string::npos) {
      c.user = raw->substr(0, colon);
      c.password = raw->substr(colon + 1);
      c.password.resize(std::min(c.password.size(), c.password.find('\0')));
    }
  }
  if (c.identity_token.empty() && (c.user.empty() || c.password.empty())) return std::nullopt;
  return c;
}

// The names under which a registry may stand in a file, the most exact first.
std::vector<std::string> keys_for(const std::string& host, const std::string& repository) {
  std::vector<std::string> keys;
  std::string full = host + "/" + repository;
  for (size_t at = full.size(); at != std::string::npos && at > host.size(); at = full.rfind('/', at - 1)) keys.push_back(full.substr(0, at));
  keys.push_back(host);
  keys.push_back("https://" + host);
  keys.push_back("https://" + host + "/v1/");
  keys.push_back("https://" + host + "/v2/");
  keys.push_back("http://" + host);
  if (host == "docker.io")
    for (const char* k : {"https://index.docker.io/v1/", "index.docker.io", "https://registry-1.docker.io", "registry-1.docker.io"}) keys.emplace_back(k);
  return keys;
}

std::optional<Credentials> from_file(const std::string& path, const std::vector<std::string>& keys, const std::string& host) {
  auto text = read_file(path, kMaxConfigFile);
  if (!text) return std::nullopt;
  auto j = parse_json(*text, path);
  if (!j || !j->is_object()) {
    warn(path + " is not valid JSON; no credentials are taken from it");
    return std::nullopt;
  }
  std::string server = host == "docker.io" ? "https://index.docker.io/v1/" : host;
  if (auto helpers = j->find("credHelpers"); helpers != j->end() && helpers->is_object())
    for (const std::string& k : keys)
      if (auto it = helpers->find(k); it != helpers->end() && it->is_string())
        if (auto c = ask_helper(it->get<std::string>(), server)) return c;
  if (auto auths = j->find("auths"); auths != j->end() && auths->is_object())
    for (const std::string& k : keys)
      if (auto it = auths->find(k); it != auths->end())
        if (auto c = from_entry(*it)) return c;
  if (auto store = j->find("credsStore"); store != j->end() && store->is_string() && !store->get<std::string>().empty())
    return ask_helper(store->get<std::string>(), server);
  return std::nullopt;
}

}  // namespace

std::optional<Credentials> find_credentials(const std::string& host, const std::string& repository) {
  std::string home = environment("HOME");
  std::vector<std::string> files;
  if (std::string f = environment("REGISTRY_AUTH_FILE"); !f.empty()) files.push_back(f);
  if (std::string d = environment("XDG_RUNTIME_DIR"); !d.empty()) files.push_back(d + "/containers/auth.json");
  files.push_back("/run/containers/" + std::to_string(::getuid()) + "/auth.json");
  if (std::string d = environment("XDG_CONFIG_HOME"); !d.empty())
    files.push_back(d + "/containers/auth.json");
  else if (!home.empty())
    files.push_back(home + "/.config/containers/auth.json");
  if (std::string d = environment("DOCKER_CONFIG"); !d.empty())
    files.push_back(d + "/config.json");
  else if (!home.empty())
    files.push_back(home + "/.docker/config.json");
  auto keys = keys_for(host, repository);
  for (const std::string& f : files)
    if (auto c = from_file(f, keys, host)) return c;
  return std::nullopt;
}

}  // namespace careen
