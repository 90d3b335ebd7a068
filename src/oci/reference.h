// Image references as users type them and as registries want them.
// Grammar: the distribution project's reference package; `debian` means docker.io/library/debian:latest.
#pragma once
#include <string>
#include <string_view>

#include "base/result.h"
#include "digest/digest.h"

namespace careen {

struct Reference {
  std::string host;        // docker.io, localhost:5000
  std::string repository;  // library/debian
  std::string tag;         // empty only when there is a digest
  Digest digest;           // empty unless given

  static Result<Reference> parse(std::string_view text);
  std::string text() const;  // in full: docker.io/library/debian:latest
  // What stands after /manifests/ in a registry's address.
  std::string identifier() const { return digest.empty() ? tag : digest.text(); }
};

struct Platform {
  std::string os, architecture, variant;

  static Result<Platform> parse(std::string_view text);  // os/arch[/variant]
  static Platform of_this_machine();
  std::string text() const;
  // Whether an image for `have` is what someone asking for this wants. An empty variant matches each; arm64 means v8.
  bool wants(const Platform& have) const;
  bool operator==(const Platform&) const = default;
};

}  // namespace careen
