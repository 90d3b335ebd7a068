#include "detect/finding.h"

#include <gtest/gtest.h>

#include <functional>
#include <set>

namespace careen {
namespace {

Finding base() {
  Finding f;
  f.kind = FindingKind::backdoor;
  f.threat = "T-1";
  f.where.path = "/usr/lib/x";
  f.where.layer = "sha256:" + std::string(64, 'a');
  f.where.layer_index = 3;
  f.where.package = PackageRef{"x", "1", "xs"};
  return f;
}

TEST(FindingId, IsTheSameOnEveryMachineAndOfSixteenDigits) {
  EXPECT_EQ(finding_id(base()), finding_id(base()));
  EXPECT_EQ(finding_id(base()).size(), 16U);
}

TEST(FindingId, DependsOnKindThreatLayerPathAndPackage) {
  std::set<std::string> ids{finding_id(base())};
  for (const std::function<void(Finding&)>& change : std::vector<std::function<void(Finding&)>>{
           [](Finding& f) { f.kind = FindingKind::malware; }, [](Finding& f) { f.threat = "T-2"; }, [](Finding& f) { f.where.path = "/usr/lib/y"; },
           [](Finding& f) { f.where.layer->back() = 'b'; }, [](Finding& f) { f.where.package->version = "2"; }, [](Finding& f) { f.where.package.reset(); },
           [](Finding& f) { f.where.path.reset(); }}) {
    Finding f = base();
    change(f);
    EXPECT_TRUE(ids.insert(finding_id(f)).second);
  }
}

TEST(FindingId, DoesNotDependOnJudgementOrPlaceInTheImage) {
  Finding f = base();
  f.severity = Severity::low;
  f.confidence = Confidence::refuted;
  f.where.layer_index = 0;
  f.title = "other";
  f.where.visible = false;
  f.evidence.push_back({EvidenceBy::digest, "x"});
  EXPECT_EQ(finding_id(f), finding_id(base()));
}

TEST(FindingId, NamesTheRuleWhereThereIsNoThreat) {
  Finding a = base(), b = base();
  a.threat.reset(), b.threat.reset();
  a.rule = "one", b.rule = "two";
  EXPECT_NE(finding_id(a), finding_id(b));
}

TEST(SortFindings, MostSevereFirstThenById) {
  std::vector<Finding> all(4);
  all[0].severity = Severity::low, all[0].id = "b";
  all[1].severity = Severity::critical, all[1].id = "z";
  all[2].severity = Severity::low, all[2].id = "a";
  all[3].severity = Severity::unknown, all[3].id = "0";
  sort_findings(all);
  EXPECT_EQ(all[0].id + all[1].id + all[2].id + all[3].id, "zab0");
}

TEST(FindingText, HasAWordForEach) {
  EXPECT_EQ(to_text(FindingKind::configuration), "configuration");
  EXPECT_EQ(to_text(Confidence::refuted), "refuted");
  EXPECT_EQ(to_text(ReachState::dormant), "dormant");
  EXPECT_EQ(to_text(EvidenceBy::ownership), "ownership");
}

}  // namespace
}  // namespace careen
