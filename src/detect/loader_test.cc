// Libraries found as ld.so(8) and musl find them; each test names the file that must win.
#include "detect/loader.h"

#include <gmock/gmock.h>

#include "../../tests/support/image_text.h"

namespace careen {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::Not;
using Words = std::vector<std::string>;

// Path of what `program` loads under `name`; "" for nothing.
std::string found(const std::string& text, const std::string& name = "libx.so.1", const Words& env = {}, const std::string& program = "usr/bin/p") {
  ImageFacts f = test::facts_of_text(text);
  Loader loader(f, env);
  NodeId node = f.tree.find(program);
  const ElfFacts* e = f.elf(node);
  if (e == nullptr) return "no program";
  NodeId id = loader.resolve(name, *e, node, e, node);
  return id == kNoNode ? "" : f.tree.path(id);
}

Words closure(const std::string& text, bool dlopens, const std::string& program = "usr/bin/p", const Words& env = {}) {
  ImageFacts f = test::facts_of_text(text);
  Words out;
  for (const auto& l : Loader(f, env).closure(f.tree.find(program), dlopens)) out.push_back((l.possible ? "?" : "") + f.tree.path(l.node));
  return out;
}

TEST(Loader, TheDefaultFoldersOfGlibc) {
  EXPECT_EQ(found("elf /usr/bin/p program\nelf /lib/libx.so.1\nelf /usr/lib/libx.so.1"), "lib/libx.so.1");
  EXPECT_EQ(found("elf /usr/bin/p program\nelf /usr/lib64/libx.so.1"), "usr/lib64/libx.so.1");
  EXPECT_EQ(found("elf /usr/bin/p program\nelf /usr/lib/x86_64-linux-gnu/libx.so.1\nelf /usr/lib/libx.so.1"), "usr/lib/x86_64-linux-gnu/libx.so.1");
  EXPECT_EQ(found("elf /usr/bin/p program\nelf /opt/libx.so.1"), "");
  EXPECT_EQ(found("elf /usr/bin/p program machine=183\nelf /usr/lib/aarch64-linux-gnu/libx.so.1 machine=183"), "usr/lib/aarch64-linux-gnu/libx.so.1");
}

TEST(Loader, RpathRunpathAndTheEnvironmentInTheirOrder) {
  std::string libs = "elf /r/libx.so.1\nelf /e/libx.so.1\nelf /usr/lib/libx.so.1\n";
  Words env{"LD_LIBRARY_PATH=/none::/e"};
  EXPECT_EQ(found(libs + "elf /usr/bin/p program rpath=/r", "libx.so.1", env), "r/libx.so.1");
  EXPECT_EQ(found(libs + "elf /usr/bin/p program runpath=/r", "libx.so.1", env), "e/libx.so.1");
  EXPECT_EQ(found(libs + "elf /usr/bin/p program runpath=/r"), "r/libx.so.1");
  EXPECT_EQ(found(libs + "elf /usr/bin/p program rpath=/r runpath=/none"), "usr/lib/libx.so.1");
  EXPECT_EQ(found(libs + "elf /usr/bin/p program rpath=/none:/r"), "r/libx.so.1");
  EXPECT_EQ(found(libs + "elf /usr/bin/p program", "libx.so.1", {"LD_LIBRARY_PATH="}), "usr/lib/libx.so.1");
}

TEST(Loader, OriginIsTheFolderOfTheFileItself) {
  std::string lib = "elf /opt/app/lib/libx.so.1\n";
  EXPECT_EQ(found(lib + "elf /opt/app/bin/p program runpath=$ORIGIN/../lib", "libx.so.1", {}, "opt/app/bin/p"), "opt/app/lib/libx.so.1");
  EXPECT_EQ(found(lib + "elf /opt/app/bin/p program rpath=${ORIGIN}/../lib", "libx.so.1", {}, "opt/app/bin/p"), "opt/app/lib/libx.so.1");
  EXPECT_EQ(found(lib + "elf /opt/app/bin/p program rpath=$ORIGIN/../lib\nlink /usr/bin/p -> /opt/app/bin/p"), "opt/app/lib/libx.so.1");
  EXPECT_EQ(found("elf /opt/lib64/libx.so.1\nelf /usr/bin/p program runpath=/opt/$LIB"), "opt/lib64/libx.so.1");
}

TEST(Loader, ALibrarysRunpathIsItsOwnAndTheProgramsRpathIsShared) {
  std::string text = "elf /usr/bin/p program needed=liba.so runpath=/own\nelf /own/liba.so needed=libb.so\nelf /own/libb.so\n";
  EXPECT_THAT(closure(text, false), ElementsAre("usr/bin/p", "own/liba.so"));
  text = "elf /usr/bin/p program needed=liba.so rpath=/own\nelf /own/liba.so needed=libb.so\nelf /own/libb.so\n";
  EXPECT_THAT(closure(text, false), ElementsAre("usr/bin/p", "own/liba.so", "own/libb.so"));
}

TEST(Loader, LdSoConfWithIncludesInTheOrderOfNames) {
  std::string text =
      "elf /usr/bin/p program\nelf /one/libx.so.1\nelf /two/libx.so.1\nelf /usr/lib/libx.so.1\nfile /etc/ld.so.conf \"# c\\ninclude ld.so.conf.d/*.conf\\n\"\n";
  EXPECT_EQ(found(text + "file /etc/ld.so.conf.d/b.conf \"/one\\n\"\nfile /etc/ld.so.conf.d/a.conf \"/two # comment\\n\"\n"), "two/libx.so.1");
  EXPECT_EQ(found(text + "file /etc/ld.so.conf.d/a.txt \"/two\\n\"\n"), "usr/lib/libx.so.1");
  EXPECT_EQ(found(text), "usr/lib/libx.so.1");
}

TEST(Loader, IncludesThatIncludeThemselvesEnd) {
  EXPECT_EQ(found("elf /usr/bin/p program\nelf /one/libx.so.1\nfile /etc/ld.so.conf \"include /etc/ld.so.conf\\ninclude /etc/ld.so.conf\\n/one\\n\"\n"),
            "one/libx.so.1");
}

TEST(Loader, FoldersOfHardwareCapabilitiesComeFirst) {
  EXPECT_EQ(
      found("elf /usr/bin/p program\nelf /usr/lib/libx.so.1\nelf /usr/lib/glibc-hwcaps/x86-64-v2/libx.so.1\nelf /usr/lib/glibc-hwcaps/x86-64-v3/libx.so.1"),
      "usr/lib/glibc-hwcaps/x86-64-v3/libx.so.1");
}

TEST(Loader, WhatDoesNotFitIsPassedOver) {
  EXPECT_EQ(found("elf /usr/bin/p program\nelf /lib/libx.so.1 machine=183\nelf /usr/lib/libx.so.1"), "usr/lib/libx.so.1");
  EXPECT_EQ(found("elf /usr/bin/p program\nelf /lib/libx.so.1 machine=3 class=32\nelf /usr/lib/libx.so.1"), "usr/lib/libx.so.1");
  EXPECT_EQ(found("elf /usr/bin/p program\nfile /lib/libx.so.1 \"INPUT(x)\"\nelf /usr/lib/libx.so.1"), "usr/lib/libx.so.1");
  EXPECT_EQ(found("elf /usr/bin/p program\nlink /lib/libx.so.1 -> gone\nelf /usr/lib/libx.so.1"), "usr/lib/libx.so.1");
  EXPECT_EQ(
      found("elf /usr/bin/p program machine=3 class=32\nelf /usr/lib64/libx.so.1 machine=3 class=32\nelf /usr/lib/i386-linux-gnu/libx.so.1 machine=3 class=32"),
      "usr/lib/i386-linux-gnu/libx.so.1");
}

TEST(Loader, NamesWithASlashArePaths) {
  EXPECT_EQ(found("elf /usr/bin/p program\nelf /opt/libx.so.1", "/opt/libx.so.1"), "opt/libx.so.1");
  EXPECT_EQ(found("elf /usr/bin/p program\nelf /usr/lib/libx.so.1", "/opt/libx.so.1"), "");
}

TEST(Loader, LinksAndHardLinksAreLibrariesToo) {
  EXPECT_EQ(found("elf /usr/bin/p program\nelf /usr/lib/libx.so.1.2.3\nlink /usr/lib/libx.so.1 -> libx.so.1.2.3"), "usr/lib/libx.so.1.2.3");
  EXPECT_EQ(found("elf /usr/bin/p program\nelf /usr/lib/libx.so.1.2.3\nhard /usr/lib/libx.so.1 -> /usr/lib/libx.so.1.2.3"), "usr/lib/libx.so.1");
}

const char* const kMusl = "elf /usr/bin/p interp=/lib/ld-musl-x86_64.so.1 ";

TEST(Loader, MuslHasFoldersOfItsOwn) {
  std::string p = std::string(kMusl) + "\n";
  EXPECT_EQ(found(p + "elf /usr/local/lib/libx.so.1\nelf /usr/lib/libx.so.1"), "usr/local/lib/libx.so.1");
  EXPECT_EQ(found(p + "elf /usr/lib/x86_64-linux-gnu/libx.so.1"), "");
  std::string conf = "elf /m/libx.so.1\nelf /usr/lib/libx.so.1\n";
  EXPECT_EQ(found(p + conf + "file /etc/ld-musl-x86_64.path \"/none:/m\\n/usr/lib\\n\""), "m/libx.so.1");
  EXPECT_EQ(found(p + conf + "file /etc/ld.so.conf \"/m\\n\""), "usr/lib/libx.so.1");
}

TEST(Loader, MuslAsksTheEnvironmentBeforeAnyRpath) {
  EXPECT_EQ(found(std::string(kMusl) + "rpath=/r\nelf /r/libx.so.1\nelf /e/libx.so.1", "libx.so.1", {"LD_LIBRARY_PATH=/e"}), "e/libx.so.1");
}

TEST(Loader, TheClosureIsInTheOrderOfLoadingAndEndsInCircles) {
  std::string text =
      "elf /usr/bin/p program needed=liba.so,libb.so,gone.so\nelf /usr/lib/liba.so needed=libc.so\nelf /usr/lib/libb.so needed=liba.so\nelf /usr/lib/libc.so "
      "needed=libb.so\n";
  EXPECT_THAT(closure(text, false), ElementsAre("usr/bin/p", "usr/lib/liba.so", "usr/lib/libb.so", "usr/lib/libc.so"));
  EXPECT_THAT(closure(text, false, "usr/bin/none"), ElementsAre());
}

TEST(Loader, PreloadedLibrariesAreLoaded) {
  EXPECT_THAT(closure("elf /usr/bin/p program\nelf /opt/hook.so\nfile /etc/ld.so.preload \"/opt/hook.so\\n\"", false), Contains("opt/hook.so"));
}

TEST(Loader, PreloadedLibrariesOfTheEnvironment) {
  std::string text = "elf /usr/bin/p program\nelf /opt/a.so\nelf /opt/b.so\nelf /usr/lib/bare.so\n";
  EXPECT_THAT(closure(text, false, "usr/bin/p", {"LD_PRELOAD=/opt/a.so:/opt/b.so"}), testing::IsSupersetOf({"opt/a.so", "opt/b.so"}));
  EXPECT_THAT(closure(text, false, "usr/bin/p", {"LD_PRELOAD=/opt/a.so /opt/b.so"}), testing::IsSupersetOf({"opt/a.so", "opt/b.so"}));
  EXPECT_THAT(closure(text, false, "usr/bin/p", {"LD_PRELOAD=bare.so"}), Contains("usr/lib/bare.so"));
  EXPECT_THAT(closure(text, false, "usr/bin/p", {"LD_AUDIT=/opt/b.so"}), Contains("opt/b.so"));
  EXPECT_THAT(closure(text, false, "usr/bin/p", {"LD_PRELOAD=", "LD_PRELOADED=/opt/a.so", "XLD_PRELOAD=/opt/a.so"}), ElementsAre("usr/bin/p"));
}

TEST(Loader, PreloadedLibrariesOfTheFileInAnyForm) {
  std::string text = "elf /usr/bin/p program\nelf /opt/a.so needed=libdeep.so\nelf /usr/lib/bare.so\nelf /usr/lib/libdeep.so\n";
  for (const char* list : {"/opt/a.so:bare.so", "bare.so /opt/a.so", "/none.so\\tbare.so\\n:/opt/a.so\\n", ":bare.so::/opt/a.so:"})
    EXPECT_THAT(closure(text + "file /etc/ld.so.preload \"" + list + "\"\n", false),
                testing::IsSupersetOf({"opt/a.so", "usr/lib/bare.so", "usr/lib/libdeep.so"}))
        << list;
}

TEST(Loader, TheInterpreterIsLoadedAsWell) {
  EXPECT_THAT(closure("elf /usr/bin/p interp=/opt/ld.so\nelf /opt/ld.so\n", false), Contains("opt/ld.so"));
  EXPECT_THAT(closure("elf /usr/bin/p interp=/opt/ld.so\nlink /opt/ld.so -> real.so\nelf /opt/real.so\n", false), Contains("opt/real.so"));
}

TEST(Loader, SemicolonsDivideTheEnvironmentsFoldersToo) {
  EXPECT_EQ(found("elf /usr/bin/p program\nelf /e/libx.so.1\nelf /usr/lib/libx.so.1", "libx.so.1", {"LD_LIBRARY_PATH=/none;/e"}), "e/libx.so.1");
  EXPECT_EQ(found("elf /usr/bin/p program\nelf /e/libx.so.1\nelf /f/libx.so.1", "libx.so.1", {"LD_LIBRARY_PATH=/f;/e"}), "f/libx.so.1");
}

TEST(Loader, TheRpathOfWhoAskedForTheAskerCounts) {
  std::string text = "elf /usr/bin/p program needed=liba.so\nelf /usr/lib/libb.so needed=libx.so.1\nelf /odd/libx.so.1\nelf /usr/lib/libx.so.1\n";
  EXPECT_THAT(closure(text + "elf /usr/lib/liba.so needed=libb.so rpath=/odd\n", false), Contains("odd/libx.so.1"));
  EXPECT_THAT(closure(text + "elf /usr/lib/liba.so needed=libb.so runpath=/odd\n", false), Contains("usr/lib/libx.so.1")) << "a RUNPATH is its own";
  EXPECT_THAT(closure(text + "elf /usr/lib/liba.so needed=libb.so rpath=/odd runpath=/none\n", false), Contains("usr/lib/libx.so.1"));
}

TEST(Loader, WhatLibMeansIsTriedInEachWay) {
  for (const char* dir : {"/opt/lib/x86_64-linux-gnu", "/opt/lib64", "/opt/lib"})
    EXPECT_EQ(found("elf /usr/bin/p program runpath=/opt/$LIB\nelf " + std::string(dir) + "/libx.so.1\n"), std::string(dir + 1) + "/libx.so.1");
}

TEST(Loader, WhichCopyForProcessorsIsLoadedDependsOnTheMachine) {
  std::string text =
      "elf /usr/bin/p program needed=libx.so.1\nelf /usr/lib/libx.so.1\nelf /usr/lib/glibc-hwcaps/x86-64-v4/libx.so.1\nelf "
      "/usr/lib/glibc-hwcaps/x86-64-v2/libx.so.1\n";
  Words all = closure(text, false);
  for (const char* path : {"usr/lib/libx.so.1", "usr/lib/glibc-hwcaps/x86-64-v4/libx.so.1", "usr/lib/glibc-hwcaps/x86-64-v2/libx.so.1"})
    EXPECT_THAT(all, Contains(testing::EndsWith(path)));
}

Words gaps(const std::string& text) {
  ImageFacts f = test::facts_of_text(text);
  return Loader(f, {}).gaps();
}

TEST(Loader, ConfigurationThatWasNotReadIsTold) {
  using testing::HasSubstr;
  using testing::IsEmpty;
  EXPECT_THAT(gaps("file /etc/ld.so.conf \"include /etc/ld.so.conf.d/*.conf\\n\"\nfile /etc/ld.so.conf.d/a.conf \"/odd\\n\"\n"), IsEmpty());
  EXPECT_THAT(gaps("elf /usr/bin/p program\n"), IsEmpty());
  EXPECT_THAT(gaps("link /etc/ld.so.conf -> /opt/folders\nfile /opt/folders \"/odd\\n\"\n"), ElementsAre(HasSubstr("/etc/ld.so.conf")));
  EXPECT_THAT(gaps("file /etc/ld.so.conf \"#" + std::string(70'000, 'x') + "\\n\"\n"), ElementsAre(HasSubstr("/etc/ld.so.conf")));
  EXPECT_THAT(gaps("file /etc/ld.so.preload \"#" + std::string(70'000, 'x') + "\\n\"\n"), ElementsAre(HasSubstr("/etc/ld.so.preload")));
  EXPECT_THAT(gaps("file /etc/ld.so.conf \"include /opt/a\\n\"\nfile /opt/a \"/odd\\n\"\n"), ElementsAre(HasSubstr("opt/a")));
}

TEST(Loader, LibrariesOpenedByNameArePossible) {
  std::string text =
      "elf /usr/bin/p program imports=dlopen strings=libplug.so.1,/opt/other.so needed=libd.so\nelf /usr/lib/libplug.so.1 needed=libdeep.so\nelf "
      "/opt/other.so\n"
      "elf /usr/lib/libdeep.so\nelf /usr/lib/libd.so dlopen=[{\"soname\":[\"libnote.so.1\",\"libz.so.9\"]}]\nelf /usr/lib/libnote.so.1\n";
  EXPECT_THAT(closure(text, false), ElementsAre("usr/bin/p", "usr/lib/libd.so"));
  EXPECT_THAT(closure(text, true), testing::UnorderedElementsAre("usr/bin/p", "usr/lib/libd.so", "?usr/lib/libplug.so.1", "?opt/other.so",
                                                                 "?usr/lib/libdeep.so", "?usr/lib/libnote.so.1"));
}

const char* const kPam =
    "elf /usr/sbin/sshd program needed=libpam.so.0\nelf /usr/lib/x86_64-linux-gnu/libpam.so.0 soname=libpam.so.0\n"
    "elf /usr/lib/x86_64-linux-gnu/security/pam_unix.so needed=libcrypt.so.1\nelf /usr/lib/x86_64-linux-gnu/libcrypt.so.1\n"
    "elf /usr/lib/x86_64-linux-gnu/security/pam_other.so\n";

TEST(Loader, PamModulesOfTheProgramsOwnConfiguration) {
  EXPECT_THAT(closure(std::string(kPam) + "file /etc/pam.d/sshd \"# pam_other.so\\n@include common-auth\\n\"\nfile /etc/pam.d/common-auth \"auth [success=1 "
                                          "default=ignore] pam_unix.so nullok\\n\"",
                      false, "usr/sbin/sshd"),
              ElementsAre("usr/sbin/sshd", "usr/lib/x86_64-linux-gnu/libpam.so.0", "usr/lib/x86_64-linux-gnu/security/pam_unix.so",
                          "usr/lib/x86_64-linux-gnu/libcrypt.so.1"));
  EXPECT_THAT(
      closure(std::string(kPam) +
                  "file /etc/pam.d/sshd \"auth include system\\n-session optional pam_other.so\\n\"\nfile /etc/pam.d/system \"auth required pam_unix.so\\n\"",
              false, "usr/sbin/sshd"),
      testing::IsSupersetOf({"usr/lib/x86_64-linux-gnu/security/pam_unix.so", "usr/lib/x86_64-linux-gnu/security/pam_other.so"}));
  EXPECT_THAT(closure(std::string(kPam) + "file /etc/pam.d/cron \"auth required pam_unix.so\\n\"", false, "usr/sbin/sshd"),
              Not(Contains(testing::HasSubstr("pam_unix"))));
}

TEST(Loader, PamConfigurationOfTheVendorCountsWhereThereIsNoOther) {
  EXPECT_THAT(closure(std::string(kPam) + "file /usr/lib/pam.d/sshd \"auth required pam_unix.so\\n\"", false, "usr/sbin/sshd"),
              Contains(testing::HasSubstr("pam_unix")));
}

TEST(Loader, ServicesOfTheNameSwitch) {
  std::string text =
      "elf /usr/bin/p program needed=libc.so.6\nelf /usr/lib/libc.so.6 soname=libc.so.6\nelf /usr/lib/libnss_sss.so.2\nelf /usr/lib/libnss_db.so.2\n"
      "file /etc/nsswitch.conf \"# group: db\\npasswd: files [NOTFOUND=return] sss\\n\"\n";
  EXPECT_THAT(closure(text, false), ElementsAre("usr/bin/p", "usr/lib/libc.so.6", "usr/lib/libnss_sss.so.2"));
}

TEST(Loader, HostileNamesEnd) {
  EXPECT_EQ(found("elf /usr/bin/p program runpath=$ORIGIN$ORIGIN$ORIGIN:/../../..:::$LIB", "libx.so.1"), "");
  EXPECT_EQ(found("elf /$ORIGIN/p program runpath=$ORIGIN/x", "libx.so.1", {}, "$ORIGIN/p"), "");
  EXPECT_EQ(found("elf /usr/bin/p program", ""), "");
  EXPECT_EQ(found("elf /usr/bin/p program", "../../etc/passwd"), "");
}

}  // namespace
}  // namespace careen
