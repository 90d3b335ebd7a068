// Where an inventory is kept: a file, or a database of PostgreSQL by its address.
#pragma once
#include <string>
#include <string_view>

namespace careen {

// postgresql://... or postgres://...
bool is_postgres(std::string_view store);

// The same without a password, for messages and lists of processes.
std::string shown_store(std::string_view store);

}  // namespace careen
