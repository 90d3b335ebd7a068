// What changed between two images, new risk first.
#include "fleet/diff.h"

#include <gmock/gmock.h>

#include "../../tests/support/fleet_images.h"
#include "../../tests/support/sqlite_text.h"

namespace careen {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::string status(const std::string& version, const std::string& more = "") {
  return "file /var/lib/dpkg/status |\n  Package: tool\n  Status: install ok installed\n  Architecture: amd64\n  Version: " + version + "\n\n" + more;
}
const std::string kElf = "elf /usr/bin/app interp=/lib64/ld.so needed=libc.so.6 imports=read\n";

class DiffTest : public testing::Test {
 protected:
  void take(test::FleetImage a, test::FleetImage b) {
    a.name = "a", b.name = "b";
    fleet_.take({a, b});
  }
  ImageDiff diff(const std::string& a = "a", const std::string& b = "b") {
    auto d = diff_images(*fleet_.inventory, fleet_.id(a), fleet_.id(b));
    EXPECT_TRUE(d) << (d ? "" : d.error().what);
    return d ? *d : ImageDiff{};
  }
  // Rows of a kind, as "what: from > to" or "what: says".
  std::vector<std::string> rows(DiffKind kind) {
    std::vector<std::string> out;
    for (const DiffRow& r : diff().rows)
      if (r.kind == kind) out.push_back(r.what + ": " + (kind == DiffKind::risk ? r.says : r.from + " > " + r.to));
    return out;
  }
  test::Fleet fleet_;
};

TEST_F(DiffTest, TheSameImageHasNoDifference) {
  take({"", kElf + status("1.0")}, {"", kElf + status("1.0")});
  EXPECT_THAT(diff().rows, IsEmpty());
  EXPECT_THAT(diff().gaps, IsEmpty());
}

TEST_F(DiffTest, Packages) {
  std::string other = "  Package: other\n  Status: install ok installed\n  Architecture: amd64\n  Version: 3\n\n";
  std::string fresh = "  Package: fresh\n  Status: install ok installed\n  Architecture: amd64\n  Version: 5\n\n";
  take({"", status("1.0", other)}, {"", status("2.0", fresh)});
  EXPECT_THAT(rows(DiffKind::package), ElementsAre("fresh:amd64:  > 5", "other:amd64: 3 > ", "tool:amd64: 1.0 > 2.0"));
  EXPECT_THAT(rows(DiffKind::risk), IsEmpty()) << "an upgrade is none";
}

TEST_F(DiffTest, ADowngradeIsARisk) {
  take({"", status("1.10")}, {"", status("1.9")});
  EXPECT_THAT(rows(DiffKind::risk), ElementsAre("tool:amd64: the package was downgraded"));
}

TEST_F(DiffTest, Files) {
  take({"", "file /etc/same \"x\"\nfile /etc/changed \"1\"\nfile /etc/gone \"1\"\nlink /bin -> usr/bin"},
       {"", "file /etc/same \"x\"\nfile /etc/changed \"2\"\nfile /etc/fresh \"1\"\nlink /bin -> opt/bin"});
  std::vector<std::string> what;
  for (const DiffRow& r : diff().rows) {
    EXPECT_EQ(r.kind, DiffKind::file);
    what.push_back(r.what);
  }
  EXPECT_THAT(what, ElementsAre("/bin", "/etc/changed", "/etc/fresh", "/etc/gone"));
}

TEST_F(DiffTest, AProgramThatListensNow) {
  std::string listens = "elf /usr/bin/app interp=/lib64/ld.so needed=libc.so.6 imports=read,listen\n";
  take({"", kElf}, {"", listens + "elf /usr/bin/more interp=/lib64/ld.so needed=libc.so.6 imports=listen\n" +
                            "elf /usr/lib/libx.so soname=libx.so imports=listen\n" + "elf /usr/bin/quiet interp=/lib64/ld.so imports=listener,relisten\n"});
  EXPECT_THAT(rows(DiffKind::risk), ElementsAre("/usr/bin/app: a program that can listen on the network, and did not",
                                                "/usr/bin/more: a program that can listen on the network, and did not"));
  EXPECT_THAT(diff("b", "b").rows, IsEmpty()) << "what listened before is no news";
}

TEST_F(DiffTest, LibrariesAndWhereTheyAreLookedFor) {
  take({"", kElf}, {"", "elf /usr/bin/app interp=/lib64/ld.so needed=libc.so.6,libnew.so.1 imports=read,dlopen runpath=/opt/lib\n"});
  EXPECT_THAT(rows(DiffKind::risk), Contains("/usr/bin/app: loads a library that it did not"));
  EXPECT_THAT(rows(DiffKind::risk), Contains("/usr/bin/app: looks for libraries elsewhere now"));
  EXPECT_THAT(rows(DiffKind::risk), Contains("/usr/bin/app: can load libraries by name now (dlopen)"));
}

TEST_F(DiffTest, APreloadIsARisk) {
  test::FleetImage b{"", kElf + "file /etc/ld.so.preload \"/opt/x.so\""};
  b.environment = {"PATH=/bin", "LD_PRELOAD=/opt/x.so"};
  take({"", kElf}, b);
  EXPECT_THAT(rows(DiffKind::risk),
              ElementsAre("/etc/ld.so.preload: every program loads what it names", "environment LD_PRELOAD: it changes how programs find libraries"));
}

TEST_F(DiffTest, Configuration) {
  test::FleetImage a{"", kElf}, b{"", kElf};
  a.entrypoint = {"/usr/bin/app"}, b.entrypoint = {"/bin/sh", "-c"};
  a.environment = {"MODE=a", "OLD=1"}, b.environment = {"MODE=b"};
  take(a, b);
  EXPECT_THAT(rows(DiffKind::configuration), ElementsAre("entrypoint: /usr/bin/app > /bin/sh -c", "environment MODE: a > b", "environment OLD: 1 > "));
}

// A user is a name or a number, maybe with a group; 0 and none are root as well.
TEST_F(DiffTest, RootHasManyNames) {
  int n = 0;
  for (auto [from, to, risk] : std::vector<std::tuple<const char*, const char*, bool>>{{"app", "0:0", true},
                                                                                       {"app:app", "root:root", true},
                                                                                       {"1000", "", true},
                                                                                       {"1000:0", "00", true},
                                                                                       {"0:0", "", false},
                                                                                       {"root:wheel", "0", false},
                                                                                       {"app", "app:0", false}}) {
    test::FleetImage a, b;
    a.name = "a" + std::to_string(n), b.name = "b" + std::to_string(n++);
    a.text = b.text = "file /x \"1\"";
    a.user = from, b.user = to;
    fleet_.take({a, b});
    auto d = diff_images(*fleet_.inventory, *fleet_.inventory->image_id(fleet_.digests[a.name]), *fleet_.inventory->image_id(fleet_.digests[b.name]));
    ASSERT_TRUE(d);
    EXPECT_EQ(std::any_of(d->rows.begin(), d->rows.end(), [](const DiffRow& r) { return r.kind == DiffKind::risk; }), risk) << from << " > " << to;
  }
}

TEST_F(DiffTest, RisksComeFirst) {
  take({"", status("1.10") + "file /x \"1\""}, {"", status("1.9") + "file /x \"2\""});
  auto all = diff().rows;
  ASSERT_FALSE(all.empty());
  EXPECT_EQ(all[0].kind, DiffKind::risk);
  EXPECT_EQ(all.back().kind, DiffKind::file);
}

TEST_F(DiffTest, WhatAHiddenFileWasIsNoDifference) {
  take({"", "file /x \"1\"\nlayer\nfile /x \"2\""}, {"", "file /x \"2\""});
  EXPECT_THAT(diff().rows, IsEmpty());
}

TEST_F(DiffTest, FactsThatAreNotThereAreTold) {
  take({"", "file /x \"1\""}, {"", "file /x \"2\""});
  ASSERT_EQ(test::run_sql(fleet_.inventory->path(), "DELETE FROM layer WHERE diff_id='" + fleet_.stored("b").layers[0].text() + "'"), "");
  auto d = diff();
  ASSERT_THAT(d.gaps, testing::SizeIs(1));
  EXPECT_THAT(d.gaps[0], HasSubstr("are not in the inventory"));
  EXPECT_THAT(d.gaps[0], HasSubstr(fleet_.digests["b"]));
}

}  // namespace
}  // namespace careen
