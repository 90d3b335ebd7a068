// Where images are used: references in what clusters and machines say of their workloads, and in the files that people write.
//
// Formats: the JSON of `kubectl get pods -o json` (and of other workloads) and of `docker inspect`; Dockerfiles (Dockerfile reference of BuildKit 1.x);
// YAML of Kubernetes manifests, compose files (compose specification) and .gitlab-ci.yml. All of it may be hostile: sizes and counts are bounded, YAML
// is read as a stream of events, so aliases are never expanded, and nothing is executed or fetched.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace careen {

inline constexpr size_t kMaxUsesFile = 256 << 20;
inline constexpr size_t kMaxUsesYaml = 8 << 20;
inline constexpr size_t kMaxUses = 1'000'000;

struct ImageUse {
  std::string reference;                   // as written, variables replaced
  std::string digest;                      // of what runs, where that is told: of a manifest, an index or a configuration
  std::string file;                        // what it was read from
  int line = 0;                            // 0 for JSON
  bool running = false;                    // a container that is there now, not a file that asks for one
  std::string space, workload, container;  // namespace; Deployment/web, or a container's name; the container of a pod
  std::vector<std::string> command;        // in place of the image's entry point; empty when it stays
  std::vector<std::string> arguments;      // in place of the image's command; empty when that stays, or where `command` is set when there are none
};

struct ImageUses {
  std::vector<ImageUse> uses;
  struct Gap {
    std::string where, why;  // FILE or FILE:LINE
  };
  std::vector<Gap> gaps;  // references that cannot be told
};

// By what the text is: JSON by its shape, YAML and Dockerfiles by the file's name and shape. Errc::unsupported when it is none of them.
Result<ImageUses> read_image_uses(std::string_view text, const std::string& file);

// The parts, for tests.
Result<ImageUses> uses_in_json(std::string_view text, const std::string& file);
ImageUses uses_in_dockerfile(std::string_view text, const std::string& file);
Result<ImageUses> uses_in_yaml(std::string_view text, const std::string& file);

// Whether a file of this name is worth reading in a folder: Dockerfile, Containerfile, *.Dockerfile, compose files, .gitlab-ci.yml, *.yaml, *.yml.
bool may_use_images(std::string_view name);

// $NAME, ${NAME}, ${NAME:-default}, ${NAME-default} from a list of values; nothing when one is not known.
struct Variable {
  std::string name, value;
};
bool expand_variables(std::string_view text, const std::vector<Variable>& known, std::string* out);

}  // namespace careen
