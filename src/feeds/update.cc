#include "feeds/update.h"

#include <unistd.h>

#include <ctime>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "feeds/download.h"
#include "feeds/readers.h"
#include "formats/json_members.h"

namespace careen {
namespace {

using nlohmann::json;

constexpr std::string_view kOsv = "https://osv-vulnerabilities.storage.googleapis.com/";

std::string state_file(const std::string& database) {
  return database + ".feeds.json";
}

struct State {
  Validators validators;
  std::vector<std::string> names;  // of the database's sources that it brought
  FeedState told;
};

std::map<std::string, State> read_states(const std::string& database) {
  std::map<std::string, State> out;
  auto text = read_file(state_file(database), 16 << 20);
  json j = text ? json::parse(*text, nullptr, false) : json();
  const json& feeds = json_at(j, "feeds");
  if (!feeds.is_object()) return out;
  for (const auto& [url, f] : feeds.items()) {
    State s;
    s.validators = {json_text_at(f, "etag"), json_text_at(f, "last_modified")};
    s.told.source = json_text_at(f, "source"), s.told.url = url, s.told.error = json_text_at(f, "error");
    if (const json& n = json_at(f, "checked"); n.is_number_unsigned()) s.told.checked = n.get<uint64_t>();
    if (const json& n = json_at(f, "fetched"); n.is_number_unsigned()) s.told.fetched = n.get<uint64_t>();
    if (const json& names = json_at(f, "names"); names.is_array())
      for (const json& n : names)
        if (n.is_string()) s.names.push_back(n.get<std::string>());
    out.emplace(url, std::move(s));
  }
  return out;
}

Result<void> write_states(const std::string& database, const std::map<std::string, State>& states) {
  json feeds = json::object();
  for (const auto& [url, s] : states)
    feeds[url] = {{"source", s.told.source}, {"etag", s.validators.etag}, {"last_modified", s.validators.last_modified},
                  {"error", s.told.error},   {"checked", s.told.checked}, {"fetched", s.told.fetched},
                  {"names", s.names}};
  return write_file_atomic(state_file(database), json{{"feeds", feeds}}.dump(1, ' ', false, json::error_handler_t::replace));
}

std::string mirrored(const std::string& url, const std::string& mirror) {
  if (mirror.empty()) return url;
  size_t scheme = url.find("://");
  return mirror + (mirror.ends_with('/') ? "" : "/") + (scheme == std::string::npos ? url : url.substr(scheme + 3));
}

bool chosen(const FeedAddress& a, const std::vector<std::string>& wanted) {
  if (wanted.empty()) return a.usual;
  for (const std::string& w : wanted)
    if (a.source == w || a.source.starts_with(w + "/")) return true;
  return false;
}

// A name for files, of an address.
std::string plain_name(const std::string& url) {
  Sha256 d = sha256_of(as_bytes(url));
  return to_hex(d.data(), 12);
}

}  // namespace

std::vector<FeedAddress> feed_addresses() {
  std::vector<FeedAddress> out;
  auto add = [&](std::string source, std::string url, bool usual = true) { out.push_back({std::move(source), std::move(url), usual}); };
  for (int minor = 10; minor <= 24; ++minor)
    for (const char* repository : {"main", "community"}) {
      std::string branch = "v3." + std::to_string(minor);
      add("alpine/" + branch, "https://secdb.alpinelinux.org/" + branch + "/" + repository + ".json");
    }
  for (const char* repository : {"main", "community"}) add("alpine/edge", std::string("https://secdb.alpinelinux.org/edge/") + repository + ".json");
  for (const char* path : {"2/core/latest", "al2023/core/mirrors/latest"})
    add(std::string("amazon/") + (*path == '2' ? "2" : "2023"), std::string("https://cdn.amazonlinux.com/") + path + "/x86_64/mirror.list");
  add("chainguard", "https://packages.cgr.dev/chainguard/security.json");
  add("debian", "https://security-tracker.debian.org/tracker/data/json");
  add("distro-info/debian", "https://debian.pages.debian.net/distro-info-data/debian.csv");
  add("distro-info/ubuntu", "https://debian.pages.debian.net/distro-info-data/ubuntu.csv");
  add("epss", "https://epss.empiricalsecurity.com/epss_scores-current.csv.gz");
  add("kev", "https://www.cisa.gov/sites/default/files/feeds/known_exploited_vulnerabilities.json");
  add("oracle", "https://linux.oracle.com/security/oval/com.oracle.elsa-all.xml.bz2", false);
  for (const char* ecosystem : {"AlmaLinux", "Go", "Maven", "NuGet", "Packagist", "PyPI", "Rocky Linux", "RubyGems", "Ubuntu", "crates.io", "npm"})
    add("osv/" + lower(ecosystem), std::string(kOsv) + (std::string_view(ecosystem) == "Rocky Linux" ? "Rocky%20Linux" : ecosystem) + "/all.zip");
  for (const char* ecosystem :
       {"Bitnami", "CRAN", "GitHub%20Actions", "Hackage", "Hex", "Pub", "SUSE", "SwiftURL", "openEuler", "openSUSE", "Mageia", "Alpaquita", "MinimOS"}) {
    std::string name = lower(ecosystem);
    if (size_t space = name.find("%20"); space != std::string::npos) name.replace(space, 3, " ");
    add("osv/" + name, std::string(kOsv) + ecosystem + "/all.zip", false);
  }
  add("redhat-vex", "https://security.access.redhat.com/data/csaf/v2/vex/archive_latest.txt", false);
  add("redhat-vex/repositories", "https://security.access.redhat.com/data/metrics/repository-to-cpe.json", false);
  add("suse-csaf", "https://ftp.suse.com/pub/projects/security/csaf-vex.tar.bz2", false);
  add("ubuntu-vex", "https://security-metadata.canonical.com/vex/vex-all.tar.xz", false);
  add("vulnrichment", "https://github.com/cisagov/vulnrichment/archive/refs/heads/develop.zip", false);
  add("wolfi", "https://packages.wolfi.dev/os/security.json");
  return out;
}

std::vector<FeedState> feed_states(const std::string& database) {
  std::vector<FeedState> out;
  for (const auto& [url, s] : read_states(database)) out.push_back(s.told);
  return out;
}

namespace {

class Updater {
 public:
  explicit Updater(const UpdateOptions& o) : options_(o), client_(o.http), states_(read_states(o.database)) {}

  Result<UpdateResult> run() {
    std::vector<FeedAddress> todo;
    for (FeedAddress& a : feed_addresses())
      if (chosen(a, options_.sources)) todo.push_back(std::move(a));
    for (const std::string& w : options_.sources)
      if (std::none_of(todo.begin(), todo.end(), [&](const FeedAddress& a) { return chosen(a, {w}); }))
        return Error{Errc::usage, "'" + escape(w) + "' is no source of advisories; careen db update --list names them"};
    CAREEN_ASSIGN(writer_, AdvisoryWriter::begin(options_.database));
    if (options_.progress && !writer_->old_problem().empty()) options_.progress("what was there is begun anew: " + writer_->old_problem());
    directory_ = options_.database + ".download";
    CAREEN_TRY(make_directories(directory_));
    FeedImporter importer(*writer_);
    for (const FeedAddress& a : todo) {
      if (options_.progress) options_.progress(a.source + ": " + mirrored(a.url, options_.mirror));
      State& s = states_[a.url];
      s.told.source = a.source, s.told.url = a.url;
      s.told.checked = static_cast<uint64_t>(std::max<time_t>(::time(nullptr), 0));
      auto r = bring(a, s, importer);
      s.told.error = r ? "" : r.error().what;
      if (!r) result_.failures.push_back(a.source + ": " + r.error().what);
    }
    result_.import = importer.result();
    if (changed_) {
      CAREEN_ASSIGN(result_.import.changes, writer_->commit());
      result_.switched = true;
      for (auto& [url, validators] : fresh_) states_[url].validators = validators;
    }
    CAREEN_TRY(write_states(options_.database, states_));
    ::rmdir(directory_.c_str());
    return std::move(result_);
  }

 private:
  // What was fetched is asked for conditionally only while the database still has it.
  Validators known(const State& s) const {
    if (s.names.empty() || writer_->old() == nullptr) return {};
    for (const std::string& name : s.names)
      if (std::none_of(writer_->old()->sources().begin(), writer_->old()->sources().end(), [&](const SourceInfo& i) { return i.name == name; })) return {};
    return s.validators;
  }

  // A small file as text.
  Result<std::string> small(const std::string& url) {
    constexpr uint64_t kMost = 1 << 20;
    CAREEN_ASSIGN(Download d, download(client_, url, directory_, plain_name(url), {}));
    auto text = read_file(d.file, kMost);
    ::unlink(d.file.c_str());
    return text;
  }

  // Of a repository of yum: its list of mirrors names the repository of the day, whose repomd.xml names the file of updates.
  Result<UpdateinfoFile> updateinfo_of(const std::string& list) {
    CAREEN_ASSIGN(std::string mirrors, small(list));
    std::string base(trim(std::string_view(mirrors).substr(0, mirrors.find('\n'))));
    bool secure = base.starts_with("https://") || (base.starts_with("http://") && !options_.mirror.empty());
    if (!secure || !is_plain(base) || base.find(' ') != std::string::npos) return Error{Errc::corrupt, escape(list) + " names no repository"};
    base = mirrored(base, options_.mirror);
    if (!base.ends_with('/')) base += '/';
    CAREEN_ASSIGN(std::string text, small(base + "repodata/repomd.xml"));
    UpdateinfoFile file = updateinfo_file(text);
    if (file.location.empty()) return Error{Errc::corrupt, escape(base) + "repodata/repomd.xml names no updateinfo"};
    file.location = base + file.location;
    return file;
  }

  static Result<void> check(int fd, const Digest& promised, const std::string& url) {
    if (promised.empty()) return {};
    Hasher hasher(Algorithm::sha256);
    std::vector<uint8_t> some(1 << 20);
    for (uint64_t at = 0;;) {
      CAREEN_ASSIGN(size_t n, pread_full(fd, some, at));
      if (n == 0) break;
      hasher.update(Bytes(some).first(n));
      at += n;
    }
    if (Digest is = hasher.digest(); is != promised)
      return Error{Errc::corrupt, escape(url) + ": its repository promises " + promised.text() + ", what came has " + is.text() + "; try again later"};
    return {};
  }

  Result<void> bring(const FeedAddress& a, State& s, FeedImporter& importer) {
    std::string url = mirrored(a.url, options_.mirror);
    Validators before = known(s);
    if (a.source == "redhat-vex") {  // the file names the archive of the day
      CAREEN_ASSIGN(std::string text, small(url));
      std::string archive(trim(text));
      if (archive.empty() || archive.find_first_of("/\\ \n") != std::string::npos || !is_plain(archive))
        return Error{Errc::corrupt, escape(url) + " names no archive"};
      url = url.substr(0, url.rfind('/') + 1) + archive;
    }
    Digest promised;
    if (url.ends_with("/mirror.list")) {
      CAREEN_ASSIGN(UpdateinfoFile file, updateinfo_of(url));
      url = file.location, promised = file.digest;
    }
    CAREEN_ASSIGN(Download d, download(client_, url, directory_, plain_name(url), before));
    result_.bytes += d.bytes;
    if (d.unchanged) {
      ++result_.unchanged;
      return {};
    }
    CAREEN_ASSIGN(Fd fd, open_read(d.file));
    ::unlink(d.file.c_str());
    CAREEN_TRY(check(fd.get(), promised, url));
    (void)importer.take_touched();
    CAREEN_TRY(importer.content(std::string(base_name(url)), fd.get(), a.url));
    ++result_.fetched;
    changed_ = true;
    auto names = importer.take_touched();
    s.names.assign(names.begin(), names.end());
    s.told.fetched = s.told.checked;
    fresh_[a.url] = d.validators;
    return {};
  }

  const UpdateOptions& options_;
  HttpClient client_;
  std::map<std::string, State> states_;
  std::map<std::string, Validators> fresh_;
  std::unique_ptr<AdvisoryWriter> writer_;
  std::string directory_;
  UpdateResult result_;
  bool changed_ = false;
};

}  // namespace

Result<UpdateResult> update_feeds(const UpdateOptions& options) {
  return Updater(options).run();
}

}  // namespace careen
