// Reads a cpio archive of the "new ASCII" forms (magic 070701 and 070702), the payload of an rpm package.
// Format: rpm's and the kernel's buffer-format documentation. Offers the same shape as TarReader.
#pragma once
#include <array>
#include <deque>
#include <map>

#include "archive/tar.h"

namespace careen {

class CpioReader {
 public:
  explicit CpioReader(ChunkSource& from) : from_(from) {}
  Result<bool> next(TarEntry& entry);
  Result<Bytes> content();

 private:
  using FileId = std::array<uint32_t, 3>;  // inode, device
  Result<bool> record(TarEntry& entry, FileId* id, uint32_t* names);
  Result<Bytes> stored();  // content(), whatever the type: a directory's data is skipped
  Result<Bytes> take(uint64_t at_most);
  Result<std::string> exactly(uint64_t n, const char* what);

  ChunkSource& from_;
  Bytes chunk_;
  uint64_t position_ = 0, left_ = 0;
  bool is_file_ = false;
  // Of a file with several names the last has the content: the others wait for it and follow as hard links.
  std::map<FileId, std::vector<TarEntry>> waiting_;
  std::deque<TarEntry> ready_;
  size_t held_ = 0;
  bool ended_ = false;
};

}  // namespace careen
