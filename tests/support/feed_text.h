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

}  // namespace careen::test
