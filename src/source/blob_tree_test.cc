#include "source/blob_tree.h"

#include <sys/stat.h>

#include "../tests/support/scratch.h"

namespace careen {
namespace {

TEST(DirectoryTree, GivesDocumentsAndBlobs) {
  test::Scratch s;
  s.write("blobs/sha256/ab", "content");
  auto t = open_directory_tree(s.path());
  EXPECT_TRUE(t->has("blobs/sha256/ab"));
  EXPECT_EQ(*t->text("blobs/sha256/ab", 7), "content");
  EXPECT_EQ(t->text("blobs/sha256/ab", 6).error().code, Errc::limit);
  auto in = t->open("blobs/sha256/ab");
  ASSERT_TRUE(in);
  EXPECT_TRUE(in->region);
  EXPECT_EQ(in->offset, 0U);
  EXPECT_EQ(in->length, 7U);
}

TEST(DirectoryTree, WhatIsMissingIsNotFound) {
  test::Scratch s;
  auto t = open_directory_tree(s.path());
  EXPECT_FALSE(t->has("index.json"));
  EXPECT_EQ(t->text("index.json", 10).error().code, Errc::not_found);
  EXPECT_EQ(t->open("blobs/x").error().code, Errc::not_found);
}

TEST(DirectoryTree, OpensRegularFilesOnly) {
  test::Scratch s;
  ASSERT_EQ(::mkfifo((s / "index.json").c_str(), 0600), 0);
  std::filesystem::create_directory(s / "dir");
  std::filesystem::create_symlink("/dev/zero", s / "device");
  auto t = open_directory_tree(s.path());
  for (const char* name : {"index.json", "dir", "device"}) {
    EXPECT_FALSE(t->has(name));
    EXPECT_EQ(t->text(name, 10).error().code, Errc::corrupt) << name;
    EXPECT_EQ(t->open(name).error().code, Errc::corrupt) << name;
  }
}

}  // namespace
}  // namespace careen
