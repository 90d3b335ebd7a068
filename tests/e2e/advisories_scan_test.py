#!/usr/bin/python3
"""What a scan says of vulnerabilities with an advisory database and without one: what it lists, what a threshold flags, and
what was not looked at."""

import json
import os
import time

from advisory_case import NODE, NPM, PACKAGES, TRACKER, AdvisoryCase, open_vex
from advisory_images import alpine_files, debian_files, kev, layer, npm_files, osv, osv_zip, rootfs, tracker
from images import OciLayout
from support import CLEAN, FLAGGED, UNDETERMINED, USAGE, careen_path, main, need, sha256_of, threat_record, tool


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

    def test_damage_is_told(self):
        """A flipped bit gives no wrong answer without a word."""
        self.usual()
        before = self.found()
        path = next((self.tmp).rglob("advisories.db"))
        whole = path.read_bytes()
        told = 0
        for at in range(64, len(whole), max(1, len(whole) // 40)):
            damaged = bytearray(whole)
            damaged[at] ^= 0x10
            path.write_bytes(damaged)
            run = self.careen.run("scan", self.image, "--format", "json")
            found = {f["threat"] for f in run.json()["findings"] if f["kind"] in ("vulnerability", "malware")}
            if found != set(before):
                self.assertIn(("vulnerabilities", "not_looked"), {(c["question"], c["state"]) for c in run.json()["coverage"]}, at)
                told += 1
                self.assert_code(self.careen.run("scan", self.image, "--fail-on", "critical"), (FLAGGED, UNDETERMINED))
        self.assertGreater(told, 0)

    def test_what_comes_from_the_base(self):
        self.usual()
        image = OciLayout(self.tmp / "layout").add(
            "app", [layer(debian_files("bookworm", PACKAGES)), layer(npm_files(*NODE))],
            history=[{"created_by": "ADD rootfs"}, {"created_by": 'CMD ["bash"]', "empty_layer": True}, {"created_by": "COPY app"}],
            annotations={"org.opencontainers.image.base.name": "registry.example/debian:12"})
        report = self.report(image)
        self.assertEqual(report["image"]["base"], {"name": "registry.example/debian:12", "digest": None, "layers": 1})
        of_base = {f["threat"]: f["where"]["of_base"] for f in report["findings"]}
        self.assertTrue(of_base["CVE-2024-0001"])
        self.assertFalse(of_base["CVE-2024-0010"])
        table = " ".join(self.careen.run("scan", image).stdout.split())
        self.assertIn("3 of 4 come from registry.example/debian:12 (layer 0, by its history); 1 with a fix", table)

    def test_programs_of_no_package(self):
        need("cc")
        self.usual()
        image = rootfs(self.tmp / "own", debian_files("bookworm", PACKAGES))
        folder = self.tmp / "own/usr/local/bin"
        folder.mkdir(parents=True)
        source = self.file("own.c", 'const char mark[] = "node.js/v18.19.0/x"; int main(int n, char **v) { return mark[n] == v[0][0]; }')
        tool("cc", "-o", folder / "node", source)
        listed = self.careen.run("packages", image, "--format", "json").json()["unowned"]
        self.assertEqual(listed, [{"path": "/usr/local/bin/node", "layer_index": 0, "product": "node", "version": "18.19.0"}])
        row, = [c for c in self.rows(image=image) if "belong to no package" in c["why"]]
        self.assertEqual(row["state"], "not_applicable")
        bom = self.careen.run("scan", image, "--format", "cyclonedx").json()
        self.assertIn("pkg:generic/node@18.19.0", [c.get("purl") for c in bom["components"]])

    def test_threat_records_are_a_source(self):
        self.load(tracker=tracker(TRACKER))
        content = b"an implant that does nothing"
        (self.tmp / "image/opt").mkdir(exist_ok=True)
        (self.tmp / "image/opt/implant").write_bytes(content)
        self.load(record=threat_record("EXAMPLE-2026-1", indicators={"files": [{"digest": "sha256:" + sha256_of(content)}]}))
        self.assertEqual(self.sources()["threats"], 1)
        report = self.report(self.image, code=FLAGGED)
        self.assertEqual([f["threat"] for f in report["findings"] if f["kind"] not in ("vulnerability", "integrity")], ["EXAMPLE-2026-1"])
        self.assertIn("threat records of the advisory database", [k["name"] for k in report["knowledge"]])
        self.db("drop", "threats")
        self.report(self.image, code=CLEAN)
        self.assert_fails(self.careen.run("db", "drop", "threats"), USAGE, "no source")

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
