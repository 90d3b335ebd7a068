// The advisory side of a scan: vulnerabilities and malicious packages joined to what was found in the image itself.
//
// A function of the result, the database and the user's wishes; it reads nothing of the image, so a remembered conclusion is advised anew with
// each database at no cost.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "knowledge/advisory_db.h"
#include "policy/suppress.h"
#include "scan/scan.h"

namespace careen {

struct AdviceOptions {
  std::shared_ptr<const AdvisoryDb> advisories;  // null: there is none, and `absent` says so
  std::string absent;
  bool damaged = false;                              // there is one that cannot be read
  std::shared_ptr<const Suppressions> suppressions;  // null: none
  std::optional<Severity> fail_on;
  Severity unknown_as = Severity::unknown;
  bool only_fixed = false, unimportant = false;
  std::vector<Severity> severities;  // that are listed; empty: all
  uint64_t max_age = 0;              // seconds; 0: any age will do
  uint64_t now = 0;                  // seconds since 1970
};

void advise(ScanResult& result, const AdviceOptions& options);

// A package as a package URL.
Purl purl_of(const Package& p, const Distribution& d);

// YYYY-MM-DD of a time in seconds since 1970.
std::string day_of(uint64_t seconds);

}  // namespace careen
