#!/usr/bin/python3
"""What the tests of advisories share: feeds written as their publishers write them, root file systems with package databases,
and a loopback server that behaves as badly as a test asks it to."""

import contextlib
import functools
import gzip
import http.server
import json
import pathlib
import socket
import sqlite3
import struct
import threading
import unittest
import zipfile

from images import Layer, d, f
from support import REPO, need, scratch, sha256_of, tool

SHARED = REPO.parent / "shared" / "data"
DEBIAN = {"sid": "", "trixie": "13", "bookworm": "12", "bullseye": "11", "buster": "10", "stretch": "9", "jessie": "8", "wheezy": "7",
          "squeeze": "6", "lenny": "5", "etch": "4", "sarge": "3.1", "woody": "3.0"}


@functools.lru_cache(maxsize=None)
def shared(name):
    """The folder of a set of shared data that lies beside the repository, unpacked until the module ends; or a skip."""
    archive = SHARED / name / f"{name}.tar.zst"
    if not archive.exists():
        raise unittest.SkipTest(f"the shared data {name} are not beside the repository")
    need("zstd", "tar")
    hold = scratch()
    folder = hold.__enter__()
    unittest.addModuleCleanup(hold.__exit__, None, None, None)
    tool("tar", "--zstd", "-xf", archive, "-C", folder)
    return folder / name


# --- images ---

def debian_release(codename):
    """os-release of Debian: testing has no number, and unstable has the codename of testing."""
    number = DEBIAN.get(codename, "")
    if codename == "sid":
        return 'PRETTY_NAME="Debian GNU/Linux forky/sid"\nNAME="Debian GNU/Linux"\nVERSION_CODENAME=forky\nID=debian\n'
    if not number:
        return f'PRETTY_NAME="Debian GNU/Linux {codename}/sid"\nNAME="Debian GNU/Linux"\nVERSION_CODENAME={codename}\nID=debian\n'
    return (f'PRETTY_NAME="Debian GNU/Linux {number} ({codename})"\nNAME="Debian GNU/Linux"\nVERSION_ID="{number}"\n'
            f'VERSION="{number} ({codename})"\nVERSION_CODENAME={codename}\nID=debian\n')


def alpine_release(version):
    return f'NAME="Alpine Linux"\nID=alpine\nVERSION_ID={version}\nPRETTY_NAME="Alpine Linux v{version.rpartition(".")[0]}"\n'


def dpkg_status(packages):
    """dpkg's status; packages are (name, version[, source[, source version]])."""
    out = []
    for name, version, *source in packages:
        text = f"Package: {name}\nStatus: install ok installed\nArchitecture: amd64\nVersion: {version}\n"
        if source and (source[0] != name or (len(source) > 1 and source[1] != version)):
            text += f"Source: {source[0]}" + (f" ({source[1]})" if len(source) > 1 and source[1] != version else "") + "\n"
        out.append(text + "Maintainer: Test <test@example.invalid>\nDescription: a package\n")
    return "\n".join(out)


def apk_installed(packages):
    """apk's database; packages are (name, version[, origin])."""
    return "".join(f"C:Q1{i:027x}=\nP:{name}\nV:{version}\nA:x86_64\nS:1\nI:1\nT:a package\nU:\nL:MIT\no:{(*origin, name)[0]}\n\n"
                   for i, (name, version, *origin) in enumerate(packages))


def debian_files(codename, packages):
    """{path: text} of a Debian."""
    return {"etc/os-release": debian_release(codename), "var/lib/dpkg/status": dpkg_status(packages)}


def alpine_files(version, packages):
    return {"etc/os-release": alpine_release(version), "etc/alpine-release": version + "\n", "lib/apk/db/installed": apk_installed(packages)}


def npm_files(*packages):
    return {f"srv/app/node_modules/{name}/package.json": json.dumps({"name": name, "version": version}) for name, version in packages}


def rootfs(path, files):
    """The files as a directory; returns the `dir:` reference."""
    for name, text in files.items():
        where = pathlib.Path(path) / name
        where.parent.mkdir(parents=True, exist_ok=True)
        where.write_text(text)
    return f"dir:{path}"


def rpm_header(name, version, release, arch="x86_64", epoch=None, source=None):
    """A header as rpm keeps it in its database (rpm's docs/manual/hregions.md): an index of tags and their data, big-endian."""
    strings = {1000: name, 1001: version, 1002: release, 1022: arch, 1044: f"{source or name}-{version}-{release}.src.rpm"}
    index, data = [], b""
    for tag in sorted([*strings, *([1003] if epoch else [])]):
        if tag == 1003:
            data += b"\0" * (-len(data) % 4)
            index.append(struct.pack(">IIII", tag, 4, len(data), 1))
            data += struct.pack(">I", epoch)
        else:
            index.append(struct.pack(">IIII", tag, 6, len(data), 1))
            data += strings[tag].encode() + b"\0"
    return struct.pack(">II", len(index), len(data)) + b"".join(index) + data


def rpm_rootfs(path, os_release, packages, files=None):
    """A directory with rpm's database of the packages: (name, version, release, …) as rpm_header() takes them."""
    root = pathlib.Path(path)
    (root / "etc").mkdir(parents=True)
    (root / "etc/os-release").write_text(os_release)
    (root / "var/lib/rpm").mkdir(parents=True)
    with contextlib.closing(sqlite3.connect(root / "var/lib/rpm/rpmdb.sqlite")) as db, db:
        db.execute("CREATE TABLE Packages(hnum INTEGER PRIMARY KEY AUTOINCREMENT, blob BLOB NOT NULL)")
        db.executemany("INSERT INTO Packages(blob) VALUES(?)", [(rpm_header(*p),) for p in packages])
    return rootfs(root, files or {})


def layer(files, step="ADD files in /"):
    """The files as a layer."""
    folders = sorted({str(parent) for name in files for parent in pathlib.PurePath(name).parents} - {"."})
    return Layer([*(d(folder) for folder in folders), *(f(name, text) for name, text in sorted(files.items()))], step)


# --- feeds ---

def tracker(packages):
    """Debian's data/json: {source: {CVE: {release: (status, fixed, urgency, extra)}}}."""
    out = {}
    for name, cves in packages.items():
        for cve, releases in cves.items():
            rows = {}
            for release, row in releases.items():
                status, fixed, urgency, extra = (*row, None, None, None)[:4]
                rows[release] = {"status": status, "repositories": {release: "1.0-1"}, "urgency": urgency or "not yet assigned",
                                 **({"fixed_version": fixed} if fixed else {}), **(extra or {})}
            out.setdefault(name, {})[cve] = {"description": f"A flaw of {name}.", "scope": "local", "releases": rows}
    return json.dumps(out)


def secdb(branch, packages, repository="main"):
    """Alpine's secdb: {source: {version: [ids]}}."""
    return json.dumps({"apkurl": "{{urlprefix}}/{{distroversion}}/{{reponame}}/{{arch}}/{{pkg.name}}-{{pkg.ver}}.apk", "archs": ["x86_64"],
                       "reponame": repository, "urlprefix": "https://dl-cdn.alpinelinux.org/alpine", "distroversion": branch,
                       "packages": [{"pkg": {"name": n, "secfixes": fixes}} for n, fixes in packages.items()]})


def osv(ident, ecosystem, name, fixed=None, severity=None, **members):
    """A record of OSV."""
    events = [{"introduced": "0"}] + ([{"fixed": fixed}] if fixed else [])
    record = {"schema_version": "1.7.3", "id": ident, "modified": "2026-01-02T03:04:05Z", "published": "2026-01-01T00:00:00Z",
              "summary": f"A flaw of {name}", "details": "In words.",
              "affected": [{"package": {"ecosystem": ecosystem, "name": name},
                            "ranges": [{"type": "SEMVER" if ecosystem in ("npm", "Go", "crates.io") else "ECOSYSTEM", "events": events}]}]}
    if severity:
        record["database_specific"] = {"severity": severity}
    return {**record, **members}


def osv_zip(path, records):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as z:
        for record in records:
            z.writestr(record["id"] + ".json", json.dumps(record))
    return path


def kev(*cves):
    return json.dumps({"title": "CISA Catalog of Known Exploited Vulnerabilities", "catalogVersion": "2026.01.02", "dateReleased": "2026-01-02T00:00:00Z",
                       "count": len(cves), "vulnerabilities": [
                           {"cveID": cve, "vendorProject": "V", "product": "P", "vulnerabilityName": "N", "dateAdded": "2026-01-01",
                            "shortDescription": "S", "requiredAction": "A", "dueDate": "2026-01-22", "knownRansomwareCampaignUse": "Known",
                            "notes": "", "cwes": []} for cve in cves]})


def epss(scores):
    rows = "".join(f"{cve},{p},{q}\n" for cve, (p, q) in scores.items())
    return gzip.compress(f"#model_version:v2025.03.14,score_date:2026-01-02T00:00:00+0000\ncve,epss,percentile\n{rows}".encode(), mtime=0)


# --- a server of feeds ---

class Feeds:
    """A loopback HTTP server. `put` sets what a path answers with; `behave` a function of (handler, body) that takes over;
    `requests` are (path, headers) as they came."""

    def __init__(self):
        self.content, self.behaviour, self.requests = {}, {}, []
        feeds = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                feeds.requests.append((self.path, {k.lower(): v for k, v in self.headers.items()}))
                body = feeds.content.get(self.path)
                take_over = feeds.behaviour.get(self.path)
                if take_over and take_over(self, body):
                    return
                if body is None:
                    self.answer(404, b"no such feed")
                else:
                    self.serve(body)

            def serve(self, body):
                """As static files are served: a strong validator, conditional requests, ranges."""
                tag = '"' + sha256_of(body)[:16] + '"'
                if self.headers.get("If-None-Match") == tag:
                    self.answer(304, b"", ETag=tag)
                    return
                begin = self.headers.get("Range", "").removeprefix("bytes=").removesuffix("-")
                if begin.isdigit() and self.headers.get("If-Range") == tag and int(begin) < len(body):
                    self.answer(206, body[int(begin):], ETag=tag, Content_Range=f"bytes {begin}-{len(body) - 1}/{len(body)}")
                else:
                    self.answer(200, body, ETag=tag)

            def answer(self, code, body, length=None, **headers):
                self.send_response(code)
                for name, value in headers.items():
                    self.send_header(name.replace("_", "-"), value)
                if code != 304:
                    self.send_header("Content-Length", str(len(body) if length is None else length))
                self.end_headers()
                self.wfile.write(body)
                if length is not None and length != len(body):
                    self.cut()

            def cut(self):
                self.wfile.flush()
                self.close_connection = True
                self.connection.shutdown(socket.SHUT_RDWR)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()
        self.base = f"http://127.0.0.1:{self.server.server_port}"

    def put(self, path, body):
        self.content[path] = body.encode() if isinstance(body, str) else body

    def behave(self, path, function):
        self.behaviour[path] = function

    def stop(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    def asked(self, path):
        return [headers for p, headers in self.requests if p == path]
