#include "facts/image_facts.h"

#include <algorithm>

#include "base/text.h"
#include "facts/interest.h"
#include "formats/os_release.h"

namespace careen {

// facts/distribution.cc and facts/ownership.cc
Distribution find_distribution(const ImageFacts& image);
void find_packages(ImageFacts& image);

namespace {

// Nodes of visible files by the paths under which their layers named them. `origins`: hard links to content of the layer.
template <class T>
void index_by_node(const ImageFacts& image, size_t layer, const std::vector<NodeId>& origins, const std::vector<T>& items,
                   std::unordered_map<NodeId, const T*>& into) {
  for (const T& item : items) {
    NodeId id = image.tree.find(item.path, ImageTree::Last::keep);
    if (id == kNoNode || image.tree.node(id).layer != layer || image.tree.node(id).type != FileType::regular) continue;
    into[id] = &item;
  }
  if (origins.empty()) return;
  std::unordered_map<std::string, const T*> by_path;
  for (const T& item : items) by_path[image.tree.canonical(item.path)] = &item;
  for (NodeId id : origins)
    if (auto it = by_path.find(image.tree.origins().at(id)); it != by_path.end()) into[id] = it->second;
}

}  // namespace

const InstalledPackage* ImageFacts::owner(size_t layer, uint32_t record) const {
  if (layer >= owners.size() || record >= owners[layer].size()) return nullptr;
  uint32_t p = owners[layer][record].package;
  return p < packages.size() ? &packages[p] : nullptr;
}

const InstalledPackage* ImageFacts::owner_of(std::string_view path) const {
  NodeId id = tree.find(path);
  if (id == kNoNode || tree.node(id).record == UINT32_MAX) return nullptr;
  return owner(tree.node(id).layer, tree.node(id).record);
}

std::string_view ImageFacts::text(std::string_view path) const {
  NodeId id = tree.find(path);
  auto it = text_at.find(id);
  return it == text_at.end() ? std::string_view{} : std::string_view(it->second->text);
}

bool ImageFacts::unread(std::string_view path) const {
  NodeId id = tree.find(path);
  return id != kNoNode && tree.node(id).type == FileType::regular && tree.node(id).record != UINT32_MAX && !text_at.contains(id);
}

const ElfFacts* ImageFacts::elf(NodeId node) const {
  auto it = elf_at.find(node);
  return it == elf_at.end() ? nullptr : it->second;
}

ImageFacts build_image_facts(std::vector<std::shared_ptr<const LayerFacts>> layers, ImageTree::Whiteouts whiteouts) {
  static const LayerFacts nothing;
  ImageFacts image;
  image.tree = ImageTree(whiteouts);
  image.layers = std::move(layers);
  for (const auto& l : image.layers) image.tree.add_layer(l ? *l : nothing);
  image.tree.finish();
  std::vector<std::vector<NodeId>> origins(image.layers.size());  // hard links that are visible, by the layer of their content
  for (const auto& [id, unused] : image.tree.origins())
    if (const Node& n = image.tree.node(id); !n.dead() && n.type == FileType::regular && n.layer < origins.size()) origins[n.layer].push_back(id);
  for (size_t i = 0; i < image.layers.size(); ++i) {
    if (!image.layers[i]) continue;
    index_by_node(image, i, origins[i], image.layers[i]->elf, image.elf_at);
    index_by_node(image, i, origins[i], image.layers[i]->texts, image.text_at);
  }
  image.coverage = image.tree.oddities();
  image.distribution = find_distribution(image);
  find_packages(image);
  return image;
}

}  // namespace careen
