#include "base/bytes.h"

#include <string>
#include <vector>

namespace careen {
namespace {

TEST(Load, ReadsEitherOrder) {
  const std::array<uint8_t, 8> b{1, 2, 3, 4, 5, 6, 7, 0xFF};
  EXPECT_EQ(load<uint16_t>(b.data(), Endian::little), 0x0201U);
  EXPECT_EQ(load<uint16_t>(b.data(), Endian::big), 0x0102U);
  EXPECT_EQ(load<uint32_t>(b.data(), Endian::little), 0x04030201U);
  EXPECT_EQ(load<uint32_t>(b.data(), Endian::big), 0x01020304U);
  EXPECT_EQ(load<uint64_t>(b.data(), Endian::little), 0xFF07060504030201ULL);
  EXPECT_EQ(load<uint64_t>(b.data(), Endian::big), 0x01020304050607FFULL);
  EXPECT_EQ(load<uint8_t>(b.data() + 7, Endian::big), 0xFFU);
}

TEST(Slice, IsEmptyWhereItIsNotWhollyInside) {
  const std::vector<uint8_t> v(10);
  EXPECT_EQ(slice(v, 0, 10).size(), 10U);
  EXPECT_EQ(slice(v, 9, 1).data(), v.data() + 9);
  EXPECT_TRUE(slice(v, 10, 0).empty());
  EXPECT_TRUE(slice(v, 0, 11).empty());
  EXPECT_TRUE(slice(v, 11, 0).empty());
  EXPECT_TRUE(slice(v, UINT64_MAX, UINT64_MAX).empty());
  EXPECT_TRUE(slice(v, 1, UINT64_MAX).empty());
  EXPECT_TRUE(slice({}, 0, 0).empty());
}

TEST(Reader, ReadsInOrderAndTellsWhereItStands) {
  const std::vector<uint8_t> v{1, 2, 0, 3, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 'x', 'y'};
  Reader r(v);
  EXPECT_EQ(r.u8(), 1U);
  EXPECT_EQ(r.u16(), 2U);
  EXPECT_EQ(r.u32(), 3U);
  EXPECT_EQ(r.u64(), 4U);
  EXPECT_EQ(r.position(), 15U);
  EXPECT_EQ(r.left(), 2U);
  EXPECT_EQ(as_text(r.bytes(2)), "xy");
  EXPECT_FALSE(r.failed());
  EXPECT_EQ(r.left(), 0U);
}

TEST(Reader, ReadsBigEndianWhenTold) {
  const std::vector<uint8_t> v{0, 1, 0, 0, 0, 2};
  Reader r(v, Endian::big);
  EXPECT_EQ(r.u16(), 1U);
  EXPECT_EQ(r.u32(), 2U);
}

TEST(Reader, AReadPastTheEndFailsForGoodAndGivesNothing) {
  const std::vector<uint8_t> v{1, 2, 3};
  Reader r(v);
  EXPECT_EQ(r.u32(), 0U);
  EXPECT_TRUE(r.failed());
  EXPECT_EQ(r.u8(), 0U) << "though one byte would be there";
  EXPECT_TRUE(r.bytes(1).empty());
  EXPECT_EQ(r.left(), 0U);
  r.seek(0);
  EXPECT_EQ(r.u8(), 0U) << "seeking back mends nothing";
}

TEST(Reader, LengthsNearTheTopOfTheirTypeDoNotWrapAround) {
  const std::vector<uint8_t> v{1, 2, 3};
  Reader r(v);
  r.skip(1);
  EXPECT_TRUE(r.bytes(UINT64_MAX).empty());
  EXPECT_TRUE(r.failed());
  Reader s(v);
  s.seek(UINT64_MAX);
  EXPECT_TRUE(s.failed());
}

TEST(Reader, SeekMayReachTheEndAndNoFurther) {
  const std::vector<uint8_t> v{1, 2, 3};
  Reader r(v);
  r.seek(3);
  EXPECT_FALSE(r.failed());
  EXPECT_TRUE(r.bytes(0).empty());
  EXPECT_FALSE(r.failed()) << "nothing may be read at the end";
  r.seek(1);
  EXPECT_EQ(r.u8(), 2U);
  r.seek(4);
  EXPECT_TRUE(r.failed());
}

}  // namespace
}  // namespace careen
