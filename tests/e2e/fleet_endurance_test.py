#!/usr/bin/python3
"""What an inventory endures: two hundred kills, a repository of a million tags, lists without an end, a clock that
is set back, and a network that goes away in the middle of a layer. Each time its rows are those of an inventory
that was made in peace."""

import collections
import concurrent.futures
import contextlib
import ctypes
import fcntl
import os
import pathlib
import random
import re
import shutil
import signal
import socket
import sqlite3
import struct
import threading
import time
import urllib.parse

import fleet_faults_test as faults
import samples
from fleet_case import next_second
from fleet_faults_test import page
from fleet_plan import rows
from images import Layer, OciLayout, f
from registry import Server
from registry_faults_test import LayoutRegistry
from support import PATIENCE, Case, Run, careen_path, main, need, tool

SEED = random.SystemRandom().randrange(1 << 32)
REPOSITORY = "fleet/image"
TAGS, CATALOG = f"/v2/{REPOSITORY}/tags/list", "/v2/_catalog"
SANITIZED = any(name.endswith("SAN_OPTIONS") for name in os.environ)


def setUpModule():
    careen_path()


class Shelf(LayoutRegistry):
    """A layout as a registry of one repository; `tags` is {name: digest}. A test may take another `listing`."""

    def __init__(self, layout):
        self.layout, self.trouble, self.auth, self.blob_calls = layout, None, False, []
        self.tags = {d["annotations"]["org.opencontainers.image.ref.name"]: d["digest"] for d in layout.manifests}
        Server.__init__(self, Shelf._serve)

    def listing(self, path, _):
        """What `page` answers to a path and its query: the key, the names, and perhaps the link to the next one."""
        return {TAGS: ("tags", sorted(self.tags)), CATALOG: ("repositories", [REPOSITORY])}.get(path)

    def _serve(self, request):
        url = urllib.parse.urlsplit(request.path)
        folder, _, name = url.path.rpartition("/")
        if listed := self.listing(url.path, url.query):
            page(request, *listed)
            return
        if folder.endswith("/manifests") and ":" not in name:
            request.path = f"{folder}/{self.tags[name]}"
        LayoutRegistry._serve(self, request)


class Endurance(Case):
    assert_same = faults.Interrupted.assert_same

    def setUp(self):
        super().setUp()
        self.store, self.peace = self.tmp / "store.sqlite", self.tmp / "peace.sqlite"
        self.layout = OciLayout(self.tmp / "layout")

    def serve(self, kind=Shelf):
        self.server = kind(self.layout)
        self.addCleanup(self.server.stop)
        self.source, self.repository = self.server.host + "/", f"{self.server.host}/{REPOSITORY}"

    def index(self, *args, store=None, code=0, **kw):
        run = self.careen.run("index", *args, "--store", store or self.store, "--format", "json", **kw)
        self.assert_code(run, code)
        return run.json()


class TwoHundredKills(Endurance):
    """A run that was begun again is shorter: a store takes ten kills at most, and where a run comes to its end the next store begins."""

    def setUp(self):
        super().setUp()
        for n in range(5):
            self.layout.add(f"v{n}", [*samples.poisoned(), Layer([f(f"opt/{n}", str(n))])])

    def truth(self):
        begun = time.monotonic()
        self.assertEqual(self.index(self.layout.path, store=self.peace)["new_layers"], 8)
        return rows(self.peace), time.monotonic() - begun

    def test_killed_before_there_was_a_page(self):
        """What a kill leaves that comes while the file is begun: a journal of a file that was empty before."""
        with contextlib.closing(sqlite3.connect(self.tmp / "begun", isolation_level=None)) as db:
            db.executescript("PRAGMA cache_size=1; BEGIN; CREATE TABLE t(x); INSERT INTO t VALUES(zeroblob(1000000))")
            for end in ("", "-journal"):
                shutil.copyfile(f"{self.tmp}/begun{end}", f"{self.store}{end}")
        self.index(self.layout.path)
        self.assert_same(self.store, self.truth()[0], "begun again")

    def test_two_hundred_kills(self):
        truth, span = self.truth()
        dice, kills, begun = random.Random(SEED), [], []
        while len(kills) < 200:
            self.assertLess(len(begun), 200, f"seed {SEED}: hardly a run is killed before its end: {kills}")
            store, ended, moments = self.tmp / f"killed-{len(begun)}.sqlite", False, []
            while not ended and len(moments) < 10:
                moments.append(dice.uniform(0, span))
                process = self.careen.start("index", self.layout.path, "--store", store)
                time.sleep(moments[-1])
                process.send_signal(signal.SIGKILL)
                _, err = process.communicate()
                ended = process.returncode == 0
                self.assertIn(process.returncode, (0, -signal.SIGKILL), f"seed {SEED}, {moments}: {err.decode()}")
            begun.append(store.exists())
            kills += moments[:-1] if ended else moments
            self.index(self.layout.path, store=store)
            self.assert_same(store, truth, f"seed {SEED}, store {len(begun) - 1}, killed after {moments} of {span} s")
        quarters = [sum(n <= m * 4 / span < n + 1 for m in kills) for n in range(4)]
        said = f"seed {SEED}: of {len(begun)} stores {sum(begun)} were begun; {len(kills)} kills, by quarters of {span} s: {quarters}"
        self.assertGreater(sum(begun), len(begun) // 2, said)
        self.assertGreater(min(quarters), 3, said)


def names(begin, end):
    return [f"t{i:09d}" for i in range(begin, end)]


class Million(Shelf):
    """A million tags of one manifest, as many a page as are asked for; or the first `count` of them."""

    count = 1_000_000

    def listing(self, path, query):
        if path != TAGS:
            return super().listing(path, query)
        query = dict(urllib.parse.parse_qsl(query))
        begin, size = int(query.get("last", "t-1")[1:]) + 1, int(query["n"])
        end = min(begin + size, self.count)
        return "tags", names(begin, end), f"{TAGS}?n={size}&last=t{end - 1:09d}" if end < self.count else None


class AMillionTags(Endurance):
    def measured(self, *args):
        """What an index run tells, and the paths that it asked for; its peak of memory is bounded."""
        mark, out = len(self.server.seen), self.tmp / "out"
        args = ["index", self.repository, "--store", str(self.store), "--format", "json", *args]
        with open(out, "wb") as file:
            process = self.careen.start(*args, stdout=file, stderr=file)
            late = threading.Timer(PATIENCE, process.kill)
            late.start()
            _, status, usage = os.wait4(process.pid, 0)
            late.cancel()
        process.returncode = os.waitstatus_to_exitcode(status)
        run = Run(args, process.returncode, out.read_bytes(), b"")
        self.assert_code(run, 0)
        if not SANITIZED:  # which keeps much beside
            self.assertLess(usage.ru_maxrss >> 10, 200, "MiB of careen, or of the largest process that it started")
        return run.json(), [path for _, path, _ in self.server.seen[mark:]]

    def test_some_of_a_million(self):
        """The first fifty, and a hundred of the midst, which are what a list of two hundred has."""
        self.layout.add("one", [Layer([f("opt/one", "one\n")])])
        self.serve(Million)
        self.server.tags = collections.defaultdict(lambda: self.layout.manifests[0]["digest"])
        first, midst = ["--max", "50"], ["--tags", "t0000001*"]
        for args, want in ((first, names(0, 50)), (midst, names(100, 200))):
            out, paths = self.measured(*args, "--dry-run")
            self.assertEqual([r["reference"] for r in out["references"]], [f"registry:{self.repository}:{t}" for t in want])
            pages = len([p for p in paths if p.startswith(TAGS)])
            self.assertEqual((out["new_layers"], out["failures"], self.store.exists(), pages), (1, [], False, 1000))
        for args, count, new in ((first, 50, 1), (midst, 100, 0), (first, 50, 0)):
            self.server.count = 200
            self.index(self.repository, *args, store=self.peace)
            self.server.count = Million.count
            out, paths = self.measured(*args)
            blobs = len([p for p in paths if "/blobs/" in p])  # a configuration and a layer, once
            self.assertEqual((out["references"], out["images"], out["vanished"], out["failures"], blobs), (count, new, 0, [], 2 * new))
            self.assert_same(self.store, rows(self.peace), f"{args} of a million")
            self.assertEqual({row[-1] for row in rows(self.store)["tags"]}, {1}, "nothing has vanished")
            next_second()


class ListsWithoutAnEnd(Endurance):
    """That such a list ends the run is shown elsewhere; here, that nothing vanishes that was indexed before."""

    def test_nothing_vanishes(self):
        for name in ("a", "b", "c"):
            self.layout.add(name, [Layer([f(f"opt/{name}", name)])])
        self.serve()
        self.assertEqual(self.index(self.source)["references"], 3)
        truth, peaceful = rows(self.store), self.server.listing

        def circle(query):  # the second page leads to the first
            name, link = ("b", "") if "last=a" in query else ("a", "&last=a")
            return "tags", [name], f"{TAGS}?n=1000{link}"

        def growing(query):
            n = int((re.search(r"last=x(\d+)", query) or [0, 0])[1]) + 1
            return "tags", [f"x{n}"], f"{TAGS}?n=1000&last=x{n}"

        for of, listing, named in ((TAGS, circle, self.repository), (TAGS, growing, self.repository),
                                   (CATALOG, lambda _: ("repositories", ["another/one"], f"{CATALOG}?n=1000"), self.source)):
            next_second()
            self.server.listing = lambda path, query: listing(query) if path == of else peaceful(path, query)
            out = self.index(self.source, code=3)
            self.assertEqual([x["reference"] for x in out["failures"]], [named])
            self.assertEqual((out["references"], out["vanished"], rows(self.store)["tags"]), (0, 0, truth["tags"]), named)
        self.server.listing = peaceful
        self.index(self.source)
        self.assert_same(self.store, truth, "the lists have an end again")


CLOCK = r"""#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>
int clock_gettime(clockid_t id, struct timespec *t) {
  int r = ((int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime"))(id, t);
  if (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE) t->tv_sec += atol(getenv("CLOCK_SHIFT"));
  return r;
}
time_t time(time_t *out) {
  struct timespec t;
  return clock_gettime(CLOCK_REALTIME, &t), out ? *out = t.tv_sec : t.tv_sec;
}
int gettimeofday(struct timeval *v, void *zone) { return zone = 0, v->tv_usec = 0, v->tv_sec = time(0), 0; }
"""


class ClockBackwards(Endurance):
    def setUp(self):
        super().setUp()
        need("gcc")
        if SANITIZED or b"/ld-" not in pathlib.Path(self.careen.binary).read_bytes()[:4096]:
            self.skipTest("this executable takes its clock from no library before all others")
        (self.tmp / "clock.c").write_text(CLOCK)
        tool("gcc", "-shared", "-fPIC", "-o", self.tmp / "clock.so", self.tmp / "clock.c", "-ldl")
        self.earlier = {"LD_PRELOAD": self.tmp / "clock.so", "CLOCK_SHIFT": -24 * 3600}
        for name in ("kept", "gone", "moved", "other", "late"):
            self.layout.add(name, [samples.base(), Layer([f(f"opt/{name}", name)])])
        self.serve()
        self.digests, self.seen = dict(self.server.tags), {}

    def step(self, env=None, **tags):
        """Indexed by the right clock into one store, and by the one of `env` into the other, where no time goes back."""
        next_second()
        self.server.tags = {tag: self.digests[image] for tag, image in tags.items()}
        self.index(self.source, store=self.peace)
        self.index(self.source, env=env)
        before, self.seen = self.seen, {}
        for m in self.careen.run("hunt", "path:**", "--store", self.store, "--format", "json").json()["matches"]:
            self.seen[m["image"]["digest"]] = (m["first_seen"], m["last_seen"], None)
            self.seen.update({(t["tag"], t["digest"]): (t["first_seen"], t["last_seen"], t["vanished"]) for t in m["tags"]})
        for key, (first, last, _) in before.items():
            self.assertEqual(self.seen[key][0], first, f"first seen of {key}")
            self.assertGreaterEqual(self.seen[key][1], last, f"last seen of {key}")
        self.assertEqual([key for key in self.server.tags.items() if self.seen[key][2]], [], "what is listed has not vanished")

    def test_a_day_back(self):
        lately = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 3600))
        self.step(kept="kept", gone="gone", moved="moved")
        self.assertGreater(min(times[0] for times in self.seen.values()), lately)
        self.step(self.earlier, kept="kept", moved="other", late="late")
        self.assertLess(self.seen["late", self.digests["late"]][0], lately, "its clock was a day back")
        status = self.careen.run("status", "--store", self.store, env=self.earlier)
        self.assertEqual(re.findall(r"(\S+) \w+ ago", status.stdout), ["0"], f"what is to come is not ages ago\n{status}")
        self.step(kept="kept", moved="other")
        self.assertEqual({key for key, times in self.seen.items() if times[2]}, {(tag, self.digests[tag]) for tag in ("gone", "moved", "late")})
        self.assert_same(self.store, rows(self.peace), "the clock is right again")


SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP, CLONE_NEWNET = 0x8913, 0x8914, 1, 0x40000000


def loopback(up):
    """Of the thread's own network alone."""
    assert os.readlink("/proc/thread-self/ns/net") != os.readlink("/proc/self/ns/net")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        flags = struct.unpack_from("16sh", fcntl.ioctl(s, SIOCGIFFLAGS, struct.pack("16sh22x", b"lo", 0)))[1]
        fcntl.ioctl(s, SIOCSIFFLAGS, struct.pack("16sh22x", b"lo", flags | IFF_UP if up else flags & ~IFF_UP))


class NetworkCut(Endurance):
    def test_in_the_midst_of_layers(self):
        with concurrent.futures.ThreadPoolExecutor(1) as thread:  # which has a network of its own, and all that it starts
            thread.submit(self.alone).result()

    def alone(self):
        if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNET) != 0:
            self.skipTest(f"no network namespace: {os.strerror(ctypes.get_errno())}")
        loopback(True)
        layers = [Layer([f(f"opt/{n}", random.Random(n).randbytes(1 << 20))]) for n in range(3)]
        for name, of in (("one", layers[:2]), ("two", layers[::2])):
            self.layout.add(name, of, compression="none")
        self.serve()
        self.assertEqual(self.index(self.source, store=self.peace)["new_layers"], 3)
        truth = rows(self.peace)
        for n, layer, seconds, failed in ((0, layers[0], None, ["one", "two"]), (1, layers[2], None, ["two"]), (2, layers[2], 2, [])):
            store = self.tmp / f"cut-{n}.sqlite"
            run = self.cut(layer.diff_id, store, seconds)
            self.assert_code(run, 3 if failed else 0)
            self.assertEqual([x["reference"] for x in run.json()["failures"]], [f"registry:{self.repository}:{tag}" for tag in failed])
            if failed:
                self.assertLess(set(rows(store)["layers"]), set(truth["layers"]), "whole layers, and not the one that was cut")
                self.index(self.source, store=store)
            self.assert_same(store, truth, f"the network is back, case {n}")

    def cut(self, layer, store, seconds):
        """An index run; in the midst of the layer the network goes away, until the run gives up or for so long."""
        half, on = threading.Event(), threading.Event()

        def trouble(request, digest, data):
            if digest != layer or half.is_set():
                return False
            request.answer(200, data[:len(data) // 2], length=len(data))
            half.set()
            on.wait(60)
            request.wfile.write(data[len(data) // 2:])
            return True

        self.server.trouble = trouble
        args = ["index", self.source, "--store", str(store), "--format", "json", "--timeout", "20" if seconds else "1"]
        process = self.careen.start(*args)
        try:
            self.assertTrue(half.wait(60), "the layer was not asked for")
            loopback(False)
            on.set()
            self.assertIsNone(process.poll(), "the run is in the midst of its work")
            if seconds:
                time.sleep(seconds)
                loopback(True)
            out, err = process.communicate(timeout=PATIENCE)
        finally:
            process.kill()
            loopback(True)
        return Run(args, process.returncode, out, err)


if __name__ == "__main__":
    main()
