// Files, folders and archives into a database, and the real feeds.
#include <sys/resource.h>
#include <sys/stat.h>

#include <algorithm>

#include "../../tests/support/feed_text.h"
#include "../../tests/support/scratch.h"
#include "base/text.h"
#include "feeds/import.h"
#include "feeds/readers.h"
#include "knowledge/match.h"
#include "knowledge/threat_set.h"

namespace careen {
namespace {

using test::kCveList, test::osv;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using testing::UnorderedElementsAre;

// ---- Into a database ----

class Importing : public testing::Test {
 protected:
  ImportResult import(const std::vector<std::string>& paths) {
    auto r = import_feeds(database_, paths);
    EXPECT_TRUE(r) << (r ? "" : r.error().what);
    return r ? *std::move(r) : ImportResult{};
  }
  static const SourceInfo* find(const AdvisoryDb& db, const std::string& name) {
    for (const SourceInfo& s : db.sources())
      if (s.name == name) return &s;
    return nullptr;
  }
  std::shared_ptr<const AdvisoryDb> open() {
    auto db = AdvisoryDb::open(database_);
    EXPECT_TRUE(db) << (db ? "" : db.error().what);
    return db ? *db : nullptr;
  }
  test::Scratch folder_;
  std::string database_ = folder_ / "db/advisories.db";
};

TEST_F(Importing, AFolderOfManyKinds) {
  folder_.write("in/a.json", osv(R"("versions":["1"])"));
  folder_.write("in/b/cve.list", kCveList);
  folder_.write("in/b/readme.txt", "no feed at all");
  folder_.write("in/empty", "");
  folder_.write("in/.hidden", "not looked at");
  ImportResult r = import({folder_ / "in"});
  EXPECT_EQ(r.unknown, 2U);
  EXPECT_THAT(r.problems, Contains(HasSubstr("readme.txt")));
  auto db = open();
  EXPECT_NE(find(*db, "ghsa/npm"), nullptr);
  ASSERT_NE(find(*db, "debian-cve-list"), nullptr);
  EXPECT_EQ(find(*db, "debian-cve-list")->records, 2U);
  EXPECT_EQ(find(*db, "debian-cve-list")->withdrawn, 1U);
  EXPECT_TRUE(db->verify());
}

TEST_F(Importing, RecordsWithoutADateHaveTheDayTheyCameFirst) {
  auto seen = [&](const char* id) {
    std::string day = "not there";
    open()->each_record(id, [&](const SourceInfo&, Advisory&& a) { day = a.seen; });
    return day;
  };
  folder_.write("list", std::string(kCveList));
  import({folder_ / "list"});
  EXPECT_EQ(seen("CVE-2024-1"), "") << "it came with all the others: nobody knows how old it is";
  folder_.write("list", std::string(kCveList) + "CVE-2024-5 (New)\n\t- a <unfixed>\n");
  import({folder_ / "list"});
  EXPECT_EQ(seen("CVE-2024-1"), "");
  EXPECT_EQ(seen("CVE-2024-5").size(), 10U);
  std::string day = seen("CVE-2024-5");
  import({folder_ / "list"});
  EXPECT_EQ(seen("CVE-2024-5"), day);
  folder_.write("dated.json", osv(R"("versions":["1"])"));
  import({folder_ / "dated.json"});
  import({folder_ / "dated.json"});
  EXPECT_EQ(seen("GHSA-aaaa-bbbb-cccc"), "") << "it says its date itself";
}

TEST_F(Importing, ThreatRecordsAreKeptAsTheyCame) {
  std::string record = threat_skeleton("EXAMPLE-2026-1");
  folder_.write("in/one.yaml", record);
  folder_.write("in/bad.yaml", "schema: careen/threat/v1\nid: 7 8\n");
  ImportResult r = import({folder_ / "in"});
  EXPECT_EQ(r.unknown, 1U);
  auto threats = open()->threats();
  ASSERT_THAT(threats, SizeIs(1));
  EXPECT_EQ(threats[0].text, record);
  auto set = load_threats({{}, false, {}, {{threats[0].id, threats[0].text, false}}});
  ASSERT_TRUE(set) << set.error().what;
  EXPECT_NE(set->find(threats[0].id), nullptr);
  EXPECT_EQ(set->sources.back().count, 1U);
}

// A record by itself joins those that are there, in the place of the one of its id; a folder is the whole of its source.
TEST_F(Importing, ThreatRecordsOneByOneAreKeptTogether) {
  auto ids = [&] {
    std::vector<std::string> out;
    for (const StoredThreat& t : open()->threats()) out.push_back(t.id);
    return out;
  };
  std::string a = threat_skeleton("EXAMPLE-2026-1"), b = threat_skeleton("EXAMPLE-2026-2");
  folder_.write("a.yaml", a);
  folder_.write("b.yaml", b);
  import({folder_ / "a.yaml"});
  import({folder_ / "b.yaml"});
  EXPECT_THAT(ids(), UnorderedElementsAre("EXAMPLE-2026-1", "EXAMPLE-2026-2"));
  folder_.write("b.yaml", b + "\n# anew\n");
  import({folder_ / "a.yaml", folder_ / "b.yaml"});
  EXPECT_THAT(ids(), UnorderedElementsAre("EXAMPLE-2026-1", "EXAMPLE-2026-2"));
  for (const StoredThreat& t : open()->threats()) EXPECT_EQ(t.text.find("# anew") != std::string::npos, t.id == "EXAMPLE-2026-2");
  folder_.write("in/b.yaml", b);
  import({folder_ / "in"});
  EXPECT_THAT(ids(), ElementsAre("EXAMPLE-2026-2"));
}

TEST_F(Importing, WhatIsPackedIsReadAsWhatIsNot) {
  folder_.write("in/GHSA-1.json", osv(R"("versions":["1"])"));
  for (const auto& [name, command] : std::vector<std::pair<std::string, std::string>>{{"x.tar", "tar -C in -cf x.tar ."},
                                                                                      {"x.tar.gz", "tar -C in -czf x.tar.gz ."},
                                                                                      {"x.json.gz", "gzip -c in/GHSA-1.json > x.json.gz"},
                                                                                      {"x.json.xz", "xz -c in/GHSA-1.json > x.json.xz"}}) {
    ASSERT_TRUE(test::output_of("cd '" + folder_.path() + "' && " + command)) << command;
    std::filesystem::remove(database_);
    import({folder_ / name});
    ASSERT_NE(find(*open(), "ghsa/npm"), nullptr) << command;
    EXPECT_EQ(find(*open(), "ghsa/npm")->records, 1U) << command;
  }
}

TEST_F(Importing, AnErrorKeepsTheOldDatabase) {
  std::string good = folder_.write("good.json", osv(R"("versions":["1"])"));
  import({good});
  std::string before = test::slurp(database_);
  for (const std::string& bad : {std::string(), std::string("nonsense"), std::string("\x1f\x8b\x08 cut short"), std::string("PK\x03\x04 cut short")}) {
    std::string file = folder_.write("bad", bad);
    EXPECT_FALSE(import_feeds(database_, {good, file})) << escape(bad);
    EXPECT_EQ(test::slurp(database_), before);
  }
  EXPECT_FALSE(import_feeds(database_, {folder_ / "none"}));
}

// What is refused is told of its source, wherever in the feed it stands.
TEST_F(Importing, RefusedRecordsAreCountedWhereverTheyStand) {
  std::string head = "#score_date:2026-01-02\ncve,epss,percentile\n", good = "CVE-2024-1,0.1,0.2\n", bad = "nonsense\n";
  for (const std::string& lines : {good + bad, bad + good}) {
    std::filesystem::remove(database_);
    auto r = import_feeds(database_, {folder_.write("epss.csv", head + lines)});
    EXPECT_TRUE(r) << lines << (r ? "" : r.error().what);
    if (!r) continue;
    ASSERT_NE(find(*open(), "epss"), nullptr);
    EXPECT_EQ(find(*open(), "epss")->refused, 1U) << lines;
    EXPECT_EQ(find(*open(), "epss")->records, 1U);
  }
}

// Every ecosystem is a source of its own, and every source a file while it is written: a feed must not be able to use up all descriptors.
TEST_F(Importing, AFeedOfCountlessEcosystemsDoesNotKeepOutTheOthers) {
  std::string feed = "[" + osv(R"("versions":["1"])");
  for (int i = 0; i < 400; ++i)
    feed += R"(,{"id":"X-1","modified":"2024-01-01T00:00:00Z","affected":[{"package":{"ecosystem":"made up )" + std::to_string(i) +
            R"(","name":"a"},"versions":["1"]}]})";
  std::string file = folder_.write("feed.json", feed + "]");
  struct rlimit old {};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &old), 0);
  struct rlimit few = old;
  few.rlim_cur = 200;
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &few), 0);
  auto r = import_feeds(database_, {file});
  ::setrlimit(RLIMIT_NOFILE, &old);
  ASSERT_TRUE(r) << r.error().what;
  EXPECT_NE(find(*open(), "ghsa/npm"), nullptr);
}

TEST_F(Importing, ASourceIsReplacedAndTheOthersStay) {
  import({folder_.write("a.json", osv(R"("versions":["1"])")), folder_.write("l", kCveList)});
  import({folder_.write("a.json", osv(R"("versions":["2"])", "", "GHSA-dddd-eeee-ffff"))});
  auto db = open();
  EXPECT_EQ(find(*db, "debian-cve-list")->records, 2U);
  std::vector<std::string> ids;
  db->each_row("npm", "a", [&](AdvisoryDb::Row&& r) { ids.push_back(db->record(*r.source, r.record)->id); });
  EXPECT_THAT(ids, ElementsAre("GHSA-dddd-eeee-ffff"));
}

TEST_F(Importing, ARecordOfSeveralVulnerabilitiesFromFeedToMatch) {
  import({folder_.write("dsa", "[29 Mar 2023] DSA-5380-1 a - security update\n\t{CVE-2023-1 CVE-2023-2}\n\t[bullseye] - a 2-1+deb11u1\n"),
          folder_.write("l", kCveList)});
  PackageQuery q;
  q.family = "debian", q.releases = {"bullseye"}, q.names = {"a"}, q.version = "2-1";
  PackageMatches m = match_package(*open(), q);
  ASSERT_THAT(m.affected, SizeIs(2));  // of CVE-2024-1 bullseye is not affected
  EXPECT_EQ(m.affected[0].id, "CVE-2023-1");
}

TEST_F(Importing, AlpineFromFeedToMatch) {
  import({folder_.write("main.json", R"({"apkurl":"x","distroversion":"edge","reponame":"main","urlprefix":"u","packages":[{"pkg":{"name":"a","secfixes":{
    "0":["CVE-2024-1"],"1.0-r1":["CVE-2024-2"],"1.0-r5":["CVE-2024-2"]}}}]})")});
  PackageQuery q;
  q.family = "alpine", q.releases = {"edge"}, q.names = {"a"};
  auto ask = [&](const char* version) {
    q.version = version;
    return match_package(*open(), q);
  };
  ASSERT_THAT(ask("1.0-r0").affected, SizeIs(1));
  EXPECT_FALSE(ask("1.0-r0").affected[0].doubtful);
  ASSERT_THAT(ask("1.0-r3").affected, SizeIs(1));
  EXPECT_TRUE(ask("1.0-r3").affected[0].doubtful);
  EXPECT_THAT(ask("1.0-r5").affected, IsEmpty());
}

// ---- Real data, where they are at hand ----

class RealFeeds : public Importing {
 protected:
  void SetUp() override {
    std::string here = __FILE__;
    for (int i = 0; i < 4; ++i) here = std::string(dir_name(here));
    data_ = here + "/shared/data/";
  }
  std::string archive(const std::string& set) const { return data_ + set + "/" + set + ".tar.zst"; }
  bool there(const std::string& set) const {
    struct stat st {};
    return ::stat(archive(set).c_str(), &st) == 0;
  }
  uint64_t refused(const AdvisoryDb& db) {
    uint64_t n = 0;
    for (const SourceInfo& s : db.sources()) {
      n += s.refused;
      for (const std::string& p : s.problems) ADD_FAILURE() << s.name << ": " << p;
    }
    return n;
  }
  uint64_t records(const AdvisoryDb& db, const std::string& prefix) {
    uint64_t n = 0;
    for (const SourceInfo& s : db.sources())
      if (s.name.starts_with(prefix)) n += s.records + s.withdrawn;
    return n;
  }
  std::string data_;
};
#define NEEDS(set) \
  if (!there(set)) GTEST_SKIP() << archive(set) << " is not there"

TEST_F(RealFeeds, OsvIsReadWhole) {
  for (const auto& [set, source, files] : std::vector<std::tuple<std::string, std::string, uint64_t>>{
           {"osv-go", "go/go", 3220}, {"osv-rustsec", "rustsec/crates.io", 896}, {"osv-pypa", "pysec/pypi", 1962}, {"osv-almalinux", "osv/almalinux", 4274}}) {
    NEEDS(set);
    std::filesystem::remove(database_);
    ImportResult r = import({archive(set)});
    EXPECT_EQ(r.documents, files) << set;
    EXPECT_EQ(r.unknown, 0U) << set << ": " << (r.problems.empty() ? "" : r.problems[0]);
    EXPECT_EQ(refused(*open()), 0U) << set;
    EXPECT_EQ(records(*open(), source), files) << set;
    EXPECT_TRUE(open()->verify()) << set;
  }
}

TEST_F(RealFeeds, MixedRecordsOfOsvAreReadWhole) {
  NEEDS("osv-misc");
  ImportResult r = import({archive("osv-misc")});
  EXPECT_EQ(r.documents, 463U);
  EXPECT_EQ(r.unknown, 0U) << (r.problems.empty() ? "" : r.problems[0]);
  EXPECT_EQ(refused(*open()), 0U);
  EXPECT_TRUE(open()->verify());
}

TEST_F(RealFeeds, DistributionsAreReadWhole) {
  for (const char* set : {"alpine-secdb-edge", "alpine-secdb-2020", "debian-tracker-json-sample", "debian-security-support"}) {
    NEEDS(set);
    std::filesystem::remove(database_);
    ImportResult r = import({archive(set)});
    EXPECT_EQ(r.unknown, 0U) << set << ": " << (r.problems.empty() ? "" : r.problems[0]);
    EXPECT_EQ(refused(*open()), 0U) << set;
  }
  NEEDS("debian-tracker-2023");
  import({archive("debian-tracker-2023")});
  auto db = open();
  ASSERT_NE(find(*db, "debian-dsa-list"), nullptr);
  ASSERT_NE(find(*db, "debian-dla-list"), nullptr);
  EXPECT_EQ(refused(*db), 0U);
  EXPECT_GT(find(*db, "debian-dsa-list")->records + find(*db, "debian-dla-list")->records, 5000U);  // of 5406; the rest name no vulnerability
}

TEST_F(RealFeeds, ScoresAreReadWhole) {
  for (const char* set : {"kev", "epss", "vulnrichment-cve5"}) {
    NEEDS(set);
    ImportResult r = import({archive(set)});
    EXPECT_EQ(r.unknown, 0U) << set << ": " << (r.problems.empty() ? "" : r.problems[0]);
  }
  auto db = open();
  EXPECT_EQ(refused(*db), 0U);
  EXPECT_EQ(find(*db, "kev")->records, 1404U);
  EXPECT_EQ(find(*db, "epss")->records, 360142U);
  EXPECT_EQ(records(*db, "cve"), 3421U);
  auto s = db->score("CVE-2024-3094");
  ASSERT_TRUE(s);
  EXPECT_GT(s->epss, 80000U);
  EXPECT_EQ(s->kev_added, "");
}

// Each of the vendors' own samples that careen reads, by its ending; the folder holds others too.
TEST_F(RealFeeds, VendorsSamplesAreRead) {
  NEEDS("distro-native-fixtures");
  if (!test::output_of("tar --zstd -xf '" + archive("distro-native-fixtures") + "' -C '" + folder_.path() + "' 2>/dev/null"))
    GTEST_SKIP() << "tar cannot unpack it";
  std::map<std::string, size_t> read, failed;
  for (const auto& e : std::filesystem::recursive_directory_iterator(folder_ / "distro-native-fixtures")) {
    if (!e.is_regular_file()) continue;
    std::string path = e.path(), name = e.path().filename(), kind;
    if (path.find("invalid") != std::string::npos || path.find("corrupt") != std::string::npos) continue;
    if (path.find("redhat/vex") != std::string::npos && name.ends_with(".json") && name.starts_with("cve-")) kind = "redhat-vex";
    if (path.find("test-fixtures/vex/cve") != std::string::npos) kind = "ubuntu-vex";
    if (name.ends_with(".xml.gz") && name.starts_with("updateinfo")) kind = "amazon/";
    if (name.ends_with("updateinfo.xml.gz")) kind = "rocky linux/";
    if (name == "com.oracle.elsa-all.xml.bz2") kind = "oracle";
    if (kind.empty() || e.file_size() == 0) continue;
    std::filesystem::remove(database_);
    auto r = import_feeds(database_, {path});
    bool good = r && records(*open(), kind) > 0 && refused(*open()) == 0;
    ++(good ? read : failed)[kind];
    EXPECT_TRUE(good) << path << ": " << (r ? "" : r.error().what);
  }
  for (const char* kind : {"redhat-vex", "ubuntu-vex", "amazon/", "rocky linux/", "oracle"}) EXPECT_GT(read[kind], 0U) << kind;
}

}  // namespace
}  // namespace careen
