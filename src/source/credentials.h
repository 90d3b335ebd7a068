// Registry credentials from the places where docker, podman and skopeo keep them.
//
// In this order: $REGISTRY_AUTH_FILE, $XDG_RUNTIME_DIR/containers/auth.json, ~/.config/containers/auth.json, and Docker's
// config.json ($DOCKER_CONFIG or ~/.docker): auths, credHelpers, credsStore. Read when a registry asks for them, never before, and
// never in a worker.
#pragma once
#include <optional>
#include <string>

namespace careen {

struct Credentials {
  std::string user, password;
  std::string identity_token;  // instead of both
};

std::optional<Credentials> find_credentials(const std::string& host, const std::string& repository);

}  // namespace careen
