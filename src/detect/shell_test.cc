// Scripts in the style of those that images start, and the commands that reading them must find.
#include "detect/shell.h"

#include <gmock/gmock.h>

#include "base/text.h"

namespace careen {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Not;
using Words = std::vector<std::string>;

ScriptCommands read(std::string_view text, const Words& arguments = {}, std::map<std::string, std::string> variables = {}) {
  return read_script(text, arguments, std::move(variables));
}

// Each command as one line, so that expectations read like scripts.
Words lines(const ScriptCommands& s) {
  Words out;
  for (const auto& c : s.commands) out.push_back(join(c, " "));
  return out;
}
Words commands(std::string_view text, const Words& arguments = {}) {
  return lines(read(text, arguments));
}

std::string base_of(const std::string& path) {
  return std::string(base_name(path));
}

TEST(ReadScript, SplitsAtNewlinesSemicolonsAndOperators) {
  EXPECT_THAT(commands("a 1\nb 2; c && d || e | f & (g; h)"), ElementsAre("a 1", "b 2", "c", "d", "e", "f", "g", "h"));
}

TEST(ReadScript, PassesOverCommentsAndEmptyLines) {
  EXPECT_THAT(commands("#!/bin/sh\n\n# nothing\n  a # behind\nb#c\n\t\n"), ElementsAre("a", "b#c"));
  EXPECT_THAT(commands(""), IsEmpty());
  EXPECT_THAT(commands("# the last line has no end"), IsEmpty());
}

TEST(ReadScript, JoinsContinuedLines) {
  EXPECT_THAT(commands("exec java \\\n  -jar \\\n  app.jar\n"), ElementsAre("java -jar app.jar"));
  EXPECT_THAT(commands("/usr/sb\\\nin/sshd -D"), ElementsAre("/usr/sbin/sshd -D"));
}

TEST(ReadScript, RemovesQuotes) {
  auto s = read(R"(run 'a b' "c d" e\ f 'g'"h"i "" '$X')");
  ASSERT_EQ(s.commands.size(), 1U);
  EXPECT_THAT(s.commands[0], ElementsAre("run", "a b", "c d", "e f", "ghi", "", "$X"));
  EXPECT_TRUE(s.complete);
}

TEST(ReadScript, AnEscapedDollarIsNoVariable) {
  auto s = read(R"(X=secret; run "\$X" \$X)");
  ASSERT_EQ(s.commands.size(), 1U);
  EXPECT_THAT(s.commands[0], ElementsAre("run", "$X", "$X"));
}

TEST(ReadScript, ExecAndOtherWordsInFrontAreNoCommands) {
  EXPECT_THAT(commands("exec nginx -g 'daemon off;'"), ElementsAre("nginx -g daemon off;"));
  EXPECT_THAT(commands("exec -a name prog x\nexec -c prog2\ncommand -p prog3\n! prog4\ntime prog5\nbuiltin prog6"),
              ElementsAre("prog x", "prog2", "prog3", "prog4", "prog5", "prog6"));
  EXPECT_THAT(commands("A=1 B='2 3' prog"), ElementsAre("prog"));
}

TEST(ReadScript, ArgumentsStandForThemselves) {
  EXPECT_THAT(commands("exec \"$@\"", {"nginx", "-g", "x y"}), ElementsAre("nginx -g x y"));
  EXPECT_THAT(commands("exec gosu app \"$@\"", {"redis-server"}), ElementsAre("gosu app redis-server"));
  EXPECT_THAT(commands("exec tini -- \"${@}\"", {"a", "b"}), ElementsAre("tini -- a b"));
  EXPECT_THAT(commands("$1 start; ${2} stop", {"svc", "other"}), ElementsAre("svc start", "other stop"));
}

TEST(ReadScript, WithoutArgumentsWhatRunsIsNotKnown) {
  auto s = read("exec \"$@\"");
  EXPECT_FALSE(s.complete);
  EXPECT_THAT(s.why, testing::HasSubstr("$@"));
}

TEST(ReadScript, VariablesThatTheScriptSetsAreExpanded) {
  EXPECT_THAT(commands("DAEMON=/usr/sbin/sshd\nOPTS='-D -e'\nexec $DAEMON $OPTS"), ElementsAre("/usr/sbin/sshd -D -e"));
  EXPECT_THAT(commands("export HOME=/srv BIN=\"$HOME/bin\"\n\"$BIN/app\" --x"), ElementsAre("/srv/bin/app --x"));
  EXPECT_THAT(commands("D=/opt\n${D}/run ${D}-x"), ElementsAre("/opt/run /opt-x"));
}

TEST(ReadScript, DefaultsCountWhereNothingIsSet) {
  EXPECT_THAT(commands("exec \"${APP:-/usr/bin/app}\" -p ${PORT:-80}"), ElementsAre("/usr/bin/app -p 80"));
  EXPECT_THAT(commands("exec ${1:-/usr/sbin/sshd}"), ElementsAre("/usr/sbin/sshd"));
  EXPECT_THAT(commands("exec ${1:-/usr/sbin/sshd}", {"/bin/other"}), ElementsAre("/bin/other"));
  EXPECT_THAT(lines(read("exec ${APP:-x}", {}, {{"APP", "set"}})), ElementsAre("set"));
  EXPECT_THAT(lines(read("exec ${APP:-x}", {}, {{"APP", ""}})), ElementsAre("x"));
}

TEST(ReadScript, ACommandThatOnlyRunningShowsIsNotFollowed) {
  for (const char* text : {"$CMD", "exec \"$CMD\" -x", "`cat /cmd`", "$(which sshd) -D", "${CMD}", "exec ${CMD:-$OTHER}", "eval \"$X\"", "eval set -- x",
                           "X=$(date); $X", "\"${@:2}\"", "exec \"${CMD[@]}\"", "\"`which sshd`\" -D"}) {
    auto s = read(text);
    EXPECT_FALSE(s.complete) << text;
    EXPECT_FALSE(s.why.empty()) << text;
    for (const auto& c : s.commands) EXPECT_THAT(c[0], testing::AnyOf("cat", "which", "date")) << text;  // what ran to find it out
  }
}

TEST(ReadScript, AVariableOfTwoKindsIsNotKnown) {
  EXPECT_FALSE(read("C=/bin/a\nC=$(pick)\n$C").complete);
}

TEST(ReadScript, TheOtherCommandsStandWhereOneIsNotKnown) {
  auto s = read("/usr/sbin/cron\n$CMD\n/usr/sbin/sshd");
  EXPECT_FALSE(s.complete);
  EXPECT_THAT(lines(s), ElementsAre("/usr/sbin/cron", "/usr/sbin/sshd"));
}

TEST(ReadScript, EveryBranchCounts) {
  EXPECT_THAT(commands("if [ -f /x ]; then\n  a\nelif test -d /y; then b; else\n  c\nfi\nwhile ! ready; do d; done\nuntil e; do :; done"),
              ElementsAre("a", "b", "c", "ready", "d", "e"));
  EXPECT_THAT(commands("[ \"$1\" = x ] && a || { b; }\n[[ -n $Y ]] && c"), ElementsAre("a", "b", "c"));
  EXPECT_THAT(commands("for f in 1 2 3; do a; done\nfor g\ndo b\ndone"), ElementsAre("a", "b"));
}

TEST(ReadScript, PatternsOfCaseAreNoCommands) {
  EXPECT_THAT(commands("case \"$1\" in\n  start) a ;;\n  stop|halt)\n    b\n    ;;\n  sshd) exec c -D;;\n  -*|'') d;;\n  *)\n    e\nesac\n", {"x"}),
              ElementsAre("a", "b", "c -D", "d", "e"));
  EXPECT_THAT(commands("case $1 in nginx) a;; esac; b", {"x"}), ElementsAre("a", "b"));
}

TEST(ReadScript, BodiesOfFunctionsCount) {
  EXPECT_THAT(commands("start_ssh() {\n  /usr/sbin/sshd -D\n}\nstart_ssh\n"), Contains("/usr/sbin/sshd -D"));
  EXPECT_THAT(commands("function start_ssh {\n  /usr/sbin/sshd\n}\n"), Contains("/usr/sbin/sshd"));
  EXPECT_THAT(commands("function start_ssh() { /usr/sbin/sshd; }\n"), Contains("/usr/sbin/sshd"));
  EXPECT_THAT(commands("function start_ssh { /usr/sbin/sshd; }\n"), Contains("/usr/sbin/sshd"));
}

TEST(ReadScript, AFunctionsArgumentsAreItsCallers) {
  // "$@" within run is what the call gives, not what the script was given.
  auto s = read("run() { echo \"+ $*\"; \"$@\"; }\nrun /usr/sbin/sshd\nexec \"$@\"\n", {"nginx"});
  EXPECT_TRUE(!s.complete || testing::Value(lines(s), Contains("/usr/sbin/sshd"))) << join(lines(s), "\n");
}

TEST(ReadScript, SetPutsAnotherCommandInFrontOfTheArguments) {
  for (const char* text : {"if [ \"${1#-}\" != \"$1\" ]; then\n  set -- /usr/sbin/sshd \"$@\"\nfi\nexec \"$@\"\n",
                           "set -- /usr/sbin/sshd \"$@\"; exec \"$@\"\n", "set /usr/sbin/sshd -D\nexec tini -- \"$@\"\n"}) {
    auto s = read(text, {"-D"});
    bool found = false;
    for (const std::string& l : lines(s)) found |= l.find("/usr/sbin/sshd") != std::string::npos;
    EXPECT_TRUE(found || !s.complete) << text;
  }
}

TEST(ReadScript, ShiftTakesArgumentsAway) {
  auto s = read("mode=$1; shift\nexec \"$@\"\n", {"serve", "/usr/sbin/sshd", "-D"});
  bool found = false;
  for (const auto& c : s.commands) found |= c[0] == "/usr/sbin/sshd";
  EXPECT_TRUE(found || !s.complete);
}

TEST(ReadScript, HereDocumentsAreNoCommands) {
  EXPECT_THAT(commands("cat > /etc/x <<EOF\n/usr/sbin/sshd\n$(run)\nEOF\nreal\n"), ElementsAre("cat", "real"));
  EXPECT_THAT(commands("cat <<'END' | tee /x\nno\nEND\nreal\n"), ElementsAre("cat", "tee /x", "real"));
  EXPECT_THAT(commands("cat <<-EOF > /x\n\tno\n\tEOF\nreal\n"), ElementsAre("cat", "real"));
  EXPECT_THAT(commands("cat << \"E O F\"\nno\nE O F\nreal\n"), ElementsAre("cat", "real"));
  EXPECT_THAT(commands("grep x <<< \"a b\"\nreal\n"), ElementsAre("grep x", "real"));
}

TEST(ReadScript, ALineOfAHereDocumentThatOnlyLooksLikeItsEndDoesNotEndIt) {
  EXPECT_THAT(commands("cat <<EOF\n  EOF\nno\nEOF\nreal\n"), ElementsAre("cat", "real"));
}

TEST(ReadScript, TwoHereDocumentsOfOneLine) {
  EXPECT_THAT(commands("paste <<A <<B\nno\nA\nno2\nB\nreal\n"), ElementsAre("paste", "real"));
}

TEST(ReadScript, AShiftOfBitsOpensNoHereDocument) {
  EXPECT_THAT(commands("(( n = 1 << 4 ))\n/usr/sbin/sshd\n"), Contains("/usr/sbin/sshd"));
  EXPECT_THAT(commands("n=$((1 << 4))\n/usr/sbin/sshd\n"), Contains("/usr/sbin/sshd"));
}

TEST(ReadScript, AHereDocumentWithoutAnEndIsTold) {
  auto s = read("cat <<EOF\n/usr/sbin/sshd\n");
  EXPECT_TRUE(!s.complete || !testing::Value(lines(s), Contains("/usr/sbin/sshd")));
}

TEST(ReadScript, TextGivenToAShellIsNotFollowed) {
  EXPECT_FALSE(read("sh <<EOF\n/usr/sbin/sshd\nEOF\n").complete);
  EXPECT_FALSE(read("echo /usr/sbin/sshd | sh\n").complete);
}

TEST(ReadScript, RedirectionsAreNoWords) {
  EXPECT_THAT(commands("a > /dev/null < /in >> /log\nb &> /x\nc >&2\nd &>>/y"), ElementsAre("a", "b", "c", "d"));
  EXPECT_THAT(commands("service ssh start 2>&1\nsshd -D 2>/dev/null 1>&2"), ElementsAre("service ssh start", "sshd -D"));
}

TEST(ReadScript, SubstitutionsInArgumentsDoNoHarm) {
  EXPECT_THAT(commands("app --host \"$(hostname -i | cut -d' ' -f1)\" --id `id -u` end"), testing::SizeIs(4));  // those inside run as well
  EXPECT_EQ(read("app --host \"$(hostname)\" end").commands[0].back(), "end");
}

// What is not known must keep its place: wrappers count their arguments.
TEST(ReadScript, AnArgumentThatIsNotKnownKeepsItsPlace) {
  auto s = read("exec su-exec $RUN_AS /usr/sbin/sshd -D\n");
  ASSERT_EQ(s.commands.size(), 1U);
  EXPECT_EQ(s.commands[0].size(), 4U);
}

// The program is among the commands, or it is told that not all were followed.
void expect_run_or_told(const std::string& text) {
  auto s = read(text);
  bool found = false;
  for (const auto& c : s.commands) found |= base_of(c[0]) == "sshd";
  EXPECT_TRUE(found || !s.complete) << text << "\ngives: " << join(lines(s), " | ");
}

TEST(ReadScript, CommandsWithinOthersAreFollowed) {
  for (const char* text : {"x=$(sshd)", "x=`sshd`", "echo \"a `sshd` b\"", "x=\"$(a; sshd)\"", "echo $(echo $(sshd))", "x=$(a | sshd)"})
    EXPECT_THAT(commands(text), Contains("sshd")) << text;
}

TEST(ReadScript, BracketsThatAreTextEndNothing) {
  for (const char* text :
       {"x=$(echo \")\")\nsshd", "x=$(echo ')')\nsshd", "x=$(echo \\))\nsshd", "((echo hi); true)\nsshd", "((1 + 2))\nsshd", "x=$((1 + 2))\nsshd"})
    EXPECT_THAT(commands(text), Contains("sshd")) << text;
  for (const char* text :
       {"(case x in x) y;; esac)\nsshd", "(case x in (x) y;; esac); sshd", "((a); sshd)", "x=$(case a in a) b;; esac); sshd", "x=$(a # )\n); sshd"})
    expect_run_or_told(text);
}

TEST(ReadScript, WhatRunsLaterIsFollowedOrTold) {
  EXPECT_THAT(commands("trap 'sshd' EXIT"), Contains("sshd"));
  EXPECT_THAT(commands("trap 'a; sshd -D' EXIT INT"), Contains("sshd -D"));
  EXPECT_THAT(commands("coproc sshd"), Contains("sshd"));
  for (const char* text : {"trap sshd EXIT", "trap \"$X\" EXIT", "alias a=sshd\na", "alias a='sshd -D'; a"}) expect_run_or_told(text);
  for (const char* text : {"trap - EXIT\nb", "trap '' INT\nb", "trap\nb", "alias\nb"}) {
    EXPECT_TRUE(read(text).complete) << text;
    EXPECT_THAT(commands(text), Contains("b")) << text;
  }
}

TEST(ReadScript, AFolderThatWasChangedTo) {
  EXPECT_THAT(commands("cd /usr/sbin && ./sshd -D"), Contains(testing::AnyOf("/usr/sbin/./sshd -D", "/usr/sbin/sshd -D")));
  EXPECT_FALSE(read("cd \"$DIR\"; ./sshd").complete);
  EXPECT_FALSE(read("cd $(dirname $0) && ./sshd").complete);
  EXPECT_TRUE(read("cd /srv && nginx -g x").complete);
}

TEST(ReadScript, WordsThatOnlyAShellCanReadAreTold) {
  for (const char* text : {"$'\\x73shd'", "/usr/sbin/ssh?", "/usr/sbin/ss*", "/usr/sbin/[s]shd", "exec /usr/sbin/ssh*"})
    EXPECT_FALSE(read(text).complete) << text;
  EXPECT_TRUE(read("rm -f /run/*.pid\nls /usr/sbin/ssh?\nb").complete) << "a glob among the arguments does no harm";
}

TEST(ReadScript, AShellThatReadsItsCommandsElsewhereIsTold) {
  for (const char* text :
       {"echo sshd | bash -s", "echo sshd | sh -x", "bash <<< 'sshd'", "sh < /file", "bash <(echo sshd)", "sh -s < /file", "bash -x <<EOF\nsshd\nEOF"})
    EXPECT_FALSE(read(text).complete) << text;
  for (const char* text : {"echo a | sort", "sort < /file", "cat <<< a", "echo sh | cat"}) EXPECT_TRUE(read(text).complete) << text;
}

TEST(ReadScript, ChangingHowLibrariesAreFoundIsTold) {
  for (const char* text : {"LD_PRELOAD=/x.so app", "export LD_PRELOAD=/x.so", "LD_LIBRARY_PATH=/x app", "export LD_LIBRARY_PATH=\"/x:$LD_LIBRARY_PATH\"\napp",
                           "LD_AUDIT=/x.so app", "LD_PRELOAD=$(find / -name x.so) app", "declare -x LD_PRELOAD=/x.so", "readonly LD_PRELOAD=/x.so"}) {
    EXPECT_FALSE(read(text).complete) << text;
    EXPECT_THAT(read(text).why, testing::HasSubstr("LD_")) << text;
  }
  EXPECT_TRUE(read("OLD_PRELOAD=/x.so app").complete);
}

TEST(ReadScript, SourcingAFileThatIsNotKnownIsTold) {
  auto s = read("for f in /docker-entrypoint.d/*.sh; do\n  . \"$f\"\ndone\n");
  EXPECT_TRUE(!s.complete || (s.commands.size() == 1 && s.commands[0].size() == 2));
}

TEST(ReadScript, AsManyCommandsAsTheLimitAndNoMore) {
  std::string text;
  for (size_t i = 0; i < kMaxScriptCommands - 1; ++i) text += "a\n";
  EXPECT_TRUE(read(text).complete);
  text += "a\nb\n";
  auto s = read(text);
  EXPECT_FALSE(s.complete);
  EXPECT_LE(s.commands.size(), kMaxScriptCommands);
}

TEST(ReadScript, HostileTextEnds) {
  for (const std::string& text :
       {std::string("'"), std::string("\""), std::string("`"), std::string("$("), std::string("${"), std::string("${}"), std::string("$"), std::string("\\"),
        std::string("<<"), std::string("<<\n"), std::string("a <"), std::string("\0a\0", 3), std::string(100'000, '('), std::string(100'000, '$'),
        std::string(50'000, '\'') + "x", std::string(1 << 16, 'x'), std::string("\"") + std::string(1 << 16, 'x'), std::string("${A:-${B:-${C}}} x")})
    EXPECT_LE(read(text).commands.size(), kMaxScriptCommands);
}

// The parent reads scripts: what a script says must not decide how much memory that takes.
TEST(ReadScript, AVariableThatDoublesDoesNotGrowForEver) {
  std::string text = "A=xxxxxxxxxxxxxxxx\n";
  for (int i = 0; i < 16; ++i) text += "A=$A$A\n";
  for (const auto& c : read(text + "run $A\n").commands)
    for (const std::string& w : c) EXPECT_LE(w.size(), size_t{64} << 10);
}

TEST(SplitWords, RemovesQuotesAndExpandsNothing) {
  EXPECT_THAT(split_words("/usr/sbin/sshd -D -o 'A b' \"c d\" $OPTS '$X'"), ElementsAre("/usr/sbin/sshd", "-D", "-o", "A b", "c d", "$OPTS", "$X"));
  EXPECT_THAT(split_words(""), IsEmpty());
  EXPECT_THAT(split_words("a;b"), ElementsAre("a", "b"));
}

}  // namespace
}  // namespace careen
