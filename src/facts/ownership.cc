// Packages of an image, and which of them owns which file.
//
// Each database is taken as the topmost layer shows it. One that a later layer replaced gives no rows; one that was deleted
// keeps the rows whose files are still there. Paths of a database are resolved through the image's own links, so that
// /lib/x is usr/lib/x where /usr is merged.
#include <algorithm>
#include <set>
#include <unordered_map>

#include "base/text.h"
#include "facts/image_facts.h"
#include "facts/interest.h"
#include "formats/dpkg.h"

namespace careen {

void find_packages(ImageFacts& image);

namespace {

// from_hex without memory of its own: there are some hundred thousand of these in an image.
bool read_hex(std::string_view hex, std::span<uint8_t> into) {
  auto value = [](char c) { return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1; };
  for (size_t i = 0; i < into.size(); ++i) {
    int a = value(hex[2 * i]), b = value(hex[2 * i + 1]);
    if (a < 0 || b < 0) return false;
    into[i] = static_cast<uint8_t>(a << 4 | b);
  }
  return true;
}

struct Database {
  const PackageFile* file;
  size_t layer;
  bool visible;
};

// Looks paths up that mostly share their directory with the one before.
class Finder {
 public:
  explicit Finder(const ImageTree& tree) : tree_(tree) {}
  NodeId find(std::string_view path) {
    std::string_view dir = dir_name(path);
    if (!known_ || dir != dir_) {
      dir_ = dir;
      at_ = tree_.find(dir);
      known_ = true;
    }
    return at_ == kNoNode ? kNoNode : tree_.child(at_, base_name(path));
  }

 private:
  const ImageTree& tree_;
  std::string dir_;
  NodeId at_ = kNoNode;
  bool known_ = false;
};

class Packages {
 public:
  explicit Packages(ImageFacts& image) : image_(image), finder_(image.tree) { image.owners.resize(image.layers.size()); }

  void run() {
    collect();
    diversions();
    for (const auto& [path, db] : databases_) read(path, db);
    for (const auto& [path, db] : databases_) read_language(path, db);
    tell();
  }

 private:
  void collect() {
    for (size_t i = 0; i < image_.layers.size(); ++i) {
      if (!image_.layers[i]) continue;
      for (const PackageFile& f : image_.layers[i]->databases) {
        std::string path = image_.tree.canonical(f.path);
        NodeId id = image_.tree.find(path, ImageTree::Last::keep);
        bool there = id != kNoNode && image_.tree.node(id).layer == i;
        // Without an entry of its own (a package file) it is as good as there.
        if (id == kNoNode && image_.layers.size() == 1) there = true;
        bool replaced = id != kNoNode && !there;
        if (!replaced) databases_[path] = {&f, i, there};
      }
    }
  }

  void diversions() {
    for (const auto& [path, db] : databases_)
      if (db.file->kind == DatabaseKind::dpkg_diversions)
        for (const OwnedFile& f : db.file->files) diverted_.insert(std::string(database_root(path, db.file->kind)) + f.path);
  }

  const Database* at(const std::string& path) const {
    auto it = databases_.find(path);
    return it == databases_.end() ? nullptr : &it->second;
  }

  void read(const std::string& path, const Database& db) {
    std::string root(database_root(path, db.file->kind));
    switch (db.file->kind) {
      case DatabaseKind::dpkg_status:
      case DatabaseKind::dpkg_status_d:
        for (const Package& p : db.file->packages) dpkg_package(path, root, db, p);
        break;
      case DatabaseKind::apk_installed:
      case DatabaseKind::rpm:
        for (const Package& p : db.file->packages) {
          uint32_t id = add(p, path, root, db);
          size_t seen = 0;
          for (const OwnedFile& f : p.files) seen += own(id, root, f.path, f.algorithm, f.digest, f.config || f.ghost) ? 1 : 0;
          settle(id, seen, p.files.empty());
        }
        break;
      case DatabaseKind::pacman_desc: {
        if (db.file->packages.empty()) break;
        uint32_t id = add(db.file->packages[0], path, root, db);
        std::string dir(dir_name(path));
        size_t seen = 0;
        bool listed = false;
        std::set<std::string> config;
        if (const Database* files = at(dir + "/files")) {
          listed = true;
          for (const OwnedFile& f : files->file->files) {
            if (f.config) config.insert(f.path);
            seen += own(id, root, f.path, RecordedDigest::none, "", f.config) ? 1 : 0;
          }
        }
        if (const Database* mtree = at(dir + "/mtree"))
          for (const OwnedFile& f : mtree->file->files) own(id, root, f.path, f.algorithm, f.digest, config.contains(f.path));
        settle(id, seen, !listed);
        break;
      }
      default:
        break;
    }
  }

  // What a manifest says that is a hard link; null when its first name, or an earlier link, says it in the image.
  const PackageFile* shown_by_link(const Database& link) {
    if (by_path_.size() < image_.layers.size()) by_path_.resize(image_.layers.size());
    auto& of_layer = by_path_[link.layer];
    if (of_layer.empty())
      for (const PackageFile& f : image_.layers[link.layer]->databases)
        if (f.same_as.empty()) of_layer[f.path] = &f;
    auto first = of_layer.find(link.file->same_as);
    if (first == of_layer.end() || first->second->kind != link.file->kind) return nullptr;
    const Database* known = at(image_.tree.canonical(link.file->same_as));
    if (known != nullptr && known->visible && known->file == first->second) return nullptr;
    return told_by_link_.insert(first->second).second ? first->second : nullptr;
  }

  // A package of a programming language, where the distribution did not bring it: then it is the distribution's, counted once and patched by
  // it under a version of its own.
  void read_language(const std::string& path, const Database& db) {
    if (db.file->kind != DatabaseKind::language && db.file->kind != DatabaseKind::java_archive) return;
    if (!db.visible) return;  // what it describes went with it, or is described by what took its place
    if (owned_by_system(path)) {
      ++of_system_;
      return;
    }
    const PackageFile* file = db.file->same_as.empty() ? db.file : shown_by_link(db);
    if (file == nullptr) return;
    // A bill of materials in an image may list the distribution's packages again.
    for (const Package& p : file->packages)
      if (!is_system(p.type)) add(p, path, "", db);
    if (file->packages.size() != 1 || file->packages[0].type != PackageType::pypi) return;
    auto id = static_cast<uint32_t>(image_.packages.size() - 1);
    if (const Database* record = at(std::string(dir_name(path)) + "/RECORD"))
      for (const OwnedFile& f : record->file->files)
        if (!owned_by_system(f.path)) own(id, "", f.path, f.algorithm, f.digest, false);
  }

  bool owned_by_system(const std::string& path) {
    NodeId id = finder_.find(path);
    if (id == kNoNode) return false;
    const Node& n = image_.tree.node(id);
    if (n.record == UINT32_MAX || n.layer >= image_.owners.size() || n.record >= image_.owners[n.layer].size()) return false;
    const Owner& o = image_.owners[n.layer][n.record];
    return o.package != UINT32_MAX && is_system(image_.packages[o.package].package.type);
  }

  void dpkg_package(const std::string& path, const std::string& root, const Database& db, const Package& p) {
    uint32_t id = add(p, path, root, db);
    size_t seen = 0;
    bool listed = false;
    bool status_d = db.file->kind == DatabaseKind::dpkg_status_d;
    std::vector<std::string> stems;
    if (status_d)
      stems = {path};
    else
      stems = {root + "var/lib/dpkg/info/" + p.name, root + "var/lib/dpkg/info/" + p.name + ":" + p.architecture};
    for (const std::string& stem : stems) {
      if (const Database* list = at(stem + ".list"); list != nullptr && used_.insert(list->file).second) {
        listed = true;
        each_line(list->file->text, [&](std::string_view line) {
          seen += own(id, root, plain(line), RecordedDigest::none, "", false) ? 1 : 0;
          return true;
        });
      }
      if (const Database* sums = at(stem + ".md5sums"); sums != nullptr && used_.insert(sums->file).second) {
        listed = true;
        each_line(sums->file->text, [&](std::string_view line) {
          if (line.size() < 35) return true;
          std::array<uint8_t, 16> raw{};
          if (!read_hex(line.substr(0, 32), raw)) return true;
          std::string_view file = line.substr(32);
          file.remove_prefix(std::min(file.find_first_not_of(" \t*"), file.size()));
          seen += own(id, root, plain(file), RecordedDigest::md5, as_text(raw), false) ? 1 : 0;
          return true;
        });
      }
    }
    for (const OwnedFile& f : p.files) seen += own(id, root, f.path, f.algorithm, f.digest, true) ? 1 : 0;
    settle(id, seen, !listed);
  }

  // A path of a list in normal form; nearly all are, but for the leading slash.
  std::string_view plain(std::string_view line) {
    if (line.starts_with('/')) line.remove_prefix(1);
    if (line.find("//") == std::string_view::npos && line.find("./") == std::string_view::npos && !line.ends_with('/') && !line.ends_with("/."))
      return line == "." ? std::string_view{} : line;
    return scratch_ = normal_path(line);
  }

  uint32_t add(const Package& p, const std::string& path, const std::string& root, const Database& db) {
    InstalledPackage i;
    i.package.type = p.type;
    i.package.name = p.name;
    i.package.version = p.version;
    i.package.architecture = p.architecture;
    i.package.source = p.source;
    i.package.source_version = p.source_version;
    i.package.module = p.module;
    i.package.sha1 = p.sha1;
    i.database = path;
    i.root = root;
    i.layer = db.layer;
    i.visible = db.visible;
    image_.packages.push_back(std::move(i));
    return static_cast<uint32_t>(image_.packages.size() - 1);
  }

  // True when the file is there.
  bool own(uint32_t package, const std::string& root, std::string_view path, RecordedDigest algorithm, std::string_view digest, bool config) {
    if (path.empty()) return false;
    if (!root.empty()) {
      rooted_ = root;
      rooted_ += path;
      path = rooted_;
    }
    if (!diverted_.empty() && diverted_.contains(std::string(path))) return false;
    NodeId id = finder_.find(path);
    if (id == kNoNode) return false;
    const Node& n = image_.tree.node(id);
    if (n.type != FileType::regular || n.record == UINT32_MAX) return false;
    std::vector<Owner>& owners = image_.owners[n.layer];
    if (owners.empty()) owners.resize(image_.layers[n.layer]->files.size());
    Owner& o = owners[n.record];
    Owner fresh;
    fresh.package = package;
    fresh.config = config;
    if (algorithm != RecordedDigest::none && algorithm != RecordedDigest::other && digest.size() <= fresh.digest.size()) {
      fresh.algorithm = algorithm;
      std::memcpy(fresh.digest.data(), digest.data(), digest.size());
    }
    if (o.package != package) ++counts_[package];
    if (o.package == UINT32_MAX) {
      o = fresh;
    } else if (o.package == package) {  // the list, then the sums of one package
      o.config |= config;
      if (fresh.algorithm != RecordedDigest::none) o.algorithm = fresh.algorithm, o.digest = fresh.digest;
    } else {
      image_.other_owners.emplace(std::pair<size_t, uint32_t>(n.layer, n.record), fresh);
    }
    return true;
  }

  // Rows of a deleted database stay where their files do.
  void settle(uint32_t id, size_t seen, bool unlisted) {
    if (image_.packages[id].visible) return;
    deleted_.insert(image_.packages[id].database);
    if (seen == 0 && !unlisted && id + 1 == image_.packages.size()) image_.packages.pop_back();
  }

  void tell() {
    for (const std::string& path : deleted_)
      image_.coverage.push_back({Question::packages, CoverageState::looked, path,
                                 "the package database was deleted in a later layer; its packages whose files are still there are listed"});
    if (image_.packages.empty() && std::none_of(databases_.begin(), databases_.end(), [](const auto& d) { return !d.second.file->problem.empty(); }))
      image_.coverage.push_back({Question::packages, CoverageState::not_applicable, "", "the image has no package database"});
    for (size_t i = 0; i < image_.packages.size(); ++i) image_.packages[i].owned_files = counts_[static_cast<uint32_t>(i)];
    if (of_system_ != 0)
      image_.coverage.push_back(
          {Question::packages, CoverageState::looked, "",
           std::to_string(of_system_) + " files that describe packages of programming languages belong to packages of the distribution and are counted there"});
    introduce();
  }

  // Since which layer each package is there: a database is written anew as a whole by every step that touches it.
  void introduce() {
    std::map<std::string, std::vector<std::pair<size_t, const PackageFile*>>> versions;
    for (size_t i = 0; i < image_.layers.size(); ++i)
      if (image_.layers[i])
        for (const PackageFile& f : image_.layers[i]->databases)
          if (!f.packages.empty()) versions[image_.tree.canonical(f.path)].emplace_back(i, &f);
    auto name = [](const Package& p) { return p.name + '\0' + p.version + '\0' + p.architecture; };
    std::map<std::string, std::unordered_map<std::string, size_t>> since;
    for (const auto& [path, files] : versions) {
      if (files.size() < 2) continue;
      std::unordered_map<std::string, size_t> now;
      for (const auto& [layer, file] : files) {
        std::unordered_map<std::string, size_t> next;
        for (const Package& p : file->packages) {
          auto it = now.find(name(p));
          next.emplace(name(p), it == now.end() ? layer : it->second);
        }
        now = std::move(next);
      }
      since[path] = std::move(now);
    }
    for (InstalledPackage& p : image_.packages) {
      p.introduced = p.layer;
      if (auto it = since.find(p.database); it != since.end())
        if (auto at = it->second.find(name(p.package)); at != it->second.end()) p.introduced = at->second;
    }
  }

  ImageFacts& image_;
  Finder finder_;
  std::map<std::string, Database> databases_;
  std::vector<std::unordered_map<std::string_view, const PackageFile*>> by_path_;  // of a layer, made when a link asks for it
  std::set<const PackageFile*> told_by_link_;
  std::set<std::string> diverted_, deleted_;
  std::set<const PackageFile*> used_;  // many rows may have one name: their lists are read once
  std::map<uint32_t, size_t> counts_;
  std::string scratch_, rooted_;
  uint64_t of_system_ = 0;  // files that describe packages which the distribution brought
};

}  // namespace

void find_packages(ImageFacts& image) {
  Packages(image).run();
}

}  // namespace careen
