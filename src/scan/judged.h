// What a scan concludes about one image, as a value that can be stored, and the key under which it may be taken again.
//
// A scan is a function of the image, the knowledge and this program. The key is a digest over all three: the manifest and the
// configuration by digest, every layer by its blob and by the diff ID that careen computed itself, the knowledge by the
// digests of its sources, the program by its build ID. So a stored conclusion can never be taken for another image, another
// set of records or another careen; what it cannot do is spare a layer that was never read and verified.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "scan/scan.h"

namespace careen {

// Fills in what a stored conclusion says; false when the bytes are damaged, and then `result` is not to be used.
bool restore_judged(const std::string& stored, ScanResult& result);
std::string store_judged(const ScanResult& result);

// The key of an image whose layers are all known from verified reads; nullopt when one is not, or when the image cannot be
// known by digests alone (a root file system, a single file, digests that lie).
struct JudgedKey {
  std::string key;
  std::vector<Digest> diff_ids;
};
std::optional<JudgedKey> judged_key(const Image& image, const ScanOptions& options);

}  // namespace careen
