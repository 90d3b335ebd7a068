// Image documents for tests of sources: a tree in memory, and images written into it as an OCI layout or as docker save does.
#pragma once
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "source/blob_tree.h"

namespace careen::test {

class MemoryTree : public BlobTree {
 public:
  std::map<std::string, std::string> files;

  Result<std::string> text(const std::string& name, uint64_t limit) const override {
    auto it = files.find(name);
    if (it == files.end()) return Error{Errc::not_found, "no " + name};
    if (it->second.size() > limit) return Error{Errc::limit, name + " is too large"};
    return it->second;
  }
  Result<BlobInput> open(const std::string& name) const override {
    if (!has(name)) return Error{Errc::not_found, "no " + name};
    BlobInput in;
    in.region = true;
    in.length = files.at(name).size();
    return in;
  }
  bool has(const std::string& name) const override { return files.contains(name); }

  // Stores a blob under its digest; gives its descriptor.
  nlohmann::json put(const std::string& bytes, const std::string& type) {
    Digest d = digest_of(as_bytes(bytes));
    files["blobs/sha256/" + std::string(d.hex())] = bytes;
    return {{"mediaType", type}, {"digest", d.text()}, {"size", bytes.size()}};
  }
  // An image whose layers hold the given texts.
  nlohmann::json image(const std::string& os, const std::string& architecture, const std::vector<std::string>& layers, const std::string& variant = "") {
    nlohmann::json config{{"os", os}, {"architecture", architecture}, {"rootfs", {{"type", "layers"}, {"diff_ids", nlohmann::json::array()}}}};
    if (!variant.empty()) config["variant"] = variant;
    nlohmann::json manifest{{"schemaVersion", 2}, {"mediaType", "application/vnd.oci.image.manifest.v1+json"}, {"layers", nlohmann::json::array()}};
    for (const std::string& l : layers) {
      manifest["layers"].push_back(put(l, "application/vnd.oci.image.layer.v1.tar"));
      config["rootfs"]["diff_ids"].push_back(digest_of(as_bytes(l)).text());
      config["history"].push_back({{"created_by", "made " + l}});
    }
    manifest["config"] = put(config.dump(), "application/vnd.oci.image.config.v1+json");
    nlohmann::json d = put(manifest.dump(), "application/vnd.oci.image.manifest.v1+json");
    d["platform"] = {{"os", os}, {"architecture", architecture}};
    if (!variant.empty()) d["platform"]["variant"] = variant;
    return d;
  }
  nlohmann::json index(const std::vector<nlohmann::json>& entries) {
    return put(nlohmann::json{{"schemaVersion", 2}, {"manifests", entries}}.dump(), "application/vnd.oci.image.index.v1+json");
  }
  void layout(const std::vector<nlohmann::json>& entries) {
    files["oci-layout"] = R"({"imageLayoutVersion":"1.0.0"})";
    files["index.json"] = nlohmann::json{{"schemaVersion", 2}, {"manifests", entries}}.dump();
  }
};

inline nlohmann::json named(nlohmann::json descriptor, const std::string& name) {
  descriptor["annotations"]["org.opencontainers.image.ref.name"] = name;
  return descriptor;
}

inline std::string blob_file(const nlohmann::json& descriptor) {
  return "blobs/sha256/" + descriptor["digest"].get<std::string>().substr(7);
}

}  // namespace careen::test
