// The orders of versions of languages and of systems, held to the published vectors, to what the specifications say in words, and to
// what an order must be.

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <random>
#include <string>
#include <vector>

#include "../../tests/support/shared_archive.h"
#include "base/text.h"
#include "knowledge/version.h"

namespace careen {
namespace {

using O = VersionOrder;

char op_of(std::optional<int> v) {
  return !v ? '?' : *v < 0 ? '<' : *v > 0 ? '>' : '=';
}
char turned(char op) {
  return op == '<' ? '>' : op == '>' ? '<' : op;
}
std::string shown(std::string_view s) {
  return s.size() > 80 ? escape(s.substr(0, 80)) + "… of " + std::to_string(s.size()) + " bytes" : "\"" + escape(s) + "\"";
}

void expect_op(O order, std::string_view a, char op, std::string_view b) {
  EXPECT_EQ(op_of(compare_versions(order, a, b)), op) << to_text(order) << ": " << shown(a) << " and " << shown(b);
  EXPECT_EQ(op_of(compare_versions(order, b, a)), turned(op)) << to_text(order) << ", turned: " << shown(b) << " and " << shown(a);
}

// "a < b == c < d" as specifications write it: every pair of it, both ways.
void expect_chain(O order, std::string_view chain) {
  struct Ranked {
    std::string_view version;
    int rank;
  };
  std::vector<Ranked> all;
  int rank = 0;
  for (std::string_view w : words(chain)) {
    if (w == "<")
      ++rank;
    else if (w != "==")
      all.push_back({w, rank});
  }
  ASSERT_GT(all.size(), 1U) << chain;
  for (size_t i = 0; i < all.size(); ++i)
    for (size_t k = i; k < all.size(); ++k) expect_op(order, all[i].version, all[i].rank < all[k].rank ? '<' : '=', all[k].version);
}

// What is no version of the order has none with anything, not even with itself.
void expect_none(O order, const std::vector<std::string>& all) {
  for (const std::string& odd : all) {
    EXPECT_EQ(op_of(compare_versions(order, odd, "1.0")), '?') << to_text(order) << ": " << shown(odd);
    EXPECT_EQ(op_of(compare_versions(order, "1.0", odd)), '?') << to_text(order) << ": " << shown(odd);
    EXPECT_EQ(op_of(compare_versions(order, odd, odd)), '?') << to_text(order) << ": " << shown(odd);
  }
}

std::string times(std::string_view part, size_t n) {
  std::string s;
  while (n-- != 0) s += part;
  return s;
}

// --- The published vectors, which lie beside the repository where there are any.

class LanguageVectors : public test::SharedArchive {
 protected:
  void SetUp() override { unpack("version-vectors"); }

  // Checks each line "a op b", both ways, and returns how many there were. A comment has a line of its own: "#" occurs in versions.
  size_t hold(const std::string& name, O order) const {
    std::ifstream in(unpacked() + "/version-vectors/osv-scalibr/" + name + "-versions.txt");
    size_t lines = 0;
    for (std::string line; std::getline(in, line);) {
      std::string_view text = trim(line);
      if (text.empty() || text.starts_with('#') || text.starts_with("//")) continue;
      auto w = words(text);
      EXPECT_TRUE(w.size() == 3 && w[1].size() == 1) << name << ": " << line;
      if (w.size() != 3) continue;
      ++lines;
      expect_op(order, w[0], w[1][0], w[2]);
    }
    return lines;
  }
};

TEST_F(LanguageVectors, OfSemverHold) {
  EXPECT_GE(hold("semver", O::semver), 86U);
}
TEST_F(LanguageVectors, OfPubHold) {
  EXPECT_GE(hold("pub", O::pub), 100U);
}
TEST_F(LanguageVectors, OfNugetHold) {
  EXPECT_GE(hold("nuget", O::nuget), 35U);
}
TEST_F(LanguageVectors, OfPypiHold) {
  EXPECT_GE(hold("pypi", O::pep440), 37U);
}
TEST_F(LanguageVectors, OfMavenHold) {
  EXPECT_GE(hold("maven", O::maven), 102U);
}
TEST_F(LanguageVectors, OfRubygemsHold) {
  EXPECT_GE(hold("rubygems", O::rubygems), 25U);
}
TEST_F(LanguageVectors, OfPackagistHold) {
  EXPECT_GE(hold("packagist", O::composer), 95U);
}
TEST_F(LanguageVectors, OfHackageHold) {
  EXPECT_GE(hold("hackage", O::hackage), 11U);
}
TEST_F(LanguageVectors, OfCranHold) {
  EXPECT_GE(hold("cran", O::cran), 21U);
}
TEST_F(LanguageVectors, OfAlpineHoldThoughVersionsBeBroken) {
  EXPECT_GE(hold("alpine", O::apk), 778U);
}
TEST_F(LanguageVectors, OfRedhatHoldWithAMissingReleaseFirst) {
  EXPECT_GE(hold("redhat", O::rpm), 165U);
}
TEST_F(LanguageVectors, OfDebianHold) {
  EXPECT_GE(hold("debian", O::deb), 30U);
}

// --- Semantic Versioning 2.0.0, and the two that are nearly it.

TEST(SemverOrder, IsThatOfItem11) {
  expect_chain(O::semver, "1.0.0 < 2.0.0 < 2.1.0 < 2.1.1");
  expect_chain(O::semver, "1.0.0-alpha < 1.0.0");
  expect_chain(O::semver, "1.0.0-alpha < 1.0.0-alpha.1 < 1.0.0-alpha.beta < 1.0.0-beta < 1.0.0-beta.2 < 1.0.0-beta.11 < 1.0.0-rc.1 < 1.0.0");
}

TEST(SemverOrder, IdentifiersOfDigitsAreNumbersAndAllOthersText) {
  expect_chain(O::semver, "1.0.0-2 < 1.0.0-11 < 1.0.0--1 < 1.0.0-1a < 1.0.0-A < 1.0.0-a < 1.0.0-a-b < 1.0.0-a1 < 1.0.0-a11 < 1.0.0-a2");
  expect_chain(O::semver, "1.0.0-x.7.z.92 < 1.0.0-x-y-z.4 < 1.0.0-x-y-z.- < 1.0.0-x-y-z.--");
}

TEST(SemverOrder, BuildMetadataSaysNothing) {
  expect_chain(O::semver, "1.0.0-alpha+001 == 1.0.0-alpha < 1.0.0+20130313144700 == 1.0.0+21AF26D3----117B344092BD == 1.0.0");
  expect_chain(O::semver, "1.0.0+a-b == 1.0.0+a.b == 1.0.0+-");  // a dash after the plus begins no pre-release
}

TEST(SemverOrder, LetsPassALeadingVAndAnyCountOfNumbers) {
  expect_chain(O::semver, "v1 == 1.0 == V1.0.0 == 1.0.0.0 < 1.0.0.1 < 1.0.1-rc.1 < v1.0.1");
  expect_chain(O::semver, "1.2rc1 == 1.2-rc1 < 1.2");
}

TEST(SemverOrder, PlacesPseudoVersionsOfGo) {
  expect_chain(O::semver,
               "v0.0.0-20170915032832-14c0d48ead0c < v0.0.0-20191109021931-daa7c04131f5 < v0.0.1-0.20191109021931-daa7c04131f5 < v0.0.1 < v1.2.3-pre < "
               "v1.2.3-pre.0.20191109021931-daa7c04131f5 < v1.2.3 < v1.2.4-0.20191109021931-daa7c04131f5 < v1.2.4-0.20210101000000-000000000000 < v1.2.4");
  expect_chain(O::semver, "v1.9.9 < v2.0.0-20190101000000-abcdefabcdef+incompatible < v2.0.0 == v2.0.0+incompatible < v2.0.1+incompatible");
}

TEST(SemverOrder, TakesNoWordForAVersion) {
  expect_none(O::semver, {"", "v", "a", "-1", ".1", "+1", "latest", "vv1", " 1.0", "\xd9\xa1.0"});
}

TEST(SemverOrder, TakesNoVersionWithBytesThatTheSpecificationForbids) {
  expect_none(O::semver, {"1.0.0 0", "1.0.0-a b", std::string("1.0.0-a\0", 8), "1.0.0-\xff", "1.0.0_1", "1.0.0-a/b"});
}

TEST(PubOrder, CountsBuildMetadata) {
  expect_chain(O::pub,
               "1.0.0-alpha < 1.0.0-alpha.1 < 1.0.0-beta.2 < 1.0.0-beta.11 < 1.0.0-rc.1 < 1.0.0-rc.1+build.1 < 1.0.0 < 1.0.0+0.3.7 < 1.3.7+build < "
               "1.3.7+build.2.b8f12d7 < 1.3.7+build.11.e0f985a < 2.0.0 < 2.1.0 < 2.2.0 < 2.11.0 < 2.11.1");
  expect_none(O::pub, {"", "any", "-1", "+1"});
}

TEST(NugetOrder, IsThatOfItsReference) {
  expect_chain(O::nuget,
               "1.0.1-aaa < 1.0.1-alpha < 1.0.1-alpha10 < 1.0.1-alpha2 < 1.0.1-beta < 1.0.1-open < 1.0.1-rc.2 < 1.0.1-rc.10 < 1.0.1-zzz < 1.0.1 < 1.0.1.1");
  expect_chain(O::nuget, "1.0 == 1.00 == 1.0.0 == 1.0.0.0 == 1.0.0+r3456 < 1.0.0.1 == 1.00.0.1 < 1.0.1 == 1.0.01.0 < 1.01.1 == 1.1.1");
  expect_none(O::nuget, {"", "*", "beta", "-1"});
}

TEST(NugetOrder, KnowsNoCaseOfLetters) {
  expect_chain(O::nuget, "1.0.0-ALPHA == 1.0.0-alpha < 1.0.0-Beta == 1.0.0-bETA < 1.0.0-RC.1 == 1.0.0-rc.1 < 1.0.0");
}

// --- Python

TEST(Pep440Order, IsThatOfItsSummary) {
  expect_chain(O::pep440,
               "1.dev0 < 1.0.dev456 < 1.0a1 < 1.0a2.dev456 < 1.0a12.dev456 < 1.0a12 < 1.0b1.dev456 < 1.0b2 < 1.0b2.post345.dev456 < 1.0b2.post345 < "
               "1.0rc1.dev456 < 1.0rc1 < 1.0 < 1.0+abc.5 < 1.0+abc.7 < 1.0+5 < 1.0.post456.dev34 < 1.0.post456 < 1.0.15 < 1.1.dev1");
}

TEST(Pep440Order, ReadsAllSpellingsOfOneVersion) {
  expect_chain(O::pep440, "1.1a1 == 1.1A1 == 1.1.a1 == 1.1-a1 == 1.1_a1 == 1.1a.1 == 1.1a-1 == 1.1a_1 == 1.1alpha1 == 1.1-Alpha-01");
  expect_chain(O::pep440, "1.1rc1 == 1.1c1 == 1.1pre1 == 1.1preview1 == 1.1-RC-1 < 1.1");
  expect_chain(O::pep440, "1.2.dev == 1.2.dev0 == 1.2-dev == 1.2dev < 1.2a == 1.2a0 < 1.2b == 1.2beta0 < 1.2");
  expect_chain(O::pep440, "1.2 < 1.2.post == 1.2.post0 == 1.2-r < 1.2-2 == 1.2.post2 == 1.2-post2 == 1.2post-2 == 1.2rev2 == 1.2-r2");
  expect_chain(O::pep440, "1.0+ubuntu.1 == 1.0+ubuntu-1 == 1.0+UBUNTU_1 == v1.0+ubuntu.01");
  expect_chain(O::pep440, "0!1 == 1 == 1.0 == v1.0.0 == 00!01.00");
  expect_op(O::pep440, " 1.0\n", '=', "1.0");
}

TEST(Pep440Order, AnEpochIsBeforeAll) {
  expect_chain(O::pep440, "2013.10 < 2014.4 < 1!1.0 < 1!1.1 < 1!2.0 < 2!0 < 10!0");
}

TEST(Pep440Order, PlacesLocalVersionsByTheirParts) {
  expect_chain(O::pep440, "1.0 < 1.0+a < 1.0+a.a < 1.0+a.0 < 1.0+b < 1.0+0 < 1.0+1 < 1.0+1.a < 1.0+1.0 < 1.0+2 < 1.0+10 < 1.0.post0.dev0");
}

TEST(Pep440Order, WhatIsNoVersionIsBeforeAllThatAre) {
  for (const char* odd : {"x", "1.0-foo", "1..0", "1.0-", "1.0.a.b", "a1", "1:1", "2!", "!1", "1!1!1", "1.0+", "1.0+a+b", "1.0+a!", "1.0-1-1", "1.0.dev1.post1",
                          "1.0a1b1", "\xd9\xa1", "9999 9"})
    expect_op(O::pep440, odd, '<', "0.dev0");
  expect_chain(O::pep440, "0.1-bulbasaur < 0.1-charmander < 0.9-doduo < 0.9-eevee < 0.0");
  expect_chain(O::pep440,
               "dev-master < x < 1.x-dev == 1.x.dev < 1.x-alpha < 1.x-rc == 1.x-pre == 1.x.c == 1.x-preview < 1.x == 1.x.0 < 1.x-0 < 1.x-1 < 1.x.foo < 1.x.1 < "
               "1.x.9 < 1.x.10 < 2.x < 10.x < 0.dev0");
}

TEST(Pep440Order, ALocalVersionHasNoEmptyPart) {
  for (const char* odd : {"1.0+.", "1.0+-", "1.0+.a", "1.0+a.", "1.0+a..b", "1.0+a-_b"}) expect_op(O::pep440, odd, '<', "0.dev0");
}

// The pattern in appendix B lets a separator stand between a word and a number that is left out.
TEST(Pep440Order, ASeparatorMayEndAWordWithoutANumber) {
  expect_chain(O::pep440, "1.0a. == 1.0a- == 1.0a_ == 1.0a < 1.0rc. == 1.0rc < 1.0 < 1.0.post. == 1.0.post_ == 1.0.post");
}

TEST(Pep440Order, NothingHasNoOrder) {
  expect_none(O::pep440, {"", " ", "\n\t "});
}

// --- Java

TEST(MavenOrder, IsThatOfTheReferenceOfThePom) {
  expect_chain(O::maven, "1 < 1.1");
  expect_chain(O::maven, "1-snapshot < 1 < 1-sp");
  expect_chain(O::maven, "1-foo2 < 1-foo10");
  expect_chain(O::maven, "1.foo == 1-foo < 1-1 < 1.1");
  expect_chain(O::maven, "1.ga == 1-ga == 1-0 == 1.0 == 1 == 1-final == 1.release == 1.0.0 == 1. == 1- == 1.0.0-0.0.0");
  expect_chain(O::maven, "1-ga < 1-sp");
  expect_chain(O::maven, "1-ga.1 < 1-sp.1");
  expect_chain(O::maven, "1-sp-1 < 1-ga-1 == 1-1");
  expect_chain(O::maven, "1-a1 == 1-alpha-1 == 1a1 == 1.a1");
  expect_chain(O::maven, "1.0.0-foo.0.0 == 1-foo");
  expect_chain(O::maven, "1-1.foo-bar1baz-.1 == 1-1.foo-bar-1-baz-0.1");
}

TEST(MavenOrder, IsThatOfTheTestsOfComparableVersion) {
  expect_chain(O::maven,
               "1-alpha2snapshot < 1-alpha2 < 1-alpha-123 < 1-beta-2 < 1-beta123 < 1-m2 < 1-m11 < 1-rc == 1-cr < 1-rc2 < 1-rc123 < 1-SNAPSHOT < 1 < 1-sp < "
               "1-sp2 < 1-sp123 < 1-abc < 1-def < 1-pom-1 < 1-1-snapshot < 1-1 < 1-2 < 1-123");
  expect_chain(O::maven,
               "2.0 < 2.0.a < 2-1 < 2.0.2 < 2.0.123 < 2.1.0 < 2.1-a < 2.1b < 2.1-c < 2.1-1 < 2.1.0.1 < 2.2 < 2.123 < 11.a2 < 11.a11 < 11.b2 < 11.b11 < 11.m2 < "
               "11.m11 < 11 < 11.a < 11b < 11c < 11m");
}

TEST(MavenOrder, AOneLetterWordIsShortForAQualifierOnlyBeforeADigit) {
  expect_chain(O::maven, "1-a1 == 1-alpha1 < 1-b1 == 1-beta1 < 1-m1 == 1-milestone1 < 1 < 1-a < 1-b < 1-m");
}

TEST(MavenOrder, KnowsNoCaseOfLetters) {
  expect_chain(O::maven, "1-ALPHA-1 == 1-Alpha-1 < 1-RC1 == 1-Cr1 < 1-SnapShot == 1-SNAPSHOT < 1.GA == 1-FINAL == 1 < 1-SP == 1-sp < 1-X == 1-x");
}

TEST(MavenOrder, PlacesVersionsAsPeopleWriteThem) {
  expect_chain(O::maven, "4.1.0.Beta1 < 4.1.0.CR1 < 4.1.0.CR2 < 4.1.0-SNAPSHOT < 4.1.0 == 4.1.0.Final < 4.1.1.Final < 4.1.10.Final");
  expect_chain(O::maven, "2.14.0 < 2.14.1 < 2.15.0-rc1 < 2.15.0-rc2 < 2.15.0 < 2.16.0 < 2.17.1");
  expect_chain(O::maven, "42.2.5.jre6 < 42.2.5.jre7 < 42.2.6.jre7");
  expect_chain(O::maven, "9.4.0.v20161208 < 9.4.0.v20180619 < 9.4.1.v20170120");
}

TEST(MavenOrder, NothingHasNoOrder) {
  expect_none(O::maven, {""});
}

TEST(MavenOrder, ThousandsOfDashesAreListsInLists) {
  std::string dashes(2000, '-');
  expect_op(O::maven, dashes, '=', "0");
  expect_op(O::maven, dashes, '<', "1");
  expect_op(O::maven, "1" + dashes, '=', "1");
  expect_op(O::maven, dashes + "1", '=', dashes + "1");
  expect_op(O::maven, dashes + "1", '<', dashes + "2");
  expect_op(O::maven, dashes + "alpha", '<', dashes + "beta");
  for (const std::string& deep : {times("1-", 1000), times("a1", 1000), times("a-", 1000), times("1.a", 1000)}) {
    expect_op(O::maven, deep + "1", '<', deep + "2");
    expect_op(O::maven, deep + "rc", '<', deep + "sp");
  }
}

// --- Ruby

TEST(RubygemsOrder, IsThatOfTheManual) {
  expect_chain(O::rubygems, "0.9 < 1.0.a.2 == 1.0.a2 < 1.0.b1 < 1.0");
  expect_chain(O::rubygems, "1.0.a9 == 1.0.a.9 < 1.0.a10 == 1.0.a.10");
  expect_chain(O::rubygems, "3.2 < 3.10");
}

TEST(RubygemsOrder, IsThatOfTheTestsOfGemVersion) {
  expect_chain(O::rubygems, "0.0.0 < 1.8.2.a < 1.8.2.a9 < 1.8.2.a10 < 1.8.2.b < 1.8.2 < 1.9.2.99 < 1.9.3 < 1.9.3.1");
  expect_chain(O::rubygems, "0.0.beta < 0.0.beta.1 == 0.beta.1");
  expect_chain(O::rubygems, "5.a < 5.0.0.rc2 < 5.x < 5 == 5.0 == 5.0.0");
  expect_chain(O::rubygems, "1.0.0.beta < 1.0.0-beta == 1.0.0.pre.beta < 1.0.0");
  expect_op(O::rubygems, " 1.0\n", '=', "1.0");
}

TEST(RubygemsOrder, ADashMakesAPrerelease) {
  expect_chain(O::rubygems, "1.0-1 == 1.0.pre.1 < 1.0-2 < 1.0-10 < 1.0");
}

TEST(RubygemsOrder, TakesNoVersionThatGemCallsMalformed) {
  expect_none(O::rubygems,
              {"junk", "1.0\n2.0", "1..2", "1.2 3.4", "2.3422222.222.222222222.22222.ads0as.dasd0.ddd2222.2.qd3e.", std::string("1\0", 2), "1.\xff"});
}

// --- PHP

TEST(ComposerOrder, IsThatOfTheManualOfVersionCompare) {
  expect_chain(O::composer, "1.0foo == 1.0qux < 1.0dev < 1.0alpha == 1.0a < 1.0beta == 1.0b < 1.0RC == 1.0rc < 1.0 < 1.0pl == 1.0p");
  expect_chain(O::composer, "5.2 < 5.2.0 < 5.2.1 < 5.10");
  expect_chain(O::composer, "1-1 == 1.1 == 1_1 == 1+1 < 1.2");
  expect_chain(O::composer, "1.0alpha1 == 1.0-alpha1 == 1.0.alpha.1 < 1.0-alpha2 < 1.0-alpha10");
}

TEST(ComposerOrder, NothingHasNoOrder) {
  expect_none(O::composer, {"", ".", "-", "v", "+_-."});
}

// PHP ranks a number against a word as it ranks "#", so that all numbers equal "#" and not each other.
TEST(ComposerOrder, ANumberSignEqualsEveryNumber) {
  expect_op(O::composer, "1.2.3.#", '=', "1.2.3.1");
  expect_op(O::composer, "1.2.3.#", '=', "1.2.3.2");
  expect_op(O::composer, "1.2.3.1", '<', "1.2.3.2");
}

// --- Haskell and R

TEST(HackageOrder, IsThatOfLists) {
  expect_chain(O::hackage, "0 < 0.1.26.0 < 1 < 1.0 < 1.0.0 < 1.0.1 < 1.2 < 1.2.3 < 1.10 < 2");
  expect_chain(O::hackage, "1.01 == 1.1 == 01.1");
}

TEST(CranOrder, ADashIsADot) {
  expect_chain(O::cran, "1.2 < 1.2-0 == 1.2.0 < 1.2-3 == 1.2.3 < 1.2-3.1 < 1.2-10 < 1.3");
  expect_chain(O::cran, "0.9 < 0.75");
}

TEST(DottedOrders, TakeNumbersOnly) {
  for (O order : {O::hackage, O::cran})
    expect_none(order, {"", "a", "1a", "1.a", ".1", "-1", "v1", "1.0 ", " 1.0", "1_0", "1+0", "1:0", std::string("1\0", 2), "\xff"});
}

TEST(DottedOrders, TakeNoEmptyNumber) {
  for (O order : {O::hackage, O::cran}) expect_none(order, {"1.", "1-", "1..2", "1.-2", "1--2"});
}

// --- Conda

TEST(CondaOrder, IsThatOfItsDocumentation) {
  expect_chain(O::conda,
               "0.4 == 0.4.0 < 0.4.1.rc == 0.4.1.RC < 0.4.1 < 0.5a1 < 0.5b3 < 0.5C1 < 0.5 < 0.9.6 < 0.960923 < 1.0 < 1.1dev1 < 1.1a1 < 1.1.0dev1 == 1.1.dev1 < "
               "1.1.a1 < 1.1.0rc1 < 1.1.0 == 1.1 < 1.1.0post1 == 1.1.post1 < 1.1post1 < 1996.07.12 < 1!0.4.1 < 1!3.1.1.6 < 2!0.4.1");
}

// A last underscore is a part of its own, for versions as those of OpenSSL: 1.0.1_ is before 1.0.1a.
TEST(CondaOrder, AnUnderscoreAtTheEndIsBeforeEveryLetter) {
  expect_chain(O::conda, "1.1dev1 < 1.1_ < 1.1a1 < 1.1.0dev1 < 1.1");
  expect_chain(O::conda, "1.0.1dev < 1.0.1_ < 1.0.1a < 1.0.1b < 1.0.1");
  expect_chain(O::conda, "1.0.1_ == 1.0.1- < 1.0.1");
}

TEST(CondaOrder, ALocalVersionDecidesLast) {
  expect_chain(O::conda, "1.0+a < 1.0 == 1.0+0 < 1.0+1 == 1.0.0+1 < 1.0+1.1 < 1.0+2 < 1.0+10 < 1.0.1");
}

TEST(CondaOrder, PartsAreCutAtDotsUnderscoresAndDashes) {
  expect_chain(O::conda, "1.2_alpha1 == 1.2.alpha1 == 1.2-alpha1 == 1.2.0alpha1 < 1.2_beta == 1.2.BETA < 1.2");
  expect_chain(O::conda, "1.2g.beta15.rc < 1.2g < 1.2");
}

TEST(CondaOrder, TakesNoVersionThatCondaCallsInvalid) {
  expect_none(O::conda, {"", " ", "1..2", "a!1", "1!2!3", "!1", "1!", "1+2+3", "1+", "1.0 0", "1.0~1", "1.0/1", "1_0-1", std::string("1\0", 2), "1.\xff"});
}

// --- The systems' orders, as every version of one has a place

TEST(RpmEvrOrder, AMissingReleaseIsBeforeAny) {
  expect_chain(O::rpm, "1.0~rc1-1 < 1.0 < 1.0-0 < 1.0-1 < 1.0-1.fc40 < 1.0-2 < 1.0^git1 < 1.0^git1-1 < 1.0.1 < 1:0.1 == 01:0.1 < 1:0.1-1");
  EXPECT_LT(compare_rpm_evr("5.6.1", "5.6.1-4.fc40"), 0);
  EXPECT_GT(compare_rpm_evr("5.6.1-4.fc40", "5.6.1"), 0);
  EXPECT_EQ(compare_rpm_evr("5.6.1", "0:5.6.1"), 0);
  EXPECT_EQ(compare_rpm("5.6.1", "5.6.1-4.fc40"), 0);  // as a dependency asks, where it matches any
}

TEST(ApkAnyOrder, OrdersBrokenVersionsToo) {
  for (const char* odd : {"a", "1.", "1..2", "1_foo", "1-2", "1-r", "1.0bc", "1.0A", "1~", "1:2", "1_", "1.0\n"}) {
    EXPECT_FALSE(compare_apk("1.0", odd)) << odd;
    EXPECT_TRUE(compare_apk_any("1.0", odd)) << odd;
    EXPECT_EQ(op_of(compare_apk_any(odd, odd)), '=') << odd;
  }
  expect_chain(O::apk, "1.0_alpha < 1.0_alpha2 < 1.0_beta < 1.0_pre < 1.0_rc1 < 1.0 < 1.0-r1 < 1.0_cvs1 < 1.0_p1 < 1.0a < 1.0.1 < 1.05 < 1.1 < 1.10 < 2");
}

TEST(ApkAnyOrder, NobodyActsOnWhatOnlyBrokenPartsTell) {
  auto surely = [](const char* a, const char* b) { return op_of(compare_surely(O::apk, a, b)); };
  EXPECT_EQ(surely("2.7.16-33", "2.7.16-r0"), '?');
  EXPECT_EQ(surely("2.7.16-r0", "2.7.16-33"), '?');
  EXPECT_EQ(surely("2.7.16-33", "2.7.16-34"), '?');
  EXPECT_EQ(surely("2.7.16-33", "2.7.16-33"), '=');
  EXPECT_EQ(surely("1.2.31-0", "1.2.30-r9"), '>');
  EXPECT_EQ(surely("1.2.3-r1", "1.2.3-r2"), '<');
  EXPECT_EQ(op_of(compare_surely(O::deb, "1-1", "1-2")), '<');
}

TEST(ApkAnyOrder, NothingHasNoOrder) {
  expect_none(O::apk, {""});
}

// A missing release matches any in pacman's vercmp(8), so that this order is none of versions with a release and without.
TEST(AlpmOrder, AMissingReleaseEqualsEveryRelease) {
  expect_op(O::alpm, "1.0-1", '=', "1.0");
  expect_op(O::alpm, "1.0", '=', "1.0-2");
  expect_op(O::alpm, "1.0-1", '<', "1.0-2");
}

// So it is in vercmp(8): a separator that ends one version is after letters and before numbers, and letters behind it are before it.
TEST(AlpmOrder, ASeparatorAtTheEndMakesACircle) {
  expect_op(O::alpm, "1a.", '<', "1a1");
  expect_op(O::alpm, "1a1", '<', "1a.a");
  expect_op(O::alpm, "1a.a", '<', "1a.");
}

// --- Traps

TEST(Traps, AReallyVersionIsNewerThanWhatItWentBackFrom) {
  for (O order : {O::deb, O::rpm}) expect_chain(order, "5.4.5-0.3 < 5.6.0-0.2 < 5.6.1-1 < 5.6.1+really5.4.5-1 < 5.6.2-1");
}

TEST(Traps, LeadingZerosSayNothing) {
  for (O order : {O::deb, O::rpm, O::alpm, O::semver, O::pep440, O::maven, O::rubygems, O::nuget, O::composer, O::pub, O::hackage, O::cran, O::conda})
    expect_chain(order, "1.08 == 1.8 == 01.008 < 1.09 < 1.10");
  expect_chain(O::apk, "1.008 < 1.08 < 1.09 < 1.8 < 1.10");  // but apk's numbers after a dot are fractions
}

TEST(Traps, NumbersMayBeOfAnyLength) {
  for (O order : {O::deb, O::rpm, O::apk, O::alpm, O::semver, O::pep440, O::maven, O::rubygems, O::nuget, O::composer, O::pub, O::hackage, O::cran, O::conda}) {
    expect_chain(order, "2147483647 < 2147483648 < 4294967296 < 9223372036854775808 < 18446744073709551615 < 18446744073709551616");
    expect_chain(order, "1.999 < 1.999999999999999999999999999991 < 1.999999999999999999999999999999 < 1.1000000000000000000000000000000");
    std::string nines(1000, '9');
    expect_op(order, nines, '<', "1" + std::string(1000, '0'));
    if (order != O::apk) expect_op(order, "1." + std::string(1000, '0') + "7", '=', "1.7");
  }
}

TEST(Traps, DatesAreNumbersLikeOthers) {
  for (O order : {O::deb, O::rpm, O::apk, O::alpm, O::semver, O::pep440, O::maven, O::rubygems, O::nuget, O::composer, O::pub, O::hackage, O::cran, O::conda})
    expect_chain(order, "1.0 < 4.19 < 2003.12 < 20231231 < 20240329.1");
}

TEST(Traps, AnEpochIsBeforeAllWhereThereAreEpochs) {
  for (O order : {O::deb, O::rpm, O::alpm})
    expect_chain(order, "0:9-1 == 9-1 < 1:1-1 < 2:0.1-1 < 10:0-1 < 99999999999999999999:0-1 < 100000000000000000000:0-1");
  for (O order : {O::pep440, O::conda}) expect_chain(order, "0!9 == 9 < 1!1 < 2!0.1 < 10!0 < 99999999999999999999!0 < 100000000000000000000!0");
}

TEST(Traps, APreReleaseIsBeforeItsRelease) {
  for (O order : {O::semver, O::pep440, O::maven, O::nuget, O::composer, O::pub, O::conda})
    expect_chain(order, "1.0.0 < 2.0.0-alpha1 < 2.0.0-beta1 < 2.0.0-rc1 < 2.0.0-rc2 < 2.0.0 < 2.0.1-rc1 < 2.0.1");
  expect_chain(O::rubygems, "1.0.0 < 2.0.0.alpha1 < 2.0.0.beta1 < 2.0.0.rc1 < 2.0.0.rc2 < 2.0.0 < 2.0.1.rc1 < 2.0.1");
  for (O order : {O::deb, O::rpm}) expect_chain(order, "1.0.0 < 2.0.0~alpha1 < 2.0.0~beta1 < 2.0.0~rc1 < 2.0.0~rc2 < 2.0.0 < 2.0.1~rc1 < 2.0.1");
}

TEST(Orders, HaveNames) {
  EXPECT_EQ(to_text(O::none), "none");
  EXPECT_EQ(to_text(O::deb), "deb");
  EXPECT_EQ(to_text(O::semver), "semver");
  EXPECT_EQ(to_text(O::pub), "pub");
  EXPECT_EQ(to_text(O::conda), "conda");
  EXPECT_EQ(order_of(PackageType::deb), O::deb);
  EXPECT_EQ(order_of(PackageType::rpm), O::rpm);
  EXPECT_EQ(order_of(PackageType::apk), O::apk);
  EXPECT_EQ(order_of(PackageType::alpm), O::alpm);
}

TEST(Orders, OfNoneHaveNoOrder) {
  expect_none(O::none, {"", "1", "1.0"});
}

TEST(Orders, OfPackagesCompareNoLongerVersionThanTheLimit) {
  std::string most(kMaxVersion, '1'), longer = most + "1", megabyte(1 << 20, '1');
  for (PackageType type : {PackageType::deb, PackageType::rpm, PackageType::apk, PackageType::alpm}) {
    EXPECT_EQ(op_of(compare_versions(type, most, most)), '=') << to_text(type);
    for (const std::string& s : {longer, megabyte}) {
      EXPECT_EQ(op_of(compare_versions(type, s, "1")), '?') << to_text(type) << " of " << s.size();
      EXPECT_EQ(op_of(compare_versions(type, "1", s)), '?') << to_text(type) << " of " << s.size();
    }
  }
}

// --- What an order must be, whatever comes

class EveryOrder : public testing::TestWithParam<O> {};

// Of what random versions are made. Left out: from alpm the dash, since a missing release equals every release, and separators at the end,
// since they make a circle; from composer the number sign, since it equals every number. All three have tests of their own above.
std::vector<std::string_view> tokens_of(O order) {
  switch (order) {
    case O::none:
      break;
    case O::deb:
      return words("0 1 2 10 01 a b . . + ~ ~ - :");
    case O::rpm:
      return words("0 1 2 10 01 a b . . _ ~ ^ - :");
    case O::apk:
      return words("0 1 2 10 05 a b . . _alpha _rc _p _git _x ~a -r -r1 A - :");
    case O::alpm:
      return words("0 1 1:0 10 01 2 a b rc .0 .1 .10 .a .b _1 +rc ..1 ..a _.2");
    case O::semver:
    case O::nuget:
    case O::pub:
      return words("0 1 2 10 01 a b A rc . . - - +");
    case O::pep440:
      return words("0 1 2 10 01 a b rc post dev . . - _ + ! x");
    case O::maven:
      return words("0 1 2 10 01 a b alpha m rc snapshot sp ga x . . - -");
    case O::rubygems:
      return words("0 1 2 10 01 a b rc pre . . . -");
    case O::composer:
      return words("0 1 2 10 01 a b dev RC pl p x . . - +");
    case O::hackage:
    case O::cran:
      return words("0 1 2 10 01 . . . -");
    case O::conda:
      return words("0 1 2 10 01 a b rc dev post . . _ - + !");
  }
  return {};
}

TEST_P(EveryOrder, IsAntisymmetricAndTransitive) {
  constexpr size_t kVersions = 24, kRounds = 150;
  auto tokens = tokens_of(GetParam());
  std::mt19937 random(20240329);
  auto below = [&](size_t n) { return static_cast<size_t>(random() % n); };
  auto any = [&] { return tokens[below(tokens.size())]; };
  size_t triples = 0;
  for (size_t round = 0; round < kRounds; ++round) {
    // Small changes of one version, and some others, so that comparisons go deep.
    std::vector<std::string> all;
    std::vector<std::string_view> first{tokens[below(4)]};
    for (size_t n = below(6); n != 0; --n) first.push_back(any());
    while (all.size() < kVersions) {
      auto parts = first;
      if (below(5) == 0) {
        parts.resize(1);
        for (size_t n = below(6); n != 0; --n) parts.push_back(any());
      }
      for (size_t n = below(3); n != 0; --n) {
        size_t at = 1 + below(parts.size());
        if (below(3) != 0 || at >= parts.size())
          parts.insert(parts.begin() + static_cast<std::ptrdiff_t>(at), any());
        else if (below(2) != 0)
          parts[at] = any();
        else
          parts.erase(parts.begin() + static_cast<std::ptrdiff_t>(at));
      }
      std::string s;
      for (std::string_view p : parts) s += p;
      all.push_back(s);
    }
    std::array<std::array<char, kVersions>, kVersions> op{};
    for (size_t i = 0; i < kVersions; ++i)
      for (size_t k = 0; k < kVersions; ++k) op[i][k] = op_of(compare_versions(GetParam(), all[i], all[k]));
    for (size_t i = 0; i < kVersions; ++i) {
      ASSERT_TRUE(op[i][i] == '=' || op[i][i] == '?') << all[i] << " is not equal to itself";
      for (size_t k = 0; k < kVersions; ++k) {
        ASSERT_EQ(op[i][k] == '?', op[i][i] == '?' || op[k][k] == '?') << all[i] << " and " << all[k];
        ASSERT_EQ(op[i][k], turned(op[k][i])) << all[i] << " and " << all[k];
      }
    }
    for (size_t i = 0; i < kVersions; ++i)
      for (size_t j = 0; j < kVersions; ++j) {
        if (op[i][j] != '<' && op[i][j] != '=') continue;
        for (size_t k = 0; k < kVersions; ++k) {
          if (op[j][k] != '<' && op[j][k] != '=') continue;
          ++triples;
          char want = op[i][j] == '=' && op[j][k] == '=' ? '=' : '<';
          ASSERT_EQ(op[i][k], want) << all[i] << ' ' << op[i][j] << ' ' << all[j] << ' ' << op[j][k] << ' ' << all[k];
        }
      }
  }
  EXPECT_GT(triples, 10000U);
}

TEST_P(EveryOrder, ComparesNoLongerVersionThanTheLimit) {
  std::string most(kMaxVersion, '1'), longer = most + "1", megabyte(1 << 20, '1');
  expect_op(GetParam(), most, '=', most);
  expect_op(GetParam(), "1", '<', most);
  for (const std::string& s : {longer, megabyte, std::string(1 << 20, '\0'), std::string(1 << 20, '-')}) {
    expect_op(GetParam(), s, '?', "1");
    expect_op(GetParam(), s, '?', s);
  }
}

TEST_P(EveryOrder, TakesAnyBytes) {
  using namespace std::string_literals;
  std::vector<std::string> all{""s,    "\0"s,   "1\0"s,  "1\0002"s, "1.\0"s, "\xff\xfe"s, "1.\xe9"s,  "1.\xc3\x28"s, "\xd9\xa1"s, "1\n"s,
                               " "s,   "\t1 "s, "%s%n"s, "1%n"s,    "-"s,    "."s,        ".."s,      "~"s,          "^"s,        "!"s,
                               "+"s,   ":"s,    "_"s,    "v"s,      "1!"s,   "1+"s,       "1:"s,      "1-"s,         "1."s,       "1_"s,
                               "1~"s,  "!1"s,   "+1"s,   ":1"s,     "-1"s,   "_1"s,       ":"s,       "1:2:3"s,      "1!2!3"s,    "1+2+3"s,
                               "1#2"s, "1/2"s,  "1 2"s,  "../1"s,   "\x80"s, "1\r\n"s,    "\x1b[31m"s};
  for (std::string_view part :
       {"-", ".", "0", "9", "a", "1.", "1-", "1a", "a1", "0.", "~", "^", "_", "_rc", "-r1", "!", "+", ":", "\xff", "\xc3\xa9", ".dev", "-sp", "1.-"}) {
    std::string filled = times(part, (kMaxVersion - 1) / part.size());
    all.push_back(filled);
    all.push_back("1" + filled);
  }
  all.emplace_back(kMaxVersion, '\0');
  for (size_t i = 0; i < all.size(); ++i) {
    std::optional<int> self = compare_versions(GetParam(), all[i], all[i]);
    EXPECT_TRUE(!self || *self == 0) << shown(all[i]);
    for (const std::string& other : {all[(i + 1) % all.size()], all[(i + 2) % all.size()], "1.0"s, ""s})
      EXPECT_EQ(op_of(compare_versions(GetParam(), all[i], other)), turned(op_of(compare_versions(GetParam(), other, all[i]))))
          << shown(all[i]) << " and " << shown(other);
  }
}

INSTANTIATE_TEST_SUITE_P(Of, EveryOrder,
                         testing::Values(O::deb, O::rpm, O::apk, O::alpm, O::semver, O::pep440, O::maven, O::rubygems, O::nuget, O::composer, O::pub,
                                         O::hackage, O::cran, O::conda),
                         [](const auto& of) { return std::string(to_text(of.param)); });

}  // namespace
}  // namespace careen
