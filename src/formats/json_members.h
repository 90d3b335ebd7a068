// Members of JSON that somebody else wrote: what is not there, or of another kind, is as if it were empty.
#pragma once
#include <nlohmann/json.hpp>
#include <string>

namespace careen {

// Null when `j` is no object or has no such member. The reference lives as long as `j`.
inline const nlohmann::json& json_at(const nlohmann::json& j, const char* key) {
  static const nlohmann::json none;
  if (!j.is_object()) return none;
  auto it = j.find(key);
  return it == j.end() ? none : *it;
}

inline std::string json_text_at(const nlohmann::json& j, const char* key) {
  const nlohmann::json& v = json_at(j, key);
  return v.is_string() ? v.get<std::string>() : std::string();
}

}  // namespace careen
