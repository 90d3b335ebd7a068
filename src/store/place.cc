#include "store/place.h"

#include <algorithm>
#include <cstring>

namespace careen {

bool is_postgres(std::string_view store) {
  return store.starts_with("postgresql://") || store.starts_with("postgres://");
}

std::string shown_store(std::string_view store) {
  std::string out(store);
  if (!is_postgres(store)) return out;
  // Up to the last @ of all: a password that was not escaped may hold anything.
  size_t user = out.find("://") + 3, colon = out.find(':', user), at = out.rfind('@');
  if (at != std::string::npos && colon < at) out.erase(colon, at - colon);
  for (const char* secret : {"password=", "sslpassword="})
    for (size_t p = out.find('?'); (p = out.find(secret, std::min(p, out.size()))) != std::string::npos; ++p)
      out.replace(p + std::strlen(secret), std::min(out.find('&', p), out.size()) - p - std::strlen(secret), "...");
  return out;
}

}  // namespace careen
