// Reads a Unix ar archive (a .deb): member by member, from a stream. Format: deb(5), ar(5).
#pragma once
#include <string>

#include "archive/stream.h"

namespace careen {

class ArReader {
 public:
  explicit ArReader(ByteSource& from) : from_(from) {}
  // The next member's name; false at the end. What was not read of the last one is skipped.
  Result<bool> next(std::string* name, uint64_t* size);
  // The content of the current member as a stream; valid until next().
  ByteSource& member() { return member_; }

 private:
  class Member : public ByteSource {
   public:
    explicit Member(ArReader& owner) : owner_(owner) {}
    Result<size_t> read(std::span<uint8_t> into) override;

   private:
    ArReader& owner_;
  };
  Result<bool> exactly(std::span<uint8_t> into);

  ByteSource& from_;
  Member member_{*this};
  uint64_t left_ = 0;
  bool odd_ = false, started_ = false;
};

}  // namespace careen
