#!/usr/bin/python3
"""The fleet: a registry is indexed once, and what is known is not read again; folders and lists; and files that say where
images are used."""

import json
import pathlib

import samples
from fleet_case import FleetCase, next_second
from images import Layer, OciLayout, d, docker_archive_legacy, docker_archive_modern, f, pack_directory
from support import FLAGGED, UNDETERMINED, careen_path, main, need


def setUpModule():
    careen_path()
    need("skopeo", "docker-registry")


class Indexing(FleetCase):
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

    def test_archives_of_several_images_and_their_names(self):
        one, two = [Layer([d("usr"), f("usr/one", "x")])], [Layer([d("usr"), f("usr/two", "y")])]
        legacy, modern, oci = (self.tmp / name for name in ("legacy.tar", "modern.tar", "oci.tar"))
        docker_archive_legacy(legacy, [(["team/one:1", "team/one:latest"], one, {}), (["team/two:1"], two, {})])
        docker_archive_modern(modern, [(["team/one:2"], one, {}), (["team/two:2"], two, {})])
        layout = OciLayout(self.tmp / "layout")
        layout.add("team/one:3", one)
        layout.add("team/two:3", two)
        pack_directory(self.tmp / "layout", oci)
        for archive, names in ((legacy, {"team/one:1", "team/one:latest"}), (modern, {"team/one:2"}), (oci, {"team/one:3"})):
            with self.subTest(archive=archive.name):
                store = self.tmp / f"{archive.stem}.sqlite"
                run = self.careen.run("index", archive, "--store", store)
                self.assert_code(run, 0)
                self.assertIn("2 images indexed", run.stdout)
                run = self.careen.run("hunt", "path:/usr/one", "--store", store, "--format", "json")
                self.assert_code(run, FLAGGED)
                (match,) = json.loads(run.stdout)["matches"]
                self.assertEqual({t["tag"] for t in match["tags"]}, names)
                self.assertEqual({t["repository"] for t in match["tags"]}, {str(archive)})
                only = self.careen.run("index", archive, "--tags", "team/two:*", "--store", self.tmp / f"{archive.stem}-2.sqlite")
                self.assertIn("1 image indexed", only.stdout.replace("1 images", "1 image"))

    def test_an_archive_that_is_written_anew(self):
        one, two = [Layer([d("usr"), f("usr/one", "x")])], [Layer([d("usr"), f("usr/two", "y")])]
        archive = self.tmp / "app.tar"
        docker_archive_modern(archive, [(["app:1"], one, {}), (["app:2"], two, {})])
        plan = self.careen.run("index", archive, "--dry-run", "--store", self.store)
        self.assert_code(plan, 0)
        self.assertIn("2 layers to read", plan.stdout)
        self.assertEqual(self.index(archive)["images"], 2)
        (match,) = self.ask("hunt", "path:/usr/one", code=FLAGGED)["matches"]
        self.assertFalse(any(t.get("vanished") for t in match["tags"]))
        next_second()
        docker_archive_modern(archive, [(["app:2"], two, {})])
        self.assertEqual(self.index(archive)["vanished"], 1)
        (match,) = self.ask("hunt", "path:/usr/one", code=FLAGGED)["matches"]
        self.assertTrue(all(t["vanished"] for t in match["tags"]))
        (match,) = self.ask("hunt", "path:/usr/two", code=FLAGGED)["matches"]
        self.assertFalse(any(t.get("vanished") for t in match["tags"]))

    def test_an_archive_with_an_image_that_cannot_be_read(self):
        layout = OciLayout(self.tmp / "layout")
        layout.add("good:1", [Layer([d("usr"), f("usr/good", "x")])])
        layout.add("bad:1", [Layer([d("usr"), f("usr/bad", "y")])])
        layout.blob_path(layout.manifests[1]["digest"]).unlink()
        pack_directory(self.tmp / "layout", self.tmp / "app.tar")
        run = self.careen.run("index", self.tmp / "app.tar", "--store", self.store)
        self.assert_code(run, UNDETERMINED)
        self.assertIn("another image of the archive could not be read", run.stdout + run.stderr)
        (match,) = self.ask("hunt", "path:/usr/good", code=FLAGGED)["matches"]
        self.assertEqual([t["tag"] for t in match["tags"]], ["good:1"])

    def test_a_scan_of_an_archive_keeps_its_names(self):
        archive = self.tmp / "one.tar"
        docker_archive_modern(archive, [(["team/one:2", "team/one:latest"], [Layer([d("usr"), f("usr/one", "x")])], {})])
        self.assert_code(self.careen.run("scan", archive, "--store", self.store), 0)
        (match,) = self.ask("hunt", "path:/usr/one", code=FLAGGED)["matches"]
        self.assertEqual({(t["repository"], t["tag"]) for t in match["tags"]},
                         {(str(archive), "team/one:2"), (str(archive), "team/one:latest")})

    def test_an_image_with_a_layer_that_lies_is_there_and_not_judged(self):
        layout = OciLayout(self.tmp / "lies")
        name = layout.add("one", [Layer([d("usr"), f("usr/told", "x")]), Layer([d("opt"), f("opt/lied", "y")])])
        manifest = json.loads(layout.read(layout.manifests[0]["digest"]))
        blob = layout.blob_path(manifest["layers"][1]["digest"])
        other = Layer([d("opt"), f("opt/other", "z")]).blob("gz")
        blob.unlink()
        blob.write_bytes(other)
        self.careen.run("index", name, "--store", self.store)
        self.assertIn("1 image", self.careen.run("hunt", "path:/nowhere", "--store", self.store).stdout)
        for question, code in (("path:/nowhere", UNDETERMINED), ("path:/opt/lied", UNDETERMINED), ("path:/usr/told", FLAGGED)):
            run = self.careen.run("hunt", question, "--store", self.store)
            self.assert_code(run, code)
            self.assertIn("1 image not judged", run.stdout.replace("1 images", "1 image"))

    def test_default_store(self):
        """XDG_DATA_HOME, CAREEN_STORE and --store, each before the last."""
        registry = self.serve()
        data, named = self.tmp / "data", self.tmp / "deep/named.sqlite"
        name = f"{registry.host}/base/os:gen1"
        for env, place in (({"XDG_DATA_HOME": data}, None), ({"CAREEN_STORE": named}, named)):
            self.assertEqual(self.careen.run("index", name, env=env).code, 0)
            self.assertEqual(self.careen.run("hunt", "package:tool", env=env).code, 1)
            self.assertTrue(place.exists() if place else any(data.rglob("*.sqlite")))


class Uses(FleetCase):
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


if __name__ == "__main__":
    main()
