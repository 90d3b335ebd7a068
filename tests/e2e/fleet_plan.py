#!/usr/bin/python3
"""A small fleet by a build plan, and what must be true of it: a walk of every layer with
nothing of careen in it, who is built on whom, and an inventory's rows without its numbers.

Two generations of a base, the second with a bad library; children up to three levels deep,
one that deletes the library, one that replaces it, one squashed, one with a copy of it,
and an index of two platforms.
"""

import collections
import contextlib
import functools
import hashlib
import io
import pathlib
import re
import shutil
import sqlite3
import sys
import tarfile
import unittest

import images
import samples
from images import Layer, d, f, hard, opaque, sym, whiteout
from registry import Registry
from support import TESTS, find_tool, scratch, sha256_of, threat_record

LIBDIR = "usr/lib/x86_64-linux-gnu"
LIBRARY = f"{LIBDIR}/liblzma.so.5.6.1"
GOOD = b"a library without any surprise\n"
THREAT = "TEST-FLEET"
STANDIN = "full-call-memory"
RULES = {"A": "ifunc-slot-call", "B": "ifunc-reach", "C": "ifunc-store", "D": "tls-import"}

Site = collections.namedtuple("Site", "layer path kind sha256 visible")


def status(version):
    return samples.STATUS.replace("1.0-1+b1", version + "-1+b1").replace("(1.0-1)", f"({version}-1)")


def system(version, library, step, extra=()):
    """The lowest layer: a Debian with the package `tool` of some version."""
    return Layer([
        d("etc"), d("usr"), d("usr/bin"), d("usr/lib"), d(LIBDIR), d("opt"), d("var"), d("var/lib"),
        d("var/lib/dpkg"), sym("bin", "usr/bin"), sym("etc/os-release", "../usr/lib/os-release"),
        f("usr/lib/os-release", samples.OS_RELEASE), f("usr/bin/tool", f"tool {version}\n", 0o755),
        hard("usr/bin/tool-again", "usr/bin/tool"), f("etc/empty", b""),
        f("var/lib/dpkg/status", status(version)), *library, *extra,
    ], created_by=step)


def bad_library(directory):
    """The stand-in of the XZ backdoor, or a marker where no compiler is; and its rules."""
    if find_tool("gcc") and find_tool("ld"):
        sys.path.insert(0, str(TESTS / "standin"))
        import libs
        built = libs.build(str(directory), [STANDIN])
        if STANDIN in built:
            rules = [RULES[letter] for letter in libs.VARIANTS[STANDIN].rules]
            return pathlib.Path(built[STANDIN]).read_bytes(), rules
    return samples.MARKER, []


class Image:
    """One image of the plan under `repo:tag`."""

    def __init__(self, name, layers, arch="amd64", **run):
        self.name, self.layers, self.arch, self.run = name, layers, arch, run
        self.repo, _, self.tag = name.partition(":")
        self.digest = self.index = None

    @property
    def platform(self):
        return f"linux/{self.arch}"

    @property
    def diff_ids(self):
        return [layer.diff_id for layer in self.layers]

    def on(self, other):
        """Whether it is built on the other."""
        mine, base = self.diff_ids, other.diff_ids
        return len(base) < len(mine) and mine[:len(base)] == base

    def sites(self):
        return walk(self.layers)


def members(layer):
    with tarfile.open(fileobj=io.BytesIO(layer.data)) as tar:
        content = {}
        for info in tar:
            path = info.name.rstrip("/")
            if info.isfile():
                content[path] = sha256_of(tar.extractfile(info).read())
                yield path, "file", content[path]
            elif info.islnk():
                content[path] = content[info.linkname]
                yield path, "file", content[path]
            else:
                yield path, "directory" if info.isdir() else "other", None


def walk(layers):
    """Every name of every layer that is no directory, and whether a container sees it."""
    rows, seen = [], {}  # seen: path -> index into rows, or None for a directory

    def cover(gone):
        for path in [p for p in seen if gone(p)]:
            row = seen.pop(path)
            if row is not None:
                rows[row] = rows[row]._replace(visible=False)

    for index, layer in enumerate(layers):
        entries = list(members(layer))
        for path, _, _ in entries:
            head, _, name = path.rpartition("/")
            if name == ".wh..wh..opq":
                cover(lambda p, below=head + "/": p.startswith(below))
            elif name.startswith(".wh."):
                target = f"{head}/{name[4:]}" if head else name[4:]
                cover(lambda p, t=target: p == t or p.startswith(t + "/"))
        for path, kind, digest in entries:
            if path.rpartition("/")[2].startswith(".wh."):
                continue
            if kind == "directory":
                if seen.get(path) is not None:
                    cover(lambda p, t=path: p == t)
                seen[path] = None
                continue
            cover(lambda p, t=path: p == t or p.startswith(t + "/"))
            seen[path] = len(rows)
            rows.append(Site(index, "/" + path, kind, digest, True))
    return rows


class Plan:
    def __init__(self, directory):
        self.dir = pathlib.Path(directory)
        self.evil, self.rules = bad_library(self.dir / "standin")
        self.evil_sha256 = sha256_of(self.evil)
        self.is_elf = bool(self.rules)
        self.layout = images.OciLayout(self.dir / "layout")
        self.images = []
        link = sym(f"{LIBDIR}/liblzma.so.5", "liblzma.so.5.6.1")
        first = system("1.0", [f(LIBRARY, GOOD), link], "ADD generation-1 in /")
        second = system("2.0", [f(LIBRARY, GOOD), link], "ADD generation-2 in /")
        upgrade = Layer([f(LIBRARY, self.evil, 0o755)], "RUN apt-get install xz-utils")
        app1 = Layer([f("usr/bin/app", "app one\n", 0o755)], "COPY app-1 /usr/bin/app")
        app2 = Layer([f("usr/bin/app", "app two\n", 0o755)], "COPY app-2 /usr/bin/app")
        web = Layer([d("srv"), f("srv/index.html", "<p>hello</p>\n"), sym("srv/again", "index.html")], "COPY web /srv")
        gen1, gen2 = [first], [second, upgrade]

        self.add("base/os:gen1", gen1)
        self.add("base/os:gen2", gen2)
        self.add("team/app:1", gen1 + [app1], Env=["APP=one", "PATH=/usr/bin"], Entrypoint=["/usr/bin/app", "--serve"])
        self.add("team/app:2", gen2 + [app2], Env=["APP=two"], Labels={"org.example.team": "sailors"})
        self.add("team/web:1", gen1 + [app1, web])
        self.add("team/web:2", gen2 + [app2, web])
        self.add("team/job:3", gen2 + [app2, web, Layer([f("opt/job", "job\n"), whiteout("srv/again")], "RUN job")])
        self.add("team/deleted:1", gen2 + [Layer([whiteout(LIBRARY)], "RUN rm liblzma")])
        self.add("team/deleted:2", gen2 + [Layer([whiteout(LIBRARY)], "RUN rm liblzma"),
                                           Layer([f("opt/more", "more\n")], "RUN more")])
        self.add("team/opaque:1", gen2 + [Layer([d(LIBDIR), opaque(LIBDIR), f(f"{LIBDIR}/own.so", "own\n")], "RUN clear")])
        self.add("team/fixed:1", gen2 + [Layer([f(LIBRARY, GOOD)], "RUN apt-get upgrade")])
        squashed = system("2.0", [f(LIBRARY, self.evil, 0o755), link], "squash",
                          [f("usr/bin/app", "app two\n", 0o755)])
        self.add("team/squashed:1", [squashed])
        self.add("team/squashed:2", [squashed, web])
        self.add("team/copied:1", gen1 + [Layer([d("opt/vendor"), f("opt/vendor/v.so", self.evil, 0o755)],
                                                "COPY --from=builder /lib /opt/vendor")])
        self.add("team/upgraded:1", gen1 + [Layer([f("var/lib/dpkg/status", status("2.0")),
                                                   f("usr/bin/tool", "tool 2.0\n", 0o755)], "RUN apt-get install tool")])
        other = system("1.0", [f(LIBRARY, b"for another processor\n")], "ADD generation-1 for arm64 in /")
        self.index("team/multi:1", [
            Image("team/multi:1", gen2 + [Layer([f("opt/multi", "amd64\n")], "RUN multi")]),
            Image("team/multi:1", [other, Layer([f("opt/multi", "arm64\n")], "RUN multi")], "arm64")])

    def add(self, name, layers, **run):
        image = Image(name, layers, **run)
        image.digest = self.describe(image)["digest"]
        self.layout.tag(name.replace("/", "_").replace(":", "-"), self.layout.manifest(layers, arch=image.arch, **run))
        self.images.append(image)

    def describe(self, image):
        return self.layout.manifest(image.layers, arch=image.arch, **image.run)

    def index(self, name, parts):
        rows = [images.on_platform(self.describe(p), p.arch) for p in parts]
        rows.append(self.layout.attestation(rows[0]))
        top = self.layout.tag(name.replace("/", "_").replace(":", "-"), self.layout.index(rows))
        for part, row in zip(parts, rows):
            part.digest, part.index = row["digest"], top["digest"]
            self.images.append(part)

    # --- what is true ---

    @property
    def names(self):
        return sorted({i.name for i in self.images})

    @property
    def diff_ids(self):
        return {x for i in self.images for x in i.diff_ids}

    def image(self, name, arch="amd64"):
        (found,) = [i for i in self.images if i.name == name and i.arch == arch]
        return found

    def hits(self, fits):
        """(image digest, layer index, path, visible) of every site that fits."""
        return sorted((i.digest, s.layer, s.path, s.visible) for i in self.images for s in i.sites() if fits(s))

    def affected(self, sha256):
        return [i for i in self.images if any(s.sha256 == sha256 for s in i.sites())]

    @staticmethod
    def rebuild(affected):
        """{digest: how many others it carries} of those that are built on no other of them."""
        carries = {}
        for image in affected:
            below = sorted((o for o in affected if image.on(o)), key=lambda o: len(o.layers))
            if below:
                carries[below[0].digest] = carries.get(below[0].digest, 0) + 1
            else:
                carries.setdefault(image.digest, 0)
        return carries

    def bases(self, image):
        """Nearest first."""
        found = [o for o in self.images if image.on(o)]
        return [o.digest for o in sorted(found, key=lambda o: -len(o.layers))]

    def derived(self, image):
        """{digest: digest of its nearest base among these and the image}."""
        return {o.digest: self.bases(o)[0] for o in self.images if o.on(image)}

    def copied(self, image):
        """(layer, diff ID of another, shared, here, there, images that have the other) of what stands in both."""
        layers = {layer.diff_id: layer for i in self.images for layer in i.layers}
        contents = {x: {c for _, kind, c in members(layer) if kind == "file" and c != sha256_of(b"")} for x, layer in layers.items()}
        bases, rows = self.bases(image), []
        own_from = max(len(i.layers) for i in self.images if i.digest == bases[0]) if bases else 0
        for n, mine in list(enumerate(image.diff_ids))[own_from:]:
            for other in layers.keys() - set(image.diff_ids):
                shared = len(contents[mine] & contents[other])
                if shared and shared * 2 >= min(len(contents[mine]), len(contents[other])):
                    having = sorted({i.digest for i in self.images if other in i.diff_ids})
                    rows.append((n, other, shared, len(contents[mine]), len(contents[other]), having))
        return sorted(rows)

    # --- a registry with it ---

    def push(self, registry, names=None, into=None):
        for name in names or self.names:
            tag = name.replace("/", "_").replace(":", "-")
            registry.push(f"oci:{self.layout.path}:{tag}", into or name, "--all", "--preserve-digests")

    def filled(self, directory):
        """A registry with a copy of what was pushed once; to be stopped by the caller."""
        filled = self.dir / "filled"
        if not filled.exists():
            with Registry(filled) as once:
                self.push(once)
        shutil.copytree(filled / "data", pathlib.Path(directory) / "data")
        return Registry(directory)

    def threats(self, directory, threat=THREAT, digest=None, **indicators):
        path = pathlib.Path(directory) / f"{threat}.yaml"
        known = indicators or {"files": [{"digest": "sha256:" + (digest or self.evil_sha256)}]}
        path.write_text(threat_record(threat, kind="backdoor", aliases=["ALIAS-" + threat], indicators=known))
        return path


@functools.lru_cache(maxsize=None)
def the_plan():
    """One plan for all tests of a module."""
    hold = scratch()
    plan = Plan(hold.__enter__())
    unittest.addModuleCleanup(hold.__exit__, None, None, None)
    return plan


def drop_tag(registry, name):
    """What deleting a tag leaves in a registry's storage."""
    repo, _, tag = name.partition(":")
    shutil.rmtree(registry.dir / "data/docker/registry/v2/repositories" / repo / "_manifests/tags" / tag)


def drop_repository(registry, repo):
    shutil.rmtree(registry.dir / "data/docker/registry/v2/repositories" / repo)


def matches(document):
    """The rows of a hunt as `Plan.hits` has them."""
    return sorted((m["image"]["digest"], m["where"]["layer_index"], m["where"]["path"], m["where"]["visible"])
                  for m in document["matches"])


def glob_matches(glob, path):
    """** any, * all but a slash, ? one; the path without its first slash."""
    expression = "".join({"**": ".*", "*": "[^/]*", "?": "[^/]"}.get(part, re.escape(part))
                         for part in re.split(r"(\*\*|\*|\?)", glob.lstrip("/")))
    return re.fullmatch(expression, path.lstrip("/")) is not None


ROWS = {
    "layers": "SELECT diff_id, entries, size, collectors FROM inv_layer",
    "blobs": "SELECT digest, diff_id FROM inv_blob JOIN inv_layer l ON layer=l.id",
    "images": "SELECT digest, config, platform, verdict, knowledge, gaps, created, chain, body FROM inv_image",
    "image layers": "SELECT i.digest, diff_id, ord FROM inv_image_layer JOIN inv_layer l ON layer=l.id "
                    "JOIN inv_image i ON image=i.id",
    "members": "SELECT parent, child FROM inv_member",
    "tags": "SELECT repository, tag, digest, vanished IS NULL FROM inv_tag",
    "terms": "SELECT kind, text FROM inv_term",
    "term images": "SELECT kind, text, i.digest FROM inv_term_image JOIN inv_term t ON term=t.id "
                   "JOIN inv_image i ON image=i.id",
    "packages": "SELECT type, name, version, architecture, source, source_version FROM inv_package",
    "failures": "SELECT reference, why FROM inv_failure",
}
JOINED = ("inv_blob", "inv_image_layer", "inv_term_image")
NAMES, PATHS, CONTENTS, PIECES = 2, 3, 4, 5  # families of the reverse index
KEY_BITS = 56
PART_BITS = 4  # of a piece's number, which its key begins with
PACKAGE_KEY = 101


def varints(block):
    """The numbers of a block, lowest seven bits first; and what they leave is for the caller to know."""
    value = shift = 0
    for byte in block:
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            yield value
            value = shift = 0


def postings(block):
    """(key, value) of one block: a count, then for each key its distance, how many values follow the first, and the values' distances."""
    numbers = varints(block)
    left, key = next(numbers), 0
    while left:
        key += next(numbers)
        value = 0
        for _ in range(next(numbers) + 1):
            value += next(numbers)
            yield key, value
            left -= 1


def strings(block):
    """The texts of one block, each as what it shares with the one before, and the rest."""
    at = 0

    def number():
        nonlocal at
        value = shift = 0
        while True:
            byte = block[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    before = b""
    for _ in range(number()):
        same, rest = number(), number()
        before = before[:same] + block[at:at + rest]
        at += rest
        yield before


def name_key(kind, text):
    return int.from_bytes(hashlib.sha256(bytes([kind]) + text).digest()[:8], "big") % (1 << KEY_BITS)


def reverse_index(db):
    """What the sorted runs say, whatever the state of their merging."""
    layers = dict(db.execute("SELECT id, diff_id FROM inv_layer"))
    former = dict(db.execute("SELECT id, layer FROM inv_former"))
    packages = {name_key(PACKAGE_KEY, str(row[0]).encode()): row[1:]
                for row in db.execute("SELECT id, type, name, version, architecture, source, source_version FROM inv_package")}
    names, of_packages, paths, contents, pieces = set(), set(), set(), set(), {}
    for family, body in db.execute("SELECT family, body FROM inv_block JOIN inv_run r ON run=r.id"):
        if family == PATHS:
            paths.update(strings(body))
            continue
        for key, value in postings(body):
            if family == CONTENTS:
                contents.add((key, value))
            elif family == PIECES:
                number = (key & ((1 << (KEY_BITS - PART_BITS)) - 1)) << PART_BITS | key >> (KEY_BITS - PART_BITS)
                if value not in former:
                    pieces.setdefault(number, set()).add(layers[value])
            elif key in packages:
                of_packages.add((packages[key], layers[former.get(value, value)]))
            elif value not in former:
                names.add((key, layers[value]))
    files = {(key, layer) for key, piece in contents for layer in pieces.get(piece, ())}
    return {"files": sorted(files), "names": sorted(names), "packages of layers": sorted(of_packages), "paths": sorted(paths)}


def rows(store):
    """An inventory by what it says, without its own numbers and times."""
    with contextlib.closing(sqlite3.connect(f"file:{store}?mode=ro", uri=True)) as db:
        db.text_factory = bytes  # what careen encodes is no text
        found = {name: sorted(db.execute(text).fetchall(), key=repr) for name, text in ROWS.items()}
        found.update(reverse_index(db))
        # What a join leaves out counts too.
        found["counts"] = {t: db.execute(f"SELECT count(*) FROM {t}").fetchone()[0] for t in JOINED}
    return found
