#!/usr/bin/python3
"""Files that differ from their package's own record: findings of kind integrity.

They never flag: honest images run sed and strip documentation. Configuration files, missing
files, diversions and generated files give none.
"""
import json
import unittest

from harness import CareenTest, os_release
import apk_db
import dpkg_db
import model
import pacman_db
import rpm_bdb
import rpm_header
import rpm_ndb
import rpm_sqlite
from model import OwnedFile, Package
from ocibuild import file, symlink, whiteout, with_parents

PROGRAM = file("usr/bin/tool", b"#!/bin/sh\necho changed\n", 0o755)
DOCUMENT = file("usr/share/doc/tool/README", b"Changed.\n")
CONFIG = file("etc/tool.conf", b"# changed\n")


def tool(*more):
    return Package("tool", "1", "1", files=model.ordinary_files("tool") + list(more))


def rpm_layer(name, build, algorithm="sha256", tags=None):
    def make(packages):
        blobs = [rpm_header.package_blob(one, algorithm, tags) for one in packages]
        return with_parents(model.file_entries(packages) +
                            [file("var/lib/rpm/" + name, build(blobs))])
    return make


def sqlite(blobs):
    return rpm_sqlite.build(blobs)["rpmdb.sqlite"]


def kinds():
    """For each kind of record: how to make the layer of some packages."""
    found = {
        "dpkg": dpkg_db.entries,
        "dpkg status.d": dpkg_db.status_d,
        "apk": apk_db.entries,
        "apk with sha256": lambda packages: apk_db.entries(packages, sha256=True),
        "rpm sqlite": rpm_layer("rpmdb.sqlite", sqlite),
        "rpm sqlite with md5": rpm_layer("rpmdb.sqlite", sqlite, "md5"),
        "rpm sqlite with sha1": rpm_layer("rpmdb.sqlite", sqlite, "sha1"),
        "rpm ndb": rpm_layer("Packages.db", rpm_ndb.build),
    }
    if not rpm_bdb.available():
        found["rpm bdb with md5"] = rpm_layer("Packages", rpm_bdb.build, "md5")
    return found


class IntegrityCase(CareenTest):
    def findings(self, *layers):
        """The integrity findings of a clean image."""
        run = self.scan(self.image([os_release()] + layers[0], *layers[1:]))
        self.assertEqual(run.report["verdict"], "clean")
        other = [one for one in run.report["findings"] if one["kind"] != "integrity"]
        self.assertEqual(other, [])
        return run.report["findings"]

    def assert_one(self, found, severity, paths, layer_index=1):
        self.assertEqual(len(found), 1, found)
        one = found[0]
        self.assertEqual(one["severity"], severity, one)
        self.assertIsNone(one["threat"])
        self.assertEqual(one["where"]["layer_index"], layer_index)
        self.assertEqual(one["where"]["visible"], True)
        self.assertEqual(one["where"]["package"]["name"], "tool")
        text = json.dumps(one)
        for path in paths:
            self.assertIn(path, text)


class IntegrityTest(IntegrityCase):
    """What holds for every kind of database."""

    def test_each_kind_of_record(self):
        for kind, layer in kinds().items():
            base = layer([tool()])
            cases = (("nothing changed", [file("srv/x", b"x")], None, []),
                     ("the same again", [file("usr/bin/tool", tool().files[1].content, 0o700)],
                      None, []),
                     ("a program", [PROGRAM], "medium", ["/usr/bin/tool"]),
                     ("a document", [DOCUMENT], "info", ["/usr/share/doc/tool/README"]),
                     ("both", [PROGRAM, DOCUMENT], "medium",
                      ["/usr/bin/tool", "/usr/share/doc/tool/README"]),
                     ("a configuration file", [CONFIG], None, []),
                     ("missing files", [whiteout("usr/bin/tool"), whiteout("usr/share")], None, []))
            for name, change, severity, paths in cases:
                with self.subTest(record=kind, changed=name):
                    found = self.findings(base, change)
                    if severity:
                        self.assert_one(found, severity, paths)
                    else:
                        self.assertEqual(found, [])

    def test_pacman_is_checked_or_said_not_to_be(self):
        run = self.scan(self.image([os_release()] + pacman_db.entries([tool()]), [PROGRAM]))
        said = [row for row in run.report["coverage"]
                if row["question"] == "integrity" and row["state"] != "looked"]
        self.assertTrue(run.report["findings"] or said)
        self.assertEqual(run.report["verdict"], "clean")

    def test_changed_in_the_layer_of_the_package(self):
        layer = [PROGRAM if one.path == PROGRAM.path else one
                 for one in dpkg_db.entries([tool()])]
        self.assert_one(self.findings(layer), "medium", ["/usr/bin/tool"], 0)

    def test_one_row_for_each_layer_and_package(self):
        second = Package("second", "2", "1", files=model.ordinary_files("second"))
        found = self.findings(
            dpkg_db.entries([tool(), second]), [PROGRAM],
            [DOCUMENT, file("usr/bin/second", b"#!/bin/sh\n", 0o755),
             file("usr/share/doc/second/README", b"new")])
        self.assertEqual(
            sorted((one["where"]["package"]["name"], one["where"]["layer_index"], one["severity"])
                   for one in found),
            [("second", 2, "medium"), ("tool", 1, "medium"), ("tool", 2, "info")])
        self.assertEqual(len({one["id"] for one in found}), 3)

    def test_upgrade_changes_files_and_record_together(self):
        new = tool()
        new.version = "2"
        new.files[1] = model.program("/usr/bin/tool", "second edition")
        for kind, layer in kinds().items():
            with self.subTest(record=kind):
                self.assertEqual(self.findings(layer([tool()]), layer([new])), [])


class DpkgIntegrityTest(IntegrityCase):
    def test_merged_usr(self):
        package = Package("tool", "1", "1", files=[model.program("/bin/tool", "tool")])
        database = [one for one in dpkg_db.entries([package]) if not one.path.startswith("bin")]
        base = [symlink("bin", "usr/bin"), file("usr/bin/tool", package.files[0].content, 0o755)]
        self.assertEqual(self.findings(base + database), [])
        self.assert_one(self.findings(base + database, [PROGRAM]), "medium", ["bin/tool"])

    def test_diversion(self):
        text = b"/usr/bin/tool\n/usr/bin/tool.distrib\nother\n"
        moved = file("usr/bin/tool.distrib", tool().files[1].content, 0o755)
        self.assertEqual(self.findings(dpkg_db.entries([tool()]), [
            PROGRAM, moved, file("var/lib/dpkg/diversions", text)]), [])

    def test_alternative(self):
        """A path that a link now leads away from is not the package's file any more."""
        self.assertEqual(self.findings(dpkg_db.entries([tool()]), [
            symlink("etc/alternatives/tool", "/usr/bin/other-tool"),
            file("usr/bin/other-tool", b"#!/bin/sh\n", 0o755),
            symlink("usr/bin/tool", "/etc/alternatives/tool")]), [])

    def test_file_taken_over_by_another_package(self):
        """dpkg takes the path from the old owner's list, but leaves its md5sums as they are."""
        old = Package("old", "1", "1", files=[model.program("/usr/bin/tool", "old")])
        new = Package("new", "1", "1", files=[model.program("/usr/bin/tool", "new")])
        entries = [file(dpkg_db.STATUS, dpkg_db.status([old, new])),
                   file("var/lib/dpkg/info/old.list", b"/.\n"),
                   file("var/lib/dpkg/info/old.md5sums", dpkg_db.md5sums(old))]
        entries += [file(path, data) for path, data in dpkg_db.info(new)]
        self.assertEqual(self.findings(with_parents(entries + model.file_entries([new]))), [])

    def test_no_record_of_checksums(self):
        layer = [one for one in dpkg_db.entries([tool()]) if not one.path.endswith(".md5sums")]
        self.assertEqual(self.findings(layer, [PROGRAM]), [])

    def test_byte_code_cache(self):
        cache = OwnedFile("/usr/lib/python3/dist-packages/__pycache__/tool.cpython-311.pyc", b"old")
        for layer in (dpkg_db.entries, rpm_layer("rpmdb.sqlite", sqlite), apk_db.entries):
            self.assertEqual(self.findings(
                layer([tool(cache)]), [file(cache.path.strip("/"), b"made anew")]), [])


class RpmIntegrityTest(IntegrityCase):
    def test_config_flag_outside_etc(self):
        settings = OwnedFile("/usr/share/tool/settings", b"a", config=True)
        self.assertEqual(self.findings(rpm_layer("rpmdb.sqlite", sqlite)([tool(settings)]),
                                       [file("usr/share/tool/settings", b"b")]), [])

    def test_ghost_with_a_recorded_digest(self):
        """Old rpms recorded a digest for %ghost files that lay there when the package was built."""
        package = Package("tool", "1", "1", files=[
            OwnedFile("/usr/share/tool/cache", b"x", ghost=True)])
        make = rpm_layer("rpmdb.sqlite", sqlite, tags={rpm_header.FILEDIGESTS: ["0" * 64]})
        self.assertEqual(self.findings(make([package]), [file("usr/share/tool/cache", b"y")]), [])

    def test_a_file_of_two_owners_that_fits_one(self):
        """Installing a package for a second architecture replaces files of the first."""
        first = Package("one", "1", "1", files=[model.program("/usr/bin/shared", "first")])
        second = Package("two", "1", "1", files=[model.program("/usr/bin/shared", "second")])
        self.assertEqual(self.findings(rpm_layer("rpmdb.sqlite", sqlite)([first, second])), [])


if __name__ == "__main__":
    unittest.main(verbosity=2)
