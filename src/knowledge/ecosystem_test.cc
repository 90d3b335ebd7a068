#include "knowledge/ecosystem.h"

namespace careen {
namespace {

void expect_ecosystem(std::string_view osv, std::string_view family, std::string_view release, bool subscription = false) {
  Ecosystem e = parse_ecosystem(osv);
  EXPECT_EQ(e.family, family) << osv;
  EXPECT_EQ(e.release, release) << osv;
  EXPECT_EQ(e.subscription, subscription) << osv;
}

TEST(Ecosystem, ReleasesOfDebianAreCodenames) {
  expect_ecosystem("Debian:12", "debian", "bookworm");
  expect_ecosystem("Debian:3.1", "debian", "sarge");
  expect_ecosystem("Debian:sid", "debian", "sid");
  expect_ecosystem("Debian:unstable", "debian", "sid");
  expect_ecosystem("Debian:bullseye", "debian", "bullseye");
  expect_ecosystem("Debian", "debian", "");
  expect_ecosystem("Debian:99", "debian", "99");  // one that is not known is left as it stands, and is none of those that are
}

TEST(Ecosystem, ReleasesOfUbuntuAreNumbersAndProIsTold) {
  expect_ecosystem("Ubuntu:22.04:LTS", "ubuntu", "22.04");
  expect_ecosystem("Ubuntu:25.10", "ubuntu", "25.10");
  expect_ecosystem("Ubuntu:Pro:18.04:LTS", "ubuntu", "18.04", true);
  expect_ecosystem("Ubuntu:Pro:FIPS-updates:18.04:LTS", "ubuntu", "18.04", true);
  expect_ecosystem("Ubuntu", "ubuntu", "");
}

TEST(Ecosystem, OtherReleasesStandAsTheyAre) {
  expect_ecosystem("Alpine:v3.19", "alpine", "v3.19");
  expect_ecosystem("AlmaLinux:9", "almalinux", "9");
  expect_ecosystem("Rocky Linux:8", "rocky linux", "8");
  expect_ecosystem("Red Hat:enterprise_linux:9::appstream", "red hat", "enterprise_linux:9::appstream");
  expect_ecosystem("openSUSE:Leap 15.5", "opensuse", "Leap 15.5");
  expect_ecosystem("SUSE:Linux Enterprise Server 15 SP5", "suse", "Linux Enterprise Server 15 SP5");
  expect_ecosystem("Wolfi", "wolfi", "");
}

TEST(Ecosystem, ARepositoryIsNoRelease) {
  expect_ecosystem("Maven:https://repo1.maven.org/maven2/", "maven", "");
  expect_ecosystem("Packagist:https://packages.drupal.org/8", "packagist", "");
  expect_ecosystem("npm", "npm", "");
  expect_ecosystem("crates.io", "crates.io", "");
}

TEST(Ecosystem, StrangeTextsAreFamiliesOfTheirOwn) {
  expect_ecosystem("", "", "");
  expect_ecosystem(":", "", "");
  expect_ecosystem("Nobody:7:x", "nobody", "7:x");
  EXPECT_EQ(order_of_family("nobody"), VersionOrder::none);
  EXPECT_FALSE(names_sources("nobody"));
}

TEST(Ecosystem, EachFamilyHasTheOrderOfItsPackaging) {
  for (const char* f : {"debian", "ubuntu"}) EXPECT_EQ(order_of_family(f), VersionOrder::deb) << f;
  for (const char* f : {"alpine", "wolfi", "chainguard"}) EXPECT_EQ(order_of_family(f), VersionOrder::apk) << f;
  for (const char* f : {"red hat", "almalinux", "rocky linux", "suse", "opensuse", "amazon", "oracle", "photon os", "azure linux", "openeuler", "mageia"})
    EXPECT_EQ(order_of_family(f), VersionOrder::rpm) << f;
  for (const char* f : {"npm", "go", "crates.io"}) EXPECT_EQ(order_of_family(f), VersionOrder::semver) << f;
  EXPECT_EQ(order_of_family("pypi"), VersionOrder::pep440);
  EXPECT_EQ(order_of_family("maven"), VersionOrder::maven);
  EXPECT_EQ(order_of_family("rubygems"), VersionOrder::rubygems);
  EXPECT_EQ(order_of_family("nuget"), VersionOrder::nuget);
  EXPECT_EQ(order_of_family("packagist"), VersionOrder::composer);
}

TEST(Ecosystem, WhoNamesSourcePackages) {
  for (const char* f : {"debian", "ubuntu", "alpine"}) EXPECT_TRUE(names_sources(f)) << f;
  for (const char* f : {"red hat", "amazon", "npm", "pypi"}) EXPECT_FALSE(names_sources(f)) << f;
}

TEST(Ecosystem, NamesThatAFamilyTakesForTheSame) {
  EXPECT_EQ(normal_name("pypi", "Foo._-Bar"), "foo-bar");  // PEP 503
  EXPECT_EQ(normal_name("pypi", "zope.interface"), "zope-interface");
  EXPECT_EQ(normal_name("nuget", "Newtonsoft.Json"), "newtonsoft.json");
  EXPECT_EQ(normal_name("packagist", "Symfony/HTTP-Kernel"), "symfony/http-kernel");
  EXPECT_EQ(normal_name("npm", "@Scope/Name"), "@Scope/Name");
  EXPECT_EQ(normal_name("go", "github.com/BurntSushi/toml"), "github.com/BurntSushi/toml");
  EXPECT_EQ(normal_name("maven", "org.Apache:Thing"), "org.Apache:Thing");
  EXPECT_EQ(normal_name("debian", "libX"), "libX");
}

TEST(Ecosystem, CodenamesOfDebian) {
  EXPECT_EQ(debian_codename("12"), "bookworm");
  EXPECT_EQ(debian_codename("12.5"), "bookworm");
  EXPECT_EQ(debian_codename("bookworm"), "bookworm");
  EXPECT_EQ(debian_codename("13"), "trixie");
  EXPECT_EQ(debian_codename("1"), "");
  EXPECT_EQ(debian_codename("120"), "");
  EXPECT_EQ(debian_codename(""), "");
}

TEST(Ecosystem, FamiliesOfDistributions) {
  EXPECT_EQ(family_of_distribution("debian"), "debian");
  EXPECT_EQ(family_of_distribution("rhel"), "red hat");
  EXPECT_EQ(family_of_distribution("centos"), "red hat");
  EXPECT_EQ(family_of_distribution("amzn"), "amazon");
  EXPECT_EQ(family_of_distribution("opensuse-leap"), "opensuse");
  EXPECT_EQ(family_of_distribution("sles"), "suse");
  EXPECT_EQ(family_of_distribution("nixos"), "");
  EXPECT_EQ(family_of_distribution(""), "");
}

}  // namespace
}  // namespace careen
