// What every command that uses the inventory shares: where it is, in which form answers are printed.
#pragma once
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "store/inventory.h"

namespace careen {

struct StoreOptions {
  std::string store, format = "table";
};

// --limit and --offset of a long answer.
struct Page {
  size_t limit = 0, offset = 0;  // limit 0: all
};
void add_page_options(CLI::App& app, Page& p, const std::string& what);

template <class T>
void cut(std::vector<T>& rows, const Page& p) {
  rows.erase(rows.begin(), rows.begin() + static_cast<std::ptrdiff_t>(std::min(p.offset, rows.size())));
  if (p.limit != 0 && rows.size() > p.limit) rows.erase(rows.begin() + static_cast<std::ptrdiff_t>(p.limit), rows.end());
}

// The same for lines of text after `header` of them.
std::string cut_lines(const std::string& text, size_t header, const Page& p);

// Without formats the command has no --format.
void add_store_options(CLI::App& app, StoreOptions& o, const std::vector<std::string>& formats);

std::string default_store();  // $CAREEN_STORE, then a file under the data directory; "" when there is no place
// `given`: of --store, "" for the default.
Result<std::unique_ptr<Inventory>> open_store(const std::string& given, Inventory::Mode mode);

int64_t seconds_now();  // since 1970

}  // namespace careen
