#include "store/squeeze.h"

#include <gtest/gtest.h>

namespace careen {
namespace {

TEST(Squeeze, ComesBackWhole) {
  std::string long_text;
  for (int i = 0; i < 100'000; ++i) long_text += std::to_string(i % 977);
  for (const std::string& raw : {std::string(), std::string("x"), std::string(5000, '\0'), long_text}) {
    EXPECT_EQ(inflate(squeeze(raw), raw.size()), raw);
    if (raw.empty()) continue;
    EXPECT_EQ(inflate(squeeze(raw), raw.size() - 1), std::nullopt) << "one byte over the limit";
  }
  EXPECT_LT(squeeze(long_text).size(), long_text.size() / 4);
}

TEST(Squeeze, DamageIsNothing) {
  std::string packed = squeeze(std::string(1000, 'a') + "b");
  for (size_t n = 0; n < packed.size(); ++n) EXPECT_EQ(inflate(std::string_view(packed).substr(0, n), 1 << 20), std::nullopt) << n;
  EXPECT_EQ(inflate("no frame at all", 1 << 20), std::nullopt);
  EXPECT_EQ(inflate(packed + "x", 1 << 20), std::nullopt);
  std::string huge = packed;
  huge[5] = '\xff';  // the size that the header claims
  EXPECT_EQ(inflate(huge, 1 << 20), std::nullopt);
}

}  // namespace
}  // namespace careen
