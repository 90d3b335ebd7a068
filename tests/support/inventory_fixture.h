// Layers, images and an inventory, for tests of src/store/inventory.h: in a scratch folder or in PostgreSQL (store_place.h).
#pragma once
#include <gmock/gmock.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <thread>

#include "image_text.h"
#include "scratch_folder.h"
#include "sqlite_text.h"
#include "store_place.h"

#include "store/inventory.h"

namespace careen::inventory_test {

using Mode = Inventory::Mode;
using Id = Inventory::Id;

inline Digest id_of(const std::string& name) {
  return digest_of(as_bytes(name));
}

// Facts of a layer with these files, each holding its own path; the layer's diff ID is the digest of its name.
inline LayerFacts layer(const std::string& name, const std::vector<std::string>& paths) {
  LayerFacts f;
  f.diff_id = id_of(name);
  f.size = 100;
  for (const std::string& p : paths) {
    FileRecord r;
    r.path = p;
    r.sha256 = sha256_of(as_bytes(p));
    f.files.add(r);
  }
  return f;
}

inline StoredImage image(const std::string& name, const std::vector<std::string>& layers) {
  StoredImage i;
  i.digest = id_of("manifest " + name).text();
  i.config_digest = id_of("config " + name).text();
  i.platform = "linux/amd64";
  i.verdict = "clean";
  i.knowledge = "k1";
  for (const std::string& l : layers) {
    i.layers.push_back(id_of(l));
    i.blobs.push_back(id_of("blob " + l).text());
    i.steps.push_back("made " + l);
  }
  return i;
}

inline StoredPackage package(const std::string& name, const std::string& version, const std::string& source = "", const std::string& source_version = "") {
  StoredPackage p;
  p.name = name, p.version = version, p.architecture = "amd64", p.source = source, p.source_version = source_version;
  return p;
}

class InventoryTest : public testing::Test {
 protected:
  std::unique_ptr<Inventory> open(Mode mode = Mode::write) {
    auto i = Inventory::open(file_, mode);
    EXPECT_TRUE(i) << (i ? "" : i.error().what);
    return i ? std::move(*i) : nullptr;
  }
  std::optional<Errc> error_of(const std::string& path, Mode mode) {
    auto i = Inventory::open(path, mode);
    return i ? std::nullopt : std::optional(i.error().code);
  }
  void sql(const std::string& text) const { ASSERT_EQ(test::run_sql(file_, text), ""); }
  // From here on no row can be written into a table; where `when` says, in SQLite.
  void stop(const std::string& table, const std::string& when = "") const {
    if (place_.postgres())
      sql("CREATE OR REPLACE FUNCTION stop() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION 'no room'; END$$; CREATE TRIGGER stop BEFORE "
          "INSERT ON " +
          table + " FOR EACH ROW EXECUTE FUNCTION stop()");
    else
      sql("CREATE TRIGGER stop_" + table + " BEFORE INSERT ON " + table + " " + when + " BEGIN SELECT RAISE(ABORT, 'no room'); END");
  }
  void let(const std::string& table) const { sql(place_.postgres() ? "DROP TRIGGER stop ON " + table : "DROP TRIGGER stop_" + table); }
  static void put(Inventory& i, const LayerFacts& f, int64_t now = 1) {
    auto ok = i.add_layer(f, now);
    ASSERT_TRUE(ok) << ok.error().what;
  }
  static void put(Inventory& i, const StoredImage& s, int64_t now = 1) {
    auto ok = i.add_image(s, now);
    ASSERT_TRUE(ok) << ok.error().what;
  }
  static std::vector<std::string> paths(Inventory& i, const std::string& glob) {
    std::vector<std::string> out;
    i.paths_like(glob, [&](const std::string& p, const std::vector<Id>& layers) {
      EXPECT_FALSE(layers.empty()) << p;
      out.push_back(p);
      return true;
    });
    std::sort(out.begin(), out.end());
    return out;
  }
  static std::vector<std::string> wrong(Inventory& i) {
    auto w = i.check();
    return w ? *w : std::vector<std::string>{w.error().what};
  }

  test::ScratchFolder folder_;
  test::StorePlace place_{folder_ / "fleet.sqlite"};
  std::string file_ = place_.text();
};

// Tests of the file itself, whatever the others run on.
class InventoryFileTest : public InventoryTest {
 protected:
  InventoryFileTest() { file_ = folder_ / "fleet.sqlite"; }
};

}  // namespace careen::inventory_test
