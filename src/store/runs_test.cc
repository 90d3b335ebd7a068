#include "store/runs.h"

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <map>
#include <random>
#include <set>

#include "../../tests/support/scratch.h"

namespace careen {
namespace {

using Family = RunSet::Family;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr uint64_t kLastKey = (uint64_t{1} << kKeyBits) - 1;

std::vector<Posting> sorted(std::vector<Posting> p) {
  std::sort(p.begin(), p.end());
  p.erase(std::unique(p.begin(), p.end()), p.end());
  return p;
}

class RunsTest : public testing::Test {
 protected:
  sqlite3* open() const {
    sqlite3* db = nullptr;
    EXPECT_EQ(sqlite3_open((folder_ / "runs.sqlite").c_str(), &db), SQLITE_OK);
    sqlite3_busy_timeout(db, 10'000);
    EXPECT_EQ(sqlite3_exec(db, "PRAGMA journal_mode=WAL", nullptr, nullptr, nullptr), SQLITE_OK);
    EXPECT_EQ(sqlite3_exec(db, kRunSchemaSql, nullptr, nullptr, nullptr), SQLITE_OK);
    return db;
  }
  void sql(const std::string& text) { ASSERT_EQ(sqlite3_exec(db_, text.c_str(), nullptr, nullptr, nullptr), SQLITE_OK) << sqlite3_errmsg(db_); }
  int64_t number(const char* text) {
    SqlStatement s(db_, text);
    return s.row() ? s.number(0) : -1;
  }

  using Found = std::map<uint64_t, std::vector<int64_t>>;
  Found find(const std::vector<uint64_t>& keys, bool whole = true) {
    Found out;
    EXPECT_EQ(runs_.find(Family::files, keys, [&](uint64_t k, const std::vector<int64_t>& v) { EXPECT_TRUE(out.emplace(k, v).second) << "a key once"; }),
              whole);
    return out;
  }
  std::set<std::string> paths(const std::string& from = "", const std::string& to = "", bool whole = true, const std::string& part = "") {
    std::set<std::string> out;
    EXPECT_EQ(runs_.scan_paths(from, to, part, [&](const std::string& p) { return out.insert(p), true; }), whole);
    return out;
  }

  // Closed after the statements that runs_ keeps: a connection with one left is not closed at all.
  struct Connection {
    sqlite3* db;
    ~Connection() { EXPECT_EQ(sqlite3_close(db), SQLITE_OK); }
  };

  test::Scratch folder_;
  Connection connection_{open()};
  sqlite3* db_ = connection_.db;
  RunSet runs_{db_};
};

TEST_F(RunsTest, EmptyOnesAnswerNothing) {
  EXPECT_TRUE(runs_.add(Family::files, {}));
  EXPECT_TRUE(runs_.add({}));
  EXPECT_THAT(find({0, 1, kLastKey}), IsEmpty());
  EXPECT_THAT(find({}), IsEmpty());
  EXPECT_THAT(paths(), IsEmpty());
  EXPECT_TRUE(runs_.merge()) << "there is nothing to do";
  EXPECT_FALSE(runs_.merge_due());
  EXPECT_TRUE(runs_.merge_all());
  EXPECT_THAT(runs_.problems(), IsEmpty());
  EXPECT_EQ(number("SELECT count(*) FROM inv_run"), 0);
}

TEST_F(RunsTest, KeysAtBothEndsAndInEveryShardAreFound) {
  std::vector<Posting> all{{0, 0}, {0, 7}, {kLastKey, INT64_MAX}};
  for (uint64_t shard = 0; shard < kShards; ++shard)
    for (uint64_t k : {shard << (kKeyBits - 4), (shard << (kKeyBits - 4)) + 1, ((shard + 1) << (kKeyBits - 4)) - 1})
      all.push_back({k, static_cast<int64_t>(shard)});
  all = sorted(all);
  ASSERT_TRUE(runs_.add(Family::files, all));
  for (int merged = 0; merged < 2; ++merged) {
    std::vector<uint64_t> keys;
    Found want;
    for (const Posting& p : all) {
      if (keys.empty() || keys.back() != p.key) keys.push_back(p.key);
      want[p.key].push_back(p.value);
    }
    EXPECT_EQ(find(keys), want);
    EXPECT_THAT(find({2, kLastKey - 1}), IsEmpty());
    ASSERT_TRUE(runs_.merge_all());
    EXPECT_EQ(number("SELECT count(*) FROM inv_run WHERE level=0"), 0);
    EXPECT_EQ(number("SELECT count(DISTINCT shard) FROM inv_run"), kShards);
    EXPECT_THAT(runs_.problems(), IsEmpty());
  }
}

// Merges made beside the writing give what merges in place give.
TEST_F(RunsTest, MergedBesidesIsMergedTheSame) {
  RunSet besides(db_, folder_ / "runs.sqlite");
  std::mt19937_64 random(7);
  std::map<uint64_t, std::set<int64_t>> want;
  std::set<std::string> want_paths;
  size_t in_place = 0;
  for (int64_t layer = 1; layer <= 400; ++layer) {
    std::vector<Posting> p;
    std::vector<std::string> names;
    for (int i = 0; i < 20; ++i) p.push_back({random() % 997 << 40, layer}), names.push_back("p/" + std::to_string(random() % 500));
    p = sorted(p);
    std::sort(names.begin(), names.end());
    names.erase(std::unique(names.begin(), names.end()), names.end());
    for (const Posting& one : p) want[one.key].insert(one.value);
    want_paths.insert(names.begin(), names.end());
    sql("BEGIN IMMEDIATE");
    ASSERT_TRUE(besides.add(Family::files, p) && besides.add(names));
    sql("COMMIT");
    while (besides.merge_due()) {
      sql("BEGIN IMMEDIATE");
      in_place += besides.merge_begun();
      ASSERT_TRUE(besides.merge());
      sql("COMMIT");
    }
  }
  while (besides.merge_begun()) ASSERT_TRUE(besides.merge());
  EXPECT_GT(in_place, 4U);
  EXPECT_GT(number("SELECT count(*) FROM inv_run WHERE level>0"), 0);
  EXPECT_LT(number("SELECT count(*) FROM inv_run WHERE level=0"), 400);
  std::vector<uint64_t> keys;
  Found wanted;
  for (const auto& [k, v] : want) keys.push_back(k), wanted[k] = {v.begin(), v.end()};
  EXPECT_EQ(find(keys), wanted);
  EXPECT_EQ(paths(), want_paths);
  EXPECT_THAT(besides.problems(), IsEmpty());
}

// Another process merged the group meanwhile: what was made besides is of no use, and nothing is there twice.
TEST_F(RunsTest, WhatAnotherMergedIsNotPutInPlace) {
  RunSet besides(db_, folder_ / "runs.sqlite");
  for (int64_t layer = 1; layer <= 64; ++layer) ASSERT_TRUE(besides.add(Family::files, {{5, layer}}));
  ASSERT_TRUE(besides.merge_due());
  ASSERT_TRUE(besides.merge());
  ASSERT_TRUE(besides.merge_begun());
  ASSERT_TRUE(runs_.merge_all());
  int64_t runs = number("SELECT count(*) FROM inv_run");
  ASSERT_TRUE(besides.merge());
  EXPECT_EQ(number("SELECT count(*) FROM inv_run"), runs);
  EXPECT_THAT(find({5})[5], testing::SizeIs(64));
  EXPECT_THAT(runs_.problems(), IsEmpty());
}

// Everything that is added is found, at every state of the merging, against a plain map.
TEST_F(RunsTest, EqualAPlainMapWhateverIsMergedWhen) {
  for (unsigned seed : {1U, 2U, 3U}) {
    sql("DELETE FROM inv_run; DELETE FROM inv_block");
    std::mt19937_64 random(seed);
    std::map<uint64_t, std::set<int64_t>> want;
    std::set<std::string> want_paths;
    std::vector<uint64_t> known;
    for (int64_t layer = 1; layer <= 300; ++layer) {
      std::vector<Posting> p;
      std::set<std::string> some;
      for (uint64_t i = 0, n = random() % 60; i < n; ++i) {
        uint64_t key = !known.empty() && random() % 2 == 0 ? known[random() % known.size()] : random() & kLastKey;
        known.push_back(key);
        p.push_back({key, layer});
        want[key].insert(layer);
        some.insert("usr/share/" + std::string(random() % 30, 'x') + std::to_string(random() % 2000));
      }
      want_paths.insert(some.begin(), some.end());
      sql("BEGIN");
      ASSERT_TRUE(runs_.add(Family::files, sorted(p)));
      ASSERT_TRUE(runs_.add({some.begin(), some.end()}));
      sql("COMMIT");
      if (random() % 3 == 0)
        while (runs_.merge_due()) {
          sql("BEGIN");
          ASSERT_TRUE(runs_.merge());
          sql("COMMIT");
        }
      if (random() % 100 == 0) {
        ASSERT_TRUE(runs_.merge_all());
      }
      if (layer % 37 != 0) continue;
      std::set<uint64_t> asked{0, 5, kLastKey};
      for (int i = 0; i < 200; ++i) asked.insert(i % 2 == 0 ? known[random() % known.size()] : random() & kLastKey);
      Found expected;
      for (uint64_t k : asked)
        if (auto it = want.find(k); it != want.end()) expected[k] = {it->second.begin(), it->second.end()};
      ASSERT_EQ(find({asked.begin(), asked.end()}), expected) << "seed " << seed << " layer " << layer;
      ASSERT_EQ(paths(), want_paths);
      ASSERT_THAT(runs_.problems(), IsEmpty());
    }
    ASSERT_TRUE(runs_.merge_all());
    EXPECT_LE(number("SELECT count(*) FROM inv_run WHERE family=1"), kShards);
    EXPECT_EQ(number("SELECT sum(entries) FROM inv_run WHERE family=3"), static_cast<int64_t>(want_paths.size())) << "each path once";
  }
}

TEST_F(RunsTest, LevelsGrowAsTheirRunsGather) {
  for (int64_t layer = 0; layer < static_cast<int64_t>(kFanInFirst * kFanIn); ++layer) {
    std::vector<Posting> p;
    for (uint64_t i = 0; i < 40; ++i) p.push_back({(i * 0x9e3779b97f4a7c15 + static_cast<uint64_t>(layer)) & kLastKey, layer});
    ASSERT_TRUE(runs_.add(Family::files, sorted(p)));
    while (runs_.merge_due()) ASSERT_TRUE(runs_.merge());
    EXPECT_LT(number("SELECT count(*) FROM inv_run WHERE level=0"), static_cast<int64_t>(2 * kFanInFirst)) << "it is not looked for after each";
  }
  for (RunSet another(db_); another.merge_due();) ASSERT_TRUE(another.merge()) << "who opens the file looks at once";
  EXPECT_EQ(number("SELECT max(level) FROM inv_run"), 2);
  EXPECT_EQ(number("SELECT count(*) FROM inv_run"), kShards) << "all of them in one run a shard";
  EXPECT_EQ(number("SELECT sum(entries) FROM inv_run"), static_cast<int64_t>(kFanInFirst * kFanIn * 40));
}

// A file that every image has: its values pass a block's size, and stay in one block.
TEST_F(RunsTest, APopularKeyIsFoundWhole) {
  std::vector<Posting> p;
  for (int64_t v = 0; v < 50'000; ++v) p.push_back({77, v * 3});
  p.push_back({78, 1});
  p.push_back({76, 2});
  ASSERT_TRUE(runs_.add(Family::files, sorted(p)));
  for (int merged = 0; merged < 2; ++merged) {
    Found f = find({76, 77, 78});
    EXPECT_EQ(f[77].size(), 50'000U);
    EXPECT_EQ(f[77].back(), 149'997);
    EXPECT_THAT(f[76], ElementsAre(2));
    EXPECT_THAT(f[78], ElementsAre(1));
    ASSERT_TRUE(runs_.merge_all());
  }
}

TEST_F(RunsTest, FamiliesAreApart) {
  ASSERT_TRUE(runs_.add(Family::files, {{5, 1}}));
  ASSERT_TRUE(runs_.add(Family::names, {{5, 2}}));
  EXPECT_THAT(find({5})[5], ElementsAre(1));
  ASSERT_TRUE(runs_.merge_all());
  EXPECT_THAT(find({5})[5], ElementsAre(1));
}

TEST_F(RunsTest, PathsAreScannedWithinTheirBounds) {
  std::vector<std::string> all;
  for (int i = 0; i < 5000; ++i) all.push_back("d" + std::to_string(10'000 + i));
  all.push_back(std::string("z\xff\xff") + std::string(1, '\0') + "odd");
  std::sort(all.begin(), all.end());
  ASSERT_TRUE(runs_.add(all));
  for (int merged = 0; merged < 2; ++merged) {
    EXPECT_EQ(paths().size(), all.size());
    EXPECT_EQ(paths("d12", "d13").size(), 1000U);
    EXPECT_EQ(*paths("d12000", "").begin(), "d12000") << "a bound that is there";
    EXPECT_EQ(paths("d14999x", "z").size(), 0U);
    EXPECT_EQ(paths("z", "").size(), 1U);
    EXPECT_THAT(paths("", "d1"), IsEmpty());
    ASSERT_TRUE(runs_.merge_all());
  }
  size_t seen = 0;
  EXPECT_TRUE(runs_.scan_paths("", "", "", [&](const std::string&) { return ++seen < 10; }));
  EXPECT_EQ(seen, 10U) << "false ends it";
}

TEST_F(RunsTest, DamageIsToldAndNeverAnEmptyAnswer) {
  std::vector<Posting> p;
  for (uint64_t i = 0; i < 5000; ++i) p.push_back({i * 1'000'003, static_cast<int64_t>(i)});
  std::vector<std::string> names;
  for (int i = 0; i < 3000; ++i) names.push_back("p" + std::to_string(100'000 + i));
  ASSERT_TRUE(runs_.add(Family::files, p) && runs_.add(names));
  EXPECT_THAT(find({0}), testing::SizeIs(1));
  sql("UPDATE inv_block SET body=x'00' || substr(body,2) WHERE id=(SELECT min(id) FROM inv_block WHERE run=(SELECT id FROM inv_run WHERE family=1))");
  find({0}, false);
  EXPECT_THAT(find({4999 * 1'000'003ULL}), testing::SizeIs(1)) << "another block is whole";
  EXPECT_THAT(runs_.problems(), Contains(HasSubstr("damaged")));
  EXPECT_FALSE(runs_.merge_all()) << "and is not merged away";
  sql("UPDATE inv_block SET first=x'ffff' WHERE run=(SELECT id FROM inv_run WHERE family=3)  AND first=(SELECT min(first) FROM inv_block WHERE run=(SELECT id "
      "FROM inv_run WHERE family=3))");
  paths("", "", false);
  sql("DELETE FROM inv_block WHERE run=(SELECT id FROM inv_run WHERE family=3)");
  EXPECT_THAT(runs_.problems(), Contains(HasSubstr("lacks entries")));
  sql("DELETE FROM inv_run WHERE family=1");
  EXPECT_THAT(runs_.problems(), Contains(HasSubstr("belong to no run")));
  sql("DROP TABLE inv_block");
  find({0}, true);  // no run is left that would need it
}

TEST_F(RunsTest, AReaderSeesEverythingWhileAnotherMerges) {
  for (int64_t layer = 0; layer < 15; ++layer) ASSERT_TRUE(runs_.add(Family::files, {{static_cast<uint64_t>(layer), layer}, {1000, layer}}));
  pid_t writer = ::fork();
  if (writer == 0) {
    sqlite3* db = open();
    RunSet mine(db);
    bool ok = true;
    for (int64_t layer = 15; layer < 400; ++layer) {
      sqlite3_exec(db, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr);
      ok = ok && mine.add(Family::files, {{static_cast<uint64_t>(layer), layer}, {1000, layer}});
      while (mine.merge_due()) ok = ok && mine.merge();
      sqlite3_exec(db, "COMMIT", nullptr, nullptr, nullptr);
    }
    ::_exit(ok ? 0 : 1);
  }
  int status = 0;
  while (::waitpid(writer, &status, WNOHANG) == 0) {
    Found f = find({3, 1000});
    ASSERT_THAT(f[3], ElementsAre(3));
    for (size_t i = 0; i < f[1000].size(); ++i) ASSERT_EQ(f[1000][i], static_cast<int64_t>(i)) << "without a gap";
    ASSERT_GE(f[1000].size(), 15U);
  }
  EXPECT_EQ(status, 0);
  EXPECT_EQ(find({1000})[1000].size(), 400U);
}

TEST_F(RunsTest, AKillAtAnyMomentLosesNothing) {
  std::mt19937 random(7);
  int64_t next = 0;
  for (int round = 0; round < 12; ++round) {
    int acknowledged[2];
    ASSERT_EQ(::pipe(acknowledged), 0);
    pid_t child = ::fork();
    if (child == 0) {
      sqlite3* db = open();
      RunSet mine(db);
      for (int64_t layer = next;; ++layer) {
        sqlite3_exec(db, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr);
        mine.add(Family::files, {{static_cast<uint64_t>(layer) * 977 & kLastKey, layer}, {kLastKey, layer}});
        sqlite3_exec(db, "COMMIT", nullptr, nullptr, nullptr);
        if (::write(acknowledged[1], &layer, sizeof layer) != sizeof layer) ::_exit(1);
        sqlite3_exec(db, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr);
        while (mine.merge_due()) mine.merge();
        sqlite3_exec(db, "COMMIT", nullptr, nullptr, nullptr);
      }
    }
    ::close(acknowledged[1]);
    ::usleep(1000 + random() % 40'000);
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    for (int64_t layer = 0; ::read(acknowledged[0], &layer, sizeof layer) == sizeof layer;) next = layer + 1;
    ::close(acknowledged[0]);
    std::vector<int64_t> have = find({kLastKey})[kLastKey];
    ASSERT_GE(static_cast<int64_t>(have.size()), next);
    for (size_t i = 0; i < have.size(); ++i) ASSERT_EQ(have[i], static_cast<int64_t>(i));
    ASSERT_THAT(runs_.problems(), IsEmpty());
    next = static_cast<int64_t>(have.size());
  }
  EXPECT_GT(next, 50) << "the writers came to write";
}

TEST(RunBlocks, ComeBackAsTheyWere) {
  std::vector<Posting> p{{0, 0}, {0, 1}, {3, INT64_MAX}, {kLastKey, 5}, {UINT64_MAX, 9}}, back;
  ASSERT_TRUE(decode_postings(encode_postings(p.data(), p.size()), &back));
  EXPECT_EQ(back, p);
  std::vector<std::string> s{"", "a", "ab", "abc", "b", std::string("b\0c", 3), "c\xff"}, again;
  ASSERT_TRUE(decode_strings(encode_strings(s), &again));
  EXPECT_EQ(again, s);
}

TEST(RunBlocks, DamagedBytesAreRefused) {
  std::vector<Posting> p;
  for (uint64_t i = 0; i < 100; ++i) p.push_back({i * i * 77, static_cast<int64_t>(i)});
  std::vector<std::string> s{"etc/a", "etc/b/c", "usr/lib/x"};
  std::string postings = encode_postings(p.data(), p.size()), strings = encode_strings(s);
  auto in_order = [](const auto& v) { return std::is_sorted(v.begin(), v.end()) && std::adjacent_find(v.begin(), v.end()) == v.end(); };
  for (size_t n = 0; n < postings.size(); ++n) {
    std::vector<Posting> out;
    EXPECT_FALSE(decode_postings(std::string_view(postings).substr(0, n), &out)) << n;
    std::string bent = postings;
    bent[n] = static_cast<char>(bent[n] ^ 0x55);
    out.clear();
    decode_postings(bent, &out);
    EXPECT_TRUE(in_order(out)) << n;
  }
  for (size_t n = 0; n < strings.size(); ++n) {
    std::vector<std::string> out;
    EXPECT_FALSE(decode_strings(std::string_view(strings).substr(0, n), &out)) << n;
    std::string bent = strings;
    bent[n] = static_cast<char>(bent[n] ^ 0x55);
    out.clear();
    decode_strings(bent, &out);
    EXPECT_TRUE(in_order(out)) << n;
  }
  std::vector<Posting> out;
  EXPECT_FALSE(decode_postings("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", &out)) << "a count that the bytes cannot hold";
  EXPECT_FALSE(decode_postings(postings + "x", &out));
}

}  // namespace
}  // namespace careen
