"""Runs careen on images that a test makes, away from the user's own directories."""
import collections
import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import ocibuild  # noqa: E402

Run = collections.namedtuple("Run", "code report text errors")

HANG = 120          # seconds; nothing here takes more than one


def os_release(name="example", version="1"):
    """The file that names the distribution, as an entry of a layer."""
    text = 'ID=%s\nVERSION_ID="%s"\nNAME="%s"\n' % (name, version, name)
    return ocibuild.file("etc/os-release", text.encode())


def row_key(row):
    return tuple(row[name] for name in
                 ("type", "name", "version", "architecture", "source", "source_version"))


class CareenTest(unittest.TestCase):
    """Gives each test a scratch directory and ways to build images and to run careen on them."""

    maxDiff = None

    def setUp(self):
        self.careen = os.environ.get("CAREEN")
        if not self.careen:
            self.skipTest("CAREEN does not name the program to test")
        base = os.environ.get("CAREEN_TEST_TMP")
        if base:
            os.makedirs(base, exist_ok=True)
        self.tmp = tempfile.mkdtemp(prefix="pkgdb-", dir=base)
        self.addCleanup(shutil.rmtree, self.tmp, True)
        self.images = 0

    def image(self, *layers, **how):
        """An OCI layout with these layers, as careen's IMAGE argument."""
        self.images += 1
        folder = os.path.join(self.tmp, "image-%d" % self.images)
        ocibuild.build_layout(folder, list(layers), **how)
        return "oci-dir:" + folder

    def run_careen(self, *words):
        home = os.path.join(self.tmp, "home")
        os.makedirs(home, exist_ok=True)
        env = dict(os.environ, HOME=home, LC_ALL="C.UTF-8", NO_COLOR="1")
        for name in ("CACHE", "STATE", "CONFIG", "DATA"):
            env["XDG_%s_HOME" % name] = os.path.join(home, name.lower())
        try:
            done = subprocess.run([self.careen] + list(words), env=env, timeout=HANG,
                                  stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE, check=False)
        except subprocess.TimeoutExpired:
            self.fail("careen %s did not end in %d s" % (" ".join(words), HANG))
        text = done.stdout.decode("utf-8", "replace")
        try:
            report = json.loads(text)
        except ValueError:
            report = None
        return Run(done.returncode, report, text, done.stderr.decode("utf-8", "replace"))

    def ask(self, command, image, codes):
        """Runs `careen COMMAND IMAGE` for JSON; the exit code must be one of `codes`."""
        run = self.run_careen(command, image, "--format", "json", "--no-cache")
        self.assertIn(run.code, codes, "exit code of careen %s\n%s%s" %
                      (command, run.errors[-2000:], run.text[-2000:]))
        self.assertIsNotNone(run.report, "not JSON: %r\n%s" % (run.text[:500], run.errors[-2000:]))
        return run

    def packages(self, image, codes=(0,)):
        run = self.ask("packages", image, codes)
        self.assertEqual(run.report["schema"], "careen/packages/v1")
        return run

    def scan(self, image, codes=(0,)):
        run = self.ask("scan", image, codes)
        self.assertEqual(run.report["schema"], "careen/report/v1")
        return run

    def assert_lists(self, image, expected):
        """The packages of the image are exactly these rows, all of a database that is there."""
        run = self.packages(image)
        self.assertEqual(sorted(map(row_key, run.report["packages"]), key=str),
                         sorted(expected, key=str))
        self.assertEqual([row["name"] for row in run.report["packages"] if not row["visible"]], [])
        self.assertEqual(lost_questions(run.report), [])
        return run.report["packages"]

    def assert_count(self, row, package, most):
        """Directories and links may or may not count as owned files; regular files do."""
        least = sum(one.type == "file" for one in package.files)
        self.assertTrue(least <= row["files"] <= most,
                        "%s: %d files, expected %d to %d" %
                        (row["name"], row["files"], least, most))


def lost_questions(report, question="packages"):
    """The coverage rows that say that something of this question was not looked at."""
    return [row for row in report["coverage"]
            if row["question"] == question and row["state"] in ("partly", "not_looked")]
