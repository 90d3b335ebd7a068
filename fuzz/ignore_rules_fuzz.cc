// Ignore files of any kind: every rule names something and says where it stands, and none touches malware.
#include "base/text.h"
#include "policy/suppress.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace careen;
  std::string_view text(reinterpret_cast<const char*>(data), size);
  auto rules = parse_ignore_rules("f", text);
  Suppressions s;
  if (s.add_ignore_text("f", text).operator bool() != rules.operator bool()) __builtin_trap();
  if (!rules) {
    if (!rules.error().what.starts_with("f:")) __builtin_trap();
    return 0;
  }
  for (const SuppressionRule& r : *rules) {
    if (!r.origin.starts_with("f:") || (!r.expires.empty() && r.expires.size() != 10)) __builtin_trap();
    if (r.vulnerability.empty() && r.package.empty() && r.package_version.empty() && r.package_type.empty() && r.upstream.empty() && r.paths.empty() &&
        r.purls.empty() && r.fix_state.empty())
      __builtin_trap();
  }
  Finding f;
  f.kind = FindingKind::vulnerability;
  f.threat = "CVE-2023-38545";
  f.where.path = "/usr/lib/a.jar";
  f.where.package = PackageRef{"curl", "7.88.1-10", "curl"};
  f.vulnerability.emplace();
  f.vulnerability->packages = {"curl"};
  Purl package{"deb", "debian", "curl", "7.88.1-10", "", {{"arch", "amd64"}}};
  if (auto by = s.find(f, package, {}, "2026-06-15"); by && (rules->empty() || !by->who.starts_with("f:"))) __builtin_trap();
  (void)s.expired("2026-06-15");
  f.kind = FindingKind::malware;
  if (s.find(f, package, {}, "2026-06-15")) __builtin_trap();
  return 0;
}
