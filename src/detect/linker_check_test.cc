// Which files are the dynamic linker, whose own resolvers reach as far as an attacker's would: the one that programs name, under
// a linker's name alone. Everything that only calls itself so is judged as any other library.
#include <gmock/gmock.h>

#include "../../tests/support/detect_text.h"

namespace careen {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;
using Words = std::vector<std::string>;

// Paths of files found tampered, when every file that provides __tls_get_addr has the resolvers of rules B and C, and with
// `slot_call` that of rule A too.
Words tampered(const std::string& text, bool slot_call = false) {
  std::vector<std::shared_ptr<const LayerFacts>> layers;
  for (const std::string& tar : test::ImageText(text).tars()) {
    auto facts = test::collect_tar(tar);
    for (ElfFacts& e : facts->elf) {
      if (!e.defines_tls_get_addr) continue;
      Resolver r;
      r.address = 0x1000;
      r.functions = 9;
      r.computed_stores = 9;
      r.stores = {0x1234};
      r.deepest = {0x1000, 0x1100};
      if (slot_call) r.slot_call_count = 1, r.slot_calls = {{0x1010, 0x4000, 0x2000, "R_X86_64_RELATIVE", "register", {0x1000, 0x1100}}};
      e.ifunc.notable = {r};
    }
    layers.push_back(facts);
  }
  ImageFacts facts = build_image_facts(std::move(layers));
  ImageConfig config;
  ThreatSet none;
  DetectInput in;
  in.facts = &facts;
  in.config = &config;
  in.threats = &none;
  in.layers.resize(facts.layers.size());
  for (LayerInput& l : in.layers) l.read = true;
  Words out;
  for (const Finding& f : detect(in).findings)
    if (f.rule == "ifunc-tampering") out.push_back(*f.where.path);
  return out;
}

const std::string kProgram = "elf /bin/app interp=/lib64/ld-linux-x86-64.so.2 needed=libc.so.6\n";
const std::string kLinker = "soname=ld-linux-x86-64.so.2 exports=__tls_get_addr entry=4096\n";
const std::string kReal =
    "elf /usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2 " + kLinker + "link /lib64/ld-linux-x86-64.so.2 -> /usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2\n";

struct Row {
  const char* name;
  std::string image;
};

TEST(LinkerCheck, TheDynamicLinkerIsExempt) {
  for (const Row& row : std::initializer_list<Row>{
           {"where its programs look for it", kProgram + "elf /lib64/ld-linux-x86-64.so.2 " + kLinker},
           {"behind the link that programs name", kProgram + kReal},
           {"under the name of its version", kProgram + "elf /lib/x86_64-linux-gnu/ld-2.31.so " + kLinker +
                                                 "link /lib/x86_64-linux-gnu/ld-linux-x86-64.so.2 -> ld-2.31.so\nlink /lib64/ld-linux-x86-64.so.2 -> "
                                                 "/lib/x86_64-linux-gnu/ld-2.31.so\n"},
           {"with a link of a linker's name", kProgram + kReal + "link /usr/bin/ld.so -> ../lib/x86_64-linux-gnu/ld-linux-x86-64.so.2\n"},
           {"a copy in a sysroot", kProgram + kReal + "elf /usr/x86_64-linux-gnu/lib/ld-linux-x86-64.so.2 " + kLinker},
           {"a copy in a root of its own", kProgram + kReal + "elf /opt/sysroot/lib64/ld-linux-x86-64.so.2 " + kLinker},
           {"a hard link of a linker's name", kProgram + kReal + "hard /usr/lib/ld-linux-x86-64.so.2 -> /usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2\n"},
           {"one that a later layer replaced", kProgram + kReal + "layer\nelf /usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2 strings=new " + kLinker},
           {"one that a later layer deleted", kProgram + kReal + "layer\nwhiteout /usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2\n"},
           {"a layer without any program", kReal},
       })
    EXPECT_THAT(tampered(row.image), IsEmpty()) << row.name;
}

TEST(LinkerCheck, ACallThroughASlotIsNotExempt) {
  EXPECT_THAT(tampered(kProgram + kReal, true), ElementsAre("/usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2"));
}

TEST(LinkerCheck, WhatOnlyCallsItselfSoIsNot) {
  const std::string library = "/usr/lib/x86_64-linux-gnu/liblzma.so.5", odd = "/usr/lib/x86_64-linux-gnu/ld-x.so.1", sibling = "/opt/ld-linux-x86-64.so.2";
  struct NotOne {
    const char* name;
    std::string image, path;
  };
  for (const NotOne& row : std::initializer_list<NotOne>{
           {"by its SONAME", "elf " + library + " soname=ld-x.so.1 exports=__tls_get_addr entry=4096\n", library},
           {"with a hard link that outlives its name",
            "elf " + sibling + " " + kLinker + "hard " + library + " -> " + sibling + "\nlayer\nwhiteout " + sibling + "\n", sibling},
           {"by the true linker's SONAME", "elf " + library + " " + kLinker, library},
           {"by its name, and a SONAME that no program names", "elf " + odd + " soname=ld-x.so.1 exports=__tls_get_addr entry=4096\n", odd},
           {"by its name alone", "elf " + sibling + " soname=liblzma.so.5 exports=__tls_get_addr entry=4096\n", sibling},
           {"without an entry point", "elf " + sibling + " soname=ld-linux-x86-64.so.2 exports=__tls_get_addr\n", sibling},
           {"with a library that it needs", "elf " + sibling + " needed=libc.so.6 " + kLinker, sibling},
           {"with an interpreter of its own", "elf " + sibling + " program " + kLinker, sibling},
           {"with a link of another name", "elf " + sibling + " " + kLinker + "link " + library + " -> " + sibling + "\n", sibling},
           {"with a link to a link of another name", "elf " + sibling + " " + kLinker + "link /opt/x -> " + sibling + "\nlink " + library + " -> /opt/x\n",
            sibling},
           {"with a link to a link of a linker's name",
            "elf " + sibling + " " + kLinker + "link /opt/ld-y.so -> " + sibling + "\nlink " + library + " -> /opt/ld-y.so\n", sibling},
           {"with a relative link", "elf " + sibling + " " + kLinker + "link " + library + " -> ../../../opt/ld-linux-x86-64.so.2\n", sibling},
           {"with a link through a folder", "elf " + sibling + " " + kLinker + "link /o -> opt\nlink " + library + " -> /o/ld-linux-x86-64.so.2\n", sibling},
           {"with a link from a layer above", "elf " + sibling + " " + kLinker + "layer\nlink " + library + " -> " + sibling + "\n", sibling},
           {"with a hard link of another name", "elf " + sibling + " " + kLinker + "hard " + library + " -> " + sibling + "\n", sibling},
           {"with a hard link from a layer above", "elf " + sibling + " " + kLinker + "layer\nhard " + library + " -> " + sibling + "\n", sibling},
       })
    EXPECT_THAT(tampered(kProgram + kReal + row.image), ElementsAre(row.path)) << row.name;
}

// The true linker itself is none any more where a library's name leads to it.
TEST(LinkerCheck, TheTrueLinkerUnderALibrarysNameIsJudged) {
  EXPECT_THAT(tampered(kProgram + kReal + "link /usr/lib/liblzma.so.5 -> x86_64-linux-gnu/ld-linux-x86-64.so.2\n"),
              ElementsAre("/usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2"));
  EXPECT_THAT(tampered(kProgram + kReal + "hard /usr/lib/liblzma.so.5 -> /usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2\n"),
              ElementsAre("/usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2"));
}

TEST(LinkerCheck, EachFileIsJudgedByItself) {
  EXPECT_THAT(tampered(kProgram + kReal + "elf /opt/a.so " + kLinker + "elf /opt/b.so " + kLinker), UnorderedElementsAre("/opt/a.so", "/opt/b.so"));
}

}  // namespace
}  // namespace careen
