// JSON of feeds: simdjson's document model, read with "what is not there, or of another kind, is as if it were empty".
//
// The whole document is validated (UTF-8, depth of at most kMaxJsonDepth) before anything is read of it. Views live as long as the parser's
// next document. Of a key that stands twice the first counts.
#pragma once
#include <simdjson.h>

#include <string>
#include <string_view>

#include "base/result.h"
#include "feeds/feed.h"

namespace careen {

inline constexpr size_t kMaxJsonDepth = 64;

using Json = simdjson::dom::element;

class JsonReader {
 public:
  JsonReader();
  Result<Json> parse(std::string_view text);

 private:
  simdjson::dom::parser parser_;
};

std::string_view json_text(Json j);  // "" when it is no text
std::string_view json_text(Json j, std::string_view key);
bool json_has(Json j, std::string_view key);
bool json_is_object(Json j);

// Calls f with the member; nothing when there is none.
template <class F>
void json_member(Json j, std::string_view key, F f) {
  Json member;
  simdjson::dom::object object;
  if (j.get(object) == simdjson::SUCCESS && object.at_key(key).get(member) == simdjson::SUCCESS) f(member);
}

// Calls f(Json) with each item; nothing when it is no array. f returns nothing, or a Result<void> that ends the walk.
template <class F>
Result<void> json_each(Json j, F f) {
  simdjson::dom::array array;
  if (j.get(array) != simdjson::SUCCESS) return {};
  for (Json item : array) {
    if constexpr (std::is_void_v<decltype(f(item))>)
      f(item);
    else
      CAREEN_TRY(f(item));
  }
  return {};
}
template <class F>
Result<void> json_each(Json j, std::string_view key, F f) {
  Result<void> r;
  json_member(j, key, [&](Json member) { r = json_each(member, f); });
  return r;
}

// Calls f(key, Json) with each member.
template <class F>
Result<void> json_members(Json j, F f) {
  simdjson::dom::object object;
  if (j.get(object) != simdjson::SUCCESS) return {};
  for (auto field : object) {
    if constexpr (std::is_void_v<decltype(f(field.key, field.value))>)
      f(field.key, field.value);
    else
      CAREEN_TRY(f(field.key, field.value));
  }
  return {};
}

std::vector<std::string> json_texts(Json j, std::string_view key);
double json_number(Json j, std::string_view key);  // 0 when it is none

}  // namespace careen
