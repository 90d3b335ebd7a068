// What is known about use: CISA's catalogue of exploited vulnerabilities, and FIRST's EPSS.
#include <cmath>

#include "base/text.h"
#include "feeds/readers.h"

namespace careen {
namespace {

// "0.03351" in hundred-thousandths; nullopt when it is no probability.
std::optional<uint32_t> probability(std::string_view s) {
  if (s == "1" || s == "1.") return 100000;
  if (s == "0" || s == "0.") return 0;
  if (!s.starts_with("0.") && !s.starts_with("1.")) return std::nullopt;
  std::string digits(s.substr(2));
  uint32_t whole = s[0] == '1' ? 100000 : 0;
  if (digits.empty() || digits.size() > 30 || digits.find_first_not_of("0123456789") != std::string::npos) return std::nullopt;
  digits.resize(5, '0');
  uint32_t v = whole + static_cast<uint32_t>(to_number(digits.substr(0, 5)).value_or(0));
  return v <= 100000 ? std::optional(v) : std::nullopt;
}

}  // namespace

Result<void> read_kev(Json document, FeedSink& sink) {
  return json_each(document, "vulnerabilities", [&](Json v) -> Result<void> {
    ExploitScore s;
    s.id = json_text(v, "cveID");
    s.kev_added = date_of(json_text(v, "dateAdded"));
    s.kev_due = date_of(json_text(v, "dueDate"));
    s.ransomware = json_text(v, "knownRansomwareCampaignUse") == "Known";
    if (!is_cve(s.id) || s.kev_added.empty()) return sink.refused("kev", "an entry without a CVE or a date: " + escape(s.id.substr(0, 100)));
    return sink.score("kev", s);
  });
}

Result<void> read_epss(std::string_view text, FeedSink& sink) {
  std::string date = "unknown";
  Result<void> result;
  each_line(text, [&](std::string_view line) {
    if (line.starts_with('#')) {
      if (size_t at = line.find("score_date:"); at != std::string_view::npos)
        if (std::string d = date_of(line.substr(at + 11)); !d.empty()) date = d;
      return true;
    }
    if (line.empty() || line.starts_with("cve,")) return true;
    auto part = split(line, ',');
    auto epss = part.size() == 3 ? probability(part[1]) : std::nullopt, percentile = part.size() == 3 ? probability(trim(part[2])) : std::nullopt;
    if (!epss || !percentile || !is_cve(part[0])) {
      result = sink.refused("epss", "a line that is no CVE with two probabilities: " + escape(line.substr(0, 100)));
    } else {
      ExploitScore s;
      s.id = part[0];
      s.epss = *epss, s.percentile = *percentile, s.epss_date = date;
      result = sink.score("epss", s);
    }
    return static_cast<bool>(result);
  });
  return result;
}

}  // namespace careen
