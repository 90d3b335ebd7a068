#include "scan/base.h"

#include "base/text.h"

namespace careen {
namespace {

constexpr size_t kMostOfName = 500;

constexpr const char* kName = "org.opencontainers.image.base.name";
constexpr const char* kDigest = "org.opencontainers.image.base.digest";

std::string told(const std::map<std::string, std::string>& by, const char* key) {
  auto it = by.find(key);
  return it == by.end() ? "" : it->second.substr(0, kMostOfName);
}

bool is_command(const HistoryEntry& h) {
  std::string_view step = h.created_by;
  for (std::string_view before : {"/bin/sh -c #(nop) ", "/bin/sh -c #(nop)"})
    if (step.starts_with(before)) {
      step.remove_prefix(before.size());
      break;
    }
  while (step.starts_with(' ')) step.remove_prefix(1);
  return h.empty_layer && (step.starts_with("CMD ") || step.starts_with("CMD["));
}

// How many layers stand before the last CMD that some layer follows.
size_t layers_by_history(const Image& image) {
  size_t layers = 0, base = 0, all = 0;
  for (const HistoryEntry& h : image.config.history) all += h.empty_layer ? 0 : 1;
  if (all != image.layers.size()) return 0;  // a history that is not of these layers
  for (const HistoryEntry& h : image.config.history) {
    layers += h.empty_layer ? 0 : 1;
    if (is_command(h) && layers < all) base = layers;
  }
  return base;
}

}  // namespace

std::optional<BaseImage> base_of(const Image& image) {
  BaseImage b;
  b.layers = layers_by_history(image);
  // A label is inherited: it may be of the base's own base, and tells nothing of these layers.
  bool annotated = image.annotations.contains(kName) || image.annotations.contains(kDigest);
  if (annotated || b.layers == 0) {
    const auto& by = annotated ? image.annotations : image.config.labels;
    b.name = told(by, kName), b.digest = told(by, kDigest);
  }
  if (b.name.empty() && b.digest.empty() && b.layers == 0) return std::nullopt;
  return b;
}

std::string to_text(const BaseImage& base) {
  std::string out = !base.name.empty() ? base.name : !base.digest.empty() ? base.digest : "its base image";
  if (base.layers == 1) out += " (layer 0, by its history)";
  if (base.layers > 1) out += " (layers 0 to " + std::to_string(base.layers - 1) + ", by its history)";
  return out;
}

}  // namespace careen
