#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "report/fleet_report.h"
#include "report/fleet_text.h"

namespace careen {

std::string index_text(const IndexSummary& s) {
  std::string out = fmt::format("{} {} indexed, {} unchanged, {} new {}; {} flagged, {} undetermined", s.images, s.images == 1 ? "image" : "images",
                                s.unchanged, s.new_layers, s.new_layers == 1 ? "layer" : "layers", s.flagged, s.undetermined);
  if (s.rejudged != 0) out += fmt::format("; {} judged anew", s.rejudged);
  if (s.attestations != 0) out += fmt::format("; {} {} kept as claims", s.attestations, s.attestations == 1 ? "attestation" : "attestations");
  if (s.vanished != 0) out += fmt::format("; {} {} vanished", s.vanished, s.vanished == 1 ? "tag has" : "tags have");
  if (s.older != 0) out += fmt::format("; {} older than --since left out", s.older);
  if (s.uses != 0) out += fmt::format("; {} {} of images noted", s.uses, s.uses == 1 ? "use" : "uses");
  out += "\n";
  if (s.undated != 0) out += fmt::format("{} tags were not judged by --since: their registry does not tell when they were pushed\n", s.undated);
  for (const auto& [what, why] : s.failures) out += "not indexed: " + escape(what) + ": " + escape(why) + "\n";
  return out;
}

// The rate and the end that is expected are those of the whole run so far: a few seconds tell neither.
std::string index_progress_text(const IndexProgress& p, double seconds) {
  constexpr double kSettled = 5;
  std::string out = fmt::format("{} of {}", p.done, p.total);
  if (p.bytes != 0) out += ", " + human_size(p.bytes);
  if (p.bytes != 0 && seconds > 1) out += ", " + human_size(static_cast<uint64_t>(static_cast<double>(p.bytes) / seconds)) + "/s";
  if (p.failed != 0) out += fmt::format(", {} failed", p.failed);
  if (p.done > 0 && seconds > kSettled) {
    double left = seconds / static_cast<double>(p.done) * static_cast<double>(p.total - std::min(p.done, p.total));
    out += left < 90     ? fmt::format(", {:.0f} s left", left)
           : left < 5400 ? fmt::format(", {:.0f} min left", left / 60)
                         : fmt::format(", {:.1f} h left", left / 3600);
  }
  return out + "  " + escape(p.at).substr(0, 60);
}

namespace {

Json index_document(const IndexSummary& s) {
  Json failures = Json::array();
  for (const auto& [what, why] : s.failures) failures.push_back({{"reference", escape(what)}, {"why", escape(why)}});
  return {{"schema", "careen/index/v1"},
          {"references", s.references},
          {"uses", s.uses},
          {"images", s.images},
          {"unchanged", s.unchanged},
          {"new_layers", s.new_layers},
          {"rejudged", s.rejudged},
          {"attestations", s.attestations},
          {"vanished", s.vanished},
          {"older", s.older},
          {"undated", s.undated},
          {"flagged", s.flagged},
          {"undetermined", s.undetermined},
          {"failures", std::move(failures)}};
}

}  // namespace

std::string index_json(const IndexSummary& s) {
  return dump(index_document(s));
}

std::string index_line(const IndexSummary& s, const std::string& what, int64_t at) {
  Json j = index_document(s);
  j["run"] = what;
  j["at"] = time_text(at);
  return json_line(j);
}

std::string estimate_text(const Estimate& e) {
  std::string out;
  for (const Estimate::Row& r : e.rows) {
    out += escape(r.reference);
    if (r.known)
      out += "  known";
    else
      out += fmt::format("  {} {} to read, {}", r.new_layers, r.new_layers == 1 ? "layer" : "layers", human_size(r.bytes));
    out += "\n";
  }
  out += fmt::format("{} {}, {} known already; {} {} to read, {}; about {} requests", e.rows.size(), e.rows.size() == 1 ? "reference" : "references", e.known,
                     e.new_layers, e.new_layers == 1 ? "layer" : "layers", human_size(e.bytes), e.requests);
  if (e.older != 0) out += fmt::format("; {} older than --since left out", e.older);
  out += "\n";
  if (e.undated != 0) out += fmt::format("{} tags were not judged by --since: their registry does not tell when they were pushed\n", e.undated);
  for (const auto& [what, why] : e.failures) out += "could not be estimated: " + escape(what) + ": " + escape(why) + "\n";
  return out;
}

std::string estimate_json(const Estimate& e) {
  Json rows = Json::array(), failures = Json::array();
  for (const Estimate::Row& r : e.rows)
    rows.push_back({{"reference", escape(r.reference)}, {"known", r.known}, {"images", r.images}, {"new_layers", r.new_layers}, {"bytes", r.bytes}});
  for (const auto& [what, why] : e.failures) failures.push_back({{"reference", escape(what)}, {"why", escape(why)}});
  return dump({{"schema", "careen/estimate/v1"},
               {"references", std::move(rows)},
               {"known", e.known},
               {"images", e.images},
               {"new_layers", e.new_layers},
               {"bytes", e.bytes},
               {"requests", e.requests},
               {"older", e.older},
               {"undated", e.undated},
               {"failures", std::move(failures)}});
}

}  // namespace careen
