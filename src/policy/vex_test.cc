// OpenVEX and CSAF: what their statements suppress, and what not.
#include "policy/suppress.h"

#include <sys/stat.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "../tests/support/scratch.h"
#include "../tests/support/vulnerability_of_curl.h"
#include "base/text.h"

namespace careen {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

struct Statement {
  std::string status = "not_affected";
  std::string products = R"([{"@id":"pkg:deb/debian/curl"}])";
  std::string more = {};  // members, each with a comma in front
  std::string vulnerability = R"({"name":"CVE-2023-38545"})";
};

std::string statement(const Statement& s) {
  return R"({"vulnerability":)" + s.vulnerability + R"(,"status":")" + s.status + R"(","products":)" + s.products + s.more + "}";
}
std::string open_vex(const std::string& statements, const std::string& time = "2026-01-01T00:00:00Z") {
  return R"({"@context":"https://openvex.dev/ns/v0.2.0","@id":"x","author":"a","timestamp":")" + time + R"(","version":1,"statements":[)" + statements + "]}";
}

bool vexed(const std::vector<std::string>& documents, const Purl& package = curl(), const ImageNames& image = kImage, const Finding& f = finding()) {
  Suppressions s;
  for (const std::string& d : documents) {
    auto done = s.add_vex_text("doc.json", d);
    EXPECT_TRUE(done) << done.error().what << "\n" << d;
  }
  return s.find(f, package, image, kToday).has_value();
}
bool stated(const Statement& s, const Purl& package = curl(), const ImageNames& image = kImage) {
  return vexed({open_vex(statement(s))}, package, image);
}

TEST(OpenVex, NotAffectedAndFixedSuppress) {
  EXPECT_TRUE(stated({.status = "not_affected"}));
  EXPECT_TRUE(stated({.status = "fixed"}));
  for (const char* status : {"affected", "under_investigation", "", "NOT_AFFECTED", "none"}) EXPECT_FALSE(stated({.status = status})) << status;
}

TEST(OpenVex, WhoAndWhy) {
  Suppressions s;
  ASSERT_TRUE(
      s.add_vex_text("doc.json", open_vex(statement({.status = "affected"}) + "," + statement({.more = R"(,"justification":"component_not_present")"}))));
  auto by = s.find(finding(), curl(), kImage, kToday);
  ASSERT_TRUE(by);
  EXPECT_THAT(by->who, AllOf(HasSubstr("doc.json"), HasSubstr("2")));
  EXPECT_THAT(by->reason, AllOf(HasSubstr("not_affected"), HasSubstr("component_not_present")));
}

TEST(OpenVex, VulnerabilitiesByNameAliasAndIri) {
  for (const char* v : {R"({"name":"GHSA-7xw4-g7mm-r4qq"})", R"({"name":"X-1","aliases":["x","CVE-2023-38545"]})", R"({"name":"X-1","aliases":["DSA-5523-1"]})",
                        R"({"@id":"https://nvd.nist.gov/vuln/detail/CVE-2023-38545"})", R"("CVE-2023-38545")"})
    EXPECT_TRUE(stated({.vulnerability = v})) << v;
  for (const char* v : {R"({"name":"CVE-2023-3854"})", R"({"name":""})", "{}", "null", "1", R"({"name":["CVE-2023-38545"]})",
                        R"({"aliases":["CVE-2023-38545"]})", R"({"name":"*"})"})
    EXPECT_FALSE(stated({.vulnerability = v})) << v;
}

TEST(OpenVex, TheLatestStatementCounts) {
  auto at = [](const char* status, const std::string& time) { return statement({.status = status, .more = R"(,"timestamp":")" + time + "\""}); };
  const std::string old = "2025-01-01T00:00:00Z", late = "2025-06-01T00:00:00Z";
  EXPECT_FALSE(vexed({open_vex(at("not_affected", old) + "," + at("affected", late))}));
  EXPECT_FALSE(vexed({open_vex(at("affected", late) + "," + at("not_affected", old))}));
  EXPECT_TRUE(vexed({open_vex(at("affected", old) + "," + at("fixed", late))}));
  EXPECT_FALSE(vexed({open_vex(at("not_affected", old) + "," + at("under_investigation", late))}));
  // In several documents, in any order; a statement without a time has that of its document.
  EXPECT_FALSE(vexed({open_vex(statement({}), old), open_vex(statement({.status = "affected"}), late)}));
  EXPECT_FALSE(vexed({open_vex(statement({.status = "affected"}), late), open_vex(statement({}), old)}));
  EXPECT_TRUE(vexed({open_vex(statement({}), late), open_vex(statement({.status = "affected"}), old)}));
  EXPECT_TRUE(vexed({open_vex(at("not_affected", late), "2020-01-01T00:00:00Z"), open_vex(statement({.status = "affected"}), old)}));
  // Of one document and time, the last.
  EXPECT_FALSE(vexed({open_vex(statement({}) + "," + statement({.status = "affected"}))}));
  EXPECT_TRUE(vexed({open_vex(statement({.status = "affected"}) + "," + statement({}))}));
}

// Times are instants, written with any offset and any number of digits.
TEST(OpenVex, EachOfSeveralPackagesMayHaveItsStatement) {
  Finding f = finding();
  f.vulnerability->packages = {"curl", "libcurl4"};
  const std::string curls = statement({}), libs = statement({.products = R"([{"@id":"pkg:deb/debian/libcurl4"}])"}),
                    affected = statement({.status = "affected", .products = R"([{"@id":"pkg:deb/debian/libcurl4"}])"});
  auto together = [&](const std::vector<std::string>& documents) { return vexed(documents, curl(), kImage, f); };
  EXPECT_FALSE(together({open_vex(curls)})) << "nothing is said of the other";
  EXPECT_FALSE(together({open_vex(libs)}));
  EXPECT_TRUE(together({open_vex(curls + "," + libs)}));
  EXPECT_TRUE(together({open_vex(curls), open_vex(libs)}));
  EXPECT_FALSE(together({open_vex(curls + "," + affected)}));
  const std::string whole = statement({.products = R"([{"@id":"pkg:oci/app@)" + kDigest + R"("}])"});
  EXPECT_TRUE(together({open_vex(whole)}));
  EXPECT_FALSE(together({open_vex(whole), open_vex(affected, "2026-02-01T00:00:00Z")})) << "later, of one of them";
  EXPECT_TRUE(together({open_vex(whole, "2026-02-01T00:00:00Z"), open_vex(affected)}));
}

TEST(OpenVex, TimesAreComparedAsInstants) {
  auto later = [](const std::string& first, const std::string& second) {
    return !vexed({open_vex(statement({}), first), open_vex(statement({.status = "affected"}), second)}) &&
           vexed({open_vex(statement({}), second), open_vex(statement({.status = "affected"}), first)});
  };
  EXPECT_TRUE(later("2024-07-12T20:00:00Z", "2024-07-12T17:54:37.399069972-03:00")) << "20:54:37 in UTC";
  EXPECT_TRUE(later("2024-07-12T23:30:00+05:00", "2024-07-12T19:00:00Z")) << "18:30 in UTC";
  EXPECT_TRUE(later("2024-07-12T20:00:00Z", "2024-07-12T20:00:00.5Z"));
  EXPECT_TRUE(later("2024-12-31T23:00:00-02:00", "2025-01-01T01:00:01Z"));
  EXPECT_TRUE(later("2025-01-01T00:30:00+02:00", "2024-12-31T23:00:00Z"));
}

TEST(OpenVex, AProductIsAPackage) {
  for (const char* product :
       {"pkg:deb/debian/curl", "pkg:deb/debian/curl@7.88.1-10", "pkg:deb/debian/curl@7.88.1-10?arch=amd64", "pkg:deb/debian/curl?distro=debian-12"})
    EXPECT_TRUE(stated({.products = R"([{"@id":")" + std::string(product) + R"("}])"})) << product;
  for (const char* product : {"pkg:deb/debian/wget", "pkg:deb/debian/curl@7.88.1-9", "pkg:deb/ubuntu/curl", "pkg:deb/debian/curl?distro=debian-11",
                              "https://example.org/curl", "curl", ""})
    EXPECT_FALSE(stated({.products = R"([{"@id":")" + std::string(product) + R"("}])"})) << product;
  EXPECT_TRUE(stated({.products = R"([{"@id":"https://example.org/x","identifiers":{"purl":"pkg:deb/debian/curl"}}])"}));
  EXPECT_TRUE(stated({.products = R"([{"@id":"pkg:deb/debian/wget"},{"@id":"pkg:deb/debian/curl"}])"}));
  EXPECT_TRUE(stated({.products = R"(["pkg:deb/debian/curl"])"})) << "as before 0.2.0";
}

TEST(OpenVex, AProductIsAnImageByItsDigest) {
  std::string mine = "pkg:oci/app@sha256%3A" + std::string(64, 'a'), other = "pkg:oci/app@sha256%3A" + std::string(64, 'b');
  auto of = [](const std::string& p) { return Statement{.products = R"([{"@id":")" + p + R"("}])"}; };
  EXPECT_TRUE(stated(of(mine)));
  EXPECT_FALSE(stated(of(other))) << "a digest says more than the name";
  EXPECT_TRUE(stated(of("pkg:oci/renamed@sha256:" + std::string(64, 'a')))) << "and the name says nothing then";
  EXPECT_FALSE(stated(of(mine), curl(), {"", "app", "ghcr.io/team/app", ""})) << "the digest is not known";
  EXPECT_FALSE(stated(of("pkg:oci/app@sha512%3A" + std::string(128, 'a')))) << "another digest";
}

TEST(OpenVex, AProductIsAnImageByItsName) {
  auto of = [](const std::string& p) { return Statement{.products = R"([{"@id":")" + p + R"("}])"}; };
  EXPECT_TRUE(stated(of("pkg:oci/app")));
  EXPECT_FALSE(stated(of("pkg:oci/ap")));
  EXPECT_FALSE(stated(of("pkg:oci/team")));
  EXPECT_FALSE(stated(of("pkg:oci/app"), curl(), {kDigest, "", "", ""}));
  EXPECT_FALSE(stated(of("pkg:oci/app"), curl(), {kDigest, "application", "ghcr.io/team/application", ""}));
}

// Whose image it is stands in the qualifier; somebody else's image of the same name is not meant.
TEST(OpenVex, AnImageOfAnotherRepositoryIsAnotherImage) {
  auto of = [](const std::string& p) { return Statement{.products = R"([{"@id":")" + p + R"("}])"}; };
  EXPECT_TRUE(stated(of("pkg:oci/app?repository_url=ghcr.io%2Fteam%2Fapp")));
  EXPECT_FALSE(stated(of("pkg:oci/app?repository_url=ghcr.io%2Fothers%2Fapp")));
  EXPECT_FALSE(stated(of("pkg:oci/app?repository_url=index.docker.io/aquasec/app")));
  EXPECT_FALSE(stated(of("pkg:docker/others/app")));
}

TEST(OpenVex, AnImageOfAVersionThatIsNotKnownIsNotMeant) {
  auto of = [](const std::string& p) { return Statement{.products = R"([{"@id":")" + p + R"("}])"}; };
  EXPECT_FALSE(stated(of("pkg:docker/app@1.0")));
  EXPECT_FALSE(stated(of("pkg:oci/app@1.0")));
  EXPECT_FALSE(stated(of("pkg:oci/app?tag=1.0")));
}

TEST(OpenVex, SubcomponentsNarrowTheProduct) {
  auto of = [](const std::string& parts, const std::string& product = "pkg:oci/app") {
    return Statement{.products = R"([{"@id":")" + product + R"(","subcomponents":)" + parts + "}]"};
  };
  EXPECT_TRUE(stated(of(R"([{"@id":"pkg:deb/debian/curl"}])")));
  EXPECT_TRUE(stated(of(R"([{"@id":"pkg:deb/debian/wget"},{"identifiers":{"purl":"pkg:deb/debian/curl@7.88.1-10"}}])")));
  EXPECT_FALSE(stated(of(R"([{"@id":"pkg:deb/debian/wget"}])")));
  EXPECT_FALSE(stated(of(R"([{"@id":"pkg:deb/debian/curl@7.88.1-9"}])")));
  EXPECT_FALSE(stated(of(R"([{"@id":"pkg:deb/debian/curl"}])", "pkg:oci/other")));
  EXPECT_TRUE(stated(of("[]"))) << "none: the product with all it has";
}

TEST(OpenVex, PartsThatCannotBeReadAreNotTheWhole) {
  for (const char* parts : {R"([{"@id":"curl"}])", R"([{"@id":"https://example.org/wget"}])", R"([{}])", "[1]", "[null]", R"([{"hashes":{"sha-256":"00"}}])",
                            R"({"@id":"pkg:deb/debian/wget"})", R"("pkg:deb/debian/wget")", "1", "true", R"([[{"@id":"pkg:deb/debian/wget"}]])"})
    EXPECT_FALSE(stated({.products = R"([{"@id":"pkg:oci/app","subcomponents":)" + std::string(parts) + "}]"})) << parts;
}

// Before 0.2.0 the parts stood in the statement, beside its products.
TEST(OpenVex, PartsOfAStatementOfTheFirstVersions) {
  Statement s{.products = R"(["pkg:oci/app"])", .more = R"(,"subcomponents":["pkg:deb/debian/wget"])", .vulnerability = R"("CVE-2023-38545")"};
  EXPECT_FALSE(stated(s));
  s.more = R"(,"subcomponents":["pkg:deb/debian/wget","pkg:deb/debian/curl"])";
  EXPECT_TRUE(stated(s));
}

TEST(OpenVex, StatementsThatCannotBeReadSuppressNothing) {
  for (const char* products : {"[]", "null", "{}", R"("pkg:deb/debian/curl")", R"([{}])", "[1]", R"([{"@id":1}])", R"([{"@id":"pkg:deb"}])",
                               R"([{"identifiers":"pkg:deb/debian/curl"}])"})
    EXPECT_FALSE(stated({.products = products})) << products;
  for (const char* statements : {"", "1", "null", "[]", R"("not_affected")", R"({"status":"not_affected"})",
                                 R"({"vulnerability":{"name":"CVE-2023-38545"},"products":[{"@id":"pkg:deb/debian/curl"}]})"})
    EXPECT_FALSE(vexed({open_vex(statements)})) << statements;
  EXPECT_FALSE(vexed({R"({"@context":"https://openvex.dev/ns","statements":{}})"}));
  EXPECT_FALSE(vexed({R"({"@context":"https://openvex.dev/ns"})"}));
}

TEST(Vex, WhatIsNoDocumentIsRefusedByItsName) {
  for (const char* text : {"", "{", "[]", "1", "{}", R"({"@context":"https://schema.org"})", R"({"document":1})", "\xff\xfe", R"({"bomFormat":"CycloneDX"})"}) {
    Suppressions s;
    auto done = s.add_vex_text("a\x1b.json", text);
    ASSERT_FALSE(done) << text;
    EXPECT_EQ(done.error().code, Errc::usage);
    EXPECT_THAT(done.error().what, HasSubstr("a\\x1b.json"));
  }
}

TEST(Vex, DeepJsonIsRefused) {
  for (size_t depth : {size_t{66}, size_t{1000}, size_t{1'000'000}}) {
    std::string arrays = open_vex(std::string(depth, '[') + std::string(depth, ']'));
    auto read = parse_vex("deep", arrays);
    ASSERT_FALSE(read) << depth;
    EXPECT_EQ(read.error().code, Errc::usage);
    std::string cut = open_vex(std::string(depth, '['));
    EXPECT_FALSE(parse_vex("deep", cut));
    std::string branches;
    for (size_t i = 0; i < std::min<size_t>(depth, 100'000); ++i) branches += R"({"branches":[)";
    EXPECT_FALSE(parse_vex("deep", R"({"document":{},"product_tree":)" + branches));
  }
}

// CSAF

struct Csaf {
  std::string branches, relationships = {}, status, more = {}, time = "2026-01-01T00:00:00Z", vulnerability = R"("cve":"CVE-2023-38545")";
};
std::string product(const std::string& id, const std::string& helper) {
  return R"({"category":"product_version","name":"x","product":{"name":"x","product_id":")" + id + R"(","product_identification_helper":)" + helper + "}}";
}
std::string with_purl(const std::string& id, const std::string& package) {
  return product(id, R"({"purl":")" + package + R"("})");
}
std::string relation(const std::string& id, const std::string& component, const std::string& whole) {
  return R"({"category":"default_component_of","product_reference":")" + component + R"(","relates_to_product_reference":")" + whole +
         R"(","full_product_name":{"name":"x","product_id":")" + id + R"("}})";
}
std::string csaf(const Csaf& c) {
  return R"({"document":{"category":"csaf_vex","csaf_version":"2.0","title":"x","tracking":{"current_release_date":")" + c.time +
         R"("}},"product_tree":{"branches":[)" + c.branches + R"(],"relationships":[)" + c.relationships + "]" + c.more + R"(},"vulnerabilities":[{)" +
         c.vulnerability + R"(,"product_status":{)" + c.status + "}}]}";
}

TEST(CsafVex, StatusesOfAPackage) {
  std::string branches = R"({"category":"vendor","name":"v","branches":[)" + with_purl("C", "pkg:deb/debian/curl") + "]}";
  EXPECT_TRUE(vexed({csaf({.branches = branches, .status = R"("known_not_affected":["C"])"})}));
  EXPECT_TRUE(vexed({csaf({.branches = branches, .status = R"("fixed":["C"])"})}));
  for (const char* status : {R"("known_affected":["C"])", R"("under_investigation":["C"])", R"("first_affected":["C"])", R"("last_affected":["C"])",
                             R"("recommended":["C"])", R"("known_not_affected":["D"])", R"("known_not_affected":"C")", R"("known_not_affected":[1])", ""})
    EXPECT_FALSE(vexed({csaf({.branches = branches, .status = status})})) << status;
  EXPECT_FALSE(vexed({csaf({.branches = branches, .status = R"("known_not_affected":["C"])", .vulnerability = R"("cve":"CVE-1")"})}));
}

TEST(CsafVex, AffectedAndNotIsAffected) {
  std::string branches = with_purl("C", "pkg:deb/debian/curl@7.88.1-10") + "," + with_purl("D", "pkg:deb/debian/curl");
  EXPECT_FALSE(vexed({csaf({.branches = branches, .status = R"("known_not_affected":["D"],"known_affected":["C"])"})}));
  EXPECT_FALSE(vexed({csaf({.branches = branches, .status = R"("known_affected":["C"],"fixed":["C"])"})}));
}

TEST(CsafVex, TheLatestDocumentCounts) {
  std::string branches = with_purl("C", "pkg:deb/debian/curl");
  auto at = [&](const char* status, const char* time) {
    return csaf({.branches = branches, .status = "\"" + std::string(status) + R"(":["C"])", .time = time});
  };
  EXPECT_FALSE(vexed({at("known_not_affected", "2025-01-01T00:00:00Z"), at("known_affected", "2025-02-01T00:00:00Z")}));
  EXPECT_FALSE(vexed({at("known_affected", "2025-02-01T00:00:00Z"), at("known_not_affected", "2025-01-01T00:00:00Z")}));
  EXPECT_TRUE(vexed({at("known_affected", "2025-01-01T00:00:00Z"), at("known_not_affected", "2025-02-01T00:00:00Z")}));
}

TEST(CsafVex, AComponentOfAnImage) {
  std::string branches = with_purl("IMAGE", "pkg:oci/app") + "," + with_purl("OTHER", "pkg:oci/other") + "," + with_purl("CURL", "pkg:deb/debian/curl") + "," +
                         with_purl("WGET", "pkg:deb/debian/wget");
  std::string relations =
      relation("IMAGE:CURL", "CURL", "IMAGE") + "," + relation("IMAGE:WGET", "WGET", "IMAGE") + "," + relation("OTHER:CURL", "CURL", "OTHER");
  auto of = [&](const char* id) {
    return csaf({.branches = branches, .relationships = relations, .status = R"("known_not_affected":[")" + std::string(id) + "\"]"});
  };
  EXPECT_TRUE(vexed({of("IMAGE:CURL")}));
  EXPECT_FALSE(vexed({of("IMAGE:WGET")}));
  EXPECT_FALSE(vexed({of("OTHER:CURL")}));
  EXPECT_FALSE(vexed({of("NONE")}));
  EXPECT_TRUE(vexed({of("IMAGE")}));
}

TEST(CsafVex, AComponentThatCannotBeReadIsNotTheWholeImage) {
  for (const char* helper : {R"({"cpe":"cpe:/a:gnu:wget"})", "{}", "null", R"({"purl":"wget"})", R"({"purl":1})"})
    EXPECT_FALSE(vexed({csaf({.branches = with_purl("IMAGE", "pkg:oci/app") + "," + product("WGET", helper),
                              .relationships = relation("IMAGE:WGET", "WGET", "IMAGE"),
                              .status = R"("known_not_affected":["IMAGE:WGET"])"})}))
        << helper;
  EXPECT_FALSE(vexed({csaf({.branches = with_purl("IMAGE", "pkg:oci/app"),
                            .relationships = relation("IMAGE:WGET", "MISSING", "IMAGE"),
                            .status = R"("known_not_affected":["IMAGE:WGET"])"})}));
}

// A status of a package on one release says nothing of it on another. A release that is named by its CPE alone cannot be compared, so the statement cannot be
// read.
TEST(CsafVex, APackageOfAReleaseIsNotThePackageOfEveryRelease) {
  std::string branches = product("RHEL6", R"({"cpe":"cpe:/o:redhat:enterprise_linux:6"})") + "," + with_purl("CURL", "pkg:rpm/redhat/curl");
  std::string doc = csaf({.branches = branches, .relationships = relation("RHEL6:CURL", "CURL", "RHEL6"), .status = R"("known_not_affected":["RHEL6:CURL"])"});
  EXPECT_FALSE(vexed({doc}, purl("pkg:rpm/redhat/curl@7.76.1-26.el9?arch=x86_64&distro=redhat-9.2")));
}

TEST(CsafVex, ProductsOutsideOfBranches) {
  std::string name = R"({"name":"x","product_id":"C","product_identification_helper":{"purl":"pkg:deb/debian/curl"}})";
  EXPECT_TRUE(vexed({csaf({.branches = "", .status = R"("known_not_affected":["C"])", .more = R"(,"full_product_names":[)" + name + "]"})}));
}

TEST(CsafVex, StatementsThatCannotBeReadSuppressNothing) {
  for (
      const char* text :
      {R"({"document":{}})", R"({"document":{},"vulnerabilities":{}})", R"({"document":{},"vulnerabilities":[1,null,[]]})",
       R"({"document":{},"product_tree":1,"vulnerabilities":[{"cve":"CVE-2023-38545","product_status":{"fixed":["C",""]}}]})",
       R"({"document":{},"product_tree":{"branches":[{"product":{"product_identification_helper":{"purl":"pkg:deb/debian/curl"}}}]},"vulnerabilities":[{"cve":"CVE-2023-38545","product_status":{"fixed":[""]}}]})",
       R"({"document":{},"product_tree":{"branches":{},"relationships":{}},"vulnerabilities":[{"cve":["CVE-2023-38545"]}]})"})
    EXPECT_FALSE(vexed({text})) << text;
}

// Documents that others published lie beside the repository where there are any; they are not part of it.
class PublishedVex : public testing::Test {
 protected:
  bool unpack(const std::string& name) {
    std::string here = __FILE__;
    for (int i = 0; i < 4; ++i) here = std::string(dir_name(here));
    std::string archive = here + "/shared/data/" + name + "/" + name + ".tar.zst";
    struct stat st {};
    if (::stat(archive.c_str(), &st) != 0) return why_ = archive + " is not there", false;
    if (!test::output_of("tar --zstd -xf '" + archive + "' -C '" + scratch_.path() + "' 2>/dev/null")) return why_ = "tar --zstd cannot unpack it", false;
    return true;
  }
  std::vector<std::string> files(const std::string& part) const {
    std::vector<std::string> out;
    for (const auto& e : std::filesystem::recursive_directory_iterator(scratch_.path()))
      if (e.is_regular_file() && e.path().string().find(part) != std::string::npos && e.path().extension() == ".json") out.push_back(e.path());
    std::sort(out.begin(), out.end());
    return out;
  }
  test::Scratch scratch_;
  std::string why_;
};

TEST_F(PublishedVex, OpenVexIsReadAndEveryStatementHoldsForWhatItNames) {
  if (!unpack("openvex")) GTEST_SKIP() << why_;
  size_t documents = 0, statements = 0;
  for (const std::string& path : files("")) {
    std::string text = test::slurp(path);
    if (text.find("\"statements\"") == std::string::npos) continue;
    auto read = parse_vex(path, text);
    ASSERT_TRUE(read) << read.error().what;
    auto json = nlohmann::json::parse(text);
    ++documents, statements += read->size();
    EXPECT_EQ(read->size(), json["statements"].size()) << path;
    for (const VexStatement& s : *read) {
      EXPECT_EQ(s.status, "not_affected");
      EXPECT_FALSE(s.products.empty());
      EXPECT_GT(s.time, 0);
    }
  }
  EXPECT_GE(documents, 90U);
  EXPECT_GT(statements, 12'000U);
}

TEST_F(PublishedVex, AnImageOfAquaNamesItsBusybox) {
  if (!unpack("openvex")) GTEST_SKIP() << why_;
  auto found = files("aquasecurity/trivy/oci.openvex.json");
  ASSERT_FALSE(found.empty());
  Suppressions s;
  ASSERT_TRUE(s.add_vex_file(found[0]));
  Finding f = finding("CVE-2023-42363");
  Purl busybox = purl("pkg:apk/alpine/busybox@1.36.1-r5?arch=x86_64&distro=alpine-3.18");
  EXPECT_TRUE(s.find(f, busybox, {kDigest, "trivy", "docker.io/aquasec/trivy", ""}, kToday));
  EXPECT_TRUE(s.find(f, busybox, {kDigest, "trivy", "ghcr.io/aquasecurity/trivy", ""}, kToday));
  EXPECT_FALSE(s.find(f, busybox, {kDigest, "tracee", "docker.io/aquasec/tracee", ""}, kToday));
  EXPECT_FALSE(s.find(f, busybox, {kDigest, "trivy", "docker.io/somebody/trivy", ""}, kToday)) << "an image of the same name of others";
  EXPECT_FALSE(s.find(f, purl("pkg:apk/alpine/curl@1"), {kDigest, "trivy", "docker.io/aquasec/trivy", ""}, kToday));
  EXPECT_FALSE(s.find(finding("CVE-2023-1"), busybox, {kDigest, "trivy", "docker.io/aquasec/trivy", ""}, kToday));
}

TEST_F(PublishedVex, CsafIsReadAndWhatItSaysOfOneReleaseStaysThere) {
  if (!unpack("distro-native-fixtures")) GTEST_SKIP() << why_;
  size_t documents = 0;
  for (const char* part : {"/rhel/vex/testdata/", "/csaf/advisories/", "/csaf/hydra/"})
    for (const std::string& path : files(part)) {
      std::string text = test::slurp(path);
      if (text.find("\"csaf_version\"") == std::string::npos) continue;
      auto read = parse_vex(path, text);
      EXPECT_TRUE(read) << path << ": " << read.error().what;
      ++documents;
    }
  EXPECT_GT(documents, 3U);
  auto found = files("/rhel/vex/testdata/cve-2023-38545.json");
  ASSERT_FALSE(found.empty());
  Suppressions s;
  ASSERT_TRUE(s.add_vex_file(found[0]));
  // Enterprise Linux 6, 7 and 8 were not affected, 9 was until 7.76.1-26.el9_3.2 (RHSA-2023:5763).
  EXPECT_FALSE(s.find(finding(), purl("pkg:rpm/redhat/curl@7.76.1-23.el9?arch=x86_64&distro=redhat-9.2"), kImage, kToday));
  EXPECT_FALSE(s.find(finding(), purl("pkg:rpm/redhat/libcurl@7.76.1-23.el9?arch=x86_64&distro=redhat-9.2"), kImage, kToday));
}

TEST_F(PublishedVex, UbuntusDocumentIsRead) {
  if (!unpack("distro-native-fixtures")) GTEST_SKIP() << why_;
  auto found = files("/ubuntu/test-fixtures/vex/cve/2023/CVE-2023-38545.json");
  ASSERT_FALSE(found.empty());
  auto read = parse_vex("x", test::slurp(found[0]));
  ASSERT_TRUE(read) << read.error().what;
  EXPECT_FALSE(read->empty());
  for (const VexStatement& s : *read) EXPECT_GT(s.time, 0);
}

}  // namespace
}  // namespace careen
