// OpenVEX 0.0.x and 0.2.0, and CSAF 2.0 documents in the profile for VEX.
#include <nlohmann/json.hpp>

#include <map>

#include "base/text.h"
#include "formats/json_members.h"
#include "policy/suppress.h"

namespace careen {
namespace {

using nlohmann::json;

constexpr size_t kMaxStatements = 100'000;
constexpr int kMaxVexDepth = 64;

// RFC 3339 in milliseconds since 1970; 0 for what is none.
int64_t time_of(std::string_view s) {
  auto number = [&](size_t at, size_t n) { return s.size() >= at + n ? to_number(s.substr(at, n)) : std::nullopt; };
  auto year = number(0, 4), month = number(5, 2), day = number(8, 2), hour = number(11, 2), minute = number(14, 2), second = number(17, 2);
  if (!year || !month || !day || !hour || !minute || !second || *month < 1 || *month > 12) return 0;
  // Days from the civil date (Howard Hinnant's algorithm).
  int64_t y = static_cast<int64_t>(*year) - (*month <= 2 ? 1 : 0), era = (y >= 0 ? y : y - 399) / 400, of_era = y - era * 400;
  auto m = static_cast<int64_t>(*month), d = static_cast<int64_t>(*day);
  int64_t of_year = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1, days = era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
  int64_t ms = ((days * 24 + static_cast<int64_t>(*hour)) * 60 + static_cast<int64_t>(*minute)) * 60'000 + static_cast<int64_t>(*second) * 1000;
  size_t at = 19;
  if (at < s.size() && s[at] == '.') {
    std::string fraction;
    for (++at; at < s.size() && s[at] >= '0' && s[at] <= '9'; ++at) fraction += s[at];
    fraction.resize(3, '0');
    ms += static_cast<int64_t>(to_number(fraction).value_or(0));
  }
  if (at < s.size() && (s[at] == '+' || s[at] == '-')) {
    auto oh = number(at + 1, 2), om = number(at + 4, 2);
    int64_t offset = (static_cast<int64_t>(oh.value_or(0)) * 60 + static_cast<int64_t>(om.value_or(0))) * 60'000;
    ms += s[at] == '+' ? -offset : offset;
  }
  return ms;
}

std::optional<Purl> purl_at(const json& component) {
  if (component.is_string()) return parse_purl(component.get<std::string>());
  if (auto p = parse_purl(json_text_at(json_at(component, "identifiers"), "purl"))) return p;
  return parse_purl(json_text_at(component, "@id"));
}

std::vector<VexStatement> open_vex(const std::string& name, const json& doc) {
  std::vector<VexStatement> out;
  int64_t time = time_of(json_text_at(doc, "timestamp"));
  const json& statements = json_at(doc, "statements");
  if (!statements.is_array()) return out;
  for (size_t i = 0; i < statements.size() && i < kMaxStatements; ++i) {
    const json& j = statements[i];
    VexStatement s;
    const json& v = json_at(j, "vulnerability");
    s.vulnerability = v.is_string() ? v.get<std::string>() : json_text_at(v, "name");
    if (s.vulnerability.empty()) s.vulnerability = std::string(base_name(json_text_at(v, "@id")));
    if (const json& aliases = json_at(v, "aliases"); aliases.is_array())
      for (const json& a : aliases)
        if (a.is_string()) s.aliases.push_back(a.get<std::string>());
    s.status = json_text_at(j, "status");
    s.justification = json_text_at(j, "justification");
    if (s.justification.empty()) s.justification = json_text_at(j, "impact_statement");
    s.time = time_of(json_text_at(j, "timestamp"));
    if (s.time == 0) s.time = time;
    s.origin = name + ", statement " + std::to_string(i + 1);
    if (const json& products = json_at(j, "products"); products.is_array())
      for (const json& p : products) {
        auto purl = purl_at(p);
        if (!purl) continue;
        VexStatement::Product product{std::move(*purl), {}};
        // Version 0.0 has the parts beside the products. Parts that cannot be read must not make it a statement about the whole.
        bool parts_told = p.is_object() && p.contains("subcomponents");
        const json& parts = parts_told ? p["subcomponents"] : json_at(j, "subcomponents");
        if (!parts.is_null() || parts_told) {
          if (!parts.is_array()) continue;
          for (const json& part : parts)
            if (auto sub = purl_at(part)) product.parts.push_back(std::move(*sub));
          if (product.parts.empty() && !parts.empty()) continue;
        }
        s.products.push_back(std::move(product));
      }
    if (!s.vulnerability.empty() && !s.products.empty()) out.push_back(std::move(s));
  }
  return out;
}

void take_purl(const json& product, std::map<std::string, Purl>& out) {
  std::string id = json_text_at(product, "product_id");
  auto p = parse_purl(json_text_at(json_at(product, "product_identification_helper"), "purl"));
  if (p && !id.empty()) out[id] = std::move(*p);
}

void collect_purls(const json& branches, std::map<std::string, Purl>& out, int depth) {
  if (!branches.is_array() || depth > kMaxVexDepth) return;
  for (const json& b : branches) {
    const json& product = json_at(b, "product");
    take_purl(product, out);
    collect_purls(json_at(b, "branches"), out, depth + 1);
  }
}

std::vector<VexStatement> csaf(const std::string& name, const json& doc) {
  std::vector<VexStatement> out;
  std::map<std::string, Purl> purls;
  collect_purls(json_at(json_at(doc, "product_tree"), "branches"), purls, 0);
  if (const json& names = json_at(json_at(doc, "product_tree"), "full_product_names"); names.is_array())
    for (const json& n : names) take_purl(n, purls);
  std::map<std::string, std::pair<std::string, std::string>> parts;  // product id → component's, product's
  if (const json& relationships = json_at(json_at(doc, "product_tree"), "relationships"); relationships.is_array())
    for (const json& r : relationships)
      parts[json_text_at(json_at(r, "full_product_name"), "product_id")] = {json_text_at(r, "product_reference"),
                                                                            json_text_at(r, "relates_to_product_reference")};
  int64_t time = time_of(json_text_at(json_at(json_at(doc, "document"), "tracking"), "current_release_date"));
  static constexpr std::array<std::pair<const char*, const char*>, 4> kStatuses{
      {{"known_not_affected", "not_affected"}, {"fixed", "fixed"}, {"known_affected", "affected"}, {"under_investigation", "under_investigation"}}};
  const json& vulnerabilities = json_at(doc, "vulnerabilities");
  if (!vulnerabilities.is_array()) return out;
  for (const json& v : vulnerabilities) {
    std::string id = json_text_at(v, "cve");
    for (const auto& [key, status] : kStatuses) {
      VexStatement s;
      s.vulnerability = id;
      s.status = status;
      s.time = time;
      s.origin = name + ", " + id;
      if (const json& list = json_at(json_at(v, "product_status"), key); list.is_array())
        for (const json& p : list) {
          if (!p.is_string()) continue;
          // Of a component in a product both must be known, else the statement would be about more than it says.
          auto part = parts.find(p.get<std::string>());
          auto product = purls.find(part == parts.end() ? p.get<std::string>() : part->second.second);
          if (product == purls.end()) continue;
          if (part == parts.end()) {
            s.products.push_back({product->second, {}});
          } else if (auto component = purls.find(part->second.first); component != purls.end()) {
            s.products.push_back({product->second, {component->second}});
          }
        }
      if (!id.empty() && !s.products.empty() && out.size() < kMaxStatements) out.push_back(std::move(s));
    }
  }
  return out;
}

}  // namespace

Result<std::vector<VexStatement>> parse_vex(const std::string& name, std::string_view text) {
  if (!json_depth_within(text, kMaxVexDepth)) return Error{Errc::usage, escape(name) + ": JSON more than " + std::to_string(kMaxVexDepth) + " deep"};
  json doc = json::parse(text.begin(), text.end(), nullptr, false);
  if (doc.is_discarded()) return Error{Errc::usage, escape(name) + ": not JSON"};
  if (json_text_at(doc, "@context").find("openvex") != std::string::npos) return open_vex(name, doc);
  if (json_at(doc, "document").is_object()) return csaf(name, doc);
  return Error{Errc::usage, escape(name) + ": neither OpenVEX nor CSAF"};
}

}  // namespace careen
