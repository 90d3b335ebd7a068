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

Result<std::vector<Image>> read_registry(const std::string& reference, const PlatformChoice& platforms, const HttpOptions& options);

}  // namespace careen
