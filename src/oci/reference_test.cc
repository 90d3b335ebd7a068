#include "oci/reference.h"

#include "base/text.h"

namespace careen {
namespace {

const std::string kDigest = "sha256:" + std::string(64, 'a');

std::string full(std::string_view text) {
  auto r = Reference::parse(text);
  return r ? r->text() : "! " + r.error().what;
}

TEST(Reference, IsCompletedAsDockerDoes) {
  EXPECT_EQ(full("debian"), "docker.io/library/debian:latest");
  EXPECT_EQ(full("debian:12"), "docker.io/library/debian:12");
  EXPECT_EQ(full("grafana/grafana"), "docker.io/grafana/grafana:latest");
  EXPECT_EQ(full("docker.io/debian"), "docker.io/library/debian:latest");
  EXPECT_EQ(full("index.docker.io/library/debian:x"), "docker.io/library/debian:x");
  EXPECT_EQ(full("quay.io/a/b/c:v1.2_3-4"), "quay.io/a/b/c:v1.2_3-4");
  EXPECT_EQ(full("localhost/a"), "localhost/a:latest");
  EXPECT_EQ(full("localhost:5000/a"), "localhost:5000/a:latest");
  EXPECT_EQ(full("localhost:5000"), "docker.io/library/localhost:5000");
  EXPECT_EQ(full("[::1]:5000/a:b"), "[::1]:5000/a:b");
  EXPECT_EQ(full("Host/a"), "Host/a:latest") << "an upper-case word can only be a host";
  EXPECT_EQ(full("a__b/c-d/e.f--g"), "docker.io/a__b/c-d/e.f--g:latest");
}

TEST(Reference, ADigestReplacesTheTag) {
  auto plain = Reference::parse("debian@" + kDigest);
  ASSERT_TRUE(plain);
  EXPECT_EQ(plain->tag, "");
  EXPECT_EQ(plain->identifier(), kDigest);
  EXPECT_EQ(plain->text(), "docker.io/library/debian@" + kDigest);
  auto both = Reference::parse("localhost:5000/x:1@" + kDigest);
  ASSERT_TRUE(both);
  EXPECT_EQ(both->tag, "1");
  EXPECT_EQ(both->identifier(), kDigest);
  EXPECT_EQ(Reference::parse("debian:12")->identifier(), "12");
}

TEST(Reference, ItsOwnTextIsItselfAgain) {
  for (const std::string& s : {std::string("debian"), std::string("a/b:c"), std::string("h.x:1/a/b"), "h.x/a@" + kDigest, "h.x/a:t@" + kDigest}) {
    std::string once = full(s);
    EXPECT_EQ(full(once), once);
  }
}

TEST(Reference, WhatIsNoneIsAUsageErrorOnOneLine) {
  for (const std::string& bad : std::vector<std::string>{"",
                                                         ":",
                                                         "/",
                                                         "//",
                                                         "debian:",
                                                         ":12",
                                                         "Debian",
                                                         "a//b",
                                                         "/a",
                                                         "a/",
                                                         "a/../b",
                                                         "a/./b",
                                                         "-a",
                                                         "a-",
                                                         "a_/b",
                                                         ".a",
                                                         "deb ian",
                                                         "debian:1 2",
                                                         "debian:-x",
                                                         "debian:.x",
                                                         "debian:" + std::string(129, 't'),
                                                         "debian@",
                                                         "debian@sha256:12",
                                                         "debian@" + kDigest + "0",
                                                         "a@b@" + kDigest,
                                                         "h.x/",
                                                         "h.x:/",
                                                         "ho\nst.x/a",
                                                         "h.x/a:b:c",
                                                         "h.x/A",
                                                         "caf\xc3\xa9",
                                                         "a\x1b[31m",
                                                         std::string(1025, 'a'),
                                                         "h.x/" + std::string(256, 'a'),
                                                         "http://h.x/a",
                                                         "user@h.x/a"}) {
    auto r = Reference::parse(bad);
    ASSERT_FALSE(r) << bad << " became " << r->text();
    EXPECT_EQ(r.error().code, Errc::usage) << bad;
    EXPECT_TRUE(is_plain(r.error().what)) << "an error is one line";
  }
}

TEST(Reference, SeparatorsStandAloneAsTheGrammarSays) {
  for (const char* bad : {"a..b", "a._b", "a___b", "a.-b"}) EXPECT_FALSE(Reference::parse(bad)) << bad;
}

TEST(Platform, IsParsedAndNamesAreMadeOne) {
  EXPECT_EQ(Platform::parse("linux/amd64")->text(), "linux/amd64");
  EXPECT_EQ(Platform::parse("Linux/ARM/V7")->text(), "linux/arm/v7");
  EXPECT_EQ(Platform::parse("linux/x86_64")->text(), "linux/amd64");
  EXPECT_EQ(Platform::parse("linux/aarch64")->text(), "linux/arm64");
  EXPECT_EQ(Platform::parse("linux/i686")->text(), "linux/386");
  for (const char* bad : {"", "linux", "/", "linux/", "/amd64", "a/b/c/d"}) {
    auto p = Platform::parse(bad);
    ASSERT_FALSE(p) << bad;
    EXPECT_EQ(p.error().code, Errc::usage);
  }
}

TEST(Platform, WantsEveryVariantUnlessItNamesOne) {
  auto wants = [](const char* a, const char* b) { return Platform::parse(a)->wants(*Platform::parse(b)); };
  EXPECT_TRUE(wants("linux/amd64", "linux/amd64"));
  EXPECT_FALSE(wants("linux/amd64", "linux/arm64"));
  EXPECT_FALSE(wants("linux/amd64", "windows/amd64"));
  EXPECT_TRUE(wants("linux/arm", "linux/arm/v7"));
  EXPECT_FALSE(wants("linux/arm/v6", "linux/arm/v7"));
  EXPECT_TRUE(wants("linux/arm64", "linux/arm64/v8"));
  EXPECT_TRUE(wants("linux/arm64/v8", "linux/arm64"));
  EXPECT_FALSE(wants("linux/amd64/v3", "linux/amd64"));
}

TEST(Platform, ThisMachineIsOne) {
  Platform here = Platform::of_this_machine();
  EXPECT_EQ(here.os, "linux");
  EXPECT_TRUE(here.wants(here));
  EXPECT_EQ(*Platform::parse(here.text()), here);
}

}  // namespace
}  // namespace careen
