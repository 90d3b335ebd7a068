// A directory that a test may fill, gone with everything in it at the end of the test; and a tool's output.
#pragma once
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>

namespace careen::test {

class Scratch {
 public:
  Scratch() {
    const char* base = std::getenv("CAREEN_TEST_TMP");
    std::string name = (base != nullptr ? std::string(base) : std::filesystem::temp_directory_path().string()) + "/careen-test-XXXXXX";
    if (::mkdtemp(name.data()) == nullptr) std::abort();
    path_ = name;
  }
  ~Scratch() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  const std::string& path() const { return path_; }
  std::string operator/(std::string_view name) const { return path_ + "/" + std::string(name); }
  // Writes a file, making its folders; returns its path.
  std::string write(std::string_view name, std::string_view bytes) const {
    std::filesystem::path p = *this / name;
    std::filesystem::create_directories(p.parent_path());
    std::ofstream(p, std::ios::binary) << bytes;
    return p;
  }

 private:
  std::string path_;
};

inline std::string slurp(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::stringstream all;
  all << in.rdbuf();
  return std::move(all).str();
}

inline bool has_tool(const std::string& name) {
  return std::system(("command -v " + name + " >/dev/null 2>&1").c_str()) == 0;
}

// What a shell command writes to its standard output; nothing when it fails.
inline std::optional<std::string> output_of(const std::string& command) {
  FILE* f = ::popen(command.c_str(), "r");
  if (f == nullptr) return std::nullopt;
  std::string out, part(1 << 16, '\0');
  for (size_t n; (n = std::fread(part.data(), 1, part.size(), f)) != 0;) out.append(part, 0, n);
  return ::pclose(f) == 0 ? std::optional(out) : std::nullopt;
}

}  // namespace careen::test
