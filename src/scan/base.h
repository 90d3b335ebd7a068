// The image that another was built on, as far as the image itself tells: by annotations, and by its history.
#pragma once
#include <optional>
#include <string>

#include "source/image.h"

namespace careen {

struct BaseImage {
  std::string name, digest;  // org.opencontainers.image.base.name and .digest of the manifest; of the labels where no layers are told; claims, "" without
  size_t layers = 0;         // the first of the image that are its, a guess by the history; 0 when nothing tells
};

// nullopt when nothing is told. The layers are guessed by a CMD that layers follow: most images write theirs last, and inherit that of the base
// (https://github.com/opencontainers/image-spec, config.md and annotations.md). A Dockerfile that writes CMD before its last COPY is taken for two images.
std::optional<BaseImage> base_of(const Image& image);

// "debian:12 (layers 0 to 2, by its history)", for people.
std::string to_text(const BaseImage& base);

}  // namespace careen
