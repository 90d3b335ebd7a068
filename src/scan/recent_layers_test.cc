#include "scan/recent_layers.h"

#include <gtest/gtest.h>

#include <string>

namespace careen {
namespace {

Digest digest(int n) {
  return digest_of(as_bytes(std::to_string(n)));
}

std::shared_ptr<LayerFacts> layer(int n, size_t files = 0) {
  auto f = std::make_shared<LayerFacts>();
  f->diff_id = digest(n);
  FileRecord r;
  for (size_t i = 0; i < files; ++i) {
    r.path = "f" + std::to_string(i);
    f->files.add(r);
  }
  return f;
}

TEST(RecentLayers, AreFoundByWhatTheyAre) {
  RecentLayers recent;
  auto f = layer(1);
  recent.keep(f);
  EXPECT_EQ(recent.find(digest(1), {}), f);
  EXPECT_EQ(recent.find(digest(2), {}), nullptr);
}

TEST(RecentLayers, SearchedForOtherPatternsAreNotTaken) {
  RecentLayers recent;
  recent.keep(layer(1));
  Sha256 others{};
  others[0] = 1;
  EXPECT_EQ(recent.find(digest(1), others), nullptr);
}

TEST(RecentLayers, TheLatestFactsOfALayerCount) {
  RecentLayers recent;
  recent.keep(layer(1));
  auto again = layer(1);
  recent.keep(again);
  EXPECT_EQ(recent.find(digest(1), {}), again);
}

TEST(RecentLayers, TheOneUsedLongestAgoGoesFirst) {
  RecentLayers recent;
  const size_t third = kRecentFiles / 3;
  for (int n : {1, 2, 3}) recent.keep(layer(n, third));
  ASSERT_TRUE(recent.find(digest(1), {}));
  recent.keep(layer(4, third));
  EXPECT_FALSE(recent.find(digest(2), {}));
  for (int n : {1, 3, 4}) EXPECT_TRUE(recent.find(digest(n), {})) << n;
}

TEST(RecentLayers, OneThatIsTooLongDrivesNoneOut) {
  RecentLayers recent;
  recent.keep(layer(1));
  recent.keep(layer(2, kRecentFiles + 1));
  EXPECT_TRUE(recent.find(digest(1), {}));
  EXPECT_FALSE(recent.find(digest(2), {}));
}

TEST(RecentLayers, WhatPackagesSayCountsToo) {
  RecentLayers recent;
  recent.keep(layer(1));
  auto long_list = layer(2);
  long_list->databases.emplace_back().text.assign(kRecentFiles * 201, 'x');
  recent.keep(long_list);
  EXPECT_TRUE(recent.find(digest(1), {}));
  EXPECT_FALSE(recent.find(digest(2), {}));
}

TEST(RecentLayers, ManySmallOnesAreBoundedToo) {
  RecentLayers recent;
  for (int n = 0; n < 1000; ++n) recent.keep(layer(n));
  EXPECT_FALSE(recent.find(digest(0), {}));
  EXPECT_TRUE(recent.find(digest(999), {}));
  int kept = 0;
  for (int n = 0; n < 1000; ++n) kept += recent.find(digest(n), {}) != nullptr ? 1 : 0;
  EXPECT_EQ(kept, 200);
}

}  // namespace
}  // namespace careen
