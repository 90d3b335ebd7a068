#include "source/docker_archive.h"

#include <fcntl.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/text.h"

namespace careen {
namespace {

using nlohmann::json;

class ArchiveTree : public BlobTree {
 public:
  explicit ArchiveTree(IndexedArchive a) : archive_(std::move(a)) {
    for (const ArchiveEntry& m : archive_.members) members_[m.name] = &m;  // the last of a name wins, as when unpacked
  }

  Result<std::string> text(const std::string& name, uint64_t limit) const override {
    CAREEN_ASSIGN(const ArchiveEntry* m, find(name));
    if (m->size > limit) return Error{Errc::limit, escape(name) + " is larger than " + human_size(limit)};
    if (auto it = archive_.texts.find(m->name); it != archive_.texts.end()) return it->second;
    std::string out(m->size, '\0');
    CAREEN_ASSIGN(size_t n, pread_full(archive_.fd.get(), {reinterpret_cast<uint8_t*>(out.data()), out.size()}, m->offset));
    if (n != out.size()) return Error{Errc::truncated, escape(name) + ": the archive ends inside it"};
    return out;
  }
  Result<BlobInput> open(const std::string& name) const override {
    CAREEN_ASSIGN(const ArchiveEntry* m, find(name));
    BlobInput in;
    in.fd = Fd(::fcntl(archive_.fd.get(), F_DUPFD_CLOEXEC, 0));
    if (!in.fd) return os_error("dup", errno);
    in.region = true;
    in.offset = m->offset;
    in.length = m->size;
    return in;
  }
  bool has(const std::string& name) const override { return static_cast<bool>(find(name)); }

 private:
  Result<const ArchiveEntry*> find(const std::string& name) const {
    std::string at = normal_name(name);
    for (int hops = 0; hops < 16; ++hops) {
      auto it = members_.find(at);
      if (it == members_.end()) {
        std::string why = archive_.problem.empty() ? "" : " (the archive could not be read to its end: " + archive_.problem + ")";
        return Error{Errc::not_found, "the archive has no " + escape(name) + why};
      }
      if (it->second->type == FileType::regular) return it->second;
      if (it->second->link.empty()) return Error{Errc::corrupt, escape(name) + " in the archive is not a file"};
      at = it->second->link;
    }
    return Error{Errc::corrupt, escape(name) + " in the archive is a circle of links"};
  }
  static std::string normal_name(std::string_view name) {
    while (name.starts_with("./")) name.remove_prefix(2);
    while (name.starts_with('/')) name.remove_prefix(1);
    return std::string(name);
  }

  IndexedArchive archive_;
  std::map<std::string, const ArchiveEntry*> members_;
};

struct Entry {
  std::string config;
  std::vector<std::string> tags, layers;
};

Result<std::vector<Entry>> parse_entries(const std::string& text) {
  CAREEN_ASSIGN(json j, parse_json(text, "manifest.json"));
  if (!j.is_array() || j.empty()) return Error{Errc::corrupt, "manifest.json is not a list of images"};
  if (j.size() > kMaxIndexEntries) return Error{Errc::limit, "manifest.json names more than 10000 images (kMaxIndexEntries)"};
  std::vector<Entry> out;
  for (const json& item : j) {
    Entry e;
    auto texts = [&](const char* key, std::vector<std::string>& into) {
      if (item.is_object() && item.contains(key) && item[key].is_array())
        for (const json& t : item[key])
          if (t.is_string()) into.push_back(t.get<std::string>());
    };
    if (!item.is_object() || !item.contains("Config") || !item["Config"].is_string()) return Error{Errc::corrupt, "manifest.json: an image without Config"};
    e.config = item["Config"].get<std::string>();
    texts("RepoTags", e.tags);
    texts("Layers", e.layers);
    if (e.layers.size() > kMaxLayers) return Error{Errc::limit, "more than 10000 layers (kMaxLayers)"};
    out.push_back(std::move(e));
  }
  return out;
}

std::string list_of(const std::vector<Entry>& entries) {
  std::string out;
  for (size_t i = 0; i < entries.size(); ++i) {
    out += "\n  @" + std::to_string(i);
    for (const std::string& t : entries[i].tags) out += " " + escape(t);
  }
  return out;
}

bool has_tag(const Entry& e, const std::string& want) {
  auto full = Reference::parse(want);
  return std::any_of(e.tags.begin(), e.tags.end(), [&](const std::string& t) {
    auto have = Reference::parse(t);
    return t == want || t.ends_with(":" + want) || (full && have && full->text() == have->text());
  });
}

// blobs/sha256/HEX names its own digest; other names promise nothing.
Digest digest_in_name(const std::string& name) {
  if (!name.starts_with("blobs/sha256/")) return {};
  auto d = Digest::parse("sha256:" + name.substr(13));
  return d ? *d : Digest{};
}

// The manifests of the archive's own index.json, which have digests that manifest.json lacks, by the configurations that they name.
std::map<Digest, Descriptor> manifests_of(const BlobTree& tree) {
  constexpr size_t kMost = 1000;
  std::map<Digest, Descriptor> out;
  auto text = tree.text("index.json", kMaxManifestBytes);
  auto index = text ? parse_manifest(*text) : Result<Manifest>(text.error());
  if (!index || !index->is_index) return out;
  std::vector<Descriptor> todo = index->entries;
  for (size_t i = 0; i < todo.size() && i < kMost; ++i) {
    auto body = tree.text("blobs/sha256/" + std::string(todo[i].digest.hex()), kMaxManifestBytes);
    auto m = body ? parse_manifest(*body) : Result<Manifest>(body.error());
    if (!m) continue;
    if (m->is_index && todo.size() < kMost) todo.insert(todo.end(), m->entries.begin(), m->entries.end());
    if (!m->is_index) out.try_emplace(m->config.digest, todo[i]);
  }
  return out;
}

void adopt_manifest(const BlobTree& tree, const std::map<Digest, Descriptor>& manifests, const std::string& config_name, Image& image) {
  Digest config = digest_in_name(config_name);
  auto known = config.empty() ? manifests.end() : manifests.find(config);
  if (known == manifests.end()) return;
  auto body = tree.text("blobs/sha256/" + std::string(known->second.digest.hex()), kMaxManifestBytes);
  auto m = body ? parse_manifest(*body) : Result<Manifest>(body.error());
  if (!m) return;
  image.digest = known->second.digest;
  Digest actual = digest_of(as_bytes(*body), image.digest.algorithm());
  if (actual != image.digest) image.mismatches.push_back({"manifest", image.digest, actual});
  for (size_t k = 0; k < image.layers.size() && k < m->layers.size(); ++k)
    if (image.layers[k].descriptor.digest == m->layers[k].digest) {
      image.layers[k].descriptor = m->layers[k];
      image.layers[k].kind = layer_kind(m->layers[k].media_type);
    }
}

Result<Image> build(const std::shared_ptr<BlobTree>& tree, const std::map<Digest, Descriptor>& manifests, const Entry& e) {
  Image image;
  auto config = tree->text(e.config, kMaxConfigBytes);
  if (!config) return std::move(config).error().in("config");
  image.config_digest = digest_of(as_bytes(*config));
  Digest named = digest_in_name(e.config);
  if (named.empty() && e.config.ends_with(".json"))
    if (auto d = Digest::parse("sha256:" + e.config.substr(0, e.config.size() - 5))) named = *d;
  if (!named.empty() && named != image.config_digest) image.mismatches.push_back({"config", named, image.config_digest});
  CAREEN_ASSIGN(image.config, parse_config(*config));
  image.platform = image.config.platform;
  auto steps = image.config.created_by(e.layers.size());
  for (size_t i = 0; i < e.layers.size(); ++i) {
    Layer layer;
    layer.descriptor.digest = digest_in_name(e.layers[i]);
    layer.created_by = steps[i];
    if (image.config.diff_ids.size() == e.layers.size()) layer.claimed_diff_id = image.config.diff_ids[i];
    layer.open = [tree, name = e.layers[i]] { return tree->open(name); };
    image.layers.push_back(std::move(layer));
  }
  adopt_manifest(*tree, manifests, e.config, image);
  return image;
}

Result<std::vector<Image>> of_platform(std::vector<Image> images, const PlatformChoice& platforms, const std::string& where) {
  if (platforms.platform) std::erase_if(images, [&](const Image& i) { return !platforms.platform->wants(i.platform); });
  if (images.empty()) return Error{Errc::not_found, "no image for " + escape(platforms.platform->text()) + " in " + escape(where)};
  return images;
}

}  // namespace

std::shared_ptr<BlobTree> open_archive_tree(IndexedArchive archive) {
  return std::make_shared<ArchiveTree>(std::move(archive));
}

Result<std::vector<Image>> read_docker_archive(const std::shared_ptr<BlobTree>& tree, const std::string& selector, const PlatformChoice& platforms,
                                               const std::string& source, const std::string& where) {
  CAREEN_ASSIGN(std::string text, tree->text("manifest.json", kMaxIndexEntries * 1024));
  CAREEN_ASSIGN(std::vector<Entry> entries, parse_entries(text));
  std::vector<Entry> chosen;
  if (selector.starts_with('@')) {
    auto n = to_number(std::string_view(selector).substr(1));
    if (n && *n < entries.size()) chosen = {entries[static_cast<size_t>(*n)]};
  } else if (!selector.empty()) {
    std::copy_if(entries.begin(), entries.end(), std::back_inserter(chosen), [&](const Entry& e) { return has_tag(e, selector); });
  } else {
    chosen = entries;
  }
  if (chosen.empty()) return Error{Errc::usage, "no image '" + escape(selector) + "' in " + escape(where) + "; it holds:" + list_of(entries)};
  std::vector<Image> images;
  std::string failure;
  const std::map<Digest, Descriptor> manifests = manifests_of(*tree);
  for (const Entry& e : chosen) {
    auto built = build(tree, manifests, e);
    if (!built && platforms.every && chosen.size() > 1) {
      failure = Error(built.error()).in(e.tags.empty() ? e.config : e.tags[0]).what;
      continue;
    }
    if (!built) return std::move(built).error();
    Image i = std::move(*built);
    i.source = source;
    i.resolved = where;
    if (!e.tags.empty()) i.resolved += ":" + e.tags[0];
    i.file = where, i.names = e.tags;
    images.push_back(std::move(i));
  }
  if (platforms.every) {
    if (images.empty()) return Error{Errc::corrupt, failure};
    CAREEN_ASSIGN(images, of_platform(std::move(images), platforms, where));
    images[0].others_unread = failure;
    return images;
  }
  if (images.size() > 1) {
    // One tag for several platforms is one image; anything else must be chosen.
    bool same_tags = std::all_of(chosen.begin(), chosen.end(), [&](const Entry& e) { return !e.tags.empty() && e.tags == chosen[0].tags; });
    if (!same_tags)
      return Error{Errc::usage, escape(where) + " holds several images; choose one as docker-archive:" + escape(where) + ":REF or @N from:" + list_of(entries)};
    if (!platforms.all) {
      Platform want = platforms.platform.value_or(Platform::of_this_machine());
      std::erase_if(images, [&](const Image& i) { return !want.wants(i.platform); });
      if (images.size() != 1) return Error{Errc::not_found, "no single image for " + want.text() + " in " + escape(where)};
    }
  } else if (platforms.platform && !platforms.platform->wants(images[0].platform)) {
    return Error{Errc::not_found, "no image for " + escape(platforms.platform->text()) + "; there is " + escape(images[0].platform.text())};
  }
  return images;
}

Result<std::vector<Image>> read_archive(const std::shared_ptr<BlobTree>& tree, const std::string& selector, const PlatformChoice& platforms,
                                        const std::string& source, const std::string& where) {
  if (tree->has("manifest.json")) return read_docker_archive(tree, selector, platforms, source == "archive" ? "docker-archive" : source, where);
  LayoutSelector s;
  if (selector.starts_with("@sha")) {
    CAREEN_ASSIGN(s.digest, Digest::parse(std::string_view(selector).substr(1)));
  } else {
    s.tag = selector;
  }
  if (!tree->has("index.json")) {
    auto missing = tree->text("manifest.json", 1);  // its error tells why
    return Error{Errc::corrupt, escape(where) + " is not an image archive: neither manifest.json nor index.json could be found" +
                                    (missing ? "" : "; " + missing.error().what)};
  }
  return read_layout(tree, s, platforms, source == "archive" ? "oci-archive" : source, where);
}

}  // namespace careen
