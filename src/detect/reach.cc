#include "detect/reach.h"

#include <algorithm>
#include <cctype>
#include <set>

#include "base/text.h"
#include "detect/loader.h"
#include "detect/startup.h"

namespace careen {
namespace {

constexpr size_t kMaxNamed = 3;   // programs named in a reason
constexpr size_t kMaxAsked = 64;  // programs whose names are looked for

// A program that loads the file, and the chain to it.
struct Way {
  NodeId program;
  std::string chain;
  bool possible;
};

}  // namespace

struct ReachJudge::Impl {
  const DetectInput& in;
  const ImageFacts& facts;
  Loader loader;
  Startup startup;
  std::unordered_map<NodeId, std::vector<Loader::Loaded>> closures;
  std::unordered_map<NodeId, std::vector<std::string>> links, paths;
  bool judged = false, links_read = false;

  explicit Impl(const DetectInput& i) : in(i), facts(*i.facts), loader(facts, i.config->environment), startup(find_startup(facts, *i.config, i.is_rootfs)) {}

  const std::vector<Loader::Loaded>& closure(NodeId program) {
    auto it = closures.find(program);
    return it != closures.end() ? it->second : closures.emplace(program, loader.closure(program, true)).first->second;
  }

  std::string chain_of(const std::vector<Loader::Loaded>& all, NodeId target) const {
    std::vector<std::string> names;
    for (NodeId at = target; at != kNoNode && names.size() < 32;) {
      auto it = std::find_if(all.begin(), all.end(), [&](const Loader::Loaded& l) { return l.node == at; });
      if (it == all.end()) break;
      const ElfFacts* e = facts.elf(at);
      bool program = it->by == kNoNode;
      names.push_back(escape(program ? "/" + facts.tree.path(at) : e != nullptr && !e->soname.empty() ? e->soname : std::string(facts.tree.name(at))));
      at = it->by;
    }
    std::reverse(names.begin(), names.end());
    return join(names, " → ");
  }

  // One file, perhaps under two names.
  bool same_file(NodeId a, NodeId b) const {
    const Node &x = facts.tree.node(a), &y = facts.tree.node(b);
    return a == b || (x.record != UINT32_MAX && x.record == y.record && x.layer == y.layer);
  }

  // The paths of a file: its own, and those of links that lead to it.
  const std::vector<std::string>& paths_of(NodeId file) {
    if (!links_read) {
      links_read = true;
      facts.tree.walk([&](NodeId id) {
        if (facts.tree.node(id).type != FileType::symlink) return;
        NodeId to = facts.tree.find(facts.tree.path(id));
        if (to != kNoNode && facts.elf(to) != nullptr) links[to].push_back(facts.tree.path(id));
      });
      std::map<std::pair<uint16_t, uint32_t>, std::vector<NodeId>> names;  // of one content: hard links
      for (const auto& [id, unused] : facts.elf_at) names[{facts.tree.node(id).layer, facts.tree.node(id).record}].push_back(id);
      for (const auto& [unused, nodes] : names)
        for (size_t i = 0; nodes.size() > 1 && i < std::min(nodes.size(), kMaxAsked); ++i)
          for (size_t k = 0; k < std::min(nodes.size(), kMaxAsked); ++k)
            if (i != k) links[nodes[i]].push_back(facts.tree.path(nodes[k]));
    }
    auto [it, fresh] = paths.try_emplace(file);
    if (fresh) {
      it->second.push_back(facts.tree.path(file));
      if (auto l = links.find(file); l != links.end()) it->second.insert(it->second.end(), l->second.begin(), l->second.end());
    }
    return it->second;
  }

  // Whether the program is one in which the threat acts.
  bool acts_in(NodeId program, const Threat* t) {
    if (t == nullptr || t->conditions.programs.empty()) return true;
    const auto& names = paths_of(program);
    return std::any_of(t->conditions.programs.begin(), t->conditions.programs.end(), [&](const std::string& g) {
      NodeId named = g.find_first_of("*?[") == std::string::npos ? facts.tree.find(g) : kNoNode;  // through links of folders too
      return (named != kNoNode && same_file(named, program)) ||
             std::any_of(names.begin(), names.end(), [&](const std::string& path) { return glob_match(g, path); });
    });
  }

  // A text that was followed and names a program outside a comment: how it is used there may have been missed.
  std::string mention_of(NodeId program) {
    for (const std::string& path : paths_of(program)) {
      std::string_view name = base_name(path);
      if (name.size() < 2) continue;
      for (const auto& [how, text] : startup.texts) {
        bool found = false;
        each_line(text, [&](std::string_view line) {
          if (trim(line).starts_with('#')) return true;
          for (size_t at = 0; !found && (at = line.find(name, at)) != std::string_view::npos; ++at) {
            auto part_of_name = [&](size_t i) {
              return i < line.size() && (std::isalnum(static_cast<unsigned char>(line[i])) != 0 || line[i] == '_' || line[i] == '-');
            };
            found = !(at > 0 && part_of_name(at - 1)) && !part_of_name(at + name.size());
          }
          return !found;
        });
        if (found) return how + " names " + escape(name) + ", in a way that was not followed";
      }
    }
    return "";
  }

  // Programs that ask for the file by its name and were not seen to find it.
  std::string asks_in_vain(NodeId target, const ElfFacts& e) {
    std::set<std::string> names{e.soname};
    for (const std::string& path : paths_of(target)) names.insert(std::string(base_name(path)));
    names.erase("");
    for (const auto& [id, other] : facts.elf_at)
      for (const std::string& n : other->needed)
        if (names.contains(n))
          return "/" + escape(facts.tree.path(id)) + " asks for " + escape(n) + ", and where its linker finds that depends on more than was read";
    return "";
  }

  // Whether something that is started could open the file by a path that is not in its text.
  std::string may_open(NodeId target) {
    if (loader.searches(dir_name(facts.tree.path(target)))) return "";
    for (const Started& s : startup.programs)
      for (const Loader::Loaded& l : closure(s.program))
        if (const ElfFacts* e = facts.elf(l.node); e != nullptr && e->imports_dlopen)
          return "/" + escape(facts.tree.path(s.program)) + " is started and can open libraries by a name that only running shows (dlopen)";
    return "";
  }

  std::vector<Way> ways_of(const std::vector<NodeId>& programs, NodeId target, const Threat* t, bool* others) {
    std::vector<Way> out;
    for (NodeId p : programs) {
      if (facts.elf(p) == nullptr) continue;
      for (const Loader::Loaded& l : closure(p))
        if (same_file(l.node, target)) {
          if (acts_in(p, t))
            out.push_back({p, chain_of(closure(p), l.node), l.possible});
          else
            *others = true;
        }
    }
    return out;
  }

  // Every program of the image: an ELF file with an interpreter, or static.
  std::vector<NodeId> all_programs() const {
    std::vector<NodeId> out;
    for (const auto& [id, e] : facts.elf_at)
      if (!e->interpreter.empty() || e->type == elf::kTypeExecutable) out.push_back(id);
    std::sort(out.begin(), out.end());
    return out;
  }

  std::string ports() const {
    std::string s;
    for (const std::string& p : in.config->ports) s += (s.empty() ? "" : ", ") + escape(p);
    return s;
  }

  // The node of the file, or of another name of it where its first is gone.
  NodeId standing(const std::string& path, size_t layer) const {
    NodeId id = facts.tree.find(path);
    if (id != kNoNode && (facts.tree.node(id).layer == layer || facts.tree.origins().empty())) return id;
    for (const auto& [node, e] : facts.elf_at)
      if (e->path == path && facts.tree.node(node).layer == layer) return node;
    return id;
  }

  Reachability run(const std::string& path, size_t layer, const Threat* t) {
    judged = true;
    NodeId target = standing(path, layer);
    const ElfFacts* e = target == kNoNode ? nullptr : facts.elf(target);
    if (in.is_single_file) return {ReachState::unknown, {"a single file: there is no image to judge what would load it"}};
    if (e == nullptr) return {ReachState::unknown, {"the file is no program or library; what uses it was not followed"}};
    std::string arch = elf::architecture_of(e->machine, e->is64, e->little);
    if (t != nullptr && !t->conditions.architectures.empty() &&
        std::find(t->conditions.architectures.begin(), t->conditions.architectures.end(), arch) == t->conditions.architectures.end())
      return {ReachState::dormant,
              {"the file is for " + (arch.empty() ? elf::machine_name(e->machine) : arch) + "; the code acts on " + join(t->conditions.architectures, ", ") +
               " alone"}};

    std::vector<NodeId> started;
    for (const Started& s : startup.programs) started.push_back(s.program);
    bool loaded_by_others = false;
    std::vector<Way> ways = ways_of(started, target, t, &loaded_by_others);
    auto proven = std::find_if(ways.begin(), ways.end(), [](const Way& w) { return !w.possible; });
    std::string own = "judged from the image's own configuration; whoever runs it may override it";
    if (proven != ways.end()) return reachable(*proven, own);

    std::vector<Way> anywhere = ways_of(all_programs(), target, t, &loaded_by_others);
    std::vector<std::string> because;
    std::string runs = startup.command.empty() ? "the image names no command" : "the image runs: " + startup.command;
    if (!ways.empty()) {
      because = {runs, ways[0].chain + " is possible: the library is opened by name while the program runs, which reading cannot prove"};
      if (t != nullptr && !t->conditions.says.empty()) because.push_back(t->conditions.says);
      return {ReachState::unknown, because};
    }
    if (!startup.not_followed.empty() && !anywhere.empty()) {
      because.push_back(runs);
      for (const std::string& n : startup.not_followed) because.push_back("not followed: " + n);
      because.push_back("would be loaded by " + names(anywhere));
      because.push_back(own);
      return {ReachState::unknown, because};
    }
    if (std::string why = not_excluded(target, *e, anywhere, loaded_by_others); !why.empty()) return {ReachState::unknown, {runs, why, own}};
    because.push_back(runs + (startup.command.empty() ? "" : "; nothing that it starts loads the file"));
    if (t != nullptr && !t->conditions.says.empty()) because.push_back(t->conditions.says);
    if (anywhere.empty()) {
      because.push_back(loaded_by_others ? "no program in which it acts is in the image, though others load the file" : "no program in the image loads it");
    } else {
      because.push_back("loaded by " + names(anywhere));
      because.push_back("would wake it: running /" + escape(facts.tree.path(anywhere[0].program)) + " in this image");
    }
    because.push_back(own);
    return {ReachState::dormant, because};
  }

  // Why "dormant" would say more than is known; "" when every way was followed.
  std::string not_excluded(NodeId target, const ElfFacts& e, const std::vector<Way>& anywhere, bool loaded_by_others) {
    if (!loader.gaps().empty()) return loader.gaps()[0];
    for (size_t i = 0; i < std::min(anywhere.size(), kMaxAsked); ++i)
      if (std::string why = mention_of(anywhere[i].program); !why.empty()) return why;
    if (!anywhere.empty() || loaded_by_others) return "";
    if (!e.interpreter.empty() || e.type == elf::kTypeExecutable) return mention_of(target);
    std::string why = asks_in_vain(target, e);
    return why.empty() ? may_open(target) : why;
  }

  // Every way is known: nothing was left out, and nothing that is started opens libraries by names that only running shows.
  bool followed_all() {
    if (!startup.not_followed.empty() || !loader.gaps().empty() || startup.programs.empty()) return false;
    for (const Started& s : startup.programs)
      for (const Loader::Loaded& l : closure(s.program))
        if (const ElfFacts* e = facts.elf(l.node); e != nullptr && e->imports_dlopen) return false;
    return true;
  }

  std::vector<PackageUsed> packages() {
    std::vector<PackageUsed> out(facts.packages.size());
    auto owner = [&](NodeId node) -> const InstalledPackage* {
      const Node& n = facts.tree.node(node);
      return n.record == UINT32_MAX ? nullptr : facts.owner(n.layer, n.record);
    };
    auto mark = [&](NodeId node, const std::string& by) {
      const InstalledPackage* p = owner(node);
      if (p == nullptr) return;
      PackageUsed& use = out[static_cast<size_t>(p - facts.packages.data())];
      if (use.use != PackageUse::loaded) use = {PackageUse::loaded, by};
    };
    for (const Started& s : startup.programs) {
      mark(s.program, "/" + escape(facts.tree.path(s.program)) + " is started by " + escape(s.how));
      if (facts.elf(s.program) == nullptr) continue;
      for (const Loader::Loaded& l : closure(s.program))
        if (!l.possible) mark(l.node, chain_of(closure(s.program), l.node));
    }
    if (!followed_all()) return out;
    // What has programs or libraries, none of which is loaded, and which no text that was followed names.
    std::vector<bool> has_elf(out.size()), named(out.size());
    for (const auto& [node, e] : facts.elf_at)
      if (const InstalledPackage* p = owner(node)) {
        auto i = static_cast<size_t>(p - facts.packages.data());
        has_elf[i] = true;
        if (out[i].use == PackageUse::unknown && !named[i] && (!e->interpreter.empty() || e->type == elf::kTypeExecutable))
          named[i] = !mention_of(node).empty();
      }
    for (size_t i = 0; i < out.size(); ++i)
      if (out[i].use == PackageUse::unknown && has_elf[i] && !named[i]) out[i].use = PackageUse::not_loaded;
    return out;
  }

  std::string names(const std::vector<Way>& ways) const {
    std::string s;
    for (size_t i = 0; i < std::min(ways.size(), kMaxNamed); ++i) s += (i == 0 ? "" : "; ") + ways[i].chain;
    if (ways.size() > kMaxNamed) s += " and " + std::to_string(ways.size() - kMaxNamed) + " more";
    return s;
  }

  Reachability reachable(const Way& w, const std::string& own) const {
    auto how = std::find_if(startup.programs.begin(), startup.programs.end(), [&](const Started& s) { return s.program == w.program; });
    Reachability r{ReachState::reachable, {}};
    r.because.push_back(w.chain);
    r.because.push_back("/" + escape(facts.tree.path(w.program)) + " is started by " + escape(how->how) +
                        (startup.command.empty() ? "" : " (" + startup.command + ")"));
    if (!in.config->ports.empty()) r.because.push_back("ports exposed: " + ports());
    r.because.push_back("runs as " + (in.config->user.empty() ? std::string("root") : escape(in.config->user)));
    r.because.push_back(own);
    return r;
  }
};

ReachJudge::ReachJudge(const DetectInput& in) : in_(in) {}
ReachJudge::~ReachJudge() = default;
Reachability ReachJudge::judge(const std::string& path, size_t layer, const Threat* threat) {
  if (!impl_) impl_ = std::make_unique<Impl>(in_);
  return impl_->run(path, layer, threat);
}

std::vector<PackageUsed> ReachJudge::packages() {
  if (in_.is_single_file) return std::vector<PackageUsed>(in_.facts->packages.size());
  if (!impl_) impl_ = std::make_unique<Impl>(in_);
  return impl_->packages();
}

std::vector<Coverage> ReachJudge::coverage() const {
  std::vector<Coverage> out;
  if (impl_ && impl_->judged)
    for (const std::string& g : impl_->loader.gaps()) out.push_back({Question::reachability, CoverageState::partly, "", g});
  if (impl_ && impl_->judged)
    for (const std::string& n : impl_->startup.not_followed) out.push_back({Question::reachability, CoverageState::partly, "", n});
  return out;
}

}  // namespace careen
