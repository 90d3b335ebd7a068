// Red Hat's products, each of which decides by itself.
#include "../../tests/support/match_case.h"

namespace careen {
namespace {

using test::row, test::standing, test::about, test::MatchCase;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// Package a: fixed in 9 by 2-40.el9_4, in the extended release 9.2 by 2-26.el9_2.3; b: in 9 alone; c: no fix is planned;
// d: fixed in 9.2 by what 9 does not have yet.
class RedHatProducts : public MatchCase {
 protected:
  RedHatProducts() {
    put("redhat-vex",
        about("CVE-2024-1", {row("red hat", "enterprise_linux:9::baseos", "a", "2-40.el9_4"), row("red hat", "rhel_eus:9.2::baseos", "a", "2-26.el9_2.3")}));
    put("redhat-vex", about("CVE-2024-2", {row("red hat", "enterprise_linux:9::appstream", "b", "2-1.el9_4")}));
    put("redhat-vex", about("CVE-2024-3", {row("red hat", "enterprise_linux:9", "c", "")}));
    put("redhat-vex", about("CVE-2024-4", {row("red hat", "enterprise_linux:9", "d", ""), row("red hat", "rhel_eus:9.2::appstream", "d", "2-1.el9_2.1")}));
    put("redhat-vex",
        about("CVE-2024-5", {row("red hat", "openshift:4.12::el8", "e", "2-1.rhaos4.12.el8"), row("red hat", "openshift:4.12::el9", "e", "3-1.rhaos4.12.el9"),
                             row("red hat", "openshift:4.13::el8", "e", "4-1.rhaos4.13.el8")}));
    put("redhat-vex", about("CVE-2024-6", {row("red hat", "openshift:4", "f", "")}));
    put("redhat-vex",
        about("CVE-2024-7", {standing(row("red hat", "enterprise_linux:9", "g", ""), Standing::not_affected), row("red hat", "openshift:4", "g", "")}));
    put("redhat-vex",
        about("CVE-2024-8", {row("red hat", "enterprise_linux:10.0", "h", "1-5.el10_0"), row("red hat", "enterprise_linux:10.1", "h", "1-8.el10_1")}));
  }
  std::vector<std::string> asked(std::vector<std::string> streams, const std::string& name, const std::string& version) {
    return ids(ask("red hat", std::move(streams), name, version));
  }
};

TEST_F(RedHatProducts, AnExtendedReleaseHasFixesOfItsOwn) {
  EXPECT_THAT(asked({"rhel_eus:9.2"}, "a", "2-26.el9_2.3"), IsEmpty());
  EXPECT_EQ(one(ask("red hat", {"rhel_eus:9.2"}, "a", "2-26.el9_2.1")).fixed, "2-26.el9_2.3");
  EXPECT_FALSE(one(ask("red hat", {"rhel_eus:9.2"}, "a", "2-26.el9_2.1")).doubtful);
  EXPECT_THAT(asked({"rhel_eus:9.2"}, "d", "2-1.el9_2.1"), IsEmpty());
  // What was built before for an earlier minor release is its too.
  EXPECT_EQ(one(ask("red hat", {"rhel_eus:9.2"}, "a", "2-25.el9_1")).fixed, "2-26.el9_2.3");
}

// Whoever builds on the plain release and installs from an extended one has packages of both, and repositories of one.
TEST_F(RedHatProducts, WhatWasBuiltForAMinorReleaseIsJudgedByItsFixWhateverTheImageNames) {
  for (std::string stream : {"enterprise_linux:9", "rhel_eus:9.2", "rhel_e4s:9.2", "rhel_eus:9.4"}) {
    EXPECT_THAT(asked({stream}, "a", "2-26.el9_2.3"), IsEmpty()) << stream;
    AdvisoryMatch m = one(ask("red hat", {stream}, "a", "2-26.el9_2.1"));
    EXPECT_EQ(m.fixed, stream == "rhel_eus:9.2" ? "2-26.el9_2.3" : "2-40.el9_4") << stream << ": what it can install";
    EXPECT_FALSE(m.doubtful) << stream;
    EXPECT_THAT(asked({stream}, "d", "2-1.el9_2.1"), IsEmpty()) << stream;
  }
  EXPECT_THAT(asked({"enterprise_linux:8"}, "a", "2-26.el9_2.1"), IsEmpty());
  EXPECT_EQ(one(ask("red hat", {"enterprise_linux:9"}, "a", "2-26.el9_1")).fixed, "2-40.el9_4");
}

// Red Hat's own word on another release is none on this one.
TEST_F(RedHatProducts, WhatOthersSayCountsWhereRedHatSpeaksOfAnotherReleaseAlone) {
  put("redhat-vex", about("CVE-2024-20", {row("red hat", "rhel_eus:9.4::baseos", "o", "1-3.el9_4")}));
  put("osv/red hat", about("CVE-2024-20", {row("red hat", "enterprise_linux:9::baseos", "o", "1-5.el9_5")}));
  EXPECT_THAT(asked({"enterprise_linux:9"}, "o", "1-1.el9"), ElementsAre("CVE-2024-20"));
  EXPECT_THAT(asked({"enterprise_linux:9"}, "o", "1-5.el9_5"), IsEmpty());
}

TEST_F(RedHatProducts, WhatIsSaidOfNoReleaseIsSaidOfEach) {
  put("osv/red hat", about("CVE-2024-22", {row("red hat", "", "p", "2-1")}));
  for (std::string stream : {"enterprise_linux:9", "rhel_eus:9.2"}) {
    EXPECT_THAT(asked({stream}, "p", "1-1.el9_2"), ElementsAre("CVE-2024-22")) << stream;
    EXPECT_THAT(asked({stream}, "p", "2-1"), IsEmpty()) << stream;
  }
}

TEST_F(RedHatProducts, AReleaseOfExtendedLifeHasNoMinorVersions) {
  put("redhat-vex", about("CVE-2024-21", {row("red hat", "enterprise_linux:7", "k", ""), row("red hat", "rhel_els:7", "k", "3-1160.125.1.el7")}));
  EXPECT_THAT(asked({"rhel_els:7"}, "k", "3-1160.130.1.el7"), IsEmpty());
  EXPECT_THAT(asked({"rhel_els:7"}, "k", "3-1160.120.1.el7"), ElementsAre("CVE-2024-21"));
  EXPECT_THAT(asked({"enterprise_linux:7"}, "k", "3-1160.120.1.el7"), ElementsAre("CVE-2024-21"));
}

// Advisories name an extended release only where it gets a fix: what the plain release says counts for all else.
TEST_F(RedHatProducts, WhatAnExtendedReleaseDoesNotSayThePlainOneSays) {
  EXPECT_THAT(asked({"rhel_eus:9.2"}, "b", "1-1.el9_2"), ElementsAre("CVE-2024-2"));
  EXPECT_THAT(asked({"rhel_eus:9.2"}, "b", "2-1.el9_4"), IsEmpty());
  EXPECT_THAT(asked({"rhel_eus:9.2"}, "c", "1-1.el9_2"), ElementsAre("CVE-2024-3"));
  EXPECT_THAT(asked({"rhel_eus:8.6"}, "c", "1-1.el8_6"), IsEmpty());
}

// 2-39 is more than the extended release's fix, and was built before the plain one's.
TEST_F(RedHatProducts, WhatWasBuiltForALaterReleaseIsJudgedByThatToo) {
  AdvisoryMatch m = one(ask("red hat", {"rhel_eus:9.2"}, "a", "2-39.el9_4"));
  EXPECT_EQ(m.fixed, "2-40.el9_4");
  EXPECT_FALSE(m.doubtful);
  m = one(ask("red hat", {"rhel_eus:9.2"}, "a", "2-39.el9"));  // which one it was built for is not said
  EXPECT_EQ(m.fixed, "2-40.el9_4");
  EXPECT_TRUE(m.doubtful);
  EXPECT_THAT(m.says, Contains(HasSubstr("differ: rhel_eus:9.2")));
  EXPECT_THAT(asked({"rhel_eus:9.2"}, "a", "2-40.el9_4"), IsEmpty());
  EXPECT_THAT(asked({"rhel_eus:9.2"}, "a", "2-41.el9"), IsEmpty());
}

TEST_F(RedHatProducts, OfAnImageOfBothAPackageIsOfTheOneItWasBuiltFor) {
  const std::vector<std::string> both = {"enterprise_linux:9", "rhel_eus:9.2"};
  EXPECT_THAT(asked(both, "a", "2-26.el9_2.3"), IsEmpty());
  EXPECT_FALSE(one(ask("red hat", both, "a", "2-26.el9_2.1")).doubtful);
  EXPECT_TRUE(one(ask("red hat", both, "a", "2-39.el9")).doubtful);
  EXPECT_THAT(asked(both, "a", "2-40.el9_4"), IsEmpty());
  EXPECT_THAT(asked(both, "c", "1-1.el9_2"), ElementsAre("CVE-2024-3"));
}

TEST_F(RedHatProducts, OnTopOfAReleaseAreLookedUpToo) {
  const std::vector<std::string> openshift = {"enterprise_linux:8", "openshift:4.12::el8"};
  EXPECT_EQ(one(ask("red hat", openshift, "e", "1-1.rhaos4.12.el8")).fixed, "2-1.rhaos4.12.el8");
  EXPECT_THAT(asked(openshift, "e", "2-1.rhaos4.12.el8"), IsEmpty());
  EXPECT_THAT(asked(openshift, "f", "1-1.rhaos4.12.el8"), ElementsAre("CVE-2024-6"));
  EXPECT_THAT(asked({"enterprise_linux:8"}, "f", "1-1.rhaos4.12.el8"), IsEmpty());
}

// Nothing says which of them a package is from.
TEST_F(RedHatProducts, ThatDifferAreSaidToAndTheWorseCounts) {
  AdvisoryMatch m = one(ask("red hat", {"enterprise_linux:9", "openshift:4.14::el9"}, "g", "1-1.el9"));
  EXPECT_TRUE(m.doubtful);
  EXPECT_THAT(m.says, Contains(HasSubstr("differ: enterprise_linux:9, openshift:4.14::el9")));
}

TEST_F(RedHatProducts, OfSeveralMinorReleasesTheOneThatAPackageWasBuiltForCounts) {
  EXPECT_THAT(asked({"enterprise_linux:10"}, "h", "1-6.el10_0"), IsEmpty());
  EXPECT_EQ(one(ask("red hat", {"enterprise_linux:10"}, "h", "1-7.el10_1")).fixed, "1-8.el10_1");
  EXPECT_EQ(one(ask("red hat", {"enterprise_linux:10"}, "h", "1-4.el10_0")).fixed, "1-5.el10_0");
}

// Red Hat tells what it fixed in 9.2 and in 9.3 as fixed in 9.
TEST_F(RedHatProducts, FixesOfSeveralMinorReleasesStandSideBySide) {
  put("redhat-vex", about("CVE-2023-38545", {row("red hat", "enterprise_linux:9::baseos", "curl", "7.76.1-23.el9_2.4"),
                                             row("red hat", "enterprise_linux:9::baseos", "curl", "7.76.1-26.el9_3.2")}));
  const std::vector<std::string> plain = {"enterprise_linux:9"};
  EXPECT_THAT(asked(plain, "curl", "7.76.1-23.el9_2.4"), IsEmpty());
  EXPECT_THAT(asked(plain, "curl", "7.76.1-26.el9_3.2"), IsEmpty());
  EXPECT_THAT(asked(plain, "curl", "7.76.1-29.el9_4"), IsEmpty());
  EXPECT_EQ(one(ask("red hat", plain, "curl", "7.76.1-23.el9_2.1")).fixed, "7.76.1-23.el9_2.4");
  put("redhat-vex",
      about("CVE-2023-2", {row("red hat", "enterprise_linux:9::baseos", "b", "1-2.el9"), row("red hat", "enterprise_linux:9::baseos", "b", "1-4.el9_3")}));
  EXPECT_THAT(asked(plain, "b", "1-2.el9"), ElementsAre("CVE-2024-2")) << "what is told as the fix is it";
  for (std::string version : {"7.76.1-26.el9", "7.76.1-14.el9", "7.76.1-19.el9_1.2"}) {
    AdvisoryMatch m = one(ask("red hat", plain, "curl", version));
    EXPECT_EQ(m.fixed, "7.76.1-26.el9_3.2") << version;
    EXPECT_FALSE(m.doubtful) << version;
  }
}

}  // namespace
}  // namespace careen
