// What every command that uses the inventory shares: where it is, in which form answers are printed.
#pragma once
#include <CLI/CLI.hpp>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "store/inventory.h"

namespace careen {

struct StoreOptions {
  std::string store, format = "table";
};

// Without formats the command has no --format.
void add_store_options(CLI::App& app, StoreOptions& o, const std::vector<std::string>& formats);

std::string default_store();  // $CAREEN_STORE, then a file under the data directory; "" when there is no place
// `given`: of --store, "" for the default.
Result<std::unique_ptr<Inventory>> open_store(const std::string& given, Inventory::Mode mode);

int64_t seconds_now();  // since 1970

}  // namespace careen
