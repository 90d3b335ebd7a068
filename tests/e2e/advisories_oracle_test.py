#!/usr/bin/python3
"""What matches, held to a second opinion: a few lines that read the feeds themselves and compare versions with dpkg, and with a
comparer for apk's, say of hundreds of packages which vulnerability each has; careen says the same, in both directions."""

import functools
import itertools
import json
import random
import re
import subprocess
import unittest

from advisory_images import DEBIAN, alpine_files, debian_files, rootfs, shared, tracker
from support import FLAGGED, UNDETERMINED, Case, careen_path, main, need

SIDES = ("below", "at", "above")


def setUpModule():
    careen_path()
    need("dpkg")


# --- comparers ---

@functools.lru_cache(maxsize=None)
def dpkg_less(a, b):
    return subprocess.run(["dpkg", "--compare-versions", a, "lt", b], stderr=subprocess.DEVNULL).returncode == 0


SUFFIXES = ("alpha", "beta", "pre", "rc", "", "cvs", "svn", "git", "hg", "p")
APK = re.compile(r"(\d+(?:\.\d+)*)([a-z]?)((?:_(?:alpha|beta|pre|rc|cvs|svn|git|hg|p)\d*)*)(~[0-9a-f]+)?(?:-r(\d+))?")


def apk_compare(a, b):
    """-1, 0, 1, or None of what is no version."""
    pa, pb = APK.fullmatch(a), APK.fullmatch(b)
    if not pa or not pb:
        return None
    for n, (x, y) in enumerate(itertools.zip_longest(pa[1].split("."), pb[1].split("."))):
        if x is None or y is None:
            return -1 if x is None else 1
        key = (x, y) if n and "0" in (x[0], y[0]) else (int(x), int(y))  # "1.01" is 1.0 and a digit more
        if key[0] != key[1]:
            return -1 if key[0] < key[1] else 1

    def suffixes(text):
        return [(SUFFIXES.index(word), int(number or 0)) for word, number in re.findall(r"_([a-z]+)(\d*)", text)]

    none = (SUFFIXES.index(""), 0)
    tails = [(pa[2], pb[2]), *itertools.zip_longest(suffixes(pa[3]), suffixes(pb[3]), fillvalue=none), (int(pa[5] or 0), int(pb[5] or 0))]
    return next((-1 if x < y else 1 for x, y in tails if x != y), 0)


# --- feeds, read anew ---

def read_advisories(text):
    """Debian's list of DSAs or DLAs: (id, release, source, version or <word>) for each vulnerability."""
    rows = []
    for block in re.split(r"\n(?=\S)", text):
        head, *lines = block.splitlines()
        m = re.match(r"\[[^]]*\]\s+(\S+)(.*)", head)
        if not m:
            continue
        ids = [w for line in lines if line.strip().startswith("{") for w in line.strip(" \t{}").split()]
        if not ids and "regression" in m[2]:
            continue
        cves = [i for i in ids if i.startswith("CVE-")] or [m[1]]
        for line in lines:
            row = re.match(r"\s+\[(\w+)\]\s+-\s+(\S+)\s+(\S+)", line)
            if row:
                rows += [(cve, *row.groups()) for cve in cves]
    return rows


def says_affected(rows, version, less):
    """rows are the versions, or words, that one release's statements about one vulnerability give."""
    fixes = [r for r in rows if not r.startswith("<")]
    if any(less(version, fix) for fix in fixes):
        return True
    return not fixes and "<not-affected>" not in rows and bool(rows)


def secdb_rows(text):
    """[(package, version, what stands below it)] of one branch and repository of Alpine, YAML of before or JSON."""
    if text.startswith("{"):
        return [(p["pkg"]["name"], version, raw) for p in json.loads(text)["packages"] for version, ids in p["pkg"]["secfixes"].items() for raw in ids]
    rows, name, version = [], "", ""
    for line in text.splitlines():
        if m := re.fullmatch(r"      name: (.*)", line):
            name = m[1].strip("'\"")
        elif m := re.fullmatch(r" {8}([^\s-].*):", line):
            version = m[1].strip("'\"")
        elif m := re.fullmatch(r" {8,10}- (.*)", line):
            rows.append((name, version, m[1].strip("'\"")))
    return rows


def read_secdb(text):
    """{source: {id: [versions]}} of a branch."""
    out = {}
    for name, version, raw in secdb_rows(text):
        for ident in (w for w in raw.replace(",", " ").split() if re.fullmatch(r"[A-Z][A-Za-z0-9_]*-[\w.-]+", w)):
            out.setdefault(name, {}).setdefault(re.sub(r"^CVE_(?=\d{4}-\d+$)", "CVE-", ident), []).append(version)
    return out


def apk_affected(versions, installed):
    """Below the last of the fixes; None where that cannot be said."""
    fixes = [v for v in versions if v != "0"]
    if any(apk_compare(a, b) is None for a in fixes for b in (*fixes, installed)):
        return None
    return any(apk_compare(installed, fix) < 0 for fix in fixes)


# --- comparing ---

class Oracle(Case):
    def load(self, *feeds):
        run = self.careen.run("db", "import", *feeds)
        self.assert_code(run, 0)

    def found(self, files, name="root"):
        """{(source package, id)} of the vulnerabilities that careen tells, and the report."""
        report = self.report(rootfs(self.tmp / name, files), code=(0, FLAGGED, UNDETERMINED))  # by a backdoor alone
        pairs = [(f["where"]["package"]["source"] or f["where"]["package"]["name"], f["threat"]) for f in report["findings"] if f["kind"] == "vulnerability"]
        self.assertEqual(len(pairs), len(set(pairs)), "each vulnerability of a source package is told once")
        return set(pairs), report

    def assert_same(self, got, want, what):
        self.assertEqual(sorted(got - want)[:20], [], f"{what}: told, and not so")
        self.assertEqual(sorted(want - got)[:20], [], f"{what}: not told")


def debian_installed(source, version, n):
    """A binary package of a source: some with a version of their own, some rebuilt, some named alike."""
    if n % 4 == 0:
        return source, version
    if n % 4 == 1:
        return f"lib{source}-bin", version + "+b1", source, version
    if n % 4 == 2:
        return f"lib{source}2", "9:1.0-1", source, version
    return f"{source}-tools", version, source


def beside(version, side, n):
    """A version just below, at, or just above."""
    if side == "below":
        return version + "~"
    return version if side == "at" else version + ("+deb99u1", ".1", "a")[n % 3]


class Debian(Oracle):
    def snapshot(self):
        """{source: (source version, binary, binary version)} of bookworm with its security updates."""
        folder = shared("debian-archive-snapshot")
        out = {}
        for name in ("bookworm.tsv", "bookworm-security.tsv"):
            for line in (folder / name).read_text().splitlines():
                source, source_version, binary, version = line.split("\t")
                if source not in out or dpkg_less(out[source][0], source_version):
                    out[source] = (source_version, binary, version)
        return out

    def test_lists_of_advisories(self):
        """DSA and DLA lists: versions below, at and above every fix that a release has had, and those of the archive."""
        lists = shared("debian-tracker-2023") / "data"
        feeds = [lists / "DSA" / "list", lists / "DLA" / "list"]
        self.load(*feeds)
        rows = {}
        for cve, release, source, version in (row for feed in feeds for row in read_advisories(feed.read_text())):
            rows.setdefault(release, {}).setdefault(source, {}).setdefault(cve, []).append(version)
        archive = {line.split("\t")[0]: line.split("\t") for line in (shared("debian-archive-snapshot") / "bookworm.tsv").read_text().splitlines()}
        rng, packages = random.Random(1), 0
        for release in ("bullseye", "buster", "stretch", "jessie", "wheezy"):
            known = rows[release]
            for turn in ("archive", *SIDES):
                chosen, installed = {}, []
                for n, (source, cves) in enumerate(sorted(known.items())):
                    if n % 3 and release != "bullseye":
                        continue
                    fixes = sorted({v for versions in cves.values() for v in versions if not v.startswith("<")})
                    if turn == "archive" and source in archive:
                        _, version, binary, binary_version = archive[source]
                        installed.append((binary, binary_version, source, version))
                    elif turn == "archive" or not fixes:
                        continue
                    else:
                        version = beside(rng.choice(fixes), turn, n)
                        installed.append(debian_installed(source, version, n))
                    chosen[source] = version
                with self.subTest(release, turn=turn):
                    want = {(source, cve) for source, version in chosen.items() for cve, said in known[source].items()
                            if says_affected(said, version, dpkg_less)}
                    got, _ = self.found(debian_files(release, installed), f"{release}-{turn}")
                    self.assert_same(got, want, f"{release}, {turn}")
                    packages += len(chosen)
        self.assertGreater(packages, 1000)

    def test_one_of_the_tracker(self):
        """CVE-2024-3094 as the tracker has it: the releases that it holds not to be affected are not, whatever their version."""
        self.load(shared("debian-tracker-json-sample") / "CVE-2024-3094.json")
        for release, version, affected in (("sid", "5.6.0-0.2", True), ("sid", "5.6.1-1", True), ("trixie", "5.6.1-1", True),
                                           ("sid", "5.6.1+really5.4.5-1", False), ("bookworm", "5.4.1-0.2", False), ("bookworm", "5.6.1-1", False),
                                           ("bullseye", "5.2.5-2.1~deb11u1", False)):
            with self.subTest(release, version=version):
                got, _ = self.found(debian_files(release, [("liblzma5", version, "xz-utils")]), f"{release}-{version}")
                want = {("xz-utils", "CVE-2024-3094")} if affected else set()
                self.assert_same(got, want, f"{release} {version}")

    def plan(self):
        """Statements that the tracker might make about packages of the archive: (source, installed, {CVE: {release: row}})."""
        rng = random.Random(2)
        archive = self.snapshot()
        out, number = [], 1000
        for source in rng.sample(sorted(archive), 700):
            version = archive[source][0]
            cves = {}
            for _ in range(rng.randint(1, 3)):
                number += 1
                row = {}
                for release in ("bookworm", "forky", "sid"):
                    kind = rng.choice(("fixed", "fixed", "fixed", "open", "not", "undetermined", "no-dsa", "none"))
                    fix = beside(version, rng.choice(SIDES), number)
                    row[release] = (kind, fix)
                cves[f"CVE-2026-{number}"] = row
            out.append((archive[source], source, cves))
        return out

    def images(self, plan):
        installed = [(binary, version, source, source_version) for (source_version, binary, version), source, _ in plan]
        return {release: debian_files(release, installed) for release in ("bookworm", "sid")}

    def test_data_json(self):
        plan = self.plan()
        feed = {}
        for _, source, cves in plan:
            feed[source] = {cve: {release: {"fixed": ("resolved", fix), "open": ("open", None), "not": ("resolved", "0"),
                                            "undetermined": ("undetermined", None),
                                            "no-dsa": ("open", None, "low", {"nodsa": "Minor issue", "nodsa_reason": "postponed"})}[kind]
                                  for release, (kind, fix) in rows.items() if kind != "none"} for cve, rows in cves.items()}
            feed[source] = {cve: rows for cve, rows in feed[source].items() if rows}
        (self.tmp / "tracker.json").write_text(tracker(feed))
        self.load(self.tmp / "tracker.json")

        def affected(row, version):
            kind, fix = row
            return kind in ("open", "no-dsa") or (kind == "fixed" and dpkg_less(version, fix))

        for name, files in self.images(plan).items():
            with self.subTest(name):
                releases = ("bookworm",) if name == "bookworm" else ("forky", "sid")
                want = {(source, cve) for (version, *_), source, cves in plan for cve, rows in cves.items()
                        if any(affected(rows[r], version) for r in releases)}
                got, report = self.found(files, name)
                self.assert_same(got, want, name)
                self.assertTrue(any(c["question"] == "vulnerabilities" and c["state"] == "partly" for c in report["coverage"]), "what is undetermined is told")

    def test_list_of_vulnerabilities(self):
        """CVE/list: a line of the release goes before that of every release, but what is fixed is fixed."""
        plan = self.plan()
        words = {"open": "<unfixed>", "not": "<not-affected>", "undetermined": "<undetermined>", "no-dsa": "<no-dsa>"}

        def said(row):
            kind, fix = row
            return fix if kind == "fixed" else words.get(kind)

        text = ""
        for _, source, cves in plan:
            for cve, rows in cves.items():
                general = said(rows["sid"]) or "<removed>"
                text += f"{cve} (A flaw of {source})\n\t- {source} {'<unfixed>' if general == '<no-dsa>' else general}\n"
                text += "".join(f"\t[{r}] - {source} {said(rows[r])} (Minor issue)\n" for r in ("bookworm",) if said(rows[r]))
        (self.tmp / "list").write_text(text)
        self.load(self.tmp / "list")

        def affected(rows, version, release):
            own, general = said(rows["bookworm"]) if release == "bookworm" else None, said(rows["sid"]) or "<removed>"
            versions = [x for x in (own, general) if x and not x.startswith("<")]
            if own and not own.startswith("<"):
                return dpkg_less(version, own)
            if own in ("<not-affected>", "<undetermined>"):
                return False
            if versions and not dpkg_less(version, versions[0]):
                return False
            return bool(own) or general not in ("<not-affected>", "<undetermined>")

        for name, files in self.images(plan).items():
            with self.subTest(name):
                want = {(source, cve) for (version, *_), source, cves in plan for cve, rows in cves.items() if affected(rows, version, name)}
                got, _ = self.found(files, name)
                self.assert_same(got, want, name)


class Alpine(Oracle):
    def test_comparer(self):
        """The second opinion itself, by apk's own examples."""
        count = 0
        for path in sorted(shared("version-vectors").rglob("*")):
            if "apk" not in path.name.lower() and "alpine" not in path.name.lower() or not path.is_file():
                continue
            for line in path.read_text().splitlines():
                m = re.fullmatch(r"(\S+) ([<>=]) (\S+)", line)
                if m and apk_compare(m[1], m[3]) is not None and "~" not in line:
                    self.assertEqual(apk_compare(m[1], m[3]), {"<": -1, ">": 1, "=": 0}[m[2]], line)
                    count += 1
        self.assertGreater(count, 100)

    def around(self, fix, n):
        """Versions near a fix."""
        m = re.fullmatch(r"(.*)-r(\d+)", fix)
        base, revision = (m[1], int(m[2])) if m else (fix, 0)
        return (fix, f"{base}-r{revision + 1}", f"{base}-r{revision - 1}" if revision else f"{base}_rc1-r9", f"{base}_p1-r0", f"{base}.1-r0",
                f"{base}_alpha2-r0")[n % 6]

    def test_branches(self):
        old, edge = shared("alpine-secdb-2020"), shared("alpine-secdb-edge")
        self.load(old, edge)
        texts = {}
        for path in sorted(old.rglob("*.yaml")):
            texts.setdefault(path.parent.name, []).append(path.read_text())
        texts["edge"] = [path.read_text() for path in sorted(edge.glob("*.json"))]
        self.assertEqual(len(texts), 10)
        packages = 0
        for branch, repositories in texts.items():
            known = {}
            for text in repositories:
                for name, ids in read_secdb(text).items():
                    for ident, versions in ids.items():
                        known.setdefault(name, {}).setdefault(ident, []).extend(versions)
            for turn in range(3):
                rng = random.Random(f"{branch}{turn}")
                chosen, installed = {}, []
                for n, (name, ids) in enumerate(sorted(known.items())):
                    fixes = sorted({v for versions in ids.values() for v in versions if v != "0" and APK.fullmatch(v)})
                    chosen[name] = version = self.around(rng.choice(fixes), rng.randrange(6)) if fixes else "1.0-r0"
                    installed.append((name, version) if n % 2 else (f"{name}-libs", version, name))
                with self.subTest(branch, turn=turn):
                    answers = {(name, ident): apk_affected(versions, chosen[name]) for name, ids in known.items() for ident, versions in ids.items()}
                    release = "3.24.0_alpha20260127" if branch == "edge" else branch.removeprefix("v") + ".4"
                    got, _ = self.found(alpine_files(release, installed), f"{branch}-{turn}")
                    unsure = {pair for pair, answer in answers.items() if answer is None}
                    self.assertLess(len(unsure), len(answers) // 20)
                    self.assert_same(got - unsure, {pair for pair, answer in answers.items() if answer}, f"{branch}, {turn}")
                    packages += len(chosen)
        self.assertGreater(packages, 1500)

    def test_another_branch_says_nothing(self):
        self.load(shared("alpine-secdb-2020"))
        got, report = self.found(alpine_files("3.2.3", [("openssl", "0.9-r0")]))
        self.assertEqual(got, set())
        rows = [c for c in report["coverage"] if c["question"] == "vulnerabilities" and c["state"] == "not_looked"]
        self.assertTrue(any("3.2" in c["why"] for c in rows), report["coverage"])


# Source packages of the labels' binary packages, as Debian 7 and Alpine 3.3 built them.
SOURCES = {
    "apt": "apt", "libapt-pkg4.12": "apt", "bash": "bash", "bsdutils": "util-linux", "libblkid1": "util-linux", "libmount1": "util-linux",
    "mount": "util-linux",
    "libuuid1": "util-linux", "util-linux": "util-linux", "coreutils": "coreutils", "dpkg": "dpkg", "gcc-4.7-base": "gcc-4.7", "libgcc1": "gcc-4.7",
    "libstdc++6": "gcc-4.7", "gnupg": "gnupg", "gpgv": "gnupg", "libbz2-1.0": "bzip2", "libc-bin": "eglibc", "libc6": "eglibc", "multiarch-support": "eglibc",
    "libncurses5": "ncurses", "libtinfo5": "ncurses", "ncurses-base": "ncurses", "ncurses-bin": "ncurses", "libpam-modules": "pam", "libpam-modules-bin": "pam",
    "libpam-runtime": "pam", "libpam0g": "pam", "libreadline6": "readline6", "readline-common": "readline6", "libssl1.0.0": "openssl", "login": "shadow",
    "passwd": "shadow", "perl-base": "perl", "tar": "tar", "zlib1g": "zlib", "libcrypto1.0": "openssl", "libssl1.0": "openssl", "busybox": "busybox",
    "musl": "musl", "zlib": "zlib"}


class Labels(Oracle):
    """What people found of images when they looked at each answer of a scanner."""

    def labels(self, word):
        path, = (p for p in shared("match-labels").iterdir() if word in p.name)
        rows = [json.loads(line) for line in path.read_text().splitlines()]
        self.assertGreater(len(rows), 50)
        self.assertTrue(all(r["package"]["name"] in SOURCES for r in rows), sorted({r["package"]["name"] for r in rows} - set(SOURCES)))
        return [(r["package"]["name"], r["package"]["version"], r["effective_cve"], r["label"]) for r in rows if r["label"] in ("TP", "FP")]

    def judge(self, name, labels, known, got):
        """known: {(source, CVE)} of which the data say something."""
        testable = [row for row in labels if row[3] == "FP" or (SOURCES[row[0]], row[2]) in known]
        print(f"{name}: {len(labels)} labels, {len(labels) - len(testable)} not testable: the data have no advisory of them")
        differ = [(label, package, version, cve, known.get((SOURCES[package], cve))) for package, version, cve, label in testable
                  if ((SOURCES[package], cve) in got) != (label == "TP")]
        for row in differ:
            print(f"{name}: differs:", *row)
        self.assertEqual(differ, [])

    def test_debian(self):
        lists = shared("debian-tracker-2023") / "data"
        feeds = [lists / "DSA" / "list", lists / "DLA" / "list"]
        self.load(*feeds)
        known = {}
        for feed in feeds:
            for cve, release, source, version in read_advisories(feed.read_text()):
                if release == "wheezy":
                    known.setdefault((source, cve), []).append(version)
        labels = self.labels("docker.io+debian")
        # binary versions with an epoch of their own: util-linux' bsdutils, gcc's libgcc1
        own_epoch = {"bsdutils": "2.20.1-5.3", "libgcc1": "4.7.2-5"}
        installed = [(p, v, SOURCES[p], own_epoch.get(p, v)) for p, v in sorted({(p, v) for p, v, *_ in labels})]
        got, _ = self.found(debian_files("wheezy", installed))
        self.judge("debian 7", labels, known, got)

    def test_alpine(self):
        """The image is of v3.2, of which no database is kept; its packages, looked at as those of the nearest branch."""
        secdb = shared("alpine-secdb-2020")
        self.load(secdb)
        known = {(name, ident): versions for name, ids in read_secdb((secdb / "v3.3" / "main.yaml").read_text()).items() for ident, versions in ids.items()}
        labels = self.labels("docker.io+alpine")
        installed = [(p, v, SOURCES[p]) for p, v in sorted({(p, v) for p, v, *_ in labels})]
        got, _ = self.found(alpine_files("3.3.3", installed))
        self.judge("alpine", labels, known, got)

if __name__ == "__main__":
    main()
