// An inventory in a scratch folder and layouts to fill it from, for tests of questions about many images. Layers are read by real
// workers; the layouts may be deleted afterwards, to show that an answer needs none of them.
#pragma once
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "blobs.h"
#include "fleet/indexer.h"
#include "image_text.h"
#include "scratch_folder.h"
#include "source/oci_layout.h"
#include "store_place.h"

namespace careen::test {

struct FleetImage {
  std::string name, text;  // text: image_text.h
  std::string architecture = "amd64";
  std::vector<std::string> environment = {}, entrypoint = {}, command = {};
  std::map<std::string, std::string> labels = {};
  std::string user = {};
};

// One image into a tree; gives its descriptor.
inline nlohmann::json put_image(MemoryTree& tree, const FleetImage& image) {
  nlohmann::json config{{"os", "linux"}, {"architecture", image.architecture}, {"created", "2024-03-29T00:00:00Z"}};
  nlohmann::json manifest{{"schemaVersion", 2}, {"mediaType", "application/vnd.oci.image.manifest.v1+json"}, {"layers", nlohmann::json::array()}};
  config["rootfs"] = {{"type", "layers"}, {"diff_ids", nlohmann::json::array()}};
  size_t step = 0;
  for (const std::string& tar : ImageText(image.text).tars()) {
    manifest["layers"].push_back(tree.put(tar, "application/vnd.oci.image.layer.v1.tar"));
    config["rootfs"]["diff_ids"].push_back(digest_of(as_bytes(tar)).text());
    config["history"].push_back({{"created_by", "step " + std::to_string(step++)}});
  }
  config["config"] = {{"Env", image.environment}, {"Entrypoint", image.entrypoint}, {"Cmd", image.command}, {"Labels", image.labels}};
  if (!image.user.empty()) config["config"]["User"] = image.user;
  manifest["config"] = tree.put(config.dump(), "application/vnd.oci.image.config.v1+json");
  nlohmann::json d = tree.put(manifest.dump(), "application/vnd.oci.image.manifest.v1+json");
  d["platform"] = {{"os", "linux"}, {"architecture", image.architecture}};
  return d;
}

inline void write_tree(const MemoryTree& tree, const std::string& folder) {
  for (const auto& [name, bytes] : tree.files) {
    std::filesystem::path p = folder + "/" + name;
    std::filesystem::create_directories(p.parent_path());
    std::ofstream(p, std::ios::binary) << bytes;
  }
}

inline PatternSpec pattern(const std::string& id, const std::string& bytes) {
  PatternSpec p;
  p.id = id;
  p.bytes.assign(bytes.begin(), bytes.end());
  p.wild.assign(bytes.size(), 0);
  p.any_file = true;
  return p;
}

// Threats that are each known by the content of one file: id → content.
inline std::shared_ptr<ThreatSet> threats_of(const std::map<std::string, std::string>& files) {
  auto set = std::make_shared<ThreatSet>();
  std::string all;
  for (const auto& [id, content] : files) {
    Threat t;
    t.id = id;
    t.title = "About " + id;
    t.aliases = {"ALIAS-" + id};
    t.severity = Severity::critical;
    t.files = {{digest_of(as_bytes(content)), "the stand-in", {}, std::nullopt}};
    set->threats.push_back(std::move(t));
    all += id + "=" + content + "\n";
  }
  set->sources = {{"test", files.size(), digest_of(as_bytes(all)), ""}};
  return set;
}

class Fleet {
 public:
  Fleet() {
    std::filesystem::create_directories(scratch / "spool");
    scan.spool_directory = scratch / "spool";
    scan.threats = threats_of({{"T-1", "bad"}});
    auto opened = Inventory::open(place.text(), Inventory::Mode::write);
    if (!opened) return;
    inventory = std::move(*opened);
    auto cache = inventory->layers();
    scan.cache = cache;
    set_document_memory(
        {[cache](const Digest& d) { return cache->document(d); }, [cache](const Digest& d, const std::string& text) { cache->put_document(d, text); }});
  }
  ~Fleet() { set_document_memory({}); }
  Fleet(const Fleet&) = delete;
  Fleet& operator=(const Fleet&) = delete;

  // A layout of these images; gives its folder. Their manifests' digests are in `digests` by name.
  std::string layout(const std::string& folder, const std::vector<FleetImage>& images) {
    MemoryTree tree;
    std::vector<nlohmann::json> entries;
    for (const FleetImage& i : images) {
      entries.push_back(named(put_image(tree, i), i.name));
      digests[i.name] = entries.back()["digest"];
    }
    tree.layout(entries);
    write_tree(tree, scratch / folder);
    return scratch / folder;
  }
  IndexOptions options() {
    IndexOptions o;
    o.scan = scan;
    o.resolve.index_archive = archive_indexer(scan);
    o.clock = [this] { return now; };
    return o;
  }
  Result<IndexSummary> index(const std::vector<std::string>& sources) { return index_images(*inventory, sources, options()); }
  // Indexes a layout of these images, and deletes it.
  IndexSummary take(const std::vector<FleetImage>& images) {
    std::string folder = layout("taken" + std::to_string(++taken_), images);
    auto summary = index({folder});
    std::filesystem::remove_all(folder);
    return summary ? *summary : IndexSummary{};
  }
  Inventory::Id id(const std::string& name) { return inventory->image_id(digests[name]).value_or(0); }
  StoredImage stored(const std::string& name) { return inventory->image(id(name)).value_or(StoredImage{}); }

  ScratchFolder scratch;
  StorePlace place{scratch / "fleet.sqlite"};
  ScanOptions scan;
  std::unique_ptr<Inventory> inventory;
  int64_t now = 1000;
  std::map<std::string, std::string> digests;

 private:
  int taken_ = 0;
};

}  // namespace careen::test
