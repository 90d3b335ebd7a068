"""The shared feeds, written again as the peers' own importers want them: nothing is added, nothing judged.

Trivy's importer reads "vuln-list", a JSON file for each package (Alpine) or advisory (Debian); Grype's reads what its collector
writes: a folder for each provider, with envelopes around records. Both read OSV as it is.
"""
import json
import re
import shutil
import subprocess

from advisories_oracle_test import read_advisories, secdb_rows
from advisory_images import DEBIAN

ID = re.compile(r"[A-Z][A-Za-z0-9_]*-[\w.-]+")
OS_SCHEMA = "https://example.invalid/vulnerability/os/schema-1.0.3.json"  # Grype looks at the path alone
OSV_SCHEMA = "https://example.invalid/vulnerability/osv/schema-1.6.1.json"


def put(path, value):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value))


def ids_of(raw):
    return [word for word in raw.replace(",", " ").split() if ID.fullmatch(word)]


class Feeds:
    """The feeds that are compared on, unpacked below `data`."""

    def __init__(self, data):
        self.secdb = {}  # {branch: {repository: rows}}
        for path in sorted((data / "alpine-secdb-2020").rglob("*.yaml")):
            self.secdb.setdefault(path.parent.name, {})[path.stem] = secdb_rows(path.read_text())
        for path in sorted((data / "alpine-secdb-edge").glob("*.json")):
            self.secdb.setdefault("edge", {})[path.stem] = secdb_rows(path.read_text())
        lists = data / "debian-tracker-2023" / "data"
        self.lists = {kind: lists / kind / "list" for kind in ("DSA", "DLA")}
        self.debian = [row for path in self.lists.values() for row in read_advisories(path.read_text())]  # (id, release, source, version)
        self.go = data / "osv-go"
        self.native = [data / "alpine-secdb-2020", data / "alpine-secdb-edge", *self.lists.values(), self.go]

    def alpine(self, branch):
        """{package: {id: [versions]}} of a branch."""
        out = {}
        for rows in self.secdb[branch].values():
            for name, version, raw in rows:
                for ident in ids_of(raw):
                    out.setdefault(name, {}).setdefault(ident, []).append(version)
        return out

    def debian_of(self, release):
        """{source: {id: [versions or <words>]}} of a release."""
        out = {}
        for ident, codename, source, version in self.debian:
            if codename == release:
                out.setdefault(source, {}).setdefault(ident, []).append(version)
        return out

    def go_records(self):
        return [json.loads(path.read_text()) for path in sorted(self.go.glob("*.json"))]


# --- Trivy ---

def annotations(lines):
    """What Trivy's collector makes of an advisory's lines."""
    out = []
    for line in lines:
        if line.strip().startswith("{"):
            out.append({"Type": "xref", "Bugs": line.strip(" \t{}").split()})
        elif m := re.match(r"\s+\[(\w+)\]\s+-\s+(\S+)\s+(\S+)", line):
            word = m[3].strip("<>")
            kind, version = (word, "") if m[3].startswith("<") else ("fixed", m[3])
            out.append({"Type": "package", "Release": m[1], "Package": m[2], "Kind": kind, "Version": version})
    return out


def for_trivy(feeds, out):
    """The folder that `trivy-db build --cache-dir` reads."""
    for branch, repositories in feeds.secdb.items():
        for repository, rows in repositories.items():
            packages = {}
            for name, version, raw in rows:
                packages.setdefault(name, {}).setdefault(version, []).append(raw)
            for name, fixes in packages.items():
                put(out / "vuln-list" / "alpine" / branch / repository / (name + ".json"),
                    {"name": name, "secfixes": fixes, "reponame": repository, "distroversion": branch})
    tracker = out / "vuln-list-debian" / "tracker"
    put(tracker / "distributions.json", {codename: {"major-version": number} for codename, number in DEBIAN.items()})
    for kind, path in feeds.lists.items():
        for block in re.split(r"\n(?=\S)", path.read_text()):
            head, *lines = block.splitlines()
            if m := re.match(r"\[[^]]*\]\s+(\S+)\s+(.*)", head):
                put(tracker / kind / (m[1] + ".json"), {"Header": {"ID": m[1], "Description": m[2]}, "Annotations": annotations(lines)})
    (tracker / "CVE").mkdir()  # it walks through that, whether there is anything or not
    shutil.copytree(feeds.go, out / "govulndb" / "data" / "osv")


# --- Grype ---

def os_records(system, known, form):
    """Records of one release: every version that the feed gives is a fix of its own, and what has none is open."""
    records = {}
    for name, ids in known.items():
        for ident, versions in ids.items():
            rows = [{"Name": name, "NamespaceName": system, "VersionFormat": form, "Version": "None" if v.startswith("<") else v}
                    for v in dict.fromkeys(versions) if v not in ("<not-affected>", "<undetermined>")]
            if rows:
                records.setdefault(ident, []).extend(rows)
    return [{"Vulnerability": {"Name": ident, "NamespaceName": system, "Severity": "Unknown", "FixedIn": rows}} for ident, rows in records.items()]


def provider(out, name, schema, results):
    """results: {file: records}"""
    put(out / name / "metadata.json", {
        "provider": name, "version": 1, "distribution_version": 1, "processor": "vunnel", "store": "flat-file", "timestamp": "2026-08-22T00:00:00Z",
        "schema": {"version": "1.0.3", "url": "https://example.invalid/provider-workspace-state/schema-1.0.3.json"},
        "listing": {"path": "results/listing.xxh64", "digest": "", "algorithm": "xxh64"}, "urls": [], "stale": False})
    for file, records in results.items():
        put(out / name / "results" / (file + ".json"), {"schema": schema, "identifier": file, "item": records})


def for_grype(feeds, out):
    """The folder that grype_db reads."""
    branches = {branch: branch.removeprefix("v") for branch in feeds.secdb}
    provider(out, "alpine", OS_SCHEMA, {"alpine-" + b: os_records("alpine:" + number, feeds.alpine(b), "apk") for b, number in branches.items()})
    provider(out, "debian", OS_SCHEMA, {"debian-" + number: os_records("debian:" + number, feeds.debian_of(codename), "dpkg")
                                        for codename, number in DEBIAN.items() if number and feeds.debian_of(codename)})
    provider(out, "govulndb", OSV_SCHEMA, {record["id"]: record for record in feeds.go_records()})


def unpack(data, names, out):
    """The sets, as folders or as archives of the shared data, below `out`."""
    for name in names:
        if (data / name / (name + ".tar.zst")).exists():
            subprocess.run(["tar", "--zstd", "-xf", data / name / (name + ".tar.zst"), "-C", out], check=True)
        else:
            (out / name).symlink_to((data / name).resolve())
