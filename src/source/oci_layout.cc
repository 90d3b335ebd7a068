#include "source/oci_layout.h"

#include <algorithm>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <set>

#include "base/text.h"

namespace careen {
namespace {

constexpr size_t kMaxPredicates = 64, kMaxPredicateType = 256;

std::string blob_name(const Digest& d) {
  std::string name = "blobs/" + d.text();
  name[name.find(':')] = '/';
  return name;
}

DocumentMemory& memory() {
  static DocumentMemory m;
  return m;
}

// A manifest that was reached from the roots, and the way to it.
struct Leaf {
  Descriptor descriptor;
  Manifest manifest;
  Digest index;  // it was chosen from
  std::vector<DigestMismatch> mismatches;
};

class Chooser {
 public:
  Chooser(ManifestStore& store, const PlatformChoice& platforms) : store_(store), platforms_(platforms) {}

  Result<std::vector<Image>> run(const std::vector<Descriptor>& roots) {
    for (const Descriptor& d : roots) CAREEN_TRY(visit(d, {}, {}, 0));
    if (leaves_.empty() && !first_error_ && !others_.empty())
      return Error{Errc::not_found, "no image for " + escape(platforms_.platform->text()) + "; there is " + list({})};
    if (leaves_.empty()) return first_error_ ? *first_error_ : Error{Errc::not_found, "the index names no image"};
    std::vector<Image> images;
    for (Leaf& leaf : leaves_) {
      auto image = build(leaf);
      if (!image) {
        if (leaves_.size() == 1) return std::move(image).error();
        if (!first_error_) first_error_ = image.error();
        continue;
      }
      if (auto it = attestations_.find(image->digest.text()); it != attestations_.end()) image->attestations = it->second;
      images.push_back(std::move(*image));
    }
    if (images.empty()) return *first_error_;
    if (platforms_.all && first_error_)
      for (Image& i : images) i.gaps.push_back("another image of the index could not be read: " + first_error_->what);
    return pick(std::move(images));
  }

 private:
  Result<void> visit(const Descriptor& d, const Digest& from, std::vector<DigestMismatch> mismatches, int depth) {
    if (is_attestation(d)) {
      if (platforms_.attestations) note_attestation(d);
      return {};
    }
    if (depth > kMaxIndexDepth) return Error{Errc::limit, "indexes are nested deeper than 8 (kMaxIndexDepth)"};
    // What is surely another platform is not fetched.
    if (d.platform && !d.platform->os.empty() && platforms_.platform && !platforms_.all && !platforms_.platform->wants(*d.platform)) {
      others_.push_back(d.platform->text());
      return {};
    }
    if (!seen_.insert(d.digest).second) return {};  // a circle, or the same twice
    if (seen_.size() > kMaxIndexEntries) return Error{Errc::limit, "more than 10000 manifests (kMaxIndexEntries)"};
    auto text = store_.manifest(d);
    if (!text) {
      if (d.platform && Platform::of_this_machine().wants(*d.platform)) own_missing_ = true;
      if (!first_error_) first_error_ = text.error();
      return depth == 0 ? Result<void>(std::move(text).error()) : Result<void>{};
    }
    Digest actual = digest_of(as_bytes(*text), d.digest.algorithm());
    if (!d.digest.empty() && actual != d.digest) mismatches.push_back({"manifest", d.digest, actual});
    auto m = parse_manifest(*text);
    if (!m) {
      if (d.platform && Platform::of_this_machine().wants(*d.platform)) own_missing_ = true;
      if (!first_error_) first_error_ = Error(m.error()).in(d.digest.text());
      return {};
    }
    if (m->is_index) {
      for (const Descriptor& entry : m->entries) CAREEN_TRY(visit(entry, d.digest, mismatches, depth + 1));
      return {};
    }
    leaves_.push_back({d, std::move(*m), from, std::move(mismatches)});
    return {};
  }

  // As BuildKit makes them (docs.docker.com, "Image attestation storage"): the subject and the types of predicates stand in annotations.
  void note_attestation(const Descriptor& d) {
    auto subject = d.annotations.find("vnd.docker.reference.digest");
    if (subject == d.annotations.end() || !Digest::parse(subject->second) || !seen_.insert(d.digest).second || seen_.size() > kMaxIndexEntries) return;
    Attestation a{d.digest.text(), {}};
    auto text = store_.manifest(d);
    auto m = text && digest_of(as_bytes(*text), d.digest.algorithm()) == d.digest ? parse_manifest(*text) : Result<Manifest>(Error{Errc::mismatch, ""});
    for (const Descriptor& l : m ? m->layers : std::vector<Descriptor>{})
      if (auto type = l.annotations.find("in-toto.io/predicate-type"); type != l.annotations.end() && a.predicates.size() < kMaxPredicates)
        a.predicates.push_back(type->second.substr(0, kMaxPredicateType));
    attestations_[subject->second].push_back(std::move(a));
  }

  Result<Image> build(Leaf& leaf) {
    Image image;
    image.digest = leaf.descriptor.digest;
    image.index_digest = leaf.index;
    image.mismatches = std::move(leaf.mismatches);
    image.config_digest = leaf.manifest.config.digest;
    std::string text;
    auto known = memory().find ? memory().find(image.config_digest) : std::nullopt;
    if (known && digest_of(as_bytes(*known), image.config_digest.algorithm()) == image.config_digest) {
      text = std::move(*known);
    } else {
      CAREEN_ASSIGN(text, store_.config(leaf.manifest.config));
      known.reset();
    }
    Digest actual = digest_of(as_bytes(text), image.config_digest.algorithm());
    if (actual == image.config_digest && !known && memory().keep) memory().keep(actual, text);
    if (actual != image.config_digest) image.mismatches.push_back({"config", image.config_digest, actual});
    CAREEN_ASSIGN(image.config, parse_config(text));
    image.annotations = std::move(leaf.manifest.annotations);
    image.platform = image.config.platform;
    if (image.platform.os.empty() && leaf.descriptor.platform) image.platform = *leaf.descriptor.platform;
    auto steps = image.config.created_by(leaf.manifest.layers.size());
    for (size_t i = 0; i < leaf.manifest.layers.size(); ++i) {
      Layer layer;
      layer.descriptor = leaf.manifest.layers[i];
      layer.kind = layer_kind(layer.descriptor.media_type);
      layer.created_by = steps[i];
      if (image.config.diff_ids.size() == leaf.manifest.layers.size()) layer.claimed_diff_id = image.config.diff_ids[i];
      layer.open = store_.layer(layer.descriptor);
      image.layers.push_back(std::move(layer));
    }
    return image;
  }

  std::string list(const std::vector<Image>& images) const {
    std::set<std::string> names(others_.begin(), others_.end());
    for (const Image& i : images) names.insert(i.platform.text());
    std::string out;
    for (const std::string& n : names) out += (out.empty() ? "" : ", ") + escape(n);
    return out;
  }

  Result<std::vector<Image>> pick(std::vector<Image> images) const {
    if (platforms_.all) {
      std::stable_sort(images.begin(), images.end(), [](const Image& a, const Image& b) { return a.platform.text() < b.platform.text(); });
      return images;
    }
    auto with = [&](const Platform& p) {
      std::vector<Image> out;
      for (Image& i : images)
        if (p.wants(i.platform)) {
          out.push_back(std::move(i));
          break;
        }
      return out;
    };
    if (platforms_.platform) {
      auto out = with(*platforms_.platform);
      if (out.empty()) return Error{Errc::not_found, "no image for " + escape(platforms_.platform->text()) + "; there is " + list(images)};
      return out;
    }
    if (own_missing_ && first_error_) return *first_error_;  // the one that this machine would run: another's verdict would mislead
    if (images.size() == 1) return images;
    if (std::any_of(images.begin(), images.end(), [](const Image& i) { return Platform::of_this_machine().wants(i.platform); }))
      return with(Platform::of_this_machine());
    return Error{Errc::usage,
                 "no image for " + Platform::of_this_machine().text() + ": choose one of " + list(images) + " with --platform, or take --all-platforms"};
  }

  ManifestStore& store_;
  const PlatformChoice& platforms_;
  std::set<Digest> seen_;
  std::map<std::string, std::vector<Attestation>> attestations_;  // by the digest of what they are about
  std::vector<Leaf> leaves_;
  std::vector<std::string> others_;
  std::optional<Error> first_error_;
  bool own_missing_ = false;  // the image for this machine could not be read
};

class LayoutStore : public ManifestStore {
 public:
  explicit LayoutStore(std::shared_ptr<BlobTree> tree) : tree_(std::move(tree)) {}
  Result<std::string> manifest(const Descriptor& d) override { return tree_->text(blob_name(d.digest), kMaxManifestBytes); }
  Result<std::string> config(const Descriptor& d) override { return tree_->text(blob_name(d.digest), kMaxConfigBytes); }
  std::function<Result<BlobInput>()> layer(const Descriptor& d) override {
    return [tree = tree_, name = blob_name(d.digest)] { return tree->open(name); };
  }

 private:
  std::shared_ptr<BlobTree> tree_;
};

std::string ref_name(const Descriptor& d) {
  for (const char* key : {"org.opencontainers.image.ref.name", "io.containerd.image.name"})
    if (auto it = d.annotations.find(key); it != d.annotations.end()) return it->second;
  return {};
}

// containerd names the repository too where "ref.name" is the tag alone.
std::string full_name(const Descriptor& d) {
  auto it = d.annotations.find("io.containerd.image.name");
  return it != d.annotations.end() ? it->second : ref_name(d);
}

bool names(const Descriptor& d, const std::string& tag) {
  for (const char* key : {"org.opencontainers.image.ref.name", "io.containerd.image.name"}) {
    auto it = d.annotations.find(key);
    if (it == d.annotations.end()) continue;
    if (it->second == tag) return true;
    auto a = Reference::parse(it->second), b = Reference::parse(tag);
    if (a && b && a->text() == b->text()) return true;
    if (it->second.ends_with(":" + tag)) return true;
  }
  return false;
}

// A folder of thousands of images is asked for each of them, and its list is parsed once.
Result<std::shared_ptr<const Manifest>> parse_list(std::string text) {
  static std::mutex mutex;
  static std::string last;
  static std::shared_ptr<const Manifest> parsed;
  std::lock_guard lock(mutex);
  if (parsed && text == last) return parsed;
  CAREEN_ASSIGN(Manifest m, parse_manifest(text));
  last = std::move(text);
  return parsed = std::make_shared<const Manifest>(std::move(m));
}

// The images of all entries, each with its names; that one cannot be read is told with the others.
Result<std::vector<Image>> every_image(ManifestStore& store, const std::vector<Descriptor>& roots, const PlatformChoice& platforms, const std::string& source,
                                       const std::string& where) {
  std::vector<Image> out;
  std::map<Digest, std::pair<size_t, size_t>> known;  // from where to where in `out`, of what several entries may name
  std::optional<Error> other_platform, failure;
  for (const Descriptor& d : roots) {
    std::string name = ref_name(d);
    auto [it, fresh] = known.try_emplace(d.digest, out.size(), out.size());
    if (!fresh) {
      for (size_t i = it->second.first; i < it->second.second; ++i)
        if (!name.empty()) out[i].names.push_back(full_name(d));
      continue;
    }
    auto images = choose_images(store, {d}, platforms);
    if (!images) {
      bool of_platform = platforms.platform && images.error().what.starts_with("no image for ");
      (of_platform ? other_platform : failure) = images.error();
      continue;
    }
    for (Image& i : *images) {
      i.source = source;
      i.file = where;
      i.resolved = where + (name.empty() ? "" : ":" + name);
      if (!name.empty()) i.names = {full_name(d)};
      out.push_back(std::move(i));
    }
    it->second.second = out.size();
  }
  if (out.empty()) return failure ? *failure : *other_platform;
  if (failure) out[0].others_unread = failure->what;
  return out;
}

}  // namespace

void set_document_memory(DocumentMemory m) {
  memory() = std::move(m);
}

Result<std::vector<Image>> choose_images(ManifestStore& store, const std::vector<Descriptor>& roots, const PlatformChoice& platforms) {
  return Chooser(store, platforms).run(roots);
}

Result<std::vector<Image>> read_layout(const std::shared_ptr<BlobTree>& tree, const LayoutSelector& selector, const PlatformChoice& platforms,
                                       const std::string& source, const std::string& where) {
  CAREEN_ASSIGN(std::string text, tree->text("index.json", kMaxManifestBytes));
  auto parsed = parse_list(std::move(text));
  if (!parsed) return std::move(parsed).error().in("index.json");
  std::shared_ptr<const Manifest> index = std::move(*parsed);
  if (!index->is_index) return Error{Errc::corrupt, "index.json is not an image index"};

  std::vector<Descriptor> roots;
  bool any = false;
  for (const Descriptor& d : index->entries) {
    if (is_attestation(d)) continue;
    any = true;
    bool wanted = selector.tag.empty() && selector.digest.empty();
    if (!selector.tag.empty()) wanted = names(d, selector.tag);
    if (!selector.digest.empty()) wanted = d.digest == selector.digest;
    if (wanted) roots.push_back(d);
  }
  auto list = [&] {
    std::set<std::string> all;
    for (const Descriptor& d : index->entries)
      if (std::string name = ref_name(d); !is_attestation(d)) all.insert(name.empty() ? "@" + d.digest.text() : name);
    std::string out;
    for (const std::string& n : all) out += "\n  " + escape(n);
    return out;
  };
  if (roots.empty()) {
    if (!selector.digest.empty() && tree->has(blob_name(selector.digest))) {
      Descriptor d;  // inside an index, or not in index.json at all
      d.digest = selector.digest;
      roots.push_back(d);
    } else if (!any) {
      return Error{Errc::not_found, "the layout holds no image"};
    } else {
      return Error{Errc::usage,
                   "no image '" + escape(selector.tag.empty() ? selector.digest.text() : selector.tag) + "' in " + escape(where) + "; it holds:" + list()};
    }
  }
  LayoutStore store(tree);
  if (platforms.every && selector.tag.empty() && selector.digest.empty()) return every_image(store, roots, platforms, source, where);
  // Entries without a name that differ in platform alone are one image; different names are several.
  std::set<std::string> chosen;
  for (const Descriptor& d : roots) chosen.insert(ref_name(d));
  bool by_platform = roots.size() > 1 && std::all_of(roots.begin(), roots.end(), [](const Descriptor& d) { return d.platform.has_value(); });
  if (roots.size() > 1 && (chosen.size() > 1 || !by_platform) && selector.digest.empty())
    return Error{Errc::usage, escape(where) + " holds several images; choose one as " + source + ":" + escape(where) + ":NAME from:" + list()};

  CAREEN_ASSIGN(std::vector<Image> images, choose_images(store, roots, platforms));
  for (Image& i : images) {
    i.source = source;
    i.resolved = i.file = where;
    if (std::string name = ref_name(roots[0]); !name.empty()) i.resolved += ":" + name, i.names = {full_name(roots[0])};
  }
  return images;
}

}  // namespace careen
