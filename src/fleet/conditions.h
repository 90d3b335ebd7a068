// Several questions in one: images for which all of some hold, any of others, and none of yet others.
//
//   all:                                  # every key that is given must hold
//     - package:openssh-server
//     - any: [soname:liblzma.so.5, "path:**/liblzma.so.5*"]
//   none:
//     - label:org.example.reviewed
//
// The matches are those of the questions that are not below `none`, in images for which the whole holds. An image that could not be
// judged whole never holds by `none`: it stays among those that were not judged.
#pragma once
#include <string>
#include <vector>

#include "fleet/hunt.h"

namespace careen {

inline constexpr size_t kMaxConditions = 100'000;
inline constexpr int kMaxConditionDepth = 32;

struct Condition {
  enum class Kind : uint8_t { question, all, any, none } kind = Kind::all;
  HuntQuestion question;
  std::vector<Condition> parts;
};

// Errc::usage with file and line.
Result<Condition> parse_conditions(const std::string& yaml, const std::string& file);

HuntAnswer hunt(Inventory& inventory, const Condition& condition);

// Every question in it.
std::vector<HuntQuestion> questions_in(const Condition& condition);

}  // namespace careen
