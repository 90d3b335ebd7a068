#include "cli/sources.h"

namespace careen {

void add_network_sources(ResolveOptions&, const NetworkOptions&, const ArchiveIndexer&) {}

}  // namespace careen
