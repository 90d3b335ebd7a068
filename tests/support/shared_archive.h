// Real data beside the repository, for tests: an archive unpacked into a folder of its own. A clone of a user has none, and the test is skipped.
#pragma once
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdio>
#include <filesystem>
#include <string>

namespace careen::test {

class SharedArchive : public testing::Test {
 protected:
  // `name`: of the folder, and of the archive in it. Skips the test where it is not there or cannot be unpacked.
  void unpack(const std::string& name) {
    auto repository = std::filesystem::weakly_canonical(__FILE__).parent_path().parent_path().parent_path();
    std::string archive = repository.parent_path().string() + "/shared/data/" + name + "/" + name + ".tar.zst";
    struct stat st {};
    if (::stat(archive.c_str(), &st) != 0) GTEST_SKIP() << archive << " is not there";
    std::string pattern = testing::TempDir() + "careen-" + name + "-XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    dir_ = pattern;
    if (!run("tar --zstd -xf '" + archive + "' -C '" + dir_ + "' 2>/dev/null")) GTEST_SKIP() << "tar --zstd cannot unpack it";
  }
  void TearDown() override {
    if (!dir_.empty()) run("rm -r '" + dir_ + "'");
  }
  const std::string& unpacked() const { return dir_; }

 private:
  static bool run(const std::string& command) {
    FILE* p = ::popen(command.c_str(), "r");
    return p != nullptr && ::pclose(p) == 0;
  }
  std::string dir_;
};

}  // namespace careen::test
