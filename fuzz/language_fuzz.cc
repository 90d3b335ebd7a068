// What packages of programming languages say of themselves. The first byte is the kind of file, '0' to '9'.
#include "formats/language.h"

#include "base/bytes.h"

using namespace careen;  // NOLINT

namespace {

void check(const LanguagePackages& found) {
  if (found.packages.size() > kMaxLanguagePackages) __builtin_trap();
  for (const Package& p : found.packages) {
    if (p.name.empty() || p.name.size() > kMaxPackageName || p.version.size() > kMaxPackageName) __builtin_trap();
    if (is_system(p.type)) __builtin_trap();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  Bytes rest = Bytes(data, size).subspan(1);
  std::string_view text = as_text(rest);
  auto parse = [&](LanguageFile kind, std::string_view path) { check(parse_language_file(kind, path, text)); };
  switch (static_cast<uint8_t>(data[0] - '0') % 10) {
    case 0:
      parse(LanguageFile::npm, "app/node_modules/@scope/name/package.json");
      break;
    case 1:
      parse(LanguageFile::python, "usr/lib/python3/dist-packages/name-1.2.dist-info/METADATA");
      break;
    case 2:
      parse(LanguageFile::python, "x/name-1.2-py3.9.egg/EGG-INFO/PKG-INFO");
      break;
    case 3:
      parse(LanguageFile::gem, "usr/lib/ruby/gems/3.1.0/specifications/name-1.2-x86_64-linux.gemspec");
      break;
    case 4:
      parse(LanguageFile::composer, "vendor/composer/installed.json");
      break;
    case 5:
      parse(LanguageFile::dotnet, "app.deps.json");
      break;
    case 6:
      parse(LanguageFile::conda, "opt/conda/conda-meta/name-1.2-0.json");
      break;
    case 7:
      for (const OwnedFile& f : parse_python_record("usr/lib/python3/site-packages/name-1.2.dist-info/RECORD", text)) {
        if (f.path.empty() || f.path != normal_path(f.path)) __builtin_trap();
        if (f.digest.size() != (f.algorithm == RecordedDigest::sha256 ? 32U : 0U)) __builtin_trap();
      }
      break;
    case 8:
      check(parse_rust_audit(rest));
      break;
    default:
      // Any text as a path.
      if (auto kind = language_file(text)) check(parse_language_file(*kind, text, "{\"version\":\"1\"}"));
      break;
  }
  return 0;
}
