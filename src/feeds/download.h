// Fetches a feed to a file: conditionally, and going on where an earlier attempt was cut off.
//
// A download is kept as FILE.part with FILE.json beside it, which holds the address and the validator (ETag or Last-Modified) that its bytes
// belong to. A part is gone on with only under If-Range, so that a feed that was replaced meanwhile begins anew. Nothing is taken for
// whole before the server's length is there.
#pragma once
#include <string>

#include "base/fd.h"
#include "base/result.h"
#include "net/http.h"

namespace careen {

inline constexpr unsigned kDownloadAttempts = 4;

struct Validators {
  std::string etag, last_modified;
  bool empty() const { return etag.empty() && last_modified.empty(); }
};

struct Download {
  bool unchanged = false;  // the server holds what `known` was for
  std::string file;        // else what was fetched; the caller removes it when it is done
  Validators validators;
  uint64_t bytes = 0;  // that came over the network
};

// `directory` exists; `name` is used for file names and must be plain.
Result<Download> download(const HttpClient& client, const std::string& url, const std::string& directory, const std::string& name, const Validators& known);

}  // namespace careen
