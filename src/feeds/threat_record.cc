// Threat records as a source: kept as they came, once they could be read.
#include "feeds/readers.h"
#include "knowledge/threat.h"

namespace careen {

Result<void> read_threat_record(const std::string& name, std::string_view text, FeedSink& sink) {
  constexpr size_t kMaxRecord = 8 << 20;
  if (text.size() > kMaxRecord) return Error{Errc::limit, "a threat record of more than 8 MiB (kMaxRecord)"};
  auto t = parse_threat(text, name);
  if (!t) return Error{Errc::corrupt, t.error().what};
  return sink.threat("threats", {t->id, std::string(text), t->updated});
}

}  // namespace careen
