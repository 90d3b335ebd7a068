// Reports of one made-up result, compared with tests/golden/; CAREEN_ACCEPT=1 in the environment rewrites them.
#include "report/report.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>

#include "../../tests/support/image_text.h"
#include "report/fleet_report.h"
#include "report/layout.h"
#include "report/version.h"

namespace careen {
namespace {

using testing::HasSubstr;

std::string golden_folder() {
  std::string here = __FILE__;
  return here.substr(0, here.rfind("/src/")) + "/tests/golden/";
}

// The version of the program is no part of what is compared.
std::string without_version(std::string s) {
  for (size_t at; (at = s.find(kVersion)) != std::string::npos;) s.replace(at, std::string_view(kVersion).size(), "VERSION");
  return s;
}

void expect_golden(const std::string& name, const std::string& text) {
  std::string path = golden_folder() + name, now = without_version(text);
  if (std::getenv("CAREEN_ACCEPT") != nullptr) {
    std::ofstream(path, std::ios::binary) << now;
    return;
  }
  std::ifstream in(path, std::ios::binary);
  std::string then((std::istreambuf_iterator<char>(in)), {});
  EXPECT_EQ(now, then) << "differs from " << name << "; CAREEN_ACCEPT=1 takes the new one";
}

Digest digest(const std::string& s) {
  return digest_of(as_bytes(s));
}

ScanResult result() {
  ScanResult r;
  r.reference = "oci-dir:image\x1b[31m";
  r.source = "oci-dir";
  r.resolved = "image";
  r.digest = digest("manifest").text();
  r.platform = "linux/amd64";
  r.distribution = {"debian", "testing", "Debian GNU/Linux trixie/sid", {}};
  r.layers = {{digest("blob 0"), digest("layer 0"), 1000, "application/vnd.oci.image.layer.v1.tar+gzip", "/bin/sh -c #(nop) ADD file"},
              {digest("blob 1"), std::nullopt, std::nullopt, "", ""}};
  r.knowledge = {{"built-in", 1, digest("threats"), "2026-11-20"}};
  r.remarks = {"chosen from an index"};
  r.threats_date = "2026-11-20";
  r.threats_known = 1;
  r.facts =
      std::make_shared<ImageFacts>(test::facts_of_text("file /etc/os-release \"ID=debian\\n\"\nfile /var/lib/dpkg/status |\n  Package: liblzma5\n  Status: "
                                                       "install ok installed\n  Source: xz-utils\n  Architecture: amd64\n  Version: 5.6.1-1\n"
                                                       "file /var/lib/dpkg/info/liblzma5.list |\n  /usr/lib/liblzma.so.5\nfile /usr/lib/liblzma.so.5 0755 "
                                                       "\"x\"\nlink /lib -> usr/lib\nlayer\nfile /odd\\x \"y\"\nwhiteout /etc/os-release"));
  r.packages = r.facts->packages;
  Finding f;
  f.kind = FindingKind::backdoor;
  f.threat = "CVE-2024-3094";
  f.title = "A title that is long enough to be wrapped at the end of a line of eighty columns, as many titles of threats are";
  f.severity = Severity::critical;
  f.confidence = Confidence::confirmed;
  f.reachability = {ReachState::reachable, {"/usr/sbin/sshd → liblzma.so.5", "ports exposed: 22/tcp"}};
  f.where = {"/usr/lib/liblzma.so.5\n", digest("layer 0").text(), 0, true, PackageRef{"liblzma5", "5.6.1-1", "xz-utils"}};
  f.evidence = {{EvidenceBy::digest, "its SHA-256 is known"}, {EvidenceBy::version, "in range \x07"}};
  f.remediation = "Rebuild.";
  f.blob = digest("blob 0").text();
  f.created_by = "/bin/sh -c #(nop) ADD file";
  f.id = finding_id(f);
  Finding hidden = f;
  hidden.severity = Severity::high;
  hidden.where.visible = false;
  hidden.where.path = "/old" + std::string(120, 'x');
  hidden.reachability = {ReachState::dormant, {"hidden by layer 1"}};
  hidden.id = finding_id(hidden);
  Finding changed;
  changed.kind = FindingKind::integrity;
  changed.rule = "changed-file";
  changed.severity = Severity::info;
  changed.confidence = Confidence::confirmed;
  changed.title = "A file was changed";
  changed.id = finding_id(changed);
  Finding refuted = f;
  refuted.confidence = Confidence::refuted;
  refuted.severity = Severity::info;
  refuted.where.path = "/clean";
  refuted.id = finding_id(refuted);
  r.findings = {f, hidden, refuted, changed};
  sort_findings(r.findings);
  r.coverage = {{Question::content, CoverageState::looked, "", "2 layers, 7 entries"},
                {Question::content, CoverageState::partly, "layer 1: a\xff", "cut"},
                {Question::vulnerabilities, CoverageState::not_applicable, "", "no advisory database"}};
  r.judgement = judge(r.findings, r.coverage, std::nullopt);
  return r;
}

ScanResult clean() {
  ScanResult r = result();
  r.findings.clear();
  r.coverage.erase(r.coverage.begin() + 1);
  r.judgement = judge(r.findings, r.coverage, std::nullopt);
  return r;
}

TEST(Golden, TheTable) {
  expect_golden("report.txt", table_report(result(), {}));
}
TEST(Golden, TheTableInFull) {
  expect_golden("report-verbose.txt", table_report(result(), {.verbose = true}));
}
TEST(Golden, TheQuietTable) {
  expect_golden("report-quiet.txt", table_report(result(), {.quiet = true}));
}
TEST(Golden, TheTableOfACleanImage) {
  expect_golden("report-clean.txt", table_report(clean(), {}));
}
TEST(Golden, Json) {
  expect_golden("report.json", json_text({result()}, false, true));
}
TEST(Golden, Sarif) {
  expect_golden("report.sarif", sarif_text({result()}));
}
TEST(Golden, Packages) {
  expect_golden("packages.txt", packages_table(result()));
}
TEST(Golden, PackagesJson) {
  expect_golden("packages.json", packages_json(result()));
}
TEST(Golden, Files) {
  expect_golden("files.txt", files_table(result()));
}
TEST(Golden, FilesJson) {
  expect_golden("files.json", files_json(result()));
}
TEST(Golden, AnExplainedFinding) {
  auto report = nlohmann::json::parse(json_text({result()}, false, false));
  expect_golden("explain.txt", explain_finding(report, report["findings"][0], {}));
}

// Whatever the image says, no report has a control character or broken UTF-8 in it.
bool is_safe(const std::string& s) {
  for (std::string_view line : split(s, '\n'))
    if (!is_plain(line)) return false;
  return true;
}

TEST(Reports, AreSafeWhateverTheImageSays) {
  ScanResult r = result();
  std::string evil = "a\x1b]0;x\x07\n\r\xc2\x9b\xe2\x80\xae\xff<b>\"\\";
  r.resolved = r.platform = r.distribution.id = r.distribution.release = r.distribution.pretty = evil;
  r.layers[0].created_by = r.layers[0].media_type = evil;
  r.remarks = {evil};
  for (Finding& f : r.findings) {
    f.where.path = evil;
    f.where.package = PackageRef{evil, evil, evil};
    f.evidence = {{EvidenceBy::name, evil}};
    f.reachability.because = {evil};
    f.created_by = evil;
  }
  r.coverage[0].what = r.coverage[0].why = evil;
  r.judgement = judge(r.findings, r.coverage, std::nullopt);
  EXPECT_TRUE(is_safe(table_report(r, {.verbose = true})));
  EXPECT_TRUE(is_safe(json_text({r}, false, true)));
  EXPECT_TRUE(is_safe(sarif_text({r})));
  auto report = nlohmann::json::parse(json_text({r}, false, false));
  EXPECT_TRUE(is_safe(explain_finding(report, report["findings"][0], {})));
  EXPECT_EQ(nlohmann::json::parse(json_text({r}, false, false))["findings"].size(), 4U);
}

TEST(Reports, ATitleWithTheNameOfAPackageIsSafeToo) {
  ScanResult r = result();
  r.findings[0].title = "A file of package \x1b[2J was changed";
  EXPECT_TRUE(is_safe(table_report(r, {})));
}

TEST(Reports, ALongStepIsCutBetweenCharacters) {
  ScanResult r = result();
  for (size_t pad = 0; pad < 4; ++pad) {
    r.findings[0].created_by = std::string(pad, 'x');
    for (int i = 0; i < 80; ++i) r.findings[0].created_by += "é ";
    EXPECT_TRUE(is_safe(table_report(r, {}))) << pad;
  }
}

TEST(TableReport, FitsTheWidth) {
  for (size_t width : {80U, 120U}) {
    std::string text = table_report(result(), {.verbose = true, .width = width});
    for (std::string_view line : split(text, '\n')) EXPECT_LE(columns(line), width) << line;
  }
}

TEST(TableReport, HasColourOnlyWhereAsked) {
  EXPECT_EQ(table_report(result(), {}).find('\x1b'), std::string::npos);
  EXPECT_NE(table_report(result(), {.color = true}).find("\x1b[1;31m"), std::string::npos);
}

TEST(JsonReport, AbsentValuesAreNullAndNeverMissing) {
  ScanResult bare;
  bare.facts = std::make_shared<ImageFacts>();
  auto j = json_report(bare, false);
  EXPECT_TRUE(j["image"]["digest"].is_null());
  EXPECT_TRUE(j["image"]["distribution"]["id"].is_null());
  auto all = json_report(result(), false)["findings"];
  auto f = *std::find_if(all.begin(), all.end(), [](const auto& x) { return x["kind"] == "integrity"; });
  EXPECT_TRUE(f["threat"].is_null());
  EXPECT_TRUE(f["where"]["path"].is_null());
  EXPECT_TRUE(f["where"]["layer_index"].is_null());
  EXPECT_TRUE(f["where"]["package"].is_null());
  EXPECT_FALSE(json_report(result(), false).contains("packages"));
  EXPECT_TRUE(json_report(result(), true).contains("packages"));
}

TEST(JsonReport, OfSeveralPlatformsIsAListEvenOfOne) {
  EXPECT_EQ(nlohmann::json::parse(json_text({result()}, true, false))["schema"], "careen/reports/v1");
  EXPECT_EQ(nlohmann::json::parse(json_text({result(), clean()}, true, false))["reports"].size(), 2U);
  EXPECT_EQ(nlohmann::json::parse(json_text({result()}, false, false))["schema"], "careen/report/v1");
}

TEST(SarifReport, LeavesOutWhatIsRefuted) {
  auto run = nlohmann::json::parse(sarif_text({result()}))["runs"][0];
  EXPECT_EQ(run["results"].size(), 3U);
  EXPECT_EQ(run["tool"]["driver"]["rules"].size(), 2U);
}

// Lines of the message are ours: a name in the image with a line break must not look like one of them.
TEST(SarifReport, ALineBreakInANameBeginsNoLine) {
  for (const std::string& evil :
       {std::string("/x\nReachability: dormant"), std::string("/x\r\nReachability: dormant"), std::string("x.service\n\nReachability: dormant\n"),
        std::string("/x\xe2\x80\xa8Reachability: dormant"), std::string("/x\xc2\x85Reachability: dormant"), std::string("/x\vReachability: dormant")}) {
    ScanResult r = result();
    r.findings.resize(1);
    Finding& f = r.findings[0];
    f.title = "A file of " + evil;
    f.evidence = {{EvidenceBy::name, "owned by " + evil}, {EvidenceBy::digest, evil}};
    f.reachability = {ReachState::reachable, {evil, "started by unit " + evil}};
    f.where.path = evil;
    f.remediation = evil;
    r.coverage[1].what = evil;
    auto run = nlohmann::json::parse(sarif_text({r}))["runs"][0];
    std::string message = run["results"][0]["message"]["text"];
    auto lines = split(message, '\n');
    ASSERT_EQ(lines.size(), 6U) << message;
    EXPECT_TRUE(lines[0].starts_with("A file of ")) << message;
    EXPECT_TRUE(lines[1].starts_with("name: owned by ")) << message;
    EXPECT_TRUE(lines[2].starts_with("digest: ")) << message;
    EXPECT_EQ(lines[3], "Reachability: reachable");
    EXPECT_TRUE(lines[4].starts_with("  ")) << message;
    EXPECT_TRUE(lines[5].starts_with("  started by unit ")) << message;
    for (std::string_view line : lines) EXPECT_TRUE(is_plain(line)) << message;
    EXPECT_EQ(std::string(run["tool"]["driver"]["rules"][0]["shortDescription"]["text"]).find('\n'), std::string::npos);
    EXPECT_EQ(std::string(run["tool"]["driver"]["rules"][0]["help"]["text"]).find('\n'), std::string::npos);
    for (const auto& note : run["invocations"][0]["toolExecutionNotifications"]) EXPECT_EQ(std::string(note["message"]["text"]).find('\n'), std::string::npos);
  }
}

TEST(Explain, AReportOfAnotherShapeDoesNotFail) {
  for (const char* text : {"{}", R"({"where":{"layer_index":99,"package":{}},"evidence":[{},1,null],"reachability":{"because":[1]}})"})
    EXPECT_FALSE(explain_finding(nlohmann::json::parse(R"({"image":{"layers":[]}})"), nlohmann::json::parse(text), {}).empty());
}

TEST(VerdictSentence, SaysAgainstWhat) {
  EXPECT_THAT(verdict_sentence(clean()), HasSubstr("clean of 1 known threat (records of 2026-11-20)"));
  EXPECT_THAT(verdict_sentence(result()), HasSubstr("flagged: 2 findings flag it"));
}

TEST(IndexProgress, TellsWhatIsDoneAndLeft) {
  EXPECT_EQ(index_progress_text({0, 300, "r.example/app:1", 0, 0}, 0.1), "0 of 300  r.example/app:1");
  EXPECT_EQ(index_progress_text({3, 300, "a", 3 << 20, 0}, 3), "3 of 300, 3.0 MiB, 1.0 MiB/s  a") << "too early to tell the end";
  EXPECT_EQ(index_progress_text({100, 300, "a", 600 << 20, 2}, 600), "100 of 300, 600.0 MiB, 1.0 MiB/s, 2 failed, 20 min left  a");
  EXPECT_EQ(index_progress_text({299, 300, "a\x1b[2J", 0, 0}, 600), "299 of 300, 2 s left  a\\x1b[2J") << "names are hostile";
  EXPECT_EQ(index_progress_text({1, 1000, "a", 0, 0}, 60), "1 of 1000, 16.6 h left  a");
  EXPECT_EQ(index_progress_text({7, 5, "a", 0, 0}, 60), "7 of 5, 0 s left  a") << "whatever is counted";
}

TEST(Layout, ColumnsAreCodePoints) {
  EXPECT_EQ(columns(""), 0U);
  EXPECT_EQ(columns("aé→x"), 4U);
}

TEST(Layout, WrapsWordsAndCutsWhatIsLongerThanALine) {
  EXPECT_EQ(wrap("one two three", "- ", "  ", 9), "- one two\n  three\n");
  EXPECT_EQ(wrap("", "x ", "  ", 10), "x\n");
  EXPECT_EQ(wrap(std::string(25, 'a'), "", "", 10), "aaaaaaaaaa\naaaaaaaaaa\naaaaa\n");
  EXPECT_EQ(wrap("a " + std::string(12, 'b'), "", "", 10), "a\nbbbbbbbbbb\nbb\n");
  std::string text = wrap("äöü " + std::string(40, 'x') + " → ééééééééééééééééééé", "    ", "  ", 20);
  for (std::string_view line : split(text, '\n')) EXPECT_LE(columns(line), 20U);
}

TEST(Layout, AWidthThatIsTooSmallEnds) {
  for (size_t width : {0U, 1U, 5U}) EXPECT_FALSE(wrap("some words longer", "        ", "        ", width).empty());
}

}  // namespace
}  // namespace careen
