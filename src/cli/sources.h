// Joins the sources that need a network with the resolver.
#pragma once
#include "source/resolve.h"

namespace careen {

struct NetworkOptions {
  bool insecure = false;
  std::string ca_file;
  unsigned timeout = 60;
};

void add_network_sources(ResolveOptions& resolve, const NetworkOptions& options, const ArchiveIndexer& index_archive);

}  // namespace careen
