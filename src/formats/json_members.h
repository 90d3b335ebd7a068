// Members of JSON that somebody else wrote: what is not there, or of another kind, is as if it were empty.
#pragma once
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace careen {

// Whether objects and arrays nest no deeper than `most`. Text that is no JSON may give either answer.
inline bool json_depth_within(std::string_view text, int most) {
  int depth = 0;
  bool in_text = false;
  for (size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (in_text) {
      if (c == '\\')
        ++i;
      else if (c == '"')
        in_text = false;
    } else if (c == '"') {
      in_text = true;
    } else if (c == '{' || c == '[') {
      if (++depth > most) return false;
    } else if (c == '}' || c == ']') {
      --depth;
    }
  }
  return true;
}

// Discarded when it is no JSON or nests deeper. The depth is counted before: a parser that is asked for leave at every value takes the square of
// their number.
inline nlohmann::json parse_json_within(std::string_view text, int most) {
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  if (!json_depth_within(text, most)) return nlohmann::json(nlohmann::json::value_t::discarded);
  return nlohmann::json::parse(text.begin(), text.end(), nullptr, false);
}

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
