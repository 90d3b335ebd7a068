#!/usr/bin/python3
"""The inventory in a real PostgreSQL: it answers as a file does, row by row, whatever is killed, cut or restarted in between."""

import pathlib
import random
import signal
import sys
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))
from postgres import Postgres, binaries  # noqa: E402

from fleet_plan import THREAT, rows, the_plan  # noqa: E402
from tcp_line import Line  # noqa: E402
from support import Careen, Case, careen_path, free_port, main, need  # noqa: E402

SEED = random.SystemRandom().randrange(1 << 32)


def setUpModule():
    careen_path()
    need("skopeo", "docker-registry")
    if not binaries():
        raise unittest.SkipTest("PostgreSQL is not installed")


# The tables that hold nearly all bytes, and the digest that each is keyed by.
DISTRIBUTED = {"layer": "diff_id", "piece": "name", "blob": "digest", "document": "digest", "judged": "key", "inv_posting": "key", "inv_attestation": "subject",
               "inv_claim": "blob"}


class OnPostgres(Case):
    def setUp(self):
        super().setUp()
        self.plan = the_plan()
        self.registry = self.plan.filled(self.tmp / "registry")
        self.addCleanup(self.registry.stop)
        self.source = self.registry.host + "/"
        self.server = Postgres(port=free_port())
        self.addCleanup(self.server.remove)
        self.server.start()
        self.count = 0

    def store(self):
        self.count += 1
        return self.server.database(f"store{self.count}")

    def index(self, store, *more, careen=None):
        run = (careen or self.careen).run("index", self.source, "--store", store, *more)
        self.assert_code(run, 0)
        return run

    def as_file(self, store):
        self.count += 1
        file = self.tmp / f"copy-{self.count}.sqlite"
        self.assert_code(self.careen.run("store", "backup", file, "--store", store), 0)
        return file

    def assert_same(self, store, truth, why=""):
        found = rows(self.as_file(store))
        for name, want in truth.items():
            self.assertEqual(found[name], want, f"{name}: {why}")
        run = self.careen.run("store", "check", "--store", store)
        self.assertEqual(run.code, 0, f"{why}\n{run}")

    def truth(self):
        begun = time.monotonic()
        self.index(self.tmp / "truth.sqlite")
        return rows(self.tmp / "truth.sqlite"), time.monotonic() - begun

    def ask(self, store, *words):
        run = self.careen.run(*words, "--store", store, "--format", "json")
        answer = run.json()
        return run.code, without_times(answer)


def without_times(x):
    if isinstance(x, dict):
        return {k: without_times(v) for k, v in x.items() if k not in ("first_seen", "last_seen", "as_of", "oldest_crawl", "vanished", "at", "took")}
    if isinstance(x, list):
        return [without_times(v) for v in x]
    return x


class Answers(OnPostgres):
    def test_large_tables_are_keyed_by_a_digest(self):
        """Each of their unique indexes has the column by which it could be distributed; what is left is small."""
        store = self.store()
        self.index(store)
        unique = self.server.sql("SELECT c.relname || ' ' || array_to_string(ARRAY(SELECT attname FROM pg_attribute WHERE attrelid=c.oid AND "
                                 "attnum=ANY(i.indkey)), ',') FROM pg_index i JOIN pg_class c ON c.oid=i.indrelid "
                                 "WHERE i.indisunique AND c.relnamespace='careen'::regnamespace", "store1")
        found = {}
        for line in unique.split("\n"):
            table, _, columns = line.strip().partition(" ")
            found.setdefault(table, []).append(columns.split(","))
        for table, column in DISTRIBUTED.items():
            self.assertTrue(found.get(table), f"{table} has no unique index: {unique}")
            for columns in found[table]:
                self.assertIn(column, columns, table)

    def test_every_question_as_a_file_answers_it(self):
        truth, _ = self.truth()
        file, store = self.tmp / "truth.sqlite", self.store()
        self.assert_fails(self.careen.run("hunt", "package:tool", "--store", store), 4, "run careen index")
        self.index(store)
        self.assert_same(store, truth)
        image = self.plan.images[0].digest
        for words in (["hunt", "package:tool"], ["hunt", "path:usr/**"], ["hunt", "path:**/*.so*"], ["hunt", "package:no-such-thing"],
                      ["hunt", "manifest:" + image], ["hunt", "soname:liblzma.so.5"], ["hunt", "needed:libc.so.6"], ["hunt", "label:*"],
                      ["hunt", "threat:CVE-2024-3094"],
                      ["exposure", "CVE-2024-3094"], ["lineage", image], ["diff", image, self.plan.images[1].digest]):
            with self.subTest(" ".join(words)):
                self.assertEqual(self.ask(store, *words), self.ask(file, *words))
        text = self.careen.run("status", "--store", store).stdout
        self.assertIn(f"{len(self.plan.images)} images", text)
        again = self.index(store, "--format", "json").json()
        self.assertEqual((again["new_layers"], again["failures"]), (0, []))

    def test_there_and_back(self):
        truth, _ = self.truth()
        store = self.store()
        for words in (["restore", self.tmp / "truth.sqlite", "--store", store], ["import", self.tmp / "truth.sqlite", "--store", store]):
            self.assert_code(self.careen.run("store", *words), 0)
            self.assert_same(store, truth, words[0])
        self.assert_fails(self.careen.run("store", "restore", self.tmp / "truth.sqlite", "--store", store), 2, "is there already")
        self.assert_code(self.careen.run("store", "import", store, "--store", self.tmp / "new.sqlite"), 0)
        self.assertEqual(rows(self.tmp / "new.sqlite"), truth)
        self.assert_code(self.careen.run("store", "compact", "--store", store), 0)
        self.assert_same(store, truth, "compacted")

    def test_a_password_is_never_shown(self):
        url = f"postgresql://careen:s3cret@127.0.0.1:{self.server.port}/none"
        for words in (["hunt", "package:x"], ["index", self.source], ["status"], ["store", "check"], ["scan", "dir:" + str(self.tmp)]):
            run = self.careen.run(*words, "--store", url)
            self.assertNotIn("s3cret", run.stdout + run.stderr)
            self.assertIn("none", run.stdout + run.stderr)

    def test_kept_records_judge_scans(self):
        store = self.store()
        self.index(store)
        run = self.careen.run("threat", "add", self.plan.threats(self.tmp), "--store", store)
        self.assert_code(run, 1)
        self.assertIn(THREAT, self.careen.run("threat", "list", "--store", store).stdout)
        self.assert_code(self.careen.run("threat", "remove", THREAT, "--store", store), 0)


class Faults(OnPostgres):
    def test_killed(self):
        truth, took = self.truth()
        dice = random.Random(SEED)
        partial = 0
        for n in range(8):
            store = self.store()
            moments = [dice.uniform(0, took * 1.3) for _ in range(dice.choice((1, 2, 3)))]
            why = f"seed {SEED}, run {n}, killed after {', '.join(f'{m:.3f}' for m in moments)} s"
            for moment in moments:
                process = self.careen.start("index", self.source, "--store", store)
                time.sleep(moment)
                process.send_signal(signal.SIGKILL)
                process.communicate()
                if process.returncode == -signal.SIGKILL:
                    partial += 1
                    check = self.careen.run("store", "check", "--store", store)
                    self.assertTrue(check.code == 0 or "run careen index" in check.stderr, f"{why}\n{check}")
            self.index(store)
            self.assert_same(store, truth, why)
        self.assertGreater(partial, 3, "too few kills fell into the work")

    def test_several_at_once(self):
        truth, _ = self.truth()
        for n in range(3):
            store = self.store()
            others = [Careen(self.tmp / f"other-{n}-{k}") for k in range(3)]
            processes = [c.start("index", self.source, "--store", store) for c in (self.careen, *others)]
            runs = [(p.communicate(timeout=240), p.returncode) for p in processes]
            self.assertEqual([code for _, code in runs], [0] * 4, runs)
            self.assert_same(store, truth, "four at once")

    def test_server_restarted(self):
        """At moments of the work: each transaction is done again when the server is back."""
        truth, took = self.truth()
        dice = random.Random(SEED)
        for n in range(4):
            store = self.store()
            process = self.careen.start("index", self.source, "--store", store)
            for _ in range(2):
                time.sleep(dice.uniform(0.05, took / 2))
                self.server.restart(dice.choice(("immediate", "fast")))
            out, err = process.communicate(timeout=240)
            self.assertEqual(process.returncode, 0, f"seed {SEED}, run {n}\n{out}\n{err}")
            self.assert_same(store, truth, f"seed {SEED}, run {n}")

    def test_connection_cut(self):
        """What lies between is cut and comes back."""
        truth, took = self.truth()
        with Line(self.server.port) as line:
            name = self.store().rpartition("/")[2]
            url = f"postgresql://careen@127.0.0.1:{line.port}/{name}"
            process = self.careen.start("index", self.source, "--store", url)
            for _ in range(3):
                time.sleep(took / 3)
                line.cut(1.0)
            out, err = process.communicate(timeout=240)
            self.assertEqual(process.returncode, 0, f"{out}\n{err}")
        self.assert_same(self.server.url(name), truth)

    def test_server_gone_is_no_zero(self):
        """A question whose server goes away is not answered with nothing."""
        store = self.store()
        self.index(store)
        stop = threading.Event()
        codes = []

        def questions():
            while not stop.is_set():
                run = self.careen.run("hunt", "package:tool", "--store", store)
                codes.append((run.code, run.stdout))

        thread = threading.Thread(target=questions)
        thread.start()
        for _ in range(6):
            time.sleep(0.15)
            self.server.restart()
        stop.set()
        thread.join()
        self.assertIn(1, [c for c, _ in codes])
        self.assertTrue({c for c, _ in codes} <= {1, 3, 4}, codes)


if __name__ == "__main__":
    main()
