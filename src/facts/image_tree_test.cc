#include "facts/image_tree.h"

#include <gmock/gmock.h>

#include "../../tests/support/image_text.h"

namespace careen {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

// The tree points into nothing of the layers, but visibility asks for their numbers.
ImageTree tree_of(std::string_view text) {
  ImageTree t;
  for (const auto& l : test::layers_of_text(text)) t.add_layer(*l);
  t.finish();
  return t;
}

std::vector<std::string> lines(std::string_view text) {
  return test::tree_lines(tree_of(text));
}

TEST(ImageTree, ListsParentsBeforeChildrenAndSiblingsByName) {
  EXPECT_THAT(lines("file /b/z\nfile /a\ndir /b\nfile /b/c/d\nlink /l -> b"), ElementsAre("a", "b/", "b/c/", "b/c/d", "b/z", "l -> b"));
}

TEST(ImageTree, ALaterLayerReplacesAndTheFirstIsHiddenByIt) {
  ImageTree t = tree_of("file /x \"1\"\nfile /y\nlayer\nfile /x \"2\"");
  EXPECT_FALSE(t.visible(0, 0));
  EXPECT_TRUE(t.visible(0, 1));
  EXPECT_TRUE(t.visible(1, 0));
  EXPECT_EQ(t.hidden_by(0, "x"), std::optional<size_t>(1));
}

TEST(ImageTree, TheLastOfSeveralEntriesOfOneNameStands) {
  ImageTree t = tree_of("file /x \"1\"\nfile /x \"2\"");
  EXPECT_FALSE(t.visible(0, 0));
  EXPECT_TRUE(t.visible(0, 1));
  EXPECT_EQ(t.hidden_by(0, "x"), std::nullopt);
}

TEST(ImageTree, AWhiteoutHidesAFileAndAWholeFolder) {
  ImageTree t = tree_of("file /a/x\nfile /b/c/y\nfile /bb/z\nlayer\nwhiteout /a/x\nwhiteout /b");
  EXPECT_THAT(test::tree_lines(t), ElementsAre("a/", "bb/", "bb/z"));
  EXPECT_EQ(t.hidden_by(0, "b/c/y"), std::optional<size_t>(1));
  EXPECT_EQ(t.hidden_by(0, "bb/z"), std::nullopt);
}

TEST(ImageTree, AWhiteoutReachesLowerLayersAloneWhereverItStands) {
  EXPECT_THAT(lines("file /x \"1\"\nlayer\nfile /x \"2\"\nwhiteout /x"), ElementsAre("x"));
  EXPECT_THAT(lines("file /d/old\nlayer\nfile /d/new\nopaque /d"), ElementsAre("d/", "d/new"));
  EXPECT_THAT(lines("file /d/old\nlayer\nfile /d/new\nwhiteout /d"), ElementsAre("d/", "d/new"));
}

TEST(ImageTree, AnOpaqueRootHidesAllBelow) {
  ImageTree t = tree_of("file /a/x\nfile /y\nlayer\nopaque /\nfile /z");
  EXPECT_THAT(test::tree_lines(t), ElementsAre("z"));
  EXPECT_EQ(t.hidden_by(0, "a/x"), std::optional<size_t>(1));
}

TEST(ImageTree, WhiteoutsOfTheLowestLayerAndOfNothingDoNothing) {
  EXPECT_THAT(lines("file /x\nwhiteout /x\nopaque /"), ElementsAre("x"));
  EXPECT_THAT(lines("file /x\nlayer\nwhiteout /y\nwhiteout /a/b\nopaque /c"), ElementsAre("x"));
  EXPECT_THAT(lines("file /x\nlayer\nfile /.wh..\nfile /.wh...\nfile /.wh."), ElementsAre("x"));
}

TEST(ImageTree, AWhiteoutIsTakenThroughTheLinksOfLowerLayers) {
  EXPECT_THAT(lines("file /usr/lib/x\nlink /lib -> usr/lib\nlayer\nwhiteout /lib/x"), ElementsAre("lib -> usr/lib", "usr/", "usr/lib/"));
}

TEST(ImageTree, AFolderThatReplacesALinkShieldsWhatTheLinkLedTo) {
  // Runtimes unpack in order: by the time of the whiteout the link is gone, and nothing of usr/lib is meant.
  EXPECT_THAT(lines("file /usr/lib/x\nlink /l -> usr/lib\nlayer\ndir /l\nwhiteout /l/x"), ElementsAre("l/", "usr/", "usr/lib/", "usr/lib/x"));
  EXPECT_THAT(lines("file /usr/lib/x\nlink /l -> usr/lib\nlayer\ndir /l\nopaque /l"), ElementsAre("l/", "usr/", "usr/lib/", "usr/lib/x"));
}

TEST(ImageTree, LinksInDirectoryPositionsAreFollowedInsideTheRoot) {
  EXPECT_THAT(lines("link /lib -> usr/lib\nfile /lib/x"), ElementsAre("lib -> usr/lib", "usr/", "usr/lib/", "usr/lib/x"));
  EXPECT_THAT(lines("dir /usr/lib\nlink /lib -> /../../usr/lib\nlayer\nfile /lib/x"), ElementsAre("lib -> /../../usr/lib", "usr/", "usr/lib/", "usr/lib/x"));
}

TEST(ImageTree, AFolderOverALinkReplacesIt) {
  EXPECT_THAT(lines("file /usr/lib/x\nlink /lib -> usr/lib\nlayer\ndir /lib\nfile /lib/y"), ElementsAre("lib/", "lib/y", "usr/", "usr/lib/", "usr/lib/x"));
}

TEST(ImageTree, AFileOverAFolderTakesAllBelowAway) {
  ImageTree t = tree_of("file /a/b/c\nlayer\nfile /a");
  EXPECT_THAT(test::tree_lines(t), ElementsAre("a"));
  EXPECT_FALSE(t.visible(0, 0));
  EXPECT_EQ(t.hidden_by(0, "a/b/c"), std::optional<size_t>(1));
}

TEST(ImageTree, AFolderOverAFileReplacesItAndOverAFolderKeepsItsContent) {
  EXPECT_THAT(lines("file /a\nlayer\nfile /a/b"), ElementsAre("a/", "a/b"));
  EXPECT_THAT(lines("file /a/b\nlayer\ndir /a 0700"), ElementsAre("a/", "a/b"));
}

TEST(ImageTree, WhatWasRemovedMayComeBack) {
  EXPECT_THAT(lines("file /d/x\nlayer\nwhiteout /d\nlayer\nfile /d/y\nlayer\nwhiteout /d/y\nlayer\nfile /d/x"), ElementsAre("d/", "d/x"));
}

TEST(ImageTree, HardLinksShareTheEntryOfTheirTarget) {
  ImageTree t = tree_of("file /a \"1\"\nhard /b -> /a\nlayer\nwhiteout /a");
  EXPECT_THAT(test::tree_lines(t), ElementsAre("b"));
  EXPECT_TRUE(t.visible(0, 0));
  NodeId b = t.find("b");
  EXPECT_EQ(t.node(b).layer, 0);
  EXPECT_EQ(t.node(b).record, 0U);
}

TEST(ImageTree, AHardLinkMayNameALinkItselfOrAFileBelowWhatItReplaces) {
  EXPECT_THAT(lines("link /a -> /etc\nhard /b -> /a"), ElementsAre("a -> /etc", "b -> /etc"));
  EXPECT_THAT(lines("file /d/f\nhard /d -> /d/f"), ElementsAre("d"));
  EXPECT_THAT(lines("file /a\nhard /a -> /a"), ElementsAre("a"));
}

TEST(ImageTree, AHardLinkToNothingOrToAFolderIsTold) {
  ImageTree t = tree_of("dir /d\nhard /a -> /no\nhard /b -> /d");
  EXPECT_THAT(test::tree_lines(t), ElementsAre("d/"));
  ASSERT_EQ(t.oddities().size(), 2U);
  EXPECT_EQ(t.oddities()[0].state, CoverageState::looked);
}

TEST(ImageTree, CirclesOfLinksEnd) {
  ImageTree t = tree_of("link /a -> b\nlink /b -> a\nlink /c -> c/c\nfile /a/x\nfile /c/y");
  EXPECT_TRUE(t.visible(0, 3));
  EXPECT_TRUE(t.visible(0, 4));
  EXPECT_EQ(tree_of("link /a -> b\nlink /b -> a").find("a/x"), kNoNode);
}

TEST(ImageTree, FollowsAsManyLinksAsTheKernelAndNoMore) {
  auto chain = [](int n) {
    std::string text = "file /l0 \"\"\n";
    for (int i = 1; i <= n; ++i) text += "link /l" + std::to_string(i) + " -> l" + std::to_string(i - 1) + "\n";
    return tree_of(text).find("l" + std::to_string(n));
  };
  EXPECT_NE(chain(kMaxLinkHops), kNoNode);
  EXPECT_EQ(chain(kMaxLinkHops + 1), kNoNode);
}

TEST(ImageTree, ATargetLongerThanTheKernelTakesLeadsNowhere) {
  auto found = [](size_t length) {
    std::string target;
    while (target.size() + 2 < length) target += "./";
    target += length % 2 == 0 ? "dd" : "d";  // of the length asked for
    EXPECT_EQ(target.size(), length);
    test::TarMaker tar;
    tar.file("d/x", "1").file("dd/x", "2").link("l", target);
    ImageTree t;
    t.add_layer(*test::collect_tar(tar.text()));
    t.finish();
    EXPECT_NE(t.find("l", ImageTree::Last::keep), kNoNode);
    return t.find("l/x") != kNoNode;
  };
  EXPECT_TRUE(found(100));
  EXPECT_TRUE(found(kMaxLinkTarget - 1));
  EXPECT_TRUE(found(kMaxLinkTarget));
  EXPECT_FALSE(found(kMaxLinkTarget + 1));
  EXPECT_FALSE(found(10'000));
  EXPECT_EQ(kMaxLinkTarget, 4095U);
}

TEST(ImageTree, FindsAsAProgramInTheImageWould) {
  ImageTree t = tree_of("file /usr/lib/x\nlink /lib -> usr/lib\nlink /usr/lib/y -> ../../lib/x\nlink /up -> ../../..");
  NodeId x = t.find("usr/lib/x");
  ASSERT_NE(x, kNoNode);
  EXPECT_EQ(t.find("/lib//./x"), x);
  EXPECT_EQ(t.find("lib/y"), x);
  EXPECT_EQ(t.find("up/lib/x"), x);
  EXPECT_EQ(t.find("../../usr/lib/x"), x);
  EXPECT_EQ(t.find(""), kRoot);
  EXPECT_EQ(t.find("usr/lib/x/z"), kNoNode);
  EXPECT_NE(t.find("lib", ImageTree::Last::keep), t.find("lib"));
  EXPECT_EQ(t.path(t.find("lib/y", ImageTree::Last::keep)), "usr/lib/y");
}

TEST(ImageTree, CanonicalFollowsAllButTheLastPart) {
  ImageTree t = tree_of("dir /usr/lib\nlink /lib -> usr/lib\nlink /usr/lib/y -> x");
  EXPECT_EQ(t.canonical("lib/y"), "usr/lib/y");
  EXPECT_EQ(t.canonical("lib/none"), "usr/lib/none");
  EXPECT_EQ(t.canonical("no/lib/x"), "no/lib/x");
  EXPECT_EQ(t.canonical("x"), "x");
}

TEST(ImageTree, NamesThatDifferInCaseOrAreNoTextAreApart) {
  ImageTree t = tree_of("file /A\nfile /a\ndir /d");
  EXPECT_THAT(test::tree_lines(t), ElementsAre("A", "a", "d/"));
  test::TarMaker tar;
  tar.file("\xff\xfe", "x").file("new\nline", "y").file(std::string(300, 'n'), "z");
  ImageTree odd;
  odd.add_layer(*test::collect_tar(tar.text()));
  odd.finish();
  EXPECT_EQ(test::tree_lines(odd).size(), 3U);
  EXPECT_NE(odd.find("\xff\xfe"), kNoNode);
}

TEST(ImageTree, GrowsPastItsFirstTable) {
  std::string text;
  for (int i = 0; i < 3000; ++i) text += "file /d" + std::to_string(i % 50) + "/f" + std::to_string(i) + "\n";
  ImageTree t = tree_of(text);
  EXPECT_EQ(test::tree_lines(t).size(), 3050U);
  EXPECT_NE(t.find("d7/f57"), kNoNode);
}

// Each whiteout asks whether a folder above it replaced a link: 30,000 of both must not be looked at in pairs.
TEST(ImageTree, ManyReplacedLinksAndWhiteoutsEnd) {
  constexpr int kMany = 30'000;
  LayerFacts lower, upper;
  FileRecord r;
  auto add = [&](LayerFacts& layer, FileType type, const std::string& path, const std::string& target = "") {
    r.type = type;
    r.path = path;
    r.target = target;
    layer.files.add(r);
  };
  add(lower, FileType::directory, "t");
  for (int i = 0; i < kMany; ++i) add(lower, FileType::regular, "t/x" + std::to_string(i));
  for (int i = 0; i < kMany; ++i) add(lower, FileType::symlink, "l" + std::to_string(i), "t");
  for (int i = 0; i < kMany; ++i) add(upper, FileType::directory, "l" + std::to_string(i));
  for (int i = 0; i < kMany; ++i) {
    add(upper, FileType::regular, "l" + std::to_string(i) + "/.wh.x" + std::to_string(i));
    if (i % 2 == 1) add(upper, FileType::regular, "t/.wh.x" + std::to_string(i));
  }
  ImageTree t;
  t.add_layer(lower);
  t.add_layer(upper);
  t.finish();
  int wrong = 0;
  for (int i = 0; i < kMany; ++i) {
    wrong += (t.find("t/x" + std::to_string(i)) != kNoNode) == (i % 2 == 0) ? 0 : 1;
    wrong += t.node(t.find("l" + std::to_string(i), ImageTree::Last::keep)).type == FileType::directory ? 0 : 1;
  }
  EXPECT_EQ(wrong, 0);
  EXPECT_TRUE(t.oddities().empty());
}

TEST(ImageTree, AFolderOfALikeNameShieldsNothing) {
  EXPECT_THAT(lines("file /usr/lib/x\nlink /l -> usr/lib\nlink /ll -> usr/lib\nlayer\ndir /l\nwhiteout /ll/x"),
              ElementsAre("l/", "ll -> usr/lib", "usr/", "usr/lib/"));
  EXPECT_THAT(lines("file /usr/lib/a/x\nlink /l -> usr/lib\nlayer\ndir /l\nwhiteout /l/a/x"),
              ElementsAre("l/", "usr/", "usr/lib/", "usr/lib/a/", "usr/lib/a/x"));
}

TEST(ImageTree, AVeryLongNameIsOneNode) {
  test::TarMaker tar;
  std::string name(70'000, 'x');
  LayerFacts layer;
  FileRecord r;
  r.path = name;
  layer.files.add(r);
  r.path = name + "/below";
  layer.files.add(r);
  ImageTree t;
  t.add_layer(layer);
  t.finish();
  EXPECT_EQ(t.sorted_children(kRoot).size(), 1U);
}

TEST(ImageTree, AnEmptyImageHasARootAlone) {
  ImageTree t;
  t.finish();
  EXPECT_THAT(test::tree_lines(t), IsEmpty());
  EXPECT_EQ(t.find("x"), kNoNode);
  EXPECT_EQ(t.layers(), 0U);
}

// Names fill several blocks of text, and none is cut where one ends.
TEST(ImageTree, LongNamesAndTargetsAreKeptWhole) {
  LayerFacts layer;
  auto name = [](size_t i) { return std::string(40'000 + i, static_cast<char>('a' + i % 26)); };
  for (size_t i = 0; i < 120; ++i) {
    FileRecord r;
    r.path = name(i);
    r.type = i % 2 == 0 ? FileType::regular : FileType::symlink;
    if (i % 2 == 1) r.target = name(i - 1);
    layer.files.add(r);
  }
  ImageTree t;
  t.add_layer(layer);
  t.finish();
  for (size_t i = 0; i < 120; ++i) {
    NodeId id = t.find(name(i), ImageTree::Last::keep);
    ASSERT_NE(id, kNoNode) << i;
    EXPECT_EQ(t.name(id), name(i));
    EXPECT_EQ(t.target(id), i % 2 == 1 ? name(i - 1) : "");
  }
}

TEST(ImageTree, ATableThatEndsInDamageIsToldNotShortened) {
  LayerFacts layer;
  FileRecord r;
  r.path = "whole";
  layer.files.add(r);
  layer.files.add_chunk("\x05", 1);
  ImageTree t;
  t.add_layer(layer);
  t.finish();
  EXPECT_NE(t.find("whole"), kNoNode);
  ASSERT_EQ(t.oddities().size(), 1U);
  EXPECT_EQ(t.oddities()[0].state, CoverageState::partly);
}

}  // namespace
}  // namespace careen
