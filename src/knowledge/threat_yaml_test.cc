#include "base/text.h"
#include "knowledge/threat.h"

namespace careen {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr const char* kHead =
    "schema: careen/threat/v1\n"        // line 1
    "id: EX-1\n"                        // 2
    "title: An example\n"               // 3
    "kind: backdoor\n"                  // 4
    "severity: high\n"                  // 5
    "published: 2026-01-01\n"           // 6
    "updated: 2026-01-02\n"             // 7
    "sources: [https://example.org]\n"  // 8
    "description: d\n"                  // 9
    "impact: i\n"                       // 10
    "mitigation: m\n";                  // 11
const std::string kZero(64, '0');
const std::string kFiles = "indicators:\n  files:\n    - {digest: \"sha256:" + kZero + "\"}\n";  // 12 to 14

Threat good(const std::string& yaml) {
  auto t = parse_threat(yaml, "f.yaml");
  EXPECT_TRUE(t) << (t ? "" : t.error().what);
  return t ? *std::move(t) : Threat{};
}

// The mistake that is told, without the file's name.
std::string mistake(const std::string& yaml) {
  auto t = parse_threat(yaml, "f.yaml");
  if (t) return "accepted";
  EXPECT_EQ(t.error().code, Errc::usage);
  EXPECT_TRUE(t.error().what.starts_with("f.yaml:")) << t.error().what;
  return t.error().what.substr(std::min<size_t>(7, t.error().what.size()));
}
std::string replaced(std::string yaml, const std::string& from, const std::string& to) {
  size_t at = yaml.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return at == std::string::npos ? yaml : yaml.replace(at, from.size(), to);
}
std::string record() {
  return kHead + kFiles;
}
std::string with(const std::string& indicators) {
  return kHead + ("indicators:\n" + indicators);
}  // from line 13

TEST(ThreatRecord, IsRead) {
  Threat t = good(record());
  EXPECT_EQ(t.id, "EX-1");
  EXPECT_EQ(t.title, "An example");
  EXPECT_EQ(t.severity, Severity::high);
  EXPECT_FALSE(t.exploited);
  EXPECT_EQ(t.updated, "2026-01-02");
  EXPECT_THAT(t.sources, ElementsAre("https://example.org"));
  ASSERT_THAT(t.files, SizeIs(1));
  EXPECT_EQ(t.files[0].digest.text(), "sha256:" + kZero);
  EXPECT_FALSE(t.files[0].severity);
}

TEST(ThreatRecord, MayHoldEveryKindOfIndicator) {
  Threat t = good(with("  manifests: [{digest: " + kZero +
                       ", note: n}]\n"
                       "  layers: [{digest: \"sha256:" +
                       kZero +
                       "\", files: [/usr/lib/x, usr/lib/y]}]\n"
                       "  files: [{digest: " +
                       kZero +
                       ", severity: low}]\n"
                       "  versions: [{type: rpm, packages: [a], distributions: [fedora], architectures: [x86_64], from: 1, before: 2, "
                       "except: [\"*x*\"], content: [/a/*]}]\n"
                       "  patterns: [{id: p1, bytes: \"01 02 03 04\"}, {id: p2, bytes: \"01 02 03 05\", in: any}]\n"
                       "  windows: [{id: w, anchor: \"01 02 03 04\", alignment: 16, length: 99, sha256: " +
                       kZero +
                       "}]\n"
                       "  rules: [{id: r, all: [p1, w], note: n}, {id: s, any: [p2], severity: info, confidence: suspected}]\n"
                       "  structure: [ifunc-slot-call, tls-import]\n"
                       "  paths: [{glob: /tmp/.x/*, note: n}]\n") +
                  "conditions: {architectures: [amd64], programs: [/usr/sbin/sshd], says: s}\nexploited: true\naliases: [EX-2]\n");
  EXPECT_THAT(t.manifests, SizeIs(1));
  EXPECT_THAT(t.layers.at(0).files, ElementsAre("usr/lib/x", "usr/lib/y"));
  EXPECT_EQ(t.files.at(0).severity, Severity::low);
  EXPECT_EQ(t.versions.at(0).type, PackageType::rpm);
  EXPECT_EQ(t.versions.at(0).from, "1");
  EXPECT_EQ(t.versions.at(0).to, "");
  EXPECT_EQ(t.versions.at(0).before, "2");
  EXPECT_THAT(t.versions.at(0).content, ElementsAre("a/*"));
  ASSERT_THAT(t.patterns, SizeIs(3));
  EXPECT_EQ(t.patterns[0].id, "EX-1/p1");
  EXPECT_FALSE(t.patterns[0].any_file);
  EXPECT_TRUE(t.patterns[1].any_file);
  EXPECT_EQ(t.patterns[2].window, 99U);
  EXPECT_EQ(t.patterns[2].alignment, 16U);
  ASSERT_THAT(t.rules, SizeIs(2));
  EXPECT_THAT(t.rules[0].all, ElementsAre("EX-1/p1", "EX-1/w"));
  EXPECT_FALSE(t.rules[0].suspected);
  EXPECT_TRUE(t.rules[1].suspected);
  EXPECT_EQ(t.rules[1].severity, Severity::info);
  EXPECT_THAT(t.structure, ElementsAre("ifunc-slot-call", "tls-import"));
  EXPECT_EQ(t.paths.at(0).glob, "tmp/.x/*");
  EXPECT_THAT(t.conditions.programs, ElementsAre("usr/sbin/sshd"));
  EXPECT_TRUE(t.exploited);
  EXPECT_THAT(t.aliases, ElementsAre("EX-2"));
}

TEST(ThreatMistake, InTheHeadIsToldWithLineAndExpectation) {
  struct Case {
    const char *from, *to, *line, *expected;
  };
  for (const Case& c : std::initializer_list<Case>{
           {"careen/threat/v1", "careen/threat/v2", "1:", "expected careen/threat/v1"},
           {"id: EX-1", "id: EX 1", "2:", "expected letters, digits, - _ and ."},
           {"id: EX-1", "id: \"\"", "2:", "'id' is empty"},
           {"id: EX-1", "id: [a]", "2:", "expected a text"},
           {"title: An example", "titel: An example", "3:", "unknown key 'titel' in the record; expected one of aliases, conditions"},
           {"title: An example", "id: twice", "3:", "stands twice"},
           {"title: An example\n", "", "1:", "'title' is missing"},
           {"kind: backdoor", "kind: bad", "4:", "expected backdoor or malware"},
           {"severity: high", "severity: High", "5:", "expected critical, high, medium, low or info"},
           {"2026-01-01", "1 January", "6:", "expected a date as 2024-03-29"},
           {"2026-01-02", "2026-1-2", "7:", "expected a date as 2024-03-29"},
           {"sources: [https://example.org]", "sources: []", "1:", "expected where the facts come from"},
           {"sources: [https://example.org]", "sources: text", "8:", "'sources': expected a list"},
           {"sources: [https://example.org]", "sources: [[a]]", "8:", "expected a list of texts"},
           {"impact: i", "impact: \" \"", "10:", "'impact' is empty"},
           {"mitigation: m", "mitigation: m\nexploited: perhaps", "12:", "expected true or false"},
           {"mitigation: m", "mitigation: m\naliases:", "12:", "'aliases'"},
       }) {
    std::string m = mistake(replaced(record(), c.from, c.to));
    EXPECT_TRUE(m.starts_with(c.line)) << m << " for " << c.to;
    EXPECT_THAT(m, HasSubstr(c.expected)) << c.to;
  }
}

TEST(ThreatMistake, InAnIndicatorIsToldWithLineAndExpectation) {
  const std::string pattern = "  patterns:\n    - {id: p, bytes: \"01 02 03 04\"}\n";  // lines 13 and 14
  const std::string window = "  windows:\n    - {id: w, anchor: \"01 02 03 04\", length: 64, sha256: " + kZero + "}\n";
  const std::string version = "  versions:\n    - {type: deb, packages: [a], from: 1}\n";
  struct Case {
    std::string yaml, line, expected;
  };
  for (const Case& c : std::initializer_list<Case>{
           {"", "12:", "indicators"},
           {"  {}\n", "", "at least one"},
           {"  file: []\n", "13:", "unknown key 'file' in indicators"},
           {"  files: {}\n", "13:", "'files': expected a list"},
           {"  files: [text]\n", "13:", "files: expected a mapping"},
           {"  files:\n    - {note: n}\n", "14:", "'digest' is missing"},
           {"  files:\n    - {digest: abc}\n", "14:", "expected sha256: and 64 hex digits"},
           {"  files:\n    - {digest: \"md5:" + std::string(32, '0') + "\"}\n", "14:", "expected sha256: and 64 hex digits"},
           {"  files:\n    - {digest: " + kZero + ", severity: grave}\n", "14:", "expected critical"},
           {"  layers:\n    - {digest: " + kZero + ", files: [/]}\n", "14:", "expected a path or a glob"},
           {"  manifests:\n    - {digest: " + kZero + ", tag: x}\n", "14:", "unknown key 'tag' in manifests"},
           {replaced(version, "deb", "dep"), "14:", "expected deb, rpm, apk or alpm"},
           {replaced(version, ", packages: [a]", ""), "14:", "expected a list of package names"},
           {replaced(version, ", from: 1", ""), "14:", "at least one of from, to, before"},
           {replaced(version, "from: 1", "to: 1, before: 2"), "14:", "exclude each other"},
           {replaced(pattern, "01 02 03 04", "01 02 03"), "14:", "4 bytes in a row"},
           {replaced(pattern, "01 02 03 04", "01 02 03 0x"), "14:", "'0x'"},
           {replaced(pattern, "01 02 03 04", "01 02 03 0"), "14:", "two hex digits"},
           {replaced(pattern, "id: p", "id: P!"), "14:", "lower-case letters"},
           {replaced(pattern, "}", ", in: text}"), "14:", "expected elf or any"},
           {pattern + "    - {id: p, bytes: \"01 02 03 05\"}\n", "15:", "stands twice"},
           {replaced(window, "01 02 03 04", "01 02 03 04 ??"), "14:", "an anchor has no wild bytes"},
           {replaced(window, "length: 64", "length: 3"), "14:", "shorter than the anchor"},
           {replaced(window, "length: 64", "length: 0"), "14:", "expected a number from 1 to"},
           {replaced(window, "length: 64", "length: 99999999999"), "14:", "expected a number from 1 to"},
           {replaced(window, ", length: 64", ""), "14:", "'length' is missing"},
           {replaced(window, "length: 64", "alignment: -1, length: 64"), "14:", "expected a number from 1 to"},
           {replaced(window, kZero, "sha512:" + kZero + kZero), "14:", "expected 64 hex digits"},
           {pattern + "  rules:\n    - {id: r, all: [q]}\n", "16:", "no pattern or window has the id 'q'"},
           {pattern + "  rules:\n    - {id: r}\n", "16:", "expected one of 'all' and 'any'"},
           {pattern + "  rules:\n    - {id: r, all: [p], any: [p]}\n", "16:", "expected one of 'all' and 'any'"},
           {pattern + "  rules:\n    - {id: r, any: [p], confidence: sure}\n", "16:", "expected confirmed or suspected"},
           {pattern + "  structure: [ifunc]\n", "15:", "expected ifunc-slot-call, ifunc-reach, ifunc-store or tls-import"},
           {"  paths:\n    - {glob: \"\"}\n", "14:", "'glob' is empty"},
       }) {
    std::string m = mistake(with(c.yaml));
    EXPECT_TRUE(m.starts_with(c.line)) << m << "\nfor " << c.yaml;
    EXPECT_THAT(m, HasSubstr(c.expected)) << c.yaml;
  }
}

// Every file has a SHA-256 and no other digest: a record of another would never match, and nobody would see it.
TEST(ThreatMistake, AFileOfAnotherDigestIsTold) {
  std::string sha512 = "\"sha512:" + kZero + kZero + "\"";
  std::string m = mistake(with("  files:\n    - {digest: " + kZero + "}\n    - {digest: " + sha512 + "}\n"));
  EXPECT_TRUE(m.starts_with("15:")) << m;
  EXPECT_THAT(m, HasSubstr("sha256"));
  EXPECT_THAT(good(with("  manifests:\n    - {digest: " + sha512 + "}\n")).manifests, SizeIs(1)) << "a manifest may be known by it";
  EXPECT_THAT(good(with("  layers:\n    - {digest: " + sha512 + "}\n")).layers, SizeIs(1));
}

TEST(ThreatMistake, AGlobAmongTheFilesOfALayerIsTold) {
  for (const char* glob : {"**/y", "usr/lib/*.so", "usr/lib/liblzma.so.?", "usr/lib/[a-z].so"}) {
    std::string m = mistake(with("  layers:\n    - {digest: " + kZero + ", files: [usr/lib/x, \"" + std::string(glob) + "\"]}\n"));
    EXPECT_TRUE(m.starts_with("14:")) << m << " for " << glob;
    EXPECT_THAT(m, HasSubstr(glob));
    EXPECT_THAT(m, HasSubstr("expected the path of one file"));
  }
}

TEST(ThreatMistake, OfYamlItselfIsToldWithItsLine) {
  EXPECT_THAT(mistake(kHead + std::string("indicators: [\n")), HasSubstr("not valid YAML"));
  EXPECT_TRUE(mistake("schema: a: b\n").starts_with("1:"));
  EXPECT_TRUE(mistake("schema: x\n\tid: y\n").starts_with("2:")) << mistake("schema: x\n\tid: y\n");
}

TEST(ThreatMistake, ARecordThatIsNoMappingIsTold) {
  for (const char* yaml : {"", "# nothing\n", "text\n", "[a, b]\n", "null\n"}) {
    std::string m = mistake(yaml);
    EXPECT_TRUE(m.starts_with("1:")) << "'" << yaml << "': " << m;
    EXPECT_THAT(m, HasSubstr("expected a mapping")) << yaml;
  }
}

TEST(ThreatMistake, WithoutIndicatorsIsTold) {
  EXPECT_THAT(mistake(kHead), HasSubstr("'indicators' is missing"));
}

TEST(ThreatMistake, TheNameOfTheFileAndWhatItSaysAreEscaped) {
  auto t = parse_threat(replaced(record(), "kind: backdoor", "kind\x1b[31m: x"), "f\n.yaml");
  ASSERT_FALSE(t);
  EXPECT_EQ(t.error().what, escape(t.error().what));
}

TEST(ThreatRecord, AnchorsAndAliasesAreNotAllowed) {
  for (const char* list : {"aliases: &a [x]\n", "aliases:\n- &a x\n", "aliases: [&a x]\n", "aliases:  &a [x]\n", "aliases: [x, *a]\n"})
    EXPECT_NE(mistake(record() + list), "accepted") << list;
  EXPECT_EQ(mistake(replaced(record(), "description: d", "description: \"this & that\"")), "accepted");
}

TEST(ThreatRecord, NestingAndSizeAreBounded) {
  EXPECT_THAT(mistake(record() + "aliases: " + std::string(20'000, '[') + "\n"), HasSubstr("not valid YAML"));
  EXPECT_THAT(mistake(record() + "#" + std::string(9 << 20, 'x')), HasSubstr("8 MiB"));
}

TEST(ThreatRecord, TheSkeletonIsARecord) {
  Threat t = good(threat_skeleton("EX-2026-1"));
  EXPECT_EQ(t.id, "EX-2026-1");
  EXPECT_THAT(t.files, SizeIs(1));
}

TEST(ThreatRecord, TheCommentedPartsOfTheSkeletonAreGoodToo) {
  std::string all, text = threat_skeleton("EX-2026-1");
  each_line(text, [&](std::string_view line) {
    size_t at = line.find_first_not_of(' ');
    std::string s(line);
    if (at == 2 && line[at] == '#' && line.size() > 3 && line[3] != ' ')
      s.erase(2, 1);
    else if (at == 2 && line.starts_with("  #  "))
      s.erase(2, 1);
    all += s + "\n";
    return true;
  });
  Threat t = good(all);
  EXPECT_THAT(t.manifests, SizeIs(1));
  EXPECT_THAT(t.versions, SizeIs(1));
  EXPECT_THAT(t.patterns, SizeIs(2));
  EXPECT_THAT(t.rules, SizeIs(1));
  EXPECT_THAT(t.paths, SizeIs(1));
}

TEST(Severity, IsReadAndWritten) {
  for (Severity s : {Severity::info, Severity::low, Severity::medium, Severity::high, Severity::critical}) EXPECT_EQ(parse_severity(to_text(s)), s);
  EXPECT_FALSE(parse_severity("unknown"));
  EXPECT_FALSE(parse_severity(""));
}

}  // namespace
}  // namespace careen
