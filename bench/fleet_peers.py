#!/usr/bin/env python3
"""One question about many images: careen's inventory beside Trivy and Grype scanning each image again.

  bench/peers_advisories.py --tools                            # builds the peers with a Go toolchain; once, minutes
  CAREEN=build/release/careen bench/fleet_peers.py [--images 40] [--grype-images 8] [--runs 5] [--data DIR] [--work DIR]

The question: which of all our images have package P in a version before V, which is where a given CVE is fixed? It is asked once of Alpine
and once of Debian: half of the fleet is of either. The images are archives as `docker save` writes them and share their bases: several hundred
packages (names and versions of the feeds) and --files other files. P is old in one base and mended in another; some images upgrade it in a
layer of their own, and some go back. So the right answer is known from how they are made.

careen reads every image once, which is told apart, and then answers from its inventory: `hunt package:P<V` and `hunt CVE-…`. The scanners read
each image and look for both CVEs in their reports: one pass answers both. Each has its database of the same feeds, made by its own importer
(see peers_advisories.py), and asks no network. The time is that of whole processes, all that they read is in the page cache; a hunt is the
median of --runs, a pass is each image once. Grype keeps nothing between runs and is slow, so it scans --grype-images of them, and its seconds
for all are reckoned from those. The last column is against the slowest of careen's hunts. Every package has advisories and few are mended, so
reports are longer than those of well-kept images; the other files are of no kind that a scanner looks into.

Exits with 1 where careen's answer is not the right one; that of a peer is told. Tools that are not there are left out. CAREEN_BENCH_DIR is
where the peers are built (default ~/.cache/careen-bench); some 7 MB an image are written with 800 files.
"""
import argparse
import json
import os
import pathlib
import random
import sys
import tempfile
import typing

sys.dont_write_bytecode = True  # nothing of a run is left in the source tree
import peers_advisories as peers  # noqa: E402; first, as it says where the others are
import measure  # noqa: E402
import peer_feeds  # noqa: E402
import peer_images  # noqa: E402
from advisories_oracle_test import APK, apk_compare, dpkg_less  # noqa: E402
from advisory_images import alpine_files, debian_files, layer  # noqa: E402
from images import docker_archive_legacy  # noqa: E402

FILE_SIZE = 8_000
OWN_FILES = 40
# The version of P in the base, and in the image's own layer where that changes it.
PLANS = (("old", None), ("mended", None), ("old", "mended"), ("mended", "old"), ("mended", None))


class Question(typing.NamedTuple):
    package: str
    cve: str
    old: str
    mended: str

    def hunts(self):
        return [f"package:{self.package}<{self.mended}", self.cve]


class Family:
    """One distribution of the fleet: an image of peers_advisories with one package in the version that is wanted."""

    def __init__(self, image, known, less, database, files):
        self.image, self.known, self.less = image, known, less
        self.database, self.files = database, files  # path of the package database; the files that hold given packages
        self.question = None

    def packages(self, version):
        rows = []
        for (binary, binary_version), (source, source_version) in self.image.owner.items():
            row = (binary, binary_version, source, source_version)
            rows.append((binary, version, source, version) if source == self.question.package else row)
        return self.files(rows)

    def base(self, which, files):
        own = self.packages(getattr(self.question, which))
        return layer({**self.image.entries, **own, **some_files(f"{self.image.name} {which}", "usr/share/base", files)}, "ADD rootfs.tar /")

    def choose(self, others):
        """Of the package with the most advisories: a CVE that no other package has, fixed once, as any importer understands it."""
        names = {name for family in others for pair in family.image.owner.items() for name, _ in pair}
        ids = {ident for family in others for known in family.known.values() for ident in known}
        choices = []
        for name, fixes in self.known.items():
            # Its binary package has its name and version, so that one range speaks of both.
            plain = any(binary == source == (name, binary[1]) for binary, source in self.image.owner.items())
            if plain and name not in names:
                choices += [(len(fixes), Question(name, ident, old, fix)) for ident, fix, old in self.fixed_once(name) if ident not in ids]
        self.question = max(choices)[1]

    def fixed_once(self, name):
        versions = {v for fixes in self.known[name].values() for v in fixes}
        for ident, fixes in self.known[name].items():
            alone = sum(ident in others for others in self.known.values()) == 1
            older = [v for v in versions if ident.startswith("CVE-") and alone and len(fixes) == 1 and self.less(v, fixes[0])]
            if older:
                yield ident, fixes[0], max(older)


def some_files(seed, folder, count):
    """Half random, half text: it compresses to some 60 %."""
    rng = random.Random(seed)
    return {f"{folder}/part-{n % 20}/file-{n}": rng.randbytes(FILE_SIZE // 2) + b"the quick brown fox\n" * (FILE_SIZE // 40) for n in range(count)}


def apk_less(a, b):
    return bool(APK.fullmatch(a) and APK.fullmatch(b)) and apk_compare(a, b) < 0


def debian_less(a, b):
    return not a.startswith("<") and not b.startswith("<") and dpkg_less(a, b)


def families_of(feeds):
    alpine = peer_images.alpine(feeds, "v3.11", "3.11.5", ("v3.10", "v3.9", "edge"))
    debian = peer_images.debian(feeds, "bullseye", "11", ("buster",))
    found = [Family(alpine, feeds.alpine("v3.11"), apk_less, "lib/apk/db/installed", lambda rows: alpine_files("3.11.5", [row[:3] for row in rows])),
             Family(debian, feeds.debian_of("bullseye"), debian_less, "var/lib/dpkg/status", lambda rows: debian_files("bullseye", rows))]
    for family in found:
        family.choose([other for other in found if other is not family])
    return found


def write_fleet(families, count, files, folder):
    """{name: archive}, and what is right: {question: names}."""
    folder.mkdir()
    bases = {(family, which): family.base(which, files) for family in families for which in ("old", "mended")}
    archives, right = {}, {family.question: set() for family in families}
    for n in range(count):
        family, (which, changed) = families[n % len(families)], PLANS[n // len(families) % len(PLANS)]
        name = f"app-{n:03}"
        own = some_files(name, "srv/app", OWN_FILES)
        if changed:
            own[family.database] = family.packages(getattr(family.question, changed))[family.database]
        layers = [bases[family, which], layer(own, f"RUN make {name}")]
        archives[name] = docker_archive_legacy(folder / (name + ".tar"), [([f"fleet/{name}:1"], layers, {})])
        if (changed or which) == "old":
            right[family.question].add(name)
    return archives, right


# --- careen's inventory ---

class Inventory(peers.Careen):
    def prepare(self, feeds):
        return [[self.program, "db", "import", *map(str, feeds.native)]]  # to where hunt looks

    def database(self):
        return self.work / "careen" / "advisories" / "advisories.db"

    def index(self, folder):
        return measure.timed([self.program, "index", str(folder), "--store", str(self.work / "store"), "--no-progress"], env=self.env)

    def hunt(self, what, runs):
        """The times, and the images told."""
        command, times = [self.program, "hunt", what, "--store", str(self.work / "store"), "--format", "json"], []
        for _ in range(runs + 1):  # once before for the page cache
            with self.report.open("wb") as out:
                times.append(measure.timed(command, (0, 1), self.env, out))
        matches = json.loads(self.report.read_text())["matches"]
        names = {pathlib.PurePath(m["image"]["reference"].partition("@")[0]).stem for m in matches}
        return {key: measure.median(times[1:], key) for key in ("wall", "cpu")}, names


# --- scanning again ---

def scanned(tool, kind, archives, questions):
    """The times of a pass over the archives, and {question: names}."""
    times, told = [], {question: set() for question in questions}
    for name, archive in archives.items():
        times.append(measure.timed(tool.commands(archive)[kind], peers.VERDICTS, tool.env))
        ids = {ident for _, _, row in tool.told() for ident in row}
        for question in questions:
            if question.cve in ids:
                told[question].add(name)
    return {key: sum(t[key] for t in times) for key in ("wall", "cpu")}, told


def passes(tool):
    if "again" not in tool.commands("-"):
        return {"nothing is kept": "cold"}
    return {"cache empty at first": "again", "cache warm": "again"}


# --- what is told ---

class Report:
    def __init__(self, count):
        self.count, self.rows, self.wrong = count, [], []

    def add(self, what, times, images):
        self.rows.append((what, times, images))

    def compare(self, what, told, right):
        if told != right:
            self.wrong.append(what)
            print(f"WRONG {what}: {sorted(told - right)} more, {sorted(right - told)} less", flush=True)

    def show(self, slowest):
        print(f"\n| what | images read | s for {self.count} images | of processor | ms an image | times a hunt |\n|---|---|---|---|---|---|")
        for what, times, images in self.rows:
            wall, cpu = (times[key] * (self.count / images if images else 1) for key in ("wall", "cpu"))
            print(f"| {what} | {images or 'none'} | {wall:.3f} | {cpu:.3f} | {1000 * wall / self.count:.1f} | {wall / slowest:.1f} |")


def ask(inventory, folder, right, args, report):
    """The slowest hunt's seconds."""
    report.add("careen index, once", inventory.index(folder), args.images)
    hunts = []
    for question, names in right.items():
        for what in question.hunts():
            times, told = inventory.hunt(what, args.runs)
            report.add(f"careen hunt '{what}'", times, 0)
            report.compare(f"careen hunt {what}", told, names)
            hunts.append(times["wall"])
    return max(hunts)


def scan_again(tool, archives, right, report):
    for how, kind in passes(tool).items():
        times, told = scanned(tool, kind, archives, right)
        report.add(f"{tool.name}, each image again, {how}", times, len(archives))
        for question, names in right.items():
            report.compare(f"{tool.name}, {how}, {question.cve}", told[question], names & set(archives))


def run(args, work):
    (work / "data").mkdir()
    peer_feeds.unpack(args.data, peers.SETS, work / "data")
    feeds = peer_feeds.Feeds(work / "data")
    families = families_of(feeds)
    archives, right = write_fleet(families, args.images, args.files, work / "fleet")
    for family in families:
        names, question = right[family.question], family.question
        print(f"{family.image.name}: {len(family.image.owner)} packages; {question.package} before {question.mended} ({question.cve}), "
              f"old is {question.old}: {len(names)} of {args.images} images")
    inventory, scanners = Inventory("inventory", os.path.abspath(os.environ["CAREEN"]), work), peers.tools(work)
    for tool in (inventory, *scanners):
        peers.database(tool, feeds)
    measure.warm(work / "fleet")
    report = Report(args.images)
    slowest = ask(inventory, work / "fleet", right, args, report)
    for tool in scanners:
        some = args.grype_images if tool.name == "grype" else args.images
        scan_again(tool, dict(list(archives.items())[:some]), right, report)
    report.show(slowest)
    print("all tell the same images, and the right ones" if not report.wrong else f"not right: {', '.join(report.wrong)}")
    return any(what.startswith("careen") for what in report.wrong)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=40)
    parser.add_argument("--grype-images", type=int, default=8)
    parser.add_argument("--files", type=int, default=800, help="of each base, beside its packages")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--data", type=pathlib.Path, default=peers.HERE.parents[1] / "shared" / "data")
    parser.add_argument("--work", type=pathlib.Path, help="kept, and must be empty; otherwise a temporary folder")
    args = parser.parse_args()
    if args.work:
        args.work.mkdir(parents=True, exist_ok=True)
        sys.exit(run(args, args.work.resolve()))
    with tempfile.TemporaryDirectory(prefix="careen-fleet-peers-") as work:
        sys.exit(run(args, pathlib.Path(work)))


if __name__ == "__main__":
    main()
