// Images from a registry. Protocol: OCI distribution specification 1.1 and the Docker registry's token authentication.
//
// HTTPS, or plain HTTP for loopback and where it was allowed. Answers of 429 and 5xx and broken connections are tried again,
// kMaxAttempts times, with jitter and honouring Retry-After; a blob that breaks off goes on with a Range request. Credentials go
// to the registry that they are for, and to the token server that it names when that is HTTPS or the same host.
#pragma once
#include "net/http.h"
#include "source/image.h"

namespace careen {

inline constexpr int kMaxAttempts = 5;

inline constexpr size_t kMaxListed = 2'000'000;  // names in one list of a registry
inline constexpr size_t kMaxPages = 5'000;

Result<std::vector<Image>> read_registry(const std::string& reference, const PlatformChoice& platforms, const HttpOptions& options);

// Every repository of a registry (its catalog), and every tag of host/path; pages are followed, a circle of them is an error.
Result<std::vector<std::string>> list_repositories(const std::string& host, const HttpOptions& options);
Result<std::vector<std::string>> list_tags(const std::string& repository, const HttpOptions& options);

// The digest of the manifest that a reference names, without fetching it; empty where the registry does not say.
Result<Digest> head_manifest(const std::string& reference, const HttpOptions& options);

}  // namespace careen
