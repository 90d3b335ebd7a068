#include "knowledge/advisory_db.h"

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

#include "../../tests/support/scratch.h"
#include "base/codec.h"
#include "base/text.h"
#include "knowledge/advisory_writer.h"

namespace careen {
namespace {

using testing::AnyOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

AffectedPackage row(const std::string& family, const std::string& release, const std::string& name, const std::string& fixed) {
  AffectedPackage p;
  p.family = family, p.release = release, p.name = name;
  p.ranges.push_back({{{EventKind::introduced, "0"}, {EventKind::fixed, fixed}}});
  return p;
}

// With something in every field.
Advisory full(const std::string& id) {
  Advisory a;
  a.id = id;
  a.aliases = {"GHSA-aaaa-bbbb-cccc", "Other-1"};
  a.upstream = {"CVE-2020-1"};
  a.related = {"CVE-2020-2"};
  a.kind = AdvisoryKind::malware;
  a.summary = "What it is: \xc3\xa4";
  a.published = "2024-01-02";
  a.modified = "2024-03-04";
  a.references = {"https://one.example/", "https://two.example/"};
  a.severities = {{SeverityRank::nvd, Severity::high, "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", "NVD"}};
  AffectedPackage p = row("debian", "bookworm", "xz-utils", "5.6.1+really5.4.5-1");
  p.standing = Standing::undetermined;
  p.fix_state = FixState::postponed;
  p.general = p.unimportant = p.other_ranges = true;
  p.ranges.push_back({{{EventKind::introduced, "1"}, {EventKind::last_affected, "2"}, {EventKind::limit, "*"}}});
  p.versions = {"1.0", ""};
  p.architectures = {"amd64"};
  p.module = "m:1";
  p.severities = {{SeverityRank::distribution, Severity::low, "", "Debian"}};
  p.says = "no-dsa";
  a.affected = {p, row("npm", "", "a", "1")};
  return a;
}

class AdvisoryDbTest : public testing::Test {
 protected:
  using Fill = std::function<void(AdvisoryWriter&)>;

  std::unique_ptr<AdvisoryWriter> writer() {
    auto w = AdvisoryWriter::begin(path_);
    EXPECT_TRUE(w) << (w ? "" : w.error().what);
    return w ? *std::move(w) : nullptr;
  }
  static SegmentWriter& segment(AdvisoryWriter& w, const std::string& name, SegmentKind kind = SegmentKind::advisories) {
    auto s = w.segment(name, kind, "https://feed.example/" + name);
    EXPECT_TRUE(s);
    return **s;
  }
  std::vector<AdvisoryWriter::Change> write(const Fill& fill) {
    auto w = writer();
    fill(*w);
    auto changes = w->commit();
    EXPECT_TRUE(changes) << (changes ? "" : changes.error().what);
    return changes ? *std::move(changes) : std::vector<AdvisoryWriter::Change>{};
  }
  std::shared_ptr<const AdvisoryDb> open() {
    auto db = AdvisoryDb::open(path_);
    EXPECT_TRUE(db) << (db ? "" : db.error().what);
    return db ? *db : nullptr;
  }
  static void put(AdvisoryWriter& w, const std::string& source, const Advisory& a) { EXPECT_TRUE(segment(w, source).add(a)); }
  // Two sources of advisories with enough packages for an index of several buckets, one of scores, one of support.
  void write_all_kinds() {
    write([&](AdvisoryWriter& w) {
      for (int i = 0; i < 12; ++i) {
        Advisory a = full("CVE-2024-" + std::to_string(i));
        a.affected[0].name += std::to_string(i);
        put(w, "debian", a);
      }
      put(w, "ghsa/npm", full("GHSA-aaaa-bbbb-cccc"));
      ExploitScore s;
      s.id = "CVE-2024-3", s.epss = 5, s.percentile = 6, s.epss_date = "2026-01-01";
      EXPECT_TRUE(segment(w, "epss", SegmentKind::scores).add(s));
      EXPECT_TRUE(segment(w, "ended", SegmentKind::support).add(SupportEnd{"debian", "bookworm", "php-horde*", "2025-03-22", "0", "why"}));
    });
  }
  // Everything that a scan does with a database, whatever stands in it; returns how many rows, records and scores there were.
  static size_t use(const AdvisoryDb& db) {
    size_t n = 0;
    for (int i = 0; i < 12; ++i) {
      db.each_row("debian", "xz-utils" + std::to_string(i), [&](AdvisoryDb::Row&& r) {
        ++n;
        (void)db.record(*r.source, r.record);
      });
      db.each_record("CVE-2024-" + std::to_string(i), [&](const SourceInfo&, Advisory&&) { ++n; });
    }
    db.each_record("GHSA-aaaa-bbbb-cccc", [&](const SourceInfo&, Advisory&&) { ++n; });
    n += db.score("CVE-2024-3") ? 1 : 0;
    n += db.support("debian").size();
    for (const SourceInfo& s : db.sources()) db.each_of(s, [&](const Advisory&) { return ++n != 0; });
    return n;
  }

  test::Scratch folder_;
  std::string path_ = folder_ / "sub/advisories.db";
};

TEST_F(AdvisoryDbTest, GivesBackWhatWasPutIn) {
  Advisory in = full("CVE-2024-1");
  write([&](AdvisoryWriter& w) { put(w, "debian", in); });
  auto db = open();
  ASSERT_THAT(db->sources(), SizeIs(1));
  const SourceInfo& s = db->sources()[0];
  EXPECT_EQ(s.name, "debian");
  EXPECT_EQ(s.origin, "https://feed.example/debian");
  EXPECT_EQ(s.records, 1U);
  EXPECT_EQ(s.rows, 2U);
  EXPECT_EQ(s.newest, "2024-03-04");
  EXPECT_THAT(s.families, ElementsAre("debian", "npm"));
  EXPECT_GT(s.imported, 0U);
  size_t rows = 0;
  db->each_row("debian", "xz-utils", [&](AdvisoryDb::Row&& r) {
    ++rows;
    EXPECT_EQ(encode(r.package), encode(in.affected[0]));
    auto record = db->record(*r.source, r.record);
    ASSERT_TRUE(record);
    EXPECT_EQ(encode(*record), encode(in));
    EXPECT_THAT(record->affected, IsEmpty());
  });
  EXPECT_EQ(rows, 1U);
  db->each_record("CVE-2024-1", [&](const SourceInfo&, Advisory&& a) {
    ASSERT_THAT(a.affected, SizeIs(2));
    EXPECT_EQ(encode(a.affected[1]), encode(in.affected[1]));
  });
  EXPECT_TRUE(db->verify());
}

TEST_F(AdvisoryDbTest, RecordsAreFoundByEveryNameInAnyCase) {
  write([&](AdvisoryWriter& w) { put(w, "debian", full("CVE-2024-1")); });
  auto db = open();
  auto count = [&](std::string_view id) {
    size_t n = 0;
    db->each_record(id, [&](const SourceInfo&, Advisory&& a) {
      EXPECT_EQ(a.id, "CVE-2024-1");
      ++n;
    });
    return n;
  };
  for (const char* id : {"CVE-2024-1", "cve-2024-1", "GHSA-AAAA-bbbb-cccc", "other-1", "CVE-2020-1"}) EXPECT_EQ(count(id), 1U) << id;
  for (const char* id : {"CVE-2020-2", "CVE-2024-11", "", "debian"}) EXPECT_EQ(count(id), 0U) << id;
}

TEST_F(AdvisoryDbTest, FindsEachOfManyPackagesAndNoOther) {
  constexpr int kMany = 1200;
  write([&](AdvisoryWriter& w) {
    for (int i = 0; i < kMany; ++i) {
      Advisory a;
      a.id = "CVE-2024-" + std::to_string(i);
      a.affected = {row("npm", "", "p" + std::to_string(i), "1"), row("pypi", "", "p" + std::to_string(i / 3), "1")};
      put(w, "all", a);
    }
  });
  auto db = open();
  auto count = [&](const std::string& family, const std::string& name) {
    size_t n = 0;
    db->each_row(family, name, [&](AdvisoryDb::Row&& r) {
      EXPECT_EQ(r.package.name, name);
      EXPECT_EQ(r.package.family, family);
      ++n;
    });
    return n;
  };
  for (int i = 0; i < kMany; ++i) ASSERT_EQ(count("npm", "p" + std::to_string(i)), 1U) << i;
  for (int i = 0; i < kMany / 3; ++i) ASSERT_EQ(count("pypi", "p" + std::to_string(i)), 3U) << i;
  for (int i = kMany; i < 2 * kMany; ++i) ASSERT_EQ(count("npm", "p" + std::to_string(i)), 0U) << i;
  EXPECT_EQ(count("npmp", "1"), 0U);
  EXPECT_TRUE(db->has_family("pypi"));
  EXPECT_FALSE(db->has_family("pyp"));
}

TEST_F(AdvisoryDbTest, AnEmptyDatabaseAnswersNothing) {
  write([](AdvisoryWriter&) {});
  auto db = open();
  EXPECT_THAT(db->sources(), IsEmpty());
  EXPECT_EQ(use(*db), 0U);
  EXPECT_TRUE(db->verify());
  write([&](AdvisoryWriter& w) { segment(w, "empty"); });
  EXPECT_EQ(use(*open()), 0U);
  EXPECT_TRUE(open()->verify());
}

TEST_F(AdvisoryDbTest, WhatIsKnownOfUseIsOfAllSources) {
  write([&](AdvisoryWriter& w) {
    ExploitScore epss, kev;
    epss.id = "CVE-2024-1", epss.epss = 100000, epss.percentile = 1, epss.epss_date = "2026-01-01";
    kev.id = "cve-2024-1", kev.kev_added = "2024-04-01", kev.kev_due = "2024-05-01", kev.ransomware = true;
    EXPECT_TRUE(segment(w, "epss", SegmentKind::scores).add(epss));
    EXPECT_TRUE(segment(w, "kev", SegmentKind::scores).add(kev));
  });
  auto s = open()->score("CVE-2024-1");
  ASSERT_TRUE(s);
  EXPECT_EQ(s->epss, 100000U);
  EXPECT_EQ(s->kev_due, "2024-05-01");
  EXPECT_TRUE(s->ransomware);
  EXPECT_FALSE(open()->score("CVE-2024-2"));
}

// Ends of support are no advisories: a scan must not take a family for known because of them.
TEST_F(AdvisoryDbTest, SupportAloneMakesNoFamilyKnown) {
  write([&](AdvisoryWriter& w) { EXPECT_TRUE(segment(w, "ended", SegmentKind::support).add(SupportEnd{"debian", "bookworm", "", "2028-06-30", "", ""})); });
  EXPECT_THAT(open()->support("debian"), SizeIs(1));
  EXPECT_THAT(open()->support("ubuntu"), IsEmpty());
  EXPECT_FALSE(open()->has_family("debian"));
}

// ---- Replacing ----

TEST_F(AdvisoryDbTest, ReplacingOneSourceLeavesTheOthersAsTheyWere) {
  write_all_kinds();
  std::map<std::string, std::string> before;
  auto old = open();
  for (const SourceInfo& s : old->sources()) before[s.name] = std::string(as_text(old->segment(s)));
  auto changes = write([&](AdvisoryWriter& w) { put(w, "ghsa/npm", full("GHSA-xxxx-yyyy-zzzz")); });
  ASSERT_THAT(changes, SizeIs(1));
  EXPECT_EQ(changes[0].before, 1U);
  EXPECT_EQ(changes[0].now.name, "ghsa/npm");
  auto db = open();
  ASSERT_THAT(db->sources(), SizeIs(4));
  for (const SourceInfo& s : db->sources()) {
    if (s.name == "ghsa/npm")
      EXPECT_NE(as_text(db->segment(s)), before[s.name]);
    else
      EXPECT_EQ(as_text(db->segment(s)), before[s.name]) << s.name;
  }
  size_t gone = 0;
  db->each_record("GHSA-xxxx-yyyy-zzzz", [&](const SourceInfo&, Advisory&&) { ++gone; });
  EXPECT_EQ(gone, 1U);
  EXPECT_TRUE(db->verify());
  EXPECT_NE(db->digest(), old->digest());
}

TEST_F(AdvisoryDbTest, ADroppedSourceIsGone) {
  write_all_kinds();
  write([](AdvisoryWriter& w) { w.drop("debian"); });
  EXPECT_THAT(open()->sources(), SizeIs(3));
  EXPECT_FALSE(open()->has_family("pypi"));
  EXPECT_TRUE(open()->verify());
}

TEST_F(AdvisoryDbTest, ASecondWriterIsTurnedAwayAndTheOldFileStays) {
  write_all_kinds();
  std::string bytes = test::slurp(path_);
  auto first = writer();
  put(*first, "debian", full("CVE-1"));
  auto second = AdvisoryWriter::begin(path_);
  ASSERT_FALSE(second);
  EXPECT_THAT(second.error().what, HasSubstr("another careen"));
  EXPECT_EQ(test::slurp(path_), bytes);
  EXPECT_EQ(use(*open()), use(*open()));
  EXPECT_TRUE(open()->verify());
  EXPECT_TRUE(first->commit());
  first.reset();
  EXPECT_TRUE(AdvisoryWriter::begin(path_));
}

TEST_F(AdvisoryDbTest, WithoutACommitNothingChanges) {
  write_all_kinds();
  std::string bytes = test::slurp(path_);
  {
    auto w = writer();
    put(*w, "debian", full("CVE-1"));
    w->drop("epss");
  }
  EXPECT_EQ(test::slurp(path_), bytes);
}

TEST_F(AdvisoryDbTest, AWriterThatIsKilledLeavesTheOldFileAndNoLock) {
  write_all_kinds();
  std::string bytes = test::slurp(path_);
  pid_t child = ::fork();
  if (child == 0) {
    auto w = AdvisoryWriter::begin(path_);
    if (!w) ::_exit(1);
    auto s = (*w)->segment("debian", SegmentKind::advisories, "x");
    for (int i = 0; i < 20000; ++i)
      if (!s || !(*s)->add(full("CVE-" + std::to_string(i)))) ::_exit(1);
    ::raise(SIGKILL);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFSIGNALED(status));
  EXPECT_EQ(test::slurp(path_), bytes);
  // What a crash in the midst of commit() would leave beside it is no harm either.
  std::ofstream(path_ + ".new") << "half of a file";
  write([&](AdvisoryWriter& w) { put(w, "ghsa/npm", full("GHSA-1")); });
  EXPECT_TRUE(open()->verify());
  size_t left = 0;
  for (const auto& e : std::filesystem::directory_iterator(folder_ / "sub")) left += e.path().extension() != ".lock" ? 1 : 0;
  EXPECT_EQ(left, 1U);  // the database alone
}

TEST_F(AdvisoryDbTest, WhoHasItOpenKeepsWhatItSawWhileAnotherProcessReplacesIt) {
  write_all_kinds();
  auto before = open();
  size_t n = use(*before);
  Digest digest = before->digest();
  pid_t child = ::fork();
  if (child == 0) {
    auto w = AdvisoryWriter::begin(path_);
    if (!w) ::_exit(1);
    (*w)->drop("debian"), (*w)->drop("epss"), (*w)->drop("ended"), (*w)->drop("ghsa/npm");
    ::_exit((*w)->commit() ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_EQ(status, 0);
  EXPECT_THAT(open()->sources(), IsEmpty());
  EXPECT_EQ(use(*before), n);
  EXPECT_EQ(before->digest(), digest);
  EXPECT_TRUE(before->verify());
}

// ---- Damage ----

TEST_F(AdvisoryDbTest, WhatIsNoDatabaseIsAnErrorThatSaysWhatToDo) {
  auto none = AdvisoryDb::open(path_);
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, Errc::not_found);
  EXPECT_THAT(none.error().what, HasSubstr("careen db"));
  for (const std::string& text : {std::string(), std::string("x"), std::string(1000, 'x'), std::string(1000, '\0'), std::string("careenDB")}) {
    folder_.write("sub/advisories.db", text);
    auto db = AdvisoryDb::open(path_);
    ASSERT_FALSE(db);
    EXPECT_EQ(db.error().code, Errc::corrupt);
  }
  EXPECT_FALSE(AdvisoryDb::open(folder_.path()));  // a folder
}

TEST_F(AdvisoryDbTest, AnotherVersionOfTheFormatIsToldApartFromDamage) {
  write_all_kinds();
  std::string bytes = test::slurp(path_);
  bytes[8] = 1;  // of the careen before
  folder_.write("sub/advisories.db", bytes);
  auto db = AdvisoryDb::open(path_);
  ASSERT_FALSE(db);
  EXPECT_EQ(db.error().code, Errc::unsupported);
}

// Every byte is either in the header, in a segment or in the directory: none may change unseen. Lookups meanwhile never fault.
TEST_F(AdvisoryDbTest, EveryFlippedByteIsSeen) {
  write_all_kinds();
  const std::string good = test::slurp(path_);
  size_t whole = use(*open()), refused = 0;
  const SourceInfo first = open()->sources().at(0);
  for (size_t at = 0; at<good.size(); at += at> first.offset && at < first.offset + first.data_size ? 7 : 1) {  // of one source's data every seventh
    if (at >= 12 && at < 16) continue;                                                                          // holds nothing
    std::string bad = good;
    bad[at] = static_cast<char>(bad[at] ^ (at % 3 == 0 ? 0xff : 0x01));
    folder_.write("sub/advisories.db", bad);
    auto db = AdvisoryDb::open(path_);
    if (!db) {
      ++refused;
      EXPECT_THAT(db.error().code, AnyOf(Errc::corrupt, Errc::unsupported)) << at;
      continue;
    }
    size_t got = use(**db);
    ASSERT_TRUE(got == whole || (*db)->damaged()) << at << ": an answer that lacks something must say so";
    ASSERT_LE(got, whole) << at;
    ASSERT_FALSE((*db)->verify()) << at;
  }
  EXPECT_GT(refused, kDatabaseHeader - 4);
}

TEST_F(AdvisoryDbTest, RunsOfDamageNeverFault) {
  write_all_kinds();
  const std::string good = test::slurp(path_);
  for (size_t at = kDatabaseHeader; at < good.size(); at += 61)
    for (char fill : {'\0', '\xff', '\x7f'}) {
      std::string bad = good;
      std::fill(bad.begin() + static_cast<ptrdiff_t>(at), bad.begin() + static_cast<ptrdiff_t>(std::min(at + 64, bad.size())), fill);
      folder_.write("sub/advisories.db", bad);
      if (auto db = AdvisoryDb::open(path_); db) (void)use(**db);
    }
}

TEST_F(AdvisoryDbTest, AFileThatIsCutShortIsRefusedAtEverySize) {
  write_all_kinds();
  const std::string good = test::slurp(path_);
  for (size_t size = 0; size < good.size(); size += size < 200 ? 1 : 37) {
    folder_.write("sub/advisories.db", good.substr(0, size));
    EXPECT_FALSE(AdvisoryDb::open(path_)) << size;
  }
  folder_.write("sub/advisories.db", good + "x");
  EXPECT_FALSE(AdvisoryDb::open(path_));
}

// A directory that was written to deceive: its digest is right, what it promises is not there.
TEST_F(AdvisoryDbTest, ADirectoryThatPromisesTooMuchIsRefused) {
  write_all_kinds();
  const std::string good = test::slurp(path_);
  const auto original = open()->sources();
  uint64_t at = load<uint64_t>(reinterpret_cast<const uint8_t*>(good.data()) + 16, Endian::little);
  auto with = [&](const std::function<void(SourceInfo&)>& change) {
    auto sources = original;
    for (SourceInfo& s : sources) change(s);
    std::string directory = encode(sources), bytes = good.substr(0, at) + directory;
    Sha256 digest = sha256_of(as_bytes(directory));
    for (size_t i = 0; i < 8; ++i) bytes[24 + i] = static_cast<char>(directory.size() >> (8 * i));
    for (size_t i = 0; i < digest.size(); ++i) bytes[32 + i] = static_cast<char>(digest[i]);
    folder_.write("sub/advisories.db", bytes);
    auto db = AdvisoryDb::open(path_);
    if (db) {
      (void)use(**db);
      EXPECT_FALSE((*db)->verify());
    }
    return static_cast<bool>(db);
  };
  EXPECT_FALSE(with([](SourceInfo& s) { s.offset = UINT64_MAX; }));
  EXPECT_FALSE(with([](SourceInfo& s) { s.size = UINT64_MAX; }));
  EXPECT_FALSE(with([](SourceInfo& s) { s.data_size = UINT64_MAX - 7; }));
  EXPECT_FALSE(with([](SourceInfo& s) { s.package_bits = 255; }));
  EXPECT_FALSE(with([](SourceInfo& s) { s.id_bits = 64; }));
  EXPECT_FALSE(with([](SourceInfo& s) { s.packages = UINT64_MAX / 16; }));
  EXPECT_FALSE(with([](SourceInfo& s) { s.ids = 1ULL << 60; }));
  with([](SourceInfo& s) { s.records = UINT64_MAX; });
  with([](SourceInfo& s) { s.kind = SegmentKind::support, s.records = UINT64_MAX, s.digest = {}; });
  with([](SourceInfo& s) { s.kind = static_cast<SegmentKind>(200), s.digest = {}; });
}

TEST_F(AdvisoryDbTest, ADamagedSourceIsNotCarriedOverButMayBeReplaced) {
  write_all_kinds();
  std::string bytes = test::slurp(path_);
  auto db = open();
  for (const SourceInfo& s : db->sources())
    if (s.name == "debian") bytes[s.offset + 30] = static_cast<char>(bytes[s.offset + 30] ^ 1);
  db.reset();
  folder_.write("sub/advisories.db", bytes);
  {
    auto w = writer();
    put(*w, "ghsa/npm", full("GHSA-1"));
    auto r = w->commit();
    ASSERT_FALSE(r);
    EXPECT_EQ(r.error().code, Errc::corrupt);
    EXPECT_THAT(r.error().what, HasSubstr("debian"));
  }
  EXPECT_EQ(test::slurp(path_), bytes);
  EXPECT_TRUE(AdvisoryDb::open(path_));
  write([&](AdvisoryWriter& w) { put(w, "debian", full("CVE-1")); });
  EXPECT_TRUE(open()->verify());
}

TEST_F(AdvisoryDbTest, AFileThatIsNoDatabaseIsReplacedAndItIsSaid) {
  folder_.write("sub/advisories.db", "not a database, but longer than a header is, so that its first bytes are looked at");
  auto w = writer();
  EXPECT_EQ(w->old(), nullptr);
  EXPECT_THAT(w->old_problem(), HasSubstr("no advisory database"));
}

TEST_F(AdvisoryDbTest, OnlyTheFirstProblemsAreKeptAndAllAreCounted) {
  write([&](AdvisoryWriter& w) {
    for (int i = 0; i < 100; ++i) segment(w, "debian").refuse("problem " + std::to_string(i));
    segment(w, "debian").withdrawn();
  });
  const SourceInfo s = open()->sources().at(0);
  EXPECT_EQ(s.refused, 100U);
  EXPECT_EQ(s.withdrawn, 1U);
  EXPECT_THAT(s.problems, SizeIs(kMaxProblems));
}

// ---- Repositories and artifacts ----

TEST_F(AdvisoryDbTest, ProductsOfARepositoryAreThoseOfAllSources) {
  write([&](AdvisoryWriter& w) {
    EXPECT_TRUE(segment(w, "one", SegmentKind::repositories).add(RepositoryProducts{"rhel-9-rpms", {"enterprise_linux:9::baseos"}}));
    EXPECT_TRUE(segment(w, "one", SegmentKind::repositories).add(RepositoryProducts{"RHEL-9-rpms", {"another"}}));
    EXPECT_TRUE(segment(w, "two", SegmentKind::repositories).add(RepositoryProducts{"rhel-9-rpms", {"enterprise_linux:9::baseos", "x:1"}}));
  });
  auto db = open();
  EXPECT_THAT(db->products_of("rhel-9-rpms"), ElementsAre("enterprise_linux:9::baseos", "x:1"));
  EXPECT_THAT(db->products_of("rhel-8-rpms"), IsEmpty());
  EXPECT_TRUE(db->verify());
}

TEST_F(AdvisoryDbTest, AnArtifactThatTwoSourcesNameDifferentlyIsNone) {
  const std::string a(40, 'a'), b(40, 'b'), c(40, 'c');
  write([&](AdvisoryWriter& w) {
    EXPECT_TRUE(segment(w, "one", SegmentKind::artifacts).add(KnownArtifact{a, "g:a", "1"}));
    EXPECT_TRUE(segment(w, "one", SegmentKind::artifacts).add(KnownArtifact{b, "g:b", "1"}));
    EXPECT_TRUE(segment(w, "two", SegmentKind::artifacts).add(KnownArtifact{a, "g:a", "1"}));
    EXPECT_TRUE(segment(w, "two", SegmentKind::artifacts).add(KnownArtifact{b, "other:b", "1"}));
  });
  auto db = open();
  ASSERT_TRUE(db->artifact(a));
  EXPECT_EQ(db->artifact(a)->name, "g:a");
  EXPECT_FALSE(db->artifact(b));
  EXPECT_FALSE(db->artifact(c));
}

}  // namespace
}  // namespace careen
