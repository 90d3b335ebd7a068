// What files say of the packages they describe, against the formats' specifications and, where they are there, the tools that read them.
#include "formats/language.h"

#include "../tests/support/elf_maker.h"
#include "../tests/support/package_text.h"
#include "../tests/support/scratch.h"
#include "archive/zip.h"
#include "base/bytes.h"
#include "base/text.h"
#include "formats/elf.h"

namespace careen {
namespace {

using test::deep, test::good, test::le, test::lines;
using testing::ElementsAre;
using testing::ElementsAreArray;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using testing::UnorderedElementsAre;

std::vector<std::string> read(LanguageFile kind, std::string_view path, std::string_view text) {
  return good(parse_language_file(kind, path, text));
}

std::string dos_lines(std::string_view text) {
  std::string out;
  each_line(text, [&](std::string_view line) { return out += std::string(line) + "\r\n", true; });
  return out;
}

// --- which files

void expect_kind(std::optional<LanguageFile> want, std::initializer_list<const char*> paths) {
  for (const char* path : paths) {
    auto got = language_file(path);
    EXPECT_EQ(got.has_value() ? static_cast<int>(*got) : -1, want.has_value() ? static_cast<int>(*want) : -1) << path;
  }
}

TEST(LanguageFileOf, NpmPackagesStandDirectlyBelowNodeModules) {
  expect_kind(LanguageFile::npm, {"node_modules/a/package.json", "usr/lib/node_modules/npm/package.json", "app/node_modules/@s/a/package.json",
                                  "app/node_modules/a/node_modules/@s/b/package.json", "app/node_modules/.pnpm/a@1.0.0/node_modules/a/package.json"});
  expect_kind(std::nullopt,
              {"package.json", "app/package.json", "node_modules/package.json", "app/node_modules/a/lib/package.json", "app/node_modules/@s/package.json",
               "app/node_modules/@s/a/dist/package.json", "app/node_modules/a/test/node/package.json", "my_node_modules/a/package.json",
               "app/node_modules/a/package.json/x", "app/node_modules/a/PACKAGE.JSON", "app/node_modules/a/package.json5"});
}

TEST(LanguageFileOf, Python) {
  expect_kind(LanguageFile::python, {"usr/lib/python3/dist-packages/a-1.dist-info/METADATA", "a-1.dist-info/METADATA", "x/a-1.egg-info/PKG-INFO",
                                     "x/a-1-py3.9.egg/EGG-INFO/PKG-INFO", "usr/lib/python3/dist-packages/a-1.egg-info"});
  expect_kind(LanguageFile::python_record, {"x/a-1.dist-info/RECORD"});
  expect_kind(std::nullopt, {"x/METADATA", "x/PKG-INFO", "x/RECORD", "x/a-1.dist-info/WHEEL", "x/.egg-info", "x/a-1.dist-info/METADATA/y", "a-1.dist-info",
                             "x/a-1.egg-info/RECORD", "x/a-1.egg-info/SOURCES.txt"});
}

TEST(LanguageFileOf, OtherLanguages) {
  expect_kind(LanguageFile::gem, {"usr/lib/ruby/gems/3.1.0/specifications/a-1.gemspec", "usr/lib/ruby/gems/3.1.0/specifications/default/json-2.6.1.gemspec"});
  expect_kind(std::nullopt, {"usr/lib/ruby/gems/3.1.0/gems/a-1/a.gemspec", "default/a-1.gemspec", "specifications/cache/a-1.gemspec"});
  expect_kind(LanguageFile::composer, {"app/vendor/composer/installed.json", "composer/installed.json"});
  expect_kind(std::nullopt, {"app/composer.json", "app/installed.json", "app/mycomposer/installed.json"});
  expect_kind(LanguageFile::dotnet, {"app/x.deps.json", "usr/share/dotnet/shared/Microsoft.NETCore.App/6.0.1/Microsoft.NETCore.App.deps.json"});
  expect_kind(LanguageFile::conda, {"opt/conda/conda-meta/python-3.10.4-h12debd9_0.json"});
  expect_kind(std::nullopt, {"opt/conda/conda-meta/history", "opt/conda/pkgs/x/info/index.json", "app/deps.json"});
  expect_kind(LanguageFile::sbom, {"opt/bitnami/redis/.spdx-redis.spdx", "x/a.spdx.json", "x/a.cdx.json", "x/bom.json", "sbom.json", "x/a.sbom.json"});
  expect_kind(std::nullopt, {"x/notbom.json", "x/spdx.json", "x/a.spdx.yaml"});
  expect_kind(LanguageFile::java, {"app.jar", "x/APP.JAR", "x/a.war", "x/a.ear", "x/a.jpi", "x/a.hpi"});
  expect_kind(std::nullopt, {"jar", "x.jar/y", "x.jar.bak", "x.zip", ""});
}

// --- npm

constexpr std::string_view kNpmPath = "app/node_modules/folder/package.json";

TEST(Npm, NameAndVersion) {
  EXPECT_THAT(read(LanguageFile::npm, kNpmPath, R"({"name":"left-pad","version":"1.3.0","dependencies":{"x":"1"}})"), ElementsAre("npm left-pad 1.3.0"));
  EXPECT_THAT(read(LanguageFile::npm, "app/node_modules/@babel/core/package.json", R"({"version":"7.0.0-rc.1","name":"@babel/core"})"),
              ElementsAre("npm @babel/core 7.0.0-rc.1"));
}

// `npm install folder@npm:real`: the folder has the alias, the file its own name.
TEST(Npm, OfAnAliasTheFilesOwnNameCounts) {
  EXPECT_THAT(read(LanguageFile::npm, kNpmPath, R"({"name":"real","version":"1.0.0"})"), ElementsAre("npm real 1.0.0"));
}

TEST(Npm, WithoutANameTheFolderNamesIt) {
  EXPECT_THAT(read(LanguageFile::npm, kNpmPath, R"({"version":"1.0.0"})"), ElementsAre("npm folder 1.0.0"));
  EXPECT_THAT(read(LanguageFile::npm, "a/node_modules/b/node_modules/@s/c/package.json", R"({"version":"1.0.0","name":["no text"]})"),
              ElementsAre("npm @s/c 1.0.0"));
}

TEST(Npm, WhatIsForToolsAloneIsNoPackage) {
  EXPECT_THAT(read(LanguageFile::npm, kNpmPath, R"({"type":"module"})"), IsEmpty());
  EXPECT_THAT(read(LanguageFile::npm, kNpmPath, R"({"name":"a"})"), IsEmpty());
  EXPECT_THAT(read(LanguageFile::npm, kNpmPath, R"({"name":"a","version":1})"), IsEmpty());
}

TEST(Npm, ByteOrderMarkDosLinesAndTheLastOfTwoMembers) {
  EXPECT_THAT(read(LanguageFile::npm, kNpmPath, "\xef\xbb\xbf{\r\n\"name\": \"a\",\r\n\"version\": \"1.0.0\"\r\n}\r\n"), ElementsAre("npm a 1.0.0"));
  EXPECT_THAT(read(LanguageFile::npm, kNpmPath, R"({"name":"a","version":"1.0.0","name":"b","version":"2.0.0"})"), ElementsAre("npm b 2.0.0"));
}

TEST(Npm, WhatIsNoJsonIsAProblem) {
  for (std::string_view text : {"", "{", "[", "not", "{\"name\":\"a\",\"version\":\"1\"} x", "{'name':'a'}"}) {
    LanguagePackages found = parse_language_file(LanguageFile::npm, kNpmPath, text);
    EXPECT_THAT(found.packages, IsEmpty()) << text;
    EXPECT_NE(found.problem, "") << text;
  }
  for (std::string_view text : {"[]", "null", "1", "\"name\"", "[{\"name\":\"a\",\"version\":\"1\"}]"})
    EXPECT_THAT(parse_language_file(LanguageFile::npm, kNpmPath, text).packages, IsEmpty()) << text;
}

// Node reads package.json as UTF-8 and puts U+FFFD where it is none; an author's name in Latin-1 hides no package.
TEST(Npm, BytesThatAreNoUtf8HideNoPackage) {
  for (std::string_view text : {"{\"author\":\"Jos\xe9\",\"name\":\"a\",\"version\":\"1.0.0\"}", "{\"name\":\"a\",\"version\":\"1.0.0\",\"x\":\"\\ud800\"}"}) {
    EXPECT_THAT(lines(parse_language_file(LanguageFile::npm, kNpmPath, text).packages), ElementsAre("npm a 1.0.0")) << escape(text);
  }
}

TEST(Npm, AsNodeReadsIt) {
  if (!test::has_tool("node")) GTEST_SKIP() << "node is not there";
  test::Scratch scratch;
  for (std::string_view text : {R"({"name":"a","version":"1.0.0"})", R"({"name":"a","name":"@s/b","version":"1.0.0","version":"2.0.0-rc.1+b"})",
                                R"({"na\u006de":"\u0061","version":"1"})", R"({"name":"a","version":"1.0.0","engines":{"name":"b","version":"2"}})",
                                "{\"name\":\"a\",\"version\":\"1.0.0\",\"author\":\"Jos\xe9\"}", R"({"name":"\u00e9\ud83d\ude00","version":"1"})",
                                "{\"name\":\"a\",\"version\":\"1.0.0\",\"d\":\"\\udfff\"}", "\t\r\n {\"name\" : \"a\" ,\"version\":\"1\"}\n"}) {
    std::string file = scratch.write("package.json", text);
    auto want = test::output_of("node -e 'const p=JSON.parse(require(\"fs\").readFileSync(process.argv[1],\"utf8\"));console.log(\"npm\",p.name,p.version)' '" +
                                file + "'");
    ASSERT_TRUE(want) << text;
    EXPECT_THAT(lines(parse_language_file(LanguageFile::npm, kNpmPath, text).packages), ElementsAre(trim(*want))) << escape(text);
  }
}

// --- names that are none, whatever says them

std::string json_text(std::string_view s) {
  std::string out;
  for (char c : s) {
    if (static_cast<uint8_t>(c) < 0x20) {
      char buffer[8];
      std::snprintf(buffer, sizeof buffer, "\\u%04x", static_cast<unsigned>(c));
      out += buffer;
    } else {
      out += c;
    }
  }
  return out;
}

uint32_t adler32(std::string_view data) {
  uint32_t a = 1, b = 0;
  for (char c : data) a = (a + static_cast<uint8_t>(c)) % 65521, b = (b + a) % 65521;
  return b << 16 | a;
}

std::string zlib_stored(std::string_view data) {
  std::string out = "\x78\x01", sum = le(adler32(data), 4);
  do {
    std::string_view part = data.substr(0, 65535);
    data.remove_prefix(part.size());
    out += (data.empty() ? '\1' : '\0') + le(part.size(), 2) + le(part.size() ^ 0xffff, 2) + std::string(part);
  } while (!data.empty());
  return out + std::string(sum.rbegin(), sum.rend());
}

std::string percent(std::string_view s) {
  std::string out;
  for (char c : s) {
    if (static_cast<uint8_t>(c) < 0x20) {
      char buffer[8];
      std::snprintf(buffer, sizeof buffer, "%%%02X", static_cast<unsigned>(c));
      out += buffer;
    } else {
      out += c;
    }
  }
  return out;
}

// All names that the readers give for one name as it might be written.
std::map<std::string, std::vector<std::string>> all_of(std::string_view name) {
  std::string j = json_text(name), n(name);
  std::map<std::string, std::vector<std::string>> out;
  auto put = [&](const std::string& from, const std::vector<Package>& packages) {
    for (const Package& p : packages) out[from].push_back(p.name);
  };
  put("npm", parse_language_file(LanguageFile::npm, "node_modules/f/package.json", "{\"name\":\"" + j + "\",\"version\":\"1\"}").packages);
  put("composer", parse_language_file(LanguageFile::composer, "composer/installed.json", "[{\"name\":\"" + j + "\",\"version\":\"1\"}]").packages);
  put("conda", parse_language_file(LanguageFile::conda, "conda-meta/f.json", "{\"name\":\"" + j + "\",\"version\":\"1\"}").packages);
  put("dotnet", parse_language_file(LanguageFile::dotnet, "f.deps.json", "{\"libraries\":{\"" + j + "/1\":{\"type\":\"package\"}}}").packages);
  put("cargo", parse_rust_audit(as_bytes(zlib_stored("{\"packages\":[{\"name\":\"" + j + "\",\"version\":\"1\",\"source\":\"crates.io\"}]}"))).packages);
  put("sbom", parse_sbom("{\"bomFormat\":\"CycloneDX\",\"components\":[{\"purl\":\"pkg:cargo/" + percent(name) + "@1\"}]}").packages);
  if (n.find('\n') == std::string::npos) {
    put("python", parse_language_file(LanguageFile::python, "f-1.dist-info/METADATA", "Name: " + n + "\nVersion: 1\n").packages);
    put("gem", parse_language_file(LanguageFile::gem, "specifications/f-1.gemspec", "s.name = \"" + n + "\"\ns.version = \"1\"\n").packages);
    put("go", parse_go_modules("", "dep\t" + n + "\tv1\th1:x\n"));
  }
  return out;
}

TEST(PackageNames, OfTheLongestLength) {
  std::string longest(kMaxPackageName, 'a');
  auto all = all_of(longest);
  EXPECT_THAT(all, SizeIs(9));
  for (const auto& [from, names] : all) EXPECT_THAT(names, ElementsAre(longest)) << from;
}

TEST(PackageNames, LongerOnesAreNone) {
  for (const auto& [from, names] : all_of(std::string(kMaxPackageName + 1, 'a'))) EXPECT_THAT(names, IsEmpty()) << from;
}

TEST(PackageNames, WithAZeroByteOrANewlineAreNone) {
  for (std::string_view name : {std::string_view("a\0b", 3), std::string_view("a\nb")})
    for (const auto& [from, names] : all_of(name)) EXPECT_THAT(names, IsEmpty()) << from << " " << escape(name);
}

TEST(PackageNames, TooManyOfOneFileAreCutAndTold) {
  std::string text = "[";
  for (size_t i = 0; i <= kMaxLanguagePackages; ++i) text += "{\"name\":\"a/b\",\"version\":\"1\"},";
  text.back() = ']';
  LanguagePackages found = parse_language_file(LanguageFile::composer, "composer/installed.json", text);
  EXPECT_THAT(found.packages, SizeIs(kMaxLanguagePackages));
  EXPECT_NE(found.problem, "") << "what could not be read is said: the last package was not";
}

TEST(LanguageJson, DeeperThanTheLimitIsAProblemAndEnds) {
  std::string rows = "{\"packages\":[{\"name\":\"a/b\",\"version\":\"1\"}],\"x\":" + deep(100'000) + "}";
  for (LanguageFile kind : {LanguageFile::npm, LanguageFile::composer, LanguageFile::dotnet, LanguageFile::conda, LanguageFile::sbom})
    for (const std::string& text :
         {rows, deep(100'000), deep(100'000, "{\"a\":", "}"), std::string(100'000, '['), std::string(1'000'000, '{'), deep(kMaxLanguageDepth + 2)}) {
      LanguagePackages found = parse_language_file(kind, kNpmPath, text);
      EXPECT_THAT(found.packages, IsEmpty());
      EXPECT_NE(found.problem, "") << static_cast<int>(kind);
    }
  std::string allowed = "{\"name\":\"a\",\"version\":\"1\",\"x\":" + deep(kMaxLanguageDepth - 4) + "}";
  EXPECT_THAT(read(LanguageFile::npm, kNpmPath, allowed), ElementsAre("npm a 1"));
}

// --- Python

constexpr std::string_view kMetadata = "usr/lib/python3/dist-packages/Foo_Bar-1.2.dist-info/METADATA";

TEST(Python, NameAndVersionOfTheHeaders) {
  EXPECT_THAT(read(LanguageFile::python, kMetadata, "Metadata-Version: 2.1\nName: requests\nVersion: 2.31.0\nSummary: x\n\nName: body\nVersion: 9\n"),
              ElementsAre("pypi requests 2.31.0"));
}

TEST(Python, NamesAreKeptAsPep503TakesThemForTheSame) {
  for (const char* name : {"zope.interface", "Zope_Interface", "zope-interface", "zope.-_interface"})
    EXPECT_THAT(read(LanguageFile::python, kMetadata, "Name: " + std::string(name) + "\nVersion: 1\n"), ElementsAre("pypi zope-interface 1")) << name;
}

TEST(Python, FieldsBehindADescriptionOfManyLines) {
  EXPECT_THAT(read(LanguageFile::python, kMetadata,
                   "Metadata-Version: 1.1\nDescription: A\n        Name: inner\n        \n        Version: 6.6\n"
                   "\t|  Name: pipe\nName: real\nVersion: 1.0\nPlatform: UNKNOWN\n"),
              ElementsAre("pypi real 1.0"));
}

// PEP 566: the headers end at the first empty line, and what stands behind is the description.
TEST(Python, ANameInTheDescriptionIsNone) {
  LanguagePackages found = parse_language_file(LanguageFile::python, kMetadata, "Metadata-Version: 2.1\n\nName: evil\nVersion: 6.6\n");
  EXPECT_THAT(good(found), ElementsAre("pypi foo-bar 1.2")) << "the folder names it (PEP 376)";
}

TEST(Python, DosLinesCaseByteOrderMarkAndTheFirstOfTwo) {
  EXPECT_THAT(read(LanguageFile::python, kMetadata, "Metadata-Version: 2.1\r\nNAME: a\r\nversion:   1.0  \r\n\r\nx"), ElementsAre("pypi a 1.0"));
  EXPECT_THAT(read(LanguageFile::python, kMetadata, "Name: a\nName: b\nVersion: 1\nVersion: 2\n"), ElementsAre("pypi a 1"));
  EXPECT_THAT(read(LanguageFile::python, kMetadata, "\xef\xbb\xbfMetadata-Version: 2.1\nName: a\nVersion: 1"), ElementsAre("pypi a 1"));
}

TEST(Python, WhatIsMissingComesFromTheFolder) {
  auto of = [](std::string_view path, std::string_view text = "") { return lines(parse_language_file(LanguageFile::python, path, text).packages); };
  EXPECT_THAT(of(kMetadata), ElementsAre("pypi foo-bar 1.2"));
  EXPECT_THAT(of(kMetadata, "Name: other\n"), ElementsAre("pypi other 1.2"));
  EXPECT_THAT(of("x/foo-1.2.egg-info/PKG-INFO"), ElementsAre("pypi foo 1.2"));
  EXPECT_THAT(of("x/foo-1.2-py3.9.egg-info/PKG-INFO"), ElementsAre("pypi foo 1.2"));
  EXPECT_THAT(of("x/foo-1.2-py3.9.egg-info"), ElementsAre("pypi foo 1.2"));
  EXPECT_THAT(of("foo-1.2.dist-info/METADATA"), ElementsAre("pypi foo 1.2"));
}

// setuptools' eggs are called NAME-VERSION-pyX.Y.egg, and the folder in them EGG-INFO.
TEST(Python, AnEggIsNamedByItsOwnFolder) {
  LanguagePackages found = parse_language_file(LanguageFile::python, "x/foo-1.2-py3.9.egg/EGG-INFO/PKG-INFO", "Metadata-Version: 1.0\n");
  EXPECT_THAT(lines(found.packages), ElementsAre("pypi foo 1.2")) << found.problem;
}

TEST(Python, WithoutAVersionAnywhereItIsAProblem) {
  for (const char* path : {"x/foo.egg-info/PKG-INFO", "x/foo.dist-info/METADATA", "x/foo.egg/EGG-INFO/PKG-INFO"}) {
    LanguagePackages found = parse_language_file(LanguageFile::python, path, "Metadata-Version: 1.0\nName: foo\n");
    EXPECT_THAT(lines(found.packages), IsEmpty()) << path;
    EXPECT_NE(found.problem, "") << path;
  }
}

TEST(Python, AsImportlibReadsIt) {
  if (!test::has_tool("python3")) GTEST_SKIP() << "python3 is not there";
  const std::pair<const char*, std::string> files[] = {
      {"a-1.dist-info/METADATA", "Metadata-Version: 2.1\nName: a\nVersion: 1.0.post1\n\nName: b\n"},
      {"b-1.dist-info/METADATA", "Metadata-Version: 2.1\r\nName: b.b\r\nVersion: 1!2.0rc1+local\r\n\r\nx"},
      {"c-1.dist-info/METADATA", "Metadata-Version: 2.1\nSummary: x\n  Name: no\nDescription: y\n        \n        Version: 7\nName: c\nVersion: 3\n"},
      {"d-1.dist-info/METADATA", "Metadata-Version: 2.1\nNAME: D_d\nVERSION: 4\nName: e\n"},
      {"f-1.egg-info/PKG-INFO", "Metadata-Version: 1.0\nName: f\nVersion: 5\nDescription: UNKNOWN\n"},
      {"g-1.egg-info", "Metadata-Version: 1.0\nName: g\nVersion: 6\n"},
      {"h-1.dist-info/METADATA", "Metadata-Version: 2.1\nName:h\nVersion:\t7\n"},
      {"j-1.dist-info/METADATA", "Metadata-Version: 2.1\nClassifier: a: b\nName: j\nVersion: 9\nName\n"}};
  test::Scratch scratch;
  std::vector<std::string> got;
  for (const auto& [path, text] : files) {
    scratch.write(path, text);
    for (const std::string& line : read(LanguageFile::python, "x/" + std::string(path), text)) got.push_back(line);
  }
  auto want = test::output_of(
      "python3 -c \"import importlib.metadata as m,re,sys\nfor d in m.distributions(path=[sys.argv[1]]): "
      "print('pypi',re.sub('[-_.]+','-',d.metadata['Name']).lower(),d.version)\" '" +
      scratch.path() + "'");
  ASSERT_TRUE(want);
  std::vector<std::string> wanted;
  each_line(*want, [&](std::string_view line) { return wanted.emplace_back(line), true; });
  EXPECT_THAT(wanted, SizeIs(8));
  EXPECT_THAT(got, testing::UnorderedElementsAreArray(wanted));
}

constexpr std::string_view kRecord = "usr/lib/python3/site-packages/foo-1.dist-info/RECORD";
constexpr std::string_view kAbcBase64 = "ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0";  // of "abc"
constexpr std::string_view kAbcHex = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

std::string hex(const OwnedFile& f) {
  return to_hex(as_bytes(f.digest).data(), f.digest.size());
}

TEST(PythonRecord, PathsWithTheirDigests) {
  auto files = parse_python_record(kRecord, "foo/__init__.py,sha256=" + std::string(kAbcBase64) + ",3\nfoo-1.dist-info/RECORD,,\nfoo/x.pyc,,\n");
  ASSERT_THAT(files, SizeIs(3));
  EXPECT_EQ(files[0].path, "usr/lib/python3/site-packages/foo/__init__.py");
  EXPECT_EQ(files[0].algorithm, RecordedDigest::sha256);
  EXPECT_EQ(hex(files[0]), kAbcHex);
  EXPECT_EQ(files[1].path, kRecord);
  EXPECT_EQ(files[1].algorithm, RecordedDigest::none);
  EXPECT_EQ(files[2].digest, "");
}

TEST(PythonRecord, PathsLeaveTheFolderAndNeverTheRoot) {
  auto files = parse_python_record(kRecord, "../../../bin/foo,,\n/etc/foo.conf,,\n../../../../../../../../etc/passwd,,\n./a//b/../c,,\n");
  std::vector<std::string> paths;
  for (const OwnedFile& f : files) paths.push_back(f.path);
  EXPECT_THAT(paths, ElementsAre("usr/bin/foo", "etc/foo.conf", "etc/passwd", "usr/lib/python3/site-packages/a/c"));
  files = parse_python_record("foo-1.dist-info/RECORD", "foo.py,,\n../x,,\n");
  ASSERT_THAT(files, SizeIs(2));
  EXPECT_EQ(files[0].path, "foo.py");
  EXPECT_EQ(files[1].path, "x");
}

TEST(PythonRecord, OnlySha256OfItsLengthIsADigest) {
  std::string text = "a,sha256=" + std::string(kAbcBase64) +
                     "=,3\nb,sha256=short,3\nc,md5=kAFQmDzST7DWlj99KOF_cg,3\nd,sha384=x,3\ne,sha256=!!,1\nf,sha256=,\ng,sha256=" + std::string(kAbcBase64) +
                     "AAAA,3\nh,sha256=" + std::string(kAbcBase64);
  auto files = parse_python_record(kRecord, text);
  ASSERT_THAT(files, SizeIs(8));
  for (size_t i = 0; i < files.size(); ++i) EXPECT_EQ(files[i].algorithm == RecordedDigest::sha256, i == 0 || i == 7) << files[i].path;
}

TEST(PythonRecord, LinesThatAreNone) {
  auto files = parse_python_record(kRecord, "\r\n,,\n,sha256=x,1\n\"\n\"\",,\na,,\r\nb\n" + std::string(5000, 'x') + ",,\n");
  std::vector<std::string> paths;
  for (const OwnedFile& f : files) paths.push_back(f.path);
  EXPECT_THAT(paths, ElementsAre("usr/lib/python3/site-packages/a", "usr/lib/python3/site-packages/b"));
}

// PEP 376: "readable by Python's csv module".
TEST(PythonRecord, AsPythonsCsvReadsIt) {
  if (!test::has_tool("python3")) GTEST_SKIP() << "python3 is not there";
  std::string d = "sha256=" + std::string(kAbcBase64);
  std::string text = "a.py," + d + ",3\r\n\"b,c.py\"," + d + ",3\n\"d\"\"e\"\"\"," + d + ",3\n" + "f g.py," + d + ",3\n\"h.py\"," + d + ",3\n\"i.py\",\"" + d +
                     "\",\"3\"\nj\"k," + d + ",3\n\"l,m\",,\n\xc3\xa9.py," + d + ",3\n\"\"\"n\"," + d + ",3\n";
  test::Scratch scratch;
  std::string file = scratch.write("RECORD", text);
  auto want = test::output_of(
      "python3 -c \"import csv,sys\nfor r in csv.reader(open(sys.argv[1],encoding='utf-8',newline='')): sys.stdout.buffer.write((r[0]+' "
      "'+r[1]+chr(10)).encode())\" '" +
      file + "'");
  ASSERT_TRUE(want);
  std::vector<std::string> wanted, got;
  each_line(*want, [&](std::string_view line) { return wanted.emplace_back(line), true; });
  for (const OwnedFile& f : parse_python_record("x-1.dist-info/RECORD", text))
    got.push_back(f.path + " " + (f.algorithm == RecordedDigest::sha256 && hex(f) == kAbcHex ? d : ""));
  EXPECT_THAT(wanted, SizeIs(10));
  EXPECT_THAT(got, ElementsAreArray(wanted));
}

// --- Ruby

constexpr std::string_view kGem = "usr/lib/ruby/gems/3.1.0/specifications/rack-2.2.3.gemspec";

TEST(Gem, AsRubygemsWritesIt) {
  EXPECT_THAT(
      read(LanguageFile::gem, kGem,
           "# -*- encoding: utf-8 -*-\n# stub: rack 2.2.3 ruby lib\n\nGem::Specification.new do |s|\n  s.name = \"rack\".freeze\n  s.version = \"2.2.3\"\n"
           "\n  s.required_rubygems_version = Gem::Requirement.new(\">= 0\".freeze) if s.respond_to? :required_rubygems_version=\n"
           "  s.rubygems_version = \"3.1.2\".freeze\n  s.required_ruby_version = \">= 2.3.0\"\nend\n"),
      ElementsAre("gem rack 2.2.3"));
}

TEST(Gem, OtherWaysToWriteIt) {
  for (std::string_view text :
       {"Gem::Specification.new do |spec|\n  spec.name          = 'rack'\n  spec.version       = '2.2.3'\n", "s.name=\"rack\"\ns.version=\"2.2.3\"",
        "s.version = Gem::Version.new(\"2.2.3\")\r\ns.name = \"rack\".freeze\r\n", "s.version = Gem::Version.new('2.2.3'.freeze)\ns.name = %q{rack}\n",
        "s.name = \"rack\"; # it's\ns.version = \"2.2.3\".freeze # was '1'\n"})
    EXPECT_THAT(read(LanguageFile::gem, kGem, text), ElementsAre("gem rack 2.2.3")) << text;
}

TEST(Gem, OfANativeGemThePlatformIsNoPartOfTheVersion) {
  constexpr std::string_view path = "specifications/nokogiri-1.13.0-x86_64-linux.gemspec";
  EXPECT_THAT(read(LanguageFile::gem, path, "s.name = \"nokogiri\".freeze\ns.version = \"1.13.0\"\ns.platform = \"x86_64-linux\".freeze\n"),
              ElementsAre("gem nokogiri 1.13.0"));
  EXPECT_THAT(read(LanguageFile::gem, path, "s.version = VERSION\n"), ElementsAre("gem nokogiri 1.13.0"));
  EXPECT_THAT(read(LanguageFile::gem, "specifications/google-protobuf-3.21.0.rc.1-java.gemspec", ""), ElementsAre("gem google-protobuf 3.21.0.rc.1"));
}

TEST(Gem, WhatRubyTakesForACommentNamesNothing) {
  EXPECT_THAT(read(LanguageFile::gem, kGem, "# s.name = \"old\"\n#  s.version = \"0.1\"\ns.name = \"rack\"\ns.version = \"2.2.3\"\n"),
              ElementsAre("gem rack 2.2.3"));
}

TEST(Gem, WithoutANameAndVersionItIsAProblem) {
  LanguagePackages found = parse_language_file(LanguageFile::gem, "specifications/x.gemspec", "s.name = \"x\"\n");
  EXPECT_THAT(found.packages, IsEmpty());
  EXPECT_NE(found.problem, "");
  for (std::string_view text : {"s.name = \"", "s.version = Gem::Version.new", "s.name = '\n's.version =\n", ".name", ".version=", "s.name = \"\""})
    EXPECT_THAT(lines(parse_language_file(LanguageFile::gem, kGem, text).packages), ElementsAre("gem rack 2.2.3")) << text;
}

// --- PHP, .NET, Conda

TEST(Composer, OfBothVersionsOfComposer) {
  EXPECT_THAT(read(LanguageFile::composer, "vendor/composer/installed.json",
                   R"([{"name":"Monolog/monolog","version":"1.25.0","version_normalized":"1.25.0.0"},{"name":"psr/log","version":"v1.1.4"}])"),
              ElementsAre("composer monolog/monolog 1.25.0", "composer psr/log 1.1.4"));
  EXPECT_THAT(read(LanguageFile::composer, "vendor/composer/installed.json",
                   R"({"packages":[{"name":"a/b","version":"dev-master"},{"name":"a/c","version":"2.0.0-RC1"}],"dev":true,"dev-package-names":[]})"),
              ElementsAre("composer a/b dev-master", "composer a/c 2.0.0-RC1"));
}

TEST(Composer, WhatIsOfAnotherKindIsAsIfItWereNotThere) {
  EXPECT_THAT(read(LanguageFile::composer, "composer/installed.json", R"([null,1,"a",[],{"version":"1"},{"name":1},{"name":"a/b","version":"1"}])"),
              ElementsAre("composer a/b 1"));
  for (std::string_view text : {"{}", "{\"packages\":{}}", "{\"packages\":null}", "1"})
    EXPECT_THAT(lines(parse_language_file(LanguageFile::composer, "composer/installed.json", text).packages), IsEmpty()) << text;
}

TEST(Dotnet, ThePackagesOfTheLibraries) {
  EXPECT_THAT(
      read(
          LanguageFile::dotnet, "app/app.deps.json",
          R"({"runtimeTarget":{"name":".NETCoreApp,Version=v6.0"},"targets":{".NETCoreApp,Version=v6.0":{"Other/1.0.0":{}}},"libraries":{"app/1.0.0":{"type":"project"},
           "Newtonsoft.Json/13.0.1":{"type":"package","serviceable":true},"System.Text.Json/6.0.0-rc.1":{"type":"package"},"x/1":{"type":"reference"},"bare":{"type":"package"}}})"),
      UnorderedElementsAre("nuget newtonsoft.json 13.0.1", "nuget system.text.json 6.0.0-rc.1"));
  for (std::string_view text : {"{}", "{\"libraries\":[]}", "{\"libraries\":{\"a/1\":null,\"/1\":{\"type\":\"package\"}}}", "[]"})
    EXPECT_THAT(lines(parse_language_file(LanguageFile::dotnet, "a.deps.json", text).packages), IsEmpty()) << text;
  // .NET's own writer begins the file with a mark.
  EXPECT_THAT(read(LanguageFile::dotnet, "a.deps.json", "\xef\xbb\xbf{\r\n\"libraries\":{\"A/1\":{\"type\":\"package\"}}}\r\n"), ElementsAre("nuget a 1"));
}

TEST(Conda, NameVersionAndPlatform) {
  LanguagePackages found = parse_language_file(LanguageFile::conda, "opt/conda/conda-meta/openssl-1.1.1o-h7f8727e_0.json",
                                               R"({"build":"h7f8727e_0","name":"openssl","version":"1.1.1o","subdir":"linux-64","files":["bin/openssl"]})");
  EXPECT_THAT(good(found), ElementsAre("conda openssl 1.1.1o"));
  EXPECT_EQ(found.packages.at(0).architecture, "linux-64");
  EXPECT_THAT(lines(parse_language_file(LanguageFile::conda, "conda-meta/x.json", "{\"subdir\":\"linux-64\"}").packages), IsEmpty());
}

// --- bills of materials

std::string cyclonedx(const std::string& components, const std::string& version = "1.5") {
  return "{\"bomFormat\":\"CycloneDX\",\"specVersion\":\"" + version + "\",\"components\":[" + components + "]}";
}
std::string component(const std::string& purl) {
  return "{\"type\":\"library\",\"name\":\"x\",\"purl\":\"" + purl + "\"}";
}

TEST(Sbom, CyclonedxOfEachVersion) {
  for (const char* version : {"1.2", "1.3", "1.4", "1.5", "1.6", "1.7"})
    EXPECT_THAT(
        good(parse_sbom(cyclonedx(component("pkg:npm/%40babel/core@7.0.0") + "," + component("pkg:pypi/Django@4.2") + "," +
                                      component("pkg:maven/org.apache.logging.log4j/log4j-core@2.14.1") + "," +
                                      component("pkg:golang/github.com/gin-gonic/gin@v1.7.0") + "," + component("pkg:composer/psr/log@1.1.4") + "," +
                                      component("pkg:cargo/time@0.1.42") + "," + component("pkg:gem/rack@2.2.3?platform=ruby") + "," +
                                      component("pkg:nuget/Newtonsoft.Json@13.0.1") + "," + component("pkg:conda/openssl@1.1.1o"),
                                  version))),
        ElementsAre("npm @babel/core 7.0.0", "pypi django 4.2", "maven org.apache.logging.log4j:log4j-core 2.14.1", "golang github.com/gin-gonic/gin v1.7.0",
                    "composer psr/log 1.1.4", "cargo time 0.1.42", "gem rack 2.2.3", "nuget Newtonsoft.Json 13.0.1", "conda openssl 1.1.1o"))
        << version;
}

TEST(Sbom, ComponentsInComponents) {
  EXPECT_THAT(good(parse_sbom(cyclonedx("{\"type\":\"application\",\"components\":[" + component("pkg:gem/a@1") + "],\"purl\":\"pkg:gem/b@2\"}"))),
              ElementsAre("gem b 2", "gem a 1"));
}

// Either all are read, or what was not is said.
TEST(Sbom, ComponentsNestedAsDeepAsJsonMayBe) {
  for (size_t depth : {5U, 16U, 17U, 25U, 1000U, 50'000U}) {
    std::string inner = component("pkg:gem/innermost@1");
    for (size_t i = 0; i < depth; ++i) inner.insert(0, "{\"components\":["), inner += "]}";
    LanguagePackages found = parse_sbom(cyclonedx(inner));
    EXPECT_TRUE(!found.packages.empty() || !found.problem.empty()) << depth << ": nothing is read and nothing is said";
  }
}

TEST(Sbom, PackagesOfDistributionsWithWhatTheirUrlsSay) {
  LanguagePackages found =
      parse_sbom(cyclonedx(component("pkg:deb/debian/libssl3@3.0.11-1~deb12u2?arch=amd64&distro=debian-12&upstream=openssl%403.0.11-1") + "," +
                           component("pkg:rpm/redhat/bash@4.4.20-4.el8_6?arch=x86_64&epoch=1&upstream=bash-4.4.20-4.el8_6.src.rpm&distro=rhel-8.6") + "," +
                           component("pkg:apk/alpine/busybox-binsh@1.36.1-r2?arch=x86_64&upstream=busybox&distro=alpine-3.18.2")));
  ASSERT_THAT(good(found), ElementsAre("deb libssl3 3.0.11-1~deb12u2", "rpm bash 1:4.4.20-4.el8_6", "apk busybox-binsh 1.36.1-r2"));
  EXPECT_EQ(found.packages[0].architecture, "amd64");
  EXPECT_EQ(found.packages[0].source, "openssl");
  EXPECT_EQ(found.packages[0].source_version, "3.0.11-1");
  EXPECT_EQ(found.packages[1].source, "");
  EXPECT_EQ(found.packages[2].source, "busybox");
  EXPECT_EQ(found.distribution, "debian-12");
}

TEST(Sbom, TrivysPropertiesTellTheSource) {
  LanguagePackages found = parse_sbom(cyclonedx(
      "{\"type\":\"operating-system\",\"name\":\"debian\",\"version\":\"12.5\"},"
      "{\"purl\":\"pkg:deb/debian/libexpat1@2.5.0-1?arch=amd64&distro=debian-12.5\",\"properties\":[{\"name\":\"aquasecurity:trivy:SrcName\",\"value\":"
      "\"expat\"},"
      "{\"name\":\"aquasecurity:trivy:SrcRelease\",\"value\":\"1\"},{\"name\":\"aquasecurity:trivy:SrcEpoch\",\"value\":\"2\"},{\"name\":\"aquasecurity:trivy:"
      "SrcVersion\","
      "\"value\":\"2.5.0\"}]},"
      "{\"purl\":\"pkg:deb/debian/a@1\",\"properties\":[null,{\"name\":1},{\"name\":\"aquasecurity:trivy:SrcName\"},{\"value\":\"x\"}]},"
      "{\"purl\":\"pkg:deb/debian/b@1?upstream=c\",\"properties\":[{\"name\":\"aquasecurity:trivy:SrcName\",\"value\":\"other\"}]}"));
  ASSERT_THAT(good(found), SizeIs(3));
  EXPECT_EQ(found.packages[0].source, "expat");
  EXPECT_EQ(found.packages[0].source_version, "2:2.5.0-1");
  EXPECT_EQ(found.packages[1].source, "");
  EXPECT_EQ(found.packages[2].source, "c");
  EXPECT_EQ(found.distribution, "debian-12.5");
}

TEST(Sbom, UrlsOfTypesThatAreNotKnownAndThoseThatAreNone) {
  EXPECT_THAT(good(parse_sbom(cyclonedx(component("pkg:generic/openssl@1.1.1") + "," + component("pkg:oci/debian@sha256%3Aabc") + "," +
                                        component("pkg:swift/x/y@1") + "," + component("cpe:2.3:a:x") + "," + component("pkg:") + "," + component("pkg:npm/") +
                                        "," + component("") + ",null,1,[],{\"purl\":[\"pkg:npm/a@1\"]}," + component("PKG:NPM/b@1")))),
              ElementsAre("npm b 1"));
}

TEST(Sbom, Spdx2InJson) {
  for (const char* version : {"SPDX-2.2", "SPDX-2.3"})
    EXPECT_THAT(
        good(parse_sbom(
            std::string("{\"spdxVersion\":\"") + version +
            "\",\"packages\":[{\"name\":\"x\",\"versionInfo\":\"9\",\"externalRefs\":[{\"referenceCategory\":\"SECURITY\",\"referenceType\":\"cpe23Type\","
            "\"referenceLocator\":\"cpe:2.3:a\"},{\"referenceCategory\":\"PACKAGE-MANAGER\",\"referenceType\":\"purl\",\"referenceLocator\":\"pkg:npm/a@1\"}]},"
            "{\"name\":\"no\"},{\"externalRefs\":[{\"referenceCategory\":\"PACKAGE_MANAGER\",\"referenceType\":\"purl\",\"referenceLocator\":"
            "\"pkg:pypi/b@2\"}]},null,{\"externalRefs\":{}}],\"files\":[]}")),
        ElementsAre("npm a 1", "pypi b 2"));
}

std::string spdx3(const std::string& elements) {
  return "{\"@context\":\"https://spdx.org/rdf/3.0.1/spdx-context.jsonld\",\"@graph\":[{\"type\":\"CreationInfo\",\"@id\":\"_:c\",\"specVersion\":\"3.0.1\"}," +
         elements + "]}";
}

TEST(Sbom, Spdx3) {
  EXPECT_THAT(
      good(parse_sbom(
          spdx3("{\"type\":\"software_Package\",\"spdxId\":\"urn:a\",\"name\":\"a\",\"software_packageVersion\":\"1\",\"software_packageUrl\":\"pkg:npm/a@1\"},"
                "{\"type\":\"software_File\",\"software_packageUrl\":\"pkg:npm/b@1\"},{\"type\":\"Relationship\"},null,{\"type\":\"software_Package\"}"))),
      ElementsAre("npm a 1"));
}

// SPDX 3.0, Core/Vocabularies/ExternalIdentifierType: packageUrl.
TEST(Sbom, Spdx3WithThePackageUrlAsAnIdentifier) {
  EXPECT_THAT(
      good(parse_sbom(spdx3("{\"type\":\"software_Package\",\"name\":\"a\",\"externalIdentifier\":[{\"type\":\"ExternalIdentifier\",\"externalIdentifierType\":"
                            "\"packageUrl\",\"identifier\":\"pkg:npm/"
                            "a@1\"},{\"type\":\"ExternalIdentifier\",\"externalIdentifierType\":\"cpe23\",\"identifier\":\"cpe:2.3:a\"}]}"))),
      ElementsAre("npm a 1"));
}

constexpr std::string_view kTags =
    "SPDXVersion: SPDX-2.3\nDataLicense: CC0-1.0\nPackageName: a\nPackageVersion: 9\nExternalRef: SECURITY cpe23Type cpe:2.3:a\n"
    "ExternalRef: PACKAGE-MANAGER purl pkg:npm/a@1\nPackageName: b\nExternalRef: PACKAGE-MANAGER purl pkg:pypi/b@2?arch=amd64&distro=debian-12 \n";

TEST(Sbom, SpdxAsTagsAndValues) {
  LanguagePackages found = parse_sbom(kTags);
  EXPECT_THAT(good(found), ElementsAre("npm a 1", "pypi b 2"));
  EXPECT_EQ(found.distribution, "debian-12");
  EXPECT_THAT(good(parse_sbom(dos_lines(kTags))), ElementsAre("npm a 1", "pypi b 2"));
  EXPECT_THAT(good(parse_sbom("\n  \n" + std::string(kTags))), ElementsAre("npm a 1", "pypi b 2"));
}

// SPDX 2.3, 5.2: comments begin with a #.
TEST(Sbom, SpdxAsTagsBehindACommentOrAMark) {
  EXPECT_THAT(good(parse_sbom("\xef\xbb\xbf" + std::string(kTags))), ElementsAre("npm a 1", "pypi b 2"));
  EXPECT_THAT(good(parse_sbom("# made by hand\n" + std::string(kTags))), ElementsAre("npm a 1", "pypi b 2"));
}

TEST(Sbom, NamesWithTheirNamespacesAreHeldToTheLimit) {
  for (const char* type : {"maven", "npm", "golang", "composer"}) {
    LanguagePackages found = parse_sbom(cyclonedx(component("pkg:" + std::string(type) + "/" + std::string(kMaxPackageName + 1, 'n') + "/a@1")));
    for (const Package& p : found.packages) EXPECT_LE(p.name.size(), kMaxPackageName) << type;
  }
}

TEST(Sbom, WhatIsNoneIsAProblem) {
  for (std::string_view text : {"", "{}", "[]", "null", "{\"bomFormat\":\"other\",\"components\":[]}", "<bom/>", "{\"@graph\":{}}", "{\"spdxVersion\":1}",
                                "SPDX", "{\"components\":[]}"}) {
    LanguagePackages found = parse_sbom(text);
    EXPECT_THAT(found.packages, IsEmpty()) << text;
    EXPECT_NE(found.problem, "") << text;
  }
  for (std::string_view text : {"{\"bomFormat\":\"CycloneDX\"}", "{\"bomFormat\":\"CycloneDX\",\"components\":{\"purl\":\"pkg:npm/a@1\"}}",
                                "{\"spdxVersion\":\"SPDX-2.3\",\"packages\":{}}", "SPDXVersion: SPDX-2.3"})
    EXPECT_THAT(good(parse_sbom(text)), IsEmpty()) << text;
}

TEST(Sbom, ComponentsOfTooMuchAreCutAndTold) {
  std::string rows;
  for (size_t i = 0; i <= kMaxLanguagePackages; ++i) rows += (i == 0 ? "{\"purl\":\"pkg:gem/a@1\"}" : ",{\"purl\":\"pkg:gem/a@1\"}");
  LanguagePackages found = parse_sbom(cyclonedx(rows));
  EXPECT_THAT(found.packages, SizeIs(kMaxLanguagePackages));
  EXPECT_NE(found.problem, "");
}

TEST(PurlTypes, ThoseOfPackageTypesAndNoOthers) {
  for (PackageType t : kPackageTypes) EXPECT_EQ(package_type(to_text(t)), t) << to_text(t);
  for (std::string_view other : {"", "generic", "NPM", "oci", "npm ", "unknown"}) EXPECT_FALSE(package_type(other)) << other;
}

}  // namespace
}  // namespace careen
