#include "archive/stream.h"

#include "base/fd.h"

namespace careen {

Result<size_t> FdSource::read(std::span<uint8_t> into) {
  if (whole_) return read_some(fd_, into);
  if (into.size() > left_) into = into.first(static_cast<size_t>(left_));
  if (into.empty()) return size_t{0};
  CAREEN_ASSIGN(size_t n, pread_full(fd_, into, offset_));
  offset_ += n;
  left_ -= n;
  if (n == 0) return Error{Errc::truncated, "the file ends " + std::to_string(left_) + " bytes too early"};
  return n;
}

Result<size_t> MemorySource::read(std::span<uint8_t> into) {
  size_t n = std::min(into.size(), data_.size());
  if (n != 0) std::memcpy(into.data(), data_.data(), n);
  data_ = data_.subspan(n);
  return n;
}

Result<size_t> HashingSource::read(std::span<uint8_t> into) {
  CAREEN_ASSIGN(size_t n, from_.read(into));
  hasher_.update(into.first(n));
  count_ += n;
  return n;
}

Result<size_t> PrefixedSource::read(std::span<uint8_t> into) {
  if (used_ == first_.size()) return rest_.read(into);
  size_t n = std::min(into.size(), first_.size() - used_);
  std::memcpy(into.data(), first_.data() + used_, n);
  used_ += n;
  return n;
}

namespace {

// Fills the buffer as far as the source goes: few large chunks are cheaper for what follows than many small ones.
// A source is not read again after its error, so the error is kept for when what came before it was given.
size_t fill(ByteSource& from, std::span<uint8_t> into, std::optional<Error>& error) {
  size_t have = 0;
  while (have < into.size()) {
    auto n = from.read(into.subspan(have));
    if (!n) error = std::move(n).error();
    if (!n || *n == 0) break;
    have += *n;
  }
  return have;
}

}  // namespace

Result<Bytes> Chunked::next() {
  size_t n = error_ ? 0 : fill(from_, buffer_, error_);
  if (n == 0 && error_) return *error_;
  return Bytes(buffer_.data(), n);
}

Prefetch::Prefetch(ByteSource& from, size_t chunk, size_t buffers) : from_(from), slots_(buffers) {
  for (Slot& s : slots_) s.data.resize(chunk);
  thread_ = std::thread([this] { run(); });
}

void Prefetch::run() {
  for (;;) {
    Slot* slot = nullptr;
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [&] { return stop_ || filled_ - taken_ < slots_.size(); });
      if (stop_) return;
      slot = &slots_[filled_ % slots_.size()];
    }
    std::optional<Error> error;
    size_t n = fill(from_, slot->data, error);
    std::lock_guard lock(mutex_);
    if (n != 0) slot->used = n, ++filled_;
    ended_ = n == 0 || error;
    error_ = std::move(error);
    changed_.notify_all();
    if (ended_) return;
  }
}

Result<Bytes> Prefetch::next() {
  std::unique_lock lock(mutex_);
  if (holding_) ++taken_, holding_ = false, changed_.notify_all();
  changed_.wait(lock, [&] { return filled_ != taken_ || ended_; });
  if (filled_ != taken_) {
    holding_ = true;
    const Slot& slot = slots_[taken_ % slots_.size()];
    return Bytes(slot.data.data(), slot.used);
  }
  if (error_) return *error_;
  return Bytes{};
}

void Prefetch::finish() {
  {
    std::lock_guard lock(mutex_);
    stop_ = true;
    changed_.notify_all();
  }
  if (thread_.joinable()) thread_.join();
}

Result<void> drain(ByteSource& from, uint64_t limit) {
  std::vector<uint8_t> buffer(256 << 10);
  for (uint64_t seen = 0;;) {
    CAREEN_ASSIGN(size_t n, from.read(buffer));
    if (n == 0) return {};
    seen += n;
    if (seen > limit) return Error{Errc::limit, "more data than the limit allows"};
  }
}

}  // namespace careen
