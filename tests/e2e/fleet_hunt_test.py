#!/usr/bin/python3
"""Hunts in a fleet: every question is answered as the build plan and a walk of the unpacked layers say, without a request;
and the documents that answer questions are of their schemas."""

import csv
import json
import re
import time

from fleet_case import EMPTY, IndexedCase
from fleet_plan import LIBRARY, glob_matches, matches
from support import REPO, careen_path, main, need, sha256_of

PROOF = r"^{} match(es)? in {} images \({} layers\) as of \d{{4}}-\d\d-\d\dT\d\d:\d\d:\d\dZ; oldest crawl \d+ (s|min) ago"


def setUpModule():
    careen_path()
    need("skopeo", "docker-registry")


class Questions(IndexedCase):
    def assert_hunt(self, question, fits, *more):
        want = self.plan.hits(fits)
        document = self.ask("hunt", question, *more, code=1 if want else 0)
        got = matches(document)
        if got != want:  # as differences: the lists are long
            name = {i.digest: f"{i.name} {i.arch}" for i in self.plan.images}
            lines = [f"{what} {name[row[0]]}: layer {row[1]} {row[2]}{'' if row[3] else ' (hidden)'}"
                     for what, a, b in (("missing", want, got), ("wrong", got, want)) for row in a if row not in b]
            self.fail("\n".join([question, *lines[:20]]))
        return document

    def test_file_digest(self):
        digests = {s.sha256 for i in self.plan.images for s in i.sites() if s.sha256}
        self.assertGreater(len(digests), 10)
        for digest in sorted(digests):
            with self.subTest("empty file" if digest == EMPTY else digest):
                self.assert_hunt("sha256:" + digest, lambda s, x=digest: s.sha256 == x)

    def test_path(self):
        for glob in (LIBRARY, "/" + LIBRARY, "**/liblzma*", "opt/*", "opt/**", "**/*.so", "usr/bin/too?", "srv/*",
                     "*", "etc/*", "**/tool-again", "nothing/here", "usr/bin"):
            with self.subTest(glob):
                self.assert_hunt("path:" + glob, lambda s, g=glob: glob_matches(g, s.path))

    def test_shape(self):
        document = self.assert_hunt("sha256:" + self.plan.evil_sha256, lambda s: s.sha256 == self.plan.evil_sha256)
        self.assertEqual(document["schema"], "careen/hunt/v1")
        searched = document["searched"]
        self.assertEqual((searched["images"], searched["layers"]), (len(self.plan.images), len(self.plan.diff_ids)))
        for key in ("as_of", "oldest_crawl"):
            self.assertRegex(searched[key], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")
        self.assertEqual(document["coverage"], [])
        by_digest = {i.digest: i for i in self.plan.images}
        for m in document["matches"]:
            self.assertLessEqual({"indicator", "image", "where", "first_seen", "last_seen", "running", "reachability"}, set(m))
            image, where = by_digest[m["image"]["digest"]], m["where"]
            self.assertEqual(m["indicator"], "sha256:" + self.plan.evil_sha256)
            self.assertEqual((m["image"]["reference"], m["image"]["platform"]),
                             (f"{self.host}/{image.name}", image.platform))
            layer = image.layers[where["layer_index"]]
            self.assertEqual((where["layer"], where["created_by"]), (layer.diff_id, layer.created_by))
            self.assertEqual([(t["repository"], t["tag"]) for t in m["tags"]],
                             [(f"{self.host}/{image.repo}", image.tag)])

    def test_packages(self):
        """The plan's versions; a row of a replaced database is history."""
        want = {"1.0": set(), "2.0": set()}
        for image in self.plan.images:
            (site,) = [s for s in image.sites() if s.path == "/var/lib/dpkg/status" and s.visible]
            newest = "2.0" if b"Version: 2.0-1" in image.layers[site.layer].data else "1.0"
            want[newest].add((image.digest, site.layer, newest + "-1+b1"))
        self.assertIn((self.plan.image("team/upgraded:1").digest, 1, "2.0-1+b1"), want["2.0"])
        every = want["1.0"] | want["2.0"]
        for question, expected in (
                ("package:tool", every), ("package:tool-src", every), ("pkg:deb/debian/tool", every),
                ("package:tool>=1.5", want["2.0"]), ("package:tool<1.5", want["1.0"]),
                ("package:tool>=1.0,<2.0", want["1.0"]), ("package:tool=2.0-1+b1", want["2.0"]),
                ("package:tool-src=2.0-1", want["2.0"]), ("package:tool!=2.0-1+b1", want["1.0"]),
                ("pkg:deb/debian/tool@2.0-1%2Bb1?arch=amd64", want["2.0"]),
                ("pkg:deb/debian/tool@1.0-1+b1", want["1.0"]),
                ("pkg:rpm/fedora/tool", set()), ("package:tool>=3", set()), ("package:nothing", set())):
            with self.subTest(question):
                document = self.ask("hunt", question, "--visible", code=1 if expected else 0)
                got = {(m["image"]["digest"], m["where"]["layer_index"], m["where"]["package"]["version"])
                       for m in document["matches"]}
                self.assertEqual(got, expected)
                self.assertEqual(len(document["matches"]), len(expected), "each once")

    def test_elf(self):
        if not self.plan.is_elf:
            self.skipTest("no compiler for the stand-in")
        for question in ["soname:liblzma.so.5"] + ["structure:" + r for r in self.plan.rules]:
            with self.subTest(question):
                self.assert_hunt(question, lambda s: s.sha256 == self.plan.evil_sha256)
        for question in ("soname:libnothing.so.1", "needed:libnothing.so.1", "build-id:" + "0" * 40, "symbol:no_such_symbol"):
            with self.subTest(question):
                self.assert_hunt(question, lambda s: False)

    def test_configuration(self):
        one, two = self.plan.image("team/app:1"), self.plan.image("team/app:2")
        for question, expected in (
                ("env:APP", [one, two]), ("env:APP=two", [two]), ("env:AP", []), ("env:PATH", [one]),
                ("label:org.example.team", [two]), ("label:org.example.team=sailors", [two]),
                ("label:org.example.team=tailors", []), ("entrypoint:/usr/bin/app", [one]), ("entrypoint:--serve", [one]),
                ("entrypoint:--sleep", [])):
            with self.subTest(question):
                document = self.ask("hunt", question, code=1 if expected else 0)
                self.assertEqual(sorted(m["image"]["digest"] for m in document["matches"]),
                                 sorted(i.digest for i in expected))

    def test_layer_and_manifest(self):
        two = self.plan.image("base/os:gen2")
        blob = json.loads(self.plan.layout.read(two.digest))["layers"][1]["digest"]
        want = sorted((i.digest, i.diff_ids.index(two.diff_ids[1])) for i in self.plan.images if two.diff_ids[1] in i.diff_ids)
        for digest in (two.diff_ids[1], blob):
            document = self.ask("hunt", "layer:" + digest, code=1)
            self.assertEqual(sorted((m["image"]["digest"], m["where"]["layer_index"]) for m in document["matches"]), want)
        parts = [i for i in self.plan.images if i.index]
        document = self.ask("hunt", "manifest:" + parts[0].index, code=1)
        self.assertEqual(sorted(m["image"]["digest"] for m in document["matches"]), sorted(i.digest for i in parts))
        for m in document["matches"]:
            self.assertEqual(m["image"]["reference"], f"{self.host}/team/multi:1")
        self.ask("hunt", "manifest:sha256:" + "0" * 64, "layer:sha256:" + "0" * 64, code=0)

    def test_zero_is_proved(self):
        run = self.ask("hunt", "sha256:" + "0" * 64, fmt="table", code=0)
        self.assertRegex(run.stdout, re.compile(PROOF.format(0, len(self.plan.images), len(self.plan.diff_ids)), re.M))
        run = self.ask("hunt", "path:" + LIBRARY, fmt="table", code=1)
        count = len(self.plan.hits(lambda s: s.path == "/" + LIBRARY))
        self.assertRegex(run.stdout, re.compile(PROOF.format(count, len(self.plan.images), len(self.plan.diff_ids)), re.M))
        document = self.ask("hunt", "sha256:" + "0" * 64, code=0)
        self.assertEqual((document["matches"], document["searched"]["images"]), ([], len(self.plan.images)))

    def test_list_of_indicators(self):
        evil, again = self.plan.evil_sha256, sha256_of(b"app two\n")
        noise = "".join(f"sha256:{sha256_of(str(i).encode())}\n" for i in range(5000))
        listing = self.tmp / "indicators.txt"
        listing.write_text(f"# from a feed\n{noise}sha256:{evil}  # the library\n\n{again}\npath:opt/job\n")
        want = self.plan.hits(lambda s: s.sha256 in (evil, again) or s.path == "/opt/job")
        begun = time.monotonic()
        self.assertEqual(matches(self.ask("hunt", f"@{listing}", code=1)), want)
        self.assertLess(time.monotonic() - begun, 30)
        listing.write_text(noise)
        self.ask("hunt", f"@{listing}", code=0)

    def test_list_with_a_bad_line(self):
        listing = self.tmp / "indicators.txt"
        listing.write_text(f"# list\nsha256:{self.plan.evil_sha256}\n\nsha256:12\x1b[31m\n")
        run = self.ask("hunt", f"@{listing}", fmt=None)
        self.assert_fails(run, 2, f"{listing}:4")
        self.assertEqual(run.out, b"")
        self.assertNotIn(b"\x1b", run.err)
        for question in ("nothing", "sha256:xyz", "package:", "package:tool>=", "layer:12", f"@{self.tmp}/none"):
            with self.subTest(question):
                self.assertEqual(self.ask("hunt", question, fmt=None).code, 2)

    def test_other_formats(self):
        want = self.plan.hits(lambda s: s.sha256 == self.plan.evil_sha256)
        question = "sha256:" + self.plan.evil_sha256
        lines = self.ask("hunt", question, fmt="ndjson", code=1).stdout.splitlines()
        self.assertEqual(matches({"matches": [json.loads(line) for line in lines]}), want)
        table = list(csv.DictReader(self.ask("hunt", question, fmt="csv", code=1).stdout.splitlines()))
        self.assertEqual(sorted((r["digest"], int(r["layer_index"]), r["path"], r["visible"] == "true") for r in table), want)
        document = self.ask("hunt", question, "--limit", "2", code=1)
        self.assertEqual((len(document["matches"]), document["total"]), (2, len(want)))
        document = self.ask("hunt", question, "--visible", code=1)
        self.assertEqual(matches(document), [row for row in want if row[3]])


class Schemas(IndexedCase):
    """Every JSON document is of the schema that is published for it."""

    def test_documents(self):
        try:
            import jsonschema
        except ImportError:
            self.skipTest("python3-jsonschema is not installed")
        image, other = (i.digest for i in self.plan.images[:2])
        questions = {"hunt": ["hunt", "path:**", "threat:CVE-2024-3094"], "lineage": ["lineage", image], "diff": ["diff", image, other],
                     "exposure": ["exposure", "CVE-2024-3094"]}
        for name, words in questions.items():
            with self.subTest(name):
                schema = json.loads((REPO / f"docs/schemas/{name}-v1.schema.json").read_text())
                run = self.careen.run(*words, "--store", self.store, "--format", "json")
                self.assertIn(run.code, (0, 1), str(run))
                validator = jsonschema.validators.validator_for(schema)
                validator.check_schema(schema)
                validator(schema).validate(run.json())


if __name__ == "__main__":
    main()
