// Manifests, indexes and image configurations: bytes to values, with limits. No I/O.
// Formats: OCI image specification 1.1; Docker image manifest version 2, schema 2, and its manifest list.
#pragma once
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "digest/digest.h"
#include "oci/reference.h"

namespace careen {

inline constexpr uint64_t kMaxManifestBytes = 4 << 20;  // what registries accept
inline constexpr uint64_t kMaxConfigBytes = 16 << 20;
inline constexpr size_t kMaxJsonDepth = 64;
inline constexpr size_t kMaxLayers = 10'000;
inline constexpr size_t kMaxIndexEntries = 10'000;

enum class LayerKind : uint8_t { tar, foreign, unknown };

// Compression is recognised by the bytes; the media type only says whether it is a tar at all.
LayerKind layer_kind(std::string_view media_type);

struct Descriptor {
  std::string media_type;
  Digest digest;
  uint64_t size = 0;
  std::optional<Platform> platform;
  std::map<std::string, std::string> annotations;
};

struct Manifest {
  bool is_index = false;
  std::string media_type;
  Descriptor config;                // of an image
  std::vector<Descriptor> layers;   // of an image
  std::vector<Descriptor> entries;  // of an index
  std::map<std::string, std::string> annotations;
};

struct HistoryEntry {
  std::string created_by;
  bool empty_layer = false;
};

struct ImageConfig {
  Platform platform;
  std::vector<Digest> diff_ids;  // claims
  std::vector<std::string> entrypoint, command, environment, ports, volumes;
  std::vector<std::string> healthcheck;  // as it stands: CMD or CMD-SHELL, then words
  std::string user, working_dir, stop_signal, created;
  std::map<std::string, std::string> labels;
  std::vector<HistoryEntry> history;

  // The build step that made each of `layers` layers, "" where the history does not say.
  std::vector<std::string> created_by(size_t layers) const;
};

Result<Manifest> parse_manifest(std::string_view json);
Result<ImageConfig> parse_config(std::string_view json);

// JSON with limits on depth; `what` names the document in the error.
Result<nlohmann::json> parse_json(std::string_view text, std::string_view what);

// What stands beside an image in an index and says something of it: a claim that nothing has verified.
struct Attestation {
  std::string digest;                   // of its manifest
  std::vector<std::string> predicates;  // types of what it says; empty when its manifest could not be read
  bool operator==(const Attestation&) const = default;
};

// A manifest that BuildKit made for an attestation: platform unknown/unknown. An annotation alone does not make one, or it
// would hide an image.
bool is_attestation(const Descriptor& entry);

}  // namespace careen
