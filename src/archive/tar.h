// Reads a tar stream entry by entry: ustar, v7, pax and GNU, with the meaning that Go's archive/tar (and so Docker,
// containerd and umoci) gives them. Format: POSIX.1-2017 pax, and the GNU tar manual, "Basic Tar Format".
//
// Names are given as they stand; they are not made safe here. Content comes in views of the underlying chunks, sparse
// holes as zeros. The end of the archive is two zero blocks or the end of the stream; what follows the two blocks is
// counted by drain_rest(). An Error ends the reading: what came before it stands.
#pragma once
#include <array>
#include <optional>
#include <string>
#include <vector>

#include "archive/stream.h"

namespace careen {

inline constexpr uint64_t kMaxPaxBytes = 1 << 20;     // one pax header, as in Go
inline constexpr uint64_t kMaxTarName = 1 << 16;      // a path or a link target; PATH_MAX is 4096
inline constexpr uint64_t kMaxTarEntry = 1ULL << 40;  // the logical size of one file
inline constexpr size_t kMaxSparseFragments = 1 << 16;
inline constexpr uint64_t kMaxHoleBytes = 4ULL << 30;  // holes cost no bytes in the archive, but time to digest

enum class FileType : uint8_t { regular, directory, symlink, hardlink, character, block, fifo };

struct TarEntry {
  std::string path;
  std::string link;  // target of a symbolic or hard link
  FileType type = FileType::regular;
  uint32_t mode = 0;  // permission bits, set-id and sticky
  uint64_t uid = 0, gid = 0;
  uint64_t size = 0;    // of the content as content() gives it; 0 for all but regular files
  uint64_t stored = 0;  // bytes in the archive; less than size for a sparse file
  uint64_t offset = 0;  // where the stored bytes begin in the archive
};

class TarReader {
 public:
  explicit TarReader(ChunkSource& from) : from_(from) {}

  // The next entry; false at the end. Content not asked for is skipped.
  Result<bool> next(TarEntry& entry);
  // The next part of this entry's content; empty when it is all there.
  Result<Bytes> content();
  // Reads to the end of the stream; returns how many bytes that are not zero followed the archive.
  Result<uint64_t> drain_rest();
  uint64_t position() const { return position_; }

 private:
  struct Fragment {
    uint64_t offset, length;
  };
  struct Extended {  // what pax records and GNU long names say of the next entry
    std::optional<std::string> path, link, sparse_name;
    std::optional<uint64_t> size, uid, gid, real_size, sparse_size;
    std::vector<Fragment> sparse;
    std::optional<uint64_t> hole_start;
    int sparse_major = -1, sparse_minor = -1;
  };

  Result<Bytes> take(uint64_t at_most);             // a view of what comes next
  Result<bool> block(std::array<uint8_t, 512>& b);  // false at a clean end
  Result<std::string> body(uint64_t size, uint64_t limit, const char* what);
  Result<void> skip(uint64_t n);
  Result<void> skip_padding();
  Result<void> read_pax(std::string_view records, Extended& x);
  Result<void> read_gnu_sparse(const std::array<uint8_t, 512>& header, Extended& x);
  Result<void> read_sparse_map(Extended& x);
  Result<void> start_sparse(const Extended& x, TarEntry& entry);

  ChunkSource& from_;
  Bytes chunk_;
  uint64_t position_ = 0;
  uint64_t left_ = 0;                // stored bytes of this entry not yet read
  uint64_t padding_ = 0;             // after them
  std::vector<Fragment> fragments_;  // of a sparse entry, ascending
  size_t fragment_ = 0;
  uint64_t logical_ = 0, logical_size_ = 0, holes_ = 0;
  bool sparse_ = false, ended_ = false;
};

}  // namespace careen
