// What registries tell leads only to what the sources cover, whatever they say.
#include "fleet/follow.h"

#include <gmock/gmock.h>

#include <thread>

#include "../../tests/support/fleet_images.h"

namespace careen {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

const std::string kDigest = "sha256:" + std::string(64, 'a');

RegistryEvent push(const std::string& host, const std::string& repository, const std::string& tag = "", const std::string& digest = kDigest) {
  return {false, host, repository, tag, digest};
}
RegistryEvent removal(const std::string& host, const std::string& repository) {
  return {true, host, repository, "", kDigest};
}

TEST(EventSource, APushByTagOrDigest) {
  for (const char* source : {"reg.example/", "reg.example/team/app", "registry:reg.example/team/app", "harbor:reg.example", "harbor:reg.example/team"}) {
    EXPECT_EQ(source_of_event(push("reg.example", "team/app", "v1"), {source}), "reg.example/team/app:v1") << source;
    EXPECT_EQ(source_of_event(push("reg.example", "team/app"), {source}), "reg.example/team/app@" + kDigest) << source;
    EXPECT_EQ(source_of_event(removal("reg.example", "team/app"), {source}), "reg.example/team/app") << source;
  }
}

TEST(EventSource, ADeletionAsksForNoMoreThanIsFollowed) {
  EXPECT_EQ(source_of_event(removal("reg.example", "team/app"), {"reg.example/team/app:v1.*"}), "reg.example/team/app:v1.*");
  EXPECT_EQ(source_of_event(removal("reg.example", "team/app"), {"reg.example/team/app:v1"}), "reg.example/team/app:v1");
  EXPECT_EQ(source_of_event(removal("reg.example", "../x"), {"reg.example/"}), "");
}

TEST(EventSource, WhatNoSourceCoversIsLeft) {
  for (const char* source : {"reg.example/team/other", "reg.example/team/app:v2*", "harbor:reg.example/tea", "/srv/images", "@list", "-", "docker:x",
                             "hub:team", "reg.example/team/app@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"})
    EXPECT_EQ(source_of_event(push("reg.example", "team/app", "v1"), {source}), "") << source;
  EXPECT_EQ(source_of_event(push("reg.example", "team/app", "v2.1"), {"reg.example/team/app:v2*"}), "reg.example/team/app:v2.1");
}

TEST(EventSource, ARegistryThatKnowsItselfByAnotherName) {
  EXPECT_EQ(source_of_event(push("registry-7f:5000", "team/app", "v1"), {"reg.example/"}), "reg.example/team/app:v1");
  EXPECT_EQ(source_of_event(push("", "team/app", "v1"), {"reg.example/"}), "reg.example/team/app:v1");
  EXPECT_EQ(source_of_event(push("registry-7f:5000", "team/app", "v1"), {"a.example/", "b.example/"}), "") << "it could be either";
  EXPECT_EQ(source_of_event(push("b.example", "team/app", "v1"), {"a.example/", "b.example/"}), "b.example/team/app:v1");
}

TEST(EventSource, NamesThatLeadElsewhere) {
  for (const char* repository :
       {"", "../x", "team/app@sha256:00", "team/app:v2", "Team/App", "team//app", "team/app?x=1", "team/app/", "/team", "team app", "a\nb"})
    EXPECT_EQ(source_of_event(push("reg.example", repository, "v1"), {"reg.example/"}), "") << repository;
  for (const char* tag : {"v1@sha256:00", "a/b", "a:b", "a b", "-x", "a\nb"})
    EXPECT_EQ(source_of_event(push("reg.example", "team/app", tag), {"reg.example/"}), "") << tag;
  for (const char* digest : {"", "sha256:zz", "latest", "sha256:"})
    EXPECT_EQ(source_of_event(push("reg.example", "team/app", "", digest), {"reg.example/"}), "") << digest;
  EXPECT_EQ(source_of_event(push("169.254.169.254", "latest/meta-data", "v1"), {"reg.example/team/app"}), "");
}

TEST(PendingEventsTest, EachReferenceOnce) {
  PendingEvents p({"reg.example/"});
  EXPECT_EQ(p.add({push("reg.example", "b", "1"), push("reg.example", "a", "1"), push("reg.example", "b", "1"), push("x", "../y", "1")}), 3U);
  bool everything = true;
  EXPECT_THAT(p.take(std::chrono::steady_clock::now(), &everything), ElementsAre("reg.example/a:1", "reg.example/b:1"));
  EXPECT_FALSE(everything);
  EXPECT_THAT(p.take(std::chrono::steady_clock::now(), &everything), IsEmpty());
}

TEST(PendingEventsTest, TooManyMeanEverything) {
  PendingEvents p({"reg.example/"});
  std::vector<RegistryEvent> many;
  for (size_t i = 0; i <= kMaxPending; ++i) many.push_back(push("reg.example", "r", "t" + std::to_string(i)));
  p.add(many);
  bool everything = false;
  EXPECT_EQ(p.take(std::chrono::steady_clock::now(), &everything).size(), kMaxPending);
  EXPECT_TRUE(everything);
  p.take(std::chrono::steady_clock::now(), &everything);
  EXPECT_FALSE(everything);
}

TEST(PendingEventsTest, AWaiterIsWoken) {
  PendingEvents p({"reg.example/"});
  std::thread other([&] { p.add({push("reg.example", "a", "1")}); });
  bool everything = false;
  EXPECT_THAT(p.take(std::chrono::steady_clock::now() + std::chrono::minutes(5), &everything), ElementsAre("reg.example/a:1"));
  other.join();
  std::thread waker([&] { p.wake(); });
  EXPECT_THAT(p.take(std::chrono::steady_clock::now() + std::chrono::minutes(5), &everything), IsEmpty());
  waker.join();
}

TEST(Follow, ListsAtOnceAndAgain) {
  test::Fleet fleet;
  std::string folder = fleet.layout("images", {{"a:1", "file /a \"a\""}});
  std::atomic<bool> stop{false};
  PendingEvents pending({folder});
  FollowOptions o;
  o.sources = {folder};
  o.every = std::chrono::seconds(0);
  o.options = [&] { return fleet.options(); };
  o.stop = &stop;
  std::vector<std::pair<std::string, size_t>> runs;
  o.on_run = [&](const std::string& what, const IndexSummary& s) {
    runs.emplace_back(what, s.images);
    if (runs.size() == 1) fleet.layout("images", {{"a:1", "file /a \"a\""}, {"b:1", "file /b \"b\""}});
    if (runs.size() == 3) stop = true;
  };
  ASSERT_TRUE(follow(*fleet.inventory, pending, o));
  EXPECT_THAT(runs, ElementsAre(testing::Pair("listed", 1U), testing::Pair("listed", 1U), testing::Pair("listed", 0U)));
  EXPECT_EQ(fleet.inventory->counts().images, 2U);
}

TEST(Follow, WhatIsToldIsNoCrawl) {
  test::Fleet fleet;
  std::string folder = fleet.layout("images", {{"a:1", "file /a \"a\""}});
  std::atomic<bool> stop{false};
  PendingEvents pending({folder, "127.0.0.1:1/"});
  FollowOptions o;
  o.sources = {folder};
  o.options = [&] { return fleet.options(); };
  o.stop = &stop;
  std::vector<std::string> runs;
  o.on_run = [&](const std::string& what, const IndexSummary& s) {
    runs.push_back(what + " " + std::to_string(s.failures.size()));
    if (runs.size() == 1) pending.add({push("127.0.0.1:1", "a", "1")});
    if (runs.size() == 2) stop = true;
  };
  ASSERT_TRUE(follow(*fleet.inventory, pending, o));
  EXPECT_THAT(runs, ElementsAre("listed 0", "told 1"));
  EXPECT_EQ(fleet.inventory->crawls().size(), 1U);
}

}  // namespace
}  // namespace careen
