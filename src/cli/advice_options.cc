// The options about vulnerabilities, and what they mean.
#include <cstdlib>
#include <ctime>

#include "base/log.h"
#include "base/text.h"
#include "cli/common.h"
#include "feeds/update.h"

namespace careen {
namespace {

Result<Severity> severity_option(const char* name, const std::string& text) {
  std::string word = lower(text);
  if (word == "unknown" && std::string_view(name) == "--severity") return Severity::unknown;
  auto s = parse_severity(word == "negligible" ? "info" : word);
  if (!s) return Error{Errc::usage, std::string(name) + ": '" + escape(text) + "' is no severity; write low, medium, high or critical"};
  return *s;
}

// 12h, 5d; a plain number is days.
Result<uint64_t> age_option(const std::string& text) {
  uint64_t unit = 86'400;
  std::string_view digits = text;
  if (digits.ends_with('h')) unit = 3'600;
  if (digits.ends_with('h') || digits.ends_with('d')) digits.remove_suffix(1);
  auto n = to_number(digits);
  if (!n || *n == 0 || *n > 100'000) return Error{Errc::usage, "--max-db-age: '" + escape(text) + "' is no age; write 12h or 5d"};
  return *n * unit;
}

}  // namespace

std::string advisory_path(const std::string& cache_dir) {
  std::string directory = cache_dir.empty() ? default_cache_directory() : cache_dir;
  return directory.empty() ? "" : directory + "/advisories/advisories.db";
}

Result<void> update_advisories(const ImageOptions& o) {
  UpdateOptions u;
  u.database = advisory_path(o.cache_dir);
  if (u.database.empty()) return Error{Errc::usage, "--db-update: neither --cache-dir nor $XDG_CACHE_HOME nor $HOME says where the advisory database is"};
  if (const char* mirror = std::getenv("CAREEN_DB_MIRROR"); mirror != nullptr) u.mirror = mirror;
  u.http = http_options(o);
  u.progress = [](const std::string& what) { note(what); };
  CAREEN_ASSIGN(UpdateResult r, update_feeds(u));
  for (const std::string& f : r.failures) warn("not updated, the last good data stay: " + f);
  return {};
}

Result<std::shared_ptr<const AdvisoryDb>> open_advisories(const std::string& cache_dir) {
  std::string path = advisory_path(cache_dir);
  if (path.empty()) return std::shared_ptr<const AdvisoryDb>();
  auto db = AdvisoryDb::open(path);
  if (db) return *std::move(db);
  if (db.error().code == Errc::not_found) return std::shared_ptr<const AdvisoryDb>();
  return db.error();
}

std::string unknown_id(const std::string& id, bool has_database) {
  return "no threat " + escape(id) + " is known: careen threat list shows which are" +
         (has_database ? ", and no advisory of that name: careen db search" : "; of advisories there is no database: careen db update makes one");
}

void add_advice_options(CLI::App& app, AdviceWishes& o) {
  app.add_option("--fail-on", o.fail_on, "Flag the image for vulnerabilities of this severity and above: low, medium, high or critical");
  app.add_flag("--only-fixed,--ignore-unfixed", o.only_fixed, "Only vulnerabilities that a version fixes");
  app.add_option("--severity", o.severities, "List these severities alone, as HIGH,CRITICAL")->delimiter(',');
  app.add_option("--unknown-as", o.unknown_as, "The severity of vulnerabilities whose sources state none");
  app.add_flag("--unimportant", o.unimportant, "List what the distribution holds to be unimportant too");
  app.add_option("--ignore-file", o.ignore_files, "Rules of what not to be told: .trivyignore, .trivyignore.yaml or Grype's ignore: (repeatable)");
  app.add_option("--vex", o.vex_files, "An OpenVEX or CSAF document (repeatable)");
  app.add_option("--max-db-age", o.max_age, "Exit with 3 when an advisory source is older, as 12h or 5d");
  app.add_flag("--db-update", o.update, "Update the advisory database first");
}

Result<AdviceOptions> advice_options(const ImageOptions& o) {
  AdviceOptions out;
  out.now = static_cast<uint64_t>(std::max<time_t>(::time(nullptr), 0));
  const AdviceWishes& w = o.advice;
  if (!w.fail_on.empty()) {
    CAREEN_ASSIGN(out.fail_on, severity_option("--fail-on", w.fail_on));
  }
  if (!w.unknown_as.empty()) {
    CAREEN_ASSIGN(out.unknown_as, severity_option("--unknown-as", w.unknown_as));
  }
  for (const std::string& s : w.severities) {
    CAREEN_ASSIGN(Severity severity, severity_option("--severity", s));
    out.severities.push_back(severity);
  }
  if (!w.max_age.empty()) {
    CAREEN_ASSIGN(out.max_age, age_option(w.max_age));
  }
  out.only_fixed = w.only_fixed;
  out.unimportant = w.unimportant;
  if (!w.ignore_files.empty() || !w.vex_files.empty()) {
    auto s = std::make_shared<Suppressions>();
    for (const std::string& f : w.ignore_files) CAREEN_TRY(s->add_ignore_file(f));
    for (const std::string& f : w.vex_files) CAREEN_TRY(s->add_vex_file(f));
    out.suppressions = std::move(s);
  }
  // A database that cannot be read is no reason not to look at the image.
  auto db = open_advisories(o.cache_dir);
  if (db)
    out.advisories = *std::move(db);
  else
    out.absent = db.error().what, out.damaged = true;
  return out;
}

}  // namespace careen
