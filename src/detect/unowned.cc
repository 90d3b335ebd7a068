#include "detect/unowned.h"

#include <algorithm>
#include <set>

#include "base/text.h"

namespace careen {
namespace {

// What language packages bring without listing it: the folders that are theirs, and the files that are packages themselves.
struct Theirs {
  std::set<std::string, std::less<>> folders, files;
};

Theirs of_languages(const ImageFacts& facts) {
  Theirs t;
  for (const InstalledPackage& p : facts.packages) {
    if (is_system(p.package.type) || !p.visible) continue;
    t.files.insert(p.database);
    std::string_view folder = dir_name(p.database);
    switch (p.package.type) {
      case PackageType::npm:
      case PackageType::nuget:
        t.folders.insert(std::string(folder));
        break;
      case PackageType::composer:  // vendor/composer/installed.json
      case PackageType::conda:     // PREFIX/conda-meta/NAME.json
        t.folders.insert(std::string(dir_name(folder)));
        break;
      case PackageType::gem:  // GEMS/specifications/NAME.gemspec
        t.folders.insert(std::string(dir_name(folder)) + "/gems");
        t.folders.insert(std::string(dir_name(folder)) + "/extensions");
        break;
      default:
        break;
    }
  }
  t.folders.erase("");  // an application at the root owns not everything
  return t;
}

bool is_theirs(const Theirs& t, std::string_view path) {
  if (t.files.contains(path)) return true;
  for (std::string_view d = dir_name(path); !d.empty(); d = dir_name(d))
    if (t.folders.contains(d)) return true;
  return false;
}

}  // namespace

std::vector<UnownedBinary> unowned_binaries(const ImageFacts& facts, uint64_t* all) {
  constexpr uint16_t kExecutable = 2, kShared = 3;
  Theirs theirs = of_languages(facts);
  std::vector<UnownedBinary> out;
  for (const auto& [node, elf] : facts.elf_at) {
    if (elf == nullptr || (elf->type != kExecutable && elf->type != kShared)) continue;
    std::string path = facts.tree.path(node);
    if (facts.owner_of(path) != nullptr || is_theirs(theirs, path)) continue;
    out.push_back({std::move(path), facts.tree.node(node).layer, elf->product, elf->version});
  }
  std::sort(out.begin(), out.end(), [](const UnownedBinary& a, const UnownedBinary& b) { return a.path < b.path; });
  *all = out.size();
  if (out.size() > kMaxUnowned) {  // those that are known first
    std::stable_partition(out.begin(), out.end(), [](const UnownedBinary& b) { return !b.product.empty(); });
    out.resize(kMaxUnowned);
    std::sort(out.begin(), out.end(), [](const UnownedBinary& a, const UnownedBinary& b) { return a.path < b.path; });
  }
  return out;
}

}  // namespace careen
