// The list of a layer's pieces, and file tables cut into pieces: what comes back is what went in.
#include "store/pieces.h"

using namespace careen;  // NOLINT

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  PieceList list, again;
  if (decode_piece_list(text, &list) && (!decode_piece_list(encode_piece_list(list), &again) || again.numbers != list.numbers || again.sum != list.sum))
    __builtin_trap();
  if (size < 4) return 0;
  FileTable table, whole;
  table.add_chunk(std::string(text.substr(2)), static_cast<uint32_t>(data[0] | data[1] << 8));
  PieceCutter cutter(table);
  for (Piece p; cutter.next(&p);) {
    if (p.records == 0 || p.records > kPieceMost || p.name.size() != kPieceName) __builtin_trap();
    whole.add_chunk(p.bytes, p.records);
  }
  FileRecord a, b;
  FileCursor before(table), after(whole);
  while (after.next(b))
    if (!before.next(a) || a.path != b.path || a.target != b.target || a.sha256 != b.sha256 || a.size != b.size) __builtin_trap();
  if (after.damaged()) __builtin_trap();
  return 0;
}
