#include "store/pieces.h"

#include <algorithm>
#include <deque>
#include <map>

#include "base/bytes.h"
#include "base/codec.h"
#include "base/text.h"
#include "store/squeeze.h"

namespace careen {

const char* const kPieceSql = R"(
CREATE TABLE IF NOT EXISTS piece(id INTEGER PRIMARY KEY AUTOINCREMENT, body BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS piece_name(id INTEGER PRIMARY KEY, name BLOB NOT NULL);
)";

const char* const kPostgresPieceSql = R"(
CREATE SEQUENCE IF NOT EXISTS piece_number;
CREATE TABLE IF NOT EXISTS piece(name BYTEA PRIMARY KEY, id BIGINT NOT NULL DEFAULT nextval('piece_number'), body BYTEA NOT NULL);
CREATE INDEX IF NOT EXISTS piece_id ON piece(id);
ALTER TABLE piece ALTER COLUMN body SET STORAGE EXTERNAL;
)";

namespace {

constexpr uint64_t kMaxPiece = 16 << 20;  // one record's path may be long
constexpr size_t kAtOnce = 1024;          // pieces of one statement, where those take lists

uint64_t hash_of(std::string_view text) {  // FNV-1a: whoever makes its values meet only makes pieces that nobody shares
  uint64_t h = 0xcbf29ce484222325;
  for (char c : text) h = (h ^ static_cast<uint8_t>(c)) * 0x100000001b3;
  return h ^ h >> 29;
}

// Whether a piece of `records` ends before this record.
bool cuts(std::string_view folder, const FileRecord& next, uint32_t records, size_t bytes) {
  if (records >= kPieceMost || bytes >= kPieceBytes) return true;
  std::string_view its = dir_name(next.path);
  if (its != folder) return records >= kPieceFolder || (records >= kPieceLeast && hash_of(its) % 4 == 0);
  return records >= kPieceFolder && hash_of(next.path) % 64 == 0;
}

std::string name_of(const Piece& p) {
  std::string count;
  put_varint(count, p.records);
  Hasher h(Algorithm::sha256);
  h.update(as_bytes(count));
  h.update(as_bytes(p.bytes));
  Sha256 d = h.sha256();
  return {reinterpret_cast<const char*>(d.data()), kPieceName};
}

std::string pack(const Piece& p) {
  std::string raw;
  put_varint(raw, p.records);
  raw += p.bytes;
  return squeeze(raw);
}

std::optional<Piece> unpack(std::string_view body) {
  auto raw = inflate(body, kMaxPiece);
  size_t at = 0;
  uint64_t records = 0;
  if (!raw || !get_varint(as_bytes(*raw), &at, &records) || records > raw->size()) return std::nullopt;
  Piece p;
  p.bytes = raw->substr(at);
  p.records = static_cast<uint32_t>(records);
  p.name = name_of(p);
  return p;
}

}  // namespace

bool PieceCutter::next(Piece* piece) {
  if (!more_) return false;
  piece->bytes.clear(), piece->records = 0;
  std::string before;
  do {
    if (piece->records != 0 && cuts(dir_name(before), record_, piece->records, piece->bytes.size())) break;
    put_record(piece->bytes, record_.path, before, cursor_.tail());
    before = record_.path;
    ++piece->records;
    more_ = cursor_.next(record_);
  } while (more_);
  piece->name = name_of(*piece);
  return !cursor_.damaged();
}

std::string encode_piece_list(const PieceList& list) {
  std::string out;
  put_varint(out, list.numbers.size());
  int64_t before = 0;
  for (int64_t n : list.numbers) {  // mostly they follow each other, or one that was there long before
    int64_t step = n - before;
    put_varint(out, static_cast<uint64_t>(step) << 1 ^ static_cast<uint64_t>(step >> 63));
    before = n;
  }
  out.append(reinterpret_cast<const char*>(list.sum.data()), list.sum.size());
  return out;
}

bool decode_piece_list(std::string_view text, PieceList* out) {
  Bytes in = as_bytes(text);
  size_t at = 0;
  uint64_t count = 0, before = 0;
  if (!get_varint(in, &at, &count) || count > in.size()) return false;
  out->numbers.clear();
  for (uint64_t i = 0; i < count; ++i) {
    uint64_t step = 0;
    if (!get_varint(in, &at, &step)) return false;
    before += step >> 1 ^ (~(step & 1) + 1);
    out->numbers.push_back(static_cast<int64_t>(before));
  }
  if (in.size() - at != out->sum.size()) return false;
  std::copy(in.begin() + static_cast<long>(at), in.end(), out->sum.begin());
  return true;
}

std::optional<int64_t> KnownPieces::find(std::string_view name) {
  if (slots_.empty()) return std::nullopt;
  auto key = load<uint64_t>(as_bytes(name).data(), Endian::little);
  Slot* first = place(key);
  for (Slot* s = first; s != first + kWays; ++s)
    if (s->number != 0 && s->key == key) {
      std::rotate(first, s, s + 1);
      return first->number;
    }
  return std::nullopt;
}

void KnownPieces::note(std::string_view name, int64_t number) {
  if (slots_.empty()) slots_.resize(std::min(most_, size_t{1} << 12));
  if (used_ * 2 > slots_.size() && slots_.size() < most_) {
    auto old = std::move(slots_);
    slots_.assign(old.size() * 2, {});
    used_ = 0;
    for (size_t i = old.size(); i-- > 0;)  // those met last come last, and so first
      if (old[i].number != 0) put(old[i].key, old[i].number);
  }
  put(load<uint64_t>(as_bytes(name).data(), Endian::little), number);
}

void KnownPieces::put(uint64_t key, int64_t number) {
  Slot* first = place(key);
  Slot* s = std::find_if(first, first + kWays - 1, [&](const Slot& one) { return one.number == 0 || one.key == key; });
  used_ += s->number == 0;
  *s = {key, number};
  std::rotate(first, s, s + 1);
}

// What was written since, by this process or another.
bool PieceTable::learn() {
  Statement s(db_, "SELECT id, name FROM piece_name WHERE id>? ORDER BY id");
  for (s.with(learned_); s.row();) {
    learned_ = s.number(0);
    if (s.view(1).size() == kPieceName) known_.note(s.view(1), learned_);
  }
  return db_.read_failure().empty();
}

// What was not committed is not known: the next call learns it with what others wrote.
bool PieceTable::add(const std::vector<Piece>& pieces, std::vector<int64_t>* numbers) {
  if (db_.kind() == Database::Kind::postgres) return add_to_server(pieces, numbers);
  if (!learn()) return false;
  Statement there(db_, "SELECT 1 FROM piece_name WHERE id=? AND name=?"), insert(db_, "INSERT INTO piece(body) VALUES(?) RETURNING id"),
      name(db_, "INSERT INTO piece_name VALUES(?,?)");
  std::map<std::string_view, int64_t> fresh;
  for (const Piece& p : pieces) {
    auto known = known_.find(p.name);
    if (known && there.with(*known, SqlBlob{p.name}).row()) {
      numbers->push_back(*known);
      continue;
    }
    int64_t& number = fresh[p.name];
    if (number == 0) {
      std::string body = pack(p);
      if (!insert.with(SqlBlob{body}).row()) return false;
      number = insert.number(0);
      insert.row();  // its end
      if (!name.with(number, SqlBlob{p.name}).done()) return false;
    }
    numbers->push_back(number);
  }
  return true;
}

// In the order of their names, so that of several that write at once none waits for another that waits for it.
bool PieceTable::add_to_server(const std::vector<Piece>& pieces, std::vector<int64_t>* numbers) {
  std::map<std::string_view, std::pair<const Piece*, int64_t>> known;  // with its number, by name
  for (const Piece& p : pieces) known.emplace(p.name, std::pair(&p, int64_t{0}));
  auto look = [&](const std::vector<std::string_view>& names) {
    Statement s(db_, "SELECT name, id FROM piece WHERE name=ANY(?)");
    for (s.with(names); s.row();)
      if (auto it = known.find(s.view(0)); it != known.end()) it->second.second = s.number(1);
  };
  for (auto it = known.begin(); it != known.end();) {
    std::vector<std::string_view> names, missing, bodies;
    std::deque<std::string> packed;
    for (; it != known.end() && names.size() < kAtOnce; ++it) names.push_back(it->first);
    look(names);
    for (std::string_view n : names)
      if (const auto& [piece, number] = known[n]; number == 0) missing.push_back(n), bodies.push_back(packed.emplace_back(pack(*piece)));
    if (missing.empty()) continue;
    if (!Statement(db_, "INSERT INTO piece(name, body) SELECT n, b FROM unnest(?, ?) AS given(n, b) ON CONFLICT DO NOTHING").with(missing, bodies).done())
      return false;
    look(missing);
  }
  for (const Piece& p : pieces) numbers->push_back(known[p.name].second);
  return std::find(numbers->begin(), numbers->end(), 0) == numbers->end();
}

bool PieceTable::drop(int64_t number) {
  if (db_.kind() == Database::Kind::postgres) return Statement(db_, "DELETE FROM piece WHERE id=?").with(number).done();
  return Statement(db_, "DELETE FROM piece WHERE id=?").with(number).done() && Statement(db_, "DELETE FROM piece_name WHERE id=?").with(number).done();
}

bool PieceTable::read(const std::vector<int64_t>& numbers, const std::function<bool(int64_t, Piece)>& f, bool mend) {
  auto give = [&](int64_t number, std::string_view name, std::string_view body) {
    auto p = unpack(body);
    if (p && p->name == name) return f(number, std::move(*p));
    if (mend) (void)drop(number);
    return false;
  };
  if (db_.kind() != Database::Kind::postgres) {
    Statement one(db_, "SELECT name, body FROM piece JOIN piece_name USING(id) WHERE id=?");
    for (int64_t n : numbers) {
      if (!one.with(n).row()) return mend && db_.read_failure().empty() && drop(n) && false;
      if (!give(n, one.text(0), one.text(1))) return false;
    }
    return true;
  }
  for (size_t i = 0; i < numbers.size(); i += kAtOnce) {
    std::vector<int64_t> part(numbers.begin() + static_cast<long>(i), numbers.begin() + static_cast<long>(std::min(i + kAtOnce, numbers.size())));
    std::map<int64_t, std::pair<std::string, std::string>> bodies;  // with their names
    Statement some(db_, "SELECT id, name, body FROM piece WHERE id=ANY(?)");
    for (some.with(part); some.row();) bodies.emplace(some.number(0), std::pair(some.text(1), some.text(2)));
    for (int64_t n : part)
      if (auto it = bodies.find(n); it == bodies.end() || !give(n, it->second.first, it->second.second)) return false;
  }
  return true;
}

bool PieceTable::keep_only(const std::vector<int64_t>& kept) {
  std::vector<int64_t> lost;
  for (Statement all(db_, "SELECT id FROM piece UNION SELECT id FROM piece_name"); all.row();)
    if (!std::binary_search(kept.begin(), kept.end(), all.number(0))) lost.push_back(all.number(0));
  return std::all_of(lost.begin(), lost.end(), [&](int64_t n) { return drop(n); });
}

}  // namespace careen
