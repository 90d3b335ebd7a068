// Whether a file that carries a threat can act in this image, with the reasons in words.
//
// reachable: something the image starts loads the file, or is it. dormant: every way was followed and none does; the reason
// says what would wake it. unknown: a way is possible but not proven, or could not be followed to its end.
#pragma once
#include <memory>

#include "detect/input.h"

namespace careen {

class ReachJudge {
 public:
  explicit ReachJudge(const DetectInput& in);
  ~ReachJudge();
  ReachJudge(const ReachJudge&) = delete;
  ReachJudge& operator=(const ReachJudge&) = delete;

  // `path`, as `layer` names it, is visible in the image; `threat` may be null. Work is shared between calls.
  Reachability judge(const std::string& path, size_t layer, const Threat* threat);
  // Whether what the image starts loads a file of each package, in the order of ImageFacts::packages.
  std::vector<PackageUsed> packages();
  // Rows about what was not followed, once anything was judged.
  std::vector<Coverage> coverage() const;

 private:
  struct Impl;
  const DetectInput& in_;
  std::unique_ptr<Impl> impl_;  // made at the first question
};

}  // namespace careen
