// Questions to the inventory: which images hold a package, a file, a name, a threat. Nothing is read and nothing is asked for.
//
// An answer says what it was searched in. An image with layers or databases that could not be read is *not judged*: it is never
// counted as holding nothing.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "fleet/question.h"
#include "scan/scan.h"
#include "store/inventory.h"

namespace careen {

struct HuntMatch {
  std::string indicator;  // as asked
  std::string image;      // manifest digest
  std::string platform;
  std::vector<Tag> tags;
  std::vector<StoredUse> uses;  // running ones first
  std::optional<std::string> path, package, version;
  std::optional<std::string> layer;  // diff ID
  std::optional<size_t> layer_index;
  std::string created_by;
  bool visible = true;
  int64_t first_seen = 0, last_seen = 0;
  std::optional<std::string> confidence, severity, reachability;  // of a threat
  std::string finding;                                            // of a threat: its id
  std::vector<Reachability> as_run;                               // of a threat: as each running use starts the image, in the order of `uses`
  std::map<std::string, std::string> labels;                      // org.opencontainers.image.source and .revision
};

// Layers that must be read before an answer is whole (fleet/reading.h).
struct ToRead {
  size_t layers = 0;
  uint64_t bytes = 0;
  std::vector<std::pair<std::string, std::string>> lost;  // content that can no longer be had: a layer's diff ID, or where it was, and why
};

struct HuntAnswer {
  std::vector<HuntMatch> matches;
  ToRead to_read;
  InventoryCounts searched;
  std::vector<std::pair<std::string, std::string>> unjudged;  // image digest and why
};

bool is_running(const HuntMatch& m);

// A match of an image, without its tags and uses; and what a finding adds to it.
HuntMatch match_of(const std::string& asked, const StoredImage& image);
void tell_finding(HuntMatch& m, const StoredImage& image, const Finding& f);

// The patterns that are asked for, as one set in a fixed order. A layer is searched for all of them at once, in every file.
std::vector<PatternSpec> patterns_of(const std::vector<HuntQuestion>& questions);

// Matches of running images come first, then by image, layer and path.
HuntAnswer hunt(Inventory& inventory, const std::vector<HuntQuestion>& questions);

// What runs of images that are not in the inventory: a question about what runs cannot judge them.
void add_unseen(Inventory& inventory, std::vector<std::pair<std::string, std::string>>& unjudged);

// Whether it had names, and each is gone.
bool has_vanished(const std::vector<Tag>& tags);

// The name a person knows an image by: its first tag that is still there, else its digest.
std::string name_of(const std::vector<Tag>& tags, const std::string& digest);

}  // namespace careen
