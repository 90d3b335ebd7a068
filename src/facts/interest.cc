#include "facts/interest.h"

#include <array>

#include "base/text.h"
#include "formats/language.h"

namespace careen {
namespace {

struct Place {
  std::string_view path;  // of the file, or of the folder when it ends in '/'
  DatabaseKind kind;
};

// The order matters where one path is the start of another.
constexpr std::array<Place, 16> kPlaces{{
    {"var/lib/dpkg/status", DatabaseKind::dpkg_status},
    {"var/lib/dpkg/status.d/", DatabaseKind::dpkg_status_d},
    {"var/lib/dpkg/info/", DatabaseKind::dpkg_list},
    {"var/lib/dpkg/diversions", DatabaseKind::dpkg_diversions},
    {"lib/apk/db/installed", DatabaseKind::apk_installed},
    {"var/lib/rpm/Packages", DatabaseKind::rpm},
    {"var/lib/rpm/Packages.db", DatabaseKind::rpm},
    {"var/lib/rpm/rpmdb.sqlite", DatabaseKind::rpm},
    {"var/lib/rpm/rpmdb.sqlite-wal", DatabaseKind::rpm_wal},
    {"usr/lib/sysimage/rpm/Packages", DatabaseKind::rpm},
    {"usr/lib/sysimage/rpm/Packages.db", DatabaseKind::rpm},
    {"usr/lib/sysimage/rpm/rpmdb.sqlite", DatabaseKind::rpm},
    {"usr/lib/sysimage/rpm/rpmdb.sqlite-wal", DatabaseKind::rpm_wal},
    {"usr/share/rpm/rpmdb.sqlite", DatabaseKind::rpm},
    {"usr/share/rpm/Packages", DatabaseKind::rpm},
    {"var/lib/pacman/local/", DatabaseKind::pacman_desc},
}};

// Where `place` begins in path so that a whole component begins there; npos when it does not fit.
size_t position(std::string_view path, std::string_view place) {
  bool folder = place.ends_with('/');
  size_t at = folder ? path.rfind(place) : (path.ends_with(place) ? path.size() - place.size() : std::string_view::npos);
  if (at == std::string_view::npos || (at != 0 && path[at - 1] != '/')) return std::string_view::npos;
  return at;
}

bool is_merged_apk(std::string_view path, size_t at) {
  return at >= 4 && path.substr(at - 4, 4) == "usr/" && (at == 4 || path[at - 5] == '/');
}

bool starts_with_any(std::string_view path, std::initializer_list<std::string_view> list) {
  for (std::string_view p : list)
    if (path.starts_with(p)) return true;
  return false;
}

}  // namespace

std::optional<DatabaseKind> database_kind(std::string_view path) {
  for (const Place& p : kPlaces) {
    size_t at = position(path, p.path);
    if (at == std::string_view::npos) continue;
    std::string_view rest = path.substr(at + p.path.size());
    switch (p.kind) {
      case DatabaseKind::dpkg_status_d:
        if (rest.empty() || rest.find('/') != std::string_view::npos) return std::nullopt;
        if (rest.ends_with(".md5sums")) return DatabaseKind::dpkg_md5sums;
        if (rest.ends_with(".list")) return DatabaseKind::dpkg_list;
        for (std::string_view other : {".preinst", ".postinst", ".prerm", ".postrm", ".triggers", ".shlibs", ".symbols", ".conffiles"})
          if (rest.ends_with(other)) return std::nullopt;
        return p.kind;
      case DatabaseKind::dpkg_list:
        if (rest.find('/') != std::string_view::npos) return std::nullopt;
        if (rest.ends_with(".list")) return p.kind;
        if (rest.ends_with(".md5sums")) return DatabaseKind::dpkg_md5sums;
        return std::nullopt;
      case DatabaseKind::pacman_desc: {
        std::string_view file = base_name(rest);
        if (std::count(rest.begin(), rest.end(), '/') != 1) return std::nullopt;
        if (file == "desc") return p.kind;
        if (file == "files") return DatabaseKind::pacman_files;
        if (file == "mtree") return DatabaseKind::pacman_mtree;
        return std::nullopt;
      }
      default:
        return p.kind;
    }
  }
  if (auto language = language_file(path))
    return *language == LanguageFile::java            ? DatabaseKind::java_archive
           : *language == LanguageFile::python_record ? DatabaseKind::python_record
                                                      : DatabaseKind::language;
  return std::nullopt;
}

std::string_view database_root(std::string_view path, DatabaseKind kind) {
  for (const Place& p : kPlaces) {
    size_t at = position(path, p.path);
    if (at == std::string_view::npos) continue;
    if (kind == DatabaseKind::apk_installed && is_merged_apk(path, at)) at -= 4;
    return path.substr(0, at);
  }
  return {};
}

bool is_content_manifest(std::string_view path) {
  return path == kContentSets || (dir_name(path) == kContentManifests && path.ends_with(".json"));
}

bool is_stored_by_digest(std::string_view path) {
  constexpr size_t kLeast = 30;
  auto hex = [](std::string_view s) { return !s.empty() && s.find_first_not_of("0123456789abcdef") == std::string_view::npos; };
  std::string_view folder = dir_name(path), name = base_name(path), store = base_name(dir_name(folder));
  for (std::string_view end : {"-exec", ".file"})  // of an executable in pnpm's store, and of any in ostree's
    if (name.ends_with(end)) name.remove_suffix(end.size());
  return name.size() >= kLeast && hex(name) && base_name(folder).size() == 2 && hex(base_name(folder)) && (store == "files" || store == "objects");
}

bool wants_text(std::string_view path, uint32_t mode, Bytes first) {
  std::string_view t = as_text(first);
  std::string_view name = base_name(path);
  if (t.starts_with("#!")) {
    // Scripts that can be followed; of others it is enough to know that they are scripts.
    std::string_view line = t.substr(0, std::min<size_t>(t.find('\n'), 128));
    bool shell = line.find("sh") != std::string_view::npos || line.find("exec") != std::string_view::npos || line.find("contenv") != std::string_view::npos ||
                 line.find("openrc") != std::string_view::npos;
    if (shell && ((mode & 0111) != 0 || path.find('/') == std::string_view::npos || name.ends_with(".sh"))) return true;
  }
  if (name == "os-release" || path == "etc/debian_version" || path == "etc/alpine-release" || path == "etc/lsb-release" || path == "etc/redhat-release" ||
      path == "etc/arch-release" || path == "etc/inittab" || path == "etc/nsswitch.conf" || path == "etc/pam.conf" || path == "etc/supervisord.conf" ||
      path == "etc/crontab" || path == "etc/ld.so.preload" || path == "etc/passwd" || path == "etc/rc.local")
    return true;
  if (is_content_manifest(path)) return true;
  if (path.starts_with("etc/ld.so.conf") || (path.starts_with("etc/ld-musl-") && path.ends_with(".path"))) return true;
  if (path.ends_with(".conf") && path.find("ld.so.conf") != std::string_view::npos) return true;
  if (starts_with_any(path, {"etc/pam.d/", "usr/lib/pam.d/", "usr/share/pam.d/", "etc/init.d/", "etc/supervisor/", "etc/supervisord.d/", "etc/supervisor.d/",
                             "etc/s6-overlay/", "etc/services.d/", "etc/cont-init.d/", "etc/service/", "etc/sv/", "etc/cron.d/", "etc/apt/sources.list",
                             "etc/init/", "etc/conf.d/", "etc/runit/", "etc/my_init.d/"}))
    return true;
  if (path.find("systemd/system/") != std::string_view::npos || path.find("systemd/user/") != std::string_view::npos)
    return path.ends_with(".service") || path.ends_with(".socket") || path.ends_with(".timer") || path.ends_with(".conf") || path.ends_with(".target") ||
           path.ends_with(".path");
  if (starts_with_any(path, {"entrypoint", "docker-entrypoint"}) || name == "Procfile" || path == ".PKGINFO") return true;
  return false;
}

}  // namespace careen
