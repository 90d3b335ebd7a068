#!/usr/bin/python3
"""What every end-to-end test shares: run careen in a home of its own, read its JSON,
skip with a reason when a tool is missing, and hold scratch files.

Environment: CAREEN (the executable), CAREEN_TEST_TMP (scratch directory),
CAREEN_TEST_CACHE (where slow fixtures are kept between runs).
"""

import atexit
import contextlib
import functools
import hashlib
import json
import os
import pathlib
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import unittest

sys.dont_write_bytecode = True

REPO = pathlib.Path(__file__).resolve().parents[2]
TESTS = REPO / "tests"

CLEAN, FLAGGED, USAGE, UNDETERMINED, UNREADABLE = 0, 1, 2, 3, 4

# One scan may be slow on a busy machine or under a sanitizer; a hang is what this catches.
PATIENCE = int(os.environ.get("CAREEN_TEST_PATIENCE", "300"))


def careen_path():
    """The executable under test, or a skip that says what to set."""
    path = os.environ.get("CAREEN", "")
    if not path:
        raise unittest.SkipTest("CAREEN is not set (path of the careen executable)")
    if not os.access(path, os.X_OK):
        raise unittest.SkipTest(f"CAREEN={path} is not an executable file")
    return os.path.abspath(path)


def need(*tools):
    """Skips unless every tool is installed."""
    for tool in tools:
        if find_tool(tool) is None:
            raise unittest.SkipTest(f"{tool} is not installed")


def find_tool(tool):
    """shutil.which, also where Debian keeps tools that are not in a user's PATH."""
    return shutil.which(tool) or shutil.which(tool, path="/usr/sbin:/sbin:/usr/local/sbin")


def is_root():
    return os.geteuid() == 0


@functools.lru_cache(maxsize=None)
def tools_home():
    """Container tools keep state below HOME: a scratch one, never the user's."""
    hold = scratch()
    atexit.register(hold.__exit__, None, None, None)
    return str(hold.__enter__())


def tool(*args, **kwargs):
    """Runs a helper program; a failure shows what it printed."""
    kwargs.setdefault("timeout", PATIENCE)
    clean = {k: v for k, v in os.environ.items() if not k.startswith("XDG_")}
    kwargs.setdefault("env", {**clean, "HOME": tools_home()})
    args = [str(a) for a in args]
    args[0] = find_tool(args[0]) or args[0]
    done = subprocess.run(args, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **kwargs)
    if done.returncode != 0:
        raise RuntimeError(
            f"{' '.join(args)} exited {done.returncode}:\n"
            f"{done.stdout[-2000:].decode(errors='replace')}"
            f"{done.stderr[-2000:].decode(errors='replace')}")
    return done.stdout


def scratch_root():
    root = os.environ.get("CAREEN_TEST_TMP") or tempfile.gettempdir()
    os.makedirs(root, exist_ok=True)
    return root


@contextlib.contextmanager
def scratch():
    """A directory that is gone afterwards, whatever modes the test left in it."""
    # Hexadecimal: some tools make an image name of the path, and a name allows little.
    path = pathlib.Path(scratch_root()) / f"careen-e2e-{secrets.token_hex(6)}"
    path.mkdir(mode=0o700)
    try:
        yield path
    finally:
        remove_tree(path)


def remove_tree(path):
    """rmtree that also removes directories without write permission."""
    def open_up(function, name, _):
        with contextlib.suppress(OSError):
            os.chmod(os.path.dirname(name), 0o700)
            os.chmod(name, 0o700)
            function(name)
    shutil.rmtree(path, onerror=open_up)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_for_port(port, process=None, seconds=30):
    """Until something listens on the loopback port; fails when the process died."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if process is not None and process.poll() is not None:
            raise RuntimeError(f"server exited {process.returncode} before it listened")
        with socket.socket() as s:
            s.settimeout(1)
            if s.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise RuntimeError(f"nothing listens on 127.0.0.1:{port}")


def sha256_of(data):
    return hashlib.sha256(data).hexdigest()


def sha256_of_file(path):
    h = hashlib.sha256()
    with open(path, "rb") as f:
        while block := f.read(1 << 20):
            h.update(block)
    return h.hexdigest()


class Run:
    """What one careen process did."""

    def __init__(self, args, code, out, err):
        self.args, self.code, self.out, self.err = args, code, out, err

    @property
    def stdout(self):
        return self.out.decode("utf-8", "replace")

    @property
    def stderr(self):
        return self.err.decode("utf-8", "replace")

    def json(self):
        try:
            return json.loads(self.out)
        except ValueError as error:
            raise AssertionError(f"no JSON on standard output: {error}\n{self}") from None

    def __str__(self):
        return (f"careen {' '.join(self.args)}\nexit {self.code}\n--- standard output\n"
                f"{self.stdout[:4000]}\n--- standard error\n{self.stderr[:4000]}")


class Careen:
    """careen with a home, cache, state and runtime directory of its own."""

    def __init__(self, home, **env):
        self.binary = careen_path()
        self.home = pathlib.Path(home)
        self.cache = self.home / "cache"
        self.state = self.home / "state"
        self.runtime = self.home / "run"
        for path in (self.home, self.cache, self.state, self.runtime):
            path.mkdir(parents=True, exist_ok=True)
        self.runtime.chmod(0o700)
        self.env = {
            "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
            "HOME": str(self.home),
            "XDG_CACHE_HOME": str(self.cache),
            "XDG_STATE_HOME": str(self.state),
            "XDG_CONFIG_HOME": str(self.home / "config"),
            "XDG_RUNTIME_DIR": str(self.runtime),
            "LC_ALL": "C.UTF-8",
            # The machine's own daemons are none of a test's business.
            "DOCKER_HOST": f"unix://{self.home}/no-docker.sock",
            "CONTAINER_HOST": f"unix://{self.home}/no-podman.sock",
        }
        for name, value in os.environ.items():
            if name.endswith("SAN_OPTIONS") or name == "LLVM_PROFILE_FILE":
                self.env[name] = value
        self.env.update(env)

    def environment(self, changes=None):
        env = dict(self.env)
        for name, value in (changes or {}).items():
            if value is None:
                env.pop(name, None)
            else:
                env[name] = str(value)
        return env

    def start(self, *args, env=None, **kwargs):
        """The process itself, for tests that kill it or run many."""
        kwargs.setdefault("stdin", subprocess.DEVNULL)
        kwargs.setdefault("stdout", subprocess.PIPE)
        kwargs.setdefault("stderr", subprocess.PIPE)
        return subprocess.Popen([self.binary, *map(str, args)], env=self.environment(env), **kwargs)

    def run(self, *args, env=None, stdin=None, cwd=None, timeout=PATIENCE, preexec=None):
        args = [str(a) for a in args]
        source = {"input": stdin} if isinstance(stdin, bytes) else {
            "stdin": subprocess.DEVNULL if stdin is None else stdin}
        try:
            done = subprocess.run([self.binary, *args], env=self.environment(env), cwd=cwd,
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                  timeout=timeout, preexec_fn=preexec, **source)
        except subprocess.TimeoutExpired as late:
            raise AssertionError(f"careen {' '.join(args)} did not end in {timeout} s\n"
                                 f"{(late.stderr or b'')[-2000:]!r}") from None
        return Run(args, done.returncode, done.stdout, done.stderr)

    def scan(self, image, *args, **kwargs):
        """scan --format json; the caller looks at code and json()."""
        return self.run("scan", image, "--format", "json", *args, **kwargs)


class Case(unittest.TestCase):
    """A test with a scratch directory and a careen of its own."""

    maxDiff = 4000

    def setUp(self):
        hold = scratch()
        self.tmp = hold.__enter__()
        self.addCleanup(hold.__exit__, None, None, None)
        self.careen = Careen(self.tmp / "home")

    def report(self, image, *args, code=None, **kwargs):
        """Scans and returns the JSON document; checks the exit code when given."""
        run = self.careen.scan(image, *args, **kwargs)
        self.assert_code(run, code)
        return run.json()

    def assert_code(self, run, code):
        if code is not None:
            codes = code if isinstance(code, (tuple, list, set)) else (code,)
            self.assertIn(run.code, codes, str(run))

    def assert_fails(self, run, code, *words):
        """Exit code, nothing on standard output, and every word in the message."""
        self.assertEqual(run.code, code, str(run))
        for word in words:
            self.assertIn(word.lower(), run.stderr.lower(), str(run))


def findings_key(report, layers=True):
    """What must be equal for one image however it was handed over."""
    rows = []
    for f in report["findings"]:
        where = f["where"]
        package = where["package"]
        row = [f["kind"], f["threat"], f["severity"], f["confidence"],
               f["reachability"]["state"], where["path"], where["visible"],
               package and (package["name"], package["version"], package["source"])]
        if layers:
            row += [f["id"], where["layer"], where["layer_index"]]
        rows.append(row)
    return sorted(rows, key=repr)


def diff_ids(report):
    return [layer["diff_id"] for layer in report["image"]["layers"]]


def finding(report, **want):
    """The findings whose fields (of the finding or of its `where`) have these values."""
    found = []
    for f in report["findings"]:
        fields = {**f["where"], **{k: v for k, v in f.items() if k != "where"},
                  "state": f["reachability"]["state"]}
        if all(fields.get(name) == value for name, value in want.items()):
            found.append(f)
    return found


def threat_record(threat_id, **parts):
    """A threat record as YAML text (JSON is YAML); docs describe the schema."""
    record = {
        "schema": "careen/threat/v1",
        "id": threat_id,
        "aliases": [],
        "title": parts.pop("title", "stand-in threat for tests"),
        "kind": parts.pop("kind", "malware"),
        "severity": parts.pop("severity", "critical"),
        "exploited": False,
        "published": "2026-01-02",
        "updated": "2026-01-03",
        "sources": ["https://example.invalid/threat"],
        "description": "A harmless marker that a test plants.",
        "impact": "None.",
        "mitigation": "Remove the marker.",
        **parts,
    }
    return json.dumps(record, indent=1) + "\n"


def main():
    """Each test file is a program of its own."""
    sys.stdout.flush()
    unittest.main(module="__main__", verbosity=2)
