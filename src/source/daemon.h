// Images that a docker or podman daemon holds, through its API socket. The export is a docker archive.
#pragma once
#include "net/http.h"
#include "source/docker_archive.h"

namespace careen {

enum class Daemon : uint8_t { docker, podman };

Result<std::vector<Image>> read_daemon(Daemon daemon, const std::string& reference, const PlatformChoice& platforms, const HttpOptions& options,
                                       const ArchiveIndexer& index_archive);

}  // namespace careen
