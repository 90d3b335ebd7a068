// Which files describe packages, and those that are text or JSON.
#include "formats/language.h"

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "formats/json_members.h"

namespace careen {
namespace {

using nlohmann::json;

bool usable(std::string_view s) {
  return !s.empty() && s.size() <= kMaxPackageName && s.find('\0') == std::string_view::npos && s.find('\n') == std::string_view::npos;
}

void add(LanguagePackages& out, PackageType type, std::string_view name, std::string_view version) {
  if (!usable(name) || version.size() > kMaxPackageName) return;
  if (out.packages.size() >= kMaxLanguagePackages) {
    out.problem = "more than " + std::to_string(kMaxLanguagePackages) + " packages (kMaxLanguagePackages)";
    return;
  }
  Package p;
  p.type = type;
  p.name = name;
  p.version = version;
  out.packages.push_back(std::move(p));
}

// Discarded when it is no JSON, or deeper than the limit.
// With a question mark for what the JSON of a careless author holds: bytes that are no UTF-8, halves of surrogate pairs. Names and versions have
// neither.
std::string only_ascii(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    bool surrogate = text[i] == '\\' && i + 5 < text.size() && text[i + 1] == 'u' && (text[i + 2] == 'd' || text[i + 2] == 'D') && text[i + 3] >= '8';
    if (surrogate) {
      out += '?';
      i += 5;
    } else if (text[i] == '\\' && i + 1 < text.size()) {
      out += text[i];
      out += text[++i];
    } else {
      out += static_cast<uint8_t>(text[i]) < 0x80 ? text[i] : '?';
    }
  }
  return out;
}

json parse_json(std::string_view text, std::string* problem) {
  json j = parse_json_within(text, kMaxLanguageDepth);
  if (j.is_discarded()) j = parse_json_within(only_ascii(text), kMaxLanguageDepth);
  if (j.is_discarded()) *problem = "not JSON, or deeper than kMaxLanguageDepth";
  return j;
}

void read_npm(std::string_view path, std::string_view text, LanguagePackages& out) {
  json j = parse_json(text, &out.problem);
  std::string name = json_text_at(j, "name"), version = json_text_at(j, "version");
  // A package that was installed has both; what a folder in it says for tools alone has not.
  if (out.problem.empty() && name.empty() && version.empty()) return;
  if (name.empty()) {
    std::string_view folder = dir_name(path);
    size_t at = folder.rfind("node_modules/");
    if (at != std::string_view::npos) name = folder.substr(at + 13);
  }
  if (!version.empty()) add(out, PackageType::npm, name, version);
}

// Name and Version of the headers; they end at the first empty line.
void read_python(std::string_view path, std::string_view text, LanguagePackages& out) {
  std::string name, version;
  each_line(text, [&](std::string_view line) {
    if (line.empty()) return false;
    size_t colon = line.find(':');
    if (colon == std::string_view::npos) return true;
    std::string key = lower(line.substr(0, colon));
    if (key == "name" && name.empty()) name = trim(line.substr(colon + 1));
    if (key == "version" && version.empty()) version = trim(line.substr(colon + 1));
    return name.empty() || version.empty();
  });
  if (name.empty() || version.empty()) {  // NAME-VERSION.dist-info
    std::string_view folder = base_name(path.ends_with(".egg-info") ? path : dir_name(path));
    if (folder == "EGG-INFO") folder = base_name(dir_name(dir_name(path)));  // NAME-VERSION-pyX.egg/EGG-INFO
    folder = folder.substr(0, folder.rfind('.'));
    size_t dash = folder.find('-');
    if (dash != std::string_view::npos && name.empty()) name = folder.substr(0, dash);
    if (dash != std::string_view::npos && version.empty()) version = folder.substr(dash + 1, folder.find('-', dash + 1) - dash - 1);
  }
  if (name.empty() || version.empty())
    out.problem = "names no package and version";
  else
    add(out, PackageType::pypi, python_name(name), version);
}

// s.name = "rack".freeze; s.version = "2.2.3"
std::string ruby_value(std::string_view line, std::string_view key) {
  if (trim(line).starts_with('#')) return "";
  size_t at = line.find("." + std::string(key));
  if (at == std::string_view::npos) return "";
  line = trim(line.substr(at + 1 + key.size()));
  if (!line.starts_with('=')) return "";
  line = trim(line.substr(1));
  if (line.starts_with("Gem::Version.new")) line = line.substr(line.find_first_of("\"'") == std::string_view::npos ? line.size() : line.find_first_of("\"'"));
  if (line.empty() || (line[0] != '"' && line[0] != '\'')) return "";
  size_t end = line.find(line[0], 1);
  return end == std::string_view::npos ? "" : std::string(line.substr(1, end - 1));
}

void read_gem(std::string_view path, std::string_view text, LanguagePackages& out) {
  std::string name, version, platform;
  each_line(text, [&](std::string_view line) {
    if (name.empty()) name = ruby_value(line, "name");
    if (version.empty()) version = ruby_value(line, "version");
    return name.empty() || version.empty();
  });
  if (name.empty() || version.empty()) {  // NAME-VERSION[-PLATFORM].gemspec
    std::string_view stem = base_name(path);
    stem = stem.substr(0, stem.size() - std::string_view(".gemspec").size());
    for (size_t i = 0; i + 1 < stem.size(); ++i)
      if (stem[i] == '-' && stem[i + 1] >= '0' && stem[i + 1] <= '9') {
        name = stem.substr(0, i);
        version = stem.substr(i + 1, stem.find('-', i + 1) - i - 1);
        break;
      }
  }
  if (name.empty() || version.empty())
    out.problem = "names no gem and version";
  else
    add(out, PackageType::gem, name, version);
}

void read_composer(std::string_view text, LanguagePackages& out) {
  json j = parse_json(text, &out.problem);
  const json& list = j.is_array() ? j : json_at(j, "packages");
  if (!list.is_array()) return;
  for (const json& p : list) {
    std::string version = json_text_at(p, "version");
    if (version.starts_with('v') || version.starts_with('V')) version.erase(0, 1);
    add(out, PackageType::composer, lower(json_text_at(p, "name")), version);
  }
}

void read_dotnet(std::string_view text, LanguagePackages& out) {
  json j = parse_json(text, &out.problem);
  const json& libraries = json_at(j, "libraries");
  if (!libraries.is_object()) return;
  for (const auto& [key, value] : libraries.items()) {
    size_t slash = key.rfind('/');
    if (slash != std::string::npos && json_text_at(value, "type") == "package")
      add(out, PackageType::nuget, lower(key.substr(0, slash)), key.substr(slash + 1));
  }
}

void read_conda(std::string_view text, LanguagePackages& out) {
  json j = parse_json(text, &out.problem);
  add(out, PackageType::conda, json_text_at(j, "name"), json_text_at(j, "version"));
  if (!out.packages.empty()) out.packages[0].architecture = json_text_at(j, "subdir").substr(0, 50);
}

bool directly_in_node_modules(std::string_view path) {
  std::string_view folder = dir_name(path);
  size_t at = folder.rfind("node_modules/");
  if (at == std::string_view::npos || (at != 0 && folder[at - 1] != '/')) return false;
  std::string_view rest = folder.substr(at + 13);
  auto slashes = std::count(rest.begin(), rest.end(), '/');
  return !rest.empty() && slashes == (rest[0] == '@' ? 1 : 0);
}

}  // namespace

std::string python_name(std::string_view name) {
  std::string out;
  for (char c : lower(name)) {
    bool dash = c == '-' || c == '_' || c == '.';
    if (!dash)
      out += c;
    else if (!out.empty() && out.back() != '-')
      out += '-';
  }
  return out;
}

std::optional<LanguageFile> language_file(std::string_view path) {
  std::string_view name = base_name(path), folder = base_name(dir_name(path));
  if (name == "package.json") return directly_in_node_modules(path) ? std::optional(LanguageFile::npm) : std::nullopt;
  if ((name == "METADATA" && folder.ends_with(".dist-info")) || (name == "PKG-INFO" && (folder.ends_with(".egg-info") || folder == "EGG-INFO")))
    return LanguageFile::python;
  if (name.ends_with(".egg-info") && name.size() > 9) return LanguageFile::python;  // distutils wrote a file of that name
  if (name == "RECORD" && folder.ends_with(".dist-info")) return LanguageFile::python_record;
  if (name.ends_with(".gemspec") && (folder == "specifications" || (folder == "default" && path.find("/specifications/default/") != std::string_view::npos)))
    return LanguageFile::gem;
  if (name == "installed.json" && folder == "composer") return LanguageFile::composer;
  if (name.ends_with(".deps.json")) return LanguageFile::dotnet;
  if (name.ends_with(".json") && folder == "conda-meta") return LanguageFile::conda;
  for (std::string_view end : {".spdx.json", ".cdx.json", ".spdx", ".sbom.json", ".syft.json"})
    if (name.ends_with(end) && end != ".syft.json") return LanguageFile::sbom;
  if (name == "bom.json" || name == "sbom.json") return LanguageFile::sbom;
  std::string ending = lower(name.substr(name.rfind('.') == std::string_view::npos ? name.size() : name.rfind('.')));
  for (std::string_view end : {".jar", ".war", ".ear", ".jpi", ".hpi", ".par", ".sar", ".nar", ".kar", ".lpkg"})
    if (ending == end) return LanguageFile::java;
  return std::nullopt;
}

LanguagePackages parse_language_file(LanguageFile kind, std::string_view path, std::string_view text) {
  LanguagePackages out;
  switch (kind) {
    case LanguageFile::npm:
      read_npm(path, text, out);
      break;
    case LanguageFile::python:
      read_python(path, text, out);
      break;
    case LanguageFile::gem:
      read_gem(path, text, out);
      break;
    case LanguageFile::composer:
      read_composer(text, out);
      break;
    case LanguageFile::dotnet:
      read_dotnet(text, out);
      break;
    case LanguageFile::conda:
      read_conda(text, out);
      break;
    case LanguageFile::sbom:
      return parse_sbom(text);
    case LanguageFile::java:
    case LanguageFile::python_record:
      break;
  }
  return out;
}

std::vector<OwnedFile> parse_python_record(std::string_view path, std::string_view text) {
  std::vector<OwnedFile> out;
  std::string base(dir_name(dir_name(path)));
  each_line(text, [&](std::string_view line) {
    if (out.size() >= 1'000'000) return false;
    // path,sha256=…,size; a path with a comma stands in quotes.
    std::string name;
    if (line.starts_with('"')) {
      size_t i = 1;
      for (; i < line.size(); ++i) {
        if (line[i] == '"' && (i + 1 >= line.size() || line[i + 1] != '"')) break;
        if (line[i] == '"') ++i;
        name += line[i];
      }
      line = line.substr(std::min(i + 1, line.size()));
      if (line.starts_with(',')) line.remove_prefix(1);
    } else {
      size_t comma = std::min(line.find(','), line.size());
      name = line.substr(0, comma);
      line = line.substr(std::min(comma + 1, line.size()));
    }
    if (name.empty() || name.size() > 4096) return true;
    OwnedFile f;
    f.path = normal_path(name[0] == '/' ? name : base + "/" + name);
    if (line.starts_with('"')) line = line.substr(1, line.find('"', 1) == std::string_view::npos ? std::string_view::npos : line.find('"', 1) - 1);
    if (line.starts_with("sha256=")) {
      std::string b64(line.substr(7, line.find(',') == std::string_view::npos ? std::string_view::npos : line.find(',') - 7));
      for (char& c : b64) c = c == '-' ? '+' : c == '_' ? '/' : c;
      if (auto raw = from_base64(b64); raw && raw->size() == 32) f.algorithm = RecordedDigest::sha256, f.digest = *raw;
    }
    if (!f.path.empty()) out.push_back(std::move(f));
    return true;
  });
  return out;
}

std::optional<PackageType> package_type(std::string_view purl_type) {
  for (PackageType t : kPackageTypes)
    if (to_text(t) == purl_type) return t;
  return std::nullopt;
}

}  // namespace careen
