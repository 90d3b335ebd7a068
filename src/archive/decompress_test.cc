// Each decoder against what the tools write: members, frames, cuts, trailing bytes, and reads of every size.
#include "archive/decompress.h"

#include "../tests/support/scratch.h"
#include "base/text.h"

namespace careen {
namespace {

using testing::HasSubstr;

std::string bytes_of(std::string_view hex) {
  auto v = from_hex(hex);
  return v ? std::string(v->begin(), v->end()) : "";
}

// "hello\n" as each tool packs it, written down so that the tests need no tool.
const std::string kGzip = bytes_of("1f8b0800000000000003cb48cdc9c9e7020020303a3606000000");
const std::string kBzip2 = bytes_of("425a6839314159265359c1c080e2000001410000100244a00030cd00c3462997177245385090c1c080e2");
const std::string kZstd = bytes_of("28b52ffd005831000068656c6c6f0a");
const std::string kXz =
    bytes_of("fd377a585a000004e6d6b4460200210116000000742fe5a301000568656c6c6f0a000000a56097f194f6fde000011e06c12fa41d1fb6f37d010000000004595a");
const std::string kEmptyGzip = bytes_of("1f8b080000000000000303000000000000000000");

// A source that gives few bytes at a time.
class Trickle : public ByteSource {
 public:
  Trickle(std::string_view all, size_t step) : all_(as_bytes(all)), step_(step) {}
  Result<size_t> read(std::span<uint8_t> into) override {
    size_t n = std::min({step_, into.size(), all_.size()});
    if (n != 0) std::memcpy(into.data(), all_.data(), n);
    all_ = all_.subspan(n);
    return n;
  }

 private:
  Bytes all_;
  size_t step_;
};

struct Inflated {
  std::string text;
  uint64_t trailing = 0;
  std::optional<Error> error;
};

Inflated inflate(std::string_view packed, size_t in = 1 << 20, size_t out = 1 << 16) {
  Trickle from(packed, in);
  auto d = open_decompressor(recognise_compression(as_bytes(packed)), from);
  Inflated r;
  std::vector<uint8_t> part(out);
  for (;;) {
    auto n = d->read(part);
    if (!n) return r.error = n.error(), r;
    if (*n == 0) break;
    r.text += as_text(Bytes(part).first(*n));
  }
  r.trailing = d->trailing();
  EXPECT_EQ(*d->read(part), 0U) << "the end stays the end";
  return r;
}

// As inflate, by way of the chunks that readers of archives use.
Inflated inflate_chunked(std::string_view packed, size_t in) {
  Trickle from(packed, in);
  auto d = open_decompressor(recognise_compression(as_bytes(packed)), from);
  Chunked chunks(*d, 1 << 16);
  Inflated r;
  for (;;) {
    auto part = chunks.next();
    if (!part) return r.error = part.error(), r;
    if (part->empty()) return r;
    r.text += as_text(*part);
  }
}

TEST(Compression, IsRecognisedByItsFirstBytes) {
  EXPECT_EQ(recognise_compression(as_bytes(kGzip)), Compression::gzip);
  EXPECT_EQ(recognise_compression(as_bytes(kZstd)), Compression::zstd);
  EXPECT_EQ(recognise_compression(as_bytes(kXz)), Compression::xz);
  EXPECT_EQ(recognise_compression(as_bytes(kBzip2)), Compression::bzip2);
  EXPECT_EQ(recognise_compression(as_bytes(bytes_of("5f2a4d1800000000"))), Compression::zstd) << "a skippable frame first";
  for (std::string_view none : {"", "B", "BZh", "BZh0", "BZhx", "\x1f", "usr/lib",
                                "\xfd"
                                "7zXY"})
    EXPECT_EQ(recognise_compression(as_bytes(none)), Compression::none);
  for (const std::string* s : {&kGzip, &kZstd, &kXz, &kBzip2})
    EXPECT_NE(recognise_compression(as_bytes(*s).first(kMagicBytes)), Compression::none) << "kMagicBytes are enough";
}

TEST(Compression, HasANameOfEachKind) {
  EXPECT_EQ(to_text(Compression::none), "none");
  EXPECT_EQ(to_text(Compression::gzip), "gzip");
  EXPECT_EQ(to_text(Compression::zstd), "zstd");
  EXPECT_EQ(to_text(Compression::xz), "xz");
  EXPECT_EQ(to_text(Compression::bzip2), "bzip2");
}

class EachFormat : public testing::TestWithParam<const std::string*> {};
INSTANTIATE_TEST_SUITE_P(Formats, EachFormat, testing::Values(&kGzip, &kBzip2, &kZstd, &kXz));

TEST_P(EachFormat, GivesTheTextForReadsOfAnySize) {
  for (size_t in : {size_t{1}, size_t{3}, size_t{1000}})
    for (size_t out : {size_t{1}, size_t{2}, size_t{5}, size_t{6}, size_t{7}, size_t{1000}}) {
      Inflated r = inflate(*GetParam(), in, out);
      ASSERT_FALSE(r.error) << in << " " << out << " " << r.error->what;
      EXPECT_EQ(r.text, "hello\n") << in << " " << out;
      EXPECT_EQ(r.trailing, 0U);
    }
}

TEST_P(EachFormat, ReadsMembersBehindEachOtherAsOne) {
  for (size_t in : {size_t{1}, size_t{1000}}) {
    Inflated r = inflate(*GetParam() + *GetParam() + *GetParam(), in);
    ASSERT_FALSE(r.error) << r.error->what;
    EXPECT_EQ(r.text, "hello\nhello\nhello\n");
  }
}

TEST_P(EachFormat, CountsWhatFollowsTheEndAsTrailing) {
  for (size_t in : {size_t{1}, size_t{1000}})
    for (std::string_view after : {"x", "four", "trailing bytes of some length, more than any magic"}) {
      Inflated r = inflate(*GetParam() + std::string(after), in);
      ASSERT_FALSE(r.error) << r.error->what;
      EXPECT_EQ(r.text, "hello\n");
      EXPECT_EQ(r.trailing, after.size());
    }
}

TEST_P(EachFormat, ACutAnywhereIsAnError) {
  const std::string& whole = *GetParam();
  for (size_t cut = kMagicBytes; cut < whole.size(); ++cut) {
    Inflated r = inflate(std::string_view(whole).substr(0, cut));
    ASSERT_TRUE(r.error) << cut;
    EXPECT_EQ(r.error->code, Errc::truncated) << cut << ": " << r.error->what;
  }
}

TEST_P(EachFormat, ACutIsAnErrorThroughChunksAsWell) {
  const std::string& whole = *GetParam();
  for (size_t cut = kMagicBytes; cut < whole.size(); ++cut) EXPECT_TRUE(inflate_chunked(std::string_view(whole).substr(0, cut), 1).error) << cut;
}

TEST_P(EachFormat, AFlippedBitNeverGivesOtherText) {
  for (size_t i = kMagicBytes; i < GetParam()->size(); ++i)
    for (int bit = 0; bit < 8; ++bit) {
      std::string broken = *GetParam();
      broken[i] = static_cast<char>(broken[i] ^ (1 << bit));
      Inflated r = inflate(broken);
      bool unchecked = GetParam() == &kZstd;  // this frame has no checksum
      if (!r.error && !unchecked) {
        EXPECT_EQ(r.text, "hello\n") << "byte " << i << " bit " << bit;
      }
    }
}

TEST(Gzip, AWrongChecksumIsCorruptHoweverTheBytesCome) {
  std::string broken = kGzip;
  broken[broken.size() - 8] = static_cast<char>(broken[broken.size() - 8] ^ 1);
  for (size_t in : {size_t{1}, size_t{2}, size_t{4}, size_t{1000}}) {
    Inflated plain = inflate(broken, in);
    ASSERT_TRUE(plain.error) << in;
    EXPECT_EQ(plain.error->code, Errc::corrupt);
    Inflated chunked = inflate_chunked(broken, in);
    ASSERT_TRUE(chunked.error) << "swallowed in chunks, " << in << " bytes at a time";
  }
}

TEST(Gzip, EmptyMembersAreNoEnd) {
  Inflated r = inflate(kEmptyGzip + kEmptyGzip + kGzip + kEmptyGzip);
  ASSERT_FALSE(r.error) << r.error->what;
  EXPECT_EQ(r.text, "hello\n");
  EXPECT_EQ(inflate(kEmptyGzip).text, "");
  std::string many;
  for (int i = 0; i < 5000; ++i) many += kEmptyGzip;
  EXPECT_EQ(inflate(many + kGzip).text, "hello\n");
}

TEST(Gzip, HeaderFieldsAreSkipped) {
  std::string all = bytes_of("1f8b081c00000000000303006162637800") + "comment" + std::string(1, '\0') + kGzip.substr(10);
  for (size_t in : {size_t{1}, size_t{2}, size_t{13}, size_t{1000}}) {
    Inflated r = inflate(all, in);
    ASSERT_FALSE(r.error) << in << ": " << r.error->what;
    EXPECT_EQ(r.text, "hello\n");
  }
}

TEST(Gzip, AMemberWithAnExtraFieldAloneEndsALayerAsEstargzWritesIt) {
  std::string footer = bytes_of(
      "1f8b0804000000000003"
      "1a00"
      "53471600"
      "30303030303030303030303030313030"
      "53544152475a"
      "010000ffff"
      "0000000000000000");
  for (size_t in : {size_t{1}, size_t{7}, size_t{30}, size_t{1000}}) {
    Inflated r = inflate(kGzip + footer, in);
    ASSERT_FALSE(r.error) << in << ": " << r.error->what;
    EXPECT_EQ(r.text, "hello\n");
  }
}

TEST(Gzip, AnUnknownMethodIsAnError) {
  std::string broken = kGzip;
  broken[2] = 7;
  EXPECT_TRUE(inflate(broken).error);
}

TEST(Zstd, SkippableFramesAreSkippedWhereverTheyStand) {
  std::string skip = bytes_of("502a4d1803000000") + "abc";
  for (size_t in : {size_t{1}, size_t{1000}}) {
    Inflated r = inflate(skip + kZstd + skip + skip + kZstd + skip, in);
    ASSERT_FALSE(r.error) << r.error->what;
    EXPECT_EQ(r.text, "hello\nhello\n");
    EXPECT_EQ(r.trailing, 0U);
  }
}

TEST(Zstd, AWindowOverTheLimitIsRefusedByName) {
  std::string frame = bytes_of(
      "28b52ffd"
      "00"
      "90"
      "010000");  // window 2^(10 + 18)
  Inflated r = inflate(frame);
  ASSERT_TRUE(r.error);
  EXPECT_EQ(r.error->code, Errc::limit);
  EXPECT_THAT(r.error->what, HasSubstr("kMaxZstdWindowLog"));
  std::string allowed = bytes_of(
      "28b52ffd"
      "00"
      "88"
      "010000");  // 2^27, and an empty last block
  EXPECT_FALSE(inflate(allowed).error);
}

TEST(Xz, APresetThatNeedsTooMuchMemoryIsRefusedByName) {
  if (!test::has_tool("xz")) GTEST_SKIP() << "xz is not installed";
  auto packed = test::output_of("printf 'hello\\n' | xz --lzma2=dict=1GiB -c");
  if (!packed) GTEST_SKIP() << "xz has no memory for such a dictionary";
  Inflated r = inflate(*packed);
  ASSERT_TRUE(r.error);
  EXPECT_EQ(r.error->code, Errc::limit);
  EXPECT_THAT(r.error->what, HasSubstr("kMaxXzMemory"));
}

TEST(Plain, BytesPassAsTheyAre) {
  Inflated r = inflate("just text", 2, 3);
  EXPECT_EQ(r.text, "just text");
  EXPECT_EQ(r.trailing, 0U);
}

TEST(Decompressor, AnErrorOfTheSourcePasses) {
  class Broken : public ByteSource {
    Result<size_t> read(std::span<uint8_t>) override { return Error{Errc::network, "gone"}; }
  } from;
  for (Compression c : {Compression::none, Compression::gzip, Compression::zstd, Compression::xz, Compression::bzip2}) {
    std::array<uint8_t, 10> b{};
    auto r = open_decompressor(c, from)->read(b);
    ASSERT_FALSE(r);
    EXPECT_EQ(r.error().code, Errc::network);
  }
}

TEST(Decompressor, NonsenseAfterTheMagicIsAnError) {
  for (Compression c : {Compression::gzip, Compression::zstd, Compression::xz, Compression::bzip2}) {
    std::string junk(1000, 'j');
    MemorySource from(as_bytes(junk));
    std::array<uint8_t, 10> b{};
    auto r = open_decompressor(c, from)->read(b);
    ASSERT_FALSE(r) << to_text(c);
    EXPECT_EQ(r.error().code, Errc::corrupt) << to_text(c);
  }
}

// Text that packs well and text that packs badly, as the tools pack it, in reads of many sizes.
class Tool : public testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(Commands, Tool,
                         testing::Values("gzip -c", "gzip -1 -c", "gzip -9 -n -c", "zstd -q -c", "zstd -q -19 --long=27 -c", "zstd -q --no-check -c", "xz -c",
                                         "xz -0 -c", "xz --check=sha256 --block-size=65536 -c", "bzip2 -c", "bzip2 -1 -c"));

TEST_P(Tool, WhatItPacksComesOutAsItWas) {
  std::string command = GetParam();
  if (!test::has_tool(command.substr(0, command.find(' ')))) GTEST_SKIP() << command << " is not installed";
  test::Scratch scratch;
  std::string zeros(3'000'000, '\0'), noise;
  uint64_t seed = 88172645463325252ULL;
  for (int i = 0; i < 100'000; ++i) {
    seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
    noise.append(reinterpret_cast<const char*>(&seed), 8);
  }
  for (const std::string& text : {zeros, noise, zeros.substr(0, 700'000) + noise + zeros, std::string()}) {
    auto packed = test::output_of(command + " < " + scratch.write("f", text));
    ASSERT_TRUE(packed);
    for (size_t out : {size_t{512}, size_t{4096}, size_t{65536}, size_t{256 << 10}, size_t{1 << 20}})
      for (size_t in : {size_t{1000}, size_t{1 << 20}}) {
        Inflated r = inflate(*packed, in, out);
        ASSERT_FALSE(r.error) << command << " " << text.size() << " in " << in << " out " << out << ": " << r.error->what;
        EXPECT_TRUE(r.text == text) << command << " " << text.size() << " in " << in << " out " << out;
      }
  }
}

}  // namespace
}  // namespace careen
