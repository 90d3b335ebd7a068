// Judges the ELF facts of one file by structure: signs of a tampered IFUNC resolver, and of code that was planted into a
// library. A general detector, not the signature of one threat: nothing here knows a file name or a version.
//
//   ifunc-slot-call (A)  code reached from a resolver calls or jumps through a slot to code of the same file
//   ifunc-reach (B)      three or more local functions are reached from a resolver, itself among them
//   ifunc-store (C)      more than one function is reached, and there are stores through computed pointers
//   tls-import (D)       __tls_get_addr is imported by a file without thread-local data
//
// Measured on 4215 resolvers of Debian and Ubuntu: A, and B with C outside the dynamic linker, occur in none.
#pragma once
#include <string>
#include <vector>

#include "facts/layer_facts.h"

namespace careen {

struct StructureSigns {
  std::vector<std::string> rules;     // those that hold
  std::vector<std::string> evidence;  // in words, with addresses
  bool tampered = false;              // A, or B with C in one resolver outside the dynamic linker
};

// `linker`: the file is a dynamic linker (LinkerCheck), which chooses its own functions by code as long as an attacker's.
StructureSigns judge_structure(const ElfFacts& f, bool linker = false);

}  // namespace careen
