#!/usr/bin/python3
"""Root file systems from Debian's packages, made with mmdebstrap from the machine's own
package source and kept in a cache directory, so that repeated runs are fast.
"""

import fcntl
import functools
import os
import pathlib
import re
import subprocess
import tarfile
import unittest
import urllib.error
import urllib.request

from support import need, sha256_of, find_tool

KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
SUITES = ("bookworm", "trixie", "sid")


def cache_dir():
    path = os.environ.get("CAREEN_TEST_CACHE")
    path = pathlib.Path(path) if path else pathlib.Path.home() / ".cache" / "careen-test"
    path.mkdir(parents=True, exist_ok=True)
    return path


def _source_stanzas():
    """(uri, suites, components) of every binary source the machine's apt knows."""
    etc = pathlib.Path("/etc/apt")
    for path in sorted((etc / "sources.list.d").glob("*.sources")):
        for stanza in re.split(r"\n\s*\n", path.read_text(errors="replace")):
            fields = dict(re.findall(r"^([A-Za-z-]+):[ \t]*(.*)$", stanza, re.M))
            if "deb" in fields.get("Types", "").split() and fields.get("Enabled", "yes") != "no":
                for uri in fields.get("URIs", "").split():
                    yield uri, fields.get("Suites", "").split(), fields.get("Components", "").split()
    for path in [etc / "sources.list", *sorted((etc / "sources.list.d").glob("*.list"))]:
        if path.is_file():
            for line in path.read_text(errors="replace").splitlines():
                m = re.match(r"\s*deb\s+(?:\[[^]]*\]\s+)?(\S+)\s+(\S+)\s+(.*)", line)
                if m:
                    yield m[1], [m[2]], m[3].split()


def mirror():
    """The Debian archive this machine installs from (not security, not third parties)."""
    for uri, suites, components in _source_stanzas():
        if "main" in components and uri.startswith(("http:", "https:", "file:")) and any(
                s in ("bookworm", "trixie", "forky", "stable", "testing", "sid", "unstable")
                for s in suites):
            return uri.rstrip("/")
    raise unittest.SkipTest("no Debian archive in this machine's apt sources")


def _apt_options():
    """The machine's own ways to its mirror: proxies and dates it accepts."""
    out = subprocess.run(["apt-config", "dump"], stdout=subprocess.PIPE).stdout.decode()
    wanted = ("Acquire::Check-Valid-Until", "Acquire::Check-Date", "Acquire::http::Proxy",
              "Acquire::https::Proxy")
    return ["--aptopt=" + line.rstrip(";") for line in out.splitlines() if line.startswith(wanted)]


def _reachable(uri, suite):
    try:
        with urllib.request.urlopen(f"{uri}/dists/{suite}/InRelease", timeout=20) as answer:
            answer.read(1)
    except (urllib.error.URLError, OSError) as error:
        raise unittest.SkipTest(f"Debian {suite} is not reachable: {error}") from None


def rootfs(suite, *packages):
    """Path of a tar with a minimal root file system of the suite plus packages."""
    packages = tuple(sorted(packages))
    name = f"{suite}-{sha256_of(' '.join(packages).encode())[:8]}" if packages else suite
    target = cache_dir() / f"{name}.tar"
    if target.exists():
        return target
    need("mmdebstrap")
    if not os.path.exists(KEYRING):
        raise unittest.SkipTest("debian-archive-keyring is not installed")
    with open(cache_dir() / f".{name}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if target.exists():
            return target
        uri = mirror()
        _reachable(uri, suite)
        partial = cache_dir() / f".{name}.partial.tar"
        command = ["nice", find_tool("mmdebstrap"), "--quiet", "--variant=minbase",
                   "--mode=root" if os.geteuid() == 0 else "--mode=auto",
                   f"--keyring={KEYRING}", *_apt_options()]
        if packages:
            command.append("--include=" + ",".join(packages))
        done = subprocess.run([*command, suite, str(partial), f"deb {uri} {suite} main"],
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT)
        if done.returncode != 0:
            partial.unlink(missing_ok=True)
            tail = done.stdout.decode(errors="replace")[-600:]
            raise unittest.SkipTest(f"mmdebstrap cannot make {suite} here: {tail}")
        partial.rename(target)
    return target


@functools.lru_cache(maxsize=16)
def read(tar_path, *wanted):
    """Contents of some files of a root tar, as {path: bytes}; links are not followed."""
    found = {}
    with tarfile.open(tar_path) as tar:
        for member in tar:
            path = member.name.removeprefix("./")
            if path in wanted and member.isreg():
                found[path] = tar.extractfile(member).read()
    return found


@functools.lru_cache(maxsize=4)
def members(tar_path):
    """{path: TarInfo} of a root tar."""
    with tarfile.open(tar_path) as tar:
        return {m.name.removeprefix("./"): m for m in tar}


def edit_status(status, package, **fields):
    """dpkg's status with fields of one package changed (None removes a field)."""
    out, hit = [], False
    for stanza in status.decode().split("\n\n"):
        if stanza.startswith(f"Package: {package}\n"):
            hit = True
            for name, value in fields.items():
                name = name.replace("_", "-")
                stanza, n = re.subn(rf"(?m)^{name}: .*$", f"{name}: {value}", stanza)
                if not n and value is not None:
                    stanza += f"\n{name}: {value}"
                if value is None:
                    stanza = re.sub(rf"(?m)^{name}: None\n?", "", stanza)
        out.append(stanza)
    if not hit:
        raise AssertionError(f"no package {package} in status")
    return "\n\n".join(out).encode()
