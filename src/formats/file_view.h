// Random access to the bytes of one file for the parsers that need it. It owns nothing; copies what is asked for.
#pragma once
#include <cstring>

#include "base/bytes.h"

namespace careen {

class FileView {
 public:
  virtual ~FileView() = default;
  virtual uint64_t size() const = 0;
  // Fills `into` from `offset`, wholly or not at all.
  virtual bool read(uint64_t offset, std::span<uint8_t> into) const = 0;
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

 private:
  Bytes data_;
};

}  // namespace careen
