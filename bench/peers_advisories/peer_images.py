"""The images that are compared on, and what the feeds say of them by a second opinion.

Package names and versions are real ones: each version is one that a feed names for that package. What is made up is which of them are
installed together, and the binary packages of a source.
"""
import os
import pathlib
import random
import re
import subprocess

from advisories_oracle_test import APK, apk_affected, debian_installed, dpkg_less, says_affected
from advisory_images import alpine_files, debian_files
from images import Layer, d, docker_archive_legacy, f

GO_STDLIB = "1.19.3"  # what the programs are made to say that they were built with: a Go of which there are advisories


class Image:
    """owner: {(binary package, version): (source, version)}; expected: {(source, version, id): affected, or None if that cannot be said}."""

    def __init__(self, name, release, entries, owner, expected, records=None):
        self.name, self.release, self.entries, self.owner, self.expected, self.records = name, release, entries, owner, expected, records

    def write(self, folder):
        path = folder / (self.name + ".tar")
        docker_archive_legacy(path, [([f"peers/{self.name}:1"], [self.layer()], {})])
        return path

    def layer(self):
        folders = sorted({str(parent) for name in self.entries for parent in pathlib.PurePath(name).parents} - {"."})
        # Trivy wants programs to be executable.
        files = (f(name, data, 0o755 if isinstance(data, bytes) else 0o644) for name, data in sorted(self.entries.items()))
        return Layer([*(d(folder) for folder in folders), *files])


def alpine(feeds, branch, release, others):
    """A package for each that the branch has advisories of, of a version that it or the other branches name."""
    known = feeds.alpine(branch)
    pools = {}
    for b in (branch, *others):
        for name, ids in feeds.alpine(b).items():
            pools.setdefault(name, set()).update(v for versions in ids.values() for v in versions if APK.fullmatch(v) and re.search(r"-r\d+$", v))
    rng = random.Random(branch)
    installed, owner, expected = [], {}, {}
    for n, (name, ids) in enumerate(sorted(known.items())):
        version = rng.choice(sorted(pools[name])) if pools[name] else "1.0-r0"
        for binary in (name,) if n % 3 else (name, name + "-libs"):
            installed.append((binary, version, name))
            owner[binary, version] = (name, version)
        for ident, versions in ids.items():
            expected[name, version, ident] = apk_affected(versions, version)
    files = alpine_files(release, installed)
    mirror = "https://example.invalid/alpine/" + branch
    files["etc/apk/repositories"] = f"{mirror}/main\n{mirror}/community\n"
    return Image("alpine-" + branch, branch, files, owner, expected)


def debian(feeds, release, number, others):
    known = feeds.debian_of(release)
    rng = random.Random(release)
    pools = {}
    for r in (release, *others):
        for source, ids in feeds.debian_of(r).items():
            pools.setdefault(source, set()).update(v for versions in ids.values() for v in versions if not v.startswith("<"))
    installed, owner, expected = [], {}, {}
    for n, (source, ids) in enumerate(sorted(known.items())):
        version = rng.choice(sorted(pools[source])) if pools.get(source) else "1.0-1"
        row = debian_installed(source, version, n)
        installed.append(row)
        owner[row[0], row[1]] = (source, version)
        for ident, said in ids.items():
            expected[source, version, ident] = says_affected(said, version, dpkg_less)
    files = debian_files(release, installed)
    files["etc/debian_version"] = number + ".9\n"  # what Trivy goes by
    return Image("debian-" + number, release, files, owner, expected)


# --- Go ---

def semver_key(version):
    """Sorts as semantic versions do; a release comes after its pre-releases."""
    m = re.fullmatch(r"v?(\d+)(?:\.(\d+))?(?:\.(\d+))?(?:-([^+]*))?(?:\+.*)?", version)
    parts = [(0, int(p), "") if p.isdigit() else (1, 0, p) for p in m[4].split(".")] if m[4] else []
    return [int(part or 0) for part in m.group(1, 2, 3)], not m[4], parts


def in_range(events, version):
    def begins(event):  # "0" is before everything, pre-releases of 0.0.0 too, which most pseudo-versions are
        bound = next(iter(event.values()))
        return (bound != "0", semver_key(bound))

    affected, here = False, (True, semver_key(version))
    for event in sorted(events, key=begins):
        word = next(iter(event))
        if here > begins(event) if word == "last_affected" else here >= begins(event):
            affected = word == "introduced"
    return affected


def go_ranges(record, module):
    """The ranges that OSV defines, and those that Go's database has beside them, of versions that no proxy knows."""
    affected = [a for a in record["affected"] if a["package"]["name"] == module]
    return ([r["events"] for a in affected for r in a.get("ranges", ()) if r["type"] == "SEMVER"],
            [r["events"] for a in affected for r in a.get("ecosystem_specific", {}).get("custom_ranges", ())])


def go_says(record, module, version):
    """By the ranges that OSV defines alone."""
    return any(in_range(events, version) for events in go_ranges(record, module)[0])


def go_version(module, version):
    """A version as go.mod has it for this module, or None where it cannot be of that version."""
    if not re.fullmatch(r"\d+\.\d+\.\d+(-[\w.-]+)?", version) or module.startswith("gopkg.in/"):
        return None
    major = int(version.split(".")[0])
    own = re.search(r"/v(\d+)$", module)
    if own:
        return "v" + version if major == int(own[1]) else None
    return "v" + version + ("+incompatible" if major > 1 else "")


def buildable(module):
    return "." in module.split("/")[0] and not re.search(r"(^|/)(internal|vendor)(/|$)|[A-Z]", module)


def go_program(work, modules):
    """A program that holds an empty package of each module, in the version that is wanted: vendored, so nothing is fetched."""
    (work / "vendor").mkdir(parents=True)
    listed = "".join(f"# {m} {v}\n## explicit; go 1.17\n{m}\n" for m, v in modules)
    (work / "vendor" / "modules.txt").write_text(listed)
    (work / "go.mod").write_text("module example.invalid/program\n\ngo 1.17\n\nrequire (\n" + "".join(f"\t{m} {v}\n" for m, v in modules) + ")\n")
    for m, _ in modules:
        folder = work / "vendor" / m
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "empty.go").write_text("package empty\n")
    (work / "main.go").write_text("package main\n\nimport (\n" + "".join(f'\t_ "{m}"\n' for m, _ in modules) + ")\n\nfunc main() {}\n")
    env = dict(os.environ, GOFLAGS="-mod=vendor -buildvcs=false", CGO_ENABLED="0", GOPROXY="off", GO111MODULE="on", GOOS="linux", GOARCH="amd64",
               GOCACHE=str(work.parent / "gocache"))
    # The packages are empty: so of a module Grype, which looks for symbols, goes by the version as the others do.
    subprocess.run(["go", "build", "-trimpath", "-ldflags=-s -w", "-o", work / "program"], cwd=work, env=env, check=True)
    compiler = subprocess.run(["go", "env", "GOVERSION"], env=env, capture_output=True, text=True, check=True).stdout.strip().encode()
    text = (work / "program").read_bytes()
    wanted = ("go" + GO_STDLIB).encode()
    if len(compiler) == len(wanted):
        return text.replace(compiler, wanted), "v" + GO_STDLIB
    return text, "v" + compiler.decode().removeprefix("go")


def go(feeds, work, programs=3):
    """Programs, each with one version of every module of which there are advisories."""
    records = [r for r in feeds.go_records() if not r.get("withdrawn")]
    versions, of = {}, {}
    for record in records:
        for a in record["affected"]:
            module = a["package"]["name"]
            of.setdefault(module, {})[record["id"]] = record
            named = {next(iter(e.values())) for r in a.get("ranges", ()) for e in r["events"]}
            versions.setdefault(module, set()).update(v for v in (go_version(module, n) for n in named | {"0.1.0", "1.0.0"}) if v)
    rng = random.Random("go")
    files, owner, expected = {}, {}, {}
    for n in range(programs):
        modules = [(m, rng.choice(sorted(v))) for m, v in sorted(versions.items()) if v and buildable(m)]
        files[f"usr/local/bin/program{n}"], stdlib = go_program(work / f"program{n}", modules)
        for module, version in [*modules, ("stdlib", stdlib)]:
            owner[module, version.removeprefix("v")] = (module, version.removeprefix("v"))
            for ident, record in of.get(module, {}).items():
                expected[module, version.removeprefix("v"), ident] = go_says(record, module, version)
    return Image("go", None, {"etc/os-release": "ID=none\n", **files}, owner, expected, {r["id"]: r for r in records})
