// Which files of a layer are kept for a closer look, decided from the path, the size and the first bytes.
#pragma once
#include <optional>
#include <string_view>

#include "base/bytes.h"
#include "facts/layer_facts.h"

namespace careen {

inline constexpr uint64_t kMaxStoredText = 64 << 10;       // one script, unit or configuration file
inline constexpr uint64_t kMaxContentManifest = 1 << 20;   // what an image of Red Hat says it was built from
inline constexpr uint64_t kMaxStoredTexts = 32ULL << 20;   // all of a layer
inline constexpr uint64_t kMaxTextDatabase = 64ULL << 20;  // a dpkg status, an apk database

// The kind of package database that a path is, under whatever root; nullopt for other files.
std::optional<DatabaseKind> database_kind(std::string_view path);

// What stands before the database's own path: "" for the image's root, "opt/chroot/" for one in there.
std::string_view database_root(std::string_view path, DatabaseKind kind);

// Where Red Hat's builds say which content sets their packages come from: a file for each layer, or one for the image.
inline constexpr std::string_view kContentManifests = "root/buildinfo/content_manifests";
inline constexpr std::string_view kContentSets = "usr/share/buildinfo/content-sets.json";
bool is_content_manifest(std::string_view path);

// A file of a store that names files by their digest: pnpm's, of all packages ("files/1a/2b3c…"), and ostree's, of a whole system
// ("objects/1a/2b3c….file"). What stands in node_modules or in /usr is a hard link to it, and comes later in the layer.
inline constexpr uint64_t kMaxStoredManifest = 1 << 20;  // one of them
inline constexpr size_t kMaxStoredManifests = 200'000;   // of a layer that are remembered until a link names them
bool is_stored_by_digest(std::string_view path);

// Whether a text is kept: scripts, units, init scripts, supervisor, loader, PAM and NSS configuration, release files.
bool wants_text(std::string_view path, uint32_t mode, Bytes first);

}  // namespace careen
