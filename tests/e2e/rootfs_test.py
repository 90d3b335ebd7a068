#!/usr/bin/python3
"""Root file systems on a real machine, with what is mounted below them; and platforms that an index
names and does not have."""

import json
import subprocess

import images
import samples
from support import (CLEAN, FLAGGED, PATIENCE, UNDETERMINED, UNREADABLE, Case, Run, careen_path, find_tool,
                     finding, is_root, main, need)


def setUpModule():
    careen_path()


class Mounted(Case):
    """Each scan in a mount namespace of its own: nothing stays behind on the machine."""

    def setUp(self):
        super().setUp()
        if not is_root():
            self.skipTest("mounting needs root")
        need("unshare", "mount")
        probe = subprocess.run([find_tool("unshare"), "-m", "true"], stderr=subprocess.PIPE, check=False)
        if probe.returncode != 0:
            self.skipTest(f"no mount namespace here: {probe.stderr.decode(errors='replace').strip()}")
        self.root = self.tmp / "root"
        for name in ("etc", "usr/lib", "usr/bin", "run", "tmp", "dev", "proc", "sys", "srv"):
            (self.root / name).mkdir(parents=True)
        (self.root / "etc/motd").write_text("hello\n")
        self.threats = samples.marker_threats(self.tmp)

    def scan(self, mounts, *args):
        script = "set -e; cd \"$1\"; " + "; ".join(mounts) + "; shift; exec \"$@\""
        command = [find_tool("unshare"), "-m", "sh", "-c", script, "sh", str(self.root), self.careen.binary, "scan", f"dir:{self.root}",
                   "--threats", str(self.threats), "--format", "json", *args]
        done = subprocess.run(command, env=self.careen.environment(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=PATIENCE, check=False)
        if b"mount:" in done.stderr:
            self.skipTest(f"mounting is refused here: {done.stderr.decode(errors='replace').strip()}")
        return Run(command, done.returncode, done.stdout, done.stderr)

    def rows(self, run, path):
        return [c for c in run.json()["coverage"] if (c["what"] or "").rstrip("/") == path]

    def test_nothing_mounted(self):
        self.assert_code(self.scan(["true"]), CLEAN)

    def test_a_file_system_over_a_system_folder(self):
        """Libraries could be in there: not clean."""
        run = self.scan(["mount -t tmpfs x usr/lib", "echo x > usr/lib/libx.so"])
        self.assert_code(run, UNDETERMINED)
        rows = self.rows(run, "/usr/lib")
        self.assertEqual([(r["question"], r["state"]) for r in rows], [("content", "partly")], str(run))

    def test_file_systems_that_begin_empty(self):
        run = self.scan([f"mount -t tmpfs x {place}" for place in ("run", "tmp", "dev")])
        self.assert_code(run, CLEAN)
        for place in ("/run", "/tmp", "/dev"):
            self.assertEqual([(r["question"], r["state"]) for r in self.rows(run, place)], [("content", "not_applicable")], str(run))

    def test_a_place_below_that_only_ends_so(self):
        (self.root / "srv/run").mkdir()
        run = self.scan(["mount -t tmpfs x srv/run"])
        self.assert_code(run, UNDETERMINED)
        self.assertEqual([r["state"] for r in self.rows(run, "/srv/run")], ["partly"], str(run))

    def test_pseudo_file_systems_are_none_of_it(self):
        run = self.scan(["mount -t proc x proc"])
        self.assert_code(run, CLEAN)
        self.assertFalse([c for c in run.json()["coverage"] if "/proc" in (c["what"] or "")], str(run))

    def test_a_file_mounted_over_a_file(self):
        """As runtimes do with etc/resolv.conf: it is read, and what it holds counts."""
        (self.root / "usr/bin/tool").write_text("covered\n")
        (self.tmp / "bait").write_bytes(samples.MARKER)
        run = self.scan(["mkdir m", "mount -t tmpfs x m", f"cp {self.tmp / 'bait'} m/tool", "mount --bind m/tool usr/bin/tool", "umount -l m"])
        self.assert_code(run, FLAGGED)
        self.assertTrue(finding(run.json(), threat=samples.THREAT, path="/usr/bin/tool"), str(run))


class Platforms(Case):
    """An index of which one manifest is not there."""

    def setUp(self):
        super().setUp()
        self.threats = samples.marker_threats(self.tmp)
        self.layout = images.OciLayout(self.tmp / "layout")
        self.other = "s390x" if images.HOST != "s390x" else "arm64"

    def index(self, own, other, missing):
        index = self.layout.index([images.on_platform(own, images.HOST), images.on_platform(other, self.other)])
        self.layout.tag("multi", index)
        self.layout.blob_path(missing["digest"]).unlink()
        return f"oci-dir:{self.layout.path}:multi"

    def test_all_platforms_says_what_is_missing(self):
        own = self.layout.manifest(samples.clean(), arch=images.HOST)
        other = self.layout.manifest(samples.poisoned(), arch=self.other)
        run = self.careen.scan(self.index(own, other, other), "--all-platforms", "--threats", self.threats)
        self.assert_code(run, UNDETERMINED)
        (report,) = run.json()["reports"]
        self.assertEqual(report["image"]["digest"], own["digest"])
        self.assertEqual(report["verdict"], "undetermined")
        rows = [c for c in report["coverage"] if (c["question"], c["state"]) == ("content", "not_looked")]
        self.assertTrue(rows, json.dumps(report["coverage"], indent=1))
        self.assertIn(other["digest"][7:], json.dumps(rows))

    def test_flagged_still_wins(self):
        own = self.layout.manifest(samples.poisoned(), arch=images.HOST)
        other = self.layout.manifest(samples.clean(), arch=self.other)
        self.assert_code(self.careen.scan(self.index(own, other, other), "--all-platforms", "--threats", self.threats), FLAGGED)

    def test_own_platform_missing(self):
        own = self.layout.manifest(samples.clean(), arch=images.HOST)
        other = self.layout.manifest(samples.poisoned(), arch=self.other)
        image = self.index(own, other, own)
        run = self.careen.scan(image, "--threats", self.threats)
        self.assert_fails(run, UNREADABLE, own["digest"][7:])
        self.assertEqual(run.stdout, "")
        self.assert_code(self.careen.scan(image, "--threats", self.threats, "--platform", f"linux/{self.other}"), FLAGGED)


if __name__ == "__main__":
    main()
