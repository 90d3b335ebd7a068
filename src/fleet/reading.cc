#include "fleet/reading.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>

#include "base/text.h"
#include "scan/layer_reader.h"

namespace careen {
namespace {

using Id = Inventory::Id;

// Whether a file that the facts know of could hold one of the patterns. What counts as an ELF file for the search begins like one, readable or not.
bool may_hold(const LayerFacts& facts, const std::vector<PatternSpec>& patterns) {
  if (incomplete(facts.coverage)) return true;
  size_t in_any = SIZE_MAX, in_elf = SIZE_MAX;  // the shortest
  for (const PatternSpec& p : patterns) {
    size_t length = std::max<size_t>(p.bytes.size(), p.window);
    if (p.any_file) in_any = std::min(in_any, length);
    in_elf = std::min(in_elf, length);
  }
  FileRecord r;
  FileCursor c(facts.files);
  while (c.next(r))
    if (r.type == FileType::regular && r.size >= (r.kind == ContentKind::elf ? in_elf : in_any)) return true;
  return c.damaged();
}

// How an image can be had again: by its digest where it was seen. Nothing when every tag has vanished.
std::optional<Target> way_to(Inventory& inventory, const StoredImage& image) {
  std::error_code ec;
  for (const Tag& t : inventory.tags_of(image.digest)) {
    if (t.vanished) continue;
    if (std::filesystem::exists(t.repository + "/oci-layout", ec)) return Target{"oci-dir:" + t.repository + "@" + image.digest, "", "", false};
    size_t slash = t.repository.find('/'), colon = t.repository.find(':');
    bool local = slash == 0 || std::filesystem::exists(t.repository, ec);
    bool has_scheme = !t.repository.starts_with('[') && colon != std::string::npos && (slash == std::string::npos || colon < slash) &&
                      colon + 1 < t.repository.size() && !std::isdigit(static_cast<unsigned char>(t.repository[colon + 1]));  // HOST:5000/… is none
    if (local || has_scheme) return Target{t.repository, "", "", false};
    return Target{"registry:" + t.repository + "@" + image.digest, "", "", true};
  }
  return std::nullopt;
}

class Planner {
 public:
  Planner(Inventory& inventory, const std::vector<PatternSpec>& patterns) : inventory_(inventory), patterns_(patterns), set_(digest_of_patterns(patterns)) {}

  ReadingPlan run(const std::vector<Id>& layers) {
    for (Id layer : layers)
      if (needed(layer)) find_way(layer);
    return std::move(out_);
  }

 private:
  bool needed(Id layer) {
    auto digest = inventory_.layer_digest(layer);
    if (!digest) return false;
    if (!inventory_.layers()->holds(*digest) || !inventory_.has_layer(*digest)) return true;  // or a kill came between the two
    if (inventory_.layers()->hits(*digest, set_)) return false;
    bool needs_patterns = false;
    auto facts = inventory_.layers()->facts(*digest, set_, &needs_patterns);
    if (!facts || (needs_patterns && may_hold(*facts, patterns_))) return true;
    if (needs_patterns) {
      facts->hits.clear(), facts->hit_coverage.clear();
      inventory_.layers()->put_hits(*facts);
    }
    return false;
  }

  // An image that is read anyway, else the first that can be had.
  void find_way(Id layer) {
    Digest digest = *inventory_.layer_digest(layer);
    uint64_t bytes = 0;
    std::optional<size_t> found;
    std::string why = "no image in the inventory has it";
    for (Id id : inventory_.images_of_layer(layer)) {
      auto image = inventory_.image(id);
      if (!image) continue;
      for (size_t i = 0; i < image->layers.size() && bytes == 0; ++i)
        if (auto blob = image->layers[i] == digest && i < image->blobs.size() ? Digest::parse(image->blobs[i]) : Result<Digest>(Digest{}); blob)
          if (auto known = inventory_.layers()->blob(*blob)) bytes = known->size;
      if (found) break;
      if (auto it = read_.find(id); it != read_.end()) {
        found = it->second;
        continue;
      }
      auto target = way_to(inventory_, *image);
      if (!target) why = "every tag of " + image->digest + " has vanished";
      if (!target) continue;
      auto [known, fresh] = known_.try_emplace(target->argument, out_.from.size());
      if (fresh) out_.from.push_back(std::move(*target));
      read_[id] = known->second;
      found = known->second;
    }
    if (!found) return void(out_.lost.emplace_back(digest.text(), why));
    out_.layers.push_back({layer, digest, bytes, *found});
    out_.bytes += bytes;
  }

  Inventory& inventory_;
  const std::vector<PatternSpec>& patterns_;
  Sha256 set_;
  std::map<Id, size_t> read_;            // images that are read, and by which target
  std::map<std::string, size_t> known_;  // arguments of targets
  ReadingPlan out_;
};

}  // namespace

ReadingPlan plan_reading(Inventory& inventory, const std::vector<PatternSpec>& patterns, const std::vector<Id>* of) {
  if (of == nullptr) return Planner(inventory, patterns).run(inventory.all_layers());
  std::set<Id> layers;
  for (Id id : *of)
    if (auto image = inventory.image(id))
      for (const Digest& d : image->layers)
        if (auto layer = d.empty() ? std::nullopt : inventory.layer_id(d.text())) layers.insert(*layer);
  return Planner(inventory, patterns).run({layers.begin(), layers.end()});
}

Result<Reading> read_again(Inventory& inventory, const ReadingPlan& plan, const IndexOptions& options) {
  Reading out;
  ScanOptions scan = options.scan;
  scan.cache = inventory.layers();
  ResolveOptions resolve = options.resolve;
  if (!resolve.platforms.platform) resolve.platforms.all = true;
  resolve.platforms.every = true;
  std::map<std::string, const ReadingPlan::Row*> wanted;
  for (const ReadingPlan::Row& r : plan.layers) wanted.emplace(r.diff_id.text(), &r);
  std::set<std::string> failed;
  for (size_t i = 0; i < plan.from.size(); ++i) {
    const std::string& argument = plan.from[i].argument;
    if (options.on_progress) options.on_progress({i, plan.from.size(), argument, out.bytes, out.failures.size()});
    auto images = resolve_images(argument, resolve);
    if (!images) {
      out.failures.emplace_back(argument, images.error().what);
      continue;
    }
    for (const Image& image : *images)
      for (const LayerOutcome& l : read_layers(image, scan)) {
        for (const Coverage& c : l.coverage)
          if (failed.insert(argument + c.why).second) out.failures.emplace_back(argument, c.why);
        auto row = l.facts ? wanted.find(l.facts->diff_id.text()) : wanted.end();
        if (row == wanted.end() || !l.coverage.empty()) continue;
        if (!inventory.has_layer(l.facts->diff_id))
          CAREEN_TRY(inventory.add_layer(Inventory::keys_of(*l.facts, inventory.layers()->symbols(l.facts->diff_id)), options.clock()));
        ++out.layers;
        out.bytes += row->second->bytes;
        wanted.erase(row);
      }
  }
  std::set<Id> images;
  for (const ReadingPlan::Row& r : plan.layers)
    if (!wanted.contains(r.diff_id.text()))
      for (Id id : inventory.images_of_layer(r.layer)) images.insert(id);
  for (const auto& [digest, unused] : wanted) out.failures.emplace_back("layer " + digest, "was not in what its images are now: it could not be read");
  out.images.assign(images.begin(), images.end());
  if (auto why = inventory.layers()->trouble()) return Error{Errc::io, escape(inventory.shown()) + ": what was read could not be kept: " + *why};
  return out;
}

}  // namespace careen
