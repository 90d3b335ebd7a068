// What the answers about a fleet share: times, escaped JSON values, CSV fields, the line that proves a zero. Private to src/report.
#pragma once
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "fleet/hunt.h"
#include "report/fleet_report.h"
#include "store/inventory.h"

namespace careen {

using Json = nlohmann::ordered_json;

Json safe(const std::string& s);  // null for an empty one
Json safe(const std::optional<std::string>& s);
std::string dump(const Json& j);
// One field of a CSV file (RFC 4180); a formula that a spreadsheet would run is made text.
std::string csv(const std::string& field);
Json tags_json(const std::vector<Tag>& tags);
// last pulled 2026-11-22T09:02:11Z; 1234 pulls of its repository. "" where its registry does not tell.
std::string pulls_text(const std::vector<Tag>& tags);
// `as_run`: the reachability of a threat as each running use starts the image; where it is not null each running use has one, or null.
Json uses_json(const std::vector<StoredUse>& uses, bool running, const std::vector<Reachability>* as_run = nullptr);
Json reachability_json(const Reachability& r);
// What is left to read, as text that ends with a line's end, "" when nothing is; and as JSON, null when nothing is.
std::string to_read_text(const ToRead& t);
Json to_read_json(const ToRead& t);
// and 17 more (--offset 20): what a page leaves out, "" when nothing is behind it.
std::string more_text(const Shown& s, size_t shown);
std::string json_line(const Json& j);
// prod shop/Deployment/web (app), or compose.yaml:12.
std::string use_text(const StoredUse& u);
Json searched_json(const InventoryCounts& c, int64_t at);
Json coverage_of(const std::vector<std::pair<std::string, std::string>>& unjudged);
// What every answer ends with, so that a zero is known for what it is.
std::string proof(const InventoryCounts& c, int64_t at);

}  // namespace careen
