// Every format in which results leave careen, by name, and what they share. Nothing here decides anything; all that comes from an image is
// escaped for the format that it goes into.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "scan/scan.h"

namespace careen {

struct FormatContext {
  uint64_t now = 0;  // seconds since 1970, for formats that must tell a time; SOURCE_DATE_EPOCH where it is set
};

std::string cyclonedx_text(const std::vector<ScanResult>& results, const std::string& version, const FormatContext& c);  // "1.6" or "1.7"
std::string spdx_text(const std::vector<ScanResult>& results, const FormatContext& c);                                   // 2.3
std::string openvex_text(const std::vector<ScanResult>& results, const FormatContext& c);                                // 0.2.0
std::string gitlab_text(const std::vector<ScanResult>& results, const FormatContext& c);                                 // container scanning report 15.2.1
std::string junit_text(const std::vector<ScanResult>& results);
std::string markdown_text(const std::vector<ScanResult>& results);
std::string csv_text(const std::vector<ScanResult>& results);
std::string html_text(const std::vector<ScanResult>& results, const FormatContext& c);

// Text for XML and HTML: of content and of attributes in quotes.
std::string xml_escape(std::string_view s);
// 2026-11-28T15:04:05Z
std::string time_text(uint64_t seconds);
// A UUID that is the same for the same text (RFC 9562, version 8).
std::string uuid_of(std::string_view text);
// The package that a finding is about, as a package URL; "" for none.
std::string finding_purl(const ScanResult& r, const Finding& f);
// The image as a package URL.
std::string image_purl(const ScanResult& r);

}  // namespace careen
