#include "worker/worker_main.h"

#include <malloc.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>

#include "archive/decompress.h"
#include "base/fd.h"
#include "base/text.h"
#include "facts/collector.h"
#include "worker/package_file.h"
#include "worker/protocol.h"

namespace careen {
namespace {

constexpr uint64_t kProgressStep = 4 << 20;

bool send(FrameType type, std::string_view body) {
  std::array<uint8_t, 5> head{static_cast<uint8_t>(type)};
  for (size_t i = 0; i < 4; ++i) head[1 + i] = static_cast<uint8_t>(body.size() >> (8 * i));
  return write_full(kWorkerSocket, head) && write_full(kWorkerSocket, as_bytes(body));
}

Result<WorkerRequest> receive() {
  std::array<uint8_t, 4> head{};
  CAREEN_ASSIGN(size_t n, read_full(kWorkerSocket, head));
  uint32_t size = load<uint32_t>(head.data(), Endian::little);
  if (n != head.size() || size > kMaxFrame) return Error{Errc::corrupt, "no request"};
  std::vector<uint8_t> body(size);
  CAREEN_ASSIGN(n, read_full(kWorkerSocket, body));
  WorkerRequest r;
  if (n != size || !decode(body, &r)) return Error{Errc::corrupt, "request is damaged"};
  return r;
}

// Reports how far the input has been read. Used by the thread that reads the input alone.
class ProgressSource : public ByteSource {
 public:
  explicit ProgressSource(ByteSource& from, std::mutex& mutex) : from_(from), mutex_(mutex) {}
  Result<size_t> read(std::span<uint8_t> into) override {
    CAREEN_ASSIGN(size_t n, from_.read(into));
    seen_ += n;
    if (seen_ - told_ >= kProgressStep) {
      std::string body;
      put_varint(body, seen_);
      std::lock_guard lock(mutex_);
      send(FrameType::progress, body);
      told_ = seen_;
    }
    return n;
  }

 private:
  ByteSource& from_;
  std::mutex& mutex_;
  uint64_t seen_ = 0, told_ = 0;
};

std::mutex g_send;  // frames are written by the reading thread (progress) and the collecting one (chunks)

Result<std::unique_ptr<PrefixedSource>> recognised(ByteSource& from, Compression* c) {
  std::vector<uint8_t> first(kMagicBytes);
  size_t have = 0;
  while (have < first.size()) {
    CAREEN_ASSIGN(size_t n, from.read(std::span(first).subspan(have)));
    if (n == 0) break;
    have += n;
  }
  first.resize(have);
  *c = recognise_compression(first);
  return std::make_unique<PrefixedSource>(std::move(first), from);
}

CollectOptions options_of(const WorkerRequest& request, std::shared_ptr<const PatternSet> patterns, bool has_spool) {
  CollectOptions o;
  o.patterns = std::move(patterns);
  o.spool = has_spool ? kWorkerSpool : -1;
  o.spool_limit = request.spool_limit;
  o.max_layer = request.max_layer;
  o.patterns_only = request.patterns_only;
  o.on_chunk = [](FileTable::Chunk c) {
    std::string body;
    put_varint(body, c.records);
    body += c.bytes;
    std::lock_guard lock(g_send);
    send(FrameType::chunk, body);
  };
  return o;
}

Result<LayerResult> read_layer(const WorkerRequest& request, ByteSource& raw, std::shared_ptr<const PatternSet> patterns, bool has_spool) {
  LayerResult out;
  LayerFacts& facts = out.facts;
  HashingSource blob(raw, request.algorithm);
  Compression c = Compression::none;
  CAREEN_ASSIGN(auto prefixed, recognised(blob, &c));
  out.compression = to_text(c);
  auto inflated = open_decompressor(c, *prefixed);
  HashingSource diff(*inflated, Algorithm::sha256);
  bool whole = false, inflated_whole = false;
  {
    // Inflating and the two digests of the whole run on one thread, the files' digests on another.
    Prefetch ahead(diff, 256 << 10, 8);
    TarReader tar(ahead);
    Collector collector(options_of(request, std::move(patterns), has_spool), facts);
    whole = collector.collect(tar);
    // The diff ID covers what follows the archive too.
    auto rest = collector.hit_limit() ? Result<uint64_t>(Error{Errc::limit, ""}) : tar.drain_rest();
    inflated_whole = static_cast<bool>(rest);
    if (whole && rest && *rest != 0)
      facts.coverage.push_back({Question::content, CoverageState::looked, "", "data after the end of the archive, which nothing unpacks, was passed over"});
    else if (!rest && whole)
      facts.coverage.push_back({Question::content, CoverageState::partly, "", rest.error().what});
    out.elf_seconds = collector.elf_seconds();
  }
  if (inflated_whole) {
    out.size = diff.count();
    out.diff_id = diff.digest().text();
    if (inflated->trailing() != 0)
      facts.coverage.push_back(
          {Question::content, CoverageState::looked, "",
           human_size(inflated->trailing()) + " after the end of the " + std::string(to_text(c)) + " data, which nothing unpacks, were passed over"});
  }
  // After an error in the compressed data the rest still counts for the blob's digest.
  if (drain(*prefixed, UINT64_MAX)) {
    out.blob_size = blob.count();
    out.blob_digest = blob.digest().text();
  }
  return out;
}

bool is_json_name(std::string_view name) {
  return name.ends_with(".json") || name == "oci-layout" || name == "repositories" || name.starts_with("blobs/") || name.find('/') == std::string_view::npos;
}

// The members of a docker or OCI archive, and the JSON documents among them. A compressed archive is inflated to the spool.
Result<ArchiveIndex> index_archive(const WorkerRequest& request, ByteSource& raw, bool has_spool) {
  ArchiveIndex out;
  Compression c = Compression::none;
  CAREEN_ASSIGN(auto prefixed, recognised(raw, &c));
  auto inflated = open_decompressor(c, *prefixed);
  out.spooled = c != Compression::none || !request.region;

  class Spooling : public ByteSource {
   public:
    Spooling(ByteSource& from, bool write, uint64_t limit) : from_(from), write_(write), limit_(limit) {}
    Result<size_t> read(std::span<uint8_t> into) override {
      CAREEN_ASSIGN(size_t n, from_.read(into));
      if (write_) {
        if ((count_ += n) > limit_) return Error{Errc::limit, "archive inflates to more than " + human_size(limit_) + " (--spool-limit)"};
        CAREEN_TRY(write_full(kWorkerSpool, into.first(n)));
      }
      return n;
    }

   private:
    ByteSource& from_;
    bool write_;
    uint64_t limit_, count_ = 0;
  } spooling(*inflated, out.spooled, request.spool_limit);

  if (out.spooled && !has_spool) return Error{Errc::io, "no spool for a compressed archive: give --cache-dir a place to write"};
  Chunked chunks(spooling);
  TarReader tar(chunks);
  uint64_t texts = 0;
  TarEntry e;
  for (;;) {
    auto more = tar.next(e);
    if (!more) {
      out.problem = more.error().what;
      break;
    }
    if (!*more) break;
    if (out.members.size() >= kMaxIndexMembers) return Error{Errc::limit, "archive has more than 200000 members (kMaxIndexMembers)"};
    ArchiveMember m;
    m.name = normal_path(e.path);
    m.type = e.type;
    if (e.type == FileType::symlink) m.link = normal_path(std::string(dir_name(m.name)) + "/" + e.link);
    if (e.type == FileType::hardlink) m.link = normal_path(e.link);
    m.offset = e.offset;
    m.size = e.size;
    if (e.type == FileType::regular && e.stored != e.size)
      return Error{Errc::unsupported, "member " + escape(m.name) + " is stored as a sparse file: pack the archive again without --sparse"};
    if (e.type == FileType::regular && is_json_name(m.name) && e.size <= kMaxIndexText && texts + e.size <= kMaxIndexTexts) {
      std::string text;
      bool keep = false, first = true;
      for (;;) {
        auto part = tar.content();
        if (!part || part->empty()) {
          if (!part) out.problem = part.error().what;
          break;
        }
        if (first) keep = (*part)[0] == '{' || (*part)[0] == '[' || (*part)[0] == ' ' || (*part)[0] == '\n' || (*part)[0] == 0xef;
        first = false;
        if (!keep) break;
        text += as_text(*part);
      }
      if (keep && text.size() == e.size) texts += text.size(), out.texts[m.name] = std::move(text);
    }
    out.members.push_back(std::move(m));
    if (!out.problem.empty()) break;
  }
  if (out.spooled && out.problem.empty()) (void)tar.drain_rest();
  return out;
}

Result<LayerResult> digest_blob(const WorkerRequest& request, ByteSource& raw) {
  LayerResult out;
  HashingSource blob(raw, request.algorithm);
  CAREEN_TRY(drain(blob, UINT64_MAX));
  out.blob_size = blob.count();
  out.blob_digest = blob.digest().text();
  return out;
}

template <class T>
bool answer(Result<T> r) {
  std::lock_guard lock(g_send);
  if (!r) return send(FrameType::error, encode(r.error()));
  std::string body = encode(*r);
  std::string_view rest = body;
  for (; rest.size() > kMaxFrame; rest.remove_prefix(kMaxFrame))
    if (!send(FrameType::more, rest.substr(0, kMaxFrame))) return false;
  return send(FrameType::result, rest);
}

int serve() {
  // Buffers of one file are those of the next: memory given back to the system would only have to be cleared again.
  ::mallopt(M_MMAP_THRESHOLD, 8 << 20);
  ::mallopt(M_TRIM_THRESHOLD, 16 << 20);
  bool has_spool = ::lseek(kWorkerSpool, 0, SEEK_CUR) >= 0;
  auto request = receive();
  if (!request) return 2;
  (void)sha256_of({});  // OpenSSL loads its providers before the file system is closed
  Hasher warm1(Algorithm::md5), warm2(Algorithm::sha1), warm3(Algorithm::sha512);
  auto patterns = PatternSet::compile(request->patterns);  // ours, not the image's
  SandboxStatus status = enter_sandbox();
  send(FrameType::status, encode(status));
  if (!patterns) return answer(Result<LayerResult>(patterns.error())) ? 0 : 2;

  std::unique_ptr<ByteSource> input = request->region ? std::make_unique<FdSource>(0, request->offset, request->length) : std::make_unique<FdSource>(0);
  ProgressSource raw(*input, g_send);
  switch (request->role) {
    case WorkerRole::probe:
      return 0;
    case WorkerRole::layer:
      return answer(read_layer(*request, raw, *patterns, has_spool)) ? 0 : 2;
    case WorkerRole::index:
      return answer(index_archive(*request, raw, has_spool)) ? 0 : 2;
    case WorkerRole::digest:
      return answer(digest_blob(*request, raw)) ? 0 : 2;
    case WorkerRole::file: {
      LayerResult out;
      Collector collector(options_of(*request, *patterns, has_spool), out.facts);
      auto ok = read_package_file(request->file_name, request->length, raw, collector, out.facts);
      out.elf_seconds = collector.elf_seconds();
      return answer(ok ? Result<LayerResult>(std::move(out)) : Result<LayerResult>(ok.error())) ? 0 : 2;
    }
  }
  return 2;
}

}  // namespace

int worker_main(int argc, char** argv) {
  if (argc < 2 || std::string_view(argv[1]) != kWorkerArgument) return -1;
  return serve();
}

}  // namespace careen
