// What an advisory concerns in the inventory: its packages are looked up, and those that are there are matched as a scan does. No image is
// read, and nothing is kept.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "fleet/exposure.h"
#include "knowledge/advisory_db.h"

namespace careen {

// CVE-2024-3094, GHSA-…, MAL-2024-1, DSA-5649-1: letters, a dash, and more of both and digits.
bool is_advisory_id(std::string_view text);

// nullopt when the database has no advisory with this id or alias. An image is affected when a package of it is, by any of the id's names.
Result<std::optional<Exposure>> exposure_of_advisory(Inventory& inventory, const AdvisoryDb& advisories, const std::string& id,
                                                     const ExposureOptions& how = {});

// Advisories that are new since a day, of what indexed images have: the worst and what runs first.
struct AdvisoryNews {
  std::string id, title, published, source;
  Severity severity = Severity::unknown;
  bool exploited = false;
  size_t images = 0, running = 0;
  std::vector<std::string> packages;  // affected, with versions
  std::vector<std::string> names;     // of images, a few
};
std::vector<AdvisoryNews> advisory_news(Inventory& inventory, const AdvisoryDb& advisories, const std::string& since);

}  // namespace careen
