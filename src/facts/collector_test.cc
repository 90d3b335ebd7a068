#include "facts/collector.h"

#include <gmock/gmock.h>

#include <cstdlib>

#include "../../tests/support/elf_builder.h"
#include "../../tests/support/image_text.h"
#include "../../tests/support/scratch_folder.h"
#include "base/fd.h"
#include "facts/elf_collector.h"
#include "facts/interest.h"

namespace careen {
namespace {

using test::collect_tar;
using test::ElfSpec;
using test::make_elf;
using test::TarMaker;
using testing::ElementsAre;
using testing::HasSubstr;

std::vector<FileRecord> records(const LayerFacts& f) {
  std::vector<FileRecord> out;
  FileRecord r;
  for (FileCursor c(f.files); c.next(r);) out.push_back(r);
  return out;
}

PatternSpec pattern(const std::string& id, const std::string& text, bool any_file = false) {
  PatternSpec p;
  p.id = id;
  p.bytes.assign(text.begin(), text.end());
  p.wild.assign(text.size(), 0);
  p.any_file = any_file;
  return p;
}

CollectOptions with(std::vector<PatternSpec> specs) {
  CollectOptions o;
  auto set = PatternSet::compile(std::move(specs));
  if (set) o.patterns = *set;
  return o;
}

TEST(Collector, DigestsEveryRegularFile) {
  auto f =
      collect_tar(TarMaker().file("a", "abc").file("empty", "").file("big", std::string(100'000, 'x')).file("run", std::string(100'000, 'x'), 0755).text());
  auto r = records(*f);
  ASSERT_EQ(r.size(), 4U);
  EXPECT_EQ(to_hex(r[0].sha256->data(), 32), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(to_hex(r[0].md5->data(), 16), "900150983cd24fb0d6963f7d28e17f72");
  EXPECT_EQ(to_hex(r[0].sha1->data(), 20), "a9993e364706816aba3e25717850c26c9cd0d89d");
  EXPECT_EQ(r[1].size, 0U);
  EXPECT_EQ(to_hex(r[1].sha256->data(), 4), "e3b0c442");
  EXPECT_FALSE(r[2].sha1);
  EXPECT_TRUE(r[3].sha1);
}

TEST(Collector, RecordsWhatIsNoRegularFileWithoutDigests) {
  auto f = collect_tar(TarMaker().dir("d/").link("l", "/etc/../x").hard("h", "./d/../y").add("p", '6', 0600, "").text());
  auto r = records(*f);
  ASSERT_EQ(r.size(), 4U);
  EXPECT_EQ(r[0].path, "d");
  EXPECT_EQ(r[1].target, "/etc/../x");
  EXPECT_EQ(r[2].target, "y");
  EXPECT_EQ(r[3].type, FileType::fifo);
  for (const auto& x : r) EXPECT_FALSE(x.sha256);
}

TEST(Collector, PathsThatLeaveTheRootAreTakenInsideAndTold) {
  auto f = collect_tar(TarMaker().file("../../etc/passwd", "x").file("/abs", "").file("./a/./b//c", "").file("a/../../b", "").file("./", "").text());
  std::vector<std::string> paths;
  for (const auto& r : records(*f)) paths.push_back(r.path);
  EXPECT_THAT(paths, ElementsAre("etc/passwd", "abs", "a/b/c", "b"));
  ASSERT_EQ(f->coverage.size(), 1U);
  EXPECT_EQ(f->coverage[0].state, CoverageState::looked);
  EXPECT_EQ(f->coverage[0].what, "../../etc/passwd");
  EXPECT_THAT(f->coverage[0].why, HasSubstr("1 more"));
}

TEST(Collector, TellsProgramsScriptsAndDataApart) {
  auto r = records(*collect_tar(TarMaker()
                                    .file("e", make_elf({}))
                                    .file("s", "#!/bin/sh\n")
                                    .file("d", "data")
                                    .file("short",
                                          "\x7f"
                                          "EL")
                                    .text()));
  EXPECT_EQ(r[0].kind, ContentKind::elf);
  EXPECT_EQ(r[1].kind, ContentKind::script);
  EXPECT_EQ(r[2].kind, ContentKind::data);
  EXPECT_EQ(r[3].kind, ContentKind::data);
}

TEST(Collector, KeepsTheElfFactsOfAProgram) {
  ElfSpec s;
  s.interpreter = "/lib64/ld-linux-x86-64.so.2";
  s.needed = {"libx.so.1", "libc.so.6"};
  s.runpath = "$ORIGIN/../lib";
  s.imports = {"dlopen", "__tls_get_addr"};
  s.strings = {"libplug.so", "/opt/lib/other.so.2", "not a library.so", "lib", "plain.so", "libx.so.txt"};
  s.dlopen_note = R"([{"soname":["libzstd.so.1"],"priority":"suggested"}])";
  auto f = collect_tar(TarMaker().file("usr/bin/p", make_elf(s), 0755).text());
  ASSERT_EQ(f->elf.size(), 1U);
  const ElfFacts& e = f->elf[0];
  EXPECT_EQ(e.path, "usr/bin/p");
  EXPECT_EQ(e.interpreter, s.interpreter);
  EXPECT_THAT(e.needed, ElementsAre("libx.so.1", "libc.so.6"));
  EXPECT_EQ(e.runpath, "$ORIGIN/../lib");
  EXPECT_TRUE(e.imports_dlopen);
  EXPECT_TRUE(e.imports_tls_get_addr);
  EXPECT_FALSE(e.has_sections);
  EXPECT_THAT(e.library_names, testing::IsSupersetOf({"libplug.so", "/opt/lib/other.so.2"}));
  EXPECT_THAT(e.library_names, testing::Not(testing::Contains("plain.so")));
  EXPECT_THAT(e.library_names, testing::Not(testing::Contains("libx.so.txt")));
  ASSERT_EQ(e.dlopen_notes.size(), 1U);
  EXPECT_THAT(e.dlopen_notes[0], HasSubstr("libzstd.so.1"));
  ASSERT_EQ(f->symbols.size(), 1U);
  EXPECT_EQ(f->symbols[0].imports, std::string("dlopen\0__tls_get_addr\0", 22));
}

TEST(Collector, OfAProgramWithoutDlopenNoNamesAreKept) {
  ElfSpec s;
  s.strings = {"libplug.so"};
  auto f = collect_tar(TarMaker().file("p", make_elf(s)).text());
  EXPECT_TRUE(f->elf[0].library_names.empty());
}

std::string built(const std::string& text) {
  std::vector<uint8_t> b = test::ElfBuilder(text).bytes();
  return std::string(b.begin(), b.end());
}

TEST(Collector, KeepsWhereAProgramBegins) {
  auto f = collect_tar(TarMaker().file("p", built("type 2\nload 1000 100 rx\nentry 1040\n"), 0755).text());
  EXPECT_EQ(f->elf.at(0).entry, 0x1040U);
}

TEST(Collector, NamesOfLibrariesAreFoundOnceHoweverSegmentsOverlap) {
  std::string text = "symbol dlopen import 0\n", names = "text 1100 libone.so\ntext 1200 /opt/two.so.2\n";
  for (int i = 0; i < 50; ++i) text += "load 1000 1000 r\n";
  auto f = collect_tar(TarMaker().file("p", built(text + names)).text());
  EXPECT_THAT(f->elf.at(0).library_names, testing::IsSupersetOf({"libone.so", "/opt/two.so.2"}));
  for (const char* name : {"libone.so", "/opt/two.so.2"})
    EXPECT_EQ(std::count(f->elf[0].library_names.begin(), f->elf[0].library_names.end(), name), 1) << name;
}

TEST(Collector, NamesOfLibrariesAreNotLookedForInWhatIsWritten) {
  auto f = collect_tar(
      TarMaker().file("p", built("symbol dlopen import 0\nload 1000 1000 rw\ntext 1100 libone.so\nload 3000 1000 r\ntext 3100 libtwo.so\n")).text());
  EXPECT_THAT(f->elf.at(0).library_names, testing::Contains("libtwo.so"));
  EXPECT_THAT(f->elf.at(0).library_names, testing::Not(testing::Contains("libone.so")));
}

// What no database begins as is never taken for one, so that a name cannot hide a program.
TEST(Collector, AnElfFileIsOneUnderTheNameOfADatabaseToo) {
  ElfSpec s;
  s.soname = "libx.so.1";
  s.strings = {"the bytes looked for"};
  for (const char* path :
       {"var/lib/dpkg/info/x.list", "var/lib/dpkg/info/x.md5sums", "var/lib/dpkg/status", "var/lib/dpkg/status.d/x", "var/lib/dpkg/diversions",
        "lib/apk/db/installed", "var/lib/pacman/local/x-1-1/files", "var/lib/pacman/local/x-1-1/desc", "var/lib/pacman/local/x-1-1/mtree",
        "usr/lib/sysimage/rpm/rpmdb.sqlite", "var/lib/rpm/Packages", "usr/lib/sysimage/rpm/rpmdb.sqlite-wal"}) {
    auto f = collect_tar(TarMaker().file(path, make_elf(s)).text(), with({pattern("t/p", "the bytes looked for")}));
    ASSERT_EQ(f->elf.size(), 1U) << path;
    EXPECT_EQ(f->elf[0].path, path);
    EXPECT_EQ(f->elf[0].soname, "libx.so.1") << path;
    EXPECT_EQ(f->hits.size(), 1U) << path;
    EXPECT_EQ(records(*f)[0].kind, ContentKind::elf) << path;
  }
}

TEST(Collector, AnElfFileWhoseTablesPassALimitIsAGapOfThreats) {
  std::string many = built("needed x\n").substr(0, 64) + std::string(56 * 5000, '\0');
  many[56] = static_cast<char>(5000 & 0xff), many[57] = static_cast<char>(5000 >> 8);
  std::string tags = "soname libx.so.1\n";
  for (size_t i = 0; i < kMaxDynamicEntries; ++i) tags += "dyn 60000001 0\n";
  for (const auto& [what, elf] : {std::pair("segments", many), std::pair("tags", built(tags))}) {
    auto f = collect_tar(TarMaker().file("lib/libx.so.1", elf).text());
    ASSERT_EQ(f->elf.size(), 1U) << what;
    size_t gaps = 0;
    for (const Coverage& c : f->coverage) gaps += c.question == Question::threats && c.state == CoverageState::partly && c.what == "lib/libx.so.1" ? 1 : 0;
    EXPECT_EQ(gaps, 1U) << what;
  }
  auto honest = collect_tar(TarMaker().file("lib/libx.so.1", built("soname libx.so.1\n")).text());
  for (const Coverage& c : honest->coverage) ADD_FAILURE() << c.why;
}

TEST(Collector, ABrokenElfFileIsAnElfFileWithAProblem) {
  auto f = collect_tar(TarMaker()
                           .file("a",
                                 "\x7f"
                                 "ELF")
                           .file("b", make_elf({}).substr(0, 70))
                           .text());
  ASSERT_EQ(f->elf.size(), 2U);
  EXPECT_FALSE(f->elf[0].problems.empty());
  EXPECT_FALSE(f->elf[1].problems.empty());
  EXPECT_EQ(records(*f)[0].kind, ContentKind::elf);
}

// The first bytes may come one by one, from a decoder or from the map of a sparse file; what the file is must not hang on it.
TEST(Collector, AnElfFileIsOneHoweverItsBytesArrive) {
  ElfSpec s;
  s.soname = "libx.so.1";
  std::string tar = TarMaker().file("lib/libx.so.1", make_elf(s), 0755).file("run.sh", "#!/bin/sh\nexec x\n", 0755).text();
  for (size_t drip : {1U, 3U, 513U, 700U}) {
    auto f = collect_tar(tar, {}, drip);
    EXPECT_EQ(f->elf.size(), 1U) << drip;
    EXPECT_EQ(f->texts.size(), 1U) << drip;
    EXPECT_EQ(records(*f)[0].kind, ContentKind::elf) << drip;
  }
}

TEST(Collector, ASparseMapCannotHideAnElfFile) {
  ElfSpec s;
  s.soname = "libx.so.1";
  s.strings = {"the bytes looked for"};
  std::string elf = make_elf(s);
  auto f = collect_tar(TarMaker().sparse("lib/libx.so.1", elf, {{0, 1}, {1, elf.size() - 1}}).text(), with({pattern("t/p", "the bytes looked for")}));
  ASSERT_EQ(records(*f).size(), 1U);
  EXPECT_EQ(records(*f)[0].sha256, sha256_of(as_bytes(elf)));
  EXPECT_EQ(records(*f)[0].kind, ContentKind::elf);
  ASSERT_EQ(f->elf.size(), 1U);
  EXPECT_EQ(f->elf[0].soname, "libx.so.1");
  EXPECT_EQ(f->hits.size(), 1U);
}

TEST(Collector, SearchesPatternsInElfFilesAndAnyFileWhereAsked) {
  auto options = with({pattern("t/elf", "needle-one"), pattern("t/any", "needle-two", true)});
  ElfSpec s;
  s.strings = {"needle-one", "needle-two"};
  std::string tar = TarMaker().file("e", make_elf(s)).file("d", "needle-one needle-two").text();
  for (size_t drip : {size_t{5}, SIZE_MAX}) {
    auto f = collect_tar(tar, options, drip);
    std::vector<std::string> hits;
    for (const auto& h : f->hits) hits.push_back(h.path + " " + h.hit.id);
    EXPECT_THAT(hits, testing::UnorderedElementsAre("e t/elf", "e t/any", "d t/any")) << drip;
  }
}

TEST(Collector, WithPatternsAloneNothingElseIsKept) {
  auto options = with({pattern("t/any", "needle", true)});
  options.patterns_only = true;
  auto f = collect_tar(
      TarMaker().file("var/lib/dpkg/status", "Package: a\nVersion: 1\n\n").file("run.sh", "#!/bin/sh\nneedle\n", 0755).file("e", make_elf({})).text(), options);
  EXPECT_EQ(f->hits.size(), 1U);
  EXPECT_EQ(f->files.size(), 0U);
  EXPECT_TRUE(f->elf.empty());
  EXPECT_TRUE(f->texts.empty());
  EXPECT_TRUE(f->databases.empty());
}

TEST(Collector, ReadsDatabasesAndKeepsLists) {
  auto f = collect_tar(TarMaker()
                           .file("var/lib/dpkg/status", "Package: a\nStatus: install ok installed\nVersion: 1:2-3\nArchitecture: amd64\n\n")
                           .file("var/lib/dpkg/info/a.list", "/.\n/usr/bin/a\n")
                           .file("lib/apk/db/installed", "P:b\nV:1.0-r0\nA:x86_64\n\n")
                           .text());
  ASSERT_EQ(f->databases.size(), 3U);
  EXPECT_EQ(f->databases[0].packages.at(0).version, "1:2-3");
  EXPECT_EQ(f->databases[1].text, "/.\n/usr/bin/a\n");
  EXPECT_EQ(f->databases[2].packages.at(0).name, "b");
  EXPECT_TRUE(f->coverage.empty());
}

TEST(Collector, ADatabaseThatEndsInsideALineIsReadInPart) {
  auto f = collect_tar(TarMaker().file("var/lib/dpkg/status", "Package: a\nStatus: install ok installed\nVersion: 1\n\nPackage: b\nVers").text());
  ASSERT_EQ(f->coverage.size(), 1U);
  EXPECT_EQ(f->coverage[0].question, Question::packages);
  EXPECT_EQ(f->coverage[0].state, CoverageState::partly);
}

TEST(Collector, ADatabaseOverTheLimitIsNotLookedAt) {
  std::string big(kMaxTextDatabase + 1, '\n');
  auto f = collect_tar(TarMaker().file("var/lib/dpkg/status", big).file("var/lib/dpkg/info/a.list", big).text());
  ASSERT_EQ(f->coverage.size(), 2U);
  EXPECT_EQ(f->coverage[0].state, CoverageState::not_looked);
  EXPECT_EQ(f->coverage[0].question, Question::packages);
  EXPECT_EQ(f->coverage[1].question, Question::integrity);
}

TEST(Collector, ADatabaseOfAnyKindOverTheLimitIsAGapOfPackages) {
  std::string big(kMaxTextDatabase + 1, '\n');
  for (const char* path : {"var/lib/dpkg/status.d/base", "lib/apk/db/installed", "var/lib/pacman/local/x-1-1/desc", "usr/lib/sysimage/rpm/rpmdb.sqlite-wal"}) {
    auto f = collect_tar(TarMaker().file(path, big).text());
    ASSERT_EQ(f->coverage.size(), 1U) << path;
    EXPECT_EQ(f->coverage[0].question, Question::packages) << path;
    EXPECT_EQ(f->coverage[0].state, CoverageState::not_looked) << path;
    EXPECT_EQ(f->coverage[0].what, path);
  }
}

TEST(Collector, AScriptOverTheLimitIsTold) {
  std::string script = "#!/bin/sh\n" + std::string(kMaxStoredText, '#');
  auto f = collect_tar(TarMaker().file("big.sh", script, 0755).file("fits.sh", script.substr(0, kMaxStoredText), 0755).text());
  ASSERT_EQ(f->texts.size(), 1U);
  EXPECT_EQ(f->texts[0].path, "fits.sh");
  ASSERT_EQ(f->coverage.size(), 1U);
  EXPECT_EQ(f->coverage[0].question, Question::reachability);
}

TEST(Collector, AnArchiveThatEndsEarlyGivesWhatCameBefore) {
  std::string tar = TarMaker().file("a", "1").file("b", std::string(5000, 'b')).text();
  bool whole = true;
  auto f = collect_tar(tar.substr(0, 2048), {}, SIZE_MAX, &whole);
  EXPECT_FALSE(whole);
  EXPECT_EQ(records(*f).size(), 1U);
  ASSERT_EQ(f->coverage.size(), 1U);
  EXPECT_EQ(f->coverage[0].question, Question::content);
  EXPECT_EQ(f->coverage[0].state, CoverageState::partly);
}

TEST(Collector, StopsAtTheLimitOfALayer) {
  CollectOptions o;
  o.max_layer = 1000;
  bool whole = true;
  auto f = collect_tar(TarMaker().file("a", std::string(900, 'a')).file("b", std::string(900, 'b')).text(), o, SIZE_MAX, &whole);
  EXPECT_FALSE(whole);
  EXPECT_EQ(records(*f).size(), 1U);
  EXPECT_THAT(f->coverage.at(0).why, HasSubstr("--max-layer-size"));
}

// An ELF file larger than the memory for it: through the spool, or told.
TEST(Collector, ALargeElfFileGoesThroughTheSpool) {
  ElfSpec s;
  s.soname = "libbig.so.1";
  std::string elf = make_elf(s) + std::string(kMaxInMemory, '\0');
  std::string tar = TarMaker().file("small", make_elf({})).file("big", elf).file("big2", elf).text();
  test::ScratchFolder scratch;
  auto spool = open_unlinked(scratch.path());
  ASSERT_TRUE(spool);
  CollectOptions o;
  o.spool = spool->get();
  auto f = collect_tar(tar, o);
  ASSERT_EQ(f->elf.size(), 3U);
  EXPECT_EQ(f->elf[1].soname, "libbig.so.1");
  EXPECT_EQ(f->elf[2].soname, "libbig.so.1");
  EXPECT_TRUE(f->coverage.empty());
  o.spool_limit = kMaxInMemory;
  f = collect_tar(tar, o);
  EXPECT_EQ(f->elf.size(), 1U);
  ASSERT_EQ(f->coverage.size(), 1U);
  EXPECT_EQ(f->coverage[0].question, Question::threats);
  EXPECT_EQ(f->coverage[0].state, CoverageState::partly);
  EXPECT_THAT(f->coverage[0].why, HasSubstr("1 more"));
}

TEST(Collector, HandsChunksOnAsTheyFill) {
  TarMaker tar;
  for (int i = 0; i < 2000; ++i) tar.file("folder/file-" + std::to_string(i), std::to_string(i));
  FileTable all;
  CollectOptions o;
  size_t chunks = 0;
  o.on_chunk = [&](FileTable::Chunk c) { ++chunks, all.add_chunk(std::move(c.bytes), c.records); };
  auto f = collect_tar(tar.text(), o);
  EXPECT_EQ(f->files.size(), 0U);
  EXPECT_EQ(all.size(), 2000U);
  EXPECT_GT(chunks, 1U);
}

TEST(Collector, OneFileMayBeReadWithoutAnArchive) {
  ElfSpec s;
  s.soname = "libone.so";
  s.strings = {"needle"};
  std::string elf = make_elf(s);
  for (uint64_t guess : {uint64_t{0}, uint64_t{elf.size()}, uint64_t{1} << 20}) {
    LayerFacts f;
    MemorySource bytes(as_bytes(elf));
    Chunked chunks(bytes, 100);
    Collector c(with({pattern("t/n", "needle")}), f);
    ASSERT_TRUE(c.collect_file("libone.so", 0755, guess, chunks));
    ASSERT_EQ(f.elf.size(), 1U);
    EXPECT_EQ(f.elf[0].soname, "libone.so");
    EXPECT_EQ(f.hits.size(), 1U) << "the size is a guess: " << guess;
    EXPECT_EQ(records(f).at(0).size, elf.size());
  }
}

// Behind what fits in memory stands another library: it must never pass for the whole file.
TEST(Collector, AGuessOfTheSizeThatIsTooSmallDoesNotMakeTheTailTheFile) {
  ElfSpec head, tail;
  head.soname = "libhead.so";
  tail.soname = "libtail.so";
  std::string file = make_elf(head);
  file.resize(kMaxInMemory);
  file += make_elf(tail);
  test::ScratchFolder scratch;
  auto spool = open_unlinked(scratch.path());
  ASSERT_TRUE(spool);
  for (uint64_t guess : {uint64_t{0}, uint64_t{1000}, uint64_t{kMaxInMemory}, uint64_t{file.size()}}) {
    LayerFacts f;
    MemorySource bytes(as_bytes(file));
    Chunked chunks(bytes, 1 << 20);
    CollectOptions o;
    o.spool = spool->get();
    {
      Collector c(o, f);
      ASSERT_TRUE(c.collect_file("libhead.so", 0755, guess, chunks));
    }
    ASSERT_EQ(records(f).size(), 1U);
    EXPECT_EQ(records(f)[0].size, file.size());
    EXPECT_EQ(records(f)[0].sha256, sha256_of(as_bytes(file)));
    bool read = false, told = false;
    for (const ElfFacts& e : f.elf) {
      EXPECT_NE(e.soname, "libtail.so") << guess;
      read |= e.soname == "libhead.so";
    }
    for (const Coverage& c : f.coverage) told |= c.question == Question::threats && c.state == CoverageState::partly;
    EXPECT_TRUE(read || told) << guess;
    if (guess == file.size()) {
      EXPECT_TRUE(read && !told) << "a right size leaves nothing out";
    }
  }
}

TEST(Collector, APackageBecomesADatabaseOfItsOwn) {
  LayerFacts f;
  Collector c({}, f);
  Package p;
  p.type = PackageType::apk;
  p.name = "x";
  c.add_package(p, "lib/apk/db/installed");
  ASSERT_EQ(f.databases.size(), 1U);
  EXPECT_EQ(f.databases[0].kind, DatabaseKind::apk_installed);
}

}  // namespace
}  // namespace careen
