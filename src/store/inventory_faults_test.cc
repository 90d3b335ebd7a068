// An inventory under several writers, full disks, kills and failing statements.
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

class SeveralAtOnce : public InventoryTest {
 protected:
  void write();
};

void SeveralAtOnce::write() {
  constexpr int kThreads = 4, kEach = 12;
  std::vector<std::string> problems(kThreads);
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t)
    threads.emplace_back([&, t] {
      auto opened = Inventory::open(file_, Mode::write);
      if (!opened) return void(problems[t] = opened.error().what);
      Inventory& i = **opened;
      for (int n = 0; n < kEach && problems[t].empty(); ++n) {
        std::string own = std::to_string(t) + "-" + std::to_string(n), shared = "shared" + std::to_string(n);
        for (const std::string& name : {own, shared})
          if (auto ok = i.add_layer(layer(name, {"usr/" + name, "etc/common"}), n); !ok) problems[t] = ok.error().what;
        StoredImage s = image(own, {shared, own});
        s.packages = {package("common", "1"), package(own, "1")};
        s.terms = {{TermKind::label, "common=1"}};
        if (auto ok = i.add_image(s, n); !ok) problems[t] = ok.error().what;
        if (auto ok = i.see("h/r", "v" + std::to_string(n), s.digest, n); !ok) problems[t] = ok.error().what;
      }
    });
  for (auto& t : threads) t.join();
  EXPECT_THAT(problems, testing::Each(""));
  auto i = open(Mode::read);
  auto c = i->counts();
  EXPECT_EQ(c.images, uint64_t{kThreads * kEach});
  EXPECT_EQ(c.layers, uint64_t{kThreads * kEach + kEach});
  EXPECT_EQ(c.tags, uint64_t{kThreads * kEach});
  EXPECT_THAT(i->images_with_term(TermKind::label, "common=1", false), SizeIs(kThreads * kEach));
  EXPECT_THAT(i->images_of_layer(*i->layer_id(id_of("shared3").text())), SizeIs(kThreads));
  ASSERT_THAT(i->packages_named("common"), SizeIs(1));
  EXPECT_THAT(wrong(*i), IsEmpty());
}

TEST_F(SeveralAtOnce, WriteOneInventory) {
  open();
  write();
}

// All open the file at once, and one of them makes the tables.
TEST_F(SeveralAtOnce, BeginOneInventory) {
  for (int round = 0; round < 5; ++round) {
    file_ = folder_ / ("round" + std::to_string(round));
    write();
  }
}

TEST_F(InventoryTest, AReaderSeesWholeImagesWhileAnotherWrites) {
  auto writer = open();
  auto reader = open(Mode::read);
  put(*writer, layer("l", {"a"}));
  EXPECT_EQ(reader->counts().layers, 1U);
  stop("inv_term_image");
  StoredImage s = image("x", {"l"});
  s.terms = {{TermKind::label, "a=b"}};
  EXPECT_FALSE(writer->add_image(s, 1));
  EXPECT_EQ(reader->counts().images, 0U);
}

TEST_F(InventoryTest, AWriteThatFailsLeavesNothing) {
  auto i = open();
  put(*i, layer("l", {"a"}));
  StoredImage old = image("old", {"l"});
  old.terms = {{TermKind::threat, "T-1"}};
  put(*i, old, 5);
  stop("inv_term_image");
  StoredImage s = image("x", {"l"});
  s.packages = {package("p", "1")};
  s.terms = {{TermKind::label, "a=b"}};
  auto failed = i->add_image(s, 9);
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, Errc::io);
  EXPECT_THAT(failed.error().what, HasSubstr(file_)) << "says which file";
  EXPECT_FALSE(i->has_image(s.digest));
  EXPECT_THAT(i->packages_named("p"), IsEmpty());
  old.verdict = "flagged", old.terms = {{TermKind::threat, "T-2"}};
  EXPECT_FALSE(i->add_image(old, 9));
  EXPECT_EQ(i->image(*i->image_id(old.digest))->verdict, "clean");
  EXPECT_EQ(i->image(*i->image_id(old.digest))->last_seen, 5);
  EXPECT_THAT(i->terms_of(old.digest), ElementsAre(Pair(TermKind::threat, "T-1"))) << "also what was taken away";

  if (place_.postgres())
    stop("inv_path");
  else
    stop("inv_block", "WHEN (SELECT family FROM inv_run WHERE id=NEW.run)=3");
  EXPECT_FALSE(i->add_layer(layer("m", {"aa", "zz"}), 1));
  EXPECT_FALSE(i->layer_id(id_of("m").text()));
  EXPECT_THAT(i->layers_with_file(sha256_of(as_bytes("aa"))), IsEmpty());
  EXPECT_FALSE(i->add_layer(layer("l", {"aa", "zz"}), 1)) << "collected anew";
  EXPECT_THAT(i->layers_with_file(sha256_of(as_bytes("a"))), SizeIs(1));

  let("inv_term_image");
  let(place_.postgres() ? "inv_path" : "inv_block");
  put(*i, s);
  put(*i, layer("m", {"aa", "zz"}));
  EXPECT_THAT(wrong(*i), IsEmpty());
}

TEST_F(InventoryTest, AWriteThatFailsSaysWhy) {
  auto i = open();
  stop("inv_term_image");
  StoredImage s = image("x", {});
  s.terms = {{TermKind::label, "a=b"}};
  auto failed = i->add_image(s, 9);
  ASSERT_FALSE(failed);
  EXPECT_THAT(failed.error().what, HasSubstr("no room"));
}

TEST_F(InventoryTest, WithoutATableEveryWriteSaysSo) {
  auto i = open();
  for (const char* table : {"inv_tag", "inv_member", "inv_crawl", "inv_failure", "inv_image", "inv_layer"})
    sql("ALTER TABLE " + std::string(table) + " RENAME TO gone_" + table);
  EXPECT_FALSE(i->see("r", "t", "d", 1));
  EXPECT_FALSE(i->still_listed("r", "t", 1));
  EXPECT_FALSE(i->vanish("r", 1, 1));
  EXPECT_FALSE(i->add_index("i", {"a"}, true));
  EXPECT_FALSE(i->note_crawl({"s", 1, 1, 1}));
  EXPECT_FALSE(i->note_failure("r", "w", 1));
  EXPECT_FALSE(i->add_image(image("x", {}), 1));
  EXPECT_FALSE(i->add_layer(layer("l", {"a"}), 1));
  EXPECT_THAT(i->all_images(), IsEmpty());
  EXPECT_EQ(i->counts().images, 0U);
}

// Runs f in a process of its own; what it returns is the exit code.
template <class F>
int in_a_process(F f) {
  pid_t child = ::fork();
  if (child == 0) ::_exit(f());
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

std::vector<std::string> many_paths(const std::string& name, int count) {
  std::vector<std::string> out;
  for (int n = 0; n < count; ++n) out.push_back("usr/" + name + "/" + std::to_string(n));
  return out;
}

// Damage that is met while pieces are dropped ends in an error or in nothing, and never in what was closed meanwhile.
TEST_F(InventoryFileTest, CompactingADamagedFileNeverFaults) {
  {
    auto i = open();
    for (int n = 0; n < 8; ++n) put(*i, layer("l" + std::to_string(n), many_paths("l" + std::to_string(n), 300)));
  }
  sql("PRAGMA wal_checkpoint(TRUNCATE)");
  const std::string whole = [&] {
    std::ifstream in(file_, std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(in), {});
  }();
  for (size_t at = 8192; at < whole.size(); at += 4099) {
    std::string bad = whole;
    for (size_t k = at; k < std::min(at + 64, bad.size()); ++k) bad[k] = static_cast<char>(bad[k] ^ 0x5a);
    std::string file = folder_ / "damaged.sqlite";
    for (const char* end : {"", "-wal", "-shm"}) std::filesystem::remove(file + end);
    std::ofstream(file, std::ios::binary) << bad;
    int rc = in_a_process([&] {
      auto i = Inventory::open(file, Mode::write);
      if (i) (void)(*i)->compact();
      return 0;
    });
    EXPECT_EQ(rc, 0) << at;
  }
}

TEST_F(InventoryFileTest, AFullDiskLeavesWholeLayers) {
  {
    auto i = open();
    put(*i, layer("first", {"a"}));
  }
  int rc = in_a_process([&] {
    std::signal(SIGXFSZ, SIG_IGN);
    rlimit limit{300'000, 300'000};
    if (::setrlimit(RLIMIT_FSIZE, &limit) != 0) return 2;
    auto i = Inventory::open(file_, Mode::write);
    if (!i) return 3;
    if ((*i)->add_layer(layer("large", many_paths("large", 20'000)), 1)) return 4;
    return (*i)->has_layer(id_of("first")) && !(*i)->has_layer(id_of("large")) ? 0 : 5;
  });
  EXPECT_EQ(rc, 0);
  auto i = open();
  EXPECT_THAT(wrong(*i), IsEmpty());
  EXPECT_EQ(i->counts().layers, 1U);
  EXPECT_THAT(paths(*i, "**"), ElementsAre("a"));
  put(*i, layer("large", many_paths("large", 20'000)));
  EXPECT_THAT(paths(*i, "usr/large/1999*"), SizeIs(11));
}

TEST_F(InventoryTest, AKillLeavesWholeLayersAndImages) {
  constexpr int kFiles = 300;
  open();
  for (int round = 0; round < 5; ++round) {
    pid_t child = ::fork();
    if (child == 0) {
      auto i = Inventory::open(file_, Mode::write);
      for (int n = 0; i && n < 100'000; ++n) {
        std::string name = std::to_string(round) + "." + std::to_string(n);
        if (!(*i)->add_layer(layer(name, many_paths(name, kFiles)), 1) || !(*i)->add_image(image(name, {name}), 1)) ::_exit(1);
      }
      ::_exit(0);
    }
    ::usleep(static_cast<useconds_t>(20'000 + 17'000 * round));
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    auto i = open();
    EXPECT_THAT(wrong(*i), IsEmpty());
    uint64_t files = 0;
    i->paths_like("**", [&](const std::string&, const std::vector<Id>& layers) { return files += layers.size(), true; });
    EXPECT_EQ(files, i->counts().layers * kFiles);
    EXPECT_LE(i->counts().images, i->counts().layers);
  }
}

}  // namespace
}  // namespace careen::inventory_test
