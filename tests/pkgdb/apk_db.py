"""Writes Alpine's /lib/apk/db/installed as apk-tools does.

A record is lines `X:value`, ended by an empty line. Package fields come first, then for each
directory `F:` (no leading slash; empty for the root), `M:uid:gid:mode` if it is not
0:0:755, and its files: `R:name`, `a:uid:gid:mode` if not 0:0:644, `Z:` with the checksum:
"Q1" and base64 of the SHA-1 of the content, of a symbolic link its target.
A package from the newer package format has the flag line `f:S`: then the same "Q1" holds
the first 20 bytes of the SHA-256.
"""
import base64
import hashlib

import model
import ocibuild

DATABASE = "lib/apk/db/installed"


def checksum(data, sha256=False):
    digest = hashlib.sha256(data).digest()[:20] if sha256 else hashlib.sha1(data).digest()
    return "Q1" + base64.b64encode(digest).decode()


def file_lines(one, sha256):
    folder, _, name = one.path.strip("/").rpartition("/")
    lines = ["R:" + name]
    if one.permissions() != 0o644:
        lines.append("a:0:0:%o" % one.permissions())
    data = one.link.encode() if one.type == "symlink" else one.content
    return folder, lines + ["Z:" + checksum(data, sha256)]


def record(package, sha256=False, more=()):
    """The text of one package; `more` are further lines before the files."""
    lines = [
        "C:" + checksum(package.name.encode()), "P:" + package.name, "V:" + package.full_version(),
        "A:" + package.arch, "S:1000", "I:4096", "T:A test package",
        "U:https://example.org/" + package.name, "L:Apache-2.0",
        "o:" + (package.source or package.name), "m:Test <test@example.org>", "t:1700000000",
        "c:0123456789abcdef0123456789abcdef01234567", "D:so:libc.musl-x86_64.so.1",
        "p:cmd:%s=%s" % (package.name, package.full_version()),
    ]
    if package.source == "":              # packages of 2011 and before have no origin
        lines = [line for line in lines if not line.startswith("o:")]
    lines += list(more)
    if sha256:
        lines.append("f:S")
    folders = {}
    for one in package.files:
        path = one.path.strip("/")
        parts = path.split("/") if one.type == "dir" else path.split("/")[:-1]
        for end in range(len(parts) + 1):
            if end or len(parts) == 0:
                folders.setdefault("/".join(parts[:end]), [])
        if one.type == "dir":
            if one.permissions() != 0o755:
                folders[path].insert(0, "M:0:0:%o" % one.permissions())
        else:
            folder, text = file_lines(one, sha256)
            folders[folder] += text
    for folder in sorted(folders):
        lines += ["F:" + folder] + folders[folder]
    return "\n".join(lines) + "\n\n"


def installed(packages, **how):
    return "".join(record(package, **how) for package in packages).encode()


def entries(packages, database=DATABASE, **how):
    """The database and the files of the packages, for a layer."""
    world = "".join(package.name + "\n" for package in packages).encode()
    own = [ocibuild.file(database, installed(packages, **how)),
           ocibuild.file("etc/apk/world", world),
           ocibuild.file(database.rpartition("/")[0] + "/triggers", b"")]
    return ocibuild.with_parents(model.file_entries(packages) + own)
