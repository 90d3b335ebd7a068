// What the parent asks of a worker process and what it hears back.
//
// The parent starts itself anew with the word kWorkerArgument; descriptor 0 is the input, kWorkerSocket one end of a socket
// pair, kWorkerSpool an unlinked file (or closed). It writes one request; the worker enters the sandbox before it looks at the
// input, then sends frames: a type, a length (four bytes, little-endian) and a body, the last being result or error. The
// parent takes every byte of a frame as hostile.
#pragma once
#include <map>
#include <string>
#include <vector>

#include "archive/tar.h"
#include "base/codec.h"
#include "facts/layer_facts.h"
#include "worker/sandbox.h"

namespace careen {

inline constexpr const char* kWorkerArgument = "__worker";
inline constexpr int kWorkerSocket = 3, kWorkerSpool = 4;
inline constexpr uint32_t kMaxFrame = 32U << 20;   // a larger result comes in several
inline constexpr uint64_t kMaxFacts = 2ULL << 30;  // all frames of one worker
inline constexpr uint64_t kMaxIndexMembers = 200'000;
inline constexpr uint64_t kMaxIndexText = 16ULL << 20;  // one JSON document in an archive
inline constexpr uint64_t kMaxIndexTexts = 64ULL << 20;

enum class WorkerRole : uint8_t { probe, layer, file, index, digest };

struct WorkerRequest {
  WorkerRole role = WorkerRole::probe;
  bool region = false;  // the input is a part of a file, else all of a stream
  uint64_t offset = 0, length = 0;
  Algorithm algorithm = Algorithm::sha256;  // of the blob's digest
  std::vector<PatternSpec> patterns;
  bool patterns_only = false;
  uint64_t spool_limit = 0, max_layer = 0;
  std::string file_name;  // role file: the name to report
};

struct LayerResult {        // roles layer and file; the file table comes before it in chunks
  std::string blob_digest;  // of the bytes read, "" when they could not be read to the end
  uint64_t blob_size = 0;
  std::string diff_id;  // "" when the layer could not be inflated to its end
  uint64_t size = 0;
  std::string compression;
  LayerFacts facts;  // without files, diff_id, size
  double elf_seconds = 0;
};

struct ArchiveMember {
  std::string name;  // normal form
  FileType type = FileType::regular;
  std::string link;  // normal form, as the link resolves inside the archive
  uint64_t offset = 0, size = 0;
};

struct ArchiveIndex {
  bool spooled = false;  // the archive was compressed or a stream: offsets are in the spool
  std::vector<ArchiveMember> members;
  std::map<std::string, std::string> texts;  // the JSON documents
  std::string problem;                       // why it could not be read to the end, "" when it was
};

enum class FrameType : uint8_t { status = 1, progress, chunk, more, result, error };  // more: a part of the result to come

template <class A>
void fields(A& a, WorkerRequest& r) {
  a(r.role), a(r.region), a(r.offset), a(r.length), a(r.algorithm), a(r.patterns), a(r.patterns_only), a(r.spool_limit);
  a(r.max_layer), a(r.file_name);
}
template <class A>
void fields(A& a, LayerResult& r) {
  uint64_t micros = static_cast<uint64_t>(r.elf_seconds * 1e6);
  a(r.blob_digest), a(r.blob_size), a(r.diff_id), a(r.size), a(r.compression), a(micros);
  r.elf_seconds = static_cast<double>(micros) / 1e6;
  LayerFacts& f = r.facts;
  a(f.databases), a(f.elf), a(f.symbols), a(f.texts), a(f.coverage), a(f.hits), a(f.hit_coverage);
}
template <class A>
void fields(A& a, ArchiveMember& m) {
  a(m.name), a(m.type), a(m.link), a(m.offset), a(m.size);
}
template <class A>
void fields(A& a, ArchiveIndex& i) {
  a(i.spooled), a(i.members), a(i.texts), a(i.problem);
}
template <class A>
void fields(A& a, Error& e) {
  a(e.code), a(e.what);
}

}  // namespace careen
