#include "facts/collector.h"

#include <unistd.h>

#include <ctime>
#include <unordered_map>

#include "archive/decompress.h"
#include "base/fd.h"
#include "base/text.h"
#include "facts/elf_collector.h"
#include "facts/interest.h"
#include "formats/apk.h"
#include "formats/dpkg.h"
#include "formats/language.h"
#include "formats/pacman.h"
#include "formats/rpm_database.h"
#include "formats/rpm_header.h"

namespace careen {
namespace {

constexpr uint64_t kSha1Always = 64 << 10;  // apk records SHA-1; larger files get it when they are code
constexpr size_t kDigestPiece = 16 << 10;   // so that the second and third digest find the bytes in the first-level cache
constexpr size_t kFirstBytes = 128;         // enough to tell what a file is
constexpr uint64_t kMaxMtree = 32ULL << 20;
constexpr size_t kMaxStoredDatabases = 16;    // of rpm, in a store that names files by their digest
constexpr size_t kMaxLinkedBytes = 64 << 20;  // bytes of one layer's package databases that are told again under other names

// A file in the spool, read through one window.
class SpoolView : public FileView {
 public:
  SpoolView(int fd, uint64_t size) : fd_(fd), size_(size), window_(8 << 10) {}
  uint64_t size() const override { return size_; }
  bool read(uint64_t offset, std::span<uint8_t> into) const override {
    if (offset > size_ || into.size() > size_ - offset) return false;
    if (into.size() > window_.size()) {
      auto n = pread_full(fd_, into, offset);
      return n && *n == into.size();
    }
    if (offset < at_ || offset + into.size() > at_ + have_) {
      auto n = pread_full(fd_, window_, offset);
      if (!n || *n < into.size()) return false;
      at_ = offset;
      have_ = *n;
    }
    std::memcpy(into.data(), window_.data() + (offset - at_), into.size());
    return true;
  }

 private:
  int fd_;
  uint64_t size_;
  mutable std::vector<uint8_t> window_;
  mutable uint64_t at_ = 0, have_ = 0;
};

// Processor time of this thread: what a stage costs, whatever else the machine does.
double thread_seconds() {
  timespec t{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) * 1e-9;
}

bool is_sqlite(Bytes first) {
  return as_text(first).starts_with(std::string_view("SQLite format 3\0", 16));
}

// How often something odd was met; one coverage row tells of all.
struct Oddity {
  uint64_t count = 0;
  std::string first;
  void add(std::string_view path) {
    if (count++ == 0) first = path;
  }
};

}  // namespace

struct Collector::Impl {
  struct StoredManifest {
    LanguageFile kind = LanguageFile::npm;
    LanguagePackages says;
  };
  CollectOptions options;
  LayerFacts& facts;
  Hasher sha256{Algorithm::sha256}, md5{Algorithm::md5}, sha1{Algorithm::sha1};
  std::unique_ptr<PatternScanner> scanner;
  std::vector<uint8_t> kept;
  uint64_t spooled = 0;
  uint64_t entries = 0, bytes = 0, text_bytes = 0;
  std::unordered_map<std::string, StoredManifest> stored;         // of a store that names files by digest: what may describe a package
  std::unordered_map<std::string, PackageFile> stored_databases;  // of such a store: what may be rpm's
  std::unordered_map<std::string, size_t> database_at;            // by path, of the first `databases_known` of facts.databases
  size_t databases_known = 0, linked_bytes = 0;
  Oddity linked_language, linked_database, linked_list;
  Oddity dotdot, language_problem, spool_full, pattern_cap, elf_problem, walk_cap;
  double elf_seconds = 0;
  bool hit_limit = false;

  Impl(CollectOptions o, LayerFacts& f) : options(std::move(o)), facts(f) {
    if (options.patterns && !options.patterns->specs().empty()) scanner = std::make_unique<PatternScanner>(options.patterns);
  }

  void cover(Question q, CoverageState s, std::string what, std::string why) { facts.coverage.push_back({q, s, std::move(what), std::move(why)}); }

  enum class Keep : uint8_t { nothing, elf, database, text, stored };

  struct Interest {
    Keep keep = Keep::nothing;
    ContentKind kind = ContentKind::data;
    std::optional<DatabaseKind> database;
    uint64_t text_limit = kMaxStoredText;
  };

  Interest interest(const TarEntry& e, const std::string& path, Bytes first) const {
    Interest i;
    i.kind = is_elf(first) ? ContentKind::elf : as_text(first).starts_with("#!") ? ContentKind::script : ContentKind::data;
    if (options.patterns_only) return i;
    if (i.kind != ContentKind::elf) i.database = database_kind(path);  // none begins as an ELF file does, whatever its name
    if (i.database)
      i.keep = Keep::database;
    else if (i.kind == ContentKind::elf)
      i.keep = Keep::elf;
    else if (wants_text(path, e.mode, first))
      i.keep = Keep::text, i.text_limit = is_content_manifest(path) ? kMaxContentManifest : kMaxStoredText;
    else if (bool manifest = stored_language(as_text(first)) && e.size <= kMaxStoredManifest; (manifest || is_sqlite(first)) && is_stored_by_digest(path)) {
      i.keep = Keep::stored;
      if (!manifest) i.database = DatabaseKind::rpm;
    }
    return i;
  }

  // One regular file: digests, patterns, and a copy where it is wanted. `next` gives its content chunk by chunk.
  Result<void> regular(const TarEntry& e, FileRecord& r, const std::function<Result<Bytes>()>& next) {
    CAREEN_ASSIGN(Bytes chunk, next());
    std::vector<uint8_t> first;  // what the file is may not hang on how its first bytes arrive
    while (!chunk.empty() && first.size() + chunk.size() < kFirstBytes) {
      first.insert(first.end(), chunk.begin(), chunk.end());
      CAREEN_ASSIGN(chunk, next());
    }
    if (!first.empty()) {
      first.insert(first.end(), chunk.begin(), chunk.end());
      chunk = first;
    }
    Interest want = interest(e, r.path, chunk);
    r.kind = want.kind;
    bool with_sha1 = want.kind != ContentKind::data || (e.mode & 0111) != 0 || e.size <= kSha1Always;
    sha256.reset();
    md5.reset();
    if (with_sha1) sha1.reset();
    kept.clear();
    spooled = 0;
    bool spool_lost = false;
    bool search = scanner != nullptr && (e.size >= kMinPatternBytes || chunk.size() >= kMinPatternBytes);
    if (search) scanner->begin(want.kind == ContentKind::elf);
    uint64_t seen = 0;
    while (!chunk.empty()) {
      seen += chunk.size();
      bytes += chunk.size();
      if (bytes > options.max_layer) return Error{Errc::limit, "holds more than " + human_size(options.max_layer) + " (--max-layer-size)"};
      digests(chunk, with_sha1);
      if (search) scanner->feed(chunk);
      if (want.keep != Keep::nothing && !spool_lost) spool_lost = !keep(want, chunk, e.size);
      CAREEN_ASSIGN(chunk, next());
    }
    r.size = seen;
    if (!options.patterns_only) {
      r.sha256 = sha256.sha256();
      md5.finish(r.md5.emplace().data());
      if (with_sha1) sha1.finish(r.sha1.emplace().data());
    }
    if (search) finish_search(r.path);
    if (spool_lost)
      lost(want, r.path);
    else
      examine(want, r.path);
    return {};
  }

  void digests(Bytes chunk, bool with_sha1) {
    if (options.patterns_only) return;
    while (!chunk.empty()) {
      Bytes piece = chunk.first(std::min(chunk.size(), kDigestPiece));
      sha256.update(piece);
      md5.update(piece);
      if (with_sha1) sha1.update(piece);
      chunk = chunk.subspan(piece.size());
    }
  }

  static bool by_view(const Interest& want) {
    return want.keep == Keep::elf || (want.database && (*want.database == DatabaseKind::rpm || *want.database == DatabaseKind::java_archive));
  }

  // Copies a chunk to memory or to the spool; false when there is no room for it.
  bool keep(const Interest& want, Bytes chunk, uint64_t size) {
    if (!by_view(want)) {
      bool language = want.database && (*want.database == DatabaseKind::language || *want.database == DatabaseKind::python_record);
      uint64_t limit = want.keep == Keep::text     ? want.text_limit
                       : want.keep == Keep::stored ? kMaxStoredManifest
                       : language                  ? kMaxLanguageFile
                                                   : kMaxTextDatabase;
      if (kept.size() + chunk.size() > limit) return false;
      kept.insert(kept.end(), chunk.begin(), chunk.end());
      return true;
    }
    if (size <= kMaxInMemory && kept.size() + chunk.size() <= kMaxInMemory) {
      if (kept.empty()) kept.reserve(static_cast<size_t>(size));
      kept.insert(kept.end(), chunk.begin(), chunk.end());
      return true;
    }
    if (!kept.empty() && spooled == 0) return false;  // a size that was a guess, and too small
    if (options.spool < 0 || size > options.spool_limit || spooled + chunk.size() > options.spool_limit) return false;
    if (spooled == 0 && (::ftruncate(options.spool, 0) != 0 || ::lseek(options.spool, 0, SEEK_SET) != 0)) return false;
    spooled += chunk.size();
    return static_cast<bool>(write_full(options.spool, chunk));
  }

  void finish_search(const std::string& path) {
    bool capped = false;
    for (PatternHit& h : scanner->finish(&capped)) facts.hits.push_back({path, std::move(h)});
    if (capped) pattern_cap.add(path);
  }

  // A file that was wanted and did not fit.
  void lost(const Interest& want, const std::string& path) {
    if (want.keep == Keep::elf) spool_full.add(path);
    if (want.keep == Keep::database) {
      using D = DatabaseKind;
      D k = *want.database;
      if (k == D::rpm || k == D::rpm_wal || k == D::dpkg_status || k == D::dpkg_status_d || k == D::apk_installed || k == D::pacman_desc || k == D::language ||
          k == D::java_archive)
        cover(Question::packages, CoverageState::not_looked, path, "larger than the limit for a package database");
      else
        cover(Question::integrity, CoverageState::partly, path, "larger than the limit for a package's file list");
    }
    if (want.keep == Keep::text && is_content_manifest(path))
      cover(Question::vulnerabilities, CoverageState::partly, path, "a list of content sets larger than 1 MiB (kMaxContentManifest)");
    else if (want.keep == Keep::text)
      cover(Question::reachability, CoverageState::partly, path, "a script or configuration file larger than 64 KiB (kMaxStoredText)");
  }

  // How manifests begin that stores of files by their digest have: a package.json, and what Python's packages say of themselves.
  static std::optional<LanguageFile> stored_language(std::string_view text) {
    if (text.starts_with('{')) return LanguageFile::npm;
    return text.starts_with("Metadata-Version:") ? std::optional(LanguageFile::python) : std::nullopt;
  }

  void examine(const Interest& want, const std::string& path) {
    if (want.keep == Keep::elf) examine_elf(path);
    if (want.keep == Keep::database) examine_database(path, *want.database);
    if (want.keep == Keep::text) {
      if (text_bytes + kept.size() > kMaxStoredTexts) return lost(want, path);
      text_bytes += kept.size();
      facts.texts.push_back({path, std::string(as_text(kept))});
    }
    if (want.keep == Keep::stored && want.database) {
      examine_database(path, *want.database);
      if (!facts.databases.back().packages.empty() && stored_databases.size() < kMaxStoredDatabases) stored_databases[path] = std::move(facts.databases.back());
      facts.databases.pop_back();
    } else if (want.keep == Keep::stored && stored.size() < kMaxStoredManifests) {
      LanguageFile kind = *stored_language(as_text(kept));
      stored[path] = {kind, parse_language_file(kind, path, as_text(kept))};
    }
  }

  static size_t weight(const PackageFile& f) {
    auto of_files = [](const std::vector<OwnedFile>& files) {
      size_t n = 0;
      for (const OwnedFile& o : files) n += sizeof(o) + o.path.size() + o.digest.size();
      return n;
    };
    size_t n = sizeof(f) + f.text.size() + f.problem.size() + f.path.size() + f.same_as.size() + of_files(f.files);
    for (const Package& p : f.packages)
      n += sizeof(p) + p.name.size() + p.version.size() + p.architecture.size() + p.source.size() + p.source_version.size() + p.module.size() +
           of_files(p.files);
    return n;
  }

  // A hard link where a package database is looked for: its content came before, under another name.
  void linked(const std::string& path, const std::string& target) {
    auto kind = database_kind(path);
    if (!kind) return;
    for (; databases_known < facts.databases.size(); ++databases_known) database_at[facts.databases[databases_known].path] = databases_known;
    bool of_language = *kind == DatabaseKind::language || *kind == DatabaseKind::java_archive;
    using D = DatabaseKind;
    bool of_files = *kind == D::dpkg_list || *kind == D::dpkg_md5sums || *kind == D::dpkg_diversions || *kind == D::pacman_files || *kind == D::pacman_mtree ||
                    *kind == D::python_record;
    if (*kind == D::python_record) return linked_list.add(path);  // its paths are relative to the folder that it stands in
    auto language = language_file(path);
    if (of_language && language && language_file(target) == language) return same_package(path, *kind, target);
    if (auto s = stored.find(target); s != stored.end() && language == s->second.kind) return keep_language(path, *kind, s->second.says);
    if (of_language) return linked_language.add(path);
    const PackageFile* known = nullptr;
    if (auto s = stored_databases.find(target); s != stored_databases.end()) known = &s->second;
    if (auto d = database_at.find(target); known == nullptr && d != database_at.end()) known = &facts.databases[d->second];
    if (known == nullptr || known->kind != *kind || (linked_bytes += weight(*known)) > kMaxLinkedBytes)
      return (of_files ? linked_list : linked_database).add(path);
    PackageFile copy = *known;
    copy.path = path;
    if (!copy.problem.empty()) cover(Question::packages, CoverageState::partly, path, copy.problem);
    facts.databases.push_back(std::move(copy));
  }

  // The same package under a second name: it counts once, and stays when the first name goes.
  void same_package(const std::string& path, DatabaseKind kind, const std::string& target) {
    auto known = database_at.find(target);
    if (known == database_at.end()) return;  // nothing was said of a package there
    const PackageFile& first = facts.databases[known->second];
    PackageFile f;
    f.path = path;
    f.kind = kind;
    f.same_as = first.same_as.empty() ? target : first.same_as;
    if ((linked_bytes += weight(f)) > kMaxLinkedBytes) return linked_language.add(path);
    facts.databases.push_back(std::move(f));
  }

  void examine_elf(const std::string& path) {
    double start = thread_seconds();
    ElfFacts f;
    ElfSymbols names;
    LanguagePackages built_of;
    if (spooled != 0)
      collect_elf(path, SpoolView(options.spool, spooled), &f, &names, &built_of);
    else
      collect_elf(path, MemoryView(kept), &f, &names, &built_of);
    keep_language(path, DatabaseKind::language, std::move(built_of));
    if (!f.problems.empty()) elf_problem.add(path);
    if (f.ifunc.capped) walk_cap.add(path);
    facts.elf.push_back(std::move(f));
    if (!names.imports.empty() || !names.exports.empty()) facts.symbols.push_back(std::move(names));
    elf_seconds += thread_seconds() - start;
  }

  void keep_language(const std::string& path, DatabaseKind kind, LanguagePackages found) {
    if (found.packages.empty() && found.problem.empty()) return;
    // What cannot be read of one of thousands of small files is told once, with their number.
    if (!found.problem.empty()) language_problem.add(path + ": " + found.problem);
    PackageFile f;
    f.path = path;
    f.kind = kind;
    f.packages = std::move(found.packages);
    if (!f.packages.empty()) facts.databases.push_back(std::move(f));
  }

  void examine_database(const std::string& path, DatabaseKind kind) {
    if (kind == DatabaseKind::language) return keep_language(path, kind, parse_language_file(*language_file(path), path, as_text(kept)));
    if (kind == DatabaseKind::java_archive)
      return keep_language(path, kind, spooled != 0 ? parse_java_archive(path, SpoolView(options.spool, spooled)) : parse_java_archive(path, MemoryView(kept)));
    PackageFile f;
    f.path = path;
    f.kind = kind;
    size_t problems = 0;
    std::string_view text = as_text(kept);
    switch (kind) {
      case DatabaseKind::dpkg_status:
      case DatabaseKind::dpkg_status_d:
        f.packages = parse_dpkg_status(text, &problems);
        break;
      case DatabaseKind::dpkg_list:
      case DatabaseKind::dpkg_md5sums:
        f.text = text;
        break;
      case DatabaseKind::dpkg_diversions:
        for (std::string& p : parse_dpkg_diversions(text)) f.files.push_back({std::move(p), RecordedDigest::none, "", false, false});
        break;
      case DatabaseKind::apk_installed:
        f.packages = parse_apk_installed(text, &problems);
        break;
      case DatabaseKind::rpm:
        examine_rpm(f);
        break;
      case DatabaseKind::rpm_wal:
        if (!kept.empty()) cover(Question::packages, CoverageState::partly, path, "a write-ahead log that was not merged: rows in it are not read");
        return;
      case DatabaseKind::pacman_desc: {
        Package p = parse_pacman_desc(text);
        if (p.name.empty() || p.version.empty())
          ++problems;
        else
          f.packages.push_back(std::move(p));
        break;
      }
      case DatabaseKind::pacman_files:
        f.files = parse_pacman_files(text);
        break;
      case DatabaseKind::pacman_mtree:
        f.files = parse_pacman_mtree(inflate(path));
        break;
      case DatabaseKind::python_record:
        f.files = parse_python_record(path, text);
        break;
      case DatabaseKind::language:
      case DatabaseKind::java_archive:
        return;
    }
    bool cut_text = (kind == DatabaseKind::dpkg_status || kind == DatabaseKind::apk_installed) && !text.empty() && text.back() != '\n';
    if (problems != 0)
      f.problem = std::to_string(problems) + (problems == 1 ? " row is" : " rows are") + " damaged";
    else if (cut_text)
      f.problem = "it ends inside a line: rows may be missing";
    if (!f.problem.empty() && !is_stored_by_digest(path)) cover(Question::packages, CoverageState::partly, path, f.problem);
    facts.databases.push_back(std::move(f));
  }

  std::string inflate(const std::string& path) {
    MemorySource memory{Bytes(kept)};
    auto from = open_decompressor(recognise_compression(kept), memory);
    std::string out;
    std::vector<uint8_t> buffer(64 << 10);
    for (;;) {
      auto n = from->read(buffer);
      if (!n || out.size() + *n > kMaxMtree) {
        cover(Question::integrity, CoverageState::partly, path, n ? "larger than 32 MiB (kMaxMtree)" : n.error().what);
        break;
      }
      if (*n == 0) break;
      out += as_text(Bytes(buffer).first(*n));
    }
    return out;
  }

  void examine_rpm(PackageFile& f) {
    size_t bad_headers = 0;
    auto each = [&](Bytes header) {
      auto p = parse_rpm_header(header);
      if (p)
        f.packages.push_back(std::move(*p));
      else
        ++bad_headers;
    };
    auto outcome = spooled != 0 ? read_rpm_database(SpoolView(options.spool, spooled), each) : read_rpm_database(MemoryView(kept), each);
    if (!outcome) {
      f.problem = outcome.error().what;
    } else if (outcome->problems != 0) {
      f.problem = outcome->first_problem;
    } else if (bad_headers != 0) {
      f.problem = std::to_string(bad_headers) + (bad_headers == 1 ? " row is" : " rows are") + " damaged";
    }
  }

  Result<void> entry(const TarEntry& e, const std::function<Result<Bytes>()>& next) {
    if (++entries > kMaxLayerEntries) return Error{Errc::limit, "more than 50 million entries (kMaxLayerEntries)"};
    FileRecord r;
    bool odd = false;
    r.path = normal_path(e.path, &odd);
    if (odd) dotdot.add(e.path);
    r.type = e.type;
    r.mode = e.mode;
    r.uid = e.uid;
    r.gid = e.gid;
    if (e.type == FileType::symlink) r.target = e.link;
    if (e.type == FileType::hardlink) r.target = normal_path(e.link);
    if (e.type != FileType::hardlink) stored.erase(r.path), stored_databases.erase(r.path);  // another of that name takes its place
    if (e.type == FileType::regular) CAREEN_TRY(regular(e, r, next));
    if (r.path.empty()) return {};  // the root itself
    if (options.patterns_only) return {};
    if (r.type == FileType::hardlink) linked(r.path, r.target);
    facts.files.add(r);
    if (options.on_chunk)
      for (FileTable::Chunk& c : facts.files.take(false)) options.on_chunk(std::move(c));
    return {};
  }

  template <class Archive>
  bool all(Archive& archive) {
    TarEntry e;
    bool whole = true;
    for (;;) {
      auto more = archive.next(e);
      if (more && !*more) break;
      auto ok = more ? entry(e, [&] { return archive.content(); }) : Result<void>(std::move(more).error());
      if (!ok) {
        cover(Question::content, CoverageState::partly, "", ok.error().what);
        whole = false;
        hit_limit = ok.error().code == Errc::limit;
        break;
      }
    }
    finish();
    return whole;
  }

  void finish() {
    auto tell = [&](const Oddity& o, Question q, CoverageState s, std::string_view why, std::vector<Coverage>& into) {
      if (o.count == 0) return;
      std::string text(why);
      if (o.count > 1) text += " (and " + std::to_string(o.count - 1) + " more)";
      into.push_back({q, s, o.first, std::move(text)});
    };
    tell(dotdot, Question::content, CoverageState::looked, "a path with '..' was taken as inside the root", facts.coverage);
    tell(spool_full, Question::threats, CoverageState::partly, "ELF file larger than --spool-limit: its structure was not read", facts.coverage);
    tell(elf_problem, Question::content, CoverageState::looked, "ELF file with tables that do not hold together; what can be loaded was read", facts.coverage);
    tell(walk_cap, Question::threats, CoverageState::partly,
         "its IFUNC resolvers were not followed to the end: longer than kMaxWalkInstructions, or its tables pass a named limit", facts.coverage);
    tell(pattern_cap, Question::threats, CoverageState::partly, "more windows than kMaxWindowsPerFile: some were not compared", facts.hit_coverage);
    tell(language_problem, Question::vulnerabilities, CoverageState::partly,
         "a file that should describe a package of a programming language and could not be read", facts.coverage);
    tell(linked_language, Question::vulnerabilities, CoverageState::partly,
         stored.size() >= kMaxStoredManifests
             ? "should describe a package of a programming language and is a hard link to one of more files than are remembered (kMaxStoredManifests)"
             : "should describe a package of a programming language and is a hard link to a file whose content was not read as that",
         facts.coverage);
    tell(linked_database, Question::packages, CoverageState::not_looked, "a package database that is a hard link to a file whose content was not read as one",
         facts.coverage);
    tell(linked_list, Question::integrity, CoverageState::partly, "a package's file list that is a hard link, whose content was not read as one",
         facts.coverage);
    linked_language = linked_database = linked_list = {};
    dotdot = language_problem = spool_full = elf_problem = walk_cap = pattern_cap = {};
    if (options.on_chunk)
      for (FileTable::Chunk& c : facts.files.take(true)) options.on_chunk(std::move(c));
  }
};

Collector::Collector(CollectOptions options, LayerFacts& facts) : impl_(std::make_unique<Impl>(std::move(options), facts)) {}
Collector::~Collector() = default;

bool Collector::collect(TarReader& tar) {
  return impl_->all(tar);
}
bool Collector::collect(CpioReader& cpio) {
  return impl_->all(cpio);
}

bool Collector::hit_limit() const {
  return impl_->hit_limit;
}
double Collector::elf_seconds() const {
  return impl_->elf_seconds;
}

Result<void> Collector::collect_file(const std::string& path, uint32_t mode, uint64_t size, ChunkSource& content) {
  TarEntry e;
  e.path = path;
  e.mode = mode;
  e.size = size;
  CAREEN_TRY(impl_->entry(e, [&] { return content.next(); }));
  impl_->finish();
  return {};
}

void Collector::add_package(Package p, const std::string& database) {
  PackageFile f;
  f.path = database;
  f.kind = p.type == PackageType::deb ? DatabaseKind::dpkg_status : p.type == PackageType::rpm ? DatabaseKind::rpm : DatabaseKind::apk_installed;
  f.packages.push_back(std::move(p));
  impl_->facts.databases.push_back(std::move(f));
}

}  // namespace careen
