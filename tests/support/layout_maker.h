// Writes an OCI image layout to disk from tars, true or lying, for tests that scan a whole image.
#pragma once
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "digest/digest.h"

namespace careen::test {

struct LayoutSpec {
  std::vector<std::string> layers;  // blobs: tars, compressed or not
  std::vector<std::string> tars;    // their content, for the diff IDs; empty: the blobs themselves
  std::vector<std::string> entrypoint, command, environment;
  std::string media_type = "application/vnd.oci.image.layer.v1.tar";
  // What the image says that is not so: by number of layer.
  int lying_blob = -1, lying_diff_id = -1, missing_blob = -1;
  bool extra_diff_id = false;
};

class LayoutMaker {
 public:
  LayoutMaker(const std::string& folder, const LayoutSpec& spec) : folder_(folder) {
    std::filesystem::create_directories(folder + "/blobs/sha256");
    nlohmann::json layers = nlohmann::json::array(), ids = nlohmann::json::array(), history = nlohmann::json::array();
    const auto& tars = spec.tars.empty() ? spec.layers : spec.tars;
    for (size_t i = 0; i < spec.layers.size(); ++i) {
      int n = static_cast<int>(i);
      Digest digest = digest_of(as_bytes(n == spec.lying_blob ? "another blob" : spec.layers[i]));
      if (n != spec.missing_blob) write(digest, spec.layers[i]);
      layers.push_back({{"mediaType", spec.media_type}, {"digest", digest.text()}, {"size", spec.layers[i].size()}});
      ids.push_back(digest_of(as_bytes(n == spec.lying_diff_id ? "another layer" : tars[i])).text());
      history.push_back({{"created_by", "step " + std::to_string(i)}});
    }
    if (spec.extra_diff_id) ids.push_back(digest_of(as_bytes("one more")).text());
    nlohmann::json config = {{"os", "linux"},
                             {"architecture", "amd64"},
                             {"rootfs", {{"type", "layers"}, {"diff_ids", ids}}},
                             {"history", history},
                             {"config", {{"Entrypoint", spec.entrypoint}, {"Cmd", spec.command}, {"Env", spec.environment}}}};
    nlohmann::json manifest = {{"schemaVersion", 2},
                               {"mediaType", "application/vnd.oci.image.manifest.v1+json"},
                               {"config", blob(config.dump(), "application/vnd.oci.image.config.v1+json")},
                               {"layers", layers}};
    nlohmann::json index = {{"schemaVersion", 2}, {"manifests", nlohmann::json::array({blob(manifest.dump(), "application/vnd.oci.image.manifest.v1+json")})}};
    file("oci-layout", R"({"imageLayoutVersion":"1.0.0"})");
    file("index.json", index.dump());
  }
  void file(const std::string& name, const std::string& text) const { std::ofstream(folder_ + "/" + name, std::ios::binary) << text; }

 private:
  void write(const Digest& d, const std::string& text) const { file("blobs/sha256/" + std::string(d.hex()), text); }
  nlohmann::json blob(const std::string& text, const char* media_type) const {
    Digest d = digest_of(as_bytes(text));
    write(d, text);
    return {{"mediaType", media_type}, {"digest", d.text()}, {"size", text.size()}};
  }
  std::string folder_;
};

}  // namespace careen::test
