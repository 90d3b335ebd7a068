// Scores of the Common Vulnerability Scoring System, computed from vectors.
//
// Sources: CVSS v2 guide, section 3.2; CVSS v3.0 and v3.1 specifications, sections 7 and 8 (v3.0 with the rounding that v3.1 made
// exact); CVSS v4.0 specification, section 8, with its table of macro vectors in tables/. Metrics may come in any order; one that is
// unknown, given twice or, being a base metric, missing makes the vector none. Pure functions, safe from any thread.
#pragma once
#include <optional>
#include <string_view>

#include "knowledge/threat.h"

namespace careen {

enum class CvssVersion : uint8_t { v2, v3_0, v3_1, v4_0 };
std::string_view to_text(CvssVersion v);

struct CvssScore {
  CvssVersion version = CvssVersion::v3_1;
  double base = 0;                                       // of v4.0: with what of threat and environment the vector says
  bool has_temporal = false, has_environmental = false;  // the vector says something of them
  std::optional<double> temporal, environmental;         // v2 only where the vector says something of them; v4.0 never
  double overall() const { return has_environmental && environmental ? *environmental : has_temporal && temporal ? *temporal : base; }
};

// "CVSS:3.1/AV:N/…", "CVSS:4.0/…", or v2 without a prefix, in parentheses or not. nullopt when it is no vector.
std::optional<CvssScore> cvss_score(std::string_view vector);

// As the specifications rate: 0 is info ("none"), to 3.9 low, to 6.9 medium, to 8.9 high, above critical. v2 knows no critical.
Severity cvss_severity(double score, CvssVersion version);

}  // namespace careen
