// A virtual file system of SQLite (sqlite.org/vfs.html) with one read-only file and no other operation.
#include "formats/sqlite_view.h"

#include <algorithm>
#include <cstring>
#include <mutex>

namespace careen {
namespace {

constexpr const char* kVfs = "careen-view";
thread_local const FileView* t_view = nullptr;  // the file that the next open gets; set just around sqlite3_open_v2

struct ViewFile {
  sqlite3_file base;
  const FileView* view;
};

int close_view(sqlite3_file*) {
  return SQLITE_OK;
}
int read_view(sqlite3_file* f, void* into, int n, sqlite3_int64 at) {
  const FileView& v = *reinterpret_cast<ViewFile*>(f)->view;
  auto* out = static_cast<uint8_t*>(into);
  auto want = static_cast<uint64_t>(n);
  uint64_t offset = static_cast<uint64_t>(at);
  uint64_t have = offset >= v.size() ? 0 : std::min(want, v.size() - offset);
  if (have != 0 && !v.read(offset, {out, static_cast<size_t>(have)})) return SQLITE_IOERR_READ;
  if (have == want) return SQLITE_OK;
  std::memset(out + have, 0, static_cast<size_t>(want - have));
  return SQLITE_IOERR_SHORT_READ;
}
int write_view(sqlite3_file*, const void*, int, sqlite3_int64) {
  return SQLITE_READONLY;
}
int truncate_view(sqlite3_file*, sqlite3_int64) {
  return SQLITE_READONLY;
}
int sync_view(sqlite3_file*, int) {
  return SQLITE_OK;
}
int size_view(sqlite3_file* f, sqlite3_int64* size) {
  *size = static_cast<sqlite3_int64>(reinterpret_cast<ViewFile*>(f)->view->size());
  return SQLITE_OK;
}
int lock_view(sqlite3_file*, int) {
  return SQLITE_OK;
}
int check_view(sqlite3_file*, int* out) {
  return *out = 0, SQLITE_OK;
}
int control_view(sqlite3_file*, int, void*) {
  return SQLITE_NOTFOUND;
}
int sector_view(sqlite3_file*) {
  return 512;
}
int traits_view(sqlite3_file*) {
  return SQLITE_IOCAP_IMMUTABLE;
}

const sqlite3_io_methods kMethods{1,         close_view, read_view,  write_view,   truncate_view, sync_view,   size_view,
                                  lock_view, lock_view,  check_view, control_view, sector_view,   traits_view, nullptr,
                                  nullptr,   nullptr,    nullptr,    nullptr,      nullptr};

int open_vfs(sqlite3_vfs*, const char* name, sqlite3_file* file, int flags, int* out) {
  auto* f = reinterpret_cast<ViewFile*>(file);
  f->base.pMethods = nullptr;
  if (t_view == nullptr || name == nullptr || (flags & SQLITE_OPEN_MAIN_DB) == 0) return SQLITE_CANTOPEN;
  f->base.pMethods = &kMethods;
  f->view = t_view;
  if (out != nullptr) *out = SQLITE_OPEN_READONLY;
  return SQLITE_OK;
}
int delete_vfs(sqlite3_vfs*, const char*, int) {
  return SQLITE_READONLY;
}
int access_vfs(sqlite3_vfs*, const char*, int, int* out) {
  return *out = 0, SQLITE_OK;
}
int path_vfs(sqlite3_vfs*, const char* name, int n, char* out) {
  sqlite3_snprintf(n, out, "%s", name);
  return SQLITE_OK;
}
int random_vfs(sqlite3_vfs*, int n, char* out) {
  std::memset(out, 0, static_cast<size_t>(n));
  return n;
}
int sleep_vfs(sqlite3_vfs*, int) {
  return 0;
}
int time_vfs(sqlite3_vfs*, double* out) {
  return *out = 0, SQLITE_OK;
}

void register_vfs() {
  static std::once_flag once;
  std::call_once(once, [] {
    static sqlite3_vfs vfs{};
    vfs.iVersion = 1;
    vfs.szOsFile = sizeof(ViewFile);
    vfs.mxPathname = 64;
    vfs.zName = kVfs;
    vfs.xOpen = open_vfs;
    vfs.xDelete = delete_vfs;
    vfs.xAccess = access_vfs;
    vfs.xFullPathname = path_vfs;
    vfs.xRandomness = random_vfs;
    vfs.xSleep = sleep_vfs;
    vfs.xCurrentTime = time_vfs;
    sqlite3_vfs_register(&vfs, 0);
  });
}

}  // namespace

Result<std::unique_ptr<sqlite3, EndSqlite>> open_sqlite_view(const FileView& file) {
  register_vfs();
  sqlite3* raw = nullptr;
  t_view = &file;
  int rc = sqlite3_open_v2("view", &raw, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, kVfs);
  t_view = nullptr;
  std::unique_ptr<sqlite3, EndSqlite> db(raw);
  if (rc != SQLITE_OK) return Error{Errc::corrupt, std::string("SQLite cannot open it: ") + sqlite3_errstr(rc)};
  sqlite3_db_config(raw, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(raw, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  // A database in WAL mode cannot be read without its shared memory unless it is told to be exclusive.
  sqlite3_exec(raw, "PRAGMA locking_mode=EXCLUSIVE; PRAGMA cache_size=-2048; PRAGMA temp_store=MEMORY;", nullptr, nullptr, nullptr);
  return db;
}

}  // namespace careen
