// What a registry tells of its own accord when something changes in it.
//
// Formats: the notification envelope of the CNCF distribution registry ("Work with notifications", application/vnd.docker.distribution.events.v1+json)
// and Harbor's webhooks of artifacts (PUSH_ARTIFACT, DELETE_ARTIFACT). Whoever can reach the endpoint can send one: what it says is only a hint where
// to look, sizes and counts are bounded, and names are checked by whoever uses them.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace careen {

inline constexpr size_t kMaxEventsBody = 4 << 20;
inline constexpr size_t kMaxEvents = 10'000;  // of one body

struct RegistryEvent {
  bool removed = false;     // else pushed
  std::string host;         // as the registry's user named it; "" when it is not told
  std::string repository;   // without the host
  std::string tag, digest;  // either may be ""
};

// Events of manifests: those of blobs, pulls and mounts are left out. Errc::unsupported when it is neither format.
Result<std::vector<RegistryEvent>> read_registry_events(std::string_view text);

}  // namespace careen
