// Package URLs against the examples and rules of purl-spec (ECMA-427).
#include "formats/purl.h"

namespace careen {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;

Purl purl(std::string_view text) {
  auto p = parse_purl(text);
  EXPECT_TRUE(p) << text;
  return p.value_or(Purl{});
}

std::string canonical(std::string_view text) {
  auto p = parse_purl(text);
  return p ? p->text() : "none";
}

struct Example {
  const char* text;
  const char* canonical;  // nullptr: as it stands
  const char *type, *name_space, *name, *version, *subpath;
  std::map<std::string, std::string> qualifiers = {};
};

// Of the specification and its test suite.
const std::vector<Example>& examples() {
  static const std::vector<Example> all = {
      {"pkg:deb/debian/curl@7.50.3-1?arch=i386&distro=jessie", nullptr, "deb", "debian", "curl", "7.50.3-1", "", {{"arch", "i386"}, {"distro", "jessie"}}},
      {"pkg:npm/%40angular/animation@12.3.1", nullptr, "npm", "@angular", "animation", "12.3.1", ""},
      {"pkg:npm/foobar@12.3.1", nullptr, "npm", "", "foobar", "12.3.1", ""},
      {"pkg:golang/github.com/gorilla/context@234fd47e07d1004f0aed9c", nullptr, "golang", "github.com/gorilla", "context", "234fd47e07d1004f0aed9c", ""},
      {"pkg:golang/google.golang.org/genproto#googleapis/api/annotations", nullptr, "golang", "google.golang.org", "genproto", "",
       "googleapis/api/annotations"},
      {"pkg:GOLANG/google.golang.org/genproto@abcdedf#/googleapis/api/annotations/", "pkg:golang/google.golang.org/genproto@abcdedf#googleapis/api/annotations",
       "golang", "google.golang.org", "genproto", "abcdedf", "googleapis/api/annotations"},
      {"pkg:gem/ruby-advisory-db-check@0.12.4", nullptr, "gem", "", "ruby-advisory-db-check", "0.12.4", ""},
      {"pkg:gem/jruby-launcher@1.1.2?Platform=java",
       "pkg:gem/jruby-launcher@1.1.2?platform=java",
       "gem",
       "",
       "jruby-launcher",
       "1.1.2",
       "",
       {{"platform", "java"}}},
      {"pkg:maven/HTTPClient/HTTPClient@0.3-3", nullptr, "maven", "HTTPClient", "HTTPClient", "0.3-3", ""},
      {"pkg:Maven/net.sf.jacob-project/jacob@1.14.3?type=dll&classifier=x86",
       "pkg:maven/net.sf.jacob-project/jacob@1.14.3?classifier=x86&type=dll",
       "maven",
       "net.sf.jacob-project",
       "jacob",
       "1.14.3",
       "",
       {{"classifier", "x86"}, {"type", "dll"}}},
      {"pkg:maven/mygroup/myartifact@1.0.0%20Final?mykey=my%20value", nullptr, "maven", "mygroup", "myartifact", "1.0.0 Final", "", {{"mykey", "my value"}}},
      {"pkg:Nuget/EnterpriseLibrary.Common@6.0.1304", "pkg:nuget/EnterpriseLibrary.Common@6.0.1304", "nuget", "", "EnterpriseLibrary.Common", "6.0.1304", ""},
      {"pkg:Rpm/fedora/curl@7.50.3-1.fc25?Arch=i386&Distro=fedora-25",
       "pkg:rpm/fedora/curl@7.50.3-1.fc25?arch=i386&distro=fedora-25",
       "rpm",
       "fedora",
       "curl",
       "7.50.3-1.fc25",
       "",
       {{"arch", "i386"}, {"distro", "fedora-25"}}},
      {"pkg:docker/customer/dockerimage@sha256:244fd47e07d1004f0aed9c?repository_url=gcr.io",
       nullptr,
       "docker",
       "customer",
       "dockerimage",
       "sha256:244fd47e07d1004f0aed9c",
       "",
       {{"repository_url", "gcr.io"}}},
      {"pkg:oci/hello-wasm@sha256%3A244fd47e07d10?tag=v1",
       "pkg:oci/hello-wasm@sha256:244fd47e07d10?tag=v1",
       "oci",
       "",
       "hello-wasm",
       "sha256:244fd47e07d10",
       "",
       {{"tag", "v1"}}},
      {"pkg:swift/github.com/Alamofire/Alamofire@5.4.3", nullptr, "swift", "github.com/Alamofire", "Alamofire", "5.4.3", ""},
      {"pkg:/maven/org.apache.commons/io", "pkg:maven/org.apache.commons/io", "maven", "org.apache.commons", "io", "", ""},
      {"pkg:///maven/org.apache.commons/io", "pkg:maven/org.apache.commons/io", "maven", "org.apache.commons", "io", "", ""},
      {"pkg:generic/openssl@1.1.10g?checksum=sha1:ad9503c3e994a4f%2Csha256:41bf9088b3a1e6c1ef1d",
       nullptr,
       "generic",
       "",
       "openssl",
       "1.1.10g",
       "",
       {{"checksum", "sha1:ad9503c3e994a4f,sha256:41bf9088b3a1e6c1ef1d"}}},
      {"pkg:conda/absl-py@0.4.1?build=py36h06a4308_0&channel=main&subdir=linux-64&type=tar.bz2",
       nullptr,
       "conda",
       "",
       "absl-py",
       "0.4.1",
       "",
       {{"build", "py36h06a4308_0"}, {"channel", "main"}, {"subdir", "linux-64"}, {"type", "tar.bz2"}}},
  };
  return all;
}

TEST(Purl, ExamplesOfTheSpecification) {
  for (const Example& e : examples()) {
    SCOPED_TRACE(e.text);
    auto p = parse_purl(e.text);
    ASSERT_TRUE(p);
    EXPECT_EQ(p->type, e.type);
    EXPECT_EQ(p->name_space, e.name_space);
    EXPECT_EQ(p->name, e.name);
    EXPECT_EQ(p->version, e.version);
    EXPECT_EQ(p->subpath, e.subpath);
    EXPECT_EQ(p->qualifiers, e.qualifiers);
    EXPECT_EQ(p->text(), e.canonical == nullptr ? e.text : e.canonical);
  }
}

TEST(Purl, WhatIsCanonicalStaysAsItIs) {
  for (const Example& e : examples()) {
    std::string once = canonical(e.text);
    EXPECT_EQ(canonical(once), once);
  }
}

TEST(Purl, EpochsAndPlusSignsOfVersions) {
  for (const char* text : {"pkg:deb/debian/a@1:2.3+dfsg-1+b2", "pkg:deb/debian/a@1%3A2.3%2Bdfsg-1%2Bb2", "pkg:deb/debian/a@1:2.3%2bdfsg-1+b2"})
    EXPECT_EQ(purl(text).version, "1:2.3+dfsg-1+b2") << text;
  // Character encoding of the specification: of all that is no letter and no digit, only .-_~ and : stay.
  EXPECT_EQ(canonical("pkg:deb/debian/a@1:2.3+dfsg-1"), "pkg:deb/debian/a@1:2.3%2Bdfsg-1");
  EXPECT_EQ(canonical("pkg:deb/debian/libstdc++6@12"), "pkg:deb/debian/libstdc%2B%2B6@12");
}

TEST(Purl, SlashesInValuesAreEncoded) {
  EXPECT_EQ(canonical("pkg:oci/static@sha256%3A244fd47e07d10?repository_url=gcr.io/distroless/static&tag=latest"),
            "pkg:oci/static@sha256:244fd47e07d10?repository_url=gcr.io%2Fdistroless%2Fstatic&tag=latest");
}

TEST(Purl, EveryByteSurvivesInEveryPart) {
  std::string all;
  for (int c = 1; c < 256; ++c) all += static_cast<char>(c);
  std::string no_slash = all;
  no_slash.erase(no_slash.find('/'), 1);
  Purl p;
  p.type = "generic", p.name_space = no_slash + "/" + no_slash, p.name = no_slash, p.version = all, p.subpath = no_slash, p.qualifiers["k"] = all;
  Purl back = purl(p.text());
  EXPECT_EQ(back.name_space, p.name_space);
  EXPECT_EQ(back.name, p.name);
  EXPECT_EQ(back.version, p.version);
  EXPECT_EQ(back.subpath, p.subpath);
  EXPECT_THAT(back.qualifiers, ElementsAre(Pair("k", all)));
  EXPECT_EQ(back.text(), p.text());
}

TEST(Purl, ANameWithASlashIsEncoded) {
  Purl p;
  p.type = "generic", p.name = "a/b", p.version = "1/2";
  EXPECT_EQ(p.text(), "pkg:generic/a%2Fb@1%2F2");
  EXPECT_EQ(purl(p.text()).name, "a/b");
}

TEST(Purl, QualifiersInAnyOrderAndCase) {
  EXPECT_EQ(canonical("pkg:deb/debian/a@1?distro=debian-12&ARCH=amd64"), "pkg:deb/debian/a@1?arch=amd64&distro=debian-12");
  EXPECT_THAT(purl("pkg:deb/debian/a?arch=ALL").qualifiers, ElementsAre(Pair("arch", "ALL"))) << "values keep theirs";
}

TEST(Purl, AQualifierWithoutAValueIsNone) {
  EXPECT_THAT(purl("pkg:deb/debian/a@1?arch=&distro=debian-12").qualifiers, ElementsAre(Pair("distro", "debian-12")));
  EXPECT_THAT(purl("pkg:deb/debian/a@1?arch").qualifiers, IsEmpty());
  EXPECT_THAT(purl("pkg:deb/debian/a@1?").qualifiers, IsEmpty());
  EXPECT_TRUE(purl_covers(purl("pkg:deb/debian/a@1?arch="), purl("pkg:deb/debian/a@1?arch=amd64")));
}

TEST(Purl, AScopeThatIsNotEncoded) {
  Purl p = purl("pkg:npm/@babel/core@7.0.0");
  EXPECT_EQ(p.name_space, "@babel");
  EXPECT_EQ(p.name, "core");
  EXPECT_EQ(p.version, "7.0.0");
  p = purl("pkg:npm/@babel/core");
  EXPECT_EQ(p.name_space, "@babel");
  EXPECT_EQ(p.version, "");
}

TEST(Purl, EmptyPartsOfNamespaceAndSubpathDoNotCount) {
  EXPECT_EQ(purl("pkg:golang//github.com//gorilla///context@1").name_space, "github.com/gorilla");
  EXPECT_EQ(purl("pkg:golang/g/a@1#/x//./../y/").subpath, "x/y");
  EXPECT_EQ(purl("pkg:generic/a/@1").name, "a") << "a slash at the end is not significant";
}

TEST(Purl, TheSchemeInAnyCase) {
  EXPECT_EQ(canonical("PKG:deb/debian/a@1"), "pkg:deb/debian/a@1");
}

// Two writings of one name are one package: the types say which do.
TEST(Purl, NamesOfTypesThatFoldThem) {
  EXPECT_EQ(canonical("pkg:PYPI/Django_package@1.11.1.dev1"), "pkg:pypi/django-package@1.11.1.dev1");
  EXPECT_EQ(canonical("pkg:github/Package-url/purl-Spec@244fd47e07d1004f0aed9c"), "pkg:github/package-url/purl-spec@244fd47e07d1004f0aed9c");
  EXPECT_EQ(canonical("pkg:bitbucket/birKenfeld/pyGments-main@244fd47e07d1014f0aed9c"), "pkg:bitbucket/birkenfeld/pygments-main@244fd47e07d1014f0aed9c");
}

TEST(Purl, WhatIsNone) {
  for (const char* text : {"", "pkg", "pkg:", "pkg:/", "pkg:deb", "pkg:deb/", "pkg:deb//", "EnterpriseLibrary.Common@6.0.1304",
                           "pkg:EnterpriseLibrary.Common@6.0.1304", "pkg:hackage", "pkg%3Amaven/org.apache.commons/io", "http://example.org/pkg:deb/a",
                           " pkg:deb/debian/a", "pkg:?a=b", "pkg:#x", "pkg:deb/#x", "pkg:deb/?a=b"})
    EXPECT_FALSE(parse_purl(text)) << text;
}

TEST(Purl, ANameIsRequired) {
  for (const char* text : {"pkg:maven/@1.3.4", "pkg:cran/@0.9.1", "pkg:deb/@"}) EXPECT_FALSE(parse_purl(text)) << text << " is " << canonical(text);
}

TEST(Purl, ATypeIsLettersAndDigits) {
  for (const char* text : {"pkg:n&g?inx/nginx@0.8.9", "pkg:3nginx/nginx@0.8.9", "pkg:nginx:a/nginx@0.8.9", "pkg:de%62/debian/a", "pkg:d b/debian/a"})
    EXPECT_FALSE(parse_purl(text)) << text << " is " << canonical(text);
}

TEST(Purl, AQualifiersNameIsPlain) {
  for (const char* text : {"pkg:npm/myartifact@1.0.0?in%20production=true", "pkg:npm/a?1k=v", "pkg:npm/a?k=v&k=w"})
    EXPECT_FALSE(parse_purl(text)) << text << " is " << canonical(text);
}

TEST(Purl, PercentSignsThatEncodeNothing) {
  for (const char* text : {"pkg:deb/debian/a%", "pkg:deb/debian/a%4", "pkg:deb/debian/a%zz", "pkg:deb/debian/a%%41", "pkg:deb/debian/a@%"}) {
    auto p = parse_purl(text);
    if (!p) continue;
    EXPECT_EQ(canonical(p->text()), p->text()) << text;
  }
}

TEST(Purl, LengthIsBounded) {
  EXPECT_TRUE(parse_purl("pkg:deb/debian/" + std::string(kMaxPurl - 15, 'a')));
  EXPECT_FALSE(parse_purl("pkg:deb/debian/" + std::string(kMaxPurl - 14, 'a')));
  EXPECT_FALSE(parse_purl("pkg:" + std::string(1 << 20, '/')));
}

TEST(Purl, AnyBytesReadBackWhatTheyWrite) {
  uint64_t state = 7;
  const std::string alphabet = "pkg:/@#?&=%2F4aB.-+ \x01\xff";
  for (int i = 0; i < 20'000; ++i) {
    std::string text = "pkg:t/";
    for (int n = 0; n < 12; ++n) state = state * 6364136223846793005U + 1442695040888963407U, text += alphabet[(state >> 33) % alphabet.size()];
    auto p = parse_purl(text);
    if (!p) continue;
    auto q = parse_purl(p->text());
    ASSERT_TRUE(q) << text << " wrote " << p->text();
    ASSERT_EQ(q->text(), p->text()) << text;
    ASSERT_TRUE(purl_covers(*p, *q)) << text << " wrote " << p->text();
  }
}

TEST(PurlCovers, WhatThePatternHas) {
  Purl of = purl("pkg:deb/debian/curl@7.88.1-10?arch=amd64&distro=debian-12");
  for (const char* yes : {"pkg:deb/debian/curl@7.88.1-10?arch=amd64&distro=debian-12", "pkg:deb/debian/curl@7.88.1-10", "pkg:deb/debian/curl", "pkg:deb/curl",
                          "pkg:deb/debian/curl?distro=debian-12", "pkg:deb/debian/curl?other=x"})
    EXPECT_TRUE(purl_covers(purl(yes), of)) << yes;
  for (const char* no : {"pkg:rpm/debian/curl", "pkg:deb/ubuntu/curl", "pkg:deb/debian/libcurl4", "pkg:deb/debian/curl@7.88.1-9", "pkg:deb/debian/curl@7.88.1",
                         "pkg:deb/debian/curl?arch=arm64", "pkg:deb/debian/curl?distro=debian-11"})
    EXPECT_FALSE(purl_covers(purl(no), of)) << no;
}

TEST(PurlCovers, NotTheOtherWayRound) {
  EXPECT_FALSE(purl_covers(purl("pkg:deb/debian/curl@7"), purl("pkg:deb/debian/curl")));
  EXPECT_FALSE(purl_covers(purl("pkg:deb/debian/curl"), purl("pkg:deb/curl")));
  EXPECT_FALSE(purl_covers(purl("pkg:deb/debian/curl"), Purl{}));
  EXPECT_FALSE(purl_covers(Purl{}, purl("pkg:deb/debian/curl")));
}

}  // namespace
}  // namespace careen
