// Policies for clusters: what they deny is what an exposure names, whatever the number and the words of a record.
#include "fleet/admission.h"

#include <gmock/gmock.h>

#include <algorithm>

#include "base/text.h"

namespace careen {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

std::string digest(size_t n) {
  std::string hex = std::to_string(n);
  return "sha256:" + std::string(64 - hex.size(), '0') + hex;
}

Exposure exposure(size_t images, const std::string& title = "A title") {
  Exposure e;
  e.threat = "CVE-2024-3094";
  e.title = title;
  for (size_t i = 0; i < images; ++i) {
    Exposed x;
    x.digest = digest(i);
    e.images.push_back(std::move(x));
  }
  return e;
}

size_t count_of(const std::string& text, const std::string& part) {
  size_t n = 0;
  for (size_t at = 0; (at = text.find(part, at)) != std::string::npos; at += part.size()) ++n;
  return n;
}

// An expression of the API server is bounded: every digest is in one, and none is too long.
TEST(AdmissionPolicy, ManyDigestsAreSeveralExpressions) {
  for (auto [images, expressions] : {std::pair(0U, 1U), std::pair(1U, 1U), std::pair(1000U, 1U), std::pair(1001U, 2U), std::pair(15'000U, 15U)}) {
    std::string policy = admission_policy(exposure(images), true);
    EXPECT_EQ(count_of(policy, "!variables.digests.exists(d, d in ["), expressions) << images;
    EXPECT_EQ(count_of(policy, "'sha256:"), images);
    size_t longest = 0;
    each_line(policy, [&](std::string_view line) {
      longest = std::max(longest, line.size());
      return true;
    });
    EXPECT_LT(longest, 100'000U);
    for (size_t i = 0; i < images; i += 499) EXPECT_THAT(policy, HasSubstr(digest(i)));
  }
}

TEST(AdmissionPolicy, AuditsUnlessItIsToldToDeny) {
  EXPECT_THAT(admission_policy(exposure(1), false), HasSubstr("validationActions: [Audit]"));
  EXPECT_THAT(admission_policy(exposure(1), true), HasSubstr("validationActions: [Deny]"));
  EXPECT_THAT(kyverno_policy(exposure(1), false), HasSubstr("validationFailureAction: Audit"));
  EXPECT_THAT(kyverno_policy(exposure(1), true), HasSubstr("validationFailureAction: Enforce"));
}

// A Pod that runs already may still be changed otherwise, and image volumes are images.
TEST(AdmissionPolicy, LooksAtEveryImageAndAtWhatWasBefore) {
  std::string policy = admission_policy(exposure(1), true);
  for (const char* part : {"object.spec.containers", "oldObject.spec.initContainers", "oldObject.spec.ephemeralContainers", "object.spec.volumes",
                           "oldObject == null ? []", "!(i in variables.before)"})
    EXPECT_THAT(policy, HasSubstr(part));
  EXPECT_THAT(kyverno_policy(exposure(1), true), HasSubstr("request.object.spec.volumes[].image.reference"));
}

// A title is of a record that somebody wrote.
TEST(KyvernoPolicy, ATitleIsTextAndNoVariable) {
  std::string policy = kyverno_policy(exposure(1, "a \"b\" {{ request.object }} $(x) \\ c\n- d"), true);
  EXPECT_THAT(policy, HasSubstr(R"(\\{{ request.object }} \\$(x))")) << "in the message, once for Kyverno and once for YAML";
  EXPECT_THAT(policy, Not(HasSubstr("\n- d")));
  EXPECT_EQ(count_of(policy, "*@" + digest(0)), 2U);
}

TEST(KyvernoPolicy, NobodyIsDeniedByAnEmptyOne) {
  EXPECT_EQ(count_of(kyverno_policy(exposure(0), true), "none@affected"), 2U);
}

// What a blocker is fed with: names in registries, with or without a tag, and no path of a file.
TEST(AffectedReferences, AreOfRegistries) {
  Exposure e = exposure(1);
  for (auto [repository, tag] : std::vector<std::pair<std::string, std::string>>{{"reg.example/team/app", "v1"},
                                                                                 {"reg.example:5000/other", ""},
                                                                                 {"localhost/x", "1"},
                                                                                 {"/srv/images/x.tar", "v1"},
                                                                                 {"./layout", "v1"},
                                                                                 {"images/x", "v1"},
                                                                                 {"image.tar", ""}}) {
    Tag t;
    t.repository = repository, t.tag = tag, t.digest = digest(0);
    e.images[0].tags.push_back(t);
  }
  EXPECT_THAT(affected_references(e), ElementsAre("localhost/x@" + digest(0), "reg.example/team/app@" + digest(0), "reg.example:5000/other@" + digest(0)));
}

}  // namespace
}  // namespace careen
