#include "knowledge/red_hat.h"

#include <algorithm>
#include <array>
#include <optional>

#include "base/text.h"

namespace careen {
namespace {

constexpr std::string_view kPlain = "enterprise_linux";

struct Product {
  std::string_view name, version, part;
};

// NAME:VERSION:UPDATE:EDITION
Product product_of(std::string_view text) {
  Product p;
  size_t first = text.find(':');
  p.name = text.substr(0, first);
  if (first == std::string_view::npos) return p;
  std::string_view rest = text.substr(first + 1);
  size_t second = rest.find(':');
  p.version = rest.substr(0, second);
  if (second == std::string_view::npos) return p;
  p.part = rest.substr(rest.rfind(':') + 1);
  return p;
}

bool digits(std::string_view s) {
  return !s.empty() && s.find_first_not_of("0123456789") == std::string_view::npos;
}

// "el8": what a product is built for.
std::string_view platform_of(const Product& p) {
  return p.part.starts_with("el") && digits(p.part.substr(2)) ? p.part : std::string_view();
}

std::string_view major_of(std::string_view version) {
  return version.substr(0, version.find('.'));
}

// "4" holds for "4.12".
bool within(std::string_view version, std::string_view wider) {
  return version == wider || (version.size() > wider.size() && version.starts_with(wider) && version[wider.size()] == '.');
}

bool extended(std::string_view name) {
  static constexpr std::array<std::string_view, 6> kSupports{"eus", "aus", "tus", "e4s", "els", "eus_long_life"};
  for (std::string_view before : {std::string_view("rhel_"), std::string_view("enterprise_linux_")})
    if (name.starts_with(before)) return std::find(kSupports.begin(), kSupports.end(), name.substr(before.size())) != kSupports.end();
  return false;
}

}  // namespace

std::string red_hat_stream(std::string_view product) {
  Product p = product_of(product);
  if (p.name == kPlain) return std::string(kPlain) + ":" + std::string(major_of(p.version));
  std::string out = std::string(p.name) + ":" + std::string(p.version);
  if (std::string_view platform = platform_of(p); !platform.empty() && !extended(p.name)) out += "::" + std::string(platform);
  return out;
}

bool is_red_hat_release(std::string_view stream) {
  std::string_view name = product_of(stream).name;
  return name == kPlain || extended(name);
}

bool is_red_hat_extended(std::string_view stream) {
  return extended(product_of(stream).name);
}

RedHatLevel red_hat_level(std::string_view row, std::string_view stream) {
  Product r = product_of(row), s = product_of(stream);
  std::string_view row_platform = platform_of(r), platform = platform_of(s);
  if (!row_platform.empty() && !platform.empty() && row_platform != platform) return RedHatLevel::none;
  if (r.name == s.name) {
    if (within(r.version, s.version)) return RedHatLevel::own;
    if (within(s.version, r.version)) return RedHatLevel::product;
  }
  if (r.name == kPlain && extended(s.name) && major_of(r.version) == major_of(s.version)) return RedHatLevel::plain;
  bool releases = (r.name == kPlain || extended(r.name)) && (s.name == kPlain || extended(s.name));
  return releases && major_of(r.version) == major_of(s.version) ? RedHatLevel::sibling : RedHatLevel::none;
}

std::string red_hat_built_for(std::string_view version) {
  // Modules: 18.20.4-1.module+el8.10.0+22202+761b9a65
  constexpr std::string_view kModule = ".module+el";
  if (size_t module = version.find(kModule); module != std::string_view::npos) {
    std::string_view rest = version.substr(module + kModule.size());
    rest = rest.substr(0, rest.find('+'));
    size_t dot = rest.find('.');
    return dot == std::string_view::npos ? "" : std::string(rest.substr(0, rest.find('.', dot + 1)));
  }
  size_t at = version.rfind(".el");
  if (at == std::string_view::npos) return "";
  std::string_view rest = version.substr(at + 3);
  size_t line = rest.find('_');
  if (line == std::string_view::npos || !digits(rest.substr(0, line))) return "";
  std::string_view minor = rest.substr(line + 1);
  minor = minor.substr(0, minor.find_first_not_of("0123456789"));
  return minor.empty() ? "" : std::string(rest.substr(0, line)) + "." + std::string(minor);
}

bool red_hat_leads_to(std::string_view built_for, std::string_view release) {
  auto minor_of = [](std::string_view v) -> std::optional<uint64_t> {
    size_t dot = v.find('.');
    return dot == std::string_view::npos ? std::nullopt : to_number(v.substr(dot + 1));
  };
  auto from = minor_of(built_for), to = minor_of(release);
  if (!to) return built_for.empty() || major_of(built_for) == major_of(release);
  return major_of(built_for) == major_of(release) && from && to && *from <= *to;
}

std::string_view red_hat_version(std::string_view product) {
  return product_of(product).version;
}

}  // namespace careen
