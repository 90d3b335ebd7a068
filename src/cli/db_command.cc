// careen db: the advisory database.
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <ctime>
#include <nlohmann/json.hpp>

#include "base/fd.h"
#include "base/log.h"
#include "base/text.h"
#include "cli/common.h"
#include "cli/inventory_options.h"
#include "digest/signature.h"
#include "feeds/download.h"
#include "feeds/import.h"
#include "feeds/update.h"
#include "fleet/advisories.h"
#include "knowledge/ecosystem.h"

namespace careen {
namespace {

using Json = nlohmann::ordered_json;

struct DbOptions {
  std::string cache_dir;
  bool quiet = false;
};

struct NetOptions {
  std::string ca_file;
  bool insecure = false;
  unsigned timeout = 60;
};

void add_net_options(CLI::App& app, NetOptions& o) {
  app.add_option("--timeout", o.timeout, "Seconds that a step over the network may take (default 60)")->check(CLI::Range(1U, 86'400U));
  app.add_flag("--insecure", o.insecure, "Allow plain HTTP and unknown certificates; for loopback plain HTTP needs no permission");
  app.add_option("--cacert", o.ca_file, "A PEM file with the certificate of a private authority");
}

HttpOptions http_of(const NetOptions& o) {
  HttpOptions http;
  http.insecure = o.insecure;
  http.ca_file = o.ca_file;
  http.timeout = o.timeout;
  return http;
}

void add_db_options(CLI::App& app, DbOptions& o) {
  app.add_option("--cache-dir", o.cache_dir, "Where the database is kept (default: $XDG_CACHE_HOME/careen)");
  app.add_flag("-q,--quiet", o.quiet, "Errors alone");
}

Result<std::string> path_of(const DbOptions& o) {
  std::string path = advisory_path(o.cache_dir);
  if (path.empty()) return Error{Errc::usage, "neither --cache-dir nor $XDG_CACHE_HOME nor $HOME says where the advisory database is"};
  return path;
}

std::string age_text(uint64_t seconds) {
  if (seconds < 120) return std::to_string(seconds) + " s";
  if (seconds < 7'200) return std::to_string(seconds / 60) + " min";
  return seconds < 172'800 ? std::to_string(seconds / 3'600) + " h" : std::to_string(seconds / 86'400) + " days";
}

// What an import or update did, and its exit status: 3 when something could not be read.
int tell(const ImportResult& r, bool quiet) {
  uint64_t refused = r.unknown;
  std::string out;
  for (const AdvisoryWriter::Change& c : r.changes) {
    refused += c.now.refused;
    out += fmt::format("{:<28} {:>9} records", escape(c.now.name), c.now.records);
    if (c.before != 0) out += fmt::format(" ({} before)", c.before);
    if (c.now.withdrawn != 0) out += fmt::format(", {} withdrawn", c.now.withdrawn);
    if (c.now.refused != 0) out += fmt::format(", {} not readable", c.now.refused);
    if (!c.now.newest.empty()) out += ", newest of " + escape(c.now.newest);
    out += "\n";
    if (c.before > 20 && c.now.records < c.before / 2) warn(c.now.name + " has less than half of the records that it had");
  }
  if (!quiet && !print(out)) return 4;
  for (const std::string& p : r.problems) warn("not read: " + p);
  if (refused > r.problems.size()) warn("and " + std::to_string(refused - r.problems.size()) + " more");
  return refused == 0 ? 0 : 3;
}

struct ImportCommand {
  DbOptions db;
  NetOptions net;
  std::vector<std::string> paths;
  std::string digest, key;
};

// What is signed of an exported database: the digest of its directory, which has those of all its sources.
std::string signed_text(const AdvisoryDb& db) {
  return "careen advisory database " + db.digest().text() + "\n";
}

Result<void> check_export(const std::string& file, const ImportCommand& c) {
  CAREEN_ASSIGN(auto db, AdvisoryDb::open(file));
  if (!c.digest.empty() && db->digest().text() != c.digest)
    return Error{Errc::mismatch, escape(file) + " is " + db->digest().text() + ", not what --digest says"};
  if (c.key.empty()) return {};
  CAREEN_ASSIGN(std::string key, read_file(c.key, 1 << 20));
  CAREEN_ASSIGN(std::string text, read_file(file + ".sig", 1 << 20));
  auto signature = from_base64(trim(text));
  if (!signature) return Error{Errc::corrupt, escape(file) + ".sig is not base64"};
  auto ok = verify_text(signed_text(*db), *signature, key);
  if (!ok) return std::move(ok).error().in(escape(file));
  return {};
}

// A feed of one file whose publisher signs it: FILE.sig beside it, or at the same address.
Result<void> check_feed(const std::string& what, const std::string& file, int fd, const ImportCommand& c) {
  std::string beside = file + ".sig";
  bool fetched = file != what;
  if (fetched) {
    CAREEN_ASSIGN(Download d, download(HttpClient(http_of(c.net)), what + ".sig", std::string(dir_name(file)), std::string(base_name(file)) + ".sig", {}));
    beside = d.file;
  }
  auto check = [&]() -> Result<void> {
    CAREEN_ASSIGN(std::string key, read_file(c.key, 1 << 20));
    CAREEN_ASSIGN(std::string text, read_file(beside, 1 << 20));
    auto signature = from_base64(trim(text));
    if (!signature) return Error{Errc::corrupt, escape(what) + ".sig is not base64"};
    CAREEN_ASSIGN(uint64_t size, file_size(fd));
    if (size > kMaxFeedDocument) return Error{Errc::limit, escape(what) + " is larger than " + human_size(kMaxFeedDocument)};
    std::vector<uint8_t> bytes(static_cast<size_t>(size));
    CAREEN_ASSIGN(size_t got, pread_full(fd, bytes, 0));
    auto ok = verify_text(as_text(Bytes(bytes).first(got)), *signature, key);
    if (!ok) return std::move(ok).error().in(escape(what));
    return {};
  };
  auto ok = check();
  if (fetched) ::unlink(beside.c_str());
  return ok;
}

Result<void> import_one(const std::string& what, const ImportCommand& c, const std::string& database, AdvisoryWriter& writer, FeedImporter& importer) {
  std::string file = what, origin = what;
  bool fetched = what.starts_with("https://") || what.starts_with("http://");
  if (fetched) {
    std::string directory = database + ".download";
    CAREEN_TRY(make_directories(directory));
    Sha256 name = sha256_of(as_bytes(what));
    CAREEN_ASSIGN(Download d, download(HttpClient(http_of(c.net)), what, directory, to_hex(name.data(), 12), {}));
    file = d.file;
  }
  auto read = [&]() -> Result<void> {
    struct stat st {};
    if (::stat(file.c_str(), &st) == 0 && S_ISREG(st.st_mode)) {
      CAREEN_ASSIGN(Fd fd, open_read(file));
      if (is_database(fd.get())) {
        CAREEN_TRY(check_export(file, c));
        auto r = import_database(writer, file);
        return r ? Result<void>{} : r.error();
      }
      if (!c.digest.empty()) return Error{Errc::usage, escape(what) + " is no exported database: --digest is for those"};
      if (!c.key.empty()) CAREEN_TRY(check_feed(what, file, fd.get(), c));
      return importer.content(fetched ? std::string(base_name(what)) : file, fd.get(), origin);
    }
    if (!c.digest.empty() || !c.key.empty()) return Error{Errc::usage, escape(what) + " is no file: --digest and --key are for one"};
    return importer.path(file);
  };
  auto r = read();
  if (fetched) ::unlink(file.c_str());
  return r;
}

int run_import(const ImportCommand& c) {
  auto path = path_of(c.db);
  if (!path) return complain(path.error());
  auto writer = AdvisoryWriter::begin(*path);
  if (!writer) return complain(writer.error());
  if (!(*writer)->old_problem().empty()) warn("what was there is begun anew: " + (*writer)->old_problem());
  FeedImporter importer(**writer);
  for (const std::string& what : c.paths)
    if (auto ok = import_one(what, c, *path, **writer, importer); !ok) return complain(ok.error());
  ImportResult result = importer.result();
  auto changes = (*writer)->commit();
  if (!changes) return complain(changes.error());
  result.changes = std::move(*changes);
  return tell(result, c.db.quiet);
}

struct DropCommand {
  DbOptions db;
  std::vector<std::string> sources;
};

int run_drop(const DropCommand& c) {
  auto path = path_of(c.db);
  if (!path) return complain(path.error());
  auto writer = AdvisoryWriter::begin(*path);
  if (!writer) return complain(writer.error());
  if (!(*writer)->old_problem().empty()) return complain(Error{Errc::corrupt, (*writer)->old_problem()});
  const AdvisoryDb* old = (*writer)->old();
  for (const std::string& name : c.sources) {
    bool there = old != nullptr && std::any_of(old->sources().begin(), old->sources().end(), [&](const SourceInfo& s) { return s.name == name; });
    if (!there) return complain(Error{Errc::usage, "'" + escape(name) + "' is no source of the database; careen db status lists them"});
    (*writer)->drop(name);
  }
  if (auto changes = (*writer)->commit(); !changes) return complain(changes.error());
  return c.db.quiet || print(fmt::format("dropped: {}\n", escape(join(c.sources, ", ")))) ? 0 : 4;
}

struct UpdateCommand {
  DbOptions db;
  NetOptions net;
  std::vector<std::string> sources;
  std::string mirror;
  bool list = false;
};

int run_update(const UpdateCommand& c) {
  if (c.list) {
    std::string out;
    for (const FeedAddress& a : feed_addresses()) out += fmt::format("{:<22} {:<8} {}\n", a.source, a.usual ? "usual" : "named", a.url);
    return print(out) ? 0 : 4;
  }
  auto path = path_of(c.db);
  if (!path) return complain(path.error());
  UpdateOptions o;
  o.database = *path;
  o.sources = c.sources;
  o.mirror = c.mirror;
  o.http = http_of(c.net);
  if (!c.db.quiet) o.progress = [](const std::string& what) { note(what); };
  auto r = update_feeds(o);
  if (!r) return complain(r.error());
  int status = tell(r->import, c.db.quiet);
  for (const std::string& f : r->failures) warn("not updated, the last good data stay: " + f);
  if (!c.db.quiet)
    print(fmt::format("{} fetched ({}), {} unchanged, {} failed{}\n", r->fetched, human_size(r->bytes), r->unchanged, r->failures.size(),
                      r->switched ? "" : "; the database is as it was"));
  if (r->fetched + r->unchanged == 0 && !r->failures.empty()) return 4;
  return r->failures.empty() ? status : worse_exit(status, 3);
}

struct ExportCommand {
  DbOptions db;
  std::string file, key;
};

int run_export(const ExportCommand& c) {
  auto path = path_of(c.db);
  if (!path) return complain(path.error());
  auto db = AdvisoryDb::open(*path);
  if (!db) return complain(db.error());
  if (auto ok = (*db)->verify(); !ok) return complain(ok.error());
  if (auto ok = write_file_atomic(c.file, as_text((*db)->bytes())); !ok) return complain(ok.error());
  if (!c.key.empty()) {
    auto key = read_file(c.key, 1 << 20);
    auto signature = key ? sign_text(signed_text(**db), *key) : Result<std::string>(key.error());
    if (!signature) return complain(signature.error());
    if (auto ok = write_file_atomic(c.file + ".sig", to_base64(*signature) + "\n"); !ok) return complain(ok.error());
  }
  return c.db.quiet || print(fmt::format("{}  {}  {}\n", escape(c.file), human_size((*db)->size()), (*db)->digest().text())) ? 0 : 4;
}

struct ShowCommand {
  DbOptions db;
  std::string format = "table", what;
};

int run_status(const ShowCommand& c) {
  auto path = path_of(c.db);
  if (!path) return complain(path.error());
  auto db = AdvisoryDb::open(*path);
  if (!db && db.error().code == Errc::not_found) {
    if (c.format == "json") return print(Json{{"schema", "careen/db/v1"}, {"path", escape(*path)}, {"sources", Json::array()}}.dump(2) + "\n") ? 0 : 4;
    return print("no advisory database; careen db update makes one from the network, careen db import from files\n") ? 0 : 4;
  }
  if (!db) return complain(db.error());
  auto now = static_cast<uint64_t>(std::max<time_t>(::time(nullptr), 0));
  if (c.format == "json") {
    Json sources = Json::array();
    for (const SourceInfo& s : (*db)->sources())
      sources.push_back({{"name", escape(s.name)},
                         {"origin", escape(s.origin)},
                         {"imported", s.imported},
                         {"newest", s.newest.empty() ? Json(nullptr) : Json(escape(s.newest))},
                         {"records", s.records},
                         {"rows", s.rows},
                         {"withdrawn", s.withdrawn},
                         {"not_readable", s.refused},
                         {"bytes", s.size},
                         {"families", s.families},
                         {"digest", Digest(s.digest).text()}});
    return print(Json{{"schema", "careen/db/v1"}, {"path", escape(*path)}, {"bytes", (*db)->size()}, {"digest", (*db)->digest().text()}, {"sources", sources}}
                     .dump(2, ' ', false, Json::error_handler_t::replace) +
                 "\n")
               ? 0
               : 4;
  }
  std::string out = fmt::format("{}  {}  {}\n", escape(*path), human_size((*db)->size()), (*db)->digest().text());
  out += fmt::format("{:<28} {:>9} {:>9}  {:<11} {:<10} {}\n", "SOURCE", "RECORDS", "ROWS", "NEWEST", "IMPORTED", "FROM");
  for (const SourceInfo& s : (*db)->sources()) {
    out += fmt::format("{:<28} {:>9} {:>9}  {:<11} {:<10} {}\n", escape(s.name), s.records, s.rows, s.newest.empty() ? "-" : escape(s.newest),
                       age_text(now > s.imported ? now - s.imported : 0) + " ago", escape(s.origin));
    if (s.refused != 0)
      out += fmt::format("{:<28} {} records were not readable, the first: {}\n", "", s.refused, s.problems.empty() ? "" : escape(s.problems[0]));
  }
  return print(out) ? 0 : 4;
}

int run_verify(const ShowCommand& c) {
  auto path = path_of(c.db);
  if (!path) return complain(path.error());
  auto db = AdvisoryDb::open(*path);
  if (!db) return complain(db.error());
  if (auto ok = (*db)->verify(); !ok) {
    complain(ok.error());
    return 3;
  }
  return print(fmt::format("whole: {}, {} sources, {}\n", escape(*path), (*db)->sources().size(), (*db)->digest().text())) ? 0 : 4;
}

std::string range_text(const AffectedPackage& p) {
  if (p.standing == Standing::not_affected) return "not affected";
  if (p.standing == Standing::undetermined) return "undetermined";
  std::vector<std::string> parts;
  for (const VersionRange& r : p.ranges) {
    std::string s;
    for (const VersionEvent& e : r.events) {
      if (e.kind == EventKind::introduced && e.version != "0") s += (s.empty() ? "" : " ") + (">=" + escape(e.version));
      if (e.kind == EventKind::introduced && e.version == "0" && r.events.size() == 1) s += "every version";
      if (e.kind == EventKind::fixed) s += (s.empty() ? "" : " ") + ("<" + escape(e.version));
      if (e.kind == EventKind::last_affected) s += (s.empty() ? "" : " ") + ("<=" + escape(e.version));
    }
    parts.push_back(s);
  }
  if (!p.versions.empty()) {
    std::string s = "=" + escape(p.versions[0]);
    if (p.versions.size() > 1) s += " and " + std::to_string(p.versions.size() - 1) + " more";
    parts.push_back(s);
  }
  std::string out = join(parts, ", ");
  if (p.fix_state != FixState::unknown) out += (out.empty() ? "" : "; ") + std::string(to_text(p.fix_state));
  return out;
}

// One id, or the name of a package.
int run_search(const ShowCommand& c) {
  auto path = path_of(c.db);
  if (!path) return complain(path.error());
  auto opened = AdvisoryDb::open(*path);
  if (!opened) return complain(opened.error());
  const AdvisoryDb& db = **opened;
  std::string out;
  size_t found = 0;
  constexpr size_t kMost = 200;
  Json list = Json::array();
  auto row_json = [](const AffectedPackage& p) {
    return Json{
        {"ecosystem", escape(p.family)}, {"release", escape(p.release)}, {"name", escape(p.name)}, {"affected", range_text(p)}, {"says", escape(p.says)}};
  };
  db.each_record(c.what, [&](const SourceInfo& s, Advisory&& a) {
    ++found;
    Json rows = Json::array();
    out += fmt::format("{}  ({})\n", escape(a.id), escape(s.name));
    if (!a.summary.empty()) out += "  " + escape(a.summary) + "\n";
    auto names = a.aliases;
    names.insert(names.end(), a.upstream.begin(), a.upstream.end());
    if (!names.empty()) out += "  also " + escape(join(names, ", ")) + "\n";
    for (const SeverityClaim& claim : a.severities)
      out += fmt::format("  severity {} by {}{}\n", to_text(claim.word), escape(claim.source), claim.vector.empty() ? "" : "  " + escape(claim.vector));
    for (const AffectedPackage& p : a.affected) {
      out += fmt::format("  {}{}  {}  {}\n", escape(p.family), p.release.empty() ? "" : " " + escape(p.release), escape(p.name), range_text(p));
      rows.push_back(row_json(p));
    }
    for (const std::string& url : a.references) out += "  " + escape(url) + "\n";
    list.push_back({{"id", escape(a.id)}, {"source", escape(s.name)}, {"summary", escape(a.summary)}, {"names", names}, {"affected", rows}});
  });
  if (auto score = db.score(c.what)) {
    ++found;
    if (!score->kev_added.empty()) out += "known to be exploited since " + escape(score->kev_added) + (score->ransomware ? ", by ransomware too" : "") + "\n";
    if (!score->epss_date.empty())
      out += fmt::format("EPSS {:.3f} %, more than {:.1f} % of all ({})\n", score->epss / 1000.0, score->percentile / 1000.0, escape(score->epss_date));
    if (!score->ssvc_exploitation.empty())
      out += "SSVC: exploitation " + escape(score->ssvc_exploitation) + ", automatable " + escape(score->ssvc_automatable) + "\n";
  }
  if (found == 0) {
    std::vector<std::string> families;
    for (const SourceInfo& s : db.sources())
      for (const std::string& f : s.families)
        if (std::find(families.begin(), families.end(), f) == families.end()) families.push_back(f);
    for (const std::string& family : families)
      db.each_row(family, normal_name(family, c.what), [&](AdvisoryDb::Row&& row) {
        if (++found > kMost) return;
        auto a = db.record(*row.source, row.record);
        out += fmt::format("{:<22} {}{}  {}  ({})\n", a ? escape(a->id) : "?", escape(family),
                           row.package.release.empty() ? "" : " " + escape(row.package.release), range_text(row.package), escape(row.source->name));
        Json j = row_json(row.package);
        j["id"] = a ? escape(a->id) : "";
        j["source"] = escape(row.source->name);
        list.push_back(std::move(j));
      });
    if (found > kMost) out += fmt::format("and {} more\n", found - kMost);
  }
  if (auto ok = db.sound(); !ok) return complain(ok.error());
  if (c.format == "json")
    return print(Json{{"schema", "careen/db-search/v1"}, {"results", list}}.dump(2, ' ', false, Json::error_handler_t::replace) + "\n") ? 0 : 4;
  if (found == 0) out = "nothing of that name in " + std::to_string(db.sources().size()) + " sources\n";
  return print(out) ? 0 : 4;
}

struct NewsCommand {
  DbOptions db;
  StoreOptions store;
  std::string since;
};

// 2026-11-01, or 7d.
Result<std::string> since_day(const std::string& text) {
  if (text.size() == 10 && text[4] == '-' && text[7] == '-') return text;
  std::string_view digits = text;
  if (digits.ends_with('d')) digits.remove_suffix(1);
  auto days = to_number(digits);
  if (!days || *days > 36'500) return Error{Errc::usage, "--since: '" + escape(text) + "' is neither a day as 2026-11-01 nor a number of days as 7d"};
  auto now = static_cast<uint64_t>(std::max<time_t>(::time(nullptr), 0));
  return day_of(now - std::min(now, *days * 86'400));
}

int run_news(const NewsCommand& c) {
  auto day = since_day(c.since);
  if (!day) return complain(day.error());
  auto path = path_of(c.db);
  if (!path) return complain(path.error());
  auto db = AdvisoryDb::open(*path);
  if (!db) return complain(db.error());
  auto inventory = open_store(c.store.store, Inventory::Mode::read);
  if (!inventory) return complain(inventory.error());
  std::vector<AdvisoryNews> news = advisory_news(**inventory, **db, *day);
  if (auto ok = (*db)->sound(); !ok) return complain(ok.error());
  uint64_t images = (*inventory)->counts().images;
  if (c.store.format == "json") {
    Json list = Json::array();
    for (const AdvisoryNews& n : news) {
      Json packages = Json::array(), names = Json::array();
      for (const std::string& p : n.packages) packages.push_back(escape(p));
      for (const std::string& p : n.names) names.push_back(escape(p));
      list.push_back({{"id", escape(n.id)},
                      {"title", escape(n.title)},
                      {"severity", to_text(n.severity)},
                      {"exploited", n.exploited},
                      {"published", escape(n.published)},
                      {"source", escape(n.source)},
                      {"images", n.images},
                      {"running", n.running},
                      {"packages", packages},
                      {"names", names}});
    }
    return print(Json{{"schema", "careen/db-news/v1"}, {"since", *day}, {"searched", images}, {"advisories", list}}.dump(2, ' ', false,
                                                                                                                         Json::error_handler_t::replace) +
                 "\n")
               ? (news.empty() ? 0 : 1)
               : 4;
  }
  std::string out = fmt::format("{} {} since {} of what {} indexed {} {}\n", news.size(), news.size() == 1 ? "advisory" : "advisories", *day, images,
                                images == 1 ? "image" : "images", images == 1 ? "has" : "have");
  for (const AdvisoryNews& n : news) {
    out += fmt::format("{:<9}{:<20} {} {}{}{}  {}\n", to_text(n.severity), escape(n.id), n.images, n.images == 1 ? "image" : "images",
                       n.running != 0 ? fmt::format(", {} running", n.running) : "", n.exploited ? ", EXPLOITED" : "", escape(join(n.packages, ", ")));
    out += "         " + escape(join(n.names, ", ")) + (n.images > n.names.size() ? " and more" : "") + "\n";
  }
  return print(out) ? (news.empty() ? 0 : 1) : 4;
}

}  // namespace

Command add_db(CLI::App& app) {
  app.require_subcommand(1);
  auto run = std::make_shared<Command>();
  auto verb = [&](const char* name, const char* what) { return app.add_subcommand(name, what); };

  CLI::App* import = verb("import", "Read advisories from files, folders and archives");
  auto i = std::make_shared<ImportCommand>();
  add_db_options(*import, i->db);
  import->add_option("PATH", i->paths, "Files, folders and addresses of feeds in their native formats, told by their content; or an exported database")
      ->required();
  import->add_option("--digest", i->digest, "What an exported database must be, as careen db export printed it");
  import->add_option("--key", i->key, "A public key in PEM: an exported database, or a feed of one file, must be signed by it (FILE.sig)");
  add_net_options(*import, i->net);
  import->footer(
      "Each source that is found replaces what the database has of that source, and nothing else.\n\nExamples:\n"
      "  careen db import tracker.json             Debian's security tracker, data/json\n"
      "  careen db import npm.zip PyPI.zip         OSV, an archive for each ecosystem\n"
      "  careen db import secdb/ epss.csv.gz       Alpine's branches, and EPSS\n");
  import->callback([=] { *run = [i] { return run_import(*i); }; });

  CLI::App* update = verb("update", "Bring the database up to date from where advisories are published");
  auto u = std::make_shared<UpdateCommand>();
  add_db_options(*update, u->db);
  add_net_options(*update, u->net);
  update->add_option("SOURCE", u->sources, "Names of sources, as debian or osv (default: the usual ones; see --list)");
  update->add_option("--mirror", u->mirror, "Where HOST/PATH of every address is found instead (default: $CAREEN_DB_MIRROR)")->envname("CAREEN_DB_MIRROR");
  update->add_flag("--list", u->list, "List the sources and their addresses");
  update->footer(
      "What fails is told, and its last good data stay.\n\nExamples:\n  careen db update\n  careen db update debian kev epss\n  careen db update --mirror "
      "https://mirror.example/feeds\n");
  update->callback([=] { *run = [u] { return run_update(*u); }; });

  CLI::App* drop = verb("drop", "Drop sources from the database");
  auto d = std::make_shared<DropCommand>();
  add_db_options(*drop, d->db);
  drop->add_option("SOURCE", d->sources, "Names of sources, as careen db status lists them")->required();
  drop->callback([=] { *run = [d] { return run_drop(*d); }; });

  CLI::App* export_ = verb("export", "Write the whole database to one file, for machines without a network");
  auto e = std::make_shared<ExportCommand>();
  add_db_options(*export_, e->db);
  export_->add_option("FILE", e->file, "The file; careen db import reads it")->required();
  export_->add_option("--key", e->key, "A private key in PEM: write a signature to FILE.sig");
  export_->callback([=] { *run = [e] { return run_export(*e); }; });

  CLI::App* news = verb("news", "Advisories that are new, of what indexed images have: the worst and what runs first");
  auto n = std::make_shared<NewsCommand>();
  n->since = "7d";
  news->add_option("--since", n->since, "A day as 2026-11-01, or days as 7d (the default)");
  news->add_option("--cache-dir", n->db.cache_dir, "Where the database is kept (default: $XDG_CACHE_HOME/careen)");
  add_store_options(*news, n->store, {"table", "json"});
  news->footer("Nothing is read and no network is used. Exit status: 1 there are some, 0 there are none, 4 no inventory or database.");
  news->callback([=] { *run = [n] { return run_news(*n); }; });

  auto show = [&](CLI::App* sub, int (*f)(const ShowCommand&), bool formats) {
    auto s = std::make_shared<ShowCommand>();
    add_db_options(*sub, s->db);
    if (formats) sub->add_option("--format", s->format, "table or json")->check(CLI::IsMember({"table", "json"}));
    sub->callback([=] { *run = [s, f] { return f(*s); }; });
    return s;
  };
  show(verb("status", "The sources, how much they hold and how old they are"), run_status, true);
  show(verb("verify", "Read the whole database and check its digests"), run_verify, false);
  CLI::App* search = verb("search", "What the database knows of an id or a package");
  auto s = show(search, run_search, true);
  search->add_option("WHAT", s->what, "CVE-…, GHSA-…, or the name of a package")->required();
  return [run] { return (*run)(); };
}

}  // namespace careen
