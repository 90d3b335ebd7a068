// One inventory into another, between files and PostgreSQL.
#include "../../tests/support/inventory_fixture.h"

namespace careen::inventory_test {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class ImportTest : public InventoryTest {
 protected:
  std::unique_ptr<Inventory> other(const std::string& name = "other.sqlite") {
    auto i = Inventory::open(folder_ / name, Mode::write);
    EXPECT_TRUE(i);
    return i ? std::move(*i) : nullptr;
  }
  static void import(Inventory& to, Inventory& from) {
    auto ok = to.import_from(from, {});
    ASSERT_TRUE(ok) << ok.error().what;
  }

  // All that there is to ask, without numbers, which every inventory gives anew.
  static std::vector<std::string> all_of(Inventory& i) {
    std::vector<std::string> out;
    auto layers = [&](const std::vector<Id>& ids) {
      std::vector<std::string> names;
      for (Id id : ids) names.push_back(i.layer_digest(id)->text());
      std::sort(names.begin(), names.end());
      return join(names, " ");
    };
    auto number = [](int64_t n) { return " " + std::to_string(n); };
    for (Id id : i.all_images()) {
      auto s = i.image(id);
      std::string row = "image " + s->digest + " " + s->config_digest + " " + s->platform + " " + s->verdict + " " + s->knowledge + " " + s->judged +
                        number(s->first_seen) + number(s->last_seen);
      for (const Digest& d : s->layers) row += " " + d.text();
      for (const auto& [kind, text] : i.terms_of(s->digest)) row += number(static_cast<int>(kind)) + "=" + text;
      for (const StoredPackage& p : s->packages) row += " " + p.name + "=" + p.version + number(static_cast<int64_t>(p.layer));
      for (const Tag& t : i.tags_of(s->digest))
        row += " " + t.repository + ":" + t.tag + number(t.first_seen) + number(t.last_seen) + number(t.vanished.value_or(-1));
      for (const StoredUse& u : i.uses_of(s->digest)) row += " used " + u.cluster + u.use.workload + number(u.at);
      out.push_back(row);
    }
    i.paths_like("**", [&](const std::string& p, const std::vector<Id>& ids) { return out.push_back("path " + p + " " + layers(ids)), true; });
    for (const char* name : {"p", "q", "src"})
      for (const auto& row : i.packages_named(name)) out.push_back("package " + row.package.name + row.package.version + " " + layers(row.layers));
    for (const char* file : {"a", "b", "c"}) out.push_back("file " + layers(i.layers_with_file(sha256_of(as_bytes(file)))));
    out.push_back("soname " + layers(i.layers_with_term(TermKind::soname, "libx.so.1")));
    out.push_back("symbol " + layers(i.layers_with_term(TermKind::symbol_export, "f")));
    for (const Crawl& c : i.crawls()) out.push_back("crawl " + c.source + number(c.at) + number(static_cast<int64_t>(c.indexed)));
    for (const IndexFailure& f : i.failures()) out.push_back("failure " + f.reference + f.why + number(f.at));
    for (const KeptRecord& r : i.kept_threats()) out.push_back("threat " + r.id + r.text);
    for (const std::string& m : i.members_of("sha256:index")) out.push_back("member " + m);
    out.push_back(i.has_index("sha256:index") ? "whole" : "not whole");
    std::sort(out.begin(), out.end());
    return out;
  }

  static void fill(Inventory& i) {
    LayerFacts x = layer("x", {"a", "b", std::string("odd\xff\0name", 9)});
    x.symbols.emplace_back();
    x.symbols.back().exports = std::string("f\0g\0", 4);
    ElfFacts elf;
    elf.soname = "libx.so.1";
    x.elf.push_back(elf);
    for (const LayerFacts& f : {x, layer("y", {"b", "c"})}) {
      i.layers()->put(id_of("blob " + f.diff_id.text()), 7, f);
      put(i, f, 3);
    }
    StoredImage one = image("one", {"x", "y"}), two = image("two", {"x"});
    one.packages = {package("p", "1", "src", "1"), package("q", "2")};
    one.packages[1].layer = 1;
    one.terms = {{TermKind::label, "a=b"}, {TermKind::threat, "T-1"}};
    one.judged = "body";
    two.gaps = {"a gap"};
    put(i, one, 10), put(i, two, 20);
    ASSERT_TRUE(i.seen_again(one.digest, 40));
    ASSERT_TRUE(i.add_index("sha256:index", {one.digest, two.digest}, true));
    ASSERT_TRUE(i.see("h/r", "v1", "sha256:index", 10));
    ASSERT_TRUE(i.see("h/r", "v1", two.digest, 30));
    ASSERT_TRUE(i.vanish("h/r", 20, 50));
    ASSERT_TRUE(i.note_crawl({"h/", 50, 2, 1}));
    ASSERT_TRUE(i.note_failure("h/r:bad", "broken", 50));
    StoredUse use;
    use.use.digest = one.digest, use.use.workload = "deploy/web", use.use.running = true, use.cluster = "c1", use.at = 60;
    ASSERT_TRUE(i.replace_uses("pods.json", {use}));
    ASSERT_TRUE(i.keep_threat({"T-1", "id: T-1", false}, 5));
  }
};

// A layer that was never read whole, or by another careen, is no reason to lose all the others.
TEST_F(ImportTest, WhatIsNotWholeComesAlongAsNotJudged) {
  auto here = open();
  fill(*here);
  put(*here, layer("partly", {"z"}));
  sql("DELETE FROM layer WHERE part='core' AND diff_id='" + id_of("partly").text() + "'");  // its facts were not kept
  put(*here, image("three", {"x", "partly"}), 30);
  auto there = other();
  import(*there, *here);
  EXPECT_EQ(there->counts().images, 3U);
  EXPECT_EQ(there->counts().layers, 2U);
  auto three = there->image(*there->image_id(image("three", {"x"}).digest));
  ASSERT_TRUE(three);
  ASSERT_THAT(three->gaps, SizeIs(1));
  EXPECT_THAT(three->gaps[0], HasSubstr("not whole"));
  EXPECT_THAT(there->image(*there->image_id(image("one", {"x"}).digest))->gaps, IsEmpty());
  EXPECT_THAT(wrong(*there), IsEmpty());
}

TEST_F(ImportTest, EverythingComesAlongAndBack) {
  auto here = open();
  fill(*here);
  auto there = other();
  import(*there, *here);
  EXPECT_EQ(all_of(*there), all_of(*here));
  EXPECT_THAT(wrong(*there), IsEmpty());
  EXPECT_NE(there->layers()->blob(id_of("blob " + id_of("x").text())), std::nullopt) << "what a blob is, so that it need not be read again";
  test::StorePlace back_place(folder_ / "back.sqlite");
  auto back = Inventory::open(back_place.text(), Mode::write);
  ASSERT_TRUE(back);
  import(**back, *there);
  EXPECT_EQ(all_of(**back), all_of(*here));
}

TEST_F(ImportTest, TheSecondTimeChangesNothing) {
  auto here = open();
  fill(*here);
  auto there = other();
  import(*there, *here);
  auto before = all_of(*there);
  import(*there, *here);
  EXPECT_EQ(all_of(*there), before);
  EXPECT_EQ(there->counts().layers, 2U);
}

TEST_F(ImportTest, WhatBothHaveIsToldByTheOneThatSawItLast) {
  auto a = open(), b = other();
  for (Inventory* i : {a.get(), b.get()}) put(*i, layer("x", {"a"}));
  StoredImage old = image("one", {"x"}), newer = old;
  newer.verdict = "flagged", newer.terms = {{TermKind::threat, "T-2"}};
  put(*a, old, 100), put(*b, newer, 200);
  ASSERT_TRUE(a->see("h/r", "v", old.digest, 100));
  ASSERT_TRUE(a->vanish("h/r", 150, 150));
  ASSERT_TRUE(b->see("h/r", "v", old.digest, 50));
  ASSERT_TRUE(b->see("h/r", "v", old.digest, 200));
  ASSERT_TRUE(a->note_crawl({"h/", 100, 1, 0}));
  ASSERT_TRUE(b->note_crawl({"h/", 200, 2, 0}));
  import(*a, *b);
  auto seen = a->image(*a->image_id(old.digest));
  EXPECT_EQ(seen->verdict, "flagged");
  EXPECT_EQ(seen->first_seen, 100);
  EXPECT_EQ(seen->last_seen, 200);
  ASSERT_THAT(a->tags_of(old.digest), SizeIs(1));
  EXPECT_EQ(a->tags_of(old.digest)[0].first_seen, 50);
  EXPECT_EQ(a->tags_of(old.digest)[0].last_seen, 200);
  EXPECT_EQ(a->tags_of(old.digest)[0].vanished, std::nullopt) << "it came back";
  EXPECT_EQ(a->crawls()[0].at, 200);

  auto c = other("third.sqlite");  // older than both: it changes nothing but the first times
  put(*c, layer("x", {"a"}));
  put(*c, old, 10);
  ASSERT_TRUE(c->note_crawl({"h/", 10, 9, 9}));
  import(*a, *c);
  seen = a->image(*a->image_id(old.digest));
  EXPECT_EQ(seen->verdict, "flagged");
  EXPECT_EQ(seen->first_seen, 10);
  EXPECT_EQ(seen->last_seen, 200);
  EXPECT_EQ(a->crawls()[0].indexed, 2U);
}

TEST_F(ImportTest, DamageIsToldAndNotPassedOn) {
  auto here = open();
  fill(*here);
  sql("UPDATE layer SET body=substr(body, 1, 3) WHERE part='core'");
  auto there = other();
  auto failed = there->import_from(*here, {});
  ASSERT_FALSE(failed);
  EXPECT_THAT(failed.error().what, HasSubstr("store check"));
  EXPECT_EQ(there->counts().images, 0U);
}

TEST_F(ImportTest, ABackupIsAFileThatAnswersTheSame) {
  auto here = open();
  fill(*here);
  auto ok = here->backup(folder_ / "copy.sqlite");
  ASSERT_TRUE(ok) << ok.error().what;
  auto copy = Inventory::open(folder_ / "copy.sqlite", Mode::read);
  ASSERT_TRUE(copy);
  EXPECT_EQ(all_of(**copy), all_of(*here));
  EXPECT_FALSE(here->backup(folder_ / "copy.sqlite")) << "never over one that is there";
}

}  // namespace
}  // namespace careen::inventory_test
