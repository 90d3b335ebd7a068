#!/usr/bin/python3
"""What a scan says of vulnerabilities with an advisory database and without one: what it lists, what a threshold flags, and
what was not looked at."""

import json
import os
import time

from advisory_case import NPM, PACKAGES, AdvisoryCase, open_vex
from advisory_images import alpine_files, debian_files, kev, npm_files, osv, osv_zip, rootfs, tracker
from support import CLEAN, FLAGGED, UNDETERMINED, USAGE, careen_path, main, need, tool


def setUpModule():
    careen_path()


class Scan(AdvisoryCase):
    def test_without_a_database(self):
        row, = self.rows()
        self.assertEqual(row["state"], "not_applicable")
        self.assertIn("careen db update", row["why"])
        self.assertEqual(self.found(), {})

    def test_a_threshold_without_a_database(self):
        """What was asked for was not looked at: no pass of a gate."""
        self.report(self.image, "--fail-on", "high", code=UNDETERMINED)

    def test_listed_and_not_flagged(self):
        self.usual()
        found = self.found()
        self.assertEqual(set(found), {"CVE-2024-0001", "CVE-2024-0002", "CVE-2024-0006", "CVE-2024-0010"})
        self.assertEqual({i: (f["severity"], f["vulnerability"]["fixed_version"]) for i, f in found.items()},
                         {"CVE-2024-0001": ("high", "1.0-2"), "CVE-2024-0002": ("unknown", None), "CVE-2024-0006": ("low", None),
                          "CVE-2024-0010": ("critical", "1.1.0")})
        self.assertEqual(list(found)[0], "CVE-2024-0002", "what is exploited comes first")
        self.assertTrue(found["CVE-2024-0002"]["vulnerability"]["kev"]["ransomware"])
        self.assertEqual(found["CVE-2024-0001"]["vulnerability"]["epss"]["probability"], 0.5)
        self.assertIn("GHSA-mqcf-gqvg-rmhm", found["CVE-2024-0010"]["vulnerability"]["aliases"])
        table = self.careen.run("scan", self.image)
        self.assert_code(table, CLEAN)
        for word in ("CLEAN", "4 vulnerabilities", "CVE-2024-0001", "1.0-2", "EXPLOITED", "unimportant"):
            self.assertIn(word, table.stdout)

    def test_grouping_by_source_package(self):
        """One finding for a source, with the names of all that was built of it."""
        self.usual()
        finding = self.found()["CVE-2024-0001"]
        self.assertEqual(sorted(finding["vulnerability"]["packages"]), ["alpha-tools", "libalpha1"])
        self.assertEqual(finding["where"]["package"]["source"], "alpha")
        # A package of another version of the same source is another finding.
        versions = (("libalpha1", "1.0-1"), ("libalpha0", "0.9-1"), ("alpha-new", "1.0-2"))
        mixed = rootfs(self.tmp / "mixed", debian_files("bookworm", [(name, version, "alpha") for name, version in versions]))
        report = self.report(mixed)
        self.assertEqual(sorted(f["where"]["package"]["version"] for f in report["findings"] if f["threat"] == "CVE-2024-0001"), ["0.9-1", "1.0-1"])

    def test_thresholds(self):
        self.usual()
        for word in ("low", "medium", "high", "critical"):
            report = self.report(self.image, "--fail-on", word, code=FLAGGED)
            self.assertIn("--fail-on " + word, " ".join(report["reasons"]))
        self.load(tracker=tracker({"alpha": {"CVE-2024-0001": {"bookworm": ("resolved", "1.0-2", "medium")}}}), kev=kev("CVE-1999-1"))
        self.db("import", osv_zip(self.tmp / "npm.zip", [osv("GHSA-zzzz-zzzz-zzzz", "npm", "other", "1.0.0"), osv("MAL-2024-9", "npm", "other")]))
        for word, code in (("low", FLAGGED), ("MEDIUM", FLAGGED), ("high", CLEAN), ("critical", CLEAN)):
            self.report(self.image, "--fail-on", word, code=code)
        for option, word in (("--fail-on", "grave"), ("--fail-on", "unknown"), ("--severity", "grave"), ("--unknown-as", "grave"), ("--max-db-age", "soon"),
                             ("--max-db-age", "0d")):
            self.assert_fails(self.careen.run("scan", self.image, option, word), USAGE, option)

    def test_what_nobody_rates(self):
        self.load(tracker=tracker({"alpha": {"CVE-2024-0002": {"bookworm": ("open", None)}}}), npm_json=json.dumps(NPM[1]))
        self.report(self.image, code=CLEAN)
        rows = self.rows("--fail-on", "critical", code=UNDETERMINED)
        self.assertTrue(any(r["state"] == "partly" and "--unknown-as" in r["why"] and "1 vuln" in r["what"] for r in rows), rows)
        self.report(self.image, "--fail-on", "high", "--unknown-as", "high", code=FLAGGED)
        self.report(self.image, "--fail-on", "high", "--unknown-as", "medium", code=CLEAN)
        found = self.found(self.image, "--unknown-as", "low")
        self.assertEqual((found["CVE-2024-0002"]["severity"], found["CVE-2024-0002"]["vulnerability"]["severity_source"]), ("low", "--unknown-as"))

    def test_listing_less(self):
        self.usual()
        self.assertEqual(set(self.found(self.image, "--only-fixed")), {"CVE-2024-0001", "CVE-2024-0010"})
        self.assertEqual(set(self.found(self.image, "--ignore-unfixed")), {"CVE-2024-0001", "CVE-2024-0010"})
        self.assertEqual(set(self.found(self.image, "--severity", "HIGH,CRITICAL")), {"CVE-2024-0001", "CVE-2024-0010"})
        self.assertEqual(set(self.found(self.image, "--severity", "low")), {"CVE-2024-0006"})
        self.assertEqual(set(self.found(self.image, "--severity", "unknown")), {"CVE-2024-0002"})
        self.assertIn("CVE-2024-0004", self.found(self.image, "--unimportant"))
        text = self.careen.run("scan", self.image, "--only-fixed", "--severity", "critical").stdout
        self.assertRegex(text, r"(?s)not listed|without a fix|--only-fixed|severity", "what is left out is counted")
        # What is not listed flags nothing.
        self.report(self.image, "--severity", "low", "--fail-on", "critical", code=CLEAN)

    def test_malware_flags(self):
        self.usual()
        image = rootfs(self.tmp / "evil", {**debian_files("bookworm", []), **npm_files(("evil", "9.9.9"))})
        finding = self.found(image, code=FLAGGED)["MAL-2024-1"]
        self.assertEqual((finding["kind"], finding["severity"]), ("malware", "critical"))
        # Nothing suppresses it.
        ignore = self.file(".trivyignore", "MAL-2024-1\n")
        vex = self.file("vex.json", open_vex(("MAL-2024-1", "not_affected", "pkg:npm/evil@9.9.9")))
        found = self.found(image, "--ignore-file", ignore, "--vex", vex, "--severity", "low", "--only-fixed", code=FLAGGED)
        self.assertIn("MAL-2024-1", found)

    def test_a_distribution_that_is_not_there(self):
        """Debian's data say nothing of Alpine, nor bookworm's of bullseye."""
        self.usual()
        for name, files in (("alpine", alpine_files("3.19.1", [("zlib", "1.0-r0")])), ("bullseye", debian_files("bullseye", PACKAGES))):
            with self.subTest(name):
                image = rootfs(self.tmp / name, files)
                self.assertEqual(self.found(image), {})
                self.assertTrue(any(r["state"] == "not_looked" for r in self.rows(image=image)))
                self.report(image, "--fail-on", "high", code=UNDETERMINED)

    def test_testing_and_unstable(self):
        """An image of either counts the rows of both; a stable release's rows count for neither."""
        self.load(tracker=tracker({"alpha": {
            "CVE-2024-0101": {"sid": ("resolved", "1.0-2"), "forky": ("resolved", "1.0-2"), "trixie": ("resolved", "0")},
            "CVE-2024-0102": {"sid": ("resolved", "1.0-1"), "forky": ("resolved", "1.0-1"), "trixie": ("open", None), "bookworm": ("open", None)},
            "CVE-2024-0103": {"sid": ("resolved", "1.0-1"), "forky": ("open", None)},
            "CVE-2024-0104": {"sid": ("resolved", "1.0-2"), "forky": ("resolved", "0")}}}))
        packages = [("libalpha1", "1.0-1", "alpha")]
        apt = {"sid": "deb http://mirror.example/debian sid main\n", "testing": "deb http://mirror.example/debian forky main\n", "bare": None}
        for name, sources in apt.items():
            with self.subTest(name):
                files = {**debian_files("forky", packages), "etc/debian_version": "forky/sid\n"}
                if sources:
                    files["etc/apt/sources.list"] = sources
                found = self.found(rootfs(self.tmp / name, files))
                self.assertIn("CVE-2024-0101", found)
                self.assertNotIn("CVE-2024-0102", found)
                if name != "sid":
                    self.assertEqual(set(found), {"CVE-2024-0101", "CVE-2024-0103", "CVE-2024-0104"})
                    self.assertEqual(found["CVE-2024-0104"]["confidence"], "suspected")

    def aged(self, days):
        """careen in a past of so many days ago."""
        need("cc")
        source, library = self.tmp / "past.c", self.tmp / f"past{days}.so"
        source.write_text("#define _GNU_SOURCE\n#include <time.h>\n#include <unistd.h>\n#include <sys/syscall.h>\n"
                          "time_t time(time_t* t) { struct timespec s; syscall(SYS_clock_gettime, 0, &s);\n"
                          f"s.tv_sec -= {days}L * 86400; if (t) *t = s.tv_sec; return s.tv_sec; }}\n")
        tool("cc", "-shared", "-fPIC", "-o", library, source)
        return {"LD_PRELOAD": str(library), "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"}

    def test_old_data(self):
        self.db("import", self.file("t.json", tracker({"alpha": {"CVE-2024-0001": {"bookworm": ("resolved", "1.0-2", "low")}}})), env=self.aged(10))
        self.load(kev=kev("CVE-2024-0001"), npm_json=json.dumps(NPM[1]))
        if time.time() - min(s["imported"] for s in self.status()["sources"]) < 86_400:
            self.skipTest("this careen cannot be shown another time")
        for age, old in (("11d", False), ("11", False), ("300h", False), ("9d", True), ("12h", True)):
            with self.subTest(age):
                states = {r["state"] for r in self.rows("--max-db-age", age, code=UNDETERMINED if old else CLEAN)}
                self.assertEqual("partly" in states, old)
                self.report(self.image, "--fail-on", "critical", "--max-db-age", age, code=UNDETERMINED if old else CLEAN)
        self.assertTrue(any("10 days" in r["why"] for r in self.rows()))


if __name__ == "__main__":
    main()
