#include "knowledge/cvss.h"

#include <array>
#include <cmath>

#include "base/text.h"
#include "knowledge/cvss_metrics.h"

namespace careen {
namespace {

using Value = std::pair<std::string_view, double>;
using Values = std::initializer_list<Value>;

// The weight of a metric's value; of `other` where the vector does not say, or says "not defined".
std::optional<double> weight(const CvssMetrics& m, std::string_view name, Values values, std::optional<double> other = std::nullopt,
                             std::string_view not_defined = "X") {
  std::string_view v = m.get(name);
  if (v.empty() || (v == not_defined && other)) return other;
  for (const Value& known : values)
    if (known.first == v) return known.second;
  return std::nullopt;
}

constexpr double kHair = 1e-9;  // sums of decimals that are not binary

double round_half_up(double x) {
  double r = std::floor(x * 10 + 0.5 + kHair) / 10;
  return r == 0 ? 0 : r;
}

// The smallest tenth that is not below, to five digits (v3.1, appendix A).
double round_up(double x) {
  auto n = static_cast<int64_t>(std::llround(x * 100000));
  return static_cast<double>(n % 10000 == 0 ? n / 10000 : n / 10000 + 1) / 10;
}

const std::array<std::string_view, 14> kV2Names{"AV", "AC", "Au", "C", "I", "A", "E", "RL", "RC", "CDP", "TD", "CR", "IR", "AR"};

std::optional<CvssScore> score_v2(std::string_view text) {
  constexpr std::string_view kNotDefined = "ND";
  auto m = CvssMetrics::parse(text, kV2Names);
  if (!m) return std::nullopt;
  Values impact{{"N", 0.0}, {"P", 0.275}, {"C", 0.66}}, requirement{{"L", 0.5}, {"M", 1.0}, {"H", 1.51}};
  auto av = weight(*m, "AV", {{"L", 0.395}, {"A", 0.646}, {"N", 1.0}}), ac = weight(*m, "AC", {{"H", 0.35}, {"M", 0.61}, {"L", 0.71}});
  auto au = weight(*m, "Au", {{"M", 0.45}, {"S", 0.56}, {"N", 0.704}});
  auto c = weight(*m, "C", impact), i = weight(*m, "I", impact), a = weight(*m, "A", impact);
  auto e = weight(*m, "E", {{"U", 0.85}, {"POC", 0.9}, {"F", 0.95}, {"H", 1.0}}, 1.0, kNotDefined);
  auto rl = weight(*m, "RL", {{"OF", 0.87}, {"TF", 0.9}, {"W", 0.95}, {"U", 1.0}}, 1.0, kNotDefined);
  auto rc = weight(*m, "RC", {{"UC", 0.9}, {"UR", 0.95}, {"C", 1.0}}, 1.0, kNotDefined);
  auto cdp = weight(*m, "CDP", {{"N", 0.0}, {"L", 0.1}, {"LM", 0.3}, {"MH", 0.4}, {"H", 0.5}}, 0.0, kNotDefined);
  auto td = weight(*m, "TD", {{"N", 0.0}, {"L", 0.25}, {"M", 0.75}, {"H", 1.0}}, 1.0, kNotDefined);
  auto cr = weight(*m, "CR", requirement, 1.0, kNotDefined), ir = weight(*m, "IR", requirement, 1.0, kNotDefined),
       ar = weight(*m, "AR", requirement, 1.0, kNotDefined);
  if (!av || !ac || !au || !c || !i || !a || !e || !rl || !rc || !cdp || !td || !cr || !ir || !ar) return std::nullopt;
  auto base_of = [&](double im) { return round_half_up((0.6 * im + 0.4 * (20 * *ac * *au * *av) - 1.5) * (im == 0 ? 0 : 1.176)); };
  CvssScore s;
  s.version = CvssVersion::v2;
  s.base = base_of(10.41 * (1 - (1 - *c) * (1 - *i) * (1 - *a)));
  s.has_temporal = m->any({"E", "RL", "RC"});
  s.has_environmental = m->any({"CDP", "TD", "CR", "IR", "AR"});
  if (s.has_temporal) s.temporal = round_half_up(s.base * *e * *rl * *rc);
  if (s.has_environmental) {
    double adjusted = base_of(std::min(10.0, 10.41 * (1 - (1 - *c * *cr) * (1 - *i * *ir) * (1 - *a * *ar))));
    double temporal = round_half_up(adjusted * *e * *rl * *rc);
    s.environmental = round_half_up((temporal + (10 - temporal) * *cdp) * *td);
  }
  return s;
}

const std::array<std::string_view, 22> kV3Names{"AV", "AC", "PR", "UI",  "S",   "C",   "I",   "A",  "E",  "RL", "RC",
                                                "CR", "IR", "AR", "MAV", "MAC", "MPR", "MUI", "MS", "MC", "MI", "MA"};

// The metric as the environment modifies it, or as it is.
std::string_view modified(const CvssMetrics& m, std::string_view name, std::string_view modifier) {
  std::string_view v = m.get(modifier);
  return v.empty() || v == "X" ? m.get(name) : v;
}

std::optional<double> of(std::string_view value, Values values) {
  for (const Value& known : values)
    if (known.first == value) return known.second;
  return std::nullopt;
}

struct V3Base {
  double av = 0, ac = 0, pr = 0, ui = 0, c = 0, i = 0, a = 0;
  bool changed = false;
};

std::optional<V3Base> base_v3(const CvssMetrics& m, bool as_modified) {
  auto get = [&](std::string_view name, std::string_view modifier) { return as_modified ? modified(m, name, modifier) : m.get(name); };
  Values impact{{"N", 0.0}, {"L", 0.22}, {"H", 0.56}};
  std::string_view scope = get("S", "MS");
  if (scope != "U" && scope != "C") return std::nullopt;
  V3Base b;
  b.changed = scope == "C";
  auto av = of(get("AV", "MAV"), {{"N", 0.85}, {"A", 0.62}, {"L", 0.55}, {"P", 0.2}}), ac = of(get("AC", "MAC"), {{"L", 0.77}, {"H", 0.44}});
  auto pr = of(get("PR", "MPR"), {{"N", 0.85}, {"L", b.changed ? 0.68 : 0.62}, {"H", b.changed ? 0.5 : 0.27}});
  auto ui = of(get("UI", "MUI"), {{"N", 0.85}, {"R", 0.62}});
  auto c = of(get("C", "MC"), impact), i = of(get("I", "MI"), impact), a = of(get("A", "MA"), impact);
  if (!av || !ac || !pr || !ui || !c || !i || !a) return std::nullopt;
  b.av = *av, b.ac = *ac, b.pr = *pr, b.ui = *ui, b.c = *c, b.i = *i, b.a = *a;
  return b;
}

double combine_v3(const V3Base& b, double impact) {
  if (impact <= 0) return 0;
  double exploitability = 8.22 * b.av * b.ac * b.pr * b.ui;
  return round_up(std::min((b.changed ? 1.08 : 1.0) * (impact + exploitability), 10.0));
}

std::optional<CvssScore> score_v3(std::string_view text, CvssVersion version) {
  auto m = CvssMetrics::parse(text, kV3Names);
  if (!m) return std::nullopt;
  auto plain = base_v3(*m, false), changed = base_v3(*m, true);
  Values requirement{{"L", 0.5}, {"M", 1.0}, {"H", 1.5}};
  auto e = weight(*m, "E", {{"U", 0.91}, {"P", 0.94}, {"F", 0.97}, {"H", 1.0}}, 1.0);
  auto rl = weight(*m, "RL", {{"O", 0.95}, {"T", 0.96}, {"W", 0.97}, {"U", 1.0}}, 1.0);
  auto rc = weight(*m, "RC", {{"U", 0.92}, {"R", 0.96}, {"C", 1.0}}, 1.0);
  auto cr = weight(*m, "CR", requirement, 1.0), ir = weight(*m, "IR", requirement, 1.0), ar = weight(*m, "AR", requirement, 1.0);
  if (!plain || !changed || !e || !rl || !rc || !cr || !ir || !ar) return std::nullopt;
  double iss = 1 - (1 - plain->c) * (1 - plain->i) * (1 - plain->a);
  double impact = plain->changed ? 7.52 * (iss - 0.029) - 3.25 * std::pow(iss - 0.02, 15) : 6.42 * iss;
  double miss = std::min(1 - (1 - *cr * changed->c) * (1 - *ir * changed->i) * (1 - *ar * changed->a), 0.915);
  double bent = version == CvssVersion::v3_0 ? std::pow(miss - 0.02, 15) : std::pow(miss * 0.9731 - 0.02, 13);
  double modified_impact = changed->changed ? 7.52 * (miss - 0.029) - 3.25 * bent : 6.42 * miss;
  CvssScore s;
  s.version = version;
  s.base = combine_v3(*plain, impact);
  s.has_temporal = m->any({"E", "RL", "RC"});
  s.has_environmental = m->any({"CR", "IR", "AR", "MAV", "MAC", "MPR", "MUI", "MS", "MC", "MI", "MA"});
  double temporal = *e * *rl * *rc;
  s.temporal = round_up(s.base * temporal);
  s.environmental = round_up(combine_v3(*changed, modified_impact) * temporal);
  return s;
}

}  // namespace

std::optional<CvssMetrics> CvssMetrics::parse(std::string_view text, std::span<const std::string_view> names) {
  CvssMetrics m;
  if (text.ends_with('/')) text.remove_suffix(1);
  for (std::string_view part : split(text, '/')) {
    size_t colon = part.find(':');
    if (colon == std::string_view::npos) return std::nullopt;
    std::string_view name = part.substr(0, colon);
    bool known = std::find(names.begin(), names.end(), name) != names.end();
    if (!known || !m.get(name).empty() || colon + 1 == part.size()) return std::nullopt;
    m.all_.emplace_back(name, part.substr(colon + 1));
  }
  return m;
}

std::string_view to_text(CvssVersion v) {
  static constexpr std::array<std::string_view, 4> kNames{"2.0", "3.0", "3.1", "4.0"};
  return kNames[static_cast<size_t>(v)];
}

std::optional<CvssScore> cvss_score(std::string_view vector) {
  if (vector.size() > 512) return std::nullopt;
  if (vector.starts_with("CVSS:3.0/")) return score_v3(vector.substr(9), CvssVersion::v3_0);
  if (vector.starts_with("CVSS:3.1/")) return score_v3(vector.substr(9), CvssVersion::v3_1);
  if (vector.starts_with("CVSS:4.0/")) return score_v4(vector.substr(9));
  if (vector.starts_with("CVSS:2.0/")) vector.remove_prefix(9);
  if (vector.size() > 1 && vector.front() == '(' && vector.back() == ')') vector = vector.substr(1, vector.size() - 2);
  return score_v2(vector);
}

Severity cvss_severity(double score, CvssVersion version) {
  if (score <= 0) return Severity::info;
  if (score < 4) return Severity::low;
  if (score < 7) return Severity::medium;
  return score < 9 || version == CvssVersion::v2 ? Severity::high : Severity::critical;
}

}  // namespace careen
