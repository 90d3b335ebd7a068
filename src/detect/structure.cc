#include "detect/structure.h"

#include <fmt/format.h>

#include "base/text.h"

namespace careen {
namespace {

std::string chain_text(const std::vector<uint64_t>& chain) {
  std::string s;
  for (uint64_t a : chain) s += fmt::format("{}{:#x}", s.empty() ? "" : " → ", a);
  return s;
}

std::string resolver_name(const Resolver& r) {
  return r.name.empty() ? fmt::format("the resolver at {:#x}", r.address) : fmt::format("the resolver of {} at {:#x}", escape(r.name), r.address);
}

bool has_tls_relocation(const ElfFacts& f) {
  for (uint32_t t : {elf::kRX64Dtpmod, elf::kRX64Dtpoff, elf::kRX64Tpoff, elf::kRX64Tlsdesc})
    if (f.relocations.contains(t)) return true;
  return false;
}

}  // namespace

StructureSigns judge_structure(const ElfFacts& f, bool linker) {
  StructureSigns s;
  bool a = false, b = false, c = false, both = false;
  for (const Resolver& r : f.ifunc.notable) {
    bool rb = r.functions >= 3 && !linker, rc = r.functions > 1 && r.computed_stores > 0 && !linker;
    if (r.slot_call_count > 0) {
      a = true;
      for (const SlotCall& call : r.slot_calls)
        s.evidence.push_back(fmt::format("{} reaches, by {}, a call at {:#x} through the slot {:#x} ({}, {}) to {:#x} in the same file", resolver_name(r),
                                         chain_text(call.chain), call.at, call.slot, call.relocation, call.how == "plt" ? "by the PLT" : "by " + call.how,
                                         call.target));
    }
    if (rb && rc) {
      both = true;
      s.evidence.push_back(fmt::format("{} reaches {} local functions ({}) and makes {} stores through computed pointers, the first at {:#x}", resolver_name(r),
                                       r.functions, chain_text(r.deepest), r.computed_stores, r.stores.empty() ? 0 : r.stores[0]));
    }
    b |= rb;
    c |= rc;
  }
  bool d = f.machine == elf::kMachineX86_64 && f.has_dynamic && f.imports_tls_get_addr && !f.defines_tls_get_addr && !f.has_tls && !has_tls_relocation(f);
  if (d) s.evidence.emplace_back("it imports __tls_get_addr but has no thread-local data and no relocation for it");
  if (a) s.rules.emplace_back("ifunc-slot-call");
  if (b) s.rules.emplace_back("ifunc-reach");
  if (c) s.rules.emplace_back("ifunc-store");
  if (d) s.rules.emplace_back("tls-import");
  s.tampered = a || both;
  // B or C by itself is no sign; many honest resolvers show one of them.
  if (!s.tampered && !d) s = {};
  if (s.evidence.size() > 6) s.evidence.resize(6);
  return s;
}

}  // namespace careen
