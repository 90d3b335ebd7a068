#include "detect/structure.h"

#include <gmock/gmock.h>

namespace careen {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

Resolver resolver(uint32_t functions, uint32_t stores, uint32_t slot_calls) {
  Resolver r;
  r.name = "fn\n";
  r.address = 0x1000;
  r.functions = functions;
  r.computed_stores = stores;
  r.slot_call_count = slot_calls;
  if (stores != 0) r.stores = {0x1234};
  if (slot_calls != 0) r.slot_calls = {{0x1010, 0x4000, 0x2000, "R_X86_64_RELATIVE", "register", {0x1000, 0x1100}}};
  r.deepest = {0x1000, 0x1100};
  return r;
}

ElfFacts file(std::vector<Resolver> notable) {
  ElfFacts f;
  f.machine = elf::kMachineX86_64;
  f.has_dynamic = true;
  f.ifunc.notable = std::move(notable);
  return f;
}

TEST(Structure, ACleanFileShowsNothing) {
  StructureSigns s = judge_structure(file({}));
  EXPECT_THAT(s.rules, IsEmpty());
  EXPECT_FALSE(s.tampered);
}

TEST(Structure, ACallThroughASlotIsTampering) {
  StructureSigns s = judge_structure(file({resolver(1, 0, 1)}));
  EXPECT_TRUE(s.tampered);
  EXPECT_THAT(s.rules, ElementsAre("ifunc-slot-call"));
  EXPECT_THAT(s.evidence, ElementsAre(testing::AllOf(HasSubstr("0x1010"), HasSubstr("0x4000"), HasSubstr("0x2000"), HasSubstr("fn\\x0a"))));
}

TEST(Structure, ReachAndStoresInOneResolverAreTampering) {
  StructureSigns s = judge_structure(file({resolver(3, 1, 0)}));
  EXPECT_TRUE(s.tampered);
  EXPECT_THAT(s.rules, ElementsAre("ifunc-reach", "ifunc-store"));
}

TEST(Structure, ReachOrStoresAloneOrInTwoResolversAreNot) {
  EXPECT_FALSE(judge_structure(file({resolver(9, 0, 0)})).tampered);
  EXPECT_FALSE(judge_structure(file({resolver(2, 5, 0)})).tampered);
  EXPECT_FALSE(judge_structure(file({resolver(1, 5, 0)})).tampered);
  StructureSigns apart = judge_structure(file({resolver(9, 0, 0), resolver(2, 5, 0)}));
  EXPECT_FALSE(apart.tampered);
  EXPECT_THAT(apart.rules, IsEmpty());
  EXPECT_THAT(apart.evidence, IsEmpty());
}

TEST(Structure, TheDynamicLinkerMayReachFarButNotCallThroughSlots) {
  ElfFacts f = file({resolver(9, 9, 0)});
  EXPECT_FALSE(judge_structure(f, true).tampered);
  f.ifunc.notable = {resolver(9, 9, 1)};
  EXPECT_TRUE(judge_structure(f, true).tampered);
}

TEST(Structure, CallingItselfTheDynamicLinkerIsNotEnough) {
  ElfFacts f = file({resolver(9, 9, 0)});
  f.soname = "ld-linux-x86-64.so.2";
  f.defines_tls_get_addr = true;
  f.entry = 0x1000;
  EXPECT_TRUE(judge_structure(f).tampered);
}

TEST(Structure, AnImportOfTlsWithoutTlsIsASignAlone) {
  ElfFacts f = file({});
  f.imports_tls_get_addr = true;
  StructureSigns s = judge_structure(f);
  EXPECT_FALSE(s.tampered);
  EXPECT_THAT(s.rules, ElementsAre("tls-import"));
  EXPECT_EQ(s.evidence.size(), 1U);
  for (int k = 0; k < 4; ++k) {
    ElfFacts honest = f;
    if (k == 0) honest.has_tls = true;
    if (k == 1) honest.relocations[elf::kRX64Dtpmod] = 1;
    if (k == 2) honest.defines_tls_get_addr = true;
    if (k == 3) honest.machine = elf::kMachineAarch64;
    EXPECT_THAT(judge_structure(honest).rules, IsEmpty()) << k;
  }
}

TEST(Structure, EvidenceIsKeptShort) {
  std::vector<Resolver> many(8, resolver(3, 1, 1));
  EXPECT_LE(judge_structure(file(many)).evidence.size(), 6U);
}

}  // namespace
}  // namespace careen
