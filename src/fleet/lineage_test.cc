// An image is built on another when the other's layers are its first: the nearest base, what stands on it, and what to rebuild.
#include "fleet/lineage.h"

#include <gmock/gmock.h>

#include <filesystem>

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
      EXPECT_TRUE(inventory_->add_layer(f, {}, 1));
    }
    add("base", "a"), add("mid", "ab"), add("top", "abc"), add("higher", "abcd"), add("side", "ax"), add("apart", "x"), add("turned", "ba"), add("empty", "");
  }
  // An image whose layers are these letters.
  Id add(const std::string& name, const std::string& layers, std::map<std::string, std::string> labels = {}) {
    StoredImage s;
    s.digest = digest(name);
    s.platform = "linux/amd64";
    for (char c : layers) s.layers.push_back(c == '?' ? Digest{} : digest_of(as_bytes(std::string(1, c))));
    s.labels = std::move(labels);
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
