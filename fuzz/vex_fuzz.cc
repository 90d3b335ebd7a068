// VEX documents of any kind: every statement names a vulnerability and a product, and none touches malware.
#include "policy/suppress.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace careen;
  std::string_view text(reinterpret_cast<const char*>(data), size);
  auto statements = parse_vex("f", text);
  if (!statements) return 0;
  for (const VexStatement& s : *statements) {
    if (s.vulnerability.empty() || s.products.empty() || !s.origin.starts_with("f")) __builtin_trap();
    for (const VexStatement::Product& p : s.products)
      if (p.product.type.empty() || p.product.name.empty()) __builtin_trap();
  }
  Suppressions all;
  if (!all.add_vex_text("f", text)) __builtin_trap();
  Finding f;
  f.kind = FindingKind::vulnerability;
  f.threat = "CVE-2023-38545";
  f.vulnerability.emplace();
  Purl package{"deb", "debian", "curl", "7.88.1-10", "", {{"arch", "amd64"}}};
  ImageNames image{"sha256:" + std::string(64, 'a'), "team/app"};
  if (auto by = all.find(f, package, image, "2026-06-15"); by && (statements->empty() || by->reason.empty())) __builtin_trap();
  f.kind = FindingKind::malware;
  if (all.find(f, package, image, "2026-06-15")) __builtin_trap();
  return 0;
}
