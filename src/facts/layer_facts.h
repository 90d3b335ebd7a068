// What one layer contains: the facts that are collected once, stored under the layer's diff ID and never change.
//
// A LayerFacts is a value. It depends on the layer's bytes, the pattern set and the collectors (kCollectors) alone, never on
// the image that the layer is in. Its parts are encoded apart, because most runs need only some of them.
#pragma once
#include <string>
#include <vector>

#include "digest/digest.h"
#include "facts/coverage.h"
#include "facts/file_table.h"
#include "formats/ifunc_walk.h"
#include "formats/package.h"
#include "formats/patterns.h"

namespace careen {

// Raised whenever a collector keeps more, or reads better: facts of an older number are collected anew.
inline constexpr uint32_t kCollectors = 7;

struct ElfFacts {
  std::string path;
  bool is64 = true, little = true;
  uint16_t type = 0, machine = 0;
  uint64_t entry = 0;
  std::string build_id, interpreter, soname, rpath, runpath;
  std::vector<std::string> needed, dlopen_notes;
  std::vector<std::string> library_names;  // file names of libraries in the text of a program that imports dlopen
  std::vector<ElfSegment> segments;
  uint64_t symbols = 0, constructors = 0;
  std::map<uint32_t, uint64_t> relocations;  // type → count
  bool has_dynamic = false, has_tls = false, bind_now = false, has_sections = false;
  bool imports_tls_get_addr = false, defines_tls_get_addr = false, imports_dlopen = false;
  IfuncFacts ifunc;
  std::vector<std::string> problems;
  std::string product, version;  // what its text says that it is; "" when it is none of the well-known
};

struct ElfSymbols {  // names only, each ended by a NUL; for hunts
  std::string path;
  std::string imports, exports;
};

enum class DatabaseKind : uint8_t {
  dpkg_status,
  dpkg_status_d,
  dpkg_list,
  dpkg_md5sums,
  dpkg_diversions,
  apk_installed,
  rpm,
  rpm_wal,
  pacman_desc,
  pacman_files,
  pacman_mtree,
  language,       // one file's packages of a programming language, or of an SBOM
  python_record,  // the files of one of them
  java_archive,
};

struct PackageFile {  // one file of a package database
  std::string path;
  DatabaseKind kind = DatabaseKind::dpkg_status;
  std::vector<Package> packages;
  std::vector<OwnedFile> files;  // of kinds that list files apart; not of dpkg's, which are kept as text
  std::string text;              // dpkg_list, dpkg_md5sums: as it stands, parsed when it is needed
  std::string problem;           // what could not be read of it; "" when all was
  std::string same_as;           // a hard link to that file of the same layer, whose packages it says again; "" for others
};

struct StoredText {  // a small text that reachability or the distribution needs
  std::string path, text;
};

struct FileHit {
  std::string path;
  PatternHit hit;
};

struct LayerFacts {
  Digest diff_id;     // computed here, never claimed
  uint64_t size = 0;  // uncompressed
  FileTable files;
  std::vector<PackageFile> databases;
  std::vector<ElfFacts> elf;
  std::vector<ElfSymbols> symbols;
  std::vector<StoredText> texts;
  std::vector<Coverage> coverage;
  Sha256 pattern_set{};
  std::vector<FileHit> hits;
  std::vector<Coverage> hit_coverage;  // of the pattern search
};

template <class A>
void fields(A& a, ElfSegment& s) {
  a(s.type), a(s.flags), a(s.offset), a(s.address), a(s.file_size), a(s.memory_size);
}
template <class A>
void fields(A& a, ElfFacts& f) {
  a(f.path), a(f.is64), a(f.little), a(f.type), a(f.machine), a(f.entry), a(f.build_id), a(f.interpreter), a(f.soname), a(f.rpath);
  a(f.runpath), a(f.needed), a(f.dlopen_notes), a(f.library_names), a(f.segments), a(f.symbols), a(f.constructors);
  a(f.relocations), a(f.has_dynamic), a(f.has_tls), a(f.bind_now), a(f.has_sections), a(f.imports_tls_get_addr);
  a(f.defines_tls_get_addr), a(f.imports_dlopen), a(f.ifunc), a(f.problems), a(f.product), a(f.version);
}
template <class A>
void fields(A& a, ElfSymbols& s) {
  a(s.path), a(s.imports), a(s.exports);
}
template <class A>
void fields(A& a, PackageFile& f) {
  a(f.path), a(f.kind), a(f.packages), a(f.files), a(f.text), a(f.problem), a(f.same_as);
}
template <class A>
void fields(A& a, StoredText& t) {
  a(t.path), a(t.text);
}
template <class A>
void fields(A& a, PatternHit& h) {
  a(h.id), a(h.offset);
}
template <class A>
void fields(A& a, FileHit& h) {
  a(h.path), a(h.hit);
}

}  // namespace careen
