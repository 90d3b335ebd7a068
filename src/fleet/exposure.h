// Every image of the inventory that a threat affects, what carries it, and what to rebuild first.
//
// Images that were judged with other knowledge are judged anew from their stored facts; no layer is read. What that concludes is kept
// where `keep` is set; records that are given for one question alone leave the inventory as it is.
#pragma once
#include <map>
#include <string>
#include <vector>

#include "fleet/hunt.h"
#include "scan/scan.h"
#include "store/inventory.h"

namespace careen {

struct Exposed {
  Inventory::Id id = 0;
  std::string digest, platform;
  std::vector<Tag> tags;
  std::map<std::string, std::string> labels;
  std::vector<StoredUse> uses;       // running ones first
  std::vector<Reachability> as_run;  // of each running use, in their order: as the workload's own command starts the image
  Finding finding;                   // the gravest of the image for this threat
  std::optional<size_t> root;        // index into Exposure::rebuild: what it is built on, or itself
};

struct RebuildFirst {
  std::string digest, name;
  std::string layer, created_by;  // that carries the threat
  size_t also_fixes = 0;          // affected images that are built on it
};

// How many images were affected, from one moment on.
struct ExposurePoint {
  int64_t at = 0;
  size_t images = 0, tags = 0;  // under tags that named one then
};

struct ExposureOptions {
  bool keep = true;                        // what is judged anew
  std::vector<Inventory::Id> anew;         // to be judged anew whatever they were judged with: their layers were read again
  bool running = false, vanished = false;  // only images that run, or whose every tag has vanished
};

struct Exposure {
  std::string threat, title;
  std::vector<Exposed> images;         // running first, then reachable, by severity, by name
  std::vector<RebuildFirst> rebuild;   // that fixes most others first; together they carry every affected image
  std::vector<ExposurePoint> history;  // oldest first, one for each day (UTC) on which something changed
  size_t rejudged = 0;
  InventoryCounts searched;
  std::vector<std::pair<std::string, std::string>> unjudged;
  ToRead to_read;  // for patterns that were not searched
};

Result<Exposure> exposure_of(Inventory& inventory, const std::string& threat, const ScanOptions& options, const ExposureOptions& how = {});

// The reachability of a threat in an image as each of its running uses starts it; a use without a command of its own has that of `found`.
std::vector<Reachability> reachability_as_run(Inventory& inventory, const StoredImage& image, const std::vector<StoredUse>& uses, const Finding& found,
                                              const ScanOptions& options);

// The worst of a finding's reachability and of those of the workloads that run it: these alone count where there are any.
ReachState effective_reach(const Reachability& found, const std::vector<Reachability>& as_run);

bool is_running(const Exposed& x);

// What remains to be told once the affected images are known: history, what to rebuild first, order, and what the options leave out. `ids` are
// those of `affected`.
void finish_exposure(Inventory& inventory, std::vector<Exposed> affected, const std::vector<Inventory::Id>& ids, const ExposureOptions& how, Exposure& out);

// The affected images as the answer to a question: threat:FILE.
HuntAnswer as_answer(Inventory& inventory, const Exposure& exposure, const std::string& asked);

}  // namespace careen
