// What Docker Hub and Harbor tell of their repositories beyond the distribution specification: names without a catalog, when each
// tag was pushed and last pulled, and how often a repository was.
//
// Sources: the Docker Hub API (docs.docker.com/reference/api/hub) and Harbor's API 2.0 (goharbor/harbor, api/v2.0/swagger.yaml).
// Answers are bounded and followed page by page on the same host alone. A limit of requests that is used up is waited for when it
// ends within kMaxApiWait seconds, else it is an error that says when. Credentials are those of `docker login`.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "net/http.h"

namespace careen {

inline constexpr int kMaxApiWait = 900;  // seconds

struct CatalogTag {
  std::string tag, digest;                // digest: "" when it is not told; of an image or an index
  std::optional<int64_t> pushed, pulled;  // seconds since 1970
  std::optional<uint64_t> size;           // bytes of its layers as they are sent
};

struct CatalogRepository {
  std::string name;  // host/path
  std::optional<uint64_t> pulls;
  std::vector<CatalogTag> tags;
};

struct Catalog {
  std::vector<CatalogRepository> repositories;                // each listed whole
  std::vector<std::pair<std::string, std::string>> failures;  // a repository that could not be listed, and why
};

// Every repository of a namespace of Docker Hub. $CAREEN_HUB_API names another address of its API.
Result<Catalog> list_hub(const std::string& name, const HttpOptions& options);
// Every repository of a project, or with "" of every project that the account may see.
Result<Catalog> list_harbor(const std::string& host, const std::string& project, const HttpOptions& options);

// 2026-11-22T09:02:11.123Z or with an offset; nullopt for anything else and for the year 1, which stands for never.
std::optional<int64_t> parse_moment(std::string_view text);

}  // namespace careen
