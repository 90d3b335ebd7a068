#!/usr/bin/python3
"""One image through every form that tools write: the same findings and diff IDs each time."""

import json
import os
import subprocess
import tarfile
import unittest

import images
import samples
from sockets import FakeDaemon
from support import (CLEAN, FLAGGED, UNREADABLE, USAGE, Case, careen_path, diff_ids,
                     findings_key, main, need, sha256_of, tool)

REF = "fleet/bad:1"
RUN = {"Cmd": ["/usr/bin/tool"]}


def setUpModule():
    careen_path()


class FormsCase(Case):
    def setUp(self):
        super().setUp()
        self.threats = samples.marker_threats(self.tmp)
        self.layers = samples.poisoned()
        self.layout = images.OciLayout(self.tmp / "layout")
        self.oci = self.layout.add("bad", self.layers, **RUN)

    def read(self, image, *args, code=FLAGGED, **kw):
        return self.report(image, "--threats", self.threats, *args, code=code, **kw)

    def assert_same(self, image, *args, **kw):
        """Findings and diff IDs equal to those of the OCI layout directory."""
        if not hasattr(self, "want"):
            self.want = self.read(self.oci)
            self.assertEqual(diff_ids(self.want), [l.diff_id for l in self.layers])
            self.assertGreaterEqual(len(self.want["findings"]), 2, "marker and changed tool")
        report = self.read(image, *args, **kw)
        self.assertEqual(diff_ids(report), diff_ids(self.want))
        self.assertEqual(findings_key(report), findings_key(self.want))
        self.assertEqual(report["verdict"], "flagged")
        return report

    def skopeo(self, target, *flags):
        need("skopeo")
        tool("skopeo", "--insecure-policy", "copy", "-q", *flags, f"oci:{self.layout.path}:bad", target)

    def legacy(self, path="legacy.tar", images_=None):
        return images.docker_archive_legacy(self.tmp / path, images_ or [([REF], self.layers, RUN)])


class Directories(FormsCase):
    def test_oci_dir(self):
        report = self.assert_same(self.oci)
        manifest = report["image"]["digest"]
        self.assert_same(f"oci-dir:{self.layout.path}@{manifest}")
        self.assert_same(f"oci-dir:{self.layout.path}")
        self.assert_same(str(self.layout.path))

    def test_every_compression(self):
        for how in ("none", "gz", "zst"):
            with self.subTest(how):
                if how == "zst":
                    need("zstd")
                self.assert_same(self.layout.add(f"c-{how}", self.layers, compression=how, **RUN),
                                 "--no-cache")

    def test_gzip_of_several_members(self):
        """Parallel compressors write more than one member."""
        types = images.TYPES["oci"]
        rows = []
        for layer in self.layers:
            cut = len(layer.data) // 3
            blob = images.compress(layer.data[:cut], "gz") + images.compress(layer.data[cut:], "gz")
            rows.append(self.layout.add_blob(blob, types["gz"]))
        config = self.layout.add_blob(images.config_of(self.layers, **RUN), types["config"])
        doc = {"schemaVersion": 2, "mediaType": types["manifest"], "config": config, "layers": rows}
        self.layout.tag("members", self.layout.add_blob(json.dumps(doc).encode(), types["manifest"]))
        self.assert_same(f"oci-dir:{self.layout.path}:members")

    def test_tag_must_be_chosen(self):
        self.layout.add("good", samples.clean())
        self.assert_fails(self.careen.scan(f"oci-dir:{self.layout.path}"), USAGE, "bad", "good")
        self.read(f"oci-dir:{self.layout.path}:good", code=CLEAN)
        run = self.careen.scan(f"oci-dir:{self.layout.path}:none")
        self.assertIn(run.code, (USAGE, UNREADABLE), str(run))
        self.assertIn("good", run.stderr, "says which there are")

    def test_root_file_system(self):
        need("tar")
        root = self.tmp / "root"
        root.mkdir()
        (root / "usr/share").mkdir(parents=True)
        for layer in self.layers:
            subprocess.run(["tar", "-x", "--overwrite", "--no-same-owner", "-C", root],
                           input=layer.data, check=True)
        for name in root.rglob(".wh.*"):
            (name.parent / name.name[4:]).unlink()
            name.unlink()
        want = findings_key(self.read(self.oci), layers=False)
        for image in (f"dir:{root}", str(root)):
            with self.subTest(image):
                report = self.read(image)
                self.assertEqual(findings_key(report, layers=False), want)
                (layer,) = report["image"]["layers"]
                self.assertIsNone(layer["diff_id"])
                self.assertIsNone(layer["digest"])
                self.assertEqual({f["where"]["layer_index"] for f in report["findings"]}, {0})

    def test_what_is_no_image(self):
        (self.tmp / "text").write_text("just text\n")
        (self.tmp / "void").write_bytes(b"")
        (self.tmp / "hollow").mkdir()
        for image in ("text", "void", "absent"):
            with self.subTest(image):
                run = self.careen.scan(str(self.tmp / image))
                self.assert_fails(run, UNREADABLE, str(self.tmp / image))
        for image in ("docker-archive:", "oci-archive:", "oci-dir:"):
            with self.subTest(image):
                self.assert_fails(self.careen.scan(f"{image}{self.tmp / 'text'}"), UNREADABLE)
        self.assert_fails(self.careen.scan(f"oci-dir:{self.tmp / 'hollow'}"), UNREADABLE)
        self.assert_fails(self.careen.scan(f"dir:{self.tmp / 'absent'}"), UNREADABLE)


class Archives(FormsCase):
    def test_oci_archive(self):
        path = self.tmp / "image.oci.tar"
        self.skopeo(f"oci-archive:{path}:bad")
        for image in (f"oci-archive:{path}", f"oci-archive:{path}:bad", str(path)):
            with self.subTest(image):
                self.assert_same(image)

    def test_oci_archive_of_tar(self):
        """index.json after the blobs, names with ./ in front: as `tar -C dir -c .` writes it."""
        path = images.pack_directory(self.layout.path, self.tmp / "dot.tar", "./")
        self.assert_same(f"oci-archive:{path}")

    def test_skopeo_docker_archive(self):
        path = self.tmp / "skopeo.tar"
        self.skopeo(f"docker-archive:{path}:{REF}")
        for image in (f"docker-archive:{path}", f"docker-archive:{path}:{REF}", str(path)):
            with self.subTest(image):
                self.assert_same(image)

    def test_buildah_docker_archive(self):
        need("buildah")
        store = ["--storage-driver", "vfs", "--root", str(self.tmp / "store"),
                 "--runroot", str(self.tmp / "runroot")]
        path = self.tmp / "buildah.tar"
        try:
            image = tool("buildah", *store, "pull", "-q", f"oci:{self.layout.path}:bad").decode().strip()
            tool("buildah", *store, "push", "-q", image, f"docker-archive:{path}:{REF}")
        except RuntimeError as error:
            self.skipTest(f"buildah cannot work here: {str(error)[-300:]}")
        self.assert_same(f"docker-archive:{path}")

    def test_legacy(self):
        path = self.legacy()
        for image in (f"docker-archive:{path}", f"docker-archive:{path}:{REF}",
                      f"docker-archive:{path}:@0", str(path)):
            with self.subTest(image):
                self.assert_same(image.replace(":@", "@"))

    def test_legacy_with_linked_layers(self):
        """Two images that share a base: its second layer.tar is a link to the first."""
        path = self.legacy(images_=[(["fleet/good:1"], samples.clean(), {}), ([REF], self.layers, RUN)])
        with tarfile.open(path) as tar:
            self.assertTrue([m for m in tar if m.issym() and m.name.endswith("/layer.tar")])
        self.assert_same(f"docker-archive:{path}:{REF}")

    def test_same_layer_twice(self):
        layers = [samples.base(), samples.hiding(), samples.marked(), samples.hiding()]
        path = self.legacy("twice.tar", [([REF], layers, RUN)])
        report = self.read(f"docker-archive:{path}")
        self.assertEqual(diff_ids(report), [l.diff_id for l in layers])

    def test_oci_inside_docker_save(self):
        for how in ("none", "gz"):
            with self.subTest(how):
                path = images.docker_archive_modern(self.tmp / f"modern-{how}.tar",
                                                    [([REF], self.layers, RUN)], how)
                self.assert_same(f"docker-archive:{path}")
                self.assert_same(str(path))
                self.assert_same(f"docker-archive:{path}:{REF}")

    def test_several_images(self):
        both = [(["fleet/good:1", "fleet/good:latest"], samples.clean(), {}), ([REF], self.layers, RUN)]
        for path in (self.legacy("two.tar", both),
                     images.docker_archive_modern(self.tmp / "two-modern.tar", both)):
            with self.subTest(path.name):
                for image in (f"docker-archive:{path}", str(path)):
                    self.assert_fails(self.careen.scan(image), USAGE, "fleet/good:1", REF)
                self.assert_same(f"docker-archive:{path}:{REF}")
                self.assert_same(f"docker-archive:{path}@1")
                for good in (":fleet/good:1", ":fleet/good:latest", "@0"):
                    self.read(f"docker-archive:{path}{good}", code=CLEAN)
                for none in (":fleet/none:1", "@2"):
                    run = self.careen.scan(f"docker-archive:{path}{none}")
                    self.assert_fails(run, USAGE, "fleet/good:1", REF)

    def test_untagged(self):
        path = self.legacy("untagged.tar", [([], self.layers, RUN)])
        self.assert_same(f"docker-archive:{path}")

    def test_compressed_as_a_whole(self):
        archives = {"legacy": self.legacy()}
        self.skopeo(f"oci-archive:{self.tmp / 'oci.tar'}:bad")
        archives["oci"] = self.tmp / "oci.tar"
        for kind, path in archives.items():
            for how in ("gz", "zst", "xz", "bz2"):
                with self.subTest(kind=kind, how=how):
                    packed = self.tmp / f"{kind}.tar.{how}"
                    packed.write_bytes(images.compress(path.read_bytes(), how))
                    form = "docker-archive" if kind == "legacy" else "oci-archive"
                    self.assert_same(f"{form}:{packed}")
                    self.assert_same(str(packed))

    def test_file_name_with_colon(self):
        path = self.tmp / "image:v1.tar"
        path.write_bytes(self.legacy().read_bytes())
        self.assert_same(f"docker-archive:{path}")
        self.assert_same(f"docker-archive:{path}:{REF}")


class SingleFiles(FormsCase):
    def packages(self, path):
        run = self.careen.run("packages", f"file:{path}", "--format", "json")
        return run, [(p["type"], p["name"], p["version"]) for p in run.json()["packages"]]

    def apk(self, *control):
        path = self.tmp / "tool-1.2-r3.apk"
        head = images.pack(control) if control else b""
        path.write_bytes(images.compress(head.rstrip(b"\0") + bytes(-len(head.rstrip(b"\0")) % 512), "gz")
                         + images.compress(images.pack([images.f("usr/bin/tool", b"x", 0o755)]), "gz"))
        return path

    def test_apk_says_which_package_it_is(self):
        path = self.apk(images.f(".PKGINFO", "pkgname = tool\npkgver = 1.2-r3\narch = x86_64\norigin = tools\n"))
        run, packages = self.packages(path)
        self.assert_code(run, CLEAN)
        self.assertEqual(packages, [("apk", "tool", "1.2-r3")])
        self.assert_code(self.careen.scan(f"file:{path}"), CLEAN)

    def test_apk_that_does_not_say(self):
        path = self.apk()
        run = self.careen.scan(f"file:{path}")
        self.assert_code(run, 3)
        self.assertTrue([c for c in run.json()["coverage"] if (c["question"], c["state"]) == ("packages", "partly")], str(run))
        self.assertEqual(self.packages(path)[1], [])

    def test_containers_that_are_not_opened(self):
        """Whatever stands in them was not looked at; a plain file was."""
        for name, data in (("x.tar", self.layers[0].data), ("x.tar.gz", images.compress(self.layers[0].data, "gz"))):
            with self.subTest(name):
                (self.tmp / name).write_bytes(data)
                run = self.careen.scan(f"file:{self.tmp / name}")
                self.assert_code(run, 3)
                self.assertTrue([c for c in run.json()["coverage"] if (c["question"], c["state"]) == ("content", "partly")], str(run))
        (self.tmp / "x.txt").write_text("plain\n")
        self.assert_code(self.careen.scan(f"file:{self.tmp / 'x.txt'}"), CLEAN)


class StandardInput(FormsCase):
    def pipe(self, path, *args):
        with open(path, "rb") as stream:
            cat = subprocess.Popen(["cat"], stdin=stream, stdout=subprocess.PIPE)
            try:
                return self.careen.scan("-", "--threats", self.threats, *args, stdin=cat.stdout)
            finally:
                cat.stdout.close()
                cat.wait()

    def test_every_archive(self):
        oci = images.pack_directory(self.layout.path, self.tmp / "oci.tar")
        zipped = self.tmp / "legacy.tar.gz"
        zipped.write_bytes(images.compress(self.legacy().read_bytes(), "gz"))
        want = self.read(self.oci)
        modern = images.docker_archive_modern(self.tmp / "modern.tar", [([REF], self.layers, RUN)])
        for path in (self.legacy(), oci, zipped, modern):
            with self.subTest(path.name):
                run = self.pipe(path)
                self.assert_code(run, FLAGGED)
                self.assertEqual(diff_ids(run.json()), diff_ids(want))
                self.assertEqual(findings_key(run.json()), findings_key(want))

    def test_spool_is_bounded_and_leaves_nothing(self):
        big = images.Layer([images.f("blob", os.urandom(3 << 20))])
        path = self.legacy("big.tar", [([REF], [*self.layers, big], RUN)])
        run = self.pipe(path, "--spool-limit", "1M")
        self.assertIn(run.code, (FLAGGED, 3, UNREADABLE), str(run))
        self.assertRegex((run.stdout + run.stderr).lower(), "spool")
        self.assert_code(self.pipe(path), FLAGGED)
        self.assertLess(sum(p.stat().st_size for p in self.careen.cache.rglob("*") if p.is_file()),
                        2 << 20, "no spool file stays behind")

    def test_empty_and_garbage(self):
        for data in (b"", b"not an archive" * 100):
            with self.subTest(size=len(data)):
                self.assert_fails(self.careen.scan("-", stdin=data), UNREADABLE)


class Daemons(FormsCase):
    """docker: and podman: through their API sockets."""

    def daemon(self, kind, archive, refs=(REF,)):
        ident = "sha256:" + sha256_of(images.config_of(self.layers, **RUN))
        server = FakeDaemon(self.tmp / f"{kind}.sock", {r: (ident, archive) for r in refs}, kind)
        self.addCleanup(server.stop)
        return server

    def env(self, docker=None, podman=None):
        dead = "http://127.0.0.1:9"  # whatever falls through to a registry ends here
        env = {"https_proxy": dead, "http_proxy": dead}
        if docker:
            env["DOCKER_HOST"] = docker.url
        if podman:
            env["CONTAINER_HOST"] = podman.url
        return env

    def test_docker(self):
        modern = images.docker_archive_modern(self.tmp / "modern.tar", [([REF], self.layers, RUN)])
        for archive in (self.legacy(), modern):
            with self.subTest(archive.name):
                daemon = self.daemon("docker", archive)
                for image in (f"docker:{REF}", REF):
                    self.assert_same(image, env=self.env(docker=daemon))
                self.assertTrue([c for c in daemon.calls if c.endswith("/get")])
                daemon.stop()

    def test_podman(self):
        daemon = self.daemon("podman", self.legacy(), refs=(f"docker.io/{REF}",))
        for image in (f"podman:{REF}", f"podman:docker.io/{REF}"):
            self.assert_same(image, env=self.env(podman=daemon))

    def test_podman_socket_of_the_session(self):
        (self.careen.runtime / "podman").mkdir()
        daemon = FakeDaemon(self.careen.runtime / "podman" / "podman.sock",
                            {REF: ("sha256:" + "1" * 64, self.legacy())}, "podman")
        self.addCleanup(daemon.stop)
        self.assert_same(f"podman:{REF}", env={"CONTAINER_HOST": None})

    def test_bare_reference_goes_on_to_podman(self):
        docker = self.daemon("docker", self.legacy(), refs=("other/image:1",))
        podman = self.daemon("podman", self.legacy())
        self.assert_same(REF, env=self.env(docker, podman))
        self.assert_same(REF, "--from", "podman", env=self.env(docker, podman))
        first = self.careen.run("scan", REF, env=self.env(docker, podman)).stdout.splitlines()[0]
        self.assertIn("podman", first)

    def test_not_there(self):
        docker = self.daemon("docker", self.legacy())
        run = self.careen.scan("docker:fleet/nobody:1", env=self.env(docker))
        self.assert_fails(run, UNREADABLE, "fleet/nobody")

    def test_no_daemon(self):
        self.assert_fails(self.careen.scan(f"docker:{REF}"), UNREADABLE, "no-docker.sock")
        self.assert_fails(self.careen.scan(f"podman:{REF}"), UNREADABLE, "no-podman.sock")

    def test_nothing_anywhere_names_every_try(self):
        run = self.careen.scan("fleet/nobody:1", "--timeout", "5", env=self.env())
        self.assert_fails(run, UNREADABLE, "docker", "podman", "registry")

    def test_cut_stream(self):
        """A daemon that dies in the middle must not look like a clean image."""
        cut = self.tmp / "cut.tar"
        cut.write_bytes(self.legacy().read_bytes()[:9000])
        run = self.careen.scan(f"docker:{REF}", env=self.env(self.daemon("docker", cut)))
        self.assertIn(run.code, (3, UNREADABLE), str(run))


if __name__ == "__main__":
    main()
