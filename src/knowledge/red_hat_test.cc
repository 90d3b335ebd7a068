#include "knowledge/red_hat.h"

#include <gtest/gtest.h>

#include <array>
#include <utility>

namespace careen {
namespace {

TEST(RedHatStreams, AreProductsWithoutTheirParts) {
  const std::pair<std::string_view, std::string_view> kAll[] = {
      {"enterprise_linux:9", "enterprise_linux:9"},
      {"enterprise_linux:9::baseos", "enterprise_linux:9"},
      {"enterprise_linux:10.0", "enterprise_linux:10"},
      {"rhel_eus:9.2::appstream", "rhel_eus:9.2"},
      {"rhel_els:7", "rhel_els:7"},
      {"enterprise_linux_eus:10.0", "enterprise_linux_eus:10.0"},
      {"openshift:4.12::el8", "openshift:4.12::el8"},
      {"openshift:4", "openshift:4"},
      {"rhel_software_collections:3::el7", "rhel_software_collections:3::el7"},
      {"openshift:4.12::elsewhere", "openshift:4.12"},
      {"openshift:4.12::el", "openshift:4.12"},
      {"nothing", "nothing:"},
      {"", ":"},
  };
  for (auto [product, stream] : kAll) EXPECT_EQ(red_hat_stream(product), stream) << product;
}

TEST(RedHatStreams, OfTheDistributionArePlainOrExtended) {
  for (std::string_view s : {"enterprise_linux:9", "rhel_eus:9.2", "rhel_aus:8.2", "rhel_tus:8.4", "rhel_e4s:9.0", "rhel_els:7", "enterprise_linux_eus:10.0"})
    EXPECT_TRUE(is_red_hat_release(s)) << s;
  for (std::string_view s : {"openshift:4.12::el8", "rhel_software_collections:3::el7", "rhel_dotnet:5.0::el7", "enterprise_linuxes:9", "rhel_:9", "",
                             "enterprise_linux_ai:1.4::el9", "enterprise_linux_coreos:4"})
    EXPECT_FALSE(is_red_hat_release(s)) << s;
  EXPECT_TRUE(is_red_hat_extended("rhel_eus_long_life:9.2"));
  EXPECT_FALSE(is_red_hat_extended("enterprise_linux:9"));
}

TEST(RedHatLevels, AreTheProductItselfThenAnyMinorThenThePlainRelease) {
  struct Case {
    std::string_view row, stream;
    RedHatLevel level;
  };
  using enum RedHatLevel;
  const Case kAll[] = {
      {"enterprise_linux:9", "enterprise_linux:9", own},
      {"enterprise_linux:9::appstream", "enterprise_linux:9", own},
      {"enterprise_linux:10.1", "enterprise_linux:10", own},
      {"enterprise_linux:10", "enterprise_linux:1", none},
      {"enterprise_linux:1", "enterprise_linux:10", none},
      {"enterprise_linux:8", "enterprise_linux:9", none},
      {"rhel_eus:9.2::baseos", "enterprise_linux:9", sibling},
      {"rhel_eus:8.2::baseos", "enterprise_linux:9", none},
      {"rhel_eus:9.2::baseos", "rhel_eus:9.2", own},
      {"rhel_eus:9.20::baseos", "rhel_eus:9.2", sibling},
      {"rhel_eus:9.4::baseos", "rhel_eus:9.2", sibling},
      {"rhel_eus:9", "rhel_eus:9.2", product},
      {"rhel_e4s:9.2", "rhel_eus:9.2", sibling},
      {"rhel_e4s:9.2", "openshift:4.12::el9", none},
      {"enterprise_linux:9::baseos", "rhel_eus:9.2", plain},
      {"enterprise_linux:8::baseos", "rhel_eus:9.2", none},
      {"enterprise_linux:7", "rhel_els:7", plain},
      {"enterprise_linux:10.1", "enterprise_linux_eus:10.0", plain},
      {"openshift:4.12::el8", "openshift:4.12::el8", own},
      {"openshift:4.12::el9", "openshift:4.12::el8", none},
      {"openshift:4.12", "openshift:4.12::el8", own},
      {"openshift:4", "openshift:4.12::el8", product},
      {"openshift:4.1::el8", "openshift:4.12::el8", none},
      {"openshift:4.12::el8", "openshift:4.1::el8", none},
      {"openshift:3", "openshift:4.12::el8", none},
      {"enterprise_linux:8", "openshift:4.12::el8", none},  // the image's own release says that
      {"logging:5.8::el9", "openshift:4.12::el8", none},
  };
  for (const Case& c : kAll) EXPECT_EQ(red_hat_level(c.row, c.stream), c.level) << c.row << " for " << c.stream;
}

TEST(RedHatPackages, SayWhichMinorReleaseTheyWereBuiltFor) {
  const std::pair<std::string_view, std::string_view> kAll[] = {
      {"2.34-60.el9_2.7", "9.2"},
      {"1:3.0.7-16.el9_2", "9.2"},
      {"2.34-60.el9", ""},
      {"1-1.el10_0", "10.0"},
      {"1-1.el8_10.3", "8.10"},
      {"1:18.20.4-1.module+el8.10.0+22202+761b9a65", "8.10"},
      {"1:18.20.4-1.module+el8", ""},
      {"4.4.1-3.rhaos4.12.el8", ""},
      {"1-1.el9_", ""},
      {"1-1.elx_2", ""},
      {"1-1.fc40", ""},
      {"", ""},
  };
  for (auto [version, release] : kAll) EXPECT_EQ(red_hat_built_for(version), release) << version;
}

TEST(RedHatPackages, OfEarlierMinorReleasesAreInTheLineOfLaterOnes) {
  EXPECT_TRUE(red_hat_leads_to("9.2", "9.2"));
  EXPECT_TRUE(red_hat_leads_to("9.0", "9.2"));
  EXPECT_TRUE(red_hat_leads_to("8.6", "8.10"));
  EXPECT_FALSE(red_hat_leads_to("9.4", "9.2"));
  EXPECT_FALSE(red_hat_leads_to("8.2", "9.2"));
  EXPECT_FALSE(red_hat_leads_to("", "9.2"));
  for (std::string_view built_for : {"7.9", ""}) EXPECT_TRUE(red_hat_leads_to(built_for, "7"));
  EXPECT_FALSE(red_hat_leads_to("9.2", "7"));
}

}  // namespace
}  // namespace careen
