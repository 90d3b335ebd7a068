#include "scan/scan.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>

#include "base/log.h"
#include "base/text.h"
#include "facts/collector.h"
#include "scan/judged.h"
#include "scan/layer_reader.h"
#include "worker/worker.h"

namespace careen {
namespace {

class Stopwatch {
 public:
  void lap(std::string_view name) {
    auto now = std::chrono::steady_clock::now();
    timing(name, std::chrono::duration<double>(now - last_).count());
    last_ = now;
  }

 private:
  std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
};

std::string layer_name(size_t i, const std::string& what) {
  return "layer " + std::to_string(i) + (what.empty() ? "" : ": " + what);
}

Finding mismatch_finding(const std::string& what, const std::string& title, const std::string& says, const Digest& layer_digest, std::optional<size_t> layer) {
  Finding f;
  f.kind = FindingKind::integrity;
  f.rule = kDigestMismatchRule;
  f.title = title;
  f.severity = Severity::high;
  f.confidence = Confidence::confirmed;
  f.where.layer_index = layer;
  if (!layer_digest.empty()) f.where.layer = layer_digest.text();
  f.evidence = {{EvidenceBy::digest, says}};
  f.reachability = {ReachState::unknown, {"the image is not what its manifest promises; what it is was examined as it stands"}};
  f.remediation = "Do not run it. Pull it again from where it was built, and compare the digests.";
  f.rule += ":" + what;
  f.id = finding_id(f);
  f.rule = kDigestMismatchRule;
  return f;
}

std::string disagree(const Digest& promised, const Digest& actual) {
  return "promised " + promised.text() + ", its bytes have " + actual.text();
}

// Digests of documents and layers that are not those of the bytes.
void find_lies(const Image& image, const std::vector<LayerOutcome>& layers, std::vector<Finding>& out) {
  for (const DigestMismatch& m : image.mismatches)
    out.push_back(mismatch_finding(m.what, "The " + m.what + "'s digest is not that of its bytes", disagree(m.expected, m.actual), {}, std::nullopt));
  for (size_t i = 0; i < layers.size(); ++i) {
    Digest diff = layers[i].facts ? layers[i].facts->diff_id : Digest{};
    if (layers[i].mismatch)
      out.push_back(mismatch_finding("blob" + std::to_string(i), "The digest of layer " + std::to_string(i) + " is not that of its bytes",
                                     disagree(layers[i].mismatch->expected, layers[i].mismatch->actual), diff, i));
    const Digest& claimed = image.layers[i].claimed_diff_id;
    if (!claimed.empty() && !diff.empty() && claimed != diff)
      out.push_back(mismatch_finding("diff" + std::to_string(i), "The diff ID of layer " + std::to_string(i) + " is not that of its content",
                                     "the configuration claims " + claimed.text() + ", the content has " + diff.text(), diff, i));
  }
  size_t named = image.config.diff_ids.size();
  if (named != 0 && named != image.layers.size())
    out.push_back(mismatch_finding(
        "count", "Configuration and manifest disagree about the layers",
        "the configuration names " + std::to_string(named) + " diff IDs, the manifest " + std::to_string(image.layers.size()) + " layers", {}, std::nullopt));
}

// Coverage of the layers, each row with its layer's number.
void gather_coverage(const Image& image, const std::vector<LayerOutcome>& layers, ScanResult& result) {
  for (size_t i = 0; i < layers.size(); ++i) {
    auto add = [&](const std::vector<Coverage>& rows) {
      for (Coverage c : rows) {
        if (!image.is_rootfs && !image.is_single_file) c.what = layer_name(i, c.what);
        result.coverage.push_back(std::move(c));
      }
    };
    add(layers[i].coverage);
    if (layers[i].facts) add(layers[i].facts->coverage), add(layers[i].facts->hit_coverage);
  }
  for (const std::string& gap : image.gaps) result.coverage.push_back({Question::content, CoverageState::not_looked, "", gap});
  if (!image.unreadable) return;
  size_t told = 0;
  for (const Unread& u : *image.unreadable)
    if (!u.matters || ++told <= 20)
      result.coverage.push_back({Question::content, u.matters ? CoverageState::partly : CoverageState::not_applicable, "/" + u.path, u.why});
  if (told > 20)
    result.coverage.push_back({Question::content, CoverageState::partly, "", "and " + std::to_string(told - 20) + " more paths that were not read"});
}

// One row for each question that was looked at without a gap, so that a reader sees the whole of what was asked.
void round_off(ScanResult& result, bool has_threats) {
  auto has = [&](Question q) {
    return std::any_of(result.coverage.begin(), result.coverage.end(), [&](const Coverage& c) { return c.question == q && c.state != CoverageState::looked; });
  };
  auto looked = [&](Question q, std::string why) {
    if (!has(q)) result.coverage.push_back({q, CoverageState::looked, "", std::move(why)});
  };
  uint64_t files = 0;
  for (const auto& l : result.facts->layers) files += l ? l->files.size() : 0;
  looked(Question::content, std::to_string(result.layers.size()) + (result.layers.size() == 1 ? " layer, " : " layers, ") + std::to_string(files) + " entries");
  if (!result.facts->packages.empty()) looked(Question::packages, std::to_string(result.facts->packages.size()) + " packages");
  if (has_threats)
    looked(Question::threats, std::to_string(result.threats_known) + (result.threats_known == 1 ? " threat" : " threats") +
                                  " and the structure of every ELF file that was read (IFUNC resolvers of x86-64)");
  result.coverage.push_back({Question::vulnerabilities, CoverageState::not_applicable, "", "no advisory database"});
  bool recorded = std::any_of(result.facts->owners.begin(), result.facts->owners.end(), [](const auto& layer) {
    return std::any_of(layer.begin(), layer.end(), [](const Owner& o) { return o.algorithm != RecordedDigest::none; });
  });
  if (recorded)
    looked(Question::integrity, "files compared with what their packages recorded");
  else
    result.coverage.push_back({Question::integrity, CoverageState::not_applicable, "", "no package recorded digests of its files"});
  if (result.distribution.id.empty() && !result.facts->packages.empty())
    result.coverage.push_back(
        {Question::packages, CoverageState::looked, "", "the distribution is not recorded; version ranges were applied by the kind of package alone"});
  std::sort(result.coverage.begin(), result.coverage.end());
  result.coverage.erase(std::unique(result.coverage.begin(), result.coverage.end()), result.coverage.end());
}

ScanResult describe(const Image& image, const ScanOptions& options) {
  ScanResult r;
  r.reference = image.reference;
  r.source = image.source;
  r.resolved = image.resolved;
  r.digest = image.digest.text();
  r.platform = image.platform.os.empty() ? "" : image.platform.text();
  r.remarks = image.remarks;
  r.base = base_of(image);
  r.knowledge = options.threats->sources;
  r.threats_date = options.threats->date;
  r.threats_known = options.threats->threats.size();
  return r;
}

void list_layers(const Image& image, const std::vector<LayerOutcome>& layers, ScanResult& r) {
  for (size_t i = 0; i < layers.size(); ++i) {
    const Layer& l = image.layers[i];
    ScannedLayer s;
    if (!layers[i].blob.empty())
      s.digest = layers[i].blob;
    else if (!l.descriptor.digest.empty())
      s.digest = l.descriptor.digest;
    if (layers[i].facts && !layers[i].facts->diff_id.empty()) s.diff_id = layers[i].facts->diff_id;
    if (!layers[i].blob.empty() && layers[i].blob_size != 0)
      s.size = layers[i].blob_size;
    else if (l.descriptor.size != 0)
      s.size = l.descriptor.size;
    s.media_type = l.descriptor.media_type;
    s.created_by = l.created_by;
    r.layers.push_back(std::move(s));
  }
}

DetectInput detect_input(const Image& image, const ScanOptions& options, const std::vector<LayerOutcome>& layers, const ImageFacts& facts) {
  DetectInput in;
  in.manifest = image.digest;
  in.index = image.index_digest;
  in.config = &image.config;
  in.facts = &facts;
  in.threats = options.threats.get();
  in.is_rootfs = image.is_rootfs;
  in.is_single_file = image.is_single_file;
  for (size_t i = 0; i < layers.size(); ++i) {
    LayerInput l;
    l.blob = !layers[i].blob.empty() ? layers[i].blob : image.layers[i].descriptor.digest;
    l.read = layers[i].facts != nullptr;
    if (l.read) l.diff_id = layers[i].facts->diff_id;
    l.created_by = image.layers[i].created_by;
    in.layers.push_back(std::move(l));
  }
  return in;
}

}  // namespace

namespace {

// The conclusion of an earlier scan of the same layers with the same knowledge by this same program.
std::optional<ScanResult> recall(const Image& image, const ScanOptions& options) {
  auto key = options.wants_facts ? std::nullopt : judged_key(image, options);
  if (!key) return std::nullopt;
  auto stored = options.cache->judged(key->key, key->diff_ids);
  ScanResult result = describe(image, options);
  if (!stored || !restore_judged(*stored, result)) return std::nullopt;
  return result;
}

// Kept only when every layer was read whole, so that nothing in it hangs on this run's limits or luck.
void remember(const Image& image, const ScanOptions& options, const std::vector<LayerOutcome>& layers, const ScanResult& result) {
  for (const LayerOutcome& l : layers)
    if (!l.facts || !l.verified || l.mismatch || !l.coverage.empty() || incomplete(l.facts->hit_coverage)) return;
  if (auto key = judged_key(image, options)) options.cache->put_judged(key->key, store_judged(result));
}

}  // namespace

ScanResult scan_image(const Image& image, const ScanOptions& options) {
  Stopwatch watch;
  if (auto known = recall(image, options)) {
    watch.lap("recall");
    return *known;
  }
  ScanResult result = describe(image, options);

  std::vector<LayerOutcome> layers = read_layers(image, options);
  watch.lap("layers");
  list_layers(image, layers, result);
  gather_coverage(image, layers, result);
  double elf = 0;
  for (const LayerOutcome& l : layers) elf += l.elf_seconds;
  timing("elf", elf);

  std::vector<std::shared_ptr<const LayerFacts>> facts;
  for (const LayerOutcome& l : layers) facts.push_back(l.facts);
  auto image_facts =
      std::make_shared<ImageFacts>(build_image_facts(std::move(facts), image.is_rootfs ? ImageTree::Whiteouts::plain : ImageTree::Whiteouts::apply));
  result.coverage.insert(result.coverage.end(), image_facts->coverage.begin(), image_facts->coverage.end());
  result.distribution = image_facts->distribution;
  result.packages = image_facts->packages;
  result.unowned = unowned_binaries(*image_facts, &result.unowned_in_all);
  result.facts = image_facts;
  watch.lap("merge");

  Detected detected = detect(detect_input(image, options, layers, *image_facts));
  result.findings = std::move(detected.findings);
  result.coverage.insert(result.coverage.end(), detected.coverage.begin(), detected.coverage.end());
  for (size_t i = 0; i < detected.uses.size() && i < result.packages.size(); ++i)
    result.packages[i].use = detected.uses[i].use, result.packages[i].used_by = std::move(detected.uses[i].by);
  find_lies(image, layers, result.findings);
  sort_findings(result.findings);
  watch.lap("detect");

  round_off(result, true);
  result.judgement = judge(result.findings, result.coverage, std::nullopt);
  remember(image, options, layers, result);
  return result;
}

ArchiveIndexer archive_indexer(const ScanOptions& options) {
  return [directory = options.spool_directory, limit = options.spool_limit, stall = options.stall_seconds](Fd archive) -> Result<IndexedArchive> {
    WorkerRequest request;
    request.role = WorkerRole::index;
    request.spool_limit = limit != 0 ? limit : kDefaultSpoolLimit;
    uint64_t size = 0;
    if (::lseek(archive.get(), 0, SEEK_CUR) == 0) {
      CAREEN_ASSIGN(size, file_size(archive.get()));
      if (size == 0) return Error{Errc::corrupt, "the file is empty"};
      request.region = true;
      request.length = size;
    }
    CAREEN_ASSIGN(Fd spool, open_unlinked(directory));
    WorkerInput input;
    input.fd = archive.get();
    input.spool = spool.get();
    input.stall_seconds = stall;
    CAREEN_ASSIGN(ArchiveIndex index, run_index_worker(request, input));
    IndexedArchive out;
    out.fd = index.spooled ? std::move(spool) : std::move(archive);
    CAREEN_ASSIGN(size, file_size(out.fd.get()));
    for (ArchiveMember& m : index.members) {
      bool cut = m.offset > size || m.size > size - m.offset;  // its reader will meet the end and say so
      if (cut && index.problem.empty()) index.problem = "the archive ends inside " + m.name;
      out.members.push_back({std::move(m.name), m.type, std::move(m.link), m.offset, m.size});
    }
    out.texts = std::move(index.texts);
    out.problem = std::move(index.problem);
    return out;
  };
}

}  // namespace careen
