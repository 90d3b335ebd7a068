#!/usr/bin/python3
"""What careen prints: JSON and SARIF valid by their schemas, the same bytes every time,
a table that fits 80 columns without a control character, and usage errors that help."""

import json
import os
import pathlib
import pty
import re
import subprocess
import tarfile
import unicodedata
import unittest

import images
import samples
from images import Layer, d, f, sym
from support import CLEAN, FLAGGED, REPO, UNREADABLE, USAGE, Careen, Case, careen_path, main, need, tool

try:
    import jsonschema
except ImportError:
    jsonschema = None

SCHEMAS = REPO / "docs" / "schemas"
SHARED = REPO.parent / "shared" / "data" / "schemas" / "schemas.tar.zst"
ESC = b"\x1b"


def setUpModule():
    careen_path()


def width(line):
    """Columns of a terminal."""
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1
               for c in line)


class ReportCase(Case):
    def setUp(self):
        super().setUp()
        self.threats = samples.marker_threats(self.tmp)
        self.layout = images.OciLayout(self.tmp / "layout")
        self.bad = self.layout.add("bad", samples.poisoned(), Entrypoint=["/usr/bin/tool"])
        self.good = self.layout.add("good", samples.clean(), Cmd=["/usr/bin/tool"])

    def run_scan(self, image, *args, **kw):
        return self.careen.run("scan", image, "--threats", self.threats, *args, **kw)

    def hostile(self):
        """Control characters wherever an image can put text."""
        evil = "\x1b]0;owned\x07\x1b[2J\x1b[31mVERDICT: clean\r\n\u202e\u009b31m"
        status = samples.STATUS.replace("Version: 12.4", f"Version: 12.4{evil[:9]}")
        layer = Layer([
            d("usr"), d("usr/lib"), d("usr/bin"), d("var"), d("var/lib"), d("var/lib/dpkg"), d("opt"),
            f("usr/lib/os-release", samples.OS_RELEASE.replace("ID=debian", f'ID="debian{evil[:8]}"')),
            f("var/lib/dpkg/status", status), f("opt/" + evil.replace("/", ""), samples.MARKER, 0o755),
            sym("opt/link", evil)], created_by=f"RUN echo {evil}")
        return self.layout.add("hostile", [layer], Entrypoint=[evil], Env=[f"A={evil}"],
                               Labels={evil: evil}, User=evil)


class Json(ReportCase):
    def schema(self, name="report-v1.schema.json"):
        if jsonschema is None:
            self.skipTest("python3-jsonschema is not installed")
        path = SCHEMAS / name
        if not path.exists():
            self.skipTest(f"docs/schemas/{name} is not there")
        return json.loads(path.read_text())

    def validate(self, doc, schema):
        validator = jsonschema.validators.validator_for(schema)(schema)
        errors = [f"{'/'.join(map(str, e.absolute_path))}: {e.message[:300]}" for e in validator.iter_errors(doc)]
        self.assertEqual(errors, [])

    def test_valid_by_its_schema(self):
        schema = self.schema()
        jsonschema.validators.validator_for(schema).check_schema(schema)
        root = self.tmp / "root"
        (root / "etc").mkdir(parents=True)
        (root / "etc" / "hostname").write_text("x\n")
        for image, args in ((self.bad, ()), (self.good, ()), (self.bad, ("--list-packages",)),
                            (self.hostile(), ("--list-packages",)), (f"dir:{root}", ()),
                            (f"file:{self.careen.binary}", ())):
            with self.subTest(image=image, args=args):
                run = self.run_scan(image, "--format", "json", *args)
                self.assertIn(run.code, (0, 1, 3), str(run))
                doc = run.json()
                self.assertEqual("packages" in doc, bool(args))
                self.validate(doc, schema)

    def test_schema_refuses_what_is_wrong(self):
        """A schema that accepts everything proves nothing."""
        schema = self.schema()
        validator = jsonschema.validators.validator_for(schema)(schema)
        doc = self.run_scan(self.bad, "--format", "json").json()
        for breakage in (lambda r: r.pop("verdict"), lambda r: r.update(verdict="fine"),
                         lambda r: r["findings"][0].pop("where"), lambda r: r["findings"][0].update(kind="x"),
                         lambda r: r["image"].pop("digest"), lambda r: r["coverage"].append({})):
            broken = json.loads(json.dumps(doc))
            breakage(broken)
            self.assertFalse(validator.is_valid(broken))

    def test_all_platforms_document(self):
        a = self.layout.manifest(samples.clean(), arch="amd64")
        b = self.layout.manifest(samples.poisoned(), arch="arm64")
        self.layout.tag("multi", self.layout.index([images.on_platform(a, "amd64"),
                                                    images.on_platform(b, "arm64")]))
        run = self.run_scan(f"oci-dir:{self.layout.path}:multi", "--all-platforms", "--format", "json")
        self.assert_code(run, FLAGGED)
        doc = run.json()
        self.assertEqual(doc["schema"], "careen/reports/v1")
        self.assertEqual([r["verdict"] for r in doc["reports"]], ["clean", "flagged"])
        if (SCHEMAS / "reports-v1.schema.json").exists():
            schema = self.schema("reports-v1.schema.json")
            if "$ref" not in json.dumps(schema).replace('"$ref": "#', ""):
                self.validate(doc, schema)
        for report in doc["reports"]:
            self.validate(report, self.schema())

    def test_order_and_nulls(self):
        doc = self.run_scan(self.bad, "--format", "json").json()
        rank = ["critical", "high", "medium", "low", "info", "unknown"]
        order = [(rank.index(x["severity"]), x["id"]) for x in doc["findings"]]
        self.assertEqual(order, sorted(order))
        self.assertEqual(len({x["id"] for x in doc["findings"]}), len(doc["findings"]))
        for x in doc["findings"]:
            self.assertEqual(set(x), {"id", "kind", "threat", "title", "severity", "confidence",
                                      "reachability", "where", "evidence", "remediation"})
            self.assertEqual(set(x["where"]), {"path", "layer", "layer_index", "of_base", "visible", "package"})
        text = json.dumps(doc)
        self.assertNotIn(str(self.careen.home), text)
        self.assertEqual(text.count(str(self.tmp)), text.count(self.bad), "no host path but the reference")
        for layer, made in zip(doc["image"]["layers"], samples.poisoned()):
            self.assertEqual(layer["created_by"], made.created_by)
            self.assertEqual(layer["diff_id"], made.diff_id)

    def test_same_bytes(self):
        """Again, without cache, in another home and directory, on one processor or all."""
        want = self.run_scan(self.bad, "--format", "json")
        other = Careen(self.tmp / "another-home")
        one = min(os.sched_getaffinity(0))
        for name, run in {
            "again": self.run_scan(self.bad, "--format", "json"),
            "no cache": self.run_scan(self.bad, "--format", "json", "--no-cache"),
            "one processor": self.run_scan(self.bad, "--format", "json", "--no-cache",
                                           preexec=lambda: os.sched_setaffinity(0, {one})),
            "other home": other.run("scan", self.bad, "--threats", self.threats, "--format", "json",
                                    cwd="/", env={"TZ": "Asia/Tokyo", "LC_ALL": "C"}),
        }.items():
            with self.subTest(name):
                self.assertEqual((run.code, run.out), (want.code, want.out), run.stderr)
        for fmt in ("table", "sarif"):
            first = self.run_scan(self.bad, "--format", fmt, "--no-cache")
            self.assertEqual(self.run_scan(self.bad, "--format", fmt).out, first.out, fmt)

    def test_order_of_many_layers(self):
        """Layers are read in parallel; the result does not depend on who comes first."""
        layers = [samples.base()] + [Layer([f(f"opt/{i:02}.bin", samples.MARKER + bytes(i * 3000 % 70000))]
                                           + [f(f"opt/m{i}", samples.MARKER)]) for i in range(24)]
        image = self.layout.add("many", layers)
        runs = {self.run_scan(image, "--format", "json", "--no-cache").out for _ in range(4)}
        self.assertEqual(len(runs), 1)


class Sarif(ReportCase):
    def test_valid_and_complete(self):
        run = self.run_scan(self.bad, "--format", "sarif")
        self.assert_code(run, FLAGGED)
        doc = run.json()
        self.assertEqual(doc["version"], "2.1.0")
        (result,) = doc["runs"]
        report = self.run_scan(self.bad, "--format", "json").json()
        self.assertEqual(len(result["results"]), len(report["findings"]))
        rules = {rule["id"] for rule in result["tool"]["driver"]["rules"]}
        self.assertTrue(all(r["ruleId"] in rules for r in result["results"]))
        self.assertEqual(result["tool"]["driver"]["name"].lower(), "careen")
        if jsonschema is None or not SHARED.exists():
            self.skipTest("the SARIF schema (shared data beside the repository) or jsonschema is not there")
        need("zstd", "tar")
        tool("tar", "--zstd", "-xf", SHARED, "-C", self.tmp)
        schema = json.loads((self.tmp / "schemas" / "sarif-2.1.0.json").read_text())
        for image in (self.bad, self.good, self.hostile()):
            with self.subTest(image):
                doc = self.run_scan(image, "--format", "sarif").json()
                validator = jsonschema.validators.validator_for(schema)(schema)
                self.assertEqual([e.message[:300] for e in validator.iter_errors(doc)], [])


class Table(ReportCase):
    def assert_plain(self, run, wide=False):
        for stream in (run.out, run.err):
            self.assertNotIn(ESC, stream)
            text = stream.decode("utf-8")
            bad = sorted({c for c in text if unicodedata.category(c) in ("Cc", "Cf", "Cs") and c != "\n"})
            self.assertEqual([hex(ord(c)) for c in bad], [], "control characters")
        if not wide:
            long = [line for line in run.stdout.splitlines() if width(line) > 80]
            self.assertEqual(long, [])

    def test_fits_and_is_plain(self):
        for image, code in ((self.bad, FLAGGED), (self.good, CLEAN)):
            for command in (("scan", image, "--threats", self.threats),
                            ("scan", image, "--threats", self.threats, "--verbose")):
                with self.subTest(command):
                    run = self.careen.run(*command, env={"TERM": "xterm-256color", "COLUMNS": "80"})
                    self.assert_code(run, code)
                    # the reference is as typed, however long the scratch directory's name is
                    run.out = run.out.replace(str(self.layout.path).encode(), b"L")
                    self.assert_plain(run)
        run = self.careen.run("packages", self.bad)
        run.out = run.out.replace(str(self.layout.path).encode(), b"L")
        self.assert_plain(run)

    def test_long_things_still_fit(self):
        deep = "opt/" + "/".join(f"a-rather-long-directory-name-{i}" for i in range(9)) + "/marker"
        layer = Layer([f(deep, samples.MARKER, 0o755)], created_by="RUN " + "echo something very long; " * 30)
        run = self.run_scan(self.layout.add("deep", [samples.base(), layer]))
        self.assert_code(run, FLAGGED)
        run.out = run.out.replace(str(self.layout.path).encode(), b"L")
        self.assert_plain(run)
        self.assertIn(deep.replace("/", ""), re.sub(r"[\s/]", "", run.stdout), "the whole path can be read")

    def test_hostile_text(self):
        image = self.hostile()
        for args in (("scan", image, "--threats", self.threats), ("packages", image), ("files", image),
                     ("scan", image, "--threats", self.threats, "--verbose", "--list-packages")):
            with self.subTest(args[0]):
                self.assert_plain(self.careen.run(*args), wide=True)
        for fmt in ("json", "sarif"):
            out = self.run_scan(image, "--format", fmt).out
            self.assertNotIn(ESC, out)
            self.assertNotIn(b"\x07", out)
        forged = [l for l in self.run_scan(image).stdout.splitlines() if l.startswith("VERDICT: clean")]
        self.assertEqual(forged, [], "an image cannot forge a line")

    def test_what_the_first_lines_say(self):
        head = " ".join(self.run_scan(self.good).stdout.split()[:80])
        self.assertRegex(head, r"(?i)clean of \d+ known threats?")
        self.assertIn("vulnerabilities not checked", head)
        head = self.run_scan(self.bad).stdout[:1500].lower()
        self.assertIn("flagged", head)
        self.assertIn(samples.MARKER_PATH, self.run_scan(self.bad).stdout)

    def test_quiet(self):
        loud, quiet = self.run_scan(self.bad), self.run_scan(self.bad, "--quiet")
        self.assertEqual(quiet.code, FLAGGED)
        self.assertLess(len(quiet.out) + len(quiet.err), len(loud.out) + len(loud.err))

    def on_terminal(self, *args, env=None):
        """Runs careen on a pseudo terminal and returns what it wrote there."""
        ours, theirs = pty.openpty()
        env = self.careen.environment({"TERM": "xterm-256color", **(env or {})})
        process = subprocess.Popen([self.careen.binary, *map(str, args)], env=env,
                                   stdin=theirs, stdout=theirs, stderr=theirs)
        os.close(theirs)
        out = b""
        try:
            while block := os.read(ours, 65536):
                out += block
        except OSError:
            pass
        os.close(ours)
        process.wait(60)
        return out

    def test_colour(self):
        colour = re.compile(rb"\x1b\[[0-9;]*m")
        args = ("scan", self.bad, "--threats", self.threats)
        self.assertRegex(self.on_terminal(*args), colour)
        self.assertNotRegex(self.on_terminal(*args, env={"NO_COLOR": "1"}), colour)
        self.assertNotRegex(self.on_terminal(*args, env={"TERM": "dumb"}), colour)
        self.assertNotIn(ESC, self.on_terminal(*args, "--no-progress", env={"NO_COLOR": "1"}))
        self.assertNotRegex(self.on_terminal(*args, "--format", "json", "--no-progress"), colour)


class Outputs(ReportCase):
    def test_several(self):
        j, s, t = (self.tmp / n for n in ("r.json", "r.sarif", "r.txt"))
        run = self.run_scan(self.bad, "-o", f"json={j}", "-o", "table", "-o", f"sarif={s}", "-o", f"table={t}")
        self.assert_code(run, FLAGGED)
        self.assertEqual(j.read_bytes(), self.run_scan(self.bad, "--format", "json").out)
        self.assertEqual(s.read_bytes(), self.run_scan(self.bad, "-o", "sarif").out)
        self.assertEqual(run.out, self.run_scan(self.bad).out)
        self.assertEqual(t.read_bytes(), run.out)

    def test_file_only(self):
        j = self.tmp / "r.json"
        run = self.run_scan(self.bad, "-o", f"json={j}")
        self.assert_code(run, FLAGGED)
        self.assertNotIn("findings", run.stdout)
        self.assertEqual(json.loads(j.read_text())["verdict"], "flagged")

    def test_bare_word_is_explained(self):
        self.assert_fails(self.run_scan(self.bad, "-o", "report.json"), USAGE, "json=report.json")
        self.assertFalse(pathlib.Path("report.json").exists())
        self.assert_fails(self.run_scan(self.bad, "-o", "yaml=x"), USAGE, "json", "sarif", "table")

    def test_unwritable(self):
        for image, codes in ((self.good, (USAGE, UNREADABLE)), (self.bad, (FLAGGED,))):
            run = self.run_scan(image, "-o", f"json={self.tmp}/no/such/dir/r.json")
            self.assertIn(run.code, codes, str(run))
            self.assertIn("no/such/dir", run.stderr)

    def test_full_standard_output(self):
        if not os.path.exists("/dev/full"):
            self.skipTest("no /dev/full")
        with open("/dev/full", "wb") as full:
            process = self.careen.start("scan", self.good, "--format", "json", stdout=full)
            process.communicate(timeout=120)
        self.assertEqual(process.returncode, UNREADABLE, "a report that was not written is no success")


class Usage(ReportCase):
    def test_errors_say_what_to_write(self):
        for args, words in (
                (("polish",), ("scan",)), (("scan",), ("image",)),
                (("scan", self.good, "--format", "yaml"), ("table", "json", "sarif")),
                (("scan", self.good, "--frobnicate"), ("--frobnicate",)),
                (("scan", self.good, "--platform", "x"), ("os/arch",)),
                (("scan", self.good, "--spool-limit", "lots"), ("--spool-limit",)),
                (("scan", self.good, "--timeout", "-1"), ("--timeout",)),
                (("scan", self.good, "--from", "moon"), ("registry",)),
                (("explain",), ("explain",)), (("threat", "polish"), ("check",)),
                (("packages", self.good, "--format", "sarif"), ("json",))):
            with self.subTest(args[:1] + args[2:]):
                run = self.careen.run(*args)
                self.assert_fails(run, USAGE, *words)
                self.assertEqual(run.out, b"")

    def test_threat_files(self):
        broken = self.tmp / "broken.yaml"
        broken.write_text("id: X\ntitle: [unclosed\n")
        run = self.careen.run("scan", self.good, "--threats", broken)
        self.assertIn(run.code, (USAGE, UNREADABLE), str(run))
        self.assertRegex(run.stderr, r"broken\.yaml:\d+")
        run = self.careen.run("scan", self.good, "--threats", self.tmp / "none.yaml")
        self.assertIn(run.code, (USAGE, UNREADABLE), str(run))
        self.assertIn("none.yaml", run.stderr)

    def test_help(self):
        for args in ((), ("scan",), ("packages",), ("files",), ("explain",), ("threat",), ("cache",)):
            with self.subTest(args):
                run = self.careen.run(*args, "--help")
                self.assertEqual(run.code, CLEAN, str(run))
                self.assertRegex(run.stdout, r"(?i)example")
                self.assertIn("careen " + " ".join(args), run.stdout)
        run = self.careen.run()
        self.assertEqual(run.code, USAGE)
        self.assertIn("scan", run.stdout + run.stderr)
        run = self.careen.run("--version")
        self.assertRegex(run.stdout, r"^careen \d+\.\d+")
        self.assertEqual(self.careen.run("--version", "-v").code, CLEAN)


class Explain(ReportCase):
    def test_from_a_report(self):
        path = self.tmp / "r.json"
        self.run_scan(self.bad, "-o", f"json={path}")
        doc = json.loads(path.read_text())
        elsewhere = Careen(self.tmp / "elsewhere")
        for x in doc["findings"]:
            run = elsewhere.run("explain", x["id"], "--report", path)
            self.assertEqual(run.code, CLEAN, str(run))
            self.assertIn(x["title"].split()[0], run.stdout)
        self.assert_fails(elsewhere.run("explain", "no-such-id", "--report", path), USAGE, "no-such-id")

    def test_the_last_report(self):
        ident = self.run_scan(self.bad, "--format", "json").json()["findings"][0]["id"]
        run = self.careen.run("explain", ident)
        self.assertEqual(run.code, CLEAN, str(run))
        self.assertIn("last report", run.stdout.splitlines()[0], "named first")
        self.assertIn(self.bad, run.stdout)
        fresh = Careen(self.tmp / "fresh")
        self.assert_fails(fresh.run("explain", ident), USAGE, "scan")

    def test_a_threat(self):
        run = self.careen.run("explain", "CVE-2024-3094")
        self.assertEqual(run.code, CLEAN, str(run))
        self.assertIn("xz", run.stdout.lower())
        self.assertNotIn(ESC, run.out)


if __name__ == "__main__":
    main()
