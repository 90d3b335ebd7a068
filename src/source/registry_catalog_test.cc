// Moments as registries write them. What the interfaces themselves answer is tested end to end (tests/e2e/catalog_test.py).
#include "source/registry_catalog.h"

#include <gtest/gtest.h>

namespace careen {
namespace {

TEST(ParseMoment, AsTheyAreWritten) {
  EXPECT_EQ(parse_moment("1970-01-01T00:00:00Z"), 0);
  EXPECT_EQ(parse_moment("2024-03-11T12:34:56Z"), 1710160496);
  EXPECT_EQ(parse_moment("2024-03-11T12:34:56.123456Z"), 1710160496);
  EXPECT_EQ(parse_moment("2024-03-11T14:34:56+02:00"), 1710160496);
  EXPECT_EQ(parse_moment("2024-03-11T07:04:56.5-05:30"), 1710160496);
  EXPECT_EQ(parse_moment("2024-02-29T00:00:00Z"), 1709164800);
}

TEST(ParseMoment, NeverAndNonsense) {
  for (const char* text : {"", "0001-01-01T00:00:00Z", "0001-01-01T00:00:00.000Z", "2024-03-11", "2024-03-11T12:34:56", "2024-13-11T12:34:56Z",
                           "2024-03-32T12:34:56Z", "2024-03-11T24:34:56Z", "2024-03-11T12:34:56z", "2024-03-11T12:34:56+0200", "2024-03-11T12:34:56+99:00",
                           "2024-03-11T12:34:56.Zx", "yesterday at noon exactly", "2024/03/11T12:34:56Z", "-024-03-11T12:34:56Z"})
    EXPECT_EQ(parse_moment(text), std::nullopt) << text;
}

TEST(Catalogs, NamesThatCouldLeaveTheirPlaceAreRefused) {
  for (const char* name : {"", "a/b", "../x", "A", "a?b", "a b", "a%2e", "a\nb"}) {
    auto r = list_hub(name, {});
    ASSERT_FALSE(r) << name;
    EXPECT_EQ(r.error().code, Errc::usage) << name;
  }
  EXPECT_EQ(list_harbor("", "", {}).error().code, Errc::usage);
  EXPECT_EQ(list_harbor("h.example", "a/b", {}).error().code, Errc::usage);
}

}  // namespace
}  // namespace careen
