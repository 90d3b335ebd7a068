#include "feeds/import.h"

#include <dirent.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <ctime>

#include "base/text.h"
#include "feeds/readers.h"

namespace careen {
namespace {

// The families that every OSV record of a unit speaks of.
class Probe : public FeedSink {
 public:
  std::optional<std::set<std::string>> common;
  bool several = false;  // some record speaks of more

 private:
  Result<void> advisory(const std::string&, const Advisory&) override { return {}; }
  Result<void> score(const std::string&, const ExploitScore&) override { return {}; }
  Result<void> support(const std::string&, const SupportEnd&) override { return {}; }
  Result<void> refused(const std::string&, const std::string&) override { return {}; }
  Result<void> withdrawn(const std::string&) override { return {}; }
  bool wants(const std::string&) override { return false; }
  void begins(const std::set<std::string>& families) override {
    several |= families.size() > 1;
    if (!common) {
      common = families;
      return;
    }
    for (auto it = common->begin(); it != common->end();) it = families.count(*it) == 0 ? common->erase(it) : std::next(it);
  }
};

bool of_content(Errc code) {
  return code == Errc::corrupt || code == Errc::unsupported || code == Errc::truncated || code == Errc::limit || code == Errc::mismatch;
}

}  // namespace

FeedImporter::FeedImporter(AdvisoryWriter& writer, std::function<void(uint64_t)> progress) : writer_(writer), progress_(std::move(progress)), reader_(*this) {}
FeedImporter::~FeedImporter() = default;

Result<SegmentWriter*> FeedImporter::segment(const std::string& source, SegmentKind kind) {
  touched_.insert(source);
  bool fresh = writer_.begun(source) == nullptr;
  CAREEN_ASSIGN(SegmentWriter * s, writer_.segment(source, kind, origin_));
  if (auto it = early_.find(source); fresh && it != early_.end()) {
    for (const std::string& why : it->second) s->refuse(why);
    result_.unknown -= it->second.size();
    early_.erase(it);
  }
  return s;
}

Result<void> FeedImporter::advisory(const std::string& source, const Advisory& a) {
  CAREEN_ASSIGN(SegmentWriter * s, segment(source, SegmentKind::advisories));
  if (!a.published.empty() || !a.modified.empty()) return s->add(a);
  Advisory seen = a;
  seen.seen = first_seen(source, a.id);
  return s->add(seen);
}

// Of a record without a date: when it was not there at the import before. "" of the source's first import, and of what came with it.
std::string FeedImporter::first_seen(const std::string& source, const std::string& id) const {
  const AdvisoryDb* old = writer_.old();
  auto same = [&](const SourceInfo& s) { return s.name == source; };
  if (old == nullptr || std::none_of(old->sources().begin(), old->sources().end(), same)) return "";
  std::optional<std::string> known;
  old->each_record(id, [&](const SourceInfo& s, Advisory&& a) {
    if (s.name == source && a.id == id) known = a.seen;
  });
  if (known) return *known;
  if (old->damaged()) return "";  // it may have been there
  std::time_t now = ::time(nullptr);
  std::tm day{};
  ::gmtime_r(&now, &day);
  std::array<char, 16> text{};
  std::strftime(text.data(), text.size(), "%Y-%m-%d", &day);
  return text.data();
}

Result<void> FeedImporter::score(const std::string& source, const ExploitScore& score) {
  CAREEN_ASSIGN(SegmentWriter * s, segment(source, SegmentKind::scores));
  return s->add(score);
}
Result<void> FeedImporter::support(const std::string& source, const SupportEnd& e) {
  CAREEN_ASSIGN(SegmentWriter * s, segment(source, SegmentKind::support));
  return s->add(e);
}
Result<void> FeedImporter::threat(const std::string& source, const StoredThreat& t) {
  bool fresh = writer_.begun(source) == nullptr;
  CAREEN_ASSIGN(SegmentWriter * s, segment(source, SegmentKind::threats));
  // A folder or an archive is the whole of a source; a record by itself joins those that are there.
  if (fresh && alone_ && writer_.old() != nullptr) {
    for (const StoredThreat& old : writer_.old()->threats())
      if (old.id != t.id) CAREEN_TRY(s->add(old));
    CAREEN_TRY(writer_.old()->sound());  // what is damaged must not be dropped unsaid
  }
  return s->add(t);
}
Result<void> FeedImporter::repository(const std::string& source, const RepositoryProducts& r) {
  CAREEN_ASSIGN(SegmentWriter * s, segment(source, SegmentKind::repositories));
  return s->add(r);
}
Result<void> FeedImporter::artifact(const std::string& source, const KnownArtifact& k) {
  CAREEN_ASSIGN(SegmentWriter * s, segment(source, SegmentKind::artifacts));
  return s->add(k);
}
Result<void> FeedImporter::withdrawn(const std::string& source) {
  CAREEN_ASSIGN(SegmentWriter * s, segment(source, SegmentKind::advisories));
  s->withdrawn();
  return {};
}

void FeedImporter::problem(const std::string& why) {
  if (result_.problems.size() < kMaxProblems) result_.problems.push_back(why);
}

Result<void> FeedImporter::refused(const std::string& source, const std::string& why) {
  // What cannot be read must not take the place of what could.
  if (SegmentWriter* s = writer_.begun(source); s != nullptr)
    s->refuse(why);
  else if (auto& waiting = early_[source]; waiting.size() < kMaxEarly)
    ++result_.unknown, waiting.push_back(why);
  else
    ++result_.unknown;
  problem(source + ": " + why);
  return {};
}

Result<void> FeedImporter::one(const std::string& name, std::string_view text, bool alone) {
  alone_ = alone;
  auto r = reader_.read(name, text);
  ++result_.documents;
  result_.bytes += text.size();
  if (progress_ && result_.documents % 64 == 0) progress_(result_.bytes);
  accepted_ += r ? 1 : 0;
  if (r) return r;
  Error e = std::move(r).error().in(escape(name));
  if (alone || !of_content(e.code)) return e;
  ++result_.unknown;
  problem(e.what);
  return {};
}

Result<void> FeedImporter::unit(const std::function<Result<void>(const VisitDocument&)>& walk) {
  Probe probe;
  FeedReader reader(probe);
  uint64_t documents = 0;
  auto looked = walk([&](const std::string& name, std::string_view text, bool) {
    ++documents;
    (void)static_cast<bool>(reader.read(name, text));
    return Result<void>{};
  });
  if (!looked) return looked;
  only_.reset();
  if (documents > 1 && probe.several && probe.common && !probe.common->empty()) only_ = probe.common;
  auto marks = writer_.mark();
  uint64_t accepted = accepted_;
  auto r = walk([&](const std::string& name, std::string_view text, bool alone) { return one(name, text, alone); });
  if (r && accepted_ == accepted)
    r = Error{Errc::unsupported, "holds no advisories that careen reads" + (result_.problems.empty() ? "" : ": " + result_.problems.back())};
  if (!r) {
    early_.clear();
    CAREEN_TRY(writer_.rollback(marks));
  }
  return r;
}

// An index in SQLite is no document.
Result<void> FeedImporter::artifacts(const std::string& name, int fd) {
  auto marks = writer_.mark();
  ++result_.documents;
  auto r = read_artifact_database(fd, *this);
  accepted_ += r ? 1 : 0;
  if (r) return {};
  CAREEN_TRY(writer_.rollback(marks));
  return std::move(r).error().in(escape(name));
}

Result<void> FeedImporter::content(const std::string& name, int fd, const std::string& origin) {
  origin_ = origin;
  if (is_sqlite(fd)) return artifacts(name, fd);
  auto r = unit([&](const VisitDocument& visit) { return walk_file(name, fd, visit); });
  if (!r && r.error().code == Errc::unsupported && r.error().what.starts_with("holds")) return Error{Errc::unsupported, escape(name) + " " + r.error().what};
  return r;
}

Result<void> FeedImporter::folder(const std::string& path, int depth) {
  if (depth > kMaxFeedFolders) return Error{Errc::limit, escape(path) + ": folders more than " + std::to_string(kMaxFeedFolders) + " deep"};
  std::vector<std::string> folders, loose, packed, databases;
  DIR* dir = ::opendir(path.c_str());
  if (dir == nullptr) return os_error("cannot list " + escape(path), errno);
  while (dirent* e = ::readdir(dir)) {
    std::string name = path + "/" + e->d_name;
    struct stat st {};
    if (e->d_name[0] == '.' || ::lstat(name.c_str(), &st) != 0) continue;
    if (S_ISDIR(st.st_mode)) folders.push_back(name);
    if (S_ISREG(st.st_mode)) loose.push_back(name);
  }
  ::closedir(dir);
  for (auto* list : {&folders, &loose}) std::sort(list->begin(), list->end());
  for (auto it = loose.begin(); it != loose.end();) {
    CAREEN_ASSIGN(Fd fd, open_read(*it));
    CAREEN_ASSIGN(bool is, is_packed(fd.get()));
    bool database = is_sqlite(fd.get());
    if (is) packed.push_back(*it);
    if (database) databases.push_back(*it);
    it = is || database ? loose.erase(it) : std::next(it);
  }
  auto skip = [&](Result<void> r) -> Result<void> {
    if (r || !of_content(r.error().code)) return r;
    ++result_.unknown;
    problem(r.error().what);
    return {};
  };
  auto walk_loose = [&](const VisitDocument& visit) -> Result<void> {
    for (const std::string& name : loose) {
      CAREEN_ASSIGN(Fd fd, open_read(name));
      CAREEN_TRY(walk_file(name, fd.get(), [&](const std::string& n, std::string_view text, bool) { return visit(n, text, false); }));
    }
    return {};
  };
  if (!loose.empty()) CAREEN_TRY(skip(unit(walk_loose)));
  for (const std::string& name : packed) {
    CAREEN_ASSIGN(Fd fd, open_read(name));
    CAREEN_TRY(skip(unit([&](const VisitDocument& visit) { return walk_file(name, fd.get(), visit); })));
  }
  for (const std::string& name : databases) {
    CAREEN_ASSIGN(Fd fd, open_read(name));
    CAREEN_TRY(skip(artifacts(name, fd.get())));
  }
  for (const std::string& name : folders) CAREEN_TRY(folder(name, depth + 1));
  return {};
}

Result<void> FeedImporter::path(const std::string& path) {
  struct stat st {};
  if (::stat(path.c_str(), &st) != 0)
    return errno == ENOENT ? Error{Errc::not_found, escape(path) + " does not exist"} : os_error("cannot read " + escape(path), errno);
  if (!S_ISDIR(st.st_mode)) {
    CAREEN_ASSIGN(Fd fd, open_read(path));
    return content(path, fd.get(), path);
  }
  origin_ = path;
  auto marks = writer_.mark();
  uint64_t before = accepted_;
  auto r = folder(path, 0);
  if (r && accepted_ == before)
    r = Error{Errc::unsupported, escape(path) + " holds no advisories that careen reads" + (result_.problems.empty() ? "" : ": " + result_.problems[0])};
  if (!r) CAREEN_TRY(writer_.rollback(marks));
  return r;
}

Result<ImportResult> import_feeds(const std::string& database, const std::vector<std::string>& paths, const std::function<void(uint64_t)>& progress) {
  CAREEN_ASSIGN(auto writer, AdvisoryWriter::begin(database));
  FeedImporter importer(*writer, progress);
  for (const std::string& path : paths) CAREEN_TRY(importer.path(path));
  ImportResult result = importer.result();
  CAREEN_ASSIGN(result.changes, writer->commit());
  return result;
}

bool is_database(int fd) {
  std::array<uint8_t, 8> first{};
  auto n = pread_full(fd, first, 0);
  return n && *n == first.size() && as_text(first) == kDatabaseMagic;
}

Result<ImportResult> import_database(AdvisoryWriter& writer, const std::string& file) {
  CAREEN_ASSIGN(auto from, AdvisoryDb::open(file));
  CAREEN_TRY(from->verify());
  ImportResult result;
  for (const SourceInfo& s : from->sources()) result.bytes += s.size;
  writer.adopt(std::move(from));
  return result;
}

}  // namespace careen
