// CVE records of format 5: severities of the numbering authority and of CISA, and CISA's SSVC decision points. Which packages are meant is
// not taken from there: products are named by no packaging system's rules.
#include "base/text.h"
#include "feeds/readers.h"
#include "knowledge/cvss.h"

namespace careen {
namespace {

void read_container(Json c, SeverityRank rank, const std::string& who, Advisory& a, ExploitScore& s) {
  (void)static_cast<bool>(json_each(c, "metrics", [&](Json m) {
    for (std::string_view key : {"cvssV4_0", "cvssV3_1", "cvssV3_0", "cvssV2_0"})
      json_member(m, key, [&](Json v) {
        std::string_view vector = json_text(v, "vectorString");
        if (cvss_score(vector)) a.severities.push_back({rank, severity_word(json_text(v, "baseSeverity")), std::string(vector), who});
      });
    json_member(m, "other", [&](Json other) {
      std::string_view type = json_text(other, "type");
      json_member(other, "content", [&](Json content) {
        if (type == "kev") s.kev_added = date_of(json_text(content, "dateAdded"));
        if (type != "ssvc") return;
        (void)static_cast<bool>(json_each(content, "options", [&](Json option) {
          if (std::string_view v = json_text(option, "Exploitation"); !v.empty()) s.ssvc_exploitation = v.substr(0, 20);
          if (std::string_view v = json_text(option, "Automatable"); !v.empty()) s.ssvc_automatable = v.substr(0, 20);
          if (std::string_view v = json_text(option, "Technical Impact"); !v.empty()) s.ssvc_impact = v.substr(0, 20);
        }));
      });
    });
  }));
}

}  // namespace

Result<void> read_cve5(Json document, FeedSink& sink) {
  Advisory a;
  ExploitScore s;
  bool rejected = false;
  json_member(document, "cveMetadata", [&](Json m) {
    a.id = json_text(m, "cveId");
    a.published = date_of(json_text(m, "datePublished"));
    a.modified = date_of(json_text(m, "dateUpdated"));
    rejected = json_text(m, "state") == "REJECTED";
  });
  if (!is_cve(a.id)) return sink.refused("cve", "a record without a CVE");
  if (rejected) return sink.withdrawn("cve");
  json_member(document, "containers", [&](Json containers) {
    json_member(containers, "cna", [&](Json cna) {
      std::string who;
      json_member(cna, "providerMetadata", [&](Json p) { who = json_text(p, "shortName"); });
      read_container(cna, SeverityRank::cna, who.empty() ? "CNA" : escape(who), a, s);
      a.summary = short_summary(json_text(cna, "title"));
      (void)static_cast<bool>(json_each(cna, "descriptions", [&](Json d) {
        if (a.summary.empty() && json_text(d, "lang").starts_with("en")) a.summary = short_summary(json_text(d, "value"));
      }));
    });
    (void)static_cast<bool>(json_each(containers, "adp", [&](Json adp) {
      std::string who;
      json_member(adp, "providerMetadata", [&](Json p) { who = json_text(p, "shortName"); });
      read_container(adp, SeverityRank::adp, who.empty() ? "ADP" : escape(who), a, s);
    }));
  });
  s.id = a.id;
  if (!s.ssvc_exploitation.empty() || !s.kev_added.empty()) CAREEN_TRY(sink.score("vulnrichment", s));
  return sink.advisory("cve", a);
}

}  // namespace careen
