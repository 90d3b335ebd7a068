#include "store/keys.h"

#include "../../tests/support/inventory_fixture.h"

namespace careen::inventory_test {
namespace {

namespace fs = std::filesystem;
using testing::AnyOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;
using testing::SizeIs;
using testing::UnorderedElementsAre;

TEST_F(InventoryFileTest, WhatIsNotThereIsNotFound) {
  EXPECT_EQ(error_of(file_, Mode::read), Errc::not_found);
  EXPECT_EQ(error_of(folder_ / "no/such/folder/x", Mode::read), Errc::not_found);
  EXPECT_FALSE(fs::exists(folder_ / "no")) << "reading makes nothing";
  std::ofstream(file_).close();
  EXPECT_EQ(error_of(file_, Mode::read), Errc::not_found);
  auto e = Inventory::open(file_, Mode::read);
  EXPECT_THAT(e.error().what, HasSubstr("careen index"));
}

TEST_F(InventoryFileTest, AnotherFileIsRefused) {
  std::string text(9000, 'x');
  std::ofstream(file_) << text;
  EXPECT_THAT(error_of(file_, Mode::read), AnyOf(Errc::io, Errc::corrupt));
  EXPECT_THAT(error_of(file_, Mode::write), AnyOf(Errc::io, Errc::corrupt));
  EXPECT_EQ(fs::file_size(file_), text.size()) << "and left as it is";
  EXPECT_NE(error_of(folder_.path(), Mode::read), std::nullopt) << "a folder";
  EXPECT_NE(error_of(file_ + "/below", Mode::write), std::nullopt) << "below a file";
}

TEST_F(InventoryFileTest, TheSchemaIsRead) {
  sql("CREATE TABLE meta(key TEXT PRIMARY KEY, value TEXT); CREATE TABLE inv_layer(id)");
  EXPECT_EQ(error_of(file_, Mode::read), Errc::corrupt);
  EXPECT_EQ(error_of(file_, Mode::write), Errc::corrupt);
  for (const char* v : {"0", "", "x", "-1"}) {
    sql(std::string("INSERT OR REPLACE INTO meta VALUES('schema','") + v + "')");
    EXPECT_EQ(error_of(file_, Mode::read), Errc::corrupt) << v;
  }
}

TEST_F(InventoryTest, NamesOfAnyLengthAreAnsweredOrRefused) {
  auto i = open();
  StoredImage one = image("one", {});
  put(*i, one);
  auto long_tag = i->see("h/r", std::string(5000, 't'), one.digest, 1);
  ASSERT_FALSE(long_tag);
  EXPECT_EQ(long_tag.error().code, Errc::limit) << "of this name, not of the store";
  ASSERT_TRUE(i->note_failure("h/r:" + std::string(5000, 'a'), "why", 1));
  ASSERT_TRUE(i->note_failure("h/r:" + std::string(5000, 'b'), "why", 1));
  EXPECT_THAT(i->failures(), SizeIs(2)) << "told apart by a digest";
  EXPECT_THAT(i->failures()[0].reference, HasSubstr("sha256:"));
}

TEST_F(InventoryTest, WhatHasNoTagVanishesWhereItIsListed) {
  auto i = open();
  StoredImage one = image("one", {});
  put(*i, one);
  ASSERT_TRUE(i->see("h/r", "", one.digest, 1));
  ASSERT_TRUE(i->see("h/r", "v1", one.digest, 1));
  EXPECT_EQ(*i->vanish("h/r", 2, 3), 1U) << "most registries list tags alone";
  EXPECT_FALSE(i->tags_named("h/r", "")[0].vanished);
  EXPECT_EQ(*i->vanish("h/r", 2, 3, true), 1U);
  EXPECT_EQ(i->counts().tags, 0U);
  EXPECT_EQ(i->counts().repositories, 1U);
  ASSERT_TRUE(i->see("h/r", "v1", one.digest, 9));
  EXPECT_EQ(i->counts().tags, 1U) << "it is back";
  EXPECT_THAT(wrong(*i), IsEmpty());
}

TEST_F(InventoryTest, ABackupIsThereWholeOrNotAtAll) {
  auto i = open();
  LayerFacts l = layer("l", {"a"});
  i->layers()->put(id_of("blob l"), 1, l);
  put(*i, l);
  std::string copy = folder_ / "copy";
  std::ofstream(copy + ".partial") << "of a run that was killed";
  ASSERT_TRUE(i->backup(copy));
  EXPECT_FALSE(std::filesystem::exists(copy + ".partial"));
  EXPECT_FALSE(i->backup(copy)) << "nothing is written over";
  EXPECT_EQ((*Inventory::open(copy, Mode::read))->counts().layers, 1U);
}

// What stands in the place of counts is as what is counted, whatever is written, and check() says so.
TEST_F(InventoryFileTest, CountsThatAreWrongAreTold) {
  auto i = open();
  put(*i, layer("l", {"a"}));
  EXPECT_THAT(wrong(*i), IsEmpty());
  sql("UPDATE inv_count SET n=7 WHERE what='layers'");
  EXPECT_THAT(wrong(*i), ElementsAre(HasSubstr("1 layers, and 7 are counted")));
}

TEST_F(InventoryTest, ANewerSchemaIsNotTouched) {
  open();
  sql("UPDATE meta SET value='" + std::to_string(kInventorySchema + 1) + "' WHERE key='schema'");
  for (Mode m : {Mode::read, Mode::write}) {
    auto e = Inventory::open(file_, m);
    ASSERT_FALSE(e);
    EXPECT_EQ(e.error().code, Errc::unsupported);
    EXPECT_THAT(e.error().what, HasSubstr("newer careen"));
  }
}

TEST_F(InventoryFileTest, WritingMakesItsFolders) {
  file_ = folder_ / "a/b/c.sqlite";
  EXPECT_EQ(open()->path(), file_);
  EXPECT_EQ(open(Mode::read)->counts().images, 0U);
}

TEST_F(InventoryTest, TheFactsOfLayersAreInTheSameFile) {
  LayerFacts f = layer("l", {"a", "b"});
  open()->layers()->put(id_of("blob l"), 5, f);
  auto again = open(Mode::read);
  bool needs = false;
  auto g = again->layers()->facts(f.diff_id, {}, &needs);
  ASSERT_NE(g, nullptr);
  EXPECT_EQ(g->files.size(), 2U);
}

TEST_F(InventoryTest, ALayerIsFoundByWhatItHolds) {
  auto i = open();
  LayerFacts f = *test::layers_of_text("elf /usr/lib/libx.so soname=libx.so.1 needed=libc.so.6,libm.so.6 exports=do_it imports=malloc,free\nfile /a \"x\"")[0];
  f.elf.at(0).build_id = "cafe";
  EXPECT_FALSE(i->has_layer(f.diff_id));
  put(*i, f);
  EXPECT_TRUE(i->has_layer(f.diff_id));
  auto id = i->layer_id(f.diff_id.text());
  ASSERT_TRUE(id);
  EXPECT_EQ(i->layer_digest(*id), f.diff_id);
  EXPECT_THAT(i->layers_with_term(TermKind::soname, "libx.so.1"), ElementsAre(*id));
  EXPECT_THAT(i->layers_with_term(TermKind::needed, "libm.so.6"), ElementsAre(*id));
  EXPECT_THAT(i->layers_with_term(TermKind::build_id, "cafe"), ElementsAre(*id));
  EXPECT_THAT(i->layers_with_term(TermKind::symbol_export, "do_it"), ElementsAre(*id));
  EXPECT_THAT(i->layers_with_term(TermKind::symbol_import, "free"), ElementsAre(*id));
  EXPECT_THAT(i->layers_with_term(TermKind::symbol_import, "do_it"), IsEmpty());
  EXPECT_THAT(i->layers_with_term(TermKind::symbol_export, "do_"), IsEmpty());
  EXPECT_THAT(i->layers_with_file(sha256_of(as_bytes("x"))), ElementsAre(*id));
  EXPECT_THAT(i->layers_with_file(sha256_of(as_bytes("y"))), IsEmpty());
  EXPECT_FALSE(i->layer_id(id_of("?").text()));
  EXPECT_FALSE(i->layer_digest(*id + 1));
}

TEST_F(InventoryTest, ALayerThatIsCollectedAnewTakesThePlaceOfTheOld) {
  auto i = open();
  put(*i, layer("l", {"old", "both"}));
  auto id = i->layer_id(id_of("l").text());
  put(*i, layer("l", {"both", "new"}));
  EXPECT_EQ(i->counts().layers, 1U);
  auto old = id;
  id = i->layer_id(id_of("l").text());
  EXPECT_NE(id, old);
  EXPECT_THAT(i->layers_with_file(sha256_of(as_bytes("old"))), IsEmpty());
  EXPECT_THAT(i->layers_with_file(sha256_of(as_bytes("new"))), ElementsAre(*id));
  std::vector<std::string> seen;
  i->paths_like("**", [&](const std::string& p, const std::vector<Id>& layers) {
    if (!layers.empty()) seen.push_back(p);
    return true;
  });
  EXPECT_THAT(seen, UnorderedElementsAre("both", "new"));
}

TEST_F(InventoryTest, ALayerThatIsCollectedAnewKeepsItsImagesAndPackages) {
  auto i = open();
  put(*i, layer("l", {"a"}));
  StoredImage s = image("one", {"l"});
  s.packages = {package("p", "1")};
  ASSERT_TRUE(i->add_image(s, 5));
  for (int again = 0; again < 3; ++again) {
    put(*i, layer("l", {"a", "b"}));
    Id id = *i->layer_id(id_of("l").text());
    ASSERT_THAT(i->packages_named("p"), SizeIs(1));
    EXPECT_THAT(i->packages_named("p")[0].layers, ElementsAre(id)) << "no image was judged since, and its packages are still found";
    EXPECT_THAT(i->images_of_layer(id), SizeIs(1));
    EXPECT_EQ(i->layer_id(id_of("blob l").text()), id);
    EXPECT_THAT(wrong(*i), IsEmpty());
  }
}

TEST_F(InventoryTest, FactsOfAnOlderCollectorAreNotThere) {
  auto i = open();
  put(*i, layer("l", {"a"}));
  sql("UPDATE inv_layer SET collectors=collectors-1");
  EXPECT_FALSE(i->has_layer(id_of("l")));
  put(*i, layer("l", {"a"}));
  EXPECT_TRUE(i->has_layer(id_of("l")));
}

TEST_F(InventoryTest, AnImageComesBackWhole) {
  auto i = open();
  put(*i, layer("one", {"a"}));
  put(*i, layer("two", {"b"}));
  StoredImage s = image("x", {"one", "two"});
  s.packages = {package("liblzma5", "5.6.1-1", "xz-utils", "5.6.1")};
  s.packages[0].layer = 1, s.packages[0].visible = false, s.packages[0].type = PackageType::rpm;
  s.hidden = {{0, "a"}};
  s.terms = {{TermKind::environment, "A=b"}};
  s.labels = {{"k", "v"}};
  s.judged = std::string("\0\1\2", 3), s.gaps = {"content: x"}, s.created = "2024-01-01";
  put(*i, s, 77);
  auto id = i->image_id(s.digest);
  ASSERT_TRUE(id);
  auto g = i->image(*id);
  ASSERT_TRUE(g);
  EXPECT_EQ(g->digest, s.digest);
  EXPECT_EQ(g->config_digest, s.config_digest);
  EXPECT_EQ(g->platform, s.platform);
  EXPECT_EQ(g->layers, s.layers);
  EXPECT_EQ(g->blobs, s.blobs);
  EXPECT_EQ(g->steps, s.steps);
  ASSERT_EQ(g->packages.size(), 1U);
  EXPECT_EQ(g->packages[0].name, "liblzma5");
  EXPECT_EQ(g->packages[0].source_version, "5.6.1");
  EXPECT_EQ(g->packages[0].type, PackageType::rpm);
  EXPECT_EQ(g->packages[0].layer, 1U);
  EXPECT_FALSE(g->packages[0].visible);
  ASSERT_EQ(g->hidden.size(), 1U);
  EXPECT_EQ(g->hidden[0].path, "a");
  EXPECT_EQ(g->labels, s.labels);
  EXPECT_EQ(g->judged, s.judged);
  EXPECT_EQ(g->knowledge, "k1");
  EXPECT_EQ(g->verdict, "clean");
  EXPECT_EQ(g->gaps, s.gaps);
  EXPECT_EQ(g->created, s.created);
  EXPECT_EQ(g->first_seen, 77);
  EXPECT_EQ(g->last_seen, 77);
  EXPECT_TRUE(i->has_image(s.digest));
  EXPECT_FALSE(i->has_image(s.config_digest));
  EXPECT_THAT(i->all_images(), ElementsAre(*id));
  EXPECT_EQ(i->counts().unjudged, 1U);
  EXPECT_FALSE(i->image(*id + 1));
}

TEST_F(InventoryTest, AnImageThatIsSeenAgainKeepsItsFirstTime) {
  auto i = open();
  put(*i, layer("l", {"a"}));
  StoredImage s = image("x", {"l"});
  s.gaps = {"content: x"};
  s.terms = {{TermKind::threat, "T-1"}, {TermKind::label, "a=b"}};
  put(*i, s, 100);
  EXPECT_THAT(i->images_with_term(TermKind::threat, "T-1", false), SizeIs(1));
  s.gaps.clear(), s.verdict = "flagged", s.knowledge = "k2";
  s.terms = {{TermKind::threat, "T-2"}};
  put(*i, s, 200);
  put(*i, s, 150);
  auto g = i->image(*i->image_id(s.digest));
  ASSERT_TRUE(g);
  EXPECT_EQ(g->first_seen, 100);
  EXPECT_EQ(g->last_seen, 200) << "it never moves back";
  EXPECT_EQ(g->verdict, "flagged");
  EXPECT_EQ(g->knowledge, "k2");
  EXPECT_EQ(i->counts().images, 1U);
  EXPECT_EQ(i->counts().unjudged, 0U);
  EXPECT_THAT(i->images_with_term(TermKind::threat, "T-1", false), IsEmpty()) << "what it was judged to be before";
  EXPECT_THAT(i->terms_of(s.digest), ElementsAre(Pair(TermKind::threat, "T-2")));
}

TEST_F(InventoryTest, LayersLeadToTheirImages) {
  auto i = open();
  put(*i, layer("base", {"a"}));
  put(*i, layer("top", {"b"}));
  put(*i, image("x", {"base"}));
  put(*i, image("y", {"base", "top", "base"}));
  Id x = *i->image_id(image("x", {}).digest), y = *i->image_id(image("y", {}).digest);
  Id base = *i->layer_id(id_of("base").text());
  EXPECT_THAT(i->images_of_layer(base), ElementsAre(x, y));
  EXPECT_EQ(i->layer_id(id_of("blob base").text()), base) << "by its blob";
  EXPECT_THAT(i->images_of_layer(*i->layer_id(id_of("top").text())), ElementsAre(y));
  EXPECT_THAT(i->images_of_layer(base + 99), IsEmpty());
}

TEST_F(InventoryTest, AnImageMayHaveLayersThatWereNotRead) {
  auto i = open();
  put(*i, layer("read", {"a"}));
  StoredImage s = image("x", {"read", "unread"});
  s.layers[1] = {};
  s.packages = {package("p", "1")};
  s.packages[0].layer = 1;
  s.packages.push_back(package("q", "1"));
  s.packages[1].layer = 9;
  put(*i, s);
  auto g = i->image(*i->image_id(s.digest));
  ASSERT_TRUE(g);
  EXPECT_TRUE(g->layers[1].empty());
  EXPECT_EQ(g->packages.size(), 2U) << "the image still tells of them";
  EXPECT_THAT(i->packages_named("p"), IsEmpty());
  EXPECT_THAT(wrong(*i), IsEmpty());
}

TEST_F(InventoryTest, PackagesByBinaryAndSourceName) {
  auto i = open();
  put(*i, layer("l", {"a"}));
  put(*i, layer("m", {"b"}));
  StoredImage s = image("x", {"l", "m"});
  s.packages = {package("liblzma5", "5.6.1", "xz-utils", "5.6.1"), package("xz-utils", "5.6.1"), package("other", "1", "xz", "1"), package("liblzma5", "5.4")};
  s.packages[3].layer = 1;
  put(*i, s);
  put(*i, s, 2);
  auto by_name = i->packages_named("liblzma5");
  ASSERT_EQ(by_name.size(), 2U);
  EXPECT_EQ(by_name[0].package.version, "5.4");
  EXPECT_THAT(by_name[0].layers, ElementsAre(*i->layer_id(id_of("m").text())));
  EXPECT_EQ(by_name[1].package.source, "xz-utils");
  EXPECT_THAT(by_name[1].layers, ElementsAre(*i->layer_id(id_of("l").text())));
  auto by_source = i->packages_named("xz-utils");
  ASSERT_EQ(by_source.size(), 2U);
  EXPECT_EQ(by_source[0].package.name, "liblzma5");
  EXPECT_EQ(by_source[1].package.name, "xz-utils");
  EXPECT_THAT(i->packages_named("lzma"), IsEmpty());
  EXPECT_THAT(i->packages_named(""), SizeIs(2)) << "those without a source";
}

TEST_F(InventoryTest, TermsOfImages) {
  auto i = open();
  put(*i, layer("l", {"a"}));
  StoredImage x = image("x", {"l"}), y = image("y", {"l"});
  x.terms = {{TermKind::environment, "PATH=/bin:/usr/bin"}, {TermKind::entrypoint, "/usr/bin/app"}, {TermKind::label, "a=b"}};
  y.terms = {{TermKind::environment, "PATH=/bin"}, {TermKind::label, "a=c"}, {TermKind::label, "a=c"}};
  put(*i, x);
  put(*i, y);
  Id idx = *i->image_id(x.digest), idy = *i->image_id(y.digest);
  EXPECT_THAT(i->images_with_term(TermKind::environment, "PATH=/bin", false), ElementsAre(idy));
  EXPECT_THAT(i->images_with_term(TermKind::environment, "PATH=**", true), ElementsAre(idx, idy));
  EXPECT_THAT(i->images_with_term(TermKind::label, "a=[bc]", true), ElementsAre(idx, idy));
  EXPECT_THAT(i->images_with_term(TermKind::label, "a=[bc]", false), IsEmpty());
  EXPECT_THAT(i->images_with_term(TermKind::entrypoint, "**app**", true), ElementsAre(idx));
  EXPECT_THAT(i->images_with_term(TermKind::label, "PATH=**", true), IsEmpty()) << "another kind";
  EXPECT_THAT(i->terms_of(x.digest), SizeIs(3));
  EXPECT_THAT(i->terms_of("sha256:none"), IsEmpty());
}

TEST_F(InventoryTest, PathsByGlob) {
  auto i = open();
  put(*i, layer("l", {"usr/bin/[", "usr/bin/app", "usr/bin/sub/app", "usr/lib/liblzma.so.5.6.1", "usr/lib/liblzma.so.5", "usr/lib/libz.so", "[x]/y", "a*b"}));
  put(*i, layer("m", {"usr/bin/app", "top"}));
  EXPECT_THAT(paths(*i, "usr/bin/app"), ElementsAre("usr/bin/app"));
  EXPECT_THAT(paths(*i, "usr/bin/*"), ElementsAre("usr/bin/[", "usr/bin/app"));
  EXPECT_THAT(paths(*i, "usr/**app"), ElementsAre("usr/bin/app", "usr/bin/sub/app"));
  EXPECT_THAT(paths(*i, "**/app"), ElementsAre("usr/bin/app", "usr/bin/sub/app"));
  EXPECT_THAT(paths(*i, "usr/lib/lib*.so.5*"), ElementsAre("usr/lib/liblzma.so.5", "usr/lib/liblzma.so.5.6.1"));
  EXPECT_THAT(paths(*i, "usr/lib/lib[a-m]*.so.?"), ElementsAre("usr/lib/liblzma.so.5"));
  EXPECT_THAT(paths(*i, "usr/lib/lib[!l]*"), ElementsAre("usr/lib/libz.so"));
  EXPECT_THAT(paths(*i, "usr/bin/["), ElementsAre("usr/bin/[")) << "a bracket that nothing closes is itself";
  EXPECT_THAT(paths(*i, "[[]x]/y"), ElementsAre("[x]/y"));
  EXPECT_THAT(paths(*i, "a[*]b"), ElementsAre("a*b"));
  EXPECT_THAT(paths(*i, "*"), ElementsAre("a*b", "top"));
  EXPECT_THAT(paths(*i, "**"), SizeIs(9));
  EXPECT_THAT(paths(*i, ""), IsEmpty());
  EXPECT_THAT(paths(*i, "usr/bin"), IsEmpty());
  EXPECT_THAT(paths(*i, "/usr/bin/app"), IsEmpty()) << "paths are kept without a slash in front";
  i->paths_like("usr/bin/app", [&](const std::string&, const std::vector<Id>& layers) {
    EXPECT_THAT(layers, SizeIs(2));
    return true;
  });
  int calls = 0;
  i->paths_like("**", [&](const std::string&, const std::vector<Id>&) { return ++calls < 3; });
  EXPECT_EQ(calls, 3);
}

TEST_F(InventoryTest, PathsOfAnyBytes) {
  auto i = open();
  std::string high = "usr/\xff\xfe\x80", text = "usr/\xc3\xa9t\xc3\xa9", long_one = "usr/" + std::string(3000, 'x'), control = "usr/\x01\n";
  put(*i, layer("l", {high, text, long_one, control}));
  EXPECT_THAT(paths(*i, "usr/*"), UnorderedElementsAre(high, text, long_one, control));
  EXPECT_THAT(paths(*i, high), ElementsAre(high));
  EXPECT_THAT(paths(*i, "usr/\xff*"), ElementsAre(high));
  EXPECT_THAT(paths(*i, "usr/\xc3*"), ElementsAre(text));
  EXPECT_THAT(paths(*i, "usr/?\xfe?"), ElementsAre(high));
}

// A name of an image is hostile: none may lie behind the end of the range that a glob is looked for in.
TEST_F(InventoryTest, APathBehindEveryOtherIsFoundToo) {
  auto i = open();
  std::string last = "\xff\xff\xff\xff\xff", below = "usr/\xff\xff\xff\xffx", exact = "usr/\xff\xff\xff\xff";
  put(*i, layer("l", {last, below, exact}));
  EXPECT_THAT(paths(*i, "*"), ElementsAre(last));
  EXPECT_THAT(paths(*i, "usr/*"), UnorderedElementsAre(below, exact));
}

TEST_F(InventoryTest, DirectoriesAreNotPaths) {
  auto i = open();
  put(*i, *test::layers_of_text("dir /etc\nfile /etc/x \"1\"\nlink /lib -> usr/lib")[0]);
  EXPECT_THAT(paths(*i, "**"), ElementsAre("etc/x", "lib"));
}

TEST_F(InventoryTest, ATagIsSeenMovedAndGone) {
  auto i = open();
  std::string a = id_of("a").text(), b = id_of("b").text();
  ASSERT_TRUE(i->see("h/r", "v1", a, 100));
  ASSERT_TRUE(i->see("h/r", "v1", a, 200));
  ASSERT_TRUE(i->see("h/r", "v1", a, 50));
  auto tags = i->tags_named("h/r", "v1");
  ASSERT_EQ(tags.size(), 1U);
  EXPECT_EQ(tags[0].first_seen, 100);
  EXPECT_EQ(tags[0].last_seen, 200) << "a clock that goes back moves nothing back";
  EXPECT_FALSE(tags[0].vanished);

  ASSERT_TRUE(i->see("h/r", "v1", b, 300));  // moved
  ASSERT_TRUE(i->see("h/other", "v1", a, 10));
  auto gone = i->vanish("h/r", 300, 310);
  ASSERT_TRUE(gone);
  EXPECT_EQ(*gone, 1U);
  tags = i->tags_named("h/r", "v1");
  ASSERT_EQ(tags.size(), 2U);
  EXPECT_EQ(tags[0].digest, a);
  EXPECT_EQ(tags[0].vanished, 310);
  EXPECT_EQ(tags[1].digest, b);
  EXPECT_FALSE(tags[1].vanished);
  EXPECT_FALSE(i->tags_named("h/other", "v1")[0].vanished) << "another repository";
  EXPECT_EQ(i->counts().tags, 2U);
  EXPECT_EQ(i->counts().repositories, 2U);
  EXPECT_EQ(*i->vanish("h/r", 300, 320), 0U) << "once";
  EXPECT_EQ(i->tags_named("h/r", "v1")[0].vanished, 310);

  ASSERT_TRUE(i->see("h/r", "v1", a, 400));  // and back
  EXPECT_FALSE(i->tags_named("h/r", "v1")[0].vanished);
  EXPECT_EQ(i->tags_named("h/r", "v1")[0].first_seen, 100);
  EXPECT_THAT(i->repositories(), ElementsAre("h/other", "h/r"));
}

TEST_F(InventoryTest, ATagThatIsListedStaysThere) {
  auto i = open();
  std::string a = id_of("a").text();
  ASSERT_TRUE(i->see("h/r", "v1", a, 100));
  ASSERT_TRUE(i->see("h/r", "gone", a, 100));
  ASSERT_TRUE(i->still_listed("h/r", "v1", 200));
  ASSERT_TRUE(i->still_listed("h/r", "v1", 150));
  ASSERT_TRUE(i->still_listed("h/r", "never", 200));
  EXPECT_EQ(*i->vanish("h/r", 200, 210), 1U);
  EXPECT_EQ(i->tags_named("h/r", "v1")[0].last_seen, 200);
  EXPECT_TRUE(i->tags_named("h/r", "gone")[0].vanished);
  EXPECT_THAT(i->tags_named("h/r", "never"), IsEmpty());
  ASSERT_TRUE(i->still_listed("h/r", "gone", 300));
  EXPECT_TRUE(i->tags_named("h/r", "gone")[0].vanished) << "what it names now is not known";
}

// What a tag named before it moved does not come back because the registry failed once.
TEST_F(InventoryTest, OnlyWhatATagNamedLastIsStillListed) {
  auto i = open();
  ASSERT_TRUE(i->see("h/r", "v1", id_of("a").text(), 100));
  ASSERT_TRUE(i->see("h/r", "v1", id_of("b").text(), 200));
  ASSERT_TRUE(i->still_listed("h/r", "v1", 300));
  auto tags = i->tags_named("h/r", "v1");
  ASSERT_EQ(tags.size(), 2U);
  EXPECT_EQ(tags[0].last_seen, 100);
  EXPECT_EQ(tags[1].last_seen, 300);
}

TEST_F(InventoryTest, AnIndexHasMembers) {
  auto i = open();
  std::string index = id_of("index").text(), a = id_of("a").text(), b = id_of("b").text();
  EXPECT_FALSE(i->has_index(index));
  ASSERT_TRUE(i->add_index(index, {b, a}, true));
  ASSERT_TRUE(i->add_index(index, {a}, false));
  EXPECT_TRUE(i->has_index(index));
  EXPECT_THAT(i->members_of(index), UnorderedElementsAre(a, b));
  EXPECT_THAT(i->members_of(a), IsEmpty());
  ASSERT_TRUE(i->see("h/r", "v1", index, 5));
  ASSERT_TRUE(i->see("h/r", "amd64", a, 5));
  auto tags = i->tags_of(a);
  ASSERT_EQ(tags.size(), 2U) << "its own tag and the index's";
  EXPECT_EQ(tags[0].tag, "amd64");
  EXPECT_EQ(tags[1].tag, "v1");
  EXPECT_THAT(i->tags_of(b), SizeIs(1));
  EXPECT_THAT(i->tags_named("h/r", ""), SizeIs(2)) << "all of them";
}

TEST_F(InventoryTest, AnIndexIsThereWhenAllOfItWasIndexed) {
  auto i = open();
  std::string index = id_of("index").text(), a = id_of("a").text();
  ASSERT_TRUE(i->add_index(index, {a}, false));
  EXPECT_FALSE(i->has_index(index)) << "one platform alone";
  EXPECT_THAT(i->members_of(index), ElementsAre(a));
  ASSERT_TRUE(i->add_index(index, {a}, true));
  ASSERT_TRUE(i->add_index(index, {a}, false));
  EXPECT_TRUE(i->has_index(index)) << "once whole it stays so";
}

TEST_F(InventoryTest, AnImageThatIsMetAgainIsSeen) {
  auto i = open();
  StoredImage a = image("a", {}), b = image("b", {}), c = image("c", {});
  for (const StoredImage& s : {a, b, c}) put(*i, s, 100);
  std::string index = id_of("index").text();
  ASSERT_TRUE(i->add_index(index, {a.digest, b.digest}, true));
  auto last = [&](const StoredImage& s) { return i->image(*i->image_id(s.digest))->last_seen; };
  ASSERT_TRUE(i->seen_again(index, 200));
  ASSERT_TRUE(i->seen_again(a.digest, 300));
  ASSERT_TRUE(i->seen_again(a.digest, 50));
  EXPECT_EQ(last(a), 300);
  EXPECT_EQ(last(b), 200);
  EXPECT_EQ(last(c), 100);
  EXPECT_EQ(i->image(*i->image_id(a.digest))->first_seen, 100);
}

TEST_F(InventoryFileTest, AnotherProgramsDatabaseIsLeftAsItIs) {
  sql("CREATE TABLE theirs(x); INSERT INTO theirs VALUES(1)");
  for (Mode m : {Mode::read, Mode::write}) EXPECT_EQ(error_of(file_, m), Errc::corrupt);
  sql("SELECT * FROM theirs");
  EXPECT_NE(test::run_sql(file_, "SELECT * FROM inv_layer"), "");
}

TEST_F(InventoryTest, ChainIdsAreThoseOfTheSpecification) {
  // Computed with another program: sha256(chain of those before + " " + diff ID).
  const std::string one = "sha256:ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb",
                    two = "sha256:51c0c8ace48498d6f5fee6b0592cc06f2da0f3cbe09c5a34a97dce85c3889676",
                    three = "sha256:2fce7f8ce91bcf0a1428b36e1024639fdbd9469eea762dba98aa749631885106";
  std::vector<Digest> ids{id_of("a"), id_of("b"), id_of("c")};
  EXPECT_EQ(chain_id(ids, 0), "");
  EXPECT_EQ(chain_id(ids, 1), one);
  EXPECT_EQ(chain_id(ids, 2), two);
  EXPECT_EQ(chain_id(ids, 3), three);
  EXPECT_EQ(chain_id({}, 0), "");
  ids[1] = {};
  EXPECT_EQ(chain_id(ids, 1), one);
  EXPECT_EQ(chain_id(ids, 2), "") << "one is not known";
  EXPECT_EQ(chain_id(ids, 3), "");
}

TEST_F(InventoryTest, ImagesByTheirChain) {
  auto i = open();
  for (const char* l : {"a", "b"}) put(*i, layer(l, {l}));
  StoredImage unread = image("unread", {"a", "b"});
  unread.layers[1] = {};
  for (const StoredImage& s : {image("x", {"a"}), image("y", {"a", "b"}), image("z", {"b", "a"}), image("w", {"a", "b"}), image("none", {}), unread})
    put(*i, s);
  auto with = [&](const std::vector<std::string>& names) {
    std::vector<Digest> ids;
    for (const auto& n : names) ids.push_back(id_of(n));
    return i->images_with_chain(chain_id(ids, ids.size()));
  };
  EXPECT_THAT(with({"a"}), ElementsAre(*i->image_id(image("x", {}).digest)));
  EXPECT_THAT(with({"a", "b"}), ElementsAre(*i->image_id(image("y", {}).digest), *i->image_id(image("w", {}).digest)));
  EXPECT_THAT(with({"b"}), IsEmpty());
  EXPECT_THAT(with({}), IsEmpty()) << "no layers, or layers that are not known, make no chain";
}

// A layer that was not read whole: no facts of it are kept, and its image is there all the same.
TEST_F(InventoryTest, ALayerWithoutFactsIsIndexedOnceItHasThem) {
  auto i = open();
  LayerFacts f = layer("l", {"a"});
  ASSERT_TRUE(i->add_layer(Inventory::keys_of(f, {}), 1));
  put(*i, image("one", {"l"}));
  EXPECT_TRUE(i->image_id(image("one", {"l"}).digest));
  EXPECT_TRUE(i->has_layer(f.diff_id));
  EXPECT_THAT(wrong(*i), IsEmpty());
  i->layers()->put({}, 0, f);
  EXPECT_FALSE(i->has_layer(f.diff_id)) << "there is something to index now";
  put(*i, f);
  EXPECT_TRUE(i->has_layer(f.diff_id));
  EXPECT_THAT(i->layers_with_file(sha256_of(as_bytes("a"))), SizeIs(1));
}

TEST_F(InventoryTest, AContentIsNoPath) {
  auto i = open();
  LayerFacts f = layer("l", {"x"});
  FileRecord r;
  r.path = "y";
  r.sha256 = sha256_of(as_bytes(std::string(1, static_cast<char>(kPathKey)) + "etc/backdoor"));
  f.files.add(r);
  put(*i, f);
  EXPECT_THAT(paths(*i, "etc/backdoor"), IsEmpty());
}

TEST_F(InventoryTest, AnImageComesWithThePackagesThatAreWanted) {
  auto i = open();
  put(*i, layer("l", {"a"}));
  StoredImage s = image("one", {"l"});
  s.packages = {package("a", "1"), package("b", "2", "src", "3"), package("c", "4", "src", "5"), package("d", "6")};
  put(*i, s);
  Id id = *i->image_id(s.digest);
  auto names = [&](const std::set<std::string>* wanted) {
    auto got = i->image(id, wanted);
    EXPECT_TRUE(got && got->steps == s.steps) << "what stands behind the packages is read as well";
    std::string out;
    for (const StoredPackage& p : got ? got->packages : std::vector<StoredPackage>{}) out += p.name;
    return out;
  };
  EXPECT_EQ(names(nullptr), "abcd");
  std::set<std::string> none, some{"src", "d", "x"};
  EXPECT_EQ(names(&none), "");
  EXPECT_EQ(names(&some), "bcd");
}

TEST_F(InventoryTest, CrawlsAndFailures) {
  auto i = open();
  EXPECT_EQ(i->counts().newest, 0);
  ASSERT_TRUE(i->note_crawl({"b", 200, 5, 1}));
  ASSERT_TRUE(i->note_crawl({"a", 100, 1, 0}));
  ASSERT_TRUE(i->note_crawl({"b", 150, 7, 2}));
  auto crawls = i->crawls();
  ASSERT_EQ(crawls.size(), 2U);
  EXPECT_EQ(crawls[0].source, "a");
  EXPECT_EQ(crawls[1].at, 200) << "it never moves back";
  EXPECT_EQ(crawls[1].indexed, 7U);
  EXPECT_EQ(crawls[1].failed, 2U);
  EXPECT_EQ(i->counts().newest, 200);
  EXPECT_EQ(i->counts().oldest, 100);

  ASSERT_TRUE(i->note_failure("y", "why", 10));
  ASSERT_TRUE(i->note_failure("x", "first", 10));
  ASSERT_TRUE(i->note_failure("x", "second", 20));
  auto failures = i->failures();
  ASSERT_EQ(failures.size(), 2U);
  EXPECT_EQ(failures[0].reference, "x");
  EXPECT_EQ(failures[0].why, "second");
  EXPECT_EQ(failures[0].at, 20);
  ASSERT_TRUE(i->forget_failure("x"));
  ASSERT_TRUE(i->forget_failure("x"));
  EXPECT_THAT(i->failures(), SizeIs(1));
}

TEST_F(InventoryTest, CheckTellsOfDamage) {
  auto i = open();
  put(*i, layer("l", {"a"}));
  put(*i, image("x", {"l"}));
  put(*i, image("y", {"l"}));
  EXPECT_THAT(wrong(*i), IsEmpty());
  sql("UPDATE inv_image SET body=substr(body, 1, 5) WHERE id=2");
  EXPECT_THAT(wrong(*i), ElementsAre(HasSubstr("image 2")));
  EXPECT_FALSE(i->image(2));
  EXPECT_TRUE(i->image(1)) << "the others stay";
  sql("DELETE FROM inv_image WHERE id=2");
  EXPECT_THAT(wrong(*i), Contains(HasSubstr("not there")));
}

TEST_F(InventoryFileTest, CheckTellsOfDamagedPages) {
  {
    auto i = open();
    std::vector<std::string> many;
    for (int n = 0; n < 3000; ++n) many.push_back("usr/share/" + std::to_string(n));
    put(*i, layer("l", many));
    put(*i, image("x", {"l"}));
  }
  sql("PRAGMA wal_checkpoint(TRUNCATE)");
  {
    std::fstream f(file_, std::ios::in | std::ios::out | std::ios::binary);
    for (uint64_t at = fs::file_size(file_) - 3 * 4096; at < fs::file_size(file_); at += 512) {
      f.seekp(static_cast<std::streamoff>(at));
      f << std::string(64, '\x5a');
    }
  }
  auto i = Inventory::open(file_, Mode::read);
  EXPECT_TRUE(!i || !wrong(**i).empty()) << "damage of a page is an error or is told";
}

// What a registry tells of the use of a tag is shown with the tag, whatever the digest that it names now.
TEST_F(InventoryTest, PullsBelongToTags) {
  auto i = open();
  StoredImage one = image("one", {});
  put(*i, one);
  ASSERT_TRUE(i->see("r.example/app", "v1", one.digest, 5));
  ASSERT_TRUE(i->see("r.example/app", "v2", one.digest, 5));
  ASSERT_TRUE(i->note_pulls({{"r.example/app", "v1", 100, 200, 7, 10}, {"r.example/gone", "v1", 1, std::nullopt, std::nullopt, 10}}));
  auto tags = i->tags_of(one.digest);
  ASSERT_EQ(tags.size(), 2U);
  EXPECT_EQ(tags[0].pushed, 100);
  EXPECT_EQ(tags[0].pulled, 200);
  EXPECT_EQ(tags[0].pulls, 7U);
  EXPECT_FALSE(tags[1].pushed || tags[1].pulled || tags[1].pulls);
  // An older word does not take the place of a newer one, a newer one does.
  ASSERT_TRUE(i->note_pulls({{"r.example/app", "v1", 1, 1, 1, 9}}));
  EXPECT_EQ(i->tags_named("r.example/app", "v1").at(0).pulls, 7U);
  ASSERT_TRUE(i->note_pulls({{"r.example/app", "v1", 100, std::nullopt, 9, 11}}));
  EXPECT_EQ(i->tags_named("r.example/app", "v1").at(0).pulls, 9U);
  EXPECT_EQ(i->tags_named("r.example/app", "v1").at(0).pulled, std::nullopt);
}

}  // namespace
}  // namespace careen::inventory_test
