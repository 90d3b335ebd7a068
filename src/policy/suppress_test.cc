// Ignore files and VEX documents: what their makers say they mean, and never more than that.
#include "policy/suppress.h"

#include <sys/stat.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "../tests/support/scratch.h"
#include "base/text.h"

namespace careen {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const char* const kToday = "2026-06-15";
const std::string kDigest = "sha256:" + std::string(64, 'a');
const ImageNames kImage = {kDigest, "app", "ghcr.io/team/app", ""};

Purl purl(const std::string& text) {
  auto p = parse_purl(text);
  EXPECT_TRUE(p) << text;
  return p.value_or(Purl{});
}

const Purl& curl() {
  static const Purl p = purl("pkg:deb/debian/curl@7.88.1-10?arch=amd64&distro=debian-12&upstream=curl-src");
  return p;
}

// A vulnerability of curl 7.88.1-10 of source curl-src.
Finding finding(const std::string& id = "CVE-2023-38545") {
  Finding f;
  f.id = "0123456789abcdef";
  f.kind = FindingKind::vulnerability;
  f.confidence = Confidence::confirmed;
  f.severity = Severity::critical;
  f.threat = id;
  f.where.package = PackageRef{"curl", "7.88.1-10", "curl-src"};
  f.vulnerability.emplace();
  f.vulnerability->aliases = {"GHSA-7xw4-g7mm-r4qq", "DSA-5523-1"};
  f.vulnerability->packages = {"curl"};
  f.vulnerability->fixed = "7.88.1-10+deb12u4";
  return f;
}

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

struct Statement {
  std::string status = "not_affected";
  std::string products = R"([{"@id":"pkg:deb/debian/curl"}])";
  std::string more = {};  // members, each with a comma in front
  std::string vulnerability = R"({"name":"CVE-2023-38545"})";
};

std::string statement(const Statement& s) {
  return R"({"vulnerability":)" + s.vulnerability + R"(,"status":")" + s.status + R"(","products":)" + s.products + s.more + "}";
}
std::string open_vex(const std::string& statements, const std::string& time = "2026-01-01T00:00:00Z") {
  return R"({"@context":"https://openvex.dev/ns/v0.2.0","@id":"x","author":"a","timestamp":")" + time + R"(","version":1,"statements":[)" + statements + "]}";
}

bool vexed(const std::vector<std::string>& documents, const Purl& package = curl(), const ImageNames& image = kImage, const Finding& f = finding()) {
  Suppressions s;
  for (const std::string& d : documents) {
    auto done = s.add_vex_text("doc.json", d);
    EXPECT_TRUE(done) << done.error().what << "\n" << d;
  }
  return s.find(f, package, image, kToday).has_value();
}
bool stated(const Statement& s, const Purl& package = curl(), const ImageNames& image = kImage) {
  return vexed({open_vex(statement(s))}, package, image);
}

TEST(OpenVex, NotAffectedAndFixedSuppress) {
  EXPECT_TRUE(stated({.status = "not_affected"}));
  EXPECT_TRUE(stated({.status = "fixed"}));
  for (const char* status : {"affected", "under_investigation", "", "NOT_AFFECTED", "none"}) EXPECT_FALSE(stated({.status = status})) << status;
}

TEST(OpenVex, WhoAndWhy) {
  Suppressions s;
  ASSERT_TRUE(
      s.add_vex_text("doc.json", open_vex(statement({.status = "affected"}) + "," + statement({.more = R"(,"justification":"component_not_present")"}))));
  auto by = s.find(finding(), curl(), kImage, kToday);
  ASSERT_TRUE(by);
  EXPECT_THAT(by->who, AllOf(HasSubstr("doc.json"), HasSubstr("2")));
  EXPECT_THAT(by->reason, AllOf(HasSubstr("not_affected"), HasSubstr("component_not_present")));
}

TEST(OpenVex, VulnerabilitiesByNameAliasAndIri) {
  for (const char* v : {R"({"name":"GHSA-7xw4-g7mm-r4qq"})", R"({"name":"X-1","aliases":["x","CVE-2023-38545"]})", R"({"name":"X-1","aliases":["DSA-5523-1"]})",
                        R"({"@id":"https://nvd.nist.gov/vuln/detail/CVE-2023-38545"})", R"("CVE-2023-38545")"})
    EXPECT_TRUE(stated({.vulnerability = v})) << v;
  for (const char* v : {R"({"name":"CVE-2023-3854"})", R"({"name":""})", "{}", "null", "1", R"({"name":["CVE-2023-38545"]})",
                        R"({"aliases":["CVE-2023-38545"]})", R"({"name":"*"})"})
    EXPECT_FALSE(stated({.vulnerability = v})) << v;
}

TEST(OpenVex, TheLatestStatementCounts) {
  auto at = [](const char* status, const std::string& time) { return statement({.status = status, .more = R"(,"timestamp":")" + time + "\""}); };
  const std::string old = "2025-01-01T00:00:00Z", late = "2025-06-01T00:00:00Z";
  EXPECT_FALSE(vexed({open_vex(at("not_affected", old) + "," + at("affected", late))}));
  EXPECT_FALSE(vexed({open_vex(at("affected", late) + "," + at("not_affected", old))}));
  EXPECT_TRUE(vexed({open_vex(at("affected", old) + "," + at("fixed", late))}));
  EXPECT_FALSE(vexed({open_vex(at("not_affected", old) + "," + at("under_investigation", late))}));
  // In several documents, in any order; a statement without a time has that of its document.
  EXPECT_FALSE(vexed({open_vex(statement({}), old), open_vex(statement({.status = "affected"}), late)}));
  EXPECT_FALSE(vexed({open_vex(statement({.status = "affected"}), late), open_vex(statement({}), old)}));
  EXPECT_TRUE(vexed({open_vex(statement({}), late), open_vex(statement({.status = "affected"}), old)}));
  EXPECT_TRUE(vexed({open_vex(at("not_affected", late), "2020-01-01T00:00:00Z"), open_vex(statement({.status = "affected"}), old)}));
  // Of one document and time, the last.
  EXPECT_FALSE(vexed({open_vex(statement({}) + "," + statement({.status = "affected"}))}));
  EXPECT_TRUE(vexed({open_vex(statement({.status = "affected"}) + "," + statement({}))}));
}

// Times are instants, written with any offset and any number of digits.
TEST(OpenVex, TimesAreComparedAsInstants) {
  auto later = [](const std::string& first, const std::string& second) {
    return !vexed({open_vex(statement({}), first), open_vex(statement({.status = "affected"}), second)}) &&
           vexed({open_vex(statement({}), second), open_vex(statement({.status = "affected"}), first)});
  };
  EXPECT_TRUE(later("2024-07-12T20:00:00Z", "2024-07-12T17:54:37.399069972-03:00")) << "20:54:37 in UTC";
  EXPECT_TRUE(later("2024-07-12T23:30:00+05:00", "2024-07-12T19:00:00Z")) << "18:30 in UTC";
  EXPECT_TRUE(later("2024-07-12T20:00:00Z", "2024-07-12T20:00:00.5Z"));
  EXPECT_TRUE(later("2024-12-31T23:00:00-02:00", "2025-01-01T01:00:01Z"));
  EXPECT_TRUE(later("2025-01-01T00:30:00+02:00", "2024-12-31T23:00:00Z"));
}

TEST(OpenVex, AProductIsAPackage) {
  for (const char* product :
       {"pkg:deb/debian/curl", "pkg:deb/debian/curl@7.88.1-10", "pkg:deb/debian/curl@7.88.1-10?arch=amd64", "pkg:deb/debian/curl?distro=debian-12"})
    EXPECT_TRUE(stated({.products = R"([{"@id":")" + std::string(product) + R"("}])"})) << product;
  for (const char* product : {"pkg:deb/debian/wget", "pkg:deb/debian/curl@7.88.1-9", "pkg:deb/ubuntu/curl", "pkg:deb/debian/curl?distro=debian-11",
                              "https://example.org/curl", "curl", ""})
    EXPECT_FALSE(stated({.products = R"([{"@id":")" + std::string(product) + R"("}])"})) << product;
  EXPECT_TRUE(stated({.products = R"([{"@id":"https://example.org/x","identifiers":{"purl":"pkg:deb/debian/curl"}}])"}));
  EXPECT_TRUE(stated({.products = R"([{"@id":"pkg:deb/debian/wget"},{"@id":"pkg:deb/debian/curl"}])"}));
  EXPECT_TRUE(stated({.products = R"(["pkg:deb/debian/curl"])"})) << "as before 0.2.0";
}

TEST(OpenVex, AProductIsAnImageByItsDigest) {
  std::string mine = "pkg:oci/app@sha256%3A" + std::string(64, 'a'), other = "pkg:oci/app@sha256%3A" + std::string(64, 'b');
  auto of = [](const std::string& p) { return Statement{.products = R"([{"@id":")" + p + R"("}])"}; };
  EXPECT_TRUE(stated(of(mine)));
  EXPECT_FALSE(stated(of(other))) << "a digest says more than the name";
  EXPECT_TRUE(stated(of("pkg:oci/renamed@sha256:" + std::string(64, 'a')))) << "and the name says nothing then";
  EXPECT_FALSE(stated(of(mine), curl(), {"", "app", "ghcr.io/team/app", ""})) << "the digest is not known";
  EXPECT_FALSE(stated(of("pkg:oci/app@sha512%3A" + std::string(128, 'a')))) << "another digest";
}

TEST(OpenVex, AProductIsAnImageByItsName) {
  auto of = [](const std::string& p) { return Statement{.products = R"([{"@id":")" + p + R"("}])"}; };
  EXPECT_TRUE(stated(of("pkg:oci/app")));
  EXPECT_FALSE(stated(of("pkg:oci/ap")));
  EXPECT_FALSE(stated(of("pkg:oci/team")));
  EXPECT_FALSE(stated(of("pkg:oci/app"), curl(), {kDigest, "", "", ""}));
  EXPECT_FALSE(stated(of("pkg:oci/app"), curl(), {kDigest, "application", "ghcr.io/team/application", ""}));
}

// Whose image it is stands in the qualifier; somebody else's image of the same name is not meant.
TEST(OpenVex, AnImageOfAnotherRepositoryIsAnotherImage) {
  auto of = [](const std::string& p) { return Statement{.products = R"([{"@id":")" + p + R"("}])"}; };
  EXPECT_TRUE(stated(of("pkg:oci/app?repository_url=ghcr.io%2Fteam%2Fapp")));
  EXPECT_FALSE(stated(of("pkg:oci/app?repository_url=ghcr.io%2Fothers%2Fapp")));
  EXPECT_FALSE(stated(of("pkg:oci/app?repository_url=index.docker.io/aquasec/app")));
  EXPECT_FALSE(stated(of("pkg:docker/others/app")));
}

TEST(OpenVex, AnImageOfAVersionThatIsNotKnownIsNotMeant) {
  auto of = [](const std::string& p) { return Statement{.products = R"([{"@id":")" + p + R"("}])"}; };
  EXPECT_FALSE(stated(of("pkg:docker/app@1.0")));
  EXPECT_FALSE(stated(of("pkg:oci/app@1.0")));
  EXPECT_FALSE(stated(of("pkg:oci/app?tag=1.0")));
}

TEST(OpenVex, SubcomponentsNarrowTheProduct) {
  auto of = [](const std::string& parts, const std::string& product = "pkg:oci/app") {
    return Statement{.products = R"([{"@id":")" + product + R"(","subcomponents":)" + parts + "}]"};
  };
  EXPECT_TRUE(stated(of(R"([{"@id":"pkg:deb/debian/curl"}])")));
  EXPECT_TRUE(stated(of(R"([{"@id":"pkg:deb/debian/wget"},{"identifiers":{"purl":"pkg:deb/debian/curl@7.88.1-10"}}])")));
  EXPECT_FALSE(stated(of(R"([{"@id":"pkg:deb/debian/wget"}])")));
  EXPECT_FALSE(stated(of(R"([{"@id":"pkg:deb/debian/curl@7.88.1-9"}])")));
  EXPECT_FALSE(stated(of(R"([{"@id":"pkg:deb/debian/curl"}])", "pkg:oci/other")));
  EXPECT_TRUE(stated(of("[]"))) << "none: the product with all it has";
}

TEST(OpenVex, PartsThatCannotBeReadAreNotTheWhole) {
  for (const char* parts : {R"([{"@id":"curl"}])", R"([{"@id":"https://example.org/wget"}])", R"([{}])", "[1]", "[null]", R"([{"hashes":{"sha-256":"00"}}])",
                            R"({"@id":"pkg:deb/debian/wget"})", R"("pkg:deb/debian/wget")", "1", "true", R"([[{"@id":"pkg:deb/debian/wget"}]])"})
    EXPECT_FALSE(stated({.products = R"([{"@id":"pkg:oci/app","subcomponents":)" + std::string(parts) + "}]"})) << parts;
}

// Before 0.2.0 the parts stood in the statement, beside its products.
TEST(OpenVex, PartsOfAStatementOfTheFirstVersions) {
  Statement s{.products = R"(["pkg:oci/app"])", .more = R"(,"subcomponents":["pkg:deb/debian/wget"])", .vulnerability = R"("CVE-2023-38545")"};
  EXPECT_FALSE(stated(s));
  s.more = R"(,"subcomponents":["pkg:deb/debian/wget","pkg:deb/debian/curl"])";
  EXPECT_TRUE(stated(s));
}

TEST(OpenVex, StatementsThatCannotBeReadSuppressNothing) {
  for (const char* products : {"[]", "null", "{}", R"("pkg:deb/debian/curl")", R"([{}])", "[1]", R"([{"@id":1}])", R"([{"@id":"pkg:deb"}])",
                               R"([{"identifiers":"pkg:deb/debian/curl"}])"})
    EXPECT_FALSE(stated({.products = products})) << products;
  for (const char* statements : {"", "1", "null", "[]", R"("not_affected")", R"({"status":"not_affected"})",
                                 R"({"vulnerability":{"name":"CVE-2023-38545"},"products":[{"@id":"pkg:deb/debian/curl"}]})"})
    EXPECT_FALSE(vexed({open_vex(statements)})) << statements;
  EXPECT_FALSE(vexed({R"({"@context":"https://openvex.dev/ns","statements":{}})"}));
  EXPECT_FALSE(vexed({R"({"@context":"https://openvex.dev/ns"})"}));
}

TEST(Vex, WhatIsNoDocumentIsRefusedByItsName) {
  for (const char* text : {"", "{", "[]", "1", "{}", R"({"@context":"https://schema.org"})", R"({"document":1})", "\xff\xfe", R"({"bomFormat":"CycloneDX"})"}) {
    Suppressions s;
    auto done = s.add_vex_text("a\x1b.json", text);
    ASSERT_FALSE(done) << text;
    EXPECT_EQ(done.error().code, Errc::usage);
    EXPECT_THAT(done.error().what, HasSubstr("a\\x1b.json"));
  }
}

TEST(Vex, DeepJsonIsRefused) {
  for (size_t depth : {size_t{66}, size_t{1000}, size_t{1'000'000}}) {
    std::string arrays = open_vex(std::string(depth, '[') + std::string(depth, ']'));
    auto read = parse_vex("deep", arrays);
    ASSERT_FALSE(read) << depth;
    EXPECT_EQ(read.error().code, Errc::usage);
    std::string cut = open_vex(std::string(depth, '['));
    EXPECT_FALSE(parse_vex("deep", cut));
    std::string branches;
    for (size_t i = 0; i < std::min<size_t>(depth, 100'000); ++i) branches += R"({"branches":[)";
    EXPECT_FALSE(parse_vex("deep", R"({"document":{},"product_tree":)" + branches));
  }
}

// CSAF

struct Csaf {
  std::string branches, relationships = {}, status, more = {}, time = "2026-01-01T00:00:00Z", vulnerability = R"("cve":"CVE-2023-38545")";
};
std::string product(const std::string& id, const std::string& helper) {
  return R"({"category":"product_version","name":"x","product":{"name":"x","product_id":")" + id + R"(","product_identification_helper":)" + helper + "}}";
}
std::string with_purl(const std::string& id, const std::string& package) {
  return product(id, R"({"purl":")" + package + R"("})");
}
std::string relation(const std::string& id, const std::string& component, const std::string& whole) {
  return R"({"category":"default_component_of","product_reference":")" + component + R"(","relates_to_product_reference":")" + whole +
         R"(","full_product_name":{"name":"x","product_id":")" + id + R"("}})";
}
std::string csaf(const Csaf& c) {
  return R"({"document":{"category":"csaf_vex","csaf_version":"2.0","title":"x","tracking":{"current_release_date":")" + c.time +
         R"("}},"product_tree":{"branches":[)" + c.branches + R"(],"relationships":[)" + c.relationships + "]" + c.more + R"(},"vulnerabilities":[{)" +
         c.vulnerability + R"(,"product_status":{)" + c.status + "}}]}";
}

TEST(CsafVex, StatusesOfAPackage) {
  std::string branches = R"({"category":"vendor","name":"v","branches":[)" + with_purl("C", "pkg:deb/debian/curl") + "]}";
  EXPECT_TRUE(vexed({csaf({.branches = branches, .status = R"("known_not_affected":["C"])"})}));
  EXPECT_TRUE(vexed({csaf({.branches = branches, .status = R"("fixed":["C"])"})}));
  for (const char* status : {R"("known_affected":["C"])", R"("under_investigation":["C"])", R"("first_affected":["C"])", R"("last_affected":["C"])",
                             R"("recommended":["C"])", R"("known_not_affected":["D"])", R"("known_not_affected":"C")", R"("known_not_affected":[1])", ""})
    EXPECT_FALSE(vexed({csaf({.branches = branches, .status = status})})) << status;
  EXPECT_FALSE(vexed({csaf({.branches = branches, .status = R"("known_not_affected":["C"])", .vulnerability = R"("cve":"CVE-1")"})}));
}

TEST(CsafVex, AffectedAndNotIsAffected) {
  std::string branches = with_purl("C", "pkg:deb/debian/curl@7.88.1-10") + "," + with_purl("D", "pkg:deb/debian/curl");
  EXPECT_FALSE(vexed({csaf({.branches = branches, .status = R"("known_not_affected":["D"],"known_affected":["C"])"})}));
  EXPECT_FALSE(vexed({csaf({.branches = branches, .status = R"("known_affected":["C"],"fixed":["C"])"})}));
}

TEST(CsafVex, TheLatestDocumentCounts) {
  std::string branches = with_purl("C", "pkg:deb/debian/curl");
  auto at = [&](const char* status, const char* time) {
    return csaf({.branches = branches, .status = "\"" + std::string(status) + R"(":["C"])", .time = time});
  };
  EXPECT_FALSE(vexed({at("known_not_affected", "2025-01-01T00:00:00Z"), at("known_affected", "2025-02-01T00:00:00Z")}));
  EXPECT_FALSE(vexed({at("known_affected", "2025-02-01T00:00:00Z"), at("known_not_affected", "2025-01-01T00:00:00Z")}));
  EXPECT_TRUE(vexed({at("known_affected", "2025-01-01T00:00:00Z"), at("known_not_affected", "2025-02-01T00:00:00Z")}));
}

TEST(CsafVex, AComponentOfAnImage) {
  std::string branches = with_purl("IMAGE", "pkg:oci/app") + "," + with_purl("OTHER", "pkg:oci/other") + "," + with_purl("CURL", "pkg:deb/debian/curl") + "," +
                         with_purl("WGET", "pkg:deb/debian/wget");
  std::string relations =
      relation("IMAGE:CURL", "CURL", "IMAGE") + "," + relation("IMAGE:WGET", "WGET", "IMAGE") + "," + relation("OTHER:CURL", "CURL", "OTHER");
  auto of = [&](const char* id) {
    return csaf({.branches = branches, .relationships = relations, .status = R"("known_not_affected":[")" + std::string(id) + "\"]"});
  };
  EXPECT_TRUE(vexed({of("IMAGE:CURL")}));
  EXPECT_FALSE(vexed({of("IMAGE:WGET")}));
  EXPECT_FALSE(vexed({of("OTHER:CURL")}));
  EXPECT_FALSE(vexed({of("NONE")}));
  EXPECT_TRUE(vexed({of("IMAGE")}));
}

TEST(CsafVex, AComponentThatCannotBeReadIsNotTheWholeImage) {
  for (const char* helper : {R"({"cpe":"cpe:/a:gnu:wget"})", "{}", "null", R"({"purl":"wget"})", R"({"purl":1})"})
    EXPECT_FALSE(vexed({csaf({.branches = with_purl("IMAGE", "pkg:oci/app") + "," + product("WGET", helper),
                              .relationships = relation("IMAGE:WGET", "WGET", "IMAGE"),
                              .status = R"("known_not_affected":["IMAGE:WGET"])"})}))
        << helper;
  EXPECT_FALSE(vexed({csaf({.branches = with_purl("IMAGE", "pkg:oci/app"),
                            .relationships = relation("IMAGE:WGET", "MISSING", "IMAGE"),
                            .status = R"("known_not_affected":["IMAGE:WGET"])"})}));
}

// A status of a package on one release says nothing of it on another. A release that is named by its CPE alone cannot be compared, so the statement cannot be
// read.
TEST(CsafVex, APackageOfAReleaseIsNotThePackageOfEveryRelease) {
  std::string branches = product("RHEL6", R"({"cpe":"cpe:/o:redhat:enterprise_linux:6"})") + "," + with_purl("CURL", "pkg:rpm/redhat/curl");
  std::string doc = csaf({.branches = branches, .relationships = relation("RHEL6:CURL", "CURL", "RHEL6"), .status = R"("known_not_affected":["RHEL6:CURL"])"});
  EXPECT_FALSE(vexed({doc}, purl("pkg:rpm/redhat/curl@7.76.1-26.el9?arch=x86_64&distro=redhat-9.2")));
}

TEST(CsafVex, ProductsOutsideOfBranches) {
  std::string name = R"({"name":"x","product_id":"C","product_identification_helper":{"purl":"pkg:deb/debian/curl"}})";
  EXPECT_TRUE(vexed({csaf({.branches = "", .status = R"("known_not_affected":["C"])", .more = R"(,"full_product_names":[)" + name + "]"})}));
}

TEST(CsafVex, StatementsThatCannotBeReadSuppressNothing) {
  for (
      const char* text :
      {R"({"document":{}})", R"({"document":{},"vulnerabilities":{}})", R"({"document":{},"vulnerabilities":[1,null,[]]})",
       R"({"document":{},"product_tree":1,"vulnerabilities":[{"cve":"CVE-2023-38545","product_status":{"fixed":["C",""]}}]})",
       R"({"document":{},"product_tree":{"branches":[{"product":{"product_identification_helper":{"purl":"pkg:deb/debian/curl"}}}]},"vulnerabilities":[{"cve":"CVE-2023-38545","product_status":{"fixed":[""]}}]})",
       R"({"document":{},"product_tree":{"branches":{},"relationships":{}},"vulnerabilities":[{"cve":["CVE-2023-38545"]}]})"})
    EXPECT_FALSE(vexed({text})) << text;
}

// Documents that others published lie beside the repository where there are any; they are not part of it.
class PublishedVex : public testing::Test {
 protected:
  bool unpack(const std::string& name) {
    std::string here = __FILE__;
    for (int i = 0; i < 4; ++i) here = std::string(dir_name(here));
    std::string archive = here + "/shared/data/" + name + "/" + name + ".tar.zst";
    struct stat st {};
    if (::stat(archive.c_str(), &st) != 0) return why_ = archive + " is not there", false;
    if (!test::output_of("tar --zstd -xf '" + archive + "' -C '" + scratch_.path() + "' 2>/dev/null")) return why_ = "tar --zstd cannot unpack it", false;
    return true;
  }
  std::vector<std::string> files(const std::string& part) const {
    std::vector<std::string> out;
    for (const auto& e : std::filesystem::recursive_directory_iterator(scratch_.path()))
      if (e.is_regular_file() && e.path().string().find(part) != std::string::npos && e.path().extension() == ".json") out.push_back(e.path());
    std::sort(out.begin(), out.end());
    return out;
  }
  test::Scratch scratch_;
  std::string why_;
};

TEST_F(PublishedVex, OpenVexIsReadAndEveryStatementHoldsForWhatItNames) {
  if (!unpack("openvex")) GTEST_SKIP() << why_;
  size_t documents = 0, statements = 0;
  for (const std::string& path : files("")) {
    std::string text = test::slurp(path);
    if (text.find("\"statements\"") == std::string::npos) continue;
    auto read = parse_vex(path, text);
    ASSERT_TRUE(read) << read.error().what;
    auto json = nlohmann::json::parse(text);
    ++documents, statements += read->size();
    EXPECT_EQ(read->size(), json["statements"].size()) << path;
    for (const VexStatement& s : *read) {
      EXPECT_EQ(s.status, "not_affected");
      EXPECT_FALSE(s.products.empty());
      EXPECT_GT(s.time, 0);
    }
  }
  EXPECT_GE(documents, 90U);
  EXPECT_GT(statements, 12'000U);
}

TEST_F(PublishedVex, AnImageOfAquaNamesItsBusybox) {
  if (!unpack("openvex")) GTEST_SKIP() << why_;
  auto found = files("aquasecurity/trivy/oci.openvex.json");
  ASSERT_FALSE(found.empty());
  Suppressions s;
  ASSERT_TRUE(s.add_vex_file(found[0]));
  Finding f = finding("CVE-2023-42363");
  Purl busybox = purl("pkg:apk/alpine/busybox@1.36.1-r5?arch=x86_64&distro=alpine-3.18");
  EXPECT_TRUE(s.find(f, busybox, {kDigest, "trivy", "docker.io/aquasec/trivy", ""}, kToday));
  EXPECT_TRUE(s.find(f, busybox, {kDigest, "trivy", "ghcr.io/aquasecurity/trivy", ""}, kToday));
  EXPECT_FALSE(s.find(f, busybox, {kDigest, "tracee", "docker.io/aquasec/tracee", ""}, kToday));
  EXPECT_FALSE(s.find(f, busybox, {kDigest, "trivy", "docker.io/somebody/trivy", ""}, kToday)) << "an image of the same name of others";
  EXPECT_FALSE(s.find(f, purl("pkg:apk/alpine/curl@1"), {kDigest, "trivy", "docker.io/aquasec/trivy", ""}, kToday));
  EXPECT_FALSE(s.find(finding("CVE-2023-1"), busybox, {kDigest, "trivy", "docker.io/aquasec/trivy", ""}, kToday));
}

TEST_F(PublishedVex, CsafIsReadAndWhatItSaysOfOneReleaseStaysThere) {
  if (!unpack("distro-native-fixtures")) GTEST_SKIP() << why_;
  size_t documents = 0;
  for (const char* part : {"/rhel/vex/testdata/", "/csaf/advisories/", "/csaf/hydra/"})
    for (const std::string& path : files(part)) {
      std::string text = test::slurp(path);
      if (text.find("\"csaf_version\"") == std::string::npos) continue;
      auto read = parse_vex(path, text);
      EXPECT_TRUE(read) << path << ": " << read.error().what;
      ++documents;
    }
  EXPECT_GT(documents, 3U);
  auto found = files("/rhel/vex/testdata/cve-2023-38545.json");
  ASSERT_FALSE(found.empty());
  Suppressions s;
  ASSERT_TRUE(s.add_vex_file(found[0]));
  // Enterprise Linux 6, 7 and 8 were not affected, 9 was until 7.76.1-26.el9_3.2 (RHSA-2023:5763).
  EXPECT_FALSE(s.find(finding(), purl("pkg:rpm/redhat/curl@7.76.1-23.el9?arch=x86_64&distro=redhat-9.2"), kImage, kToday));
  EXPECT_FALSE(s.find(finding(), purl("pkg:rpm/redhat/libcurl@7.76.1-23.el9?arch=x86_64&distro=redhat-9.2"), kImage, kToday));
}

TEST_F(PublishedVex, UbuntusDocumentIsRead) {
  if (!unpack("distro-native-fixtures")) GTEST_SKIP() << why_;
  auto found = files("/ubuntu/test-fixtures/vex/cve/2023/CVE-2023-38545.json");
  ASSERT_FALSE(found.empty());
  auto read = parse_vex("x", test::slurp(found[0]));
  ASSERT_TRUE(read) << read.error().what;
  EXPECT_FALSE(read->empty());
  for (const VexStatement& s : *read) EXPECT_GT(s.time, 0);
}

}  // namespace
}  // namespace careen
