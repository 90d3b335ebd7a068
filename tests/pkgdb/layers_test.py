#!/usr/bin/python3
"""Which rows count when a later layer replaces or deletes a package database."""
import unittest

from harness import CareenTest, lost_questions, os_release
import apk_db
import dpkg_db
import model
import ocibuild
import pacman_db
import rpm_header
import rpm_ndb
import rpm_sqlite
from model import Package
from ocibuild import file, opaque, whiteout

RPM = "var/lib/rpm/rpmdb.sqlite"


def tool(version="1", name="tool"):
    return Package(name, version, "1", files=model.ordinary_files(name))


def versions(report, **only):
    return sorted((row["name"], row["version"]) for row in report["packages"]
                  if all(row[key] == value for key, value in only.items()))


def rpm_data(packages):
    blobs = [rpm_header.package_blob(one) for one in packages]
    return rpm_sqlite.build(blobs)["rpmdb.sqlite"]


def base_layers():
    """For each kind: (name, base layer, paths to delete for the database to be gone)."""
    packages = [tool(), tool("2", "other")]
    return [
        ("dpkg", dpkg_db.entries(packages), [dpkg_db.DPKG]),
        ("status.d", dpkg_db.status_d(packages), [dpkg_db.DPKG + "/status.d"]),
        ("apk", apk_db.entries(packages), ["lib/apk"]),
        ("pacman", pacman_db.entries(packages), ["var/lib/pacman"]),
        ("rpm", ocibuild.with_parents(model.file_entries(packages) +
                                      [file(RPM, rpm_data(packages))]), [RPM]),
    ]


class ReplacedTest(CareenTest):
    """A database written again by a later layer: its old rows are history, not packages."""

    def assert_versions(self, image, expected, layer_index=1):
        run = self.packages(image)
        self.assertEqual(versions(run.report), expected)
        self.assertEqual({row["layer_index"] for row in run.report["packages"]}, {layer_index})
        self.assertTrue(all(row["visible"] for row in run.report["packages"]))
        self.assertEqual(lost_questions(run.report), [])

    def test_dpkg(self):
        self.assert_versions(self.image(
            [os_release()] + dpkg_db.entries([tool(), tool("2", "gone")]),
            dpkg_db.entries([tool("1.1"), tool("3", "new")])),
            [("new", "3-1"), ("tool", "1.1-1")])

    def test_apk(self):
        self.assert_versions(self.image(
            [os_release()] + apk_db.entries([tool(), tool("2", "gone")]),
            apk_db.entries([tool("1.1"), tool("3", "new")])),
            [("new", "3-1"), ("tool", "1.1-1")])

    def test_rpm(self):
        self.assert_versions(self.image(
            [os_release(), file(RPM, rpm_data([tool(), tool("2", "gone")]))],
            [file(RPM, rpm_data([tool("1.1"), tool("3", "new")]))]),
            [("new", "3-1"), ("tool", "1.1-1")])

    def test_the_same_file_in_three_layers(self):
        layers = [apk_db.entries([tool("1.%d" % number)]) for number in range(3)]
        self.assert_versions(self.image([os_release()], *layers), [("tool", "1.2-1")], 3)

    def test_status_d_row_by_row(self):
        new = tool("1.1")
        self.assert_rows_by_package(
            dpkg_db.status_d([tool(), tool("2", "kept")]), dpkg_db.status_d([new]))

    def test_pacman_upgrade(self):
        new = tool("1.1")
        new.files[1] = model.program("/usr/bin/tool", "a newer tool")
        self.assert_rows_by_package(
            pacman_db.entries([tool(), tool("2", "kept")]),
            [whiteout(pacman_db.folder_of(tool()))] + pacman_db.entries([new]))

    def assert_rows_by_package(self, base, upgrade):
        """A database of one file a package: the upgraded row is new, the other stays."""
        run = self.packages(self.image([os_release()] + base, upgrade))
        self.assertEqual(versions(run.report, visible=True), [("kept", "2-1"), ("tool", "1.1-1")])
        self.assertEqual({row["name"]: row["layer_index"] for row in run.report["packages"]
                          if row["visible"]}, {"kept": 0, "tool": 1})
        self.assertEqual(lost_questions(run.report), [])

    def test_removed_package_of_status_d(self):
        base = dpkg_db.status_d([tool(), tool("2", "kept")])
        paths = [one.path.strip("/") for one in tool().files]
        run = self.packages(self.image([os_release()] + base, [
            whiteout(path) for path in [dpkg_db.DPKG + "/status.d/tool",
                                        dpkg_db.DPKG + "/status.d/tool.md5sums"] + paths]))
        self.assertEqual(versions(run.report, visible=True), [("kept", "2-1")])

    def test_a_database_that_was_converted(self):
        """The same packages in a new file of another kind, the old file deleted: listed once."""
        packages = [tool(), tool("2", "other")]
        old = rpm_ndb.build([rpm_header.package_blob(one) for one in packages])
        run = self.packages(self.image(
            [os_release(), file("var/lib/rpm/Packages.db", old)],
            [whiteout("var/lib/rpm/Packages.db"), file(RPM, rpm_data(packages))]))
        self.assertEqual(versions(run.report, visible=True), [("other", "2-1"), ("tool", "1-1")])


class DeletedTest(CareenTest):
    """A database deleted by a later layer while the files it tells of are still there."""

    def assert_still_told(self, image, name):
        run = self.packages(image, (0, 3))
        self.assertEqual(versions(run.report), [("other", "2-1"), ("tool", "1-1")], name)
        hidden = [row for row in run.report["packages"] if row["visible"] is False]
        said = [row for row in run.report["coverage"] if row["question"] == "packages" and
                "delet" in (str(row["what"]) + str(row["why"])).lower()]
        self.assertTrue(len(hidden) == 2 or said,
                        "%s: nothing says that the database is gone: %s" %
                        (name, run.report["coverage"]))
        self.assertEqual({row["layer_index"] for row in run.report["packages"]}, {0})

    def test_deleted(self):
        for name, base, paths in base_layers():
            with self.subTest(kind=name):
                self.assert_still_told(
                    self.image([os_release()] + base, [whiteout(path) for path in paths]), name)

    def test_hidden_by_an_opaque_directory(self):
        for name, base, paths in base_layers():
            folder = paths[0].rpartition("/")[0]
            with self.subTest(kind=name, folder=folder):
                self.assert_still_told(
                    self.image([os_release()] + base, [opaque(folder)]), name)

    def test_hidden_by_a_file_in_place_of_the_directory(self):
        base = dpkg_db.entries([tool(), tool("2", "other")])
        self.assert_still_told(
            self.image([os_release()] + base, [file(dpkg_db.DPKG, b"")]), "dpkg")

    def test_deleted_with_all_its_files(self):
        for name, base, paths in base_layers():
            with self.subTest(kind=name):
                run = self.packages(self.image([os_release()] + base, [
                    whiteout(path) for path in paths + ["usr", "etc/tool.conf", "etc/other.conf"]]))
                self.assertEqual(versions(run.report, visible=True), [])
                self.assertEqual(lost_questions(run.report), [])

    def test_a_new_database_after_a_deleted_one(self):
        """Deleted in layer 1, made anew in layer 2: the first one was replaced."""
        run = self.packages(self.image(
            [os_release()] + dpkg_db.entries([tool()]), [whiteout(dpkg_db.DPKG)],
            dpkg_db.entries([tool("1.1")])))
        self.assertEqual(versions(run.report), [("tool", "1.1-1")])

    def test_whiteout_and_new_file_in_one_layer(self):
        """A whiteout hides the layers below, never its own layer, wherever it stands in the tar."""
        new = dpkg_db.entries([tool("1.1")])
        for order in ("first", "last"):
            with self.subTest(whiteout=order):
                mark = [opaque("var/lib/dpkg")]
                run = self.packages(self.image(
                    [os_release()] + dpkg_db.entries([tool()]),
                    mark + new if order == "first" else new + mark))
                self.assertEqual(versions(run.report), [("tool", "1.1-1")])


if __name__ == "__main__":
    unittest.main(verbosity=2)
