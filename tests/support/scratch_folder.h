// A folder of its own for one test, gone at its end.
#pragma once
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <string>

namespace careen::test {

class ScratchFolder {
 public:
  ScratchFolder() {
    const char* base = std::getenv("CAREEN_TEST_TMP");
    std::string name = (base != nullptr ? std::string(base) : std::filesystem::temp_directory_path().string()) + "/careen-test-XXXXXX";
    if (::mkdtemp(name.data()) != nullptr) path_ = name;
  }
  ~ScratchFolder() {
    std::error_code ignored;
    if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
  }
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;
  const std::string& path() const { return path_; }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

}  // namespace careen::test
