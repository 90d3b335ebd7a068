#include "source/daemon.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <thread>

#include "base/text.h"

namespace careen {
namespace {

std::string environment(const char* name) {
  const char* v = std::getenv(name);
  return v == nullptr ? "" : v;
}

bool is_socket(const std::string& path) {
  struct stat st {};
  return ::stat(path.c_str(), &st) == 0 && S_ISSOCK(st.st_mode);
}

// The daemon's socket; an Error when there is none.
Result<std::string> socket_of(Daemon d) {
  std::string host = environment(d == Daemon::docker ? "DOCKER_HOST" : "CONTAINER_HOST");
  std::vector<std::string> places;
  if (host.starts_with("unix://")) {
    places = {host.substr(7)};
  } else if (!host.empty()) {
    return Error{Errc::unsupported, "only unix:// sockets are read, not " + escape(host)};
  } else if (d == Daemon::docker) {
    places = {"/var/run/docker.sock"};
    if (std::string run = environment("XDG_RUNTIME_DIR"); !run.empty()) places.push_back(run + "/docker.sock");
  } else {
    if (std::string run = environment("XDG_RUNTIME_DIR"); !run.empty()) places.push_back(run + "/podman/podman.sock");
    places.emplace_back("/run/podman/podman.sock");
  }
  for (const std::string& p : places)
    if (is_socket(p)) return p;
  return Error{Errc::not_found, "no API socket at " + escape(places[0])};
}

std::string path_of(const std::string& reference) {
  std::string out;
  for (std::string_view part : split(reference, '/')) out += (out.empty() ? "" : "/") + url_encode(part);
  return out;
}

}  // namespace

Result<std::vector<Image>> read_daemon(Daemon daemon, const std::string& reference, const PlatformChoice& platforms, const HttpOptions& options,
                                       const ArchiveIndexer& index_archive) {
  std::string name = daemon == Daemon::docker ? "docker" : "podman";
  HttpOptions local = options;
  CAREEN_ASSIGN(local.unix_socket, socket_of(daemon));
  HttpClient client(local);
  HttpRequest q;
  q.url = "http://localhost/images/" + path_of(reference) + "/json";
  q.max_body = kMaxConfigBytes;
  auto info = client.send(q);
  if (!info) return std::move(info).error().in(name);
  if (info->status == 404) return Error{Errc::not_found, "no image " + escape(reference)};
  if (info->status != 200) return Error{Errc::network, name + " answered " + std::to_string(info->status)};

  // The export goes through a pipe into the spool.
  std::array<int, 2> ends{-1, -1};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return os_error("pipe", errno);
  Fd read_end(ends[0]);
  Result<void> outcome;
  std::thread pump([&client, &outcome, out = Fd(ends[1]), url = "http://localhost/images/" + path_of(reference) + "/get"]() mutable {
    HttpRequest get;
    get.url = url;
    get.on_body = [&](const HttpResponse&, Bytes part) { return static_cast<bool>(write_full(out.get(), part)); };
    auto r = client.send(get);
    if (!r)
      outcome = std::move(r).error();
    else if (r->status != 200)
      outcome = Error{Errc::network, "the export answered " + std::to_string(r->status)};
    out.reset();
  });
  auto archive = index_archive(std::move(read_end));
  pump.join();
  if (!outcome) return Error(outcome.error()).in(name);
  if (!archive) return std::move(archive).error().in(name);
  auto images = read_docker_archive(open_archive_tree(std::move(*archive)), "", platforms, name, reference);
  if (!images) return images;
  auto full = Reference::parse(reference);
  auto j = parse_json(info->body, "answer");
  for (Image& i : *images) {
    i.resolved = full ? full->text() : reference;
    i.file.clear(), i.names.clear();  // a registry's name, which stands under `resolved`
    // The digest under which it was pulled; an image that was built here has none.
    if (i.digest.empty() && j && j->is_object() && j->contains("RepoDigests") && (*j)["RepoDigests"].is_array())
      for (const auto& d : (*j)["RepoDigests"])
        if (d.is_string())
          if (auto r = Reference::parse(d.get<std::string>()); r && full && r->repository == full->repository) i.digest = r->digest;
  }
  return images;
}

}  // namespace careen
