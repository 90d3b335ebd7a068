// Packages of programming languages in an image: collected from real archives, and laid over each other.
#include <gmock/gmock.h>

#include "../tests/support/image_text.h"
#include "../tests/support/scratch.h"
#include "facts/image_facts.h"
#include "facts/interest.h"

namespace careen {
namespace {

using test::collect_tar;
using test::facts_of_text;
using test::TarMaker;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using testing::UnorderedElementsAre;

std::vector<std::string> names(const ImageFacts& f) {
  std::vector<std::string> out;
  for (const InstalledPackage& p : f.packages) out.push_back(std::string(to_text(p.package.type)) + " " + p.package.name + " " + p.package.version);
  return out;
}

const Owner* owner_at(const ImageFacts& f, std::string_view path) {
  NodeId id = f.tree.find(path);
  if (id == kNoNode) return nullptr;
  const Node& n = f.tree.node(id);
  return n.record < f.owners.at(n.layer).size() ? &f.owners[n.layer][n.record] : nullptr;
}

std::vector<std::string> told(const ImageFacts& f, Question q) {
  std::vector<std::string> out;
  for (const Coverage& c : f.coverage)
    if (c.question == q) out.push_back(c.why);
  return out;
}

const std::string kPython =
    "file /usr/lib/python3/dist-packages/requests-2.31.0.dist-info/METADATA |\n"
    "  Metadata-Version: 2.1\n"
    "  Name: requests\n"
    "  Version: 2.31.0\n";
const std::string kNode = "file /app/node_modules/left-pad/package.json 0644 \"{\\\"name\\\":\\\"left-pad\\\",\\\"version\\\":\\\"1.3.0\\\"}\"\n";

std::string node(const std::string& folder, const std::string& name, const std::string& version) {
  return "file " + folder + "/package.json 0644 \"{\\\"name\\\":\\\"" + name + "\\\",\\\"version\\\":\\\"" + version + "\\\"}\"\n";
}

std::string dpkg(const std::string& list) {
  return "file /var/lib/dpkg/status |\n"
         "  Package: python3-requests\n"
         "  Status: install ok installed\n"
         "  Architecture: all\n"
         "  Version: 2.28.1+dfsg-1\n"
         "  \n"
         "file /var/lib/dpkg/info/python3-requests.list |\n" +
         list;
}

// --- whose package it is

TEST(LanguagePackages, OfTheDistributionAreCountedOnceAndTold) {
  ImageFacts f = facts_of_text(kPython + dpkg("  /usr/lib/python3/dist-packages/requests-2.31.0.dist-info/METADATA\n"));
  EXPECT_THAT(names(f), ElementsAre("deb python3-requests 2.28.1+dfsg-1"));
  EXPECT_THAT(told(f, Question::packages), ElementsAre(HasSubstr("of programming languages")));
}

TEST(LanguagePackages, ThatTheDistributionDoesNotOwnAreListed) {
  ImageFacts f = facts_of_text(kPython + dpkg("  /usr/lib/python3/dist-packages/other.py\n") + kNode);
  EXPECT_THAT(names(f), UnorderedElementsAre("deb python3-requests 2.28.1+dfsg-1", "pypi requests 2.31.0", "npm left-pad 1.3.0"));
  EXPECT_THAT(told(f, Question::packages), IsEmpty());
  for (const InstalledPackage& p : f.packages) {
    if (p.package.type != PackageType::pypi) continue;
    EXPECT_EQ(p.database, "usr/lib/python3/dist-packages/requests-2.31.0.dist-info/METADATA");
    EXPECT_EQ(p.root, "");
    EXPECT_TRUE(p.visible);
  }
}

TEST(LanguagePackages, AnImageOfThemAloneHasPackages) {
  ImageFacts f = facts_of_text(kNode);
  EXPECT_THAT(names(f), ElementsAre("npm left-pad 1.3.0"));
  EXPECT_THAT(told(f, Question::packages), IsEmpty());
}

TEST(LanguagePackages, OfAnApk) {
  const std::string db = "file /lib/apk/db/installed |\n  P:npm\n  V:9.1.2-r0\n  A:x86_64\n  F:usr/lib/node_modules/npm\n  R:package.json\n  \n";
  std::string own = node("/usr/lib/node_modules/npm", "npm", "9.1.2");
  EXPECT_THAT(names(facts_of_text(own + db)), ElementsAre("apk npm 9.1.2-r0"));
  // What its list does not name is not the distribution's, wherever it stands.
  EXPECT_THAT(names(facts_of_text(own + db + node("/usr/lib/node_modules/npm/node_modules/tar", "tar", "6.1.0"))),
              UnorderedElementsAre("apk npm 9.1.2-r0", "npm tar 6.1.0"));
}

TEST(LanguagePackages, OfAnRpm) {
  auto layer = collect_tar(TarMaker().file("usr/lib/python3.9/site-packages/six-1.15.0.dist-info/METADATA", "Name: six\nVersion: 1.15.0\n").text());
  PackageFile rpm;
  rpm.path = "var/lib/rpm/rpmdb.sqlite";
  rpm.kind = DatabaseKind::rpm;
  Package p;
  p.type = PackageType::rpm;
  p.name = "python3-six";
  p.version = "1.15.0-9.el9";
  rpm.packages.push_back(p);
  auto with = [&](const std::string& path) {
    auto both = std::make_shared<LayerFacts>(*layer);
    rpm.packages[0].files = {{path, RecordedDigest::none, "", false, false}};
    both->databases.push_back(rpm);
    return names(build_image_facts({both}));
  };
  EXPECT_THAT(with("usr/lib/python3.9/site-packages/six-1.15.0.dist-info/METADATA"), ElementsAre("rpm python3-six 1.15.0-9.el9"));
  EXPECT_THAT(with("usr/lib/python3.9/site-packages/six.py"), UnorderedElementsAre("rpm python3-six 1.15.0-9.el9", "pypi six 1.15.0"));
}

TEST(LanguagePackages, OfTheDistributionThroughTheImagesLinks) {
  ImageFacts f = facts_of_text("link /lib -> usr/lib\nfile /usr/lib/node_modules/a/package.json 0644 \"{\\\"name\\\":\\\"a\\\",\\\"version\\\":\\\"1\\\"}\"\n" +
                               dpkg("  /lib/node_modules/a/package.json\n"));
  EXPECT_THAT(names(f), ElementsAre("deb python3-requests 2.28.1+dfsg-1"));
}

// A newer one in another place than the distribution's.
TEST(LanguagePackages, BesideThoseOfTheDistribution) {
  ImageFacts f = facts_of_text(kPython + dpkg("  /usr/lib/python3/dist-packages/requests-2.31.0.dist-info/METADATA\n") +
                               "file /usr/local/lib/python3.11/site-packages/requests-2.32.0.dist-info/METADATA |\n  Name: requests\n  Version: 2.32.0\n");
  EXPECT_THAT(names(f), ElementsAre("deb python3-requests 2.28.1+dfsg-1", "pypi requests 2.32.0"));
}

// A bill of materials that a build left in the image tells again what the database does.
TEST(LanguagePackages, OfTheDistributionInABillOfMaterialsAreCountedOnce) {
  ImageFacts f = facts_of_text(dpkg("  /usr/bin/x\n") +
                               "file /bom.json 0644 \"{\\\"bomFormat\\\":\\\"CycloneDX\\\",\\\"components\\\":[{\\\"purl\\\":\\\"pkg:deb/debian/"
                               "python3-requests@2.28.1%2Bdfsg-1?arch=all\\\"},{\\\"purl\\\":\\\"pkg:npm/a@1.0.0\\\"}]}\"\n");
  EXPECT_THAT(names(f), ElementsAre("deb python3-requests 2.28.1+dfsg-1", "npm a 1.0.0"));
}

// --- layers

TEST(LanguagePackages, OfAFolderThatALaterLayerDeletedAreGone) {
  ImageFacts f = facts_of_text(kNode + node("/app/node_modules/b", "b", "2.0.0") + "layer\nwhiteout /app/node_modules\n");
  EXPECT_THAT(names(f), IsEmpty());
  f = facts_of_text(kNode + node("/app/node_modules/b", "b", "2.0.0") + "layer\nwhiteout /app/node_modules/b\n");
  EXPECT_THAT(names(f), ElementsAre("npm left-pad 1.3.0"));
  f = facts_of_text(kNode + "layer\nopaque /app/node_modules\n" + node("/app/node_modules/c", "c", "3.0.0"));
  EXPECT_THAT(names(f), ElementsAre("npm c 3.0.0"));
  f = facts_of_text(kPython + "layer\nwhiteout /usr/lib/python3/dist-packages/requests-2.31.0.dist-info\n");
  EXPECT_THAT(names(f), IsEmpty());
}

TEST(LanguagePackages, OfAFileThatALaterLayerReplacedAreTheLatersAlone) {
  ImageFacts f = facts_of_text(kNode + "layer\n" + node("/app/node_modules/left-pad", "left-pad", "1.4.0"));
  EXPECT_THAT(names(f), ElementsAre("npm left-pad 1.4.0"));
  EXPECT_EQ(f.packages.at(0).layer, 1U);
  EXPECT_EQ(f.packages.at(0).introduced, 1U);
  // By what is no package at all.
  EXPECT_THAT(names(facts_of_text(kNode + "layer\nfile /app/node_modules/left-pad/package.json 0644 \"{}\"\n")), IsEmpty());
  EXPECT_THAT(names(facts_of_text(kNode + "layer\nfile /app/node_modules/left-pad/package.json 0644 \"not json\"\n")), IsEmpty());
  EXPECT_THAT(names(facts_of_text(kNode + "layer\nfile /app/node_modules \"\"\n")), IsEmpty());
}

TEST(LanguagePackages, SinceWhichLayer) {
  ImageFacts f = facts_of_text(kNode + "layer\nfile /x \"\"\nlayer\n" + kNode);
  ASSERT_THAT(names(f), ElementsAre("npm left-pad 1.3.0"));
  EXPECT_EQ(f.packages[0].layer, 2U);
  EXPECT_EQ(f.packages[0].introduced, 0U);
}

TEST(LanguagePackages, InAFolderThatWasMovedBehindALink) {
  ImageFacts f = facts_of_text(kNode + "link /srv -> app\n");
  EXPECT_THAT(names(f), ElementsAre("npm left-pad 1.3.0"));
}

// pnpm: the package stands in its store, and links lead to it.
TEST(LanguagePackages, ThatLinksLeadToAreListedOnce) {
  ImageFacts f =
      facts_of_text(node("/app/node_modules/.pnpm/a@1.0.0/node_modules/a", "a", "1.0.0") +
                    "link /app/node_modules/a -> .pnpm/a@1.0.0/node_modules/a\nlink /app/node_modules/.pnpm/node_modules/a -> ../a@1.0.0/node_modules/a\n");
  EXPECT_THAT(names(f), ElementsAre("npm a 1.0.0"));
}

TEST(LanguagePackages, OfTwoPlacesAreTwo) {
  ImageFacts f =
      facts_of_text(node("/a/node_modules/x", "x", "1.0.0") + node("/b/node_modules/x", "x", "1.0.0") + node("/a/node_modules/x/node_modules/x", "x", "2.0.0"));
  EXPECT_THAT(names(f), UnorderedElementsAre("npm x 1.0.0", "npm x 1.0.0", "npm x 2.0.0"));
}

// --- RECORD

const std::string kWheel =
    "file /usr/lib/python3/site-packages/foo-1.dist-info/METADATA |\n  Name: foo\n  Version: 1\n"
    "file /usr/lib/python3/site-packages/foo-1.dist-info/RECORD |\n"
    "  foo/__init__.py,sha256=ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0,3\n"
    "  foo/gone.py,sha256=ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0,3\n"
    "  \"foo/a,b.py\",,\n"
    "  ../../../bin/foo,sha256=ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0,3\n"
    "  foo-1.dist-info/RECORD,,\n"
    "file /usr/lib/python3/site-packages/foo/__init__.py \"abc\"\n"
    "file /usr/lib/python3/site-packages/foo/a,b.py \"abc\"\n"
    "file /usr/lib/python3/site-packages/foo/stray.py \"abc\"\n"
    "file /usr/bin/foo 0755 \"changed\"\n";

TEST(PythonRecords, MakeFilesOwnedWithTheirDigests) {
  ImageFacts f = facts_of_text(kWheel);
  ASSERT_THAT(names(f), ElementsAre("pypi foo 1"));
  EXPECT_EQ(f.packages[0].owned_files, 4U);
  for (const char* path : {"usr/lib/python3/site-packages/foo/__init__.py", "usr/bin/foo"}) {
    ASSERT_NE(f.owner_of(path), nullptr) << path;
    EXPECT_EQ(f.owner_of(path)->package.name, "foo");
    const Owner* o = owner_at(f, path);
    ASSERT_NE(o, nullptr);
    EXPECT_EQ(o->algorithm, RecordedDigest::sha256);
    EXPECT_EQ(to_hex(o->digest.data(), 32), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    EXPECT_FALSE(o->config);
  }
  ASSERT_NE(f.owner_of("usr/lib/python3/site-packages/foo/a,b.py"), nullptr);
  EXPECT_EQ(owner_at(f, "usr/lib/python3/site-packages/foo/a,b.py")->algorithm, RecordedDigest::none);
  EXPECT_EQ(f.owner_of("usr/lib/python3/site-packages/foo/stray.py"), nullptr);
}

TEST(PythonRecords, TakeNoFileOfTheDistribution) {
  ImageFacts f = facts_of_text(kWheel + dpkg("  /usr/bin/foo\n"));
  EXPECT_THAT(names(f), UnorderedElementsAre("deb python3-requests 2.28.1+dfsg-1", "pypi foo 1"));
  ASSERT_NE(f.owner_of("usr/bin/foo"), nullptr);
  EXPECT_EQ(f.owner_of("usr/bin/foo")->package.type, PackageType::deb);
  EXPECT_TRUE(f.other_owners.empty());
}

TEST(PythonRecords, OfAPackageOfTheDistributionOwnNothing) {
  ImageFacts f = facts_of_text(kWheel + dpkg("  /usr/lib/python3/site-packages/foo-1.dist-info/METADATA\n"));
  EXPECT_THAT(names(f), ElementsAre("deb python3-requests 2.28.1+dfsg-1"));
  EXPECT_EQ(f.owner_of("usr/lib/python3/site-packages/foo/__init__.py"), nullptr);
}

TEST(PythonRecords, OfADeletedPackageOwnNothing) {
  ImageFacts f = facts_of_text(kWheel + "layer\nwhiteout /usr/lib/python3/site-packages/foo-1.dist-info\n");
  EXPECT_EQ(f.owner_of("usr/bin/foo"), nullptr);
}

TEST(PythonRecords, WithoutMetadataOwnNothing) {
  ImageFacts f = facts_of_text("file /x/foo-1.dist-info/RECORD |\n  foo.py,,\nfile /x/foo.py \"\"\n");
  EXPECT_THAT(names(f), IsEmpty());
  EXPECT_EQ(f.owner_of("x/foo.py"), nullptr);
}

TEST(PythonRecords, ThatClimbStayInTheRoot) {
  ImageFacts f = facts_of_text(
      "file /x/foo-1.dist-info/METADATA |\n  Name: foo\n  Version: 1\nfile /x/foo-1.dist-info/RECORD |\n  ../../../../../etc/shadow,,\n  /x,,\n  .,,\nfile "
      "/etc/shadow \"\"\n");
  ASSERT_NE(f.owner_of("etc/shadow"), nullptr);
  EXPECT_EQ(f.packages.at(0).owned_files, 1U);
}

// What the installer of the day writes.
TEST(PythonRecords, WhatPipInstalls) {
  if (!test::has_tool("python3")) GTEST_SKIP() << "python3 is not there";
  test::Scratch scratch;
  std::string make =
      "import zipfile,hashlib,base64,sys\nz=zipfile.ZipFile(sys.argv[1]+'/Foo_bar-1.0-py3-none-any.whl','w')\nr=''\n"
      "for n,d in (('foo_bar/__init__.py',b'abc'),('Foo_bar-1.0.dist-info/METADATA',b'Metadata-Version: 2.1\\nName: Foo.bar\\nVersion: 1.0\\n'),\n"
      "  ('Foo_bar-1.0.dist-info/WHEEL',b'Wheel-Version: 1.0\\nGenerator: x\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n'),\n"
      "  ('Foo_bar-1.0.dist-info/entry_points.txt',b'[console_scripts]\\nfoo = foo_bar:f\\n')):\n"
      "  z.writestr(n,d); r+=n+',sha256='+base64.urlsafe_b64encode(hashlib.sha256(d).digest()).decode().rstrip('=')+','+str(len(d))+'\\n'\n"
      "z.writestr('Foo_bar-1.0.dist-info/RECORD',r+'Foo_bar-1.0.dist-info/RECORD,,\\n')\nz.close()\n";
  std::string script = scratch.write("make.py", make), at = "cd '" + scratch.path() + "' && ";
  if (!test::output_of(at +
                       "python3 make.py . && python3 -m pip install -q --no-index --no-deps --no-compile --disable-pip-version-check --root=root --prefix=/usr "
                       "./Foo_bar-1.0-py3-none-any.whl 2>&1"))
    GTEST_SKIP() << "pip is not there, or fails";
  TarMaker tar;
  std::filesystem::path root = scratch / "root";
  size_t files = 0;
  for (const auto& e : std::filesystem::recursive_directory_iterator(root))
    if (e.is_regular_file()) tar.file(e.path().lexically_relative(root).string(), test::slurp(e.path().string())), ++files;
  ImageFacts f = build_image_facts({collect_tar(tar.text())});
  ASSERT_THAT(names(f), ElementsAre("pypi foo-bar 1.0"));
  EXPECT_EQ(f.packages[0].owned_files, files) << "every file that was installed is the package's";
  size_t with_digest = 0;
  FileRecord r;
  uint32_t i = 0;
  for (FileCursor c(f.layers[0]->files); c.next(r); ++i) {
    const Owner* o = owner_at(f, r.path);
    if (o == nullptr || o->algorithm != RecordedDigest::sha256) continue;
    ++with_digest;
    EXPECT_EQ(to_hex(o->digest.data(), 32), to_hex(r.sha256->data(), 32)) << r.path;
  }
  EXPECT_EQ(with_digest + 1, files) << "all but RECORD itself";
}

// --- collecting

TEST(LanguageCollector, WhatCannotBeReadIsToldOnceWithItsNumber) {
  TarMaker tar;
  for (int i = 0; i < 5; ++i) tar.file("node_modules/a" + std::to_string(i) + "/package.json", "not json");
  tar.file("node_modules/b/package.json", "{\"name\":\"b\",\"version\":\"1\"}");
  auto facts = collect_tar(tar.text());
  ASSERT_THAT(facts->coverage, SizeIs(1));
  EXPECT_EQ(facts->coverage[0].question, Question::vulnerabilities);
  EXPECT_EQ(facts->coverage[0].state, CoverageState::partly);
  EXPECT_THAT(facts->coverage[0].what, HasSubstr("node_modules/a0/package.json"));
  EXPECT_THAT(facts->coverage[0].why, HasSubstr("4 more"));
  EXPECT_THAT(facts->databases, SizeIs(1));
}

TEST(LanguageCollector, AFileOverTheLimitIsToldAndNotRead) {
  auto facts = collect_tar(TarMaker().file("node_modules/a/package.json", "{\"name\":\"a\",\"version\":\"1\"}" + std::string(kMaxInMemory, ' ')).text());
  EXPECT_THAT(facts->databases, IsEmpty());
  ASSERT_THAT(facts->coverage, SizeIs(1));
  EXPECT_EQ(facts->coverage[0].what, "node_modules/a/package.json");
  EXPECT_EQ(facts->coverage[0].state, CoverageState::not_looked);
  facts = collect_tar(TarMaker().file("a-1.dist-info/RECORD", std::string(kMaxInMemory + 1, 'x')).text());
  ASSERT_THAT(facts->coverage, SizeIs(1));
  EXPECT_EQ(facts->coverage[0].question, Question::integrity);
}

TEST(LanguageCollector, OfPatternsAloneNothingIsRead) {
  CollectOptions options;
  options.patterns_only = true;
  EXPECT_THAT(collect_tar(TarMaker().file("node_modules/a/package.json", "{\"name\":\"a\",\"version\":\"1\"}").text(), options)->databases, IsEmpty());
}

TEST(LanguageCollector, InSmallPieces) {
  std::string tar = test::ImageText(kWheel + kNode).tars().at(0);
  EXPECT_THAT(names(build_image_facts({collect_tar(tar, {}, 7)})), UnorderedElementsAre("pypi foo 1", "npm left-pad 1.3.0"));
}

TEST(LanguageCollector, AnElfFileByTheNameOfAnotherIsAnElfFile) {
  auto facts = collect_tar(TarMaker().file("x.jar", test::make_elf({}), 0755).text());
  EXPECT_THAT(facts->databases, IsEmpty());
  EXPECT_THAT(facts->elf, SizeIs(1));
}

TEST(LanguageCollector, AJarThatIsAScriptIsAJar) {
  if (!test::has_tool("python3")) GTEST_SKIP() << "python3 is not there";
  test::Scratch scratch;
  std::string file = scratch / "x.jar";
  ASSERT_TRUE(
      test::output_of("python3 -c \"import "
                      "zipfile,sys\nz=zipfile.ZipFile(sys.argv[1],'w')\nz.writestr('META-INF/maven/g/a/"
                      "pom.properties','groupId=g'+chr(10)+'artifactId=a'+chr(10)+'version=1')\nz.close()\" '" +
                      file + "'"));
  std::string jar = "#!/bin/sh\nexec java -jar $0\n" + test::slurp(file);
  EXPECT_THAT(names(build_image_facts({collect_tar(TarMaker().file("opt/app.jar", jar, 0755).text())})), ElementsAre("maven g:a 1"));
  ImageFacts f = build_image_facts({collect_tar(TarMaker().file("opt/app.jar", jar, 0755).text()), collect_tar(TarMaker().file("opt/app.jar", "").text())});
  EXPECT_THAT(names(f), IsEmpty()) << "replaced by an empty file";
}

// --- programs

std::string le(uint64_t v, int n) {
  std::string out;
  for (; n > 0; --n, v >>= 8) out += static_cast<char>(v & 255);
  return out;
}

// A program of one writable segment that is the whole file, with sections of these names and contents behind it.
std::string program(const std::vector<std::pair<std::string, std::string>>& sections) {
  std::string names(1, '\0'), body(128, '\0'), table(64, '\0');
  auto section = [&](const std::string& name, const std::string& content, uint32_t type) {
    body.resize((body.size() + 15) / 16 * 16);
    table += le(names.size(), 4) + le(type, 4) + le(3, 8) + le(0x400000 + body.size(), 8) + le(body.size(), 8) + le(content.size(), 8) + le(0, 8) + le(16, 8) +
             le(0, 8);
    names += name + '\0';
    body += content;
  };
  for (const auto& [name, content] : sections) section(name, content, 1);
  size_t at = names.size();
  names += ".shstrtab" + std::string(1, '\0');
  body.resize((body.size() + 15) / 16 * 16);
  table += le(at, 4) + le(3, 4) + le(0, 16) + le(body.size(), 8) + le(names.size(), 8) + le(0, 8) + le(1, 8) + le(0, 8);
  body += names;
  body.resize((body.size() + 15) / 16 * 16);
  uint64_t count = sections.size() + 2, end = body.size();
  std::string head =
      "\x7f"
      "ELF" +
      std::string("\2\1\1", 3) + std::string(9, '\0') + le(2, 2) + le(62, 2) + le(1, 4) + le(0x400078, 8) + le(64, 8) + le(end, 8) + le(0, 4) + le(64, 2) +
      le(56, 2) + le(1, 2) + le(64, 2) + le(count, 2) + le(count - 1, 2);
  head += le(1, 4) + le(6, 4) + le(0, 8) + le(0x400000, 16 - 8) + le(0x400000, 8) + le(end, 8) + le(end, 8) + le(4096, 8);
  body.replace(0, head.size(), head);
  return body + table;
}

const std::string kGoHeader = "\xff Go buildinf:" + std::string("\x08\x02", 2) + std::string(16, '\0') + "\x08go1.22.1";
std::string go_info() {
  std::string modules = "0123456789abcdef" + std::string("dep\ta.b/c\tv1.2.3\th1:\n") + "0123456789abcdef";
  return kGoHeader + static_cast<char>(modules.size()) + modules;
}
// {"packages":[{"name":"time","version":"0.1.42"}]}, stored, in zlib's format.
std::string crates() {
  std::string json = "{\"packages\":[{\"name\":\"time\",\"version\":\"0.1.42\"}]}";
  uint32_t a = 1, b = 0;
  for (char c : json) a = (a + static_cast<uint8_t>(c)) % 65521, b = (b + a) % 65521;
  std::string sum = le(b << 16 | a, 4);
  return "\x78\x01\x01" + le(json.size(), 2) + le(json.size() ^ 0xffff, 2) + json + std::string(sum.rbegin(), sum.rend());
}

TEST(LanguagePrograms, OfGoAndRust) {
  std::string go = go_info();
  auto of = [&](const std::string& bytes) { return names(build_image_facts({collect_tar(TarMaker().file("app", bytes, 0755).text())})); };
  EXPECT_THAT(of(program({{".go.buildinfo", go}})), ElementsAre("golang stdlib 1.22.1", "golang a.b/c 1.2.3"));
  EXPECT_THAT(of(program({{".data", go}})), ElementsAre("golang stdlib 1.22.1", "golang a.b/c 1.2.3")) << "by the segment alone";
  EXPECT_THAT(of(program({{".dep-v0", crates()}})), ElementsAre("cargo time 0.1.42"));
  EXPECT_THAT(of(program({{".dep-v0", crates()}, {".go.buildinfo", go}})),
              UnorderedElementsAre("cargo time 0.1.42", "golang stdlib 1.22.1", "golang a.b/c 1.2.3"));
  EXPECT_THAT(of(program({{".dep-v0x", crates()}})), IsEmpty());
  EXPECT_THAT(of(program({})), IsEmpty());

  ImageFacts f = build_image_facts(
      {collect_tar(TarMaker().file("app", program({{".dep-v0", crates()}}), 0755).text()), collect_tar(TarMaker().file("app", program({}), 0755).text())});
  EXPECT_THAT(names(f), IsEmpty()) << "replaced by another program";
  f = build_image_facts(
      {collect_tar(TarMaker().file("app", program({{".dep-v0", crates()}}), 0755).text()), collect_tar(TarMaker().file(".wh.app", "").text())});
  EXPECT_THAT(names(f), IsEmpty()) << "deleted";
}

TEST(LanguagePrograms, OfThePackagesOfTheDistributionAreItsOwn) {
  TarMaker tar;
  tar.file("usr/bin/tool", program({{".dep-v0", crates()}}), 0755)
      .file("var/lib/dpkg/status", "Package: tool\nStatus: install ok installed\nVersion: 1\n")
      .file("var/lib/dpkg/info/tool.list", "/usr/bin/tool\n");
  EXPECT_THAT(names(build_image_facts({collect_tar(tar.text())})), ElementsAre("deb tool 1"));
}

TEST(LanguagePrograms, WhatTheySayThatCannotBeReadIsTold) {
  for (const auto& [name, content] : std::vector<std::pair<std::string, std::string>>{{".dep-v0", "not zlib"}, {".go.buildinfo", kGoHeader + "\xff\xff\x7f"}}) {
    auto facts = collect_tar(TarMaker().file("app", program({{name, content}}), 0755).text());
    EXPECT_TRUE(std::any_of(facts->coverage.begin(), facts->coverage.end(), [](const Coverage& c) { return c.question == Question::vulnerabilities; })) << name;
  }
}

}  // namespace
}  // namespace careen
