#include "archive/stream.h"

#include <unistd.h>

#include "../tests/support/scratch.h"
#include "base/fd.h"

namespace careen {
namespace {

std::string numbers(size_t n) {
  std::string s;
  while (s.size() < n) s += std::to_string(s.size()) + ",";
  return s.substr(0, n);
}

Result<std::string> read_all(ByteSource& from, size_t buffer = 1000) {
  std::string out, part(buffer, '\0');
  for (;;) {
    CAREEN_ASSIGN(size_t n, from.read({reinterpret_cast<uint8_t*>(part.data()), part.size()}));
    if (n == 0) return out;
    out.append(part, 0, n);
  }
}

Result<std::string> read_all(ChunkSource& from) {
  std::string out;
  for (;;) {
    CAREEN_ASSIGN(Bytes part, from.next());
    if (part.empty()) return out;
    out += as_text(part);
  }
}

// Gives `good` in reads of at most `step`, then fails once; a further read is against the contract of ByteSource and is counted.
class Failing : public ByteSource {
 public:
  Failing(std::string good, size_t step) : good_(std::move(good)), step_(step) {}
  Result<size_t> read(std::span<uint8_t> into) override {
    if (failed_) return ++reads_after_, size_t{0};
    if (at_ == good_.size()) return failed_ = true, Error{Errc::corrupt, "broken"};
    size_t n = std::min({step_, into.size(), good_.size() - at_});
    std::memcpy(into.data(), good_.data() + at_, n);
    at_ += n;
    return n;
  }
  int reads_after() const { return reads_after_; }

 private:
  std::string good_;
  size_t step_, at_ = 0;
  bool failed_ = false;
  int reads_after_ = 0;
};

TEST(MemorySource, GivesWhatItHoldsAndThenTheEnd) {
  std::string text = numbers(2500);
  MemorySource m(as_bytes(text));
  EXPECT_EQ(*read_all(m), text);
  std::array<uint8_t, 4> b{};
  EXPECT_EQ(*m.read(b), 0U);
  MemorySource nothing(Bytes{});
  EXPECT_EQ(*nothing.read(b), 0U);
}

TEST(FdSource, ReadsFromTheCurrentPositionToTheEnd) {
  test::Scratch s;
  auto fd = open_read(s.write("f", "0123456789"));
  ASSERT_TRUE(fd);
  ASSERT_EQ(::lseek(fd->get(), 4, SEEK_SET), 4);
  FdSource from(fd->get());
  EXPECT_EQ(*read_all(from, 3), "456789");
}

TEST(FdSource, ReadsARegionAndLeavesThePositionAlone) {
  test::Scratch s;
  auto fd = open_read(s.write("f", "0123456789"));
  ASSERT_TRUE(fd);
  FdSource from(fd->get(), 2, 5);
  EXPECT_EQ(*read_all(from, 3), "23456");
  EXPECT_EQ(::lseek(fd->get(), 0, SEEK_CUR), 0);
}

TEST(FdSource, ARegionBeyondTheFileIsTruncated) {
  test::Scratch s;
  auto fd = open_read(s.write("f", "0123456789"));
  ASSERT_TRUE(fd);
  FdSource beyond(fd->get(), 8, 100);
  std::array<uint8_t, 10> b{};
  EXPECT_EQ(*beyond.read(b), 2U) << "what is there is given";
  EXPECT_EQ(beyond.read(b).error().code, Errc::truncated);
  FdSource outside(fd->get(), 100, 1);
  EXPECT_EQ(outside.read(b).error().code, Errc::truncated);
}

TEST(FdSource, ABadDescriptorIsAnError) {
  FdSource from(-1);
  auto r = read_all(from);
  ASSERT_FALSE(r);
  EXPECT_EQ(r.error().code, Errc::io);
}

TEST(HashingSource, HashesAndCountsWhatPasses) {
  std::string text = numbers(100'000);
  MemorySource m(as_bytes(text));
  HashingSource h(m, Algorithm::sha256);
  EXPECT_EQ(*read_all(h, 777), text);
  EXPECT_EQ(h.count(), text.size());
  EXPECT_EQ(h.digest(), digest_of(as_bytes(text)));
  MemorySource again(as_bytes(text));
  HashingSource wide(again, Algorithm::sha512);
  ASSERT_TRUE(read_all(wide));
  EXPECT_EQ(wide.digest(), digest_of(as_bytes(text), Algorithm::sha512));
}

TEST(PrefixedSource, GivesTheFirstBytesAndThenTheRest) {
  for (size_t buffer : {size_t{1}, size_t{2}, size_t{3}, size_t{100}}) {
    MemorySource rest(as_bytes("rest"));
    PrefixedSource p({'a', 'b', 'c'}, rest);
    EXPECT_EQ(*read_all(p, buffer), "abcrest");
  }
  MemorySource rest(as_bytes("rest"));
  PrefixedSource none({}, rest);
  EXPECT_EQ(*read_all(none), "rest");
}

TEST(Chunked, FillsEachChunkFromSmallReads) {
  std::string text = numbers(2500);
  Failing slow(text, 7);
  Chunked c(slow, 1000);
  EXPECT_EQ(as_text(*c.next()), text.substr(0, 1000));
  EXPECT_EQ(as_text(*c.next()), text.substr(1000, 1000));
  EXPECT_EQ(as_text(*c.next()), text.substr(2000)) << "what came before the error is given";
  auto r = c.next();
  ASSERT_FALSE(r) << "and then the error";
  EXPECT_EQ(r.error().what, "broken");
}

TEST(Chunked, ASourceIsNotReadAgainAfterItsError) {
  Failing source("some", 7);
  Chunked c(source, 1000);
  EXPECT_EQ(as_text(*c.next()), "some");
  EXPECT_FALSE(c.next());
  EXPECT_EQ(source.reads_after(), 0);
}

TEST(Prefetch, GivesTheSameBytesForAnyGeometry) {
  std::string text = numbers(100'000);
  for (size_t chunk : {size_t{1000}, size_t{4096}, size_t{1 << 20}})
    for (size_t buffers : {size_t{1}, size_t{2}, size_t{5}}) {
      MemorySource m(as_bytes(text));
      Prefetch p(m, chunk, buffers);
      auto got = read_all(p);
      ASSERT_TRUE(got);
      EXPECT_EQ(*got, text) << chunk << " " << buffers;
      EXPECT_TRUE(p.next()->empty()) << "the end stays the end";
    }
}

TEST(Prefetch, AnErrorComesAfterWhatWasRead) {
  std::string text = numbers(5000);
  Failing source(text, 100);
  Prefetch p(source, 1024, 2);
  std::string got;
  for (;;) {
    auto part = p.next();
    if (!part) {
      EXPECT_EQ(part.error().what, "broken");
      break;
    }
    ASSERT_FALSE(part->empty()) << "the end came in place of the error";
    got += as_text(*part);
  }
  EXPECT_EQ(got, text);
  EXPECT_FALSE(p.next()) << "the error stays";
  p.finish();
  EXPECT_EQ(source.reads_after(), 0);
}

TEST(Prefetch, MayBeGivenUpAtAnyTime) {
  std::string text = numbers(100'000);
  MemorySource m(as_bytes(text));
  { Prefetch unread(m, 512, 2); }
  Prefetch p(m, 512, 2);
  ASSERT_TRUE(p.next());
  p.finish();
  p.finish();
}

TEST(Drain, ReadsToTheEndWithinItsLimit) {
  std::string text = numbers(10'000);
  MemorySource m(as_bytes(text));
  EXPECT_TRUE(drain(m, 10'000));
  MemorySource again(as_bytes(text));
  auto r = drain(again, 9'999);
  ASSERT_FALSE(r);
  EXPECT_EQ(r.error().code, Errc::limit);
  Failing broken("x", 1);
  EXPECT_FALSE(drain(broken, 100));
}

}  // namespace
}  // namespace careen
