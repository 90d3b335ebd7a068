// An image is built on another when the other's layers are its first: the nearest base, what stands on it, and what to rebuild.
#include "fleet/lineage.h"

#include <gmock/gmock.h>

#include <filesystem>

#include "../../tests/support/fleet_images.h"
#include "../../tests/support/scratch_folder.h"
#include "../../tests/support/store_place.h"

namespace careen {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;
using Id = Inventory::Id;

class LineageTest : public testing::Test {
 protected:
  LineageTest() {
    auto i = Inventory::open(place_.text(), Inventory::Mode::write);
    if (i) inventory_ = std::move(*i);
    for (const char* l : {"a", "b", "c", "d", "x"}) {
      LayerFacts f;
      f.diff_id = digest_of(as_bytes(l));
      EXPECT_TRUE(inventory_->add_layer(f, 1));
    }
    add("base", "a"), add("mid", "ab"), add("top", "abc"), add("higher", "abcd"), add("side", "ax"), add("apart", "x"), add("turned", "ba"), add("empty", "");
  }
  // An image whose layers are these letters.
  Id add(const std::string& name, const std::string& layers, std::map<std::string, std::string> labels = {}, const std::string& created = "") {
    StoredImage s;
    s.digest = digest(name);
    s.platform = "linux/amd64";
    for (char c : layers) s.layers.push_back(c == '?' ? Digest{} : digest_of(as_bytes(std::string(1, c))));
    s.labels = std::move(labels);
    s.created = created;
    EXPECT_TRUE(inventory_->add_image(s, 1));
    EXPECT_TRUE(inventory_->see("host/" + name, "v1", s.digest, 1));
    names_[*inventory_->image_id(s.digest)] = name;
    return *inventory_->image_id(s.digest);
  }
  static std::string digest(const std::string& name) { return digest_of(as_bytes("manifest " + name)).text(); }
  Id id(const std::string& name) { return *inventory_->image_id(digest(name)); }
  Lineage of(const std::string& name) {
    auto l = lineage_of(*inventory_, digest(name));
    EXPECT_TRUE(l && l->size() == 1) << name;
    return l && !l->empty() ? l->front() : Lineage{};
  }
  std::vector<std::string> named(const std::vector<Relative>& list) {
    std::vector<std::string> out;
    for (const Relative& r : list) out.push_back(names_[r.id] + (r.base != 0 ? "<" + names_[r.base] : ""));
    return out;
  }
  std::vector<std::string> roots(const std::vector<std::string>& of) {
    std::vector<Id> ids;
    for (const auto& n : of) ids.push_back(id(n));
    std::vector<std::string> out;
    for (const Root& r : roots_of(*inventory_, ids)) out.push_back(names_[r.id] + "+" + std::to_string(r.carries));
    return out;
  }

  test::ScratchFolder scratch_;
  test::StorePlace place_{scratch_ / "fleet.sqlite"};
  std::unique_ptr<Inventory> inventory_;
  std::map<Id, std::string> names_;
};

TEST_F(LineageTest, AncestorsTheNearestFirst) {
  EXPECT_THAT(named(of("higher").ancestors), ElementsAre("top", "mid", "base"));
  EXPECT_THAT(named(of("mid").ancestors), ElementsAre("base"));
  EXPECT_THAT(named(of("base").ancestors), IsEmpty());
  EXPECT_THAT(named(of("turned").ancestors), IsEmpty()) << "the order of layers counts";
}

TEST_F(LineageTest, DescendantsWithTheirBase) {
  EXPECT_THAT(named(of("base").descendants), testing::UnorderedElementsAre("mid", "side", "top<mid", "higher<top"));
  auto all = of("base").descendants;
  for (size_t i = 1; i < all.size(); ++i) EXPECT_LE(all[i - 1].layers, all[i].layers);
  EXPECT_THAT(named(of("mid").descendants), ElementsAre("top", "higher<top"));
  EXPECT_THAT(named(of("higher").descendants), IsEmpty());
  EXPECT_THAT(named(of("apart").descendants), IsEmpty()) << "a layer further up makes no base";
}

TEST_F(LineageTest, ItTellsOfItself) {
  Lineage l = of("mid");
  EXPECT_EQ(l.self.id, id("mid"));
  EXPECT_EQ(l.self.digest, digest("mid"));
  EXPECT_EQ(l.self.layers, 2U);
  EXPECT_EQ(l.self.platform, "linux/amd64");
  EXPECT_THAT(l.self.tags, SizeIs(1));
  EXPECT_EQ(l.ancestors.at(0).tags.at(0).repository, "host/base");
  EXPECT_FALSE(l.claimed);
}

TEST_F(LineageTest, ImagesOfTheSameLayersAreNoRelatives) {
  add("twin", "ab");
  EXPECT_THAT(named(of("twin").ancestors), ElementsAre("base"));
  EXPECT_THAT(named(of("twin").descendants), ElementsAre("top", "higher<top"));
  EXPECT_THAT(named(of("top").ancestors), testing::UnorderedElementsAre("mid", "twin", "base"));
}

TEST_F(LineageTest, AnEmptyImageAndOneThatWasNotReadHaveNone) {
  EXPECT_THAT(named(of("empty").ancestors), IsEmpty());
  EXPECT_THAT(named(of("empty").descendants), IsEmpty());
  add("unread", "a?b");
  EXPECT_THAT(named(of("unread").ancestors), ElementsAre("base")) << "what is known below the gap stands";
  add("unread below", "?b");
  EXPECT_THAT(named(of("unread below").ancestors), IsEmpty());
  EXPECT_THAT(named(of("unread below").descendants), IsEmpty());
}

TEST_F(LineageTest, TheSameLayerTwice) {
  add("double", "aa");
  EXPECT_THAT(named(of("double").ancestors), ElementsAre("base"));
  EXPECT_THAT(named(of("base").descendants), testing::Contains("double"));
}

TEST_F(LineageTest, WhatAnImageClaims) {
  add("honest", "abx", {{"org.opencontainers.image.base.name", "host/mid:v1"}, {"org.opencontainers.image.base.digest", digest("mid")}});
  add("other", "abxd", {{"org.opencontainers.image.base.digest", digest("never indexed")}});
  add("name only", "abd", {{"org.opencontainers.image.base.name", "host/mid:v1"}});
  ASSERT_TRUE(of("honest").claimed);
  EXPECT_EQ(of("honest").claimed->name, "host/mid:v1");
  EXPECT_TRUE(of("honest").claimed->indexed);
  ASSERT_TRUE(of("other").claimed);
  EXPECT_FALSE(of("other").claimed->indexed);
  ASSERT_TRUE(of("name only").claimed);
  EXPECT_FALSE(of("name only").claimed->indexed);
}

constexpr int64_t kMarch29 = 1711670400;  // 2024-03-29T00:00:00Z

TEST_F(LineageTest, ATagThatNamedTheBaseWhenTheImageWasBuilt) {
  ASSERT_TRUE(inventory_->see("reg/os", "stable", digest("base"), kMarch29 - 100));
  add("built", "ae", {}, "2024-03-29T00:00:00Z");
  auto tag = [&] {
    Lineage l = of("built");
    for (const BaseTag& t : l.ancestors.at(0).named)
      if (t.repository == "reg/os") return t;
    ADD_FAILURE() << "no such tag";
    return BaseTag{};
  };
  EXPECT_EQ(tag().at_build, true);
  EXPECT_TRUE(tag().current);
  EXPECT_EQ(tag().now, digest("base"));
  EXPECT_EQ(tag().since, kMarch29 - 100);
  ASSERT_TRUE(inventory_->see("reg/os", "stable", digest("side"), kMarch29 + 100));
  EXPECT_EQ(tag().at_build, true) << "it moved afterwards";
  EXPECT_FALSE(tag().current);
  EXPECT_EQ(tag().now, digest("side"));
  EXPECT_EQ(tag().since, kMarch29 + 100);
  ASSERT_TRUE(inventory_->vanish("reg/os", kMarch29 + 200, kMarch29 + 200));
  EXPECT_FALSE(tag().current);
  EXPECT_EQ(tag().now, "");
}

TEST_F(LineageTest, ATagThatMovedBeforeTheImageWasBuilt) {
  ASSERT_TRUE(inventory_->see("reg/os", "stable", digest("base"), kMarch29 - 200));
  ASSERT_TRUE(inventory_->see("reg/os", "stable", digest("side"), kMarch29 - 100));
  add("late", "ae", {}, "2024-03-29T00:00:00Z");
  auto named = of("late").ancestors.at(0).named;
  auto it = std::find_if(named.begin(), named.end(), [](const BaseTag& t) { return t.repository == "reg/os"; });
  ASSERT_NE(it, named.end());
  EXPECT_EQ(it->at_build, false) << "it was built on a base that was old already";
  EXPECT_FALSE(it->current);
}

TEST_F(LineageTest, WhatATagNamedBeforeTheInventoryIsNotKnown) {
  ASSERT_TRUE(inventory_->see("reg/os", "stable", digest("base"), kMarch29 + 100));
  add("earlier", "ae", {}, "2024-03-29T00:00:00Z");
  add("undated", "af");
  for (const char* name : {"earlier", "undated"}) {
    bool found = false;
    Lineage l = of(name);
    for (const BaseTag& t : l.ancestors.at(0).named)
      if (t.repository == "reg/os") {
        found = true;
        EXPECT_EQ(t.at_build, std::nullopt) << name;
      }
    EXPECT_TRUE(found) << name;
  }
}

TEST_F(LineageTest, ATagOfAnIndexNamesItsMembers) {
  std::string index = digest_of(as_bytes("an index")).text();
  ASSERT_TRUE(inventory_->add_index(index, {digest("base")}, true));
  ASSERT_TRUE(inventory_->see("reg/os", "multi", index, kMarch29 - 1));
  ASSERT_TRUE(inventory_->see("reg/os", "multi", digest("base"), kMarch29 - 2));
  add("of index", "ae", {}, "2024-03-29T00:00:00Z");
  bool found = false;
  Lineage l = of("of index");
  for (const BaseTag& t : l.ancestors.at(0).named)
    if (t.tag == "multi") {
      found = true;
      EXPECT_TRUE(t.current);
      EXPECT_EQ(t.at_build, true);
    }
  EXPECT_TRUE(found);
}

TEST_F(LineageTest, ABaseThatIsNotIndexedIsKnownByWhatOthersShare) {
  for (const char* l : {"p", "q", "r", "s", "t"}) {
    LayerFacts f;
    f.diff_id = digest_of(as_bytes(l));
    ASSERT_TRUE(inventory_->add_layer(f, 1));
  }
  add("one", "pqr"), add("two", "pqs"), add("three", "pt");
  Lineage l = of("one");
  ASSERT_TRUE(l.unindexed);
  EXPECT_EQ(l.unindexed->layers, 2U) << "the longest beginning that is shared";
  EXPECT_EQ(l.unindexed->images, 1U);
  EXPECT_EQ(l.unindexed->chain, chain_id({digest_of(as_bytes("p")), digest_of(as_bytes("q"))}, 2));
  EXPECT_EQ(l.unindexed->record_says, "");
  ASSERT_TRUE(of("three").unindexed);
  EXPECT_EQ(of("three").unindexed->layers, 1U);
  EXPECT_EQ(of("three").unindexed->images, 2U);
  EXPECT_FALSE(of("mid").unindexed) << "its base is indexed";
  EXPECT_FALSE(of("apart").unindexed) << "nothing is known of it";
  EXPECT_FALSE(of("empty").unindexed);
}

TEST_F(LineageTest, ABaseThatAThreatRecordKnows) {
  ThreatSet threats;
  Threat t;
  t.id = "T-9";
  t.layers = {{digest_of(as_bytes("x")), "the base of the report", {}, std::nullopt}};
  threats.threats.push_back(t);
  auto all = lineage_of(*inventory_, digest("apart"), &threats);
  ASSERT_TRUE(all);
  ASSERT_TRUE(all->at(0).unindexed);
  EXPECT_EQ(all->at(0).unindexed->layers, 1U);
  EXPECT_EQ(all->at(0).unindexed->images, 0U);
  EXPECT_EQ(all->at(0).unindexed->record_says, "T-9: the base of the report");
  EXPECT_FALSE(lineage_of(*inventory_, digest("mid"), &threats)->at(0).unindexed);
}

// Copied content, of layers that were read.
class CopyTest : public testing::Test {
 protected:
  Lineage of(const std::string& name) {
    auto l = lineage_of(*fleet_.inventory, fleet_.digests[name]);
    EXPECT_TRUE(l && l->size() == 1) << name;
    return l && !l->empty() ? l->front() : Lineage{};
  }
  std::string layer(const std::string& name, size_t n) { return fleet_.stored(name).layers.at(n).text(); }
  test::Fleet fleet_;
};

TEST_F(CopyTest, ASquashedImageTellsWhereItsContentStood) {
  fleet_.take({{"built:1", "file /lib/a \"one\"\nfile /lib/b \"two\"\nlayer\nfile /app \"three\"\n"},
               {"squashed:1", "file /lib/a \"one\"\nfile /lib/b \"two\"\nfile /app \"three\"\n"}});
  auto copied = of("squashed:1").copied;
  ASSERT_THAT(copied, SizeIs(2));
  EXPECT_EQ(copied[0].from, layer("built:1", 0));
  EXPECT_EQ(copied[0].layer, 0U);
  EXPECT_EQ(copied[0].shared, 2U);
  EXPECT_EQ(copied[0].here, 3U);
  EXPECT_EQ(copied[0].there, 2U);
  ASSERT_THAT(copied[0].images, SizeIs(1));
  EXPECT_EQ(copied[0].images[0].second, fleet_.digests["built:1"]);
  EXPECT_EQ(copied[0].images_in_all, 1U);
  EXPECT_EQ(copied[1].from, layer("built:1", 1));
  EXPECT_THAT(of("squashed:1").ancestors, IsEmpty()) << "it shares no layer";
}

TEST_F(CopyTest, ASharedLayerIsNoCopy) {
  fleet_.take({{"base:1", "file /lib/a \"one\"\n"}, {"child:1", "file /lib/a \"one\"\nlayer\nfile /app \"three\"\n"}});
  ASSERT_THAT(of("child:1").ancestors, SizeIs(1));
  EXPECT_THAT(of("child:1").copied, IsEmpty());
  EXPECT_THAT(of("base:1").copied, IsEmpty());
}

TEST_F(CopyTest, LittleInCommonIsNoCopyAndEmptyFilesAreNone) {
  fleet_.take({{"a:1", "file /licence \"same\"\nfile /1 \"1\"\nfile /2 \"2\"\nfile /3 \"3\"\n"},
               {"b:1", "file /licence \"same\"\nfile /4 \"4\"\nfile /5 \"5\"\nfile /6 \"6\"\n"},
               {"c:1", "file /empty \"\"\nfile /7 \"7\"\n"},
               {"d:1", "file /void \"\"\nfile /8 \"8\"\n"}});
  for (const char* name : {"a:1", "b:1", "c:1", "d:1"}) EXPECT_THAT(of(name).copied, IsEmpty()) << name;
}

TEST_F(CopyTest, AFileCopiedFromABuildStage) {
  fleet_.take(
      {{"builder:1", "file /src \"source\"\nlayer\nfile /out/app \"binary\"\n"}, {"app:1", "file /etc/x \"x\"\nlayer\nfile /usr/bin/app \"binary\"\n"}});
  auto copied = of("app:1").copied;
  ASSERT_THAT(copied, SizeIs(1));
  EXPECT_EQ(copied[0].layer, 1U);
  EXPECT_EQ(copied[0].from, layer("builder:1", 1));
}

TEST_F(LineageTest, AReferenceIsWhatItWasLastSeenAs) {
  ASSERT_TRUE(inventory_->see("reg.example/app", "v1", digest("base"), 10));
  EXPECT_THAT(find_images(*inventory_, "reg.example/app:v1"), ElementsAre(id("base")));
  ASSERT_TRUE(inventory_->see("reg.example/app", "v1", digest("mid"), 20));
  EXPECT_THAT(find_images(*inventory_, "reg.example/app:v1"), ElementsAre(id("mid"))) << "it moved";
  EXPECT_THAT(find_images(*inventory_, "reg.example/app:v2"), IsEmpty());
  ASSERT_TRUE(inventory_->see("docker.io/library/debian", "latest", digest("side"), 1));
  EXPECT_THAT(find_images(*inventory_, "debian"), ElementsAre(id("side")));
  ASSERT_TRUE(inventory_->see("/srv/a.tar", "", digest("apart"), 1));
  EXPECT_THAT(find_images(*inventory_, "/srv/a.tar"), ElementsAre(id("apart")));
  ASSERT_TRUE(inventory_->vanish("docker.io/library/debian", 100, 100));
  EXPECT_THAT(find_images(*inventory_, "debian"), IsEmpty()) << "the tag is not there any more";
}

TEST_F(LineageTest, ADigestMeansNoTag) {
  ASSERT_TRUE(inventory_->see("reg.example/app", "v1", digest("base"), 10));
  EXPECT_THAT(find_images(*inventory_, "reg.example/app@" + digest("top")), ElementsAre(id("top")));
  EXPECT_THAT(find_images(*inventory_, "reg.example/app@" + digest("never indexed")), IsEmpty());
}

TEST_F(LineageTest, AnIndexMeansItsMembers) {
  std::string index = digest("index");
  ASSERT_TRUE(inventory_->add_index(index, {digest("mid"), digest("apart"), digest("never indexed")}, true));
  ASSERT_TRUE(inventory_->see("reg.example/multi", "v1", index, 1));
  EXPECT_THAT(find_images(*inventory_, "reg.example/multi:v1"), testing::UnorderedElementsAre(id("mid"), id("apart")));
  auto both = lineage_of(*inventory_, index);
  ASSERT_TRUE(both);
  EXPECT_THAT(*both, SizeIs(2));
}

TEST_F(LineageTest, WhatIsNotThereIsNotFound) {
  for (const std::string& name : {digest("never indexed"), std::string("reg.example/none:v1"), std::string("not a reference"), std::string()}) {
    auto l = lineage_of(*inventory_, name);
    ASSERT_FALSE(l) << name;
    EXPECT_EQ(l.error().code, Errc::not_found);
  }
}

TEST_F(LineageTest, RootsAreTheLowestOfThose) {
  EXPECT_THAT(roots({"base", "mid", "top", "side", "apart"}), ElementsAre("base+3", "apart+0"));
  EXPECT_THAT(roots({"top", "higher", "side"}), testing::UnorderedElementsAre("top+1", "side+0")) << "base itself is not among them";
  EXPECT_THAT(roots({"higher", "mid"}), ElementsAre("mid+1"));
  EXPECT_THAT(roots({}), IsEmpty());
  EXPECT_THAT(roots_of(*inventory_, {99999}), IsEmpty());
}

}  // namespace
}  // namespace careen
