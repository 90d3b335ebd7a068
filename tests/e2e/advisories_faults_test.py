#!/usr/bin/python3
"""The advisory database when things go wrong: feeds that are hostile or cannot be read, a kill at any moment, a full disk, a
damaged file, and scans while it changes."""

import gzip
import json
import random
import subprocess
import threading
import time
import zipfile

from advisory_case import NPM, PARTLY, TRACKER, AdvisoryCase, many
from advisory_images import debian_files, kev, osv, osv_zip, rootfs, tracker
from support import CLEAN, UNDETERMINED, UNREADABLE, careen_path, is_root, main


def setUpModule():
    careen_path()


class Hostile(AdvisoryCase):
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


class Faults(AdvisoryCase):
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


if __name__ == "__main__":
    main()
