#include "facts/image_tree.h"

#include <algorithm>
#include <set>
#include <utility>

#include "base/text.h"

namespace careen {
namespace {

constexpr std::string_view kWhiteout = ".wh.", kOpaque = ".wh..wh..opq";

// Eight bytes at a time; only this process's own table depends on it, and a table of one image has no secret to keep: the worst
// that chosen names can do is bounded by the number of entries that share a directory.
uint64_t hash_of(NodeId parent, std::string_view name) {
  uint64_t h = (uint64_t{parent} + 1) * 0x9E3779B97F4A7C15ULL ^ name.size();
  auto mix = [&](uint64_t word) {
    h = (h ^ word) * 0xD6E8FEB86659FD93ULL;
    h ^= h >> 32;
  };
  while (name.size() >= 8) {
    uint64_t word = 0;
    std::memcpy(&word, name.data(), 8);
    mix(word);
    name.remove_prefix(8);
  }
  uint64_t rest = 0;
  std::memcpy(&rest, name.data(), name.size());
  mix(rest);
  return h;
}

constexpr uint64_t kNoEntry = UINT64_MAX;

}  // namespace

ImageTree::ImageTree(Whiteouts w) : whiteouts_(w) {
  nodes_.emplace_back();
  table_.assign(1024, kNoEntry);
}

uint32_t ImageTree::keep(std::string_view s) {
  if (text_.back().size() + s.size() > kTextBlock) text_.emplace_back();
  std::string& block = text_.back();
  if (text_.size() > 1 && block.empty()) block.reserve(kTextBlock);
  auto at = static_cast<uint32_t>((text_.size() - 1) * kTextBlock + block.size());
  block += s;
  return at;
}

size_t ImageTree::slot(NodeId parent, std::string_view name, uint64_t hash) const {
  size_t mask = table_.size() - 1;
  for (size_t i = hash & mask;; i = (i + 1) & mask) {
    uint64_t e = table_[i];
    if (e == kNoEntry) return i;
    if (e >> 32 != hash >> 32) continue;
    const Node& n = nodes_[static_cast<NodeId>(e)];
    if (n.parent == parent && view(n.name_at, n.name_size) == name) return i;
  }
}

void ImageTree::grow() {
  if (used_ * 10 < table_.size() * 8) return;
  std::vector<uint64_t> old = std::move(table_);
  table_.assign(old.size() * 2, kNoEntry);
  size_t mask = table_.size() - 1;
  for (uint64_t e : old) {
    if (e == kNoEntry) continue;
    const Node& n = nodes_[static_cast<NodeId>(e)];
    size_t i = hash_of(n.parent, view(n.name_at, n.name_size)) & mask;
    while (table_[i] != kNoEntry) i = (i + 1) & mask;
    table_[i] = e;
  }
}

NodeId ImageTree::child(NodeId directory, std::string_view name) const {
  uint64_t e = table_[slot(directory, name, hash_of(directory, name))];
  if (e == kNoEntry) return kNoNode;
  const Node& n = nodes_[static_cast<NodeId>(e)];
  return n.life == Node::Life::live || (sees_whited_out_ && n.life == Node::Life::whited_out) ? static_cast<NodeId>(e) : kNoNode;
}

// A fresh node under a name, whose old node is gone. A dead node of that name is used again.
NodeId ImageTree::make(NodeId parent, std::string_view name) {
  name = name.substr(0, UINT16_MAX);
  uint64_t hash = hash_of(parent, name);
  size_t at = slot(parent, name, hash);
  auto id = static_cast<NodeId>(table_[at]);
  if (table_[at] == kNoEntry) {
    id = static_cast<NodeId>(nodes_.size());
    Node n;
    n.parent = parent;
    n.name_at = keep(name);
    n.name_size = static_cast<uint16_t>(name.size());
    n.next_sibling = nodes_[parent].first_child;
    nodes_.push_back(n);
    nodes_[parent].first_child = id;
    table_[at] = hash >> 32 << 32 | id;
    ++used_;
    grow();
  }
  Node& n = nodes_[id];
  n.life = Node::Life::live;
  if (!origins_.empty()) origins_.erase(id);
  n.type = FileType::directory;
  n.record = UINT32_MAX;
  n.layer = static_cast<uint16_t>(layer_sizes_.size());
  n.target_size = 0;
  return id;
}

void ImageTree::clear_children(NodeId id) {
  last_node_ = kNoNode;
  std::vector<NodeId> stack{id};
  while (!stack.empty()) {
    NodeId at = stack.back();
    stack.pop_back();
    for (NodeId c = nodes_[at].first_child; c != kNoNode; c = nodes_[c].next_sibling) {
      if (nodes_[c].dead()) continue;
      kill(c);
      if (nodes_[c].type == FileType::directory) stack.push_back(c);
    }
  }
}

void ImageTree::remove(NodeId id) {
  last_node_ = kNoNode;
  if (nodes_[id].type == FileType::directory) clear_children(id);
  kill(id);
}

void ImageTree::kill(NodeId id) {
  nodes_[id].life = in_whiteouts_ ? Node::Life::whited_out : Node::Life::dead;
  if (in_whiteouts_) whited_out_.push_back(id);
}

// Walks a path from a node, following links inside the root. With `create`, what is missing on the way becomes a directory.
NodeId ImageTree::resolve(NodeId at, std::string_view path, Last last, bool create, int& hops) {
  while (!path.empty()) {
    size_t slash = path.find('/');
    std::string_view part = path.substr(0, slash);
    path.remove_prefix(slash == std::string_view::npos ? path.size() : slash + 1);
    if (building_) ++steps_;
    if (part.empty() || part == ".") continue;
    if (part == "..") {
      if (nodes_[at].parent != kNoNode) at = nodes_[at].parent;
      continue;
    }
    bool final_part = path.find_first_not_of('/') == std::string_view::npos;
    NodeId next = child(at, part);
    if (next == kNoNode) {
      if (!create) return kNoNode;
      next = make(at, part);
    } else if (nodes_[next].type == FileType::symlink && !(final_part && last == Last::keep)) {
      std::string to(target(next));
      NodeId link = next;
      next = ++hops > kMaxLinkHops || to.size() > kMaxLinkTarget ? kNoNode : resolve(to.starts_with('/') ? kRoot : at, to, Last::follow, create, hops);
      if (next == kNoNode) {
        if (!create) return kNoNode;
        // A circle of links: no runtime could unpack this either; the name becomes a directory so that what follows is seen.
        remove(link);
        next = make(at, part);
      }
    }
    if (nodes_[next].type != FileType::directory && !final_part) {
      if (!create) return kNoNode;
      remove(next);
      next = make(nodes_[next].parent, std::string(name(next)));
    }
    at = next;
  }
  return at;
}

NodeId ImageTree::directory(std::string_view path, bool create) {
  int hops = 0;
  NodeId id = resolve(kRoot, path, Last::follow, create, hops);
  if (id == kNoNode || nodes_[id].type == FileType::directory) return id;
  if (!create) return kNoNode;
  remove(id);
  return make(nodes_[id].parent, std::string(name(id)));
}

NodeId ImageTree::find(std::string_view path, Last last) const {
  int hops = 0;
  return const_cast<ImageTree*>(this)->resolve(kRoot, path, last, false, hops);  // changes nothing without `create`
}

std::string ImageTree::canonical(std::string_view p) const {
  NodeId dir = find(dir_name(p), Last::follow);
  if (dir == kNoNode) return std::string(p);
  std::string out = path(dir);
  if (!out.empty()) out += '/';
  out += base_name(p);
  return out;
}

std::string ImageTree::path(NodeId id) const {
  std::vector<std::string_view> parts;
  for (NodeId at = id; at != kRoot && at != kNoNode; at = nodes_[at].parent) parts.push_back(name(at));
  std::string out;
  for (auto it = parts.rbegin(); it != parts.rend(); ++it) {
    if (!out.empty()) out += '/';
    out += *it;
  }
  return out;
}

std::vector<NodeId> ImageTree::sorted_children(NodeId id) const {
  std::vector<NodeId> out;
  for (NodeId c = nodes_[id].first_child; c != kNoNode; c = nodes_[c].next_sibling)
    if (!nodes_[c].dead()) out.push_back(c);
  std::sort(out.begin(), out.end(), [&](NodeId a, NodeId b) { return name(a) < name(b); });
  return out;
}

// Whiteouts reach lower layers alone, wherever they stand in the archive: so they come before all else.
void ImageTree::whiteouts(const LayerFacts& layer) {
  size_t index = layer_sizes_.size();
  FileRecord r;
  bool any = false;
  for (FileCursor c(layer.files); !any && c.next(r);) any = base_name(r.path).starts_with(kWhiteout);
  if (!any) return;
  // Links that this layer replaces by folders: a whiteout below such a name does not reach what the link led to.
  std::set<std::string, std::less<>> replaced;
  for (FileCursor c(layer.files); c.next(r);)
    if (r.type == FileType::directory)
      if (NodeId id = find(r.path, Last::keep); id != kNoNode && nodes_[id].type == FileType::symlink) replaced.insert(r.path);
  for (FileCursor c(layer.files); c.next(r);) {
    std::string_view base = base_name(r.path);
    if (!base.starts_with(kWhiteout)) continue;
    std::string dir(dir_name(r.path));
    bool below = false;
    for (std::string_view p = dir; !p.empty() && !below && !replaced.empty(); p = dir_name(p)) below = replaced.contains(p);
    if (below || over_limit(r.path)) continue;
    NodeId at = directory(dir, false);
    if (base == kOpaque) {
      if (at != kNoNode) clear_children(at);
      removals_.emplace_back(dir + "/", index);
      continue;
    }
    std::string hidden(base.substr(kWhiteout.size()));
    if (hidden.empty() || hidden == "." || hidden == ".." || hidden.starts_with(".wh.")) {
      if (!hidden.starts_with(".wh.")) oddities_.push_back({Question::content, CoverageState::looked, r.path, "a whiteout that names nothing was passed over"});
      continue;
    }
    if (at != kNoNode)
      if (NodeId gone = child(at, hidden); gone != kNoNode) remove(gone);
    removals_.emplace_back(dir.empty() ? hidden : dir + "/" + hidden, index);
  }
}

void ImageTree::entry(const FileRecord& r, uint32_t index) {
  std::string_view base = base_name(r.path);
  if (whiteouts_ == Whiteouts::apply && base.starts_with(kWhiteout)) return;
  if (over_limit(r.path)) return;
  std::string_view dir = dir_name(r.path);
  if (last_node_ == kNoNode || dir != last_directory_) {  // entries of one directory mostly follow each other
    NodeId found = directory(dir, true);
    last_directory_ = dir;
    last_node_ = found;
  }
  NodeId parent = last_node_;
  NodeId old = child(parent, base.substr(0, UINT16_MAX));
  auto layer = static_cast<uint16_t>(layer_sizes_.size());
  if (r.type == FileType::directory && old != kNoNode && nodes_[old].type == FileType::directory) {
    nodes_[old].record = index;
    nodes_[old].layer = layer;
    return;
  }
  uint32_t record = index;
  uint16_t from = layer;
  FileType type = r.type;
  if (r.type == FileType::hardlink) {
    int hops = 0;
    sees_whited_out_ = true;
    NodeId to = resolve(kRoot, r.target, Last::keep, false, hops);
    sees_whited_out_ = false;
    if (to == kNoNode || nodes_[to].type == FileType::directory) {
      if (oddities_.size() < 1000)
        oddities_.push_back({Question::content, CoverageState::looked, r.path, "a hard link to nothing, which no runtime can unpack, was passed over"});
      return;
    }
    if (to == old) return;
    auto known = origins_.find(to);
    std::string origin = known != origins_.end() ? known->second : path(to);
    record = nodes_[to].record;
    from = nodes_[to].layer;
    type = nodes_[to].type;
    if (old != kNoNode) remove(old);
    NodeId id = make(parent, base);
    Node& n = nodes_[id];
    const Node& t = nodes_[to];
    n.type = type;
    n.record = record;
    n.layer = from;
    n.target_at = t.target_at;
    n.target_size = t.target_size;
    origins_[id] = std::move(origin);
    return;
  }
  if (old != kNoNode) remove(old);
  NodeId id = make(parent, base);
  Node& n = nodes_[id];
  n.type = type;
  n.record = record;
  n.layer = from;
  if (type == FileType::symlink) {
    std::string_view t = std::string_view(r.target).substr(0, UINT16_MAX);
    uint32_t at = keep(t);
    nodes_[id].target_at = at;
    nodes_[id].target_size = static_cast<uint16_t>(t.size());
  }
}

void ImageTree::add_layer(const LayerFacts& layer) {
  if (!layer_sizes_.empty()) {
    in_whiteouts_ = true;
    whiteouts(layer);
    in_whiteouts_ = false;
  }
  nodes_.reserve(nodes_.size() + layer.files.size());
  FileRecord r;
  FileCursor c(layer.files);
  while (!full_ && c.next(r)) entry(r, c.index());
  if (c.damaged()) oddities_.push_back({Question::content, CoverageState::partly, "", "the table of the layer's files could not be read back to its end"});
  for (NodeId id : whited_out_)
    if (nodes_[id].life == Node::Life::whited_out) nodes_[id].life = Node::Life::dead;
  whited_out_.clear();
  layer_sizes_.push_back(static_cast<uint32_t>(layer.files.size()));
}

// Names and links beyond what any file system holds: the rest is not laid out, and that is told.
bool ImageTree::over_limit(const std::string& path) {
  if (text_.size() * kTextBlock <= kMaxTreeText && steps_ <= kMaxTreeSteps) return false;
  if (!std::exchange(full_, true))
    oddities_.push_back({Question::content, CoverageState::partly, path,
                         "names or links beyond what any file system holds (kMaxTreeText, kMaxTreeSteps): the rest was not laid out"});
  return true;
}

void ImageTree::finish() {
  building_ = false;
  for (uint32_t n : layer_sizes_) visible_.emplace_back(n, false);
  for (const Node& n : nodes_)
    if (!n.dead() && n.record != UINT32_MAX && n.layer < visible_.size()) visible_[n.layer][n.record] = true;
}

std::optional<size_t> ImageTree::hidden_by(size_t layer, const std::string& path) const {
  std::optional<size_t> found;
  for (const auto& [removed, by] : removals_) {
    bool hit =
        removed.ends_with('/') ? path.starts_with(removed) || removed == "/" : path == removed || (path.starts_with(removed) && path[removed.size()] == '/');
    if (by > layer && hit && (!found || by < *found)) found = by;
  }
  if (found) return found;
  // Replaced: something above stands under its name.
  NodeId id = find(path, Last::keep);
  if (id != kNoNode && nodes_[id].layer > layer) return nodes_[id].layer;
  // Or one of its directories became something else.
  for (std::string_view p = dir_name(path); !p.empty(); p = dir_name(p)) {
    NodeId d = find(p, Last::keep);
    if (d != kNoNode && nodes_[d].layer > layer && nodes_[d].type != FileType::directory) return nodes_[d].layer;
  }
  return std::nullopt;
}

}  // namespace careen
