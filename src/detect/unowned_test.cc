#include "detect/unowned.h"

#include "../../tests/support/detect_text.h"

namespace careen {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::vector<std::string> unowned(const std::string& text) {
  test::DetectText image(text);
  uint64_t all = 0;
  std::vector<std::string> out;
  for (const UnownedBinary& u : unowned_binaries(image.facts(), &all))
    out.push_back(u.path + (u.product.empty() ? "" : " " + u.product + " " + u.version) + " @" + std::to_string(u.layer));
  EXPECT_EQ(out.size(), all);
  return out;
}

TEST(Unowned, WhatNoPackageBringsIsListed) {
  EXPECT_THAT(unowned("elf /usr/local/bin/tool needed=libc.so.6\nelf /opt/lib/liblzma.so.5.6.1 soname=liblzma.so.5\nfile /usr/bin/script \"#!/bin/sh\""),
              ElementsAre("opt/lib/liblzma.so.5.6.1 xz 5.6.1 @0", "usr/local/bin/tool @0"));
  EXPECT_THAT(unowned("file /etc/passwd \"x\""), IsEmpty());
}

TEST(Unowned, WhatADistributionsPackageOwnsIsNot) {
  EXPECT_THAT(unowned("file /var/lib/dpkg/status \"Package: base\\nStatus: install ok installed\\nVersion: 1\\nArchitecture: amd64\\n\\n\"\n"
                      "file /var/lib/dpkg/info/base.list \"/usr/bin/owned\\n\"\n"
                      "elf /usr/bin/owned needed=libc.so.6\nelf /usr/bin/other needed=libc.so.6"),
              ElementsAre("usr/bin/other @0"));
}

TEST(Unowned, WhatStandsBelowALanguagesPackageIsNot) {
  EXPECT_THAT(unowned("file /app/node_modules/a/package.json \"{\\\"name\\\":\\\"a\\\",\\\"version\\\":\\\"1.0.0\\\"}\"\n"
                      "elf /app/node_modules/a/build/a.node needed=libc.so.6\nelf /app/node_modules/b.node needed=libc.so.6"),
              ElementsAre("app/node_modules/b.node @0"));
}

TEST(Unowned, WhatALaterLayerBringsOrHidesCounts) {
  EXPECT_THAT(unowned("elf /a needed=libc.so.6\nelf /b needed=libc.so.6\nlayer\nfile /.wh.a \"\"\nelf /c needed=libc.so.6"), ElementsAre("b @0", "c @1"));
}

}  // namespace
}  // namespace careen
