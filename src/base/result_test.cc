#include "base/result.h"

#include <memory>
#include <string_view>

namespace careen {
namespace {

Result<int> half(int n) {
  if (n % 2 != 0) return Error{Errc::corrupt, "odd"};
  return n / 2;
}

Result<int> quarter(int n) {
  CAREEN_ASSIGN(int a, half(n));
  CAREEN_ASSIGN(int b, half(a));
  return b;
}

Result<void> only_even(int n) {
  CAREEN_TRY(half(n));
  return {};
}

Result<std::unique_ptr<int>> owned(int n) {
  CAREEN_ASSIGN(int h, half(n));
  return std::make_unique<int>(h);
}

TEST(Result, HoldsAValueOrAnError) {
  auto good = half(4);
  ASSERT_TRUE(good);
  EXPECT_EQ(*good, 2);
  auto bad = half(3);
  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.error().code, Errc::corrupt);
  EXPECT_EQ(bad.error().what, "odd");
}

TEST(Result, TheMacrosPassErrorsOn) {
  EXPECT_EQ(*quarter(8), 2);
  EXPECT_FALSE(quarter(6));
  EXPECT_FALSE(quarter(7));
  EXPECT_TRUE(only_even(2));
  EXPECT_EQ(only_even(1).error().what, "odd");
}

TEST(Result, MovesWhatCannotBeCopied) {
  auto r = owned(10);
  ASSERT_TRUE(r);
  std::unique_ptr<int> p = *std::move(r);
  EXPECT_EQ(*p, 5);
}

TEST(Result, AResultOfAnErrorsOwnTypeIsAmbiguousForNobody) {
  Result<std::string> s(std::string("text"));
  EXPECT_EQ(s->size(), 4U);
}

TEST(Error, SaysWhereInFrontOfWhat) {
  Error e = Error{Errc::corrupt, "bad magic"}.in("usr/bin/x").in("layer 3");
  EXPECT_EQ(e.what, "layer 3: usr/bin/x: bad magic");
  EXPECT_EQ(e.code, Errc::corrupt);
}

TEST(Errc, EachHasAWordOfItsOwn) {
  std::vector<std::string_view> seen;
  for (int i = 0; i <= static_cast<int>(Errc::interrupted); ++i) {
    std::string_view text = to_text(static_cast<Errc>(i));
    EXPECT_NE(text, "unknown");
    EXPECT_EQ(std::count(seen.begin(), seen.end(), text), 0) << text;
    seen.push_back(text);
  }
  EXPECT_EQ(to_text(static_cast<Errc>(200)), "unknown") << "a code read from hostile bytes";
}

TEST(CheckDeathTest, AFalseConditionEndsTheProgramAndSaysWhere) {
  CAREEN_CHECK(1 + 1 == 2);
  EXPECT_DEATH(CAREEN_CHECK(1 + 1 == 3), "1 \\+ 1 == 3 is false at .*result_test.cc");
}

}  // namespace
}  // namespace careen
