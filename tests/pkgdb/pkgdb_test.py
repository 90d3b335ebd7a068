#!/usr/bin/python3
"""careen lists what each package database holds, as the database's own tool would."""
import unittest

from harness import CareenTest, lost_questions, os_release
import apk_db
import dpkg_db
import model
import pacman_db
import rpm_bdb
import rpm_header
import rpm_ndb
import rpm_oracle
import rpm_sqlite
from model import Package
from ocibuild import file, symlink, with_parents

RPM_DIR = "var/lib/rpm"
KEY_ROW = ("rpm", "gpg-pubkey", "a15b79cc-63d04c2c", None, None, None)


def rpm_packages(count=6):
    """rpm packages with and without epoch, some of one source, some with a version of its own."""
    packages = []
    for number in range(1, count + 1):
        source = "suite" if number % 3 == 0 else None
        packages.append(Package(
            "part-%d" % number, "1.%d" % number, "%d.el9" % number, arch="noarch" if number % 2
            else "x86_64", epoch=None if number % 2 else number // 2 - 1, source=source,
            source_version="7.0-1.el9" if source else None,
            files=model.ordinary_files("part-%d" % number)))
    return packages


def rpm_rows(packages):
    """The rows to expect. A source package's file name has no epoch, so neither has the row."""
    return [("rpm", one.name, one.full_version(), one.arch, one.source or one.name,
             one.source_version or "%s-%s" % (one.version, one.release)) for one in packages]


def rpm_layer(packages, name, data, folder=RPM_DIR):
    return with_parents([os_release()] + model.file_entries(packages) +
                        [file("%s/%s" % (folder, name), data)])


class RpmTest(CareenTest):
    """rpm: the same header blobs in three kinds of file."""

    def assert_rpm(self, packages, name, data, more=(), folder=RPM_DIR):
        image = self.image(rpm_layer(packages, name, data, folder) +
                           [file("%s/%s" % (folder, other), text) for other, text in more])
        rows = self.assert_lists(image, rpm_rows(packages) + [KEY_ROW])
        by_name = {row["name"]: row for row in rows}
        for one in packages:
            self.assert_count(by_name[one.name], one, len(one.files))
            self.assertEqual(by_name[one.name]["database"].strip("/"), folder + "/" + name)

    def blobs(self, packages):
        return [rpm_header.package_blob(one) for one in packages] + [rpm_header.public_key_blob()]

    def test_sqlite(self):
        packages = rpm_packages()
        for how in ({}, {"wal": False}, {"page_size": 512}, {"page_size": 65536},
                    {"wal": False, "deleted": 5}):
            with self.subTest(**how):
                files = rpm_sqlite.build(self.blobs(packages), **how)
                self.assert_rpm(packages, "rpmdb.sqlite", files["rpmdb.sqlite"],
                                [pair for pair in files.items() if pair[0] != "rpmdb.sqlite"])

    def test_sqlite_without_its_log_file(self):
        packages = rpm_packages()
        self.assert_rpm(packages, "rpmdb.sqlite",
                        rpm_sqlite.build(self.blobs(packages))["rpmdb.sqlite"])

    def test_sqlite_rows_in_the_log_alone_are_listed_or_said_to_be_missing(self):
        packages = rpm_packages()
        blobs = self.blobs(packages)
        files = rpm_sqlite.build(blobs[:2], in_wal=blobs[2:])
        image = self.image(with_parents([os_release()] + [
            file("%s/%s" % (RPM_DIR, name), data) for name, data in files.items()]))
        run = self.packages(image, (0, 3))
        listed = {row["name"] for row in run.report["packages"]}
        if listed != {one.name for one in packages} | {"gpg-pubkey"}:
            self.assertTrue(lost_questions(run.report), "rows are missing and nothing says so")
            self.assertEqual(run.code, 3)

    def test_ndb(self):
        packages = rpm_packages()
        for how in ({}, {"gap": 3}):
            with self.subTest(**how):
                self.assert_rpm(packages, "Packages.db", rpm_ndb.build(self.blobs(packages), **how))

    def test_ndb_with_removed_packages(self):
        packages = rpm_packages(8)
        kept = [one for number, one in enumerate(packages, 1) if number not in (1, 5)]
        self.assert_rpm(kept, "Packages.db", rpm_ndb.build(self.blobs(packages), removed=(1, 5)))

    def test_ndb_with_two_pages_of_slots(self):
        packages = [Package("n%03d" % number, "1", "1") for number in range(300)]
        self.assert_rpm(packages, "Packages.db", rpm_ndb.build(self.blobs(packages)))

    def test_bdb(self):
        if rpm_bdb.available():
            self.skipTest(rpm_bdb.available())
        packages = rpm_packages(12)
        for how in ({}, {"byteorder": "big"}, {"page_size": 512, "fill": 2}, {"page_size": 65536},
                    {"byteorder": "big", "page_size": 1024}):
            with self.subTest(**how):
                self.assert_rpm(packages, "Packages", rpm_bdb.build(self.blobs(packages), **how))

    def test_bdb_version_8(self):
        if rpm_bdb.available():
            self.skipTest(rpm_bdb.available())
        packages = rpm_packages(12)
        self.assert_rpm(packages, "Packages",
                        rpm_bdb.as_version_8(rpm_bdb.build(self.blobs(packages))))

    def test_bdb_with_removed_packages(self):
        if rpm_bdb.can_remove():
            self.skipTest(rpm_bdb.can_remove())
        packages = rpm_packages(12)
        kept = [one for number, one in enumerate(packages, 1) if number not in (2, 3, 11)]
        for order in ("little", "big"):
            with self.subTest(byteorder=order):
                self.assert_rpm(kept, "Packages", rpm_bdb.build(
                    self.blobs(packages), byteorder=order, removed=(2, 3, 11)))

    def test_large_headers(self):
        big = Package("big", "1", "1", files=[model.program("/usr/share/big/file-%05d" % number)
                                              for number in range(2500)])
        packages = [big] + rpm_packages(3)
        blobs = self.blobs(packages)
        self.assertGreater(len(blobs[0]), 200000)
        self.assert_rpm(packages, "rpmdb.sqlite", rpm_sqlite.build(blobs)["rpmdb.sqlite"])
        self.assert_rpm(packages, "Packages.db", rpm_ndb.build(blobs))
        if not rpm_bdb.available():
            self.assert_rpm(packages, "Packages", rpm_bdb.build(blobs, page_size=512))
            self.assert_rpm(packages, "Packages", rpm_bdb.build(blobs, byteorder="big"))

    def test_header_without_region(self):
        packages = rpm_packages(3)
        blobs = [rpm_header.encode(rpm_header.package_tags(one), region=None) for one in packages]
        self.assert_rpm(packages, "Packages.db",
                        rpm_ndb.build(blobs + [rpm_header.public_key_blob()]))

    def test_other_places(self):
        packages = rpm_packages()
        for folder, name, data in (
                ("usr/lib/sysimage/rpm", "rpmdb.sqlite",
                 rpm_sqlite.build(self.blobs(packages))["rpmdb.sqlite"]),
                ("usr/lib/sysimage/rpm", "Packages.db", rpm_ndb.build(self.blobs(packages))),
                ("usr/share/rpm", "rpmdb.sqlite",
                 rpm_sqlite.build(self.blobs(packages))["rpmdb.sqlite"])):
            with self.subTest(folder=folder, name=name):
                self.assert_rpm(packages, name, data, folder=folder)

    def test_a_link_to_the_database_does_not_list_it_twice(self):
        packages = rpm_packages()
        data = rpm_sqlite.build(self.blobs(packages))["rpmdb.sqlite"]
        layer = rpm_layer(packages, "rpmdb.sqlite", data, "usr/lib/sysimage/rpm")
        layer += with_parents([symlink(RPM_DIR, "../../usr/lib/sysimage/rpm")])
        self.assert_lists(self.image(layer), rpm_rows(packages) + [KEY_ROW])


class RealRpmTest(CareenTest):
    """What rpm itself wrote and what rpm itself reads, as careen reads it."""

    def assert_as_rpm_says(self, folder, names, backend="sqlite"):
        expected = rpm_oracle.rows(folder, backend)
        entries = []
        for name in names:
            with open("%s/%s" % (folder, name), "rb") as data:
                entries.append(file("%s/%s" % (RPM_DIR, name), data.read()))
        self.assert_lists(self.image(with_parents([os_release()] + entries)), expected)
        return expected

    def test_database_written_by_rpm(self):
        if rpm_oracle.can_build():
            self.skipTest(rpm_oracle.can_build())
        rpms = []
        for package, parts in (
                (Package("alpha", "1.2", "3", epoch=2, arch="noarch",
                         files=model.ordinary_files("alpha")), ["libs", "devel"]),
                (Package("beta-tool", "0.9~rc1", "1.fc40", arch="noarch",
                         files=model.ordinary_files("beta-tool")), []),
                (Package("gamma", "2024^git1", "0", epoch=0, arch="noarch"), [])):
            rpms += rpm_oracle.build_rpms(self.tmp, package, parts)
        folder = self.tmp + "/db"
        rpm_oracle.install(folder, rpms)
        rows = self.assert_as_rpm_says(folder, ["rpmdb.sqlite", "rpmdb.sqlite-wal"])
        self.assertEqual(len(rows), 5)

    def test_database_read_by_rpm(self):
        if rpm_oracle.available() or rpm_bdb.available():
            self.skipTest(rpm_oracle.available() or rpm_bdb.available())
        blobs = [rpm_header.package_blob(one) for one in rpm_packages(40)]
        blobs.append(rpm_header.public_key_blob())
        for order in ("little", "big"):
            with self.subTest(byteorder=order):
                folder = "%s/bdb-%s" % (self.tmp, order)
                rpm_bdb.write(folder, blobs, byteorder=order, page_size=1024, fill=3)
                rows = self.assert_as_rpm_says(folder, ["Packages"], "bdb_ro")
                self.assertEqual(len(rows), 41)


# Legal for dpkg, though it never writes it like this.
ODD_TEXT = (
    "\n\n"
    "package: lower\nstatus: install ok installed\nARCHITECTURE: amd64\nversion: 1-1\n"
    "\n\n\n"
    "Package:tight\nStatus:install ok installed\nArchitecture:all\nVersion:2\n"
    "Source:origin (3)\n\n"
    "Package: \t padded  \nStatus:  install  ok  installed \nVersion: 4~rc1-0.1 \t\n"
    "Architecture: arm64\nSource: two  (5)\n\n"
    "Package: folded\nStatus: install ok installed\nArchitecture: all\n"
    "Depends: one,\n two (>= 1),\n\tthree\nVersion: 6\n"
    "Description: text\n Version: 7\n .\n Package: inner\n\n"
    "Package: sourced\nSource: other-source\nStatus: install ok installed\n"
    "Architecture: all\nVersion: 1:8-9\n")
ODD_ROWS = [
    ("deb", "lower", "1-1", "amd64", "lower", "1-1"),
    ("deb", "tight", "2", "all", "origin", "3"),
    ("deb", "padded", "4~rc1-0.1", "arm64", "two", "5"),
    ("deb", "folded", "6", "all", "folded", "6"),
    ("deb", "sourced", "1:8-9", "all", "other-source", "1:8-9"),
]


class DpkgTest(CareenTest):
    def packages_of(self, arch="amd64"):
        return [
            Package("plain", "1.2-3", arch=arch, files=model.ordinary_files("plain")),
            Package("libplain1", "1:1.2-3+b1", arch=arch, source="plain", source_version="1:1.2-3"),
            Package("plain-doc", "1.2-3", arch="all", source="plain"),
        ]

    def rows(self, packages):
        return [one.row("deb") for one in packages]

    def test_status(self):
        packages = self.packages_of()
        rows = self.assert_lists(self.image([os_release()] + dpkg_db.entries(packages)),
                                 self.rows(packages))
        plain = next(row for row in rows if row["name"] == "plain")
        self.assertEqual(plain["database"].strip("/"), dpkg_db.STATUS)
        self.assert_count(plain, packages[0], len(dpkg_db.file_list(packages[0]).splitlines()))

    def test_one_package_of_two_architectures(self):
        packages = [Package("libtwo", "1", arch="amd64", files=model.ordinary_files("two-a")),
                    Package("libtwo", "1", arch="i386", files=model.ordinary_files("two-b"))]
        entries = [file(dpkg_db.STATUS, dpkg_db.status(packages, more="Multi-Arch: same"))]
        for one in packages:
            entries += [file(*pair) for pair in dpkg_db.info(one, multiarch=True)]
        rows = self.assert_lists(
            self.image([os_release()] + with_parents(entries + model.file_entries(packages))),
            self.rows(packages))
        self.assertTrue(all(row["files"] >= 4 for row in rows), rows)

    def test_status_d(self):
        packages = self.packages_of()
        for encoded in (False, True):
            with self.subTest(base64_names=encoded):
                rows = self.assert_lists(
                    self.image([os_release()] + dpkg_db.status_d(packages, encoded)),
                    self.rows(packages))
                plain = next(row for row in rows if row["name"] == "plain")
                self.assertGreaterEqual(plain["files"], 3)

    def test_states(self):
        here = ["install ok installed", "hold ok installed", "deinstall ok installed",
                "purge ok installed", "install ok unpacked", "install ok half-configured",
                "install ok triggers-awaited", "install ok triggers-pending",
                "install reinstreq installed"]
        gone = ["deinstall ok config-files", "purge ok config-files", "deinstall ok not-installed",
                "unknown ok not-installed"]
        text, expected = "", []
        for number, state in enumerate(here + gone):
            package = Package("state-%d" % number, "1", arch="amd64")
            text += dpkg_db.stanza(package, state) + "\n"
            if state in here:
                expected.append(package.row("deb"))
        text += "Package: never\nStatus: unknown ok not-installed\nPriority: optional\n\n"
        half = dpkg_db.stanza(Package("half", "1", arch="amd64"), "install ok half-installed")
        self.assert_lists(self.image([os_release(), file(dpkg_db.STATUS, text.encode())]), expected)
        # What is half installed may or may not have its files: either answer will do.
        run = self.packages(self.image([os_release(), file(
            dpkg_db.STATUS, (text + half + "\n").encode())]), (0, 3))
        names = {row["name"] for row in run.report["packages"]} - {"half"}
        self.assertEqual(names, {row[1] for row in expected})

    def test_odd_but_legal_text(self):
        self.assert_lists(self.image([os_release(), file(dpkg_db.STATUS, ODD_TEXT.encode())]),
                          ODD_ROWS)


class ApkTest(CareenTest):
    PACKAGES = [
        Package("musl", "1.2.5-r0", files=[model.program("/lib/ld-musl-x86_64.so.1")]),
        Package("libtool", "2.4-r1", source="libtool-suite", files=model.ordinary_files("tool")),
        Package("old", "0.1_git20110101-r0", source="", arch="noarch"),
        Package("rooted", "1-r0", files=[model.OwnedFile("/at-the-root", b"x")]),
        Package(".build-deps", "20240101.000000", arch="noarch"),
    ]

    def test_installed(self):
        rows = self.assert_lists(self.image([os_release("alpine", "3.19")] +
                                            apk_db.entries(self.PACKAGES)),
                                 [one.row("apk") for one in self.PACKAGES])
        counts = {row["name"]: row["files"] for row in rows}
        self.assertEqual((counts["musl"], counts["rooted"], counts["old"]), (1, 1, 0))

    def test_fields_that_are_seldom_there(self):
        more = ["r:other", "q:10", "s:edge", "i:one two", "k:5", "g:tag", "f:fx"]
        self.assert_lists(self.image([os_release("alpine", "edge")] + apk_db.entries(
            self.PACKAGES, more=more)), [one.row("apk") for one in self.PACKAGES])

    def test_in_usr(self):
        layer = apk_db.entries(self.PACKAGES[1:], database="usr/lib/apk/db/installed", sha256=True)
        self.assert_lists(self.image([os_release("alpine", "3.23"), symlink("lib", "usr/lib")] +
                                     layer), [one.row("apk") for one in self.PACKAGES[1:]])


class PacmanTest(CareenTest):
    PACKAGES = [
        Package("xz", "5.6.1", "3", files=model.ordinary_files("xz")),
        Package("lib32-xz", "5.6.1", "1", epoch=2, source="xz32"),
        Package("old", "r12.ab", "1", arch="any", source=""),
    ]

    def test_local(self):
        rows = self.assert_lists(self.image([os_release("arch")] +
                                            pacman_db.entries(self.PACKAGES)),
                                 [one.row("alpm") for one in self.PACKAGES])
        xz = next(row for row in rows if row["name"] == "xz")
        self.assertTrue(xz["database"].strip("/").startswith(pacman_db.LOCAL), xz)
        self.assert_count(xz, self.PACKAGES[0], len(pacman_db.all_paths(self.PACKAGES[0])))


class SeveralTest(CareenTest):
    def test_all_databases_of_one_image_are_read(self):
        debs = [Package("one", "1-1", arch="amd64", files=model.ordinary_files("one"))]
        apks = [Package("two", "2-r0", files=model.ordinary_files("two"))]
        arch = [Package("three", "3", "1", files=model.ordinary_files("three"))]
        rpms = [Package("four", "4", "1", files=model.ordinary_files("four"))]
        suse = [Package("five", "5", "1")]
        extra = [Package("six", "6-1", arch="all")]
        layers = [
            [os_release()] + dpkg_db.entries(debs), apk_db.entries(apks), pacman_db.entries(arch),
            rpm_layer(rpms, "rpmdb.sqlite", rpm_sqlite.build(
                [rpm_header.package_blob(one) for one in rpms])["rpmdb.sqlite"]),
            [file("usr/lib/sysimage/rpm/Packages.db", rpm_ndb.build(
                [rpm_header.package_blob(one) for one in suse]))],
            dpkg_db.status_d(extra)]
        rows = self.assert_lists(
            self.image(*layers), [debs[0].row("deb"), apks[0].row("apk"), arch[0].row("alpm"),
                                  extra[0].row("deb")] + rpm_rows(rpms + suse))
        self.assertEqual({row["name"]: row["layer_index"] for row in rows},
                         {"one": 0, "two": 1, "three": 2, "four": 3, "five": 4, "six": 5})

    def test_the_same_image_gives_the_same_bytes(self):
        layer = [os_release()] + dpkg_db.entries(
            [Package("p%02d" % number, "1", arch="all") for number in range(50)])
        image = self.image(layer, apk_db.entries(ApkTest.PACKAGES))
        self.assertEqual(self.packages(image).text, self.packages(image).text)

    def test_an_image_without_a_database(self):
        run = self.packages(self.image([file("hello", b"x")]))
        self.assertEqual(run.report["packages"], [])
        self.assertEqual(lost_questions(run.report), [])


if __name__ == "__main__":
    unittest.main(verbosity=2)
