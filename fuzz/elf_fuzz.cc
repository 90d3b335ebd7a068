// An ELF file, and the walk of its IFUNC resolvers.
#include "formats/ifunc_walk.h"

using namespace careen;  // NOLINT

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  MemoryView view(Bytes(data, size));
  auto f = parse_elf(view);
  if (!f) return 0;
  if (f->symbols.size() > kMaxSymbols || f->relocations.size() > kMaxRelocations || f->segments.size() > kMaxSegments) __builtin_trap();
  IfuncFacts facts = walk_resolvers(*f, view);
  if (facts.walked > facts.resolvers || facts.notable.size() > kMaxNotableResolvers) __builtin_trap();
  for (const Resolver& r : facts.notable)
    if (r.instructions > kMaxWalkInstructions + 1 || r.slot_calls.size() > kMaxWalkEvidence) __builtin_trap();
  return 0;
}
