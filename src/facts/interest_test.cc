#include "facts/interest.h"

#include <gtest/gtest.h>

namespace careen {
namespace {

TEST(DatabaseKind, KnowsEveryDatabaseByItsPath) {
  const std::pair<const char*, DatabaseKind> cases[] = {
      {"var/lib/dpkg/status", DatabaseKind::dpkg_status},
      {"var/lib/dpkg/status.d/base-files", DatabaseKind::dpkg_status_d},
      {"var/lib/dpkg/status.d/YmFzZQ==", DatabaseKind::dpkg_status_d},
      {"var/lib/dpkg/status.d/base.md5sums", DatabaseKind::dpkg_md5sums},
      {"var/lib/dpkg/info/libc6:amd64.list", DatabaseKind::dpkg_list},
      {"var/lib/dpkg/info/libc6:amd64.md5sums", DatabaseKind::dpkg_md5sums},
      {"var/lib/dpkg/diversions", DatabaseKind::dpkg_diversions},
      {"lib/apk/db/installed", DatabaseKind::apk_installed},
      {"usr/lib/apk/db/installed", DatabaseKind::apk_installed},
      {"var/lib/rpm/Packages", DatabaseKind::rpm},
      {"var/lib/rpm/Packages.db", DatabaseKind::rpm},
      {"var/lib/rpm/rpmdb.sqlite", DatabaseKind::rpm},
      {"var/lib/rpm/rpmdb.sqlite-wal", DatabaseKind::rpm_wal},
      {"usr/lib/sysimage/rpm/rpmdb.sqlite", DatabaseKind::rpm},
      {"var/lib/pacman/local/xz-5.6.0-1/desc", DatabaseKind::pacman_desc},
      {"var/lib/pacman/local/xz-5.6.0-1/files", DatabaseKind::pacman_files},
      {"var/lib/pacman/local/xz-5.6.0-1/mtree", DatabaseKind::pacman_mtree},
      {"opt/chroot/var/lib/dpkg/status", DatabaseKind::dpkg_status},
      {"srv/alpine/lib/apk/db/installed", DatabaseKind::apk_installed},
  };
  for (const auto& [path, kind] : cases) {
    auto found = database_kind(path);
    ASSERT_TRUE(found) << path;
    EXPECT_EQ(static_cast<int>(*found), static_cast<int>(kind)) << path;
  }
}

TEST(DatabaseKind, LooksLikeOneAndIsNone) {
  for (const char* path : {"", "status", "var/lib/dpkg/status-old", "var/lib/dpkg/info/x.postinst", "var/lib/dpkg/info/a/b.list", "xvar/lib/dpkg/status",
                           "var/lib/dpkg/status.d/", "var/lib/dpkg/status.d/x.preinst", "var/lib/dpkg/status.d/a/b", "var/lib/pacman/local/x/install",
                           "var/lib/pacman/local/desc", "var/lib/rpm/Packages.lock", "lib/apk/db/installed.new", "mylib/apk/db/installed"})
    EXPECT_FALSE(database_kind(path)) << path;
}

TEST(DatabaseRoot, IsWhatStandsBeforeTheDatabase) {
  EXPECT_EQ(database_root("var/lib/dpkg/status", DatabaseKind::dpkg_status), "");
  EXPECT_EQ(database_root("opt/chroot/var/lib/dpkg/status", DatabaseKind::dpkg_status), "opt/chroot/");
  EXPECT_EQ(database_root("a/var/lib/dpkg/b/var/lib/dpkg/info/x.list", DatabaseKind::dpkg_list), "a/var/lib/dpkg/b/");
  EXPECT_EQ(database_root("lib/apk/db/installed", DatabaseKind::apk_installed), "");
  EXPECT_EQ(database_root("usr/lib/apk/db/installed", DatabaseKind::apk_installed), "");
  EXPECT_EQ(database_root("srv/r/usr/lib/apk/db/installed", DatabaseKind::apk_installed), "srv/r/");
  EXPECT_EQ(database_root("busr/lib/apk/db/installed", DatabaseKind::apk_installed), "busr/");
}

bool wants(std::string_view path, std::string_view first = "", uint32_t mode = 0644) {
  return wants_text(path, mode, as_bytes(first));
}

TEST(WantsText, ScriptsThatCanBeFollowed) {
  EXPECT_TRUE(wants("usr/local/bin/run", "#!/bin/sh\n", 0755));
  EXPECT_TRUE(wants("usr/local/bin/run", "#!/usr/bin/env bash\n", 0755));
  EXPECT_TRUE(wants("usr/local/bin/run", "#!/usr/bin/env -S bash -eu\n", 0755));
  EXPECT_TRUE(wants("opt/x/start", "#!/command/with-contenv bash\n", 0755));
  EXPECT_TRUE(wants("opt/x/start", "#!/command/execlineb -P\n", 0755));
  EXPECT_TRUE(wants("opt/x/start.sh", "#!/bin/sh\n", 0644));
  EXPECT_TRUE(wants("start", "#!/bin/sh\n", 0644));
  EXPECT_FALSE(wants("opt/x/start", "#!/bin/sh\n", 0644));
  EXPECT_FALSE(wants("usr/bin/tool", "#!/usr/bin/perl\n", 0755));
  EXPECT_FALSE(wants("usr/bin/tool",
                     "\x7f"
                     "ELF sh",
                     0755));
}

TEST(WantsText, ConfigurationThatSaysWhatStarts) {
  for (const char* path : {"etc/os-release",
                           "usr/lib/os-release",
                           "etc/debian_version",
                           "etc/ld.so.conf",
                           "etc/ld.so.conf.d/x.conf",
                           "etc/ld-musl-x86_64.path",
                           "etc/ld.so.preload",
                           "etc/pam.d/sshd",
                           "usr/lib/pam.d/sshd",
                           "etc/nsswitch.conf",
                           "etc/init.d/ssh",
                           "etc/inittab",
                           "etc/supervisor/conf.d/app.conf",
                           "etc/supervisord.conf",
                           "etc/services.d/app/run",
                           "etc/s6-overlay/s6-rc.d/app/run",
                           "etc/service/app/run",
                           "etc/systemd/system/x.service",
                           "usr/lib/systemd/system/ssh.socket",
                           "lib/systemd/system/ssh.service.d/override.conf",
                           "etc/apt/sources.list.d/debian.sources",
                           "srv/app/Procfile",
                           "entrypoint.txt"})
    EXPECT_TRUE(wants(path)) << path;
  for (const char* path : {"etc/hosts", "usr/share/doc/os-release.txt", "etc/shadow", "usr/lib/systemd/system/README", "home/etc/init.d/x", "etc/pam.d"})
    EXPECT_FALSE(wants(path)) << path;
}

}  // namespace
}  // namespace careen
