#!/usr/bin/python3
"""Vulnerabilities from an advisory database: what imports, updates and exports do on good days and bad ones, what a scan says
with and without one, and that every report that leaves is what its format asks for. No test leaves this machine."""

import csv
import datetime
import gzip
import io
import json
import os
import random
import shutil
import signal
import subprocess
import threading
import time
import unittest
import warnings
import xml.etree.ElementTree as ElementTree
import zipfile

import images
from advisory_images import (Feeds, alpine_files, debian_files, epss, kev, layer, npm_files, osv, osv_zip, rootfs, secdb, shared, tracker)
from support import CLEAN, FLAGGED, REPO, UNDETERMINED, UNREADABLE, USAGE, Careen, Case, careen_path, find_tool, is_root, main, need, sha256_of, tool

try:
    import jsonschema
except ImportError:
    jsonschema = None

PARTLY = UNDETERMINED
DEBIAN_URL = "/security-tracker.debian.org/tracker/data/json"
KEV_URL = "/www.cisa.gov/sites/default/files/feeds/known_exploited_vulnerabilities.json"
EPSS_URL = "/epss.empiricalsecurity.com/epss_scores-current.csv.gz"
NPM_URL = "/osv-vulnerabilities.storage.googleapis.com/npm/all.zip"
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


def setUpModule():
    careen_path()


def many(n, version="1.0-2"):
    """The tracker of n packages."""
    return tracker({f"p{i}": {f"CVE-2024-{10000 + i}": {"bookworm": ("resolved", version, "high")}} for i in range(n)})


class Advisories(Case):
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


class Import(Advisories):
    def test_native_feeds(self):
        self.usual()
        self.load(list="CVE-2024-0020 (A flaw)\n\t- alpha 1.0-9 (bug #1)\n\t[bookworm] - alpha <no-dsa> (Minor issue)\nCVE-2024-0021\n\tREJECTED\n",
                  dsa="[29 Mar 2024] DSA-5001-1 alpha - security update\n\t{CVE-2024-0022 CVE-2024-0023}\n\t[bookworm] - alpha 1.0-1+deb12u1\n",
                  main_json=secdb("v3.19", {"zlib": {"1.3.1-r0": ["CVE-2024-0030"], "0": ["CVE-2024-0031"]}}))
        have = self.sources()
        self.assertEqual({n: have[n] for n in ("debian", "debian-cve-list", "debian-dsa-list", "alpine/v3.19/main", "kev", "epss", "ghsa/npm", "mal/npm")},
                         {"debian": 6, "debian-cve-list": 1, "debian-dsa-list": 1, "alpine/v3.19/main": 2, "kev": 1, "epss": 2, "ghsa/npm": 1, "mal/npm": 1})
        status = self.db("status").stdout
        for name in have:
            self.assertIn(name, status)
        self.assertIn("whole", self.db("verify").stdout)

    def test_folders_and_archives(self):
        """A folder, a compressed document, a zip below a folder; one record in an array; a byte order mark."""
        folder = self.tmp / "feeds"
        (folder / "deep" / "er").mkdir(parents=True)
        (folder / "deep" / "tracker.json.gz").write_bytes(gzip.compress(tracker(TRACKER).encode()))
        osv_zip(folder / "deep" / "er" / "npm.zip", NPM)
        (folder / "array.json").write_text(json.dumps([osv("PYSEC-2024-1", "PyPI", "Some_Thing", "2.0")]))
        (folder / "kev.json").write_bytes(b"\xef\xbb\xbf" + kev("CVE-2024-0002").encode())
        self.db("import", folder)
        self.assertEqual(self.sources(), {"debian": 6, "ghsa/npm": 1, "mal/npm": 1, "pysec/pypi": 1, "kev": 1})

    def test_a_source_is_replaced_as_a_whole_and_nothing_else(self):
        self.usual()
        before = self.sources()
        self.load(again=tracker({"alpha": {"CVE-2024-0001": TRACKER["alpha"]["CVE-2024-0001"]}}))
        self.assertEqual(self.sources(), {**before, "debian": 1})
        self.assertEqual(set(self.found()), {"CVE-2024-0001", "CVE-2024-0010"})

    def test_a_source_that_shrinks_is_told(self):
        self.load(many=many(100))
        self.assertIn("less than half", self.load(few=many(10)).stderr)
        self.assertNotIn("half", self.load(same=many(10)).stderr)

    def test_withdrawn(self):
        """What is withdrawn is not told, nor by what it said before."""
        osv_zip(self.tmp / "npm.zip", NPM)
        self.db("import", self.tmp / "npm.zip")
        self.assertIn("CVE-2024-0010", self.found())
        osv_zip(self.tmp / "npm.zip", [{**NPM[0], "withdrawn": "2026-02-03T04:05:06Z"}, NPM[1]])
        self.db("import", self.tmp / "npm.zip")
        self.assertEqual(self.found(), {})
        self.assertEqual([s["withdrawn"] for s in self.status()["sources"] if s["name"] == "ghsa/npm"], [1])

    def test_search(self):
        self.usual()
        text = self.db("search", "CVE-2024-0001").stdout
        for word in ("CVE-2024-0001", "debian", "bookworm", "alpha", "1.0-2", "EPSS"):
            self.assertIn(word, text)
        self.assertIn("exploited", self.db("search", "CVE-2024-0002").stdout)
        self.assertIn("left", self.db("search", "CVE-2024-0010").stdout, "by an alias")
        self.assertEqual({r["id"] for r in self.db("search", "alpha", "--format", "json").json()["results"]}, {"CVE-2024-0001", "CVE-2024-0002"})
        self.assertEqual(self.db("search", "nothing-such", "--format", "json").json()["results"], [])

    def test_usage(self):
        self.assert_fails(self.careen.run("db"), USAGE)
        self.assert_fails(self.careen.run("db", "import"), USAGE, "path")
        self.assert_fails(self.careen.run("db", "polish"), USAGE)
        self.assert_fails(self.careen.run("db", "import", self.tmp / "none.json"), UNREADABLE, "none.json")
        self.assert_fails(self.careen.run("db", "update", "nosuch"), USAGE, "nosuch", "--list")
        self.assert_fails(self.careen.run("db", "status", "--format", "xml"), USAGE)
        plain = self.file("plain.json", tracker(TRACKER))
        self.assert_fails(self.careen.run("db", "import", plain, "--digest", "sha256:" + "0" * 64), USAGE, "--digest")
        for words in (("verify",), ("export", self.tmp / "x"), ("search", "x")):
            self.assert_fails(self.careen.run("db", *words), UNREADABLE, "careen db update")
        self.assertIn("no advisory database", self.db("status").stdout)
        self.assertEqual(self.status()["sources"], [])

    def test_cache_dir(self):
        self.db("import", self.file("t.json", tracker(TRACKER)), "--cache-dir", self.tmp / "elsewhere")
        self.assertEqual(self.status()["sources"], [])
        self.assertIn("CVE-2024-0001", self.found(self.image, "--cache-dir", self.tmp / "elsewhere"))
        self.assertIn("debian", self.db("status", "--cache-dir", self.tmp / "elsewhere").stdout)


class Hostile(Advisories):
    def refuse(self, name, content, *words):
        """The file is refused with a reason, and nothing changes."""
        before = self.status()
        path = self.file(name, content)
        with self.subTest(name):
            run = self.careen.run("db", "import", path)
            self.assert_fails(run, UNREADABLE, name, *words)
            self.assertLess(len(run.err), 2000)
            self.assert_as_before(before)

    def setUp(self):
        super().setUp()
        self.usual()

    def test_documents(self):
        whole = tracker(TRACKER)
        self.refuse("cut.json", whole[:-20], "json")
        self.refuse("deep-open.json", '{"a":' * 200_000, "json")
        self.refuse("deep.json", "[" * 200_000 + "]" * 200_000, "deep")
        self.refuse("empty.json", "", "empty")
        self.refuse("blank.json", "\n \n", "empty")
        self.refuse("utf16.json", whole.encode("utf-16"))
        self.refuse("utf32.json", whole.encode("utf-32"))
        self.refuse("latin1.json", whole.replace("flaw", "fläw").encode("latin-1"))
        self.refuse("null.json", "null")
        self.refuse("object.json", "{}")
        self.refuse("noise", random.Random(1).randbytes(50_000))
        self.refuse("zeros", bytes(50_000))
        self.refuse("page.html", "<!doctype html><title>Sign in</title>")
        self.refuse("two.json", whole + whole, "json")
        self.refuse("anchors.yaml", "distroversion: v3.19\na: &a [x, x]\nb: &b [*a, *a, *a]\npackages: [*b]\n", "anchors")

    def test_archives(self):
        whole = osv_zip(self.tmp / "good.zip", [osv(f"GHSA-0000-0000-{i:04}", "npm", f"p{i}", "1.0.0") for i in range(200)]).read_bytes()
        self.refuse("cut.zip", whole[:len(whole) // 2], "cut short")
        self.refuse("cut-end.zip", whole[:-5])
        self.refuse("cut-begin.zip", whole[100:])
        self.refuse("cut.json.gz", gzip.compress(many(100).encode())[:-100], "early")
        with zipfile.ZipFile(self.tmp / "bomb", "w", zipfile.ZIP_DEFLATED) as z:
            z.writestr("x.json", b" " * (300 << 20))
        self.refuse("bomb.zip", (self.tmp / "bomb").read_bytes(), "at most")
        damaged = bytearray(whole)
        damaged[60] ^= 0xff
        self.refuse("damaged.zip", bytes(damaged))
        with zipfile.ZipFile(self.tmp / "other", "w") as z:
            z.writestr("readme.txt", "no advisories")
        self.refuse("other.zip", (self.tmp / "other").read_bytes(), "no advisories")

    def test_paths_of_an_archive_go_nowhere(self):
        with zipfile.ZipFile(self.tmp / "slip.zip", "w") as z:
            z.writestr("../../../slipped.json", json.dumps(NPM[0]))
            z.writestr("/slipped.json", json.dumps(NPM[1]))
        self.db("import", self.tmp / "slip.zip")
        self.assertEqual([p for p in self.tmp.rglob("slipped*")], [])

    def test_records_that_cannot_be_read(self):
        """Told and counted, and the rest goes on."""
        bad = [{**NPM[0], "id": "GHSA-0000-0000-0001", "affected": 7}, {**NPM[0], "id": "GHSA-0000-0000-0002", "affected": [{"package": 3}]},
               {**NPM[0], "id": "GHSA-0000-0000-0003\n"}, {**NPM[0], "id": ["x"]}]
        for n, record in enumerate(bad):
            with self.subTest(n):
                with zipfile.ZipFile(self.tmp / "some.zip", "w") as z:
                    z.writestr("bad.json", json.dumps(record))
                    for good in NPM:
                        z.writestr(good["id"] + ".json", json.dumps(good))
                run = self.db("import", self.tmp / "some.zip", code=PARTLY)
                self.assertIn("not read", run.stderr)
                self.assertIn("CVE-2024-0010", self.found())

    def test_a_document_of_many_that_cannot_be_read(self):
        folder = self.tmp / "feeds"
        folder.mkdir()
        (folder / "a.json").write_text(tracker(TRACKER)[:-9])
        (folder / "b.json").write_text(kev("CVE-2024-0001", "CVE-2024-0002"))
        run = self.db("import", folder, code=PARTLY)
        self.assertIn("a.json", run.stderr)
        self.assertEqual(self.sources()["kev"], 2)
        self.assertEqual(self.sources()["debian"], 6, "what cannot be read takes no place")

    def test_control_characters(self):
        """Text of a feed reaches no terminal as it is."""
        evil = osv("GHSA-eeee-eeee-eeee", "npm", "right", "2.0.0", "HIGH", summary="\x1b[2J\x1b]0;owned\x07 \u202e <script>alert(1)</script>")
        self.db("import", self.file("evil.json", json.dumps(evil)), code=(CLEAN, PARTLY))
        for words in (("scan", self.image), ("scan", self.image, "--format", "html"), ("scan", self.image, "--format", "markdown"),
                      ("db", "search", "GHSA-eeee-eeee-eeee"), ("db", "status")):
            run = self.careen.run(*words)
            self.assertNotIn(b"\x1b", run.out + run.err, words)
            self.assertNotIn("\u202e", run.stdout, words)
            if "html" in words or "markdown" in words:
                self.assertNotIn(b"<script>alert", run.out, words)


class Faults(Advisories):
    def test_killed_at_any_moment(self):
        """The old database or the new one, whole, wherever the kill falls."""
        old = self.file("old.json", many(2_000))
        new = self.file("new.json", many(30_000, "1.0-3"))
        self.db("import", old)
        image = rootfs(self.tmp / "one", debian_files("bookworm", [("p7", "1.0-1")]))
        before = self.sources()
        start = time.monotonic()
        self.db("import", new, "--cache-dir", self.tmp / "measure")
        whole = time.monotonic() - start
        kept = finished = 0
        for n in range(40):
            process = self.careen.start("db", "import", new)
            time.sleep(whole * n / 30)
            process.kill()
            process.communicate()
            self.db("verify")
            have = self.sources()
            self.assertIn(have, (before, {"debian": 30_000}))
            self.assertEqual(list(self.found(image)), ["CVE-2024-10007"])
            kept, finished = kept + (have == before), finished + (have != before)
            if have != before:
                self.db("import", old)
        self.assertGreater(kept, 5)
        leftovers = [p.name for p in (self.careen.cache / "careen" / "advisories").iterdir()]
        self.assertLess(len(leftovers), 8, f"what killed imports leave is taken away by the next: {leftovers}")

    def test_full_disk(self):
        if not is_root():
            self.skipTest("only root mounts a small file system")
        small = self.tmp / "small"
        small.mkdir()
        if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", small], stderr=subprocess.DEVNULL).returncode != 0:
            self.skipTest("no tmpfs can be mounted here")
        self.addCleanup(subprocess.run, ["umount", small], check=True)
        where = ("--cache-dir", small / "cache")
        self.db("import", self.file("old.json", many(500)), *where)
        before = self.db("status", "--format", "json", *where).json()
        run = self.careen.run("db", "import", self.file("new.json", many(30_000)), *where)
        self.assert_fails(run, UNREADABLE, "no space")
        self.assertEqual(self.db("status", "--format", "json", *where).json(), before)
        self.db("verify", *where)
        self.db("import", self.tmp / "old.json", *where)
        self.load(big=many(30_000))
        run = self.careen.run("db", "export", small / "out.careen")
        self.assert_fails(run, UNREADABLE, "no space")
        self.assertFalse((small / "out.careen").exists())

    def test_a_damaged_database(self):
        self.usual()
        path = self.careen.cache / "careen" / "advisories" / "advisories.db"
        whole = path.read_bytes()
        for name, content in (("cut", whole[:-9]), ("empty", b""), ("noise", random.Random(2).randbytes(9_000)), ("head", whole[:40] + b"\xff" + whole[41:])):
            with self.subTest(name):
                path.write_bytes(content)
                self.assert_code(self.careen.run("db", "verify"), (PARTLY, UNREADABLE))
                self.assertEqual({r["state"] for r in self.rows()}, {"not_looked"})
                self.report(self.image, "--fail-on", "critical", code=UNDETERMINED)
                self.db("import", self.file("t.json", tracker(TRACKER)))
                self.db("verify")
                self.assertIn("CVE-2024-0001", self.found())
        path.write_bytes(whole[:len(whole) // 3] + bytes([whole[len(whole) // 3] ^ 1]) + whole[len(whole) // 3 + 1:])
        self.assert_code(self.careen.run("db", "verify"), (PARTLY, UNREADABLE))
        self.assert_code(self.careen.run("db", "export", self.tmp / "damaged.careen"), (PARTLY, UNREADABLE))

    def test_scans_while_it_changes(self):
        """A scan sees the old database or the new one."""
        image = rootfs(self.tmp / "one", debian_files("bookworm", [("p7", "1.0-1")]))
        old, new = self.file("old.json", many(3_000)), self.file("new.json", many(3_000, "1.0-3"))
        self.db("import", old)
        stop, failures = threading.Event(), []

        def change():
            while not stop.is_set():
                for feed in (new, old):
                    if (run := self.careen.run("db", "import", feed)).code:
                        failures.append(str(run))

        thread = threading.Thread(target=change)
        thread.start()
        try:
            fixes = {self.found(image)["CVE-2024-10007"]["vulnerability"]["fixed_version"] for _ in range(30)}
        finally:
            stop.set()
            thread.join()
        self.assertEqual(failures, [])
        self.assertLessEqual(fixes, {"1.0-2", "1.0-3"})


class Export(Advisories):
    def setUp(self):
        super().setUp()
        self.usual()
        self.other = Careen(self.tmp / "other")
        self.out = self.tmp / "advisories.careen"

    def export(self, *args):
        return self.db("export", self.out, *args).stdout.split()[-1]

    def key(self, name):
        need("openssl")
        private, public = self.tmp / f"{name}.pem", self.tmp / f"{name}.pub.pem"
        tool("openssl", "genpkey", "-algorithm", "ed25519", "-out", private)
        tool("openssl", "pkey", "-in", private, "-pubout", "-out", public)
        return private, public

    def test_there_and_back(self):
        digest = self.export()
        self.assertEqual(digest, self.status()["digest"])
        self.db("import", self.out, "--digest", digest, careen=self.other)
        self.assertEqual(self.status(self.other)["sources"], self.status()["sources"])
        there = self.other.scan(self.image).json()
        self.assertEqual(there, self.careen.scan(self.image).json())
        self.db("export", self.tmp / "again.careen", careen=self.other)
        self.db("import", self.tmp / "again.careen", careen=Careen(self.tmp / "third"))

    def test_beside_what_is_there(self):
        """The sources of the file replace those of the same name, and no others."""
        self.export()
        self.db("import", self.file("other.json", secdb("v3.19", {"zlib": {"1.3.1-r0": ["CVE-2024-0030"]}})), careen=self.other)
        self.db("import", self.out, careen=self.other)
        self.assertEqual(self.sources(self.other), {**self.sources(), "alpine/v3.19/main": 1})

    def test_the_wrong_digest(self):
        self.export()
        self.assert_fails(self.other.run("db", "import", self.out, "--digest", "sha256:" + "0" * 64), UNREADABLE, "--digest")
        self.assertEqual(self.sources(self.other), {})

    def test_signatures(self):
        (private, public), (_, stranger) = self.key("mine"), self.key("stranger")
        self.export("--key", private)
        signature = self.tmp / "advisories.careen.sig"
        self.db("import", self.out, "--key", public, careen=self.other)
        other = Careen(self.tmp / "third")
        self.assert_fails(other.run("db", "import", self.out, "--key", stranger), UNREADABLE)
        self.assert_fails(other.run("db", "import", self.out, "--key", self.tmp / "no.pem"), UNREADABLE, "no.pem")
        text = signature.read_text()
        signature.write_text(text.replace(text[5], "A" if text[5] != "A" else "B", 1))
        self.assert_fails(other.run("db", "import", self.out, "--key", public), UNREADABLE)
        signature.write_text("")
        self.assert_fails(other.run("db", "import", self.out, "--key", public), UNREADABLE)
        signature.unlink()
        self.assert_fails(other.run("db", "import", self.out, "--key", public), UNREADABLE, ".sig")
        self.assertEqual(self.sources(other), {})
        signature.write_text(text)
        self.load(more=kev("CVE-2024-0009"))
        self.db("export", self.out)  # another database, and the signature of the first
        self.assert_fails(other.run("db", "import", self.out, "--key", public), UNREADABLE)

    def test_damage_anywhere(self):
        digest = self.export()
        whole = self.out.read_bytes()
        self.db("import", self.file("old.json", kev("CVE-2024-0001")), careen=self.other)
        before = self.status(self.other)
        places = {*range(0, 12), *range(16, 64, 5), *range(64, len(whole), 29), len(whole) - 1}
        for at in sorted(places):
            damaged = bytearray(whole)
            damaged[at] ^= 1 << at % 8
            run = self.other.run("db", "import", self.file("damaged.careen", bytes(damaged)))
            self.assert_fails(run, UNREADABLE, "damaged.careen")
        for n in (0, 7, 8, 60, len(whole) // 2, len(whole) - 1):
            run = self.other.run("db", "import", self.file("cut.careen", whole[:n]), "--digest", digest)
            self.assertIn(run.code, (USAGE, UNREADABLE), str(run))
        self.assert_fails(self.other.run("db", "import", self.file("longer.careen", whole + b"x")), UNREADABLE)
        self.assert_as_before(before, self.other)


class Update(Advisories):
    def setUp(self):
        super().setUp()
        self.feeds = Feeds()
        self.addCleanup(self.feeds.stop)
        self.feeds.put(DEBIAN_URL, many(300))
        self.feeds.put(KEV_URL, kev("CVE-2024-10001"))
        self.feeds.put(EPSS_URL, epss({"CVE-2024-10001": (0.5, 0.9)}))
        self.feeds.put(NPM_URL, osv_zip(self.tmp / "all.zip", NPM).read_bytes())

    def update(self, *sources, code=CLEAN, **kw):
        return self.db("update", *(sources or ("debian", "kev", "epss", "osv/npm")), "--mirror", self.feeds.base, code=code, **kw)

    def test_from_a_mirror(self):
        """Every address is found as BASE/HOST/PATH, whichever way the base is told."""
        self.update()
        self.assertEqual(self.sources(), {"debian": 300, "kev": 1, "epss": 1, "ghsa/npm": 1, "mal/npm": 1})
        self.assertEqual(sorted(path for path, _ in self.feeds.requests), sorted([DEBIAN_URL, KEV_URL, EPSS_URL, NPM_URL]))
        self.assertTrue(all(s["origin"].startswith("https://") for s in self.status()["sources"]), "the origin is the feed's own address")
        other = Careen(self.tmp / "other", CAREEN_DB_MIRROR=self.feeds.base + "/")
        self.db("update", "debian", careen=other)
        self.assertEqual(self.sources(other), {"debian": 300})
        listed = self.db("update", "--list").stdout
        for path in (DEBIAN_URL, KEV_URL, EPSS_URL, NPM_URL):
            self.assertIn("https:/" + path, listed)

    def test_import_of_an_address(self):
        self.db("import", self.feeds.base + KEV_URL)
        self.assertEqual(self.sources(), {"kev": 1})
        self.assert_fails(self.careen.run("db", "import", self.feeds.base + "/none.json"), UNREADABLE, "404")

    def test_what_did_not_change_is_not_fetched(self):
        self.update()
        before = self.status()
        self.feeds.requests.clear()
        self.assertIn("4 unchanged", self.update().stdout)
        self.assertEqual(len(self.feeds.requests), 4)
        self.assertTrue(all("if-none-match" in headers for _, headers in self.feeds.requests))
        self.assert_as_before(before)
        # Once the database is gone, what is asked for is the whole again.
        shutil.rmtree(self.careen.cache / "careen" / "advisories")
        self.feeds.requests.clear()
        self.update()
        self.assertFalse(any("if-none-match" in headers for _, headers in self.feeds.requests))
        self.assertEqual(len(self.sources()), 5)
        (self.careen.cache / "careen" / "advisories" / "advisories.db").unlink()
        self.update()
        self.assertEqual(len(self.sources()), 5)

    def test_a_connection_that_is_cut(self):
        whole, ranges = many(300).encode(), []

        def cut(handler, body):
            ranges.append(handler.headers.get("Range"))
            if len(ranges) > 1:
                return False
            handler.answer(200, body[:len(body) // 2], length=len(body), ETag='"' + sha256_of(body)[:16] + '"')
            return True

        self.feeds.behave(DEBIAN_URL, cut)
        self.update("debian")
        self.assertEqual(ranges, [None, f"bytes={len(whole) // 2}-"])
        self.assertEqual(self.sources(), {"debian": 300})

    def test_a_download_goes_on_in_the_next_update(self):
        half = len(many(300)) // 2

        def cut(handler, body):
            begin = int(handler.headers.get("Range", "bytes=0-")[6:-1])
            tag = '"' + sha256_of(body)[:16] + '"'
            if begin == 0:
                handler.answer(200, body[:half], length=len(body), ETag=tag)
            else:
                handler.answer(206, b"", length=len(body) - begin, ETag=tag, Content_Range=f"bytes {begin}-{len(body) - 1}/{len(body)}")
            return True

        self.feeds.behave(DEBIAN_URL, cut)
        self.update("debian", code=UNREADABLE)
        self.feeds.behaviour.clear()
        self.feeds.requests.clear()
        self.update("debian")
        self.assertEqual(self.feeds.asked(DEBIAN_URL)[0].get("range"), f"bytes={half}-")
        self.assertEqual(self.sources(), {"debian": 300})

    def replaced(self, second):
        """A connection that is cut; then the feed is another, and `second` answers."""
        old, new = many(300).encode(), many(300, "1.0-3").encode()
        self.assertEqual(len(old), len(new))
        asked = []

        def behave(handler, _):
            asked.append(handler.headers.get("Range"))
            if len(asked) == 1:
                handler.answer(200, old[:len(old) // 2], length=len(old), ETag='"old"')
                return True
            return second(handler, asked[-1], new)

        self.feeds.put(DEBIAN_URL, new)
        self.feeds.behave(DEBIAN_URL, behave)
        if self.update("debian", code=(CLEAN, UNREADABLE)).code != CLEAN:
            self.feeds.behaviour.clear()
            self.update("debian")
        fixes = {r["affected"] for name in ("p1", "p299") for r in self.db("search", name, "--format", "json").json()["results"]}
        self.assertEqual(fixes, {"<1.0-3"}, "of one version alone, and that the new one")

    def test_a_feed_that_is_replaced_in_mid_download(self):
        self.replaced(lambda handler, *_: False)

    def test_a_server_that_goes_on_with_another_version(self):
        """If-Range is passed over, and a part comes of what is there now: it must not be joined to what was."""
        def part(handler, asked, new):
            if not asked:
                return False
            begin = int(asked[6:-1])
            handler.answer(206, new[begin:], ETag='"new"', Content_Range=f"bytes {begin}-{len(new) - 1}/{len(new)}")
            return True

        self.replaced(part)

    def test_a_server_that_begins_elsewhere(self):
        """A part that is not the part that was asked for."""
        def part(handler, asked, new):
            if not asked:
                return False
            handler.answer(206, new[10:], ETag='"old"', Content_Range=f"bytes 10-{len(new) - 1}/{len(new)}")
            return True

        self.replaced(part)

    def test_answers_that_are_no_feed(self):
        """404, 500, a page, half a document, nothing: told, and the last good data stay; the other feeds are brought."""
        self.update()
        before = self.sources()

        def status(code):
            return lambda handler, _: (handler.answer(code, b"no"), True)[1]

        def body(content):
            return lambda handler, _: (handler.answer(200, content), True)[1]

        for n, (name, behaviour) in enumerate((("404", status(404)), ("500", status(500)), ("page", body(b"<!doctype html><p>Sign in")),
                                               ("half", body(many(300)[:-99].encode())), ("nothing", body(b"")), ("object", body(b"{}")))):
            with self.subTest(name):
                self.feeds.behave(DEBIAN_URL, behaviour)
                self.feeds.put(KEV_URL, kev(*(f"CVE-2024-{20000 + i}" for i in range(n + 2))))
                run = self.update("debian", "kev", code=PARTLY)
                self.assertIn("last good data stay: debian", run.stderr)
                self.assertEqual(self.sources(), {**before, "kev": n + 2})
                if name.isdigit():
                    self.assertIn(name, run.stderr)
                run = self.update("debian", code=UNREADABLE)
                self.assertEqual(self.sources(), {**before, "kev": n + 2})
        self.db("verify")
        self.feeds.behaviour.clear()
        self.feeds.put(DEBIAN_URL, many(400))
        self.update("debian")
        self.assertEqual(self.sources()["debian"], 400)

    def test_nobody_listens(self):
        self.update()
        before = self.status()
        self.feeds.stop()
        self.addCleanup(setattr, self.feeds, "stop", lambda: None)
        run = self.db("update", "debian", "kev", "--mirror", "http://127.0.0.1:9", code=UNREADABLE)
        self.assertIn("last good data stay", run.stderr)
        self.assert_as_before(before)
        self.feeds.stop = lambda: None

    def test_two_at_once(self):
        """The second says so and leaves; a scan does not wait."""
        self.update("kev")
        asked, go_on = threading.Event(), threading.Event()
        self.addCleanup(go_on.set)

        def wait(*_):
            asked.set()
            go_on.wait(120)
            return False

        self.feeds.behave(DEBIAN_URL, wait)
        first = self.careen.start("db", "update", "debian", "--mirror", self.feeds.base)
        self.assertTrue(asked.wait(60))
        for words in (("update", "kev", "--mirror", self.feeds.base), ("import", self.file("k.json", kev("CVE-2024-0001")))):
            self.assert_fails(self.careen.run("db", *words), UNREADABLE, "another careen")
        self.report(self.image, code=CLEAN)
        self.assertEqual(self.sources(), {"kev": 1})
        go_on.set()
        first.communicate(timeout=120)
        self.assertEqual(first.returncode, CLEAN)
        self.assertEqual(self.sources(), {"kev": 1, "debian": 300})

    def test_interrupted(self):
        """An update that is told to stop, or killed, holds up none that comes after it."""
        for how in (signal.SIGTERM, signal.SIGINT, signal.SIGKILL):
            with self.subTest(how.name):
                asked, go_on = threading.Event(), threading.Event()
                self.feeds.behave(DEBIAN_URL, lambda *_: (asked.set(), go_on.wait(120), False)[2])
                process = self.careen.start("db", "update", "debian", "--mirror", self.feeds.base)
                self.assertTrue(asked.wait(60))
                process.send_signal(how)
                process.communicate(timeout=60)
                self.assertNotEqual(process.returncode, 0)
                go_on.set()
                self.feeds.behaviour.clear()
                self.update("kev")

    def test_before_a_scan(self):
        self.feeds.put(DEBIAN_URL, tracker(TRACKER))
        run = self.careen.scan(self.image, "--db-update", "--no-progress", env={"CAREEN_DB_MIRROR": self.feeds.base})
        self.assert_code(run, CLEAN)
        self.assertIn("CVE-2024-0001", {f["threat"] for f in run.json()["findings"]})


class Scan(Advisories):
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


class Suppress(Advisories):
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


class Formats(Advisories):
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


class Sbom(Advisories):
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


class Fleet(Advisories):
    """Questions about an inventory, with the network taken away where that can be done."""

    def setUp(self):
        super().setUp()
        self.usual()
        self.load(secdb=secdb("v3.19", {"zlib": {"1.3.1-r0": ["CVE-2024-0030"]}}))
        layout = images.OciLayout(self.tmp / "layout")
        base = layer(debian_files("bookworm", PACKAGES))
        fixed = layer(debian_files("bookworm", [("libalpha1", "1.0-2", "alpha")]), "RUN apt-get upgrade")
        plan = {"base": [base], "app": [base, layer(npm_files(*NODE), "RUN npm install")], "fixed": [base, fixed],
                "clean": [layer(debian_files("bookworm", [("alpha", "9.0-1")]))], "alpine": [layer(alpine_files("3.19.1", [("zlib", "1.3-r2")]))],
                "evil": [layer({**debian_files("bookworm", []), **npm_files(("evil", "1.0"))})],
                "empty": [layer({"etc/nothing": "x\n"})]}
        self.images = {name: layout.add(name, layers) for name, layers in plan.items()}
        self.digests = {m["annotations"]["org.opencontainers.image.ref.name"]: m["digest"] for m in layout.manifests}
        self.store = self.tmp / "store.sqlite"
        self.assert_code(self.careen.run("index", layout.path, "--store", self.store), CLEAN)
        shutil.rmtree(layout.path)
        layout = images.OciLayout(self.tmp / "layout")
        self.again = {name: layout.add(name, layers) for name, layers in plan.items()}

    def ask(self, *words, code=None):
        words = [*map(str, words), "--store", str(self.store), "--format", "json"]
        offline = is_root() and find_tool("unshare") and subprocess.run([find_tool("unshare"), "-n", "true"], stderr=subprocess.DEVNULL).returncode == 0
        if offline:
            done = subprocess.run([find_tool("unshare"), "-n", self.careen.binary, *words], env=self.careen.environment(), stdin=subprocess.DEVNULL,
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=300)
            self.assertIn(done.returncode, (code,) if code is not None else (0, 1), done.stderr.decode())
            return json.loads(done.stdout)
        run = self.careen.run(*words)
        self.assert_code(run, code)
        return run.json()

    def affected(self):
        """{id: {digest}} as scans find it."""
        out = {}
        for name, image in self.again.items():
            for ident, finding in self.found(image, code=(CLEAN, FLAGGED)).items():
                for word in (ident, *finding["vulnerability"]["aliases"]):
                    out.setdefault(word, set()).add(self.digests[name])
        return out

    def test_hunt_and_exposure_equal_scans(self):
        want = self.affected()
        self.assertLessEqual({"CVE-2024-0001", "CVE-2024-0002", "CVE-2024-0006", "CVE-2024-0010", "CVE-2024-0030", "GHSA-mqcf-gqvg-rmhm",
                              "MAL-2024-1"}, set(want))
        for ident, digests in sorted(want.items()):
            with self.subTest(ident):
                matches = self.ask("hunt", ident, code=1)["matches"]
                self.assertEqual({m["image"]["digest"] for m in matches}, digests)
                document = self.ask("exposure", ident, code=1)
                self.assertEqual({x["image"]["digest"] for x in document["images"]}, digests)
        self.assertEqual(self.digests["base"], self.ask("exposure", "CVE-2024-0001")["rebuild_first"][0]["digest"])
        for ident in ("CVE-2024-0003", "CVE-2024-0005"):
            self.assertEqual(self.ask("hunt", ident, code=0)["matches"], [])
            self.assertEqual(self.ask("exposure", ident, code=0)["images"], [])
        for words in (("hunt", "CVE-2024-9999"), ("exposure", "CVE-2024-9999")):
            self.assert_fails(self.careen.run(*words, "--store", self.store), USAGE, "CVE-2024-9999", "careen db search")

    def test_without_a_database(self):
        shutil.rmtree(self.careen.cache / "careen" / "advisories")
        for words in (("hunt", "CVE-2024-0001"), ("exposure", "CVE-2024-0001")):
            self.assert_fails(self.careen.run(*words, "--store", self.store), USAGE, "careen db update")
        self.assert_fails(self.careen.run("db", "news", "--store", self.store), UNREADABLE, "careen db")

    def test_news(self):
        recent = f"{TODAY}T00:00:00Z"
        news = [osv("GHSA-nnnn-nnnn-nnnn", "npm", "left", "1.2.0", "HIGH", published=recent, modified=recent, aliases=["CVE-2024-0050"]),
                osv("GHSA-mmmm-mmmm-mmmm", "npm", "nobody-has-it", "1.2.0", "HIGH", published=recent, modified=recent), *NPM]
        self.db("import", osv_zip(self.tmp / "npm.zip", news))
        document = self.ask("db", "news", code=1)
        self.assertEqual([(a["id"], a["images"]) for a in document["advisories"]], [("CVE-2024-0050", 1)])
        self.assertEqual(document["searched"], len(self.images))
        document = self.ask("db", "news", "--since", "2025-12-31", code=1)
        self.assertLessEqual({"CVE-2024-0050", "CVE-2024-0010", "MAL-2024-1"}, {a["id"] for a in document["advisories"]})
        tomorrow = TODAY + datetime.timedelta(days=2)
        self.assertEqual(self.ask("db", "news", "--since", str(tomorrow), code=0)["advisories"], [])
        self.assert_fails(self.careen.run("db", "news", "--since", "lately", "--store", self.store), USAGE, "--since")


if __name__ == "__main__":
    main()
