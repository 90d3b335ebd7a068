// Notifications of registries, as they send them and as others would.
#include "formats/registry_events.h"

#include <gmock/gmock.h>

namespace careen {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

const std::string kDigest = "sha256:" + std::string(64, 'a');
const std::string kManifest = "application/vnd.oci.image.manifest.v1+json";

std::string event(const std::string& action, const std::string& type, const std::string& more = "") {
  return R"({"id":"1","timestamp":"2026-11-20T09:02:00Z","action":")" + action + R"(","target":{"mediaType":")" + type + R"(","size":708,"digest":")" +
         kDigest + R"(","repository":"team/app","url":"https://reg.example/v2/team/app/manifests/x")" + more +
         R"(},"request":{"id":"2","addr":"10.0.0.1:1","host":"reg.example","method":"PUT","useragent":"skopeo"},"actor":{"name":"ci"}})";
}
std::string envelope(const std::string& events) {
  return "{\"events\":[" + events + "]}";
}
std::vector<RegistryEvent> read(const std::string& text) {
  auto r = read_registry_events(text);
  EXPECT_TRUE(r) << (r ? "" : r.error().what);
  return r ? *r : std::vector<RegistryEvent>{};
}

TEST(RegistryEvents, APushOfDistribution) {
  auto all = read(envelope(event("push", kManifest, R"(,"tag":"v1")")));
  ASSERT_THAT(all, SizeIs(1));
  EXPECT_FALSE(all[0].removed);
  EXPECT_EQ(all[0].host, "reg.example");
  EXPECT_EQ(all[0].repository, "team/app");
  EXPECT_EQ(all[0].tag, "v1");
  EXPECT_EQ(all[0].digest, kDigest);
}

TEST(RegistryEvents, OnlyManifestsAndOnlyChanges) {
  EXPECT_THAT(read(envelope(event("push", "application/octet-stream"))), IsEmpty());
  EXPECT_THAT(read(envelope(event("pull", kManifest))), IsEmpty());
  EXPECT_THAT(read(envelope(event("mount", "application/octet-stream"))), IsEmpty());
  EXPECT_THAT(read(envelope("")), IsEmpty());
  for (const char* type : {"application/vnd.docker.distribution.manifest.v2+json", "application/vnd.docker.distribution.manifest.list.v2+json",
                           "application/vnd.oci.image.index.v1+json"})
    EXPECT_THAT(read(envelope(event("push", type))), SizeIs(1)) << type;
}

TEST(RegistryEvents, ADeletionMayLackItsType) {
  auto all = read(envelope(R"({"action":"delete","target":{"digest":")" + kDigest + R"(","repository":"team/app"}})"));
  ASSERT_THAT(all, SizeIs(1));
  EXPECT_TRUE(all[0].removed);
  EXPECT_EQ(all[0].host, "");
  EXPECT_THAT(read(envelope(event("delete", "application/octet-stream"))), IsEmpty());
}

std::string harbor(const std::string& type) {
  return R"({"type":")" + type + R"(","occur_at":1,"operator":"admin","event_data":{"resources":[{"digest":")" + kDigest +
         R"(","tag":"v2","resource_url":"harbor.example/shop/web:v2"}],"repository":{"name":"web","namespace":"shop","repo_full_name":"shop/web"}}})";
}

TEST(RegistryEvents, HarborsWebhooks) {
  auto all = read(harbor("PUSH_ARTIFACT"));
  ASSERT_THAT(all, SizeIs(1));
  EXPECT_EQ(all[0].host, "harbor.example");
  EXPECT_EQ(all[0].repository, "shop/web");
  EXPECT_EQ(all[0].tag, "v2");
  EXPECT_TRUE(read(harbor("DELETE_ARTIFACT")).at(0).removed);
  EXPECT_THAT(read(harbor("PULL_ARTIFACT")), IsEmpty());
  EXPECT_THAT(read(harbor("SCANNING_COMPLETED")), IsEmpty());
}

TEST(RegistryEvents, AnythingElseIsRefused) {
  for (const char* text : {"", "[]", "{}", "null", "{\"type\":\"PUSH_ARTIFACT\"}", "not json", "{\"events\":1}"})
    EXPECT_FALSE(read_registry_events(text)) << text;
}

TEST(RegistryEvents, WrongTypesGiveNothing) {
  EXPECT_THAT(read(R"({"events":[1,null,"x",[],{"action":1,"target":[]},{"action":"push","target":{"mediaType":1,"repository":2}}]})"), IsEmpty());
  EXPECT_THAT(read(R"({"type":"PUSH_ARTIFACT","event_data":{"resources":[1,{"tag":2}],"repository":7}})"), IsEmpty());
}

TEST(RegistryEvents, TooManyAreRefusedWhole) {
  std::string one = event("push", kManifest), many = one;
  for (size_t i = 0; i < kMaxEvents; ++i) many += "," + std::string(R"({"action":"delete","target":{"repository":"r"}})");
  auto r = read_registry_events(envelope(many));
  ASSERT_FALSE(r);
  EXPECT_EQ(r.error().code, Errc::limit);
  EXPECT_THAT(r.error().what, HasSubstr("10000"));
  EXPECT_FALSE(read_registry_events(std::string(kMaxEventsBody + 1, ' ')));
}

}  // namespace
}  // namespace careen
