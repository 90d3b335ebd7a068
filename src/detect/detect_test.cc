// All detectors over an image: how the signs of one threat become findings. Integrity of owned files as well.
#include <gmock/gmock.h>

#include "../../tests/support/detect_text.h"

namespace careen {
namespace {

using test::DetectText;
using test::file_threat;
using testing::Contains;
using testing::Field;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

auto says(EvidenceBy by, const std::string& part) {
  return Contains(testing::AllOf(Field(&Evidence::by, by), Field(&Evidence::says, HasSubstr(part))));
}

TEST(Detect, ACleanImageHasNoFindings) {
  EXPECT_THAT(DetectText("file /x \"good\"", {file_threat("bad")}).run().findings, IsEmpty());
}

TEST(Detect, AFileOfAKnownDigestIsConfirmedWhateverItsName) {
  DetectText d("file /any/name \"bad\"", {file_threat("bad")});
  Finding f = d.one();
  EXPECT_EQ(f.confidence, Confidence::confirmed);
  EXPECT_EQ(f.severity, Severity::critical);
  EXPECT_EQ(f.threat, "T-1");
  EXPECT_EQ(f.where.path, "/any/name");
  EXPECT_EQ(f.where.layer, d.facts().layers[0]->diff_id.text());
  EXPECT_EQ(f.created_by, "step 0");
  EXPECT_THAT(f.evidence, says(EvidenceBy::digest, "the stand-in"));
  EXPECT_EQ(f.id, finding_id(f));
}

TEST(Detect, AHiddenFileIsOneSeverityLowerAndDormant) {
  for (const char* above : {"whiteout /x", "file /x \"good\"", "opaque /"}) {
    Finding f = DetectText("file /x \"bad\"\nlayer\n" + std::string(above), {file_threat("bad")}).one();
    EXPECT_EQ(f.confidence, Confidence::confirmed);
    EXPECT_EQ(f.severity, Severity::high);
    EXPECT_FALSE(f.where.visible);
    EXPECT_EQ(f.reachability.state, ReachState::dormant);
    EXPECT_THAT(f.reachability.because, Contains(HasSubstr("layer 1"))) << above;
  }
}

TEST(Detect, AFileReplacedInItsOwnLayerIsHidden) {
  Finding f = DetectText("file /x \"bad\"\nfile /x \"good\"", {file_threat("bad")}).one();
  EXPECT_FALSE(f.where.visible);
}

TEST(Detect, AHardLinkKeepsAFileInSight) {
  Finding f = DetectText("file /x \"bad\"\nhard /y -> /x\nlayer\nwhiteout /x", {file_threat("bad")}).one();
  EXPECT_TRUE(f.where.visible);
  EXPECT_EQ(f.severity, Severity::critical);
}

Threat version_threat() {
  Threat t = file_threat("bad");
  VersionIndicator v;
  v.packages = {"liblzma5"};
  v.distributions = {"debian"};
  v.architectures = {"amd64"};
  v.from = "5.6.0";
  v.to = "5.6.1-1";
  v.except = {"*+really5.4*"};
  v.content = {"**/liblzma.so.5*"};
  t.versions = {v};
  return t;
}

std::string package(const std::string& version, const std::string& more = "", const std::string& arch = "amd64", const std::string& os = "debian") {
  return "file /etc/os-release 0644 \"ID=" + os +
         "\\n\"\nfile /var/lib/dpkg/status |\n  Package: liblzma5\n  Status: install ok installed\n  Source: xz-utils\n  Architecture: " + arch +
         "\n  Version: " + version + "\nfile /var/lib/dpkg/info/liblzma5.list |\n  /usr/lib/liblzma.so.5.6.0\n" + more;
}

TEST(Detect, AVersionInRangeWithoutItsFileIsSuspected) {
  Finding f = DetectText(package("5.6.1-1"), {version_threat()}).one();
  EXPECT_EQ(f.confidence, Confidence::suspected);
  EXPECT_EQ(f.severity, Severity::critical);
  ASSERT_TRUE(f.where.package);
  EXPECT_EQ(f.where.package->source, "xz-utils");
  EXPECT_THAT(f.evidence, says(EvidenceBy::version, "5.6.1-1"));
  EXPECT_EQ(f.reachability.state, ReachState::unknown);
}

TEST(Detect, CleanContentRefutesTheVersion) {
  Finding f = DetectText(package("5.6.0-0.2", "elf /usr/lib/liblzma.so.5.6.0 soname=liblzma.so.5"), {version_threat()}).one();
  EXPECT_EQ(f.confidence, Confidence::refuted);
  EXPECT_EQ(f.severity, Severity::info);
  EXPECT_EQ(f.where.path, "/usr/lib/liblzma.so.5.6.0");
}

TEST(Detect, VersionContentAndOwnerAreOneFinding) {
  test::ElfSpec s;
  s.soname = "liblzma.so.5";
  Threat t = version_threat();
  t.files = {test::digest_indicator(test::make_elf(s))};
  Finding f = DetectText(package("5.6.1-1", "elf /usr/lib/liblzma.so.5.6.0 soname=liblzma.so.5"), {t}).one();
  EXPECT_EQ(f.confidence, Confidence::confirmed);
  EXPECT_THAT(f.evidence, says(EvidenceBy::digest, ""));
  EXPECT_THAT(f.evidence, says(EvidenceBy::version, ""));
  ASSERT_TRUE(f.where.package);
  EXPECT_EQ(f.where.package->name, "liblzma5");
}

// The version is of the package that stands now: it says nothing about a file that a later layer replaced.
TEST(Detect, AVersionIsEvidenceForTheFileOfItsOwnLayerAlone) {
  test::ElfSpec bad;
  bad.soname = "liblzma.so.5";
  bad.strings = {"infected"};
  Threat t = version_threat();
  t.files = {test::digest_indicator(test::make_elf(bad))};
  const std::string path = "/usr/lib/liblzma.so.5.6.0", infected = "elf " + path + " soname=liblzma.so.5 strings=infected\n";
  Detected d = DetectText(package("5.6.1-1", infected) + "layer\nelf " + path + " soname=liblzma.so.5\n", {t}).run();
  ASSERT_EQ(d.findings.size(), 2U);
  const Finding *hidden = nullptr, *visible = nullptr;
  for (const Finding& f : d.findings) (f.confidence == Confidence::confirmed ? hidden : visible) = &f;
  ASSERT_NE(hidden, nullptr);
  ASSERT_NE(visible, nullptr);
  EXPECT_EQ(hidden->where.path, path);
  EXPECT_EQ(hidden->where.layer_index, 0U);
  EXPECT_FALSE(hidden->where.visible);
  EXPECT_THAT(hidden->evidence, Not(says(EvidenceBy::version, "")));
  EXPECT_EQ(visible->confidence, Confidence::refuted);
  EXPECT_EQ(visible->where.path, path);
  EXPECT_EQ(visible->severity, Severity::info);
}

TEST(Detect, AVersionJoinsTheInfectedFileThatReplacedACleanOne) {
  test::ElfSpec bad;
  bad.soname = "liblzma.so.5";
  bad.strings = {"infected"};
  Threat t = version_threat();
  t.files = {test::digest_indicator(test::make_elf(bad))};
  const std::string path = "/usr/lib/liblzma.so.5.6.0";
  Finding f =
      DetectText(package("5.6.1-1", "elf " + path + " soname=liblzma.so.5\n") + "layer\nelf " + path + " soname=liblzma.so.5 strings=infected\n", {t}).one();
  EXPECT_EQ(f.confidence, Confidence::confirmed);
  EXPECT_TRUE(f.where.visible);
  EXPECT_THAT(f.evidence, says(EvidenceBy::version, "5.6.1-1"));
}

TEST(Detect, VersionsOutsideTheRangeAreNothing) {
  for (const char* v : {"5.5.9", "5.6.1-2", "5.6.1+really5.4.5-1", "1:5.6.0"})
    EXPECT_THAT(DetectText(package(v), {version_threat()}).run().findings, IsEmpty()) << v;
  EXPECT_THAT(DetectText(package("5.6.0", "", "arm64"), {version_threat()}).run().findings, IsEmpty());
  EXPECT_THAT(DetectText(package("5.6.0", "", "amd64", "ubuntu"), {version_threat()}).run().findings, IsEmpty());
  EXPECT_THAT(DetectText(package("5.6.0", "", "amd64", "ubuntu\\nID_LIKE=debian"), {version_threat()}).run().findings, testing::SizeIs(1));
}

TEST(Detect, ARowOfADeletedDatabaseSaysSo) {
  Finding f = DetectText(package("5.6.0", "elf /usr/lib/liblzma.so.5.6.0\nlayer\nwhiteout /var/lib/dpkg"), {version_threat()}).one();
  EXPECT_FALSE(f.where.visible);
  EXPECT_THAT(f.evidence, says(EvidenceBy::name, "deleted"));
}

TEST(Detect, PatternsByThemselvesAndInRules) {
  Threat t = file_threat("bad");
  for (const char* text : {"needle-one", "needle-two", "needle-six"}) {
    PatternSpec p;
    p.id = std::string("T-1/") + (text + 7);
    p.bytes.assign(text, text + 10);
    p.wild.assign(10, 0);
    p.any_file = true;
    t.patterns.push_back(p);
  }
  PatternRule both;
  both.id = "both", both.all = {"T-1/one", "T-1/two"}, both.severity = Severity::medium, both.suspected = true;
  t.rules = {both};
  CollectOptions o;
  auto set = PatternSet::compile(t.patterns);
  ASSERT_TRUE(set);
  o.patterns = *set;
  EXPECT_THAT(DetectText("file /x \"needle-one\"", {t}, o).run().findings, IsEmpty());
  Finding f = DetectText("file /x \"needle-one needle-two\"", {t}, o).one();
  EXPECT_EQ(f.confidence, Confidence::suspected);
  EXPECT_EQ(f.severity, Severity::medium);
  EXPECT_THAT(f.evidence, says(EvidenceBy::pattern, "0xb"));
  f = DetectText("file /x \"....needle-six\"", {t}, o).one();
  EXPECT_EQ(f.confidence, Confidence::confirmed);
  EXPECT_THAT(f.evidence, says(EvidenceBy::pattern, "six"));
}

// A threat known by a needle alone, which is only suspected.
Threat suspected_threat(Severity severity) {
  Threat t = file_threat("none");
  PatternSpec p;
  p.id = "T-1/needle";
  for (char c : std::string("needle-text")) p.bytes.push_back(static_cast<uint8_t>(c));
  p.wild.assign(p.bytes.size(), 0);
  p.any_file = true;
  t.patterns = {p};
  PatternRule r;
  r.id = "quoted", r.any = {"T-1/needle"}, r.severity = severity, r.suspected = true;
  t.rules = {r};
  return t;
}

CollectOptions searching(const Threat& t) {
  CollectOptions o;
  auto set = PatternSet::compile(t.patterns);
  EXPECT_TRUE(set);
  if (set) o.patterns = *set;
  return o;
}

TEST(Detect, AHiddenFileThatIsOnlySuspectedKeepsItsSeverity) {
  for (Severity severity : {Severity::high, Severity::critical, Severity::low}) {
    Threat t = suspected_threat(severity);
    for (const char* above : {"layer\nwhiteout /x", "layer\nfile /x \"good\"", "layer\nopaque /"}) {
      Finding f = DetectText("file /x \"..needle-text..\"\n" + std::string(above), {t}, searching(t)).one();
      EXPECT_EQ(f.confidence, Confidence::suspected) << above;
      EXPECT_EQ(f.severity, severity) << above;
      EXPECT_FALSE(f.where.visible) << above;
      EXPECT_EQ(f.reachability.state, ReachState::dormant) << above;
    }
  }
}

TEST(Detect, AHiddenFileOfAKnownDigestIsLoweredWhateverElseItShows) {
  Threat t = suspected_threat(Severity::high);
  t.files = {test::digest_indicator("needle-text")};
  Finding f = DetectText("file /x \"needle-text\"\nlayer\nwhiteout /x", {t}, searching(t)).one();
  EXPECT_EQ(f.confidence, Confidence::confirmed);
  EXPECT_EQ(f.severity, Severity::high) << "critical, one lower";
}

TEST(Detect, AKnownLayerNamesItsFiles) {
  Threat t = file_threat("none");
  t.files.clear();
  t.layers = {test::digest_indicator("blob 0")};
  t.layers[0].files = {"usr/lib/x"};
  Finding f = DetectText("file /usr/lib/x \"1\"\nlayer\nfile /usr/lib/x \"2\"", {t}).one();
  EXPECT_EQ(f.confidence, Confidence::confirmed);
  EXPECT_FALSE(f.where.visible);
  EXPECT_EQ(f.severity, Severity::high);
  EXPECT_TRUE(DetectText("file /usr/lib/x \"1\"", {t}).one().where.visible);
}

TEST(Detect, AKnownLayerThatCouldNotBeReadIsStillKnown) {
  Threat t = file_threat("none");
  t.layers = {test::digest_indicator("blob 0")};
  DetectText d("file /x", {t});
  d.input().layers[0].read = false;
  Finding f = d.one();
  EXPECT_EQ(f.confidence, Confidence::confirmed);
  EXPECT_TRUE(f.where.visible);
  EXPECT_FALSE(f.where.path);
}

TEST(Detect, AKnownManifestStandsAloneOrJoinsTheFile) {
  Threat t = file_threat("bad");
  t.manifests = {test::digest_indicator("manifest")};
  DetectText alone("file /x \"good\"", {t});
  alone.input().manifest = digest_of(as_bytes("manifest"));
  EXPECT_EQ(alone.one().confidence, Confidence::confirmed);
  DetectText joined("file /x \"bad\"", {t});
  joined.input().index = digest_of(as_bytes("manifest"));
  Finding f = joined.one();
  EXPECT_EQ(f.where.path, "/x");
  EXPECT_THAT(f.evidence, says(EvidenceBy::digest, "manifest"));
  EXPECT_THAT(DetectText("file /x", {t}).run().findings, IsEmpty());
}

TEST(Detect, APathAloneIsSuspected) {
  Threat t = file_threat("bad");
  t.paths = {{"tmp/*.sock", "its socket"}};
  Finding f = DetectText("file /tmp/a.sock \"\"\ndir /tmp/b.sock", {t}).one();
  EXPECT_EQ(f.confidence, Confidence::suspected);
  EXPECT_THAT(f.evidence, says(EvidenceBy::name, "its socket"));
}

TEST(Detect, APathThatALaterLayerHidesIsSuspectedToo) {
  Threat t = file_threat("bad");
  t.paths = {{"tmp/*.sock", "its socket"}};
  for (const char* above : {"opaque /tmp", "whiteout /tmp", "dir /tmp/a.sock"}) {
    Finding f = DetectText("file /tmp/a.sock \"\"\nlayer\n" + std::string(above), {t}).one();
    EXPECT_EQ(f.confidence, Confidence::suspected) << above;
    EXPECT_EQ(f.severity, Severity::critical) << above;
    EXPECT_EQ(f.where.path, "/tmp/a.sock") << above;
    EXPECT_EQ(f.where.layer_index, 0U) << above;
    EXPECT_FALSE(f.where.visible) << above;
  }
}

TEST(Detect, AHiddenLinkOfASuspectedPathIsTold) {
  Threat t = file_threat("bad");
  t.paths = {{"tmp/*.sock", "its socket"}};
  Finding f = DetectText("link /tmp/a.sock -> /x\nlayer\nwhiteout /tmp", {t}).one();
  EXPECT_FALSE(f.where.visible);
}

TEST(Detect, ASuspectedPathIsToldOnceForEachLayerThatHasIt) {
  Threat t = file_threat("bad");
  t.paths = {{"tmp/*.sock", "its socket"}};
  Detected d = DetectText("file /tmp/a.sock \"1\"\nlayer\nfile /tmp/a.sock \"2\"", {t}).run();
  ASSERT_EQ(d.findings.size(), 2U);
  EXPECT_NE(d.findings[0].where.visible, d.findings[1].where.visible);
}

TEST(Detect, ThreatsAreJudgedApart) {
  Threat a = file_threat("bad"), b = file_threat("bad");
  b.id = "T-2";
  b.kind = "malware";
  Detected d = DetectText("file /x \"bad\"", {a, b}).run();
  ASSERT_EQ(d.findings.size(), 2U);
  EXPECT_NE(d.findings[0].id, d.findings[1].id);
}

TEST(Detect, TheSameImageGivesTheSameFindings) {
  auto text = "file /a \"bad\"\nfile /b \"bad\"\nlayer\nfile /c \"bad\"\nwhiteout /a";
  auto ids = [&] {
    std::string out;
    for (const Finding& f : DetectText(text, {file_threat("bad")}).run().findings) out += f.id + " ";
    return out;
  };
  EXPECT_EQ(ids(), ids());
}

std::string owned(const std::string& files, const std::string& sums) {
  return "file /var/lib/dpkg/status |\n  Package: p\n  Status: install ok installed\n  Version: 1\nfile /var/lib/dpkg/info/p.md5sums |\n" + sums + files;
}

TEST(Integrity, AChangedFileIsToldOncePerPackageAndLayer) {
  std::string sums =
      "  900150983cd24fb0d6963f7d28e17f72  a\n  900150983cd24fb0d6963f7d28e17f72  b\n  900150983cd24fb0d6963f7d28e17f72  c\n  900150983cd24fb0d6963f7d28e17f72 "
      " gone\n";
  Finding f = DetectText(owned("file /a \"abc\"\nfile /b \"changed\"\nfile /c \"changed too\"\n", sums)).one();
  EXPECT_EQ(f.kind, FindingKind::integrity);
  EXPECT_EQ(f.severity, Severity::info);
  EXPECT_EQ(f.where.path, "/b");
  EXPECT_THAT(f.evidence, testing::SizeIs(2));
  EXPECT_THAT(f.title, HasSubstr("2 files"));
  EXPECT_EQ(DetectText(owned("file /a 0755 \"x\"\n", sums)).one().severity, Severity::medium);
  EXPECT_EQ(DetectText(owned("file /a \"#!/bin/sh\\n\"\n", sums)).one().severity, Severity::medium);
  EXPECT_THAT(DetectText(owned("file /a \"x\"\nlayer\nfile /b \"x\"\n", sums)).run().findings, testing::SizeIs(2));
}

TEST(Integrity, GeneratedAndConfigurationFilesMayChange) {
  EXPECT_THAT(DetectText(owned("file /usr/x.pyc \"x\"\n", "  900150983cd24fb0d6963f7d28e17f72  usr/x.pyc\n")).run().findings, IsEmpty());
  EXPECT_THAT(DetectText("file /var/lib/dpkg/status |\n  Package: p\n  Status: install ok installed\n  Version: 1\n  Conffiles:\n   /etc/p "
                         "900150983cd24fb0d6963f7d28e17f72\nfile /etc/p \"x\"\n")
                  .run()
                  .findings,
              IsEmpty());
}

TEST(Integrity, AFileThatAnotherOwnerRecordedAsItIsIsNone) {
  std::string two =
      "file /var/lib/dpkg/status |\n  Package: p\n  Status: install ok installed\n  Version: 1\n  \n  Package: q\n  Status: install ok installed\n  Version: "
      "1\n"
      "file /var/lib/dpkg/info/p.md5sums |\n  d41d8cd98f00b204e9800998ecf8427e  a\nfile /var/lib/dpkg/info/q.md5sums |\n  900150983cd24fb0d6963f7d28e17f72  "
      "a\nfile /a \"abc\"\n";
  EXPECT_THAT(DetectText(two).run().findings, IsEmpty());
}

TEST(Detect, AWhiteoutIsNoFileOfASuspectedPath) {
  Threat t = file_threat("bad");
  t.paths = {{"tmp/*.sock", "its socket"}};
  EXPECT_THAT(DetectText("file /x\nlayer\nwhiteout /tmp/a.sock", {t}).run().findings, IsEmpty());
  Finding f = DetectText("file /tmp/a.sock \"\"\nlayer\nwhiteout /tmp/a.sock", {t}).one();
  EXPECT_EQ(f.where.path, "/tmp/a.sock");
}

}  // namespace
}  // namespace careen
