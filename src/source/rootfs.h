// A root file system on disk, and a single file, as images of one layer.
//
// A directory is handed on as a tar stream (pax), so that the same worker reads it that reads layers: this side looks at names
// and sizes, never at content. It stays on one file system, follows no link, and notes what it may not read.
#pragma once
#include "source/image.h"

namespace careen {

Result<Image> read_rootfs(const std::string& path);
Result<Image> read_single_file(const std::string& path);

}  // namespace careen
