// Follows what an IFUNC resolver can reach before the program's first instruction: the place that the XZ backdoor chose.
//
// A resolver runs while the dynamic loader is still relocating; honest ones look at cpuid and return one of a few
// addresses. Of 4215 resolvers in Debian and Ubuntu, none outside the dynamic linker reaches more than two local functions,
// and none calls through a slot (a word that a relocation fills with the address of code in the same file). The walk
// records per resolver: the local functions it reaches, calls through such slots, and stores through computed pointers.
// What that means is judged elsewhere (detect/structure.h).
//
// The walk is recursive descent over x86-64 code with Zydis. It follows direct jumps and calls, PLT stubs, slots, and
// registers or stack cells loaded from slots; it stops at returns, traps and calls that do not return. Loops are cut by
// visiting an address once; kMaxWalkInstructions and kMaxWalkTotal bound hostile code, and capped says when they did.
#pragma once
#include <string>
#include <vector>

#include "formats/elf.h"

namespace careen {

inline constexpr uint32_t kMaxWalkInstructions = 60'000;  // one resolver
inline constexpr uint64_t kMaxWalkTotal = 4'000'000;      // one file
inline constexpr size_t kMaxNotableResolvers = 8;
inline constexpr size_t kMaxWalkEvidence = 4;  // slot calls and stores kept per resolver

struct SlotCall {
  uint64_t at = 0, slot = 0, target = 0;
  std::string relocation;       // R_X86_64_RELATIVE, …
  std::string how;              // "memory", "register", "plt"
  std::vector<uint64_t> chain;  // entries of the functions from the resolver to the one that calls
};

struct Resolver {
  std::string name;  // "" when only an IRELATIVE relocation names it
  uint64_t address = 0;
  uint32_t functions = 0;  // local functions reached, the resolver itself among them
  uint32_t instructions = 0, computed_stores = 0, slot_call_count = 0;
  std::vector<uint64_t> stores;      // addresses of the first ones
  std::vector<SlotCall> slot_calls;  // the first ones
  std::vector<uint64_t> deepest;     // the longest chain of function entries
  bool capped = false;
};

struct IfuncFacts {
  uint32_t resolvers = 0;
  uint32_t walked = 0;  // 0 for machines other than x86-64
  uint32_t most_functions = 0;
  std::vector<Resolver> notable;  // with a slot call, with three functions or more, or capped; the first ones
  bool capped = false;
};

IfuncFacts walk_resolvers(const ElfFile& elf, const FileView& file);

template <class A>
void fields(A& a, SlotCall& c) {
  a(c.at), a(c.slot), a(c.target), a(c.relocation), a(c.how), a(c.chain);
}
template <class A>
void fields(A& a, Resolver& r) {
  a(r.name), a(r.address), a(r.functions), a(r.instructions), a(r.computed_stores), a(r.slot_call_count), a(r.stores);
  a(r.slot_calls), a(r.deepest), a(r.capped);
}
template <class A>
void fields(A& a, IfuncFacts& f) {
  a(f.resolvers), a(f.walked), a(f.most_functions), a(f.notable), a(f.capped);
}

}  // namespace careen
