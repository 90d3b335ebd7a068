#!/usr/bin/python3
"""Real Debian systems (bookworm, trixie, sid): careen lists the packages that dpkg-query
lists, and finds nothing of weight in what Debian shipped."""

import base64
import collections
import re
import tarfile
import unittest

import debian
import images
from images import Layer, d, f, whiteout
from support import CLEAN, Careen, Case, careen_path, main, need, scratch, tool

FORMAT = ("${Package}\\t${Version}\\t${Architecture}\\t${source:Package}\\t${source:Version}"
          "\\t${db:Status-Status}\\n")
HEAVY = {"medium", "high", "critical", "unknown"}


def setUpModule():
    careen_path()
    need("dpkg-query")


def dpkg_rows(admindir):
    """What dpkg-query itself says is installed."""
    out = tool("dpkg-query", f"--admindir={admindir}", "-W", "-f", FORMAT).decode()
    rows = [tuple(line.split("\t")) for line in out.splitlines()]
    return sorted(row[:5] for row in rows if row[5] == "installed")


def careen_rows(doc):
    return sorted((p["name"], p["version"], p["architecture"], p["source"], p["source_version"])
                  for p in doc["packages"])


class Suite:
    """The tests of one suite; subclasses name it."""

    suite = None

    @classmethod
    def setUpClass(cls):
        cls.hold = scratch()
        cls.tmp_class = cls.hold.__enter__()
        cls.addClassCleanup(cls.hold.__exit__, None, None, None)
        cls.tar = debian.rootfs(cls.suite)
        cls.layout = images.OciLayout(cls.tmp_class / "layout")
        cls.image = cls.layout.add("base", [Layer(cls.tar, "mmdebstrap")], compression="none",
                                   Cmd=["bash"])
        cls.shared = Careen(cls.tmp_class / "home")
        cls.admin = cls.tmp_class / "admin"
        with tarfile.open(cls.tar) as tar:
            for member in tar:
                if member.name.startswith("./var/lib/dpkg/") and member.isfile():
                    target = cls.admin / member.name.removeprefix("./var/lib/dpkg/")
                    target.parent.mkdir(parents=True, exist_ok=True)
                    target.write_bytes(tar.extractfile(member).read())
        cls.status = (cls.admin / "status").read_bytes()

    def packages(self, image):
        run = self.shared.run("packages", image, "--format", "json")
        self.assertEqual(run.code, CLEAN, str(run))
        return run.json()

    def dpkg_of(self, status):
        """dpkg-query's answer for another status file."""
        admin = self.tmp / "other"
        admin.mkdir(exist_ok=True)
        (admin / "status").write_bytes(status)
        for name in ("info", "updates", "triggers"):
            (admin / name).mkdir(exist_ok=True)
        (admin / "info" / "format").write_text("1\n")
        return dpkg_rows(admin)

    def test_packages_as_dpkg_query(self):
        doc = self.packages(self.image)
        want = dpkg_rows(self.admin)
        self.assertGreater(len(want), 60)
        self.assertEqual(careen_rows(doc), want)
        for package in doc["packages"]:
            self.assertEqual((package["type"], package["layer_index"], package["visible"]),
                             ("deb", 0, True))
            self.assertEqual(package["database"].lstrip("/"), "var/lib/dpkg/status")
        by_name = {p["name"]: p["files"] for p in doc["packages"]}
        for name in ("dpkg", "libc6", "perl-base"):
            lines = [p for p in self.admin.glob(f"info/{name}*.list")
                     if re.fullmatch(rf"{name}(:\w+)?\.list", p.name)]
            self.assertLessEqual(by_name[name], len(lines[0].read_text().splitlines()))
            self.assertGreater(by_name[name], 3)

    def test_table(self):
        run = self.shared.run("packages", self.image)
        self.assertEqual(run.code, CLEAN, str(run))
        for name, version, *_ in dpkg_rows(self.admin):
            self.assertRegex(run.stdout, rf"(?m)^.*\b{re.escape(name)}\b.*{re.escape(version)}")

    def test_nothing_of_weight(self):
        run = self.shared.scan(self.image)
        report = run.json()
        heavy = [(f["severity"], f["title"], f["where"]["path"], f["evidence"])
                 for f in report["findings"] if f["severity"] in HEAVY]
        self.assertEqual(heavy, [])
        self.assertEqual((report["verdict"], run.code), ("clean", CLEAN), str(run))
        light = collections.Counter((f["kind"], f["severity"]) for f in report["findings"])
        print(f"{self.suite}: findings below medium: {dict(light)}", flush=True)
        self.assertEqual(report["image"]["distribution"]["id"], "debian")
        release = report["image"]["distribution"]["release"]
        self.assertRegex(str(release), {"bookworm": "^12|bookworm", "trixie": "^13|trixie",
                                        "sid": "sid|unstable"}[self.suite])
        # libc.so.6 and ld.so are full of IFUNC resolvers: they were looked at and are clean
        states = {(c["question"], c["state"]) for c in report["coverage"]}
        self.assertFalse({s for s in states if s[0] in ("content", "packages", "threats")
                          and s[1] in ("partly", "not_looked")}, report["coverage"])

    def test_later_layer_changes_the_database(self):
        """An upgrade, a removal that keeps configuration files, and a new package."""
        status = debian.edit_status(self.status, "dpkg", Version="9:9.9~test-1+b2")
        status = debian.edit_status(status, "tar", Status="deinstall ok config-files")
        status += (b"\nPackage: new-one\nStatus: install ok installed\nArchitecture: all\n"
                   b"Version: 1:0~rc1-1\nSource: new-src (2-1)\nMaintainer: T <t@example.invalid>\n"
                   b"Description: x\n\n"
                   b"Package: half\nStatus: install ok half-installed\nArchitecture: amd64\n"
                   b"Version: 1-1\nMaintainer: T <t@example.invalid>\nDescription: x\n")
        image = self.layout.add("upgraded", [Layer(self.tar), Layer([f("var/lib/dpkg/status", status)])],
                                compression="none")
        want = self.dpkg_of(status)
        got = [row for row in careen_rows(self.packages(image)) if row[0] not in ("half", "tar")]
        self.assertEqual(got, want)
        self.assertIn(("new-one", "1:0~rc1-1", "all", "new-src", "2-1"), got)

    def test_status_d_as_distroless_has_it(self):
        """The same rows as one file a package, plain and base64 names."""
        stanzas = [s for s in self.status.decode().split("\n\n") if s.strip()]
        entries = [d("var"), d("var/lib"), d("var/lib/dpkg"), d("var/lib/dpkg/status.d")]
        for i, stanza in enumerate(stanzas):
            name = re.match(r"Package: (\S+)", stanza)[1]
            if i % 2:
                name = base64.b64encode(name.encode()).decode().replace("/", "_")
            stanza = re.sub(r"(?m)^Status: .*\n", "", stanza)
            entries.append(f(f"var/lib/dpkg/status.d/{name}", stanza.strip() + "\n"))
        os_release = debian.read(self.tar, "usr/lib/os-release")["usr/lib/os-release"]
        entries += [d("etc"), f("etc/os-release", os_release)]
        image = self.layout.add("statusd", [Layer(entries)])
        self.assertEqual(careen_rows(self.packages(image)), dpkg_rows(self.admin))

    def test_deleted_database(self):
        """A later layer removes the records: the rows stay known, and it is said."""
        image = self.layout.add("deleted", [Layer(self.tar), Layer([d("var"), d("var/lib"),
                                whiteout("var/lib/dpkg")])], compression="none")
        run = self.shared.run("packages", image, "--format", "json")
        self.assertIn(run.code, (0, 3), str(run))
        doc = run.json()
        self.assertTrue(all(p["visible"] is False for p in doc["packages"]))
        self.assertTrue(doc["packages"] or doc["coverage"])


class Bookworm(Suite, Case):
    suite = "bookworm"


class Trixie(Suite, Case):
    suite = "trixie"


class Sid(Suite, Case):
    suite = "sid"


if __name__ == "__main__":
    main()
