// Results to bytes: terminal text, JSON, SARIF. Decides nothing. Everything from an image is escaped.
#pragma once
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "scan/scan.h"

namespace careen {

struct TableOptions {
  bool color = false, verbose = false, quiet = false;
  size_t width = 80;
};

std::string table_report(const ScanResult& r, const TableOptions& o);
nlohmann::ordered_json json_report(const ScanResult& r, bool with_packages);
std::string json_text(const std::vector<ScanResult>& results, bool several, bool with_packages);
std::string sarif_text(const std::vector<ScanResult>& results);

std::string packages_table(const ScanResult& r);
std::string packages_json(const ScanResult& r);
std::string files_table(const ScanResult& r);
std::string files_json(const ScanResult& r);

// One finding of a JSON report (docs/schemas/report-v1.schema.json) told in full.
std::string explain_finding(const nlohmann::json& report, const nlohmann::json& finding, const TableOptions& o);
std::string explain_threat(const Threat& t, const TableOptions& o);

// "clean of 1 known threat (records of 2026-11-20)…": the verdict in one sentence.
std::string verdict_sentence(const ScanResult& r);

}  // namespace careen
