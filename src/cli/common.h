// What the commands share: options about the image, the cache and the output, and running a scan with them.
#pragma once
#include <CLI/CLI.hpp>

#include <optional>
#include <string>
#include <vector>

#include "net/http.h"
#include "report/report.h"
#include "scan/advise.h"
#include "scan/scan.h"
#include "source/resolve.h"

namespace careen {

// What a scan's options say of vulnerabilities, as they were written.
struct AdviceWishes {
  std::string fail_on, unknown_as, max_age;
  std::vector<std::string> severities, ignore_files, vex_files;
  bool only_fixed = false, unimportant = false, update = false, none = false;
};

struct ImageOptions {
  std::string image, from, platform;
  bool all_platforms = false;
  std::vector<std::string> threats;
  bool replace = false;
  std::vector<KeptRecord> kept;  // of the inventory that the command works with
  std::string cache_dir, spool_limit, max_layer;
  bool wants_facts = false;  // of the command, not of the user: see ScanOptions
  bool no_cache = false, insecure = false, quiet = false, verbose = false, no_progress = false;
  std::string ca_file;
  unsigned timeout = 60, jobs = 0;
  bool polite = false;         // the command asks registries much
  std::optional<double> rate;  // requests a second to one registry
  unsigned patience = 900;     // seconds that a registry which is asked too much may have careen wait
  AdviceWishes advice;
  std::string store;  // --store: the inventory that records what is scanned; "" for none
};

// Adds the options to a command; IMAGE is positional.
void add_image_options(CLI::App& app, ImageOptions& o);

// All of them but IMAGE.
void add_scan_options(CLI::App& app, ImageOptions& o);

// For commands that ask registries much: --rate and --patience.
void add_polite_options(CLI::App& app, ImageOptions& o);

HttpOptions http_options(const ImageOptions& o);

// For commands that tell of vulnerabilities.
void add_advice_options(CLI::App& app, AdviceWishes& o);
Result<AdviceOptions> advice_options(const ImageOptions& o);
// --db-update: failures of single sources are told and change nothing else.
Result<void> update_advisories(const ImageOptions& o);
// Null when there is no database.
Result<std::shared_ptr<const AdvisoryDb>> open_advisories(const std::string& cache_dir);
// The threat records that it holds.
std::vector<KeptRecord> imported_threats(const std::string& cache_dir);
// What to tell of an id that neither a threat nor an advisory has.
std::string unknown_id(const std::string& id, bool has_database);
std::string advisory_path(const std::string& cache_dir);

// What the options mean. Without a cache of its own a scan takes the user's.
Result<void> scan_options(const ImageOptions& o, std::shared_ptr<LayerCache> cache, ScanOptions& scan, ResolveOptions& resolve);

// An error in the words of the user, and the exit status it means.
int complain(const Error& e);

// $XDG_CACHE_HOME/careen, $XDG_STATE_HOME/careen.
std::string default_cache_directory();
std::string state_directory();
std::string data_directory();

struct Scanned {
  std::vector<ScanResult> results;
  int status = 0;  // when there are none: the exit status, after the error was told
};
Scanned run_scan(const ImageOptions& o);

bool wants_color(int fd);
size_t terminal_width(int fd);

// Writes to standard output; false (and a complaint) when that fails.
bool print(std::string_view text);

// The commands, each adding itself to the program. The returned function runs it.
using Command = std::function<int()>;
Command add_scan(CLI::App& app);
Command add_packages(CLI::App& app);
Command add_files(CLI::App& app);
Command add_explain(CLI::App& app);
Command add_threat(CLI::App& app);
Command add_threat_add(CLI::App& app);
Command add_threat_remove(CLI::App& app);
// The records that an inventory keeps.
Result<std::vector<KeptRecord>> kept_in_store(const std::string& store);
Command add_cache(CLI::App& app);
Command add_db(CLI::App& app);
Command add_index(CLI::App& app);
Command add_hunt(CLI::App& app);
Command add_exposure(CLI::App& app);
Command add_lineage(CLI::App& app);
Command add_diff(CLI::App& app);
Command add_store(CLI::App& app);
Command add_status(CLI::App& app);
Command add_worker(CLI::App& app);

}  // namespace careen
