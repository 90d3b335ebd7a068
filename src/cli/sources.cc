#include "cli/sources.h"

#include "source/daemon.h"
#include "source/registry.h"

namespace careen {

void add_network_sources(ResolveOptions& resolve, const HttpOptions& http, const ArchiveIndexer& index_archive) {
  resolve.registry = [http](const std::string& ref, const PlatformChoice& p) { return read_registry(ref, p, http); };
  resolve.docker = [http, index_archive](const std::string& ref, const PlatformChoice& p) { return read_daemon(Daemon::docker, ref, p, http, index_archive); };
  resolve.podman = [http, index_archive](const std::string& ref, const PlatformChoice& p) { return read_daemon(Daemon::podman, ref, p, http, index_archive); };
}

}  // namespace careen
