#include "formats/package.h"

namespace careen {
namespace {

TEST(NormalPath, RemovesWhatMeansNothing) {
  EXPECT_EQ(normal_path("/usr/bin/xz"), "usr/bin/xz");
  EXPECT_EQ(normal_path("./usr//bin/./xz/"), "usr/bin/xz");
  EXPECT_EQ(normal_path("usr"), "usr");
  for (const char* nothing : {"", "/", ".", "./", "//./", "/./."}) EXPECT_EQ(normal_path(nothing), "") << nothing;
}

TEST(NormalPath, NeverLeavesTheRootAndSaysThatItWasAsked) {
  bool dotdot = false;
  EXPECT_EQ(normal_path("usr/lib", &dotdot), "usr/lib");
  EXPECT_FALSE(dotdot);
  EXPECT_EQ(normal_path("../../etc/passwd", &dotdot), "etc/passwd");
  EXPECT_TRUE(dotdot);
  EXPECT_EQ(normal_path("a/../../b"), "b");
  EXPECT_EQ(normal_path("a/b/../c"), "a/c");
  EXPECT_EQ(normal_path("a/.."), "");
}

TEST(NormalPath, KeepsNamesThatOnlyLookSpecial) {
  for (const char* name : {"...", "..a", ".a", "a..", "a b", "a\\b",
                           "a\xff"
                           "b"}) {
    bool dotdot = false;
    EXPECT_EQ(normal_path(name, &dotdot), name);
    EXPECT_FALSE(dotdot);
  }
}

TEST(NormalPath, IsItsOwnFixedPoint) {
  for (const char* path : {"/a//b/../c/./d/", "../x", "a/b/c", "//"}) {
    std::string once = normal_path(path);
    EXPECT_EQ(normal_path(once), once);
  }
}

TEST(PackageType, HasANameForEach) {
  EXPECT_EQ(to_text(PackageType::deb), "deb");
  EXPECT_EQ(to_text(PackageType::apk), "apk");
  EXPECT_EQ(to_text(PackageType::rpm), "rpm");
  EXPECT_EQ(to_text(PackageType::alpm), "alpm");
}

}  // namespace
}  // namespace careen
