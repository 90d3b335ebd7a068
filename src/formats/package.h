// A package as a distribution's database tells of it, whatever the database: the common value of all its parsers.
#pragma once
#include <array>
#include <string>
#include <vector>

namespace careen {

// The order stands in stored facts: new ones go to the end.
enum class PackageType : uint8_t { deb, apk, rpm, alpm, npm, pypi, golang, cargo, maven, gem, composer, nuget, conda };
inline constexpr std::array<PackageType, 13> kPackageTypes{PackageType::deb,      PackageType::apk,    PackageType::rpm,   PackageType::alpm,  PackageType::npm,
                                                           PackageType::pypi,     PackageType::golang, PackageType::cargo, PackageType::maven, PackageType::gem,
                                                           PackageType::composer, PackageType::nuget,  PackageType::conda};
std::string_view to_text(PackageType t);  // the type of a package URL
// Of a distribution's package manager, and not of a programming language.
inline bool is_system(PackageType t) {
  return t <= PackageType::alpm;
}

// The digest that the package itself records of a file.
enum class RecordedDigest : uint8_t { none, md5, sha1, sha256, sha256_cut, other };  // sha256_cut: its first 20 bytes

struct OwnedFile {
  std::string path;  // relative to the root that the database describes, no leading slash
  RecordedDigest algorithm = RecordedDigest::none;
  std::string digest;   // raw bytes
  bool config = false;  // meant to be changed by the administrator
  bool ghost = false;   // owned but not shipped, or not a regular file
};

struct Package {
  PackageType type = PackageType::deb;
  std::string name, version, architecture;  // version in full, as the distribution orders it
  std::string source, source_version;
  std::string module;  // "name:stream" of a modular rpm, "" of all others
  std::vector<OwnedFile> files;
  std::string sha1;  // of a Java archive that does not say what it is: of its bytes, as hexadecimal digits; "" of all others
};

template <class A>
void fields(A& a, OwnedFile& f) {
  a(f.path), a(f.algorithm), a(f.digest), a(f.config), a(f.ghost);
}
template <class A>
void fields(A& a, Package& p) {
  a(p.type), a(p.name), a(p.version), a(p.architecture), a(p.source), a(p.source_version), a(p.module), a(p.files), a(p.sha1);
}

// A path of a database in normal form: no leading "/" or "./", no empty, "." or ".." part. "" when nothing is left.
std::string normal_path(std::string_view path, bool* had_dotdot = nullptr);

}  // namespace careen
