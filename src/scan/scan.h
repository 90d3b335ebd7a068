// One image from its source to its verdict: the pipeline.
//
// Thread-safe; scans of several images may share options and cache. Layers are read in worker processes, several at once, and
// their results merged in a fixed order: the same image and knowledge give the same result, whatever the number of jobs.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "detect/input.h"
#include "detect/unowned.h"
#include "policy/suppress.h"
#include "policy/verdict.h"
#include "scan/base.h"
#include "scan/recent_layers.h"
#include "source/docker_archive.h"
#include "source/image.h"
#include "store/cache.h"

namespace careen {

// Several machines that read for one inventory: one of them reads a layer, the others wait for what it found. Called from several threads.
class LayerClaims {
 public:
  virtual ~LayerClaims() = default;
  enum class Answer : uint8_t { read, known, refused };
  // Whether to read the blob; waits while another does, until `is_known` or its lease is over. `why` of a refusal.
  virtual Answer begin(const Digest& blob, const std::function<bool()>& is_known, std::string* why) = 0;
  // After Answer::read: null when the blob was read.
  virtual void end(const Digest& blob, const Error* failure) = 0;
};

struct ScanOptions {
  std::shared_ptr<const ThreatSet> threats;
  std::shared_ptr<LayerCache> cache;        // not null; may remember nothing
  std::string spool_directory;              // for unlinked files; exists
  uint64_t spool_limit = 0, max_layer = 0;  // 0: the defaults of facts/collector.h
  unsigned jobs = 0;                        // layers at once; 0: one per processor
  unsigned stall_seconds = 300;
  std::shared_ptr<LayerClaims> claims;   // null: nobody else reads
  std::shared_ptr<RecentLayers> recent;  // null: facts are decoded for each image
  bool wants_facts = false;              // the merged facts are needed, not the conclusion alone
  // Called from several threads, one at a time: bytes of layers read so far, and of all that are to be read.
  std::function<void(uint64_t done, uint64_t total, size_t layers_left)> on_progress;
};

struct ScannedLayer {
  std::optional<Digest> digest;   // of the blob: computed, or promised by the manifest where it was not read
  std::optional<Digest> diff_id;  // computed
  std::optional<uint64_t> size;
  std::string media_type, created_by;
};

struct ScanResult {
  std::string reference, source, resolved;
  std::string digest;  // of the manifest, "" without
  std::string platform;
  Distribution distribution;
  std::optional<BaseImage> base;
  std::vector<ScannedLayer> layers;
  std::vector<KnowledgeSource> knowledge;
  std::vector<std::string> remarks;
  Judgement judgement;
  std::vector<Finding> findings;
  std::vector<Coverage> coverage;
  std::string threats_date;
  uint64_t threats_known = 0;
  std::vector<InstalledPackage> packages;
  std::vector<UnownedBinary> unowned;
  uint64_t unowned_in_all = 0;
  // Of the advisory side (scan/advise.h).
  bool vulnerabilities_checked = false;
  std::optional<Severity> fail_on;
  std::vector<Suppressed> suppressed;
  struct Hidden {
    uint64_t unimportant = 0, unfixed = 0, severity = 0;
  } hidden;                                 // that the options leave out
  std::shared_ptr<const ImageFacts> facts;  // null when the conclusion was remembered and ScanOptions::wants_facts was not set
};

ScanResult scan_image(const Image& image, const ScanOptions& options);

// A bill of materials instead of an image: what its packages are, and nothing else. Content is not there to be looked at.
Result<ScanResult> scan_sbom(const std::string& path, const ScanOptions& options);

// Indexes an archive in a worker, for source/resolve.h. A compressed or piped one goes through a spool file.
ArchiveIndexer archive_indexer(const ScanOptions& options);

}  // namespace careen
