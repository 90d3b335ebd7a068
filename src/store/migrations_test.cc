#include "store/migrations.h"

#include "../../tests/support/inventory_v1.h"

namespace careen::inventory_test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

// An inventory of the first schema with a little of everything.
class MigrationTest : public InventoryTest {
 protected:
  void SetUp() override {
    {
      auto i = open();
      layers_.push_back(*test::layers_of_text("elf /usr/lib/libx.so soname=libx.so.1 needed=libc.so.6 exports=do_it imports=malloc,free\nfile /a \"x\"")[0]);
      layers_[0].elf.at(0).build_id = "cafe";
      layers_.push_back(layer("app", {"app/it's", "app/b"}));
      for (int n = 0; n < 40; ++n) layers_.push_back(layer("more " + std::to_string(n), {"shared/file", "own/" + std::to_string(n)}));
      for (const LayerFacts& f : layers_) i->layers()->put(f.diff_id, 1, f), put(*i, f);
      StoredImage one = image("one", {"app"});
      one.packages = {package("p", "1", "src", "2"), package("q", "3")};
      one.terms = {{TermKind::threat, "T-1"}, {TermKind::entrypoint, "serve"}};
      put(*i, one);
      ASSERT_TRUE(i->see("r.example/one", "v1", one.digest, 5));
      images_.push_back(one);
      answers_ = answers(*i);
      EXPECT_THAT(answers_, SizeIs(testing::Gt(45U)));
    }
    make_first_schema(file_, layers_, images_);
  }

  std::string schema() const {
    sqlite3* db = nullptr;
    std::string out;
    EXPECT_EQ(sqlite3_open(file_.c_str(), &db), SQLITE_OK);
    if (SqlStatement s(db, "SELECT value FROM meta WHERE key='schema'"); s.row()) out = s.text(0);
    sqlite3_close(db);
    return out;
  }

  // What the inventory says to every kind of question, with layers by their digests.
  std::vector<std::string> answers(Inventory& i) const {
    std::vector<std::string> out;
    auto say = [&](const std::string& what, const std::vector<Id>& layers) {
      std::string line = what;
      for (Id l : layers) line += " " + (i.layer_digest(l) ? i.layer_digest(l)->text() : "?");
      out.push_back(line);
    };
    for (const LayerFacts& f : layers_) {
      FileRecord r;
      for (FileCursor c(f.files); c.next(r);)
        if (r.sha256) say("file " + r.path, i.layers_with_file(*r.sha256));
    }
    for (const char* p : {"**", "own/*", "shared/file", "app/it's", "nothing"})
      i.paths_like(p, [&](const std::string& path, const std::vector<Id>& l) { return say("path " + path, l), true; });
    for (auto [kind, text] : std::vector<std::pair<TermKind, std::string>>{{TermKind::soname, "libx.so.1"},
                                                                           {TermKind::needed, "libc.so.6"},
                                                                           {TermKind::build_id, "cafe"},
                                                                           {TermKind::symbol_export, "do_it"},
                                                                           {TermKind::symbol_import, "malloc"},
                                                                           {TermKind::symbol_import, "do_it"}})
      say("term " + text, i.layers_with_term(kind, text));
    for (const char* p : {"p", "src", "q", "none"})
      for (const auto& row : i.packages_named(p)) say("package " + row.package.name + " " + row.package.version, row.layers);
    for (Id id : i.images_with_term(TermKind::threat, "T-1", false))
      out.push_back("threat " + i.image(id)->digest + " " + std::to_string(i.image(id)->packages.size()));
    for (Id id : i.images_with_term(TermKind::entrypoint, "s*", true)) out.push_back("entrypoint " + i.image(id)->digest);
    return out;
  }

  std::vector<LayerFacts> layers_;
  std::vector<StoredImage> images_;
  std::vector<std::string> answers_;
};

TEST_F(MigrationTest, EveryAnswerIsAsBefore) {
  ASSERT_EQ(schema(), "1");
  for (int again = 0; again < 2; ++again) {
    auto i = open();
    EXPECT_EQ(answers(*i), answers_);
    EXPECT_THAT(wrong(*i), IsEmpty());
    EXPECT_EQ(schema(), "5");
  }
  auto i = open();
  LayerFacts fresh = layer("fresh", {"f"});
  put(*i, fresh);
  EXPECT_THAT(i->layers_with_file(sha256_of(as_bytes("f"))), ElementsAre(*i->layer_id(fresh.diff_id.text()))) << "new layers take new numbers";
}

// From the second schema, which had no table of pulls.
TEST_F(MigrationTest, TheSecondSchemaGainsWhatRegistriesTell) {
  open();
  sql("DROP TABLE inv_pull; UPDATE meta SET value='2' WHERE key='schema'");
  auto i = open(Mode::read);
  EXPECT_EQ(schema(), "5");
  EXPECT_EQ(answers(*i), answers_);
  EXPECT_THAT(i->all_pulls(), IsEmpty());
  ASSERT_TRUE(i->note_pulls({{"r.example/one", "v1", 1, 2, 3, 4}}));
  EXPECT_THAT(i->all_pulls(), SizeIs(1));
  EXPECT_THAT(wrong(*i), IsEmpty());
}

// From the third, which counted anew.
TEST_F(MigrationTest, TheThirdSchemaGainsCounts) {
  InventoryCounts before = open()->counts();
  sql("DROP TABLE inv_attestation; DROP INDEX inv_image_gaps; DROP TABLE inv_count; DROP TRIGGER inv_image_more; DROP TRIGGER inv_image_less; DROP TRIGGER "
      "inv_layer_more;"
      "DROP TRIGGER inv_layer_less; DROP TRIGGER inv_tag_more; DROP TRIGGER inv_tag_less; DROP TRIGGER inv_tag_turn;"
      "UPDATE meta SET value='3' WHERE key='schema'");
  auto i = open(Mode::read);
  EXPECT_EQ(schema(), "5");
  EXPECT_EQ(i->counts().images, before.images);
  EXPECT_EQ(i->counts().layers, before.layers);
  EXPECT_EQ(i->counts().tags, 1U);
  EXPECT_EQ(i->counts().repositories, 1U);
  EXPECT_THAT(wrong(*i), IsEmpty());
}

// From the fourth, whose layers shared nothing.
TEST_F(MigrationTest, TheFourthSchemaGainsPieces) {
  open();
  sql("DROP TABLE inv_piece; DROP TABLE piece; DROP TABLE piece_name; UPDATE meta SET value='4' WHERE key='schema'; PRAGMA user_version=2");
  auto i = open(Mode::read);
  EXPECT_EQ(schema(), "5");
  EXPECT_EQ(answers(*i), answers_);
  put(*i, layer("fresh", {"shared/file", "f"}));
  EXPECT_THAT(i->layers_with_file(sha256_of(as_bytes("shared/file"))), SizeIs(41)) << "entries of both kinds answer";
  i->paths_like("shared/file", [&](const std::string&, const std::vector<Id>& l) {
    EXPECT_THAT(l, SizeIs(41));
    return true;
  });
}

TEST_F(MigrationTest, AskingMigratesToo) {
  auto i = open(Mode::read);
  EXPECT_EQ(answers(*i), answers_);
}

TEST_F(MigrationTest, AnEmptyInventoryMigrates) {
  file_ = folder_ / "empty.sqlite";
  open();
  make_first_schema(file_, {}, {});
  auto i = open();
  EXPECT_THAT(wrong(*i), IsEmpty());
  put(*i, layer("l", {"a"}));
  EXPECT_THAT(paths(*i, "**"), ElementsAre("a"));
}

TEST_F(MigrationTest, WhatFailsLeavesTheOldSchemaWhole) {
  sql("ALTER TABLE inv_term_layer RENAME TO elsewhere");
  auto i = Inventory::open(file_, Mode::write);
  ASSERT_FALSE(i);
  EXPECT_THAT(i.error().what, HasSubstr("schema"));
  EXPECT_EQ(schema(), "1");
  sql("SELECT count(*) FROM inv_file; SELECT count(*) FROM inv_path_layer; ALTER TABLE elsewhere RENAME TO inv_term_layer");
  EXPECT_EQ(answers(*open()), answers_);
}

TEST_F(MigrationTest, SeveralAtOnceMigrateOnce) {
  std::vector<pid_t> children;
  for (int n = 0; n < 6; ++n) {
    children.push_back(::fork());
    if (children.back() != 0) continue;
    auto i = Inventory::open(file_, n % 2 == 0 ? Mode::write : Mode::read);
    ::_exit(i && answers(**i) == answers_ ? 0 : 1);
  }
  for (pid_t c : children) {
    int status = 0;
    ::waitpid(c, &status, 0);
    EXPECT_EQ(status, 0);
  }
  EXPECT_THAT(wrong(*open()), IsEmpty());
}

TEST_F(MigrationTest, AKillLeavesOneSchemaOrTheOther) {
  std::filesystem::copy_file(file_, folder_ / "before");
  for (int round = 0; round < 20; ++round) {
    for (const char* end : {"", "-wal", "-shm"}) std::filesystem::remove(file_ + end);
    std::filesystem::copy_file(folder_ / "before", file_);
    pid_t child = ::fork();
    if (child == 0) ::_exit(Inventory::open(file_, Mode::write) ? 0 : 1);
    ::usleep(static_cast<useconds_t>(200 * round));
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    EXPECT_EQ(answers(*open()), answers_) << round;
    EXPECT_THAT(wrong(*open()), IsEmpty());
  }
}

}  // namespace
}  // namespace careen::inventory_test
