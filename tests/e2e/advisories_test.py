#!/usr/bin/python3
"""The advisory database: what imports, exports and updates do on good days and bad ones. No test leaves this machine."""

import gzip
import json
import shutil
import signal
import threading

from advisory_case import NPM, PARTLY, TRACKER, AdvisoryCase, many
from advisory_images import Feeds, epss, kev, osv, osv_zip, secdb, tracker
from support import CLEAN, UNREADABLE, USAGE, Careen, careen_path, main, need, sha256_of, tool

DEBIAN_URL = "/security-tracker.debian.org/tracker/data/json"
KEV_URL = "/www.cisa.gov/sites/default/files/feeds/known_exploited_vulnerabilities.json"
EPSS_URL = "/epss.empiricalsecurity.com/epss_scores-current.csv.gz"
NPM_URL = "/osv-vulnerabilities.storage.googleapis.com/npm/all.zip"


def setUpModule():
    careen_path()


class Import(AdvisoryCase):
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


class Export(AdvisoryCase):
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


class Update(AdvisoryCase):
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


if __name__ == "__main__":
    main()
