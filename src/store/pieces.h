// The file tables of layers, cut into pieces that layers share.
//
// Layers of a fleet bring the same folders again and again: a package that is installed in a thousand of them, a runtime that is copied. So the
// records of a layer are cut where its own content says so (at a new folder, or where the hash of a path says so in a long one), as backup
// programs cut files (Muthitacharoen and others, "A Low-bandwidth Network File System", 2001); a layer's table is the list of its pieces, in
// order, and each distinct piece is kept once, under a part of its SHA-256. An index of contents leads to pieces, and another from those to layers.
//
// Bodies are packed and are hostile no more than the rest of the store: what was damaged is told by its name. Numbers of pieces are of one store
// and are never given twice. Used inside the caller's transaction, by one thread at a time.
#pragma once
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "facts/file_table.h"
#include "store/database.h"

namespace careen {

inline constexpr size_t kPieceName = 24;                       // bytes of a SHA-256: nobody finds two pieces of one name
inline constexpr uint32_t kPieceLeast = 4, kPieceFolder = 16;  // records: from the first on the hash of a folder may cut, from the second every new folder does
inline constexpr uint32_t kPieceMost = 256;
inline constexpr size_t kPieceBytes = 32 << 10;

extern const char* const kPieceSql;  // the tables, in SQLite
extern const char* const kPostgresPieceSql;

struct Piece {
  std::string name;
  std::string bytes;  // a chunk of a FileTable
  uint32_t records = 0;
};

// The pieces of a table in order. They depend on its records alone, not on its chunks.
class PieceCutter {
 public:
  explicit PieceCutter(const FileTable& table) : cursor_(table) { more_ = cursor_.next(record_); }
  // False at the end, or where the table is damaged.
  bool next(Piece* piece);
  bool damaged() const { return cursor_.damaged(); }

 private:
  FileCursor cursor_;
  FileRecord record_;  // the next one
  bool more_ = false;
};

// What a layer's part holds in place of its records.
struct PieceList {
  std::vector<int64_t> numbers;
  Sha256 sum{};  // over the names, in order
};
std::string encode_piece_list(const PieceList& list);
bool decode_piece_list(std::string_view text, PieceList* out);

// Sums up names, in order.
class PieceSum {
 public:
  void add(const Piece& p) { hasher_.update(as_bytes(p.name)); }
  Sha256 take() { return hasher_.sha256(); }

 private:
  Hasher hasher_{Algorithm::sha256};
};

// Which pieces are there, by eight bytes of their names: what a writer remembers, so that the file needs no index in an order that is nobody's, each
// new piece of which would be a page to write. It forgets those it met longest ago once it is full: then a piece is kept twice, and its layer is indexed by the
// second.
class KnownPieces {
 public:
  explicit KnownPieces(size_t most = size_t{1} << 22) : most_(most) {}
  std::optional<int64_t> find(std::string_view name);
  void note(std::string_view name, int64_t number);
  void clear() { slots_.clear(), used_ = 0; }

 private:
  static constexpr size_t kWays = 4;  // slots among which a name has its place, those met last first
  struct Slot {
    uint64_t key = 0;
    int64_t number = 0;  // 0: free
  };
  Slot* place(uint64_t key) { return &slots_[(key * 0x9e3779b97f4a7c15 >> 20) % (slots_.size() / kWays) * kWays]; }
  void put(uint64_t key, int64_t number);

  std::vector<Slot> slots_;
  size_t used_ = 0, most_;
};

class PieceTable {
 public:
  explicit PieceTable(Database& db) : db_(db) {}

  // The number of each piece, in order; those that are not there are written. False when that failed.
  bool add(const std::vector<Piece>& pieces, std::vector<int64_t>* numbers);
  // Calls f(piece) for each number in order. False where one is not there, is damaged, or f says so. `mend`: a damaged one is dropped, so that
  // it is written anew with the next layer that has it; not while another connection writes.
  bool read(const std::vector<int64_t>& numbers, const std::function<bool(int64_t number, Piece piece)>& f, bool mend = false);
  // After a transaction was taken back: what it added is not known.
  void forget() { known_.clear(), learned_ = 0; }
  // Drops all that are not among `kept` (ascending).
  bool keep_only(const std::vector<int64_t>& kept);

 private:
  bool add_to_server(const std::vector<Piece>& pieces, std::vector<int64_t>* numbers);
  bool learn();
  bool drop(int64_t number);

  Database& db_;
  KnownPieces known_;
  int64_t learned_ = 0;  // the number up to which pieces are in known_
};

}  // namespace careen
