#include "fleet/diff.h"

#include <algorithm>
#include <map>
#include <set>

#include "base/text.h"
#include "facts/image_facts.h"
#include "knowledge/version.h"
#include "oci/manifest.h"

namespace careen {
namespace {

constexpr uint32_t kSetUser = 04000, kSetGroup = 02000;

struct FileState {
  std::string digest;  // or the target of a link, or the type
  uint32_t mode = 0;
  const ElfFacts* elf = nullptr;
  bool listens = false;  // imports listen(): it can take connections
  auto key() const { return std::tie(digest, mode); }
};

struct Side {
  StoredImage image;
  ImageFacts facts;
  ImageConfig config;
  std::map<std::string, FileState> files;
  std::map<std::string, std::pair<PackageType, std::string>> packages;  // name:architecture → version
};

Result<Side> load(Inventory& inventory, Inventory::Id id, std::vector<std::string>& gaps) {
  auto image = inventory.image(id);
  if (!image) return Error{Errc::corrupt, "image " + std::to_string(id) + " of the inventory cannot be read"};
  Side s;
  s.image = std::move(*image);
  std::vector<std::shared_ptr<const LayerFacts>> layers;
  for (const Digest& d : s.image.layers) {
    bool unused = false;
    layers.push_back(inventory.layers()->facts(d, {}, &unused));
    if (!layers.back()) gaps.push_back(s.image.digest + ": the facts of layer " + d.text() + " are not in the inventory");
  }
  s.facts = build_image_facts(std::move(layers));
  if (auto digest = Digest::parse(s.image.config_digest); digest)
    if (auto text = inventory.layers()->document(*digest))
      if (auto config = parse_config(*text)) s.config = std::move(*config);
  std::set<std::pair<size_t, std::string>> listening;  // layer and path
  for (size_t i = 0; i < s.image.layers.size(); ++i)
    for (const ElfSymbols& e : inventory.layers()->symbols(s.image.layers[i]))
      if (('\0' + e.imports).find(std::string("\0listen\0", 8)) != std::string::npos) listening.emplace(i, e.path);
  std::map<std::pair<size_t, uint32_t>, FileRecord> records;
  FileRecord r;
  for (size_t i = 0; i < s.facts.layers.size(); ++i)
    if (s.facts.layers[i])
      for (FileCursor c(s.facts.layers[i]->files); c.next(r);)
        if (s.facts.tree.visible(i, c.index())) records[{i, c.index()}] = r;
  s.facts.tree.walk([&](NodeId id_of_node) {
    const Node& n = s.facts.tree.node(id_of_node);
    if (n.type == FileType::directory) return;
    FileState f;
    auto it = records.find({n.layer, n.record});
    if (it != records.end()) {
      f.mode = it->second.mode;
      f.listens = listening.contains({n.layer, it->second.path});
      if (it->second.sha256) f.digest = to_hex(it->second.sha256->data(), it->second.sha256->size());
    }
    if (n.type == FileType::symlink) f.digest = "→ " + std::string(s.facts.tree.target(id_of_node));
    f.elf = s.facts.elf(id_of_node);
    s.files.emplace(s.facts.tree.path(id_of_node), std::move(f));
  });
  for (const StoredPackage& p : s.image.packages)
    if (p.visible) s.packages[p.name + (p.architecture.empty() ? "" : ":" + p.architecture)] = {p.type, p.version};
  return s;
}

class Differ {
 public:
  Differ(const Side& a, const Side& b) : a_(a), b_(b) {}

  size_t left_out() const { return files_ > kMaxDiffRows ? files_ - kMaxDiffRows : 0; }  // files, of those that changed

  std::vector<DiffRow> run() {
    packages();
    configuration();
    files();
    std::stable_sort(rows_.begin(), rows_.end(),
                     [](const DiffRow& x, const DiffRow& y) { return std::tie(x.kind, x.what, x.says) < std::tie(y.kind, y.what, y.says); });
    return std::move(rows_);
  }

 private:
  void add(DiffKind kind, std::string what, std::string from, std::string to, std::string says = "") {
    if (kind == DiffKind::file && ++files_ > kMaxDiffRows) return;  // counted and told; what is a risk never is left out
    rows_.push_back({kind, std::move(what), std::move(from), std::move(to), std::move(says)});
  }
  void risk(const std::string& what, std::string says, std::string from = "", std::string to = "") {
    add(DiffKind::risk, what, std::move(from), std::move(to), std::move(says));
  }

  void packages() {
    for (const auto& [name, p] : b_.packages) {
      auto old = a_.packages.find(name);
      if (old == a_.packages.end()) {
        add(DiffKind::package, name, "", p.second);
        continue;
      }
      if (old->second == p) continue;
      add(DiffKind::package, name, old->second.second, p.second);
      auto order = compare_versions(p.first, p.second, old->second.second);
      if (order && *order < 0) risk(name, "the package was downgraded", old->second.second, p.second);
    }
    for (const auto& [name, p] : a_.packages)
      if (!b_.packages.contains(name)) add(DiffKind::package, name, p.second, "");
  }

  // USER as an image has it: a name or a number, maybe with a group; none is root.
  static bool is_root(const std::string& user) {
    std::string name = user.substr(0, user.find(':'));
    return name.empty() || name == "root" || name.find_first_not_of('0') == std::string::npos;
  }

  void setting(const std::string& name, const std::string& from, const std::string& to) {
    if (from != to) add(DiffKind::configuration, name, from, to);
  }

  void configuration() {
    setting("user", a_.config.user, b_.config.user);
    if (!is_root(a_.config.user) && is_root(b_.config.user)) risk("user", "it runs as root now", a_.config.user, b_.config.user);
    setting("entrypoint", join(a_.config.entrypoint, " "), join(b_.config.entrypoint, " "));
    setting("command", join(a_.config.command, " "), join(b_.config.command, " "));
    setting("working directory", a_.config.working_dir, b_.config.working_dir);
    std::map<std::string, std::string> from, to;
    auto variables = [](const std::vector<std::string>& list, auto& into) {
      for (const std::string& e : list) into[e.substr(0, e.find('='))] = e.substr(std::min(e.size(), e.find('=') + 1));
    };
    variables(a_.config.environment, from);
    variables(b_.config.environment, to);
    for (const auto& [name, value] : to) {
      setting("environment " + name, from.contains(name) ? from[name] : "", value);
      if (name.starts_with("LD_") && (!from.contains(name) || from[name] != value))
        risk("environment " + name, "it changes how programs find libraries", from[name], value);
    }
    for (const auto& [name, value] : from)
      if (!to.contains(name)) setting("environment " + name, value, "");
    for (const std::string& p : b_.config.ports)
      if (std::find(a_.config.ports.begin(), a_.config.ports.end(), p) == a_.config.ports.end()) risk("port " + p, "a port is exposed that was not");
  }

  void files() {
    for (const auto& [path, f] : b_.files) {
      auto old = a_.files.find(path);
      const FileState* before = old == a_.files.end() ? nullptr : &old->second;
      if (before != nullptr && before->key() == f.key()) continue;
      add(DiffKind::file, "/" + path, before == nullptr ? "" : describe(*before), describe(f));
      file_risks("/" + path, before, f);
    }
    for (const auto& [path, f] : a_.files)
      if (!b_.files.contains(path)) add(DiffKind::file, "/" + path, describe(f), "");
  }

  static std::string describe(const FileState& f) {
    char mode[8];
    std::snprintf(mode, sizeof mode, "%04o", f.mode & 07777);
    return (f.digest.starts_with("→") ? f.digest : f.digest.substr(0, 12) + " " + mode);
  }

  void file_risks(const std::string& path, const FileState* before, const FileState& f) {
    uint32_t special = f.mode & (kSetUser | kSetGroup);
    if (special != 0 && f.elf != nullptr && (before == nullptr || (before->mode & special) != special))
      risk(path, "runs as another user now (set-user-ID or set-group-ID)");
    if (path == "/etc/ld.so.preload") risk(path, "every program loads what it names");
    if (f.elf == nullptr) return;
    if (f.listens && !f.elf->interpreter.empty() && (before == nullptr || !before->listens))
      risk(path, "a program that can listen on the network, and did not");
    const ElfFacts* old = before == nullptr ? nullptr : before->elf;
    if (f.elf->ifunc.resolvers > (old == nullptr ? 0 : old->ifunc.resolvers) && before != nullptr)
      risk(path, "has IFUNC resolvers that it had not: code that runs while a program is linked");
    if (old != nullptr && f.elf->constructors > old->constructors) risk(path, "has constructors that it had not: code that runs when it is loaded");
    if (old != nullptr && f.elf->imports_dlopen && !old->imports_dlopen) risk(path, "can load libraries by name now (dlopen)");
    if (old != nullptr && (f.elf->rpath != old->rpath || f.elf->runpath != old->runpath))
      risk(path, "looks for libraries elsewhere now", old->rpath + old->runpath, f.elf->rpath + f.elf->runpath);
    for (const std::string& n : f.elf->needed)
      if (old != nullptr && std::find(old->needed.begin(), old->needed.end(), n) == old->needed.end()) risk(path, "loads a library that it did not", "", n);
  }

  const Side &a_, &b_;
  std::vector<DiffRow> rows_;
  size_t files_ = 0;
};

}  // namespace

Result<ImageDiff> diff_images(Inventory& inventory, Inventory::Id a, Inventory::Id b) {
  ImageDiff out;
  CAREEN_ASSIGN(Side left, load(inventory, a, out.gaps));
  CAREEN_ASSIGN(Side right, load(inventory, b, out.gaps));
  out.a = left.image.digest;
  out.b = right.image.digest;
  Differ differ(left, right);
  out.rows = differ.run();
  if (differ.left_out() != 0) out.gaps.push_back(std::to_string(differ.left_out()) + " more files changed (kMaxDiffRows); each new risk is told");
  return out;
}

}  // namespace careen
