#include "formats/ifunc_walk.h"

#include "../../tests/support/elf_builder.h"

namespace careen {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

IfuncFacts walk(std::string_view text) {
  test::ElfBuilder image(text);
  MemoryView view(image.bytes());
  auto f = parse_elf(view);
  EXPECT_TRUE(f) << f.error().what;
  return f ? walk_resolvers(*f, view) : IfuncFacts{};
}

// Every image here: code from 0x1000, slots from 0x3000, a resolver "pick" at 0x1000. 0x1100 and on are local functions.
std::string image(std::string_view more) {
  return "load 1000 1000 rx\nload 3000 1000 rw\nsymbol pick ifunc 1000 80\nsymbol malloc import 0\n" + std::string(more);
}

// What is found of the one resolver; it is told only when it is notable.
Resolver only(const IfuncFacts& f) {
  EXPECT_EQ(f.notable.size(), 1U);
  return f.notable.empty() ? Resolver{} : f.notable[0];
}

TEST(IfuncWalk, AFileWithoutResolversHasNoFacts) {
  IfuncFacts f = walk("load 1000 100 rx\nsymbol work func 1000 10\n");
  EXPECT_EQ(f.resolvers, 0U);
  EXPECT_EQ(f.walked, 0U);
}

TEST(IfuncWalk, AnHonestResolverIsNotNotable) {
  // xor eax,eax; cpuid; lea rax,[rip+x]; ret
  IfuncFacts f = walk(image("code 1000: f3 0f 1e fa 31 c0 0f a2 48 8d 05 @1100 c3\ncode 1100: c3\n"));
  EXPECT_EQ(f.resolvers, 1U);
  EXPECT_EQ(f.walked, 1U);
  EXPECT_EQ(f.most_functions, 1U);
  EXPECT_THAT(f.notable, IsEmpty());
  EXPECT_FALSE(f.capped);
}

TEST(IfuncWalk, FindsACallThroughASlotInMemory) {
  Resolver r = only(walk(image("code 1000: ff 15 @3000 c3\ncode 1100: c3\nrela 3000 relative - 1100\n")));
  EXPECT_EQ(r.name, "pick");
  EXPECT_EQ(r.functions, 2U);
  ASSERT_EQ(r.slot_calls.size(), 1U);
  EXPECT_EQ(r.slot_call_count, 1U);
  EXPECT_EQ(r.slot_calls[0].at, 0x1000U);
  EXPECT_EQ(r.slot_calls[0].slot, 0x3000U);
  EXPECT_EQ(r.slot_calls[0].target, 0x1100U);
  EXPECT_EQ(r.slot_calls[0].how, "memory");
  EXPECT_EQ(r.slot_calls[0].relocation, "R_X86_64_RELATIVE");
  EXPECT_THAT(r.slot_calls[0].chain, ElementsAre(0x1000U));
}

TEST(IfuncWalk, FindsACallThroughARegisterThatHoldsASlot) {
  // mov rax,[rip+slot]; call rax; ret
  Resolver r = only(walk(image("code 1000: 48 8b 05 @3000 ff d0 c3\ncode 1100: c3\nrela 3000 relative - 1100\n")));
  ASSERT_EQ(r.slot_calls.size(), 1U);
  EXPECT_EQ(r.slot_calls[0].how, "register");
  EXPECT_EQ(r.slot_calls[0].at, 0x1007U);
}

TEST(IfuncWalk, FindsACallThroughTheAddressOfASlot) {
  // lea rbx,[rip+slot]; call [rbx]
  Resolver r = only(walk(image("code 1000: 48 8d 1d @3000 ff 13 c3\ncode 1100: c3\nrela 3000 relative - 1100\n")));
  ASSERT_EQ(r.slot_calls.size(), 1U);
  EXPECT_EQ(r.slot_calls[0].how, "memory");
  // lea rbx,[rip+slot-8]; call [rbx+8]
  EXPECT_EQ(only(walk(image("code 1000: 48 8d 1d @2ff8 ff 53 08 c3\ncode 1100: c3\nrela 3000 relative - 1100\n"))).slot_call_count, 1U);
}

TEST(IfuncWalk, FindsACallThroughAStackCellThatHoldsASlot) {
  // push rbp; mov rbp,rsp; mov rax,[rip+slot]; mov [rbp-8],rax; xor eax,eax; call [rbp-8]; leave; ret
  Resolver r =
      only(walk(image("code 1000: 55 48 89 e5 48 8b 05 @3000 48 89 45 f8 31 c0 ff 55 f8 c9 c3\ncode 1100: c3\n"
                      "rela 3000 relative - 1100\n")));
  ASSERT_EQ(r.slot_calls.size(), 1U);
  EXPECT_EQ(r.slot_calls[0].slot, 0x3000U);
  EXPECT_EQ(r.computed_stores, 0U);
}

TEST(IfuncWalk, ACellThatIsOverwrittenIsForgotten) {
  // … mov [rbp-8],rax; mov qword [rbp-8],0; call [rbp-8]
  IfuncFacts f =
      walk(image("code 1000: 55 48 89 e5 48 8b 05 @3000 48 89 45 f8 48 c7 45 f8 00 00 00 00 ff 55 f8 c9 c3\ncode 1100: c3\n"
                 "rela 3000 relative - 1100\n"));
  EXPECT_THAT(f.notable, IsEmpty());
}

TEST(IfuncWalk, FindsACallThroughAPltStub) {
  // call stub; the stub: endbr64; bnd jmp [slot]
  Resolver r =
      only(walk(image("code 1000: e8 @1200 c3\ncode 1100: c3\ncode 1200: f3 0f 1e fa f2 ff 25 @3000\nsymbol own func 1100 1\n"
                      "plt 3000 jump_slot own 0\n")));
  ASSERT_EQ(r.slot_calls.size(), 1U);
  EXPECT_EQ(r.slot_calls[0].how, "plt");
  EXPECT_EQ(r.slot_calls[0].relocation, "R_X86_64_JUMP_SLOT");
  EXPECT_EQ(r.slot_calls[0].at, 0x1000U);
  EXPECT_EQ(r.functions, 2U) << "the stub itself is no function";
}

TEST(IfuncWalk, FollowsAJumpThroughASlotAndAStub) {
  EXPECT_EQ(only(walk(image("code 1000: ff 25 @3000\ncode 1100: c3\nrela 3000 relative - 1100\n"))).slot_call_count, 1U);
  EXPECT_EQ(only(walk(image("code 1000: e9 @1200\ncode 1100: c3\ncode 1200: ff 25 @3000\nrela 3000 relative - 1100\n"))).slot_call_count, 1U);
}

TEST(IfuncWalk, CallsOfImportsAreNoSlotCalls) {
  IfuncFacts f = walk(image("code 1000: e8 @1200 ff 15 @3008 c3\ncode 1200: ff 25 @3000\nplt 3000 jump_slot malloc 0\nrela 3008 glob_dat malloc 0\n"));
  EXPECT_EQ(f.most_functions, 1U);
  EXPECT_THAT(f.notable, IsEmpty());
}

TEST(IfuncWalk, ASlotThatHoldsDataIsNoCall) {
  EXPECT_THAT(walk(image("code 1000: ff 15 @3000 c3\nrela 3000 relative - 3100\n")).notable, IsEmpty());
}

TEST(IfuncWalk, ASlotOfAnIfuncHasNoTargetOfItsOwn) {
  EXPECT_THAT(walk(image("code 1000: ff 15 @3000 c3\nsymbol other ifunc 1100 1\ncode 1100: c3\nrela 3000 glob_dat other 0\n")).notable, IsEmpty());
}

TEST(IfuncWalk, SymbolicRelocationsCountTheirAddend) {
  Resolver r = only(walk(image("code 1000: ff 15 @3000 c3\ncode 1110: c3\nsymbol own func 1100 20\nrela 3000 64 own 10\n")));
  EXPECT_EQ(r.slot_calls.at(0).target, 0x1110U);
  EXPECT_EQ(r.slot_calls.at(0).relocation, "R_X86_64_64");
}

TEST(IfuncWalk, ThreeLocalFunctionsAreNotable) {
  IfuncFacts two = walk(image("code 1000: e8 @1100 c3\ncode 1100: c3\n"));
  EXPECT_EQ(two.most_functions, 2U);
  EXPECT_THAT(two.notable, IsEmpty());
  Resolver r = only(walk(image("code 1000: e8 @1100 c3\ncode 1100: e8 @1200 c3\ncode 1200: c3\n")));
  EXPECT_EQ(r.functions, 3U);
  EXPECT_THAT(r.deepest, ElementsAre(0x1000U, 0x1100U, 0x1200U));
}

TEST(IfuncWalk, BothWaysOfABranchAreFollowed) {
  // test eax,eax; je other; call a; ret; other: call b; ret
  Resolver r = only(walk(image("code 1000: 85 c0 74 %1020 e8 @1100 c3\ncode 1020: e8 @1200 c3\ncode 1100: c3\ncode 1200: c3\n")));
  EXPECT_EQ(r.functions, 3U);
}

TEST(IfuncWalk, AJumpToAnotherFunctionIsATailCall) {
  Resolver r = only(walk(image("code 1000: e9 @1100\ncode 1100: e9 @1200\ncode 1200: c3\nsymbol a func 1100 5\nsymbol b func 1200 1\n")));
  EXPECT_EQ(r.functions, 3U);
}

TEST(IfuncWalk, AJumpInsideTheFunctionIsNone) {
  EXPECT_EQ(walk(image("code 1000: eb %1010\ncode 1010: c3\n")).most_functions, 1U);
}

TEST(IfuncWalk, WhatFollowsACallThatDoesNotReturnIsNotReached) {
  // call __stack_chk_fail@plt; then bytes of the next function, which calls three others
  std::string rest = "code 1005: e8 @1100 e8 @1110 e8 @1120 c3\ncode 1100: c3\ncode 1110: c3\ncode 1120: c3\ncode 1200: ff 25 @3000\n";
  for (const char* name : {"__stack_chk_fail", "abort", "exit", "__assert_fail", "longjmp"}) {
    IfuncFacts f = walk(image("code 1000: e8 @1200\n" + rest + "symbol " + name + " import 0\nplt 3000 jump_slot " + name + " 0\n"));
    EXPECT_EQ(f.most_functions, 1U) << name;
  }
  EXPECT_EQ(walk(image("code 1000: e8 @1200\n" + rest + "plt 3000 jump_slot malloc 0\n")).most_functions, 4U);
}

TEST(IfuncWalk, ALocalFunctionThatDoesNotReturnEndsTheWalkToo) {
  IfuncFacts f = walk(image("code 1000: e8 @1200 e8 @1100 e8 @1110 c3\ncode 1100: c3\ncode 1110: c3\ncode 1200: c3\nsymbol abort func 1200 1\n"));
  EXPECT_EQ(f.most_functions, 1U);
}

TEST(IfuncWalk, StopsAtTraps) {
  for (const char* trap : {"0f 0b", "cc", "f4"}) {
    IfuncFacts f = walk(image("code 1000: " + std::string(trap) + " e8 @1100 e8 @1110 c3\ncode 1100: c3\ncode 1110: c3\n"));
    EXPECT_EQ(f.most_functions, 1U) << trap;
  }
}

TEST(IfuncWalk, GoesOnAfterASystemCall) {
  // Both ways into the kernel come back.
  for (const char* call : {"0f 05", "cd 80"}) {
    IfuncFacts f = walk(image("code 1000: " + std::string(call) + " e8 @1100 e8 @1110 c3\ncode 1100: c3\ncode 1110: c3\n"));
    EXPECT_EQ(f.most_functions, 3U) << call;
  }
}

TEST(IfuncWalk, LoopsAreCut) {
  IfuncFacts f = walk(image("code 1000: 90 eb %1000\n"));
  EXPECT_EQ(f.most_functions, 1U);
  EXPECT_FALSE(f.capped);
  f = walk(image("code 1000: e8 @1100 c3\ncode 1100: e8 @1000 e8 @1100 c3\n"));  // recursion
  EXPECT_EQ(f.most_functions, 2U);
  EXPECT_FALSE(f.capped);
}

TEST(IfuncWalk, AResolverOfTooManyInstructionsIsCappedAndNotable) {
  std::string big = "load 20000 20000 rx\nsymbol pick ifunc 20000 0\n";
  test::ElfBuilder built(big);
  std::vector<uint8_t> b = built.bytes();
  std::fill(b.begin() + 0x20000, b.begin() + 0x40000, 0x90);  // 131072 times nop
  MemoryView view(b);
  auto f = parse_elf(view);
  ASSERT_TRUE(f) << f.error().what;
  IfuncFacts facts = walk_resolvers(*f, view);
  EXPECT_TRUE(facts.capped);
  Resolver r = only(facts);
  EXPECT_TRUE(r.capped);
  EXPECT_EQ(r.instructions, kMaxWalkInstructions + 1);
}

TEST(IfuncWalk, AFileOfTooManyInstructionsIsCapped) {
  std::string text = "load 20000 20000 rx\n";
  for (int i = 0; i < 100; ++i) {
    char line[64];
    std::snprintf(line, sizeof line, "symbol r%d ifunc %x 0\n", i, 0x20000 + i);
    text += line;
  }
  test::ElfBuilder built(text);
  std::vector<uint8_t> b = built.bytes();
  std::fill(b.begin() + 0x20000, b.begin() + 0x40000, 0x90);
  MemoryView view(b);
  auto f = parse_elf(view);
  ASSERT_TRUE(f);
  IfuncFacts facts = walk_resolvers(*f, view);
  EXPECT_TRUE(facts.capped);
  EXPECT_LT(facts.walked, 100U);
  EXPECT_EQ(facts.notable.size(), kMaxNotableResolvers);
}

TEST(IfuncWalk, KeepsTheFirstSlotCallsAndCountsAll) {
  std::string code = "code 1000:";
  for (int i = 0; i < 7; ++i) code += " ff 15 @3000";
  Resolver r = only(walk(image(code + " c3\ncode 1100: c3\nrela 3000 relative - 1100\n")));
  EXPECT_EQ(r.slot_call_count, 7U);
  EXPECT_EQ(r.slot_calls.size(), kMaxWalkEvidence);
}

// A slot call makes the resolver notable, so that its stores can be read.
std::string with_store(const std::string& code) {
  return image("code 1000: " + code + " ff 15 @3000 c3\ncode 1100: c3\nrela 3000 relative - 1100\n");
}

TEST(IfuncWalk, CountsStoresThroughComputedPointers) {
  Resolver r = only(walk(with_store("48 89 07")));  // mov [rdi],rax
  EXPECT_EQ(r.computed_stores, 1U);
  EXPECT_THAT(r.stores, ElementsAre(0x1000U));
  EXPECT_EQ(only(walk(with_store("48 8b 07 48 89 18"))).computed_stores, 1U);           // mov rax,[rdi]; mov [rax],rbx
  EXPECT_EQ(only(walk(with_store("48 83 07 01"))).computed_stores, 1U);                 // add qword [rdi],1
  EXPECT_EQ(only(walk(with_store("48 87 07"))).computed_stores, 1U);                    // xchg [rdi],rax
  EXPECT_EQ(only(walk(with_store("48 8d 05 @3100 48 89 04 07"))).computed_stores, 1U);  // lea rax; mov [rdi+rax],rax
}

TEST(IfuncWalk, StoresIntoAFrameOrAKnownPlaceAreNotComputed) {
  for (const char* code : {
           "48 89 04 24",                    // mov [rsp],rax
           "55 48 89 e5 48 89 45 f8",        // push rbp; mov rbp,rsp; mov [rbp-8],rax
           "48 89 05 @3100",                 // mov [rip+x],rax
           "48 8d 3d @3100 48 89 47 08",     // lea rdi,[rip+x]; mov [rdi+8],rax
           "48 8d 7c 24 10 48 89 07",        // lea rdi,[rsp+16]; mov [rdi],rax
           "48 89 e7 48 83 c7 08 48 89 07",  // mov rdi,rsp; add rdi,8; mov [rdi],rax
           "64 48 89 04 25 28 00 00 00",     // mov fs:[0x28],rax
           "50 58",                          // push rax; pop rax
           "48 39 07",                       // cmp [rdi],rax
       })
    EXPECT_EQ(only(walk(with_store(code))).computed_stores, 0U) << code;
}

TEST(IfuncWalk, TheFrameOfACallerIsStillAFrame) {
  // lea rdi,[rsp+8]; call helper (mov [rdi],eax; ret); call through the slot
  Resolver r = only(walk(image("code 1000: 48 8d 7c 24 08 e8 @1200 ff 15 @3000 c3\ncode 1100: c3\ncode 1200: 89 07 c3\nrela 3000 relative - 1100\n")));
  EXPECT_EQ(r.computed_stores, 0U);
}

TEST(IfuncWalk, ARegisterThatACallMayChangeIsForgotten) {
  // lea rdi,[rsp+8]; call helper; mov [rdi],eax
  std::string code = "code 1000: 48 8d 7c 24 08 e8 @1200 89 07 ff 15 @3000 c3\ncode 1100: c3\nrela 3000 relative - 1100\n";
  EXPECT_EQ(only(walk(image(code + "code 1200: 48 8b 3e c3\n"))).computed_stores, 1U) << "the helper loads rdi";
  EXPECT_EQ(only(walk(image(code + "code 1200: ff 25 @3008\nplt 3008 jump_slot malloc 0\n"))).computed_stores, 1U) << "an import may";
}

TEST(IfuncWalk, FindsResolversOfLocalSymbolsAndOfRelocations) {
  IfuncFacts f = walk(
      "load 1000 1000 rx\nload 3000 100 rw\ncode 1000: c3\ncode 1010: c3\ncode 1020: c3\nlocal hidden ifunc 1000 1\n"
      "symbol shown ifunc 1010 1\nrela 3000 irelative - 1020\nrela 3008 irelative - 1000\n");
  EXPECT_EQ(f.resolvers, 3U);
  EXPECT_EQ(f.walked, 3U);
}

TEST(IfuncWalk, AResolverOutsideCodeIsCountedAndNotWalked) {
  IfuncFacts f = walk("load 1000 1000 rx\nload 3000 100 rw\nsymbol a ifunc 3000 1\nsymbol b ifunc 9999 1\n");
  EXPECT_EQ(f.resolvers, 2U);
  EXPECT_EQ(f.walked, 0U);
}

TEST(IfuncWalk, CodeThatPassesTheEndOfItsSegmentIsLeft) {
  IfuncFacts f = walk("load 1000 2 rx\nsymbol a ifunc 1000 1\ncode 1000: ff 15\n");
  EXPECT_EQ(f.walked, 1U);
  EXPECT_FALSE(f.capped);
}

TEST(IfuncWalk, OtherMachinesAreCountedAlone) {
  IfuncFacts f = walk("machine b7\nload 1000 1000 rx\ncode 1000: c3\nsymbol a ifunc 1000 1\n");
  EXPECT_EQ(f.resolvers, 1U);
  EXPECT_EQ(f.walked, 0U);
}

}  // namespace
}  // namespace careen
