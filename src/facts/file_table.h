// The entries of one layer in the order of its archive, packed for layers of millions of files.
//
// A record takes about 60 to 90 bytes: its path without what it shares with the path before it, its type, size and digests.
// Chunks of some 64 KiB stand for themselves, so that a worker can send them as they fill and a reader can walk them in
// turn. The bytes of a chunk may be hostile: a cursor that meets damage stops and says so.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "archive/tar.h"
#include "digest/digest.h"

namespace careen {

enum class ContentKind : uint8_t { data, elf, script };  // by the first bytes

struct FileRecord {
  std::string path;  // normal form: formats/package.h, normal_path
  FileType type = FileType::regular;
  ContentKind kind = ContentKind::data;
  uint32_t mode = 0;
  uint64_t uid = 0, gid = 0, size = 0;
  std::string target;            // of a symbolic link as it stands, of a hard link in normal form
  std::optional<Sha256> sha256;  // regular files whose content was read to its end
  std::optional<Md5> md5;
  std::optional<Sha1> sha1;
};

class FileTable {
 public:
  static constexpr size_t kChunkBytes = 64 << 10;

  void add(const FileRecord& r);
  // Adds a chunk as another table made it. Its records are not looked at here.
  void add_chunk(std::string chunk, uint32_t records);
  // Takes the chunks that are full, or all of them: what a worker sends on.
  struct Chunk {
    std::string bytes;
    uint32_t records = 0;
  };
  std::vector<Chunk> take(bool all);

  const std::vector<Chunk>& chunks() const { return chunks_; }
  uint64_t size() const;

 private:
  std::vector<Chunk> chunks_;
  std::string last_path_;
};

class FileCursor {
 public:
  explicit FileCursor(const FileTable& t) : chunks_(t.chunks()) {}
  // False at the end, or when a chunk is damaged.
  bool next(FileRecord& r);
  bool damaged() const { return damaged_; }
  uint32_t index() const { return index_ - 1; }  // of the record that next() gave

 private:
  const std::vector<FileTable::Chunk>& chunks_;
  std::string path_;  // of the record before
  size_t chunk_ = 0, at_ = 0;
  uint32_t index_ = 0, in_chunk_ = 0;
  bool damaged_ = false;
};

}  // namespace careen
