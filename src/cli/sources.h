// Joins the sources that need a network with the resolver.
#pragma once
#include "net/http.h"
#include "source/resolve.h"

namespace careen {

void add_network_sources(ResolveOptions& resolve, const HttpOptions& http, const ArchiveIndexer& index_archive);

}  // namespace careen
