// What an index run is asked for, as single images: a registry's repositories and tags, a folder of archives, a list in a file.
//
// Names from registries and folders are hostile; they are only ever used as references again.
#pragma once
#include <map>
#include <set>
#include <string>
#include <vector>

#include "formats/image_uses.h"
#include "net/http.h"
#include "source/registry_catalog.h"
#include "source/resolve.h"

namespace careen {

inline constexpr int kMaxFolderDepth = 8;
inline constexpr size_t kMaxTargets = 2'000'000;

struct Target {
  std::string argument;    // as `careen scan` takes it
  std::string repository;  // host/path in a registry, else the file or folder; "" when the image is only read again: no tag is noted
  std::string tag;         // "" without
  bool registry = false;
};

struct TargetOptions {
  HttpOptions http;
  std::string tags;   // --tags GLOB; "" for all
  size_t most = 0;    // --max; 0 for all
  int64_t since = 0;  // --since: tags that were pushed earlier are left out where the registry tells when; 0 for all
};

struct Targets {
  std::vector<Target> list;
  std::vector<std::string> repositories;                      // that were listed whole: a tag that is not in the list any more has vanished
  std::vector<std::pair<std::string, std::string>> parts;     // repositories of which the tags that fit a glob were listed, and the glob
  std::set<std::string> untagged;                             // of these, whose list names what has no tag as well
  std::vector<std::string> absent;                            // repositories that their registry does not have; each is a failure too
  std::vector<std::string> hosts;                             // whose catalog was listed whole; HOST/PROJECT for a part of one
  std::vector<std::string> catalog;                           // the repositories that those catalogs name
  std::vector<std::pair<std::string, std::string>> failures;  // a source and why it could not be listed
  std::map<std::string, std::vector<ImageUse>> uses;          // of each uses: source that was read whole, by the source
  std::vector<CatalogRepository> pulls;                       // what registries told of pushes and pulls, before anything was read
  size_t older = 0;                                           // tags that --since left out
  size_t undated = 0;                                         // tags that it could not leave out, as their registry does not tell
};

// HOST/, HOST/REPO, HOST/REPO:GLOB, hub:NAMESPACE, harbor:HOST[/PROJECT], a folder, @FILE (one source a line, # begins a comment), - for standard input's
// lines, uses:FILE, uses:FOLDER and uses:- for the references in what formats/image_uses.h reads, or anything that scan takes.
Targets find_targets(const std::vector<std::string>& sources, const TargetOptions& options);

}  // namespace careen
