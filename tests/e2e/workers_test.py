#!/usr/bin/python3
"""An index run shared by several workers through PostgreSQL and NATS: what comes of it equals, row by row, what one process
writes into a file, whichever worker is killed and whichever server goes away meanwhile."""

import json
import pathlib
import queue
import random
import re
import signal
import subprocess
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))
import nats  # noqa: E402
from postgres import binaries  # noqa: E402

from postgres_test import OnPostgres  # noqa: E402
from registry import Server, relay  # noqa: E402
from support import Careen, careen_path, free_port, main, need  # noqa: E402

SEED = random.SystemRandom().randrange(1 << 32)
LEASE = 2


def setUpModule():
    careen_path()
    need("skopeo", "docker-registry")
    if not binaries():
        raise unittest.SkipTest("PostgreSQL is not installed")
    if not nats.binary():
        raise unittest.SkipTest("nats-server is not installed")


class Shared(OnPostgres):
    def setUp(self):
        super().setUp()
        self.queue = nats.Nats(self.tmp / "nats", free_port()).start()
        self.addCleanup(self.queue.stop)
        self.workers = []
        self.addCleanup(self.end_workers)

    def work(self, store, *more):
        careen = Careen(self.tmp / f"worker-{len(self.workers)}")
        self.workers.append(careen.start("worker", "--nats", self.queue.url(), "--store", store, "--lease", str(LEASE), *more))
        return self.workers[-1]

    def end_workers(self):
        for w in self.workers:
            if w.poll() is None:
                w.kill()
            w.communicate()
        self.workers = []

    def begin(self, store, *more, source=None):
        return self.careen.start("index", source or self.source, "--nats", self.queue.url(), "--store", store, "--format", "json", *more)

    def blobs_of(self, name):
        """The layers of what a reference names, of every platform, lowest first."""
        return [x["digest"] for i in self.plan.images if i.name == name for x in json.loads(self.plan.layout.read(i.digest))["layers"]]

    def layer_blobs(self):
        return {b for name in self.plan.names for b in self.blobs_of(name)}

    def layer_reads(self, mark):
        known = self.layer_blobs()
        return [d for d in (b.rpartition("/")[2] for b in self.registry.blob_reads(mark)) if d in known]

    def finish(self, process, code=0):
        try:
            out, err = process.communicate(timeout=200)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            raise
        self.assertEqual(process.returncode, code, f"seed {SEED}\n{out}\n{err}")
        return out


class Working(Shared):
    def test_two_workers(self):
        truth, _ = self.truth()
        store = self.store()
        first, second = self.work(store), self.work(store)
        mark = self.registry.mark()
        self.finish(self.begin(store))
        self.assert_same(store, truth)
        reads = self.layer_reads(mark)
        self.assertEqual(sorted(reads), sorted(self.layer_blobs()), "each layer is read by one of them, once")
        for w in (first, second):
            w.send_signal(signal.SIGTERM)
            out, err = w.communicate(timeout=30)
            self.assertEqual(w.returncode, 0, err)
            jobs = re.search(rb"(\d+) jobs done", out)
            self.assertTrue(jobs and int(jobs[1]) > 0, out)

    def test_again_reads_nothing(self):
        store = self.store()
        self.work(store), self.work(store)
        self.finish(self.begin(store))
        mark = self.registry.mark()
        self.finish(self.begin(store))
        self.assertEqual(self.layer_reads(mark), [])

    def test_a_worker_that_comes_late(self):
        truth, _ = self.truth()
        store = self.store()
        process = self.begin(store)
        time.sleep(1.0)
        self.assertIsNone(process.poll(), "it waits for workers")
        self.work(store)
        self.finish(process)
        self.assert_same(store, truth)

    def test_idle(self):
        store = self.store()
        w = self.work(store, "--idle", "1")
        self.finish(self.begin(store))
        out, err = w.communicate(timeout=60)
        self.assertEqual(w.returncode, 0, err)

    def test_wrong_usage(self):
        run = self.careen.run("worker", "--nats", self.queue.url(), "--store", self.tmp / "file.sqlite")
        self.assert_fails(run, 2, "PostgreSQL")
        self.assertFalse((self.tmp / "file.sqlite").exists())
        self.assert_fails(self.careen.run("index", self.source, "--nats", self.queue.url(), "--store", self.tmp / "file.sqlite"), 2, "PostgreSQL")
        self.assert_fails(self.careen.run("worker", "--store", self.store()), 2, "--nats")
        self.assert_fails(self.careen.run("worker", "--nats", self.queue.url()), 2, "--store")
        secret = f"nats://me:s3cret@127.0.0.1:{free_port()}"
        run = self.careen.run("worker", "--nats", secret, "--store", self.store())
        self.assert_fails(run, 4, "127.0.0.1")
        self.assertNotIn("s3cret", run.stderr)

    def test_what_cannot_be_indexed_is_told(self):
        store = self.store()
        self.work(store)
        listing = self.tmp / "list.txt"
        name = next(iter(self.plan.names))
        listing.write_text(f"{self.registry.host}/{name}\n{self.registry.host}/no/such:image\n")
        out = self.finish(self.begin(store, source=f"@{listing}"), 3)
        self.assertIn(b"no/such:image", out)
        self.assertIn("no/such:image", self.careen.run("status", "--store", store).stdout)


class Faults(Shared):
    def test_workers_killed(self):
        truth, took = self.truth()
        dice = random.Random(SEED)
        killed = 0
        for n in range(3):
            store = self.store()
            process = self.begin(store)
            workers = [self.work(store), self.work(store)]
            for _ in range(4):
                time.sleep(dice.uniform(0.05, max(took / 3, 0.1)))
                if process.poll() is not None:
                    break
                victim = dice.choice(workers)
                victim.kill()
                victim.communicate()
                killed += 1
                workers.remove(victim)
                workers.append(self.work(store))
            self.finish(process)
            self.end_workers()
            self.assert_same(store, truth, f"seed {SEED}, run {n}")
        self.assertGreater(killed, 2, "too few kills fell into the work")

    def test_servers_restarted(self):
        truth, took = self.truth()
        for forget in (False, True):
            store = self.store()
            process = self.begin(store)
            self.work(store), self.work(store)
            for _ in range(2):
                time.sleep(took / 3)
                self.queue.restart(forget=forget)
                self.server.restart()
            self.finish(process)
            self.end_workers()
            self.assert_same(store, truth, f"forget={forget}")

    def test_asker_killed(self):
        """What it had written as jobs is done by nobody's order; asked again, everything is there."""
        truth, took = self.truth()
        store = self.store()
        self.work(store), self.work(store)
        process = self.begin(store)
        time.sleep(took / 2)
        process.kill()
        process.communicate()
        self.finish(self.begin(store))
        self.assert_same(store, truth)

    def test_poison(self):
        """A layer at which every worker dies is set aside; the images that have it are told, the others are whole."""
        blob = self.blobs_of(next(iter(self.plan.names)))[-1]
        met = queue.Queue()

        def serve(_, request):
            if request.command == "GET" and request.path.endswith(blob):
                met.put(time.monotonic())
                time.sleep(120)  # the worker is dead by then
                return
            relay(request, self.registry.port, request.path)

        front = Server(serve)
        self.addCleanup(front.stop)
        store = self.store()
        process = self.begin(store, source=f"127.0.0.1:{front.port}/")
        deaths = 0
        worker = self.work(store)
        while process.poll() is None and deaths < 20:
            try:
                met.get(timeout=1)
            except queue.Empty:
                continue
            worker.kill()
            worker.communicate()
            deaths += 1
            worker = self.work(store)
        self.assertEqual(deaths, 3, "and not once more for each image that has it")
        out = json.loads(self.finish(process, 3))
        why = " ".join(x["why"] for x in out["failures"])
        self.assertIn("set aside after 3 tries", why)
        self.assertEqual(len(out["failures"]), sum(blob in self.blobs_of(n) for n in self.plan.names), why)
        status = self.careen.run("status", "--store", store)
        self.assertEqual(status.code, 3)
        self.assertIn("set aside", status.stdout)


if __name__ == "__main__":
    main()
