// "Dormant" is a promise: nothing in the image runs the file. Each row below is an image that starts sshd, or loads the infected
// library, in a way that is easy to overlook; reachable or unknown will do, dormant will not. The controls at the end are dormant.
#include <gmock/gmock.h>

#include <algorithm>
#include <functional>

#include "../../tests/support/detect_text.h"
#include "detect/reach.h"

namespace careen {
namespace {

using test::DetectText;
using testing::Contains;
using testing::HasSubstr;
using Words = std::vector<std::string>;

// The bytes that the threat is known by, under whatever name.
const char* const kInfected = "soname=liblzma.so.5 strings=infected";

std::string infected(const std::string& path) {
  return "elf " + path + " " + kInfected + "\n";
}

// Shells, tools and daemons that start nothing by themselves.
std::string tools() {
  std::string out =
      "elf /bin/dash program\nlink /bin/sh -> dash\nelf /bin/bash program\nelf /usr/bin/app program\nelf /lib64/ld-linux-x86-64.so.2 "
      "soname=ld-linux-x86-64.so.2\n";
  for (const char* name :
       {"/usr/bin/env",  "/bin/su",        "/sbin/runuser",   "/usr/bin/taskset", "/usr/bin/find",   "/usr/bin/xargs",       "/bin/busybox",
        "/bin/cat",      "/bin/true",      "/usr/sbin/nginx", "/usr/sbin/cron",   "/usr/sbin/crond", "/usr/bin/supervisord", "/usr/bin/tini",
        "/usr/bin/tail", "/usr/bin/watch", "/usr/bin/script", "/usr/bin/strace",  "/usr/bin/flock",  "/usr/bin/nsenter",     "/usr/bin/sudo"})
    out += "elf " + std::string(name) + " program\n";
  return out;
}

// sshd and the infected library that it loads.
std::string ssh(const std::string& library = "/usr/lib/x86_64-linux-gnu/liblzma.so.5") {
  return "elf /usr/sbin/sshd program needed=libsystemd.so.0\nelf /usr/lib/x86_64-linux-gnu/libsystemd.so.0 soname=libsystemd.so.0 needed=liblzma.so.5\n" +
         (library.empty() ? "" : infected(library));
}

struct Row {
  std::string name, image;
  Words command = {"/usr/bin/app"};
  Words environment = {}, healthcheck = {};
  bool rootfs = false;
};

Threat threat(const Words& programs) {
  test::ElfSpec s;
  s.soname = "liblzma.so.5";
  s.strings = {"infected"};
  Threat t = test::file_threat(test::make_elf(s));
  t.conditions.programs = programs;
  return t;
}

// The states of all findings of a row, and their reasons.
std::vector<Reachability> states(const Row& row, const std::string& base, const Words& programs) {
  DetectText d(base + row.image, {threat(programs)});
  d.config.command = row.command;
  d.config.environment = row.environment;
  d.config.healthcheck = row.healthcheck;
  d.input().is_rootfs = row.rootfs;
  std::vector<Reachability> out;
  for (const Finding& f : d.run().findings)
    if (f.threat == "T-1") out.push_back(f.reachability);
  return out;
}

std::string text(const Reachability& r) {
  return std::string(to_text(r.state)) + "\n  " + join(r.because, "\n  ");
}

void expect_no_dormant(const Row& row, const std::string& base, const Words& programs) {
  auto all = states(row, base, programs);
  EXPECT_FALSE(all.empty()) << escape(row.name) << ": the infected file is not found";
  for (const Reachability& r : all) EXPECT_NE(r.state, ReachState::dormant) << escape(row.name) << ": " << text(r);
}

// sshd is started: the library acts in it, for a threat that names sshd and for one that names no program.
void expect_started(const std::vector<Row>& rows, const std::string& library = "/usr/lib/x86_64-linux-gnu/liblzma.so.5") {
  for (const Row& row : rows)
    for (const Words& programs : {Words{"usr/sbin/sshd"}, Words{}}) expect_no_dormant(row, tools() + ssh(library), programs);
}

void expect_loaded(const std::vector<Row>& rows) {
  for (const Row& row : rows) expect_no_dormant(row, tools(), {});
}

std::string script(const std::string& path, const std::string& body, const std::string& interpreter = "/bin/bash") {
  std::string out = "file " + path + " 0755 |\n  #!" + interpreter + "\n";
  for (std::string_view line : split(body, '\n')) out += "  " + std::string(line) + "\n";
  return out;
}

std::string plain(const std::string& path, const std::string& body) {
  std::string out = "file " + path + " |\n";
  for (std::string_view line : split(body, '\n')) out += "  " + std::string(line) + "\n";
  return out;
}

TEST(NeverDormant, WhatTheEnvironmentPutsIntoEveryProgram) {
  std::string hook = infected("/opt/hook.so"), bare = infected("/usr/lib/x86_64-linux-gnu/hook.so");
  expect_loaded({
      {"LD_PRELOAD of a path", hook, {"/usr/bin/app"}, {"LD_PRELOAD=/opt/hook.so"}},
      {"LD_PRELOAD behind a colon", hook, {"/usr/bin/app"}, {"LD_PRELOAD=/opt/none.so:/opt/hook.so"}},
      {"LD_PRELOAD behind a space", hook, {"/usr/bin/app"}, {"LD_PRELOAD=/opt/none.so /opt/hook.so"}},
      {"LD_PRELOAD of a bare name", bare, {"/usr/bin/app"}, {"LD_PRELOAD=hook.so"}},
      {"LD_PRELOAD of a bare name by LD_LIBRARY_PATH", hook, {"/usr/bin/app"}, {"LD_PRELOAD=hook.so", "LD_LIBRARY_PATH=/opt"}},
      {"LD_PRELOAD with $LIB", infected("/opt/lib/x86_64-linux-gnu/hook.so"), {"/usr/bin/app"}, {"LD_PRELOAD=/opt/$LIB/hook.so"}},
      {"LD_PRELOAD through a link", hook + "link /opt/other.so -> hook.so\n", {"/usr/bin/app"}, {"LD_PRELOAD=/opt/other.so"}},
      {"LD_AUDIT", hook, {"/usr/bin/app"}, {"LD_AUDIT=/opt/hook.so"}},
      {"LD_AUDIT of two", hook, {"/usr/bin/app"}, {"LD_AUDIT=/opt/none.so:/opt/hook.so"}},
      {"the program of the health check is preloaded too", hook, {}, {"LD_PRELOAD=/opt/hook.so"}, {"CMD", "/usr/bin/app"}},
  });
}

TEST(NeverDormant, WhatTheSystemPutsIntoEveryProgram) {
  std::string hook = infected("/opt/hook.so"), bare = infected("/usr/lib/x86_64-linux-gnu/hook.so");
  expect_loaded({
      {"ld.so.preload", hook + plain("/etc/ld.so.preload", "/opt/hook.so")},
      {"ld.so.preload with colons", hook + plain("/etc/ld.so.preload", "/opt/none.so:/opt/hook.so")},
      {"ld.so.preload with spaces and tabs", hook + "file /etc/ld.so.preload \"/opt/none.so \\t/opt/hook.so\"\n"},
      {"ld.so.preload with a bare name", bare + plain("/etc/ld.so.preload", "hook.so")},
      {"ld.so.preload with two bare names", bare + plain("/etc/ld.so.preload", "none.so:hook.so")},
      {"ld.so.preload that is a link", hook + "link /etc/ld.so.preload -> /opt/list\n" + plain("/opt/list", "/opt/hook.so")},
      {"ld.so.preload that is larger than is kept", hook + plain("/etc/ld.so.preload", "/opt/none.so " + std::string(70'000, ' ') + "/opt/hook.so")},
  });
}

TEST(NeverDormant, WhereAProgramFindsItsLibraries) {
  std::string needs = "elf /usr/bin/app program needed=liblzma.so.5\n", clean = "elf /usr/lib/x86_64-linux-gnu/liblzma.so.5 soname=liblzma.so.5\n";
  std::string odd = infected("/opt/odd/liblzma.so.5");
  expect_loaded({
      {"LD_LIBRARY_PATH with semicolons", needs + clean + odd, {"/usr/bin/app"}, {"LD_LIBRARY_PATH=/none;/opt/odd"}},
      {"LD_LIBRARY_PATH with both separators", needs + clean + odd, {"/usr/bin/app"}, {"LD_LIBRARY_PATH=/none:/other;/opt/odd"}},
      {"a clean copy for newer processors",
       needs + infected("/usr/lib/x86_64-linux-gnu/liblzma.so.5") + "elf /usr/lib/x86_64-linux-gnu/glibc-hwcaps/x86-64-v4/liblzma.so.5 soname=liblzma.so.5\n"},
      {"an infected copy for newer processors", needs + clean + infected("/usr/lib/x86_64-linux-gnu/glibc-hwcaps/x86-64-v3/liblzma.so.5")},
      {"infected for v2, clean for v4 and for all", needs + clean + infected("/usr/lib/x86_64-linux-gnu/glibc-hwcaps/x86-64-v2/liblzma.so.5") +
                                                        "elf /usr/lib/x86_64-linux-gnu/glibc-hwcaps/x86-64-v4/liblzma.so.5 soname=liblzma.so.5\n"},
      {"DT_RPATH of who asked for the asker",
       "elf /usr/bin/app program needed=liba.so\nelf /usr/lib/liba.so needed=libb.so rpath=/opt/odd\nelf /usr/lib/libb.so "
       "needed=liblzma.so.5\n" +
           clean + odd},
      {"DT_RPATH three steps above",
       "elf /usr/bin/app program needed=liba.so\nelf /usr/lib/liba.so needed=libb.so rpath=/opt/odd\nelf /usr/lib/libb.so "
       "needed=libc.so\nelf /usr/lib/libc.so needed=liblzma.so.5\n" +
           clean + odd},
      {"$LIB by its name in Debian",
       "elf /usr/bin/app program needed=liblzma.so.5 runpath=/opt/$LIB\n" + clean + infected("/opt/lib/x86_64-linux-gnu/liblzma.so.5")},
      {"${LIB} in braces", "elf /usr/bin/app program needed=liblzma.so.5 rpath=/opt/${LIB}\n" + clean + infected("/opt/lib/x86_64-linux-gnu/liblzma.so.5")},
      {"$LIB is lib64", "elf /usr/bin/app program needed=liblzma.so.5 runpath=/opt/$LIB\n" + clean + infected("/opt/lib64/liblzma.so.5")},
      {"asked for, in a folder that is not known to be searched", needs + odd},
      {"asked for by a library, in a folder that is not known to be searched",
       "elf /usr/bin/app program needed=liba.so\nelf /usr/lib/liba.so needed=liblzma.so.5\n" + odd},
      {"ld.so.conf that is a link to what is not kept", needs + clean + odd + "link /etc/ld.so.conf -> /opt/folders\n" + plain("/opt/folders", "/opt/odd")},
      {"a link that ld.so.conf includes", needs + clean + odd + plain("/etc/ld.so.conf", "include /etc/ld.so.conf.d/*.conf") +
                                              "link /etc/ld.so.conf.d/a.conf -> /opt/folders\n" + plain("/opt/folders", "/opt/odd")},
      {"ld.so.conf larger than is kept", needs + clean + odd + plain("/etc/ld.so.conf", "#" + std::string(70'000, 'x') + "\n/opt/odd")},
      {"ld.so.conf that includes a file elsewhere", needs + clean + odd + plain("/etc/ld.so.conf", "include /opt/folders") + plain("/opt/folders", "/opt/odd")},
      {"a program beside it with $ORIGIN, started through a link",
       "elf /opt/odd/real program needed=liblzma.so.5 runpath=$ORIGIN\nlink /usr/bin/app -> /opt/odd/real\n" + clean + odd},
  });
}

TEST(NeverDormant, OtherNamesOfTheInfectedFile) {
  std::string needs = "elf /usr/bin/app program needed=liblzma.so.5\n", data = infected("/opt/data.bin");
  std::string hard = "hard /usr/lib/x86_64-linux-gnu/liblzma.so.5 -> /opt/data.bin\n";
  expect_loaded({
      {"a hard link", needs + data + hard},
      {"a hard link whose first name was deleted later", needs + data + hard + "layer\nwhiteout /opt/data.bin\n"},
      {"a hard link whose first name's folder was deleted later", needs + data + hard + "layer\nwhiteout /opt\n"},
      {"a hard link whose first name was replaced later", needs + data + hard + "layer\nfile /opt/data.bin \"x\"\n"},
      {"a hard link from above to below", needs + data + "layer\n" + hard},
      {"a hard link from above, and the first name deleted", needs + data + "layer\n" + hard + "layer\nwhiteout /opt/data.bin\n"},
      {"a hard link to a hard link", needs + data + "hard /opt/again -> /opt/data.bin\nhard /usr/lib/x86_64-linux-gnu/liblzma.so.5 -> /opt/again\n"},
      {"a link", needs + data + "link /usr/lib/x86_64-linux-gnu/liblzma.so.5 -> /opt/data.bin\n"},
      {"a link to a hard link",
       needs + data + "hard /opt/again -> /opt/data.bin\nlink /usr/lib/x86_64-linux-gnu/liblzma.so.5 -> /opt/again\nlayer\nwhiteout /opt/data.bin\n"},
  });
}

TEST(NeverDormant, WhatTheKernelOrTheProgramItselfLoads) {
  std::string plug = infected("/opt/plugins/plug.so");
  expect_loaded({
      {"an infected interpreter", "elf /usr/bin/app interp=/opt/loader.so\n" + infected("/opt/loader.so")},
      {"an infected interpreter behind a link", "elf /usr/bin/app interp=/opt/loader.so\nlink /opt/loader.so -> real.so\n" + infected("/opt/real.so")},
      {"the interpreter of a script's program", "elf /usr/bin/tool interp=/opt/loader.so\n" + infected("/opt/loader.so") + script("/e.sh", "tool"), {"/e.sh"}},
      {"a plug-in of a program that opens libraries", "elf /usr/bin/app program imports=dlopen\n" + plug},
      {"a plug-in of a library that opens libraries", "elf /usr/bin/app program needed=libp.so\nelf /usr/lib/libp.so imports=dlopen\n" + plug},
      {"a plug-in of a program that a script starts", "elf /usr/bin/tool program imports=dlopen\n" + plug + script("/e.sh", "tool"), {"/e.sh"}},
      {"a plug-in of the health check", "elf /usr/bin/tool program imports=dlopen\n" + plug, {"/usr/bin/app"}, {}, {"CMD", "tool"}},
  });
}

TEST(NeverDormant, AScriptThatChangesHowLibrariesAreFound) {
  std::string needs = "elf /usr/bin/app program needed=liblzma.so.5\nelf /usr/lib/x86_64-linux-gnu/liblzma.so.5 soname=liblzma.so.5\n";
  std::string odd = infected("/opt/odd/liblzma.so.5");
  std::vector<Row> rows;
  for (const char* body : {"export LD_LIBRARY_PATH=/opt/odd\nexec app", "LD_LIBRARY_PATH=/opt/odd app", "LD_PRELOAD=/opt/odd/liblzma.so.5 app",
                           "export LD_PRELOAD=/opt/odd/liblzma.so.5\napp", "LD_PRELOAD=/opt/odd/liblzma.so.5; export LD_PRELOAD; app",
                           "declare -x LD_PRELOAD=/opt/odd/liblzma.so.5\napp", "LD_AUDIT=/opt/odd/liblzma.so.5 app", "env LD_PRELOAD=/opt/odd/liblzma.so.5 app",
                           "exec env -i LD_LIBRARY_PATH=/opt/odd app", "/lib64/ld-linux-x86-64.so.2 --preload /opt/odd/liblzma.so.5 /usr/bin/app",
                           "/lib64/ld-linux-x86-64.so.2 --library-path /opt/odd /usr/bin/app", "typeset -x LD_PRELOAD=/opt/odd/liblzma.so.5\napp",
                           "export LD_PRELOAD\nLD_PRELOAD+=/opt/odd/liblzma.so.5 app", "echo /opt/odd > /etc/ld.so.conf\nldconfig\napp",
                           "echo /opt/odd/liblzma.so.5 > /etc/ld.so.preload\napp"})
    rows.push_back({body, needs + odd + script("/e.sh", body), {"/e.sh"}});
  rows.push_back({"env of the command", needs + odd, {"env", "LD_PRELOAD=/opt/odd/liblzma.so.5", "/usr/bin/app"}});
  rows.push_back({"the linker by name", needs + odd, {"/lib64/ld-linux-x86-64.so.2", "--preload", "/opt/odd/liblzma.so.5", "/usr/bin/app"}});
  rows.push_back({"the linker with another path", needs + odd, {"/lib64/ld-linux-x86-64.so.2", "--library-path", "/opt/odd", "/usr/bin/app"}});
  expect_loaded(rows);
}

TEST(NeverDormant, SshdBehindAnotherProgram) {
  std::vector<Row> rows;
  auto add = [&](const Words& w) { rows.push_back({join(w, " "), "", w}); };
  add({"/lib64/ld-linux-x86-64.so.2", "/usr/sbin/sshd"});
  add({"/lib64/ld-linux-x86-64.so.2", "--argv0", "x", "/usr/sbin/sshd", "-D"});
  add({"taskset", "-c", "0", "sshd"});
  add({"taskset", "0x1", "/usr/sbin/sshd"});
  add({"busybox", "sh", "-c", "sshd"});
  add({"/bin/busybox", "env", "A=1", "sshd"});
  add({"find", ".", "-maxdepth", "0", "-exec", "sshd", ";"});
  add({"find", "/run", "-execdir", "/usr/sbin/sshd", "{}", "+"});
  add({"xargs", "-a", "/list", "sshd"});
  add({"watch", "sshd"});
  add({"script", "-c", "sshd", "/dev/null"});
  add({"strace", "-f", "sshd", "-D"});
  add({"flock", "/run/lock", "sshd"});
  add({"flock", "/run/lock", "-c", "sshd"});
  add({"nsenter", "-t", "1", "sshd"});
  add({"su", "-lc", "sshd"});
  add({"su", "--command=sshd"});
  add({"su", "--command", "sshd"});
  add({"su", "-c", "sshd", "root"});
  add({"su", "root", "-c", "/usr/sbin/sshd -D"});
  add({"su", "--session-command=sshd"});
  add({"su", "-", "root"});
  add({"runuser", "-u", "root", "sshd"});
  add({"runuser", "-u", "root", "--", "sshd", "-D"});
  add({"runuser", "--user=root", "sshd"});
  add({"runuser", "-l", "root", "-c", "sshd"});
  add({"bash", "-c", "$0", "sshd"});
  add({"bash", "-ic", "sshd"});
  add({"bash", "--noprofile", "-c", "sshd"});
  add({"sh", "-c", "-e", "sshd"});
  rows.push_back({"a link to the shell", "link /start -> /bin/sh\n", {"/start", "-c", "sshd"}});
  rows.push_back({"a link to a link to the shell", "link /start -> /go\nlink /go -> bin/bash\n", {"/start", "-ec", "exec sshd -D"}});
  rows.push_back({"a hard link to the shell", "hard /start -> /bin/dash\n", {"/start", "-c", "sshd"}});
  rows.push_back({"a link to busybox", "link /usr/local/bin/sh -> /bin/busybox\n", {"sh", "-c", "sshd"}});
  rows.push_back({"a link to busybox of another name", "link /start -> /bin/busybox\n", {"/start", "sh", "-c", "sshd"}});
  rows.push_back({"a link to sshd", "link /start -> /usr/sbin/sshd\n", {"/start", "-D"}});
  Words nested, many{"env"};
  for (int i = 0; i < 14; ++i) nested.emplace_back("env");
  nested.emplace_back("sshd");
  for (int i = 0; i < 300; ++i) many.push_back("A" + std::to_string(i) + "=1");
  many.emplace_back("sshd");
  rows.push_back({"env of env of env", "", nested});
  rows.push_back({"env of env of env in a script", script("/e.sh", "exec " + join(nested, " ")), {"/e.sh"}});
  rows.push_back({"env with 300 variables", "", many});
  rows.push_back({"env with 300 variables in a script", script("/e.sh", "exec " + join(many, " ")), {"/e.sh"}});
  many.insert(many.begin() + 1, 2000, "B=1");
  rows.push_back({"env with 2300 variables in a script", script("/e.sh", "exec " + join(many, " ")), {"/e.sh"}});
  expect_started(rows);
  for (Row& row : rows)  // the same as a command of a script
    if (row.image.empty() && row.command.size() < 20) {
      std::string line;
      for (const std::string& w : row.command) line += "'" + w + "' ";
      row.image = script("/e.sh", line), row.command = {"/e.sh"};
    }
  expect_started(rows);
}

TEST(NeverDormant, SshdBehindALinkForAThreatThatNamesIt) {
  std::string real = "elf /usr/sbin/sshd.openssh program needed=libsystemd.so.0\n", link = "link /usr/sbin/sshd -> sshd.openssh\n";
  std::string other = "link /usr/bin/start-ssh -> ../sbin/sshd\n", hard = "hard /usr/sbin/sshd -> /usr/sbin/sshd.openssh\n";
  expect_started({
      {"by the link", "layer\n" + real + link, {"/usr/sbin/sshd", "-D"}},
      {"by the real name", "layer\n" + real + link, {"/usr/sbin/sshd.openssh", "-D"}},
      {"by a third name", "layer\n" + real + link + other, {"start-ssh"}},
      {"by its name in the path", "layer\n" + real + link, {"sshd"}},
      {"by a hard link", "layer\n" + real + hard, {"/usr/sbin/sshd"}},
      {"by the first name of a hard link", "layer\n" + real + hard, {"/usr/sbin/sshd.openssh"}},
      {"a script names the link", "layer\n" + real + link + script("/e.sh", "eval \"exec /usr/sbin/sshd -D\""), {"/e.sh"}},
  });
}

TEST(NeverDormant, WhatRunsBesideTheCommand) {
  std::string sh = "file /opt/env \"sshd\\n\"\n";
  expect_started({
      {"HEALTHCHECK CMD", "", {"/usr/bin/app"}, {}, {"CMD", "/usr/sbin/sshd", "-t"}},
      {"HEALTHCHECK CMD of a name", "", {"/usr/bin/app"}, {}, {"CMD", "sshd"}},
      {"HEALTHCHECK CMD-SHELL", "", {"/usr/bin/app"}, {}, {"CMD-SHELL", "pgrep sshd || /usr/sbin/sshd"}},
      {"HEALTHCHECK CMD of a script", script("/check", "sshd"), {"/usr/bin/app"}, {}, {"CMD", "/check"}},
      {"HEALTHCHECK without a command", "", {}, {}, {"CMD-SHELL", "sshd"}},
      {"HEALTHCHECK CMD through a shell", "", {"/usr/bin/app"}, {}, {"CMD", "sh", "-c", "sshd"}},
      {"HEALTHCHECK CMD-SHELL with a variable", "", {"/usr/bin/app"}, {"CHECK=/usr/sbin/sshd"}, {"CMD-SHELL", "$CHECK"}},
      {"BASH_ENV", script("/etc/b.sh", "sshd"), {"bash", "-c", "app"}, {"BASH_ENV=/etc/b.sh"}},
      {"BASH_ENV for a script", script("/etc/b.sh", "sshd") + script("/e.sh", "app"), {"/e.sh"}, {"BASH_ENV=/etc/b.sh"}},
      {"BASH_ENV whose text is not kept", sh, {"bash", "-c", "app"}, {"BASH_ENV=/opt/env"}},
      {"BASH_ENV that is a link", sh + "link /b -> opt/env\n", {"bash", "-c", "app"}, {"BASH_ENV=/b"}},
      {"another path of programs", "link /opt/bin/nginx -> /usr/sbin/sshd\n", {"nginx"}, {"PATH=/opt/bin:/usr/sbin"}},
  });
}

TEST(NeverDormant, AHealthCheckAsTheConfigurationHasIt) {
  for (const char* test : {R"(["CMD","/usr/sbin/sshd","-t"])", R"(["CMD-SHELL","/usr/sbin/sshd || exit 1"])"}) {
    auto config = parse_config(
        R"({"os":"linux","architecture":"amd64","rootfs":{"type":"layers","diff_ids":[]},"config":{"Cmd":["/usr/bin/app"],"Healthcheck":{"Test":)" +
        std::string(test) + "}}}");
    ASSERT_TRUE(config) << test;
    expect_started({{test, "", config->command, config->environment, config->healthcheck}});
  }
}

TEST(NeverDormant, TablesOfCron) {
  std::string line = "* * * * * root ";
  expect_started({
      {"/etc/cron.d", plain("/etc/cron.d/ssh", line + "/usr/sbin/sshd -D"), {"cron", "-f"}},
      {"/etc/cron.d by name", plain("/etc/cron.d/ssh", "SHELL=/bin/sh\n# a table\n\n" + line + "cd / && sshd"), {"cron", "-f"}},
      {"/etc/cron.d at the start", plain("/etc/cron.d/ssh", "@reboot root /usr/sbin/sshd"), {"/usr/sbin/cron", "-f"}},
      {"/etc/cron.d with tabs", "file /etc/cron.d/ssh \"*\\t*\\t*\\t*\\t*\\troot\\t/usr/sbin/sshd\\n\"\n", {"cron", "-f"}},
      {"/etc/crontab", plain("/etc/crontab", line + "sshd"), {"crond", "-n"}},
      {"/etc/cron.d without a last line end", "file /etc/cron.d/ssh \"* * * * * root sshd\"\n", {"cron", "-f"}},
      {"/etc/cron.d by a link", "link /etc/cron.d/ssh -> /opt/table\n" + plain("/opt/table", line + "sshd"), {"cron", "-f"}},
      {"a table larger than is kept", plain("/etc/cron.d/ssh", "#" + std::string(70'000, 'x') + "\n" + line + "sshd"), {"cron", "-f"}},
      {"/etc/cron.daily", script("/etc/cron.daily/ssh", "sshd"), {"cron", "-f"}},
      {"a user's table", plain("/var/spool/cron/crontabs/root", "* * * * * sshd"), {"cron", "-f"}},
      {"a script starts cron", script("/e.sh", "cron\nexec app") + plain("/etc/cron.d/ssh", line + "sshd"), {"/e.sh"}},
      {"a script that cron starts", script("/usr/local/bin/job", "sshd") + plain("/etc/cron.d/job", line + "/usr/local/bin/job"), {"cron", "-f"}},
  });
}

TEST(NeverDormant, Supervisors) {
  std::string program = "[program:x]\ncommand=";
  std::string init = "elf /init program\n", s6 = "elf /usr/bin/s6-svscan program\n";
  expect_started({
      {"supervisord -c", plain("/etc/supervisor/own.conf", program + "/usr/sbin/sshd -D"), {"supervisord", "-n", "-c", "/etc/supervisor/own.conf"}},
      {"supervisord -c of a file that is not kept", plain("/opt/own.conf", program + "sshd"), {"supervisord", "-c", "/opt/own.conf"}},
      {"supervisord -cFILE", plain("/opt/own.conf", program + "sshd"), {"supervisord", "-c/opt/own.conf"}},
      {"supervisord --configuration=FILE", plain("/opt/own.conf", program + "sshd"), {"supervisord", "--configuration=/opt/own.conf"}},
      {"supervisord -c of a relative file", plain("/own.conf", program + "sshd"), {"supervisord", "-c", "own.conf"}},
      {"a value of the environment", plain("/etc/supervisord.conf", program + "%(ENV_START)s"), {"supervisord"}, {"START=/usr/sbin/sshd"}},
      {"a value of the environment, in part", plain("/etc/supervisord.conf", program + "/usr/%(ENV_DIR)s/sshd"), {"supervisord"}, {"DIR=sbin"}},
      {"a command with spaces", plain("/etc/supervisord.conf", "[program:x]\ncommand = sshd -D"), {"supervisord", "-n"}},
      {"a command of several lines", plain("/etc/supervisord.conf", program + "env A=1\n  /usr/sbin/sshd"), {"supervisord", "-n"}},
      {"an event listener", plain("/etc/supervisord.conf", "[eventlistener:x]\ncommand=sshd"), {"supervisord", "-n"}},
      {"a run that is a link to sshd", init + "link /etc/services.d/ssh/run -> /usr/sbin/sshd\n", {"/init"}},
      {"a run of s6-svscan that is a link", s6 + "link /etc/service/ssh/run -> ../../../usr/sbin/sshd\n", {"s6-svscan", "/etc/service"}},
      {"a run that is a hard link", init + "hard /etc/services.d/ssh/run -> /usr/sbin/sshd\n", {"/init"}},
      {"a folder of services that is a link", init + "link /etc/services.d -> /opt/services\n" + script("/opt/services/ssh/run", "exec sshd"), {"/init"}},
  });
}

TEST(NeverDormant, UnitsOfSystemd) {
  std::string init = "elf /usr/lib/systemd/systemd program\nlink /sbin/init -> /usr/lib/systemd/systemd\n", at = "/etc/systemd/system/";
  std::string wants = "link " + at + "multi-user.target.wants/x.service -> " + at + "x.service\n";
  auto unit = [&](const std::string& body, const std::string& name = "x.service") { return plain(at + name, "[Service]\n" + body); };
  std::vector<Row> rows;
  for (const char* body :
       {"ExecStart=/usr/bin/env \\\n  /usr/sbin/sshd \\\n  -D", "ExecStart=\\\n/usr/sbin/sshd -D", "ExecStart = /usr/sbin/sshd", "ExecStart\t=\t/usr/sbin/sshd",
        "  ExecStart=/usr/sbin/sshd", "ExecStart=-@/usr/sbin/sshd ssh -D", "ExecStart=+!/usr/sbin/sshd", "ExecStart=:/usr/sbin/sshd",
        "ExecStartPre=/usr/sbin/sshd -t\nExecStart=/usr/bin/app", "ExecStart=/usr/bin/app\nExecStartPost=/usr/sbin/sshd", "ExecStart=\"/usr/sbin/sshd\" -D",
        "Environment=START=/usr/sbin/sshd\nExecStart=/bin/sh -c $START", "EnvironmentFile=/etc/default/x\nExecStart=/usr/bin/env $START",
        "ExecStart=/usr/bin/app\nExecStop=/usr/sbin/sshd", "ExecStart=/usr/bin/app\nExecStopPost=/usr/sbin/sshd", "ExecStart=/bin/sh -c 'exec sshd'",
        "ExecStart=/usr/bin/env \\\n# a comment between\n  /usr/sbin/sshd"})
    rows.push_back({body, init + wants + unit(body) + unit("ExecStart=/usr/sbin/sshd", "y.service"), {"/sbin/init"}});
  for (const char* key : {"Wants", "Requires", "BindsTo", "Upholds"})
    rows.push_back({key,
                    init + wants + plain(at + "x.service", "[Unit]\n" + std::string(key) + "=a.service y.service\n[Service]\nExecStart=/usr/bin/app") +
                        unit("ExecStart=/usr/sbin/sshd", "y.service"),
                    {"/sbin/init"}});
  std::string sshd = "ExecStart=/usr/sbin/sshd", app = "ExecStart=/usr/bin/app";
  rows.insert(
      rows.end(),
      {
          {"a unit elsewhere", init + "link " + at + "multi-user.target.wants/e.service -> /opt/e.service\n" + plain("/opt/e.service", "[Service]\n" + sshd)},
          {"a link to a unit elsewhere", init + "link " + at + "multi-user.target.wants/e.service -> ../e.service\nlink " + at +
                                             "e.service -> /opt/e.service\n" + plain("/opt/e.service", "[Service]\n" + sshd)},
          {"a unit elsewhere under another name",
           init + "link " + at + "multi-user.target.wants/e.service -> /opt/unit.txt\n" + plain("/opt/unit.txt", "[Service]\n" + sshd)},
          {"a unit that stands in the folder itself", init + plain(at + "multi-user.target.wants/e.service", "[Service]\n" + sshd)},
          {"a drop-in", init + wants + unit(app) + plain(at + "x.service.d/own.conf", "[Service]\nExecStart=\n" + sshd)},
          {"a drop-in of a vendor's unit", init + "link " + at + "multi-user.target.wants/x.service -> /usr/lib/systemd/system/x.service\n" +
                                               plain("/usr/lib/systemd/system/x.service", "[Service]\n" + app) +
                                               plain(at + "x.service.d/own.conf", "[Service]\n" + sshd)},
          {"a drop-in that wants another", init + wants + unit(app) + unit(sshd, "y.service") + plain(at + "x.service.d/a.conf", "[Unit]\nWants=y.service")},
          {"an instance of a template", init + "link " + at + "multi-user.target.wants/x@one.service -> " + at + "x@.service\n" + unit(sshd, "x@.service")},
          {"a drop-in of a template", init + "link " + at + "multi-user.target.wants/x@one.service -> " + at + "x@.service\n" + unit(app, "x@.service") +
                                          plain(at + "x@.service.d/a.conf", "[Service]\nExecStart=\n" + sshd)},
          {"wanted by a target that is wanted", init + "link " + at + "multi-user.target.wants/own.target -> " + at + "own.target\n" +
                                                    plain(at + "own.target", "[Unit]\nWants=x.service") + unit(sshd)},
          {"a timer", init + "link " + at + "timers.target.wants/x.timer -> " + at + "x.timer\n" + plain(at + "x.timer", "[Timer]\nOnBootSec=1") + unit(sshd)},
          {"a folder of requirements", init + "link " + at + "multi-user.target.requires/x.service -> " + at + "x.service\n" + unit(sshd)},
          {"/etc/rc.local", init + script("/etc/rc.local", "sshd\nexit 0", "/bin/sh -e")},
          {"/etc/rc.local of no shell", init + "link /etc/rc.local -> /usr/sbin/sshd\n"},
          {"/etc/inittab", init + plain("/etc/inittab", "::respawn:/usr/sbin/sshd -D")},
          {"/etc/inittab by a shell", init + plain("/etc/inittab", "::once:/bin/sh -c 'sshd; app'")},
      });
  for (Row& row : rows) row.command = {"/sbin/init"};
  expect_started(rows);
  for (Row& row : rows) row.command = {}, row.rootfs = true;
  expect_started(rows);
}

const char* const kShell[] = {
    "cd /usr/sbin && ./sshd",
    "cd /usr; cd sbin; ./sshd",
    "cd /usr\nsbin/sshd -D",
    "pushd /usr/sbin; ./sshd",
    "(cd /usr/sbin; exec ./sshd)",
    "x=$(sshd)",
    "x=`sshd`",
    "echo \"a `sshd` b\"",
    "echo \"${A:-$(sshd)}\"",
    "x=$(echo \")\")\nsshd",
    "x=$(echo ')')\nsshd",
    "x=$(echo \\))\nsshd",
    "x=$(case a in a) echo b;; esac)\nsshd",
    "x=$(echo a # )\n)\nsshd",
    "x=$(echo `echo \")\"`)\nsshd",
    "((echo hi); true)\nsshd",
    "((echo hi); sshd)",
    "((sshd) ; true)",
    "( ( sshd ) )",
    "(case x in x) echo y;; esac)\nsshd",
    "(case x in x) sshd;; esac)",
    "(case x in (x) sshd;; esac)",
    "trap 'sshd' EXIT",
    "trap sshd EXIT\napp",
    "trap \"sshd -D\" INT TERM",
    "trap -- 'sshd' 0",
    "on_exit() { sshd; }\ntrap on_exit EXIT",
    "alias ll=sshd\nll",
    "shopt -s expand_aliases\nalias app='sshd'\napp",
    "coproc sshd",
    "coproc NAME { sshd; }",
    "$'sshd'",
    "$'\\x73shd'",
    "/usr/sbin/$'ss'hd",
    "/usr/sbin/ssh?",
    "/usr/sbin/s[s]hd",
    "/usr/sbin/ssh*",
    "/usr/sbi*/sshd",
    "/usr/sbin/{sshd,none}",
    "echo sshd | bash -s",
    "echo sshd | sh -x",
    "echo sshd | bash",
    "echo sshd | bash -s -- a b",
    "echo sshd | env sh",
    "echo sshd | bash /dev/stdin",
    "echo sshd | sh -",
    "cat /opt/list | while read l; do $l; done",
    "bash <<< 'sshd'",
    "bash -s <<< sshd",
    "bash <<EOF\nsshd\nEOF",
    "cat <<EOF | sh\nsshd\nEOF",
    "sh < /opt/text",
    "</opt/text sh",
    "bash <(echo sshd)",
    "source <(echo sshd)",
    ". /dev/stdin <<< sshd",
    "cat <(sshd)",
    "echo > >(sshd)",
    "tee >(sshd) < /dev/null",
    "eval sshd",
    "eval 's''shd'",
    "x=ss; ${x}hd",
    "x=sshd; \"$x\"",
    "x=(sshd -D); \"${x[@]}\"",
    "x=dhss; $(echo $x | rev)",
    "for i in sshd; do $i; done",
    "read x < /opt/text; $x",
    "printf -v x sshd; $x",
    "while sshd; do :; done",
    "until ! sshd; do :; done",
    "if sshd; then :; fi",
    "[ -x /usr/sbin/sshd ] && /usr/sbin/sshd",
    "! sshd",
    "time -p sshd",
    "exec -a name sshd",
    "command -p sshd",
    "builtin exec sshd",
    "exec 3>&1 sshd",
    "A=1 B=2 sshd",
    "A=\"x y\" exec sshd",
    "{ sshd; }",
    "sshd &",
    "true & sshd & wait",
    "true&&sshd",
    "true||sshd",
    "true|sshd",
    "true;sshd",
    "\\sshd",
    "s\\shd",
    "'sshd'",
    "ss\"h\"d",
    "/usr//sbin/./sshd",
    "/usr/sbin/../sbin/sshd",
    "~/../usr/sbin/sshd",
    "function f { sshd; }; f",
    "f() ( sshd ); f",
    "f() { \"$@\"; }; f sshd",
    "set -- sshd; \"$@\"",
    "set -- a sshd; shift; \"$@\"",
    "case $1 in *) sshd;; esac",
    "case $1 in\n  a|b)\n    ;;\n  *)\n    sshd\n    ;;\nesac",
    "case x in x) true;& y) sshd;; esac",
    "select x in a; do sshd; done",
    "echo \"unbalanced ' quote\"; sshd",
    "echo 'a\nb'\nsshd",
    "echo a#b; sshd",
    "x=1 # comment with ' a quote\nsshd",
    "x=${y#\"#\"}; sshd",
    "x=${y%'}'}; sshd",
    "x=${#y}; sshd",
    "x=$((1+2)); sshd",
    "(( 1 )) && sshd",
    "[[ a == (a|b) ]] && sshd",
    "[[ a =~ ^(a)$ ]] && sshd",
    "let 'x=1'; sshd",
    "cat <<'A' <<\"B\"\nA\nx\nA\ny\nB\nsshd",
    "cat <<EOF\n$(sshd)\nEOF",
    "cat <<EOF\n`sshd`\nEOF",
    "cat <<- EOF\n\tx\n\tEOF\nsshd",
    "echo $(( 1 << 2 )); sshd",
    "nice sshd",
    "nohup sshd &",
    "timeout 5 sshd",
    "env -S 'sshd -D'",
    "env --split-string='sshd -D'",
    "env -- sshd",
    "exec tini -- sshd",
    "find / -name sshd -exec {} \\;",
    "echo sshd | xargs env",
    "echo sshd | xargs -I{} {}",
    "PATH=/usr/sbin:$PATH sshd",
    "PROMPT_COMMAND=sshd bash -i",
    "type sshd && $(type -p sshd)",
    "`which sshd` -D",
    "$(command -v sshd) -D",
    "hash -p /usr/sbin/sshd app; app",
    "enable -f x y; sshd",
    "mapfile -C sshd < /opt/text",
    "bind -x '\"a\":sshd'",
    "compgen -C sshd",
    "python3 -c 'import os; os.system(\"sshd\")'",
    "awk 'BEGIN { system(\"sshd\") }'",
    "sed '1e sshd' /opt/text",
    "echo /usr/sbin/sshd > /opt/run && chmod +x /opt/run && /opt/run",
    "cp /usr/sbin/sshd /tmp/x && /tmp/x",
    "ln -s /usr/sbin/sshd /tmp/x; /tmp/x -D",
    "start=/usr/sbin/sshd; [ -n \"$1\" ] && start=/usr/bin/app; exec $start",
};

TEST(NeverDormant, WaysToSayItInAShell) {
  std::string base = "file /opt/text \"sshd\\n\"\nfile /opt/list \"sshd\\n\"\nelf /usr/bin/python3 program\nelf /usr/bin/awk program\nelf /bin/sed program\n";
  std::vector<Row> rows;
  for (const char* line : kShell) {
    rows.push_back({std::string("a script: ") + line, base + script("/e.sh", line), {"/e.sh"}});
    rows.push_back({std::string("sh -c: ") + line, base, {"/bin/bash", "-c", line}});
    rows.push_back({std::string("a script behind it: ") + line, base + script("/e.sh", "exec /next.sh \"$@\"") + script("/next.sh", line), {"/e.sh", "x"}});
    rows.push_back({std::string("sourced: ") + line, base + script("/e.sh", ". /next.sh\nexec app") + script("/next.sh", line), {"/e.sh"}});
  }
  expect_started(rows);
}

// Where a script says no word of sshd, and still starts it.
TEST(NeverDormant, WaysThatDoNotNameIt) {
  std::string base = "file /opt/text \"/usr/sbin/sshd\\n\"\n";
  std::vector<Row> rows;
  for (const char* line : {"/usr/sbin/ssh?",
                           "/usr/sbin/ss*",
                           "/usr/sbin/[s]shd*",
                           "cd /usr/sbin && ./ssh?",
                           "$'\\x73\\x73\\x68\\x64'",
                           "$'\\163shd'",
                           "sh < /opt/text",
                           "bash /opt/text",
                           ". /opt/text",
                           "bash -s < /opt/text",
                           "cat /opt/text | sh",
                           "`cat /opt/text`",
                           "$(cat /opt/text)",
                           "x=$(cat /opt/text); $x",
                           "read x < /opt/text\n$x",

                           "xargs -a /opt/text env",
                           "bash <(cat /opt/text)",
                           "eval \"$(cat /opt/text)\"",
                           "base64 -d <<< c3NoZA== | sh",
                           "x=ss; y=hd; $x$y",
                           "x=sshX; ${x/X/d}",
                           "x=SSHD; ${x,,}",
                           "a=(s s h d); ${a[0]}${a[1]}${a[2]}${a[3]}",
                           "printf -v x '%s%s' ss hd; $x",
                           "for f in /usr/sbin/*; do $f; done",
                           "for f in /usr/sbin/ss*; do \"$f\" -D; done",
                           "ls -d /usr/sbin/ss* | sh",
                           "trap \"$(cat /opt/text)\" EXIT",
                           "trap $X EXIT",
                           "sh -c \"$(cat /opt/text)\"",
                           "env -S \"$(cat /opt/text)\"",
                           "su -c \"$(cat /opt/text)\"",
                           "sh 0< /opt/text",
                           "while read l; do $l; done < /opt/text",
                           "cat /opt/text | { sh; }",
                           "curl x | tee y | sh",
                           "cat /opt/text | exec sh",
                           "/bin/sh -c '. /opt/text'",
                           "sh /dev/stdin < /opt/text",
                           "mapfile -t a < /opt/text; ${a[0]}"}) {
    rows.push_back({std::string("a script: ") + line, base + script("/e.sh", line), {"/e.sh"}});
    rows.push_back({std::string("bash -c: ") + line, base, {"/bin/bash", "-c", line}});
  }
  expect_started(rows);
}

void expect_dormant(const Row& row) {
  auto all = states(row, tools() + ssh(), {"usr/sbin/sshd"});
  ASSERT_EQ(all.size(), 1U) << row.name;
  EXPECT_EQ(all[0].state, ReachState::dormant) << escape(row.name) << ": " << text(all[0]);
}

// What must stay dormant, or the word would never be said.
TEST(Dormant, WhereNothingNamesSshd) {
  for (const Row& row : std::vector<Row>{
           {"an image without a command", "", {}},
           {"a program", "", {"/usr/bin/app"}},
           {"a shell", "", {"bash"}},
           {"a shell by its path", "", {"/bin/sh"}},
           {"an interactive shell", "", {"bash", "-l"}},
           {"another daemon", "", {"nginx", "-g", "daemon off;"}},
           {"another daemon behind tini", "", {"tini", "--", "nginx", "-g", "daemon off;"}},
           {"another daemon by a shell", "", {"sh", "-c", "nginx && exec app --port 80"}},
           {"a script with another daemon", script("/e.sh", "set -e\nmkdir -p /run/x\nchown root /run/x\nexec nginx -g 'daemon off;'"), {"/e.sh"}},
           {"a script with arguments", script("/e.sh", "if [ \"$1\" = nginx ]; then\n  mkdir -p /run/nginx\nfi\nexec \"$@\""), {"/e.sh", "nginx", "-x"}},
           {"a comment that names it", script("/e.sh", "# sshd is not started here\n  # nor is /usr/sbin/sshd\nexec app"), {"/e.sh"}},
           {"a comment of a unit that names it",
            "elf /sbin/init program\nlink /etc/systemd/system/a.target.wants/x.service -> ../x.service\n" +
                plain("/etc/systemd/system/x.service", "# not sshd\n[Service]\nExecStart=/usr/bin/app"),
            {"/sbin/init"}},
           {"a name that only begins so", script("/e.sh", "mkdir -p /run/sshd_x\nexec app --no-sshdx"), {"/e.sh"}},
           {"another health check", "", {"/usr/bin/app"}, {}, {"CMD", "/usr/bin/app", "--check"}},
           {"another health check by a shell", "", {"/usr/bin/app"}, {}, {"CMD-SHELL", "app --check || exit 1"}},
           {"no health check", "", {"/usr/bin/app"}, {}, {"NONE"}},
           {"another library in every program", "elf /opt/other.so\n", {"/usr/bin/app"}, {"LD_PRELOAD=/opt/other.so"}},
           {"another cron table", plain("/etc/cron.d/app", "* * * * * root /usr/bin/app"), {"cron", "-f"}},
           {"a unit that nothing wants",
            "elf /sbin/init program\n" + plain("/etc/systemd/system/ssh.service", "[Service]\nExecStart=/usr/sbin/sshd"),
            {"/sbin/init"}},
           {"a cron table and no cron", plain("/etc/cron.d/ssh", "* * * * * root /usr/sbin/sshd"), {"/usr/bin/app"}},
           {"a script that nothing runs", script("/usr/local/bin/ssh.sh", "exec sshd"), {"/usr/bin/app"}},
           {"BASH_ENV without sshd", script("/etc/b.sh", "export A=1"), {"bash", "-c", "app"}, {"BASH_ENV=/etc/b.sh"}},
           {"a folder of the linker", plain("/etc/ld.so.conf", "include /etc/ld.so.conf.d/*.conf") + plain("/etc/ld.so.conf.d/a.conf", "/usr/local/lib")},
           {"a program that opens libraries", "elf /usr/bin/app program imports=dlopen strings=libother.so.1\n"},
       })
    expect_dormant(row);
}

TEST(Dormant, SaysWhy) {
  auto all = states({"", ""}, tools() + ssh(), {"usr/sbin/sshd"});
  ASSERT_EQ(all.size(), 1U);
  EXPECT_THAT(all[0].because, Contains(HasSubstr("/usr/sbin/sshd")));
}

TEST(NeverDormant, FurtherShells) {
  std::string base = "file /opt/text \"/usr/sbin/sshd\\n\"\n";
  std::vector<Row> rows;
  for (const char* line : {"exec < /opt/text; sh",
                           "exec 0</opt/text\nbash -s",
                           "source /dev/fd/3 3</opt/text",
                           "{ sh; } < /opt/text",
                           "( bash ) < /opt/text",
                           "cat /opt/text | (sh)",
                           "cat /opt/text | sudo sh",
                           "cat /opt/text | busybox sh",
                           "f() { sh; }; cat /opt/text | f",
                           "cat /opt/text |\nsh",
                           "cat /opt/text | if true; then sh; fi",
                           "sh -c 'sh' < /opt/text",
                           "x=ss; x+=hd; $x",
                           "find /usr/sbin -type f -exec {} \\;",
                           "ls /usr/sbin | grep ssh | xargs -n1 sh -c",
                           "cat /opt/text | xargs -I{} sh -c {}",
                           "xargs env < /opt/text",
                           "cat /opt/text | bash -s -- a",
                           "trap -- /usr/sbin/ss?? 0",
                           "coproc N { /usr/sbin/ss??; }",
                           "ENV=/opt/text sh -i",
                           "BASH_ENV=/opt/text bash -c app",
                           "sh 3</opt/text <&3",
                           "export BASH_ENV=/opt/text\nbash -c app"}) {
    rows.push_back({std::string("a script: ") + line, base + script("/e.sh", line), {"/e.sh"}});
    rows.push_back({std::string("bash -c: ") + line, base, {"/bin/bash", "-c", line}});
  }
  expect_started(rows);
}

TEST(NeverDormant, FurtherWays) {
  std::string program = "[program:x]\ncommand=";
  std::string init = "elf /init program\n", s6 = "elf /usr/bin/s6-svscan program\n";
  std::string usual = plain("/opt/own.conf", program + "sshd") + plain("/etc/supervisord.conf", program + "app");
  expect_started({
      {"a variable of the environment", "", {"sh", "-c", "$START"}, {"START=/usr/sbin/sshd -D"}},
      {"exec of a variable of the environment", script("/e.sh", "exec $START"), {"/e.sh"}, {"START=/usr/sbin/sshd -D"}},
      {"a default with arguments", "", {"sh", "-c", "exec ${NONE:-$START}"}, {"START=/usr/sbin/sshd -D"}},
      {"a folder that is a link", "layer\nwhiteout /usr/sbin\nlink /usr/sbin -> bin\nelf /usr/bin/sshd program needed=libsystemd.so.0\n", {"sshd"}},
      {"supervisord --configuration=FILE beside the usual", usual, {"supervisord", "--configuration=/opt/own.conf"}},
      {"supervisord -cFILE beside the usual", usual, {"supervisord", "-c/opt/own.conf"}},
      {"supervisord -nc FILE beside the usual", usual, {"supervisord", "-nc", "/opt/own.conf"}},
      {"an include of a folder",
       plain("/etc/supervisord.conf", program + "app\n[include]\nfiles = /opt/conf/*.ini") + plain("/opt/conf/a.ini", program + "sshd"),
       {"supervisord", "-n"}},
      {"a finish script", init + script("/etc/services.d/x/run", "app") + script("/etc/services.d/x/finish", "sshd"), {"/init"}},
      {"a folder of services of its own", s6 + script("/opt/services/ssh/run", "exec sshd"), {"s6-svscan", "/opt/services"}},
      {"runsvdir of a folder of its own",
       "elf /usr/bin/runsvdir program\n" + script("/opt/services/ssh/run", "exec sshd"),
       {"runsvdir", "-P", "/opt/services"}},
  });
}

TEST(NeverDormant, FurtherUnits) {
  std::string init = "elf /usr/lib/systemd/systemd program\nlink /sbin/init -> /usr/lib/systemd/systemd\n", at = "/etc/systemd/system/";
  std::string wants = "link " + at + "multi-user.target.wants/x.service -> " + at + "x.service\n", sshd = "ExecStart=/usr/sbin/sshd",
              app = "ExecStart=/usr/bin/app";
  std::string instance = "link " + at + "multi-user.target.wants/x@sshd.service -> " + at + "x@.service\n";
  auto unit = [&](const std::string& body, const std::string& name = "x.service") { return plain(at + name, "[Service]\n" + body); };
  std::vector<Row> rows{
      {"OnFailure", init + wants + plain(at + "x.service", "[Unit]\nOnFailure=y.service\n[Service]\n" + app) + unit(sshd, "y.service")},
      {"OnSuccess", init + wants + plain(at + "x.service", "[Unit]\nOnSuccess=y.service\n[Service]\n" + app) + unit(sshd, "y.service")},
      {"an instance with its name as a parameter", init + instance + unit("ExecStart=/usr/sbin/%i -D", "x@.service")},
      {"a drop-in of an instance", init + instance + unit(app, "x@.service") + plain(at + "x@sshd.service.d/a.conf", "[Service]\nExecStart=\n" + sshd)},
      {"a timer of another unit",
       init + "link " + at + "timers.target.wants/y.timer -> " + at + "y.timer\n" + plain(at + "y.timer", "[Timer]\nOnBootSec=1\nUnit=x.service") + unit(sshd)},
      {"a socket of another unit", init + "link " + at + "sockets.target.wants/y.socket -> " + at + "y.socket\n" +
                                       plain(at + "y.socket", "[Socket]\nListenStream=22\nService=x.service") + unit(sshd)},
      {"the target that is the default",
       init + "link " + at + "default.target -> " + at + "own.target\n" + plain(at + "own.target", "[Unit]\nWants=x.service") + unit(sshd)},
      {"a drop-in of a target", init + plain(at + "multi-user.target.d/a.conf", "[Unit]\nWants=x.service") + unit(sshd)},
      {"/etc/rc.d/rc.local", init + script("/etc/rc.d/rc.local", "sshd", "/bin/sh -e")},
  };
  for (Row& row : rows) row.command = {"/sbin/init"};
  expect_started(rows);
}

TEST(NeverDormant, FurtherNames) {
  std::string needs = "elf /usr/bin/app program needed=liblzma.so.5\n", data = infected("/opt/data.bin");
  std::string hard = "hard /usr/lib/x86_64-linux-gnu/liblzma.so.5 -> /opt/data.bin\n";
  expect_loaded({{"a hard link from above, deleted at once", needs + data + "layer\n" + hard + "whiteout /opt/data.bin\n"}});
}

}  // namespace
}  // namespace careen
