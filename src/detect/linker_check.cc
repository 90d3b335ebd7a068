#include "detect/linker_check.h"

#include <algorithm>

#include "base/text.h"

namespace careen {

bool LinkerCheck::is_linker_name(std::string_view name) {
  return name.starts_with("ld-") || name.starts_with("ld.so") || name.starts_with("ld64.so");
}

void LinkerCheck::read_interpreters() {
  interpreters_.emplace();
  for (const auto& layer : image_.layers)
    if (layer)
      for (const ElfFacts& e : layer->elf)
        if (!e.interpreter.empty()) interpreters_->emplace(base_name(e.interpreter));
}

bool LinkerCheck::is_one(size_t layer, const ElfFacts& f) {
  bool claims = f.soname.starts_with("ld-") && f.needed.empty() && f.interpreter.empty() && f.defines_tls_get_addr && f.entry != 0;
  if (!claims || !is_linker_name(base_name(f.path))) return false;
  if (!interpreters_) read_interpreters();
  // Where nothing is started by an interpreter (a package, a single file) there is none to compare with.
  if (!interpreters_->empty() && !interpreters_->contains(f.soname) && !interpreters_->contains(std::string(base_name(f.path)))) return false;
  return !has_other_names(layer, f);
}

// A hard or symbolic link under which a program could load the file as some other library.
bool LinkerCheck::has_other_names(size_t layer, const ElfFacts& f) const {
  const ImageTree& tree = image_.tree;
  NodeId node = tree.find(f.path, ImageTree::Last::keep);
  bool visible = node != kNoNode && tree.node(node).layer == layer && tree.node(node).type == FileType::regular;
  for (const auto& [id, e] : image_.elf_at)  // its first name may be gone and another be left
    if (!visible && e == &f) node = id, visible = true;
  if (!visible) return false;  // hidden: nothing loads it
  bool found = false;
  tree.walk([&](NodeId id) {
    const Node& n = tree.node(id);
    if (found || is_linker_name(tree.name(id))) return;
    if (n.type == FileType::regular)
      found = n.layer == layer && n.record == tree.node(node).record;
    else if (n.type == FileType::symlink && is_linker_name(base_name(tree.target(id))))
      found = tree.find(tree.path(id)) == node;
  });
  return found;
}

}  // namespace careen
