// From what a user typed to images: which source is meant, and reading it.
#pragma once
#include "source/docker_archive.h"
#include "source/image.h"

namespace careen {

struct ResolveOptions {
  std::string from;  // --from: forces a source for a bare reference or a path; "" to find out
  PlatformChoice platforms;
  ArchiveIndexer index_archive;
  // The sources that need a network; the adapters are handed in so that this folder needs none. Empty ones are skipped.
  using Fetch = std::function<Result<std::vector<Image>>(const std::string& reference, const PlatformChoice&)>;
  Fetch registry, docker, podman;
};

// The images that `argument` names: one, or several with PlatformChoice::all. Errc::usage where the words are wrong.
Result<std::vector<Image>> resolve_images(const std::string& argument, const ResolveOptions& options);

}  // namespace careen
