// The file tree of an image: its layers laid over each other as a runtime unpacks them.
//
// Rules: the OCI layer specification (whiteouts reach lower layers alone, opaque directories, later entries replace earlier) and
// what Docker, containerd and umoci do with links in directory positions: they are followed inside the root. Nodes are ids;
// memory is about 50 bytes and the name per node. The tree refers to layers by index and to their entries by the number in
// the layer's FileTable. Not changed after build(); then shared by threads.
#pragma once
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "facts/coverage.h"
#include "facts/layer_facts.h"

namespace careen {

using NodeId = uint32_t;
inline constexpr NodeId kRoot = 0, kNoNode = UINT32_MAX;
inline constexpr int kMaxLinkHops = 40;  // as the kernel
inline constexpr size_t kMaxLinkTarget = 4095;
// What no image that a file system can hold comes near to: names and targets in bytes, path components looked up.
inline constexpr size_t kMaxTreeText = 1ULL << 30;
inline constexpr uint64_t kMaxTreeSteps = 1ULL << 30;

struct Node {
  NodeId parent = kNoNode, first_child = kNoNode, next_sibling = kNoNode;
  uint32_t name_at = 0, record = UINT32_MAX;  // record: UINT32_MAX for a directory that no entry made
  uint32_t target_at = 0;
  uint16_t name_size = 0, target_size = 0, layer = 0;
  FileType type = FileType::directory;
  enum class Life : uint8_t { live, dead, whited_out } life = Life::live;  // whited_out: by the layer that is being laid
  bool dead() const { return life != Life::live; }
};

class ImageTree {
 public:
  // A root file system has no whiteouts: files of such names are files.
  enum class Whiteouts : uint8_t { apply, plain };
  explicit ImageTree(Whiteouts w = Whiteouts::apply);
  // Lays one layer over what is there. Layers in order, lowest first.
  void add_layer(const LayerFacts& layer);
  // After the last layer: which entries of each layer are visible.
  void finish();

  size_t layers() const { return layer_sizes_.size(); }
  bool visible(size_t layer, uint32_t record) const { return visible_[layer][record]; }
  // The layer that hides or replaces an entry which is not visible; nullopt for one hidden in its own layer.
  std::optional<size_t> hidden_by(size_t layer, const std::string& path) const;

  const Node& node(NodeId id) const { return nodes_[id]; }
  std::string_view name(NodeId id) const { return view(nodes_[id].name_at, nodes_[id].name_size); }
  std::string_view target(NodeId id) const { return view(nodes_[id].target_at, nodes_[id].target_size); }
  std::string path(NodeId id) const;  // without a leading slash
  NodeId child(NodeId directory, std::string_view name) const;

  enum class Last : uint8_t { follow, keep };  // a link in the last place
  // Looks a path up as a program in the image would; kNoNode when it is not there.
  NodeId find(std::string_view path, Last last = Last::follow) const;
  // The path without links in it: "usr/lib/x" for "lib/x" in a merged-/usr image. What does not exist stays as it is.
  std::string canonical(std::string_view path) const;

  // Calls f for every node but the root, parents before children, siblings by name.
  template <class F>
  void walk(F f) const {
    for (NodeId id : sorted_children(kRoot)) walk_from(id, f);
  }
  std::vector<NodeId> sorted_children(NodeId id) const;

  // Nodes that hard links made, with the path of the file's first name when they were made.
  const std::unordered_map<NodeId, std::string>& origins() const { return origins_; }

  const std::vector<Coverage>& oddities() const { return oddities_; }

 private:
  template <class F>
  void walk_from(NodeId start, F& f) const {
    std::vector<NodeId> stack{start};
    while (!stack.empty()) {
      NodeId id = stack.back();
      stack.pop_back();
      f(id);
      if (nodes_[id].type != FileType::directory) continue;
      auto children = sorted_children(id);
      stack.insert(stack.end(), children.rbegin(), children.rend());
    }
  }
  std::string_view view(uint32_t at, uint16_t size) const { return std::string_view(text_[at / kTextBlock]).substr(at % kTextBlock, size); }
  uint32_t keep(std::string_view s);
  size_t slot(NodeId parent, std::string_view name, uint64_t hash) const;
  void grow();
  NodeId make(NodeId parent, std::string_view name);
  void kill(NodeId id);
  void remove(NodeId id);  // with all below it
  void clear_children(NodeId id);
  NodeId directory(std::string_view path, bool create);  // resolves links on the way
  NodeId resolve(NodeId at, std::string_view path, Last last, bool create, int& hops);
  bool over_limit(const std::string& path);
  void whiteouts(const LayerFacts& layer);
  void entry(const FileRecord& r, uint32_t index);

  std::vector<Node> nodes_;
  // Names and link targets, in blocks that are never moved: growing one text of all names would hold it twice.
  static constexpr size_t kTextBlock = 1 << 20;
  std::vector<std::string> text_{1};
  std::vector<uint64_t> table_;  // open addressing by (parent, name): the upper half of the hash, then the node
  Whiteouts whiteouts_ = Whiteouts::apply;
  size_t used_ = 0;
  uint64_t steps_ = 0;  // of resolve() while the tree is built
  bool building_ = true, full_ = false;
  bool in_whiteouts_ = false;
  bool sees_whited_out_ = false;  // a hard link of a layer reaches what the same layer whites out
  std::vector<NodeId> whited_out_;
  std::string last_directory_;  // what directory() gave for the entry before, while no node was removed since
  NodeId last_node_ = kNoNode;
  std::vector<uint32_t> layer_sizes_;
  std::vector<std::vector<bool>> visible_;
  std::vector<std::pair<std::string, size_t>> removals_;  // path (or "path/" for opaque) and the layer that removed it
  std::vector<Coverage> oddities_;
  std::unordered_map<NodeId, std::string> origins_;
};

}  // namespace careen
