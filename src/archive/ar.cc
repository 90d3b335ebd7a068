#include "archive/ar.h"

#include <array>

#include "base/text.h"

namespace careen {

Result<size_t> ArReader::Member::read(std::span<uint8_t> into) {
  if (into.size() > owner_.left_) into = into.first(static_cast<size_t>(owner_.left_));
  if (into.empty()) return size_t{0};
  CAREEN_ASSIGN(size_t n, owner_.from_.read(into));
  if (n == 0) return Error{Errc::truncated, "ar: ends inside a member"};
  owner_.left_ -= n;
  return n;
}

Result<bool> ArReader::exactly(std::span<uint8_t> into) {
  size_t have = 0;
  while (have < into.size()) {
    CAREEN_ASSIGN(size_t n, from_.read(into.subspan(have)));
    if (n == 0) {
      if (have == 0) return false;
      return Error{Errc::truncated, "ar: ends inside a header"};
    }
    have += n;
  }
  return true;
}

Result<bool> ArReader::next(std::string* name, uint64_t* size) {
  std::array<uint8_t, 60> b{};
  if (!started_) {
    CAREEN_ASSIGN(bool ok, exactly(std::span(b).first(8)));
    if (!ok || as_text(Bytes(b).first(8)) != "!<arch>\n") return Error{Errc::corrupt, "ar: not an archive"};
    started_ = true;
  }
  CAREEN_TRY(drain(member_, UINT64_MAX));
  if (odd_) CAREEN_TRY(exactly(std::span(b).first(1)));
  CAREEN_ASSIGN(bool ok, exactly(b));
  if (!ok) return false;
  std::string_view header = as_text(b);
  auto n = to_number(trim(header.substr(48, 10)));
  if (!n || header.substr(58, 2) != "`\n") return Error{Errc::corrupt, "ar: malformed member header"};
  std::string_view raw = trim(header.substr(0, 16));
  if (raw.ends_with('/')) raw.remove_suffix(1);
  *name = raw;
  *size = left_ = *n;
  odd_ = *n % 2 != 0;
  return true;
}

}  // namespace careen
