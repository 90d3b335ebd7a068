// Finds libraries in an image as its dynamic linker would.
//
// glibc (ld.so(8)): DT_RPATH where there is no DT_RUNPATH, LD_LIBRARY_PATH of the image's configuration, DT_RUNPATH, the
// directories of ld.so.conf with its includes, the default directories; in each the hwcaps subdirectories first. musl: LD_LIBRARY_PATH,
// rpath, then etc/ld-musl-ARCH.path or /lib:/usr/local/lib:/usr/lib. Candidates of another machine or class are passed over.
#pragma once
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "facts/image_facts.h"

namespace careen {

class Loader {
 public:
  Loader(const ImageFacts& image, const std::vector<std::string>& environment);

  // The library that `name` means when `elf` (at `node`) asks for it inside `program`; kNoNode when there is none.
  // `above`: who loaded `elf`, the nearest first; DT_RPATH of each of them counts for glibc.
  NodeId resolve(std::string_view name, const ElfFacts& elf, NodeId node, const ElfFacts* program, NodeId program_node,
                 const std::vector<NodeId>& above = {}) const;

  // What a program loads by NEEDED, in the order of loading, with who asked: (library, asker).
  struct Loaded {
    NodeId node, by;
    bool possible = false;  // by dlopen of a name in its text: perhaps
  };
  // With `dlopens`, also what the loaded files may open later.
  std::vector<Loaded> closure(NodeId program, bool dlopens) const;

  // What of the linker's configuration could not be read; empty when all was.
  const std::vector<std::string>& gaps() const { return gaps_; }
  // Whether the dynamic linker looks into a folder of itself, without a path in the program.
  bool searches(std::string_view directory) const;

 private:
  void read_conf(std::string_view path, int depth);
  NodeId look_in(const std::string& dir, std::string_view name, const ElfFacts& like) const;
  bool fits(NodeId node, const ElfFacts& like) const;
  static std::vector<std::string> expand(std::string_view dir, const std::string& origin, const ElfFacts& elf);
  std::vector<std::string> default_directories(const ElfFacts& like) const;
  std::vector<NodeId> other_hwcaps(NodeId chosen, std::string_view name, const ElfFacts& like) const;
  void pam_modules(const std::vector<Loaded>& all, NodeId program, std::vector<std::pair<NodeId, NodeId>>& out) const;
  std::vector<std::string> hwcaps(const ElfFacts& like) const;

  const ImageFacts& image_;
  std::vector<std::string> preload_path_, preloads_, conf_, gaps_;
  std::set<std::string> conf_files_;  // read already
  mutable std::unordered_map<std::string, NodeId> default_cache_;
};

}  // namespace careen
