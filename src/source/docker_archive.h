// Images in an archive as docker save, podman save, skopeo, buildah, Kaniko and BuildKit write it, and in an OCI archive.
//
// An archive is hostile, so it is not opened here: the caller hands in an index that a worker made of it (see worker/), and
// members are read by offset. Links among members are followed by name inside the archive alone.
#pragma once
#include "archive/tar.h"
#include "source/blob_tree.h"
#include "source/oci_layout.h"

namespace careen {

struct ArchiveEntry {
  std::string name;  // normal form
  FileType type = FileType::regular;
  std::string link;  // resolved inside the archive
  uint64_t offset = 0, size = 0;
};

struct IndexedArchive {
  Fd fd;  // the archive, or what it inflated to
  std::vector<ArchiveEntry> members;
  std::map<std::string, std::string> texts;  // JSON documents by name
  std::string problem;                       // why it could not be read to the end
};

// Makes an index of an archive; the descriptor may be a pipe.
using ArchiveIndexer = std::function<Result<IndexedArchive>(Fd archive)>;

std::shared_ptr<BlobTree> open_archive_tree(IndexedArchive archive);

// `selector`: "" for the only one, REF, or @N counted from 0.
Result<std::vector<Image>> read_docker_archive(const std::shared_ptr<BlobTree>& tree, const std::string& selector, const PlatformChoice& platforms,
                                               const std::string& source, const std::string& where);

// Either kind, by what it holds.
Result<std::vector<Image>> read_archive(const std::shared_ptr<BlobTree>& tree, const std::string& selector, const PlatformChoice& platforms,
                                        const std::string& source, const std::string& where);

}  // namespace careen
