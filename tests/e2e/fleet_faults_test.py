#!/usr/bin/python3
"""The inventory when things go wrong: no store, a damaged one, a kill at any moment, two crawls at
once, and registries whose lists are hostile."""

import contextlib
import functools
import json
import random
import re
import signal
import sqlite3
import time
import unittest

import samples
from fleet_plan import Plan, rows
from images import OciLayout
from registry import Server
from support import Careen, Case, careen_path, main, need, scratch

SEED = random.SystemRandom().randrange(1 << 32)
QUESTIONS = (("hunt", "package:tool"), ("exposure", "CVE-2024-3094"), ("lineage", "registry.example/app:1"))


def setUpModule():
    careen_path()


@functools.lru_cache(maxsize=None)
def the_plan():
    need("skopeo", "docker-registry")
    hold = scratch()
    plan = Plan(hold.__enter__())
    unittest.addModuleCleanup(hold.__exit__, None, None, None)
    return plan


class Stores(Case):
    """What is no inventory is said to be none, and left as it is."""

    def setUp(self):
        super().setUp()
        self.store = self.tmp / "store.sqlite"
        self.layout = OciLayout(self.tmp / "layout")
        self.layout.add("bad", samples.poisoned())
        self.layout.add("good", samples.clean())

    def ask(self, *words, **kw):
        return self.careen.run(*words, "--store", self.store, **kw)

    def fill(self):
        run = self.ask("index", self.layout.path)
        self.assert_code(run, 0)

    def test_none(self):
        for words in QUESTIONS:
            with self.subTest(words[0]):
                self.assert_fails(self.ask(*words), 4, "run careen index", str(self.store))
                self.assert_fails(self.careen.run(*words), 4, "run careen index")
                self.assertEqual(list(self.tmp.glob("store*")), [], "a question makes no store")
        self.assertIn("run careen index", self.ask("status").stdout)
        self.assertEqual(list(self.tmp.rglob("inventory*")), [])

    def test_empty(self):
        self.store.write_bytes(b"")
        for words in QUESTIONS:
            with self.subTest(words[0] + " of no bytes"):
                self.assert_fails(self.ask(*words), 4, "run careen index")
        self.assertEqual(self.store.read_bytes(), b"")
        (self.tmp / "nothing").mkdir()
        self.assertEqual(self.ask("index", self.tmp / "nothing").code, 0)
        for words in QUESTIONS:
            with self.subTest(words[0] + " without images"):
                self.assert_fails(self.ask(*words), 4, "run careen index")

    def assert_left(self, data):
        for words in (*QUESTIONS, ("index", self.layout.path), ("store", "check")):
            with self.subTest(words[0]):
                run = self.ask(*words)
                self.assertIn(run.code, (3, 4) if words[-1] == "check" else (4,), str(run))
                self.assertTrue(run.stderr.strip() or words[-1] == "check", str(run))
                self.assertTrue(self.store.read_bytes() == data, f"{words}: the file was changed")

    def test_no_database(self):
        data = b"this is a letter, not an inventory\n" * 500
        self.store.write_bytes(data)
        self.assert_left(data)

    def test_another_programs_database(self):
        with contextlib.closing(sqlite3.connect(self.store)) as db:
            db.executescript("CREATE TABLE recipes(name TEXT); INSERT INTO recipes VALUES('hardtack');")
        self.assert_left(self.store.read_bytes())

    def test_cut_off(self):
        self.fill()
        data = self.store.read_bytes()[:len(self.store.read_bytes()) // 2]
        self.store.write_bytes(data)
        self.assert_left(data)

    def test_overwritten(self):
        """Every page but the first is rubbish."""
        self.fill()
        data = bytearray(self.store.read_bytes())
        data[4096:] = random.Random(1).randbytes(len(data) - 4096)
        self.store.write_bytes(data)
        self.assert_left(bytes(data))

    def test_newer_schema(self):
        self.fill()
        with contextlib.closing(sqlite3.connect(self.store)) as db:
            db.execute("UPDATE meta SET value='99' WHERE key='schema'")
            db.commit()
        for words in (*QUESTIONS, ("index", self.layout.path)):
            with self.subTest(words[0]):
                self.assert_fails(self.ask(*words), 4, "newer", "99")

    def test_rows_that_lie(self):
        """Bytes of an image that cannot be read are no clean image: not silently zero."""
        self.fill()
        with contextlib.closing(sqlite3.connect(self.store)) as db:
            db.execute("UPDATE inv_image SET body=x'00ff00ff'")
            db.commit()
        run = self.ask("hunt", "package:tool")
        self.assertIn(run.code, (3, 4), str(run))
        self.assertNotEqual(self.ask("store", "check").code, 0)

    def test_check(self):
        self.fill()
        run = self.ask("store", "check")
        self.assertEqual((run.code, run.stdout.startswith("whole")), (0, True), str(run))

    def test_place_that_cannot_be(self):
        for place in ("/proc/none/store.sqlite", self.layout.path / "index.json/store.sqlite", self.tmp):
            run = self.careen.run("index", self.layout.path, "--store", place)
            self.assertEqual(run.code, 4, str(run))
            self.assertTrue(run.stderr.strip())


class Interrupted(Case):
    def setUp(self):
        super().setUp()
        self.plan = the_plan()
        self.registry = self.plan.filled(self.tmp / "registry")
        self.addCleanup(self.registry.stop)
        self.source = self.registry.host + "/"

    def index(self, store, careen=None):
        run = (careen or self.careen).run("index", self.source, "--store", store)
        self.assert_code(run, 0)
        return run

    def assert_same(self, store, truth, why):
        found = rows(store)
        for name, want in truth.items():
            self.assertEqual(found[name], want, f"{name}: {why}")
        run = self.careen.run("store", "check", "--store", store)
        self.assertEqual(run.code, 0, f"{why}\n{run}")

    def truth(self):
        begun = time.monotonic()
        self.index(self.tmp / "truth.sqlite")
        took = time.monotonic() - begun
        truth = rows(self.tmp / "truth.sqlite")
        self.assertEqual(len(truth["images"]), len(self.plan.images))
        self.assertEqual(len(truth["layers"]), len(self.plan.diff_ids))
        return truth, took

    def test_same_twice(self):
        """What the other tests rest on: two runs write the same rows."""
        truth, _ = self.truth()
        self.index(self.tmp / "again.sqlite")
        self.assert_same(self.tmp / "again.sqlite", truth, "a second store")
        self.index(self.tmp / "again.sqlite")
        self.assert_same(self.tmp / "again.sqlite", truth, "the same store again")

    def test_killed(self):
        truth, took = self.truth()
        dice = random.Random(SEED)
        partial = 0
        for n in range(10):
            store = self.tmp / f"killed-{n}.sqlite"
            moments = [dice.uniform(0, took) for _ in range(dice.choice((1, 1, 2, 3)))]
            why = f"seed {SEED}, run {n}, killed after {', '.join(f'{m:.3f}' for m in moments)} s"
            for moment in moments:
                process = self.careen.start("index", self.source, "--store", store)
                time.sleep(moment)
                process.send_signal(signal.SIGKILL)
                process.communicate()
                if process.returncode == -signal.SIGKILL and store.exists():
                    partial += 1
                    check = self.careen.run("store", "check", "--store", store)
                    self.assertTrue(check.code == 0 or "run careen index" in check.stderr, f"{why}\n{check}")
            self.index(store)
            self.assert_same(store, truth, why)
        self.assertGreater(partial, 3, "too few kills fell into the work")

    def test_two_at_once(self):
        truth, _ = self.truth()
        (self.tmp / "nothing").mkdir()
        for n, begun in enumerate((True, True, False, False)):
            store = self.tmp / f"two-{n}.sqlite"
            if begun:  # the store is there already, without an image
                self.careen.run("index", self.tmp / "nothing", "--store", store)
            with self.subTest("a store that is there" if begun else "a new store"):
                self.two(store, truth, n)

    def two(self, store, truth, n):
        other = Careen(self.tmp / f"other-{n}")
        processes = [c.start("index", self.source, "--store", store) for c in (self.careen, other)]
        runs = [(p.communicate(timeout=120), p.returncode) for p in processes]
        self.assertEqual([code for _, code in runs], [0, 0], runs)
        self.assert_same(store, truth, "two at once")

    def test_question_meanwhile(self):
        """Readers do not disturb a crawl, and see whole images."""
        truth, _ = self.truth()
        store = self.tmp / "busy.sqlite"
        self.index(store)
        process = self.careen.start("index", self.source, "--store", store, "--refresh")
        while process.poll() is None:
            run = self.careen.run("hunt", "package:tool", "--store", store)
            self.assertEqual(run.code, 1, str(run))
        self.assertEqual(process.returncode, 0, process.stderr.read().decode())
        process.communicate()
        self.assert_same(store, truth, "after --refresh")


class ListRegistry(Server):
    """A registry of one repository `a/b` whose lists the test answers."""

    def __init__(self, tags=None, catalog=None):
        self.tags, self.catalog = tags, catalog
        super().__init__(ListRegistry._serve)
        self.host = f"127.0.0.1:{self.port}"

    def _serve(self, request):
        path = request.path
        if path in ("/v2/", "/v2"):
            request.answer(200, b"{}")
        elif path.startswith("/v2/_catalog"):
            (self.catalog or (lambda r: page(r, "repositories", ["a/b"])))(request)
        elif "/tags/list" in path and self.tags:
            self.tags(request)
        else:
            request.answer(404, b'{"errors":[{"code":"MANIFEST_UNKNOWN"}]}')


def page(request, key, names, link=None):
    request.answer(200, json.dumps({"name": "a/b", key: names}).encode(),
                   [("Content-Type", "application/json"), *([("Link", f'<{link}>; rel="next"')] if link else [])])


class HostileLists(Case):
    def crawl(self, tags=None, catalog=None, seconds=120, args=()):
        """Three ways; what is printed is clean."""
        server = ListRegistry(tags, catalog)
        self.addCleanup(server.stop)
        self.server = server
        for more in ([], ["--format", "json"], ["--dry-run"]):
            run = self.careen.run("index", server.host + "/", "--store", self.tmp / "store.sqlite", *more,
                                  *args, timeout=seconds)
            self.assertEqual(run.code, 3, str(run))
            self.assertEqual(re.findall(rb"[\x00-\x09\x0b-\x1f\x7f]|\xc2[\x80-\x9f]|\xe2\x80\xae", run.out + run.err), [], str(run))
            self.assertLess(len(run.out) + len(run.err), 1 << 20)
            if not more:
                first = run
        status = self.careen.run("status", "--store", self.tmp / "store.sqlite")
        self.assertEqual(status.code, 3, str(status))
        return first

    def assert_said(self, run, *words):
        for word in ("not indexed", *words):
            self.assertIn(word, run.stdout, str(run))

    def test_circle(self):
        def tags(request):
            last = re.search(r"last=(\w)", request.path)
            after = {"a": "b", "b": "a"}.get(last[1] if last else "b")
            page(request, "tags", [after], f"/v2/a/b/tags/list?last={after}&n=1")
        self.assert_said(self.crawl(tags), "circle")
        self.assertLess(len(self.server.seen), 100)

    def test_circle_in_the_catalog(self):
        def catalog(request):
            page(request, "repositories", ["a/b"], "/v2/_catalog?n=1000")
        self.assert_said(self.crawl(catalog=catalog), "circle")

    def test_link_to_another_host(self):
        other = ListRegistry(lambda r: page(r, "tags", ["stolen"]))
        self.addCleanup(other.stop)
        for link in (f"http://127.0.0.1:{other.port}/v2/a/b/tags/list?last=x",
                     f"//127.0.0.1:{other.port}/v2/a/b/tags/list?last=x",
                     f"http://localhost:{other.port}/v2/a/b/tags/list?last=x", "file:///etc/passwd", "ftp://127.0.0.1/x"):
            with self.subTest(link):
                run = self.crawl(lambda r, to=link: page(r, "tags", ["one"], to))
                self.assert_said(run, self.server.host)
                self.assertNotIn("stolen", run.stdout)
                self.assertEqual(other.seen, [], "another host is asked for nothing")

    def test_pages_without_end(self):
        """Pages of a thousand new names each, for ever."""
        def tags(request):
            n = int((re.search(r"last=(\d+)", request.path) or [0, 0])[1]) + 1
            page(request, "tags", [f"t{n}-{i}" for i in range(1000)], f"/v2/a/b/tags/list?last={n}&n=1000")
        self.assert_said(self.crawl(tags, seconds=240), "2000000")

    def test_small_pages_without_end(self):
        """One new name a page: the number of names alone would bound nothing."""
        def tags(request):
            n = int((re.search(r"last=(\d+)", request.path) or [0, 0])[1]) + 1
            page(request, "tags", [f"t{n}"], f"/v2/a/b/tags/list?last={n}&n=1000")
        self.assert_said(self.crawl(tags, seconds=60))

    def test_empty_pages_without_end(self):
        def tags(request):
            n = int((re.search(r"last=(\d+)", request.path) or [0, 0])[1]) + 1
            page(request, "tags", [], f"/v2/a/b/tags/list?last={n}")
        self.assert_said(self.crawl(tags))

    def test_body_without_end(self):
        def tags(request):
            request.send_response(200)
            request.send_header("Content-Type", "application/json")
            request.send_header("Connection", "close")
            request.end_headers()
            request.close_connection = True
            request.wfile.write(b'{"tags":["a"')
            with contextlib.suppress(OSError):
                while True:
                    request.wfile.write(b',"again"' * 100_000)
        self.assert_said(self.crawl(tags))

    def test_no_list(self):
        for body in (b"", b"<html>", b"[]", b'{"tags":', b"[" * 200_000, b'{"tags":null}x', b'\xff\xfe'):
            with self.subTest(body[:20]):
                self.assert_said(self.crawl(lambda r, b=body: r.answer(200, b, [("Content-Type", "application/json")])))

    def test_names_with_control_characters(self):
        names = ["\x1b[2J\x1b[31mred", "a\nnot indexed: nothing", "bell\x07", "del\x7f", "c1\x9b31m", "rtl\u202egnp",
                 "../../../v2/other/manifests/x", "a b", "", "x" * 10_000, "tag@sha256:" + "0" * 64]
        run = self.crawl(lambda r: page(r, "tags", names))
        self.assert_said(run, "[31mred")
        for line in run.stdout.splitlines():
            self.assertFalse(line == "not indexed: nothing", "a name makes no line of its own")
        self.assertFalse([p for _, p, _ in self.server.seen if "/v2/other" in p or ".." in p], "a tag is no path")

    def test_repositories_with_control_characters(self):
        names = ["a/b", "\x1b]0;title\x07", "../../etc", "a\r\nX-Header: yes", "UPPER/case", "",
                 "http://127.0.0.1:1/x", "//x", "a/b?x=1"]
        run = self.crawl(lambda r: page(r, "tags", ["one"]), lambda r: page(r, "repositories", names))
        self.assert_said(run, "a/b:one")
        for _, path, headers in self.server.seen:
            self.assertNotIn("..", path)
            self.assertNotIn("X-Header", headers)

    def test_names_that_are_no_names(self):
        run = self.crawl(lambda r: page(r, "tags", [1, None, ["x"], {"a": "b"}, "real"]))
        self.assert_said(run, "a/b:real")

    def test_slow_for_ever(self):
        def tags(request):
            request.send_response(200)
            request.send_header("Content-Length", "1000000")
            request.end_headers()
            with contextlib.suppress(OSError):
                for _ in range(600):
                    request.wfile.write(b" ")
                    request.wfile.flush()
                    time.sleep(0.2)
        self.assert_said(self.crawl(tags, args=("--timeout", "2")))


if __name__ == "__main__":
    main()
