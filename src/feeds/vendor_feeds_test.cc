// Readers of the feeds of distributions and vendors, each from a small document of its format.
#include <sqlite3.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "../../tests/support/feed_case.h"
#include "../../tests/support/feed_text.h"
#include "../../tests/support/scratch.h"
#include "../../tests/support/scratch_folder.h"
#include "base/fd.h"
#include "base/text.h"
#include "feeds/readers.h"
#include "knowledge/match.h"

namespace careen {
namespace {

using test::component, test::part, test::red_hat, test::FeedCase, test::ranges, test::kCveList, test::OneRow;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Key;
using testing::SizeIs;
using testing::UnorderedElementsAre;

using Feeds = FeedCase;

// ---- Debian ----

TEST_F(Feeds, DebiansTrackerIsRead) {
  take(R"({"xz-utils":{"CVE-2024-3094":{"description":"Malicious code","releases":{
    "bookworm":{"status":"resolved","fixed_version":"0","urgency":"unimportant"},
    "sid":{"status":"resolved","fixed_version":"5.6.1+really5.4.5-1","urgency":"high**"},
    "trixie":{"status":"open","urgency":"not yet assigned","nodsa":"Minor issue","nodsa_reason":"ignored"},
    "bullseye":{"status":"undetermined"}}}}})");
  const Advisory& a = advisory("debian");
  EXPECT_EQ(a.id, "CVE-2024-3094");
  EXPECT_EQ(a.summary, "Malicious code");
  std::map<std::string, AffectedPackage> rows;
  for (const AffectedPackage& p : a.affected) rows[p.release] = p;
  ASSERT_THAT(rows, SizeIs(4));
  EXPECT_EQ(rows["bookworm"].standing, Standing::not_affected);
  EXPECT_TRUE(rows["bookworm"].unimportant);
  EXPECT_EQ(ranges(rows["sid"]), "introduced 0, fixed 5.6.1+really5.4.5-1");
  EXPECT_EQ(rows["sid"].severities.at(0).word, Severity::high);
  EXPECT_EQ(ranges(rows["trixie"]), "introduced 0");
  EXPECT_EQ(rows["trixie"].fix_state, FixState::will_not_fix);
  EXPECT_THAT(rows["trixie"].severities, IsEmpty());  // not yet assigned is unknown
  EXPECT_EQ(rows["bullseye"].standing, Standing::undetermined);
}

TEST_F(Feeds, DebiansListOfVulnerabilitiesIsRead) {
  take(kCveList);
  ASSERT_THAT(kept_.advisories["debian-cve-list"], SizeIs(2));
  EXPECT_EQ(kept_.withdrawals["debian-cve-list"], 1U);
  const Advisory& a = advisory("debian-cve-list");
  EXPECT_EQ(a.id, "CVE-2024-1");
  EXPECT_EQ(a.summary, "A fault in (some) thing ...");
  std::map<std::string, AffectedPackage> rows;
  for (const AffectedPackage& p : a.affected) rows[p.name + p.release] = p;
  EXPECT_THAT(rows, UnorderedElementsAre(Key("a"), Key("abookworm"), Key("abullseye"), Key("abuster"), Key("astretch"), Key("ajessie"), Key("b"), Key("c"),
                                         Key("d"), Key("f")));
  EXPECT_TRUE(rows["a"].general);
  EXPECT_EQ(ranges(rows["a"]), "introduced 0, fixed 3.0-1");
  EXPECT_EQ(rows["a"].severities.at(0).word, Severity::low);
  EXPECT_FALSE(rows["abookworm"].general);
  EXPECT_EQ(rows["abookworm"].fix_state, FixState::no_advisory);
  EXPECT_EQ(rows["abookworm"].says, "no-dsa (Minor issue)");
  EXPECT_EQ(rows["abullseye"].standing, Standing::not_affected);
  EXPECT_EQ(rows["abuster"].fix_state, FixState::postponed);
  EXPECT_EQ(rows["astretch"].fix_state, FixState::will_not_fix);
  EXPECT_EQ(rows["ajessie"].fix_state, FixState::end_of_life);
  EXPECT_EQ(ranges(rows["b"]), "introduced 0");
  EXPECT_EQ(rows["c"].standing, Standing::ranged);
  EXPECT_EQ(rows["d"].standing, Standing::undetermined);
  EXPECT_TRUE(rows["f"].unimportant);
  EXPECT_EQ(advisory("debian-cve-list", 1).affected.at(0).standing, Standing::not_affected);
}

TEST_F(Feeds, DebiansListsOfUpdatesAreRead) {
  take(
      "[29 Mar 2023] DSA-5380-1 a - security update\n\t{CVE-2023-1 CVE-2023-2}\n\t[bullseye] - a 2:1.20-1+deb11u6\n\t[buster] - b <not-affected>\n"
      "[7 Jan 2023] DSA-5379-2 a - regression update\n\t[bullseye] - a 2:1.20-1+deb11u7\n");
  ASSERT_THAT(kept_.advisories["debian-dsa-list"], SizeIs(1));  // the second tells of no vulnerability
  const Advisory& a = advisory("debian-dsa-list");
  EXPECT_EQ(a.id, "DSA-5380-1");
  EXPECT_EQ(a.published, "2023-03-29");
  EXPECT_THAT(a.upstream, ElementsAre("CVE-2023-1", "CVE-2023-2"));
  ASSERT_THAT(a.affected, SizeIs(2));
  EXPECT_EQ(a.affected[0].release, "bullseye");
  EXPECT_EQ(ranges(a.affected[0]), "introduced 0, fixed 2:1.20-1+deb11u6");
  take("[02 Feb 2024] DLA-1-1 a - security update\n\t{CVE-2024-1}\n\t[buster] - a 1-1\n");
  EXPECT_EQ(advisory("debian-dla-list").published, "2024-02-02");
}

TEST_F(Feeds, DebiansAnnotationsAreRead) {
  take(R"({"Header":{"Original":"CVE-2024-1","ID":"CVE-2024-1"},"Annotations":[{"Original":"- a 2-1","Type":"package"},
    {"Original":"[bookworm] - a <not-affected> (not there) "},{"Original":"x\nCVE-2024-9 y"},{"Original":7},8]})");
  ASSERT_THAT(kept_.advisories["debian-cve-list"], SizeIs(1));
  EXPECT_THAT(advisory("debian-cve-list").affected, SizeIs(2));
}

// ---- Alpine and others ----

TEST_F(Feeds, AlpinesDatabaseIsRead) {
  take(R"({"apkurl":"x","distroversion":"v3.19","reponame":"main","urlprefix":"https://dl-cdn.alpinelinux.org/alpine","packages":[
    {"pkg":{"name":"a","secfixes":{"0":["CVE-2024-1"],"1.0-r0":["CVE-2024-2 CVE-2024-3","GHSA-aaaa-bbbb-cccc (+ a regression)."],"1.0-r10":["CVE-2024-2"],
      "1.0-r9":["CVE-2024-2","CVE_2024-7"]}}},{"pkg":{"name":"b","secfixes":{}}},{"pkg":{"secfixes":{"1":["CVE-2024-4"]}}}]})");
  EXPECT_THAT(kept_.advisories, UnorderedElementsAre(Key("alpine/v3.19/main")));
  std::map<std::string, AffectedPackage> rows;
  for (const Advisory& a : kept_.advisories["alpine/v3.19/main"]) rows[a.id] = a.affected.at(0);
  ASSERT_THAT(rows, UnorderedElementsAre(Key("CVE-2024-1"), Key("CVE-2024-2"), Key("CVE-2024-3"), Key("CVE-2024-7"), Key("GHSA-aaaa-bbbb-cccc")));
  EXPECT_EQ(rows["CVE-2024-1"].standing, Standing::not_affected);
  EXPECT_EQ(ranges(rows["CVE-2024-2"]), "introduced 0, fixed 1.0-r10");  // the highest, as versions are ordered
  EXPECT_THAT(rows["CVE-2024-2"].says, HasSubstr("1.0-r0,"));
  EXPECT_EQ(rows["CVE-2024-3"].says, "");
  EXPECT_EQ(rows["CVE-2024-3"].release, "v3.19");
  EXPECT_THAT(kept_.problems["alpine/v3.19/main"], SizeIs(1));
}

TEST_F(Feeds, AlpinesOldDatabaseIsRead) {
  take(
      "---\ndistroversion: v3.5\nreponame: community\nurlprefix: http://dl-cdn.alpinelinux.org/alpine\npackages:\n  - pkg:\n      name: a\n      secfixes:\n"
      "        1.0-r1:\n          - CVE-2016-1\n          - CVE-2016-2 (+ more)\n");
  EXPECT_THAT(kept_.advisories["alpine/v3.5/community"], SizeIs(2));
  EXPECT_EQ(ranges(advisory("alpine/v3.5/community").affected.at(0)), "introduced 0, fixed 1.0-r1");
}

TEST_F(Feeds, WolfiHasNoReleases) {
  OneRow r =
      one(R"({"apkurl":"x","reponame":"os","urlprefix":"https://packages.wolfi.dev","packages":[{"pkg":{"name":"a","secfixes":{"1-r0":["CVE-2024-1"]}}}]})");
  EXPECT_EQ(r.row.family, "wolfi");
  EXPECT_EQ(r.row.release, "");
}

TEST_F(Feeds, RedHatsVexIsRead) {
  take(red_hat(component("a1", "pkg:rpm/redhat/a@1.0-1.el9?arch=x86_64") + component("a2", "pkg:rpm/redhat/a@1.0-2.el9?arch=aarch64&epoch=1") +
                   component("m", "pkg:rpm/redhat/m@2-1.module%2Bel8?arch=x86_64&rpmmod=nodejs:18:8030:abc") + component("c", "pkg:rpm/redhat/c?arch=src") +
                   component("n", "pkg:rpm/redhat/n"),
               part("P9", "a1") + "," + part("P9", "a2") + "," + part("P8", "m") + "," + part("P9", "c") + "," + part("P9", "n"),
               R"({"fixed":["P9:a2","P9:a1","P8:m","nowhere",7],"known_affected":["P9:c"],"known_not_affected":["P9:n"]})"));
  const Advisory& a = advisory("redhat-vex");
  EXPECT_EQ(a.modified, "2024-05-06");
  std::map<std::string, AffectedPackage> rows;
  for (const AffectedPackage& p : a.affected) rows[p.name] = p;
  ASSERT_THAT(rows, UnorderedElementsAre(Key("a"), Key("m"), Key("c"), Key("n")));
  EXPECT_EQ(ranges(rows["a"]), "introduced 0, fixed 1:1.0-2.el9");
  EXPECT_EQ(rows["a"].release, "enterprise_linux:9::baseos");
  EXPECT_EQ(rows["m"].module, "nodejs:18");
  EXPECT_EQ(rows["m"].release, "enterprise_linux:8::appstream");
  EXPECT_EQ(ranges(rows["m"]), "introduced 0, fixed 2-1.module+el8");
  EXPECT_EQ(rows["c"].fix_state, FixState::will_not_fix);
  EXPECT_EQ(rows["n"].standing, Standing::not_affected);
  EXPECT_EQ(a.severities.at(0).word, Severity::high);
}

// A fix in 9.2 and another in 9.3 are both told as fixes in 9.
TEST_F(Feeds, FixesOfRedHatForSeveralMinorReleasesAreAllKept) {
  take(red_hat(component("a1", "pkg:rpm/redhat/a@1.0-1.el9_2.1?arch=x86_64") + component("a2", "pkg:rpm/redhat/a@1.0-5.el9_3?arch=x86_64") +
                   component("a3", "pkg:rpm/redhat/a@1.0-2.el9_2.4?arch=x86_64") + component("a", "pkg:rpm/redhat/a"),
               part("P9", "a1") + "," + part("P9", "a2") + "," + part("P9", "a3") + "," + part("P9", "a"),
               R"({"fixed":["P9:a1","P9:a2","P9:a3"],"known_affected":["P9:a"],"known_not_affected":["P9:a"]})"));
  std::vector<std::string> fixes;
  for (const AffectedPackage& p : advisory("redhat-vex").affected) fixes.push_back(ranges(p));
  EXPECT_THAT(fixes, UnorderedElementsAre("introduced 0, fixed 1.0-2.el9_2.4", "introduced 0, fixed 1.0-5.el9_3"));
}

TEST_F(Feeds, CanonicalsVexIsRead) {
  take(R"({"@context":"https://openvex.dev/ns/v0.2.0","author":"Canonical Ltd.","timestamp":"2024-01-02T00:00:00Z","statements":[
    {"vulnerability":{"name":"CVE-2024-1","description":"D"},"status":"fixed","products":[{"@id":"pkg:deb/ubuntu/a@1%3A2-1?arch=source&distro=jammy"},
      {"@id":"pkg:deb/ubuntu/a-bin@1?arch=amd64&distro=jammy"}]},
    {"vulnerability":{"name":"CVE-2024-1"},"status":"affected","products":[{"@id":"pkg:deb/ubuntu/a@1?arch=source&distro=xenial"}]},
    {"vulnerability":{"name":"CVE-2024-1"},"status":"not_affected","products":[{"@id":"pkg:deb/ubuntu/a@1+esm1?arch=source&distro=esm-infra/xenial"}]},
    {"vulnerability":{"name":"CVE-2024-1"},"status":"under_investigation","products":[{"@id":"pkg:deb/ubuntu/a@1?arch=source&distro=noble"}]}]})");
  const Advisory& a = advisory("ubuntu-vex");
  ASSERT_THAT(a.affected, SizeIs(4));
  EXPECT_EQ(ranges(a.affected[0]), "introduced 0, fixed 1:2-1");
  EXPECT_EQ(a.affected[0].release, "22.04");
  EXPECT_EQ(ranges(a.affected[1]), "introduced 0");
  EXPECT_EQ(a.affected[2].fix_state, FixState::subscription);
  EXPECT_EQ(a.affected[3].standing, Standing::undetermined);
}

// What is left out is counted: a row that is not there looks like one that says "not affected".
TEST_F(Feeds, PackageUrlsThatAreNoneAreTold) {
  take(red_hat(component("a1", "pkg:rpm/redhat/a@1.0-1.el9?arch=x86_64") + component("b", "pkg:rpm//") + component("c", "no URL"), part("P9", "a1"),
               R"({"fixed":["P9:a1"]})"));
  EXPECT_THAT(advisory("redhat-vex").affected, SizeIs(1));
  ASSERT_THAT(kept_.problems["redhat-vex"], SizeIs(1));
  EXPECT_EQ(kept_.problems["redhat-vex"][0], "2 products whose package URLs are none");
  take(
      R"({"@context":"https://openvex.dev/ns/v0.2.0","author":"Canonical Ltd.","statements":[{"vulnerability":{"name":"CVE-2024-1"},"status":"affected","products":[
    {"@id":"pkg:deb/ubuntu/a@1?arch=source&distro=xenial"},{"@id":"nothing"}]}]})");
  EXPECT_EQ(kept_.problems["ubuntu-vex"].at(0), "1 product whose package URL is none");
}

constexpr std::string_view kUpdates =
    R"(<?xml version="1.0"?><updates><update type="security"><id>ALAS2-2024-1</id><title>T</title><severity>important</severity>
  <issued date="2024-01-02 03:04"/><updated date="2024-02-03 03:04"/><references><reference href="https://x.example" id="CVE-2024-1" type="cve"/></references>
  <pkglist><collection><package name="a" epoch="1" version="2" release="3.amzn2" arch="x86_64"/><package name="a" epoch="1" version="2" release="3.amzn2"
  arch="aarch64"/><package name="a" epoch="1" version="2" release="3.amzn2" arch="src"/><package name="b" epoch="0" version="2" release="3" arch="noarch"/>
  </collection></pkglist></update></updates>)";

TEST_F(Feeds, UpdatesOfAmazonAreRead) {
  take(kUpdates);
  const Advisory& a = advisory("amazon/2");
  EXPECT_THAT(a.upstream, ElementsAre("CVE-2024-1"));
  EXPECT_EQ(a.published, "2024-01-02");
  EXPECT_EQ(a.severities.at(0).word, Severity::high);
  ASSERT_THAT(a.affected, SizeIs(2));
  EXPECT_EQ(ranges(a.affected[0]), "introduced 0, fixed 1:2-3.amzn2");
  EXPECT_THAT(a.affected[0].architectures, UnorderedElementsAre("x86_64", "aarch64"));
  EXPECT_THAT(a.affected[1].architectures, IsEmpty());
}

TEST_F(Feeds, ReleasesOfAmazonAreToldByTheirNames) {
  auto source = [&](const std::string& id) {
    kept_ = {};
    std::string text(kUpdates);
    text.replace(text.find("ALAS2-2024-1"), 12, id);
    take(text);
    return kept_.advisories.empty() ? "" : kept_.advisories.begin()->first;
  };
  EXPECT_EQ(source("ALAS-2024-1"), "amazon/1");
  EXPECT_EQ(source("ALAS2-2024-1"), "amazon/2");
  EXPECT_EQ(source("ALAS2023-2024-1"), "amazon/2023");
  EXPECT_EQ(source("ALAS2NGINX1-2024-001"), "amazon/2/nginx1");
  EXPECT_EQ(source("ALAS2NITRO-ENCLAVES-2021-001"), "amazon/2/nitro-enclaves");
  EXPECT_EQ(source("ALAS2023LIVEPATCH-2024-001"), "amazon/2023/livepatch");
  EXPECT_EQ(source("FEDORA-2024-1"), "");
  EXPECT_THAT(kept_.problems["updateinfo"], SizeIs(1));
}

// A modular build is told by <module> in its collection: its fix is none of packages of no module, nor of another stream.
TEST_F(Feeds, UpdatesOfModulesNameThem) {
  take(R"(<?xml version="1.0"?><updates><update type="security"><id>RLSA-2024:1</id><severity>Important</severity><pkglist><collection short="appstream">
    <name>Rocky Linux 8 AppStream</name><module stream="18" name="nodejs" version="8070" context="abc" arch="x86_64"/>
    <package name="nodejs" epoch="1" version="18.2" release="1.module+el8" arch="x86_64"/></collection></pkglist></update></updates>)");
  const Advisory& a = advisory("rocky linux/8");
  ASSERT_THAT(a.affected, SizeIs(1));
  EXPECT_EQ(a.affected[0].module, "nodejs:18");
}

TEST_F(Feeds, EndsOfSupportAreRead) {
  take("# List of packages whose security support ends before the distribution EOL\n\nphp-horde.*\t0\t2025-03-22\thttps://x.example; why\nb 1.0-1 soon\n",
       "d/security-support-ended.deb12");
  take("# packages where security support is limited\na  Only for trusted content\n", "d/security-support-limited");
  take(
      "version,codename,series,created,release,eol,eol-lts,eol-elts\n12,Bookworm,bookworm,2021-08-14,2023-06-10,2026-06-10,2028-06-30,2033-06-30\n"
      ",Sid,sid,1993-08-16\n",
      "debian.csv");
  const auto& ended = kept_.supports["debian-security-support/bookworm"];
  ASSERT_THAT(ended, SizeIs(1));
  EXPECT_EQ(ended[0].package, "php-horde*");
  EXPECT_EQ(ended[0].ends, "2025-03-22");
  EXPECT_EQ(ended[0].says, "https://x.example; why");
  EXPECT_THAT(kept_.problems["debian-security-support/bookworm"], SizeIs(1));
  EXPECT_EQ(kept_.supports["debian-security-support/limited"].at(0).says, "Only for trusted content");
  ASSERT_THAT(kept_.supports["distro-info/debian"], SizeIs(1));
  EXPECT_EQ(kept_.supports["distro-info/debian"][0].ends, "2028-06-30");
}

// ---- OVAL of Oracle Linux ----

// Two releases, two architectures, a module, signatures that are asked for beside.
constexpr std::string_view kOval = R"(<?xml version="1.0" encoding="utf-8"?>
<oval_definitions xmlns="http://oval.mitre.org/XMLSchema/oval-definitions-5" xmlns:ind-def="http://oval.mitre.org/XMLSchema/oval-definitions-5#independent">
<generator><oval:product_version xmlns:oval="x">Oracle Linux</oval:product_version></generator>
<definitions><definition id="oval:com.oracle.elsa:def:1" class="patch"><metadata><title>
ELSA-2024-1:  Important: xz security update
</title><reference source="elsa" ref_id="ELSA-2024-1" ref_url="https://linux.oracle.com/errata/ELSA-2024-1.html"/>
<reference source="CVE" ref_id="CVE-2024-3094" ref_url="https://linux.oracle.com/cve/CVE-2024-3094.html"/>
<advisory><severity>IMPORTANT</severity><issued date="2024-04-01"/></advisory></metadata>
<criteria operator="AND"><criterion test_ref="t:release" comment="Oracle Linux 9 is installed"/>
<criteria operator="OR"><criteria operator="AND"><criterion test_ref="t:x86" comment="Oracle Linux arch is x86_64"/><criteria operator="OR">
<criteria operator="AND"><criterion test_ref="t:xz" comment="misleading"/><criterion test_ref="t:key"/></criteria>
<criteria operator="AND"><criterion test_ref="t:m"/><criterion test_ref="t:module" comment="Module nodejs:18 is enabled"/></criteria>
</criteria></criteria><criteria operator="AND"><criterion test_ref="t:arm"/><criterion test_ref="t:xz"/></criteria></criteria></criteria></definition>
MORE</definitions><tests>
<rpminfo_test id="t:release"><object object_ref="o:os"/><state state_ref="s:nine"/></rpminfo_test>
<rpminfo_test id="t:x86"><object object_ref="o:os"/><state state_ref="s:x86"/></rpminfo_test>
<rpminfo_test id="t:arm"><object object_ref="o:os"/><state state_ref="s:arm"/></rpminfo_test>
<rpminfo_test id="t:xz"><object object_ref="o:xz"/><state state_ref="s:xz"/></rpminfo_test>
<rpminfo_test id="t:key"><object object_ref="o:xz"/><state state_ref="s:key"/></rpminfo_test>
<rpminfo_test id="t:m"><object object_ref="o:m"/><state state_ref="s:m"/></rpminfo_test>
<rpminfo_test id="t:odd"><object object_ref="o:m"/><state state_ref="s:odd"/></rpminfo_test>
<ind-def:textfilecontent54_test id="t:module" comment="Module nodejs:18 is enabled"/></tests>
<objects><rpminfo_object id="o:os"><name>oraclelinux-release</name></rpminfo_object><rpminfo_object id="o:xz"><name>xz-libs</name></rpminfo_object>
<rpminfo_object id="o:m"><name>nodejs</name></rpminfo_object></objects>
<states><rpminfo_state id="s:nine"><version operation="pattern match">^9</version></rpminfo_state>
<rpminfo_state id="s:x86"><arch operation="pattern match">x86_64</arch></rpminfo_state>
<rpminfo_state id="s:arm"><arch operation="pattern match">aarch64</arch></rpminfo_state>
<rpminfo_state id="s:xz"><evr datatype="evr_string" operation="less than">0:5.2.5-8.el9_0</evr></rpminfo_state>
<rpminfo_state id="s:key"><signature_keyid operation="equals">bc4d06a08d8b756f</signature_keyid></rpminfo_state>
<rpminfo_state id="s:odd"><evr datatype="evr_string" operation="greater than">1</evr></rpminfo_state>
<rpminfo_state id="s:m"><evr datatype="evr_string" operation="less than">1:18.2-1.module+el9</evr></rpminfo_state></states></oval_definitions>)";

std::string oval(const std::string& more) {
  std::string text(kOval);
  return text.replace(text.find("MORE"), 4, more);
}
std::string definition(const std::string& id, const std::string& criteria) {
  return "<definition><metadata><reference source=\"elsa\" ref_id=\"" + id + "\"/></metadata>" + criteria + "</definition>";
}

TEST_F(Feeds, OvalOfOracleIsRead) {
  take(oval(""));
  const Advisory& a = advisory("oracle");
  EXPECT_EQ(a.id, "ELSA-2024-1");
  EXPECT_THAT(a.upstream, ElementsAre("CVE-2024-3094"));
  EXPECT_THAT(a.references, ElementsAre("https://linux.oracle.com/errata/ELSA-2024-1.html"));
  EXPECT_EQ(a.summary, "ELSA-2024-1:  Important: xz security update");
  EXPECT_EQ(a.published, "2024-04-01");
  EXPECT_EQ(a.severities.at(0).word, Severity::high);
  std::map<std::string, AffectedPackage> rows;
  for (const AffectedPackage& p : a.affected) rows[p.name] = p;
  ASSERT_THAT(rows, UnorderedElementsAre(Key("xz-libs"), Key("nodejs")));
  EXPECT_EQ(rows["xz-libs"].family, "oracle");
  EXPECT_EQ(rows["xz-libs"].release, "9");
  EXPECT_EQ(ranges(rows["xz-libs"]), "introduced 0, fixed 5.2.5-8.el9_0");
  EXPECT_EQ(rows["xz-libs"].module, "");
  // The system's architecture is asked for: a package of no architecture, or of the older one, is on it too.
  EXPECT_THAT(rows["xz-libs"].architectures, UnorderedElementsAre("x86_64", "i386", "i486", "i586", "i686", "noarch", "aarch64"));
  EXPECT_EQ(rows["nodejs"].module, "nodejs:18");
  EXPECT_EQ(ranges(rows["nodejs"]), "introduced 0, fixed 1:18.2-1.module+el9");
  EXPECT_EQ(std::count(rows["nodejs"].architectures.begin(), rows["nodejs"].architectures.end(), "aarch64"), 0);
}

// Half a condition would accuse too many: the definition is refused, and told.
TEST_F(Feeds, ConditionsOfOvalThatAreNotReadRefuseTheirDefinition) {
  const std::vector<std::string> bad = {
      "<criteria><criterion test_ref='t:release'/><criterion test_ref='t:xz'/><criterion test_ref='t:odd'/></criteria>",
      "<criteria><criterion test_ref='t:release'/><criterion test_ref='t:xz'/><criterion test_ref='nowhere'/></criteria>",
      "<criteria><criterion test_ref='t:release'/><criterion test_ref='t:xz' negate='true'/></criteria>",
      "<criteria negate='true'><criterion test_ref='t:release'/><criterion test_ref='t:xz'/></criteria>",
      "<criteria operator='XOR'><criterion test_ref='t:release'/><criterion test_ref='t:xz'/></criteria>",
      "<criteria><criterion test_ref='t:release'/><criterion test_ref='t:xz'/><extend_definition definition_ref='x'/></criteria>",
      "<criteria><criterion test_ref='t:xz'/></criteria>",  // of no release
  };
  std::string more;
  for (size_t i = 0; i < bad.size(); ++i) more += definition("ELSA-2024-" + std::to_string(100 + i), bad[i]);
  std::string deep = "<criterion test_ref='t:xz'/>";
  for (int i = 0; i < 60; ++i) deep = "<criteria>" + deep + "</criteria>";
  more += definition("ELSA-2024-200", deep) + definition("CVE-2024-1", "") + "<definition/>";
  take(oval(more));
  EXPECT_THAT(kept_.advisories["oracle"], SizeIs(1));
  EXPECT_THAT(kept_.problems["oracle"], SizeIs(bad.size() + 3));
}

TEST_F(Feeds, OtherOvalIsAnError) {
  EXPECT_FALSE(read("<oval_definitions><definitions><definition id='oval:org.debian:def:1'/></definitions></oval_definitions>"));
  EXPECT_FALSE(read("<oval_definitions"));
  EXPECT_TRUE(kept_.nothing());
}

// ---- repomd.xml ----

TEST(Repomd, NamesTheUpdates) {
  auto at = [](const std::string& href, const std::string& more = "") {
    return updateinfo_file("<?xml version='1.0'?><repomd><data type='other'><location href='repodata/o.gz'/></data><data type='updateinfo'>" + more +
                           "<location href='" + href + "'/></data></repomd>");
  };
  EXPECT_EQ(at("repodata/updateinfo.xml.gz").location, "repodata/updateinfo.xml.gz");
  EXPECT_EQ(at("repodata/0123-updateinfo.xml.gz").location, "repodata/0123-updateinfo.xml.gz");
  for (const char* bad : {"", "/etc/passwd", "http://other.example/x", "repodata/../../x", "repodata/a b", "repodata/a&#10;b"})
    EXPECT_EQ(at(bad).location, "") << bad;
  EXPECT_EQ(updateinfo_file("<repomd/>").location, "");
  EXPECT_EQ(updateinfo_file("no XML").location, "");
  const std::string hex(64, 'A');
  EXPECT_EQ(at("repodata/u.gz", "<checksum type='sha256'> " + hex + "\n</checksum>").digest.text(), "sha256:" + std::string(64, 'a'));
  EXPECT_TRUE(at("repodata/u.gz").digest.empty());
  EXPECT_TRUE(at("repodata/u.gz", "<checksum type='sha'>" + hex + "</checksum>").digest.empty());
}

// ---- What Red Hat's repositories are ----

TEST_F(Feeds, ProductsOfRedHatsRepositoriesAreRead) {
  take(R"({"data":{"rhel-9-for-x86_64-baseos-rpms":{"cpes":["cpe:/o:redhat:enterprise_linux:9::baseos","cpe:/a:other:x",7],"repo_relative_urls":["x"]},
    "rhel-9-for-x86_64-baseos-eus-rpms":{"cpes":["cpe:/o:redhat:rhel_eus:9.2::baseos"]},"nothing":{"cpes":[]},"":{"cpes":["cpe:/o:redhat:x"]}}})");
  const auto& all = kept_.repositories["redhat-repositories"];
  ASSERT_THAT(all, SizeIs(2));
  EXPECT_EQ(all[0].repository, "rhel-9-for-x86_64-baseos-rpms");
  EXPECT_THAT(all[0].products, ElementsAre("enterprise_linux:9::baseos"));
  EXPECT_THAT(all[1].products, ElementsAre("rhel_eus:9.2::baseos"));
  EXPECT_THAT(kept_.problems["redhat-repositories"], SizeIs(1));
  EXPECT_FALSE(read(R"({"data":{"x":{"other":1}}})"));
}

// ---- Artifacts by their digests ----

constexpr std::string_view kSha = "da39a3ee5e6b4b0d3255bfef95601890afd80709";

TEST_F(Feeds, ArtifactsAreReadFromLines) {
  take("sha1,name,version\n# of our own\n" + std::string(kSha) + ",org.example:lib,1.0\r\nDA39A3EE5E6B4B0D3255BFEF95601890AFD80700,a:b,2\nshort,a:b,1\n" +
           std::string(kSha) + ",nogroup,1\n" + std::string(kSha) + ",a:b,\nno commas\n",
       "d/Our.csv");
  const auto& all = kept_.artifacts["artifacts/our"];
  ASSERT_THAT(all, SizeIs(2));
  EXPECT_EQ(all[0].sha1, kSha);
  EXPECT_EQ(all[0].name, "org.example:lib");
  EXPECT_EQ(all[0].version, "1.0");
  EXPECT_EQ(all[1].sha1, "da39a3ee5e6b4b0d3255bfef95601890afd80700");
  EXPECT_THAT(kept_.problems["artifacts/our"], SizeIs(4));
}

class ArtifactDatabases : public Feeds {
 protected:
  Result<void> read_database(const std::string& sql) {
    std::string path = folder_ / "a.db";
    std::filesystem::remove(path);
    sqlite3* db = nullptr;
    EXPECT_EQ(sqlite3_open(path.c_str(), &db), SQLITE_OK);
    EXPECT_EQ(sqlite3_exec(db, sql.c_str(), nullptr, nullptr, nullptr), SQLITE_OK) << sqlite3_errmsg(db);
    sqlite3_close(db);
    auto fd = open_read(path);
    EXPECT_TRUE(fd && is_sqlite(fd->get()));
    kept_ = {};
    return read_artifact_database(fd->get(), kept_);
  }
  test::ScratchFolder folder_;
};

TEST_F(ArtifactDatabases, HaveTrivysTables) {
  std::string tables =
      "CREATE TABLE artifacts(id INTEGER PRIMARY KEY, group_id TEXT, artifact_id TEXT);"
      "CREATE TABLE indices(artifact_id INTEGER, version TEXT, sha1 BLOB, archive_type TEXT);";
  ASSERT_TRUE(read_database(tables + "INSERT INTO artifacts VALUES(1,'org.example','lib');INSERT INTO indices VALUES(1,'1.0',x'" + std::string(kSha) +
                            "','jar'),(1,'1.1',x'00','jar');"));
  const auto& all = kept_.artifacts["artifacts/maven"];
  ASSERT_THAT(all, SizeIs(1));
  EXPECT_EQ(all[0].sha1, kSha);
  EXPECT_EQ(all[0].name, "org.example:lib");
  EXPECT_THAT(kept_.problems["artifacts/maven"], SizeIs(1));
  EXPECT_FALSE(read_database(tables));  // an index of nothing
  EXPECT_FALSE(read_database("CREATE TABLE other(x)"));
  // A view may say anything, and is not run.
  EXPECT_FALSE(
      read_database("CREATE TABLE artifacts(id, group_id, artifact_id); CREATE VIEW indices AS SELECT 1 AS artifact_id, '1' AS version, zeroblob(20) AS sha1;"
                    "INSERT INTO artifacts VALUES(1,'a','b')"));
}

TEST_F(ArtifactDatabases, ThatAreDamagedAreErrors) {
  std::ofstream(folder_ / "d.db") << std::string("SQLite format 3\0", 16) << std::string(200, 'x');
  auto fd = open_read(folder_ / "d.db");
  ASSERT_TRUE(fd && is_sqlite(fd->get()));
  EXPECT_FALSE(read_artifact_database(fd->get(), kept_));
  std::ofstream(folder_ / "e.db") << "short";
  auto other = open_read(folder_ / "e.db");
  EXPECT_FALSE(is_sqlite(other->get()));
}

}  // namespace
}  // namespace careen
