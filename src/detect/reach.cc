#include "detect/reach.h"

#include <algorithm>
#include <set>

#include "base/text.h"
#include "detect/loader.h"
#include "detect/startup.h"

namespace careen {
namespace {

constexpr size_t kMaxNamed = 3;  // programs named in a reason

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
  bool judged = false;

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

  // Whether the program is one in which the threat acts.
  bool acts_in(NodeId program, const Threat* t) const {
    if (t == nullptr || t->conditions.programs.empty()) return true;
    std::string path = facts.tree.path(program);
    return std::any_of(t->conditions.programs.begin(), t->conditions.programs.end(), [&](const std::string& g) { return glob_match(g, path); });
  }

  std::vector<Way> ways_of(const std::vector<NodeId>& programs, NodeId target, const Threat* t, bool* others) {
    std::vector<Way> out;
    for (NodeId p : programs) {
      if (facts.elf(p) == nullptr) continue;
      for (const Loader::Loaded& l : closure(p))
        if (l.node == target) {
          if (acts_in(p, t))
            out.push_back({p, chain_of(closure(p), target), l.possible});
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

  Reachability run(const std::string& path, const Threat* t) {
    judged = true;
    NodeId target = facts.tree.find(path);
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
Reachability ReachJudge::judge(const std::string& path, const Threat* threat) {
  if (!impl_) impl_ = std::make_unique<Impl>(in_);
  return impl_->run(path, threat);
}

std::vector<Coverage> ReachJudge::coverage() const {
  std::vector<Coverage> out;
  if (impl_ && impl_->judged)
    for (const std::string& n : impl_->startup.not_followed) out.push_back({Question::reachability, CoverageState::partly, "", n});
  return out;
}

}  // namespace careen
