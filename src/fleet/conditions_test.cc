// Several conditions in one question, and what their file may not hold.
#include "fleet/conditions.h"

#include <gmock/gmock.h>

#include "../../tests/support/fleet_images.h"

namespace careen {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

std::string why(const std::string& yaml) {
  auto c = parse_conditions(yaml, "f.yaml");
  EXPECT_FALSE(c) << yaml;
  return c ? "" : c.error().what;
}

TEST(ParseConditions, MistakesHaveTheirLine) {
  EXPECT_THAT(why(""), HasSubstr("f.yaml:1: expected all, any or none"));
  EXPECT_THAT(why("- path:x"), HasSubstr("expected all, any or none"));
  EXPECT_THAT(why("all:\n  - path:x\nsome:\n  - path:y"), HasSubstr("f.yaml:3: 'some' is not known"));
  EXPECT_THAT(why("all:\n  - path:x\n  - what"), HasSubstr("f.yaml:3: 'what' is no question"));
  EXPECT_THAT(why("all: []"), HasSubstr("all: expected a list"));
  EXPECT_THAT(why("all: path:x"), HasSubstr("all: expected a list"));
  EXPECT_THAT(why("none:\n  - path:x"), HasSubstr("none alone"));
  EXPECT_THAT(why("all:\n  - none: [path:x]"), HasSubstr("none alone"));
  EXPECT_THAT(why("all:\n  - threat:./x.yaml"), HasSubstr("stands alone"));
  EXPECT_THAT(why("all: [a\n"), HasSubstr("not valid YAML"));
  std::string deep;
  for (int i = 0; i < 40; ++i) deep += "{all: [";
  EXPECT_THAT(why("all: [" + deep + "path:x" +
                  [] {
                    std::string end;
                    for (int i = 0; i < 40; ++i) end += "]}";
                    return end;
                  }() +
                  "]"),
              HasSubstr("kMaxConditionDepth"));
}

class ConditionsTest : public testing::Test {
 protected:
  ConditionsTest() {
    test::FleetImage both{"both", "file /bin/sshd \"s\"\nfile /lib/bad \"b\""}, server{"server", "file /bin/sshd \"s\""}, bad{"bad", "file /lib/bad \"b\""};
    both.labels = {{"reviewed", "no"}};
    server.labels = {{"reviewed", "yes"}};
    fleet_.take({both, server, bad});
  }
  // As "image path".
  std::vector<std::string> found(const std::string& yaml) {
    auto c = parse_conditions(yaml, "f.yaml");
    EXPECT_TRUE(c) << (c ? "" : c.error().what);
    std::vector<std::string> out;
    if (c)
      for (const HuntMatch& m : hunt(*fleet_.inventory, *c).matches)
        for (const auto& [name, digest] : fleet_.digests)
          if (digest == m.image) out.push_back(name + " " + m.path.value_or("-"));
    return out;
  }
  test::Fleet fleet_;
};

TEST_F(ConditionsTest, AllAnyAndNone) {
  EXPECT_THAT(found("all: [path:bin/sshd, path:lib/bad]"), UnorderedElementsAre("both /bin/sshd", "both /lib/bad"));
  EXPECT_THAT(found("any: [path:bin/sshd, path:lib/bad]"), UnorderedElementsAre("both /bin/sshd", "both /lib/bad", "server /bin/sshd", "bad /lib/bad"));
  EXPECT_THAT(found("all: [path:lib/bad]\nnone: [path:bin/sshd]"), ElementsAre("bad /lib/bad"));
  EXPECT_THAT(found("all: [path:bin/sshd]\nnone: ['label:reviewed=yes']"), ElementsAre("both /bin/sshd"));
  EXPECT_THAT(found("all: [path:bin/sshd, path:nothing]"), IsEmpty());
  EXPECT_THAT(found("any: [path:lib/bad, path:nothing]\nall: ['label:reviewed']"), UnorderedElementsAre("both /lib/bad", "both -"));
}

TEST_F(ConditionsTest, Nested) {
  EXPECT_THAT(found("all:\n  - path:bin/sshd\n  - any:\n      - path:lib/bad\n      - label:reviewed=yes"),
              UnorderedElementsAre("both /bin/sshd", "both /lib/bad", "server /bin/sshd", "server -"));
  EXPECT_THAT(found("all:\n  - path: bin/sshd\n  - none: [path:lib/bad]"), ElementsAre("server /bin/sshd")) << "with a space after the colon";
}

// What an image lacks cannot be known of one that was not read whole.
TEST_F(ConditionsTest, NoneNeverHoldsWhereAnImageIsNotJudged) {
  std::string folder = fleet_.layout("broken", {{"broken", "file /lib/bad \"b\"\nlayer\nfile /bin/sshd \"gone\""}});
  for (const auto& e : std::filesystem::directory_iterator(folder + "/blobs/sha256"))
    if (e.path().filename() == digest_of(as_bytes(test::ImageText("file /bin/sshd \"gone\"").tars()[0])).hex()) std::filesystem::remove(e.path());
  ASSERT_TRUE(fleet_.index({folder}));
  EXPECT_THAT(found("all: [path:lib/bad]\nnone: [path:bin/sshd]"), ElementsAre("bad /lib/bad"));
  EXPECT_THAT(found("all: [path:lib/bad]"), testing::Contains("broken /lib/bad"));
}

}  // namespace
}  // namespace careen
