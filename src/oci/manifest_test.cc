#include "oci/manifest.h"

#include <nlohmann/json.hpp>

#include "base/text.h"

namespace careen {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::string digest_text(char c) {
  return "sha256:" + std::string(64, c);
}

json descriptor(char c, const char* type = "application/vnd.oci.image.layer.v1.tar+gzip") {
  return {{"mediaType", type}, {"digest", digest_text(c)}, {"size", 10}};
}

json image_manifest() {
  return {{"schemaVersion", 2},
          {"mediaType", "application/vnd.oci.image.manifest.v1+json"},
          {"config", descriptor('c')},
          {"layers", {descriptor('1'), descriptor('2')}}};
}

TEST(Manifest, OfAnImageNamesConfigAndLayers) {
  auto m = parse_manifest(image_manifest().dump());
  ASSERT_TRUE(m) << m.error().what;
  EXPECT_FALSE(m->is_index);
  EXPECT_EQ(m->config.digest.text(), digest_text('c'));
  ASSERT_EQ(m->layers.size(), 2U);
  EXPECT_EQ(m->layers[1].digest.text(), digest_text('2'));
  EXPECT_EQ(m->layers[1].size, 10U);
  EXPECT_EQ(m->layers[1].media_type, "application/vnd.oci.image.layer.v1.tar+gzip");
}

TEST(Manifest, OfAnIndexNamesPlatformsAndAnnotations) {
  json entry = descriptor('a');
  entry["platform"] = {{"os", "Linux"}, {"architecture", "arm"}, {"variant", "v7"}};
  entry["annotations"] = {{"k", "v"}, {"n", 1}};
  auto m = parse_manifest(json{{"schemaVersion", 2}, {"manifests", {entry, descriptor('b')}}}.dump());
  ASSERT_TRUE(m) << m.error().what;
  EXPECT_TRUE(m->is_index);
  ASSERT_EQ(m->entries.size(), 2U);
  EXPECT_EQ(m->entries[0].platform->text(), "linux/arm/v7");
  EXPECT_EQ(m->entries[0].annotations, (std::map<std::string, std::string>{{"k", "v"}}));
  EXPECT_FALSE(m->entries[1].platform);
}

TEST(Manifest, AByteOrderMarkIsSkipped) {
  EXPECT_TRUE(parse_manifest("\xef\xbb\xbf" + image_manifest().dump()));
}

TEST(Manifest, OneThatIsIndexAndImageAtOnceIsRefused) {
  for (const char* key : {"layers", "config"}) {
    json both = {{"schemaVersion", 2}, {"manifests", json::array()}, {key, image_manifest()[key]}};
    auto m = parse_manifest(both.dump());
    ASSERT_FALSE(m) << key;
    EXPECT_EQ(m.error().code, Errc::corrupt);
  }
}

TEST(Manifest, KeysThatDifferInCaseAloneAreRefused) {
  for (const char* key : {"Layers", "CONFIG"}) {
    json j = image_manifest();
    j[key] = json::array();
    EXPECT_EQ(parse_manifest(j.dump()).error().code, Errc::corrupt) << key;
  }
  json j = image_manifest();
  j["layers"][0]["Digest"] = digest_text('d');
  EXPECT_EQ(parse_manifest(j.dump()).error().code, Errc::corrupt);
  EXPECT_FALSE(parse_config(R"({"os":"linux","OS":"windows"})"));
  EXPECT_FALSE(parse_config(R"({"config":{"Cmd":["a"],"cmd":["b"]}})"));
}

TEST(Manifest, ARetiredSchemaIsUnsupportedNotCorrupt) {
  auto m = parse_manifest(R"({"schemaVersion": 1, "fsLayers": []})");
  ASSERT_FALSE(m);
  EXPECT_EQ(m.error().code, Errc::unsupported);
}

TEST(Manifest, WhatLacksItsPartsIsCorrupt) {
  for (const char* key : {"config", "layers"}) {
    json j = image_manifest();
    j.erase(key);
    EXPECT_EQ(parse_manifest(j.dump()).error().code, Errc::corrupt) << key;
    j[key] = "text";
    EXPECT_EQ(parse_manifest(j.dump()).error().code, Errc::corrupt) << key;
  }
  for (const char* text : {"", "null", "[]", "7", "{", "{}", "{\"manifests\": {}}", "{\"manifests\": [7]}", "not json", "{\"config\": 1, \"layers\": []}"})
    EXPECT_EQ(parse_manifest(text).error().code, Errc::corrupt) << text;
}

TEST(Manifest, DescriptorsMustHaveADigestAndASize) {
  for (const auto& [key, value] : std::vector<std::pair<std::string, json>>{
           {"digest", "sha256:12"}, {"digest", 7}, {"digest", digest_text('A')}, {"size", -1}, {"size", "10"}, {"size", 1.5}}) {
    json j = image_manifest();
    j["layers"][0][key] = value;
    auto m = parse_manifest(j.dump());
    ASSERT_FALSE(m) << key << value;
    EXPECT_EQ(m.error().code, Errc::corrupt);
    j["layers"][0].erase(key);
    EXPECT_FALSE(parse_manifest(j.dump()));
  }
}

TEST(Manifest, LimitsHoldAtTheirEdge) {
  std::string text = image_manifest().dump();
  EXPECT_TRUE(parse_manifest(text + std::string(kMaxManifestBytes - text.size(), ' ')));
  auto big = parse_manifest(text + std::string(kMaxManifestBytes - text.size() + 1, ' '));
  ASSERT_FALSE(big);
  EXPECT_EQ(big.error().code, Errc::limit);
  EXPECT_THAT(big.error().what, HasSubstr("kMaxManifestBytes"));
  json j = image_manifest();
  for (size_t i = 2; i < kMaxLayers; ++i) j["layers"].push_back(descriptor('3'));
  EXPECT_TRUE(parse_manifest(j.dump()));
  j["layers"].push_back(descriptor('3'));
  EXPECT_EQ(parse_manifest(j.dump()).error().code, Errc::limit);
  EXPECT_EQ(parse_config(std::string(kMaxConfigBytes + 1, ' ')).error().code, Errc::limit);
}

TEST(Json, NestingHasALimitAndNoCrash) {
  auto nested = [](size_t n) { return std::string(n, '[') + std::string(n, ']'); };
  EXPECT_TRUE(parse_json(nested(kMaxJsonDepth), "x"));
  auto deep = parse_json(nested(kMaxJsonDepth + 2), "the thing");
  ASSERT_FALSE(deep);
  EXPECT_EQ(deep.error().code, Errc::limit);
  EXPECT_THAT(deep.error().what, HasSubstr("the thing"));
  EXPECT_EQ(parse_json(nested(1'000'000), "x").error().code, Errc::limit);
  EXPECT_FALSE(parse_json(std::string(1'000'000, '['), "x"));
  std::string objects;
  for (int i = 0; i < 100'000; ++i) objects += "{\"a\":";
  EXPECT_FALSE(parse_json(objects, "x"));
}

TEST(Json, ManyEmptyObjectsAreReadInLinearTime) {
  std::string text = "[{}";
  for (int i = 0; i < 50'000; ++i) text += ",{}";
  auto j = parse_json(text + "]", "x");
  ASSERT_TRUE(j);
  EXPECT_EQ(j->size(), 50'001U);
}

TEST(Json, BrokenTextIsCorrupt) {
  for (std::string_view text : {std::string_view("{\"a\":1}x"), std::string_view("{'a':1}"), std::string_view("[1,]"), std::string_view("\"\xff\""),
                                std::string_view("nul"), std::string_view("{\"a\":1}\0", 8), std::string_view("[NaN]"), std::string_view("/* c */ {}")}) {
    auto r = parse_json(text, "x");
    ASSERT_FALSE(r) << escape(text);
    EXPECT_EQ(r.error().code, Errc::corrupt) << escape(text);
  }
}

TEST(LayerKind, FollowsTheMediaType) {
  for (const char* m :
       {"", "application/vnd.oci.image.layer.v1.tar", "application/vnd.oci.image.layer.v1.tar+gzip", "application/vnd.oci.image.layer.v1.tar+zstd",
        "application/vnd.docker.image.rootfs.diff.tar.gzip", "application/vnd.docker.image.rootfs.diff.tar.zstd"})
    EXPECT_EQ(layer_kind(m), LayerKind::tar) << m;
  for (const char* m : {"application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip"})
    EXPECT_EQ(layer_kind(m), LayerKind::foreign) << m;
  for (const char* m : {"application/vnd.in-toto+json", "application/vnd.cncf.helm.chart.content.v1.tar+gzip", "text/plain",
                        "application/vnd.oci.image.layer.v1.tar+gzip+encrypted"})
    EXPECT_EQ(layer_kind(m), LayerKind::unknown) << m;
}

TEST(Config, KeepsWhatTheImageRuns) {
  auto c = parse_config(R"({"architecture":"amd64","os":"linux","created":"2024-03-11T00:00:00Z",
    "config":{"Entrypoint":["/bin/sh","-c"],"Cmd":"run","Env":["A=1","B"],"User":"nobody","WorkingDir":"/w","StopSignal":"SIGTERM",
      "Labels":{"a":"b"},"ExposedPorts":{"80/tcp":{}},"Volumes":{"/data":{}}},
    "rootfs":{"type":"layers","diff_ids":["sha256:1111111111111111111111111111111111111111111111111111111111111111"]},
    "history":[{"created_by":"ADD"},{"created_by":"CMD","empty_layer":true}]})");
  ASSERT_TRUE(c) << c.error().what;
  EXPECT_EQ(c->platform.text(), "linux/amd64");
  EXPECT_THAT(c->entrypoint, ElementsAre("/bin/sh", "-c"));
  EXPECT_THAT(c->command, ElementsAre("run")) << "a text in place of a list";
  EXPECT_THAT(c->environment, ElementsAre("A=1", "B"));
  EXPECT_EQ(c->user, "nobody");
  EXPECT_EQ(c->working_dir, "/w");
  EXPECT_EQ(c->stop_signal, "SIGTERM");
  EXPECT_EQ(c->labels.at("a"), "b");
  EXPECT_THAT(c->ports, ElementsAre("80/tcp"));
  EXPECT_THAT(c->volumes, ElementsAre("/data"));
  ASSERT_EQ(c->diff_ids.size(), 1U);
  EXPECT_THAT(c->created_by(1), ElementsAre("ADD"));
}

TEST(Config, NothingInItIsRequired) {
  auto c = parse_config("{}");
  ASSERT_TRUE(c);
  EXPECT_THAT(c->diff_ids, IsEmpty());
  EXPECT_EQ(c->platform.text(), "/");
  EXPECT_TRUE(parse_config(R"({"config":null,"rootfs":null,"history":null})"));
  EXPECT_TRUE(parse_config(R"({"config":[],"rootfs":7,"history":[null,1,{"created_by":7,"empty_layer":"yes"}],"os":[]})"));
  EXPECT_FALSE(parse_config("[]"));
}

TEST(Config, ADiffIdThatIsNoDigestIsAnError) {
  EXPECT_FALSE(parse_config(R"({"rootfs":{"diff_ids":["sha256:12"]}})"));
  auto c = parse_config(R"({"rootfs":{"diff_ids":["sha256:1111111111111111111111111111111111111111111111111111111111111111", 7]}})");
  EXPECT_TRUE(!c || c->diff_ids.size() == 1);
}

TEST(Config, AHistoryThatDoesNotFitSaysNothing) {
  auto c = parse_config(R"({"history":[{"created_by":"a"},{"created_by":"b","empty_layer":true},{"created_by":"c"}]})");
  ASSERT_TRUE(c);
  EXPECT_THAT(c->created_by(2), ElementsAre("a", "c"));
  EXPECT_THAT(c->created_by(1), ElementsAre(""));
  EXPECT_THAT(c->created_by(3), ElementsAre("", "", ""));
  EXPECT_THAT(c->created_by(0), IsEmpty());
}

TEST(Attestation, IsWhatIsForNoPlatform) {
  Descriptor d;
  EXPECT_FALSE(is_attestation(d));
  d.platform = Platform{"unknown", "unknown", ""};
  EXPECT_TRUE(is_attestation(d));
  d.platform = Platform{"unknown", "amd64", ""};
  EXPECT_FALSE(is_attestation(d));
}

TEST(Attestation, AnAnnotationHidesNoImageForARealPlatform) {
  Descriptor d;
  d.platform = Platform{"linux", "amd64", ""};
  d.annotations["vnd.docker.reference.type"] = "attestation-manifest";
  EXPECT_FALSE(is_attestation(d)) << "an engine on linux/amd64 runs it all the same";
}

}  // namespace
}  // namespace careen
