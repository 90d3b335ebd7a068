// What an image starts, followed through entry points as popular images have them.
#include "detect/startup.h"

#include <gmock/gmock.h>

#include <algorithm>

#include "../../tests/support/image_text.h"

namespace careen {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using Words = std::vector<std::string>;

// What every image below has.
const char* const kBase =
    "elf /bin/dash program\nlink /bin/sh -> dash\nelf /bin/bash program\nelf /usr/sbin/sshd program\nelf /usr/sbin/nginx program\n"
    "elf /usr/bin/tini program\nelf /usr/sbin/gosu program\nelf /sbin/su-exec program\nelf /usr/bin/env program\n";

struct Outcome {
  Words programs, not_followed;
  std::string command;
};

class Image {
 public:
  explicit Image(const std::string& text) : facts_(test::facts_of_text(kBase + text)) {}
  Image& entrypoint(Words w) { return config_.entrypoint = std::move(w), *this; }
  Image& command(Words w) { return config_.command = std::move(w), *this; }
  Image& env(Words w) { return config_.environment = std::move(w), *this; }
  Image& healthcheck(Words w) { return config_.healthcheck = std::move(w), *this; }
  Image& workdir(const std::string& d) { return config_.working_dir = d, *this; }
  Outcome run(bool is_rootfs = false) const {
    Startup s = find_startup(facts_, config_, is_rootfs);
    Outcome r;
    for (const Started& p : s.programs) r.programs.push_back("/" + facts_.tree.path(p.program));
    r.not_followed = s.not_followed;
    r.command = s.command;
    return r;
  }

 private:
  ImageFacts facts_;
  ImageConfig config_;
};

std::string script(const std::string& path, const std::string& body) {
  std::string out = "file " + path + " 0755 |\n";
  for (std::string_view line : split(body, '\n')) out += "  " + std::string(line) + "\n";
  return out;
}

Outcome of_script(const std::string& body, Words command = {}) {
  return Image(script("/entry.sh", body)).entrypoint({"/entry.sh"}).command(std::move(command)).run();
}

void expect_sshd(const Outcome& r) {
  EXPECT_THAT(r.programs, Contains("/usr/sbin/sshd")) << join(r.not_followed, "\n");
}
// sshd was found, or it is said that not all could be followed: anything but a false "nothing starts it".
void expect_sshd_or_told(const Outcome& r) {
  bool found = std::find(r.programs.begin(), r.programs.end(), "/usr/sbin/sshd") != r.programs.end();
  EXPECT_TRUE(found || !r.not_followed.empty());
}

TEST(Startup, AProgramAndItsArguments) {
  Outcome r = Image("").entrypoint({"/usr/sbin/sshd"}).command({"-D", "-e\n"}).run();
  EXPECT_THAT(r.programs, ElementsAre("/usr/sbin/sshd"));
  EXPECT_THAT(r.not_followed, IsEmpty());
  EXPECT_EQ(r.command, "/usr/sbin/sshd -D -e\\x0a");
}

TEST(Startup, AnImageThatNamesNothing) {
  Outcome r = Image("").run();
  EXPECT_THAT(r.programs, IsEmpty());
  EXPECT_EQ(r.command, "");
}

TEST(Startup, ACommandThatIsNotThereIsTold) {
  EXPECT_THAT(Image("").command({"/no/such"}).run().not_followed, ElementsAre(HasSubstr("/no/such")));
  EXPECT_THAT(Image("").command({"nosuch"}).run().not_followed, ElementsAre(HasSubstr("nosuch")));
  EXPECT_THAT(Image("").command({"/usr"}).run().not_followed, testing::SizeIs(1));
}

TEST(Startup, NamesAreLookedForInThePathAndFromTheWorkingFolder) {
  expect_sshd(Image("").command({"sshd", "-D"}).run());
  EXPECT_THAT(Image("elf /opt/nginx program").command({"nginx"}).env({"PATH=/opt:/usr/sbin"}).run().programs, ElementsAre("/opt/nginx"));
  EXPECT_THAT(Image("elf /srv/bin/app program").command({"bin/app"}).workdir("/srv").run().programs, ElementsAre("/srv/bin/app"));
  EXPECT_THAT(Image("elf /srv/app program").command({"./app"}).workdir("/srv").run().programs, ElementsAre("/srv/app"));
}

TEST(Startup, TheShellFormOfACommand) {
  expect_sshd(Image("").command({"/bin/sh", "-c", "mkdir -p /run/sshd && exec /usr/sbin/sshd -D"}).run());
  expect_sshd(Image("").command({"/bin/bash", "-ec", "sshd; tail -f /dev/null"}).run());
  expect_sshd(Image("").command({"/bin/bash", "-o", "pipefail", "-c", "sshd | cat"}).run());
  expect_sshd(Image("").command({"/bin/bash", "-eo", "pipefail", "-c", "sshd | cat"}).run());
  expect_sshd(Image("").command({"/bin/sh", "-c", "exec \"$@\"", "sh", "/usr/sbin/sshd"}).run());
  EXPECT_THAT(Image("").command({"bash"}).run().programs, ElementsAre("/bin/bash"));
}

TEST(Startup, AScriptThatHandsOver) {
  Outcome r = of_script("#!/bin/sh\nset -e\nchown -R app /data\nexec \"$@\"\n", {"/usr/sbin/sshd", "-D"});
  expect_sshd(r);
  EXPECT_THAT(r.programs, Contains("/bin/dash"));
  EXPECT_THAT(r.programs, Contains("/entry.sh"));
  EXPECT_THAT(r.not_followed, IsEmpty());
}

TEST(Startup, AScriptThatDoesNotStartIt) {
  Outcome r = of_script("#!/bin/sh\n# sshd is only spoken of\necho sshd\nexec nginx -g 'daemon off;'\n");
  EXPECT_THAT(r.programs, Contains("/usr/sbin/nginx"));
  EXPECT_THAT(r.programs, Not(Contains("/usr/sbin/sshd")));
  EXPECT_THAT(r.not_followed, IsEmpty());
}

TEST(Startup, APatternOfCaseStartsNothing) {
  Outcome r = of_script("#!/bin/sh\ncase \"$1\" in\n  sshd|ssh) echo no ;;\n  *) exec nginx ;;\nesac\n", {"x"});
  EXPECT_THAT(r.programs, Contains("/usr/sbin/nginx"));
  EXPECT_THAT(r.programs, Not(Contains("/usr/sbin/sshd")));
}

TEST(Startup, WrappersAreLookedThrough) {
  const std::vector<Words> all{{"tini", "--", "/usr/sbin/sshd", "-D"},
                               {"tini", "-g", "-p", "SIGTERM", "--", "sshd"},
                               {"gosu", "root", "sshd"},
                               {"su-exec", "root:root", "sshd", "-D"},
                               {"env", "-i", "A=b", "sshd"},
                               {"env", "-u", "HOME", "sshd"},
                               {"tini", "--", "gosu", "root", "env", "X=1", "sshd"}};
  for (const Words& w : all) {
    Outcome r = Image("").entrypoint(w).run();
    expect_sshd(r);
    EXPECT_THAT(r.programs, Contains(HasSubstr(w[0])));
  }
  for (const char* line :
       {"dumb-init -r 15:3 sshd", "setpriv --reuid=33 --init-groups sshd", "nice -n 5 sshd", "timeout -k 5 10 sshd", "nohup sshd", "setsid sshd",
        "stdbuf -o L sshd", "chroot / sshd", "sudo -E -u www sshd", "chpst -u www sshd", "s6-setuidgid www sshd", "xargs -n 1 sshd"}) {
    std::string wrapper(words(line)[0]);
    Words w;
    for (auto x : words(line)) w.emplace_back(x);
    expect_sshd(Image("elf /usr/bin/" + wrapper + " program").entrypoint(w).run());
  }
}

TEST(Startup, WhoBecomesAnotherUserStartsItsCommand) {
  for (const char* line : {"su -s /bin/sh -c /usr/sbin/sshd www", "su - www -c '/usr/sbin/sshd -D'", "runuser -u www -- /usr/sbin/sshd",
                           "setpriv --reuid 33 --clear-groups /usr/sbin/sshd"})
    expect_sshd_or_told(
        Image("elf /bin/su program\nelf /sbin/runuser program\nelf /usr/bin/setpriv program\n" + script("/entry.sh", "#!/bin/sh\n" + std::string(line)))
            .entrypoint({"/entry.sh"})
            .run());
}

TEST(Startup, WhoBecomesAnotherUserIsFollowed) {
  std::string tools = "elf /bin/su program\nelf /sbin/runuser program\n";
  for (const Words& w : std::vector<Words>{{"su", "-lc", "sshd"},
                                           {"su", "-c", "sshd", "root"},
                                           {"su", "root", "-c", "exec /usr/sbin/sshd -D"},
                                           {"su", "--command=sshd"},
                                           {"su", "--command", "sshd"},
                                           {"runuser", "-u", "root", "sshd"},
                                           {"runuser", "-u", "root", "--", "sshd", "-D"},
                                           {"runuser", "-l", "root", "-c", "sshd"}})
    expect_sshd(Image(tools).command(w).run());
  Outcome other = Image(tools).command({"su", "-c", "nginx", "www"}).run();
  EXPECT_THAT(other.programs, Contains("/usr/sbin/nginx"));
  EXPECT_THAT(other.programs, Not(Contains("/usr/sbin/sshd")));
}

TEST(Startup, TheHealthCheck) {
  expect_sshd(Image("").healthcheck({"CMD", "/usr/sbin/sshd", "-t"}).run());
  expect_sshd(Image("").healthcheck({"CMD-SHELL", "true && /usr/sbin/sshd -t"}).run());
  expect_sshd(Image(script("/check", "#!/bin/sh\nsshd")).command({"nginx"}).healthcheck({"CMD", "/check"}).run());
  for (const Words& none : std::vector<Words>{{}, {"NONE"}, {"CMD"}, {"CMD-SHELL"}, {"NONE", "sshd"}}) {
    Outcome r = Image("").command({"nginx"}).healthcheck(none).run();
    EXPECT_THAT(r.programs, ElementsAre("/usr/sbin/nginx"));
    EXPECT_THAT(r.not_followed, IsEmpty());
  }
}

TEST(Startup, TheEnvironmentOfBash) {
  expect_sshd(Image(script("/b.sh", "#!/bin/sh\nsshd")).command({"bash", "-c", "nginx"}).env({"BASH_ENV=/b.sh"}).run());
  EXPECT_THAT(Image("file /b.txt \"sshd\"\n").command({"bash", "-c", "nginx"}).env({"BASH_ENV=/b.txt"}).run().not_followed, Contains(HasSubstr("/b.txt")));
}

TEST(Startup, CronStartsItsTables) {
  std::string cron = "elf /usr/sbin/cron program\n", table = "file /etc/cron.d/x |\n  # a comment\n  MAILTO=root\n  */5 * * * * root ";
  expect_sshd(Image(cron + table + "/usr/sbin/sshd -D\n").command({"cron", "-f"}).run());
  expect_sshd(Image(cron + table + "cd / && sshd\n").command({"cron", "-f"}).run());
  expect_sshd(Image(cron + "file /etc/crontab \"@daily root sshd\\n\"\n").command({"cron", "-f"}).run());
  expect_sshd(Image(cron + script("/etc/cron.hourly/x", "#!/bin/sh\nsshd")).command({"cron", "-f"}).run());
  EXPECT_THAT(Image(cron + table + "sshd\n").command({"nginx"}).run().programs, ElementsAre("/usr/sbin/nginx"));
  EXPECT_THAT(Image(cron + "file /etc/cron.d/x \"# * * * * * root sshd\\n\"\n").command({"cron"}).run().programs, Not(Contains("/usr/sbin/sshd")));
  EXPECT_THAT(Image(cron + "file /var/spool/cron/crontabs/root \"* * * * * sshd\\n\"\n").command({"cron"}).run().not_followed, Not(IsEmpty()));
}

TEST(Startup, SupervisordReadsTheFileThatItIsGiven) {
  std::string tool = "elf /usr/bin/supervisord program\n", body = " |\n  [program:x]\n  command=/usr/sbin/sshd -D\n";
  expect_sshd(Image(tool + "file /etc/supervisor/own.conf" + body).command({"supervisord", "-c", "/etc/supervisor/own.conf"}).run());
  EXPECT_THAT(Image(tool + "file /opt/own.conf" + body).command({"supervisord", "-c", "/opt/own.conf"}).run().not_followed, Not(IsEmpty()));
  EXPECT_THAT(Image(tool + "file /etc/supervisord.conf |\n  [program:x]\n  command=%(ENV_X)s\n").command({"supervisord"}).env({"X=sshd"}).run().not_followed,
              Contains(HasSubstr("/etc/supervisord.conf")));
}

TEST(Startup, ARunThatIsALinkToAProgram) {
  expect_sshd(Image("elf /init program\nlink /etc/services.d/ssh/run -> /usr/sbin/sshd\n").entrypoint({"/init"}).run());
}

TEST(Startup, AWrapperInManyLayersAndWithManyWords) {
  Words nested(14, "env"), many{"env"};
  nested.emplace_back("sshd");
  expect_sshd_or_told(Image("").command(nested).run());
  for (int i = 0; i < 300; ++i) many.push_back("A" + std::to_string(i) + "=1");
  many.emplace_back("sshd");
  expect_sshd(Image("").command(many).run());
  expect_sshd_or_told(of_script("#!/bin/sh\nexec " + join(many, " ") + "\n"));
}

TEST(Startup, AShellUnderAnotherName) {
  expect_sshd(Image("link /start -> /bin/sh\n").command({"/start", "-c", "sshd"}).run());
  expect_sshd(Image("elf /bin/busybox program\n").command({"busybox", "sh", "-c", "sshd"}).run());
}

TEST(Startup, AProgramThatMayStartItsArgumentIsTold) {
  for (const char* line : {"/lib64/ld-linux-x86-64.so.2 /usr/sbin/sshd", "taskset -c 0 sshd", "find . -exec sshd ;", "watch -n 1 sshd"}) {
    Words w;
    for (auto x : words(line)) w.emplace_back(x);
    expect_sshd_or_told(
        Image("elf /lib64/ld-linux-x86-64.so.2\nelf /usr/bin/taskset program\nelf /usr/bin/find program\nelf /usr/bin/watch program\n").command(w).run());
  }
  EXPECT_THAT(of_script("#!/bin/sh\nchmod 755 /usr/sbin/sshd\ntest -x /usr/sbin/sshd\nls -l /usr/sbin/sshd\nnginx\n").not_followed, IsEmpty());
}

TEST(Startup, SupervisordStartsItsPrograms) {
  std::string conf =
      "elf /usr/bin/supervisord program\nfile /etc/supervisor/conf.d/ssh.conf |\n  [program:sshd]\n  ; command=/bin/no\n  command = /usr/sbin/sshd -D\n  "
      "autorestart=true\n";
  expect_sshd(Image(conf).command({"/usr/bin/supervisord", "-n"}).run());
  Outcome none = Image("elf /usr/bin/supervisord program").command({"supervisord", "-c", "/app/s.conf"}).run();
  EXPECT_THAT(none.not_followed, Not(IsEmpty()));
}

TEST(Startup, ServicesOfS6AndRunit) {
  std::string s6 = script("/init", "#!/bin/sh -e\nexec s6-svscan") + script("/etc/services.d/ssh/run", "#!/usr/bin/with-contenv sh\nexec /usr/sbin/sshd -D");
  expect_sshd(Image(s6).entrypoint({"/init"}).run());
  std::string v3 = script("/init", "#!/bin/sh -e\nexec s6-svscan") + script("/etc/s6-overlay/s6-rc.d/ssh/run", "#!/command/execlineb -P\n/usr/sbin/sshd -D -e");
  expect_sshd(Image(v3).entrypoint({"/init"}).run());
  std::string runit = "elf /usr/bin/runsvdir program\n" + script("/etc/service/ssh/run", "#!/bin/sh\nexec 2>&1\nexec chpst -u root /usr/sbin/sshd -D") +
                      "elf /usr/bin/chpst program";
  expect_sshd(Image(runit).command({"runsvdir", "/etc/service"}).run());
  std::string init_d = script("/sbin/my_init", "#!/bin/sh\nx") + script("/etc/my_init.d/10_ssh", "#!/bin/sh\nsshd");
  expect_sshd(Image(init_d).command({"/sbin/my_init"}).run());
}

TEST(Startup, InitScriptsByService) {
  std::string ssh =
      script("/etc/init.d/ssh",
             "#!/bin/sh\nDAEMON=/usr/sbin/sshd\ncase \"$1\" in\n  start)\n    start-stop-daemon --start --oknodo --exec $DAEMON -- $SSHD_OPTS\n    ;;\nesac");
  std::string tools = "elf /usr/sbin/start-stop-daemon program\nelf /usr/sbin/service program\n";
  expect_sshd(Image(ssh + tools + script("/entry.sh", "#!/bin/bash\nservice ssh start\ntail -f /dev/null")).entrypoint({"/entry.sh"}).run());
  expect_sshd(Image(ssh + tools).command({"/bin/sh", "-c", "/etc/init.d/ssh start && tail -f /dev/null"}).run());
  expect_sshd(Image(ssh + tools).command({"service", "ssh", "start"}).run());
  expect_sshd_or_told(Image(ssh + tools + script("/entry.sh", "#!/bin/bash\nfor s in cron ssh; do service $s start; done")).entrypoint({"/entry.sh"}).run());
}

const char* const kUnits =
    "elf /usr/lib/systemd/systemd program\nlink /lib -> usr/lib\nlink /sbin/init -> /lib/systemd/systemd\n"
    "file /usr/lib/systemd/system/ssh.service |\n  [Service]\n  ExecStartPre=-/bin/true\n  ExecStart=/usr/sbin/sshd -D $OPTS\n";

TEST(Startup, UnitsThatAreWantedAreStartedAndOthersNot) {
  std::string wanted = "link /etc/systemd/system/multi-user.target.wants/ssh.service -> /lib/systemd/system/ssh.service\n";
  expect_sshd(Image(kUnits + wanted).command({"/sbin/init"}).run());
  expect_sshd(Image(kUnits + wanted).command({"/lib/systemd/systemd"}).run());
  EXPECT_THAT(Image(kUnits).command({"/sbin/init"}).run().programs, ElementsAre("/usr/lib/systemd/systemd"));
  expect_sshd(Image(kUnits + wanted).run(true));
  EXPECT_THAT(Image(kUnits + wanted).run().programs, IsEmpty()) << "an image that names no command starts no machine";
}

TEST(Startup, ASocketStartsItsServiceOrItsTemplate) {
  std::string socket = "link /etc/systemd/system/sockets.target.wants/ssh.socket -> /lib/systemd/system/ssh.socket\n";
  expect_sshd(Image(kUnits + socket).command({"/sbin/init"}).run());
  expect_sshd(Image("elf /sbin/init program\nfile /lib/systemd/system/ssh@.service \"[Service]\\nExecStart=-/usr/sbin/sshd -i\\n\"\n" + socket)
                  .command({"/sbin/init"})
                  .run());
}

const char* const kWanted = "link /etc/systemd/system/multi-user.target.wants/x.service -> /etc/systemd/system/x.service\n";

TEST(Startup, UnitsInEveryForm) {
  for (const char* body : {"ExecStart=/usr/bin/env A=1 \\\n    /usr/sbin/sshd \\\n    -D", "ExecStart = /usr/sbin/sshd", "ExecStart= -@/usr/sbin/sshd x -D",
                           "  ExecStart=/usr/sbin/sshd", "ExecStartPost=/usr/sbin/sshd"}) {
    std::string text = "elf /sbin/init program\n" + std::string(kWanted) + "file /etc/systemd/system/x.service |\n  [Service]\n";
    for (std::string_view line : split(body, '\n')) text += "  " + std::string(line) + "\n";
    expect_sshd(Image(text).command({"/sbin/init"}).run());
  }
}

TEST(Startup, UnitsThatOtherUnitsBring) {
  std::string init = "elf /sbin/init program\n", sshd = " |\n  [Service]\n  ExecStart=/usr/sbin/sshd\n", app = " |\n  [Service]\n  ExecStart=/usr/sbin/nginx\n";
  std::string x = "file /etc/systemd/system/x.service";
  expect_sshd(Image(init + kWanted + x + app + "file /etc/systemd/system/x.service.d/a.conf" + sshd).command({"/sbin/init"}).run());
  expect_sshd(
      Image(init + kWanted + x + " |\n  [Unit]\n  Wants=none.service y.service\n" + "file /lib/systemd/system/y.service" + sshd).command({"/sbin/init"}).run());
  expect_sshd(Image(init + "link /etc/systemd/system/a.target.wants/x@one.service -> ../x@.service\nfile /etc/systemd/system/x@.service" + sshd)
                  .command({"/sbin/init"})
                  .run());
  EXPECT_THAT(Image(init + "link /etc/systemd/system/a.target.wants/e.service -> /opt/e.service\nfile /opt/e.service" + sshd)
                  .command({"/sbin/init"})
                  .run()
                  .not_followed,
              Contains(HasSubstr("opt/e.service")));
  EXPECT_THAT(Image(init + kWanted + x + app + "file /etc/systemd/system/y.service" + sshd).command({"/sbin/init"}).run().programs,
              Not(Contains("/usr/sbin/sshd")));
}

TEST(Startup, UnitsThatWantEachOtherEnd) {
  std::string text = "elf /sbin/init program\n" + std::string(kWanted) + "file /etc/systemd/system/x.service |\n  [Unit]\n  Wants=y.service x.service\n" +
                     "file /etc/systemd/system/y.service |\n  [Unit]\n  Requires=x.service y.service\n  [Service]\n  ExecStart=/usr/sbin/sshd\n";
  expect_sshd(Image(text).command({"/sbin/init"}).run());
}

TEST(Startup, RcLocal) {
  expect_sshd(Image("elf /sbin/init program\n" + script("/etc/rc.local", "#!/bin/sh -e\nsshd\nexit 0")).command({"/sbin/init"}).run());
  expect_sshd(Image("elf /sbin/init program\n" + script("/etc/rc.local", "#!/bin/sh -e\nsshd\nexit 0")).run(true));
}

TEST(Startup, SystemctlStartsAUnit) {
  expect_sshd(Image(kUnits + script("/entry.sh", "#!/bin/sh\nsystemctl start ssh.service") + "elf /bin/systemctl program").entrypoint({"/entry.sh"}).run());
}

TEST(Startup, InittabAndInitScriptsOfTheRunlevel) {
  expect_sshd(Image("elf /sbin/init program\nfile /etc/inittab |\n  # comment::x:/bin/no\n  ::sysinit:/bin/true\n  ::respawn:/usr/sbin/sshd -D\n")
                  .command({"/sbin/init"})
                  .run());
  std::string rc = script("/etc/init.d/ssh", "#!/bin/sh\n/usr/sbin/sshd") + "elf /sbin/init program\n";
  expect_sshd(Image(rc + "link /etc/rc2.d/S01ssh -> ../init.d/ssh\n").command({"/sbin/init"}).run());
  EXPECT_THAT(Image(rc + "link /etc/rc2.d/K01ssh -> ../init.d/ssh\n").command({"/sbin/init"}).run().programs, Not(Contains("/usr/sbin/sshd")));
}

TEST(Startup, SourcedFilesAreReadWithTheSameArguments) {
  expect_sshd(
      Image(script("/entry.sh", "#!/bin/sh\n. /lib.sh\nrest") + script("/lib.sh", "#!/bin/sh\nexec \"$@\"")).entrypoint({"/entry.sh"}).command({"sshd"}).run());
  EXPECT_THAT(Image("file /data.txt \"x\"\n" + script("/entry.sh", "#!/bin/sh\n. /data.txt")).entrypoint({"/entry.sh"}).run().not_followed, Not(IsEmpty()));
}

TEST(Startup, WhatIsKnownOnlyAtRunTimeIsTold) {
  for (const char* body : {"exec $CMD", "eval \"$1\"", "exec sh -c \"$COMMAND\"", "for f in /etc/start.d/*; do . \"$f\"; done", "exec gosu app $CMD",
                           "exec \"$@\"", "curl -s http://x | sh", "bash <<EOF\n/usr/sbin/sshd\nEOF", "exec su-exec $RUN_AS /usr/sbin/sshd -D"})
    expect_sshd_or_told(of_script("#!/bin/sh\n" + std::string(body) + "\n"));
}

TEST(Startup, ArgumentsThatTheScriptBuildsAreFollowedOrTold) {
  expect_sshd_or_told(of_script("#!/bin/sh\nif [ \"${1#-}\" != \"$1\" ]; then\n  set -- sshd \"$@\"\nfi\nexec \"$@\"\n", {"-D"}));
  expect_sshd_or_told(of_script("#!/bin/sh\nshift\nexec \"$@\"\n", {"serve", "sshd", "-D"}));
  expect_sshd_or_told(of_script("#!/bin/sh\nrun() { \"$@\"; }\nrun sshd\nexec \"$@\"\n", {"nginx"}));
}

TEST(Startup, ScriptsOfOtherLanguagesAreTold) {
  Outcome r = Image("elf /usr/bin/python3 program\n" + script("/app.py", "#!/usr/bin/python3\nprint(1)")).command({"/app.py"}).run();
  EXPECT_THAT(r.not_followed, ElementsAre(HasSubstr("/app.py")));
  expect_sshd_or_told(
      Image("elf /usr/bin/python3 program\n" + script("/app.py", "#!/usr/bin/python3\nimport os\nos.system('sshd')")).command({"python3", "/app.py"}).run());
}

TEST(Startup, ScriptsThatCallEachOtherEnd) {
  Outcome r = Image(script("/a.sh", "#!/bin/sh\n/b.sh x \"$@\"\n") + script("/b.sh", "#!/bin/sh\n/a.sh y \"$@\"\nsshd")).entrypoint({"/a.sh"}).run();
  expect_sshd(r);
}

// Each level reads its file again for every line that sources it: without a budget this would be fifty to the power of twelve.
TEST(Startup, AScriptThatSourcesItselfManyTimesEnds) {
  std::string body = "#!/bin/sh\n";
  for (int i = 0; i < 50; ++i) body += ". /a.sh\n";
  expect_sshd_or_told(Image(script("/a.sh", body + "sshd")).entrypoint({"/a.sh"}).run());
}

TEST(Startup, AVariableThatRunsItselfManyTimesEnds) {
  std::string x = "X=";
  for (int i = 0; i < 50; ++i) x += "sh -c \"$X\";";
  expect_sshd_or_told(Image("").command({"sh", "-c", "$X; sh -c \"$X\"; sshd"}).env({x}).run());
}

TEST(Startup, EachProgramIsListedOnce) {
  Outcome r = of_script("#!/bin/sh\nsshd\n/usr/sbin/sshd -D\nnginx\nsshd\n");
  EXPECT_EQ(std::count(r.programs.begin(), r.programs.end(), "/usr/sbin/sshd"), 1);
}

}  // namespace
}  // namespace careen
