#!/usr/bin/python3
"""What the cache tests share: two images, the truth about them, and the cache's files."""

import pathlib

import images
import samples
from support import CLEAN, FLAGGED, Case, finding


def sqlite_files(directory):
    """Database files below a directory, by content."""
    found = []
    for path in sorted(pathlib.Path(directory).rglob("*")):
        if path.is_file() and path.open("rb").read(15) == b"SQLite format 3":
            found.append(path)
    return found


class CacheCase(Case):
    def setUp(self):
        super().setUp()
        self.threats = samples.marker_threats(self.tmp)
        self.layout = images.OciLayout(self.tmp / "layout")
        self.bad = self.layout.add("bad", samples.poisoned())
        self.good = self.layout.add("good", samples.clean())

    def scan(self, image=None, *args, careen=None, **kw):
        return (careen or self.careen).scan(image or self.bad, "--threats", self.threats, *args, **kw)

    def warm(self):
        """Scans both images; returns the bad one's output, the truth to compare with."""
        good = self.scan(self.good)
        self.assert_code(good, CLEAN)
        run = self.scan()
        self.assert_code(run, FLAGGED)
        self.truth = run.out
        self.assertTrue(finding(run.json(), threat=samples.THREAT))
        return run

    def databases(self):
        files = sqlite_files(self.careen.cache)
        self.assertTrue(files, "a scan leaves a SQLite file in the cache")
        return files

    def assert_true(self, run=None, same=True):
        """The marker is still found; with `same`, the report is byte for byte the truth."""
        run = run or self.scan()
        self.assert_code(run, FLAGGED)
        self.assertTrue(finding(run.json(), threat=samples.THREAT, confidence="confirmed"), str(run))
        if same:
            self.assertEqual(run.out, self.truth)
        return run
