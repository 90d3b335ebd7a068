#include "cli/inventory_options.h"

#include <cstdlib>
#include <ctime>

#include "base/text.h"
#include "cli/common.h"
#include "store/place.h"

namespace careen {

int64_t seconds_now() {
  return ::time(nullptr);
}

std::string default_store() {
  if (const char* named = std::getenv("CAREEN_STORE"); named != nullptr && *named != '\0') return named;
  std::string dir = data_directory();
  return dir.empty() ? "" : dir + "/inventory.sqlite";
}

Result<std::unique_ptr<Inventory>> open_store(const std::string& given, Inventory::Mode mode) {
  std::string path = given.empty() ? default_store() : given;
  if (path.empty()) return Error{Errc::usage, "no place for the inventory: give --store FILE or set CAREEN_STORE"};
  if (path.find("://") != std::string::npos && !is_postgres(path))
    return Error{Errc::usage, "--store " + escape(path) + ": give a file, or postgresql://[USER@]HOST[:PORT]/DATABASE"};
  return Inventory::open(path, mode);
}

void add_page_options(CLI::App& app, Page& p, const std::string& what) {
  app.add_option("--limit", p.limit, "At most so many " + what);
  app.add_option("--offset", p.offset, "Pass over so many " + what + " first");
}

std::string cut_lines(const std::string& text, size_t header, const Page& p) {
  std::string out;
  size_t at = 0;
  each_line(text, [&](std::string_view line) {
    bool wanted = at < header || (at >= header + p.offset && (p.limit == 0 || at < header + p.offset + p.limit));
    if (wanted) out += std::string(line) + "\n";
    ++at;
    return true;
  });
  return out;
}

void add_store_options(CLI::App& app, StoreOptions& o, const std::vector<std::string>& formats) {
  app.add_option("--store", o.store, "The inventory (default: $CAREEN_STORE, then $XDG_DATA_HOME/careen/inventory.sqlite)");
  if (!formats.empty()) app.add_option("--format", o.format, join(formats, ", "))->check(CLI::IsMember(formats));
}

}  // namespace careen
