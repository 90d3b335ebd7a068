#!/usr/bin/python3
"""A fleet of more than sixty images built from Debian's packages by a plan: lineage and exposure equal the plan, hunts equal
a walk of the layers and what umoci unpacks, with readelf and dpkg-deb as the ones that know."""

import functools
import io
import os
import pathlib
import re
import subprocess
import tarfile
import unittest

import debian
import images
from fleet_plan import LIBDIR, THREAT, Image, Plan, bad_library
from images import Layer, d, f, whiteout
from registry import Registry
from support import Careen, Case, careen_path, find_tool, main, need, scratch, sha256_of, tool

BASE = ("dash", "zlib1g", "libbz2-1.0", "sed", "grep")
LIBRARY = ("liblzma5", "xz-utils")
TEAMS = {"search": ("less", "tree"), "data": ("jq", "libjq1", "libonig5"), "build": ("patch", "diffutils"), "pack": ("gzip", "bzip2")}
OS_RELEASE = 'ID=debian\nVERSION_ID="12"\nVERSION_CODENAME=bookworm\nPRETTY_NAME="Debian GNU/Linux 12"\n'
INFECTED = f"{LIBDIR}/liblzma.so.5.4.1"


def setUpModule():
    careen_path()
    need("skopeo", "docker-registry", "umoci", "dpkg-deb", "apt-get", "readelf")


def deb(name):
    """The package's file, from this machine's own sources, kept in the cache."""
    folder = debian.cache_dir() / "debs"
    folder.mkdir(exist_ok=True)
    found = sorted(folder.glob(f"{name}_*.deb"))
    if not found:
        done = subprocess.run(["apt-get", "download", name], cwd=folder, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        found = sorted(folder.glob(f"{name}_*.deb"))
        if not found:
            raise unittest.SkipTest(f"the package {name} cannot be had: {done.stdout.decode(errors='replace')[-200:]}")
    return found[-1]


@functools.lru_cache(maxsize=None)
def unpacked(name):
    """(entries, control stanza) of a package."""
    entries = []
    with tarfile.open(fileobj=io.BytesIO(tool("dpkg-deb", "--fsys-tarfile", str(deb(name))))) as tar:
        for info in tar:
            info.name = info.name.removeprefix("./").removeprefix(".")
            if info.islnk():
                info.linkname = info.linkname.removeprefix("./")
            if info.name:
                entries.append((info, tar.extractfile(info).read() if info.isreg() else b""))
    return entries, tool("dpkg-deb", "--field", str(deb(name))).decode().strip() + "\nStatus: install ok installed\n"


def version(name):
    return re.search(r"(?m)^Version: (.*)$", unpacked(name)[1])[1]


def install(*names, known=(), step="", extra=(), edit=None):
    """A layer that installs packages beside those that are known."""
    entries, seen = [], set()
    for name in names:
        for info, data in unpacked(name)[0]:
            if info.name in seen:
                continue
            seen.add(info.name)
            entries.append((info, edit(info.name, data) if edit and info.isreg() else data))
    for info, data in entries:
        if info.isreg():
            info.size = len(data)
    status = "\n".join(unpacked(n)[1] for n in (*known, *names))
    return Layer([*entries, d("var"), d("var/lib"), d("var/lib/dpkg"), f("var/lib/dpkg/status", status), *extra],
                 step or "RUN apt-get install " + " ".join(names))


class DebianPlan(Plan):
    """Three generations of a base, the middle one with the stand-in for its library; four teams build on each, several levels
    deep; squashed and copied children, and indexes of two platforms."""

    def __init__(self, directory):
        self.dir = pathlib.Path(directory)
        self.evil, self.rules = bad_library(self.dir / "standin")
        self.evil_sha256 = sha256_of(self.evil)
        self.is_elf = bool(self.rules)
        self.layout = images.OciLayout(self.dir / "layout")
        self.images = []
        self.packages = {}  # digest -> {name: version} that the last database names
        for generation in (1, 2, 3):
            self.generation(generation)

    def put(self, name, layers, packages, **run):
        self.add(name, layers, **run)
        self.packages[self.images[-1].digest] = {p: version(p) for p in packages}

    def generation(self, g):
        first = install(*BASE, step=f"ADD generation-{g} in /",
                        extra=[d("etc"), f("etc/os-release", OS_RELEASE), f("etc/generation", f"{g}\n")])
        second = install(*LIBRARY, known=BASE, step=f"RUN apt-get install xz-utils # {g}",
                         extra=[f("etc/library", f"{g}\n"), *([d("usr"), d("usr/lib"), d(LIBDIR), f(INFECTED, self.evil)] if g == 2 else [])])
        base, known = [first, second], (*BASE, *LIBRARY)
        self.put(f"base/os:gen{g}", base, known)
        for n, (team, packages) in enumerate(TEAMS.items()):
            runtime = base + [install(*packages, known=known, step=f"RUN apt-get install {' '.join(packages)} # {g}", extra=[f("etc/runtime", f"{g}\n")])]
            have = (*known, *packages)
            self.put(f"{team}/runtime:{g}", runtime, have, Env=[f"TEAM={team}"])
            app = runtime + [Layer([d("srv"), f(f"srv/{team}", f"{team} {g}\n", 0o755)], f"COPY app /srv/{team}")]
            self.put(f"{team}/app:{g}", app, have, Entrypoint=[f"/srv/{team}"], Labels={"org.example.team": team})
            job = app + [Layer([f("srv/job", f"{g} {n}\n"), whiteout("etc/runtime")], "RUN job")]
            self.put(f"{team}/job:{g}", job, have)
            self.put(f"{team}/job-debug:{g}", job + [Layer([d("opt"), f("opt/debug", f"{team}{g}\n")], "RUN debug")], have)
        everything = install(*known, step="squash", extra=[f("etc/os-release", OS_RELEASE), f("etc/squashed", f"{g}\n"),
                                                           *([f(INFECTED, self.evil)] if g == 2 else [])])
        self.put(f"odd/squashed:{g}", [everything], known)
        self.put(f"odd/removed:{g}", base + [Layer([whiteout(INFECTED)], "RUN rm liblzma")], known)
        copied = install(*BASE, step=f"FROM scratch # {g}", extra=[f("etc/os-release", OS_RELEASE)])
        content = self.evil if g == 2 else f"not {g}\n".encode()
        self.put(f"odd/copied:{g}", [copied, Layer([d("opt"), d("opt/lib"), f("opt/lib/z.so", content)], "COPY --from=builder /lib /opt/lib")], BASE)
        other = Layer([d("etc"), f("etc/os-release", OS_RELEASE), f("etc/arm", f"{g}\n")], "ADD arm64 in /")
        before = len(self.images)
        self.index(f"odd/multi:{g}", [
            Image(f"odd/multi:{g}", base + [Layer([f("etc/multi", f"amd64 {g}\n")], "RUN multi")]),
            Image(f"odd/multi:{g}", [other, Layer([f("etc/multi", f"arm64 {g}\n")], "RUN multi")], "arm64")])
        for image, packages in zip(self.images[before:], (known, ())):
            self.packages[image.digest] = {p: version(p) for p in packages}


@functools.lru_cache(maxsize=None)
def fleet():
    """(plan, store, host): the store has the whole plan, and the registry is gone."""
    hold = scratch()
    plan = DebianPlan(hold.__enter__())
    unittest.addModuleCleanup(hold.__exit__, None, None, None)
    careen, store = Careen(plan.dir / "home"), plan.dir / "store.sqlite"
    with Registry(plan.dir / "registry") as registry:
        plan.push(registry)
        run = careen.run("index", registry.host + "/", "--store", store)
        assert run.code in (0, 1), str(run)
        return plan, store, registry.host


class Oracle(Case):
    def setUp(self):
        super().setUp()
        self.plan, self.store, self.host = fleet()

    def ask(self, *words, code=None):
        run = self.careen.run(*words, "--store", self.store, "--format", "json", timeout=300)
        self.assert_code(run, code)
        return run.json()

    def found(self, question):
        answer = self.ask("hunt", question)
        self.assertEqual(answer["coverage"], [])
        return sorted((m["image"]["digest"], m["where"]["layer_index"], m["where"]["path"], m["where"]["visible"]) for m in answer["matches"])


class Lineage(Oracle):
    def test_the_fleet_is_large_enough(self):
        self.assertGreaterEqual(len(self.plan.images), 60)

    def test_every_image(self):
        for image in self.plan.images:
            with self.subTest(image.name + " " + image.arch):
                (one,) = self.ask("lineage", image.digest, code=0)["images"]
                self.assertEqual([b["digest"] for b in one["bases"]], self.plan.bases(image))
                self.assertEqual({x["digest"]: x["base"] for x in one["derived"]}, self.plan.derived(image))

    def test_copied_content(self):
        for name in ("odd/squashed:2", "odd/copied:2", "odd/copied:1", "search/job:3"):
            with self.subTest(name):
                image = self.plan.image(name)
                (one,) = self.ask("lineage", image.digest, code=0)["images"]
                got = {(c["layer_index"], c["from"], c["shared"], c["here"], c["there"]) for c in one["copied"]}
                want = {row[:5] for row in self.plan.copied(image)}
                # A list of an answer is bounded: twenty other layers for each of the image's.
                self.assertTrue(got <= want)
                for layer in {row[0] for row in want}:
                    self.assertEqual(len([r for r in got if r[0] == layer]), min(20, len([r for r in want if r[0] == layer])))


class Exposure(Oracle):
    def test_equals_the_plan(self):
        affected = self.plan.affected(self.plan.evil_sha256)
        self.assertGreater(len(affected), 15)
        document = self.ask("exposure", THREAT, "--threats", self.plan.threats(self.tmp), code=1)
        self.assertEqual(sorted(x["image"]["digest"] for x in document["images"]), sorted(i.digest for i in affected))
        self.assertEqual({r["digest"]: r["also_fixes"] for r in document["rebuild_first"]}, self.plan.rebuild(affected))
        self.assertEqual(document["coverage"], [])

    def test_rebuilding_what_is_named_cleans_the_rest(self):
        """Every affected image is named, or stands on one that is."""
        document = self.ask("exposure", THREAT, "--threats", self.plan.threats(self.tmp), code=1)
        named = {r["digest"] for r in document["rebuild_first"]}
        by_digest = {i.digest: i for i in self.plan.images}
        for row in document["images"]:
            image = by_digest[row["image"]["digest"]]
            self.assertTrue(image.digest in named or named & set(self.plan.bases(image)), image.name)


class Hunts(Oracle):
    def test_digests(self):
        contents = {}
        for name in (*BASE, *LIBRARY, *sum(TEAMS.values(), ())):
            for info, data in unpacked(name)[0]:
                if info.isreg() and data:
                    contents.setdefault(sha256_of(data), info.name)
        for digest in [*sorted(contents)[::12], self.plan.evil_sha256]:
            with self.subTest(contents.get(digest, "the stand-in")):
                self.assertEqual(self.found("sha256:" + digest), self.plan.hits(lambda s, wanted=digest: s.sha256 == wanted))

    def test_elf(self):
        """SONAME, NEEDED and build IDs as readelf has them."""
        known = {}
        for layer in {layer.diff_id: layer for i in self.plan.images for layer in i.layers}.values():
            with tarfile.open(fileobj=io.BytesIO(layer.data)) as tar:
                for info in tar:
                    data = tar.extractfile(info).read() if info.isreg() else b""
                    if data[:4] == b"\x7fELF":
                        known.setdefault(sha256_of(data), data)
        facts = {}
        for digest, data in known.items():
            file = self.tmp / "elf"
            file.write_bytes(data)
            text = subprocess.run([find_tool("readelf"), "-dnW", str(file)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout.decode(errors="replace")
            facts[digest] = {f"needed:{n}" for n in re.findall(r"\(NEEDED\).*\[(.*)\]", text)} | \
                {f"soname:{n}" for n in re.findall(r"\(SONAME\).*\[(.*)\]", text)} | {f"build-id:{n}" for n in re.findall(r"Build ID: (\w+)", text)}
        questions = sorted(set().union(*facts.values()))
        self.assertGreater(len(questions), 20)
        for question in questions:
            with self.subTest(question):
                self.assertEqual(self.found(question), self.plan.hits(lambda s, q=question: q in facts.get(s.sha256, ())))

    def test_packages(self):
        names = sorted({p for known in self.plan.packages.values() for p in known})
        for name in names:
            for question, fits in ((f"package:{name}", True), (f"package:{name}>={version(name)}", True), (f"package:{name}<{version(name)}", False)):
                with self.subTest(question):
                    answer = self.ask("hunt", question)
                    got = {m["image"]["digest"] for m in answer["matches"] if m["where"]["visible"] and m["where"]["package"]["name"] == name}
                    self.assertEqual(got, {i for i, known in self.plan.packages.items() if name in known} if fits else set())

    def test_what_a_container_sees(self):
        """The visible files of an image are those that umoci unpacks."""
        if os.geteuid() != 0:
            self.skipTest("umoci unpacks devices and owners as root alone")
        for image in self.plan.images[::5]:
            with self.subTest(image.name + " " + image.arch):
                bundle = self.tmp / image.digest[7:19]
                tag = self.plan.layout.tag("unpack-" + image.digest[7:19], self.plan.describe(image))
                tool("umoci", "unpack", "--image", f"{self.plan.layout.path}:unpack-{image.digest[7:19]}", str(bundle))
                self.assertEqual(tag["digest"], image.digest)
                root = bundle / "rootfs"
                want = sorted("/" + str(p.relative_to(root)) for p in root.rglob("*") if p.is_symlink() or not p.is_dir())
                got = sorted(m["where"]["path"] for m in self.ask("hunt", "path:**")["matches"]
                             if m["image"]["digest"] == image.digest and m["where"]["visible"])
                self.assertEqual(got, want)


if __name__ == "__main__":
    main()
