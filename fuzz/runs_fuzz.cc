// Blocks of the inventory's reverse indexes. What decodes is in order, each entry once, and encodes to what decodes to the same.
#include <algorithm>

#include "store/runs.h"

using namespace careen;  // NOLINT

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view block(reinterpret_cast<const char*>(data), size);
  std::vector<Posting> postings, again;
  if (decode_postings(block, &postings)) {
    if (!std::is_sorted(postings.begin(), postings.end()) || std::adjacent_find(postings.begin(), postings.end()) != postings.end()) __builtin_trap();
    if (!decode_postings(encode_postings(postings.data(), postings.size()), &again) || again != postings) __builtin_trap();
  }
  std::vector<std::string> strings, same;
  if (decode_strings(block, &strings)) {
    if (!std::is_sorted(strings.begin(), strings.end()) || std::adjacent_find(strings.begin(), strings.end()) != strings.end()) __builtin_trap();
    if (!decode_strings(encode_strings(strings), &same) || same != strings) __builtin_trap();
  }
  return 0;
}
