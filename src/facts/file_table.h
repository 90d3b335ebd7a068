// The entries of one layer in the order of its archive, packed for layers of millions of files.
//
// A record takes about 60 to 90 bytes: its path without what it shares with the path before it, its type, size and digests.
// Chunks of some 64 KiB stand for themselves, so that a worker can send them as they fill and a reader can walk them in
// turn. The bytes of a chunk may be hostile: a cursor that meets damage stops and says so.
//
// A table that may spill keeps kResident bytes in memory and the chunks beyond in a file without a name, so that a layer of
// millions of files takes no more. Copies share that file; tables that are not changed any more are read by several threads.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "archive/tar.h"
#include "base/fd.h"
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

// A record as a chunk has it: the path without what it shares with the one before it, then the rest.
void put_record(std::string& out, std::string_view path, std::string_view path_before, std::string_view tail);

class FileTable {
 public:
  static constexpr size_t kChunkBytes = 64 << 10;
  static constexpr size_t kResident = 48 << 20;

  void add(const FileRecord& r);
  // Adds a chunk as another table made it. Its records are not looked at here.
  void add_chunk(std::string chunk, uint32_t records);
  // Takes the chunks that are full, or all of them: what a worker sends on.
  struct Chunk {
    std::string bytes;
    uint32_t records = 0;
    uint64_t spilled_at = 0, spilled_size = 0;  // size: 0 for a chunk in memory
  };
  std::vector<Chunk> take(bool all);

  // Chunks that are added from now on go to a file in `directory` once kResident bytes are in memory. Where none can be made or
  // written they stay in memory. Only for tables that are filled by add_chunk().
  void spill_in(std::string directory, size_t resident = kResident) { directory_ = std::move(directory), resident_ = resident; }

  const std::vector<Chunk>& chunks() const { return chunks_; }
  // The bytes of a chunk: its own, or read into `buffer`; nullopt when the file cannot be read.
  std::optional<std::string_view> bytes(const Chunk& c, std::string& buffer) const;
  uint64_t size() const;

 private:
  bool spill(Chunk& c);

  std::vector<Chunk> chunks_;
  std::string last_path_, directory_;
  size_t in_memory_ = 0, resident_ = kResident;
  std::shared_ptr<Fd> file_;
  uint64_t file_size_ = 0;
};

class FileCursor {
 public:
  explicit FileCursor(const FileTable& t) : table_(t), chunks_(t.chunks()) {}
  // False at the end, or when a chunk is damaged or cannot be read.
  bool next(FileRecord& r);
  bool damaged() const { return damaged_; }
  uint32_t index() const { return index_ - 1; }  // of the record that next() gave
  // What stands in the table of that record behind its path; until next() is called again.
  std::string_view tail() const { return bytes_.substr(tail_, at_ - tail_); }

 private:
  bool enter();  // the first chunk, or the next one that has a record left

  const FileTable& table_;
  const std::vector<FileTable::Chunk>& chunks_;
  std::string_view bytes_;  // of the chunk
  std::string buffer_;
  bool entered_ = false;
  std::string path_;  // of the record before
  size_t chunk_ = 0, at_ = 0, tail_ = 0;
  uint32_t index_ = 0, in_chunk_ = 0;
  bool damaged_ = false;
};

}  // namespace careen
