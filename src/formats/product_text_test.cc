#include "formats/product_text.h"

#include <gmock/gmock.h>

namespace careen {
namespace {

std::string found(const std::string& name, const std::string& text) {
  auto p = product_of(name, MemoryView(as_bytes(text)), {{0, text.size()}});
  return p ? p->name + " " + p->version : "";
}

std::string nul(const std::string& s) {
  return std::string(1, '\0') + s + '\0';
}

TEST(ProductOf, WellKnownProgramsAreKnownByTheirMarks) {
  EXPECT_EQ(found("node", "xx" + nul("https://nodejs.org/download/release/ node.js/v18.19.0/node")), "node 18.19.0");
  EXPECT_EQ(found("nginx", nul("nginx/1.25.3")), "nginx 1.25.3");
  EXPECT_EQ(found("php8.2", nul("X-Powered-By: PHP/8.2.7")), "php 8.2.7");
  EXPECT_EQ(found("busybox", nul("BusyBox v1.36.1 (2023-07-27)")), "busybox 1.36.1");
  EXPECT_EQ(found("libssl.so.3", nul("OpenSSL 3.0.11 19 Sep 2023")), "openssl 3.0.11");
  EXPECT_EQ(found("libcrypto.so.1.1", nul("OpenSSL 1.1.1w  11 Sep 2023")), "openssl 1.1.1w");
  EXPECT_EQ(found("libz.so.1", nul(" deflate 1.2.13 Copyright 1995-2022")), "zlib 1.2.13");
  EXPECT_EQ(found("libjvm.so", nul("OpenJDK 64-Bit Server VM (17.0.9+9) for linux-amd64")), "openjdk 17.0.9+9");
  EXPECT_EQ(found("bash", nul("@(#)Bash version 5.2.15(1) release GNU")), "bash 5.2.15");
  EXPECT_EQ(found("git", nul("git/2.39.2")), "git 2.39.2");
}

TEST(ProductOf, PythonsVersionGoesOnWhereItsNameEnds) {
  EXPECT_EQ(found("python3.11", nul("3.11.4")), "python 3.11.4");
  EXPECT_EQ(found("libpython3.11.so.1.0", nul("3.9.1") + nul("3.11.4")), "python 3.11.4");
  EXPECT_EQ(found("python3.11", nul("3.110.4") + nul("3.11") + nul("13.11.4") + nul("3.11.4 and more")), "");
  EXPECT_EQ(found("python3", nul("3.11.4")), "python 3.11.4");
  EXPECT_EQ(found("python", nul("3.11.4")), "") << "not python2 or 3";
}

TEST(ProductOf, SomeLibrariesBearTheirVersionInTheirName) {
  EXPECT_EQ(found("liblzma.so.5.6.1", ""), "xz 5.6.1");
  EXPECT_EQ(found("libzstd.so.1.5.4", ""), "zstd 1.5.4");
  for (const char* other :
       {"liblzma.so.5", "liblzma.so.5.6", "liblzma.so.5.6.1.debug", "liblzma.so.5.6.x", "liblzma.so.5..1", "xliblzma.so.5.6.1", "liblzma.so..."})
    EXPECT_EQ(found(other, ""), "") << other;
}

TEST(ProductOf, AProgramThatSpeaksOfAnotherIsNotTheOther) {
  EXPECT_EQ(found("crawler", nul("node.js/v18.19.0/") + nul("nginx/1.25.3") + nul("OpenSSL 3.0.11 19 Sep 2023")), "");
}

TEST(ProductOf, WhatIsNoVersionIsPassedOver) {
  EXPECT_EQ(found("nginx", nul("nginx/") + nul("nginx/x") + nul("nginx/1") + nul("nginx/1.") + nul("nginx/1.25.3")), "nginx 1.25.3");
  EXPECT_EQ(found("nginx", "nginx/1.25"), "") << "cut off by the end";
  EXPECT_EQ(found("nginx", nul("nginx/" + std::string(1000, '1') + ".2")), "");
  EXPECT_EQ(found("nginx", nul("nginx/1.2\x1b[31m")), "nginx 1.2");
}

TEST(ProductOf, AMarkOverTheEdgeOfAWindowIsSeen) {
  for (size_t before = (256 << 10) - 40; before < (256 << 10) + 40; ++before)
    ASSERT_EQ(found("nginx", std::string(before, 'x') + nul("nginx/1.25.3")), "nginx 1.25.3") << before;
}

TEST(ProductOf, PlacesThatAreNotThereAreNotRead) {
  std::string text = nul("nginx/1.25.3");
  EXPECT_FALSE(product_of("nginx", MemoryView(as_bytes(text)), {}));
  EXPECT_FALSE(product_of("nginx", MemoryView(as_bytes(text)), {{UINT64_MAX - 1, 10}, {1000, 10}, {0, 3}}));
  EXPECT_TRUE(product_of("nginx", MemoryView(as_bytes(text)), {{0, UINT64_MAX}}));
}

}  // namespace
}  // namespace careen
