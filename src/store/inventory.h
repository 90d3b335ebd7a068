// The inventory: every image that was indexed, by tag and digest, and what its layers contain, so that a question about all of
// them is answered without reading one again.
//
// One file of SQLite, or the schema `careen` of a database of PostgreSQL (postgresql://…). Either also holds the facts of layers
// in the cache's own tables: `layers()` is that cache. Facts of a
// layer are indexed once, under the diff ID that careen computed; an image is a list of layers and what a scan concluded of
// it. Each layer and each image is written in one transaction: a kill at any moment leaves whole layers and whole images.
// Several processes may read and write one inventory; an object is used by one thread at a time.
//
// Times are seconds since 1970. A time earlier than one that was stored before never moves it back.
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "facts/layer_facts.h"
#include "formats/image_uses.h"
#include "knowledge/threat_set.h"
#include "oci/manifest.h"
#include "store/cache.h"
#include "store/reverse_index.h"

namespace careen {

inline constexpr int kInventorySchema = 5;

// Kinds of names that lead to layers or to images.
enum class TermKind : uint8_t { soname = 1, needed, build_id, symbol_import, symbol_export, structure, label, environment, entrypoint, threat };

struct StoredPackage {
  PackageType type = PackageType::deb;
  std::string name, version, architecture, source, source_version;
  size_t layer = 0;  // of the image: whose database names it
  bool visible = true;
};

// A file of a lower layer that a container does not see.
struct HiddenFile {
  size_t layer = 0;
  std::string path;
};

struct StoredImage {
  std::string digest;  // of the manifest; of the configuration where there is none
  std::string config_digest, platform;
  std::vector<Digest> layers;  // diff IDs, lowest first
  std::vector<std::string> blobs, steps;
  std::vector<StoredPackage> packages;
  std::vector<HiddenFile> hidden;
  std::vector<std::pair<TermKind, std::string>> terms;
  std::map<std::string, std::string> labels;
  std::string judged;     // scan/judged.h
  std::string knowledge;  // a digest over what it was judged with
  std::string verdict;
  std::vector<std::string> gaps;  // coverage that matters to the verdict, in words
  std::string created;
  int64_t first_seen = 0, last_seen = 0;
  std::vector<Attestation> attestations;  // new ones, for add_image(); attestations_of() gives all
};

// The chain ID of the first `count` layers, as the OCI image specification defines it; "" for none, or when one is not known.
std::string chain_id(const std::vector<Digest>& diff_ids, size_t count);

// A name under which an image was seen.
struct Tag {
  std::string repository;  // host/path, or the file that it was read from
  std::string tag;         // "" for a digest
  std::string digest;      // of the manifest or the index
  int64_t first_seen = 0, last_seen = 0;
  std::optional<int64_t> vanished;
  // What its registry told before careen read anything; of the tag, the number of the repository.
  std::optional<int64_t> pushed = std::nullopt, pulled = std::nullopt;
  std::optional<uint64_t> pulls = std::nullopt;
};

// What a registry tells of the use of one of its tags.
struct StoredPulls {
  std::string repository, tag;
  std::optional<int64_t> pushed, pulled;
  std::optional<uint64_t> pulls;
  int64_t at = 0;  // when it was told
};

struct InventoryCounts {
  uint64_t images = 0, layers = 0, tags = 0, repositories = 0, unjudged = 0;
  int64_t newest = 0, oldest = 0;  // of the last crawl of each source
};

struct Crawl {
  std::string source;
  int64_t at = 0;
  uint64_t indexed = 0, failed = 0;
};

struct IndexFailure {
  std::string reference, why;
  int64_t at = 0;
};

// That an image is used somewhere, as a cluster, a machine or a file told it.
struct StoredUse {
  ImageUse use;
  std::string cluster;  // as the user named it; "" without a name
  std::string name;     // the reference in full, host/path:tag; "" for a digest alone
  int64_t at = 0;       // when it was told
};

// The paths of each wanted content in a file table, of hard links too. nullopt when the table could not be read to its end.
std::optional<std::map<Sha256, std::vector<std::string>>> paths_of(const FileTable& files, const std::set<Sha256>& wanted);

class Inventory {
 public:
  enum class Mode : uint8_t { read, write };
  // `path`: a file, or the address of a database. Reading one that does not exist or is empty is Errc::not_found; a newer schema
  // is Errc::unsupported; a server that does not answer Errc::io.
  static Result<std::unique_ptr<Inventory>> open(const std::string& path, Mode mode);
  ~Inventory();
  Inventory(const Inventory&) = delete;
  Inventory& operator=(const Inventory&) = delete;

  const std::string& path() const;
  const std::string& shown() const;  // the path for messages: an address without its password
  const std::shared_ptr<LayerCache>& layers() const;
  int64_t clock() const;  // seconds since 1970; by the server's clock where there is one, on which several machines agree

  // Writing.
  bool has_layer(const Digest& diff_id);
  // Keeps the facts of a layer and indexes them.
  Result<void> add_layer(const LayerFacts& facts, int64_t now);
  // The same in steps: layers()->put() first, then this. What does not need the inventory can be done by another thread while this one writes.
  struct LayerKeys {
    Digest diff_id;
    uint64_t entries = 0, size = 0;
    std::vector<Posting> names;  // ascending and distinct; of no layer yet. What its files lead from stands in the pieces that are kept.
  };
  static LayerKeys keys_of(const LayerFacts& facts, const std::vector<ElfSymbols>& symbols);
  Result<void> add_layer(LayerKeys keys, int64_t now);
  Result<void> add_image(const StoredImage& image, int64_t now);
  bool has_image(const std::string& digest);
  bool has_index(const std::string& digest);  // whole
  // `whole`: every image of the index was indexed, not those of one platform alone.
  Result<void> add_index(const std::string& index, const std::vector<std::string>& images, bool whole);
  // An image, or every image of an index, was met again unchanged.
  Result<void> seen_again(const std::string& digest, int64_t now);
  Result<void> see(const std::string& repository, const std::string& tag, const std::string& digest, int64_t now);
  // A tag that is listed and could not be indexed now: what was known of it stays.
  Result<void> still_listed(const std::string& repository, const std::string& tag, int64_t now);
  // Tags of a repository that were not seen since `since` have vanished; `untagged`: so has what is known by its digest alone, which most registries
  // do not list.
  Result<uint64_t> vanish(const std::string& repository, int64_t since, int64_t now, bool untagged = false);
  // The same of one tag.
  Result<uint64_t> vanish_tag(const std::string& repository, const std::string& tag, int64_t since, int64_t now);
  Result<void> note_crawl(const Crawl& c);
  Result<void> note_failure(const std::string& reference, const std::string& why, int64_t now);
  Result<void> forget_failure(const std::string& reference);

  // Each replaces what was told of the same tag before, unless that was later.
  Result<void> note_pulls(const std::vector<StoredPulls>& pulls);

  // Threat records that this inventory is judged with, beside those that are built in.
  Result<void> keep_threat(const KeptRecord& record, int64_t now);
  Result<bool> drop_threat(const std::string& id);  // false: it was not kept
  std::vector<KeptRecord> kept_threats();

  // What one source (a file, a cluster's list) says now, in place of what it said before.
  Result<void> replace_uses(const std::string& source, const std::vector<StoredUse>& uses);

  // While it lives, every reading sees the inventory as of its first one (in PostgreSQL each its own), and costs less. Nothing is written meanwhile
  // through this object.
  class Steady {
   public:
    explicit Steady(Inventory& inventory);
    ~Steady();
    Steady(const Steady&) = delete;
    Steady& operator=(const Steady&) = delete;

   private:
    Inventory* inventory_;
  };

  // Reading. Layer and image numbers are of this file.
  using Id = int64_t;
  uint64_t size();  // bytes on disk; 0 when that is not known
  InventoryCounts counts();
  std::vector<Crawl> crawls();
  std::vector<IndexFailure> failures();
  // Layers that may hold it, by a part of a digest: the facts decide.
  std::vector<Id> layers_with_file(const Sha256& digest);
  std::map<Sha256, std::vector<Id>> layers_with_files(const std::vector<Sha256>& digests);
  // The same decided: calls f(layer, the paths of each content that it has), with nothing for a layer that may have some and cannot be read.
  using PathsOf = std::map<Sha256, std::vector<std::string>>;
  void find_files(const std::set<Sha256>& digests, const std::function<void(Id layer, const std::optional<PathsOf>& found)>& f);
  std::vector<Id> layers_with_term(TermKind kind, const std::string& text);
  std::vector<Id> images_with_term(TermKind kind, const std::string& text, bool glob);
  // Calls f for every distinct path that fits, with the layers that have it; false from f stops.
  void paths_like(const std::string& glob, const std::function<bool(const std::string& path, const std::vector<Id>& layers)>& f);
  struct PackageRow {
    StoredPackage package;
    std::vector<Id> layers;
  };
  std::vector<PackageRow> packages_named(const std::string& name);  // binary or source
  std::optional<Id> layer_id(const std::string& digest);            // a diff ID or a blob's digest
  std::optional<Digest> layer_digest(Id layer);
  std::optional<FileTable> files_of(Id layer);  // whole, or nothing
  // Set once part of the index could not be read: answers since opening may lack matches.
  std::optional<std::string> trouble() const;
  std::vector<Id> images_of_layer(Id layer);
  std::vector<Id> all_images();
  std::vector<Id> all_layers();
  std::vector<Id> images_with_gaps();  // that could not be judged whole
  std::vector<Id> images_judged_otherwise(const std::string& knowledge);
  std::vector<Id> images_with_chain(const std::string& chain);  // of exactly these layers: chain_id() of all of them
  std::vector<std::pair<TermKind, std::string>> terms_of(const std::string& image_digest);
  std::vector<std::string> members_of(const std::string& index);
  std::vector<Attestation> attestations_of(const std::string& image_digest);
  std::optional<Id> image_id(const std::string& digest);
  // `packages`: of its packages only those whose name or source is one of them; null for all.
  std::optional<StoredImage> image(Id id, const std::set<std::string>* packages = nullptr);
  std::vector<Tag> tags_of(const std::string& image_digest);
  std::vector<StoredPulls> all_pulls();
  std::vector<StoredUse> uses_told_by(const std::string& source);
  std::vector<StoredUse> uses_of(const std::string& image_digest);                     // running ones first
  bool knows_uses();                                                                   // of any image
  std::vector<StoredUse> uses_not_indexed();                                           // of images that the inventory does not have
  std::vector<Tag> tags_named(const std::string& repository, const std::string& tag);  // "" for all tags
  std::vector<std::string> repositories();

  // Keeping.
  // A whole copy in one file; `file` must not be there. As of one moment where this is a file itself.
  Result<void> backup(const std::string& file);
  // Adds everything of another. What both have is told by the one that saw it last.
  struct Imported {
    uint64_t layers = 0, images = 0, tags = 0;  // new layers; all images and tags
    int64_t at = 0;                             // now, for what has no time of its own
  };
  Result<void> import_from(Inventory& from, const std::function<void(const Imported&)>& progress);
  Result<void> compact();
  Result<std::vector<std::string>> check();  // what is wrong with the file; empty when nothing is

 private:
  Inventory();
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace careen
