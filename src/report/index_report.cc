#include <fmt/format.h>

#include "base/text.h"
#include "report/fleet_report.h"
#include "report/fleet_text.h"

namespace careen {

std::string index_text(const IndexSummary& s) {
  std::string out = fmt::format("{} {} indexed, {} unchanged, {} new {}; {} flagged, {} undetermined", s.images, s.images == 1 ? "image" : "images",
                                s.unchanged, s.new_layers, s.new_layers == 1 ? "layer" : "layers", s.flagged, s.undetermined);
  if (s.vanished != 0) out += fmt::format("; {} {} vanished", s.vanished, s.vanished == 1 ? "tag has" : "tags have");
  if (s.uses != 0) out += fmt::format("; {} {} of images noted", s.uses, s.uses == 1 ? "use" : "uses");
  out += "\n";
  for (const auto& [what, why] : s.failures) out += "not indexed: " + escape(what) + ": " + escape(why) + "\n";
  return out;
}

std::string index_json(const IndexSummary& s) {
  Json failures = Json::array();
  for (const auto& [what, why] : s.failures) failures.push_back({{"reference", escape(what)}, {"why", escape(why)}});
  return dump({{"schema", "careen/index/v1"},
               {"references", s.references},
               {"uses", s.uses},
               {"images", s.images},
               {"unchanged", s.unchanged},
               {"new_layers", s.new_layers},
               {"vanished", s.vanished},
               {"flagged", s.flagged},
               {"undetermined", s.undetermined},
               {"failures", std::move(failures)}});
}

}  // namespace careen
