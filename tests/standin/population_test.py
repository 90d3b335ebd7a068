#!/usr/bin/python3
"""No false alarm: the structure rules over every ELF file of this machine's packages, which hold at least 100 packages, and
over IFUNC resolvers of packages other than glibc. Prints both counts and fails below them."""
import glob
import json
import os
import subprocess
import tempfile
import unittest

CAREEN = os.environ.get("CAREEN", "")
PACKAGES = 100
WITH_IFUNC = 30
WITH_IFUNC_PACKAGES = 10
RESOLVERS = ["busybox-static", "bash-static", "zsh-static", "sash", "e2fsck-static", "catatonit", "libatomic1", "libgphobos3", "libgo21", "libhyperscan5",
             "libvectorscan5", "mariadb-server-core", "php8.2-cli", "qemu-user-static", "darktable", "tini", "dash-static", "runc"]
RESOLVERS_13 = ["php8.4-cli", "mksh", "libgphobos5", "libgo23", "qemu-user"]  # under their names in Debian 13


def resolvers():
    with open("/etc/os-release") as f:
        return RESOLVERS + (RESOLVERS_13 if 'VERSION_ID="13"' in f.read() else [])


def elf_files():
    """Every ELF file that a package of this machine owns, by package."""
    out = {}
    for listing in glob.glob("/var/lib/dpkg/info/*.list"):
        package = os.path.basename(listing)[:-5].split(":")[0]
        with open(listing, errors="replace") as f:
            lines = f.read().splitlines()
        for line in lines:
            path = line.rstrip("\n")
            if not path.startswith(("/usr/lib", "/usr/bin", "/usr/sbin", "/lib", "/bin", "/sbin")) or os.path.islink(path) or not os.path.isfile(path):
                continue
            try:
                with open(path, "rb") as f:
                    if f.read(4) == b"\x7fELF":
                        out.setdefault(package, []).append(path)
            except OSError:
                continue
    return out


@unittest.skipUnless(CAREEN and os.access(CAREEN, os.X_OK), "CAREEN does not name the program")
@unittest.skipUnless(os.path.isdir("/var/lib/dpkg/info"), "this machine has no dpkg database")
class Population(unittest.TestCase):
    def test_no_false_alarm(self):
        files = elf_files()
        if len(files) < PACKAGES:
            self.skipTest(f"this machine has ELF files of {len(files)} packages alone")
        count = 0
        with tempfile.TemporaryDirectory(dir=os.environ.get("CAREEN_TEST_TMP")) as root:
            for package, paths in files.items():
                for path in paths:
                    count += 1
                    to = root + path
                    os.makedirs(os.path.dirname(to), exist_ok=True)
                    try:
                        os.link(path, to)
                    except OSError:
                        subprocess.run(["cp", path, to], check=True)
            r = subprocess.run([CAREEN, "scan", "dir:" + root, "--format", "json", "--no-cache"], capture_output=True, text=True)
        report = json.loads(r.stdout)
        alarms = [(f["where"]["path"], f["evidence"]) for f in report["findings"] if f["kind"] in ("backdoor", "malware")]
        print(f"{count} ELF files of {len(files)} packages")
        self.assertEqual(alarms, [])
        self.assertEqual(report["verdict"], "clean", report["reasons"])

    def test_no_false_alarm_among_resolvers(self):
        """Packages outside glibc that are known to hold IFUNC resolvers, downloaded from the machine's own package sources."""
        cache = os.path.join(os.environ.get("CAREEN_TEST_CACHE", os.path.expanduser("~/.cache/careen-test")), "population")
        os.makedirs(cache, exist_ok=True)
        files, packages = 0, set()
        with tempfile.TemporaryDirectory(dir=os.environ.get("CAREEN_TEST_TMP")) as root:
            for package in resolvers():
                deb = self.download(package, cache)
                if deb is None:
                    continue
                to = os.path.join(root, package)
                subprocess.run(["dpkg-deb", "-x", deb, to], check=True)
                for dirpath, _, names in os.walk(to):
                    for name in names:
                        path = os.path.join(dirpath, name)
                        if os.path.islink(path) or not os.path.isfile(path):
                            continue
                        with open(path, "rb") as f:
                            if f.read(4) != b"\x7fELF":
                                continue
                        if b"IFUNC" in self.symbols(path) or b"IRELATIV" in self.relocations(path):
                            files += 1
                            packages.add(package)
            if not packages:
                self.skipTest("no package could be downloaded from this machine's package sources")
            r = subprocess.run([CAREEN, "scan", "dir:" + root, "--format", "json", "--no-cache"], capture_output=True, text=True)
        report = json.loads(r.stdout)
        alarms = [(f["where"]["path"], f["evidence"]) for f in report["findings"] if f["kind"] in ("backdoor", "malware")]
        print(f"{files} files with IFUNC resolvers, of {len(packages)} packages outside glibc")
        self.assertEqual(alarms, [])
        self.assertGreaterEqual(files, WITH_IFUNC)
        self.assertGreaterEqual(len(packages), WITH_IFUNC_PACKAGES)

    @staticmethod
    def download(package, cache):
        have = glob.glob(os.path.join(cache, package + "_*.deb"))
        if not have:
            subprocess.run(["apt-get", "download", "-qq", package], cwd=cache, capture_output=True)
            have = glob.glob(os.path.join(cache, package + "_*.deb"))
        return have[0] if have else None

    @staticmethod
    def relocations(path):
        return subprocess.run(["readelf", "-rW", path], capture_output=True).stdout

    @staticmethod
    def symbols(path):
        return subprocess.run(["readelf", "--dyn-syms", "-W", path], capture_output=True).stdout


if __name__ == "__main__":
    unittest.main()
