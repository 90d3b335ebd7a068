#include "scan/layer_reader.h"

#include <algorithm>
#include <map>
#include <mutex>
#include <numeric>
#include <thread>

#include "base/log.h"
#include "base/text.h"
#include "facts/collector.h"
#include "worker/worker.h"

namespace careen {

bool incomplete(const std::vector<Coverage>& rows) {
  return std::any_of(rows.begin(), rows.end(), [](const Coverage& c) {
    bool counts = c.question == Question::content || c.question == Question::packages || c.question == Question::threats;
    return counts && (c.state == CoverageState::partly || c.state == CoverageState::not_looked);
  });
}

namespace {

class LayerReader {
 public:
  LayerReader(const Image& image, const ScanOptions& options)
      : image_(image), options_(options), patterns_(digest_of_patterns(options.threats->patterns)), out_(image.layers.size()) {}

  std::vector<LayerOutcome> run() {
    std::vector<size_t> todo = plan();
    std::mutex mutex;
    size_t next = 0;
    unsigned jobs = options_.jobs != 0 ? options_.jobs : std::max(1U, std::thread::hardware_concurrency());
    auto work = [&] {
      for (;;) {
        size_t i = 0;
        {
          std::lock_guard lock(mutex);
          if (next == todo.size()) return;
          i = todo[next++];
        }
        out_[i] = claimed(i);
        std::lock_guard lock(progress_);
        --left_;
        done_[i] = image_.layers[i].descriptor.size;
        tell();
      }
    };
    left_ = todo.size();
    std::vector<std::thread> threads;
    for (size_t k = 1; k < std::min<size_t>(jobs, todo.size()); ++k) threads.emplace_back(work);
    work();
    for (std::thread& t : threads) t.join();
    for (const auto& [copy, original] : copies_) out_[copy] = out_[original];
    return std::move(out_);
  }

 private:
  // Fills in what is known; returns the layers to read, largest first.
  std::vector<size_t> plan() {
    std::vector<size_t> todo;
    std::map<std::string, size_t> first;
    for (size_t i = 0; i < image_.layers.size(); ++i) {
      const Layer& l = image_.layers[i];
      if (l.kind != LayerKind::tar) {
        out_[i].coverage.push_back(
            {Question::content, CoverageState::not_looked, "",
             (l.kind == LayerKind::foreign ? "a foreign layer, which its registry does not hold: " : "not a file system layer: ") + l.descriptor.media_type});
        continue;
      }
      if (!l.descriptor.digest.empty()) {
        auto [it, fresh] = first.try_emplace(l.descriptor.digest.text(), i);
        if (!fresh) {
          copies_.emplace_back(i, it->second);
          continue;
        }
        if (from_cache(l.descriptor.digest, out_[i])) continue;
      }
      todo.push_back(i);
      total_ += l.descriptor.size;
    }
    std::stable_sort(todo.begin(), todo.end(), [&](size_t a, size_t b) { return image_.layers[a].descriptor.size > image_.layers[b].descriptor.size; });
    return todo;
  }

  // A layer whose blob's digest is trusted, from a verified read of earlier.
  bool from_cache(const Digest& blob, LayerOutcome& out) {
    auto known = options_.cache->blob(blob);
    if (!known) return false;
    if (options_.recent && options_.cache->holds(known->diff_id)) out.facts = options_.recent->find(known->diff_id, patterns_);
    if (!out.facts) {
      bool needs_patterns = false;
      auto facts = options_.cache->facts(known->diff_id, patterns_, &needs_patterns);
      if (!facts || needs_patterns) return false;
      out.facts = std::move(facts);
      if (options_.recent) options_.recent->keep(out.facts);
    }
    out.blob = blob;
    out.blob_size = known->size;
    out.verified = true;
    return true;
  }

  WorkerRequest request_for(const Layer& l, const BlobInput& input) const {
    WorkerRequest r;
    r.role = l.single_file ? WorkerRole::file : WorkerRole::layer;
    r.region = input.region;
    r.offset = input.offset;
    r.length = input.length;
    r.algorithm = l.descriptor.digest.algorithm();
    r.patterns = options_.threats->patterns;
    r.spool_limit = options_.spool_limit != 0 ? options_.spool_limit : kDefaultSpoolLimit;
    r.max_layer = options_.max_layer != 0 ? options_.max_layer : kDefaultMaxLayer;
    r.file_name = l.file_name;
    return r;
  }

  Result<LayerResult> run_worker(size_t i, WorkerRole role, bool patterns_only) {
    const Layer& l = image_.layers[i];
    CAREEN_ASSIGN(BlobInput input, l.open());
    WorkerRequest request = request_for(l, input);
    if (role == WorkerRole::digest) request.role = role;
    request.patterns_only = patterns_only;
    Fd spool;
    if (auto s = open_unlinked(options_.spool_directory)) spool = std::move(*s);
    WorkerInput w;
    w.fd = input.fd.get();
    w.spool = spool.get();
    w.table_directory = options_.spool_directory;
    w.stall_seconds = options_.stall_seconds;
    w.input_alive = input.alive;
    w.on_progress = [&](uint64_t bytes) {
      std::lock_guard lock(progress_);
      done_[i] = bytes;
      tell();
    };
    auto result = run_layer_worker(request, w);
    input.fd.reset();  // a stream's writer ends now, if it has not
    if (input.finish) {
      auto ended = input.finish();
      if (!ended && result) return std::move(ended).error();
    }
    return result;
  }

  // A layer that another machine may be reading as well.
  LayerOutcome claimed(size_t i) {
    const Digest& blob = image_.layers[i].descriptor.digest;
    if (!options_.claims || blob.empty()) return read(i, nullptr);
    LayerOutcome out;
    std::string why;
    switch (options_.claims->begin(
        blob, [&] { return from_cache(blob, out); }, &why)) {
      case LayerClaims::Answer::known:
        return out;
      case LayerClaims::Answer::refused:
        out.coverage.push_back({Question::content, CoverageState::not_looked, "", why});
        return out;
      case LayerClaims::Answer::read:
        break;
    }
    std::optional<Error> failure;
    out = read(i, &failure);
    options_.claims->end(blob, failure ? &*failure : nullptr);
    return out;
  }

  // `failure`, where it is not null: why nothing could be read.
  LayerOutcome read(size_t i, std::optional<Error>* failure) {
    const Layer& l = image_.layers[i];
    LayerOutcome out;
    bool only_patterns = false;
    std::shared_ptr<LayerFacts> known;
    uint64_t known_size = 0;
    // Without a promised digest the bytes are digested before what is remembered of them counts.
    if (l.descriptor.digest.empty() && !image_.is_rootfs && !l.single_file && options_.cache->blob(l.claimed_diff_id)) {
      auto digest = run_worker(i, WorkerRole::digest, false);
      auto d = digest ? Digest::parse(digest->blob_digest) : Result<Digest>(digest.error());
      if (d && from_cache(*d, out)) return out;
    } else if (!l.descriptor.digest.empty()) {
      if (auto blob = options_.cache->blob(l.descriptor.digest)) {
        known = options_.cache->facts(blob->diff_id, patterns_, &only_patterns);
        only_patterns = only_patterns && known;
        known_size = blob->size;
      }
    }
    for (int attempt = 0;;) {
      auto result = run_worker(i, WorkerRole::layer, only_patterns);
      if (!result && only_patterns) {  // what is remembered still counts; only the new patterns were not searched
        out.facts = known;
        out.blob = l.descriptor.digest;
        out.blob_size = known_size;
        out.verified = true;
        out.coverage.push_back({Question::threats, CoverageState::not_looked, "", "patterns that are new were not searched: " + result.error().what});
        return out;
      }
      if (!result) {
        out.coverage.push_back({Question::content, CoverageState::not_looked, "", result.error().what});
        if (failure != nullptr) *failure = result.error();
        return out;
      }
      if (only_patterns && result->diff_id != known->diff_id.text()) {  // other bytes than remembered: read them in full
        only_patterns = false;
        known = nullptr;
        continue;
      }
      auto computed = Digest::parse(result->blob_digest);
      bool lies = computed && !l.descriptor.digest.empty() && *computed != l.descriptor.digest;
      if (lies && image_.source == "registry" && attempt++ == 0) continue;  // perhaps damaged on the way
      if (lies) out.mismatch = DigestMismatch{"layer", l.descriptor.digest, *computed};
      take(l, std::move(*result), only_patterns ? known : nullptr, computed ? *computed : Digest{}, out);
      return out;
    }
  }

  void take(const Layer& l, LayerResult r, const std::shared_ptr<LayerFacts>& known, const Digest& blob, LayerOutcome& out) {
    auto facts = std::make_shared<LayerFacts>(std::move(r.facts));
    facts->pattern_set = patterns_;
    facts->size = r.size;
    if (auto d = Digest::parse(r.diff_id)) facts->diff_id = *d;
    out.blob = blob;
    out.blob_size = r.blob_size;
    out.elf_seconds = r.elf_seconds;
    out.verified = !blob.empty() && !facts->diff_id.empty() && !incomplete(facts->coverage) && !out.mismatch;
    bool cacheable = out.verified && !image_.is_rootfs && !l.single_file && !incomplete(facts->hit_coverage);
    if (known) {
      known->hits = std::move(facts->hits);
      known->hit_coverage = std::move(facts->hit_coverage);
      if (cacheable) options_.cache->put_hits(*known);
      out.facts = known;
      return;
    }
    if (image_.is_rootfs || l.single_file) facts->diff_id = {};  // a stream of our own making has no digest of the image's
    if (image_.is_rootfs || l.single_file) out.blob = {};
    if (cacheable) options_.cache->put(blob, r.blob_size, *facts);
    std::vector<ElfSymbols>().swap(facts->symbols);  // kept for hunts in the cache; no step of a scan asks for them
    out.facts = std::move(facts);
    if (cacheable && options_.recent) options_.recent->keep(out.facts);
  }

  void tell() {  // with progress_ held
    if (!options_.on_progress) return;
    uint64_t sum = 0;
    for (const auto& [unused, bytes] : done_) sum += bytes;
    options_.on_progress(sum, total_, left_);
  }

  const Image& image_;
  const ScanOptions& options_;
  Sha256 patterns_;
  std::vector<LayerOutcome> out_;
  std::vector<std::pair<size_t, size_t>> copies_;
  std::mutex progress_;
  std::map<size_t, uint64_t> done_;
  uint64_t total_ = 0;
  size_t left_ = 0;
};

}  // namespace

std::vector<LayerOutcome> read_layers(const Image& image, const ScanOptions& options) {
  return LayerReader(image, options).run();
}

}  // namespace careen
