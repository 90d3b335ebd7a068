// Answers about a fleet as text: tables for people, JSON by docs/schemas, CSV, graphs. Everything that comes from images, registries and
// clusters is escaped. `at` is the time of the answer, in seconds since 1970.
#pragma once
#include <string>

#include "fleet/diff.h"
#include "fleet/estimate.h"
#include "fleet/exposure.h"
#include "fleet/hunt.h"
#include "fleet/indexer.h"
#include "fleet/lineage.h"

namespace careen {

std::string time_text(int64_t t);  // 2026-11-20T09:02:00Z; "" for 0
std::string age_text(int64_t seconds);

// One line for a terminal.
std::string index_progress_text(const IndexProgress& p, double seconds);
std::string index_text(const IndexSummary& s);
std::string index_json(const IndexSummary& s);
std::string index_line(const IndexSummary& s, const std::string& what, int64_t at);  // one of many: a line of JSON
std::string estimate_text(const Estimate& e);
std::string estimate_json(const Estimate& e);

// The part of a long answer that is shown: how many there are in all, and how many were passed over.
struct Shown {
  size_t total = 0, offset = 0;
};

std::string hunt_text(const HuntAnswer& a, const Shown& shown, int64_t at, bool show_unjudged);
std::string hunt_json(const HuntAnswer& a, size_t total, int64_t at);
std::string hunt_ndjson(const HuntAnswer& a);
std::string hunt_csv(const HuntAnswer& a);

std::string exposure_text(const Exposure& e, const Shown& shown, int64_t at, bool show_unjudged);
// by: layer, base, registry, repository, namespace, label:NAME.
std::string exposure_groups_text(const Exposure& e, const std::string& by, const Shown& shown, int64_t at);
std::string exposure_json(const Exposure& e, size_t total, int64_t at);
std::string exposure_ndjson(const Exposure& e);
std::string exposure_csv(const Exposure& e);

std::string lineage_text(const std::vector<Lineage>& all);
std::string lineage_json(const std::vector<Lineage>& all);
std::string lineage_ndjson(const std::vector<Lineage>& all);  // a line for each relative
std::string lineage_csv(const std::vector<Lineage>& all);
std::string lineage_graph(const std::vector<Lineage>& all, bool mermaid);  // else Graphviz

std::string diff_text(const ImageDiff& d, bool files);
std::string diff_json(const ImageDiff& d);
std::string diff_ndjson(const ImageDiff& d);
std::string diff_csv(const ImageDiff& d);

}  // namespace careen
