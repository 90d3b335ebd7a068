#!/usr/bin/python3
"""The layer cache poisoned in every way we could think of: by images that lie, by damaged
files, by rows changed by hand. The marker is found every time."""

import contextlib
import os
import pathlib
import random
import shutil
import sqlite3

import images
import samples
from cache_case import CacheCase
from images import Layer, f
from support import CLEAN, FLAGGED, Careen, careen_path, diff_ids, finding, main


def setUpModule():
    careen_path()


class LyingImages(CacheCase):
    """Poisoning by images: what a configuration or a manifest claims is never a key."""

    def claim(self, tag, layers, claims):
        return self.layout.add(tag, layers, claims=[l.diff_id for l in claims])

    def assert_lie(self, run):
        self.assert_code(run, FLAGGED)
        self.assertTrue(finding(run.json(), kind="integrity"), str(run))

    def test_claims_the_diff_id_of_a_clean_layer(self):
        clean_twin = Layer([f("opt/marker.bin", "nothing here")])
        self.layout.add("twin", [samples.base(), clean_twin])
        self.scan(f"oci-dir:{self.layout.path}:twin")
        image = self.claim("liar", [samples.base(), samples.marked()], [samples.base(), clean_twin])
        for _ in range(2):
            run = self.scan(image)
            self.assert_lie(run)
            self.assertTrue(finding(run.json(), threat=samples.THREAT), str(run))
            self.assertEqual(diff_ids(run.json())[1], samples.marked().diff_id)

    def test_lies_first_then_truth(self):
        """The liar goes first: a clean layer under the marker layer's diff ID."""
        innocent = Layer([f("opt/innocent", "innocent")])
        image = self.claim("liar", [samples.base(), innocent], [samples.base(), samples.marked()])
        for _ in range(2):
            self.assert_lie(self.scan(image))
        truth = self.scan(self.bad, "--no-cache").out
        self.assertEqual(self.scan(self.bad).out, truth)
        self.layout.add("honest", [samples.base(), innocent])
        self.assert_code(self.scan(f"oci-dir:{self.layout.path}:honest"), CLEAN)

    def test_blob_that_is_not_its_digest(self):
        self.warm()
        other = Careen(self.tmp / "other-home")
        report = self.scan(careen=other, image=self.good).json()
        victim = self.layout.blob_path(report["image"]["layers"][1]["digest"])
        right = victim.read_bytes()
        third = Careen(self.tmp / "third-home")
        victim.write_bytes(images.compress(samples.marked().data, "gz"))
        for _ in range(2):
            self.assert_lie(self.scan(self.good, careen=third))
        victim.write_bytes(right)
        run = self.scan(self.good, careen=third)
        self.assert_code(run, CLEAN)
        self.assertFalse(finding(run.json(), kind="integrity", severity="high"))

    def test_docker_archive_layers_are_digested_again(self):
        """The same configuration with another layer inside: no digest there to trust."""
        honest = images.docker_archive_legacy(self.tmp / "a.tar", [(["a:1"], samples.clean(), {})])
        self.assert_code(self.scan(f"docker-archive:{honest}"), CLEAN)
        evil = samples.clean()
        evil[1] = Layer(samples.marked().data)
        evil[1].diff_id = samples.clean()[1].diff_id
        evil[1].hex = samples.clean()[1].hex
        lie = images.docker_archive_legacy(self.tmp / "b.tar", [(["a:1"], evil, {})])
        for _ in range(2):
            run = self.scan(f"docker-archive:{lie}")
            self.assert_lie(run)
            self.assertTrue(finding(run.json(), threat=samples.THREAT), str(run))


class Corruption(CacheCase):
    def assert_survives(self, damage, says=True):
        """Applies damage(path) to each database file; the next two scans are true."""
        for path in self.databases():
            damage(path)
        first = self.assert_true()
        if says:
            self.assertIn("cache", first.stderr.lower(), "a warning says what happened\n" + str(first))
        again = self.assert_true()
        self.assertNotIn("cache", again.stderr.lower(), "rebuilt, so no second warning\n" + str(again))

    def setUp(self):
        super().setUp()
        self.warm()

    def drop_wal(self, path):
        for tail in ("-wal", "-shm"):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(f"{path}{tail}")

    def test_garbage_file(self):
        def damage(path):
            self.drop_wal(path)
            path.write_bytes(random.Random(1).randbytes(20000))
        self.assert_survives(damage)
        kept = [p for p in self.careen.cache.rglob("*") if p.is_file() and p.stat().st_size == 20000]
        self.assertTrue(kept, "the corrupt file is set aside, not deleted")

    def test_text_file(self):
        def damage(path):
            self.drop_wal(path)
            path.write_text("this was a cache\n")
        self.assert_survives(damage)

    def test_empty_file(self):
        def damage(path):
            self.drop_wal(path)
            path.write_bytes(b"")
        self.assert_survives(damage, says=False)

    def test_truncated(self):
        for part in (100, 4096, 5000):
            with self.subTest(part):
                def damage(path):
                    self.drop_wal(path)
                    data = path.read_bytes()
                    path.write_bytes(data[:min(part, len(data) - 1)])
                for path in self.databases():
                    damage(path)
                self.assert_true()
                self.assert_true()

    def test_flipped_bytes(self):
        """One run of flipped bytes at a time, over the whole file."""
        (path, *_) = self.databases()
        with contextlib.closing(sqlite3.connect(path)) as db:
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self.drop_wal(path)
        whole = path.read_bytes()
        rng = random.Random(7)
        places = sorted({0, 18, 28, 100, *(rng.randrange(len(whole)) for _ in range(24))})
        for place in places:
            with self.subTest(place=place):
                data = bytearray(whole)
                for i in range(place, min(place + rng.choice((1, 8, 64)), len(data))):
                    data[i] ^= rng.randrange(1, 256)
                self.drop_wal(path)
                path.write_bytes(data)
                self.assert_true()

    def test_garbage_in_the_journal_files(self):
        for tail in ("-wal", "-shm", "-journal"):
            with self.subTest(tail):
                for path in self.databases():
                    pathlib.Path(f"{path}{tail}").write_bytes(b"\xa5" * 8192)
                self.assert_true()

    def test_directory_in_its_place(self):
        for path in self.databases():
            self.drop_wal(path)
            path.unlink()
            path.mkdir()
            (path / "x").write_text("x")
        self.assert_true()

    def test_from_another_version(self):
        for version in (0, 1, 2**31 - 1):
            with self.subTest(version):
                for path in self.databases():
                    with contextlib.closing(sqlite3.connect(path)) as db:
                        db.execute(f"PRAGMA user_version = {version}")
                        db.commit()
                self.assert_true()

    def test_tables_gone(self):
        for path in self.databases():
            with contextlib.closing(sqlite3.connect(path)) as db:
                for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type='table'").fetchall():
                    with contextlib.suppress(sqlite3.Error):
                        db.execute(f'DROP TABLE "{name}"')
                db.commit()
        self.assert_true()


class Rows(CacheCase):
    """Rows changed by hand: every table, every column."""

    def edit(self, path, table, change):
        """Replaces a table's rows by change(rows, column names); rows it refuses are gone."""
        with contextlib.closing(sqlite3.connect(path)) as db:
            cursor = db.execute(f'SELECT * FROM "{table}"')
            names = [c[0] for c in cursor.description]
            rows = change(cursor.fetchall(), names)
            db.execute(f'DELETE FROM "{table}"')
            if table != "judged":  # a remembered conclusion would spare the facts, which are what is poisoned here
                with contextlib.suppress(sqlite3.Error):
                    db.execute("DELETE FROM judged")
            for row in rows:
                with contextlib.suppress(sqlite3.Error):
                    db.execute(f'INSERT OR REPLACE INTO "{table}" VALUES ({",".join("?" * len(names))})', row)
            db.commit()
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def columns(self):
        for path in self.databases():
            with contextlib.closing(sqlite3.connect(path)) as db:
                for (table,) in db.execute("SELECT name FROM sqlite_master WHERE type='table' "
                                           "AND name NOT LIKE 'sqlite_%'").fetchall():
                    for row in db.execute(f'PRAGMA table_info("{table}")').fetchall():
                        yield path, table, row[1]

    def test_every_column(self):
        self.warm()
        saved = self.tmp / "saved"
        shutil.copytree(self.careen.cache, saved)

        def flip(v):
            if isinstance(v, bytes) and v:
                return v[:len(v) // 2] + bytes([v[len(v) // 2] ^ 0x55]) + v[len(v) // 2 + 1:]
            if isinstance(v, str) and v:
                return v[:-1] + ("0" if v[-1] != "0" else "1")
            return v + 1 if isinstance(v, int) else v

        def changed(how, column):
            def each(values):
                return {"flip": [flip(v) for v in values], "rotate": values[1:] + values[:1],
                        "empty": [type(v)() if v is not None else None for v in values],
                        "half": [v[:len(v) // 2] if isinstance(v, (bytes, str)) else v for v in values],
                        "null": [None] * len(values)}[how]
            return lambda rows, names: replace_column(rows, names.index(column), each)

        columns = list(self.columns())
        self.assertGreater(len(columns), 3)
        for path, table, column in columns:
            for how in ("flip", "rotate", "empty", "half", "null"):
                with self.subTest(table=table, column=column, how=how):
                    shutil.rmtree(self.careen.cache)
                    shutil.copytree(saved, self.careen.cache)
                    self.edit(path, table, changed(how, column))
                    run = self.scan()
                    # A wrong mapping may show as a diff ID that lies; it may never hide the truth.
                    self.assert_code(run, FLAGGED)
                    report = run.json()
                    self.assertTrue(finding(report, threat=samples.THREAT)
                                    or finding(report, kind="integrity", severity="high"), str(run))
                    good = self.scan(self.good)
                    self.assertIn(good.code, (CLEAN, FLAGGED, 3), str(good))

    def test_whole_rows_swapped_between_keys(self):
        """The facts of a clean layer under the key of the marker's layer, and so on round."""
        self.warm()
        for path, table, column in list(self.columns()):
            with contextlib.closing(sqlite3.connect(path)) as db:
                keys = [r[1] for r in db.execute(f'PRAGMA table_info("{table}")') if r[5]]
            if column not in keys:
                continue
            with self.subTest(table=table, key=column):
                self.edit(path, table, lambda rows, names: replace_column(
                    rows, names.index(column), lambda values: swapped(values)))
                run = self.scan()
                self.assert_code(run, FLAGGED)
                report = run.json()
                self.assertTrue(finding(report, threat=samples.THREAT)
                                or finding(report, kind="integrity", severity="high"), str(run))


def replace_column(rows, index, each):
    values = each([row[index] for row in rows])
    return [(*row[:index], value, *row[index + 1:]) for row, value in zip(rows, values)]


def swapped(values):
    """Every value replaced by the next one there is."""
    kinds = sorted(set(values), key=repr)
    after = dict(zip(kinds, kinds[1:] + kinds[:1]))
    return [after[v] for v in values]


if __name__ == "__main__":
    main()
