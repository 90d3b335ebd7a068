#!/usr/bin/python3
"""What careen says of the stand-ins and of the clean controls: the structure rules alone, on single files.

A confirmed one flags (exit code 1): kind "backdoor", high, by "structure", and no threat's name, because no record knows
it. A suspected one is reported, medium, and does not flag. A clean one gives no such finding and exit code 0. Neither the
file's name nor its SONAME may matter."""
import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import libs  # noqa: E402

PATIENCE = 120      # seconds until a scan is called a hang
OTHER_NAME = "zz-renamed.bin"
FOLDER, BUILT, CAREEN = None, {}, None
_scans = {}


def setUpModule():
    global FOLDER, CAREEN
    CAREEN = os.environ.get("CAREEN")
    if not CAREEN:
        raise unittest.SkipTest("CAREEN does not name the program to test")
    CAREEN = os.path.abspath(CAREEN)
    if not os.access(CAREEN, os.X_OK):
        raise unittest.SkipTest(CAREEN + " is not a program")
    base = os.environ.get("CAREEN_TEST_TMP")
    if base:
        os.makedirs(base, exist_ok=True)
    FOLDER = tempfile.mkdtemp(prefix="structure-", dir=base)
    try:
        BUILT.update(libs.build(os.path.join(FOLDER, "made")))
    except BaseException:
        shutil.rmtree(FOLDER, True)
        raise
    if not BUILT:
        shutil.rmtree(FOLDER, True)
        raise unittest.SkipTest("no compiler for x86-64 is installed")


def tearDownModule():
    shutil.rmtree(FOLDER, True)


def run_careen(path):
    """(exit code, report or None, standard error) of a scan of one file, away from the user's own directories."""
    home = os.path.join(FOLDER, "home")
    os.makedirs(home, exist_ok=True)
    env = dict(os.environ, HOME=home, LC_ALL="C.UTF-8", NO_COLOR="1")
    for name in ("CACHE", "STATE", "CONFIG", "DATA"):
        env["XDG_%s_HOME" % name] = os.path.join(home, name.lower())
    done = subprocess.run([CAREEN, "scan", "file:" + path, "--format", "json", "--no-cache", "--no-progress"], env=env,
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", timeout=PATIENCE)
    try:
        report = json.loads(done.stdout)
    except ValueError:
        report = None
    return done.returncode, report, done.stderr


def scan(name):
    """The scan of a built file, made once."""
    if name not in _scans:
        _scans[name] = run_careen(BUILT[name])
    return _scans[name]


def backdoors(report):
    return [f for f in report["findings"] if f["kind"] in ("backdoor", "malware")]


def essence(report, *words):
    """A report without what a name is allowed to change: the name itself, and finding ids, which are made from it."""
    report = json.loads(json.dumps(report))
    for finding in report["findings"]:
        finding["id"] = None
    report["findings"].sort(key=lambda f: json.dumps(f, sort_keys=True))
    text = json.dumps(report, sort_keys=True)
    for word in words:
        text = text.replace(word, "NAME")
    return text


class StructureTest(unittest.TestCase):
    maxDiff = None

    def chosen(self, expected, loose=False):
        names = [n for n in BUILT if libs.VARIANTS[n].expected == expected and libs.VARIANTS[n].loose == loose]
        self.assertTrue(names, "nothing was built for this test")
        return names

    def read(self, name):
        code, report, errors = scan(name)
        self.assertIsNotNone(report, "no JSON on standard output; exit code %d\n%s" % (code, errors))
        return code, report

    def test_tampered_resolvers_are_confirmed_backdoors(self):
        for name in self.chosen("confirmed"):
            with self.subTest(name, exercises=libs.VARIANTS[name].exercises):
                code, report = self.read(name)
                found = backdoors(report)
                self.assertEqual(len(found), 1, found)
                self.assertEqual((found[0]["kind"], found[0]["severity"], found[0]["confidence"], found[0]["threat"]),
                                 ("backdoor", "high", "confirmed", None))
                says = [e["says"] for e in found[0]["evidence"] if e["by"] == "structure"]
                self.assertTrue(says)
                self.assertTrue(all(says))
                self.assertIn(os.path.basename(BUILT[name]), found[0]["where"]["path"])
                self.assertEqual((code, report["verdict"]), (1, "flagged"))

    def test_evidence_of_a_slot_call_gives_addresses(self):
        for name in self.chosen("confirmed"):
            if "A" in libs.VARIANTS[name].rules:
                with self.subTest(name):
                    _, report = self.read(name)
                    text = " ".join(e["says"] for f in backdoors(report) for e in f["evidence"] if e["by"] == "structure")
                    self.assertRegex(text, r"0x[0-9a-f]{3,}.*0x[0-9a-f]{3,}")

    def test_the_import_alone_is_suspected_and_does_not_flag(self):
        for name in self.chosen("suspected"):
            with self.subTest(name, exercises=libs.VARIANTS[name].exercises):
                code, report = self.read(name)
                found = backdoors(report)
                self.assertEqual(len(found), 1, found)
                self.assertEqual((found[0]["kind"], found[0]["severity"], found[0]["confidence"], found[0]["threat"]),
                                 ("backdoor", "medium", "suspected", None))
                self.assertIn("structure", [e["by"] for e in found[0]["evidence"]])
                self.assertEqual((code, report["verdict"]), (0, "clean"))

    def _assert_clean(self, name):
        code, report = self.read(name)
        self.assertEqual(backdoors(report), [])
        self.assertEqual([f for f in report["findings"] for e in f["evidence"] if e["by"] == "structure"], [])
        self.assertEqual((code, report["verdict"]), (0, "clean"), report["coverage"])

    def test_clean_controls_are_clean(self):
        for name in self.chosen("clean"):
            with self.subTest(name, exercises=libs.VARIANTS[name].exercises):
                self._assert_clean(name)

    def test_feature_detection_that_is_not_inlined_is_clean(self):
        """gcc's __builtin_cpu_init and target_clones, and <cpuid.h> where nothing is inlined: three functions and more,
        which store through pointers they were given, into their callers' frames and their own tables. Honest code."""
        for name in self.chosen("clean", loose=True):
            with self.subTest(name, exercises=libs.VARIANTS[name].exercises):
                self._assert_clean(name)

    def test_renaming_changes_nothing_but_the_path(self):
        folder = os.path.join(FOLDER, "renamed")
        os.makedirs(folder, exist_ok=True)
        other = os.path.join(folder, OTHER_NAME)
        for name, path in BUILT.items():
            with self.subTest(name):
                code, report = self.read(name)
                shutil.copyfile(path, other)
                code_then, then, errors = run_careen(other)
                self.assertIsNotNone(then, errors)
                self.assertEqual(code_then, code)
                self.assertEqual(essence(then, other, OTHER_NAME), essence(report, path, os.path.basename(path)))

    def test_the_soname_changes_no_answer(self):
        names = [n for n in ("full-call-memory", "lean-register", "rule-bc", "rule-d-got", "clean-cpuid") if n in BUILT]
        for name, path in libs.build(os.path.join(FOLDER, "soname"), names, soname="libsomething.so.1").items():
            with self.subTest(name):
                code, report = self.read(name)
                code_then, then, errors = run_careen(path)
                self.assertIsNotNone(then, errors)
                self.assertEqual(code_then, code)
                short = [[(f["kind"], f["severity"], f["confidence"]) for f in backdoors(r)] for r in (report, then)]
                self.assertEqual(short[0], short[1])


if __name__ == "__main__":
    unittest.main()
