#include "knowledge/threat_set.h"

#include <dirent.h>
#include <sys/stat.h>

#include <algorithm>
#include <set>

#include "base/embedded.h"
#include "base/fd.h"
#include "base/text.h"

namespace careen {

extern const EmbeddedFile kBuiltInThreats[];
extern const size_t kBuiltInThreats_count;

namespace {

constexpr uint64_t kMaxRecord = 8 << 20;

Result<std::vector<std::string>> files_of(const std::string& path) {
  struct stat st {};
  if (::stat(path.c_str(), &st) != 0) return Error{Errc::usage, "--threats: " + escape(path) + " does not exist"};
  if (!S_ISDIR(st.st_mode)) return std::vector<std::string>{path};
  std::vector<std::string> out;
  DIR* dir = ::opendir(path.c_str());
  if (dir == nullptr) return Error{Errc::io, "--threats: cannot list " + escape(path)};
  while (dirent* e = ::readdir(dir))
    if (std::string_view n = e->d_name; n.ends_with(".yaml") || n.ends_with(".yml")) out.push_back(path + "/" + e->d_name);
  ::closedir(dir);
  std::sort(out.begin(), out.end());
  if (out.empty()) return Error{Errc::usage, "--threats: " + escape(path) + " holds no .yaml file"};
  return out;
}

}  // namespace

const Threat* ThreatSet::find(std::string_view id) const {
  for (const Threat& t : threats)
    if (t.id == id || std::find(t.aliases.begin(), t.aliases.end(), id) != t.aliases.end()) return &t;
  return nullptr;
}

Result<ThreatSet> load_threats(const ThreatOptions& options) {
  ThreatSet set;
  std::string all;
  KnowledgeSource built_in{"built-in threat records", 0, {}, ""};
  for (size_t i = 0; i < kBuiltInThreats_count; ++i) {
    const EmbeddedFile& f = kBuiltInThreats[i];
    CAREEN_ASSIGN(Threat t, parse_threat(f.text, "built-in " + std::string(f.name)));
    built_in.date = std::max(built_in.date, t.updated);
    all += f.text;
    set.threats.push_back(std::move(t));
  }
  built_in.count = set.threats.size();
  built_in.digest = digest_of(as_bytes(all));
  set.sources.push_back(built_in);
  KnowledgeSource kept{"threat records of the inventory", 0, {}, ""};
  std::string kept_text;
  for (const KeptRecord& r : options.kept) {
    CAREEN_ASSIGN(Threat t, parse_threat(r.text, "the inventory's record " + r.id));
    kept_text += r.text;
    kept.date = std::max(kept.date, t.updated);
    ++kept.count;
    auto same = std::find_if(set.threats.begin(), set.threats.end(), [&](const Threat& o) { return o.id == t.id; });
    if (same == set.threats.end())
      set.threats.push_back(std::move(t));
    else if (r.replace)
      *same = std::move(t);
    else
      return Error{Errc::usage, "the inventory keeps a record " + escape(r.id) + " that is built in by now: careen threat remove " + escape(r.id)};
  }
  if (kept.count != 0) {
    kept.digest = digest_of(as_bytes(kept_text));
    set.sources.push_back(kept);
  }
  KnowledgeSource imported{"threat records of the advisory database", 0, {}, ""};
  std::string imported_text;
  for (const KeptRecord& r : options.imported) {
    auto read = parse_threat(r.text, "the advisory database's record " + r.id);
    if (!read) return Error{read.error().code, read.error().what + "; careen db drop threats takes it out"};
    Threat t = *std::move(read);
    if (std::any_of(set.threats.begin(), set.threats.end(), [&](const Threat& o) { return o.id == t.id; })) continue;
    imported_text += r.text;
    imported.date = std::max(imported.date, t.updated);
    ++imported.count;
    set.threats.push_back(std::move(t));
  }
  if (imported.count != 0) {
    imported.digest = digest_of(as_bytes(imported_text));
    set.sources.push_back(imported);
  }
  std::set<std::string> given;

  KnowledgeSource added{"threat records of --threats", 0, {}, ""};
  std::string added_text;
  for (const std::string& path : options.paths) {
    CAREEN_ASSIGN(std::vector<std::string> files, files_of(path));
    for (const std::string& file : files) {
      CAREEN_ASSIGN(std::string text, read_file(file, kMaxRecord));
      CAREEN_ASSIGN(Threat t, parse_threat(text, file));
      added_text += text;
      added.date = std::max(added.date, t.updated);
      ++added.count;
      if (!given.insert(t.id).second) return Error{Errc::usage, escape(file) + ":1: threat " + t.id + " is given twice"};
      auto same = std::find_if(set.threats.begin(), set.threats.end(), [&](const Threat& o) { return o.id == t.id; });
      if (same == set.threats.end()) {
        set.threats.push_back(std::move(t));
        continue;
      }
      if (!options.replace)
        return Error{Errc::usage,
                     escape(file) + ":1: threat " + t.id + " is built in or kept in the inventory; give --replace to have this record stand in its place"};
      set.sources.push_back({"built-in record " + t.id + " replaced by --replace", 1, digest_of(as_bytes(text)), t.updated});
      *same = std::move(t);
    }
  }
  if (added.count != 0) {
    added.digest = digest_of(as_bytes(added_text));
    set.sources.push_back(added);
  }
  for (const Threat& t : set.threats) {
    set.patterns.insert(set.patterns.end(), t.patterns.begin(), t.patterns.end());
    set.date = std::max(set.date, t.updated);
  }
  return set;
}

}  // namespace careen
