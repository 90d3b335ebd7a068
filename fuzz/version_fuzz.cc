// Two versions, parted by a line end, in every order: b to a is the opposite of a to b, and a equals itself.
#include "base/bytes.h"
#include "knowledge/version.h"

using namespace careen;  // NOLINT

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view all = as_text(Bytes(data, size)), a = all.substr(0, all.find('\n')), b = all.substr(std::min(a.size() + 1, all.size()));
  for (PackageType type : {PackageType::deb, PackageType::rpm, PackageType::apk, PackageType::alpm}) {
    auto ab = compare_versions(type, a, b), ba = compare_versions(type, b, a);
    if (ab.has_value() != ba.has_value()) __builtin_trap();
    if (ab && ((*ab < 0) != (*ba > 0) || (*ab == 0) != (*ba == 0)) && type != PackageType::alpm) __builtin_trap();
    if (auto same = compare_versions(type, a, a); same && *same != 0) __builtin_trap();
  }
  return 0;
}
