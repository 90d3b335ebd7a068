// CVSS 4.0: a vector belongs to a macro vector, whose score stands in a table; how far it is from the worst vector of its group, in
// each of five groups of metrics, takes from that a share of the way to the next lower macro vector (specification, section 8).
#include <array>

#include "knowledge/cvss_metrics.h"
#include "knowledge/tables/cvss4_scores.h"

namespace careen {
namespace {

const std::array<std::string_view, 32> kNames{"AV",  "AC",  "AT",  "PR",  "UI",  "VC",  "VI",  "VA",  "SC",  "SI",  "SA", "E",  "CR", "IR", "AR", "MAV",
                                              "MAC", "MAT", "MPR", "MUI", "MVC", "MVI", "MVA", "MSC", "MSI", "MSA", "S",  "AU", "R",  "V",  "RE", "U"};

// A metric, and its values from the worst to the mildest: the distance between two is that between their places.
struct Metric {
  std::string_view name, values;
  char other;  // where the vector does not say; 0: it must
};
constexpr std::array<Metric, 15> kMetrics{{{"AV", "NALP", 0},
                                           {"PR", "NLH", 0},
                                           {"UI", "NPA", 0},
                                           {"AC", "LH", 0},
                                           {"AT", "NP", 0},
                                           {"VC", "HLN", 0},
                                           {"VI", "HLN", 0},
                                           {"VA", "HLN", 0},
                                           {"CR", "HML", 'H'},
                                           {"IR", "HML", 'H'},
                                           {"AR", "HML", 'H'},
                                           {"SC", "SHLN", 0},
                                           {"SI", "SHLN", 0},
                                           {"SA", "SHLN", 0},
                                           {"E", "APU", 'A'}}};
enum : size_t { AV, PR, UI, AC, AT, VC, VI, VA, CR, IR, AR, SC, SI, SA, E };

using Levels = std::array<int, kMetrics.size()>;  // the place of each metric's value

std::optional<Levels> levels_of(const CvssMetrics& m) {
  Levels out{};
  for (size_t i = 0; i < kMetrics.size(); ++i) {
    const Metric& k = kMetrics[i];
    bool system = k.name == "SC" || k.name == "SI" || k.name == "SA";
    std::string_view plain = m.get(k.name);
    if (system && plain == "S") return std::nullopt;  // safety is for the environment to say
    if (plain.empty() && k.other == 0) return std::nullopt;
    std::string_view v = plain;
    if (k.name != "E" && k.name != "CR" && k.name != "IR" && k.name != "AR") {
      std::string_view changed = m.get("M" + std::string(k.name));
      if (k.values.find(plain) == std::string_view::npos || plain.size() != 1) return std::nullopt;
      if (!changed.empty() && changed != "X") v = changed;
      if (k.name == "SC" && v == "S") return std::nullopt;
    } else if (v.empty() || v == "X") {
      v = std::string_view(&k.other, 1);
    }
    size_t at = v.size() == 1 ? k.values.find(v) : std::string_view::npos;
    if (at == std::string_view::npos) return std::nullopt;
    out[i] = static_cast<int>(at);
  }
  return out;
}

// Supplemental metrics change no score, but have values of their own.
bool supplemental_ok(const CvssMetrics& m) {
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 6> kValues{
      {{"S", "/X/N/P/"}, {"AU", "/X/N/Y/"}, {"R", "/X/A/U/I/"}, {"V", "/X/D/C/"}, {"RE", "/X/L/M/H/"}, {"U", "/X/Clear/Green/Amber/Red/"}}};
  for (const auto& [name, values] : kValues)
    if (std::string_view v = m.get(name); !v.empty() && values.find("/" + std::string(v) + "/") == std::string_view::npos) return false;
  return true;
}

// The macro vector: the level of EQ1 to EQ6.
std::array<int, 6> macro_vector(const Levels& l) {
  auto worst = [&](size_t metric) { return l[metric] == 0; };
  std::array<int, 6> eq{};
  int of_three = (worst(AV) ? 1 : 0) + (worst(PR) ? 1 : 0) + (worst(UI) ? 1 : 0);
  eq[0] = of_three == 3 ? 0 : of_three > 0 && l[AV] != 3 ? 1 : 2;
  eq[1] = worst(AC) && worst(AT) ? 0 : 1;
  eq[2] = worst(VC) && worst(VI) ? 0 : worst(VC) || worst(VI) || worst(VA) ? 1 : 2;
  eq[3] = worst(SI) || worst(SA) ? 0 : l[SC] == 1 || l[SI] == 1 || l[SA] == 1 ? 1 : 2;
  eq[4] = l[E];
  eq[5] = (worst(CR) && worst(VC)) || (worst(IR) && worst(VI)) || (worst(AR) && worst(VA)) ? 0 : 1;
  return eq;
}

std::optional<int> tenths_of(const std::array<int, 6>& eq) {
  uint32_t key = 0;
  for (int level : eq) key = key * 10 + static_cast<uint32_t>(level);
  const auto* it = std::lower_bound(kMacroVectorScores.begin(), kMacroVectorScores.end(), key, [](const auto& e, uint32_t k) { return e.key < k; });
  return it != kMacroVectorScores.end() && it->key == key ? std::optional<int>(it->tenths) : std::nullopt;
}

// A worst vector of a group at one level of its equivalence class, as places of its metrics, and how deep the group is there.
struct Worst {
  int level;  // EQ3 and EQ6 together: ten times the one and the other
  std::array<int, 6> places;
};
struct Group {
  std::array<size_t, 6> metrics;
  size_t count;
  std::array<Worst, 11> worst;
  size_t worst_count;
  std::array<std::pair<int, int>, 5> depth;  // level, depth
};

constexpr Group kEq1{
    {AV, PR, UI}, 3, {{{0, {0, 0, 0}}, {1, {1, 0, 0}}, {1, {0, 1, 0}}, {1, {0, 0, 1}}, {2, {3, 0, 0}}, {2, {1, 1, 1}}}}, 6, {{{0, 1}, {1, 4}, {2, 5}}}};
constexpr Group kEq2{{AC, AT}, 2, {{{0, {0, 0}}, {1, {1, 0}}, {1, {0, 1}}}}, 3, {{{0, 1}, {1, 2}}}};
constexpr Group kEq36{{VC, VI, VA, CR, IR, AR},
                      6,
                      {{{0, {0, 0, 0, 0, 0, 0}},
                        {1, {0, 0, 1, 1, 1, 0}},
                        {1, {0, 0, 0, 1, 1, 1}},
                        {10, {1, 0, 0, 0, 0, 0}},
                        {10, {0, 1, 0, 0, 0, 0}},
                        {11, {1, 0, 1, 0, 1, 0}},
                        {11, {1, 0, 0, 0, 1, 1}},
                        {11, {0, 1, 0, 1, 0, 1}},
                        {11, {0, 1, 1, 1, 0, 0}},
                        {11, {1, 1, 0, 0, 0, 1}},
                        {21, {1, 1, 1, 0, 0, 0}}}},
                      11,
                      {{{0, 7}, {1, 6}, {10, 8}, {11, 8}, {21, 10}}}};
constexpr Group kEq4{{SC, SI, SA}, 3, {{{0, {1, 0, 0}}, {1, {1, 1, 1}}, {2, {2, 2, 2}}}}, 3, {{{0, 6}, {1, 5}, {2, 4}}}};

// Steps from a worst vector of the level that is at no metric milder than this one.
int distance(const Group& g, int level, const Levels& l) {
  for (size_t w = 0; w < g.worst_count; ++w) {
    if (g.worst[w].level != level) continue;
    int sum = 0;
    bool below = false;
    for (size_t i = 0; i < g.count; ++i) {
      int steps = l[g.metrics[i]] - g.worst[w].places[i];
      below |= steps < 0;
      sum += steps;
    }
    if (!below) return sum;
  }
  return 0;
}

int depth_of(const Group& g, int level) {
  for (const auto& [l, d] : g.depth)
    if (l == level && d != 0) return d;
  return 1;
}

// The next lower macro vector within EQ3 and EQ6 together; of two the one that scores higher.
std::optional<int> next_of_eq36(std::array<int, 6> eq) {
  int joint = eq[2] * 10 + eq[5];
  auto at = [&](int three, int six) {
    eq[2] = three, eq[5] = six;
    return tenths_of(eq);
  };
  if (joint == 0) return std::max(at(0, 1), at(1, 0));
  if (joint == 1 || joint == 10) return at(1, 1);
  return joint == 11 ? at(2, 1) : std::nullopt;
}

}  // namespace

std::optional<CvssScore> score_v4(std::string_view metrics) {
  auto m = CvssMetrics::parse(metrics, kNames);
  auto l = m ? levels_of(*m) : std::nullopt;
  if (!l || !supplemental_ok(*m)) return std::nullopt;
  CvssScore s;
  s.version = CvssVersion::v4_0;
  auto none = [&](size_t metric) { return (*l)[metric] == static_cast<int>(kMetrics[metric].values.size()) - 1; };
  if (none(VC) && none(VI) && none(VA) && none(SC) && none(SI) && none(SA)) return s;

  std::array<int, 6> eq = macro_vector(*l);
  auto value = tenths_of(eq);
  if (!value) return std::nullopt;
  // In exact numbers: all depths divide 840, and the mean is over at most five groups.
  constexpr int kUnit = 840;
  int groups = 0, taken = 0;
  auto take = [&](std::optional<int> next, int steps, int depth) {
    if (!next) return;
    ++groups;
    taken += (*value - *next) * steps * (kUnit / depth);
  };
  auto next = [&](size_t i) {
    std::array<int, 6> lower = eq;
    ++lower[i];
    return tenths_of(lower);
  };
  take(next(0), distance(kEq1, eq[0], *l), depth_of(kEq1, eq[0]));
  take(next(1), distance(kEq2, eq[1], *l), depth_of(kEq2, eq[1]));
  int joint = eq[2] * 10 + eq[5];
  take(next_of_eq36(eq), distance(kEq36, joint, *l), depth_of(kEq36, joint));
  take(next(3), distance(kEq4, eq[3], *l), depth_of(kEq4, eq[3]));
  take(next(4), 0, 1);
  int whole = kUnit * std::max(groups, 1);
  int exact = *value * whole - taken;  // tenths, in parts of `whole`
  s.base = std::clamp((2 * exact + whole) / (2 * whole), 0, 100) / 10.0;
  return s;
}

}  // namespace careen
