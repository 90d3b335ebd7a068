// The documents of a file or folder, whatever they are packed in.
//
// What a file is, is told by its content: a zip archive, a tar archive, either of them or one document compressed, or a document. Nothing is
// unpacked to disk, no name from an archive is opened. Bounds: the constants below.
#pragma once
#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace careen {

inline constexpr int kMaxFeedFolders = 32;                      // of depth
inline constexpr uint64_t kMaxFeedFile = 32ULL << 30;           // one file
inline constexpr uint64_t kMaxFeedUnpacked = 64ULL << 30;       // all that comes out of one archive
inline constexpr uint64_t kMaxArchivedDocument = 256ULL << 20;  // one document in an archive

// `alone`: it is all that its file holds. An Error ends the walk.
using VisitDocument = std::function<Result<void>(const std::string& name, std::string_view text, bool alone)>;

// An open file, from its beginning. Damage of the packing is an Error that names the file.
Result<void> walk_file(const std::string& name, int fd, const VisitDocument& visit);

// Whether the file holds several documents, by its first bytes.
Result<bool> is_packed(int fd);

}  // namespace careen
