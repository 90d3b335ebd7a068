// What an image starts: its entry point and command, followed through wrappers, shell scripts, supervisors and init systems.
#pragma once
#include <deque>
#include <set>
#include <string>
#include <vector>

#include "facts/image_facts.h"
#include "oci/manifest.h"

namespace careen {

inline constexpr int kMaxStartDepth = 12;
inline constexpr size_t kMaxStarted = 2000;

struct Started {
  NodeId program;
  std::string how;  // "the entry point", "script /run.sh", "unit ssh.service"
};

struct Startup {
  std::vector<Started> programs;          // each once, in the order found
  std::vector<std::string> not_followed;  // in words; empty when every way was followed
  std::string command;                    // what the image runs, for people; "" when it names nothing
  // Every text that was followed, with its name: a program that a text names is never ruled out.
  std::vector<std::pair<std::string, std::string_view>> texts;
  std::deque<std::string> own_texts;  // those of them that are not the image's
};

Startup find_startup(const ImageFacts& image, const ImageConfig& config, bool is_rootfs);

}  // namespace careen
