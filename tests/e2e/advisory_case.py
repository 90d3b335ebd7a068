#!/usr/bin/python3
"""What the tests of an advisory database share: a few packages and what feeds say of them, an image that has them, and a careen
whose database is asked what it holds."""

import datetime
import json

from advisory_images import debian_files, epss, kev, npm_files, osv, osv_zip, rootfs, tracker
from support import CLEAN, UNDETERMINED, Case

PARTLY = UNDETERMINED
TODAY = datetime.datetime.now(datetime.timezone.utc).date()

# Debian 12 of these packages has of alpha a high one with a fix and an unknown one without, of beta nothing that counts.
PACKAGES = [("libalpha1", "1.0-1+b1", "alpha", "1.0-1"), ("alpha-tools", "1.0-1", "alpha"), ("beta", "2.0-1"), ("gamma", "1:3.0-1")]
TRACKER = {
    "alpha": {"CVE-2024-0001": {"bookworm": ("resolved", "1.0-2", "high"), "sid": ("resolved", "1.0-2", "high")},
              "CVE-2024-0002": {"bookworm": ("open", None), "sid": ("resolved", "1.1-1")}},
    "beta": {"CVE-2024-0003": {"bookworm": ("resolved", "2.0-1", "high")}, "CVE-2024-0004": {"bookworm": ("open", None, "unimportant")},
             "CVE-2024-0005": {"bookworm": ("resolved", "0")}},
    "gamma": {"CVE-2024-0006": {"bookworm": ("open", None, "low", {"nodsa": "Minor issue", "nodsa_reason": "postponed"})}}}
NPM = [osv("GHSA-mqcf-gqvg-rmhm", "npm", "left", "1.1.0", "CRITICAL", aliases=["CVE-2024-0010"]), osv("MAL-2024-1", "npm", "evil")]
NODE = [("left", "1.0.0"), ("right", "1.0.0")]


def many(n, version="1.0-2"):
    """The tracker of n packages."""
    return tracker({f"p{i}": {f"CVE-2024-{10000 + i}": {"bookworm": ("resolved", version, "high")}} for i in range(n)})


def open_vex(*statements, **document):
    """OpenVEX; a statement is (vulnerability, status, product[, part[, time]])."""
    rows = []
    for vulnerability, status, product, *rest in statements:
        row = {"vulnerability": {"name": vulnerability}, "status": status,
               "products": [{"@id": product, **({"subcomponents": [{"@id": rest[0]}]} if rest and rest[0] else {})}]}
        if status == "not_affected":
            row["justification"] = "vulnerable_code_not_in_execute_path"
        if len(rest) > 1:
            row["timestamp"] = rest[1]
        rows.append(row)
    return json.dumps({"@context": "https://openvex.dev/ns/v0.2.0", "@id": "https://example.invalid/vex", "author": "A Team", "version": 1,
                       "timestamp": "2026-01-02T03:04:05Z", "statements": rows, **document})


class AdvisoryCase(Case):
    def setUp(self):
        super().setUp()
        self.image = rootfs(self.tmp / "image", {**debian_files("bookworm", PACKAGES), **npm_files(*NODE)})

    def file(self, name, content):
        path = self.tmp / name
        path.write_bytes(content) if isinstance(content, bytes) else path.write_text(content)
        return path

    def db(self, *words, code=CLEAN, careen=None, **kw):
        run = (careen or self.careen).run("db", *words, **kw)
        self.assert_code(run, code)
        return run

    def load(self, code=CLEAN, **feeds):
        """Imports feeds; `t="..."` is a file of that content."""
        return self.db("import", *(self.file(name, content) for name, content in feeds.items()), code=code)

    def usual(self):
        self.load(tracker=tracker(TRACKER), kev=kev("CVE-2024-0002"), epss=epss({"CVE-2024-0001": (0.5, 0.9), "CVE-2024-0010": (0.01, 0.2)}))
        self.db("import", osv_zip(self.tmp / "npm.zip", NPM))

    def status(self, careen=None):
        return self.db("status", "--format", "json", careen=careen).json()

    def sources(self, careen=None):
        return {s["name"]: s["records"] for s in self.status(careen)["sources"]}

    def found(self, image=None, *args, code=CLEAN):
        """{id: finding} of the vulnerabilities and malware of a scan."""
        report = self.report(image or self.image, *args, code=code)
        return {f["threat"]: f for f in report["findings"] if f["kind"] in ("vulnerability", "malware")}

    def rows(self, *args, image=None, code=CLEAN):
        return [c for c in self.report(image or self.image, *args, code=code)["coverage"] if c["question"] == "vulnerabilities"]

    def assert_as_before(self, before, careen=None):
        self.assertEqual(self.status(careen), before)
        self.db("verify", careen=careen)
