#include "knowledge/match.h"

#include <algorithm>

#include "../../tests/support/match_case.h"
#include "knowledge/ecosystem.h"

namespace careen {
namespace {

using test::row, test::general, test::standing, test::state, test::of_module, test::built_for, test::about;
using MatchTest = test::MatchCase;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;
using testing::UnorderedElementsAre;

constexpr EventKind kIntroduced = EventKind::introduced, kFixed = EventKind::fixed;

// ---- Matching against a database ----

TEST_F(MatchTest, KnowsNothingOfOthers) {
  put("debian", about("CVE-2024-1", {row("debian", "bookworm", "curl", "8-1")}));
  EXPECT_THAT(ids(bookworm("curl", "7-1")), ElementsAre("CVE-2024-1"));
  EXPECT_THAT(ids(bookworm("curl", "8-1")), IsEmpty());
  EXPECT_THAT(ids(bookworm("curl2", "7-1")), IsEmpty());
  EXPECT_THAT(ids(ask("debian", {"bullseye"}, "curl", "7-1")), IsEmpty());
  EXPECT_THAT(ids(ask("ubuntu", {"bookworm"}, "curl", "7-1")), IsEmpty());
  EXPECT_THAT(ids(ask("debian", {}, "curl", "7-1")), IsEmpty());
}

// ---- Debian ----

TEST_F(MatchTest, DebiansTestingIsHeldToItsOwnRowAndThatOfUnstable) {
  put("debian", about("CVE-2024-1", {row("debian", "trixie", "a", "2-1"), row("debian", "sid", "a", "2-1"), row("debian", "bookworm", "a", "1-1+deb12u1")}));
  put("debian", about("CVE-2024-2", {row("debian", "sid", "a", "3-1")}));
  put("debian", about("CVE-2024-3", {row("debian", "bookworm", "a", "9-1")}));
  std::vector<std::string> testing{"trixie", "sid"};
  EXPECT_THAT(ids(ask("debian", testing, "a", "1-5")), ElementsAre("CVE-2024-1", "CVE-2024-2"));  // never bookworm's
  EXPECT_THAT(ids(ask("debian", testing, "a", "2-1")), ElementsAre("CVE-2024-2"));
  EXPECT_THAT(ids(ask("debian", {"sid"}, "a", "3-1")), IsEmpty());
  EXPECT_FALSE(ask("debian", testing, "a", "1-5").affected.at(0).doubtful);
}

TEST_F(MatchTest, WhereTestingAndUnstableDifferItIsTold) {
  put("debian", about("CVE-2024-1", {row("debian", "trixie", "a", "2-1+deb13u1"), standing(row("debian", "sid", "a", ""), Standing::not_affected)}));
  AdvisoryMatch m = one(ask("debian", {"trixie", "sid"}, "a", "2-1"));
  EXPECT_TRUE(m.doubtful);
  EXPECT_EQ(m.release, "trixie");
  EXPECT_THAT(m.says, Contains(HasSubstr("differ")));
}

TEST_F(MatchTest, ARowOfTheReleaseGoesBeforeOneOfAllReleases) {
  put("debian-cve-list", about("CVE-2024-1", {general(row("debian", "", "a", "3-1")), standing(row("debian", "bookworm", "a", ""), Standing::not_affected)}));
  put("debian-cve-list", about("CVE-2024-2", {general(row("debian", "", "a", "3-1")), row("debian", "bookworm", "a", "2-1+deb12u1")}));
  put("debian-cve-list", about("CVE-2024-3", {general(standing(row("debian", "", "a", ""), Standing::not_affected)), row("debian", "bookworm", "a", "")}));
  EXPECT_THAT(ids(bookworm("a", "2-1")), ElementsAre("CVE-2024-2", "CVE-2024-3"));
  EXPECT_THAT(ids(bookworm("a", "2-1+deb12u1")), ElementsAre("CVE-2024-3"));
  EXPECT_THAT(ids(ask("debian", {"bullseye"}, "a", "2-1")), ElementsAre("CVE-2024-1", "CVE-2024-2"));
}

TEST_F(MatchTest, TheFixOfUnstableIsNoneOfAStableRelease) {
  put("debian-cve-list", about("CVE-2024-1", {general(row("debian", "", "a", "3-1"))}));
  AdvisoryMatch m = one(bookworm("a", "2-1"));
  EXPECT_EQ(m.fixed, "");
  EXPECT_EQ(m.fix_state, FixState::source_only);
  EXPECT_EQ(m.release, "bookworm");
  EXPECT_EQ(one(ask("debian", {"sid"}, "a", "2-1")).fixed, "3-1");
  EXPECT_THAT(ids(bookworm("a", "3-1")), IsEmpty());
  EXPECT_THAT(ids(bookworm("a", "3-1~bpo12+1")), ElementsAre("CVE-2024-1"));  // a backport is compared with unstable's version
}

TEST_F(MatchTest, AFixThatIsInstalledGoesBeforeNoneBeingPlanned) {
  put("debian-cve-list",
      about("CVE-2024-1", {general(row("debian", "", "a", "3-1")), state(row("debian", "bookworm", "a", ""), FixState::no_advisory, "no-dsa (Minor issue)")}));
  put("debian-dsa-list", about("DSA-1-1", {row("debian", "bookworm", "a", "2-1+deb12u2")}, {"CVE-2024-1"}));
  EXPECT_THAT(ids(bookworm("a", "2-1+deb12u2")), IsEmpty());
  AdvisoryMatch m = one(bookworm("a", "2-1+deb12u1"));
  EXPECT_EQ(m.id, "CVE-2024-1");
  EXPECT_EQ(m.fixed, "2-1+deb12u2");
}

TEST_F(MatchTest, WithoutAFixItsStateIsTold) {
  put("debian-cve-list",
      about("CVE-2024-1", {general(row("debian", "", "a", "3-1")), state(row("debian", "bookworm", "a", ""), FixState::no_advisory, "no-dsa (Minor issue)")}));
  put("debian-cve-list", about("CVE-2024-2", {general(state(row("debian", "", "a", ""), FixState::none, "removed"))}));
  put("debian-cve-list", about("CVE-2024-3", {state(row("debian", "bookworm", "a", ""), FixState::end_of_life, "end-of-life")}));
  PackageMatches m = bookworm("a", "1-1");
  ASSERT_THAT(ids(m), ElementsAre("CVE-2024-1", "CVE-2024-2", "CVE-2024-3"));
  EXPECT_EQ(m.affected[0].fix_state, FixState::no_advisory);
  EXPECT_THAT(m.affected[0].says, Contains(HasSubstr("no-dsa (Minor issue)")));
  EXPECT_EQ(m.affected[1].fix_state, FixState::none);  // gone from unstable is not the same as not affected
  EXPECT_EQ(m.affected[2].fix_state, FixState::end_of_life);
}

TEST_F(MatchTest, WhatDebianHasNotDeterminedIsCountedNotMatched) {
  put("debian-cve-list", about("CVE-2024-1", {general(standing(row("debian", "", "a", ""), Standing::undetermined))}));
  PackageMatches m = bookworm("a", "1-1");
  EXPECT_THAT(ids(m), IsEmpty());
  EXPECT_THAT(undecided(m), ElementsAre("CVE-2024-1"));
}

TEST_F(MatchTest, TheBackdoorOfXzIsToldOfTestingAndUnstableAlone) {
  std::vector<AffectedPackage> rows{general(row("debian", "", "xz-utils", "5.6.1+really5.4.5-1"))};
  for (const char* r : {"bookworm", "bullseye", "buster"}) rows.push_back(standing(row("debian", r, "xz-utils", ""), Standing::not_affected));
  put("debian-cve-list", about("CVE-2024-3094", rows));
  for (const auto& releases : {std::vector<std::string>{"trixie", "sid"}, std::vector<std::string>{"sid"}}) {
    EXPECT_THAT(ids(ask("debian", releases, "xz-utils", "5.6.0-0.2")), ElementsAre("CVE-2024-3094"));
    EXPECT_THAT(ids(ask("debian", releases, "xz-utils", "5.6.1-1")), ElementsAre("CVE-2024-3094"));
    EXPECT_THAT(ids(ask("debian", releases, "xz-utils", "5.6.1+really5.4.5-1")), IsEmpty());
    EXPECT_THAT(ids(ask("debian", releases, "xz-utils", "5.6.2-1")), IsEmpty());
  }
  EXPECT_THAT(ids(bookworm("xz-utils", "5.4.1-0.2")), IsEmpty());
  EXPECT_THAT(ids(ask("debian", {"bullseye"}, "xz-utils", "5.2.5-2.1~deb11u1")), IsEmpty());
}

TEST_F(MatchTest, AnAdvisoryAboutSeveralVulnerabilitiesIsAFindingForEach) {
  Advisory dsa = about("DSA-2-1", {row("debian", "bookworm", "a", "2-1")});
  dsa.upstream = {"CVE-2024-1", "CVE-2024-2", "CVE-2024-3"};
  put("debian-dsa-list", dsa);
  PackageMatches m = bookworm("a", "1-1");
  EXPECT_THAT(ids(m), ElementsAre("CVE-2024-1", "CVE-2024-2", "CVE-2024-3"));
  for (const AdvisoryMatch& a : m.affected) EXPECT_THAT(a.aliases, Not(Contains(testing::StartsWith("CVE-")))) << a.id;
}

TEST_F(MatchTest, AnAdvisoryAboutSeveralDoesNotJoinThem) {
  Advisory dsa = about("DSA-2-1", {row("debian", "bookworm", "a", "2-1")});
  dsa.upstream = {"CVE-2024-1", "CVE-2024-2"};
  put("debian-dsa-list", dsa);
  put("debian", about("CVE-2024-1", {standing(row("debian", "bookworm", "a", ""), Standing::not_affected)}));
  put("debian", about("CVE-2024-2", {row("debian", "bookworm", "a", "2-1")}));
  EXPECT_THAT(ids(bookworm("a", "2-1")), IsEmpty());
  EXPECT_THAT(ids(bookworm("a", "1-1")), Contains("CVE-2024-2"));
}

TEST_F(MatchTest, EpochsCount) {
  put("debian", about("CVE-2024-1", {row("debian", "bookworm", "a", "1:1.0-1")}));
  EXPECT_THAT(ids(bookworm("a", "9.0-1")), ElementsAre("CVE-2024-1"));
  EXPECT_THAT(ids(bookworm("a", "1:1.0-1")), IsEmpty());
  EXPECT_THAT(ids(bookworm("a", "2:0.1-1")), IsEmpty());
}

TEST_F(MatchTest, WhatADistributionSaysItselfGoesBeforeWhatIsSaidOfIt) {
  put("osv/debian", about("DEBIAN-CVE-2024-1", {row("debian", "bookworm", "a", "")}, {"CVE-2024-1"}));
  put("debian", about("CVE-2024-1", {row("debian", "bookworm", "a", "2-1")}));
  put("osv/debian", about("DEBIAN-CVE-2024-2", {row("debian", "bookworm", "a", "5-1")}));
  EXPECT_THAT(ids(bookworm("a", "2-1")), ElementsAre("CVE-2024-2"));  // of which Debian itself says nothing here
  AdvisoryMatch m = bookworm("a", "1-1").affected.at(0);
  EXPECT_EQ(m.id, "CVE-2024-1");
  EXPECT_EQ(m.source, "debian");
  EXPECT_EQ(m.fixed, "2-1");
}

TEST_F(MatchTest, AnObjectionOfAnotherMakesItDoubtful) {
  put("debian", about("CVE-2024-1", {row("debian", "bookworm", "a", "2-1")}));
  put("osv/debian", about("DEBIAN-CVE-2024-1", {standing(row("debian", "bookworm", "a", ""), Standing::not_affected)}));
  EXPECT_TRUE(one(bookworm("a", "1-1")).doubtful);
}

TEST_F(MatchTest, TheFixOfACorrectedUpdateCounts) {
  put("debian-dsa-list", about("DSA-1-1", {row("debian", "bookworm", "a", "2-1+deb12u1")}, {"CVE-2024-1"}));
  put("debian-dsa-list", about("DSA-1-2", {row("debian", "bookworm", "a", "2-1+deb12u2")}, {"CVE-2024-1"}));
  AdvisoryMatch m = one(bookworm("a", "2-1+deb12u1"));
  EXPECT_EQ(m.fixed, "2-1+deb12u2");
  EXPECT_TRUE(m.doubtful);
  EXPECT_FALSE(one(bookworm("a", "2-1")).doubtful);
}

// ---- Ubuntu ----

TEST_F(MatchTest, AFixForSubscribersIsToldAsSuch) {
  put("ubuntu-vex", about("CVE-2024-1", {state(row("ubuntu", "18.04", "a", "1-1ubuntu1+esm1"), FixState::subscription)}));
  AdvisoryMatch m = one(ask("ubuntu", {"18.04"}, "a", "1-1ubuntu1"));
  EXPECT_EQ(m.fixed, "1-1ubuntu1+esm1");
  EXPECT_EQ(m.fix_state, FixState::subscription);
  EXPECT_THAT(ids(ask("ubuntu", {"18.04"}, "a", "1-1ubuntu1+esm1")), IsEmpty());
}

// Canonical says "xenial: affected" of a release out of support, and beside it what subscribers have.
TEST_F(MatchTest, WhereOnlySubscribersGotTheFixItIsToldThatThereIsOne) {
  put("ubuntu-vex", about("CVE-2024-1", {state(row("ubuntu", "16.04", "a", ""), FixState::none),
                                         state(row("ubuntu", "16.04", "a", "1-1ubuntu1+esm3"), FixState::subscription)}));
  AdvisoryMatch m = one(ask("ubuntu", {"16.04"}, "a", "1-1ubuntu1"));
  EXPECT_EQ(m.fixed, "1-1ubuntu1+esm3");
  EXPECT_EQ(m.fix_state, FixState::subscription);
  EXPECT_THAT(ids(ask("ubuntu", {"16.04"}, "a", "1-1ubuntu1+esm3")), IsEmpty());
}

// A build of its own for subscribers (FIPS) has later versions of the same fix.
TEST_F(MatchTest, TheFixForEverybodyIsEnoughForEverybody) {
  put("ubuntu-vex",
      about("CVE-2024-1", {row("ubuntu", "22.04", "a", "3-0ubuntu1.10"), state(row("ubuntu", "22.04", "a", "3-0ubuntu1.10+Fips1"), FixState::subscription)}));
  EXPECT_THAT(ids(ask("ubuntu", {"22.04"}, "a", "3-0ubuntu1.10")), IsEmpty());
  EXPECT_EQ(one(ask("ubuntu", {"22.04"}, "a", "3-0ubuntu1.9")).fixed, "3-0ubuntu1.10");
}

// ---- Alpine ----

TEST_F(MatchTest, BranchesOfAlpineAreApart) {
  put("alpine/edge/main", about("CVE-2024-1", {row("alpine", "edge", "a", "2.0-r0")}));
  put("alpine/v3.19/main", about("CVE-2024-1", {row("alpine", "v3.19", "a", "1.0-r3")}));
  put("alpine/v3.1/main", about("CVE-2024-2", {row("alpine", "v3.1", "a", "")}));
  EXPECT_EQ(one(ask("alpine", {"v3.19"}, "a", "1.0-r2")).fixed, "1.0-r3");
  EXPECT_THAT(ids(ask("alpine", {"v3.19"}, "a", "1.0-r3")), IsEmpty());
  EXPECT_EQ(one(ask("alpine", {"edge"}, "a", "1.0-r3")).fixed, "2.0-r0");
}

TEST_F(MatchTest, AnAlpinePackageThatNeverWasAffectedIsNot) {
  put("alpine/edge/main", about("CVE-2024-1", {standing(row("alpine", "edge", "a", ""), Standing::not_affected)}));
  put("osv/alpine", about("ALPINE-CVE-2024-1", {row("alpine", "edge", "a", "2.0-r0")}));
  EXPECT_THAT(ids(ask("alpine", {"edge"}, "a", "0.1-r0")), IsEmpty());
}

TEST_F(MatchTest, BetweenTwoFixesOfOneVulnerabilityItIsDoubtful) {
  AffectedPackage twice = row("alpine", "edge", "a", "2.0-r5");
  twice.says = "fixed first in 2.0-r1, and again in 2.0-r5";
  put("alpine/edge/main", about("CVE-2024-1", {twice}));
  EXPECT_FALSE(one(ask("alpine", {"edge"}, "a", "2.0-r0")).doubtful);
  EXPECT_TRUE(one(ask("alpine", {"edge"}, "a", "2.0-r1")).doubtful);
  EXPECT_TRUE(one(ask("alpine", {"edge"}, "a", "2.0-r4")).doubtful);
  EXPECT_EQ(one(ask("alpine", {"edge"}, "a", "2.0-r4")).fixed, "2.0-r5");
  EXPECT_THAT(ids(ask("alpine", {"edge"}, "a", "2.0-r5")), IsEmpty());
}

TEST_F(MatchTest, APackageWithoutAVersionIsNotDecided) {
  put("alpine/edge/main", about("CVE-2024-1", {row("alpine", "edge", "a", "2.0-r0")}));
  PackageMatches m = ask("alpine", {"edge"}, "a", "");
  EXPECT_THAT(ids(m), IsEmpty());
  EXPECT_THAT(undecided(m), ElementsAre("CVE-2024-1"));
}

// ---- rpm ----

TEST_F(MatchTest, ModulesMustBeTheSame) {
  put("redhat-vex", about("CVE-2024-1", {of_module(row("red hat", "enterprise_linux:8::appstream", "nodejs", "1:18.9-1.module+el8"), "nodejs:18"),
                                         of_module(row("red hat", "enterprise_linux:8::appstream", "nodejs", "1:20.3-1.module+el8"), "nodejs:20")}));
  put("redhat-vex", about("CVE-2024-2", {row("red hat", "enterprise_linux:8::appstream", "nodejs", "1:99-1.el8")}));
  PackageQuery q;
  q.family = "red hat", q.releases = {"enterprise_linux:8"}, q.names = {"nodejs"}, q.version = "1:18.9-1.module+el8", q.module = "nodejs:18";
  EXPECT_THAT(ids(ask(q)), IsEmpty());  // neither another stream's fix nor one of no module
  q.version = "1:18.8-1.module+el8";
  EXPECT_THAT(ids(ask(q)), ElementsAre("CVE-2024-1"));
  q.module = "nodejs:20", q.version = "1:20.2-1.module+el8";
  EXPECT_EQ(one(ask(q)).fixed, "1:20.3-1.module+el8");
  q.module = "";
  EXPECT_THAT(ids(ask(q)), ElementsAre("CVE-2024-2"));
  q.module = "nodejs:2";
  EXPECT_THAT(ids(ask(q)), IsEmpty());
}

TEST_F(MatchTest, TheProductsOfRedHatEndWhereTheirNamesEnd) {
  put("redhat-vex", about("CVE-2024-1", {row("red hat", "enterprise_linux:10", "a", "")}));
  put("redhat-vex", about("CVE-2024-2", {row("red hat", "enterprise_linux:1", "a", "")}));
  put("redhat-vex", about("CVE-2024-3", {row("red hat", "enterprise_linux:10::baseos", "a", "")}));
  put("redhat-vex", about("CVE-2024-4", {row("red hat", "enterprise_linux:10.1", "a", "")}));
  put("redhat-vex", about("CVE-2024-5", {row("red hat", "rhel_eus:10.0::baseos", "a", "")}));
  put("redhat-vex", about("CVE-2024-6", {row("red hat", "enterprise_linux_eus:10", "a", "")}));
  EXPECT_THAT(ids(ask("red hat", {"enterprise_linux:1"}, "a", "1-1")), ElementsAre("CVE-2024-2"));
  EXPECT_THAT(ids(ask("red hat", {"enterprise_linux:10"}, "a", "1-1")), ElementsAre("CVE-2024-1", "CVE-2024-3", "CVE-2024-4"));
}

TEST_F(MatchTest, ProductsOfSuseEndWithTheirRelease) {
  put("suse-csaf", about("CVE-2024-1", {row("suse", "Linux Enterprise Server 15 SP5", "a", "")}));
  put("suse-csaf", about("CVE-2024-2", {row("suse", "Linux Enterprise Module for Basesystem 15 SP5", "a", "")}));
  put("suse-csaf", about("CVE-2024-3", {row("suse", "Linux Enterprise Server 15 SP5-LTSS", "a", "")}));
  put("suse-csaf", about("CVE-2024-4", {row("suse", "Linux Enterprise Server 15", "a", "")}));
  put("suse-csaf", about("CVE-2024-5", {row("suse", "Manager Server 15 SP5", "a", "")}));
  EXPECT_THAT(ids(ask("suse", {" 15 SP5"}, "a", "1-1")), ElementsAre("CVE-2024-1", "CVE-2024-2"));
  EXPECT_THAT(ids(ask("suse", {" 15"}, "a", "1-1")), ElementsAre("CVE-2024-4"));
}

TEST_F(MatchTest, ArchitecturesAreHeldTo) {
  put("amazon/2", about("ALAS2-1", {built_for(row("amazon", "2", "a", "1-2"), {"x86_64", "i686"})}, {"CVE-2024-1"}));
  PackageQuery q;
  q.family = "amazon", q.releases = {"2"}, q.names = {"a"}, q.version = "1-1";
  for (const char* arch : {"x86_64", "i686", "noarch", ""}) {
    q.architecture = arch;
    EXPECT_THAT(ids(ask(q)), ElementsAre("CVE-2024-1")) << arch;
  }
  q.architecture = "aarch64";
  EXPECT_THAT(ids(ask(q)), IsEmpty());
}

TEST_F(MatchTest, AMissingEpochOfRpmIsZero) {
  put("amazon/2", about("ALAS2-1", {row("amazon", "2", "a", "0:1.5-2")}, {"CVE-2024-1"}));
  put("amazon/2", about("ALAS2-2", {row("amazon", "2", "b", "1:1.5-2")}, {"CVE-2024-2"}));
  EXPECT_THAT(ids(ask("amazon", {"2"}, "a", "1.5-1")), ElementsAre("CVE-2024-1"));
  EXPECT_THAT(ids(ask("amazon", {"2"}, "a", "1.5-2")), IsEmpty());
  EXPECT_THAT(ids(ask("amazon", {"2"}, "b", "9.9-9")), ElementsAre("CVE-2024-2"));
}

TEST_F(MatchTest, OfSeveralUpdatesTheHighestCounts) {
  put("amazon/2", about("ALAS2-1", {row("amazon", "2", "a", "1-2")}, {"CVE-2024-1"}));
  put("amazon/2", about("ALAS2-2", {row("amazon", "2", "a", "1-5")}, {"CVE-2024-1"}));
  EXPECT_EQ(one(ask("amazon", {"2"}, "a", "1-1")).fixed, "1-5");
  EXPECT_EQ(one(ask("amazon", {"2"}, "a", "1-3")).fixed, "1-5");
  EXPECT_THAT(ids(ask("amazon", {"2"}, "a", "1-5")), IsEmpty());
}

TEST_F(MatchTest, AlmaLinuxNamesTheVulnerabilitiesOfAnUpdateAsRelated) {
  Advisory a = about("ALSA-2024:1", {row("almalinux", "9", "a", "2-1.el9")});
  a.related = {"CVE-2024-1", "CVE-2024-2"};
  put("osv/almalinux", a);
  EXPECT_THAT(ids(ask("almalinux", {"9"}, "a", "1-1.el9")), ElementsAre("CVE-2024-1", "CVE-2024-2"));
}

// ---- Languages ----

TEST_F(MatchTest, WhatAnySourceSaysOfALibraryCounts) {
  put("ghsa/pypi", about("GHSA-aaaa-bbbb-cccc", {row("pypi", "", "a", "1.2")}, {"CVE-2024-1"}));
  put("pysec/pypi", about("PYSEC-2024-1", {row("pypi", "", "a", "1.3")}, {"CVE-2024-1"}));
  put("pysec/pypi", about("PYSEC-2024-2", {row("pypi", "", "a", "2.0")}));
  PackageMatches m = ask("pypi", {}, "a", "1.2.5");
  ASSERT_THAT(ids(m), UnorderedElementsAre("CVE-2024-1", "PYSEC-2024-2"));
  EXPECT_EQ(m.affected[0].fixed, "1.3");
  EXPECT_TRUE(m.affected[0].doubtful);
  EXPECT_FALSE(ask("pypi", {}, "a", "1.1").affected.at(0).doubtful);
}

TEST_F(MatchTest, NamesOfOneVulnerabilityAreOneFinding) {
  put("ghsa/pypi", about("GHSA-aaaa-bbbb-cccc", {row("pypi", "", "a", "2")}, {"CVE-2024-1"}));
  put("pysec/pypi", about("PYSEC-2024-1", {row("pypi", "", "a", "2")}, {"CVE-2024-1", "GHSA-aaaa-bbbb-cccc"}));
  put("osv/cve", about("CVE-2024-1", {row("pypi", "", "a", "2")}));
  AdvisoryMatch m = one(ask("pypi", {}, "a", "1"));
  EXPECT_EQ(m.id, "CVE-2024-1");
  EXPECT_THAT(m.aliases, UnorderedElementsAre("GHSA-aaaa-bbbb-cccc", "PYSEC-2024-1"));
}

TEST_F(MatchTest, AnAdvisoryWithoutACveIsJoinedByTheOthersName) {
  put("ghsa/pypi", about("GHSA-aaaa-bbbb-cccc", {row("pypi", "", "a", "2")}, {"CVE-2024-1"}));
  put("pysec/pypi", about("PYSEC-2024-1", {row("pypi", "", "a", "2")}, {"GHSA-aaaa-bbbb-cccc"}));
  EXPECT_EQ(one(ask("pypi", {}, "a", "1")).id, "CVE-2024-1");
}

TEST_F(MatchTest, ACveMayBeToldByARecordOfAnotherPackage) {
  put("ghsa/npm", about("GHSA-dddd-eeee-ffff", {row("npm", "", "other", "2")}, {"CVE-2024-2"}));
  put("pysec/pypi", about("PYSEC-2024-1", {row("pypi", "", "a", "2")}, {"GHSA-dddd-eeee-ffff"}));
  EXPECT_EQ(one(ask("pypi", {}, "a", "1")).id, "CVE-2024-2");
}

TEST_F(MatchTest, WithoutACveTheNamesThemselvesJoin) {
  put("ghsa/crates.io", about("GHSA-aaaa-bbbb-cccc", {row("crates.io", "", "a", "2.0.0")}, {"RUSTSEC-2024-1"}));
  put("rustsec/crates.io", about("RUSTSEC-2024-1", {row("crates.io", "", "a", "2.0.0")}, {"GHSA-aaaa-bbbb-cccc"}));
  put("rustsec/crates.io", about("RUSTSEC-2024-2", {row("crates.io", "", "a", "2.0.0")}));
  EXPECT_THAT(ids(ask("crates.io", {}, "a", "1.0.0")), UnorderedElementsAre("GHSA-aaaa-bbbb-cccc", "RUSTSEC-2024-2"));
}

TEST_F(MatchTest, AnAdvisoryWithTwoCvesDoesNotMakeOneOfThem) {
  put("ghsa/npm", about("GHSA-aaaa-bbbb-cccc", {row("npm", "", "a", "3.0.0")}, {"CVE-2024-1", "CVE-2024-2"}));
  put("ghsa/npm", about("GHSA-dddd-eeee-ffff", {row("npm", "", "a", "2.0.0")}, {"CVE-2024-1"}));
  put("ghsa/npm", about("GHSA-gggg-hhhh-iiii", {row("npm", "", "a", "4.0.0")}, {"CVE-2024-2"}));
  PackageMatches m = ask("npm", {}, "a", "1.0.0");
  ASSERT_THAT(ids(m), ElementsAre("CVE-2024-1", "CVE-2024-2"));
  EXPECT_THAT(m.affected[0].aliases, Not(Contains("GHSA-gggg-hhhh-iiii")));
  EXPECT_THAT(m.affected[1].aliases, Not(Contains("GHSA-dddd-eeee-ffff")));
  EXPECT_EQ(m.affected[0].fixed, "3.0.0");
  EXPECT_EQ(m.affected[1].fixed, "4.0.0");
}

TEST_F(MatchTest, RelatedIsNotTheSame) {
  Advisory a = about("GHSA-aaaa-bbbb-cccc", {row("npm", "", "a", "2.0.0")}, {"CVE-2024-1"});
  a.related = {"CVE-2024-9"};
  put("ghsa/npm", a);
  EXPECT_THAT(ids(ask("npm", {}, "a", "1.0.0")), ElementsAre("CVE-2024-1"));
}

// GitHub writes one entry of affected[] for each branch of a package: any of them is enough (OSV, "Evaluation"), and those of the other
// branches are no objection.
TEST_F(MatchTest, TheBranchesOfOneAdvisoryDoNotContradictEachOther) {
  AffectedPackage first = row("npm", "", "a", "1.5.0"), second = row("npm", "", "a", "2.3.0");
  second.ranges[0].events[0].version = "2.0.0";
  put("ghsa/npm", about("GHSA-aaaa-bbbb-cccc", {first, second}, {"CVE-2024-1"}));
  AdvisoryMatch m = one(ask("npm", {}, "a", "2.1.0"));
  EXPECT_EQ(m.fixed, "2.3.0");
  EXPECT_FALSE(m.doubtful);
  EXPECT_THAT(m.says, Not(Contains(HasSubstr("another statement"))));
  m = one(ask("npm", {}, "a", "1.0.0"));
  EXPECT_EQ(m.fixed, "1.5.0");
  EXPECT_FALSE(m.doubtful);
  EXPECT_THAT(ids(ask("npm", {}, "a", "1.7.0")), IsEmpty());
}

TEST_F(MatchTest, UndecidedOfOneSourceDoesNotHideAnother) {
  AffectedPackage commits;
  commits.family = "go", commits.name = "a", commits.other_ranges = true;
  put("go/go", about("GO-2024-1", {commits}, {"CVE-2024-1"}));
  put("ghsa/go", about("GHSA-aaaa-bbbb-cccc", {row("go", "", "a", "2.0.0")}, {"CVE-2024-1"}));
  EXPECT_THAT(ids(ask("go", {}, "a", "1.0.0")), ElementsAre("CVE-2024-1"));
}

TEST_F(MatchTest, AVersionThatIsNoneIsUndecided) {
  put("go/go", about("GO-2024-1", {row("go", "", "a", "2.0.0")}, {"CVE-2024-1"}));
  PackageMatches m = ask("go", {}, "a", "(devel)");
  EXPECT_THAT(ids(m), IsEmpty());
  EXPECT_THAT(undecided(m), ElementsAre("CVE-2024-1"));
}

TEST_F(MatchTest, AnUnknownOrderIsNeverCleanButUndecided) {
  put("osv/x", about("X-1", {row("unheard of", "", "a", "2.0")}));
  PackageMatches m = ask("unheard of", {}, "a", "1.0");
  EXPECT_THAT(ids(m), IsEmpty());
  EXPECT_THAT(undecided(m), ElementsAre("X-1"));
}

TEST_F(MatchTest, AMaliciousPackageIsCritical) {
  Advisory a = about("MAL-2024-1", {row("npm", "", "a", "")}, {"GHSA-aaaa-bbbb-cccc"});
  a.kind = AdvisoryKind::malware;
  a.severities.push_back({SeverityRank::database, Severity::low, "", "OSSF"});
  put("mal/npm", a);
  put("ghsa/npm", about("GHSA-dddd-eeee-ffff", {row("npm", "", "a", "2.0.0")}, {"CVE-2024-1"}));
  PackageMatches m = ask("npm", {}, "a", "1.0.0");
  ASSERT_THAT(ids(m), ElementsAre("CVE-2024-1", "MAL-2024-1"));
  EXPECT_EQ(m.affected[1].kind, AdvisoryKind::malware);
  EXPECT_EQ(m.affected[1].severity, Severity::critical);
  EXPECT_EQ(m.affected[0].kind, AdvisoryKind::vulnerability);
}

// ---- Severity and use ----

constexpr const char* kCritical = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H";  // 9.8
constexpr const char* kLow = "CVSS:3.1/AV:L/AC:H/PR:H/UI:R/S:U/C:N/I:N/A:L";

Advisory rated(Advisory a, std::vector<SeverityClaim> claims) {
  a.severities = std::move(claims);
  return a;
}

TEST_F(MatchTest, TheDistributionsWordGoesBeforeOthers) {
  put("debian", rated(about("CVE-2024-1", {row("debian", "bookworm", "a", "2-1")}), {{SeverityRank::distribution, Severity::low, "", "Debian"}}));
  put("osv/cve", rated(about("CVE-2024-1", {}), {{SeverityRank::nvd, Severity::unknown, kCritical, "NVD"}}));
  put("cve", rated(about("CVE-2024-1", {}), {{SeverityRank::cna, Severity::medium, "", "vendor"}}));
  AdvisoryMatch m = one(bookworm("a", "1-1"));
  EXPECT_EQ(m.severity, Severity::low);
  EXPECT_EQ(m.severity_source, "Debian");
  EXPECT_EQ(m.vector, kCritical);  // a word has no score: that of the next who gives one
  ASSERT_TRUE(m.score);
  EXPECT_NEAR(m.score->overall(), 9.8, 0.01);
}

TEST_F(MatchTest, NvdGoesBeforeTheNumberingAuthority) {
  put("debian", about("CVE-2024-1", {row("debian", "bookworm", "a", "2-1")}));
  put("cve", rated(about("CVE-2024-1", {}), {{SeverityRank::cna, Severity::unknown, kLow, "vendor"}, {SeverityRank::adp, Severity::medium, "", "CISA"}}));
  put("osv/cve", rated(about("CVE-2024-1", {}), {{SeverityRank::nvd, Severity::unknown, kCritical, "NVD"}}));
  AdvisoryMatch m = one(bookworm("a", "1-1"));
  EXPECT_EQ(m.severity, Severity::critical);
  EXPECT_EQ(m.severity_source, "NVD");
  EXPECT_EQ(m.vector, kCritical);
}

TEST_F(MatchTest, WithoutNvdItIsTheAuthorityThatAddsThenTheOneThatNumbers) {
  put("debian", about("CVE-2024-1", {row("debian", "bookworm", "a", "2-1")}));
  put("debian", about("CVE-2024-2", {row("debian", "bookworm", "a", "2-1")}));
  put("cve", rated(about("CVE-2024-1", {}), {{SeverityRank::cna, Severity::low, "", "vendor"}, {SeverityRank::adp, Severity::medium, "", "CISA"}}));
  put("cve", rated(about("CVE-2024-2", {}), {{SeverityRank::cna, Severity::low, "", "vendor"}}));
  PackageMatches m = bookworm("a", "1-1");
  ASSERT_THAT(m.affected, SizeIs(2));
  EXPECT_EQ(m.affected[0].severity, Severity::medium);
  EXPECT_EQ(m.affected[1].severity_source, "vendor");
}

TEST_F(MatchTest, ThePackagesOwnSeverityGoesBeforeTheAdvisorys) {
  AffectedPackage own = row("npm", "", "a", "2.0.0");
  own.severities.push_back({SeverityRank::database, Severity::unknown, kLow, "GitHub"});
  put("ghsa/npm", rated(about("GHSA-aaaa-bbbb-cccc", {own}, {"CVE-2024-1"}), {{SeverityRank::database, Severity::unknown, kCritical, "GitHub"}}));
  AdvisoryMatch m = one(ask("npm", {}, "a", "1.0.0"));
  EXPECT_EQ(m.severity, Severity::low);
  EXPECT_EQ(m.vector, kLow);
}

TEST_F(MatchTest, AnotherDistributionsWordDoesNotOutweighNvd) {
  put("debian", about("CVE-2024-1", {row("debian", "bookworm", "a", "2-1")}));
  put("redhat-vex",
      rated(about("CVE-2024-1", {row("red hat", "enterprise_linux:9", "a", "2-1")}), {{SeverityRank::distribution, Severity::low, "", "Red Hat"}}));
  put("osv/cve", rated(about("CVE-2024-1", {}), {{SeverityRank::nvd, Severity::unknown, kCritical, "NVD"}}));
  EXPECT_EQ(one(bookworm("a", "1-1")).severity_source, "NVD");
}

TEST_F(MatchTest, WhatNobodyRatesStaysUnknown) {
  put("debian", rated(about("CVE-2024-1", {row("debian", "bookworm", "a", "2-1")}),
                      {{SeverityRank::distribution, Severity::unknown, "", "Debian"}, {SeverityRank::nvd, Severity::unknown, "CVSS:9/nothing", "NVD"}}));
  AdvisoryMatch m = one(bookworm("a", "1-1"));
  EXPECT_EQ(m.severity, Severity::unknown);
  EXPECT_FALSE(m.score);
  EXPECT_EQ(m.vector, "");
}

TEST_F(MatchTest, TheRatingOfAnUpdateIsNotThatOfEachOfItsVulnerabilities) {
  Advisory dsa = rated(about("ALAS2-1", {row("amazon", "2", "a", "2-1")}), {{SeverityRank::distribution, Severity::critical, "", "Amazon"}});
  dsa.upstream = {"CVE-2024-1", "CVE-2024-2"};
  put("amazon/2", dsa);
  put("osv/cve", rated(about("CVE-2024-1", {}), {{SeverityRank::nvd, Severity::unknown, kLow, "NVD"}}));
  PackageMatches m = ask("amazon", {"2"}, "a", "1-1");
  ASSERT_THAT(ids(m), ElementsAre("CVE-2024-1", "CVE-2024-2"));
  EXPECT_EQ(m.affected[0].severity, Severity::low);
  EXPECT_EQ(m.affected[1].severity, Severity::critical);
}

TEST_F(MatchTest, WhatIsKnownOfItsUseIsJoined) {
  put("debian", about("CVE-2024-1", {row("debian", "bookworm", "a", "2-1")}));
  put("debian", about("CVE-2024-2", {row("debian", "bookworm", "a", "2-1")}));
  ExploitScore epss, kev, ssvc;
  epss.id = kev.id = ssvc.id = "CVE-2024-1";
  epss.epss = 86000, epss.percentile = 99000, epss.epss_date = "2026-01-02";
  kev.kev_added = "2024-04-01", kev.kev_due = "2024-04-22", kev.ransomware = true;
  ssvc.ssvc_exploitation = "active", ssvc.ssvc_automatable = "yes", ssvc.ssvc_impact = "total";
  for (const ExploitScore& s : {kev, epss, ssvc}) put(s);
  PackageMatches m = bookworm("a", "1-1");
  ASSERT_THAT(m.affected, SizeIs(2));
  ASSERT_TRUE(m.affected[0].exploit);
  const ExploitScore& e = *m.affected[0].exploit;
  EXPECT_EQ(e.epss, 86000U);
  EXPECT_EQ(e.kev_due, "2024-04-22");
  EXPECT_TRUE(e.ransomware);
  EXPECT_EQ(e.ssvc_exploitation, "active");
  EXPECT_FALSE(m.affected[1].exploit);
}

// A live patch and a FIPS build have versions of their own, which no plain build reaches.
TEST_F(MatchTest, OraclesKindsOfBuildsAreApart) {
  put("oracle", about("CVE-2024-1", {row("oracle", "8", "glibc", "2:2.28-9.ksplice1.el8")}));
  put("oracle", about("CVE-2024-2", {row("oracle", "8", "glibc", "2.28-9.el8")}));
  put("oracle", about("CVE-2024-3", {row("oracle", "8", "glibc", "10:2.28-9.el8_fips")}));
  EXPECT_THAT(ids(ask("oracle", {"8"}, "glibc", "2.28-1.el8")), ElementsAre("CVE-2024-2"));
  EXPECT_THAT(ids(ask("oracle", {"8"}, "glibc", "2:2.28-1.ksplice1.el8")), ElementsAre("CVE-2024-1"));
  EXPECT_THAT(ids(ask("oracle", {"8"}, "glibc", "10:2.28-1.el8_fips")), ElementsAre("CVE-2024-3"));
}

}  // namespace
}  // namespace careen
