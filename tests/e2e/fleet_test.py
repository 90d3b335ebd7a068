#!/usr/bin/python3
"""The fleet: a registry is indexed once, and every question about it is answered as the build
plan and a walk of the unpacked layers say, without a request."""

import csv
import functools
import json
import pathlib
import re
import shutil
import time
import unittest
import unittest.mock

import policy_schemas
import registry as registries
import samples
from fleet_plan import LIBRARY, THREAT, drop_repository, drop_tag, glob_matches, matches, the_plan
from images import Layer, OciLayout, f
from registry import Registry, Server, relay
from support import Careen, Case, careen_path, main, need, sha256_of

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
PROOF = r"^{} match(es)? in {} images \({} layers\) as of \d{{4}}-\d\d-\d\dT\d\d:\d\d:\d\dZ; oldest crawl \d+ (s|min) ago"
EMPTY = sha256_of(b"")


def setUpModule():
    careen_path()
    need("skopeo", "docker-registry")


@functools.lru_cache(maxsize=None)
def indexed():
    """A store with the whole plan, made before the test's own records were known; the registry is gone."""
    plan, directory = the_plan(), the_plan().dir / "indexed"
    careen = Careen(directory / "home")
    with plan.filled(directory / "registry") as registry:
        run = careen.run("index", registry.host + "/", "--store", directory / "store.sqlite")
        assert run.code == 0, str(run)
        return directory / "store.sqlite", registry.host


def next_second():
    """The inventory's times are whole seconds: what happens now is later than what happened before."""
    time.sleep(1.05 - time.time() % 1)


class Fleet(Case):
    def setUp(self):
        super().setUp()
        self.plan = the_plan()
        self.store = self.tmp / "store.sqlite"

    def serve(self):
        registry = self.plan.filled(self.tmp / "registry")
        self.addCleanup(registry.stop)
        return registry

    def index(self, *sources, code=0, **kw):
        run = self.careen.run("index", *sources, "--store", self.store, "--format", "json", **kw)
        self.assert_code(run, code)
        return run.json()

    def ask(self, *words, code=None, fmt="json", **kw):
        run = self.careen.run(*words, "--store", self.store, *(["--format", fmt] if fmt else []), **kw)
        self.assert_code(run, code)
        return run.json() if fmt == "json" else run

    def tags(self, image):
        """(repository without host, tag, is it there) of an image, by its digest."""
        rows = self.ask("hunt", "manifest:" + image.digest, code=1)["matches"]
        return sorted((t["repository"].partition("/")[2], t["tag"], t["vanished"] is None, t["digest"])
                      for t in rows[0]["tags"])


class Indexing(Fleet):
    def test_all_then_nothing(self):
        registry = self.serve()
        first = self.index(registry.host + "/")
        self.assertEqual((first["schema"], first["references"], first["images"], first["unchanged"],
                          first["new_layers"], first["failures"]),
                         ("careen/index/v1", len(self.plan.names), len(self.plan.images), 0,
                          len(self.plan.diff_ids), []))
        blobs = registry.blob_reads()
        layers = {x["digest"] for i in self.plan.images
                  for x in json.loads(self.plan.layout.read(i.digest))["layers"]}
        self.assertEqual(sorted(b.rpartition("/")[2] for b in blobs if b.rpartition("/")[2] in layers),
                         sorted(layers), "each layer is read once")
        mark = registry.mark()
        again = self.index(registry.host + "/")
        self.assertEqual((again["images"], again["unchanged"], again["new_layers"], again["failures"]),
                         (0, len(self.plan.names), 0, []))
        self.assertEqual(registry.blob_reads(mark), [])
        text = self.careen.run("index", registry.host + "/", "--store", self.store)
        self.assertEqual(text.code, 0)
        self.assertIn(f"{len(self.plan.names)} unchanged", text.stdout)

    def test_known_layers_of_new_images_are_not_asked_for(self):
        registry = self.serve()
        self.index(f"{registry.host}/base/os", f"{registry.host}/team/app")
        mark = registry.mark()
        self.index(f"{registry.host}/team/web")
        web = self.plan.image("team/web:1")
        blob = json.loads(self.plan.layout.read(web.digest))["layers"][-1]["digest"]
        layers = [p.rpartition("/")[2] for p in registry.blob_reads(mark)]
        self.assertEqual([x for x in layers if x == blob], [blob], "the one new layer, once")
        self.assertEqual(len(layers), 3, f"beside it two configurations: {layers}")

    def test_dry_run(self):
        registry = self.serve()
        run = self.careen.run("index", registry.host + "/", "--dry-run", "--store", self.store)
        self.assertEqual(run.code, 0, str(run))
        listed = sorted(line.removeprefix("registry:").split("  ")[0] for line in run.stdout.splitlines() if registry.host in line)
        self.assertEqual(listed, [f"{registry.host}/{name}" for name in self.plan.names])
        layers = {x["digest"] for image in self.plan.images for x in json.loads(self.plan.layout.read(image.digest))["layers"]}
        self.assertFalse(layers & {p.rpartition("/")[2] for p in registry.blob_reads()}, "configurations alone were read")
        self.assertRegex(run.stdout, rf"\n{len(self.plan.names)} references, 0 known already; {len(layers)} layers to read, ")
        self.assertFalse(self.store.exists(), "nothing was asked to be kept")

    def test_tags_max_and_glob(self):
        registry = self.serve()
        only = self.index(registry.host + "/", "--tags", "gen*")
        self.assertEqual((only["references"], only["images"]), (2, 2))
        few = self.index(registry.host + "/", "--max", "5")
        self.assertEqual(few["references"], 5)
        glob = self.index(f"{registry.host}/team/deleted:*")
        self.assertEqual(glob["references"], 2)
        one = self.index(f"{registry.host}/team/deleted:[2-9]")
        self.assertEqual((one["references"], one["unchanged"]), (1, 1))

    def test_part_of_a_list_makes_nothing_vanish(self):
        registry = self.serve()
        self.index(registry.host + "/")
        next_second()
        for part in (["--tags", "gen1"], ["--max", "2"], ["--max", "1"]):
            self.assertEqual(self.index(registry.host + "/", *part)["vanished"], 0, part)
        self.assertEqual(self.index(f"{registry.host}/team/app:1*")["vanished"], 0)
        self.assertEqual(self.index(f"{registry.host}/team/app:1")["vanished"], 0)

    def test_platform_first_then_all(self):
        registry = self.serve()
        name = f"{registry.host}/team/multi:1"
        amd64, arm64 = (self.plan.image("team/multi:1", a) for a in ("amd64", "arm64"))
        self.assertEqual(self.index(name, "--platform", "linux/amd64")["images"], 1)
        self.ask("hunt", "manifest:" + arm64.digest, code=0)
        self.index(name)
        for image in (amd64, arm64):
            found = self.ask("hunt", "manifest:" + image.digest, code=1)["matches"]
            self.assertEqual([m["image"]["platform"] for m in found], [image.platform])

    def test_attestation_is_no_image(self):
        registry = self.serve()
        done = self.index(f"{registry.host}/team/multi")
        self.assertEqual((done["images"], done["attestations"]), (2, 1))
        amd64, arm64 = (self.plan.image("team/multi:1", a) for a in ("amd64", "arm64"))
        (claim,) = self.ask("lineage", amd64.digest, code=0)["images"][0]["attestations"]
        self.assertEqual((claim["predicate_types"], claim["verified"]), (["https://spdx.dev/Document"], False))
        self.ask("hunt", "manifest:" + claim["digest"], code=0)  # it is no image
        self.assertEqual(self.ask("lineage", arm64.digest, code=0)["images"][0]["attestations"], [])
        self.assertIn("attested, not verified: https://spdx.dev/Document\n", self.ask("lineage", amd64.digest, fmt="table", code=0).stdout)

    def test_lists_and_folders(self):
        registry = self.serve()
        listing = self.tmp / "list.txt"
        listing.write_text(f"# the two bases\n{registry.host}/base/os:gen1\n\n  {registry.host}/base/os:gen2  # bad\n")
        self.assertEqual(self.index(f"@{listing}")["images"], 2)
        self.assertEqual(self.index("-", stdin=f"{registry.host}/team/app\n".encode())["images"], 2)
        other = OciLayout(self.tmp / "folder/a/b/layout")
        other.add("x", samples.poisoned())
        other.add("y", samples.clean())
        (self.tmp / "folder/loop").symlink_to(self.tmp / "folder")
        self.assertEqual(self.index(self.tmp / "folder")["images"], 2)

    def test_default_store(self):
        """XDG_DATA_HOME, CAREEN_STORE and --store, each before the last."""
        registry = self.serve()
        data, named = self.tmp / "data", self.tmp / "deep/named.sqlite"
        name = f"{registry.host}/base/os:gen1"
        for env, place in (({"XDG_DATA_HOME": data}, None), ({"CAREEN_STORE": named}, named)):
            self.assertEqual(self.careen.run("index", name, env=env).code, 0)
            self.assertEqual(self.careen.run("hunt", "package:tool", env=env).code, 1)
            self.assertTrue(place.exists() if place else any(data.rglob("*.sqlite")))


class Uses(Fleet):
    """References read from where images are used, and what runs of them."""

    def pods(self, host, *images, running=True):
        def pod(image, n):
            return {"kind": "Pod", "metadata": {"name": f"p{n}", "namespace": "shop",
                                                "ownerReferences": [{"kind": "ReplicaSet", "name": "web"}]},
                    "spec": {"containers": [{"name": "app", "image": f"{host}/{image.repo}:{image.tag}", "command": ["/serve"]}]},
                    "status": {"phase": "Running" if running else "Succeeded",
                               "containerStatuses": [{"name": "app", "imageID": f"{host}/{image.repo}@{image.digest}"}]}}

        file = self.tmp / "pods.json"
        file.write_text(json.dumps({"kind": "List", "items": [pod(i, n) for n, i in enumerate(images)]}))
        return f"uses:{file}"

    def test_what_runs_comes_first(self):
        web, app = self.plan.image("team/web:1"), self.plan.image("team/app:2")
        with self.serve() as registry:
            summary = self.index(self.pods(registry.host, app, app), f"{registry.host}/team/web:1", "--cluster", "prod")
            self.assertEqual((summary["uses"], summary["images"]), (2, 2))
            rows = self.ask("hunt", "path:**", code=1)["matches"]
            self.assertEqual({r["image"]["digest"] for r in rows}, {web.digest, app.digest})
            order = [bool(r["running"]) for r in rows]
            self.assertEqual(order, sorted(order, reverse=True))
            use = next(r for r in rows if r["running"])["running"][0]
            self.assertEqual((use["cluster"], use["namespace"], use["workload"], use["container"], use["command"]),
                             ("prod", "shop", "ReplicaSet/web", "app", ["/serve"]))
            running = self.ask("hunt", "path:**", "--running", code=1)["matches"]
            self.assertEqual({r["image"]["digest"] for r in running}, {app.digest})
            text = self.ask("hunt", "path:**", "--running", fmt="table", code=1).stdout
            self.assertIn("running: prod shop/ReplicaSet/web (app)", text)
            # Told again, the list takes the place of the one before.
            self.index(self.pods(registry.host, app, running=False), "--cluster", "prod")
            self.ask("hunt", "path:**", "--running", code=0)
            # Another cluster's list is another one.
            self.index(self.pods(registry.host, app), "--cluster", "test")
            self.assertEqual(self.ask("hunt", "path:**", "--running", code=1)["matches"][0]["running"][0]["cluster"], "test")

    def test_files_that_ask_for_images(self):
        app = self.plan.image("team/app:2")
        with self.serve() as registry:
            folder = self.tmp / "source"
            (folder / "deep").mkdir(parents=True)
            name = f"{registry.host}/{app.repo}:{app.tag}"
            (folder / "Dockerfile").write_text(f"ARG TAG=2\nFROM {registry.host}/{app.repo}:$TAG AS a\nCOPY --from=a /x /y\n")
            (folder / "deep" / "compose.yaml").write_text(f"services:\n  a:\n    image: {name}\n  b:\n    image: $B\n")
            (folder / "deep" / "values.yaml").write_text("{{ not yaml }}: [\n")
            (folder / "notes.txt").write_text("FROM nowhere\n")
            run = self.careen.run("index", f"uses:{folder}", "--store", self.store)
            self.assert_code(run, 3)
            self.assertIn("compose.yaml:5", run.stdout)
            self.assertIn("$B", run.stdout)
            row = self.ask("hunt", "path:**", code=1)["matches"][0]
            self.assertEqual(row["running"], [])
            self.assertEqual(sorted((pathlib.Path(u["file"]).name, u["line"]) for u in row["used_in"]), [("Dockerfile", 2), ("compose.yaml", 3)])
            self.ask("hunt", "path:**", "--running", code=0)

    def test_what_names_nothing(self):
        (self.tmp / "x.json").write_text("{}")
        self.assert_code(self.careen.run("index", f"uses:{self.tmp}/x.json", "--store", self.store), 3)
        self.assert_code(self.careen.run("index", f"uses:{self.tmp}/none", "--store", self.store), 3)


class Questions(Fleet):
    """Over a store whose registry is gone: any request would fail."""

    def setUp(self):
        super().setUp()
        source, self.host = indexed()
        shutil.copyfile(source, self.store)

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


class Exposure(Fleet):
    def setUp(self):
        super().setUp()
        source, self.host = indexed()
        shutil.copyfile(source, self.store)

    def expose(self, threats, *words, threat=THREAT, code=1, **kw):
        return self.ask("exposure", threat, "--threats", threats, *words, code=code, **kw)

    def assert_exposure(self, document, affected):
        self.assertEqual(document["schema"], "careen/exposure/v1")
        self.assertEqual(sorted(x["image"]["digest"] for x in document["images"]), sorted(i.digest for i in affected))
        got = {r["digest"]: r["also_fixes"] for r in document["rebuild_first"]}
        self.assertEqual(got, self.plan.rebuild(affected))
        counts = [r["also_fixes"] for r in document["rebuild_first"]]
        self.assertEqual(counts, sorted(counts, reverse=True), "what fixes most comes first")

    def test_equals_the_plan(self):
        """The record came after the indexing, and the registry is gone."""
        affected = self.plan.affected(self.plan.evil_sha256)
        self.assertIn(self.plan.image("team/deleted:2"), affected)
        self.assertNotIn(self.plan.image("team/web:1"), affected)
        threats = self.plan.threats(self.tmp)
        document = self.expose(threats)
        self.assert_exposure(document, affected)
        self.assertEqual(document["rejudged"], len(self.plan.images))
        base = self.plan.image("base/os:gen2")
        first = document["rebuild_first"][0]
        self.assertEqual((first["digest"], first["reference"], first["layer"], first["created_by"]),
                         (base.digest, f"{self.host}/base/os:gen2", base.diff_ids[1], base.layers[1].created_by))
        by_digest = {i.digest: i for i in affected}
        for row in document["images"]:
            sites = [s for s in by_digest[row["image"]["digest"]].sites() if s.sha256 == self.plan.evil_sha256]
            self.assertEqual((row["where"]["path"], row["where"]["layer_index"], row["where"]["visible"]),
                             (sites[0].path, sites[0].layer, sites[0].visible))
            self.assertEqual(row["confidence"], "confirmed")
        self.assert_fails(self.ask("hunt", "threat:" + THREAT, fmt=None), 2, THREAT)  # what is asked once is not kept

    def test_kept_record(self):
        """careen threat add: told at once, used by every later command, and taken out again."""
        affected = self.plan.affected(self.plan.evil_sha256)
        threats = self.plan.threats(self.tmp)
        run = self.careen.run("threat", "add", threats, "--store", self.store)
        self.assert_code(run, 1)
        self.assertIn(f"{THREAT}: {len(affected)} of {len(self.plan.images)} images affected", run.stdout)
        again = self.ask("exposure", THREAT, code=1)
        self.assertEqual(again["rejudged"], 0)
        self.assert_exposure(again, affected)
        for name in (THREAT, "ALIAS-" + THREAT):
            hunted = self.ask("hunt", "threat:" + name, code=1)
            self.assertEqual(matches(hunted), self.plan.hits(lambda s: s.sha256 == self.plan.evil_sha256))
        self.assertIn(THREAT, self.careen.run("threat", "list", "--store", self.store).stdout)
        # Another question of one's own beside it changes nothing of what is kept.
        self.expose(self.plan.threats(self.tmp, "TEST-OTHER", files=[{"digest": "sha256:" + EMPTY}]), threat="TEST-OTHER", code=None)
        self.assertEqual(self.ask("exposure", THREAT, code=1)["rejudged"], 0)
        self.assert_code(self.careen.run("threat", "remove", THREAT, "--store", self.store), 0)
        self.assert_fails(self.careen.run("threat", "remove", THREAT, "--store", self.store), 2, THREAT)
        self.assert_fails(self.ask("exposure", THREAT, fmt=None), 2, THREAT)
        self.ask("exposure", "CVE-2024-3094", code=0)  # judged anew without it
        self.assert_fails(self.ask("hunt", "threat:" + THREAT, fmt=None), 2, THREAT)

    def test_record_of_a_built_in_threat(self):
        record = ROOT / "src/knowledge/threats/CVE-2024-3094.yaml"
        self.assert_fails(self.careen.run("threat", "add", record, "--store", self.store), 2, "--replace")
        self.assert_code(self.careen.run("threat", "add", record, "--replace", "--store", self.store), 0)
        self.assert_fails(self.careen.run("threat", "add", self.tmp / "none.yaml", "--store", self.store), 2, "none.yaml")
        self.assert_fails(self.careen.run("threat", "add", record, "--store", self.tmp / "no-store"), 4, "careen index")

    def test_other_indicators(self):
        two = self.plan.image("base/os:gen2")
        blob = json.loads(self.plan.layout.read(two.digest))["layers"][1]["digest"]
        app = self.plan.image("team/app:2")
        late = sha256_of(b"app one\n")
        for name, affected, indicators in (
                ("TEST-LATE", self.plan.affected(late), {"files": [{"digest": "sha256:" + late}]}),
                ("TEST-LAYER", [i for i in self.plan.images if two.diff_ids[1] in i.diff_ids], {"layers": [{"digest": blob}]}),
                ("TEST-MANIFEST", [app], {"manifests": [{"digest": app.digest}]})):
            with self.subTest(name):
                self.assert_exposure(self.expose(self.plan.threats(self.tmp, name, **indicators), threat=name), affected)

    def test_none_affected(self):
        threats = self.plan.threats(self.tmp, digest="0" * 64)
        document = self.expose(threats, code=0)
        self.assertEqual((document["images"], document["rebuild_first"]), ([], []))
        run = self.expose(threats, fmt="table", code=0)
        self.assertIn(f"0 images in {len(self.plan.images)} images", run.stdout)
        self.assertEqual(self.expose(threats, fmt="digests", code=0).out, b"")

    def test_changed_record(self):
        """The same name with another digest: what was true before is no more."""
        self.expose(self.plan.threats(self.tmp))
        other = sha256_of(b"job\n")
        self.assert_exposure(self.expose(self.plan.threats(self.tmp, digest=other)), self.plan.affected(other))

    def test_formats(self):
        threats = self.plan.threats(self.tmp)
        affected = self.plan.affected(self.plan.evil_sha256)
        lines = self.expose(threats, fmt="digests").stdout.splitlines()
        self.assertEqual(lines, sorted(f"{self.host}/{i.repo}@{i.digest}" for i in affected))
        table = self.expose(threats, fmt="table").stdout
        self.assertIn(f"{THREAT}: {len(affected)} of {len(self.plan.images)} images affected", table)
        self.assertLess(table.index("rebuild first"), table.index("\naffected"))
        for image in affected:
            self.assertIn(image.digest, table)
        got = list(csv.DictReader(self.expose(threats, fmt="csv").stdout.splitlines()))
        self.assertEqual(sorted(r["digest"] for r in got), sorted(i.digest for i in affected))

    def policies(self, fmt, *words):
        try:
            import yaml
        except ImportError:
            self.skipTest("python3-yaml is not installed")
        return list(yaml.safe_load_all(self.expose(self.plan.threats(self.tmp), *words, fmt=fmt).stdout))

    def valid(self, document, schema):
        try:
            import jsonschema
        except ImportError:
            self.skipTest("python3-jsonschema is not installed")
        jsonschema.Draft202012Validator(schema).validate(document)

    def denied(self):
        """Digests of affected images, and of indexes that lead to them."""
        affected = self.plan.affected(self.plan.evil_sha256)
        return {i.digest for i in affected} | {i.index for i in affected if i.index}

    def test_kyverno_policy(self):
        for words, action in (((), "Audit"), (("--enforce",), "Enforce")):
            (policy,) = self.policies("kyverno", *words)
            self.valid(policy, policy_schemas.KYVERNO)
            self.assertEqual(policy["spec"]["validationFailureAction"], action)
            containers, volumes = policy["spec"]["rules"][0]["validate"]["foreach"]
            for part in (containers, volumes):
                (condition,) = part["deny"]["conditions"]["any"]
                self.assertEqual(set(condition["value"]), {"*@" + d for d in self.denied()})

    def test_admission_policy(self):
        for words, action in (((), "Audit"), (("--enforce",), "Deny")):
            policy, binding = self.policies("vap", *words)
            self.valid(policy, policy_schemas.ADMISSION)
            self.valid(binding, policy_schemas.BINDING)
            self.assertEqual(binding["spec"], {"policyName": policy["metadata"]["name"], "validationActions": [action]})
            (listed,) = [v["expression"] for v in policy["spec"]["validations"]]
            self.assertRegex(listed, r"^!variables\.digests\.exists\(d, d in \[('[^']*'(, )?)+\]\)$")
            self.assertEqual(set(re.findall(r"'([^']*)'", listed)), self.denied())
            self.assertEqual([v["name"] for v in policy["spec"]["variables"]], ["images", "before", "digests"])  # each uses those before it

    def test_unknown_threat(self):
        self.assert_fails(self.ask("exposure", "TEST-NOBODY", fmt=None), 2, "TEST-NOBODY")
        conditions = self.tmp / "conditions.yaml"
        for threat, code in (("TEST-NOBODY", 2), ("CVE-2024-3094", 0)):
            conditions.write_text(f'any:\n  - "threat:{threat}"\n')
            self.assert_code(self.careen.run("hunt", conditions, "--store", self.store), code)


class Lineage(Fleet):
    def setUp(self):
        super().setUp()
        source, self.host = indexed()
        shutil.copyfile(source, self.store)

    def test_every_image(self):
        for image in self.plan.images:
            with self.subTest(image.name + " " + image.arch):
                (one,) = self.ask("lineage", image.digest, code=0)["images"]
                self.assertEqual(one["image"]["digest"], image.digest)
                self.assertEqual([b["digest"] for b in one["bases"]], self.plan.bases(image))
                self.assertEqual({x["digest"]: x["base"] for x in one["derived"]}, self.plan.derived(image))
                copied = [(c["layer_index"], c["from"], c["shared"], c["here"], c["there"], sorted(i["digest"] for i in c["images"]))
                          for c in one["copied"]]
                self.assertEqual(sorted(copied), self.plan.copied(image))
                self.assertTrue(all(c["images_in_all"] == len(c["images"]) for c in one["copied"]))

    def test_by_name(self):
        document = self.ask("lineage", f"{self.host}/team/multi:1", code=0)
        self.assertEqual(document["schema"], "careen/lineage/v1")
        self.assertEqual(sorted(x["image"]["platform"] for x in document["images"]), ["linux/amd64", "linux/arm64"])
        text = self.ask("lineage", f"{self.host}/team/web:2", fmt="table", code=0).stdout
        lines = [line.strip() for line in text.splitlines()]
        order = [next(n for n, line in enumerate(lines) if name in line)
                 for name in ("base/os:gen2", "team/app:2", "* " + f"{self.host}/team/web:2", "team/job:3")]
        self.assertEqual(order, sorted(order), text)
        squashed = self.ask("lineage", f"{self.host}/team/squashed:1", fmt="table").stdout
        self.assertIn("base not indexed", squashed)
        self.assertRegex(squashed, r"copied content: layer 0 has \d+ of the \d+ contents of layer sha256:\w+ of \S+ and \d+ more")
        self.assert_fails(self.ask("lineage", f"{self.host}/team/nobody:1", fmt=None), 4, "team/nobody")

    def test_graphs(self):
        image = self.plan.image("base/os:gen2")
        dot = self.ask("lineage", image.digest, fmt="dot", code=0).stdout
        self.assertRegex(dot, r"\Adigraph \w+ \{\n(  [^\n]*;\n)+\}\n\Z")
        names = dict(re.findall(r'^  (i\d+) \[label="([^"\\]*)"\];$', dot, re.M))
        edges = {(names[a], names[b]) for a, b in re.findall(r"^  (i\d+) -> (i\d+);$", dot, re.M)}
        name = {i.digest: f"{self.host}/{i.name}" for i in self.plan.images}
        self.assertEqual(edges, {(name[b], name[x]) for x, b in self.plan.derived(image).items()})
        mermaid = self.ask("lineage", image.digest, fmt="mermaid", code=0).stdout
        lines = mermaid.splitlines()
        self.assertEqual(lines[0], "graph TD")
        found = {re.fullmatch(r'  i\d+\["([^"]*)"\] --> i\d+\["([^"]*)"\]', line).groups() for line in lines[1:]}
        self.assertEqual(found, edges)

    def test_claimed_base(self):
        layout = OciLayout(self.tmp / "claims")
        base = self.plan.image("base/os:gen1").digest
        for tag, digest in (("known", base), ("unknown", "sha256:" + "1" * 64)):
            layout.add(tag, [Layer([f("only", tag)])], Labels={
                "org.opencontainers.image.base.name": "registry.example/base:1", "org.opencontainers.image.base.digest": digest})
        self.index(layout.path)
        for m in layout.manifests:
            (one,) = self.ask("lineage", m["digest"], code=0)["images"]
            known = m["annotations"]["org.opencontainers.image.ref.name"] == "known"
            self.assertEqual(one["claimed_base"]["indexed"], known)
            text = self.ask("lineage", m["digest"], fmt="table", code=0).stdout
            self.assertEqual("base not indexed" in text, not known, text)


    def test_base_not_indexed(self):
        """Children of a base that nobody indexed: known by its chain ID, an annotation of the manifest, and a record."""
        layout = OciLayout(self.tmp / "children")
        base, more = Layer([f("base", "base")]), Layer([f("more", "more")])
        for tag, layers in (("one", [base, more, Layer([f("1", "one")])]), ("two", [base, more, Layer([f("2", "two")])])):
            layout.add(tag, layers)
        self.index(layout.path)
        chain = "sha256:" + sha256_of(f"{base.diff_id} {more.diff_id}".encode())
        for m in layout.manifests:
            (one,) = self.ask("lineage", m["digest"], code=0)["images"]
            self.assertEqual(one["base_not_indexed"], {"layers": 2, "chain_id": chain, "images": 1, "record": None})
            text = self.ask("lineage", m["digest"], fmt="table", code=0).stdout
            self.assertIn(f"base not indexed: the first 2 layers, chain {chain}, with which 1 other image begins too\n", text)

    def test_base_that_moved(self):
        """The tag of the base names another image now: the child stands on an old one, and lineage says since when."""
        registry = self.serve()
        self.plan.push(registry, ["base/os:gen1"], into="base/os:stable")
        self.index(registry.host + "/")
        self.plan.push(registry, ["base/os:gen2"], into="base/os:stable")
        self.index(registry.host + "/base/os")
        name, child = f"{registry.host}/base/os:stable", self.plan.image("team/app:1").digest
        (one,) = self.ask("lineage", child, code=0)["images"]
        (tag,) = [t for t in one["bases"][0]["tags"] if t["reference"] == name]
        self.assertEqual((tag["at_build"], tag["current"], tag["now"]), (None, False, self.plan.image("base/os:gen2").digest))
        text = self.ask("lineage", child, fmt="table", code=0).stdout
        self.assertRegex(text, re.escape(name) + r" named it; not current: it names sha256:\w+ since \d{4}-")
        self.assertIn(f"{registry.host}/base/os:gen1 is current\n", text)


class Schemas(Fleet):
    """Every JSON document is of the schema that is published for it."""

    def test_documents(self):
        try:
            import jsonschema
        except ImportError:
            self.skipTest("python3-jsonschema is not installed")
        source, _ = indexed()
        shutil.copyfile(source, self.store)  # an exposure keeps what it judged anew
        image, other = (i.digest for i in self.plan.images[:2])
        questions = {"hunt": ["hunt", "path:**", "threat:CVE-2024-3094"], "lineage": ["lineage", image], "diff": ["diff", image, other],
                     "exposure": ["exposure", "CVE-2024-3094"]}
        for name, words in questions.items():
            with self.subTest(name):
                schema = json.loads((ROOT / f"docs/schemas/{name}-v1.schema.json").read_text())
                run = self.careen.run(*words, "--store", self.store, "--format", "json")
                self.assertIn(run.code, (0, 1), str(run))
                validator = jsonschema.validators.validator_for(schema)
                validator.check_schema(schema)
                validator(schema).validate(run.json())


class History(Fleet):
    """Tags that move and vanish, and crawls that fail."""

    def setUp(self):
        super().setUp()
        self.registry = self.serve()

    def status(self):
        return self.careen.run("status", "--store", self.store)

    def test_moved_tag(self):
        one, two = self.plan.image("team/app:1"), self.plan.image("team/app:2")
        self.plan.push(self.registry, ["team/app:1"], into="team/moving:now")
        self.index(self.registry.host + "/")
        next_second()
        self.plan.push(self.registry, ["team/app:2"], into="team/moving:now")
        self.index(self.registry.host + "/")
        now = f"{self.registry.host}/team/moving:now"
        self.assertEqual([x["image"]["digest"] for x in self.ask("lineage", now, code=0)["images"]], [two.digest])
        self.assertIn(("team/moving", "now", True, two.digest), self.tags(two))
        old = [t for t in self.ask("hunt", "manifest:" + one.digest)["matches"][0]["tags"] if t["tag"] == "now"]
        self.assertEqual(len(old), 1, "the history is kept")
        self.assertIsNotNone(old[0]["vanished"], "it does not name this image any more")
        self.assertLessEqual(old[0]["first_seen"], old[0]["last_seen"])
        next_second()
        self.plan.push(self.registry, ["team/app:1"], into="team/moving:now")  # and back
        self.index(self.registry.host + "/")
        self.assertEqual([x["image"]["digest"] for x in self.ask("lineage", now, code=0)["images"]], [one.digest])
        self.assertIn(("team/moving", "now", True, one.digest), self.tags(one))
        self.assertIn(("team/moving", "now", False, two.digest), self.tags(two))

    def test_vanished_tag(self):
        image, kept = self.plan.image("team/deleted:2"), self.plan.image("team/deleted:1")
        self.index(self.registry.host + "/")
        drop_tag(self.registry, "team/deleted:2")
        next_second()
        self.assertEqual(self.index(self.registry.host + "/")["vanished"], 1)
        self.assertEqual(self.tags(image), [("team/deleted", "2", False, image.digest)])
        self.assertEqual(self.tags(kept), [("team/deleted", "1", True, kept.digest)])
        gone = self.ask("hunt", "path:opt/more", "--vanished", code=1)
        self.assertEqual([m["image"]["digest"] for m in gone["matches"]], [image.digest])
        self.ask("hunt", "path:opt/job", "--vanished", code=0)
        next_second()
        self.plan.push(self.registry, ["team/deleted:2"])  # it comes back
        self.assertEqual(self.index(self.registry.host + "/")["vanished"], 0)
        self.assertEqual(self.tags(image), [("team/deleted", "2", True, image.digest)])

    def test_vanished_repository(self):
        image = self.plan.image("team/fixed:1")
        self.index(self.registry.host + "/")
        drop_repository(self.registry, "team/fixed")
        next_second()
        self.assertEqual(self.index(self.registry.host + "/")["vanished"], 1)
        self.assertEqual(self.tags(image), [("team/fixed", "1", False, image.digest)])

    def test_last_seen_moves_on(self):
        image = self.plan.image("team/fixed:1")
        self.index(self.registry.host + "/")
        before = self.ask("hunt", "manifest:" + image.digest)["matches"][0]
        next_second()
        self.index(self.registry.host + "/")
        after = self.ask("hunt", "manifest:" + image.digest)["matches"][0]
        self.assertEqual(after["first_seen"], before["first_seen"])
        self.assertGreater(after["tags"][0]["last_seen"], before["tags"][0]["last_seen"])
        self.assertGreater(after["last_seen"], before["last_seen"])

    def assert_all_there(self):
        for image in (self.plan.image("team/app:1"), self.plan.image("base/os:gen2")):
            self.assertTrue(all(row[2] for row in self.tags(image)), self.tags(image))

    def test_unreachable(self):
        self.index(self.registry.host + "/")
        self.assertEqual(self.status().code, 0, str(self.status()))
        port = self.registry.port
        self.registry.stop()
        next_second()
        sources = [self.registry.host + "/", f"{self.registry.host}/team/app", f"{self.registry.host}/base/os:gen2"]
        failed = self.index(*sources, code=3)
        self.assertEqual(failed["vanished"], 0)
        self.assertEqual(len(failed["failures"]), 3, failed)
        self.assertTrue(all(x["why"] for x in failed["failures"]))
        text = self.careen.run("index", self.registry.host + "/", "--store", self.store)
        self.assertEqual(text.code, 3)
        self.assertIn("not indexed: " + self.registry.host + "/", text.stdout)
        self.assert_all_there()
        status = self.status()
        self.assertEqual(status.code, 3, str(status))
        self.assertIn(self.registry.host, status.stdout)
        self.ask("hunt", "path:" + LIBRARY, code=1)
        again = at_port(self.tmp / "registry", port)  # the same one is back
        self.addCleanup(again.stop)
        self.index(*sources)
        status = self.status()
        self.assertEqual(status.code, 0, f"what failed then was indexed now:\n{status}")

    def front(self, trouble):
        """The registry behind a server that answers some requests itself."""
        def serve(_, request):
            if not trouble(request):
                relay(request, self.registry.port, request.path)
        server = Server(serve)
        self.addCleanup(server.stop)
        server.host = f"127.0.0.1:{server.port}"
        return server

    def test_one_tag_answers_500(self):
        broken = set()

        def trouble(request):
            if request.path in broken:
                request.answer(500, b'{"errors":[{"code":"UNKNOWN"}]}')
            return request.path in broken
        front = self.front(trouble)
        self.index(front.host + "/")
        next_second()
        broken.add("/v2/team/app/manifests/2")
        failed = self.index(front.host + "/", code=3)
        self.assertEqual([x["reference"].removeprefix("registry:") for x in failed["failures"]], [front.host + "/team/app:2"])
        self.assertIn("500", failed["failures"][0]["why"])
        self.assertEqual((failed["vanished"], failed["unchanged"]), (0, len(self.plan.names) - 1))
        image = self.plan.image("team/app:2")
        self.assertEqual(self.tags(image), [("team/app", "2", True, image.digest)])
        status = self.status()
        self.assertEqual(status.code, 3, str(status))
        self.assertIn("team/app:2", status.stdout)
        broken.clear()
        self.index(front.host + "/")
        self.assertEqual(self.status().code, 0, str(self.status()))

    def test_tag_list_answers_500(self):
        broken = set()

        def trouble(request):
            hit = any(b in request.path for b in broken)
            if hit:
                request.answer(503, b"busy")
            return hit
        front = self.front(trouble)
        self.index(front.host + "/")
        for what in ("/team/app/tags/", "_catalog"):
            with self.subTest(what):
                next_second()
                broken.add(what)
                failed = self.index(front.host + "/", code=3)
                self.assertEqual((len(failed["failures"]), failed["vanished"]), (1, 0), failed)
                self.assert_all_there()
                broken.clear()
                self.index(front.host + "/")
                self.assertEqual(self.status().code, 0, str(self.status()))

    def test_layer_that_cannot_be_read_is_read_later(self):
        """Not judged is not clean; the next crawl gets what the first could not."""
        image = self.plan.image("team/copied:1")
        blob = json.loads(self.plan.layout.read(image.digest))["layers"][1]["digest"]
        broken = {blob}

        def trouble(request):
            hit = any(b in request.path for b in broken)
            if hit:
                request.answer(500, b"broken")
            return hit
        front = self.front(trouble)
        name = f"{front.host}/team/copied"
        self.index(name, code=3)
        document = self.ask("hunt", "sha256:" + self.plan.evil_sha256, code=3)
        self.assertEqual([c["image"] for c in document["coverage"]], [image.digest])
        text = self.ask("hunt", "sha256:" + self.plan.evil_sha256, "--show-unjudged", fmt="table", code=3).stdout
        self.assertRegex(text, r"1 image not judged")
        self.assertIn(image.digest, text)
        self.assertEqual(self.status().code, 3)
        self.ask("exposure", THREAT, "--threats", self.plan.threats(self.tmp), code=3)
        broken.clear()
        self.index(name)
        document = self.ask("hunt", "sha256:" + self.plan.evil_sha256, code=1)
        self.assertEqual((matches(document), document["coverage"]), ([(image.digest, 1, "/opt/vendor/v.so", True)], []))
        self.assertEqual(self.status().code, 0, str(self.status()))


def at_port(directory, port):
    """A registry over the same storage at a given port."""
    with unittest.mock.patch.object(registries, "free_port", lambda: port):
        return Registry(directory)


if __name__ == "__main__":
    main()
