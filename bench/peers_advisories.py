#!/usr/bin/env python3
"""Matching beside Trivy and Grype: the same images, the same advisories, no network.

  bench/peers_advisories.py --tools                                # builds the peers with a Go toolchain; once, minutes
  CAREEN=build/release/careen bench/peers_advisories.py [--data DIR] [--runs 5] [--work DIR] [--json FILE]

The peers' own databases cannot be had offline. Theirs are made here of the feeds that careen imports, by their own importers: Trivy's
`trivy-db build`, and Grype's writer (peers_advisories/grype_db.go). So what differs is the peers' reading of the feeds and their matching, not
the data. --data is where the shared sets lie, as folders or archives (default: ../shared/data beside the repository).

For each image it prints the time of a whole process and its peak memory, then what each tool tells of (source package, version, id), held
against a second opinion: a few lines that read the feeds themselves (peers_advisories/peer_images.py). Each difference is told with its reason.
Tools that are not there are left out. CAREEN_BENCH_DIR is where the peers are built (default ~/.cache/careen-bench).
"""
import argparse
import collections
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True  # nothing of a run is left in the source tree
HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE / "peers_advisories"), str(HERE.parent / "tests" / "e2e"), str(HERE)]
import advisories  # noqa: E402
import measure  # noqa: E402
import peer_feeds  # noqa: E402
import peer_images  # noqa: E402

PEERS = pathlib.Path(os.environ.get("CAREEN_BENCH_DIR") or pathlib.Path.home() / ".cache" / "careen-bench") / "peers"
SETS = ("alpine-secdb-2020", "alpine-secdb-edge", "debian-tracker-2023", "osv-go")
# Of versions that belong together: trivy-db is the one that this Trivy reads.
MODULES = {"trivy": "github.com/aquasecurity/trivy/cmd/trivy@v0.74.0",
           "trivy-db": "github.com/aquasecurity/trivy-db/cmd/trivy-db@v0.0.0-20260813095258-0e0340a01b57",
           "grype": "github.com/anchore/grype/cmd/grype@v0.121.2"}
VERDICTS = (0, 1, 3)  # a scan that ran to its end, whatever it found


# --- the tools ---

def build_tools():
    # GOEXPERIMENT: trivy imports encoding/json/v2, which this makes part of the standard library.
    env = dict(os.environ, GOBIN=str(PEERS / "bin"), GOPATH=str(PEERS / "go"), GOCACHE=str(PEERS / "go" / "cache"), GOEXPERIMENT="jsonv2",
               GOFLAGS="-modcacherw -buildvcs=false -p=1", CGO_ENABLED="0")
    (PEERS / "bin").mkdir(parents=True, exist_ok=True)
    for tool, module in MODULES.items():
        done = (PEERS / "bin" / tool).exists() or subprocess.run(["nice", "-n", "19", "go", "install", "-ldflags=-s -w", module], env=env).returncode == 0
        print(f"{tool}: {'there' if done else 'could not be built'}", flush=True)
    with tempfile.TemporaryDirectory() as tmp:  # the sums of its modules are written beside go.mod
        source = shutil.copytree(HERE / "peers_advisories", tmp + "/grype_db")
        done = subprocess.run(["nice", "-n", "19", "go", "build", "-mod=mod", "-o", PEERS / "bin" / "grype_db", "."], cwd=source, env=env)
    print(f"grype_db: {'there' if done.returncode == 0 else 'could not be built'}")


class Tool:
    """One scanner: how its database is made, how it scans, and what its report tells."""

    def __init__(self, name, program, work):
        self.name, self.program, self.work = name, program, work / name
        self.work.mkdir()
        self.report = self.work / "report.json"
        self.env = dict(os.environ, HOME=str(self.work), TMPDIR=str(self.work), XDG_CACHE_HOME=str(self.work), XDG_STATE_HOME=str(self.work))
        for key in ("XDG_CONFIG_HOME", "XDG_DATA_HOME"):
            self.env.pop(key, None)

    def told(self):
        """[(binary package, version, [id, aliases])] of the last report."""
        return list(self.rows(json.loads(self.report.read_text())))


class Careen(Tool):
    def prepare(self, feeds):
        return [[self.program, "db", "import", *map(str, feeds.native), "--cache-dir", str(self.work / "cache")]]

    def commands(self, archive):
        scan = [self.program, "scan", f"docker-archive:{archive}", "--no-progress", "--cache-dir", str(self.work / "cache"), "-o", f"json={self.report}"]
        return {"cold": [*scan, "--no-cache"], "again": scan}

    def database(self):
        return self.work / "cache" / "advisories" / "advisories.db"

    def rows(self, report):
        for finding in report["findings"]:
            if finding["kind"] == "vulnerability":
                package = finding["where"]["package"]
                yield package["name"], package["version"], [finding["threat"], *finding["vulnerability"]["aliases"]]


class Trivy(Tool):
    def prepare(self, feeds):
        peer_feeds.for_trivy(feeds, self.work / "input")
        return [[str(PEERS / "bin" / "trivy-db"), "build", "--cache-dir", str(self.work / "input"), "--output-dir", str(self.work / "cache" / "db"),
                 *(word for source in ("alpine", "debian", "govulndb") for word in ("--only-update", source))]]

    def commands(self, archive):
        scan = [self.program, "image", "--input", str(archive), "--cache-dir", str(self.work / "cache"), "--skip-db-update", "--skip-java-db-update",
                "--skip-version-check", "--offline-scan", "--scanners", "vuln", "--quiet", "--format", "json", "--output", str(self.report)]
        return {"cold": [*scan, "--cache-backend", "memory"], "again": scan}

    def database(self):
        return self.work / "cache" / "db" / "trivy.db"

    def rows(self, report):
        for result in report.get("Results") or ():
            for v in result.get("Vulnerabilities") or ():
                yield v["PkgName"], v["InstalledVersion"], [v["VulnerabilityID"]]


class Grype(Tool):
    def prepare(self, feeds):
        peer_feeds.for_grype(feeds, self.work / "input")
        self.env.update(GRYPE_DB_CACHE_DIR=str(self.work / "cache"), GRYPE_DB_AUTO_UPDATE="false", GRYPE_DB_VALIDATE_AGE="false",
                        GRYPE_CHECK_FOR_APP_UPDATE="false")
        return [[str(PEERS / "bin" / "grype_db"), str(self.work / "input"), str(self.work / "cache" / "6")]]

    def commands(self, archive):
        return {"cold": [self.program, f"docker-archive:{archive}", "--quiet", "-o", "json", "--file", str(self.report)]}  # it keeps nothing between runs

    def database(self):
        return self.work / "cache" / "6" / "vulnerability.db"

    def rows(self, report):
        for match in report["matches"]:
            yield match["artifact"]["name"], match["artifact"]["version"], [match["vulnerability"]["id"]]


def tools(work):
    found = [Careen("careen", os.path.abspath(os.environ["CAREEN"]), work)]
    for kind, name, builder in ((Trivy, "trivy", "trivy-db"), (Grype, "grype", "grype_db")):
        if all((PEERS / "bin" / program).exists() for program in (name, builder)):
            found.append(kind(name, str(PEERS / "bin" / name), work))
        else:
            print(f"{name}: not there, left out (--tools builds it)")
    return found


# --- comparing ---

class Names:
    """What is the same by another name: the binary packages of a source, the aliases of a record."""

    def __init__(self, feeds, image):
        self.image = image
        self.records = {}  # {(module, alias): ids of the feed}
        for record in feeds.go_records():
            for module in {a["package"]["name"] for a in record["affected"]}:
                for name in (record["id"], *record.get("aliases", ())):
                    self.records.setdefault((module, name), set()).add(record["id"])

    def keys(self, package, version, ids):
        version = version.removeprefix("v") if self.image.name == "go" else version
        version = version.removeprefix("go") if package == "stdlib" else version
        source, source_version = self.image.owner.get((package, version), (package, version))
        if self.image.name != "go":
            return {(source, source_version, ids[0])}
        known = set().union(*(self.records.get((source, ident), set()) for ident in ids))
        return {(source, source_version, ident) for ident in known or ids[:1]}


def compare(names, tool):
    """(told, {key: affected by the second opinion} of those that are held otherwise)"""
    image = names.image
    told = {key for row in tool.told() for key in names.keys(*row)}
    differ = {key: image.expected.get(key, "not in the feed") for key in told if image.expected.get(key, "") is not True}
    differ.update({key: True for key, affected in image.expected.items() if affected and key not in told})
    return told, differ


def why(feeds, image, key, who):
    """Why the tools do not tell the same of a key: what stands in the feed, and what a peer is known to make of that."""
    name, version, ident = key
    if image.name == "go":
        standard, custom = peer_images.go_ranges(image.records[ident], name) if ident in image.records else ([], [])
        if custom and who["careen"] != who.get("grype", who["careen"]):
            return "the record has custom_ranges: Grype's importer lets them narrow or widen the range that OSV defines"
        if not who.get("trivy", True) and name != "stdlib" and not name.startswith("golang.org/x/"):
            return "Trivy's importer takes the standard library and golang.org/x of Go's database alone"
        if name == "stdlib" and not who.get("grype", True):
            return "Grype asks for one of the record's symbols in the program"
        if not who.get("trivy", True) and version.startswith("0.0.0-"):
            return "Trivy takes introduced: 0 for 0.0.0, and a pseudo-version of 0.0.0 is before that"
        return "?"
    if image.name.startswith("debian"):
        if re.fullmatch(r"D[SL]A-\d+-\d+", ident):
            return "an update for a regression, without a CVE: Trivy's importer takes the update itself for a vulnerability"
        others = {source for source, ids in feeds.debian_of(image.release).items() if ident in ids}
        if any((binary in others) for binary, v in image.owner if image.owner[binary, v] == (name, version)):
            return "Grype looks for the binary package's name among the sources too, and another source has it"
        return "?"
    if image.expected.get(key, "") is None:
        return "the fix is no version of apk's: who tells it took the parts before"
    lines = [(fix, raw) for rows in feeds.secdb[image.release].values() for pkg, fix, raw in rows if pkg == name and ident in raw.replace("CVE_", "CVE-")]
    if not who.get("trivy", True) and not re.match("CVE-|GHSA-", ident):
        return "Trivy's importer takes ids of CVE and GHSA alone"
    if not who.get("trivy", True) and any(len(raw.split()) > 1 for _, raw in lines):
        return "Trivy's importer takes one id of a line that has several"
    if not who.get("trivy", True) and len({version for version, raw in lines}) > 1:
        return "fixed more than once: of the versions Trivy's importer keeps the one that it happens to read last"
    if who.get("trivy") and not who["careen"]:
        return "not an id as it stands, or one that Trivy's importer mends"
    return "?"


def print_differences(feeds, image, results, limit):
    groups = collections.defaultdict(list)
    for key in sorted(set().union(*(told for told, _ in results.values()), *(differ for _, differ in results.values()))):
        who = {name: key in told for name, (told, _) in results.items()}
        if len(set(who.values())) > 1:
            opinion = {True: "affected", False: "not affected", None: "cannot be said"}.get(image.expected.get(key, ""), "not in the feed")
            groups[" ".join("+-"[not told] + name for name, told in who.items()), opinion, why(feeds, image, key, who)].append(key)
    for (who, opinion, reason), keys in sorted(groups.items(), key=lambda item: -len(item[1])):
        print(f"  {len(keys)} {who}; the feed: {opinion}; {reason}")
        for key in keys[:limit]:
            print("     ", *key)
    agreed = set.intersection(*(told for told, _ in results.values()))
    print(f"  {len(agreed)} told by all; {sum(image.expected.get(key, '') is None for key in agreed)} of them cannot be said, "
          f"{sum(image.expected.get(key, '') is False for key in agreed)} are not so by the feed")


def measured(tool, archive, runs):
    """Whole processes, once before for the page cache and what a tool keeps."""
    out = {}
    for what, command in tool.commands(archive).items():
        measure.timed(command, VERDICTS, tool.env)
        times = [measure.timed(command, VERDICTS, tool.env) for _ in range(runs)]
        # By way of a small process: the peak of a child begins with that of who starts it, and this one has read the feeds.
        _, peak, _ = advisories.peak(command, tool.env)
        out[what] = {"wall": measure.median(times, "wall"), "cpu": measure.median(times, "cpu"), "spread": measure.spread(times, "wall"), "peak_mib": peak}
    return out


def images_of(feeds, work):
    return [peer_images.alpine(feeds, "v3.11", "3.11.5", ("v3.10", "v3.9", "edge")),
            peer_images.alpine(feeds, "edge", "3.24.0_alpha20260127", ("v3.11", "v3.10")),
            peer_images.debian(feeds, "bullseye", "11", ("buster",)),
            peer_images.debian(feeds, "stretch", "9", ("jessie", "buster")),
            *([peer_images.go(feeds, work)] if shutil.which("go") else [])]


def database(tool, feeds):
    (command,) = tool.prepare(feeds)
    start = time.perf_counter()
    code, peak, _ = advisories.peak(command, tool.env)
    wall, path = time.perf_counter() - start, tool.database()
    if code != 0 or not path.exists():
        raise measure.Failed("%s ended with %d" % (" ".join(command), code))
    print(f"database of {tool.name}: {wall:.1f} s, {peak:.0f} MiB, {path.stat().st_size / 1e6:.1f} MB", flush=True)
    return {"wall": wall, "peak_mib": peak, "bytes": path.stat().st_size}


def beside(feeds, image, archive, found, args):
    names, results, rows = Names(feeds, image), {}, {}
    answers = collections.Counter(image.expected.values())
    print(f"\n{image.name}: {len(image.owner)} packages, {len(image.expected)} statements of them in the feed: {answers[True]} affected, "
          f"{answers[False]} not, {answers[None]} cannot be said")
    for tool in found:
        times = measured(tool, archive, args.runs)
        results[tool.name] = told, differ = compare(names, tool)
        more, less = sorted(key for key in differ if key in told), sorted(key for key in differ if key not in told)
        cells = "; ".join(f"{what} {1000 * t['wall']:.0f} ms (processor {1000 * t['cpu']:.0f}), {t['peak_mib']:.0f} MiB" for what, t in times.items())
        print(f"  {tool.name}: {cells}; tells {len(told)}, {len(more)} more than the feed, {len(less)} less", flush=True)
        rows[tool.name] = {**times, "told": len(told), "more": more, "less": less}
    print_differences(feeds, image, results, args.show)
    return rows


def run(args, work):
    sets = work / "data"
    sets.mkdir()
    peer_feeds.unpack(args.data, SETS, sets)
    feeds = peer_feeds.Feeds(sets)
    found = tools(work)
    report = {"database": {tool.name: database(tool, feeds) for tool in found}, "images": {}}
    (work / "go").mkdir()
    for image in images_of(feeds, work / "go"):
        report["images"][image.name] = beside(feeds, image, image.write(work), found, args)
    if args.json:
        pathlib.Path(args.json).write_text(json.dumps(report, indent=1))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tools", action="store_true")
    parser.add_argument("--data", type=pathlib.Path, default=HERE.parents[1] / "shared" / "data")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--show", type=int, default=5, help="rows of each group of differences")
    parser.add_argument("--work", type=pathlib.Path, help="kept, and must be empty; otherwise a temporary folder")
    parser.add_argument("--json")
    args = parser.parse_args()
    if args.tools:
        build_tools()
    elif args.work:
        args.work.mkdir(parents=True, exist_ok=True)
        run(args, args.work.resolve())
    else:
        with tempfile.TemporaryDirectory(prefix="careen-peers-") as work:
            run(args, pathlib.Path(work))


if __name__ == "__main__":
    main()
