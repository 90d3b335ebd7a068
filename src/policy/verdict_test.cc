// Every rule of policy/verdict.h, one by one.
#include "policy/verdict.h"

#include <gmock/gmock.h>

namespace careen {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

Finding finding(FindingKind kind, Confidence confidence, Severity severity, ReachState reach = ReachState::unknown, bool visible = true) {
  Finding f;
  f.id = "0123456789abcdef";
  f.kind = kind;
  f.confidence = confidence;
  f.severity = severity;
  f.reachability.state = reach;
  f.where.visible = visible;
  f.title = "A title";
  return f;
}

Coverage row(Question q, CoverageState s) {
  return {q, s, "what", "why"};
}

constexpr Severity kSeverities[] = {Severity::unknown, Severity::info, Severity::low, Severity::medium, Severity::high, Severity::critical};
constexpr FindingKind kDangers[] = {FindingKind::backdoor, FindingKind::malware};

TEST(Flags, ConfirmedDangersOfEverySeverity) {
  for (FindingKind k : kDangers)
    for (Severity s : kSeverities) EXPECT_TRUE(flags(finding(k, Confidence::confirmed, s)));
}

TEST(Flags, SuspectedDangersFromHighOn) {
  for (FindingKind k : kDangers)
    for (Severity s : kSeverities) EXPECT_EQ(flags(finding(k, Confidence::suspected, s)), s == Severity::high || s == Severity::critical);
}

TEST(Flags, RefutedNever) {
  for (FindingKind k : kDangers)
    for (Severity s : kSeverities) EXPECT_FALSE(flags(finding(k, Confidence::refuted, s)));
}

TEST(Flags, WhetherReachableDormantOrHidden) {
  for (ReachState r : {ReachState::reachable, ReachState::dormant, ReachState::unknown})
    for (bool visible : {true, false}) {
      EXPECT_TRUE(flags(finding(FindingKind::backdoor, Confidence::confirmed, Severity::medium, r, visible)));
      EXPECT_TRUE(flags(finding(FindingKind::malware, Confidence::suspected, Severity::high, r, visible)));
    }
}

TEST(Flags, ChangedFilesNeverAndDigestsThatLieAlways) {
  Finding changed = finding(FindingKind::integrity, Confidence::confirmed, Severity::critical);
  changed.rule = "changed-file";
  EXPECT_FALSE(flags(changed));
  changed.rule = kDigestMismatchRule;
  EXPECT_TRUE(flags(changed));
  changed.severity = Severity::info;
  EXPECT_TRUE(flags(changed));
}

TEST(Flags, NoOtherKind) {
  for (FindingKind k : {FindingKind::vulnerability, FindingKind::secret, FindingKind::configuration, FindingKind::provenance})
    EXPECT_FALSE(flags(finding(k, Confidence::confirmed, Severity::critical)));
}

TEST(Judge, NothingAtAllIsClean) {
  Judgement j = judge({}, {}, std::nullopt);
  EXPECT_EQ(j.verdict, Verdict::clean);
  EXPECT_THAT(j.reasons, IsEmpty());
}

TEST(Judge, FindingsThatDoNotFlagAreClean) {
  EXPECT_EQ(
      judge({finding(FindingKind::backdoor, Confidence::refuted, Severity::critical), finding(FindingKind::backdoor, Confidence::suspected, Severity::medium)},
            {}, Severity::high)
          .verdict,
      Verdict::clean);
}

TEST(Judge, EachFlagIsAReasonWithItsPlace) {
  Finding f = finding(FindingKind::backdoor, Confidence::confirmed, Severity::high);
  f.threat = "CVE-1";
  f.where.path = "/x\n";
  Judgement j =
      judge({f, finding(FindingKind::secret, Confidence::confirmed, Severity::high), finding(FindingKind::malware, Confidence::suspected, Severity::high)}, {},
            std::nullopt);
  EXPECT_EQ(j.verdict, Verdict::flagged);
  EXPECT_THAT(j.reasons, ElementsAre(testing::AllOf(HasSubstr("CVE-1"), HasSubstr("/x\\x0a")), HasSubstr("suspected malware: A title")));
}

TEST(Judge, FlaggedWinsOverUndetermined) {
  Judgement j =
      judge({finding(FindingKind::backdoor, Confidence::confirmed, Severity::high)}, {row(Question::content, CoverageState::not_looked)}, std::nullopt);
  EXPECT_EQ(j.verdict, Verdict::flagged);
  EXPECT_EQ(j.reasons.size(), 1U);
}

TEST(Judge, CoverageDecidesByQuestionAndState) {
  for (Question q : {Question::content, Question::packages, Question::threats, Question::vulnerabilities, Question::integrity, Question::reachability})
    for (CoverageState s : {CoverageState::looked, CoverageState::partly, CoverageState::not_looked, CoverageState::not_applicable})
      for (bool asked : {false, true}) {
        bool gap = s == CoverageState::partly || s == CoverageState::not_looked;
        bool counts = q == Question::content || q == Question::packages || q == Question::threats || (q == Question::vulnerabilities && asked);
        Judgement j = judge({}, {row(q, s)}, asked ? std::optional(Severity::high) : std::nullopt);
        EXPECT_EQ(j.verdict, gap && counts ? Verdict::undetermined : Verdict::clean) << to_text(q) << " " << to_text(s) << " " << asked;
        EXPECT_EQ(j.reasons.empty(), j.verdict == Verdict::clean);
      }
}

TEST(Judge, AGapIsAReasonEscaped) {
  Judgement j = judge({}, {{Question::content, CoverageState::partly, "layer 1: a\x1b", "cut\n"}}, std::nullopt);
  EXPECT_THAT(j.reasons, ElementsAre("content looked at in part: layer 1: a\\x1b: cut\\x0a"));
}

TEST(ExitCode, OfEachVerdict) {
  EXPECT_EQ(exit_code(Verdict::clean), 0);
  EXPECT_EQ(exit_code(Verdict::flagged), 1);
  EXPECT_EQ(exit_code(Verdict::undetermined), 3);
}

TEST(ExitCode, OfSeveralTheFirstOfOneFourThreeNought) {
  const int order[] = {1, 4, 3, 0};
  for (int a = 0; a < 4; ++a)
    for (int b = 0; b < 4; ++b) EXPECT_EQ(worse_exit(order[a], order[b]), order[std::min(a, b)]);
}

TEST(VerdictText, HasAWordForEach) {
  EXPECT_EQ(to_text(Verdict::clean), "clean");
  EXPECT_EQ(to_text(Verdict::flagged), "flagged");
  EXPECT_EQ(to_text(Verdict::undetermined), "undetermined");
}

}  // namespace
}  // namespace careen
