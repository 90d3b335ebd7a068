#!/usr/bin/python3
"""The writers of this folder against the real tools: rpm, db5.3_verify, pacman, dpkg-query, tar.

These tests do not need careen. They show that what careen is asked to read is what the
formats' own programs read.
"""
import gzip
import hashlib
import json
import os
import shutil
import subprocess
import tempfile
import unittest

import dpkg_db
import make_seeds
import model
import ocibuild
import pacman_db
import pkgdb_test
import rpm_bdb
import rpm_header
import rpm_ndb
import rpm_oracle
import rpm_sqlite
from model import Package


class OracleTest(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        base = os.environ.get("CAREEN_TEST_TMP")
        if base:
            os.makedirs(base, exist_ok=True)
        self.tmp = tempfile.mkdtemp(prefix="oracle-", dir=base)
        self.addCleanup(shutil.rmtree, self.tmp, True)

    def need(self, *tools):
        for tool in tools:
            if not shutil.which(tool):
                self.skipTest(tool + " is not installed")

    def run_tool(self, *words, **more):
        return subprocess.run(words, check=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              text=True, **more).stdout


class RpmTest(OracleTest):
    def setUp(self):
        super().setUp()
        self.packages = pkgdb_test.rpm_packages(30)
        self.packages.append(Package("big", "1", "1", files=[
            model.program("/usr/share/big/file-%04d" % number) for number in range(1500)]))
        self.blobs = [rpm_header.package_blob(one) for one in self.packages]
        self.blobs.append(rpm_header.public_key_blob())
        self.expected = sorted(pkgdb_test.rpm_rows(self.packages) + [pkgdb_test.KEY_ROW], key=str)

    def test_sqlite(self):
        self.need("rpm")
        for how in ({}, {"wal": False}, {"page_size": 512}, {"wal": False, "deleted": 3}):
            folder = tempfile.mkdtemp(dir=self.tmp)
            rpm_sqlite.write(folder, self.blobs, **how)
            self.assertEqual(rpm_oracle.rows(folder), self.expected, how)

    def test_sqlite_rows_in_the_log(self):
        self.need("rpm")
        rpm_sqlite.write(self.tmp, self.blobs[:3], in_wal=self.blobs[3:])
        self.assertEqual(rpm_oracle.rows(self.tmp), self.expected)

    def test_bdb(self):
        self.need("rpm", "db5.3_load", "db5.3_verify")
        for how in ({}, {"byteorder": "big"}, {"page_size": 512, "fill": 2}, {"page_size": 65536}):
            folder = tempfile.mkdtemp(dir=self.tmp)
            rpm_bdb.write(folder, self.blobs, **how)
            self.run_tool("db5.3_verify", "-q", folder + "/Packages")
            self.assertEqual(rpm_oracle.rows(folder, "bdb_ro"), self.expected, how)

    def test_bdb_version_8(self):
        self.need("rpm", "db5.3_load")
        with open(self.tmp + "/Packages", "wb") as out:
            out.write(rpm_bdb.as_version_8(rpm_bdb.build(self.blobs)))
        self.assertEqual(rpm_oracle.rows(self.tmp, "bdb_ro"), self.expected)

    def test_bdb_removed(self):
        if rpm_bdb.can_remove():
            self.skipTest(rpm_bdb.can_remove())
        self.need("rpm", "db5.3_verify")
        gone = {1, 4, 31}
        rows = [row for number, row in enumerate(pkgdb_test.rpm_rows(self.packages), 1)
                if number not in gone] + [pkgdb_test.KEY_ROW]
        for order in ("little", "big"):
            folder = tempfile.mkdtemp(dir=self.tmp)
            rpm_bdb.write(folder, self.blobs, byteorder=order, removed=sorted(gone))
            self.run_tool("db5.3_verify", "-q", folder + "/Packages")
            self.assertEqual(rpm_oracle.rows(folder, "bdb_ro"), sorted(rows, key=str))

    def test_headers_hold_the_files(self):
        """rpm reads the names, digests and flags that the header was made from."""
        self.need("rpm")
        one = self.packages[0]
        for algorithm in ("sha256", "md5"):
            folder = tempfile.mkdtemp(dir=self.tmp)
            rpm_sqlite.write(folder, [rpm_header.package_blob(one, algorithm)])
            text = rpm_oracle.run(folder, "-qa", "--qf",
                                  r"[%{FILENAMES}|%{FILEDIGESTS}|%{FILEFLAGS:fflags}|"
                                  r"%{FILEMODES:octal}\n]")
            expected = ["%s|%s|%s|%o" % (
                each.path, each.hexdigest(algorithm) if each.type == "file" else "",
                "c" * each.config + "d" * each.doc,
                rpm_header.MODE_BITS[each.type] | each.permissions())
                        for each in sorted(one.files, key=lambda each: each.path)]
            self.assertEqual(text.splitlines(), expected)

    def test_ndb_by_the_rules(self):
        """Debian's rpm cannot read ndb: what rpm checks when it reads is checked here instead."""
        for blobs, how in ((self.blobs, {}), (self.blobs * 10, {"removed": (2, 300), "gap": 2})):
            data = rpm_ndb.build(blobs, **how)
            number = lambda at: int.from_bytes(data[at:at + 4], "little")  # noqa: E731
            self.assertEqual((data[:4], number(4), len(data) % 16), (b"RpmP", 0, 0))
            end, seen = number(12) * 4096, {}
            for slot in range(32, end, 16):
                self.assertEqual(data[slot:slot + 4], b"Slot")
                index, first, count = number(slot + 4), number(slot + 8), number(slot + 12)
                if not first:
                    continue
                head, tail = first * 16, (first + count) * 16 - 12
                self.assertGreaterEqual(head, end)
                self.assertEqual((data[head:head + 4], number(head + 4)), (b"BlbS", index))
                length = number(head + 12)
                self.assertEqual(count, (16 + length + 12 + 15) // 16)
                self.assertEqual((number(tail + 4), data[tail + 8:tail + 12]), (length, b"BlbE"))
                low, high = 1, 0
                for byte in data[head:tail]:
                    low = (low + byte) % 65521
                    high = (high + low) % 65521
                self.assertEqual(number(tail), high << 16 | low)
                seen[index] = data[head + 16:head + 16 + length]
            removed = how.get("removed", ())
            self.assertEqual(seen, {index: blob for index, blob in enumerate(blobs, 1)
                                    if index not in removed})


class PacmanTest(OracleTest):
    def test_pacman_reads_the_local_database(self):
        self.need("pacman")
        packages = pkgdb_test.PacmanTest.PACKAGES
        for path, data in pacman_db.database(packages):
            os.makedirs(os.path.dirname(os.path.join(self.tmp, path)), exist_ok=True)
            with open(os.path.join(self.tmp, path), "wb") as out:
                out.write(data)
        base = ["pacman", "--root", self.tmp, "--dbpath", self.tmp + "/var/lib/pacman",
                "--config", "/dev/null"]
        listed = self.run_tool(*base, "-Q").splitlines()
        self.assertEqual(sorted(listed), sorted("%s %s" % (one.name, one.full_version())
                                                for one in packages))
        owned = self.run_tool(*base, "-Qlq", "xz").splitlines()
        self.assertEqual([path[len(self.tmp) + 1:] for path in owned],
                         pacman_db.all_paths(packages[0]))


class DpkgTest(OracleTest):
    FORMAT = "${Package}|${Version}|${Architecture}|${source:Package}|${source:Version}\n"

    def test_dpkg_query_reads_the_status_file(self):
        self.need("dpkg-query")
        packages = pkgdb_test.DpkgTest().packages_of()
        for text, rows in ((dpkg_db.status(packages), [one.row("deb") for one in packages]),
                           (pkgdb_test.ODD_TEXT.encode(), pkgdb_test.ODD_ROWS)):
            with open(self.tmp + "/status", "wb") as out:
                out.write(text)
            listed = self.run_tool("dpkg-query", "--admindir", self.tmp, "-W", "-f", self.FORMAT)
            self.assertEqual(sorted(listed.splitlines()), sorted("|".join(row[1:]) for row in rows))


class LayoutTest(OracleTest):
    """ocibuild: the digests are those of the bytes, and other tools read the layout."""

    LAYERS = [[ocibuild.directory("etc"), ocibuild.file("etc/a", b"1"),
               ocibuild.file("etc/b", b"2"),
               ocibuild.symlink("link", "etc/a"), ocibuild.hardlink("hard", "etc/a"),
               ocibuild.directory("gone"), ocibuild.file("gone/x", b"x"),
               ("plain-tuple", "file", 0o600, b"t"),
               ocibuild.file(b"caf\xe9", b"", xattrs={"user.x": b"\xff"})],
              [ocibuild.whiteout("etc/b"), ocibuild.opaque("gone"), ocibuild.file("gone/y", b"y")]]

    def test_digests(self):
        built = ocibuild.build_layout(self.tmp, self.LAYERS)
        folder = self.tmp + "/blobs/sha256/"
        for name in os.listdir(folder):
            with open(folder + name, "rb") as data:
                self.assertEqual(hashlib.sha256(data.read()).hexdigest(), name)
        with open(folder + built.config_digest[7:], encoding="utf-8") as text:
            config = json.load(text)
        self.assertEqual(config["rootfs"]["diff_ids"], built.diff_ids)
        for digest, diff_id in zip(built.layer_digests, built.diff_ids):
            with open(folder + digest[7:], "rb") as data:
                plain = gzip.decompress(data.read())
            self.assertEqual("sha256:" + hashlib.sha256(plain).hexdigest(), diff_id)
        again = ocibuild.build_layout(tempfile.mkdtemp(dir=self.tmp), self.LAYERS)
        self.assertEqual(again.manifest_digest, built.manifest_digest)

    def test_umoci_unpacks_it(self):
        self.need("umoci")
        if os.geteuid() != 0:
            self.skipTest("unpacking needs root")
        for how in ("gzip", "none", "zstd"):
            if how == "zstd" and "zstd" not in self.run_tool("umoci", "--help"):
                continue
            ocibuild.build_layout(self.tmp + "/layout", self.LAYERS, tag=how, compression=how)
            target = self.tmp + "/" + how
            self.run_tool("umoci", "unpack", "--image", self.tmp + "/layout:" + how, target)
            names = sorted(os.listdir(target.encode() + b"/rootfs"))
            self.assertEqual(names, [b"caf\xe9", b"etc", b"gone", b"hard", b"link", b"plain-tuple"])
            self.assertEqual(os.listdir(target + "/rootfs/etc"), ["a"])
            self.assertEqual(os.listdir(target + "/rootfs/gone"), ["y"])

    def test_skopeo_reads_it(self):
        self.need("skopeo", "zstd")
        digest, built = ocibuild.build_index(self.tmp, {
            "linux/amd64": self.LAYERS, "linux/arm64/v8": self.LAYERS[:1]}, tag="both")
        ocibuild.build_layout(self.tmp, self.LAYERS, tag="z", compression=["zstd", "none"])
        raw = self.run_tool("skopeo", "inspect", "--raw", "oci:%s:both" % self.tmp)
        self.assertEqual(ocibuild.digest_of(raw.encode()), digest)
        self.assertEqual([row["digest"] for row in json.loads(raw)["manifests"]],
                         [one.manifest_digest for one in built.values()])
        self.run_tool("skopeo", "copy", "oci:%s:z" % self.tmp, "dir:%s/copy" % self.tmp)


class SeedTest(OracleTest):
    def test_seeds_are_the_same_in_every_run(self):
        for name, parser in make_seeds.PARSERS.items():
            if name == "rpm_bdb" and rpm_bdb.available():
                continue
            self.assertEqual(parser(), parser(), name)

    def test_valid_bdb_seeds_are_valid(self):
        self.need("db5.3_load", "db5.3_verify")
        for name, data in make_seeds.PARSERS["rpm_bdb"]().items():
            if name.startswith("valid-") and name != "valid-version-8":
                with open(self.tmp + "/Packages", "wb") as out:
                    out.write(data)
                self.run_tool("db5.3_verify", "-q", self.tmp + "/Packages")


if __name__ == "__main__":
    unittest.main(verbosity=2)
