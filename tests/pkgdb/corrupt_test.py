#!/usr/bin/python3
"""Cut and damaged package databases: careen never crashes, and says what it could not read.

Damage is random but the same in every run (SEED). Each variant is one image.
"""
import random
import unittest

from harness import CareenTest, lost_questions, os_release
import apk_db
import dpkg_db
import model
import pacman_db
import rpm_bdb
import rpm_header
import rpm_ndb
import rpm_sqlite
from model import Package
from ocibuild import file

SEED = 3094
FLIPS = 6                   # damaged variants of each kind
COUNT = 12                  # packages in each database


def packages():
    return [Package("name%02d" % number, "1.%d" % number, "1", epoch=number % 2 or None,
                    files=model.ordinary_files("name%02d" % number)) for number in range(COUNT)]


def blobs():
    """Headers big enough that each has pages of its own."""
    padding = {rpm_header.DESCRIPTION: "word " * 1500}
    return [rpm_header.package_blob(one, more=padding) for one in packages()]


def binary_kinds():
    """name: (path, bytes) of the three kinds of rpm database."""
    found = {
        "sqlite": ("var/lib/rpm/rpmdb.sqlite", rpm_sqlite.build(blobs())["rpmdb.sqlite"]),
        "ndb": ("var/lib/rpm/Packages.db", rpm_ndb.build(blobs())),
    }
    if not rpm_bdb.available():
        found["bdb"] = ("var/lib/rpm/Packages", rpm_bdb.build(blobs()))
        found["bdb, big endian"] = ("var/lib/rpm/Packages",
                                    rpm_bdb.build(blobs(), byteorder="big", page_size=1024))
    return found


def text_kinds():
    """name: (path, bytes, the text that starts the version) of the databases in text."""
    local = pacman_db.folder_of(packages()[0])
    return {
        "dpkg": (dpkg_db.STATUS, dpkg_db.status(packages()), b"Version: "),
        "apk": (apk_db.DATABASE, apk_db.installed(packages()), b"V:"),
        "pacman": (local + "/desc", pacman_db.desc(packages()[0]), b"%VERSION%"),
    }


def flip(data, rng, spread):
    """Changes a few bytes, half of the time near the start, where the headers are."""
    out = bytearray(data)
    for _ in range(spread):
        end = min(len(out), 600) if rng.random() < 0.5 else len(out)
        out[rng.randrange(end)] ^= 1 << rng.randrange(8)
    return bytes(out)


class CorruptTest(CareenTest):
    def names(self, path, data, codes=(0, 1, 3)):
        """Runs `packages` on an image with this file; gives the run and the names listed."""
        run = self.packages(self.image([os_release(), file(path, data)]), codes)
        return run, {row["name"] for row in run.report["packages"]}

    def assert_told(self, run):
        self.assertTrue(lost_questions(run.report),
                        "rows are lost and no coverage row says so: %s" % run.report["coverage"])
        self.assertEqual(run.code, 3)

    def test_cut_rpm_databases(self):
        everything = {one.name for one in packages()}
        for kind, (path, data) in binary_kinds().items():
            self.assertEqual(self.names(path, data, (0,))[1], everything, kind)
            size = len(data)
            for keep in (0, 7, 100, 4096, size // 4, size // 2, size * 3 // 4, size - 5000,
                         size - 1):
                with self.subTest(kind=kind, keep=keep, of=size):
                    run, names = self.names(path, data[:keep])
                    if names != everything:
                        self.assert_told(run)

    def test_cut_text_databases(self):
        """Cut within a line. A cut between two records cannot be seen in these formats."""
        for kind, (path, data, mark) in text_kinds().items():
            starts = [at for at in range(len(data)) if data.startswith(mark, at)]
            starts = starts[::len(starts) // 4] if len(starts) > 4 else starts
            for start in starts:
                with self.subTest(kind=kind, cut_at=start):
                    run, _ = self.names(path, data[:start + 1])
                    self.assert_told(run)

    def test_cut_within_a_folded_description(self):
        data = dpkg_db.status(packages())
        cut = data.index(b" Package: not-a", len(data) // 2) + 5
        run, names = self.names(dpkg_db.STATUS, data[:cut])
        self.assertTrue(names)
        self.assert_told(run)

    def test_a_cut_database_leaves_the_verdict_open(self):
        for kind, (path, data) in binary_kinds().items():
            with self.subTest(kind=kind):
                run = self.scan(self.image([os_release(), file(path, data[:len(data) // 2])]), (3,))
                self.assertEqual(run.report["verdict"], "undetermined")
                self.assertTrue(lost_questions(run.report))

    def test_flipped_bits(self):
        kinds = {kind: (path, data) for kind, (path, data, _) in text_kinds().items()}
        kinds.update(binary_kinds())
        for kind, (path, data) in sorted(kinds.items()):
            rng = random.Random("%d %s" % (SEED, kind))
            for number in range(FLIPS):
                with self.subTest(kind=kind, variant=number):
                    self.names(path, flip(data, rng, 1 << number))

    def test_one_bad_header_does_not_hide_the_others(self):
        bad = {
            "huge count": b"\xff\xff\xff\xff" + blobs()[3][4:],
            "cut": blobs()[3][:60],
            "no name": rpm_header.encode({rpm_header.VERSION: "1", rpm_header.RELEASE: "1"}),
            "empty": b"",
        }
        for name, blob in bad.items():
            rows = blobs()
            rows[3] = blob
            others = {one.name for number, one in enumerate(packages()) if number != 3}
            made = [("var/lib/rpm/rpmdb.sqlite", rpm_sqlite.build(rows)["rpmdb.sqlite"]),
                    ("var/lib/rpm/Packages.db", rpm_ndb.build(rows))]
            if blob and not rpm_bdb.available():
                made.append(("var/lib/rpm/Packages", rpm_bdb.build(rows)))
            for path, data in made:
                with self.subTest(header=name, path=path):
                    run, names = self.names(path, data)
                    self.assertTrue(others <= names, others - names)
                    self.assert_told(run)

    def test_one_bad_record_does_not_hide_the_others(self):
        others = {one.name for number, one in enumerate(packages()) if number != 3}
        lines = {
            dpkg_db.STATUS: (dpkg_db.status(packages()), b"Version: 1:1.3-1\n"),
            apk_db.DATABASE: (apk_db.installed(packages()), b"V:1:1.3-1\n"),
        }
        for path, (data, line) in lines.items():
            self.assertEqual(data.count(line), 1)
            for name, bad in (("no version", b""), ("no colon", b"Versiononly\n")):
                with self.subTest(path=path, record=name):
                    run, names = self.names(path, data.replace(line, bad))
                    self.assertTrue(others <= names, others - names)
                    self.assert_told(run)

    def test_one_bad_pacman_folder_does_not_hide_the_others(self):
        rows = pacman_db.database(packages())
        folder = pacman_db.folder_of(packages()[3])
        rows = [(path, b"" if path == folder + "/desc" else data) for path, data in rows]
        run = self.packages(self.image([os_release()] + [file(*row) for row in rows]), (0, 3))
        names = {row["name"] for row in run.report["packages"]}
        self.assertTrue({one.name for number, one in enumerate(packages()) if number != 3} <= names)
        self.assert_told(run)


if __name__ == "__main__":
    unittest.main(verbosity=2)
