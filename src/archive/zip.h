// Reads zip archives: the central directory, and single entries by it (APPNOTE.TXT 6.3.9; zip64, stored and deflated entries).
//
// An archive is hostile: the number of entries, the length of names and the size of what comes out are bounded, sizes that the directory
// promises are checked against what is there, and a checksum that is wrong is an error. What the local headers say beyond where
// the data begin is ignored, so that two readers of a contradictory archive see what the directory says. Neither opens nor
// writes files. The view must outlive the reader; a reader may be used from several threads at once.
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "base/file_view.h"
#include "base/result.h"

namespace careen {

inline constexpr uint64_t kMaxZipEntries = 4'000'000;
inline constexpr uint64_t kMaxZipDirectory = 512ULL << 20;

struct ZipEntry {
  std::string name;  // as it stands, which may be anything
  uint16_t method = 0, flags = 0;
  uint32_t crc = 0;
  uint64_t packed = 0, size = 0, offset = 0;
  bool folder() const { return name.ends_with('/'); }
};

class ZipReader {
 public:
  // Calls f with each entry of the directory in its order; false from f stops.
  static Result<ZipReader> open(const FileView& file);
  Result<void> each(const std::function<bool(const ZipEntry&)>& f) const;

  // The content of an entry, refused over `limit` bytes.
  Result<std::string> read(const ZipEntry& e, uint64_t limit) const;

 private:
  explicit ZipReader(const FileView& file) : file_(&file) {}
  const FileView* file_;
  uint64_t directory_ = 0, directory_size_ = 0, count_ = 0;
  uint64_t shift_ = 0;  // of all offsets, where something stands before the archive
};

// zlib's format (RFC 1950) at once: refused over `limit` bytes, or where its checksum is wrong.
Result<std::string> inflate_zlib(Bytes data, uint64_t limit);

// Whether the first bytes are those of a zip archive.
bool is_zip(Bytes first);

}  // namespace careen
