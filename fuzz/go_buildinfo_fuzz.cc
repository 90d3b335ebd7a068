// The build information of Go in any bytes, which begin at an address; and the lines of modules alone.
#include "base/bytes.h"
#include "formats/language.h"

using namespace careen;  // NOLINT

namespace {

constexpr uint64_t kBase = 0x400000;

void check(const std::vector<Package>& packages) {
  if (packages.size() > kMaxLanguagePackages) __builtin_trap();
  for (const Package& p : packages)
    if (p.type != PackageType::golang || p.name.empty() || p.name.size() > kMaxPackageName || p.version.size() > kMaxPackageName) __builtin_trap();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  MemoryView view(Bytes(data, size));
  auto offset_of = [&](uint64_t address) { return address >= kBase && address - kBase < size ? std::optional(address - kBase) : std::nullopt; };
  LanguagePackages whole = parse_go_build_info(view, {{0, size}}, offset_of);
  check(whole.packages);
  check(parse_go_build_info(view, {{UINT64_MAX - 15, 16}, {16, UINT64_MAX}, {size / 2, size}}, offset_of).packages);
  std::string_view text = as_text(Bytes(data, size));
  size_t line = text.find('\n');
  if (line != std::string_view::npos) check(parse_go_modules(text.substr(0, line), text.substr(line + 1)));
  return 0;
}
