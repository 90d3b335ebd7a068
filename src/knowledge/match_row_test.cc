// What one row says of a version, by the letter of OSV.
#include "knowledge/ecosystem.h"
#include "knowledge/match.h"

namespace careen {
namespace {

constexpr EventKind kIntroduced = EventKind::introduced, kFixed = EventKind::fixed, kLast = EventKind::last_affected, kLimit = EventKind::limit;

std::string_view name_of(Answer a) {
  return a == Answer::affected ? "affected" : a == Answer::fixed ? "fixed" : a == Answer::not_affected ? "not affected" : "undecided";
}

AffectedPackage ranged(std::vector<VersionRange> ranges, std::vector<std::string> versions = {}) {
  AffectedPackage p;
  p.family = "npm", p.name = "a";
  p.ranges = std::move(ranges);
  p.versions = std::move(versions);
  return p;
}
std::string answer(const AffectedPackage& p, std::string_view version, VersionOrder order = VersionOrder::semver) {
  RowAnswer a = evaluate_row(p, version, order);
  // What is not decided always says why, and nothing else does.
  EXPECT_EQ(a.answer == Answer::undecided, !a.why.empty()) << version << ": " << a.why;
  return std::string(name_of(a.answer));
}

// ---- OSV, "Evaluation" ----

TEST(EvaluateRow, FromIntroducedToBeforeFixed) {
  auto p = ranged({{{{kIntroduced, "1.2.0"}, {kFixed, "1.5.0"}}}});
  EXPECT_EQ(answer(p, "1.1.9"), "fixed");
  EXPECT_EQ(answer(p, "1.2.0-rc.1"), "fixed");
  EXPECT_EQ(answer(p, "1.2.0"), "affected");
  EXPECT_EQ(answer(p, "1.4.99"), "affected");
  EXPECT_EQ(answer(p, "1.5.0-rc.1"), "affected");
  EXPECT_EQ(answer(p, "1.5.0"), "fixed");
  EXPECT_EQ(answer(p, "1.5.0+build.7"), "fixed");
  EXPECT_EQ(evaluate_row(p, "1.3.0", VersionOrder::semver).fixed, "1.5.0");
}

TEST(EvaluateRow, LastAffectedIsAffectedItself) {
  auto p = ranged({{{{kIntroduced, "1.0.0"}, {kLast, "1.5.0"}}}});
  EXPECT_EQ(answer(p, "1.5.0"), "affected");
  EXPECT_EQ(answer(p, "1.5.1"), "fixed");
  EXPECT_EQ(evaluate_row(p, "1.2.0", VersionOrder::semver).fixed, "");  // no version is known to be without it
  auto one = ranged({{{{kLast, "2.0.0"}, {kIntroduced, "2.0.0"}}}});
  EXPECT_EQ(answer(one, "2.0.0"), "affected");
  EXPECT_EQ(answer(one, "2.0.1"), "fixed");
  EXPECT_EQ(answer(one, "1.9.9"), "fixed");
}

TEST(EvaluateRow, IntroducedZeroIsBeforeEverything) {
  auto p = ranged({{{{kIntroduced, "0"}, {kFixed, "1.0.0"}}}});
  EXPECT_EQ(answer(p, "0.0.0-alpha"), "affected");
  EXPECT_EQ(answer(p, "1.0.0"), "fixed");
  auto all = ranged({{{{kIntroduced, "0"}}}});
  for (std::string_view v : {"0.0.0-0", "9999.0.0", "not a version", "(devel)"}) EXPECT_EQ(answer(all, v), "affected") << v;
  for (VersionOrder o : {VersionOrder::deb, VersionOrder::rpm, VersionOrder::apk, VersionOrder::pep440, VersionOrder::maven, VersionOrder::none})
    EXPECT_EQ(answer(all, "~~1", o), "affected") << to_text(o);
  auto deb = ranged({{{{kIntroduced, "0"}, {kFixed, "1"}}}});
  EXPECT_EQ(answer(deb, "0~git1", VersionOrder::deb), "affected");  // before 0 by Debian's own order
}

TEST(EvaluateRow, TheLowestPrereleaseIsBeforeEverythingToo) {
  auto p = ranged({{{{kIntroduced, "0.0.0-0"}, {kFixed, "0.4.1"}}}});
  EXPECT_EQ(answer(p, "0.0.0-0"), "affected");
  EXPECT_EQ(answer(p, "0.0.0-alpha.1"), "affected");
  EXPECT_EQ(answer(p, "0.4.0"), "affected");
  EXPECT_EQ(answer(p, "0.4.1"), "fixed");
}

TEST(EvaluateRow, EventsMayStandInAnyOrder) {
  std::vector<VersionEvent> events{{kIntroduced, "0"}, {kFixed, "1.0.0"}, {kIntroduced, "2.0.0"}, {kFixed, "2.5.0"}, {kIntroduced, "3.0.0"}};
  auto less = [](const VersionEvent& a, const VersionEvent& b) { return a.version < b.version; };
  std::sort(events.begin(), events.end(), less);
  do {
    auto p = ranged({{events}});
    EXPECT_EQ(answer(p, "0.9.0"), "affected");
    EXPECT_EQ(answer(p, "1.7.0"), "fixed");
    EXPECT_EQ(answer(p, "2.4.0"), "affected");
    EXPECT_EQ(evaluate_row(p, "2.4.0", VersionOrder::semver).fixed, "2.5.0");
    EXPECT_EQ(answer(p, "2.9.0"), "fixed");
    EXPECT_EQ(answer(p, "3.0.0"), "affected");
    EXPECT_EQ(evaluate_row(p, "3.1.0", VersionOrder::semver).fixed, "");
  } while (std::next_permutation(events.begin(), events.end(), less));
}

TEST(EvaluateRow, VersionsAreSortedAsVersionsNotAsText) {
  auto p = ranged({{{{kFixed, "1.10.0"}, {kIntroduced, "1.9.0"}}}});
  EXPECT_EQ(answer(p, "1.9.5"), "affected");
  EXPECT_EQ(answer(p, "1.10.0"), "fixed");
}

TEST(EvaluateRow, ALimitBoundsARange) {
  auto p = ranged({{{{kIntroduced, "1.0.0"}, {kLimit, "2.0.0"}}}});
  EXPECT_EQ(answer(p, "1.9.0"), "affected");
  EXPECT_EQ(answer(p, "2.0.0"), "fixed");
  EXPECT_EQ(answer(p, "0.9.0"), "fixed");
  // Below one of several is enough, and "*" is above everything.
  EXPECT_EQ(answer(ranged({{{{kIntroduced, "1.0.0"}, {kLimit, "2.0.0"}, {kLimit, "3.0.0"}}}}), "2.5.0"), "affected");
  EXPECT_EQ(answer(ranged({{{{kIntroduced, "1.0.0"}, {kLimit, "2.0.0"}, {kLimit, "*"}}}}), "9.0.0"), "affected");
  EXPECT_EQ(answer(ranged({{{{kLimit, "*"}, {kIntroduced, "1.0.0"}, {kFixed, "4.0.0"}}}}), "4.0.0"), "fixed");
}

TEST(EvaluateRow, AVersionThatIsListedIsAffectedByItsTextAlone) {
  auto p = ranged({}, {"1.0", "2.0-weird version"});
  EXPECT_EQ(answer(p, "1.0"), "affected");
  EXPECT_EQ(answer(p, "2.0-weird version"), "affected");
  EXPECT_EQ(answer(p, "1.0.0"), "fixed");  // the same by the order, not by its text
  EXPECT_EQ(answer(p, "1.0+build"), "fixed");
}

TEST(EvaluateRow, ListedOrInARangeIsAffected) {
  auto p = ranged({{{{kIntroduced, "1.0.0"}, {kFixed, "1.5.0"}}}}, {"3.0.0"});
  EXPECT_EQ(answer(p, "3.0.0"), "affected");
  EXPECT_EQ(answer(p, "1.2.0"), "affected");
  EXPECT_EQ(answer(p, "2.0.0"), "fixed");
}

TEST(EvaluateRow, AnyOfSeveralRangesIsEnough) {
  auto p = ranged({{{{kIntroduced, "1.0.0"}, {kFixed, "1.5.0"}}}, {{{kIntroduced, "2.0.0"}, {kFixed, "2.5.0"}}}});
  EXPECT_EQ(answer(p, "1.4.0"), "affected");
  EXPECT_EQ(answer(p, "2.4.0"), "affected");
  EXPECT_EQ(answer(p, "1.6.0"), "fixed");
  EXPECT_EQ(evaluate_row(p, "2.4.0", VersionOrder::semver).fixed, "2.5.0");
}

TEST(EvaluateRow, TheFixOfOverlappingRangesIsOutsideAllOfThem) {
  auto p = ranged({{{{kIntroduced, "0"}, {kFixed, "2.0.0"}}}, {{{kIntroduced, "1.0.0"}, {kFixed, "3.0.0"}}}});
  EXPECT_EQ(answer(p, "2.0.0"), "affected");
  EXPECT_EQ(evaluate_row(p, "1.5.0", VersionOrder::semver).fixed, "3.0.0");  // 2.0.0 is affected itself
}

TEST(EvaluateRow, WithoutAnOrderTheListAloneDecides) {
  auto p = ranged({{{{kIntroduced, "1.0"}, {kFixed, "2.0"}}}}, {"1.5"});
  EXPECT_EQ(answer(p, "1.5", VersionOrder::none), "affected");
  EXPECT_EQ(answer(p, "1.6", VersionOrder::none), "undecided");
  EXPECT_EQ(answer(ranged({}, {"1.5"}), "1.6", VersionOrder::none), "fixed");
}

TEST(EvaluateRow, WhatCannotBeComparedIsNotDecided) {
  auto p = ranged({{{{kIntroduced, "1.0.0"}, {kFixed, "2.0.0"}}}});
  EXPECT_EQ(answer(p, "(devel)"), "undecided");
  EXPECT_EQ(answer(ranged({{{{kIntroduced, "x!"}, {kFixed, "2.0.0"}}}}), "1.0.0"), "undecided");
  EXPECT_EQ(answer(ranged({{{{kIntroduced, "0"}, {kLimit, "x!"}}}}), "1.0.0"), "undecided");
  // One range that says yes is enough, one that says no is not.
  auto both = ranged({{{{kIntroduced, "x!"}, {kFixed, "2.0.0"}}}, {{{kIntroduced, "3.0.0"}, {kFixed, "4.0.0"}}}});
  EXPECT_EQ(answer(both, "3.5.0"), "affected");
  EXPECT_EQ(answer(both, "5.0.0"), "undecided");
  EXPECT_EQ(answer(ranged({{{{kIntroduced, "x!"}, {kFixed, "y!"}, {kLast, "z!"}}}}, {"1"}), "1"), "affected");
  std::string long_one(kMaxVersion + 1, '1');
  EXPECT_EQ(answer(ranged({{{{kIntroduced, "1"}, {kFixed, long_one}}}}), "2", VersionOrder::deb), "undecided");
}

TEST(EvaluateRow, ARangeWithoutEventsHoldsNothing) {
  EXPECT_EQ(answer(ranged({VersionRange{}}), "1.0.0"), "fixed");
  EXPECT_EQ(answer(ranged({{{{kFixed, "2.0.0"}}}}), "1.0.0"), "fixed");  // never introduced
  EXPECT_EQ(answer(ranged({{{{kLimit, "*"}}}}), "1.0.0"), "fixed");
}

TEST(EvaluateRow, APackageWithoutAVersionIsNotDecided) {
  EXPECT_EQ(answer(ranged({{{{kIntroduced, "1.0.0"}, {kFixed, "2.0.0"}}}}, {""}), ""), "undecided");
}

TEST(EvaluateRow, WhatASourceDecidesNeedsNoVersion) {
  auto p = ranged({{{{kIntroduced, "0"}}}});
  p.standing = Standing::not_affected;
  EXPECT_EQ(answer(p, ""), "not affected");
  EXPECT_EQ(answer(p, "1.0.0"), "not affected");
  p.standing = Standing::undetermined;
  EXPECT_EQ(answer(p, "1.0.0"), "undecided");
}

TEST(EvaluateRow, CommitsAloneDecideNothing) {
  AffectedPackage p;
  p.other_ranges = true;
  EXPECT_EQ(answer(p, "1.0.0"), "undecided");
  p.versions = {"1.0.0"};
  EXPECT_EQ(answer(p, "1.0.0"), "affected");
}

}  // namespace
}  // namespace careen
