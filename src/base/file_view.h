// Random access to the bytes of one file for the parsers that need it. It owns nothing; copies what is asked for.
#pragma once
#include <cstring>
#include <vector>

#include "base/bytes.h"

namespace careen {

class FileView {
 public:
  virtual ~FileView() = default;
  virtual uint64_t size() const = 0;
  // Fills `into` from `offset`, wholly or not at all.
  virtual bool read(uint64_t offset, std::span<uint8_t> into) const = 0;
  // The bytes themselves where they lie in memory, without a copy; empty where they do not, or are not all there.
  virtual Bytes in_place(uint64_t offset, uint64_t size) const {
    (void)offset, (void)size;
    return {};
  }
};

// Part of a file: a view of it, or a copy that it owns. Empty when the part was not all there.
class FilePart {
 public:
  FilePart() = default;
  FilePart(const FileView& file, uint64_t offset, uint64_t size) : view_(file.in_place(offset, size)) {
    if (!view_.empty() || size == 0 || offset > file.size() || size > file.size() - offset) return;
    copy_.resize(static_cast<size_t>(size));
    if (file.read(offset, copy_)) view_ = copy_;
  }
  FilePart(FilePart&&) = default;  // the copy's bytes stay where they are
  FilePart& operator=(FilePart&&) = default;
  operator Bytes() const { return view_; }  // NOLINT(google-explicit-constructor)
  bool empty() const { return view_.empty(); }
  size_t size() const { return view_.size(); }
  const uint8_t* data() const { return view_.data(); }
  uint8_t operator[](size_t i) const { return view_[i]; }

 private:
  std::vector<uint8_t> copy_;
  Bytes view_;
};

class MemoryView : public FileView {
 public:
  explicit MemoryView(Bytes data) : data_(data) {}
  uint64_t size() const override { return data_.size(); }
  bool read(uint64_t offset, std::span<uint8_t> into) const override {
    Bytes part = slice(data_, offset, into.size());
    if (part.size() != into.size()) return false;
    if (!part.empty()) std::memcpy(into.data(), part.data(), part.size());
    return true;
  }
  Bytes in_place(uint64_t offset, uint64_t size) const override { return slice(data_, offset, size); }

 private:
  Bytes data_;
};

}  // namespace careen
