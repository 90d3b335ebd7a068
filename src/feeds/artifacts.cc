// Which artifacts files are, by their SHA-1: for Java archives that do not say it themselves.
//
// Two forms: lines of "sha1,name,version", as anybody can write them of a repository of their own; and the SQLite file of trivy-java-db (tables
// artifacts and indices), which has those of Maven's central repository.
#include "base/fd.h"
#include "base/text.h"
#include "feeds/readers.h"
#include "formats/sqlite_view.h"

namespace careen {
namespace {

constexpr size_t kMaxName = 500, kMaxArtifactVersion = 200;

// "group:artifact" with both of its parts.
bool is_artifact_name(std::string_view name) {
  size_t colon = name.find(':');
  return colon != std::string_view::npos && colon != 0 && colon + 1 < name.size() && name.size() <= kMaxName && is_plain(name);
}

Result<void> put(const std::string& source, KnownArtifact k, FeedSink& sink, uint64_t* good) {
  k.sha1 = lower(k.sha1);
  if (k.sha1.size() != 40 || k.sha1.find_first_not_of("0123456789abcdef") != std::string::npos)
    return sink.refused(source, "'" + escape(std::string_view(k.sha1).substr(0, 60)) + "' is no SHA-1");
  if (!is_artifact_name(k.name)) return sink.refused(source, k.sha1 + ": '" + escape(std::string_view(k.name).substr(0, 100)) + "' is no group:artifact");
  if (k.version.empty() || k.version.size() > kMaxArtifactVersion || !is_plain(k.version)) return sink.refused(source, k.sha1 + ": no version");
  ++*good;
  return sink.artifact(source, k);
}

class DescriptorView : public FileView {
 public:
  DescriptorView(int fd, uint64_t size) : fd_(fd), size_(size) {}
  uint64_t size() const override { return size_; }
  bool read(uint64_t offset, std::span<uint8_t> into) const override {
    auto n = pread_full(fd_, into, offset);
    return n && *n == into.size();
  }

 private:
  int fd_;
  uint64_t size_;
};

// The last part of the name without its ending: "artifacts/our-repository" of our-repository.csv.
std::string source_of(const std::string& name) {
  std::string_view stem = base_name(name);
  stem = stem.substr(0, stem.find('.'));
  return "artifacts/" + (stem.empty() || !is_plain(stem) || stem.size() > 100 ? std::string("list") : lower(stem));
}

}  // namespace

Result<void> read_artifact_list(const std::string& name, std::string_view text, FeedSink& sink) {
  std::string source = source_of(name);
  bool first = true;
  uint64_t good = 0;
  Result<void> done;
  each_line(text, [&](std::string_view line) {
    line = trim(line);
    if (line.empty() || line[0] == '#' || std::exchange(first, false)) return true;
    size_t one = line.find(','), two = one == std::string_view::npos ? one : line.find(',', one + 1);
    if (two == std::string_view::npos)
      done = sink.refused(source, "'" + escape(line.substr(0, 100)) + "' is no line of sha1,name,version");
    else
      done = put(source, {std::string(line.substr(0, one)), std::string(line.substr(one + 1, two - one - 1)), std::string(line.substr(two + 1))}, sink, &good);
    return static_cast<bool>(done);
  });
  if (done && good == 0) return Error{Errc::unsupported, "an index of artifacts without one"};
  return done;
}

bool is_sqlite(int fd) {
  std::array<uint8_t, 16> first{};
  auto n = pread_full(fd, first, 0);
  return n && *n == first.size() && as_text(first) == std::string_view("SQLite format 3\0", 16);
}

Result<void> read_artifact_database(int fd, FeedSink& sink) {
  constexpr int kMostMemory = 64 << 20;
  const std::string source = "artifacts/maven";
  CAREEN_ASSIGN(uint64_t size, file_size(fd));
  DescriptorView view(fd, size);
  CAREEN_ASSIGN(auto db, open_sqlite_view(view));
  sqlite3* raw = db.get();
  sqlite3_db_config(raw, SQLITE_DBCONFIG_ENABLE_VIEW, 0, nullptr);
  sqlite3_db_config(raw, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, nullptr);
  sqlite3_limit(raw, SQLITE_LIMIT_LENGTH, kMostMemory);
  sqlite3_stmt* prepared = nullptr;
  int rc =
      sqlite3_prepare_v2(raw, "SELECT i.sha1,a.group_id,a.artifact_id,i.version FROM indices i JOIN artifacts a ON a.id=i.artifact_id", -1, &prepared, nullptr);
  std::unique_ptr<sqlite3_stmt, EndSqlite> rows(prepared);
  if (rc != SQLITE_OK)
    return Error{(rc & 0xff) == SQLITE_CORRUPT ? Errc::corrupt : Errc::unsupported,
                 std::string("a SQLite file of no kind that careen reads (") + sqlite3_errmsg(raw) + "); docs/advisories.md lists them"};
  auto column = [&](int i) {
    const void* data = sqlite3_column_blob(prepared, i);
    return std::string(static_cast<const char*>(data != nullptr ? data : ""), data != nullptr ? static_cast<size_t>(sqlite3_column_bytes(prepared, i)) : 0);
  };
  uint64_t good = 0;
  while ((rc = sqlite3_step(prepared)) == SQLITE_ROW) {
    std::string digest = column(0);
    if (digest.size() == 20) digest = to_hex(as_bytes(digest).data(), digest.size());
    CAREEN_TRY(put(source, {std::move(digest), column(1) + ":" + column(2), column(3)}, sink, &good));
  }
  if (rc != SQLITE_DONE) return Error{Errc::corrupt, std::string("damaged: ") + sqlite3_errmsg(raw)};
  return good != 0 ? Result<void>{} : Error{Errc::unsupported, "an index of artifacts without one"};
}

}  // namespace careen
