
#include <algorithm>

#include "../../tests/support/feed_case.h"
#include "../../tests/support/feed_text.h"
#include "../../tests/support/scratch.h"
#include "base/text.h"
#include "feeds/import.h"
#include "feeds/readers.h"
#include "knowledge/match.h"

namespace careen {
namespace {

using test::component, test::part, test::red_hat, test::FeedCase, test::ranges, test::osv, test::OneRow;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Key;
using testing::SizeIs;
using testing::UnorderedElementsAre;

using Feeds = FeedCase;

// ---- OSV ----

TEST_F(Feeds, OsvIsRead) {
  OneRow r = one(R"({"id":"GHSA-aaaa-bbbb-cccc","modified":"2024-05-06T07:08:09Z","published":"2024-01-02T00:00:00Z","aliases":["CVE-2024-1"],
    "upstream":["U-1"],"related":["R-1"],"summary":"One line","details":"More",
    "severity":[{"type":"CVSS_V3","score":"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"},{"type":"CVSS_V3","score":"no vector"}],
    "references":[{"type":"WEB","url":"https://w.example"},{"type":"ADVISORY","url":"https://a.example"}],
    "database_specific":{"severity":"MODERATE"},
    "affected":[{"package":{"ecosystem":"PyPI","name":"Foo_Bar"},"versions":["1.0","1.1"],
      "ranges":[{"type":"ECOSYSTEM","events":[{"introduced":"0"},{"fixed":"1.2"}]},{"type":"GIT","events":[{"introduced":"0"}]}]}]})");
  EXPECT_EQ(r.source, "ghsa/pypi");
  EXPECT_EQ(r.row.family, "pypi");
  EXPECT_EQ(r.row.name, "foo-bar");
  EXPECT_EQ(ranges(r.row), "introduced 0, fixed 1.2");
  EXPECT_TRUE(r.row.other_ranges);
  EXPECT_THAT(r.advisory.aliases, ElementsAre("CVE-2024-1"));
  EXPECT_THAT(r.advisory.upstream, ElementsAre("U-1"));
  EXPECT_THAT(r.advisory.related, ElementsAre("R-1"));
  EXPECT_EQ(r.advisory.summary, "One line");
  EXPECT_EQ(r.advisory.published, "2024-01-02");
  EXPECT_EQ(r.advisory.modified, "2024-05-06");
  EXPECT_EQ(r.advisory.references.at(0), "https://a.example");
  ASSERT_THAT(r.advisory.severities, SizeIs(2));
  EXPECT_EQ(r.advisory.severities[0].word, Severity::medium);
  EXPECT_TRUE(r.advisory.severities[1].vector.starts_with("CVSS:3.1/"));
}

TEST_F(Feeds, WithdrawnRecordsOfOsvAreCountedAndNotKept) {
  take(osv("", R"("withdrawn":"2024-01-01T00:00:00Z",)"));
  EXPECT_TRUE(kept_.nothing());
  EXPECT_EQ(kept_.withdrawals["ghsa/npm"], 1U);
}

TEST_F(Feeds, MaliciousPackagesAreMalware) {
  OneRow r = one(osv(R"("ranges":[{"type":"SEMVER","events":[{"introduced":"0"}]}])", "", "MAL-2024-1"));
  EXPECT_EQ(r.advisory.kind, AdvisoryKind::malware);
  EXPECT_EQ(r.source, "mal/npm");
  EXPECT_EQ(one(osv(R"("versions":["1"])")).advisory.kind, AdvisoryKind::vulnerability);
}

TEST_F(Feeds, TheYearOneIsNoDate) {
  OneRow r = one(R"({"id":"GO-2024-1","modified":"0001-01-01T00:00:00Z","published":"2024-02-03T00:00:00Z","affected":[{"package":{"ecosystem":"Go",
    "name":"stdlib"},"ranges":[{"type":"SEMVER","events":[{"introduced":"1.21.0-0"},{"fixed":"1.21.5"}]}]}]})");
  EXPECT_EQ(r.advisory.modified, "2024-02-03");
  EXPECT_EQ(r.source, "go/go");
}

TEST_F(Feeds, RowsOfGoForOtherSystemsAloneAreNotTaken) {
  auto of = [](const std::string& imports) {
    return R"({"id":"GO-2024-1","modified":"2024-01-01T00:00:00Z","affected":[{"package":{"ecosystem":"Go","name":"a"},"ecosystem_specific":{"imports":)" +
           imports + R"(},"ranges":[{"type":"SEMVER","events":[{"introduced":"0"}]}]}]})";
  };
  for (const char* none : {R"([{"path":"x","goos":["windows"]}])", R"([{"path":"x","goos":["windows","darwin"]},{"path":"y","goos":["darwin"]}])"}) {
    kept_ = {};
    take(of(none));
    EXPECT_THAT(advisory("go/go").affected, IsEmpty()) << none;
  }
  for (const char* some : {R"([{"path":"x","goos":["windows","linux"]}])", R"([{"path":"x","goos":["windows"]},{"path":"y"}])", "[]", "7",
                           R"([{"path":"x","goos":[]}])", R"([{"path":"x","goos":"windows"}])"}) {
    kept_ = {};
    take(of(some));
    EXPECT_THAT(advisory("go/go").affected, SizeIs(1)) << some;
  }
}

TEST_F(Feeds, VersionsThatGoDoesNotKnowStandBeside) {
  OneRow r = one(R"({"id":"GO-2024-1","modified":"2024-01-01T00:00:00Z","affected":[{"package":{"ecosystem":"Go","name":"a"},"ecosystem_specific":
    {"custom_ranges":[{"type":"ECOSYSTEM","events":[{"introduced":"0"},{"fixed":"2.2.0"}]}]},"ranges":[{"type":"SEMVER","events":[{"introduced":"0"}]}]}]})");
  EXPECT_EQ(r.row.says, "by the versions that its users know: fixed in 2.2.0");
  EXPECT_EQ(ranges(r.row), "introduced 0") << "the range that counts";
}

TEST_F(Feeds, EachEcosystemOfARecordHasItsSource) {
  take(R"({"id":"CVE-2024-1","modified":"2024-01-01T00:00:00Z","affected":[
    {"package":{"ecosystem":"Debian:12","name":"a"},"ranges":[{"type":"ECOSYSTEM","events":[{"introduced":"0"}]}]},
    {"package":{"ecosystem":"npm","name":"a"},"versions":["1"]}]})");
  EXPECT_THAT(kept_.advisories, UnorderedElementsAre(Key("osv/debian"), Key("cve/npm")));
  EXPECT_EQ(advisory("osv/debian").affected.at(0).release, "bookworm");
}

TEST_F(Feeds, AWholeArrayOfOsvIsRead) {
  take("[" + osv(R"("versions":["1"])") + "," + osv(R"("versions":["2"])", "", "GHSA-dddd-eeee-ffff") + ",7,null,{}]");
  EXPECT_THAT(kept_.advisories["ghsa/npm"], SizeIs(2));
  EXPECT_THAT(kept_.problems["osv/unnamed"], SizeIs(3));
}

TEST_F(Feeds, ARangeWithoutEventsIsRefusedAndTheRestKept) {
  for (const char* events : {"[]", "7", "[{}]", "[7]", R"([{"fixed":"2"}])", R"([{"introduced":""}])", "{}"}) {
    kept_ = {};
    take(osv(R"("versions":["1.0"],"ranges":[{"type":"SEMVER","events":)" + std::string(events) + "}]"));
    EXPECT_EQ(ranges(advisory("ghsa/npm").affected.at(0)), "listed: 1.0") << events;
    EXPECT_THAT(kept_.problems["ghsa/npm"], SizeIs(1)) << events;
  }
}

// What cannot be read must never end as "every version is affected" without a word.
TEST_F(Feeds, VersionsThatCannotBeReadAreNotEveryVersion) {
  std::string huge(1 << 20, '1');
  for (const std::string& versions : {"[\"" + huge + "\"]", std::string("[7]"), std::string("\"1.0\""), std::string("[\"\"]"), std::string("[null]")}) {
    kept_ = {};
    take(osv("\"versions\":" + versions));
    for (const auto& [source, list] : kept_.advisories)
      for (const Advisory& a : list)
        for (const AffectedPackage& p : a.affected)
          EXPECT_NE(evaluate_row(p, "5.0.0", VersionOrder::semver).answer, Answer::affected) << versions.substr(0, 20) << ": " << ranges(p);
    EXPECT_THAT(kept_.problems["ghsa/npm"], SizeIs(1)) << versions.substr(0, 20);
  }
}

TEST_F(Feeds, AnEventThatCannotBeReadIsNotLeftOutOfItsRange) {
  std::string huge(1 << 20, '1');
  for (const std::string& fixed : {"\"" + huge + "\"", std::string("2"), std::string("null"), std::string("[\"2.0.0\"]"), std::string("\"\"")}) {
    kept_ = {};
    take(osv(R"("ranges":[{"type":"SEMVER","events":[{"introduced":"0"},{"fixed":)" + fixed + "}]}]"));
    EXPECT_THAT(kept_.problems["ghsa/npm"], SizeIs(1)) << fixed.substr(0, 20);
    for (const auto& [source, list] : kept_.advisories)
      EXPECT_NE(evaluate_row(list.at(0).affected.at(0), "5.0.0", VersionOrder::semver).answer, Answer::affected) << fixed.substr(0, 20);
  }
}

TEST_F(Feeds, ScoresAreRead) {
  take(R"({"catalogVersion":"1","vulnerabilities":[{"cveID":"CVE-2024-1","dateAdded":"2024-01-02","dueDate":"2024-01-03",
    "knownRansomwareCampaignUse":"Known"},{"cveID":"CVE-2024-2","dateAdded":"2024-01-02","knownRansomwareCampaignUse":"Unknown"},{"cveID":7}]})");
  take(
      "#model_version:v2025.03.14,score_date:2026-01-02T00:00:00+0000\ncve,epss,percentile\nCVE-2024-1,0.86007,0.99\nCVE-2024-2,1.00000,0\n"
      "CVE-2024-3,1.5,0.1\nCVE-2024-4,x,0.1\nnonsense\nCVE-2024-5,0.00043,0.08\r\n");
  ASSERT_THAT(kept_.scores["kev"], SizeIs(2));
  EXPECT_TRUE(kept_.scores["kev"][0].ransomware);
  EXPECT_FALSE(kept_.scores["kev"][1].ransomware);
  EXPECT_THAT(kept_.problems["kev"], SizeIs(1));
  ASSERT_THAT(kept_.scores["epss"], SizeIs(3));
  EXPECT_EQ(kept_.scores["epss"][0].epss, 86007U);
  EXPECT_EQ(kept_.scores["epss"][0].percentile, 99000U);
  EXPECT_EQ(kept_.scores["epss"][0].epss_date, "2026-01-02");
  EXPECT_EQ(kept_.scores["epss"][1].epss, 100000U);
  EXPECT_EQ(kept_.scores["epss"][2].epss, 43U);
  EXPECT_THAT(kept_.problems["epss"], SizeIs(3));
}

TEST_F(Feeds, CveRecordsAreRead) {
  take(R"({"dataType":"CVE_RECORD","cveMetadata":{"cveId":"CVE-2024-1","state":"PUBLISHED","datePublished":"2024-01-02T00:00:00Z"},"containers":{
    "cna":{"providerMetadata":{"shortName":"vendor"},"descriptions":[{"lang":"en","value":"What it is."}],
      "metrics":[{"cvssV3_1":{"baseSeverity":"HIGH","vectorString":"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H"}}]},
    "adp":[{"providerMetadata":{"shortName":"CISA-ADP"},"metrics":[{"other":{"type":"ssvc","content":{"options":[{"Exploitation":"active"},
      {"Automatable":"no"},{"Technical Impact":"total"}]}}},{"other":{"type":"kev","content":{"dateAdded":"2024-02-03"}}}]}]}})");
  take(R"({"dataType":"CVE_RECORD","cveMetadata":{"cveId":"CVE-2024-2","state":"REJECTED"}})");
  const Advisory& a = advisory("cve");
  EXPECT_EQ(a.summary, "What it is.");
  EXPECT_THAT(a.affected, IsEmpty());
  EXPECT_EQ(a.severities.at(0).rank, SeverityRank::cna);
  EXPECT_EQ(a.severities.at(0).word, Severity::high);
  const ExploitScore& s = kept_.scores["vulnrichment"].at(0);
  EXPECT_EQ(s.ssvc_exploitation, "active");
  EXPECT_EQ(s.ssvc_impact, "total");
  EXPECT_EQ(s.kev_added, "2024-02-03");
  EXPECT_EQ(kept_.withdrawals["cve"], 1U);
}

// ---- What is none, and what means harm ----

TEST_F(Feeds, WhatIsNoFeedIsAnError) {
  for (const char* text : {"", " \n\t", "\xef\xbb\xbf", "hello", "{}", "{\"a\":1}", "7", "\"x\"", "{\"id\":\"x\"}", "<html></html>", "{", "[",
                           "{\"document\":{}}", "%YAML", "{\"@context\":\"https://openvex.dev/ns\",\"author\":\"somebody\"}", "{\"a\":{\"b\":{}}}",
                           "{\"document\":{\"publisher\":{\"name\":\"x\"}},\"vulnerabilities\":[]}", "<?xml version=\"1.0\"?><updates>"}) {
    auto r = read(text);
    EXPECT_FALSE(r) << text;
    if (!r) {
      EXPECT_FALSE(r.error().what.empty());
      EXPECT_THAT(r.error().code, testing::AnyOf(Errc::corrupt, Errc::unsupported, Errc::truncated)) << text;
    }
  }
  EXPECT_TRUE(kept_.nothing());
}

// XML of another kind, as OVAL is, must not pass for a list of no updates.
TEST_F(Feeds, OtherXmlIsAnError) {
  EXPECT_FALSE(read("<?xml version=\"1.0\"?><oval_definitions><definitions/></oval_definitions>"));
  EXPECT_FALSE(read("<?xml version=\"1.0\"?><html><body>404</body></html>"));
  EXPECT_TRUE(read("<?xml version=\"1.0\"?><updates></updates>"));
}

TEST_F(Feeds, AByteOrderMarkIsNoHindrance) {
  take("\xef\xbb\xbf" + osv(R"("versions":["1"])"));
  take("\xef\xbb\xbf" + std::string("CVE-2024-1 (x)\n\t- a 1-1\n"));
  EXPECT_THAT(kept_.advisories, SizeIs(2));
}

TEST_F(Feeds, OfAKeyThatStandsTwiceTheFirstCounts) {
  OneRow r = one(R"({"id":"GHSA-1","id":"GHSA-2","modified":"2024-01-01T00:00:00Z","affected":[{"package":{"ecosystem":"npm","name":"a","name":"b"},
    "versions":["1"],"versions":["2"]}]})");
  EXPECT_EQ(r.advisory.id, "GHSA-1");
  EXPECT_EQ(r.row.name, "a");
  EXPECT_EQ(ranges(r.row), "listed: 1");
}

TEST_F(Feeds, DeepJsonIsRefusedAndTheReaderGoesOn) {
  FeedReader reader(kept_);
  for (size_t depth : {size_t{100}, size_t{100'000}, size_t{3'000'000}}) {
    auto r = reader.read("deep", std::string(depth, '['));
    ASSERT_FALSE(r) << depth;
    EXPECT_EQ(r.error().code, Errc::corrupt);
    EXPECT_FALSE(reader.read("deep", std::string(depth, '[') + std::string(depth, ']'))) << depth;
  }
  // A document that made the buffers grow does not lift the bound.
  EXPECT_TRUE(reader.read("long", osv(R"("versions":["1"])", R"("details":")" + std::string(4 << 20, 'x') + "\",")));
  std::string deep = R"({"id":"GHSA-x","modified":"x","affected":)" + std::string(kMaxJsonDepth + 1, '[') + std::string(kMaxJsonDepth + 1, ']') + "}";
  EXPECT_FALSE(reader.read("deep", deep));
  EXPECT_TRUE(reader.read("good", osv(R"("versions":["1"])")));
}

TEST_F(Feeds, DeepXmlAndYamlAreNoHarm) {
  std::string xml = "<updates>";
  for (int i = 0; i < 300'000; ++i) xml += "<update>";
  EXPECT_FALSE(read(xml));
  for (int i = 0; i < 300'000; ++i) xml += "</update>";
  (void)static_cast<bool>(read(xml + "</updates>"));
  for (std::string_view open : {"[", "{", "- ", "? "}) {
    std::string yaml = "distroversion: v3.5\npackages: \n  ";
    for (int i = 0; i < 100'000; ++i) yaml += open;
    (void)static_cast<bool>(read(yaml));
  }
  EXPECT_TRUE(kept_.nothing());
}

// Aliases of YAML say much in few bytes: a small file must not become millions of records.
TEST_F(Feeds, AliasesOfYamlDoNotMultiply) {
  std::string yaml = "distroversion: v3.5\nreponame: main\npackages:\n  - &p\n    pkg:\n      name: a\n      secfixes:\n        1-r0:\n";
  for (int i = 0; i < 300; ++i) yaml += "          - CVE-2016-" + std::to_string(1000 + i) + "\n";
  for (int i = 0; i < 300; ++i) yaml += "  - *p\n";
  (void)static_cast<bool>(read(yaml));
  EXPECT_LE(kept_.advisories["alpine/v3.5/main"].size(), yaml.size());
}

std::string with_nuls(std::string s) {
  std::replace(s.begin(), s.end(), '?', '\0');
  return s;
}

TEST_F(Feeds, NulsAndBytesThatAreNoUtf8AreRefusedOrHarmless) {
  EXPECT_FALSE(read(osv("\"versions\":[\"1\xff\"]")));
  EXPECT_FALSE(read(with_nuls("{\"id\":\"a?b\",\"modified\":\"\"}")));
  take(osv(R"("versions":["1\u0000"])"));
  EXPECT_THAT(kept_.advisories["ghsa/npm"], SizeIs(1));
  kept_ = {};
  take(osv("", "", "GHSA-\\u001b[2J"));  // an id is printed: it must be plain
  take(osv("", "", "GHSA-\\u202e"));
  EXPECT_TRUE(kept_.nothing());
  EXPECT_THAT(kept_.problems["osv/unnamed"], SizeIs(2));
  take(with_nuls("CVE-2024-1 (a?b \xff)\n\t- a? 1-1\n\t- \xfe 1-1\n?\n"));
  take(std::string("CVE-\xff (x)\n\t- a 1-1\n"));
  for (const Advisory& a : kept_.advisories["debian-cve-list"]) EXPECT_TRUE(is_plain(a.id));
}

TEST_F(Feeds, IdsHaveABound) {
  take(osv(R"("versions":["1"])", "", "GHSA-" + std::string(1 << 20, 'a')));
  take("CVE-" + std::string(1 << 20, '1') + " (x)\n\t- a 1-1\n");
  EXPECT_TRUE(kept_.nothing());
}

// Every value of every example in turn is replaced by one of another kind: whatever is read of it, nothing faults, and no id is unsafe.
TEST_F(Feeds, WrongTypesEverywhere) {
  const std::vector<std::string> examples{
      osv(R"("versions":["1"],"ranges":[{"type":"SEMVER","events":[{"introduced":"0"},{"fixed":"2"}]}],"severity":[{"type":"CVSS_V3","score":"x"}],
            "database_specific":{"cvss":"x","informational":"y","categories":["malicious"]},"ecosystem_specific":{"urgency":"low"})",
          R"("aliases":["CVE-1"],"references":[{"type":"WEB","url":"u"}],"database_specific":{"severity":"LOW"},)"),
      R"({"a":{"CVE-2024-1":{"description":"d","releases":{"sid":{"status":"open","fixed_version":"1","urgency":"low","nodsa":"x","nodsa_reason":"y"}}}}})",
      R"({"apkurl":"x","distroversion":"v3.19","reponame":"main","urlprefix":"u","packages":[{"pkg":{"name":"a","secfixes":{"1-r0":["CVE-2024-1"]}}}]})",
      R"({"catalogVersion":"1","vulnerabilities":[{"cveID":"CVE-2024-1","dateAdded":"2024-01-02","dueDate":"2024-01-03"}]})",
      R"({"dataType":"CVE_RECORD","cveMetadata":{"cveId":"CVE-2024-1","state":"PUBLISHED"},"containers":{"cna":{"providerMetadata":{"shortName":"v"},
          "descriptions":[{"lang":"en","value":"W"}],"metrics":[{"cvssV3_1":{"vectorString":"x"}}]},"adp":[{"metrics":[{"other":{"type":"ssvc",
          "content":{"options":[{"Exploitation":"active"}]}}}]}]}})",
      red_hat(component("a1", "pkg:rpm/redhat/a@1-1?arch=x86_64&epoch=1&rpmmod=a:1"), part("P9", "a1"), R"({"fixed":["P9:a1"]})"),
      R"({"@context":"https://openvex.dev/ns","author":"Canonical","statements":[{"vulnerability":{"name":"CVE-2024-1"},"status":"fixed",
          "products":[{"@id":"pkg:deb/ubuntu/a@1?arch=source&distro=jammy"}]}]})",
      R"({"Header":{"ID":"CVE-2024-1"},"Annotations":[{"Original":"- a 2-1"}]})"};
  const std::vector<std::string> others{"7", "-1e999", "null", "true", "[]", "{}", "\"\"", "[[[]]]", R"({"x":{"y":[1]}})", R"("\u0000\u001b%zz@:/?&=")"};
  FeedReader reader(kept_);
  for (const std::string& good : examples) {
    EXPECT_TRUE(reader.read("good", good)) << good;
    for (size_t at = 0; at < good.size(); ++at) {
      if (good[at] != ':' && good[at] != '[' && good[at] != ',') continue;
      size_t from = at + 1;
      while (from < good.size() && isspace(static_cast<unsigned char>(good[from])) != 0) ++from;
      size_t to = from;
      if (good[from] == '"') {
        to = good.find('"', from + 1) + 1;
      } else if (good[from] == '{' || good[from] == '[') {
        int depth = 0;
        for (to = from; to < good.size(); ++to) {
          depth += good[to] == '{' || good[to] == '[' ? 1 : good[to] == '}' || good[to] == ']' ? -1 : 0;
          if (depth == 0) break;
        }
        ++to;
      } else {
        continue;
      }
      for (const std::string& other : others)
        (void)static_cast<bool>(reader.read("bad", good.substr(0, from) + other + good.substr(std::min(to, good.size()))));
    }
  }
  for (const auto& [source, list] : kept_.advisories) {
    EXPECT_TRUE(is_plain(source)) << escape(source);
    for (const Advisory& a : list) EXPECT_TRUE(is_plain(a.id)) << escape(a.id);
  }
}

TEST_F(Feeds, LongNamesAndVersionsAreBounded) {
  std::string huge(1 << 20, '9');
  take("CVE-2024-1 (x)\n\t- " + huge + " 1-1\n\t- a " + huge + "\n\t[" + huge + "] - a 1-1\n");
  take(R"({"a":{"CVE-2024-1":{"releases":{"sid":{"status":"resolved","fixed_version":")" + huge + R"("}}}}})");
  take(osv(R"("versions":["1"])", R"("summary":")" + huge + "\","));
  for (const auto& [source, list] : kept_.advisories)
    for (const Advisory& a : list) {
      EXPECT_LE(a.summary.size(), kMaxSummary + 3) << source;
      for (const AffectedPackage& p : a.affected) {
        EXPECT_LE(p.name.size(), kMaxVersion) << source;
        EXPECT_LE(p.release.size(), kMaxVersion) << source;
        for (const VersionRange& r : p.ranges)
          for (const VersionEvent& e : r.events) EXPECT_LE(e.version.size(), kMaxVersion) << source;
      }
    }
}

TEST(ReadersShare, WordsDatesAndIds) {
  EXPECT_EQ(severity_word("Important"), Severity::high);
  EXPECT_EQ(severity_word(" MODERATE "), Severity::medium);
  EXPECT_EQ(severity_word("negligible"), Severity::info);
  EXPECT_EQ(severity_word("not yet assigned"), Severity::unknown);
  EXPECT_EQ(date_of("2024-01-02T03:04:05Z"), "2024-01-02");
  for (const char* bad : {"", "2024", "0001-01-01T00:00:00Z", "2024/01/02", "2024-1-2-3-4", "x024-01-02"}) EXPECT_EQ(date_of(bad), "") << bad;
  EXPECT_TRUE(is_cve("CVE-2024-3094"));
  for (const char* bad : {"", "CVE-2024-", "CVE-24-3094", "cve-2024-3094", "CVE-2024-3094x", "CVE-2024-3094 ", "CVE-2024-99999999999999999999999999999"})
    EXPECT_FALSE(is_cve(bad)) << bad;
  std::string cut = short_summary(std::string(299, 'x') + "\xc3\xa4\xc3\xa4\nsecond line");
  EXPECT_LE(cut.size(), kMaxSummary + 3);
  EXPECT_TRUE(is_plain(cut));
  EXPECT_EQ(short_summary("  one\ntwo"), "one");
}

}  // namespace
}  // namespace careen
