// What the detectors are given of an image.
#pragma once
#include "detect/finding.h"
#include "facts/image_facts.h"
#include "knowledge/threat_set.h"
#include "oci/manifest.h"

namespace careen {

struct LayerInput {
  Digest blob, diff_id;  // computed here; empty when the layer could not be read
  std::string created_by;
  bool read = false;  // its content was examined
};

struct DetectInput {
  Digest manifest, index;
  const ImageConfig* config = nullptr;
  std::vector<LayerInput> layers;
  const ImageFacts* facts = nullptr;
  const ThreatSet* threats = nullptr;
  bool is_rootfs = false, is_single_file = false;
};

struct PackageUsed {
  PackageUse use = PackageUse::unknown;
  std::string by;  // the chain by which it is loaded
};

struct Detected {
  std::vector<Finding> findings;  // sorted, with ids
  std::vector<Coverage> coverage;
  std::vector<PackageUsed> uses;  // of the image's packages, in their order; empty when there are none
};

// Every detector over one image, evidence joined per threat and file, reachability judged.
Detected detect(const DetectInput& in);

}  // namespace careen
