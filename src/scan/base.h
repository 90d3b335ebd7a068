// The image that another was built on, as far as the image itself tells: by annotations, and by its history.
#pragma once
#include <optional>
#include <string>

#include "source/image.h"

namespace careen {

struct BaseImage {
  std::string name, digest;  // org.opencontainers.image.base.name and .digest, of the manifest or else the labels; claims, "" without
  size_t layers = 0;         // the first of the image that are its; 0 when nothing tells
};

// nullopt when nothing is told. A history tells the layers of a base by a CMD that layers follow: whoever builds on an image writes no CMD before
// his own last one, but inherits that of the base (https://github.com/opencontainers/image-spec, config.md and annotations.md).
std::optional<BaseImage> base_of(const Image& image);

// "debian:12 (layers 0 to 2)", for people.
std::string to_text(const BaseImage& base);

}  // namespace careen
