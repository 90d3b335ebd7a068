// Ignore files and VEX documents: what their makers say they mean, and never more than that.
#include "policy/suppress.h"

#include <sys/stat.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "../tests/support/scratch.h"
#include "../tests/support/vulnerability_of_curl.h"
#include "base/text.h"

namespace careen {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

Finding at_path(const std::string& path) {
  Finding f = finding();
  f.where.path = path;
  return f;
}

Suppressions ignoring(std::string_view text, const std::string& name = ".trivyignore") {
  Suppressions s;
  auto done = s.add_ignore_text(name, text);
  EXPECT_TRUE(done) << done.error().what << "\n" << text;
  return s;
}

bool ignored(const Suppressions& s, const Finding& f = finding(), const Purl& package = curl(), const std::string& today = kToday) {
  return s.find(f, package, kImage, today).has_value();
}
bool ignored(std::string_view text, const Finding& f = finding(), const Purl& package = curl()) {
  return ignored(ignoring(text), f, package);
}

// The error of a file that must be refused.
std::string refusal(std::string_view text, const std::string& name = "rules.yaml") {
  Suppressions s;
  auto done = s.add_ignore_text(name, text);
  EXPECT_FALSE(done) << "taken for rules:\n" << text;
  if (done) return "";
  EXPECT_EQ(done.error().code, Errc::usage);
  return done.error().what;
}

std::string grype(const std::string& rule) {
  return "ignore:\n  - " + rule + "\n";
}

// .trivyignore

TEST(TrivyIgnore, TheExampleOfItsDocumentation) {
  Suppressions s = ignoring(
      "# Accept the risk\nCVE-2018-14618\n\n# Accept the risk until 2023-01-01\nCVE-2019-14697 exp:2023-01-01\n\n# No impact in our settings\nCVE-2019-1543\n\n"
      "# Ignore misconfigurations\nAVD-DS-0002\n\n# Ignore secrets\ngeneric-unwanted-rule\naws-account-id\n");
  EXPECT_TRUE(ignored(s, finding("CVE-2018-14618")));
  EXPECT_TRUE(ignored(s, finding("CVE-2019-1543")));
  EXPECT_FALSE(ignored(s, finding("CVE-2018-1461")));
  EXPECT_FALSE(ignored(s, finding("CVE-2018-146180")));
  EXPECT_TRUE(ignored(s, finding("CVE-2019-14697"), curl(), "2022-12-31"));
  EXPECT_FALSE(ignored(s, finding("CVE-2019-14697"), curl(), "2023-01-02"));
}

TEST(TrivyIgnore, ARuleHoldsOnItsLastDay) {
  for (const char* text : {"CVE-2023-38545 exp:2026-06-15", "vulnerabilities:\n- id: CVE-2023-38545\n  expired_at: 2026-06-15\n"}) {
    Suppressions s = ignoring(text);
    EXPECT_TRUE(ignored(s, finding(), curl(), "2026-06-14"));
    EXPECT_TRUE(ignored(s, finding(), curl(), "2026-06-15"));
    EXPECT_FALSE(ignored(s, finding(), curl(), "2026-06-16"));
    EXPECT_FALSE(ignored(s, finding(), curl(), "2027-01-01"));
    EXPECT_THAT(s.expired("2026-06-15"), IsEmpty());
    EXPECT_THAT(s.expired("2026-06-16"), ElementsAre(AllOf(HasSubstr(".trivyignore:"), HasSubstr("CVE-2023-38545"), HasSubstr("2026-06-15"))));
  }
}

TEST(TrivyIgnore, AnExpiredRuleDoesNotHideOneThatHolds) {
  EXPECT_TRUE(ignored("CVE-2023-38545 exp:2020-01-01\nCVE-2023-38545\n"));
  EXPECT_FALSE(ignored("CVE-2023-38545 exp:2020-01-01\n"));
}

TEST(TrivyIgnore, WhoAndWhy) {
  Suppressions s = ignoring("# a\r\n\r\nCVE-2023-38545 exp:2027-01-01 not reachable here\r\n");
  auto by = s.find(finding(), curl(), kImage, kToday);
  ASSERT_TRUE(by);
  EXPECT_EQ(by->who, ".trivyignore:3");
  EXPECT_EQ(by->reason, "not reachable here");
}

TEST(TrivyIgnore, AliasesAndCase) {
  for (const char* id : {"GHSA-7xw4-g7mm-r4qq", "DSA-5523-1", "cve-2023-38545", "ghsa-7XW4-g7mm-r4qq"}) EXPECT_TRUE(ignored(id)) << id;
  for (const char* id : {"GHSA-7xw4-g7mm-r4q", "DSA-5523", "CVE-*", "*"}) EXPECT_FALSE(ignored(id)) << id;
}

TEST(TrivyIgnore, EmptyFilesSuppressNothing) {
  for (const char* text : {"", "\n\n", "# nothing\n", "   \n\t\n"}) {
    Suppressions s = ignoring(text);
    EXPECT_TRUE(s.empty());
    EXPECT_FALSE(ignored(s));
  }
}

TEST(TrivyIgnore, WordsBehindTheIdDoNotMakeItYaml) {
  EXPECT_TRUE(ignored("CVE-2023-38545 accepted: see the ticket\n"));
  EXPECT_TRUE(ignored("CVE-2023-38545 reason:\n"));
}

TEST(TrivyIgnore, MistakesSayFileAndLine) {
  for (const char* date :
       {"", "2026", "2026-1-1", "01-01-2026", "2026-12-31x", "tomorrow", "2026-13-01", "2026-31-12", "2026-02-30", "2026-00-10", "2026-01-00", "9999-99-99"})
    EXPECT_THAT(refusal("CVE-1\n\nCVE-2023-38545 exp:" + std::string(date) + "\n", "a/.trivyignore"), HasSubstr("a/.trivyignore:3:")) << date;
  EXPECT_THAT(refusal("CVE-1\nCVE-\x1b[31m\n", ".trivyignore"), HasSubstr(".trivyignore:2:"));
  EXPECT_THAT(refusal("CVE-\x01\n", "a\nb"), HasSubstr("a\\x0ab:1:")) << "a file's name is escaped";
}

// .trivyignore.yaml

TEST(TrivyYaml, TheExampleOfItsDocumentation) {
  Suppressions s = ignoring(R"(vulnerabilities:
  - id: CVE-2022-40897
    paths:
      - "usr/local/lib/python3.9/site-packages/setuptools-58.1.0.dist-info/METADATA"
    statement: Accept the risk
  - id: CVE-2023-2650
  - id: CVE-2023-3446
  - id: CVE-2023-3817
    purls:
      - "pkg:deb/debian/libssl1.1"
  - id: CVE-2023-29491
    expired_at: 2023-09-01

misconfigurations:
  - id: AVD-DS-0001
  - id: AVD-DS-0002
    paths:
      - "docs/Dockerfile"
    statement: The image needs root privileges

secrets:
  - id: aws-access-key-id

licenses:
  - id: GPL-3.0 # License name is used as ID
)",
                            ".trivyignore.yaml");
  EXPECT_TRUE(ignored(s, finding("CVE-2023-2650")));
  EXPECT_FALSE(ignored(s, finding("AVD-DS-0001"))) << "an id of another section";
  EXPECT_FALSE(ignored(s, finding("GPL-3.0")));
  Finding f = finding("CVE-2022-40897");
  EXPECT_FALSE(ignored(s, f)) << "a rule of paths says nothing of a package without one";
  f.where.path = "/usr/local/lib/python3.9/site-packages/setuptools-58.1.0.dist-info/METADATA";
  EXPECT_TRUE(ignored(s, f));
  auto by = s.find(f, curl(), kImage, kToday);
  ASSERT_TRUE(by);
  EXPECT_EQ(by->who, ".trivyignore.yaml:2");
  EXPECT_EQ(by->reason, "Accept the risk");
  f.where.path = "/usr/local/lib/python3.9/site-packages/setuptools-58.1.0.dist-info/METADATA2";
  EXPECT_FALSE(ignored(s, f));
  EXPECT_TRUE(ignored(s, finding("CVE-2023-3817"), purl("pkg:deb/debian/libssl1.1@1.1.1n-0+deb11u4?arch=amd64")));
  EXPECT_FALSE(ignored(s, finding("CVE-2023-3817"), purl("pkg:deb/debian/libssl3@1.1.1n-0+deb11u4?arch=amd64")));
  EXPECT_FALSE(ignored(s, finding("CVE-2023-29491")));
}

TEST(TrivyYaml, PathsAreGlobsOfTheWholePath) {
  auto rule = [](const std::string& glob) { return "vulnerabilities:\n- id: CVE-2023-38545\n  paths: ['" + glob + "']\n"; };
  for (const char* glob : {"usr/lib/a.jar", "/usr/lib/a.jar", "usr/lib/*.jar", "usr/**", "**/a.jar", "usr/*/a.jar", "usr/lib/?.jar", "usr/lib/[ab].jar", "**"})
    EXPECT_TRUE(ignored(rule(glob), at_path("/usr/lib/a.jar"))) << glob;
  for (const char* glob : {"a.jar", "usr/lib", "usr/*", "*.jar", "lib/a.jar", "usr/lib/a.ja", "usr/lib/[bc].jar", ""})
    EXPECT_FALSE(ignored(rule(glob), at_path("/usr/lib/a.jar"))) << glob;
}

TEST(TrivyYaml, AnyOfItsPathsAndAnyOfItsPurlsButBoth) {
  const char* text =
      "vulnerabilities:\n- id: CVE-2023-38545\n  paths: [x, 'opt/**']\n  purls: ['pkg:npm/a', 'pkg:deb/debian/curl@7.88.1-10']\n- id: CVE-2\n  purls: []\n  "
      "paths: []\n";
  EXPECT_TRUE(ignored(text, at_path("/opt/y")));
  EXPECT_FALSE(ignored(text, at_path("/usr/y")));
  EXPECT_FALSE(ignored(text, at_path("/opt/y"), purl("pkg:deb/debian/curl@7.88.1-11")));
  EXPECT_FALSE(ignored(text, at_path("/opt/y"), Purl{}));
  EXPECT_TRUE(ignored(text, finding("CVE-2"))) << "empty lists are none";
}

// "If the constraint does not have a version, it will match any": of all else it must be the same package.
TEST(TrivyYaml, APurlIsOfItsOwnNamespace) {
  const char* text = "vulnerabilities:\n- id: CVE-2023-38545\n  purls: ['pkg:npm/core']\n";
  EXPECT_TRUE(ignored(text, finding(), purl("pkg:npm/core@7.0.0")));
  EXPECT_FALSE(ignored(text, finding(), purl("pkg:npm/%40babel/core@7.0.0"))) << "another package";
  EXPECT_FALSE(ignored("vulnerabilities:\n- id: CVE-2023-38545\n  purls: ['pkg:golang/crypto']\n", finding(), purl("pkg:golang/golang.org/x/crypto@1")));
}

TEST(TrivyYaml, SectionsThatAreEmptyOrMissing) {
  for (const char* text : {"vulnerabilities:\nmisconfigurations:\n  - id: AVD-DS-0001\n", "vulnerabilities: []\n", "misconfigurations:\n  - id: AVD-DS-0001\n",
                           "secrets:\nlicenses:\n"}) {
    auto rules = parse_ignore_rules(".trivyignore.yaml", text);
    EXPECT_TRUE(rules) << rules.error().what << "\n" << text;
    if (rules) {
      EXPECT_THAT(*rules, IsEmpty());
    }
  }
}

TEST(TrivyYaml, MistakesSayFileAndLine) {
  const std::string head = "vulnerabilities:\n- id: CVE-1\n";
  for (const char* rule :
       {"- paths: [a]\n", "- statement: x\n", "- id:\n", "- id: ''\n", "- id: [CVE-2]\n", "- CVE-2\n", "- [CVE-2]\n", "-\n", "- id: CVE-2\n  purls: [curl]\n",
        "- id: CVE-2\n  expired_at: soon\n", "- id: CVE-2\n  expired_at: 2026-13-45\n", "- id: CVE-2\n  expired_at: 2026-12-31x\n"}) {
    std::string what = refusal(head + rule);
    EXPECT_TRUE(what.starts_with("rules.yaml:3:") || what.starts_with("rules.yaml:4:")) << what << "\n" << rule;
  }
  EXPECT_THAT(refusal("vulnerabilities:\n  id: CVE-1\n"), HasSubstr("rules.yaml:2:"));
  EXPECT_THAT(refusal("vulnerabilities:\n- id: [CVE-1\n"), HasSubstr("rules.yaml:"));
  EXPECT_THAT(refusal("vulnerabilities: CVE-1\n"), HasSubstr("rules.yaml:1:"));
  EXPECT_THAT(refusal("vulnerabilites:\n- id: CVE-1\n"), HasSubstr("rules.yaml:1:")) << "a key written wrong";
}

// A condition that is of another kind than it should be is not as if it were not there: the rule would suppress more than is meant.
TEST(TrivyYaml, AConditionOfAnotherKindIsRefused) {
  for (const char* condition : {"paths: usr/lib/a.jar", "paths: {a: b}", "paths: [[a]]", "paths: [{a: b}]", "purls: pkg:deb/debian/curl", "purls: [[x]]",
                                "purls: {a: b}", "expired_at: [2020-01-01]", "expired_at: {a: b}"})
    EXPECT_THAT(refusal("vulnerabilities:\n- id: CVE-2023-38545\n  " + std::string(condition) + "\n"), HasSubstr("rules.yaml:")) << condition;
}

// Grype

TEST(GrypeIgnore, TheExampleOfItsDocumentation) {
  Suppressions s = ignoring(R"(ignore:

  # This is the full set of supported rule fields:
  - vulnerability: CVE-2008-4318
    fix-state: unknown
    package:
      name: libcurl
      version: 1.5.1
      type: npm
      location: "/usr/local/lib/node_modules/**"

  # We can make rules to match just by vulnerability ID:
  - vulnerability: CVE-2017-41432

  # ...or just by a single package field:
  - package:
      type: gem
)",
                            ".grype.yaml");
  EXPECT_TRUE(ignored(s, finding("CVE-2017-41432")));
  EXPECT_TRUE(ignored(s, finding("CVE-9"), purl("pkg:gem/rails@1")));
  EXPECT_FALSE(ignored(s, finding("CVE-9"), purl("pkg:npm/rails@1")));
  Finding f = finding("CVE-2008-4318");
  f.vulnerability->fixed = "", f.vulnerability->fix_state = "unknown";
  f.vulnerability->packages = {"libcurl"};
  f.where.package = PackageRef{"libcurl", "1.5.1", ""};
  f.where.path = "/usr/local/lib/node_modules/libcurl/package.json";
  Purl p = purl("pkg:npm/libcurl@1.5.1");
  EXPECT_TRUE(ignored(s, f, p));
  auto by = s.find(f, p, kImage, kToday);
  ASSERT_TRUE(by);
  EXPECT_EQ(by->who, ".grype.yaml:4");
  // All of its conditions must hold.
  auto changed = [&](const std::function<void(Finding&)>& change) {
    Finding other = f;
    change(other);
    return ignored(s, other, p);
  };
  EXPECT_FALSE(changed([](Finding& o) { o.threat = "CVE-2008-4319"; }));
  EXPECT_FALSE(changed([](Finding& o) { o.vulnerability->fixed = "2"; }));
  EXPECT_FALSE(changed([](Finding& o) { o.vulnerability->packages = {"libcurl4"}; }));
  EXPECT_FALSE(changed([](Finding& o) { o.where.package->version = "1.5.10"; }));
  EXPECT_FALSE(changed([](Finding& o) { o.where.path = "/opt/node_modules/libcurl/package.json"; }));
  EXPECT_FALSE(changed([](Finding& o) { o.where.path.reset(); }));
  EXPECT_FALSE(ignored(s, f, purl("pkg:deb/debian/libcurl@1.5.1")));
}

TEST(GrypeIgnore, ByASingleFieldOfThePackage) {
  for (const char* field : {"name: curl", "version: 7.88.1-10", "type: deb", "upstream-name: curl-src", "location: /opt/**"})
    EXPECT_TRUE(ignored(grype("package: {" + std::string(field) + "}"), at_path("/opt/x"))) << field;
  for (const char* field : {"name: cur", "name: curl-src", "version: 7.88.1", "type: rpm", "upstream-name: curl", "location: /opt", "location: opt/y"})
    EXPECT_FALSE(ignored(grype("package: {" + std::string(field) + "}"), at_path("/opt/x"))) << field;
}

TEST(GrypeIgnore, TypesByTheNamesThatSyftGivesThem) {
  const std::map<std::string, std::string> types = {{"python", "pkg:pypi/x@1"},
                                                    {"go-module", "pkg:golang/g/x@1"},
                                                    {"java-archive", "pkg:maven/g/x@1"},
                                                    {"rust-crate", "pkg:cargo/x@1"},
                                                    {"php-composer", "pkg:composer/v/x@1"},
                                                    {"dotnet", "pkg:nuget/x@1"},
                                                    {"npm", "pkg:npm/x@1"},
                                                    {"gem", "pkg:gem/x@1"},
                                                    {"apk", "pkg:apk/alpine/x@1"},
                                                    {"rpm", "pkg:rpm/fedora/x@1"},
                                                    {"alpm", "pkg:alpm/arch/x@1"}};
  for (const auto& [type, package] : types)
    for (const auto& [other, unused] : types)
      EXPECT_EQ(ignored(grype("package: {type: " + other + "}"), finding(), purl(package)), type == other) << package << " " << other;
}

TEST(GrypeIgnore, FixStates) {
  auto with = [](const std::string& fixed, const std::string& state) {
    Finding f = finding();
    f.vulnerability->fixed = fixed, f.vulnerability->fix_state = state;
    return f;
  };
  const std::vector<std::pair<std::string, Finding>> all = {{"fixed", with("2", "")},
                                                            {"fixed", with("2", "not fixed")},
                                                            {"not-fixed", with("", "not fixed")},
                                                            {"wont-fix", with("", "will not be fixed")},
                                                            {"wont-fix", with("", "end of life")},
                                                            {"unknown", with("", "unknown")}};
  for (const auto& [state, f] : all)
    for (const char* asked : {"fixed", "not-fixed", "wont-fix", "unknown"})
      EXPECT_EQ(ignored(grype("fix-state: " + std::string(asked)), f), state == asked) << asked << " of " << state << " " << f.vulnerability->fix_state;
}

// A finding tells all packages of one source; each would be a match of its own there, and the others would stay.
TEST(GrypeIgnore, ARuleOfOnePackageLeavesTheOthersOfItsFinding) {
  Finding f = finding();
  f.vulnerability->packages = {"curl", "libcurl4"};
  EXPECT_FALSE(ignored(grype("package: {name: curl}"), f));
  EXPECT_FALSE(ignored(grype("package: {name: libcurl4}"), f));
  EXPECT_TRUE(ignored(grype("package: {name: 'curl|libcurl4'}"), f));
  EXPECT_TRUE(ignored(grype("package: {upstream-name: curl-src}"), f));
  EXPECT_FALSE(ignored("vulnerabilities:\n- id: CVE-2023-38545\n  purls: ['pkg:deb/debian/curl']\n", f));
}

// Its names of packages are regular expressions of the whole name.
TEST(GrypeIgnore, NamesAreRegularExpressions) {
  auto named = [](const std::string& name) {
    Finding f = finding();
    f.vulnerability->packages = {name}, f.where.package->name = name;
    return f;
  };
  EXPECT_TRUE(ignored(grype("package: {name: 'linux(-.*)?-headers-.*'}"), named("linux-aws-headers-6.1")));
  EXPECT_TRUE(ignored(grype("package: {name: 'lib.*'}"), named("libcurl4")));
  EXPECT_FALSE(ignored(grype("package: {name: 'lib.*'}"), named("zlib1g")));
  EXPECT_FALSE(ignored(grype("package: {name: 'python3*'}"), named("python3-pip"))) << "as many threes as one likes, and no more";
}

TEST(GrypeIgnore, ARuleThatNamesNothingIsRefused) {
  for (const char* rule : {"{}", "reason: because", "package: {}", "package: {name: ''}", "vulnerability: ''", "{vulnerability: , package: }"})
    EXPECT_THAT(refusal("\n" + grype(rule)), HasSubstr("rules.yaml:3:")) << rule;
}

TEST(GrypeIgnore, WhatCannotBeHeededIsRefused) {
  for (const char* rule : {"{vulnerability: CVE-2023-38545, namespace: 'debian:distro:debian:12'}", "{vulnerability: CVE-2023-38545, vex-status: not_affected}",
                           "{vulnerability: CVE-2023-38545, vex-justification: x}", "{vulnerability: CVE-2023-38545, match-type: exact-direct-match}"})
    EXPECT_THAT(refusal(grype(rule)), HasSubstr("rules.yaml:2:")) << rule;
}

TEST(GrypeIgnore, AConditionOfAnotherKindIsRefused) {
  for (const char* rule : {"{vulnerability: CVE-2023-38545, package: wget}", "{vulnerability: CVE-2023-38545, package: [wget]}",
                           "{vulnerability: CVE-2023-38545, package: {name: [wget]}}", "{vulnerability: CVE-2023-38545, package: {location: {a: b}}}",
                           "{vulnerability: [CVE-1], package: {type: deb}}", "{vulnerability: CVE-2023-38545, fix-state: [fixed]}"})
    EXPECT_THAT(refusal(grype(rule)), HasSubstr("rules.yaml:2:")) << rule;
}

TEST(GrypeIgnore, MistakesSayFileAndLine) {
  EXPECT_THAT(refusal("ignore:\n- vulnerability: CVE-1\n- CVE-2\n"), HasSubstr("rules.yaml:3:"));
  EXPECT_THAT(refusal("ignore:\n- vulnerability: CVE-1\n- [CVE-2]\n"), HasSubstr("rules.yaml:3:"));
  EXPECT_THAT(refusal("# x\nignore: CVE-1\n"), HasSubstr("rules.yaml:2:"));
  EXPECT_THAT(refusal("ignore:\n- vulnerability: CVE-1\n\t- x: y\n"), HasSubstr("rules.yaml:3:"));
  EXPECT_THAT(refusal("check-for-app-update: false\n"), HasSubstr("rules.yaml:1:"));
}

TEST(GrypeIgnore, TheRestOfAConfigurationDoesNotMatter) {
  EXPECT_TRUE(ignored("check-for-app-update: false\noutput: [table]\nignore:\n  - vulnerability: CVE-2023-38545\ndb: {auto-update: false}\n"));
}

TEST(IgnoreRules, HostileYamlEnds) {
  std::string deep = "ignore: " + std::string(100'000, '[');
  EXPECT_FALSE(parse_ignore_rules("x", deep));
  std::string maps = "ignore: ";
  for (int i = 0; i < 20'000; ++i) maps += "{a: ";
  EXPECT_FALSE(parse_ignore_rules("x", maps));
  (void)parse_ignore_rules("x", "ignore: &a [*a, *a]\n");
  (void)parse_ignore_rules("x", "vulnerabilities: &a [{id: *a, paths: *a}]\n");
  std::string laughs = "a0: &a0 [x, x]\n";
  for (int i = 1; i < 40; ++i)
    laughs += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [*a" + std::to_string(i - 1) + ", *a" + std::to_string(i - 1) + "]\n";
  (void)parse_ignore_rules("x", laughs + "ignore: *a39\n");
}

TEST(IgnoreRules, NumberIsBounded) {
  std::string lines;
  for (int i = 0; i < 100'001; ++i) lines += "C\n";
  EXPECT_THAT(refusal(lines, "many"), HasSubstr("many:100001:"));
}

// Both

TEST(Suppressions, NeverOfBackdoorsMalwareOrAnythingElse) {
  Suppressions s = ignoring("CVE-2023-38545\n");
  ASSERT_TRUE(s.add_ignore_text("b", grype("package: {name: '.*'}")));
  ASSERT_TRUE(s.add_ignore_text("c", grype("vulnerability: CVE-2023-38545")));
  ASSERT_TRUE(s.add_vex_text(
      "d", R"({"@context":"https://openvex.dev/ns/v0.2.0","timestamp":"2026-01-01T00:00:00Z","statements":[{"vulnerability":{"name":"CVE-2023-38545"},
    "products":[{"@id":"pkg:deb/debian/curl"},{"@id":"pkg:oci/app"}],"status":"not_affected"}]})"));
  ASSERT_TRUE(ignored(s));
  for (FindingKind k :
       {FindingKind::backdoor, FindingKind::malware, FindingKind::integrity, FindingKind::secret, FindingKind::configuration, FindingKind::provenance}) {
    Finding f = finding();
    f.kind = k;
    EXPECT_FALSE(ignored(s, f)) << to_text(k);
    f.vulnerability.reset();
    EXPECT_FALSE(ignored(s, f)) << to_text(k);
  }
}

TEST(Suppressions, OfSeveralFilesAnyRuleHolds) {
  Suppressions s = ignoring("CVE-1\n");
  ASSERT_TRUE(s.add_ignore_text("second", grype("vulnerability: CVE-2")));
  EXPECT_TRUE(ignored(s, finding("CVE-1")));
  EXPECT_TRUE(ignored(s, finding("CVE-2")));
  EXPECT_FALSE(ignored(s, finding("CVE-3")));
}

TEST(Suppressions, FilesAreRead) {
  test::Scratch scratch;
  Suppressions s;
  ASSERT_TRUE(s.add_ignore_file(scratch.write(".trivyignore", "CVE-2023-38545\n")));
  EXPECT_TRUE(ignored(s));
  auto none = s.add_ignore_file(scratch / "none");
  ASSERT_FALSE(none);
  EXPECT_THAT(none.error().what, AllOf(HasSubstr("--ignore-file"), HasSubstr("none")));
  auto vex = s.add_vex_file(scratch / "none");
  ASSERT_FALSE(vex);
  EXPECT_THAT(vex.error().what, AllOf(HasSubstr("--vex"), HasSubstr("none")));
}

TEST(Suppressions, AreSorted) {
  auto one = [](const char* threat, const char* id, const char* by) {
    Suppressed s;
    s.finding.threat = threat, s.finding.id = id, s.by = by;
    return s;
  };
  std::vector<Suppressed> list = {one("CVE-2", "a", "x"), one("CVE-1", "b", "y"), one("CVE-1", "b", "x"), one("CVE-1", "a", "z")};
  sort_suppressed(list);
  std::vector<std::string> order;
  for (const Suppressed& s : list) order.push_back(*s.finding.threat + s.finding.id + s.by);
  EXPECT_THAT(order, ElementsAre("CVE-1az", "CVE-1bx", "CVE-1by", "CVE-2ax"));
}

// OpenVEX

}  // namespace
}  // namespace careen
