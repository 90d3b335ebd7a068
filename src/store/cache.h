// What careen remembers of layers between runs: facts under the diff ID that careen itself computed.
//
// Facts are reached only through the table blob digest → diff ID, which a fully verified read writes. What a manifest or a
// config claims is never a key. One SQLite file; any number of processes at once; a kill at any moment leaves it whole (WAL
// and transactions); each row carries a checksum over itself and its key, and a row that fails it is as if it were not there. A file that
// is damaged is set aside under another name and begun anew, with a warning. No method fails: a cache that cannot be used is an
// empty one. Thread-safe.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "facts/layer_facts.h"
#include "store/pieces.h"

namespace careen {

inline constexpr uint64_t kDefaultCacheLimit = 4ULL << 30;

extern const char* const kPostgresLayerSql;  // its tables in PostgreSQL

class LayerCache {
 public:
  // "" makes a cache that remembers nothing.
  static std::shared_ptr<LayerCache> open(const std::string& directory);
  // In a file that holds more than a cache, and so is never set aside: damage is an error.
  static Result<std::shared_ptr<LayerCache>> open_in(const std::string& file);
  // In PostgreSQL, where Inventory has made the tables.
  static Result<std::shared_ptr<LayerCache>> connect(const std::string& url);
  ~LayerCache();
  LayerCache(const LayerCache&) = delete;
  LayerCache& operator=(const LayerCache&) = delete;

  struct Blob {
    Digest diff_id;
    uint64_t size = 0;  // of the blob
  };
  std::optional<Blob> blob(const Digest& digest);
  // The facts of a layer; with hits only when `patterns` is the set they were searched with, else `needs_patterns` is set.
  std::shared_ptr<LayerFacts> facts(const Digest& diff_id, const Sha256& patterns, bool* needs_patterns);

  // The hits of a pattern set alone; nullopt when the layer was not searched with it.
  std::optional<std::vector<FileHit>> hits(const Digest& diff_id, const Sha256& patterns);

  // Why something could not be written since it was opened; nothing when all was.
  std::optional<std::string> trouble();
  // Whether facts of this careen's collectors are there.
  bool holds(const Digest& diff_id);

  // The file table alone, whole.
  std::optional<FileTable> files(const Digest& diff_id);
  // The list of its pieces.
  std::optional<PieceList> pieces(const Digest& diff_id);
  // The files of one piece; false where it cannot be read.
  bool piece(int64_t number, const std::function<void(const FileTable&)>& f);

  // After a verified read.
  void put(const Digest& blob, uint64_t blob_size, const LayerFacts& facts);
  // The same in two steps: the rows are made without the file, so that one thread makes those of a layer while another writes.
  struct Rows {
    Digest diff_id;
    std::vector<std::pair<std::string, std::string>> parts;  // names and compressed bodies
    std::vector<Piece> pieces;                               // of the file table, in order
    Sha256 sum{};                                            // over their names
    bool whole = false;                                      // false: facts could not be read back, and nothing is written
  };
  static Rows rows_of(const LayerFacts& facts);
  void put(const Digest& blob, uint64_t blob_size, const Rows& rows);
  void put_hits(const LayerFacts& facts);

  // The names of a layer's ELF files; empty when they are not known.
  std::vector<ElfSymbols> symbols(const Digest& diff_id);

  // The conclusion of a scan under its key (scan/judged.h), with the layers that it rests on: they count as used.
  std::optional<std::string> judged(const std::string& key, const std::vector<Digest>& layers);
  void put_judged(const std::string& key, const std::string& body);  // nothing in an inventory's cache

  // The rows of a layer as they stand in another cache, with the blobs that lead to it; false when they could not be written.
  bool copy_layer(LayerCache& from, const Digest& diff_id);

  // Small documents (image configurations) by digest; whoever takes one checks it against the digest.
  std::optional<std::string> document(const Digest& digest);
  void put_document(const Digest& digest, const std::string& text);

  struct Status {
    std::string path;
    uint64_t layers = 0, blobs = 0, bytes = 0;
    bool usable = false;
  };
  Status status();
  // Drops the pieces of file tables that no layer names any more; false when it could not. In a server's others may name them meanwhile: nothing.
  bool drop_unused_pieces();
  // Drops the layers used longest ago until at most `limit` bytes are left; returns how many were dropped. Nothing in an inventory's.
  uint64_t prune(uint64_t limit);

 private:
  LayerCache();
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace careen
