// Lays layers of weird paths over each other: each record that counts as visible must be reached from the root.
// The input is text: a line is a type (f d l h w o), a path and, for links, a target after a blank; an empty line is a layer.
#include <set>

#include "base/text.h"
#include "facts/image_tree.h"

namespace careen {
namespace {

FileRecord record(std::string_view line) {
  FileRecord r;
  auto w = split(line.substr(1), ' ');
  r.path = normal_path(w[0]);
  if (w.size() > 1) r.target = w[1];
  switch (line[0]) {
    case 'd':
      r.type = FileType::directory;
      break;
    case 'l':
      r.type = FileType::symlink;
      break;
    case 'h':
      r.type = FileType::hardlink, r.target = normal_path(r.target);
      break;
    case 'w':
      r.path = normal_path(std::string(dir_name(r.path)) + "/.wh." + std::string(base_name(r.path)));
      break;
    case 'o':
      r.path = normal_path(r.path + "/.wh..wh..opq");
      break;
    default:
      break;
  }
  return r;
}

}  // namespace
}  // namespace careen

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace careen;
  if (size > 4096) return 0;
  std::vector<LayerFacts> layers(1);
  for (std::string_view line : split(as_text(Bytes(data, size)), '\n')) {
    if (line.empty())
      layers.emplace_back();
    else if (FileRecord r = record(line); !r.path.empty())
      layers.back().files.add(r);
  }
  ImageTree tree;
  for (const LayerFacts& l : layers) tree.add_layer(l);
  tree.finish();
  std::set<std::pair<size_t, uint32_t>> reached;
  tree.walk([&](NodeId id) {
    const Node& n = tree.node(id);
    if (n.record != UINT32_MAX) reached.insert({n.layer, n.record});
    if (tree.find(tree.path(id), ImageTree::Last::keep) != id) __builtin_trap();  // a node is found by its own path
    (void)tree.find(tree.path(id));
    (void)tree.hidden_by(0, tree.path(id));
  });
  for (size_t l = 0; l < layers.size(); ++l)
    for (uint32_t i = 0; i < layers[l].files.size(); ++i)
      if (tree.visible(l, i) != reached.contains({l, i})) __builtin_trap();
  return 0;
}
