#!/usr/bin/python3
"""Vulnerabilities that somebody has judged: ignore files and VEX documents take away what they speak of and no more, and the
report tells it."""

import datetime
import json

import images
from advisory_case import NODE, PACKAGES, TODAY, AdvisoryCase, open_vex
from advisory_images import debian_files, layer, npm_files
from support import CLEAN, UNREADABLE, USAGE, careen_path, main


def setUpModule():
    careen_path()


class Suppress(AdvisoryCase):
    ALL = {"CVE-2024-0001", "CVE-2024-0002", "CVE-2024-0006", "CVE-2024-0010"}

    def setUp(self):
        super().setUp()
        self.usual()
        layout = images.OciLayout(self.tmp / "layout")
        descriptor = layout.manifest([layer({**debian_files("bookworm", PACKAGES), **npm_files(*NODE)})])
        self.digest = layout.tag("v1", descriptor)["digest"]
        self.oci = f"oci-dir:{layout.path}:v1"

    def gone(self, *args, image=None):
        """What is suppressed, checked to be told."""
        report = self.report(image or self.image, *args, code=CLEAN)
        gone = {s["finding"]["threat"] for s in report.get("suppressed", [])}
        listed = {f["threat"] for f in report["findings"]}
        self.assertEqual(gone | listed, self.ALL)
        self.assertEqual(gone & listed, set())
        self.assertTrue(all(s["by"] for s in report.get("suppressed", [])))
        return gone

    def test_trivyignore(self):
        later, before = TODAY + datetime.timedelta(days=30), TODAY - datetime.timedelta(days=1)
        path = self.file(".trivyignore", f"# accepted\nCVE-2024-0001 exp:{later} we do not use it\n\nGHSA-mqcf-gqvg-rmhm # by alias\n"
                                         f"CVE-2024-0002 exp:{before}\n")
        self.assertEqual(self.gone("--ignore-file", path), {"CVE-2024-0001", "CVE-2024-0010"})
        report = self.report(self.image, "--ignore-file", path)
        reasons = {s["finding"]["threat"]: (s["by"], s["reason"]) for s in report["suppressed"]}
        self.assertIn("we do not use it", reasons["CVE-2024-0001"][1])
        self.assertIn(".trivyignore:2", reasons["CVE-2024-0001"][0])
        self.assertTrue(any("CVE-2024-0002" in (c["why"] or "") for c in report["coverage"]), "a rule that expired is told")
        text = " ".join(self.careen.run("scan", self.image, "--ignore-file", path, "--verbose").stdout.split())
        self.assertIn("we do not use it", text)
        self.assertRegex(self.careen.run("scan", self.image, "--ignore-file", path).stdout, r"2 [^\n]*suppressed|suppressed[^\n]*2")
        self.report(self.image, "--ignore-file", path, "--fail-on", "critical", "--unknown-as", "low", code=CLEAN)

    def test_no_file_is_read_unasked(self):
        for name in (".trivyignore", ".trivyignore.yaml", ".grype.yaml"):
            self.file(name, "CVE-2024-0001\n")
        report = self.report(self.image, cwd=self.tmp)
        self.assertNotIn("suppressed", report)

    def test_trivyignore_yaml(self):
        before = TODAY - datetime.timedelta(days=1)
        path = self.file(".trivyignore.yaml", f"""vulnerabilities:
  - id: CVE-2024-0001
    purls: ["pkg:deb/debian/libalpha1", "pkg:deb/debian/alpha-tools"]
    statement: not reachable
  - id: CVE-2024-0010
    paths: ["srv/app/node_modules/**"]
  - id: CVE-2024-0002
    expired_at: {before}
  - id: CVE-2024-0006
    purls: ["pkg:deb/debian/beta"]
""")
        self.assertEqual(self.gone("--ignore-file", path), {"CVE-2024-0001", "CVE-2024-0010"})

    def test_grype(self):
        path = self.file("grype.yaml", """ignore:
  - vulnerability: CVE-2024-0001
    package: {name: "libalpha.*|alpha-.*", type: deb}
    reason: accepted
  - package: {name: left, type: npm}
    fix-state: fixed
  - vulnerability: CVE-2024-0002
    fix-state: fixed
""")
        self.assertEqual(self.gone("--ignore-file", path), {"CVE-2024-0001", "CVE-2024-0010"})

    def test_a_rule_of_one_package_of_several(self):
        """A finding that joins two packages is not taken away by what speaks of one."""
        path = self.file("grype.yaml", "ignore:\n  - vulnerability: CVE-2024-0001\n    package: {name: libalpha1}\n")
        self.assertEqual(self.gone("--ignore-file", path), set())

    def test_open_vex(self):
        package = "pkg:deb/debian/{}@{}?arch=amd64"
        both = [("CVE-2024-0001", "not_affected", package.format(n, v)) for n, v in (("libalpha1", "1.0-1%2Bb1"), ("alpha-tools", "1.0-1"))]
        path = self.file("vex.json", open_vex(*both, ("CVE-2024-0010", "fixed", "pkg:npm/left@1.0.0"),
                                              ("CVE-2024-0002", "affected", package.format("libalpha1", "1.0-1%2Bb1")),
                                              ("CVE-2024-0006", "not_affected", "pkg:deb/debian/gamma@9.9")))
        # A statement about one of the packages that are built of a source does not speak for the others.
        self.assertEqual(self.gone("--vex", path), {"CVE-2024-0010"})

    def test_vex_of_the_image(self):
        product = "pkg:oci/layout@" + self.digest.replace(":", "%3A")
        for name, statements, want in (
                ("the image", [("CVE-2024-0010", "not_affected", product, "pkg:npm/left")], {"CVE-2024-0010"}),
                ("whole", [("CVE-2024-0010", "not_affected", product)], {"CVE-2024-0010"}),
                ("another", [("CVE-2024-0010", "not_affected", "pkg:oci/layout@sha256%3A" + "0" * 64)], set()),
                ("another part", [("CVE-2024-0010", "not_affected", product, "pkg:npm/right")], set())):
            with self.subTest(name):
                self.assertEqual(self.gone("--vex", self.file("vex.json", open_vex(*statements)), image=self.oci), want)

    def test_the_latest_statement_counts(self):
        old, new = "2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z"
        for first, second, want in (("not_affected", "affected", set()), ("affected", "not_affected", {"CVE-2024-0010"}),
                                    ("under_investigation", "fixed", {"CVE-2024-0010"})):
            with self.subTest(f"{first}, then {second}"):
                rows = [("CVE-2024-0010", status, "pkg:npm/left@1.0.0", None, at) for status, at in ((first, old), (second, new))]
                for order in (rows, rows[::-1]):
                    self.assertEqual(self.gone("--vex", self.file("vex.json", open_vex(*order))), want)

    def test_csaf(self):
        def branch(ident, purl):
            product = {"product_id": ident, "name": ident, "product_identification_helper": {"purl": purl}}
            return {"category": "product_version", "name": ident, "product": product}

        document = {"document": {"category": "csaf_vex", "csaf_version": "2.0", "title": "T", "publisher": {"name": "P"},
                                 "tracking": {"current_release_date": "2026-01-02T00:00:00Z", "id": "X"}},
                    "product_tree": {"branches": [branch("L", "pkg:npm/left@1.0.0"),
                                                  branch("G", "pkg:deb/debian/gamma@1:3.0-1?arch=amd64")]},
                    "vulnerabilities": [{"cve": "CVE-2024-0010", "product_status": {"known_not_affected": ["L"]}},
                                        {"cve": "CVE-2024-0006", "product_status": {"known_affected": ["G"]}}]}
        self.assertEqual(self.gone("--vex", self.file("csaf.json", json.dumps(document))), {"CVE-2024-0010"})

    def test_files_with_mistakes(self):
        for option, name, content, words in (
                ("--ignore-file", "a", "CVE-2024-0001 exp:tomorrow\n", ("a:1", "date")),
                ("--ignore-file", "b.yaml", "vulnerabilities:\n  - paths: [x]\n", ("b.yaml:2",)),
                ("--ignore-file", "c.yaml", "ignore:\n  - reason: all\n", ("c.yaml:2", "everything")), ("--ignore-file", "d.yaml", "nothing: 1\n", ("d.yaml",)),
                ("--ignore-file", "e.yaml", "ignore:\n  - package: {name: '('}\n", ("e.yaml:2", "regular")), ("--vex", "f.json", "{", ("f.json",)),
                ("--vex", "g.json", "{}", ("g.json", "OpenVEX")), ("--vex", "h.json", "[" * 100_000, ("h.json",)),
                ("--vex", "none.json", None, ("none.json",))):
            with self.subTest(name):
                path = self.file(name, content) if content is not None else self.tmp / name
                run = self.careen.run("scan", self.image, option, path)
                self.assertIn(run.code, (USAGE, UNREADABLE), str(run))
                for word in words:
                    self.assertIn(word, run.stderr)


if __name__ == "__main__":
    main()
