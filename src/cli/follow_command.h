// careen index --follow: runs that go on.
#pragma once
#include <CLI/CLI.hpp>
#include <functional>
#include <string>
#include <vector>

#include "fleet/follow.h"

namespace careen {

struct FollowCommand {
  bool wanted = false;
  std::string listen, token_file;
  unsigned every = 900;
};

void add_follow_options(CLI::App& app, FollowCommand& o);

// Until SIGTERM or SIGINT, or an error of the store. Gives the exit status.
int run_follow(const FollowCommand& c, Inventory& inventory, const std::vector<std::string>& sources, const IndexOptions& options,
               const std::function<void(const std::string& what, const IndexSummary&)>& on_run);

}  // namespace careen
