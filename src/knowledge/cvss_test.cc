#include "knowledge/cvss.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <random>
#include <string>
#include <vector>

#include "../../tests/support/shared_archive.h"
#include "base/text.h"

namespace careen {
namespace {

constexpr std::string_view kV2 = "AV:N/AC:L/Au:N/C:P/I:P/A:P";
constexpr std::string_view kV30 = "CVSS:3.0/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H";
constexpr std::string_view kV31 = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H";
constexpr std::string_view kV4 = "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N";

void expect_none(const std::string& vector) {
  EXPECT_FALSE(cvss_score(vector)) << "\"" << escape(vector) << "\"";
}
void expect_base(std::string_view vector, double want) {
  auto s = cvss_score(vector);
  ASSERT_TRUE(s) << vector;
  EXPECT_DOUBLE_EQ(s->base, want) << vector;
}
void expect_scores(std::string_view vector, double base, std::optional<double> temporal, std::optional<double> environmental) {
  auto s = cvss_score(vector);
  ASSERT_TRUE(s) << vector;
  EXPECT_DOUBLE_EQ(s->base, base) << vector;
  EXPECT_FALSE(std::signbit(s->base)) << vector;
  ASSERT_EQ(s->temporal.has_value(), temporal.has_value()) << vector;
  ASSERT_EQ(s->environmental.has_value(), environmental.has_value()) << vector;
  EXPECT_DOUBLE_EQ(s->temporal.value_or(0), temporal.value_or(0)) << vector;
  EXPECT_DOUBLE_EQ(s->environmental.value_or(0), environmental.value_or(0)) << vector;
}

// The label ("CVSS:3.1/", or nothing for v2) and the metrics of a vector.
std::pair<std::string, std::vector<std::string>> parts_of(std::string_view vector) {
  std::string label(vector.starts_with("CVSS:") ? vector.substr(0, 9) : std::string_view{});
  std::vector<std::string> metrics;
  for (std::string_view m : split(vector.substr(label.size()), '/')) metrics.emplace_back(m);
  return {label, metrics};
}

// --- The published vectors, which lie beside the repository where there are any.

class CvssVectors : public test::SharedArchive {
 protected:
  void SetUp() override { unpack("cvss-vectors"); }

  // Checks each line "vector - (base, temporal, environmental)" and returns how many there were. "None" is a score that is not there;
  // version 4.0 has one score, with or without parentheses.
  size_t hold(const std::string& name) const {
    std::ifstream in(unpacked() + "/cvss/" + name);
    size_t lines = 0;
    for (std::string line; std::getline(in, line);) {
      size_t dash = line.find(" - ");
      if (dash == std::string::npos) {
        EXPECT_TRUE(trim(line).empty()) << name << ": " << line;
        continue;
      }
      ++lines;
      std::array<std::optional<double>, 3> want;
      size_t count = 0;
      for (std::string_view number : split(std::string_view(line).substr(dash + 3), ',')) {
        std::string text;
        for (char c : number)
          if (c != '(' && c != ')' && c != ' ' && c != '\r') text += c;
        if (text.empty()) continue;
        if (count == want.size()) ADD_FAILURE() << name << ": " << line;
        if (count < want.size() && text != "None") want[count] = std::strtod(text.c_str(), nullptr);
        ++count;
      }
      std::string vector = line.substr(0, dash);
      bool v4 = vector.starts_with("CVSS:4.0/");
      EXPECT_EQ(count, v4 ? 1U : 3U) << name << ": " << line;
      EXPECT_TRUE(want[0]) << name << ": " << line;
      if (!want[0]) continue;
      expect_scores(vector, *want[0], want[1], want[2]);
      std::string version = vector.starts_with("CVSS:") ? vector.substr(5, 3) : "2.0";
      EXPECT_EQ(to_text(cvss_score(vector).value_or(CvssScore{}).version), version) << vector;
    }
    return lines;
  }
};

TEST_F(CvssVectors, OfVersion2Hold) {
  EXPECT_GE(hold("vectors_simple2"), 729U);
  EXPECT_GE(hold("vectors_calculator2"), 5U);
  EXPECT_GE(hold("vectors_cvsslib2"), 24U);
}

TEST_F(CvssVectors, OfVersion30Hold) {
  EXPECT_GE(hold("vectors_simple3"), 2592U);
  EXPECT_GE(hold("vectors_calculator3"), 2U);
  EXPECT_GE(hold("vectors_cvsslib3"), 29U);
}

TEST_F(CvssVectors, OfVersion31Hold) {
  EXPECT_GE(hold("vectors_simple31"), 2592U);
}

TEST_F(CvssVectors, OfVersion40Hold) {
  EXPECT_GE(hold("vectors_simple4"), 1058U);
  EXPECT_GE(hold("vectors_threat4"), 6U);
  EXPECT_GE(hold("vectors_security4"), 54U);
  EXPECT_GE(hold("vectors_supplemental4"), 576U);
}

// --- What the specifications and their lists of examples say

TEST(Cvss2, HasTheScoresOfTheGuide) {
  expect_scores("AV:N/AC:L/Au:N/C:N/I:N/A:C", 7.8, std::nullopt, std::nullopt);
  expect_scores("AV:N/AC:L/Au:N/C:N/I:N/A:C/E:F/RL:OF/RC:C", 7.8, 6.4, std::nullopt);
  expect_scores("AV:N/AC:L/Au:N/C:N/I:N/A:C/E:F/RL:OF/RC:C/CDP:N/TD:N/CR:M/IR:M/AR:H", 7.8, 6.4, 0.0);
  expect_scores("AV:N/AC:L/Au:N/C:N/I:N/A:C/E:F/RL:OF/RC:C/CDP:H/TD:H/CR:M/IR:M/AR:H", 7.8, 6.4, 9.2);
  expect_scores("AV:N/AC:L/Au:N/C:C/I:C/A:C/E:F/RL:OF/RC:C/CDP:H/TD:H/CR:M/IR:M/AR:L", 10.0, 8.3, 9.0);
  expect_scores("AV:L/AC:H/Au:N/C:C/I:C/A:C/E:POC/RL:OF/RC:C/CDP:H/TD:H/CR:M/IR:M/AR:M", 6.2, 4.9, 7.5);
  expect_scores("AV:N/AC:L/Au:N/C:N/I:N/A:N", 0.0, std::nullopt, std::nullopt);
}

TEST(Cvss2, MayStandInParentheses) {
  expect_base(kV2, 7.5);
  expect_base("(" + std::string(kV2) + ")", 7.5);
  expect_none("(" + std::string(kV2));
  expect_none(std::string(kV2) + ")");
  expect_none("((" + std::string(kV2) + "))");
  expect_none("()");
  expect_none("(");
}

TEST(Cvss2, WhatIsNotDefinedChangesNothing) {
  auto s = cvss_score(std::string(kV2) + "/E:ND/RL:ND/RC:ND/CDP:ND/TD:ND/CR:ND/IR:ND/AR:ND");
  ASSERT_TRUE(s);
  EXPECT_DOUBLE_EQ(s->base, 7.5);
  EXPECT_DOUBLE_EQ(s->overall(), 7.5);
}

TEST(Cvss3, HasTheScoresOfTheExamples) {
  for (std::string label : {"CVSS:3.0/", "CVSS:3.1/"}) {
    expect_base(label + "AV:N/AC:L/PR:N/UI:R/S:C/C:L/I:L/A:N", 6.1);
    expect_base(label + "AV:N/AC:L/PR:L/UI:N/S:C/C:L/I:L/A:N", 6.4);
    expect_base(label + "AV:N/AC:H/PR:N/UI:R/S:U/C:L/I:N/A:N", 3.1);
    expect_base(label + "AV:N/AC:L/PR:L/UI:N/S:C/C:H/I:H/A:H", 9.9);
    expect_base(label + "AV:L/AC:L/PR:H/UI:N/S:U/C:L/I:L/A:L", 4.2);
    expect_base(label + "AV:N/AC:L/PR:L/UI:N/S:U/C:H/I:H/A:H", 8.8);
    expect_base(label + "AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N", 7.5);
    expect_base(label + "AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", 9.8);
    expect_base(label + "AV:N/AC:H/PR:N/UI:N/S:C/C:N/I:H/A:N", 6.8);
    expect_base(label + "AV:P/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", 6.8);
    expect_base(label + "AV:N/AC:L/PR:N/UI:N/S:C/C:L/I:N/A:N", 5.8);
    expect_base(label + "AV:A/AC:L/PR:N/UI:N/S:C/C:H/I:N/A:H", 9.3);
    expect_base(label + "AV:P/AC:H/PR:H/UI:R/S:U/C:N/I:N/A:L", 1.6);
    expect_base(label + "AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H", 10.0);  // CVE-2024-3094
    expect_base(label + "AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:N", 0.0);
  }
}

TEST(Cvss3, HasAnEnvironmentalEquationOfItsOwnInEachVersion) {
  expect_scores("CVSS:3.0/AV:N/AC:L/PR:L/UI:N/S:U/C:H/I:H/A:H/MS:C/CR:H/IR:H/AR:H/MPR:H/MUI:R", 8.8, 8.8, 8.4);
  expect_scores("CVSS:3.1/AV:N/AC:L/PR:L/UI:N/S:U/C:H/I:H/A:H/MS:C/CR:H/IR:H/AR:H/MPR:H/MUI:R", 8.8, 8.8, 8.5);
}

TEST(Cvss3, TemporalMetricsLowerTheScore) {
  expect_scores(std::string(kV31) + "/E:U/RL:O/RC:U", 9.8, 7.8, 7.8);
  expect_scores(std::string(kV31) + "/E:H/RL:U/RC:C", 9.8, 9.8, 9.8);
}

TEST(Cvss3, WhatIsNotDefinedChangesNothing) {
  expect_scores(std::string(kV31) + "/E:X/RL:X/RC:X/CR:X/IR:X/AR:X/MAV:X/MAC:X/MPR:X/MUI:X/MS:X/MC:X/MI:X/MA:X", 9.8, 9.8, 9.8);
}

TEST(Cvss4, HasTheScoresOfTheExamples) {
  expect_base("CVSS:4.0/AV:L/AC:L/AT:P/PR:L/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N", 7.3);
  expect_base("CVSS:4.0/AV:N/AC:L/AT:P/PR:N/UI:P/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N", 7.7);
  expect_base("CVSS:4.0/AV:N/AC:L/AT:P/PR:N/UI:N/VC:H/VI:L/VA:L/SC:N/SI:N/SA:N", 8.3);
  expect_base("CVSS:4.0/AV:N/AC:L/AT:P/PR:N/UI:N/VC:H/VI:L/VA:L/SC:N/SI:N/SA:N/CR:H/IR:L/AR:L/MAV:N/MAC:H/MVC:H/MVI:L/MVA:L", 8.1);
  expect_base("CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:N/VA:N/SC:N/SI:N/SA:N", 8.7);
  expect_base("CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:H/SI:H/SA:H", 10.0);
  expect_base("CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:A/VC:N/VI:N/VA:N/SC:L/SI:L/SA:N", 5.1);
  expect_base("CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:L/VI:L/VA:N/SC:N/SI:N/SA:N", 6.9);
  expect_base("CVSS:4.0/AV:P/AC:H/AT:P/PR:H/UI:A/VC:L/VI:N/VA:N/SC:N/SI:N/SA:N", 1.0);
}

TEST(Cvss4, CountsThreatAndEnvironment) {
  std::string v(kV4);
  expect_scores(v, 9.3, std::nullopt, std::nullopt);
  expect_scores(v + "/E:A", 9.3, std::nullopt, std::nullopt);
  expect_scores(v + "/E:P", 8.9, std::nullopt, std::nullopt);
  expect_scores(v + "/E:U", 8.1, std::nullopt, std::nullopt);
  expect_base(v + "/CR:H/IR:H/AR:H", 9.3);
  expect_base(v + "/MVC:N/MVI:N/MVA:N", 0.0);
  expect_base("CVSS:4.0/AV:P/AC:H/AT:P/PR:H/UI:A/VC:L/VI:N/VA:N/SC:N/SI:N/SA:N/E:U/CR:L/IR:L/AR:L", 0.1);
}

TEST(Cvss4, SafetyIsForTheEnvironmentToSay) {
  std::string v(kV4);
  expect_base(v + "/MSI:S", 10.0);
  expect_base(v + "/MSA:S", 10.0);
  expect_none(v + "/MSC:S");
  for (const char* system : {"SC:", "SI:", "SA:"}) {
    std::string safe = v;
    safe.replace(safe.find(system), 4, std::string(system) + "S");
    expect_none(safe);
    expect_none(safe + "/M" + system + "H");
  }
}

TEST(Cvss4, SupplementalMetricsAndWhatIsNotDefinedChangeNothing) {
  std::string v(kV4);
  for (const char* more : {"/S:N/AU:N/R:A/V:D/RE:L/U:Clear", "/S:P/AU:Y/R:U/V:C/RE:M/U:Green", "/R:I/RE:H/U:Amber", "/U:Red", "/S:X/AU:X/R:X/V:X/RE:X/U:X",
                           "/E:X/CR:X/IR:X/AR:X/MAV:X/MAC:X/MAT:X/MPR:X/MUI:X/MVC:X/MVI:X/MVA:X/MSC:X/MSI:X/MSA:X"})
    expect_base(v + more, 9.3);
}

TEST(Cvss4, EveryVectorHasAScore) {
  const std::vector<std::pair<std::string, std::string>> base{{"AV", "NALP"}, {"AC", "LH"},  {"AT", "NP"},  {"PR", "NLH"}, {"UI", "NPA"}, {"VC", "HLN"},
                                                              {"VI", "HLN"},  {"VA", "HLN"}, {"SC", "HLN"}, {"SI", "HLN"}, {"SA", "HLN"}};
  const std::vector<std::pair<std::string, std::string>> more{{"E", "XAPU"},   {"CR", "XHML"},  {"IR", "XHML"},  {"AR", "XHML"},   {"MAV", "XNALP"},
                                                              {"MAC", "XLH"},  {"MAT", "XNP"},  {"MPR", "XNLH"}, {"MUI", "XNPA"},  {"MVC", "XHLN"},
                                                              {"MVI", "XHLN"}, {"MVA", "XHLN"}, {"MSC", "XHLN"}, {"MSI", "XSHLN"}, {"MSA", "XSHLN"}};
  std::mt19937 random(20240329);
  for (int i = 0; i < 20000; ++i) {
    std::string v = "CVSS:4.0";
    auto add = [&](const auto& metric) { v += "/" + metric.first + ":" + metric.second[random() % metric.second.size()]; };
    for (const auto& m : base) add(m);
    if (i % 2 != 0)
      for (const auto& m : more)
        if (random() % 2 != 0) add(m);
    auto s = cvss_score(v);
    ASSERT_TRUE(s) << v;
    ASSERT_TRUE(s->base >= 0 && s->base <= 10) << v << ": " << s->base;
    ASSERT_DOUBLE_EQ(s->base, std::round(s->base * 10) / 10) << v;
  }
}

// --- Of all versions

TEST(Cvss, MetricsMayComeInAnyOrder) {
  std::mt19937 random(20240329);
  for (std::string_view vector : {kV2, kV30, kV31, kV4, std::string_view("AV:L/AC:H/Au:N/C:C/I:C/A:C/E:POC/RL:OF/RC:C/CDP:H/TD:H/CR:M/IR:M/AR:M"),
                                  std::string_view("CVSS:3.1/AV:N/AC:L/PR:L/UI:N/S:U/C:H/I:H/A:H/MS:C/CR:H/IR:H/AR:H/MPR:H/MUI:R"),
                                  std::string_view("CVSS:4.0/AV:N/AC:L/AT:P/PR:N/UI:N/VC:H/VI:L/VA:L/SC:N/SI:N/SA:N/CR:H/IR:L/AR:L/MAC:H/MVC:H/E:P/U:Red")}) {
    auto want = cvss_score(vector);
    ASSERT_TRUE(want) << vector;
    auto [label, metrics] = parts_of(vector);
    for (int i = 0; i < 50; ++i) {
      std::shuffle(metrics.begin(), metrics.end(), random);
      expect_scores(label + join(metrics, "/"), want->base, want->temporal, want->environmental);
    }
  }
}

TEST(Cvss, EveryBaseMetricMustBeThereOnce) {
  for (std::string_view vector : {kV2, kV30, kV31, kV4}) {
    auto [label, metrics] = parts_of(vector);
    for (size_t i = 0; i < metrics.size(); ++i) {
      auto changed = metrics;
      changed.erase(changed.begin() + static_cast<std::ptrdiff_t>(i));
      expect_none(label + join(changed, "/"));
      changed.push_back(metrics[i]);
      EXPECT_TRUE(cvss_score(label + join(changed, "/"))) << vector;
      changed.push_back(metrics[i]);
      expect_none(label + join(changed, "/"));
    }
  }
}

TEST(Cvss, NoMetricMayBeGivenTwice) {
  expect_none(std::string(kV2) + "/E:F/E:F");
  expect_none(std::string(kV2) + "/E:ND/E:F");
  expect_none(std::string(kV2) + "/AV:L");
  expect_none(std::string(kV31) + "/E:F/E:F");
  expect_none(std::string(kV31) + "/E:X/E:X");
  expect_none(std::string(kV31) + "/MAV:N/MAV:L");
  expect_none(std::string(kV31) + "/S:C");
  expect_none(std::string(kV4) + "/E:A/E:A");
  expect_none(std::string(kV4) + "/U:Red/U:Red");
  expect_none(std::string(kV4) + "/VC:L");
}

TEST(Cvss, UnknownMetricsAndValuesMakeTheVectorNone) {
  for (std::string_view vector : {kV2, kV30, kV31, kV4}) {
    auto [label, metrics] = parts_of(vector);
    for (const char* odd : {"/ZZ:N", "/Z:N", "/AVX:N", "/:N", "/:", "/E", "/E:", "/E:Q", "/E:AA", "/E:a", "/E:A:A", "/=E:A"})
      expect_none(std::string(vector) + odd);
    for (size_t i = 0; i < metrics.size(); ++i) {
      std::string name = metrics[i].substr(0, metrics[i].find(':'));
      for (std::string odd : {":", "", ":Q", ":X", ":ND", ":NN", ":HH", ": N", ":N ", ":n", ":h", ":0", "::N", "=N"}) {
        auto changed = metrics;
        changed[i] = name + odd;
        expect_none(label + join(changed, "/"));
      }
    }
  }
}

TEST(Cvss, AMetricOfAnotherVersionIsUnknown) {
  expect_none(std::string(kV2) + "/PR:N");
  expect_none(std::string(kV2) + "/MAV:N");
  expect_none(std::string(kV31) + "/Au:N");
  expect_none(std::string(kV31) + "/AT:N");
  expect_none(std::string(kV31) + "/CDP:H");
  expect_none(std::string(kV4) + "/RL:O");
  expect_none(std::string(kV4) + "/MS:C");
  expect_none("CVSS:3.1/" + std::string(kV2));
  expect_none("CVSS:4.0/" + std::string(kV2));
  expect_none("CVSS:4.0/" + std::string(kV31.substr(9)));
  expect_none("CVSS:3.1/" + std::string(kV4.substr(9)));
  expect_none(std::string(kV31.substr(9)));
  expect_none(std::string(kV4.substr(9)));
}

TEST(Cvss, OptionalMetricsHaveTheirOwnValuesOnly) {
  for (const char* odd : {"/E:P", "/RL:O", "/RC:R", "/CDP:M", "/TD:LM", "/CR:N", "/IR:N", "/AR:C"}) expect_none(std::string(kV2) + odd);
  for (const char* odd : {"/E:POC", "/E:A", "/RL:OF", "/RC:UC", "/CR:N", "/MAV:Q", "/MAC:M", "/MPR:M", "/MUI:A", "/MS:N", "/MC:P", "/MI:M", "/MA:C"})
    for (std::string_view v : {kV30, kV31}) expect_none(std::string(v) + odd);
  for (const char* odd : {"/E:H", "/E:F", "/CR:N", "/IR:P", "/AR:C", "/MAV:Q", "/MAC:M", "/MAT:L", "/MPR:M", "/MUI:R", "/MVC:S", "/MVI:S", "/MVA:M", "/MSC:P"})
    expect_none(std::string(kV4) + odd);
}

// "Not defined" is ND in version 2 and X from version 3 on.
TEST(Cvss, NotDefinedIsWrittenAsTheVersionWritesIt) {
  for (const char* odd : {"/E:X", "/RL:X", "/RC:X", "/CDP:X", "/TD:X", "/CR:X"}) expect_none(std::string(kV2) + odd);
  for (const char* odd : {"/E:ND", "/RL:ND", "/RC:ND", "/CR:ND", "/MAV:ND", "/MS:ND"})
    for (std::string_view v : {kV30, kV31}) expect_none(std::string(v) + odd);
  for (const char* odd : {"/E:ND", "/CR:ND", "/MAV:ND", "/MSI:ND"}) expect_none(std::string(kV4) + odd);
}

TEST(Cvss4, SupplementalMetricsHaveTheirOwnValuesOnly) {
  for (const char* odd : {"/S:Q", "/AU:P", "/R:N", "/V:X1", "/RE:N", "/U:Purple", "/U:red", "/U:R", "/S:\n", "/U:<script>"})
    expect_none(std::string(kV4) + odd);
}

TEST(Cvss, NothingMayStandBeforeOrBehindTheVector) {
  using namespace std::string_literals;
  for (std::string_view vector : {kV2, kV30, kV31, kV4}) {
    for (const std::string& more : {" "s, "\n"s, "\r\n"s, "\t"s, "\0"s, "//"s, "/ "s, ","s, ";"s, "#"s, "\xff"s, "/\0"s, " (9.8)"s, "/"s + std::string(vector)})
      expect_none(std::string(vector) + more);
    for (const std::string& before : {" "s, "\n"s, "/"s, "\0"s, "\xef\xbb\xbf"s, "x"s, "CVSS:"s}) expect_none(before + std::string(vector));
    std::string spaced(vector), doubled(vector);
    spaced.insert(spaced.rfind('/') + 1, " ");
    doubled.insert(doubled.rfind('/'), "/");
    expect_none(spaced);
    expect_none(doubled);
  }
}

TEST(Cvss, LettersHaveOneCaseOnly) {
  for (std::string_view vector : {kV2, kV30, kV31, kV4}) {
    expect_none(lower(vector));
    auto [label, metrics] = parts_of(vector);
    for (size_t i = 0; i < metrics.size(); ++i) {
      auto changed = metrics;
      changed[i] = lower(metrics[i]);
      expect_none(label + join(changed, "/"));
    }
  }
  expect_none("cvss:3.1/" + std::string(kV31.substr(9)));
  expect_none("Cvss:4.0/" + std::string(kV4.substr(9)));
  expect_none("AV:N/AC:L/AU:N/C:P/I:P/A:P");
}

TEST(Cvss, TheLabelMustBeOneThatIsKnown) {
  for (const char* label : {"CVSS:3.2/", "CVSS:3/", "CVSS:3.10/", "CVSS:03.1/", "CVSS:1.0/", "CVSS:5.0/", "CVSS:31/", "CVSS:3,1/", "CVSS 3.1/", "CVSS3.1/",
                            "CVSS:/", "CVSS/", "CVE:3.1/", "CVSS:3.1//", "CVSS:3.1", "CVSS:3.1/CVSS:3.1/", "CVSS:3.1:", "CVSS:4.0/CVSS:3.1/", "CVSS:3.1 /"})
    expect_none(label + std::string(kV31.substr(9)));
  for (const char* label : {"CVSS:4/", "CVSS:4.1/", "CVSS:40/", "CVSS:4.00/"}) expect_none(label + std::string(kV4.substr(9)));
  expect_none("(" + std::string(kV31) + ")");
  expect_none("CVSS:3.1/(" + std::string(kV31.substr(9)) + ")");
}

TEST(Cvss, TakesNothingHostileForAVector) {
  using namespace std::string_literals;
  for (const std::string& odd :
       {""s, "/"s, ":"s, "(/)"s, "CVSS:3.1/"s, "CVSS:4.0/"s, "CVSS:3.0/"s, "\0"s, "9.8"s, "HIGH"s, "\xff\xfe"s, "%s%n"s, "AV"s, "AV:"s})
    expect_none(odd);
  for (const std::string& part : {"/"s, ":"s, "AV:N/"s, "("s, "a"s, "\0"s, "\xff"s, "E:X/"s}) {
    std::string many;
    while (many.size() < (1U << 20)) many += part;
    expect_none(many);
    for (std::string_view vector : {kV2, kV30, kV31, kV4}) expect_none(std::string(vector) + "/" + many);
  }
}

TEST(Cvss, EveryCutOfAVectorIsNone) {
  for (std::string_view vector : {kV2, kV30, kV31, kV4})
    for (size_t n = 0; n < vector.size(); ++n) expect_none(std::string(vector.substr(0, n)));
}

TEST(Cvss, SaysWhichVersionItIs) {
  for (const auto& [vector, want] : std::vector<std::pair<std::string_view, CvssVersion>>{
           {kV2, CvssVersion::v2}, {kV30, CvssVersion::v3_0}, {kV31, CvssVersion::v3_1}, {kV4, CvssVersion::v4_0}}) {
    auto s = cvss_score(vector);
    ASSERT_TRUE(s);
    EXPECT_EQ(s->version, want) << vector;
  }
  EXPECT_EQ(to_text(CvssVersion::v2), "2.0");
  EXPECT_EQ(to_text(CvssVersion::v3_0), "3.0");
  EXPECT_EQ(to_text(CvssVersion::v3_1), "3.1");
  EXPECT_EQ(to_text(CvssVersion::v4_0), "4.0");
}

TEST(Cvss, TheOverallScoreIsTheMostParticularOne) {
  auto overall = [](const std::string& v) {
    auto s = cvss_score(v);
    return s ? s->overall() : -1;
  };
  EXPECT_DOUBLE_EQ(overall("AV:N/AC:L/Au:N/C:N/I:N/A:C"), 7.8);
  EXPECT_DOUBLE_EQ(overall("AV:N/AC:L/Au:N/C:N/I:N/A:C/E:F/RL:OF/RC:C"), 6.4);
  EXPECT_DOUBLE_EQ(overall("AV:N/AC:L/Au:N/C:N/I:N/A:C/E:F/RL:OF/RC:C/CDP:H/TD:H/CR:M/IR:M/AR:H"), 9.2);
  EXPECT_DOUBLE_EQ(overall(std::string(kV31)), 9.8);
  EXPECT_DOUBLE_EQ(overall(std::string(kV31) + "/E:U/RL:O/RC:U"), 7.8);
  EXPECT_DOUBLE_EQ(overall(std::string(kV31) + "/MC:N/MI:N/MA:N"), 0.0);
  EXPECT_DOUBLE_EQ(overall(std::string(kV4) + "/E:U"), 8.1);
}

// Version 3.1's environmental equation gives some vectors more than their base score even where nothing is said of an environment; the
// score that is published of such a vector is the base score.
TEST(Cvss, AVectorOfBaseMetricsAloneIsOverallItsBase) {
  for (const char* v : {"CVSS:3.0/AV:N/AC:L/PR:L/UI:N/S:C/C:H/I:H/A:H", "CVSS:3.1/AV:N/AC:L/PR:L/UI:N/S:C/C:H/I:H/A:H"}) {
    auto s = cvss_score(v);
    ASSERT_TRUE(s) << v;
    EXPECT_DOUBLE_EQ(s->base, 9.9) << v;
    EXPECT_DOUBLE_EQ(s->overall(), 9.9) << v;
  }
}

// --- Ratings

TEST(CvssSeverity, FollowsTheScaleAtEveryBoundary) {
  struct Case {
    double score;
    Severity want;
  };
  for (CvssVersion v : {CvssVersion::v3_0, CvssVersion::v3_1, CvssVersion::v4_0})
    for (const Case& c :
         {Case{0.0, Severity::info}, Case{0.1, Severity::low}, Case{3.9, Severity::low}, Case{4.0, Severity::medium}, Case{6.9, Severity::medium},
          Case{7.0, Severity::high}, Case{8.9, Severity::high}, Case{9.0, Severity::critical}, Case{10.0, Severity::critical}})
      EXPECT_EQ(cvss_severity(c.score, v), c.want) << to_text(v) << ": " << c.score;
}

TEST(CvssSeverity, OfVersion2KnowsNoCritical) {
  EXPECT_EQ(cvss_severity(0.0, CvssVersion::v2), Severity::info);
  EXPECT_EQ(cvss_severity(0.1, CvssVersion::v2), Severity::low);
  EXPECT_EQ(cvss_severity(3.9, CvssVersion::v2), Severity::low);
  EXPECT_EQ(cvss_severity(4.0, CvssVersion::v2), Severity::medium);
  EXPECT_EQ(cvss_severity(6.9, CvssVersion::v2), Severity::medium);
  EXPECT_EQ(cvss_severity(7.0, CvssVersion::v2), Severity::high);
  EXPECT_EQ(cvss_severity(9.0, CvssVersion::v2), Severity::high);
  EXPECT_EQ(cvss_severity(10.0, CvssVersion::v2), Severity::high);
}

TEST(CvssSeverity, OfAScoreThatWasComputedIsOnTheRightSide) {
  auto severity = [](std::string_view v) {
    auto s = cvss_score(v);
    return s ? cvss_severity(s->base, s->version) : Severity::unknown;
  };
  EXPECT_EQ(severity("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:N"), Severity::info);
  EXPECT_EQ(severity("CVSS:4.0/AV:P/AC:H/AT:P/PR:H/UI:A/VC:L/VI:N/VA:N/SC:N/SI:N/SA:N/E:U/CR:L/IR:L/AR:L"), Severity::low);  // 0.1
  EXPECT_EQ(severity("CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:L/VI:L/VA:N/SC:N/SI:N/SA:N"), Severity::medium);                  // 6.9
  EXPECT_EQ(severity(std::string(kV4) + "/E:P"), Severity::high);                                                            // 8.9
  EXPECT_EQ(severity(kV4), Severity::critical);
  EXPECT_EQ(severity("AV:N/AC:L/Au:N/C:C/I:C/A:C"), Severity::high);  // 10.0
}

}  // namespace
}  // namespace careen
