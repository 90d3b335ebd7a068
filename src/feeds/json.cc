#include "feeds/json.h"

namespace careen {

JsonReader::JsonReader() : parser_(kMaxFeedDocument) {
  (void)static_cast<bool>(parser_.allocate(1 << 20, kMaxJsonDepth) == simdjson::SUCCESS);
}

Result<Json> JsonReader::parse(std::string_view text) {
  Json out;
  auto error = parser_.parse(text.data(), text.size()).get(out);
  if (error != simdjson::SUCCESS) return Error{Errc::corrupt, std::string("not JSON that careen reads: ") + simdjson::error_message(error)};
  return out;
}

std::string_view json_text(Json j) {
  std::string_view s;
  return j.get(s) == simdjson::SUCCESS ? s : std::string_view{};
}

std::string_view json_text(Json j, std::string_view key) {
  std::string_view s;
  json_member(j, key, [&](Json member) { s = json_text(member); });
  return s;
}

bool json_has(Json j, std::string_view key) {
  bool has = false;
  json_member(j, key, [&](Json) { has = true; });
  return has;
}

bool json_is_object(Json j) {
  return j.is_object();
}

std::vector<std::string> json_texts(Json j, std::string_view key) {
  std::vector<std::string> out;
  (void)static_cast<bool>(json_each(j, key, [&](Json item) {
    if (std::string_view s = json_text(item); !s.empty()) out.emplace_back(s);
  }));
  return out;
}

double json_number(Json j, std::string_view key) {
  double v = 0;
  json_member(j, key, [&](Json member) {
    double d = 0;
    if (member.get(d) == simdjson::SUCCESS) v = d;
  });
  return v;
}

}  // namespace careen
