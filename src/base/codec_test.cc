#include "base/codec.h"

namespace careen {
namespace {

enum class Colour : uint8_t { red, green };

struct Part {
  std::string name;
  Colour colour = Colour::red;
  std::optional<uint32_t> weight;
};

struct Thing {
  uint64_t count = 0;
  bool flag = false;
  std::vector<Part> parts;
  std::map<std::string, std::vector<uint8_t>> more;
  std::array<uint8_t, 4> digest{};
};

template <class A>
void fields(A& a, Part& p) {
  a(p.name), a(p.colour), a(p.weight);
}
template <class A>
void fields(A& a, Thing& t) {
  a(t.count), a(t.flag), a(t.parts), a(t.more), a(t.digest);
}

Thing sample() {
  Thing t;
  t.count = UINT64_MAX;
  t.flag = true;
  t.parts = {{"a", Colour::green, 7U}, {std::string("b\0c", 3), Colour::red, std::nullopt}};
  t.more = {{"", {}}, {"k", {1, 200, 3}}};
  t.digest = {9, 8, 7, 6};
  return t;
}

uint64_t decoded_varint(std::string_view in, size_t* used, bool* ok) {
  uint64_t v = 0;
  *used = 0;
  *ok = get_varint(as_bytes(in), used, &v);
  return v;
}

TEST(Varint, EveryWidthComesBack) {
  for (unsigned bit = 0; bit < 64; ++bit)
    for (uint64_t v : {uint64_t{1} << bit, (uint64_t{1} << bit) - 1, UINT64_MAX >> bit}) {
      std::string out;
      put_varint(out, v);
      size_t used = 0;
      bool ok = false;
      EXPECT_EQ(decoded_varint(out, &used, &ok), v);
      EXPECT_TRUE(ok);
      EXPECT_EQ(used, out.size());
    }
}

TEST(Varint, SmallNumbersTakeOneByte) {
  std::string out;
  put_varint(out, 127);
  EXPECT_EQ(out, "\x7f");
  put_varint(out, 128);
  EXPECT_EQ(out, std::string("\x7f\x80\x01"));
}

TEST(Varint, OneThatEndsTooEarlyOrPassesSixtyFourBitsIsNone) {
  size_t used = 0;
  bool ok = true;
  for (std::string_view in : {std::string_view(""), std::string_view("\x80"), std::string_view("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02"),
                              std::string_view("\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01")}) {
    decoded_varint(in, &used, &ok);
    EXPECT_FALSE(ok) << in.size();
  }
}

TEST(Codec, AValueComesBackAsItWas) {
  Thing t = sample(), u;
  std::string bytes = encode(t);
  ASSERT_TRUE(decode(as_bytes(bytes), &u));
  EXPECT_EQ(u.count, t.count);
  EXPECT_EQ(u.flag, t.flag);
  ASSERT_EQ(u.parts.size(), 2U);
  EXPECT_EQ(u.parts[0].name, "a");
  EXPECT_EQ(u.parts[0].colour, Colour::green);
  EXPECT_EQ(u.parts[0].weight, 7U);
  EXPECT_EQ(u.parts[1].name, t.parts[1].name);
  EXPECT_FALSE(u.parts[1].weight);
  EXPECT_EQ(u.more, t.more);
  EXPECT_EQ(u.digest, t.digest);
  EXPECT_EQ(encode(u), bytes) << "one value has one encoding";
}

TEST(Codec, DecodingReplacesWhatWasThere) {
  Thing u = sample();
  ASSERT_TRUE(decode(as_bytes(encode(Thing{})), &u));
  EXPECT_TRUE(u.parts.empty());
  EXPECT_TRUE(u.more.empty());
}

TEST(Codec, EveryCutIsRefused) {
  std::string bytes = encode(sample());
  for (size_t cut = 0; cut < bytes.size(); ++cut) {
    Thing u;
    EXPECT_FALSE(decode(as_bytes(bytes).first(cut), &u)) << cut;
    EXPECT_TRUE(u.parts.empty() || u.parts.size() == 2) << "a list is whole or empty";
  }
}

TEST(Codec, BytesLeftOverAreRefused) {
  std::string bytes = encode(sample()) + "x";
  Thing u;
  EXPECT_FALSE(decode(as_bytes(bytes), &u));
}

TEST(Codec, ACountThatTheBytesCannotHoldIsRefusedBeforeAnythingIsMade) {
  std::string huge;
  put_varint(huge, UINT64_MAX);
  std::vector<std::string> list{"old"};
  EXPECT_FALSE(decode(as_bytes(huge), &list));
  EXPECT_TRUE(list.empty());
  std::map<std::string, std::string> map{{"old", ""}};
  EXPECT_FALSE(decode(as_bytes(huge), &map));
  EXPECT_TRUE(map.empty());
  std::string text = "old";
  EXPECT_FALSE(decode(as_bytes(huge), &text));
  EXPECT_TRUE(text.empty());
}

TEST(Codec, AfterAFailureEverythingReadIsEmpty) {
  Decoder d(
      as_bytes("\x05"
               "ab"));
  std::string s = "old";
  d(s);
  EXPECT_FALSE(d.ok());
  EXPECT_EQ(s, "");
  uint64_t n = 5;
  std::vector<uint64_t> v{1};
  std::optional<uint64_t> o = 1;
  std::array<uint8_t, 1> a{0};
  d(n), d(v), d(o), d(a);
  EXPECT_EQ(n, 0U);
  EXPECT_TRUE(v.empty());
  EXPECT_FALSE(o);
  EXPECT_EQ(a[0], 0U);
}

TEST(Codec, NothingIsOneNothing) {
  std::vector<uint64_t> v;
  EXPECT_EQ(encode(v), std::string(1, '\0'));
  EXPECT_FALSE(decode(Bytes{}, &v));
}

}  // namespace
}  // namespace careen
