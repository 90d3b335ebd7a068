#include "scan/base.h"

#include <gmock/gmock.h>

namespace careen {
namespace {

HistoryEntry layer(const std::string& step = "RUN something") {
  return {step, false};
}
HistoryEntry nothing(const std::string& step) {
  return {step, true};
}

Image image(std::vector<HistoryEntry> history) {
  Image i;
  for (const HistoryEntry& h : history)
    if (!h.empty_layer) i.layers.emplace_back();
  i.config.history = std::move(history);
  return i;
}

TEST(BaseOf, NothingIsToldOfAnImageWithoutHistoryOrAnnotations) {
  EXPECT_FALSE(base_of(Image{}));
  EXPECT_FALSE(base_of(image({layer(), layer()})));
  EXPECT_FALSE(base_of(image({layer(), nothing("CMD [\"bash\"]")}))) << "a base itself";
}

TEST(BaseOf, ACommandThatLayersFollowIsTheBases) {
  for (const char* step : {"CMD [\"bash\"]", "CMD[\"bash\"]", "/bin/sh -c #(nop)  CMD [\"bash\"]", "/bin/sh -c #(nop) CMD [\"bash\"]"}) {
    auto b = base_of(image({layer("ADD rootfs.tar /"), nothing(step), layer(), layer("COPY . ."), nothing("CMD [\"app\"]")}));
    ASSERT_TRUE(b) << step;
    EXPECT_EQ(b->layers, 1U) << step;
    EXPECT_EQ(to_text(*b), "its base image (layer 0, by its history)");
  }
}

TEST(BaseOf, TheNearestBaseCounts) {
  auto b = base_of(image({layer(), nothing("CMD [\"bash\"]"), layer(), nothing("CMD [\"python\"]"), nothing("ENV A=b"), layer()}));
  ASSERT_TRUE(b);
  EXPECT_EQ(b->layers, 2U);
}

TEST(BaseOf, OtherStepsThatSpeakOfCommandsAreNone) {
  EXPECT_FALSE(base_of(image({layer(), nothing("ENV CMD=bash"), nothing("ENTRYPOINT [\"x\"]"), nothing("LABEL a=CMD [\"b\"]"), layer()})));
  EXPECT_FALSE(base_of(image({layer(), layer("CMD [\"a layer\"]"), layer()})));
  EXPECT_FALSE(base_of(image({nothing("CMD [\"bash\"]"), layer()}))) << "before any layer there is no base";
}

TEST(BaseOf, AHistoryOfOtherLayersTellsNothing) {
  Image i = image({layer(), nothing("CMD [\"bash\"]"), layer()});
  i.layers.emplace_back();
  EXPECT_FALSE(base_of(i));
}

TEST(BaseOf, AnnotationsGoBeforeLabels) {
  Image i = image({layer(), nothing("CMD [\"bash\"]"), layer()});
  i.config.labels["org.opencontainers.image.base.name"] = "docker.io/library/debian:11";
  EXPECT_EQ(base_of(i)->name, "") << "inherited, and so maybe of the base's own base";
  EXPECT_EQ(base_of(i)->layers, 1U);
  i.annotations["org.opencontainers.image.base.name"] = "docker.io/library/debian:12";
  i.annotations["org.opencontainers.image.base.digest"] = "sha256:1";
  EXPECT_EQ(base_of(i)->name, "docker.io/library/debian:12");
  EXPECT_EQ(base_of(i)->digest, "sha256:1");
  EXPECT_EQ(to_text(*base_of(i)), "docker.io/library/debian:12 (layer 0, by its history)");
  i.annotations.erase("org.opencontainers.image.base.digest");
  i.config.labels["org.opencontainers.image.base.digest"] = "sha256:2";
  EXPECT_EQ(base_of(i)->digest, "") << "one of each would be a base that nobody named";
  i.config.history.clear();
  EXPECT_EQ(base_of(i)->layers, 0U);
  EXPECT_EQ(to_text(*base_of(i)), "docker.io/library/debian:12");
  i.annotations.clear();
  EXPECT_EQ(base_of(i)->name, "docker.io/library/debian:11");
}

TEST(BaseOf, ALongNameIsCut) {
  Image i;
  i.annotations["org.opencontainers.image.base.name"] = std::string(1 << 20, 'x');
  EXPECT_LT(base_of(i)->name.size(), 1000U);
}

}  // namespace
}  // namespace careen
