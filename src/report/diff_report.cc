#include <fmt/format.h>

#include "base/text.h"
#include "report/fleet_report.h"
#include "report/fleet_text.h"

namespace careen {
namespace {

std::string_view to_text(DiffKind k) {
  switch (k) {
    case DiffKind::risk:
      return "risk";
    case DiffKind::package:
      return "package";
    case DiffKind::file:
      return "file";
    case DiffKind::configuration:
      return "configuration";
  }
  return "file";
}

Json row_json(const DiffRow& r) {
  return {{"kind", to_text(r.kind)}, {"what", escape(r.what)}, {"from", safe(r.from)}, {"to", safe(r.to)}, {"says", safe(r.says)}};
}

}  // namespace

std::string diff_text(const ImageDiff& d, bool files) {
  std::string out = d.a + " → " + d.b + "\n";
  size_t hidden = 0;
  for (const DiffRow& r : d.rows) {
    if (r.kind == DiffKind::file && !files) {
      ++hidden;
      continue;
    }
    std::string change = r.from.empty() && r.to.empty() ? ""
                         : r.from.empty()               ? "+ " + escape(r.to)
                         : r.to.empty()                 ? "- " + escape(r.from)
                                                        : escape(r.from) + " → " + escape(r.to);
    out += fmt::format("{:<14} {}{}{}\n", to_text(r.kind), escape(r.what), r.says.empty() ? "" : ": " + r.says, change.empty() ? "" : "  " + change);
  }
  if (hidden != 0) out += fmt::format("{} {} changed (--files lists them)\n", hidden, hidden == 1 ? "file" : "files");
  if (d.rows.empty()) out += "no difference\n";
  for (const std::string& g : d.gaps) out += "not compared: " + escape(g) + "\n";
  return out;
}

std::string diff_json(const ImageDiff& d) {
  Json rows = Json::array(), gaps = Json::array();
  for (const DiffRow& r : d.rows) rows.push_back(row_json(r));
  for (const std::string& g : d.gaps) gaps.push_back(escape(g));
  return dump({{"schema", "careen/diff/v1"}, {"from", d.a}, {"to", d.b}, {"changes", rows}, {"coverage", gaps}});
}

std::string diff_ndjson(const ImageDiff& d) {
  std::string out;
  for (const DiffRow& r : d.rows) out += json_line(row_json(r));
  return out;
}

std::string diff_csv(const ImageDiff& d) {
  std::string out = "kind,what,from,to,says\n";
  for (const DiffRow& r : d.rows) out += join({std::string(to_text(r.kind)), csv(r.what), csv(r.from), csv(r.to), csv(r.says)}, ",") + "\n";
  return out;
}

}  // namespace careen
