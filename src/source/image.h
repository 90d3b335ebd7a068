// One image as a source found it: its manifest and configuration parsed, its layers ready to be opened.
//
// An Image is immutable once made. Layers may be opened from several threads at once, each any number of times; what is behind
// them (a file, an archive, a connection) is kept by shared ownership. Digests are checked where documents are read, and a
// document that lies is told in `mismatches`, not refused: the verdict needs it.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/fd.h"
#include "oci/manifest.h"

namespace careen {

// The bytes of one blob: a part of a seekable file, or a stream that ends.
struct BlobInput {
  bool region = false;
  uint64_t offset = 0, length = 0;
  std::function<Result<void>()> finish;  // for a stream: waits for what fills it and says how that went; may be empty
  std::function<bool()> alive;           // for a stream: whether it is its source that is waited for; may be empty
  Fd fd;                                 // last, so that it is closed before what waits for the stream's writer goes
};

struct Layer {
  Descriptor descriptor;  // digest empty where the source names none
  LayerKind kind = LayerKind::tar;
  std::string created_by;
  Digest claimed_diff_id;    // of the config; empty when it names none
  bool single_file = false;  // not an archive: a file to be read as itself
  std::string file_name;     // then
  std::function<Result<BlobInput>()> open;
};

struct DigestMismatch {
  std::string what;  // "manifest", "config"
  Digest expected, actual;
};

// A path of a root file system that was not read.
struct Unread {
  std::string path, why;
  bool matters = true;  // false for places that hold nothing of the system's own
};

struct Image {
  std::string reference;           // as typed
  std::string source;              // oci-dir, docker-archive, registry, …
  std::string resolved;            // the reference in full, or the file
  std::string file;                // an archive or a layout: its path, without the image's name; "" for others
  std::vector<std::string> names;  // of an archive: all that it gives the image
  Digest digest;                   // of the manifest; empty for an archive without one
  Digest config_digest;
  Digest index_digest;  // of the index it was chosen from; empty without
  Platform platform;    // as the config says
  ImageConfig config;
  std::map<std::string, std::string> annotations;  // of the manifest
  std::vector<Layer> layers;
  std::vector<DigestMismatch> mismatches;
  std::vector<std::string> remarks;  // about how it was found, for the user
  bool is_rootfs = false;            // dir: a root file system
  bool is_single_file = false;
  std::vector<Attestation> attestations;            // where they were asked for
  std::string others_unread;                        // why another image of the same archive could not be read; "" when all could
  std::vector<std::string> gaps;                    // what should have been examined and could not be had
  std::shared_ptr<std::vector<Unread>> unreadable;  // dir: whole once the layer was read
};

// Which images of several are wanted.
struct PlatformChoice {
  std::optional<Platform> platform;  // as asked for
  bool all = false;
  bool attestations = false;  // a request for each; else they are passed over
  bool every = false;         // of an archive with several images all of them; else one must be chosen
};

}  // namespace careen
