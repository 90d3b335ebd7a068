// Whether a library can act in an image: each state and its reasons.
#include "detect/reach.h"

#include <gmock/gmock.h>

#include "../../tests/support/detect_text.h"

namespace careen {
namespace {

using test::DetectText;
using testing::Contains;
using testing::HasSubstr;
using Words = std::vector<std::string>;

const char* const kSsh =
    "elf /bin/sh program\nelf /usr/sbin/sshd program needed=libsystemd.so.0\nelf /usr/lib/libsystemd.so.0 soname=libsystemd.so.0 needed=liblzma.so.5\n"
    "elf /usr/lib/liblzma.so.5.6.0 soname=liblzma.so.5\nlink /usr/lib/liblzma.so.5 -> liblzma.so.5.6.0\nelf /usr/bin/xz program needed=liblzma.so.5\nelf "
    "/usr/bin/app program\n";

Threat ssh_threat() {
  Threat t;
  t.id = "T-1";
  t.conditions.architectures = {"amd64"};
  t.conditions.programs = {"usr/sbin/sshd"};
  t.conditions.says = "acts in sshd alone";
  return t;
}

Reachability judged(const std::string& more, const std::vector<std::string>& command, const Threat* t, const std::function<void(DetectText&)>& change = {}) {
  DetectText d(kSsh + more);
  d.config.command = command;
  if (change) change(d);
  ReachJudge judge(d.input());
  return judge.judge("usr/lib/liblzma.so.5.6.0", 0, t);
}

TEST(Reach, WhatTheImageStartsIsReachableWithItsChain) {
  Threat t = ssh_threat();
  Reachability r = judged("", {"/usr/sbin/sshd", "-D"}, &t, [](DetectText& d) {
    d.config.ports = {"22/tcp"};
    d.config.user = "www";
  });
  EXPECT_EQ(r.state, ReachState::reachable);
  EXPECT_THAT(r.because, Contains("/usr/sbin/sshd → libsystemd.so.0 → liblzma.so.5"));
  EXPECT_THAT(r.because, Contains(HasSubstr("22/tcp")));
  EXPECT_THAT(r.because, Contains(HasSubstr("runs as www")));
  EXPECT_THAT(r.because, Contains(HasSubstr("may override")));
}

TEST(Reach, WhatNothingStartsIsDormantAndSaysWhatWouldWakeIt) {
  Threat t = ssh_threat();
  Reachability r = judged("", {"/usr/bin/app"}, &t);
  EXPECT_EQ(r.state, ReachState::dormant);
  EXPECT_THAT(r.because, Contains(HasSubstr("would wake it: running /usr/sbin/sshd")));
  EXPECT_THAT(r.because, Contains(HasSubstr("may override")));
  EXPECT_THAT(r.because, Contains("acts in sshd alone"));
}

TEST(Reach, AProgramInWhichItDoesNotActDoesNotCount) {
  Threat t = ssh_threat();
  EXPECT_EQ(judged("", {"/usr/bin/xz"}, &t).state, ReachState::dormant);
  EXPECT_EQ(judged("", {"/usr/bin/xz"}, nullptr).state, ReachState::reachable);
  Reachability r = judged("layer\nwhiteout /usr/sbin/sshd", {"/usr/bin/xz"}, &t);
  EXPECT_EQ(r.state, ReachState::dormant);
  EXPECT_THAT(r.because, Contains(HasSubstr("though others load the file")));
}

TEST(Reach, AnotherArchitectureIsDormant) {
  Threat t = ssh_threat();
  t.conditions.architectures = {"arm64"};
  Reachability r = judged("", {"/usr/sbin/sshd"}, &t);
  EXPECT_EQ(r.state, ReachState::dormant);
  EXPECT_THAT(r.because, Contains(HasSubstr("amd64")));
}

TEST(Reach, WhatCouldNotBeFollowedLeavesItUnknown) {
  Threat t = ssh_threat();
  Reachability r = judged("file /e.sh 0755 \"#!/bin/sh\\nexec $CMD\\n\"", {"/e.sh"}, &t);
  EXPECT_EQ(r.state, ReachState::unknown);
  EXPECT_THAT(r.because, Contains(HasSubstr("not followed")));
  // Where no program loads it, there is nothing to be unknown about.
  EXPECT_EQ(judged("file /e.sh 0755 \"#!/bin/sh\\nexec $CMD\\n\"\nlayer\nwhiteout /usr/sbin/sshd", {"/e.sh"}, &t).state, ReachState::dormant);
}

TEST(Reach, OpenedByNameIsUnknown) {
  Reachability r = judged("elf /usr/bin/opener program imports=dlopen strings=liblzma.so.5", {"/usr/bin/opener"}, nullptr);
  EXPECT_EQ(r.state, ReachState::unknown);
  EXPECT_THAT(r.because, Contains(HasSubstr("opened by name")));
}

TEST(Reach, AProgramThatIsItselfTheFile) {
  DetectText d(kSsh);
  d.config.command = {"/usr/bin/app"};
  ReachJudge judge(d.input());
  EXPECT_EQ(judge.judge("usr/bin/app", 0, nullptr).state, ReachState::reachable);
  EXPECT_EQ(judge.judge("usr/bin/xz", 0, nullptr).state, ReachState::dormant);
}

TEST(Reach, WhatIsNoElfFileOrNotThereIsUnknown) {
  DetectText d(std::string(kSsh) + "file /data.bin \"x\"");
  ReachJudge judge(d.input());
  EXPECT_EQ(judge.judge("data.bin", 0, nullptr).state, ReachState::unknown);
  EXPECT_EQ(judge.judge("none", 0, nullptr).state, ReachState::unknown);
}

TEST(Reach, ASingleFileHasNoImageToJudgeBy) {
  EXPECT_EQ(judged("", {}, nullptr, [](DetectText& d) { d.input().is_single_file = true; }).state, ReachState::unknown);
}

TEST(Reach, CoverageIsGivenOnlyOnceSomethingWasJudged) {
  DetectText d(std::string(kSsh) + "file /e.sh 0755 \"#!/bin/sh\\nexec $CMD\\n\"");
  d.config.command = {"/e.sh"};
  ReachJudge judge(d.input());
  EXPECT_TRUE(judge.coverage().empty());
  judge.judge("usr/bin/xz", 0, nullptr);
  ASSERT_EQ(judge.coverage().size(), 1U);
  EXPECT_EQ(judge.coverage()[0].question, Question::reachability);
  EXPECT_EQ(judge.coverage()[0].state, CoverageState::partly);
}

TEST(Reach, APreloadedLibraryIsReachableInWhateverRuns) {
  Reachability r = judged("", {"/usr/bin/app"}, nullptr, [](DetectText& d) { d.config.environment = {"LD_PRELOAD=/usr/lib/liblzma.so.5"}; });
  EXPECT_EQ(r.state, ReachState::reachable);
}

TEST(Reach, ALinkOfTheNameThatAThreatSaysIsThatProgram) {
  Threat t = ssh_threat();
  std::string real = "layer\nlink /usr/sbin/sshd -> sshd.openssh\nelf /usr/sbin/sshd.openssh program needed=libsystemd.so.0\n";
  EXPECT_EQ(judged(real, {"/usr/sbin/sshd", "-D"}, &t).state, ReachState::reachable);
  EXPECT_EQ(judged(real, {"sshd"}, &t).state, ReachState::reachable);
  EXPECT_EQ(judged(real, {"/usr/bin/app"}, &t).state, ReachState::dormant);
}

TEST(Reach, WhereTheLinkersConfigurationWasNotReadNothingIsDormant) {
  Threat t = ssh_threat();
  Reachability r = judged("file /opt/folders \"/odd\\n\"\nlink /etc/ld.so.conf -> /opt/folders", {"/usr/bin/app"}, &t);
  EXPECT_EQ(r.state, ReachState::unknown);
  EXPECT_THAT(r.because, Contains(HasSubstr("/etc/ld.so.conf")));
}

TEST(Reach, AProgramThatAFollowedTextNamesIsNotRuledOut) {
  Threat t = ssh_threat();
  Reachability r = judged("file /e.sh 0755 \"#!/bin/sh\\nprintf '%s' sshd > /run/x\\nexec app\\n\"", {"/e.sh"}, &t);
  EXPECT_EQ(r.state, ReachState::unknown);
  EXPECT_THAT(r.because, Contains(HasSubstr("sshd")));
  EXPECT_EQ(judged("file /e.sh 0755 \"#!/bin/sh\\n# sshd\\nexec app\\n\"", {"/e.sh"}, &t).state, ReachState::dormant);
}

TEST(Reach, TheHealthCheckIsStartedToo) {
  Threat t = ssh_threat();
  for (const Words& check : std::vector<Words>{{"CMD", "/usr/sbin/sshd", "-t"}, {"CMD-SHELL", "/usr/sbin/sshd -t || exit 1"}})
    EXPECT_EQ(judged("", {"/usr/bin/app"}, &t, [&](DetectText& d) { d.config.healthcheck = check; }).state, ReachState::reachable);
  EXPECT_EQ(judged("", {"/usr/bin/app"}, &t, [](DetectText& d) { d.config.healthcheck = {"NONE"}; }).state, ReachState::dormant);
}

TEST(Reach, TextOfTheImageIsEscaped) {
  Reachability r = judged("file /e\x1b.sh 0755 \"#!/bin/sh\\nexec $CMD\\n\"", {"/e\x1b.sh"}, nullptr);
  for (const std::string& b : r.because) EXPECT_EQ(b.find('\x1b'), std::string::npos) << escape(b);
}

}  // namespace
}  // namespace careen
