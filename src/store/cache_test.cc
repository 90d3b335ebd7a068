// The cache is given every poison that a test can think of: whatever stands in the file, facts are right or not there.
#include "store/cache.h"

#include <gmock/gmock.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "../../tests/support/image_text.h"
#include "../../tests/support/scratch_folder.h"
#include "../../tests/support/sqlite_text.h"

namespace careen {
namespace {

namespace fs = std::filesystem;

Digest blob_of(const std::string& name) {
  return digest_of(as_bytes("blob " + name));
}

Sha256 patterns_of(const std::string& name) {
  return sha256_of(as_bytes(name));
}

LayerFacts layer(const std::string& name, size_t files = 3) {
  test::TarMaker tar;
  for (size_t i = 0; i < files; ++i) tar.file("usr/" + name + std::to_string(i), name);
  tar.file("etc/os-release", "ID=" + name + "\n");
  tar.file("bin/" + name, test::make_elf({}), 0755);
  LayerFacts f = *test::collect_tar(tar.text());
  f.pattern_set = patterns_of("p");
  f.hits.push_back({"usr/" + name, {"t/p", 7}});
  f.coverage.push_back({Question::reachability, CoverageState::partly, "x", "y"});
  return f;
}

struct Cache {
  test::ScratchFolder folder;
  std::shared_ptr<LayerCache> open() const { return LayerCache::open(folder.path()); }
  std::string file() const { return folder / "layers-v3.sqlite"; }
  void sql(const std::string& text) const { ASSERT_EQ(test::run_sql(file(), text), ""); }
};

std::shared_ptr<LayerFacts> get(LayerCache& c, const LayerFacts& f, bool* needs = nullptr) {
  bool unused = false;
  return c.facts(f.diff_id, patterns_of("p"), needs != nullptr ? needs : &unused);
}

std::vector<std::string> paths_of(const FileTable& t) {
  std::vector<std::string> out;
  FileRecord r;
  FileCursor c(t);
  while (c.next(r)) out.push_back(r.path + " " + (r.sha256 ? to_hex(r.sha256->data(), r.sha256->size()) : ""));
  EXPECT_FALSE(c.damaged());
  return out;
}

TEST(LayerCache, GivesBackWhatWasPut) {
  Cache c;
  LayerFacts f = layer("a", 3000);
  c.open()->put(blob_of("a"), 1234, f);
  auto again = c.open();
  auto blob = again->blob(blob_of("a"));
  ASSERT_TRUE(blob);
  EXPECT_EQ(blob->diff_id, f.diff_id);
  EXPECT_EQ(blob->size, 1234U);
  bool needs = true;
  auto g = get(*again, f, &needs);
  ASSERT_NE(g, nullptr);
  EXPECT_FALSE(needs);
  EXPECT_EQ(g->diff_id, f.diff_id);
  EXPECT_EQ(g->size, f.size);
  EXPECT_EQ(g->files.size(), f.files.size());
  EXPECT_EQ(paths_of(g->files), paths_of(f.files));
  EXPECT_EQ(g->elf.size(), 1U);
  EXPECT_EQ(g->texts.at(0).text, f.texts.at(0).text);
  EXPECT_EQ(g->coverage, f.coverage);
  EXPECT_EQ(g->hits.at(0).hit.offset, 7U);
}

TEST(LayerCache, WhatIsNotThereIsNotThere) {
  Cache c;
  auto cache = c.open();
  EXPECT_FALSE(cache->blob(blob_of("a")));
  EXPECT_FALSE(cache->blob({}));
  EXPECT_EQ(get(*cache, layer("a")), nullptr);
  EXPECT_EQ(cache->status().layers, 0U);
  EXPECT_TRUE(cache->status().usable);
}

TEST(LayerCache, WithoutAFolderItRemembersNothing) {
  auto cache = LayerCache::open("");
  cache->put(blob_of("a"), 1, layer("a"));
  EXPECT_FALSE(cache->blob(blob_of("a")));
  EXPECT_EQ(get(*cache, layer("a")), nullptr);
  EXPECT_FALSE(cache->status().usable);
  EXPECT_EQ(cache->prune(0), 0U);
}

TEST(LayerCache, AFolderThatCannotBeMadeIsACacheThatRemembersNothing) {
  Cache c;
  std::ofstream(c.folder / "file") << "x";
  auto cache = LayerCache::open(c.folder / "file/below");
  cache->put(blob_of("a"), 1, layer("a"));
  EXPECT_FALSE(cache->blob(blob_of("a")));
}

TEST(LayerCache, FactsWithoutADiffIdAreNotKept) {
  Cache c;
  LayerFacts f = layer("a");
  f.diff_id = {};
  auto cache = c.open();
  cache->put(blob_of("a"), 1, f);
  EXPECT_FALSE(cache->blob(blob_of("a")));
  EXPECT_EQ(cache->status().layers, 0U);
}

TEST(LayerCache, AnotherPatternSetNeedsAnotherSearch) {
  Cache c;
  auto cache = c.open();
  LayerFacts f = layer("a");
  cache->put(blob_of("a"), 1, f);
  bool needs = false;
  auto g = cache->facts(f.diff_id, patterns_of("q"), &needs);
  ASSERT_NE(g, nullptr);
  EXPECT_TRUE(needs);
  EXPECT_TRUE(g->hits.empty());
  EXPECT_EQ(g->pattern_set, patterns_of("q"));
  g->hits.push_back({"x", {"q/1", 1}});
  cache->put_hits(*g);
  g = cache->facts(f.diff_id, patterns_of("q"), &needs);
  EXPECT_FALSE(needs);
  EXPECT_EQ(g->hits.at(0).hit.id, "q/1");
  EXPECT_EQ(get(*cache, f)->hits.at(0).hit.id, "t/p");
}

// Poison: after each statement nothing but the right facts, or none, may come back.
TEST(LayerCache, PoisonedRowsAreAsIfTheyWereNotThere) {
  const std::string a = layer("a").diff_id.text(), b = layer("b").diff_id.text();
  const std::string poisons[] = {
      "UPDATE layer SET body=x'00' WHERE part='core'",
      "UPDATE layer SET body=x'' WHERE part='files'",
      "UPDATE layer SET body=zeroblob(100000)",
      "UPDATE layer SET body=substr(body,1,length(body)-1)",
      "UPDATE layer SET sum=x'00'",
      "UPDATE layer SET sum=''",
      "UPDATE layer SET collectors=collectors+1",
      "DELETE FROM layer WHERE part='files'",
      "DELETE FROM layer WHERE part='core'",
      "UPDATE layer SET body=(SELECT body FROM layer x WHERE x.diff_id='" + b +
          "' AND x.part=layer.part),"
          " sum=(SELECT sum FROM layer x WHERE x.diff_id='" +
          b + "' AND x.part=layer.part) WHERE diff_id='" + a + "'",
      "DELETE FROM layer WHERE diff_id='" + a + "'; UPDATE layer SET diff_id='" + a + "' WHERE diff_id='" + b + "'",
      "UPDATE layer SET part='x' WHERE part='core'; UPDATE layer SET part='core' WHERE part='files'",
      "DELETE FROM piece",
      "UPDATE piece SET body=x'00'",
      "UPDATE piece SET body=substr(body,1,length(body)-1)",
      "UPDATE piece SET body=(SELECT body FROM piece x WHERE x.id<>piece.id)",
      "UPDATE piece_name SET name=name||x'00'",
      "DELETE FROM piece_name",
      "UPDATE piece SET id=id+10",
      "UPDATE piece SET id=-id; UPDATE piece SET id=3+id",
  };
  for (const std::string& poison : poisons) {
    Cache c;
    LayerFacts f = layer("a");
    {
      auto cache = c.open();
      cache->put(blob_of("a"), 1, f);
      cache->put(blob_of("b"), 1, layer("b"));
    }
    c.sql(poison);
    auto cache = c.open();
    EXPECT_EQ(get(*cache, f), nullptr) << poison;
    cache->put(blob_of("a"), 1, f);
    auto g = get(*cache, f);
    ASSERT_NE(g, nullptr) << poison;
    EXPECT_EQ(g->texts.at(0).text, "ID=a\n");
  }
}

TEST(LayerCache, PoisonedHitsAreSearchedAgain) {
  Cache c;
  LayerFacts f = layer("a");
  c.open()->put(blob_of("a"), 1, f);
  c.sql("UPDATE layer SET body=x'00' WHERE part LIKE 'hits:%'");
  bool needs = false;
  auto cache = c.open();
  auto g = get(*cache, f, &needs);
  ASSERT_NE(g, nullptr);
  EXPECT_TRUE(needs);
}

TEST(LayerCache, ABlobUnderAWrongKeyLeadsNowhere) {
  const std::string a = blob_of("a").text(), b = blob_of("b").text();
  for (const std::string& poison :
       {"UPDATE blob SET diff_id='" + layer("b").diff_id.text() + "' WHERE digest='" + a + "'",
        "DELETE FROM blob WHERE digest='" + a + "'; UPDATE blob SET digest='" + a + "' WHERE digest='" + b + "'", std::string("UPDATE blob SET size=size+1"),
        std::string("UPDATE blob SET diff_id='sha256:x'"), std::string("UPDATE blob SET sum=x''"), std::string("UPDATE blob SET diff_id=''"),
        std::string("UPDATE blob SET size=-1")}) {
    Cache c;
    {
      auto cache = c.open();
      cache->put(blob_of("a"), 1, layer("a"));
      cache->put(blob_of("b"), 1, layer("b"));
    }
    c.sql(poison);
    EXPECT_FALSE(c.open()->blob(blob_of("a"))) << poison;
  }
}

TEST(LayerCache, FactsOfOtherCollectorsAreCollectedAnew) {
  Cache c;
  LayerFacts f = layer("a");
  c.open()->put(blob_of("a"), 1, f);
  c.sql("UPDATE layer SET collectors=" + std::to_string(kCollectors - 1));
  EXPECT_EQ(get(*c.open(), f), nullptr);
}

bool set_aside(const Cache& c) {
  for (const auto& e : fs::directory_iterator(c.folder.path()))
    if (e.path().filename().string().find(".damaged-") != std::string::npos) return true;
  return false;
}

TEST(LayerCache, ADamagedFileIsSetAsideAndBegunAnew) {
  for (const std::string& garbage :
       {std::string("no database at all, but text of some length"), std::string(8192, 'x'), std::string("SQLite format 3\0", 16) + std::string(4096, '\xff')}) {
    Cache c;
    std::ofstream(c.file(), std::ios::binary) << garbage;
    auto cache = c.open();
    cache->put(blob_of("a"), 1, layer("a"));
    EXPECT_NE(get(*cache, layer("a")), nullptr);
    EXPECT_TRUE(set_aside(c));
  }
}

TEST(LayerCache, AFileOfAnotherSchemaIsSetAside) {
  Cache c;
  c.open()->put(blob_of("a"), 1, layer("a"));
  c.sql("PRAGMA user_version=99");
  auto cache = c.open();
  EXPECT_TRUE(cache->status().usable);
  EXPECT_EQ(cache->status().layers, 0U);
  EXPECT_TRUE(set_aside(c));
}

TEST(LayerCache, TablesOfAnotherShapeAreAnEmptyCache) {
  Cache c;
  c.open();
  c.sql("DROP TABLE layer; DROP TABLE blob; CREATE TABLE layer(x); CREATE VIEW blob AS SELECT 1 AS digest");
  auto cache = c.open();
  cache->put(blob_of("a"), 1, layer("a"));
  EXPECT_EQ(get(*cache, layer("a")), nullptr);
  EXPECT_FALSE(cache->blob(blob_of("a")));
}

TEST(LayerCache, BytesFlippedAnywhereGiveRightFactsOrNone) {
  Cache c;
  LayerFacts f = layer("a", 200);
  c.open()->put(blob_of("a"), 1, f);
  c.sql("PRAGMA wal_checkpoint(TRUNCATE)");
  std::string whole;
  {
    std::ifstream in(c.file(), std::ios::binary);
    whole.assign(std::istreambuf_iterator<char>(in), {});
  }
  ASSERT_GT(whole.size(), 4096U);
  for (size_t at = 0; at < whole.size(); at += 509) {
    Cache d;
    std::string bad = whole;
    bad[at] = static_cast<char>(bad[at] ^ 0x55);
    std::ofstream(d.file(), std::ios::binary) << bad;
    auto cache = d.open();
    auto g = get(*cache, f);
    EXPECT_TRUE(!g || g->texts.at(0).text == "ID=a\n") << at;
    auto b = cache->blob(blob_of("a"));
    EXPECT_TRUE(!b || b->diff_id == f.diff_id) << at;
    d.open()->prune(1);  // damage that is met in a transaction
  }
}

TEST(LayerCache, DropsTheLayersUsedLongestAgo) {
  Cache c;
  LayerFacts a = layer("a"), b = layer("b");
  auto cache = c.open();
  cache->put(blob_of("a"), 1, a);
  cache->put(blob_of("b"), 1, b);
  c.sql("UPDATE layer SET used=CASE diff_id WHEN '" + a.diff_id.text() + "' THEN 1000 ELSE 2000 END");
  uint64_t all = cache->status().bytes;
  EXPECT_EQ(cache->prune(all), 0U);
  EXPECT_EQ(cache->prune(all - 1), 1U);
  EXPECT_EQ(get(*cache, a), nullptr);
  EXPECT_FALSE(cache->blob(blob_of("a")));
  EXPECT_NE(get(*cache, b), nullptr);
  EXPECT_EQ(cache->prune(0), 1U);
  EXPECT_EQ(cache->status().layers, 0U);
  EXPECT_EQ(cache->status().blobs, 0U);
}

TEST(LayerCache, LayersShareWhatTheyHaveInCommon) {
  Cache c;
  LayerFacts a = layer("a", 3000), b = a;
  b.diff_id = digest_of(as_bytes("another"));
  FileRecord more;
  more.path = "zz/only-here";
  b.files.add(more);
  auto cache = c.open();
  cache->put(blob_of("a"), 1, a);
  uint64_t one = cache->status().bytes;
  cache->put(blob_of("b"), 1, b);
  EXPECT_LT(cache->status().bytes, one * 11 / 10);
  c.sql("UPDATE layer SET used=CASE diff_id WHEN '" + a.diff_id.text() + "' THEN 1000 ELSE 2000 END");
  EXPECT_EQ(cache->prune(cache->status().bytes - 1), 1U);
  EXPECT_EQ(get(*cache, a), nullptr);
  auto kept = get(*cache, b);
  ASSERT_NE(kept, nullptr) << "what was shared stays for the other";
  EXPECT_EQ(paths_of(kept->files), paths_of(b.files));
  EXPECT_EQ(cache->prune(0), 1U);
  EXPECT_EQ(cache->status().bytes, 0U);
}

TEST(LayerCache, ALongLayerComesBackWhole) {
  Cache c;
  LayerFacts f;
  f.diff_id = digest_of(as_bytes("long"));
  f.pattern_set = patterns_of("p");
  for (int i = 0; i < 200'000; ++i) {
    FileRecord r;
    r.path = "folder-" + std::to_string(i / 30) + "/file-" + std::to_string(i);
    r.sha256 = sha256_of(as_bytes(r.path));
    f.files.add(r);
  }
  auto cache = c.open();
  cache->put(blob_of("long"), 1, f);
  auto g = get(*cache, f);
  ASSERT_NE(g, nullptr);
  EXPECT_EQ(paths_of(g->files), paths_of(f.files));
  auto copy = LayerCache::open(c.folder / "other");
  ASSERT_TRUE(copy->copy_layer(*cache, f.diff_id));
  g = get(*copy, f);
  ASSERT_NE(g, nullptr);
  EXPECT_EQ(paths_of(g->files), paths_of(f.files));
}

TEST(LayerCache, ReadingALayerIsUsingIt) {
  Cache c;
  LayerFacts a = layer("a"), b = layer("b");
  auto cache = c.open();
  cache->put(blob_of("a"), 1, a);
  cache->put(blob_of("b"), 1, b);
  c.sql("UPDATE layer SET used=CASE diff_id WHEN '" + a.diff_id.text() + "' THEN 1000 ELSE 2000 END");
  ASSERT_NE(get(*cache, a), nullptr);
  cache->prune(cache->status().bytes - 1);
  EXPECT_NE(get(*cache, a), nullptr);
}

TEST(LayerCache, SeveralThreadsShareOne) {
  Cache c;
  auto cache = c.open();
  std::vector<LayerFacts> all;
  for (int i = 0; i < 4; ++i) all.push_back(layer("t" + std::to_string(i)));
  std::vector<std::thread> threads;
  for (size_t i = 0; i < all.size(); ++i)
    threads.emplace_back([&, i] {
      for (int k = 0; k < 5; ++k) {
        cache->put(blob_of(std::to_string(i)), i, all[i]);
        EXPECT_NE(get(*cache, all[i]), nullptr);
      }
    });
  for (auto& t : threads) t.join();
  EXPECT_EQ(cache->status().layers, 4U);
}

TEST(LayerCache, SeveralProcessesShareOneFileAndOneIsKilledInTheMiddle) {
  Cache c;
  LayerFacts facts[] = {layer("p0"), layer("p1"), layer("p2")};
  std::vector<pid_t> children;
  std::array<int, 2> pipe{};
  ASSERT_EQ(::pipe(pipe.data()), 0);
  for (int i = 0; i < 3; ++i) {
    pid_t pid = ::fork();
    ASSERT_GE(pid, 0);
    if (pid == 0) {
      auto cache = c.open();
      for (int k = 0; i == 2 || k < 10; ++k) {  // the last goes on until it is killed
        cache->put(blob_of("p" + std::to_string(i)), 1, facts[i]);
        if (k == 1 && ::write(pipe[1], "x", 1) != 1) ::_exit(3);
        if (get(*cache, facts[i]) == nullptr) ::_exit(2);
      }
      ::_exit(0);
    }
    children.push_back(pid);
  }
  for (int i = 0; i < 3; ++i) {
    char x = 0;
    ASSERT_EQ(::read(pipe[0], &x, 1), 1);
  }
  ::kill(children[2], SIGKILL);
  for (int i = 0; i < 3; ++i) {
    int status = 0;
    ASSERT_EQ(::waitpid(children[static_cast<size_t>(i)], &status, 0), children[static_cast<size_t>(i)]);
    EXPECT_TRUE(i == 2 || (WIFEXITED(status) && WEXITSTATUS(status) == 0)) << status;
  }
  ::close(pipe[0]), ::close(pipe[1]);
  auto cache = c.open();
  for (const auto& f : facts) EXPECT_NE(get(*cache, f), nullptr);
  EXPECT_FALSE(set_aside(c));
}

}  // namespace
}  // namespace careen
