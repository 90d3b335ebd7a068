#include "detect/loader.h"

#include <algorithm>
#include <cstring>
#include <set>

#include "base/text.h"

namespace careen {
namespace {

constexpr size_t kMaxClosure = 4096;
constexpr int kMaxIncludes = 8;

const char* triplet(uint16_t machine) {
  switch (machine) {
    case elf::kMachineX86_64:
      return "x86_64-linux-gnu";
    case elf::kMachine386:
      return "i386-linux-gnu";
    case elf::kMachineAarch64:
      return "aarch64-linux-gnu";
    case elf::kMachineArm:
      return "arm-linux-gnueabihf";
    case 21:
      return "powerpc64le-linux-gnu";
    case 22:
      return "s390x-linux-gnu";
    case 243:
      return "riscv64-linux-gnu";
    default:
      return "";
  }
}

std::string musl_arch(const ElfFacts& e) {
  switch (e.machine) {
    case elf::kMachineX86_64:
      return "x86_64";
    case elf::kMachine386:
      return "i386";
    case elf::kMachineAarch64:
      return "aarch64";
    case elf::kMachineArm:
      return "armhf";
    case 21:
      return "powerpc64le";
    case 22:
      return "s390x";
    case 243:
      return "riscv64";
    default:
      return "";
  }
}

bool is_musl(const ElfFacts& e) {
  return e.interpreter.find("ld-musl") != std::string::npos ||
         std::any_of(e.needed.begin(), e.needed.end(), [](const std::string& n) { return n.starts_with("libc.musl"); });
}

std::string join_path(const std::string& dir, std::string_view name) {
  std::string out = dir;
  if (!out.empty() && out.back() != '/') out += '/';
  out += name;
  return out;
}

}  // namespace

Loader::Loader(const ImageFacts& image, const std::vector<std::string>& environment) : image_(image) {
  auto listed = [](std::string text, const char* separators, std::vector<std::string>& into) {
    for (char& c : text)
      if (std::strchr(separators, c) != nullptr) c = '\n';
    for (std::string_view part : split(text, '\n'))
      if (!part.empty()) into.emplace_back(part);
  };
  for (const std::string& e : environment) {
    std::string value = e.substr(std::min(e.size(), e.find('=') + 1));
    if (e.starts_with("LD_LIBRARY_PATH=")) listed(value, ":;", preload_path_);
    if (e.starts_with("LD_PRELOAD=") || e.starts_with("LD_AUDIT=")) listed(value, ": ", preloads_);
  }
  listed(std::string(image_.text("etc/ld.so.preload")), ": \t\r", preloads_);
  for (const char* f : {"etc/ld.so.preload"})
    if (image_.unread(f)) gaps_.push_back(std::string("/") + f + " could not be read");
  read_conf("etc/ld.so.conf", 0);
}

void Loader::read_conf(std::string_view path, int depth) {
  if (depth > kMaxIncludes || !conf_files_.insert(std::string(path)).second) return;
  if (image_.unread(path)) gaps_.push_back("/" + escape(path) + ", of the dynamic linker's configuration, was not read");
  each_line(image_.text(path), [&](std::string_view line) {
    line = trim(line.substr(0, line.find('#')));
    auto w = words(line);
    if (w.size() >= 2 && w[0] == "include") {
      for (size_t i = 1; i < w.size(); ++i) {
        std::string glob(w[i]);
        if (!glob.starts_with('/')) glob = "etc/" + glob;
        while (glob.starts_with('/')) glob.erase(0, 1);
        NodeId dir = image_.tree.find(dir_name(glob));
        if (dir == kNoNode) continue;
        for (NodeId id : image_.tree.sorted_children(dir))
          if (glob_match(base_name(glob), image_.tree.name(id))) read_conf(image_.tree.path(id), depth + 1);
      }
    } else if (!line.empty() && line.front() == '/') {
      conf_.emplace_back(line.substr(0, line.find_first_of(" \t=")));
    }
    return conf_.size() < 1024;
  });
}

// $ORIGIN, $LIB and $PLATFORM, with or without braces. What $LIB means was decided when glibc was built: each possibility.
std::vector<std::string> Loader::expand(std::string_view dir, const std::string& origin, const ElfFacts& e) {
  auto put = [](std::string& out, const std::string& token, const std::string& value) {
    bool any = false;
    for (const std::string& form : {"${" + token + "}", "$" + token})
      for (size_t at; (at = out.find(form)) != std::string::npos && out.size() < 4096; any = true) out.replace(at, form.size(), value);
    return any;
  };
  std::string plain(dir);
  put(plain, "ORIGIN", "/" + origin);
  put(plain, "PLATFORM", musl_arch(e));
  std::vector<std::string> out;
  for (const std::string& lib : {std::string("lib/") + triplet(e.machine), std::string(e.is64 ? "lib64" : "lib"), std::string("lib")}) {
    std::string one = plain;
    bool has = put(one, "LIB", lib);
    out.push_back(std::move(one));
    if (!has) break;
  }
  return out;
}

// Directories that hold the same library for other processors: which one is loaded depends on the machine.
std::vector<NodeId> Loader::other_hwcaps(NodeId chosen, std::string_view name, const ElfFacts& like) const {
  std::vector<NodeId> out;
  std::string base(dir_name(image_.tree.path(chosen)));
  if (size_t at = base.find("/glibc-hwcaps/"); at != std::string::npos) base.resize(at);
  for (const std::string& sub : hwcaps(like)) {
    NodeId other = image_.tree.find(join_path(sub.empty() ? base : join_path(base, sub), name));
    if (other != kNoNode && other != chosen && fits(other, like)) out.push_back(other);
  }
  return out;
}

std::vector<std::string> Loader::default_directories(const ElfFacts& like) const {
  std::vector<std::string> dirs;
  if (is_musl(like)) {
    std::string_view path = trim(image_.text("etc/ld-musl-" + musl_arch(like) + ".path"));
    if (path.empty()) return {"/lib", "/usr/local/lib", "/usr/lib"};
    for (std::string_view line : split(path, '\n'))
      for (std::string_view d : split(line, ':')) dirs.emplace_back(d);
    return dirs;
  }
  dirs = conf_;
  if (const char* t = triplet(like.machine); *t != '\0')
    for (const char* base : {"/lib/", "/usr/lib/"}) dirs.push_back(base + std::string(t));
  for (const char* d : {"/lib64", "/usr/lib64", "/lib", "/usr/lib"})
    if (like.is64 || std::string_view(d).find("64") == std::string_view::npos) dirs.emplace_back(d);
  return dirs;
}

bool Loader::searches(std::string_view directory) const {
  ElfFacts any;
  any.machine = elf::kMachineX86_64;
  NodeId wanted = image_.tree.find(directory);
  auto is = [&](const std::string& d) { return image_.tree.find(d) == wanted; };
  std::string_view name = base_name(directory);
  auto all = default_directories(any);
  return std::any_of(all.begin(), all.end(), is) || std::any_of(preload_path_.begin(), preload_path_.end(), is) ||
         name.find("-linux-") != std::string_view::npos;
}

bool Loader::fits(NodeId node, const ElfFacts& like) const {
  const ElfFacts* e = image_.elf(node);
  return e != nullptr && e->machine == like.machine && e->is64 == like.is64 && e->little == like.little && e->type == elf::kTypeDynamic;
}

std::vector<std::string> Loader::hwcaps(const ElfFacts& like) const {
  if (like.machine == elf::kMachineX86_64 && like.is64) return {"glibc-hwcaps/x86-64-v4", "glibc-hwcaps/x86-64-v3", "glibc-hwcaps/x86-64-v2", ""};
  return {""};
}

NodeId Loader::look_in(const std::string& dir, std::string_view name, const ElfFacts& like) const {
  NodeId at = image_.tree.find(dir);
  if (at == kNoNode) return kNoNode;
  for (const std::string& sub : hwcaps(like)) {
    std::string path = image_.tree.path(at);
    if (!sub.empty()) path = join_path(path, sub);
    NodeId found = image_.tree.find(join_path(path, name));
    if (found != kNoNode && fits(found, like)) return found;
  }
  return kNoNode;
}

NodeId Loader::resolve(std::string_view name, const ElfFacts& e, NodeId node, const ElfFacts* program, NodeId program_node,
                       const std::vector<NodeId>& above) const {
  const ElfFacts& like = program != nullptr ? *program : e;
  if (name.find('/') != std::string_view::npos) {
    for (const std::string& path : expand(name, std::string(dir_name(image_.tree.path(node))), e))
      if (NodeId found = image_.tree.find(path); found != kNoNode && fits(found, like)) return found;
    return kNoNode;
  }
  auto in_list = [&](std::string_view list, NodeId owner, const ElfFacts& of) {
    std::string origin(dir_name(image_.tree.path(owner)));
    for (std::string_view d : split(list, ':'))
      if (!d.empty())
        for (const std::string& one : expand(d, origin, of))
          if (NodeId found = look_in(one, name, like); found != kNoNode) return found;
    return kNoNode;
  };
  bool musl = is_musl(like);
  if (e.runpath.empty() && !musl) {
    if (NodeId f = in_list(e.rpath, node, e); f != kNoNode) return f;
    for (NodeId id : above)
      if (const ElfFacts* a = image_.elf(id); a != nullptr && a->runpath.empty())
        if (NodeId f = in_list(a->rpath, id, *a); f != kNoNode) return f;
    if (program != nullptr && program_node != node && program->runpath.empty())
      if (NodeId f = in_list(program->rpath, program_node, *program); f != kNoNode) return f;
  }
  for (const std::string& d : preload_path_)
    if (NodeId f = look_in(d, name, like); f != kNoNode) return f;
  if (const std::string& own = musl && e.runpath.empty() ? e.rpath : e.runpath; !own.empty())
    if (NodeId f = in_list(own, node, e); f != kNoNode) return f;
  if (musl && program != nullptr && program_node != node)  // musl asks whoever needed the file as well
    if (NodeId f = in_list(program->runpath.empty() ? program->rpath : program->runpath, program_node, *program); f != kNoNode) return f;

  std::string key = std::string(name) + '\0' + std::to_string(like.machine) + (like.is64 ? "6" : "3") + (musl ? "m" : "g");
  if (auto it = default_cache_.find(key); it != default_cache_.end()) return it->second;
  NodeId found = kNoNode;
  for (const std::string& d : default_directories(like))
    if (found = look_in(d, name, like); found != kNoNode) break;
  return default_cache_[key] = found;
}

// Modules that PAM and NSS open for a program that links them, as their configuration names them.
void Loader::pam_modules(const std::vector<Loaded>& all, NodeId program, std::vector<std::pair<NodeId, NodeId>>& out) const {
  NodeId pam = kNoNode, libc = kNoNode;
  for (const Loaded& l : all) {
    const ElfFacts* e = image_.elf(l.node);
    if (e == nullptr) continue;
    if (e->soname.starts_with("libpam.so.")) pam = l.node;
    if (e->soname.starts_with("libc.so.6")) libc = l.node;
  }
  const ElfFacts* p = image_.elf(program);
  if (p == nullptr) return;
  auto pam_file = [&](const std::string& name) {
    for (const char* dir : {"etc/pam.d/", "usr/lib/pam.d/", "usr/share/pam.d/"})
      if (std::string_view t = image_.text(dir + name); !t.empty()) return t;
    return std::string_view{};
  };
  if (pam != kNoNode) {
    each_line(image_.text("etc/pam.conf"), [&](std::string_view line) {  // the old form: a service, then as in pam.d
      auto w = words(line);
      for (size_t k = 1; k < w.size() && !w[0].starts_with('#'); ++k)
        if (w[k].ends_with(".so"))
          for (const std::string& d : {std::string(), std::string(dir_name(image_.tree.path(pam))) + "/security/", std::string("lib/security/")})
            if (NodeId m = image_.tree.find(d + std::string(w[k])); m != kNoNode) out.emplace_back(m, pam);
      return true;
    });
    std::set<std::string> files{std::string(image_.tree.name(program)), "other"};
    std::vector<std::string> todo(files.begin(), files.end());
    for (size_t i = 0; i < todo.size() && i < 64; ++i)
      each_line(pam_file(todo[i]), [&](std::string_view line) {
        auto w = words(line);
        if (w.empty() || w[0].starts_with('#')) return true;
        for (size_t k = 0; k < w.size(); ++k) {
          bool include = w[0] == "@include" || (k > 0 && (w[k - 1] == "include" || w[k - 1] == "substack"));
          if (include && k > 0) {
            if (files.insert(std::string(w[k])).second) todo.emplace_back(w[k]);
          } else if (w[k].ends_with(".so")) {
            std::string dir(dir_name(image_.tree.path(pam)));
            NodeId m = kNoNode;
            if (w[k].starts_with('/')) m = image_.tree.find(w[k]);
            for (const std::string& d : {dir + "/security", std::string("lib/security"), std::string("usr/lib64/security")})
              if (m == kNoNode) m = image_.tree.find(d + "/" + std::string(w[k]));
            if (m != kNoNode) out.emplace_back(m, pam);
          }
        }
        return true;
      });
  }
  if (libc != kNoNode)
    each_line(image_.text("etc/nsswitch.conf"), [&](std::string_view line) {
      line = line.substr(0, line.find('#'));
      size_t colon = line.find(':');
      if (colon == std::string_view::npos) return true;
      for (std::string_view service : words(line.substr(colon + 1))) {
        if (service.starts_with('[')) continue;
        NodeId m = resolve("libnss_" + std::string(service) + ".so.2", *p, program, p, program);
        if (m != kNoNode) out.emplace_back(m, libc);
      }
      return true;
    });
}

std::vector<Loader::Loaded> Loader::closure(NodeId program, bool dlopens) const {
  std::vector<Loaded> out;
  const ElfFacts* p = image_.elf(program);
  if (p == nullptr) return out;
  std::set<NodeId> seen{program};
  out.push_back({program, kNoNode, false});
  size_t next = 0;
  std::unordered_map<NodeId, NodeId> asked_by;
  auto add = [&](NodeId node, NodeId by, bool possible) {
    if (node == kNoNode || out.size() >= kMaxClosure || !seen.insert(node).second) return;
    out.push_back({node, by, possible});
    asked_by[node] = by;
  };
  auto above = [&](NodeId node) {
    std::vector<NodeId> list;
    for (auto it = asked_by.find(node); it != asked_by.end() && it->second != kNoNode && list.size() < 64; it = asked_by.find(it->second))
      list.push_back(it->second);
    return list;
  };
  auto needed = [&] {
    for (; next < out.size(); ++next) {
      Loaded at = out[next];
      const ElfFacts* e = image_.elf(at.node);
      if (e == nullptr) continue;
      std::vector<NodeId> askers = above(at.node);
      for (const std::string& name : e->needed) {
        NodeId found = resolve(name, *e, at.node, p, program, askers);
        add(found, at.node, at.possible);
        if (found != kNoNode)
          for (NodeId other : other_hwcaps(found, name, *p)) add(other, at.node, true);
      }
    }
  };
  needed();
  for (const std::string& name : preloads_) add(resolve(name, *p, program, p, program), program, false);
  if (!p->interpreter.empty()) add(image_.tree.find(p->interpreter), program, false);
  std::vector<std::pair<NodeId, NodeId>> modules;
  pam_modules(out, program, modules);
  for (const auto& [m, by] : modules) add(m, by, false);
  needed();
  if (!dlopens) return out;
  for (size_t i = 0; i < out.size(); ++i) {
    const ElfFacts* e = image_.elf(out[i].node);
    if (e == nullptr) continue;
    std::vector<std::string> names = e->library_names;
    for (const std::string& note : e->dlopen_notes)  // [{"soname":["libx.so.1"],…}]
      for (size_t at = 0; (at = note.find(".so", at)) != std::string::npos; ++at) {
        size_t begin = note.rfind('"', at), end = note.find('"', at);
        if (begin != std::string::npos && end != std::string::npos) names.push_back(note.substr(begin + 1, end - begin - 1));
      }
    NodeId by = out[i].node;
    for (const std::string& n : names) add(resolve(n, *e, by, p, program), by, true);
    needed();
  }
  return out;
}

}  // namespace careen
