#include "cli/common.h"

#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <ctime>

#include "base/log.h"
#include "base/text.h"
#include "cli/progress.h"
#include "cli/sources.h"
#include "fleet/indexer.h"
#include "source/resolve.h"

namespace careen {
namespace {

std::string environment(const char* name) {
  const char* v = std::getenv(name);
  return v == nullptr ? "" : v;
}

std::string xdg(const char* variable, const char* under_home) {
  std::string base = environment(variable);
  if (base.empty() || base[0] != '/') {
    std::string home = environment("HOME");
    if (home.empty()) return "";
    base = home + "/" + under_home;
  }
  return base + "/careen";
}

// A directory for unlinked files: the cache's where it can be written, else that for temporary files.
std::string spool_directory(const std::string& cache) {
  if (!cache.empty() && make_directories(cache) && ::access(cache.c_str(), W_OK) == 0) return cache;
  std::string tmp = environment("TMPDIR");
  return tmp.empty() ? "/tmp" : tmp;
}

Result<uint64_t> size_option(const char* name, const std::string& text) {
  if (text.empty()) return uint64_t{0};
  auto v = to_size(text);
  if (!v || *v == 0) return Error{Errc::usage, std::string(name) + ": '" + escape(text) + "' is not a size; write 512M or 8G"};
  return *v;
}

}  // namespace

std::vector<KeptRecord> imported_threats(const std::string& cache_dir) {
  auto db = open_advisories(cache_dir);
  std::vector<KeptRecord> out;
  if (!db && db.error().code != Errc::unsupported)  // the format before this had none
    warn("threat records of the advisory database are not searched for: " + db.error().what);
  if (!db || *db == nullptr) return out;
  for (StoredThreat& t : (*db)->threats()) out.push_back({std::move(t.id), std::move(t.text), false});
  if (auto sound = (*db)->sound(); !sound) warn("not all threat records of the advisory database are searched for: " + sound.error().what);
  return out;
}

Result<void> scan_options(const ImageOptions& o, std::shared_ptr<LayerCache> cache, ScanOptions& scan, ResolveOptions& resolve) {
  CAREEN_ASSIGN(ThreatSet threats, load_threats({o.threats, o.replace, o.kept, imported_threats(o.cache_dir)}));
  scan.threats = std::make_shared<const ThreatSet>(std::move(threats));
  CAREEN_ASSIGN(scan.spool_limit, size_option("--spool-limit", o.spool_limit));
  CAREEN_ASSIGN(scan.max_layer, size_option("--max-layer-size", o.max_layer));
  std::string directory = o.no_cache ? "" : o.cache_dir.empty() ? default_cache_directory() : o.cache_dir;
  scan.spool_directory = spool_directory(directory);
  scan.cache = cache ? std::move(cache) : LayerCache::open(directory);
  scan.jobs = o.jobs;
  scan.stall_seconds = std::max(o.timeout * 2, 60U);
  scan.wants_facts = o.wants_facts;

  resolve.from = o.from;
  resolve.platforms.all = o.all_platforms;
  if (!o.platform.empty()) {
    CAREEN_ASSIGN(Platform p, Platform::parse(o.platform));
    resolve.platforms.platform = p;
  }
  set_document_memory({[cache = scan.cache](const Digest& d) { return cache->document(d); },
                       [cache = scan.cache](const Digest& d, const std::string& text) { cache->put_document(d, text); }});
  resolve.index_archive = archive_indexer(scan);
  add_network_sources(resolve, http_options(o), resolve.index_archive);
  return {};
}

HttpOptions http_options(const ImageOptions& o) {
  constexpr double kPoliteRate = 50;
  HttpOptions http;
  http.insecure = o.insecure;
  http.ca_file = o.ca_file;
  http.timeout = o.timeout;
  if (!o.polite) return http;
  http.rate = o.rate.value_or(kPoliteRate);
  http.paces_loopback = o.rate.has_value();
  http.patience = o.patience;
  return http;
}

void add_polite_options(CLI::App& app, ImageOptions& o) {
  o.polite = true;
  app.add_option("--rate", o.rate, "Requests a second to one registry (default 50; loopback without a limit)")->check(CLI::Range(0.01, 100'000.0));
  app.add_option("--patience", o.patience, "Seconds that a registry which is asked too much may have careen wait (default 900)")
      ->check(CLI::Range(1U, 86'400U));
}

namespace {

void timed_advice(ScanResult& r, const AdviceOptions& advice) {
  auto start = std::chrono::steady_clock::now();
  advise(r, advice);
  timing("advisories", std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
}

Result<std::vector<ScanResult>> scan_all(ImageOptions o) {
  ScanOptions scan;
  ResolveOptions resolve;
  std::unique_ptr<Inventory> inventory;
  if (!o.store.empty()) {
    CAREEN_ASSIGN(inventory, Inventory::open(o.store, Inventory::Mode::write));
    o.kept = inventory->kept_threats();
    if (auto why = inventory->trouble()) return Error{Errc::io, *why};
  }
  CAREEN_TRY(scan_options(o, inventory ? inventory->layers() : nullptr, scan, resolve));
  if (inventory) scan.wants_facts = true;
  std::optional<AdviceOptions> advice;
  if (o.advice.update) CAREEN_TRY(update_advisories(o));
  if (!o.advice.none) {
    CAREEN_ASSIGN(advice, advice_options(o));
  }
  std::vector<ScanResult> results;
  if (o.image.starts_with("sbom:")) {
    CAREEN_ASSIGN(ScanResult result, scan_sbom(o.image.substr(5), scan));
    results.push_back(std::move(result));
    if (advice) timed_advice(results.back(), *advice);
    return results;
  }
  CAREEN_ASSIGN(std::vector<Image> images, resolve_images(o.image, resolve));

  for (const Image& image : images) {
    Progress progress(!o.quiet && !o.no_progress);
    scan.on_progress = [&](uint64_t done, uint64_t total, size_t left) { progress.show(done, total, left); };
    results.push_back(scan_image(image, scan));
    if (inventory && !image.is_rootfs && !image.is_single_file) CAREEN_TRY(record_scan(*inventory, image, results.back(), inventory->clock()));
    if (advice) timed_advice(results.back(), *advice);
  }
  return results;
}

}  // namespace

void add_image_options(CLI::App& app, ImageOptions& o) {
  app.add_option("IMAGE", o.image,
                 "docker:REF podman:REF registry:REF docker-archive:FILE[:REF|@N] oci-archive:FILE[:TAG] oci-dir:DIR[:TAG|@DIGEST] dir:ROOTFS "
                 "file:PATH sbom:FILE, - for an archive on standard input, a path, or a reference")
      ->required();
  add_scan_options(app, o);
}

void add_scan_options(CLI::App& app, ImageOptions& o) {
  app.add_option("--from", o.from, "Where a bare reference or path is read from, as docker, registry or oci-dir");
  app.add_option("--platform", o.platform, "os/arch[/variant] (default: this machine's, then the only one there is)");
  app.add_flag("--all-platforms", o.all_platforms, "Every platform of the image, each with its own verdict");
  app.add_option("--threats", o.threats, "More threat records: a file, or a folder of them (repeatable)");
  app.add_flag("--replace", o.replace, "A record of --threats may take the place of a built-in one");
  app.add_option("--cache-dir", o.cache_dir, "Where facts of layers are remembered (default: $XDG_CACHE_HOME/careen)");
  app.add_flag("--no-cache", o.no_cache, "Remember nothing, and read every layer");
  app.add_option("--spool-limit", o.spool_limit, "Disk for one temporary file, as 2G (default 8G)");
  app.add_option("--max-layer-size", o.max_layer, "The most that one layer may inflate to (default 64G)");
  app.add_option("--timeout", o.timeout, "Seconds that a step over the network may take (default 60)")->check(CLI::Range(1U, 86'400U));
  app.add_option("--jobs", o.jobs, "Layers read at once (default: one per processor)")->check(CLI::Range(1U, 64U));
  app.add_flag("--insecure", o.insecure, "Allow plain HTTP and unknown certificates; for loopback plain HTTP needs no permission");
  app.add_option("--cacert", o.ca_file, "A PEM file with the certificate of a private authority");
  app.add_flag("-q,--quiet", o.quiet, "The image and its verdict alone; no progress, no warnings");
  app.add_flag("-v,--verbose", o.verbose, "Everything, and what each step took");
  app.add_flag("--no-progress", o.no_progress, "No progress line");
}

int complain(const Error& e) {
  std::string text = "careen: ";
  // A message may list things on lines of its own; each is safe already where it came from an image.
  text += e.what + "\n";
  std::fwrite(text.data(), 1, text.size(), stderr);
  return e.code == Errc::usage ? 2 : 4;
}

std::string default_cache_directory() {
  return xdg("XDG_CACHE_HOME", ".cache");
}
std::string data_directory() {
  return xdg("XDG_DATA_HOME", ".local/share");
}
std::string state_directory() {
  return xdg("XDG_STATE_HOME", ".local/state");
}

Scanned run_scan(const ImageOptions& o) {
  set_log_level(o.quiet ? LogLevel::quiet : o.verbose ? LogLevel::verbose : LogLevel::normal);
  auto r = scan_all(o);
  if (!r) return {{}, complain(r.error())};
  return {std::move(*r), 0};
}

bool wants_color(int fd) {
  if (!environment("NO_COLOR").empty() || environment("TERM") == "dumb") return false;
  if (std::string force = environment("CLICOLOR_FORCE"); !force.empty() && force != "0") return true;
  return ::isatty(fd) == 1;
}

size_t terminal_width(int fd) {
  winsize w{};
  if (::isatty(fd) == 1 && ::ioctl(fd, TIOCGWINSZ, &w) == 0 && w.ws_col >= 40) return std::min<size_t>(w.ws_col, 120);
  return 80;
}

bool print(std::string_view text) {
  auto ok = write_full(STDOUT_FILENO, as_bytes(text));
  if (!ok) complain(Error(ok.error()).in("standard output"));
  return static_cast<bool>(ok);
}

}  // namespace careen
