// The main() of a fuzz target outside libFuzzer: runs every file of the folders and files named on the command line.
#include <dirent.h>

#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace {

bool run_file(const std::string& path) {
  std::FILE* f = std::fopen(path.c_str(), "rb");
  if (f == nullptr) return false;
  std::vector<uint8_t> data;
  uint8_t buffer[4096];
  for (size_t n; (n = std::fread(buffer, 1, sizeof buffer, f)) != 0;) data.insert(data.end(), buffer, buffer + n);
  std::fclose(f);
  LLVMFuzzerTestOneInput(data.data(), data.size());
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  size_t count = 0;
  for (int i = 1; i < argc; ++i) {
    DIR* dir = opendir(argv[i]);
    if (dir == nullptr) {
      count += run_file(argv[i]) ? 1 : 0;
      continue;
    }
    while (dirent* e = readdir(dir))
      if (e->d_name[0] != '.') count += run_file(std::string(argv[i]) + "/" + e->d_name) ? 1 : 0;
    closedir(dir);
  }
  LLVMFuzzerTestOneInput(nullptr, 0);
  std::printf("%zu seeds replayed\n", count);
  return count == 0 ? 1 : 0;
}
