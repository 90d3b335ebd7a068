#!/usr/bin/python3
"""Reports of vulnerabilities: each that leaves is what its format asks for, and a bill of materials says what its image says."""

import csv
import io
import json
import warnings
import xml.etree.ElementTree as ElementTree

import images
from advisory_case import NODE, PACKAGES, TRACKER, AdvisoryCase, open_vex
from advisory_images import alpine_files, debian_files, layer, npm_files, osv, rootfs, secdb, shared, tracker
from support import CLEAN, FLAGGED, REPO, UNREADABLE, careen_path, main

try:
    import jsonschema
except ImportError:
    jsonschema = None


def setUpModule():
    careen_path()


class Formats(AdvisoryCase):
    EVERY = ("table", "json", "sarif", "cyclonedx", "cyclonedx-1.7", "spdx", "openvex", "gitlab", "junit", "markdown", "csv", "html")

    def setUp(self):
        super().setUp()
        self.usual()
        layout = images.OciLayout(self.tmp / "layout")
        files = {**debian_files("bookworm", PACKAGES), **npm_files(*NODE, ("evil", "1.0.0"), ("@scope/näme", "1.0.0-rc.1+build")),
                 "usr/lib/python3/dist-packages/Some_Thing-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: Some_Thing\nVersion: 1.0\n"}
        self.image = layout.add("v1", [layer(files), layer({"etc/more": "x\n"}, 'RUN echo "<&>\x1b"')])
        self.db("import", self.file("py.json", json.dumps(osv("PYSEC-2024-7", "PyPI", "some-thing", "2.0", severity=None, summary="=1+1 <b> | \"quoted\""))))
        self.vex = self.file("vex.json", open_vex(("CVE-2024-0006", "not_affected", "pkg:deb/debian/gamma@1:3.0-1")))

    def scan(self, fmt, *args, env=None, code=FLAGGED):
        run = self.careen.run("scan", self.image, "--format", fmt, "--vex", self.vex, *args, env={"SOURCE_DATE_EPOCH": "1767225600", **(env or {})})
        self.assert_code(run, code)
        return run

    def valid(self, document, name, registry=()):
        """Errors by an official schema of the shared data."""
        if jsonschema is None:
            self.skipTest("python3-jsonschema is not installed")
        folder = shared("schemas")
        schema = json.loads((folder / name).read_text())
        base = schema.get("$id") or schema.get("id", "")
        store = {base: schema, **{json.loads((folder / n).read_text())["$id"]: json.loads((folder / n).read_text()) for n in registry}}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            resolver = jsonschema.RefResolver(base, schema, store=store)
            kind = jsonschema.validators.validator_for(schema)
            found = [f"{'/'.join(map(str, e.absolute_path))}: {e.message[:200]}" for e in kind(schema, resolver=resolver).iter_errors(document)]
        self.assertEqual(found[:20], [])

    def test_json(self):
        if jsonschema is None:
            self.skipTest("python3-jsonschema is not installed")
        schema = json.loads((REPO / "docs" / "schemas" / "report-v1.schema.json").read_text())
        kind = jsonschema.validators.validator_for(schema)
        for args in ((), ("--list-packages",), ("--fail-on", "high"), ("--unimportant", "--unknown-as", "low")):
            document = self.scan("json", *args).json()
            self.assertEqual([e.message[:300] for e in kind(schema).iter_errors(document)], [], args)
            self.assertIn("suppressed", document)

    def test_cyclonedx(self):
        parts = ("cyclonedx-spdx.schema.json", "cyclonedx-jsf-0.82.schema.json", "cyclonedx-cryptography-defs.schema.json")
        for fmt, version in (("cyclonedx", "1.6"), ("cyclonedx-1.7", "1.7")):
            with self.subTest(fmt):
                document = self.scan(fmt).json()
                self.assertEqual(document["specVersion"], version)
                self.valid(document, f"cyclonedx-bom-{version}.schema.json", parts)
                refs = {c["bom-ref"] for c in document["components"]} | {document["metadata"]["component"]["bom-ref"]}
                self.assertEqual(len(refs), len(document["components"]) + 1)
                self.assertTrue({a["ref"] for v in document["vulnerabilities"] for a in v["affects"]} <= refs)
                by_id = {v["id"]: v for v in document["vulnerabilities"]}
                self.assertEqual(len(by_id["CVE-2024-0001"]["affects"]), 2, "every package of the source")
                if "CVE-2024-0006" in by_id:
                    self.assertEqual(by_id["CVE-2024-0006"]["analysis"]["state"], "not_affected")

    def test_spdx(self):
        document = self.scan("spdx").json()
        self.valid(document, "spdx-2.3.schema.json")
        ids = [p["SPDXID"] for p in document["packages"]]
        self.assertEqual(len(ids), len(set(ids)))
        self.assertTrue({r[end] for r in document["relationships"] for end in ("spdxElementId", "relatedSpdxElement")} <= {*ids, "SPDXRef-DOCUMENT"})
        self.assertGreaterEqual(len(ids), len(PACKAGES) + 5)

    def test_sarif(self):
        document = self.scan("sarif").json()
        self.valid(document, "sarif-2.1.0.json")
        rules = {r["id"] for r in document["runs"][0]["tool"]["driver"]["rules"]}
        self.assertLessEqual({"CVE-2024-0001", "CVE-2024-0002", "CVE-2024-0010", "MAL-2024-1"}, rules)

    def test_openvex(self):
        document = self.scan("openvex").json()
        self.valid(document, "openvex-0.2.0.schema.json")
        states = {s["vulnerability"]["name"]: s["status"] for s in document["statements"]}
        self.assertEqual((states["CVE-2024-0001"], states["CVE-2024-0006"]), ("affected", "not_affected"))
        # What it says is what careen reads.
        out = self.file("own.json", self.scan("openvex").out)
        report = self.report(self.image, "--vex", out, code=FLAGGED)
        self.assertEqual({s["finding"]["threat"] for s in report["suppressed"]}, {"CVE-2024-0006"})

    def test_the_others(self):
        listed = {"CVE-2024-0001", "CVE-2024-0002", "CVE-2024-0010", "MAL-2024-1"}
        gitlab = self.scan("gitlab").json()
        self.assertEqual({v["identifiers"][0]["value"] for v in gitlab["vulnerabilities"]} & listed, listed)
        self.assertEqual(gitlab["scan"]["type"], "container_scanning")
        suite = ElementTree.fromstring(self.scan("junit", "--fail-on", "high").out)
        cases = suite.findall(".//testcase")
        self.assertEqual(int(suite.find("testsuite").get("tests")), len(cases))
        self.assertEqual(int(suite.find("testsuite").get("failures")), len(suite.findall(".//failure")))
        self.assertEqual({i for i in listed for c in cases if c.find("failure") is not None and i in c.get("name")}, listed - {"CVE-2024-0002"})
        table = list(csv.DictReader(io.StringIO(self.scan("csv").stdout)))
        self.assertLessEqual(listed, {row["id"] for row in table})
        self.assertFalse(any(cell.startswith(("=", "+", "@", "-")) for row in table for cell in row.values() if cell), "no cell is a formula")
        page = self.scan("html").stdout
        self.assertNotIn("=1+1 <b>", page)
        self.assertNotRegex(page, r"(?i)<(?:script|link|img)[^>]+(?:src|href)=[\"']?http")
        for fmt in ("html", "markdown", "table"):
            text = self.scan(fmt).stdout
            self.assertEqual({i for i in listed if i in text}, listed, fmt)
            self.assertNotIn("\x1b", text)

    def test_several_platforms(self):
        layout = images.OciLayout(self.tmp / "several")
        rows = [images.on_platform(layout.manifest([layer(debian_files("bookworm", packages))], arch=arch), arch)
                for arch, packages in (("amd64", PACKAGES), ("arm64", PACKAGES[:1]))]
        layout.tag("v1", layout.index(rows))
        self.image = f"oci-dir:{layout.path}:v1"
        self.vex = self.file("none.json", open_vex(("CVE-1999-0001", "fixed", "pkg:npm/none@1")))
        for fmt, schema in (("cyclonedx", "cyclonedx-bom-1.6.schema.json"), ("spdx", "spdx-2.3.schema.json"), ("openvex", "openvex-0.2.0.schema.json"),
                            ("sarif", "sarif-2.1.0.json"), ("gitlab", None), ("junit", None)):
            with self.subTest(fmt):
                run = self.scan(fmt, "--all-platforms", code=CLEAN)
                if fmt == "junit":
                    self.assertEqual(len(ElementTree.fromstring(run.out).findall("testsuite")), 2)
                    continue
                written = run.json()  # one document, or one for each platform
                for document in written if isinstance(written, list) else [written]:
                    if schema:
                        self.valid(document, schema, ("cyclonedx-spdx.schema.json", "cyclonedx-jsf-0.82.schema.json"))
                    if fmt == "cyclonedx":
                        refs = [c["bom-ref"] for c in document["components"]]
                        self.assertEqual(len(refs), len(set(refs)))

    def test_eighty_columns(self):
        long = ("linux-image-6.1.0-28-cloud-amd64", "1:6.1.119-1+deb12u1~bpo11+1", "linux-signed-amd64-and-more")
        self.load(tracker_json=tracker({**TRACKER, long[2]: {"CVE-2024-1234567": {"bookworm": ("resolved", "1:6.1.119-2+deb12u1~bpo11+1", "high")}}}))
        run = self.careen.run("scan", rootfs(self.tmp / "long", debian_files("bookworm", [*PACKAGES, long])), "--verbose")
        self.assertIn("CVE-2024-1234567", run.stdout)
        self.assertEqual([line for line in run.stdout.splitlines() if len(line) > 80], [])

    def test_the_same_bytes(self):
        for fmt in self.EVERY:
            with self.subTest(fmt):
                first = self.scan(fmt).out
                self.assertEqual(self.scan(fmt, "--jobs", "1", env={"TZ": "Asia/Tokyo"}).out, first)
                self.assertEqual(self.scan(fmt, "--no-cache").out, first)

    def test_into_files(self):
        outputs = [(fmt, self.tmp / f"out.{fmt}") for fmt in self.EVERY]
        self.scan("table", *(word for fmt, path in outputs for word in ("-o", f"{fmt}={path}")))
        for fmt, path in outputs:
            if fmt != "table":
                self.assertEqual(path.read_bytes(), self.scan(fmt).out, fmt)


class Sbom(AdvisoryCase):
    def key(self, report):
        return sorted((f["kind"], f["threat"], f["severity"], f["confidence"], f["where"]["package"]["source"] or f["where"]["package"]["name"],
                       sorted(f["vulnerability"]["packages"]), f["vulnerability"]["fixed_version"], f["vulnerability"]["release"])
                      for f in report["findings"] if f.get("vulnerability"))

    def test_the_same_as_the_image(self):
        self.usual()
        feeds = {"edge": secdb("edge", {"zlib": {"1.3.2-r0": ["CVE-2024-0030"]}}), "v319": secdb("v3.19", {"zlib": {"1.3.1-r0": ["CVE-2024-0030"]}}),
                 "testing": tracker({**TRACKER, "delta": {"CVE-2024-0201": {"forky": ("open", None), "sid": ("resolved", "1.0-1")},
                                                          "CVE-2024-0202": {"forky": ("resolved", "1.0-1"), "sid": ("resolved", "1.0-2")}}})}
        self.load(**feeds)
        testing = {**debian_files("forky", [("libdelta1", "1.0-1", "delta")]), "etc/debian_version": "forky/sid\n"}
        cases = {"debian": {**debian_files("bookworm", PACKAGES), **npm_files(*NODE, ("evil", "1.0.0"))},
                 "alpine": alpine_files("3.19.1", [("zlib-dev", "1.3-r2", "zlib"), ("musl", "1.2.4-r2")]),
                 "edge": alpine_files("3.24.0_alpha20260127", [("zlib", "1.3.1-r0")]), "testing": testing}
        for name, files in cases.items():
            image = rootfs(self.tmp / f"image-{name}", files)
            want = self.report(image)
            self.assertGreater(len(self.key(want)), 0, name)
            for fmt in ("cyclonedx", "cyclonedx-1.7", "spdx"):
                with self.subTest(name, format=fmt):
                    bom = self.tmp / f"{name}.{fmt}.json"
                    self.careen.run("scan", image, "-o", f"{fmt}={bom}")
                    got = self.report(f"sbom:{bom}")
                    self.assertEqual(self.key(got), self.key(want))
                    self.assertEqual(got["image"]["distribution"], want["image"]["distribution"])

    def test_the_same_verdict(self):
        """careen's own document says all that the image does: a threshold that the image passes it passes."""
        self.usual()
        image = rootfs(self.tmp / "plain", debian_files("bookworm", PACKAGES))
        for fmt in ("cyclonedx", "spdx"):
            bom = self.tmp / f"{fmt}.json"
            self.careen.run("scan", image, "-o", f"{fmt}={bom}")
            for threshold, code in (("critical", CLEAN), ("high", FLAGGED)):
                with self.subTest(fmt, threshold=threshold):
                    args = ("--fail-on", threshold, "--unknown-as", "low")
                    self.report(image, *args, code=code)
                    self.report(f"sbom:{bom}", *args, code=code)

    def test_no_bill_of_materials(self):
        for name, content in (("empty.json", ""), ("cut.json", '{"bomFormat":"CycloneDX",'), ("other.json", "{}"), ("deep.json", "[" * 100_000)):
            with self.subTest(name):
                self.assert_fails(self.careen.run("scan", f"sbom:{self.file(name, content)}"), UNREADABLE, name)
        self.assert_fails(self.careen.run("scan", "sbom:/no/such/file"), UNREADABLE, "/no/such/file")


if __name__ == "__main__":
    main()
