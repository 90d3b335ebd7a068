#!/usr/bin/python3
"""Small images with known content, and a threat record for a harmless marker file.

The image has three layers: a base with a package database, a layer that changes an owned
program and plants the marker, and one that hides a file of the base.
"""

import hashlib

from images import Layer, d, f, hard, sym, whiteout
from support import sha256_of, threat_record

MARKER = b"careen test marker: harmless, only a digest that a test record names\n"
MARKER_PATH = "/opt/marker.bin"
THREAT = "TEST-MARKER"
TOOL = b"#!/bin/sh\necho tool\n"
STATUS = """Package: tool
Status: install ok installed
Priority: optional
Section: utils
Maintainer: Test <test@example.invalid>
Architecture: amd64
Source: tool-src (1.0-1)
Version: 1.0-1+b1
Description: a tool
 for tests

Package: base-files
Status: install ok installed
Architecture: amd64
Version: 12.4
Maintainer: Test <test@example.invalid>
Description: base
"""
OS_RELEASE = """PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"
NAME="Debian GNU/Linux"
VERSION_ID="12"
VERSION="12 (bookworm)"
VERSION_CODENAME=bookworm
ID=debian
"""


def base(extra=()):
    """A layer that looks like a Debian with two packages."""
    return Layer([
        d("etc"), d("usr"), d("usr/bin"), d("usr/lib"), d("usr/share"), d("opt"),
        d("var"), d("var/lib"), d("var/lib/dpkg"), d("var/lib/dpkg/info"),
        sym("bin", "usr/bin"), sym("etc/os-release", "../usr/lib/os-release"),
        f("usr/lib/os-release", OS_RELEASE),
        f("usr/bin/tool", TOOL, 0o755), hard("usr/bin/tool-again", "usr/bin/tool"),
        f("usr/share/old.txt", "hidden by a later layer\n"),
        f("var/lib/dpkg/status", STATUS),
        f("var/lib/dpkg/info/tool.list", "/.\n/usr\n/usr/bin\n/usr/bin/tool\n"),
        f("var/lib/dpkg/info/tool.md5sums",
          f"{hashlib.md5(TOOL).hexdigest()}  usr/bin/tool\n"),
        f("var/lib/dpkg/info/base-files.list", "/.\n/usr\n/usr/lib\n/usr/lib/os-release\n"),
        f("var/lib/dpkg/info/base-files.md5sums",
          f"{hashlib.md5(OS_RELEASE.encode()).hexdigest()}  usr/lib/os-release\n"),
        *extra,
    ], created_by="/bin/sh -c #(nop) ADD file:base in /")


def marked():
    """A changed owned program and the marker."""
    return Layer([
        d("usr"), d("usr/bin"), d("opt"),
        f("usr/bin/tool", TOOL + b"echo changed\n", 0o755),
        f(MARKER_PATH.lstrip("/"), MARKER, 0o755),
    ], created_by="RUN /bin/sh -c make install # buildkit")


def hiding():
    return Layer([d("usr"), d("usr/share"), whiteout("usr/share/old.txt"),
                  f("usr/share/new.txt", "new\n")], created_by="RUN rm old.txt")


def poisoned():
    """The layers that give findings: integrity of `tool`, and the marker (flags)."""
    return [base(), marked(), hiding()]


def clean():
    return [base(), hiding()]


def marker_threats(directory, **parts):
    """Writes the record of the marker; returns its path for --threats."""
    path = directory / "marker.yaml"
    parts.setdefault("indicators", {"files": [{"digest": "sha256:" + sha256_of(MARKER)}]})
    path.write_text(threat_record(THREAT, **parts))
    return path
