// Any document that a feed may send, recognised by its content and read; what comes out is matched.
#include "feeds/feed.h"

#include "base/bytes.h"
#include "knowledge/ecosystem.h"
#include "knowledge/match.h"

namespace {

using namespace careen;

struct Sink : FeedSink {
  Result<void> advisory(const std::string& source, const Advisory& a) override {
    if (source.empty() || source.size() > 300 || a.id.empty() || a.id.size() > kMaxAdvisoryId || a.affected.size() > kMaxRowsOfAdvisory) __builtin_trap();
    for (const AffectedPackage& p : a.affected)
      for (const char* version : {"1.2.3", "0", "1:2-3"}) (void)evaluate_row(p, version, order_of_family(p.family));
    return {};
  }
  Result<void> score(const std::string&, const ExploitScore& s) override {
    if (s.epss > 100'000 || s.percentile > 100'000) __builtin_trap();
    return {};
  }
  Result<void> support(const std::string&, const SupportEnd&) override { return {}; }
  Result<void> repository(const std::string&, const RepositoryProducts& r) override {
    if (r.repository.empty() || r.products.empty() || r.products.size() > 100) __builtin_trap();
    return {};
  }
  Result<void> artifact(const std::string&, const KnownArtifact& k) override {
    if (k.sha1.size() != 40 || k.name.find(':') == std::string::npos || k.version.empty()) __builtin_trap();
    return {};
  }
  Result<void> refused(const std::string&, const std::string&) override { return {}; }
  Result<void> withdrawn(const std::string&) override { return {}; }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size > 1 << 16) return 0;
  Sink sink;
  FeedReader reader(sink);
  (void)static_cast<bool>(reader.read("debian.csv", as_text({data, size})));
  return 0;
}
