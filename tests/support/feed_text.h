// Documents of feeds, for tests of src/feeds.
#pragma once
#include <string>
#include <string_view>

namespace careen::test {

// A record of OSV about npm's a.
inline std::string osv(const std::string& affected, const std::string& more = "", const std::string& id = "GHSA-aaaa-bbbb-cccc") {
  return R"({"id":")" + id + R"(","modified":"2024-05-06T07:08:09Z",)" + more + R"("affected":[{"package":{"ecosystem":"npm","name":"a"})" +
         (affected.empty() ? "" : "," + affected) + "}]}";
}

// Debian's CVE/list with a row of each kind.
inline constexpr std::string_view kCveList =
    "CVE-2024-1 (A fault in (some) thing ...)\n"
    "\t{DSA-1-1}\n"
    "\t- a 3.0-1 (bug #1; low)\n"
    "\t[bookworm] - a <no-dsa> (Minor issue)\n"
    "\t[bullseye] - a <not-affected> (Vulnerable code not present)\n"
    "\t[buster] - a <postponed> (later)\n"
    "\t[stretch] - a <ignored> (too old)\n"
    "\t[jessie] - a <end-of-life>\n"
    "\t- b <unfixed>\n"
    "\t- c <removed>\n"
    "\t- d <undetermined>\n"
    "\t- e <itp> (bug #2)\n"
    "\t- f <unfixed> (unimportant)\n"
    "\tNOTE: https://x.example - not a row\n"
    "CVE-2024-2 (Nothing of Debian)\n"
    "\tNOT-FOR-US: thing\n"
    "CVE-2024-3\n"
    "\tREJECTED\n"
    "CVE-2024-4\n"
    "\tRESERVED\n"
    "\t- g <not-affected> (never)\n";

// A CSAF document of Red Hat about CVE-2024-1, of its components and what part of which product they are.
inline std::string red_hat(const std::string& components, const std::string& relationships, const std::string& status) {
  return R"({"document":{"category":"csaf_vex","publisher":{"name":"Red Hat Product Security"},"aggregate_severity":{"text":"Important"},
    "tracking":{"current_release_date":"2024-05-06T00:00:00Z","initial_release_date":"2024-01-02T00:00:00Z"}},
    "product_tree":{"branches":[{"branches":[
      {"product":{"product_id":"P9","name":"RHEL 9","product_identification_helper":{"cpe":"cpe:/o:redhat:enterprise_linux:9::baseos"}}},
      {"product":{"product_id":"P8","name":"RHEL 8","product_identification_helper":{"cpe":"cpe:/a:redhat:enterprise_linux:8::appstream"}}})" +
         components + R"(]}],"relationships":[)" + relationships +
         R"(]},"vulnerabilities":[{"cve":"CVE-2024-1","title":"T","remediations":[{"category":"no_fix_planned","details":"Will not fix","product_ids":["P9:c"]}],
    "scores":[{"cvss_v3":{"vectorString":"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}}],"product_status":)" +
         status + "}]}";
}
inline std::string component(const std::string& id, const std::string& purl) {
  return R"(,{"product":{"product_id":")" + id + R"(","name":")" + id + R"(","product_identification_helper":{"purl":")" + purl + R"("}}})";
}
inline std::string part(const std::string& platform, const std::string& component) {
  return R"({"full_product_name":{"product_id":")" + platform + ":" + component + R"("},"product_reference":")" + component +
         R"(","relates_to_product_reference":")" + platform + R"("})";
}

}  // namespace careen::test
