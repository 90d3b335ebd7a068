#include "oci/manifest.h"

#include <nlohmann/json.hpp>
#include <set>

#include "base/text.h"

namespace careen {
namespace {

using nlohmann::json;

std::string text_at(const json& j, const char* key) {
  if (!j.is_object()) return {};
  auto it = j.find(key);
  return it != j.end() && it->is_string() ? it->get<std::string>() : std::string{};
}

const json& member(const json& j, const char* key) {
  static const json none;
  if (!j.is_object()) return none;
  auto it = j.find(key);
  return it == j.end() ? none : *it;
}

std::vector<std::string> texts_at(const json& j, const char* key) {
  std::vector<std::string> out;
  const json& v = member(j, key);
  if (v.is_string()) out = {v.get<std::string>()};  // "Cmd": "sh", as some old builders wrote
  if (v.is_array())
    for (const json& item : v)
      if (item.is_string()) out.push_back(item.get<std::string>());
  return out;
}

std::vector<std::string> keys_at(const json& j, const char* key) {
  std::vector<std::string> out;
  const json& v = member(j, key);
  if (v.is_object())
    for (const auto& [k, unused] : v.items()) out.push_back(k);
  return out;
}

std::map<std::string, std::string> text_map_at(const json& j, const char* key) {
  std::map<std::string, std::string> out;
  const json& v = member(j, key);
  if (v.is_object())
    for (const auto& [k, item] : v.items())
      if (item.is_string()) out[k] = item.get<std::string>();
  return out;
}

Platform platform_of(const json& j) {
  return {lower(text_at(j, "os")), lower(text_at(j, "architecture")), lower(text_at(j, "variant"))};
}

Result<Descriptor> descriptor_of(const json& j, std::string_view what) {
  if (!j.is_object()) return Error{Errc::corrupt, std::string(what) + " is not an object"};
  Descriptor d;
  d.media_type = text_at(j, "mediaType");
  auto digest = Digest::parse(text_at(j, "digest"));
  if (!digest) return std::move(digest).error().in(what);
  d.digest = *digest;
  const json& size = member(j, "size");
  if (!size.is_number_unsigned()) return Error{Errc::corrupt, std::string(what) + " has no size"};
  d.size = size.get<uint64_t>();
  if (const json& p = member(j, "platform"); p.is_object()) d.platform = platform_of(p);
  d.annotations = text_map_at(j, "annotations");
  return d;
}

Result<std::vector<Descriptor>> descriptors_of(const json& list, std::string_view what, size_t limit) {
  std::vector<Descriptor> out;
  if (!list.is_array()) return Error{Errc::corrupt, "manifest has no list of " + std::string(what)};
  if (list.size() > limit)
    return Error{Errc::limit, "manifest names " + std::to_string(list.size()) + " " + std::string(what) + ", the limit is " + std::to_string(limit)};
  for (const json& item : list) {
    CAREEN_ASSIGN(Descriptor d, descriptor_of(item, what));
    out.push_back(std::move(d));
  }
  return out;
}

// Readers written in Go take "Layers" for "layers": a document with both shows them another image than it shows us.
Result<void> check_keys(const json& j, std::string_view what) {
  if (!j.is_object()) return {};
  std::set<std::string> seen;
  for (const auto& [key, unused] : j.items())
    if (!seen.insert(lower(key)).second)
      return Error{Errc::corrupt, std::string(what) + " has two keys '" + escape(key) + "' that differ in case alone: readers disagree about what it says"};
  return {};
}

Result<void> check_keys_of_all(const json& list, std::string_view what) {
  if (list.is_array())
    for (const json& item : list) {
      CAREEN_TRY(check_keys(item, what));
      CAREEN_TRY(check_keys(member(item, "platform"), what));
    }
  return {};
}

// Counted before parsing: with a callback the library looks through all elements of a list at the end of each of them.
bool too_deep(std::string_view text) {
  size_t depth = 0;
  bool quoted = false;
  for (size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (quoted) {
      if (c == '\\')
        ++i;
      else if (c == '"')
        quoted = false;
    } else if (c == '"') {
      quoted = true;
    } else if (c == '[' || c == '{') {
      if (++depth > kMaxJsonDepth) return true;
    } else if ((c == ']' || c == '}') && depth != 0) {
      --depth;
    }
  }
  return false;
}

}  // namespace

Result<json> parse_json(std::string_view text, std::string_view what) {
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  if (too_deep(text)) return Error{Errc::limit, std::string(what) + " is nested deeper than 64 levels (kMaxJsonDepth)"};
  json j = json::parse(text, nullptr, /*allow_exceptions=*/false);
  // The library takes a NUL for the end of the text.
  if (j.is_discarded() || text.find('\0') != std::string_view::npos) return Error{Errc::corrupt, std::string(what) + " is not valid JSON"};
  return j;
}

LayerKind layer_kind(std::string_view m) {
  if (m.find("foreign") != std::string_view::npos || m.find("nondistributable") != std::string_view::npos) return LayerKind::foreign;
  constexpr std::string_view kOci = "application/vnd.oci.image.layer.v1.tar", kDocker = "application/vnd.docker.image.rootfs.diff.tar";
  for (std::string_view base : {kOci, kDocker})
    for (std::string_view end : {"", "+gzip", "+zstd", ".gzip", ".zstd", ".gz"})  // others, as +encrypted, are not tars
      if (m.starts_with(base) && m.substr(base.size()) == end) return LayerKind::tar;
  if (m.empty()) return LayerKind::tar;
  return LayerKind::unknown;
}

Result<Manifest> parse_manifest(std::string_view text) {
  if (text.size() > kMaxManifestBytes) return Error{Errc::limit, "manifest is larger than 4 MiB (kMaxManifestBytes)"};
  CAREEN_ASSIGN(json j, parse_json(text, "manifest"));
  if (!j.is_object()) return Error{Errc::corrupt, "manifest is not a JSON object"};
  CAREEN_TRY(check_keys(j, "manifest"));
  CAREEN_TRY(check_keys(member(j, "config"), "config descriptor"));
  CAREEN_TRY(check_keys_of_all(member(j, "layers"), "layer descriptor"));
  CAREEN_TRY(check_keys_of_all(member(j, "manifests"), "manifest descriptor"));
  Manifest m;
  m.media_type = text_at(j, "mediaType");
  m.annotations = text_map_at(j, "annotations");
  if (member(j, "schemaVersion") == 1)
    return Error{Errc::unsupported, "manifest has Docker schema 1, retired in 2017: push the image again with a current tool"};
  // A document that is both lets two readers see two images.
  if (j.contains("manifests") && (j.contains("layers") || j.contains("config"))) return Error{Errc::corrupt, "manifest is an index and an image at once"};
  if (j.contains("manifests")) {
    m.is_index = true;
    CAREEN_ASSIGN(m.entries, descriptors_of(j["manifests"], "manifests", kMaxIndexEntries));
    return m;
  }
  CAREEN_ASSIGN(m.config, descriptor_of(member(j, "config"), "config"));
  CAREEN_ASSIGN(m.layers, descriptors_of(member(j, "layers"), "layers", kMaxLayers));
  return m;
}

Result<ImageConfig> parse_config(std::string_view text) {
  if (text.size() > kMaxConfigBytes) return Error{Errc::limit, "image config is larger than 16 MiB (kMaxConfigBytes)"};
  CAREEN_ASSIGN(json j, parse_json(text, "image config"));
  if (!j.is_object()) return Error{Errc::corrupt, "image config is not a JSON object"};
  CAREEN_TRY(check_keys(j, "image config"));
  CAREEN_TRY(check_keys(member(j, "rootfs"), "image config: rootfs"));
  CAREEN_TRY(check_keys(member(j, "config"), "image config: config"));
  ImageConfig c;
  c.platform = platform_of(j);
  c.created = text_at(j, "created");
  for (const std::string& d : texts_at(member(j, "rootfs"), "diff_ids")) {
    auto digest = Digest::parse(d);
    if (!digest) return std::move(digest).error().in("image config: diff_ids");
    c.diff_ids.push_back(*digest);
  }
  const json& run = member(j, "config");
  c.entrypoint = texts_at(run, "Entrypoint");
  c.command = texts_at(run, "Cmd");
  if (const nlohmann::json& check = member(run, "Healthcheck"); check.is_object()) c.healthcheck = texts_at(check, "Test");
  c.environment = texts_at(run, "Env");
  c.user = text_at(run, "User");
  c.working_dir = text_at(run, "WorkingDir");
  c.stop_signal = text_at(run, "StopSignal");
  c.labels = text_map_at(run, "Labels");
  c.ports = keys_at(run, "ExposedPorts");
  c.volumes = keys_at(run, "Volumes");
  if (const json& history = member(j, "history"); history.is_array())
    for (const json& h : history) {
      const json& empty = member(h, "empty_layer");
      c.history.push_back({text_at(h, "created_by"), empty.is_boolean() && empty.get<bool>()});
    }
  return c;
}

std::vector<std::string> ImageConfig::created_by(size_t layers) const {
  std::vector<std::string> out(layers);
  size_t filled = 0, making = 0;
  for (const HistoryEntry& h : history) making += h.empty_layer ? 0 : 1;
  if (making != layers) return out;  // a history that does not fit says nothing about any layer
  for (const HistoryEntry& h : history)
    if (!h.empty_layer) out[filled++] = h.created_by;
  return out;
}

bool is_attestation(const Descriptor& e) {
  return e.platform && e.platform->os == "unknown" && e.platform->architecture == "unknown";
}

}  // namespace careen
