# Runs careen on one hostile input in a scratch folder and says everything that is wrong with what it did.
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

from case import VERDICTS

HERE = os.path.dirname(os.path.abspath(__file__))
HANG = 120  # seconds; a guard against hanging, no measure of speed
OPEN = {"partly", "not_looked"}
DECISIVE = {"content", "packages", "threats"}
SANITIZER = re.compile(r"(Address|Leak|Thread|Memory|UndefinedBehavior)Sanitizer|runtime error:|terminate called|Assertion|CAREEN_CHECK")
CRASH = re.compile(r"\bworker\b", re.I)  # no input may end or confuse a worker
CONTROL = re.compile(rb"[\x00-\x08\x0b-\x1f\x7f]|\xc2[\x80-\x9f]|\xe2\x80[\xaa-\xae]|\xe2\x81[\xa6-\xa9]")
CACHE_LIMIT = 64 << 20


def careen():
    """The binary under test, or None."""
    path = os.environ.get("CAREEN")
    return path if path and os.access(path, os.X_OK) else None


def sanitized(path):
    """Whether memory cannot be bounded because the build carries a sanitizer."""
    with open(path, "rb") as f:
        return b"__asan_init" in f.read() or bool(os.environ.get("CAREEN_TEST_NO_MEMORY_BOUND"))


class Outcome:
    """What one run of careen did."""

    def __init__(self, measured, out, err):
        self.__dict__.update(measured)  # exit, hung, left_over, largest_kib, together_kib, seconds
        self.out, self.err = out, err

    @property
    def document(self):
        return json.loads(self.out)

    def tail(self):
        return self.err[-600:].decode("utf-8", "backslashreplace")


class Place:
    """A scratch folder with a home, a temporary folder and an empty working folder three levels deep."""

    def __init__(self):
        self.root = tempfile.mkdtemp(prefix="hostile-", dir=os.environ.get("CAREEN_TEST_TMP"))
        self.input, self.cwd = f"{self.root}/in", f"{self.root}/a/b/c"
        self.cache, self.state = f"{self.root}/home/.cache", f"{self.root}/home/.state"
        for path in (self.input, self.cwd, self.cache, self.state, f"{self.root}/tmp", f"{self.root}/out"):
            os.makedirs(path)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        subprocess.run(["chmod", "-R", "u+rwX", self.root], stderr=subprocess.DEVNULL, check=False)
        subprocess.run(["rm", "-rf", "--", self.root], check=False)
        if os.path.exists(self.root):
            shutil.rmtree(self.root, ignore_errors=True)

    def listing(self):
        """Everything below the scratch folder but cache, state and measurements; find copes with any name and depth."""
        skip = [f"{self.root}/out", self.cache, self.state]
        prune = ["("] + " -o ".join(f"-path {p}" for p in skip).split() + [")", "-prune", "-o"]
        find = ["find", self.root, *prune, "-printf", "%P %y %s %m %T@ %l\\0"]
        return set(subprocess.run(find, stdout=subprocess.PIPE, check=True).stdout.split(b"\0"))

    def cache_size(self):
        find = ["find", self.cache, self.state, "-type", "f", "-printf", "%s\n"]
        return sum(map(int, subprocess.run(find, stdout=subprocess.PIPE, check=True).stdout.split()))

    def environment(self, **more):
        env = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8", "HOME": f"{self.root}/home", "TMPDIR": f"{self.root}/tmp",
               "XDG_CACHE_HOME": self.cache, "XDG_STATE_HOME": self.state, **more}
        env.update({k: v for k, v in os.environ.items() if k.endswith("SAN_OPTIONS")})
        return env

    def run(self, *args, hang=HANG, **env):
        """careen with these arguments."""
        result, out, err = (f"{self.root}/out/{x}" for x in ("result", "stdout", "stderr"))
        with open(out, "wb") as out_file, open(err, "wb") as err_file:
            subprocess.run([sys.executable, "-I", "-S", f"{HERE}/meter.py", result, str(hang), careen(), *args], cwd=self.cwd,
                           env=self.environment(**env), stdin=subprocess.DEVNULL, stdout=out_file, stderr=err_file, check=True)
        with open(result) as f, open(out, "rb") as out_file, open(err, "rb") as err_file:
            return Outcome(json.load(f), out_file.read(), err_file.read())


def check_run(got, exits, memory, bounded):
    """What is wrong with any run, whatever it was about."""
    if got.hung:
        return [f"hung: killed after {got.seconds:.0f} s"]
    wrong = []
    if got.exit not in exits:
        wrong.append(f"exit code {got.exit}, expected {' or '.join(map(str, exits))}")
    if got.left_over:
        wrong.append("a process outlived careen")
    if bounded and got.largest_kib > memory * 1024:
        wrong.append(f"a process held {got.largest_kib >> 10} MiB, the limit is {memory}")
    for name, text in (("stdout", got.out), ("stderr", got.err)):
        found = SANITIZER.search(text.decode("utf-8", "replace"))
        if found:
            wrong.append(f"{name} speaks of a bug: {found.group(0)}")
    if got.exit in (2, 4) and not got.err.strip():
        wrong.append("it says nothing of what went wrong")
    return wrong


def check_document(case, got):
    """What is wrong with the JSON report."""
    if got.exit not in VERDICTS:
        return []
    if CONTROL.search(got.out.replace(b"\n", b"")):
        return ["raw control characters in the JSON document"]
    try:
        document = got.document
    except ValueError as error:
        return [f"standard output is no JSON document: {error}"]
    wrong = []
    verdict, findings, coverage = document["verdict"], document["findings"], document["coverage"]
    if verdict != VERDICTS[got.exit]:
        wrong.append(f"verdict {verdict} with exit code {got.exit}")
    if case.finding and got.exit == 1:
        kind, by = case.finding
        hits = [f for f in findings if f["kind"] == kind and (not by or any(e["by"] == by for e in f["evidence"]))]
        if not hits:
            wrong.append(f"no finding of kind {kind}" + (f" by {by}" if by else "") + f"; there are {brief(findings, 'kind', 'title')}")
    open_rows = [c for c in coverage if c["state"] in OPEN and c["question"] in DECISIVE]
    if got.exit == 0 and open_rows:
        wrong.append(f"clean, though not all was looked at: {brief(open_rows, 'question', 'what', 'why')}")
    if got.exit == 3 and not open_rows:
        wrong.append("undetermined, and no coverage row says why")
    if got.exit == 3 and case.coverage and not any(c["question"] in case.coverage.split(" or ") for c in open_rows):
        wrong.append(f"no open coverage row for {case.coverage}: {brief(open_rows, 'question', 'what', 'why')}")
    for row in coverage:
        if CRASH.search(f"{row['what']} {row['why']}"):
            wrong.append(f"a worker crashed: {brief([row], 'question', 'what', 'why')}")
    return wrong


def brief(rows, *keys):
    return [" | ".join(str(r[k])[:160] for k in keys) for r in rows[:4]]


def check_files(case, place, image, args):
    """What is wrong with `careen files`: what was examined, what is hidden."""
    if not (case.listed or case.unlisted or case.hidden):
        return []
    got = place.run("files", image, "--format", "json", *args)
    try:
        document = got.document
    except ValueError:
        return [f"`careen files` gives no document (exit code {got.exit}): {got.tail()}"]
    shown = {row["path"] for row in document["files"]}
    hidden = {row["path"] for row in document["hidden"]}
    wrong = [f"{p[:80]!r} is not listed" for p in case.listed if p not in shown]
    wrong += [f"{p[:80]!r} is listed" for p in case.unlisted if p in shown]
    wrong += [f"{p[:80]!r} is not listed as hidden" for p in case.hidden if p not in hidden]
    return wrong


def check_terminal(case, place, image, args):
    """What is wrong with the table: raw control characters, forged lines."""
    if not case.terminal:
        return []
    wrong = []
    for mode in (["scan", image, *args], ["scan", image, "--verbose", *args], ["files", image], ["packages", image]):
        got = place.run(*mode)
        for name, text in (("stdout", got.out), ("stderr", got.err)):
            found = CONTROL.search(text.replace(b"\n", b""))
            if found:
                at = max(0, found.start() - 30)
                wrong.append(f"careen {mode[0]}: raw control characters on {name}: {text.replace(chr(10).encode(), b'')[at:at + 60]!r}")
            if re.search(rb"^clean: nothing", text, re.M):
                wrong.append(f"careen {mode[0]}: the image forged a line on {name}")
    return wrong


def run_case(case):
    """Builds the input, runs careen, returns (what is wrong, the outcome)."""
    with Place() as place:
        made = case.build(place.input)
        image, more = (made[0], list(made[1:])) if isinstance(made, list) else (made, [])
        args = [*more, *case.args]
        before = place.listing()
        got = place.run("scan", image, "--format", "json", *args)
        wrong = check_run(got, case.exits, case.memory, not sanitized(careen()))
        if not got.hung:
            wrong += check_document(case, got)
            text = (got.out + got.err).decode("utf-8", "replace")
            wrong += [f"nothing says {s!r}" for s in case.says if s not in text]
            wrong += check_files(case, place, image, args)
            wrong += check_terminal(case, place, image, args)
        changed = before ^ place.listing()
        if changed:
            wrong.append(f"written outside of the cache: {sorted(changed)[:6]}")
        if place.cache_size() > max(CACHE_LIMIT, case.memory << 20):
            wrong.append(f"{place.cache_size() >> 20} MiB are left in the cache")
        if wrong:
            wrong.append("standard error: " + got.tail())
        return wrong, got
