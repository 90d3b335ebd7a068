// Reads a cpio archive of the "new ASCII" forms (magic 070701 and 070702), the payload of an rpm package.
// Format: rpm's and the kernel's buffer-format documentation. Offers the same shape as TarReader.
#pragma once
#include "archive/tar.h"

namespace careen {

class CpioReader {
 public:
  explicit CpioReader(ChunkSource& from) : from_(from) {}
  Result<bool> next(TarEntry& entry);
  Result<Bytes> content();

 private:
  Result<Bytes> stored();  // content(), whatever the type: a directory's data is skipped
  Result<Bytes> take(uint64_t at_most);
  Result<std::string> exactly(uint64_t n, const char* what);

  ChunkSource& from_;
  Bytes chunk_;
  uint64_t position_ = 0, left_ = 0;
  bool is_file_ = false;
};

}  // namespace careen
