// Fills an inventory with a made-up fleet and asks it questions, in process. Usage: careen_fleet_bench FILE IMAGES [fill|ask|compact] [QUESTION]
//
// The fleet's shape, which docs/benchmarks.md tells: a base layer of kBaseFiles files for every kPerBase images, a middle layer (a runtime)
// of kMiddleFiles for every kPerMiddle, and one layer of its own for each image with kOwnFiles files, four fifths of which come from a pool of libraries by
// Zipf's law (the content and the path below its folder are the library's) and a fifth of which no other image has. Base layers have packages and ELF
// files with symbols. All of it is a function of the numbers alone: two runs fill the same inventory.
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <mutex>
#include <thread>
#include <unordered_set>

#include "base/text.h"
#include "fleet/exposure.h"
#include "fleet/hunt.h"
#include "fleet/renew.h"
#include "knowledge/threat_set.h"
#include "scan/judged.h"
#include "store/inventory.h"

namespace careen {
namespace {

constexpr uint64_t kPerBase = 200, kPerMiddle = 10, kBaseFiles = 6000, kMiddleFiles = 2000, kOwnFiles = 1000;
constexpr uint64_t kLibraries = 200'000, kFilesOfLibrary = 40, kElfOfBase = 300, kSymbolsOfElf = 60, kPackagesOfBase = 150;

uint64_t mix(uint64_t x) {  // splitmix64
  x += 0x9e3779b97f4a7c15;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

template <class D>
D digest_like(uint64_t seed) {
  D d{};
  for (size_t i = 0; i < d.size(); i += 4) {
    uint64_t v = mix(seed + i * 0x51ed27);
    std::memcpy(d.data() + i, &v, std::min<size_t>(4, d.size() - i));
  }
  return d;
}
Digest name_of_layer(const std::string& s) {
  return digest_of(as_bytes(s));
}

// Ranks by Zipf's law with exponent 1, by its inverse.
uint64_t library(uint64_t random) {
  double u = static_cast<double>(random >> 11) / 9007199254740992.0;
  return std::min<uint64_t>(kLibraries - 1, static_cast<uint64_t>(std::exp(u * std::log(static_cast<double>(kLibraries)))) - 1);
}

struct Made {
  LayerFacts facts;
  std::vector<ElfSymbols> symbols;
};

struct Counted {
  uint64_t rows = 0, unique_own = 0, layers = 0;
  std::unordered_set<uint64_t> contents;
};

void add_file(LayerFacts& f, Counted& n, std::string path, uint64_t content, uint64_t size, bool owned) {
  FileRecord r;
  r.path = std::move(path);
  r.mode = 0644;
  r.size = size;
  r.sha256 = digest_like<Sha256>(content);
  if (owned) r.md5 = digest_like<Md5>(content + 1);
  f.files.add(r);
  ++n.rows;
  n.contents.insert(content);
}

Made base_layer(uint64_t number, Counted& n) {
  Made m;
  m.facts.diff_id = name_of_layer("base " + std::to_string(number));
  for (uint64_t i = 0; i < kBaseFiles; ++i) {
    // A newer base has changed a third of the files of the one before.
    uint64_t version = number - std::min(number, mix(i * 977 + number) % 3);
    bool elf = i < kElfOfBase;
    std::string path = elf ? "usr/lib/x86_64-linux-gnu/lib" + std::to_string(i) + ".so." + std::to_string(i % 7)
                           : "usr/share/package-" + std::to_string(i / 40) + "/part/file-" + std::to_string(i);
    add_file(m.facts, n, path, mix(i) ^ mix(version * 7919), 2000 + mix(i) % 90'000, true);
    if (!elf) continue;
    ElfFacts e;
    e.path = path;
    e.machine = 62, e.type = 3;
    e.soname = "lib" + std::to_string(i) + ".so." + std::to_string(i % 7);
    e.build_id = to_hex(digest_like<Sha1>(mix(i) ^ version).data(), 20);
    e.needed = {"libc.so.6", "lib" + std::to_string(i / 2) + ".so.1"};
    e.has_dynamic = true;
    m.facts.elf.push_back(std::move(e));
    ElfSymbols s;
    s.path = path;
    for (uint64_t k = 0; k < kSymbolsOfElf; ++k)
      (k % 2 == 0 ? s.exports : s.imports) += "library_" + std::to_string(k % 2 == 0 ? i : k) + "_function_" + std::to_string(k) + '\0';
    m.symbols.push_back(std::move(s));
  }
  return m;
}

Made middle_layer(uint64_t number, Counted& n) {
  Made m;
  m.facts.diff_id = name_of_layer("middle " + std::to_string(number));
  uint64_t runtime = number % 40, version = mix(number) % 12;
  for (uint64_t i = 0; i < kMiddleFiles; ++i)
    add_file(m.facts, n, "usr/local/lib/runtime-" + std::to_string(runtime) + "/module-" + std::to_string(i / 20) + "/file-" + std::to_string(i) + ".py",
             mix(runtime * 131 + i) ^ mix(i % 4 == 0 ? version : 0), mix(i) % 30'000, false);
  return m;
}

Made own_layer(uint64_t number, Counted& n) {
  Made m;
  m.facts.diff_id = name_of_layer("own " + std::to_string(number));
  std::vector<uint64_t> libraries;
  for (uint64_t i = 0; i < kOwnFiles * 4 / 5 / kFilesOfLibrary; ++i) libraries.push_back(library(mix(number * 1009 + i)));
  std::sort(libraries.begin(), libraries.end());
  libraries.erase(std::unique(libraries.begin(), libraries.end()), libraries.end());
  for (uint64_t l : libraries)
    for (uint64_t i = 0; i < kFilesOfLibrary; ++i)
      add_file(m.facts, n, "app/node_modules/library-" + std::to_string(l) + "/lib/file-" + std::to_string(i) + ".js", mix(l * 4099 + i) ^ 0x1b,
               mix(l + i) % 20'000, false);
  for (uint64_t i = 0; i < kOwnFiles / 5; ++i)
    add_file(m.facts, n, "app/src/part-" + std::to_string(i / 20) + "/unit-" + std::to_string(i) + ".js", mix(number * 524'287 + i) ^ 0x2c, mix(i) % 9000,
             false);
  return m;
}

StoredImage image(uint64_t number, const std::string& knowledge) {
  StoredImage i;
  i.digest = digest_of(as_bytes("manifest " + std::to_string(number))).text();
  i.config_digest = digest_of(as_bytes("config " + std::to_string(number))).text();
  i.platform = "linux/amd64";
  i.knowledge = knowledge;
  i.verdict = "clean";
  uint64_t base = number / kPerBase;
  for (const std::string& l : {"base " + std::to_string(base), "middle " + std::to_string(number / kPerMiddle), "own " + std::to_string(number)}) {
    i.layers.push_back(name_of_layer(l));
    i.blobs.push_back(digest_of(as_bytes("blob " + l)).text());
    i.steps.push_back("RUN make " + l);
  }
  for (uint64_t p = 0; p < kPackagesOfBase; ++p) {
    StoredPackage k;
    k.name = "package-" + std::to_string(p);
    k.version = "1." + std::to_string((base + p) % 30) + "-" + std::to_string(p % 5);
    k.architecture = "amd64", k.source = "source-" + std::to_string(p / 3), k.source_version = k.version;
    i.packages.push_back(std::move(k));
  }
  i.terms = {{TermKind::environment, "PATH=/usr/bin"}, {TermKind::entrypoint, "node /app/server-" + std::to_string(number % 500) + ".js"}};
  ScanResult judged;
  if (base % 100 == 7) {  // every hundredth base carries the threat, and so do all that are built on it
    Finding f;
    f.threat = "CVE-2024-3094";
    f.id = "f" + std::to_string(number);
    f.severity = Severity::high;
    f.confidence = Confidence::confirmed;
    f.where.path = "/usr/lib/x86_64-linux-gnu/lib5.so.5";
    f.where.layer = i.layers[0].text();
    f.where.layer_index = 0;
    f.created_by = i.steps[0];
    judged.findings.push_back(std::move(f));
    i.verdict = "flagged";
    i.terms.emplace_back(TermKind::threat, "CVE-2024-3094");
  }
  i.judged = store_judged(judged);
  return i;
}

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}
double cpu() {
  struct timespec t {};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) * 1e-9;
}

template <class T>
T must(Result<T> r) {
  if (!r) std::fprintf(stderr, "careen_fleet: %s\n", r.error().what.c_str()), std::exit(4);
  if constexpr (!std::is_void_v<T>) return *std::move(r);
}

struct Layer {
  Made made;
  std::string blob;
};

// What one image adds: layers that were not there, then the image itself.
struct Step {
  std::vector<Layer> layers;
  StoredImage image;
};

struct Prepared {
  LayerCache::Rows rows;
  Inventory::LayerKeys keys;
};

Prepared prepared(const Layer& l) {
  return {LayerCache::rows_of(l.made.facts), Inventory::keys_of(l.made.facts, l.made.symbols)};
}

// One thread makes what is to be written, this one writes it.
void keep_all(Inventory& inventory, const std::vector<Step>& steps, uint64_t first) {
  std::vector<const Layer*> order;
  for (const Step& s : steps)
    for (const Layer& l : s.layers) order.push_back(&l);
  std::deque<Prepared> ready;
  std::mutex mutex;
  std::condition_variable changed;
  std::thread maker([&] {
    for (const Layer* l : order) {
      Prepared p = prepared(*l);
      std::unique_lock lock(mutex);
      changed.wait(lock, [&] { return ready.size() < 16; });
      ready.push_back(std::move(p));
      changed.notify_all();
    }
  });
  for (size_t i = 0; i < steps.size(); ++i) {
    for (const Layer& l : steps[i].layers) {
      std::unique_lock lock(mutex);
      changed.wait(lock, [&] { return !ready.empty(); });
      Prepared p = std::move(ready.front());
      ready.pop_front();
      changed.notify_all();
      lock.unlock();
      inventory.layers()->put(digest_of(as_bytes("blob " + l.blob)), 1000, p.rows);
      must(inventory.add_layer(std::move(p.keys), 1'700'000'000));
    }
    uint64_t number = first + i;
    must(inventory.add_image(steps[i].image, 1'700'000'000));
    must(inventory.see("registry.example/team-" + std::to_string(number % 50) + "/service-" + std::to_string(number / 10), "v" + std::to_string(number % 10),
                       steps[i].image.digest, 1'700'000'000));
  }
  maker.join();
}

void fill(const std::string& file, uint64_t images, const std::string& knowledge) {
  auto inventory = must(Inventory::open(file, Inventory::Mode::write));
  Counted n;
  double storing = 0, began = now(), spent = 0;
  constexpr uint64_t kBatch = 200;  // made before the clock runs: making them up is no work of the inventory
  for (uint64_t first = 0; first < images; first += kBatch) {
    std::vector<Step> steps;
    auto add = [&](Step& s, Made m, const std::string& blob) {
      m.facts.size = m.facts.files.size() * 10'000;
      m.facts.symbols = m.symbols;
      s.layers.push_back({std::move(m), blob});
      ++n.layers;
    };
    for (uint64_t i = first; i < std::min(images, first + kBatch); ++i) {
      Step& s = steps.emplace_back();
      if (i % kPerBase == 0) add(s, base_layer(i / kPerBase, n), "base " + std::to_string(i / kPerBase));
      if (i % kPerMiddle == 0) add(s, middle_layer(i / kPerMiddle, n), "middle " + std::to_string(i / kPerMiddle));
      add(s, own_layer(i, n), "own " + std::to_string(i));
      s.image = image(i, knowledge);
    }
    double t0 = now(), c0 = cpu();
    keep_all(*inventory, steps, first);
    storing += now() - t0, spent += cpu() - c0;
    if ((first + kBatch) % 10'000 == 0)
      std::fprintf(stderr, "%llu images, %llu rows, %.0f rows/s, %.1f MiB\n", static_cast<unsigned long long>(first + kBatch),
                   static_cast<unsigned long long>(n.rows), static_cast<double>(n.rows) / storing, static_cast<double>(inventory->size()) / 1048576);
  }
  must(inventory->note_crawl({"registry.example", 1'700'000'000, images, 0}));
  std::printf("images %llu\nlayers %llu\nrows %llu\ndistinct_contents %zu\n", static_cast<unsigned long long>(images),
              static_cast<unsigned long long>(n.layers), static_cast<unsigned long long>(n.rows), n.contents.size());
  std::printf("rows_per_second %.0f\nrows_per_cpu_second %.0f\nseconds_storing %.1f\nseconds_all_with_making %.1f\nbytes %llu\n",
              static_cast<double>(n.rows) / storing, static_cast<double>(n.rows) / spent, storing, now() - began,
              static_cast<unsigned long long>(inventory->size()));
}

std::string only;  // the one question to ask; "" for all

template <class F>
void timed(const char* what, F f) {
  if (!only.empty() && only != what) return;
  std::vector<double> times;
  size_t found = 0;
  for (int i = 0; i < 5; ++i) {
    double t = now();
    found = f(i);
    times.push_back(now() - t);
  }
  std::sort(times.begin(), times.end());
  std::printf("%s_ms %.2f\n%s_found %zu\n", what, times[2] * 1000, what, found);
  std::fflush(stdout);
}

HuntQuestion digest_question(uint64_t content) {
  HuntQuestion q;
  q.by = Indicator::sha256;
  Sha256 d = digest_like<Sha256>(content);
  q.value = to_hex(d.data(), d.size());
  q.text = "sha256:" + q.value;
  return q;
}

void ask(const std::string& file, uint64_t images, const ScanOptions& options) {
  auto inventory = must(Inventory::open(file, Inventory::Mode::write));
  auto asked = [&](const std::string& q) { return hunt(*inventory, {must(parse_question(q))}).matches.size(); };
  (void)asked("path:**/no-such-file-anywhere");
  timed("hunt_one_digest",
        [&](int i) { return hunt(*inventory, {digest_question(mix(images / 2 * 524'287 + static_cast<uint64_t>(i)) ^ 0x2c)}).matches.size(); });
  timed("hunt_10k_digests", [&](int) {
    std::vector<HuntQuestion> all;  // half of them are there, each in one image
    for (uint64_t i = 0; i < 5000; ++i) {
      all.push_back(digest_question(mix((i * 7919 % images) * 524'287 + i % 200) ^ 0x2c));
      all.push_back(digest_question(mix(i) ^ 0x777));
    }
    return hunt(*inventory, all).matches.size();
  });
  timed("hunt_package_range", [&](int) { return asked("package:package-7>=1.29,<1.30"); });
  timed("hunt_path_glob", [&](int) { return asked("path:**/library-77777/**/file-1.*"); });
  timed("hunt_symbol", [&](int) { return asked("symbol:library_4_function_8"); });
  timed("exposure", [&](int) { return must(exposure_of(*inventory, "CVE-2024-3094", options)).images.size(); });
}

}  // namespace
}  // namespace careen

int main(int argc, char** argv) {
  using namespace careen;
  if (argc < 3) return std::fprintf(stderr, "usage: careen_fleet_bench FILE IMAGES [fill|ask|compact]\n"), 2;
  std::string file = argv[1], what = argc > 3 ? argv[3] : "fill";
  uint64_t images = std::strtoull(argv[2], nullptr, 10);
  ScanOptions options;
  options.threats = std::make_shared<ThreatSet>(must(load_threats({})));
  options.cache = LayerCache::open("");
  if (argc > 4) only = argv[4];
  if (what == "fill") fill(file, images, knowledge_digest(*options.threats));
  if (what == "ask") ask(file, images, options);
  if (what == "compact") {
    double t = now();
    auto inventory = must(Inventory::open(file, Inventory::Mode::write));
    must(inventory->compact());
    std::printf("compact_seconds %.1f\nbytes %llu\n", now() - t, static_cast<unsigned long long>(inventory->size()));
  }
  struct rusage u {};
  getrusage(RUSAGE_SELF, &u);
  std::printf("peak_mib %ld\n", u.ru_maxrss / 1024);
}
