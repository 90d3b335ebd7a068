// The least work that a scan of an image cannot do without, and nothing else: read each layer's blob, digest it,
// inflate it, digest the result, walk the tar, digest every file. careen's own time is judged against this program's,
// measured in the same run with the same libraries and the same threads (docs/benchmarks.md). Prints JSON.
#include <sys/resource.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <fstream>
#include <mutex>
#include <nlohmann/json.hpp>
#include <thread>

#include "limit_stages.h"

namespace limit {
namespace {

using nlohmann::json;

struct Options {
  std::string layout;
  unsigned workers = 2;
  unsigned threads_per_layer = 2;
  std::size_t buffer = 256 * 1024;
  std::size_t buffers = 4;
  bool fused = false;  // careen's digests are OpenSSL's
  bool diff_id_beside_inflate = true;
  bool stages = false;
  Wanted digests;
};

struct Layer {
  std::string path;
  std::string media_type;
  std::string digest;
  std::string diff_id;
  std::uint64_t size = 0;
};

struct Totals {
  std::uint64_t compressed = 0;
  std::uint64_t uncompressed = 0;
  std::uint64_t file_bytes = 0;
  std::uint64_t sha1_bytes = 0;
  std::uint64_t files = 0;
  std::uint64_t checksum = 0;
};

// A fixed number of buffers that go round between one thread that fills and one that empties.
class Ring {
 public:
  Ring(std::size_t count, std::size_t size) {
    for (std::size_t i = 0; i < count; ++i) {
      buffers_.emplace_back(size);
    }
  }
  std::span<std::uint8_t> free_buffer() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return filled_ - emptied_ < buffers_.size(); });
    return buffers_[filled_ % buffers_.size()];
  }
  void publish(Bytes bytes) {
    const std::lock_guard lock(mutex_);
    lengths_.push_back(bytes.size());
    ++filled_;
    changed_.notify_one();
  }
  // Empty at the end of the stream.
  Bytes full_buffer() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return filled_ != emptied_; });
    return Bytes(buffers_[emptied_ % buffers_.size()]).first(lengths_.front());
  }
  void release() {
    const std::lock_guard lock(mutex_);
    lengths_.pop_front();
    ++emptied_;
    changed_.notify_one();
  }

 private:
  std::vector<std::vector<std::uint8_t>> buffers_;
  std::deque<std::size_t> lengths_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t filled_ = 0;
  std::size_t emptied_ = 0;
};

json load(const std::string& path) {
  std::ifstream file(path);
  json value = json::parse(file, nullptr, false);
  if (value.is_discarded()) {
    fail("cannot read " + path);
  }
  return value;
}

std::vector<Layer> layers_of(const std::string& layout) {
  const auto blob = [&](const std::string& digest) { return layout + "/blobs/sha256/" + digest.substr(7); };
  const json index = load(layout + "/index.json");
  const json manifest = load(blob(index.at("manifests").at(0).at("digest")));
  const json config = load(blob(manifest.at("config").at("digest")));
  std::vector<Layer> layers;
  for (const json& entry : manifest.at("layers")) {
    const std::string diff_id = config.at("rootfs").at("diff_ids").at(layers.size());
    layers.push_back({blob(entry.at("digest")), entry.at("mediaType"), entry.at("digest"), diff_id, entry.at("size")});
  }
  std::ranges::sort(layers, std::greater{}, &Layer::size);
  return layers;
}

// One layer from blob to digests; exits if a digest disagrees, so the time of a wrong run is never reported.
void process(const Layer& layer, const Options& options, Totals& totals) {
  BlobReader reader(layer.path, 256 * 1024);
  const auto decoder = make_decoder(layer.media_type, reader);
  Hasher diff_id("SHA256");
  const bool diff_id_in_walk = options.fused && !options.diff_id_beside_inflate;
  std::unique_ptr<TarDigests> digests;
  if (options.fused) {
    digests = std::make_unique<FusedDigests>(options.digests, diff_id_in_walk);
  } else {
    digests = std::make_unique<EvpDigests>(options.digests);
  }
  TarWalk walk(*digests);
  std::uint64_t uncompressed = 0;
  const auto digest = [&](Bytes bytes) {
    if (!diff_id_in_walk && (!options.diff_id_beside_inflate || options.threads_per_layer == 1)) {
      diff_id.update(bytes);
    }
    walk.take(bytes);
    uncompressed += bytes.size();
  };

  if (options.threads_per_layer == 1) {
    std::vector<std::uint8_t> buffer(options.buffer);
    while (const std::size_t got = decoder->fill(buffer)) {
      digest(Bytes(buffer.data(), got));
    }
  } else {
    Ring ring(options.buffers, options.buffer);
    std::jthread inflater([&] {
      for (std::size_t got = 1; got != 0;) {
        const std::span<std::uint8_t> buffer = ring.free_buffer();
        got = decoder->fill(buffer);
        if (options.diff_id_beside_inflate) {
          diff_id.update(buffer.first(got));
        }
        ring.publish(buffer.first(got));
      }
    });
    for (Bytes bytes = ring.full_buffer(); !bytes.empty(); bytes = ring.full_buffer()) {
      digest(bytes);
      ring.release();
    }
  }
  if (reader.digest() != layer.digest ||
      (diff_id_in_walk ? digests->stream_digest() : hex(diff_id.finish())) != layer.diff_id) {
    fail("digests of " + layer.path + " disagree");
  }
  static std::mutex mutex;
  const std::lock_guard lock(mutex);
  totals.compressed += reader.total();
  totals.uncompressed += uncompressed;
  totals.file_bytes += digests->file_bytes();
  totals.sha1_bytes += digests->sha1_bytes();
  totals.files += digests->files();
  totals.checksum += digests->checksum();
}

Totals run(const std::vector<Layer>& layers, const Options& options) {
  Totals totals;
  std::atomic<std::size_t> next = 0;
  std::vector<std::jthread> workers;
  for (unsigned i = 0; i < options.workers; ++i) {
    workers.emplace_back([&] {
      for (std::size_t mine = next++; mine < layers.size(); mine = next++) {
        process(layers[mine], options, totals);
      }
    });
  }
  workers.clear();  // joins
  return totals;
}

struct Usage {
  double user = 0;
  double system = 0;
  long peak_kib = 0;
};

Usage usage() {
  rusage value{};
  ::getrusage(RUSAGE_SELF, &value);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
  };
  return {seconds(value.ru_utime), seconds(value.ru_stime), value.ru_maxrss};
}

json measure(const std::vector<Layer>& layers, const Options& options, Totals& totals) {
  const auto start = std::chrono::steady_clock::now();
  totals = run(layers, options);
  const double wall = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  const Usage used = usage();
  const double megabytes = static_cast<double>(totals.uncompressed) / 1e6;
  return {{"wall", wall},
          {"user", used.user},
          {"system", used.system},
          {"cpu", used.user + used.system},
          {"peak_kib", used.peak_kib},
          {"mb_per_second", megabytes / wall},
          {"layers", layers.size()},
          {"files", totals.files},
          {"compressed_bytes", totals.compressed},
          {"uncompressed_bytes", totals.uncompressed},
          {"file_bytes", totals.file_bytes},
          {"sha1_bytes", totals.sha1_bytes},
          {"checksum", totals.checksum},
          {"workers", options.workers},
          {"threads_per_layer", options.threads_per_layer},
          {"buffer", options.buffer},
          {"buffers", options.buffers},
          {"digests", options.fused ? "fused" : "evp"},
          {"diff_id_beside", options.diff_id_beside_inflate ? "inflate" : "files"}};
}

// What each stage alone would need for this image, in seconds of one core.
json needed(const Stages& stages, const Options& options, const Totals& totals) {
  const auto seconds = [](const Stage& stage, double bytes) {
    return bytes == 0 || stage.bytes == 0 ? 0 : bytes * stage.seconds / stage.bytes;
  };
  const auto compressed = static_cast<double>(totals.compressed);
  const auto uncompressed = static_cast<double>(totals.uncompressed);
  const auto files = static_cast<double>(totals.file_bytes);
  const auto sha1_files = static_cast<double>(totals.sha1_bytes);
  json needs = {{"read", stages.read.seconds}, {"decode", stages.decode.seconds}};
  if (options.fused) {
    // What is no file's (headers, padding) passes the diff ID's SHA-256 alone.
    const double other = uncompressed - files;
    needs["sha256"] = seconds(stages.sha256, compressed + (options.diff_id_beside_inflate ? uncompressed : other));
    needs["fused_all"] = seconds(stages.fused_all, sha1_files);
    needs["fused_without_sha1"] = seconds(stages.fused_without_sha1, files - sha1_files);
  } else {
    needs["sha256"] = seconds(stages.sha256, compressed + uncompressed + (options.digests.sha256 ? files : 0));
    needs["md5"] = seconds(stages.md5, options.digests.md5 ? files : 0);
    needs["sha1"] = seconds(stages.sha1, sha1_files);
  }
  return needs;
}

// The single-stage loops, what they predict for this image on the cores there are, and how near the limit comes to it.
json judge(const std::vector<Layer>& layers, const Options& options, const Totals& totals, const json& measured) {
  Stages stages;
  for (const Layer& layer : layers) {
    time_layer(stages, layer.path, layer.media_type, options.digests);
  }
  const json needs = needed(stages, options, totals);
  double sum = 0;
  for (const json& seconds : needs) {
    sum += seconds.get<double>();
  }
  const auto rate = [](const Stage& stage) { return stage.seconds == 0 ? 0 : stage.bytes / stage.seconds / 1e6; };
  const unsigned cores = std::min(std::thread::hardware_concurrency(), options.workers * options.threads_per_layer);
  const double predicted = sum / cores;
  const double reached = predicted / measured.at("wall").get<double>();
  return {{"mb_per_second",
           {{"read", rate(stages.read)},
            {"decode", rate(stages.decode)},
            {"sha256", rate(stages.sha256)},
            {"sha1", rate(stages.sha1)},
            {"md5", rate(stages.md5)},
            {"fused_all", rate(stages.fused_all)},
            {"fused_without_sha1", rate(stages.fused_without_sha1)}}},
          {"needed_seconds", needs},
          {"needed_sum", sum},
          {"cores", cores},
          {"predicted_wall", predicted},
          {"reached_wall", reached},
          {"reached_cpu", sum / measured.at("cpu").get<double>()},
          {"reaches_80_percent", reached >= 0.8}};
}

Options parse(int argc, char** argv) {
  Options options;
  const auto usage_error = [] {
    std::fprintf(stderr,
                 "usage: careen_limit OCI-LAYOUT-DIR [--workers N] [--threads-per-layer 1|2] [--buffer BYTES]\n"
                 "    [--buffers N] [--digests fused|evp] [--diff-id-beside inflate|files]\n"
                 "    [--without sha256|md5|sha1]... [--stages]\n");
    std::exit(2);
  };
  for (int i = 1; i < argc; ++i) {
    const std::string name = argv[i];
    if (name == "--stages") {
      options.stages = true;
    } else if (!name.starts_with("--")) {
      options.layout = name;
    } else if (++i == argc) {
      usage_error();
    } else if (const std::string value = argv[i]; name == "--workers") {
      options.workers = static_cast<unsigned>(std::max(1, std::atoi(argv[i])));
    } else if (name == "--threads-per-layer") {
      options.threads_per_layer = value == "1" ? 1 : 2;
    } else if (name == "--buffer") {
      options.buffer = std::max<std::size_t>(4096, std::strtoull(argv[i], nullptr, 10) / 4096 * 4096);
    } else if (name == "--buffers") {
      options.buffers = std::max<std::size_t>(2, std::strtoull(argv[i], nullptr, 10));
    } else if (name == "--diff-id-beside") {
      options.diff_id_beside_inflate = value == "inflate";
    } else if (name == "--digests") {
      options.fused = value == "fused" && fused::available();
      options.diff_id_beside_inflate = !options.fused;  // the kernel takes the diff ID along
    } else if (name == "--without") {
      (value == "md5" ? options.digests.md5 : value == "sha1" ? options.digests.sha1 : options.digests.sha256) = false;
    } else {
      usage_error();
    }
  }
  if (options.layout.empty()) {
    usage_error();
  }
  options.fused = options.fused && fused::available();
  return options;
}

}  // namespace
}  // namespace limit

int main(int argc, char** argv) {
  const limit::Options options = limit::parse(argc, argv);
  const std::vector<limit::Layer> layers = limit::layers_of(options.layout);
  limit::Totals totals;
  nlohmann::json result = limit::measure(layers, options, totals);
  if (options.stages) {
    result["stages"] = limit::judge(layers, options, totals, result);
  }
  std::printf("%s\n", result.dump(1).c_str());
  return 0;
}
