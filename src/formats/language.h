// Packages of programming languages as they are installed: what their own metadata say, one file at a time.
//
// npm's package.json, Python's METADATA, PKG-INFO and RECORD, RubyGems' specifications, Composer's installed.json, .NET's deps.json, Conda's
// records, Java archives with what they nest, the build information of Go programs and cargo-auditable's of Rust programs. Everything is
// hostile: what is not there, or of another kind, is as if it were empty; a file that names no package gives none. Pure functions; those
// that need an archive or a binary take a view of it.
#pragma once
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/file_view.h"
#include "base/result.h"
#include "formats/package.h"

namespace careen {

inline constexpr uint64_t kMaxLanguageFile = 16ULL << 20;
inline constexpr size_t kMaxLanguagePackages = 100'000;     // of one file
inline constexpr size_t kMaxPackageName = 1024;             // longer ones are none
inline constexpr int kMaxLanguageDepth = 64;                // of JSON
inline constexpr int kMaxNestedArchives = 4;                // of depth
inline constexpr uint64_t kMaxNestedArchive = 64ULL << 20;  // one inner archive
inline constexpr uint64_t kMaxNestedBytes = 512ULL << 20;   // all of one file
inline constexpr uint64_t kMaxGoModules = 2ULL << 20;       // the text of a Go program's modules

enum class LanguageFile : uint8_t { npm, python, python_record, gem, composer, dotnet, conda, sbom, java };

// What a path is; nullopt for all else. package.json counts only directly in a package's folder below node_modules.
std::optional<LanguageFile> language_file(std::string_view path);

struct LanguagePackages {
  std::vector<Package> packages;
  std::string problem;       // what could not be read, "" when all was
  std::string distribution;  // of an SBOM: what its package URLs say ("debian-12")
};

// `path` helps where a file does not say its own name. Not for java and python_record.
LanguagePackages parse_language_file(LanguageFile kind, std::string_view path, std::string_view text);

// RECORD (PEP 376, PEP 627): paths beside the metadata's folder, with SHA-256 where it has them. `path` is that of the RECORD.
std::vector<OwnedFile> parse_python_record(std::string_view path, std::string_view text);

// A jar, war or ear, with the archives in it.
LanguagePackages parse_java_archive(std::string_view path, const FileView& file);

// The modules of a Go program (debug/buildinfo's format of Go 1.18, and the older one with pointers); empty when it has none. `writable` are
// the places in the file that are loaded writable, where the record is; `offset_of`: where an address lies in the file.
struct FileRange {
  uint64_t offset = 0, size = 0;
};
LanguagePackages parse_go_build_info(const FileView& file, const std::vector<FileRange>& writable,
                                     const std::function<std::optional<uint64_t>(uint64_t)>& offset_of);
// "path", "mod", "dep" and "=>" lines; `go_version` as "go1.22.1".
std::vector<Package> parse_go_modules(std::string_view go_version, std::string_view text);

// cargo-auditable's section .dep-v0: JSON, compressed by zlib.
LanguagePackages parse_rust_audit(Bytes section);

// CycloneDX or SPDX in JSON: every component whose package URL careen knows.
LanguagePackages parse_sbom(std::string_view text);

// The purl type's package type; nullopt for those that careen does not know.
std::optional<PackageType> package_type(std::string_view purl_type);

// As PyPI takes two names for the same (PEP 503): "Foo._Bar" is "foo-bar".
std::string python_name(std::string_view name);

}  // namespace careen
