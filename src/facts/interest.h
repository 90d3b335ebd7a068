// Which files of a layer are kept for a closer look, decided from the path, the size and the first bytes.
#pragma once
#include <optional>
#include <string_view>

#include "base/bytes.h"
#include "facts/layer_facts.h"

namespace careen {

inline constexpr uint64_t kMaxStoredText = 64 << 10;       // one script, unit or configuration file
inline constexpr uint64_t kMaxStoredTexts = 32ULL << 20;   // all of a layer
inline constexpr uint64_t kMaxTextDatabase = 64ULL << 20;  // a dpkg status, an apk database

// The kind of package database that a path is, under whatever root; nullopt for other files.
std::optional<DatabaseKind> database_kind(std::string_view path);

// What stands before the database's own path: "" for the image's root, "opt/chroot/" for one in there.
std::string_view database_root(std::string_view path, DatabaseKind kind);

// Whether a text is kept: scripts, units, init scripts, supervisor, loader, PAM and NSS configuration, release files.
bool wants_text(std::string_view path, uint32_t mode, Bytes first);

}  // namespace careen
