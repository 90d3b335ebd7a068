// What each question finds in a small fleet whose layers are not there any more.
#include "fleet/hunt.h"

#include <gmock/gmock.h>

#include "../../tests/support/fleet_images.h"
#include "../../tests/support/sqlite_text.h"

namespace careen {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using testing::UnorderedElementsAre;

const std::string kHex(64, 'a');

HuntQuestion question(const std::string& text) {
  auto q = parse_question(text);
  EXPECT_TRUE(q) << text << ": " << (q ? "" : q.error().what);
  return q ? *q : HuntQuestion{};
}

TEST(NameOf, TheFirstTagThatIsThere) {
  Tag gone{"h/r", "v0", "d", 1, 1, 5}, by_tag{"h/r", "v1", "d", 1, 1, {}}, by_digest{"f.tar", "", "d", 1, 1, {}};
  EXPECT_EQ(name_of({}, "sha256:1"), "sha256:1");
  EXPECT_EQ(name_of({gone, by_tag}, "sha256:1"), "h/r:v1");
  EXPECT_EQ(name_of({by_digest}, "sha256:1"), "f.tar@sha256:1");
  EXPECT_EQ(name_of({gone}, "sha256:1"), "h/r@sha256:1");
}

constexpr const char* kStatus = R"(
file /var/lib/dpkg/status |
  Package: liblzma5
  Status: install ok installed
  Architecture: amd64
  Source: xz-utils
  Version: 5.6.1-1

  Package: tool
  Status: install ok installed
  Architecture: amd64
  Version: 2.0

)";

class HuntTest : public testing::Test {
 protected:
  HuntTest() {
    std::string base = std::string("file /etc/os-release \"ID=debian\\n\"") + kStatus +
                       "file /usr/bin/tool 0755 \"bad\"\nfile /usr/share/secret \"hidden words\"\n"
                       "elf /usr/lib/libx.so.1 soname=libx.so.1 needed=libc.so.6 exports=do_it imports=__tls_get_addr\n";
    test::FleetImage a{"a", base + "layer\nwhiteout /usr/share/secret\nfile /etc/app.conf \"conf\"\nlayer\nfile /usr/share/again \"hidden words\""};
    a.environment = {"PATH=/bin", "MODE=a=b"};
    a.entrypoint = {"/usr/bin/tool", "--serve"};
    a.command = {"all"};
    a.labels = {
        {"vendor", "acme"}, {"org.opencontainers.image.source", "https://example.org/a"}, {"org.opencontainers.image.revision", "r1"}, {"vendor2", "x"}};
    test::FleetImage b{"b", base};
    b.environment = {"PATH=/bin:/usr/bin"};
    b.labels = {{"vendor", "other"}};
    test::FleetImage c{"c", "file /app \"fine\""};
    c.architecture = "arm64";
    fleet_.take({a, b, c});
    a_ = fleet_.digests["a"], b_ = fleet_.digests["b"], c_ = fleet_.digests["c"];
  }
  HuntAnswer ask(const std::string& text) { return hunt(*fleet_.inventory, {question(text)}); }
  // As "image layer path visible", images by their letter.
  std::vector<std::string> found(const std::string& text) {
    std::vector<std::string> out;
    for (const HuntMatch& m : ask(text).matches) {
      EXPECT_EQ(m.indicator, text);
      std::string line = m.image == a_ ? "a" : m.image == b_ ? "b" : m.image == c_ ? "c" : m.image;
      if (m.layer_index) {
        line += " " + std::to_string(*m.layer_index);
        EXPECT_EQ(m.created_by, "step " + std::to_string(*m.layer_index));
        EXPECT_EQ(m.layer, fleet_.stored(line.substr(0, 1)).layers[*m.layer_index].text());
      }
      if (m.path) line += " " + *m.path;
      if (m.package) line += " " + *m.package + "=" + *m.version;
      if (!m.visible) line += " hidden";
      out.push_back(line);
    }
    return out;
  }

  test::Fleet fleet_;
  std::string a_, b_, c_;
};

TEST_F(HuntTest, AFileByItsDigest) {
  std::string digest(digest_of(as_bytes("hidden words")).hex());
  EXPECT_THAT(found(digest), UnorderedElementsAre("a 0 /usr/share/secret hidden", "a 2 /usr/share/again", "b 0 /usr/share/secret"));
  EXPECT_THAT(found("sha256:" + digest), SizeIs(3));
  EXPECT_THAT(found("sha256:" + kHex), IsEmpty());
}

// The index keeps a part of the digest; one that agrees in that part alone is no match.
TEST_F(HuntTest, ADigestThatIsNearlyTheSameIsNoMatch) {
  std::string digest(digest_of(as_bytes("hidden words")).hex());
  digest.back() = digest.back() == '0' ? '1' : '0';
  EXPECT_THAT(found(digest), IsEmpty());
}

TEST_F(HuntTest, AFileByItsOlderDigests) {
  auto hex = [](Algorithm a, const char* text) {
    uint8_t raw[32] = {};
    Hasher h(a);
    h.update(as_bytes(text));
    h.finish(raw);
    return to_hex(raw, a == Algorithm::md5 ? 16 : 20);
  };
  EXPECT_THAT(found("md5:" + hex(Algorithm::md5, "hidden words")),
              UnorderedElementsAre("a 0 /usr/share/secret hidden", "a 2 /usr/share/again", "b 0 /usr/share/secret"));
  EXPECT_THAT(found("sha1:" + hex(Algorithm::sha1, "bad")), UnorderedElementsAre("a 0 /usr/bin/tool", "b 0 /usr/bin/tool"));
  EXPECT_THAT(found("md5:" + std::string(32, '0')), IsEmpty());
  EXPECT_THAT(ask("md5:" + std::string(32, '0')).unjudged, IsEmpty());
  EXPECT_THAT(ask("sha1:" + std::string(40, '0')).unjudged, IsEmpty());
}

// A large file that is no code has no SHA-1 in its facts, and may be the one that was asked for.
TEST_F(HuntTest, ADigestThatIsNotKnownOfEveryFileProvesNoZero) {
  fleet_.take({test::FleetImage{"large", "file /data \"" + std::string(70'000, 'x') + "\""}});
  EXPECT_THAT(ask("md5:" + std::string(32, '0')).unjudged, IsEmpty());
  auto rows = ask("sha1:" + std::string(40, '0')).unjudged;
  ASSERT_THAT(rows, SizeIs(1));
  EXPECT_THAT(rows[0].second, HasSubstr("1 larger files"));
}

TEST_F(HuntTest, APathWithAndWithoutWildCards) {
  EXPECT_THAT(found("path:/usr/bin/tool"), UnorderedElementsAre("a 0 /usr/bin/tool", "b 0 /usr/bin/tool"));
  EXPECT_THAT(found("path:usr/share/*"), UnorderedElementsAre("a 0 /usr/share/secret hidden", "a 2 /usr/share/again", "b 0 /usr/share/secret"));
  EXPECT_THAT(found("path:**.conf"), ElementsAre("a 1 /etc/app.conf"));
  EXPECT_THAT(found("path:/etc/none"), IsEmpty());
}

TEST_F(HuntTest, NamesOfTheLinker) {
  EXPECT_THAT(found("soname:libx.so.1"), UnorderedElementsAre("a 0 /usr/lib/libx.so.1", "b 0 /usr/lib/libx.so.1"));
  EXPECT_THAT(found("needed:libc.so.6"), SizeIs(2));
  EXPECT_THAT(found("symbol:do_it"), SizeIs(2));
  EXPECT_THAT(found("symbol:__tls_get_addr"), SizeIs(2)) << "imports too";
  EXPECT_THAT(found("symbol:do"), IsEmpty()) << "whole names";
  EXPECT_THAT(found("soname:libx.so"), IsEmpty());
  EXPECT_THAT(found("structure:tls-import"), UnorderedElementsAre("a 0 /usr/lib/libx.so.1", "b 0 /usr/lib/libx.so.1"));
  EXPECT_THAT(found("structure:ifunc-store"), IsEmpty());
}

TEST_F(HuntTest, ABuildId) {
  LayerFacts f = *test::layers_of_text("elf /usr/lib/y.so soname=y")[0];
  f.elf.at(0).build_id = "cafe01";
  fleet_.inventory->layers()->put(digest_of(as_bytes("blob")), 5, f);
  ASSERT_TRUE(fleet_.inventory->add_layer(f, 1));
  StoredImage s;
  s.digest = c_ + "0", s.layers = {f.diff_id};
  ASSERT_TRUE(fleet_.inventory->add_image(s, 1));
  auto answer = ask("build-id:cafe01");
  ASSERT_EQ(answer.matches.size(), 1U);
  EXPECT_EQ(answer.matches[0].path, "/usr/lib/y.so");
  EXPECT_THAT(found("build-id:cafe"), IsEmpty());
}

TEST_F(HuntTest, Packages) {
  EXPECT_THAT(found("package:liblzma5"), UnorderedElementsAre("a 0 liblzma5=5.6.1-1", "b 0 liblzma5=5.6.1-1"));
  EXPECT_THAT(found("package:xz-utils"), SizeIs(2)) << "by its source";
  EXPECT_THAT(found("package:liblzma5>=5.6.0,<5.6.2"), SizeIs(2));
  EXPECT_THAT(found("package:liblzma5<5.6.1"), IsEmpty());
  EXPECT_THAT(found("package:liblzma5!=5.6.1-1"), IsEmpty());
  EXPECT_THAT(found("package:liblzma5<=5.6.1-1"), SizeIs(2));
  EXPECT_THAT(found("package:liblzma5>5.6.1"), SizeIs(2)) << "a revision is later than none";
  EXPECT_THAT(found("package:tool=2.0"), SizeIs(2));
  EXPECT_THAT(found("pkg:deb/debian/tool@2.0"), SizeIs(2));
  EXPECT_THAT(found("pkg:rpm/tool@2.0"), IsEmpty()) << "another kind";
  EXPECT_THAT(found("package:lzma"), IsEmpty());
  EXPECT_THAT(found("pkg:deb/debian/xz-utils@vers:deb/>=5.6.0|<5.6.2"), SizeIs(2));
  EXPECT_THAT(found("pkg:deb/debian/xz-utils@vers:deb/<5.6.0|>=5.6.2"), IsEmpty());
  EXPECT_THAT(found("pkg:deb/debian/xz-utils@vers:deb/<5.6.0|5.6.1-1"), SizeIs(2));
  EXPECT_THAT(found("pkg:deb/debian/xz-utils@vers:deb/!=5.6.1-1"), IsEmpty());
  EXPECT_THAT(found("pkg:deb/debian/xz-utils@vers:deb/*"), SizeIs(2));
}

TEST_F(HuntTest, WhatTheConfigurationSays) {
  EXPECT_THAT(found("env:PATH"), UnorderedElementsAre("a", "b"));
  EXPECT_THAT(found("env:PATH=/bin"), ElementsAre("a"));
  EXPECT_THAT(found("env:MODE=a=b"), ElementsAre("a"));
  EXPECT_THAT(found("env:PAT"), IsEmpty());
  EXPECT_THAT(found("label:vendor"), UnorderedElementsAre("a", "b"));
  EXPECT_THAT(found("label:vendor=acme"), ElementsAre("a"));
  EXPECT_THAT(found("entrypoint:--serve"), ElementsAre("a"));
  EXPECT_THAT(found("entrypoint:bin/to"), ElementsAre("a")) << "a part";
  EXPECT_THAT(found("entrypoint:all"), ElementsAre("a")) << "the command too";
  EXPECT_THAT(found("entrypoint:other"), IsEmpty());
}

// Only path takes wild cards: what is asked of a label or an entry point is text.
TEST_F(HuntTest, TextIsNoPattern) {
  fleet_.take({{"d", "file /d \"d\"", "amd64", {}, {"/bin/sh", "-c", "[ -f /x ] && y*"}, {}, {{"what", "is[1]"}}}});
  EXPECT_THAT(ask("entrypoint:[ -f /x ]").matches, SizeIs(1));
  EXPECT_THAT(ask("entrypoint:y*").matches, SizeIs(1));
  EXPECT_THAT(ask("entrypoint:too?").matches, IsEmpty());
  EXPECT_THAT(ask("label:vend*").matches, IsEmpty());
}

TEST_F(HuntTest, ALayerByEitherDigest) {
  StoredImage a = fleet_.stored("a");
  EXPECT_THAT(found("layer:" + a.layers[0].text()), UnorderedElementsAre("a 0", "b 0"));
  EXPECT_THAT(found("layer:" + a.blobs[1]), ElementsAre("a 1"));
  EXPECT_THAT(found("layer:sha256:" + kHex), IsEmpty());
}

TEST_F(HuntTest, AManifestOrAnIndex) {
  EXPECT_THAT(found("manifest:" + a_), ElementsAre("a"));
  ASSERT_TRUE(fleet_.inventory->add_index("sha256:" + kHex, {a_, c_}, true));
  EXPECT_THAT(found("manifest:sha256:" + kHex), UnorderedElementsAre("a", "c"));
}

TEST_F(HuntTest, AThreat) {
  auto answer = ask("threat:T-1");
  ASSERT_EQ(answer.matches.size(), 2U);
  for (const HuntMatch& m : answer.matches) {
    EXPECT_EQ(m.path, "/usr/bin/tool");
    EXPECT_EQ(m.layer_index, 0U);
    EXPECT_EQ(m.confidence, "confirmed");
    EXPECT_EQ(m.severity, "critical");
    EXPECT_TRUE(m.reachability);
  }
  EXPECT_THAT(found("threat:T-2"), IsEmpty());
}

TEST_F(HuntTest, AMatchTellsOfItsImage) {
  ASSERT_TRUE(fleet_.inventory->see("h/r", "v1", a_, 4000));
  auto answer = ask("manifest:" + a_);
  ASSERT_EQ(answer.matches.size(), 1U);
  const HuntMatch& m = answer.matches[0];
  EXPECT_EQ(m.platform, "linux/amd64");
  EXPECT_THAT(m.tags, SizeIs(2));
  EXPECT_EQ(m.first_seen, 1000);
  EXPECT_EQ(m.labels,
            (std::map<std::string, std::string>{{"org.opencontainers.image.source", "https://example.org/a"}, {"org.opencontainers.image.revision", "r1"}}));
  EXPECT_EQ(ask("manifest:" + c_).matches.at(0).platform, "linux/arm64");
  EXPECT_EQ(answer.searched.images, 3U);
  EXPECT_THAT(answer.unjudged, IsEmpty());
}

TEST_F(HuntTest, SeveralQuestionsAreAnsweredInOrder) {
  auto answer = hunt(*fleet_.inventory, {question("path:/usr/bin/tool"), question("path:/etc/app.conf"), question("soname:libx.so.1")});
  ASSERT_EQ(answer.matches.size(), 5U);
  for (size_t i = 1; i < answer.matches.size(); ++i) {
    const HuntMatch &x = answer.matches[i - 1], &y = answer.matches[i];
    EXPECT_LE(std::tie(x.image, x.layer_index, x.path), std::tie(y.image, y.layer_index, y.path));
  }
  EXPECT_THAT(hunt(*fleet_.inventory, {}).matches, IsEmpty());
}

TEST_F(HuntTest, HardLinksAreOtherNamesOfWhatIsFound) {
  fleet_.take({{"d", "elf /bin/tool soname=tool.so needed=libq.so.1 exports=only_here\nhard /bin/alias -> bin/tool\nhard /bin/again -> bin/alias"}});
  for (const char* question : {"soname:tool.so", "needed:libq.so.1", "symbol:only_here"}) {
    std::vector<std::string> paths;
    for (const HuntMatch& m : ask(question).matches) paths.push_back(*m.path);
    EXPECT_THAT(paths, testing::UnorderedElementsAre("/bin/tool", "/bin/alias", "/bin/again")) << question;
  }
}

TEST_F(HuntTest, ALayerThatStandsTwiceIsFoundTwice) {
  test::FleetImage d{"d", "file /x \"twice\"\nlayer\nfile /x \"twice\""};
  fleet_.take({d});
  std::vector<bool> visible;
  for (const HuntMatch& m : ask("path:/x").matches) visible.push_back(m.visible);
  EXPECT_THAT(visible, ElementsAre(false, true));
}

TEST_F(HuntTest, WhatCouldNotBeReadIsNotJudged) {
  std::string folder = fleet_.layout("broken", {{"broken", "file /x \"broken\"\nlayer\nfile /y \"gone\""}});
  for (const auto& e : std::filesystem::directory_iterator(folder + "/blobs/sha256"))
    if (e.path().filename() == digest_of(as_bytes(test::ImageText("file /y \"gone\"").tars()[0])).hex()) std::filesystem::remove(e.path());
  ASSERT_TRUE(fleet_.index({folder}));
  auto answer = ask("path:/x");
  EXPECT_THAT(answer.matches, SizeIs(1));
  EXPECT_EQ(answer.searched.unjudged, 1U);
  ASSERT_EQ(answer.unjudged.size(), 1U);
  EXPECT_EQ(answer.unjudged[0].first, fleet_.digests["broken"]);
  EXPECT_THAT(answer.unjudged[0].second, HasSubstr("layer 1"));
}

// Facts that were damaged in the file are not as if the layer held nothing.
TEST_F(HuntTest, FactsThatCannotBeReadAreNotAZero) {
  std::string digest(digest_of(as_bytes("bad")).hex());
  ASSERT_THAT(ask(digest).matches, SizeIs(2));
  ASSERT_EQ(test::run_sql(fleet_.inventory->path(), "UPDATE layer SET body=substr(body, 1, 1)"), "");
  HuntAnswer answer = ask(digest);
  EXPECT_TRUE(!answer.matches.empty() || !answer.unjudged.empty());
  auto wrong = fleet_.inventory->check();
  EXPECT_TRUE(wrong && !wrong->empty());
}

}  // namespace
}  // namespace careen
